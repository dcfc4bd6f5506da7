/* Ranks one by one: gradient flow of factors against the phases of greedy low-rank learning. */
#include "limit/greedy.h"
#include "base/random.h"
#include "factored/factored.h"
#include "figure/figure.h"
#include "linalg/dense.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { K = 10, RANK = 3, SEEN = 40, SEEDS = 5, SCALES = 5, DEPTHS = 2, SMALL = 4, STARTS = 6 };
static const double spectrum[RANK] = {16, 4, 1}, close_spectrum[RANK] = {4, 2, 1};
static const double scales[SCALES] = {1e-2, 1e-3, 1e-4, 1e-6, 1e-8};
enum { MEDIUM = 1, LEAST = SCALES - 1 }; /* 1e-3 and 1e-8 */
static const double NEAR = 1e-2;
/* The counter-example's R, and the starts from which it is run. */
static const double R = 3, starts[STARTS] = {1e-2, 1e-4, 1e-8, 1e-16, 1e-32, 1e-64};
static const char paper[] = "Li, Luo and Lyu 2021";

/* ---- Problems: entries of symmetric matrices, (i, j) and (j, i) both ---- */

static const char *entries(ms_drawing *f, const char *name, size_t k, const double *X,
                           const bool *seen) {
  size_t columns = 1 + k * k, rows = 0, at = 1;
  double *table = calloc(k * k * columns, sizeof *table);
  char *head = malloc(2 + 8 * k * k);
  const char *path = "";
  if (table && head) {
    strcpy(head, "y");
    for (size_t i = 0; i < k * k; i++) {
      at += (size_t)snprintf(head + at, 9, ",a%zu", i);
      if (!seen[i])
        continue;
      table[rows * columns] = X[i];
      table[rows++ * columns + 1 + i] = 1;
    }
    path = ms_figure_data(f, name, head, rows, columns, table);
  }
  free(table);
  free(head);
  return path;
}

/* truth = Q diag(values) Q' with a random Q, and SEEN of its entries on and below the diagonal. */
static const char *completion(ms_drawing *f, const char *name, int seed, const double *values,
                              double *truth) {
  double A[K * K], Q[K * K], Vt[K * K], sigma[K], scaled[K * RANK];
  bool seen[K * K];
  gsl_rng *rng = ms_random_new((uint64_t)seed, MS_STREAM_TRUTH);
  if (!rng)
    return "";
  ms_random_gaussian(rng, A, (size_t)K * K, 1);
  ms_singular(K, K, A, sigma, Q, Vt);
  for (int i = 0; i < K * RANK; i++)
    scaled[i] = values[i / K] * Q[i];
  ms_multiply(false, true, K, K, RANK, 1, scaled, Q, 0, truth);
  ms_symmetrize(K, truth, truth);
  int left = K * (K + 1) / 2, wanted = SEEN;
  for (int i = 0; i < K; i++)
    for (int j = i; j < K; j++, left--) {
      bool taken = gsl_rng_uniform(rng) * left < wanted;
      wanted -= taken;
      seen[i * K + j] = seen[j * K + i] = taken;
    }
  gsl_rng_free(rng);
  return entries(f, name, K, truth, seen);
}

/* [? ? 1 R; ? ? R ?; 1 R ? ?; R ? ? ?]: of rank 1 is x x', x = (1, R, 1, R), of trace 2 + 2 R^2.
 * The trace of any X >= 0 is at least 2 |X_14| + 2 |X_23| = 4 R, which there is, of rank 2. */
static const char *counter_example(ms_drawing *f) {
  static const int at[3][2] = {{0, 2}, {0, 3}, {1, 2}};
  const double values[3] = {1, R, R};
  double X[SMALL * SMALL] = {0};
  bool seen[SMALL * SMALL] = {false};
  for (int e = 0; e < 3; e++)
    for (int side = 0; side < 2; side++) {
      int i = at[e][side] * SMALL + at[e][1 - side];
      X[i] = values[e];
      seen[i] = true;
    }
  return entries(f, "counter_example", SMALL, X, seen);
}

/* ---- Phases and flows ---- */

typedef struct phases {
  ms_phase *at;
  size_t count;
} phases;

static void find_phases(ms_drawing *f, phases *p, const ms_curve *c) {
  ms_run *run = NULL;
  ms_error err;
  if (ms_run_new(&run, c->cfg, &err) != MS_OK ||
      ms_greedy_path(ms_factored_objective(run), K, &p->at, &p->count, &err) != MS_OK)
    ms_figure_fail(f, &err);
  ms_run_free(run);
}

/* |X - Y|_F / |Y|_F */
static double apart(size_t d, const double *X, const double *Y) {
  double sum = 0, size = 0;
  for (size_t i = 0; i < d; i++) {
    sum += (X[i] - Y[i]) * (X[i] - Y[i]);
    size += Y[i] * Y[i];
  }
  return sqrt(sum / size);
}

/* Long enough for the flow to leave all phases: a direction grows like e^{2 pull t}, of depth 3
 * like x' = 3 pull x^{4/3}. */
static ms_curve *add(ms_drawing *f, const char *name, const char *data, size_t depth, double scale,
                     const phases *p) {
  double long_enough = 0;
  for (size_t r = 0; r + 1 < p->count; r++)
    long_enough += (depth == 2 ? 15 - log(scale) : 20 + 2 * pow(scale, -1 / 3.)) / p->at[r].pull;
  return ms_curve_add(f, name,
                      "model=sensing data='%s' factors=%s init=identity init-scale=%g "
                      "flow=gradient wd-schedule=none rtol=1e-8 stop-loss=1e-300 points=2001|1001 "
                      "t-end=%g",
                      data, depth == 2 ? "psd" : "general depth=3", scale, long_enough);
}

/* The least distance from X_r, and whether the flow is farther away before and afterwards. */
static double nearest(const ms_curve *c, const double *X, bool *passes) {
  double least = INFINITY, from = 0, to = 0;
  for (size_t i = 0; i < c->points; i++) {
    double now = apart(c->d, ms_curve_x(c, i), X);
    from = i == 0 ? now : from;
    least = fmin(least, now);
    to = now;
  }
  if (passes)
    *passes = least < from / 10 && least < to / 10;
  return least;
}

/* ---- The figure ---- */

typedef struct completions {
  phases p[SEEDS], close[SEEDS];
  double truth[SEEDS][K * K];
  ms_curve *flow[DEPTHS][SCALES][SEEDS], *close_flow[SEEDS];
} completions;

static void write_path(ms_drawing *f, const char *name, const ms_curve *c, const phases *p) {
  ms_sheet *s = ms_sheet_new(f, name, "t,d1,d2,d3");
  for (size_t i = 0; i < c->points; i++) {
    double row[1 + RANK] = {ms_curve_at(c, i, "t")};
    for (size_t r = 1; r <= RANK; r++)
      row[r] = r < p->count ? apart(c->d, ms_curve_x(c, i), p->at[r].X) : NAN;
    ms_sheet_row(s, row, 1 + RANK);
  }
}

static void claim_phases(ms_drawing *f, const completions *all, size_t seeds) {
  double far[DEPTHS][SCALES][RANK + 1] = {{{0}}}, close = 0, off = 0, skew = 0;
  size_t ranks = 0, passing = 0;
  ms_sheet *s = ms_sheet_new(f, "nearest", "depth,scale,rank,mean,low,high");
  for (int depth = 0; depth < DEPTHS; depth++)
    for (size_t r = 1; r <= RANK; r++) {
      for (int i = 0; i < SCALES; i++) {
        double sum = 0, squares = 0;
        for (size_t k = 0; k < seeds; k++) {
          bool passes;
          double least = nearest(all->flow[depth][i][k], all->p[k].at[r].X, &passes);
          far[depth][i][r] = fmax(far[depth][i][r], least);
          sum += log10(least) / (double)seeds;
          squares += log10(least) * log10(least) / (double)seeds;
          passing += r < RANK && passes && (i == LEAST ? depth == 0 : depth == 1 && i == MEDIUM);
        }
        double spread = sqrt(fmax(squares - sum * sum, 0));
        ms_row(s, depth + 2, scales[i], (double)r, pow(10, sum), pow(10, sum - spread),
               pow(10, sum + spread));
      }
      ms_sheet_gap(s);
    }
  for (size_t k = 0; k < seeds; k++) {
    ranks += all->p[k].at[all->p[k].count - 1].rank == RANK;
    for (int i = 0; i < SCALES; i++) {
      const double *X = all->flow[1][i][k]->x;
      double turned[K * K];
      for (int e = 0; e < K * K; e++)
        turned[e] = X[e % K * K + e / K];
      skew = fmax(skew, apart(K * K, turned, X));
    }
    off = fmax(off, apart(K * K, all->p[k].at[RANK].X, all->truth[k]));
    for (size_t r = 1; r < RANK && r < all->close[k].count; r++)
      close = fmax(close, nearest(all->close_flow[k], all->close[k].at[r].X, NULL));
  }
  ms_claim(f, "greedy low-rank learning: ends at rank 3, at the truth", paper, "always, 1e-6",
           ranks == seeds && off <= 1e-6, "%zu of %zu, %.1e", ranks, seeds, off);
  for (size_t r = 1; r <= RANK; r++) {
    char text[80];
    snprintf(text, sizeof text, "depth 2 from 1e-8: |X - X_%zu| / |X_%zu|, least, all seeds", r, r);
    ms_claim_below(f, text, paper, NEAR, far[0][LEAST][r]);
  }
  for (size_t r = 1; r <= RANK; r++) {
    char text[80];
    snprintf(text, sizeof text, "depth 3 from 1e-3: |X - X_%zu| / |X_%zu|, least, all seeds", r, r);
    ms_claim_below(f, text, paper, NEAR, far[1][MEDIUM][r]);
  }
  ms_claim(f, "X_1 and X_2 are passed: ten times as far before and afterwards", paper, "always",
           passing == 2 * (RANK - 1) * seeds, "%zu of %zu", passing, 2 * (RANK - 1) * seeds);
  ms_claim_above(f, "depth 2 from 1e-3 misses them: the larger distance from X_1 and X_2", paper,
                 NEAR, fmax(far[0][MEDIUM][1], far[0][MEDIUM][2]));
  ms_report(f, "the larger distance from 1e-8 where the truth has eigenvalues 4, 2, 1", "-", "-",
            "%.2g", close);
  ms_claim_below(f, "depth 3 stays symmetric: |X - X'| / |X| at the ends", "theory", 1e-9, skew);
}

static void claim_counter_example(ms_drawing *f, ms_curve *const *flow, const ms_curve *decay,
                                  const phases *p) {
  double least = 4 * R, greedy = 2 + 2 * R * R, trace = 0;
  ms_sheet *s = ms_sheet_new(f, "counter_example_ends", "scale,nuclear_norm,rank_effective");
  for (int i = 0; i < STARTS; i++)
    ms_row(s, starts[i], ms_curve_end(flow[i], "nuclear_norm"),
           ms_curve_end(flow[i], "rank_effective"));
  for (int i = 0; i < SMALL && p->count > 1; i++)
    trace += p->at[1].X[i * (SMALL + 1)];
  ms_figure_let(f, "least", least);
  ms_figure_let(f, "greedy", greedy);
  ms_claim(f, "counter-example: greedy low-rank learning ends at rank 1, trace 2 + 2 R^2", paper,
           "yes, 1e-6", p->count == 2 && fabs(trace - greedy) <= 1e-6, "rank %zu, off %.1e",
           p->at[p->count - 1].rank, fabs(trace - greedy));
  ms_claim_near(f, "counter-example: least nuclear norm, by constant weight decay",
                "4 R, by 2 x 2 minors", least, 1e-3, ms_curve_end(decay, "nuclear_norm"));
  ms_claim_near(f, "counter-example: nuclear norm from 1e-64 / the least", "(1 + R^2) / 2R",
                greedy / least, 1e-3, ms_curve_end(flow[STARTS - 1], "nuclear_norm") / least);
  ms_claim_above(f, "... from 1e-8", paper, 1.1, ms_curve_end(flow[2], "nuclear_norm") / least);
}

static void compute(ms_drawing *f, completions *all, phases *counter) {
  size_t seeds = ms_figure_size(f, SEEDS, 2);
  const char *data[SEEDS], *close[SEEDS], *four = counter_example(f);
  const char *any = "model=sensing data='%s' factors=psd wd-schedule=none points=2 t-end=1";
  double unused[K * K];
  ms_curve *problem[2][SEEDS], *small;
  for (size_t k = 0; k < seeds; k++) {
    char name[32];
    snprintf(name, sizeof name, "entries_%zu", k + 1);
    data[k] = completion(f, name, (int)k + 1, spectrum, all->truth[k]);
    snprintf(name, sizeof name, "close_%zu", k + 1);
    close[k] = completion(f, name, (int)k + 1, close_spectrum, unused);
    problem[0][k] = ms_curve_add(f, NULL, any, data[k]);
    problem[1][k] = ms_curve_add(f, NULL, any, close[k]);
  }
  small = ms_curve_add(f, NULL, any, four);
  if (!ms_curves_run(f))
    return;
  for (size_t k = 0; k < seeds; k++) {
    find_phases(f, &all->p[k], problem[0][k]);
    find_phases(f, &all->close[k], problem[1][k]);
  }
  find_phases(f, counter, small);
  if (ms_figure_failed(f))
    return;
  for (size_t k = 0; k < seeds; k++) {
    for (size_t depth = 0; depth < DEPTHS; depth++)
      for (int i = 0; i < SCALES; i++) {
        char name[32];
        snprintf(name, sizeof name, "depth_%zu_%g", depth + 2, scales[i]);
        all->flow[depth][i][k] = add(f, k ? NULL : name, data[k], depth + 2, scales[i], &all->p[k]);
      }
    all->close_flow[k] = add(f, NULL, close[k], 2, 1e-8, &all->close[k]);
  }
  ms_curve *flow[STARTS];
  for (int i = 0; i < STARTS; i++) {
    char name[32];
    snprintf(name, sizeof name, "counter_%g", starts[i]);
    flow[i] = ms_curve_add(f, name,
                           "model=sensing data='%s' factors=psd init=identity init-scale=%g "
                           "flow=gradient wd-schedule=none points=2 rtol=1e-8 stop-loss=1e-20",
                           four, starts[i]);
  }
  ms_curve *decay = ms_curve_add(f, "counter_decay",
                                 "model=sensing data='%s' factors=psd init=identity flow=gradient "
                                 "points=2 wd-schedule=constant wd=1e-6",
                                 four);
  if (!ms_curves_run(f))
    return;
  write_path(f, "depth_2_small", all->flow[0][LEAST][0], &all->p[0]);
  write_path(f, "depth_2", all->flow[0][MEDIUM][0], &all->p[0]);
  write_path(f, "depth_3", all->flow[1][MEDIUM][0], &all->p[0]);
  claim_phases(f, all, seeds);
  claim_counter_example(f, flow, decay, counter);
}

static void make(ms_drawing *f) {
  completions *all = calloc(1, sizeof *all);
  phases counter = {NULL, 0};
  if (!all) {
    ms_error err;
    ms_no_memory(&err);
    ms_figure_fail(f, &err);
    return;
  }
  compute(f, all, &counter);
  for (int k = 0; k < SEEDS; k++) {
    ms_greedy_free(all->p[k].at, all->p[k].count);
    ms_greedy_free(all->close[k].at, all->close[k].count);
  }
  ms_greedy_free(counter.at, counter.count);
  free(all);
}

const ms_figure ms_figure_greedy = {
    "greedy", "Ranks one by one: small starts and greedy low-rank learning",
    "Li, Luo and Lyu 2021, arXiv 2012.09839",
    "Completion of 10 x 10 matrices of eigenvalues 16, 4, 1 from 40 of their 55 entries by "
    "gradient flow from a multiple beta I of the identity, without weight decay. Greedy low-rank "
    "learning, computed on its own, goes from critical point to critical point X_0 = 0, X_1, X_2, "
    "X_3: it adds the leading eigenvector of -grad f at infinitesimal size and runs the flow of so "
    "many columns to rest. Above: one problem; X = U U' from 1e-8 passes close by all of them, "
    "from 1e-3 it does not (dashed), but X = W_1 W_2 W_3 does. Below left: geometric mean and "
    "deviation of the least distance over 5 problems. Below right: entries 1, 3, 3 of a 4 x 4 "
    "matrix, such that rank 1 takes a nuclear norm of 20 and rank 2 only 12: small starts lead to "
    "rank 1. The paper has 5 seeds of a truth of rank 3; sizes, eigenvalues and problems are "
    "chosen here, and so is the counter-example. With eigenvalues 4, 2, 1 depth 2 from 1e-8 passes "
    "some X_r by.",
    make};
