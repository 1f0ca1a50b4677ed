--- tocha.nn.utils.rnn: sequences of several lengths, padded and packed. Positions and lengths are PyTorch's, indices
-- count from 1.
-- @module tocha.nn.utils.rnn

local tocha = require 'tocha'
local class = require 'tocha.class'
local args = require 'tocha.args'
local checked = require 'tocha.checked'

--- Sequences of several lengths as rows, time after time, the longest sequences first: what nn.LSTM and its like take in place of
-- a padded batch. pack_sequence and pack_padded_sequence make them; `to` moves or casts the rows.
-- @type PackedSequence
-- @param data the rows of all times, one after the other
-- @param batch_sizes int64 on the CPU: how many sequences have a row at each time
-- @param[opt] sorted_indices which sequence (from 1) stands at each place
-- @param[opt] unsorted_indices at which place each sequence stands
-- @usage
-- local rnn = nn.utils.rnn
-- local packed = rnn.pack_sequence{tocha.tensor{{1}, {2}, {3}}, tocha.tensor{{4}}}
-- packed.data  --> {{1}, {4}, {2}, {3}}
-- packed.batch_sizes  --> {2, 1, 1}
-- packed.__name  --> 'PackedSequence'
-- nn.RNN(1, 5)(packed).data.shape  --> {4, 5}
local PackedSequence = require 'tocha.nn.utils.packedsequence'

local rnn = {PackedSequence = PackedSequence}

-- sizes and lengths are read on the CPU; orders lie where the data does
local function int64(list, device) return tocha.tensor(list, {dtype = 'int64', device = device or 'cpu'}) end

local function numbers(lengths)
  if not tocha.is_tensor(lengths) then return lengths end
  return lengths:totable()
end

-- The order of decreasing length; equal ones stay in order.
local function by_length(lengths)
  local order = {}
  for i = 1, #lengths do order[i] = i end
  table.sort(order, function(a, b)
    if lengths[a] ~= lengths[b] then return lengths[a] > lengths[b] end
    return a < b
  end)
  return order
end

local function check_lengths(lengths, batch, time)
  if type(lengths) ~= 'table' then args.fail('pack_padded_sequence: lengths: got %s, takes a list', args.show(lengths)) end
  if #lengths ~= batch then args.fail('pack_padded_sequence: got %d lengths for a batch of %d', #lengths, batch) end
  for i, n in ipairs(lengths) do
    if type(n) ~= 'number' or n < 1 or n > time then
      args.fail('pack_padded_sequence: length %s of sequence %d is outside 1..%d', args.show(n), i, time)
    end
  end
end

-- x is (time, batch, ...), batch by decreasing length
local function pack(x, lengths)
  local rows, sizes, alive = {}, {}, #lengths
  for t = 1, lengths[1] or 0 do
    while lengths[alive] < t do alive = alive - 1 end
    sizes[t] = alive
    rows[t] = x:select(1, t):narrow(1, 1, alive)
  end
  return tocha.cat(rows, 1), int64(sizes)
end

local read_pack = args.spec('pack_padded_sequence', 'input:tensor', 'lengths', 'batch_first:bool=false',
  'enforce_sorted:bool=true')

--- Packs a padded batch.
-- @param input (time, batch, ...), with batch_first (batch, time, ...)
-- @param lengths of the sequences: a list or an int64 tensor
-- @tparam[opt=false] bool batch_first
-- @tparam[opt=true] bool enforce_sorted whether the lengths must decrease; if not they are sorted
-- @usage
-- local padded = tocha.tensor{{1, 4}, {2, 0}, {3, 0}}
-- nn.utils.rnn.pack_padded_sequence(padded, {3, 1}).data  --> {1, 4, 2, 3}
function rnn.pack_padded_sequence(...)
  local x, lengths, batch_first, enforce_sorted = read_pack(...)
  lengths = numbers(lengths)
  if batch_first then x = x:transpose(1, 2) end
  check_lengths(lengths, x:size(2), x:size(1))
  if enforce_sorted then
    for i = 2, #lengths do
      if lengths[i] > lengths[i - 1] then
        args.fail('pack_padded_sequence: lengths: %d comes after %d; sort them, or give enforce_sorted = false',
          lengths[i],
          lengths[i - 1])
      end
    end
    return rnn.PackedSequence(pack(x, lengths))
  end
  local order, sorted, back = by_length(lengths), {}, {}
  for place, i in ipairs(order) do sorted[place], back[i] = lengths[i], place end
  local data, sizes = pack(x:index_select(2, int64(order, x.device)), sorted)
  return rnn.PackedSequence(data, sizes, int64(order, x.device), int64(back, x.device))
end

-- Row numbers (from 1) of each sequence, by place, and the lengths
local function places(sizes)
  local rows, first = {}, 1
  for i = 1, sizes[1] or 0 do rows[i] = {} end
  for t = 1, #sizes do
    for i = 1, sizes[t] do rows[i][t] = first + i - 1 end
    first = first + sizes[t]
  end
  return rows
end

local function check_packed(value, name)
  if not class.isinstance(value, rnn.PackedSequence) then
    args.fail('%s: sequence: got %s, takes a PackedSequence', name, args.show(value))
  end
end

local function unpack_places(packed)
  local rows = places(packed.batch_sizes:totable())
  local out = {}
  for i = 1, #rows do out[i] = packed.data:index_select(1, int64(rows[i], packed.data.device)) end
  if packed.unsorted_indices == nil then return out end
  local back = {}
  for i, place in ipairs(packed.unsorted_indices:totable()) do back[i] = out[place] end
  return back
end

local read_unpack = args.spec('pad_packed_sequence', 'sequence', 'batch_first:bool=false', 'padding_value:num=0',
  'total_length:int=nil')

--- The inverse of pack_padded_sequence.
-- @return the padded batch
-- @return the lengths, an int64 tensor
-- @param sequence a PackedSequence
-- @param padding_value what stands behind the ends
-- @param total_length the padded length; that of the longest sequence if not given
-- @usage
-- local rnn = nn.utils.rnn
-- local packed = rnn.pack_sequence{tocha.tensor{1, 2, 3}, tocha.tensor{4}}
-- local padded, lengths = rnn.pad_packed_sequence(packed, {batch_first = true})
-- padded  --> {{1, 2, 3}, {4, 0, 0}}
-- lengths  --> {3, 1}
function rnn.pad_packed_sequence(...)
  local packed, batch_first, value, total = read_unpack(...)
  check_packed(packed, 'pad_packed_sequence')
  local list, lengths = unpack_places(packed), {}
  for i = 1, #list do lengths[i] = list[i]:size(1) end
  local longest = packed.batch_sizes:numel()
  if total ~= nil and total < longest then
    args.fail('pad_packed_sequence: total_length %d is less than the longest length %d', total, longest)
  end
  local padded = rnn.pad_sequence(list, {batch_first = batch_first, padding_value = value})
  if total ~= nil and total > longest then
    local size = padded.shape
    local sizes = {}
    for i = 1, #size do sizes[i] = size[i] end
    local time = batch_first and 2 or 1
    sizes[time] = total - longest
    padded = tocha.cat({padded, tocha.full(sizes, value, {dtype = padded.dtype, device = padded.device})}, time)
  end
  return padded, int64(lengths)
end

local read_pad = args.spec('pad_sequence', 'sequences:list', 'batch_first:bool=false', 'padding_value:num=0',
  'padding_side:str="right"')

local function padded(x, time, value, side)
  local missing = time - x:size(1)
  if missing == 0 then return x end
  local sizes = {missing}
  for i = 2, x:dim() do sizes[i] = x:size(i) end
  local fill = tocha.full(sizes, value, {dtype = x.dtype, device = x.device})
  return tocha.cat(side == 'left' and {fill, x} or {x, fill}, 1)
end

--- Makes one batch of sequences (time, ...) of several lengths.
-- @param sequences a list of tensors
-- @param padding_value what stands behind (or before) them
-- @param padding_side 'right' or 'left'
-- @usage
-- local list = {tocha.tensor{1, 2}, tocha.tensor{3}}
-- nn.utils.rnn.pad_sequence(list, {batch_first = true})  --> {{1, 2}, {3, 0}}
-- nn.utils.rnn.pad_sequence(list)  --> {{1, 3}, {2, 0}}
function rnn.pad_sequence(...)
  local list, batch_first, value, side = read_pad(...)
  if side ~= 'left' and side ~= 'right' then
    args.fail("pad_sequence: padding_side: got '%s', takes 'left' or 'right'", side)
  end
  if #list == 0 then args.fail('pad_sequence: got no sequences') end
  for i = 1, #list do
    if not tocha.is_tensor(list[i]) or list[i]:dim() == 0 then
      args.fail('pad_sequence: sequence %d: got %s, takes a tensor (time, ...)', i, args.show(list[i]))
    end
  end
  local time, out = 0, {}
  for i = 1, #list do time = math.max(time, list[i]:size(1)) end
  for i = 1, #list do out[i] = padded(list[i], time, value, side) end
  return tocha.stack(out, batch_first and 1 or 2)
end

local read_unpad = args.spec('unpad_sequence', 'padded_sequences:tensor', 'lengths', 'batch_first:bool=false')

--- The sequences of a padded batch, as a list.
-- @param padded_sequences (time, n, ...), with batch_first (n, time, ...)
-- @param lengths a list or int64 tensor
-- @usage
-- nn.utils.rnn.unpad_sequence(tocha.tensor{{1, 2}, {3, 0}}, {2, 1}, true)  --> {{1, 2}, {3}}
function rnn.unpad_sequence(...)
  local x, lengths, batch_first = read_unpad(...)
  if type(lengths) ~= 'table' and not tocha.is_tensor(lengths) then
    args.fail('unpad_sequence: lengths: got %s, takes a list or an int64 tensor', args.show(lengths))
  end
  local out = {}
  for i, n in ipairs(numbers(lengths)) do out[i] = x:select(batch_first and 1 or 2, i):narrow(1, 1, n) end
  return out
end

local read_sequence = args.spec('pack_sequence', 'sequences:list', 'enforce_sorted:bool=true')

--- Packs a list of sequences.
-- @param sequences a list of tensors (time, ...)
-- @param enforce_sorted whether the lengths must decrease; if not they are sorted
-- @usage
-- nn.utils.rnn.pack_sequence({tocha.tensor{1}, tocha.tensor{2, 3}}, false).data  --> {2, 1, 3}
function rnn.pack_sequence(...)
  local list, enforce_sorted = read_sequence(...)
  local lengths = {}
  for i = 1, #list do
    if not tocha.is_tensor(list[i]) or list[i]:dim() == 0 then
      args.fail('pack_sequence: sequence %d: got %s, takes a tensor (time, ...)', i, args.show(list[i]))
    end
    lengths[i] = list[i]:size(1)
  end
  return rnn.pack_padded_sequence(rnn.pad_sequence(list), lengths, false, enforce_sorted)
end

--- The sequences of a PackedSequence, as a list in their first order.
-- @param packed a PackedSequence
-- @usage
-- local rnn = nn.utils.rnn
-- rnn.unpack_sequence(rnn.pack_sequence{tocha.tensor{1, 2}, tocha.tensor{3}})  --> {{1, 2}, {3}}
function rnn.unpack_sequence(packed)
  check_packed(packed, 'unpack_sequence')
  return unpack_places(packed)
end

--- The inverse of a permutation (from 1), or nil for nil.
-- @param permutation int64, positions from 1
-- @usage
-- nn.utils.rnn.invert_permutation(tocha.int64{3, 1, 2})  --> {2, 3, 1}
function rnn.invert_permutation(permutation)
  return permutation ~= nil and permutation:argsort() or nil
end

checked.all(rnn, '', {invert_permutation = 'permutation:tensor?'})

return rnn
