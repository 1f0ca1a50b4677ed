--- Generators of random numbers, the default one's seed and state, and `randint`.
-- @module tocha.random

local ffi = require 'ffi'
local arguments = require 'tocha.arguments'
local binding = require 'tocha.binding'
local errors = require 'tocha.errors'
local handle = require 'tocha.handle'
local C = require('tocha.library').C

local random = {}

local function seed_value(seed, who)
  if type(seed) == 'number' and seed % 1 == 0 and math.abs(seed) < 2 ^ 63 then return seed end
  if type(seed) == 'cdata' and not arguments.is_tensor(seed) and tonumber(seed) then return seed end
  errors.raise('%s: seed: got %s, takes a whole number', who, errors.describe(seed))
end

-- seeds of up to 2^53 are plain Lua numbers, others LuaJIT's int64_t
local function seed_of(cdata)
  local seed = C.tc_generator_initial_seed(cdata)
  local n = tonumber(seed)
  if math.abs(n) < 2 ^ 53 then return n end
  return seed
end

local function state_of(cdata)
  local mark = C.tc_scope_begin()
  local state = handle.wrap(C.tc_generator_get_state(cdata))
  C.tc_scope_end(mark)
  if state == nil then errors.pending() end
  return state
end

local function set_state(cdata, state, who)
  if not arguments.is_tensor(state) or state._t == nil then
    errors.raise('%s: state: got %s, takes the tensor that get_state gave', who, errors.describe(state))
  end
  local reference = state_of(cdata)
  if state.dtype ~= reference.dtype or state:dim() ~= 1 or state:size(1) ~= reference:size(1) then
    errors.raise('%s: state: got %s, takes the uint8 tensor of %d bytes that get_state gave', who, errors.describe(state),
      reference:size(1))
  end
  C.tc_generator_set_state(cdata, state._t)
  if ffi.string(C.tc_error_text()) ~= '' then errors.pending() end
end

---------------------------------------------------------------- generators
--- A stream of random numbers of its own: `tocha.rand(3, {generator = g})`. Two with the same seed give the same numbers, whatever
-- the number of threads and the device.
local Generator = {}
Generator.__index = Generator

--- Starts over with a seed. Gives the generator.
function Generator:manual_seed(seed)
  C.tc_generator_manual_seed(self.cdata, seed_value(seed, 'manual_seed'))
  return self
end
--- Starts over with a seed that nobody can foresee, and gives it.
function Generator:seed() return C.tc_generator_seed(self.cdata) end
--- The seed it was started with.
function Generator:initial_seed() return seed_of(self.cdata) end
--- Where the stream is, as a uint8 tensor for `set_state`.
function Generator:get_state() return state_of(self.cdata) end
--- Goes back to a state. Gives the generator.
function Generator:set_state(state)
  set_state(self.cdata, state, 'set_state')
  return self
end
for name, f in pairs{manual_seed = Generator.manual_seed, seed = Generator.seed, initial_seed = Generator.initial_seed,
  get_state = Generator.get_state, set_state = Generator.set_state} do
  Generator[name] = function(self, ...)
    if getmetatable(self) ~= Generator then errors.raise('%s: got %s, takes a generator: call it with a colon', name, errors.describe(self)) end
    return f(self, ...)
  end
end
function Generator:__tostring() return ('tocha.Generator(seed %s)'):format(tostring(self:initial_seed())) end

--- A new generator with a seed that nobody can foresee. (A device name is taken and ignored: the numbers do not depend on it.)
function random.Generator(device)
  if device ~= nil and type(device) ~= 'string' and type(device) ~= 'table' then
    errors.raise('Generator: device: got %s, takes a device such as \'cpu\'', errors.describe(device))
  end
  local cdata = C.tc_generator_new()
  if cdata == nil then errors.pending() end
  return setmetatable({cdata = ffi.gc(cdata, C.tc_generator_free), device = type(device) == 'string' and device or 'cpu'}, Generator)
end

--- The generator that is used where none is given.
random.default_generator = setmetatable({cdata = C.tc_generator_default(), device = 'cpu'}, Generator)

--- Seeds the default generator, for all devices, and gives it.
function random.manual_seed(seed)
  C.tc_generator_manual_seed(nil, seed_value(seed, 'manual_seed'))
  return random.default_generator
end
--- Seeds the default generator with a seed that nobody can foresee, and gives the seed.
function random.seed() return C.tc_generator_seed(nil) end
--- The seed of the default generator.
function random.initial_seed() return seed_of(nil) end
--- The state of the default generator, a uint8 tensor.
function random.get_rng_state() return state_of(nil) end
--- Puts the default generator back to a state.
function random.set_rng_state(state) set_state(nil, state, 'set_rng_state') end

---------------------------------------------------------------- whole numbers
local plain

--- Whole numbers from low (0 unless given) to below high: `randint(high, size)` or `randint(low, high, size)`, where size is a table;
-- options
-- are generator, dtype ('int64'), device, requires_grad.
function random.randint(low, high, ...)
  plain = plain or binding.get('randint')
  if type(high) == 'number' then return plain(low, high, ...) end
  if type(low) == 'table' and arguments.is_options(low) then return plain(low) end
  if arguments.is_options(high) and next(high) ~= nil then
    if high.high ~= nil then return plain(low, high, ...) end
    local options = {low = 0, high = low}
    for key, value in pairs(high) do options[key] = value end
    return plain(options)
  end
  return plain(0, low, high, ...)
end

return random
