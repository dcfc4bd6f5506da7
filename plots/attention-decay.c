/* Attention at convergence for strengths of weight decay: nuclear over Frobenius norm of W. */
#include "figure/figure.h"
#include <math.h>

enum { SEEDS = 5, STRENGTHS = 8, WAYS = 2 };
enum { FACTORS, MERGED };
static const double first = 0.0005;

static void make(ms_drawing *f) {
  size_t seeds = ms_figure_size(f, SEEDS, 2), step = ms_figure_size(f, 1, 3);
  ms_curve *curve[WAYS][STRENGTHS][SEEDS];
  for (size_t w = 0; w < WAYS; w++)
    for (size_t i = 0; i < STRENGTHS; i += step)
      for (size_t s = 0; s < seeds; s++) {
        char name[64];
        snprintf(name, sizeof name, "%s_%zu", w == FACTORS ? "factors" : "merged", i + 1);
        curve[w][i][s] = ms_curve_add(f, s == 0 ? name : NULL,
                                      "model=attention depth=%d wd-schedule=constant wd=%g "
                                      "points=20 seed=%zu",
                                      w == FACTORS ? 2 : 1, first * pow(2, (double)i), s + 1);
      }
  if (!ms_curves_run(f))
    return;
  ms_sheet *sheet = ms_sheet_new(f, "ends", "alpha,way,seed,ratio,score");
  ms_sheet *mean = ms_sheet_new(f, "mean", "alpha,way,ratio,score");
  double rise = -INFINITY, low = INFINITY, high = 0, kkt = 0, spread[WAYS][2], best = 0, at = 0;
  for (size_t w = 0; w < WAYS; w++) {
    spread[w][0] = INFINITY;
    spread[w][1] = 0;
    for (size_t s = 0; s < seeds; s++) {
      double before = INFINITY;
      for (size_t i = 0; i < STRENGTHS; i += step) {
        const ms_curve *c = curve[w][i][s];
        double ratio = ms_curve_end(c, "nuclear_ratio");
        ms_row(sheet, first * pow(2, (double)i), (double)w, (double)s, ratio,
               ms_curve_end(c, "score"));
        low = fmin(low, ratio);
        high = fmax(high, ratio);
        if (w == FACTORS) {
          rise = fmax(rise, ratio - before);
          kkt = fmax(kkt, ms_curve_end(c, "kkt_residual"));
        }
        before = ratio;
      }
      ms_sheet_gap(sheet);
    }
    for (size_t i = 0; i < STRENGTHS; i += step) {
      double ratio = 0, score = 0;
      for (size_t s = 0; s < seeds; s++) {
        ratio += ms_curve_end(curve[w][i][s], "nuclear_ratio") / (double)seeds;
        score += ms_curve_end(curve[w][i][s], "score") / (double)seeds;
      }
      ms_row(mean, first * pow(2, (double)i), (double)w, ratio, score);
      spread[w][0] = fmin(spread[w][0], ratio);
      spread[w][1] = fmax(spread[w][1], ratio);
      if (w == FACTORS && score > best) {
        best = score;
        at = first * pow(2, (double)i);
      }
    }
  }
  ms_claim_below(f, "K Q': largest rise of the ratio from one strength to the next, any seed",
                 "published: falls with the strength", 0, rise);
  ms_claim_below(f, "K Q': distance from stationary for f + 2 alpha |W|_*", "optimality conditions",
                 1e-6, kkt);
  ms_claim(f, "ratio from 1 to sqrt(rank), rank 10 at most", "norms", "1 to 3.162",
           low >= 1 && high <= sqrt(10), "%.3g to %.3g", low, high);
  ms_claim(f, "mean ratio, K Q' and W itself", "control: |W|_F^2 does not know singular values",
           "a wide and a narrow range",
           spread[FACTORS][1] - spread[FACTORS][0] > 4 * (spread[MERGED][1] - spread[MERGED][0]),
           "%.2f to %.2f, %.2f to %.2f", spread[FACTORS][0], spread[FACTORS][1], spread[MERGED][0],
           spread[MERGED][1]);
  ms_report(f, "K Q': strength of the best accuracy on new samples",
            "published: more weight decay, less validation error", "-",
            "%.3g (accuracy %.3f; strengths to %.3g)", at, best, first * pow(2, STRENGTHS - 1));
}

const ms_figure ms_figure_attention_decay = {
    "attention-decay", "Weight decay lowers the rank of attention",
    "Jacobs, Zhou and Burkholz 2025, arXiv 2504.12883, the attention experiment (Tiny-ViT on "
    "CIFAR-10); one layer and data as in Sheen, Chen, Wang and Zhou 2024, arXiv 2403.08699",
    "Constant weight decay on key and query factors ends where the loss plus 2 alpha times the "
    "nuclear norm of W = K Q' is least (checked by its optimality conditions): the stronger, the "
    "lower the ratio of nuclear and Frobenius norm, for every seed. Trained as one matrix W the "
    "penalty is |W|_F^2, and the ratio hardly moves. Accuracy on new samples gains from weight "
    "decay up to a point. 50 samples of 5 tokens in 10 dimensions, the best token by a W* of rank "
    "2, exponential loss; sizes and strengths are chosen here. Thin lines: 5 seeds; thick: mean.",
    make};
