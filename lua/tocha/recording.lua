--- What tocha.compile has to be told while it records: modules and optimizers look here. A module of its own, so that they need not load
-- the compiler.
-- @module tocha.recording

return {now = false} -- the recording that runs (tocha.compile, tocha.cuda.graph), with the methods module(m) and optimizer(o)
