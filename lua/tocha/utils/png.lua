--- Tensors as PNG files, and many small images as one sheet. The file's data is not compressed (deflate's stored blocks).
-- Source: the PNG specification, W3C, 2003; RFC 1950 and 1951.
-- @module tocha.utils.png

local bit = require 'bit'
local tocha = require 'tocha'
local args = require 'tocha.args'

local M = {}

local crc_table
local function crc(text)
  if not crc_table then
    crc_table = {}
    for n = 0, 255 do
      local c = n
      for _ = 1, 8 do c = bit.band(c, 1) == 1 and bit.bxor(0xEDB88320, bit.rshift(c, 1)) or bit.rshift(c, 1) end
      crc_table[n] = c
    end
  end
  local c = -1
  for i = 1, #text do c = bit.bxor(crc_table[bit.band(bit.bxor(c, text:byte(i)), 255)], bit.rshift(c, 8)) end
  return bit.bnot(c)
end

local function adler(text)
  local a, b = 1, 0
  for i = 1, #text do
    a = (a + text:byte(i)) % 65521
    b = (b + a) % 65521
  end
  return b * 65536 + a
end

local function big(n)
  return string.char(bit.band(bit.rshift(n, 24), 255), bit.band(bit.rshift(n, 16), 255), bit.band(bit.rshift(n, 8), 255),
    bit.band(n, 255))
end

local function chunk(name, data) return big(#data) .. name .. data .. big(bit.tobit(crc(name .. data))) end

local function stored(text)
  local parts = {'\x78\x01'}
  for at = 1, math.max(#text, 1), 65535 do
    local piece = text:sub(at, at + 65534)
    local n = #piece
    parts[#parts + 1] = string.char(at + 65535 > #text and 1 or 0, n % 256, math.floor(n / 256), 255 - n % 256,
      255 - math.floor(n / 256)) .. piece
  end
  parts[#parts + 1] = big(bit.tobit(adler(text)))
  return table.concat(parts)
end

-- (rows, columns, channels) of 0..255
local function pixels(image)
  if image:dim() == 2 then image = image:unsqueeze(1) end
  local channels = image:dim() == 3 and image:size(1)
  if channels ~= 1 and channels ~= 3 and channels ~= 4 then
    args.fail('save_image: image: got %s, takes [rows x columns], or [1, 3 or 4 x rows x columns]', args.show(image))
  end
  if image.dtype ~= tocha.uint8 then image = (image:float() * 255):round():clamp(0, 255) end
  return image:permute(2, 3, 1):contiguous(), channels
end

local colour = {[1] = 0, [3] = 2, [4] = 6}

local function rows_of(x)
  local lines = {}
  for r, row in ipairs(x:flatten(2, 3):totable()) do lines[r] = '\0' .. string.char(unpack(row)) end
  return table.concat(lines)
end

-- Lua's unpack has a limit, which wide rows exceed
local function encode_rows(x)
  if x:size(2) * x:size(3) <= 4000 then return rows_of(x) end
  local lines = {}
  for r, row in ipairs(x:flatten(2, 3):totable()) do
    local parts = {'\0'}
    for at = 1, #row, 4000 do parts[#parts + 1] = string.char(unpack(row, at, math.min(at + 3999, #row))) end
    lines[r] = table.concat(parts)
  end
  return table.concat(lines)
end

--- Writes an image as a PNG file.
-- @param image (rows, columns), or (channels, rows, columns) with 1 (grey), 3 (red, green, blue) or 4 channels (and opacity):
-- floats from 0 to 1, or uint8
-- @tparam string path
-- @usage
-- local path = os.tmpname()
-- utils.save_image(tocha.rand(3, 8, 8), path)
-- local file = io.open(path, 'rb')
-- file:read(8):sub(2, 4)  --> 'PNG'
-- file:close()
-- os.remove(path)
function M.save_image(image, path)
  if not tocha.is_tensor(image) then args.fail('save_image: image: got %s, takes a tensor', args.show(image)) end
  if type(path) ~= 'string' then args.fail('save_image: path: got %s, takes the name of a file', args.show(path)) end
  local x, channels = pixels(image:detach():cpu())
  local file, why = io.open(path, 'wb')
  if not file then args.fail('save_image: %s', why) end
  file:write('\137PNG\r\n\26\n', chunk('IHDR', big(x:size(2)) .. big(x:size(1)) .. string.char(8, colour[channels], 0, 0, 0)),
    chunk('IDAT', stored(encode_rows(x))), chunk('IEND', ''))
  file:close()
end

local read_grid = args.spec('make_grid', 'images:tensor', 'columns:int=8', 'padding:int=2', 'value:num=0')

--- Images side by side as one. Gives a tensor (channels, rows, columns).
-- @param images (count, channels, rows, columns), or without channels
-- @param columns how many images in a row
-- @param padding pixels between them
-- @param value of the pixels between
-- @usage
-- utils.make_grid(tocha.ones(4, 3, 8, 8), {columns = 2, padding = 1}).shape  --> {3, 19, 19}
function M.make_grid(...)
  local images, columns, padding, value = read_grid(...)
  if images:dim() == 3 then images = images:unsqueeze(2) end
  if images:dim() ~= 4 then args.fail('make_grid: images: got %s, takes 3 or 4 dims', args.show(images)) end
  local n, c, h, w = images:size(1), images:size(2), images:size(3), images:size(4)
  columns = math.min(columns, n)
  local rows = math.ceil(n / columns)
  local sheet = tocha.full({c, rows * (h + padding) + padding, columns * (w + padding) + padding}, value,
    {dtype = images.dtype, device = images.device})
  for i = 0, n - 1 do
    local y, x = math.floor(i / columns) * (h + padding) + padding, i % columns * (w + padding) + padding
    sheet:narrow(2, y + 1, h):narrow(3, x + 1, w):copy_(images[i + 1])
  end
  return sheet
end

return M
