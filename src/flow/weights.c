#include "flow/weights.h"
#include <float.h>
#include <math.h>

/* Up to so many e-folds the errors of steps in w stay below what rtol allows. */
static const double FEW_FOLDS = 20;
/* Part of rtol that a step may move ln |x|, as for the exponents of mirror flows. */
static const double STEP_PART = 0.2;
/* Dose that an absolute tolerance looks ahead where weight decay stays on without end. */
static const double ENDLESS_DOSE = 40;
/* The floor lies so far below the smallest weight that comes back. */
static const double BELOW = 1e-3;

/* The dose that shrinks weights before they may grow again. */
static double dose_ahead(const ms_setup *s) {
  double from, total = ms_schedule_total(s->schedule);
  bool stays_on = ms_schedule_limit(s->schedule, &from) > 0;
  return isinf(total) && stays_on ? ENDLESS_DOSE : fmin(total, 1e300);
}

/* How much larger than `least` weights become, as a logarithm. */
static double growth(const ms_setup *s, double least) {
  double size = ms_flow_solution_size(s);
  return size > 0 ? fmax(log(size) / s->param->degree - log(least), 0) : 0;
}

double ms_weights_folds(const ms_setup *s, double least) {
  return 2 * dose_ahead(s) + growth(s, least) * (s->param->degree > 2 ? 1 : 2);
}

/* In degree 2 the product of both weights of a coordinate is kept: one falls as the other grows. */
double ms_weights_floor(const ms_setup *s, double least) {
  double fall = s->param->degree > 2 ? 0 : fmax(growth(s, least) + log(BELOW), 0);
  double shrink = exp(-2 * dose_ahead(s)) * BELOW * exp(-fall);
  return fmax(s->rtol * least * shrink, DBL_MIN);
}

static bool many_folds(const ms_setup *s) {
  double w[MS_WIDTH_MAX], most = 0;
  for (size_t j = 0; j < s->problem->Z->d; j++) {
    if (!s->param->weights(s->param, s->start.ln_beta[j], s->start.kappa[j], w))
      return false;
    for (size_t b = 0; b < s->param->width; b++)
      most = fmax(most, ms_weights_folds(s, fabs(w[b])));
  }
  return most > FEW_FOLDS;
}

bool ms_weights_in_logs(const ms_setup *s) {
  const ms_param *p = s->param;
  if (s->method->discrete || !p->steady)
    return false;
  /* With one weight a coordinate nothing bounds how far the gradient makes it fall. */
  return p->width == 1 || many_folds(s);
}

double ms_weights_size(const ms_setup *s, const double *w) {
  double power = s->param->scale_has_number ? s->param->number : 2, sum = 0;
  for (size_t b = 0; b < s->param->width; b++)
    sum += power == 2 ? w[b] * w[b] : pow(fabs(w[b]), power);
  return sum;
}

double ms_weights_start_size(const ms_setup *s, size_t j) {
  double w[MS_WIDTH_MAX];
  const ms_param *p = ms_param_of(s->param, j);
  return p->weights(p, s->start.ln_beta[j], s->start.kappa[j], w) ? ms_weights_size(s, w) : 0;
}

double ms_weights_log_tolerance(const ms_setup *s, double w, double slope, double noticed) {
  double allowed = STEP_PART * s->rtol / s->param->degree, felt = fabs(slope * w);
  if (noticed > 0 && allowed * felt > noticed)
    allowed = noticed / felt;
  return allowed + 4 * DBL_EPSILON * fabs(log(fabs(w)));
}

double ms_weights_stray(const ms_flow *flow, const double *y0, const double *y1,
                        const double *middle) {
  double most = 0;
  for (size_t i = 0; i < flow->ode.size; i++)
    most = fmax(most, fabs(middle ? middle[i] - (y0[i] + y1[i]) / 2 : y1[i] - y0[i]));
  return flow->setup.param->degree * most;
}
