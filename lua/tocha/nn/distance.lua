--- Distances of rows: nn.CosineSimilarity, nn.PairwiseDistance.
-- @module tocha.nn.distance

local define = require 'tocha.nn.simple'
local F = require 'tocha.nn.functional'

--- The norm of the difference of vectors, over the last dim.
-- @type PairwiseDistance
-- @param norm which norm: 2 is the length
-- @param eps added to the differences
-- @param keepdim whether the last dim stays, with size 1
-- @shape (n, d) or (d) twice -> (n) or (), with keepdim (n, 1)
-- @usage
-- nn.PairwiseDistance(1, {eps = 0})(tocha.tensor{{0, 0}}, tocha.tensor{{3, 4}})  --> {7}

--- The cosine of the angle between vectors along a dim: x1 x2 / max(|x1| |x2|, eps).
-- @type CosineSimilarity
-- @param dim along which the vectors lie
-- @param eps least product of lengths
-- @shape (..., d, ...) twice, broadcast -> without that dim
-- @usage
-- nn.CosineSimilarity(2)(tocha.tensor{{1, 0}, {3, 4}}, tocha.tensor{{0, 2}, {3, 4}})  --> {0, 1}
return {
  CosineSimilarity = define('CosineSimilarity', {'dim:int=2', 'eps:num=1e-8'}, function(self, x1, x2)
    return F.cosine_similarity(x1, x2, self.dim, self.eps)
  end),
  PairwiseDistance = define('PairwiseDistance', {'norm:num=2', 'eps:num=1e-6', 'keepdim:bool=false'}, function(self,
    x1, x2)
    return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
  end),
}
