-- tape.lua: writes the recording twins of all kernels (usage: luajit tools/tape.lua kernels/kernels.h). A twin writes its arguments on the
-- tape (lib/tape.h) and calls the kernel; a player calls the kernel with the arguments from the tape.

-- What kernels write: arguments that are outputs, with + where the old values count too. Kernels that are not here, or whose arguments this
-- program does not understand, refuse to be recorded. A loop's output is its operand 0, a reduction's its `out`.
local writes = {
  pointwise = 'l', copy = 'l', accumulate = '+l', max_pool = 'y index', avg_pool = 'y', avg_unpool = 'x', plane_put = 'x', plane_take = 'y',
  conv_forward = 'y', conv_input = 'x', conv_weight = 'w', gemm = '+c', reduce = 'r', softmax = 'y', softmax_backward = 'dx',
  label_loss = 'result each stats total', label_loss_backward = 'dx', pair_loss = 'out', pair_loss_backward = 'dx',
  group_norm = 'y mean rstd', group_norm_backward = 'dx dw db', batch_norm = 'y mean rstd +running_mean +running_var',
  batch_norm_backward = 'dx dw db', embedding = 'y', embedding_backward = '+dtable', bag_argmax = 'most', ctc = 'loss slope',
  lstm_step = 'out cell acts', lstm_step_backward = 'dgates dc', gru_step = 'out acts', gru_step_backward = 'dx dh dbefore',
  arg_reduce = 'r index', moments = 'r mean', scan = 'y index', positions = 'l', offsets = 'out', gather = 'k', scatter = '+k',
  triangle = 'y', sort = 'values index', topk = 'values index', rank = 'values index', mode = 'values index', random = 'y',
  random_from = 'y', gamma_slope = 'y', dropout = 'y', multinomial = 'y', searchsorted = 'out', bincount = '+out', histc = '+count',
  cdist = 'y', resample = 'y', fft = 'y', lapack = 'p', attention = 'p',
}
-- what operators can do without: while recording they are told that it is not there
local optional = {gemm_bias = true, attention_backward = true, rnn = true}
local random = {random = true, random_from = true, dropout = true, multinomial = true}
local arrays = {offsets = {size = 'ndim', stride = 'ndim'}} -- arguments that are numbers, not places in tensors

local plain = {int = true, bool = true, double = true, int64_t = true}
-- their last fields: what follows is padding, which no comparison may see
local structs = {tc_conv = 'dilation', tc_pool = 'count_borders', tc_rows = 'inner', tc_label_loss = 'reduction', tc_norm_groups = 'rms',
  tc_norm_channels = 'training'}
-- those with padding inside: all their fields
local padded = {tc_fft = 'kind inverse n in out outer inner scale middle'}
local planned = {tc_loop = 'loop', tc_reduction = 'reduction', tc_lanes = 'lanes', tc_view = 'view'}

local out = {}
local function emit(format, ...) out[#out + 1] = string.format(format, ...) end

local function read_slots(path)
  local file = assert(io.open(path, 'rb'))
  local text = file:read('*a')
  file:close()
  local body = text:match('#define TC_KERNEL_SLOTS%(X%)(.-)/%* end %*/'):gsub('\\\n', ' ')
  local slots = {}
  for name, params in body:gmatch('X%(([%w_]+), (%b())%)') do
    local slot = {name = name, params = params, args = {}}
    for part in params:sub(2, -2):gmatch('[^,]+') do
      local ctype, arg = part:match('^%s*(.-)([%w_]+)%s*$')
      slot.args[#slot.args + 1] = {ctype = ctype:gsub('%s+$', ''), name = arg}
    end
    slots[#slots + 1] = slot
  end
  return slots
end

-- what is written depends on other arguments
local conditional = {gemm = {c = 'beta != 0 ? TCT_CHANGE : TCT_WRITE'}}

local function modes_of(slot)
  local modes = {}
  for plus, name in (writes[slot.name] or ''):gmatch('(%+?)([%w_]+)') do modes[name] = plus == '' and 'TCT_WRITE' or 'TCT_CHANGE' end
  for name, mode in pairs(conditional[slot.name] or {}) do modes[name] = mode end
  return modes
end

-- the statement that records an argument; nil if there is no way
local function recorder(slot, a, mode)
  local base = a.ctype:match('^const ([%w_]+) %*$') or a.ctype:match('^([%w_]+) %*$')
  local count = (arrays[slot.name] or {})[a.name]
  if plain[a.ctype] then return ('q->%s = %s; tct_sign(&q->%s, sizeof q->%s);'):format(a.name, a.name, a.name, a.name) end
  if count then return ('q->%s = tct_copy(%s, (size_t)%s * sizeof *%s);'):format(a.name, a.name, count, a.name) end
  if planned[base] then return ('q->%s = tct_%s(%s, %s);'):format(a.name, planned[base], a.name, mode) end
  if structs[base] then
    local last = structs[base]
    return ('q->%s = tct_struct(%s, sizeof *%s, offsetof(%s, %s) + sizeof %s->%s);'):format(a.name, a.name, a.name, base, last, a.name, last)
  end
  if padded[base] then
    local text = ('q->%s = tct_struct(%s, sizeof *%s, 0);'):format(a.name, a.name, a.name)
    for field in padded[base]:gmatch('%S+') do text = text .. (' tct_sign(&%s->%s, sizeof %s->%s);'):format(a.name, field, a.name, field) end
    return text
  end
  if base == 'double' then return ('q->%s = tct_copy(%s, 4 * sizeof *%s);'):format(a.name, a.name, a.name) end
  if base == 'tc_draw' then return ('q->%s = tct_draw(%s);'):format(a.name, a.name) end
  if base == 'tc_taps' then return ('q->%s = tct_taps(%s);'):format(a.name, a.name) end
  if base == 'tc_lapack' then return ('q->%s = tct_lapack(%s);'):format(a.name, a.name) end
  if base == 'tc_attention' then return ('q->%s = tct_attention(%s);'):format(a.name, a.name) end
  if a.ctype == 'tc_stream' then return ('q->%s = %s; tct_stream(&q->%s);'):format(a.name, a.name, a.name) end
  if base == 'tc_fault' then return ('q->%s = &tct_fault;'):format(a.name) end
  if base == 'void' or base == 'int64_t' then return ('q->%s = %s; tct_place((void *)&q->%s, %s);'):format(a.name, a.name, a.name, mode) end
end

local function names(slot, prefix)
  local list = {}
  for i, a in ipairs(slot.args) do list[i] = prefix .. a.name end
  return table.concat(list, ', ')
end

-- inputs are recorded before outputs: what a kernel both reads and writes is seen being read first
local function statements(slot)
  local modes, reads, rest = modes_of(slot), {}, {}
  for _, a in ipairs(slot.args) do
    local text = recorder(slot, a, modes[a.name] or 'TCT_READ')
    if not text then return nil end
    local list = modes[a.name] and rest or reads
    list[#list + 1] = text
  end
  for _, text in ipairs(rest) do reads[#reads + 1] = text end
  return reads
end

local function write_slot(slot)
  local list = writes[slot.name] and statements(slot)
  if optional[slot.name] then
    emit('static int record_%s%s { return TC_MISSING; }\n', slot.name, slot.params)
    return
  end
  if not list then
    emit('static int record_%s%s { tct_refuse("%s"); return tct_real->%s(%s); }\n', slot.name, slot.params, slot.name, slot.name, names(slot, ''))
    return
  end
  emit('typedef struct args_%s {', slot.name)
  for _, a in ipairs(slot.args) do emit('  %s%s%s;', a.ctype, a.ctype:find('%*$') and '' or ' ', a.name) end
  emit('} args_%s;', slot.name)
  emit('static int play_%s(const tc_kernels *k, void *p) {\n  args_%s *q = p;\n  return k->%s(%s);\n}', slot.name, slot.name, slot.name, names(slot, 'q->'))
  emit('static int record_%s%s {', slot.name, slot.params)
  emit('  args_%s *q = tct_begin(TCT_%s, play_%s, sizeof *q);\n  if (q) {', slot.name, slot.name, slot.name)
  for _, text in ipairs(list) do emit('    %s', text) end
  emit('    tct_end(%s);\n  }', tostring(random[slot.name] == true))
  emit('  return tct_real->%s(%s);\n}\n', slot.name, names(slot, ''))
end

local slots = read_slots(arg[1])
emit('/* Made from kernels.h by tools/tape.lua. */\n#include "tape.h"\n')
for _, slot in ipairs(slots) do write_slot(slot) end
emit[[
tc_member tct_member(const tc_instruction *i) {
  const args_pointwise *q = i->args;
  return (tc_member){q->op, q->compute, q->l, q->p, {-1, -1, -1, -1}};
}
]]
emit[[
tc_reduction *tct_folding(const tc_instruction *i) {
  const args_reduce *q = i->args;
  return (tc_reduction *)q->r;
}
]]
emit('#define X(name, params) .name = record_##name,\nconst tc_kernels tct_recorder = { TC_KERNEL_SLOTS(X) };\n#undef X')
print(table.concat(out, '\n'))
