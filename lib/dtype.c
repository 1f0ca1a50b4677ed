/* dtype.c: names, sizes and promotion of element types. */
#include "ops/ops.h"

static const struct { const char *name; uint8_t bytes, kind; } types[] = {
#define X(code, name, type, bytes, kind) {#name, bytes, kind},
  TC_DTYPES(X)
#undef X
};

int tci_default_dtype = TC_FLOAT32;

int tci_elsize(int dtype) { return types[dtype].bytes; }
int tci_kind(int dtype) { return types[dtype].kind; }
const char *tci_dtype_name(int dtype) { return dtype >= 0 && dtype < TC_DTYPE_COUNT ? types[dtype].name : "unknown"; }
const char *tc_dtype_name(tc_dtype dtype) { return dtype >= 0 && dtype < TC_DTYPE_COUNT ? types[dtype].name : NULL; }
int64_t tc_dtype_bytes(tc_dtype dtype) { return dtype >= 0 && dtype < TC_DTYPE_COUNT ? types[dtype].bytes : 0; }
tc_dtype tc_default_dtype(void) { return tci_default_dtype; }

void tc_set_default_dtype(tc_dtype dtype) {
  if (tci_is_float(dtype)) tci_default_dtype = dtype;
  else tci_fail("default dtype: got %s, takes a floating dtype", tci_dtype_name(dtype));
}

int tci_float_type(int dtype) { return tci_is_int(dtype) ? tci_default_dtype : dtype; }

int tci_part_type(int dtype) { return dtype == TC_COMPLEX64 ? TC_FLOAT32 : dtype == TC_COMPLEX128 ? TC_FLOAT64 : dtype; }
int tci_complex_type(int dtype) { return dtype == TC_FLOAT64 || dtype == TC_COMPLEX128 ? TC_COMPLEX128 : TC_COMPLEX64; }

static int promote_ints(int a, int b) { /* uint8 with a signed type of one byte needs two */
  if ((a == TC_UINT8 && b == TC_INT8) || (a == TC_INT8 && b == TC_UINT8)) return TC_INT16;
  return a > b ? a : b;
}

int tci_promote(int a, int b) {
  if (a == b) return a;
  if (tci_is_complex(a) || tci_is_complex(b)) {
    int x = tci_complex_type(a), y = tci_complex_type(b);
    return x > y ? x : y;
  }
  if (tci_is_int(a) && tci_is_int(b)) return promote_ints(a, b);
  if (tci_is_int(a)) return b;
  if (tci_is_int(b)) return a;
  if ((a == TC_FLOAT16 && b == TC_BFLOAT16) || (a == TC_BFLOAT16 && b == TC_FLOAT16)) return TC_FLOAT32;
  return a > b ? a : b;
}

/* Tensors with dims decide; 0-dim tensors only if they are of a higher kind (bool < int < float < complex), numbers likewise
   after them. A number's kind alone counts: its dtype is the default one. */
int tci_result_type(int n, tc_tensor *const *xs) {
  int best[3] = {-1, -1, -1}; /* with dims, 0-dim, numbers */
  for (int i = 0; i < n; i++) {
    if (!xs[i]) continue;
    int level = xs[i]->ndim > 0 ? 0 : xs[i]->flags & TCF_WEAK ? 2 : 1, dtype = xs[i]->dtype;
    if (level == 2 && tci_is_float(dtype)) dtype = tci_default_dtype;
    if (level == 2 && tci_is_complex(dtype)) dtype = tci_complex_type(tci_default_dtype);
    best[level] = best[level] < 0 ? dtype : tci_promote(best[level], dtype);
  }
  int result = best[0];
  for (int level = 1; level < 3; level++) {
    int dtype = best[level];
    if (dtype < 0) continue;
    if (result < 0) result = dtype;
    else if (tci_kind(dtype) > tci_kind(result)) result = tci_promote(result, dtype);
  }
  return result < 0 ? tci_default_dtype : result;
}

tc_dtype tc_promote_types(tc_dtype a, tc_dtype b) { return tci_promote(a, b); }

bool tc_can_cast(tc_dtype from, tc_dtype to) {
  if (tci_kind(from) > tci_kind(to)) return false;
  return true;
}
