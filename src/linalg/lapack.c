/* Factorizations by LAPACK. */
#include "linalg/lapack.h"
#include "linalg/matrix.h"
#include <cblas.h>
#include <stdlib.h>

enum { SVD_ENTRIES = 1 << 23 }; /* of the dense copy of a sparse Z */

int ms_matrix_svd(const ms_matrix *Z, double *U, double *sigma, double *Vt) {
  int n = (int)Z->n, d = (int)Z->d, k = MS_MIN(n, d), lwork = -1, info = 0;
  if (!Z->values && Z->d > SVD_ENTRIES / Z->n)
    return -1;
  double best = 0, *work = NULL;
  const char *job = U ? "S" : "N";
  ms_matrix *copy = NULL;
  int *iwork = calloc(8 * (size_t)k, sizeof *iwork);
  if (iwork && ms_matrix_dense(&copy, Z, NULL) == MS_OK) {
    dgesdd_(job, &n, &d, copy->values, &n, sigma, U, &n, Vt, &k, &best, &lwork, iwork, &info);
    lwork = (int)best;
    work = ms_doubles_unset((size_t)lwork);
  }
  if (work)
    dgesdd_(job, &n, &d, copy->values, &n, sigma, U, &n, Vt, &k, work, &lwork, iwork, &info);
  else
    info = -1;
  ms_matrix_free(copy);
  free(iwork);
  free(work);
  return info;
}

int ms_spd_factor(size_t n, double *M) {
  int size = (int)n, info = 0;
  dpotrf_("L", &size, M, &size, &info);
  return info;
}

void ms_spd_solve(size_t n, const double *M, double *b) {
  /* for one right-hand side LAPACK's dpotrs is several times slower than its two dtrsv */
  cblas_dtrsv(CblasColMajor, CblasLower, CblasNoTrans, CblasNonUnit, (int)n, M, (int)n, b, 1);
  cblas_dtrsv(CblasColMajor, CblasLower, CblasTrans, CblasNonUnit, (int)n, M, (int)n, b, 1);
}

int ms_symmetric_eigen(size_t n, double *M, double *values) {
  int size = (int)n, info = 0, lwork = -1, liwork = -1, ibest = 0;
  double best = 0;
  dsyevd_("V", "L", &size, M, &size, values, &best, &lwork, &ibest, &liwork, &info);
  lwork = (int)best;
  liwork = ibest;
  double *work = ms_doubles((size_t)lwork);
  int *iwork = calloc((size_t)liwork, sizeof *iwork);
  if (work && iwork)
    dsyevd_("V", "L", &size, M, &size, values, work, &lwork, iwork, &liwork, &info);
  else
    info = -1;
  free(work);
  free(iwork);
  return info;
}
