--- Arguments of the right kinds whose values make no sense: absurd sizes, tables that hold themselves, numbers that are none. Each ends at once,
-- with an error or a result, and never with the process.

local tocha = require 'tocha'
local S = require 'spec.support'

local senseless = {2 ^ 31, 2 ^ 53, 2 ^ 62, 1e300, -1, -2 ^ 63, 0 / 0, 1 / 0, -1 / 0, 0.5}

describe('a matrix with values that are not finite', function()
  it('has no eigenvalues and no singular values: an error says why', function()
    for _, dtype in ipairs{'float32', 'float64', 'complex64', 'complex128'} do
      for _, bad in ipairs{0 / 0, 1 / 0, -1 / 0} do
        for _, n in ipairs{1, 3, 40} do
          local a = tocha.eye(n, n, {dtype = dtype})
          a[{n, 1}] = bad
          for _, name in ipairs{'eig', 'eigvals', 'eigh', 'eigvalsh', 'svd', 'svdvals'} do
            S.fails(function() tocha.linalg[name](a) end, name, 'not finite')
          end
        end
      end
    end
    S.fails(function() tocha.linalg.eig(tocha.stack{tocha.eye(2), tocha.full({2, 2}, 0 / 0)}) end, 'matrix 2 of the batch')
  end)

  it('may have them where a hermitian problem does not look', function()
    local a = tocha.eye(3)
    a[{1, 3}] = 0 / 0
    assert.same({1, 1, 1}, tocha.linalg.eigvalsh(a, 'L'):totable())
    S.fails(function() tocha.linalg.eigvalsh(a, 'U') end, 'eigvalsh', 'not finite')
  end)
end)

describe('a table that holds itself', function()
  local ring = {}
  ring[1] = ring
  it('is no tensor, no batch and no file', function()
    S.fails(function() tocha.tensor(ring) end, 'tensor', 'nested')
    S.fails(function() tocha.tensor{tocha.ones(2), ring} end, 'tensor', 'nested')
    S.fails(function() tocha.data.default_collate{ring, ring} end, 'default_collate', 'nested')
    S.fails(function() tocha.save(ring, os.tmpname()) end, 'save')
  end)
end)

describe('senseless numbers', function()
  it('do not stop the sampling of angles', function()
    for _, k in ipairs{1e7, 1e15, 1 / 0, 0 / 0, -1} do
      local d = tocha.distributions.VonMises(tocha.tensor(0, {dtype = 'float64'}), k, {validate_args = false})
      assert.equal(5, d:sample{5}:numel())
    end
    tocha.manual_seed(3)
    local narrow = tocha.distributions.VonMises(tocha.tensor(1, {dtype = 'float64'}), 1e10):sample{4000}
    assert.is_true(math.abs(narrow:std():item() * 1e5 - 1) < 0.1 and math.abs(narrow:mean():item() - 1) < 1e-5)
  end)

  it('do not keep functions busy that make many pieces', function()
    local x, empty = tocha.ones(1, 2, 5, 5), tocha.zeros(0)
    for _, n in ipairs(senseless) do
      pcall(tocha.combinations, x, n)
      pcall(tocha.combinations, tocha.arange(5), n, true)
      pcall(tocha.chunk, empty, n)
      pcall(tocha.tensor_split, x, n)
      pcall(tocha.nn.ALiBi, n)
      pcall(tocha.set_printoptions, {precision = n})
      pcall(tostring, x)
      tocha.set_printoptions{profile = 'default'}
    end
    S.fails(function() tocha.combinations(x, 25) end, 'combinations', 'too many')
    assert.same({0, 60}, tocha.combinations(x, 60):size())
    S.fails(function() tocha.chunk(empty, 2 ^ 31) end, 'chunk', 'too many')
  end)
end)
