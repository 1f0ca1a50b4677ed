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
  if not self.p then args.fail('%s: p: takes a probability from 0 to 1', self.__name) end
  if self.p < 0 or self.p > 1 then args.fail('%s: p: got %g, takes a probability from 0 to 1', self.__name, self.p) end
end

local function add(name, fn)
  dropout[name] = define(name, {'p:num=0.5', 'inplace:bool=false'}, function(self, input)
    if not self.training then return input end
    return F[fn](input, self.p, true, self.inplace)
  end, nil, nil, check)
end

--- Sets elements to 0 with probability p in training, and multiplies the others by 1 / (1 - p); the identity in evaluation.
-- @type Dropout
-- @param p the probability, from 0 to 1
-- @shape any -> the same
-- @raise for a p that is no probability
-- @usage
-- nn.Dropout(0.2):eval()(tocha.ones(3))  --> {1, 1, 1}
-- nn.Dropout(1)(tocha.ones(3))  --> {0, 0, 0}
-- local kept = nn.Dropout(0.2)(tocha.ones(10000))
-- kept:max()  --> 1.25
-- math.abs(kept:mean():item() - 1) < 0.05  --> true
add('Dropout', 'dropout')
--- Dropout of whole channels: all places of a channel are 0, or none.
-- @type Dropout1d Dropout2d Dropout3d
-- @param p the probability, from 0 to 1
-- @shape (n, c, length), (n, c, h, w), (n, c, d, h, w), or each without n -> the same
-- @raise for a p that is no probability
-- @usage
-- local y = nn.Dropout1d(0.5)(tocha.ones(50, 2, 3))
-- y:amax(3):equal(y:amin(3))  --> true
-- nn.Dropout2d(0.5):eval()(tocha.ones(1, 1, 1, 2))  --> {{{{1, 1}}}}
-- nn.Dropout3d()(tocha.ones(2, 3, 2, 2, 2)).shape  --> {2, 3, 2, 2, 2}
add('Dropout1d', 'dropout1d')
add('Dropout2d', 'dropout2d')
add('Dropout3d', 'dropout3d')
--- Dropout for SELU: elements are set to SELU's lower limit, and all are scaled so that mean and variance stay; FeatureAlphaDropout
-- does so with whole channels.
-- @type AlphaDropout FeatureAlphaDropout
-- @param p the probability, from 0 to 1
-- @shape any (AlphaDropout), (n, c, ...) -> the same
-- @raise for a p that is no probability
-- @usage
-- local y = nn.AlphaDropout(0.3)(tocha.randn(20000))
-- math.abs(y:mean():item()) < 0.05 and math.abs(y:var():item() - 1) < 0.1  --> true
-- nn.FeatureAlphaDropout(0.3):eval()(tocha.ones(1, 2, 3))[1]  --> {{1, 1, 1}, {1, 1, 1}}
add('AlphaDropout', 'alpha_dropout')
add('FeatureAlphaDropout', 'feature_alpha_dropout')

return dropout
