--- Exchange with PyTorch in the specs: what a safetensors file holds, read without Tocha's reader, and PyTorch itself where it is found.
-- @module spec.exchange

local tocha = require 'tocha'
local json = require 'tocha.io.json'

local E = {}

--- The entries of a safetensors file by name: {dtype, shape, bytes}.
function E.contents(path)
  local file = assert(io.open(path, 'rb'))
  local text = file:read('*a')
  file:close()
  local length = 0
  for i = 8, 1, -1 do length = length * 256 + text:byte(i) end
  local out = {}
  for name, entry in pairs(json.decode(text:sub(9, 8 + length))) do
    if name ~= '__metadata__' then
      local first, last = entry.data_offsets[1], entry.data_offsets[2]
      out[name] = {dtype = entry.dtype, shape = {unpack(entry.shape)}, bytes = text:sub(9 + length + first, 8 + length + last)}
    end
  end
  return out
end

local probe = [[-c "import importlib.util as u, sys; sys.exit(not (u.find_spec('torch') and u.find_spec('numpy')))" 2>/dev/null]]
local found

--- A Python that has torch and numpy, or false: TOCHA_TORCH_PYTHON, or python3.
function E.python()
  if found == nil then
    local python = os.getenv('TOCHA_TORCH_PYTHON') or 'python3'
    local status = os.execute(python .. ' ' .. probe)
    found = (status == 0 or status == true) and python
  end
  return found
end

--- Has PyTorch (spec/data/exchange/exchange.py) compute with files that Tocha wrote, in one process.
-- @tparam table names of models or optimizers
-- @tparam function prepare prepare(name) gives the tensors, or writes the file of the path itself and gives nil
-- @tparam function check check(name, tensors) of what PyTorch wrote
function E.with_torch(names, prepare, check)
  local place = os.tmpname()
  os.remove(place)
  assert(os.execute('mkdir ' .. place))
  for _, name in ipairs(names) do
    local path = place .. '/' .. name .. '.in'
    local tensors = prepare(name, path)
    if tensors then tocha.save(tensors, path) end
  end
  local pipe = io.popen(('%s spec/data/exchange/exchange.py run %s %s 2>&1'):format(E.python(), place, table.concat(names, ' ')))
  local text = pipe:read('*a')
  pipe:close()
  for _, name in ipairs(names) do
    local ok, result = pcall(tocha.load, ('%s/%s.out'):format(place, name))
    assert(ok, text)
    check(name, result)
  end
  os.execute('rm -r ' .. place)
end

return E
