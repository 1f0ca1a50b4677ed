--- Values and fields as PyTorch writes them, for the `extra_repr` of modules.
-- @module tocha.nn.show

local show = {}

--- A value as PyTorch writes it: `True`, `None`, `(3, 3)`, `'mean'`, `1e-05`.
function show.python(value)
  if value == nil then return 'None' end
  local kind = type(value)
  if kind == 'boolean' then return value and 'True' or 'False' end
  if kind == 'string' then return "'" .. value .. "'" end
  if kind == 'number' then
    local text = ('%.14g'):format(value)
    return text
  end
  if kind == 'table' and getmetatable(value) == nil then
    local parts = {}
    for i = 1, #value do parts[i] = show.python(value[i]) end
    return '(' .. table.concat(parts, ', ') .. (#value == 1 and ',)' or ')')
  end
  return tostring(value)
end

--- `name=value` of the fields, separated by commas.
function show.fields(self, ...)
  local parts = {}
  for i = 1, select('#', ...) do
    local name = select(i, ...)
    parts[i] = name .. '=' .. show.python(rawget(self, name))
  end
  return table.concat(parts, ', ')
end

--- A parameter as the lists of parameters print it.
function show.parameter(p)
  local sizes = {}
  for i = 1, p:dim() do sizes[i] = tostring(p:size(i)) end
  return ('Parameter containing: [%s of size %s]'):format(tostring(p.dtype), table.concat(sizes, 'x'))
end

return show
