/* search.c: places in sorted rows and counts by value: searchsorted, bucketize, histc, bincount. */
#include "reduce.h"

/* ---- binary search ---- */
static int computed_in(int dtype) { return dtype == TC_FLOAT64 ? TC_FLOAT64 : tci_is_int(dtype) ? TC_INT64 : TC_FLOAT32; }

static bool same_rows(const tc_tensor *seq, const tc_tensor *values) {
  bool same = seq->ndim == values->ndim;
  for (int d = 0; same && d < seq->ndim - 1; d++) same = seq->size[d] == values->size[d];
  return same || tci_fail("sorted_sequence %s must be a vector, or have all dims but the last in common with input %s", tci_shape(seq),
                          tci_shape(values)) != NULL;
}

static bool check_sorter(const tc_tensor *seq, tc_tensor *sorter) {
  if (!sorter) return true;
  if (!tci_same_shape(seq, sorter)) return tci_fail("sorter %s must have the shape of sorted_sequence %s", tci_shape(sorter), tci_shape(seq)) != NULL;
  if (sorter->dtype != TC_INT64) return tci_fail("sorter must be int64: got %s", tci_dtype_name(sorter->dtype)) != NULL;
  tc_tensor *low = sorter->numel ? tc_amin(sorter, NULL, 0, false) : NULL, *high = low ? tc_amax(sorter, NULL, 0, false) : NULL;
  double least = 1, most = 1;
  if (high && (!tc_read_doubles(low, &least) || !tc_read_doubles(high, &most))) return false;
  return (least >= 1 && most <= (double)seq->size[seq->ndim - 1]) ||
         tci_fail("sorter holds a position outside 1 .. %lld", (long long)seq->size[seq->ndim - 1]) != NULL;
}

static tc_tensor *search(tc_tensor *seq, tc_tensor *values, bool out_int32, bool right, tc_tensor *sorter) {
  if (!tci_check_real(seq) || !tci_check_real(values)) return NULL;
  if (seq->ndim == 0) return tci_fail("the sorted sequence must have at least one dim");
  if (seq->ndim > 1 && !same_rows(seq, values)) return NULL;
  if (!check_sorter(seq, sorter)) return NULL;
  int compute = computed_in(tci_result_type(2, (tc_tensor *[]){seq, values}));
  values = tc_to(values, TC_NONE, seq->device, false); /* a number comes from the CPU */
  tc_tensor *y = tci_like(values, out_int32 ? TC_INT32 : TC_INT64);
  seq = tci_cast(seq, compute);
  values = tci_cast(values, compute);
  if (sorter) sorter = tci_contig(sorter);
  if (!y || !seq || !values || !(seq = tci_contig(seq)) || !(values = tci_contig(values))) return NULL;
  tc_view out = tci_view(y), in = tci_view(seq), v = tci_view(values);
  int s = tci_kernels(y->device)->searchsorted(&out, &in, sorter ? (const int64_t *)tci_data(sorter) : NULL, &v, right);
  return tci_status(s, NULL, NULL, 0) ? y : NULL;
}

tc_tensor *tc_searchsorted(tc_tensor *seq, tc_operand *input, bool out_int32, bool right, const char *side, tc_tensor *sorter) {
  if (!seq || !input) return NULL;
  if (side && strcmp(side, "left") && strcmp(side, "right")) return tci_fail("side is '%s', not left or right", side);
  if (side && right && !strcmp(side, "left")) return tci_fail("right = true contradicts side = 'left'");
  return search(seq, input, out_int32, right || (side && !strcmp(side, "right")), sorter);
}

tc_tensor *tc_bucketize(tc_operand *input, tc_tensor *boundaries, bool out_int32, bool right) {
  if (!input || !boundaries) return NULL;
  if (boundaries->ndim != 1) return tci_fail("boundaries must be a vector: got %s", tci_shape(boundaries));
  return search(boundaries, input, out_int32, right, NULL);
}

/* ---- histograms ---- */
/* The range of the data, widened if it is a point. */
static bool data_range(tc_tensor *x, double *low, double *high) {
  tc_tensor *most, *least = x->numel ? tc_aminmax(x, TC_NONE, false, &most) : NULL;
  if (x->numel && (!least || !tc_read_doubles(least, low) || !tc_read_doubles(most, high))) return false;
  if (*low == *high) *low -= 1, *high += 1;
  return true;
}

tc_tensor *tc_histc(tc_tensor *x, int64_t bins, double min, double max) {
  if (!x || !tci_check_float(x, "input") || !tci_check_real(x)) return NULL;
  if (bins < 1) return tci_fail("bins must be positive: got %lld", (long long)bins);
  x = tc_detach(x);
  if (min == max && !(x && data_range(x, &min, &max))) return NULL;
  if (!isfinite(min) || !isfinite(max)) return tci_fail("the range %g .. %g is not finite", min, max);
  if (min > max) return tci_fail("max must not be below min: got %g .. %g", min, max);
  int dtype = x->dtype;
  tc_tensor *count = tc_zeros(&bins, 1, TC_FLOAT64, x->device, false);
  x = tci_cast(x, dtype == TC_FLOAT64 ? TC_FLOAT64 : TC_FLOAT32);
  if (!count || !x || !(x = tci_contig(x))) return NULL;
  tc_view out = tci_view(count), in = tci_view(x);
  return tci_status(tci_kernels(x->device)->histc(&out, &in, min, max), NULL, NULL, 0) ? tci_cast(count, dtype) : NULL;
}

/* ---- counts ---- */
static bool largest(tc_tensor *x, int64_t *most) {
  tc_tensor *top = x->numel ? tc_amax(x, NULL, 0, false) : NULL;
  *most = 0;
  return x->numel == 0 || (top && tc_read_int64s(top, most));
}

tc_tensor *tc_bincount(tc_tensor *x, tc_tensor *weights, int64_t minlength) {
  int64_t n;
  if (!x) return NULL;
  if (x->ndim != 1 || !tci_is_int(x->dtype)) return tci_fail("input must be a vector of integers: got %s of %s", tci_shape(x), tci_dtype_name(x->dtype));
  if (weights && !tci_same_shape(x, weights)) return tci_fail("weights %s must have the shape of input %s", tci_shape(weights), tci_shape(x));
  if (minlength < 0) return tci_fail("minlength must not be negative: got %lld", (long long)minlength);
  if (!(x = tci_cast(x, TC_INT64)) || !(x = tci_contig(x)) || !largest(x, &n)) return NULL;
  if (n < minlength) n = minlength;
  tc_tensor *w = weights ? tci_cast(weights, TC_FLOAT64) : NULL;
  if (weights && (!w || !(w = tci_contig(w)))) return NULL;
  tc_tensor *y = tc_zeros(&n, 1, w ? TC_FLOAT64 : TC_INT64, x->device, false);
  if (!y) return NULL;
  tc_view out = tci_view(y), in = tci_view(x), each;
  if (w) each = tci_view(w);
  tc_fault fault = {0, 0};
  if (tci_kernels(x->device)->bincount(&out, &in, w ? &each : NULL, &fault) == TC_FAULT)
    return tci_fail("value %lld at position %lld: values count from 1", (long long)fault.value, (long long)fault.position + 1);
  return weights && weights->dtype == TC_FLOAT32 ? tci_cast(y, TC_FLOAT32) : y;
}
