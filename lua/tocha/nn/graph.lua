--- nn.Graph: a graph of modules as one module, written without a class.
--
--     local x = nn.Input()
--     local h = x - nn.Linear(20, 10) - nn.Tanh()
--     local y = nn.Node(nn.Bilinear(10, 20, 1), h, x)
--     local net = nn.Graph({x}, {y + (x - nn.Linear(20, 1))})
-- @module tocha.nn.graph

local class = require 'tocha.class'
local args = require 'tocha.args'
local Module = require 'tocha.nn.module'
local tables = require 'tocha.nn.tables'
local Container = require('tocha.nn.container').Container

local Node = class('Node')

local function is_node(v) return type(v) == 'table' and class.isinstance(v, Node) end

--- What a module gives for what other nodes give. Several results are a list, from which nn.SelectTable chooses. `node - module` puts
-- a module after a node; `a + b`, `a - b`, `a * b` of two nodes work element by element; nn.Input() is where an input comes in.
-- @param module an nn.Module, or a function
-- @param ... the nodes whose values it takes
-- @shape a node for nn.Graph
-- @raise for what is no node, or without any
-- @usage
-- local x = nn.Input()
-- local sum = nn.Node(function(a, b) return a + 2 * b end, x, x - nn.ReLU())
-- nn.Graph(x, sum)(tocha.tensor{-1, 1})  --> {-1, 3}
function Node:__init(module, ...)
  self.module, self.parents = module, {...}
  if not Module.is_module(module) and type(module) ~= 'function' then
    args.fail('Node: module: got %s, takes a module or a function', args.show(module))
  end
  if #self.parents == 0 then args.fail('Node: takes at least one parent') end
  for i, p in ipairs(self.parents) do
    if not is_node(p) then args.fail('Node: parent %d: got %s, takes a node', i, args.show(p)) end
  end
end

--- `node - module`: the module after the node.
function Node.__sub(a, b)
  if is_node(b) then return Node(tables.CSubTable(), a, b) end
  return Node(b, a)
end
--- `a + b`, `a * b` of two nodes, element by element.
function Node.__add(a, b) return Node(tables.CAddTable(), a, b) end
function Node.__mul(a, b) return Node(tables.CMulTable(), a, b) end

--- A place where an input of the graph comes in.
local function Input()
  local node = setmetatable({}, Node)
  node.parents, node.is_input = {}, true
  return node
end

local Graph = class('Graph', Container)

-- parents first; each node once
local function sort(node, order, state, inputs)
  if state[node] == 'done' then return end
  if state[node] == 'open' then args.fail('Graph: the nodes form a circle') end
  state[node] = 'open'
  for _, p in ipairs(node.parents) do sort(p, order, state, inputs) end
  state[node] = 'done'
  if node.is_input then
    if not inputs[node] then args.fail('Graph: an output needs an input that is not listed') end
  else
    order[#order + 1] = node
  end
end

local function node_list(list, what)
  if is_node(list) then list = {list} end
  if type(list) ~= 'table' then args.fail('Graph: %s: got %s, takes nodes', what, args.show(list)) end
  for i, n in ipairs(list) do
    if not is_node(n) then args.fail('Graph: %s: entry %d is %s, takes a node', what, i, args.show(n)) end
  end
  return list
end

--- A graph of modules as one module. forward takes a value for each input node and gives one for each output node. The modules are
-- registered as '0', '1', ... in an order in which each comes after those it needs; one that stands in several nodes is shared.
-- @param inputs nodes made by nn.Input(), a list or one
-- @param outputs nodes, a list or one
-- @shape as the modules take and give
-- @raise for circles, and for inputs that are not listed
-- @usage
-- local x = nn.Input()
-- local h = x - nn.Linear(4, 3) - nn.Tanh()
-- local net = nn.Graph({x}, {h, h + (x - nn.Linear(4, 3))})
-- local a, b = net(tocha.ones(2, 4))
-- a.shape  --> {2, 3}
-- b.shape  --> {2, 3}
-- #net  --> 4
function Graph:__init(inputs, outputs)
  inputs, outputs = node_list(inputs, 'inputs'), node_list(outputs, 'outputs')
  local place, order, state = {}, {}, {}
  for i, n in ipairs(inputs) do place[n] = i end
  for _, n in ipairs(outputs) do sort(n, order, state, place) end
  self.steps, self.n_inputs = {}, #inputs
  for i, n in ipairs(order) do place[n] = #inputs + i end
  local seen = {}
  for i, n in ipairs(order) do
    local from = {}
    for k, p in ipairs(n.parents) do from[k] = place[p] end
    local module = n.module
    if Module.is_module(module) then
      if not seen[module] then
        self:append(module)
        seen[module] = #self
      end
      module = seen[module]
    end
    self.steps[i] = {module = module, from = from}
  end
  self.results = {}
  for i, n in ipairs(outputs) do self.results[i] = place[n] end
end

local function value_of(first, ...)
  if select('#', ...) == 0 then return first end
  return {first, ...}
end

function Graph:forward(...)
  local n = select('#', ...)
  if n ~= self.n_inputs then args.fail('Graph: got %d inputs, takes %d', n, self.n_inputs) end
  local values = {...}
  for i, step in ipairs(self.steps) do
    local given = {}
    for k, from in ipairs(step.from) do given[k] = values[from] end
    local module = type(step.module) == 'number' and self[step.module] or step.module
    values[n + i] = value_of(module(unpack(given, 1, #given)))
  end
  local out = {}
  for i, at in ipairs(self.results) do out[i] = values[at] end
  return unpack(out, 1, #out)
end

--- The graph in the language of Graphviz: `dot -Tsvg`.
function Graph:dot()
  local lines = {'digraph {', '  node [shape=box];'}
  for i = 1, self.n_inputs do lines[#lines + 1] = ('  n%d [label="input %d", shape=oval];'):format(i, i) end
  for i, step in ipairs(self.steps) do
    local module = type(step.module) == 'number' and self[step.module]
    local label = module and module.__name or 'function'
    lines[#lines + 1] = ('  n%d [label="%s"];'):format(self.n_inputs + i, label)
    for _, from in ipairs(step.from) do lines[#lines + 1] = ('  n%d -> n%d;'):format(from, self.n_inputs + i) end
  end
  lines[#lines + 1] = '}'
  return table.concat(lines, '\n')
end

return {Graph = Graph, Node = Node, Input = Input}
