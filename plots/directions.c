/* Directions and margins of flows on separable classes over ln t. */
#include "figure/figure.h"
#include <math.h>

enum { PLAIN, KERNEL, RICH, DECAY, WAYS };

static void make(ms_drawing *f) {
  const char *const names[WAYS] = {"plain", "large-scale", "small-scale", "decay"};
  const char *const ways[WAYS] = {"param=plain flow=gradient wd-schedule=none",
                                  "flow=mirror init-scale=1e6 wd-schedule=none",
                                  "flow=mirror init-scale=0.1 wd-schedule=none",
                                  "flow=mirror init-scale=0.1 wd-schedule=constant wd=1e-60"};
  ms_curve *curve[WAYS];
  for (int w = 0; w < WAYS; w++)
    curve[w] = ms_curve_add(f, names[w],
                            "loss=logistic t-end=1e100 n=40|16 d=100|30 margin=0.5 "
                            "points=400|80 %s",
                            ways[w]);
  if (!ms_curves_run(f))
    return;
  ms_sheet *s = ms_sheet_new(f, "directions", "t,way,angle_l1,angle_l2,margin_l1,margin_l2,loss");
  for (int w = 0; w < WAYS; w++) {
    const ms_curve *c = curve[w];
    for (size_t k = 1; k < c->points; k++)
      ms_row(s, ms_curve_at(c, k, "t"), w, ms_curve_at(c, k, "angle_l1"),
             ms_curve_at(c, k, "angle_l2"), ms_curve_at(c, k, "margin_l1"),
             ms_curve_at(c, k, "margin_l2"), ms_curve_at(c, k, "loss"));
    /* where weight decay holds it, it stays */
    if (ms_curve_end(c, "t") < 1e100)
      ms_row(s, 1e100, w, ms_curve_end(c, "angle_l1"), ms_curve_end(c, "angle_l2"),
             ms_curve_end(c, "margin_l1"), ms_curve_end(c, "margin_l2"), ms_curve_end(c, "loss"));
    ms_sheet_gap(s);
  }
  double l1 = ms_curve_summary(curve[PLAIN], "margin_l1_largest"),
         l2 = ms_curve_summary(curve[PLAIN], "margin_l2_largest");
  ms_figure_let(f, "largest_l1", l1);
  ms_figure_let(f, "largest_l2", l2);
  ms_claim_below(f, "x itself: degrees from the L2 machine at t = 1e100", "quadratic program", 1,
                 ms_curve_end(curve[PLAIN], "angle_l2"));
  ms_claim_below(f, "m w from a large scale: the same", "quadratic program", 1,
                 ms_curve_end(curve[KERNEL], "angle_l2"));
  ms_claim_above(f, "m w from a small scale: its L1 margin over the largest", "linear program", 0.9,
                 ms_curve_end(curve[RICH], "margin_l1") / l1);
  ms_claim_above(f, "the same under alpha = 1e-60", "linear program", 0.98,
                 ms_curve_end(curve[DECAY], "margin_l1") / l1);
  ms_claim_below(f, "its degrees from the L1 machine over those without weight decay", "LASSO path",
                 0.5,
                 ms_curve_end(curve[DECAY], "angle_l1") / ms_curve_end(curve[RICH], "angle_l1"));
  /* the angle times ln t tends to a constant: Soudry et al. 2018, theorem 3 */
  size_t half = 0, last = curve[PLAIN]->points - 1;
  while (ms_curve_at(curve[PLAIN], half, "t") < 1e50)
    half++;
  double ratio = ms_curve_at(curve[PLAIN], half, "angle_l2") *
                 log(ms_curve_at(curve[PLAIN], half, "t")) /
                 (ms_curve_at(curve[PLAIN], last, "angle_l2") * log(1e100));
  ms_claim_near(f, "x itself: angle times ln t at 1e50 over that at 1e100", "1 / ln t", 1, 0.15,
                ratio);
}

const ms_figure ms_figure_directions = {
    "directions", "Which margin the flow makes large",
    "Soudry et al. 2018, arXiv 1710.10345; Moroshko et al. 2020, arXiv 2007.06738 (theorems)",
    "Classes that can be separated leave the logistic loss without a minimum: x grows like ln t "
    "for "
    "ever, and its direction is the question. Plain weights, and m w from a large scale, turn "
    "towards "
    "the L2 support vector machine like one over ln t. m w from a small scale turns towards the L1 "
    "machine, but slower than any power of ln t: its potential changes only with the logarithm of "
    "x. "
    "A weight decay of 1e-60, without effect on the loss for sixty decades, brings it there: what "
    "it "
    "stops at is the LASSO path's end. Both machines are solved on their own. 40 samples, 100 "
    "features, 5 of them real, pushed apart by 0.5 on either side; sizes and scales are chosen "
    "here.",
    make};
