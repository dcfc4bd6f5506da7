/* --init-w of separable models: the weights of a file, and the scale and kappa that they have. */
#include "diag/weights.h"
#include "param/custom.h"
#include "param/custom_text.h"
#include "run/data_file.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How far weights may be from those that beta and x give, relative to the largest: those of another
 * program's run keep the balance of a coordinate only so well. */
static const double BALANCED = 1e-6;

/* --init-x and the like say the same. */
static ms_status check_others(const ms_run *run, ms_error *err) {
  static const char *const always[] = {"init-x", "init-spread", "init-theta", NULL};
  static const char *const scale[] = {"init-scale", NULL};
  const ms_param *p = &run->param;
  ms_status status = ms_start_file_alone(run->cfg, always, "--init-w says what x starts from", err);
  if (status == MS_OK && (p->scale || p->ln_beta_of || p->at))
    status = ms_start_file_alone(run->cfg, scale,
                                 "the weights of --init-w have a scale of their own", err);
  return status;
}

/* Block b, this process's part of it. */
static ms_status read_block(const ms_run *run, const ms_start_file *f, const char *name, size_t b,
                            ms_error *err) {
  const ms_matrix *Z = run->problem->Z;
  double *all = NULL;
  ms_status status = ms_start_file_vector(f, name, ms_matrix_columns(Z), &all, err);
  if (status == MS_OK)
    memcpy(run->start_w + b * Z->d, all + (Z->spread ? Z->first : 0), Z->d * sizeof *all);
  free(all);
  return status;
}

static bool holds_all(const ms_param *p, const ms_start_file *f, const char *names) {
  char name[16];
  for (size_t b = 0; b < p->width; b++) {
    ms_diag_weight_name(p, names, b, name, sizeof name);
    if (!ms_start_file_holds(f, name))
      return false;
  }
  return true;
}

/* By the names of the numbers that are trained; else by the others. */
static ms_status read_blocks(const ms_run *run, const ms_start_file *f, ms_error *err) {
  const ms_param *p = &run->param;
  size_t d = run->d;
  char name[16];
  bool others = p->other_names && !holds_all(p, f, p->names);
  ms_status status = MS_OK;
  for (size_t b = 0; b < p->width && status == MS_OK; b++) {
    ms_diag_weight_name(p, others ? p->other_names : p->names, b, name, sizeof name);
    status = read_block(run, f, name, b, err);
  }
  for (size_t j = 0; status == MS_OK && others && j < d; j++) {
    double from[MS_WIDTH_MAX], to[MS_WIDTH_MAX];
    for (size_t b = 0; b < p->width; b++)
      from[b] = run->start_w[b * d + j];
    p->from_others(from, to);
    for (size_t b = 0; b < p->width; b++)
      run->start_w[b * d + j] = to[b];
  }
  return status;
}

/* a, b, ... as far as the file has them. */
static ms_status read_custom(ms_run *run, const ms_start_file *f, ms_error *err) {
  size_t blocks = 0;
  ms_status status = MS_OK;
  for (;
       status == MS_OK && blocks < MS_WIDTH_MAX && ms_start_file_holds(f, ms_custom_names[blocks]);
       blocks++)
    status = read_block(run, f, ms_custom_names[blocks], blocks, err);
  if (status == MS_OK)
    status =
        ms_custom_build(&run->param, run->cfg, run->d, run->start_w, blocks, run->ln_beta, err);
  return status;
}

static void one_of(const ms_run *run, size_t j, double *one) {
  for (size_t b = 0; b < run->param.width; b++)
    one[b] = run->start_w[b * run->d + j];
}

static ms_status refuse(const ms_run *run, size_t j, const char *why, ms_error *err) {
  const ms_matrix *Z = run->problem->Z;
  char list[200] = "", name[16];
  const ms_param *p = &run->param;
  double one[MS_WIDTH_MAX] = {0}, shown[MS_WIDTH_MAX] = {0};
  one_of(run, j, one);
  memcpy(shown, one, sizeof shown);
  if (p->other_names)
    p->to_others(one, shown);
  for (size_t b = 0; b < p->width; b++) {
    size_t used = strlen(list);
    ms_diag_weight_name(p, p->other_names ? p->other_names : p->names, b, name, sizeof name);
    snprintf(list + used, sizeof list - used, "%s%s = %.6g", b ? ", " : "", name, shown[b]);
  }
  return ms_fail(err, MS_BAD_INPUT, "%s: coordinate %zu, counted from 0, has %s: %s",
                 ms_config_text(run->cfg, "init-w"), (Z->spread ? Z->first : 0) + j, list, why);
}

/* x, and ln beta where the weights have one. */
static ms_status measure(ms_run *run, ms_error *err) {
  const ms_param *p = &run->param;
  for (size_t j = 0; j < run->d; j++) {
    double one[MS_WIDTH_MAX];
    one_of(run, j, one);
    run->start_x[j] = ms_param_of(p, j)->map(ms_param_of(p, j), one);
    if (!isfinite(run->start_x[j]))
      return refuse(run, j, "x = g(w) is no finite number there", err);
    if (p->at || !(p->scale || p->ln_beta_of))
      continue;
    double ln_beta = p->ln_beta_of ? p->ln_beta_of(p, one) : log(p->scale(p, one));
    if (!isfinite(ln_beta))
      return refuse(run, j, "their scale beta (docs/theory.md) is not above 0", err);
    run->ln_beta[j] = ln_beta;
  }
  return MS_OK;
}

ms_status ms_diag_read_start(ms_run *run, ms_error *err) {
  ms_start_file f;
  size_t width = run->param.at ? MS_WIDTH_MAX : run->param.width;
  ms_status status = check_others(run, err);
  if (status != MS_OK)
    return status;
  if (!(run->start_w = ms_doubles(width * run->d)))
    return ms_no_memory(err);
  status = ms_start_file_open(&f, run->cfg, err);
  if (status == MS_OK)
    status = run->param.at ? read_custom(run, &f, err) : read_blocks(run, &f, err);
  ms_start_file_close(&f);
  return status == MS_OK ? measure(run, err) : status;
}

/* Weights of the other sign are as good where x is the same. */
ms_status ms_diag_check_start(ms_run *run, ms_error *err) {
  for (size_t j = 0; j < run->d && !run->param.at; j++) {
    const ms_param *p = &run->param;
    double one[MS_WIDTH_MAX], like[MS_WIDTH_MAX] = {0}, size = DBL_MIN, off = 0;
    one_of(run, j, one);
    bool held = p->weights(p, run->ln_beta[j], run->kappa[j], like);
    for (size_t b = 0; b < p->width; b++) {
      size = fmax(size, fabs(one[b]));
      off = fmax(off, fabs(fabs(one[b]) - fabs(like[b])));
    }
    double x = p->map(p, one), part = fabs(p->map(p, like) - x);
    if (!held || !(off <= BALANCED * size) ||
        !(part <= BALANCED * fmax(fabs(x), pow(size, p->degree))))
      return refuse(run, j,
                    "no scale beta with this x gives these weights (docs/theory.md), so the mirror "
                    "map is not theirs",
                    err);
  }
  return MS_OK;
}
