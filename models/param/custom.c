/* custom: x = k(theta) by a formula in the weights theta = (a, b, c, ...), h = |theta|^2.
 *
 * Without weight decay every scalar k has a mirror flow, for theta_j moves along one curve:
 *
 *   Theta' = grad k(Theta),   Theta(0) = theta0,       dmu/dt = -df/dx
 *   x = k(Theta(mu)),         dx/dmu = |grad k|^2,     R(x) = int_0^mu m dx(m)
 *
 * With weight decay [grad k, theta] has to vanish up to a multiple of grad k, as it does where k is
 * homogeneous: k(c theta) = c^L k(theta), which Euler's theta . grad k = L k tells. As for deep,
 *
 *   x = e^{2La} k(Theta(mu)),   dmu/dt = -e^{2(L-2)a} df/dx,   R_a(x) = e^{2La} R(e^{-2La} x).
 *
 * The curve is followed outwards from mu = 0 by the Runge-Kutta method of order 8 of Prince and
 * Dormand, which remembers where its steps ended; Theta(mu) is one step from there. So nothing of
 * the start is lost on the way back to it. A curve that goes to infinity at a finite mu ends there.
 */
#include "param/custom.h"
#include <float.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_odeiv2.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const ms_custom_names[MS_WIDTH_MAX] = {"a", "b", "c", "d", "e", "f", "g", "h"};

/* Error of a step, relative to each weight. */
static const double STEP_ERROR = 1e-14;
/* Weights are followed up to here, and down to here with all their digits. */
static const double LARGEST = 1e100, SMALLEST = 1e-250;
enum { MOST_NODES = 20000 };
/* A curve counts as at rest at this part of the speed that it began with, when x is so many times
 * as far as it has come. */
static const double RESTING = 1e-12, FAR = 1e9;
/* Euler's identity counts as true. */
static const double SAME = 1e-10;

/* Where a step ended: |mu|, Theta, R, x */
typedef struct node {
  double mu, y[MS_WIDTH_MAX + 1], x;
} node;

/* One half of a curve: mu >= 0 or mu <= 0. */
typedef struct half {
  node *nodes;
  size_t count, room;
  double step;
  bool ended; /* nothing beyond the last node */
  bool blown; /* for the weights go to infinity there */
} half;

typedef struct coordinate {
  const ms_formula *k;
  size_t width;
  double start[MS_WIDTH_MAX];
  half side[2]; /* mu < 0, mu > 0 */
  gsl_odeiv2_step *method;
} coordinate;

typedef struct custom {
  size_t d, formulas_count;
  coordinate *at;
  ms_formula **formulas;    /* owned by the whole */
  ms_param *param;          /* the whole's: of each coordinate */
  struct custom *part;      /* what these own */
  double size[2], steep[2]; /* last answers of steepness */
} custom;

static coordinate *coordinate_of(const ms_param *p, size_t j) {
  const custom *own = p->own;
  return &own->at[j];
}

/* ---- The curve ------------------------------------------------------------------------------ */

/* Theta' and R' = mu |grad k|^2 */
static int along(double mu, const double *y, double *dy, void *self) {
  const coordinate *c = self;
  double sum = 0;
  ms_formula_derive(c->k, y, dy, NULL);
  for (size_t i = 0; i < c->width; i++)
    sum += dy[i] * dy[i];
  dy[c->width] = mu * sum;
  return isfinite(sum) ? GSL_SUCCESS : GSL_EBADFUNC;
}

/* From a node over h; the error of the step relative to what is allowed, INFINITY where it fails.
 */
static double leap(coordinate *c, double mu, double h, double *y) {
  double slope[MS_WIDTH_MAX + 1], error[MS_WIDTH_MAX + 1], before[MS_WIDTH_MAX + 1], worst = 0;
  gsl_odeiv2_system system = {along, NULL, c->width + 1, c};
  memcpy(before, y, sizeof before);
  if (along(mu, y, slope, c) != GSL_SUCCESS ||
      gsl_odeiv2_step_apply(c->method, mu, h, y, error, slope, NULL, &system) != GSL_SUCCESS)
    return INFINITY;
  for (size_t i = 0; i < c->width; i++) {
    double size = fmax(fmax(fabs(y[i]), fabs(before[i])), fabs(h * slope[i]));
    if (!(fabs(y[i]) <= LARGEST))
      return INFINITY;
    if (error[i] != 0)
      worst = fmax(worst, fabs(error[i]) / (STEP_ERROR * fmax(size, SMALLEST)));
  }
  return worst;
}

/* Appends a node; false where the curve has ended. */
static bool extend(coordinate *c, int side) {
  half *s = &c->side[side];
  if (s->ended || s->count == MOST_NODES)
    return false;
  if (s->count == s->room) {
    size_t room = 2 * s->room + 16;
    node *nodes = realloc(s->nodes, room * sizeof *nodes);
    if (!nodes)
      return false;
    s->nodes = nodes;
    s->room = room;
  }
  const node *last = &s->nodes[s->count - 1];
  node *next = &s->nodes[s->count];
  double sign = side ? 1 : -1;
  for (;;) {
    *next = *last;
    double error = leap(c, sign * last->mu, sign * s->step, next->y), taken = s->step;
    s->step *= error > 0 ? fmin(fmax(0.9 * pow(error, -0.125), 0.2), 4) : 4;
    if (error <= 1) {
      next->mu = last->mu + taken;
      next->x = ms_formula_value(c->k, next->y);
      break;
    }
    if (!(s->step > 4 * DBL_EPSILON * last->mu) || s->step < DBL_MIN) {
      s->ended = s->blown = true;
      return false;
    }
  }
  s->count++;
  /* x does not change any more, or nothing does */
  s->ended = !isfinite(next->mu) || !isfinite(next->x) ||
             memcmp(next->y, last->y, c->width * sizeof *next->y) == 0;
  return true;
}

/* dx/dmu */
static double speed_at(const coordinate *c, const node *at) {
  double grad[MS_WIDTH_MAX] = {0}, sum = 0;
  ms_formula_derive(c->k, at->y, grad, NULL);
  for (size_t i = 0; i < c->width; i++)
    sum += grad[i] * grad[i];
  return sum;
}

static bool start(coordinate *c) {
  double slope[MS_WIDTH_MAX + 1], y[MS_WIDTH_MAX + 1] = {0}, rate = 0;
  memcpy(y, c->start, c->width * sizeof *y);
  double x = ms_formula_value(c->k, y);
  if (along(0, y, slope, c) != GSL_SUCCESS || !isfinite(x))
    return false;
  for (size_t i = 0; i < c->width; i++)
    if (y[i] != 0)
      rate = fmax(rate, fabs(slope[i] / y[i]));
  for (int side = 0; side < 2; side++) {
    half *s = &c->side[side];
    s->nodes = calloc(16, sizeof *s->nodes);
    if (!s->nodes)
      return false;
    s->room = 16;
    s->count = 1;
    s->step = rate > 0 && isfinite(1 / rate) ? 0.01 / rate : 0.01;
    s->nodes[0].x = x;
    memcpy(s->nodes[0].y, y, sizeof y);
  }
  return true;
}

/* The last node at or before |mu|; false where the curve ends before. */
static bool find_node(coordinate *c, double mu, const node **at) {
  half *s = &c->side[mu > 0];
  double size = fabs(mu);
  while (s->nodes[s->count - 1].mu < size)
    if (!extend(c, mu > 0))
      return false;
  size_t low = 0, high = s->count - 1;
  while (low < high) {
    size_t middle = (low + high + 1) / 2;
    if (s->nodes[middle].mu <= size)
      low = middle;
    else
      high = middle - 1;
  }
  *at = &s->nodes[low];
  return true;
}

/* y[width + 1] at mu, x and dx/dmu */
static bool follow(coordinate *c, double mu, double *y, double *x, double *dx) {
  const node *at;
  if (!find_node(c, mu, &at))
    return false;
  double from = copysign(at->mu, mu), grad[MS_WIDTH_MAX] = {0}, sum = 0;
  memcpy(y, at->y, sizeof at->y);
  if (mu != from && isinf(leap(c, from, mu - from, y)))
    return false;
  *x = ms_formula_derive(c->k, y, grad, NULL);
  for (size_t i = 0; i < c->width; i++)
    sum += grad[i] * grad[i];
  *dx = sum;
  return isfinite(*x) && isfinite(sum);
}

/* Does the curve come to rest? It slows down towards a point where grad k = 0. */
static bool rests(const coordinate *c, const half *s) {
  const node *last = &s->nodes[s->count - 1];
  if (s->count < 3)
    return false;
  double speed = speed_at(c, last);
  return speed < RESTING * speed_at(c, &s->nodes[0]) && speed < speed_at(c, last - 1);
}

/* ... and before it has x: at this speed it would be there only after many times the way so far. */
static bool rests_before(const coordinate *c, const half *s, double x) {
  const node *last = &s->nodes[s->count - 1];
  return rests(c, s) && FAR * speed_at(c, last) * last->mu < fabs(x - last->x);
}

/* mu where the curve has x; where it comes nearest to it, if `reached` (may be NULL) is false. */
static double locate(coordinate *c, double x, double *y, bool *reached) {
  int side = x > c->side[0].nodes[0].x;
  half *s = &c->side[side];
  double sign = side ? 1 : -1, at, dx;
  if (reached)
    *reached = true;
  while (sign * (x - s->nodes[s->count - 1].x) > 0)
    if (rests_before(c, s, x) || !extend(c, side)) {
      const node *last = &s->nodes[s->count - 1];
      memcpy(y, last->y, sizeof last->y);
      if (reached)
        *reached = false;
      return sign * last->mu;
    }
  size_t low = 0, high = s->count - 1; /* x is between that of low and that of high */
  while (high - low > 1) {
    size_t middle = (low + high) / 2;
    if (sign * (x - s->nodes[middle].x) >= 0)
      low = middle;
    else
      high = middle;
  }
  double left = s->nodes[low].mu, right = s->nodes[high].mu, mu = left;
  for (int steps = 0; steps < 100; steps++) {
    if (!follow(c, sign * mu, y, &at, &dx))
      break;
    double missing = sign * (x - at), by = missing / dx;
    if (missing >= 0)
      left = mu;
    else
      right = mu;
    if (fabs(by) <= 4 * DBL_EPSILON * mu || right - left <= 2 * DBL_EPSILON * mu)
      break;
    double next = mu + by;
    if (!(next > left && next < right))
      next = (left + right) / 2;
    mu = next;
  }
  return sign * mu;
}

/* ---- Mirror flow ---------------------------------------------------------------------------- */

/* e^{2La}: 1 without weight decay. */
static double shrunk(const ms_param *p, double a) {
  return p->warp ? exp(2 * p->degree * a) : 1;
}

static int primal(const ms_param *p, const ms_start *unused, size_t first, size_t count, double a,
                  const double *mu, double *x, double *dx) {
  double shrink = shrunk(p, a), y[MS_WIDTH_MAX + 1];
  (void)unused;
  for (size_t i = 0; i < count; i++) {
    double slope;
    if (!follow(coordinate_of(p, first + i), mu[i], y, &x[i], &slope))
      return 1;
    x[i] *= shrink;
    if (dx)
      dx[i] = shrink * slope;
  }
  return 0;
}

static void dual(const ms_param *p, const ms_start *unused, size_t first, size_t count, double a,
                 const double *x, double *mu) {
  double y[MS_WIDTH_MAX + 1];
  (void)unused;
  for (size_t i = 0; i < count; i++)
    mu[i] = locate(coordinate_of(p, first + i), x[i] / shrunk(p, a), y, NULL);
}

static double potential(const ms_param *p, double ln_beta, double kappa, double a, double x) {
  coordinate *c = coordinate_of(p, 0);
  double y[MS_WIDTH_MAX + 1];
  (void)ln_beta, (void)kappa;
  bool reached;
  locate(c, x / shrunk(p, a), y, &reached);
  return reached ? shrunk(p, a) * y[c->width] : INFINITY;
}

static void domain(const ms_param *p, double ln_beta, double kappa, double a, double *low,
                   double *high) {
  coordinate *c = coordinate_of(p, 0);
  double *end[] = {low, high};
  (void)ln_beta, (void)kappa, (void)a;
  for (int side = 0; side < 2; side++) {
    const half *s = &c->side[side];
    while (!rests(c, s) && extend(c, side))
      continue;
    *end[side] = (side ? 1 : -1) * (s->blown ? s->nodes[s->count - 1].mu : INFINITY);
  }
}

static double warp(const ms_param *p, double a) {
  return exp(2 * (p->degree - 2) * a);
}

/* The largest |grad k|^2 / size where |x| is size, or comes nearest to it. */
static double steepness(const ms_param *p, double size) {
  custom *own = p->own;
  for (int k = 0; k < 2; k++)
    if (own->size[k] == size)
      return own->steep[k];
  double most = 0;
  for (size_t j = 0; j < own->d; j++)
    for (int side = 0; side < 2; side++) {
      double y[MS_WIDTH_MAX + 1], grad[MS_WIDTH_MAX], sum = 0;
      locate(&own->at[j], side ? size : -size, y, NULL);
      double x = ms_formula_derive(own->at[j].k, y, grad, NULL);
      for (size_t i = 0; i < own->at[j].width; i++)
        sum += grad[i] * grad[i];
      if (x != 0 && isfinite(sum))
        most = fmax(most, sum / fmax(fabs(x), size));
    }
  own->size[1] = own->size[0];
  own->steep[1] = own->steep[0];
  own->size[0] = size;
  return own->steep[0] = most > 0 ? most : 1;
}

/* ---- Gradient flow -------------------------------------------------------------------------- */

static bool weights(const ms_param *p, double ln_beta, double kappa, double *w) {
  const coordinate *c = coordinate_of(p, 0);
  (void)ln_beta, (void)kappa;
  memcpy(w, c->start, c->width * sizeof *w);
  return true;
}

/* x0 is what the weights make it. */
static bool place(const ms_param *p, double ln_beta, double x0, double *kappa, const char **why) {
  (void)p, (void)ln_beta;
  *kappa = 0;
  *why = "x starts where --init-theta puts the weights";
  return x0 == 0;
}

static double map(const ms_param *p, const double *w) {
  return ms_formula_value(coordinate_of(p, 0)->k, w);
}

static void slope(const ms_param *p, const double *w, double *dg) {
  ms_formula_derive(coordinate_of(p, 0)->k, w, dg, NULL);
}

static void bend(const ms_param *p, const double *w, double *d2g) {
  ms_formula_derive(coordinate_of(p, 0)->k, w, NULL, d2g);
}

/* ---- Building it ---------------------------------------------------------------------------- */

/* L of k(c theta) = c^L k(theta), NaN where there is none; at points that avoid what is special. */
static double degree_of(const ms_formula *k, size_t width) {
  enum { POINTS = 12 };
  double degree = NAN;
  for (int n = 0; n < POINTS; n++) {
    double theta[MS_WIDTH_MAX], grad[MS_WIDTH_MAX], sum = 0, size = 0;
    for (size_t i = 0; i < width; i++)
      theta[i] = (n % 2 && i % 3 == 1 ? -1 : 1) * exp(sin((double)(7 * n + 1) * (double)(i + 1)));
    double x = ms_formula_derive(k, theta, grad, NULL);
    for (size_t i = 0; i < width; i++) {
      sum += theta[i] * grad[i];
      size += fabs(theta[i] * grad[i]);
    }
    double L = round(64 * sum / x) / 64;
    if (!(fabs(sum - L * x) <= SAME * size) || (n > 0 && L != degree))
      return NAN;
    degree = L;
  }
  return degree;
}

static const ms_param *at(const ms_param *p, size_t j) {
  const custom *own = p->own;
  return &own->param[j];
}

static void release(ms_param *p) {
  custom *own = p->own;
  if (!own)
    return;
  for (size_t j = 0; own->at && j < own->d; j++) {
    free(own->at[j].side[0].nodes);
    free(own->at[j].side[1].nodes);
    if (own->at[j].method)
      gsl_odeiv2_step_free(own->at[j].method);
  }
  for (size_t i = 0; i < own->formulas_count; i++)
    ms_formula_free(own->formulas[i]);
  free(own->formulas);
  free(own->at);
  free(own->param);
  free(own->part);
  free(own);
  p->own = NULL;
}

ms_status ms_custom_new(ms_param *p, ms_formula **formulas, size_t count, const size_t *of,
                        size_t d, size_t width, const double *theta, ms_error *err) {
  custom *own = p->own = calloc(1, sizeof *own);
  if (!own) {
    for (size_t i = 0; i < count; i++)
      ms_formula_free(formulas[i]);
    return ms_no_memory(err);
  }
  own->formulas = calloc(count, sizeof *own->formulas);
  own->at = calloc(d, sizeof *own->at);
  own->param = calloc(d, sizeof *own->param);
  own->part = calloc(d, sizeof *own->part);
  if (own->formulas) {
    memcpy(own->formulas, formulas, count * sizeof *formulas);
    own->formulas_count = count;
  }
  if (!own->formulas || !own->at || !own->param || !own->part)
    return ms_no_memory(err);
  own->d = d;
  p->width = width;
  double degree = degree_of(formulas[0], width);
  for (size_t i = 1; i < count; i++)
    if (degree_of(formulas[i], width) != degree)
      degree = NAN;
  for (size_t i = 0; i < count; i++)
    p->bent = p->bent || ms_formula_kinked(formulas[i]);
  if (!isnan(degree)) {
    p->degree = degree;
    p->warp = warp;
  }
  for (size_t j = 0; j < d; j++) {
    coordinate *c = &own->at[j];
    c->k = formulas[of[j]];
    c->width = width;
    memcpy(c->start, theta + j * width, width * sizeof *theta);
    c->method = gsl_odeiv2_step_alloc(gsl_odeiv2_step_rk8pd, width + 1);
    if (!c->method)
      return ms_no_memory(err);
    if (!start(c))
      return ms_fail(err, MS_BAD_SETTING,
                     "coordinate %zu: x = %g, or its gradient, is not finite at the start", j + 1,
                     ms_formula_value(c->k, c->start));
    own->part[j] = (custom){.d = 1, .at = c};
    own->param[j] = *p;
    own->param[j].at = NULL;
    own->param[j].own = &own->part[j];
  }
  return MS_OK;
}

const ms_param ms_param_custom = {
    .name = "custom",
    .summary = "x = k(a, b, ...), a --formula of weights for each coordinate, h = |theta|^2",
    .g = "--formula",
    .h = "a^2 + b^2 + ...",
    .width = 1,
    .names = "a b c d e f g h",
    .degree = 2,
    .cost = NAN,
    .at = at,
    .release = release,
    .locate = place,
    .weights = weights,
    .map = map,
    .slope = slope,
    .bend = bend,
    .primal = primal,
    .dual = dual,
    .potential = potential,
    .domain = domain,
    .steepness = steepness,
};
