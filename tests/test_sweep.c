/* Many runs: the pool of processes. */
#include "pool.h"
#include "run.h"
#include "tests.h"
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- The pool ------------------------------------------------------------------------------- */

enum { JOBS = 60 };

typedef struct record {
  int calls[JOBS];
  ms_status status[JOBS];
  size_t size[JOBS];
  char text[JOBS][200];
  size_t stop_after, ended;
  volatile sig_atomic_t *raise;
} record;

static ms_status count_up(void *ctx, size_t i, FILE *out, ms_error *err) {
  (void)ctx;
  if (i % 10 == 3)
    return ms_fail(err, MS_STALLED, "job %zu fails", i);
  if (i == 17)
    raise(SIGKILL);
  if (i == 18)
    _exit(7);
  for (size_t k = 0; k < i * 5000; k++) /* far more than a pipe holds */
    fputc((char)('a' + i % 26), out);
  return i % 2 ? MS_ENDED : MS_OK;
}

static ms_status note(void *ctx, size_t i, ms_status status, const ms_error *why,
                      const void *result, size_t size, ms_error *err) {
  record *r = ctx;
  r->calls[i]++;
  r->status[i] = status;
  r->size[i] = size;
  if (status < 0)
    snprintf(r->text[i], sizeof r->text[i], "%s", why->message);
  size_t wrong = 0;
  for (size_t k = 0; k < size; k++)
    wrong += ((const char *)result)[k] != (char)('a' + i % 26);
  ck_assert_uint_eq(wrong, 0);
  r->ended++;
  if (r->raise && r->ended == r->stop_after)
    *r->raise = 1;
  else if (r->ended == r->stop_after)
    return ms_fail(err, MS_CANNOT_WRITE, "enough");
  return MS_OK;
}

START_TEST(test_pool) {
  static const size_t workers[] = {1, 2, 5, 0};
  record r = {.stop_after = 0};
  ms_error err;
  ms_pool pool = {JOBS, workers[_i], &r, count_up, note, NULL};
  ck_assert_int_eq(ms_pool_run(&pool, &err), MS_OK);
  for (size_t i = 0; i < JOBS; i++) {
    ck_assert_int_eq(r.calls[i], 1);
    if (i % 10 == 3) {
      ck_assert_int_eq(r.status[i], MS_STALLED);
      ck_assert_ptr_nonnull(strstr(r.text[i], "fails"));
    } else if (i == 17 || i == 18) {
      ck_assert_int_eq(r.status[i], MS_CRASHED);
      ck_assert_ptr_nonnull(strstr(r.text[i], i == 17 ? "signal 9" : "code 7"));
    } else {
      ck_assert_int_eq(r.status[i], i % 2 ? MS_ENDED : MS_OK);
      ck_assert_uint_eq(r.size[i], i * 5000);
    }
  }
}
END_TEST

START_TEST(test_pool_stops) {
  volatile sig_atomic_t flag = 0;
  record r = {.stop_after = 5, .raise = _i ? &flag : NULL};
  ms_error err;
  ms_pool pool = {JOBS, 2, &r, count_up, note, &flag};
  ck_assert_int_eq(ms_pool_run(&pool, &err), _i ? MS_INTERRUPTED : MS_CANNOT_WRITE);
  ck_assert_uint_le(r.ended, 7);
  if (_i)
    ck_assert_ptr_nonnull(strstr(err.message, "of 60 runs were done"));
}
END_TEST

/* ---- Runs ----------------------------------------------------------------------------------- */

enum { RUNS = 8 };

static double *norms(void *ctx, size_t i, const ms_run *run, size_t *count) {
  (void)ctx, (void)i;
  size_t columns = 0;
  while (run->model->observables[columns].name)
    columns++;
  *count = run->recorded * columns;
  double *values = ms_doubles(*count);
  memcpy(values, run->rows, *count * sizeof *values);
  return values;
}

typedef struct kept {
  ms_status status[RUNS];
  char message[RUNS][300], end[RUNS][40];
  double l1[RUNS], *values[RUNS];
  size_t count[RUNS];
} kept;

static ms_status keep(void *ctx, size_t i, const ms_result *result, ms_error *err) {
  kept *k = ctx;
  (void)err;
  k->status[i] = result->status;
  snprintf(k->message[i], sizeof k->message[i], "%s", result->message);
  for (size_t e = 0; e < result->entries; e++) {
    if (strcmp(result->summary[e].key, "l1") == 0)
      k->l1[i] = result->summary[e].value;
    if (strcmp(result->summary[e].key, "status") == 0)
      snprintf(k->end[i], sizeof k->end[i], "%s", result->summary[e].text);
  }
  k->count[i] = result->count;
  k->values[i] = ms_doubles(result->count);
  memcpy(k->values[i], result->values, result->count * sizeof(double));
  return MS_OK;
}

/* The same numbers as runs made one after the other in this process, to the last bit. */
START_TEST(test_runs) {
  ms_config *configs[RUNS];
  ms_error err;
  kept k = {.status = {0}};
  for (size_t i = 0; i < RUNS; i++) {
    char seed[32];
    snprintf(seed, sizeof seed, "%zu", i);
    configs[i] = ms_config_new();
    ms_config_set(configs[i], "seed", seed, "seed", &err);
    ms_config_set(configs[i], "n", "5", "n", &err);
    ms_config_set(configs[i], "d", "8", "d", &err);
    ms_config_set(configs[i], "points", "10", "points", &err);
  }
  ms_config_set(configs[2], "max-steps", "20", "max-steps", &err);
  ms_config_set(configs[5], "sparsity", "9", "sparsity", &err);
  ms_runs_options options = {.workers = 3, .ctx = &k, .collect = norms, .done = keep};
  ck_assert_int_eq(ms_runs((const ms_config *const *)configs, RUNS, &options, &err), MS_OK);
  for (size_t i = 0; i < RUNS; i++) {
    ms_run *run;
    ck_assert_int_eq(ms_run_whole(&run, configs[i], NULL, &err), k.status[i]);
    if (k.status[i] < 0)
      ck_assert_str_eq(k.message[i], err.message);
    if (i == 2)
      ck_assert_int_eq(k.status[i], MS_STALLED);
    if (i == 5) {
      ck_assert_ptr_null(run);
      ck_assert_int_eq(k.status[i], MS_BAD_SETTING);
      ck_assert_uint_eq(k.count[i], 0);
    } else {
      size_t count;
      double *values = norms(NULL, i, run, &count);
      ck_assert_str_eq(k.end[i], run->status);
      ck_assert_double_eq(k.l1[i], ms_run_summary(run, "l1"));
      ck_assert_uint_eq(k.count[i], count);
      for (size_t v = 0; v < count; v++)
        ck_assert(memcmp(&k.values[i][v], &values[v], sizeof *values) == 0);
      free(values);
    }
    ms_run_free(run);
    ms_config_free(configs[i]);
    free(k.values[i]);
  }
}
END_TEST

Suite *sweep_suite(void) {
  Suite *suite = suite_create("sweep");
  TCase *pool = tcase_create("pool");
  tcase_set_timeout(pool, 120);
  tcase_add_loop_test(pool, test_pool, 0, 4);
  tcase_add_loop_test(pool, test_pool_stops, 0, 2);
  tcase_add_test(pool, test_runs);
  suite_add_tcase(suite, pool);
  return suite;
}
