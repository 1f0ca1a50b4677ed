/* pointwise_more.cu: the elementwise operators of two and three operands on the GPU, from the very formulas that the CPU uses. */
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

#define TC_BINARY(name, classes, expr) TC_FORMULA_STRUCT(binary_##name, classes, 0, T, expr)
#define TC_COMPARE(name, classes, expr) TC_FORMULA_STRUCT(binary_##name, classes, 1, bool, expr)
#define TC_TERNARY(name, classes, expr) TC_FORMULA_STRUCT(ternary_##name, classes, 0, T, expr)
#include "../scalar.h"
#undef floor
#undef ceil
#undef rint
#undef trunc
#undef signbit
#undef pow
} // namespace

int tc_pointwise_more(int op, int compute, const tc_loop *l, const tc::numbers &n) {
  switch (op) {
#define TC_BINARY(name, classes, expr) case TC_BINARY_##name: return tc::run_formula<binary_##name, 3>(compute, l, n);
#define TC_COMPARE(name, classes, expr) case TC_BINARY_##name: return tc::run_formula<binary_##name, 3>(compute, l, n);
#define TC_TERNARY(name, classes, expr) case TC_TERNARY_##name: return tc::run_formula<ternary_##name, 4>(compute, l, n);
#include "../scalar.h"
  }
  return TC_MISSING;
}
