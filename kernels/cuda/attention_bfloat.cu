/* attention_bfloat.cu: attention of bfloat16. */
#include "attention_tensor.cuh"
int tc_attention_bfloat(const tc_attention *p, bool backward) { return tc::attention_16<tc::bfloat_t>(p, backward); }
