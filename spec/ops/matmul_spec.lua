--- Matrix products beyond the table of cases: every size class and layout of the kernels, threads, batches, empty sizes, numbers that
-- are not finite, errors.

local tocha = require 'tocha'
local S = require 'spec.support'
local F = tocha.nn.functional

local function whole(lo, hi) return lo + math.floor(S.uniform() * (hi - lo + 1)) end

-- a matrix in one of the layouts that a product meets: row by row, turned, with gaps, both
local function matrix(rows, columns, kind, options)
  if kind == 1 then return tocha.randn(rows, columns, options) end
  if kind == 2 then return tocha.randn(columns, rows, options):t() end
  if kind == 3 then return tocha.randn(rows + 3, columns + 5, options):narrow(1, 2, rows):narrow(2, 3, columns) end
  return tocha.randn(columns + 3, rows + 5, options):narrow(1, 2, columns):narrow(2, 3, rows):t()
end

-- one row and one column of alpha a b + beta c in float64, by products of elements
local function row_of(a, b, c, row, alpha, beta) return (a[row]:double():unsqueeze(2) * b:double()):sum(1) * alpha + c[row]:double() * beta end
local function column_of(a, b, c, column, alpha, beta)
  return (a:double() * b:select(2, column):double()):sum(2) * alpha + c:select(2, column):double() * beta
end

describe('products of matrices', function()
  it('are right for all sizes and layouts', function()
    S.seed(1)
    tocha.manual_seed(1)
    for case = 1, 120 do
      local dtype = case % 2 == 0 and 'float64' or 'float32'
      local most = ({9, 70, 70, 600})[whole(1, 4)]
      local m, k, n = whole(1, most), whole(1, case % 5 == 0 and 1300 or 80), whole(1, most)
      local options, alpha, beta = {dtype = dtype}, whole(0, 2), whole(0, 2)
      local a, b, c = matrix(m, k, whole(1, 4), options), matrix(k, n, whole(1, 4), options), tocha.randn(m, n, options)
      local y = tocha.addmm(c, a, b, {alpha = alpha, beta = beta})
      local row, column, tolerance = whole(1, m), whole(1, n), dtype == 'float64' and 1e-10 or 2e-3
      local what = ('%s %d x %d x %d'):format(dtype, m, k, n)
      S.close(y[row]:double(), row_of(a, b, c, row, alpha, beta), 1e-9, tolerance, what)
      S.close(y:select(2, column):double(), column_of(a, b, c, column, alpha, beta), 1e-9, tolerance, what)
    end
  end)

  it('do not depend on the number of threads', function()
    local threads = tocha.get_num_threads()
    for _, size in ipairs {{200, 300, 100}, {3, 2000, 500}, {500, 2000, 3}, {1, 1000, 1000}} do
      local a, b = tocha.randn(size[1], size[2]), tocha.randn(size[2], size[3])
      tocha.set_num_threads(1)
      local one = a:mm(b)
      tocha.set_num_threads(2)
      local two = a:mm(b)
      tocha.set_num_threads(threads)
      S.close(one, two, 1e-5, 1e-4)
    end
  end)

  it('are exact for integers, also large ones', function()
    local big = tocha.int64{{2 ^ 31, 1}, {3, 2 ^ 30}}
    assert.equal(2 ^ 62 + 3, tonumber(big:mm(big)[{1, 1}]:item()))
    assert.same({{19, 22}, {43, 50}}, tocha.int8{{1, 2}, {3, 4}}:mm(tocha.int8{{5, 6}, {7, 8}}):totable())
  end)

  it('are zero over nothing', function()
    assert.same({{0, 0}, {0, 0}}, tocha.zeros(2, 0):mm(tocha.zeros(0, 2)):totable())
    assert.same({0, 3}, tocha.zeros(0, 2):mm(tocha.zeros(2, 3)).shape)
    assert.same({{5, 5}}, tocha.full({1, 2}, 5):addmm(tocha.zeros(1, 0), tocha.zeros(0, 2)):totable())
  end)

  it('ignore what is added if beta is 0', function()
    local bad = tocha.full({2, 2}, 0 / 0)
    assert.same({{2, 2}, {2, 2}}, bad:addmm(tocha.ones(2, 2), tocha.ones(2, 2), {beta = 0}):totable())
    assert.same({{2, 2}, {2, 2}}, bad:unsqueeze(1):baddbmm(tocha.ones(1, 2, 2), tocha.ones(1, 2, 2), {beta = 0})[1]:totable())
  end)

  it('carry inf and nan through', function()
    local x = tocha.ones(20, 20)
    x[{3, 4}], x[{5, 6}] = math.huge, 0 / 0
    local y = x:mm(tocha.ones(20, 20))
    assert.equal(math.huge, y[{3, 1}]:item())
    assert.is_true(y[5]:isnan():all():item())
    assert.equal(20, y[{1, 1}]:item())
  end)

  it('of batches broadcast', function()
    local a, b = tocha.randn(3, 1, 4, 5, {dtype = 'float64'}), tocha.randn(2, 5, 6, {dtype = 'float64'})
    local y = a:matmul(b)
    assert.same({3, 2, 4, 6}, y.shape)
    for i = 1, 3 do for j = 1, 2 do S.close(y[{i, j}], a[{i, 1}]:mm(b[j]), 1e-12, 1e-13) end end
  end)

  it('of many small batches are those of each', function()
    local a, b = tocha.randn(64, 8, 16), tocha.randn(64, 16, 12):transpose(2, 3):contiguous():transpose(2, 3)
    local y = a:bmm(b)
    for i = 1, 64, 9 do S.close(y[i], a[i]:mm(b[i]), 1e-5, 1e-5) end
  end)

  it('of chains take the cheapest order and give the same', function()
    local list = {tocha.randn(10, 100), tocha.randn(100, 5), tocha.randn(5, 50), tocha.randn(50, 2)}
    S.close(tocha.chain_matmul(unpack(list)), list[1]:mm(list[2]):mm(list[3]):mm(list[4]), 1e-4, 1e-3)
    S.close(tocha.chain_matmul(list[1]), list[1], 0, 0)
    S.close(tocha.linalg.multi_dot{tocha.ones(3), tocha.ones(3, 4), tocha.ones(4)}, 12, 0, 0)
    S.fails(function() tocha.chain_matmul(tocha.ones(2, 3), tocha.ones(4, 5)) end, '[2 x 3]', '[4 x 5]')
    S.fails(function() tocha.chain_matmul() end, 'chain_matmul')
  end)

  it('name shapes and dtypes that do not fit', function()
    S.fails(function() tocha.zeros(2, 3):mm(tocha.zeros(4, 5)) end, 'mm: size mismatch: [2 x 3] by [4 x 5] (3 ~= 4)')
    S.fails(function() tocha.zeros(3):dot(tocha.zeros(4)) end, 'dot', '[3] by [4]')
    S.fails(function() tocha.zeros(2, 2):mm(tocha.zeros(2, 2, {dtype = 'float64'})) end, 'mm', 'float32', 'float64')
    S.fails(function() F.linear(tocha.zeros(2, 3), tocha.zeros(5, 4)) end, 'linear', '[2 x 3]', '[5 x 4]')
  end)
end)
