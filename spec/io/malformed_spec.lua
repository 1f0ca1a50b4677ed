-- Malformed safetensors files: every one gives an error that names the file and what is wrong, none a crash.
local tocha = require 'tocha'

local name = os.tmpname()

local function write(bytes)
  local file = assert(io.open(name, 'wb'))
  file:write(bytes)
  file:close()
end

local function with_length(header, data, length)
  length = length or #header
  local prefix = {}
  for i = 1, 8 do
    prefix[i] = string.char(length % 256)
    length = math.floor(length / 256)
  end
  return table.concat(prefix) .. header .. (data or '')
end

local function fails(bytes, ...)
  write(bytes)
  for _, mmap in ipairs{true, false} do
    local ok, message = pcall(tocha.load, name, {mmap = mmap})
    assert.is_false(ok)
    message = tostring(message)
    for _, part in ipairs{'load: ' .. name, ...} do
      assert(message:find(part, 1, true), ('%q does not say %q'):format(message, part))
    end
  end
end

local function entry(dtype, shape, first, last)
  return ('{"dtype":"%s","shape":[%s],"data_offsets":[%s,%s]}'):format(dtype, shape, first, last)
end

teardown(function() os.remove(name) end)

describe('A safetensors file', function()
  it('that is too short or has a wrong length of its header is refused', function()
    fails('', 'empty')
    fails('abc', '3 bytes')
    fails(with_length('{}', '', 3), 'header of 3 bytes in a file of 10')
    fails(with_length('{}', '', 2 ^ 40), 'header of 1099511627776 bytes')
    fails(('\255'):rep(16), 'header')
    fails(with_length('[]'), 'does not begin with {')
    fails(with_length(''), 'does not begin with {')
  end)

  it('whose header is no JSON is refused', function()
    fails(with_length('{"a":'), 'no JSON', 'byte 6')
    fails(with_length('{"a":1,"a":2}'), "key 'a' a second time")
    fails(with_length('{} x'), 'something after the value')
    fails(with_length('{"a":' .. ('['):rep(9000)), 'nested too deeply')
  end)

  it('whose entries are not as they must be is refused', function()
    fails(with_length('{"a":1}'), 'entry of a is no object')
    fails(with_length('{"a":{}}'), 'dtype of a')
    fails(with_length('{"a":{"dtype":"F31","shape":[],"data_offsets":[0,4]}}', '1234'), 'dtype of a: got F31')
    fails(with_length('{"a":{"dtype":"F32","shape":3,"data_offsets":[0,4]}}', '1234'), 'shape of a')
    fails(with_length('{"a":{"dtype":"F32","shape":{"0":1},"data_offsets":[0,4]}}', '1234'), 'shape of a')
    fails(with_length('{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}', '1234'), 'shape of a: got -1')
    fails(with_length('{"a":{"dtype":"F32","shape":[1.5],"data_offsets":[0,4]}}', '1234'), 'shape of a: got 1.5')
    fails(with_length('{"a":{"dtype":"F32","shape":["1"],"data_offsets":[0,4]}}', '1234'), 'shape of a: got 1')
    fails(with_length('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0]}}', '1234'), 'got 1 numbers')
    fails(with_length('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"x":1}}', '1234'), "has a 'x'")
    fails(with_length('{"a":' .. entry('F32', ('1,'):rep(64) .. '1', 0, 4) .. '}', '1234'), '65 dims')
    fails(with_length('{"__metadata__":3}'), '__metadata__')
    fails(with_length('{"__metadata__":{"a":3}}'), "'a' is no string")
  end)

  it('whose offsets do not fit is refused', function()
    fails(with_length('{"a":' .. entry('F32', 1, 4, 0) .. '}', '1234'), 'begins at 4 and ends before')
    fails(with_length('{"a":' .. entry('F32', 2, 0, 8) .. '}', '1234'), 'truncated', 'byte 8', 'has 4')
    fails(with_length('{"a":' .. entry('F32', 2, 0, 4) .. '}', '1234'), 'a has 4 bytes', 'take 8')
    fails(with_length('{"a":' .. entry('F32', '4294967296,4294967296,4294967296', 0, 4) .. '}', '1234'), 'a has 4 bytes')
    fails(with_length('{"a":' .. entry('F32', 1, 0, 4) .. ',"b":' .. entry('F32', 1, 2, 6) .. '}', '123456'), 'a and b overlap')
    fails(with_length('{"a":' .. entry('F32', 1, 0, 4) .. ',"b":' .. entry('F32', 1, 5, 9) .. '}', '123456789'),
      '1 bytes before b')
    fails(with_length('{"a":' .. entry('F32', 1, 0, 4) .. '}', '12345'), '1 bytes at the end')
    fails(with_length('{"a":' .. entry('BOOL', 2, 0, 2) .. '}', '\1\7'), 'a: element 2 of a bool tensor is 7')
  end)

  it('whose table of contents does not fit is refused', function()
    local function contents(text)
      return with_length('{"__metadata__":{"tocha":"' .. text:gsub('"', '\\"') .. '"}}')
    end
    fails(contents('{'), 'no JSON')
    fails(contents('{"tensor":"a"}'), "names a tensor 'a'")
    fails(contents('{"x":1}'), 'x')
    fails(contents('null'), 'null')
    fails(contents('{"table":[[1]]}'), '[key, value]')
    fails(contents('{"table":[["a",1],["a",2]]}'), 'twice')
    fails(contents('{"table":[[{"number":"nan"},1]]}'), 'key')
    fails(contents('{"number":"7"}'), 'number')
    fails(contents('{"int64":"x"}'), 'int64')
    fails(contents(('['):rep(9000)), 'nested too deeply')
  end)

  it('with any bytes changed, cut or added loads or raises an error, and never crashes', function()
    tocha.manual_seed(1)
    tocha.save({model = {w = tocha.randn(3, 4), b = tocha.ones(4), m = tocha.tensor{true, false}}, list = {1, 2, 'x'},
      epoch = 3, half = tocha.ones(3):half()}, name)
    local file = assert(io.open(name, 'rb'))
    local good = file:read('*a')
    file:close()
    local state = 12345
    local function random(n)
      state = state * 16807 % 2147483647
      return state % n + 1
    end
    local function damage(bytes)
      local what, at = random(6), random(#bytes)
      if what == 1 then return bytes:sub(1, at - 1) end
      if what == 2 then return bytes:sub(1, at) .. string.char(random(256) - 1) .. bytes:sub(at + 1) end
      if what == 3 then return bytes:sub(1, at - 1) .. bytes:sub(at + random(8)) end
      if what == 4 then return bytes:sub(1, at - 1) .. ('0'):rep(random(4)) .. bytes:sub(at + 1) end
      return bytes:sub(1, at - 1) .. string.char(random(256) - 1) .. bytes:sub(at + 1)
    end
    local loaded, refused = 0, 0
    for _ = 1, 3000 do
      local bytes = good
      for _ = 1, random(3) do bytes = #bytes > 0 and damage(bytes) or bytes end
      write(bytes)
      local ok, value = pcall(tocha.load, name, {mmap = random(2) == 1})
      if ok then
        loaded = loaded + 1
        if type(value) == 'table' and type(value.model) == 'table' and tocha.is_tensor(value.model.w) then
          value.model.w:sum():item()
        end
      else
        refused = refused + 1
        assert(tostring(value):find('load: ' .. name, 1, true), tostring(value))
      end
    end
    assert.is_true(loaded > 0 and refused > 100)
  end)
end)
