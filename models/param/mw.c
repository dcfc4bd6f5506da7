/* mw: x = m w, h = m^2 + w^2.
 *
 *   m^2 - w^2 = 2 beta_a,                 beta_a = 1/2 (m0^2 - w0^2) e^{-4A}
 *   m^2 + w^2 = 2 sqrt(x^2 + beta_a^2)
 *   x = beta_a sinh(2 mu + kappa),        kappa = ln((m0 + w0) / (m0 - w0))
 *   S(x) = min { m^2 + w^2 : m w = x } = 2 |x|
 *
 * The weights are kept as p = (m + w)/sqrt 2, q = (m - w)/sqrt 2, an orthogonal change under which
 * the gradient flow and h keep their form: x = (p^2 - q^2)/2, p q = beta_a. Where beta is far below
 * x^2, m - w would be lost in the rounding of m and w, and with it the way back to the other sign.
 */
#include "param/hyperbolic.h"
#include <math.h>

enum { P, Q };

static bool weights(const ms_param *p, double ln_beta, double kappa, double *w) {
  (void)p;
  w[P] = exp((ln_beta + kappa) / 2);
  w[Q] = exp((ln_beta - kappa) / 2);
  return isnormal(w[P] * w[P]) && isnormal(w[Q] * w[Q]);
}

static void to_mw(const double *w, double *mw) {
  mw[0] = (w[P] + w[Q]) / sqrt(2);
  mw[1] = (w[P] - w[Q]) / sqrt(2);
}

static void from_mw(const double *mw, double *w) {
  w[P] = (mw[0] + mw[1]) / sqrt(2);
  w[Q] = (mw[0] - mw[1]) / sqrt(2);
}

static double map(const ms_param *p, const double *w) {
  (void)p;
  return (w[P] - w[Q]) * (w[P] + w[Q]) / 2;
}

static void slope(const ms_param *p, const double *w, double *dg) {
  (void)p;
  dg[P] = w[P];
  dg[Q] = -w[Q];
}

static void bend(const ms_param *p, const double *w, double *d2g) {
  (void)p, (void)w;
  d2g[0] = 1;
  d2g[1] = d2g[2] = 0;
  d2g[3] = -1;
}

static double scale(const ms_param *p, const double *w) {
  (void)p;
  return w[P] * w[Q];
}

const ms_param ms_param_mw = {
    .name = "mw",
    .summary = "x = m w, h = m^2 + w^2: a mask on a weight",
    .g = "m*w",
    .h = "m^2 + w^2",
    .width = 2,
    .names = "p q",
    .other_names = "m w",
    .to_others = to_mw,
    .from_others = from_mw,
    .degree = 2,
    .cost = 2,
    .rate = 2,
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
