-- The reader of IDX files, and MNIST on top of it.
local tocha = require 'tocha'
local data = tocha.utils.data

local folder

local function path(name) return folder .. '/' .. name end

local function write(name, bytes)
  local file = assert(io.open(path(name), 'wb'))
  file:write(bytes)
  file:close()
  return path(name)
end

local function gzip(name)
  os.execute('gzip -nf ' .. path(name))
  return path(name) .. '.gz'
end

local function header(code, ...)
  local out = {string.char(0, 0, code, select('#', ...))}
  for _, n in ipairs{...} do
    out[#out + 1] = string.char(math.floor(n / 2 ^ 24) % 256, math.floor(n / 65536) % 256, math.floor(n / 256) % 256, n % 256)
  end
  return table.concat(out)
end

local function fails(file, ...)
  local ok, message = pcall(data.read_idx, file)
  assert.is_false(ok)
  for _, part in ipairs{'read_idx: ' .. file, ...} do
    assert(tostring(message):find(part, 1, true), ('%q does not say %q'):format(tostring(message), part))
  end
end

setup(function()
  folder = os.tmpname()
  os.remove(folder)
  os.execute('mkdir -p ' .. folder)
end)

teardown(function() os.execute('rm -rf ' .. folder) end)

describe('read_idx', function()
  it('reads every type, plain and compressed', function()
    local cases = {
      {0x08, '\1\2\255\0', 'uint8', {{1, 2}, {255, 0}}}, {0x09, '\1\2\255\0', 'int8', {{1, 2}, {-1, 0}}},
      {0x0B, '\0\1\1\0\255\255\128\0', 'int16', {{1, 256}, {-1, -32768}}},
      {0x0C, '\0\0\0\1\0\0\1\0\255\255\255\255\0\1\0\0', 'int32', {{1, 256}, {-1, 65536}}},
      {0x0D, '\63\128\0\0\64\0\0\0\191\128\0\0\0\0\0\0', 'float32', {{1, 2}, {-1, 0}}},
      {0x0E, '\63\240\0\0\0\0\0\0\64\0\0\0\0\0\0\0\191\240\0\0\0\0\0\0' .. ('\0'):rep(8), 'float64', {{1, 2}, {-1, 0}}},
    }
    for _, case in ipairs(cases) do
      local file = write('x', header(case[1], 2, 2) .. case[2])
      for round = 1, 2 do
        local x = data.read_idx(file)
        assert.are.equal(case[3], tostring(x.dtype):match('%w+$'))
        assert.are.same(case[4], x:totable())
        if round == 1 then file = gzip('x') end
      end
      os.remove(file)
    end
    assert.are.same({0, 28}, data.read_idx(write('none', header(8, 0, 28))).shape)
  end)

  it('says what is wrong with a header', function()
    fails(path('nothing'), 'No such file')
    fails(folder, 'folder')
    fails(write('x', ''), 'shorter than the 4 bytes')
    fails(write('x', '\0\0\8'), 'shorter than the 4 bytes')
    fails(write('x', '\1\0\8\1'), 'begins with 01 00')
    fails(write('x', 'PK\3\4'), 'begins with 50 4b')
    fails(write('x', '\0\0\7\1\0\0\0\1\0'), 'type of its elements is 07')
    fails(write('x', '\0\0\8\0'), 'got 0 dims')
    fails(write('x', '\0\0\8\200'), 'got 200 dims')
    fails(write('x', '\0\0\8\3\0\0\0\1\0\0'), 'ends within the sizes of its 3 dims')
  end)

  it('says what is wrong with the data', function()
    fails(write('x', header(8, 3, 2) .. '\1\2\3\4\5'), 'ends after 5 of the 6 bytes', '[3 x 2]')
    fails(write('x', header(8, 300, 2) .. '\1\2\3\4\5'), 'the header promises [300 x 2]')
    fails(write('x', header(8, 2, 2) .. '\1\2\3\4\5'), 'goes on after its elements [2 x 2]')
    fails(write('x', header(8, 4294967295, 4294967295, 4294967295)), 'more than the file can hold')
    write('short', header(8, 1000, 1000) .. ('\0'):rep(999999))
    fails(gzip('short'), 'ends after 999999 of the 1000000 bytes')
    write('huge', header(8, 60000, 60000, 28) .. ('\0'):rep(1000))
    fails(gzip('huge'), 'more than the file can hold')
    write('cut', header(8, 100, 100) .. ('abcdefghij'):rep(1000))
    local file = io.open(gzip('cut'), 'rb')
    local bytes = file:read('*a')
    file:close()
    fails(write('cut.gz', bytes:sub(1, #bytes - 12)), 'damaged', 'unexpected end of file')
    fails(write('cut.gz', bytes:sub(1, #bytes - 4)), 'damaged')
    fails(write('cut.gz', bytes:sub(1, 40) .. '\255\255' .. bytes:sub(43)), 'damaged')
  end)

  it('refuses what is no name', function()
    local ok, message = pcall(data.read_idx, 3)
    assert.is_false(ok)
    assert.is_truthy(message:find('read_idx: path: got 3', 1, true))
  end)
end)

describe('MNIST', function()
  local function make(images, labels)
    write('train-images-idx3-ubyte', header(8, images, 2, 3) .. ('\7'):rep(images * 6))
    write('train-labels-idx1-ubyte', header(8, labels) .. ('\0\9'):rep(labels):sub(1, labels))
  end

  it('reads a folder: images with a channel, labels from 1', function()
    make(4, 4)
    gzip('train-labels-idx1-ubyte')
    local d = data.MNIST(folder)
    assert.are.equal(4, d:len())
    local x, y = d:get(2)
    assert.are.same({1, 2, 3}, x.shape)
    assert.are.equal(10, y:item())
    os.remove(path('train-labels-idx1-ubyte.gz'))
  end)

  it('names what is missing or does not fit', function()
    local function wrong(says, ...)
      local ok, message = pcall(data.MNIST, ...)
      assert.is_false(ok)
      assert(tostring(message):find(says, 1, true), message)
    end
    wrong('neither t10k-images-idx3-ubyte nor t10k-images-idx3-ubyte.gz', folder, {train = false})
    make(4, 3)
    wrong('4 images', folder)
    write('train-labels-idx1-ubyte', header(8, 4, 1) .. 'abcd')
    wrong('takes uint8 of 1 dims', folder)
  end)
end)
