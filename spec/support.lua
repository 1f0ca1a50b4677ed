--- What specs share: between tensors and plain arrays, comparisons, layouts, errors, processes of their own.
-- @module spec.support

local tocha = require 'tocha'
local P = require 'spec.plain'

local S = {}

--- True for Debian's LuaJIT and others; the specs of trace compilation need it.
S.luajit = jit ~= nil

---------------------------------------------------------------- random numbers that do not depend on the library
local state = 1

--- Restarts the sequence of `uniform`.
function S.seed(n) state = (n * 7919 + 104729) % 2147483647 end

--- A number in 0..1 (Park and Miller's minimal standard generator).
function S.uniform()
  state = state * 16807 % 2147483647
  return state / 2147483647
end

---------------------------------------------------------------- plain arrays and tensors
local function flatten(value, out)
  if type(value) ~= 'table' then
    if type(value) == 'boolean' then value = value and 1 or 0 end
    out[#out + 1] = type(value) == 'cdata' and tonumber(value) or value
  else
    for i = 1, #value do flatten(value[i], out) end
  end
  return out
end

--- The shape of a tensor as a list.
function S.shape(x)
  local shape = {}
  for i = 1, x:dim() do shape[i] = tonumber(x:size(i)) end
  return shape
end

--- A tensor, boolean or number as a plain array.
function S.plain(x)
  if not tocha.is_tensor(x) then return P.wrap(type(x) == 'cdata' and tonumber(x) or x) end
  local out = {shape = S.shape(x)}
  if x:numel() == 0 then return out end
  return flatten(x:detach():totable(), out)
end

--- A plain array as a tensor.
function S.tensor(a, dtype)
  dtype = dtype or 'float64'
  if P.numel(a.shape) == 0 then return tocha.zeros(a.shape, {dtype = dtype}) end
  local flat = {}
  for i = 1, #a do flat[i] = a[i] end
  if dtype == 'bool' then
    for i = 1, #flat do flat[i] = flat[i] ~= 0 end
  end
  return tocha.tensor(flat, {dtype = dtype}):reshape(a.shape)
end

--- 'float32' and so on.
function S.dtype(x) return (tostring(x.dtype):gsub('^.*%.', '')) end

---------------------------------------------------------------- comparisons
local function show_shape(shape) return '[' .. table.concat(shape, ' x ') .. ']' end

local function close_numbers(a, b, rtol, atol)
  if a == b then return true end
  if a ~= a or b ~= b then return a ~= a and b ~= b end
  if a == math.huge or b == math.huge or a == -math.huge or b == -math.huge then return false end
  return math.abs(a - b) <= atol + rtol * math.abs(b)
end

--- nil if the plain arrays have the same shape and close elements, else what differs.
function S.difference(got, want, rtol, atol)
  if show_shape(got.shape) ~= show_shape(want.shape) then
    return 'shape ' .. show_shape(got.shape) .. ' instead of ' .. show_shape(want.shape)
  end
  for i = 1, P.numel(want.shape) do
    if type(got[i]) ~= 'number' or type(want[i]) ~= 'number' or not close_numbers(got[i], want[i], rtol or 1e-10, atol or 1e-12) then
      return string.format('element %d of %s is %s instead of %s', i, show_shape(want.shape), tostring(got[i]), tostring(want[i]))
    end
  end
end

--- Raises an error unless tensors (or numbers, plain arrays, nested tables) are close.
function S.close(got, want, rtol, atol, what)
  local function array(v)
    if P.is(v) then return v end
    if type(v) == 'table' then return S.plain(tocha.tensor(v, {dtype = 'float64'})) end
    return S.plain(v)
  end
  local difference = S.difference(array(got), array(want), rtol or 1e-6, atol or 1e-7)
  if difference then error((what and what .. ': ' or '') .. difference, 2) end
end

--- The message of the error that f raises; it must raise one, and the message must hold each of the given parts (plain text, any case).
function S.fails(f, ...)
  local good, message = pcall(f)
  if good then error('no error was raised', 2) end
  message = tostring(message)
  for i = 1, select('#', ...) do
    local part = select(i, ...)
    if not message:lower():find(part:lower(), 1, true) then
      error(string.format('the message does not name %q: %s', part, message), 2)
    end
  end
  return message
end

---------------------------------------------------------------- layouts: the same values in other arrangements of memory
S.layouts = {}

-- pads every dim with other values, then narrows: rows with gaps, an offset
function S.layouts.narrowed(x)
  local shape = S.shape(x)
  for i, n in ipairs(shape) do shape[i] = n + 2 end
  local wide = tocha.zeros(shape, {dtype = x.dtype, device = x.device})
  if wide:numel() > 0 then wide:fill_(S.dtype(x) == 'bool' and 1 or 7) end
  for i = 1, x:dim() do wide = wide:narrow(i, 2, x:size(i)) end
  wide:copy_(x)
  return wide
end

-- the dims lie in memory in reverse order
function S.layouts.transposed(x)
  local dims = {}
  for i = 1, x:dim() do dims[i] = x:dim() + 1 - i end
  if #dims < 2 then return S.layouts.narrowed(x) end
  return x:permute(dims):contiguous():permute(dims)
end

-- begins in the middle of its storage
function S.layouts.offset(x)
  local n = x:numel()
  local store = tocha.zeros(n + 5, {dtype = x.dtype, device = x.device})
  local part = store:narrow(1, 4, n)
  if n > 0 then part:copy_(x:reshape(n)) end
  return part:view(S.shape(x))
end

-- every other element along the last dim
function S.layouts.strided(x)
  if x:dim() == 0 then return S.layouts.offset(x) end
  local shape = S.shape(x)
  shape[#shape] = shape[#shape] * 2
  local wide = tocha.zeros(shape, {dtype = x.dtype, device = x.device})
  local last, n = x:dim(), x:size(x:dim())
  wide = wide:unflatten(last, {n, 2}):select(last + 1, 1)
  wide:copy_(x)
  return wide
end

---------------------------------------------------------------- gradients by central differences
--- The derivative of f (a function of plain arrays that gives a number) by each element of arrays[i].
function S.numeric_gradient(f, arrays, i, eps)
  local x = arrays[i]
  local out = {shape = x.shape}
  for k = 1, P.numel(x.shape) do
    local v, step = x[k], (eps or 1e-5) * math.max(1, math.abs(x[k]))
    x[k] = v + step
    local above = f()
    x[k] = v - step
    local below = f()
    x[k] = v
    out[k] = (above - below) / (2 * step)
  end
  return out
end

---------------------------------------------------------------- processes
local function quote(s) return "'" .. s:gsub("'", "'\\''") .. "'" end

--- Runs Lua source in a LuaJIT of its own, with the library found as here.
-- @tparam string source its `print` is what comes back
-- @tparam[opt] table options `flags` for luajit, `env` (NAME=value ...), `before` (shell commands), `timeout` in seconds
-- @treturn string all that it printed, errors too
-- @treturn number its exit status
function S.run(source, options)
  options = options or {}
  local name = os.tmpname()
  local file = assert(io.open(name, 'w'))
  file:write(source)
  file:close()
  local command = string.format('%s LUA_PATH=%s LUA_CPATH=%s %s timeout %d luajit %s %s 2>&1; echo "exit $?"', options.before or '',
    quote(package.path), quote(package.cpath), options.env or '', options.timeout or 120, options.flags or '', quote(name))
  local pipe = assert(io.popen(command))
  local text = pipe:read('*a')
  pipe:close()
  os.remove(name)
  local output, status = text:match('^(.-)exit (%d+)%s*$')
  return output, tonumber(status)
end

--- Runs Lua source in a process of its own, which must end well; gives what it printed.
function S.runs(source, options)
  local output, status = S.run(source, options)
  if status ~= 0 then error('the process ended with ' .. tostring(status) .. ': ' .. tostring(output), 2) end
  return output
end

--- Lua source of `resident()`, the process's resident megabytes, and `peak()`.
S.memory_functions = [[
local function status(key)
  for line in io.lines('/proc/self/status') do
    local kb = line:match('^' .. key .. ':%s*(%d+)')
    if kb then return tonumber(kb) / 1024 end
  end
end
local function resident() return status('VmRSS') end
local function peak() return status('VmHWM') end
]]

return S
