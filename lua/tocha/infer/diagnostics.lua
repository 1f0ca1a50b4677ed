--- Have the chains mixed? Autocovariance, effective sample size, R-hat, intervals, and a table of them all.
-- Tensors of draws are (chains, draws, ...). Sources: A. Gelman et al., "Bayesian Data Analysis", 3rd edition, 11.4 and 11.5;
-- C. Geyer, "Practical Markov chain Monte Carlo", 1992 (where the sum of autocorrelations ends).
-- @module tocha.infer.diagnostics

local args = require 'tocha.args'
local tocha = require 'tocha'
local checked = require 'tocha.checked'

local M = {}

local function check(x, who)
  if not tocha.is_tensor(x) or x:dim() < 2 then
    args.fail('%s: got %s, takes a tensor of (chains, draws, ...)', who, args.show(x))
  end
  if x:size(2) < 4 then args.fail('%s: got %d draws, takes at least 4', who, x:size(2)) end
end

-- f of each number's chains, a list of lists of Lua numbers, as a tensor of the shape of one draw
local function each(x, f)
  local shape = {}
  for d = 3, x:dim() do shape[d - 2] = x:size(d) end
  local flat = x:detach():to('float64'):flatten(3 <= x:dim() and 3 or 2, -1)
  local columns = x:dim() >= 3 and flat:permute(3, 1, 2):contiguous():totable() or {flat:totable()}
  local out = {}
  for i, chains in ipairs(columns) do out[i] = f(chains) end
  return tocha.tensor(out, {dtype = 'float64'}):reshape(shape)
end

local function mean_of(list, first, last)
  local sum = 0
  for i = first, last do sum = sum + list[i] end
  return sum / (last - first + 1)
end

local function variance_of(list, mean)
  local sum = 0
  for i = 1, #list do sum = sum + (list[i] - mean) ^ 2 end
  return sum / (#list - 1)
end

-- the sum over pairs of draws `lag` apart, over n
local function lagged(list, mean, lag)
  local sum, n = 0, #list
  for i = 1, n - lag do sum = sum + (list[i] - mean) * (list[i + lag] - mean) end
  return sum / n
end

-- mean of the variances within chains, and the estimate of the posterior variance from within and between
local function pooled(chains)
  local n, means, within = #chains[1], {}, 0
  for c, list in ipairs(chains) do
    means[c] = mean_of(list, 1, n)
    within = within + variance_of(list, means[c]) / #chains
  end
  local total = within * (n - 1) / n
  if #chains > 1 then total = total + variance_of(means, mean_of(means, 1, #means)) end
  return within, total, means
end

-- ------------------------------------------------------------------------------------------------- autocorrelation

--- The autocovariance of draws along a dim, for lags 0, 1, ... in the same dim.
-- @tparam tensor x
-- @tparam[opt=1] int dim
-- @usage
-- infer.autocovariance(tocha.tensor{1, -1, 1, -1})  --> {1, -1, 1, -1}
function M.autocovariance(x, dim)
  dim = dim or 1
  local moved = x:detach():to('float64'):movedim(dim, -1)
  local n = moved:size(-1)
  local centred = moved - moved:mean(-1, true)
  local lags = {}
  for lag = 0, n - 1 do
    lags[lag + 1] = (centred:narrow(-1, 1, n - lag) * centred:narrow(-1, lag + 1, n - lag)):sum(-1) / (n - lag)
  end
  return tocha.stack(lags, -1):movedim(-1, dim):to(x.dtype)
end

--- The autocorrelation: the autocovariance over the variance.
-- @param x a tensor
-- @param[opt] dim which: 1
-- @usage
-- infer.autocorrelation(tocha.tensor{1, -1, 1, -1})  --> {1, -1, 1, -1}
function M.autocorrelation(x, dim)
  local c = M.autocovariance(x, dim)
  return c / c:narrow(dim or 1, 1, 1)
end

local function ess(chains)
  local m, n = #chains, #chains[1]
  local within, total, means = pooled(chains)
  if within == 0 then return 0 / 0 end
  local function rho(lag)
    local c = 0
    for i, list in ipairs(chains) do c = c + lagged(list, means[i], lag) / m end
    return 1 - (within * (n - 1) / n - c) / total
  end
  -- sums of neighbours fall, and stay positive, as long as they are more than noise
  local tau, before = -1, math.huge
  for lag = 0, n - 2, 2 do
    local pair = (lag == 0 and 1 or rho(lag)) + rho(lag + 1)
    if pair ~= pair or pair <= 0 then break end
    before = math.min(before, pair)
    tau = tau + 2 * before
  end
  tau = math.max(tau, 1 / math.log10(m * n))
  return m * n / tau
end

--- How many independent draws say as much about the mean as these.
-- @tparam tensor x (chains, draws, ...)
-- @treturn tensor of the shape of one draw, float64
-- @usage
-- local x = tocha.randn(4, 500)
-- local n = infer.effective_sample_size(x):item()
-- n > 1000 and n < 4000  --> true
function M.effective_sample_size(x)
  check(x, 'effective_sample_size')
  return each(x, ess)
end

-- ------------------------------------------------------------------------------------------------- R-hat

local function r_hat(chains)
  local within, total = pooled(chains)
  return math.sqrt(total / within)
end

--- R-hat: how much wider the draws of all chains are than those of each. Near 1 when the chains have mixed.
-- @tparam tensor x (chains, draws, ...), at least two chains
-- @usage
-- local x = tocha.randn(2, 500)
-- math.abs(infer.gelman_rubin(x):item() - 1) < 0.05  --> true
-- infer.gelman_rubin(x + tocha.tensor{{0}, {9}}):item() > 3  --> true
function M.gelman_rubin(x)
  check(x, 'gelman_rubin')
  if x:size(1) < 2 then args.fail('gelman_rubin: got %d chain, takes at least 2; split_gelman_rubin takes one', x:size(1)) end
  return each(x, r_hat)
end

--- R-hat of the halves of the chains, which also tells a chain that drifts.
-- @param x (chains, draws, ...)
-- @usage
-- math.abs(infer.split_gelman_rubin(tocha.randn(2, 500)):item() - 1) < 0.05  --> true
-- infer.split_gelman_rubin(tocha.linspace(0, 1, 500):view(1, 500)):item() > 1.5  --> true
function M.split_gelman_rubin(x)
  check(x, 'split_gelman_rubin')
  local half = math.floor(x:size(2) / 2)
  return each(tocha.cat({x:narrow(2, 1, half), x:narrow(2, x:size(2) - half + 1, half)}, 1), r_hat)
end

-- ------------------------------------------------------------------------------------------------- intervals

--- The narrowest interval that holds a share of the draws.
-- @tparam tensor x draws along dim 1
-- @tparam[opt=0.9] number prob
-- @treturn tensor (2, ...): the lower and the upper ends
-- @usage
-- infer.hpdi(tocha.tensor{0, 1, 1.1, 1.2, 1.3, 9}, 0.6)  --> {1, 1.3}
function M.hpdi(x, prob)
  prob = prob or 0.9
  local n = x:size(1)
  local width = math.floor(prob * n)
  if prob <= 0 or prob >= 1 or width < 1 then args.fail('hpdi: prob: got %g, takes a number between 0 and 1', prob) end
  local sorted = (x:sort(1))
  local low, high = sorted:narrow(1, 1, n - width), sorted:narrow(1, width + 1, n - width)
  local _, at = (high - low):min(1, true)
  return tocha.cat({low:gather(1, at), high:gather(1, at)}, 1)
end

local function quantile(sorted, p)
  local at = 1 + p * (#sorted - 1)
  local i = math.floor(at)
  if i >= #sorted then return sorted[#sorted] end
  return sorted[i] + (at - i) * (sorted[i + 1] - sorted[i])
end

local function describe(chains)
  local all = {}
  for _, list in ipairs(chains) do
    for i = 1, #list do all[#all + 1] = list[i] end
  end
  local mean = mean_of(all, 1, #all)
  local std = math.sqrt(variance_of(all, mean))
  table.sort(all)
  return {mean = mean, std = std, median = quantile(all, 0.5), low = quantile(all, 0.05), high = quantile(all, 0.95)}
end

-- `theta`, or `theta[2,1]`
local function label(name, shape, i)
  if #shape == 0 then return name end
  local places = {}
  i = i - 1
  for d = #shape, 1, -1 do
    places[d] = i % shape[d] + 1
    i = math.floor(i / shape[d])
  end
  return name .. '[' .. table.concat(places, ',') .. ']'
end

local function rows_of(name, x, out)
  local shape = {}
  for d = 3, x:dim() do shape[d - 2] = x:size(d) end
  local n_eff, rhat = M.effective_sample_size(x):flatten():totable(), M.split_gelman_rubin(x):flatten():totable()
  local i = 0
  each(x, function(chains)
    i = i + 1
    local row = describe(chains)
    row.name, row.n_eff, row.r_hat = label(name, shape, i), n_eff[i], rhat[i]
    out[#out + 1], out[row.name] = row, row
    return 0
  end)
end

--- What there is to say of each number: name, mean, std, median, low and high (5 % and 95 % quantiles), n_eff, r_hat.
-- @tparam table samples by name, (chains, draws, ...)
-- @tparam[opt] table names their order
-- @treturn table a list of rows, which are also found by their names (`theta[1]`)
-- @usage
-- infer.summary{mu = tocha.ones(2, 100) * 3}.mu.mean  --> 3
function M.summary(samples, names)
  if not names then
    names = {}
    for name in pairs(samples) do names[#names + 1] = name end
    table.sort(names)
  end
  local out = {}
  for _, name in ipairs(names) do
    check(samples[name], 'summary')
    rows_of(name, samples[name], out)
  end
  return out
end

--- A summary as text.
-- @param rows what summary gives
-- @usage
-- infer.print_summary(infer.summary{mu = tocha.randn(2, 100)}):find('mu') ~= nil  --> true
function M.print_summary(rows)
  local width = 8
  for _, row in ipairs(rows) do width = math.max(width, #row.name) end
  local lines = {(' '):rep(width) .. '      mean       std    median      5.0%     95.0%   n_eff  r_hat'}
  for _, row in ipairs(rows) do
    lines[#lines + 1] = ('%' .. width .. 's %9.3f %9.3f %9.3f %9.3f %9.3f %7.0f %6.3f'):format(row.name, row.mean, row.std,
      row.median, row.low, row.high, row.n_eff, row.r_hat)
  end
  return table.concat(lines, '\n')
end

checked.all(M, '', {autocovariance = 'x:tensor dim:int?', autocorrelation = 'x:tensor dim:int?', hpdi = 'x:tensor prob:num?',
  summary = 'samples:list names:list?', print_summary = 'rows:list'})

return M
