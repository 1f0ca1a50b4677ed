--- The style of an image: a picture is changed by L-BFGS until features of random convolutions have the correlations of another one's.
-- The content is a disc, the style are stripes.
--     luajit examples/style.lua --steps 15 --image style.png
-- Sources: L. Gatys et al., "Image style transfer", 2016; I. Ustyuzhaninov et al., "What does it take to generate natural textures?",
-- 2017 (random filters).

local tocha = require 'tocha'
local nn, optim, utils = tocha.nn, tocha.optim, tocha.utils

local o = utils.options('style', {
  {'size', 48, 'rows and columns of the image'},
  {'filters', 32, 'random convolutions of each size'},
  {'steps', 15, 'steps of L-BFGS, of up to 10 iterations each'},
  {'content', 0.02, 'how much the content weighs'},
  {'image', 'style.png', 'where content, style and result go; an empty name writes none'},
  {'seed', 1, 'the same seed gives the same numbers'},
}, arg)
tocha.manual_seed(o.seed)

-- (1, 1, size, size) of 0 .. 1, from f(x, y) with x and y in -1 .. 1
local function picture(f)
  local line = tocha.linspace(-1, 1, o.size)
  local y, x = unpack(tocha.meshgrid(line, line, {indexing = 'ij'}))
  return f(x, y):unsqueeze(1):unsqueeze(1)
end

local content = picture(function(x, y) return ((0.6 - (x:square() + y:square()):sqrt()) * 20):sigmoid() end)
local style = picture(function(x, y) return ((x + y * 0.6) * 22 + (x * 5):sin() * 1.5):sin() * 0.5 + 0.5 end)

-- ---------------------------------------------------------------- features: convolutions of three sizes, never trained
local banks = nn.ModuleList()
for i, size in ipairs{3, 7, 11} do banks[i] = nn.Conv2d(1, o.filters, size, {padding = 'same', padding_mode = 'reflect'}) end
banks:requires_grad_(false)

local function features(image)
  local out = {}
  for i, conv in banks:iter() do out[i] = conv(image - 0.5):relu():squeeze(1):flatten(2) end
  return out
end

-- correlations of the filters, whatever the place
local function gram(f) return f:mm(f:t()) / f:size(2) end

local wanted, kept = {}, {}
for i, f in ipairs(features(style)) do wanted[i] = gram(f) end
for i, f in ipairs(features(content)) do kept[i] = f end

local image = (content * 0.5 + tocha.rand(content.shape) * 0.5):requires_grad_()
local optimizer = optim.LBFGS({image}, {max_iter = 10, line_search_fn = 'strong_wolfe', history_size = 20})
local of_style
local function closure()
  optimizer:zero_grad()
  local loss, of_content = 0, 0
  for i, f in ipairs(features(image)) do
    loss = loss + (gram(f) - wanted[i]):square():sum() / wanted[i]:square():sum()
    of_content = of_content + (f - kept[i]):square():mean() / kept[i]:square():mean()
  end
  of_style = loss:item()
  local outside = (image - image:clamp(0, 1)):square():mean() * 10
  local total = loss + of_content * o.content + outside
  total:backward()
  return total
end

for step = 1, o.steps do
  local loss = optimizer:step(closure):item()
  if step == 1 or step % math.max(1, math.floor(o.steps / 5)) == 0 then
    print(('step %d: loss %.5f, style %.5f'):format(step, loss, of_style))
  end
end

local result = image:detach():clamp(0, 1)
print(utils.draw_images({content[{1, 1}], result[{1, 1}]}, {'before', 'after'}))
if o.image ~= '' then
  utils.save_image(utils.make_grid(tocha.cat({content, style, result}, 1)), o.image)
  print('content, style and result are in ' .. o.image)
end
