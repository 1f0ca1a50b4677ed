-- busted_output.lua: busted's own dots and messages, then as the last line how many passed and how many failed.
return function(options)
  local busted = require 'busted'
  local base = require 'busted.outputHandlers.plainTerminal'
  local handler = base(options)
  busted.subscribe({'exit'}, function()
    io.write(('%d passed, %d failed\n'):format(handler.successesCount, handler.failuresCount + handler.errorsCount))
    io.flush()
    return nil, true
  end)
  return handler
end
