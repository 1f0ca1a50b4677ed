--- How the numbers of one tensor are written: the same number of digits for all, chosen from their range as PyTorch chooses.
-- @module tocha.print.numbers

local numbers = {}

local function finite(v) return v == v and v ~= math.huge and v ~= -math.huge end

local function special(v) return v ~= v and 'nan' or v > 0 and 'inf' or '-inf' end

-- smallest and largest magnitude of the finite values that are not 0, and whether all finite values are whole
local function range_of(values)
  local least, most, whole = math.huge, 0, true
  for _, v in ipairs(values) do
    if finite(v) then
      local size = math.abs(v)
      whole = whole and v == math.floor(v)
      if size > 0 then least, most = math.min(least, size), math.max(most, size) end
    end
  end
  return least, most, whole
end

local function wants_exponent(least, most, whole)
  if most == 0 then return false end
  return most / least > 1000 or most > 1e8 or not whole and least < 1e-4
end

-- Whole values keep a point, so that they are seen to be floating: 3.
local function real(values, o)
  local least, most, whole = range_of(values)
  local exponent = o.sci_mode
  if exponent == nil then exponent = wants_exponent(least, most, whole) end
  local format = exponent and '%.' .. o.precision .. 'e' or whole and '%.0f.' or '%.' .. o.precision .. 'f'
  return function(v)
    if not finite(v) then return special(v) end
    return format:format(v)
  end
end

local function complex(values, o)
  local re, im = {}, {}
  for i, v in ipairs(values) do re[i], im[i] = v[1], v[2] end
  local show_re, show_im = real(re, o), real(im, o)
  return function(v)
    local imaginary = show_im(v[2])
    if imaginary:sub(1, 1) ~= '-' then imaginary = '+' .. imaginary end
    return show_re(v[1]) .. imaginary .. 'j'
  end
end

-- an int64 that no double holds is a boxed one, which Lua writes as 9223372036854775807LL
local function integer(v)
  if type(v) == 'cdata' then return (tostring(v):gsub('U?LL$', '')) end
  return ('%.0f'):format(v)
end

--- A function from a value to its text.
-- @tparam table values all the values that will be shown, as `totable` gives them
-- @tparam string dtype the name
-- @tparam table o precision, sci_mode (nil: chosen by the values)
function numbers.formatter(values, dtype, o)
  if dtype == 'bool' then return tostring end
  if dtype:find('complex', 1, true) then return complex(values, o) end
  if dtype:find('float', 1, true) then return real(values, o) end
  return integer
end

return numbers
