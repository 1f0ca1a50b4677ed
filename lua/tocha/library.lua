--- Finds and opens libtocha.so, and declares its functions from the header it carries.
-- @module tocha.library

local ffi = require 'ffi'

local here = debug.getinfo(1, 'S').source:match('^@(.*)/tocha/library%.lua$') or '.'

-- where to look: what the user says; in a checkout its build folder; installed as share/lua/5.1/tocha/, lib/lua/5.1 of the same tree;
-- then where packages put C modules, absolute paths before those that depend on the folder one happens to be in
local function candidates()
  local said = os.getenv('TOCHA_LIBRARY')
  if said and said ~= '' then return {said} end
  local list, relative = {here .. '/../build/libtocha.so', here .. '/../../../lib/lua/5.1/libtocha.so'}, {}
  for template in package.cpath:gmatch('[^;]+') do
    local path = template:find('?', 1, true) and template:gsub('%?[^/]*$', 'libtocha.so')
    local to = path and path:sub(1, 1) == '/' and list or relative
    if path then to[#to + 1] = path end
  end
  for _, path in ipairs(relative) do list[#list + 1] = path end
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

-- The FFI reads plain declarations: no preprocessor lines, no comments, no second declaration of what is known. Documented functions
-- are called through their wrappers, which binding.lua declares one by one; but for these:
local direct = {tc_numel = true, tc_zeros = true, tc_get_num_threads = true}

local function declarations(text)
  local lines, documented = {}, false
  for line in text:gsub('/%*.-%*/', ''):gmatch('[^\n]+') do
    local name = line:match('(tc_[%w_]+)%(')
    if line:find('^///') then documented = true
    else
      if not line:find('^#') and name ~= 'tc_header' and (not documented or direct[name]) then lines[#lines + 1] = line end
      documented = false
    end
  end
  return table.concat(lines, '\n')
end

ffi.cdef(declarations(ffi.string(C.tc_header())))
ffi.cdef 'struct tc_handle { tc_tensor *_t; uint64_t id; };'

-- gives C the Lua state, once
local native = package.loadlib(path, 'luaopen_tocha_native')
if native then native() end

return {C = C, path = path}
