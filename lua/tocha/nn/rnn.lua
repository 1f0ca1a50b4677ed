--- Recurrent networks over sequences: nn.RNN, nn.LSTM, nn.GRU; many layers, both directions, packed sequences.
--
-- The input projections of all time steps are one matrix product; the recurrence is one operator, F.recurrent_layer.
-- @module tocha.nn.rnn

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local show = require 'tocha.nn.show'
local Module = require 'tocha.nn.module'
local Parameter = require 'tocha.nn.parameter'
local F = require 'tocha.nn.functional'
local init = require 'tocha.nn.initializers'
local backends = require 'tocha.backends'
local recurrent_whole = require('tocha.binding').hidden('recurrent_whole')
local PackedSequence = require 'tocha.nn.utils.packedsequence'

local Base = class('RNNBase', Module)

-- ------------------------------------------------------------------------------------------------------------ weights

local function names_of(self, suffix)
  local names = {'weight_ih' .. suffix, 'weight_hh' .. suffix}
  if self.bias then
    names[3], names[4] = 'bias_ih' .. suffix, 'bias_hh' .. suffix
  end
  if self.proj_size > 0 then names[#names + 1] = 'weight_hr' .. suffix end
  return names
end

local function shapes_of(self, layer)
  local directions, gates = self.bidirectional and 2 or 1, self.gates * self.hidden_size
  local out = self.proj_size > 0 and self.proj_size or self.hidden_size
  local input = layer == 0 and self.input_size or out * directions
  local shapes = {{gates, input}, {gates, out}}
  if self.bias then shapes[3], shapes[4] = {gates}, {gates} end
  if self.proj_size > 0 then shapes[#shapes + 1] = {self.proj_size, self.hidden_size} end
  return shapes
end

function Base:setup(device, dtype)
  self.layer_names = {}
  for layer = 0, self.num_layers - 1 do
    for direction = 1, self.bidirectional and 2 or 1 do
      local names = names_of(self, '_l' .. layer .. (direction == 2 and '_reverse' or ''))
      for i, shape in ipairs(shapes_of(self, layer)) do
        self[names[i]] = Parameter(tocha.empty(shape, {device = device, dtype = dtype}))
      end
      self.layer_names[#self.layer_names + 1] = names
    end
  end
  self:reset_parameters()
end

local function check(self)
  local name = self.__name
  if self.hidden_size < 1 then args.fail('%s: hidden_size: got %d, takes at least 1', name, self.hidden_size) end
  if self.num_layers < 1 then args.fail('%s: num_layers: got %d, takes at least 1', name, self.num_layers) end
  if self.dropout < 0 or self.dropout > 1 then
    args.fail('%s: dropout: got %g, takes a probability from 0 to 1', name, self.dropout)
  end
  if self.proj_size < 0 or self.proj_size >= self.hidden_size then
    args.fail('%s: proj_size: got %d, takes 0 to %d', name, self.proj_size, self.hidden_size - 1)
  end
end

--- Draws new values: uniform in +-1/sqrt(hidden_size).
function Base:reset_parameters()
  local bound = 1 / math.sqrt(self.hidden_size)
  for p in self:parameters() do init.uniform_(p, -bound, bound) end
end

--- Does nothing: weights need not be next to each other. It is there for programs that call it.
function Base.flatten_parameters() end

--- The parameters of each layer and direction, as a list of lists.
function Base:all_weights()
  local out = {}
  for i, names in ipairs(self.layer_names) do
    out[i] = {}
    for k, name in ipairs(names) do out[i][k] = self[name] end
  end
  return out
end

-- ------------------------------------------------------------------------------------------------------------ forward

local function check_input(self, input, packed)
  if not tocha.is_tensor(input) then args.fail('%s: input: got %s, takes a tensor', self.__name, args.show(input)) end
  local rank = input:dim()
  if rank ~= (packed and 2 or 3) and (packed or rank ~= 2) then
    args.fail('%s: got an input of %d dimensions, takes 2 (without batch) or 3', self.__name, rank)
  end
  if input:size(rank) ~= self.input_size then
    args.fail('%s: the input %s has %d features in its last dimension, input_size is %d', self.__name, args.show(input),
      input:size(rank), self.input_size)
  end
end

local function check_state(self, state, what, batch, size)
  local n = self.num_layers * (self.bidirectional and 2 or 1)
  if not tocha.is_tensor(state) then
    args.fail('%s: %s: got %s, takes a tensor', self.__name, what, args.show(state))
  end
  if state:dim() ~= 3 or state:size(1) ~= n or state:size(2) ~= batch or state:size(3) ~= size then
    args.fail('%s: %s: got %s, takes [%d x %d x %d]', self.__name, what, args.show(state), n, batch, size)
  end
  return state
end

local function zeros(self, input, batch, size)
  return tocha.zeros({self.num_layers * (self.bidirectional and 2 or 1), batch, size}, {dtype = input.dtype,
    device = input.device})
end

-- hx as given, or zeros: states of all layers, (layers * directions, batch, size) each
local function initial(self, hx, input, batch, unbatched, packed)
  local h, c
  if self.cell then
    if hx ~= nil then h, c = hx[1], hx[2] end
  else
    h = hx
  end
  if h ~= nil and unbatched then
    h, c = h:unsqueeze(2), c and c:unsqueeze(2)
  end
  if h ~= nil and packed and packed.sorted_indices then
    h, c = h:index_select(2, packed.sorted_indices), c and c:index_select(2, packed.sorted_indices)
  end
  local out = self.proj_size > 0 and self.proj_size or self.hidden_size
  h = h == nil and zeros(self, input, batch, out) or check_state(self, h, 'h_0', batch, out)
  if not self.cell then return h end
  return h, c == nil and zeros(self, input, batch, self.hidden_size) or check_state(self, c, 'c_0', batch,
    self.hidden_size)
end

-- One direction of one layer over x, (time, batch, features) or packed rows: outputs and last states.
local function run(self, k, x, h, c, sizes)
  local names = self.layer_names[k]
  local proj = self.proj_size > 0 and self[names[#names]] or nil
  local b_ih, b_hh
  if self.bias then b_ih, b_hh = self[names[3]], self[names[4]] end
  local h0, c0 = h:select(1, k), c and c:select(1, k)
  local reverse = self.bidirectional and k % 2 == 0
  if not sizes and not proj and backends.recurrent_by_library(x) then
    local y, hn, cn = recurrent_whole(self.kind, reverse and x:flip(1) or x, h0, c0, self[names[1]], self[names[2]], b_ih, b_hh)
    return reverse and y:flip(1) or y, hn, cn
  end
  local projected = F.linear(x, self[names[1]], b_ih)
  return F.recurrent_layer(self.kind, projected, h0, c0, self[names[2]], b_hh, proj, sizes, reverse)
end

-- All layers; x is (time, batch, features) or packed rows.
local function layers(self, x, h, c, sizes)
  local last_h, last_c = {}, c and {}
  local directions = self.bidirectional and 2 or 1
  for layer = 1, self.num_layers do
    local outs = {}
    for direction = 1, directions do
      local k = (layer - 1) * directions + direction
      local y, hn, cn = run(self, k, x, h, c, sizes)
      outs[direction], last_h[k] = y, hn
      if c then last_c[k] = cn end
    end
    x = directions == 2 and tocha.cat(outs, -1) or outs[1]
    if self.dropout > 0 and self.training and layer < self.num_layers then x = F.dropout(x, self.dropout, true) end
  end
  return x, tocha.stack(last_h, 1), c and tocha.stack(last_c, 1)
end

local function results(self, out, h, c)
  if self.cell then return out, {h, c} end
  return out, h
end

local function forward_packed(self, packed, hx)
  check_input(self, packed.data, true)
  local sizes = packed.batch_sizes:totable()
  local h, c = initial(self, hx, packed.data, sizes[1], false, packed)
  local out
  out, h, c = layers(self, packed.data, h, c, sizes)
  if packed.unsorted_indices then
    h, c = h:index_select(2, packed.unsorted_indices), c and c:index_select(2, packed.unsorted_indices)
  end
  return results(self, PackedSequence(out, packed.batch_sizes, packed.sorted_indices, packed.unsorted_indices), h, c)
end

--- @param input (time, batch, features), with `batch_first` (batch, time, features), (time, features), or a
-- PackedSequence
-- @param[opt] hx the first state: h of (layers * directions, batch, hidden_size); for LSTM `{h, c}`
-- @return the outputs of the last layer for all times, then the last state, in the same form as `hx`
function Base:forward(input, hx)
  if class.isinstance(input, PackedSequence) then return forward_packed(self, input, hx) end
  check_input(self, input, false)
  local unbatched, swap = input:dim() == 2, self.batch_first
  local x = unbatched and input:unsqueeze(2) or (swap and input:transpose(1, 2) or input)
  local h, c = initial(self, hx, x, x:size(2), unbatched)
  local out
  out, h, c = layers(self, x, h, c, nil)
  if unbatched then return results(self, out:squeeze(2), h:squeeze(2), c and c:squeeze(2)) end
  return results(self, swap and out:transpose(1, 2) or out, h, c)
end

function Base:extra_repr()
  local text = ('%d, %d'):format(self.input_size, self.hidden_size)
  local function add(field, unless)
    if self[field] ~= unless then text = text .. ', ' .. show.fields(self, field) end
  end
  add('proj_size', 0)
  add('num_layers', 1)
  add('bias', true)
  add('batch_first', false)
  add('dropout', 0)
  add('bidirectional', false)
  return text
end

-- ------------------------------------------------------------------------------------------------------------ classes

--- Recurrent networks of several layers: RNN is Elman's, h' = tanh(W x + b + U h + c) or with relu; GRU has gated units (K. Cho et al.,
-- 2014), LSTM a memory (S. Hochreiter, J. Schmidhuber, 1997; with projection H. Sak et al., 2014). Parameters are named as in PyTorch:
-- weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0, ..., _reverse for the way back. RNNBase is the class they are derived from.
-- @type RNN LSTM GRU RNNBase
-- @param input_size features of an input
-- @param hidden_size features of a state
-- @param num_layers layers, each of which reads the one below
-- @param nonlinearity (RNN) 'tanh' or 'relu'
-- @param bias whether there are b and c
-- @param batch_first whether inputs and outputs are (n, time, features); states stay as they are
-- @param dropout the probability that outputs between layers are dropped, in training
-- @param bidirectional whether each layer also reads from the end; outputs are side by side
-- @param proj_size (LSTM) the size that h is projected to; 0 is none
-- @shape input (time, n, input_size), (time, input_size) or a PackedSequence; states (layers * directions, n, hidden_size), zeros if not given;
-- an LSTM's are {h, c} -> output (time, n, directions * hidden_size), last states
-- @raise for inputs of another size, and for proj_size not below hidden_size
-- @usage
-- local rnn = nn.RNN(3, 4, 2, {nonlinearity = 'relu'})
-- local y, h = rnn(tocha.ones(5, 2, 3))
-- y.shape  --> {5, 2, 4}
-- h.shape  --> {2, 2, 4}
-- local out, state = nn.LSTM(3, 4, {bidirectional = true, batch_first = true, proj_size = 2})(tocha.ones(2, 5, 3))
-- out.shape  --> {2, 5, 4}
-- state[1].shape  --> {2, 2, 2}
-- state[2].shape  --> {2, 2, 4}
-- local gru = nn.GRU(3, 4)
-- gru(tocha.ones(5, 3), tocha.zeros(1, 4)).shape  --> {5, 4}
-- gru.weight_ih_l0.shape  --> {12, 3}
-- tocha.class.isinstance(gru, nn.RNNBase)  --> true
local common = {'bias:bool=true', 'batch_first:bool=false', 'dropout:num=0', 'bidirectional:bool=false'}

local RNN = class('RNN', Base)
RNN.gates, RNN.proj_size, RNN.cell = 1, 0, false

local read_rnn = args.spec('RNN', 'input_size:int', 'hidden_size:int', 'num_layers:int=1', 'nonlinearity:str="tanh"',
  common[1],
  common[2], common[3], common[4], 'device=nil', 'dtype=nil')

function RNN:__init(...)
  local device, dtype
  self.input_size, self.hidden_size, self.num_layers, self.nonlinearity, self.bias, self.batch_first, self.dropout,
    self.bidirectional, device, dtype = read_rnn(...)
  self.kind = self.nonlinearity
  if self.nonlinearity ~= 'tanh' and self.nonlinearity ~= 'relu' then
    args.fail("RNN: nonlinearity: got '%s', takes 'tanh' or 'relu'", self.nonlinearity)
  end
  check(self)
  self:setup(device, dtype)
end

local LSTM = class('LSTM', Base)
LSTM.gates, LSTM.cell, LSTM.kind = 4, true, 'lstm'

local read_lstm = args.spec('LSTM', 'input_size:int', 'hidden_size:int', 'num_layers:int=1', common[1], common[2],
  common[3],
  common[4], 'proj_size:int=0', 'device=nil', 'dtype=nil')

function LSTM:__init(...)
  local device, dtype
  self.input_size, self.hidden_size, self.num_layers, self.bias, self.batch_first, self.dropout, self.bidirectional,
    self.proj_size, device, dtype = read_lstm(...)
  check(self)
  self:setup(device, dtype)
end

local GRU = class('GRU', Base)
GRU.gates, GRU.proj_size, GRU.cell, GRU.kind = 3, 0, false, 'gru'

local read_gru = args.spec('GRU', 'input_size:int', 'hidden_size:int', 'num_layers:int=1', common[1], common[2],
  common[3],
  common[4], 'device=nil', 'dtype=nil')

function GRU:__init(...)
  local device, dtype
  self.input_size, self.hidden_size, self.num_layers, self.bias, self.batch_first, self.dropout, self.bidirectional,
    device,
    dtype = read_gru(...)
  check(self)
  self:setup(device, dtype)
end

return {RNNBase = Base, RNN = RNN, LSTM = LSTM, GRU = GRU}
