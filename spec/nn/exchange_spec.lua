--- States of models go to PyTorch and come back, as safetensors files, with equal outputs. spec/data/exchange has what PyTorch wrote;
-- what Tocha writes must have the same names, dtypes, shapes and bytes, and, where a Python with torch and numpy is found
-- (python3, or TOCHA_TORCH_PYTHON), PyTorch must compute the same with it.

local tocha = require 'tocha'
local nn, S = tocha.nn, require 'spec.support'

local folder = 'spec/data/exchange/'
local exchange = require 'spec.exchange'

-- ------------------------------------------------------------------------------------------------- the models, as in exchange.py

local Block = tocha.class('Block', nn.Module)
function Block:__init(inputs, outputs, stride)
  self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, {bias = false})
  self.bn1 = nn.BatchNorm2d(outputs)
  self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, {bias = false})
  self.bn2 = nn.BatchNorm2d(outputs)
  if stride ~= 1 or inputs ~= outputs then
    self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, {bias = false}), nn.BatchNorm2d(outputs))
  end
end
function Block:forward(x)
  local y = self.bn2(self.conv2(self.bn1(self.conv1(x)):relu()))
  return (y + (self.downsample and self.downsample(x) or x)):relu()
end

local ResNet = tocha.class('ResNet', nn.Module)
function ResNet:__init(w)
  self.conv1 = nn.Conv2d(3, w, 7, 2, 3, {bias = false})
  self.bn1 = nn.BatchNorm2d(w)
  self.maxpool = nn.MaxPool2d(3, 2, 1)
  self.layer1 = nn.Sequential(Block(w, w, 1), Block(w, w, 1))
  self.layer2 = nn.Sequential(Block(w, 2 * w, 2), Block(2 * w, 2 * w, 1))
  self.layer3 = nn.Sequential(Block(2 * w, 4 * w, 2), Block(4 * w, 4 * w, 1))
  self.layer4 = nn.Sequential(Block(4 * w, 8 * w, 2), Block(8 * w, 8 * w, 1))
  self.fc = nn.Linear(8 * w, 10)
end
function ResNet:forward(x)
  x = self.maxpool(self.bn1(self.conv1(x)):relu())
  x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
  return self.fc(x:mean{3, 4})
end

local Tagger = tocha.class('Tagger', nn.Module)
function Tagger:__init()
  self.embedding = nn.Embedding(20, 6)
  self.lstm = nn.LSTM(6, 8, 2, {batch_first = true, bidirectional = true})
  self.head = nn.Linear(16, 5)
end
function Tagger:forward(tokens) return self.head((self.lstm(self.embedding(tokens)))) end

local Translator = tocha.class('Translator', nn.Module)
function Translator:__init()
  self.transformer = nn.Transformer(8, 2, 2, 1, 16, {batch_first = true})
  self.head = nn.Linear(8, 5)
end
function Translator:forward(x)
  local mask = nn.Transformer.generate_square_subsequent_mask(3)
  return self.head(self.transformer(x, x:narrow(2, 1, 3), {tgt_mask = mask}))
end

local models = {resnet = function() return ResNet(2) end, lstm = Tagger, transformer = Translator}

-- ------------------------------------------------------------------------------------------------- the exchange

-- a file of ours or of PyTorch as state, input, output
local function parts_of(given)
  local state = {}
  for name, x in pairs(given) do
    local key = name:match('^state%.(.*)$')
    if key then state[key] = x end
  end
  return state, given.input, given.output
end

local function outputs(model, x) return tocha.no_grad(model:eval(), x) end

local function fixture(name) return parts_of(tocha.load(folder .. name .. '.safetensors')) end

for name, build in pairs(models) do
  describe('the state of a ' .. name, function()
    it('that PyTorch wrote gives what it gives there', function()
      local state, x, want = fixture(name)
      local model = build()
      model:load_state_dict(state)
      S.close(outputs(model, x), want, 1e-4, 1e-5)
    end)

    it('is written as PyTorch wrote it', function()
      local state = fixture(name)
      local model, path = build(), os.tmpname()
      model:load_state_dict(state)
      tocha.save(model:state_dict(), path)
      local mine, theirs = exchange.contents(path), exchange.contents(folder .. name .. '.safetensors')
      os.remove(path)
      for key, entry in pairs(mine) do assert.are.same(theirs['state.' .. key], entry, key) end
      for key in pairs(theirs) do
        local own = key:match('^state%.(.*)$')
        if own then assert.is_truthy(mine[own], own) end
      end
    end)
  end)
end

describe('the states of models', function()
  it('that Tocha wrote give in PyTorch what they give here', function()
    if not exchange.python() then return end
    local built = {}
    exchange.with_torch({'resnet', 'lstm', 'transformer'}, function(name)
      tocha.manual_seed(3)
      local model, _, x = models[name](), fixture(name)
      local flat = {input = x}
      for key, p in pairs(model:state_dict()) do flat['state.' .. key] = p end
      built[name] = {model = model, input = x}
      return flat
    end, function(name, result)
      S.close(outputs(built[name].model, built[name].input), result.output, 1e-4, 1e-5, name)
    end)
  end)
end)
