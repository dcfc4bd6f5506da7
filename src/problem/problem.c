#include "problem/problem.h"
#include "base/random.h"
#include "parallel/comm.h"
#include "problem/arrays.h"
#include "problem/intercept.h"
#include "settings/config.h"
#include "text/text.h"
#include <float.h>
#include <gsl/gsl_randist.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Of a count: 1e9. */
static const double LN_LARGEST_MEAN = 20.723265836946414;

MS_CHOICE_AMONG(loss, ms_loss_at)

static const ms_named streams[] = {
    {"one", "one stream of numbers for all of Z, column after column"},
    {"columns", "each column from a place of its own: processes of one run draw theirs alone"}};
MS_CHOICE_OF(streams)

#define GROUP "Problem"
const ms_setting ms_problem_settings[] = {
    {"data", MS_PATH, "FILE.csv", NULL, .group = GROUP,
     .owner = "--model diag, sensing, lora and network",
     .help =
         "real data: CSV with a header row, target first, an .npz with arrays Z and y as data.npz "
         "of a run has them, Z as .npy, "
         "a Matrix Market file (.mtx) or one of svmlight (.svm), both kept sparse; each also as "
         ".gz but .npz; default: the synthetic sparse problem, Gaussian rows and a truth of a few "
         "+-1"},
    {"target", MS_TEXT, "NAME", NULL, .group = GROUP, .owner = "--data",
     .help = "column of --data that is the target; default: the first; with .mtx and .npy the "
             "file of y, with .npz the array, default y"},
    {"separator", MS_TEXT, "NAME", NULL, .group = GROUP, .owner = "--data",
     .help = "between the fields of a CSV file: comma, semicolon, tab, blank or bar; default: as "
             "its first rows show"},
    {"decimal", MS_TEXT, "NAME", NULL, .group = GROUP, .owner = "--data",
     .help = "in the numbers of a CSV file: point or comma; default: as the first number with one "
             "shows, with commas between the fields the point"},
    {"standardize", MS_FLAG, NULL, "off", .group = GROUP, .owner = "--data of --model diag",
     .help =
         "centre the target (not classes and counts, nor where --loss-formula is no function of "
         "z - y); centre the features and scale them to variance 1 (constant ones become 0)"},
    {"intercept", MS_FLAG, NULL, "off", .group = GROUP, .owner = "--model diag",
     .help =
         "f(x) = min_b of the loss of Zx + b: an intercept that is fitted, without weight decay "
         "and without a bias of its own; key `intercept` of the summary"},
    {"loss", MS_CHOICE, "NAME", "squared", .choice = loss_choice, .group = GROUP,
     .owner = "models that have more than one loss", .help = "loss of one sample"},
    {"loss-formula", MS_TEXT, "L", NULL, .group = GROUP, .owner = "--loss custom",
     .help = "l of --loss custom in the prediction z and the target y of one sample, as "
             "'log(cosh(z-y))': differentiable, best without a constant that does not matter"},
    {"n", MS_COUNT, "N", "40", .min = 1, .max = 1e8, .group = GROUP,
     .owner = "data drawn at random, without --data", .help = "samples of the synthetic problem"},
    {"d", MS_COUNT, "N", "100", .min = 1, .max = 1e9, .group = GROUP,
     .owner = "data drawn at random for --model diag", .help = "features of the synthetic problem"},
    {"sparsity", MS_COUNT, "N", NULL, .min = 0, .max = 1e9, .group = GROUP,
     .owner = "data drawn at random for --model diag",
     .help = "non-zeros of the synthetic truth; default: 5, or d where that is less"},
    {"noise", MS_REAL, "SIGMA", "0", .min = 0, .max = HUGE_VAL, .group = GROUP,
     .owner = "data drawn at random, without --data",
     .help = "standard deviation of the noise on the synthetic y"},
    {"margin", MS_REAL, "M", NULL, .min = 0, .max = HUGE_VAL, .group = GROUP,
     .owner = "data drawn at random for --loss logistic and exponential",
     .help =
         "of synthetic classes: every sample is moved by M along the truth, away from the other "
         "class; default: 0"},
    {"seed", MS_COUNT, "N", "1", .min = 0, .max = 9007199254740992.0, .group = GROUP,
     .help = "seed of everything random; same seed, same bytes"},
    {"stream", MS_CHOICE, "NAME", "one", .choice = streams_choice, .group = GROUP,
     .owner = "data drawn at random for --model diag",
     .help = "where the numbers of the synthetic Z come from"},
    {.name = NULL},
};

void ms_problem_free(ms_problem *p) {
  if (!p)
    return;
  if (p->names) /* of all columns, wherever they are */
    for (size_t j = 0; j < ms_matrix_columns(p->Z); j++)
      free(p->names[j]);
  ms_matrix_free(p->Z);
  free(p->names);
  ms_reading_free(&p->reading);
  free(p->y);
  free(p->truth);
  free(p->mean);
  ms_formula_free(p->custom.formula);
  free(p);
}

/* ---- A loss given as a formula -------------------------------------------------------------- */

ms_status ms_problem_choose_loss(ms_problem *p, const ms_config *cfg, ms_error *err) {
  static const char *const names[] = {"z", "y"};
  const char *text = ms_config_text(cfg, "loss-formula");
  p->loss = ms_loss_of(cfg);
  bool custom = !p->loss->value;
  if (!custom && text)
    return ms_fail(err, MS_BAD_SETTING, "%s: goes with --loss custom, not with '%s'",
                   ms_config_origin(cfg, "loss-formula"), p->loss->name);
  if (!custom)
    return MS_OK;
  if (!text)
    return ms_fail(err, MS_BAD_SETTING,
                   "--loss custom needs --loss-formula L in the prediction z and the target y; for "
                   "example --loss-formula 'log(cosh(z-y))'");
  p->custom = *p->loss;
  ms_status status = ms_formula_new(&p->custom.formula, text, strlen(text), names, 2,
                                    ms_config_origin(cfg, "loss-formula"), 1, err);
  if (status == MS_OK && !ms_formula_uses(p->custom.formula, 0))
    status = ms_fail(err, MS_BAD_SETTING, "%s: '%s' does not depend on the prediction z",
                     ms_config_origin(cfg, "loss-formula"), text);
  p->loss = &p->custom;
  return status;
}

double ms_loss_least(const ms_loss *l, double y) {
  static const double FAR = 1e9;
  double first = ms_loss_slope(l, 0, y), in = 0, out = first > 0 ? -1 : 1;
  while (first != 0 && ms_loss_slope(l, out, y) * first > 0 && fabs(out) < FAR * (1 + fabs(y))) {
    in = out;
    out *= 2;
  }
  for (int k = 0; first != 0 && k < 200; k++) {
    double middle = in + (out - in) / 2;
    *(ms_loss_slope(l, middle, y) * first > 0 ? &in : &out) = middle;
  }
  return in;
}

/* Does the slope jump at z, not only change fast? */
static bool has_kink(const ms_loss *l, double z, double y) {
  double size = 1 + fabs(z), near = 1e-12 * size, far = 1e-6 * size;
  double jump = fabs(ms_loss_slope(l, z + near, y) - ms_loss_slope(l, z - near, y));
  bool inside = isfinite(ms_loss_value(l, z - far, y) + ms_loss_value(l, z + far, y));
  return inside && jump > 1e-9 * fabs(ms_loss_slope(l, 0, y)) &&
         jump > 0.5 * fabs(ms_loss_slope(l, z + far, y) - ms_loss_slope(l, z - far, y));
}

ms_status ms_problem_check_loss(const ms_problem *p, const ms_config *cfg, ms_error *err) {
  const ms_loss *l = p->loss;
  for (size_t i = 0; l->formula && i < p->Z->n; i++) {
    double y = p->y[i];
    const char *origin = ms_config_origin(cfg, "loss-formula"),
               *text = ms_config_text(cfg, "loss-formula");
    if (!isfinite(ms_loss_value(l, 0, y) + ms_loss_slope(l, 0, y) + ms_loss_curvature(l, 0, y)))
      return ms_fail(err, MS_BAD_SETTING,
                     "%s: '%s' or its derivatives are no finite numbers at z = 0, y = %g (sample "
                     "%zu)",
                     origin, text, y, i + 1);
    double z = ms_loss_least(l, y);
    if (has_kink(l, z, y))
      return ms_fail(err, MS_BAD_SETTING,
                     "%s: '%s' has a kink at z = %.6g, y = %.6g (sample %zu), where it is least; "
                     "the flow takes a loss that is differentiable there",
                     origin, text, z, y, i + 1);
  }
  return MS_OK;
}

double ms_problem_floor(const ms_problem *p) {
  double sum = 0;
  for (size_t i = 0; p->loss->formula && i < p->Z->n; i++)
    sum += ms_loss_value(p->loss, ms_loss_least(p->loss, p->y[i]), p->y[i]);
  return sum / p->samples;
}

size_t ms_problem_concave(const ms_problem *p, const double *Zx) {
  for (size_t i = 0; p->loss->formula && i < p->Z->n; i++)
    if (ms_loss_curvature(p->loss, Zx[i], p->y[i]) <
        -1e-9 * fabs(ms_loss_curvature(p->loss, 0, p->y[i])))
      return i;
  return p->Z->n;
}

ms_status ms_problem_too_few_columns(size_t d, ms_error *err) {
  return ms_fail(
      err, MS_BAD_SETTING,
      "%zu columns for %zu processes: each takes at least one; try mpirun -n %zu or less", d,
      ms_all_size(), d);
}

/* Gaussian columns of Z: those from Z->first on of all, whoever draws them. */
static void draw(ms_matrix *Z, bool alone, gsl_rng *rng) {
  size_t n = Z->n;
  for (size_t i = 0; !alone && i < n * Z->first; i++)
    gsl_ran_gaussian_ziggurat(rng, 1);
  for (size_t j = 0; j < Z->d; j++) {
    if (alone) /* a number takes little more than one draw: no column comes to the next one's */
      ms_random_seek(rng, (Z->first + j) * (2 * n + 1000));
    for (size_t i = 0; i < n; i++)
      Z->values[j * n + i] = gsl_ran_gaussian_ziggurat(rng, 1);
  }
}

/* A random k-subset of d, each with a fair sign; truth[j] for the columns of Z. order[j] is how far
 * the j-th of the shuffled numbers is from j: it begins as zeros, few of which are ever touched. */
static void draw_truth(const ms_matrix *Z, size_t d, size_t k, gsl_rng *rng, size_t *order,
                       double *truth) {
  for (size_t i = 0; i < k; i++) {
    size_t other = i + (size_t)gsl_rng_uniform_int(rng, (unsigned long)(d - i));
    size_t j = other + order[other];
    order[other] = i + order[i] - other;
    double sign = gsl_rng_uniform(rng) < 0.5 ? -1 : 1;
    if (j - Z->first < Z->d)
      truth[j - Z->first] = sign;
  }
}

/* y_i from a Poisson distribution of mean e^{y_i}. GSL does not end for means beyond its integers.
 */
static ms_status draw_count(ms_problem *p, size_t i, gsl_rng *rng, ms_status status,
                            ms_error *err) {
  if (status != MS_OK)
    return status;
  double ln_mean = p->y[i];
  if (!(ln_mean <= LN_LARGEST_MEAN))
    return ms_fail(
        err, MS_BAD_SETTING,
        "--loss poisson: the count of sample %zu is to have the mean e^%.4g; at most 1e9 "
        "(e^20.7) is allowed: try a smaller --noise, --sparsity or --n",
        i + 1, ln_mean);
  p->y[i] = gsl_ran_poisson(rng, exp(ln_mean));
  return MS_OK;
}

static ms_status synthetic(ms_problem *p, const ms_config *cfg, ms_error *err) {
  size_t n = ms_config_count(cfg, "n"), d = ms_config_count(cfg, "d"), k = MS_MIN(d, 5);
  if (ms_config_given(cfg, "sparsity"))
    k = ms_config_count(cfg, "sparsity");
  if (k > d)
    return ms_fail(err, MS_BAD_SETTING, "%s: '%zu' is not allowed; at most d = %zu",
                   ms_config_origin(cfg, "sparsity"), k, d);
  if (ms_config_given(cfg, "margin") && p->loss->kind != MS_TARGET_CLASS)
    return ms_fail(err, MS_BAD_SETTING,
                   "%s: goes with the losses of classes, logistic and "
                   "exponential, not with --loss %s",
                   ms_config_origin(cfg, "margin"), p->loss->name);
  if (d < ms_all_size())
    return ms_problem_too_few_columns(d, err);
  size_t first, share;
  ms_matrix_share(d, ms_all_rank(), &first, &share);
  ms_status status = ms_matrix_new(&p->Z, n, share, err);
  uint64_t seed = (uint64_t)ms_config_real(cfg, "seed");
  bool alone = strcmp(ms_config_text(cfg, "stream"), "columns") == 0;
  p->y = ms_doubles(n);
  p->truth = ms_doubles(share);
  size_t *order = calloc(d, sizeof *order);
  gsl_rng *rng = (alone ? ms_random_counted : ms_random_new)(seed, MS_STREAM_DATA),
          *truth = ms_random_new(seed, MS_STREAM_TRUTH),
          *noise = ms_random_new(seed, MS_STREAM_NOISE);
  if (!p->y || !p->truth || !order || !rng || !truth || !noise)
    status = ms_no_memory(err);
  status = ms_all_agree(status, err);
  if (status == MS_OK) {
    ms_matrix_spread(p->Z, first, d);
    draw(p->Z, alone, rng);
    draw_truth(p->Z, d, k, truth, order, p->truth);
    ms_matrix_mul(p->Z, p->truth, p->y);
    double sigma = ms_config_real(cfg, "noise"), size = sqrt((double)k);
    double margin = ms_config_given(cfg, "margin") ? ms_config_real(cfg, "margin") : 0;
    for (size_t i = 0; i < n; i++) {
      p->y[i] += sigma * gsl_ran_gaussian_ziggurat(noise, 1);
      if (p->loss->kind == MS_TARGET_CLASS)
        p->y[i] = p->y[i] < 0 ? -1 : 1;
      else if (p->loss->kind == MS_TARGET_COUNT)
        status = draw_count(p, i, noise, status, err);
      for (size_t j = 0; j < share && margin > 0 && k > 0; j++)
        p->Z->values[j * n + i] += p->y[i] * margin * p->truth[j] / size;
    }
  }
  free(order);
  if (rng)
    gsl_rng_free(rng);
  if (truth)
    gsl_rng_free(truth);
  if (noise)
    gsl_rng_free(noise);
  return status;
}

/* Does the loss go by z - y alone, so that it takes a centred y as well? Those of classes and
 * counts do not, nor do formulas in which y is one. */
static bool goes_by_difference(const ms_problem *p) {
  for (size_t i = 0; p->loss->formula && i < p->Z->n; i++)
    for (int k = -1; k <= 1; k++) {
      double at[] = {p->y[i] + 0.7 * k, p->y[i]}, grad[2];
      ms_formula_derive(p->loss->formula, at, grad, NULL);
      if (!(fabs(grad[0] + grad[1]) <= 1e-9 * (fabs(grad[0]) + fabs(grad[1]))))
        return false;
    }
  return !p->loss->target;
}

/* Mean 0 and, for features, variance 1. A constant column has no scale: it becomes 0, and false. */
static bool standardize(double *column, size_t n, bool scale) {
  double sum = 0, largest = 0;
  for (size_t i = 0; i < n; i++)
    largest = fmax(largest, fabs(column[i]));
  for (int twice = 0; twice < 2;
       twice++) { /* the second time takes out the rounding of the first */
    double mean = 0;
    for (size_t i = 0; i < n; i++)
      mean += column[i] / (double)n;
    for (size_t i = 0; i < n; i++)
      column[i] -= mean;
  }
  for (size_t i = 0; i < n; i++)
    sum += column[i] * column[i] / (double)n;
  double deviation = sqrt(sum);
  /* What is left of a constant after subtracting its rounded mean is rounding. */
  bool constant = deviation <= 1e-13 * largest;
  for (size_t i = 0; i < n && (scale || constant); i++)
    column[i] = constant ? 0 : column[i] / deviation;
  return !constant;
}

/* "the column one", "3 columns: one, two, x[7]"; some of many. */
static void add_column(char *text, size_t room, const ms_problem *p, size_t j, size_t before) {
  enum { NAMED = 8 };
  size_t used = strlen(text);
  const char *comma = before ? ", " : "";
  if (before > NAMED)
    return;
  if (before == NAMED)
    snprintf(text + used, room - used, ", ...");
  else if (p->names)
    snprintf(text + used, room - used, "%s%.24s", comma, p->names[j]);
  else
    snprintf(text + used, room - used, "%sx[%zu]", comma, p->Z->first + j);
}

static void standardize_all(ms_problem *p) {
  size_t n = p->Z->n, constant = 0;
  char columns[256] = "";
  bool varies = true;
  if (goes_by_difference(p)) { /* classes and counts are what they are */
    for (size_t i = 0; i < n; i++)
      p->y_mean += p->y[i] / (double)n;
    varies = standardize(p->y, n, false);
  }
  for (size_t j = 0; j < p->Z->d; j++)
    if (!standardize(p->Z->values + j * n, n, true))
      add_column(columns, sizeof columns, p, j, constant++);
  if (!varies)
    ms_reading_note(&p->reading, "The target is constant: --standardize makes it 0.");
  if (constant)
    ms_reading_note(&p->reading,
                    "%zu constant column%s (%s) became 0 by --standardize and have no part in x.",
                    constant, constant > 1 ? "s" : "", columns);
}

static ms_status check_targets(ms_problem *p, const char *path, ms_error *err) {
  for (size_t i = 0; i < p->Z->n && p->loss->target; i++)
    if (!p->loss->target(&p->y[i]))
      return ms_fail(err, MS_BAD_INPUT,
                     "%s: target %g in row %zu of the data is not allowed; --loss "
                     "%s takes %s",
                     path, p->y[i], i + 1, p->loss->name, p->loss->targets);
  return MS_OK;
}

static ms_status from_table(ms_problem *p, ms_table *table, size_t t, const ms_config *cfg,
                            ms_error *err) {
  const char *path = ms_config_text(cfg, "data");
  size_t n = table->rows, d = table->cols - 1;
  if (d == 0)
    return ms_fail(err, MS_BAD_INPUT, "%s:1:1: the target is the only column; features are missing",
                   path);
  ms_status status = ms_matrix_new(&p->Z, n, d, err);
  if (status != MS_OK)
    return status;
  p->y = ms_doubles(n);
  p->names = calloc(d, sizeof *p->names);
  if (!p->y || !p->names)
    return ms_no_memory(err);
  memcpy(p->y, table->values + t * n, n * sizeof *p->y);
  for (size_t c = 0, j = 0; c < table->cols; c++) {
    if (c == t)
      continue;
    memcpy(p->Z->values + j * n, table->values + c * n, n * sizeof(double));
    p->names[j] = table->names[c];
    table->names[c] = NULL;
    j++;
  }
  status = check_targets(p, path, err);
  if (status != MS_OK)
    return status;
  if (ms_config_flag(cfg, "standardize"))
    standardize_all(p);
  return MS_OK;
}

static ms_status from_arrays(ms_problem *p, ms_file_kind kind, const ms_config *cfg,
                             ms_error *err) {
  const char *path = ms_config_text(cfg, "data"), *target = ms_config_text(cfg, "target");
  bool own_file = kind == MS_FILE_NPY || kind == MS_FILE_MTX;
  ms_status status = ms_arrays_read(p, kind, cfg, err);
  if (status == MS_OK)
    status = check_targets(p, own_file ? target : path, err);
  if (status == MS_OK && ms_config_flag(cfg, "standardize"))
    standardize_all(p);
  return status;
}

static ms_status from_file(ms_problem *p, const ms_config *cfg, ms_error *err) {
  const char *path = ms_config_text(cfg, "data");
  ms_file_kind kind = ms_file_kind_of(path);
  if (kind == MS_FILE_NPY) /* each process has read its columns */
    return from_arrays(p, kind, cfg, err);
  ms_status status;
  if (kind == MS_FILE_TABLE) {
    ms_table table;
    size_t target;
    status = ms_reading_table(&p->reading, &table, &target, path, cfg, err);
    if (status != MS_OK)
      return status;
    status = from_table(p, &table, target, cfg, err);
    ms_table_free(&table);
  } else {
    status = from_arrays(p, kind, cfg, err);
  }
  if (status == MS_OK && p->Z->d < ms_all_size())
    return ms_problem_too_few_columns(p->Z->d, err);
  if (status == MS_OK)
    status = ms_matrix_keep_share(p->Z, err);
  if (status == MS_OK && p->truth && p->Z->spread)
    memmove(p->truth, p->truth + p->Z->first, p->Z->d * sizeof *p->truth);
  return status;
}

ms_status ms_problem_new(ms_problem **out, const ms_config *cfg, ms_error *err) {
  ms_problem *p = calloc(1, sizeof *p);
  if (!p)
    return ms_no_memory(err);
  bool real = ms_config_text(cfg, "data") != NULL;
  ms_status status = ms_problem_choose_loss(p, cfg, err);
  static const char *const of_data[] = {"target", "separator", "decimal", "standardize"};
  for (size_t i = 0; !real && i < 4 && status == MS_OK; i++) {
    const char *name = of_data[i];
    if (ms_config_given(cfg, name) && (i < 3 || ms_config_flag(cfg, name)))
      status = ms_fail(err, MS_BAD_SETTING, "%s: goes with --data FILE.csv only",
                       ms_config_origin(cfg, name));
  }
  if (status == MS_OK)
    status = real ? ms_all_agree(from_file(p, cfg, err), err) : synthetic(p, cfg, err);
  if (status == MS_OK)
    status = ms_problem_check_loss(p, cfg, err);
  if (status != MS_OK) {
    ms_problem_free(p);
    return status;
  }
  p->samples = (double)p->Z->n;
  *out = p;
  return MS_OK;
}

/* n d min(n, d) up to which the singular value decomposition takes less than a few tenths of a
 * second. */
static const double REDUCE_FLOPS = 5e7;

/* A problem of `rows` equations like p, all 0. NULL without memory. */
static ms_problem *blank(const ms_problem *p, size_t rows, size_t d) {
  ms_problem *c = calloc(1, sizeof *c);
  if (!c)
    return NULL;
  c->samples = p->samples;
  c->loss = p->loss;
  c->y = ms_doubles(rows);
  if (c->y && ms_matrix_new(&c->Z, rows, d, NULL) == MS_OK)
    return c;
  ms_problem_free(c);
  return NULL;
}

static ms_status reduce(ms_problem **core, const ms_problem *p, ms_error *err) {
  size_t n = p->Z->n, d = p->Z->d, k = MS_MIN(n, d), rank = 0;
  double *U = ms_doubles(n * k), *sigma = ms_doubles(k), *Vt = ms_doubles(k * d);
  ms_status status = U && sigma && Vt ? MS_OK : ms_no_memory(err);
  if (status != MS_OK || ms_matrix_svd(p->Z, U, sigma, Vt) != 0)
    goto done; /* no convergence: the problem stays as it is */
  while (rank < k && sigma[rank] > DBL_EPSILON * (double)MS_MAX(n, d) * sigma[0])
    rank++;
  if (rank == 0)
    goto done;
  ms_problem *c = *core = blank(p, rank, d);
  if (!c) {
    status = ms_no_memory(err);
    goto done;
  }
  for (size_t r = 0; r < rank; r++) {
    for (size_t i = 0; i < n; i++)
      c->y[r] += U[r * n + i] * p->y[i];
    for (size_t j = 0; j < d; j++)
      c->Z->values[j * rank + r] = sigma[r] * Vt[j * k + r];
  }
done:
  free(U);
  free(sigma);
  free(Vt);
  return status;
}

/* The first process does it for all: the signs of singular vectors are anybody's choice. */
static ms_status reduce_spread(ms_problem **core, const ms_problem *p, ms_error *err) {
  ms_problem whole = *p;
  ms_status status = ms_matrix_whole(&whole.Z, p->Z, err);
  if (status != MS_OK)
    return status;
  if (ms_all_rank() == 0)
    status = reduce(core, &whole, err);
  ms_matrix_free(whole.Z);
  status = ms_all_agree(status, err);
  double rows = *core ? (double)(*core)->Z->n : 0;
  if (status == MS_OK)
    ms_all_copy(&rows, 1);
  if (status != MS_OK || rows == 0)
    return status;
  if (!*core && !(*core = blank(p, (size_t)rows, ms_matrix_columns(p->Z))))
    status = ms_no_memory(err);
  status = ms_all_agree(status, err);
  if (status != MS_OK)
    return status;
  ms_problem *c = *core;
  ms_all_copy(c->y, c->Z->n);
  ms_all_copy(c->Z->values, c->Z->n * c->Z->d);
  return ms_matrix_keep_share(c->Z, err);
}

ms_status ms_problem_reduce(ms_problem **core, const ms_problem *p, ms_error *err) {
  double n = (double)p->Z->n, d = (double)ms_matrix_columns(p->Z);
  *core = NULL;
  if (!p->loss->quadratic || n * d * fmin(n, d) > REDUCE_FLOPS)
    return MS_OK;
  return (p->Z->spread ? reduce_spread : reduce)(core, p, err);
}

double ms_problem_loss(const ms_problem *p, const double *Zx) {
  double sum = 0, b = ms_problem_offset(p, Zx);
  for (size_t i = 0; i < p->Z->n; i++)
    sum += ms_loss_value(p->loss, Zx[i] + b, p->y[i]);
  return sum / p->samples;
}

void ms_problem_slope(const ms_problem *p, const double *Zx, double *r) {
  double b = ms_problem_offset(p, Zx);
  for (size_t i = 0; i < p->Z->n; i++)
    r[i] = ms_loss_slope(p->loss, Zx[i] + b, p->y[i]) / p->samples;
}

void ms_problem_curvature(const ms_problem *p, const double *Zx, double *c) {
  double b = ms_problem_offset(p, Zx);
  for (size_t i = 0; i < p->Z->n; i++)
    c[i] = ms_loss_curvature(p->loss, Zx[i] + b, p->y[i]) / p->samples;
}

double ms_problem_strength(const ms_problem *p, const double *r) {
  double most = DBL_MIN;
  if (!p->loss->tail)
    return 1;
  for (size_t i = 0; i < p->Z->n; i++)
    most = fmax(most, fabs(r[i]) * p->samples);
  return most < 1 ? most * (1 - log(most)) : 1;
}
