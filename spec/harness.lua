--- Drives the operator cases: for each row of spec/cases/*.lua value, gradients, layouts, dtypes, in-place form, wrong arguments.
--
-- A row says what to call and what must come out:
--
--     {name = 'gather',                                  -- as in tocha.h
--      args = {{T{2, 3}, 1, T{2, 2, int = {1, 2}}},      -- several lists of arguments, each is one variant
--              {T{0, 3}, 1, T{0, 3, int = {1, 2}}}},
--      reference = function(x, dim, index) ... end,      -- of plain arrays (spec/plain.lua); gives arrays or numbers, several for several results
--      grad = true,                                      -- true; 'once': not differentiable twice; nil: no gradient
--      dtypes = 'all',                                   -- 'float', 'number' (and integers), 'all' (and bool), 'integer', 'bits' (integer
--                                                        --  and bool) or a list
--      result = 'same'}                                  -- 'same', 'float' (integers give float32), 'bool', 'int64', or a function of a dtype
--
-- More fields: `point` instead of `reference`: a function of numbers, applied to each element with broadcasting, which also makes `args`;
-- `n` how many operands (1); `range` of its inputs, or a list of ranges; `extra` further arguments after the operands; `call` a function
-- instead of the name; `tol` {rtol, atol} for float64, `single` for float32, `half` a factor on the half types' tolerance, `gtol` for gradients;
-- `wrong` argument lists that must raise an error, each with `says`, the parts of its message; `inplace = false` to leave the in-place
-- form out; `label` to tell rows of one name apart; `layouts = false` where the arrangement of memory is the point.
--
-- T{2, 3} is a random tensor of that shape. Its options: `range` {lo, hi}, `int` {lo, hi} (whole numbers; the dtype is then int64 unless
-- given), `away` a list of values to keep a distance from (kinks), `distinct` (no two elements close), `values` a flat list, `dtype` (fixed),
-- `grad = false`. NIL stands for nil in an argument list. A list of tensors is a plain table of T's.
-- @module spec.harness

local tocha = require 'tocha'
local P = require 'spec.plain'
local S = require 'spec.support'
local I = require 'spec.harness_inputs'

local H = {}

local NIL, is_input, is_float, prepare, fill = I.NIL, I.is_input, I.is_float, I.prepare, I.fill
H.NIL, H.T = NIL, I.T

local classes = {
  float = {'float64', 'float32', 'float16', 'bfloat16'},
  integer = {'int64', 'int32', 'int16', 'int8', 'uint8'},
}
local function joined(...)
  local out = {}
  for _, list in ipairs {...} do for _, v in ipairs(list) do out[#out + 1] = v end end
  return out
end
classes.number = joined(classes.float, classes.integer)
classes.all = joined(classes.number, {'bool'})
classes.bits = joined(classes.integer, {'bool'})

local tolerance = {float64 = {1e-10, 1e-12}, float32 = {1e-5, 1e-6}, float16 = {2e-3, 2e-3}, bfloat16 = {1.6e-2, 1e-2}}

local function tensor_of(input) return S.tensor(input.array, input.dtype) end

---------------------------------------------------------------- what to call
-- A method through a tensor.
local function method_of(name)
  local probe = tocha.zeros(1)
  local good, method = pcall(function() return probe[name] end)
  return good and method or nil
end

--- All the ways to call an operator: a list of {how it is written, function}.
function H.forms(name)
  local list = {}
  local function add(text, f) if f then list[#list + 1] = {text, f} end end
  local function member(t, key)
    local good, v = pcall(function() return t[key] end)
    return good and v or nil
  end
  add('tocha.' .. name, member(tocha, name))
  local good, F = pcall(function() return tocha.nn.functional end)
  if good and F then add('F.' .. name, member(F, name)) end
  add('special.' .. name, tocha.special and member(tocha.special, name))
  add('x:' .. name, method_of(name))
  return list
end

local function caller(row)
  if row.call then return row.call end
  local forms = H.forms(row.name)
  if not forms[1] then error(row.name .. ' is neither a function nor a method') end
  return forms[1][2]
end

local function results(...)
  local out = {n = select('#', ...), ...}
  while out.n > 1 and out[out.n] == nil do out.n = out.n - 1 end
  if out.n == 1 and type(out[1]) == 'table' and not P.is(out[1]) then
    out = out[1]
    out.n = #out
  end
  return out
end

local function invoke(f, list) return results(f(unpack(list, 1, list.n))) end

---------------------------------------------------------------- rows: point -> reference and args
local function operands(row, make)
  local list = {}
  for i = 1, row.n or 1 do list[i] = make(i) end
  for _, v in ipairs(row.extra or {}) do list[#list + 1] = v end
  return list
end

local shapes_of_many = {{{2, 3}, {2, 3}, {2, 3}}, {{2, 3}, {3}, {2, 1}}, {{}, {2, 2}, {}}, {{2, 1}, {1, 3}, {3}}, {{0, 3}, {3}, {1}}, {{}, {}, {}}}

local function point_args(row)
  local T = H.T
  local function input(shape)
    local options = {away = row.away, distinct = row.distinct, int = row.int, dtype = row.int and row.dtype}
    for k, n in ipairs(shape) do options[k] = n end
    return T(options)
  end
  local variants = {}
  if (row.n or 1) == 1 then
    for _, shape in ipairs {{2, 3}, {}, {0, 3}, {37}} do variants[#variants + 1] = operands(row, function() return input(shape) end) end
  else
    for _, shapes in ipairs(shapes_of_many) do variants[#variants + 1] = operands(row, function(i) return input(shapes[i]) end) end
  end
  return variants
end

--- Completes a row that has `point`.
function H.complete(row)
  if row.point and not row.args then row.args = point_args(row) end
  if row.point and not row.reference then
    row.reference = function(...)
      local n, list = row.n or 1, {...}
      local rest = {unpack(list, n + 1, select('#', ...))}
      return P.map(function(...)
        local values = {...}
        for i, v in ipairs(rest) do values[n + i] = v end
        return row.point(unpack(values))
      end, unpack(list, 1, n))
    end
  end
  return row
end

---------------------------------------------------------------- checks
local function fail(row, number, what, ...)
  local texts = {}
  for i, a in ipairs(row.args[number] or {}) do
    texts[i] = is_input(a) and 'T[' .. table.concat(a.shape, ' x ') .. ']' or type(a) == 'table' and '{...}' or tostring(a)
  end
  error(string.format('%s(%s): %s', row.name, table.concat(texts, ', '), string.format(what, ...)), 0)
end

local function tolerances(row, dtype)
  local t = tolerance[dtype] or {0, 0}
  if dtype == 'float64' and row.tol then return row.tol[1], row.tol[2] end
  if dtype == 'float32' and row.single then return row.single[1], row.single[2] end
  local factor = (dtype == 'float16' or dtype == 'bfloat16') and row.half or 1
  return t[1] * factor, t[2] * factor
end

local result_dtype = {
  same = function(d) return d end,
  float = function(d) return is_float[d] and d or 'float32' end,
  bool = function() return 'bool' end,
  int64 = function() return 'int64' end,
}

local function compare(row, number, got, want, dtype, what)
  if got.n ~= want.n then fail(row, number, '%s: %d results instead of %d', what, got.n, want.n) end
  local rtol, atol = tolerances(row, dtype)
  for i = 1, want.n do
    local rt, at = rtol, atol
    if tocha.is_tensor(got[i]) and not is_float[dtype] and is_float[S.dtype(got[i])] then rt, at = tolerances(row, S.dtype(got[i])) end
    local difference = S.difference(S.plain(got[i]), P.wrap(want[i]), rt, at)
    if difference then fail(row, number, '%s: result %d: %s', what, i, difference) end
  end
end

-- the reference on the values that the tensors hold, which the dtype may have rounded
local function expected(row, case)
  local list = fill(case, function(input, k)
    return P.copy(case.stored and case.stored[k] or input.array)
  end)
  return results(row.reference(unpack(list, 1, list.n)))
end

local function store(case, made)
  case.stored = {}
  for k, x in pairs(made) do case.stored[k] = S.plain(x) end
end

local function check_value(row, number, dtype, layout)
  local f, case = caller(row), prepare(row, row.args[number], dtype)
  local list, made = fill(case, function(input)
    local x = tensor_of(input)
    return layout and layout(x) or x
  end)
  store(case, made)
  local got, want = invoke(f, list), expected(row, case)
  compare(row, number, got, want, dtype, dtype)
  local rule = row.result and (result_dtype[row.result] or row.result) or (is_float[dtype] and result_dtype.same)
  if rule and tocha.is_tensor(got[1]) and made[1] and case.inputs[1].dtype == dtype then
    local want_dtype = rule(dtype)
    if want_dtype and S.dtype(got[1]) ~= want_dtype then fail(row, number, '%s gives %s instead of %s', dtype, S.dtype(got[1]), want_dtype) end
  end
  for k, x in pairs(made) do
    local difference = S.difference(S.plain(x), case.stored[k], 0, 0)
    if difference then fail(row, number, 'the input %d was changed: %s', k, difference) end
  end
end

--- Values in float64, by every name that the operator has.
function H.check_values(row)
  for number = 1, #row.args do check_value(row, number, 'float64') end
end

-- a row's own dtypes: those of `dtypes`, or float64 alone
function H.dtypes(row)
  local list = row.dtypes or 'float'
  return type(list) == 'table' and list or classes[list]
end

-- the first tensors of a list of results, and the gradients of their sum by the inputs
local function with_gradients(f, list, made)
  local got = invoke(f, list)
  local y = got[1]
  if not tocha.is_tensor(y) or not y.requires_grad then return got end
  y:sum():backward()
  local out = {n = got.n}
  for i = 1, got.n do out[i] = tocha.is_tensor(got[i]) and got[i]:detach() or got[i] end
  for k = 1, #made do
    if made[k].grad ~= nil then
      out.n = out.n + 1
      out[out.n] = made[k].grad
    end
  end
  return out
end

-- The row's function of a list of input tensors, which also differentiates if `grad`.
local function of_tensors(f, case, grad)
  return function(tensors)
    local list, made = fill(case, function(input, k)
      return grad and input.grad and tensors[k]:detach():requires_grad_() or tensors[k]
    end)
    local got = grad and with_gradients(f, list, made) or invoke(f, list)
    return got
  end
end

local function compiled_agrees(row, number, grad)
  local f, dtype = caller(row), H.dtypes(row)[1]
  local case = prepare(row, row.args[number], dtype)
  local plain_form = of_tensors(f, case, grad)
  local compiled = tocha.compile(plain_form)
  for call = 1, 4 do
    local fresh = prepare(row, row.args[number], dtype)
    local function inputs()
      local list = {}
      for k, input in ipairs(fresh.inputs) do list[k] = tensor_of(input) end
      return list
    end
    local ok, got = pcall(compiled, inputs())
    if not ok then
      if tostring(got):find('compile', 1, true) then return false end
      error(got, 0)
    end
    local want = plain_form(inputs())
    if got.n ~= want.n then fail(row, number, 'compiled, call %d: %d results instead of %d', call, got.n, want.n) end
    for i = 1, want.n do
      local difference = tocha.is_tensor(want[i]) and S.difference(S.plain(got[i]), S.plain(want[i]), 1e-6, 1e-7) or nil
      if difference then fail(row, number, 'compiled, call %d: result %d: %s', call, i, difference) end
    end
  end
  return true
end

--- Replays of a compiled call give what eager calls give, on other values too. Gives how many variants were refused (with an error that says
-- so), and of how many.
function H.check_compiled(row)
  local refused, all = 0, 0
  for number = 1, #row.args do
    for _, grad in ipairs(row.grad and {false, true} or {false}) do
      all = all + 1
      if not compiled_agrees(row, number, grad) then refused = refused + 1 end
    end
  end
  return refused, all
end

--- Values in each dtype that the row claims.
function H.check_dtypes(row)
  for _, dtype in ipairs(H.dtypes(row)) do
    for number = 1, #row.args do
      S.seed(number)
      check_value(row, number, dtype)
    end
  end
end

--- Values in other arrangements of memory.
function H.check_layouts(row)
  local dtype = H.dtypes(row)[1]
  for _, layout in pairs(S.layouts) do
    for number = 1, #row.args do check_value(row, number, dtype, layout) end
  end
  for number = 1, #row.args do check_value(row, number, dtype, function(x)
    return x:dim() > 0 and x:size(1) > 0 and x:narrow(1, 1, 1):expand(S.shape(x)) or x
  end) end
end

-- sum of the squares of the results that have a gradient, each times fixed weights; nil if there is none. The square makes the gradient
-- depend on the inputs even where the operator is linear, so that the second order is worth checking.
local function weighted(got, weights)
  local total
  for i = 1, got.n do
    local y = got[i]
    if tocha.is_tensor(y) and y.requires_grad then
      weights[i] = weights[i] or S.tensor(P.build(S.shape(y), function() return S.uniform() + 0.5 end))
      local term = (y * y * weights[i]):sum()
      total = total and total + term or term
    end
  end
  return total
end

local function differentiated(case)
  local list = {}
  for k, input in ipairs(case.inputs) do if input.grad and #input.array > 0 then list[#list + 1] = k end end
  return list
end

-- total, tensors: runs the row with inputs that require grad
local function run_with_grad(row, case, weights)
  local list, made = fill(case, function(input)
    local x = tensor_of(input)
    return input.grad and x:requires_grad_() or x
  end)
  return weighted(invoke(caller(row), list), weights), made
end

local function gradients(total, made, wanted, create)
  local tensors = {}
  for i, k in ipairs(wanted) do tensors[i] = made[k] end
  return {tocha.autograd.grad({total}, tensors, {create_graph = create, allow_unused = true})}
end

local function compare_gradient(row, number, got, numeric, what)
  local got_array = got and S.plain(got) or P.full(numeric.shape, 0)
  local tol = row.gtol or {1e-5, 1e-7}
  local difference = S.difference(got_array, numeric, tol[1], tol[2])
  if difference then fail(row, number, '%s: %s', what, difference) end
end

local function first_order(row, number)
  local case, weights = prepare(row, row.args[number], 'float64'), {}
  local wanted = differentiated(case)
  if #wanted == 0 then return end
  local total, made = run_with_grad(row, case, weights)
  if not total then fail(row, number, 'no result requires grad') end
  local got = gradients(total, made, wanted)
  for i, k in ipairs(wanted) do
    local arrays = {}
    for j, input in ipairs(case.inputs) do arrays[j] = input.array end
    local numeric = S.numeric_gradient(function() return (run_with_grad(row, case, weights)):item() end, arrays, k, row.eps)
    compare_gradient(row, number, got[i], numeric, 'gradient of input ' .. k)
  end
end

--- Gradients against central differences.
function H.check_gradients(row)
  for number = 1, #row.args do first_order(row, number) end
end

-- the sum of the gradients, each times fixed weights
local function second_total(row, case, weights, outer, wanted)
  local total, made = run_with_grad(row, case, weights)
  local first = gradients(total, made, wanted, true)
  local sum
  for i = 1, #wanted do
    local g = first[i]
    if g then
      outer[i] = outer[i] or S.tensor(P.build(S.shape(g), function() return S.uniform() + 0.5 end))
      local term = (g * outer[i]):sum()
      sum = sum and sum + term or term
    end
  end
  return sum, made
end

local function second_order(row, number)
  local case, weights, outer = prepare(row, row.args[number], 'float64'), {}, {}
  local wanted = differentiated(case)
  if #wanted == 0 then return end
  local sum, made = second_total(row, case, weights, outer, wanted)
  local got = sum and sum.requires_grad and gradients(sum, made, wanted) or {}
  for i, k in ipairs(wanted) do
    local arrays = {}
    for j, input in ipairs(case.inputs) do arrays[j] = input.array end
    local numeric = S.numeric_gradient(function()
      local s = second_total(row, case, weights, outer, wanted)
      return s and s:item() or 0
    end, arrays, k, row.eps)
    compare_gradient(row, number, got[i], numeric, 'second derivative by input ' .. k)
  end
end

--- The gradients whose own gradients `check_second_order` checks, with their graphs.
function H.gradient_graphs(row)
  local list = {}
  for number = 1, #row.args do
    local case = prepare(row, row.args[number], 'float64')
    local wanted = differentiated(case)
    local sum = #wanted > 0 and second_total(row, case, {}, {}, wanted)
    if sum and sum.requires_grad then list[#list + 1] = sum end
  end
  return list
end

--- The operator that differentiates the results of a row, nil if they have no gradient.
function H.result_rule(row)
  for number = 1, #row.args do
    local case = prepare(row, row.args[number], 'float64')
    local list = fill(case, function(input)
      local x = tensor_of(input)
      return input.grad and x:requires_grad_() or x
    end)
    local got = invoke(caller(row), list)
    for i = 1, got.n do
      if tocha.is_tensor(got[i]) and got[i].grad_fn then return got[i].grad_fn.name end
    end
  end
end

--- Gradients of gradients against central differences of gradients.
function H.check_second_order(row)
  for number = 1, #row.args do second_order(row, number) end
end

local function same_place(row, number, dtype, method, f)
  local case = prepare(row, row.args[number], dtype)
  local want = invoke(f, (fill(case, tensor_of)))
  local list = fill(case, tensor_of)
  local x = list[1]
  if not tocha.is_tensor(x) or not tocha.is_tensor(want[1]) then return end
  if S.dtype(want[1]) ~= dtype and row.result ~= 'bool' then return end
  if table.concat(S.shape(x), ' ') ~= table.concat(S.shape(want[1]), ' ') then
    S.fails(function() method(unpack(list, 1, list.n)) end, row.name)
    return
  end
  local y = method(unpack(list, 1, list.n))
  if y ~= x then fail(row, number, 'the in-place form gives another tensor') end
  local difference = S.difference(S.plain(x), S.plain(want[1]), 1e-14, 0)
  if difference then fail(row, number, 'the in-place form differs: %s', difference) end
end

local function inplace_gradient(row, number, method, f)
  local case, weights = prepare(row, row.args[number], 'float64'), {}
  local wanted = differentiated(case)
  local function run(inner)
    local list, made = fill(case, function(input)
      local x = tensor_of(input)
      return input.grad and x:requires_grad_() or x
    end)
    list[1] = list[1] * 1
    local got = results(inner(unpack(list, 1, list.n)))
    local total = weighted(got, weights)
    return total and gradients(total, made, wanted) or {}, S.shape(got[1])
  end
  local list = fill(case, tensor_of)
  if not tocha.is_tensor(list[1]) or #wanted == 0 then return end
  local want, shape = run(f)
  if table.concat(S.shape(list[1]), ' ') ~= table.concat(shape, ' ') then return end
  local got = run(method)
  for i = 1, #wanted do
    if (got[i] == nil) ~= (want[i] == nil) then fail(row, number, 'in place: one gradient is nil') end
    local difference = want[i] and S.difference(S.plain(got[i]), S.plain(want[i]), 1e-12, 1e-14)
    if difference then fail(row, number, 'in place: gradient of input %d: %s', i, difference) end
  end
end

--- f_ gives what f gives, in x itself, with the same gradients.
function H.check_inplace(row)
  local method, f = method_of(row.name .. '_'), caller(row)
  if not method then error('there is no method ' .. row.name .. '_', 0) end
  for number = 1, #row.args do
    same_place(row, number, H.dtypes(row)[1], method, f)
    if row.grad then inplace_gradient(row, number, method, f) end
  end
end

--- All names of the operator give the same.
function H.check_forms(row)
  local case, first = prepare(row, row.args[1], H.dtypes(row)[1]), nil
  for _, form in ipairs(H.forms(row.name)) do
    local list = fill(case, tensor_of)
    if form[1]:sub(1, 2) ~= 'x:' or tocha.is_tensor(list[1]) then
      local got = invoke(form[2], list)
      if not first then
        first = got
      else
        for i = 1, first.n do
          local difference = S.difference(S.plain(got[i]), S.plain(first[i]), 0, 0)
          if difference then fail(row, 1, '%s: %s', form[1], difference) end
        end
      end
    end
  end
end

local function must_fail(row, text, list, ...)
  local f, parts = caller(row), {...}
  local good, message = pcall(function() return f(unpack(list, 1, list.n)) end)
  if good then fail(row, 1, '%s raises no error', text) end
  message = tostring(message):lower()
  for _, part in ipairs(parts) do
    if not message:find(part:lower(), 1, true) then fail(row, 1, '%s: the message does not name %q: %s', text, part, message) end
  end
end

--- Wrong arguments raise errors that name the operator.
function H.check_wrong(row)
  local case = prepare(row, row.args[1], H.dtypes(row)[1])
  local name = row.errors or row.name
  local list = fill(case, tensor_of)
  list.n = list.n + 1
  list[list.n] = {no_such_option = 1}
  if type(case.list[case.list.n]) == 'table' and not case.list[case.list.n].input and case.list[case.list.n][1] == nil then
    list[list.n - 1] = nil
  end
  must_fail(row, 'an unknown option', list, name, 'no_such_option')
  if row.args[1][1] ~= nil and not row.optional then
    must_fail(row, 'a call without arguments', {n = 0}, name)
    list = fill(case, tensor_of)
    if tocha.is_tensor(list[1]) then
      list[1] = 'text'
      must_fail(row, 'a string for the first argument', list, name)
      list[1] = {no_such_thing = true}
      must_fail(row, 'a table for the first argument', list, name)
    end
  end
  for i, args in ipairs(row.wrong or {}) do
    local wrong = prepare(row, args, H.dtypes(row)[1])
    must_fail(row, 'wrong arguments ' .. i, fill(wrong, tensor_of), unpack(args.says or {name}))
  end
end

--- What spec/cuda compares devices with.
H.parts = {prepare = prepare, fill = fill, invoke = invoke, caller = caller, tensor_of = tensor_of, weighted = weighted, gradients = gradients,
  differentiated = differentiated, tolerances = tolerances, results = results, method_of = method_of}

return H
