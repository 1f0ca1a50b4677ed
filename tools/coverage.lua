-- coverage.lua: which of PyTorch's names of tensors, operators and autograd Tocha has, and why the others are left out (usage: luajit
-- tools/coverage.lua > docs/coverage-operators.md). tools/names/ holds the names, a group a line; the library itself is asked for each.
package.path = 'lua/?.lua;lua/?/init.lua;' .. package.path
local tocha = require 'tocha'

local sparse = 'there are no sparse tensors'
local quantised = 'there are no quantised tensors'
local storage = 'a tensor is all one sees of its memory; `data_ptr`, `is_set_to`'
local narrow = 'no kernels for this dtype'
local reasons = {
  [sparse] = [[sparse_coo_tensor sparse_csr_tensor sparse_csc_tensor sparse_bsr_tensor sparse_bsc_tensor is_sparse is_sparse_csr to_dense to_sparse
    to_sparse_coo to_sparse_csr to_sparse_csc to_sparse_bsr to_sparse_bsc dense_dim sparse_dim indices values is_coalesced coalesce smm sspaddmm
    sparse_mask]],
  [quantised] = [[quantize_per_tensor quantize_per_channel dequantize fake_quantize_per_channel_affine fake_quantize_per_tensor_affine is_quantized
    int_repr q_scale q_zero_point q_per_channel_scales q_per_channel_zero_points q_per_channel_axis qscheme]],
  [storage] = [[is_storage storage untyped_storage storage_type const_data_ptr set_ frombuffer from_file is_shared share_memory_
    as_subclass]],
  [narrow] = 'complex32 chalf float8_e4m3fn float8_e5m2 float8_e4m3fnuz float8_e5m2fnuz float8_e8m0fnu float4_e2m1fn_x2 uint16 uint32 uint64',
  ['other frameworks\' tensors and devices'] = 'from_numpy from_dlpack numpy xpu to_mkldnn is_mkldnn is_meta',
  ['tensors are row-major; `x:contiguous()` and `permute` say the rest'] = [[layout contiguous_format channels_last channels_last_3d preserve_format
    dim_order]],
  ['set_default_dtype; devices are named where tensors are made'] = 'set_default_device get_default_device set_default_tensor_type',
  ['results are deterministic always (docs/design.md); nothing warns'] = [[use_deterministic_algorithms are_deterministic_algorithms_enabled
    set_deterministic_debug_mode get_deterministic_debug_mode set_warn_always]],
  ['one pool of threads; set_num_threads'] = 'get_num_interop_threads set_num_interop_threads',
  ['of PyTorch\'s own building and exporting'] = [[compiled_with_cxx11_abi _assert cond _foreach_*(60+) module_load set_flush_denormal names
    is_inference_mode_enabled is_inference functionalize debug_unwrap rearrange emit_nvtx emit_itt load_nvprof parse_nvprof_trace EnforceUnique
    KinetoStepTracker EventList FunctionEvent FunctionEventAvg Interval Kernel MemRecordsAcc StringTable]],
}
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

local out = {}
local function say(format, ...) out[#out + 1] = format:format(...) end
local all, there = 0, 0

local function section(title, file, path_of)
  say('## %s\n\n| group | names | there | left out |\n|---|---|---|---|', title)
  for line in io.lines('tools/names/' .. file) do
    local group, names = line:match('^(.-): (.*)$')
    local path, count, missing = path_of(group), 0, {}
    for name in names:gmatch('%S+') do
      count = count + 1
      if not has(path, name) then missing[#missing + 1] = '`' .. name .. '`' end
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
say('%d of %d names are there (%.1f %%).\n', there, all, 100 * there / all)
say('## Why\n\n| left out | because |\n|---|---|')
local list = {}
for reason, names in pairs(reasons) do
  local missing = {}
  for name in names:gmatch('%S+') do
    if not has('', name) then missing[#missing + 1] = '`' .. name .. '`' end
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
