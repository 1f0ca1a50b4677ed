-- The example trains on a small folder of MNIST's format, the same way twice, and its checkpoint loads.
local tocha = require 'tocha'

local folder

local function big_endian(n) return string.char(0, 0, math.floor(n / 256), n % 256) end

-- Class k is a bright bar in row k of a grey picture: easy to learn.
local function write_part(part, n)
  local images, labels = {'\0\0\8\3' .. big_endian(n) .. big_endian(28) .. big_endian(28)}, {'\0\0\8\1' .. big_endian(n)}
  for i = 1, n do
    local k = i % 10
    labels[#labels + 1] = string.char(k)
    images[#images + 1] = ('\40'):rep(28 * (2 * k + 2)) .. ('\250'):rep(56) .. ('\40'):rep(28 * (24 - 2 * k))
  end
  for name, text in pairs{['-images-idx3-ubyte'] = images, ['-labels-idx1-ubyte'] = labels} do
    local file = assert(io.open(folder .. '/' .. part .. name, 'wb'))
    file:write(table.concat(text))
    file:close()
  end
end

local function run(options)
  local interpreter = arg and arg[-1] and arg[-1]:find('luajit') and arg[-1] or 'luajit'
  local command = ('LUA_PATH="lua/?.lua;lua/?/init.lua;;" %s examples/fashion_mnist.lua --data %s %s 2>&1'):format(
    interpreter, folder, options)
  local pipe = assert(io.popen(command))
  local text = pipe:read('*a')
  pipe:close()
  return text
end

setup(function()
  folder = os.tmpname()
  os.remove(folder)
  os.execute('mkdir -p ' .. folder)
  write_part('train', 300)
  write_part('t10k', 50)
end)

teardown(function() os.execute('rm -rf ' .. folder) end)

describe('examples/fashion_mnist.lua', function()
  it('learns, saves its best network, and does the same again to the last digit', function()
    local file = folder .. '/net.safetensors'
    local options = '--epochs 3 --batch-size 20 --seed 3 --threads 1 --save ' .. file
    local first, second = run(options), run(options)
    assert.is_truthy(first:find('test accuracy 100.00 %%\n$'), first)
    local function numbers(text) return text:gsub('[^\n]*images/s[^\n]*\n', '') end
    assert.are.equal(numbers(first), numbers(second))
    assert.is_truthy(first:find('T%-shirt +5 +%. '), first)
    local saved = tocha.load(file)
    assert.are.same({16, 1, 3, 3}, saved.model['features.0.weight'].shape)
    assert.are.equal(100, saved.accuracy)
    assert.are.equal(3, saved.options.seed)
  end)

  it('says which option it does not know', function()
    assert.is_truthy(run('--epoch 3'):find('cannot use --epoch', 1, true))
    assert.is_truthy(run('--epochs many'):find('usage', 1, true))
    assert.is_truthy(run('--help'):find('--batch-size', 1, true))
    assert.is_truthy(run('--save "" --epochs 1 --limit 20 --threads 1'):find('test accuracy', 1, true))
  end)
end)
