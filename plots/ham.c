/* HAM: a metric between those of x itself and of m w, and the potential it makes. */
#include "figure/figure.h"
#include <math.h>
#include <string.h>

enum { SHAPES = 4, SIZES = 4, METRICS = 4, CROSSINGS = 3, STEPS = 6, ENDS = 10 };
static const double shapes[SHAPES] = {0.1, 10, 1e3, 1e6};
static const double sizes[SIZES] = {1e-2, 0.1, 1, 10};
static const double ZERO = 0;
static const ms_start at_zero = {&ZERO, &ZERO}; /* scale 1, x0 = 0 */

static ms_param named(const char *name, double growth) {
  ms_param p = *ms_param_find(name);
  p.number = growth;
  return p;
}

/* p_eff = x R'(x)/R(x), and the same as the slope of ln R over ln x. */
static double exponent(const ms_param *p, double x) {
  double mu;
  p->dual(p, &at_zero, 0, 1, 0, &x, &mu);
  return x * mu / p->potential(p, 0, 0, 0, x);
}

static double log_slope(const ms_param *p, double x) {
  double h = 1e-3, above = p->potential(p, 0, 0, 0, x * exp(h));
  return log(above / p->potential(p, 0, 0, 0, x * exp(-h))) / (2 * h);
}

static void draw_potentials(ms_drawing *f) {
  size_t points = ms_figure_size(f, 201, 81), many = ms_figure_size(f, 181, 46);
  ms_sheet *s = ms_sheet_new(f, "potential", "c,x,R");
  for (int k = 0; k < SHAPES; k++) {
    ms_param p = named("ham", shapes[k]);
    for (size_t i = 0; i < points; i++) {
      double x = -1 + 2 * (double)i / (double)(points - 1);
      ms_row(s, shapes[k], x, p.potential(&p, 0, 0, 0, x) / p.potential(&p, 0, 0, 0, 1));
    }
    ms_sheet_gap(s);
  }
  s = ms_sheet_new(f, "exponent", "x,c,exponent");
  double apart = 0, before, lowest = 2, highest = 1;
  bool falling = true;
  for (int k = 0; k < SIZES; k++) {
    before = 2.1;
    for (size_t i = 0; i < many; i++) {
      double c = pow(10, -3 + 9 * (double)i / (double)(many - 1));
      ms_param p = named("ham", c);
      double now = exponent(&p, sizes[k]);
      ms_row(s, sizes[k], c, now);
      apart = fmax(apart, fabs(now - log_slope(&p, sizes[k])));
      falling = falling && now < before;
      before = now;
      lowest = fmin(lowest, now);
      highest = fmax(highest, now);
    }
    ms_sheet_gap(s);
  }
  ms_claim_below(f, "p_eff = x R'/R against the slope of ln R over ln x", "differences of R", 1e-5,
                 apart);
  ms_claim_near(f, "largest p_eff: x = 0.01, c = 0.001", "L2 for c -> 0", 2, 1e-5, highest);
  ms_claim_near(f, "least p_eff: x = 10, c = 1e6", "1 + 1/(ln(c x) - 1), to L1",
                1 + 1 / (7 * log(10) - 1), 1e-6, lowest);
  ms_claim(f, "p_eff falls with c, for every x", "HAM", "falling", falling,
           falling ? "falling" : "rising somewhere");
}

/* dx/dmu by the mirror map, of ham with c = 2 and of m w, whose scale decays with the dose. */
static void draw_metrics(ms_drawing *f) {
  static const double ln_beta[METRICS] = {0, -0.69314718055994530942, -1.69314718055994530942, -40};
  size_t points = ms_figure_size(f, 161, 81);
  ms_sheet *s = ms_sheet_new(f, "metric", "kind,x,metric");
  double least[METRICS], off = 0;
  for (int k = 0; k < METRICS; k++) {
    ms_param p = named(k ? "mw" : "ham", 2);
    least[k] = INFINITY;
    for (size_t i = 0; i < points; i++) {
      double x = -2 + 4 * (double)i / (double)(points - 1), mu, back, metric;
      ms_start start = {&ln_beta[k], &ZERO};
      p.dual(&p, &start, 0, 1, 0, &x, &mu);
      if (p.primal(&p, &start, 0, 1, 0, &mu, &back, &metric) != 0)
        metric = NAN;
      ms_row(s, (double)k, x, metric);
      least[k] = fmin(least[k], metric);
      off = k ? off : fmax(off, fabs(metric - 1 - 2 * fabs(x)));
    }
    ms_sheet_gap(s);
  }
  ms_claim_above(f, "least inverse metric of ham", "arXiv 2506.02630", 1, least[0]);
  ms_claim_below(f, "... from 1 + c |x|, c = 2", "the derivative of the mirror map", 1e-12, off);
  ms_claim_below(f, "least inverse metric of m w with m^2 = w^2 (but for e^-40)", "2 |x|", 1e-15,
                 least[METRICS - 1]);
}

static double single_step_gap(double eta) {
  ms_param p = named("ham", 2);
  double worst = 0;
  for (double x = -1.5; x < 1.6; x += 0.25) { /* m w from m = sign(x) w against x exp(-2 eta ...) */
    double g = 0.7 - x, w = sqrt(fabs(x)), m = copysign(w, x), step = x;
    p.after(&p, g, 0, eta, &step);
    worst = fmax(worst, fabs(step - (m - eta * w * g) * (w - eta * m * g)));
  }
  return worst;
}

static void make(ms_drawing *f) {
  const char *problem = "n=20 d=40 sparsity=3 wd-schedule=none param=ham";
  static const double one_sample[] = {1, 1};
  size_t ends = ms_figure_size(f, ENDS, 4);
  ms_curve *end[ENDS], *step[STEPS], *cross[CROSSINGS];
  double c[ENDS], eta[STEPS];
  for (size_t i = 0; i < ends; i++) {
    c[i] = pow(10, -3 + 9 * (double)i / (double)(ends - 1));
    char name[32];
    snprintf(name, sizeof name, "c%.0e", c[i]);
    end[i] =
        ms_curve_add(f, name, "%s growth=%.17g flow=gradient points=20 rtol=1e-9", problem, c[i]);
  }
  for (int k = 0; k < STEPS; k++) {
    eta[k] = ldexp(2e-3, -k);
    step[k] = ms_curve_add(f, NULL,
                           "%s growth=20 flow=both method=gd lr=%.17g t-end=4 points=41 rtol=1e-10",
                           problem, eta[k]);
  }
  const char *data = ms_figure_data(f, "sample", "y,x", 1, 2, one_sample);
  static const char *const ways[CROSSINGS] = {"param=ham growth=2", "param=mw init-scale=0.05",
                                              "param=spred"};
  for (int k = 0; k < CROSSINGS; k++)
    cross[k] = ms_curve_add(f, NULL,
                            "data='%s' %s init-x=-1 wd-schedule=none flow=gradient t-end=5 "
                            "points=101 stop-loss=0",
                            data, ways[k]);
  if (!ms_curves_run(f))
    return;

  draw_potentials(f);
  draw_metrics(f);

  ms_sheet *s = ms_sheet_new(f, "ends", "c,from_l2,from_l1,l1,l2");
  double off = 0;
  bool l1_falls = true, l2_rises = true;
  for (size_t i = 0; i < ends; i++) {
    ms_row(s, c[i], ms_curve_summary(end[i], "from_min_l2"),
           ms_curve_summary(end[i], "from_min_l1"), ms_curve_end(end[i], "l1"),
           ms_curve_end(end[i], "l2"));
    off = fmax(off, ms_curve_summary(end[i], "limit_gap"));
    l1_falls = l1_falls && (i == 0 || ms_curve_end(end[i], "l1") < ms_curve_end(end[i - 1], "l1"));
    l2_rises = l2_rises && (i == 0 || ms_curve_end(end[i], "l2") > ms_curve_end(end[i - 1], "l2"));
  }
  ms_claim_below(f, "gradient flow ends at argmin { R : Zx = y }, off by", "Newton on the dual",
                 1e-6, off);
  ms_claim_below(f, "c = 0.001: end from the minimum-L2 interpolator", "least squares", 1e-3,
                 ms_curve_summary(end[0], "from_min_l2"));
  ms_claim_below(f, "c = 1e6: end from the minimum-L1 interpolator", "linear program", 0.1,
                 ms_curve_summary(end[ends - 1], "from_min_l1"));
  ms_claim(f, "|x|_1 falls and |x|_2 rises with c", "L2 to L1", "yes", l1_falls && l2_rises, "%s",
           l1_falls && l2_rises ? "yes" : "no");

  s = ms_sheet_new(f, "steps", "eta,flow,single");
  double slope = 0, single = 0;
  for (int k = 0; k < STEPS; k++) {
    double gap = ms_curve_summary(step[k], "gf_mf_gap");
    ms_row(s, eta[k], gap, single_step_gap(eta[k]));
    if (k == STEPS - 1) {
      slope = log2(ms_curve_summary(step[k - 1], "gf_mf_gap") / gap);
      single = log2(single_step_gap(eta[k - 1]) / single_step_gap(eta[k]));
    }
  }
  ms_claim_near(f, "slope of |gd - flow| over the step size", "first order, at all times", 1, 0.1,
                slope);
  ms_claim_near(f, "slope of |exponential step - step of m w|", "arXiv 2506.02630, Thm 3.1", 2, 0.1,
                single);

  s = ms_sheet_new(f, "cross", "way,t,x");
  for (int k = 0; k < CROSSINGS; k++) {
    for (size_t i = 0; i < cross[k]->points; i++)
      ms_row(s, (double)k, ms_curve_at(cross[k], i, "t"), *ms_curve_x(cross[k], i));
    ms_sheet_gap(s);
  }
  ms_claim_near(f, "ham from x = -1 to y = 1 crosses 0 and arrives", "the data", 1, 1e-3,
                cross[0]->x[0]);
  ms_claim_below(f, "m w with m^2 = w^2 stops at 0", "its metric is 0 there", 0, cross[2]->x[0]);
}

const ms_figure ms_figure_ham = {
    "ham", "HAM: one number from L2 to L1", "HAM, ICLR 2026, arXiv 2506.02630",
    "HAM trains x itself, each step followed by x exp(-eta c sign(x) grad f); as a flow "
    "dx = -(1 + c |x|) grad f. Above: its potential, scaled to 1 at x = 1, is x^2 for small c and "
    "|x| "
    "for large c (dashed); the effective exponent says how near. The inverse metric 1 + c |x| is "
    "at "
    "least 1, where that of m w vanishes at 0 once its scale beta is spent: a weight of the wrong "
    "sign crosses. Below: ends of the flow between the interpolators of least L2 and L1 norm (20 "
    "samples, 40 features, 3 of them real), and what a step size costs. All set-ups chosen here.",
    make};
