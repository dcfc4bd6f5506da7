/* Sparse coding with u^2k - v^2k: error and norms against time, sparsity against the dose. */
#include "figure/figure.h"
#include <math.h>

enum { KINDS = 3, DOSES = 5 };
static const char *const kinds[KINDS] = {"param=uv", "param=matched depth=4",
                                         "param=matched depth=6"};
static const double alphas[DOSES] = {0, 0.00025, 0.0005, 0.001, 0.002};

static void make(ms_drawing *f) {
  ms_curve *curve[KINDS][DOSES];
  const char *common = "model=sparse-coding flow=mirror patches=40|8 atoms=96|24 patch-side=8|4 "
                       "points=60|12";
  double t_end = ms_figure_quick(f) ? 1500 : 6000;
  for (size_t k = 0; k < KINDS; k++)
    for (size_t a = 0; a < DOSES; a++) {
      char name[32];
      snprintf(name, sizeof name, "k_%zu_dose_%zu", k + 1, a);
      curve[k][a] = ms_curve_add(f, name, "%s %s t-end=%g wd=%g wd-schedule=%s", common, kinds[k],
                                 t_end, alphas[a], a ? "linear" : "none");
    }
  if (!ms_curves_run(f))
    return;
  ms_sheet *path = ms_sheet_new(f, "path", "kind,decay,t,error,nuclear");
  ms_sheet *ends = ms_sheet_new(f, "ends", "kind,dose,nonzeros,fista_nonzeros,l1_ratio,error");
  double half[KINDS][2];
  for (size_t k = 0; k < KINDS; k++) {
    for (size_t a = 0; a < DOSES; a++) {
      const ms_curve *c = curve[k][a];
      double codes = ms_curve_summary(c, "atoms") * ms_curve_summary(c, "patches");
      ms_row(ends, (double)k, ms_curve_end(c, "dose"), ms_curve_end(c, "nonzeros") / codes,
             ms_curve_summary(c, "fista_nonzeros") / codes,
             ms_curve_end(c, "l1") / ms_curve_summary(c, "fista_l1"),
             ms_curve_end(c, "reconstruction_error"));
      if (a != 0 && a + 1 != DOSES)
        continue;
      double *at = &half[k][a != 0];
      *at = NAN;
      for (size_t i = 0; i < c->points; i++) {
        double error = ms_curve_at(c, i, "reconstruction_error");
        ms_row(path, (double)k, a != 0, ms_curve_at(c, i, "t"), error,
               ms_curve_at(c, i, "nuclear_norm"));
        if (isnan(*at) && error < 0.3)
          *at = ms_curve_at(c, i, "t");
      }
    }
    char text[64];
    snprintf(text, sizeof text, "k = %zu: codes that are not 0, at the largest dose / at none",
             k + 1);
    ms_claim_below(f, text, "dose: from L2 to L1", ms_figure_quick(f) ? 0.95 : 0.7,
                   ms_curve_end(curve[k][DOSES - 1], "nonzeros") /
                       ms_curve_end(curve[k][0], "nonzeros"));
    snprintf(text, sizeof text, "k = %zu, largest dose: |X|_1 / the least at this error", k + 1);
    ms_claim_below(f, text, "FISTA with the same dictionary", 1.15,
                   ms_curve_end(curve[k][DOSES - 1], "l1") /
                       ms_curve_summary(curve[k][DOSES - 1], "fista_l1"));
  }
  ms_report(f, "time to an error of 0.3 with k = 1, 2, 3, without decay",
            "review of arXiv 2504.12883: "
            "larger k is faster",
            "-", "%.3g, %.3g, %.3g", half[0][0], half[1][0], half[2][0]);
}

const ms_figure ms_figure_coding = {
    "coding", "Sparse coding with codes u^{2k} − v^{2k}: k and the dose",
    "this project, after Jacobs, Zhou & Burkholz 2025, arXiv 2504.12883, whose set-up is not known "
    "to us",
    "8 x 8 patches of a picture of a staircase, 96 atoms learned with the codes, 40 patches. Left: "
    "reconstruction error without weight decay (thin) and at the largest dose (thick); larger k is "
    "not faster here. Right: the part of the codes that are not 0 after training with a dose A of "
    "the regularizer u^{2k} + v^{2k}; dashed: FISTA with the same dictionary at the same error. "
    "All "
    "sizes are chosen here, beta = 0.01.",
    make};
