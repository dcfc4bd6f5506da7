/* uv: x = u^2 - v^2, h = u^2 + v^2.
 *
 *   2 u v = beta_a,                       beta_a = 2 u0 v0 e^{-4A}
 *   u^2 + v^2 = sqrt(x^2 + beta_a^2)
 *   x = beta_a sinh(4 mu + kappa),        kappa = ln(u0 / v0)
 *   S(x) = min { u^2 + v^2 : u^2 - v^2 = x } = |x|
 */
#include "param/hyperbolic.h"
#include <math.h>

enum { U, V };

static bool weights(const ms_param *p, double ln_beta, double kappa, double *w) {
  (void)p;
  /* u, v = sqrt(beta / 2) e^{+-kappa/2} */
  double root = (ln_beta - log(2)) / 2;
  w[U] = exp(root + kappa / 2);
  w[V] = exp(root - kappa / 2);
  return isnormal(w[U] * w[U]) && isnormal(w[V] * w[V]);
}

static double map(const ms_param *p, const double *w) {
  (void)p;
  return (w[U] - w[V]) * (w[U] + w[V]);
}

static void slope(const ms_param *p, const double *w, double *dg) {
  (void)p;
  dg[U] = 2 * w[U];
  dg[V] = -2 * w[V];
}

static void bend(const ms_param *p, const double *w, double *d2g) {
  (void)p, (void)w;
  d2g[0] = 2;
  d2g[1] = d2g[2] = 0;
  d2g[3] = -2;
}

static double scale(const ms_param *p, const double *w) {
  (void)p;
  return 2 * w[U] * w[V];
}

const ms_param ms_param_uv = {
    .name = "uv",
    .summary = "x = u^2 - v^2, h = u^2 + v^2: the diagonal linear network",
    .g = "u^2 - v^2",
    .h = "u^2 + v^2",
    .width = 2,
    .names = "u v",
    .degree = 2,
    .cost = 1,
    .rate = 4,
    .steady = true,
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
