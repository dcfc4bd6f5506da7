#include "problem/arrays.h"
#include "linalg/mtx.h"
#include "linalg/svmlight.h"
#include "parallel/comm.h"
#include "settings/config.h"
#include "text/text.h"
#include <stdlib.h>
#include <string.h>

ms_status ms_arrays_check_count(const ms_problem *p, const char *target, size_t count,
                                const char *data, ms_error *err) {
  return count == p->Z->n ? MS_OK
                          : ms_fail(err, MS_BAD_INPUT, "%s: has %zu numbers; %s has %zu rows",
                                    target, count, data, p->Z->n);
}

/* The numbers of a Matrix Market file of one row or column. */
static ms_status read_mtx_vector(double **values, size_t *n, const char *path, ms_error *err) {
  ms_matrix *Z = NULL, *dense = NULL;
  ms_status status = ms_mtx_read(&Z, path, err);
  if (status == MS_OK && Z->n != 1 && Z->d != 1)
    status =
        ms_fail(err, MS_BAD_INPUT, "%s: a matrix of %zu x %zu; y is one column", path, Z->n, Z->d);
  if (status == MS_OK)
    status = ms_matrix_dense(&dense, Z, err);
  if (status == MS_OK) {
    *n = Z->n * Z->d;
    *values = ms_doubles(*n);
    if (*values)
      memcpy(*values, dense->values, *n * sizeof **values);
    else
      status = ms_no_memory(err);
  }
  ms_matrix_free(dense);
  ms_matrix_free(Z);
  return status;
}

/* y from a file of its own. */
static ms_status read_target(ms_problem *p, const ms_config *cfg, ms_error *err) {
  const char *path = ms_config_text(cfg, "data"), *target = ms_config_text(cfg, "target");
  size_t count = 0;
  ms_status status = ms_file_kind_of(target) == MS_FILE_MTX
                         ? read_mtx_vector(&p->y, &count, target, err)
                         : ms_vector_read(&p->y, &count, target, false, err);
  if (status == MS_OK)
    status = ms_arrays_check_count(p, target, count, path, err);
  if (status == MS_OK)
    status = ms_reading_target(&p->reading, target, "--target", err);
  return status;
}

static ms_status needs_target(const ms_config *cfg, const char *kind, ms_error *err) {
  return ms_config_text(cfg, "target")
             ? MS_OK
             : ms_fail(err, MS_BAD_SETTING,
                       "%s: a %s file has no target: --target names a file "
                       "with y, one number a line or .npy",
                       ms_config_text(cfg, "data"), kind);
}

/* ---- One kind of file each ------------------------------------------------------------------ */

static ms_status read_columns(ms_matrix **Z, const char *path, ms_error *err) {
  size_t n, d, first, share;
  ms_status status = ms_npy_shape(path, &n, &d, err);
  if (status != MS_OK)
    return status;
  if (d < ms_all_size())
    return ms_problem_too_few_columns(d, err);
  ms_matrix_share(d, ms_all_rank(), &first, &share);
  status = ms_matrix_new(Z, n, share, err);
  if (status != MS_OK)
    return status;
  ms_matrix_spread(*Z, first, d);
  return ms_npy_columns(path, first, share, (*Z)->values, err);
}

static ms_status read_npy(ms_problem *p, const ms_config *cfg, ms_error *err) {
  const char *path = ms_config_text(cfg, "data");
  ms_status status = needs_target(cfg, ".npy", err);
  if (status == MS_OK)
    status = read_columns(&p->Z, path, err);
  if (status == MS_OK)
    status = read_target(p, cfg, err);
  if (status == MS_OK)
    ms_reading_dtype(&p->reading, ms_npy_dtype(path), ms_npy_dtype(ms_config_text(cfg, "target")));
  return status;
}

static ms_status read_mtx(ms_problem *p, const ms_config *cfg, ms_error *err) {
  ms_status status = ms_mtx_read(&p->Z, ms_config_text(cfg, "data"), err);
  if (status == MS_OK)
    status = read_target(p, cfg, err);
  ms_dtype none = {""};
  if (status == MS_OK)
    ms_reading_dtype(&p->reading, none, ms_npy_dtype(ms_config_text(cfg, "target")));
  return status;
}

static ms_status read_svmlight(ms_problem *p, const ms_config *cfg, ms_error *err) {
  if (ms_config_given(cfg, "target"))
    return ms_fail(err, MS_BAD_SETTING,
                   "%s: does not go with a file of svmlight: its labels are the target",
                   ms_config_origin(cfg, "target"));
  ms_status status = ms_svmlight_read(&p->Z, &p->y, ms_config_text(cfg, "data"), err);
  return status == MS_OK ? ms_reading_target(&p->reading, "label", "labels of the file", err)
                         : status;
}

static ms_status check_sparse(const ms_config *cfg, const char *file, ms_error *err) {
  if (!ms_config_flag(cfg, "standardize"))
    return MS_OK;
  return ms_fail(err, MS_BAD_SETTING,
                 "%s: does not go with a %s, centred columns "
                 "are not sparse",
                 ms_config_origin(cfg, "standardize"), file);
}

ms_status ms_arrays_read(ms_problem *p, ms_file_kind kind, const ms_config *cfg, ms_error *err) {
  static const char *const of_tables[] = {"separator", "decimal"};
  for (size_t i = 0; i < 2; i++)
    if (ms_config_given(cfg, of_tables[i]))
      return ms_fail(err, MS_BAD_SETTING, "%s: goes with CSV files only",
                     ms_config_origin(cfg, of_tables[i]));
  ms_status status = MS_OK;
  switch (kind) {
  case MS_FILE_NPY:
    return read_npy(p, cfg, err);
  case MS_FILE_NPZ:
    return ms_npz_problem(p, cfg, err);
  case MS_FILE_MTX:
    status = needs_target(cfg, "Matrix Market", err);
    if (status == MS_OK)
      status = check_sparse(cfg, "Matrix Market file", err);
    return status == MS_OK ? read_mtx(p, cfg, err) : status;
  default:
    status = check_sparse(cfg, "file of svmlight", err);
    return status == MS_OK ? read_svmlight(p, cfg, err) : status;
  }
}
