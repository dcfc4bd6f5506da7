/* Passes over Z: products with vectors and with itself, by blocks of columns and by threads. */
#include "linalg/matrix.h"
#include "parallel/comm.h"
#include <cblas.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

int openblas_get_num_threads(void);
void openblas_set_num_threads(int);

enum {
  /* Doubles of Z that one block of columns may hold: half of a common 256 KiB level-2 cache. */
  BLOCK_DOUBLES = 16384,
  /* Entries from which Z counts as large: it comes from memory, not from a core's cache, and
   * threads are worth starting. */
  LARGE = 1 << 18,
  /* Long columns of a large Z go one by one: memory is read in one stream, at twice the speed of
   * the four that gemv reads. */
  LONG_COLUMN = 32,
  MOST_THREADS = 1024
};

static size_t threads = 1;

void ms_matrix_threads(size_t count) {
  threads = MS_MAX(MS_MIN(count, MOST_THREADS), 1);
  openblas_set_num_threads((int)threads);
}

/* ---- Columns by the thread ------------------------------------------------------------------ */

/* Works on the columns from `first` to before `end`; non-zero ends the part. */
typedef int part_work(const ms_matrix *Z, size_t first, size_t end, void *ctx, double *out);

typedef struct part {
  const ms_matrix *Z;
  size_t first, end;
  part_work *work;
  void *ctx;
  double *out;
  int status;
  pthread_t thread;
  bool started;
} part;

static void *run_part(void *of) {
  part *p = of;
  p->status = p->work(p->Z, p->first, p->end, p->ctx, p->out);
  return NULL;
}

/* Where part p of `parts` begins: all have about the same number of columns and entries. */
static size_t part_start(const ms_matrix *Z, size_t p, size_t parts) {
  if (Z->values)
    return Z->d * p / parts;
  size_t before = (ms_matrix_entries(Z) + Z->d) / parts * p, low = 0, high = Z->d;
  while (p < parts && low < high) {
    size_t middle = (low + high) / 2;
    if (Z->start[middle] + middle < before)
      low = middle + 1;
    else
      high = middle;
  }
  return high;
}

/* work() on all columns. Those of a large Z are split over the threads; each but the first then has
 * an out[size] of its own, and these are added to the first in their order. size = 0: the parts
 * write different elements of one `out`. The first part that failed gives the status. */
static int in_parts(const ms_matrix *Z, part_work *work, void *ctx, size_t size, double *out) {
  size_t parts = threads > 1 && ms_matrix_entries(Z) >= LARGE ? MS_MIN(threads, Z->d) : 1;
  size_t stride = size + 8; /* no cache line in two parts */
  part *all = parts > 1 ? calloc(parts, sizeof *all) : NULL;
  double *others = parts > 1 && size > 0 ? ms_doubles_unset((parts - 1) * stride) : NULL;
  int blas = threads > 1 ? openblas_get_num_threads() : 1, status = 0;
  if (blas > 1)
    openblas_set_num_threads(1);
  if (!all || (size > 0 && !others)) { /* also a way on without memory */
    status = work(Z, 0, Z->d, ctx, out);
    parts = 0;
  }
  for (size_t p = parts; p-- > 0;) {
    all[p] = (part){.Z = Z,
                    .first = part_start(Z, p, parts),
                    .end = part_start(Z, p + 1, parts),
                    .work = work,
                    .ctx = ctx,
                    .out = p > 0 && others ? others + (p - 1) * stride + 8 : out};
    all[p].started = p > 0 && pthread_create(&all[p].thread, NULL, run_part, &all[p]) == 0;
    if (!all[p].started)
      run_part(&all[p]);
  }
  for (size_t p = 0; p < parts; p++) {
    if (all[p].started)
      pthread_join(all[p].thread, NULL);
    for (size_t i = 0; p > 0 && i < size; i++)
      out[i] += all[p].out[i];
    if (status == 0)
      status = all[p].status;
  }
  if (blas > 1)
    openblas_set_num_threads(blas);
  free(all);
  free(others);
  return Z->spread && size > 0 ? ms_all_sum(out, size, status) : status;
}

/* ---- Passes over Z -------------------------------------------------------------------------- */

static bool by_long_columns(const ms_matrix *Z) {
  return Z->n >= LONG_COLUMN && ms_matrix_entries(Z) >= LARGE;
}

static void columns_mul(const ms_matrix *Z, size_t first, size_t count, const double *x,
                        double *out) {
  if (Z->values) {
    cblas_dgemv(CblasColMajor, CblasNoTrans, (int)Z->n, (int)count, 1, Z->values + first * Z->n,
                (int)Z->n, x, 1, 1, out, 1);
    return;
  }
  for (size_t j = 0; j < count; j++)
    for (size_t k = Z->start[first + j]; k < Z->start[first + j + 1]; k++)
      out[Z->row[k]] += x[j] * Z->entry[k];
}

static void columns_tmul(const ms_matrix *Z, size_t first, size_t count, const double *v,
                         double *out) {
  if (Z->values && by_long_columns(Z)) {
    for (size_t j = 0; j < count; j++)
      out[j] = cblas_ddot((int)Z->n, Z->values + (first + j) * Z->n, 1, v, 1);
    return;
  }
  if (Z->values) {
    cblas_dgemv(CblasColMajor, CblasTrans, (int)Z->n, (int)count, 1, Z->values + first * Z->n,
                (int)Z->n, v, 1, 0, out, 1);
    return;
  }
  for (size_t j = 0; j < count; j++) {
    double sum = 0;
    for (size_t k = Z->start[first + j]; k < Z->start[first + j + 1]; k++)
      sum += Z->entry[k] * v[Z->row[k]];
    out[j] = sum;
  }
}

static int mul_part(const ms_matrix *Z, size_t first, size_t end, void *ctx, double *out) {
  const double *x = ctx;
  memset(out, 0, Z->n * sizeof *out);
  if (Z->values && by_long_columns(Z))
    for (size_t j = first; j < end; j++)
      cblas_daxpy((int)Z->n, x[j], Z->values + j * Z->n, 1, out, 1);
  else
    columns_mul(Z, first, end - first, x + first, out);
  return 0;
}

void ms_matrix_mul(const ms_matrix *Z, const double *x, double *out) {
  in_parts(Z, mul_part, (void *)x, Z->n, out);
}

static int tmul_part(const ms_matrix *Z, size_t first, size_t end, void *ctx, double *out) {
  columns_tmul(Z, first, end - first, ctx, out + first);
  return 0;
}

void ms_matrix_tmul(const ms_matrix *Z, const double *v, double *out) {
  in_parts(Z, tmul_part, (void *)v, 0, out);
}

typedef struct fused {
  const double *v;
  ms_block_map *map;
  void *ctx;
} fused;

static int fused_part(const ms_matrix *Z, size_t first, size_t end, void *ctx, double *out) {
  const fused *f = ctx;
  double block[BLOCK_DOUBLES];
  size_t height =
      Z->values ? Z->n : MS_MAX(ms_matrix_entries(Z) / Z->d, 8); /* entries of a column */
  size_t width = MS_MAX(BLOCK_DOUBLES / height, 1);
  memset(out, 0, Z->n * sizeof *out);
  for (; first < end; first += width) {
    size_t count = MS_MIN(width, end - first);
    columns_tmul(Z, first, count, f->v, block);
    int status = f->map(f->ctx, first, count, block);
    if (status)
      return status;
    columns_mul(Z, first, count, block, out);
  }
  return 0;
}

int ms_matrix_fused(const ms_matrix *Z, const double *v, ms_block_map *map, void *ctx,
                    double *out) {
  if (Z->spread)
    ms_all_same(v, Z->n);
  return in_parts(Z, fused_part, &(fused){v, map, ctx}, Z->n, out);
}

static int weigh(void *ctx, size_t first, size_t count, double *u) {
  const double *D = ctx;
  for (size_t j = 0; j < count; j++)
    u[j] *= D[first + j];
  return 0;
}

void ms_matrix_weighted_apply(const ms_matrix *Z, const double *D, const double *v, double *out) {
  ms_matrix_fused(Z, v, weigh, (void *)D, out);
}

/* D = NULL: weights of 1. */
static int diagonal_part(const ms_matrix *Z, size_t first, size_t end, void *ctx, double *out) {
  const double *D = ctx;
  memset(out, 0, Z->n * sizeof *out);
  for (size_t j = first; j < end; j++) {
    double weight = D ? D[j] : 1;
    if (Z->values) {
      const double *column = Z->values + j * Z->n;
      for (size_t i = 0; i < Z->n; i++)
        out[i] += weight * (column[i] * column[i]);
    } else {
      for (size_t k = Z->start[j]; k < Z->start[j + 1]; k++)
        out[Z->row[k]] += weight * (Z->entry[k] * Z->entry[k]);
    }
  }
  return 0;
}

void ms_matrix_weighted_diagonal(const ms_matrix *Z, const double *D, double *out) {
  in_parts(Z, diagonal_part, (void *)D, Z->n, out);
}

void ms_matrix_row_norms(const ms_matrix *Z, double *out) {
  in_parts(Z, diagonal_part, NULL, Z->n, out);
  for (size_t i = 0; i < Z->n; i++)
    out[i] = sqrt(out[i]);
}

double ms_matrix_norm(const ms_matrix *Z) {
  double sum = 0; /* not one dnrm2: n * d may exceed an int */
  for (size_t j = 0; j < Z->d; j++) {
    size_t from = Z->values ? j * Z->n : Z->start[j];
    size_t count = Z->values ? Z->n : Z->start[j + 1] - from;
    sum = hypot(sum, cblas_dnrm2((int)count, (Z->values ? Z->values : Z->entry) + from, 1));
  }
  return ms_matrix_hypot(Z, sum);
}

/* ---- Products with itself ------------------------------------------------------------------- */

static int dense_gram_part(const ms_matrix *Z, size_t first, size_t end, void *ctx, double *S) {
  const double *D = ctx;
  size_t n = Z->n, width = MS_MIN(MS_MAX((size_t)BLOCK_DOUBLES * 4 / n, 32), end - first);
  double *scaled = ms_doubles_unset(n * width + 1);
  if (!scaled)
    return -1;
  memset(S, 0, n * n * sizeof *S);
  while (first < end) {
    /* Columns of weight zero (most of them, for tiny scales) cost nothing. */
    size_t count = 0;
    for (; first < end && count < width; first++) {
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

static int sparse_gram_part(const ms_matrix *Z, size_t first, size_t end, void *ctx, double *S) {
  const double *D = ctx;
  memset(S, 0, Z->n * Z->n * sizeof *S);
  for (size_t j = first; j < end; j++)
    for (size_t a = Z->start[j]; D[j] != 0 && a < Z->start[j + 1]; a++) {
      double *column = S + (size_t)Z->row[a] * Z->n, weight = D[j] * Z->entry[a];
      for (size_t b = a; b < Z->start[j + 1]; b++)
        column[Z->row[b]] += weight * Z->entry[b];
    }
  return 0;
}

int ms_matrix_weighted_gram(const ms_matrix *Z, const double *D, double *S) {
  return in_parts(Z, Z->values ? dense_gram_part : sparse_gram_part, (void *)D, Z->n * Z->n, S);
}

int ms_matrix_curvature(const ms_matrix *Z, const double *c, double *H) {
  size_t n = Z->n, d = Z->d;
  if (!Z->values) {
    ms_matrix *T = ms_matrix_transposed(Z);
    int status = T ? ms_matrix_weighted_gram(T, c, H) : -1;
    ms_matrix_free(T);
    return status;
  }
  double *scaled = ms_doubles_unset(n * d), least = 0;
  if (!scaled)
    return -1;
  for (size_t i = 0; i < n; i++)
    least = fmin(least, c[i]);
  for (int sign = 1; sign >= (least < 0 ? -1 : 1); sign -= 2) {
    for (size_t j = 0; j < d; j++)
      for (size_t i = 0; i < n; i++)
        scaled[j * n + i] = sqrt(fmax(sign * c[i], 0)) * Z->values[j * n + i];
    cblas_dsyrk(CblasColMajor, CblasLower, CblasTrans, (int)d, (int)n, sign, scaled, (int)n,
                sign < 0, H, (int)d);
  }
  free(scaled);
  return 0;
}
