/* A constant that is added to all predictions. */
#ifndef MS_INTERCEPT_H
#define MS_INTERCEPT_H

#include "problem/problem.h"

/* Where --intercept is on: centres the columns of Z, whose means p->mean then has. The functions of
 * problem.h are from then on those of F(x) = min_b f(x, b). Fails with MS_UNSUPPORTED for sparse or
 * distributed Z and formulas, with MS_BAD_INPUT where b has no end. */
ms_status ms_problem_add_intercept(ms_problem *p, const ms_config *cfg, ms_error *err);
/* The b that is best for Zx of the centred columns; 0 without --intercept. */
double ms_problem_offset(const ms_problem *p, const double *Zx);
/* The intercept for the columns as they were given; NaN without --intercept. */
double ms_problem_intercept(const ms_problem *p, const double *Zx, const double *x);

#endif
