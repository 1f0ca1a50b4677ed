--- One step of a recurrent network: nn.RNNCell, nn.LSTMCell, nn.GRUCell.
-- @module tocha.nn.rnncell

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local show = require 'tocha.nn.show'
local Module = require 'tocha.nn.module'
local Parameter = require 'tocha.nn.parameter'
local F = require 'tocha.nn.functional'
local init = require 'tocha.nn.initializers'

local Base = class('RNNCellBase', Module)

function Base:setup(gates, device, dtype)
  local options = {device = device, dtype = dtype}
  local n = gates * self.hidden_size
  self.weight_ih = Parameter(tocha.empty({n, self.input_size}, options))
  self.weight_hh = Parameter(tocha.empty({n, self.hidden_size}, options))
  self:register_parameter('bias_ih', self.bias and Parameter(tocha.empty({n}, options)) or nil)
  self:register_parameter('bias_hh', self.bias and Parameter(tocha.empty({n}, options)) or nil)
  self:reset_parameters()
end

--- Draws new values: uniform in +-1/sqrt(hidden_size).
function Base:reset_parameters()
  local bound = self.hidden_size > 0 and 1 / math.sqrt(self.hidden_size) or 0
  for p in self:parameters() do init.uniform_(p, -bound, bound) end
end

local function check(self, input)
  if not tocha.is_tensor(input) then args.fail('%s: input: got %s, takes a tensor', self.__name, args.show(input)) end
  local rank = input:dim()
  if rank ~= 1 and rank ~= 2 then
    args.fail('%s: got an input of %d dimensions, takes 1 (without batch) or 2', self.__name, rank)
  end
  if input:size(rank) ~= self.input_size then
    args.fail('%s: the input %s has %d features, input_size is %d', self.__name, args.show(input), input:size(rank),
      self.input_size)
  end
  return rank == 1
end

-- (batch, hidden): the given state, or zeros
local function state(self, h, input, unbatched)
  if h == nil then
    return tocha.zeros({unbatched and 1 or input:size(1), self.hidden_size}, {dtype = input.dtype,
      device = input.device})
  end
  h = unbatched and h:dim() == 1 and h:unsqueeze(1) or h
  if h:dim() ~= 2 or h:size(2) ~= self.hidden_size then
    args.fail('%s: the state %s does not have %d features', self.__name, args.show(h), self.hidden_size)
  end
  return h
end

function Base:extra_repr()
  local text = ('%d, %d'):format(self.input_size, self.hidden_size)
  if not self.bias then text = text .. ', bias=False' end
  if self.nonlinearity and self.nonlinearity ~= 'tanh' then text = text .. ', ' .. show.fields(self, 'nonlinearity') end
  return text
end

-- One step is a sequence of length 1: the last states are the new ones.
local function step(self, x, h, c)
  local projected = F.linear(x, self.weight_ih, self.bias_ih):unsqueeze(1)
  local _, new_h, new_c = F.recurrent_layer(self.kind, projected, h, c, self.weight_hh, self.bias_hh)
  return new_h, new_c
end

-- h' of the cells whose state is h alone
local function forward(self, input, hx)
  local unbatched = check(self, input)
  local x = unbatched and input:unsqueeze(1) or input
  local h = step(self, x, state(self, hx, input, unbatched))
  if unbatched then return h:squeeze(1) end
  return h
end

--- One step of a recurrent network, its weights named weight_ih, weight_hh, bias_ih, bias_hh: `h = cell(x, h)`, and of an LSTM
-- `h, c = cell(x, {h, c})`. States are zeros if not given.
-- @type RNNCell GRUCell LSTMCell
-- @param input_size features of an input
-- @param hidden_size features of a state
-- @param bias whether there are biases
-- @param nonlinearity (RNNCell) 'tanh' or 'relu'
-- @shape (n, input_size) or (input_size), states (n, hidden_size) or (hidden_size) -> new states of the same shape
-- @raise for inputs or states of another size
-- @usage
-- local cell = nn.RNNCell(3, 4)
-- cell(tocha.ones(2, 3)).shape  --> {2, 4}
-- nn.GRUCell(3, 4)(tocha.ones(3), tocha.zeros(4)).shape  --> {4}
-- local h, c = nn.LSTMCell(3, 4)(tocha.ones(2, 3), {tocha.zeros(2, 4), tocha.zeros(2, 4)})
-- h.shape  --> {2, 4}
-- c.shape  --> {2, 4}
-- nn.init.zeros_(cell.weight_ih)
-- nn.init.zeros_(cell.bias_ih)
-- nn.init.ones_(cell.bias_hh)
-- cell(tocha.ones(1, 3))  --> {{0.7616, 0.7616, 0.7616, 0.7616}}
local RNNCell = class('RNNCell', Base)
RNNCell.forward = forward

local read_rnn = args.spec('RNNCell', 'input_size:int', 'hidden_size:int', 'bias:bool=true', 'nonlinearity:str="tanh"',
  'device=nil', 'dtype=nil')

function RNNCell:__init(...)
  local device, dtype
  self.input_size, self.hidden_size, self.bias, self.nonlinearity, device, dtype = read_rnn(...)
  if self.nonlinearity ~= 'tanh' and self.nonlinearity ~= 'relu' then
    args.fail("RNNCell: nonlinearity: got '%s', takes 'tanh' or 'relu'", self.nonlinearity)
  end
  self.kind = self.nonlinearity
  self:setup(1, device, dtype)
end

local GRUCell = class('GRUCell', Base)
GRUCell.forward, GRUCell.kind = forward, 'gru'

local read_gru = args.spec('GRUCell', 'input_size:int', 'hidden_size:int', 'bias:bool=true', 'device=nil', 'dtype=nil')

function GRUCell:__init(...)
  local device, dtype
  self.input_size, self.hidden_size, self.bias, device, dtype = read_gru(...)
  self:setup(3, device, dtype)
end

local LSTMCell = class('LSTMCell', Base)
LSTMCell.kind = 'lstm'

local read_lstm = args.spec('LSTMCell', 'input_size:int', 'hidden_size:int', 'bias:bool=true', 'device=nil',
  'dtype=nil')

function LSTMCell:__init(...)
  local device, dtype
  self.input_size, self.hidden_size, self.bias, device, dtype = read_lstm(...)
  self:setup(4, device, dtype)
end

function LSTMCell:forward(input, hx)
  local unbatched = check(self, input)
  local x = unbatched and input:unsqueeze(1) or input
  local h, c
  if hx ~= nil then h, c = hx[1], hx[2] end
  h, c = step(self, x, state(self, h, input, unbatched), state(self, c, input, unbatched))
  if unbatched then return h:squeeze(1), c:squeeze(1) end
  return h, c
end

return {RNNCell = RNNCell, LSTMCell = LSTMCell, GRUCell = GRUCell}
