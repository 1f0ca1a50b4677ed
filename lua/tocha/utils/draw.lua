--- Small images in the terminal: two pixels a character as half blocks in shades of grey, or as plain characters.
-- @module tocha.utils.draw

local args = require 'tocha.args'
local tocha = require 'tocha'
local terminal = require 'tocha.utils.terminal'

local draw = {}

local shades = ' .:-=+*#%@'

-- Rows of numbers from 0 to 1; images of (1, rows, columns) will do.
local function pixels(x)
  if not tocha.is_tensor(x) then args.fail('draw_image: image: got %s, takes a tensor', args.show(x)) end
  while x:dim() > 2 and x:size(1) == 1 do x = x:select(1, 1) end
  if x:dim() ~= 2 then args.fail('draw_image: image: got %s, takes [rows x columns]', args.show(x)) end
  x = x:detach():double()
  local low, high = x:min():item(), x:max():item()
  return ((x - low) / math.max(high - low, 1e-12)):totable()
end

-- 24 greys of the 256 colours, from 232
local function grey(v) return 232 + math.floor(v * 23 + 0.5) end

local function block_line(upper, lower)
  local out = {}
  for j = 1, #upper do
    out[j] = ('\27[38;5;%d;48;5;%dm▀'):format(grey(upper[j]), grey(lower and lower[j] or 0))
  end
  return table.concat(out) .. '\27[0m'
end

local function shade_line(upper, lower)
  local out = {}
  for j = 1, #upper do
    local v = lower and (upper[j] + lower[j]) / 2 or upper[j] / 2
    local k = 1 + math.floor(v * (#shades - 1) + 0.5)
    out[j] = shades:sub(k, k)
  end
  return table.concat(out)
end

local function lines_of(x, blocks)
  local rows, lines = pixels(x), {}
  for i = 1, #rows, 2 do lines[#lines + 1] = (blocks and block_line or shade_line)(rows[i], rows[i + 1]) end
  return lines, #(rows[1] or {})
end

local function use_blocks(style)
  if style == nil then return terminal.is_terminal(io.stdout) and terminal.is_utf8() end
  if style ~= 'blocks' and style ~= 'shades' then
    args.fail("draw_image: style: got %s, takes 'blocks' or 'shades'", args.show(style))
  end
  return style == 'blocks'
end

--- An image as text.
-- @param image tensor of [rows x columns], bright where large
-- @tparam[opt] string style 'blocks' or 'shades' (plain ASCII); by default what the terminal can show
-- @treturn string lines
-- @usage
-- utils.draw_image(tocha.tensor{{0, 1}, {1, 0}}, 'shades')  --> '++'
function draw.draw_image(image, style)
  if type(style) == 'table' then style = style.style end
  return table.concat((lines_of(image, use_blocks(style))), '\n')
end

--- Images side by side, each with a caption.
-- @tparam table images list of tensors of the same shape
-- @tparam[opt] table captions
-- @tparam[opt] string style
-- @usage
-- local images = {tocha.zeros(2, 2), tocha.ones(2, 2)}
-- utils.draw_images(images, {'a', 'b'}, 'shades'):find('a') ~= nil  --> true
function draw.draw_images(images, captions, style)
  local blocks, columns, widths, height = use_blocks(style), {}, {}, 0
  for i, x in ipairs(images) do
    columns[i], widths[i] = lines_of(x, blocks)
    height = math.max(height, #columns[i])
  end
  local out = {}
  for row = 1, height do
    local parts = {}
    for i, lines in ipairs(columns) do parts[i] = lines[row] or (' '):rep(widths[i]) end
    out[row] = table.concat(parts, '  ')
  end
  if captions then
    local parts = {}
    for i in ipairs(images) do
      local text = tostring(captions[i] or ''):sub(1, widths[i])
      parts[i] = text .. (' '):rep(widths[i] - #text)
    end
    out[#out + 1] = (table.concat(parts, '  '):gsub('%s+$', ''))
  end
  return table.concat(out, '\n')
end

return draw
