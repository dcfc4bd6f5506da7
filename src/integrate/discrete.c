/* Training as it is done: steps of a fixed size on the weights (or, on a dual variable, mirror
 * descent). They take no notice of breaks: alpha is what it is when a step begins.
 *
 *   gd   v := momentum v + lr F(t, y),  y := y + v;  t advances by lr / (1 - momentum)
 *        and what F leaves out after it; for an h with kinks y := prox(y): ISTA, and with momentum
 *        its inertial form
 *   sgd  the same with F on `batch` samples drawn without replacement
 *   sde  dy = F dt + sqrt(lr) C^{1/2} dB, the stochastic flow of SGD with batch 1 (Pesme,
 * Pillaud-Vivien & Flammarion 2021), by Euler-Maruyama steps of size dt. C is the covariance of
 * the samples' gradients G_i = n F_i, C = sum_i G_i G_i' / n - F F': 0 for one sample. A step of
 * dt = lr has the mean and the covariance of a step of SGD. */
#include "base/random.h"
#include "integrate/integrator.h"
#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct discrete {
  double *velocity, *slope, *last; /* size each; last: y before the step */
  double *weight;                  /* of each sample in F, or NULL for all 1 */
  size_t *order;                   /* of the samples */
  gsl_rng *rng;
  double t0, t_last;
  size_t count;
} discrete;

static void release(ms_integrator *in) {
  discrete *d = in->own;
  free(d->velocity);
  free(d->weight);
  free(d->order);
  if (d->rng)
    gsl_rng_free(d->rng);
  free(d);
}

static ms_status create(ms_integrator *in, ms_error *err) {
  discrete *d = in->own = calloc(1, sizeof *d);
  size_t size = in->ode->size;
  if (!d || !(d->velocity = ms_doubles(3 * size)))
    return ms_no_memory(err);
  d->slope = d->velocity + size;
  d->last = d->slope + size;
  d->t0 = in->t;
  return MS_OK;
}

static ms_status create_stochastic(ms_integrator *in, ms_error *err) {
  ms_status status = create(in, err);
  if (status != MS_OK)
    return status;
  discrete *d = in->own;
  size_t n = in->ode->samples;
  d->weight = ms_doubles(n);
  d->order = calloc(n + 1, sizeof *d->order);
  d->rng = ms_random_new(in->training.seed, MS_STREAM_BATCH);
  if (!d->weight || !d->order || !d->rng)
    return ms_no_memory(err);
  for (size_t i = 0; i < n; i++)
    d->order[i] = i;
  in->ode->weigh(in->ode->self, d->weight);
  return MS_OK;
}

static ms_status restart(ms_integrator *in, ms_error *err) {
  (void)in, (void)err; /* nothing is remembered but the velocity, and that stays */
  return MS_OK;
}

static ms_status descend(ms_integrator *in, double size, double momentum, ms_error *err) {
  discrete *d = in->own;
  const ms_ode *ode = in->ode;
  double h = size / (1 - momentum);
  in->rhs_count++;
  if (ode->rhs(ode->self, in->t, in->y, d->slope) != 0)
    return ms_fail_at(err, MS_NOT_FINITE, in->t,
                      "%s: the weights grow beyond all bounds at t = "
                      "%.6g: try a smaller --lr",
                      in->method->name, in->t);
  memcpy(d->last, in->y, ode->size * sizeof *in->y);
  for (size_t i = 0; i < ode->size; i++) {
    d->velocity[i] = momentum * d->velocity[i] + size * d->slope[i];
    in->y[i] += d->velocity[i];
  }
  if (ode->after)
    ode->after(ode->self, in->t, h, in->y);
  d->t_last = in->t;
  in->t = d->t0 + h * (double)++d->count;
  return MS_OK;
}

static ms_status step_gd(ms_integrator *in, ms_error *err) {
  return descend(in, in->training.lr, in->training.momentum, err);
}

static ms_status step_sgd(ms_integrator *in, ms_error *err) {
  discrete *d = in->own;
  size_t n = in->ode->samples, batch = MS_MIN(in->training.batch, n);
  memset(d->weight, 0, n * sizeof *d->weight);
  for (size_t i = 0; i < batch; i++) {
    size_t other = i + (size_t)gsl_rng_uniform_int(d->rng, (unsigned long)(n - i));
    size_t chosen = d->order[other];
    d->order[other] = d->order[i];
    d->order[i] = chosen;
    d->weight[chosen] = (double)n / (double)batch;
  }
  return step_gd(in, err);
}

/* One F with sample weights 1 + sqrt(lr n / dt) (xi_i - mean of xi) is the drift and the noise of
 * the step: subtracting the mean makes the second moment of the gradients their covariance. */
static ms_status step_sde(ms_integrator *in, ms_error *err) {
  discrete *d = in->own;
  size_t n = in->ode->samples;
  double noise = sqrt(in->training.lr * (double)n / in->training.dt), mean = 0;
  for (size_t i = 0; i < n; i++) {
    d->weight[i] = gsl_ran_gaussian_ziggurat(d->rng, 1);
    mean += d->weight[i] / (double)n;
  }
  for (size_t i = 0; i < n; i++)
    d->weight[i] = 1 + noise * (d->weight[i] - mean);
  return descend(in, in->training.dt, 0, err);
}

static ms_status interpolate(ms_integrator *in, double t, double *y, ms_error *err) {
  const discrete *d = in->own;
  double part = (t - d->t_last) / (in->t - d->t_last);
  (void)err;
  for (size_t i = 0; i < in->ode->size; i++)
    y[i] = d->last[i] + part * (in->y[i] - d->last[i]);
  return MS_OK;
}

static size_t worst(ms_integrator *in) {
  const discrete *d = in->own;
  size_t largest = 0;
  for (size_t i = 0; i < in->ode->size; i++)
    if (!(fabs(d->velocity[i]) <= fabs(d->velocity[largest])))
      largest = i;
  return largest;
}

#define DISCRETE                                                                                   \
  .discrete = true, .restart = restart, .interpolate = interpolate, .worst = worst, .free = release

const ms_method ms_method_gd = {
    .name = "gd",
    .summary = "gradient descent with --lr and --momentum, beside the mirror flow",
    .create = create,
    .step = step_gd,
    DISCRETE};

const ms_method ms_method_sgd = {.name = "sgd",
                                 .summary =
                                     "stochastic gradient descent: gd on --batch samples a step",
                                 .create = create_stochastic,
                                 .step = step_sgd,
                                 .stochastic = true,
                                 DISCRETE};

const ms_method ms_method_sde = {
    .name = "sde",
    .summary = "the stochastic flow of SGD with batch 1 at --lr, in steps of --dt",
    .create = create_stochastic,
    .step = step_sde,
    .stochastic = true,
    DISCRETE};
