--- A recursive network: it composes the meaning of a sentence along its parse tree, so every sentence builds a graph of its own.
-- The sentences come from a small grammar with negation; the network learns whether each phrase is praise or blame.
--     luajit examples/tree_network.lua --steps 300
-- Source of the idea: R. Socher et al., "Recursive deep models for semantic compositionality", 2013.

local tocha = require 'tocha'
local nn, F, optim, utils = tocha.nn, tocha.nn.functional, tocha.optim, tocha.utils

local o = utils.options('tree_network', {
  {'steps', 300, 'steps of training'},
  {'batch-size', 16, 'sentences in a step'},
  {'dim', 24, 'numbers that stand for a phrase'},
  {'lr', 0.01, 'learning rate'},
  {'seed', 1, 'the same seed gives the same numbers'},
}, arg)
tocha.manual_seed(o.seed)
math.randomseed(o.seed)

-- ---------------------------------------------------------------- sentences as trees: a word, or {left, right}; both with a label
local good, bad = {'good', 'brilliant', 'warm', 'funny'}, {'bad', 'dull', 'cold', 'clumsy'}
local nouns = {'film', 'plot', 'actor', 'music'}
local function pick(list) return list[math.random(#list)] end

-- label: 1 praise, 0 blame, nil neither
local function word(text, label) return {word = text, label = label} end
local function join(a, b, label) return {a, b, label = label} end

local function opinion(depth)
  local r = math.random()
  if depth > 0 and r < 0.35 then
    local inner = opinion(depth - 1)
    return join(word 'not', inner, 1 - inner.label)
  elseif depth > 0 and r < 0.55 then
    local inner = opinion(depth - 1)
    return join(word 'really', inner, inner.label)
  elseif depth > 0 and r < 0.7 then
    local a = opinion(depth - 1)
    local b = opinion(depth - 1)                   -- what comes after `but` counts
    return join(a, join(word 'but', b, b.label), b.label)
  end
  local label = math.random(0, 1)
  return word(pick(label == 1 and good or bad), label)
end

local function sentence(depth)
  local said = opinion(depth)
  local subject = join(word 'the', word(pick(nouns)))
  return join(subject, join(word 'is', said, said.label), said.label)
end

local numbers, count = {}, 0
for _, list in ipairs{good, bad, nouns, {'not', 'really', 'but', 'the', 'is'}} do
  for _, w in ipairs(list) do
    count = count + 1
    numbers[w] = count
  end
end

-- ---------------------------------------------------------------- the network
local Composer = tocha.class('Composer', nn.Module)

function Composer:__init(words, dim)
  self.embedding = nn.Embedding(words, dim)
  self.compose = nn.Bilinear(dim, dim, dim)        -- how one phrase changes another
  self.add = nn.Linear(2 * dim, dim)
  self.judge = nn.Linear(dim, 1)
end

-- The vector of a tree (dim). The graph of operators has the tree's shape. Labelled phrases go into `seen`.
function Composer:forward(tree, seen)
  local v
  if tree.word then
    v = self.embedding.weight[numbers[tree.word]]
  else
    local a, b = self:forward(tree[1], seen), self:forward(tree[2], seen)
    v = (self.compose(a, b) + self.add(tocha.cat({a, b}, 1))):tanh()
  end
  if tree.label then seen[#seen + 1] = {tree = tree, vector = v} end
  return v
end

-- scores and labels of all labelled phrases of some sentences
local function judged(net, sentences)
  local seen = {}
  for _, s in ipairs(sentences) do net(s, seen) end
  local vectors, labels = {}, {}
  for i, phrase in ipairs(seen) do vectors[i], labels[i] = phrase.vector, phrase.tree.label end
  return net.judge(tocha.stack(vectors, 1)):squeeze(2), tocha.tensor(labels), seen
end

local function some(n, depth)
  local out = {}
  for i = 1, n do out[i] = sentence(depth) end
  return out
end

local function accuracy(net, sentences)
  local scores, labels = tocha.no_grad(judged, net, sentences)
  return 100 * scores:gt(0):eq(labels:bool()):float():mean():item()
end

local net = Composer(count, o.dim)
local optimizer = optim.Adam(net:parameters(), {lr = o.lr})
local test, deep = some(200, 3), some(100, 6)
for step = 1, o.steps do
  optimizer:zero_grad()
  local scores, labels = judged(net, some(o['batch-size'], 3))
  local loss = F.binary_cross_entropy_with_logits(scores, labels)
  loss:backward()
  optimizer:step()
  if step % math.max(1, math.floor(o.steps / 5)) == 0 then
    print(('step %d: loss %.4f, right about %.1f %% of phrases'):format(step, loss:item(), accuracy(net, test)))
  end
end
print(('sentences twice as deep as any it learned from: %.1f %%\n'):format(accuracy(net, deep)))

-- ---------------------------------------------------------------- what it says of each phrase of one sentence
local function text(tree) return tree.word or text(tree[1]) .. ' ' .. text(tree[2]) end
local function show(tree, judgement, indent)
  print(('%s%-' .. (54 - #indent) .. 's %s'):format(indent, text(tree), judgement[tree] or ''))
  if not tree.word then
    show(tree[1], judgement, indent .. '  ')
    show(tree[2], judgement, indent .. '  ')
  end
end

local example = join(join(word 'the', word 'film'), join(word 'is', join(join(word 'really', word('dull', 0), 0), join(word 'but',
  join(word 'not', word('clumsy', 0), 1), 1), 1), 1), 1)
local scores, _, seen = tocha.no_grad(judged, net, {example})
local judgement = {}
for i, phrase in ipairs(seen) do
  local p = scores[i]:sigmoid():item()
  judgement[phrase.tree] = ('%s %3.0f %%'):format(p > 0.5 and 'praise' or 'blame ', 100 * math.max(p, 1 - p))
end
show(example, judgement, '')
