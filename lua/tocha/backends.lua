--- Switches of the libraries behind GPUs, under PyTorch's names: may float32 products and convolutions use TF32 tensor cores?
--
--     tocha.set_float32_matmul_precision('high')         -- the same as
--     tocha.backends.cuda.matmul.allow_tf32 = true
--     tocha.backends.cudnn.allow_tf32 = false
--
-- and do recurrent layers on a GPU run through cuDNN (whole sequences, no projection) or the library's own kernels, which give the same bits each
-- time and are what runs unless it is asked for?
--
--     tocha.backends.cudnn.rnn = true
-- @module tocha.backends

local library = require 'tocha.cuda.library'
local errors = require 'tocha.errors'

local backends = {}

-- remembered here too: it may be set where there is no GPU
local allowed = {matmul = false, cudnn = true}
local number = {matmul = 0, cudnn = 1}

local function set(which, on)
  if type(on) ~= 'boolean' then errors.raise('allow_tf32: got %s, takes true or false', errors.describe(on)) end
  allowed[which] = on
  if library.open() > 0 then library.C.tc_cuda_set_tf32(number[which], on and 1 or 0) end
end

-- recurrent layers through cuDNN
local recurrent = false
local function set_recurrent(on)
  if type(on) ~= 'boolean' then errors.raise('backends.cudnn.rnn: got %s, takes true or false', errors.describe(on)) end
  recurrent = on
end

--- Does a recurrent layer over x go through cuDNN?
function backends.recurrent_by_library(x) return recurrent and tostring(x.device) ~= 'cpu' end

local function switch(which, more)
  return setmetatable({}, {
    __index = function(_, key)
      if key == 'allow_tf32' then return allowed[which] end
      return more and more[key] and more[key]()
    end,
    __newindex = function(_, key, value)
      if key == 'allow_tf32' then return set(which, value) end
      if key == 'rnn' and which == 'cudnn' then return set_recurrent(value) end
      errors.raise("backends: unknown switch '%s': there is allow_tf32%s", tostring(key), which == 'cudnn' and ' and rnn' or '')
    end,
  })
end

local function version()
  local n = library.open() > 0 and library.C.tc_cuda_library_version('cudnn') or 0
  return n > 0 and tonumber(n) or nil
end

backends.cuda = {matmul = switch('matmul')}
backends.cudnn = switch('cudnn', {version = function() return version end, is_available = function() return function() return version() ~= nil end end,
  rnn = function() return recurrent end})

--- 'highest': float32 products in float32. 'high' or 'medium': TF32 is allowed on GPUs.
function backends.set_float32_matmul_precision(precision)
  if precision ~= 'highest' and precision ~= 'high' and precision ~= 'medium' then
    errors.raise("set_float32_matmul_precision: got %s, takes 'highest', 'high' or 'medium'", errors.describe(precision))
  end
  backends.precision = precision
  set('matmul', precision ~= 'highest')
end

--- What was set, 'highest' at the start.
function backends.get_float32_matmul_precision() return backends.precision or (allowed.matmul and 'high' or 'highest') end

return backends
