--- A worker in another process: one line out, one line back, through a named pipe.

local Worker = {}
Worker.__index = Worker

--- Starts `command` (a shell command that reads orders and writes answers).
function Worker.start(command)
  local pipe = os.tmpname()
  os.remove(pipe)
  assert(os.execute(("mkfifo '%s'"):format(pipe)) == 0, 'no named pipe could be made')
  local self = setmetatable({command = command}, Worker)
  self.to = assert(io.popen(("%s > '%s'"):format(command, pipe), 'w'))
  self.from = assert(io.open(pipe, 'r'))
  os.remove(pipe)
  return self
end

--- Gives an order; the words of the answer. An answer that begins with '!' is an error.
function Worker:words(order)
  self.to:write(order, '\n')
  self.to:flush()
  for line in self.from:lines() do
    local mark, rest = line:match('^([=!]) ?(.*)$')
    if mark == '!' then error(rest, 0) end
    if mark then return rest end
  end
  error('the worker ended: ' .. self.command, 0)
end

--- Gives an order; the numbers of the answer.
function Worker:ask(order)
  local numbers = {}
  for n in self:words(order):gmatch('%S+') do numbers[#numbers + 1] = tonumber(n) end
  return unpack(numbers)
end

function Worker:stop()
  self.to:write('quit\n')
  self.to:close()
  self.from:close()
end

return Worker
