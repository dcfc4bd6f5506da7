#include "files.h"
#include "tests.h"
#include <stdlib.h>
#include <string.h>

void test_written(const char *name, const char *model, const char *const *settings) {
  ms_error err = {0};
  ms_run *run = test_whole(model, settings);
  ck_assert_msg(ms_run_write(run, test_path(name), &err) == MS_OK, "%s", err.message);
  ms_run_free(run);
}

double *test_vector(const char *file, const char *name, size_t *count) {
  ms_npz *npz;
  ms_dtype type;
  double *values;
  ms_error err = {0};
  ck_assert_msg(ms_npz_open(&npz, test_path(file), &err) == MS_OK, "%s", err.message);
  ck_assert_msg(ms_npz_vector(npz, name, &values, count, &type, &err) == MS_OK, "%s", err.message);
  ms_npz_close(npz);
  return test_keep(values);
}

double *test_matrix(const char *file, const char *name, size_t *rows, size_t *cols) {
  ms_npz *npz;
  ms_dtype type;
  double *values;
  ms_error err = {0};
  ck_assert_msg(ms_npz_open(&npz, test_path(file), &err) == MS_OK, "%s", err.message);
  ck_assert_msg(ms_npz_matrix(npz, name, &values, rows, cols, &type, &err) == MS_OK, "%s",
                err.message);
  ms_npz_close(npz);
  return test_keep(values);
}

double *test_matrices(const char *file, const char *name, size_t *n, size_t *rows, size_t *cols) {
  ms_npz *npz;
  ms_dtype type;
  double *values;
  ms_error err = {0};
  ck_assert_msg(ms_npz_open(&npz, test_path(file), &err) == MS_OK, "%s", err.message);
  ck_assert_msg(ms_npz_matrices(npz, name, &values, n, rows, cols, &type, &err) == MS_OK, "%s",
                err.message);
  ms_npz_close(npz);
  return test_keep(values);
}

bool test_holds(const char *file, const char *name) {
  ms_npz *npz;
  ms_error err = {0};
  ck_assert_msg(ms_npz_open(&npz, test_path(file), &err) == MS_OK, "%s", err.message);
  bool found = ms_npz_holds(npz, name);
  ms_npz_close(npz);
  return found;
}

double test_last(const char *folder, const char *name) {
  size_t size, column = 0, at = 0;
  char *text = test_keep(test_read(test_path(test_text("%s/trajectory.csv", folder)), &size));
  ck_assert_ptr_nonnull(text);
  const char *header = text;
  for (; strncmp(header, name, strlen(name)) != 0; column++)
    header = strchr(header, ',') + 1;
  char *line = text;
  for (char *p = text; p[0] && p[1]; p++)
    if (*p == '\n')
      line = p + 1;
  for (; at < column; at++)
    line = strchr(line, ',') + 1;
  return strtod(line, NULL);
}
