--- An LSTM that learns a text letter by letter and then writes on by itself.
--     luajit examples/char_lstm.lua my_novel.txt --steps 500

local tocha = require 'tocha'
local nn, F, optim, utils = tocha.nn, tocha.nn.functional, tocha.optim, tocha.utils

local o = utils.options('char_lstm', {
  {'steps', 400, 'steps of training'},
  {'batch-size', 16, 'pieces of text in a step'},
  {'length', 64, 'letters of a piece'},
  {'hidden', 192, 'width of the LSTM'},
  {'layers', 1, 'layers of the LSTM'},
  {'lr', 0.01, 'highest learning rate'},
  {'write', 400, 'letters to write at the end'},
  {'temperature', 0.7, 'below 1 writes what is likelier'},
  {'seed', 1, 'the same seed gives the same text'},
}, arg)
tocha.manual_seed(o.seed)

local path = o[1] or (arg[0]:match('^(.*/)') or '') .. '../docs/design.md'
local file = assert(io.open(path, 'rb'))
local text = file:read('*a')
file:close()

-- letters (bytes) as numbers from 1
local letters, number_of, codes = {}, {}, {}
for i = 1, #text do
  local c = text:sub(i, i)
  if not number_of[c] then
    letters[#letters + 1] = c
    number_of[c] = #letters
  end
  codes[i] = number_of[c]
end
local data = tocha.tensor(codes, {dtype = 'int64'})
print(('%s: %d letters, %d different ones'):format(path, #codes, #letters))

local Writer = tocha.class('Writer', nn.Module)

function Writer:__init(n)
  self.embedding = nn.Embedding(n, 64)
  self.lstm = nn.LSTM(64, o.hidden, o.layers, {batch_first = true})
  self.head = nn.Linear(o.hidden, n)
end

-- x is (batch, time) of letters; out come scores (batch, time, letters) and the state after them
function Writer:forward(x, state)
  local y, new = self.lstm(self.embedding(x), state)
  return self.head(y), new
end

local net = Writer(#letters)
local optimizer = optim.AdamW(net:parameters(), {lr = o.lr})
local schedule = optim.lr_scheduler.OneCycleLR(optimizer, o.lr, {total_steps = o.steps})

-- random pieces, and the same one letter on
local function batch()
  local starts = tocha.randint(1, #codes - o.length, {o['batch-size'], 1})
  local places = starts + tocha.arange(0, o.length)
  return data[places], data[places + 1]
end

local bar = utils.Progress(o.steps, {label = 'training', unit = 'letters', lines = 5})
for _ = 1, o.steps do
  local x, y = batch()
  optimizer:zero_grad()
  local loss = F.cross_entropy((net(x)):flatten(1, 2), y:flatten())
  loss:backward()
  nn.utils.clip_grad_norm_(net:parameters(), 1)
  optimizer:step()
  schedule:step()
  bar:step(x:numel(), loss:item())
end
bar:finish()

local function write(n)
  local out, state, x = {}, nil, data:narrow(1, 1, 1):view(1, 1)
  for i = 1, n do
    local scores
    scores, state = net(x, state)
    x = tocha.multinomial((scores[{1, -1}] / o.temperature):softmax(1), 1):view(1, 1)
    out[i] = letters[x:item()]
  end
  return table.concat(out)
end

net:eval()
print('\n' .. tocha.no_grad(write, o.write))
