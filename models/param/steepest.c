/* steepest: x = w_1 w_2 ... w_L under a steepest flow of exponent q = --exponent in [1, 2]: the
 * gradient flow is q = 2, sign descent (the flow of sign momentum and of Adam) q = 1
 * (arXiv 2603.02064).
 *
 *   dw_b/dt = -phi(grad f) sgn(P_b) |P_b|^{q-1} - alpha grad h,    P_b = prod_{c != b} w_c,
 *   phi(g) = g (g^2 + e^2)^{(q-2)/2},    h = sum w_b^2
 *
 * with weight decay beside the steepest direction (decoupled), not inside it. e is a thousandth of
 * the first gradient: it rounds the corner of sgn, where a flow would otherwise slide along
 * grad_j f = 0 by jumps, and changes none of what follows, which holds for every phi.
 *
 *   |w_b|^q - |w_1|^q = B_a,                B_a = B e^{-2qA},  B = (2 beta)^{q/2}
 *   dx/dt = -phi(grad f) sum_b |P_b|^q      (L = 2: sqrt(4 |x|^q + B_a^2))
 *
 * and w_2 = ... = w_L > 0, w_1 of the sign of x: from x = 0 they start at sqrt(2 beta), whatever q
 * is. The scale that runs print, e^{ln_beta}, is B_a / 2: beta itself for q = 2 alone. With w =
 * e^{-2A} W this is a mirror flow:
 *
 *   x = e^{2La} W_1 (|W_1|^q + B)^{(L-1)/q},   dmu/dt = -e^{-2a (1 - (L-1)(q-1))} phi(grad f),
 *   mu = G(W_1) - G(W_1(0)),   G(v) = int_0^v (|u|^q + B)^{-k} du,   k = (L-1)(q-1)/q
 *
 * With v = B^{1/q} y, G = B^{1/q-k} g(y). g is bounded where qk > 1: mu then has ends. With
 * z = y^q and t = z / (1 + z)
 *
 *   g(y) = y (1 + z)^{-1/q} F(1 + 1/q - k, 1/q; 1 + 1/q; t)                    (z <= 2)
 *   g(y) = g(y_1) + sum_j binom(-k, j) int_{y_1}^y s^{-q(k+j)} ds              (z > 2 = y_1^q) */
#include "param/scalar.h"
#include <float.h>
#include <math.h>

static const double LN2 = 0.693147180559945309417;
static const double LN_HUGE = 700;
/* Of the first gradient. */
static const double ROUNDED = 1e-3;
/* A Newton step this small, relative, is the last: it squares the error. */
static const double CLOSE = 1e-10;
/* z up to which the series in z / (1 + z) is used. */
static const double NEAR = 2;

static double force(const ms_param *p, double g) {
  double e = ROUNDED * p->unit;
  return p->number == 2 ? g : g * pow(g * g + e * e, (p->number - 2) / 2);
}

/* ---- The integral --------------------------------------------------------------------------- */

static double exponent_k(const ms_param *p) {
  return ((double)p->depth - 1) * (p->number - 1) / p->number;
}

static double near_integral(double q, double k, double y) {
  double z = pow(y, q), t = z / (1 + z), term = 1, sum = 1, A = 1 + 1 / q - k, b = 1 / q;
  for (int n = 0; n < 400 && fabs(term) > DBL_EPSILON / 8 * fabs(sum); n++) {
    term *= (A + n) * (b + n) / ((b + 1 + n) * (n + 1)) * t;
    sum += term;
  }
  return y * pow(1 + z, -b) * sum;
}

/* int_{y_1}^{y} of the terms; y = INFINITY where qk > 1. */
static double far_integral(double q, double k, double y) {
  double first = pow(NEAR, 1 / q), ln_ratio = log(y / first), factor = 1, sum = 0;
  for (int j = 0; j < 70; j++) {
    double c = 1 - q * (k + j), part = c == 0 ? ln_ratio : expm1(c * ln_ratio) / c;
    sum += factor * pow(first, c) * part;
    factor *= -(k + j) / (j + 1);
  }
  return sum;
}

static double integral(double q, double k, double y) {
  if (k == 0)
    return y;
  if (pow(y, q) <= NEAR)
    return near_integral(q, k, y);
  return near_integral(q, k, pow(NEAR, 1 / q)) + far_integral(q, k, y);
}

static double integral_end(double q, double k) {
  return q * k > 1 + 1e-12 ? integral(q, k, INFINITY) : INFINITY;
}

/* y of g(y) = m > 0. g is concave and below y: Newton's method from y = m stays below. */
static double integral_root(double q, double k, double m) {
  double y = m;
  for (int steps = 0; steps < 500 && k > 0; steps++) {
    double by = (m - integral(q, k, y)) * pow(1 + pow(y, q), k);
    y += by;
    if (!(fabs(by) > CLOSE * y))
      break;
  }
  return y;
}

/* ---- Mirror flow ---------------------------------------------------------------------------- */

/* ln B^{1/q} = ln W_b at x = 0 */
static double ln_root(double ln_beta) {
  return (ln_beta + LN2) / 2;
}

/* y > 0 of y (1 + y^q)^{(L-1)/q} = X > 0, in logarithms: Newton on a convex function. */
static double find_y(const ms_param *p, double ln_X) {
  double q = p->number, L = (double)p->depth, s = fmin(ln_X, ln_X / L);
  for (int steps = 0; steps < 100; steps++) {
    double rest = s > 0 ? q * s + log1p(exp(-q * s)) : log1p(exp(q * s));
    double by = (ln_X - s - (L - 1) / q * rest) / (1 + (L - 1) / (1 + exp(-q * s)));
    s += by;
    if (fabs(by) <= CLOSE)
      break;
  }
  return exp(s);
}

/* y of x at dose -a, with its sign. */
static double y_of(const ms_param *p, double ln_beta, double a, double x) {
  double L = (double)p->depth;
  return x == 0 ? 0 : copysign(find_y(p, log(fabs(x)) - 2 * L * a - L * ln_root(ln_beta)), x);
}

static double signed_integral(const ms_param *p, double y) {
  return copysign(integral(p->number, exponent_k(p), fabs(y)), y);
}

/* ln of B^{1/q - k}, the unit of mu */
static double ln_unit(const ms_param *p, double ln_beta) {
  return (1 - p->number * exponent_k(p)) * ln_root(ln_beta);
}

static int primal(const ms_param *p, const ms_start *start, size_t first, size_t count, double a,
                  const double *mu, double *x, double *dx) {
  double q = p->number, k = exponent_k(p), L = (double)p->depth, end = integral_end(q, k);
  for (size_t i = 0; i < count; i++) {
    double ln_beta = start->ln_beta[first + i];
    double from = signed_integral(p, y_of(p, ln_beta, 0, start->kappa[first + i]));
    double m = from + mu[i] * exp(-ln_unit(p, ln_beta));
    if (!(fabs(m) < end))
      return 1;
    double y = integral_root(q, k, fabs(m)), z = pow(y, q), ln_theta = ln_root(ln_beta) + 2 * a;
    double ln_rest = log1p(z) / q;
    if (!(L * (ln_theta + ln_rest) < LN_HUGE && y < 1e300))
      return 1;
    x[i] = copysign(y * exp(L * ln_theta + (L - 1) * ln_rest), m);
    if (dx) /* e^{2La} (W^{q(L-1)} + (L-1) |W_1|^q W^{q(L-2)}), W^q = B (1 + z) */
      dx[i] =
          exp(2 * L * a + q * (L - 1) * (ln_root(ln_beta) + ln_rest)) * (1 + (L - 1) * z / (1 + z));
  }
  return 0;
}

static void dual(const ms_param *p, const ms_start *start, size_t first, size_t count, double a,
                 const double *x, double *mu) {
  for (size_t i = 0; i < count; i++) {
    double ln_beta = start->ln_beta[first + i];
    mu[i] = (signed_integral(p, y_of(p, ln_beta, a, x[i])) -
             signed_integral(p, y_of(p, ln_beta, 0, start->kappa[first + i]))) *
            exp(ln_unit(p, ln_beta));
  }
}

static void domain(const ms_param *p, double ln_beta, double kappa, double a, double *low,
                   double *high) {
  (void)a;
  double end = integral_end(p->number, exponent_k(p)), unit = exp(ln_unit(p, ln_beta));
  double from = signed_integral(p, y_of(p, ln_beta, 0, kappa));
  *low = (-end - from) * unit;
  *high = (end - from) * unit;
}

static double warp(const ms_param *p, double a) {
  return exp(-2 * a * (1 - ((double)p->depth - 1) * (p->number - 1)));
}

static double ln_scale(const ms_param *p, double ln_beta, double a) {
  return p->number * (ln_root(ln_beta) + 2 * a) - LN2;
}

/* dx/dmu = L |x|^{q (L-1)/L} where all |w_b| are the same. */
static double steepness(const ms_param *p, double size) {
  double L = (double)p->depth;
  return L * pow(size, p->number * (L - 1) / L - 1);
}

/* ---- Weights -------------------------------------------------------------------------------- */

static bool locate(const ms_param *p, double ln_beta, double x0, double *kappa, const char **why) {
  *kappa = x0;
  *why = "with this --init-scale the weights are beyond double precision";
  return isnormal(exp(ln_unit(p, ln_beta))) && isnormal(exp((double)p->depth * ln_root(ln_beta)));
}

static bool weights(const ms_param *p, double ln_beta, double kappa, double *w) {
  double y = y_of(p, ln_beta, 0, kappa), q = p->number, root = exp(ln_root(ln_beta));
  w[0] = root * y;
  for (size_t b = 1; b < p->width; b++)
    w[b] = root * pow(1 + pow(fabs(y), q), 1 / q);
  return isnormal(pow(root, (double)p->depth)) && isfinite(w[1]);
}

static void velocity(const ms_param *p, double g, const double *w, double *v) {
  for (size_t b = 0; b < p->width; b++) {
    double rest = ms_product_but(p, w, b, b);
    v[b] = rest == 0 ? 0 : -force(p, g) * copysign(pow(fabs(rest), p->number - 1), rest);
  }
}

static const char *own_flow(const ms_param *p, const char **verdict) {
  if (p->number == 2)
    return NULL;
  bool paced = warp(p, -1) != 1;
  *verdict = paced ? "time-warped" : "yes";
  return paced
             ? "With an exponent q < 2 the flow of the weights is no Euclidean gradient flow, and "
               "weight decay is decoupled. With w = e^{-2A} W its own flow is a mirror flow in "
               "warped time, driven by phi(grad f) in place of grad f: dmu/dt = -e^{2A (1 - (L-1)"
               "(q-1))} phi(grad f), x = e^{-2LA} grad Q(mu)."
             : "With an exponent q < 2 the flow of the weights is no Euclidean gradient flow, and "
               "weight decay is decoupled. With w = e^{-2A} W its own flow is a mirror flow, "
               "driven by phi(grad f) in place of grad f: dmu/dt = -phi(grad f), for (L-1)(q-1) "
               "= 1, and x = e^{-2LA} grad Q(mu).";
}

static double scale(const ms_param *p, const double *w) {
  return (pow(fabs(w[1]), p->number) - pow(fabs(w[0]), p->number)) / 2;
}

/* 2 scale = B, the q-th power of the weights at x = 0. */
static double ln_beta_of(const ms_param *p, const double *w) {
  return 2 * log(2 * scale(p, w)) / p->number - LN2;
}

static void configure(ms_param *p, size_t depth) {
  p->depth = p->width = depth;
  p->degree = (double)depth;
}

const ms_param ms_param_steepest = {
    .name = "steepest",
    .summary = "x = w_1 w_2 ... w_L under a steepest flow of exponent q in [1, 2], q = 1: signs",
    .g = "w_1*w_2*...*w_L",
    .h = "w_1^2 + ... + w_L^2",
    .width = 2,
    .degree = 2,
    .cost = NAN,
    .number_setting = "exponent",
    .number = 1,
    .depth_min = 2,
    .depth_max = MS_WIDTH_MAX,
    .depth = 2,
    .configure = configure,
    .locate = locate,
    .weights = weights,
    .map = ms_product_map,
    .slope = ms_product_slope,
    .bend = ms_product_bend,
    .velocity = velocity,
    .own_flow = own_flow,
    .force = force,
    .scale = scale,
    .ln_beta_of = ln_beta_of,
    .scale_has_number = true,
    .primal = primal,
    .dual = dual,
    .ln_scale = ln_scale,
    .domain = domain,
    .warp = warp,
    .steepness = steepness,
};
