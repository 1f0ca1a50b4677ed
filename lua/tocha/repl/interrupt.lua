--- Ctrl-C in a session: stops what runs, keeps everything else.
-- @module tocha.repl.interrupt

local C = require('tocha.library').C
local rewrite = require 'tocha.repl.rewrite'

local interrupt = {}

local interrupted, error = C.tc_interrupted, error
local function tick()
  if interrupted() then error('interrupted!', 0) end
end

--- From now on Ctrl-C interrupts; false where that cannot be had.
function interrupt.install()
  rawset(_G, rewrite.tick, tick)
  return C.tc_interrupt_install()
end

--- Whether Ctrl-C was pressed and nothing has answered it yet.
function interrupt.pending() return interrupted() end

--- While a command runs Ctrl-C stops Lua; at the prompt it is only noted, for Lua runs inside the line editor there.
function interrupt.hold(on) C.tc_interrupt_hold(on) end

--- Forgets what was pressed: before a command, after one.
function interrupt.reset() C.tc_interrupt_reset() end

--- Brings the library back to where it was before a command that was stopped halfway: the switch of autograd, temporaries.
-- @return a function to be called after the stop
function interrupt.checkpoint()
  local recording = C.tc_grad_enabled()
  return function()
    C.tc_interrupt_reset()
    C.tc_clear_error()
    C.tc_scope_end(0)
    C.tc_set_grad_enabled(recording)
  end
end

return interrupt
