/* The potential of one coordinate of x = m w over x and dose: a bowl becomes a V. */
#include "figure/figure.h"
#include <math.h>

/* Where the potential is least: its slope, the dual variable, grows and is 0 there. */
static double argmin(const ms_param *p, const ms_start *s, double a) {
  double low = -4, high = 4, mu;
  for (int i = 0; i < 200; i++) {
    double x = (low + high) / 2;
    p->dual(p, s, 0, 1, a, &x, &mu);
    *(mu < 0 ? &low : &high) = x;
  }
  return (low + high) / 2;
}

static double curvature(const ms_param *p, double ln_beta, double kappa, double a, double x) {
  double h = 1e-3 * exp(ln_beta + 4 * a);
  return (p->potential(p, ln_beta, kappa, a, x + h) - 2 * p->potential(p, ln_beta, kappa, a, x) +
          p->potential(p, ln_beta, kappa, a, x - h)) /
         (h * h);
}

static void make(ms_drawing *f) {
  const ms_param *p = &ms_param_mw;
  const double ln_beta = 0, x0 = 1, kappa = asinh(x0), last = 4;
  const ms_start start = {&ln_beta, &kappa};
  size_t scans = ms_figure_size(f, 61, 13), points = ms_figure_size(f, 121, 31);
  ms_sheet *surface = ms_sheet_new(f, "surface", "dose,x,R");
  ms_sheet *valley = ms_sheet_new(f, "valley", "dose,x");
  double worst_valley = 0, worst_curvature = 0;
  for (size_t i = 0; i < scans; i++) {
    double A = last * (double)i / (double)(scans - 1);
    for (size_t k = 0; k < points; k++) {
      double x = -1 + 4 * (double)k / (double)(points - 1);
      ms_row(surface, A, x, p->potential(p, ln_beta, kappa, -A, x));
    }
    ms_sheet_gap(surface);
    double least = argmin(p, &start, -A), beta = exp(-4 * A);
    ms_row(valley, A, least);
    worst_valley = fmax(worst_valley, fabs(least - beta * x0));
    double expected = 1 / (2 * hypot(least, beta));
    double found = curvature(p, ln_beta, kappa, -A, least);
    if (A < 2) /* second differences have digits left */
      worst_curvature = fmax(worst_curvature, fabs(found - expected) / expected);
  }
  ms_claim_below(f, "argmin R_a = e^{-4A} m0 w0, largest difference", "closed form", 1e-10,
                 worst_valley);
  ms_claim_below(f, "R_a'' there = 1/(2 sqrt(x^2 + beta^2)), relative", "closed form", 1e-4,
                 worst_curvature);
  ms_claim_near(f, "R_a(1) / (1/2 ln(1/beta)) at beta = 1e-12: |x|", "theory", 1, 0.05,
                p->potential(p, ln_beta, kappa, log(1e-12) / 4, 1) / (0.5 * log(1e12)));
  ms_claim_near(f, "R(3) at the largest dose", "published image", 24, 2,
                p->potential(p, ln_beta, kappa, -last, 3));
  ms_claim_near(f, "R(-1) at the largest dose", "published image", 8, 1,
                p->potential(p, ln_beta, kappa, -last, -1));
}

const ms_figure ms_figure_surface = {
    "surface", "The potential R_a over x and dose",
    "Jacobs and Burkholz 2024, arXiv 2408.09966 v1, Fig. 1c",
    "Weight decay reshapes the potential that training minimizes: without it a bowl, which is an "
    "L2 "
    "bias towards the start x0; with every unit of dose A = ∫α dt sharper, until it is a V, an L1 "
    "bias towards 0. The line is where R_a is least, e^{-4A} x0. One coordinate of x = m w. The "
    "source states neither start nor scale: m0 w0 = 1, m0^2 - w0^2 = 2 (beta = 1) and doses to 4 "
    "are chosen here, which gives the heights of the published image.",
    make};
