-- tocha.save and tocha.load: what comes back, what other programs see, how files are written.
local tocha = require 'tocha'
local nn, optim = tocha.nn, tocha.optim
local json = require 'tocha.io.json'

local folder

local function path(name) return folder .. '/' .. name end

local function read(name)
  local file = assert(io.open(path(name), 'rb'))
  local bytes = file:read('*a')
  file:close()
  return bytes
end

local function write(name, bytes)
  local file = assert(io.open(path(name), 'wb'))
  file:write(bytes)
  file:close()
end

local function fails(says, f, ...)
  local ok, message = pcall(f, ...)
  assert.is_false(ok)
  for _, part in ipairs(says) do
    assert(tostring(message):find(part, 1, true), ('%q does not say %q'):format(tostring(message), part))
  end
end

setup(function()
  folder = os.tmpname()
  os.remove(folder)
  os.execute('mkdir -p ' .. folder)
end)

teardown(function() os.execute('rm -rf ' .. folder) end)

describe('tocha.save and tocha.load', function()
  it('keep tensors of every dtype, shape and layout', function()
    local saved = {scalar = tocha.tensor(2.5), empty = tocha.zeros(2, 0, 3), mask = tocha.tensor{true, false, true},
      strided = tocha.randn(4, 6):t(), expanded = tocha.randn(1, 3):expand(5, 3)}
    for _, dtype in ipairs{'float64', 'float32', 'float16', 'bfloat16', 'int64', 'int32', 'int16', 'int8', 'uint8'} do
      saved[dtype] = tocha.tensor({{1, 2, 3}, {4, 5, 6}}, {dtype = dtype})
    end
    for _, mmap in ipairs{true, false} do
      tocha.save(saved, path('dtypes'))
      local loaded = tocha.load(path('dtypes'), {mmap = mmap})
      for name, x in pairs(saved) do
        local y = loaded[name]
        assert.are.equal(tostring(x.dtype), tostring(y.dtype))
        assert.are.same(x.shape, y.shape)
        assert.are.same(x:totable(), y:totable(), name)
      end
    end
  end)

  it('keep nested tables with numbers, strings and booleans', function()
    local shared = tocha.ones(2)
    local value = {list = {1, 'two', false, {3}}, number = 0.1, huge = math.huge, least = -math.huge, minus = -0.0,
      text = 'quote " \\ \n \0 é', [7] = true, [2.5] = 'x', [true] = 1, empty = {}, a = shared, b = shared,
      long = 9007199254740993LL, ['a.b'] = tocha.zeros(1)}
    value.deep = {a = {b = tocha.ones(1)}}
    tocha.save(value, path('nested'))
    local back = tocha.load(path('nested'))
    assert.are.same(value.list, back.list)
    for _, key in ipairs{'number', 'huge', 'least', 'text', 7, 2.5, true} do assert.are.equal(value[key], back[key]) end
    assert.are.equal(-math.huge, 1 / back.minus)
    assert.are.same({}, back.empty)
    assert.are.equal(9007199254740993LL, back.long)
    assert.are.equal(1, back.deep.a.b[1]:item())
    assert.are.equal(0, back['a.b'][1]:item())
    assert.is_true(back.a == back.b)
    tocha.save({nan = 0 / 0}, path('nested'))
    assert.is_true(tocha.load(path('nested')).nan ~= tocha.load(path('nested')).nan)
    for _, v in ipairs{5, 'text', true} do
      tocha.save(v, path('plain'))
      assert.are.equal(v, tocha.load(path('plain')))
    end
    tocha.save(tocha.arange(3), path('plain'))
    assert.are.same({0, 1, 2}, tocha.load(path('plain')):totable())
  end)

  it('write what other readers of safetensors see: tensors by dotted names, aligned, without gaps', function()
    tocha.save({model = nn.Linear(3, 2):state_dict(), mask = tocha.tensor{true}, step = 3}, path('names'))
    local bytes, length = read('names'), 0
    for i = 8, 1, -1 do length = length * 256 + bytes:byte(i) end
    assert.are.equal(0, length % 8)
    local header = json.decode(bytes:sub(9, 8 + length))
    assert.are.same({2, 3}, setmetatable(header['model.weight'].shape, nil))
    assert.are.equal('F32', header['model.bias'].dtype)
    assert.are.equal('BOOL', header.mask.dtype)
    assert.are.equal('string', type(header.__metadata__.tocha))
    local last = 0
    for name, entry in pairs(header) do
      if name ~= '__metadata__' then last = math.max(last, entry.data_offsets[2]) end
    end
    assert.are.equal(#bytes, 8 + length + last)
  end)

  it('read files of others, also where tensors are not aligned', function()
    local header = '{"a":{"dtype":"U8","shape":[3],"data_offsets":[0,3]},"b":{"dtype":"F32","shape":[1],' ..
      '"data_offsets":[3,7]}}'
    write('other', string.char(#header, 0, 0, 0, 0, 0, 0, 0) .. header .. '\1\2\3\0\0\128\63')
    local t = tocha.load(path('other'))
    assert.are.same({1, 2, 3}, t.a:totable())
    assert.are.same({1}, t.b:totable())
  end)

  it('never change the file through a loaded tensor', function()
    tocha.save({x = tocha.ones(1000), y = tocha.ones(3)}, path('private'))
    local before = read('private')
    local t = tocha.load(path('private'))
    t.x:add_(5)
    assert.are.equal(6, t.x[1000]:item())
    assert.are.equal(before, read('private'))
    assert.are.equal(1, tocha.load(path('private')).x[1]:item())
  end)

  it('give tensors that live on when the file is replaced or gone, each on its own', function()
    tocha.save({x = tocha.ones(5000), y = tocha.ones(3)}, path('gone'))
    local t = tocha.load(path('gone'))
    tocha.save({x = tocha.zeros(5000)}, path('gone'))
    os.remove(path('gone'))
    collectgarbage()
    assert.are.equal(5000, t.x:sum():item())
    local x = t.x
    t = nil -- luacheck: ignore
    collectgarbage()
    collectgarbage()
    assert.are.equal(5000, x:sum():item())
    assert.are.equal(1, x:requires_grad_()._version + 1)
  end)

  it('leave the old file and no other behind when saving fails', function()
    tocha.save({x = tocha.ones(2)}, path('kept'))
    fails({'save', 'f', 'function'}, tocha.save, {x = tocha.zeros(2), f = print}, path('kept'))
    local freed = tocha.zeros(2)
    freed:free()
    assert.has_error(function() tocha.save({x = freed}, path('kept')) end)
    assert.are.equal(1, tocha.load(path('kept')).x[1]:item())
    local listing = io.popen('ls ' .. folder):read('*a')
    assert.is_nil(listing:find('tmp', 1, true))
  end)

  it('follow a link to the file it stands for', function()
    tocha.save({x = tocha.ones(2)}, path('real'))
    os.execute(('ln -sf %s %s'):format(path('real'), path('link')))
    tocha.save({x = tocha.zeros(2)}, path('link'))
    assert.are.equal(0, tocha.load(path('real')).x[1]:item())
  end)

  it('name what cannot be saved, and where', function()
    local loop = {}
    loop.inner = {loop}
    fails({'save', 'inner.1', 'itself'}, tocha.save, loop, path('x'))
    fails({'save', 'net', 'state_dict'}, tocha.save, {net = nn.Linear(1, 1)}, path('x'))
    fails({'save', 'key', 'table'}, tocha.save, {[{}] = 1}, path('x'))
    fails({'save', 'path'}, tocha.save, {1})
    fails({'save', 'No such file'}, tocha.save, {1}, path('no/such/folder'))
    fails({'load', path('nothing'), 'No such file'}, tocha.load, path('nothing'))
    fails({'load', 'regular file'}, tocha.load, folder)
  end)
end)

describe('A checkpoint', function()
  local function make()
    local net = nn.Sequential(nn.Linear(6, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 3))
    local opt = optim.AdamW(net:parameters(), {lr = 0.01, amsgrad = true})
    local schedule = optim.lr_scheduler.OneCycleLR(opt, 0.05, 12)
    local x, y = tocha.randn(40, 6), tocha.randint(1, 4, {40})
    local loader = tocha.data.DataLoader(tocha.data.TensorDataset(x, y), {batch_size = 10, shuffle = true})
    return {net = net, opt = opt, schedule = schedule, loader = loader}
  end

  local function epoch(run)
    for a, b in run.loader:iter() do
      run.opt:zero_grad()
      nn.functional.cross_entropy(run.net(a), b):backward()
      run.opt:step()
      run.schedule:step()
    end
  end

  it('of model, optimizer, schedule and random numbers resumes to the last bit', function()
    tocha.manual_seed(11)
    local run = make()
    epoch(run)
    tocha.save({model = run.net:state_dict(), optimizer = run.opt:state_dict(), schedule = run.schedule:state_dict(),
      random = tocha.get_rng_state(), epoch = 1}, path('checkpoint'))
    epoch(run)
    epoch(run)

    tocha.manual_seed(11)
    local again = make()
    tocha.manual_seed(999)
    local saved = tocha.load(path('checkpoint'))
    again.net:load_state_dict(saved.model)
    again.opt:load_state_dict(saved.optimizer)
    again.schedule:load_state_dict(saved.schedule)
    tocha.set_rng_state(saved.random)
    assert.are.equal(1, saved.epoch)
    epoch(again)
    epoch(again)
    local theirs = again.net:state_dict()
    for name, x in pairs(run.net:state_dict()) do assert.is_true(x:equal(theirs[name]), name) end
    assert.are.equal(run.opt.param_groups[1].lr, again.opt.param_groups[1].lr)
  end)
end)
