#include "flow/flow.h"
#include "flow/rest.h"
#include "flow/weights.h"
#include "linalg/cg.h"
#include "parallel/comm.h"
#include "param/hyperbolic.h"
#include "problem/kkt.h"
#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Whether the flow has ended is asked every so many steps: it costs two passes over Z. */
enum { CHECK_EVERY = 4, CHECK_TRAINING_EVERY = 64 };
/* Weights of a gradient flow whose Newton matrix still fits: 1 GB. */
enum { IMPLICIT_WEIGHTS = 12000 };
/* Unknowns of a mirror flow up to which Newton's matrix is formed and factored. */
enum { DENSE_UNKNOWNS = 2500 };
/* Relative residual of conjugate gradients: well below what Newton's method leaves. */
static const double CG_TOLERANCE = 1e-6;
enum { CG_LIMIT = 2000 };
/* Steps late in a run are a few hundredths of the time so far: for so long rounding adds up. */
static const double NOISE_PART = 1.0 / 32;
/* Losses so many times as far above the least as those of 0 and x0 are no place for a flow, see
 * unreachable(). */
static const double UNREACHABLE_LOSS = 100;
/* So near the end of its domain, relative to the domain at first, mu counts as there. */
static const double END_OF_DOMAIN = 1e-9;
static const double LEAST_WARP = 1e-12;
/* Roundings of the largest mu that a step may err by under a time warp. */
static const double ROUNDED_MU = 8;
/* Error of x, relative, by the rounding of mu alone, up to which a mirror flow goes on. */
static const double UNRESOLVED = 1e-7;
/* Smallest amplitude of w, as a logarithm, whose square is safely a normal number. */
static const double LN_SMALLEST = -330;
/* The smallest |w| behind a logarithm: only ratios of what it multiplies are left there. */
static const double LN_LEAST = -700;
/* ln(beta / size of x) up to which x keeps enough digits as a difference of numbers like beta. */
static const double LN_LARGEST_RATIO = 18;

/* -a: what R_a and the weights know of. */
static double dose_of(const ms_setup *s, double t) {
  return ms_schedule_dose(s->schedule, t) - s->dose_before;
}

static double dose_at(const ms_flow *flow, double t) {
  return dose_of(&flow->setup, t);
}

/* alpha within the present piece: at its end the limit from the left. */
static double alpha_at(const ms_flow *flow, double t) {
  if (t >= flow->piece_to)
    return ms_schedule_alpha_before(flow->setup.schedule, flow->piece_to);
  return ms_schedule_alpha(flow->setup.schedule, t);
}

void ms_flow_gradient(const ms_problem *p, const double *Zx, double *r, double *g) {
  ms_problem_slope(p, Zx, r);
  ms_matrix_tmul(p->Z, r, g);
}

/* Factor of grad f in dmu/dt, see ms_param. */
static double warp_at(const ms_flow *flow, double t) {
  const ms_param *p = flow->setup.param;
  return p->warp ? p->warp(p, -dose_at(flow, t)) : 1;
}

/* r = df/d(Zx), with the samples' weights. */
static void weighted_slope(ms_flow *flow, const double *Zx, double *r) {
  const ms_problem *p = flow->setup.problem;
  ms_problem_slope(p, Zx, r);
  for (size_t i = 0; flow->weight && i < p->Z->n; i++)
    r[i] *= flow->weight[i];
  flow->strength = ms_problem_strength(p, r);
}

/* M := I + gamma S, both lower triangles. */
static void add_identity(size_t n, double gamma, const double *S, double *M) {
  for (size_t j = 0; j < n; j++) {
    for (size_t i = j; i < n; i++)
      M[j * n + i] = gamma * S[j * n + i];
    M[j * n + j] += 1;
  }
}

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

typedef struct mu_tolerance {
  double most, size;     /* size of x; 0: not known */
  size_t widest;         /* the coordinate of largest beta */
  double ln_beta, kappa; /* its start */
} mu_tolerance;

static double steepness(const ms_param *p, double size) {
  return p->steepness ? p->steepness(p, size) : p->rate;
}

static mu_tolerance mu_tolerance_new(const ms_setup *s) {
  mu_tolerance e = {.most = s->atol};
  double size = ms_flow_solution_size(s), steep = steepness(s->param, size > 0 ? size : 1);
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
static double resolved_warp(const ms_param *p, double a) {
  return p->warp ? fmax(p->warp(p, a), LEAST_WARP) : 1;
}

/* What the rounding of mu itself makes of it, under a time warp that has shrunk what mu may be
 * wrong by to that size: an error estimate below it is noise, and no step is small enough. One
 * number of the state is rounded like the largest, because Newton's systems mix them. `row`: the
 * scale of each number in mu, NULL: 1. */
static double rounded_mu(const ms_flow *flow, const double *row, const double *y) {
  double largest = 0;
  if (!flow->setup.param->warp)
    return 0;
  for (size_t i = 0; i < flow->ode.size; i++)
    largest = fmax(largest, (row ? row[i] : 1) * fabs(y[i]));
  return ROUNDED_MU * DBL_EPSILON * largest;
}

static double mu_tolerance_at(const mu_tolerance *e, const ms_setup *s, double t) {
  const ms_param *p = s->param;
  double mu = 0, x, dx, a = -dose_of(s, t);
  double most = e->most * resolved_warp(p, a);
  const ms_start start = {&e->ln_beta, &e->kappa};
  p = ms_param_of(p, e->widest);
  if (!(e->size > 0) || p->primal(p, &start, 0, 1, a, &mu, &x, &dx) != 0)
    return most;
  return dx * most > e->size ? e->size / dx : most;
}

/* ---- sample dual: dnu/dt = -slope(Z x),  x = grad Q_a(Z' nu) -------------------------------- */

typedef struct sample_dual {
  mu_tolerance allowed;
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
  own->allowed = mu_tolerance_new(&flow->setup);
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

/* kappa has x, so that mu = 0. */
static bool mirror_place(ms_flow *flow, const double *x, double *y) {
  const ms_setup *s = &flow->setup;
  mu_tolerance *e = flow->own; /* the first of what both forms have */
  (void)x;
  e->ln_beta = ms_matrix_at(s->problem->Z, s->start.ln_beta, e->widest);
  e->kappa = ms_matrix_at(s->problem->Z, s->start.kappa, e->widest);
  memset(y, 0, flow->ode.size * sizeof *y);
  return true;
}

static int sample_read(ms_flow *flow, double t, const double *y, double *x, double *Zx) {
  primal_map map = {&flow->setup, -dose_at(flow, t), x, NULL};
  flow->passes++;
  return ms_matrix_fused(flow->setup.problem->Z, y, map_block, &map, Zx);
}

/* Is x where no flow can be? It never climbs far above the losses of 0 and of x0. A trial point
 * that does is no finite number in disguise: there x is exponentially far off, Newton's steps are
 * short whatever the error, and the iteration takes that for convergence. */
static bool unreachable(const ms_flow *flow) {
  return !(ms_problem_loss(flow->setup.problem, flow->Zx) <= flow->highest_loss);
}

static int sample_rhs(void *self, double t, const double *y, double *ydot) {
  ms_flow *flow = self;
  if (sample_read(flow, t, y, NULL, flow->Zx) != 0 || unreachable(flow))
    return 1;
  weighted_slope(flow, flow->Zx, ydot);
  cblas_dscal((int)flow->ode.size, -warp_at(flow, t), ydot, 1);
  return 0;
}

static int sample_prepare(void *self, double t, const double *y, double gamma, bool fresh) {
  ms_flow *flow = self;
  sample_dual *own = flow->own;
  const ms_problem *p = flow->setup.problem;
  size_t n = p->Z->n;
  if (fresh) {
    primal_map map = {&flow->setup, -dose_at(flow, t), NULL, flow->D};
    flow->passes += 2;
    if (ms_matrix_fused(p->Z, y, map_block, &map, flow->Zx) != 0 || unreachable(flow))
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
  flow->gamma = gamma * warp_at(flow, t);
  if (flow->iterative)
    return 0;
  add_identity(n, gamma * warp_at(flow, t), own->S, flow->M);
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
  double allowed = mu_tolerance_at(&own->allowed, &flow->setup, t);
  allowed = fmax(allowed, rounded_mu(flow, own->row, y));
  for (size_t i = 0; i < flow->ode.size; i++)
    tolerance[i] = allowed / fmax(own->row[i], DBL_MIN) + 4 * DBL_EPSILON * fabs(y[i]) +
                   own->noise * flow->strength * t * warp_at(flow, t);
}

/* Of -2LA(t), the part of all exponents that the schedule moves. */
static double dose_stray(const ms_flow *flow, double t0, double t1) {
  enum { PARTS = 8 };
  double A0 = dose_at(flow, t0), A1 = dose_at(flow, t1), most = 0;
  for (int i = 1; i < PARTS; i++) {
    double part = (double)i / PARTS;
    most = fmax(most, fabs(dose_at(flow, t0 + part * (t1 - t0)) - A0 - part * (A1 - A0)));
  }
  return 2 * flow->setup.param->degree * most;
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
  return steepness(flow->setup.param, 1) / resolved_warp(flow->setup.param, -dose_at(flow, t1)) *
             sqrt(sum) +
         dose_stray(flow, t0, t1);
}

static void sample_component(void *self, size_t i, char *name, size_t size) {
  (void)self;
  snprintf(name, size, "nu[%zu]", i);
}

/* ---- dual: dmu/dt = -grad f(x),  x = grad Q_a(mu) ------------------------------------------- */

typedef struct dual {
  mu_tolerance allowed;
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
  own->allowed = mu_tolerance_new(&flow->setup);
  own->noise = NOISE_PART * DBL_EPSILON * flow->setup.gradient_scale;
  memset(y0, 0, d * sizeof *y0);
  return MS_OK;
}

static int dual_read(ms_flow *flow, double t, const double *y, double *x, double *Zx) {
  const ms_setup *s = &flow->setup;
  int status =
      s->param->primal(s->param, &s->start, 0, s->problem->Z->d, -dose_at(flow, t), y, x, flow->D);
  if (status == 0) {
    ms_matrix_mul(s->problem->Z, x, Zx);
    flow->passes++;
  }
  return status;
}

static int dual_rhs(void *self, double t, const double *y, double *ydot) {
  ms_flow *flow = self;
  if (dual_read(flow, t, y, flow->x, flow->Zx) != 0 || unreachable(flow))
    return 1;
  weighted_slope(flow, flow->Zx, flow->Zx);
  ms_matrix_tmul(flow->setup.problem->Z, flow->Zx, ydot);
  flow->passes++;
  for (size_t j = 0; flow->setup.param->force && j < flow->ode.size; j++)
    ydot[j] = flow->setup.param->force(flow->setup.param, ydot[j]);
  cblas_dscal((int)flow->ode.size, -warp_at(flow, t), ydot, 1);
  return 0;
}

/* M = I + gamma D^1/2 H D^1/2 stands for I + gamma H D, see dual_solve. */
static int dual_prepare(void *self, double t, const double *y, double gamma, bool fresh) {
  ms_flow *flow = self;
  dual *own = flow->own;
  const ms_problem *p = flow->setup.problem;
  size_t d = p->Z->d;
  if (fresh) {
    if (dual_read(flow, t, y, flow->x, flow->Zx) != 0 || unreachable(flow))
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
  gamma *= warp_at(flow, t);
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
  double allowed = mu_tolerance_at(&own->allowed, &flow->setup, t);
  allowed = fmax(allowed, rounded_mu(flow, NULL, y));
  for (size_t j = 0; j < flow->ode.size; j++)
    tolerance[j] =
        allowed + 4 * DBL_EPSILON * fabs(y[j]) + own->noise * flow->strength * t * warp_at(flow, t);
}

static double dual_stray(void *self, double t0, const double *y0, double t1, const double *y1,
                         const double *middle) {
  const ms_flow *flow = self;
  double most = 0;
  for (size_t j = 0; j < flow->ode.size; j++)
    most = fmax(most, fabs(middle ? middle[j] - (y0[j] + y1[j]) / 2 : y1[j] - y0[j]));
  return steepness(flow->setup.param, 1) / resolved_warp(flow->setup.param, -dose_at(flow, t1)) *
             most +
         dose_stray(flow, t0, t1);
}

static void dual_component(void *self, size_t i, char *name, size_t size) {
  (void)self;
  snprintf(name, size, "mu[%zu]", i);
}

/* ---- gradient: dw/dt = -J_g' grad f(g(w)) - alpha grad h(w),  h = |w|^2 --------------------- */

/* w is stored as `width` blocks of d: the first number of each coordinate, then the second, ...
 * Where ms_weights_in_logs() says so ln |w| is stored instead, and the sign of w aside. */
typedef struct gradient {
  bool logs;
  double size;       /* of x, see ms_flow_solution_size */
  double *floor, *H; /* absolute tolerance, width*d; curvature Z' C Z of f, d*d */
  double *weight;    /* w of the present Newton matrix, width*d */
  bool have_H;
  /* Of an h = |v| for one number v of each coordinate: the sign of v, 0 where v is held at 0. What
   * counts as 0 of v, and as nothing of a force against alpha. With logs: the sign of w. */
  double *side, surface, slack;
  double kinked; /* absolute tolerance of v */
  double noise;  /* rounding of d ln |w| / dt */
} gradient;

static size_t gradient_size(const ms_flow *flow) {
  return flow->setup.param->width * flow->setup.problem->Z->d;
}

/* The weights of coordinate j in the state y. */
static void gather(const ms_flow *flow, const double *y, size_t j, double *one) {
  const gradient *own = flow->own;
  size_t d = flow->setup.problem->Z->d, width = flow->setup.param->width;
  for (size_t b = 0; b < width; b++)
    one[b] = own->logs ? own->side[j] * exp(fmax(y[b * d + j], LN_LEAST)) : y[b * d + j];
}

static void decay(const ms_param *p, const double *w, double *dh, double *d2h) {
  if (p->decay) {
    p->decay(p, w, dh, d2h);
    return;
  }
  for (size_t b = 0; b < p->width; b++) { /* of a kink: what is left without it */
    dh[b] = p->kink ? 0 : 2 * w[b];
    d2h[b] = p->kink ? 0 : 2;
  }
}

bool ms_flow_representable(const ms_setup *s) {
  double w[MS_WIDTH_MAX], total = ms_schedule_total(s->schedule);
  double ln_size = log(ms_flow_solution_size(s)); /* -inf for y = 0: nothing to compare with */
  for (size_t j = 0; j < s->problem->Z->d; j++) {
    double ln_beta = s->start.ln_beta[j];
    const ms_param *param = ms_param_of(s->param, j);
    if (!param->weights(param, ln_beta, s->start.kappa[j], w))
      return false;
    if (isfinite(ln_size) && ln_beta - ln_size > LN_LARGEST_RATIO)
      return false;
    /* A coordinate that weight decay shrinks and then releases must not vanish meanwhile. */
    if (isfinite(total) && ln_beta / 2 - fabs(s->start.kappa[j]) / 2 - 2 * total < LN_SMALLEST)
      return false;
  }
  return true;
}

bool ms_flow_weights(const ms_param *p, double ln_beta, double x, double *w) {
  double dg[MS_WIDTH_MAX], sum = 0;
  if (!p->weights(p, ln_beta, ms_scaled_asinh(x, ln_beta), w))
    return false;
  p->slope(p, w, dg);
  for (size_t b = 0; b < p->width; b++)
    sum += dg[b] * dg[b];
  double part = (x - p->map(p, w)) / sum; /* what the exponentials' rounding has left of x */
  for (size_t b = 0; b < p->width; b++)
    w[b] += part * dg[b];
  return true;
}

/* The weights of the j-th coordinate at a start. Errors count relative to w, down to well below
 * what the dose leaves of them. */
static void begin_at(ms_flow *flow, size_t j, const double *one, double *y) {
  const ms_setup *s = &flow->setup;
  gradient *own = flow->own;
  size_t d = s->problem->Z->d, width = s->param->width;
  double least = INFINITY;
  if (own->logs)
    own->side[j] = copysign(1, one[0]);
  for (size_t b = 0; b < width; b++) {
    y[b * d + j] = own->logs ? log(fabs(one[b])) : one[b];
    least = one[b] != 0 ? fmin(least, fabs(one[b])) : least;
  }
  for (size_t b = 0; b < width; b++)
    own->floor[b * d + j] = s->param->kink ? own->kinked : ms_weights_floor(s, least);
}

static ms_status gradient_create(ms_flow *flow, double *y0, ms_error *err) {
  const ms_setup *s = &flow->setup;
  size_t d = s->problem->Z->d, width = s->param->width, p = width * d;
  bool implicit = s->method->implicit;
  if (implicit && p > IMPLICIT_WEIGHTS)
    return ms_fail(err, MS_UNSUPPORTED,
                   "the gradient flow of %zu weights is too large for --method %s (at most %zu): "
                   "--flow mirror has as many unknowns as samples, --method adams and gd need no "
                   "matrix",
                   p, s->method->name, (size_t)IMPLICIT_WEIGHTS);
  gradient *own = calloc(1, sizeof *own + ((implicit ? d * d : 0) + 2 * p + d) * sizeof(double));
  flow->own = own;
  flow->M = ms_doubles(implicit ? p * p : 0);
  if (!own || !flow->M)
    return ms_no_memory(err);
  own->H = (double *)(own + 1);
  own->floor = own->H + (implicit ? d * d : 0);
  own->weight = own->floor + p;
  own->side = own->weight + p;
  own->size = ms_flow_solution_size(s);
  own->logs = ms_weights_in_logs(s);
  own->noise = NOISE_PART * DBL_EPSILON * s->gradient_scale;
  /* Numbers that pass through 0 have no relative error. */
  own->kinked = s->rtol / 10 * (own->size > 0 ? pow(own->size, 1 / s->param->degree) : 1);
  own->surface = own->kinked / 10;
  own->slack = s->rtol / 100 * s->gradient_scale;
  for (size_t j = 0; j < d; j++) {
    double one[MS_WIDTH_MAX];
    const ms_param *param = ms_param_of(s->param, j);
    for (size_t b = 0; s->start_w && b < width; b++)
      one[b] = s->start_w[b * d + j];
    if (!s->start_w && !param->weights(param, s->start.ln_beta[j], s->start.kappa[j], one))
      return ms_fail(err, MS_UNSUPPORTED,
                     "the weights w behind --init-scale are too small or too "
                     "large for double precision; --flow mirror has no such "
                     "limit");
    begin_at(flow, j, one, y0);
  }
  return MS_OK;
}

static bool gradient_place(ms_flow *flow, const double *x, double *y) {
  const ms_setup *s = &flow->setup;
  for (size_t j = 0; j < s->problem->Z->d; j++) {
    double one[MS_WIDTH_MAX];
    if (!ms_flow_weights(s->param, s->start.ln_beta[j], x[j], one))
      return false;
    begin_at(flow, j, one, y);
  }
  return true;
}

static int gradient_read(ms_flow *flow, double t, const double *y, double *x, double *Zx) {
  const ms_setup *s = &flow->setup;
  size_t d = s->problem->Z->d;
  (void)t;
  for (size_t j = 0; j < d; j++) {
    double one[MS_WIDTH_MAX];
    const ms_param *param = ms_param_of(s->param, j);
    gather(flow, y, j, one);
    x[j] = param->map(param, one);
    if (!isfinite(x[j]))
      return 1;
  }
  ms_matrix_mul(s->problem->Z, x, Zx);
  flow->passes++;
  return 0;
}

/* y_v of the kinked h: the v of coordinate j. */
static size_t kinked_at(const ms_flow *flow, size_t j) {
  return (flow->setup.param->kink - 1) * flow->setup.problem->Z->d + j;
}

/* -dg/dv grad f of coordinate j, what pulls at its v besides h; grad f is in flow->g. */
static double force_on(const ms_flow *flow, const double *y, size_t j) {
  const ms_param *p = flow->setup.param;
  double one[MS_WIDTH_MAX], dg[MS_WIDTH_MAX];
  gather(flow, y, j, one);
  p->slope(p, one, dg);
  return -flow->g[j] * dg[p->kink - 1];
}

static int gradient_rhs(void *self, double t, const double *y, double *ydot) {
  ms_flow *flow = self;
  const gradient *own = flow->own;
  const ms_setup *s = &flow->setup;
  size_t d = s->problem->Z->d, width = s->param->width;
  int status = gradient_read(flow, t, y, flow->x, flow->Zx);
  if (status)
    return status;
  if (own->logs && unreachable(flow))
    return 1;
  weighted_slope(flow, flow->Zx, flow->Zx);
  ms_matrix_tmul(s->problem->Z, flow->Zx, flow->g);
  flow->passes++;
  bool split = s->param->after && s->method->discrete;
  double alpha = split ? 0 : alpha_at(flow, t);
  for (size_t j = 0; j < d; j++) {
    double one[MS_WIDTH_MAX], dg[MS_WIDTH_MAX], dh[MS_WIDTH_MAX], d2h[MS_WIDTH_MAX];
    const ms_param *param = ms_param_of(s->param, j);
    bool moves = param->velocity && !split;
    gather(flow, y, j, one);
    if (moves)
      param->velocity(param, flow->g[j], one, dg);
    else
      param->slope(param, one, dg);
    decay(s->param, one, dh, d2h);
    double factor = moves ? 1 : -flow->g[j];
    for (size_t b = 0; b < width; b++)
      ydot[b * d + j] = (factor * dg[b] - alpha * dh[b]) / (own->logs ? one[b] : 1);
    if (s->param->kink && !s->method->discrete) {
      size_t v = kinked_at(flow, j);
      ydot[v] = own->side[j] == 0 ? 0 : ydot[v] - alpha * own->side[j];
    }
  }
  return 0;
}

static bool forces(ms_flow *flow, double t, const double *y) {
  if (gradient_read(flow, t, y, flow->x, flow->Zx) != 0)
    return false;
  weighted_slope(flow, flow->Zx, flow->Zx);
  ms_matrix_tmul(flow->setup.problem->Z, flow->Zx, flow->g);
  flow->passes++;
  return true;
}

/* Is every v on its side, and every force on a v held at 0 too weak to move it? */
static bool gradient_holds(void *self, double t, const double *y) {
  ms_flow *flow = self;
  const gradient *own = flow->own;
  double alpha = alpha_at(flow, t);
  if (!forces(flow, t, y))
    return true; /* for others to see */
  for (size_t j = 0; j < flow->setup.problem->Z->d; j++)
    if (own->side[j] != 0 ? own->side[j] * y[kinked_at(flow, j)] < -own->surface
                          : fabs(force_on(flow, y, j)) > alpha + own->slack)
      return false;
  return true;
}

static void gradient_choose(void *self, double t, double *y) {
  ms_flow *flow = self;
  gradient *own = flow->own;
  double alpha = alpha_at(flow, t);
  size_t d = flow->setup.problem->Z->d;
  for (size_t j = 0; j < d; j++) {
    double *v = &y[kinked_at(flow, j)];
    bool crossed = own->side[j] * *v < -own->surface / 2;
    if (crossed || fabs(*v) <= own->surface / 2)
      *v = 0;
  }
  if (!forces(flow, t, y))
    return;
  for (size_t j = 0; j < d; j++) {
    double v = y[kinked_at(flow, j)], force = force_on(flow, y, j);
    own->side[j] = v != 0 ? copysign(1, v) : fabs(force) > alpha ? copysign(1, force) : 0;
  }
}

static void soft_threshold(void *self, double t, double step, double *y) {
  ms_flow *flow = self;
  double threshold = step * alpha_at(flow, t);
  for (size_t j = 0; j < flow->setup.problem->Z->d; j++) {
    double *v = &y[kinked_at(flow, j)];
    *v = copysign(fmax(fabs(*v) - threshold, 0), *v);
  }
}

/* With the gradient that the step was made with. */
static void parametric_step(void *self, double t, double step, double *y) {
  ms_flow *flow = self;
  const ms_param *p = flow->setup.param;
  size_t d = flow->setup.problem->Z->d;
  double alpha = alpha_at(flow, t);
  for (size_t j = 0; j < d; j++) {
    double one[MS_WIDTH_MAX];
    gather(flow, y, j, one);
    p->after(p, flow->g[j], alpha, step, one);
    for (size_t b = 0; b < p->width; b++)
      y[b * d + j] = one[b];
  }
}

static double gradient_stray(void *self, double t0, const double *y0, double t1, const double *y1,
                             const double *middle) {
  (void)t0, (void)t1;
  return ms_weights_stray(self, y0, y1, middle);
}

/* M = I + gamma (J_g' H J_g + sum_j g_j grad^2 g_j + alpha grad^2 h): symmetric, and positive
 * definite for every gamma that resolves the growth along directions of negative curvature. */
static int gradient_prepare(void *self, double t, const double *y, double gamma, bool fresh) {
  ms_flow *flow = self;
  gradient *own = flow->own;
  const ms_setup *s = &flow->setup;
  const ms_problem *p = s->problem;
  size_t d = p->Z->d, width = s->param->width, size = width * d;
  (void)fresh; /* assembling costs d^2, factoring d^3: always at the present state */
  int status = gradient_read(flow, t, y, flow->x, flow->Zx);
  if (status)
    return status;
  if (own->logs && unreachable(flow))
    return 1;
  if (!own->have_H || !p->loss->quadratic) {
    double *c = flow->D;
    ms_problem_curvature(p, flow->Zx, c);
    if (ms_matrix_curvature(p->Z, c, own->H) != 0)
      return -1;
    flow->passes++;
    own->have_H = true;
  }
  ms_flow_gradient(p, flow->Zx, flow->Zx, flow->g);
  flow->passes++;
  double alpha = alpha_at(flow, t);
  double *slopes = flow->slopes;
  for (size_t j = 0; j < d; j++) {
    double one[MS_WIDTH_MAX], dg[MS_WIDTH_MAX];
    const ms_param *param = ms_param_of(s->param, j);
    gather(flow, y, j, one);
    param->slope(param, one, dg);
    for (size_t b = 0; b < width; b++)
      slopes[b * d + j] = dg[b];
    if (s->param->kink && own->side[j] == 0) /* does not move */
      slopes[kinked_at(flow, j)] = 0;
  }
  for (size_t b = 0; b < width; b++)
    for (size_t j = 0; j < d; j++) {
      double *column = flow->M + (b * d + j) * size, factor = gamma * slopes[b * d + j];
      for (size_t c = b; c < width; c++)
        for (size_t i = c == b ? j : 0; i < d; i++)
          column[c * d + i] =
              factor * slopes[c * d + i] * (i >= j ? own->H[j * d + i] : own->H[i * d + j]);
    }
  for (size_t j = 0; j < d; j++) {
    double one[MS_WIDTH_MAX], bend[MS_WIDTH_MAX * MS_WIDTH_MAX];
    double dh[MS_WIDTH_MAX], d2h[MS_WIDTH_MAX];
    const ms_param *param = ms_param_of(s->param, j);
    gather(flow, y, j, one);
    param->bend(param, one, bend);
    decay(s->param, one, dh, d2h);
    for (size_t b = 0; b < width; b++) {
      flow->M[(b * d + j) * (size + 1)] += 1 + gamma * alpha * d2h[b];
      if (own->logs) /* of d ln |w| / dt; the rest is that of w between diag(1/w) and diag(w) */
        flow->M[(b * d + j) * (size + 1)] -=
            gamma * (flow->g[j] * slopes[b * d + j] + alpha * dh[b]) / one[b];
      own->weight[b * d + j] = one[b];
    }
    for (size_t b = 0; b < width; b++)
      for (size_t c = b; c < width; c++)
        if (!s->param->kink || own->side[j] != 0)
          flow->M[(b * d + j) * size + c * d + j] += gamma * flow->g[j] * bend[b * width + c];
  }
  return ms_spd_factor(size, flow->M);
}

static int gradient_solve(void *self, double *b) {
  ms_flow *flow = self;
  const gradient *own = flow->own;
  for (size_t i = 0; own->logs && i < flow->ode.size; i++)
    b[i] *= own->weight[i];
  ms_spd_solve(flow->ode.size, flow->M, b);
  for (size_t i = 0; own->logs && i < flow->ode.size; i++)
    b[i] /= own->weight[i];
  return 0;
}

/* Relative to w, and where w is large against x = g(w), relative to what x notices of it. Where x
 * itself moves in a metric of its own, what is wrong near 0 grows with it: as much as mu may be. */
static void gradient_tolerance(void *self, double t, const double *y, double *tolerance) {
  const ms_flow *flow = self;
  const gradient *own = flow->own;
  size_t d = flow->setup.problem->Z->d, width = flow->setup.param->width;
  double rtol = flow->setup.rtol / (double)width;
  for (size_t j = 0; j < d; j++) {
    double one[MS_WIDTH_MAX], dg[MS_WIDTH_MAX];
    const ms_param *param = ms_param_of(flow->setup.param, j);
    gather(flow, y, j, one);
    if (width == 1 && param->velocity) {
      param->velocity(param, -1, one, dg);
      tolerance[j] = rtol * dg[0] / steepness(param, own->size > 0 ? own->size : 1) +
                     16 * DBL_EPSILON * fabs(one[0]);
      continue;
    }
    param->slope(param, one, dg);
    double noticed = rtol * fmax(fabs(param->map(param, one)), own->size);
    for (size_t b = 0; own->logs && b < width; b++)
      tolerance[b * d + j] = ms_weights_log_tolerance(&flow->setup, one[b], dg[b], noticed) +
                             own->noise * flow->strength * t;
    for (size_t b = 0; !own->logs && b < width; b++) {
      double relative = rtol * fabs(one[b]) + own->floor[b * d + j];
      if (noticed > 0 && relative * fabs(dg[b]) > noticed)
        relative = fmax(noticed / fabs(dg[b]), 16 * DBL_EPSILON * fabs(one[b]));
      tolerance[b * d + j] = relative;
    }
  }
}

void ms_flow_read_weights(const ms_flow *flow, double *w) {
  size_t d = flow->setup.problem->Z->d, width = flow->setup.param->width;
  double one[MS_WIDTH_MAX];
  for (size_t j = 0; j < d; j++) {
    gather(flow, flow->integrator->out, j, one);
    for (size_t b = 0; b < width; b++)
      w[b * d + j] = one[b];
  }
}

static void gradient_component(void *self, size_t i, char *name, size_t size) {
  const ms_flow *flow = self;
  size_t d = flow->setup.problem->Z->d;
  snprintf(name, size, "w_%zu[%zu]", i / d, i % d);
}

double ms_flow_invariant_drift(const ms_flow *flow, double t) {
  const ms_setup *s = &flow->setup;
  if (flow->class->mirror || !s->param->scale)
    return NAN;
  size_t d = s->problem->Z->d;
  double drift = 0, largest = 0, dose = dose_at(flow, t);
  for (size_t j = 0; j < d; j++) {
    double one[MS_WIDTH_MAX];
    gather(flow, flow->integrator->out, j, one);
    largest = fmax(largest, fmax(ms_weights_size(s, one), s->rtol * ms_weights_start_size(s, j)));
    drift = fmax(drift, fabs(s->param->scale(s->param, one) -
                             exp(s->param->ln_scale(s->param, s->start.ln_beta[j], -dose))));
  }
  return largest > 0 ? drift / largest : 0;
}

/* ---- the list ------------------------------------------------------------------------------- */

static const ms_flow_class classes[] = {
    {"gradient", "gradient flow of the weights, dw/dt = -J_g' grad f - alpha grad h", false,
     gradient_size, gradient_create, gradient_rhs, gradient_prepare, gradient_solve,
     gradient_tolerance, gradient_component, NULL, gradient_read, gradient_place},
    {"dual", "mirror flow, d unknowns: dmu/dt = -grad f(grad Q_a(mu))", true, dual_size,
     dual_create, dual_rhs, dual_prepare, dual_solve, dual_tolerance, dual_component, dual_stray,
     dual_read, mirror_place},
    {"sample-dual", "mirror flow, n unknowns: mu = Z' nu", true, sample_size, sample_create,
     sample_rhs, sample_prepare, sample_solve, sample_tolerance, sample_component, sample_stray,
     sample_read, mirror_place},
};

const ms_flow_class *ms_flow_class_at(size_t i) {
  return i < sizeof classes / sizeof *classes ? &classes[i] : NULL;
}

const ms_flow_class *ms_flow_class_find(const char *name) {
  for (size_t i = 0; ms_flow_class_at(i); i++)
    if (strcmp(classes[i].name, name) == 0)
      return &classes[i];
  return NULL;
}

/* ---- one flow ------------------------------------------------------------------------------- */

const double *ms_flow_mu(ms_flow *flow, const double *y) {
  if (flow->class->size != sample_size)
    return y;
  ms_matrix_tmul(flow->setup.problem->Z, y, flow->g);
  return flow->g;
}

double ms_flow_next_reset(const ms_setup *s, double t) {
  if (!(s->reset_every > 0))
    return INFINITY;
  double k = floor(t / s->reset_every) + 1; /* or one less or more, by rounding */
  if ((k - 1) * s->reset_every > t)
    k--;
  if (k * s->reset_every <= t)
    k++;
  return k * s->reset_every > t ? k * s->reset_every : INFINITY;
}

static double next_break(void *self, double t) {
  const ms_flow *flow = self;
  return fmin(ms_schedule_next_break(flow->setup.schedule, t), ms_flow_next_reset(&flow->setup, t));
}

static void weigh(void *self, const double *weight) {
  ms_flow *flow = self;
  flow->weight = weight;
}

static void enter(void *self, double from, double to) {
  ms_flow *flow = self;
  (void)from;
  flow->piece_to = to;
}

void ms_flow_free(ms_flow *flow) {
  if (!flow)
    return;
  ms_integrator_free(flow->integrator);
  free(flow->own);
  free(flow->x);
  free(flow->M);
  free(flow->cg);
  free(flow);
}

static ms_status find_highest_loss(ms_flow *flow, ms_error *err) {
  const ms_problem *p = flow->setup.problem;
  flow->highest_loss = INFINITY;
  if (flow->class->read(flow, 0, flow->integrator->y, flow->x, flow->Zx) != 0)
    return ms_fail_at(err, MS_NOT_FINITE, 0, "%s: x is not finite at t = 0", flow->class->name);
  double start = ms_problem_loss(p, flow->Zx);
  memset(flow->Zx, 0, p->Z->n * sizeof *flow->Zx);
  double highest = fmax(start, ms_problem_loss(p, flow->Zx));
  /* Mirror descent may overshoot as far as it likes. */
  /* ... and weight decay on log u - log v drives x away from 0. */
  double least = ms_problem_floor(p);
  if (highest > least && !flow->setup.method->discrete && flow->setup.param->degree > 0)
    flow->highest_loss = least + UNREACHABLE_LOSS * (highest - least);
  return MS_OK;
}

ms_status ms_flow_new(ms_flow **out, const ms_flow_class *class, const ms_setup *setup,
                      ms_error *err) {
  ms_flow *flow = calloc(1, sizeof *flow);
  if (!flow)
    return ms_no_memory(err);
  size_t n = setup->problem->Z->n, d = setup->problem->Z->d;
  flow->class = class;
  flow->setup = *setup;
  flow->strength = 1;
  flow->least_residual = flow->fell_to = INFINITY;
  flow->check_every = setup->method->discrete ? CHECK_TRAINING_EVERY : CHECK_EVERY;
  /* other Jacobians than those of gradient and mirror flows: by differences */
  bool matrix_free = class->mirror ? setup->param->force != NULL : setup->param->velocity != NULL;
  flow->ode = (ms_ode){.size = class->size(flow),
                       .self = flow,
                       .log_unit = setup->log_unit,
                       .rhs = class->rhs,
                       .prepare = matrix_free ? NULL : class->prepare,
                       .solve = matrix_free ? NULL : class->solve,
                       .tolerance = class->tolerance,
                       .next_break = next_break,
                       .enter = enter,
                       .finished = ms_flow_finished,
                       .stray = class->stray,
                       .samples = n,
                       .weigh = weigh,
                       .component = class->component};
  if (!class->mirror && setup->param->kink) {
    flow->ode.holds = gradient_holds;
    flow->ode.choose = gradient_choose;
    flow->ode.after = soft_threshold;
  } else if (!class->mirror && setup->param->after) {
    flow->ode.after = parametric_step;
  }
  size_t slopes = class->mirror ? 0 : flow->ode.size;
  double *y0 = ms_doubles(flow->ode.size);
  flow->x = ms_doubles(4 * d + 2 * MS_MAX(n, d) + slopes);
  ms_status status = ms_all_agree(y0 && flow->x ? MS_OK : ms_no_memory(err), err);
  if (status == MS_OK)
    status = class->create(flow, y0, err);
  if (status == MS_OK && !class->mirror && ((const gradient *)flow->own)->logs)
    flow->ode.stray = gradient_stray;
  if (status == MS_OK) {
    flow->g = flow->x + d;
    flow->Zx = flow->g + d;
    flow->D = flow->Zx + MS_MAX(n, d);
    flow->x_before = flow->D + MS_MAX(n, d);
    flow->slopes_of_f = flow->x_before + d;
    flow->slopes = flow->slopes_of_f + d;
    status = ms_integrator_new(&flow->integrator, setup->method, &flow->ode, y0, setup->t_end,
                               setup->step_limit, &setup->training, err);
  }
  free(y0);
  if (status == MS_OK)
    status = find_highest_loss(flow, err);
  if (status != MS_OK) {
    ms_flow_free(flow);
    return status;
  }
  *out = flow;
  return MS_OK;
}

/* Has mu come to an end of its domain, as far as mu can tell? */
static bool at_end_of_domain(ms_flow *flow, double t, size_t *coordinate) {
  const ms_setup *s = &flow->setup;
  if (!flow->class->mirror || !s->param->domain)
    return false;
  const ms_matrix *Z = s->problem->Z;
  const double *mu = ms_flow_mu(flow, flow->integrator->y);
  size_t j = 0;
  for (; j < Z->d; j++) {
    double low, high, first, last, ln_beta = s->start.ln_beta[j], kappa = s->start.kappa[j];
    const ms_param *param = ms_param_of(s->param, j);
    param->domain(param, ln_beta, kappa, 0, &first, &last);
    param->domain(param, ln_beta, kappa, -dose_at(flow, t), &low, &high);
    if (fmin(mu[j] - low, high - mu[j]) <= END_OF_DOMAIN * (last - first))
      break;
  }
  *coordinate = (size_t)ms_matrix_least(Z, j < Z->d ? (double)(Z->first + j) : 0x1p62);
  return *coordinate < ms_matrix_columns(Z);
}

/* Under a time warp mu comes ever nearer to the end of its domain, until its rounding moves x. */
static bool resolves_x(ms_flow *flow, double t, const double *y) {
  return !flow->setup.param->warp || ms_flow_rounding(flow, t, y) <= UNRESOLVED;
}

ms_status ms_flow_reset(ms_flow *flow, const ms_setup *now, const double *x, ms_error *err) {
  ms_integrator *in = flow->integrator;
  flow->setup.dose_before = now->dose_before;
  flow->setup.reset_every = now->reset_every;
  flow->least_residual = flow->fell_to = INFINITY;
  if (!flow->class->place(flow, x, in->y))
    return ms_fail_at(err, MS_UNSUPPORTED, in->t,
                      "%s: at t = %.6g no weights that double precision holds have this x and the "
                      "beta of --reset-every; --flow mirror has no such limit",
                      flow->class->name, in->t);
  ms_integrator_jump(in);
  return MS_OK;
}

ms_status ms_flow_advance(ms_flow *flow, double *t, double *x, double *Zx, ms_error *err) {
  const ms_integrator *in = flow->integrator;
  ms_status status = ms_integrator_advance(flow->integrator, t, err);
  size_t j;
  if (ms_all_apart())
    return ms_fail_at(err, MS_STALLED, in->t,
                      "%s: the processes of mpirun have come to different numbers before t = %.6g; "
                      "are all of their machines alike?",
                      flow->class->name, in->t);
  if ((status == MS_NOT_FINITE || (status == MS_STALLED && in->steps < in->step_limit)) &&
      at_end_of_domain(flow, in->t, &j))
    return ms_fail_at(err, MS_OUT_OF_DOMAIN, in->t,
                      "%s: the mirror map of --param %s ends here, at t = %.10g: mu[%zu] is at the "
                      "end of its domain",
                      flow->class->name, flow->setup.param->name, in->t, j);
  if (status < 0)
    return status;
  if (!resolves_x(flow, *t, flow->integrator->out))
    return ms_fail_at(
        err, MS_OUT_OF_DOMAIN, *t,
        "%s: at the dose of t = %.6g mu has too few digits to tell x; --flow gradient "
        "has no such limit",
        flow->class->name, *t);
  if (flow->class->read(flow, *t, flow->integrator->out, x, Zx))
    return ms_fail_at(err, MS_NOT_FINITE, *t, "%s: x is not finite at t = %.6g", flow->class->name,
                      *t);
  return status;
}
