--- CUDA graphs: what a function issues on the GPU, recorded once and replayed as a whole, which costs the host next to nothing.
-- @module tocha.cuda.graph

local ffi = require 'ffi'
local library = require 'tocha.cuda.library'
local core = require 'tocha.library'
local errors = require 'tocha.errors'
local handle = require 'tocha.handle'
local args = require 'tocha.args'
local recording = require 'tocha.recording'

local Graph = {}
Graph.__index = Graph

local function pack(...) return {n = select('#', ...), ...} end

-- What optimizers meet while a graph is recorded: their updates are kept, to be taken with new numbers at each replay.
local Recording = {no_states = true}
Recording.__index = Recording

function Recording.module() end

function Recording:optimizer(o)
  local before = core.C.tc_updates_count(self.updates)
  o:update()
  if core.C.tc_updates_count(self.updates) == before then
    errors.raise('%s: step: its steps are counted on the host and cannot be recorded in a CUDA graph: call it beside the graph', o.__name)
  end
  self.steps[#self.steps + 1] = o
end

local function begin_updates(self)
  if recording.now then errors.raise('graph: takes a place outside of tocha.compile') end
  local updates = core.C.tc_updates_begin(self.device + 1) -- tensors count devices from 1; 0 is the CPU
  if updates == nil then errors.pending() end
  self.steps, self.updates = {}, ffi.gc(updates, core.C.tc_updates_free)
  recording.now = setmetatable({updates = self.updates, steps = self.steps}, Recording)
end

local function end_updates()
  recording.now = false
  core.C.tc_updates_stop()
end

-- The updates that are about to be replayed get this step's numbers.
local function next_step(self)
  local C, u, steps = core.C, self.updates, self.steps
  if #steps == 0 then return end
  C.tc_updates_patch(u, true)
  local ok, message = pcall(function()
    for i = 1, #steps do steps[i]:update() end
  end)
  local all = C.tc_updates_patch(u, false)
  if not ok then error(message, 0) end
  if not all then errors.raise('graph: an optimizer has other parameters or momenta than when it was recorded: record the graph anew') end
  if not C.tc_updates_advance(u) then errors.pending() end
end

-- ends a capture that an error has broken off
local function give_up(g, message)
  library.C.tc_cuda_graph_finish(g)
  core.C.tc_generator_capture(nil)
  library.C.tc_cuda_graph_end(g)
  error(message, 0)
end

local function capture(self, f)
  local C, R = library.C, core.C
  local generator = R.tc_generator_default()
  self.seed, self.calls = R.tc_generator_seed_bits(generator), R.tc_generator_calls(generator)
  begin_updates(self)
  local g = C.tc_cuda_graph_begin(self.device)
  if g == nil then
    end_updates()
    library.check(1, 'graph')
  end
  R.tc_generator_capture(C.tc_cuda_graph_random(g))
  local results = pack(pcall(f))
  end_updates()
  if not results[1] then give_up(g, results[2]) end
  R.tc_generator_capture(nil)
  local status = C.tc_cuda_graph_finish(g)
  if status ~= 0 then
    local text = ffi.string(C.tc_cuda_error_text())
    C.tc_cuda_graph_end(g)
    errors.raise('graph: %s', text)
  end
  self.drawn = R.tc_generator_calls(generator) - self.calls
  R.tc_generator_set_calls(generator, self.calls) -- recording draws nothing: replays do
  self.graph, self.results = ffi.gc(g, C.tc_cuda_graph_end), results
end

--- Runs what was recorded once more, on the current stream; gives what the function gave: the same tensors, with new values.
-- Random numbers go on from where the default generator is.
function Graph:replay()
  local generator = core.C.tc_generator_default()
  local calls, seed = core.C.tc_generator_calls(generator), core.C.tc_generator_seed_bits(generator)
  next_step(self)
  library.check(library.C.tc_cuda_graph_replay(self.graph, ffi.cast('uint64_t', bit.bxor(seed, self.seed)), calls - self.calls), 'graph')
  core.C.tc_generator_set_calls(generator, calls + self.drawn)
  return unpack(self.results, 2, self.results.n)
end
Graph.__call = Graph.replay

--- How many kernels, copies and the like it holds.
function Graph:nodes() return tonumber(library.C.tc_cuda_graph_nodes(self.graph)) end

--- Gives its memory back; the tensors that the function gave keep theirs while they live.
function Graph:reset()
  if self.graph then library.C.tc_cuda_graph_end(ffi.gc(self.graph, nil)) end
  self.graph, self.results, self.updates, self.steps = nil, nil, nil, {}
end

local read = args.spec('graph', 'fn', 'warmup=3', '*', 'device=nil')

--- Records what fn() issues on the GPU. First it is called `warmup` times (3) as it is: those are real steps, in which libraries load and
-- choose. fn must do the same work each time, take its inputs from tensors that stay (x:copy_(batch) before a replay), and never ask for a value
-- (item, print). Tensors it makes live in a pool of the graph's own. fn may hold `optimizer:step()`: each replay is a step further, and takes
-- the learning rate and the other numbers that the optimizer's groups have then.
-- @return the graph: call it, or graph:replay(), to run the step
return function(...)
  local f, warmup, device = read(...)
  if type(f) ~= 'function' then errors.raise('graph: fn: got %s, takes a function', errors.describe(f)) end
  local n = library.device(device, 'graph')
  for _ = 1, warmup do f() end
  handle.collect()
  local self = setmetatable({device = n}, Graph)
  capture(self, f)
  return self
end
