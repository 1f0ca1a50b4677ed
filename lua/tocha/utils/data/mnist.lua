--- MNIST: images and labels in a folder of MNIST's format (MNIST, Fashion-MNIST, KMNIST, ...): the four files
-- `train-images-idx3-ubyte`, `train-labels-idx1-ubyte`, `t10k-images-idx3-ubyte`, `t10k-labels-idx1-ubyte`, each
-- plain or
-- with `.gz`.
-- @classmod tocha.utils.data.MNIST

local class = require 'tocha.class'
local args = require 'tocha.args'
local TensorDataset = require 'tocha.utils.data.tensordataset'
local read_idx = require 'tocha.utils.data.idx'

local MNIST = class('MNIST', TensorDataset)

local read = args.spec('MNIST', 'root:str', 'train:bool=true')

local function exists(path)
  local file = io.open(path, 'rb')
  if file then file:close() end
  return file ~= nil
end

local function find(root, name)
  for _, ending in ipairs{'', '.gz'} do
    local path = root .. '/' .. name .. ending
    if exists(path) then return path end
  end
  args.fail('MNIST: root: there is neither %s nor %s.gz in %s', name, name, root)
end

local function check(path, x, dims, what)
  if tostring(x.dtype):find('uint8$') and x:dim() == dims then return end
  args.fail('MNIST: %s: got %s of %s, takes uint8 of %d dims, the %s', path, args.show(x), tostring(x.dtype), dims,
    what)
end

--- @tparam string root the folder
-- @tparam[opt=true] bool train the training images, or those for testing
-- @raise names the file and what is wrong with it
-- @usage
-- local ok, message = pcall(data.MNIST, '/no/such/folder')
-- ok  --> false
-- message:find('/no/such/folder', 1, true) ~= nil  --> true
function MNIST:__init(...)
  local root, train = read(...)
  local part = train and 'train' or 't10k'
  local images_path, labels_path = find(root, part .. '-images-idx3-ubyte'), find(root, part .. '-labels-idx1-ubyte')
  local images, labels = read_idx(images_path), read_idx(labels_path)
  check(images_path, images, 3, 'images')
  check(labels_path, labels, 1, 'labels')
  if images:size(1) ~= labels:size(1) then
    args.fail('MNIST: %s has %d images, %s %d labels', images_path, images:size(1), labels_path, labels:size(1))
  end
  -- images are (items, 1, rows, columns) of 0 .. 255; the files count classes from 0, Lua from 1
  self.images, self.labels = images:unsqueeze(2), labels:long() + 1
  TensorDataset.__init(self, self.images, self.labels)
end

return MNIST
