--- What the prompt changes in the source it is given, before it is compiled: every loop and function asks whether Ctrl-C was pressed,
-- which compiled code would otherwise never notice; and outermost locals become variables of the session. Lines stay where they are.
-- @module tocha.repl.rewrite

local tokens_of = require 'tocha.repl.tokens'

local rewrite = {}

--- The name under which rewritten code finds the question.
rewrite.tick = '__tocha_tick'

-- Puts pieces of text into the source: edits are {at = position, text = goes before it, skip = how much is left out}.
local function apply(source, edits)
  local out, from = {}, 1
  for _, edit in ipairs(edits) do
    out[#out + 1] = source:sub(from, edit.at - 1)
    out[#out + 1] = edit.text
    from = edit.at + (edit.skip or 0)
  end
  out[#out + 1] = source:sub(from)
  return table.concat(out)
end

-- the position of the parenthesis that closes a parameter list after `function` at i
local function parameters_end(tokens, i)
  while tokens[i] and tokens[i].text ~= '(' do i = i + 1 end
  while tokens[i] and tokens[i].text ~= ')' do i = i + 1 end
  return i
end

local function is_goto(tokens, i)
  local token, before, after = tokens[i], tokens[i - 1], tokens[i + 1]
  return token.text == 'goto' and after and after.kind == 'name' and not (before and (before.text == '.' or before.text == ':'))
end

--- The source with a call of `tick` at the start of every block that can run again, and before every goto.
function rewrite.interruptible(source)
  local tokens, edits, call = tokens_of(source), {}, ' ' .. rewrite.tick .. '(); '
  for i, token in ipairs(tokens) do
    if token.kind == 'keyword' and (token.text == 'do' or token.text == 'repeat') then
      edits[#edits + 1] = {at = token.to + 1, text = call}
    elseif token.kind == 'keyword' and token.text == 'function' then
      local close = tokens[parameters_end(tokens, i)]
      if close then edits[#edits + 1] = {at = close.to + 1, text = call} end
    elseif token.kind == 'name' and is_goto(tokens, i) then
      edits[#edits + 1] = {at = token.from, text = call}
    end
  end
  return apply(source, edits)
end

local opens = {['function'] = 1, ['if'] = 1, ['do'] = 1, ['repeat'] = 1, ['end'] = -1, ['until'] = -1}

-- the last name of the list that begins at token i: a, b, c
local function names_end(tokens, i)
  while tokens[i + 1] and tokens[i + 1].text == ',' and tokens[i + 2] and tokens[i + 2].kind == 'name' do i = i + 2 end
  return i
end

--- The source with `local` taken off its outermost declarations, so that the next lines of a session still see them.
function rewrite.keep_locals(source)
  local tokens, edits, depth = tokens_of(source), {}, 0
  for i, token in ipairs(tokens) do
    local following = tokens[i + 1]
    if token.kind == 'keyword' and token.text == 'local' and depth == 0 and following then
      edits[#edits + 1] = {at = token.from, text = '', skip = #token.text}
      if following.kind == 'name' then
        local last = names_end(tokens, i + 1)
        local assigned = tokens[last + 1] and tokens[last + 1].text == '='
        if not assigned then edits[#edits + 1] = {at = tokens[last].to + 1, text = ' = nil;'} end
      end
    elseif token.kind == 'keyword' then
      depth = depth + (opens[token.text] or 0)
    end
  end
  return apply(source, edits)
end

return rewrite
