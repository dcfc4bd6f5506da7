/* square: x = u^2, h = u^2.
 *
 *   x = x0 e^{4 (mu + a)},                x0 = beta e^kappa
 *   dx/dmu = 4 x
 *   R_a(x) = 1/4 [x ln(x / x_a) - x + x_a],   x_a = x0 e^{4a}
 *   S(x) = min { u^2 : u^2 = x } = x
 *
 * x stays positive: exponentiated gradient. The start is beta itself where x0 is not given (0),
 * else x0 > 0. R is infinite for x < 0. */
#include "param/hyperbolic.h"
#include "param/scalar.h"
#include <math.h>

/* e^708 is a little below the largest double. */
static const double LN_HUGE = 708;

static bool locate(const ms_param *p, double ln_beta, double x0, double *kappa, const char **why) {
  (void)p;
  if (x0 < 0) {
    *why = "x = u^2 is never negative";
    return false;
  }
  *kappa = x0 == 0 ? 0 : log(x0) - ln_beta;
  return true;
}

static bool weights(const ms_param *p, double ln_beta, double kappa, double *w) {
  (void)p;
  w[0] = exp((ln_beta + kappa) / 2);
  return isnormal(w[0] * w[0]);
}

static double map(const ms_param *p, const double *w) {
  (void)p;
  return w[0] * w[0];
}

static void slope(const ms_param *p, const double *w, double *dg) {
  (void)p;
  dg[0] = 2 * w[0];
}

static void bend(const ms_param *p, const double *w, double *d2g) {
  (void)p, (void)w;
  d2g[0] = 2;
}

static int primal(const ms_param *p, const ms_start *start, size_t first, size_t count, double a,
                  const double *mu, double *x, double *dx) {
  (void)p;
  for (size_t i = 0; i < count; i++) {
    double ln_x = start->ln_beta[first + i] + start->kappa[first + i] + 4 * (mu[i] + a);
    if (!(ln_x < LN_HUGE))
      return 1;
    x[i] = exp(ln_x);
    if (dx)
      dx[i] = 4 * x[i];
  }
  return 0;
}

static void dual(const ms_param *p, const ms_start *start, size_t first, size_t count, double a,
                 const double *x, double *mu) {
  (void)p;
  for (size_t i = 0; i < count; i++)
    mu[i] = (log(x[i]) - start->ln_beta[first + i] - start->kappa[first + i]) / 4 - a;
}

/* With z = ln(x_a / x) it is x (e^z - 1 - z) / 4. */
static double potential(const ms_param *p, double ln_beta, double kappa, double a, double x) {
  (void)p;
  double ln_least = ln_beta + kappa + 4 * a;
  if (!(x >= 0))
    return isnan(x) ? x : INFINITY;
  if (x == 0)
    return exp(ln_least) / 4;
  return ms_exp_excess(ln_least - log(x), log(x)) / 4;
}

static double steepness(const ms_param *p, double size) {
  (void)p, (void)size;
  return 4;
}

const ms_param ms_param_square = {
    .name = "square",
    .summary = "x = u^2, h = u^2: x stays positive, exponentiated gradient",
    .g = "u^2",
    .h = "u^2",
    .width = 1,
    .names = "u",
    .degree = 2,
    .cost = 1,
    .positive = true,
    .steady = true,
    .locate = locate,
    .weights = weights,
    .map = map,
    .slope = slope,
    .bend = bend,
    .primal = primal,
    .dual = dual,
    .potential = potential,
    .ln_scale = ms_hyperbolic_ln_scale,
    .steepness = steepness,
};
