--- tocha.utils: data, checkpointing, and what a training script shows. A part is loaded when it is first used.
-- @module tocha.utils

return require 'tocha.onuse'({}, 'tocha.utils.', {
  meters = 'AverageMeter MovingAverageMeter TopKMeter PrecisionRecallMeter AUCMeter APMeter', confusion = 'ConfusionMatrix',
  earlystopping = 'EarlyStopping', logger = 'Logger', progress = 'Progress', terminal = 'clock', png = 'save_image make_grid',
  draw = 'draw_image draw_images',
}, 'data checkpoint options benchmark')
