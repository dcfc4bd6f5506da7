/* The saddle-to-saddle path (Pesme & Flammarion 2023; growth times: arXiv 2607.12332).
 *
 * With dmu/dt = -grad f(x) and t = s ln(1/beta), q = mu / ln(1/beta) moves as dq/ds = -grad f(x).
 * x_j = beta_j sinh(rate mu_j + kappa_j) is
 *
 *    beta^(grow_plus_j - rate q_j) / 2 - beta^(grow_minus_j + rate q_j) / 2,
 *
 * so in the limit -grow_minus_j <= rate q_j <= grow_plus_j, with x_j >= 0 at the upper limit,
 * x_j <= 0 at the lower one and x_j = 0 in between. While q is at the limits it is at, x minimizes
 * f over these x: each coordinate that arrives at a limit makes x jump.
 *
 * Clock c and position u below are in units without rate and samples: u = rate q, du/dc = Z'r with
 * r = y - Zx, so s = c samples / rate. At the end Z'r = 0, and u = Z'nu certifies that x is the
 * minimum of sum_j max(grow_plus_j x_j, -grow_minus_j x_j). */
#include "limit/saddle.h"
#include "linalg/lapack.h"
#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Slopes below this, relative to the terms they are the sum of, are 0. */
static const double NOTHING = 64 * DBL_EPSILON;
/* Coordinates this close together, relative to u, arrive at their limits at the same time. */
static const double TIE = 1e-13;
static const size_t NONE = SIZE_MAX;

typedef struct walk {
  const ms_matrix *Z;
  const double *y;
  double *plus, *minus; /* limits of u: -minus <= u <= plus */
  double clock;
  double *x, *u, *slope; /* slope = du/dc, 0 where that is rounding */
  double *norms;         /* of the columns of Z */
  double *rest;          /* r */
  double *columns, *fit, *work;
  size_t *support, count; /* where x is not 0, and what just arrived */
  size_t steps, limit;
  double *store;
} walk;

static void walk_free(walk *w) {
  free(w->store);
  free(w->support);
}

static bool limits_within(size_t d, const double *limit, double most) {
  for (size_t j = 0; limit && j < d; j++)
    if (!(limit[j] >= 0 && limit[j] <= most))
      return false;
  return true;
}

static ms_status walk_new(walk *w, const ms_problem *p, const double *plus, const double *minus,
                          ms_error *err) {
  size_t n = p->Z->n, d = p->Z->d, most = MS_MIN(n, d);
  *w = (walk){.Z = p->Z, .y = p->y, .limit = 1000 + 200 * d};
  w->store = ms_doubles(6 * d + 2 * n + most * n + 70 * (n + 1));
  w->support = calloc(most, sizeof *w->support);
  if (!w->store || !w->support) {
    walk_free(w);
    return ms_no_memory(err);
  }
  double **const parts[] = {&w->plus, &w->minus, &w->x, &w->u, &w->slope, &w->norms};
  for (size_t i = 0; i < 6; i++)
    *parts[i] = w->store + i * d;
  w->rest = w->store + 6 * d;
  w->fit = w->rest + n;
  w->columns = w->fit + n;
  w->work = w->columns + most * n;
  for (size_t j = 0; j < d; j++) {
    w->plus[j] = plus ? plus[j] : 1;
    w->minus[j] = minus ? minus[j] : 1;
    w->norms[j] = cblas_dnrm2((int)n, p->Z->values + j * n, 1);
  }
  return MS_OK;
}

/* At a plateau: r and the slopes, which vanish where x_j is not 0, as x is optimal there. */
static void find_slope(walk *w) {
  size_t n = w->Z->n, d = w->Z->d;
  double size = cblas_dnrm2((int)n, w->y, 1);
  ms_matrix_mul(w->Z, w->x, w->rest);
  for (size_t i = 0; i < n; i++)
    w->rest[i] = w->y[i] - w->rest[i];
  for (size_t j = 0; j < d; j++)
    size += w->norms[j] * fabs(w->x[j]);
  ms_matrix_tmul(w->Z, w->rest, w->slope);
  for (size_t j = 0; j < d; j++)
    if (w->x[j] != 0 || fabs(w->slope[j]) <= NOTHING * size * w->norms[j])
      w->slope[j] = 0;
}

static bool allowed(const walk *w, size_t j, double x) {
  return (x <= 0 || w->u[j] == w->plus[j]) && (x >= 0 || w->u[j] == -w->minus[j]);
}

/* The least-squares solution on the support (where x is not 0, and `enter`), by QR. Its columns
 * are independent: one that is not has slope 0 and does not enter. */
static bool find_fit(walk *w, size_t enter) {
  size_t n = w->Z->n, count = 0;
  for (size_t j = 0; j < w->Z->d; j++) {
    if (w->x[j] == 0 && j != enter)
      continue;
    if (count == MS_MIN(n, w->Z->d))
      return false;
    memcpy(w->columns + count * n, w->Z->values + j * n, n * sizeof *w->columns);
    w->support[count++] = j;
  }
  w->count = count;
  memcpy(w->fit, w->y, n * sizeof *w->fit);
  int rows = (int)n, cols = (int)count, one = 1, work_size = 70 * (rows + 1), info = 0;
  if (count > 0)
    dgels_("N", &rows, &cols, &one, w->columns, &rows, w->fit, &rows, w->work, &work_size, &info);
  return info == 0;
}

/* Moves x on its support to the fit or, where that is not allowed, as far as it is; there the
 * coordinates that are in the way become 0. Returns the part of the way. */
static double move_to_fit(walk *w) {
  double part = 1;
  for (int pass = 0; pass < 2; pass++) {
    double reached = part;
    for (size_t k = 0; k < w->count; k++) {
      size_t j = w->support[k];
      double x = w->x[j], fit = w->fit[k], most = allowed(w, j, fit) ? 1 : x / (x - fit);
      if (pass == 0)
        part = fmin(part, most);
      else if (reached == 1)
        w->x[j] = fit;
      else
        w->x[j] = most <= reached ? 0 : x + reached * (fit - x);
    }
  }
  return part;
}

/* x := argmin f over the x that u allows, from the last plateau: the active-set method of Lawson
 * and Hanson. f falls with every coordinate that enters, so no support comes twice. */
static ms_status settle(walk *w, ms_error *err) {
  for (;;) {
    size_t enter = NONE;
    double most = 0;
    if (w->steps++ == w->limit)
      return ms_fail(err, MS_STALLED, "saddle path: no end after %zu steps", w->limit);
    find_slope(w);
    for (size_t j = 0; j < w->Z->d; j++) {
      double gain = w->norms[j] > 0 ? fabs(w->slope[j]) / w->norms[j] : 0;
      if (gain > most && allowed(w, j, w->slope[j])) {
        most = gain;
        enter = j;
      }
    }
    if (enter == NONE)
      return MS_OK;
    for (double part = 0; part < 1; enter = NONE) {
      part = find_fit(w, enter) ? move_to_fit(w) : 0;
      if (part == 0)
        return ms_fail(err, MS_STALLED, "saddle path: columns too close to dependent ones");
    }
  }
}

/* Moves u to where the next coordinates arrive at their limits, exactly at these; false where none
 * ever does. */
static bool wait_for_arrival(walk *w) {
  double wait = INFINITY;
  for (int pass = 0; pass < 2; pass++) {
    for (size_t j = 0; j < w->Z->d; j++) {
      double slope = w->slope[j], way = slope > 0 ? w->plus[j] - w->u[j] : w->u[j] + w->minus[j];
      if (slope == 0)
        continue;
      if (pass == 0)
        wait = fmin(wait, way / fabs(slope));
      else if (way - wait * fabs(slope) <= TIE * (fabs(w->u[j]) + wait * fabs(slope)))
        w->u[j] = slope > 0 ? w->plus[j] : -w->minus[j];
      else
        w->u[j] += wait * slope;
    }
    if (!isfinite(wait))
      return false;
  }
  w->clock += wait;
  return true;
}

/* To the next plateau; MS_ENDED where there is none. */
static ms_status next_plateau(walk *w, ms_error *err) {
  return wait_for_arrival(w) ? settle(w, err) : MS_ENDED;
}

/* ---- The path -------------------------------------------------------------------------------- */

static ms_status record(const walk *w, double rate, double samples, ms_saddle **path, size_t *count,
                        ms_error *err) {
  size_t n = w->Z->n, d = w->Z->d, room = 16;
  while (room <= *count)
    room *= 2;
  ms_saddle *grown = realloc(*path, room * sizeof *grown);
  if (!grown)
    return ms_no_memory(err);
  *path = grown;
  double *block = ms_doubles(2 * d);
  if (!block)
    return ms_no_memory(err);
  ms_saddle *s = &grown[(*count)++];
  *s = (ms_saddle){.time = w->clock * samples / rate,
                   .loss = cblas_ddot((int)n, w->rest, 1, w->rest, 1) / (2 * samples),
                   .x = block,
                   .dual = block + d};
  memcpy(s->x, w->x, d * sizeof *s->x);
  for (size_t j = 0; j < d; j++) {
    s->dual[j] = w->u[j] / rate;
    s->active += s->x[j] != 0;
  }
  return MS_OK;
}

ms_status ms_saddle_path(const ms_problem *p, double rate, const double *grow_plus,
                         const double *grow_minus, ms_saddle **path, size_t *count, ms_error *err) {
  *path = NULL;
  *count = 0;
  if (p->loss != &ms_loss_squared)
    return ms_fail(err, MS_UNSUPPORTED, "saddle path: the loss is not the squared one");
  if (!limits_within(p->Z->d, grow_plus, INFINITY) || !limits_within(p->Z->d, grow_minus, INFINITY))
    return ms_fail(err, MS_BAD_SETTING, "growth times must be >= 0");
  walk w;
  ms_status status = walk_new(&w, p, grow_plus, grow_minus, err);
  if (status != MS_OK)
    return status;
  find_slope(&w);
  while (status == MS_OK) {
    status = record(&w, rate, p->samples, path, count, err);
    if (status == MS_OK)
      status = next_plateau(&w, err);
  }
  walk_free(&w);
  if (status == MS_ENDED)
    return MS_OK;
  ms_saddle_free(*path, *count);
  *path = NULL;
  *count = 0;
  return status;
}

void ms_saddle_free(ms_saddle *path, size_t count) {
  for (size_t i = 0; i < count; i++)
    free(path[i].x);
  free(path);
}

/* ---- Where it ends --------------------------------------------------------------------------- */

/* x minimizes |Zx - y|  <=>  B x = b, with Z = U S V' over its rank, B = V', b = S^-1 U'y. The rows
 * of B are orthonormal, so that the path of |Bx - b|^2, which has the same end, sees little of
 * rounding where that of |Zx - y|^2 may end in it. B is NULL for rank 0. */
static ms_status equations_new(const ms_problem *p, ms_problem *out, ms_error *err) {
  size_t n = p->Z->n, d = p->Z->d, k = MS_MIN(n, d), rank = 0;
  double *U = ms_doubles(n * k), *sigma = ms_doubles(k), *Vt = ms_doubles(k * d);
  ms_status status = MS_OK;
  *out = (ms_problem){.y = ms_doubles(k)};
  if (!U || !sigma || !Vt || !out->y)
    status = ms_no_memory(err);
  else if (ms_matrix_svd(p->Z, U, sigma, Vt) != 0)
    status = ms_fail(err, MS_STALLED, "the singular value decomposition of the data fails");
  while (status == MS_OK && rank < k && sigma[rank] > DBL_EPSILON * (double)MS_MAX(n, d) * sigma[0])
    rank++;
  if (status == MS_OK && rank > 0)
    status = ms_matrix_new(&out->Z, rank, d, err);
  if (status == MS_OK) {
    for (size_t r = 0; r < rank; r++)
      out->y[r] = cblas_ddot((int)n, U + r * n, 1, p->y, 1) / sigma[r];
    for (size_t j = 0; j < d && rank > 0; j++)
      memcpy(out->Z->values + j * rank, Vt + j * k, rank * sizeof(double));
  } else {
    free(out->y);
  }
  free(U);
  free(sigma);
  free(Vt);
  return status;
}

static void equations_free(ms_problem *q) {
  ms_matrix_free(q->Z);
  free(q->y);
}

static ms_status walk_to_end(const ms_problem *q, const double *plus, const double *minus,
                             double *x, ms_error *err) {
  walk w;
  ms_status status = walk_new(&w, q, plus, minus, err);
  if (status != MS_OK)
    return status;
  find_slope(&w);
  while (status == MS_OK)
    status = next_plateau(&w, err);
  if (status == MS_ENDED) {
    memcpy(x, w.x, q->Z->d * sizeof *x);
    status = MS_OK;
  }
  walk_free(&w);
  return status;
}

ms_status ms_minimum_l1(const ms_problem *p, const double *weight_plus, const double *weight_minus,
                        double *x, ms_error *err) {
  size_t d = p->Z->d;
  if (!limits_within(d, weight_plus, DBL_MAX) || !limits_within(d, weight_minus, DBL_MAX))
    return ms_fail(err, MS_BAD_SETTING, "weights of the L1 norm must be finite and >= 0");
  ms_problem q;
  ms_status status = equations_new(p, &q, err);
  if (status != MS_OK)
    return status;
  if (q.Z)
    status = walk_to_end(&q, weight_plus, weight_minus, x, err);
  else
    memset(x, 0, d * sizeof *x);
  equations_free(&q);
  return status;
}

/* x = x0 + B'(b - B x0) */
ms_status ms_minimum_l2(const ms_problem *p, const double *x0, double *x, ms_error *err) {
  size_t d = p->Z->d;
  ms_problem q;
  ms_status status = equations_new(p, &q, err);
  if (status != MS_OK)
    return status;
  if (x0)
    memmove(x, x0, d * sizeof *x);
  else
    memset(x, 0, d * sizeof *x);
  if (q.Z) {
    size_t r = q.Z->n;
    const double *B = q.Z->values;
    cblas_dgemv(CblasColMajor, CblasNoTrans, (int)r, (int)d, -1, B, (int)r, x, 1, 1, q.y, 1);
    cblas_dgemv(CblasColMajor, CblasTrans, (int)r, (int)d, 1, B, (int)r, q.y, 1, 1, x, 1);
  }
  equations_free(&q);
  return status;
}
