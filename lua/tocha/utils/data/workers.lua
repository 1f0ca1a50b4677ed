--- Worker processes of a DataLoader: copies of this process that make batches ahead and hand them over through pipes.
--
-- A worker is forked, so it has the dataset as it stands, closures and all; it computes with one thread (a fork has none of the
-- threads of OpenMP, and must start none). Worker w of n makes the batches w, w + n, ... and then waits, at its pipe, until
-- they are taken: each is about a batch ahead. Batches arrive in order, an error with the text and the number of the worker.
-- @module tocha.utils.data.workers

local ffi = require 'ffi'
local args = require 'tocha.args'
local json = require 'tocha.io.json'
local tree = require 'tocha.io.tree'
local tocha = require 'tocha'

-- names of our own: a program, or the prompt, may have declared some of these otherwise
ffi.cdef[[
struct tocha_watched { int fd; short events, revents; };
int tocha_fork(void) __asm__("fork");
int tocha_pipe(int ends[2]) __asm__("pipe");
int tocha_close(int fd) __asm__("close");
int tocha_kill(int pid, int signal) __asm__("kill");
int tocha_waitpid(int pid, int *status, int options) __asm__("waitpid");
int tocha_poll(struct tocha_watched *fds, unsigned long n, int milliseconds) __asm__("poll");
int tocha_fcntl(int fd, int command, ...) __asm__("fcntl");
long tocha_read(int fd, void *to, size_t n) __asm__("read");
long tocha_write(int fd, const void *from, size_t n) __asm__("write");
void tocha_exit_now(int status) __asm__("_exit");
]]
local C = ffi.C

local BATCH, PROBLEM, FINISH = 1, 2, 3
local EINTR, SIGKILL, POLLIN, SET_PIPE_SIZE, ROOM = 4, 9, 1, 1031, 1048576

local workers = {}

-- ------------------------------------------------------------------------------------------------- bytes

local function write_all(fd, data, n)
  local at = ffi.cast('const char *', data)
  while n > 0 do
    local done = tonumber(C.tocha_write(fd, at, n))
    if done < 0 then
      if ffi.errno() ~= EINTR then C.tocha_exit_now(1) end -- nobody reads any more
    else
      at, n = at + done, n - done
    end
  end
end

-- false at the end of the pipe
local function read_all(fd, data, n)
  local at = ffi.cast('char *', data)
  while n > 0 do
    local done = tonumber(C.tocha_read(fd, at, n))
    if done == 0 or done < 0 and ffi.errno() ~= EINTR then return false end
    if done > 0 then at, n = at + done, n - done end
  end
  return true
end

local Head = ffi.typeof('int64_t[3]')

local function send(fd, kind, text, contents)
  local head = Head(kind, #text, #contents)
  write_all(fd, head, ffi.sizeof(head))
  write_all(fd, text, #text)
  write_all(fd, contents, #contents)
end

local function dtype_name(x) return (tostring(x.dtype):gsub('^.*%.', '')) end

-- ------------------------------------------------------------------------------------------------- the worker's side

local function describe(name, x)
  local shape = {}
  for d = 1, x:dim() do shape[d] = json.number(x:size(d)) end
  return ('[%s,%s,[%s]]'):format(json.quote(name), json.quote(dtype_name(x)), table.concat(shape, ','))
end

-- what stands for a batch: how its values are put together, then the tensors' names, dtypes and shapes, then their bytes
local function send_batch(fd, ...)
  local value = {n = select('#', ...)}
  for i = 1, value.n do value[i] = (select(i, ...)) end
  local names, tensors, text = tree.encode(value)
  if not names then error('a worker hands over tensors, numbers, texts, booleans and tables of them: ' .. tensors, 0) end
  local contents = {}
  for i, name in ipairs(names) do
    tensors[name] = tensors[name]:detach():contiguous()
    contents[i] = describe(name, tensors[name])
  end
  send(fd, BATCH, text, '[' .. table.concat(contents, ',') .. ']')
  for _, name in ipairs(names) do
    local x = tensors[name]
    write_all(fd, ffi.cast('const void *', x:data_ptr()), x:numel() * x:element_size())
  end
end

local function work(fd, worker, loader, batches)
  workers.info = {id = worker, num_workers = loader.num_workers, seed = loader.worker_seed + worker, dataset = loader.dataset}
  tocha.set_num_threads(1)
  tocha.manual_seed(workers.info.seed)
  math.randomseed(workers.info.seed)
  if loader.worker_init_fn then loader.worker_init_fn(worker) end
  local function pass(first, ...)
    if first == nil then return false end
    send_batch(fd, first, ...)
    return true
  end
  local following = batches(worker)
  while pass(following()) do end
  send(fd, FINISH, '', '')
end

local function traceback(problem)
  return type(problem) == 'string' and debug.traceback(problem, 2) or tostring(problem)
end

-- never comes back: nothing of this copy's parent may run here
local function be_worker(fd, ...)
  local parts = {...}
  local ok, problem = xpcall(function() work(fd, unpack(parts)) end, traceback)
  if not ok then pcall(send, fd, PROBLEM, problem, '') end
  io.stdout:flush()
  io.stderr:flush()
  C.tocha_exit_now(ok and 0 or 1)
end

-- ------------------------------------------------------------------------------------------------- the reader's side

local function start(pool, worker, loader, batches)
  local ends = ffi.new('int[2]')
  if C.tocha_pipe(ends) ~= 0 then args.fail('DataLoader: no pipe to a worker could be made (error %d)', ffi.errno()) end
  io.stdout:flush()
  io.stderr:flush()
  local pid = C.tocha_fork()
  if pid == 0 then
    C.tocha_close(ends[0])
    for _, w in ipairs(pool) do C.tocha_close(w.fd) end -- else a worker would not see that its reader is gone
    be_worker(ends[1], worker, loader, batches)
  end
  C.tocha_close(ends[1])
  if pid < 0 then
    C.tocha_close(ends[0])
    args.fail('DataLoader: worker %d could not be started (error %d)', worker, ffi.errno())
  end
  C.tocha_fcntl(ends[0], SET_PIPE_SIZE, ffi.new('int', ROOM))
  pool[#pool + 1] = {fd = ends[0], pid = pid, id = worker}
end

local function stop(w)
  if not w.fd then return end
  C.tocha_close(w.fd)
  w.fd = nil
  C.tocha_kill(w.pid, SIGKILL)
  C.tocha_waitpid(w.pid, nil, 0)
end

local function stop_all(pool)
  for _, w in ipairs(pool) do stop(w) end
end

local function lost(pool, w)
  local status = ffi.new('int[1]')
  C.tocha_waitpid(w.pid, status, 0)
  stop_all(pool)
  local signal = status[0] % 128
  args.fail('DataLoader: worker %d ended without a batch (%s)', w.id, signal ~= 0 and 'signal ' .. signal or 'status ' .. status[0] / 256)
end

local function wait_for(pool, w, seconds)
  if seconds <= 0 then return end
  local fds = ffi.new('struct tocha_watched[1]')
  fds[0].fd, fds[0].events = w.fd, POLLIN
  if C.tocha_poll(fds, 1, seconds * 1000) == 0 then
    stop_all(pool)
    args.fail('DataLoader: worker %d gave no batch within %g seconds', w.id, seconds)
  end
end

local function read_text(pool, w, n)
  local buffer = ffi.new('char[?]', n)
  if not read_all(w.fd, buffer, n) then lost(pool, w) end
  return ffi.string(buffer, n)
end

local function read_tensor(pool, w, entry)
  local x = tocha.empty({unpack(entry[3])}, {dtype = entry[2], device = 'cpu'})
  if not read_all(w.fd, ffi.cast('void *', x:data_ptr()), x:numel() * x:element_size()) then lost(pool, w) end
  return x
end

-- The next batch of a worker as a list of n values, or nil at its end.
local function receive(pool, w, timeout)
  wait_for(pool, w, timeout)
  local head = Head()
  if not read_all(w.fd, head, ffi.sizeof(head)) then lost(pool, w) end
  local kind, text = tonumber(head[0]), read_text(pool, w, tonumber(head[1]))
  local contents = read_text(pool, w, tonumber(head[2]))
  if kind == FINISH then return nil end
  if kind == PROBLEM then
    stop_all(pool)
    args.fail('DataLoader: worker %d: %s', w.id, text)
  end
  local tensors = {}
  for _, entry in ipairs((json.decode(contents))) do tensors[entry[1]] = read_tensor(pool, w, entry) end
  local _, value = tree.decode(text, tensors)
  return value
end

-- Each worker in turn; those that have ended are passed over.
local function round_robin(pool, timeout)
  local turn = 0
  return function()
    while #pool > 0 do
      turn = turn % #pool + 1
      local value = receive(pool, pool[turn], timeout)
      if value then return unpack(value, 1, value.n) end
      stop(pool[turn])
      table.remove(pool, turn)
      turn = turn - 1
    end
  end
end

--- An iterator over batches that worker processes make.
-- @param loader with num_workers, timeout, worker_init_fn, worker_seed and dataset
-- @tparam function batches batches(worker) gives an iterator over the batches of worker 0, 1, ...; called in the worker
function workers.iterate(loader, batches)
  local pool = {}
  for worker = 0, loader.num_workers - 1 do start(pool, worker, loader, batches) end
  -- a loop that is left early ends the workers when the iterator is collected
  local guard = newproxy(true)
  getmetatable(guard).__gc = function() stop_all(pool) end
  local following = round_robin(pool, loader.timeout)
  return function()
    if guard then return following() end
  end
end

return workers
