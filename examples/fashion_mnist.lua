--- Trains a small convolutional network on Fashion-MNIST: 60,000 pictures of clothes in 10 classes.
-- On Debian and Ubuntu the package dataset-fashion-mnist brings the data; --data takes any folder of MNIST's format.
--     luajit examples/fashion_mnist.lua --epochs 5 --save fashion_mnist.safetensors

local tocha = require 'tocha'
local nn, F, optim = tocha.nn, tocha.nn.functional, tocha.optim
local data, utils = tocha.utils.data, tocha.utils

local classes = {'T-shirt', 'trouser', 'pullover', 'dress', 'coat', 'sandal', 'shirt', 'sneaker', 'bag', 'boot'}

local options = utils.options('fashion_mnist', {
  {'data', '/usr/share/datasets/fashion-mnist', 'folder with the four IDX files, plain or gzipped'},
  {'epochs', 5, 'passes over the training images'},
  {'batch-size', 128, 'images in a step'},
  {'lr', 0.01, 'highest learning rate'},
  {'seed', 1, 'the same seed and threads give the same numbers'},
  {'threads', tocha.get_num_threads(), 'threads to compute with'},
  {'device', 'cpu', 'cpu or cuda'},
  {'save', 'fashion_mnist.safetensors', 'where the best network goes; an empty name saves none'},
  {'limit', 0, 'use only so many training and test images (0: all)'},
}, arg)

---------------------------------------------------------------- the network
local Net = tocha.class('Net', nn.Module)

-- images are (batch, 1, 28, 28), the scores that come out (batch, 10)
function Net:__init()
  self.features = nn.Sequential(
    nn.Conv2d(1, 16, 3, {padding = 1}), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),   -- (batch, 16, 14, 14)
    nn.Conv2d(16, 32, 3, {padding = 1}), nn.BatchNorm2d(32), nn.ReLU(), nn.MaxPool2d(2))  -- (batch, 32, 7, 7)
  self.classifier = nn.Sequential(
    nn.Flatten(), nn.Dropout(0.25), nn.Linear(32 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10))
end

function Net:forward(x) return self.classifier(self.features(x)) end

---------------------------------------------------------------- training and evaluation
-- Pixels are 0 .. 255. With these two numbers, the training images' own, they have mean 0 and deviation 1.
local mean, deviation = 0.2860 * 255, 0.3530 * 255
local function normalize(x) return (x:float() - mean) / deviation end

local function train(net, loader, optimizer, schedule, label, device)
  net:train()
  local bar = utils.Progress(loader:len(), {label = label, unit = 'images'})
  for x, y in loader:iter() do
    optimizer:zero_grad()
    local loss = F.cross_entropy(net(normalize(x:to(device))), y:to(device))
    loss:backward()
    optimizer:step()
    schedule:step()                         -- the learning rate moves with every batch
    bar:step(x:size(1), loss:item())
  end
  return bar:finish()
end

local function evaluate(net, loader, device)
  net:eval()
  local matrix = utils.ConfusionMatrix(classes)
  tocha.no_grad(function()
    for x, y in loader:iter() do matrix:add(net(normalize(x:to(device))):to('cpu'), y) end
  end)
  return matrix
end

local function show_predictions(net, dataset, count, device)
  local images, labels = dataset.images:narrow(1, 1, count), dataset.labels:totable()
  local guesses = tocha.no_grad(net, normalize(images:to(device))):argmax(2):totable()
  local function caption(i)
    return classes[guesses[i]] .. (guesses[i] == labels[i] and '' or ' (is ' .. classes[labels[i]] .. ')')
  end
  for i = 1, count - 1, 2 do                -- two side by side fit any terminal
    print(utils.draw_images({images[i], images[i + 1]}, {caption(i), caption(i + 1)}))
  end
end

local function limited(dataset, limit)
  if limit <= 0 or limit >= dataset:len() then return dataset end
  local first = data.TensorDataset(dataset.images:narrow(1, 1, limit), dataset.labels:narrow(1, 1, limit))
  first.images, first.labels = first.tensors[1], first.tensors[2]
  return first
end

---------------------------------------------------------------- the whole of it
local function main(o)
  tocha.set_num_threads(o.threads)
  tocha.manual_seed(o.seed)
  local training = limited(data.MNIST(o.data), o.limit)
  local testing = limited(data.MNIST(o.data, {train = false}), o.limit)
  local loader = data.DataLoader(training, {batch_size = o['batch-size'], shuffle = true})
  local test_loader = data.DataLoader(testing, {batch_size = 500})

  local net = Net():to(o.device)
  local optimizer = optim.AdamW(net:parameters(), {lr = o.lr, weight_decay = 0.01})
  local schedule = optim.lr_scheduler.OneCycleLR(optimizer, o.lr, {epochs = o.epochs, steps_per_epoch = loader:len()})
  print(net)
  print(('%d parameters, %d training images, %d test images, %d threads'):format(net:num_parameters(), training:len(),
    testing:len(), tocha.get_num_threads()))

  local best, best_matrix = -1, nil
  for epoch = 1, o.epochs do
    local loss = train(net, loader, optimizer, schedule, ('epoch %d/%d'):format(epoch, o.epochs), o.device)
    local matrix = evaluate(net, test_loader, o.device)
    local accuracy = 100 * matrix:accuracy()
    print(('epoch %d/%d: training loss %.6f, test accuracy %.2f %%'):format(epoch, o.epochs, loss, accuracy))
    if accuracy > best then
      best, best_matrix = accuracy, matrix
      if o.save ~= '' then
        tocha.save({model = net:state_dict(), epoch = epoch, accuracy = accuracy, options = o}, o.save)
      end
    end
  end

  if o.save ~= '' then                      -- the best network, as anyone would load it
    net:load_state_dict(tocha.load(o.save).model)
    print('the best network is in ' .. o.save)
  end
  net:eval()
  print('\nrows: what it is, columns: what the network said')
  print(best_matrix)
  print('')
  show_predictions(net, testing, math.min(4, testing:len()), o.device)
  print(('\ntest accuracy %.2f %%'):format(best))
end

main(options)
