/* Observables: numbers computed from the state at one time, above the integrator. To add one: its
 * function and its line in the table. */
#include "limit/limit.h"
#include "problem/intercept.h"
#include "run/run.h"
#include <cblas.h>
#include <math.h>

/* Coordinates that this process has; each of the numbers below is that of all of them, wherever
 * they are. */
static int length(const ms_view *v) {
  return (int)v->problem->Z->d;
}

static double sum_of_all(const ms_view *v, double sum) {
  ms_matrix_sums(v->problem->Z, &sum, 1);
  return sum;
}

/* |Zx - y| / |y|, from the slopes of the squared loss. */
static double residual(ms_view *v) {
  const ms_problem *p = v->problem;
  int n = (int)p->Z->n;
  double size = cblas_dnrm2(n, p->y, 1);
  if (p->loss != &ms_loss_squared || size == 0)
    return NAN;
  ms_problem_slope(p, v->Zx, v->r);
  return cblas_dnrm2(n, v->r, 1) * n / size;
}

static double l1(ms_view *v) {
  return sum_of_all(v, cblas_dasum(length(v), v->x, 1));
}

static double l2(ms_view *v) {
  return ms_matrix_hypot(v->problem->Z, cblas_dnrm2(length(v), v->x, 1));
}

static double truth_error(ms_view *v) {
  const double *truth = v->problem->truth;
  if (!truth)
    return NAN;
  double sum = 0;
  for (int j = 0; j < length(v); j++)
    sum += (v->x[j] - truth[j]) * (v->x[j] - truth[j]);
  return sqrt(sum_of_all(v, sum));
}

/* Coordinates above 1e-3 of the largest. */
static double nonzeros(ms_view *v) {
  double largest = fabs(v->x[cblas_idamax(length(v), v->x, 1)]), count = 0;
  largest = ms_matrix_most(v->problem->Z, largest);
  for (int j = 0; j < length(v); j++)
    count += fabs(v->x[j]) > 1e-3 * largest;
  return sum_of_all(v, count);
}

static double ln_scale(const ms_view *v, int j) {
  return v->setup->param->ln_scale(v->setup->param, v->setup->start.ln_beta[j], v->a);
}

static double mean_ln_scale(ms_view *v) {
  if (!v->setup->param->ln_scale)
    return NAN;
  double sum = 0;
  for (int j = 0; j < length(v); j++)
    sum += ln_scale(v, j);
  return sum_of_all(v, sum) / (double)ms_matrix_columns(v->problem->Z);
}

/* What the potential says of x, in one pass: each coordinate costs a logarithm or two. R_a(x), and
 * the mean of x R'(x)/R(x), R centred at 0 (kappa = 0), which goes from 2 (L2) to 1 (L1). */
static void find_shape(ms_view *v) {
  const ms_setup *s = v->setup;
  double sum = 0, weighted = 0, weight = 0, R = 0, centred = 0;
  for (int j = 0; j < length(v); j++) {
    const ms_param *p = ms_param_of(s->param, (size_t)j);
    double x = v->x[j], ln_beta = s->start.ln_beta[j], kappa = s->start.kappa[j], mu, exponent = 2;
    double R0 = p->potential(p, ln_beta, 0, v->a, x);
    if (R0 > 0) { /* x is not 0, nor too small to tell */
      const ms_start start = {&ln_beta, &centred};
      double least = 0, none = 0; /* a formula's potential is centred at its own start */
      if (s->param->at)
        p->primal(p, &start, 0, 1, v->a, &none, &least, NULL);
      p->dual(p, &start, 0, 1, v->a, &x, &mu);
      exponent = (x - least) * mu / R0;
    }
    R += kappa == 0 ? R0 : p->potential(p, ln_beta, kappa, v->a, x);
    sum += exponent;
    weight += fabs(x);
    weighted += fabs(x) * exponent;
  }
  double sums[] = {R, sum, weight, weighted};
  ms_matrix_sums(v->problem->Z, sums, 4);
  v->R = sums[0];
  v->exponent_mean = sums[1] / (double)ms_matrix_columns(v->problem->Z);
  v->exponent = sums[2] > 0 ? sums[3] / sums[2] : 2;
}

/* Does x stay on one side of 0, where |x|^p is a question of one side only? */
static bool one_sided(const ms_param *p) {
  return p->positive || p->keeps_sign;
}

static double effective_exponent(ms_view *v) {
  v->R = v->exponent = v->exponent_mean = NAN;
  if (v->setup->param->potential && !one_sided(v->setup->param))
    find_shape(v);
  return v->exponent;
}

/* Found with effective_exponent, which stands before them in the table. */
static double effective_exponent_mean(ms_view *v) {
  return v->exponent_mean;
}

static double potential(ms_view *v) {
  const ms_setup *s = v->setup;
  const ms_param *p = s->param;
  if (!one_sided(p) || !p->potential)
    return v->R;
  double R = 0;
  for (int j = 0; j < length(v); j++)
    R += p->potential(p, s->start.ln_beta[j], s->start.kappa[j], v->a, v->x[j]);
  return sum_of_all(v, R);
}

/* Positional bias: where R_a is least, mu = 0 leads to. */
static double centre(ms_view *v) {
  const ms_setup *s = v->setup;
  double sum = 0, mu = 0, x;
  for (int j = 0; j < length(v); j++)
    sum += s->param->primal &&
                   s->param->primal(s->param, &s->start, (size_t)j, 1, v->a, &mu, &x, NULL) == 0
               ? x * x
               : NAN;
  return sqrt(sum_of_all(v, sum));
}

static double warp(const ms_view *v) {
  const ms_param *p = v->setup->param;
  return p->warp ? p->warp(p, v->a) : 1;
}

static void domain(const ms_view *v, int j, double *low, double *high) {
  const ms_start *s = &v->setup->start;
  const ms_param *p = ms_param_of(v->setup->param, (size_t)j);
  p->domain(p, s->ln_beta[j], s->kappa[j], v->a, low, high);
}

/* Range: the least width of a domain of mu, in units of int grad f from now on. */
static double range(ms_view *v) {
  double least = INFINITY, low, high;
  for (int j = 0; j < length(v) && v->setup->param->domain; j++) {
    domain(v, j, &low, &high);
    least = fmin(least, high - low);
  }
  least = ms_matrix_least(v->problem->Z, least);
  return isfinite(least) ? least / warp(v) : NAN;
}

/* ... and how near any mu is to an end of it, by the width. */
static double range_left(ms_view *v) {
  const ms_setup *s = v->setup;
  double least = INFINITY, low, high, mu;
  for (int j = 0; j < length(v) && s->param->domain; j++) {
    const ms_param *p = ms_param_of(s->param, (size_t)j);
    const ms_start start = {s->start.ln_beta + j, s->start.kappa + j};
    domain(v, j, &low, &high);
    if (isinf(low) || isinf(high))
      continue;
    p->dual(p, &start, 0, 1, v->a, &v->x[j], &mu);
    least = fmin(least, fmin(mu - low, high - mu) / (high - low));
  }
  least = ms_matrix_least(v->problem->Z, least);
  return isfinite(least) ? least : NAN;
}

static double kkt_residual(ms_view *v) {
  const ms_setup *s = v->setup;
  ms_flow_gradient(v->problem, v->Zx, v->r, v->g);
  if (v->alpha > 0 && !isfinite(s->param->cost))
    return NAN;
  double lambda = v->alpha > 0 ? s->param->cost * v->alpha : 0;
  return ms_flow_kkt_residual(s, v->x, v->g, lambda);
}

/* min_i y_i (Zx)_i */
static double least_margin(const ms_view *v) {
  const ms_problem *p = v->problem;
  double least = INFINITY, b = ms_problem_offset(p, v->Zx);
  for (size_t i = 0; i < p->Z->n; i++)
    least = fmin(least, p->y[i] * (v->Zx[i] + b));
  return p->loss->tail ? least : NAN;
}

static double margin_l1(ms_view *v) {
  double size = l1(v);
  return size > 0 ? least_margin(v) / size : NAN;
}

static double margin_l2(ms_view *v) {
  double size = l2(v);
  return size > 0 ? least_margin(v) / size : NAN;
}

/* Degrees between x and another vector, with all digits where they are near. */
static double angle_to(ms_view *v, const double *other) {
  double size = l2(v), apart = 0, together = 0;
  if (!other || !(size > 0))
    return NAN;
  double length_of_other = cblas_dnrm2(length(v), other, 1);
  for (int j = 0; j < length(v); j++) {
    double a = v->x[j] / size, b = other[j] / length_of_other;
    apart += (a - b) * (a - b);
    together += (a + b) * (a + b);
  }
  return 2 * atan2(sqrt(apart), sqrt(together)) * 180 / acos(-1);
}

static double angle_l1(ms_view *v) {
  return angle_to(v, v->run->svm_l1);
}

static double angle_l2(ms_view *v) {
  return angle_to(v, v->run->svm_l2);
}

const ms_observable ms_observables_separable[] = {
    {"t", "time", ms_observe_time},
    {"alpha", "weight decay alpha(t)", ms_observe_alpha},
    {"dose", "A(t) = integral of alpha", ms_observe_dose},
    {"loss", "f(x)", ms_observe_loss},
    {"residual", "|Zx - y| / |y|", residual},
    {"l1", "|x|_1", l1},
    {"l2", "|x|_2", l2},
    {"effective_exponent",
     "p_eff = x R'(x)/R(x), R of kappa = 0, mean weighted by |x_j|: 2 is L2, 1 is L1",
     effective_exponent},
    {"effective_exponent_mean", "p_eff, plain mean over coordinates", effective_exponent_mean},
    {"ln_beta", "ln of the scale beta_a = beta e^{-4A}, mean over coordinates", mean_ln_scale},
    {"potential", "R_a(x), the mirror potential", potential},
    {"centre", "positional bias: |argmin R_a|_2, where weight decay draws x without data", centre},
    {"range", "width of mu's domain in units of int grad f from now on, least over coordinates",
     range},
    {"range_left", "distance of mu from an end of its domain, relative to its width, least",
     range_left},
    {"nonzeros", "coordinates above 1e-3 of the largest", nonzeros},
    {"truth_error", "|x - truth|_2", truth_error},
    {"kkt_residual", "how far x is from stationary for f + alpha S, S the representation cost",
     kkt_residual},
    {"margin_l1", "min_i y_i (Zx)_i / |x|_1, of classes", margin_l1},
    {"margin_l2", "min_i y_i (Zx)_i / |x|_2, of classes", margin_l2},
    {"angle_l1", "degrees between x and the L1 support vector machine, the largest margin_l1",
     angle_l1},
    {"angle_l2", "degrees between x and the L2 support vector machine, the largest margin_l2",
     angle_l2},
    {"gf_mf_gap", "largest |x_gf - x_mf| relative to the largest |x|", ms_observe_gap},
    {"invariant_drift", "error of the weights' exact balance law, relative to the largest |w_j|^2",
     ms_observe_drift},
    {.name = NULL},
};
