#include "limit/svm.h"
#include "linalg/lapack.h"
#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Relative errors that a solution may have of its optimality conditions. */
static const double VERIFIED = 1e-9;
/* Pivots and gains below this, relative to data scaled to 1, are rounding. */
static const double ROUNDING = 1e-11;
/* |x| in units of 1/max |Z_ij| from which on the classes count as not separable. */
static const double LONGEST = 1e7;

/* p[i * d + j] = y_i Z_ij / scale, of largest number 1. */
static ms_status samples_new(const ms_problem *p, double **samples, double *scale, ms_error *err) {
  size_t n = p->Z->n, d = p->Z->d;
  if (!p->Z->values)
    return ms_fail(err, MS_UNSUPPORTED, "the sparse Z is too large for a support vector machine");
  *scale = fabs(p->Z->values[cblas_idamax((int)(n * d), p->Z->values, 1)]);
  if (!(*scale > 0))
    return ms_fail(err, MS_OUT_OF_DOMAIN, "the classes cannot be separated: Z is 0");
  *samples = ms_doubles(n * d);
  if (!*samples)
    return ms_no_memory(err);
  for (size_t j = 0; j < d; j++)
    for (size_t i = 0; i < n; i++)
      (*samples)[i * d + j] = p->y[i] * p->Z->values[j * n + i] / *scale;
  return MS_OK;
}

static ms_status not_separable(ms_error *err) {
  return ms_fail(err, MS_OUT_OF_DOMAIN, "no x separates the classes");
}

/* ---- L2 ------------------------------------------------------------------------------------- */

typedef struct ldp {
  size_t n, d, rows, count; /* rows = d + 1; count: numbers that are not 0 */
  const double *samples;
  size_t *chosen;                    /* their samples */
  bool *is_chosen;                   /* n */
  double *u, *z, *r, *columns, *fit; /* n, n, rows, rows * rows, max(rows, n) */
  double *work;                      /* of dgels_: 64 * rows */
} ldp;

/* dgels_ with the chosen samples as columns, with a last entry of 1 where rows > d. */
static bool chosen_solve(ldp *l, const char *trans, size_t rows) {
  int m = (int)rows, n = (int)l->count, one = 1, ld = (int)MS_MAX(rows, l->count), info;
  int work_size = 64 * (int)l->rows;
  for (size_t k = 0; k < l->count; k++) {
    memcpy(l->columns + k * rows, l->samples + l->chosen[k] * l->d, l->d * sizeof(double));
    if (rows > l->d)
      l->columns[k * rows + l->d] = 1;
  }
  dgels_(trans, &m, &n, &one, l->columns, &m, l->fit, &ld, l->work, &work_size, &info);
  return info == 0;
}

/* r = e_{d+1} - E u */
static double residual(ldp *l) {
  memset(l->r, 0, l->rows * sizeof *l->r);
  l->r[l->d] = 1;
  for (size_t k = 0; k < l->count; k++) {
    cblas_daxpy((int)l->d, -l->u[k], l->samples + l->chosen[k] * l->d, 1, l->r, 1);
    l->r[l->d] -= l->u[k];
  }
  return cblas_dnrm2((int)l->rows, l->r, 1);
}

static void drop(ldp *l, size_t k) {
  l->is_chosen[l->chosen[k]] = false;
  l->count--;
  memmove(l->chosen + k, l->chosen + k + 1, (l->count - k) * sizeof *l->chosen);
  memmove(l->u + k, l->u + k + 1, (l->count - k) * sizeof *l->u);
}

/* u to the least-squares solution on the chosen, dropping those that reach 0 on the way. */
static bool descend(ldp *l) {
  while (l->count > 0) {
    memset(l->fit, 0, l->rows * sizeof *l->fit);
    l->fit[l->d] = 1;
    if (!chosen_solve(l, "N", l->rows))
      return false;
    double way = 1;
    for (size_t k = 0; k < l->count; k++)
      if (l->fit[k] <= 0)
        way = fmin(way, l->u[k] / (l->u[k] - l->fit[k]));
    for (size_t k = 0; k < l->count; k++)
      l->u[k] += way * (l->fit[k] - l->u[k]);
    if (way == 1)
      return true;
    size_t before = l->count;
    for (size_t k = l->count; k-- > 0;)
      if (l->u[k] <= DBL_EPSILON)
        drop(l, k);
    if (l->count == before)
      return false;
  }
  return true;
}

/* The support vectors; false: it does not converge. */
static bool find_support(ldp *l, double *distance) {
  double refused = -1; /* sample just dropped again: rounding chose it */
  for (size_t steps = 0; steps < 10 * (l->n + l->rows); steps++) {
    *distance = residual(l);
    double best = fmax(ROUNDING * *distance, 16 * DBL_EPSILON);
    size_t next = l->n;
    for (size_t i = 0; i<l->n && * distance> 1 / LONGEST; i++) {
      double gain = cblas_ddot((int)l->d, l->samples + i * l->d, 1, l->r, 1) + l->r[l->d];
      if (!l->is_chosen[i] && gain > best && (double)i != refused) {
        best = gain;
        next = i;
      }
    }
    if (next == l->n || l->count == l->rows)
      return true;
    l->chosen[l->count] = next;
    l->u[l->count++] = 0;
    l->is_chosen[next] = true;
    if (!descend(l))
      return false;
    refused = l->is_chosen[next] ? -1 : (double)next;
  }
  return false;
}

/* x[d] and its multipliers (in u) from the support vectors, which all have margin 1. */
static bool solve_on_support(ldp *l, double *x) {
  if (l->count == 0 || l->count > l->d)
    return false;
  for (size_t k = 0; k < l->count; k++)
    l->fit[k] = 1;
  if (!chosen_solve(l, "T", l->d))
    return false;
  memcpy(x, l->fit, l->d * sizeof *x);
  if (!chosen_solve(l, "N", l->d))
    return false;
  memcpy(l->u, l->fit, l->count * sizeof *l->u);
  double least = 1, size = cblas_dnrm2((int)l->d, x, 1);
  for (size_t i = 0; i < l->n; i++)
    least = fmin(least, cblas_ddot((int)l->d, l->samples + i * l->d, 1, x, 1));
  for (size_t k = 0; k < l->count; k++)
    if (!(l->u[k] >= -VERIFIED * size * size))
      return false;
  return least >= 1 - VERIFIED;
}

ms_status ms_svm_l2(const ms_problem *p, double *x, double *multiplier, ms_error *err) {
  size_t n = p->Z->n, d = p->Z->d;
  double *samples = NULL, scale, distance = 0;
  ms_status status = samples_new(p, &samples, &scale, err);
  if (status != MS_OK)
    return status;
  ldp l = {.n = n, .d = d, .rows = d + 1, .samples = samples};
  size_t most = MS_MIN(n, l.rows) + 1;
  l.chosen = calloc(most, sizeof *l.chosen);
  l.is_chosen = calloc(n, sizeof *l.is_chosen);
  l.u = ms_doubles(most);
  l.r = ms_doubles(65 * l.rows + MS_MAX(l.rows, n) + l.rows * most);
  if (!l.chosen || !l.is_chosen || !l.u || !l.r) {
    status = ms_no_memory(err);
  } else {
    l.work = l.r + l.rows;
    l.fit = l.work + 64 * l.rows;
    l.columns = l.fit + MS_MAX(l.rows, n);
    bool found = find_support(&l, &distance);
    if (found && distance <= 1 / LONGEST)
      status = not_separable(err);
    else if (!found || !solve_on_support(&l, x))
      status =
          ms_fail(err, MS_STALLED, "the L2 support vector machine is not found to %g", VERIFIED);
  }
  if (status == MS_OK && multiplier) {
    memset(multiplier, 0, n * sizeof *multiplier);
    for (size_t k = 0; k < l.count; k++)
      multiplier[l.chosen[k]] = fmax(l.u[k], 0) / (scale * scale);
  }
  if (status == MS_OK)
    cblas_dscal((int)d, 1 / scale, x, 1);
  free(samples);
  free(l.chosen);
  free(l.is_chosen);
  free(l.u);
  free(l.r);
  return status;
}

/* ---- L1 ------------------------------------------------------------------------------------- */

/* max sum_i a_i : |sum_i a_i p_ij| <= 1, a >= 0, as a dictionary: basic variables are
 * T[r][cols - 1] - sum_c T[r][c] (the c-th non-basic one); the last row is the objective. The first
 * 2d variables are the slacks, then a. */
typedef struct dictionary {
  size_t rows, cols; /* with the objective and the constants */
  double *T;
  size_t *basic, *other;
} dictionary;

static void pivot(dictionary *D, size_t row, size_t col) {
  double *pivot_row = D->T + row * D->cols, inverse = 1 / pivot_row[col];
  for (size_t c = 0; c < D->cols; c++)
    pivot_row[c] *= inverse;
  pivot_row[col] = inverse;
  for (size_t r = 0; r < D->rows; r++) {
    double *to = D->T + r * D->cols, factor = to[col];
    if (r == row || factor == 0)
      continue;
    to[col] = 0;
    cblas_daxpy((int)D->cols, -factor, pivot_row, 1, to, 1);
  }
  size_t entering = D->other[col];
  D->other[col] = D->basic[row];
  D->basic[row] = entering;
}

/* The column to enter: the largest gain, or the first by number, which never cycles. */
static size_t entering(const dictionary *D, bool first) {
  const double *gain = D->T + (D->rows - 1) * D->cols;
  size_t best = D->cols;
  for (size_t c = 0; c + 1 < D->cols; c++)
    if (gain[c] > ROUNDING &&
        (best == D->cols || (first ? D->other[c] < D->other[best] : gain[c] > gain[best])))
      best = c;
  return best;
}

static size_t leaving(const dictionary *D, size_t col) {
  size_t best = D->rows;
  double least = INFINITY;
  for (size_t r = 0; r + 1 < D->rows; r++) {
    double a = D->T[r * D->cols + col];
    double ratio = fmax(D->T[(r + 1) * D->cols - 1], 0) / a;
    if (a > ROUNDING && (ratio < least || (ratio == least && D->basic[r] < D->basic[best]))) {
      least = ratio;
      best = r;
    }
  }
  return best;
}

/* MS_OK, MS_OUT_OF_DOMAIN where it is unbounded, MS_STALLED. */
static ms_status maximize(dictionary *D) {
  size_t greedy = 20 * (D->rows + D->cols);
  for (size_t steps = 0; steps < 10 * greedy; steps++) {
    size_t col = entering(D, steps > greedy), row;
    if (col == D->cols)
      return MS_OK;
    row = leaving(D, col);
    if (row == D->rows)
      return MS_OUT_OF_DOMAIN;
    pivot(D, row, col);
  }
  return MS_STALLED;
}

ms_status ms_svm_l1(const ms_problem *p, double *x, ms_error *err) {
  size_t n = p->Z->n, d = p->Z->d;
  double *samples = NULL, scale;
  ms_status status = samples_new(p, &samples, &scale, err);
  if (status != MS_OK)
    return status;
  dictionary D = {.rows = 2 * d + 1, .cols = n + 1};
  D.T = ms_doubles(D.rows * D.cols);
  D.basic = calloc(D.rows + D.cols, sizeof *D.basic);
  if (!D.T || !D.basic) {
    status = ms_no_memory(err);
  } else {
    D.other = D.basic + D.rows;
    for (size_t j = 0; j < d; j++)
      for (size_t i = 0; i < n; i++) {
        D.T[j * D.cols + i] = samples[i * d + j];
        D.T[(d + j) * D.cols + i] = -samples[i * d + j];
      }
    for (size_t r = 0; r < 2 * d; r++) {
      D.T[(r + 1) * D.cols - 1] = 1;
      D.basic[r] = r;
    }
    for (size_t i = 0; i < n; i++) {
      D.T[2 * d * D.cols + i] = 1;
      D.other[i] = 2 * d + i;
    }
    status = maximize(&D);
    const double *objective = D.T + 2 * d * D.cols;
    memset(x, 0, d * sizeof *x);
    for (size_t c = 0; c < n && status == MS_OK; c++)
      if (D.other[c] < 2 * d)
        x[D.other[c] % d] += D.other[c] < d ? -objective[c] : objective[c];
    double least = INFINITY, norm = cblas_dasum((int)d, x, 1), sum = -objective[n];
    for (size_t i = 0; i < n; i++)
      least = fmin(least, cblas_ddot((int)d, samples + i * d, 1, x, 1));
    if (status == MS_OUT_OF_DOMAIN || (status == MS_OK && norm > LONGEST))
      status = not_separable(err);
    else if (status != MS_OK || least < 1 - VERIFIED || fabs(norm - sum) > VERIFIED * norm)
      status =
          ms_fail(err, MS_STALLED, "the L1 support vector machine is not found to %g", VERIFIED);
  }
  if (status == MS_OK)
    cblas_dscal((int)d, 1 / scale, x, 1);
  free(samples);
  free(D.T);
  free(D.basic);
  return status;
}
