#include "matrix.h"
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void dpotrf_(const char *uplo, const int *n, double *a, const int *lda, int *info);
void dpotrs_(const char *uplo, const int *n, const int *nrhs, const double *a, const int *lda,
             double *b, const int *ldb, int *info);
void dsyevd_(const char *jobz, const char *uplo, const int *n, double *a, const int *lda, double *w,
             double *work, const int *lwork, int *iwork, const int *liwork, int *info);
void dgesdd_(const char *jobz, const int *m, const int *n, double *a, const int *lda, double *s,
             double *u, const int *ldu, double *vt, const int *ldvt, double *work, const int *lwork,
             int *iwork, int *info);

/* Doubles of Z that one block of columns may hold: half of a common 256 KiB level-2 cache. */
enum { BLOCK_DOUBLES = 16384 };

static size_t block_columns(const ms_matrix *Z) {
  size_t columns = BLOCK_DOUBLES / Z->n;
  return MS_MAX(MS_MIN(columns, Z->d), 1);
}

ms_status ms_matrix_new(ms_matrix **out, size_t n, size_t d, ms_error *err) {
  ms_matrix *Z = calloc(1, sizeof *Z);
  double *values = NULL;
  if (Z && n <= INT32_MAX && d <= INT32_MAX)
    values = ms_doubles(n * d);
  if (!values) {
    free(Z);
    return ms_no_memory(err);
  }
  *Z = (ms_matrix){.n = n, .d = d, .values = values};
  *out = Z;
  return MS_OK;
}

void ms_matrix_free(ms_matrix *Z) {
  if (Z)
    free(Z->values);
  free(Z);
}

static void columns_mul(const ms_matrix *Z, size_t first, size_t count, const double *x,
                        double *out) {
  cblas_dgemv(CblasColMajor, CblasNoTrans, (int)Z->n, (int)count, 1, Z->values + first * Z->n,
              (int)Z->n, x, 1, 1, out, 1);
}

static void columns_tmul(const ms_matrix *Z, size_t first, size_t count, const double *v,
                         double *out) {
  cblas_dgemv(CblasColMajor, CblasTrans, (int)Z->n, (int)count, 1, Z->values + first * Z->n,
              (int)Z->n, v, 1, 0, out, 1);
}

void ms_matrix_mul(const ms_matrix *Z, const double *x, double *out) {
  memset(out, 0, Z->n * sizeof *out);
  columns_mul(Z, 0, Z->d, x, out);
}

void ms_matrix_tmul(const ms_matrix *Z, const double *v, double *out) {
  columns_tmul(Z, 0, Z->d, v, out);
}

int ms_matrix_fused(const ms_matrix *Z, const double *v, ms_block_map *map, void *ctx,
                    double *out) {
  double block[BLOCK_DOUBLES];
  size_t width = block_columns(Z);
  memset(out, 0, Z->n * sizeof *out);
  for (size_t first = 0; first < Z->d; first += width) {
    size_t count = MS_MIN(width, Z->d - first);
    columns_tmul(Z, first, count, v, block);
    int status = map(ctx, first, count, block);
    if (status)
      return status;
    columns_mul(Z, first, count, block, out);
  }
  return 0;
}

int ms_matrix_weighted_gram(const ms_matrix *Z, const double *D, double *S) {
  size_t n = Z->n, width = MS_MIN(MS_MAX((size_t)BLOCK_DOUBLES * 4 / n, 32), Z->d);
  double *scaled = malloc(n * width * sizeof *scaled);
  if (!scaled)
    return -1;
  memset(S, 0, n * n * sizeof *S);
  for (size_t first = 0; first < Z->d;) {
    /* Columns of weight zero (most of them, for tiny scales) cost nothing. */
    size_t count = 0;
    for (; first < Z->d && count < width; first++) {
      double s = sqrt(D[first]);
      if (s == 0)
        continue;
      const double *column = Z->values + first * n;
      for (size_t i = 0; i < n; i++)
        scaled[count * n + i] = s * column[i];
      count++;
    }
    cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, (int)n, (int)count, 1, scaled, (int)n, 1,
                S, (int)n);
  }
  free(scaled);
  return 0;
}

int ms_matrix_curvature(const ms_matrix *Z, const double *c, double *H) {
  size_t n = Z->n, d = Z->d;
  double *scaled = malloc(n * d * sizeof *scaled);
  if (!scaled)
    return -1;
  for (size_t j = 0; j < d; j++)
    for (size_t i = 0; i < n; i++)
      scaled[j * n + i] = sqrt(c[i]) * Z->values[j * n + i];
  cblas_dsyrk(CblasColMajor, CblasLower, CblasTrans, (int)d, (int)n, 1, scaled, (int)n, 0, H,
              (int)d);
  free(scaled);
  return 0;
}

int ms_matrix_svd(const ms_matrix *Z, double *U, double *sigma, double *Vt) {
  int n = (int)Z->n, d = (int)Z->d, k = MS_MIN(n, d), lwork = -1, info = 0;
  double best = 0, *work = NULL, *copy = malloc(Z->n * Z->d * sizeof *copy);
  int *iwork = calloc(8 * (size_t)k, sizeof *iwork);
  if (copy && iwork) {
    memcpy(copy, Z->values, Z->n * Z->d * sizeof *copy);
    dgesdd_("S", &n, &d, copy, &n, sigma, U, &n, Vt, &k, &best, &lwork, iwork, &info);
    lwork = (int)best;
    work = malloc((size_t)lwork * sizeof *work);
  }
  if (work)
    dgesdd_("S", &n, &d, copy, &n, sigma, U, &n, Vt, &k, work, &lwork, iwork, &info);
  else
    info = -1;
  free(copy);
  free(iwork);
  free(work);
  return info;
}

void ms_matrix_row_norms(const ms_matrix *Z, double *out) {
  memset(out, 0, Z->n * sizeof *out);
  for (size_t j = 0; j < Z->d; j++)
    for (size_t i = 0; i < Z->n; i++)
      out[i] += Z->values[j * Z->n + i] * Z->values[j * Z->n + i];
  for (size_t i = 0; i < Z->n; i++)
    out[i] = sqrt(out[i]);
}

double ms_matrix_norm(const ms_matrix *Z) {
  double sum = 0; /* not one dnrm2: n * d may exceed an int */
  for (size_t j = 0; j < Z->d; j++)
    sum = hypot(sum, cblas_dnrm2((int)Z->n, Z->values + j * Z->n, 1));
  return sum;
}

int ms_spd_factor(size_t n, double *M) {
  int size = (int)n, info = 0;
  dpotrf_("L", &size, M, &size, &info);
  return info;
}

void ms_spd_solve(size_t n, const double *M, double *b) {
  int size = (int)n, one = 1, info = 0;
  dpotrs_("L", &size, &one, M, &size, b, &size, &info);
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
