#include "limit/limit.h"
#include "limit/saddle.h"
#include "linalg/lapack.h"
#include "problem/intercept.h"
#include "problem/kkt.h"
#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double norm(size_t n, const double *v) {
  return cblas_dnrm2((int)n, v, 1);
}

static double dot(size_t n, const double *u, const double *v) {
  return cblas_ddot((int)n, u, 1, v, 1);
}

static void add_multiple(size_t n, double c, const double *u, double *v) {
  cblas_daxpy((int)n, c, u, 1, v, 1);
}

static double largest(size_t n, const double *v) {
  double best = 0;
  for (size_t i = 0; i < n; i++)
    best = fmax(best, fabs(v[i]));
  return best;
}

/* Factors M + ridge * max(diag M) * I into F, with as much ridge as positive definiteness takes. */
static int factor_with_ridge(size_t n, const double *M, double ridge, double *F) {
  double top = 0;
  for (size_t i = 0; i < n; i++)
    top = fmax(top, M[i * n + i]);
  if (!(top > 0 && isfinite(top)))
    return -1;
  for (double limit = 1e3 * fmax(ridge, 1); ridge < limit; ridge *= 10) {
    memcpy(F, M, n * n * sizeof *F);
    for (size_t i = 0; i < n; i++)
      F[i * n + i] += ridge * top;
    if (ms_spd_factor(n, F) == 0)
      return 0;
  }
  return -1;
}

/* ---- The equations in an orthonormal basis --------------------------------------------------- */

/* x minimizes |Zx - y|  <=>  B x = b, where the rows of B are an orthonormal basis of the row space
 * of Z. Newton's matrix B D B' is then as well conditioned as D allows, whatever Z is. */
typedef struct equations {
  ms_matrix *B; /* NULL for rank 0 */
  double *b;
} equations;

typedef struct feature {
  double norm;
  size_t index;
} feature;

static int by_falling_norm(const void *a, const void *b) {
  const feature *f = a, *g = b;
  if (f->norm != g->norm)
    return f->norm < g->norm ? 1 : -1;
  return f->index > g->index ? 1 : -1;
}

/* Z'P = QR with column pivoting: B' is the part of Q that belongs to the rank, R' b = P'y. */
static ms_status equations_new(const ms_problem *p, equations *out, ms_error *err) {
  size_t n = p->Z->n, d = p->Z->d, most = MS_MIN(n, d), rank = 0;
  int rows = (int)n, columns = (int)d, one = 1, info = 0, work_size = 70 * (rows + 1);
  feature *order = malloc(d * sizeof *order);
  int *pivot = calloc(n, sizeof *pivot);
  double *A = ms_doubles(n * d), *tau = ms_doubles(most), *work = ms_doubles((size_t)work_size);
  double *M = ms_doubles(n * most), *b = ms_doubles(n);
  ms_matrix *B = NULL;
  ms_status status = MS_OK;
  if (!order || !pivot || !A || !tau || !work || !M || !b) {
    status = ms_no_memory(err);
    goto done;
  }
  /* Large features first: then Householder QR is accurate relative to each feature's own size. */
  for (size_t j = 0; j < d; j++)
    order[j] = (feature){norm(n, p->Z->values + j * n), j};
  qsort(order, d, sizeof *order, by_falling_norm);
  for (size_t j = 0; j < d; j++)
    for (size_t i = 0; i < n; i++)
      A[i * d + j] = p->Z->values[order[j].index * n + i];
  dgeqp3_(&columns, &rows, A, &columns, pivot, tau, work, &work_size, &info);
  double cut = (double)MS_MAX(n, d) * DBL_EPSILON * fabs(A[0]);
  while (rank < most && fabs(A[rank * d + rank]) > cut)
    rank++;
  if (rank == 0)
    goto done;

  /* R' with the size of its columns taken out: pivoting leaves a well conditioned matrix. */
  for (size_t k = 0; k < rank; k++)
    for (size_t i = k; i < n; i++)
      M[k * n + i] = A[i * d + k] / A[k * d + k];
  for (size_t i = 0; i < n; i++)
    b[i] = p->y[pivot[i] - 1];
  int r = (int)rank;
  dgels_("N", &rows, &r, &one, M, &rows, b, &rows, work, &work_size, &info);
  for (size_t k = 0; k < rank; k++)
    b[k] /= A[k * d + k];

  dorgqr_(&columns, &r, &r, A, &columns, tau, work, &work_size, &info);
  status = ms_matrix_new(&B, rank, d, err);
  if (status == MS_OK)
    for (size_t j = 0; j < d; j++)
      for (size_t k = 0; k < rank; k++)
        B->values[order[j].index * rank + k] = A[k * d + j];
done:
  free(order);
  free(pivot);
  free(A);
  free(tau);
  free(work);
  free(M);
  if (status != MS_OK) {
    free(b);
    b = NULL;
  }
  *out = (equations){B, b};
  return status;
}

/* ---- The dual problem ------------------------------------------------------------------------ */

/* B x(B' eta) = b is followed from the scale of x itself, where it is nearly linear (tau = 0), to
 * the wanted scales (tau = 1), along
 *
 *   ln beta(tau) = (1 - tau) ln size + tau ln beta,      kappa(tau) = tau kappa.
 *
 * All exponents are linear in tau and eta; once the support of x is found, eta is linear in tau. */
typedef struct dual {
  const ms_param *param;
  const ms_matrix *B;
  const double *b;
  size_t r, d;
  double b_size, ln_size;        /* |b|; ln of the size of x */
  const double *ln_beta, *kappa; /* at tau = 1 */
  double a;                      /* minus the dose where there is no path: tau = 1 from the start */
  double *ln_beta_tau, *kappa_tau;     /* d: at the tau of the last place() */
  double ridge;                        /* of the last climb() */
  double *S, *factor;                  /* r * r: B D B', and its Cholesky factor */
  double *step, *drift, *work, *moved; /* r, r, d, d */
} dual;

typedef struct point {
  double tau, size, error;         /* size = max(|b|, |x|), error = |b - B x| / size */
  double *eta, *mu, *x, *D, *rest; /* r, d, d, d, r; rest = b - B x */
} point;

/* On the path: the relative error, and the error of Newton's linear model, within which the next
 * tau may be tried. */
static const double NEAR = 0.1;
/* Directions in which B D B' is below these, relative to its largest entry, stay where they are
 * (in a step at fixed tau) or are scaled with tau (on the path): no x that matters is in them. On
 * the path rounding errors are multiplied by the distance, so there the limit is higher. */
static const double RIDGE = 1e-15, PATH_RIDGE = 1e-12;
enum { MAX_STEPS = 2000 };

static void find_rest(const dual *w, point *q) {
  ms_matrix_mul(w->B, q->x, q->rest);
  for (size_t k = 0; k < w->r; k++)
    q->rest[k] = w->b[k] - q->rest[k];
  q->size = fmax(w->b_size, norm(w->d, q->x));
  q->error = q->size > 0 ? norm(w->r, q->rest) / q->size : 0;
}

/* Everything at q->eta; false where x overflows. */
static bool place(dual *w, point *q, double tau) {
  for (size_t j = 0; j < w->d; j++) {
    w->ln_beta_tau[j] = tau == 1 ? w->ln_beta[j] : (1 - tau) * w->ln_size + tau * w->ln_beta[j];
    w->kappa_tau[j] = tau * w->kappa[j];
  }
  ms_start start = {w->ln_beta_tau, w->kappa_tau};
  q->tau = tau;
  ms_matrix_tmul(w->B, q->eta, q->mu);
  if (w->param->primal(w->param, &start, 0, w->d, w->a, q->mu, q->x, q->D) != 0)
    return false;
  find_rest(w, q);
  return isfinite(q->error);
}

static int find_gram(dual *w, const point *q) {
  /* What is lost in the ridge need not be summed. */
  double cut = 1e-3 * RIDGE * largest(w->d, q->D);
  for (size_t j = 0; j < w->d; j++)
    w->work[j] = q->D[j] > cut ? q->D[j] : 0;
  return ms_matrix_weighted_gram(w->B, w->work, w->S);
}

/* Newton's step at q with this ridge or, where S is not positive definite then, a larger one. */
static bool find_step(dual *w, const point *q, double ridge) {
  if (factor_with_ridge(w->r, w->S, ridge, w->factor) != 0)
    return false;
  memcpy(w->step, q->rest, w->r * sizeof *w->step);
  ms_spd_solve(w->r, w->factor, w->step);
  return true;
}

/* Where the step takes x to first order, which is wrong by at most the result (relative). */
static double find_moved(dual *w, const point *q) {
  double bend = 0;
  ms_matrix_tmul(w->B, w->step, w->moved);
  bool known = w->param->rate > 0;
  for (size_t j = 0; j < w->d; j++)
    w->work[j] = q->mu[j] + w->moved[j];
  ms_start start = {w->ln_beta_tau, w->kappa_tau};
  if (!known && w->param->primal(w->param, &start, 0, w->d, w->a, w->work, w->work, NULL) != 0)
    bend = INFINITY;
  for (size_t j = 0; j < w->d; j++) {
    double exponent = w->param->rate * w->moved[j];
    w->moved[j] = q->x[j] + q->D[j] * w->moved[j];
    bend += known ? fabs(q->x[j]) * exponent * exponent / 2 : fabs(w->work[j] - w->moved[j]);
  }
  return q->size > 0 ? bend / q->size : 0;
}

/* d eta / d tau along the path of constant B x. */
static void find_drift(dual *w, const point *q) {
  for (size_t j = 0; j < w->d; j++) {
    double dx = (w->ln_beta[j] - w->ln_size) * q->x[j] + w->kappa[j] * q->D[j] / w->param->rate;
    w->work[j] = dx + (q->tau > 0 ? q->D[j] * q->mu[j] / q->tau : 0);
  }
  ms_matrix_mul(w->B, w->work, w->drift);
  ms_spd_solve(w->r, w->factor, w->drift);
  for (size_t k = 0; k < w->r; k++)
    w->drift[k] = (q->tau > 0 ? q->eta[k] / q->tau : 0) - w->drift[k];
}

/* One step along the path from q: the first of the tau that are tried where the error stays small.
 * *h is what to try first, and then what the next step should try first. */
static bool advance(dual *w, const point *q, point *next, double *h) {
  find_drift(w, q);
  for (int tries = 0; tries < 4; tries++) {
    double tau = q->tau + *h > 0.999 ? 1 : q->tau + *h;
    for (size_t k = 0; k < w->r; k++)
      next->eta[k] = q->eta[k] + w->step[k] + (tau - q->tau) * w->drift[k];
    if (place(w, next, tau) && next->error < NEAR) {
      *h = tau - q->tau;
      if (tries == 0)
        *h *= next->error < 0.01 * NEAR ? 16 : 4;
      return true;
    }
    *h = (tau - q->tau) / 4;
  }
  *h *= 16;
  return false;
}

/* Newton's step at fixed tau with the least ridge for which it does not go far beyond the maximum;
 * the objective is concave, so the slope along the step decides. (A ridge shortens the step where
 * the objective is flat, which is where Newton's model is wrong; a shorter step would be shorter
 * everywhere.) */
static bool climb(dual *w, const point *q, point *next) {
  for (double ridge = fmax(RIDGE, 1e-3 * w->ridge); ridge < 1e30; ridge *= 10) {
    w->ridge = ridge;
    if (!find_step(w, q, ridge))
      return false;
    for (size_t k = 0; k < w->r; k++)
      next->eta[k] = q->eta[k] + w->step[k];
    if (place(w, next, q->tau) &&
        dot(w->r, w->step, next->rest) >= -0.5 * dot(w->r, w->step, q->rest))
      return true;
  }
  return false;
}

static void copy_point(const dual *w, point *to, const point *from) {
  to->tau = from->tau;
  to->size = from->size;
  to->error = from->error;
  memcpy(to->eta, from->eta, w->r * sizeof *to->eta);
  memcpy(to->mu, from->mu, w->d * sizeof *to->mu);
  memcpy(to->x, from->x, w->d * sizeof *to->x);
  memcpy(to->D, from->D, w->d * sizeof *to->D);
  memcpy(to->rest, from->rest, w->r * sizeof *to->rest);
}

/* mu has rounding errors of epsilon |mu|, so x has relative errors of that size: for tiny scales
 * well above tol. What is left of the equations then belongs to a step of eta below its rounding,
 * of which first order is all there is. Returns whether the equations hold with it. */
static bool refine(dual *w, point *q, double tol) {
  for (int i = 0; i < 4; i++) {
    memcpy(q->x, w->moved, w->d * sizeof *q->x);
    double before = q->error;
    find_rest(w, q);
    if (q->error <= DBL_EPSILON || !(q->error < 0.5 * before))
      break;
    memcpy(w->step, q->rest, w->r * sizeof *w->step);
    ms_spd_solve(w->r, w->factor, w->step);
    find_moved(w, q);
  }
  return q->error <= tol;
}

/* From q[0], where eta is 0, to the solution; returns which of the two it is left in. */
static int solve_dual(dual *w, point q[2], double tol) {
  int now = 0, ends = 0;
  double distance = 4;
  for (size_t j = 0; j < w->d; j++)
    distance = fmax(distance, fabs(w->ln_beta[j] - w->ln_size) + fabs(w->kappa[j]));
  double h = 4 / distance, near = NEAR;
  if (!place(w, &q[now], w->param->rate > 0 ? 0 : 1))
    return now;
  for (int steps = 0; steps < MAX_STEPS; steps++) {
    point *here = &q[now], *next = &q[1 - now];
    bool end = here->tau == 1, moved = false;
    if (find_gram(w, here) != 0 || !find_step(w, here, end ? RIDGE : PATH_RIDGE))
      break;
    double bend = find_moved(w, here);
    /* Rounding of mu may keep the step from getting this small: then less has to do. */
    ends += end;
    if (end && bend <= (ends < 50 ? 0.1 : 100) * tol) {
      copy_point(w, next, here);
      if (refine(w, next, tol))
        return 1 - now;
    }
    if (!end && here->error < near && bend < near) {
      moved = advance(w, here, next, &h);
      near = moved ? NEAR : fmax(0.01 * near, 1e-11);
    }
    if (!moved && !climb(w, here, next))
      break;
    now = 1 - now;
  }
  return now;
}

static double *take(double **store, size_t n) {
  *store += n;
  return *store - n;
}

ms_status ms_oracle_interpolator(const ms_problem *p, const ms_param *param, const ms_start *start,
                                 double a, double tol, double *x, ms_error *err) {
  size_t d = p->Z->d;
  equations e = {0};
  double *store = NULL;
  ms_status status = equations_new(p, &e, err);
  if (status != MS_OK)
    return status;
  size_t r = e.B ? e.B->n : 0;
  /* 6 + 2 * 3 vectors of d, 2 + 2 * 2 of r, two matrices */
  store = ms_doubles(12 * d + 6 * r + 2 * r * r);
  if (!store) {
    status = ms_no_memory(err);
    goto done;
  }
  double *left = store;
  double *ln_beta = take(&left, d), *ln_beta_tau = take(&left, d), *kappa_tau = take(&left, d);
  double *work = take(&left, d), *moved = take(&left, d), *x0 = take(&left, d);
  double *step = take(&left, r), *drift = take(&left, r);
  double *S = take(&left, r * r), *triangle = take(&left, r * r);
  point q[2];
  for (int i = 0; i < 2; i++)
    q[i] = (point){.error = INFINITY,
                   .eta = take(&left, r),
                   .mu = take(&left, d),
                   .x = take(&left, d),
                   .D = take(&left, d),
                   .rest = take(&left, r)};

  bool path = param->rate > 0;
  for (size_t j = 0; j < d; j++)
    ln_beta[j] = path ? param->ln_scale(param, start->ln_beta[j], a) : start->ln_beta[j];
  if (param->primal(param, start, 0, d, a, q[0].mu, x0, NULL) != 0) {
    status = ms_fail(err, MS_OUT_OF_DOMAIN, "interpolator: the minimum of R_a overflows");
    goto done;
  }
  if (r == 0) { /* any x minimizes |Zx - y| */
    memcpy(x, x0, d * sizeof *x);
    goto done;
  }
  ms_matrix_tmul(e.B, e.b, x);
  if (r == d) /* there is only one */
    goto done;
  double top = fmax(largest(d, x), largest(d, x0));
  if (top == 0)
    goto done;
  dual w = {.param = param,
            .B = e.B,
            .b = e.b,
            .r = r,
            .d = d,
            .b_size = norm(r, e.b),
            .ln_size = log(top),
            .ln_beta = ln_beta,
            .kappa = start->kappa,
            .a = path ? 0 : a,
            .ln_beta_tau = ln_beta_tau,
            .kappa_tau = kappa_tau,
            .S = S,
            .factor = triangle,
            .step = step,
            .drift = drift,
            .work = work,
            .moved = moved};
  point *last = &q[solve_dual(&w, q, tol)];
  if (last->tau == 1 && last->error <= tol)
    memcpy(x, last->x, d * sizeof *x);
  else
    status = ms_fail(err, MS_STALLED,
                     "interpolator: relative residual %.3g instead of %.3g at %.4g %% of the way "
                     "from scale %.3g to the one wanted",
                     last->error, tol, 100 * last->tau, top);
done:
  ms_matrix_free(e.B);
  free(e.b);
  free(store);
  return status;
}

/* ---- LASSO ----------------------------------------------------------------------------------- */

/* A coordinate becomes 0 at this t of a step. */
typedef struct crossing {
  double t;
  size_t k; /* x_active[k] */
} crossing;

typedef struct lasso {
  const ms_matrix *Z;
  const double *y;
  double lambda, samples; /* f divides by `samples` */
  double *x, *rest;       /* d, n; rest = y - Z x */
  double *curvature;      /* d: |Z_j|^2 / samples */
  double *gradient;       /* d: -Z'rest / samples */
  double *step, *image;   /* d, n */
  size_t *active;         /* d: those with x != 0 */
  crossing *crossings;    /* d */
} lasso;

static void find_remainder(lasso *w) {
  ms_matrix_mul(w->Z, w->x, w->rest);
  for (size_t i = 0; i < w->Z->n; i++)
    w->rest[i] = w->y[i] - w->rest[i];
}

static void find_gradient(lasso *w) {
  find_remainder(w);
  ms_matrix_tmul(w->Z, w->rest, w->gradient);
  for (size_t j = 0; j < w->Z->d; j++)
    w->gradient[j] /= -w->samples;
}

/* Minimizes over each coordinate in turn (those that are not 0, or all). Returns the largest
 * change of a gradient entry that one of these steps made. */
static double sweep(lasso *w, bool all) {
  size_t n = w->Z->n;
  double change = 0;
  for (size_t j = 0; j < w->Z->d; j++) {
    double old = w->x[j], c = w->curvature[j];
    if (c == 0 || (old == 0 && !all))
      continue;
    const double *column = w->Z->values + j * n;
    double target = c * old + dot(n, column, w->rest) / w->samples;
    double excess = fabs(target) - w->lambda;
    w->x[j] = excess > 4 * DBL_EPSILON * w->lambda ? copysign(excess / c, target) : 0;
    if (w->x[j] == old)
      continue;
    add_multiple(n, old - w->x[j], column, w->rest);
    change = fmax(change, c * fabs(w->x[j] - old));
  }
  return change;
}

static int by_time(const void *a, const void *b) {
  const crossing *u = a, *v = b;
  return (u->t > v->t) - (u->t < v->t);
}

/* Minimizes the objective, piecewise quadratic, along x + t step (`count` active coordinates).
 * `slope`: its derivative at t = 0. Returns whether a coordinate became 0 there. */
static bool search_line(lasso *w, size_t count, double slope) {
  size_t n = w->Z->n, crossings = 0, stop = SIZE_MAX;
  double *image = w->image, bend, t = 1;
  memset(image, 0, n * sizeof *image);
  for (size_t k = 0; k < count; k++) {
    size_t j = w->active[k];
    add_multiple(n, w->step[k], w->Z->values + j * n, image);
    if (w->x[j] * w->step[k] < 0)
      w->crossings[crossings++] = (crossing){-w->x[j] / w->step[k], k};
  }
  bend = dot(n, image, image) / w->samples;
  qsort(w->crossings, crossings, sizeof *w->crossings, by_time);
  for (size_t i = 0; i < crossings; i++) {
    const crossing *c = &w->crossings[i];
    /* A minimum that only rounding keeps before the crossing is at the crossing. */
    if (slope + bend * c->t * (1 - 8 * DBL_EPSILON) > 0)
      break;
    slope += 2 * w->lambda * fabs(w->step[c->k]);
    if (slope + bend * c->t >= 0) {
      stop = c->k;
      t = c->t;
      break;
    }
  }
  if (stop == SIZE_MAX && bend > 0)
    t = -slope / bend;
  for (size_t k = 0; k < count; k++)
    w->x[w->active[k]] += t * w->step[k];
  if (stop != SIZE_MAX)
    w->x[w->active[stop]] = 0;
  return stop != SIZE_MAX;
}

/* The exact minimum over the coordinates that are not 0, by Newton steps; those that reach 0 stay
 * there. 0, or -1 without memory. */
static int polish(lasso *w) {
  size_t n = w->Z->n, count = 0;
  for (size_t j = 0; j < w->Z->d; j++)
    count += w->x[j] != 0;
  double *columns = ms_doubles(n * count), *G = ms_doubles(2 * count * count);
  int status = columns && G ? 0 : -1;
  double least = INFINITY;
  while (status == 0 && count > 0) {
    count = 0;
    find_remainder(w);
    double worst = 0;
    for (size_t j = 0; j < w->Z->d; j++) {
      if (w->x[j] == 0)
        continue;
      const double *column = w->Z->values + j * n;
      memcpy(columns + count * n, column, n * sizeof *column);
      w->step[count] = dot(n, column, w->rest) / w->samples - copysign(w->lambda, w->x[j]);
      worst = fmax(worst, fabs(w->step[count]));
      w->active[count++] = j;
    }
    /* Each step is exact but for the ridge; what no longer falls is rounding. */
    if (count == 0 || !(worst < 0.9 * least))
      break;
    least = worst;
    cblas_dsyrk(CblasColMajor, CblasLower, CblasTrans, (int)count, (int)n, 1 / w->samples, columns,
                (int)n, 0, G, (int)count);
    double *F = G + count * count, slope = 0;
    /* The ridge makes steps along which Zx does not change (equal columns) long but finite. */
    if (factor_with_ridge(count, G, 1e-15, F) != 0)
      break;
    memcpy(w->gradient, w->step, count * sizeof *w->step);
    ms_spd_solve(count, F, w->step);
    for (size_t k = 0; k < count; k++)
      slope -= w->gradient[k] * w->step[k];
    if (!(slope < 0))
      break;
    if (search_line(w, count, slope))
      least = INFINITY;
  }
  free(columns);
  free(G);
  return status;
}

/* Sweeps and exact solutions take turns; both only ever lower the objective, and the exact solution
 * of a set of coordinates and signs is met once. */
static ms_status solve_lasso(lasso *w, double tol, double scale, ms_error *err) {
  enum { MAX_ROUNDS = 5000, SWEEPS = 20 };
  size_t d = w->Z->d;
  double residual = INFINITY;
  find_remainder(w);
  for (int round = 0; round < MAX_ROUNDS; round++) {
    double change = sweep(w, true);
    for (int i = 0; i < SWEEPS && change > 1e-3 * tol * scale; i++)
      change = sweep(w, false);
    if (polish(w) != 0)
      return ms_no_memory(err);
    find_gradient(w);
    residual = ms_kkt_residual(d, w->x, largest(d, w->x), w->gradient, w->lambda, scale);
    if (residual <= tol)
      return MS_OK;
  }
  return ms_fail(err, MS_STALLED, "LASSO: KKT residual %.3g instead of %.3g at lambda = %.6g",
                 residual, tol, w->lambda);
}

ms_status ms_oracle_lasso(const ms_problem *p, double lambda, double tol, double *x,
                          ms_error *err) {
  size_t n = p->Z->n, d = p->Z->d;
  if (!(lambda > 0))
    return ms_fail(err, MS_BAD_SETTING, "LASSO: lambda = %g, must be > 0", lambda);
  double *store = ms_doubles(3 * d + 2 * n);
  size_t *active = calloc(d, sizeof *active);
  crossing *crossings = calloc(d, sizeof *crossings);
  ms_status status = MS_OK;
  if (!store || !active || !crossings) {
    status = ms_no_memory(err);
    goto done;
  }
  memset(x, 0, d * sizeof *x);
  lasso w = {.Z = p->Z,
             .y = p->y,
             .lambda = lambda,
             .samples = p->samples,
             .x = x,
             .curvature = store,
             .gradient = store + d,
             .step = store + 2 * d,
             .rest = store + 3 * d,
             .image = store + 3 * d + n,
             .active = active,
             .crossings = crossings};
  for (size_t j = 0; j < d; j++) {
    const double *column = p->Z->values + j * n;
    w.curvature[j] = dot(n, column, column) / w.samples;
  }
  find_gradient(&w);
  double scale = largest(d, w.gradient);
  if (scale > lambda)
    status = solve_lasso(&w, tol, scale, err);
done:
  free(store);
  free(active);
  free(crossings);
  return status;
}

/* ---- Other losses ---------------------------------------------------------------------------- */

/* The quadratic model of f at x is the squared loss of other data: rows times sqrt(c_i), targets
 * z_i - slope_i / c_i. Its minimum, with lambda |x|_1, is where Newton's step goes. */
typedef struct convex {
  const ms_problem *p;
  ms_problem model;              /* Z and y of its own */
  double *x, *to, *g, *step;     /* d */
  double *z, *moved, *c, *slope; /* n */
  double *best;                  /* n: the z at which a sample is least */
  double *trial;                 /* n: scratch, z along a step */
} convex;

/* f + lambda |.|_1 at x + t step, and its derivative in t. */
static double along_step(const convex *w, double lambda, double t, double *slope) {
  const ms_problem *p = w->p;
  double f = 0, l1 = 0, rise = 0;
  *slope = 0;
  for (size_t i = 0; i < p->Z->n; i++)
    w->trial[i] = w->z[i] + t * w->moved[i];
  double b = ms_problem_offset(p, w->trial);
  for (size_t i = 0; i < p->Z->n; i++) {
    double z = w->trial[i] + b;
    f += ms_loss_value(p->loss, z, p->y[i]) / p->samples;
    *slope += ms_loss_slope(p->loss, z, p->y[i]) * w->moved[i] / p->samples;
  }
  for (size_t j = 0; j < p->Z->d && lambda > 0; j++) {
    double x = w->x[j] + t * w->step[j];
    l1 += fabs(x);
    rise += x != 0 ? copysign(1, x) * w->step[j] : fabs(w->step[j]);
  }
  *slope += lambda * rise;
  return f + lambda * l1;
}

/* How much of the step to take: so that the objective falls as promised or, since its differences
 * may be rounding, hardly falls any more. */
static double part_of_step(const convex *w, double lambda) {
  enum { HALVINGS = 40 };
  double first, last, part = 1, here = along_step(w, lambda, 0, &first);
  for (int h = 0; h < HALVINGS; h++, part /= 2)
    if (along_step(w, lambda, part, &last) <= here + 1e-4 * part * first ||
        fabs(last) <= 1e-3 * fabs(first))
      break;
  return part;
}

/* The step, from z, slope and c at x; with lambda = 0 the shortest. */
/* v[n] := sqrt(c) v, where there is an intercept less the mean of v under the weights c: the
 * intercept of the model takes it. */
static void weigh_column(const convex *w, double *v) {
  size_t n = w->p->Z->n;
  double mean = 0, weight = 0;
  for (size_t i = 0; i < n && w->p->mean; i++) {
    mean += w->c[i] * v[i];
    weight += w->c[i];
  }
  for (size_t i = 0; i < n; i++)
    v[i] = sqrt(w->c[i]) * (v[i] - (weight > 0 ? mean / weight : 0));
}

static ms_status newton_step(convex *w, double lambda, ms_error *err) {
  const ms_matrix *Z = w->p->Z;
  size_t n = Z->n, d = Z->d;
  for (size_t j = 0; j < d; j++) {
    ms_matrix_column(Z, j, w->model.Z->values + j * n);
    weigh_column(w, w->model.Z->values + j * n);
  }
  for (size_t i = 0; i < n; i++)
    w->model.y[i] = w->z[i] - w->slope[i] / w->c[i];
  weigh_column(w, w->model.y);
  ms_error why = {0}; /* one that has not all digits is a step, too */
  ms_status status = lambda > 0 ? ms_oracle_lasso(&w->model, lambda, 1e-13, w->to, &why)
                                : ms_minimum_l2(&w->model, w->x, w->to, &why);
  for (size_t j = 0; j < d; j++)
    w->step[j] = w->to[j] - w->x[j];
  return status == MS_NO_MEMORY ? ms_no_memory(err) : MS_OK;
}

static ms_status solve_convex(convex *w, double lambda, double tol, ms_error *err) {
  /* Of samples whose curvature vanishes (the straight parts of Huber's loss) some is made up, as
   * much as of the parabola down to where they are least; after a step that was too long all of
   * that. */
  static const double LEAST_CURVATURE = 1e-8, SOME_CURVATURE = 1e-3, SHORT_STEP = 1e-6;
  enum { STEPS = 300 };
  const ms_problem *p = w->p;
  size_t n = p->Z->n, d = p->Z->d;
  double scale = 0, residual = INFINITY, step = INFINITY, part = 1;
  for (int k = 0; k < STEPS; k++) {
    double top = 0, size = 0;
    ms_matrix_mul(p->Z, w->x, w->z);
    double b = ms_problem_offset(p, w->z);
    for (size_t i = 0; i < n; i++) {
      w->z[i] += b;
      w->slope[i] = ms_loss_slope(p->loss, w->z[i], p->y[i]);
      w->c[i] = ms_loss_curvature(p->loss, w->z[i], p->y[i]);
      top = fmax(top, w->c[i]);
    }
    size_t concave = ms_problem_concave(p, w->z);
    if (concave < n)
      return ms_fail(err, MS_UNSUPPORTED,
                     "the loss is not convex: its second derivative at z = %.4g, y = %.4g is %.3g",
                     w->z[concave], p->y[concave], w->c[concave]);
    for (size_t i = 0; i < n; i++) {
      double chord = w->slope[i] / (w->z[i] - w->best[i]);
      chord = chord > 0 && part == 1 ? fmin(chord, SOME_CURVATURE * top) : chord;
      w->c[i] = fmax(fmax(w->c[i], chord), top > 0 ? LEAST_CURVATURE * top : 1);
    }
    ms_matrix_tmul(p->Z, w->slope, w->g);
    cblas_dscal((int)d, 1 / p->samples, w->g, 1);
    scale = k == 0 ? largest(d, w->g) : scale;
    residual = scale > 0 ? ms_kkt_residual(d, w->x, largest(d, w->x), w->g, lambda, scale) : 0;
    /* where f falls for ever its gradient vanishes, too, but steps do not become short */
    if (residual <= tol && (k == 0 || step <= SHORT_STEP))
      return MS_OK;
    ms_status status = newton_step(w, lambda, err);
    if (status != MS_OK)
      return status;
    ms_matrix_mul(p->Z, w->step, w->moved);
    for (size_t j = 0; j < d; j++)
      size = fmax(size, fabs(w->x[j] + w->step[j]));
    step = size > 0 ? largest(d, w->step) / size : 0;
    part = part_of_step(w, lambda);
    add_multiple(d, part, w->step, w->x);
  }
  return ms_fail(err, MS_STALLED,
                 "%d Newton steps led to no minimum of the loss (relative gradient %.3g, last step "
                 "%.3g); there is none where it falls for ever",
                 STEPS, residual, step);
}

ms_status ms_oracle_convex(const ms_problem *p, double lambda, double tol, double *x,
                           ms_error *err) {
  size_t n = p->Z->n, d = p->Z->d;
  convex w = {.p = p, .x = x};
  double *store = ms_doubles(3 * d + 7 * n);
  ms_status status = store ? ms_matrix_new(&w.model.Z, n, d, err) : ms_no_memory(err);
  if (status == MS_OK) {
    double *left = store;
    w.to = take(&left, d);
    w.g = take(&left, d);
    w.step = take(&left, d);
    w.z = take(&left, n);
    w.moved = take(&left, n);
    w.c = take(&left, n);
    w.slope = take(&left, n);
    w.model.y = take(&left, n);
    w.best = take(&left, n);
    w.trial = take(&left, n);
    for (size_t i = 0; i < n; i++)
      w.best[i] = ms_loss_least(p->loss, p->y[i]);
    w.model.samples = p->samples;
    status = solve_convex(&w, lambda, tol, err);
  }
  ms_matrix_free(w.model.Z);
  free(store);
  return status;
}
