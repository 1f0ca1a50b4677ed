--- Every example runs, shortened, and prints what docs/examples.md says it prints.

local tocha = require 'tocha'

local folder

local function run(script, options)
  local interpreter = arg and arg[-1] and arg[-1]:find('luajit') and arg[-1] or 'luajit'
  local command = ('LUA_PATH="lua/?.lua;lua/?/init.lua;;" %s examples/%s.lua %s 2>&1; echo "status $?"'):format(interpreter, script,
    options)
  local pipe = assert(io.popen(command))
  local text = pipe:read('*a')
  pipe:close()
  assert.is_truthy(text:find('status 0\n$'), text)
  return text
end

local function says(text, pattern) assert.is_truthy(text:find(pattern), 'not in:\n' .. text) end

local function is_png(path)
  local file = assert(io.open(path, 'rb'))
  local head = file:read(8)
  file:close()
  os.remove(path)
  assert.are.equal('\137PNG\r\n\26\n', head)
end

local function write(name, text)
  local path = folder .. '/' .. name
  local file = assert(io.open(path, 'wb'))
  file:write(text)
  file:close()
  return path
end

local function big_endian(n) return string.char(0, 0, math.floor(n / 256), n % 256) end

setup(function()
  folder = os.tmpname()
  os.remove(folder)
  os.execute('mkdir -p ' .. folder)
  local n = 60
  write('train-images-idx3-ubyte', '\0\0\8\3' .. big_endian(n) .. big_endian(28) .. big_endian(28) .. ('\40\200'):rep(392 * n))
  write('train-labels-idx1-ubyte', '\0\0\8\1' .. big_endian(n) .. ('\1'):rep(n))
end)

teardown(function() os.execute('rm -rf ' .. folder) end)

describe('the example', function()
  it('vae draws a sheet', function()
    local sheet = folder .. '/vae.png'
    local text = run('vae', ('--data %s --epochs 2 --batch-size 20 --hidden 16 --sheet %s'):format(folder, sheet))
    says(text, 'epoch 2: [%d.]+ nats an image')
    is_png(sheet)
  end)

  it('char_lstm and gpt_mini write', function()
    local path = write('text.txt', ('to be or not to be, that is the question. '):rep(20))
    local text = run('char_lstm', path .. ' --steps 4 --hidden 16 --length 16 --write 30')
    says(text, '%d+ letters, 15 different ones')
    says(text, 'letters/s')
    says(run('gpt_mini', path .. ' --steps 4 --dim 16 --heads 4 --length 16 --write 30 --prompt "to "'), '\n\nto .*letters a second')
  end)

  it('tree_network judges phrases', function()
    local text = run('tree_network', '--steps 4 --batch-size 2')
    says(text, 'sentences twice as deep as any it learned from: [%d.]+ %%')
    says(text, 'the film is really dull but not clumsy +%w+ +%d+ %%')
  end)

  it('cartpole balances', function()
    says(run('cartpole', '--updates 2 --carts 4'), 'the pole stays up for +[%d.]+ of 500 moments.*without chance')
  end)

  it('gan finds heaps', function() says(run('gan', '--steps 10 --hidden 8'), '%d of 8 heaps found') end)

  it('pinn compares with the exact solution', function() says(run('pinn', '--steps 5 --points 16'), 'largest error [%d.]+') end)

  it('bayes_regression prints posteriors', function()
    says(run('bayes_regression', '--draws 30 --warmup 30 --chains 1 --points 16'), 'with heavy tails:.*freedom.*x= 1')
  end)

  it('matrix_factorisation recommends', function()
    says(run('matrix_factorisation', '--epochs 1 --ratings 1000'), 'person 3 likes %w+ most: film %d+')
  end)

  it('style changes an image', function()
    local path = folder .. '/style.png'
    says(run('style', '--size 16 --filters 4 --steps 2 --image ' .. path), 'step 2: loss [%d.]+')
    is_png(path)
  end)
end)

describe('utils.options', function()
  local options = tocha.utils.options
  local list = {{'epochs', 5, 'passes'}, {'name', 'x', 'a name'}, {'quiet', false, 'prints less'}}
  it('reads names, values and other words', function()
    local o = options('train', list, {'--epochs', '7', 'file', '--quiet', '--name=a b', 'more'})
    assert.are.same({epochs = 7, name = 'a b', quiet = true, 'file', 'more'}, o)
    assert.are.same({epochs = 5, name = 'x', quiet = false}, options('train', list, {}))
    assert.is_false(options('train', list, {'--quiet=false'}).quiet)
  end)
end)

describe('utils.save_image', function()
  it('writes grey and coloured images that say what they are', function()
    local path = folder .. '/image.png'
    tocha.utils.save_image(tocha.zeros(3, 5, 7), path)
    local file = assert(io.open(path, 'rb'))
    local text = file:read('*a')
    file:close()
    assert.are.equal('\0\0\0\7\0\0\0\5\8\2', text:sub(17, 26))
    assert.has_error(function() tocha.utils.save_image(tocha.zeros(2, 5, 7), path) end,
      'save_image: image: got a tensor [2 x 5 x 7], takes [rows x columns], or [1, 3 or 4 x rows x columns]')
    local sheet = tocha.utils.make_grid(tocha.ones(5, 4, 3), 2, 1)
    assert.are.same({1, 16, 9}, sheet.shape)
    assert.are.equal(60, sheet:sum():item())
  end)
end)
