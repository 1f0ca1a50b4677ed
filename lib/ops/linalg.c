/* linalg.c: matrix factorisations and solutions, which LAPACK computes: triangular systems, LU, Cholesky, QR, Householder reflectors, LDL. Eigenvalues
   and singular values are in spectrum.c; what is made of all these, determinants and inverses among it, in lua/tocha/linalg.lua. */
#include "linalg.h"

bool tci_check_matrix(const tc_tensor *x, const char *argument, bool square) {
  if (!x) return false;
  if (x->ndim < 2) return tci_fail("%s: got shape %s, takes a matrix or a batch of matrices", argument, tci_shape(x)) != NULL;
  if (x->dtype != TC_FLOAT32 && x->dtype != TC_FLOAT64 && !tci_is_complex(x->dtype))
    return tci_fail("%s: got %s, takes float32, float64, complex64 or complex128", argument, tci_dtype_name(x->dtype)) != NULL;
  if (square && x->size[x->ndim - 1] != x->size[x->ndim - 2])
    return tci_fail("%s: got shape %s, takes square matrices", argument, tci_shape(x)) != NULL;
  return true;
}

static void swap(int64_t *a, int64_t *b) {
  int64_t t = *a;
  *a = *b;
  *b = t;
}

/* A fresh row-major tensor seen as the transposes of its matrices. */
tc_tensor *tci_turned(tc_tensor *t) {
  if (!t) return NULL;
  const int m = t->ndim - 2, n = t->ndim - 1;
  swap(&t->size[m], &t->size[n]);
  swap(&t->stride[m], &t->stride[n]);
  return t;
}

/* x's values in memory that LAPACK reads as x: a new tensor (..., n, m), row-major, for x (..., m, n) */
tc_tensor *tci_columns(tc_tensor *x) {
  tc_tensor *view = x ? tci_alias(x) : NULL;
  if (!tci_turned(view)) return NULL;
  tc_tensor *t = tci_new(x->dtype, view->ndim, view->size, x->device);
  return t && tci_copy_into(t, view) ? t : NULL;
}

/* A new tensor of x's batch dims and then `extra` dims of the given sizes. */
tc_tensor *tci_batch_of(const tc_tensor *x, int dtype, int extra, int64_t m, int64_t n) {
  int64_t size[TC_MAX_DIMS];
  const int batch = x->ndim - 2;
  memcpy(size, x->size, (size_t)batch * sizeof *size);
  size[batch] = m;
  if (extra == 2) size[batch + 1] = n;
  return tci_new(dtype, batch + extra, size, x->device);
}

tc_lapack tci_request(int what, const tc_tensor *x, const tc_tensor *info) {
  return (tc_lapack){.what = what, .dtype = x->dtype, .batch = tci_numel(x->ndim - 2, x->size), .m = x->size[x->ndim - 2],
                     .n = x->size[x->ndim - 1], .info = (int32_t *)tci_data(info)};
}

bool tci_lapack(const tc_lapack *q, tc_device device) {
  if (q->m > INT32_MAX || q->n > INT32_MAX || q->k > INT32_MAX) return tci_fail("matrices have at most %d rows and columns", INT32_MAX) != NULL;
  return q->batch == 0 || tci_status(tci_kernels(device)->lapack(q), NULL, NULL, 0);
}

tc_tensor *tci_new_info(const tc_tensor *x) { return tc_zeros(x->size, x->ndim - 2, TC_INT32, x->device, false); }

/* Both with the batch dims they have in common. */
static bool together(tc_tensor **a, tc_tensor **b) {
  int64_t lead[TC_MAX_DIMS], sa[TC_MAX_DIMS], sb[TC_MAX_DIMS];
  tc_tensor *xs[2] = {tci_alias(*a), tci_alias(*b)};
  int ndim;
  if (!xs[0] || !xs[1]) return false;
  xs[0]->ndim -= 2, xs[1]->ndim -= 2;
  bool good = tci_broadcast(2, xs, &ndim, lead);
  xs[0]->ndim += 2, xs[1]->ndim += 2;
  if (!good) return false;
  memcpy(sa, lead, (size_t)ndim * sizeof *sa);
  memcpy(sb, lead, (size_t)ndim * sizeof *sb);
  memcpy(sa + ndim, (*a)->size + (*a)->ndim - 2, 2 * sizeof *sa);
  memcpy(sb + ndim, (*b)->size + (*b)->ndim - 2, 2 * sizeof *sb);
  *a = tc_expand(*a, sa, ndim + 2);
  *b = tc_expand(*b, sb, ndim + 2);
  return *a && *b;
}

static bool check_pair(const tc_tensor *a, const tc_tensor *b, bool left) {
  if (!tci_check_matrix(a, "A", true) || !tci_check_matrix(b, "B", false)) return false;
  if (a->dtype != b->dtype) return tci_fail("A is %s and B %s: takes one dtype", tci_dtype_name(a->dtype), tci_dtype_name(b->dtype)) != NULL;
  if (a->size[a->ndim - 1] == b->size[b->ndim - (left ? 2 : 1)]) return true;
  return tci_fail("A of shape %s does not fit B of shape %s", tci_shape(a), tci_shape(b)) != NULL;
}

/* ---- triangular systems: gB = A^-H g, gA = -gB X^H in the triangle ---- */
typedef struct triangle { bool upper, left, unit; } triangle;

static void triangular_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  const triangle *t = n->attr;
  tc_tensor *a = n->in[0], *x = n->out[0], *gb = tc_triangular_system(H(a), G, !t->upper, t->left, t->unit);
  dx[1] = gb;
  if (!tci_needs(n, 0)) return;
  tc_tensor *ga = tc_neg(t->left ? MM(gb, H(x)) : MM(H(x), gb));
  dx[0] = t->upper ? tc_triu(ga, t->unit) : tc_tril(ga, t->unit ? -1 : 0);
}
static const tc_rule triangular_rule = {"solve_triangular", triangular_grad, TC_SAVE_IN(0) | TC_SAVE_OUT(0) | TC_COMPLEX_RULE};

tc_tensor *tc_triangular_system(tc_tensor *a, tc_tensor *b, bool upper, bool left, bool unit) {
  if (!check_pair(a, b, left) || !together(&a, &b)) return NULL;
  tc_tensor *ac = tci_columns(a), *x = tci_columns(b), *info = tci_new_info(a);
  if (!ac || !x || !info) return NULL;
  tc_lapack q = tci_request(TC_LAPACK_TRIANGULAR, b, info);
  q.a = tci_data(ac), q.b = tci_data(x), q.how = 'N', q.uplo = upper ? 'U' : 'L', q.left = left, q.vectors = unit;
  if (!tci_lapack(&q, a->device)) return NULL;
  triangle t = {upper, left, unit};
  return tci_record(&triangular_rule, tci_turned(x), 2, (tc_tensor *[]){a, b}, &t, sizeof t);
}

/* ---- LU. With A = P L U: gA = P L^-H (tril(L^H gL, -1) + triu(gU U^H)) U^-H; what lies beyond the square part goes through it first ---- */
tc_tensor *tc_pivots_matrix(tc_tensor *pivots, int64_t rows, tc_dtype dtype) {
  if (!pivots) return NULL;
  if (pivots->dtype != TC_INT32 || pivots->ndim < 1 || pivots->size[pivots->ndim - 1] > rows)
    return tci_fail("pivots: got %s of shape %s, takes int32 (..., at most %lld)", tci_dtype_name(pivots->dtype), tci_shape(pivots), (long long)rows);
  if (tci_captures() && !tci_watch_read(pivots)) return NULL;
  tc_tensor *source = tci_contig(tc_to(pivots, TC_NONE, 0, false)); /* which waits for a GPU */
  int64_t size[TC_MAX_DIMS + 1], few = pivots->size[pivots->ndim - 1];
  memcpy(size, pivots->size, (size_t)pivots->ndim * sizeof *size);
  size[pivots->ndim - 1] = size[pivots->ndim] = rows;
  tc_tensor *p = source ? tc_zeros(size, pivots->ndim + 1, TC_FLOAT64, 0, false) : NULL, *order = p ? tci_new(TC_INT64, 1, &rows, 0) : NULL;
  if (!order) return NULL;
  for (int64_t b = 0; b < tci_numel(pivots->ndim - 1, pivots->size); b++) {
    const int32_t *pivot = (const int32_t *)tci_data(source) + b * few;
    double *to = (double *)tci_data(p) + b * rows * rows;
    int64_t *at = (int64_t *)tci_data(order);
    for (int64_t i = 0; i < rows; i++) at[i] = i;
    for (int64_t i = 0; i < few; i++) {
      if (pivot[i] < 1 || pivot[i] > rows) return tci_fail("pivots: got %d at position %lld, takes 1 to %lld", pivot[i], (long long)i + 1, (long long)rows);
      swap(&at[i], &at[pivot[i] - 1]);
    }
    for (int64_t i = 0; i < rows; i++) to[at[i] * rows + i] = 1;
  }
  return tc_to(p, dtype, pivots->device, false);
}

static tc_tensor *unit_lower(tc_tensor *lu) { return tc_tril(lu, -1); } /* the diagonal of ones is understood */

static void lu_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  tc_tensor *lu = n->out[0];
  const int64_t m = lu->size[lu->ndim - 2], k = lu->size[lu->ndim - 1], few = m < k ? m : k;
  tc_tensor *p = tc_pivots_matrix(n->in[1], m, lu->dtype), *eye = tc_eye(few, TC_NONE, lu->dtype, lu->device, false);
  tc_tensor *top = tc_narrow(lu, -2, 0, few), *square = tc_narrow(top, -1, 0, few), *gtop = tc_narrow(G, -2, 0, few);
  tc_tensor *l = tc_add(unit_lower(square), eye, 1), *u = tc_triu(square, 0), *gl = tc_tril(tc_narrow(gtop, -1, 0, few), -1);
  tc_tensor *gu = tc_triu(tc_narrow(gtop, -1, 0, few), 0), *lower = MM(H(l), gl), *upper = MM(gu, H(u)), *rest = NULL;
  if (k > few) { /* wide: A2 = P L U2 */
    tc_tensor *gu2 = tc_narrow(gtop, -1, few, k - few);
    lower = tc_sub(lower, MM(gu2, H(tc_narrow(top, -1, few, k - few))), 1);
    rest = tc_triangular_system(H(l), gu2, true, true, true);
  }
  if (m > few) { /* tall: A2 = L2 U */
    tc_tensor *gl2 = tc_narrow(G, -2, few, m - few);
    upper = tc_sub(upper, MM(H(tc_narrow(lu, -2, few, m - few)), gl2), 1);
    rest = tc_triangular_system(H(u), gl2, false, false, false);
  }
  tc_tensor *inner = tc_add(tc_tril(lower, -1), tc_triu(upper, 0), 1);
  tc_tensor *ga = tc_triangular_system(H(u), tc_triangular_system(H(l), inner, true, true, true), false, false, false);
  if (rest) ga = tc_cat((tc_tensor *[]){ga, rest}, 2, k > few ? -1 : -2);
  dx[0] = MM(p, ga);
}
static const tc_rule lu_rule = {"lu_factor", lu_grad, TC_SAVE_IN(1) | TC_SAVE_OUT(0) | TC_COMPLEX_RULE};

tc_tensor *tc_lu_decomposition(tc_tensor *a, tc_tensor **pivots, tc_tensor **info) {
  if (!tci_check_matrix(a, "A", false)) return NULL;
  const int64_t m = a->size[a->ndim - 2], n = a->size[a->ndim - 1];
  tc_tensor *lu = tci_columns(a);
  *pivots = tci_batch_of(a, TC_INT32, 1, m < n ? m : n, 0);
  *info = tci_new_info(a);
  if (!lu || !*pivots || !*info) return NULL;
  tc_lapack q = tci_request(TC_LAPACK_LU, a, *info);
  q.a = tci_data(lu), q.pivots = (int32_t *)tci_data(*pivots);
  if (!tci_lapack(&q, a->device)) return NULL;
  return tci_record(&lu_rule, tci_turned(lu), 2, (tc_tensor *[]){a, *pivots}, NULL, 0);
}

/* ---- A X = B: gB = A^-H g, gA = -gB X^H ---- */
static void solve_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  tc_tensor *info, *gb = tc_linear_system(H(n->in[0]), G, &info);
  dx[1] = gb;
  if (tci_needs(n, 0)) dx[0] = tc_neg(MM(gb, H(n->out[0])));
}
static const tc_rule solve_rule = {"solve", solve_grad, TC_SAVE_IN(0) | TC_SAVE_OUT(0) | TC_COMPLEX_RULE};

tc_tensor *tc_linear_system(tc_tensor *a, tc_tensor *b, tc_tensor **info) {
  if (!check_pair(a, b, true) || !together(&a, &b)) return NULL;
  const int64_t n = a->size[a->ndim - 1];
  tc_tensor *lu = tci_columns(a), *x = tci_columns(b), *pivots = tci_batch_of(a, TC_INT32, 1, n, 0), *unused = tci_new_info(a);
  *info = tci_new_info(a);
  if (!lu || !x || !pivots || !*info || !unused) return NULL;
  tc_lapack q = tci_request(TC_LAPACK_LU, a, *info);
  q.a = tci_data(lu), q.pivots = (int32_t *)tci_data(pivots);
  if (!tci_lapack(&q, a->device)) return NULL;
  q.what = TC_LAPACK_LU_SOLVE, q.b = tci_data(x), q.k = b->size[b->ndim - 1], q.how = 'N', q.info = (int32_t *)tci_data(unused);
  if (q.k > 0 && n > 0 && !tci_lapack(&q, a->device)) return NULL;
  return tci_record(&solve_rule, tci_turned(x), 2, (tc_tensor *[]){a, b}, NULL, 0);
}

/* ---- Cholesky: gA = L^-H phi(L^H gL) L^-1 made hermitian; phi: the lower triangle, half of the diagonal (I. Murray, 2016) ---- */
static void cholesky_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  tc_tensor *l = n->out[0], *phi = tc_tril(MM(H(l), tc_tril(G, 0)), 0);
  phi = tc_sub(phi, times(tc_diag_embed(tc_diagonal(phi, 0, -2, -1), 0, -2, -1), 0.5), 1);
  tc_tensor *ga = tc_triangular_system(l, tc_triangular_system(H(l), phi, true, true, false), false, false, false);
  dx[0] = times(tc_add(ga, H(ga), 1), 0.5);
}
static const tc_rule cholesky_rule = {"cholesky", cholesky_grad, TC_SAVE_OUT(0) | TC_COMPLEX_RULE};

static tc_tensor *without_graph(tc_tensor *(*f)(tc_tensor *, int64_t), tc_tensor *x, int64_t diagonal) {
  bool before = tci_set_grad_mode(false);
  tc_tensor *y = f(x, diagonal);
  tci_set_grad_mode(before);
  return y;
}

tc_tensor *tc_cholesky_decomposition(tc_tensor *a, tc_tensor **info) {
  if (!tci_check_matrix(a, "A", true)) return NULL;
  tc_tensor *l = tci_columns(a);
  *info = tci_new_info(a);
  if (!l || !*info) return NULL;
  tc_lapack q = tci_request(TC_LAPACK_CHOLESKY, a, *info);
  q.a = tci_data(l), q.uplo = 'L';
  if (!tci_lapack(&q, a->device)) return NULL;
  return tci_record(&cholesky_rule, without_graph(tc_tril, tci_turned(l), 0), 1, &a, NULL, 0);
}

/* ---- QR: gA = (gQ + Q sym(triu(gR R^H - Q^H gQ))) R^-H, sym(X) = X + X^H less the real diagonal (S. Walter, L. Lehmann, 2010). For a wide A = [A1 A2]
   the square part A1 = Q R1 decides, and R2 = Q^H A2 adds A2 gR2^H to gQ. ---- */
static tc_tensor *symmetric(tc_tensor *x) {
  tc_tensor *d = tc_diagonal(x, 0, -2, -1);
  tc_tensor *real = tci_is_complex(x->dtype) ? tc_real(d) : d;
  return tc_sub(tc_add(x, H(x), 1), tc_diag_embed(real, 0, -2, -1), 1);
}

static void qr_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  tc_tensor *a = n->in[0], *q = n->out[0], *r = n->out[1], *gq = g[0], *gr = g[1], *rest = NULL;
  const int64_t m = q->size[q->ndim - 2], few = q->size[q->ndim - 1], k = r->size[r->ndim - 1];
  if (few == m && m > k) {
    tci_fail("qr: the full Q of a tall matrix is not determined by it: no gradient; take mode 'reduced'");
    return;
  }
  if (k > few) {
    tc_tensor *a2 = tc_narrow(a, -1, few, k - few), *gr2 = gr ? tc_narrow(gr, -1, few, k - few) : NULL;
    if (gr2) rest = MM(q, gr2), gq = gq ? tc_add(gq, MM(a2, H(gr2)), 1) : MM(a2, H(gr2));
    r = tc_narrow(r, -1, 0, few);
    gr = gr ? tc_narrow(gr, -1, 0, few) : NULL;
  }
  tc_tensor *m1 = gr ? MM(gr, H(r)) : NULL, *m2 = gq ? MM(H(q), gq) : NULL;
  tc_tensor *inner = symmetric(tc_triu(m1 && m2 ? tc_sub(m1, m2, 1) : m1 ? m1 : tc_neg(m2), 0)), *sum = MM(q, inner);
  if (gq) sum = tc_add(gq, sum, 1);
  tc_tensor *ga = tc_triangular_system(H(r), sum, false, false, false);
  if (k > few) ga = tc_cat((tc_tensor *[]){ga, rest ? rest : tc_zeros_like(tc_narrow(a, -1, few, k - few), TC_NONE, TC_NONE, false)}, 2, -1);
  dx[0] = ga;
}
static const tc_rule qr_rule = {"qr", qr_grad, TC_SAVE_IN(0) | TC_SAVE_OUT(0) | TC_SAVE_OUT(1) | TC_COMPLEX_RULE};

tc_tensor *tc_geqrf(tc_tensor *a, tc_tensor **tau) {
  if (!tci_check_matrix(a, "input", false)) return NULL;
  const int64_t m = a->size[a->ndim - 2], n = a->size[a->ndim - 1];
  tc_tensor *c = tci_columns(a), *info = tci_new_info(a);
  *tau = tci_batch_of(a, a->dtype, 1, m < n ? m : n, 0);
  if (!c || !*tau || !info) return NULL;
  tc_lapack q = tci_request(TC_LAPACK_QR, a, info);
  q.a = tci_data(c), q.b = tci_data(*tau);
  return (m == 0 || n == 0 || tci_lapack(&q, a->device)) ? tci_turned(c) : NULL;
}

/* the first `columns` columns of the Q that reflectors (..., m, k) stand for */
static tc_tensor *q_of(tc_tensor *reflectors, tc_tensor *tau, int64_t columns) {
  const int64_t m = reflectors->size[reflectors->ndim - 2], k = tau->size[tau->ndim - 1];
  tc_tensor *c = tci_batch_of(reflectors, reflectors->dtype, 2, columns, m), *info = tci_new_info(reflectors), *factors = tci_contig(tau);
  if (!c || !info || !factors) return NULL;
  if (k > 0) { /* its transpose: rows 1 .. k are the reflectors */
    tc_tensor *view = tci_turned(tci_alias(reflectors)), *from = view ? tc_narrow(view, -2, 0, k) : NULL, *to = tc_narrow(c, -2, 0, k);
    if (!from || !to || !tci_copy_into(to, from)) return NULL;
  }
  tc_lapack q = tci_request(TC_LAPACK_Q, reflectors, info);
  q.n = columns, q.k = k, q.a = tci_data(c), q.b = tci_data(factors);
  return (m == 0 || columns == 0 || tci_lapack(&q, reflectors->device)) ? tci_turned(c) : NULL;
}

tc_tensor *tc_qr_decomposition(tc_tensor *a, bool complete, tc_tensor **r) {
  if (!tci_check_matrix(a, "A", false)) return NULL;
  const int64_t m = a->size[a->ndim - 2], n = a->size[a->ndim - 1], few = m < n ? m : n, columns = complete ? m : few;
  bool before = tci_set_grad_mode(false);
  tc_tensor *tau, *packed = tc_geqrf(a, &tau), *q = packed ? q_of(packed, tau, columns) : NULL;
  *r = packed ? tc_triu(complete ? packed : tc_narrow(packed, -2, 0, few), 0) : NULL;
  tci_set_grad_mode(before);
  if (!q || !*r) return NULL;
  return tci_record_n(&qr_rule, 2, (tc_tensor *[]){q, *r}, 1, &a, NULL, 0);
}

tc_tensor *tc_reflectors_product(tc_tensor *a, tc_tensor *tau) {
  if (!tci_check_matrix(a, "input", false) || !tau) return NULL;
  const int64_t m = a->size[a->ndim - 2], n = a->size[a->ndim - 1], k = tau->ndim ? tau->size[tau->ndim - 1] : 0;
  if (tau->ndim != a->ndim - 1 || memcmp(tau->size, a->size, (size_t)(a->ndim - 2) * sizeof *a->size) || k > n || n > m || tau->dtype != a->dtype)
    return tci_fail("input of shape %s does not fit tau of shape %s: takes (..., m, n) with m >= n and (..., k) with k <= n, of one dtype",
                    tci_shape(a), tci_shape(tau));
  return q_of(a, tau, n);
}

/* The same by operators that have gradients, one reflection x - t v (v^H x) after another: Q is their product, Q^H that of their adjoints. */
static tc_tensor *turned_by_reflections(tc_tensor *a, tc_tensor *tau, tc_tensor *x, bool left, bool adjoint) {
  const int64_t m = a->size[a->ndim - 2], k = tau->size[tau->ndim - 1];
  tc_tensor *below = tc_tril(tc_narrow(a, -1, 0, k), -1), *all = below ? tc_add(below, tc_eye(m, k, a->dtype, a->device, false), 1) : NULL;
  tc_tensor *factors = adjoint ? tc_conj(tau) : tau;
  for (int64_t i = 0; all && factors && x && i < k; i++) {
    const int64_t at = left == adjoint ? i : k - 1 - i; /* the first to meet x */
    tc_tensor *v = tc_narrow(all, -1, at, 1), *t = tc_unsqueeze(tc_narrow(factors, -1, at, 1), -1), *row = tc_conj(tc_transpose(v, -2, -1));
    tc_tensor *part = left ? tc_matmul(v, tc_matmul(row, x)) : tc_matmul(tc_matmul(x, v), row);
    x = part ? tc_sub(x, tc_mul(part, t), 1) : NULL;
  }
  return all && factors ? x : NULL;
}

tc_tensor *tc_ormqr(tc_tensor *a, tc_tensor *tau, tc_tensor *other, bool left, bool transpose) {
  if (!tci_check_matrix(a, "input", false) || !tci_check_matrix(other, "other", false) || !tau) return NULL;
  const int64_t m = a->size[a->ndim - 2], k = tau->ndim ? tau->size[tau->ndim - 1] : 0, side = other->size[other->ndim - (left ? 2 : 1)];
  bool fits = tau->ndim == a->ndim - 1 && other->ndim == a->ndim && a->dtype == tau->dtype && a->dtype == other->dtype && m == side &&
              k <= m && k <= a->size[a->ndim - 1] && !memcmp(other->size, a->size, (size_t)(a->ndim - 2) * sizeof *a->size);
  if (!fits)
    return tci_fail("input of shape %s, tau of shape %s and other of shape %s do not fit, or differ in dtype", tci_shape(a), tci_shape(tau), tci_shape(other));
  if (tci_grad_mode() && (tci_requires_grad(a) || tci_requires_grad(tau) || tci_requires_grad(other))) return turned_by_reflections(a, tau, other, left, transpose);
  tc_tensor *c = tci_columns(k < a->size[a->ndim - 1] ? tc_narrow(a, -1, 0, k) : a), *x = tci_columns(other), *info = tci_new_info(a);
  tc_tensor *factors = tci_contig(tau);
  if (!c || !x || !info || !factors) return NULL;
  tc_lapack q = tci_request(TC_LAPACK_APPLY_Q, other, info);
  q.k = k, q.a = tci_data(c), q.b = tci_data(x), q.c = tci_data(factors), q.left = left;
  q.how = !transpose ? 'N' : tci_is_complex(a->dtype) ? 'C' : 'T';
  return (x->numel == 0 || k == 0 || tci_lapack(&q, a->device)) ? tci_turned(x) : NULL;
}

/* ---- LDL, for symmetric matrices that need not be positive ---- */
tc_tensor *tc_ldl_decomposition(tc_tensor *a, bool hermitian, tc_tensor **pivots, tc_tensor **info) {
  if (!tci_check_matrix(a, "A", true)) return NULL;
  tc_tensor *ld = tci_columns(a);
  *pivots = tci_batch_of(a, TC_INT32, 1, a->size[a->ndim - 1], 0);
  *info = tci_new_info(a);
  if (!ld || !*pivots || !*info) return NULL;
  tc_lapack q = tci_request(TC_LAPACK_LDL, a, *info);
  q.a = tci_data(ld), q.pivots = (int32_t *)tci_data(*pivots), q.left = hermitian && tci_is_complex(a->dtype);
  if (q.n > 0 && !tci_lapack(&q, a->device)) return NULL;
  return without_graph(tc_tril, tci_turned(ld), 0);
}

tc_tensor *tc_ldl_solve(tc_tensor *ld, tc_tensor *pivots, tc_tensor *b, bool hermitian) {
  if (!check_pair(ld, b, true) || !pivots) return NULL;
  if (ld->ndim > 2 && b->ndim >= 2 && b->ndim <= ld->ndim) { /* one right side for the whole batch */
    int64_t size[TC_MAX_DIMS];
    memcpy(size, ld->size, (size_t)(ld->ndim - 2) * sizeof *size);
    memcpy(size + ld->ndim - 2, b->size + b->ndim - 2, 2 * sizeof *size);
    b = tc_expand(b, size, ld->ndim);
    if (!b) return NULL;
  }
  if (pivots->dtype != TC_INT32 || pivots->ndim != ld->ndim - 1 || memcmp(pivots->size, ld->size, (size_t)pivots->ndim * sizeof *ld->size))
    return tci_fail("pivots: got %s of shape %s, takes the int32 pivots of ldl_factor", tci_dtype_name(pivots->dtype), tci_shape(pivots));
  if (ld->ndim != b->ndim || memcmp(ld->size, b->size, (size_t)(ld->ndim - 2) * sizeof *ld->size))
    return tci_fail("LD of shape %s does not fit B of shape %s", tci_shape(ld), tci_shape(b));
  tc_tensor *c = tci_columns(ld), *x = tci_columns(b), *p = tci_contig(pivots), *info = tci_new_info(ld), *seen = tc_to(p, TC_NONE, 0, false);
  if (!c || !x || !p || !info || !seen) return NULL;
  const int32_t *pivot = (const int32_t *)tci_data(seen);
  const int64_t n = ld->size[ld->ndim - 1];
  for (int64_t i = 0; i < p->numel; i++)
    if (pivot[i] == 0 || pivot[i] > n || pivot[i] < -n) return tci_fail("pivots: got %d at position %lld, takes -%lld to %lld without 0", pivot[i],
                                                                        (long long)i + 1, (long long)n, (long long)n);
  tc_lapack q = tci_request(TC_LAPACK_LDL_SOLVE, ld, info);
  q.k = b->size[b->ndim - 1], q.a = tci_data(c), q.b = tci_data(x), q.pivots = (int32_t *)tci_data(p), q.left = hermitian && tci_is_complex(ld->dtype);
  return (x->numel == 0 || tci_lapack(&q, ld->device)) ? tci_turned(x) : NULL;
}
