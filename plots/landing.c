/* Where the flow lands between the solutions of least L2 and of least L1 norm, against the dose and
 * against the scale of the initialization. */
#include "figure/figure.h"
#include "limit/limit.h"
#include <math.h>
#include <stdlib.h>

enum { MAX = 64 };

/* One flow's end, and what it is compared with. */
typedef struct landing {
  double A, ln_beta; /* dose, scale at the start */
  ms_curve *curve;
} landing;

static void add(ms_drawing *f, landing *l, double A, double ln_beta) {
  *l = (landing){A, ln_beta, NULL};
  /* The scale as text: below 1e-308 it is no double. */
  l->curve = ms_curve_add(f, NULL,
                          "n=40|12 d=100|30 sparsity=5|2 flow=mirror points=2 init-scale=%.6fe%d "
                          "wd-schedule=%s wd=%.15g wd-off=10",
                          pow(10, ln_beta / M_LN10 - floor(ln_beta / M_LN10)),
                          (int)floor(ln_beta / M_LN10), A > 0 ? "step" : "none", A / 10);
}

static void write_ends(ms_drawing *f, const char *name, const landing *l, size_t count,
                       double *worst) {
  ms_sheet *s = ms_sheet_new(f, name, "dose,ln_beta,from_min_l1,from_min_l2,l1,l2,truth_error");
  for (size_t i = 0; i < count; i++) {
    const ms_curve *c = l[i].curve;
    ms_row(s, l[i].A, l[i].ln_beta, ms_curve_summary(c, "from_min_l1"),
           ms_curve_summary(c, "from_min_l2"), ms_curve_end(c, "l1"), ms_curve_end(c, "l2"),
           ms_curve_end(c, "truth_error"));
    *worst = fmax(*worst, ms_curve_summary(c, "limit_gap"));
  }
}

/* Largest rise of a column from one landing to the next, relative to the largest value. */
static double rise(const landing *l, size_t count, const char *key) {
  double worst = 0;
  for (size_t i = 1; i < count; i++)
    worst = fmax(worst, ms_curve_end(l[i].curve, key) / ms_curve_end(l[i - 1].curve, key) - 1);
  return worst;
}

static void make(ms_drawing *f) {
  size_t count = ms_figure_size(f, 33, 9);
  landing dose[MAX] = {{0}}, scale[MAX] = {{0}};
  const double top = log(100), span = 36; /* ln beta at the start; how far it falls */
  for (size_t i = 0; i < count; i++) {
    double fall = span * (double)i / (double)(count - 1);
    add(f, &dose[i], fall / 4, top);
    add(f, &scale[i], 0, top - fall);
  }
  if (!ms_curves_run(f))
    return;
  double worst = 0, apart = 0;
  write_ends(f, "by_dose", dose, count, &worst);
  write_ends(f, "by_scale", scale, count, &worst);
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < dose[i].curve->d; j++)
      apart = fmax(apart, fabs(dose[i].curve->x[j] - scale[i].curve->x[j]));
  ms_claim_below(f, "every end = argmin R_a on the solutions", "Newton on the dual", 1e-6, worst);
  ms_claim_below(f, "dose A from beta ends as no dose from beta e^{-4A}", "theory", 1e-6, apart);
  ms_claim_below(f, "no dose, beta = 100: distance from the minimum-L2 solution",
                 "Woodworth et al. 2020", 1e-3, ms_curve_summary(dose[0].curve, "from_min_l2"));
  ms_claim_below(f, "dose 9: distance from the minimum-L1 solution", "Woodworth et al. 2020", 5e-3,
                 ms_curve_summary(dose[count - 1].curve, "from_min_l1"));
  ms_claim_below(f, "|x|_1 never rises with the dose (largest rise, relative)", "theory", 1e-8,
                 rise(dose, count, "l1"));
}

const ms_figure ms_figure_landing = {
    "landing", "Where the flow lands between minimum L2 and minimum L1",
    "after Woodworth et al. 2020, arXiv 2002.09277, Fig. 1 and 2; the dose is this project's",
    "With infinitely many solutions, training picks one. From a large initialization and without "
    "weight decay it is that of least L2 norm; a small initialization (right) or a dose of weight "
    "decay that is switched off again (left) leads to that of least L1 norm, the sparse truth. "
    "Both "
    "are the same: a dose A turns the scale beta into beta e^{-4A}. Dots: ends of flows; circles: "
    "the other panel's, at the same beta e^{-4A}. x = m w, 40 samples, 100 features, 5 of them "
    "real; sizes chosen here.",
    make};
