/* The data matrix Z, n samples by d features. */
#ifndef MS_MATRIX_H
#define MS_MATRIX_H

#include "base.h"

/* Dense, column-major (a feature's n samples are contiguous): then Z'v, a map of the result and
 * Z x can share each block of columns while it is in cache. */
typedef struct ms_matrix {
  size_t n, d;
  double *values; /* n * d, owned */
} ms_matrix;

ms_status ms_matrix_new(ms_matrix **Z, size_t n, size_t d, ms_error *err); /* zeros */
void ms_matrix_free(ms_matrix *Z);

/* out[n] = Z x[d] */
void ms_matrix_mul(const ms_matrix *Z, const double *x, double *out);
/* out[d] = Z' v[n] */
void ms_matrix_tmul(const ms_matrix *Z, const double *v, double *out);

/* One pass over Z: for each block of columns u = Z_block' v, map(ctx, first, count, u) (which
 * overwrites u by the block's x), out += Z_block u. Stops at the first non-zero map() and returns
 * it. */
typedef int ms_block_map(void *ctx, size_t first, size_t count, double *u);
int ms_matrix_fused(const ms_matrix *Z, const double *v, ms_block_map *map, void *ctx, double *out);

/* S[n*n] = Z diag(D) Z', lower triangle (column-major); D >= 0. 0, or -1 without memory. */
int ms_matrix_weighted_gram(const ms_matrix *Z, const double *D, double *S);
/* H[d*d] = Z' diag(c) Z, lower triangle; c >= 0. 0, or -1 without memory. */
int ms_matrix_curvature(const ms_matrix *Z, const double *c, double *H);

/* Z = U diag(sigma) Vt, k = min(n, d): U[n*k], sigma[k] descending, Vt[k*d], column-major. 0 on
 * success. */
int ms_matrix_svd(const ms_matrix *Z, double *U, double *sigma, double *Vt);

/* out[n]: the norms of the rows; |Z|_F. */
void ms_matrix_row_norms(const ms_matrix *Z, double *out);
double ms_matrix_norm(const ms_matrix *Z);

/* Symmetric positive definite systems (LAPACK): factor in place the lower triangle, 0 when
 * positive definite; then solve in place. */
int ms_spd_factor(size_t n, double *M);
void ms_spd_solve(size_t n, const double *M, double *b);
/* Eigen-decomposition of a symmetric matrix (lower triangle): V[n*n] in place of M, values
 * ascending. 0 on success. */
int ms_symmetric_eigen(size_t n, double *M, double *values);

#endif
