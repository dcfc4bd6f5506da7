/* Low-rank adaptation: weight decay switched off half way against half of it for ever. */
#include "figure/figure.h"
#include <math.h>

enum { SEEDS = 5, POINTS = 161, TASKS = 3, WAYS = 3 };
enum { FACTORS, MERGED, TEXT }; /* of the network BA, or X itself; BA of the model of text */
enum { NEVER, SWITCHED, ALWAYS };
/* Off at T; the doses are equal again at twice that; the end. */
static const double T = 40, equal = 80, horizon = 160;

/* Where two curves meet after T, by linear interpolation; NaN: nowhere. */
static double meeting(const ms_curve *a, const ms_curve *b, const char *what) {
  double before = NAN, t_before = NAN;
  for (size_t k = 0; k < a->points; k++) {
    double t = ms_curve_at(a, k, "t"), now = ms_curve_at(a, k, what) - ms_curve_at(b, k, what);
    if (t_before > T && before * now <= 0)
      return t_before + (t - t_before) * before / (before - now);
    before = now;
    t_before = t;
  }
  return NAN;
}

static size_t point_at(const ms_curve *c, double t) {
  size_t k = 0;
  while (k + 1 < c->points && ms_curve_at(c, k, "t") < t - 1e-9)
    k++;
  return k;
}

static void make(ms_drawing *f) {
  size_t seeds = ms_figure_size(f, SEEDS, 1);
  ms_curve *curve[TASKS][WAYS][SEEDS];
  const char *const tasks[] = {"factors", "merged", "text"};
  const char *const ways[] = {"never", "off", "always"};
  const char *const schedule[] = {"wd-schedule=none", "wd-schedule=step wd=0.01 wd-off=40",
                                  "wd-schedule=constant wd=0.005"};
  const char *const task[] = {
      "rows=20|12", "rows=20|12 depth=1",
      "data=psalm_119.txt pretrain=psalms_except_119.txt vocabulary=64|24 rows=48|16"};
  for (size_t i = 0; i < TASKS; i++)
    for (size_t w = 0; w < WAYS; w++)
      for (size_t s = 0; s < seeds; s++) {
        char name[64];
        snprintf(name, sizeof name, "%s_%s", tasks[i], ways[w]);
        curve[i][w][s] =
            ms_curve_add(f, s == 0 ? name : NULL,
                         "model=lora %s %s rtol=%s stop-loss=0 t-end=%g "
                         "points=161|41 seed=%zu",
                         task[i], schedule[w], i == FACTORS ? "1e-11" : "1e-8", horizon, s + 1);
      }
  if (!ms_curves_run(f))
    return;
  ms_sheet *sheet = ms_sheet_new(f, "ratio", "t,task,way,seed,ratio,balance,score");
  for (size_t i = 0; i < TASKS; i++)
    for (size_t w = 0; w < WAYS; w++)
      for (size_t s = 0; s < seeds; s++) {
        const ms_curve *c = curve[i][w][s];
        for (size_t k = 1; k < c->points; k++) /* X = 0 at t = 0 has no ratio */
          ms_row(sheet, ms_curve_at(c, k, "t"), (double)i, (double)w, (double)s,
                 ms_curve_at(c, k, "nuclear_ratio"), ms_curve_at(c, k, "balance"),
                 ms_curve_at(c, k, "score"));
        ms_sheet_gap(sheet);
      }
  double apart = 0, doses = 0, least = INFINITY, most = 0, kept = INFINITY, forgotten = 0;
  size_t falling = 0;
  double times[TASKS] = {0};
  for (size_t s = 0; s < seeds; s++) {
    const ms_curve *off = curve[FACTORS][SWITCHED][s], *on = curve[FACTORS][ALWAYS][s];
    size_t k = point_at(off, equal), last = off->points - 1;
    apart = fmax(apart, fabs(ms_curve_at(off, k, "balance") / ms_curve_at(on, k, "balance") - 1));
    doses = fmax(doses, fabs(ms_curve_at(off, k, "dose") - ms_curve_at(on, k, "dose")));
    double t = meeting(off, on, "nuclear_ratio");
    least = fmin(least, t / equal);
    most = fmax(most, t / equal);
    kept = fmin(kept, ms_curve_end(curve[FACTORS][NEVER][s], "nuclear_ratio") -
                          ms_curve_end(off, "nuclear_ratio"));
    forgotten = fmax(forgotten, ms_curve_end(curve[MERGED][NEVER][s], "nuclear_ratio") -
                                    ms_curve_end(curve[MERGED][SWITCHED][s], "nuclear_ratio"));
    falling += ms_curve_at(off, last, "nuclear_ratio") <
               ms_curve_at(off, point_at(off, T), "nuclear_ratio");
    for (size_t i = 0; i < TASKS; i++)
      times[i] += meeting(curve[i][SWITCHED][s], curve[i][ALWAYS][s], "nuclear_ratio") / equal /
                  (double)seeds;
  }
  ms_claim_below(f, "BA: doses at 2 T, largest difference", "closed form", 1e-12, doses);
  ms_claim_below(f, "BA: |B'B - AA'| at 2 T, off at T against half for ever, relative",
                 "balance decays with the dose alone", 1e-10, apart);
  ms_claim_above(f, "BA: the ratio at 4 T stays below training without weight decay, least",
                 "storage", 0.05, kept);
  ms_claim_below(f, "X itself: what the ratio keeps at 4 T, most", "control: no storage", 0.05,
                 forgotten);
  ms_claim(f, "BA: where the ratio curves meet, in units of 2 T", "read off the published figure",
           "about 1", least > 0.75 && most < 1.25, "%.3g to %.3g", least, most);
  ms_report(f, "mean meeting of BA, X itself, BA of the text", "published: 1 for BA", "1, -, 1",
            "%.3g, %.3g, %.3g", times[FACTORS], times[MERGED], times[TEXT]);
  ms_report(f, "BA: seeds whose ratio is lower at 4 T than when weight decay went off",
            "published: keeps decreasing", "all", "%zu of %zu", falling, seeds);
}

const ms_figure ms_figure_storage = {
    "storage", "Weight decay is stored in the factors",
    "Jacobs, Zhou and Burkholz 2025, arXiv 2504.12883, the LoRA experiment (GPT-2 on "
    "tiny_shakespeare), in settings where flow and dose are exact",
    "Weight decay is on until T = 40 and then off, or half as strong for ever: at 2 T both have "
    "the "
    "same dose, so by the balance law the factors B and A are equally far from balance, to all "
    "digits. The ratio of nuclear and Frobenius norm of BA need not be equal there, for X differs, "
    "but it meets near 2 T for every seed, and stays below that of training without weight decay. "
    "Trained as it is (top right), X keeps nothing: that ratio comes back. Whether the ratio goes "
    "on "
    "falling after T depends on the seed. Teacher and student of 20 x 20 hidden weights, 200 "
    "samples, a shift of rank 2 and factors of width 8; below the psalms: 64 words, the 119th "
    "psalm "
    "learned on top of the others. Strengths, sizes and T are chosen here; the source's are not "
    "known.",
    make};
