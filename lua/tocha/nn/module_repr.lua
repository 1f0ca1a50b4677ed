--- How modules are printed: as PyTorch prints them, nested and indented.
-- @module tocha.nn.module_repr

local repr = {}

local function indent(text) return (text:gsub('\n', '\n  ')) end

--- The lines inside the parentheses, one for each submodule.
function repr.child_lines(self)
  local lines = {}
  local names, values, n = self:registered('module')
  for i = 1, n do
    lines[i] = '(' .. names[i] .. '): ' .. (values[i] and indent(tostring(values[i])) or 'None')
  end
  return lines
end

function repr.__tostring(self)
  local extra, lines = self:extra_repr(), self:child_lines()
  local name = self._get_name and self:_get_name() or self.__name
  if #lines == 0 and not extra:find('\n', 1, true) then return name .. '(' .. extra .. ')' end
  if extra ~= '' then table.insert(lines, 1, indent(extra)) end
  return name .. '(\n  ' .. table.concat(lines, '\n  ') .. '\n)'
end

return repr
