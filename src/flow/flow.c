#include "flow/flow.h"
#include "flow/forms.h"
#include "flow/rest.h"
#include "flow/weights.h"
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
/* Losses so many times as far above the least as those of 0 and x0 are no place for a flow, see
 * ms_unreachable(). */
static const double UNREACHABLE_LOSS = 100;
/* So near the end of its domain, relative to the domain at first, mu counts as there. */
static const double END_OF_DOMAIN = 1e-9;
/* Error of x, relative, by the rounding of mu alone, up to which a mirror flow goes on. */
static const double UNRESOLVED = 1e-7;

/* -a: what R_a and the weights know of. */
double ms_dose_of(const ms_setup *s, double t) {
  return ms_schedule_dose(s->schedule, t) - s->dose_before;
}

double ms_dose_at(const ms_flow *flow, double t) {
  return ms_dose_of(&flow->setup, t);
}

/* alpha within the present piece: at its end the limit from the left. */
double ms_alpha_at(const ms_flow *flow, double t) {
  if (t >= flow->piece_to)
    return ms_schedule_alpha_before(flow->setup.schedule, flow->piece_to);
  return ms_schedule_alpha(flow->setup.schedule, t);
}

void ms_flow_gradient(const ms_problem *p, const double *Zx, double *r, double *g) {
  ms_problem_slope(p, Zx, r);
  ms_matrix_tmul(p->Z, r, g);
}

/* Factor of grad f in dmu/dt, see ms_param. */
double ms_warp_at(const ms_flow *flow, double t) {
  const ms_param *p = flow->setup.param;
  return p->warp ? p->warp(p, -ms_dose_at(flow, t)) : 1;
}

/* r = df/d(Zx), with the samples' weights. */
void ms_weighted_slope(ms_flow *flow, const double *Zx, double *r) {
  const ms_problem *p = flow->setup.problem;
  ms_problem_slope(p, Zx, r);
  for (size_t i = 0; flow->weight && i < p->Z->n; i++)
    r[i] *= flow->weight[i];
  flow->strength = ms_problem_strength(p, r);
}

/* Is x where no flow can be? It never climbs far above the losses of 0 and of x0. A trial point
 * that does is no finite number in disguise: there x is exponentially far off, Newton's steps are
 * short whatever the error, and the iteration takes that for convergence. */
bool ms_unreachable(const ms_flow *flow) {
  return !(ms_problem_loss(flow->setup.problem, flow->Zx) <= flow->highest_loss);
}

/* ---- the list ------------------------------------------------------------------------------- */

static const ms_flow_class *const classes[] = {&ms_flow_class_gradient, &ms_flow_class_dual,
                                               &ms_flow_class_sample_dual};

const ms_flow_class *ms_flow_class_at(size_t i) {
  return i < sizeof classes / sizeof *classes ? classes[i] : NULL;
}

const ms_flow_class *ms_flow_class_find(const char *name) {
  for (size_t i = 0; ms_flow_class_at(i); i++)
    if (strcmp(classes[i]->name, name) == 0)
      return classes[i];
  return NULL;
}

/* ---- one flow ------------------------------------------------------------------------------- */

const double *ms_flow_mu(ms_flow *flow, const double *y) {
  if (flow->class != &ms_flow_class_sample_dual)
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
    flow->ode.holds = ms_gradient_holds;
    flow->ode.choose = ms_gradient_choose;
    flow->ode.after = ms_soft_threshold;
  } else if (!class->mirror && setup->param->after) {
    flow->ode.after = ms_parametric_step;
  }
  size_t slopes = class->mirror ? 0 : flow->ode.size;
  double *y0 = ms_doubles(flow->ode.size);
  flow->x = ms_doubles(4 * d + 2 * MS_MAX(n, d) + slopes);
  ms_status status = ms_all_agree(y0 && flow->x ? MS_OK : ms_no_memory(err), err);
  if (status == MS_OK)
    status = class->create(flow, y0, err);
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
    param->domain(param, ln_beta, kappa, -ms_dose_at(flow, t), &low, &high);
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
