--- Indexing beyond what rows of cases can say: threads, sizes, placement of dims, masks as indices, in-place forms without a graph.

local tocha = require 'tocha'
local P = require 'spec.plain'
local S = require 'spec.support'

local function long(list) return tocha.tensor(list, {dtype = 'int64'}) end

-- f's result is the same with one thread and with two
local function same_for_threads(f)
  local threads = tocha.get_num_threads()
  tocha.set_num_threads(1)
  local one = f()
  tocha.set_num_threads(2)
  local two = f()
  tocha.set_num_threads(threads)
  assert.is_true(one:equal(two))
  return one
end

describe('indexing with threads', function()
  before_each(function() tocha.manual_seed(17) end)

  it('adds duplicates in the same order whatever the threads: long rows', function()
    local source, index = tocha.randn(3000, 64), tocha.randint(1, 51, {3000})
    local y = same_for_threads(function() return tocha.zeros(50, 64):index_add(1, index, source) end)
    S.close(y:sum(1), source:double():sum(1), 1e-3, 1e-3)
  end)

  it('adds duplicates in the same order whatever the threads: short rows', function()
    local source, index = tocha.randn(20000, 6), tocha.randint(1, 51, {20000})
    local y = same_for_threads(function() return tocha.zeros(50, 6):index_add(1, index, source) end)
    S.close(y:sum(1), source:double():sum(1), 1e-3, 1e-3)
  end)

  it('adds duplicates in the same order whatever the threads: the last dim', function()
    local source, index = tocha.randn(60, 3000), tocha.randint(1, 51, {3000})
    local y = same_for_threads(function() return tocha.zeros(60, 50):index_add(2, index, source) end)
    S.close(y:sum(2), source:double():sum(2), 1e-3, 1e-3)
  end)

  it('adds duplicates in the same order whatever the threads: many outer places', function()
    local source, index = tocha.randn(40, 300, 8), tocha.randint(1, 21, {300})
    same_for_threads(function() return tocha.zeros(40, 20, 8):index_add(2, index, source) end)
    same_for_threads(function() return tocha.zeros(40, 20, 8):index_copy(2, index, source) end)
  end)

  it('scatters duplicates in the same order whatever the threads', function()
    for dim = 1, 2 do
      local source, index = tocha.randn(500, 300), tocha.randint(1, 41, {500, 300})
      for _, reduce in ipairs{'sum', 'prod', 'mean', 'amax', 'amin'} do
        same_for_threads(function() return tocha.ones(dim == 1 and 40 or 500, dim == 1 and 300 or 40):scatter_reduce(dim, index, source, reduce) end)
      end
      same_for_threads(function() return tocha.ones(dim == 1 and 40 or 500, dim == 1 and 300 or 40):scatter(dim, index, source) end)
    end
    local index = tocha.randint(1, 101, {200000})
    same_for_threads(function() return tocha.zeros(100):scatter_add(1, index, tocha.ones(200000)) end)
  end)

  it('gathers and selects the same whatever the threads', function()
    local x = tocha.randn(400, 500)
    for dim = 1, 2 do
      same_for_threads(function() return x:gather(dim, tocha.randint(1, 401, {400, 500}, {generator = tocha.Generator():manual_seed(1)})) end)
      same_for_threads(function() return x:index_select(dim, tocha.randint(1, 401, {700}, {generator = tocha.Generator():manual_seed(1)})) end)
    end
    local wide = tocha.randn(3, 200000)
    local y = same_for_threads(function() return wide:index_select(1, long{3, 1}) end)
    assert.is_true(y:select(1, 1):equal(wide:select(1, 3)))
    local z = same_for_threads(function() return wide:take(tocha.arange(600000, 0, -1)) end)
    assert.is_true(z:equal(wide:reshape(-1):flip(1)))
  end)

  it('finds the true places in order', function()
    local mask = tocha.rand(200000):lt(0.3)
    local y = same_for_threads(function() return mask:nonzero() end):reshape(-1)
    assert.equal(mask:sum():item(), y:size(1))
    assert.is_true(y:narrow(1, 2, y:size(1) - 1):gt(y:narrow(1, 1, y:size(1) - 1)):all():item())
    local x = tocha.randn(200000)
    assert.is_true(x:masked_select(mask):equal(x:index_select(1, y)))
  end)

  it('reports the first bad index of a large tensor', function()
    local index = tocha.ones(400, 500, {dtype = 'int64'})
    index:narrow(1, 300, 1):narrow(2, 7, 1):fill_(99)
    index:narrow(1, 350, 1):narrow(2, 7, 1):fill_(77)
    S.fails(function() return tocha.zeros(400, 50):gather(2, index) end, 'gather', 'index 99', '{300, 7}', 'dim 2', 'size 50')
    local list = tocha.ones(100000, {dtype = 'int64'})
    list:narrow(1, 70001, 1):fill_(0)
    S.fails(function() return tocha.zeros(10):take(list) end, 'take', 'index 0', 'position 70001')
  end)
end)

describe('x[...] with index tensors', function()
  local x
  before_each(function() x = tocha.arange(24):view(2, 3, 4) end)

  local function plain() return S.plain(x) end

  it('puts their dims where they were if they are neighbours', function()
    local y = x[{{}, long{1, 3}, long{4, 2}}]
    assert.same({2, 2}, y:size())
    assert.same({{3, 9}, {15, 21}}, y:totable())
    assert.same({2, 2, 2, 4}, x[{{}, long{{1, 3}, {2, 2}}}]:size())
  end)

  it('puts their dims in front if a range lies between', function()
    local y = x[{long{1, 2}, {}, long{4, 2}}]
    assert.same({2, 3}, y:size())
    assert.same({{3, 7, 11}, {13, 17, 21}}, y:totable())
  end)

  it('broadcasts them', function()
    local y = x[{long{{1}, {2}}, long{1, 3}}]
    assert.same({2, 2, 4}, y:size())
    local p = plain()
    for i = 1, 2 do
      for j, row in ipairs{1, 3} do
        for k = 1, 4 do assert.equal(P.get(p, i, row, k), y:totable()[i][j][k]) end
      end
    end
    S.fails(function() return x[{long{1, 2}, long{1, 2, 3}}] end, '2', '3')
  end)

  it('takes masks over several dims for their coordinates', function()
    local mask = x:select(3, 1):gt(5)
    assert.same({{8, 9, 10, 11}, {12, 13, 14, 15}, {16, 17, 18, 19}, {20, 21, 22, 23}}, x[mask]:totable())
    assert.same({8, 14, 18, 22}, x[{mask, long{1, 3, 3, 3}}]:totable())
    S.fails(function() return x[tocha.ones(2, 2, {dtype = 'bool'})] end, 'mask', '2 x 2', '2 x 3 x 4')
  end)

  it('sums the gradient over elements that were taken twice, in every order', function()
    local w = tocha.randn(3, 4, {dtype = 'float64', requires_grad = true})
    local y = w[{long{1, 1, 3}, long{2, 2, 4}}]
    local g = tocha.autograd.grad({(y ^ 3):sum()}, {w}, {create_graph = true})
    g:sum():backward()
    local want = tocha.zeros(3, 4, {dtype = 'float64'})
    local d = w:detach()
    want[{1, 2}] = 2 * 6 * d[{1, 2}]
    want[{3, 4}] = 6 * d[{3, 4}]
    S.close(w.grad, want, 1e-12, 1e-12)
  end)

  it('assigns, and accumulates through index_put', function()
    local y = tocha.zeros(3, 4)
    y[{long{1, 3}, long{2, 4}}] = tocha.tensor{5, 6}
    assert.same({{0, 5, 0, 0}, {0, 0, 0, 0}, {0, 0, 0, 6}}, y:totable())
    y:index_put_({long{1, 1}, long{2, 2}}, tocha.tensor(1.0), true)
    assert.equal(7, y[{1, 2}]:item())
    y:index_put_({y:gt(0)}, tocha.tensor(-1.0))
    assert.equal(-2, y:sum():item())
  end)
end)

describe('in place without a graph', function()
  it('works on the tensor where it is', function()
    local x = tocha.zeros(4, 3)
    local view = x:transpose(1, 2)
    tocha.no_grad(function()
      view:index_add_(2, long{1, 1, 4}, tocha.ones(3, 3))
      assert.same({6, 0, 0, 3}, x:sum(2):totable())
      view:scatter_(1, long{{2, 2, 2, 2}}, 9)
      assert.same({9, 9, 9, 9}, x:select(2, 2):totable())
      x:index_put_({long{1, 2}, long{1, 1}}, tocha.tensor{7, 8})
      assert.equal(7, x:totable()[1][1])
      x:masked_scatter_(x:eq(9), tocha.tensor{1, 2, 3, 4})
      assert.same({1, 2, 3, 4}, x:select(2, 2):totable())
      local counts = tocha.zeros(3, {dtype = 'int64'})
      counts:index_put_({long{1, 3, 3}}, tocha.tensor(1, {dtype = 'int64'}), true)
      assert.same({1, 0, 2}, counts:totable())
      local m = tocha.ones(4)
      m:scatter_reduce_(1, long{1, 1, 2}, tocha.tensor{2, 6, 3}, 'mean', {include_self = false})
      assert.same({4, 3, 1, 1}, m:totable())
    end)
  end)

  it('reads a source that shares memory before it writes', function()
    tocha.no_grad(function()
      local x = tocha.arange(6, {dtype = 'float32'})
      x:index_copy_(1, long{1, 2, 3, 4, 5}, x:narrow(1, 2, 5))
      assert.same({1, 2, 3, 4, 5, 5}, x:totable())
      local y = tocha.arange(4, {dtype = 'float32'})
      y:index_copy_(1, long{2, 3, 4}, y:narrow(1, 1, 3))
      assert.same({0, 0, 1, 2}, y:totable())
    end)
  end)

  it('leaves the tensor as it was after an error', function()
    tocha.no_grad(function()
      local x = tocha.ones(3)
      S.fails(function() x:index_add_(1, long{1, 9}, tocha.ones(2)) end, 'index_add_', '9', '3')
      S.fails(function() x:scatter_(1, long{1, 0}, 5) end, 'scatter_', '0', '3')
      assert.same({1, 1, 1}, x:totable())
    end)
  end)
end)

describe('nonzero', function()
  it('gives coordinates, or a list of them', function()
    local x = tocha.tensor{{1, 1, 0}, {0, 1, 0}}
    assert.same({{1, 1}, {1, 2}, {2, 2}}, x:nonzero():totable())
    local i, j = unpack(x:nonzero{as_tuple = true})
    assert.same({1, 1, 2}, i:totable())
    assert.same({1, 2, 2}, j:totable())
    assert.same({1, 0}, tocha.tensor(3):nonzero():size())
    assert.same({0, 2}, tocha.zeros(2, 2):nonzero():size())
    S.fails(function() x:nonzero{tuple = true} end, 'nonzero', 'tuple', 'as_tuple')
  end)

  it('counts nan and negative zero as they compare', function()
    local x = tocha.tensor({0 / 0, -0.0, 5e-324}, {dtype = 'float64'})
    assert.same({{1}, {3}}, x:nonzero():totable())
    for _, dtype in ipairs{'float16', 'bfloat16', 'float32', 'complex64'} do
      assert.equal(1, tocha.tensor({0, 3, -0.0}, {dtype = 'float32'}):to(dtype):nonzero():size(1))
    end
  end)
end)

describe('unravel_index', function()
  it('gives the coordinates of flat places', function()
    local i, j = unpack(tocha.unravel_index(long{1, 6, 12}, {3, 4}))
    assert.same({1, 2, 3}, i:totable())
    assert.same({1, 2, 4}, j:totable())
    S.fails(function() tocha.unravel_index(long{13}, {3, 4}) end, 'unravel_index', '13', '12')
    S.fails(function() tocha.unravel_index(long{0}, {3, 4}) end, 'unravel_index', '0')
  end)
end)

describe('complex tensors', function()
  it('are gathered, added and multiplied as such', function()
    local z = tocha.randn(3, {dtype = 'complex64'})
    local v = z:totable()
    assert.same({v[3], v[1]}, z:index_select(1, long{3, 1}):totable())
    local sums = z:index_add(1, long{1, 1}, z:narrow(1, 2, 2)):totable()
    local product = z:scatter_reduce(1, long{1}, z:narrow(1, 3, 1), 'prod'):totable()
    assert.same({v[2], v[3]}, {sums[2], sums[3]})
    for part = 1, 2 do assert.near(v[1][part] + v[2][part] + v[3][part], sums[1][part], 1e-5) end
    assert.near(v[1][1] * v[3][1] - v[1][2] * v[3][2], product[1][1], 1e-5)
    assert.near(v[1][1] * v[3][2] + v[1][2] * v[3][1], product[1][2], 1e-5)
    assert.same({v[2], v[3]}, {product[2], product[3]})
  end)
end)

describe('fill_diagonal_', function()
  it('fills the diagonal of matrices and of cubes', function()
    assert.same({{5, 0}, {0, 5}, {0, 0}}, tocha.zeros(3, 2):fill_diagonal_(5):totable())
    assert.same({{5, 0}, {0, 5}, {0, 0}, {5, 0}}, tocha.zeros(4, 2):fill_diagonal_(5, true):totable())
    local cube = tocha.zeros(3, 3, 3):fill_diagonal_(1)
    assert.equal(3, cube:sum():item())
    assert.equal(1, cube[{2, 2, 2}]:item())
    S.fails(function() tocha.zeros(3):fill_diagonal_(1) end, 'fill_diagonal_', '[3]')
    S.fails(function() tocha.zeros(3, 2, 3):fill_diagonal_(1) end, 'fill_diagonal_', '3 x 2 x 3')
  end)

  it('stops the gradient there', function()
    local x = tocha.ones(2, 2, {requires_grad = true})
    local y = x * 3
    y:fill_diagonal_(0):sum():backward()
    assert.same({{0, 3}, {3, 0}}, x.grad:totable())
  end)
end)

describe('a range with a step below 0', function()
  local x = tocha.arange(24):reshape(4, 6):double()

  it('goes from first down to last', function()
    assert.same({{18, 19, 20, 21, 22, 23}, {6, 7, 8, 9, 10, 11}}, x[{{4, 1, -2}}]:totable())
    assert.same({11, 9, 7}, x[{2, {6, 2, -2}}]:totable())
    assert.same({{20, 19, 18}, {14, 13, 12}, {8, 7, 6}, {2, 1, 0}}, x[{{-1, 1, -1}, {3, 1, -1}}]:totable())
    assert.same({13, 7, 1}, x[{{3, 1, -1}, 2}]:totable())
    assert.same({{13, 7, 1}}, x[{tocha.newaxis, {3, 1, -1}, 2}]:totable())
    assert.same({{12, 17}, {6, 11}, {0, 5}}, x[{{3, 1, -1}, long{1, 6}}]:totable())
    assert.same({3}, x[{1, {4, 4, -1}}]:totable())
  end)

  it('can be assigned to', function()
    local y = x:clone()
    y[{{3, 1, -1}, 1}] = tocha.tensor{100, 200, 300}
    assert.same({300, 200, 100, 18}, y[{{}, 1}]:totable())
    y[{{}, {6, 5, -1}}] = tocha.tensor{{1, 2}}
    assert.same({{2, 1}, {2, 1}, {2, 1}, {2, 1}}, y[{{}, {5, 6}}]:totable())
    y[{{4, 1, -3}, long{1, 2}}] = tocha.tensor{{7, 8}, {9, 10}}
    assert.same({{9, 10}, {200, 7}, {100, 13}, {7, 8}}, y[{{}, {1, 2}}]:totable())
    y[{{2, 1, -1}}] = 0
    assert.equal(0, y:narrow(1, 1, 2):abs():sum():item())
  end)

  it('has a gradient', function()
    local w = tocha.ones(5, {dtype = 'float64', requires_grad = true})
    local y = w * 1;
    (y[{{5, 1, -2}}] * tocha.tensor({1, 2, 3}, {dtype = 'float64'})):sum():backward()
    assert.same({3, 0, 2, 0, 1}, w.grad:totable())
    local z = tocha.zeros(3, {dtype = 'float64'})
    z[{{3, 1, -1}}] = w:narrow(1, 1, 3) * tocha.tensor({1, 10, 100}, {dtype = 'float64'})
    assert.same({1, 10, 100, 0, 0}, (tocha.autograd.grad(z:sum(), w)):totable())
  end)

  it('that goes the other way, or of 0, is an error', function()
    S.fails(function() return x[{{1, 3, -1}}] end, 'range {1, 3}', 'dim 1', 'step -1')
    S.fails(function() return x[{1, {1, 2, 0}}] end, 'step', 'got 0')
  end)
end)

describe('an index outside of its dim', function()
  it("is told with the user's number of the dim", function()
    local x = tocha.zeros(4, 6, 2)
    S.fails(function() return x[{1, 7}] end, 'index 7', 'dim 2', 'size 6')
    S.fails(function() return x[{1, 1, -3}] end, 'index -3', 'dim 3', 'size 2')
    S.fails(function() x[{2, {1, 9}}] = 1 end, 'range {1, 9}', 'dim 2', 'size 6')
    S.fails(function() return x[{tocha.newaxis, 5}] end, 'index 5', 'dim 1', 'size 4')
    S.fails(function() return x[{{5, 5}}] end, 'range {5, 5}', 'dim 1', 'size 4')
    S.fails(function() return x[{{3, 6}}] end, 'range {3, 6}', 'dim 1', 'size 4')
    S.fails(function() return x[{{5, 1, -1}}] end, 'range {5, 1}', 'dim 1', 'size 4')
    S.fails(function() return x[{1, 0}] end, 'index 0', 'dim 2', 'counting starts at 1')
  end)
end)

it('a range may end one place after the last, as half-open ranges do', function()
  local x = tocha.arange(12):view(4, 3)
  assert.same({{6, 7, 8}, {9, 10, 11}}, x[{{3, 5}}]:totable())
  assert.same({{2}, {5}, {8}, {11}}, x[{{1, 5}, {3, 4}}]:totable())
  assert.same({{0, 1, 2}, {6, 7, 8}}, x[{{1, 5, 2}}]:totable())
  x[{{4, 5}}] = 0
  assert.same({0, 0, 0}, x[4]:totable())
end)
