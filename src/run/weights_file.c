/* --init-w: weights at t = 0 by their names, as data.npz and weights.npz have them. */
#include "run/data_file.h"
#include "text/text.h"
#include <stdlib.h>
#include <string.h>

ms_status ms_start_file_open(ms_start_file *f, const ms_config *cfg, ms_error *err) {
  *f = (ms_start_file){.path = ms_config_text(cfg, "init-w")};
  ms_status status = ms_npz_open(&f->npz, f->path, err);
  f->over_time = status == MS_OK && ms_npz_holds(f->npz, "t");
  return status;
}

ms_status ms_start_file_alone(const ms_config *cfg, const char *const *names, const char *why,
                              ms_error *err) {
  for (; *names; names++)
    if (ms_config_given(cfg, *names))
      return ms_fail(err, MS_BAD_SETTING, "%s: %s", ms_config_origin(cfg, *names), why);
  return MS_OK;
}

void ms_start_file_close(ms_start_file *f) {
  ms_npz_close(f->npz);
}

/* start_NAME, else NAME. */
static const char *member(const ms_start_file *f, const char *name, char *room, size_t size) {
  snprintf(room, size, "start_%s", name);
  return ms_npz_holds(f->npz, room) ? room : name;
}

bool ms_start_file_holds(const ms_start_file *f, const char *name) {
  char room[32];
  return ms_npz_holds(f->npz, member(f, name, room, sizeof room));
}

static ms_status wrong(const ms_start_file *f, const char *name, size_t rows, size_t cols,
                       size_t wanted_rows, size_t wanted_cols, ms_error *err) {
  char has[48] = "", takes[48] = "";
  if (wanted_cols) {
    snprintf(has, sizeof has, "%zu x %zu", rows, cols);
    snprintf(takes, sizeof takes, "%zu x %zu", wanted_rows, wanted_cols);
  } else {
    snprintf(has, sizeof has, "%zu numbers", rows);
    snprintf(takes, sizeof takes, "%zu", wanted_rows);
  }
  return ms_fail(err, MS_BAD_INPUT, "%s: the array '%s' has %s%s; the model takes %s", f->path,
                 name, has, f->over_time ? " at each time" : "", takes);
}

/* An array (times, rows, cols): values become those of its last matrix. */
static ms_status last_matrix(const ms_start_file *f, const char *name, double **values,
                             size_t *rows, size_t *cols, ms_error *err) {
  ms_dtype type;
  double *all;
  size_t times;
  ms_status status = ms_npz_matrices(f->npz, name, &all, &times, rows, cols, &type, err);
  if (status != MS_OK)
    return status;
  size_t count = *rows * *cols;
  for (size_t k = 0; k < count; k++) /* column-major: entry k of all times is a column */
    all[k] = all[k * times + times - 1];
  *values = all;
  return MS_OK;
}

static ms_status last_vector(const ms_start_file *f, const char *name, double **values,
                             size_t *count, ms_error *err) {
  ms_dtype type;
  double *all;
  size_t times;
  ms_status status = ms_npz_matrix(f->npz, name, &all, &times, count, &type, err);
  if (status != MS_OK)
    return status;
  for (size_t k = 0; k < *count; k++)
    all[k] = all[k * times + times - 1];
  *values = all;
  return MS_OK;
}

ms_status ms_start_file_vector(const ms_start_file *f, const char *name, size_t count,
                               double **values, ms_error *err) {
  char room[32];
  ms_dtype type;
  size_t has = 0;
  name = member(f, name, room, sizeof room);
  *values = NULL;
  ms_status status = f->over_time ? last_vector(f, name, values, &has, err)
                                  : ms_npz_vector(f->npz, name, values, &has, &type, err);
  if (status == MS_OK && has != count) {
    status = wrong(f, name, has, 0, count, 0, err);
    free(*values);
    *values = NULL;
  }
  return status;
}

ms_status ms_start_file_matrix(const ms_start_file *f, const char *name, size_t rows, size_t cols,
                               double **values, ms_error *err) {
  char room[32];
  ms_dtype type;
  size_t has_rows = 0, has_cols = 0;
  double *read = NULL;
  name = member(f, name, room, sizeof room);
  *values = NULL;
  ms_status status = f->over_time
                         ? last_matrix(f, name, &read, &has_rows, &has_cols, err)
                         : ms_npz_matrix(f->npz, name, &read, &has_rows, &has_cols, &type, err);
  if (status == MS_OK && (has_rows != rows || has_cols != cols))
    status = wrong(f, name, has_rows, has_cols, rows, cols, err);
  if (status == MS_OK && !f->over_time && !(*values = ms_doubles(rows * cols)))
    status = ms_no_memory(err);
  for (size_t i = 0; *values && i < rows; i++)
    for (size_t j = 0; j < cols; j++)
      (*values)[i * cols + j] = read[j * rows + i];
  if (status == MS_OK && f->over_time) {
    *values = read;
    return MS_OK;
  }
  free(read);
  return status;
}
