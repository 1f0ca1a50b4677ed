--- Matrix factorisation with embeddings: from some ratings of films, those that were not given. The ratings are made up of tastes that
-- the network does not see; it finds them again.
--     luajit examples/matrix_factorisation.lua --epochs 12
-- Source of the model: Y. Koren, R. Bell, C. Volinsky, "Matrix factorization techniques for recommender systems", 2009.

local tocha = require 'tocha'
local nn, F, optim, utils = tocha.nn, tocha.nn.functional, tocha.optim, tocha.utils

local o = utils.options('matrix_factorisation', {
  {'people', 400, 'people who rate'},
  {'films', 200, 'films that are rated'},
  {'ratings', 20000, 'ratings that are known; a tenth of them is kept for testing'},
  {'factors', 8, 'numbers that stand for a person or a film'},
  {'epochs', 12, 'passes over the ratings'},
  {'lr', 0.02, 'learning rate'},
  {'seed', 1, 'the same seed gives the same numbers'},
}, arg)
tocha.manual_seed(o.seed)

local genres = {'comedy', 'drama', 'thriller', 'romance'}

-- tastes of people and contents of films in four genres, 1 to 5 stars
local tastes = tocha.randn(o.people, 4)
local contents = tocha.rand(o.films, 4) ^ 3
contents = contents / contents:sum(2, true)
local quality = tocha.randn(o.films) * 0.4
local person = tocha.randint(1, o.people + 1, {o.ratings})
local film = tocha.randint(1, o.films + 1, {o.ratings})
local stars = (tastes[person] * contents[film]):sum(2) * 1.6 + quality[film] + 3.2 + tocha.randn(o.ratings) * 0.3
stars = stars:round():clamp(1, 5)

local kept = math.floor(o.ratings * 0.9)
local function part(x, first, count) return x:narrow(1, first, count) end
local train = utils.data.TensorDataset(part(person, 1, kept), part(film, 1, kept), part(stars, 1, kept))
local test = {person = part(person, kept + 1, o.ratings - kept), film = part(film, kept + 1, o.ratings - kept),
  stars = part(stars, kept + 1, o.ratings - kept)}

local Model = tocha.class('Factorisation', nn.Module)
function Model:__init()
  self.people = nn.Embedding(o.people, o.factors)
  self.films = nn.Embedding(o.films, o.factors)
  self.of_person = nn.Embedding(o.people, 1)        -- who gives more stars than others
  self.of_film = nn.Embedding(o.films, 1)
  self.mean = nn.Parameter(tocha.tensor(3))
  for _, e in ipairs{self.people, self.films} do nn.init.normal_(e.weight, 0, 0.1) end
  for _, e in ipairs{self.of_person, self.of_film} do nn.init.zeros_(e.weight) end
end
function Model:forward(who, what)
  local fit = (self.people(who) * self.films(what)):sum(2)
  return fit + self.of_person(who):squeeze(2) + self.of_film(what):squeeze(2) + self.mean
end

local net = Model()
local optimizer = optim.AdamW(net:parameters(), {lr = o.lr, weight_decay = 0.3})
local schedule = optim.lr_scheduler.CosineAnnealingLR(optimizer, o.epochs)
local function rmse() return F.mse_loss(tocha.no_grad(net, test.person, test.film), test.stars):sqrt():item() end

local constant = (test.stars - part(stars, 1, kept):mean()):square():mean():sqrt():item()
print(('the mean of all ratings is wrong by %.3f stars'):format(constant))
local loader = utils.data.DataLoader(train, {batch_size = 500, shuffle = true})
for epoch = 1, o.epochs do
  for who, what, s in loader:iter() do
    optimizer:zero_grad()
    F.mse_loss(net(who, what), s):backward()
    optimizer:step()
  end
  schedule:step()
  if epoch % math.max(1, math.floor(o.epochs / 4)) == 0 then print(('epoch %d: %.3f stars'):format(epoch, rmse())) end
end

-- the films that the network would show to three people, beside what they really like
local function genre(weights) return genres[weights:argmax():item()] end
local all = tocha.arange(1, o.films + 1)
print('')
for who = 1, 3 do
  local guess = tocha.no_grad(net, tocha.full({o.films}, who, {dtype = 'int64'}), all)
  local best, names = select(2, guess:topk(4)), {}
  for i = 1, 4 do names[i] = ('film %d (%s)'):format(best[i]:item(), genre(contents[best[i]:item()])) end
  print(('person %d likes %s most: %s'):format(who, genre(tastes[who]), table.concat(names, ', ')))
end
