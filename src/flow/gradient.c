/* Gradient flow: dw/dt = -J_g' grad f(g(w)) - alpha grad h(w), h = |w|^2. */
#include "flow/forms.h"
#include "flow/weights.h"
#include "param/hyperbolic.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>

/* Smallest amplitude of w, as a logarithm, whose square is safely a normal number. */
static const double LN_SMALLEST = -330;
/* The smallest |w| behind a logarithm: only ratios of what it multiplies are left there. */
static const double LN_LEAST = -700;
/* ln(beta / size of x) up to which x keeps enough digits as a difference of numbers like beta. */
static const double LN_LARGEST_RATIO = 18;

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

static double gradient_stray(void *self, double t0, const double *y0, double t1, const double *y1,
                             const double *middle) {
  (void)t0, (void)t1;
  return ms_weights_stray(self, y0, y1, middle);
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
  if (own->logs)
    flow->ode.stray = gradient_stray;
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
  if (own->logs && ms_unreachable(flow))
    return 1;
  ms_weighted_slope(flow, flow->Zx, flow->Zx);
  ms_matrix_tmul(s->problem->Z, flow->Zx, flow->g);
  flow->passes++;
  bool split = s->param->after && s->method->discrete;
  double alpha = split ? 0 : ms_alpha_at(flow, t);
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
  ms_weighted_slope(flow, flow->Zx, flow->Zx);
  ms_matrix_tmul(flow->setup.problem->Z, flow->Zx, flow->g);
  flow->passes++;
  return true;
}

/* Is every v on its side, and every force on a v held at 0 too weak to move it? */
bool ms_gradient_holds(void *self, double t, const double *y) {
  ms_flow *flow = self;
  const gradient *own = flow->own;
  double alpha = ms_alpha_at(flow, t);
  if (!forces(flow, t, y))
    return true; /* for others to see */
  for (size_t j = 0; j < flow->setup.problem->Z->d; j++)
    if (own->side[j] != 0 ? own->side[j] * y[kinked_at(flow, j)] < -own->surface
                          : fabs(force_on(flow, y, j)) > alpha + own->slack)
      return false;
  return true;
}

void ms_gradient_choose(void *self, double t, double *y) {
  ms_flow *flow = self;
  gradient *own = flow->own;
  double alpha = ms_alpha_at(flow, t);
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

void ms_soft_threshold(void *self, double t, double step, double *y) {
  ms_flow *flow = self;
  double threshold = step * ms_alpha_at(flow, t);
  for (size_t j = 0; j < flow->setup.problem->Z->d; j++) {
    double *v = &y[kinked_at(flow, j)];
    *v = copysign(fmax(fabs(*v) - threshold, 0), *v);
  }
}

/* With the gradient that the step was made with. */
void ms_parametric_step(void *self, double t, double step, double *y) {
  ms_flow *flow = self;
  const ms_param *p = flow->setup.param;
  size_t d = flow->setup.problem->Z->d;
  double alpha = ms_alpha_at(flow, t);
  for (size_t j = 0; j < d; j++) {
    double one[MS_WIDTH_MAX];
    gather(flow, y, j, one);
    p->after(p, flow->g[j], alpha, step, one);
    for (size_t b = 0; b < p->width; b++)
      y[b * d + j] = one[b];
  }
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
  if (own->logs && ms_unreachable(flow))
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
  double alpha = ms_alpha_at(flow, t);
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
      tolerance[j] = rtol * dg[0] / ms_mu_steepness(param, own->size > 0 ? own->size : 1) +
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
  double drift = 0, largest = 0, dose = ms_dose_at(flow, t);
  for (size_t j = 0; j < d; j++) {
    double one[MS_WIDTH_MAX];
    gather(flow, flow->integrator->out, j, one);
    largest = fmax(largest, fmax(ms_weights_size(s, one), s->rtol * ms_weights_start_size(s, j)));
    drift = fmax(drift, fabs(s->param->scale(s->param, one) -
                             exp(s->param->ln_scale(s->param, s->start.ln_beta[j], -dose))));
  }
  return largest > 0 ? drift / largest : 0;
}

const ms_flow_class ms_flow_class_gradient = {
    "gradient",
    "gradient flow of the weights, dw/dt = -J_g' grad f - alpha grad h",
    false,
    gradient_size,
    gradient_create,
    gradient_rhs,
    gradient_prepare,
    gradient_solve,
    gradient_tolerance,
    gradient_component,
    NULL,
    gradient_read,
    gradient_place};
