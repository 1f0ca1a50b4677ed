--- Elementwise operators by size, results dropped; broadcasting; chains of them.

local list = {}
local function add(w) list[#list + 1] = w end

for _, size in ipairs{{'1k', 1000}, {'64k', 65536}, {'1M', 1000000}, {'10M', 10000000}} do
  for _, op in ipairs{'add', 'mul', 'relu', 'exp', 'tanh', 'gelu'} do
    add{name = ('%s %s'):format(op, size[1]), kind = 'pointwise', op = op, n = size[2]}
  end
end
add{name = 'add a row to 1024 x 1024', kind = 'broadcast', along = 'row'}
add{name = 'add a column to 1024 x 1024', kind = 'broadcast', along = 'column'}
for _, n in ipairs{65536, 262144} do
  add{name = ('50 operators on %dk'):format(n / 1024), kind = 'elementwise_chain', n = n, backward = 0}
  add{name = ('50 operators on %dk, forward and backward'):format(n / 1024), kind = 'elementwise_chain', n = n, backward = 1}
end

local make = {}
local expressions = {add = 'x + y', mul = 'x * y', relu = 'tocha.relu(x)', exp = 'tocha.exp(x)', tanh = 'tocha.tanh(x)', gelu = 'F.gelu(x)'}

function make.pointwise(tocha, p)
  local chunk = loadstring(('local x, y, tocha, F = ... return function() return %s end'):format(expressions[p.op]))
  return chunk(tocha.randn(p.n), tocha.randn(p.n), tocha, tocha.nn.functional)
end

function make.broadcast(tocha, p)
  local x, y = tocha.randn(1024, 1024), p.along == 'row' and tocha.randn(1024) or tocha.randn(1024, 1)
  return function() return x + y end
end

function make.elementwise_chain(tocha, p)
  local x, y = tocha.rand(p.n), tocha.rand(p.n)
  if p.backward == 1 then x:requires_grad_() end
  return function()
    local z = x
    for _ = 1, 25 do z = tocha.tanh(z + y) end
    if p.backward == 1 then
      x.grad = nil
      z:sum():backward()
      return x.grad
    end
    return z
  end
end

return {list = list, make = make, target = 0.7}
