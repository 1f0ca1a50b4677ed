--- Workloads of the other files through tocha.compile. The other side runs them as it always does, and some of them, those "by both", through
-- torch.compile; where that does not work the row has no figures of that side.

local list = {}
local function add(name, kind, parameters)
  local both = parameters and parameters.compiled == 2
  local w = {name = name .. (both and ', compiled by both' or ', compiled'), kind = kind, compiled = 1}
  for key, value in pairs(parameters or {}) do w[key] = value end
  list[#list + 1] = w
end

add('tiny MLP, step with SGD', 'tiny', {optimizer = 'sgd'})
add('tiny MLP, step with Adam', 'tiny', {optimizer = 'adam'})
add('LSTM by operators, h64 t50 b4, step', 'lstm')
for _, n in ipairs{65536, 262144} do
  add(('50 operators on %dk'):format(n / 1024), 'elementwise_chain', {n = n, backward = 0})
  add(('50 operators on %dk, forward and backward'):format(n / 1024), 'elementwise_chain', {n = n, backward = 1})
end
add('MLP 784-512-512-10 b128, step with Adam', 'mlp')
add('CNN of LeNet size b64, step with Adam', 'cnn')
add('VAE 784-400-20 b128, step with Adam', 'vae')
add('ResNet-20 3x32x32 b32, step with SGD', 'resnet', {training = 1})
add('GPT-mini, step with AdamW', 'gpt')

-- a loop of 50 steps unrolled takes torch.compile minutes: not among them
add('tiny MLP, step with SGD', 'tiny', {optimizer = 'sgd', compiled = 2})
add('50 operators on 256k, forward and backward', 'elementwise_chain', {n = 262144, backward = 1, compiled = 2})
add('MLP 784-512-512-10 b128, step with Adam', 'mlp', {compiled = 2})
add('VAE 784-400-20 b128, step with Adam', 'vae', {compiled = 2})
add('GPT-mini, step with AdamW', 'gpt', {compiled = 2})

return {list = list, alone = true, target = 0.6}
