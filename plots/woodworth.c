/* From rich to kernel: where the flow of u^2 - v^2 without weight decay ends, by its scale alpha.
 */
#include "figure/figure.h"
#include "limit/limit.h"
#include "limit/saddle.h"
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ALPHAS = 57, SEEDS = 4, TOY = 41, STEPS = 4 };
static const double step_part[STEPS] = {0.05, 0.1, 0.2, 0.4};

/* alpha = u0 = v0: beta = 2 alpha^2. From 100 to 1e-5 in eighths of a decade. */
static double alpha_at(size_t i) {
  return pow(10, 2 - (double)i / 8);
}

/* Slope of ln y over ln x, by least squares. */
static double power_law(const double *x, const double *y, size_t count) {
  double mx = 0, my = 0, sxy = 0, sxx = 0;
  for (size_t i = 0; i < count; i++) {
    mx += log(x[i]) / (double)count;
    my += log(y[i]) / (double)count;
  }
  for (size_t i = 0; i < count; i++) {
    sxy += (log(x[i]) - mx) * (log(y[i]) - my);
    sxx += (log(x[i]) - mx) * (log(x[i]) - mx);
  }
  return sxy / sxx;
}

static double distance(const double *x, const double *from, size_t d) {
  double sum = 0;
  for (size_t j = 0; j < d; j++)
    sum += (x[j] - from[j]) * (x[j] - from[j]);
  return sqrt(sum);
}

static double l1(const double *x, size_t d) {
  return cblas_dasum((int)d, x, 1);
}

/* The problem that runs with this configuration have, its two interpolators, lmax(Z'Z)/n. */
typedef struct ends {
  ms_problem *p;
  double *sparse, *small, top;
} ends;

static bool find_ends(ms_drawing *f, const ms_curve *c, ends *e) {
  ms_error err;
  if (ms_problem_new(&e->p, c->cfg, &err) != MS_OK) {
    ms_figure_fail(f, &err);
    return false;
  }
  size_t n = e->p->Z->n, d = e->p->Z->d;
  e->sparse = ms_doubles(2 * d);
  double *v = ms_doubles(d + n);
  bool done = e->sparse && v;
  if (done) {
    e->small = e->sparse + d;
    done = ms_minimum_l1(e->p, NULL, NULL, e->sparse, &err) == MS_OK &&
           ms_minimum_l2(e->p, NULL, e->small, &err) == MS_OK;
    for (size_t j = 0; j < d; j++)
      v[j] = 1 + 0.1 * sin((double)j);
    for (int k = 0; k < 300; k++) { /* power iteration */
      ms_matrix_mul(e->p->Z, v, v + d);
      ms_matrix_tmul(e->p->Z, v + d, v);
      e->top = cblas_dnrm2((int)d, v, 1);
      cblas_dscal((int)d, 1 / e->top, v, 1);
    }
    e->top /= (double)n;
    if (!done)
      ms_figure_fail(f, &err);
  }
  free(v);
  return done;
}

static void release(ends *e) {
  ms_problem_free(e->p);
  free(e->sparse);
}

/* One sample, two features. */
static void toy(ms_drawing *f, ms_curve **curve) {
  static const double small[] = {25 / 29., 10 / 29.}, sparse[] = {1, 0};
  ms_sheet *sheet = ms_sheet_new(f, "toy", "alpha,x1,x2");
  double worst = 0;
  for (int i = 0; i < TOY; i++) {
    ms_row(sheet, pow(10, 1 - i / 10.0), curve[i]->x[0], curve[i]->x[1]);
    worst = fmax(worst, ms_curve_summary(curve[i], "limit_gap"));
  }
  ms_claim_below(f, "two features: flow less argmin R, all scales", "Newton on the dual", 1e-8,
                 worst);
  ms_claim_below(f, "two features, alpha = 10: from (25, 10)/29, min L2", "closed form", 1e-4,
                 distance(curve[0]->x, small, 2));
  ms_claim_below(f, "two features, alpha = 1e-3: from (1, 0), min L1", "closed form", 1e-3,
                 distance(curve[TOY - 1]->x, sparse, 2));
}

static void sweep(ms_drawing *f, ms_curve *(*curve)[ALPHAS], size_t seeds, size_t every,
                  const ends *end) {
  ms_sheet *sheet = ms_sheet_new(f, "sweep", "seed,alpha,from_l1,from_l2");
  double worst = 0, least = INFINITY, most = 0, off = 0, last = 0, needed = 0;
  for (size_t s = 0; s < seeds; s++) {
    double alpha[ALPHAS], near[ALPHAS], size[ALPHAS], far[ALPHAS];
    size_t rich = 0, kernel = 0, d = end[s].p->Z->d;
    for (size_t i = 0; i < ALPHAS; i += every) {
      double a = alpha_at(i), from_l1 = distance(curve[s][i]->x, end[s].sparse, d),
             from_l2 = distance(curve[s][i]->x, end[s].small, d);
      ms_row(sheet, (double)s, a, from_l1, from_l2);
      worst = fmax(worst, ms_curve_summary(curve[s][i], "limit_gap"));
      if (a < 1e-3 && from_l1 > 1e-9) {
        alpha[rich] = a;
        near[rich++] = from_l1;
      }
      if (a > 2.9 && a < 31) {
        size[kernel] = a;
        far[kernel++] = from_l2;
      }
      if (from_l1 < 1e-3)
        needed = fmax(needed, a);
    }
    ms_sheet_gap(sheet);
    double slope = power_law(alpha, near, rich);
    least = fmin(least, slope);
    most = fmax(most, slope);
    last = fmax(last, near[rich - 1]);
    off = fmax(off, fabs(power_law(size, far, kernel) + 4));
  }
  ms_claim_below(f, "flow less argmin R, all scales and seeds", "Newton on the dual", 1e-8, worst);
  ms_claim_below(f, "distance to min L2 falls as alpha^-4: slope off by", "expansion of R", 0.02,
                 off);
  ms_claim_below(f, "distance to min L1 at the smallest alpha, largest", "theorem: it goes to 0",
                 1e-2, last);
  ms_report(f, "it goes as a power of alpha, by the instance", "third party, other instances",
            "0.92 to 1.31", "%.2f to %.2f", least, most);
  ms_report(f, "within 1e-3 of min L1 at the latest from alpha =", "third party", "1e-4", "%.1e",
            needed);
}

/* Steps of c / (8 lmax |w|_inf), as a part c of what is stable. */
static void steps(ms_drawing *f, ms_curve **gd, const ms_curve *flow, const ends *e) {
  size_t d = e->p->Z->d;
  double gap[STEPS], loss = 0;
  bool larger = true;
  ms_sheet *sheet = ms_sheet_new(f, "steps", "part,gap");
  for (int k = 0; k < STEPS; k++) {
    gap[k] = distance(gd[k]->x, flow->x, d) / cblas_dnrm2((int)d, flow->x, 1);
    larger = larger && l1(gd[k]->x, d) > l1(flow->x, d);
    loss = fmax(loss, ms_curve_end(gd[k], "loss"));
    ms_row(sheet, step_part[k], gap[k]);
  }
  ms_claim_below(f, "descent at alpha = 0.1 fits the data: loss", "-", 1e-12, loss);
  ms_claim_near(f, "its gap to the flow at 8 times the step, ratio", "proportional to the step", 8,
                3, gap[STEPS - 1] / gap[0]);
  ms_claim(f, "and always to a larger |x|_1", "third party", "so", larger, "gaps %.1e to %.1e",
           gap[0], gap[STEPS - 1]);
}

static void make(ms_drawing *f) {
  static const double one[] = {1, 1, 0.4};
  size_t seeds = ms_figure_size(f, SEEDS, 1), every = ms_figure_size(f, 1, 4);
  const char *data = ms_figure_data(f, "data", "y,x1,x2", 1, 3, one);
  const char *const common = "param=uv wd-schedule=none flow=mirror points=2";
  ms_curve *two[TOY], *curve[SEEDS][ALPHAS] = {{NULL}}, *gd[STEPS], *flow;
  ends end[SEEDS] = {{NULL}};
  for (int i = 0; i < TOY; i++)
    two[i] = ms_curve_add(f, NULL, "%s data=%s rtol=1e-10 init-scale=%.17g", common, data,
                          2 * pow(10, 2 * (1 - i / 10.0)));
  for (size_t s = 0; s < seeds; s++)
    for (size_t i = 0; i < ALPHAS; i += every) {
      char name[40];
      snprintf(name, sizeof name, "alpha_%zu", i);
      curve[s][i] = ms_curve_add(f, s ? NULL : name,
                                 "%s n=40 d=100 sparsity=5 rtol=1e-10 seed=%zu "
                                 "init-scale=%.17g",
                                 common, s + 1, 2 * alpha_at(i) * alpha_at(i));
    }
  flow =
      ms_curve_add(f, "flow", "%s n=40 d=100 sparsity=5 rtol=1e-10 seed=1 init-scale=0.02", common);
  bool found = true;
  for (size_t s = 0; s < seeds && found; s++)
    found = find_ends(f, curve[s][0], &end[s]);
  double largest = 0;
  for (size_t j = 0; found && j < end[0].p->Z->d; j++)
    largest = fmax(largest, fabs(end[0].sparse[j]));
  for (int k = 0; k < STEPS; k++) {
    char name[32];
    snprintf(name, sizeof name, "descent_%d", k);
    gd[k] = ms_curve_add(f, name,
                         "param=uv wd-schedule=none flow=gradient method=gd n=40 d=100 "
                         "sparsity=5 seed=1 points=2 init-scale=0.02 t-end=300 lr=%.17g",
                         found ? step_part[k] / (8 * end[0].top * largest) : 1e-3);
  }
  if (found && ms_curves_run(f)) {
    toy(f, two);
    sweep(f, curve, seeds, every, end);
    steps(f, gd, flow, &end[0]);
  }
  for (size_t s = 0; s < seeds; s++)
    release(&end[s]);
}

const ms_figure ms_figure_woodworth = {
    "woodworth", "From rich to kernel: the scale of the start chooses the norm",
    "Woodworth et al. 2020, arXiv 2002.09277, Figs. 1 and 2 (set-up as in Azulay et al. 2021)",
    "Where x = u^2 - v^2 ends, started at u = v = alpha and trained without weight decay: from "
    "large "
    "starts at the minimum-L2 interpolator, the kernel regime, from small ones at the minimum-L1 "
    "interpolator, the rich one. Left: one sample (1, 0.4), y = 1. Middle: 40 Gaussian samples, "
    "100 "
    "features, 5 of them real, four seeds chosen here; the distance to min L2 falls as alpha^-4, "
    "that to "
    "min L1 as a power that the instance decides. Right: steps of gradient descent at alpha = 0.1 "
    "end elsewhere than the flow, in "
    "proportion to their size c (1 is a quarter of what is stable).",
    make};
