/* embedding.c: rows of a table picked by labels that count from 1, their gradient, and the largest of a bag of rows. */
#include "row.h"

/* y[i] = table[index[i] - 1], times scale[i] if given; y is (index, width). */
int TC_KERNEL(embedding)(const tc_view *y, const tc_view *table, const tc_view *index, const tc_view *scale, tc_fault *fault) {
  const int64_t rows = table->size[0], width = table->size[1], *at = index->data;
  for (int64_t i = 0; i < index->numel; i++)
    if (at[i] < 1 || at[i] > rows) {
      *fault = (tc_fault){.position = i, .value = at[i]};
      return TC_FAULT;
    }
  const int64_t bytes = width * tc_dtype_bytes(y->dtype);
  TC_PARALLEL(index->numel, 1, (double)y->numel) {
    for (int64_t i = lo; i < hi; i++) {
      const char *from = (char *)table->data + (at[i] - 1) * bytes;
      if (!scale) memcpy((char *)y->data + i * bytes, from, (size_t)bytes);
      else TC_FLOATS(y->dtype, {
        const T s = ((const T *)scale->data)[i];
        for (int64_t j = 0; j < width; j++) ((T *)y->data)[i * width + j] = s * ((const T *)from)[j];
      });
    }
  } TC_PARALLEL_END
  return TC_OK;
}

/* dtable[index[i] - 1] += scale[i] g[i], dtable zero before. Each thread owns a range of columns, so the order of the sums is that
   of the indices whatever the number of threads. */
int TC_KERNEL(embedding_backward)(const tc_view *dtable, const tc_view *g, const tc_view *index, const tc_view *scale) {
  const int64_t width = dtable->size[1], *at = index->data;
  TC_PARALLEL(width, 16, (double)g->numel) {
    TC_FLOATS(g->dtype, {
      for (int64_t i = 0; i < index->numel; i++) {
        const T s = scale ? ((const T *)scale->data)[i] : 1;
        T *restrict row = (T *)dtable->data + (at[i] - 1) * width;
        const T *restrict up = (const T *)g->data + i * width;
        if (s != 0) for (int64_t j = lo; j < hi; j++) row[j] += s * up[j];
      }
    });
  } TC_PARALLEL_END
  return TC_OK;
}

/* For each of the bags (bag[i] says in which row i of x (rows, width) is, from 1): the position, from 1, of the first largest
   element of each column; 1 where the bag is empty. `skip` marks rows that do not count. */
int TC_KERNEL(bag_argmax)(const tc_view *most, const tc_view *x, const tc_view *bag, const tc_view *skip) {
  const int64_t width = x->size[1], rows = x->size[0], *in = bag->data;
  int64_t *best = most->data;
  memset(best, 0, (size_t)most->numel * sizeof *best);
  TC_FLOATS(x->dtype, {
    const T *v = x->data;
    for (int64_t i = 0; i < rows; i++) {
      if (skip && ((const uint8_t *)skip->data)[i]) continue;
      for (int64_t j = 0; j < width; j++) {
        int64_t *b = best + (in[i] - 1) * width + j;
        if (*b == 0 || v[i * width + j] > v[(*b - 1) * width + j]) *b = i + 1;
      }
    }
  });
  for (int64_t i = 0; i < most->numel; i++) best[i] += best[i] == 0;
  return TC_OK;
}
