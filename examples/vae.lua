--- A variational autoencoder of Fashion-MNIST: learns to draw clothes from 16 numbers, and draws a sheet of new ones as a PNG file.
--     luajit examples/vae.lua --epochs 3 --sheet vae.png

local tocha = require 'tocha'
local nn, F, optim, utils = tocha.nn, tocha.nn.functional, tocha.optim, tocha.utils

local o = utils.options('vae', {
  {'data', '/usr/share/datasets/fashion-mnist', 'folder with the IDX files (Debian: package dataset-fashion-mnist)'},
  {'epochs', 3, 'passes over the images'},
  {'limit', 12000, 'how many images to use (0: all)'},
  {'batch-size', 128, 'images in a step'},
  {'latent', 16, 'numbers that stand for an image'},
  {'hidden', 256, 'width of the layers'},
  {'lr', 0.002, 'learning rate'},
  {'sheet', 'vae.png', 'where the drawn sheet goes; an empty name draws none'},
  {'seed', 1, 'the same seed gives the same numbers'},
}, arg)
tocha.manual_seed(o.seed)

local VAE = tocha.class('VAE', nn.Module)

-- images are (batch, 784) of 0 .. 1
function VAE:__init(hidden, latent)
  self.encoder = nn.Sequential(nn.Linear(784, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU())
  self.mean = nn.Linear(hidden, latent)
  self.log_var = nn.Linear(hidden, latent)
  self.decoder = nn.Sequential(nn.Linear(latent, hidden), nn.SiLU(), nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 784))
end

-- the logits of the pixels, and mean and log variance of the latent numbers
function VAE:forward(x)
  local h = self.encoder(x)
  local mean, log_var = self.mean(h), self.log_var(h)
  local z = mean + (log_var * 0.5):exp() * tocha.randn_like(mean)
  return self.decoder(z), mean, log_var
end

-- minus the evidence lower bound, in nats for an image
local function loss_of(net, x)
  local logits, mean, log_var = net(x)
  local reconstruction = F.binary_cross_entropy_with_logits(logits, x, {reduction = 'sum'})
  local divergence = (mean:square() + log_var:exp() - log_var - 1):sum() * 0.5
  return (reconstruction + divergence) / x:size(1)
end

local images = utils.data.MNIST(o.data).images
if o.limit > 0 then images = images:narrow(1, 1, math.min(o.limit, images:size(1))) end
images = images:float():flatten(2) / 255

local net = VAE(o.hidden, o.latent)
local optimizer = optim.Adam(net:parameters(), {lr = o.lr})
local loader = utils.data.DataLoader(utils.data.TensorDataset(images), {batch_size = o['batch-size'], shuffle = true})
for epoch = 1, o.epochs do
  local bar = utils.Progress(loader:len(), {label = ('epoch %d/%d'):format(epoch, o.epochs), unit = 'images', lines = 1})
  for x in loader:iter() do
    optimizer:zero_grad()
    local loss = loss_of(net, x)
    loss:backward()
    optimizer:step()
    bar:step(x:size(1), loss:item())
  end
  print(('epoch %d: %.2f nats an image'):format(epoch, bar:finish()))
end

net:eval()
local drawn = tocha.no_grad(function() return net.decoder(tocha.randn(64, o.latent)):sigmoid():view(64, 28, 28) end)
for row = 0, 1 do print(utils.draw_images{drawn[2 * row + 1], drawn[2 * row + 2]}) end
if o.sheet ~= '' then
  utils.save_image(utils.make_grid(drawn), o.sheet)
  print('64 new clothes are drawn in ' .. o.sheet)
end
