--- utils.benchmark(f, ...): how long a call takes, measured so that the number can be believed.
-- @module tocha.utils.benchmark

local args = require 'tocha.args'
local clock = require('tocha.utils.terminal').clock

local function units(seconds)
  for _, u in ipairs{{1, 's'}, {1e-3, 'ms'}, {1e-6, 'us'}} do
    if seconds >= u[1] then return ('%.3g %s'):format(seconds / u[1], u[2]) end
  end
  return ('%.3g ns'):format(seconds * 1e9)
end

local Result = {}
Result.__index = Result
function Result:__tostring()
  return ('%s%s a call (fastest %s, quartiles %s to %s; %d runs of %d calls)'):format(self.label and self.label .. ': ' or '',
    units(self.median), units(self.fastest), units(self.low), units(self.high), self.runs, self.calls)
end

local function timed(f, calls, synchronize)
  local began = clock()
  for _ = 1, calls do f() end
  if synchronize then synchronize() end
  return clock() - began
end

local read = args.spec('benchmark', 'f:callable', '*', 'seconds:num=0.5', 'label:str=nil', 'warmup:num=0.05', 'synchronize=nil')

--- Calls f() many times and tells the median time of one call. It warms up first (traces are compiled, caches filled), chooses how
-- many calls a run has so that the clock is fine enough, and takes the median of many runs.
-- @tparam function f what is measured
-- @tparam[opt=0.5] number seconds to spend, by name only, as all below
-- @tparam[opt] string label printed before the times
-- @tparam[opt=0.05] number warmup seconds before it counts
-- @tparam[opt] function synchronize called at the end of each run: `tocha.cuda.synchronize` for work on a GPU
-- @return a result that prints itself, with `median`, `fastest`, `low`, `high` (quartiles), `mean` in seconds, `runs`, `calls`
-- @usage
-- local result = utils.benchmark(function() return 1 + 1 end, {seconds = 0.005, warmup = 0.001})
-- result.median > 0 and result.median < 1  --> true
return function(...)
  local f, seconds, label, warmup, synchronize = read(...)
  local began, calls = clock(), 1
  repeat local spent = timed(f, 1, synchronize) until clock() - began >= warmup or spent > seconds
  while timed(f, calls, synchronize) < 1e-3 and calls < 2 ^ 24 do calls = calls * 2 end
  local times, sum = {}, 0
  began = clock()
  repeat
    times[#times + 1] = timed(f, calls, synchronize) / calls
    sum = sum + times[#times]
  until clock() - began >= seconds and #times >= 3
  table.sort(times)
  local function at(q) return times[math.max(1, math.ceil(q * #times))] end
  return setmetatable({label = label, median = at(0.5), fastest = times[1], low = at(0.25), high = at(0.75), mean = sum / #times,
    runs = #times, calls = calls}, Result)
end
