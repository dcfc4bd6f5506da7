/* Where the flow ends, found without integrating it (docs/theory.md, section 6). */
#ifndef MS_ORACLE_H
#define MS_ORACLE_H

#include "param/param.h"
#include "problem/problem.h"

/* x[d] = argmin { R_a(x) : x minimizes |Zx - y| }: the end of the mirror flow at dose -a, for the
 * squared loss. Damped Newton on the concave dual, max_nu y'nu - Q_a(Z'nu), x = grad Q_a(Z'nu), in
 * the hyperbolic family along a decreasing sequence of scales. For every parametrization with a
 * potential on all x. No integration. Takes two more copies of Z.
 * When the equations Zx = y have no solution the least-squares residual is taken out of y first.
 * Fails with MS_STALLED when it does not converge to `tol` (residual of the equations in an
 * orthonormal basis of the row space of Z, relative to |x|): so where some scales are tiny and
 * others are more than 1e10 times as large as x. MS_OUT_OF_DOMAIN where x0 overflows. */
ms_status ms_oracle_interpolator(const ms_problem *p, const ms_param *param, const ms_start *start,
                                 double a, double tol, double *x, ms_error *err);

/* x[d] = argmin f(x) + lambda |x|_1 for the squared loss f = |Zx-y|^2/(2 samples): coordinate
 * descent, then the exact solution on its active set, verified by the KKT conditions to `tol`
 * (relative to max_j |grad f(0)_j|). lambda > 0, else MS_BAD_SETTING; MS_STALLED when `tol` is not
 * reached. */
ms_status ms_oracle_lasso(const ms_problem *p, double lambda, double tol, double *x, ms_error *err);

/* The same for any convex loss that is twice differentiable, and for lambda >= 0: with 0 one of the
 * x where f is least, which have their Zx in common where f is strictly convex in it. Proximal
 * Newton steps; x[d] is where they start. MS_UNSUPPORTED where f turns out not to be convex,
 * MS_STALLED where there is no end to come to, as of classes that can be separated. */
ms_status ms_oracle_convex(const ms_problem *p, double lambda, double tol, double *x,
                           ms_error *err);

#endif
