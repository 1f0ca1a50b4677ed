--- Every operator against its row in spec/cases: values, gradients of both orders, layouts, dtypes, in-place forms, wrong arguments; and
-- that every operator of tocha.h has a row.

local H = require 'spec.harness'
local S = require 'spec.support'
local schema = require 'tocha.schema'

-- What a row cannot describe: no fixed values, no tensor, or a family with a spec of its own. The file must exist.
local elsewhere = {
  ['spec/ops/neural_spec.lua'] = [[rrelu gumbel_softmax]],
  ['spec/ops/fft_spec.lua'] = [[fft_fft fft_ifft fft_rfft fft_irfft fft_hfft fft_ihfft fft_fft2 fft_ifft2 fft_rfft2 fft_irfft2 fft_hfft2 fft_ihfft2
    fft_fftn fft_ifftn fft_rfftn fft_irfftn fft_hfftn fft_ihfftn fft_fftfreq fft_rfftfreq fft_fftshift fft_ifftshift]],
  ['spec/ops/stft_spec.lua'] = [[stft istft]],
  ['spec/ops/linalg_spec.lua'] = [[solve_triangular solve lu_factor pivots_matrix cholesky qr geqrf
    householder_product ormqr ldl_factor linalg_ldl_solve eigh eig svd]],
  ['spec/ops/index_spec.lua'] = [[index_get fill_diagonal_]],
  ['spec/ops/random_spec.lua'] = [[rand randn randint rand_like randn_like randint_like randperm bernoulli poisson binomial _standard_gamma
    normal multinomial uniform_ normal_ log_normal_ exponential_ cauchy_ geometric_ bernoulli_ random_ dropout dropout1d dropout2d dropout3d alpha_dropout feature_alpha_dropout]],
  ['spec/lib/fields_spec.lua'] = [[numel storage_offset is_contiguous element_size]],
  ['spec/io/save_load_spec.lua'] = [[read_idx file_bytes file_slice file_write]],
  ['spec/lib/threads_spec.lua'] = [[set_num_threads get_num_threads]],
  ['spec/optim/steps_spec.lua'] = [[adadelta_step adagrad_step adam_step adamax_step asgd_step nadam_step radam_step rmsprop_step rprop_step
    sgd_step]],
  ['spec/optim/more_optimizers_spec.lua'] = [[lion_step lamb_step muon_step]],
  ['spec/cuda/host_spec.lua'] = [[pin_memory]],
  ['spec/autograd/graph_spec.lua'] = [[requires_grad_ detach detach_]],
}

local function exists(path)
  local file = io.open(path)
  if file then file:close() end
  return file ~= nil
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read('*a')
  file:close()
  return text
end

local function case_files()
  local files = {}
  for name in require('lfs').dir('spec/cases') do
    if name:match('%.lua$') then files[#files + 1] = name:sub(1, -5) end
  end
  table.sort(files)
  return files
end

local covered = {}
for path, names in pairs(elsewhere) do
  for name in names:gmatch('%S+') do covered[name] = path end
end

local functions = {}
for _, fn in ipairs(schema.parse(read('lib/tocha.h'))) do
  if fn.name then functions[fn.name] = fn end
end

local filter = os.getenv('TOCHA_CASES') -- a pattern of names: only these rows, while working on one

local function seeded(check, row)
  return function()
    S.seed(#row.name + #(row.label or ''))
    check(row)
  end
end

local function describe_row(row)
  local name, fn = row.name, functions[row.name]
  local title = row.label and name .. ' (' .. row.label .. ')' or name
  if filter and not name:match(filter) then return end
  it(title .. ' gives the reference values', seeded(H.check_values, row))
  it(title .. ' gives them in every dtype it claims', seeded(H.check_dtypes, row))
  if row.layouts ~= false then it(title .. ' does not mind how its inputs lie in memory', seeded(H.check_layouts, row)) end
  if not row.call then it(title .. ' gives the same by all its names', seeded(H.check_forms, row)) end
  if row.grad then it(title .. ' has a correct gradient', seeded(H.check_gradients, row)) end
  if row.grad and row.grad ~= 'once' then it(title .. ' has a correct gradient of its gradient', seeded(H.check_second_order, row)) end
  if fn and fn.tags.inplace and row.inplace ~= false then it(title .. ' does the same in place', seeded(H.check_inplace, row)) end
  it(title .. ' refuses wrong arguments by name', seeded(H.check_wrong, row))
end

for _, file in ipairs(case_files()) do
  describe('cases of ' .. file, function()
    for _, row in ipairs(require('spec.cases.' .. file)) do
      H.complete(row)
      covered[row.name] = covered[row.name] or true
      describe_row(row)
    end
  end)
end

describe('the table of operator cases', function()
  it('has a row for every operator of tocha.h', function()
    local missing = {}
    for name in pairs(functions) do
      if not covered[name] and not covered[name:gsub('_$', '')] then missing[#missing + 1] = name end
    end
    table.sort(missing)
    assert.equal('', table.concat(missing, ' '))
  end)

  it('names only specs that exist for the rest', function()
    for path in pairs(elsewhere) do assert.is_true(exists(path), path) end
  end)

  it('has rows only for functions that exist', function()
    local tocha = require 'tocha'
    for name in pairs(covered) do
      assert.is_true(functions[name] ~= nil or H.forms(name)[1] ~= nil, name)
    end
    assert.is_table(tocha)
  end)
end)
