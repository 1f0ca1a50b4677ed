--- Gradients where derivatives are infinite or undefined (the table is spec/autograd/singular_rows.lua): no gradient that comes gives none that
-- goes, what where() hides stays hidden, and a gradient of 1 gives the derivative or the chosen subgradient.

local tocha = require 'tocha'
local S = require 'spec.support'
local rows = require 'spec.autograd.singular_rows'

local inf, nan = math.huge, 0 / 0

local function matrix(list) return tocha.tensor(list, {dtype = 'float64'}):requires_grad_() end

-- the inputs: rows of singular values above rows of regular ones
local function inputs(case)
  local list = {}
  for i, values in ipairs(case.at) do list[i] = matrix {values, case.regular[i]} end
  return list
end

local function values(g) return g and S.plain(g) or {shape = {}} end

local function assert_zero(name, gradients, from)
  for i, g in pairs(gradients) do
    local plain = values(g)
    for k = 1, from and #plain or #plain / 2 do
      if plain[k] ~= 0 then error(('%s: element %d of the gradient of input %d is %s'):format(name, k, i, tostring(plain[k])), 0) end
    end
  end
end

local function zero_gradients(f, case, create)
  local x = inputs(case)
  local y = f(unpack(x))
  return {tocha.autograd.grad({y}, x, {grad_outputs = {tocha.zeros_like(y)}, allow_unused = true, create_graph = create})}
end

local function check_zero(name, f, case)
  assert_zero(name .. ', no gradient', zero_gradients(f, case, false), 'all')
  assert_zero(name .. ', no gradient, graph kept', zero_gradients(f, case, true), 'all')
end

-- where() hides the results of the first row: its gradient is 0, that of the second finite, in both orders
local function check_hidden(name, f, case)
  local x = inputs(case)
  local y = f(unpack(x))
  local mask = tocha.zeros_like(y):bool()
  mask[2] = true
  local total = tocha.where(mask, y, 0):sum()
  local gradients = {tocha.autograd.grad({total}, x, {allow_unused = true, create_graph = true})}
  assert_zero(name .. ', hidden', gradients)
  local squares = 0
  for _, g in pairs(gradients) do squares = squares + g:square():sum() end
  assert.is_true(squares:detach():isfinite():item(), name .. ': gradient of the regular row')
  if not squares.requires_grad then return end
  local twice = {tocha.autograd.grad({squares}, x, {allow_unused = true})}
  assert_zero(name .. ', hidden, second order', twice)
end

local function same(a, b) return a == b or (a ~= a and b ~= b) or math.abs(a - b) <= 1e-9 * math.max(1, math.abs(b)) end

local function check_slopes(name, f, case)
  local x = inputs(case)
  f(unpack(x)):sum():backward()
  for i, want in ipairs(case.slopes) do
    local got = values(x[i].grad)
    for k, slope in ipairs(want) do
      local value = got[k] or 0
      if slope ~= 'any' and not same(value, slope) then
        error(('%s: derivative %d by input %d is %s instead of %s'):format(name, k, i, tostring(value), tostring(slope)), 0)
      end
    end
  end
end

local function check(name, f, case)
  check_zero(name, f, case)
  if not case.alone then check_hidden(name, f, case) end
  check_slopes(name, f, case)
end

local function function_of(row)
  local name = row[1]
  return row.call or tocha[name] or tocha.special[name] or tocha.nn.functional[name]
end

describe('gradients at singular points:', function()
  for _, row in ipairs(rows.unary) do
    it(row[1], function()
      local f = function_of(row)
      for i = 3, #row do check(('%s(%s)'):format(row[1], row[i][1]), f, {at = {{row[i][1]}}, regular = {{row[2]}}, slopes = {{row[i][2]}}}) end
      for _, far in ipairs {nan, inf, -inf} do check_zero(('%s(%s)'):format(row[1], far), f, {at = {{far}}, regular = {{row[2]}}}) end
    end)
  end

  for _, row in ipairs(rows.binary) do
    it(row[1], function()
      for i = 2, #row do
        local x, y, by_x, by_y = unpack(row[i])
        check(('%s(%s, %s)'):format(row[1], x, y), function_of(row), {at = {{x}, {y}}, regular = {{0.5}, {0.25}}, slopes = {{by_x}, {by_y}}})
      end
    end)
  end

  for _, row in ipairs(rows.rows) do
    it(row[1], function()
      for i = 3, #row do
        local at, slopes = unpack(row[i])
        check(('%s(%s)'):format(row[1], table.concat(at, ', ')), row[2], {at = {at}, regular = {{0.5, 1.5, 2.5}}, slopes = {slopes}, alone = row.alone})
      end
    end)
  end

  for _, row in ipairs(rows.matrices) do
    it(row[1], function()
      local function f(x) return row[2](x:reshape(2, 2, 2)) end
      for i = 3, #row do
        local at, slopes = unpack(row[i])
        check(('%s(%s)'):format(row[1], table.concat(at, ', ')), f, {at = {at}, regular = {{2, 0.3, 0.1, 1.5}}, slopes = {slopes}})
      end
    end)
  end
end)

describe('at singular matrices', function()
  local gradcheck, gradgradcheck = tocha.autograd.gradcheck, tocha.autograd.gradgradcheck
  for _, dtype in ipairs {'float64', 'complex128'} do
    it('det has both derivatives, ' .. dtype, function()
      for _, m in ipairs {{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}}, {{1, 0, 0}, {0, 0, 0}, {0, 0, 0}}, {{0}}} do
        local a = tocha.tensor(m, {dtype = dtype}):requires_grad_()
        assert.is_true(gradcheck(tocha.linalg.det, a))
        assert.is_true(gradgradcheck(tocha.linalg.det, a))
      end
    end)

    it('pinv has both derivatives where singular values are equal, ' .. dtype, function()
      for _, m in ipairs {{{1, 0}, {0, 1}}, {{1, 0, 0}, {0, 1, 0}}, {{1, 0}, {0, 1}, {0, 0}}} do
        local a = tocha.tensor(m, {dtype = dtype}):requires_grad_()
        assert.is_true(gradcheck(tocha.linalg.pinv, a))
        assert.is_true(gradgradcheck(tocha.linalg.pinv, a))
      end
    end)
  end
end)
