/* The data matrix Z, n samples by d features. */
#ifndef MS_MATRIX_H
#define MS_MATRIX_H

#include "base/base.h"

/* By columns (the samples of a feature are contiguous), dense or compressed (CSC): then Z'v, a map
 * of the result and Z x can share each block of columns while it is in cache. By rows (CSR) Z'v
 * would be known only after all of Z, and Z x would need a second pass. */
typedef struct ms_matrix {
  size_t n, d;
  double *values; /* dense: n * d, column-major, owned; NULL where Z is sparse */
  /* Sparse: the entries of column j are entry[start[j] ... start[j + 1] - 1], in the rows row[...],
   * which ascend; start has d + 1 elements. All owned; NULL where Z is dense. */
  size_t *start;
  int32_t *row;
  double *entry;
  /* One of several processes (parallel/comm.h) that make a run together: these are d of `all`
   * columns, from the first-th, and what is summed over columns is summed over all of them. */
  bool spread;
  size_t first, all;
} ms_matrix;

ms_status ms_matrix_new(ms_matrix **Z, size_t n, size_t d, ms_error *err); /* dense, zeros */
/* Sparse, from entries value[k] at (row[k], column[k]), counted from 0, in any order; those at the
 * same place are added up in the order given. */
ms_status ms_matrix_sparse(ms_matrix **Z, size_t n, size_t d, size_t count, const int32_t *row,
                           const int32_t *column, const double *value, ms_error *err);
/* A dense copy. */
ms_status ms_matrix_dense(ms_matrix **copy, const ms_matrix *Z, ms_error *err);
void ms_matrix_free(ms_matrix *Z);
/* How many entries are stored: n d, of a sparse Z those that are not 0. */
size_t ms_matrix_entries(const ms_matrix *Z);
/* Z' of a sparse Z, rows ascending. NULL without memory. */
ms_matrix *ms_matrix_transposed(const ms_matrix *Z);

/* The columns that a process has of d: *count from *first on; all, where it is alone. */
void ms_matrix_share(size_t d, size_t rank, size_t *first, size_t *count);
/* Z, of which the caller has these of d columns, counts as spread where there are others. */
void ms_matrix_spread(ms_matrix *Z, size_t first, size_t d);
/* Cuts Z, which all processes have, down to its share, in place. */
ms_status ms_matrix_keep_share(ms_matrix *Z, ms_error *err);
/* All of a spread Z, dense. */
ms_status ms_matrix_whole(ms_matrix **whole, const ms_matrix *Z, ms_error *err);
/* How many columns there are in all. */
size_t ms_matrix_columns(const ms_matrix *Z);

/* From numbers that each process has of its columns those of all; as they are where Z is NULL or
 * not spread: sums v[n], the root of a sum of squares given the roots, the largest (NaN where one
 * is), the least. */
void ms_matrix_sums(const ms_matrix *Z, double *v, size_t n);
double ms_matrix_hypot(const ms_matrix *Z, double v);
double ms_matrix_most(const ms_matrix *Z, double v);
double ms_matrix_least(const ms_matrix *Z, double v);
/* The number among all columns of the first where v[d] is `value`; that of v[d] there. */
size_t ms_matrix_find(const ms_matrix *Z, const double *v, double value);
double ms_matrix_at(const ms_matrix *Z, const double *v, size_t column);

/* Threads of BLAS, LAPACK and the passes over a large Z, for the whole process; 1 unless set. The
 * same number gives the same bytes, another one other last digits. Not to be called while matrices
 * are in use. */
void ms_matrix_threads(size_t count);

/* out[n]: column j. */
void ms_matrix_column(const ms_matrix *Z, size_t j, double *out);

/* out[n] = Z x[d] */
void ms_matrix_mul(const ms_matrix *Z, const double *x, double *out);
/* out[d] = Z' v[n] */
void ms_matrix_tmul(const ms_matrix *Z, const double *v, double *out);

/* One pass over Z: for each block of columns u = Z_block' v, map(ctx, first, count, u) (which
 * overwrites u by the block's x), out += Z_block u. Stops at the first non-zero map() and returns
 * it. With several threads, map() is called for different blocks at the same time. */
typedef int ms_block_map(void *ctx, size_t first, size_t count, double *u);
int ms_matrix_fused(const ms_matrix *Z, const double *v, ms_block_map *map, void *ctx, double *out);

/* out[n] = Z diag(D) Z' v in one pass; out[n] = the diagonal of Z diag(D) Z'. */
void ms_matrix_weighted_apply(const ms_matrix *Z, const double *D, const double *v, double *out);
void ms_matrix_weighted_diagonal(const ms_matrix *Z, const double *D, double *out);

/* S[n*n] = Z diag(D) Z', lower triangle (column-major); D >= 0. 0, or -1 without memory. */
int ms_matrix_weighted_gram(const ms_matrix *Z, const double *D, double *S);
/* H[d*d] = Z' diag(c) Z, lower triangle; c of any sign. 0, or -1 without memory. */
int ms_matrix_curvature(const ms_matrix *Z, const double *c, double *H);

/* Z = U diag(sigma) Vt, k = min(n, d): U[n*k], sigma[k] descending, Vt[k*d], column-major (U and Vt
 * may both be NULL). 0 on success; non-zero, too, where Z is sparse and too large for a dense copy.
 */
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
