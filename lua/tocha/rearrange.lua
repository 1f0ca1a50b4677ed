--- func.rearrange: dims by names, as in 'batch (h w) c -> batch c h w'. The notation is that of A. Rogozhnikov, "Einops: Clear and Reliable Tensor
-- Manipulations with Einstein-like Notation", 2022.
-- @module tocha.rearrange

local args = require 'tocha.args'
local is_tensor = require('tocha.arguments').is_tensor

local func = {}
local MANY = '...'

local function wrong(pattern, format, ...) args.fail("rearrange: pattern '%s': " .. format, pattern, ...) end

-- a word of a pattern: a name, 1, ...
local function check_word(pattern, word, seen)
  if word == '1' then return end
  if word ~= MANY and not (word:find('^%a[%w_]*$') and word:sub(-1) ~= '_') then
    wrong(pattern, "'%s' is no name of a dim (letters, digits, _ inside), 1 or ...", word)
  end
  if seen[word] then wrong(pattern, "'%s' comes twice on one side", word) end
  seen[word] = true
end

-- 'a (b c) 1' as {{'a'}, {'b', 'c', group = true}, {}}: a dim is the list of the names that are multiplied in it
local function parse_side(pattern, text)
  local dims, seen, open = {}, {}, nil
  for token in text:gsub('([()])', ' %1 '):gsub('%.%.%.', ' ... '):gsub('…', ' ... '):gmatch('%S+') do
    if token == '(' then
      if open then wrong(pattern, 'a parenthesis inside of another') end
      open = {}
      dims[#dims + 1] = open
    elseif token == ')' then
      if not open then wrong(pattern, 'a parenthesis is closed that was not opened') end
      open = nil
    else
      check_word(pattern, token, seen)
      local name = token ~= '1' and token or nil
      if open then open[#open + 1] = name else dims[#dims + 1] = {name} end
      if open and token == MANY then open.many = true end
    end
  end
  if open then wrong(pattern, 'a parenthesis is not closed') end
  return dims, seen
end

local parsed = {} -- by pattern: programs have few

local function parse(pattern)
  local plan = parsed[pattern]
  if plan then return plan end
  local left, right = pattern:match('^(.-)%->(.*)$')
  if not left or right:find('->', 1, true) then wrong(pattern, "takes one '->' between what comes in and what goes out") end
  plan = {pattern = pattern}
  plan.left, plan.left_names = parse_side(pattern, left)
  plan.right, plan.right_names = parse_side(pattern, right)
  for _, dim in ipairs(plan.left) do
    if dim.many then wrong(pattern, "'...' in parentheses is for the right side") end
  end
  for name in pairs(plan.left_names) do
    if not plan.right_names[name] then wrong(pattern, "'%s' is on the left only", name) end
  end
  for name in pairs(plan.right_names) do
    if not plan.left_names[name] then wrong(pattern, "'%s' is on the right only", name) end
  end
  parsed[pattern] = plan
  return plan
end

-- the sizes of the names that one dim of size n is made of: at most one of them may be unknown
local function split_dim(plan, dim, n, place, sizes)
  local known, open = 1, nil
  for _, name in ipairs(dim) do
    if sizes[name] then
      known = known * sizes[name]
    elseif open then
      wrong(plan.pattern, "dim %d: neither the size of '%s' nor that of '%s' is given", place, open, name)
    else
      open = name
    end
  end
  if open then
    if known == 0 or n % known ~= 0 then wrong(plan.pattern, 'dim %d has size %d, which %d does not divide', place, n, known) end
    sizes[open] = n / known
  elseif known ~= n then
    wrong(plan.pattern, 'dim %d has size %d, takes %d', place, n, known)
  end
end

-- the sizes of all names; '...' becomes names of its own ('...1', '...2')
local function measure(plan, x, given)
  local sizes, many = {}, plan.left_names[MANY] and x:dim() - (#plan.left - 1) or 0
  if many < 0 or not plan.left_names[MANY] and x:dim() ~= #plan.left then
    wrong(plan.pattern, 'got a tensor of %d dims, takes %s%d', x:dim(), many < 0 and 'at least ' or '', #plan.left - (many < 0 and 1 or 0))
  end
  for name, n in pairs(given) do
    if not plan.left_names[name] or name == MANY then wrong(plan.pattern, "there is no dim '%s'", tostring(name)) end
    if type(n) ~= 'number' or n < 0 or n % 1 ~= 0 then wrong(plan.pattern, '%s: got %s, takes a size', name, args.show(n)) end
    sizes[name] = n
  end
  local place = 1
  for _, dim in ipairs(plan.left) do
    if dim[1] == MANY then
      for k = 1, many do sizes[MANY .. k] = x:size(place + k - 1) end
      place = place + many
    else
      split_dim(plan, dim, x:size(place), place, sizes)
      place = place + 1
    end
  end
  return sizes, many
end

-- a side's names in order, with those that '...' stands for
local function names_of(dims, many)
  local list = {}
  for _, dim in ipairs(dims) do
    for _, name in ipairs(dim) do
      if name == MANY then
        for k = 1, many do list[#list + 1] = MANY .. k end
      else
        list[#list + 1] = name
      end
    end
  end
  return list
end

local function result_shape(dims, sizes, many)
  local shape = {}
  for _, dim in ipairs(dims) do
    if dim[1] == MANY and not dim.many then
      for k = 1, many do shape[#shape + 1] = sizes[MANY .. k] end
    else
      local n = 1
      for _, name in ipairs(names_of({dim}, many)) do n = n * sizes[name] end
      shape[#shape + 1] = n
    end
  end
  return shape
end

local function apply(plan, x, given)
  local sizes, many = measure(plan, x, given)
  local before, shape, place = names_of(plan.left, many), {}, {}
  for i, name in ipairs(before) do shape[i], place[name] = sizes[name], i end
  local order = {}
  for i, name in ipairs(names_of(plan.right, many)) do order[i] = place[name] end
  x = x:reshape(shape)
  if #order > 1 then x = x:permute(order) end
  return x:reshape(result_shape(plan.right, sizes, many))
end

--- The tensor with its dims in another order, taken apart and put together: rearrange(x, 'b c (h w) -> b (c h) w', {h = 2}). Names on the left say
-- what the dims are, on the right how they go out; names in parentheses are one dim, the last of them the fastest; `1` is a dim of size 1,
-- `...` stands for any number of dims. Of the names in parentheses on the left all but one need their size. A view where reshape gives one.
-- @param tensor (*), or a list of tensors of one shape: they are stacked, the new first dim has the first name
-- @param pattern a string: 'names -> names', with the same names on both sides
-- @param[opt] sizes a table from names to sizes
-- @return (*)
-- @raise for names that are not on both sides, sizes that do not divide, another number of dims
function func.rearrange(tensor, pattern, sizes)
  if type(tensor) == 'table' and not is_tensor(tensor) and is_tensor(tensor[1]) then tensor = require('tocha').stack(tensor) end
  if not is_tensor(tensor) then args.fail('rearrange: tensor: got %s, takes a tensor or a list of tensors', args.show(tensor)) end
  if type(pattern) ~= 'string' then args.fail('rearrange: pattern: got %s, takes a string', args.show(pattern)) end
  if sizes ~= nil and type(sizes) ~= 'table' then args.fail('rearrange: sizes: got %s, takes a table of names', args.show(sizes)) end
  return apply(parse(pattern), tensor, sizes or {})
end

return func
