--- A program in a terminal of its own, for specs: what a person types goes in, what the screen would show comes out.
-- @module spec.repl.pty

local ffi = require 'ffi'

ffi.cdef [[
  int posix_openpt(int flags);
  int grantpt(int fd);
  int unlockpt(int fd);
  char *ptsname(int fd);
  int close(int fd);
  long write(int fd, const void *buffer, size_t n);
  struct spec_pollfd { int fd; short events, revents; };
]]
pcall(ffi.cdef, 'long read(int fd, void *buffer, size_t n);')
-- declared by the library's prompt as well, with a type of its own
ffi.cdef [[int spec_poll(struct spec_pollfd *fds, unsigned long n, int timeout) __asm__("poll");]]

local C = ffi.C
local O_RDWR, O_NOCTTY, POLLIN = 2, 256, 1

local Pty = {}
Pty.__index = Pty

local buffer = ffi.new('char[4096]')

-- What the terminal shows without colours and movements of the cursor.
local function plain(text)
  return (text:gsub('\27%[[%d;?]*%a', ''):gsub('\27%][^\7]*\7', ''):gsub('\r', ''))
end

--- Starts `command`, a line for the shell.
function Pty.start(command)
  local master = C.posix_openpt(O_RDWR + O_NOCTTY)
  assert(master >= 0 and C.grantpt(master) == 0 and C.unlockpt(master) == 0, 'no pseudo-terminal')
  local name = ffi.string(C.ptsname(master))
  os.execute(('stty -F %s rows 50 cols 200; setsid --ctty sh -c \'%s; echo "left with $?"\' <%s >%s 2>&1 &'):format(name, command, name, name))
  return setmetatable({master = master, shown = '', from = 1}, Pty)
end

-- waits up to `ms` for more; false if none came
function Pty:read(ms)
  local waiting = ffi.new('struct spec_pollfd', {fd = self.master, events = POLLIN})
  if C.spec_poll(waiting, 1, ms) <= 0 then return false end
  local n = tonumber(C.read(self.master, buffer, 4096))
  if n <= 0 then return false end
  self.shown = self.shown .. ffi.string(buffer, n)
  return true
end

--- Types text.
function Pty:send(text) C.write(self.master, text, #text) end

--- Waits until the text appears after what was expected last; gives what came before it.
function Pty:expect(text, seconds)
  local deadline = os.time() + (seconds or 30)
  while true do
    local seen = plain(self.shown)
    local first, last = seen:find(text, self.from, true)
    if first then
      local before = seen:sub(self.from, first - 1)
      self.from = last + 1
      return before
    end
    if os.time() > deadline then
      error(("waited for '%s', saw:\n%s"):format(text, seen:sub(self.from)), 2)
    end
    if not self:read(200) and seen:find('left with', 1, true) and os.time() > deadline - 28 then deadline = 0 end
  end
end

--- Types a line and waits for the prompt after it; gives what was shown between.
function Pty:line(text, prompt, seconds)
  self:read(30) -- an editor sets the terminal up after the prompt
  self:send(text .. '\n')
  self:expect(text, seconds)
  local shown = self:expect(prompt or 'tocha> ', seconds)
  shown = shown:gsub('^\n', ''):gsub('\n$', '')
  if shown:sub(1, #text) == text then shown = shown:sub(#text + 1):gsub('^\n', '') end -- what is typed too early is shown twice
  return shown
end

--- Ends it, however it is.
function Pty:close()
  self:send('\3')
  self:send('\4')
  self:send('\28')
  self:read(100)
  C.close(self.master)
end

return Pty
