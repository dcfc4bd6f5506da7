/* ham: x itself under the hyperbolic-aware gradient flow (arXiv 2506.02630), c = --growth > 0.
 *
 *   dx/dt = -(1 + c |x|) grad f - alpha grad h,   h = x^2: the optimizer's decay b is alpha = b/2
 *   R'(x) = sign(x) ln(1 + c |x|) / c
 *   R(x) = [(1 + c |x|) ln(1 + c |x|) - c |x|] / c^2
 *   x = sign(m) (e^{c |m|} - 1) / c,   m = mu + R'(x0),   dx/dmu = 1 + c |x| >= 1
 *
 * R is x^2/2 for c -> 0, |x| ln(c |x|)/c for c -> infinity. The metric is that of m w from m^2 =
 * w^2 far from 0, where it is c |x|, without its zero: x crosses 0. The discrete step is that of
 * the optimizer, the same to first order: with g = grad f(x) of its beginning
 *
 *   x := x - eta g,   x := x exp(-eta (c sign(x) g + b)),   the exponent within +-5
 *
 * Under weight decay there is no mirror flow: d R'/dt = -grad f - 2 alpha x / (1 + c |x|) is no
 * function of t. */
#include "param/scalar.h"
#include <math.h>

/* e^708 is a little below the largest double. */
static const double LN_HUGE = 700;
/* Of one step, as in the optimizer. */
static const double LARGEST_EXPONENT = 5;

static double inverse_metric(const ms_param *p, double x) {
  return 1 + p->number * fabs(x);
}

static double gradient(const ms_param *p, double x) {
  return copysign(log1p(p->number * fabs(x)) / p->number, x);
}

static void velocity(const ms_param *p, double g, const double *w, double *v) {
  v[0] = -inverse_metric(p, w[0]) * g;
}

static const char *own_flow(const ms_param *p, const char **verdict) {
  (void)p;
  *verdict = "no";
  return "The flow dx/dt = -(1 + c |x|) grad f - alpha grad h is no Euclidean gradient flow: its "
         "metric is 1/(1 + c |x|). Without weight decay it is a mirror flow, that of R with R'(x) "
         "= "
         "sign(x) ln(1 + c |x|)/c. With weight decay there is none, for dR'/dt = -grad f - 2 alpha "
         "x/(1 + c |x|), where the last term depends on x and not on time alone.";
}

static void after(const ms_param *p, double g, double alpha, double step, double *w) {
  double sign = (w[0] > 0) - (w[0] < 0), exponent = -step * (p->number * sign * g + 2 * alpha);
  w[0] *= exp(fmax(-LARGEST_EXPONENT, fmin(exponent, LARGEST_EXPONENT)));
}

static int primal(const ms_param *p, const ms_start *s, size_t first, size_t count, double a,
                  const double *mu, double *x, double *dx) {
  (void)a;
  for (size_t i = 0; i < count; i++) {
    double m = p->number * (mu[i] + gradient(p, s->kappa[first + i]));
    if (!(fabs(m) < LN_HUGE))
      return 1;
    x[i] = copysign(expm1(fabs(m)) / p->number, m);
    if (dx)
      dx[i] = exp(fabs(m));
  }
  return 0;
}

static void dual(const ms_param *p, const ms_start *s, size_t first, size_t count, double a,
                 const double *x, double *mu) {
  (void)a;
  for (size_t i = 0; i < count; i++)
    mu[i] = gradient(p, x[i]) - gradient(p, s->kappa[first + i]);
}

/* With z = c |x| above, (1 + z) ln(1 + z) - z, whose digits go for small z: z^2/2 - z^3/6 + ... */
static double entropy(double z) {
  if (z > 0.05)
    return (1 + z) * log1p(z) - z;
  double sum = 0, power = z * z;
  for (int k = 2; k < 16; k++, power *= -z)
    sum += power / (k * (k - 1));
  return sum;
}

static double potential(const ms_param *p, double ln_beta, double kappa, double a, double x) {
  (void)ln_beta, (void)a;
  double c = p->number;
  if (kappa == 0)
    return entropy(c * fabs(x)) / (c * c);
  double R = entropy(c * fabs(x)) - entropy(c * fabs(kappa));
  return fmax(0, R / (c * c) - gradient(p, kappa) * (x - kappa));
}

static double steepness(const ms_param *p, double size) {
  return inverse_metric(p, size) / size;
}

const ms_param ms_param_ham = {
    .name = "ham",
    .summary = "x = w under the hyperbolic-aware flow dx/dt = -(1 + c|x|) grad f - alpha grad h",
    .g = "w",
    .h = "w^2",
    .width = 1,
    .degree = 1,
    .cost = NAN,
    .number_setting = "growth",
    .number = 200,
    .no_decay = "its metric and weight decay do not commute",
    .locate = ms_identity_locate,
    .weights = ms_identity_weights,
    .map = ms_identity_map,
    .slope = ms_identity_slope,
    .bend = ms_identity_bend,
    .velocity = velocity,
    .own_flow = own_flow,
    .after = after,
    .primal = primal,
    .dual = dual,
    .potential = potential,
    .steepness = steepness,
};
