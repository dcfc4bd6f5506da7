/* The error that a step of a mirror flow may make in mu. */
#include "flow/forms.h"
#include <cblas.h>
#include <float.h>
#include <math.h>
#include <string.h>

static const double LEAST_WARP = 1e-12;
/* Roundings of the largest mu that a step may err by under a time warp. */
static const double ROUNDED_MU = 8;

double ms_flow_solution_size(const ms_setup *s) {
  const ms_matrix *Z = s->problem->Z;
  double norm = ms_matrix_norm(Z), size = 0;
  if (norm > 0)
    size = cblas_dnrm2((int)Z->n, s->problem->y, 1) / norm;
  for (size_t j = 0; j < Z->d; j++) { /* |x0| = beta sinh |kappa| in the hyperbolic family */
    double kappa = fabs(s->start.kappa[j]), mu = 0, x0;
    if (!(s->param->rate > 0) && s->param->primal) {
      if (s->param->primal(s->param, &s->start, j, 1, 0, &mu, &x0, NULL) == 0)
        size = fmax(size, fabs(x0));
    } else if (kappa > 0)
      size = fmax(size, -expm1(-2 * kappa) / 2 * exp(fmin(s->start.ln_beta[j] + kappa, 700)));
  }
  return ms_matrix_most(Z, size);
}

/* Error that a step may make in mu: as much as moves ln|x| by rtol, and less while beta_a dwarfs
 * the solution: x then moves by dx/dmu at 0, which the dose shrinks. */
static const double STEP_PART = 0.2; /* so that the errors of all steps stay below 10 rtol */

double ms_mu_steepness(const ms_param *p, double size) {
  return p->steepness ? p->steepness(p, size) : p->rate;
}

ms_mu_tolerance ms_mu_tolerance_new(const ms_setup *s) {
  ms_mu_tolerance e = {.most = s->atol};
  double size = ms_flow_solution_size(s), steep = ms_mu_steepness(s->param, size > 0 ? size : 1);
  if (s->atol > 0) {
    e.most /= steep;
    return e;
  }
  e.most = STEP_PART * s->rtol / steep;
  e.size = STEP_PART * s->rtol * size;
  const ms_matrix *Z = s->problem->Z;
  double widest = -INFINITY;
  for (size_t j = 0; j < Z->d; j++)
    widest = fmax(widest, s->start.ln_beta[j]);
  e.ln_beta = ms_matrix_most(Z, widest);
  e.widest = ms_matrix_find(Z, s->start.ln_beta, e.ln_beta);
  e.kappa = ms_matrix_at(Z, s->start.kappa, e.widest);
  return e;
}

/* A time warp shrinks what mu still moves, and with it what it may be wrong by: at the same x,
 * d ln|x| / dmu grows like 1 / warp. Below LEAST_WARP it is rounding that moves mu. */
double ms_resolved_warp(const ms_param *p, double a) {
  return p->warp ? fmax(p->warp(p, a), LEAST_WARP) : 1;
}

/* What the rounding of mu itself makes of it, under a time warp that has shrunk what mu may be
 * wrong by to that size: an error estimate below it is noise, and no step is small enough. One
 * number of the state is rounded like the largest, because Newton's systems mix them. `row`: the
 * scale of each number in mu, NULL: 1. */
double ms_rounded_mu(const ms_flow *flow, const double *row, const double *y) {
  double largest = 0;
  if (!flow->setup.param->warp)
    return 0;
  for (size_t i = 0; i < flow->ode.size; i++)
    largest = fmax(largest, (row ? row[i] : 1) * fabs(y[i]));
  return ROUNDED_MU * DBL_EPSILON * largest;
}

double ms_mu_tolerance_at(const ms_mu_tolerance *e, const ms_setup *s, double t) {
  const ms_param *p = s->param;
  double mu = 0, x, dx, a = -ms_dose_of(s, t);
  double most = e->most * ms_resolved_warp(p, a);
  const ms_start start = {&e->ln_beta, &e->kappa};
  p = ms_param_of(p, e->widest);
  if (!(e->size > 0) || p->primal(p, &start, 0, 1, a, &mu, &x, &dx) != 0)
    return most;
  return dx * most > e->size ? e->size / dx : most;
}

/* Of -2LA(t), the part of all exponents that the schedule moves. */
double ms_dose_stray(const ms_flow *flow, double t0, double t1) {
  enum { PARTS = 8 };
  double A0 = ms_dose_at(flow, t0), A1 = ms_dose_at(flow, t1), most = 0;
  for (int i = 1; i < PARTS; i++) {
    double part = (double)i / PARTS;
    most = fmax(most, fabs(ms_dose_at(flow, t0 + part * (t1 - t0)) - A0 - part * (A1 - A0)));
  }
  return 2 * flow->setup.param->degree * most;
}

/* kappa has x, so that mu = 0. */
bool ms_mirror_place(ms_flow *flow, const double *x, double *y) {
  const ms_setup *s = &flow->setup;
  ms_mu_tolerance *e = flow->own; /* the first of what both forms have */
  (void)x;
  e->ln_beta = ms_matrix_at(s->problem->Z, s->start.ln_beta, e->widest);
  e->kappa = ms_matrix_at(s->problem->Z, s->start.kappa, e->widest);
  memset(y, 0, flow->ode.size * sizeof *y);
  return true;
}
