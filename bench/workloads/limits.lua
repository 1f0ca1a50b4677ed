--- What the machine can do: copying within each level of memory, and OpenBLAS called directly. Measured by Tocha's process only.

local ffi = require 'ffi'

local list = {}
for _, c in ipairs{{'L2', 256 * 1024}, {'L3', 4 * 1024 * 1024}, {'DRAM', 128 * 1024 * 1024}} do
  list[#list + 1] = {name = 'copy in ' .. c[1], kind = 'memcpy', bytes = c[2], amount = 2 * c[2], unit = 'GB/s'}
end
for _, n in ipairs{64, 128, 256, 512, 1024, 2048} do
  list[#list + 1] = {name = 'sgemm of OpenBLAS ' .. n, kind = 'sgemm', n = n, amount = 2 * n ^ 3, unit = 'GFLOP/s'}
end

local make = {}

function make.memcpy(_, p)
  local from, to = ffi.new('uint8_t[?]', p.bytes, 1), ffi.new('uint8_t[?]', p.bytes, 2)
  return function() ffi.copy(to, from, p.bytes) end
end

local function openblas()
  for _, name in ipairs{'libopenblas.so.0', 'openblas'} do
    local ok, library = pcall(ffi.load, name)
    if ok then return library end
  end
  error('OpenBLAS was not found')
end

function make.sgemm(_, p, threads)
  pcall(ffi.cdef, [[
    void openblas_set_num_threads(int n);
    void cblas_sgemm(int order, int ta, int tb, int m, int n, int k, float alpha, const float *a, int lda, const float *b, int ldb,
                     float beta, float *c, int ldc);
  ]])
  local blas, n = openblas(), p.n
  local a, b, c = ffi.new('float[?]', n * n), ffi.new('float[?]', n * n), ffi.new('float[?]', n * n)
  for i = 0, n * n - 1 do a[i], b[i] = math.random(), math.random() end
  blas.openblas_set_num_threads(threads)
  return function() blas.cblas_sgemm(101, 111, 111, n, n, n, 1, a, n, b, n, 0, c, n) end
end

return {list = list, make = make, only_tocha = true}
