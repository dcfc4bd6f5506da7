/* Matrix sensing: gradient flow of the factors and spectral mirror flow, down to tiny starts. */
#include "figure/figure.h"
#include <math.h>

enum { SCALES = 10, SETS = 3, FLOWS = 2 };

static const struct {
  const char *name, *settings;
} sets[SETS] = {{"many", "measure=gaussian n=750|54"},
                {"few", "measure=gaussian n=250|18"},
                {"commuting", "measure=commuting n=25|6"}};
static const char *const flows[FLOWS] = {"gradient", "mirror"};

static void make(ms_drawing *f) {
  size_t scales = ms_figure_size(f, SCALES, 4);
  const char *problem = "model=sensing factors=psd rows=50|12 rank=5|2 wd-schedule=none points=2 "
                        "rtol=1e-6 stop-loss=1e-9";
  ms_curve *c[SETS][FLOWS][SCALES] = {{{NULL}}}, *least[SETS];
  for (size_t k = 0; k < SETS; k++) {
    for (size_t i = 0; i < scales; i++)
      for (size_t m = 0; m < FLOWS; m++) {
        char name[32];
        snprintf(name, sizeof name, "%s_%s_%zu", sets[k].name, flows[m], i + 1);
        c[k][m][i] = ms_curve_add(f, name, "%s %s flow=%s init-scale=1e-%zu", problem,
                                  sets[k].settings, flows[m], i + 1);
      }
    /* the least nuclear norm, as the limit of small constant weight decay */
    least[k] =
        ms_curve_add(f, NULL,
                     "model=sensing factors=psd rows=50|12 rank=5|2 points=2 flow=gradient %s "
                     "wd-schedule=constant wd=1e-6",
                     sets[k].settings);
  }
  if (!ms_curves_run(f))
    return;
  double truth = ms_figure_quick(f) ? 2 : 5; /* its nuclear norm is its rank */
  double nuclear[SETS][FLOWS][SCALES], rank[SETS][FLOWS][SCALES], floor[SETS];
  for (size_t k = 0; k < SETS; k++) {
    ms_sheet *s = ms_sheet_new(
        f, sets[k].name, "scale,gf_nuclear,gf_rank,gf_error,mf_nuclear,mf_rank,mf_error,least");
    floor[k] = ms_curve_end(least[k], "nuclear_norm");
    for (size_t i = 0; i < scales; i++) {
      for (size_t m = 0; m < FLOWS; m++) {
        nuclear[k][m][i] = ms_curve_end(c[k][m][i], "nuclear_norm");
        rank[k][m][i] = ms_curve_end(c[k][m][i], "rank_effective");
      }
      ms_row(s, pow(10, -(double)(i + 1)), nuclear[k][0][i], rank[k][0][i],
             ms_curve_end(c[k][0][i], "truth_error"), nuclear[k][1][i], rank[k][1][i],
             ms_curve_end(c[k][1][i], "truth_error"), floor[k]);
    }
  }
  size_t last = scales - 1;
  ms_claim_near(f, "many measurements, least scale: nuclear norm of gradient flow / the truth's",
                "Wu and Rebeschini 2021", 1, 1e-3, nuclear[0][0][last] / truth);
  ms_claim_near(f, "the same of mirror flow", "Wu and Rebeschini 2021", 1, 1e-3,
                nuclear[0][1][last] / truth);
  ms_claim_below(f, "many: |X - X*|_F / |X*|_*, gradient flow", "Wu and Rebeschini 2021", 1.5e-3,
                 ms_curve_end(c[0][0][last], "truth_error") / truth);
  ms_claim(f, "few: mirror flow has a smaller nuclear norm than the truth",
           "Wu and Rebeschini 2021", "less", nuclear[1][1][last] < truth, "%.4g < %g",
           nuclear[1][1][last], truth);
  ms_claim(f, "few: gradient flow has the lower effective rank", "Wu and Rebeschini 2021", "lower",
           rank[1][0][last] < rank[1][1][last], "%.3g < %.3g", rank[1][0][last], rank[1][1][last]);
  double worst = 0;
  for (size_t i = 0; i < scales; i++)
    worst = fmax(worst, fabs(nuclear[2][0][i] - nuclear[2][1][i]) / floor[2]);
  ms_claim_below(f, "commuting: nuclear norms of both flows differ by, relative",
                 "Gunasekar et al. 2017", 1e-4, worst);
  ms_claim_near(f, "commuting, least scale: nuclear norm / the least", "Gunasekar et al. 2017", 1,
                ms_figure_quick(f) ? 0.02 : 0.005, nuclear[2][0][last] / floor[2]);
  const char *coarse = "commuting, scale 1e-4: the same";
  if (ms_figure_quick(f))
    ms_report(f, coarse, "theory", "1 + O(1/ln(1/scale))", "%.4f", nuclear[2][0][3] / floor[2]);
  else
    ms_claim_near(f, coarse, "Gunasekar et al. 2017", 1, 0.01, nuclear[2][0][3] / floor[2]);
}

const ms_figure ms_figure_scales = {
    "scales", "Small starts and the nuclear norm in matrix sensing",
    "Wu and Rebeschini 2021, arXiv 2105.13831, Figs. 1 and 2; Gunasekar et al. 2017",
    "X = U U' from U U' = beta I, without weight decay. Top: nuclear norm at the end against beta, "
    "for gradient flow of U and the spectral mirror flow (von Neumann entropy); dashed: the least "
    "nuclear norm of all X >= 0 that fit, by the limit of constant weight decay. Below: effective "
    "rank. Where there are measurements enough (left) both find the truth, where there are too few "
    "(middle) the two differ: Gaussian measurements do not commute, gradient flow is no mirror "
    "flow and prefers low rank to low norm. Right: measurements that commute, where the flows are "
    "one. 50 x 50, rank 5, 750 and 250 measurements as in the source, which has the truth's norm 1 "
    "and discrete steps; the 25 measurements on the right are ours.",
    make};
