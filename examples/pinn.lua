--- A network that solves a differential equation: heat in a rod, u_t = a u_xx, from the equation and the edges alone.
-- The loss needs second derivatives of the network by its input, and their gradient by its weights.
--     luajit examples/pinn.lua --steps 3000
-- Source of the idea: M. Raissi, P. Perdikaris, G. Karniadakis, "Physics-informed neural networks", 2019.

local tocha = require 'tocha'
local nn, optim, utils = tocha.nn, tocha.optim, tocha.utils
local grad = tocha.autograd.grad

local o = utils.options('pinn', {
  {'steps', 3000, 'steps of training'},
  {'points', 256, 'points where the equation is checked in a step'},
  {'hidden', 32, 'width of the network'},
  {'conductivity', 0.1, 'a in the equation'},
  {'lr', 0.01, 'learning rate'},
  {'seed', 1, 'the same seed gives the same numbers'},
}, arg)
tocha.manual_seed(o.seed)

local net = nn.Sequential(nn.Linear(2, o.hidden), nn.Tanh(), nn.Linear(o.hidden, o.hidden), nn.Tanh(), nn.Linear(o.hidden, 1))

-- the temperature at x, t in 0..1; at the ends of the rod it is 0 by construction
local function temperature(x, t) return net(tocha.cat({x, t}, 2)) * x * (1 - x) * 4 end

local function residual(n)
  local x, t = tocha.rand(n, 1):requires_grad_(), tocha.rand(n, 1):requires_grad_()
  local u = temperature(x, t)
  local u_x, u_t = grad(u:sum(), {x, t}, {create_graph = true})
  local u_xx = grad(u_x:sum(), x, {create_graph = true})
  return u_t - u_xx * o.conductivity
end

-- at the beginning: two waves
local function first(x) return (x * math.pi):sin() + (x * (3 * math.pi)):sin() * 0.5 end
local function exact(x, t)
  local function fade(k) return (t * (-o.conductivity * (k * math.pi) ^ 2)):exp() end
  return (x * math.pi):sin() * fade(1) + (x * (3 * math.pi)):sin() * fade(3) * 0.5
end

local optimizer = optim.Adam(net:parameters(), {lr = o.lr})
local schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, o.steps)
for step = 1, o.steps do
  optimizer:zero_grad()
  local x = tocha.rand(64, 1)
  local of_equation = residual(o.points):square():mean()
  local of_start = (temperature(x, tocha.zeros(64, 1)) - first(x)):square():mean()
  local loss = of_equation + of_start * 20
  loss:backward()
  optimizer:step()
  schedule:step()
  if step % math.max(1, math.floor(o.steps / 5)) == 0 then
    print(('step %d: equation %.5f, beginning %.5f'):format(step, of_equation:item(), of_start:item()))
  end
end

-- rows are times, columns places
local places = tocha.linspace(0, 1, 41):unsqueeze(2)
local shades, worst = ' .:-=+*#%@', 0
print('\nthe rod from left to right, time going down; on the right the exact solution')
for i = 0, 8 do
  local when = tocha.full({41, 1}, i / 8)
  local lines = {}
  for k, u in ipairs{tocha.no_grad(temperature, places, when), exact(places, when)} do
    local line = {}
    for c, v in ipairs(u:squeeze(2):totable()) do
      local level = math.max(0, math.min(9, math.floor(v / 0.9 * 9 + 0.5)))
      line[c] = shades:sub(level + 1, level + 1)
    end
    lines[k] = table.concat(line)
  end
  worst = math.max(worst, (tocha.no_grad(temperature, places, when) - exact(places, when)):abs():max():item())
  print(('t=%.3f |%s|   |%s|'):format(i / 8, lines[1], lines[2]))
end
print(('largest error %.4f'):format(worst))
