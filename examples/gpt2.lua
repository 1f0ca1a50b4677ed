--- Trains a GPT-2-shaped model on any text file, byte by byte: the 124M configuration for a GPU, a tiny one for any machine.
--     luajit examples/gpt2.lua --text book.txt --config tiny --steps 500
--     luajit examples/gpt2.lua --text book.txt --config 124m --device cuda --dtype bfloat16 --graph 1

local tocha = require 'tocha'
local nn, F, optim = tocha.nn, tocha.nn.functional, tocha.optim

local configurations = {
  tiny = {layers = 2, heads = 2, width = 64, context = 64, vocabulary = 256},
  small = {layers = 6, heads = 6, width = 384, context = 256, vocabulary = 256},
  ['124m'] = {layers = 12, heads = 12, width = 768, context = 1024, vocabulary = 50304},
}

local options = tocha.utils.options('gpt2', {
  {'text', '', 'the file to learn from; each byte is a token'},
  {'config', 'tiny', 'tiny, small or 124m'},
  {'device', 'cpu', 'cpu or cuda'},
  {'dtype', 'float32', 'float32, or bfloat16 for mixed precision'},
  {'graph', 0, '1: the whole training step is one CUDA graph'},
  {'steps', 200, 'steps to train for'},
  {'batch', 16, 'texts in a step'},
  {'context', 0, 'tokens of a text (0: what the configuration says)'},
  {'lr', 1e-3, 'highest learning rate'},
  {'seed', 1, 'the same seed gives the same numbers'},
  {'threads', tocha.get_num_threads(), 'threads to compute with'},
  {'print', 20, 'steps between two lines'},
  {'sample', 200, 'bytes to write at the end'},
  {'save', '', 'where the model goes; an empty name saves none'},
}, arg)

if not configurations[options.config] or options.text == '' then
  io.stderr:write('gpt2: --text takes a file and --config one of tiny, small, 124m\n')
  os.exit(2)
end

---------------------------------------------------------------- the model
local Block = tocha.class('Block', nn.Module)

-- x is (batch, tokens, width), and so is what comes out
function Block:__init(c)
  self.heads = c.heads
  self.norm_1, self.norm_2 = nn.LayerNorm(c.width), nn.LayerNorm(c.width)
  self.qkv, self.out = nn.Linear(c.width, 3 * c.width), nn.Linear(c.width, c.width)
  self.wide, self.narrow = nn.Linear(c.width, 4 * c.width), nn.Linear(4 * c.width, c.width)
end

function Block:attend(x)
  local b, t, width = x:size(1), x:size(2), x:size(3)
  local heads = self.qkv(x):view(b, t, 3, self.heads, width / self.heads):permute(3, 1, 4, 2, 5)
  local y = F.scaled_dot_product_attention(heads[1], heads[2], heads[3], {is_causal = true}) -- (b, heads, t, width / heads)
  return self.out(y:transpose(2, 3):reshape(b, t, width))
end

function Block:forward(x)
  x = x + self:attend(self.norm_1(x))
  return x + self.narrow(F.gelu(self.wide(self.norm_2(x)), {approximate = 'tanh'}))
end

local GPT = tocha.class('GPT', nn.Module)

function GPT:__init(c)
  self.config = c
  self.tokens, self.places = nn.Embedding(c.vocabulary, c.width), nn.Embedding(c.context, c.width)
  self.blocks, self.norm = nn.ModuleList(), nn.LayerNorm(c.width)
  for _ = 1, c.layers do self.blocks:append(Block(c)) end
  tocha.no_grad(function() self:reset(c) end)
end

-- normal weights of deviation 0.02, those that end in the residual stream smaller the more layers add to it
function GPT:reset(c)
  for name, p in self:named_parameters() do
    if name:find('bias$') then p:zero_()
    elseif not name:find('norm') then
      local into_stream = name:find('%.out%.') or name:find('%.narrow%.')
      p:normal_(0, into_stream and 0.02 / math.sqrt(2 * c.layers) or 0.02)
    end
  end
end

-- ids (batch, tokens), from 1; gives the scores of the next token, (batch, tokens, vocabulary). The head is the embedding's transpose.
function GPT:forward(ids)
  local x = self.tokens(ids) + self.places.weight:narrow(1, 1, ids:size(2))
  for _, block in ipairs(self.blocks) do x = block(x) end
  return F.linear(self.norm(x), self.tokens.weight)
end

-- weight decay for matrices alone
local function parameter_groups(net)
  local decayed, plain = {}, {}
  for _, p in ipairs(net:parameters()) do
    local list = p:dim() >= 2 and decayed or plain
    list[#list + 1] = p
  end
  return {{params = decayed, weight_decay = 0.1}, {params = plain, weight_decay = 0}}
end

---------------------------------------------------------------- the text
local function read_text(path)
  local file = assert(io.open(path, 'rb'))
  local text = file:read('*a')
  file:close()
  local bytes = {}
  for first = 1, #text, 4096 do
    for _, b in ipairs{text:byte(first, math.min(first + 4095, #text))} do bytes[#bytes + 1] = b + 1 end -- tokens count from 1
  end
  return tocha.tensor(bytes, {dtype = 'int64'})
end

-- `batch` random pieces: what is read and, one further, what is to be said
local function draw(text, batch, context)
  local starts = tocha.randint(1, text:numel() - context + 1, {batch, 1})
  local places = starts + tocha.arange(context + 1):long():view(1, context + 1)
  local pieces = text:index_select(1, places:reshape(-1)):view(batch, context + 1)
  return pieces:narrow(2, 1, context):contiguous(), pieces:narrow(2, 2, context):contiguous()
end

---------------------------------------------------------------- training
-- the highest rate after a tenth of the steps, then down by a half cosine to a tenth of it
local function rate(o, step)
  local warm = math.max(1, math.floor(o.steps / 10))
  if step <= warm then return o.lr * step / warm end
  return o.lr * (0.55 + 0.45 * math.cos(math.pi * (step - warm) / math.max(1, o.steps - warm)))
end

-- one training step; gives the loss
local function train_step(net, optimizer, o, x, y)
  net:zero_grad()
  local function loss_of()
    local scores = net(x)
    return F.cross_entropy(scores:view(-1, scores:size(3)), y:view(-1))
  end
  local loss = o.dtype == 'float32' and loss_of() or tocha.amp.autocast(o.device:match('%a+'), o.dtype, loss_of)
  loss:backward()
  nn.utils.clip_grad_norm_(net:parameters(), 1)
  optimizer:step()
  return loss:detach()
end

local function train(net, o, text, context)
  local optimizer = optim.AdamW(parameter_groups(net), {lr = o.lr, betas = {0.9, 0.95}, eps = 1e-8, fused = true})
  local x, y = draw(text, o.batch, context)
  x, y = x:to(o.device), y:to(o.device)
  local function step_now() return train_step(net, optimizer, o, x, y) end
  local graph
  local clock, since = require('tocha.utils.terminal').clock, 0
  local started = clock()
  for step = 1, o.steps do
    local nx, ny = draw(text, o.batch, context)
    x:copy_(nx)
    y:copy_(ny)
    for _, group in ipairs(optimizer.param_groups) do group.lr = rate(o, step) end
    if o.graph == 1 and step == 3 then graph = tocha.cuda.graph(step_now, {warmup = 0}) end -- after two steps everything is loaded
    local loss = (graph or step_now)()
    since = since + 1
    if step == 1 or step % o.print == 0 or step == o.steps then
      local value = loss:item()            -- waits for the device
      local seconds = clock() - started
      local speed = seconds > 0 and ('%9.0f'):format(since * o.batch * context / seconds) or '        -'
      print(('step %5d  loss %.4f  %s tokens/s'):format(step, value, speed))
      since, started = 0, clock()
    end
  end
end

---------------------------------------------------------------- writing
local function sample(net, o, text, context)
  local said, ids = {}, text:narrow(1, 1, math.min(16, text:numel())):view(1, -1):to(o.device)
  tocha.no_grad(function()
    for _ = 1, o.sample do
      local seen = ids:size(2) > context and ids:narrow(2, ids:size(2) - context + 1, context) or ids
      local scores = net(seen:contiguous()):select(2, -1):narrow(2, 1, 256) -- bytes alone, whatever the vocabulary
      local next_id = scores:softmax(2):to('cpu'):multinomial(1)
      said[#said + 1] = string.char(next_id:item() - 1)
      ids = tocha.cat({ids, next_id:to(o.device)}, 2)
    end
  end)
  print(table.concat(said))
end

---------------------------------------------------------------- the whole of it
local function main(o)
  tocha.set_num_threads(o.threads)
  tocha.manual_seed(o.seed)
  local c = {}
  for key, value in pairs(configurations[o.config]) do c[key] = value end
  if o.context > 0 then c.context = math.min(o.context, c.context) end
  local text = read_text(o.text)
  if text:numel() < c.context + 2 then
    io.stderr:write(('gpt2: the text has %d bytes, takes at least %d\n'):format(text:numel(), c.context + 2))
    os.exit(2)
  end
  local net = GPT(c):to(o.device)
  print(('%d parameters, %d bytes of text, %s in %s'):format(net:num_parameters(), text:numel(), o.device, o.dtype))
  train(net, o, text, c.context)
  if o.save ~= '' then tocha.save({model = net:state_dict(), config = c}, o.save) end
  if o.sample > 0 then sample(net, o, text, c.context) end
end

main(options)
