/* Figures 1a, 1b, 4 and 5 of the first version of PILoT: three ways of regularizing, seven
 * schedules each, as flows and by SGD; and spred beside them. */
#include "figure/figure.h"
#include <math.h>
#include <string.h>

enum { WAYS = 3, SCHEDULES = 7, DECAYING = 4, SEEDS = 5, TIMES = 201 };
static const char *const way[WAYS] = {"mw", "mask", "plain"};
static const char *const schedule[SCHEDULES] = {
    "constant wd=0.003",         "constant wd=0.01",       "constant wd=0.03",
    "constant wd=0.1",           "harmonic wd=3 wd-tau=1", "quadratic wd=3 wd-tau=1",
    "geometric wd=3 wd-tau=0.05"};

/* One dose, 3, spent slower and slower. */
enum { SPEEDS = 7 };
static const double tau[SPEEDS] = {0.25, 0.5, 1, 2, 4, 8, 16};

typedef struct panel {
  ms_curve *curve[SCHEDULES][SEEDS];
  double end[SCHEDULES]; /* geometric mean over seeds of |x - truth| at the end */
} panel;

static void add(ms_drawing *f, panel *p, const char *name, const char *settings) {
  for (size_t s = 0; s < SCHEDULES; s++)
    for (size_t k = 0; k < SEEDS; k++) {
      char label[64];
      snprintf(label, sizeof label, "%s_%zu_seed%zu", name, s, k + 1);
      p->curve[s][k] = ms_curve_add(
          f, k == 0 ? label : NULL,
          "n=40|12 d=100|24 sparsity=5|2 seed=%zu init-spread=0.31622776601683794 init-scale=0.5 "
          "points=201 stop-loss=0 rtol=1e-6 wd-schedule=%s %s",
          k + 1, schedule[s], settings);
    }
}

static double ln_error(const ms_curve *c, size_t i) { /* one that came to rest stays there */
  return log(fmax(ms_curve_at(c, MS_MIN(i, c->points - 1), "truth_error"), 1e-16));
}

/* Geometric means over the seeds, with 95 % confidence intervals (Student's t, 4 degrees). */
static void tabulate(ms_drawing *f, panel *p, const char *name, double t_end) {
  ms_sheet *sheet = ms_sheet_new(f, name, "schedule,t,mean,low,high");
  for (size_t s = 0; s < SCHEDULES; s++) {
    for (size_t i = 0; i < TIMES; i++) {
      double sum = 0, squares = 0;
      for (size_t k = 0; k < SEEDS; k++)
        sum += ln_error(p->curve[s][k], i);
      double mean = sum / SEEDS;
      for (size_t k = 0; k < SEEDS; k++)
        squares += pow(ln_error(p->curve[s][k], i) - mean, 2);
      double half = 2.776 * sqrt(squares / (SEEDS - 1) / SEEDS);
      ms_row(sheet, (double)s, t_end * (double)i / (TIMES - 1), exp(mean), exp(mean - half),
             exp(mean + half));
      p->end[s] = exp(mean);
    }
    ms_sheet_gap(sheet);
  }
}

static size_t best(const panel *p, size_t from, size_t to) {
  size_t least = from;
  for (size_t s = from; s < to; s++)
    least = p->end[s] < p->end[least] ? s : least;
  return least;
}

/* What spred can never reach: the true coordinates whose start has the other sign. */
static double out_of_reach(const ms_curve *c, const ms_curve *truth) {
  double sum = 0;
  for (size_t j = 0; j < c->d; j++)
    if (truth->x[j] * ms_curve_x(c, 0)[j] < 0)
      sum += truth->x[j] * truth->x[j];
  return sqrt(sum);
}

static double largest_ratio(double (*end)[WAYS], size_t w) {
  double least = INFINITY, most = 0;
  for (size_t v = 0; v < SPEEDS; v++) {
    least = fmin(least, end[v][w]);
    most = fmax(most, end[v][w]);
  }
  return most / least;
}

static void make(ms_drawing *f) {
  panel flow[WAYS] = {0}, sgd[WAYS] = {0}, spred = {0};
  double t_end = 300, t_sgd = 100;
  for (size_t w = 0; w < WAYS; w++) {
    char settings[200], name[32];
    snprintf(settings, sizeof settings, "param=%s t-end=%g %s", way[w], t_end,
             w == 0 ? "flow=mirror" : "method=adams");
    add(f, &flow[w], way[w], settings);
    snprintf(settings, sizeof settings,
             "param=%s t-end=%g flow=gradient method=sgd batch=5 lr=0.005|0.01", way[w], t_sgd);
    snprintf(name, sizeof name, "sgd_%s", way[w]);
    add(f, &sgd[w], name, settings);
  }
  char settings[64];
  snprintf(settings, sizeof settings, "param=spred t-end=%g flow=mirror", t_end);
  add(f, &spred, "spred", settings);
  /* to the very end, with decaying weight decay; and the same dose by dose */
  ms_curve *ends[2][SEEDS], *doses[4][SEEDS], *truth[SEEDS];
  const char *problem =
      "n=40|12 d=100|24 sparsity=5|2 init-spread=0.31622776601683794 init-scale=0.5";
  for (size_t k = 0; k < SEEDS; k++) {
    for (size_t s = 0; s < 2; s++)
      ends[s][k] =
          ms_curve_add(f, NULL, "%s seed=%zu flow=mirror points=10 wd-schedule=%s rtol=1e-9",
                       problem, k + 1, schedule[DECAYING + 1 + s]);
    for (size_t a = 0; a < 4; a++)
      doses[a][k] = ms_curve_add(f, NULL, "%s seed=%zu flow=limit wd-schedule=step wd-off=10 wd=%g",
                                 problem, k + 1, 0.1 * (double)a);
    truth[k] = ms_curve_add(
        f, NULL, "%s seed=%zu wd-schedule=linear wd=1 wd-off=40 flow=limit init-spread=0", problem,
        k + 1);
  }
  ms_curve *slower[WAYS][SPEEDS][SEEDS];
  for (size_t w = 0; w < WAYS; w++)
    for (size_t v = 0; v < SPEEDS; v++)
      for (size_t k = 0; k < SEEDS; k++)
        slower[w][v][k] = ms_curve_add(f, NULL,
                                       "%s seed=%zu param=%s wd-schedule=exponential wd=%.17g "
                                       "wd-tau=%g t-end=1000 points=2 rtol=1e-6 %s",
                                       problem, k + 1, way[w], 3 / tau[v], tau[v],
                                       w == 0 ? "flow=mirror" : "method=adams");
  if (!ms_curves_run(f))
    return;

  static const char *const names[WAYS] = {"flow_mw", "flow_mask", "flow_plain"};
  static const char *const sgd_names[WAYS] = {"sgd_mw", "sgd_mask", "sgd_plain"};
  for (size_t w = 0; w < WAYS; w++) {
    tabulate(f, &flow[w], names[w], t_end);
    tabulate(f, &sgd[w], sgd_names[w], t_sgd);
  }
  tabulate(f, &spred, "flow_spred", t_end);
  for (size_t w = 0; w < WAYS; w++) {
    char name[16];
    snprintf(name, sizeof name, "best_%s", way[w]);
    ms_figure_let(f, name, (double)best(&flow[w], 0, SCHEDULES));
  }
  ms_figure_let(f, "best_spred", (double)best(&spred, 0, SCHEDULES));
  ms_sheet *speed = ms_sheet_new(f, "speed", "tau,mw,mask,plain");
  double end[SPEEDS][WAYS] = {0};
  for (size_t v = 0; v < SPEEDS; v++) {
    for (size_t w = 0; w < WAYS; w++) {
      for (size_t k = 0; k < SEEDS; k++)
        end[v][w] += ln_error(slower[w][v][k], slower[w][v][k]->points) / SEEDS;
      end[v][w] = exp(end[v][w]);
    }
    ms_row(speed, tau[v], end[v][0], end[v][1], end[v][2]);
  }

  double residual = 0, gap = 0, excess = INFINITY;
  for (size_t k = 0; k < SEEDS; k++) {
    for (size_t s = 0; s < 2; s++) {
      residual = fmax(residual, ms_curve_end(ends[s][k], "residual"));
      gap = fmax(gap, ms_curve_summary(ends[s][k], "limit_gap"));
    }
    for (size_t s = 0; s < SCHEDULES; s++)
      excess = fmin(excess, ms_curve_end(spred.curve[s][k], "truth_error") -
                                out_of_reach(spred.curve[s][k], truth[k]));
  }
  ms_claim_below(f, "m w, alpha to 0: the residual |Zx - y| / |y| at the end",
                 "PILoT v1: bias at the end is gone", 1e-8, residual);
  ms_claim_below(f, "m w, alpha to 0: distance of the end from argmin R_a", "Newton on the dual",
                 1e-6, gap);
  double l1[4] = {0}, error[4] = {0};
  for (size_t a = 0; a < 4; a++)
    for (size_t k = 0; k < SEEDS; k++) {
      l1[a] += ms_curve_end(doses[a][k], "l1") / SEEDS;
      error[a] += ms_curve_end(doses[a][k], "truth_error") / SEEDS;
    }
  ms_claim(f, "m w: |x - truth| at the end falls with the dose 0, 1, 2, 3", "the implicit bias",
           "falling", error[0] > error[1] && error[1] > error[2] && error[2] > error[3],
           "%.3g, %.3g, %.3g, %.3g", error[0], error[1], error[2], error[3]);
  ms_claim(f, "... and so does |x|_1", "the implicit bias", "falling",
           l1[0] > l1[1] && l1[1] > l1[2] && l1[2] > l1[3], "%.4g, %.4g, %.4g, %.4g", l1[0], l1[1],
           l1[2], l1[3]);
  ms_claim_above(f, "spred: |x - truth| less what its signs keep out of reach, least of all runs",
                 "PILoT v1, Fig. 1a: spred cannot get close for any strength", 0, excess);
  double bound = 0.3 * spred.end[best(&spred, 0, SCHEDULES)];
  ms_claim_below(f, "m w, best schedule: |x - truth| at the end against 0.3 of the best of spred",
                 "PILoT v1, Fig. 1a", bound, flow[0].end[best(&flow[0], 0, SCHEDULES)]);
  static const char *const names_of[WAYS] = {"m w", "L1 on m", "L1 on x"};
  for (size_t w = 0; w < WAYS; w++) {
    double constant = flow[w].end[best(&flow[w], 0, DECAYING)],
           decaying = flow[w].end[SCHEDULES - 1];
    char text[100];
    snprintf(text, sizeof text, "%s: |x - truth| under the geometric schedule", names_of[w]);
    if (w == 0)
      ms_claim_below(f, text, "PILoT v1, Fig. 4: strong decay is best, better than any constant",
                     constant, decaying);
    else
      ms_claim_above(f, text, "PILoT v1, Fig. 4: worse than the best constant, here by 5 at least",
                     5 * constant, decaying);
  }
  ms_claim_below(f, "m w: how often larger the end at its worst tau is than at its best",
                 "only the dose matters", 2, largest_ratio(end, 0));
  ms_claim_above(f, "L1 on x: the same",
                 "this project: what is decayed slowly follows the LASSO path", 100,
                 largest_ratio(end, 2));
  ms_report(f, "best of m w, L1 on m, L1 on x at t = 300", "PILoT v1, Fig. 1b", "m w lowest",
            "%.3g, %.3g, %.3g", flow[0].end[best(&flow[0], 0, SCHEDULES)],
            flow[1].end[best(&flow[1], 0, SCHEDULES)], flow[2].end[best(&flow[2], 0, SCHEDULES)]);
  for (size_t w = 0; w < WAYS; w++) {
    char text[100];
    snprintf(text, sizeof text, "%s: best by SGD, and of the flow at that time", way[w]);
    size_t s = best(&sgd[w], 0, SCHEDULES);
    double mean = 0;
    size_t at = (size_t)(t_sgd / t_end * (TIMES - 1));
    for (size_t k = 0; k < SEEDS; k++)
      mean += ln_error(flow[w].curve[s][k], at) / SEEDS;
    ms_report(f, text, "PILoT v1, Fig. 5: SGD is like GD", "about equal", "%.3g and %.3g",
              sgd[w].end[s], exp(mean));
  }
}

const ms_figure ms_figure_pilot = {
    "pilot", "Three regularizers, seven schedules",
    "Jacobs and Burkholz 2024, arXiv 2408.09966v1, Figs. 1a, 1b, 4, 5",
    "Distance from the sparse truth, |x - x*|, for weight decay on x = m w, L1 on the mask m alone "
    "and "
    "L1 on x itself: four constant strengths and three decaying ones (harmonic, quadratic, "
    "geometric). "
    "Top: flows, which are gradient descent with the step taken to 0 (the paper: 1e-4); middle: "
    "SGD, "
    "batch 5; bands: 95 % confidence of the geometric mean over five seeds of data and "
    "initialization. Bottom: spred, which keeps every sign, beside m w; the best schedule of each; "
    "and "
    "why decaying helps m w alone: one dose, 3, spent over a time tau. m w remembers the dose, "
    "however "
    "fast it comes; L1 on x must be decayed slowly enough to follow the LASSO path. As printed: 40 "
    "samples, 100 features, 5 of them real, x0 ~ N(0, 1/sqrt n), m0^2 - w0^2 = 1. Chosen here, "
    "where "
    "the paper is silent: true entries, no noise, strengths, time scales, horizon, SGD step 0.005.",
    make};
