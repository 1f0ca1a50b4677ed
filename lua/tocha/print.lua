--- Tensors as text: numbers formatted as PyTorch does, laid out as Torch did, the type in the last line.
-- It asks a tensor for little: dim, size, narrow, select, totable, dtype, device.
-- @module tocha.print

local numbers = require 'tocha.print.numbers'

local M = {}

local profiles = {
  default = {precision = 4, threshold = 1000, edgeitems = 3, linewidth = 80},
  short = {precision = 2, threshold = 1000, edgeitems = 2, linewidth = 80},
  full = {precision = 4, threshold = math.huge, edgeitems = 3, linewidth = 80},
}
local options = {}
for name, value in pairs(profiles.default) do options[name] = value end

-- a tensor whose every dim is cut may still be too much: 20 dims of 2 elements are a million
local MOST = 4000

---------------------------------------------------------------- what is shown
-- For each dim how many of the first and of the last elements are shown: {size} for all, {3, 3} around a gap.
local function cuts_of(sizes, o)
  local cuts, total, shown = {}, 1, 1
  for d, size in ipairs(sizes) do
    total = total * size
    cuts[d] = size
  end
  if total <= o.threshold then return cuts, false end
  for d, size in ipairs(sizes) do
    if size > 2 * o.edgeitems then cuts[d] = {o.edgeitems, o.edgeitems} end
    shown = shown * math.min(size, 2 * o.edgeitems)
  end
  for d, size in ipairs(sizes) do
    if shown <= math.max(MOST, o.threshold) then break end
    shown = shown / math.min(size, 2 * o.edgeitems)
    if size > 1 then cuts[d] = {1, 0} end
  end
  return cuts, true
end

-- The positions shown in a dim, false standing for a gap.
local function positions(cut, size)
  local list = {}
  if type(cut) == 'number' then
    for i = 1, cut do list[i] = i end
    return list
  end
  for i = 1, cut[1] do list[i] = i end
  list[#list + 1] = false
  for i = size - cut[2] + 1, size do list[#list + 1] = i end
  return list
end

-- The last dim as a list of values, false standing for a gap.
local function row_values(x, cut)
  if type(cut) == 'number' then return x:totable() end
  local list = x:narrow(1, 1, cut[1]):totable()
  list[#list + 1] = M.gap
  if cut[2] > 0 then
    for _, v in ipairs(x:narrow(1, -cut[2], cut[2]):totable()) do list[#list + 1] = v end
  end
  return list
end
M.gap = setmetatable({}, {__tostring = function() return '...' end})

-- Nested lists of the values shown; `whole` tensors are read at once.
local function collect(x, cuts, sizes, d, whole)
  if whole then return x:totable() end
  if d == #sizes then return row_values(x, cuts[d]) end
  local list = {}
  for i, at in ipairs(positions(cuts[d], sizes[d])) do
    list[i] = at and collect(x:select(1, at), cuts, sizes, d + 1) or M.gap
  end
  return list
end

local function flatten(values, depth, out)
  for _, v in ipairs(values) do
    if v ~= M.gap then
      if depth > 1 then flatten(v, depth - 1, out) else out[#out + 1] = v end
    end
  end
  return out
end

---------------------------------------------------------------- rows, matrices, slices
local function pad(text, width) return (' '):rep(width - #text) .. text end

local function cells_of(row, show)
  local cells = {}
  for i, v in ipairs(row) do cells[i] = v == M.gap and '...' or show(v) end
  return cells
end

local function width_of(rows)
  local width = 0
  for _, row in ipairs(rows) do
    for _, cell in ipairs(row) do width = math.max(width, cell == '...' and 0 or #cell) end
  end
  return width
end

local function line(row, first, last, width)
  local parts = {}
  for i = first, math.min(last, #row) do
    parts[#parts + 1] = row[i] == '...' and ' ...' or ' ' .. pad(row[i], width)
  end
  return table.concat(parts)
end

-- A vector goes on in the next line where the first one is full.
local function vector(out, row, show, o)
  local cells = cells_of(row, show)
  local width = width_of{cells}
  local per_line = math.max(1, math.floor(o.linewidth / (width + 1)))
  for first = 1, #cells, per_line do out[#out + 1] = line(cells, first, first + per_line - 1, width) end
end

-- A matrix too wide for the line is shown in blocks of columns.
local function matrix(out, rows, show, o, width)
  local cells, columns = {}, 1
  for i, row in ipairs(rows) do
    cells[i] = row == M.gap and {'...'} or cells_of(row, show)
    columns = math.max(columns, #cells[i])
  end
  local per_line = math.max(1, math.floor(o.linewidth / (width + 1)))
  for first = 1, columns, per_line do
    local last = math.min(first + per_line - 1, columns)
    if columns > per_line then out[#out + 1] = ('Columns %d to %d'):format(first, last) end
    for _, row in ipairs(cells) do out[#out + 1] = row[1] == '...' and #row == 1 and ' ...' or line(row, first, last, width) end
    if last < columns then out[#out + 1] = '' end
  end
end

-- Slices of the first dims, each under its place: (2,1,.,.) =
local function slices(out, values, depth, place, cuts, sizes, draw)
  if depth == 2 then
    out[#out + 1] = ('(%s,.,.) ='):format(table.concat(place, ','))
    draw(values)
    out[#out + 1] = ''
    return
  end
  local d = #sizes - depth + 1
  for i, at in ipairs(positions(cuts[d], sizes[d])) do
    if at then
      place[d] = at
      slices(out, values[i], depth - 1, place, cuts, sizes, draw)
      place[d] = nil
    else
      out[#out + 1] = '...\n'
    end
  end
end

local function draw(out, values, cuts, sizes, show, o)
  local depth = #sizes
  if depth == 0 then out[1] = ' ' .. show(values)
  elseif depth == 1 then vector(out, values, show, o)
  else
    local width = 0
    for _, v in ipairs(flatten(values, depth, {})) do width = math.max(width, #show(v)) end
    if depth == 2 then return matrix(out, values, show, o, width) end
    slices(out, values, depth, {}, cuts, sizes, function(rows) matrix(out, rows, show, o, width) end)
    out[#out] = nil -- the empty line after the last slice
  end
end

---------------------------------------------------------------- the whole
-- '[tocha.float32 of size 2x3 on cpu]', and whether it takes part in autograd
local function last_line(x, sizes, empty)
  local text = ('tocha.%s %s on %s'):format(x.dtype, #sizes == 0 and 'of 0 dims' or 'of size ' .. table.concat(sizes, 'x'), x.device)
  if empty then text = 'empty ' .. text end
  local maker = x.grad_fn
  if maker then text = text .. ', grad_fn=' .. tostring(maker)
  elseif x.requires_grad then text = text .. ', requires_grad=true' end
  return '[' .. text .. ']'
end

local function sizes_of(x)
  local sizes, empty = {}, false
  for d = 1, x:dim() do
    sizes[d] = tonumber(x:size(d))
    empty = empty or sizes[d] == 0
  end
  return sizes, empty
end

--- The text of a tensor: values aligned, the middle left out of those with more than 1000 elements, then dtype, size and device.
-- @param x a tensor
-- @treturn string
function M.tensor(x)
  local sizes, empty = sizes_of(x)
  local out = {}
  if not empty then
    local plain = x.requires_grad and x:detach() or x
    local cuts, cut = cuts_of(sizes, options)
    local values = collect(plain, cuts, sizes, 1, not cut)
    local show = numbers.formatter(#sizes == 0 and {values} or flatten(values, #sizes, {}), tostring(x.dtype), options)
    draw(out, values, cuts, sizes, show, options)
  end
  out[#out + 1] = last_line(x, sizes, empty)
  return table.concat(out, '\n')
end

---------------------------------------------------------------- options
local read
local function apply(profile, precision, threshold, edgeitems, linewidth, sci_mode)
  local errors = require 'tocha.errors'
  if profile ~= nil and not profiles[profile] then
    errors.raise("set_printoptions: profile: got '%s', takes default, short or full", profile)
  end
  for name, value in pairs(profiles[profile] or {}) do options[name] = value end
  for name, value in pairs{precision = precision, threshold = threshold, edgeitems = edgeitems, linewidth = linewidth} do
    if value < 0 or name == 'edgeitems' and value < 1 then
      errors.raise('set_printoptions: %s: got %g, takes a number from %d', name, value, name == 'edgeitems' and 1 or 0)
    end
    if name == 'precision' and value > 60 then errors.raise('set_printoptions: precision: got %g, takes a number from 0 to 60', value) end
    options[name] = value
  end
  if profile or sci_mode ~= nil then options.sci_mode = sci_mode end
end

--- How tensors are printed from now on. An argument left out stays as it is; a profile sets them all.
-- @param[opt] ... precision (digits after the point), threshold (elements from which the middle is left out), edgeitems (how many
--   are shown at each end), linewidth, profile ('default', 'short', 'full'), sci_mode (true or false; chosen by the values
--   until it is given): in this order, or by name in a table
function M.set_printoptions(...)
  if not read then
    read = require('tocha.args').spec('set_printoptions', 'precision:int=nil', 'threshold:num=nil', 'edgeitems:int=nil',
      'linewidth:int=nil', 'profile:str=nil', 'sci_mode=nil')
  end
  local precision, threshold, edgeitems, linewidth, profile, sci_mode = read(...)
  apply(profile, precision, threshold, edgeitems, linewidth, sci_mode)
end

--- The options in force, as a table of its own.
function M.get_printoptions()
  local copy = {}
  for name, value in pairs(options) do copy[name] = value end
  return copy
end

return M
