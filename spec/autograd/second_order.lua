--- Which gradient rules there are, read from the sources, and which rows of spec/cases check their second derivatives.
-- @module spec.autograd.second_order

local tocha = require 'tocha'
local H = require 'spec.harness'

local second = {}

local function read(path)
  local file = assert(io.open(path))
  local text = file:read('*a')
  file:close()
  return text
end

local function sources(dir, ending)
  local list = {}
  for name in require('lfs').dir(dir) do
    if name:sub(-#ending) == ending then list[#list + 1] = dir .. '/' .. name end
  end
  table.sort(list)
  return list
end

-- functions whose derivative is 0 wherever there is one
local flat = {nothing_grad = true, zero_grad = true, fill_grad = true}

--- Names of rules as nodes of a graph bear them: {name = 'flat' or 'smooth'}.
function second.rules()
  local rules = {}
  local function add(name, kind) if rules[name] ~= 'smooth' then rules[name] = kind end end
  for _, path in ipairs(sources('lib/ops', '.c')) do
    local text = read(path)
    for name in text:gmatch('\nRULE%(([%w_]+),') do add(name, 'smooth') end
    for name, f in text:gmatch('{"([^"\n]+)", ([%w_]+_grad),') do add(name, flat[f] and 'flat' or 'smooth') end
    for name in text:gmatch('TC_[A-Z]+_RULE%("([^"\n]+)"%)') do add(name, 'smooth') end
  end
  return rules
end

-- the names of all nodes below x, put into `names` with the value `by`
local function collect(x, names, by, seen)
  local node = x.grad_fn
  local list = {node}
  while #list > 0 do
    local here = table.remove(list)
    if not seen[here] then
      seen[here] = true
      if not names[here.name] or by == here.name then names[here.name] = by end -- a row of the same name says most
      for _, from in ipairs(here.next_functions) do if from then list[#list + 1] = from[1] end end
    end
  end
end

-- why a rule is not differentiated twice, or at all
local function reason(call) return call.once and 'once: ' .. call.once or call.never and 'not by its first argument: ' .. call.never end

--- What checks the second derivatives of each rule: {rule = title of a row or call}, {rule = reason why nothing does}, {operator = true} of those whose
-- rows check a gradient.
function second.covered()
  local names, reasons, operators = {}, {}, {}
  for _, path in ipairs(sources('spec/cases', '.lua')) do
    for _, row in ipairs(require(path:gsub('%.lua$', ''):gsub('/', '.'))) do
      H.complete(row)
      if row.grad then operators[row.name] = true end
      if row.grad and row.grad ~= 'once' then
        local title = row.label and row.name .. ' (' .. row.label .. ')' or row.name
        for _, g in ipairs(H.gradient_graphs(row)) do collect(g, names, title, {}) end
      end
    end
  end
  for _, call in ipairs(require 'spec.autograd.second_order_calls') do
    if call.device then names[call[1]] = call.device
    elseif reason(call) then reasons[call[1]] = reason(call) else second.collect_call(call, names) end
  end
  return names, reasons, operators
end

--- Operators whose derivatives are checked by calls, not by their rows.
second.elsewhere = {mode = true, fill_ = true, zero_ = true}

--- {operator = name of the rule} of those whose rows check no gradient, although a result has one.
function second.differentiable()
  local names = {}
  for _, path in ipairs(sources('spec/cases', '.lua')) do
    for _, row in ipairs(require(path:gsub('%.lua$', ''):gsub('/', '.'))) do
      H.complete(row)
      if not row.grad then names[row.name] = names[row.name] or H.result_rule(row) end
    end
  end
  return names
end

--- Puts the names of the rules in the graph of a call's gradients into `names`.
function second.collect_call(call, names)
  local total = 0
  for _, y in ipairs {call[2](unpack(call[3]))} do
    if tocha.is_tensor(y) and y.requires_grad then total = total + (y.dtype.is_complex and y:abs() or y):square():sum() end
  end
  for _, g in ipairs {tocha.autograd.grad({total}, call[3], {create_graph = true})} do
    if g.requires_grad then collect(g, names, 'a call of its own', {}) end
  end
end

return second
