--- tocha.save and tocha.load: tensors, state dicts and nested tables of them in files of the safetensors format.
-- @module tocha.io

local args = require 'tocha.args'
local safetensors = require 'tocha.io.safetensors'

local io = {}

local read_save = args.spec('save', 'obj', 'path:str', '*', 'metadata:list=nil')
local read_load = args.spec('load', 'path:str', 'map_location:str=nil', '*', 'mmap:bool=true',
  'weights_only:bool=true')

--- Saves a tensor, a state dict, or any table of tensors, numbers, strings, booleans and tables. Other programs see the
-- tensors by their names, with dots between the keys of nested tables. The file is written under another name, brought
-- to the disk and then renamed: a crash leaves the old file or the new one.
-- @param obj
-- @tparam string path
-- @tparam[opt] table metadata by name only: strings that go with the file
function io.save(obj, ...)
  local target, path, metadata = read_save({obj}, ...)
  safetensors.save(target[1], path, metadata)
end

--- Loads what `save` saved, or any safetensors file as a table of tensors by name. The file is mapped into memory:
-- it is
-- read when it is used, and changing a tensor does not change the file.
-- @tparam string path
-- @tparam[opt] string map_location the device of the tensors
-- @tparam[opt=true] bool mmap by name only: false reads the file at once
-- @return what was saved
-- @raise names the file and what is wrong with it
function io.load(...)
  local path, map_location, mmap = read_load(...)
  return (safetensors.load(path, map_location, mmap))
end

return io
