/* All minimizers have Zx and grad f in common, and 0 where |grad_j f| < lambda. The others, E, obey
 *
 *   Z_E x_E = Zx,      mu_E(t) in the row space of Z_E.
 *
 * alpha adds A(t) times the signs of -grad f, which are in that space, too. What is left as beta_a
 * tends to 0 says that x minimizes sum_E |x_j| (ln(2 |x_j| / beta_j) - 1) - kappa_j x_j: the end of
 * argmin { R_a(x_E) : Z_E x_E = Zx } for a -> -infinity. */
#include "limit/choice.h"
#include "limit/limit.h"
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* beta_a^2 at this distance from x is below rounding, with room for scales that differ. */
static const double LN_FAR = 200;
/* |grad_j f| this near lambda, relative to it, counts as equal: the minimizer has 12 digits. */
static const double EQUAL = 1e-8;

/* Whether each coordinate is in E; how many are. */
static size_t find_equal(const ms_problem *p, const double *Zx, double lambda, double *g,
                         size_t *equal) {
  size_t count = 0;
  double *r = ms_doubles(p->Z->n);
  if (!r)
    return SIZE_MAX;
  ms_problem_slope(p, Zx, r);
  ms_matrix_tmul(p->Z, r, g);
  for (size_t j = 0; j < p->Z->d; j++)
    if (fabs(g[j]) >= lambda * (1 - EQUAL))
      equal[count++] = j;
  free(r);
  return count;
}

/* Do these columns, each at length 1, depend on each other to half the digits? */
static bool dependent(const ms_matrix *Z) {
  size_t n = Z->n, d = Z->d;
  double *S = d > n ? NULL : ms_doubles(d * d);
  bool found = !S;
  for (size_t j = 0; S && j < d; j++)
    for (size_t i = j; i < d; i++)
      S[j * d + i] = cblas_ddot((int)n, Z->values + i * n, 1, Z->values + j * n, 1);
  for (size_t j = 0; S && j < d; j++)
    for (size_t i = j + 1; i < d; i++)
      S[j * d + i] /= sqrt(S[j * d + j]) * sqrt(S[i * d + i]);
  for (size_t j = 0; S && j < d; j++)
    S[j * d + j] = 1;
  found = found || ms_spd_factor(d, S) != 0;
  for (size_t j = 0; j < d && !found; j++)
    found = S[j * d + j] * S[j * d + j] < 1e-10;
  free(S);
  return found;
}

static ms_status choose_among(const ms_problem *fit, const ms_param *param, const ms_start *start,
                              size_t count, const size_t *equal, double *work, double *x,
                              ms_error *err) {
  size_t n = fit->Z->n;
  double *ln_beta = work, *kappa = work + count, *chosen = work + 2 * count, widest = -INFINITY,
         size = 0;
  ms_problem part = *fit;
  ms_status status = ms_matrix_new(&part.Z, n, count, err);
  if (status != MS_OK)
    return status;
  for (size_t k = 0; k < count; k++) {
    ms_matrix_column(fit->Z, equal[k], part.Z->values + k * n);
    ln_beta[k] = start->ln_beta[equal[k]];
    kappa[k] = start->kappa[equal[k]];
    widest = fmax(widest, ln_beta[k] + fabs(kappa[k]));
    size = fmax(size, fabs(x[equal[k]]));
  }
  if (!dependent(part.Z))
    goto done; /* there is only one */
  ms_start own = {ln_beta, kappa};
  double a = fmin(0, log(size) - LN_FAR - widest) / 4;
  status = ms_oracle_interpolator(&part, param, &own, a, 1e-11, chosen, err);
  for (size_t k = 0; k < count && status == MS_OK; k++)
    x[equal[k]] = chosen[k];
done:
  ms_matrix_free(part.Z);
  return status;
}

ms_status ms_limit_choose(const ms_problem *p, const ms_param *param, const ms_start *start,
                          double lambda, double *x, ms_error *err) {
  size_t n = p->Z->n, d = p->Z->d, support = 0;
  double *work = ms_doubles(n + 3 * d);
  size_t *equal = calloc(d, sizeof *equal);
  ms_status status = work && equal ? MS_OK : ms_no_memory(err);
  ms_problem fit = *p;
  fit.y = work;
  if (status == MS_OK) {
    ms_matrix_mul(p->Z, x, fit.y);
    for (size_t j = 0; j < d; j++)
      support += x[j] != 0;
    size_t count = find_equal(p, fit.y, lambda, work + n, equal);
    if (count == SIZE_MAX)
      status = ms_no_memory(err);
    else if (support > 0 && count > 1)
      status = choose_among(&fit, param, start, count, equal, work + n, x, err);
  }
  free(equal);
  free(work);
  return status;
}
