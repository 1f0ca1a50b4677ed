--- EarlyStopping: says when a number has not become better for a while, and keeps the best state.
--     local stop = utils.EarlyStopping(5)
--     for epoch = 1, 100 do ... if stop(validation_loss, net) then break end end
--     stop:restore(net)
-- @classmod tocha.utils.EarlyStopping

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'

local EarlyStopping = class('EarlyStopping')

local read = args.spec('EarlyStopping', 'patience:int=10', 'min_delta:num=0', 'mode:str="min"')

--- @tparam[opt=10] int patience how many checks without a better number it waits
-- @tparam[opt=0] number min_delta how much better counts as better
-- @tparam[opt='min'] string mode 'min' or 'max'
-- @usage
-- local stop, net = utils.EarlyStopping(2), nn.Linear(1, 1)
-- stop(0.5, net)  --> false
-- stop(0.6, net)  --> false
-- stop(0.7, net)  --> true
-- stop.best  --> 0.5
function EarlyStopping:__init(...)
  self.patience, self.min_delta, self.mode = read(...)
  if self.mode ~= 'min' and self.mode ~= 'max' then
    args.fail("EarlyStopping: mode: got '%s', takes 'min' or 'max'", self.mode)
  end
  self.checks, self.waited, self.stopped = 0, 0, false
end

local function copy(state)
  local out = {}
  for name, x in pairs(state) do out[name] = tocha.is_tensor(x) and x:detach():clone() or x end
  return out
end

--- Takes the next number.
-- @param value a number or a tensor of one element; one that is not a number is never better
-- @param[opt] module whose state is kept while its number is the best
-- @treturn bool is it time to stop?
function EarlyStopping:__call(value, module)
  value = tocha.is_tensor(value) and value:item() or value
  self.checks = self.checks + 1
  local gain = self.best and (self.mode == 'min' and self.best - value or value - self.best)
  if value == value and (not self.best or gain > self.min_delta) then
    self.best, self.best_check, self.waited = value, self.checks, 0
    if module then self.state = copy(module:state_dict()) end
  else
    self.waited = self.waited + 1
  end
  self.stopped = self.waited >= self.patience
  return self.stopped
end

--- Puts the best state back into the module.
function EarlyStopping:restore(module)
  if not self.state then args.fail('EarlyStopping: restore: no state was kept: takes the module as second argument of each check') end
  module:load_state_dict(self.state)
end

return EarlyStopping
