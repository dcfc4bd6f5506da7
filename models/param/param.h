/* Separable parametrizations x_j = g(w_j), a few trainable numbers w_j per coordinate.
 *
 * One file per parametrization; it opens with its formulas and holds only that mathematics. To add
 * one: the file, its word in PARAMS of src/registry.c, its name in models/meson.build. */
#ifndef MS_PARAM_H
#define MS_PARAM_H

#include "base/registry.h"

/* Most trainable numbers per coordinate. */
enum { MS_WIDTH_MAX = 8 };

/* Where a coordinate starts: scale beta > 0 as ln(beta), of any magnitude, and kappa, which says
 * where x0 is; in the hyperbolic family x0 = beta sinh(kappa). */
typedef struct ms_start {
  const double *ln_beta, *kappa; /* d each */
} ms_start;

typedef struct ms_param ms_param;
struct ms_param {
  const char *name, *summary;
  const char *g, *h; /* formulas for people */
  size_t width;      /* trainable numbers per coordinate */
  /* Their names, a blank between two; NULL: w1, w2, ..., of one number w. Where people know them by
   * other names, these, and the numbers under them. */
  const char *names, *other_names;
  void (*to_others)(const double *w, double *others);
  void (*from_others)(const double *others, double *w);
  double degree;   /* L: g(c w) = c^L g(w); the dose shrinks x by e^{-2LA} */
  double cost;     /* representation cost of h where it is convex: S(x) = cost |x|; else NAN */
  double rate;     /* hyperbolic family: c of hyperbolic.h; 0 for all others */
  bool positive;   /* x > 0 always */
  bool keeps_sign; /* x has the sign of kappa always (of 0: positive) */
  bool steady;     /* no weight w_b ever becomes 0 or changes its sign */
  size_t kink;     /* h = |w_{kink-1}|: alpha pulls that number to 0 and holds it there; 0: none */
  bool bent;       /* g may have kinks: a formula with abs, sign, min or max */
  const char *no_mirror; /* why there is no mirror flow, a clause; NULL where there is one */

  /* A number of its own and the setting that gives it; NULL: none. The unit of gradients. */
  const char *number_setting;
  double number, unit;
  const char *no_decay; /* why the mirror flow is without weight decay only; NULL: with it too */

  /* Parametrizations that differ from coordinate to coordinate: that of the j-th, whose functions
   * of one coordinate are to be called. NULL: all alike. What is `own` is freed by release. */
  const ms_param *(*at)(const ms_param *p, size_t j);
  void *own;
  void (*release)(ms_param *p);

  /* --depth: allowed range and default (0, 0, 0 where the parametrization has none); configure()
   * adapts a copy of this struct to it. */
  size_t depth_min, depth_max, depth;
  void (*configure)(ms_param *p, size_t depth);

  /* kappa of x0; false (and why, a clause) when x0 is not possible. NULL: arcsinh(x0 / beta). */
  bool (*locate)(const ms_param *p, double ln_beta, double x0, double *kappa, const char **why);

  /* -- gradient flow: one coordinate, w[width] -- */
  /* w from its start; false when w is not representable in double precision. */
  bool (*weights)(const ms_param *p, double ln_beta, double kappa, double *w);
  double (*map)(const ms_param *p, const double *w);             /* g */
  void (*slope)(const ms_param *p, const double *w, double *dg); /* dg[width] */
  void (*bend)(const ms_param *p, const double *w, double *d2g); /* d2g[width * width] */
  /* dw/dt under grad_j f = g in flows that are not the gradient's; NULL: -g slope. */
  void (*velocity)(const ms_param *p, double g, const double *w, double *v);
  /* What that flow is and does, in sentences, and whether it is a mirror flow ("yes",
   * "time-warped", "no"). NULL, or an answer of NULL: it is the Euclidean gradient flow. */
  const char *(*own_flow)(const ms_param *p, const char **verdict);
  /* Discrete methods take -g slope and, after each step of this size, this for the rest of velocity
   * and for weight decay alpha. NULL: velocity and decay as they are. */
  void (*after)(const ms_param *p, double g, double alpha, double step, double *w);
  /* ... and what then drives mu: dmu/dt = -warp(a) force(grad f). NULL: grad f itself. */
  double (*force)(const ms_param *p, double g);
  /* First and second derivatives of h by each weight; NULL: h = |w|^2, so 2 w and 2. */
  void (*decay)(const ms_param *p, const double *w, double *dh, double *d2h);
  /* beta as the weights have it, an invariant up to the dose: e^{ln_scale}. NULL: none. */
  double (*scale)(const ms_param *p, const double *w);
  /* ln beta of a start at these weights, where it is not ln scale(w); NULL: it is, or where there
   * is no scale --init-scale says it. */
  double (*ln_beta_of)(const ms_param *p, const double *w);
  bool scale_has_number; /* scale(c w) = c^number scale(w); false: c^2 */

  /* -- mirror flow: `count` coordinates from the first-th; all NULL when there is none -- */
  /* x = grad Q_a(mu); dx (may be NULL) = dx/dmu >= 0. 0, or > 0 where x overflows or mu is outside
   * the domain. */
  int (*primal)(const ms_param *p, const ms_start *s, size_t first, size_t count, double a,
                const double *mu, double *x, double *dx);
  /* mu = grad R_a(x). */
  void (*dual)(const ms_param *p, const ms_start *s, size_t first, size_t count, double a,
               const double *x, double *mu);
  /* R_a(x) of one coordinate, normalized to min R_a = 0. */
  double (*potential)(const ms_param *p, double ln_beta, double kappa, double a, double x);
  /* ln beta_a: the scale of the potential at dose -a. */
  double (*ln_scale)(const ms_param *p, double ln_beta, double a);
  /* Ends of the domain of mu. NULL: all numbers. */
  void (*domain)(const ms_param *p, double ln_beta, double kappa, double a, double *low,
                 double *high);
  /* Time warp: dmu/dt = -warp(a) grad f. NULL: 1. */
  double (*warp)(const ms_param *p, double a);
  /* d ln|x| / dmu where |x| = size and beta is small. NULL: rate. */
  double (*steepness)(const ms_param *p, double size);
};

/* That of the j-th coordinate. */
static inline const ms_param *ms_param_of(const ms_param *p, size_t j) {
  return p->at ? p->at(p, j) : p;
}

MS_REGISTER(param);
extern const ms_param ms_param_mw, ms_param_uv, ms_param_custom; /* those that others build on */

#endif
