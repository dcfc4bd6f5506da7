/* Constant weight decay, for ever: the LASSO with lambda = 2 alpha. */
#include "figure/figure.h"
#include <math.h>

enum { DOTS = 12, LINES = 81, SHOWN = 8 };
static const double first = 1e-3, last = 1;

static double alpha_at(size_t i, size_t count) {
  return first * pow(last / first, (double)i / (double)(count - 1));
}

/* The coordinates that are largest anywhere on the path, largest first. */
static void choose(ms_curve *const *path, size_t count, size_t *which) {
  for (size_t k = 0; k < SHOWN; k++) {
    double best = -1;
    for (size_t j = 0; j < path[0]->d; j++) {
      double size = 0;
      for (size_t i = 0; i < count; i++)
        size = fmax(size, fabs(path[i]->x[j]));
      for (size_t m = 0; m < k; m++)
        size = which[m] == j ? -1 : size;
      if (size > best) {
        best = size;
        which[k] = j;
      }
    }
  }
}

static void make(ms_drawing *f) {
  const char *problem = "n=40|16 d=100|40 sparsity=5|2 points=2";
  size_t dots = ms_figure_size(f, DOTS, 5), lines = ms_figure_size(f, LINES, 21);
  ms_curve *dot[DOTS] = {NULL}, *path[LINES] = {NULL}, *least;
  for (size_t i = 0; i < dots; i++) {
    char name[32];
    snprintf(name, sizeof name, "flow_%zu", i);
    dot[i] = ms_curve_add(f, name, "%s flow=mirror wd-schedule=constant wd=%.15g", problem,
                          alpha_at(i, dots));
  }
  for (size_t i = 0; i < lines; i++)
    path[i] = ms_curve_add(f, NULL, "%s flow=limit wd-schedule=constant wd=%.15g", problem,
                           alpha_at(i, lines));
  least = ms_curve_add(f, "least_alpha", "%s flow=limit wd-schedule=constant wd=1e-7", problem);
  if (!ms_curves_run(f))
    return;
  size_t which[SHOWN];
  choose(path, lines, which);
  ms_sheet *p = ms_sheet_new(f, "lasso", "alpha,x1,x2,x3,x4,x5,x6,x7,x8");
  ms_sheet *d = ms_sheet_new(f, "flows", "alpha,x1,x2,x3,x4,x5,x6,x7,x8,residual,bias,t_end");
  for (size_t i = 0; i < lines; i++) {
    const double *x = path[i]->x;
    ms_row(p, alpha_at(i, lines), x[which[0]], x[which[1]], x[which[2]], x[which[3]], x[which[4]],
           x[which[5]], x[which[6]], x[which[7]]);
  }
  double worst = 0, smallest = INFINITY, bias[DOTS] = {0}, slowest = 0;
  for (size_t i = 0; i < dots; i++) {
    const double *x = dot[i]->x;
    bias[i] = 0;
    for (size_t j = 0; j < dot[i]->d; j++)
      bias[i] = fmax(bias[i], fabs(x[j] - least->x[j]));
    worst = fmax(worst, ms_curve_summary(dot[i], "limit_gap"));
    smallest = fmin(smallest, ms_curve_end(dot[i], "residual"));
    slowest = fmax(slowest, ms_curve_end(dot[i], "t"));
    ms_row(d, alpha_at(i, dots), x[which[0]], x[which[1]], x[which[2]], x[which[3]], x[which[4]],
           x[which[5]], x[which[6]], x[which[7]], ms_curve_end(dot[i], "residual"), bias[i],
           ms_curve_end(dot[i], "t"));
  }
  ms_claim_below(f, "end of the flow against the LASSO with lambda = 2 alpha", "coordinate descent",
                 1e-6, worst);
  ms_claim_above(f, "no interpolator: least |Zx - y| / |y|", "theory", 1e-4, smallest);
  ms_claim_near(f, "bias in proportion to alpha: slope of ln bias over ln alpha, least alpha",
                "theory", 1, 0.02, log(bias[1] / bias[0]) / log(alpha_at(1, dots) / first));
  ms_report(f, "time to get there, at the least alpha", "grows as 1/alpha", "-", "%.3g", slowest);
}

const ms_figure ms_figure_lasso = {
    "lasso", "Constant weight decay ends at the LASSO",
    "fact of the mirror-flow theory; spred: Ziyin and Wang 2023, arXiv 2210.01212",
    "With weight decay that stays on, x = m w does not interpolate: it ends at the LASSO with "
    "lambda = 2 alpha. Lines: the LASSO path by coordinate descent; dots: ends of flows. Right: "
    "the "
    "distance from the sparse interpolator is proportional to alpha, so constant decay pays for "
    "its "
    "sparsity with shrinkage, or with time: to get there takes about 1/alpha. 40 samples, 100 "
    "features, 5 of them real; sizes chosen here.",
    make};
