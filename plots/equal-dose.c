/* Schedules of equal dose end at the same point, however they spend it. */
#include "figure/figure.h"
#include "schedule/schedule.h"
#include <math.h>
#include <string.h>

enum { WAYS = 6 };
static const char *const ways[WAYS] = {"step",        "linear",    "cosine",
                                       "exponential", "quadratic", "geometric"};
static const double dose = 2, off = 20;

/* The strength for which schedule `name` has the dose. */
static double strength(ms_drawing *f, const char *name) {
  ms_error err;
  ms_schedule *s = NULL;
  double unit = NAN;
  ms_config *cfg = ms_config_new();
  if (cfg && ms_config_set(cfg, "wd-schedule", name, name, &err) == MS_OK &&
      ms_schedule_new(&s, cfg, 1, off, &err) == MS_OK)
    unit = ms_schedule_total(s);
  else
    ms_figure_fail(f, &err);
  ms_schedule_free(s);
  ms_config_free(cfg);
  return dose / unit;
}

static double distance(const ms_curve *c, const double *x, const double *end) {
  double worst = 0, size = 0;
  for (size_t j = 0; j < c->d; j++) {
    worst = fmax(worst, fabs(x[j] - end[j]));
    size = fmax(size, fabs(end[j]));
  }
  return worst / size;
}

static void make(ms_drawing *f) {
  const char *problem = "n=40|16 d=100|40 sparsity=5|2";
  ms_curve *curve[WAYS];
  for (size_t w = 0; w < WAYS; w++) {
    double alpha = strength(f, ways[w]);
    char T[64];
    bool ends = strcmp(ways[w], "step") == 0 || strcmp(ways[w], "linear") == 0 ||
                strcmp(ways[w], "cosine") == 0;
    if (ends)
      snprintf(T, sizeof T, "wd-off=%g", off);
    else
      snprintf(T, sizeof T, "wd-tau=%g",
               strcmp(ways[w], "geometric") == 0 ? off / 2 * 0.05 : off / 2);
    curve[w] = ms_curve_add(f, ways[w],
                            "%s flow=mirror rtol=1e-13 stop-loss=1e-26 points=500|100 "
                            "wd-schedule=%s wd=%.17g %s",
                            problem, ways[w], alpha, T);
  }
  ms_curve *limit =
      ms_curve_add(f, "limit", "%s flow=limit wd-schedule=step wd=%.17g wd-off=%g points=2",
                   problem, dose / off, off);
  ms_curve *none = ms_curve_add(f, "no_dose", "%s flow=limit wd-schedule=none points=2", problem);
  if (!ms_curves_run(f))
    return;
  ms_sheet *runs = ms_sheet_new(f, "runs", "way,t,alpha,dose,l1,distance");
  double apart = 0, tail = 0, doses = 0;
  for (size_t w = 0; w < WAYS; w++) {
    const ms_curve *c = curve[w];
    for (size_t k = 0; k < c->points; k++)
      ms_row(runs, (double)w, ms_curve_at(c, k, "t"), ms_curve_at(c, k, "alpha"),
             ms_curve_at(c, k, "dose"), ms_curve_at(c, k, "l1"),
             distance(c, ms_curve_x(c, k), limit->x));
    ms_sheet_gap(runs);
    bool whole = strcmp(ways[w], "quadratic") != 0; /* whose tail still has some dose to give */
    double *worst = whole ? &apart : &tail;
    *worst = fmax(*worst, distance(c, c->x, limit->x));
    doses = fmax(doses, fabs(ms_curve_end(c, "dose") - dose));
  }
  ms_claim_below(f, "doses reached differ from 2 by", "set so", 1e-9, doses);
  ms_claim_below(f, "ends differ from argmin R_a at dose 2 by", "Newton on the dual", 1e-10, apart);
  ms_claim_below(f, "quadratic, its last dose still to come: by", "Newton on the dual", 1e-9, tail);
  ms_claim_above(f, "which is this far from the end without weight decay", "the dose matters", 0.1,
                 distance(limit, limit->x, none->x));
}

const ms_figure ms_figure_equal_dose = {
    "equal-dose", "Equal dose, equal end",
    "fact of the mirror-flow theory: Jacobs, Zhou and Burkholz 2025, arXiv 2504.12883",
    "Six schedules of weight decay, all of dose A = 2. They take different ways (middle), but all "
    "end at one point, where R_a at that dose is least on the solutions (right: distance from it, "
    "found without any integration). What matters for the end is the dose and not how it is spent. "
    "x = m w, 40 samples, 100 features, 5 of them real; sizes and dose chosen here.",
    make};
