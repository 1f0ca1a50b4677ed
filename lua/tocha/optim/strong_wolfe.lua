--- A line search that ends where the strong Wolfe conditions hold (Nocedal and Wright, algorithms 3.5 and 3.6, with
-- cubic interpolation).
-- @module tocha.optim.strong_wolfe

local C1, C2, MAX_LS, TOLERANCE = 1e-4, 0.9, 25, 1e-9 -- MAX_LS: how many steps are tried after the first

-- Where the cubic through two points with their slopes is least, kept within [low, high].
local function cubic(a, b, low, high)
  low, high = low or math.min(a.t, b.t), high or math.max(a.t, b.t)
  local d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
  local square = d1 * d1 - a.slope * b.slope
  if square < 0 or square ~= square then return (low + high) / 2 end
  local d2 = math.sqrt(square)
  local t
  if a.t <= b.t then
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
  else
    t = a.t - (a.t - b.t) * ((a.slope + d2 - d1) / (a.slope - b.slope + 2 * d2))
  end
  return math.min(math.max(t, low), high)
end

local function finite(v) return v == v and v ~= math.huge and v ~= -math.huge end

-- Widens the step until two points enclose a good one; returns them, or one good point.
local function bracket(at, t, start)
  local previous, point = start, at(t)
  for i = 1, start.most do
    if point.loss > start.loss + C1 * point.t * start.slope or (i > 2 and point.loss >= previous.loss) then
      return previous, point
    end
    if math.abs(point.slope) <= -start.c2 * start.slope then return point, nil, true end
    if point.slope >= 0 or not finite(point.loss) then return previous, point end
    local low, high = point.t + 0.01 * (point.t - previous.t), point.t * 10
    local next_t = cubic(previous, point, low, high)
    previous, point = point, at(next_t)
  end
  return start, point
end

-- Keeps a trial step away from the ends of the interval where two trials in a row did little.
local function away(t, low, high, stalled)
  local margin = 0.1 * (high - low)
  if math.min(high - t, t - low) >= margin then return t, false end
  if stalled or t >= high or t <= low then
    return math.abs(t - high) < math.abs(t - low) and high - margin or low + margin, false
  end
  return t, true
end

-- Narrows the interval: `best` is its end of lower loss.
local function zoom(at, start, best, other, budget, size)
  if other.loss < best.loss then best, other = other, best end
  local stalled = false
  while budget() < start.most do
    if math.abs(best.t - other.t) * size < TOLERANCE then break end
    local low, high = math.min(best.t, other.t), math.max(best.t, other.t)
    local t
    t, stalled = away(cubic(best, other), low, high, stalled)
    local point = at(t)
    if point.loss > start.loss + C1 * t * start.slope or point.loss >= best.loss then
      other = point
      if other.loss < best.loss then best, other = other, best end
    else
      if math.abs(point.slope) <= -start.c2 * start.slope then return point end
      if point.slope * (other.t - best.t) >= 0 then other = best end
      best = point
    end
  end
  return best
end

--- Searches along a direction.
-- @tparam function evaluate (t, d) gives loss and gradient at t times the direction
-- @tparam number t the first step tried
-- @param d the direction
-- @tparam number loss at the start
-- @param gradient at the start
-- @tparam number slope of the loss along d at the start
-- @tparam[opt=0.9] number c2 how far the slope must have fallen, as a share of the first
-- @tparam[opt=25] int most how many steps are tried after the first one
-- @treturn number the loss, the gradient, the step, and the number of evaluations
return function(evaluate, t, d, loss, gradient, slope, c2, most)
  local evals = 0
  local function at(step)
    local l, g = evaluate(step, d)
    evals = evals + 1
    return {t = step, loss = l, gradient = g, slope = g:dot(d):item()}
  end
  local start = {t = 0, loss = loss, gradient = gradient:clone(), slope = slope, c2 = c2 or C2, most = most or MAX_LS}
  local best, other, done = bracket(at, t, start)
  if not done then
    best = zoom(at, start, best, other, function() return evals - 1 end, d:abs():max():item())
  end
  return best.loss, best.gradient, best.t, evals
end
