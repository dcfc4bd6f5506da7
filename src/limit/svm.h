/* Hard-margin support vector machines: where the directions of flows on separable classes end,
 * found without integrating them. */
#ifndef MS_SVM_H
#define MS_SVM_H

#include "problem/problem.h"

/* x[d] = argmin { |x|_2 : y_i (Zx)_i >= 1 }: a least-squares problem in numbers >= 0 (Lawson and
 * Hanson 1974, chapter 23), then exactly on its support vectors, verified by the optimality
 * conditions. `multiplier` (may be NULL): n numbers >= 0 with x = sum_i multiplier_i y_i Z_i.
 * y_i = +-1. MS_OUT_OF_DOMAIN: no x separates the classes. MS_STALLED: not verified to 1e-9. */
ms_status ms_svm_l2(const ms_problem *p, double *x, double *multiplier, ms_error *err);

/* x[d] = argmin { |x|_1 : y_i (Zx)_i >= 1 }: a linear program, solved by the simplex method on its
 * dual, which starts feasible, and verified by the duality gap. Fails like ms_svm_l2. Takes
 * 2 n d numbers. */
ms_status ms_svm_l1(const ms_problem *p, double *x, ms_error *err);

#endif
