--- Small layers of Torch7 that have no twin in PyTorch: reshaping, reductions, trained scales, gradients that are changed.
-- @module tocha.nn.torch7_layers

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local define = require 'tocha.nn.simple'
local Module = require 'tocha.nn.module'
local Parameter = require 'tocha.nn.parameter'
local F = require 'tocha.nn.functional'

local M = {}

local function add(name, parameters, forward, setup)
  M[name] = define(name, parameters, forward, nil, nil, setup)
  M[name].pure = false
end

local function batched(x, dim, n)
  if n and dim > 0 and x:dim() == n + 1 then return dim + 1 end
  return dim
end

local n_dims = 'n_input_dims:int=nil'

-- ------------------------------------------------------------------------------------------------- shapes

local function sized(name, forward)
  local Class = class(name, Module)
  function Class:__init(first, ...)
    self.size = type(first) == 'table' and first or {first, ...}
    for i, n in ipairs(self.size) do
      if type(n) ~= 'number' then args.fail('%s: size %d: got %s, takes an integer', name, i, args.show(n)) end
    end
  end
  function Class:extra_repr() return table.concat(self.size, ', ') end
  Class.forward = forward
  M[name] = Class
end

local function product(list)
  local n = 1
  for i = 1, #list do n = n * list[i] end
  return n
end

-- the sizes, with the batch before them if the input has one
local function with_batch(self, input)
  local n = product(self.size)
  if n < 0 and input:dim() > 1 or n >= 0 and input:numel() ~= n and input:numel() % n == 0 then
    return {input:size(1), unpack(self.size)}
  end
  return self.size
end

--- View(sizes...): the input in other sizes; a first dim that they do not cover is the batch.
sized('View', function(self, input) return input:reshape(with_batch(self, input)) end)
--- Reshape(sizes...): the same.
sized('Reshape', function(self, input) return input:reshape(with_batch(self, input)) end)

--- Select(dim, index): one slice along a dim.
add('Select', {'dim:int', 'index:int'}, function(self, input) return input:select(self.dim, self.index) end)
--- Narrow(dim, offset, length = 1): slices along a dim; a negative length counts from the end.
add('Narrow', {'dim:int', 'offset:int', 'length:int=1'}, function(self, input)
  local length = self.length
  if length < 0 then length = input:size(self.dim) - self.offset + length + 2 end
  return input:narrow(self.dim, self.offset, length)
end)
--- Index(dim): {input, places} as the input's slices at those places.
add('Index', {'dim:int'}, function(self, input, index)
  if index == nil then input, index = input[1], input[2] end
  return input:index_select(self.dim, index)
end)
--- Squeeze(dim, n_input_dims): without a dim of size 1, or all of them.
add('Squeeze', {'dim:int=nil', n_dims}, function(self, input)
  if self.dim == nil then return input:squeeze() end
  return input:squeeze(batched(input, self.dim, self.n_input_dims))
end)
--- Unsqueeze(pos, n_input_dims): with a dim of size 1 at a place.
add('Unsqueeze', {'pos:int', n_dims}, function(self, input)
  return input:unsqueeze(batched(input, self.pos, self.n_input_dims))
end)
--- Replicate(count, dim = 1, n_input_dims): a new dim along which the input is repeated, without copying.
add('Replicate', {'count:int', 'dim:int=1', n_dims}, function(self, input)
  local dim, shape = batched(input, self.dim, self.n_input_dims), {}
  local y = input:unsqueeze(dim)
  for d = 1, y:dim() do shape[d] = d == dim and self.count or y:size(d) end
  return y:expand(shape)
end)
--- Contiguous(): a row-major copy where the input is not row-major.
add('Contiguous', {}, function(_, input) return input:contiguous() end)
--- MaskedSelect(): {input, mask} as the elements where the mask is true.
add('MaskedSelect', {}, function(_, input, mask)
  if mask == nil then input, mask = input[1], input[2] end
  return input:masked_select(mask)
end)

local Transpose = class('Transpose', Module)
M.Transpose = Transpose

--- Transpose({a, b}, {c, d}, ...): exchanges pairs of dims, one pair after the other.
function Transpose:__init(...)
  self.pairs = {...}
  for i, p in ipairs(self.pairs) do
    if type(p) ~= 'table' or #p ~= 2 then args.fail('Transpose: argument %d: got %s, takes {dim, dim}', i, args.show(p)) end
  end
end
function Transpose:forward(x)
  for _, p in ipairs(self.pairs) do x = x:transpose(p[1], p[2]) end
  return x
end

--- Padding(dim, pad, n_input_dims, value = 0): that many values more along a dim, before it if pad is negative.
add('Padding', {'dim:int', 'pad:int', n_dims, 'value:num=0'}, function(self, input)
  local dim = batched(input, self.dim, self.n_input_dims)
  if dim < 0 then dim = input:dim() + 1 + dim end
  local pads = {}
  for _ = 1, 2 * (input:dim() - dim) do pads[#pads + 1] = 0 end
  pads[#pads + 1] = self.pad < 0 and -self.pad or 0
  pads[#pads + 1] = self.pad > 0 and self.pad or 0
  return F.pad(input, pads, 'constant', self.value)
end)

-- ------------------------------------------------------------------------------------------------- reductions, functions

local function reduction(name, f)
  add(name, {'dim:int=1', n_dims}, function(self, input) return f(input, batched(input, self.dim, self.n_input_dims)) end)
end

--- Min(dim = 1, n_input_dims), Max, Sum, Mean: reduce one dim.
reduction('Min', function(x, dim) return (x:min(dim)) end)
reduction('Max', function(x, dim) return (x:max(dim)) end)
reduction('Mean', function(x, dim) return x:mean(dim) end)

--- Sum(dim = 1, n_input_dims, size_average = false)
add('Sum', {'dim:int=1', n_dims, 'size_average:bool=false'}, function(self, input)
  local dim = batched(input, self.dim, self.n_input_dims)
  return self.size_average and input:mean(dim) or input:sum(dim)
end)

for name, f in pairs{Exp = 'exp', Log = 'log', Abs = 'abs', Square = 'square', Sqrt = 'sqrt'} do
  add(name, {}, function(_, input) return input[f](input) end)
end

--- Power(p)
add('Power', {'power:num'}, function(self, input) return input ^ self.power end)
--- Clamp(min, max)
add('Clamp', {'min_value:num', 'max_value:num'}, function(self, input) return input:clamp(self.min_value, self.max_value) end)
--- MulConstant(c), AddConstant(c)
add('MulConstant', {'constant:num'}, function(self, input) return input * self.constant end)
add('AddConstant', {'constant:num'}, function(self, input) return input + self.constant end)
--- Normalize(p, eps = 1e-10): the input over its p-norm along the last dim.
add('Normalize', {'p:num', 'eps:num=1e-10'}, function(self, input) return F.normalize(input, self.p, -1, self.eps) end)
--- CReLU(): relu(x) and relu(-x) side by side, along the second dim of a batch or the first.
add('CReLU', {n_dims}, function(self, input)
  local dim = self.n_input_dims and batched(input, 1, self.n_input_dims) or math.min(2, input:dim())
  return tocha.cat({input:relu(), (-input):relu()}, dim)
end)
--- OneHot(classes)
add('OneHot', {'classes:int'}, function(self, input)
  return F.one_hot(input, self.classes):to(tocha.get_default_dtype())
end)
--- PrintSize(prefix): prints the size of what passes.
add('PrintSize', {'prefix:str="PrintSize"'}, function(self, input)
  print(self.prefix .. ': ' .. (tocha.is_tensor(input) and args.show(input) or 'a list of ' .. #input))
  return input
end)
--- WhiteNoise(mean = 0, std = 0.1): adds normal noise in training mode.
add('WhiteNoise', {'mean:num=0', 'std:num=0.1'}, function(self, input)
  if not self.training then return input end
  return input + tocha.randn_like(input) * self.std + self.mean
end)

local Constant = class('Constant', Module)
M.Constant = Constant
--- Constant(value, n_input_dims): the same value for each item of a batch, whatever comes in.
function Constant:__init(value, n)
  self.n_input_dims = n
  self:register_buffer('value', tocha.is_tensor(value) and value or tocha.tensor(value))
end
function Constant:forward(input)
  if self.n_input_dims and input:dim() > self.n_input_dims then
    return self.value:expand(input:size(1), unpack(self.value.shape))
  end
  return self.value
end

--- Maxout(input_size, output_size, pool_size): the largest of pool_size linear functions.
local Maxout = class('Maxout', Module)
M.Maxout = Maxout
function Maxout:__init(input_size, output_size, pool_size)
  self.output_size, self.pool_size = output_size, pool_size
  self.linear = tocha.nn.Linear(input_size, output_size * pool_size)
end
function Maxout:forward(input)
  return (self.linear(input):unflatten(-1, {self.output_size, self.pool_size}):max(-1))
end

-- ------------------------------------------------------------------------------------------------- with parameters

local function trained(name, what, forward)
  local Class = class(name, Module)
  M[name] = Class
  function Class:__init(first, ...)
    local shape = type(first) == 'table' and first or {first, ...}
    self[what] = Parameter(tocha.empty(shape))
    self:reset_parameters()
  end
  --- Draws new values: uniform in +-1/sqrt(number of them).
  function Class:reset_parameters()
    local bound = 1 / math.sqrt(math.max(1, self[what]:numel()))
    self[what]:detach():uniform_(-bound, bound)
  end
  Class.forward = forward
end

--- CMul(sizes...): times trained factors, with broadcasting.
trained('CMul', 'weight', function(self, input) return input * self.weight end)
--- CAdd(sizes...): plus trained numbers, with broadcasting.
trained('CAdd', 'bias', function(self, input) return input + self.bias end)

--- Mul(): times one trained factor. Add(size, scalar = false): plus trained numbers, or one.
local Mul = class('Mul', Module)
M.Mul = Mul
function Mul:__init() self.weight = Parameter(tocha.empty(1):uniform_(-1, 1)) end
function Mul:forward(input) return input * self.weight end

local Add = class('Add', Module)
M.Add = Add
function Add:__init(size, scalar)
  local n = scalar and 1 or size
  self.bias = Parameter(tocha.empty(n):uniform_(-1 / math.sqrt(n), 1 / math.sqrt(n)))
end
function Add:forward(input) return input + self.bias end

local function centres(name, weighted)
  local Class = class(name, Module)
  M[name] = Class
  --- Euclidean(input_size, output_size), WeightedEuclidean: the distances to trained centres; the latter with trained scales of
  -- each coordinate.
  function Class:__init(input_size, output_size)
    local bound = 1 / math.sqrt(input_size)
    self.weight = Parameter(tocha.empty(output_size, input_size):uniform_(-bound, bound))
    if weighted then self.diag_cov = Parameter(tocha.ones(output_size, input_size)) end
  end
  function Class:forward(input)
    local apart = input:unsqueeze(-2) - self.weight
    if weighted then apart = apart * self.diag_cov end
    return tocha.linalg.vector_norm(apart, 2, -1)
  end
end
centres('Euclidean', false)
centres('WeightedEuclidean', true)

--- Cosine(input_size, output_size): the cosines of the angles to trained directions.
local Cosine = class('Cosine', Module)
M.Cosine = Cosine
function Cosine:__init(input_size, output_size)
  local bound = 1 / math.sqrt(input_size)
  self.weight = Parameter(tocha.empty(output_size, input_size):uniform_(-bound, bound))
end
function Cosine:forward(input)
  return F.linear(F.normalize(input, 2, -1, 1e-12), F.normalize(self.weight, 2, -1, 1e-12))
end

-- ------------------------------------------------------------------------------------------------- changed gradients

local made
local function functions()
  if made then return made end
  local Function = tocha.autograd.Function
  local Scale = class('GradientScale', Function)
  function Scale.forward(ctx, x, factor)
    ctx.factor = factor
    return x:view_as(x)
  end
  function Scale.backward(ctx, g) return g * ctx.factor, nil end
  local Penalty = class('L1Penalty', Function)
  function Penalty.forward(ctx, x, weight)
    ctx:save_for_backward(x)
    ctx.weight = weight
    return x:view_as(x)
  end
  function Penalty.backward(ctx, g) return g + ctx.saved_tensors[1]:sign() * ctx.weight, nil end
  made = {Scale = Scale, Penalty = Penalty}
  return made
end

--- GradientReversal(lambda = 1): the identity, whose gradient is multiplied by -lambda.
-- Source: Y. Ganin and V. Lempitsky, "Unsupervised domain adaptation by backpropagation", 2015.
add('GradientReversal', {'lambda:num=1'}, function(self, input) return functions().Scale.apply(input, -self.lambda) end)
--- ZeroGrad(): the identity, through which no gradient passes.
add('ZeroGrad', {}, function(_, input) return functions().Scale.apply(input, 0) end)
--- L1Penalty(l1weight, size_average = false): the identity; its gradient has that of l1weight * |x| (or its mean) added.
add('L1Penalty', {'l1weight:num', 'size_average:bool=false'}, function(self, input)
  local weight = self.size_average and self.l1weight / input:numel() or self.l1weight
  return functions().Penalty.apply(input, weight)
end)

return M
