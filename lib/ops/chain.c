/* chain.c: the product of a chain of matrices, in the order that needs the fewest multiplications. */
#include "ops.h"
#include <stdlib.h>

typedef struct chain { tc_tensor *const *x; int n; double *cost; int *cut; } chain; /* cost and cut are (n, n): of factors i..j */

static int64_t rows(const chain *c, int i) { return c->x[i]->size[0]; }
static int64_t columns(const chain *c, int i) { return c->x[i]->size[1]; }

/* the classic dynamic programme over all ways to put brackets */
static void plan(chain *c) {
  for (int i = 0; i < c->n; i++) c->cost[i * c->n + i] = 0;
  for (int length = 1; length < c->n; length++)
    for (int i = 0; i + length < c->n; i++) {
      int j = i + length;
      double best = INFINITY;
      for (int k = i; k < j; k++) {
        double work = c->cost[i * c->n + k] + c->cost[(k + 1) * c->n + j] + (double)rows(c, i) * (double)columns(c, k) * (double)columns(c, j);
        if (work < best || k == i) best = work, c->cut[i * c->n + j] = k;
      }
      c->cost[i * c->n + j] = best;
    }
}

static tc_tensor *multiplied(const chain *c, int i, int j) {
  if (i == j) return c->x[i];
  int k = c->cut[i * c->n + j];
  return tc_mm(multiplied(c, i, k), multiplied(c, k + 1, j));
}

static tc_tensor *in_best_order(tc_tensor *const *xs, int n) {
  chain c = {xs, n, malloc((size_t)n * (size_t)n * sizeof(double)), malloc((size_t)n * (size_t)n * sizeof(int))};
  tc_tensor *y = NULL;
  if (c.cost && c.cut) {
    plan(&c);
    y = multiplied(&c, 0, n - 1);
  } else tci_fail("out of memory");
  free(c.cost);
  free(c.cut);
  return y;
}

tc_tensor *tc_multi_dot(tc_tensor *const *xs, int n) {
  if (n < 2) return tci_fail("takes 2 or more tensors, got %d", n);
  tc_tensor **all = malloc((size_t)n * sizeof *all), *y = NULL;
  if (!all) return tci_fail("out of memory");
  memcpy(all, xs, (size_t)n * sizeof *all);
  bool good = true, row = false, column = false;
  for (int i = 0; good && i < n; i++) good = all[i] != NULL;
  if (good && (row = all[0]->ndim == 1)) all[0] = tc_unsqueeze(all[0], 0);
  if (good && (column = all[n - 1]->ndim == 1)) all[n - 1] = tc_unsqueeze(all[n - 1], 1);
  for (int i = 0; good && i < n; i++) {
    if (!all[i]) good = false;
    else if (all[i]->ndim != 2) good = tci_fail("tensor %d: got %s, takes a matrix; vectors only at the ends", i + 1, tci_shape(all[i])) != NULL;
    else if (i && all[i - 1]->size[1] != all[i]->size[0])
      good = tci_fail("size mismatch: tensor %d %s by tensor %d %s (%lld ~= %lld)", i, tci_shape(all[i - 1]), i + 1, tci_shape(all[i]),
                      (long long)all[i - 1]->size[1], (long long)all[i]->size[0]) != NULL;
  }
  if (good) y = in_best_order(all, n);
  free(all);
  if (y && row) y = tc_squeeze(y, (tc_dim[]){0}, 1);
  if (y && column) y = tc_squeeze(y, (tc_dim[]){-1}, 1);
  return y;
}
