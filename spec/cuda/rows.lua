--- Runs the rows of spec/cases on a device and compares with the CPU: values, layouts, in-place forms, gradients of both orders.
-- @module spec.cuda.rows

local tocha = require 'tocha'
local H = require 'spec.harness'
local S = require 'spec.support'
local parts = H.parts

local R = {}

-- how near a result of a row's function on inputs of `dtype` has to be: floats made of whole numbers as floats are
local function tolerances(row, dtype, result)
  local floats = tocha.is_tensor(result) and result:is_floating_point() and not tocha.zeros(0, {dtype = dtype}):is_floating_point()
  local rtol, atol = parts.tolerances(row, floats and S.dtype(result) or dtype)
  return math.max(rtol, 1e-12), math.max(atol, 1e-12)
end

-- the difference between two results of a row, or nil; both lists of tensors and numbers
local function different(row, dtype, got, want, device)
  if got.n ~= want.n then return ('%d results instead of %d'):format(got.n, want.n) end
  for i = 1, want.n do
    if tocha.is_tensor(want[i]) then
      if tostring(got[i].device):sub(1, 4) ~= device:sub(1, 4) then return ('result %d lies on %s'):format(i, tostring(got[i].device)) end
      if S.dtype(got[i]) ~= S.dtype(want[i]) then return ('result %d is %s instead of %s'):format(i, S.dtype(got[i]), S.dtype(want[i])) end
    end
    local d = S.difference(S.plain(got[i]), S.plain(want[i]), tolerances(row, dtype, want[i]))
    if d then return ('result %d: %s'):format(i, d) end
  end
end

local function pair_of_inputs(case, device, layout)
  local here, made_here = parts.fill(case, parts.tensor_of)
  local there, made_there = parts.fill(case, function(input)
    local x = parts.tensor_of(input):to(device)
    return layout and layout(x) or x
  end)
  return here, there, made_here, made_there
end

local function takes_tensors(case) return #case.inputs > 0 end

local function check_value(row, number, dtype, device, layout)
  local f = parts.caller(row)
  local case = parts.prepare(row, row.args[number], dtype)
  if not takes_tensors(case) then return end
  local here, there = pair_of_inputs(case, device, layout)
  local want, got = parts.invoke(f, here), parts.invoke(f, there)
  local d = different(row, dtype, got, want, device)
  if d then error(('%s, variant %d, %s: %s'):format(row.name, number, dtype, d), 0) end
end

--- Every variant in every dtype.
function R.values(row, device)
  for _, dtype in ipairs(H.dtypes(row)) do
    for number = 1, #row.args do
      S.seed(number)
      check_value(row, number, dtype, device)
    end
  end
end

--- Every variant in other arrangements of memory.
function R.layouts(row, device)
  if row.layouts == false then return end
  for name, layout in pairs(S.layouts) do
    for number = 1, #row.args do
      S.seed(number + #name)
      check_value(row, number, H.dtypes(row)[1], device, layout)
    end
  end
end

--- f_ writes into the tensor it is given.
function R.inplace(row, device)
  local method = parts.method_of(row.name .. '_')
  if not method or row.inplace == false then return end
  for number = 1, #row.args do
    local case = parts.prepare(row, row.args[number], H.dtypes(row)[1])
    local here, there = pair_of_inputs(case, device)
    if tocha.is_tensor(here[1]) and pcall(method, unpack(here, 1, here.n)) then
      local y = method(unpack(there, 1, there.n))
      local d = S.difference(S.plain(y), S.plain(here[1]), 1e-10, 1e-12)
      if d then error(('%s_, variant %d: %s'):format(row.name, number, d), 0) end
    end
  end
end

local function leaf(x, input) return input.grad and x:requires_grad_() or x end

-- the gradients on one device, of the first order or the sum of the second
local function derivatives(row, case, device, weights, outer, second)
  local wanted = parts.differentiated(case)
  local list, made = parts.fill(case, function(input) return leaf(parts.tensor_of(input):to(device), input) end)
  local at = {}
  for i, w in pairs(weights) do at[i] = w:to(device) end
  local total = parts.weighted(parts.invoke(parts.caller(row), list), at)
  for i, w in pairs(at) do weights[i] = weights[i] or w:to('cpu') end
  if not total then return {n = 0} end
  local first = parts.gradients(total, made, wanted, second)
  if not second then return {n = #wanted, unpack(first, 1, #wanted)} end
  local sum
  for i = 1, #wanted do
    local g = first[i]
    if g then
      outer[i] = outer[i] or S.tensor(S.plain(tocha.rand(S.shape(g)):add(0.5)))
      local term = (g * outer[i]:to(device)):sum()
      sum = sum and sum + term or term
    end
  end
  if not sum or not sum.requires_grad then return {n = 0} end
  return {n = #wanted, unpack(parts.gradients(sum, made, wanted), 1, #wanted)}
end

local function check_gradient(row, number, device, second)
  local case, weights, outer = parts.prepare(row, row.args[number], 'float64'), {}, {}
  if #parts.differentiated(case) == 0 then return end
  local want = derivatives(row, case, 'cpu', weights, outer, second)
  local got = derivatives(row, case, device, weights, outer, second)
  for i = 1, want.n do
    if (got[i] == nil) ~= (want[i] == nil) then error(('%s, variant %d: one gradient is nil'):format(row.name, number), 0) end
    local d = want[i] and S.difference(S.plain(got[i]), S.plain(want[i]), 1e-8, 1e-9)
    if d then error(('%s, variant %d, gradient of input %d: %s'):format(row.name, number, i, d), 0) end
  end
end

--- Gradients in float64.
function R.gradients(row, device)
  if not row.grad then return end
  for number = 1, #row.args do check_gradient(row, number, device, false) end
end

--- Gradients of gradients in float64.
function R.second_order(row, device)
  if not row.grad or row.grad == 'once' then return end
  for number = 1, #row.args do check_gradient(row, number, device, true) end
end

return R
