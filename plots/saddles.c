/* From saddle to saddle: flows from smaller and smaller starts, and the limit that has jumps. */
#include "figure/figure.h"
#include "limit/saddle.h"
#include "problem/problem.h"
#include <gsl/gsl_fit.h>
#include <math.h>

enum { D = 7, SCALES = 6, INSTANCES = 100, DRAWN = 124, EVERY = 4 };
static const int decades[SCALES] = {10, 20, 40, 80, 160, 300};
static const char problem[] = "n=5 d=7 sparsity=3 noise=0.5";
/* x of less counts as 0, and as far from a plateau the flow may stay that visits it. */
static const double NEAR = 1e-3;

/* The limit of one problem, in the paper's time tau = t / (ln(1/beta) / 2), twice the s of
 * saddle.h, and with its dual variable u = 2 mu / ln(1/beta): du/dtau = -grad f(x), |u_j| <= 1. */
typedef struct limit {
  ms_saddle *at;
  size_t count;
} limit;

static double start_of(const limit *l, size_t k) {
  return 2 * l->at[k].time;
}

/* Some time after the last jump. */
static double end_of(const limit *l) {
  return 1.3 * start_of(l, l->count - 1);
}

static size_t plateau_of(const limit *l, double tau) {
  size_t k = 0;
  while (k + 1 < l->count && start_of(l, k + 1) <= tau)
    k++;
  return k;
}

static double dual_of(const limit *l, double tau, size_t j) {
  size_t k = plateau_of(l, tau);
  double from = 2 * l->at[k].dual[j];
  if (k + 1 == l->count)
    return from;
  double part = (tau - start_of(l, k)) / (start_of(l, k + 1) - start_of(l, k));
  return from + part * (2 * l->at[k + 1].dual[j] - from);
}

/* How many times an x_j that was not 0 is so again. */
static int returns(const double *before, const double *now) {
  int count = 0;
  for (int j = 0; j < D; j++)
    count += fabs(before[j]) > NEAR && fabs(now[j]) <= NEAR;
  return count;
}

static double furthest(const double *x, const double *from) {
  double most = 0;
  for (int j = 0; j < D; j++)
    most = fmax(most, fabs(x[j] - from[j]));
  return most;
}

static void find_limit(ms_drawing *f, limit *l, const ms_curve *path) {
  ms_problem *p = NULL;
  ms_error err;
  if (ms_problem_new(&p, path->cfg, &err) != MS_OK ||
      ms_saddle_path(p, 2, NULL, NULL, &l->at, &l->count, &err) != MS_OK)
    ms_figure_fail(f, &err);
  ms_problem_free(p);
}

/* |du_j/dtau| of the coordinate that makes the k-th jump. */
static double steepness(const limit *l, size_t k) {
  const ms_saddle *now = &l->at[k], *before = now - 1;
  double most = 0, wait = start_of(l, k) - start_of(l, k - 1);
  for (int j = 0; j < D; j++)
    if (before->x[j] == 0 && now->x[j] != 0)
      most = fmax(most, 2 * fabs(now->dual[j] - before->dual[j]) / wait);
  return most;
}

/* ---- Flows ---- */

typedef struct flow {
  const ms_curve *c;
  double ln; /* ln(1/beta) */
} flow;

static flow add(ms_drawing *f, const char *name, int seed, int exponent, const limit *l) {
  double ln = exponent * log(10);
  return (flow){ms_curve_add(f, name,
                             "%s seed=%d flow=mirror wd-schedule=none init-scale=1e-%d t-end=%.17g "
                             "points=6001|3001 stop-loss=1e-300",
                             problem, seed, exponent, end_of(l) * ln / 2),
                ln};
}

static double tau_of(const flow *w, size_t i) {
  return 2 * ms_curve_at(w->c, i, "t") / w->ln;
}

/* x = beta sinh(2 mu) */
static double dual_at(const flow *w, size_t i, size_t j) {
  return asinh(ms_curve_x(w->c, i)[j] * exp(w->ln)) / w->ln;
}

/* When the loss is half-way between plateaus k - 1 and k. */
static double jump(const flow *w, const limit *l, size_t k) {
  double level = (l->at[k - 1].loss + l->at[k].loss) / 2, before = INFINITY;
  for (size_t i = 0; i < w->c->points; i++) {
    double now = ms_curve_at(w->c, i, "loss");
    if (now <= level && i > 0)
      return tau_of(w, i) - (tau_of(w, i) - tau_of(w, i - 1)) * (level - now) / (before - now);
    before = now;
  }
  return INFINITY;
}

/* The largest distances of a flow from the limit: of u at any time, of jump times, of these
 * relative to the time, of how far the u_j that makes the jump moves meanwhile, and of the x that
 * comes nearest to a plateau from it. */
typedef struct distance {
  double dual, jump, relative, moved, plateau;
} distance;

static distance compare(const flow *w, const limit *l) {
  distance far = {0};
  for (size_t i = 0; i < w->c->points; i++)
    for (size_t j = 0; j < D; j++)
      far.dual = fmax(far.dual, fabs(dual_at(w, i, j) - dual_of(l, tau_of(w, i), j)));
  for (size_t k = 1; k < l->count; k++) {
    double nearest = INFINITY, off = fabs(jump(w, l, k) - start_of(l, k));
    for (size_t i = 0; i < w->c->points; i++)
      nearest = fmin(nearest, furthest(ms_curve_x(w->c, i), l->at[k].x));
    far.plateau = fmax(far.plateau, nearest);
    far.jump = fmax(far.jump, off);
    far.relative = fmax(far.relative, off / start_of(l, k));
    far.moved = fmax(far.moved, off * steepness(l, k));
  }
  return far;
}

static int returns_of(const flow *w, const limit *l) {
  int count = 0;
  const double *before = ms_curve_x(w->c, 0);
  for (size_t k = 0; k < l->count; k++) {
    double next = k + 1 < l->count ? start_of(l, k + 1) : end_of(l);
    double part = (start_of(l, k) + next) / 2 / end_of(l);
    const double *now = ms_curve_x(w->c, (size_t)(part * (double)(w->c->points - 1)));
    count += returns(before, now);
    before = now;
  }
  return count;
}

/* ---- The figure ---- */

static void write_row(ms_sheet *s, int exponent, double tau, const double *x, const double *u) {
  double row[2 + 2 * D] = {exponent, tau};
  for (int j = 0; j < D; j++) {
    row[2 + j] = x[j];
    row[2 + D + j] = u[j];
  }
  ms_sheet_row(s, row, sizeof row / sizeof *row);
}

static void draw(ms_drawing *f, const flow *w, size_t scales, const limit *l) {
  ms_sheet *s = ms_sheet_new(f, "paths", "decades,tau,x1,x2,x3,x4,x5,x6,x7,u1,u2,u3,u4,u5,u6,u7");
  double u[D];
  for (size_t k = 0; k < l->count; k++) /* decades 0: the limit */
    for (int side = 0; side < 2; side++) {
      double tau = side == 0 ? start_of(l, k) : k + 1 < l->count ? start_of(l, k + 1) : end_of(l);
      const double *dual = l->at[side && k + 1 < l->count ? k + 1 : k].dual;
      for (int j = 0; j < D; j++)
        u[j] = 2 * dual[j];
      write_row(s, 0, tau, l->at[k].x, u);
    }
  for (size_t m = 0; m < scales; m++) {
    ms_sheet_gap(s);
    for (size_t i = 0; i < w[m].c->points; i += EVERY) {
      for (size_t j = 0; j < D; j++)
        u[j] = dual_at(&w[m], i, j);
      write_row(s, decades[m], tau_of(&w[m], i), ms_curve_x(w[m].c, i), u);
    }
  }
  ms_figure_let(f, "last", end_of(l));
}

static void claim_drawn(ms_drawing *f, const flow *w, size_t scales, const limit *l) {
  static const char paper[] = "Pesme and Flammarion 2023, Algorithm 1";
  ms_sheet *s = ms_sheet_new(f, "distances", "decades,inverse,dual,jump,plateau");
  double x[SCALES], u[SCALES], off[SCALES], slope, start, unused, ratio = 0, bound = 0;
  distance small = {0};
  for (size_t m = 0; m < scales; m++) {
    distance far = compare(&w[m], l);
    ms_row(s, decades[m], 1 / w[m].ln, far.dual, far.jump, far.plateau);
    x[m] = -log(w[m].ln);
    u[m] = log(far.dual);
    off[m] = log(far.jump);
    ratio = fmax(ratio, far.moved / far.dual);
    bound = fmax(bound, far.jump * w[m].ln);
    if (decades[m] == 40)
      small = far;
  }
  int limit_returns = 0;
  for (size_t k = 1; k < l->count; k++)
    limit_returns += returns(l->at[k - 1].x, l->at[k].x);
  ms_claim_below(f, "end at 1e-40 less the minimum-L1 interpolator", "linear program", 1e-6,
                 ms_curve_summary(w[2].c, "from_min_l1"));
  ms_claim_below(f, "1e-40: nearest x to each plateau less the plateau, largest", paper, NEAR,
                 small.plateau);
  int found = returns_of(&w[scales - 1], l);
  ms_claim(f, "coordinates that return to 0: limit; flow from the smallest start", paper,
           "as many, >= 1", limit_returns >= 1 && found == limit_returns, "%d; %d", limit_returns,
           found);
  gsl_fit_linear(x, 1, u, 1, scales, &start, &slope, &unused, &unused, &unused, &unused);
  ms_claim_near(f, "largest distance of u as a power of 1/ln(1/beta)", "theory", 1, 0.05, slope);
  gsl_fit_linear(x, 1, off, 1, scales, &start, &slope, &unused, &unused, &unused, &unused);
  ms_claim_near(f, "largest distance of a jump time as a power of it", "theory", 1, 0.05, slope);
  ms_claim_below(f, "how far u_j moves between a jump and that of the limit, over its distance",
                 "u_j is early or late by as much", 2, ratio);
  ms_report(f, "largest distance of a jump time times ln(1/beta), all scales", "-", "-", "%.3g",
            bound);
  ms_report(f, "1e-40: jump time off, relative, times ln(1/beta)", "-", "-", "%.3g",
            small.relative * w[2].ln);
}

static void report_others(ms_drawing *f, const flow *w, size_t count, const limit *l) {
  int jumps = 0, plateaus = 0, back = 0;
  double dual = 0, moved = 0;
  for (size_t i = 0; i < count; i++) {
    distance far = compare(&w[i], &l[i]);
    jumps += far.relative * w[i].ln <= 2;
    plateaus += far.plateau <= NEAR;
    dual = fmax(dual, far.dual * w[i].ln);
    moved = fmax(moved, far.moved / far.dual);
    int here = 0;
    for (size_t k = 1; k < l[i].count; k++)
      here += returns(l[i].at[k - 1].x, l[i].at[k].x);
    back += here > 0;
  }
  ms_report(f, "random problems at 1e-40: all jumps within 2/ln(1/beta), relative", "-", "-",
            "%d of %zu", jumps, count);
  ms_report(f, "... all plateaus visited within 1e-3", "-", "-", "%d of %zu", plateaus, count);
  ms_report(f, "... how far u_j moves between a jump and the limit's, over its distance", "-", "-",
            "%.3g", moved);
  ms_report(f, "... distance of u times ln(1/beta), largest", "-", "-", "%.3g", dual);
  ms_report(f, "... in which a coordinate returns to 0", "-", "-", "%d of %zu", back, count);
}

/* limits: that drawn and, from 1 on, those of other seeds */
static void compute(ms_drawing *f, limit *limits) {
  size_t scales = ms_figure_size(f, SCALES, 4), others = ms_figure_size(f, INSTANCES, 10);
  const ms_curve *path[1 + INSTANCES];
  flow drawn[SCALES], other[INSTANCES];
  for (size_t i = 0; i <= others; i++)
    path[i] = ms_curve_add(f, i ? NULL : "limit",
                           "%s seed=%d flow=saddle wd-schedule=none init-scale=1e-40", problem,
                           i ? (int)i : DRAWN);
  if (!ms_curves_run(f))
    return;
  for (size_t i = 0; i <= others; i++)
    find_limit(f, &limits[i], path[i]);
  if (ms_figure_failed(f))
    return;
  for (size_t m = 0; m < scales; m++) {
    char name[32];
    snprintf(name, sizeof name, "flow_1e-%d", decades[m]);
    drawn[m] = add(f, name, DRAWN, decades[m], &limits[0]);
  }
  for (size_t i = 0; i < others; i++)
    other[i] = add(f, NULL, (int)i + 1, 40, &limits[i + 1]);
  if (!ms_curves_run(f))
    return;
  draw(f, drawn, scales, &limits[0]);
  claim_drawn(f, drawn, scales, &limits[0]);
  report_others(f, other, others, limits + 1);
}

static void make(ms_drawing *f) {
  limit limits[1 + INSTANCES] = {{0}};
  compute(f, limits);
  for (size_t i = 0; i <= INSTANCES; i++)
    ms_saddle_free(limits[i].at, limits[i].count);
}

const ms_figure ms_figure_saddles = {
    "saddles", "From saddle to saddle: small starts and their limit",
    "Pesme and Flammarion 2023, arXiv 2304.00488, Fig. 1",
    "x = m w on 5 samples of 7 features, no weight decay, m^2 - w^2 = 2 beta. Solid: the exact "
    "flow; dashed: the limit of small beta, which jumps from saddle to saddle to the interpolator "
    "of least L1 norm. Time is the paper's, tau = t / (ln(1/beta) / 2), twice the s of --flow "
    "saddle, which prints t = s ln(1/beta). Below left: the dual variable u = arcsinh(x/beta) / "
    "ln(1/beta), with du/dtau = -grad "
    "f(x). x_j leaves 0 where u_j arrives at 1 or -1, and where u_j leaves it, x_j has returned to "
    "0. Below right: all of it comes to the limit like 1/ln(1/beta), so slowly that from 1e-10 x "
    "passes some plateaus by. The problem was chosen here among random ones, because two "
    "coordinates return to 0 and 1e-40 visits every plateau; how often random problems do is "
    "reported with the claims.",
    make};
