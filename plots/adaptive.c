/* PILoT's adaptive weight decay: raised while the loss falls and |x|_1 >= K, in the first half. */
#include "figure/figure.h"
#include "schedule/schedule.h"
#include <math.h>

enum { THRESHOLDS = 3, EPOCHS = 80 };
static const double threshold[THRESHOLDS] = {0, 8, 12};
static const double first = 0.05, factor = 1.1;

/* alpha epoch by epoch from what was recorded at their ends; the largest relative difference. */
static double replayed(const ms_curve *c, double K) {
  double alpha = first, worst = 0;
  for (size_t k = 1; k < c->points; k++) {
    alpha =
        ms_schedule_adapt(alpha, factor, ms_curve_at(c, k - 1, "loss"), ms_curve_at(c, k, "loss"),
                          ms_curve_at(c, k, "l1"), K, k <= EPOCHS / 2);
    worst = fmax(worst, fabs(ms_curve_at(c, k, "alpha") / alpha - 1));
  }
  return worst;
}

static void make(ms_drawing *f) {
  const char *problem = "n=40|12 d=100|24 sparsity=5|2 init-spread=0.31622776601683794 "
                        "wd-schedule=adaptive wd=0.05 wd-factor=1.1";
  ms_curve *run[THRESHOLDS], *end[THRESHOLDS];
  for (size_t i = 0; i < THRESHOLDS; i++) {
    char name[32];
    snprintf(name, sizeof name, "K%g", threshold[i]);
    run[i] = ms_curve_add(f, name, "%s wd-threshold=%g t-end=%d points=%d wd-tau=1 flow=both",
                          problem, threshold[i], EPOCHS, EPOCHS + 1);
    end[i] = ms_curve_add(f, NULL, "%s wd-threshold=%g wd-tau=1 flow=mirror points=20", problem,
                          threshold[i]);
  }
  if (!ms_curves_run(f))
    return;
  ms_sheet *s = ms_sheet_new(f, "runs", "K,t,alpha,dose,loss,l1,error");
  double rule = 0, gap = 0, apart = 0, left = 0;
  for (size_t i = 0; i < THRESHOLDS; i++) {
    const ms_curve *c = run[i];
    for (size_t k = 0; k < c->points; k++)
      ms_row(s, (double)i, ms_curve_at(c, k, "t"), ms_curve_at(c, k, "alpha"),
             ms_curve_at(c, k, "dose"), ms_curve_at(c, k, "loss"), ms_curve_at(c, k, "l1"),
             ms_curve_at(c, k, "truth_error"));
    ms_sheet_gap(s);
    rule = fmax(rule, replayed(c, threshold[i]));
    gap = fmax(gap, ms_curve_summary(end[i], "limit_gap"));
    apart = fmax(apart, ms_curve_summary(c, "gf_mf_gap"));
    left = fmax(left, ms_curve_end(c, "alpha") / ms_curve_at(c, EPOCHS / 2, "alpha"));
  }
  ms_claim_below(f, "alpha replayed by the rule from the record differs by",
                 "PILoT (ICLR 2025), Algorithm 1, loss for accuracy", 1e-12, rule);
  ms_claim_near(f, "alpha at 2T over alpha at T", "divided in every epoch after T",
                pow(factor, -EPOCHS / 2), 1e-12, left);
  ms_claim_below(f, "end of the flow from argmin R_a at the dose that came about",
                 "Newton on the dual", 1e-6, gap);
  ms_claim_below(f, "gradient and mirror flow under the schedule that came about", "one schedule",
                 1e-5, apart);
  ms_report(f, "doses for K = 0, 8, 12", "", "", "%.3g, %.3g, %.3g", ms_curve_end(end[0], "dose"),
            ms_curve_end(end[1], "dose"), ms_curve_end(end[2], "dose"));
  ms_report(f, "|x - truth| at the end", "", "smaller for more dose", "%.3g, %.3g, %.3g",
            ms_curve_end(end[0], "truth_error"), ms_curve_end(end[1], "truth_error"),
            ms_curve_end(end[2], "truth_error"));
}

const ms_figure ms_figure_adaptive = {
    "adaptive", "Weight decay that adapts", "Jacobs and Burkholz, PILoT, ICLR 2025, Algorithm 1",
    "Weight decay on x = m w by epochs of length 1: multiplied by 1.1 while the loss decreased, "
    "|x|_1 is "
    "at least K (dashed) and half of the time is not over, else divided by it. The loss stands for "
    "the "
    "paper's training accuracy. The dose that comes about decides where the flow ends. 40 samples, "
    "100 "
    "features, 5 of them real; first alpha 0.05, factor, epoch and K chosen here.",
    make};
