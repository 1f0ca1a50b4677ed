--- What spec/autograd/singular_spec.lua tries: functions at points where a derivative is infinite, undefined or a matter of choice, with the
-- derivative that a gradient of 1 gives there. 'any' where it depends on rounding.
--
-- unary: {name, regular point, {point, derivative}...}; binary: {name, {x, y, by x, by y}...}; rows: {name, function of rows (n, 3), {row, derivatives}...};
-- matrices: {name, function of matrices (n, 2, 2), {row, derivatives}...}. `alone`: the function has no regular row to set beside the singular one.

local tocha = require 'tocha'
local F, special, linalg = tocha.nn.functional, tocha.special, tocha.linalg
local inf, nan = math.huge, 0 / 0

local rows = {}

rows.unary = {
  {'sqrt', 2, {0, inf}, {-1, nan}}, {'rsqrt', 2, {0, -inf}}, {'reciprocal', 2, {0, -inf}},
  {'log', 2, {0, inf}, {-1, -1}}, {'log2', 2, {0, inf}}, {'log10', 2, {0, inf}}, {'log1p', 2, {-1, inf}}, {'logit', 0.3, {0, inf}, {1, inf}},
  {'asin', 0.5, {1, inf}, {-1, inf}}, {'acos', 0.5, {1, -inf}, {-1, -inf}}, {'acosh', 2, {1, inf}}, {'atanh', 0.5, {1, inf}, {-1, inf}},
  {'exp', 1, {inf, inf}, {1000, inf}}, {'exp2', 1, {inf, inf}}, {'expm1', 1, {inf, inf}}, {'sinh', 1, {1000, inf}}, {'cosh', 1, {1000, inf}},
  {'sin', 1, {inf, nan}}, {'cos', 1, {inf, nan}}, {'tan', 1, {inf, nan}}, {'square', 1, {inf, inf}}, {'sinc', 1, {0, 0}, {inf, nan}},
  {'abs', 1, {0, 0}}, {'sign', 1, {0, 0}}, {'sgn', 1, {0, 0}}, {'angle', 1, {0, 0}}, {'relu', 1, {0, 0}}, {'nan_to_num', 1, {inf, 0}},
  {'sigmoid', 1, {inf, 0}}, {'tanh', 1, {inf, 0}}, {'erf', 1, {inf, 0}}, {'erfc', 1, {inf, 0}}, {'atan', 1, {inf, 0}}, {'asinh', 1, {inf, 0}},
  {'erfinv', 0.3, {1, inf}, {-1, inf}}, {'lgamma', 1.5, {0, -inf}, {-1, nan}}, {'digamma', 1.5, {0, inf}}, {'i0', 1, {inf, inf}},
  {'entr', 0.6, {0, inf}}, {'ndtri', 0.6, {0, inf}, {1, inf}}, {'log_ndtr', 0.6, {-inf, inf}}, {'erfcx', 0.6, {-inf, -inf}}, {'i1', 0.6, {inf, nan}},
  {'ndtr', 0.6, {inf, 0}}, {'i0e', 0.6, {0, 0}}, {'i1e', 0.6, {0, 0.5}}, {'bessel_j0', 0.6, {0, 0}}, {'bessel_j1', 0.6, {0, 0.5}},
  {'bessel_y0', 0.6, {0, inf}}, {'bessel_y1', 0.6, {0, 'any'}}, {'modified_bessel_k0', 0.6, {0, -inf}}, {'modified_bessel_k1', 0.6, {0, -inf}},
  {'scaled_modified_bessel_k0', 0.6, {0, 'any'}}, {'scaled_modified_bessel_k1', 0.6, {0, 'any'}}, {'spherical_bessel_j0', 0.6, {0, 0}},
  {'airy_ai', 0.6, {-inf, nan}}, {'softplus', 0.6, {inf, 1}}, {'elu', 0.6, {0, 1}, {-inf, 0}}, {'selu', 0.6, {-inf, 0}}, {'celu', 0.6, {-inf, 0}},
  {'gelu', 0.6, {inf, nan}}, {'silu', 0.6, {inf, nan}}, {'mish', 0.6, {inf, nan}}, {'logsigmoid', 0.6, {inf, 0}, {-inf, 1}}, {'softsign', 0.6, {inf, 0}},
  {'hardtanh', 0.6, {1, 0}, {-1, 0}}, {'hardsigmoid', 0.6, {3, 0}}, {'hardswish', 0.6, {3, 1}}, {'tanhshrink', 0.6, {inf, 1}}, {'hardshrink', 0.6, {0.5, 0}},
  {'softshrink', 0.6, {0.5, 0}}, {'leaky_relu', 0.6, {0, 0.01}}, {'relu6', 0.6, {0, 0}, {6, 0}},
}

local function powers()
  local list = {}
  for _, p in ipairs {{0, 0, 0}, {1, 0, 1}, {2, 0, 0}, {0.5, 0, inf}, {-1, 0, -inf}, {1.5, 0, 0}, {0.5, -1, nan}, {3, -1, 3}, {2, inf, inf}} do
    list[#list + 1] = {'x^' .. p[1], 2, {p[2], p[3]}, call = function(x) return x ^ p[1] end}
  end
  return list
end
for _, row in ipairs(powers()) do table.insert(rows.unary, row) end
for _, row in ipairs {
  {'clamp', 0.5, {0, 0}, {1, 0}, {inf, 0}, call = function(x) return x:clamp(0, 1) end},
  {'clamp_min', 0.5, {0, 0}, call = function(x) return x:clamp_min(0) end},
  {'polygamma', 2, {0, -inf}, call = function(x) return tocha.polygamma(1, x) end},
  {'mvlgamma', 2, {0.5, -inf}, call = function(x) return x:mvlgamma(2) end},
  {'igamma', 1.5, {0, inf}, call = function(x) return tocha.igamma(0.5, x) end},
  {'igammac', 1.5, {0, -inf}, call = function(x) return tocha.igammac(0.5, x) end},
  {'zeta', 1.5, {0, -inf}, call = function(x) return special.zeta(2, x) end},
} do table.insert(rows.unary, row) end

rows.binary = {
  {'pow', {0, 0, 0, 0}, {0, 1, 1, 0}, {0, 0.5, inf, 0}, {0, -1, -inf, -inf}, {-1, 0.5, nan, nan}, {-1, 2, -2, nan}, {inf, 1, 1, inf}, {1, inf, inf, 0}},
  {'xlogy', {0, 0, 0, 0}, {0, 1, 0, 0}, {0, -1, 0, 0}, {inf, 1, 0, inf}, {1, inf, inf, 0}, {1, 0, -inf, inf}},
  {'xlog1py', {0, -1, 0, 0}, {0, -2, 0, 0}, {inf, 0, 0, inf}, {1, -1, -inf, inf}},
  {'div', {0, 0, inf, 0}, {1, 0, inf, -inf}, {inf, 1, 1, -inf}, {1, inf, 0, 0}},
  {'mul', {inf, 1, 1, inf}, {0, inf, inf, 0}}, {'atan2', {0, 0, 0, 0}, {0, 1, 1, 0}, {1, inf, 0, 0}},
  {'hypot', {0, 0, 0, 0}, {0, 1, 0, 1}, {inf, 1, nan, 0}}, {'copysign', {0, 1, 0, 0}}, {'heaviside', {0, 1, 0, 0}},
  {'maximum', {0, 0, 0.5, 0.5}}, {'minimum', {0, 0, 0.5, 0.5}}, {'fmax', {0, 0, 0.5, 0.5}, {nan, 1, 0, 1}, {1, nan, 1, 0}}, {'fmin', {0, 0, 0.5, 0.5}},
  {'clamp_min', {1, 1, 0.5, 0.5}}, {'clamp_max', {1, 1, 0.5, 0.5}}, {'remainder', {0, 0, 1, nan}}, {'fmod', {0, 0, 1, nan}, {inf, 1, 1, -inf}},
  {'logaddexp', {0, 0, 0.5, 0.5}, {inf, 1, 1, 0}, {-inf, 1, 0, 1}, {-inf, -inf, nan, nan}}, {'logaddexp2', {-inf, -inf, nan, nan}},
  {'float_power', {0, 0, 0, 0}, {0, 0.5, inf, 0}}, {'ldexp', {inf, 1, 2, inf}},
  {'addcdiv', {0, 0, inf, 0}, call = function(x, y) return x:addcdiv(x, y) end}, {'addcmul', {inf, 1, 2, inf}, call = function(x, y) return x:addcmul(x, y) end},
  {'lerp', {1, inf, inf, 1}, call = function(x, y) return x:lerp(y, x) end},
}

-- losses of single elements
local function loss(name, options, ...)
  local all = {reduction = 'none'}
  for k, v in pairs(options) do all[k] = v end
  local row = {name, call = function(x, y) return F[name](x, y, all) end, ...}
  table.insert(rows.binary, row)
end
loss('binary_cross_entropy', {}, {0, 0, 0, 100}, {1, 1, 0, -100}, {0, 1, -1e12, 100})
loss('binary_cross_entropy_with_logits', {}, {inf, 1, 0, -inf}, {nan, 1, nan, nan})
loss('mse_loss', {}, {0, 0, 0, 0}, {inf, 1, inf, -inf}, {nan, 1, nan, nan})
loss('l1_loss', {}, {0, 0, 0, 0}, {inf, 1, 1, -1})
loss('smooth_l1_loss', {}, {0, 0, 0, 0}, {inf, 1, 1, -1}, {nan, 1, nan, nan})
loss('huber_loss', {}, {0, 0, 0, 0}, {inf, 1, 1, -1}, {nan, 1, nan, nan})
loss('kl_div', {}, {0, 0, 0, 'any'}, {inf, 1, -1, -inf})
loss('poisson_nll_loss', {}, {inf, 1, inf, -inf})
loss('soft_margin_loss', {}, {inf, 1, 0, 'any'})
table.insert(rows.binary, {'gaussian_nll_loss', {0, 0, 0, 500000},
  call = function(x, y) return F.gaussian_nll_loss(x, tocha.zeros_like(x), y, {reduction = 'none'}) end})

---------------------------------------------------------------- functions of rows
local function along(name, ...)
  local more = {...}
  return function(x) return (tocha[name](x, unpack(more))) end
end
local function norm(p) return function(x) return linalg.vector_norm(x, p, 2) end end
local function each(f) return function(x) return tocha.stack {f(x[1]), f(x[2])} end end
local zero, missing, hidden = {0, 0, 0}, {-inf, 0, 1}, {-inf, -inf, -inf}
local none, unknown, any = {0, 0, 0}, {nan, nan, nan}, {'any', 'any', 'any'}
local first = tocha.tensor {1, 1}:long()

rows.rows = {
  {'norm, p = 1', norm(1), {zero, none}, {{1, 0, -2}, {1, 0, -1}}}, {'norm, p = 2', norm(2), {zero, none}, {{0, 3, 4}, {0, 0.6, 0.8}}, {hidden, any}},
  {'norm, p = 3', norm(3), {zero, none}, {{0, 0, 2}, {0, 0, 1}}, {missing, any}}, {'norm, p = 0.5', norm(0.5), {zero, none}, {hidden, any}},
  {'norm, p = 1.5', norm(1.5), {zero, none}, {hidden, any}}, {'norm, p = inf', norm(inf), {zero, none}, {{1, 1, 0}, {0.5, 0.5, 0}}},
  {'norm, p = -inf', norm(-inf), {{1, 1, 2}, {0.5, 0.5, 0}}}, {'norm, p = 0', norm(0), {zero, none}}, {'norm, p = -1', norm(-1), {zero, none}, {hidden, any}},
  {'logsumexp', along('logsumexp', 2), {hidden, none}, {{-inf, 0, 0}, {0, 0.5, 0.5}}, {{inf, 0, 0}, {nan, 0, 0}}},
  {'logcumsumexp', along('logcumsumexp', 2), {hidden, none}, {missing, any}, {{inf, inf, 1}, any}},
  {'softmax', along('softmax', 2), {hidden, unknown}, {{-inf, 0, 0}, none}}, {'log_softmax', along('log_softmax', 2), {hidden, unknown}, {{-inf, 0, 0}, {1, -0.5, -0.5}}},
  {'softmin', function(x) return F.softmin(x, 2) end, {{inf, inf, inf}, unknown}},
  {'softmax of columns', function(x) return tocha.softmax(x.mT, 1).mT end, {hidden, unknown}},
  {'log_softmax of columns', function(x) return tocha.log_softmax(x.mT, 1).mT end, {hidden, unknown}},
  {'prod', along('prod', 2), {zero, none}, {{0, 2, 3}, {6, 0, 0}}, {{0, 2, 0}, none}, {missing, any}},
  {'cumprod', along('cumprod', 2), {zero, {1, 0, 0}}, {{2, 0, 3}, {1, 8, 0}}, {{inf, 0, 1}, any}},
  {'std', along('std', 2), {zero, none}, {{1, 1, 1}, none}, {missing, any}}, {'var', along('var', 2), {{1, 1, 1}, none}, {missing, any}},
  {'amax', along('amax', 2), {{1, 1, 0}, {0.5, 0.5, 0}}}, {'max', along('max', 2), {{1, 1, 0}, {1, 0, 0}}}, {'median', along('median', 2), {zero, any}},
  {'cummax', along('cummax', 2), {{1, 1, 0}, {1, 2, 0}}}, {'renorm', function(x) return x:renorm(2, 1, 1) end, {zero, {1, 1, 1}}},
  {'normalize', function(x) return F.normalize(x, 2, 2) end, {zero, {1e12, 1e12, 1e12}}, {hidden, any}},
  {'normalize, p = 1', function(x) return F.normalize(x, 1, 2) end, {zero, {1e12, 1e12, 1e12}}},
  {'cosine_similarity', function(x) return F.cosine_similarity(x, tocha.ones_like(x), 2) end, {zero, any}, {hidden, any}},
  {'layer_norm', function(x) return F.layer_norm(x, {3}) end, {zero, none}, {hidden, unknown}, {{nan, 1, 2}, unknown}},
  {'rms_norm', function(x) return F.rms_norm(x, {3}) end, {hidden, unknown}, {{nan, 1, 2}, unknown}},
  {'group_norm', function(x) return F.group_norm(x, 1) end, {zero, none}, {{nan, 1, 2}, unknown}},
  {'local_response_norm', function(x) return F.local_response_norm(x:unsqueeze(3), 2) end, {hidden, any}},
  {'cdist, p = 2', function(x) return tocha.cdist(x:unsqueeze(2), x:unsqueeze(2):detach()) end, {zero, none}},
  {'cdist, p = 1', function(x) return tocha.cdist(x:unsqueeze(2), x:unsqueeze(2):detach(), 1) end, {zero, none}, {{nan, 1, 2}, any}},
  {'cdist, p = 3', function(x) return tocha.cdist(x:unsqueeze(2), x:unsqueeze(2):detach(), 3) end, {zero, none}},
  {'dist', each(function(x) return tocha.dist(x, x:detach()) end), {zero, none}},
  {'pairwise_distance', function(x) return F.pairwise_distance(x, x:detach(), 2, 0) end, {zero, none}},
  {'triplet_margin_loss', function(x) return F.triplet_margin_loss(x, x:detach(), x:detach() + 1, {reduction = 'none', eps = 0, margin = 2}) end,
    {zero, {3 ^ -0.5, 3 ^ -0.5, 3 ^ -0.5}}},
  {'cross_entropy', function(x) return F.cross_entropy(x, first, {reduction = 'none'}) end, {hidden, unknown}, {{0, -inf, -inf}, none}},
  {'cross_entropy, smoothed', function(x) return F.cross_entropy(x, first, {reduction = 'none', label_smoothing = 0.1}) end, {hidden, unknown}},
  {'cross_entropy of columns', function(x) return F.cross_entropy(x.mT:unsqueeze(1), first:unsqueeze(1), {reduction = 'none'}):squeeze(1) end, {hidden, unknown}},
  {'cross_entropy of probabilities', function(x) return F.cross_entropy(x, tocha.ones_like(x) / 3, {reduction = 'none'}) end, {hidden, unknown}},
  {'nll_loss', function(x) return F.nll_loss(x, first, {reduction = 'none'}) end, {hidden, {-1, 0, 0}}},
  {'cosine_embedding_loss', function(x) return F.cosine_embedding_loss(x, tocha.ones_like(x), tocha.ones(2), {reduction = 'none'}) end, {zero, any}},
  {'lp_pool1d', function(x) return F.lp_pool1d(x, 2, 3) end, {zero, any}, {hidden, any}}, {'glu', function(x) return F.glu(tocha.cat({x, x}, 2), 2) end, {hidden, any}},
  {'corrcoef', each(function(x) return tocha.corrcoef(tocha.stack {x, x:flip(1)}) end), {zero, any}},
  {'std of one element', function(x) return x:narrow(2, 1, 1):std(2) end, {zero, {nan, 0, 0}}, alone = true},
  {'var of one element', function(x) return x:narrow(2, 1, 1):var(2) end, {zero, {nan, 0, 0}}, alone = true},
}

---------------------------------------------------------------- functions of matrices
local equal, rank_1, nothing = {1, 0, 0, 1}, {1, 2, 2, 4}, {0, 0, 0, 0}
local whatever = {'any', 'any', 'any', 'any'}

rows.matrices = {
  {'det', linalg.det, {nothing, nothing}, {rank_1, {4, -2, -2, 1}}, {{1, 0, 0, 0}, {0, 0, 0, 1}}},
  {'slogdet', function(x) return (select(2, linalg.slogdet(x))) end, {nothing, whatever}, {rank_1, {inf, -inf, -inf, inf}}},
  {'logdet', tocha.logdet, {nothing, whatever}, {rank_1, whatever}}, {'svdvals', linalg.svdvals, {nothing, whatever}, {equal, equal}},
  {'matrix_norm, nuc', function(x) return linalg.matrix_norm(x, 'nuc') end, {nothing, whatever}, {equal, equal}},
  {'matrix_norm, fro', linalg.matrix_norm, {nothing, nothing}}, {'cond', linalg.cond, {nothing, whatever}, {equal, whatever}},
  {'pinv', linalg.pinv, {nothing, nothing}, {equal, {-1, -1, -1, -1}}}, {'eigvalsh', linalg.eigvalsh, {nothing, whatever}, {equal, equal}},
  {'vectors of svd', function(x) local u, _, vh = linalg.svd(x, false) return u:abs() + vh:abs() end, {nothing, whatever}, {equal, whatever}},
  {'vectors of eigh', function(x) return (select(2, linalg.eigh(x))):abs() end, {nothing, whatever}, {equal, whatever}},
}

return rows
