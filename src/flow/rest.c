/* Where flows end: at the loss tolerance, or at a minimum of what remains of f and weight decay. */
#include "flow/rest.h"
#include "linalg/matrix.h"
#include "problem/kkt.h"
#include <float.h>
#include <math.h>
#include <string.h>

/* Dose that may still come when the schedule counts as over: it moves ln beta by four times that.
 */
static const double SETTLED_DOSE = 1e-9;
/* The same for a dose that diverges slowly: force of weight decay relative to the first gradient.
 */
static const double SETTLED_ALPHA = 1e-10;
/* Residuals within so many times what rounding makes of them may be 0, if they are small at all. */
static const double ROUNDING_MARGIN = 30, NOTICED = 1e-6;

/* A force of weight decay below 1 / SMALL_ALPHA of the first gradient makes rest be measured
 * against it; what rounding leaves of gradients, relative to the first. */
static const double SMALL_ALPHA = 100, RESOLVED = 1e-15;
/* A residual is stuck when it has not fallen while t grew by this factor. */
static const double STALLED_TIME = 10;
/* A coordinate has left a saddle where it is this part of the size of x. */
static const double LEFT_PART = 1e-3;
/* Times beyond this are never. */
static const double LATEST = 1e300;

bool ms_flow_settled(const ms_schedule *schedule, double force, double gradient_scale, double t) {
  double from, limit = ms_schedule_limit(schedule, &from);
  if (t >= from)
    return true;
  if (isfinite(from) || limit != 0)
    return false;
  double total = ms_schedule_total(schedule);
  if (isfinite(total))
    return total - ms_schedule_dose(schedule, t) <= SETTLED_DOSE;
  return ms_schedule_alpha(schedule, t) * force <= SETTLED_ALPHA * gradient_scale;
}

double ms_flow_kkt_residual(const ms_setup *s, const double *x, double *g, double lambda) {
  const ms_param *p = s->param;
  size_t d = s->problem->Z->d;
  double top = 0;
  for (size_t j = 0; j < d; j++)
    top = fmax(top, fabs(x[j]));
  top = ms_matrix_most(s->problem->Z, top);
  if (!p->keeps_sign && p->positive)
    lambda = ms_kkt_fold(d, x, top, g, lambda);
  if (p->keeps_sign) { /* as for positive x, of |x| */
    for (size_t j = 0; j < d; j++)
      g[j] = s->start.kappa[j] < 0 ? -g[j] : g[j];
    ms_kkt_fold(d, x, top, g, lambda);
    lambda = 0;
  }
  return ms_matrix_most(s->problem->Z, ms_kkt_residual(d, x, top, g, lambda, s->gradient_scale));
}

/* What alpha of 1 does to gradients. */
static double decay_force(const ms_setup *s) {
  return isfinite(s->param->cost) ? s->param->cost : s->param->degree;
}

/* alpha that stays on, 0 where the schedule ends or tends to 0. */
static double lasting_alpha(const ms_setup *s, double t) {
  double from;
  return ms_schedule_limit(s->schedule, &from) > 0 ? ms_schedule_alpha(s->schedule, t) : 0;
}

/* ---- Near a saddle -------------------------------------------------------------------------- */

/* Time from t in which mu moves by `far` under a force of 1, given the time warp of the dose that
 * is still to come; INFINITY: it never gets so far. */
static double time_to_move(const ms_setup *s, double t, double far) {
  const ms_param *p = s->param;
  if (!p->warp)
    return far;
  double now = p->warp(p, s->dose_before - ms_schedule_dose(s->schedule, t)), at = t, moved = 0;
  for (double step = 0.01 * fmax(t, 1 / s->gradient_scale); at < LATEST; step = 0.01 * at) {
    double next = p->warp(p, s->dose_before - ms_schedule_dose(s->schedule, at + step));
    double part = (now + next) / 2 * step;
    if (moved + part >= far)
      return at - t + step * (far - moved) / part;
    moved += part;
    at += step;
    now = next;
  }
  return INFINITY;
}

/* Is x_j small, and does f pull it away from 0? to: where it has left. */
static bool held_back(const ms_setup *s, double x, double g, double size, double *to) {
  *to = copysign(LEFT_PART * size, -g);
  bool towards_zero = (s->param->keeps_sign || s->param->positive) && x * -g < 0;
  return fabs(x) < fabs(*to) / 2 && !towards_zero && !(s->param->positive && *to < 0);
}

/* How far mu_j has to move under grad_j f = g until x_j is at `to`, over the force. */
static double way_out(const ms_setup *s, size_t j, double a, double x, double to, double g) {
  double from_mu, to_mu, force = s->param->force ? s->param->force(s->param, g) : g;
  s->param->dual(s->param, &s->start, j, 1, a, &x, &from_mu);
  s->param->dual(s->param, &s->start, j, 1, a, &to, &to_mu);
  double far = fabs(to_mu - from_mu) / fabs(force);
  return isfinite(far) ? far : INFINITY;
}

double ms_flow_leaving(ms_flow *flow, double t, const double *x, const double *g) {
  const ms_setup *s = &flow->setup;
  const ms_param *p = s->param;
  size_t d = s->problem->Z->d;
  double tol = NOTICED * s->gradient_scale * flow->strength, nearest = INFINITY;
  double total = ms_schedule_total(s->schedule);
  if (!(p->degree > 2) || !p->dual || s->problem->Z->spread || lasting_alpha(s, t) > 0 ||
      (total > 0 && (p->no_decay || (p->at && !p->warp))))
    return 0;
  if (flow->solution_size == 0)
    flow->solution_size = ms_flow_solution_size(s);
  bool held = false;
  for (size_t j = 0; j < d; j++) {
    double to;
    if (held_back(s, x[j], g[j], flow->solution_size, &to)) {
      if (fabs(g[j]) > tol) {
        held = true;
        nearest = fmin(nearest, way_out(s, j, s->dose_before - ms_schedule_dose(s->schedule, t),
                                        x[j], to, g[j]));
      }
    } else if (fabs(x[j]) * fabs(g[j]) > tol * flow->solution_size) {
      return 0; /* x_j is on its way */
    }
  }
  return held ? time_to_move(s, t, nearest) : 0;
}

/* ---- The end -------------------------------------------------------------------------------- */

/* How far the rounding of mu moves x, relative to the size of x; 0 for gradient flows. */
double ms_flow_rounding(ms_flow *flow, double t, const double *y) {
  const ms_setup *s = &flow->setup;
  if (!flow->class->mirror)
    return 0;
  double a = s->dose_before - ms_schedule_dose(s->schedule, t);
  const double *mu = ms_flow_mu(flow, y);
  double size = ms_flow_solution_size(s), moved = 0, x, dx;
  for (size_t j = 0; j < s->problem->Z->d; j++)
    if (s->param->primal(s->param, &s->start, j, 1, a, &mu[j], &x, &dx) == 0)
      moved = fmax(moved, dx * fabs(mu[j]) * DBL_EPSILON);
  moved = ms_matrix_most(s->problem->Z, moved);
  return moved > 0 ? moved / size : 0;
}

/* How fast x moves, relative to its size and to the unit of time, since the last call. */
static double speed(ms_flow *flow, double t) {
  const ms_setup *s = &flow->setup;
  double moved = 0, size = DBL_MIN;
  size_t d = s->problem->Z->d;
  if (flow->x_before_t < t)
    for (size_t j = 0; j < d; j++) {
      moved = fmax(moved, fabs(flow->x[j] - flow->x_before[j]) / (t - flow->x_before_t));
      size = fmax(size, fabs(flow->x[j]));
    }
  memcpy(flow->x_before, flow->x, d * sizeof *flow->x);
  flow->x_before_t = t;
  moved = ms_matrix_most(s->problem->Z, moved);
  size = ms_matrix_most(s->problem->Z, size);
  return flow->x_before_t > 0 && moved > 0 ? moved / (size * s->gradient_scale) : 1;
}

/* The KKT residual of what remains: of f + alpha S where S is convex, of f where alpha ends or
 * tends to 0. Near a saddle, where x hardly moves, it is not small. A lasting alpha with an S that
 * is not convex leaves how fast x moves. Zx holds the slopes. */
static double stationarity(ms_flow *flow, double t) {
  const ms_setup *s = &flow->setup;
  bool convex = isfinite(s->param->cost);
  if (!convex && lasting_alpha(s, t) > 0)
    return speed(flow, t);
  double lambda = convex ? s->param->cost * ms_schedule_alpha(s->schedule, t) : 0;
  return ms_flow_kkt_residual(s, flow->x, flow->g, lambda) /
         ms_problem_strength(s->problem, flow->Zx);
}

/* Forces are compared with that of alpha where alpha is small: all that still moves x is of its
 * size. Gradients are not known to less than RESOLVED of the first one. */
static double tolerance_of_rest(const ms_setup *s, double t) {
  double part = SMALL_ALPHA * decay_force(s) * lasting_alpha(s, t) / s->gradient_scale;
  if (!(part > 0 && part < 1))
    return s->stop_gradient;
  return fmax(part * s->stop_gradient, RESOLVED);
}

/* Weight decay that stays on makes mu grow without end, and with it its rounding: x is at rest,
 * too, when its residual is of that size and falls no more. The residuals of losses with a tail,
 * and those under a small alpha, tell less of x: they must not have fallen while t grew tenfold. */
static bool at_rest(ms_flow *flow, double t, const double *y, double residual) {
  const ms_setup *s = &flow->setup;
  bool falls = residual < 0.9 * flow->least_residual;
  flow->least_residual = fmin(flow->least_residual, residual);
  if (residual < 0.9 * flow->fell_to) {
    flow->fell_to = residual;
    flow->fell_at = t;
  }
  double rest = tolerance_of_rest(s, t);
  bool strict = s->problem->loss->tail || rest < s->stop_gradient;
  bool stuck = !strict || (lasting_alpha(s, t) > 0 && t > STALLED_TIME * flow->fell_at);
  if (residual <= rest)
    return true;
  return !falls && stuck && residual < NOTICED && ms_schedule_alpha(s->schedule, t) > 0 &&
         residual <= ROUNDING_MARGIN * ms_flow_rounding(flow, t, y);
}

/* Is the flow so slow near a saddle that it will not leave it before it is given up? */
static bool stays_near_saddle(ms_flow *flow, double t) {
  const ms_setup *s = &flow->setup;
  if (!s->open_ended || s->method->discrete)
    return false;
  flow->leaving = ms_flow_leaving(flow, t, flow->x, flow->slopes_of_f);
  return t + flow->leaving > s->t_end;
}

bool ms_flow_finished(void *self, double t, const double *y) {
  ms_flow *flow = self;
  const ms_setup *s = &flow->setup;
  if (!flow->may_finish || flow->checks++ % flow->check_every ||
      !ms_flow_settled(s->schedule, decay_force(s), s->gradient_scale, t))
    return false;
  if (flow->class->read(flow, t, y, flow->x, flow->Zx))
    return false;
  if (ms_problem_loss(s->problem, flow->Zx) + s->loss_offset <= s->stop_loss) {
    flow->end = "loss";
    return true;
  }
  if (s->method->stochastic) /* the noise of the samples moves x on */
    return false;
  ms_flow_gradient(s->problem, flow->Zx, flow->Zx, flow->g);
  flow->passes++;
  memcpy(flow->slopes_of_f, flow->g, s->problem->Z->d * sizeof *flow->g);
  if (at_rest(flow, t, y, stationarity(flow, t)))
    flow->end = "stationary";
  else if (stays_near_saddle(flow, t))
    flow->end = "near-saddle";
  return flow->end != NULL;
}
