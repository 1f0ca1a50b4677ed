--- optim.SparseAdam: Adam that touches only the rows that have a gradient (lazy Adam).
-- @classmod tocha.optim.SparseAdam

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'
local Optimizer = require 'tocha.optim.optimizer'

local SparseAdam = class('SparseAdam', Optimizer)
SparseAdam.shaped = {'exp_avg', 'exp_avg_sq'}

local read = args.spec('SparseAdam', 'params', 'lr:num=0.001', 'betas:list=nil', 'eps:num=1e-08', 'maximize:bool=false')

--- For embeddings of which a batch sees few rows. Tocha has no sparse gradients, so a row (all of a parameter at one index of its first
-- dim) counts as absent if its gradient is zero throughout. Rows that are absent keep their values and both their averages, which in `Adam` go on
-- decaying and moving; `step` counts for all rows together, as in PyTorch, and a step without any row counts too. A row that was seen, but whose
-- gradient is zero throughout, is left alone, where PyTorch would decay its averages. A tensor without dims is one row.
-- @param params list of tensors, or of groups
-- @tparam[opt=0.001] number lr
-- @tparam[opt={0.9, 0.999}] table betas how slowly the two averages move
-- @tparam[opt=1e-8] number eps
-- @tparam[opt=false] bool maximize
-- @usage
-- local table = nn.Embedding(4, 2)
-- nn.init.ones_(table.weight)
-- local optimizer = optim.SparseAdam(table:parameters(), {lr = 0.1})
-- table(tocha.int64{1, 3}):sum():backward()
-- optimizer:step()
-- table.weight  --> {{0.9, 0.9}, {1, 1}, {0.9, 0.9}, {1, 1}}
function SparseAdam:__init(...)
  local params, lr, betas, eps, maximize = read(...)
  self:setup(params, {lr = lr, betas = betas or {0.9, 0.999}, eps = eps, maximize = maximize})
end

function SparseAdam:check(group)
  self:check_number(group, 'lr', 0)
  self:check_number(group, 'eps', 0)
  self:check_betas(group)
  self:check_real(group)
end

function SparseAdam.init_state(_, state, p)
  state.step = state.step or Optimizer.number(0)
  state.exp_avg, state.exp_avg_sq = state.exp_avg or tocha.zeros_like(p), state.exp_avg_sq or tocha.zeros_like(p)
end

-- x as [rows x entries of a row]
local function rows_of(x)
  if x:dim() == 0 then return x:reshape(1, 1) end
  return x:reshape(x:size(1), -1)
end

-- p, its gradient and its averages hold at least one element
local function update_rows(p, state, group)
  local g = rows_of(p.grad)
  local at = g:ne(0):any(2):nonzero():reshape(-1)
  if at:numel() == 0 then return end
  g = g:index_select(1, at)
  if group.maximize then g = -g end
  local beta1, beta2, t = group.betas[1], group.betas[2], state.step:item()
  local shape = p:dim() == 0 and {1, 1} or {p:size(1), p:numel() / p:size(1)}
  local m = state.exp_avg:reshape(shape):index_select(1, at):lerp(g, 1 - beta1)
  local v = state.exp_avg_sq:reshape(shape):index_select(1, at):lerp(g * g, 1 - beta2)
  local size = group.lr * math.sqrt(1 - beta2 ^ t) / (1 - beta1 ^ t)
  local function put(x, new)
    x:copy_(x:reshape(shape):index_copy(1, at, new):reshape(x:size()))
  end
  if p:dim() > 0 and p:is_contiguous() then
    put = function(x, new) x:view(shape):index_copy_(1, at, new) end
  end
  put(state.exp_avg, m)
  put(state.exp_avg_sq, v)
  local w = p:detach()
  put(w, w:reshape(shape):index_select(1, at):sub(m:div(v:sqrt():add(group.eps)):mul(size)))
end

function SparseAdam:update()
  tocha.no_grad(function()
    for _, group in ipairs(self.param_groups) do
      for _, p in ipairs(group.params) do
        if p.grad ~= nil then
          if not self.state[p] then self:make_state(p, group) end
          self.state[p].step:add_(1)
          if p:numel() > 0 then update_rows(p, self.state[p], group) end
        end
      end
    end
  end)
end

return SparseAdam
