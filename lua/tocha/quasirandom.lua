--- tocha.quasirandom: Sobol's sequences, points that fill a cube more evenly than random ones (I. M. Sobol, 1967).
-- @module tocha.quasirandom

local bit = require 'bit'
local ffi = require 'ffi'
local tocha = require 'tocha'
local args = require 'tocha.args'
local class = require 'tocha.class'

local band, bxor, bor, lshift, rshift = bit.band, bit.bxor, bit.bor, bit.lshift, bit.rshift
local BITS, MOST = 30, 1111
local fail = args.fail

---------------------------------------------------------------- direction numbers
-- a b modulo the polynomial p of the given degree; polynomials over the field of two elements, a bit for each coefficient
local function product(a, b, p, degree)
  local r = 0
  while b ~= 0 do
    if band(b, 1) == 1 then r = bxor(r, a) end
    b, a = rshift(b, 1), lshift(a, 1)
    if band(rshift(a, degree), 1) == 1 then a = bxor(a, p) end
  end
  return r
end

local function power_of_x(n, p, degree)
  local r, x = 1, degree > 1 and 2 or bxor(2, p)
  while n > 0 do
    if n % 2 == 1 then r = product(r, x, p, degree) end
    x, n = product(x, x, p, degree), math.floor(n / 2)
  end
  return r
end

local function prime_factors(n)
  local list, f = {}, 2
  while f * f <= n do
    if n % f == 0 then
      list[#list + 1] = f
      while n % f == 0 do n = n / f end
    end
    f = f + 1
  end
  if n > 1 then list[#list + 1] = n end
  return list
end

-- x generates all 2^degree - 1 elements: no smaller power of it is 1
local function is_primitive(p, degree, factors)
  local order = 2 ^ degree - 1
  if power_of_x(order, p, degree) ~= 1 then return false end
  for _, f in ipairs(factors) do
    if order > 1 and power_of_x(order / f, p, degree) == 1 then return false end
  end
  return true
end

-- the first `n` primitive polynomials by degree, then value: {degree, polynomial}
local function primitive_polynomials(n)
  local list, degree = {}, 1
  while #list < n do
    local factors = prime_factors(2 ^ degree - 1)
    for middle = 0, 2 ^ (degree - 1) - 1 do
      local p = bor(lshift(1, degree), lshift(middle, 1), 1)
      if #list < n and is_primitive(p, degree, factors) then list[#list + 1] = {degree, p} end
    end
    degree = degree + 1
  end
  return list
end

-- m_k = the xor of 2^i a_i m_(k-i) over the coefficients a_i of p, and m_(k-s), s the degree (P. Bratley, B. L. Fox, 1988)
local function continue(m, degree, p)
  for k = degree + 1, BITS do
    local v = m[k - degree]
    for i = 1, degree do
      if band(rshift(p, degree - i), 1) == 1 then v = bxor(v, lshift(m[k - i], i)) end
    end
    m[k] = v
  end
end

-- the directions of `dimension` dims, BITS numbers each, in one array; the highest of BITS bits is 1/2
local function directions(dimension)
  local v, polynomials, d = ffi.new('int32_t[?]', dimension * BITS), primitive_polynomials(dimension - 1), 0
  for k = 0, BITS - 1 do v[k] = lshift(1, BITS - 1 - k) end
  for list in require('tocha.sobol_numbers'):gmatch('%S+') do
    d = d + 1
    if d == dimension then break end
    local m = {}
    for half in list:gmatch('%d+') do m[#m + 1] = half * 2 + 1 end
    continue(m, polynomials[d][1], polynomials[d][2])
    for k = 1, BITS do v[d * BITS + k - 1] = lshift(m[k], BITS - k) end
  end
  return v
end

---------------------------------------------------------------- scrambling
local function parity(x)
  x = bxor(x, rshift(x, 16))
  x = bxor(x, rshift(x, 8))
  x = bxor(x, rshift(x, 4))
  x = bxor(x, rshift(x, 2))
  return band(bxor(x, rshift(x, 1)), 1)
end

-- Multiplies the bits of each direction, the highest first, by a random lower triangular matrix with ones on its diagonal, one for each dim, and
-- gives a random shift for each dim (J. Matousek, 1998; after A. B. Owen).
local function scramble(v, dimension, generator)
  local high = lshift(1, BITS)
  local draws = tocha.randint(0, high, {dimension, BITS + 1}, {generator = generator, dtype = 'int64'}):tolist()
  local shift = ffi.new('int32_t[?]', dimension)
  for d = 0, dimension - 1 do
    local rows = draws[d + 1]
    for k = d * BITS, d * BITS + BITS - 1 do
      local out = 0
      for i = 1, BITS do -- bit i from above, of the bits 1 to i
        local one = lshift(1, BITS - i)
        local row = bor(band(rows[i], bit.bnot(one * 2 - 1)), one)
        out = bor(lshift(out, 1), parity(band(row, v[k])))
      end
      v[k] = out
    end
    shift[d] = rows[BITS + 1]
  end
  return shift
end

---------------------------------------------------------------- the engine
local SobolEngine = class('SobolEngine')
local read_engine = args.spec('SobolEngine', 'dimension:int', 'scramble:bool=false', 'seed=nil')
local read_draw = args.spec('SobolEngine:draw', 'n:int=1', 'dtype=nil')
local read_power = args.spec('SobolEngine:draw_base2', 'm:int', 'dtype=nil')

--- SobolEngine(dimension, {scramble = false, seed = nil}): a Sobol sequence in the unit cube of 1 to 1111 dims, of up to 2^30 points. Without
-- scrambling the points are PyTorch's (S. Joe's and F. Kuo's directions); `scramble` turns and shifts them at random, by `seed` or the generator.
-- @usage
-- local engine = tocha.quasirandom.SobolEngine(3)
-- print(engine:draw(4))
function SobolEngine:__init(...)
  self.dimension, self.scramble, self.seed = read_engine(...)
  if self.dimension < 1 or self.dimension > MOST then fail('SobolEngine: dimension: got %d, takes 1 to %d', self.dimension, MOST) end
  self._directions = directions(self.dimension)
  self._shift = ffi.new('int32_t[?]', self.dimension)
  if self.scramble then
    local generator
    if self.seed then
      generator = tocha.Generator()
      generator:manual_seed(self.seed)
    end
    self._shift = scramble(self._directions, self.dimension, generator)
  end
  self._point = ffi.new('int32_t[?]', self.dimension)
  self:reset()
end

-- point number n, from 0: the shift and the directions at the bits of n's Gray code
local function seek(self, n)
  local code = bxor(n, rshift(n, 1))
  for d = 0, self.dimension - 1 do
    local x = self._shift[d]
    for k = 0, BITS - 1 do
      if band(rshift(code, k), 1) == 1 then x = bxor(x, self._directions[d * BITS + k]) end
    end
    self._point[d] = x
  end
  self.num_generated = n
end

-- one point on: the direction at the lowest bit of n that is 0
local function advance(self)
  local n, k = self.num_generated, 0
  while band(rshift(n, k), 1) == 1 do k = k + 1 end
  self.num_generated = n + 1
  if k >= BITS then return end -- after the last point
  local point, v = self._point, self._directions
  for d = 0, self.dimension - 1 do point[d] = bxor(point[d], v[d * BITS + k]) end
end

local function check_count(self, n)
  if n < 0 or n % 1 ~= 0 then fail('SobolEngine: n: got %s, takes a whole number from 0', args.show(n)) end
  if self.num_generated + n > 2 ^ BITS then fail('SobolEngine: the sequence ends after 2^%d points', BITS) end
end

--- The next n points, (n, dimension), in [0, 1).
function SobolEngine:draw(...)
  local n, dtype = read_draw(...)
  check_count(self, n)
  local points = tocha.empty(n, self.dimension, {dtype = 'float64', device = 'cpu'})
  local to, point = ffi.cast('double *', points:data_ptr()), self._point
  for i = 0, n - 1 do
    for d = 0, self.dimension - 1 do to[i * self.dimension + d] = point[d] * 2 ^ -BITS end
    advance(self)
  end
  return points:to(dtype or tocha.get_default_dtype())
end

--- The next 2^m points; with those before they must be a power of two in number, for only then are they balanced.
function SobolEngine:draw_base2(...)
  local m, dtype = read_power(...)
  local n = 2 ^ m
  local total = self.num_generated + n
  if band(total, total - 1) ~= 0 then
    fail('SobolEngine:draw_base2: %d points and the next %d are no power of two; draw() gives any number', self.num_generated, n)
  end
  return self:draw(n, dtype)
end

--- Back to the first point.
function SobolEngine:reset()
  seek(self, 0)
  return self
end

--- Leaves out n points.
function SobolEngine:fast_forward(n)
  check_count(self, n)
  seek(self, self.num_generated + n)
  return self
end

function SobolEngine:__tostring()
  return ('SobolEngine(dimension=%d%s%s)'):format(self.dimension, self.scramble and ', scramble=true' or '', self.seed and ', seed=' .. self.seed or '')
end

return {SobolEngine = SobolEngine}
