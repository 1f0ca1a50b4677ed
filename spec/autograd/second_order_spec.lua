--- Every rule of differentiation has a check of its second derivatives, by a row of spec/cases or a call of spec/autograd/second_order_calls.lua, or a
-- reason why there are none and an error that says so.

local tocha = require 'tocha'
local S = require 'spec.support'
local second = require 'spec.autograd.second_order'
local calls = require 'spec.autograd.second_order_calls'

local gradcheck, gradgradcheck = tocha.autograd.gradcheck, tocha.autograd.gradgradcheck

local function sorted(list)
  table.sort(list)
  return table.concat(list, ', ')
end

describe('second derivatives', function()
  local rules = second.rules()
  local covered, reasons, operators = second.covered()

  it('are checked of every rule', function()
    local missing = {}
    for name, kind in pairs(rules) do
      if kind == 'smooth' and not covered[name] and not reasons[name] then missing[#missing + 1] = name end
    end
    assert.equal('', sorted(missing))
  end)

  it('are missing for a reason only where they are missing', function()
    local wrong = {}
    for name in pairs(reasons) do if not rules[name] then wrong[#wrong + 1] = name end end
    assert.equal('', sorted(wrong))
  end)

  it('are known by the rules that are in the sources', function()
    local n = 0
    for _ in pairs(rules) do n = n + 1 end
    assert.is_true(n > 200, n .. ' rules')
    assert.same({'smooth', 'flat', 'smooth'}, {rules.exp, rules.floor, rules['in-place change of a view']})
  end)

  it('are asked for wherever a row has a gradient', function()
    local missing = {}
    for name, rule in pairs(second.differentiable()) do
      if rules[rule] ~= 'flat' and not operators[name] and not second.elsewhere[name] then missing[#missing + 1] = name end
    end
    assert.equal('', sorted(missing))
  end)

  it('are listed in docs/coverage-gradients.md (luajit tools/gradients.lua makes it)', function()
    local file = assert(io.open('docs/coverage-gradients.md'))
    local page, missing = file:read('*a'), {}
    file:close()
    for name in pairs(rules) do if not page:find('`' .. name .. '`', 1, true) then missing[#missing + 1] = name end end
    assert.equal('', sorted(missing))
  end)

  for _, call in ipairs(calls) do
    local name, f, inputs = unpack(call)
    if f and not call.once and not call.never then
      it('are right for ' .. name, function()
        local names = {}
        second.collect_call(call, names)
        assert.is_truthy(names[name], 'the graph of the call has no such rule')
        assert.is_true(gradcheck(f, inputs))
        assert.is_true(gradgradcheck(f, inputs))
      end)
    elseif f then
      it('are an error for ' .. name, function()
        if call.once and not call.random then assert.is_true(gradcheck(f, inputs)) end
        S.fails(function()
          local y = f(unpack(inputs)):sum()
          local g = tocha.autograd.grad({y}, inputs, {create_graph = true})
          tocha.autograd.grad({g:sum()}, inputs, {allow_unused = true})
        end, call.never and 'gradient' or 'second derivative')
      end)
    end
  end
end)
