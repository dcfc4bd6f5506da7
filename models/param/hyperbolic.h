/* The hyperbolic family: one coordinate of every quadratic parametrization with two factors.
 *
 *   x          = beta_a sinh(c mu + kappa),           beta_a = beta e^{4a}
 *   dx/dmu     = c sqrt(x^2 + beta_a^2)
 *   mu         = (arcsinh(x / beta_a) - kappa) / c
 *   R_a(x)     = [x arcsinh(x/beta_a) - sqrt(x^2 + beta_a^2) - kappa x + beta_a cosh kappa] / c
 *
 * with c = p->rate. beta is carried as its logarithm: scales such as 1e-1000 are ordinary. */
#ifndef MS_HYPERBOLIC_H
#define MS_HYPERBOLIC_H

#include "param/param.h"

int ms_hyperbolic_primal(const ms_param *p, const ms_start *s, size_t first, size_t count, double a,
                         const double *mu, double *x, double *dx);
void ms_hyperbolic_dual(const ms_param *p, const ms_start *s, size_t first, size_t count, double a,
                        const double *x, double *mu);
double ms_hyperbolic_potential(const ms_param *p, double ln_beta, double kappa, double a, double x);
double ms_hyperbolic_ln_scale(const ms_param *p, double ln_beta, double a);

/* arcsinh(x / e^ln_beta) and its inverse's x = e^ln_beta sinh(s), for ln_beta of any size. */
double ms_scaled_asinh(double x, double ln_beta);
double ms_scaled_sinh(double s, double ln_beta);

#endif
