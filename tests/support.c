/* Settings, files, runs and differences for the suites. */
#include "factored/factored.h"
#include "tests.h"
#include "text/text.h"
#include <dirent.h>
#include <ftw.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool test_quick(void) {
  return getenv("MS_TEST_QUICK") != NULL;
}

/* ---- Text and files ------------------------------------------------------------------------- */

/* Here only what fails is asserted: Check writes a file for each assertion, and there are tests
 * that must not write. */
void *test_keep(void *memory) {
  static void **kept;
  static size_t count;
  kept = realloc(kept, (count + 1) * sizeof *kept);
  if (!kept || !memory)
    ck_abort_msg("out of memory");
  return kept[count++] = memory;
}

const char *test_text(const char *format, ...) {
  char *text = NULL;
  va_list args;
  va_start(args, format);
  if (vasprintf(&text, format, args) < 0)
    text = NULL;
  va_end(args);
  return test_keep(text);
}

static char folder[512];
static pid_t owner; /* tests are processes that inherit all of this */

static int drop(const char *path, const struct stat *st, int kind, struct FTW *place) {
  (void)st, (void)kind, (void)place;
  return remove(path);
}

void test_clean(void) {
  if (owner == getpid() && *folder)
    nftw(folder, drop, 8, FTW_DEPTH | FTW_PHYS);
  *folder = '\0';
}

const char *test_folder(void) {
  if (owner != getpid()) {
    owner = getpid();
    *folder = '\0';
    atexit(test_clean);
  }
  if (!*folder) {
    const char *tmp = getenv("TMPDIR");
    snprintf(folder, sizeof folder, "%s/mirrorsim.XXXXXX", tmp && *tmp ? tmp : "/tmp");
    if (!mkdtemp(folder))
      ck_abort_msg("no folder %s", folder);
  }
  return folder;
}

const char *test_path(const char *name) {
  return test_text("%s/%s", test_folder(), name);
}

size_t test_entries(const char *path) {
  size_t count = 0;
  DIR *dir = opendir(path);
  ck_assert_ptr_nonnull(dir);
  for (struct dirent *entry; (entry = readdir(dir));)
    count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  closedir(dir);
  return count;
}

const char *test_bytes(const char *name, const void *data, size_t size) {
  const char *path = test_path(name);
  FILE *file = fopen(path, "wb");
  ck_assert_ptr_nonnull(file);
  ck_assert_uint_eq(fwrite(data, 1, size, file), size);
  ck_assert_int_eq(fclose(file), 0);
  return path;
}

const char *test_file(const char *name, const char *text) {
  return test_bytes(name, text, strlen(text));
}

char *test_read(const char *path, size_t *size) {
  enum { ROOM = 1 << 22 };
  FILE *file = fopen(path, "rb");
  if (!file)
    return NULL;
  char *data = calloc(1, ROOM);
  ck_assert_ptr_nonnull(data);
  *size = fread(data, 1, ROOM - 1, file);
  fclose(file);
  return data;
}

const char *test_samples(const char *y1, const char *y2, const char *y3) {
  return test_file(
      "data.csv",
      test_text("y,a,b,c,d\n%s,0.9,-0.4,0.5,0.2\n%s,0.3,0.8,0.6,-0.5\n%s,-0.2,0.4,-0.9,0.7\n", y1,
                y2, y3));
}

/* ---- Runs ----------------------------------------------------------------------------------- */

static ms_status set(ms_config *cfg, const char *const *settings, ms_error *err) {
  ms_status status = MS_OK;
  for (; status == MS_OK && *settings; settings++) {
    const char *equal = strchr(*settings, '='),
               *name = test_text("%.*s", (int)(equal - *settings), *settings);
    status = ms_config_set(cfg, name, equal + 1, test_text("--%s", name), err);
  }
  return status;
}

const char *const *test_join(const char *const *settings, const char *const *further) {
  size_t first = 0, second = 0;
  while (settings[first])
    first++;
  while (further[second])
    second++;
  const char **all = test_keep(calloc(first + second + 1, sizeof *all));
  memcpy(all, settings, first * sizeof *all);
  memcpy(all + first, further, second * sizeof *all);
  return all;
}

ms_config *test_config(const char *const *settings) {
  ms_config *cfg = ms_config_new();
  ms_error err = {0};
  ck_assert_msg(set(cfg, settings, &err) == MS_OK, "%s", err.message);
  return cfg;
}

ms_status test_try(ms_run **run, const char *model, const char *const *settings, ms_error *err) {
  ms_config *cfg = test_config(WITH(test_text("model=%s", model)));
  *run = NULL;
  ms_status status = set(cfg, settings, err);
  if (status == MS_OK)
    status = ms_run_new(run, cfg, err);
  ms_config_free(cfg);
  return status;
}

ms_status test_refused(const char *model, const char *const *settings, const char *says) {
  ms_run *run;
  ms_error err = {0};
  ms_status status = test_try(&run, model, settings, &err);
  ck_assert_msg(status < 0 && !run, "%s is accepted", *settings);
  ck_assert_msg(strstr(err.message, says) != NULL, "'%s' does not say '%s'", err.message, says);
  return status;
}

ms_run *test_new(const char *model, const char *const *settings) {
  ms_run *run;
  ms_error err = {0};
  ms_status status = test_try(&run, model, settings, &err);
  ck_assert_msg(status == MS_OK, "%s", err.message);
  return run;
}

bool test_step(ms_run *run, ms_status *status) {
  ms_error err = {0};
  if (*status != MS_OK || run->recorded == ms_run_points(run))
    return false;
  *status = ms_run_advance(run, run->recorded, &err);
  ck_assert_msg(*status >= 0, "%s", err.message);
  return true;
}

ms_status test_to_end(ms_run *run) {
  ms_error err = {0};
  ms_status status = MS_OK;
  while (test_step(run, &status))
    ;
  ck_assert_int_eq(ms_run_finish(run, status, NULL, &err), MS_OK);
  return status;
}

ms_run *test_whole(const char *model, const char *const *settings) {
  ms_run *run = test_new(model, settings);
  test_to_end(run);
  return run;
}

/* ---- Numbers -------------------------------------------------------------------------------- */

double test_distance(size_t n, const double *u, const double *v) {
  double worst = 0;
  for (size_t i = 0; i < n; i++)
    worst = fmax(worst, fabs(u[i] - v[i]));
  return worst;
}

double test_off_rows(const ms_matrix *Z, const double *v) {
  size_t n = Z->n, d = Z->d;
  double *U = ms_doubles(n * n + n + n * d + 2 * d), *sigma = U + n * n, *Vt = sigma + n,
         *off = Vt + n * d, *none = off + d;
  ck_assert_uint_le(n, d);
  ck_assert_int_eq(ms_matrix_svd(Z, U, sigma, Vt), 0);
  memcpy(off, v, d * sizeof *off);
  for (size_t i = 0; i < n; i++) {
    double along = 0;
    for (size_t j = 0; j < d; j++)
      along += Vt[j * n + i] * off[j];
    for (size_t j = 0; j < d; j++)
      off[j] -= along * Vt[j * n + i];
  }
  double largest = test_distance(d, off, none);
  free(U);
  return largest;
}

const double test_at[] = {-2, -1, 1, 2}, test_weight[] = {1 / 12., -8 / 12., 8 / 12., -1 / 12.};

/* Along random directions; rounding 1e-16 f / h. */
void test_gradient(const char *model, const char *const *settings) {
  ms_run *run = test_new(model, settings);
  ms_objective *o = ms_factored_objective(run);
  size_t d = o->rows * o->cols;
  double *X = ms_doubles(4 * d), *G = X + d, *V = G + d, *Y = V + d;
  gsl_rng *rng = ms_random_new(7, MS_STREAM_DATA);
  for (int trial = 0; trial < 5; trial++) {
    ms_random_gaussian(rng, X, d, 0.3);
    ms_random_gaussian(rng, V, d, 1);
    double f = o->value(o, X, G), slope = 0, difference = 0, h = 1e-3;
    ck_assert_double_eq(f, o->value(o, X, NULL));
    for (int k = 0; k < TEST_STENCIL; k++) {
      for (size_t i = 0; i < d; i++)
        Y[i] = X[i] + test_at[k] * h * V[i];
      difference += test_weight[k] * o->value(o, Y, NULL) / h;
    }
    for (size_t i = 0; i < d; i++)
      slope += G[i] * V[i];
    ck_assert_double_eq_tol(slope, difference, 1e-7 * (1 + fabs(f)));
  }
  gsl_rng_free(rng);
  free(X);
  ms_run_free(run);
}
