--- Results as text: a Markdown table, and JSON.

local report = {}

local function sorted(list)
  local copy = {}
  for i, v in ipairs(list) do copy[i] = v end
  table.sort(copy)
  return copy
end

--- Median, 10th and 90th percentile, least and number of a list of samples.
function report.summary(samples)
  local s = sorted(samples)
  local function at(p) return s[math.floor(p * (#s - 1) + 0.5) + 1] end
  return {median = at(0.5), p10 = at(0.1), p90 = at(0.9), least = s[1], samples = #s}
end

function report.time(seconds)
  for _, unit in ipairs{{1, 's'}, {1e-3, 'ms'}, {1e-6, 'us'}, {1e-9, 'ns'}} do
    if seconds >= unit[1] or unit[1] == 1e-9 then return ('%.3g %s'):format(seconds / unit[1], unit[2]) end
  end
end

local function timed(side)
  if not side then return '-' end
  if side.failed then return 'failed' end
  return ('%s (%s to %s)'):format(report.time(side.median), report.time(side.p10), report.time(side.p90))
end

local function rate(row)
  if not row.amount or not row.tocha or row.tocha.failed then return '' end
  return ('%.3g %s'):format(row.amount / row.tocha.median / 1e9, row.unit)
end

local function memory(side)
  if not side or not side.peak then return '-' end
  if not side.before then return ('%.0f'):format(side.peak / 1024) end
  return ('%.0f (+%.0f)'):format(side.peak / 1024, math.max(0, side.peak - side.before) / 1024)
end

local function ratio(n) return n and ('%.3f'):format(n) or '' end

--- One line of the table.
function report.row(row)
  return ('| %s | %d | %s | %s | %s | %s | %s | %s | %s | %.1f |'):format(row.name, row.threads, timed(row.tocha), timed(row.torch),
    ratio(row.ratio), ratio(row.ratio_of_least), rate(row), memory(row.tocha), memory(row.torch), row.others)
end

--- A line on a workload that misses its target: by how much, and where its time goes.
function report.miss(miss)
  local parts = {('- **%s**: %.3f, target %.2f.'):format(miss.name, miss.ratio, miss.target)}
  if miss.operators then parts[#parts + 1] = ('Operators (%d thread%s): %s.'):format(miss.threads, miss.threads > 1 and 's' or '', miss.operators) end
  if miss.symbols then parts[#parts + 1] = ('Functions: %s.'):format(miss.symbols) end
  return table.concat(parts, ' ')
end

local head = '| workload | threads | Tocha | PyTorch | ratio | of least | Tocha\'s rate | peak MB, Tocha | peak MB, PyTorch | others |\n' ..
  '|---|---|---|---|---|---|---|---|---|---|'

local legend = [[
Medians of %d samples, taken in turns; in brackets the 10th and 90th percentile. Ratio: Tocha's time over PyTorch's,
of medians and of the shortest samples, which other programs disturb least.
Peak memory is that of the process, in brackets above what it held before the workload. "others" is how many processors other
programs kept busy meanwhile: the more, the less a figure is worth.]]

-- What recording and planning cost, of the rows of one group.
local function first_calls(rows, group)
  local parts = {}
  for _, row in ipairs(rows) do
    if row.group == group and row.tocha.added and row.name:find(', compiled$') then
      parts[#parts + 1] = ('%s (%d) %.1f ms'):format(row.name:match('^(.*), compiled'), row.threads, row.tocha.added * 1e3)
    end
  end
  if #parts == 0 then return nil end
  return '\nWhat the first three calls took beyond three eager ones: recording twice, planning, memory used for the first time; in brackets the threads: ' ..
    table.concat(parts, ', ') .. '.'
end

function report.markdown(result)
  local lines = {'# Benchmarks', ''}
  for _, d in ipairs(result.machine) do lines[#lines + 1] = ('- %s: %s'):format(d[1], d[2]) end
  lines[#lines + 1] = ('- load of the machine: %.1f at the start, %.1f at the end'):format(result.load_before, result.load_after)
  lines[#lines + 1] = ''
  lines[#lines + 1] = legend:format(result.repetitions)
  local group
  local function finish_group() lines[#lines + 1] = group and first_calls(result.rows, group) end
  for _, row in ipairs(result.rows) do
    if row.group ~= group then
      finish_group()
      group = row.group
      lines[#lines + 1] = ('\n## %s\n\n%s'):format(group, head)
    end
    lines[#lines + 1] = report.row(row)
  end
  finish_group()
  if #result.missed > 0 then
    lines[#lines + 1] = '\n## Over their targets, and where the time goes\n\nEach side at its better number of threads.\n'
    for _, miss in ipairs(result.missed) do lines[#lines + 1] = report.miss(miss) end
  end
  for _, name in ipairs(result.skipped) do lines[#lines + 1] = '\nNot measured, the time was over: ' .. name end
  return table.concat(lines, '\n') .. '\n'
end

local function quoted(s)
  return '"' .. s:gsub('[%c"\\]', function(c) return ('\\u%04x'):format(c:byte()) end) .. '"'
end

--- JSON of plain tables: lists where there is a first element or nothing at all, else objects with sorted names.
function report.json(v)
  if type(v) == 'string' then return quoted(v) end
  if type(v) == 'number' then return (v ~= v or v == math.huge or v == -math.huge) and 'null' or ('%.9g'):format(v) end
  if type(v) ~= 'table' then return tostring(v) end
  local parts = {}
  if v[1] ~= nil or next(v) == nil then
    for i, x in ipairs(v) do parts[i] = report.json(x) end
    return '[' .. table.concat(parts, ', ') .. ']'
  end
  for key in pairs(v) do parts[#parts + 1] = key end
  table.sort(parts)
  for i, key in ipairs(parts) do parts[i] = quoted(key) .. ': ' .. report.json(v[key]) end
  return '{' .. table.concat(parts, ', ') .. '}'
end

return report
