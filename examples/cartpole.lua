--- Policy gradient on a built-in cart-pole: the network learns to push a cart so that the pole on it stays up.
--     luajit examples/cartpole.lua --updates 60
-- Sources: A. Barto, R. Sutton, C. Anderson, 1983 (the pole); R. Williams, "REINFORCE", 1992, with a learned baseline.

local tocha = require 'tocha'
local nn, F, optim, utils = tocha.nn, tocha.nn.functional, tocha.optim, tocha.utils

local o = utils.options('cartpole', {
  {'updates', 60, 'updates of the policy'},
  {'carts', 16, 'carts that run side by side'},
  {'lr', 0.01, 'learning rate'},
  {'discount', 0.99, 'worth of a reward one moment later'},
  {'seed', 1, 'the same seed gives the same numbers'},
}, arg)
tocha.manual_seed(o.seed)

-- ---------------------------------------------------------------- many carts at once; states are (carts, 4): place, speed, angle, turn
local longest = 500
local function start(n) return tocha.rand(n, 4) * 0.1 - 0.05 end

-- pushes is (carts) of -1 or 1; the next states, and which carts are still running
local function move(state, pushes)
  local x, v, angle, turn = unpack(state:unbind(2))
  local sin, cos = angle:sin(), angle:cos()
  local force = (pushes * 10 + turn:square() * sin * 0.05) / 1.1
  local turning = (sin * 9.8 - cos * force) / ((4 / 3 - cos:square() * (0.1 / 1.1)) * 0.5)
  local faster = force - turning * cos * (0.05 / 1.1)
  local new = tocha.stack({x + v * 0.02, v + faster * 0.02, angle + turn * 0.02, turn + turning * 0.02}, 2)
  return new, new:select(2, 1):abs():le(2.4):logical_and(new:select(2, 3):abs():le(12 * math.pi / 180))
end

-- ---------------------------------------------------------------- the policy and how good a state is
local Actor = tocha.class('Actor', nn.Module)
function Actor:__init()
  self.body = nn.Sequential(nn.Linear(4, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh())
  self.push = nn.Linear(64, 1)                     -- the logit of pushing to the right
  self.value = nn.Linear(64, 1)
end
function Actor:forward(state)
  local h = self.body(state)
  return self.push(h):squeeze(-1), self.value(h):squeeze(-1)
end

-- Runs the carts until all have fallen: lists over time of states, pushes (0 or 1) and which carts ran, each (carts, ...)
local function episode(net)
  local state, running = start(o.carts), tocha.ones(o.carts)
  local states, pushes, alive = {}, {}, {}
  for t = 1, longest do
    local right = tocha.bernoulli((net(state)):sigmoid())
    states[t], pushes[t], alive[t] = state, right, running
    local up
    state, up = move(state, right * 2 - 1)
    running = running * up:float()
    if running:sum():item() == 0 then break end
  end
  return tocha.stack(states, 1), tocha.stack(pushes, 1), tocha.stack(alive, 1)
end

-- rewards still to come, discounted; one a moment
local function returns_of(alive)
  local out, sum = {}, tocha.zeros(o.carts)
  for t = alive:size(1), 1, -1 do
    sum = (sum * o.discount + 1) * alive[t]
    out[t] = sum
  end
  return tocha.stack(out, 1)
end

local net = Actor()
local optimizer = optim.Adam(net:parameters(), {lr = o.lr})
local schedule = optim.lr_scheduler.LinearLR(optimizer, {start_factor = 1, end_factor = 0.1, total_iters = o.updates})

local function update(states, pushes, alive)
  local returns, n = returns_of(alive), alive:sum()
  local logits, values = net(states)
  local scaled = returns / 100
  local advantage = ((scaled - values:detach()) * alive)
  advantage = advantage / (advantage:square():sum() / n + 1e-8):sqrt()
  local log_prob = -F.binary_cross_entropy_with_logits(logits, pushes, {reduction = 'none'})
  local entropy = F.binary_cross_entropy_with_logits(logits, logits:sigmoid():detach(), {reduction = 'none'})
  local loss = (((values - scaled):square() - log_prob * advantage - entropy * 0.01) * alive):sum() / n
  optimizer:zero_grad()
  loss:backward()
  nn.utils.clip_grad_norm_(net:parameters(), 0.5)
  optimizer:step()
  schedule:step()
end

local every = math.max(1, math.floor(o.updates / 10))
for i = 1, o.updates do
  local states, pushes, alive = tocha.no_grad(episode, net)
  update(states, pushes, alive)
  if i % every == 0 or i == 1 then
    local mean = alive:sum():item() / o.carts
    print(('update %3d: the pole stays up for %5.1f of %d moments  %s'):format(i, mean, longest, ('#'):rep(math.floor(mean / 12.5))))
  end
end

-- ---------------------------------------------------------------- one run with the likelier pushes
local state, moments = start(1), 0
tocha.no_grad(function()
  for t = 1, longest do
    local up
    state, up = move(state, (net(state)):gt(0):float() * 2 - 1)
    if not up:item() then break end
    moments = t
    if t % 100 == 0 then
      local at = math.floor(20 + state[{1, 1}]:item() / 2.4 * 20 + 0.5)
      local lean = state[{1, 3}]:item()
      print(('%4d  %s%s'):format(t, (' '):rep(math.max(at, 0)), lean > 0.02 and '/' or lean < -0.02 and '\\' or '|'))
      print(('      %s[o]'):format((' '):rep(math.max(at - 1, 0))))
    end
  end
end)
print(('without chance it stands for %d moments'):format(moments))
