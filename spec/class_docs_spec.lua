--- Every public class says what it takes, the shapes, and has an example that holds.

local classdoc = require 'tocha.repl.classdoc'
local examples = require 'spec.class_examples'

-- what the documentation lacks, or nil
local function lacks(name, doc, place)
  if not doc.text or not doc.text:find('%w') then return 'no description' end
  for _, p in ipairs(doc.declared or {}) do
    local known = doc.by_name[p.name]
    if p.name:sub(1, 1) ~= '_' and (not known or known.text == '') then return 'nothing about ' .. p.name end
  end
  if (place.page == 'nn' or place.page == 'distributions') and not doc.shape then return 'no @shape' end
  if #doc.usage == 0 then return 'no example' end
  if not (' ' .. table.concat(doc.usage, '\n') .. ' '):find('[^%w_]' .. name .. '[^%w_]') then return 'an example without it' end
end

local function check_example(doc, done)
  local text = table.concat(doc.usage, '\n')
  if done[text] then return nil end
  done[text] = true
  local ok, n, wrong = pcall(examples.run, doc.usage)
  if not ok then return tostring(n) end
  if n == 0 then return 'an example that shows nothing: it has no -->' end
  local first = wrong[1]
  if first then return ('%s\n    is %s'):format(doc.usage[first[1]], first[2]) end
end

describe('the documentation', function()
  for _, place in ipairs(classdoc.packages) do
    it('of ' .. place.path .. ' is whole, and its examples hold', function()
      local problems, done = {}, {}
      for _, entry in ipairs(classdoc.list(place)) do
        local doc = classdoc.of(entry.name, entry.value, entry.module)
        local problem = lacks(entry.name, doc, place) or check_example(doc, done)
        if problem then problems[#problems + 1] = entry.name .. ': ' .. problem end
      end
      assert(#problems == 0, #problems .. ' problems\n  ' .. table.concat(problems, '\n  '))
    end)
  end

  it('of a class without an example is found wanting', function()
    local doc = {text = 'A layer.', usage = {}, by_name = {}, shape = '(n)'}
    assert.equal('no example', lacks('Layer', doc, {page = 'nn'}))
    doc.usage = {'nn.Layer()  --> 1'}
    assert.is_nil(lacks('Layer', doc, {page = 'nn'}))
    assert.equal('an example without it', lacks('Other', doc, {page = 'nn'}))
    doc.shape = nil
    assert.equal('no @shape', lacks('Layer', doc, {page = 'nn'}))
    doc.declared = {{name = 'bias'}}
    assert.equal('nothing about bias', lacks('Layer', doc, {page = 'nn'}))
    local _, wrong = examples.run{'tocha.ones(2) * 2  --> {2, 3}'}
    assert.equal('{2, 2}', wrong[1][2])
  end)
end)
