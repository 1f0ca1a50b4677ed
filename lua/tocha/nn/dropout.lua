--- Dropout layers: they act in training mode only.
--
-- Source: N. Srivastava et al., "Dropout", 2014; G. Klambauer et al., "Self-normalizing neural networks", 2017 (alpha
-- dropout).
-- @module tocha.nn.dropout

local args = require 'tocha.args'
local define = require 'tocha.nn.simple'
local F = require 'tocha.nn.functional'

local dropout = {}

local function check(self)
  if self.p < 0 or self.p > 1 then args.fail('%s: p: got %g, takes a probability from 0 to 1', self.__name, self.p) end
end

local function add(name, fn)
  dropout[name] = define(name, {'p:num=0.5', 'inplace:bool=false'}, function(self, input)
    if not self.training then return input end
    return F[fn](input, self.p, true, self.inplace)
  end, nil, nil, check)
end

add('Dropout', 'dropout')
add('Dropout1d', 'dropout1d')
add('Dropout2d', 'dropout2d')
add('Dropout3d', 'dropout3d')
add('AlphaDropout', 'alpha_dropout')
add('FeatureAlphaDropout', 'feature_alpha_dropout')

return dropout
