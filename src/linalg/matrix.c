#include "linalg/matrix.h"
#include "linalg/lapack.h"
#include "parallel/comm.h"
#include <cblas.h>
#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

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
  SVD_ENTRIES = 1 << 23, /* of the dense copy of a sparse Z */
  HUGE_PAGE = 1 << 21,
  MOST_THREADS = 1024
};

static size_t threads = 1;

void ms_matrix_threads(size_t count) {
  threads = MS_MAX(MS_MIN(count, MOST_THREADS), 1);
  openblas_set_num_threads((int)threads);
}

/* ---- Making matrices ------------------------------------------------------------------------ */

static size_t entries(const ms_matrix *Z) {
  return Z->values ? Z->n * Z->d : Z->start[Z->d];
}

/* Fewer page faults and translations: a fifth faster passes over a large Z. */
static void use_huge_pages(double *values, size_t count) {
  uintptr_t from = ((uintptr_t)values + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
  uintptr_t to = (uintptr_t)(values + count) / HUGE_PAGE * HUGE_PAGE;
  if (from < to)
    madvise((void *)from, to - from, MADV_HUGEPAGE);
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
  use_huge_pages(values, n * d);
  *Z = (ms_matrix){.n = n, .d = d, .values = values};
  *out = Z;
  return MS_OK;
}

void ms_matrix_free(ms_matrix *Z) {
  if (!Z)
    return;
  free(Z->values);
  free(Z->start);
  free(Z->row);
  free(Z->entry);
  free(Z);
}

/* Sorts entries by column; within one they keep their order. NULL without memory. */
static ms_matrix *by_column(size_t n, size_t d, size_t count, const int32_t *row,
                            const int32_t *column, const double *value) {
  ms_matrix *Z = calloc(1, sizeof *Z);
  if (!Z)
    return NULL;
  *Z = (ms_matrix){.n = n,
                   .d = d,
                   .start = calloc(d + 1, sizeof *Z->start),
                   .row = malloc((count + 1) * sizeof *Z->row),
                   .entry = malloc((count + 1) * sizeof *Z->entry)};
  if (!Z->start || !Z->row || !Z->entry) {
    ms_matrix_free(Z);
    return NULL;
  }
  for (size_t k = 0; k < count; k++)
    Z->start[column[k] + 1]++;
  for (size_t j = 0; j < d; j++)
    Z->start[j + 1] += Z->start[j];
  for (size_t k = 0; k < count; k++) {
    size_t at = Z->start[column[k]]++;
    Z->row[at] = row[k];
    Z->entry[at] = value[k];
  }
  /* Each start has moved on to the next one's place. */
  memmove(Z->start + 1, Z->start, d * sizeof *Z->start);
  Z->start[0] = 0;
  return Z;
}

/* Z' of a sparse Z, rows ascending. NULL without memory. */
static ms_matrix *transposed(const ms_matrix *Z) {
  int32_t *column = malloc((entries(Z) + 1) * sizeof *column);
  if (!column)
    return NULL;
  for (size_t j = 0; j < Z->d; j++)
    for (size_t k = Z->start[j]; k < Z->start[j + 1]; k++)
      column[k] = (int32_t)j;
  ms_matrix *T = by_column(Z->d, Z->n, entries(Z), column, Z->row, Z->entry);
  free(column);
  return T;
}

/* Adds up neighbours in the same row of the same column. */
static void merge(ms_matrix *Z) {
  size_t count = 0, from = 0;
  for (size_t j = 0; j < Z->d; j++) {
    size_t first = count, to = Z->start[j + 1];
    for (size_t k = from; k < to; k++) {
      if (count > first && Z->row[count - 1] == Z->row[k]) {
        Z->entry[count - 1] += Z->entry[k];
      } else {
        Z->row[count] = Z->row[k];
        Z->entry[count++] = Z->entry[k];
      }
    }
    from = to;
    Z->start[j + 1] = count;
  }
}

ms_status ms_matrix_sparse(ms_matrix **out, size_t n, size_t d, size_t count, const int32_t *row,
                           const int32_t *column, const double *value, ms_error *err) {
  if (n > INT32_MAX || d > INT32_MAX)
    return ms_no_memory(err);
  /* Sorted by row, then by column. */
  ms_matrix *T = by_column(d, n, count, column, row, value), *Z = T ? transposed(T) : NULL;
  ms_matrix_free(T);
  if (!Z)
    return ms_no_memory(err);
  merge(Z);
  *out = Z;
  return MS_OK;
}

void ms_matrix_column(const ms_matrix *Z, size_t j, double *out) {
  if (Z->values) {
    memcpy(out, Z->values + j * Z->n, Z->n * sizeof *out);
    return;
  }
  memset(out, 0, Z->n * sizeof *out);
  for (size_t k = Z->start[j]; k < Z->start[j + 1]; k++)
    out[Z->row[k]] = Z->entry[k];
}

ms_status ms_matrix_dense(ms_matrix **copy, const ms_matrix *Z, ms_error *err) {
  ms_status status = ms_matrix_new(copy, Z->n, Z->d, err);
  for (size_t j = 0; status == MS_OK && j < Z->d; j++)
    ms_matrix_column(Z, j, (*copy)->values + j * Z->n);
  return status;
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
  size_t before = (entries(Z) + Z->d) / parts * p, low = 0, high = Z->d;
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
  size_t parts = threads > 1 && entries(Z) >= LARGE ? MS_MIN(threads, Z->d) : 1;
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

/* ---- Columns on several processes ----------------------------------------------------------- */

void ms_matrix_share(size_t d, size_t rank, size_t *first, size_t *count) {
  size_t size = ms_all_size();
  *first = d / size * rank + MS_MIN(d % size, rank);
  *count = d / size + (rank < d % size);
}

void ms_matrix_spread(ms_matrix *Z, size_t first, size_t d) {
  Z->spread = ms_all_size() > 1;
  Z->first = first;
  Z->all = d;
}

ms_status ms_matrix_keep_share(ms_matrix *Z, ms_error *err) {
  size_t first, count, d = Z->d;
  ms_matrix_share(d, ms_all_rank(), &first, &count);
  if (count == d)
    return MS_OK;
  size_t from = Z->values ? first * Z->n : Z->start[first];
  size_t size = Z->values ? count * Z->n : Z->start[first + count] - from;
  double **numbers = Z->values ? &Z->values : &Z->entry;
  memmove(*numbers, *numbers + from, size * sizeof **numbers);
  if (!Z->values) {
    memmove(Z->row, Z->row + from, size * sizeof *Z->row);
    for (size_t j = 0; j <= count; j++)
      Z->start[j] = Z->start[first + j] - from;
  }
  double *less = realloc(*numbers, (size + 1) * sizeof *less);
  if (!less)
    return ms_no_memory(err);
  *numbers = less;
  Z->d = count;
  ms_matrix_spread(Z, first, d);
  return MS_OK;
}

ms_status ms_matrix_whole(ms_matrix **whole, const ms_matrix *Z, ms_error *err) {
  ms_matrix *mine = NULL, *all = NULL;
  ms_status status = ms_matrix_new(&all, Z->n, ms_matrix_columns(Z), err);
  if (status == MS_OK)
    status = ms_matrix_dense(&mine, Z, err);
  status = ms_all_agree(status, err);
  if (status == MS_OK)
    ms_all_gather(mine->values, Z->n * Z->d, all->values, false);
  ms_matrix_free(mine);
  if (status != MS_OK) {
    ms_matrix_free(all);
    return status;
  }
  *whole = all;
  return MS_OK;
}

size_t ms_matrix_columns(const ms_matrix *Z) {
  return Z->spread ? Z->all : Z->d;
}

void ms_matrix_sums(const ms_matrix *Z, double *v, size_t n) {
  if (Z && Z->spread)
    ms_all_sum(v, n, 0);
}

double ms_matrix_most(const ms_matrix *Z, double v) {
  return Z && Z->spread ? ms_all_max(v) : v;
}

double ms_matrix_least(const ms_matrix *Z, double v) {
  return -ms_matrix_most(Z, -v);
}

double ms_matrix_hypot(const ms_matrix *Z, double v) {
  if (!Z->spread)
    return v;
  double most = ms_all_max(v), sum = most > 0 ? v / most * (v / most) : 0;
  ms_all_sum(&sum, 1, 0);
  return most * sqrt(sum);
}

size_t ms_matrix_find(const ms_matrix *Z, const double *v, double value) {
  size_t j = 0;
  while (j < Z->d && v[j] != value)
    j++;
  return Z->spread ? (size_t)ms_matrix_least(Z, (double)(j < Z->d ? Z->first + j : Z->all)) : j;
}

double ms_matrix_at(const ms_matrix *Z, const double *v, size_t column) {
  size_t j = column - (Z->spread ? Z->first : 0); /* huge where it lies before */
  double at = j < Z->d ? v[j] : 0;
  ms_matrix_sums(Z, &at, 1);
  return at;
}

/* ---- Passes over Z -------------------------------------------------------------------------- */

static bool by_long_columns(const ms_matrix *Z) {
  return Z->n >= LONG_COLUMN && entries(Z) >= LARGE;
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
  size_t height = Z->values ? Z->n : MS_MAX(entries(Z) / Z->d, 8); /* entries of a column */
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

/* ---- Products with itself, and singular values ---------------------------------------------- */

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
    ms_matrix *T = transposed(Z);
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
