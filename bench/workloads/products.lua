--- Products of matrices, float32.

local list = {}
local function add(w) list[#list + 1] = w end

for _, n in ipairs{64, 128, 256, 512, 1024, 2048} do
  add{name = 'matmul ' .. n, kind = 'matmul', n = n, layout = 'plain', amount = 2 * n ^ 3, unit = 'GFLOP/s'}
end
add{name = 'matmul 512, right side transposed', kind = 'matmul', n = 512, layout = 'transposed', amount = 2 * 512 ^ 3, unit = 'GFLOP/s'}
add{name = 'matmul 512, forward and backward', kind = 'matmul_backward', n = 512, amount = 6 * 512 ^ 3, unit = 'GFLOP/s'}
add{name = 'bmm 32 x (128,64) (64,128)', kind = 'bmm', amount = 2 * 32 * 128 * 128 * 64, unit = 'GFLOP/s'}
add{name = 'linear 128 x 784 to 512', kind = 'linear', amount = 2 * 128 * 784 * 512, unit = 'GFLOP/s'}

local make = {}

function make.matmul(tocha, p)
  local a, b = tocha.randn(p.n, p.n), tocha.randn(p.n, p.n)
  if p.layout == 'transposed' then b = b:t() end
  return function() return a:matmul(b) end
end

function make.matmul_backward(tocha, p)
  local a, b, g = tocha.randn(p.n, p.n), tocha.randn(p.n, p.n), tocha.randn(p.n, p.n)
  a:requires_grad_() b:requires_grad_()
  return function()
    a.grad, b.grad = nil, nil
    a:matmul(b):backward(g)
  end
end

function make.bmm(tocha)
  local a, b = tocha.randn(32, 128, 64), tocha.randn(32, 64, 128)
  return function() return a:bmm(b) end
end

function make.linear(tocha)
  local x, w, b = tocha.randn(128, 784), tocha.randn(512, 784), tocha.randn(512)
  return function() return tocha.nn.functional.linear(x, w, b) end
end

return {list = list, make = make, target = 1}
