--- Small layers of Torch7 that have no twin in PyTorch: reshaping, reductions, trained scales, gradients that are changed.
-- @module tocha.nn.torch7_layers

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local checked = require 'tocha.checked'
local define = require 'tocha.nn.simple'
local Module = require 'tocha.nn.module'
local Parameter = require 'tocha.nn.parameter'
local F = require 'tocha.nn.functional'

local M = {}

local function add(name, parameters, forward, setup)
  if name ~= 'Index' and name ~= 'MaskedSelect' and name ~= 'PrintSize' then forward = checked(name, forward, 'self', 'input:tensor') end
  M[name] = define(name, parameters, forward, nil, nil, setup)
  M[name].pure = false
end

local function batched(x, dim, n)
  if n and dim > 0 and x:dim() == n + 1 then return dim + 1 end
  return dim
end

local n_dims = 'n_input_dims:int=nil'

-- ------------------------------------------------------------------------------------------------- shapes

--- The input in other sizes; a first dim that they do not cover is the batch.
-- @type View Reshape
-- @param first a size, or a list of all; one may be -1
-- @param ... more sizes
-- @shape (n, ...) or (...) -> (n, sizes...) or (sizes...)
-- @usage
-- nn.View(6)(tocha.ones(4, 2, 3)).shape  --> {4, 6}
-- nn.Reshape(3, 2)(tocha.ones(2, 3)).shape  --> {3, 2}
local function sized(name, forward)
  local Class = class(name, Module)
  function Class:__init(first, ...)
    self.size = type(first) == 'table' and first or {first, ...}
    if #self.size == 0 then args.fail('%s: takes the sizes', name) end
    for i = 1, math.max(#self.size, select('#', ...) + (type(first) == 'table' and 0 or 1)) do
      local n = self.size[i]
      if type(n) ~= 'number' then args.fail('%s: size %d: got %s, takes an integer', name, i, args.show(n)) end
    end
  end
  function Class:extra_repr() return table.concat(self.size, ', ') end
  Class.forward = checked(name, forward, 'self', 'input:tensor')
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

sized('View', function(self, input) return input:reshape(with_batch(self, input)) end)
sized('Reshape', function(self, input) return input:reshape(with_batch(self, input)) end)

--- One slice along a dim.
-- @type Select
-- @param dim along which
-- @param index of the slice
-- @shape (..., n, ...) -> (..., ...)
-- @usage
-- nn.Select(2, -1)(tocha.tensor{{1, 2}, {3, 4}})  --> {2, 4}
add('Select', {'dim:int', 'index:int'}, function(self, input) return input:select(self.dim, self.index) end)
--- Slices along a dim.
-- @type Narrow
-- @param dim along which
-- @param offset the first
-- @param length how many; a negative one counts from the end
-- @shape (..., n, ...) -> (..., length, ...)
-- @usage
-- nn.Narrow(1, 2, -2)(tocha.tensor{1, 2, 3, 4})  --> {2, 3}
add('Narrow', {'dim:int', 'offset:int', 'length:int=1'}, function(self, input)
  local length = self.length
  if length < 0 then length = input:size(self.dim) - self.offset + length + 2 end
  return input:narrow(self.dim, self.offset, length)
end)
--- The slices at given places.
-- @type Index
-- @param dim along which
-- @shape {(..., n, ...), int64 (m)} -> (..., m, ...)
-- @usage
-- nn.Index(1)({tocha.tensor{5, 6, 7}, tocha.int64{3, 1}})  --> {7, 5}
add('Index', {'dim:int'}, function(self, input, index)
  if index == nil and type(input) == 'table' then input, index = input[1], input[2] end
  if not tocha.is_tensor(input) then args.fail('Index: input: got %s, takes a tensor and the places', args.show(input)) end
  return input:index_select(self.dim, index)
end)
--- Without a dim of size 1, or all of them.
-- @type Squeeze
-- @param dim which; all if not given
-- @param n_input_dims dims without batch: inputs with one dim more have the batch first
-- @shape (..., 1, ...) -> (..., ...)
-- @usage
-- nn.Squeeze()(tocha.ones(2, 1, 3, 1)).shape  --> {2, 3}
add('Squeeze', {'dim:int=nil', n_dims}, function(self, input)
  if self.dim == nil then return input:squeeze() end
  return input:squeeze(batched(input, self.dim, self.n_input_dims))
end)
--- With a dim of size 1 at a place.
-- @type Unsqueeze
-- @param pos the place
-- @param n_input_dims dims without batch: inputs with one dim more have the batch first
-- @shape (..., ...) -> (..., 1, ...)
-- @usage
-- nn.Unsqueeze(1, 1)(tocha.ones(2, 3)).shape  --> {2, 1, 3}
add('Unsqueeze', {'pos:int', n_dims}, function(self, input)
  return input:unsqueeze(batched(input, self.pos, self.n_input_dims))
end)
--- A new dim along which the input is repeated, without copying.
-- @type Replicate
-- @param count how often
-- @param dim where
-- @param n_input_dims dims without batch: inputs with one dim more have the batch first
-- @shape (..., ...) -> (..., count, ...)
-- @usage
-- nn.Replicate(2)(tocha.tensor{1, 2})  --> {{1, 2}, {1, 2}}
add('Replicate', {'count:int', 'dim:int=1', n_dims}, function(self, input)
  local dim, shape = batched(input, self.dim, self.n_input_dims), {}
  local y = input:unsqueeze(dim)
  for d = 1, y:dim() do shape[d] = d == dim and self.count or y:size(d) end
  return y:expand(shape)
end)
--- A row-major copy where the input is not row-major.
-- @type Contiguous
-- @shape any -> the same
-- @usage
-- nn.Contiguous()(tocha.ones(2, 3):t()):is_contiguous()  --> true
add('Contiguous', {}, function(_, input) return input:contiguous() end)
--- The elements where a mask is true.
-- @type MaskedSelect
-- @shape {(...), bool (...)} -> (number of true)
-- @usage
-- nn.MaskedSelect()({tocha.tensor{1, 2, 3}, tocha.tensor{true, false, true}})  --> {1, 3}
add('MaskedSelect', {}, function(_, input, mask)
  if mask == nil and type(input) == 'table' then input, mask = input[1], input[2] end
  if not tocha.is_tensor(input) then args.fail('MaskedSelect: input: got %s, takes a tensor and a mask', args.show(input)) end
  return input:masked_select(mask)
end)

local Transpose = class('Transpose', Module)
M.Transpose = Transpose

--- Transpose({a, b}, {c, d}, ...): exchanges pairs of dims, one pair after the other.
-- @param ... pairs of dims
-- @shape (..., a, ..., b, ...) -> (..., b, ..., a, ...)
-- @raise for what is no pair
-- @usage
-- nn.Transpose({1, 2}, {2, 3})(tocha.ones(2, 3, 4)).shape  --> {3, 4, 2}
function Transpose:__init(...)
  self.pairs = {...}
  for i, p in ipairs(self.pairs) do
    if type(p) ~= 'table' or #p ~= 2 then args.fail('Transpose: argument %d: got %s, takes {dim, dim}', i, args.show(p)) end
  end
end
function Transpose:forward(x)
  if not tocha.is_tensor(x) then args.fail('Transpose: input: got %s, takes a tensor', args.show(x)) end
  for _, p in ipairs(self.pairs) do x = x:transpose(p[1], p[2]) end
  return x
end

--- So many values more along a dim.
-- @type Padding
-- @param dim along which
-- @param pad how many; before the input if negative
-- @param n_input_dims dims without batch: inputs with one dim more have the batch first
-- @param value which
-- @shape (..., n, ...) -> (..., n + |pad|, ...)
-- @usage
-- nn.Padding(1, -2, {value = 9})(tocha.tensor{1})  --> {9, 9, 1}
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

--- The least, largest, and mean value along a dim.
-- @type Min Max Mean
-- @param dim along which
-- @param n_input_dims dims without batch: inputs with one dim more have the batch first
-- @shape (..., n, ...) -> (..., ...)
-- @usage
-- local x = tocha.tensor{{1, 2}, {3, 6}}
-- nn.Min(1)(x)  --> {1, 2}
-- nn.Max(2)(x)  --> {2, 6}
-- nn.Mean(1, {n_input_dims = 1})(x)  --> {1.5, 4.5}
local function reduction(name, f)
  add(name, {'dim:int=1', n_dims}, function(self, input) return f(input, batched(input, self.dim, self.n_input_dims)) end)
end

reduction('Min', function(x, dim) return (x:min(dim)) end)
reduction('Max', function(x, dim) return (x:max(dim)) end)
reduction('Mean', function(x, dim) return x:mean(dim) end)

--- The sum along a dim.
-- @type Sum
-- @param dim along which
-- @param n_input_dims dims without batch: inputs with one dim more have the batch first
-- @param size_average whether it is the mean
-- @shape (..., n, ...) -> (..., ...)
-- @usage
-- nn.Sum(2)(tocha.tensor{{1, 2}, {3, 6}})  --> {3, 9}
add('Sum', {'dim:int=1', n_dims, 'size_average:bool=false'}, function(self, input)
  local dim = batched(input, self.dim, self.n_input_dims)
  return self.size_average and input:mean(dim) or input:sum(dim)
end)

--- Functions of each element: exp(x), log(x), |x|, x^2, the square root.
-- @type Exp Log Abs Square Sqrt
-- @shape any -> the same
-- @usage
-- local x = tocha.tensor{1, 4}
-- nn.Exp()(x)  --> {2.7183, 54.598}
-- nn.Log()(x)  --> {0, 1.3863}
-- nn.Abs()(-x)  --> {1, 4}
-- nn.Square()(x)  --> {1, 16}
-- nn.Sqrt()(x)  --> {1, 2}
for name, f in pairs{Exp = 'exp', Log = 'log', Abs = 'abs', Square = 'square', Sqrt = 'sqrt'} do
  add(name, {}, function(_, input) return input[f](input) end)
end

--- Each element to a power.
-- @type Power
-- @param power which
-- @shape any -> the same
-- @usage
-- nn.Power(3)(tocha.tensor{1, 2})  --> {1, 8}
add('Power', {'power:num'}, function(self, input) return input ^ self.power end)
--- Each element kept within limits.
-- @type Clamp
-- @param min_value the least
-- @param max_value the largest
-- @shape any -> the same
-- @usage
-- nn.Clamp(0, 1)(tocha.tensor{-1, 0.5, 2})  --> {0, 0.5, 1}
add('Clamp', {'min_value:num', 'max_value:num'}, function(self, input) return input:clamp(self.min_value, self.max_value) end)
--- The input times a number (MulConstant), or plus it (AddConstant).
-- @type MulConstant AddConstant
-- @param constant the number
-- @shape any -> the same
-- @usage
-- nn.MulConstant(3)(tocha.tensor{1, 2})  --> {3, 6}
-- nn.AddConstant(3)(tocha.tensor{1, 2})  --> {4, 5}
add('MulConstant', {'constant:num'}, function(self, input) return input * self.constant end)
add('AddConstant', {'constant:num'}, function(self, input) return input + self.constant end)
--- The input over its p-norm along the last dim.
-- @type Normalize
-- @param p which norm
-- @param eps the least norm
-- @shape (..., d) -> the same
-- @usage
-- nn.Normalize(2)(tocha.tensor{{3, 4}})  --> {{0.6, 0.8}}
add('Normalize', {'p:num', 'eps:num=1e-10'}, function(self, input) return F.normalize(input, self.p, -1, self.eps) end)
--- relu(x) and relu(-x) side by side, along the second dim of a batch or the first. Source: W. Shang et al., 2016.
-- @type CReLU
-- @param n_input_dims dims without batch: inputs with one dim more have the batch first
-- @shape (n, c, ...) -> (n, 2 c, ...)
-- @usage
-- nn.CReLU()(tocha.tensor{{-1, 2}})  --> {{0, 2, 1, 0}}
add('CReLU', {n_dims}, function(self, input)
  local dim = self.n_input_dims and batched(input, 1, self.n_input_dims) or math.min(2, input:dim())
  return tocha.cat({input:relu(), (-input):relu()}, dim)
end)
--- Classes as rows with a 1.
-- @type OneHot
-- @param classes how many
-- @shape int64 (...) from 1 -> (..., classes)
-- @raise for classes out of range
-- @usage
-- nn.OneHot(3)(tocha.int64{1, 3})  --> {{1, 0, 0}, {0, 0, 1}}
add('OneHot', {'classes:int'}, function(self, input)
  return F.one_hot(input, self.classes):to(tocha.get_default_dtype())
end)
--- Prints the size of what passes.
-- @type PrintSize
-- @param prefix what is printed before it
-- @shape any -> the same
-- @usage
-- nn.PrintSize('here').prefix  --> 'here'
add('PrintSize', {'prefix:str="PrintSize"'}, function(self, input)
  print((self.prefix or 'PrintSize') .. ': ' .. (type(input) == 'table' and 'a list of ' .. #input or args.show(input)))
  return input
end)
--- Adds normal noise in training mode.
-- @type WhiteNoise
-- @param mean of the noise
-- @param std its standard deviation
-- @shape any -> the same
-- @usage
-- nn.WhiteNoise(0, 0.1):eval()(tocha.tensor{1, 2})  --> {1, 2}
-- math.abs(nn.WhiteNoise(0, 0.1)(tocha.zeros(10000)):std():item() - 0.1) < 0.01  --> true
add('WhiteNoise', {'mean:num=0', 'std:num=0.1'}, function(self, input)
  if not self.training then return input end
  return input + tocha.randn_like(input) * self.std + self.mean
end)

local Constant = class('Constant', Module)
M.Constant = Constant
--- The same value for each item of a batch, whatever comes in.
-- @param value a tensor, number or list
-- @param n dims of an item: inputs with more have a batch first; without it the value itself is given
-- @shape any -> (value...) or (n, value...)
-- @usage
-- nn.Constant({7, 8}, 1)(tocha.ones(2, 3))  --> {{7, 8}, {7, 8}}
function Constant:__init(value, n)
  if n ~= nil and type(n) ~= 'number' then args.fail('Constant: n: got %s, takes an integer', args.show(n)) end
  self.n_input_dims = n
  self:register_buffer('value', tocha.is_tensor(value) and value or tocha.tensor(value))
end
function Constant:forward(input)
  if self.n_input_dims and tocha.is_tensor(input) and input:dim() > self.n_input_dims then
    return self.value:expand(input:size(1), unpack(self.value.shape))
  end
  return self.value
end

--- The largest of several linear functions. Source: I. Goodfellow et al., "Maxout networks", 2013.
-- @type Maxout
-- @param input_size features of an input
-- @param output_size features of an output
-- @param pool_size linear functions for each
-- @shape (..., input_size) -> (..., output_size)
-- @usage
-- nn.Maxout(3, 2, 4)(tocha.ones(5, 3)).shape  --> {5, 2}
local Maxout = class('Maxout', Module)
M.Maxout = Maxout
function Maxout:__init(input_size, output_size, pool_size)
  self.output_size, self.pool_size = output_size, pool_size
  self.linear = tocha.nn.Linear(input_size, output_size * pool_size)
end
Maxout.__init = checked('Maxout', Maxout.__init, 'self', 'input_size:int', 'output_size:int', 'pool_size:int')
function Maxout:forward(input)
  return (self.linear(input):unflatten(-1, {self.output_size, self.pool_size}):max(-1))
end

-- ------------------------------------------------------------------------------------------------- with parameters

--- The input times trained factors (CMul), or plus trained numbers (CAdd), with broadcasting.
-- @type CMul CAdd
-- @param first a size, or a list of all
-- @param ... more sizes
-- @shape (n, sizes...) -> the same
-- @usage
-- local scale, shift = nn.CMul(2), nn.CAdd(1, 2)
-- nn.init.constant_(scale.weight, 3)
-- nn.init.constant_(shift.bias, 1)
-- scale(tocha.tensor{{1, 2}})  --> {{3, 6}}
-- shift(tocha.tensor{{1, 2}})  --> {{2, 3}}
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

trained('CMul', 'weight', function(self, input) return input * self.weight end)
trained('CAdd', 'bias', function(self, input) return input + self.bias end)

--- The input times one trained factor.
-- @type Mul
-- @shape any -> the same
-- @usage
-- local layer = nn.Mul()
-- layer.weight:detach():fill_(2)
-- layer(tocha.tensor{1, 2})  --> {2, 4}
local Mul = class('Mul', Module)
M.Mul = Mul
function Mul:__init() self.weight = Parameter(tocha.empty(1):uniform_(-1, 1)) end
function Mul:forward(input) return input * self.weight end

--- The input plus trained numbers, or one for all.
-- @type Add
-- @param size how many numbers
-- @param scalar whether there is one only
-- @shape (..., size) -> the same
-- @usage
-- local layer = nn.Add(2)
-- layer.bias:detach():fill_(1)
-- layer(tocha.tensor{1, 2})  --> {2, 3}
local Add = class('Add', Module)
M.Add = Add
function Add:__init(size, scalar)
  local n = scalar and 1 or size
  self.bias = Parameter(tocha.empty(n):uniform_(-1 / math.sqrt(n), 1 / math.sqrt(n)))
end
Add.__init = checked('Add', Add.__init, 'self', 'size:int')
function Add:forward(input) return input + self.bias end

--- The distances to trained centres, WeightedEuclidean with trained scales of each coordinate.
-- @type Euclidean WeightedEuclidean
-- @param input_size features of an input
-- @param output_size how many centres
-- @shape (..., input_size) -> (..., output_size)
-- @usage
-- local layer = nn.Euclidean(2, 3)
-- nn.init.zeros_(layer.weight)
-- layer(tocha.tensor{{3, 4}})  --> {{5, 5, 5}}
-- nn.WeightedEuclidean(2, 3)(tocha.ones(4, 2)).shape  --> {4, 3}
local function centres(name, weighted)
  local Class = class(name, Module)
  M[name] = Class
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
  Class.__init = checked(name, Class.__init, 'self', 'input_size:int', 'output_size:int')
  Class.forward = checked(name, Class.forward, 'self', 'input:tensor')
end
centres('Euclidean', false)
centres('WeightedEuclidean', true)

--- The cosines of the angles to trained directions.
-- @type Cosine
-- @param input_size features of an input
-- @param output_size how many directions
-- @shape (..., input_size) -> (..., output_size)
-- @usage
-- local layer = nn.Cosine(2, 1)
-- layer.weight:detach():copy_(tocha.tensor{{2, 0}})
-- layer(tocha.tensor{{3, 0}, {0, 3}})  --> {{1}, {0}}
local Cosine = class('Cosine', Module)
M.Cosine = Cosine
function Cosine:__init(input_size, output_size)
  local bound = 1 / math.sqrt(input_size)
  self.weight = Parameter(tocha.empty(output_size, input_size):uniform_(-bound, bound))
end
Cosine.__init = checked('Cosine', Cosine.__init, 'self', 'input_size:int', 'output_size:int')
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

--- The identity, whose gradient is multiplied by -lambda.
-- Source: Y. Ganin and V. Lempitsky, "Unsupervised domain adaptation by backpropagation", 2015.
-- @type GradientReversal
-- @param lambda by how much
-- @shape any -> the same
-- @usage
-- local x = tocha.tensor({1, 2}, {requires_grad = true})
-- nn.GradientReversal(0.5)(x):sum():backward()
-- x.grad  --> {-0.5, -0.5}
add('GradientReversal', {'lambda:num=1'}, function(self, input) return functions().Scale.apply(input, -self.lambda) end)
--- The identity, through which no gradient passes.
-- @type ZeroGrad
-- @shape any -> the same
-- @usage
-- local x = tocha.tensor({1, 2}, {requires_grad = true})
-- nn.ZeroGrad()(x):sum():backward()
-- x.grad  --> {0, 0}
add('ZeroGrad', {}, function(_, input) return functions().Scale.apply(input, 0) end)
--- The identity; its gradient has that of a penalty added: l1weight times the sum (or mean) of |x|.
-- @type L1Penalty
-- @param l1weight how much it counts
-- @param size_average whether the mean counts
-- @shape any -> the same
-- @usage
-- local x = tocha.tensor({-1, 2}, {requires_grad = true})
-- nn.L1Penalty(0.5)(x):sum():backward()
-- x.grad  --> {0.5, 1.5}
add('L1Penalty', {'l1weight:num', 'size_average:bool=false'}, function(self, input)
  local weight = self.size_average and self.l1weight / input:numel() or self.l1weight
  return functions().Penalty.apply(input, weight)
end)

return M
