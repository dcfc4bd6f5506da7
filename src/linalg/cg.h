/* Conjugate gradients for symmetric positive definite systems that are known by their action. */
#ifndef MS_CG_H
#define MS_CG_H

#include "base/base.h"

enum {
  MS_CG_LIMIT = 1,      /* `limit` iterations did not do; b holds the last of them */
  MS_CG_INDEFINITE = 2, /* the system, or its diagonal, is not positive definite */
  MS_CG_NOT_FINITE = 3  /* a right-hand side or a result of apply() is not finite */
};

/* out[n] = M v[n]. 0, or a negative status, which ends the iteration. */
typedef int ms_apply(void *ctx, const double *v, double *out);

/* Solves M x = b to |b - M x| <= tol |b|, from x = 0. b[n] holds the right-hand side and becomes
 * the solution; diagonal[n] is that of M (Jacobi preconditioner) or NULL; work[4n] is scratch;
 * *iterations, where not NULL, counts the calls of apply(). 0, one of the above, or the status of
 * apply(). */
int ms_cg(size_t n, ms_apply *apply, void *ctx, const double *diagonal, double tol, size_t limit,
          double *b, double *work, size_t *iterations);

#endif
