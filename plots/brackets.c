/* Which pairs (g, h) have a mirror flow: brackets, and the gap that their lack opens. */
#include "figure/figure.h"
#include <math.h>
#include <string.h>

typedef struct example {
  const char *g, *h;        /* formulas, or */
  const char *settings[12]; /* "name=value" of a run */
  const char *verdict, *what;
} example;

static const example examples[] = {
    {.g = "m1*w1, m2*w2", .verdict = "yes", .what = "mask of every weight, m . w"},
    {.g = "u^2-v^2", .verdict = "yes", .what = "u^2 - v^2"},
    {.g = "u^4-v^4", .h = "u^4+v^4", .verdict = "yes", .what = "u^4 - v^4, matched h"},
    {.settings = {"model=sensing", "rows=6", "measure=commuting", "t-end=60"},
     .verdict = "yes",
     .what = "sensing, commuting"},
    {.g = "u^4-v^4", .verdict = "time-warped", .what = "u^4 - v^4, h = |w|^2"},
    {.g = "a*b*c", .verdict = "time-warped", .what = "three factors a b c"},
    {.g = "m*w", .h = "m^2", .verdict = "no", .what = "m . w, decay on m alone"},
    {.g = "m*w1, m*w2", .verdict = "no", .what = "mask of a neuron, m w"},
    {.settings = {"model=sensing", "rows=6", "measure=gaussian", "t-end=60"},
     .verdict = "no",
     .what = "sensing, Gaussian"},
    {.settings = {"model=sensing", "rows=6", "factors=general", "t-end=60"},
     .verdict = "no",
     .what = "sensing, B A"},
};
enum { EXAMPLES = sizeof examples / sizeof *examples };

static double entry_of(const ms_check *c, const char *key) {
  ms_summary e;
  for (size_t i = 0; ms_check_at(c, i, &e); i++)
    if (strcmp(e.key, key) == 0)
      return e.value;
  return NAN;
}

static ms_check *look_at(ms_drawing *f, const example *e) {
  ms_config *cfg = ms_config_new();
  ms_check *c = NULL;
  ms_error err;
  ms_status status = cfg ? MS_OK : ms_no_memory(&err);
  for (size_t i = 0; status == MS_OK && e->settings[i]; i++) {
    char name[32];
    const char *equal = strchr(e->settings[i], '=');
    snprintf(name, sizeof name, "%.*s", (int)(equal - e->settings[i]), e->settings[i]);
    status = ms_config_set(cfg, name, equal + 1, name, &err);
  }
  if (status == MS_OK)
    status = ms_check_new(&c, cfg, e->g, e->h, NULL, &err);
  ms_config_free(cfg);
  if (status != MS_OK)
    ms_figure_fail(f, &err);
  return c;
}

static void make(ms_drawing *f) {
  const char *problem = "model=sensing rows=10|6 t-end=60 points=80|20 rtol=1e-9 flow=both";
  ms_curve *curve[3] = {ms_curve_add(f, "commuting", "%s measure=commuting", problem),
                        ms_curve_add(f, "commuting_constant",
                                     "%s measure=commuting wd-schedule=constant wd=0.02", problem),
                        ms_curve_add(f, "gaussian", "%s measure=gaussian", problem)};
  if (!ms_curves_run(f))
    return;
  ms_sheet *gaps = ms_sheet_new(f, "gaps", "t,commuting,constant,gaussian");
  for (size_t i = 1; i < curve[2]->points; i++) {
    double gap[3];
    for (int k = 0; k < 3; k++)
      gap[k] = i < curve[k]->points ? ms_curve_at(curve[k], i, "gf_mf_gap") : NAN;
    ms_row(gaps, ms_curve_at(curve[2], i, "t"), gap[0], gap[1], gap[2]);
  }
  ms_sheet *sheet = ms_sheet_new(f, "brackets", "example,commutation,decay,flow");
  for (size_t k = 0; k < EXAMPLES; k++) {
    const example *e = &examples[k];
    ms_check *c = look_at(f, e);
    if (!c)
      return;
    const char *verdict = ms_check_verdict(c, NULL);
    ms_row(sheet, (double)k, entry_of(c, "commutation_defect"), entry_of(c, "decay_defect"),
           strcmp(verdict, "no") == 0    ? 0
           : strcmp(verdict, "yes") == 0 ? 1
                                         : 2);
    ms_claim(f, e->what, strcmp(e->verdict, "time-warped") == 0 ? "theory" : "literature",
             e->verdict, strcmp(verdict, e->verdict) == 0, "%s", verdict);
    ms_check_free(c);
  }
  ms_claim_below(
      f, "commuting: gradient flow from mirror flow, largest gap", "theory", 1e-6,
      fmax(ms_curve_summary(curve[0], "gf_mf_gap"), ms_curve_summary(curve[1], "gf_mf_gap")));
  ms_claim_above(f, "Gaussian: gradient flow from the spectral mirror flow", "theory", 1e-3,
                 ms_curve_summary(curve[2], "gf_mf_gap"));
}

const ms_figure ms_figure_brackets = {
    "brackets", "Which parametrizations have a mirror flow",
    "Jacobs and Burkholz 2024, arXiv 2408.09966 v1, App. C; Li et al. 2022, arXiv 2207.04036",
    "Left: how large the brackets of g's gradient fields among each other, and with that of the "
    "regularizer h, are at most at random points or along a run (below 1e-8: 0 but for rounding). "
    "Both vanish: "
    "a mirror flow for any weight decay (blue). Only those with h = |w|^2 do not, and g is "
    "homogeneous: a mirror flow in warped time (green). Else: none (orange), as for one mask on "
    "all weights of a neuron, decay on the mask alone, Gaussian measurements. Right: gradient flow "
    "of the factors of X = U U' against the spectral mirror flow. Sizes chosen here.",
    make};
