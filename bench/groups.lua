--- All workloads: each file of bench/workloads gives a list of them and the functions that build each kind in Tocha.
-- A workload is a name, a kind and numbers; the same line of text, `KIND key=value ...`, tells both sides what to build.
-- `target` is the ratio to PyTorch that we hold ourselves to, of a workload or of all in its file.

local folder = debug.getinfo(1, 'S').source:match('^@(.*)/[^/]*$') or '.'
local order = {'limits', 'overhead', 'elementwise', 'reduce', 'products', 'fourier', 'convolution', 'train', 'sequences', 'compiled', 'process'}

local groups = {make = {}}
for i, name in ipairs(order) do
  local group = dofile(folder .. '/workloads/' .. name .. '.lua')
  group.name, groups[i] = name, group
  for kind, make in pairs(group.make or {}) do groups.make[kind] = make end
end

local not_parameters = {name = true, kind = true, per = true, unit = true, amount = true, target = true}

--- The line that both sides are given.
function groups.line(workload)
  local keys, words = {}, {workload.kind}
  for key in pairs(workload) do
    if not not_parameters[key] then keys[#keys + 1] = key end
  end
  table.sort(keys)
  for _, key in ipairs(keys) do words[#words + 1] = key .. '=' .. tostring(workload[key]) end
  return table.concat(words, ' ')
end

return groups
