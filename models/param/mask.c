/* mask: x = m w, h = |m|: L1 on the mask alone.
 *
 *   dm/dt = -w grad f - alpha sign(m),    dw/dt = -m grad f
 *
 * taken as a differential inclusion: m_j = 0 holds m_j, and with it w_j, as long as |w_j grad_j f|
 * <= alpha. The start is that of mw: m0 w0 = x0, 1/2 (m0^2 - w0^2) = beta. The brackets of g and h
 * do not vanish, [grad g, grad h] = (0, -sign m) != 0: there is no mirror flow. Nor is there a
 * representation cost: w pays nothing, and inf { |m| : m w = x } = 0. */
#include "param/param.h"
#include <math.h>

enum { M, W };

static bool weights(const ms_param *p, double ln_beta, double kappa, double *w) {
  (void)p;
  double half = (ln_beta - log(2)) / 2;
  double plus = exp(half + kappa / 2), minus = exp(half - kappa / 2);
  w[M] = plus + minus;
  w[W] = exp(half) * 2 * sinh(kappa / 2);
  return isnormal(plus * plus) && isnormal(minus * minus);
}

static double ln_beta_of(const ms_param *p, const double *w) {
  (void)p;
  return log((w[M] - w[W]) * (w[M] + w[W]) / 2);
}

static double map(const ms_param *p, const double *w) {
  (void)p;
  return w[M] * w[W];
}

static void slope(const ms_param *p, const double *w, double *dg) {
  (void)p;
  dg[M] = w[W];
  dg[W] = w[M];
}

static void bend(const ms_param *p, const double *w, double *d2g) {
  (void)p, (void)w;
  d2g[0] = d2g[3] = 0;
  d2g[1] = d2g[2] = 1;
}

static double steepness(const ms_param *p, double size) {
  (void)p, (void)size;
  return 2;
}

const ms_param ms_param_mask = {
    .name = "mask",
    .summary = "x = m w, h = |m|: L1 on the mask alone; no mirror flow",
    .g = "m*w",
    .h = "|m|",
    .width = 2,
    .names = "m w",
    .degree = 2,
    .cost = NAN,
    .kink = 1,
    .no_mirror = "the bracket of m w and |m| is (0, -sign m), which is never 0",
    .weights = weights,
    .ln_beta_of = ln_beta_of,
    .map = map,
    .slope = slope,
    .bend = bend,
    .steepness = steepness,
};
