/* Which of several minimizers the flow chooses (docs/theory.md, section 6). */
#ifndef MS_CHOICE_H
#define MS_CHOICE_H

#include "param/param.h"
#include "problem/problem.h"

/* x[d] minimizes f + lambda |x|_1 for a loss that is strictly convex in Zx. Where columns with
 * |grad_j f| = lambda may depend on each other there are other minimizers. Of all of them x becomes
 * the one at which the flow of the hyperbolic family (rate > 0) ends under a constant alpha. Fails
 * as ms_oracle_interpolator() does. */
ms_status ms_limit_choose(const ms_problem *p, const ms_param *param, const ms_start *start,
                          double lambda, double *x, ms_error *err);

#endif
