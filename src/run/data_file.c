#include "run/data_file.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* 100 MB. */
static const double FITS = 12.5e6;
/* 800 MB of weights over time. */
static const double KEPT = 1e8;

bool ms_data_fits(double numbers) {
  return numbers <= FITS;
}

void ms_data_announce(ms_run *run, const char *what, double numbers) {
  const char *file = ms_config_text(run->cfg, "data");
  if (ms_data_fits(numbers) || !ms_config_text(run->cfg, "out"))
    return;
  if (file)
    ms_run_add_note(run, "data.npz leaves out %s, %.3g MB of numbers: they are in %s.", what,
                    8e-6 * numbers, file);
  else
    ms_run_add_note(run,
                    "data.npz leaves out %s, %.3g MB of numbers: the settings in config.ini draw "
                    "them again.",
                    what, 8e-6 * numbers);
}

void ms_data_vector(ms_bundle *b, const char *name, const double *values, size_t count) {
  double *to = values ? ms_bundle_add(b, count, 0, 0, "%s", name) : NULL;
  if (to)
    memcpy(to, values, count * sizeof *to);
}

void ms_data_matrix(ms_bundle *b, const char *name, const double *values, size_t rows,
                    size_t cols) {
  double *to = values ? ms_bundle_add(b, rows, cols, 0, "%s", name) : NULL;
  for (size_t i = 0; to && i < rows; i++)
    for (size_t j = 0; j < cols; j++)
      to[i * cols + j] = values[j * rows + i];
}

static void add_sparse(ms_bundle *b, const ms_matrix *Z) {
  size_t count = Z->start[Z->d];
  ms_data_vector(b, "Z_data", Z->entry, count);
  double *row = ms_bundle_add(b, count, 0, 0, "Z_indices");
  ms_bundle_whole(b);
  for (size_t k = 0; row && k < count; k++)
    row[k] = Z->row[k];
  double *start = ms_bundle_add(b, Z->d + 1, 0, 0, "Z_indptr");
  ms_bundle_whole(b);
  for (size_t j = 0; start && j <= Z->d; j++)
    start[j] = (double)Z->start[j];
  double *shape = ms_bundle_add(b, 2, 0, 0, "Z_shape");
  ms_bundle_whole(b);
  if (shape)
    shape[0] = (double)Z->n, shape[1] = (double)Z->d;
}

void ms_data_problem(ms_bundle *b, const ms_problem *p) {
  const ms_matrix *Z = p->Z;
  bool fits = ms_data_fits((double)ms_matrix_entries(Z));
  if (fits && Z->values)
    ms_data_matrix(b, "Z", Z->values, Z->n, Z->d);
  else if (fits)
    add_sparse(b, Z);
  ms_data_vector(b, "y", p->y, Z->n);
  ms_data_vector(b, "truth", p->truth, Z->d);
}

void ms_data_measurements(const ms_objective *o, ms_bundle *b) {
  const ms_matrix *Z = o->problem->Z;
  size_t square = o->rows * o->cols, r = 0, c = 0;
  bool fits = ms_data_fits((double)(Z->n * square));
  double *A = fits ? ms_bundle_add(b, Z->n, o->rows, o->cols, "A") : NULL;
  double *column = A ? ms_doubles(Z->n) : NULL;
  for (size_t j = 0; column && j < Z->d; j++) {
    double part = o->packed && r != c ? 0.5 : 1;
    ms_matrix_column(Z, j, column);
    for (size_t i = 0; i < Z->n; i++) {
      A[i * square + r * o->cols + c] = part * column[i];
      if (o->packed)
        A[i * square + c * o->cols + r] = part * column[i];
    }
    if (++r == o->rows) {
      c++;
      r = o->packed ? c : 0;
    }
  }
  b->failed = b->failed || (A && !column);
  free(column);
  ms_data_vector(b, "y", o->problem->y, Z->n);
}

static size_t weight_count(const ms_run *run) {
  const ms_weights *w = run->model->weights;
  return w ? w->count(run) : 0;
}

static void add_start(const ms_run *run, ms_bundle *b) {
  size_t count = weight_count(run);
  double *w = ms_doubles(count);
  if (!w)
    b->failed = true;
  else if (count && ms_data_fits((double)count) && run->model->weights->start(run, w))
    run->model->weights->arrays(run, "start_", 0, w, b);
  free(w);
}

/* Z of several processes is in none of them. */
ms_status ms_data_write(const ms_run *run, const char *dir, ms_error *err) {
  if (!run->model->data || (run->problem && run->problem->Z->spread))
    return MS_OK;
  ms_bundle b = {0};
  run->model->data(run, &b);
  add_start(run, &b);
  ms_status status = ms_bundle_write(&b, dir, "data.npz", err);
  ms_bundle_free(&b);
  return status;
}

ms_status ms_weights_begin(ms_run *run, ms_error *err) {
  if (!ms_config_flag(run->cfg, "keep-weights"))
    return MS_OK;
  const char *origin = ms_config_origin(run->cfg, "keep-weights");
  size_t count = weight_count(run);
  if (!run->model->weights)
    return ms_fail(err, MS_UNSUPPORTED, "%s: --model %s does not keep its weights over time",
                   origin, run->model->name);
  if ((double)count * (double)run->points > KEPT)
    return ms_fail(err, MS_UNSUPPORTED,
                   "%s: %zu weights at %zu times are too many; at most %.3g numbers: take fewer "
                   "--points",
                   origin, count, run->points, KEPT);
  double *w = ms_doubles(count);
  ms_status status = w ? MS_OK : ms_no_memory(err);
  if (status == MS_OK && !run->model->weights->now(run, w))
    status = ms_fail(err, MS_UNSUPPORTED, "%s: there are no weights to keep, because %s", origin,
                     run->model->weights->why);
  free(w);
  return status;
}

ms_status ms_weights_record(ms_run *run, ms_error *err) {
  size_t count = weight_count(run), row = run->recorded;
  if (!count || !ms_config_flag(run->cfg, "keep-weights"))
    return MS_OK;
  if ((row & (row - 1)) == 0) {
    size_t room = row ? 2 * row : 1;
    double *more = realloc(run->kept_weights, room * count * sizeof *more);
    if (!more)
      return ms_no_memory(err);
    run->kept_weights = more;
  }
  double *w = run->kept_weights + row * count;
  if (!run->model->weights->now(run, w)) /* the flow beside it has ended, see the note */
    for (size_t i = 0; i < count; i++)
      w[i] = NAN;
  return MS_OK;
}

ms_status ms_weights_write(const ms_run *run, const char *dir, ms_error *err) {
  size_t columns = 0;
  ms_bundle b = {0};
  if (!run->kept_weights)
    return MS_OK;
  while (run->model->observables[columns].name)
    columns++;
  double *t = ms_bundle_add(&b, run->recorded, 0, 0, "t");
  for (size_t i = 0; t && i < run->recorded; i++)
    t[i] = run->rows[i * columns];
  run->model->weights->arrays(run, "", run->recorded, run->kept_weights, &b);
  ms_status status = ms_bundle_write(&b, dir, "weights.npz", err);
  ms_bundle_free(&b);
  return status;
}
