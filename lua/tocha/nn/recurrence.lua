--- The recurrences of nn.RNN, nn.LSTM and nn.GRU, one time step after the other.
--
-- A step takes the projected input of one time (batch, gates * hidden), the states and the recurrent weights, and
-- gives the new states.
-- @module tocha.nn.recurrence

local tocha = require 'tocha'
local F = require 'tocha.nn.functional'

local recurrence = {steps = {}}
local steps = recurrence.steps

function steps.tanh(x, h, _, w, b) return (x + F.linear(h, w, b)):tanh() end

function steps.relu(x, h, _, w, b) return (x + F.linear(h, w, b)):relu() end

-- gates in order: input, forget, cell, output
function steps.lstm(x, h, c, w, b, proj)
  local gates = x + F.linear(h, w, b)
  local n = c:size(2)
  local i, f = gates:narrow(2, 1, n):sigmoid(), gates:narrow(2, n + 1, n):sigmoid()
  local g, o = gates:narrow(2, 2 * n + 1, n):tanh(), gates:narrow(2, 3 * n + 1, n):sigmoid()
  local cell = f * c + i * g
  local out = o * cell:tanh()
  if proj ~= nil then out = F.linear(out, proj) end
  return out, cell
end

-- gates in order: reset, update, new; the reset gate acts on the product, bias included
function steps.gru(x, h, _, w, b)
  local y = F.linear(h, w, b)
  local n = h:size(2)
  local rz = (x:narrow(2, 1, 2 * n) + y:narrow(2, 1, 2 * n)):sigmoid()
  local new = (x:narrow(2, 2 * n + 1, n) + rz:narrow(2, 1, n) * y:narrow(2, 2 * n + 1, n)):tanh()
  return new + rz:narrow(2, n + 1, n) * (h - new)
end

local function whole(step, x, h, c, w, b, proj, reverse)
  local out, n = {}, x:size(1)
  for k = 1, n do
    local t = reverse and n + 1 - k or k
    h, c = step(x:select(1, t), h, c, w, b, proj)
    out[t] = h
  end
  if n == 0 then return x:new_zeros({0, h:size(1), h:size(2)}), h, c end
  return tocha.stack(out, 1), h, c
end

-- Sequences end one by one: the batch shrinks, and the states of those that ended wait (in `ended`, shortest first).
local function packed_forward(step, x, h, c, w, b, proj, sizes)
  local out, ended_h, ended_c, first = {}, {}, {}, 1
  for t = 1, #sizes do
    local n, had = sizes[t], h:size(1)
    if n < had then
      table.insert(ended_h, 1, h:narrow(1, n + 1, had - n))
      h = h:narrow(1, 1, n)
      if c then
        table.insert(ended_c, 1, c:narrow(1, n + 1, had - n))
        c = c:narrow(1, 1, n)
      end
    end
    h, c = step(x:narrow(1, first, n), h, c, w, b, proj)
    out[t], first = h, first + n
  end
  table.insert(ended_h, 1, h)
  if c then
    table.insert(ended_c, 1, c)
    c = tocha.cat(ended_c, 1)
  end
  return tocha.cat(out, 1), tocha.cat(ended_h, 1), c
end

-- From the end: the batch grows, new sequences begin with their first state.
local function packed_reverse(step, x, h0, c0, w, b, proj, sizes)
  local out, last = {}, x:size(1)
  local h, c, had = nil, nil, 0
  for t = #sizes, 1, -1 do
    local n = sizes[t]
    if n > had then
      local new_h = h0:narrow(1, had + 1, n - had)
      h = h and tocha.cat({h, new_h}, 1) or new_h
      if c0 then
        local new_c = c0:narrow(1, had + 1, n - had)
        c = c and tocha.cat({c, new_c}, 1) or new_c
      end
      had = n
    end
    h, c = step(x:narrow(1, last - n + 1, n), h, c, w, b, proj)
    out[t], last = h, last - n
  end
  return tocha.cat(out, 1), h, c
end

--- Runs a recurrence over all times.
-- @tparam function step one of `recurrence.steps`
-- @param x the projected inputs: (time, batch, gates * hidden), or packed rows
-- @param h the first state (batch, hidden)
-- @param c the first cell state of an LSTM, else nil
-- @param w recurrent weight
-- @param b recurrent bias or nil
-- @param proj projection of an LSTM or nil
-- @param sizes batch sizes of packed rows, else nil
-- @tparam bool reverse whether time runs backwards
-- @return outputs in the layout of x, last h, last c
function recurrence.run(step, x, h, c, w, b, proj, sizes, reverse)
  if not sizes then return whole(step, x, h, c, w, b, proj, reverse) end
  if reverse then return packed_reverse(step, x, h, c, w, b, proj, sizes) end
  return packed_forward(step, x, h, c, w, b, proj, sizes)
end

return recurrence
