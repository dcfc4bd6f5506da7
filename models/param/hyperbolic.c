#include "param/hyperbolic.h"
#include <math.h>

/* Above this |s| the smaller exponential of sinh s is below half an ulp of the larger. */
static const double ONE_SIDED = 20;
static const double LN2 = 0.693147180559945309417;
/* e^{+-LN_PLAIN} and their products are normal numbers. */
static const double LN_PLAIN = 300;
/* Where ln|x| is no larger than arcsinh x. */
static const double LARGE = 1e8;
/* x and dx overflow a little above. */
static const double LN_HUGE = 708;

double ms_scaled_asinh(double x, double ln_beta) {
  if (x == 0)
    return 0;
  if (fabs(ln_beta) < LN_PLAIN) { /* to rounding, where the logarithm of x would lose some of it */
    double ratio = x * exp(-ln_beta);
    if (fabs(ratio) < LARGE)
      return asinh(ratio);
  }
  double ln_ratio = log(fabs(x)) - ln_beta;
  if (ln_ratio > ONE_SIDED)
    return copysign(ln_ratio + LN2, x);
  return asinh(copysign(exp(ln_ratio), x));
}

double ms_scaled_sinh(double s, double ln_beta) {
  if (fabs(s) < ONE_SIDED)
    return exp(ln_beta) * sinh(s);
  return copysign(exp(fabs(s) + ln_beta - LN2), s);
}

/* One exponential per coordinate where beta itself is a normal number, two beyond. */
int ms_hyperbolic_primal(const ms_param *p, const ms_start *start, size_t first, size_t count,
                         double a, const double *mu, double *x, double *dx) {
  double rate = p->rate, known = NAN, beta = 0; /* beta = e^known: most coordinates share it */
  for (size_t i = 0; i < count; i++) {
    double ln_beta = start->ln_beta[first + i] + 4 * a;
    double s = rate * mu[i] + start->kappa[first + i];
    double size = fabs(s), large, small; /* halves of beta e^{|s|} and beta e^{-|s|} */
    if (!(size + ln_beta < LN_HUGE))
      return 1;
    if (ln_beta != known)
      beta = exp(known = ln_beta);
    if (size < 1) {
      /* The difference of exponentials would lose digits: sinh and cosh - 1 from expm1. */
      double q = expm1(size), r = q / (1 + q);
      x[i] = copysign(beta * (q + r) / 2, s);
      if (dx)
        dx[i] = rate * beta * (1 + q * r / 2);
      continue;
    }
    if (size < LN_PLAIN && fabs(ln_beta) < LN_PLAIN) {
      double e = exp(size);
      large = beta * e / 2;
      small = beta / e / 2;
    } else {
      large = exp(size + ln_beta - LN2);
      small = size < ONE_SIDED ? large * exp(-2 * size) : 0;
    }
    x[i] = copysign(large - small, s);
    if (dx)
      dx[i] = rate * (large + small);
  }
  return 0;
}

void ms_hyperbolic_dual(const ms_param *p, const ms_start *start, size_t first, size_t count,
                        double a, const double *x, double *mu) {
  for (size_t i = 0; i < count; i++) {
    double ln_beta = start->ln_beta[first + i] + 4 * a;
    mu[i] = (ms_scaled_asinh(x[i], ln_beta) - start->kappa[first + i]) / p->rate;
  }
}

double ms_hyperbolic_potential(const ms_param *p, double ln_beta, double kappa, double a,
                               double x) {
  double ln_beta_a = ln_beta + 4 * a;
  double s = ms_scaled_asinh(x, ln_beta_a);
  /* beta cosh s - beta cosh kappa, as a product near the minimum, where the difference cancels. */
  double half_sum = (s + kappa) / 2, half_difference = (s - kappa) / 2;
  double difference;
  if (fabs(half_difference) < 1) {
    difference = 2 * ms_scaled_sinh(half_sum, ln_beta_a) * sinh(half_difference);
  } else {
    double minimum = ms_scaled_sinh(kappa, ln_beta_a), beta = exp(ln_beta_a);
    difference = hypot(x, beta) - hypot(minimum, beta);
  }
  return (x * (s - kappa) - difference) / p->rate;
}

double ms_hyperbolic_ln_scale(const ms_param *p, double ln_beta, double a) {
  (void)p;
  return ln_beta + 4 * a;
}
