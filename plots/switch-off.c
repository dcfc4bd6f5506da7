/* Truth error against when and how strongly weight decay acts, at one horizon. */
#include "figure/figure.h"
#include <math.h>
#include <stdlib.h>

enum { ALPHAS = 14, TIMES = 10, SEEDS = 3, CASES = 3 };
static const double last_alpha = 0.7, last_off = 84;
static const struct { double noise, horizon; } cases[CASES] = {{0, 84}, {0.5, 84}, {0.5, 840}};

/* Of the grid, in ratios of sqrt 2: doses are equal along its diagonals. Column 0 is never off. */
static double alpha_at(size_t i) {
  return last_alpha * pow(2, -0.5 * (double)(ALPHAS - 1 - i));
}

static double off_at(size_t k) {
  return last_off * pow(2, -0.5 * (double)k);
}

static double mean_error(ms_curve *const *seed, size_t seeds) {
  double sum = 0;
  for (size_t s = 0; s < seeds; s++)
    sum += ms_curve_end(seed[s], "truth_error");
  return sum / (double)seeds;
}

typedef struct grid {
  ms_curve *on[ALPHAS][TIMES][SEEDS], *never[SEEDS];
  double error[ALPHAS][TIMES], without;
} grid;

static void add(ms_drawing *f, grid *g, double noise, double horizon, size_t seeds, size_t step) {
  const char *common = "n=40|16 d=100|40 sparsity=5|2 flow=mirror points=2 rtol=1e-6";
  for (size_t s = 0; s < seeds; s++) {
    for (size_t i = 0; i < ALPHAS; i += step)
      for (size_t k = 0; k < TIMES; k += step) {
        char off[40] = "constant";
        if (k > 0)
          snprintf(off, sizeof off, "step wd-off=%.15g", off_at(k));
        g->on[i][k][s] =
            ms_curve_add(f, NULL, "%s t-end=%g noise=%g seed=%zu wd=%.15g wd-schedule=%s", common,
                         horizon, noise, s + 1, alpha_at(i), off);
      }
    g->never[s] = ms_curve_add(f, NULL, "%s t-end=%g noise=%g seed=%zu wd-schedule=none", common,
                               horizon, noise, s + 1);
  }
}

/* Errors as a table; *constant and *off: the least where decay is never, and is at some time, off.
 */
static void evaluate(ms_drawing *f, grid *g, size_t which, size_t seeds, size_t step,
                     double *constant, double *off) {
  char name[32];
  snprintf(name, sizeof name, "map_%zu", which);
  ms_sheet *map = ms_sheet_new(f, name, "alpha,off,dose,error");
  snprintf(name, sizeof name, "best_%zu", which);
  ms_sheet *best = ms_sheet_new(f, name, "alpha,constant,off,never");
  *constant = *off = INFINITY;
  g->without = mean_error(g->never, seeds);
  for (size_t i = 0; i < ALPHAS; i += step) {
    double here = INFINITY, always = 0;
    for (size_t k = 0; k < TIMES; k += step) {
      double error = g->error[i][k] = mean_error(g->on[i][k], seeds);
      ms_row(map, alpha_at(i), off_at(k), alpha_at(i) * off_at(k), error);
      if (k == 0)
        always = error;
      else
        here = fmin(here, error);
    }
    ms_sheet_gap(map);
    ms_row(best, alpha_at(i), always, here, g->without);
    *constant = fmin(*constant, always);
    *off = fmin(*off, here);
  }
}

static void make(ms_drawing *f) {
  size_t seeds = ms_figure_size(f, SEEDS, 1), step = ms_figure_size(f, 1, 3);
  grid *g = calloc(CASES, sizeof *g);
  if (!g) {
    ms_error err;
    ms_no_memory(&err);
    ms_figure_fail(f, &err);
    return;
  }
  for (size_t n = 0; n < CASES; n++)
    add(f, &g[n], cases[n].noise, cases[n].horizon, seeds, step);
  if (ms_curves_run(f)) {
    double constant[CASES], off[CASES];
    for (size_t n = 0; n < CASES; n++) {
      char text[96];
      evaluate(f, &g[n], n, seeds, step, &constant[n], &off[n]);
      snprintf(text, sizeof text, "noise %g, t = %g: error never on; always; on, then off",
               cases[n].noise, cases[n].horizon);
      ms_report(f, text, "best strength and T", "-", "%.3g; %.3g; %.3g", g[n].without, constant[n],
                off[n]);
    }
    ms_claim_below(f, "no noise: error on, then off / always on", "talk: better", 0.5,
                   off[0] / constant[0]);
    ms_claim_below(f, "no noise: error on, then off / never on", "talk: better", 0.1,
                   off[0] / g[0].without);
    ms_claim_below(f, "noise, stopped at t = 84: on, then off / always on", "talk: better", 1,
                   off[1] / constant[1]);
    ms_claim_above(f, "noise, trained on to t = 840: on, then off / always on",
                   "an interpolator fits the noise", 1, off[2] / constant[2]);
  }
  free(g);
}

const ms_figure ms_figure_switch_off = {
    "switch-off", "When to switch weight decay off, and how strong it should be",
    "this project; the claim is that of Jacobs's talk Weight Decay Controls Implicit "
    "Regularization",
    "Left: distance from the truth at t = 84, against the strength of weight decay and the time it "
    "is switched off; dashed lines join equal doses. Without label noise (top) a band of doses "
    "leads "
    "to the truth where time is left to converge after switching off. Right: the best switch-off "
    "time of each strength beside decay that stays on, and none. On, then off wins without noise; "
    "with noise of 0.5 (bottom) it still wins where training stops soon afterwards, but trained on "
    "to t = 840 (thin) it fits the noise, and a constant strength, the LASSO, is better. 40 "
    "samples, "
    "100 features, 5 of them +-1; mean over 3 seeds; sizes and horizons chosen here.",
    make};
