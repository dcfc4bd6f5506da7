/* p_eff = x R'(x)/R(x) against the dose: the transition from L2 to L1 in one number. */
#include "figure/figure.h"
#include <math.h>

enum { SIZES = 4, CURVES = 3 };
static const double sizes[SIZES] = {1e-2, 0.1, 1, 10};
static const char *const names[CURVES] = {"linear", "step", "exponential"};

/* p_eff of one coordinate as the slope of ln R over ln |x|, from values of R alone. */
static double log_slope(const ms_param *p, double A, double x) {
  double h = 1e-3, above = p->potential(p, 0, 0, -A, x * exp(h));
  return log(above / p->potential(p, 0, 0, -A, x * exp(-h))) / (2 * h);
}

static double exponent(const ms_param *p, double A, double x) {
  const double ln_beta = 0, kappa = 0;
  const ms_start start = {&ln_beta, &kappa};
  double mu;
  p->dual(p, &start, 0, 1, -A, &x, &mu);
  return x * mu / p->potential(p, 0, 0, -A, x);
}

static void make(ms_drawing *f) {
  const ms_param *p = &ms_param_mw;
  ms_curve *curve[CURVES];
  for (size_t i = 0; i < CURVES; i++)
    curve[i] = ms_curve_add(f, names[i],
                            "wd-schedule=%s n=40|12 d=100|30 sparsity=5|2 points=400|60", names[i]);
  if (!ms_curves_run(f))
    return;
  size_t points = ms_figure_size(f, 241, 61);
  ms_sheet *closed = ms_sheet_new(f, "closed", "x,dose,exponent");
  ms_sheet *measured = ms_sheet_new(f, "runs", "run,t,dose,exponent,mean");
  double apart = 0, first = 2, last = 1;
  bool falling = true;
  for (size_t i = 0; i < SIZES; i++) {
    double before = 2.1;
    for (size_t k = 0; k < points; k++) {
      double A = 6 * (double)k / (double)(points - 1), now = exponent(p, A, sizes[i]);
      ms_row(closed, sizes[i], A, now);
      apart = fmax(apart, fabs(now - log_slope(p, A, sizes[i])));
      falling = falling && now < before + 1e-9;
      before = now;
      first = i == 0 && k == 0 ? now : first;
      last = now;
    }
    ms_sheet_gap(closed);
  }
  for (size_t i = 0; i < CURVES; i++) {
    for (size_t k = 0; k < curve[i]->points; k++)
      ms_row(measured, (double)i, ms_curve_at(curve[i], k, "t"), ms_curve_at(curve[i], k, "dose"),
             ms_curve_at(curve[i], k, "effective_exponent"),
             ms_curve_at(curve[i], k, "effective_exponent_mean"));
    ms_sheet_gap(measured);
  }
  ms_claim_below(f, "p_eff = x R'/R against the slope of ln R over ln x", "differences of R", 1e-5,
                 apart);
  ms_claim_near(f, "p_eff of x = 0.01 at dose 0: L2", "theory", 2, 1e-4, first);
  ms_claim_near(f, "p_eff of x = 10 at dose 6: 1 + 1/(ln(2 x/beta) - 1)", "theory",
                1 + 1 / (log(20) + 24 - 1), 1e-4, last);
  ms_claim(f, "p_eff falls with the dose, for every x", "theory", "falling", falling,
           falling ? "falling" : "rising somewhere");
  for (size_t i = 0; i < CURVES; i++) {
    char text[96];
    snprintf(text, sizeof text, "run with %s decay: p_eff before weight decay", names[i]);
    ms_claim_near(f, text, "L2", 2, 0.02, ms_curve_at(curve[i], 0, "effective_exponent"));
    snprintf(text, sizeof text, "run with %s decay: p_eff at its end", names[i]);
    ms_claim_below(f, text, "nearly L1", 1.15, ms_curve_end(curve[i], "effective_exponent"));
  }
}

const ms_figure ms_figure_exponent = {
    "exponent", "The effective exponent of the potential against the dose",
    "this project; the potential of Jacobs and Burkholz 2024, arXiv 2408.09966",
    "Near x the potential R_a grows like |x|^p; p_eff = x R'(x)/R(x) is 2 where training has an L2 "
    "bias and 1 where it has an L1 bias. Left: closed form, x = m w with beta = 1: every "
    "coordinate "
    "goes from 2 to 1, large ones first. Right: runs with three schedules, weighted mean over "
    "coordinates; p_eff follows the dose and stays where it is once weight decay is off. Problem: "
    "40 samples, 100 features, 5 of them real.",
    make};
