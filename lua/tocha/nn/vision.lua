--- Layers that move pixels: nn.PixelShuffle, PixelUnshuffle, ChannelShuffle, Upsample and its two old forms, Fold,
-- Unfold.
-- @module tocha.nn.vision

local define = require 'tocha.nn.simple'
local show = require 'tocha.nn.show'
local F = require 'tocha.nn.functional'

local vision = {}

local function add(name, ...) vision[name] = define(name, ...) end

--- Makes channels places: an image of r times the height and width from r^2 times the channels.
-- @type PixelShuffle
-- @param upscale_factor r
-- @shape (n, c r^2, h, w) -> (n, c, h r, w r)
-- @raise if r^2 does not divide the channels
-- @usage
-- nn.PixelShuffle(2)(tocha.tensor{{{1}}, {{2}}, {{3}}, {{4}}})  --> {{{1, 2}, {3, 4}}}
add('PixelShuffle', {'upscale_factor:int'}, function(self, input) return F.pixel_shuffle(input,
  self.upscale_factor) end)
--- Makes places channels, as PixelShuffle backwards.
-- @type PixelUnshuffle
-- @param downscale_factor r
-- @shape (n, c, h r, w r) -> (n, c r^2, h, w)
-- @raise if r does not divide height and width
-- @usage
-- nn.PixelUnshuffle(2)(tocha.tensor{{{1, 2}, {3, 4}}})  --> {{{1}}, {{2}}, {{3}}, {{4}}}
add('PixelUnshuffle', {'downscale_factor:int'}, function(self, input)
  return F.pixel_unshuffle(input, self.downscale_factor)
end)
--- Deals the channels of each group among new groups, so that grouped convolutions see all of them.
-- @type ChannelShuffle
-- @param groups so many groups, which divide the channels
-- @shape (n, c, ...) -> the same
-- @usage
-- nn.ChannelShuffle(2)(tocha.tensor{{{1}, {2}, {3}, {4}}})  --> {{{1}, {3}, {2}, {4}}}
add('ChannelShuffle', {'groups:int'}, function(self, input) return F.channel_shuffle(input, self.groups) end)

local function show_upsample(self)
  return show.fields(self, self.scale_factor ~= nil and 'scale_factor' or 'size', 'mode')
end

local function upsample(self, input)
  return F.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor)
end

--- Images (or signals, or volumes) of another size.
-- @type Upsample
-- @param size the new size: a number, or a list; or
-- @param scale_factor a factor: a number, or a list
-- @param mode 'nearest', 'nearest-exact', 'linear', 'bilinear', 'bicubic', 'trilinear' or 'area'
-- @param align_corners whether the corners' centres stay where they are (linear modes)
-- @param recompute_scale_factor whether the factor is computed anew from the sizes
-- @shape (n, c, size...) -> (n, c, size'...)
-- @raise unless one of size and scale_factor is given
-- @usage
-- nn.Upsample{scale_factor = 2}(tocha.tensor{{{1, 2}}})  --> {{{1, 1, 2, 2}}}
-- nn.Upsample{size = {3, 3}, mode = 'bilinear', align_corners = true}(tocha.tensor{{{{1, 3}, {5, 7}}}})[1][1]  --> {{1, 2, 3}, {3, 4, 5}, {5, 6, 7}}
add('Upsample', {'size:size=nil', 'scale_factor=nil', 'mode:str="nearest"', 'align_corners:bool=nil',
  'recompute_scale_factor:bool=nil'}, upsample, show_upsample)

--- nn.Upsample of images: the nearest pixel, or bilinear between the corners (align_corners).
-- @type UpsamplingNearest2d UpsamplingBilinear2d
-- @param size the new size; or
-- @param scale_factor a factor
-- @shape (n, c, h, w) -> (n, c, h', w')
-- @usage
-- nn.UpsamplingNearest2d{scale_factor = 2}(tocha.ones(1, 3, 2, 2)).shape  --> {1, 3, 4, 4}
-- nn.UpsamplingBilinear2d{size = {1, 3}}(tocha.tensor{{{{1, 3}}}})  --> {{{{1, 2, 3}}}}
add('UpsamplingNearest2d', {'size:size=nil', 'scale_factor=nil'}, upsample, show_upsample, vision.Upsample,
  function(self)
  self.mode = 'nearest'
end)
add('UpsamplingBilinear2d', {'size:size=nil', 'scale_factor=nil'}, upsample, show_upsample, vision.Upsample,
  function(self)
  self.mode, self.align_corners = 'bilinear', true
end)

local fold_fields = {'kernel_size:size', 'dilation:size=1', 'padding:size=0', 'stride:size=1'}

--- Sums columns of windows, as Unfold makes them, back into an image.
-- @type Fold
-- @param output_size {height, width} of the image
-- @param kernel_size of a window
-- @param dilation distance between places of a window
-- @param padding zeros around the image
-- @param stride between windows
-- @shape (n, c kernel_h kernel_w, windows) or without n -> (n, c, height, width)
-- @raise if the number of windows does not fit
-- @usage
-- nn.Fold({1, 3}, {1, 2})(tocha.ones(1, 2, 2))  --> {{{{1, 2, 1}}}}
add('Fold', {'output_size:size', unpack(fold_fields)}, function(self, input)
  return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)
end)
--- The windows of an image as columns.
-- @type Unfold
-- @param kernel_size of a window
-- @param dilation distance between places of a window
-- @param padding zeros around the image
-- @param stride between windows
-- @shape (n, c, h, w) or without n -> (n, c kernel_h kernel_w, windows)
-- @usage
-- nn.Unfold({1, 2})(tocha.tensor{{{{1, 2, 3}}}})  --> {{{1, 2}, {2, 3}}}
add('Unfold', fold_fields, function(self, input)
  return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)
end)

return vision
