--- Sums, scans, sorting, and what works along rows: softmax, normalisation, cross-entropy, embedding, pooling.

local list = {
  {name = 'sum of 4096 x 4096', kind = 'matrix', op = 'sum'},
  {name = 'sum along the last dim', kind = 'matrix', op = 'sum_last'},
  {name = 'sum along the first dim', kind = 'matrix', op = 'sum_first'},
  {name = 'transpose and copy 4096 x 4096', kind = 'matrix', op = 'transpose', target = 0.7},
  {name = 'cumsum of 1M', kind = 'vector', op = 'cumsum'},
  {name = 'sort 1M', kind = 'vector', op = 'sort'},
  {name = 'topk 10 of 1M', kind = 'vector', op = 'topk'},
  {name = 'softmax 4096 x 1024', kind = 'rows', target = 0.8, op = 'softmax', backward = 0},
  {name = 'softmax 4096 x 1024, forward and backward', kind = 'rows', target = 0.8, op = 'softmax', backward = 1},
  {name = 'layer_norm 4096 x 1024', kind = 'rows', target = 0.8, op = 'layer_norm', backward = 0},
  {name = 'layer_norm 4096 x 1024, forward and backward', kind = 'rows', target = 0.8, op = 'layer_norm', backward = 1},
  {name = 'cross_entropy 4096 x 1000, forward and backward', kind = 'cross_entropy', target = 0.8},
  {name = 'embedding 50k x 256, 8k indices, forward and backward', kind = 'embedding', target = 0.7},
  {name = 'max_pool2d (32,64,28,28)', kind = 'images', target = 0.8, op = 'max_pool', backward = 0},
  {name = 'max_pool2d (32,64,28,28), forward and backward', kind = 'images', target = 0.8, op = 'max_pool', backward = 1},
  {name = 'batch_norm (32,64,28,28)', kind = 'images', target = 0.8, op = 'batch_norm', backward = 0},
  {name = 'batch_norm (32,64,28,28), forward and backward', kind = 'images', target = 0.8, op = 'batch_norm', backward = 1},
}

local make = {}
local matrix = {
  sum = function(x) return x:sum() end,
  sum_last = function(x) return x:sum(2) end,
  sum_first = function(x) return x:sum(1) end,
  transpose = function(x) return x:t():contiguous() end,
}
local vector = {
  cumsum = function(x) return x:cumsum(1) end,
  sort = function(x) return x:sort() end,
  topk = function(x) return x:topk(10) end,
}

local function applied(f, x)
  return function() f(x) end
end

function make.matrix(tocha, p) return applied(matrix[p.op], tocha.randn(4096, 4096)) end
function make.vector(tocha, p) return applied(vector[p.op], tocha.randn(1000000)) end

-- forward(), or forward and backward with a gradient of the result's shape; the parameters' gradients are dropped first
local function stepper(tocha, p, parameters, forward)
  if p.backward == 0 then
    tocha.set_grad_enabled(false)
    return forward
  end
  for _, x in ipairs(parameters) do x:requires_grad_() end
  local g = tocha.randn_like(forward():detach())
  return function()
    for i = 1, #parameters do parameters[i].grad = nil end
    forward():backward(g)
  end
end

function make.rows(tocha, p)
  local F, x = tocha.nn.functional, tocha.randn(4096, 1024)
  if p.op == 'softmax' then return stepper(tocha, p, {x}, function() return F.softmax(x, 2) end) end
  local w, b = tocha.ones(1024), tocha.zeros(1024)
  return stepper(tocha, p, {x, w, b}, function() return F.layer_norm(x, {1024}, w, b) end)
end

function make.cross_entropy(tocha)
  local scores, labels = tocha.randn(4096, 1000), tocha.randint(1, 1001, {4096})
  scores:requires_grad_()
  return function()
    scores.grad = nil
    tocha.nn.functional.cross_entropy(scores, labels):backward()
  end
end

function make.embedding(tocha)
  local table_, index = tocha.randn(50000, 256), tocha.randint(1, 50001, {8192})
  return stepper(tocha, {backward = 1}, {table_}, function() return tocha.nn.functional.embedding(index, table_) end)
end

function make.images(tocha, p)
  local F, x = tocha.nn.functional, tocha.randn(32, 64, 28, 28)
  if p.op == 'max_pool' then return stepper(tocha, p, {x}, function() return F.max_pool2d(x, 2) end) end
  local w, b, mean, var = tocha.ones(64), tocha.zeros(64), tocha.zeros(64), tocha.ones(64)
  return stepper(tocha, p, {x, w, b}, function() return F.batch_norm(x, mean, var, w, b, true) end)
end

return {list = list, make = make, target = 0.9}
