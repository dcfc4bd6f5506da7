/* One attention layer whose key-query matrix W = K Q' trains (Sheen, Chen, Wang & Zhou 2024, arXiv
 * 2403.08699): of T tokens x_t a sample's output is y v' sum_t p_t x_t, p = softmax_t(x_t' W z), z
 * its query, y = +-1 its label, v a fixed value head. With scores g_t = y v' x_t, the best token's
 * g_o, and the differences u_t = x_o - x_t to it, q_t = u_t' W z, D_t = g_o - g_t > 0:
 *
 *   p_t = e^{-q_t} / (1 + sum_s e^{-q_s}),  delta = sum_t p_t D_t   (t, s other than the best)
 *   f(W) = mean of l(g_o - delta) - l(g_o), l(m) = e^{-m} or ln(1 + e^{-m})
 *
 * f is the loss less its infimum, which is reached only as all q_t go to infinity. In which
 * direction W goes there is the implicit bias: to the largest margin min q_t for its nuclear norm
 * where K and Q train, for its Frobenius norm where W itself does (--depth 1).
 *
 *   linear   y v' sum_t x_t (x_t' W z) / T instead: a margin that is linear in W
 *
 * Data: v reads the first coordinate, which holds g_t = 1 for the best token and less for the
 * others; the other coordinates are Gaussian, the best token the one that x_t' W* z says. */
#include "factored/factored.h"
#include "linalg/dense.h"
#include "run/data_file.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DIMENSIONS = 10, TEST_SAMPLES = 1000, DRAWS = 100000 };
/* W* tells the best token from the next by this part of |W* z|, or the sample is drawn anew. */
static const double CLEAR = 0.5;
/* Scores of the other tokens. */
static const double WORST_SCORE = -1, NEXT_SCORE = 0.5;

typedef struct samples {
  size_t n;
  double *U, *z, *D; /* others * rows * n: rows fastest; rows * n; others * n */
} samples;

typedef struct attention {
  size_t others; /* T - 1 */
  bool logistic;
  samples train, test;
  double *Wz, *b, *e; /* room: rows * n of the larger set, the same, others */
} attention;

/* q_t of sample i. */
static void compare(const ms_objective *o, const samples *s, size_t i, double *q) {
  const attention *a = o->own;
  const double *Wz = a->Wz + i * o->rows;
  for (size_t t = 0; t < a->others; t++) {
    const double *u = s->U + (i * a->others + t) * o->rows;
    q[t] = 0;
    for (size_t j = 0; j < o->rows; j++)
      q[t] += u[j] * Wz[j];
  }
}

/* e[] becomes p_t of sample i, delta is given back. */
static double attend(const ms_objective *o, const samples *s, size_t i) {
  const attention *a = o->own;
  const double *D = s->D + i * a->others;
  double top = 0, sum, delta = 0;
  compare(o, s, i, a->e);
  for (size_t t = 0; t < a->others; t++)
    top = fmax(top, -a->e[t]);
  sum = exp(-top);
  for (size_t t = 0; t < a->others; t++)
    sum += a->e[t] = exp(-a->e[t] - top);
  for (size_t t = 0; t < a->others; t++)
    delta += (a->e[t] /= sum) * D[t];
  return delta;
}

static void queries(const ms_objective *o, const samples *s, const double *X) {
  const attention *a = o->own;
  ms_multiply(false, false, o->rows, s->n, o->cols, 1, X, s->z, 0, a->Wz);
}

static double value(ms_objective *o, const double *X, double *G) {
  const attention *a = o->own;
  const samples *s = &a->train;
  double f = 0;
  queries(o, s, X);
  for (size_t i = 0; i < s->n; i++) {
    const double *D = s->D + i * a->others;
    /* g_o = 1; of the small difference l(1 - delta) - l(1) all digits */
    double delta = attend(o, s, i), slope;
    if (a->logistic) {
      f += log1p(expm1(delta) / (1 + exp(1)));
      slope = 1 / (1 + exp(1 - delta));
    } else {
      f += exp(-1) * expm1(delta);
      slope = exp(delta - 1);
    }
    if (!G)
      continue;
    double *b = a->b + i * o->rows;
    memset(b, 0, o->rows * sizeof *b);
    for (size_t t = 0; t < a->others; t++) {
      const double *u = s->U + (i * a->others + t) * o->rows;
      double c = -slope * a->e[t] * (D[t] - delta);
      for (size_t j = 0; j < o->rows; j++)
        b[j] += c * u[j];
    }
  }
  if (G)
    ms_multiply(false, true, o->rows, o->cols, s->n, 1 / (double)s->n, a->b, s->z, 0, G);
  return f / (double)s->n;
}

static void margin(ms_objective *o, const double *X, double *m) {
  const attention *a = o->own;
  queries(o, &a->train, X);
  for (size_t i = 0; i < a->train.n; i++)
    compare(o, &a->train, i, m + i * a->others);
}

static double score(ms_objective *o, const double *X) {
  const attention *a = o->own;
  size_t right = 0;
  queries(o, &a->test, X);
  for (size_t i = 0; i < a->test.n; i++) {
    double least = INFINITY;
    compare(o, &a->test, i, a->e);
    for (size_t t = 0; t < a->others; t++)
      least = fmin(least, a->e[t]);
    right += least > 0;
  }
  return (double)right / (double)a->test.n;
}

static void release(ms_objective *o) {
  attention *a = o->own;
  if (!a)
    return;
  free(a->train.U);
  free(a->test.U);
  free(a->Wz);
  free(a);
}

/* ---- Data ----------------------------------------------------------------------------------- */

/* x[tokens * d] and z[d] of one sample; the best token, or `tokens` where W* cannot tell. */
static size_t draw_sample(const ms_objective *o, size_t tokens, double *x, double *z, double *Wz,
                          gsl_rng *rng) {
  size_t d = o->rows, best = 0;
  ms_random_gaussian(rng, z, d, 1);
  ms_random_gaussian(rng, x, tokens * d, 1);
  ms_multiply(false, false, d, 1, d, 1, o->truth, z, 0, Wz);
  double first = -INFINITY, second = -INFINITY, size = 0;
  for (size_t j = 0; j < d; j++)
    size += Wz[j] * Wz[j];
  for (size_t t = 0; t < tokens; t++) {
    double logit = 0;
    for (size_t j = 0; j < d; j++)
      logit += x[t * d + j] * Wz[j];
    if (logit > first) {
      second = first;
      first = logit;
      best = t;
    } else {
      second = fmax(second, logit);
    }
  }
  for (size_t t = 0; t < tokens; t++)
    x[t * d] = t == best ? 1 : WORST_SCORE + (NEXT_SCORE - WORST_SCORE) * gsl_rng_uniform(rng);
  return first - second > CLEAR * sqrt(size) ? best : tokens;
}

/* One sample that W* can tell; false where there seems to be none. x[.][0] holds the scores g. */
static bool draw_clear(const ms_objective *o, size_t tokens, double *x, double *z, size_t *best,
                       gsl_rng *rng) {
  for (size_t tries = 0; tries < DRAWS; tries++) {
    *best = draw_sample(o, tokens, x, z, z + o->rows, rng);
    if (*best < tokens)
      return true;
  }
  return false;
}

/* Room for one sample: x, z and W* z. */
static double *sample_room(const ms_objective *o, size_t tokens) {
  return ms_doubles((tokens + 2) * o->rows);
}

static ms_status draw(const ms_objective *o, samples *s, size_t n, gsl_rng *rng, ms_error *err) {
  const attention *a = o->own;
  size_t d = o->rows, tokens = a->others + 1, best;
  double *x = sample_room(o, tokens);
  s->n = n;
  s->U = ms_doubles(n * (a->others * d + d + a->others));
  ms_status status = x && s->U ? MS_OK : ms_no_memory(err);
  s->z = s->U + n * a->others * d;
  s->D = s->z + n * d;
  for (size_t i = 0; status == MS_OK && i < n; i++) {
    double *z = x + tokens * d;
    if (!draw_clear(o, tokens, x, z, &best, rng)) {
      status = ms_fail(err, MS_UNSUPPORTED,
                       "--tokens: of %zu tokens none is ever clearly the best; try fewer", tokens);
      break;
    }
    double label = gsl_rng_uniform(rng) < 0.5 ? -1 : 1;
    memcpy(s->z + i * d, z, d * sizeof *z);
    for (size_t t = 0, k = 0; t < tokens; t++) {
      if (t == best)
        continue;
      double *u = s->U + (i * a->others + k) * d;
      for (size_t j = 0; j < d; j++)
        u[j] = x[best * d + j] - x[t * d + j];
      s->D[i * a->others + k++] = u[0];
      u[0] *= label;
    }
  }
  free(x);
  return status;
}

/* W*: of rank --rank; diagonal where X is. The first row is 0: scores are not to be read off. */
static ms_status make_truth(ms_objective *o, const ms_config *cfg, bool diagonal, ms_error *err) {
  size_t d = o->rows, rank = ms_config_count(cfg, "rank");
  gsl_rng *rng = ms_random_new((uint64_t)ms_config_real(cfg, "seed"), MS_STREAM_TRUTH);
  double *W = ms_doubles((d - 1) * d);
  o->truth = ms_doubles(d * d);
  ms_status status = rng && W && o->truth ? MS_OK : ms_no_memory(err);
  if (status == MS_OK && diagonal) {
    for (size_t i = 1; i <= rank; i++)
      o->truth[i * d + i] = gsl_rng_uniform(rng) < 0.5 ? -1 : 1;
  } else if (status == MS_OK) {
    status = ms_low_rank(W, d - 1, d, rank, false, false, rng, err);
    for (size_t c = 0; c < d; c++)
      memcpy(o->truth + c * d + 1, W + c * (d - 1), (d - 1) * sizeof *W);
  }
  if (rng)
    gsl_rng_free(rng);
  free(W);
  return status;
}

static void add_samples(const ms_objective *o, const samples *s, const char *end, ms_bundle *b) {
  const attention *a = o->own;
  double *u = ms_bundle_add(b, s->n, a->others, o->rows, "u%s", end);
  double *z = ms_bundle_add(b, s->n, o->rows, 0, "z%s", end);
  double *D = ms_bundle_add(b, s->n, a->others, 0, "D%s", end);
  if (!u || !z || !D)
    return;
  memcpy(u, s->U, s->n * a->others * o->rows * sizeof *u);
  memcpy(z, s->z, s->n * o->rows * sizeof *z);
  memcpy(D, s->D, s->n * a->others * sizeof *D);
}

static void softmax_data(const ms_objective *o, ms_bundle *b) {
  const attention *a = o->own;
  add_samples(o, &a->train, "", b);
  add_samples(o, &a->test, "_test", b);
}

static ms_status softmax_attention(ms_objective *o, size_t n, size_t tokens, gsl_rng *rng,
                                   const ms_config *cfg, ms_error *err) {
  attention *a = o->own = calloc(1, sizeof *a);
  if (!a)
    return ms_no_memory(err);
  size_t most = MS_MAX(n, TEST_SAMPLES);
  a->others = tokens - 1;
  a->logistic = strcmp(ms_config_text(cfg, "loss"), "logistic") == 0;
  a->Wz = ms_doubles(2 * o->rows * most + a->others);
  a->b = a->Wz + o->rows * most;
  a->e = a->b + o->rows * most;
  o->value = value;
  o->data = softmax_data;
  o->margin = margin;
  o->margins = n * a->others;
  o->score = score;
  o->score_help = "part of 1000 new samples in which the best token gets most attention";
  o->release = release;
  o->samples = n;
  ms_status status = a->Wz ? draw(o, &a->train, n, rng, err) : ms_no_memory(err);
  return status == MS_OK ? draw(o, &a->test, TEST_SAMPLES, rng, err) : status;
}

static void linear_margin(ms_objective *o, const double *X, double *m) {
  ms_objective_measure(o, X, m);
}

/* Margins <A_i, W>, A_i = sum_t g_t x_t z' / T: a linear problem, its targets all 1. Gives back
 * another objective. */
static ms_status linear_attention(ms_objective **out, size_t n, size_t tokens, gsl_rng *rng,
                                  const ms_config *cfg, ms_error *err) {
  ms_objective *o = *out, *linear = NULL;
  size_t d = o->rows, best;
  ms_problem *p = calloc(1, sizeof *p);
  double *x = sample_room(o, tokens), *z = x + tokens * d;
  ms_status status = p && x && (p->y = ms_doubles(n)) ? MS_OK : ms_no_memory(err);
  if (status == MS_OK)
    status = ms_matrix_new(&p->Z, n, d * d, err);
  for (size_t i = 0; status == MS_OK && i < n; i++) {
    double *A = p->Z->values + i, says;
    size_t tries = 0;
    do { /* until W* is right by a margin */
      says = 0;
      if (!draw_clear(o, tokens, x, z, &best, rng) || ++tries > DRAWS) {
        status = ms_fail(err, MS_UNSUPPORTED, "--tokens: no W* is right for %zu tokens", tokens);
        break;
      }
      double label = gsl_rng_uniform(rng) < 0.5 ? -1 : 1;
      memset(z + d, 0, d * sizeof *z);
      for (size_t t = 0; t < tokens; t++)
        for (size_t j = 0; j < d; j++)
          z[d + j] += x[t * d] * x[t * d + j] * (j ? 1 : label) / (double)tokens;
      for (size_t c = 0; c < d; c++)
        for (size_t r = 0; r < d; r++) {
          A[(c * d + r) * n] = z[d + r] * z[c];
          says += o->truth[c * d + r] * z[d + r] * z[c];
        }
    } while (!(says > CLEAR / (double)tokens));
    p->y[i] = 1;
  }
  free(x);
  if (status != MS_OK) {
    ms_problem_free(p);
    return status;
  }
  bool logistic = strcmp(ms_config_text(cfg, "loss"), "logistic") == 0;
  p->loss = logistic ? &ms_loss_logistic : &ms_loss_exponential;
  p->samples = (double)n;
  status = ms_objective_linear(&linear, p, d, d, false, o->truth, err);
  if (status == MS_OK) {
    ms_objective_free(o);
    linear->margins = n;
    linear->data = ms_data_measurements;
    linear->margin = linear_margin;
    *out = linear;
  }
  return status;
}

static ms_status build(ms_run *run, ms_error *err) {
  const ms_config *cfg = run->cfg;
  ms_status status = MS_OK;
  const char *loss = ms_config_text(cfg, "loss");
  if (ms_config_given(cfg, "loss") && strcmp(loss, "logistic") != 0 &&
      strcmp(loss, "exponential") != 0)
    status = ms_fail(err, MS_BAD_SETTING,
                     "%s: '%s' is not allowed; --model attention takes exponential and logistic",
                     ms_config_origin(cfg, "loss"), loss);
  bool diagonal =
      ms_config_given(cfg, "factors") && strcmp(ms_config_text(cfg, "factors"), "diagonal") == 0;
  size_t d = ms_config_given(cfg, "rows") ? ms_config_count(cfg, "rows") : DIMENSIONS;
  size_t tokens = ms_config_count(cfg, "tokens"), rank = ms_config_count(cfg, "rank");
  /* twice as many comparisons as unknowns */
  size_t unknowns = diagonal ? d : d * d, n = ms_config_given(cfg, "n")
                                                  ? ms_config_count(cfg, "n")
                                                  : MS_MAX(2 * unknowns / (tokens - 1), 2);
  if (status == MS_OK && rank + 1 > d)
    status = ms_fail(err, MS_BAD_SETTING, "%s: '%zu' is not allowed; at most %zu, rows - 1",
                     ms_config_origin(cfg, "rank"), rank, d - 1);
  if (status != MS_OK)
    return status;
  ms_objective *o = calloc(1, sizeof *o);
  gsl_rng *rng = ms_random_new((uint64_t)ms_config_real(cfg, "seed"), MS_STREAM_DATA);
  status = o && rng ? MS_OK : ms_no_memory(err);
  if (status == MS_OK) {
    o->name = "attention";
    o->rows = o->cols = d;
    o->stop_loss = 1e-8;
    status = make_truth(o, cfg, diagonal, err);
  }
  if (status == MS_OK)
    status = strcmp(ms_config_text(cfg, "attention"), "linear") == 0
                 ? linear_attention(&o, n, tokens, rng, cfg, err)
                 : softmax_attention(o, n, tokens, rng, cfg, err);
  if (rng)
    gsl_rng_free(rng);
  if (status != MS_OK) {
    ms_objective_free(o);
    return status;
  }
  const ms_factored_defaults defaults = {
      .factors = "general", .init = "zero-first", .scale = "0.01", .queries = true};
  return ms_factored_build(run, o, &defaults, err);
}

const ms_model ms_model_attention = {
    .name = "attention",
    .summary = "one attention layer, key-query matrix W = K Q': which direction it grows in",
    .build = build,
    MS_FACTORED_MODEL};
