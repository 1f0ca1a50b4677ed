/* pointwise.cu: the elementwise operators of one operand on the GPU, from the very formulas that the CPU uses. */
#include "pointwise.cuh"

namespace {
#define floor(x) tc::floor_(x)
#define ceil(x) tc::ceil_(x)
#define rint(x) tc::rint_(x)
#define trunc(x) tc::trunc_(x)
#define signbit(x) tc::signbit_(x)
#define pow(x, y) tc::pow_(x, y)
using tc::floor_div; using tc::floor_mod; using tc::trunc_div; using tc::trunc_mod;
using tc::infinity_sign; using tc::gelu_tanh_slope; using tc::normal_cdf; using tc::quick_exp; using tc::sigmoid; using tc::silu; using tc::choose;

#define TC_UNARY(name, classes, expr) TC_FORMULA_STRUCT(unary_##name, classes, 0, T, expr)
#define TC_TEST(name, classes, expr) TC_FORMULA_STRUCT(unary_##name, classes, 1, bool, expr)
#include "../scalar.h"
#undef floor
#undef ceil
#undef rint
#undef trunc
#undef signbit
#undef pow
} // namespace

int tc_pointwise_one(int op, int compute, const tc_loop *l, const tc::numbers &n) {
  switch (op) {
#define TC_UNARY(name, classes, expr) case TC_UNARY_##name: return tc::run_formula<unary_##name, 2>(compute, l, n);
#define TC_TEST(name, classes, expr) case TC_UNARY_##name: return tc::run_formula<unary_##name, 2>(compute, l, n);
#include "../scalar.h"
  }
  return TC_MISSING;
}

extern "C" int TC_KERNEL(pointwise)(int op, int compute, const tc_loop *l, const double *p) {
  const tc::numbers n = {{p ? p[0] : 0, p ? p[1] : 0, p ? p[2] : 0, p ? p[3] : 0}};
  if (l->numel == 0) return TC_OK;
  if (compute >= TC_COMPLEX64) return tc_pointwise_complex(op, l, n);
  return l->nop == 2 ? tc_pointwise_one(op, compute, l, n) : tc_pointwise_more(op, compute, l, n);
}
