--- Networks over sequences: nn.LSTM, and a small GPT that learns and that writes token by token with a cache of keys and values.

local list = {
  {name = 'nn.LSTM 2x256, sequence 64, b32, step with Adam', kind = 'layers_lstm'},
  {name = 'GPT-mini, step with AdamW', kind = 'gpt'},
  {name = 'GPT-mini writes 64 tokens', kind = 'gpt_writes', target = 0.3},
}

local make = {}
local width, heads, context, vocabulary, depth = 256, 8, 128, 512, 4

function make.layers_lstm(tocha)
  local nn = tocha.nn
  local lstm, head = nn.LSTM(128, 256, 2), nn.Linear(256, 10)
  local parameters = lstm:parameters()
  for _, p in ipairs(head:parameters()) do parameters[#parameters + 1] = p end
  local optimizer = tocha.optim.Adam(parameters, {lr = 1e-3})
  local x, labels = tocha.randn(64, 32, 128), tocha.randint(1, 11, {32})
  return function()
    optimizer:zero_grad()
    local outputs = lstm(x)
    tocha.nn.functional.cross_entropy(head(outputs[-1]), labels):backward()
    optimizer:step()
  end
end

-- one layer: attention and a network of two layers, each behind a normalisation and beside a shortcut
local function block_class(tocha)
  local nn, F = tocha.nn, tocha.nn.functional
  local Block = tocha.class('GPTBlock', nn.Module)
  function Block:__init()
    self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
    self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
    self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)
  end
  local function split(x, b, t) return x:view(b, t, heads, width / heads):transpose(2, 3) end
  -- x: (batch, length, width); cache: {k, v} of the tokens before, or nil
  function Block:forward(x, cache)
    local b, t = x:size(1), x:size(2)
    local q, k, v = unpack(self.qkv(self.norm1(x)):chunk(3, 3))
    q, k, v = split(q, b, t), split(k, b, t), split(v, b, t)
    if cache then
      if cache[1] then k, v = tocha.cat({cache[1], k}, 3), tocha.cat({cache[2], v}, 3) end
      cache[1], cache[2] = k, v
    end
    local y = F.scaled_dot_product_attention(q, k, v, {is_causal = not cache})
    x = x + self.out(y:transpose(2, 3):reshape(b, t, width))
    return x + self.down(F.gelu(self.up(self.norm2(x))))
  end
  return Block
end

local function gpt_class(tocha)
  local nn, Block = tocha.nn, block_class(tocha)
  local GPT = tocha.class('GPT', nn.Module)
  function GPT:__init()
    self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
    self.blocks = nn.ModuleList()
    for _ = 1, depth do self.blocks:append(Block()) end
    self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, false)
  end
  function GPT:forward(tokens, first, caches)
    local x = self.tokens(tokens) + self.positions(tocha.arange(first, first + tokens:size(2)))
    for i = 1, depth do x = self.blocks[i](x, caches and caches[i]) end
    return self.head(self.norm(x))
  end
  return GPT
end

function make.gpt(tocha)
  local model = gpt_class(tocha)()
  local optimizer = tocha.optim.AdamW(model:parameters(), {lr = 3e-4})
  local tokens, labels = tocha.randint(1, vocabulary + 1, {8, context}), tocha.randint(1, vocabulary + 1, {8 * context})
  return function()
    optimizer:zero_grad()
    tocha.nn.functional.cross_entropy(model(tokens, 1):view(-1, vocabulary), labels):backward()
    optimizer:step()
  end
end

function make.gpt_writes(tocha)
  local model = gpt_class(tocha)():eval()
  tocha.set_grad_enabled(false)
  return function()
    local token, caches = tocha.ones(1, 1, {dtype = 'int64'}), {}
    for i = 1, depth do caches[i] = {} end
    for at = 1, 64 do token = model(token, at, caches)[{{}, -1}]:argmax(-1, true) end
    return token
  end
end

return {list = list, make = make, alone = true, target = 0.9}
