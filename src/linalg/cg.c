#include "linalg/cg.h"
#include <cblas.h>
#include <math.h>
#include <string.h>

/* z = r / diagonal; r'z */
static double precondition(size_t n, const double *diagonal, const double *r, double *z) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    z[i] = diagonal ? r[i] / diagonal[i] : r[i];
    sum += r[i] * z[i];
  }
  return sum;
}

/* Hestenes and Stiefel; b is the residual until the end. */
static int iterate(size_t n, ms_apply *apply, void *ctx, const double *diagonal, double tol,
                   size_t limit, double *b, double *work, size_t *iterations) {
  double *x = work, *z = x + n, *p = z + n, *Mp = p + n;
  double enough = tol * cblas_dnrm2((int)n, b, 1), rz = precondition(n, diagonal, b, z);
  memcpy(p, z, n * sizeof *p);
  for (;;) {
    double rest = cblas_dnrm2((int)n, b, 1);
    if (!isfinite(rest) || !isfinite(rz))
      return MS_CG_NOT_FINITE;
    if (rest <= enough)
      return 0;
    if (*iterations == limit)
      return MS_CG_LIMIT;
    int status = apply(ctx, p, Mp);
    ++*iterations;
    if (status)
      return status;
    double curvature = cblas_ddot((int)n, p, 1, Mp, 1);
    if (!isfinite(curvature))
      return MS_CG_NOT_FINITE;
    if (curvature <= 0 || rz <= 0)
      return MS_CG_INDEFINITE;
    double step = rz / curvature, before = rz;
    for (size_t i = 0; i < n; i++) {
      x[i] += step * p[i];
      b[i] -= step * Mp[i];
    }
    rz = precondition(n, diagonal, b, z);
    for (size_t i = 0; i < n; i++)
      p[i] = z[i] + rz / before * p[i];
  }
}

int ms_cg(size_t n, ms_apply *apply, void *ctx, const double *diagonal, double tol, size_t limit,
          double *b, double *work, size_t *iterations) {
  size_t count = 0;
  double size = 0;
  for (size_t i = 0; i < n; i++) {
    if (!isfinite(b[i]) || (diagonal && !isfinite(diagonal[i])))
      return MS_CG_NOT_FINITE;
    if (diagonal && diagonal[i] <= 0)
      return MS_CG_INDEFINITE;
    size = fmax(size, fabs(b[i]));
  }
  /* To size 1: then squares neither overflow nor vanish. */
  for (size_t i = 0; size > 0 && i < n; i++)
    b[i] /= size;
  memset(work, 0, n * sizeof *work);
  int status = iterate(n, apply, ctx, diagonal, tol, limit, b, work, &count);
  for (size_t i = 0; i < n; i++)
    b[i] = size * work[i];
  if (iterations)
    *iterations = count;
  return status;
}
