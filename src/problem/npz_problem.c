/* A problem from the arrays of an .npz file, as data.npz has them. */
#include "problem/arrays.h"
#include "settings/config.h"
#include "text/text.h"
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct source {
  ms_npz *npz;
  const char *path, *target;
  ms_dtype of_Z, of_y;
} source;

static const char *const sparse_names[] = {"Z_data", "Z_indices", "Z_indptr", "Z_shape"};

/* SciPy's sparse matrices are five arrays. */
static ms_status check_npz(const source *s, ms_error *err) {
  if (ms_npz_holds(s->npz, "Z") || !ms_npz_holds(s->npz, "indptr") ||
      !ms_npz_holds(s->npz, "indices"))
    return MS_OK;
  return ms_fail(err, MS_BAD_INPUT,
                 "%s: is a sparse matrix of SciPy; save it as Matrix Market (scipy.io.mmwrite)",
                 s->path);
}

static bool is_read(const source *s, const char *name) {
  bool dense = ms_npz_holds(s->npz, "Z"), sparse = !dense && ms_npz_holds(s->npz, "Z_indptr");
  for (size_t k = 0; sparse && k < 4; k++)
    if (strcmp(name, sparse_names[k]) == 0)
      return true;
  return strcmp(name, dense    ? "Z"
                      : sparse ? ""
                               : "A") == 0 ||
         strcmp(name, s->target) == 0 || strcmp(name, "truth") == 0;
}

static void add(char *list, size_t size, const char *name) {
  size_t used = strlen(list);
  snprintf(list + used, size - used, "%s%s", used ? ", " : "", name);
}

static void note_others(ms_problem *p, const source *s) {
  char read[200] = "", others[200] = "";
  const char *name;
  for (size_t i = 0; (name = ms_npz_name(s->npz, i)); i++)
    if (!is_read(s, name))
      add(others, sizeof others, name);
    else if (strcmp(name, s->target) != 0)
      add(read, sizeof read, name);
  if (*others)
    ms_reading_note(&p->reading, "Of %s only %s and %s are read, not %s.", s->path, read, s->target,
                    others);
}

/* Whole numbers from 0 to below `end`. */
static ms_status whole(const source *s, const char *name, double **values, size_t *count,
                       double end, ms_error *err) {
  ms_dtype type;
  ms_status status = ms_npz_vector(s->npz, name, values, count, &type, err);
  for (size_t i = 0; status == MS_OK && i < *count; i++) {
    double v = (*values)[i];
    if (v != floor(v) || v < 0 || v >= end)
      status = ms_fail(err, MS_BAD_INPUT,
                       "%s: %s: %g at index %zu; allowed are whole numbers from 0 to %.0f", s->path,
                       name, v, i, end - 1);
  }
  return status;
}

typedef struct sparse {
  double *shape, *from, *place, *value;
  int32_t *row, *column;
} sparse;

static void sparse_free(sparse *z) {
  double *blocks[] = {z->shape, z->from, z->place, z->value};
  for (size_t i = 0; i < 4; i++)
    free(blocks[i]);
  free(z->row);
  free(z->column);
}

/* Compressed by columns: entry k is in row place[k], and those of column j are from[j] to
 * from[j + 1]. */
static ms_status fill_sparse(ms_matrix **Z, sparse *z, size_t count, ms_error *err) {
  size_t n = (size_t)z->shape[0], d = (size_t)z->shape[1];
  z->row = calloc(count + 1, sizeof *z->row);
  z->column = calloc(count + 1, sizeof *z->column);
  if (!z->row || !z->column)
    return ms_no_memory(err);
  for (size_t j = 0; j < d; j++)
    for (size_t k = (size_t)z->from[j]; k < (size_t)z->from[j + 1]; k++) {
      z->row[k] = (int32_t)z->place[k];
      z->column[k] = (int32_t)j;
    }
  return ms_matrix_sparse(Z, n, d, count, z->row, z->column, z->value, err);
}

static ms_status read_sparse(ms_problem *p, source *s, ms_error *err) {
  sparse z = {0};
  size_t count = 0, ends = 0, places = 0, two = 0;
  ms_status status = whole(s, "Z_shape", &z.shape, &two, INT32_MAX, err);
  bool shaped = status == MS_OK && two == 2 && z.shape[0] > 0 && z.shape[1] > 0;
  if (status == MS_OK && !shaped)
    status = ms_fail(err, MS_BAD_INPUT, "%s: Z_shape: two numbers, n and d, above 0", s->path);
  if (status == MS_OK)
    status = ms_npz_vector(s->npz, "Z_data", &z.value, &count, &s->of_Z, err);
  if (status == MS_OK)
    status = whole(s, "Z_indices", &z.place, &places, z.shape[0], err);
  if (status == MS_OK)
    status = whole(s, "Z_indptr", &z.from, &ends, (double)count + 1, err);
  bool fits = status == MS_OK && places == count && (double)ends == z.shape[1] + 1 &&
              z.from[0] == 0 && z.from[ends - 1] == (double)count;
  for (size_t j = 1; fits && j < ends; j++)
    fits = z.from[j] >= z.from[j - 1];
  if (status == MS_OK && !fits)
    status = ms_fail(err, MS_BAD_INPUT,
                     "%s: Z_data, Z_indices and Z_indptr are no matrix compressed by columns of "
                     "the shape that Z_shape says",
                     s->path);
  if (status == MS_OK)
    status = fill_sparse(&p->Z, &z, count, err);
  sparse_free(&z);
  return status;
}

static ms_status read_dense(ms_problem *p, source *s, ms_error *err) {
  double *Z = NULL;
  size_t n, d;
  bool matrices = !ms_npz_holds(s->npz, "Z") && ms_npz_holds(s->npz, "A");
  ms_status status = matrices
                         ? ms_npz_matrices(s->npz, "A", &Z, &n, &p->rows, &p->cols, &s->of_Z, err)
                         : ms_npz_matrix(s->npz, "Z", &Z, &n, &d, &s->of_Z, err);
  if (status == MS_OK && matrices)
    d = p->rows * p->cols;
  if (status == MS_OK)
    status = ms_matrix_new(&p->Z, n, d, err);
  if (status == MS_OK)
    memcpy(p->Z->values, Z, n * d * sizeof *Z);
  free(Z);
  return status;
}

/* Of matrices it is one. */
static ms_status read_truth(ms_problem *p, const source *s, ms_error *err) {
  ms_dtype type;
  size_t count = 0, rows = 0, cols = 0;
  double *by_columns = NULL;
  if (!ms_npz_holds(s->npz, "truth"))
    return MS_OK;
  if (!p->rows) {
    ms_status status = ms_npz_vector(s->npz, "truth", &p->truth, &count, &type, err);
    if (status == MS_OK && count != p->Z->d)
      status = ms_fail(err, MS_BAD_INPUT, "%s: truth has %zu numbers; Z has %zu columns", s->path,
                       count, p->Z->d);
    return status;
  }
  ms_status status = ms_npz_matrix(s->npz, "truth", &by_columns, &rows, &cols, &type, err);
  if (status == MS_OK && (rows != p->rows || cols != p->cols))
    status = ms_fail(err, MS_BAD_INPUT, "%s: truth is %zu x %zu; the matrices of A are %zu x %zu",
                     s->path, rows, cols, p->rows, p->cols);
  if (status == MS_OK && !(p->truth = ms_doubles(rows * cols)))
    status = ms_no_memory(err);
  for (size_t i = 0; status == MS_OK && i < rows; i++)
    for (size_t j = 0; j < cols; j++)
      p->truth[i * cols + j] = by_columns[j * rows + i];
  free(by_columns);
  return status;
}

static ms_status read_all(ms_problem *p, source *s, const char *chosen, ms_error *err) {
  size_t count;
  ms_status status = check_npz(s, err);
  bool is_sparse = !ms_npz_holds(s->npz, "Z") && ms_npz_holds(s->npz, "Z_indptr");
  if (status == MS_OK)
    status = is_sparse ? read_sparse(p, s, err) : read_dense(p, s, err);
  if (status == MS_OK)
    status = ms_npz_vector(s->npz, s->target, &p->y, &count, &s->of_y, err);
  if (status == MS_OK)
    status = ms_arrays_check_count(p, s->target, count, p->rows ? "A" : "Z", err);
  if (status == MS_OK && strcmp(s->target, "truth") != 0)
    status = read_truth(p, s, err);
  if (status == MS_OK)
    status = ms_reading_target(&p->reading, s->target, chosen, err);
  return status;
}

ms_status ms_npz_problem(ms_problem *p, const ms_config *cfg, ms_error *err) {
  const char *given = ms_config_text(cfg, "target");
  source s = {.path = ms_config_text(cfg, "data"), .target = given ? given : "y"};
  ms_status status = ms_npz_open(&s.npz, s.path, err);
  if (status == MS_OK)
    status = read_all(p, &s, given ? "--target" : "array of that name", err);
  bool standardize = ms_config_flag(cfg, "standardize");
  if (status == MS_OK && standardize && !p->Z->values)
    status = ms_fail(err, MS_BAD_SETTING,
                     "%s: does not go with the sparse Z of %s, centred columns are not sparse",
                     ms_config_origin(cfg, "standardize"), s.path);
  if (status == MS_OK && standardize && p->truth) {
    free(p->truth);
    p->truth = NULL;
    ms_reading_note(&p->reading, "truth of %s is left out: --standardize changes the features.",
                    s.path);
  }
  if (status == MS_OK) {
    ms_reading_dtype(&p->reading, s.of_Z, s.of_y);
    note_others(p, &s);
  }
  ms_npz_close(s.npz);
  return status;
}
