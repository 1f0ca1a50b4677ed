--- Switches of the libraries behind GPUs, under PyTorch's names: may float32 products and convolutions use TF32 tensor cores?
--
--     tocha.set_float32_matmul_precision('high')         -- the same as
--     tocha.backends.cuda.matmul.allow_tf32 = true
--     tocha.backends.cudnn.allow_tf32 = false
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

local function switch(which, more)
  return setmetatable({}, {
    __index = function(_, key)
      if key == 'allow_tf32' then return allowed[which] end
      return more and more[key] and more[key]()
    end,
    __newindex = function(_, key, value)
      if key ~= 'allow_tf32' then errors.raise("backends: unknown switch '%s': there is allow_tf32", tostring(key)) end
      set(which, value)
    end,
  })
end

local function version()
  local n = library.open() > 0 and library.C.tc_cuda_library_version('cudnn') or 0
  return n > 0 and tonumber(n) or nil
end

backends.cuda = {matmul = switch('matmul')}
backends.cudnn = switch('cudnn', {version = function() return version end, is_available = function() return function() return version() ~= nil end end})

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
