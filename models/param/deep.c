/* deep: x = w_1 w_2 ... w_L, h = sum w_j^2.
 *
 *   w_j^2 - w_1^2 = 2 beta_a, j > 1,      beta_a = beta e^{-4A}
 *
 * and w_2 = ... = w_L > 0, w_1 of the sign of x. With w = e^{-2A} Theta the weights Theta follow
 * the gradient flow without weight decay of e^{-2(L-2)A} grad f, so
 *
 *   x = e^{2La} X(mu),     dmu/dt = -e^{2(L-2)a} grad f,     R_a(x) = e^{2La} R(e^{-2La} x),
 *
 * where X = prod Theta_j on the curve Theta' = grad prod Theta_j. From Theta_1 = sqrt(2 beta) sinh
 * y and Theta_j = sqrt(2 beta) cosh y, and dmu = dTheta_1 / prod_{j>1} Theta_j, with k = L - 2:
 *
 *   X = (2 beta)^{L/2} sinh y cosh^{L-1} y,         y = kappa/2 at the start
 *   (2 beta)^{k/2} mu = I(y) - I(kappa/2),          I(y) = int_0^y sech^k = int_0^phi cos^{k-1}
 *   dX/dmu = (2 beta)^{L-1} (cosh y)^{2L-2} (1/cosh^2 y + L tanh^2 y)
 *   R(X) = X mu - (Theta_1^2 - Theta_1(0)^2)/2
 *
 * with sin phi = tanh y, cos phi = 1/cosh y. I is bounded, so mu has ends. L = 2 is mw.
 *
 * S(x) = L |x|^{2/L} is not convex. beta: (2 beta)^{(L-2)/2} and its inverse must be numbers, for
 * they are the size of mu: 1e-300 to 1e300 for L <= 4, 1e-102 to 1e102 for L = 8. Near the ends of
 * mu it has fewer digits than x asks for: of 16, x keeps 16 - log10 (|w_1|/sqrt(2 beta_a))^{L-2},
 * where beta_a shrinks by e^{-4A}: at L = 3 a dose of 9 costs 8 digits, at L = 4 all. */
#include "param/hyperbolic.h"
#include "param/scalar.h"
#include <float.h>
#include <math.h>

extern const ms_param ms_param_deep;

static const double LN2 = 0.693147180559945309417;
static const double LN_HUGE = 708;
static const double PI_2 = 1.57079632679489661923;
/* cos phi above which phi itself is the better variable, below it pi/2 - phi. */
static const double MIDDLE = 0.70710678118654752440;
/* A Newton step this small, relative, is the last: it squares the error. */
static const double CLOSE = 1e-9;

/* ---- The integral --------------------------------------------------------------------------- */

/* I, and what is left of it from |y| to infinity: the smaller keeps its digits. */
typedef struct place {
  double I, left;
} place;

/* int_0^phi cos^n, n = k - 1: a sum of positive terms. */
static double inner(size_t k, double phi, double sine, double cosine) {
  double sum = k % 2 ? phi : sine, power = k % 2 ? cosine : cosine * cosine;
  for (size_t n = k % 2 ? 2 : 3; n < k; n += 2) {
    sum = power * sine / (double)n + (double)(n - 1) / (double)n * sum;
    power *= cosine * cosine;
  }
  return sum;
}

static double whole(size_t k) {
  return inner(k, PI_2, 1, 0);
}

/* int_phi^{pi/2} cos^n for cos phi <= MIDDLE: a series of positive terms. */
static double outer(size_t k, double sine, double cosine) {
  double term = 1, sum = 0, square = cosine * cosine;
  for (double j = (double)k; term > DBL_EPSILON / 8 * sum; j += 2) {
    sum += term;
    term *= square * (j + 1) / (j + 2);
  }
  return pow(cosine, (double)k) * sine / (double)k * sum;
}

static place place_of(size_t k, double y) {
  double cosine = 1 / cosh(y), sine = tanh(fabs(y));
  place at;
  if (cosine > MIDDLE) {
    at.I = inner(k, atan(sinh(fabs(y))), sine, cosine);
    at.left = whole(k) - at.I;
  } else {
    at.left = outer(k, sine, cosine);
    at.I = whole(k) - at.left;
  }
  at.I = copysign(at.I, y);
  return at;
}

static double difference(place to, place from) {
  if (to.I > to.left && from.I > from.left)
    return from.left - to.left;
  if (-to.I > to.left && -from.I > from.left)
    return to.left - from.left;
  return to.I - from.I;
}

static place moved(place from, double by, double total) {
  place to = {from.I + by, 0};
  to.left = from.I * to.I > 0 && fabs(from.I) > from.left ? from.left - copysign(1, from.I) * by
                                                          : total - fabs(to.I);
  return to;
}

/* sin phi and cos phi of a place inside the domain. int cos^n is concave in phi, so Newton's
 * method from phi = I, which is below, stays below. left^{1/k} is nearly linear in pi/2 - phi. */
static void find_phi(size_t k, place at, double *sine, double *cosine) {
  double size = fabs(at.I), exponent = 1 / (double)k;
  if (size < inner(k, PI_2 / 2, MIDDLE, MIDDLE)) {
    double phi = size;
    for (int steps = 0; steps < 60; steps++) {
      double by = (size - inner(k, phi, sin(phi), cos(phi))) / pow(cos(phi), (double)(k - 1));
      phi += by;
      if (fabs(by) <= CLOSE * phi)
        break;
    }
    *sine = copysign(sin(phi), at.I);
    *cosine = cos(phi);
    return;
  }
  double psi = fmin(pow((double)k * at.left, exponent), PI_2 / 2);
  for (int steps = 0; steps < 60; steps++) {
    double left = outer(k, cos(psi), sin(psi));
    double by =
        (double)k * left / pow(sin(psi), (double)(k - 1)) * expm1(exponent * log(at.left / left));
    psi = fmin(psi + by, 0.9);
    if (fabs(by) <= CLOSE * psi)
      break;
  }
  *sine = copysign(cos(psi), at.I);
  *cosine = sin(psi);
}

/* ---- Mirror flow, L > 2 --------------------------------------------------------------------- */

/* (2 beta)^{k/2} */
static double unit_of(const ms_param *p, double ln_beta) {
  return exp((double)(p->depth - 2) / 2 * (ln_beta + LN2));
}

static bool unit_exists(double unit) {
  return isnormal(unit) && isnormal(1 / unit);
}

static int primal(const ms_param *p, const ms_start *start, size_t first, size_t count, double a,
                  const double *mu, double *x, double *dx) {
  size_t k = p->depth - 2;
  double L = (double)p->depth, total = whole(k);
  for (size_t i = 0; i < count; i++) {
    double ln_beta = start->ln_beta[first + i], unit = unit_of(p, ln_beta);
    place at = moved(place_of(k, start->kappa[first + i] / 2), unit * mu[i], total);
    if (!unit_exists(unit) || !(at.left > 0))
      return 1;
    double sine, cosine;
    find_phi(k, at, &sine, &cosine);
    double ln_theta = (ln_beta + LN2) / 2 - log(cosine); /* of Theta_2 = ... = Theta_L */
    double ln_dx = (2 * L - 2) * ln_theta + 2 * L * a;
    if (!(L * (ln_theta + 2 * a) < LN_HUGE && ln_dx + log(L) < LN_HUGE))
      return 1;
    x[i] = sine * exp(L * (ln_theta + 2 * a));
    if (dx)
      dx[i] = exp(ln_dx) * (cosine * cosine + L * sine * sine);
  }
  return 0;
}

/* y of x */
static double find_y(const ms_param *p, double ln_beta, double a, double x) {
  double L = (double)p->depth;
  if (x == 0)
    return 0;
  double tau = log(fabs(x)) - 2 * L * a - L / 2 * (ln_beta + LN2);
  return copysign(ms_sinh_root(L - 1, 1, tau), x);
}

static void dual(const ms_param *p, const ms_start *start, size_t first, size_t count, double a,
                 const double *x, double *mu) {
  size_t k = p->depth - 2;
  for (size_t i = 0; i < count; i++) {
    double ln_beta = start->ln_beta[first + i], y = find_y(p, ln_beta, a, x[i]);
    mu[i] =
        difference(place_of(k, y), place_of(k, start->kappa[first + i] / 2)) / unit_of(p, ln_beta);
  }
}

/* Near the minimum R/(2 beta) is int (T(y) - T(y')) sech^k y' dy' from kappa/2 to y, where
 * T = sinh cosh^{L-1}, without a difference of larger numbers: by the Gauss rule of 10 points. */
static double near_potential(const ms_param *p, double ln_beta, double a, double from, double to) {
  static const double node[] = {0.1488743389816312, 0.4333953941292472, 0.6794095682990244,
                                0.8650633666889845, 0.9739065285171717};
  static const double weight[] = {0.2955242247147529, 0.2692667193099963, 0.2190863625159821,
                                  0.1494513491505806, 0.0666713443086881};
  double L = (double)p->depth, shrink = exp(-fabs(from)), middle = (from + to) / 2,
         half = (to - from) / 2, sum = 0;
  double top = sinh(to) * shrink * pow(cosh(to) * shrink, L - 1);
  for (int i = 0; i < 10; i++) {
    double y = middle + (i % 2 ? half : -half) * node[i / 2], c = cosh(y) * shrink;
    sum += weight[i / 2] * (top - sinh(y) * shrink * pow(c, L - 1)) / pow(c, L - 2);
  }
  return exp(ln_beta + LN2 + 2 * L * a + 2 * fabs(from)) * sum * half;
}

static double potential(const ms_param *p, double ln_beta, double kappa, double a, double x) {
  double y = find_y(p, ln_beta, a, x), from = kappa / 2, mu;
  if (fabs(y - from) < 0.5)
    return near_potential(p, ln_beta, a, from, y);
  ms_start start = {&ln_beta, &kappa};
  dual(p, &start, 0, 1, a, &x, &mu);
  /* sinh^2 y - sinh^2 from = sinh(y + from) sinh(y - from) */
  return x * mu - ms_scaled_sinh(y + from, ln_beta + 2 * (double)p->depth * a) * sinh(y - from);
}

static void domain(const ms_param *p, double ln_beta, double kappa, double a, double *low,
                   double *high) {
  (void)a;
  place end = {whole(p->depth - 2), 0}, other = {-end.I, 0};
  place from = place_of(p->depth - 2, kappa / 2);
  *low = difference(other, from) / unit_of(p, ln_beta);
  *high = difference(end, from) / unit_of(p, ln_beta);
}

static double warp(const ms_param *p, double a) {
  return exp(2 * ((double)p->depth - 2) * a);
}

/* dx/dmu = L x^{2-2/L} where all |w_j| are the same. */
static double steepness(const ms_param *p, double size) {
  double L = (double)p->depth;
  return L * pow(size, 1 - 2 / L);
}

/* ---- Weights -------------------------------------------------------------------------------- */

static bool locate(const ms_param *p, double ln_beta, double x0, double *kappa, const char **why) {
  *kappa = 2 * find_y(p, ln_beta, 0, x0);
  *why = "with this --init-scale the mirror flow's mu is beyond double precision";
  return unit_exists(unit_of(p, ln_beta)) && place_of(p->depth - 2, *kappa / 2).left > DBL_MIN;
}

static bool weights(const ms_param *p, double ln_beta, double kappa, double *w) {
  double ln_root = (ln_beta + LN2) / 2, ln_rest = ln_root + ms_ln_cosh(kappa / 2);
  w[0] = ms_scaled_sinh(kappa / 2, ln_root);
  for (size_t j = 1; j < p->width; j++)
    w[j] = exp(ln_rest);
  return (w[0] == 0 || isnormal(w[0])) && isnormal(exp((double)p->depth * ln_rest));
}

static double scale(const ms_param *p, const double *w) {
  (void)p;
  return (w[1] - w[0]) * (w[1] + w[0]) / 2;
}

static void configure(ms_param *p, size_t depth) {
  *p = ms_param_deep;
  p->depth = p->width = depth;
  p->degree = (double)depth;
  if (depth == 2)
    ms_param_become(p, &ms_param_mw);
}

const ms_param ms_param_deep = {
    .name = "deep",
    .summary = "x = w_1 w_2 ... w_L, h = sum w_j^2: L layers, a mirror flow in warped time",
    .g = "w_1*w_2*...*w_L",
    .h = "w_1^2 + ... + w_L^2",
    .width = 3,
    .degree = 3,
    .cost = NAN,
    .depth_min = 2,
    .depth_max = MS_WIDTH_MAX,
    .depth = 3,
    .configure = configure,
    .locate = locate,
    .weights = weights,
    .map = ms_product_map,
    .slope = ms_product_slope,
    .bend = ms_product_bend,
    .scale = scale,
    .primal = primal,
    .dual = dual,
    .potential = potential,
    .ln_scale = ms_hyperbolic_ln_scale,
    .domain = domain,
    .warp = warp,
    .steepness = steepness,
};
