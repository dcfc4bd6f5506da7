/* The intercept b of f(x, b) = mean of l((Zx)_i + b; y_i): fitted, not decayed, and without a bias
 * of its own, because b is at every moment the minimizer for the present x. What flows is
 *
 *   F(x) = min_b f(x, b),   grad F(x) = Z' l'(Zx + b) / n   (envelope theorem).
 *
 * Adding a number to a column of Z moves b and leaves F as it is. So the columns are centred, which
 * makes b of the squared loss constant, and the part of the Hessian that comes from b, a rank-one
 * term, small for the others: it is left out of Newton's matrices. */
#include "problem/intercept.h"
#include "parallel/comm.h"
#include "settings/config.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>

enum { MOST_STEPS = 200 };
static const double FAR = 1e6; /* a b beyond it is at infinity */

/* sum_i l'(z_i + b), its derivative in b, and the sum of |l'|. */
static double total_slope(const ms_problem *p, const double *z, double b, double *bend,
                          double *size) {
  double sum = 0;
  *bend = *size = 0;
  for (size_t i = 0; i < p->Z->n; i++) {
    double at = z[i] + b, slope = ms_loss_slope(p->loss, at, p->y[i]);
    sum += slope;
    *size += fabs(slope);
    *bend += ms_loss_curvature(p->loss, at, p->y[i]);
  }
  return sum;
}

/* Newton's method, kept between a b where the sum of slopes is below 0 and one where it is above.
 */
static double solve(const ms_problem *p, const double *z) {
  double b = 0, bend, size, low = -INFINITY, high = INFINITY;
  for (int step = 0; step < MOST_STEPS; step++) {
    double sum = total_slope(p, z, b, &bend, &size);
    if (!(fabs(sum) > 2 * DBL_EPSILON * size)) /* NaN, too */
      return b;
    *(sum < 0 ? &low : &high) = b;
    double next = bend > 0 ? b - sum / bend : b - copysign(1 + fabs(b), sum);
    if (!(next > low && next < high) || fabs(next - b) > 2 * (1 + fabs(b)))
      next = isinf(low) || isinf(high) ? b - copysign(1 + fabs(b), sum) : low + (high - low) / 2;
    if (next == b || fabs(next) > FAR)
      return next;
    b = next;
  }
  return b;
}

double ms_problem_offset(const ms_problem *p, const double *Zx) {
  return p->mean ? solve(p, Zx) : 0;
}

double ms_problem_intercept(const ms_problem *p, const double *Zx, const double *x) {
  if (!p->mean)
    return NAN;
  double b = solve(p, Zx);
  for (size_t j = 0; j < p->Z->d; j++)
    b -= p->mean[j] * x[j];
  return b;
}

/* Takes the mean out of column j, twice, because the first leaves its rounding. */
static void centre(ms_problem *p, size_t j) {
  size_t n = p->Z->n;
  double *column = p->Z->values + j * n;
  for (int twice = 0; twice < 2; twice++) {
    double mean = 0;
    for (size_t i = 0; i < n; i++)
      mean += column[i] / (double)n;
    for (size_t i = 0; i < n; i++)
      column[i] -= mean;
    p->mean[j] += mean;
  }
}

/* Does the loss fall for ever as b grows or falls? */
static bool runs_away(const ms_problem *p) {
  bool same = true;
  for (size_t i = 0; i < p->Z->n; i++)
    same = same && p->y[i] == p->y[0];
  return same &&
         (p->loss->kind == MS_TARGET_CLASS || (p->loss->kind == MS_TARGET_COUNT && p->y[0] == 0));
}

ms_status ms_problem_add_intercept(ms_problem *p, const ms_config *cfg, ms_error *err) {
  if (!ms_config_flag(cfg, "intercept"))
    return MS_OK;
  const char *origin = ms_config_origin(cfg, "intercept");
  if (!p->Z->values || p->Z->spread)
    return ms_fail(err, MS_UNSUPPORTED,
                   "%s: needs a dense Z in one process, because it centres the columns", origin);
  if (p->loss->formula)
    return ms_fail(err, MS_UNSUPPORTED,
                   "%s: is not there for --loss custom, whose slopes may vanish at several b",
                   origin);
  p->mean = ms_doubles(p->Z->d);
  if (!p->mean)
    return ms_no_memory(err);
  for (size_t j = 0; j < p->Z->d; j++)
    centre(p, j);
  for (size_t i = 0; i < p->Z->n; i++)
    p->y[i] += p->y_mean; /* b takes the mean of y, not --standardize */
  if (runs_away(p))
    return ms_fail(err, MS_BAD_INPUT, "%s: there is no best one; with --loss %s all y are %g",
                   origin, p->loss->name, p->y[0]);
  return MS_OK;
}
