--- Functions whose results are as many as the data say: split, chunk, unbind, meshgrid and their like. Each gives one list.
-- @module tocha.lists

local binding = require 'tocha.binding'
local errors = require 'tocha.errors'
local arguments = require 'tocha.arguments'
local is_tensor = arguments.is_tensor

local lists = {}

local function method(name) -- found at first use
  local f
  return function(...)
    f = f or binding.method(name)
    return f(...)
  end
end
local narrow, select_one, expand, reshape = method('narrow'), method('select'), method('expand'), method('reshape')

local function check_tensor(x, who)
  if not is_tensor(x) then errors.raise('%s: input: got %s, takes a tensor', who, errors.describe(x)) end
end

local function read_dim(x, dim, who)
  check_tensor(x, who)
  if arguments.is_options(dim) then dim = dim.dim end
  if dim == nil then dim = 1 end
  if type(dim) ~= 'number' or dim % 1 ~= 0 then errors.raise('%s: dim: got %s, takes a dim', who, errors.describe(dim)) end
  local n = x:dim()
  local d = dim < 0 and dim + n + 1 or dim
  if n == 0 or d < 1 or d > n then errors.raise('%s: dim %d is outside a tensor of %d dims', who, dim, n) end
  return d
end

-- each piece is a tensor: a number that is a slip of the pen would take all the memory
local function check_pieces(n, who)
  if n > 1e7 then errors.raise('%s: %g pieces are too many', who, n) end
end

local function by_sizes(x, sizes, dim, who)
  if type(sizes) ~= 'table' then errors.raise('%s: sizes: got %s, takes a table of sizes', who, errors.describe(sizes)) end
  local total, size = 0, x:size(dim)
  for _, s in ipairs(sizes) do
    if type(s) ~= 'number' or s < 0 or s % 1 ~= 0 then errors.raise('%s: sizes: got %s, takes whole numbers', who, errors.describe(s)) end
    total = total + s
  end
  if total ~= size then errors.raise('%s: the sizes add up to %d, but dim %d has size %d', who, total, dim, size) end
  local list, at = {}, 1
  for i, s in ipairs(sizes) do
    list[i] = narrow(x, dim, s == 0 and math.min(at, math.max(size, 1)) or at, s)
    at = at + s
  end
  return list
end

local function by_size(x, size, dim)
  local list, total = {}, x:size(dim)
  for at = 1, math.max(total, 1), size do list[#list + 1] = narrow(x, dim, at, math.max(math.min(size, total - at + 1), 0)) end
  return list
end

--- Pieces of `size` places along dim (the last may be smaller), or of the sizes in a table.
function lists.split(x, size, dim)
  if arguments.is_options(size) and next(size) then size, dim = size.split_size or size.split_size_or_sections, size.dim end
  local d = read_dim(x, dim, 'split')
  if type(size) == 'table' then return by_sizes(x, size, d, 'split') end
  if type(size) ~= 'number' or size % 1 ~= 0 or size < 1 then
    errors.raise('split: size: got %s, takes a whole number above 0 or a table of sizes', errors.describe(size))
  end
  return by_size(x, size, d)
end
function lists.split_with_sizes(x, sizes, dim) return by_sizes(x, sizes, read_dim(x, dim, 'split_with_sizes'), 'split_with_sizes') end

--- At most `chunks` pieces of equal size along dim; the last may be smaller.
function lists.chunk(x, chunks, dim)
  if arguments.is_options(chunks) and next(chunks) then chunks, dim = chunks.chunks, chunks.dim end
  local d = read_dim(x, dim, 'chunk')
  if type(chunks) ~= 'number' or chunks < 1 or chunks % 1 ~= 0 then
    errors.raise('chunk: chunks: got %s, takes a whole number above 0', errors.describe(chunks))
  end
  local size = math.ceil(x:size(d) / chunks)
  check_pieces(size == 0 and chunks or 1, 'chunk')
  if size == 0 then
    local list = {}
    for i = 1, chunks do list[i] = narrow(x, d, 1, 0) end
    return list
  end
  return by_size(x, size, d)
end

-- pieces that begin at 1 and at each of the given positions
local function at_positions(x, positions, dim)
  for i = 1, #positions do
    if type(positions[i]) ~= 'number' then
      errors.raise('tensor_split: indices: got %s, takes a table of positions', errors.describe(positions[i]))
    end
  end
  local list, size, from = {}, x:size(dim), 1
  local function place(p) return math.max(1, math.min(size + 1, p < 0 and p + size + 1 or p)) end
  for i = 1, #positions + 1 do
    local to = positions[i] and place(positions[i]) or size + 1
    list[i] = narrow(x, dim, math.min(from, math.max(size, 1)), math.max(to - from, 0))
    from = to
  end
  return list
end

local function in_sections(x, sections, dim)
  check_pieces(sections, 'tensor_split')
  local size = x:size(dim)
  local sizes, base, extra = {}, math.floor(size / sections), size % sections
  for i = 1, sections do sizes[i] = base + (i <= extra and 1 or 0) end
  return by_sizes(x, sizes, dim, 'tensor_split')
end

--- A number of pieces as equal as can be, or pieces that begin at the given positions (counted from 1).
function lists.tensor_split(x, sections, dim)
  if arguments.is_options(sections) and next(sections) then
    sections, dim = sections.indices_or_sections or sections.sections or sections.indices, sections.dim
  end
  local d = read_dim(x, dim, 'tensor_split')
  if is_tensor(sections) then sections = sections:totable() end
  if type(sections) == 'table' then return at_positions(x, sections, d) end
  if type(sections) ~= 'number' or sections < 1 or sections % 1 ~= 0 then
    errors.raise('tensor_split: sections: got %s, takes a whole number above 0 or a table of positions', errors.describe(sections))
  end
  return in_sections(x, sections, d)
end

local function split_along(who, pick)
  return function(x, sections)
    check_tensor(x, who)
    local d = pick(x:dim())
    if not d then errors.raise('%s: a tensor of %d dims has too few', who, x:dim()) end
    if type(sections) == 'number' and sections >= 1 and x:size(d) % sections ~= 0 then
      errors.raise('%s: dim %d of size %d does not split into %d equal pieces', who, d, x:size(d), sections)
    end
    return lists.tensor_split(x, sections, d)
  end
end
lists.hsplit = split_along('hsplit', function(n) return n >= 1 and (n == 1 and 1 or 2) end)
lists.vsplit = split_along('vsplit', function(n) return n >= 2 and 1 end)
lists.dsplit = split_along('dsplit', function(n) return n >= 3 and 3 end)

--- The slices along dim, without that dim.
function lists.unbind(x, dim)
  local d, list = read_dim(x, dim, 'unbind'), {}
  for i = 1, x:size(d) do list[i] = select_one(x, d, i) end
  return list
end

---------------------------------------------------------------- broadcasting
local function tensors_of(first, ...)
  if type(first) == 'table' then return first end
  return {first, ...}
end

local function check_sizes(shape, who)
  if type(shape) ~= 'table' then errors.raise('%s: got %s, takes shapes', who, errors.describe(shape)) end
  for i = 1, #shape do
    local n = shape[i]
    if type(n) ~= 'number' or n % 1 ~= 0 or n < 0 then errors.raise('%s: got %s in a shape, takes sizes', who, errors.describe(n)) end
  end
end

--- The shape in which all the given shapes (tables) meet.
function lists.broadcast_shapes(...)
  local result = {}
  for _, shape in ipairs{...} do
    if type(shape) == 'number' then shape = {shape} end
    check_sizes(shape, 'broadcast_shapes')
    local grow = #shape - #result
    for _ = 1, grow do table.insert(result, 1, 1) end
    for i = 1, #shape do
      local at = #result - #shape + i
      local a, b = result[at], shape[i]
      if a ~= b and a ~= 1 and b ~= 1 then
        errors.raise('broadcast_shapes: size %d meets size %d at dim %d from the end', a, b, #shape - i + 1)
      end
      if a == 1 then result[at] = b end
    end
  end
  return result
end

--- The tensors, each expanded to their common shape.
function lists.broadcast_tensors(...)
  local xs, shapes, list = tensors_of(...), {}, {}
  for i, x in ipairs(xs) do
    check_tensor(x, 'broadcast_tensors')
    shapes[i] = x:size()
  end
  local shape = lists.broadcast_shapes(unpack(shapes))
  for i, x in ipairs(xs) do list[i] = expand(x, shape) end
  return list
end
function lists.broadcast_to(x, ...)
  check_tensor(x, 'broadcast_to')
  return expand(x, ...)
end

local function at_least(n, who, widen)
  local function one(x)
    check_tensor(x, who)
    return x:dim() >= n and x or widen(x)
  end
  return function(x, ...)
    if type(x) == 'table' or select('#', ...) > 0 then
      local list = {}
      for i, y in ipairs(tensors_of(x, ...)) do list[i] = one(y) end
      return list
    end
    return one(x)
  end
end
lists.atleast_1d = at_least(1, 'atleast_1d', function(x) return reshape(x, 1) end)
lists.atleast_2d = at_least(2, 'atleast_2d', function(x) return reshape(x, 1, -1) end)
lists.atleast_3d = at_least(3, 'atleast_3d', function(x)
  if x:dim() == 0 then return reshape(x, 1, 1, 1) end
  return x:dim() == 1 and reshape(x, 1, -1, 1) or x:unsqueeze(3)
end)

--- Grids of coordinates from vectors: meshgrid(x, y, {indexing = 'ij'}), or 'xy' as in drawing.
function lists.meshgrid(...)
  local n, args = select('#', ...), {...}
  local order = 'ij'
  if arguments.is_options(args[n]) then
    order = args[n].indexing or order
    args[n] = nil
  end
  local xs = tensors_of(unpack(args))
  if order ~= 'ij' and order ~= 'xy' then errors.raise("meshgrid: indexing: got '%s', takes 'ij' or 'xy'", tostring(order)) end
  local shape, list = {}, {}
  for i, x in ipairs(xs) do
    check_tensor(x, 'meshgrid')
    if x:dim() > 1 then errors.raise('meshgrid: takes vectors, got %d dims', x:dim()) end
    shape[i] = x:numel()
  end
  for i, x in ipairs(xs) do
    local flat = {}
    for k = 1, #xs do flat[k] = k == i and shape[i] or 1 end
    list[i] = expand(reshape(x, flat), shape)
    if order == 'xy' and #xs >= 2 then list[i] = list[i]:transpose(1, 2) end
  end
  return list
end

--- All combinations of elements of the vectors, one a row.
function lists.cartesian_prod(...)
  local xs = tensors_of(...)
  if #xs == 1 then return xs[1] end
  local columns = {}
  for i, grid in ipairs(lists.meshgrid(unpack(xs))) do columns[i] = reshape(grid, -1) end
  return binding.get('stack')(columns, 2)
end

--- All combinations of r elements of a vector, one a row.
function lists.combinations(x, r, with_replacement)
  if arguments.is_options(r) then r, with_replacement = r.r, r.with_replacement end
  check_tensor(x, 'combinations')
  r = r or 2
  local n, picks, current = x:numel(), {}, {}
  if type(r) ~= 'number' or r % 1 ~= 0 or r < 0 then
    errors.raise('combinations: r: got %s, takes a whole number from 0', errors.describe(r))
  end
  if not with_replacement and r > n or n == 0 and r > 0 then return x:new_empty(0, math.min(r, 2 ^ 31)) end
  local count = 1 -- of rows; they are made one by one
  for i = 1, math.min(r, 1e4) do count = with_replacement and count * (n + i - 1) / i or count * (n - i + 1) / i end
  if math.max(count, 1) * r > 2 ^ 27 then errors.raise('combinations: %g rows of %d elements are too many', count, r) end
  local function extend(from)
    if #current == r then
      picks[#picks + 1] = {unpack(current)}
      return
    end
    for i = from, n do
      current[#current + 1] = i
      extend(with_replacement and i or i + 1)
      current[#current] = nil
    end
  end
  extend(1)
  if #picks == 0 then return x:new_empty(0, r) end
  local flat = {}
  for _, pick in ipairs(picks) do
    for _, i in ipairs(pick) do flat[#flat + 1] = i end
  end
  return x:index_select(1, flat):view(#picks, r)
end

--- A matrix with the given ones along its diagonal.
function lists.block_diag(...)
  local tocha = require 'tocha'
  local rows, blocks, total = {}, {}, 0
  for i, x in ipairs(tensors_of(...)) do
    check_tensor(x, 'block_diag')
    blocks[i] = lists.atleast_2d(x)
    total = total + blocks[i]:size(2)
  end
  local left = 0
  for i, b in ipairs(blocks) do
    local before = tocha.zeros(b:size(1), left, {dtype = b.dtype, device = b.device})
    local after = tocha.zeros(b:size(1), total - left - b:size(2), {dtype = b.dtype, device = b.device})
    rows[i] = tocha.cat({before, b, after}, 2)
    left = left + b:size(2)
  end
  return tocha.cat(rows, 1)
end

return lists
