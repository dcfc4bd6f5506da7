/* matched: x = u^L - v^L, h = u^L + v^L: the h that commutes with g.
 *
 * With k = L - 2:
 *
 *   u^-k = u0^-k - L k (mu + a),          v^-k = v0^-k - L k (-mu + a)
 *
 * which is power.h without a dose from the start u_a, v_a that the dose alone leads to,
 *
 *   u_a^-k = u0^-k - L k a,               v_a^-k = v0^-k - L k a,
 *
 * at scale beta_a = 2 (u_a v_a)^{L/2} and kappa_a = L/2 ln(u_a / v_a). The domain of mu,
 * (-v_a^-k, u_a^-k) / (L k), widens with the dose by A on either side. L = 2 is uv.
 *
 * S(x) = min { u^L + v^L : u^L - v^L = x } = |x| */
#include "param/power.h"
#include "param/scalar.h"
#include <math.h>

enum { U, V };

extern const ms_param ms_param_matched;

static const double LN2 = 0.693147180559945309417;

static void decay(const ms_param *p, const double *w, double *dh, double *d2h) {
  double L = (double)p->depth;
  for (int b = U; b <= V; b++) {
    dh[b] = L * pow(w[b], L - 1);
    d2h[b] = L * (L - 1) * pow(w[b], L - 2);
  }
}

/* ln (u0/u_a)^L with ln_power = ln u0^L. */
static double ln_shrunk(size_t depth, double ln_power, double a) {
  double L = (double)depth, k = L - 2;
  return L / k * ms_log_add(0, log(-L * k * a) + k / L * ln_power);
}

static void dosed(const ms_param *p, double a, double *ln_beta, double *kappa) {
  if (!(a < 0))
    return;
  double u = ln_shrunk(p->depth, *ln_beta - LN2 + *kappa, a);
  double v = ln_shrunk(p->depth, *ln_beta - LN2 - *kappa, a);
  *ln_beta -= (u + v) / 2;
  *kappa -= (u - v) / 2;
}

static int primal(const ms_param *p, const ms_start *start, size_t first, size_t count, double a,
                  const double *mu, double *x, double *dx) {
  for (size_t i = 0; i < count; i++) {
    double ln_beta = start->ln_beta[first + i], kappa = start->kappa[first + i];
    dosed(p, a, &ln_beta, &kappa);
    if (ms_power_primal(p->depth, ln_beta, kappa, 0, mu[i], &x[i], dx ? &dx[i] : NULL))
      return 1;
  }
  return 0;
}

static void dual(const ms_param *p, const ms_start *start, size_t first, size_t count, double a,
                 const double *x, double *mu) {
  for (size_t i = 0; i < count; i++) {
    double ln_beta = start->ln_beta[first + i], kappa = start->kappa[first + i];
    dosed(p, a, &ln_beta, &kappa);
    mu[i] = ms_power_dual(p->depth, ln_beta, kappa, 0, x[i]);
  }
}

static double potential(const ms_param *p, double ln_beta, double kappa, double a, double x) {
  dosed(p, a, &ln_beta, &kappa);
  return ms_power_potential(p->depth, ln_beta, kappa, 0, x);
}

/* Of a start at x0 = 0; beside it beta_a depends on kappa too. */
static double ln_scale(const ms_param *p, double ln_beta, double a) {
  double kappa = 0;
  dosed(p, a, &ln_beta, &kappa);
  return ln_beta;
}

static void domain(const ms_param *p, double ln_beta, double kappa, double a, double *low,
                   double *high) {
  dosed(p, a, &ln_beta, &kappa);
  ms_power_domain(p->depth, ln_beta, kappa, low, high);
}

static void configure(ms_param *p, size_t depth) {
  *p = ms_param_matched;
  p->depth = depth;
  p->degree = (double)depth;
  if (depth == 2)
    ms_param_become(p, &ms_param_uv);
}

const ms_param ms_param_matched = {
    .name = "matched",
    .summary = "x = u^L - v^L, h = u^L + v^L: the h for which the plain theorem holds",
    .g = "u^L - v^L",
    .h = "u^L + v^L",
    .width = 2,
    .names = "u v",
    .degree = 4,
    .cost = 1,
    .depth_min = 2,
    .depth_max = 100,
    .depth = 4,
    .configure = configure,
    .locate = ms_power_locate,
    .weights = ms_power_weights,
    .ln_beta_of = ms_power_ln_beta_of,
    .map = ms_power_map,
    .slope = ms_power_slope,
    .bend = ms_power_bend,
    .decay = decay,
    .primal = primal,
    .dual = dual,
    .potential = potential,
    .ln_scale = ln_scale,
    .domain = domain,
    .steepness = ms_power_steepness,
};
