--- What no emulated device shows: a block of more than 512 threads finds no room on a GPU where its kernel takes more than 64 registers a thread,
-- unless the compiler was told. Read from the sources: kernels that are started with so many threads say __launch_bounds__.

local function sources()
  local list = {}
  for name in require('lfs').dir('kernels/cuda') do
    if name:match('%.cuh?$') then list[#list + 1] = assert(io.open('kernels/cuda/' .. name)):read('*a') end
  end
  return table.concat(list, '\n')
end

-- kernels with the text of a call that starts them: those of rows as long as they come (row_threads gives up to 1024), and of 1024 outright
local function wide_launches(text)
  local list = {}
  for name, rest in text:gmatch('tc_%l+%(([%w_]+)([^;]*;)') do
    if rest:find('row_threads(', 1, true) or rest:find('%f[%d]1024%f[%D]') then list[name] = rest end
  end
  return list
end

describe('blocks of many threads', function()
  it('are of kernels that are compiled for them', function()
    local text, count = sources(), 0
    for name, call in pairs(wide_launches(text)) do
      count = count + 1
      assert.is_truthy(text:find('__global__ void __launch_bounds__%(%d+%) ' .. name .. '%('), name .. call)
    end
    assert.is_true(count >= 10)
  end)
end)
