#include "diag/weights.h"
#include "run/data_file.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

void ms_diag_weight_name(const ms_param *p, const char *names, size_t b, char *name, size_t size) {
  if (!names && p->width == 1)
    snprintf(name, size, "w");
  else if (!names)
    snprintf(name, size, "w%zu", b + 1);
  for (size_t i = 0; names && *names; i++) {
    size_t length = strcspn(names, " ");
    if (i == b)
      snprintf(name, size, "%.*s", (int)length, names);
    names += length + (names[length] == ' ');
  }
}

static size_t count(const ms_run *run) {
  return run->setup.param->width * run->d;
}

static bool start(const ms_run *run, double *w) {
  const ms_param *all = run->setup.param;
  if (run->start_w) {
    memcpy(w, run->start_w, count(run) * sizeof *w);
    return true;
  }
  for (size_t j = 0; j < run->d; j++) {
    double one[MS_WIDTH_MAX] = {0};
    const ms_param *p = ms_param_of(all, j);
    if (!p->weights(p, run->ln_beta[j], run->kappa[j], one))
      return false;
    for (size_t b = 0; b < all->width; b++)
      w[b * run->d + j] = one[b];
  }
  return true;
}

static const ms_flow *gradient_flow(const ms_run *run) {
  const ms_flow *f = run->flow && run->flow->class->mirror ? run->partner : run->flow;
  return f && !f->class->mirror ? f : NULL;
}

static bool now(const ms_run *run, double *w) {
  const ms_flow *flow = gradient_flow(run);
  if (flow)
    ms_flow_read_weights(flow, w);
  return flow != NULL;
}

/* The numbers under the names that people know them by. */
static void add_others(const ms_param *p, const char *prefix, size_t rows, size_t d,
                       const double *w, ms_bundle *b) {
  size_t width = p->width;
  double *to[MS_WIDTH_MAX], one[MS_WIDTH_MAX], other[MS_WIDTH_MAX];
  char name[16] = "";
  for (size_t k = 0; k < width; k++) {
    ms_diag_weight_name(p, p->other_names, k, name, sizeof name);
    to[k] = rows ? ms_bundle_add(b, rows, d, 0, "%s%s", prefix, name)
                 : ms_bundle_add(b, d, 0, 0, "%s%s", prefix, name);
    if (!to[k])
      return;
  }
  for (size_t i = 0; i < (rows ? rows : 1); i++)
    for (size_t j = 0; j < d; j++) {
      for (size_t k = 0; k < width; k++)
        one[k] = w[(i * width + k) * d + j];
      p->to_others(one, other);
      for (size_t k = 0; k < width; k++)
        to[k][i * d + j] = other[k];
    }
}

static void arrays(const ms_run *run, const char *prefix, size_t times, const double *w,
                   ms_bundle *b) {
  const ms_param *p = run->setup.param;
  size_t d = run->d;
  char name[16] = "";
  if (p->other_names)
    add_others(p, prefix, times, d, w, b);
  for (size_t k = 0; k < p->width; k++) {
    ms_diag_weight_name(p, p->names, k, name, sizeof name);
    double *to = times ? ms_bundle_add(b, times, d, 0, "%s%s", prefix, name)
                       : ms_bundle_add(b, d, 0, 0, "%s%s", prefix, name);
    for (size_t i = 0; to && i < (times ? times : 1); i++)
      memcpy(to + i * d, w + (i * p->width + k) * d, d * sizeof *to);
  }
}

const ms_weights ms_diag_weights = {
    .count = count,
    .start = start,
    .now = now,
    .why = "the gradient flow is not integrated here; --flow gradient and --flow both integrate it",
    .arrays = arrays};

void ms_diag_data(const ms_run *run, ms_bundle *b) {
  ms_data_problem(b, run->problem);
}

ms_status ms_diag_keep_start(ms_run *run, ms_error *err) {
  double *w = run->start_w ? NULL : ms_doubles(count(run));
  if (run->start_w)
    return MS_OK;
  if (!w)
    return ms_no_memory(err);
  if (start(run, w))
    run->start_w = w;
  else
    free(w);
  return MS_OK;
}
