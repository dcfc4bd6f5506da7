/* log: x = ln u - ln v, h = ln u + ln v.
 *
 *   u^2 = u0^2 + 2 (mu + a),              v^2 = v0^2 + 2 (-mu + a)
 *   tanh x = (s0 + 2 mu) / c_a,           s0 = (u0^2 - v0^2)/2,  c_a = (u0^2 + v0^2)/2 + 2a
 *   dx/dmu = 1/u^2 + 1/v^2
 *   R_a(x) = 1/2 [c_a ln(cosh x / cosh x_a) - s0 (x - x_a)],     tanh x_a = s0 / c_a
 *
 * with u0 v0 = beta/2 and kappa = x0, so u0^2, v0^2 = beta/2 e^{+-kappa}. The domain of mu,
 * (-u0^2/2, v0^2/2) with A off either end, shrinks with the dose: the flow ends where u or v
 * reaches 0, and for any f at the dose (u0^2 + v0^2)/4 at the latest. Once 0 is not in the domain
 * R_a has no minimum; it is NaN then.
 *
 * g(c u, c v) = g(u, v): the degree is 0, and the dose does not shrink x. h has no lower bound, so
 * there is no S. beta has to be a double: the size of mu is beta. */
#include "param/param.h"
#include <math.h>

enum { U, V };

static const double LN2 = 0.693147180559945309417;

static double squared_u(double ln_beta, double kappa) {
  return exp(ln_beta - LN2 + kappa);
}

static double squared_v(double ln_beta, double kappa) {
  return exp(ln_beta - LN2 - kappa);
}

static bool locate(const ms_param *p, double ln_beta, double x0, double *kappa, const char **why) {
  (void)p;
  *kappa = x0;
  *why = "with this --init-scale the weights u0, v0 = sqrt(beta/2) e^{+-x0/2} are beyond double "
         "precision";
  return isnormal(squared_u(ln_beta, x0)) && isnormal(squared_v(ln_beta, x0));
}

static bool weights(const ms_param *p, double ln_beta, double kappa, double *w) {
  (void)p;
  w[U] = sqrt(squared_u(ln_beta, kappa));
  w[V] = sqrt(squared_v(ln_beta, kappa));
  return isnormal(w[U] * w[U]) && isnormal(w[V] * w[V]);
}

static double ln_beta_of(const ms_param *p, const double *w) {
  (void)p;
  return log(w[U]) + log(w[V]) + LN2;
}

static double map(const ms_param *p, const double *w) {
  (void)p;
  return w[U] > 0 && w[V] > 0 ? log(w[U] / w[V]) : NAN;
}

static void slope(const ms_param *p, const double *w, double *dg) {
  (void)p;
  dg[U] = 1 / w[U];
  dg[V] = -1 / w[V];
}

static void bend(const ms_param *p, const double *w, double *d2g) {
  (void)p;
  d2g[0] = -1 / (w[U] * w[U]);
  d2g[1] = d2g[2] = 0;
  d2g[3] = 1 / (w[V] * w[V]);
}

static void decay(const ms_param *p, const double *w, double *dh, double *d2h) {
  (void)p;
  for (int b = U; b <= V; b++) {
    dh[b] = 1 / w[b];
    d2h[b] = -1 / (w[b] * w[b]);
  }
}

/* s0 and c_0 */
static void start_of(double ln_beta, double kappa, double *s0, double *c0) {
  *s0 = exp(ln_beta - LN2) * sinh(kappa);
  *c0 = exp(ln_beta - LN2) * cosh(kappa);
}

static int primal(const ms_param *p, const ms_start *start, size_t first, size_t count, double a,
                  const double *mu, double *x, double *dx) {
  (void)p;
  for (size_t i = 0; i < count; i++) {
    double ln_beta = start->ln_beta[first + i], kappa = start->kappa[first + i];
    double uu = squared_u(ln_beta, kappa) + 2 * (mu[i] + a);
    double vv = squared_v(ln_beta, kappa) + 2 * (a - mu[i]);
    if (!(isnormal(uu) && uu > 0 && isnormal(vv) && vv > 0))
      return 1;
    double s0, c0, slope_x = 1 / uu + 1 / vv;
    start_of(ln_beta, kappa, &s0, &c0);
    double t = (s0 + 2 * mu[i]) / (c0 + 2 * a);
    if (!isfinite(slope_x))
      return 1;
    /* atanh keeps the digits of a small x, uu and vv those of the distance to the ends. */
    x[i] = fabs(t) < 0.5 ? atanh(t) : log(uu / vv) / 2;
    if (dx)
      dx[i] = slope_x;
  }
  return 0;
}

/* c_0 (tanh x - tanh kappa) / 2 + a tanh x */
static void dual(const ms_param *p, const ms_start *start, size_t first, size_t count, double a,
                 const double *x, double *mu) {
  (void)p;
  for (size_t i = 0; i < count; i++) {
    double d = x[i] - start->kappa[first + i], size = fabs(d), cosh_part = 1 + exp(-2 * fabs(x[i]));
    double moved = exp(start->ln_beta[first + i] + size - fabs(x[i])) * -expm1(-2 * size);
    mu[i] = copysign(moved / cosh_part / 4, d) + a * tanh(x[i]);
  }
}

/* With d = x - x_a and the smaller part q = v_a^2 / (u_a^2 + v_a^2) or its mirror image,
 * ln(cosh x / cosh x_a) - d tanh x_a = ln(1 + q (e^{-2d} - 1)) + 2 q d. */
static double potential(const ms_param *p, double ln_beta, double kappa, double a, double x) {
  (void)p;
  double uu = squared_u(ln_beta, kappa) + 2 * a, vv = squared_v(ln_beta, kappa) + 2 * a;
  if (!(uu > 0 && vv > 0))
    return NAN;
  double d = x - log(uu / vv) / 2, q = fmin(uu, vv) / (uu + vv);
  if (uu < vv)
    d = -d;
  double bracket = d > -300 ? log1p(q * expm1(-2 * d)) + 2 * q * d
                            : log(q) - 2 * d + 2 * q * d; /* e^{-2d} is far above 1/q */
  return (uu + vv) / 4 * fmax(bracket, 0);
}

/* beta_a = 2 u_a v_a of a start at x0 = 0, which at the last dose is 0. */
static double ln_scale(const ms_param *p, double ln_beta, double a) {
  (void)p;
  double left = 1 + 4 * a * exp(-ln_beta);
  return left > 0 ? ln_beta + log(left) : -INFINITY;
}

static void domain(const ms_param *p, double ln_beta, double kappa, double a, double *low,
                   double *high) {
  (void)p;
  *low = -squared_u(ln_beta, kappa) / 2 - a;
  *high = squared_v(ln_beta, kappa) / 2 + a;
}

/* dx/dmu = 2 cosh(x)^2 / c_a, at c_a = 1 for want of a better one. */
static double steepness(const ms_param *p, double size) {
  (void)p;
  double c = cosh(fmin(size, 10));
  return 2 * c * c / size;
}

const ms_param ms_param_log = {
    .name = "log",
    .summary = "x = ln u - ln v, h = ln u + ln v: weight decay ends the flow in finite time",
    .g = "ln u - ln v",
    .h = "ln u + ln v",
    .width = 2,
    .names = "u v",
    .degree = 0,
    .cost = NAN,
    .locate = locate,
    .weights = weights,
    .ln_beta_of = ln_beta_of,
    .map = map,
    .slope = slope,
    .bend = bend,
    .decay = decay,
    .primal = primal,
    .dual = dual,
    .potential = potential,
    .ln_scale = ln_scale,
    .domain = domain,
    .steepness = steepness,
};
