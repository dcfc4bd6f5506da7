/* How fast the loss falls once weight decay is off, against the bound of the theory. */
#include "figure/figure.h"
#include <gsl/gsl_eigen.h>
#include <math.h>

enum { DOSES = 3, SEEDS = 20 };
static const double dose[DOSES] = {0, 0.25, 0.5};

/* Least eigenvalue of ZZ'/n: the constant of the Polyak-Lojasiewicz inequality |grad f|^2 >= 2 s f.
 */
static double least_curvature(ms_drawing *f, const ms_curve *c) {
  ms_problem *p = NULL;
  ms_error err;
  double least = NAN;
  if (ms_problem_new(&p, c->cfg, &err) != MS_OK) {
    ms_figure_fail(f, &err);
    return NAN;
  }
  size_t n = p->Z->n, d = p->Z->d;
  gsl_matrix *G = gsl_matrix_calloc(n, n);
  gsl_vector *values = gsl_vector_alloc(n);
  gsl_eigen_symm_workspace *space = gsl_eigen_symm_alloc(n);
  if (G && values && space) {
    for (size_t a = 0; a < n; a++)
      for (size_t b = 0; b < n; b++) {
        double sum = 0;
        for (size_t j = 0; j < d; j++)
          sum += p->Z->values[j * n + a] * p->Z->values[j * n + b] / p->samples;
        gsl_matrix_set(G, a, b, sum);
      }
    gsl_eigen_symm(G, values, space);
    least = gsl_vector_min(values);
  }
  if (space)
    gsl_eigen_symm_free(space);
  if (values)
    gsl_vector_free(values);
  if (G)
    gsl_matrix_free(G);
  ms_problem_free(p);
  return least;
}

/* -d ln f / dt over the last digits: from 1e-8 to 1e-14 of the first loss, alpha being 0. */
static double late_rate(const ms_curve *c) {
  double start = ms_curve_at(c, 0, "loss");
  size_t from = 0, to;
  while (from + 2 < c->points &&
         (ms_curve_at(c, from, "loss") > 1e-8 * start || ms_curve_at(c, from, "alpha") > 0))
    from++;
  to = from + 1;
  while (to + 1 < c->points && ms_curve_at(c, to + 1, "loss") > 1e-14 * start)
    to++;
  return log(ms_curve_at(c, from, "loss") / ms_curve_at(c, to, "loss")) /
         (ms_curve_at(c, to, "t") - ms_curve_at(c, from, "t"));
}

/* The largest rise of the loss from one record to the next once alpha is 0, relative. */
static double rise(const ms_curve *c) {
  double worst = -INFINITY, floor = 1e-18 * ms_curve_at(c, 0, "loss");
  for (size_t k = 1; k < c->points; k++)
    if (ms_curve_at(c, k - 1, "alpha") == 0 && ms_curve_at(c, k - 1, "loss") > floor)
      worst = fmax(worst, ms_curve_at(c, k, "loss") / ms_curve_at(c, k - 1, "loss") - 1);
  return worst;
}

static void make(ms_drawing *f) {
  size_t seeds = ms_figure_size(f, SEEDS, 5);
  ms_curve *run[DOSES][SEEDS];
  for (size_t a = 0; a < DOSES; a++)
    for (size_t k = 0; k < seeds; k++)
      run[a][k] =
          ms_curve_add(f, NULL,
                       "n=8 d=30 sparsity=3 seed=%zu init-spread=0.3 flow=mirror rtol=1e-11 "
                       "wd-schedule=linear wd=%g wd-off=10 points=200 stop-loss=1e-17",
                       k + 1, dose[a] / 5);
  if (!ms_curves_run(f))
    return;
  ms_sheet *s = ms_sheet_new(f, "rates", "dose,bound,rate");
  double least = INFINITY, most = 0, up = -INFINITY;
  for (size_t a = 0; a < DOSES; a++) {
    for (size_t k = 0; k < seeds; k++) {
      double beta = exp(-4 * dose[a]);
      double bound = 4 * beta * least_curvature(f, run[a][k]), rate = late_rate(run[a][k]);
      ms_row(s, dose[a], bound, rate);
      least = fmin(least, rate / bound);
      most = fmax(most, rate / bound);
      up = fmax(up, rise(run[a][k]));
    }
    ms_sheet_gap(s);
  }
  ms_claim_above(f, "late rate of the loss over the bound 4 beta_a s, least of all runs",
                 "PILoT v1, Theorems 2.3 and 3.2, constants of m w", 1, least);
  ms_report(f, "... and the largest", "", "", "%.3g", most);
  ms_claim_below(f, "largest relative rise of the loss once alpha is 0", "PILoT v1, Lemma A.3", 0,
                 up);
}

const ms_figure ms_figure_rates = {
    "rates", "The price of a dose: how fast the loss falls",
    "Jacobs and Burkholz 2024, arXiv 2408.09966v1, Theorems 2.3 and 3.2",
    "Rate at which the loss falls in the end, for 20 random problems (8 samples, 30 features) at "
    "three "
    "doses, against the bound 4 beta_a s: dx/dmu is at least 2 beta_a, and s is the least "
    "eigenvalue of "
    "ZZ'/n. All points lie above the line, and by less than beta_a shrinks: where x is large the "
    "metric "
    "is, too. The constants are those of x = m w with f = |Zx - y|^2/2n; sizes and doses chosen "
    "here.",
    make};
