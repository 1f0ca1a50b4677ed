--- Logger: rows of numbers into a CSV file, and curves of them by gnuplot.
--     local log = utils.Logger('run.csv')
--     log:add{epoch = 1, loss = 0.7, accuracy = 81}
--     log:plot('run.png', {x = 'epoch', y = {'loss'}})
-- @classmod tocha.utils.Logger

local class = require 'tocha.class'
local args = require 'tocha.args'
local tocha = require 'tocha'

local Logger = class('Logger')

local read = args.spec('Logger', 'path:str=nil', 'names:list=nil', '*', 'append:bool=false')

--- @tparam[opt] string path of the CSV file; without it rows are only kept
-- @tparam[opt] table names of the columns in order; those of the first row, sorted, if not given
-- @tparam[opt=false] bool append whether an old file is continued, by name only
-- @usage
-- local log = utils.Logger()
-- log:add{epoch = 1, loss = 0.7}
-- log:add{epoch = 2, loss = 0.5}
-- log:column('loss')  --> {0.7, 0.5}
function Logger:__init(...)
  self.path, self.names, self.append = read(...)
  self.rows = {}
end

local function quoted(v)
  if v == nil then return '' end
  if tocha.is_tensor(v) then v = v:item() end
  local text = type(v) == 'number' and ('%.9g'):format(v) or tostring(v)
  if text:find('[,"\n]') then text = '"' .. text:gsub('"', '""') .. '"' end
  return text
end

local function open(self)
  local old = self.append and io.open(self.path, 'rb')
  local has_header = old and old:read(1) ~= nil
  if old then old:close() end
  local file, why = io.open(self.path, self.append and 'ab' or 'wb')
  if not file then args.fail('Logger: %s', why) end
  self.file = file
  if not has_header then
    local heads = {}
    for i, name in ipairs(self.names) do heads[i] = quoted(name) end
    file:write(table.concat(heads, ','), '\n')
  end
end

--- Adds a row and writes it out at once.
-- @tparam table row values by name; a name that is no column is an error
function Logger:add(row)
  if not self.names then
    self.names = {}
    for name in pairs(row) do self.names[#self.names + 1] = name end
    table.sort(self.names)
  end
  local known, cells, kept = {}, {}, {}
  for i, name in ipairs(self.names) do
    known[name], cells[i] = true, quoted(row[name])
    kept[name] = tocha.is_tensor(row[name]) and row[name]:item() or row[name]
  end
  for name in pairs(row) do
    if not known[name] then args.fail("Logger: add: '%s' is no column; they are %s", tostring(name), table.concat(self.names, ', ')) end
  end
  self.rows[#self.rows + 1] = kept
  if self.path then
    if not self.file then open(self) end
    self.file:write(table.concat(cells, ','), '\n')
    self.file:flush()
  end
  return self
end

--- The values of a column, as a list.
function Logger:column(name)
  local out = {}
  for i, row in ipairs(self.rows) do out[i] = row[name] end
  return out
end

local read_plot = args.spec('plot', 'path:str', '*', 'x:str=nil', 'y:list=nil', 'title:str=""', 'log_y:bool=false', 'size:list=nil')

local function text(s) return '"' .. s:gsub('[\\"]', '\\%0'):gsub('\n', ' ') .. '"' end

-- gnuplot's commands, with the data inline
function Logger:commands(...)
  local path, x, y, title, log_y, size = read_plot(...)
  if not y then
    y = {}
    for _, name in ipairs(self.names or {}) do
      if name ~= x then y[#y + 1] = name end
    end
  end
  size = size or {800, 500}
  local kind = path:match('%.(%w+)$')
  local terminals = {png = ('pngcairo size %d,%d'):format(size[1], size[2]), svg = ('svg size %d,%d'):format(size[1], size[2]),
    pdf = 'pdfcairo', txt = 'dumb 100 30'}
  if not terminals[kind] then args.fail("plot: path: got '%s', takes a name that ends in .png, .svg, .pdf or .txt", path) end
  local out = {'set terminal ' .. terminals[kind], 'set output ' .. text(path), 'set grid', 'set title ' .. text(title),
    'set xlabel ' .. text(x or 'row')}
  if log_y then out[#out + 1] = 'set logscale y' end
  local curves, data = {}, {}
  for i, name in ipairs(y) do
    curves[i] = ("'-' using 1:2 with lines linewidth 2 title %s"):format(text(name))
    for k, row in ipairs(self.rows) do
      local at = x and row[x] or k
      if type(row[name]) == 'number' and type(at) == 'number' then data[#data + 1] = ('%.9g %.9g'):format(at, row[name]) end
    end
    data[#data + 1] = 'e'
  end
  out[#out + 1] = 'plot ' .. table.concat(curves, ', ')
  return table.concat(out, '\n') .. '\n' .. table.concat(data, '\n') .. '\n'
end

--- Draws curves with gnuplot, which must be installed.
-- @tparam string path .png, .svg, .pdf or .txt
-- @tparam[opt] string x the column along the bottom, by name only, as all below; the number of the row if not given
-- @tparam[opt] table y the columns to draw; all others if not given
-- @tparam[opt=''] string title
-- @tparam[opt=false] bool log_y
-- @tparam[opt={800, 500}] table size in pixels
function Logger:plot(...)
  local commands = self:commands(...)
  local pipe = io.popen('gnuplot 2>&1 >/dev/null', 'w')
  pipe:write(commands)
  if pipe:close() == false then args.fail('plot: gnuplot failed, or is not installed') end
end

--- Ends the file.
function Logger:close()
  if self.file then self.file:close() end
  self.file = nil
end

return Logger
