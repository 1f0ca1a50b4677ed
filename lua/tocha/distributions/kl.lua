--- Kullback-Leibler divergences: `kl_divergence(p, q)`, and the registry of formulas that it picks from.
-- @module tocha.distributions.kl

local args = require 'tocha.args'
local class = require 'tocha.class'
local Distribution = require 'tocha.distributions.distribution'

local kl = {}
local registered = {} -- {p class, q class, formula}
local found = {} -- class of p -> class of q -> formula or false

--- Registers a formula for a pair of classes (and those derived from them, unless a closer pair is registered).
-- @param p,q classes of distributions
-- @tparam function formula formula(p, q) gives a tensor of the batch shape
-- @shape none
-- @raise for what is no class of distributions
-- @usage
-- local Mine = tocha.class('Mine', D.Normal)
-- D.register_kl(Mine, D.Uniform, function() return tocha.tensor(7) end)
-- D.kl_divergence(Mine(0, 1), D.Uniform(0, 1))  --> 7
function kl.register_kl(p, q, formula)
  for name, cls in pairs{type_p = p, type_q = q} do
    if not (class.is_class(cls) and class.issubclass(cls, Distribution)) then
      args.fail('register_kl: %s: got %s, takes a class of distributions', name, args.show(cls))
    end
  end
  registered[#registered + 1] = {p, q, formula}
  found = {}
end

-- how many steps up from a class to its ancestor; nil if it is none
local function distance(cls, ancestor)
  local n = 0
  while cls do
    if rawequal(cls, ancestor) then return n end
    cls, n = rawget(cls, '__parent'), n + 1
  end
end

-- the closest pair: p decides first, then q; of equal ones the last registered
local function search(p, q)
  local best, best_p, best_q
  for _, entry in ipairs(registered) do
    local dp, dq = distance(p, entry[1]), distance(q, entry[2])
    if dp and dq and (not best or dp < best_p or (dp == best_p and dq <= best_q)) then
      best, best_p, best_q = entry[3], dp, dq
    end
  end
  return best or false
end

--- KL(p || q), the mean of log p - log q under p, for each entry of the batch.
-- @param p a distribution
-- @param q a distribution
-- @shape batch shapes that broadcast -> their common shape
-- @raise for a pair of classes that is not registered
-- @usage
-- D.kl_divergence(D.Normal(0, 1), D.Normal(1, 2))  --> 0.4431
-- D.kl_divergence(D.Bernoulli(tocha.tensor{0.5, 0.2}), D.Bernoulli(0.5)).shape  --> {2}
function kl.kl_divergence(p, q)
  for i = 1, 2 do
    local d = i == 1 and p or q
    if not class.isinstance(d, Distribution) then
      args.fail('kl_divergence: %s: got %s, takes a distribution', i == 1 and 'p' or 'q', args.show(d))
    end
  end
  require 'tocha.distributions.kl_pairs'
  local cp, cq = getmetatable(p), getmetatable(q)
  local row = found[cp] or {}
  found[cp] = row
  if row[cq] == nil then row[cq] = search(cp, cq) end
  if not row[cq] then args.fail('kl_divergence: no formula is registered for %s and %s', cp.__name, cq.__name) end
  return row[cq](p, q)
end

return kl
