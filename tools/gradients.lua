-- gradients.lua: which rules of differentiation there are, and what checks the second derivatives of each (usage: luajit tools/gradients.lua
-- > docs/coverage-gradients.md). The rules are read from the sources, what checks them from the graphs that the rows of spec/cases make.
package.path = 'lua/?.lua;lua/?/init.lua;./?.lua;' .. package.path
local second = require 'spec.autograd.second_order'

local rules = second.rules()
local covered, reasons = second.covered()

local smooth, flat, once = {}, {}, {}
for name, kind in pairs(rules) do
  local list = kind == 'flat' and flat or reasons[name] and not covered[name] and once or smooth
  list[#list + 1] = name
end
for _, list in ipairs {smooth, flat, once} do table.sort(list) end

local function quoted(list)
  local out = {}
  for i, name in ipairs(list) do out[i] = '`' .. name .. '`' end
  return table.concat(out, ' ')
end

print [[
# Gradients: what is checked

Made by `tools/gradients.lua` from the sources and the specs; `spec/autograd/second_order_spec.lua` fails when a rule is not in it.

## At singular points

Where a derivative is infinite or undefined, three things hold of every operator but products of matrices (`spec/autograd/singular_spec.lua`):

- **No gradient that comes gives none that goes**: 0 at the result gives 0 at the input, not 0 times infinity, also where the input is
  infinite or NaN. So `where(mask, f(x), 0)` has the gradient that it looks like, in both orders; `x` needs no second `where`.
- **A gradient of 1 gives the derivative**: infinity for `sqrt` and `log` at 0, NaN for `sin` at infinity.
- **Where there are several subgradients**, the smallest: 0 for `abs`, `relu`, norms, distances and `std` at 0; ties of `maximum`, `amax` and
  `norm(x, inf)` share the gradient, and at a bound of `clamp` that is a number nobody has it.

Products of matrices (`matmul`, convolutions, `cdist` of p = 2, attention) multiply whole rows and columns, NaN with them.

`det` has its derivatives at singular matrices too (the matrix of cofactors, from the singular values; for second derivatives from minors), and
`pinv` where singular values are equal. `slogdet` gives infinities at singular matrices. Vectors of `eigh`, `eig` and `svd` have no
derivative where their values are equal; a function of them that does not depend on their choice may still have: what comes as 0 above the
difference of two equal values counts as 0.

## Second derivatives

Every rule is checked against central differences of first derivatives: where its node is in the graph of a gradient that a row of `spec/cases`, or a
call of `spec/autograd/second_order_calls.lua`, differentiates again.]]

print '\n| rule | checked by |\n|---|---|'
for _, name in ipairs(smooth) do print(('| `%s` | %s |'):format(name, covered[name] or '')) end
print '\n### Once only\n\nAsking for more is an error that says so.\n\n| rule | why |\n|---|---|'
for _, name in ipairs(once) do print(('| `%s` | %s |'):format(name, (reasons[name]:gsub('^once: ', '')))) end
print '| `zeta` | not by its first argument: the derivative is not known in closed form |'
print '| polynomials of `tocha.special` | not by the degree; by `x` up to order 8 |'
print(('\n### Flat\n\nThe derivative is 0 wherever there is one: %s'):format(quoted(flat)))
