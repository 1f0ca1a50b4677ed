/* stft.c: the short-time Fourier transform and its inverse: frames of a signal, a window, transforms. Composed of public operators. */
#include "fft.h"

/* The window as n_fft numbers in the middle of zeros; a missing one is all ones, and needs nothing done where it fills n_fft. */
static tc_tensor *whole_window(tc_tensor *window, int64_t win_length, int64_t n_fft, int dtype, tc_device device) {
  if (!window) window = tc_ones(&win_length, 1, dtype, device, false);
  int64_t left = (n_fft - win_length) / 2;
  return win_length == n_fft ? window : tc_pad(window, (int64_t[]){left, n_fft - win_length - left}, 2, "constant", NULL);
}

static bool check_lengths(const tc_tensor *window, int64_t n_fft, int64_t hop, int64_t win_length) {
  if (hop < 1) return tci_fail("hop_length: got %lld, takes 1 or more", (long long)hop) != NULL;
  if (win_length < 1 || win_length > n_fft)
    return tci_fail("win_length: got %lld, takes 1 to n_fft, which is %lld", (long long)win_length, (long long)n_fft) != NULL;
  if (window && (window->ndim != 1 || window->size[0] != win_length))
    return tci_fail("window: got %s, takes %lld numbers", tci_shape(window), (long long)win_length) != NULL;
  return true;
}

static tc_tensor *padded_ends(tc_tensor *x, int64_t before, int64_t after, const char *mode) { /* x is (batch, length) */
  tc_tensor *y = tc_pad(tc_unsqueeze(x, 0), (int64_t[]){before, after}, 2, mode, NULL);
  return tc_squeeze(y, (tc_dim[]){0}, 1);
}

/* (batch, length) -> (batch, bins, frames). Frame t begins at t * hop of the signal, which is padded first. */
static tc_tensor *spectra(tc_tensor *x, int64_t n_fft, int64_t hop, int64_t win_length, tc_tensor *window, bool normalized, bool onesided) {
  const int64_t length = x->size[1];
  if (n_fft < 1 || n_fft > length)
    return tci_fail("n_fft: got %lld, takes 1 to the length of the (padded) signal, which is %lld", (long long)n_fft, (long long)length);
  tc_tensor *frames = tc_unfold(x, 1, n_fft, hop);
  if (window || win_length < n_fft) frames = tc_mul(frames, whole_window(window, win_length, n_fft, x->dtype, x->device));
  if (!frames) return NULL;
  const char *norm = normalized ? "ortho" : "backward";
  tc_tensor *y = onesided ? tc_fft_rfft(frames, n_fft, -1, norm) : tc_fft_fft(frames, n_fft, -1, norm);
  return tc_transpose(y, 1, 2);
}

tc_tensor *tc_stft(tc_tensor *x, int64_t n_fft, int64_t hop, int64_t win_length, tc_tensor *window, bool center, const char *pad_mode,
                   bool normalized, bool onesided, bool align_to_window) {
  if (!x) return NULL;
  if (x->ndim != 1 && x->ndim != 2) return tci_fail("input: got %s, takes 1 or 2 dims", tci_shape(x));
  if (!tci_is_float(x->dtype) && !tci_is_complex(x->dtype)) return tci_check_float(x, "input"), NULL;
  if (!check_lengths(window, n_fft, hop, win_length)) return NULL;
  if (center && align_to_window) return tci_fail("align_to_window: takes true only where center is false");
  tc_tensor *signal = x->ndim == 1 ? tc_unsqueeze(x, 0) : x;
  int64_t left = (n_fft - win_length) / 2;
  if (center) signal = padded_ends(signal, n_fft / 2, n_fft / 2, pad_mode);
  else if (align_to_window) signal = padded_ends(signal, left, n_fft - win_length - left, "constant");
  if (!signal) return NULL;
  tc_tensor *y = spectra(signal, n_fft, hop, win_length, window, normalized, onesided);
  return x->ndim == 1 ? tc_squeeze(y, (tc_dim[]){0}, 1) : y;
}

/* ---- the inverse ---- */

/* Frames (batch, count, n), hop apart, added up to (batch, length) */
static tc_tensor *overlapped(tc_tensor *frames, int64_t hop, int64_t length) {
  if (!frames) return NULL;
  const int64_t batch = frames->size[0], count = frames->size[1], n = frames->size[2];
  return tc_window_add(frames, (int64_t[]){batch, length}, 2, (int64_t[]){batch, count, n}, 3, (int64_t[]){length, hop, 1}, 3, 0);
}

/* The squares of the window, overlapped like the frames: (1, length). Where it is 0 nothing is known of the signal. */
static tc_tensor *envelope_of(tc_tensor *window, int64_t count, int64_t hop, int64_t length) {
  tc_tensor *square = tc_mul(window, window);
  return square ? overlapped(tc_expand(square, (int64_t[]){1, count, square->size[0]}, 3), hop, length) : NULL;
}

static bool check_envelope(tc_tensor *envelope) {
  double least = 0;
  tc_tensor *low = tc_to(tc_amin(tc_abs(envelope), NULL, 0, false), TC_FLOAT64, 0, false);
  if (!low || !tc_read_doubles(low, &least)) return false;
  return least > 1e-11 || tci_fail("window: the overlapping windows leave places with nothing to divide by: their squares add up to %g", least) != NULL;
}

static tc_tensor *frames_of(tc_tensor *x, int64_t n_fft, bool normalized, bool onesided, bool complex) { /* (batch, count, bins) */
  const char *norm = normalized ? "ortho" : "backward";
  if (complex) return tc_fft_ifft(x, n_fft, -1, norm);
  return tc_fft_irfft(onesided ? x : tc_narrow(x, 2, 0, n_fft / 2 + 1), n_fft, -1, norm);
}

/* The part from `start` up to `end`, zeros where the signal is shorter. */
static tc_tensor *cut(tc_tensor *y, tc_tensor *envelope, int64_t start, int64_t end) {
  const int64_t have = y->size[1] < end ? y->size[1] : end;
  if (have <= start) return tci_fail("length: got %lld, takes 1 or more", (long long)(end - start));
  envelope = tc_narrow(envelope, 1, start, have - start);
  if (!envelope || !check_envelope(envelope)) return NULL;
  y = tc_div(tc_narrow(y, 1, start, have - start), envelope, NULL);
  return have < end ? tc_pad(y, (int64_t[]){0, end - have}, 2, "constant", NULL) : y;
}

static bool check_spectra(const tc_tensor *x, int64_t n_fft, bool onesided, bool complex) {
  if (x->ndim != 2 && x->ndim != 3) return tci_fail("input: got %s, takes 2 or 3 dims", tci_shape(x)) != NULL;
  if (!tci_is_complex(x->dtype)) return tci_fail("input: got %s, takes complex numbers as stft gives them", tci_dtype_name(x->dtype)) != NULL;
  if (x->numel == 0) return tci_fail("input: got %s, takes at least one element", tci_shape(x)) != NULL;
  int64_t bins = x->size[x->ndim - 2], want = onesided ? n_fft / 2 + 1 : n_fft;
  if (onesided && complex) return tci_fail("return_complex: takes true only where onesided is false") != NULL;
  return bins == want || tci_fail("input: got %s with %lld bins, takes %lld for n_fft %lld", tci_shape(x), (long long)bins, (long long)want,
                                  (long long)n_fft) != NULL;
}

tc_tensor *tc_istft(tc_tensor *x, int64_t n_fft, int64_t hop, int64_t win_length, tc_tensor *window, bool center, bool normalized, bool onesided,
                    int64_t length, bool complex) {
  if (!x || !check_spectra(x, n_fft, onesided, complex) || !check_lengths(window, n_fft, hop, win_length)) return NULL;
  if (!complex && window && tci_is_complex(window->dtype)) return tci_fail("window: complex only where return_complex is true");
  const int real = x->dtype == TC_COMPLEX128 ? TC_FLOAT64 : TC_FLOAT32;
  tc_tensor *each = tc_transpose(x->ndim == 2 ? tc_unsqueeze(x, 0) : x, 1, 2);
  window = whole_window(window, win_length, n_fft, real, x->device);
  if (!each || !window) return NULL;
  const int64_t count = each->size[1], whole = n_fft + hop * (count - 1);
  tc_tensor *y = overlapped(tc_mul(frames_of(each, n_fft, normalized, onesided, complex), window), hop, whole);
  tc_tensor *envelope = envelope_of(window, count, hop, whole);
  if (!y || !envelope) return NULL;
  const int64_t start = center ? n_fft / 2 : 0, end = length != TC_NONE ? start + length : center ? whole - n_fft / 2 : whole;
  y = cut(y, envelope, start, end);
  return x->ndim == 2 ? tc_squeeze(y, (tc_dim[]){0}, 1) : y;
}
