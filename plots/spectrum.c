/* Matrices: the singular values that training ends with, against the dose. */
#include "figure/figure.h"
#include "linalg/dense.h"
#include <math.h>

enum { DOSES = 17, ROWS = 10 };
static const double last = 4, off = 10;

typedef struct series {
  const char *name, *settings;
  ms_curve *curve[DOSES];
  double nuclear[DOSES], rank[DOSES];
} series;

static void write_series(ms_drawing *f, series *s, size_t count) {
  ms_sheet *sheet = ms_sheet_new(
      f, s->name, "dose,s1,s2,s3,s4,s5,s6,s7,s8,s9,s10,nuclear_norm,rank_effective,truth_error");
  for (size_t i = 0; i < count; i++) {
    const ms_curve *c = s->curve[i];
    double sigma[ROWS], A = last * (double)i / (double)(count - 1);
    if (ms_singular(ROWS, ROWS, c->x, sigma, NULL, NULL) != 0)
      sigma[0] = NAN;
    s->nuclear[i] = ms_curve_end(c, "nuclear_norm");
    s->rank[i] = ms_curve_end(c, "rank_effective");
    ms_row(sheet, A, sigma[0], sigma[1], sigma[2], sigma[3], sigma[4], sigma[5], sigma[6], sigma[7],
           sigma[8], sigma[9], s->nuclear[i], s->rank[i], ms_curve_end(c, "truth_error"));
  }
}

static bool falling(const double *v, size_t count) {
  for (size_t i = 1; i < count; i++)
    if (!(v[i] < v[i - 1] * (1 + 1e-9)))
      return false;
  return true;
}

static void make(ms_drawing *f) {
  size_t count = ms_figure_size(f, DOSES, 5);
  series all[] = {{.name = "gaussian", .settings = "measure=gaussian n=30 flow=gradient"},
                  {.name = "commuting", .settings = "measure=commuting n=5 flow=both"}};
  for (size_t k = 0; k < 2; k++)
    for (size_t i = 0; i < count; i++) {
      char name[64];
      double A = last * (double)i / (double)(count - 1);
      snprintf(name, sizeof name, "%s_dose_%g", all[k].name, A);
      all[k].curve[i] = ms_curve_add(
          f, name,
          "model=sensing factors=psd rows=%d rank=2 points=40 %s wd-schedule=%s wd=%.15g wd-off=%g",
          ROWS, all[k].settings, A > 0 ? "step" : "none", A / off, off);
    }
  if (!ms_curves_run(f))
    return;
  double gap = 0;
  for (size_t k = 0; k < 2; k++)
    write_series(f, &all[k], count);
  for (size_t i = 0; i < count; i++)
    gap = fmax(gap, ms_curve_summary(all[1].curve[i], "gf_mf_gap"));
  ms_curve *const *g = all[0].curve;
  ms_claim(f, "Gaussian: nuclear norm at the end falls with the dose", "theory, if they commuted",
           "falling", falling(all[0].nuclear, count), "%.4g to %.4g", all[0].nuclear[0],
           all[0].nuclear[count - 1]);
  ms_claim(f, "Gaussian: effective rank falls with the dose", "theory, if they commuted", "falling",
           falling(all[0].rank, count), "%.4g to %.4g", all[0].rank[0], all[0].rank[count - 1]);
  ms_claim_below(f, "Gaussian: |X - truth|_F at dose 4 / at dose 0", "recovery", 0.1,
                 ms_curve_end(g[count - 1], "truth_error") / ms_curve_end(g[0], "truth_error"));
  ms_claim(f, "commuting: effective rank falls with the dose", "theory", "falling",
           falling(all[1].rank, count), "%.4g to %.4g", all[1].rank[0], all[1].rank[count - 1]);
  ms_claim_below(f, "commuting: gradient flow against mirror flow, largest gap", "theory", 1e-5,
                 gap);
}

const ms_figure ms_figure_spectrum = {
    "spectrum", "The spectrum of a matrix against the dose",
    "this project, after Gunasekar et al. 2017, arXiv 1705.09280",
    "Matrix sensing with X = U U': the singular values training ends with, against the dose of "
    "weight decay that was switched off before. What the dose does to coordinates it does to "
    "singular values: L2-like without it, sparse, that is of low rank, with it. Left: 30 Gaussian "
    "measurements of a 10 x 10 matrix of rank 2 (orange: as many as the truth has), for which no "
    "mirror flow exists; the spectrum behaves as if. Middle: 5 measurements that commute, for "
    "which "
    "one does. Right: effective rank. Sizes, beta = 1 and doses chosen here.",
    make};
