/* The factors of matrix models, by their names: to files. */
#include "factored/factored.h"
#include "run/data_file.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A factor as it is in a file: rows x cols (cols = 0: a vector), from `at` on in w. */
typedef struct factor {
  char name[16];
  size_t at, rows, cols;
  bool turned; /* w has its transpose */
} factor;

/* The j-th factor; false after the last. */
static bool factor_at(const ms_run *run, size_t j, factor *out) {
  bool queries;
  const ms_factors *f = ms_factored_factors(run, &queries);
  static const char *const two[][2] = {{"U", "V"}, {"k", "q"}, {"K", "Q"}, {"B", "A"}};
  bool listed = f->diagonal || f->symmetric || f->depth == 2;
  size_t kind = f->diagonal ? 1 : f->symmetric ? 0 : queries ? 2 : 3;
  bool chain = !f->diagonal && !f->symmetric, last = chain && j + 1 == f->depth;
  size_t high = !chain || j == 0 ? f->rows : f->width;
  size_t wide = f->diagonal ? 0 : last ? f->cols : f->width;
  *out = (factor){.rows = high, .cols = wide, .turned = queries && j == 1};
  out->at = j == 0   ? 0
            : !chain ? j * high * (wide ? wide : 1)
                     : f->rows * f->width + (j - 1) * f->width * f->width;
  if (out->at >= f->weights || (chain && j >= f->depth))
    return false;
  if (out->turned)
    out->rows = wide, out->cols = high;
  if (listed)
    snprintf(out->name, sizeof out->name, "%s", two[kind][j]);
  else if (f->depth == 1)
    snprintf(out->name, sizeof out->name, "X");
  else
    snprintf(out->name, sizeof out->name, "W%zu", j + 1);
  return true;
}

/* Place in w of the entry (r, c). */
static size_t place(const factor *f, size_t r, size_t c) {
  return f->at + (f->turned ? r * f->cols + c : c * f->rows + r);
}

static size_t count(const ms_run *run) {
  bool queries;
  return ms_factored_factors(run, &queries)->weights;
}

static bool now(const ms_run *run, double *w) {
  const double *from = ms_factored_now(run);
  if (from)
    memcpy(w, from, count(run) * sizeof *w);
  return from != NULL;
}

static void arrays(const ms_run *run, const char *prefix, size_t times, const double *w,
                   ms_bundle *b) {
  factor f;
  size_t all = count(run);
  for (size_t j = 0; factor_at(run, j, &f); j++) {
    size_t cols = f.cols ? f.cols : 1;
    double *to = times ? ms_bundle_add(b, times, f.rows, f.cols, "%s%s", prefix, f.name)
                       : ms_bundle_add(b, f.rows, f.cols, 0, "%s%s", prefix, f.name);
    for (size_t i = 0; to && i < (times ? times : 1); i++)
      for (size_t r = 0; r < f.rows; r++)
        for (size_t c = 0; c < cols; c++)
          *to++ = w[i * all + (f.cols ? place(&f, r, c) : f.at + r)];
  }
}

const ms_weights ms_factored_weights = {
    .count = count,
    .start = ms_factored_start,
    .now = now,
    .why = "the gradient flow is not integrated here; --flow gradient and --flow both integrate it",
    .arrays = arrays};

/* Of factor f, in the order of a file. */
static ms_status read_factor(const ms_start_file *file, const factor *f, double *w, ms_error *err) {
  double *read = NULL;
  ms_status status = f->cols ? ms_start_file_matrix(file, f->name, f->rows, f->cols, &read, err)
                             : ms_start_file_vector(file, f->name, f->rows, &read, err);
  for (size_t r = 0; status == MS_OK && r < f->rows; r++)
    for (size_t c = 0; c < (f->cols ? f->cols : 1); c++)
      w[f->cols ? place(f, r, c) : f->at + r] = read[r * (f->cols ? f->cols : 1) + c];
  free(read);
  return status;
}

ms_status ms_factored_read_start(const ms_run *run, double **w, double *ln_size, ms_error *err) {
  ms_start_file file;
  factor f;
  bool queries;
  double sum = 0, ones = 0; /* |w|^2, and that of factors that are the identity */
  if (!(*w = ms_doubles(count(run))))
    return ms_no_memory(err);
  ms_status status = ms_start_file_open(&file, run->cfg, err);
  for (size_t j = 0; status == MS_OK && factor_at(run, j, &f); j++) {
    status = read_factor(&file, &f, *w, err);
    ones += (double)(f.cols ? MS_MIN(f.rows, f.cols) : f.rows);
  }
  ms_start_file_close(&file);
  for (size_t i = 0; status == MS_OK && i < count(run); i++)
    sum += (*w)[i] * (*w)[i];
  if (sum > 0)
    *ln_size = (double)ms_factored_factors(run, &queries)->depth / 2 * log(sum / ones);
  return status;
}

void ms_factored_data(const ms_run *run, ms_bundle *b) {
  const ms_objective *o = ms_factored_objective(run);
  if (o->data)
    o->data(o, b);
  if (o->truth)
    ms_data_matrix(b, "truth", o->truth, o->rows, o->cols);
}
