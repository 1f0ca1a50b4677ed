--- Models as functions: `sample` and `param` inside of them, and what runs them with a look inside: `trace`, `condition`,
-- `replay`. While a function runs under handlers, each `sample` is shown to them from the innermost to the outermost.
-- @module tocha.infer.trace

local args = require 'tocha.args'
local class = require 'tocha.class'
local tocha = require 'tocha'
local Distribution = require 'tocha.distributions.distribution'
local biject_to = require('tocha.distributions.registry').biject_to
local stores = require 'tocha.infer.store'
local checked = require 'tocha.checked'

local M = {}

local handlers = {} -- the innermost is the last

local function pack(...) return {n = select('#', ...), ...} end

local function unwind(depth)
  for i = #handlers, depth + 1, -1 do handlers[i] = nil end
end

--- Runs f(...) under a handler: a table with `before(site)`, which may set `site.value`, or `after(site)`.
function M.with(handler, f, ...)
  local depth = #handlers
  handlers[depth + 1] = handler
  local results = pack(pcall(f, ...))
  unwind(depth)
  if not results[1] then error(results[2], 0) end
  return unpack(results, 2, results.n)
end

--- Runs f(...) hidden from the handlers of now.
function M.aside(f, ...)
  local hidden = handlers
  handlers = {}
  local results = pack(pcall(f, ...))
  handlers = hidden
  if not results[1] then error(results[2], 0) end
  return unpack(results, 2, results.n)
end

local function pass(site)
  for i = #handlers, 1, -1 do
    local before = handlers[i].before
    if before then before(handlers[i], site) end
  end
  if site.value == nil then site.value = site.make(site) end
  for i = #handlers, 1, -1 do
    local after = handlers[i].after
    if after then after(handlers[i], site) end
  end
  return site.value
end

-- ------------------------------------------------------------------------------------------------- statements of a model

local function draw(site)
  local d = site.dist
  if d.has_rsample then return d:rsample() end
  return d:sample()
end

local read_sample = args.spec('sample', 'name:str', 'dist', '*', 'obs=nil', 'scale:num=1')

--- A random variable of a model or guide.
-- @tparam string name unique within the model
-- @param dist its distribution (tocha.distributions)
-- @tparam[opt] tensor obs its observed value, by name only
-- @tparam[opt=1] number scale factor of its log density, by name only: for mini-batches, items in all / items in the batch
-- @return its value
-- @usage
-- local function model() return infer.sample('x', D.Normal(0, 1), {obs = tocha.tensor(2)}) end
-- model()  --> 2
-- infer.log_density(model, {})  --> -2.9189
function M.sample(...)
  local name, dist, obs, scale = read_sample(...)
  if not class.isinstance(dist, Distribution) then
    args.fail("sample: '%s': got %s, takes a distribution", name, args.show(dist))
  end
  if type(obs) == 'number' or type(obs) == 'table' then obs = tocha.tensor(obs) end
  return pass{kind = 'sample', name = name, dist = dist, value = obs, observed = obs ~= nil, scale = scale, make = draw}
end

local function parameter(site)
  local entry = stores.get_param_store():entry(site.name, site.init, site.transform)
  site.leaf = entry.leaf
  return entry.transform and entry.transform(entry.leaf) or entry.leaf
end

local read_param = args.spec('param', 'name:str', 'init=nil', '*', 'constraint=nil')

--- A trained parameter; it lives in the store under its name.
-- @tparam string name
-- @param[opt] init first value: tensor, number or function giving one; may be left out once the parameter exists
-- @param[opt] constraint (tocha.distributions.constraints) that its value shall satisfy, by name only
-- @return its value
-- @usage
-- infer.clear_param_store()
-- infer.param('scale', tocha.tensor(3.0), {constraint = D.constraints.positive})  --> 3
-- infer.param('scale')  --> 3
-- infer.clear_param_store()
function M.param(...)
  local name, init, constraint = read_param(...)
  return pass{kind = 'param', name = name, init = init, transform = constraint and biject_to(constraint), make = parameter}
end

--- Declares the parameters of an nn.Module as trained, under `name.path`.
-- @return the module
-- @param name before the parameters' paths
-- @param module an nn.Module
-- @usage
-- infer.clear_param_store()
-- local net = nn.Linear(2, 3)
-- infer.module('net', net) == net  --> true
-- infer.get_param_store():get('net.weight').shape  --> {3, 2}
-- infer.clear_param_store()
function M.module(name, module)
  for path, p in module:named_parameters() do
    if p.requires_grad then M.param(name .. '.' .. path, p) end
  end
  return module
end

-- ------------------------------------------------------------------------------------------------- looking inside

local Trace = class('Trace')
M.Trace = Trace

function Trace:__init() self.sites, self.list = {}, {} end

function Trace:after(site)
  if self.sites[site.name] then
    if site.kind == 'param' then return end
    args.fail("sample: the name '%s' occurs twice in one run of the model", site.name)
  end
  self.sites[site.name] = site
  self.list[#self.list + 1] = site
end

-- Some sites (of guides) know their density already
local function density_of(site)
  if not site.density then
    local d = site.dist:log_prob(site.value):sum()
    site.density = site.scale ~= 1 and d * site.scale or d
  end
  return site.density
end
M.density_of = density_of

--- The log density of all random variables, a 0-dim tensor (nil without any).
function Trace:log_density()
  local total
  for _, site in ipairs(self.list) do
    if site.kind == 'sample' then total = total and total + density_of(site) or density_of(site) end
  end
  return total
end

--- The random variables that were not observed, in order.
function Trace:latent()
  local out = {}
  for _, site in ipairs(self.list) do
    if site.kind == 'sample' and not site.observed then out[#out + 1] = site end
  end
  return out
end

--- Runs a model and notes its sites.
-- @tparam function model
-- @param ... its arguments
-- @return a trace: `sites[name]` has `value`, `dist`, `observed`; `:log_density()`; then what the model gave
-- @usage
-- local function model() return infer.sample('x', D.Normal(0, 1)) * 2 end
-- local seen, value = infer.trace(model)
-- (value / seen.sites.x.value)  --> 2
-- #seen:latent()  --> 1
function M.trace(model, ...)
  local trace = Trace()
  return trace, M.with(trace, model, ...)
end

--- A model whose named variables are observed to have the given values.
-- @param model a function
-- @param values by name
-- @usage
-- local function model() return infer.sample('x', D.Normal(0, 1)) end
-- infer.condition(model, {x = tocha.tensor(1.5)})()  --> 1.5
function M.condition(model, values)
  local handler = {before = function(_, site)
    if site.kind == 'sample' and values[site.name] ~= nil and site.value == nil then
      site.value, site.observed = values[site.name], true
    end
  end}
  return function(...) return M.with(handler, model, ...) end
end

--- A model whose variables take given values without being observed: a table by name, or a trace (of a guide).
-- @param model a function
-- @param values by name, or a trace
-- @usage
-- local function model() return infer.sample('x', D.Normal(0, 1)) end
-- infer.replay(model, {x = tocha.tensor(1.5)})()  --> 1.5
function M.replay(model, values)
  local sites = values.sites
  local handler = {before = function(_, site)
    if site.kind ~= 'sample' or site.value ~= nil then return end
    if sites then site.value = sites[site.name] and sites[site.name].value else site.value = values[site.name] end
  end}
  return function(...) return M.with(handler, model, ...) end
end

--- The log joint density of a model, given values of its variables.
-- @tparam function model
-- @tparam table values by name
-- @param ... the model's arguments
-- @usage
-- local function model() infer.sample('x', D.Normal(0, 1)) end
-- infer.log_density(model, {x = tocha.tensor(0)})  --> -0.9189
function M.log_density(model, values, ...)
  return M.trace(M.replay(model, values), ...):log_density()
end

checked.all(M, '', {module = 'name:str module:module', trace = 'model:callable', condition = 'model:callable values:list',
  replay = 'model:callable values:list', log_density = 'model:callable values:list'})

return M
