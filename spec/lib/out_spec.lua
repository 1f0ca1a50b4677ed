--- The option `out` of every operator that has it in PyTorch, and the operators in place: results as without, shapes and dtypes checked.

local tocha = require 'tocha'
local S = require 'spec.support'

local m = tocha.tensor{{0.3, 0.9, 0.2}, {0.7, 0.4, 0.5}, {0.1, 0.8, 0.6}}
local spd = m:matmul(m:t()) + tocha.eye(3) * 3
local v, b = tocha.tensor{0.3, 0.5, 0.9}, tocha.tensor{true, false, true}
local i = tocha.tensor({1, 2, 3}, {dtype = 'int64'})
local places = tocha.tensor({{1, 2, 3}, {1, 2, 3}, {3, 2, 1}}, {dtype = 'int64'})

-- what it takes, the arguments, the functions
local groups = {
  {'a matrix', {spd}, [[zeros_like ones_like nonzero abs absolute acos arccos acosh arccosh angle asin arcsin asinh arcsinh atan arctan atanh arctanh
    ceil conj_physical cos cosh deg2rad digamma erf erfc erfinv exp exp2 expm1 fix floor frac frexp lgamma log log10 log1p log2
    logical_not logit i0 nan_to_num neg negative rad2deg reciprocal round rsqrt sigmoid sign sgn signbit sin sinc sinh sqrt
    square tan tanh trunc amax amin aminmax all any max min mean nanmean median nanmedian mode norm std std_mean var var_mean
    isposinf isneginf sort msort diag diff histc histogram tril triu chain_matmul cholesky_inverse geqrf inverse lu svd
    linalg.cholesky linalg.cholesky_ex linalg.cond linalg.det linalg.eig linalg.eigh linalg.eigvals linalg.eigvalsh linalg.inv
    linalg.inv_ex linalg.ldl_factor linalg.ldl_factor_ex linalg.lu linalg.lu_factor linalg.lu_factor_ex linalg.matrix_norm
    linalg.matrix_rank linalg.norm linalg.pinv linalg.polar linalg.qr linalg.slogdet linalg.svd linalg.svdvals linalg.vector_norm
    special.airy_ai special.bessel_j0 special.bessel_j1 special.bessel_y0 special.bessel_y1 special.digamma special.entr
    special.erf special.erfc special.erfcx special.erfinv special.exp2 special.expit special.expm1 special.gammaln special.i0
    special.i0e special.i1 special.i1e special.log1p special.log_ndtr special.logit special.modified_bessel_i0
    special.modified_bessel_i1 special.modified_bessel_k0 special.modified_bessel_k1 special.ndtr special.ndtri special.psi
    special.round special.scaled_modified_bessel_k0 special.scaled_modified_bessel_k1 special.sinc special.spherical_bessel_j0
    fft.fft fft.fft2 fft.fftn fft.hfft fft.hfft2 fft.hfftn fft.ifft fft.ifft2 fft.ifftn fft.ihfft fft.ihfft2 fft.ihfftn fft.irfft
    fft.irfft2 fft.irfftn fft.rfft fft.rfft2 fft.rfftn]]},
  {'two matrices', {spd, spd}, [[complex polar heaviside add atan2 arctan2 clamp clip copysign div divide float_power floor_divide fmod ldexp logaddexp
    logaddexp2 logical_and logical_or logical_xor hypot igamma igammac mul multiply nextafter pow remainder sub subtract
    true_divide xlogy eq ge greater_equal gt greater le less_equal lt less maximum minimum fmax fmin ne not_equal cross kron
    searchsorted cholesky_solve inner matmul mm triangular_solve linalg.cross linalg.matmul linalg.solve linalg.solve_ex
    linalg.vecdot special.chebyshev_polynomial_t special.chebyshev_polynomial_u special.chebyshev_polynomial_v
    special.chebyshev_polynomial_w special.gammainc special.gammaincc special.hermite_polynomial_h special.hermite_polynomial_he
    special.laguerre_polynomial_l special.legendre_polynomial_p special.shifted_chebyshev_polynomial_t
    special.shifted_chebyshev_polynomial_u special.shifted_chebyshev_polynomial_v special.shifted_chebyshev_polynomial_w
    special.xlog1py special.xlogy special.zeta]]},
  {'integers', {i}, [[bitwise_not]]},
  {'two lists of integers', {i, i}, [[take_along_dim bitwise_and bitwise_or bitwise_xor bitwise_left_shift bitwise_right_shift bucketize gcd lcm dot ger outer vdot]]},
  {'two vectors', {v, v}, [[quantile nanquantile]]},
  {'two masks', {b, b}, [[masked_select]]},
  {'a number', {3}, [[zeros ones arange eye hamming_window fft.fftfreq fft.rfftfreq]]},
  {'two numbers', {2, 3}, [[range full]]},
  {'three numbers', {1, 3, 3}, [[linspace logspace]]},
  {'a matrix and 1', {m, 1}, [[mvlgamma logsumexp kthvalue topk cummax cummin cumprod cumsum logcumsumexp matrix_power linalg.matrix_power linalg.tensorinv
    special.logsumexp special.multigammaln]]},
  {'a list of matrices', {{m, m}}, [[cat concat concatenate column_stack dstack hstack row_stack stack vstack linalg.multi_dot]]},
  {'indices of a matrix', {m, 1, places}, [[gather]]},
  {'indices of rows', {m, 1, i}, [[index_select]]},
  {'rows at indices', {m, 1, i, m}, [[index_add index_copy]]},
  {'rows that are reduced', {m, 1, i, m, 'amax'}, [[index_reduce]]},
  {'three matrices', {m, m, m}, [[addcdiv addcmul lerp addmm]]},
  {'a vector, a matrix, a vector', {v, m, v}, [[addmv]]},
  {'a matrix and two vectors', {m, v, v}, [[addr linalg.householder_product]]},
  {'a number and a vector', {2, v}, [[polygamma special.polygamma]]},
  {'a triangle and a matrix', {m:triu(), m, {upper = true}}, [[linalg.solve_triangular]]},
  {'a tensor of three dims and a vector', {tocha.eye(4):reshape(4, 2, 2), tocha.ones(4)}, [[linalg.tensorsolve]]},
  {'a matrix and a shorter vector', {m:narrow(2, 1, 2), v:narrow(1, 1, 2)}, [[mv]]},
  {'two batches of matrices', {m:unsqueeze(1), m:unsqueeze(1)}, 'bmm'},
  {'matrices and their sum', {m, m:unsqueeze(1), m:unsqueeze(1)}, 'addbmm baddbmm'},
  {'a part of a dim', {m, 1, 2, 2}, 'narrow_copy'},
  {'norms of rows', {m, 2, 1, 0.5}, 'renorm'},
}

local in_place = [[abs_ absolute_ acos_ acosh_ add_ addbmm_ addcdiv_ addcmul_ addmm_ addmv_ addr_ apply_ arccos_ arccosh_ arcsin_ arcsinh_
    arctan2_ arctan_ arctanh_ asin_ asinh_ atan2_ atan_ atanh_ baddbmm_ bernoulli_ bitwise_and_ bitwise_left_shift_ bitwise_not_
    bitwise_or_ bitwise_right_shift_ bitwise_xor_ cauchy_ ceil_ clamp_ clamp_max_ clamp_min_ clip_ conj_physical_ copy_ copysign_
    cos_ cosh_ cumprod_ cumsum_ deg2rad_ detach_ digamma_ div_ divide_ eq_ erf_ erfc_ erfinv_ exp2_ exp_ expm1_ exponential_
    fill_ fill_diagonal_ fix_ float_power_ floor_ floor_divide_ fmod_ frac_ gcd_ ge_ geometric_ greater_ greater_equal_ gt_
    heaviside_ hypot_ i0_ igamma_ igammac_ index_add_ index_copy_ index_fill_ index_put_ index_reduce_ lcm_ ldexp_ le_ lerp_
    less_ less_equal_ lgamma_ log10_ log1p_ log2_ log_ log_normal_ logical_and_ logical_not_ logical_or_ logical_xor_ logit_ lt_
    map_ masked_fill_ masked_scatter_ mul_ multiply_ mvlgamma_ nan_to_num_ ne_ neg_ negative_ nextafter_ normal_ not_equal_
    polygamma_ pow_ put_ rad2deg_ random_ reciprocal_ relu_ remainder_ renorm_ requires_grad_ resize_ resize_as_ round_ rsqrt_
    scatter_ scatter_add_ scatter_reduce_ set_ sgn_ share_memory_ sigmoid_ sign_ sin_ sinc_ sinh_ sqrt_ square_ squeeze_ sub_
    subtract_ swapaxes_ swapdims_ t_ tan_ tanh_ transpose_ tril_ triu_ true_divide_ trunc_ uniform_ unsqueeze_ xlogy_ zero_]]

local function flat(...)
  local list = {}
  for k = 1, select('#', ...) do
    local x = select(k, ...)
    if tocha.is_tensor(x) then
      list[#list + 1] = x
    elseif type(x) == 'table' then
      for _, y in ipairs(x) do list[#list + 1] = tocha.is_tensor(y) and y or nil end
    end
  end
  return list
end

-- f with {out = given} beside the options that it has
local function call(f, arguments, given)
  local list, options = {unpack(arguments)}, {out = given}
  local last = list[#list]
  if type(last) == 'table' and not tocha.is_tensor(last) and last[1] == nil then
    for key, value in pairs(last) do options[key] = value end
    list[#list] = nil
  end
  list[#list + 1] = options
  return f(unpack(list))
end

local function same(a, c) return tocha.allclose(a:to('complex128'), c:to('complex128'), 1e-5, 1e-6, true) end

-- what is wrong with the results in `out`, or nil
local function problem_of(f, arguments)
  local expected, outs = flat(f(unpack(arguments))), {}
  for k, x in ipairs(expected) do outs[k] = tocha.zeros(x.shape, {dtype = x.dtype}) end
  local places_before = {}
  for k, x in ipairs(outs) do places_before[k] = x:data_ptr() end
  local ok, given = pcall(call, f, arguments, #outs > 1 and outs or outs[1])
  if not ok then return tostring(given) end
  for k, x in ipairs(expected) do
    if not same(x, outs[k]) then return 'result ' .. k .. ' is another' end
    if outs[k]:data_ptr() ~= places_before[k] then return 'result ' .. k .. ' has other memory' end
  end
  if not rawequal(given, outs[1]) and given ~= outs[1] then return 'it gives another tensor' end
end

local function of_name(name)
  local space, inner = name:match('^(%a+)%.(.*)$')
  return space and tocha[space][inner] or tocha[name]
end

describe('the option out of', function()
  for _, group in ipairs(groups) do
    it(group[1] .. ' takes the results', function()
      local problems = {}
      for name in group[3]:gmatch('%S+') do
        local problem = problem_of(of_name(name), group[2])
        if problem then problems[#problems + 1] = name .. ': ' .. problem end
      end
      assert(#problems == 0, table.concat(problems, '\n'))
    end)
  end

  it('refuses a dtype that cannot hold the results', function()
    local whole = tocha.zeros({3, 3}, {dtype = 'int64'})
    for _, f in ipairs{tocha.exp, tocha.linalg.inv, tocha.t, tocha.inverse} do
      S.fails(function() f(spd, {out = whole}) end, 'out', 'int64', 'cannot hold')
    end
    S.fails(function() tocha.linalg.eigvals(m, {out = v:clone()}) end, 'out', 'cannot hold')
    assert.is_true(same(tocha.exp(spd, {out = tocha.zeros({3, 3}, {dtype = 'float64'})}), spd:exp()))
    assert.is_true(tocha.equal(whole, tocha.zeros({3, 3}, {dtype = 'int64'})))
  end)

  it('refuses what is no tensor, and too few', function()
    S.fails(function() tocha.linalg.inv(spd, {out = 3}) end, 'out', '3')
    S.fails(function() tocha.linalg.eigh(spd, {out = {v:clone(), 'two'}}) end, 'out', 'entry 2')
    S.fails(function() tocha.linalg.inv(spd, {out = {m:clone(), m:clone()}}) end, 'out', 'entry 2')
  end)

  it('gives a tensor of another shape that of the result', function()
    local out = tocha.zeros(2)
    assert.equal(out, tocha.linalg.inv(spd, {out = out}))
    assert.same({3, 3}, out.shape)
    assert.equal(out, tocha.exp(v, {out = out}))
    assert.same({3}, out.shape)
  end)
end)

describe('operators in place', function()
  it('are there, all that PyTorch has', function()
    local x, missing = tocha.ones(2, 2), {}
    for name in in_place:gmatch('%S+') do
      if not x[name] then missing[#missing + 1] = name end
    end
    assert.same({}, missing)
  end)

  it('of two operands keep their shape', function()
    for name in ([[add sub mul div atan2 copysign fmod hypot igamma igammac ldexp logical_and logical_or logical_xor nextafter pow
      remainder true_divide floor_divide xlogy eq ne lt le gt ge heaviside copy float_power]]):gmatch('%S+') do
      local x, wide = tocha.full({3}, 0.5, {dtype = 'float64'}), tocha.full({2, 3}, 0.5, {dtype = 'float64'})
      local ok, message = pcall(x[name .. '_'], x, wide)
      assert(not ok, name .. '_ took a larger operand')
      assert(tostring(message):find('%['), name .. '_: ' .. tostring(message)) -- it names the shapes
      assert.same({3}, x.shape)
      assert(pcall(wide[name .. '_'], wide, x), name)
    end
  end)

  it('of functions that have no other form are there too', function()
    local x = tocha.tensor({1.5, 2}, {dtype = 'float64'})
    local before = x:clone()
    assert.equal(x, x:float_power_(2))
    assert.is_true(same(x, before ^ 2))
    assert.is_true(same(before:clone():polygamma_(1), tocha.polygamma(1, before)))
    S.fails(function() tocha.ones(2):float_power_(2) end, 'float_power_', 'float32', 'float64')
    S.fails(function() i:clone():polygamma_(1) end, 'polygamma_', 'int64')
  end)
end)

describe('addr', function()
  it('has the dtype of its inputs, as addmm has', function()
    for _, name in ipairs{'bool', 'uint8', 'int64', 'float16', 'float32'} do
      local function ones(...) return tocha.ones({...}, {dtype = name}) end
      for _, o in ipairs{{}, {beta = 2, alpha = 3}, {beta = 0}, {alpha = 0.5}} do
        assert.equal(name, tocha.addr(ones(2, 3), ones(2), ones(3), o).dtype.name)
      end
    end
    local a = tocha.randn({2}, {dtype = 'float64'}):requires_grad_()
    assert.is_true(tocha.autograd.gradcheck(function(x) return tocha.addr(tocha.ones(2, 3), x, v, {beta = 0.5, alpha = 2}) end, a))
  end)
end)
