--- Sums of products by labels of dims: `tocha.einsum`, `tocha.tensordot`.
-- Operands are contracted in pairs, each by one product of matrices; which pairs, is chosen so that the fewest products of numbers are needed.
-- @module tocha.einsum

local arguments = require 'tocha.arguments'
local errors = require 'tocha.errors'
local args = require 'tocha.args'
local indexing = require 'tocha.indexing'
local einsumplan = require 'tocha.einsumplan'
local is_tensor = arguments.is_tensor

local module = {}

local function fail(...) errors.raise(...) end

---------------------------------------------------------------- reading the equation
-- 'b...ij' as {'b', '...', 'i', 'j'}
local function parse_term(text, equation)
  local labels, at = {}, 1
  while at <= #text do
    local c = text:sub(at, at)
    if text:sub(at, at + 2) == '...' then
      c, at = '...', at + 2
    elseif not c:find('%a') then
      fail("einsum: equation '%s': got '%s', takes letters, '...', ',' and '->'", equation, c)
    end
    labels[#labels + 1] = c
    at = at + 1
  end
  return labels
end

local function parse(equation)
  local text = equation:gsub('%s', '')
  local left, right = text:match('^(.-)%->(.*)$')
  left = left or text
  local inputs = {}
  for term in (left .. ','):gmatch('([^,]*),') do inputs[#inputs + 1] = parse_term(term, equation) end
  return inputs, right and parse_term(right, equation)
end

-- einsum(x, {1, 2}, y, {2, 3}, {1, 3}): labels are whole numbers
local function read_sublists(list)
  local operands, inputs, i = {}, {}, 1
  local function labels_of(v)
    local labels = {}
    if type(v) ~= 'table' then fail('einsum: argument %d: got %s, takes a list of labels', i + 1, errors.describe(v)) end
    for k, label in ipairs(v) do
      if label ~= indexing.ellipsis and not (type(label) == 'number' and label % 1 == 0) then
        fail('einsum: label: got %s, takes a whole number or tocha.ellipsis', errors.describe(label))
      end
      labels[k] = label == indexing.ellipsis and '...' or label
    end
    return labels
  end
  while is_tensor(list[i]) do
    operands[#operands + 1] = list[i]
    inputs[#inputs + 1] = labels_of(list[i + 1])
    i = i + 2
  end
  if list[i + 1] ~= nil then
    fail('einsum: argument %d: got %s, takes nothing after the labels of the output', i + 1, errors.describe(list[i + 1]))
  end
  return operands, inputs, list[i] ~= nil and labels_of(list[i]) or nil
end

local function refuse_options(list)
  local last = list[#list]
  if arguments.is_options(last) and next(last) ~= nil then
    fail("einsum: unknown option '%s'; it takes an equation and operands", tostring(next(last)))
  end
end

local function name_of(label) return tostring(label):gsub('^%.%d+$', '...') end

---------------------------------------------------------------- labels of dims
local function position(labels, label)
  for i, l in ipairs(labels) do
    if l == label then return i end
  end
end

local function without(list, i)
  local out = {}
  for k, v in ipairs(list) do
    if k ~= i then out[#out + 1] = v end
  end
  return out
end

-- how many dims '...' stands for in an operand, or nil
local function hidden_dims(x, labels, number)
  local named, seen = 0, nil
  for _, l in ipairs(labels) do
    if l == '...' then
      if seen then fail("einsum: operand %d: '...' is there twice", number) end
      seen = true
    else
      named = named + 1
    end
  end
  local rest = x:dim() - named
  if rest < 0 or (rest > 0 and not seen) then
    fail('einsum: operand %d: got %s with %d labels, takes a label for each dim', number, args.show(x.tensor), named)
  end
  return seen and rest
end

-- '...' as labels '.3', '.2', '.1', counted from the right so that they broadcast
local function spelled_out(labels, count)
  local out = {}
  for _, l in ipairs(labels) do
    if l ~= '...' then out[#out + 1] = l
    else
      for k = count, 1, -1 do out[#out + 1] = '.' .. k end
    end
  end
  return out
end

-- a label that an operand has twice becomes the diagonal of its two dims
local function on_diagonals(x, labels, number)
  local i = 1
  while i <= #labels do
    local first = position(labels, labels[i])
    if first < i then
      local label = labels[i]
      if x:size(first) ~= x:size(i) then
        fail("einsum: operand %d: label '%s' has size %d and %d", number, name_of(label), x:size(first), x:size(i))
      end
      x = x:diagonal(first, i)
      labels = without(without(labels, i), first)
      labels[#labels + 1] = label
      i = 1
    else
      i = i + 1
    end
  end
  return x, labels
end

-- without '->': '...', then the labels that are there once, in the order of the alphabet
local function implicit_output(inputs, count)
  local times, out = {}, {}
  for _, labels in ipairs(inputs) do
    for _, l in ipairs(labels) do times[l] = (times[l] or 0) + 1 end
  end
  for l, n in pairs(times) do
    if n == 1 and not tostring(l):find('^%.') then out[#out + 1] = l end
  end
  table.sort(out)
  for k = 1, count do table.insert(out, 1, '.' .. k) end
  return out
end

local function check_output(output, sizes)
  for i, l in ipairs(output) do
    if not sizes[l] then fail("einsum: the output's label '%s' is in no operand", name_of(l)) end
    if position(output, l) < i then fail("einsum: the output has label '%s' twice", name_of(l)) end
  end
end

local function check_sizes(operands, inputs)
  local sizes = {}
  for k, labels in ipairs(inputs) do
    for d, l in ipairs(labels) do
      local size = operands[k]:size(d)
      if sizes[l] and sizes[l] ~= 1 and size ~= 1 and sizes[l] ~= size then
        fail("einsum: operand %d: label '%s' has size %d, before it had %d", k, name_of(l), size, sizes[l])
      end
      if not sizes[l] or sizes[l] == 1 then sizes[l] = size end
    end
  end
  return sizes
end

---------------------------------------------------------------- contracting
-- sums over the dims whose labels neither `other` nor `kept` needs
local function sum_lone(x, labels, other, kept)
  local dims, rest = {}, {}
  for d, l in ipairs(labels) do
    if kept[l] or position(other, l) then rest[#rest + 1] = l else dims[#dims + 1] = d end
  end
  if #dims == 0 then return x, labels end
  return x:sum(dims), rest
end

-- a dim of size 1 that meets a larger one of the same label adds nothing: it goes
local function drop_single(x, labels, y, other)
  for d = #labels, 1, -1 do
    local at = position(other, labels[d])
    if at and x:size(d) == 1 and y:size(at) ~= 1 then
      x, labels = x:squeeze(d), without(labels, d)
    end
  end
  return x, labels
end

local function arranged(x, labels, order)
  local dims, same = {}, true
  for i, l in ipairs(order) do
    dims[i] = position(labels, l)
    same = same and dims[i] == i
  end
  return same and x or x:permute(dims)
end

local function joined(...)
  local out = {}
  for _, list in ipairs {...} do
    for _, l in ipairs(list) do out[#out + 1] = l end
  end
  return out
end

local function product_of_sizes(x, labels, list)
  local n = 1
  for _, l in ipairs(list) do n = n * x:size(position(labels, l)) end
  return n
end

-- elementwise, where nothing is summed and no product of matrices is needed
local function multiplied(x, labels, y, other)
  local out, shape = joined(labels), {}
  for _, l in ipairs(other) do
    if not position(labels, l) then out[#out + 1] = l end
  end
  for i, l in ipairs(out) do
    local at = position(other, l)
    shape[i] = at and y:size(at) or 1
  end
  local order = {}
  for _, l in ipairs(out) do
    if position(other, l) then order[#order + 1] = l end
  end
  for _ = #labels + 1, #out do x = x:unsqueeze_last() end
  return x * arranged(y, other, order):reshape(shape), out
end

local function contracted(x, labels, y, other, kept)
  x, labels = drop_single(x, labels, y, other)
  y, other = drop_single(y, other, x, labels)
  x, labels = sum_lone(x, labels, other, kept)
  y, other = sum_lone(y, other, labels, kept)
  local batch, summed, left, right, shape = {}, {}, {}, {}, {}
  for d, l in ipairs(labels) do
    if not position(other, l) then left[#left + 1] = l
    elseif kept[l] then batch[#batch + 1] = l
    else summed[#summed + 1] = l end
    shape[l] = x:size(d)
  end
  for d, l in ipairs(other) do
    if not position(labels, l) then right[#right + 1] = l end
    shape[l] = y:size(d)
  end
  if #summed == 0 then return multiplied(x, labels, y, other) end
  local n, k = product_of_sizes(x, labels, batch), product_of_sizes(x, labels, summed)
  local rows, columns = product_of_sizes(x, labels, left), product_of_sizes(y, other, right)
  local a, b = arranged(x, labels, joined(batch, left, summed)), arranged(y, other, joined(batch, summed, right))
  local out, size = joined(batch, left, right), {}
  for i, l in ipairs(out) do size[i] = shape[l] end
  if #batch == 0 then return a:reshape{rows, k}:matmul(b:reshape{k, columns}):reshape(size), out end
  return a:reshape{n, rows, k}:matmul(b:reshape{n, k, columns}):reshape(size), out
end

local function set_of(...)
  local set = {}
  for _, list in ipairs {...} do
    for _, l in ipairs(list) do set[l] = true end
  end
  return set
end

---------------------------------------------------------------- which pair comes next
-- what remains of the labels of two operands: those that the output or another operand needs
local function remaining(a, b, output, others)
  local kept, list = set_of(output, unpack(others)), {}
  for l in pairs(set_of(a, b)) do if kept[l] then list[#list + 1] = l end end
  return list
end

local function volume(labels, sizes)
  local n = 1
  for l in pairs(labels) do n = n * sizes[l] end
  return n
end

local function all_but(list, i, j)
  local out = {}
  for k, v in ipairs(list) do if k ~= i and k ~= j then out[#out + 1] = v end end
  return out
end

-- The cheapest order by trying all, for up to `EXHAUSTIVE` operands; cost counts multiplications. Gives the cost and the first pair.
local EXHAUSTIVE = 5
local function best_pair(inputs, output, sizes, bound)
  if #inputs < 2 then return 0 end
  local least, first, second = bound
  for i = 1, #inputs - 1 do
    for j = i + 1, #inputs do
      local cost = volume(set_of(inputs[i], inputs[j]), sizes)
      if cost < least then
        local others = all_but(inputs, i, j)
        table.insert(others, 1, remaining(inputs[i], inputs[j], output, others))
        cost = cost + best_pair(others, output, sizes, least - cost)
      end
      if cost < least then least, first, second = cost, i, j end
    end
  end
  return least, first, second
end

-- The pair whose result is smallest beside its operands, for many operands (D. Smith, J. Gray, 2018, call this greedy).
local function greedy_pair(inputs, output, sizes)
  local least, first, second = math.huge
  for i = 1, #inputs - 1 do
    for j = i + 1, #inputs do
      local result = remaining(inputs[i], inputs[j], output, all_but(inputs, i, j))
      local gain = volume(set_of(result), sizes) - volume(set_of(inputs[i]), sizes) - volume(set_of(inputs[j]), sizes)
      if gain < least then least, first, second = gain, i, j end
    end
  end
  return first, second
end

local function next_pair(inputs, output, sizes)
  if #inputs == 2 then return 1, 2 end
  if #inputs > EXHAUSTIVE then return greedy_pair(inputs, output, sizes) end
  local _, i, j = best_pair(inputs, output, sizes, math.huge)
  return i or 1, j or 2
end

-- The plan for operands of these shapes; inputs and output are lists of labels.
local function plan_for(operands, inputs, output)
  operands = einsumplan.shapes(operands)
  local count = 0
  for k, labels in ipairs(inputs) do count = math.max(count, hidden_dims(operands[k], labels, k) or 0) end
  for k, labels in ipairs(inputs) do
    inputs[k] = spelled_out(labels, hidden_dims(operands[k], labels, k) or 0)
  end
  output = output and spelled_out(output, count) or implicit_output(inputs, count)
  local xs = {}
  for k = 1, #operands do xs[k], inputs[k] = on_diagonals(operands[k], inputs[k], k) end
  local sizes = check_sizes(xs, inputs)
  check_output(output, sizes)
  while #xs > 1 do
    local i, j = next_pair(inputs, output, sizes)
    local others, rest = all_but(inputs, i, j), all_but(xs, i, j)
    local x, labels = contracted(xs[i], inputs[i], xs[j], inputs[j], set_of(output, unpack(others)))
    table.insert(rest, 1, x)
    table.insert(others, 1, labels)
    xs, inputs = rest, others
  end
  local x, labels = sum_lone(xs[1], inputs[1], {}, set_of(output))
  return einsumplan.finish(arranged(x, labels, output), operands)
end

local function evaluate(operands, inputs, output) return einsumplan.run(plan_for(operands, inputs, output), operands) end

-- Plans by equation, then by the sizes of the operands, -1 after each of them. Many plans are thrown away together.
local MOST_PLANS = 512
local plans, plan_count = {}, 0

local function known_plan(equation, operands)
  local node = plans[equation]
  for k = 1, #operands do
    local x = operands[k]
    for d = 1, x:dim() do node = node and node[x:size(d)] end
    node = node and node[-1]
  end
  return node and node.plan
end

local function remember(equation, operands, plan)
  if plan_count == MOST_PLANS then plans, plan_count = {}, 0 end
  plan_count = plan_count + 1
  local node = plans
  local function go(key)
    node[key] = node[key] or {}
    node = node[key]
  end
  go(equation)
  for _, x in ipairs(operands) do
    for _, size in ipairs(x:size()) do go(size) end
    go(-1)
  end
  node.plan = plan
end

local function all_tensors(list, n)
  for i = 1, n do
    if not is_tensor(list[i]) then return false end
  end
  return true
end

--- The sum of products of elements by the labels of their dims, in Einstein's notation: `einsum('ij,jk->ik', a, b)`.
-- Labels that the output lacks are summed over; a label twice in one operand is its diagonal; '...' stands for dims that broadcast.
-- Without '->' the output has '...' and the labels that are there once, in the order of the alphabet.
-- @tparam string equation the labels of each operand, separated by commas, and of the output
-- @param ... the operands, or one list of them. Also without an equation: einsum(a, {1, 2}, b, {2, 3}, {1, 3})
-- @treturn Tensor
function module.einsum(equation, ...)
  if type(equation) == 'string' and is_tensor((...)) then
    local operands = {...}
    local plan = all_tensors(operands, select('#', ...)) and known_plan(equation, operands)
    if plan then return einsumplan.run(plan, operands) end
  end
  refuse_options {...}
  if is_tensor(equation) then
    local operands, inputs, output = read_sublists({equation, ...})
    return evaluate(operands, inputs, output)
  end
  if type(equation) ~= 'string' then fail('einsum: equation: got %s, takes a string', errors.describe(equation)) end
  local operands = {...}
  if #operands == 1 and type(operands[1]) == 'table' then operands = {unpack(operands[1])} end
  local inputs, output = parse(equation)
  if #inputs ~= #operands then
    fail("einsum: equation '%s' has %d operands, got %d", equation, #inputs, #operands)
  end
  for i, x in ipairs(operands) do
    if not is_tensor(x) then fail('einsum: operand %d: got %s, takes a tensor', i, errors.describe(x)) end
  end
  local plan = plan_for(operands, inputs, output)
  remember(equation, operands, plan)
  return einsumplan.run(plan, operands)
end

---------------------------------------------------------------- tensordot
local function read_dims(dims, x, which)
  local list, seen = {}, {}
  for i, d in ipairs(type(dims) == 'table' and dims or {dims}) do
    if type(d) ~= 'number' or d % 1 ~= 0 or d == 0 or math.abs(d) > x:dim() then
      fail('tensordot: dims: got %s for %s %s, takes dims from 1 to %d', tostring(d), which, args.show(x), x:dim())
    end
    list[i] = d < 0 and d + x:dim() + 1 or d
    if seen[list[i]] then fail('tensordot: dims: %d is there twice for %s', d, which) end
    seen[list[i]] = true
  end
  return list
end

local read_tensordot = args.spec('tensordot', 'a:tensor', 'b:tensor', 'dims=2')

--- The sum of products over pairs of dims of two tensors.
-- @tparam Tensor a
-- @tparam Tensor b
-- @param[opt=2] dims how many of the last dims of a meet as many first ones of b; or {dims of a, dims of b}
-- @treturn Tensor the other dims of a, then those of b
function module.tensordot(...)
  local a, b, dims = read_tensordot(...)
  local of_a, of_b = {}, {}
  if type(dims) == 'table' then
    of_a, of_b = read_dims(dims[1], a, 'a'), read_dims(dims[2], b, 'b')
  elseif type(dims) ~= 'number' or dims % 1 ~= 0 or dims < 0 or dims > math.min(a:dim(), b:dim()) then
    fail('tensordot: dims: got %s, takes a number of dims that %s and %s have, or two lists', args.show(dims), args.show(a), args.show(b))
  else
    for i = 1, dims do of_a[i], of_b[i] = a:dim() - dims + i, i end
  end
  if #of_a ~= #of_b then fail('tensordot: dims: got %d of a and %d of b, takes as many', #of_a, #of_b) end
  local labels_a, labels_b, output = {}, {}, {}
  for d = 1, a:dim() do labels_a[d] = d end
  for d = 1, b:dim() do labels_b[d] = a:dim() + d end
  for i = 1, #of_a do
    local m, n = a:size(of_a[i]), b:size(of_b[i])
    if m ~= n and m ~= 1 and n ~= 1 then
      fail('tensordot: size mismatch: dim %d of %s and dim %d of %s (%d ~= %d)', of_a[i], args.show(a), of_b[i], args.show(b), m, n)
    end
    labels_b[of_b[i]] = of_a[i]
  end
  local summed = set_of(of_a)
  for _, l in ipairs(joined(labels_a, labels_b)) do
    if not summed[l] then output[#output + 1] = l end
  end
  return evaluate({a, b}, {labels_a, labels_b}, output)
end

return module
