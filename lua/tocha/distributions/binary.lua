--- What distributions of a probability share: `probs` or `logits` is given, the other one is computed when it is read.
-- @module tocha.distributions.binary

local utils = require 'tocha.distributions.utils'

local binary = {}

--- Sets self.probs or self.logits from the one that is given, with the other parameters broadcast to it.
-- @return the parameter, and the others after broadcasting
function binary.set(self, who, probs, logits, other)
  utils.one_of(who, 'probs', probs, 'logits', logits)
  local key, value = 'probs', probs
  if probs == nil then key, value = 'logits', logits end
  if other ~= nil then
    self[key], other = utils.broadcast_all(value, other)
  else
    self[key] = utils.broadcast_all(value)
  end
  return self[key], other
end

--- Gives a class the fields probs and logits; `is_binary` says whether they are of single events or classes.
function binary.fields(cls, is_binary)
  function cls:get_probs() return utils.logits_to_probs(rawget(self, 'logits'), is_binary) end
  function cls:get_logits() return utils.probs_to_logits(rawget(self, 'probs'), is_binary) end
  function cls:get__param() return rawget(self, 'probs') or rawget(self, 'logits') end
end

return binary
