/* attention_half.cu: attention of float16. */
#include "attention_tensor.cuh"
int tc_attention_half(const tc_attention *p, bool backward) { return tc::attention_16<tc::half_t>(p, backward); }
