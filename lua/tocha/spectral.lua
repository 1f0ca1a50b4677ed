--- The short-time Fourier transform: `tocha.stft`, `tocha.istft`.
-- @module tocha.spectral

local binding = require 'tocha.binding'
local args = require 'tocha.args'
local dtype = require 'tocha.dtype'

local spectral = {}

local read_stft = args.spec('stft', 'input:tensor', 'n_fft:int', 'hop_length:int=nil', 'win_length:int=nil', 'window:tensor=nil',
  'center:bool=true', "pad_mode:str='reflect'", 'normalized:bool=false', 'onesided:bool=nil', 'return_complex:bool=nil',
  'align_to_window:bool=nil')
local read_istft = args.spec('istft', 'input:tensor', 'n_fft:int', 'hop_length:int=nil', 'win_length:int=nil', 'window:tensor=nil',
  'center:bool=true', 'normalized:bool=false', 'onesided:bool=nil', 'length:int=nil', 'return_complex:bool=false')

local function is_complex(x) return x ~= nil and (x.dtype == dtype.by_name.complex64 or x.dtype == dtype.by_name.complex128) end

--- stft(input, n_fft, hop_length, win_length, window, center, pad_mode, normalized, onesided, return_complex, align_to_window): the spectra
-- of overlapping frames, X[k, t] = sum_j window[j] input[t * hop_length + j] exp(-2 pi i jk / n_fft).
-- @param input (batch, length) or (length), real or complex
-- @param n_fft points of each transform
-- @param[opt] hop_length between frames, n_fft / 4 rounded down
-- @param[opt] win_length of the window, n_fft; a shorter one lies in the middle of zeros
-- @param[opt] window a vector of win_length numbers, ones
-- @param[opt=true] center pads both ends by n_fft / 2 (pad_mode, 'reflect'), so that frame t has input[t * hop_length] in its middle
-- @param[opt=false] normalized divides by the root of n_fft
-- @param[opt] onesided only the n_fft / 2 + 1 bins that tell all of a real signal; true where input and window are real
-- @param[opt] return_complex false gives real and imaginary parts along one more dim; has to be given for real input
-- @param[opt] align_to_window without center: frame t begins with the window's first number at t * hop_length
-- @return complex (batch, bins, frames)
function spectral.stft(...)
  local x, n_fft, hop, length, window, center, pad_mode, normalized, onesided, return_complex, align = read_stft(...)
  local complex = is_complex(x) or is_complex(window)
  if onesided == nil then onesided = not complex end
  if onesided and complex then args.fail('stft: onesided: takes true only for real input and window') end
  if return_complex == nil then
    if not complex then args.fail('stft: return_complex: has to be given for real input; true gives complex spectra') end
    return_complex = true
  end
  local y = binding.hidden('stft')(x, n_fft, hop or math.floor(n_fft / 4), length or n_fft, window, center, pad_mode, normalized, onesided,
    align or false)
  return return_complex and y or binding.get('view_as_real')(y)
end

--- istft(input, n_fft, hop_length, win_length, window, center, normalized, onesided, length, return_complex): the signal whose frames
-- have these spectra, in the sense of least squares (Griffin and Lim 1984): the frames times the window, added up, over the sum of
-- the squares of the windows, which must be nowhere 0.
-- @param input complex (batch, bins, frames) or (bins, frames), as `stft` gives it
-- @param[opt] onesided does input have n_fft / 2 + 1 bins? By default by its size
-- @param[opt] length of the result: longer signals are cut, shorter ones filled up with zeros
-- @param[opt=false] return_complex for spectra of complex signals
-- @return (batch, length)
function spectral.istft(...)
  local x, n_fft, hop, win_length, window, center, normalized, onesided, length, return_complex = read_istft(...)
  if onesided == nil then onesided = x:dim() < 2 or tonumber(x:size(-2)) ~= n_fft end
  return binding.hidden('istft')(x, n_fft, hop or math.floor(n_fft / 4), win_length or n_fft, window, center, normalized, onesided, length,
    return_complex)
end

return spectral
