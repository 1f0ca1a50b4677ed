--- Layers that move pixels: nn.PixelShuffle, PixelUnshuffle, ChannelShuffle, Upsample and its two old forms, Fold,
-- Unfold.
-- @module tocha.nn.vision

local define = require 'tocha.nn.simple'
local show = require 'tocha.nn.show'
local F = require 'tocha.nn.functional'

local vision = {}

local function add(name, ...) vision[name] = define(name, ...) end

add('PixelShuffle', {'upscale_factor:int'}, function(self, input) return F.pixel_shuffle(input,
  self.upscale_factor) end)
add('PixelUnshuffle', {'downscale_factor:int'}, function(self, input)
  return F.pixel_unshuffle(input, self.downscale_factor)
end)
add('ChannelShuffle', {'groups:int'}, function(self, input) return F.channel_shuffle(input, self.groups) end)

local function show_upsample(self)
  return show.fields(self, self.scale_factor ~= nil and 'scale_factor' or 'size', 'mode')
end

local function upsample(self, input)
  return F.interpolate(input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor)
end

add('Upsample', {'size:size=nil', 'scale_factor=nil', 'mode:str="nearest"', 'align_corners:bool=nil',
  'recompute_scale_factor:bool=nil'}, upsample, show_upsample)

add('UpsamplingNearest2d', {'size:size=nil', 'scale_factor=nil'}, upsample, show_upsample, vision.Upsample,
  function(self)
  self.mode = 'nearest'
end)
add('UpsamplingBilinear2d', {'size:size=nil', 'scale_factor=nil'}, upsample, show_upsample, vision.Upsample,
  function(self)
  self.mode, self.align_corners = 'bilinear', true
end)

local fold_fields = {'kernel_size:size', 'dilation:size=1', 'padding:size=0', 'stride:size=1'}

add('Fold', {'output_size:size', unpack(fold_fields)}, function(self, input)
  return F.fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)
end)
add('Unfold', fold_fields, function(self, input)
  return F.unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)
end)

return vision
