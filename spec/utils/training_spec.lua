--- What a training script shows and measures: summaries, meters, early stopping, logs, timers.

local tocha = require 'tocha'
local nn, utils = tocha.nn, tocha.utils

local function near(want, got, what) assert.is_true(math.abs(want - got) < 1e-6, ('%s: got %s, not %s'):format(what or '', got, want)) end

describe('net:summary', function()
  it('counts parameters, multiplications and memory layer by layer', function()
    local net = nn.Sequential(nn.Conv2d(3, 8, 3, {padding = 1}), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 16, 10))
    local report = net:summary{2, 3, 8, 8}
    assert.are.equal(8 * 27 + 8 + 128 * 10 + 10, report.parameters)
    assert.are.equal(2 * 8 * 64 * 27 + 2 * 128 * 10, report.macs)
    assert.are.equal(4 * report.parameters, report.parameter_bytes)
    assert.are.same({2, 8, 8, 8}, report[2].shape)
    assert.are.equal('0', report[2].path)
    assert.are.equal(4 * (1024 + 1024 + 256 + 256 + 20), report.activation_bytes)
    local text = tostring(report)
    assert.is_truthy(text:find('Conv2d (0)', 1, true))
    assert.is_truthy(text:find('1,514 parameters, 1,514 of them trained (0.01 MB); 30,208 multiply-adds', 1, true))
    assert.is_true(net.training)
    assert.is_nil(next(net[1]._hooks.forward))
  end)

  it('knows recurrent layers, attention and layers that are called twice', function()
    local lstm = nn.LSTM(5, 7, {batch_first = true})
    assert.are.equal(2 * 3 * 4 * 7 * (5 + 7), lstm:summary{2, 3, 5}.macs)
    local attention = nn.MultiheadAttention(8, 2, {batch_first = true})
    local x = tocha.randn(2, 3, 8)
    assert.are.equal(2 * (3 * 8 * 8 * 3 + 2 * 3 * 3 * 8) + 2 * 3 * 8 * 8, attention:summary(x, x, x).macs)
    local l = nn.Linear(4, 4)
    local report = nn.Sequential(l, l):summary{1, 4}
    assert.are.equal(20, report.parameters)
    assert.are.equal(32, report.macs)
    l:requires_grad_(false)
    assert.are.equal(0, l:summary{1, 4}.trainable)
    assert.has_error(function() l:summary() end, 'summary: input is missing: takes the arguments of forward, or a table of sizes')
    assert.has_error(function() l:summary{1, 5} end)
    assert.are.equal(64, require('tocha.nn.summary').flop_count(nn.Sequential(l, l), tocha.ones(1, 4)))
  end)
end)

describe('meters', function()
  it('average', function()
    local m = utils.AverageMeter()
    m:add(1):add(tocha.tensor(4), 3)
    near(3.25, (m:value()))
    near(1.5, select(2, m:value()))
    local moving = utils.MovingAverageMeter(2)
    moving:add(9):add(1):add(3)
    near(2, moving:value())
  end)

  it('count the best answers', function()
    local m = utils.TopKMeter{1, 2}
    m:add(tocha.tensor{{3, 2, 1}, {1, 2, 3}, {2, 3, 1}, {1, 3, 2}}, tocha.int64{1, 2, 1, 1})
    local one, two = m:value()
    near(25, one)
    near(75, two)
  end)

  it('tell precision, recall and F1', function()
    local m = utils.PrecisionRecallMeter(2, 'none')
    m:add(tocha.int64{1, 1, 2, 1}, tocha.int64{1, 2, 2, 1})
    local p, r, f = m:value()
    near(2 / 3, p[1])
    near(1, r[1])
    near(0.5, r[2])
    near(0.8, f[1])
    m.average = 'micro'
    near(0.75, (m:value()))
    m.average = 'macro'
    near((2 / 3 + 1) / 2, (m:value()))
  end)

  it('tell the area under the curve and average precision', function()
    local m = utils.AUCMeter()
    m:add(tocha.tensor{0.1, 0.4}, tocha.int64{0, 0}):add(tocha.tensor{0.35, 0.8}, tocha.int64{1, 1})
    near(0.75, (m:value()))                              -- as scikit-learn's example of roc_auc_score
    local ties = utils.AUCMeter():add(tocha.tensor{1, 1, 1}, tocha.int64{0, 1, 1})
    near(0.5, (ties:value()))
    local ap = utils.APMeter():add(tocha.tensor{0.1, 0.4, 0.35, 0.8}, tocha.int64{0, 0, 1, 1})
    near(5 / 6, ap:value())
    m:reset()
    assert.is_true((m:value()) ~= (m:value()))
    assert.has_error(function() m:add(tocha.ones(2), tocha.ones(3)) end)
  end)
end)

describe('EarlyStopping', function()
  it('waits, stops, and gives the best state back', function()
    local net, stop = nn.Linear(1, 1), utils.EarlyStopping(2, {min_delta = 0.1})
    local stops = {}
    for i, loss in ipairs{5, 3, 2.95, 4} do
      net.weight:detach():fill_(i)
      stops[i] = stop(loss, net)
    end
    assert.are.same({false, false, false, true}, stops)
    assert.are.equal(3, stop.best)
    stop:restore(net)
    assert.are.equal(2, net.weight:item())
    local highest = utils.EarlyStopping(1, {mode = 'max'})
    assert.are.same({false, false, true}, {highest(1), highest(2), highest(0 / 0)})
  end)
end)

describe('Logger', function()
  it('writes rows that a spreadsheet reads, and curves that gnuplot draws', function()
    local path = os.tmpname()
    local log = utils.Logger(path, {'epoch', 'loss', 'note'})
    log:add{epoch = 1, loss = tocha.tensor(0.5), note = 'a, "b"'}:add{epoch = 2, loss = 0.25}
    log:close()
    utils.Logger(path, {'epoch', 'loss', 'note'}, {append = true}):add{epoch = 3}:close()
    local file = assert(io.open(path))
    assert.are.equal('epoch,loss,note\n1,0.5,"a, ""b"""\n2,0.25,\n3,,\n', file:read('*a'))
    file:close()
    os.remove(path)
    assert.are.same({0.5, 0.25}, log:column('loss'))
    local commands = log:commands('x.svg', {x = 'epoch', y = {'loss'}, log_y = true})
    assert.is_truthy(commands:find('set logscale y', 1, true))
    assert.is_truthy(commands:find('1 0.5\n2 0.25\ne\n', 1, true))
    assert.has_error(function() log:add{los = 1} end, "Logger: add: 'los' is no column; they are epoch, loss, note")
    assert.has_error(function() log:commands('x.doc') end)
  end)
end)

describe('benchmark', function()
  it('measures a call', function()
    local calls = 0
    local result = utils.benchmark(function() calls = calls + 1 end, {seconds = 0.01, warmup = 0, label = 'nothing'})
    assert.is_true(result.median < 1e-4 and result.fastest <= result.median and calls > result.calls)
    assert.is_truthy(tostring(result):find('^nothing: .* a call %(fastest'))
  end)
end)
