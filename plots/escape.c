/* How fast steepest flows leave the saddle at 0, by depth. */
#include "figure/figure.h"
#include <math.h>

enum { DEPTHS = 3, EXPONENTS = 3, SEEDS = 5 };

static const double exponents[EXPONENTS] = {1, 1.5, 2};

/* The time at which the loss is half of that at the start: linear between recorded points. */
static double time_to_halve(const ms_curve *c) {
  double half = ms_curve_at(c, 0, "loss") / 2;
  for (size_t k = 1; k < c->points; k++) {
    double f0 = ms_curve_at(c, k - 1, "loss"), f1 = ms_curve_at(c, k, "loss");
    double t0 = ms_curve_at(c, k - 1, "t"), t1 = ms_curve_at(c, k, "t");
    if (f1 <= half)
      return t0 + (t1 - t0) * (f0 - half) / (f0 - f1);
  }
  return NAN;
}

static void make(ms_drawing *f) {
  static const double horizon[DEPTHS][EXPONENTS] = {{2, 6, 20}, {2, 12, 120}, {2, 25, 900}};
  size_t seeds = ms_figure_size(f, SEEDS, 1);
  ms_curve *curve[DEPTHS][EXPONENTS][SEEDS];
  for (int l = 0; l < DEPTHS; l++)
    for (int q = 0; q < EXPONENTS; q++)
      for (size_t s = 0; s < seeds; s++) {
        char name[32];
        snprintf(name, sizeof name, "depth%d-q%g", l + 2, exponents[q]);
        curve[l][q][s] = ms_curve_add(
            f, s == 0 ? name : NULL,
            "param=steepest depth=%d exponent=%g init-scale=0.005 wd-schedule=none flow=mirror "
            "rtol=1e-6 n=30|10 d=60|20 sparsity=5|3 t-end=%g points=400|200 seed=%zu",
            l + 2, exponents[q], horizon[l][q], s + 1);
      }
  if (!ms_curves_run(f))
    return;
  ms_sheet *losses = ms_sheet_new(f, "losses", "t,depth,q,part");
  ms_sheet *times = ms_sheet_new(f, "times", "depth,q,low,mean,high");
  double mean[DEPTHS][EXPONENTS], faster = INFINITY;
  for (int l = 0; l < DEPTHS; l++)
    for (int q = 0; q < EXPONENTS; q++) {
      double sum = 0, low = INFINITY, high = 0;
      for (size_t s = 0; s < seeds; s++) {
        double t = time_to_halve(curve[l][q][s]);
        sum += log(t);
        low = fmin(low, t);
        high = fmax(high, t);
        if (q > 0)
          faster = fmin(faster, t / time_to_halve(curve[l][q - 1][s]));
      }
      mean[l][q] = exp(sum / (double)seeds);
      ms_row(times, l + 2, exponents[q], low, mean[l][q], high);
      const ms_curve *c = curve[l][q][0];
      for (size_t k = 1; k < c->points; k++)
        ms_row(losses, ms_curve_at(c, k, "t"), l + 2, exponents[q],
               ms_curve_at(c, k, "loss") / ms_curve_at(c, 0, "loss"));
      ms_sheet_gap(losses);
    }
  ms_claim_above(f, "T(q = 1) < T(1.5) < T(2) in every run: the least ratio of neighbours",
                 "Never Saddle", 1.5, faster);
  for (int l = 1; l < DEPTHS; l++) {
    char text[96];
    snprintf(text, sizeof text, "T(q = 2) / T(q = 1) at L = %d over that at L = %d", l + 2, l + 1);
    ms_claim_above(f, text, "grows with depth", 2,
                   mean[l][2] / mean[l][0] / (mean[l - 1][2] / mean[l - 1][0]));
  }
}

const ms_figure ms_figure_escape = {
    "escape", "Signs leave the saddle first",
    "Never Saddle, ICLR 2026, arXiv 2603.02064 (its claim; step size, initialization and horizon "
    "are "
    "not known here)",
    "L factors that start at w_1 = 0, w_2 = ... = w_L = 0.1 are near a saddle of the loss. "
    "Gradient "
    "flow (q = 2) leaves it the later the deeper; sign descent (q = 1), the flow that Adam and "
    "sign "
    "momentum follow, hardly feels the depth. Right: time until the loss has halved, mean and "
    "range "
    "of 5 seeds. The clocks of different q have different units; what can be compared is how they "
    "change with depth. 30 samples, 60 features, 5 of them real, squared loss, no weight decay: "
    "chosen here.",
    make};
