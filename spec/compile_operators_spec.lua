--- Every operator, compiled: replays give what eager calls give, forward and backward, or the recording is refused by an error that says so.

local H = require 'spec.harness'
local S = require 'spec.support'

-- what depends on values in its shape or its way, and therefore cannot be replayed
local refusing = {}
for name in ([[argwhere bincount ctc_loss cumprod embedding_bag gaussian_nll_loss histc masked_scatter masked_select one_hot prod
  quantile repeat_interleave unique unique_consecutive]]):gmatch('%S+') do refusing[name] = true end

local filter = os.getenv('TOCHA_CASES')

local files = {}
for name in require('lfs').dir('spec/cases') do
  if name:match('%.lua$') then files[#files + 1] = name:sub(1, -5) end
end
table.sort(files)

for _, file in ipairs(files) do
  describe('compiled operators of ' .. file .. ':', function()
    for _, row in ipairs(require('spec.cases.' .. file)) do
      if not filter or row.name:find(filter) then
        it(row.name .. (row.label and ' (' .. row.label .. ')' or ''), function()
          S.seed(#row.name)
          H.complete(row)
          local refused = H.check_compiled(row)
          if refused > 0 and not refusing[row.name] then error(row.name .. ' was refused, but does not depend on values', 0) end
        end)
      end
    end
  end)
end
