/* Separable parametrizations x_j = g(w_j), a few trainable numbers w_j per coordinate.
 *
 * One file per parametrization; it opens with its formulas and holds only that mathematics. To add
 * one: the file, its token in MS_PARAMS below, its name in meson.build. */
#ifndef MS_PARAM_H
#define MS_PARAM_H

#include "base.h"

#define MS_PARAMS(X) X(mw) X(uv)

#define MS_WIDTH_MAX 2

/* Where a coordinate starts: scale beta > 0 as ln(beta), of any magnitude, and
 * kappa = arcsinh(x0 / beta), so x0 = beta sinh(kappa). */
typedef struct ms_start {
  const double *ln_beta, *kappa; /* d each */
} ms_start;

typedef struct ms_param ms_param;
struct ms_param {
  const char *name, *summary;
  const char *g, *h; /* formulas for people */
  size_t width;      /* trainable numbers per coordinate */
  double cost;       /* representation cost of h: S(x) = cost |x|  (min of h given g = x) */
  double rate;       /* d(exponent)/d(mu): x = beta sinh(rate mu + kappa), see hyperbolic.h */

  /* -- gradient flow: one coordinate, w[width] -- */
  /* w from its start; false when w is not representable in double precision. */
  bool (*weights)(double ln_beta, double kappa, double *w);
  double (*map)(const double *w);             /* g */
  void (*slope)(const double *w, double *dg); /* dg[width] */
  void (*bend)(const double *w, double *d2g); /* d2g[width * width] */
  double (*scale)(const double *w);           /* beta as the weights have it: decays as e^{-4A} */

  /* -- mirror flow: `count` coordinates from the first-th; all NULL when there is none -- */
  /* x = grad Q_a(mu); dx (may be NULL) = dx/dmu >= 0. 0, or > 0 where x overflows. */
  int (*primal)(const ms_param *p, const ms_start *s, size_t first, size_t count, double a,
                const double *mu, double *x, double *dx);
  /* mu = grad R_a(x). */
  void (*dual)(const ms_param *p, const ms_start *s, size_t first, size_t count, double a,
               const double *x, double *mu);
  /* R_a(x) of one coordinate, normalized to min R_a = 0. */
  double (*potential)(const ms_param *p, double ln_beta, double kappa, double a, double x);
  /* ln beta_a: the scale of the potential at dose -a. */
  double (*ln_scale)(double ln_beta, double a);
};

/* The parametrizations there are, NULL after the last. */
const ms_param *ms_param_at(size_t i);

#endif
