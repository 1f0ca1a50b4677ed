--- All transforms of random variables under one roof: `tocha.distributions.transforms.ExpTransform()`.
-- @module tocha.distributions.transforms

local transforms = {}
for _, file in ipairs{'transform', 'transforms_scalar', 'transforms_matrix'} do
  for name, value in pairs(require('tocha.distributions.' .. file)) do transforms[name] = value end
end
return transforms
