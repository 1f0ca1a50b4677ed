--- Distances, similarities and other small compositions of tocha.nn.functional.
-- @module tocha.nn.functional_distance

local tocha = require 'tocha'
local args = require 'tocha.args'

local distance = {}

local read_cosine = args.spec('cosine_similarity', 'x1:tensor', 'x2:tensor', 'dim:int=2', 'eps:num=1e-8')

--- x1 x2 / (max(|x1|, eps) max(|x2|, eps)) along a dimension.
function distance.cosine_similarity(...)
  local x1, x2, dim, eps = read_cosine(...)
  local n1 = tocha.linalg.vector_norm(x1, 2, dim, true):clamp_min(eps)
  local n2 = tocha.linalg.vector_norm(x2, 2, dim, true):clamp_min(eps)
  return ((x1 / n1) * (x2 / n2)):sum(dim)
end

local read_pairwise = args.spec('pairwise_distance', 'x1:tensor', 'x2:tensor', 'p:num=2', 'eps:num=1e-6',
  'keepdim:bool=false')

--- The p-norm of x1 - x2 + eps along the last dimension.
function distance.pairwise_distance(...)
  local x1, x2, p, eps, keepdim = read_pairwise(...)
  return tocha.linalg.vector_norm(x1 - x2 + eps, p, -1, keepdim)
end

local read_normalize = args.spec('normalize', 'input:tensor', 'p:num=2', 'dim=2', 'eps:num=1e-12')

--- x / max(|x|_p, eps) along a dimension.
function distance.normalize(...)
  local input, p, dim, eps = read_normalize(...)
  return input / tocha.linalg.vector_norm(input, p, dim, true):clamp_min(eps)
end

local read_bilinear = args.spec('bilinear', 'input1:tensor', 'input2:tensor', 'weight:tensor', 'bias:tensor=nil')

--- y[k] = x1' A[k] x2 + b[k].
function distance.bilinear(...)
  local x1, x2, weight, bias = read_bilinear(...)
  local out, in1, in2 = weight:size(1), weight:size(2), weight:size(3)
  if x1:size(-1) ~= in1 or x2:size(-1) ~= in2 then
    args.fail('bilinear: inputs %s and %s do not fit the weight %s', args.show(x1), args.show(x2), args.show(weight))
  end
  -- (rows, in1) by (in1, out * in2), then the sum over in2
  local rows = x1:reshape(-1, in1)
  local left = rows:matmul(weight:permute(2, 1, 3):reshape(in1, out * in2)):view(-1, out, in2)
  local y = (left * x2:reshape(-1, 1, in2)):sum(3)
  if bias ~= nil then y = y + bias end
  local shape = {}
  for i = 1, x1:dim() - 1 do shape[i] = x1:size(i) end
  shape[#shape + 1] = out
  return y:reshape(shape)
end

local read_response = args.spec('local_response_norm', 'input:tensor', 'size:int', 'alpha:num=1e-4', 'beta:num=0.75',
  'k:num=1')

--- x / (k + alpha mean(x^2 over `size` neighbouring channels))^beta.
-- Source: A. Krizhevsky et al., "ImageNet classification with deep convolutional neural networks", 2012.
function distance.local_response_norm(...)
  local input, size, alpha, beta, k = read_response(...)
  if input:dim() < 3 then args.fail('local_response_norm: got %s, takes at least 3 dimensions', args.show(input)) end
  local squares, channels = input * input, input:size(2)
  local before = math.floor(size / 2)
  local shape = {}
  for i = 1, input:dim() do shape[i] = input:size(i) end
  shape[2] = size
  -- channels of zeros around, then the sum of `size` shifted views
  local zeros = tocha.zeros(shape, {dtype = input.dtype, device = input.device})
  local padded = tocha.cat({zeros:narrow(2, 1, before), squares, zeros:narrow(2, 1, size - 1 - before)}, 2)
  local sum
  for i = 1, size do
    local part = padded:narrow(2, i, channels)
    sum = sum and sum + part or part
  end
  return input / (sum * (alpha / size) + k):pow(beta)
end

local read_gumbel = args.spec('gumbel_softmax', 'logits:tensor', 'tau:num=1', 'hard:bool=false', 'eps:num=1e-10',
  'dim:int=-1')

--- Samples from the Gumbel-softmax distribution; with `hard` one-hot ones with the gradient of the soft ones.
-- Source: E. Jang et al., "Categorical reparameterization with Gumbel-softmax", 2016.
function distance.gumbel_softmax(...)
  local logits, tau, hard, _, dim = read_gumbel(...)
  local gumbel = -tocha.empty_like(logits):exponential_():log()
  local soft = ((logits + gumbel) / tau):softmax(dim)
  if not hard then return soft end
  local index = soft:argmax(dim, true)
  local one = tocha.zeros_like(soft):scatter(dim, index, 1)
  return one - soft:detach() + soft
end

return distance
