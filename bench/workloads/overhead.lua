--- What an operator costs besides its arithmetic: tiny tensors, alone, in chains, in small networks.

local list = {}
local function add(w) list[#list + 1] = w end

for _, n in ipairs{1, 64} do
  for _, op in ipairs{'add', 'mul', 'relu'} do
    add{name = ('%s on %d'):format(op, n), kind = 'operator', op = op, n = n, graph = 0, per = 1000}
    add{name = ('%s on %d, with graph'):format(op, n), kind = 'operator', op = op, n = n, graph = 1, per = 1000}
  end
end
add{name = '1000 adds, no graph', kind = 'chain', backward = 0}
add{name = '1000 adds, forward and backward', kind = 'chain', backward = 1}
add{name = 'tiny MLP, forward', kind = 'tiny', target = 0.04, optimizer = 'none'}
add{name = 'tiny MLP, step with SGD', kind = 'tiny', target = 0.04, optimizer = 'sgd'}
add{name = 'tiny MLP, step with Adam', kind = 'tiny', target = 0.04, optimizer = 'adam'}
add{name = 'LSTM by operators, h64 t50 b4, step', kind = 'lstm', target = 0.1}

local make = {}
local expressions = {add = 'x + y', mul = 'x * y', relu = 'relu(x)'}

function make.operator(tocha, p)
  local x, y = tocha.randn(p.n), tocha.randn(p.n)
  if p.graph == 1 then x:requires_grad_() y:requires_grad_() end
  return loadstring(([[local x, y, relu = ...
  return function()
    local z
    for _ = 1, 1000 do z = %s end
    return z
  end]]):format(expressions[p.op]))(x, y, tocha.relu)
end

function make.chain(tocha, p)
  local x, y = tocha.zeros(1), tocha.ones(1)
  if p.backward == 1 then x:requires_grad_() end
  return function()
    local z = x
    for _ = 1, 1000 do z = z + y end
    if p.backward == 1 then
      x.grad = nil
      z:backward()
    end
  end
end

function make.tiny(tocha, p)
  local nn, F, optim = tocha.nn, tocha.nn.functional, tocha.optim
  local model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Linear(16, 16), nn.ReLU(), nn.Linear(16, 2))
  local x, labels = tocha.randn(8, 4), tocha.randint(1, 3, {8})
  if p.optimizer == 'none' then
    tocha.set_grad_enabled(false)
    return function() model(x) end
  end
  local optimizer = p.optimizer == 'sgd' and optim.SGD(model:parameters(), {lr = 1e-2}) or optim.Adam(model:parameters(), {lr = 1e-3})
  return function()
    optimizer:zero_grad()
    F.cross_entropy(model(x), labels):backward()
    optimizer:step()
  end
end

function make.lstm(tocha)
  local hidden, steps, batch = 64, 50, 4
  local wx, wh, bias = tocha.randn(hidden, 4 * hidden) * 0.1, tocha.randn(hidden, 4 * hidden) * 0.1, tocha.zeros(4 * hidden)
  wx:requires_grad_() wh:requires_grad_() bias:requires_grad_()
  local xs, optimizer = tocha.randn(steps, batch, hidden), tocha.optim.SGD({wx, wh, bias}, {lr = 1e-3})
  local sigmoid, tanh = tocha.sigmoid, tocha.tanh
  return function()
    optimizer:zero_grad()
    local h, c = tocha.zeros(batch, hidden), tocha.zeros(batch, hidden)
    for t = 1, steps do
      local z = xs[t]:matmul(wx) + h:matmul(wh) + bias
      local gates = z:chunk(4, 2)
      c = sigmoid(gates[2]) * c + sigmoid(gates[1]) * tanh(gates[3])
      h = sigmoid(gates[4]) * tanh(c)
    end
    (h * h):mean():backward()
    optimizer:step()
  end
end

return {list = list, make = make, target = 0.08}
