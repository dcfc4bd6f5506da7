#include "linalg/dense.h"
#include "base/random.h"
#include "linalg/matrix.h"
#include <cblas.h>
#include <stdlib.h>

void ms_multiply(bool ta, bool tb, size_t m, size_t n, size_t k, double alpha, const double *A,
                 const double *B, double beta, double *C) {
  cblas_dgemm(CblasColMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans, (int)m,
              (int)n, (int)k, alpha, A, (int)(ta ? k : m), B, (int)(tb ? n : k), beta, C, (int)m);
}

void ms_symmetrize(size_t k, const double *A, double *S) {
  for (size_t j = 0; j < k; j++)
    for (size_t i = j; i < k; i++)
      S[i * k + j] = S[j * k + i] = (A[j * k + i] + A[i * k + j]) / 2;
}

int ms_singular(size_t rows, size_t cols, const double *X, double *sigma, double *U, double *Vt) {
  const ms_matrix view = {.n = rows, .d = cols, .values = (double *)X};
  return ms_matrix_svd(&view, U, sigma, Vt);
}

ms_status ms_low_rank(double *X, size_t rows, size_t cols, size_t rank, bool symmetric,
                      bool indefinite, gsl_rng *rng, ms_error *err) {
  double *U = ms_doubles((rows + cols) * rank), *sigma = ms_doubles(MS_MIN(rows, cols)), sum = 0;
  if (!U || !sigma) {
    free(U);
    free(sigma);
    return ms_no_memory(err);
  }
  double *V = U + rows * rank;
  ms_random_gaussian(rng, U, (rows + (symmetric ? 0 : cols)) * rank, 1);
  for (size_t i = 0; symmetric && i < rows * rank; i++)
    V[i] = indefinite && i / rows % 2 ? -U[i] : U[i];
  ms_multiply(false, true, rows, cols, rank, 1, U, V, 0, X);
  int bad = ms_singular(rows, cols, X, sigma, NULL, NULL);
  for (size_t i = 0; i < MS_MIN(rows, cols); i++)
    sum += sigma[i];
  for (size_t i = 0; i < rows * cols; i++)
    X[i] *= (double)rank / sum;
  free(U);
  free(sigma);
  return bad ? ms_fail(err, MS_STALLED, "the truth has no singular values") : MS_OK;
}
