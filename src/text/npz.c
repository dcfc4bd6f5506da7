#include "text/npy.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

enum { ENDING = 4 }; /* ".npy" */

struct ms_npz {
  char *path;
  zip_t *zip;
  size_t count;
  char **name; /* without .npy */
  zip_uint64_t *index;
};

void ms_npz_close(ms_npz *npz) {
  if (!npz)
    return;
  if (npz->zip)
    zip_discard(npz->zip);
  for (size_t i = 0; i < npz->count; i++)
    free(npz->name[i]);
  free(npz->name);
  free(npz->index);
  free(npz->path);
  free(npz);
}

static ms_status find_names(ms_npz *npz, ms_error *err) {
  zip_int64_t entries = zip_get_num_entries(npz->zip, 0);
  npz->name = calloc((size_t)entries + 1, sizeof *npz->name);
  npz->index = calloc((size_t)entries + 1, sizeof *npz->index);
  if (!npz->name || !npz->index)
    return ms_no_memory(err);
  for (zip_uint64_t i = 0; i < (zip_uint64_t)entries; i++) {
    const char *name = zip_get_name(npz->zip, i, 0);
    size_t length = name ? strlen(name) : 0;
    if (length <= ENDING || strcmp(name + length - ENDING, ".npy") != 0)
      continue;
    if (!(npz->name[npz->count] = strndup(name, length - ENDING)))
      return ms_no_memory(err);
    npz->index[npz->count++] = i;
  }
  return MS_OK;
}

ms_status ms_npz_open(ms_npz **out, const char *path, ms_error *err) {
  ms_npz *npz = calloc(1, sizeof *npz);
  int why;
  *out = NULL;
  if (!npz || !(npz->path = strdup(path))) {
    free(npz);
    return ms_no_memory(err);
  }
  npz->zip = zip_open(path, ZIP_RDONLY, &why);
  ms_status status = MS_OK;
  if (!npz->zip) {
    zip_error_t error;
    zip_error_init_with_code(&error, why);
    status = why == ZIP_ER_NOZIP
                 ? ms_fail(err, MS_BAD_INPUT,
                           "%s: the name ends in .npz, but the file is no NumPy archive", path)
                 : ms_fail(err, MS_BAD_INPUT, "%s: cannot be read: %s", path,
                           why == ZIP_ER_OPEN || why == ZIP_ER_NOENT || why == ZIP_ER_READ
                               ? strerror(errno)
                               : zip_error_strerror(&error));
    zip_error_fini(&error);
  }
  if (status == MS_OK)
    status = find_names(npz, err);
  if (status != MS_OK)
    ms_npz_close(npz);
  else
    *out = npz;
  return status;
}

const char *ms_npz_name(ms_npz *npz, size_t i) {
  return i < npz->count ? npz->name[i] : NULL;
}

bool ms_npz_holds(ms_npz *npz, const char *name) {
  for (size_t i = 0; i < npz->count; i++)
    if (strcmp(npz->name[i], name) == 0)
      return true;
  return false;
}

static const char *name_at(size_t i, void *npz) {
  return ms_npz_name(npz, i);
}

static ms_status no_such_array(ms_npz *npz, const char *name, ms_error *err) {
  char all[200] = "";
  for (size_t i = 0; i < npz->count; i++) {
    size_t used = strlen(all);
    snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", npz->name[i]);
  }
  const char *near = strlen(name) > 1 ? ms_nearest(name, name_at, npz) : NULL;
  return ms_fail(err, MS_BAD_INPUT, "%s: has no array '%s'%s%s%s; it holds: %s", npz->path, name,
                 near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "",
                 *all ? all : "nothing that NumPy wrote");
}

/* The bytes of an array; free them. */
static ms_status get_bytes(ms_npz *npz, const char *name, char **bytes, size_t *size,
                           ms_error *err) {
  zip_stat_t info;
  size_t i = 0;
  while (i < npz->count && strcmp(npz->name[i], name) != 0)
    i++;
  if (i == npz->count)
    return no_such_array(npz, name, err);
  bool known = zip_stat_index(npz->zip, npz->index[i], 0, &info) == 0;
  zip_file_t *file = known ? zip_fopen_index(npz->zip, npz->index[i], 0) : NULL;
  *size = known ? info.size : 0;
  *bytes = malloc(*size + 1);
  if (!*bytes) {
    if (file)
      zip_fclose(file);
    return ms_no_memory(err);
  }
  bool good = file && zip_fread(file, *bytes, *size) == (zip_int64_t)*size;
  if (file)
    good = zip_fclose(file) == 0 && good;
  return good ? MS_OK
              : ms_fail(err, MS_BAD_INPUT, "%s: the array '%s' cannot be read: %s", npz->path, name,
                        zip_strerror(npz->zip));
}

static ms_status read_array(ms_npz *npz, const char *name, ms_npy_form form, ms_npy *a,
                            double **values, ms_dtype *dtype, ms_error *err) {
  char *bytes = NULL, *place = NULL;
  size_t size = 0;
  *values = NULL;
  ms_status status = get_bytes(npz, name, &bytes, &size, err);
  if (status == MS_OK && asprintf(&place, "%s: %s.npy", npz->path, name) < 0)
    status = ms_no_memory(err);
  if (status == MS_OK)
    status = ms_npy_open(a, place, bytes, size, form, err);
  if (status == MS_OK && !(*values = ms_doubles(a->rows * a->cols)))
    status = ms_no_memory(err);
  if (status == MS_OK)
    status = form == MS_NPY_VECTOR ? ms_npy_vector(a, *values, false, err)
                                   : ms_npy_matrix(a, 0, a->cols, *values, err);
  if (status == MS_OK)
    *dtype = ms_npy_type(a);
  if (status != MS_OK) {
    free(*values);
    *values = NULL;
  }
  free(place);
  free(bytes);
  return status;
}

ms_status ms_npz_vector(ms_npz *npz, const char *name, double **values, size_t *n, ms_dtype *dtype,
                        ms_error *err) {
  ms_npy a = {0};
  ms_status status = read_array(npz, name, MS_NPY_VECTOR, &a, values, dtype, err);
  *n = a.rows;
  return status;
}

ms_status ms_npz_matrix(ms_npz *npz, const char *name, double **values, size_t *rows, size_t *cols,
                        ms_dtype *dtype, ms_error *err) {
  ms_npy a = {0};
  ms_status status = read_array(npz, name, MS_NPY_MATRIX, &a, values, dtype, err);
  *rows = a.rows;
  *cols = a.cols;
  return status;
}

ms_status ms_npz_matrices(ms_npz *npz, const char *name, double **values, size_t *n, size_t *rows,
                          size_t *cols, ms_dtype *dtype, ms_error *err) {
  ms_npy a = {0};
  ms_status status = read_array(npz, name, MS_NPY_MATRICES, &a, values, dtype, err);
  *n = a.rows;
  *rows = status == MS_OK ? a.cols / a.depth : 0;
  *cols = a.depth;
  return status;
}
