-- busted_gpu.lua: .busted without a change of interpreter, so that checkers see the process they started.
return {_all = {ROOT = {'spec'}, pattern = '_spec', lpath = 'lua/?.lua;lua/?/init.lua', ['auto-insulate'] = false}}
