/* spred: x = m w, h = m^2 + w^2, started from m^2 = w^2, that is beta = 0 (Ziyin & Wang 2023).
 *
 *   |m| = |w| for ever: one number v per coordinate does, x = v |v| / 2, h = v^2
 *   x = x0 e^{2 s mu - 4A},               s = sign x0,  x0 = beta kappa
 *   dx/dmu = 2 |x|
 *   R_a(x) = 1/2 [|x| ln |x / x_a| - |x| + |x_a|],   x_a = x0 e^{-4A}
 *   S(x) = 2 |x|
 *
 * x_j keeps the sign of its start: what mw does from beta > 0, and this does not, is cross 0. R is
 * infinite for the other sign. beta is only the unit of x0 here, and stands for it where x0 is not
 * given (0): a coordinate that started at 0 would stay there. */
#include "param/hyperbolic.h"
#include "param/scalar.h"
#include <math.h>

/* e^708 is a little below the largest double. */
static const double LN_HUGE = 708;

static bool locate(const ms_param *p, double ln_beta, double x0, double *kappa, const char **why) {
  (void)p;
  *kappa = x0 == 0 ? 1 : copysign(exp(log(fabs(x0)) - ln_beta), x0);
  *why = "x0 / beta is beyond double precision";
  return isnormal(*kappa);
}

static bool weights(const ms_param *p, double ln_beta, double kappa, double *w) {
  (void)p;
  double one = kappa == 0 ? 1 : kappa;
  w[0] = copysign(exp((log(2 * fabs(one)) + ln_beta) / 2), one);
  return isnormal(w[0] * w[0]);
}

static double map(const ms_param *p, const double *w) {
  (void)p;
  return w[0] * fabs(w[0]) / 2;
}

static void slope(const ms_param *p, const double *w, double *dg) {
  (void)p;
  dg[0] = fabs(w[0]);
}

static void bend(const ms_param *p, const double *w, double *d2g) {
  (void)p;
  d2g[0] = copysign(1, w[0]);
}

/* ln |x| where mu = 0, and the sign. */
static double ln_start(double ln_beta, double kappa, double a, double *sign) {
  *sign = kappa < 0 ? -1 : 1;
  return ln_beta + (kappa == 0 ? 0 : log(fabs(kappa))) + 4 * a;
}

static int primal(const ms_param *p, const ms_start *start, size_t first, size_t count, double a,
                  const double *mu, double *x, double *dx) {
  (void)p;
  for (size_t i = 0; i < count; i++) {
    double sign, ln_x = ln_start(start->ln_beta[first + i], start->kappa[first + i], a, &sign);
    ln_x += 2 * sign * mu[i];
    if (!(ln_x < LN_HUGE))
      return 1;
    double size = exp(ln_x);
    x[i] = sign * size;
    if (dx)
      dx[i] = 2 * size;
  }
  return 0;
}

static void dual(const ms_param *p, const ms_start *start, size_t first, size_t count, double a,
                 const double *x, double *mu) {
  (void)p;
  for (size_t i = 0; i < count; i++) {
    double sign, ln_x = ln_start(start->ln_beta[first + i], start->kappa[first + i], a, &sign);
    mu[i] = sign * (log(sign * x[i]) - ln_x) / 2;
  }
}

/* With z = ln |x_a / x| it is |x| (e^z - 1 - z) / 2. */
static double potential(const ms_param *p, double ln_beta, double kappa, double a, double x) {
  (void)p;
  double sign, ln_least = ln_start(ln_beta, kappa, a, &sign);
  if (!(sign * x >= 0))
    return isnan(x) ? x : INFINITY;
  if (x == 0)
    return exp(ln_least) / 2;
  return ms_exp_excess(ln_least - log(fabs(x)), log(fabs(x))) / 2;
}

static double steepness(const ms_param *p, double size) {
  (void)p, (void)size;
  return 2;
}

const ms_param ms_param_spred = {
    .name = "spred",
    .summary = "x = m w, h = m^2 + w^2 from |m| = |w|: x keeps its sign",
    .g = "m*w",
    .h = "m^2 + w^2",
    .width = 1,
    .degree = 2,
    .cost = 2,
    .keeps_sign = true,
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
