--- Progress: a line that tells how far a loop is: share, loss, items a second, time left. On a terminal it is redrawn
-- in place; elsewhere (a log) a line is written now and then.
--     local bar = utils.Progress(loader:len(), {label = 'epoch 1/5', unit = 'images'})
--     for x, y in loader:iter() do ... bar:step(x:size(1), loss:item()) end
--     bar:finish()
-- @classmod tocha.utils.Progress

local class = require 'tocha.class'
local args = require 'tocha.args'
local terminal = require 'tocha.utils.terminal'

local Progress = class('Progress')

local read = args.spec('Progress', 'total:int', '*', 'label:str=""', 'unit:str="items"', 'width:int=16', 'stream=nil',
  'terminal=nil', 'lines:int=4')

--- @tparam int total how many steps there will be
-- @tparam[opt=''] string label by name only, as all below
-- @tparam[opt='items'] string unit what is counted
-- @tparam[opt=16] int width of the bar
-- @param[opt] stream where it goes, io.stdout by default
-- @tparam[opt] bool terminal whether to redraw in place; by default asked of the stream
-- @tparam[opt=4] int lines how many lines a log gets
-- @usage
-- local bar = utils.Progress(4, {stream = {write = function() end, flush = function() end}, terminal = false})
-- for _ = 1, 4 do bar:step(8, 0.5) end
-- bar:finish()  --> 0.5
function Progress:__init(...)
  local on_terminal
  self.total, self.label, self.unit, self.width, self.stream, on_terminal, self.lines = read(...)
  self.stream = self.stream or io.stdout
  if on_terminal == nil then on_terminal = terminal.is_terminal(self.stream) end
  self.on_terminal = on_terminal
  self.done, self.items, self.loss, self.losses = 0, 0, 0, 0
  self.began, self.drawn, self.written = terminal.clock(), 0, 0
end

local function time(seconds)
  seconds = math.floor(seconds + 0.5)
  if seconds >= 3600 then return ('%d:%02d:%02d'):format(seconds / 3600, seconds / 60 % 60, seconds % 60) end
  return ('%d:%02d'):format(seconds / 60, seconds % 60)
end

local function bar(self)
  local full = math.floor(self.width * self.done / math.max(self.total, 1) + 0.5)
  return '[' .. ('='):rep(full) .. (' '):rep(self.width - full) .. ']'
end

--- The line as it is now.
function Progress:line()
  local spent = math.max(terminal.clock() - self.began, 1e-9)
  local parts = {self.label, bar(self), ('%3d%%'):format(100 * self.done / math.max(self.total, 1))}
  if self.losses > 0 then parts[#parts + 1] = ('loss %.4f'):format(self.loss / self.losses) end
  parts[#parts + 1] = ('%.0f %s/s'):format(self.items / spent, self.unit)
  if self.done < self.total then
    parts[#parts + 1] = time(spent / math.max(self.done, 1) * (self.total - self.done)) .. ' left'
  else
    parts[#parts + 1] = time(spent)
  end
  return (table.concat(parts, '  '):gsub('^%s+', ''))
end

local function draw(self, last)
  local now = terminal.clock()
  if self.on_terminal then
    if not last and now - self.drawn < 0.1 then return end
    self.stream:write('\r', self:line(), '\27[K', last and '\n' or '')
  else
    local due = math.floor(self.lines * self.done / math.max(self.total, 1))
    if not last and due <= self.written then return end
    if last and self.written >= self.lines then return end
    self.written = last and self.lines or due
    self.stream:write(self:line(), '\n')
  end
  self.drawn = now
  self.stream:flush()
end

--- One step is done.
-- @tparam[opt=1] int items how many items it had
-- @tparam[opt] number loss their mean loss
function Progress:step(items, loss)
  items = items or 1
  self.done, self.items = self.done + 1, self.items + items
  if loss then self.loss, self.losses = self.loss + loss * items, self.losses + items end
  draw(self, false)
end

--- Draws the last line and ends it.
-- @treturn number the mean loss over all items, nil if there was none
function Progress:finish()
  draw(self, true)
  return self.losses > 0 and self.loss / self.losses or nil
end

return Progress
