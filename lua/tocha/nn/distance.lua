--- Distances of rows: nn.CosineSimilarity, nn.PairwiseDistance.
-- @module tocha.nn.distance

local define = require 'tocha.nn.simple'
local F = require 'tocha.nn.functional'

return {
  CosineSimilarity = define('CosineSimilarity', {'dim:int=2', 'eps:num=1e-8'}, function(self, x1, x2)
    return F.cosine_similarity(x1, x2, self.dim, self.eps)
  end),
  PairwiseDistance = define('PairwiseDistance', {'norm:num=2', 'eps:num=1e-6', 'keepdim:bool=false'}, function(self,
    x1, x2)
    return F.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)
  end),
}
