--- The state of an optimizer as a safetensors file whose layout PyTorch's optimizers know: tensors `state.0.exp_avg`, ... (parameters
-- count from 0 there), and the options of the groups as JSON in the file's metadata. docs/training.md has PyTorch's side.
-- @module tocha.optim.exchange

local args = require 'tocha.args'
local json = require 'tocha.io.json'
local safetensors = require 'tocha.io.safetensors'
local is_tensor = require('tocha.arguments').is_tensor
local checked = require 'tocha.checked'

local M = {}

local function encode(v)
  local kind = type(v)
  if kind == 'number' then
    if v ~= v or v == math.huge or v == -math.huge then return v ~= v and 'NaN' or v > 0 and 'Infinity' or '-Infinity' end
    return ('%.17g'):format(v)
  end
  if kind == 'boolean' then return tostring(v) end
  if kind == 'string' then return json.quote(v) end
  local parts = {}
  for i, x in ipairs(v) do parts[i] = x == false and 'null' or encode(x) end -- Adafactor's eps: {false, 1e-3}
  return '[' .. table.concat(parts, ',') .. ']'
end

-- options without a value, such as Muon's adjust_lr_fn, are None
local function encode_group(group, known)
  local names, parts = {}, {'"foreach":null', '"fused":null', '"capturable":false', '"differentiable":false'}
  for name in pairs(group) do names[#names + 1] = name end
  for name in pairs(known) do
    if group[name] == nil then parts[#parts + 1] = json.quote(name) .. ':null' end
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local value = group[name]
    if name == 'params' then
      value = {}
      for i, id in ipairs(group.params) do value[i] = id - 1 end
    end
    parts[#parts + 1] = json.quote(name) .. ':' .. encode(value)
  end
  return '{' .. table.concat(parts, ',') .. '}'
end

--- Writes the state of an optimizer (of tensors and numbers, as all that step by gradients have) for PyTorch or for load_pytorch.
-- @param optimizer
-- @tparam string path
-- @tparam[opt] table more tensors by name, to be written beside the state
-- @usage
-- local p = tocha.tensor({1, -2}, {requires_grad = true})
-- local optimizer, path = optim.Adam({p}, {lr = 0.25}), os.tmpname()
-- p:square():sum():backward()
-- optimizer:step()
-- optim.save_pytorch(optimizer, path)
-- local other = optim.Adam({p})
-- optim.load_pytorch(other, path)
-- os.remove(path)
-- other.param_groups[1].lr  --> 0.25
-- other.state[p].exp_avg  --> {0.2, -0.4}
function M.save_pytorch(optimizer, path, more)
  local given, flat, groups = optimizer:state_dict(), {}, {}
  for name, x in pairs(more or {}) do flat[name] = x end
  for id, state in pairs(given.state) do
    for name, value in pairs(state) do
      if type(value) == 'number' then value = require('tocha').tensor(value) end
      if not is_tensor(value) then
        args.fail("save_pytorch: %s keeps '%s', which is no tensor; tocha.save takes it", optimizer.__name, name)
      end
      flat[('state.%d.%s'):format(id - 1, name)] = value
    end
  end
  for k, group in ipairs(given.param_groups) do groups[k] = encode_group(group, optimizer.known) end
  safetensors.save(flat, path, {param_groups = '[' .. table.concat(groups, ',') .. ']', format = 'pt'})
end

local function groups_of(path, text)
  local ok, groups = pcall(json.decode, text)
  if not ok or type(groups) ~= 'table' then args.fail('load_pytorch: %s: param_groups is no JSON list', path) end
  return groups
end

-- a JSON array as a plain list; null as nil, and as false in a list
local function plain(v)
  if v == json.null then return nil end
  if type(v) ~= 'table' then return v end
  local out = {}
  for i, x in ipairs(v) do
    out[i] = plain(x)
    if out[i] == nil then out[i] = false end
  end
  return out
end

-- the options that the optimizer has, and the numbers of its parameters from 1
local function known_part(optimizer, group)
  local out = {}
  for name, value in pairs(group) do
    if name == 'params' or name == 'initial_lr' or optimizer.known[name] ~= nil then out[name] = plain(value) end
  end
  for i, id in ipairs(out.params or {}) do out.params[i] = id + 1 end
  return out
end

--- Takes over the state from such a file, PyTorch's or Tocha's. Options that PyTorch alone knows, and
-- tensors beside the state, are passed over.
-- @param optimizer of the same class, with as many parameters in each group
-- @tparam string path
-- @usage
-- local p = tocha.tensor({1, -2}, {requires_grad = true})
-- local optimizer, path = optim.Adam({p}, {lr = 0.25}), os.tmpname()
-- p:square():sum():backward()
-- optimizer:step()
-- optim.save_pytorch(optimizer, path)
-- local other = optim.Adam({p})
-- optim.load_pytorch(other, path)
-- os.remove(path)
-- other.param_groups[1].lr  --> 0.25
-- other.state[p].exp_avg  --> {0.2, -0.4}
function M.load_pytorch(optimizer, path)
  local flat, metadata = safetensors.load(path)
  local text = type(metadata) == 'table' and metadata.param_groups
  if not text then args.fail('load_pytorch: %s has no param_groups in its metadata: takes a file that save_pytorch describes', path) end
  local given = {state = {}, param_groups = groups_of(path, text)}
  for key, value in pairs(flat) do
    local id, name = key:match('^state%.(%d+)%.(.+)$')
    if id then
      id = tonumber(id) + 1
      given.state[id] = given.state[id] or {}
      given.state[id][name] = value
    elseif key:find('^state%.') then
      args.fail("load_pytorch: %s holds '%s', takes names such as state.0.exp_avg", path, key)
    end
  end
  for k, group in ipairs(given.param_groups) do given.param_groups[k] = known_part(optimizer, group) end
  optimizer:load_state_dict(given)
end

checked.all(M, '', {save_pytorch = 'optimizer:optimizer path:str more:list?', load_pytorch = 'optimizer:optimizer path:str'})

return M
