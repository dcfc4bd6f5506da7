/* Algebra of small dense matrices, column-major. */
#ifndef MS_DENSE_H
#define MS_DENSE_H

#include "base/random.h"

/* C[m*n] = alpha op(A) op(B) + beta C with inner size k; ta, tb: transposed. */
void ms_multiply(bool ta, bool tb, size_t m, size_t n, size_t k, double alpha, const double *A,
                 const double *B, double beta, double *C);
/* S = (A + A')/2, k x k; S may be A. */
void ms_symmetrize(size_t k, const double *A, double *S);
/* sigma[min(rows, cols)] descending; U and Vt thin (may both be NULL). 0 on success. */
int ms_singular(size_t rows, size_t cols, const double *X, double *sigma, double *U, double *Vt);
/* A random matrix X[rows * cols]: U S V' of Gaussian factors (V = U, S = +-1 where it is
 * symmetric), its mean singular value 1. */
ms_status ms_low_rank(double *X, size_t rows, size_t cols, size_t rank, bool symmetric,
                      bool indefinite, gsl_rng *rng, ms_error *err);

#endif
