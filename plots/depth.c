/* Matrix completion by deeper and deeper products. */
#include "figure/figure.h"
#include <math.h>

enum { DEPTHS = 4, SEEDS = 3, KINDS = DEPTHS + 2 };

static double mean(ms_curve *const *c, size_t seeds, const char *observable) {
  double sum = 0;
  for (size_t s = 0; s < seeds; s++)
    sum += ms_curve_end(c[s], observable) / (double)seeds;
  return sum;
}

static void make(ms_drawing *f) {
  size_t seeds = ms_figure_size(f, SEEDS, 1);
  ms_curve *c[KINDS][SEEDS] = {{NULL}};
  const char *problem = "model=sensing factors=general measure=entries rows=100|14 rank=5|1 "
                        "n=2000|100 flow=gradient points=200|20 rtol=1e-6";
  for (size_t s = 0; s < seeds; s++) {
    c[0][s] = ms_curve_add(f, s ? NULL : "depth_1",
                           "%s depth=1 init=zero-first seed=%zu "
                           "wd-schedule=none stop-loss=1e-12",
                           problem, s + 1);
    for (size_t depth = 2; depth <= DEPTHS; depth++) {
      char name[16];
      snprintf(name, sizeof name, "depth_%zu", depth);
      c[depth - 1][s] =
          ms_curve_add(f, s ? NULL : name,
                       "%s depth=%zu init=gaussian "
                       "init-scale=1e-6|1e-3 seed=%zu wd-schedule=none stop-loss=1e-12",
                       problem, depth, s + 1);
    }
    c[DEPTHS][s] = ms_curve_add(f, s ? NULL : "nuclear",
                                "%s depth=2 init=gaussian init-scale=1e-6|1e-3 "
                                "seed=%zu wd-schedule=constant wd=1e-6|2e-7",
                                problem, s + 1);
    c[DEPTHS + 1][s] =
        ms_curve_add(f, s ? NULL : "depth_2_decay",
                     "%s depth=2 init=gaussian "
                     "init-scale=1e-6|1e-3 seed=%zu wd-schedule=linear stop-loss=1e-12",
                     problem, s + 1);
  }
  if (!ms_curves_run(f))
    return;
  ms_sheet *ends = ms_sheet_new(f, "ends", "kind,seed,error,nuclear_norm,rank_effective");
  double error[KINDS], kkt = 0;
  for (size_t k = 0; k < KINDS; k++) {
    error[k] = 0;
    for (size_t s = 0; s < seeds; s++) {
      double truth = ms_curve_at(c[0][s], 0, "truth_error"); /* |X*|_F: depth 1 starts at 0 */
      double relative = ms_curve_end(c[k][s], "truth_error") / truth;
      error[k] += relative / (double)seeds;
      ms_row(ends, (double)k, (double)s, relative, ms_curve_end(c[k][s], "nuclear_norm"),
             ms_curve_end(c[k][s], "rank_effective"));
    }
  }
  for (size_t s = 0; s < seeds; s++)
    kkt = fmax(kkt, ms_curve_end(c[DEPTHS][s], "kkt_residual"));
  for (size_t depth = 1; depth <= DEPTHS; depth++) {
    char name[16];
    snprintf(name, sizeof name, "path_%zu", depth);
    ms_sheet *path = ms_sheet_new(f, name, "loss,error,rank_effective");
    const ms_curve *one = c[depth - 1][0];
    double truth = ms_curve_at(c[0][0], 0, "truth_error");
    for (size_t i = 1; i < one->points; i++)
      ms_row(path, ms_curve_at(one, i, "loss") / ms_curve_at(one, 0, "loss"),
             ms_curve_at(one, i, "truth_error") / truth, ms_curve_at(one, i, "rank_effective"));
  }
  ms_claim(f, "error: depth 3 < depth 2", "Arora et al. 2019", "less", error[2] < error[1],
           "%.3g < %.3g", error[2], error[1]);
  ms_claim(f, "error: minimum nuclear norm < depth 1", "Arora et al. 2019", "less",
           error[DEPTHS] < error[0], "%.3g < %.3g", error[DEPTHS], error[0]);
  ms_claim(f, "error: depth 2 < depth 1", "Arora et al. 2019", "less", error[1] < error[0],
           "%.3g < %.3g", error[1], error[0]);
  ms_report(f, "error: depth 2 and minimum nuclear norm", "Arora et al. 2019", "depth 2 not worse",
            "%.3g and %.3g", error[1], error[DEPTHS]);
  ms_report(f, "error: depth 4; depth 2 with decay, switched off", "-", "-", "%.3g; %.3g", error[3],
            error[DEPTHS + 1]);
  double share = ms_figure_quick(f) ? 1 - 100 / 196.0 : 1 - 2000 / 10000.0;
  ms_claim_near(f, "depth 1 leaves the unseen entries at 0: error", "sqrt(1 - part observed)",
                sqrt(share), ms_figure_quick(f) ? 0.1 : 0.02, error[0]);
  if (!ms_figure_quick(f))
    ms_claim_below(f, "error: depth 3", "Arora et al. 2019", 1e-3, error[2]);
  double deep = mean(c[2], seeds, "nuclear_norm"), least = mean(c[DEPTHS], seeds, "nuclear_norm");
  ms_claim(f, "nuclear norm: depth 3 above the least", "theory", "above", deep > least,
           "%.5g > %.5g", deep, least);
  ms_claim_below(f, "reference: optimality of the nuclear norm, residual", "KKT", 1e-5, kkt);
}

const ms_figure ms_figure_depth = {
    "depth", "Depth and low rank in matrix completion",
    "Arora, Cohen, Hu and Luo 2019, arXiv 1905.13655, Figs. 1 and 2",
    "A matrix of rank 5 from 20 % of its entries, by gradient flow on products of 1 to 4 factors "
    "without weight decay from a small Gaussian start. Left: error on the whole matrix at the end, "
    "each dot one truth; the nuclear-norm minimizer as the limit of small constant weight decay. "
    "Right: error along the run against the loss, one truth. The deeper, the lower the rank. Size "
    "and rank are the paper's; scale 1e-6 and gradient flow instead of GroupRMSprop are choices of "
    "ours.",
    make};
