--- A generative adversarial network on eight heaps of points in a ring: one network invents points, another tells them from real ones.
-- Prints where the invented points lie.
--     luajit examples/gan.lua --steps 6000
-- Source: I. Goodfellow et al., "Generative adversarial nets", 2014; the penalty: L. Mescheder et al., 2018 (R1, second order).

local tocha = require 'tocha'
local nn, F, optim, utils = tocha.nn, tocha.nn.functional, tocha.optim, tocha.utils

local o = utils.options('gan', {
  {'steps', 6000, 'steps of training'},
  {'batch-size', 128, 'points in a step'},
  {'hidden', 64, 'width of both networks'},
  {'lr', 0.002, 'learning rate'},
  {'penalty', 0.1, 'weight of the squared slope of the judge at real points'},
  {'seed', 1, 'the same seed gives the same numbers'},
}, arg)
tocha.manual_seed(o.seed)

local function real(n)
  local angle = tocha.randint(0, 8, {n}):float() * (math.pi / 4)
  return tocha.stack({angle:cos(), angle:sin()}, 2) * 2 + tocha.randn(n, 2) * 0.1
end

local function network(inputs, outputs)
  return nn.Sequential(nn.Linear(inputs, o.hidden), nn.LeakyReLU(0.2), nn.Linear(o.hidden, o.hidden), nn.LeakyReLU(0.2),
    nn.Linear(o.hidden, outputs))
end
local inventor, judge = network(8, 2), network(2, 1)
local betas = {0, 0.99}
local of_inventor = optim.Adam(inventor:parameters(), {lr = o.lr, betas = betas})
local of_judge = optim.Adam(judge:parameters(), {lr = o.lr, betas = betas})

local function invent(n) return inventor(tocha.randn(n, 8)) end

local function train_judge(n)
  local points, fake = real(n):requires_grad_(), tocha.no_grad(invent, n)
  of_judge:zero_grad()
  local scores = judge(points)
  local loss = F.softplus(-scores):mean() + F.softplus(judge(fake)):mean()
  local slope = tocha.autograd.grad(scores:sum(), points, {create_graph = true})
  ;(loss + slope:square():sum(2):mean() * o.penalty):backward()
  of_judge:step()
  return loss:item()
end

local function train_inventor(n)
  of_inventor:zero_grad()
  local loss = F.softplus(-judge(invent(n))):mean()
  loss:backward()
  of_inventor:step()
  return loss:item()
end

-- heaps that got points, and the share of points within 0.5 of a heap
local function quality(points)
  local angle = tocha.arange(0, 8):float() * (math.pi / 4)
  local centres = tocha.stack({angle:cos(), angle:sin()}, 2) * 2
  local distance, nearest = tocha.cdist(points, centres):min(2)
  local near = distance:lt(0.5)
  local counts = tocha.bincount(nearest:masked_select(near), {minlength = 8})
  return counts:gt(points:size(1) / 100):sum():item(), 100 * near:float():mean():item()
end

local shades = ' .:-=+*#%@'
local function draw(points)
  local counts, most = {}, 1
  for _, p in ipairs(points:totable()) do
    local row, column = math.floor((2.8 - p[2]) / 5.6 * 22) + 1, math.floor((p[1] + 2.8) / 5.6 * 44) + 1
    local key = row * 100 + column
    counts[key] = (counts[key] or 0) + 1
    most = math.max(most, counts[key])
  end
  for row = 1, 22 do
    local line = {}
    for column = 1, 44 do
      local level = math.ceil(math.sqrt((counts[row * 100 + column] or 0) / most) * 9)
      line[column] = shades:sub(level + 1, level + 1)
    end
    print(table.concat(line))
  end
end

for step = 1, o.steps do
  local judged, fooled = train_judge(o['batch-size']), train_inventor(o['batch-size'])
  if step % math.max(1, math.floor(o.steps / 5)) == 0 then
    local heaps, share = quality(tocha.no_grad(invent, 1000))
    print(('step %d: judge %.3f, inventor %.3f; %d of 8 heaps found, %.0f %% of the points near one'):format(step, judged, fooled,
      heaps, share))
  end
end
draw(tocha.no_grad(invent, 2000))
