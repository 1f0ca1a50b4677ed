--- A small GPT: rotary positions, grouped queries, gated feed-forward layers, and a cache of keys and values when it writes.
--     luajit examples/gpt_mini.lua my_novel.txt --steps 400 --prompt "It was"

local tocha = require 'tocha'
local nn, F, optim, utils = tocha.nn, tocha.nn.functional, tocha.optim, tocha.utils

local o = utils.options('gpt_mini', {
  {'steps', 400, 'steps of training'},
  {'batch-size', 12, 'pieces of text in a step'},
  {'length', 96, 'letters of a piece'},
  {'dim', 96, 'width'},
  {'layers', 2, 'blocks'},
  {'heads', 6, 'heads of attention'},
  {'lr', 0.005, 'highest learning rate'},
  {'write', 400, 'letters to write at the end'},
  {'temperature', 0.7, 'below 1 writes what is likelier'},
  {'prompt', 'The ', 'how the written text begins'},
  {'seed', 1, 'the same seed gives the same text'},
}, arg)
tocha.manual_seed(o.seed)

local path = o[1] or (arg[0]:match('^(.*/)') or '') .. '../docs/design.md'
local file = assert(io.open(path, 'rb'))
local text = file:read('*a')
file:close()
local data = tocha.tensor({text:byte(1, math.min(#text, 7000))}, {dtype = 'int64'})
for at = 7001, #text, 7000 do
  data = tocha.cat({data, tocha.tensor({text:byte(at, math.min(at + 6999, #text))}, {dtype = 'int64'})}, 1)
end
data = data + 1                                            -- bytes 0 .. 255 as tokens 1 .. 256

local Block = tocha.class('Block', nn.Module)
function Block:__init(dim, heads)
  self.norm1 = nn.RMSNorm(dim)
  self.attention = nn.GroupedQueryAttention(dim, heads, heads / 2, {rope = true, window = o.length / 2})
  self.norm2 = nn.RMSNorm(dim)
  self.feed = nn.SwiGLU(dim)
end
function Block:forward(x, cache)
  x = x + self.attention(self.norm1(x), {cache = cache})
  return x + self.feed(self.norm2(x))
end

local GPT = tocha.class('GPT', nn.Module)
function GPT:__init(dim, layers, heads)
  self.embedding = nn.Embedding(256, dim)
  self.blocks = nn.ModuleList()
  for _ = 1, layers do self.blocks:append(Block(dim, heads)) end
  self.norm = nn.RMSNorm(dim)
  nn.init.normal_(self.embedding.weight, 0, 0.05)
end

-- tokens (batch, time) to features (batch, time, dim); caches has one nn.KVCache a block
function GPT:forward(tokens, caches)
  local x = self.embedding(tokens)
  for i, block in self.blocks:iter() do x = block(x, caches and caches[i]) end
  return self.norm(x)
end

-- the scores share the embedding's weights
function GPT:scores(x) return F.linear(x, self.embedding.weight) end

local net = GPT(o.dim, o.layers, o.heads)
local optimizer = optim.AdamW(net:parameters(), {lr = o.lr, weight_decay = 0.05, betas = {0.9, 0.98}})
local schedule = optim.lr_scheduler.OneCycleLR(optimizer, o.lr, {total_steps = o.steps, pct_start = 0.2})
print(('%s: %d bytes; %d parameters'):format(path, data:numel(), net:num_parameters()))

local function batch()
  local starts = tocha.randint(1, data:numel() - o.length, {o['batch-size'], 1})
  local places = starts + tocha.arange(0, o.length)
  return data[places], data[places + 1]
end

local bar = utils.Progress(o.steps, {label = 'training', unit = 'letters', lines = 5})
for _ = 1, o.steps do
  local x, y = batch()
  optimizer:zero_grad()
  local loss = F.linear_cross_entropy(net(x):flatten(1, 2), net.embedding.weight, y:flatten())
  loss:backward()
  nn.utils.clip_grad_norm_(net:parameters(), 1)
  optimizer:step()
  schedule:step()
  bar:step(x:numel(), loss:item())
end
bar:finish()

-- One token at a time: the cache holds what the tokens before it gave.
local function write(prompt, n)
  local caches, out = {}, {prompt}
  for i = 1, o.layers do caches[i] = nn.KVCache() end
  local x = (tocha.tensor({prompt:byte(1, -1)}, {dtype = 'int64'}) + 1):view(1, -1)
  for i = 1, n do
    local scores = net:scores(net(x, caches)[{1, -1}])
    x = tocha.multinomial((scores / o.temperature):softmax(1), 1):view(1, 1)
    out[i + 1] = string.char(x:item() - 1)
  end
  return table.concat(out)
end

net:eval()
local began = utils.clock()
local written = tocha.no_grad(write, o.prompt, o.write)
print('\n' .. written .. '\n')
print(('%.0f letters a second'):format(o.write / (utils.clock() - began)))
