#include "param/scalar.h"
#include <float.h>
#include <math.h>

static const double LN2 = 0.693147180559945309417;
/* e^-SMALL and its square are one beside the other's rounding. */
static const double SMALL = 20;
/* A Newton step this small, relative, is the last: it squares the error. */
static const double CLOSE = 1e-9;

double ms_ln_cosh(double s) {
  return fabs(s) + log1p(exp(-2 * fabs(s))) - LN2;
}

/* Newton on F(s) = ln sinh s + b ln cosh(s/c) - tau, which is nearly linear for large s and nearly
 * ln s for small, from above: cosh >= 1 and ln cosh z >= z - ln 2. */
double ms_sinh_root(double b, double c, double tau) {
  if (tau < -SMALL)
    return exp(tau);
  double s = tau > SMALL ? tau + LN2 : asinh(exp(tau));
  double straight = (tau + (1 + b) * LN2) / (1 + b / c);
  if (straight > 1)
    s = fmin(s, straight);
  for (int steps = 0; steps < 100; steps++) {
    double F = s - LN2 + log(-expm1(-2 * s)) + b * ms_ln_cosh(s / c) - tau;
    double slope = 1 / tanh(s) + b / c * tanh(s / c);
    double next = fmax(s - F / slope, s / 8);
    double moved = fabs(next - s);
    s = next;
    if (moved <= CLOSE * s)
      break;
  }
  return s;
}

double ms_exp_excess(double z, double ln_factor) {
  if (fabs(z) >= 1)
    return exp(ln_factor + z) - exp(ln_factor) * (1 + z);
  double term = z * z / 2, sum = term;
  for (int k = 3; fabs(term) > DBL_EPSILON / 4 * sum; k++) {
    term *= z / k;
    sum += term;
  }
  return exp(ln_factor) * sum;
}

double ms_product_but(const ms_param *p, const double *w, size_t b, size_t c) {
  double all = 1;
  for (size_t j = 0; j < p->width; j++)
    all *= j == b || j == c ? 1 : w[j];
  return all;
}

double ms_product_map(const ms_param *p, const double *w) {
  return ms_product_but(p, w, p->width, p->width);
}

void ms_product_slope(const ms_param *p, const double *w, double *dg) {
  for (size_t b = 0; b < p->width; b++)
    dg[b] = ms_product_but(p, w, b, b);
}

void ms_product_bend(const ms_param *p, const double *w, double *d2g) {
  for (size_t b = 0; b < p->width; b++)
    for (size_t c = 0; c < p->width; c++)
      d2g[b * p->width + c] = b == c ? 0 : ms_product_but(p, w, b, c);
}

double ms_identity_map(const ms_param *p, const double *w) {
  (void)p;
  return w[0];
}

void ms_identity_slope(const ms_param *p, const double *w, double *dg) {
  (void)p, (void)w;
  dg[0] = 1;
}

void ms_identity_bend(const ms_param *p, const double *w, double *d2g) {
  (void)p, (void)w;
  d2g[0] = 0;
}

bool ms_identity_locate(const ms_param *p, double ln_beta, double x0, double *kappa,
                        const char **why) {
  (void)p, (void)ln_beta, (void)why;
  *kappa = x0;
  return true;
}

bool ms_identity_weights(const ms_param *p, double ln_beta, double kappa, double *w) {
  (void)p, (void)ln_beta;
  w[0] = kappa;
  return isfinite(kappa);
}

void ms_param_become(ms_param *p, const ms_param *like) {
  ms_param two = *like;
  two.name = p->name;
  two.summary = p->summary;
  two.g = p->g;
  two.h = p->h;
  two.depth_min = p->depth_min;
  two.depth_max = p->depth_max;
  two.depth = p->depth;
  two.configure = p->configure;
  *p = two;
}
