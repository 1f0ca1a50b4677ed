--- Signal processing: `tocha.signal.windows`.
-- @module tocha.signal

return {windows = require 'tocha.signal.windows'}
