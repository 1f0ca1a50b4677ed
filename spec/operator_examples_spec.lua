--- Every operator that tocha.h documents has an example, and it holds.

local binding = require 'tocha.binding'
local examples = require 'tocha.repl.examples'
local run = require('spec.class_examples').run

-- these cannot have one
local without = {
  pin_memory = 'needs a GPU',
  recurrent_layer = 'what nn.LSTM and its like are made of: examples are theirs',
}

-- the name as a user writes it: fft_rfft is tocha.fft.rfft, max_dim is x:max(dim)
local spellings = {['repeat'] = 'rep'}
local function spelled(name)
  local short = name:gsub('^special_', ''):gsub('^fft_', ''):gsub('^linalg_', ''):gsub('_all$', '')
  if not name:find('^take_') then short = short:gsub('_dim$', '') end
  return spellings[name] or short
end

local function problem_of(name)
  local example = examples[name]
  if not example then return not without[name] and 'has no example' or nil end
  if not example:find('%f[%w_]' .. spelled(name) .. '[({ ]') then return 'has an example without it' end
  local ok, n, wrong = pcall(run, {example})
  if not ok then return tostring(n) end
  if n ~= 1 then return 'has an example that shows nothing' end
  return wrong[1] and ('is said to be otherwise: %s is %s'):format(example, wrong[1][2]) or nil
end

describe('the example of each operator', function()
  local seen = {}
  it('is there and holds', function()
    local problems = {}
    for _, fn in ipairs(binding.functions()) do
      if fn.name and not fn.tags.only and fn.name:sub(1, 1) ~= '_' then
        seen[fn.name] = true
        local problem = problem_of(fn.name)
        if problem then problems[#problems + 1] = fn.name .. ' ' .. problem end
      end
    end
    assert(#problems == 0, table.concat(problems, '\n'))
  end)

  it('is of an operator that exists', function()
    for name in pairs(examples) do assert(seen[name], name .. ' is no operator of tocha.h') end
    for name in pairs(without) do assert(seen[name], name .. ' is no operator of tocha.h') end
  end)
end)
