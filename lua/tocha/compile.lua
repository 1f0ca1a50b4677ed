--- tocha.compile: a function's operators are recorded once for each kind of arguments and then replayed by one call of C.
-- The C side (lib/tape.h) records kernels, plans memory, merges elementwise loops. This side decides which recording a call may use.
-- @module tocha.compile

local ffi = require 'ffi'
local library = require 'tocha.library'
local handle = require 'tocha.handle'
local errors = require 'tocha.errors'
local binding = require 'tocha.binding'
local recording = require 'tocha.recording'
local class = require 'tocha.class'
local C = library.C

local istype, rawequal, type = ffi.istype, rawequal, type
local Handle, new_handle = handle.type, handle.new

local MOST_TENSORS, MOST_PROGRAMS, MOST_WAITING, TRIES = 64, 64, 16, 6
local FITS_NOT = 3 -- a status of tc_program_run
local JOINT, EAGER = 1, 2 -- of tc_capture_graph: gradients come outside; they cannot be replayed

---------------------------------------------------------------- arguments and results as flat lists
-- Tensors go to `tensors`, everything else (and how tables are made up) to `rest`.
local function by_kind(a, b)
  if type(a) == type(b) then return a < b end
  return type(a) < type(b)
end

local function is_plain(v) return type(v) == 'table' and getmetatable(v) == nil end

local flatten
local function flatten_table(v, tensors, rest, at, depth)
  if depth > 16 then errors.raise('compile: tables are nested too deeply, or in a circle') end
  local keys = {}
  for key in pairs(v) do
    if type(key) ~= 'string' and type(key) ~= 'number' then
      errors.raise('compile: a table has the key %s; takes strings and numbers', tostring(key))
    end
    keys[#keys + 1] = key
  end
  table.sort(keys, by_kind)
  rest[at + 1], rest[at + 2] = '{', #keys
  at = at + 2
  for _, key in ipairs(keys) do
    rest[at + 1] = key
    at = flatten(v[key], tensors, rest, at + 1, depth + 1)
  end
  return at
end

function flatten(v, tensors, rest, at, depth)
  if istype(Handle, v) then
    tensors.n = tensors.n + 1
    tensors[tensors.n] = v
    rest[at + 1] = Handle
    return at + 1
  elseif is_plain(v) then
    return flatten_table(v, tensors, rest, at, depth)
  end
  rest[at + 1] = v
  return at + 1
end

---------------------------------------------------------------- what a recording saw of Lua's side
local Recording = {}
Recording.__index = Recording

function Recording:module(m)
  if self.seen[m] then return end
  self.seen[m] = true
  local n = #self.modules + 1
  self.modules[n], self.training[n] = m, m.training
end

-- The options of an optimizer's groups as three lists: table, key, value.
local function options_of(o)
  local where, keys, values, n = {}, {}, {}, 0
  local function add(t, key)
    n = n + 1
    where[n], keys[n], values[n] = t, key, t[key]
  end
  for _, group in ipairs(o.param_groups) do
    for key, value in pairs(group) do
      if type(value) == 'number' or type(value) == 'boolean' then add(group, key) end
      if type(value) == 'table' and key ~= 'params' then
        add(group, key)
        for i = 1, #value do
          if type(value[i]) == 'number' then add(value, i) end
        end
      end
    end
  end
  return {where = where, keys = keys, values = values, n = n}
end

local function changed(options)
  local where, keys, values = options.where, options.keys, options.values
  for i = 1, options.n do
    if where[i][keys[i]] ~= values[i] then return true end
  end
  return false
end

function Recording:optimizer(o)
  local all, updates = C.tc_capture_count(false), C.tc_capture_count(true)
  self.steps[#self.steps + 1] = o
  self.options[#self.options + 1] = options_of(o)
  o:update()
  -- an optimizer that consists of updates alone can be given other numbers later
  if C.tc_capture_count(false) - all ~= C.tc_capture_count(true) - updates then self.fixed = true end
end

local function new_recording()
  return setmetatable({seen = {}, modules = {}, training = {}, steps = {}, options = {}, fixed = false}, Recording)
end

---------------------------------------------------------------- programs
local function difference(a, b)
  local text = C.tc_program_difference(a, b)
  return text ~= nil and ffi.string(text) or nil
end

-- Grad mode is looked at in C; these change what operators do as well.
local function surroundings() return C.tc_default_dtype(), C.tc_get_autocast(false) end

local function same_modes(v)
  local dtype, autocast = surroundings()
  if v.dtype ~= dtype or v.autocast ~= autocast then return false end
  local modules, training = v.modules, v.training
  for i = 1, #modules do
    if modules[i].training ~= training[i] then return false end
  end
  return true
end

-- Learning rates and other numbers have changed: the updates in the program get them; false if that cannot be.
local function patch(v)
  if v.fixed then return false end
  C.tc_program_patch_begin(v.program)
  local ok, message = pcall(function()
    for _, o in ipairs(v.steps) do o:update() end
  end)
  local all = C.tc_program_patch_end()
  if not ok then error(message, 0) end
  for i, o in ipairs(v.steps) do v.options[i] = options_of(o) end
  return all
end

local function numbers_hold(v)
  local options = v.options
  for i = 1, #options do
    if changed(options[i]) then return patch(v) end
  end
  return true
end

-- The results of a run: `shape` is what the function returned, with places in it.
local function rebuild(shape, made, tensors)
  if shape.made then return made[shape.made] end
  if shape.argument then return tensors[shape.argument] end
  if shape.list then
    local t = {}
    for key, s in pairs(shape.list) do t[key] = rebuild(s, made, tensors) end
    return t
  end
  return shape.value
end

local function rebuild_all(v, made, tensors, i)
  i = i or 1
  if i > v.returns.n then return end
  return rebuild(v.returns[i], made, tensors), rebuild_all(v, made, tensors, i + 1)
end

---------------------------------------------------------------- compiled functions
local Compiled = {}
Compiled.__index = Compiled

local function wrap_up(v, tensors)
  if v.single then return v.out end
  local made = {}
  for i = 1, v.makes do made[i] = v.fresh[i] end
  return rebuild_all(v, made, tensors)
end

-- Runs a program; true and the results, or false if it does not fit.
local function run(v, tensors)
  local ins, outs = v.ins, v.outs
  for i = 1, tensors.n do ins[i - 1] = tensors[i] end
  local first
  for i = 1, v.makes do
    local h = new_handle()
    if i == 1 then first = h end
    v.fresh[i], outs[i - 1] = h, h
  end
  local status = C.tc_program_run(v.program, ins, tensors.n, outs, v.makes)
  if status == FITS_NOT then return false end
  if status ~= 0 then binding.recover(status, true) end
  if v.single then
    v.fresh[1] = nil
    return true, first
  end
  return true, wrap_up(v, tensors)
end

local function same_rest(v, rest, n)
  if v.rest_n ~= n then return false end
  local mine = v.rest
  for i = 1, n do
    if not rawequal(mine[i], rest[i]) then return false end
  end
  return true
end

-- What a function returned, with new tensors and arguments replaced by places.
local function shape_of(value, made, tensors, first_id, depth)
  if istype(Handle, value) then
    if not C.tc_handle_alive(value) then errors.raise('compile: the function returns a tensor that was released') end
    for i = 1, tensors.n do
      if tensors[i]._t == value._t then return {argument = i} end
    end
    if C.tc_id(value._t) < first_id then return {value = value} end
    for i, h in ipairs(made) do
      if h._t == value._t then return {made = i} end
    end
    made[#made + 1] = value
    return {made = #made}
  elseif is_plain(value) and depth < 16 then
    local list = {}
    for key, v in pairs(value) do list[key] = shape_of(v, made, tensors, first_id, depth + 1) end
    return {list = list}
  end
  return {value = value}
end

local function pointers(list)
  local p = ffi.new('tc_tensor *[?]', math.max(#list, 1))
  for i, h in ipairs(list) do p[i - 1] = h._t end
  return p
end

local function describe(tensors, rest, rest_n, modules)
  local parts = {tostring(C.tc_grad_enabled()), surroundings()}
  for i = 1, tensors.n do
    local x = tensors[i]
    parts[#parts + 1] = ('%s%s%s%s'):format(tostring(x.dtype), table.concat(x:size(), 'x'), table.concat(x:stride(), ','),
      tostring(x.requires_grad))
    for k = 1, i - 1 do
      if C.tc_shares_storage(x._t, tensors[k]._t) then parts[#parts + 1] = 'as ' .. k end
    end
  end
  for i = 1, rest_n do parts[#parts + 1] = tostring(rest[i]) end
  for i, m in ipairs(modules or {}) do parts[#parts + 1] = tostring(m.training) .. i end
  return table.concat(parts, ';')
end

local function begin(self, tensors)
  local list = {}
  for i = 1, tensors.n do
    if not C.tc_handle_alive(tensors[i]) then errors.raise('compile: argument %d is a tensor that was released', i) end
    list[i] = tensors[i]
  end
  C.tc_clear_error()
  local first_id = C.tc_next_id()
  if not C.tc_capture_begin(pointers(list), #list) then errors.pending() end
  recording.now = new_recording()
  self.recordings = self.recordings + 1
  return recording.now, first_id
end

local function stop_recording()
  recording.now = false
  C.tc_capture_abort()
end

-- Raises what went wrong; results of a function that went well come as a table.
local function call_recorded(self, args)
  local results
  local function keep(ok, ...)
    if not ok then
      stop_recording()
      error((...), 0)
    end
    results = {n = select('#', ...), ...}
  end
  keep(pcall(self.f, unpack(args, 1, args.n)))
  return results
end

-- Backward will come from outside: the recording goes on through the gradients. false if they cannot be recorded.
local function record_gradients(made)
  local outputs, leaves, tangents = {}, {}, {}
  for _, h in ipairs(made) do
    if h.requires_grad then
      outputs[#outputs + 1] = h
      tangents[#outputs] = handle.wrap(C.tc_capture_tangent(#outputs - 1))
    end
  end
  local n = tonumber(C.tc_capture_leaves())
  for i = 1, n do leaves[i] = handle.wrap(C.tc_capture_leaf(i - 1)) end
  local ok, slopes = pcall(require('tocha.engine').gradients, outputs, leaves, tangents, true, false, true)
  C.tc_clear_error()
  if not ok then return false end
  local list = ffi.new('tc_tensor *[?]', n + 1)
  for i = 1, n do list[i - 1] = slopes[i] and slopes[i]._t or nil end
  return C.tc_capture_slopes(list, n)
end

local function check_options(rec)
  for i, o in ipairs(rec.options) do
    if changed(o) then
      stop_recording()
      errors.raise('compile: the options of %s change inside the function, which a replay would not do: call scheduler:step() outside',
        tostring(rec.steps[i].__name))
    end
  end
end

local function new_variant(program, rec, returns, made, tensors, rest, rest_n)
  local v = {program = program, modules = rec.modules, training = rec.training, steps = rec.steps, options = rec.options, fixed = rec.fixed,
    returns = returns, makes = #made, n = tensors.n, rest = {}, rest_n = rest_n, fresh = {},
    ins = ffi.new('tc_handle *[?]', tensors.n + 1), outs = ffi.new('tc_handle *[?]', #made + 1)}
  for i = 1, rest_n do v.rest[i] = rest[i] end
  v.dtype, v.autocast = surroundings()
  v.single = returns.n == 1 and returns[1].made == 1 and #made == 1
  return v
end

-- A recording is believed when the next call, recorded too, did the same: so numbers that Lua counts on, or branches that follow values
-- unnoticed, come to light.
local function settle(self, program, rec, returns, made, tensors, rest, rest_n)
  local key = describe(tensors, rest, rest_n, rec.modules)
  local before = self.waiting[key]
  local why = before and difference(before.program, program)
  if before and not why then
    self.waiting[key], self.waiting_count = nil, self.waiting_count - 1
    if not C.tc_program_build(program) then errors.pending() end
    table.insert(self.variants, 1, new_variant(program, rec, returns, made, tensors, rest, rest_n))
    self.variants[MOST_PROGRAMS + 1] = nil -- the oldest
    return
  end
  if not before then -- of shapes that come once and never again few are kept
    self.waiting_count = self.waiting_count + 1
    if self.waiting_count > MOST_WAITING then self.waiting, self.waiting_count = {}, 1 end
  end
  local tries = (before and before.tries or 0) + 1
  self.waiting[key] = {program = program, tries = tries}
  if tries >= TRIES then
    self.waiting[key], self.waiting_count = nil, self.waiting_count - 1
    errors.raise('compile: the function does something else at each call, a replay would be wrong: %s', why)
  end
end

local function record(self, args, tensors, rest, rest_n)
  local rec, first_id = begin(self, tensors)
  local results = call_recorded(self, args)
  local made, returns = {}, {n = results.n}
  local ok, message = pcall(function()
    for i = 1, results.n do returns[i] = shape_of(results[i], made, tensors, first_id, 1) end
  end)
  if not ok then
    stop_recording()
    error(message, 0)
  end
  local graph = C.tc_capture_graph(pointers(made), #made)
  if graph == EAGER or (graph == JOINT and not record_gradients(made)) then
    stop_recording()
    self.eager = true
    return unpack(results, 1, results.n)
  end
  check_options(rec)
  recording.now = false
  C.tc_clear_error()
  local p = C.tc_capture_end(pointers(made), #made)
  if p == nil then
    C.tc_capture_abort()
    errors.pending()
  end
  local program = ffi.gc(p, C.tc_program_free)
  settle(self, program, rec, returns, made, tensors, rest, rest_n)
  return unpack(results, 1, results.n)
end

-- Finds a program that fits and runs it; else records.
local function dispatch(self, args)
  if C.tc_capturing() or (self.eager and C.tc_grad_enabled()) then return self.f(unpack(args, 1, args.n)) end
  local tensors, rest, rest_n = self.tensors, self.rest, 0
  tensors.n = 0
  for i = 1, args.n do rest_n = flatten(args[i], tensors, rest, rest_n, 1) end
  local variants = self.variants
  for i = 1, #variants do
    local v = variants[i]
    if v.n == tensors.n and same_rest(v, rest, rest_n) and same_modes(v) then
      if not numbers_hold(v) then
        table.remove(variants, i)
        break
      end
      local found, a, b, c, d, e, more = run(v, tensors)
      if found and more == nil then return a, b, c, d, e end
      if found then return wrap_up(v, tensors) end
    end
  end
  if tensors.n > MOST_TENSORS then return self.f(unpack(args, 1, args.n)) end
  return record(self, args, tensors, rest, rest_n)
end

function Compiled:__call(...)
  local args = {n = select('#', ...), ...}
  return dispatch(self, args)
end

--- Forgets all recordings.
function Compiled:reset()
  self.variants, self.waiting, self.waiting_count, self.eager = {}, {}, 0, false
  return self
end

--- What there is: programs (how many kinds of arguments), recordings so far; and of the program used last: instructions, arena (bytes of
-- memory planned), temporaries (bytes they would take without reuse), fused (elementwise kernels merged into others).
function Compiled:figures()
  local v = self.variants[1]
  local function figure(what) return v and tonumber(C.tc_program_figure(v.program, what)) or 0 end
  return {programs = #self.variants, recordings = self.recordings, instructions = figure(0), arena = figure(1), temporaries = figure(2),
    fused = figure(3)}
end

function Compiled:__tostring()
  local f = self:figures()
  return ('compiled function: %d programs, %d recordings'):format(f.programs, f.recordings)
end

local function new_compiled(f)
  return setmetatable({f = f, variants = {}, waiting = {}, waiting_count = 0, recordings = 0, eager = false, tensors = {n = 0}, rest = {}}, Compiled)
end

---------------------------------------------------------------- modules
local CompiledModule

local function compiled_module(module)
  if not CompiledModule then
    local Module = require 'tocha.nn.module'
    CompiledModule = class('CompiledModule', Module)
    function CompiledModule:__init(m)
      self.module = m
      self.compiled = new_compiled(function(...) return m(...) end)
    end
    function CompiledModule:forward(...) return self.compiled(...) end
    --- As of a compiled function.
    function CompiledModule:figures() return self.compiled:figures() end
    --- As of a compiled function.
    function CompiledModule:reset()
      self.compiled:reset()
      return self
    end
  end
  return CompiledModule(module)
end

local function is_module(v)
  local Module = package.loaded['tocha.nn.module']
  return Module and Module.is_module(v)
end

local compile = {}

--- Makes a function that records the operators of f at its first calls and replays them at later ones.
-- @param f a function, of tensors and other values; or a module, which gives a module
-- @return the compiled function: a callable with `:figures()` and `:reset()`; or the compiled module
function compile.compile(f)
  if is_module(f) then return compiled_module(f) end
  if type(f) ~= 'function' and not (getmetatable(f) and getmetatable(f).__call) then
    errors.raise('compile: got %s, takes a function or a module', errors.describe(f))
  end
  return new_compiled(f)
end

return compile
