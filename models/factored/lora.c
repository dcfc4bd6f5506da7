/* Low-rank adaptation: weights W0 that were trained before stay as they are, and X = BA is added to
 * them. B starts at 0, so training starts at W0 (Hu et al. 2021, arXiv 2106.09685).
 *
 *   tanh     f(X) = |c' tanh((W0 + X) Z) - y|^2 / (2n)   a hidden layer adapts, one output is seen
 *   linear   f(X) = |(W0 + X) Z - Y|^2 / (2n)            all outputs of a layer are seen
 *   --data   next-token prediction, problem/tokens.c
 *
 * Z has n Gaussian columns; the teacher is the same network at W0 + X*, X* of low rank. */
#include "base/random.h"
#include "factored/factored.h"
#include "linalg/dense.h"
#include "problem/tokens.h"
#include "run/data_file.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 20, TEST_SAMPLES = 1000 };

typedef struct samples {
  size_t n;
  double *Z, *H0, *Y, *H, *r; /* inputs, W0 Z, targets; room for (W0 + X) Z and outputs less Y */
} samples;

typedef struct network {
  double *W0, *readout; /* readout c: NULL where all rows are outputs */
  samples train, test;
} network;

/* f of the samples; s->H is what the layer gives, s->r how far the outputs are off. */
static double forward(const ms_objective *o, samples *s, const double *X) {
  const network *net = o->own;
  size_t hidden = o->rows * s->n, outputs = net->readout ? s->n : hidden;
  memcpy(s->H, s->H0, hidden * sizeof *s->H);
  ms_multiply(false, false, o->rows, s->n, o->cols, 1, X, s->Z, 1, s->H);
  if (net->readout) {
    for (size_t i = 0; i < hidden; i++)
      s->H[i] = tanh(s->H[i]);
    ms_multiply(true, false, 1, s->n, o->rows, 1, net->readout, s->H, 0, s->r);
  } else {
    memcpy(s->r, s->H, hidden * sizeof *s->r);
  }
  double sum = 0;
  for (size_t i = 0; i < outputs; i++) {
    s->r[i] -= s->Y[i];
    sum += s->r[i] * s->r[i];
  }
  return sum / (2 * (double)s->n);
}

static double network_value(ms_objective *o, const double *X, double *G) {
  network *net = o->own;
  samples *s = &net->train;
  double f = forward(o, s, X);
  if (!G)
    return f;
  const double *slope = s->r;
  if (net->readout) { /* H := (c r') (1 - tanh^2), the gradient in the pre-activations */
    for (size_t i = 0; i < s->n; i++)
      for (size_t j = 0; j < o->rows; j++) {
        double *h = s->H + i * o->rows + j;
        *h = net->readout[j] * s->r[i] * (1 - *h * *h);
      }
    slope = s->H;
  }
  ms_multiply(false, true, o->rows, o->cols, s->n, 1 / (double)s->n, slope, s->Z, 0, G);
  return f;
}

static double network_score(ms_objective *o, const double *X) {
  return forward(o, &((network *)o->own)->test, X);
}

static void network_release(ms_objective *o) {
  network *net = o->own;
  if (!net)
    return;
  free(net->W0);
  free(net->train.Z);
  free(net->test.Z);
  free(net);
}

/* n samples of the teacher W0 + X*, its outputs with noise. */
static bool draw(const ms_objective *o, samples *s, size_t n, gsl_rng *data, gsl_rng *noise,
                 double sigma) {
  const network *net = o->own;
  size_t hidden = o->rows * n, outputs = net->readout ? n : hidden;
  s->n = n;
  s->Z = ms_doubles(o->cols * n + 4 * hidden);
  if (!s->Z)
    return false;
  s->H0 = s->Z + o->cols * n;
  s->Y = s->H0 + hidden;
  s->H = s->Y + hidden;
  s->r = s->H + hidden;
  ms_random_gaussian(data, s->Z, o->cols * n, 1);
  ms_multiply(false, false, o->rows, n, o->cols, 1, net->W0, s->Z, 0, s->H0);
  forward(o, s, o->truth); /* Y is 0: r is what the teacher says */
  double *error = s->H;
  ms_random_gaussian(noise, error, outputs, sigma);
  for (size_t i = 0; i < outputs; i++)
    s->Y[i] = s->r[i] + error[i];
  return true;
}

static void add_samples(const ms_objective *o, const samples *s, const char *Z, const char *y,
                        ms_bundle *b) {
  const network *net = o->own;
  ms_data_matrix(b, Z, s->Z, o->cols, s->n);
  if (net->readout)
    ms_data_vector(b, y, s->Y, s->n);
  else
    ms_data_matrix(b, y, s->Y, o->rows, s->n);
}

static void network_data(const ms_objective *o, ms_bundle *b) {
  const network *net = o->own;
  add_samples(o, &net->train, "Z", "y", b);
  add_samples(o, &net->test, "Z_test", "y_test", b);
  ms_data_matrix(b, "W0", net->W0, o->rows, o->cols);
  ms_data_vector(b, "readout", net->readout, o->rows);
}

static ms_status new_network(ms_objective **out, const ms_config *cfg, ms_error *err) {
  size_t rows = ms_config_given(cfg, "rows") ? ms_config_count(cfg, "rows") : ROWS;
  size_t cols = ms_config_given(cfg, "cols") ? ms_config_count(cfg, "cols") : rows;
  size_t rank = ms_config_count(cfg, "rank");
  if (rank > MS_MIN(rows, cols))
    return ms_fail(err, MS_BAD_SETTING, "%s: '%zu' is not allowed; at most %zu",
                   ms_config_origin(cfg, "rank"), rank, MS_MIN(rows, cols));
  bool linear = strcmp(ms_config_text(cfg, "activation"), "linear") == 0;
  /* half of what determines X: a sample of the layer has `rows` outputs, of the network one */
  size_t n = ms_config_given(cfg, "n") ? ms_config_count(cfg, "n")
                                       : MS_MAX(linear ? cols / 2 : rows * cols / 2, 1);
  uint64_t seed = (uint64_t)ms_config_real(cfg, "seed");
  gsl_rng *data = ms_random_new(seed, MS_STREAM_DATA),
          *noise = ms_random_new(seed, MS_STREAM_NOISE),
          *truth = ms_random_new(seed, MS_STREAM_TRUTH);
  ms_objective *o = calloc(1, sizeof *o);
  network *net = o ? calloc(1, sizeof *net) : NULL;
  ms_status status = data && noise && truth && o && net ? MS_OK : ms_no_memory(err);
  if (o) {
    o->own = net;
    o->release = network_release;
  }
  if (status == MS_OK) {
    o->rows = rows;
    o->cols = cols;
    o->truth = ms_doubles(rows * cols);
    net->W0 = ms_doubles(rows * cols + rows);
    if (!o->truth || !net->W0)
      status = ms_no_memory(err);
  }
  if (status == MS_OK) {
    ms_random_gaussian(truth, net->W0, rows * cols, 1 / sqrt((double)cols));
    if (!linear) {
      net->readout = net->W0 + rows * cols;
      ms_random_gaussian(truth, net->readout, rows, 1);
    }
    status = ms_low_rank(o->truth, rows, cols, rank, false, false, truth, err);
  }
  if (status == MS_OK && !(draw(o, &net->train, n, data, noise, ms_config_real(cfg, "noise")) &&
                           draw(o, &net->test, TEST_SAMPLES, data, noise, 0)))
    status = ms_no_memory(err);
  gsl_rng *streams[] = {data, noise, truth};
  for (size_t i = 0; i < 3; i++)
    if (streams[i])
      gsl_rng_free(streams[i]);
  if (status != MS_OK) {
    ms_objective_free(o);
    return status;
  }
  o->name = "lora";
  o->samples = n;
  o->stop_loss = linear ? 1e-20 : 1e-7;
  o->value = network_value;
  o->data = network_data;
  o->score = network_score;
  o->score_help = "loss on 1000 samples without noise that training does not see";
  *out = o;
  return MS_OK;
}

static ms_status build(ms_run *run, ms_error *err) {
  const ms_config *cfg = run->cfg;
  bool tokens = ms_config_given(cfg, "data");
  ms_status status = MS_OK;
  if (ms_loss_of(cfg) != &ms_loss_squared)
    status = ms_fail(err, MS_BAD_SETTING,
                     "%s: '%s' is not allowed; --model lora takes squared, or "
                     "with --data cross-entropy of its own",
                     ms_config_origin(cfg, "loss"), ms_loss_of(cfg)->name);
  ms_objective *o = NULL;
  if (status == MS_OK)
    status = tokens ? ms_objective_tokens(&o, cfg, err) : new_network(&o, cfg, err);
  if (status != MS_OK)
    return status;
  const ms_factored_defaults defaults = {
      .factors = "general", .init = "zero-first", .width = MS_MIN(8, o->rows), .scale = "0.1"};
  return ms_factored_build(run, o, &defaults, err);
}

const ms_model ms_model_lora = {
    .name = "lora",
    .summary = "low-rank adaptation W0 + BA: of a teacher-student network, or of a text model",
    .build = build,
    MS_FACTORED_MODEL};
