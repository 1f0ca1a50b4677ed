--- Training steps and inference of whole networks on data made up. Each runs in processes of its own, so that the memory is its own.

local list = {
  {name = 'MLP 784-512-512-10 b128, step with Adam', kind = 'mlp'},
  {name = 'CNN of LeNet size b64, step with Adam', kind = 'cnn'},
  {name = 'VAE 784-400-20 b128, step with Adam', kind = 'vae'},
  {name = 'ResNet-20 3x32x32 b32, step with SGD', kind = 'resnet', target = 0.9, training = 1},
  {name = 'ResNet-20 3x32x32 b32, inference', kind = 'resnet', target = 0.9, training = 0},
  {name = 'deep MLP 32 x 256 b4096, step with SGD', kind = 'deep_mlp', segments = 0},
  {name = 'deep MLP 32 x 256 b4096, step with SGD, checkpointed in 6', kind = 'deep_mlp', segments = 6},
}

local make = {}

local function trainer(tocha, model, optimizer, x, labels)
  local cross_entropy = tocha.nn.functional.cross_entropy
  return function()
    optimizer:zero_grad()
    cross_entropy(model(x), labels):backward()
    optimizer:step()
  end
end

function make.mlp(tocha)
  local nn = tocha.nn
  local model = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
  local optimizer = tocha.optim.Adam(model:parameters(), {lr = 1e-3})
  return trainer(tocha, model, optimizer, tocha.randn(128, 784), tocha.randint(1, 11, {128}))
end

-- 32 layers whose activations are 4 MB each and kept for the backward pass: between six checkpoints they are computed again instead
function make.deep_mlp(tocha, p)
  local nn, checkpoint_sequential = tocha.nn, tocha.utils.checkpoint.checkpoint_sequential
  local model = nn.Sequential()
  for _ = 1, 32 do model:append(nn.Linear(256, 256)):append(nn.Tanh()) end
  local optimizer, x = tocha.optim.SGD(model:parameters(), {lr = 1e-3}), tocha.randn(4096, 256, {requires_grad = true})
  return function()
    optimizer:zero_grad()
    local y = p.segments > 0 and checkpoint_sequential(model, p.segments, x) or model(x)
    y:square():mean():backward()
    optimizer:step()
  end
end

function make.cnn(tocha)
  local nn = tocha.nn
  local model = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2),
    nn.Flatten(), nn.Linear(1600, 128), nn.ReLU(), nn.Linear(128, 10))
  local optimizer = tocha.optim.Adam(model:parameters(), {lr = 1e-3})
  return trainer(tocha, model, optimizer, tocha.randn(64, 1, 28, 28), tocha.randint(1, 11, {64}))
end

function make.vae(tocha)
  local nn, F = tocha.nn, tocha.nn.functional
  local encode, mean, log_variance = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
  local decode = nn.Sequential(nn.Linear(20, 400), nn.ReLU(), nn.Linear(400, 784))
  local optimizer = tocha.optim.Adam(nn.ModuleList({encode, mean, log_variance, decode}):parameters(), {lr = 1e-3})
  local x = tocha.rand(128, 784)
  return function()
    optimizer:zero_grad()
    local h = F.relu(encode(x))
    local mu, logvar = mean(h), log_variance(h)
    local z = mu + tocha.randn_like(mu) * (logvar * 0.5):exp()
    local fit = F.binary_cross_entropy_with_logits(decode(z), x, {reduction = 'sum'})
    local divergence = (logvar - mu:square() - logvar:exp() + 1):sum() * -0.5;
    (fit + divergence):backward()
    optimizer:step()
  end
end

-- a block of two convolutions beside a shortcut, which is a convolution too where the shape changes
local function block_class(tocha)
  local nn = tocha.nn
  local Block = tocha.class('Block', nn.Module)
  function Block:__init(from, to, stride)
    self.c1, self.b1 = nn.Conv2d(from, to, 3, {stride = stride, padding = 1, bias = false}), nn.BatchNorm2d(to)
    self.c2, self.b2 = nn.Conv2d(to, to, 3, {padding = 1, bias = false}), nn.BatchNorm2d(to)
    local changes = stride ~= 1 or from ~= to
    self.shortcut = changes and nn.Sequential(nn.Conv2d(from, to, 1, {stride = stride, bias = false}), nn.BatchNorm2d(to)) or nn.Identity()
  end
  function Block:forward(x)
    local y = self.b2(self.c2(tocha.relu(self.b1(self.c1(x)))))
    return tocha.relu(y + self.shortcut(x))
  end
  return Block
end

function make.resnet(tocha, p)
  local nn, Block = tocha.nn, block_class(tocha)
  local model = nn.Sequential(nn.Conv2d(3, 16, 3, {padding = 1, bias = false}), nn.BatchNorm2d(16), nn.ReLU())
  local from = 16
  for _, stage in ipairs{{16, 1}, {32, 2}, {64, 2}} do
    for i = 1, 3 do
      model:append(Block(from, stage[1], i == 1 and stage[2] or 1))
      from = stage[1]
    end
  end
  for _, layer in ipairs{nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10)} do model:append(layer) end
  local x = tocha.randn(32, 3, 32, 32)
  if p.training == 0 then
    model:eval()
    tocha.set_grad_enabled(false)
    return function() model(x) end
  end
  local optimizer = tocha.optim.SGD(model:parameters(), {lr = 0.1, momentum = 0.9, weight_decay = 1e-4})
  return trainer(tocha, model, optimizer, x, tocha.randint(1, 11, {32}))
end

return {list = list, make = make, alone = true, target = 0.7}
