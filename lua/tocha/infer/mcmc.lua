--- MCMC: runs chains of a kernel (HMC, NUTS) and keeps their draws.
-- @classmod tocha.infer.MCMC

local args = require 'tocha.args'
local class = require 'tocha.class'
local tocha = require 'tocha'
local diagnostics = require 'tocha.infer.diagnostics'

local MCMC = class('MCMC')

local read = args.spec('MCMC', 'kernel:list', '*', 'num_samples:int=1000', 'warmup_steps:int=nil', 'num_chains:int=1',
  'thinning:int=1', 'progress:bool=false')

--- @param kernel HMC(model) or NUTS(model)
-- @tparam[opt=1000] int num_samples draws that each chain keeps; by name only, as all below
-- @tparam[opt] int warmup_steps as many as num_samples, if not given
-- @tparam[opt=1] int num_chains run one after another
-- @tparam[opt=1] int thinning keeps every so many-th draw
-- @tparam[opt=false] bool progress whether a line tells how far it is
-- @usage
-- local function model(y)
--   local mu = infer.sample('mu', D.Normal(0, 10))
--   infer.sample('y', D.Normal(mu, 1), {obs = y})
-- end
-- local mcmc = infer.MCMC(infer.NUTS(model), {num_samples = 60, warmup_steps = 60, num_chains = 2})
-- mcmc:run(tocha.tensor{4, 5, 6})
-- mcmc:get_samples().mu.shape  --> {120}
-- mcmc:get_samples{group_by_chain = true}.mu.shape  --> {2, 60}
-- math.abs(mcmc:summary().mu.mean - 5) < 0.5  --> true
function MCMC:__init(...)
  self.kernel, self.num_samples, self.warmup_steps, self.num_chains, self.thinning, self.progress = read(...)
  self.warmup_steps = self.warmup_steps or self.num_samples
  for _, name in ipairs{'num_samples', 'num_chains', 'thinning'} do
    if self[name] < 1 then args.fail('MCMC: %s: got %d, takes at least 1', name, self[name]) end
  end
end

local function run_chain(self, chain, bar, ...)
  local kernel, draws = self.kernel, {}
  kernel:setup(self.warmup_steps, ...)
  for i = 1, self.warmup_steps + self.num_samples * self.thinning do
    local q = kernel:sample()
    local kept = i - self.warmup_steps
    if kept > 0 and kept % self.thinning == 0 then draws[kept / self.thinning] = q end
    if bar then bar:step(1) end
  end
  self.stats[chain] = {divergences = kernel.divergences, acceptance = kernel.accepted / math.max(kernel.counted, 1),
    step_size = kernel.step_size}
  return tocha.stack(draws, 1)
end

-- (draws, size) of one chain as values by name, (draws, shape...) each
local function constrained(potential, draws)
  local columns = {}
  for i = 1, draws:size(1) do
    for name, value in pairs(potential:constrain(draws[i])) do
      columns[name] = columns[name] or {}
      columns[name][i] = value
    end
  end
  for name, list in pairs(columns) do columns[name] = tocha.stack(list, 1) end
  return columns
end

--- Runs all chains.
-- @param ... the model's arguments
-- @return self
function MCMC:run(...)
  self.stats, self.names = {}, {}
  local total = self.num_chains * (self.warmup_steps + self.num_samples * self.thinning)
  local bar = self.progress and require('tocha.utils.progress')(total, {label = self.kernel.__name, unit = 'draws'})
  local by_name = {}
  for chain = 1, self.num_chains do
    local draws = run_chain(self, chain, bar, ...)
    for name, x in pairs(constrained(self.kernel.potential, draws)) do
      by_name[name] = by_name[name] or {}
      by_name[name][chain] = x
    end
  end
  if bar then bar:finish() end
  for i, site in ipairs(self.kernel.potential.sites) do self.names[i] = site.name end
  for name, list in pairs(by_name) do by_name[name] = tocha.stack(list, 1) end
  self.samples = by_name
  return self
end

--- The draws of all variables by name: (chains * draws, shape...), or (chains, draws, shape...) with group_by_chain.
function MCMC:get_samples(options)
  if not self.samples then args.fail('get_samples: there are none: takes run(...) first') end
  local grouped = options == true or type(options) == 'table' and options.group_by_chain
  local out = {}
  for name, x in pairs(self.samples) do out[name] = grouped and x or x:flatten(1, 2) end
  return out
end

--- Mean, deviation, median, 5 % and 95 % quantiles, effective sample size and split R-hat of each number, by name.
function MCMC:summary() return diagnostics.summary(self:get_samples(true), self.names) end

--- For each chain `divergences` (trajectories after the warm-up that were cut short: the model may be hard to sample),
-- `acceptance` (mean probability) and `step_size`.
function MCMC:diagnostics() return self.stats end

--- The summary as a table.
function MCMC:__tostring()
  if not self.samples then return 'MCMC (not run yet)' end
  local text, divergences = diagnostics.print_summary(self:summary()), 0
  for _, s in ipairs(self.stats) do divergences = divergences + s.divergences end
  return ('%s\n%d chains of %d draws after %d of warm-up; %d divergent'):format(text, self.num_chains, self.num_samples,
    self.warmup_steps, divergences)
end

return MCMC
