/* map.cuh: where element number i of a strided loop lies, for each operand: the divisions of a row-major count, made cheap. */
#pragma once
#include "element.cuh"

namespace tc {

/* Division of numbers below 2^31 by a fixed one: a product and a shift (Granlund and Montgomery 1994). */
struct divider { uint32_t by, magic, shift; };
inline divider make_divider(uint32_t by) {
  uint32_t shift = 0;
  while (shift < 31 && (1u << shift) < by) shift++;
  return {by, (uint32_t)((((uint64_t)1 << 32) * (((uint64_t)1 << shift) - by)) / by + 1), shift};
}
__host__ __device__ inline uint32_t divide(const divider &d, uint32_t n) { return (uint32_t)(((uint64_t)n * d.magic >> 32) + n) >> d.shift; }

/* The first dims, fastest first, travel with the launch, further ones lie in device memory. K operands, strides in elements. */
enum { MAP_DIMS = 6 };
template <int K> struct map_rest { int64_t size[TC_MAX_DIMS + 1], stride[K][TC_MAX_DIMS + 1]; };
template <int K> struct map {
  int ndim;
  bool narrow;                  /* counts stay below 2^31 */
  divider quick[MAP_DIMS];
  int64_t size[MAP_DIMS], stride[K][MAP_DIMS];
  const map_rest<K> *rest;

  __device__ void find(int64_t i, int64_t *at) const {
    for (int k = 0; k < K; k++) at[k] = 0;
    if (narrow) find_quickly((uint32_t)i, at);
    else for (int d = 0; d < ndim; d++) {
      const int64_t n = d < MAP_DIMS ? size[d] : rest->size[d], c = i % n;
      i /= n;
      for (int k = 0; k < K; k++) at[k] += c * (d < MAP_DIMS ? stride[k][d] : rest->stride[k][d]);
    }
  }
  __device__ void find_quickly(uint32_t i, int64_t *at) const {
#pragma unroll
    for (int d = 0; d < MAP_DIMS; d++) {
      if (d >= ndim) return;
      const uint32_t q = d + 1 == ndim ? 0 : divide(quick[d], i), c = i - q * quick[d].by;
      i = q;
#pragma unroll
      for (int k = 0; k < K; k++) at[k] += (int64_t)c * stride[k][d];
    }
    for (int d = MAP_DIMS; d < ndim; d++) {
      const uint32_t n = (uint32_t)rest->size[d], c = i % n;
      i /= n;
      for (int k = 0; k < K; k++) at[k] += (int64_t)c * rest->stride[k][d];
    }
  }
};

/* A map under construction on the host, dims added from the fastest to the slowest. */
template <int K> struct mapping {
  map<K> m;
  map_rest<K> rest;
  void *device;
  int64_t numel;

  mapping() : m(), device(nullptr), numel(1) {}
  ~mapping() { if (device) tc_cuda_scratch_free(device); }
  mapping(const mapping &) = delete;

  void add(int64_t size, const int64_t *stride) {
    const int d = m.ndim++;
    numel *= size;
    rest.size[d] = size;
    for (int k = 0; k < K; k++) rest.stride[k][d] = stride[k];
    if (d >= MAP_DIMS) return;
    m.size[d] = size;
    for (int k = 0; k < K; k++) m.stride[k][d] = stride[k];
  }
  int finish() { /* after the last dim */
    m.narrow = numel < (int64_t)1 << 31;
    for (int d = 0; d < m.ndim && d < MAP_DIMS; d++) m.quick[d] = make_divider(m.narrow && m.size[d] > 0 ? (uint32_t)m.size[d] : 1);
    if (m.ndim <= MAP_DIMS) return TC_OK;
    device = tc_cuda_scratch(sizeof rest);
    m.rest = (const map_rest<K> *)device;
    return device ? tc_cuda_upload(device, &rest, sizeof rest) : TC_NO_MEMORY;
  }
  /* The dims of a loop, but for the `skip` fastest. */
  int of_loop(const tc_loop *l, int skip = 0) {
    for (int d = l->ndim - 1 - skip; d >= 0; d--) {
      int64_t s[K];
      for (int k = 0; k < K; k++) s[k] = k < l->nop ? l->stride[k][d] : 0;
      add(l->size[d], s);
    }
    return finish();
  }
};
} // namespace tc
