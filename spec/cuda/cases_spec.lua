--- Every row of spec/cases on the CUDA device, against the CPU. TOCHA_CASES: patterns of names to try alone, with | between.

local H = require 'spec.harness'
local S = require 'spec.support'
local D = require 'spec.cuda.device'
local R = require 'spec.cuda.rows'

local filter = os.getenv('TOCHA_CASES')

local function case_files()
  local files = {}
  for name in require('lfs').dir('spec/cases') do
    if name:match('%.lua$') then files[#files + 1] = name:sub(1, -5) end
  end
  table.sort(files)
  return files
end

local checks = {
  {'gives what the CPU gives, in every dtype', R.values}, {'does not mind how its inputs lie in memory', R.layouts},
  {'does the same in place', R.inplace}, {'has the same gradients', R.gradients}, {'has the same second derivatives', R.second_order},
}

local function try(row, check)
  S.seed(#row.name + #(row.label or ''))
  local good, message = pcall(check, row, D.device)
  if not good and not D.is_missing(row.name, message) then error(message, 0) end
end

local function wanted(name)
  for pattern in (filter or '.'):gmatch('[^|]+') do
    if name:match(pattern) then return true end
  end
end

local function describe_row(row)
  if not wanted(row.name) then return end
  local title = row.label and row.name .. ' (' .. row.label .. ')' or row.name
  for _, check in ipairs(checks) do
    it(title .. ' on CUDA ' .. check[1], function() try(row, check[2]) end)
  end
end

for _, file in ipairs(D.there() and case_files() or {}) do
  describe('cases of ' .. file .. ' on CUDA', function()
    for _, row in ipairs(require('spec.cases.' .. file)) do describe_row(H.complete(row)) end
  end)
end

-- the slots of kernels.h that no file of kernels/cuda fills: they would answer that there is no kernel
local function empty_slots()
  local sources = {}
  for name in require('lfs').dir('kernels/cuda') do
    if name:match('%.cu$') and name ~= 'table.cu' then sources[#sources + 1] = assert(io.open('kernels/cuda/' .. name)):read('*a') end
  end
  local all, list = table.concat(sources), {}
  local slots = assert(io.open('kernels/kernels.h')):read('*a'):match('#define TC_KERNEL_SLOTS%(X%)(.-)/%* end %*/')
  for name in slots:gmatch('X%(([%w_]+), %(') do
    if not all:find('extern "C" int TC_KERNEL(' .. name .. ')', 1, true) then list[#list + 1] = name end
  end
  return table.concat(list, ' ')
end

describe('the operators of CUDA', function()
  it('have a kernel or a library call in every slot', function() assert.equal('', empty_slots()) end)
  it('did not miss one in any case', function()
    if not D.there() then return pending(D.needs) end
    assert.equal('', table.concat(D.missing(), ' '))
  end)
end)
