/* Mirror flow in n unknowns: dnu/dt = -slope(Z x), x = grad Q_a(Z' nu). */
#include "flow/forms.h"
#include "linalg/cg.h"
#include "parallel/comm.h"
#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Unknowns of a mirror flow up to which Newton's matrix is formed and factored. */
enum { DENSE_UNKNOWNS = 2500 };
/* Relative residual of conjugate gradients: well below what Newton's method leaves. */
static const double CG_TOLERANCE = 1e-6;
enum { CG_LIMIT = 2000 };

/* M := I + gamma S, both lower triangles. */
static void add_identity(size_t n, double gamma, const double *S, double *M) {
  for (size_t j = 0; j < n; j++) {
    for (size_t i = j; i < n; i++)
      M[j * n + i] = gamma * S[j * n + i];
    M[j * n + j] += 1;
  }
}

typedef struct sample_dual {
  ms_mu_tolerance allowed;
  double noise;           /* rounding of dnu/dt */
  double *D, *diagonal;   /* iteratively: dx/dmu of the last Jacobian, the diagonal of Z D Z' */
  double *S, *root, *row; /* Z D Z' with the loss's curvature c on both sides; sqrt(c); |Z_i| */
} sample_dual;

static size_t sample_size(const ms_flow *flow) {
  return flow->setup.problem->Z->n;
}

static ms_status sample_create(ms_flow *flow, double *y0, ms_error *err) {
  const ms_matrix *Z = flow->setup.problem->Z;
  size_t n = Z->n;
  int solver = flow->setup.solver;
  flow->iterative = flow->setup.method->implicit &&
                    (solver == MS_SOLVER_CG || (solver == MS_SOLVER_AUTO && n > DENSE_UNKNOWNS));
  size_t square = flow->setup.method->implicit && !flow->iterative ? n * n : 0;
  flow->cg = ms_doubles(flow->iterative ? 6 * n : 0);
  sample_dual *own = calloc(
      1, sizeof *own + (square + (flow->iterative ? 3 : 2) * n + (flow->iterative ? Z->d : 0)) *
                           sizeof(double));
  flow->own = own;
  flow->M = ms_doubles(square);
  ms_status status = own && flow->M && flow->cg ? MS_OK : ms_no_memory(err);
  status = ms_all_agree(status, err);
  if (status != MS_OK)
    return status;
  own->S = (double *)(own + 1);
  own->root = own->S + square;
  own->row = own->root + n;
  own->diagonal = own->row + n; /* present where they are needed */
  own->D = own->diagonal + n;
  /* An error of nu_i moves mu by the i-th row of Z: its norm is the scale of nu_i. */
  ms_matrix_row_norms(Z, own->row);
  own->allowed = ms_mu_tolerance_new(&flow->setup);
  const ms_problem *p = flow->setup.problem;
  own->noise = NOISE_PART * DBL_EPSILON * fabs(p->y[cblas_idamax((int)n, p->y, 1)]) / p->samples;
  memset(y0, 0, n * sizeof *y0);
  return MS_OK;
}

typedef struct primal_map {
  const ms_setup *setup;
  double a, *x, *D; /* x and D may be NULL */
} primal_map;

static int map_block(void *ctx, size_t first, size_t count, double *u) {
  const primal_map *m = ctx;
  const ms_param *p = m->setup->param;
  int status = p->primal(p, &m->setup->start, first, count, m->a, u, u, m->D ? m->D + first : NULL);
  if (m->x && status == 0)
    memcpy(m->x + first, u, count * sizeof *u);
  return status;
}

static int sample_read(ms_flow *flow, double t, const double *y, double *x, double *Zx) {
  primal_map map = {&flow->setup, -ms_dose_at(flow, t), x, NULL};
  flow->passes++;
  return ms_matrix_fused(flow->setup.problem->Z, y, map_block, &map, Zx);
}

static int sample_rhs(void *self, double t, const double *y, double *ydot) {
  ms_flow *flow = self;
  if (sample_read(flow, t, y, NULL, flow->Zx) != 0 || ms_unreachable(flow))
    return 1;
  ms_weighted_slope(flow, flow->Zx, ydot);
  cblas_dscal((int)flow->ode.size, -ms_warp_at(flow, t), ydot, 1);
  return 0;
}

static int sample_prepare(void *self, double t, const double *y, double gamma, bool fresh) {
  ms_flow *flow = self;
  sample_dual *own = flow->own;
  const ms_problem *p = flow->setup.problem;
  size_t n = p->Z->n;
  if (fresh) {
    primal_map map = {&flow->setup, -ms_dose_at(flow, t), NULL, flow->D};
    flow->passes += 2;
    if (ms_matrix_fused(p->Z, y, map_block, &map, flow->Zx) != 0 || ms_unreachable(flow))
      return 1;
    ms_problem_curvature(p, flow->Zx, own->root);
    for (size_t i = 0; i < n; i++) /* where f is not convex Newton's steps are shorter instead */
      own->root[i] = sqrt(fmax(own->root[i], DBL_MIN));
    if (flow->iterative) {
      memcpy(own->D, flow->D, p->Z->d * sizeof *own->D);
      ms_matrix_weighted_diagonal(p->Z, own->D, own->diagonal);
      flow->passes++;
    } else if (ms_matrix_weighted_gram(p->Z, flow->D, own->S) != 0) {
      return -1;
    }
    for (size_t j = 0; j < n && !flow->iterative; j++)
      for (size_t i = j; i < n; i++)
        own->S[j * n + i] *= own->root[i] * own->root[j];
  }
  flow->gamma = gamma * ms_warp_at(flow, t);
  if (flow->iterative)
    return 0;
  add_identity(n, gamma * ms_warp_at(flow, t), own->S, flow->M);
  return ms_spd_factor(n, flow->M);
}

/* out = (I + gamma root Z D Z' root) v */
static int sample_apply(void *self, const double *v, double *out) {
  ms_flow *flow = self;
  const sample_dual *own = flow->own;
  size_t n = flow->ode.size;
  double *scaled = flow->cg + 4 * n;
  for (size_t i = 0; i < n; i++)
    scaled[i] = own->root[i] * v[i];
  ms_matrix_weighted_apply(flow->setup.problem->Z, own->D, scaled, out);
  flow->passes++;
  for (size_t i = 0; i < n; i++)
    out[i] = v[i] + flow->gamma * own->root[i] * out[i];
  return 0;
}

static int sample_solve_iteratively(ms_flow *flow, double *b) {
  const sample_dual *own = flow->own;
  size_t n = flow->ode.size;
  double *diagonal = flow->cg + 5 * n;
  for (size_t i = 0; i < n; i++)
    diagonal[i] = 1 + flow->gamma * own->root[i] * own->root[i] * own->diagonal[i];
  size_t used = 0;
  int status = ms_cg(n, sample_apply, flow, diagonal, CG_TOLERANCE, CG_LIMIT, b, flow->cg, &used);
  flow->iterations += used;
  return status == MS_CG_LIMIT ? 0 : status > 0 ? 1 : status; /* not solved: a smaller step */
}

/* (I + gamma C S) z = b with C = root^2, through the symmetric I + gamma root S root. */
static int sample_solve(void *self, double *b) {
  ms_flow *flow = self;
  sample_dual *own = flow->own;
  size_t n = flow->ode.size;
  for (size_t i = 0; i < n; i++)
    b[i] /= own->root[i];
  if (flow->iterative) {
    int status = sample_solve_iteratively(flow, b);
    if (status)
      return status;
  } else {
    ms_spd_solve(n, flow->M, b);
  }
  for (size_t i = 0; i < n; i++)
    b[i] *= own->root[i];
  return 0;
}

/* Beyond what double precision resolves (of the state, and of a right-hand side rounded for a time
 * t) no step is small enough: such errors are let pass. */
static void sample_tolerance(void *self, double t, const double *y, double *tolerance) {
  const ms_flow *flow = self;
  const sample_dual *own = flow->own;
  double allowed = ms_mu_tolerance_at(&own->allowed, &flow->setup, t);
  allowed = fmax(allowed, ms_rounded_mu(flow, own->row, y));
  for (size_t i = 0; i < flow->ode.size; i++)
    tolerance[i] = allowed / fmax(own->row[i], DBL_MIN) + 4 * DBL_EPSILON * fabs(y[i]) +
                   own->noise * flow->strength * t * ms_warp_at(flow, t);
}

static double sample_stray(void *self, double t0, const double *y0, double t1, const double *y1,
                           const double *middle) {
  const ms_flow *flow = self;
  const sample_dual *own = flow->own;
  double sum = 0; /* |Z' d|_2 of orthogonal rows: at least every |d mu_j| */
  for (size_t i = 0; i < flow->ode.size; i++) {
    double moved = own->row[i] * (middle ? middle[i] - (y0[i] + y1[i]) / 2 : y1[i] - y0[i]);
    sum += moved * moved;
  }
  return ms_mu_steepness(flow->setup.param, 1) /
             ms_resolved_warp(flow->setup.param, -ms_dose_at(flow, t1)) * sqrt(sum) +
         ms_dose_stray(flow, t0, t1);
}

static void sample_component(void *self, size_t i, char *name, size_t size) {
  (void)self;
  snprintf(name, size, "nu[%zu]", i);
}

const ms_flow_class ms_flow_class_sample_dual = {"sample-dual",
                                                 "mirror flow, n unknowns: mu = Z' nu",
                                                 true,
                                                 sample_size,
                                                 sample_create,
                                                 sample_rhs,
                                                 sample_prepare,
                                                 sample_solve,
                                                 sample_tolerance,
                                                 sample_component,
                                                 sample_stray,
                                                 sample_read,
                                                 ms_mirror_place};
