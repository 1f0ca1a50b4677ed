-- handles.lua: writes the C wrappers that Lua calls, one for each documented function of tocha.h (usage: luajit tools/handles.lua lib/tocha.h).
-- A wrapper turns handles and numbers into the C function's arguments, calls it in a scope of its own and hands the results over.
-- After them an index of the header by the names that Lua knows, so that a name is looked up in C and no list of them lives in Lua.
package.path = 'lua/?.lua;?.lua;' .. package.path
local schema = require 'tocha.schema'

local function read(path)
  local file = assert(io.open(path, 'rb'))
  local text = file:read('*a')
  file:close()
  return text
end

local out = {}
local function emit(format, ...) out[#out + 1] = string.format(format, ...) end

-- statements that make argument `name` of the C function, and the expression to pass
local makers = {}
function makers.tensor(p, self)
  if self then return nil, 'self' end
  return string.format('  tc_tensor *p_%s = tci_unwrap%s(%s, "%s");', p.name, p.optional and '_optional' or '', p.name, p.lua), 'p_' .. p.name
end
makers.indices = makers.tensor
function makers.operand(p, self)
  if self then return nil, 'self' end
  local call = p.optional and 'tci_unwrap_optional_operand(%s, %s_number, %s_given, "%s")' or 'tci_unwrap_operand(%s, %s_number, "%s")'
  local text = p.optional and call:format(p.name, p.name, p.name, p.lua) or call:format(p.name, p.name, p.lua)
  return string.format('  tc_tensor *p_%s = %s;', p.name, text), 'p_' .. p.name
end
function makers.tensors(p)
  local make = '  tc_tensor *few_%s[16], **p_%s = n_%s <= 16 ? few_%s : malloc((size_t)n_%s * sizeof *p_%s);\n' ..
    '  if (!p_%s) tci_fail("out of memory");\n' ..
    '  else if (tci_unwrap_list(%s, n_%s, p_%s, "%s") && tci_captures()) tci_watch_list(n_%s, p_%s);'
  local n = p.name
  local function fill(text) return text:format(n, n, n, n, n, n, n, n, n, n, p.lua, n, n) end
  return fill(make), ('%s ? p_%s : NULL, n_%s'):format(n, n, n), ('  if (p_%s != few_%s) free(p_%s);'):format(n, n, n)
end
local function from_one(ctype)
  return function(p)
    local n = p.name
    local make = '  %s p_%s[TC_MAX_DIMS];\n  if (n_%s > TC_MAX_DIMS) n_%s = 0, tci_fail("%s: more than %%d entries", TC_MAX_DIMS);\n' ..
      '  for (int i = 0; i < n_%s; i++) p_%s[i] = tci_from_one(%s[i], "%s");'
    return make:format(ctype, n, n, n, p.lua, n, n, n, p.lua), ('%s ? p_%s : NULL, n_%s'):format(n, n, n)
  end
end
makers.dims = from_one('tc_dim')
makers.positions = from_one('tc_index')
function makers.integers(p) return nil, ('%s, n_%s'):format(p.name, p.name) end
makers.numbers = makers.integers
function makers.dim(p)
  if p.optional and p.default == nil then
    return ('  if (%s != TC_NONE) %s = tci_from_one(%s, "%s");'):format(p.name, p.name, p.name, p.lua), p.name
  end
  return ('  %s = tci_from_one(%s, "%s");'):format(p.name, p.name, p.lua), p.name
end
makers.position = makers.dim
function makers.result(p) return ('  tc_tensor *r_%s = NULL;'):format(p.name), '&r_' .. p.name end

-- the one that crosses devices
local crosses = {copy_ = true}

-- all tensors of a call meet on one device
local function emit_meeting(fn, met, movable, numbers)
  if #met < 2 or crosses[fn.name] then return end
  emit('  tc_tensor *met[] = {%s};\n  tci_meet(%d, met, %d, %d);', table.concat(met, ', '), #met, movable, numbers)
  for i, name in ipairs(met) do
    if name ~= 'self' then emit('  %s = met[%d];', name, i - 1) end
  end
end

local lists = require 'tools.autocast'
local classes = {low = 'TCI_CAST_LOW', full = 'TCI_CAST_FULL', refused = 'TCI_CAST_REFUSED'}
local function class_of(name, device)
  for kind, names in pairs(lists[device]) do
    if names[name] then return classes[kind] end
  end
  return 'TCI_CAST_NOT'
end

-- mixed precision: the operands of some operators change dtype while autocast is on
local function emit_autocast(fn, met, tensor_lists)
  local cpu, cuda = class_of(fn.name, 'cpu'), class_of(fn.name, 'cuda')
  if cpu == 'TCI_CAST_NOT' and cuda == 'TCI_CAST_NOT' then return end
  emit('  if (__builtin_expect(tci_autocast_on, 0)) {')
  for _, name in ipairs(met) do emit('    %s = tci_autocast(%s, %s, %s);', name, name, cpu, cuda) end
  for _, name in ipairs(tensor_lists) do
    emit('    for (int i = 0; p_%s && i < n_%s; i++) p_%s[i] = tci_autocast(p_%s[i], %s, %s);', name, name, name, name, cpu, cuda)
  end
  emit('  }')
end

-- only calls, sets no results: the arguments and what to free afterwards
local function arguments(fn, inplace)
  local names, after, seen_self = {}, {}, false
  local met, movable, numbers, tensor_lists = {}, 0, 0, {}
  for _, p in ipairs(fn.params) do
    local maker = makers[p.kind]
    local self = inplace and not seen_self and (p.kind == 'tensor' or p.kind == 'operand')
    seen_self = seen_self or self
    local before, expression, cleanup = nil, p.name, nil
    if maker then before, expression, cleanup = maker(p, self) end
    if before then emit('%s', before) end
    names[#names + 1] = expression
    after[#after + 1] = cleanup
    if p.kind == 'tensor' or p.kind == 'operand' or p.kind == 'indices' then
      if p.kind == 'indices' then movable = movable + 2 ^ #met elseif p.kind == 'operand' then numbers = numbers + 2 ^ #met end
      met[#met + 1] = expression
    elseif p.kind == 'tensors' then tensor_lists[#tensor_lists + 1] = p.name
    end
  end
  emit('  TCI_BEGIN(%d, %s);', #met, met[1] and table.concat(met, ', ') or 'NULL')
  emit_meeting(fn, met, movable, numbers)
  if not inplace then emit_autocast(fn, met, tensor_lists) end
  return table.concat(names, ', '), after
end

local function plain(fn)
  local first = schema.collects_first(fn)
  emit('%s {\n%s  size_t mark = tci_enter("%s");', schema.wrapper(fn, 'tc_h_'), first and '  TCI_COLLECT_FIRST();\n' or '', fn.name)
  local args, after = arguments(fn, false)
  if fn.returns == 'tc_tensor *' then
    emit('  tc_tensor *r = tci_failed() ? NULL : %s(%s);', fn.c, args)
    for _, p in ipairs(fn.params) do
      if p.kind == 'result' then emit('  tci_wrap(%s, r_%s);', p.name, p.name) end
    end
    emit('  tci_wrap(out, r);')
  elseif fn.returns == 'void' then emit('  if (!tci_failed()) %s(%s);', fn.c, args)
  else emit('  *out = tci_failed() ? 0 : tci_plain_number((double)%s(%s));', fn.c, args)
  end
  for _, text in ipairs(after) do emit('%s', text) end
  emit('  return %s(mark);\n}\n', first and 'tci_leave_calmly' or 'tci_leave')
end

local function inplace(fn)
  local self
  for _, p in ipairs(fn.params) do
    if p.kind == 'tensor' or p.kind == 'operand' then self = p break end
  end
  local name = fn.name:find('_$') and fn.name or fn.name .. '_'
  emit('%s {\n  size_t mark = tci_enter("%s");', schema.wrapper(fn, 'tc_i_'), name)
  local direct = (fn.tags.inplace or {})[1] == 'direct'
  emit('  tc_tensor *x = tci_unwrap(%s, "%s"), *self = tci_inplace_begin(x, %s);', self.name, self.lua, tostring(direct))
  if self.kind == 'operand' then emit('  (void)%s_number;', self.name) end
  local args, after = arguments(fn, true)
  emit('  tci_inplace(x, tci_failed() ? NULL : %s(%s));', fn.c, args)
  for _, text in ipairs(after) do emit('%s', text) end
  emit('  return tci_leave(mark);\n}\n')
end

emit('/* Made from tocha.h by tools/handles.lua. */\n#include "glue.h"\n#include <stdlib.h>\n#pragma GCC visibility push(default)\n')
-- where in the header's text each function is that Lua can ask for, in the order of their keys
local function index(functions)
  local place, keys = {}, {}
  for _, fn in ipairs(functions) do
    for _, entry in ipairs(schema.keys(fn)) do
      local key, form = entry[1], entry[2]
      if not place[key] then keys[#keys + 1] = key end
      place[key] = ('{"%s", %d, %d, %s}'):format(key, fn.first - 1, fn.last - fn.first + 1, tostring(form == 'tc_i_'))
    end
  end
  table.sort(keys)
  emit('const tci_place tci_places[] = {')
  for _, key in ipairs(keys) do emit('  %s,', place[key]) end
  emit('};\nconst int tci_place_count = %d;', #keys)
end

local functions = {}
for _, fn in ipairs(schema.parse(read(arg[1]))) do
  if fn.name then functions[#functions + 1] = fn end
end
for _, fn in ipairs(functions) do
  for _, form in ipairs(schema.forms(fn)) do
    if form == 'tc_h_' then plain(fn) else inplace(fn) end
  end
end
index(functions)
emit('#pragma GCC visibility pop')
print(table.concat(out, '\n'))
