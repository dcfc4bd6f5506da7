/* The mirror map of x = u^L - v^L without weight decay, L > 2. Others are this one, moved.
 *
 * With k = L - 2, q = L / k, P and N the values of u and v, u0^L = beta/2 e^kappa and
 * v0^L = beta/2 e^-kappa:
 *
 *   P^-k = u0^-k - L k mu,                N^-k = v0^-k + L k mu
 *   X = P^L - N^L = beta (cosh z / cosh z0)^q sinh(q z),      q z0 = kappa
 *   mu = (beta/2)^{-1/q} / (L k)  sinh(z - z0) / cosh z
 *   dX/dmu = L^2 (P^{2L-2} + N^{2L-2})
 *   R(X) = X mu - (P^2 + N^2 - u0^2 - v0^2) / (2 L)
 *
 * z is e^{2z} = (P/N)^k; for L -> 2 this is the hyperbolic family with q z = 4 mu + kappa. mu has
 * ends, -v0^-k / (L k) and u0^-k / (L k), where N or P is infinite.
 *
 * beta: (beta/2)^{1/q} and its inverse, the sizes of 1/mu and mu, must be numbers, times
 * e^{+-kappa/q}: 1e-300 to 1e300 for any L, 1e-900 to 1e900 for L = 3. Near its ends mu has fewer
 * digits than X asks for: of 16, X keeps 16 - log10 (X/beta)^{1/q}. */
#ifndef MS_POWER_H
#define MS_POWER_H

#include "param/param.h"

/* One coordinate; x = e^shift X and the potential e^shift R(e^-shift x). */
int ms_power_primal(size_t depth, double ln_beta, double kappa, double shift, double mu, double *x,
                    double *dx);
double ms_power_dual(size_t depth, double ln_beta, double kappa, double shift, double x);
double ms_power_potential(size_t depth, double ln_beta, double kappa, double shift, double x);
void ms_power_domain(size_t depth, double ln_beta, double kappa, double *low, double *high);

/* What does not depend on h. */
bool ms_power_locate(const ms_param *p, double ln_beta, double x0, double *kappa, const char **why);
bool ms_power_weights(const ms_param *p, double ln_beta, double kappa, double *w);
double ms_power_ln_beta_of(const ms_param *p, const double *w);
double ms_power_map(const ms_param *p, const double *w);
void ms_power_slope(const ms_param *p, const double *w, double *dg);
void ms_power_bend(const ms_param *p, const double *w, double *d2g);
double ms_power_steepness(const ms_param *p, double size);

#endif
