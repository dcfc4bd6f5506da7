/* Three numbers: truth error with weight decay never on, always on, and on until half time. */
#include "figure/figure.h"
#include <math.h>

enum { ALPHAS = 13, SEEDS = 5, WAYS = 3 };
enum { NEVER, ALWAYS, OFF };
static const double horizon = 84, first = 0.01, last = 0.64;

static double alpha_at(size_t i) {
  return first * pow(last / first, (double)i / (ALPHAS - 1));
}

static void make(ms_drawing *f) {
  size_t seeds = ms_figure_size(f, SEEDS, 2), step = ms_figure_size(f, 1, 4);
  ms_curve *curve[WAYS][ALPHAS][SEEDS] = {{{NULL}}};
  const char *const names[] = {"never", "always", "on_then_off"};
  const char *const schedules[] = {"none", "constant", "step"};
  for (size_t s = 0; s < seeds; s++)
    for (size_t i = 0; i < ALPHAS; i += step)
      for (size_t w = 0; w < WAYS; w++) {
        char name[64];
        snprintf(name, sizeof name, "%s_%zu_seed_%zu", names[w], i, s + 1);
        curve[w][i][s] =
            ms_curve_add(f, s == 0 ? name : NULL,
                         "n=40|20 d=100|40 sparsity=5|2 flow=mirror rtol=1e-6 points=2 "
                         "t-end=%g seed=%zu wd-schedule=%s wd=%.15g%s",
                         horizon, s + 1, schedules[w], alpha_at(i), w == OFF ? " wd-off=42" : "");
      }
  if (!ms_curves_run(f))
    return;
  ms_sheet *sheet = ms_sheet_new(f, "errors", "alpha,dose,way,mean,low,high");
  double middle[WAYS] = {0}, from = NAN, to = NAN;
  for (size_t w = 0; w < WAYS; w++)
    for (size_t i = 0; i < ALPHAS; i += step) {
      double sum = 0, low = INFINITY, high = 0;
      for (size_t s = 0; s < seeds; s++) {
        double error = ms_curve_end(curve[w][i][s], "truth_error");
        sum += error / (double)seeds;
        low = fmin(low, error);
        high = fmax(high, error);
      }
      ms_row(sheet, alpha_at(i), alpha_at(i) * horizon / 2, (double)w, sum, low, high);
      if (i == 8)
        middle[w] = sum;
    }
  /* The doses for which, for every seed, on then off is better than both others. */
  for (size_t i = 0; i < ALPHAS; i += step) {
    bool better = true;
    for (size_t s = 0; s < seeds; s++)
      better = better && ms_curve_end(curve[OFF][i][s], "truth_error") <
                             fmin(ms_curve_end(curve[ALWAYS][i][s], "truth_error"),
                                  ms_curve_end(curve[NEVER][i][s], "truth_error"));
    if (better) {
      from = isnan(from) ? alpha_at(i) * horizon / 2 : from;
      to = alpha_at(i) * horizon / 2;
    }
  }
  ms_report(f, "dose 6.7: error never on, always on, on then off", "the three numbers", "-",
            "%.3g, %.3g, %.3g", middle[NEVER], middle[ALWAYS], middle[OFF]);
  ms_claim(f, "dose 6.7: on then off < min(always on, never on)", "talk", "less",
           middle[OFF] < fmin(middle[ALWAYS], middle[NEVER]), "%.3g < %.3g", middle[OFF],
           fmin(middle[ALWAYS], middle[NEVER]));
  ms_claim(f, "doses for which that is so with every seed", "talk", "a range around 6.7",
           from < 6 && to > 7, "%.3g to %.3g", from, to);
}

const ms_figure ms_figure_on_off = {
    "on-off", "Weight decay never on, always on, and on until half time",
    "claim of the talk Weight Decay Controls Implicit Regularization (Jacobs 2026); problem of "
    "arXiv 2408.09966 v1, Fig. 1, with 40 samples, 100 features, 5 of them real",
    "Turning weight decay off during training leaves only its implicit effect, the L1 bias, and "
    "without the explicit penalty's shrinkage: over two decades of strength the truth is found "
    "better than with weight decay always on or never. Mean over 5 seeds, bands from least to "
    "largest. x = m w, no label noise, t = 84; the truth's values (+-1), beta = 1, x0 = 0 and the "
    "horizon are chosen here.",
    make};
