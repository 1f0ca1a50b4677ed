/* spectrum.c: eigenvalues and singular values, with their vectors. */
#include "linalg.h"
#include "index.h"

/* equal values have a difference of 0: what does not depend on the choice of their vectors has 0 above it, too */
static tc_tensor *over(tc_tensor *a, tc_tensor *b) { return tc_div_zero(a, b); }
static tc_tensor *differences(tc_tensor *w) { /* e[i][j] = w[j] - w[i], 1 on the diagonal */
  tc_tensor *e = tc_sub(tc_unsqueeze(w, -2), tc_unsqueeze(w, -1), 1);
  return e ? tc_add(e, tc_eye(w->size[w->ndim - 1], TC_NONE, w->dtype, w->device, false), 1) : NULL;
}
static tc_tensor *on_diagonal(tc_tensor *v) { return tc_diag_embed(v, 0, -2, -1); }
static tc_tensor *diagonal_of(tc_tensor *m) { return tc_diagonal(m, 0, -2, -1); }
static tc_tensor *off_diagonal(tc_tensor *m) { return tc_sub(m, on_diagonal(diagonal_of(m)), 1); }
static tc_tensor *both(tc_tensor *a, tc_tensor *b) { return a && b ? tc_add(a, b, 1) : a ? a : b; }
static tc_tensor *rows_by(tc_tensor *m, tc_tensor *v) { return tc_mul(m, tc_unsqueeze(v, -1)); }
static tc_tensor *columns_by(tc_tensor *m, tc_tensor *v) { return tc_mul(m, tc_unsqueeze(v, -2)); }

/* ---- hermitian: gA = V (diag(gw) + V^H gV / E) V^H (M. Giles, 2008) ---- */
static void eigh_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  tc_tensor *w = n->out[0], *v = n->out[1];
  tc_tensor *of_values = g[0] ? columns_by(v, g[0]) : NULL;
  tc_tensor *of_vectors = g[1] ? MM(v, off_diagonal(over(MM(H(v), g[1]), differences(w)))) : NULL;
  dx[0] = MM(both(of_values, of_vectors), H(v));
}
static const tc_rule eigh_rule = {"eigh", eigh_grad, TC_SAVE_OUT(0) | TC_SAVE_OUT(1) | TC_COMPLEX_RULE};

tc_tensor *tc_eigh_decomposition(tc_tensor *a, bool upper, bool vectors, tc_tensor **v, tc_tensor **info) {
  if (!tci_check_matrix(a, "A", true)) return NULL;
  vectors |= tci_recording(1, &a);
  tc_tensor *c = tci_columns(a), *w = tci_batch_of(a, tci_part_type(a->dtype), 1, a->size[a->ndim - 1], 0);
  *info = tci_new_info(a);
  if (!c || !w || !*info) return NULL;
  tc_lapack q = tci_request(TC_LAPACK_EIGH, a, *info);
  q.a = tci_data(c), q.b = tci_data(w), q.uplo = upper ? 'U' : 'L', q.vectors = vectors;
  if (q.n > 0 && !tci_lapack(&q, a->device)) return NULL;
  *v = tci_turned(c);
  return vectors ? tci_record_n(&eigh_rule, 2, (tc_tensor *[]){w, *v}, 1, &a, NULL, 0) : w;
}

/* ---- general: gA = V^-H (diag(gw) + (V^H gV - V^H V diag(Re(V^H gV))) / E*) V^H (C. Boeddeker et al., 2017) ---- */
static void eig_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  tc_tensor *w = n->out[0], *v = n->out[1], *info, *inner = g[0] ? on_diagonal(g[0]) : NULL;
  if (g[1]) {
    tc_tensor *vg = MM(H(v), g[1]), *along = columns_by(MM(H(v), v), tc_real(diagonal_of(vg)));
    inner = both(inner, off_diagonal(over(tc_sub(vg, along, 1), tc_conj(differences(w)))));
  }
  tc_tensor *ga = tc_linear_system(H(v), MM(inner, H(v)), &info);
  dx[0] = tci_is_complex(n->edge[0].dtype) ? ga : tc_real(ga);
}
static const tc_rule eig_rule = {"eig", eig_grad, TC_SAVE_OUT(0) | TC_SAVE_OUT(1) | TC_COMPLEX_RULE};

tc_tensor *tc_eig_decomposition(tc_tensor *a, bool vectors, tc_tensor **v, tc_tensor **info) {
  if (!tci_check_matrix(a, "A", true)) return NULL;
  vectors |= tci_recording(1, &a);
  const int64_t n = a->size[a->ndim - 1];
  tc_tensor *c = tci_columns(a), *w = tci_batch_of(a, tci_complex_type(a->dtype), 1, n, 0);
  *v = tci_batch_of(a, tci_complex_type(a->dtype), 2, n, n);
  *info = tci_new_info(a);
  if (!c || !w || !*v || !*info) return NULL;
  tc_lapack q = tci_request(TC_LAPACK_EIG, a, *info);
  q.a = tci_data(c), q.b = tci_data(w), q.c = tci_data(*v), q.vectors = vectors;
  if (n > 0 && !tci_lapack(&q, a->device)) return NULL;
  tci_turned(*v);
  return vectors ? tci_record_n(&eig_rule, 2, (tc_tensor *[]){w, *v}, 1, &a, NULL, 0) : w;
}

/* ---- singular values: with skew(X) = X - X^H, E_ij = s_j^2 - s_i^2,
   gA = U (skew(U^H gU) / E S + S skew(V^H gV) / E + diag(gs)) V^H + (I - U U^H) gU S^-1 V^H + U S^-1 gV^H (I - V V^H),
   and for complex matrices diag(skew(U^H gU)) / 2S within the brackets (Z.-Q. Wan, S.-X. Zhang, 2019) ---- */
static tc_tensor *skew(tc_tensor *x) { return tc_sub(x, H(x), 1); }

/* The first k vectors along dim d of a full factor, or of its gradient, which must not go to the others: the matrix does not determine them. */
static bool first_vectors(tc_tensor **x, int d, int64_t k, bool is_gradient) {
  const int64_t all = *x ? (*x)->size[(*x)->ndim + d] : k;
  if (all == k) return true;
  if (is_gradient) {
    tc_tensor *others = tci_nonzero(tc_narrow(*x, d, k, all - k));
    if (!others) return false;
    if (others->numel) return tci_fail("with full_matrices the additional vectors are not determined: no gradient by them; take full_matrices = false") != NULL;
  }
  return (*x = tc_narrow(*x, d, 0, k)) != NULL;
}

static void svd_grad(const tc_node *n, tc_tensor **g, tc_tensor **dx) {
  tc_tensor *u = n->out[0], *s = n->out[1], *vh = n->out[2], *gu = g[0], *gs = g[1], *gvh = g[2];
  const int64_t k = s->size[s->ndim - 1], m = u->size[u->ndim - 2], cols = vh->size[vh->ndim - 1];
  if (!first_vectors(&u, -1, k, false) || !first_vectors(&vh, -2, k, false) || !first_vectors(&gu, -1, k, true) || !first_vectors(&gvh, -2, k, true))
    return;
  tc_tensor *inner = NULL, *more = NULL, *of_values = gs ? columns_by(u, gs) : NULL, *e = gu || gvh ? differences(tc_mul(s, s)) : NULL;
  if (gu) {
    tc_tensor *ug = skew(MM(H(u), gu));
    inner = both(inner, columns_by(off_diagonal(over(ug, e)), s));
    if (tci_is_complex(u->dtype)) inner = tc_add(inner, on_diagonal(over(diagonal_of(ug), times(s, 2))), 1);
    if (m > k) more = MM(over(tc_sub(gu, MM(u, MM(H(u), gu)), 1), tc_unsqueeze(s, -2)), vh);
  }
  if (gvh) {
    inner = both(inner, rows_by(off_diagonal(over(skew(MM(vh, H(gvh))), e)), s));
    if (cols > k) more = both(more, MM(u, over(tc_sub(gvh, MM(MM(gvh, H(vh)), vh), 1), tc_unsqueeze(s, -1))));
  }
  dx[0] = both(MM(both(of_values, inner ? MM(u, inner) : NULL), vh), more);
}
static const tc_rule svd_rule = {"svd", svd_grad, TC_SAVE_OUT(0) | TC_SAVE_OUT(1) | TC_SAVE_OUT(2) | TC_COMPLEX_RULE};

tc_tensor *tc_svd_decomposition(tc_tensor *a, bool full, bool vectors, tc_tensor **s, tc_tensor **vh, tc_tensor **info) {
  if (!tci_check_matrix(a, "A", false)) return NULL;
  if (!vectors && tci_recording(1, &a)) vectors = true, full = false; /* the gradient of the values wants the vectors */
  const int64_t m = a->size[a->ndim - 2], n = a->size[a->ndim - 1], few = m < n ? m : n;
  tc_tensor *c = tci_columns(a), *u = tci_batch_of(a, a->dtype, 2, vectors ? (full ? m : few) : 0, m);
  *s = tci_batch_of(a, tci_part_type(a->dtype), 1, few, 0);
  *vh = tci_batch_of(a, a->dtype, 2, n, vectors ? (full ? n : few) : 0);
  *info = tci_new_info(a);
  if (!c || !u || !*s || !*vh || !*info) return NULL;
  tc_lapack q = tci_request(TC_LAPACK_SVD, a, *info);
  q.a = tci_data(c), q.b = tci_data(*s), q.c = tci_data(u), q.d = tci_data(*vh), q.how = !vectors ? 'N' : full ? 'A' : 'S';
  if (few > 0 && !tci_lapack(&q, a->device)) return NULL;
  if (few == 0 && full && vectors) { /* of nothing: identities */
    tc_tensor *left = tc_eye(m, m, a->dtype, a->device, false), *right = tc_eye(n, n, a->dtype, a->device, false);
    if (!left || !right || !tci_copy_into(u, left) || !tci_copy_into(*vh, right)) return NULL;
  }
  tci_turned(u);
  tci_turned(*vh);
  return vectors ? tci_record_n(&svd_rule, 3, (tc_tensor *[]){u, *s, *vh}, 1, &a, NULL, 0) : u;
}
