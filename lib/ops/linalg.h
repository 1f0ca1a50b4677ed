/* linalg.h: what linear algebra's operator files share. */
#ifndef TC_LINALG_H
#define TC_LINALG_H
#include "rules.h"

#define MM tc_matmul
#define H tc_adjoint

bool tci_check_matrix(const tc_tensor *x, const char *argument, bool square);
tc_tensor *tci_turned(tc_tensor *t);
tc_tensor *tci_columns(tc_tensor *x);
tc_tensor *tci_batch_of(const tc_tensor *x, int dtype, int extra, int64_t m, int64_t n);
tc_lapack tci_request(int what, const tc_tensor *x, const tc_tensor *info);
bool tci_lapack(const tc_lapack *q, tc_device device);
tc_tensor *tci_new_info(const tc_tensor *x);
#endif
