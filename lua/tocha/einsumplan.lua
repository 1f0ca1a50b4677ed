--- Plans of sums of products: einsum.lua works them out on shapes alone, and what it does is written down as steps that run on any tensors of
-- these shapes.
-- @module tocha.einsumplan

local einsumplan = {}

-- A shape that stands for the tensor in place `slot` of a plan. Its methods are those of tensors that a contraction needs.
local Shape = {}
Shape.__index = Shape

local function step(plan, sizes, operator, first, second, argument)
  plan.n = plan.n + 1
  local slot = plan.inputs + plan.n
  plan[plan.n] = {operator = operator, first = first.slot, second = second and second.slot, argument = argument, slot = slot}
  return setmetatable({plan = plan, sizes = sizes, slot = slot}, Shape)
end

function Shape:dim() return #self.sizes end
function Shape:size(d) return self.sizes[d] end

function Shape:permute(dims)
  local sizes = {}
  for i, d in ipairs(dims) do sizes[i] = self.sizes[d] end
  return step(self.plan, sizes, 'permute', self, nil, dims)
end

function Shape:reshape(sizes)
  local same = #sizes == #self.sizes
  for i, n in ipairs(sizes) do same = same and self.sizes[i] == n end
  return same and self or step(self.plan, sizes, 'reshape', self, nil, sizes)
end

function Shape:sum(dims)
  local gone, sizes = {}, {}
  for _, d in ipairs(dims) do gone[d] = true end
  for d, n in ipairs(self.sizes) do
    if not gone[d] then sizes[#sizes + 1] = n end
  end
  return step(self.plan, sizes, 'sum', self, nil, dims)
end

function Shape:squeeze(d)
  local sizes = {unpack(self.sizes)}
  table.remove(sizes, d)
  return self:reshape(sizes)
end

function Shape:unsqueeze_last()
  local sizes = {unpack(self.sizes)}
  sizes[#sizes + 1] = 1
  return self:reshape(sizes)
end

function Shape:diagonal(first, second)
  local sizes, least = {}, math.min(self.sizes[first], self.sizes[second])
  for d, n in ipairs(self.sizes) do
    if d ~= first and d ~= second then sizes[#sizes + 1] = n end
  end
  sizes[#sizes + 1] = least
  return step(self.plan, sizes, 'diagonal', self, nil, {first, second})
end

--- (rows, k) times (k, columns), or a batch of them
function Shape:matmul(other)
  local n = #self.sizes
  local sizes = {unpack(self.sizes)}
  sizes[n] = other.sizes[n]
  return step(self.plan, sizes, 'matmul', self, other)
end

function Shape.__mul(x, y) -- as many dims, sizes of 1 broadcast
  local sizes = {}
  for d, n in ipairs(x.sizes) do sizes[d] = n == 1 and y.sizes[d] or n end
  return step(x.plan, sizes, 'mul', x, y)
end

--- Shapes that stand for the operands of a plan to be made.
function einsumplan.shapes(operands)
  local plan, shapes = {n = 0, inputs = #operands}, {}
  for k, x in ipairs(operands) do shapes[k] = setmetatable({plan = plan, sizes = x:size(), slot = k, tensor = x}, Shape) end
  return shapes
end

--- The plan that ends with `result`, without the operands' tensors.
function einsumplan.finish(result, shapes)
  for _, shape in ipairs(shapes) do shape.tensor = nil end
  local plan = result.plan
  plan.result = result.slot
  return plan
end

local run = {
  permute = function(x, _, dims) return x:permute(dims) end,
  reshape = function(x, _, sizes) return x:reshape(sizes) end,
  sum = function(x, _, dims) return x:sum(dims, {dtype = x.dtype}) end, -- integers stay what they are
  diagonal = function(x, _, dims) return x:diagonal(0, dims[1], dims[2]) end,
  matmul = function(x, y) return x:matmul(y) end,
  mul = function(x, y) return x * y end,
}

--- The tensor that a plan gives for operands of its shapes.
function einsumplan.run(plan, operands)
  local tensors = {}
  for k = 1, plan.inputs do tensors[k] = operands[k] end
  for i = 1, plan.n do
    local s = plan[i]
    tensors[s.slot] = run[s.operator](tensors[s.first], s.second and tensors[s.second], s.argument)
  end
  return tensors[plan.result]
end

return einsumplan
