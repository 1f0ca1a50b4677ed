--- conv2d, forward and forward with backward, in the shapes networks have.

local shapes = {
  {'(32,3,32,32) to 64, k3', '32x3x32x32', '64x3x3x3', 0, 1, 30},
  {'(32,64,28,28) to 64, k3 p1', '32x64x28x28', '64x64x3x3', 1, 1, 28},
  {'(8,128,28,28) to 128, k3', '8x128x28x28', '128x128x3x3', 0, 1, 26},
  {'(8,256,14,14) to 256, k1', '8x256x14x14', '256x256x1x1', 0, 1, 14},
  {'depthwise k3 on (8,128,28,28)', '8x128x28x28', '128x1x3x3', 1, 128, 28},
}

local list = {}
for _, s in ipairs(shapes) do
  local batch, out, per = s[2]:match('^%d+'), s[3]:match('^%d+'), 1
  for n in s[3]:gsub('^%d+', ''):gmatch('%d+') do per = per * n end
  local flop = 2 * batch * out * s[6] ^ 2 * per
  for backward = 0, 1 do
    local name = 'conv2d ' .. s[1] .. (backward == 1 and ', forward and backward' or '')
    list[#list + 1] = {name = name, kind = 'conv2d', x = s[2], w = s[3], padding = s[4], groups = s[5], backward = backward,
      amount = flop * (1 + 2 * backward), unit = 'GFLOP/s'}
  end
end

local make = {}

function make.conv2d(tocha, p)
  local conv2d, x, w = tocha.nn.functional.conv2d, tocha.randn(p.x), tocha.randn(p.w)
  local b, options = tocha.zeros(p.w[1]), {padding = p.padding, groups = p.groups}
  if p.backward == 0 then
    return function() return conv2d(x, w, b, options) end
  end
  x:requires_grad_() w:requires_grad_() b:requires_grad_()
  local g = tocha.randn_like(conv2d(x, w, b, options):detach())
  return function()
    x.grad, w.grad, b.grad = nil, nil, nil
    conv2d(x, w, b, options):backward(g)
  end
end

return {list = list, make = make, target = 1}
