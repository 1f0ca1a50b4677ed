-- coverage.lua: which of PyTorch's names of tensors, operators and autograd Tocha has, and why the others are left out (usage: luajit
-- tools/coverage.lua > docs/coverage-operators.md). tools/names/ holds the names, a group a line; the library itself is asked for each.
package.path = 'lua/?.lua;lua/?/init.lua;' .. package.path
local tocha = require 'tocha'

local sparse = 'there are no sparse tensors'
local own = 'of PyTorch\'s own building, exporting and profiling'
local others = 'other frameworks\' tensors and devices'
local quantised = 'there are no quantised tensors'
local narrow = 'no kernels for this dtype'
local errors_are_text = 'errors are text; `pcall` and what it says'
local reasons = {
  [sparse] = [[sparse_coo_tensor sparse_csr_tensor sparse_csc_tensor sparse_bsr_tensor sparse_bsc_tensor to_dense to_sparse to_sparse_coo
    to_sparse_csr to_sparse_csc to_sparse_bsr to_sparse_bsc dense_dim sparse_dim indices values is_coalesced coalesce smm sspaddmm sparse_mask]],
  [quantised] = [[quantize_per_tensor quantize_per_channel dequantize fake_quantize_per_channel_affine fake_quantize_per_tensor_affine
    int_repr q_scale q_zero_point q_per_channel_scales q_per_channel_zero_points q_per_channel_axis qscheme]],
  ['a tensor is one C type; metatables make no others of it'] = 'as_subclass',
  ['dims have numbers, no names'] = 'names',
  [narrow] = 'complex32 chalf float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 uint16 uint32 uint64',
  [others] = 'from_numpy from_dlpack numpy xpu to_mkldnn',
  [own] = [[debug_unwrap emit_nvtx emit_itt load_nvprof parse_nvprof_trace EnforceUnique KinetoStepTracker EventList
    FunctionEvent FunctionEventAvg Interval Kernel MemRecordsAcc StringTable region_activation_memory_budget]],
  ['the library is C'] = 'compiled_with_cxx11_abi',
  ['for tracing by PyTorch\'s compiler: `tocha.compile` records operators in place as they are'] = 'functionalize',
  ['the older names of what Function is'] = 'BackwardCFunction InplaceFunction NestedIOFunction',
  ['backward runs in the thread that calls it, its operators in all threads'] = 'grad_mode.set_multithreading_enabled',
  ['a gradient has the memory format that its operator gives'] = 'grad_mode.enforce_grad_layout_policy',
  ['a second run that saves something else is an error that says what'] = 'set_checkpoint_debug_enabled',
  ['operators on many tensors at once: the optimizers call C for them'] = '_foreach_*(60+)',
  ['derived from `backward`, and from calls for each slice'] = 'Function.jvp Function.vmap',
  [errors_are_text] = 'GradcheckError CheckpointError',
  ['`grad_fn` of what an operator gives; `tocha.graph`'] = 'node_creation_hook',
  ['checkpoint the parts that are to be computed again'] = [[CheckpointPolicy SelectiveCheckpointContext create_selective_checkpoint_contexts
    SAC_IGNORED_OPS]],
}
-- what was never meant to be there: it does not count in the second figure
local beyond = {[sparse] = true, [quantised] = true, [own] = true, [others] = true,
  ['operators on many tensors at once: the optimizers call C for them'] = true}
local why = {}
for reason, names in pairs(reasons) do
  for name in names:gmatch('%S+') do why[name] = reason end
end

local sample = tocha.ones(2, 2):requires_grad_():clone()
local fields = {grad = true, grad_fn = true, is_cpu = true, retains_grad = true} -- they may be nil, or are methods in part

-- is there tocha.PATH.name, or (for tensors) x.name?
local function has(path, name)
  local good, value = pcall(function()
    local t = tocha
    for part in path:gmatch('[^.]+') do t = t[part] end
    return t[name]
  end)
  if good and value ~= nil then return true end
  if path ~= '' then return false end
  good, value = pcall(function() return sample[name] end)
  return fields[name] or good and value ~= nil
end

-- Names of autograd that are fields of objects: looked up in one that is made here.
local context
local Sample = tocha.class('Sample', tocha.autograd.Function)
function Sample.forward(ctx, x)
  context = ctx
  return x * 1
end
function Sample.backward(_, g) return g end
local called = {}
local Split = tocha.class('Split', tocha.autograd.Function)
for _, name in ipairs{'forward', 'backward', 'setup_context', 'jvp', 'vmap'} do
  Split[name] = function(x, g)
    called[(name == 'jvp' or name == 'vmap') and 'Function.' .. name or name] = true
    return name == 'forward' and x * 1 or name == 'backward' and g or nil
  end
end
Split.apply(tocha.ones(2):requires_grad_()):sum():backward()
local node = Sample.apply(sample).grad_fn
local profile = tocha.profiler.profile(function() return sample + 1 end)
local objects = {['^ctx%.'] = context, ['^Node%.'] = node, ['^export_chrome_trace$'] = profile, ['^key_averages$'] = profile}
local by_hand = {forward = called.forward, backward = called.backward, setup_context = called.setup_context,
  ['in-place-version-counters'] = sample._version, self_cpu_time_total = profile.self_cpu_time_total, total_average = profile.total_average}

local function has_of_autograd(spaces, name)
  if name == 'Function.jvp' or name == 'Function.vmap' then return called[name] end
  for pattern, object in pairs(objects) do
    if name:find(pattern) then return object[name:gsub('^%a+%.', '')] ~= nil end
  end
  if by_hand[name] ~= nil then return true end
  for _, space in ipairs(spaces) do
    local path = (space .. name):match('^(.*)%.[^.]*$') or ''
    if has(path, name:match('[^.]*$')) then return true end
  end
  return false
end

local spaces = {top = {'', 'autograd.'}, ['forward mode'] = {'autograd.'}, functional = {'autograd.functional.'}, Function = {'autograd.'},
  ['check / debug'] = {'autograd.'}, graph = {'autograd.graph.', 'autograd.'}, profiler = {'profiler.'}, func = {'func.'},
  checkpoint = {'utils.checkpoint.'}}

local out, is_there = {}, {}
local function say(format, ...) out[#out + 1] = format:format(...) end
local all, there = 0, 0

local function section(title, file, path_of, asks)
  say('## %s\n\n| group | names | there | left out |\n|---|---|---|---|', title)
  for line in io.lines('tools/names/' .. file) do
    local group, names = line:match('^(.-): (.*)$')
    local path, count, missing = path_of(group), 0, {}
    for name in names:gmatch('%S+') do
      count = count + 1
      local found
      if asks then found = asks(group, name) else found = has(path, name) end
      is_there[name] = is_there[name] or found
      if not found then missing[#missing + 1] = '`' .. name .. '`' end
    end
    all, there = all + count, there + count - #missing
    say('| %s | %d | %d | %s |', group, count, count - #missing, table.concat(missing, ' '))
  end
  say('')
end

say('# Names of PyTorch: tensors, operators, linear algebra\n')
say('Made by `tools/coverage.lua`, which asks the library for each name. Layers, optimizers and distributions: [coverage.md](coverage.md).\n')
section('Functions of tocha', 'tocha.txt', function() return '' end)
section('Fields and methods of tensors', 'tensor.txt', function() return '' end)
section('Spaces', 'spaces.txt', function(group) return (group:gsub('^torch%.', '')) end)
section('Autograd', 'autograd.txt', function() return '' end, function(group, name) return has_of_autograd(spaces[group], name) end)
say('%d of %d names are there (%.1f %%).', there, all, 100 * there / all)
local excused = 0
for line in table.concat(out, '\n'):gmatch('| ([^\n]*) |\n') do
  for name in (line:match('|[^|]*|[^|]*|([^|]*)$') or ''):gmatch('`([^`]+)`') do
    if beyond[why[name]] then excused = excused + 1 end
  end
end
say('Without sparse and quantised tensors, `_foreach_*` and what belongs to other libraries or to PyTorch\'s own profiler, that is %d of %d (%.1f %%).\n',
  there, all - excused, 100 * there / (all - excused))
say('## Why\n\n| left out | because |\n|---|---|')
local list = {}
for reason, names in pairs(reasons) do
  local missing = {}
  for name in names:gmatch('%S+') do
    if not is_there[name] then missing[#missing + 1] = '`' .. name .. '`' end
  end
  if #missing > 0 then list[#list + 1] = ('| %s | %s |'):format(table.concat(missing, ' '), reason) end
end
table.sort(list)
say('%s', table.concat(list, '\n'))

-- a name that is left out without a reason is a mistake
for line in table.concat(out, '\n'):gmatch('| ([^\n]*) |\n') do
  local left = line:match('|[^|]*|[^|]*|([^|]*)$')
  for name in (left or ''):gmatch('`([^`]+)`') do
    if not why[name] then io.stderr:write('no reason for ', name, '\n') os.exit(1) end
  end
end
print(table.concat(out, '\n'))
