#include "diag/pair.h"
#include <string.h>

/* w is stored as `width` blocks of d. slope, bend or decay of each coordinate, times v_j or 1. */
static void sum_slopes(void *self, const double *v, const double *w, double *out) {
  const ms_run *run = self;
  double one[MS_WIDTH_MAX], dg[MS_WIDTH_MAX];
  for (size_t j = 0; j < run->d; j++) {
    const ms_param *p = ms_param_of(run->setup.param, j);
    for (size_t b = 0; b < p->width; b++)
      one[b] = w[b * run->d + j];
    p->slope(p, one, dg);
    for (size_t b = 0; b < p->width; b++)
      out[b * run->d + j] = v[j] * dg[b];
  }
}

static void sum_bends(void *self, const double *v, const double *w, const double *u, double *out) {
  const ms_run *run = self;
  double one[MS_WIDTH_MAX], d2g[MS_WIDTH_MAX * MS_WIDTH_MAX];
  for (size_t j = 0; j < run->d; j++) {
    const ms_param *p = ms_param_of(run->setup.param, j);
    for (size_t b = 0; b < p->width; b++)
      one[b] = w[b * run->d + j];
    p->bend(p, one, d2g);
    for (size_t b = 0; b < p->width; b++) {
      double sum = 0;
      for (size_t c = 0; c < p->width; c++)
        sum += d2g[b * p->width + c] * u[c * run->d + j];
      out[b * run->d + j] = v[j] * sum;
    }
  }
}

/* dh or, with u, d2h u. */
static void decay_of(const ms_run *run, const double *w, const double *u, double *out) {
  double one[MS_WIDTH_MAX], dh[MS_WIDTH_MAX], d2h[MS_WIDTH_MAX];
  for (size_t j = 0; j < run->d; j++) {
    const ms_param *p = ms_param_of(run->setup.param, j);
    for (size_t b = 0; b < p->width; b++)
      one[b] = w[b * run->d + j];
    p->decay(p, one, dh, d2h);
    for (size_t b = 0; b < p->width; b++)
      out[b * run->d + j] = u ? d2h[b] * u[b * run->d + j] : dh[b];
  }
}

static void decay_slopes(void *self, const double *w, double *out) {
  decay_of(self, w, NULL, out);
}

static void decay_bends(void *self, const double *w, const double *u, double *out) {
  decay_of(self, w, u, out);
}

/* Of h = sum_j |v_j|; where v_j is held at 0, 0. */
static void kink_slopes(void *self, const double *w, double *out) {
  const ms_run *run = self;
  size_t d = run->d, v = (run->setup.param->kink - 1) * d;
  memset(out, 0, run->setup.param->width * d * sizeof *out);
  for (size_t j = v; j < v + d; j++)
    out[j] = (w[j] > 0) - (w[j] < 0);
}

static void kink_bends(void *self, const double *w, const double *u, double *out) {
  const ms_run *run = self;
  (void)w, (void)u;
  memset(out, 0, run->setup.param->width * run->d * sizeof *out);
}

ms_status ms_diag_pair(ms_run *run, ms_pair *pair, ms_error *err) {
  const ms_flow *flow = run->flow && run->flow->class->mirror ? run->partner : run->flow;
  const ms_param *p = run->setup.param;
  if (!flow || flow->class->mirror)
    return ms_fail(err, MS_UNSUPPORTED,
                   "check needs the gradient flow of the weights, which is "
                   "not integrated here");
  if (!run->weights && !(run->weights = ms_doubles(p->width * run->d)))
    return ms_no_memory(err);
  ms_flow_read_weights(flow, run->weights);
  /* the mirror flow that the model integrates under this schedule, see build_flows() */
  bool decays = ms_schedule_total(run->schedule) > 0;
  bool without_alone = p->no_decay || (p->at && !p->warp);
  *pair = (ms_pair){.weights = p->width * run->d,
                    .components = run->d,
                    .self = run,
                    .w = run->weights,
                    .mirror = p->primal && !(decays && without_alone),
                    .g = p->at ? ms_config_text(run->cfg, "formula") : p->g,
                    .h = p->h,
                    .gradient = sum_slopes,
                    .bend = sum_bends,
                    .decay = p->kink    ? kink_slopes
                             : p->decay ? decay_slopes
                                        : NULL,
                    .decay_bend = p->kink    ? kink_bends
                                  : p->decay ? decay_bends
                                             : NULL,
                    .kinked = p->kink > 0,
                    .bent = p->bent};
  if (p->own_flow)
    pair->own_flow = p->own_flow(p, &pair->own_verdict);
  return MS_OK;
}
