--- Training for thousands of steps: resident memory stays as high as it was, whatever the script does beside it.

local S = require 'spec.support'

local sanitized = os.getenv('TOCHA_SANITIZED')
local held_back = 'the sanitizer keeps freed memory'

-- networks small enough for ten thousand steps; each gives a function that makes one step and returns the loss
local networks = {
  MLP = [[
    local model = nn.Sequential(nn.Linear(8, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.1), nn.Linear(16, 3))
    local optimizer = optim.Adam(model:parameters(), {lr = 1e-3})
    local x, labels = tocha.randn(8, 8), tocha.randint(1, 4, {8})
    local function loss_of() return F.cross_entropy(model(x), labels) end]],
  CNN = [[
    local model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36, 3))
    local optimizer = optim.SGD(model:parameters(), {lr = 1e-3, momentum = 0.9})
    local x, labels = tocha.randn(4, 1, 8, 8), tocha.randint(1, 4, {4})
    local function loss_of() return F.cross_entropy(model(x), labels) end]],
  VAE = [[
    local encode, decode = nn.Linear(12, 8), nn.Linear(4, 12)
    local optimizer = optim.Adam(nn.ModuleList({encode, decode}):parameters(), {lr = 1e-3})
    local x = tocha.rand(8, 12)
    local function loss_of()
      local mu, logvar = unpack(encode(x):chunk(2, 2))
      local z = mu + tocha.randn_like(mu) * (logvar * 0.5):exp()
      return F.binary_cross_entropy_with_logits(decode(z), x) - (logvar - mu:square() - logvar:exp() + 1):mean()
    end]],
  LSTM = [[
    local lstm, head = nn.LSTM(4, 8, 2), nn.Linear(8, 3)
    local optimizer = optim.RMSprop(nn.ModuleList({lstm, head}):parameters(), {lr = 1e-3})
    local x, labels = tocha.randn(5, 4, 4), tocha.randint(1, 4, {4})
    local function loss_of() return F.cross_entropy(head((lstm(x))[-1]), labels) end]],
  attention = [[
    local layer, head = nn.TransformerEncoderLayer(8, 2, 16), nn.Linear(8, 3)
    local optimizer = optim.AdamW(nn.ModuleList({layer, head}):parameters(), {lr = 1e-3})
    local x, labels = tocha.randn(4, 3, 8), tocha.randint(1, 4, {12})
    local function loss_of() return F.cross_entropy(head(layer(x)):view(-1, 3), labels) end]],
}

-- beside each step: nothing; a table that grows, as a log of losses does; an error caught in the middle of a forward pass
local habits = {
  ['as it is'] = '',
  ['with a growing table of numbers'] = 'log[#log + 1] = loss:item()',
  ['with an error caught in each step'] = 'assert(not pcall(function() return loss_of() * 2 + tocha.ones(3, 3, 3):view(2) end))',
}

local frame = [[
local tocha = require 'tocha'
tocha.set_num_threads(1)
local nn, F, optim = tocha.nn, tocha.nn.functional, tocha.optim
%s
%s
local log = {}
local function most_in(steps)
  local most = 0
  for i = 1, steps do
    optimizer:zero_grad()
    local loss = loss_of()
    loss:backward()
    optimizer:step()
    %s
    if i %% 100 == 0 then most = math.max(most, resident()) end
  end
  return most
end
-- Memory swings with Lua's collector, and the first swings are of different heights: flat is what keeps to the height of before twice in a row.
local steps, slack = %d, %g
local most, flat, seen = most_in(steps), 0, {}
for block = 1, 12 do
  local now = most_in(steps)
  flat = now <= 1.02 * most + slack and flat + 1 or 0
  most = math.max(most, now)
  seen[block] = ('%%.1f'):format(now)
  if flat == 2 then break end
end
print(flat == 2 and 'flat' or 'growing', table.concat(seen, ' '))]]

describe('resident memory over thousands of training steps', function()
  local steps = tonumber(os.getenv('TOCHA_STEPS')) or 10000
  for name, network in pairs(networks) do
    for habit, code in pairs(habits) do
      it(('stays flat for the %s %s'):format(name, habit), function()
        if sanitized then return pending(held_back) end
        -- two hundredths, and what Lua's own heap goes up and down by; it doubles before Lua collects it, and a growing table with it
        local slack = habit:find('table') and 3 or 1.5
        local output = S.runs(frame:format(S.memory_functions, network, code, steps / 2, slack), {timeout = 400})
        assert.matches('^flat', output)
      end)
    end
  end
end)
