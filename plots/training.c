/* Inside training with decay on, then off: when to switch off, pruning again and again, signs and
 * sizes of the weights on the way. */
#include "figure/figure.h"
#include <math.h>
#include <stdlib.h>

enum { SEEDS = 5, TIMES = 7, ALPHAS = 3, CYCLES = 7, WAYS = 4, TRACES = 3, QUANTILES = 6 };

static const double alphas[ALPHAS] = {0.001, 0.002, 0.004};
static const double quantiles[QUANTILES] = {0.5, 0.75, 0.9, 0.95, 0.98, 0.995};
static const struct {
  const char *name, *settings;
} ways[WAYS] = {{"imp_plain", "sparsify=plain rewind=init"},
                {"imp_pilot", "sparsify=pilot rewind=init"},
                {"lrr_plain", "sparsify=plain rewind=rate"},
                {"lrr_pilot", "sparsify=pilot rewind=rate"}};
static const char *const traces[TRACES] = {"plain", "spred", "pilot"};

typedef struct plan {
  ms_curve *off[ALPHAS][TIMES][SEEDS], *cycle[WAYS][SEEDS], *trace[TRACES];
} plan;

static double off_at(size_t k, size_t epochs) { /* the first: never on; the last: never off */
  return (double)(k * epochs) / (TIMES - 1);
}

static void add(ms_drawing *f, plan *p, size_t epochs, size_t seeds, size_t cycles) {
  const char *net = "model=network layers=300,100|32";
  for (size_t s = 0; s < seeds; s++) {
    for (size_t a = 0; a < ALPHAS; a++)
      for (size_t k = 0; k < TIMES; k++) {
        char name[32];
        snprintf(name, sizeof name, "off_%zu_%zu", a, k);
        p->off[a][k][s] =
            ms_curve_add(f, s == 0 ? name : NULL,
                         "%s sparsify=pilot epochs=%zu points=2 seed=%zu wd=%g wd-schedule=step "
                         "wd-off=%g",
                         net, epochs, s + 1, alphas[a], off_at(k, epochs));
      }
    for (size_t w = 0; w < WAYS; w++)
      p->cycle[w][s] = ms_curve_add(f, s == 0 ? ways[w].name : NULL,
                                    "%s %s epochs=%zu prune-cycles=%zu prune-part=0.5 points=%zu "
                                    "seed=%zu",
                                    net, ways[w].settings, epochs / 3, cycles, cycles + 2, s + 1);
  }
  for (size_t w = 0; w < TRACES; w++)
    p->trace[w] = ms_curve_add(f, traces[w], "%s sparsify=%s epochs=%zu points=%zu seed=1", net,
                               traces[w], epochs, epochs + 1);
}

static double mean_of(ms_curve *const *c, size_t seeds, const char *key) {
  double sum = 0;
  for (size_t s = 0; s < seeds; s++)
    sum += ms_curve_summary(c[s], key) / (double)seeds;
  return sum;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* Quantiles of |x| over a thousand weights, evenly spaced through the layers. */
static void draw_sizes(ms_drawing *f, const plan *p) {
  ms_sheet *sheet = ms_sheet_new(f, "sizes", "way,t,part,size");
  for (size_t w = 0; w < TRACES; w++) {
    const ms_curve *c = p->trace[w];
    double *size = ms_doubles(c->kept);
    for (size_t q = 0; q < QUANTILES && size; q++)
      for (size_t i = 0; i < c->points; i++) {
        for (size_t j = 0; j < c->kept; j++)
          size[j] = fabs(ms_curve_x(c, i)[j]);
        qsort(size, c->kept, sizeof *size, ascending);
        ms_row(sheet, (double)w, ms_curve_at(c, i, "t"), quantiles[q],
               fmax(size[(size_t)(quantiles[q] * (double)c->kept)], 1e-12));
      }
    free(size);
  }
}

static void make(ms_drawing *f) {
  static plan storage;
  plan *p = &storage;
  size_t seeds = ms_figure_size(f, SEEDS, 1), epochs = ms_figure_size(f, 36, 6),
         cycles = ms_figure_size(f, CYCLES, 2);
  add(f, p, epochs, seeds, cycles);
  if (!ms_curves_run(f))
    return;
  ms_sheet *off = ms_sheet_new(f, "off", "strength,alpha,off,dose,accuracy,accuracy_98");
  double best = 0, always = 0;
  for (size_t a = 0; a < ALPHAS; a++)
    for (size_t k = 0; k < TIMES; k++) {
      double pruned = mean_of(p->off[a][k], seeds, "test_accuracy_98");
      ms_row(off, (double)a, alphas[a], off_at(k, epochs), mean_of(p->off[a][k], seeds, "dose"),
             mean_of(p->off[a][k], seeds, "test_accuracy"), pruned);
      if (k + 1 < TIMES)
        best = fmax(best, pruned);
      else
        always = fmax(always, pruned);
    }
  ms_sheet *sheet = ms_sheet_new(f, "cycles", "way,left,mean,low,high");
  double last[WAYS] = {0};
  for (size_t w = 0; w < WAYS; w++)
    for (size_t k = 0; k <= cycles; k++) {
      double sum = 0, low = 1, high = 0;
      for (size_t s = 0; s < seeds; s++) {
        double accuracy = ms_curve_at(p->cycle[w][s], k + 1, "test_accuracy");
        sum += accuracy / (double)seeds;
        low = fmin(low, accuracy);
        high = fmax(high, accuracy);
      }
      ms_row(sheet, (double)w, pow(0.5, (double)k), sum, low, high);
      last[w] = sum;
    }
  ms_sheet *path = ms_sheet_new(f, "path", "way,t,alpha,flips,exponent,first,last");
  for (size_t w = 0; w < TRACES; w++)
    for (size_t i = 0; i < p->trace[w]->points; i++) {
      const ms_curve *c = p->trace[w];
      ms_row(path, (double)w, ms_curve_at(c, i, "t"), ms_curve_at(c, i, "alpha"),
             ms_curve_at(c, i, "sign_flips"), ms_curve_at(c, i, "effective_exponent"),
             ms_curve_at(c, i, "effective_exponent_first"),
             ms_curve_at(c, i, "effective_exponent_last"));
    }
  draw_sizes(f, p);
  ms_claim(f, "sign flips: spred least, then PILoT and plain",
           "arXiv 2408.09966: m w with beta = 0 "
           "keeps signs",
           "fewer",
           ms_curve_end(p->trace[1], "sign_flips") < ms_curve_end(p->trace[2], "sign_flips"),
           "%.3g, %.3g, %.3g", ms_curve_end(p->trace[1], "sign_flips"),
           ms_curve_end(p->trace[2], "sign_flips"), ms_curve_end(p->trace[0], "sign_flips"));
  ms_claim_below(f, "p_eff of PILoT falls from its first value", "dose lowers beta",
                 ms_curve_at(p->trace[2], 0, "effective_exponent"),
                 ms_curve_end(p->trace[2], "effective_exponent"));
  ms_report(f, "98 % pruned, best strength: switched off in time, never off", "this run", "-",
            "%.4f, %.4f", best, always);
  if (!ms_figure_quick(f)) {
    ms_claim_above(f, "98 % pruned, alpha = 0.004: off after a sixth of the epochs less never off",
                   "talk: on, then off is better", 0,
                   mean_of(p->off[ALPHAS - 1][1], seeds, "test_accuracy_98") -
                       mean_of(p->off[ALPHAS - 1][TIMES - 1], seeds, "test_accuracy_98"));
    ms_claim_above(f, "1/128 left: LRR with PILoT less LRR", "arXiv 2408.09966: better", 0,
                   last[3] - last[2]);
  }
  ms_report(f, "after the last cycle: IMP, IMP with PILoT, LRR, LRR with PILoT", "this run", "-",
            "%.4f, %.4f, %.4f, %.4f", last[0], last[1], last[2], last[3]);
}

const ms_figure ms_figure_training = {
    "training", "Digits: when to switch weight decay off, and pruning again and again",
    "this project, after Jacobs & Burkholz 2025, arXiv 2408.09966",
    "Top left: test accuracy with 98 % of the weights removed after training as x = m w, against "
    "the "
    "epoch at which weight decay is switched off, for three strengths. Top right: removing half of "
    "the "
    "weights and training again, from the first weights (IMP) or with a rewound learning rate "
    "(LRR), "
    "with x itself and with PILoT, whose beta starts anew each time. Bottom left: the part of the "
    "weights that changed sign, and the effective exponent. Bottom right: quantiles of |x|: "
    "training "
    "with decay separates few weights from many that vanish. 64-300-100-10 on 8 x 8 digits, means "
    "(range: all) of 5 seeds; sizes, strengths and epochs chosen here.",
    make};
