/* attention.cu: scaled-dot-product attention without a matrix of scores in memory: the kernels by dtype, and the sums that backward begins with. */
#include "attention.cuh"

namespace {
using namespace tc;
enum { THREADS = 256 };

/* delta = the sums over the channels of dout * out, a warp to a row */
template <class S> __global__ void row_products(tc_attention p) {
  const int64_t rows = p.batch * p.heads * p.queries;
  for (int64_t i = TC_FIRST / 32; i < rows; i += TC_STEP / 32) {
    const int64_t query = i % p.queries, head = i / p.queries % p.heads, batch = i / p.queries / p.heads;
    const S *a = head_of<S>(p.out, batch, head) + query * p.out.step[2], *b = head_of<S>(p.dout, batch, head) + query * p.dout.step[2];
    float sum = 0;
    for (int c = (int)threadIdx.x % 32; c < p.value_dim; c += 32) sum += get<float>(a[c]) * get<float>(b[c]);
    sum = warp_fold(sum, plus());
    if (threadIdx.x % 32 == 0) p.delta[i] = sum;
  }
}

template <class S> int products_of(const tc_attention &p) {
  return tc_run(row_products<S>, tc_blocks(p.batch * p.heads * p.queries, THREADS / 32), THREADS, 0, p);
}

bool fits(const tc_attention *p) {
  return p->dim <= TC_ATTENTION_WIDEST && p->value_dim <= TC_ATTENTION_WIDEST && p->dtype != TC_FLOAT64 &&
         (!p->mask || p->mask_dtype == TC_BOOL || p->mask_dtype == p->dtype);
}
int run(const tc_attention *p, bool backward) {
  return p->dtype == TC_FLOAT16 ? tc_attention_half(p, backward) : p->dtype == TC_BFLOAT16 ? tc_attention_bfloat(p, backward)
                                                                                          : tc_attention_wide(p, backward);
}
} // namespace

extern "C" int TC_KERNEL(attention)(const tc_attention *p) { return fits(p) ? run(p, false) : TC_MISSING; }

extern "C" int TC_KERNEL(attention_backward)(const tc_attention *p) {
  if (!fits(p)) return TC_MISSING;
  TC_TRY(p->dtype == TC_FLOAT16 ? products_of<half_t>(*p) : p->dtype == TC_BFLOAT16 ? products_of<bfloat_t>(*p) : products_of<float>(*p));
  return run(p, true);
}
