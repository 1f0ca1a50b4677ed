--- How an operator is called: from its schema entry, as `?name` and the reference pages show it. Needs nothing of the runtime.
-- @module tocha.repl.forms

local function is_method(fn)
  local first = fn.params[1]
  return not fn.tags['function'] and first and (first.kind == 'tensor' or first.kind == 'operand')
end

--- The forms of a documented function of `schema.parse`: as a function, as a method, in place, in its namespaces.
-- @treturn table list of texts such as 'x:sum(dim = nil, keepdim = false)'
return function(fn)
  local list, tags = {}, fn.tags
  local after_first = fn.signature:sub(2, -2):gsub('^[^,]*,?%s*', '')
  if not tags.method and not tags.mutates then list[1] = 'tocha.' .. fn.name .. fn.signature end
  local written = tags.mutates or fn.name:find('_$') -- exists in place alone
  if is_method(fn) and not written then list[#list + 1] = ('x:%s(%s)'):format(fn.name, after_first) end
  if tags.inplace or written and is_method(fn) then
    list[#list + 1] = ('x:%s_(%s)'):format(fn.name:gsub('_$', ''), after_first)
  end
  for _, space in ipairs(tags['in'] or {}) do
    list[#list + 1] = space .. '.' .. fn.name:gsub('^' .. space:lower() .. '_', '') .. fn.signature
  end
  return list
end
