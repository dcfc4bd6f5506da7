/* Functions of one variable that several parametrizations need. */
#ifndef MS_SCALAR_H
#define MS_SCALAR_H

#include "param/param.h"

/* e^ln_factor (e^z - 1 - z), which is never negative. */
double ms_exp_excess(double z, double ln_factor);
/* ln cosh s, and the s > 0 with sinh(s) cosh(s / c)^b = e^tau, b >= 0: arcsinh(e^tau) for b = 0. */
double ms_ln_cosh(double s);
double ms_sinh_root(double b, double c, double tau);

/* The product of all weights of a coordinate but the b-th and the c-th; width: none left out. */
double ms_product_but(const ms_param *p, const double *w, size_t b, size_t c);
/* g(w) = w_1 w_2 ... for any width, and its derivatives, as ms_param has them. */
double ms_product_map(const ms_param *p, const double *w);
void ms_product_slope(const ms_param *p, const double *w, double *dg);
void ms_product_bend(const ms_param *p, const double *w, double *d2g);
/* g(w) = w, from w = x0. */
double ms_identity_map(const ms_param *p, const double *w);
void ms_identity_slope(const ms_param *p, const double *w, double *dg);
void ms_identity_bend(const ms_param *p, const double *w, double *d2g);
bool ms_identity_locate(const ms_param *p, double ln_beta, double x0, double *kappa,
                        const char **why);
bool ms_identity_weights(const ms_param *p, double ln_beta, double kappa, double *w);

/* Makes p, whose depth is 2, what it then is: `like`, under the name and with the depths of p. */
void ms_param_become(ms_param *p, const ms_param *like);

#endif
