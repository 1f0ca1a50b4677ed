--- nn.ModuleList: a list of modules. `list[1]` is the first, called `0` in names.
-- @classmod tocha.nn.ModuleList

local class = require 'tocha.class'
local args = require 'tocha.args'
local Module = require 'tocha.nn.module'
local Sequential = require 'tocha.nn.sequential'

local ModuleList = class('ModuleList', Module)

for _, name in ipairs{'len', '__len', 'get', 'append', 'extend', 'insert', 'pop', 'iter', 'items'} do
  ModuleList[name] = Sequential[name]
end

--- Modules by position, registered as '0', '1', ...; it computes nothing itself.
-- @param modules a list of modules, or the first one
-- @param ... more modules
-- @shape none
-- @usage
-- local list = nn.ModuleList{nn.Linear(2, 3), nn.Linear(3, 4)}
-- list:append(nn.ReLU())
-- #list  --> 3
-- local x = tocha.ones(5, 2)
-- for _, layer in ipairs(list) do x = layer(x) end
-- x.shape  --> {5, 4}
function ModuleList:__init(modules, ...)
  if modules == nil then return end
  if Module.is_module(modules) and not class.isinstance(modules, ModuleList) then modules = {modules, ...} end
  if type(modules) ~= 'table' then
    args.fail('ModuleList: modules: got %s, takes a list of modules', args.show(modules))
  end
  self:extend(modules)
end

-- Equal neighbours are printed once: `(0-2): 3 x Linear(...)`.
function ModuleList:child_lines()
  local lines, i, n = {}, 1, #self
  while i <= n do
    local text, last = tostring(self[i]), i
    while last < n and tostring(self[last + 1]) == text do last = last + 1 end
    local many = last > i and ('(%d-%d): %d x '):format(i - 1, last - 1, last - i + 1) or ('(%d): '):format(i - 1)
    lines[#lines + 1] = many .. text:gsub('\n', '\n  ')
    i = last + 1
  end
  return lines
end

return ModuleList
