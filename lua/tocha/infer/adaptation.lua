--- What Hamiltonian chains learn while they warm up: the step size by dual averaging, the mass matrix by running moments, in the
-- windows of Stan. Sources: M. Hoffman and A. Gelman, "The No-U-Turn sampler", 2014; Stan reference manual, "Automatic
-- parameter tuning".
-- @module tocha.infer.adaptation

local class = require 'tocha.class'
local tocha = require 'tocha'

local M = {}

-- ------------------------------------------------------------------------------------------------- step size

local DualAveraging = class('DualAveraging')
M.DualAveraging = DualAveraging

--- @tparam number target the wanted mean acceptance probability
function DualAveraging:__init(target) self.target = target end

--- Starts anew from a step size.
function DualAveraging:restart(step_size)
  self.mu, self.error, self.log_mean, self.t = math.log(10 * step_size), 0, 0, 0
end

--- Takes an acceptance probability into account; gives the step size to use next.
function DualAveraging:update(accept)
  self.t = self.t + 1
  local t, weight = self.t, 1 / (self.t + 10)
  self.error = (1 - weight) * self.error + weight * (self.target - accept)
  local log_step = self.mu - math.sqrt(t) / 0.05 * self.error
  local rate = t ^ -0.75
  self.log_mean = rate * log_step + (1 - rate) * self.log_mean
  return math.exp(log_step)
end

--- The step size to keep.
function DualAveraging:mean() return math.exp(self.log_mean) end

-- ------------------------------------------------------------------------------------------------- mass matrix

local Welford = class('Welford')
M.Welford = Welford

--- @tparam int size of the vectors
-- @tparam bool dense whether covariances are learnt, or variances only
function Welford:__init(size, dense)
  self.size, self.dense = size, dense
  self:restart()
end

function Welford:restart()
  local f64 = {dtype = 'float64'}
  self.n, self.mean = 0, tocha.zeros(self.size, f64)
  self.m2 = self.dense and tocha.zeros(self.size, self.size, f64) or tocha.zeros(self.size, f64)
end

function Welford:add(q)
  self.n = self.n + 1
  local before = q - self.mean
  self.mean = self.mean + before / self.n
  local after = q - self.mean
  self.m2 = self.m2 + (self.dense and tocha.outer(before, after) or before * after)
end

--- The (co)variances, shrunk towards a small multiple of the unit matrix as Stan does.
function Welford:covariance()
  local n = self.n
  local scaled = self.m2 / math.max(n - 1, 1) * (n / (n + 5))
  local small = 1e-3 * (5 / (n + 5))
  if not self.dense then return scaled + small end
  return (scaled + scaled.mT) / 2 + tocha.eye(self.size, nil, {dtype = 'float64'}) * small
end

-- ------------------------------------------------------------------------------------------------- windows

--- After which iterations of the warm-up the mass matrix is renewed, and from which on positions are collected.
-- @tparam int warmup iterations
-- @treturn table set of the iterations that end a window
-- @treturn int first iteration that is collected
-- @treturn int last one
function M.windows(warmup)
  local first, last, width = 75, 50, 25
  if warmup < 20 then return {}, 1, 0 end
  if first + width + last > warmup then
    first, last = math.floor(0.15 * warmup), math.floor(0.1 * warmup)
    width = warmup - first - last
  end
  local ends, at, stop = {}, first, warmup - last
  while at < stop do
    local finish = at + width
    -- a window that would leave too little for a next one of twice its width takes the rest
    if finish + 2 * width > stop then finish = stop end
    ends[finish] = true
    at, width = finish, 2 * width
  end
  return ends, first + 1, stop
end

return M
