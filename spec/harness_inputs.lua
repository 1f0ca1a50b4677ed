--- The inputs of operator cases: `T{2, 3}` says what a random tensor is like, here such tensors are made.
-- @module spec.harness_inputs

local P = require 'spec.plain'
local S = require 'spec.support'

local I = {}

local NIL = setmetatable({}, {__tostring = function() return 'nil' end})
I.NIL = NIL

local marker = {}

--- Describes a random input; see the opening comment of spec/harness.lua.
function I.T(options)
  local spec = setmetatable({shape = {}}, marker)
  for key, value in pairs(options) do
    if type(key) == 'number' then spec.shape[key] = value else spec[key] = value end
  end
  if spec.int and not spec.dtype then spec.dtype = 'int64' end
  return spec
end

--- Is it such a description?
local function is_input(v) return getmetatable(v) == marker end

local is_float = {float64 = true, float32 = true, float16 = true, bfloat16 = true}
I.is_input, I.is_float = is_input, is_float

local function far(value, list)
  for _, v in ipairs(list or {}) do
    if math.abs(value - v) < 0.05 then return false end
  end
  return true
end

local function draw(spec, row_range)
  local lo, hi = unpack(spec.int or spec.range or row_range or {-2, 2})
  for _ = 1, 100 do
    local v = lo + (hi - lo) * S.uniform()
    if spec.int then v = math.min(hi, lo + math.floor((hi - lo + 1) * S.uniform())) end
    if far(v, spec.away) then return v end
  end
  error('no value of this range is far enough from its kinks')
end

-- a random order of evenly spaced values
local function spread(n, spec, row_range)
  local lo, hi = unpack(spec.range or row_range or {-2, 2})
  local list = {}
  for i = 1, n do list[i] = lo + (hi - lo) * (i - 0.5) / n end
  for i = n, 2, -1 do
    local j = 1 + math.floor(S.uniform() * i)
    list[i], list[j] = list[j], list[i]
  end
  return list
end

local function make_array(spec, row_range)
  local n = P.numel(spec.shape)
  local out = spec.values or (spec.distinct and spread(n, spec, row_range)) or {}
  local array = {shape = spec.shape}
  for i = 1, n do array[i] = out[i] or draw(spec, row_range) end
  return array
end

-- values that the dtype holds
local function fit(array, dtype)
  if is_float[dtype] then return array end
  for i = 1, #array do
    local v = array[i]
    if v ~= v or math.abs(v) == math.huge then v = 0 end
    v = v < 0 and math.ceil(v) or math.floor(v)
    if dtype == 'uint8' then v = math.abs(v) elseif dtype == 'bool' then v = v ~= 0 and 1 or 0 end
    array[i] = v
  end
  return array
end

--- The inputs of one variant: `list` the arguments, with each T replaced by an index into `inputs` {array, dtype, grad}.
function I.prepare(row, args, dtype)
  local inputs = {}
  local function convert(v, i)
    if is_input(v) then
      local kind = v.dtype or dtype
      local range = row.range and type(row.range[1]) == 'table' and row.range[i] or row.range
      inputs[#inputs + 1] = {array = fit(make_array(v, range), kind), dtype = kind, grad = v.grad ~= false and is_float[kind]}
      return {input = #inputs}
    elseif type(v) == 'table' and v ~= NIL and getmetatable(v) == nil then
      local out = {}
      for k, w in pairs(v) do out[k] = convert(w, i) end
      return out
    end
    return v
  end
  local list = {n = #args}
  for i = 1, #args do list[i] = convert(args[i], i) end
  return {list = list, inputs = inputs}
end

--- The argument list with each input replaced by make(input, number)
function I.fill(case, make)
  local made = {}
  local function convert(v)
    if v == NIL or type(v) ~= 'table' then return v end
    if v.input and case.inputs[v.input] then
      local k = v.input
      if made[k] == nil then made[k] = make(case.inputs[k], k) end
      return made[k]
    end
    if getmetatable(v) ~= nil then return v end
    local out = {}
    for key, w in pairs(v) do out[key] = convert(w) end
    return out
  end
  local out = {n = case.list.n}
  for i = 1, out.n do
    local v = convert(case.list[i])
    if v == NIL then v = nil end
    out[i] = v
  end
  return out, made
end

return I
