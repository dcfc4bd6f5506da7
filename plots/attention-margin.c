/* The direction in which attention weights grow, against support vector machines. */
#include "factored/factored.h"
#include "figure/figure.h"
#include "limit/svm.h"
#include <cblas.h>
#include <math.h>
#include <stdlib.h>

enum { SEEDS = 5, WAYS = 3 };
enum { DIAGONAL, FACTORS, MERGED };

/* The margins of a run's training data as a problem: margins m = Z x, x the entries of W, or of its
 * diagonal; all targets 1. NULL without memory. */
static ms_problem *margins_of(const ms_curve *c, bool diagonal, ms_error *err) {
  ms_run *run = NULL;
  ms_problem *p = calloc(1, sizeof *p);
  if (!p || ms_run_new(&run, c->cfg, err) != MS_OK) {
    free(p);
    return NULL;
  }
  ms_objective *o = ms_factored_objective(run);
  size_t square = o->rows * o->cols, d = diagonal ? o->rows : square;
  double *X = ms_doubles(square);
  ms_status status = ms_matrix_new(&p->Z, o->margins, d, err);
  p->y = ms_doubles(o->margins);
  p->samples = (double)o->margins;
  p->loss = &ms_loss_logistic;
  for (size_t j = 0; j < d && status == MS_OK && X; j++) {
    size_t at = diagonal ? j * (o->rows + 1) : j;
    X[at] = 1;
    o->margin(o, X, p->Z->values + j * o->margins);
    X[at] = 0;
  }
  for (size_t i = 0; i < o->margins && p->y; i++)
    p->y[i] = 1;
  bool good = status == MS_OK && X && p->y;
  free(X);
  ms_run_free(run);
  if (good)
    return p;
  ms_problem_free(p);
  return NULL;
}

/* The angle in degrees, from the difference of the unit vectors. */
static double angle(const double *x, const double *y, size_t d) {
  double a = cblas_dnrm2((int)d, x, 1), b = cblas_dnrm2((int)d, y, 1), sum = 0;
  for (size_t i = 0; i < d; i++)
    sum += (x[i] / a - y[i] / b) * (x[i] / a - y[i] / b);
  return a > 0 ? 2 * asin(sqrt(sum) / 2) * 180 / M_PI : NAN;
}

/* The first recorded point with a loss of at most 1e-8. */
static size_t tiny_loss(const ms_curve *c) {
  size_t k = 0;
  while (k + 1 < c->points && ms_curve_at(c, k, "loss") > 1e-8)
    k++;
  return k;
}

typedef struct directions {
  size_t d;
  double *l1, *l2; /* of the support vector machines */
} directions;

/* Room for both and for x, to be freed through l1; a figure that failed has none. */
static directions machines(ms_drawing *f, const ms_curve *c, bool diagonal) {
  ms_error err = {0};
  ms_problem *p = margins_of(c, diagonal, &err);
  directions s = {p ? p->Z->d : 0, NULL, NULL};
  ms_status status = p && (s.l1 = ms_doubles(3 * s.d)) ? MS_OK : ms_no_memory(&err);
  s.l2 = s.l1 ? s.l1 + s.d : NULL;
  if (status == MS_OK && diagonal)
    status = ms_svm_l1(p, s.l1, &err);
  if (status == MS_OK)
    status = ms_svm_l2(p, s.l2, NULL, &err);
  if (status != MS_OK)
    ms_figure_fail(f, &err);
  ms_problem_free(p);
  return s;
}

static double norm(const double *x, size_t d) {
  return cblas_dnrm2((int)d, x, 1);
}

static void make(ms_drawing *f) {
  size_t seeds = ms_figure_size(f, SEEDS, 2);
  ms_curve *curve[WAYS][SEEDS];
  const char *const names[] = {"diagonal", "factors", "merged"};
  const char *const ways[] = {"factors=diagonal n=20 init-scale=0.3", "init-scale=0.1", "depth=1"};
  for (size_t w = 0; w < WAYS; w++)
    for (size_t s = 0; s < seeds; s++)
      curve[w][s] =
          ms_curve_add(f, s == 0 ? names[w] : NULL,
                       "model=attention %s wd-schedule=none stop-loss=0 rtol=1e-7 t-end=1e100 "
                       "points=200|60 seed=%zu",
                       ways[w], s + 1);
  if (!ms_curves_run(f))
    return;
  ms_sheet *angles = ms_sheet_new(f, "angles", "t,seed,way,loss,l1,l2");
  ms_sheet *margins = ms_sheet_new(f, "margins", "t,seed,way,loss,nuclear,frobenius");
  double worst[WAYS] = {INFINITY, INFINITY, INFINITY}, late = 0, nuclear = INFINITY,
         frobenius = INFINITY;
  size_t nearer = 0;
  for (size_t s = 0; s < seeds && !ms_figure_failed(f); s++) {
    const ms_curve *const pair[] = {curve[DIAGONAL][s], curve[MERGED][s]};
    for (size_t i = 0; i < 2; i++) {
      const ms_curve *c = pair[i];
      bool diagonal = i == 0;
      directions m = machines(f, c, diagonal);
      if (ms_figure_failed(f)) {
        free(m.l1);
        return;
      }
      size_t rows = diagonal ? m.d : 0, way = diagonal ? DIAGONAL : MERGED;
      double *x = m.l2 + m.d, first = 0, to_l1 = NAN, to_l2 = NAN;
      for (size_t k = 1; k < c->points; k++) {
        const double *X = ms_curve_x(c, k);
        for (size_t j = 0; j < m.d; j++)
          x[j] = diagonal ? X[j * (rows + 1)] : X[j];
        to_l1 = diagonal ? angle(x, m.l1, m.d) : NAN;
        to_l2 = angle(x, m.l2, m.d);
        ms_row(angles, ms_curve_at(c, k, "t"), (double)s, (double)way, ms_curve_at(c, k, "loss"),
               to_l1, to_l2);
        if (k == tiny_loss(c)) {
          first = diagonal ? to_l1 : to_l2;
          worst[way] = fmin(worst[way], cos(first * M_PI / 180));
        }
      }
      ms_sheet_gap(angles);
      nearer += diagonal && to_l1 < to_l2;
      late = fmax(late, (diagonal ? to_l1 : to_l2) / first);
      if (!diagonal)
        ms_row(margins, 0, (double)s, -1, 0, NAN, 1 / norm(m.l2, m.d));
      free(m.l1);
    }
    for (size_t w = FACTORS; w <= MERGED; w++) {
      const ms_curve *c = curve[w][s];
      for (size_t k = 1; k < c->points; k++)
        ms_row(margins, ms_curve_at(c, k, "t"), (double)s, (double)w, ms_curve_at(c, k, "loss"),
               ms_curve_at(c, k, "margin") / ms_curve_at(c, k, "nuclear_norm"),
               ms_curve_at(c, k, "margin") / ms_curve_at(c, k, "l2"));
      ms_sheet_gap(margins);
    }
    const ms_curve *a = curve[FACTORS][s], *b = curve[MERGED][s];
    nuclear = fmin(nuclear, ms_curve_end(a, "margin") / ms_curve_end(a, "nuclear_norm") /
                                (ms_curve_end(b, "margin") / ms_curve_end(b, "nuclear_norm")));
    frobenius = fmin(frobenius, ms_curve_end(b, "margin") / ms_curve_end(b, "l2") /
                                    (ms_curve_end(a, "margin") / ms_curve_end(a, "l2")));
  }
  ms_claim_above(f, "diag(k q): cosine with the L1 machine at loss 1e-8, least of the seeds",
                 "linear program", 0.99, worst[DIAGONAL]);
  ms_report(f, "diag(k q): seeds whose W is nearer to the L1 than to the L2 machine at the end",
            "both programs", "all in the limit", "%zu of %zu", nearer, seeds);
  ms_claim_above(f, "W itself: cosine with the L2 machine at loss 1e-8, least of the seeds",
                 "quadratic program", 0.99, worst[MERGED]);
  ms_claim_below(f, "angle at the end over angle at loss 1e-8, most", "1 / ln t", 1, late);
  ms_claim_above(f, "margin / |W|_* at the end, K Q' over W itself, least",
                 "published: K, Q to the largest nuclear margin", 1, nuclear);
  ms_claim_above(f, "margin / |W|_F at the end, W itself over K Q', least",
                 "published: W to the largest Frobenius margin", 1, frobenius);
}

const ms_figure ms_figure_attention_margin = {
    "attention-margin", "Which margin attention makes large",
    "Sheen, Chen, Wang and Zhou 2024, arXiv 2403.08699 (theorems; the settings of its experiments "
    "are "
    "not known here)",
    "On separable data attention weights grow without bound, in a direction that their "
    "factorization chooses. Diagonal key and query factors go to the L1 support vector machine, W "
    "trained as one matrix to the L2 machine, both solved on their own. W comes there like one "
    "over "
    "the logarithm of time, through a hundred decades; diagonal factors by powers of that "
    "logarithm, "
    "small ones where a coordinate nearly deserves to be used. Full factors K Q' make the margin "
    "for the nuclear norm large, W itself that for the Frobenius norm (dashed: the largest there "
    "is). One layer, 5 tokens, 10 dimensions, exponential loss, 20 samples for the diagonal and 50 "
    "for the full case, 5 seeds (thick: the first); no weight decay. Sizes and scales are chosen "
    "here; with fewer samples the diagonal case comes to its direction later.",
    make};
