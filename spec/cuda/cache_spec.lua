--- The caching allocator of GPUs on a pretended device: segments, splitting, joining, streams, pools, the cap, exhaustion, figures.

local ffi = require 'ffi'

ffi.cdef[[
typedef struct mock mock;
typedef struct tc_cache tc_cache;
mock *mock_new(double budget);
tc_cache *mock_cache(mock *m, int plain);
void mock_pass(mock *m, int mark);
int mock_takes(mock *m);
int mock_gives(mock *m);
int mock_waits(mock *m);
double mock_taken(mock *m);
void tc_cache_end(tc_cache *c);
void *tc_cache_alloc(tc_cache *c, int64_t bytes, void *stream, int pool, const char *maker, int64_t *capacity);
void tc_cache_free(tc_cache *c, void *data);
void tc_cache_used_on(tc_cache *c, void *data, void *stream);
int tc_cache_pool_new(tc_cache *c);
void tc_cache_pool_end(tc_cache *c, int pool);
void tc_cache_flush(tc_cache *c);
void tc_cache_cap(tc_cache *c, int64_t bytes);
double tc_cache_stat(const tc_cache *c, int which);
void tc_cache_reset_peaks(tc_cache *c);
int tc_cache_largest(const tc_cache *c, int count, int64_t *bytes, const char **makers);
]]

local KIB, MIB = 1024, 1024 * 1024
local stat = {allocated = 0, allocated_peak = 1, reserved = 2, reserved_peak = 3, requested = 4, split = 5, allocs = 6, frees = 7, takes = 8,
  gives = 9, retries = 10, failures = 11, blocks = 12, segments = 13}
local folder = os.tmpname()
os.remove(folder)

local function build()
  os.execute('mkdir -p ' .. folder)
  local path = folder .. '/cache_mock.so'
  local compiler = os.getenv('CXX') or 'g++'
  local command = compiler .. ' -std=c++17 -O1 -g -shared -fPIC -o %s -x c++ spec/cuda/cache_mock.cc kernels/cuda/cache.cu 2>&1'
  local pipe = io.popen(command:format(path))
  local text = pipe:read('*a')
  pipe:close()
  local file = io.open(path)
  if not file then error('the mock does not compile: ' .. text) end
  file:close()
  return ffi.load(path)
end

describe('the caching allocator', function()
  local M, device, cache
  local streams = {ffi.cast('void *', 16), ffi.cast('void *', 32)}

  setup(function() M = build() end)
  teardown(function() os.execute('rm -rf ' .. folder) end)

  local function fresh(budget, plain)
    device = M.mock_new(budget or 1e9)
    cache = M.mock_cache(device, plain and 1 or 0)
  end
  before_each(function() fresh() end)

  local function alloc(bytes, stream, pool)
    local capacity = ffi.new 'int64_t[1]'
    local p = M.tc_cache_alloc(cache, bytes, stream or streams[1], pool or 0, 'spec', capacity)
    return p ~= nil and p or nil, tonumber(capacity[0])
  end
  local function free(p) M.tc_cache_free(cache, p) end
  local function get(name) return tonumber(M.tc_cache_stat(cache, stat[name])) end

  it('serves small requests from one segment of 2 MiB', function()
    local a, capacity = alloc(100)
    assert.equal(512, capacity)
    local b = alloc(700 * KIB)
    assert.equal(1, M.mock_takes(device))
    assert.equal(512, tonumber(ffi.cast('char *', b) - ffi.cast('char *', a)))
    assert.equal(2 * MIB, get 'reserved')
    assert.equal(512 + 700 * KIB, get 'allocated')
    assert.equal(100 + 700 * KIB, get 'requested')
  end)

  it('gives the same block again to the same size', function()
    local a = alloc(5 * MIB)
    free(a)
    assert.is_true(a == alloc(5 * MIB))
    assert.equal(1, M.mock_takes(device))
  end)

  it('shares segments of 20 MiB among middling requests and gives large ones their own', function()
    alloc(3 * MIB)
    alloc(9 * MIB)
    assert.equal(20 * MIB, get 'reserved')
    alloc(31 * MIB)
    assert.equal(20 * MIB + 32 * MIB, get 'reserved')
  end)

  it('joins free neighbours', function()
    local p = {}
    for i = 1, 4 do p[i] = alloc(4 * MIB) end
    free(p[2]); free(p[4]); free(p[1]); free(p[3])
    assert.equal(0, get 'split')
    assert.equal(1, get 'blocks')
    assert.is_true(p[1] == alloc(9.5 * MIB))
    assert.equal(1, M.mock_takes(device))
  end)

  it('takes the block that fits best', function()
    local small, wall, large = alloc(2 * MIB), alloc(2 * MIB), alloc(8 * MIB)
    free(small); free(large)
    assert.is_true(small == alloc(2 * MIB))
    assert.is_true(wall ~= nil)
  end)

  it('keeps the streams apart', function()
    local a = alloc(4 * MIB, streams[1])
    free(a)
    assert.is_true(a ~= alloc(4 * MIB, streams[2]))
    assert.is_true(a == alloc(4 * MIB, streams[1]))
  end)

  it('waits for other streams that use a block', function()
    local a = alloc(4 * MIB, streams[1])
    M.tc_cache_used_on(cache, a, streams[2])
    free(a)
    assert.equal(0, get 'allocated')
    local b = alloc(4 * MIB, streams[1])
    assert.is_true(a ~= b)
    M.mock_pass(device, 1)
    assert.is_true(a == alloc(4 * MIB, streams[1]))
  end)

  it('flushes what is unused', function()
    local a, b = alloc(100), alloc(30 * MIB)
    free(b)
    M.tc_cache_flush(cache)
    assert.equal(2 * MIB, get 'reserved')
    free(a)
    M.tc_cache_flush(cache)
    assert.equal(0, get 'reserved')
    assert.equal(0, M.mock_taken(device))
    assert.equal(0, get 'segments')
    assert.equal(0, get 'blocks')
  end)

  it('flushes and tries again when the device is exhausted', function()
    fresh(64 * MIB)
    local a = alloc(40 * MIB)
    assert.is_nil(alloc(40 * MIB))
    assert.equal(1, get 'failures')
    free(a)
    assert.is_truthy(alloc(60 * MIB))
    assert.equal(2, get 'retries')
  end)

  it('asks for the request alone where a whole segment does not fit', function()
    fresh(10 * MIB)
    assert.is_truthy(alloc(8 * MIB))
    assert.equal(8 * MIB, get 'reserved')
  end)

  it('holds no more than the cap', function()
    M.tc_cache_cap(cache, 50 * MIB)
    assert.is_truthy(alloc(40 * MIB))
    assert.is_nil(alloc(20 * MIB))
    M.tc_cache_cap(cache, 0)
    assert.is_truthy(alloc(20 * MIB))
  end)

  it('keeps private pools apart and gives them back at their end', function()
    local pool = M.tc_cache_pool_new(cache)
    local a = alloc(4 * MIB, streams[1], pool)
    free(a)
    assert.is_true(a ~= alloc(4 * MIB, streams[1]))
    M.tc_cache_flush(cache)
    assert.is_true(a == alloc(4 * MIB, streams[1], pool))
    local reserved = get 'reserved'
    M.tc_cache_pool_end(cache, pool)
    assert.equal(reserved, get 'reserved')
    free(a)
    M.tc_cache_flush(cache)
    assert.equal(reserved - 20 * MIB, get 'reserved')
  end)

  it('gives every tensor memory of its own where it is plain', function()
    fresh(1e9, true)
    local a, capacity = alloc(1000)
    assert.equal(1000, capacity)
    alloc(1000)
    assert.equal(2, M.mock_takes(device))
    free(a)
    assert.equal(1, M.mock_gives(device))
  end)

  it('counts', function()
    local a = alloc(6 * MIB)
    alloc(MIB)
    free(a)
    assert.equal(7 * MIB, get 'allocated_peak')
    assert.equal(MIB, get 'allocated')
    M.tc_cache_reset_peaks(cache)
    assert.equal(MIB, get 'allocated_peak')
    assert.equal(2, get 'allocs')
    assert.equal(1, get 'frees')
  end)

  it('names the largest live blocks', function()
    for i = 1, 12 do alloc(i * MIB) end
    local sizes, makers = ffi.new 'int64_t[10]', ffi.new 'const char *[10]'
    assert.equal(10, M.tc_cache_largest(cache, 10, sizes, makers))
    for i = 0, 9 do assert.equal((12 - i) * MIB, tonumber(sizes[i])) end
    assert.equal('spec', ffi.string(makers[0]))
  end)

  it('refuses sizes that cannot be', function()
    assert.is_nil(alloc(-1))
    assert.is_nil(alloc(2 ^ 60))
    assert.is_truthy(alloc(0))
  end)

  it('never hands out what overlaps, and ends with nothing taken', function()
    fresh(4e9)
    local live, seed = {}, 12345
    local function random(n)
      seed = seed * 16807 % 2147483647
      return seed % n
    end
    for _ = 1, 4000 do
      if random(5) < 3 or #live == 0 then
        local bytes = random(4) == 0 and random(24) * MIB + 1 or random(900) * KIB + 1
        local p, capacity = alloc(bytes, streams[1 + random(2)])
        if p then
          local at = tonumber(ffi.cast('intptr_t', p))
          for _, l in ipairs(live) do
            if at < l.at + l.size and l.at < at + capacity then error(('%d + %d overlaps %d + %d'):format(at, capacity, l.at, l.size)) end
          end
          live[#live + 1] = {p = p, at = at, size = capacity}
        end
      else
        local l = table.remove(live, 1 + random(#live))
        if random(3) == 0 then M.tc_cache_used_on(cache, l.p, streams[1 + random(2)]) end
        free(l.p)
      end
    end
    for _, l in ipairs(live) do free(l.p) end
    M.tc_cache_flush(cache)
    assert.equal(0, get 'allocated')
    assert.equal(0, M.mock_taken(device))
    M.tc_cache_end(cache)
  end)
end)
