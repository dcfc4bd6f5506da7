/* Mirror flow in d unknowns: dmu/dt = -grad f(x), x = grad Q_a(mu). */
#include "flow/forms.h"
#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct dual {
  ms_mu_tolerance allowed;
  double noise;
  double *H, *root, *u; /* curvature Z' C Z of f, d*d; sqrt(D); scratch */
  bool have_H;
} dual;

static size_t dual_size(const ms_flow *flow) {
  return flow->setup.problem->Z->d;
}

static ms_status dual_create(ms_flow *flow, double *y0, ms_error *err) {
  size_t d = flow->setup.problem->Z->d;
  bool implicit = flow->setup.method->implicit;
  if (implicit && d > IMPLICIT_WEIGHTS)
    return ms_fail(err, MS_UNSUPPORTED,
                   "the dual of %zu unknowns is too large for --method %s (at most %zu): --state "
                   "sample-dual has as many as samples, --method adams needs no matrix",
                   d, flow->setup.method->name, (size_t)IMPLICIT_WEIGHTS);
  size_t square = implicit ? d * d : 0;
  dual *own = calloc(1, sizeof *own + (square + 2 * d) * sizeof(double));
  flow->own = own;
  flow->M = ms_doubles(square);
  if (!own || !flow->M)
    return ms_no_memory(err);
  own->H = (double *)(own + 1);
  own->root = own->H + square;
  own->u = own->root + d;
  own->allowed = ms_mu_tolerance_new(&flow->setup);
  own->noise = NOISE_PART * DBL_EPSILON * flow->setup.gradient_scale;
  memset(y0, 0, d * sizeof *y0);
  return MS_OK;
}

static int dual_read(ms_flow *flow, double t, const double *y, double *x, double *Zx) {
  const ms_setup *s = &flow->setup;
  int status = s->param->primal(s->param, &s->start, 0, s->problem->Z->d, -ms_dose_at(flow, t), y,
                                x, flow->D);
  if (status == 0) {
    ms_matrix_mul(s->problem->Z, x, Zx);
    flow->passes++;
  }
  return status;
}

static int dual_rhs(void *self, double t, const double *y, double *ydot) {
  ms_flow *flow = self;
  if (dual_read(flow, t, y, flow->x, flow->Zx) != 0 || ms_unreachable(flow))
    return 1;
  ms_weighted_slope(flow, flow->Zx, flow->Zx);
  ms_matrix_tmul(flow->setup.problem->Z, flow->Zx, ydot);
  flow->passes++;
  for (size_t j = 0; flow->setup.param->force && j < flow->ode.size; j++)
    ydot[j] = flow->setup.param->force(flow->setup.param, ydot[j]);
  cblas_dscal((int)flow->ode.size, -ms_warp_at(flow, t), ydot, 1);
  return 0;
}

/* M = I + gamma D^1/2 H D^1/2 stands for I + gamma H D, see dual_solve. */
static int dual_prepare(void *self, double t, const double *y, double gamma, bool fresh) {
  ms_flow *flow = self;
  dual *own = flow->own;
  const ms_problem *p = flow->setup.problem;
  size_t d = p->Z->d;
  if (fresh) {
    if (dual_read(flow, t, y, flow->x, flow->Zx) != 0 || ms_unreachable(flow))
      return 1;
    if (!own->have_H || !p->loss->quadratic) {
      ms_problem_curvature(p, flow->Zx, flow->Zx);
      if (ms_matrix_curvature(p->Z, flow->Zx, own->H) != 0)
        return -1;
      flow->passes++;
      own->have_H = true;
    }
    for (size_t j = 0; j < d; j++)
      own->root[j] = sqrt(flow->D[j]);
  }
  gamma *= ms_warp_at(flow, t);
  for (size_t j = 0; j < d; j++) {
    for (size_t i = j; i < d; i++)
      flow->M[j * d + i] = gamma * own->root[i] * own->root[j] * own->H[j * d + i];
    flow->M[j * d + j] += 1;
  }
  flow->gamma = gamma;
  return ms_spd_factor(d, flow->M);
}

/* (I + gamma H D)^-1 b = b - gamma H D^1/2 M^-1 D^1/2 b: no division by D, which may be 0. */
static int dual_solve(void *self, double *b) {
  ms_flow *flow = self;
  dual *own = flow->own;
  size_t d = flow->ode.size;
  for (size_t j = 0; j < d; j++)
    own->u[j] = own->root[j] * b[j];
  ms_spd_solve(d, flow->M, own->u);
  for (size_t j = 0; j < d; j++)
    own->u[j] *= own->root[j];
  cblas_dsymv(CblasColMajor, CblasLower, (int)d, -flow->gamma, own->H, (int)d, own->u, 1, 1, b, 1);
  return 0;
}

static void dual_tolerance(void *self, double t, const double *y, double *tolerance) {
  const ms_flow *flow = self;
  const dual *own = flow->own;
  double allowed = ms_mu_tolerance_at(&own->allowed, &flow->setup, t);
  allowed = fmax(allowed, ms_rounded_mu(flow, NULL, y));
  for (size_t j = 0; j < flow->ode.size; j++)
    tolerance[j] = allowed + 4 * DBL_EPSILON * fabs(y[j]) +
                   own->noise * flow->strength * t * ms_warp_at(flow, t);
}

static double dual_stray(void *self, double t0, const double *y0, double t1, const double *y1,
                         const double *middle) {
  const ms_flow *flow = self;
  double most = 0;
  for (size_t j = 0; j < flow->ode.size; j++)
    most = fmax(most, fabs(middle ? middle[j] - (y0[j] + y1[j]) / 2 : y1[j] - y0[j]));
  return ms_mu_steepness(flow->setup.param, 1) /
             ms_resolved_warp(flow->setup.param, -ms_dose_at(flow, t1)) * most +
         ms_dose_stray(flow, t0, t1);
}

static void dual_component(void *self, size_t i, char *name, size_t size) {
  (void)self;
  snprintf(name, size, "mu[%zu]", i);
}

const ms_flow_class ms_flow_class_dual = {
    "dual",         "mirror flow, d unknowns: dmu/dt = -grad f(grad Q_a(mu))",
    true,           dual_size,
    dual_create,    dual_rhs,
    dual_prepare,   dual_solve,
    dual_tolerance, dual_component,
    dual_stray,     dual_read,
    ms_mirror_place};
