--- histogramdd, nonzero_static, empty_strided, lobpcg, Sobol's sequences, and the order in which einsum contracts.

local tocha = require 'tocha'
local S = require 'spec.support'

local function double(values) return tocha.tensor(values, {dtype = 'float64'}) end
local function near(a, b, tolerance) assert.is_true((a - b):abs():max():item() <= (tolerance or 1e-9)) end

describe('histogramdd', function()
  local points, weight = double {{0, 1}, {1, 0}, {2, 0}, {2, 2}}, double {1, 2, 4, 8}

  it('counts points in cells, the last of which have their right edge', function()
    local counts, edges = tocha.histogramdd(points, {3, 2})
    assert.same({{0, 1}, {1, 0}, {1, 1}}, counts:totable())
    near(edges[1], double {0, 2 / 3, 4 / 3, 2})
    near(edges[2], double {0, 1, 2})
    assert.same({{0, 1}, {2, 0}, {4, 8}}, tocha.histogramdd(points, {3, 2}, {weight = weight}):totable())
    assert.same({{0, 1}, {2, 1}}, tocha.histogramdd(points, 2):totable())
  end)

  it('takes ranges and edges, and leaves out what is beyond them', function()
    assert.same({{1, 1}, {0, 0}}, tocha.histogramdd(points:narrow(1, 1, 2):flip(1), {2, 2}, {range = {0, 3, 0, 2}}):totable())
    local counts = tocha.histogramdd(points, {double {0, 1, 1.5}, double {-1, 0.5, 5}})
    assert.same({{0, 1}, {1, 0}}, counts:totable())
    assert.same({{0}}, tocha.histogramdd(double {{7, 7}}, 1, {range = {0, 1, 0, 1}}):totable())
  end)

  it('integrates to 1 as a density', function()
    near(tocha.histogramdd(points, {3, 2}, {weight = weight, density = true}), double {{0, 0.1}, {0.2, 0}, {0.4, 0.8}})
    local counts = tocha.histogramdd(tocha.rand({5, 20, 3}, {dtype = 'float64'}), {2, 3, 4}, {density = true, range = {0, 1, 0, 1, 0, 1}})
    assert.same({2, 3, 4}, counts.shape)
    near(counts:sum() / 24, double(1))
  end)

  it('says what is wrong', function()
    S.fails(function() tocha.histogramdd(double {1, 2}, 3) end, 'histogramdd', 'input')
    S.fails(function() tocha.histogramdd(points, {3}) end, 'histogramdd', 'bins', '2 dims')
    S.fails(function() tocha.histogramdd(points, 3, {range = {0, 1}}) end, 'histogramdd', 'range', '2 dims')
    S.fails(function() tocha.histogramdd(points, {3, 0}) end, 'histogramdd', 'bins', 'dim 2')
  end)
end)

describe('nonzero_static', function()
  it('fills up or cuts off to the size', function()
    assert.same({{1, 1}, {2, 1}, {-1, -1}}, tocha.nonzero_static(tocha.tensor {{1, 0}, {3, 0}}, {size = 3}):totable())
    assert.same({{2}, {7}}, tocha.tensor({0, 1}):nonzero_static {size = 2, fill_value = 7}:totable())
    assert.same({{1}}, tocha.tensor({1, 1, 1}):nonzero_static {size = 1}:totable())
    assert.same({0, 1}, tocha.zeros(3):nonzero_static({size = 0}).shape)
    S.fails(function() tocha.nonzero_static(tocha.ones(2), {}) end, 'nonzero_static', 'size')
  end)
end)

describe('empty_strided', function()
  it('lays its elements as the strides say', function()
    local x = tocha.empty_strided({2, 3}, {1, 2}, {dtype = 'float64'})
    assert.same({{2, 3}, {1, 2}, tocha.float64}, {x.shape, {x:stride(1), x:stride(2)}, x.dtype})
    assert.same({0, 3}, tocha.empty_strided({0, 3}, {3, 1}).shape)
    S.fails(function() tocha.empty_strided({2}, {1, 1}) end, 'empty_strided', 'stride')
  end)
end)

describe('lobpcg', function()
  local function symmetric(...)
    local a = tocha.randn({...}, {dtype = 'float64'})
    return a + a.mT
  end
  before_each(function() tocha.manual_seed(4) end)

  it('finds the ends of the spectrum', function()
    local a = symmetric(20, 20)
    local w = tocha.linalg.eigvalsh(a)
    local high, x = tocha.lobpcg(a, 3, {tol = 1e-10})
    near(high, w:narrow(1, 18, 3):flip(1), 1e-8)
    near(a:matmul(x), x * high, 1e-7)
    near(x.mT:matmul(x), tocha.eye(3, {dtype = 'float64'}))
    near(tocha.lobpcg(a, 2, {largest = false, tol = 1e-10}), w:narrow(1, 1, 2), 1e-8)
  end)

  it('solves generalised problems, with more columns than are wanted, a preconditioner and batches', function()
    local a, b = symmetric(2, 12, 12), symmetric(2, 12, 12)
    b = b:matmul(b) + tocha.eye(12, {dtype = 'float64'})
    local e, x = tocha.lobpcg(a, 2, {B = b, n = 3, tol = 1e-10})
    assert.same({2, 2}, e.shape)
    near(a:matmul(x), b:matmul(x) * e:unsqueeze(-2), 1e-6)
    local positive = b[1]
    near(tocha.lobpcg(positive, 1, {largest = false, iK = tocha.linalg.inv(positive), tol = 1e-11}), tocha.linalg.eigvalsh(positive):narrow(1, 1, 1), 1e-7)
  end)

  it('tells a tracker of each step, and stops at niter', function()
    local steps = {}
    tocha.lobpcg(symmetric(30, 30), 1, {niter = 3, tol = 0, tracker = function(state) steps[#steps + 1] = state.istep end})
    assert.same({0, 1, 2}, steps)
  end)

  it('has one derivative', function()
    local a, x = symmetric(7, 7):requires_grad_(), tocha.randn({7, 2}, {dtype = 'float64'})
    local function f(m)
      local e, v = tocha.lobpcg((m + m.mT) / 2, 2, {X = x, tol = 1e-13})
      return e, v:square()
    end
    assert.is_true(tocha.autograd.gradcheck(f, a))
    S.fails(function() tocha.autograd.gradgradcheck(f, a) end, 'once')
    S.fails(function() tocha.lobpcg(a, 1, {B = tocha.eye(7, {dtype = 'float64'})}) end, 'lobpcg', 'gradient')
  end)

  it('says what is wrong', function()
    S.fails(function() tocha.lobpcg(tocha.ones(2, 3), 1) end, 'lobpcg', 'A')
    S.fails(function() tocha.lobpcg(tocha.ones(2, 2), 3) end, 'lobpcg', 'k')
    S.fails(function() tocha.lobpcg(tocha.ones(2, 2), 1, {method = 'new'}) end, 'lobpcg', 'method')
  end)
end)

describe('SobolEngine', function()
  local Engine = tocha.quasirandom.SobolEngine

  it("gives the points of Joe and Kuo's directions", function()
    assert.same({{0, 0, 0, 0, 0}, {0.5, 0.5, 0.5, 0.5, 0.5}, {0.75, 0.25, 0.25, 0.25, 0.75}, {0.25, 0.75, 0.75, 0.75, 0.25}}, Engine(5):draw(4):totable())
    assert.same({0.65625, 0.40625, 0.09375, 0.84375, 0.59375}, Engine(1111):fast_forward(31):draw(1):narrow(2, 1107, 5)[1]:totable())
  end)

  it('goes on, leaves out, begins again', function()
    local engine, whole = Engine(3), Engine(3):draw(20)
    near(tocha.cat {engine:draw(7), engine:draw(13)}, whole, 0)
    near(engine:reset():fast_forward(5):draw(6), whole:narrow(1, 6, 6), 0)
    assert.equal(11, engine.num_generated)
    assert.equal(tocha.float64, engine:draw(1, 'float64').dtype)
  end)

  it('has one point in each interval of a power of two, scrambled or not', function()
    for _, engine in ipairs {Engine(4), Engine(4, true, 7), Engine(4, {scramble = true})} do
      local cells = (engine:draw_base2(6, 'float64') * 64):floor()
      for d = 1, 4 do assert.equal(64, cells:select(2, d):unique():numel()) end
    end
    assert.is_true(Engine(4, true, 7):draw(3):equal(Engine(4, true, 7):draw(3)))
    assert.is_false(Engine(4, true, 7):draw(3):equal(Engine(4, true, 8):draw(3)))
    assert.equal('SobolEngine(dimension=4, scramble=true, seed=7)', tostring(Engine(4, true, 7)))
  end)

  it('says what is wrong', function()
    S.fails(function() Engine(1112) end, 'dimension', '1111')
    local engine = Engine(2)
    engine:draw(3)
    S.fails(function() engine:draw_base2(3) end, 'power of two')
    S.fails(function() engine:draw(2 ^ 30) end, 'ends')
  end)
end)

describe('einsum of many operands', function()
  it('makes no product that is larger than it must be', function()
    local x, y = tocha.ones(6000), tocha.ones(6000) / 6000 -- from left to right there would be 36 million elements
    tocha.memory.reset_peak_memory_stats()
    local before = tocha.memory_stats().peak
    near(tocha.einsum('i,j,j->i', x, y, x), x, 1e-4)
    assert.is_true(tocha.memory_stats().peak - before < 2 ^ 24)
  end)

  it('has the same values in any order', function()
    tocha.manual_seed(2)
    local m = {}
    for i = 1, 7 do m[i] = tocha.randn({i, i + 1}, {dtype = 'float64'}) end
    local want = m[1]
    for i = 2, 7 do want = want:matmul(m[i]) end
    near(tocha.einsum('ab,bc,cd,de,ef,fg,gh->ah', m), want)
    near(tocha.einsum('ef,ab,gh,cd,bc,fg,de->ha', m[5], m[1], m[7], m[3], m[2], m[6], m[4]), want.mT)
    local a, b, c = tocha.randn({3, 4}, {dtype = 'float64'}), tocha.randn({4, 3}, {dtype = 'float64'}), tocha.randn({3}, {dtype = 'float64'})
    near(tocha.einsum('ij,ji,i->', a, b, c), (a * b.mT * c:unsqueeze(2)):sum())
    near(tocha.einsum('...j,jk,k->...', a, b, c), a:matmul(b):matmul(c))
  end)
end)

describe('what PyTorch does with other dtypes and options:', function()
  it('integers become floats in cov and corrcoef, bool a number in square, halves stay in ldexp', function()
    local whole = tocha.tensor({{1, 2, 3}, {1, 5, 2}}, {dtype = 'int64'})
    near(tocha.cov(whole), tocha.cov(whole:float()), 0)
    assert.equal(tocha.float32, tocha.corrcoef(whole).dtype)
    assert.equal(tocha.int64, tocha.tensor({true, false}):square().dtype)
    assert.equal(tocha.float16, tocha.ldexp(tocha.ones(2):half(), tocha.int64 {1, 2}).dtype)
    assert.same({2, 4}, tocha.ldexp(tocha.ones(2):half(), tocha.int64 {1, 2}):totable())
  end)

  it('where there is nothing, or one of something', function()
    for _, shape in ipairs{{0}, {0, 3}, {2, 0, 3}} do assert.same({0, #shape}, tocha.zeros(shape):argwhere():size()) end
    assert.same({2, 0}, tocha.gather(tocha.ones(5), 1, tocha.zeros({2, 0}, {dtype = 'int64'})):size())
    local x = double{3, 5}
    assert.same({3, 5}, tocha.diff(x, 0, 1, double{1}):totable())
    near(tocha.cov(x:view(1, 2)), double{2}:sum())
    assert.same({}, tocha.corrcoef(x:view(1, 2)):size())
    assert.same({{1, 3}}, tocha.linalg.vander(tocha.tensor(3.0), {N = 2}):totable())
    assert.same({{true, true}, {true, false}}, tocha.addr(tocha.tensor{{true, false}, {true, false}}, tocha.tensor{true, false},
      tocha.tensor{true, true}, {beta = 3, alpha = 2}):totable())
    assert.equal(tocha.int64, tocha.ones(2, 2, {dtype = 'bool'}):sum_to_size(2).dtype)
    near(tocha.special.chebyshev_polynomial_t(x, double{-0.5, -1.5}), double{1, 0})
    assert.equal(0, tocha.nn.functional.multi_margin_loss(tocha.tensor(2.0), tocha.tensor(1, {dtype = 'int64'})):item())
    local u, s, vh = tocha.linalg.svd(tocha.zeros({2, 0, 3}))
    assert.same({{2, 0, 0}, {2, 0}, {2, 3, 3}}, {u:size(), s:size(), vh:size()})
    near(vh[1]:double(), tocha.eye(3):double())
  end)

  it('circular borders repeat what negative ones have left', function()
    local x = tocha.arange(1, 13, {dtype = 'float64'}):view(1, 3, 4)
    local y = tocha.nn.functional.pad(x, {-1, 2}, 'circular')
    assert.same({2, 3, 4, 2, 3}, y[1][1]:totable())
    S.fails(function() tocha.nn.functional.pad(x, {-2, 3}, 'circular') end, 'pad', 'at most 2')
  end)

  it('quantiles by q, and singular vectors of full factors, have gradients', function()
    local x, q = double{1, 4, 2, 8}, double{0.1, 0.5}
    q:requires_grad_()
    tocha.quantile(x, q):sum():backward()
    near(q.grad, double{3 * 1, 3 * 2})
    local a = tocha.randn({4, 3}, {dtype = 'float64', requires_grad = true})
    local function loss(u, s, vh) return u:narrow(2, 1, 3):abs():sum() + s:sin():sum() + vh:square():mul(double{1, 2, 3}):sum() end
    near(tocha.autograd.grad(loss(tocha.linalg.svd(a)), a), (tocha.autograd.grad(loss(tocha.linalg.svd(a, false)), a)))
    S.fails(function() return tocha.autograd.grad((tocha.linalg.svd(a)):sum(), a) end, 'full_matrices')
  end)

  it('pooling and convolution take integers, as long as float64 holds the sums', function()
    local F = tocha.nn.functional
    local x = tocha.arange(-8, 8):view(1, 1, 4, 4)
    assert.same({{{{-3, -1}, {5, 7}}}}, F.max_pool2d(x, 2):totable())
    assert.same({{{{-5, -3}, {2, 4}}}}, F.avg_pool2d(x, 2):totable()) -- means of -5.5, -3.5, 2.5, 4.5, cut to integers
    assert.same({{{{-22, -14}, {10, 18}}}}, F.conv2d(x, tocha.ones({1, 1, 2, 2}, {dtype = 'int64'}), nil, {stride = 2}):totable())
    S.fails(function() return F.conv2d(x * 2 ^ 40, tocha.full({1, 1, 2, 2}, 2 ^ 20, {dtype = 'int64'})) end, 'conv2d', '2^53')
    S.fails(function() return F.max_pool2d(tocha.full({1, 2, 2}, 2 ^ 60, {dtype = 'int64'}), 2) end, 'max_pool2d', '2^53')
    S.fails(function() return F.max_pool2d(x:gt(0), 2) end, 'max_pool2d', 'bool')
  end)

  it('bytes of images are resized, integers keep their dtype in einsum, positions may be tensors', function()
    local F = tocha.nn.functional
    local image = tocha.tensor({{{{0, 255}, {3, 8}}}}, {dtype = 'uint8'})
    local y = F.interpolate(image, {size = {2, 3}, mode = 'bilinear', align_corners = true})
    assert.equal(tocha.uint8, y.dtype)
    assert.same({{{{0, 128, 255}, {3, 6, 8}}}}, y:totable()) -- 127.5 and 5.5 go up
    local bytes = tocha.tensor({{1, 2}, {3, 4}}, {dtype = 'int8'})
    assert.equal(tocha.int8, tocha.einsum('ij->i', bytes).dtype)
    assert.equal(tocha.int8, tocha.tensordot(bytes, bytes).dtype)
    assert.same({2, 3}, tocha.arange(1, 5):narrow(1, tocha.tensor(2, {dtype = 'int64'}), 2):totable())
    assert.equal(tocha.int64, tocha.unravel_index(bytes, {2, 2})[1].dtype)
    assert.equal(7, tocha.scatter(tocha.tensor(1, {dtype = 'int32'}), 1, tocha.tensor(1, {dtype = 'int64'}), 7.5):item())
    assert.equal(tocha.float16, tocha.linalg.matrix_exp(tocha.eye(2):half()).dtype)
  end)

  it('one right side serves a batch of ldl factors', function()
    local m = tocha.randn({2, 3, 3}, {dtype = 'float64'})
    m = m + m.mT
    local ld, pivots = tocha.linalg.ldl_factor(m)
    local b = tocha.randn({3, 2}, {dtype = 'float64'})
    near(m:matmul(tocha.linalg.ldl_solve(ld, pivots, b)), b:expand(2, 3, 2))
  end)

  it('gradient and var take complex numbers', function()
    local z = tocha.complex(double {1, 2, 4}, double {0, 1, 0})
    local slope = tocha.gradient(z)[1]
    assert.equal(tocha.complex128, slope.dtype)
    assert.same({1, 1.5, 2}, slope.real:totable())
    assert.same({}, z[1]:var({dim = 1, keepdim = true}).shape)
  end)

  it('linear algebra takes its options by name; a power of 0 has a gradient of zeros', function()
    local a = double {{2, 1}, {1, 3}}
    near(tocha.linalg.cond(a, {p = 'fro'}), tocha.linalg.cond(a, 'fro'), 0)
    near(tocha.linalg.matrix_power(a, {n = 2}), a:matmul(a), 0)
    near(tocha.linalg.tensorinv(a:reshape(2, 2, 1), {ind = 1}):reshape(2, 2), tocha.linalg.inv(a), 1e-12)
    S.fails(function() tocha.linalg.lstsq(a, a, {driver = 'none'}) end, 'lstsq', 'driver')
    a:requires_grad_()
    tocha.linalg.matrix_power(a, 0):sum():backward()
    assert.same({{0, 0}, {0, 0}}, a.grad:totable())
  end)

  it('logit has no derivative outside 0..1, nextafter that of its first operand', function()
    local x = double {2, 0.5}:requires_grad_()
    x:logit():sum():backward()
    assert.is_true(x.grad:isnan()[1]:item())
    assert.equal(4, x.grad[2]:item())
    local y = double {1, 2}:requires_grad_()
    y:nextafter(double {3, 2}):sum():backward()
    assert.same({1, 0}, y.grad:totable())
  end)
end)
