/* mw: x = m w, h = m^2 + w^2.
 *
 *   m^2 - w^2 = 2 beta_a,                 beta_a = 1/2 (m0^2 - w0^2) e^{-4A}
 *   m^2 + w^2 = 2 sqrt(x^2 + beta_a^2)
 *   x = beta_a sinh(2 mu + kappa),        kappa = ln((m0 + w0) / (m0 - w0))
 *   S(x) = min { m^2 + w^2 : m w = x } = 2 |x|
 */
#include "hyperbolic.h"
#include <math.h>

enum { M, W };

static bool weights(double ln_beta, double kappa, double *w) {
  /* m, w = sqrt(2 beta) (cosh, sinh)(kappa / 2) */
  double root = (ln_beta + log(2)) / 2;
  w[M] = exp(root + fabs(kappa) / 2 + log1p(exp(-fabs(kappa))) - log(2));
  w[W] = w[M] * tanh(kappa / 2);
  return isnormal(w[M] * w[M]);
}

static double map(const double *w) {
  return w[M] * w[W];
}

static void slope(const double *w, double *dg) {
  dg[M] = w[W];
  dg[W] = w[M];
}

static void bend(const double *w, double *d2g) {
  (void)w;
  d2g[0] = d2g[3] = 0;
  d2g[1] = d2g[2] = 1;
}

static double scale(const double *w) {
  return (w[M] - w[W]) * (w[M] + w[W]) / 2;
}

const ms_param ms_param_mw = {
    .name = "mw",
    .summary = "x = m w, h = m^2 + w^2: a mask on a weight",
    .g = "m*w",
    .h = "m^2 + w^2",
    .width = 2,
    .cost = 2,
    .rate = 2,
    .weights = weights,
    .map = map,
    .slope = slope,
    .bend = bend,
    .scale = scale,
    .primal = ms_hyperbolic_primal,
    .dual = ms_hyperbolic_dual,
    .potential = ms_hyperbolic_potential,
    .ln_scale = ms_hyperbolic_ln_scale,
};
