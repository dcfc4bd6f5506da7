/* For tests: the baseline of sparse coding. */
#ifndef MS_CODING_H
#define MS_CODING_H

#include "base/base.h"

/* X[m * N] = argmin |Y - D X|^2/(2N) + lambda |X|_1 by FISTA (Beck & Teboulle 2009) from the X
 * given; D[p * m], Y[p * N], column-major. Stops where a step moves no entry by more than
 * `tolerance` times the largest, or after `limit` steps. 0, or -1 without memory. */
int ms_fista(const double *D, const double *Y, size_t p, size_t m, size_t N, double lambda,
             double tolerance, size_t limit, double *X);

#endif
