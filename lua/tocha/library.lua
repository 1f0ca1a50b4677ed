--- Finds and opens libtocha.so, and declares its functions from the header it carries.
-- @module tocha.library

local ffi = require 'ffi'

local here = debug.getinfo(1, 'S').source:match('^@(.*)/tocha/library%.lua$') or '.'

-- where to look: what the user says, beside the Lua files of a checkout, and where packages put C modules
local function candidates()
  local list = {}
  local said = os.getenv('TOCHA_LIBRARY')
  if said and said ~= '' then list[1] = said end
  list[#list + 1] = here .. '/../build/libtocha.so'
  for template in package.cpath:gmatch('[^;]+') do
    if template:find('?', 1, true) then list[#list + 1] = (template:gsub('%?[^/]*$', 'libtocha.so')) end
  end
  list[#list + 1] = here .. '/../../../lib/libtocha.so'
  return list
end

local function open()
  local reasons = {}
  for _, path in ipairs(candidates()) do
    local file = io.open(path, 'rb')
    if file then
      file:close()
      local ok, result = pcall(ffi.load, path)
      if ok then return result, path end
      reasons[#reasons + 1] = tostring(result)
    else
      reasons[#reasons + 1] = path .. ': no such file'
    end
  end
  error('tocha: libtocha.so was not found or not opened (TOCHA_LIBRARY may name it):\n  ' .. table.concat(reasons, '\n  '), 0)
end

local C, path = open()
ffi.cdef('const char *tc_header(void);')
local header = ffi.string(C.tc_header())

-- the FFI reads plain declarations: no preprocessor lines, no comments, no second declaration of what is known
local function declarations(text)
  text = text:gsub('/%*.-%*/', ''):gsub('\n///[^\n]*', ''):gsub('\n#[^\n]*', '')
  return (text:gsub('const char %*tc_header%(void%);', ''))
end

ffi.cdef(declarations(header))
ffi.cdef 'struct tc_handle { tc_tensor *_t; uint64_t id; };'

-- gives C the Lua state, once
local native = package.loadlib(path, 'luaopen_tocha_native')
if native then native() end

return {C = C, path = path, header = header}
