--- What runs around each operator while something is being debugged: a function before, and one after that may change its status.
-- Nothing is in the way of operators until the first use; from then on two comparisons are.
-- @module tocha.watch

local binding = require 'tocha.binding'

local watch = {before = false, after = false}
local installed = false

local function around(call)
  local function finish(status)
    local after = watch.after
    return after and after(status) or status
  end
  return function(...)
    local before = watch.before
    if before then before() end
    return finish(call(...))
  end
end

--- Makes operators look at `before()` and `after(status)`.
function watch.install()
  if installed then return end
  installed = true
  binding.enclose(around)
end

return watch
