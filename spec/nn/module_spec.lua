-- nn.Module: registration, walking, state, modes, hooks, printing.
local tocha = require 'tocha'
local nn = tocha.nn

local function near(expected, x)
  local got = x:reshape(-1):totable()
  assert.are.equal(#expected, #got)
  for i, v in ipairs(expected) do assert.is_true(math.abs(v - got[i]) < 1e-5, ('entry %d: %g, not %g'):format(i, got[i], v)) end
end

local function names(list)
  local out = {}
  for name in list do out[#out + 1] = name end
  return out
end

local Net = tocha.class('Net', nn.Module)
function Net:__init(hidden)
  self.fc1 = nn.Linear(3, hidden or 4)
  self.scale = nn.Parameter(tocha.ones(1))
  self.act = nn.ReLU()
  self.fc2 = nn.Linear(hidden or 4, 2)
  self:register_buffer('steps', tocha.zeros(1))
  self.note = 'plain fields are not registered'
end
function Net:forward(x) return self.fc2(self.act(self.fc1(x))) * self.scale end

describe('a module', function()
  it('registers parameters, buffers and submodules as they are assigned, in order', function()
    local net = Net()
    assert.are.same({'scale', 'fc1.weight', 'fc1.bias', 'fc2.weight', 'fc2.bias'}, names(net:named_parameters()))
    assert.are.same({'steps'}, names(net:named_buffers()))
    assert.are.same({'fc1', 'act', 'fc2'}, names(net:named_children()))
    assert.are.same({'', 'fc1', 'act', 'fc2'}, names(net:named_modules()))
  end)

  it('gives lists that have a length, take an index and can be walked several times', function()
    local ps = Net():parameters()
    assert.are.equal(5, #ps)
    assert.is_true(ps[1].is_parameter)
    for _ = 1, 2 do
      local n = 0
      for p in ps do n = n + p:dim() end
      assert.are.equal(7, n)
    end
  end)

  it('needs no call of the parent constructor', function()
    local Own = tocha.class('Own', nn.Module)
    function Own:__init() self.w = nn.Parameter(tocha.ones(2)) end
    assert.are.equal(1, #Own():parameters())
  end)

  it('notices a field that is assigned over', function()
    local net = Net()
    net.fc1 = nn.Linear(3, 4, false)
    net.note = nn.Parameter(tocha.ones(3))
    net.act = nil
    assert.are.same({'scale', 'note', 'fc1.weight', 'fc2.weight', 'fc2.bias'}, names(net:named_parameters()))
    assert.are.same({'fc1', 'fc2'}, names(net:named_children()))
  end)

  it('refuses a plain tensor in the place of a parameter', function()
    local net = Net()
    net.scale = tocha.ones(1)
    assert.error_matches(function() net:parameters() end, 'Net: scale is a parameter and was assigned a plain tensor')
  end)

  it('takes nn.Buffer as a way to register buffers', function()
    local m = nn.Module()
    m.mean = nn.Buffer(tocha.ones(2))
    m.count = 0
    m.count = nn.Buffer(tocha.zeros(1), {persistent = false})
    assert.are.equal(2, #m:buffers())
    assert.is_true(tocha.is_tensor(m.mean) and tocha.is_tensor(m.count))
    assert.is_nil(m:state_dict().count)
  end)

  it('lists a shared parameter once', function()
    local net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    net[2].weight = net[1].weight
    assert.are.equal(3, #net:parameters())
    assert.are.equal(4, #net:named_parameters{remove_duplicate = false})
  end)

  it('lists only its own parameters without recursion, and puts a prefix before names', function()
    assert.are.same({'scale'}, names(Net():named_parameters('', false)))
    assert.are.equal('model.scale', Net():named_parameters('model')[1][1])
  end)

  it('finds submodules, parameters and buffers by path', function()
    local net = nn.Sequential(Net())
    assert.are.equal(net[1].fc1, net:get_submodule('0.fc1'))
    assert.is_true(net:get_parameter('0.fc1.weight') == net[1].fc1.weight)
    assert.is_true(net:get_buffer('0.steps') == net[1].steps)
    assert.error_matches(function() net:get_submodule('0.fc3') end, "Net has no submodule 'fc3' %(looking for '0.fc3'%)")
    assert.error_matches(function() net:get_parameter('0.fc1.bia') end, "Linear has no parameter 'bia'")
  end)

  it('replaces a submodule by path', function()
    local net = nn.Sequential(Net())
    net:set_submodule('0.act', nn.Tanh())
    assert.are.equal('Tanh()', tostring(net[1].act))
  end)

  it('applies a function to children first, then to itself', function()
    local seen = {}
    local net = Net()
    assert.are.equal(net, net:apply(function(m) seen[#seen + 1] = m.__name end))
    assert.are.same({'Linear', 'ReLU', 'Linear', 'Net'}, seen)
  end)

  it('switches modes everywhere', function()
    local net = nn.Sequential(nn.Dropout(0.5), nn.Sequential(nn.Dropout(0.5)))
    assert.is_true(net.training)
    assert.are.equal(net, net:eval())
    assert.is_false(net[2][1].training)
    net:train()
    assert.is_true(net[2][1].training)
  end)

  it('casts floating parameters and buffers, and leaves the objects and integers as they are', function()
    local net = nn.BatchNorm1d(3)
    local w = net.weight
    net:double()
    assert.is_true(w == net.weight)
    assert.are.equal('float64', tostring(w.dtype):match('%w+$'))
    assert.are.equal('float64', tostring(net.running_var.dtype):match('%w+$'))
    assert.are.equal('int64', tostring(net.num_batches_tracked.dtype):match('%w+$'))
    assert.is_true(net.weight.is_parameter and net.weight.requires_grad)
    net:to{dtype = 'float32'}
    assert.are.equal('float32', tostring(w.dtype):match('%w+$'))
  end)

  it('forgets or zeroes gradients', function()
    local m = nn.Linear(2, 1)
    m(tocha.ones(1, 2)):sum():backward()
    near({1, 1}, m.weight.grad)
    m:zero_grad(false)
    near({0, 0}, m.weight.grad)
    m:zero_grad()
    assert.is_nil(m.weight.grad)
  end)

  it('freezes its parameters', function()
    local m = nn.Linear(2, 1):requires_grad_(false)
    assert.is_false(m.weight.requires_grad)
    assert.is_false(m(tocha.ones(1, 2)).requires_grad)
  end)

  it('makes copies that share nothing with it', function()
    local net = Net()
    local other = net:copy()
    other.fc1.weight:detach():fill_(7)
    assert.is_true(net.fc1.weight:ne(7):all():item())
    assert.are.equal(5, #other:parameters())
    assert.is_true(other.fc1.weight.is_parameter)
  end)

  it('passes nil arguments and several results through', function()
    local M = tocha.class('M', nn.Module)
    function M:forward(a, b, c) return c, b, a end -- luacheck: ignore self
    assert.are.equal(3, select('#', M()(1, nil, 3)))
    assert.are.same({3, nil, 1}, {M()(1, nil, 3)})
  end)

  it('says so when forward is missing', function()
    local M = tocha.class('Empty', nn.Module)
    assert.error_matches(function() M()(1) end, 'Empty: forward is not defined')
  end)

  it('refuses names that cannot be a path', function()
    local m = nn.Module()
    assert.error_matches(function() m:register_buffer('a.b', tocha.ones(1)) end, 'takes a string without dots')
    assert.error_matches(function() m:register_parameter('train', nn.Parameter(tocha.ones(1))) end,
      "Module already has a field or method 'train'")
    assert.error_matches(function() m:register_parameter('w', tocha.ones(1)) end, 'takes an nn.Parameter or nil')
  end)
end)

describe('the state of a module', function()
  it('has the names of PyTorch, shares memory and needs no gradient', function()
    local net = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    local state = net:state_dict()
    local keys = {}
    for k in pairs(state) do keys[#keys + 1] = k end
    table.sort(keys)
    assert.are.same({'0.bias', '0.weight', '1.bias', '1.num_batches_tracked', '1.running_mean', '1.running_var', '1.weight'}, keys)
    state['0.bias']:fill_(3)
    near({3, 3}, net[1].bias)
    assert.is_false(state['0.bias'].requires_grad)
    assert.is_true(net:state_dict{keep_vars = true}['0.bias'] == net[1].bias)
  end)

  it('leaves out buffers that are not persistent', function()
    local m = nn.Module()
    m:register_buffer('a', tocha.ones(1))
    m:register_buffer('b', tocha.ones(1), {persistent = false})
    assert.is_not_nil(m:state_dict().a)
    assert.is_nil(m:state_dict().b)
    assert.are.equal(2, #m:buffers())
  end)

  it('loads into the same parameters', function()
    local a, b = Net(), Net()
    local w = b.fc1.weight
    local missing, unexpected = b:load_state_dict(a:state_dict())
    assert.are.same({{}, {}}, {missing, unexpected})
    assert.is_true(w == b.fc1.weight)
    assert.is_true(w:eq(a.fc1.weight):all():item())
  end)

  it('names missing and unexpected keys, and changes nothing then', function()
    local net = Net()
    local before = net.scale:item()
    local state = net:state_dict()
    state.scale, state['fc1.bias'], state.extra = tocha.ones(1) * 9, nil, tocha.ones(1)
    local ok, message = pcall(net.load_state_dict, net, state)
    assert.is_false(ok)
    assert.matches('load_state_dict: Net: missing keys: fc1.bias; unexpected keys: extra', message, 1, true)
    assert.are.equal(before, net.scale:item())
    local missing, unexpected = net:load_state_dict(state, {strict = false})
    assert.are.same({{'fc1.bias'}, {'extra'}}, {missing, unexpected})
    assert.are.equal(9, net.scale:item())
  end)

  it('names a shape that does not fit, strict or not', function()
    local net = Net()
    assert.error_matches(function() net:load_state_dict({scale = tocha.ones(3)}, false) end,
      'size mismatch for scale: the state has %[3%], the module %[1%]')
    assert.error_matches(function() net:load_state_dict({scale = 3}, false) end, 'scale is 3, not a tensor')
  end)

  it('accepts states of batch norm without the counter', function()
    local m = nn.BatchNorm1d(1)
    local one = tocha.ones(1)
    m:load_state_dict{weight = one, bias = one, running_mean = one, running_var = one}
    assert.are.equal(0, m.num_batches_tracked:item())
  end)

  it('saves and restores what a class adds to it', function()
    local Counter = tocha.class('Counter', nn.Module)
    function Counter:__init() self.n = 0 end
    function Counter:get_extra_state() return tocha.tensor{self.n} end
    function Counter:set_extra_state(x) self.n = x:item() end
    local a, b = Counter(), Counter()
    a.n = 5
    b:load_state_dict(a:state_dict())
    assert.are.equal(5, b.n)
  end)
end)

describe('hooks of a module', function()
  local x = tocha.ones(1, 2)

  it('see and replace what goes in and what comes out', function()
    local m = nn.Identity()
    local pre = m:register_forward_pre_hook(function(module, inputs)
      assert.are.equal(m, module)
      return inputs[1] * 2
    end)
    local post = m:register_forward_hook(function(_, inputs, output)
      near({2, 2}, inputs[1])
      return output + 1
    end)
    near({3, 3}, m(x))
    post:remove()
    near({2, 2}, m(x))
    pre:remove()
    near({1, 1}, m(x))
  end)

  it('run in order, or first when asked to', function()
    local m, seen = nn.Identity(), {}
    m:register_forward_hook(function() seen[#seen + 1] = 'a' end)
    m:register_forward_hook(function() seen[#seen + 1] = 'b' end)
    m:register_forward_hook(function() seen[#seen + 1] = 'c' end, {prepend = true})
    m(x)
    assert.are.same({'c', 'a', 'b'}, seen)
  end)

  it('see the gradients of inputs and outputs, and may replace those of the inputs', function()
    local m = nn.Linear(2, 1, false)
    m:load_state_dict{weight = tocha.tensor{{3, 5}}}
    local seen_in, seen_out
    m:register_full_backward_hook(function(_, grad_input, grad_output)
      seen_in, seen_out = grad_input[1], grad_output[1]
      return grad_input[1] * 10
    end)
    local y = tocha.ones(1, 2):requires_grad_()
    m(y):sum():backward()
    near({3, 5}, seen_in)
    near({1}, seen_out)
    near({30, 50}, y.grad)
    near({1, 1}, m.weight.grad)
  end)

  it('see the gradient of the output where no input needs one', function()
    local m, seen = nn.Linear(2, 1), nil
    m:register_full_backward_hook(function(_, grad_input, grad_output)
      assert.is_nil(grad_input[1])
      seen = grad_output[1]
    end)
    m(x):sum():backward()
    near({1}, seen)
  end)

  it('may change the gradient of the output before backward', function()
    local m = nn.Linear(2, 1, false)
    m:register_full_backward_pre_hook(function(_, grad_output) return grad_output[1] * 3 end)
    m(x):sum():backward()
    near({3, 3}, m.weight.grad)
  end)

  it('refuse what is no function', function()
    assert.error_matches(function() nn.Identity():register_forward_hook(3) end, 'register_forward_hook: hook: got 3')
  end)
end)

describe('printing a module', function()
  it('is as PyTorch prints it', function()
    assert.are.equal('Linear(in_features=3, out_features=4, bias=True)', tostring(nn.Linear(3, 4)))
    assert.are.equal([[
Net(
  (fc1): Linear(in_features=3, out_features=4, bias=True)
  (act): ReLU()
  (fc2): Linear(in_features=4, out_features=2, bias=True)
)]], tostring(Net()))
    assert.are.equal([[
Sequential(
  (0): Conv2d(1, 8, kernel_size=(3, 3), stride=(1, 1), padding=(1, 1), bias=False)
  (1): Sequential(
    (0): ReLU(inplace=True)
    (1): MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)
  )
  (2): Dropout(p=0.5, inplace=False)
)]], tostring(nn.Sequential(nn.Conv2d(1, 8, 3, {padding = 1, bias = false}),
      nn.Sequential(nn.ReLU(true), nn.MaxPool2d(2)), nn.Dropout())))
  end)

  it('shows the options of each layer', function()
    assert.are.equal('BatchNorm2d(8, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)', tostring(nn.BatchNorm2d(8)))
    assert.are.equal('LayerNorm((8,), eps=1e-05, elementwise_affine=True)', tostring(nn.LayerNorm(8)))
    assert.are.equal('Embedding(5, 3, padding_idx=2)', tostring(nn.Embedding(5, 3, {padding_idx = 2})))
    assert.are.equal('LSTM(3, 4, num_layers=2, batch_first=True)', tostring(nn.LSTM(3, 4, 2, {batch_first = true})))
    assert.are.equal("GELU(approximate='none')", tostring(nn.GELU()))
    assert.are.equal('ConstantPad1d(padding=(1, 2), value=3)', tostring(nn.ConstantPad1d({1, 2}, 3)))
    assert.are.equal('MSELoss()', tostring(nn.MSELoss()))
  end)
end)
