/* The flows in the limit of small scales (alpha = 0, beta -> 0), for the squared loss, found
 * without integrating them: the path from saddle to saddle, and where it ends. */
#ifndef MS_SADDLE_H
#define MS_SADDLE_H

#include "problem/problem.h"

/* One plateau. Where the time is t = s ln(1/beta), x(t) tends to a function of s with jumps and
 * mu(t) / ln(1/beta) to a continuous q(s), linear in between. */
typedef struct ms_saddle {
  double time;   /* s at which x jumps to this plateau */
  double loss;   /* f(x) */
  double *x;     /* d, owned */
  double *dual;  /* d: q at that time; in the same block as x */
  size_t active; /* number of x_j that are not 0 */
} ms_saddle;

/* The plateaus for x_j = beta_j sinh(rate mu_j + kappa_j), from x = 0 at s = 0 on; the last one is
 * not left. Coordinate j may become positive where rate q_j = grow_plus_j, and negative where
 * rate q_j = -grow_minus_j, with the growth times (NULL: all 1)
 *
 *   grow_plus_j  = (ln(1/beta_j) - kappa_j) / ln(1/beta),
 *   grow_minus_j = (ln(1/beta_j) + kappa_j) / ln(1/beta),
 *
 * each >= 0; INFINITY: never. Those that are 0 belong to coordinates that start at size 1: there
 * the first jump is at s = 0. f is unique on every plateau; x is not where columns that grow at
 * the same time depend on each other, then it is one with few non-zeros.
 * Where grad f drowns in rounding before it vanishes (equations of very different sizes), the path
 * ends there.
 * MS_UNSUPPORTED for other losses. Free with ms_saddle_free. */
ms_status ms_saddle_path(const ms_problem *p, double rate, const double *grow_plus,
                         const double *grow_minus, ms_saddle **path, size_t *count, ms_error *err);
void ms_saddle_free(ms_saddle *path, size_t count);

/* x[d] = argmin { sum_j weight_plus_j (x_j)+ + weight_minus_j (-x_j)+ : x minimizes |Zx - y| }:
 * the end of that path. Weights finite and >= 0 (NULL: all 1). Whatever the loss. */
ms_status ms_minimum_l1(const ms_problem *p, const double *weight_plus, const double *weight_minus,
                        double *x, ms_error *err);

/* x[d] = argmin { |x - x0| : x minimizes |Zx - y| }, the end of the flow for beta -> infinity.
 * x0 NULL: 0. Whatever the loss. */
ms_status ms_minimum_l2(const ms_problem *p, const double *x0, double *x, ms_error *err);

#endif
