#include "problem/kkt.h"
#include <math.h>

double ms_kkt_residual(size_t d, const double *x, double top, const double *g, double lambda,
                       double scale) {
  double worst = 0;
  for (size_t j = 0; j < d; j++) {
    if (isnan(g[j]) || isnan(x[j])) /* fmax would pass over it */
      return NAN;
    worst = fmax(worst, fabs(g[j]) - lambda);
    if (x[j] != 0)
      worst = fmax(worst, fabs(x[j]) / top * fabs(g[j] + copysign(lambda, x[j])));
  }
  return worst == 0 ? 0 : worst / scale;
}

double ms_kkt_fold(size_t d, const double *x, double top, double *g, double lambda) {
  for (size_t j = 0; j < d; j++) {
    g[j] += lambda;
    if (g[j] > 0)
      g[j] *= top > 0 ? fabs(x[j]) / top : 0;
  }
  return 0;
}
