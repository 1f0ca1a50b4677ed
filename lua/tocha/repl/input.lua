--- Reads lines: with readline or libedit where one of them is installed, opened at run time, else plainly.
-- @module tocha.repl.input

local ffi = require 'ffi'
local complete = require 'tocha.repl.complete'
local interrupt = require 'tocha.repl.interrupt'

local input = {}

ffi.cdef [[
  char *readline(const char *prompt);
  void add_history(const char *line);
  int read_history(const char *path);
  int write_history(const char *path);
  int append_history(int lines, const char *path);
  void stifle_history(int most);
  typedef char **tocha_completer(const char *word, int from, int to);
  typedef int tocha_getc(void *stream);
  extern tocha_completer *rl_attempted_completion_function;
  extern tocha_getc *rl_getc_function;
  extern int rl_attempted_completion_over, rl_completion_append_character, rl_catch_signals;
  extern const char *rl_completer_word_break_characters, *rl_basic_word_break_characters, *rl_readline_name;
  extern char *rl_line_buffer;
  struct tocha_pollfd { int fd; short events, revents; };
  int poll(struct tocha_pollfd *fds, unsigned long n, int timeout);
  long read(int fd, void *buffer, size_t n);
  int isatty(int fd);
  void *malloc(size_t size);
  char *strdup(const char *text);
  void free(void *p);
]]
local libc = ffi.C

local MOST_HISTORY = 2000
local NEWLINE, EOF = 10, -1
local libraries = {'readline.so.8', 'readline.so.7', 'edit.so.2', 'edit.so.0', 'readline.so.6', 'readline', 'edit'}

--- True if file descriptor 0, 1 or 2 is a terminal.
function input.is_terminal(fd) return libc.isatty(fd) ~= 0 end

local waiting, byte = ffi.new('struct tocha_pollfd', {fd = 0, events = 1}), ffi.new('uint8_t[1]')

-- Waits for something to read; false if Ctrl-C came first. The signal may reach another thread, so the wait looks up now and then.
local function wait()
  while not interrupt.pending() do
    if libc.poll(waiting, 1, 300) > 0 then return true end
  end
  return false
end

---------------------------------------------------------------- plain lines
local function plain_line(prompt)
  io.write(prompt)
  io.flush()
  if input.is_terminal(0) and not wait() then
    io.write('\n')
    return false
  end
  return io.read()
end

---------------------------------------------------------------- an editor
local function open()
  local said = os.getenv('TOCHA_EDITLINE') -- a library's name, or none
  if said == 'none' then return nil end
  for _, name in ipairs(said and {said} or libraries) do
    local ok, lib = pcall(ffi.load, name)
    if ok and pcall(function() return lib.readline end) then return lib end
  end
end

local function has(lib, name) return (pcall(function() return lib[name] end)) end

-- what all the words begin with
local function common_start(words)
  local start = words[1]
  for _, word in ipairs(words) do
    while word:sub(1, #start) ~= start do start = start:sub(1, -2) end
  end
  return start
end

-- as the editors want it: what they have in common, then each; strings and list are freed by them
local function c_list(words)
  local list = ffi.cast('char **', libc.malloc(ffi.sizeof('char *') * (#words + 2)))
  list[0] = libc.strdup(common_start(words))
  if #words == 1 then
    list[1] = nil
    return list
  end
  for i, word in ipairs(words) do list[i] = libc.strdup(word) end
  list[#words + 1] = nil
  return list
end

local function completer(lib)
  return function(word, from)
    local ok, list = pcall(function()
      local before = from > 0 and ffi.string(lib.rl_line_buffer + from - 1, 1) or ''
      if before == '"' or before == "'" then return nil end -- a string: the editor completes file names
      lib.rl_attempted_completion_over = 1
      lib.rl_completion_append_character = 0
      local words = complete(ffi.string(word))
      return #words > 0 and c_list(words) or nil
    end)
    return ok and list or nil
  end
end

-- a key; Ctrl-C ends the line, which is then thrown away
local function next_key()
  if wait() then return libc.read(0, byte, 1) == 1 and byte[0] or EOF end
  io.write('^C')
  io.flush()
  return NEWLINE
end

local function history_path()
  local said, home = os.getenv('TOCHA_HISTORY'), os.getenv('HOME')
  return said or home and home .. '/.tocha_history'
end

-- callbacks must stay referenced for as long as the editor may call them
local kept = {}

local function prepare(lib)
  kept.complete = ffi.cast('tocha_completer *', completer(lib))
  kept.getc = ffi.cast('tocha_getc *', next_key)
  kept.breaks = ffi.new('char[?]', 64, ' \t\n"\\\'`@$><=;|&{}()[]+-*/%^,~#?!')
  if has(lib, 'rl_catch_signals') then lib.rl_catch_signals = 0 end
  lib.rl_attempted_completion_function = kept.complete
  lib.rl_completer_word_break_characters = kept.breaks
  lib.rl_basic_word_break_characters = kept.breaks
  lib.rl_getc_function = kept.getc
  local path = history_path()
  lib.stifle_history(MOST_HISTORY)
  if path then lib.read_history(path) end
end

local last_line
local function remember(lib, line)
  if not line:find('%S') or line == last_line then return end
  last_line = line
  lib.add_history(line)
  local path = history_path()
  if not path then return end
  if has(lib, 'append_history') then
    local file = io.open(path, 'a') -- append_history wants the file to be there
    if file then
      file:close()
      lib.append_history(1, path)
    end
  else
    lib.write_history(path)
  end
end

local function edited_line(lib)
  local function line(prompt)
    local text = lib.readline(prompt)
    if text == nil then return nil end
    local result = ffi.string(text)
    libc.free(text)
    if interrupt.pending() then return false end
    remember(lib, result)
    return result
  end
  jit.off(line) -- calls back into Lua must not come from compiled code
  return line
end

--- A function from a prompt to the next line: nil at the end of the input, false for a line given up by Ctrl-C.
-- @treturn function
-- @treturn string what edits: 'readline', 'libedit' or 'plain'
function input.open()
  local lib = input.is_terminal(0) and input.is_terminal(1) and open()
  if not lib then return plain_line, 'plain' end
  prepare(lib)
  return edited_line(lib), 'edited'
end

return input
