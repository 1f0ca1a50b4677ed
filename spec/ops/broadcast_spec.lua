--- Pointwise operators on operands of every layout: rows, columns, transposed, strided, of several dtypes, beside the same on dense copies.
local tocha = require 'tocha'

-- a view of the shape (h, w) that holds numbers from 1 to 7, by layout
local layouts = {
  dense = function(h, w) return tocha.randint(1, 8, {h, w}) end,
  row = function(_, w) return tocha.randint(1, 8, {1, w}) end,
  column = function(h) return tocha.randint(1, 8, {h, 1}) end,
  number = function() return tocha.randint(1, 8, {1, 1}) end,
  transposed = function(h, w) return tocha.randint(1, 8, {w, h}):t() end,
  strided = function(h, w) return tocha.randint(1, 8, {h, 2 * w}):view(h, w, 2):select(3, 2) end,
  sparse_rows = function(h, w) return tocha.randint(1, 8, {h, w + 3}):narrow(2, 2, w) end,
}
local names = {'dense', 'row', 'column', 'number', 'transposed', 'strided', 'sparse_rows'}

local function whole(x, h, w) return x:expand(h, w):clone():contiguous() end

local function make(layout, dtype, h, w)
  local x = layouts[layout](h, w)
  if dtype == 'int64' then return x end
  return layout == 'transposed' and x:t():to(dtype):t() or x:to(dtype)
end

local function same(got, want, what)
  assert.is_true(tocha.equal(got, want), what)
end

describe('pointwise operators over layouts', function()
  before_each(function() tocha.manual_seed(7) end)

  for _, dtype in ipairs{'float32', 'float64', 'int64', 'float16', 'uint8', 'complex64'} do
    it('give for ' .. dtype .. ' what dense operands give', function()
      for _, size in ipairs{{70, 3}, {33, 40}, {5, 300}, {150, 1}, {40, 161}} do
        local h, w = size[1], size[2]
        for _, left in ipairs(names) do
          for _, right in ipairs(names) do
            local x, y = make(left, dtype, h, w), make(right, dtype, h, w)
            local what = ('%s %s and %s %d x %d'):format(dtype, left, right, h, w)
            local full_x, full_y = whole(x, h, w), whole(y, h, w)
            same((x - y):expand(h, w), full_x - full_y, what .. ', sub')
            same((x * y):expand(h, w), full_x * full_y, what .. ', mul')
            same(x:eq(y):expand(h, w), full_x:eq(full_y), what .. ', eq')
          end
        end
      end
    end)
  end

  it('mix dtypes and write into views that lie across', function()
    for _, left in ipairs(names) do
      for _, right in ipairs(names) do
        local x, y = make(left, 'float32', 37, 45), make(right, 'int64', 37, 45)
        local want = whole(x, 37, 45) * whole(y, 37, 45)
        local out = tocha.zeros(45, 37):t()
        out:add_(x * y)
        same(out, want, left .. ' by ' .. right)
        local across = tocha.zeros(45, 37):t()
        across:add_(x):mul_(y)
        same(across, want, left .. ' by ' .. right .. ', in place')
      end
    end
  end)

  it('work over three and more dims, threads or not', function()
    local x, y = tocha.randn(6, 50, 40, 5), tocha.randn(50, 1, 5)
    local want = (x:reshape(6, 50, 200) + y:expand(50, 40, 5):reshape(1, 50, 200)):view(6, 50, 40, 5)
    local threads = tocha.get_num_threads()
    for n = 1, 3 do
      tocha.set_num_threads(n)
      same(x + y, want, n .. ' threads')
      same(x:permute(2, 1, 4, 3) + y:permute(1, 3, 2):unsqueeze(2), want:permute(2, 1, 4, 3), n .. ' threads, permuted')
      same(tocha.where(x:gt(0), x, y), tocha.where(x:gt(0), x, y:expand(6, 50, 40, 5):contiguous()), 'where')
    end
    tocha.set_num_threads(threads)
  end)

  it('give the same where results are larger than caches', function()
    local n = 8 * 1024 * 1024 + 77
    local x, y = tocha.arange(n), tocha.full({n}, 3)
    local z = x * y
    for _, at in ipairs{1, 1000001, n - 99} do
      same(z:narrow(1, at, 100), x:narrow(1, at, 100):clone() * 3, 'from ' .. at)
    end
    local tail = x:narrow(1, 2, n - 1) -- not at a multiple of 64 bytes
    tail:add_(y:narrow(1, 1, n - 1))
    same(tail:narrow(1, n - 100, 100), tocha.arange(n - 100, n) + 3, 'in place')
    tocha.empty_cache()
  end)

  it('know what to do with nothing', function()
    assert.are.same({0, 3}, (tocha.zeros(0, 3) + tocha.zeros(3)):size())
    assert.are.same({3, 0}, (tocha.zeros(3, 0) + tocha.zeros(3, 1)):size())
  end)
end)
