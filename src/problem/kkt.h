/* The optimality conditions of f + lambda |x|_1. */
#ifndef MS_KKT_H
#define MS_KKT_H

#include <stddef.h>

/* How far x is from 0 in grad f(x) + lambda d|x|_1, relative to `scale` (a gradient):
 * the largest of (|g_j| - lambda)+ and |x_j| |g_j + lambda sign x_j| / top. g = grad f(x), top =
 * |x|_inf. */
double ms_kkt_residual(size_t d, const double *x, double top, const double *g, double lambda,
                       double scale);
/* For x >= 0 alone: makes g what ms_kkt_residual() is to see, with the lambda returned: at x_j = 0
 * g_j + lambda >= 0 is all that is asked. */
double ms_kkt_fold(size_t d, const double *x, double top, double *g, double lambda);

#endif
