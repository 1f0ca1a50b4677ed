--- Where operators were called: the user's line and the module that was running, by number, as nodes of graphs keep it.
-- @module tocha.origins

local library = require 'tocha.library'
local errors = require 'tocha.errors'
local watch = require 'tocha.watch'
local C = library.C

local origins = {}
local texts, numbers = {}, {}
local wanted = {} -- by whom: lines are recorded while anybody wants them

local function number_of(text)
  local number = numbers[text]
  if not number then
    number = #texts + 1
    texts[number], numbers[text] = text, number
  end
  return number
end

local function note()
  local text = errors.where():gsub(': $', '')
  if errors.context then text = text .. errors.context() end
  C.tc_set_origin(number_of(text))
end

-- A module's forward may end in a tail call, which leaves no trace on the stack; with a hook on all modules, calling one does.
local hook
local function show_modules(on)
  if hook then hook:remove() end
  require 'tocha.nn.module'
  hook = on and require('tocha.nn.module_hooks').register_everywhere('forward', function() end, 'lines') or nil
end

--- Records lines from now on, or no longer, on behalf of `who`.
function origins.want(who, on)
  wanted[who] = on or nil
  local any = next(wanted) ~= nil
  if any ~= (watch.before ~= false) then show_modules(any) end
  if any then watch.install() end
  watch.before = any and note or false
  C.tc_watch_origins(any)
  if not any then C.tc_set_origin(0) end
end

--- Are lines recorded on behalf of `who` (of anybody)?
function origins.wanted(who)
  if who then return wanted[who] or false end
  return next(wanted) ~= nil
end

--- 'train.lua:12 (in module 0.1, a Linear)'; nil for 0.
function origins.text(number) return texts[number] end

return origins
