/* Many runs: the pool of processes, sweeps and their journals. */
#include "parallel/pool.h"
#include "run/run.h"
#include "sweep/sweep.h"
#include "tests.h"
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
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
  if (i == 19)
    raise(SIGTERM); /* as the end of a batch job's time does in all its processes */
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
  const ms_pool pool = {
      .count = JOBS, .workers = workers[_i], .ctx = &r, .work = count_up, .done = note};
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
  const ms_pool pool = {
      .count = JOBS, .workers = 2, .ctx = &r, .work = count_up, .done = note, .interrupt = &flag};
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
    configs[i] = test_config(WITH("n=5", "d=8", "points=10", test_text("seed=%zu", i),
                                  i == 2   ? "max-steps=20"
                                  : i == 5 ? "sparsity=9"
                                           : NULL));
  }
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

/* ---- Sweeps --------------------------------------------------------------------------------- */

static const char *folder; /* taken before a test forks itself */

static void make_folder(void) {
  folder = test_folder();
}

/* A whole file of the folder, freed by the caller; NULL where there is none. */
static char *contents(const char *name) {
  size_t size;
  return test_read(test_path(name), &size);
}

static ms_sweep *sweep_of(const char *const *settings) {
  ms_config *cfg = test_config(settings);
  ms_sweep *sweep = ms_sweep_new(cfg);
  ms_config_free(cfg);
  return sweep;
}

/* Small runs; two of them fail. */
static ms_sweep *small_sweep(void) {
  ms_error err;
  ms_sweep *sweep = sweep_of(WITH("n=4", "wd-schedule=step"));
  ck_assert_int_eq(ms_sweep_grid(sweep, "init-scale=1e-1000,log:0.01:1:2", "--grid", &err), MS_OK);
  ck_assert_int_eq(ms_sweep_zip(sweep, "sparsity=1,7", "--zip", &err), MS_OK);
  ck_assert_int_eq(ms_sweep_grid(sweep, "seed=1:4", "--grid", &err), MS_OK);
  ck_assert_int_eq(ms_sweep_zip(sweep, "d=8,6", "--zip", &err), MS_OK); /* 7 of 6: fails */
  ck_assert_uint_eq(ms_sweep_count(sweep), 24);
  return sweep;
}

static ms_status run_small(size_t workers, bool resume, ms_error *err) {
  ms_sweep *sweep = small_sweep();
  ms_sweep_options options = {.dir = folder, .workers = workers, .resume = resume};
  size_t failed = 0;
  ms_status status = ms_sweep_run(sweep, &options, &failed, err);
  if (status == MS_OK)
    ck_assert_uint_eq(failed, 12);
  ms_sweep_free(sweep);
  return status;
}

static char *undisturbed, *undisturbed_groups;

static void make_undisturbed(void) {
  ms_error err;
  ck_assert_int_eq(run_small(1, false, &err), MS_OK);
  free(undisturbed); /* of another test, where all are one process */
  free(undisturbed_groups);
  undisturbed = contents("sweep.csv");
  undisturbed_groups = contents("groups.csv");
  test_clean();
  make_folder();
}

static void check_undisturbed(void) {
  char *table = contents("sweep.csv"), *groups = contents("groups.csv");
  ck_assert_ptr_nonnull(table);
  ck_assert_int_eq(strcmp(table, undisturbed), 0); /* too long for Check to show */
  ck_assert_int_eq(strcmp(groups, undisturbed_groups), 0);
  free(table);
  free(groups);
}

START_TEST(test_workers) {
  ms_error err;
  make_undisturbed();
  ck_assert_int_eq(run_small(_i ? 5 : 2, false, &err), MS_OK);
  check_undisturbed();
  size_t lines = 0;
  for (const char *at = undisturbed; (at = strchr(at, '\n')); at++)
    lines++;
  ck_assert_uint_eq(lines, 25);
  ck_assert_ptr_nonnull(strstr(undisturbed, "\n5,1e-1000,7,6,1,"));
  ck_assert_ptr_nonnull(strstr(undisturbed, ",sparsity: '7' is not allowed; at most d = 6\n"));
}
END_TEST

/* Killed at random moments, again and again, until one call comes through. */
START_TEST(test_killed) {
  ms_error err;
  make_undisturbed();
  srand((unsigned)_i + 1);
  size_t kills = 0, most = test_quick() ? 3 : 10;
  for (bool whole = false; !whole; kills += !whole) {
    pid_t child = fork();
    if (child == 0)
      _exit(run_small((size_t)_i + 1, true, &err) == MS_OK ? 0 : 1);
    if (kills < most)
      usleep((useconds_t)(rand() % 25000));
    if (kills < most)
      kill(child, SIGKILL);
    int status;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    whole = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    ck_assert(whole || WIFSIGNALED(status));
  }
  check_undisturbed();
}
END_TEST

/* Whatever byte the journal is cut or spoilt at. */
START_TEST(test_torn) {
  ms_error err;
  make_undisturbed();
  ck_assert_int_eq(run_small(2, false, &err), MS_OK);
  ck_assert_int_eq(run_small(2, false, &err), MS_BAD_SETTING);
  ck_assert_ptr_nonnull(strstr(err.message, "--resume"));
  char *journal = contents("journal");
  long size = (long)strlen(journal);
  for (long cut = 0; cut < size; cut += 1 + size / (test_quick() ? 3 : 12)) {
    test_file("journal", test_text("%.*s%s", (int)cut, journal, cut % 2 ? "nonsense\t1\n3" : ""));
    ms_status status = run_small(2, true, &err);
    if (cut < 20 && cut % 2) /* not even the first line is one */
      ck_assert_int_eq(status, MS_BAD_SETTING);
    else
      ck_assert_int_eq(status, MS_OK);
  }
  journal[size / 2] ^= 1; /* one line of the middle has changed */
  test_file("journal", journal);
  ck_assert_int_eq(run_small(2, true, &err), MS_OK);
  free(journal);
  check_undisturbed();
}
END_TEST

/* A disk that is full is an error; what was written before is kept. */
START_TEST(test_full) {
  ms_error err;
  make_undisturbed();
  signal(SIGXFSZ, SIG_IGN);
  struct rlimit limit = {3000, RLIM_INFINITY};
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
  ck_assert_int_eq(run_small(2, false, &err), MS_CANNOT_WRITE);
  ck_assert_ptr_nonnull(strstr(err.message, "--resume"));
  char *journal = contents("journal");
  ck_assert_uint_eq(strlen(journal), 3000);
  free(journal);
  limit.rlim_cur = RLIM_INFINITY;
  ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
  ck_assert_int_eq(run_small(2, true, &err), MS_OK);
  check_undisturbed();
}
END_TEST

static volatile sig_atomic_t stop;

static void stop_soon(void *ctx, size_t done, size_t failed, size_t count) {
  (void)ctx, (void)failed, (void)count;
  stop = done >= 7;
}

START_TEST(test_interrupted) {
  ms_error err;
  size_t failed, lines = 0;
  make_undisturbed();
  ms_sweep *sweep = small_sweep();
  ms_sweep_options options = {
      .dir = folder, .workers = 2, .interrupt = &stop, .progress = stop_soon};
  ck_assert_int_eq(ms_sweep_run(sweep, &options, &failed, &err), MS_INTERRUPTED);
  char *table = contents("sweep.csv"); /* what there is can be read at once */
  for (const char *at = table; (at = strchr(at, '\n')); at++)
    lines++;
  ck_assert_uint_ge(lines, 8);
  ck_assert_uint_lt(lines, 24);
  free(table);
  stop = 0;
  options.progress = NULL;
  options.resume = true;
  ck_assert_int_eq(ms_sweep_run(sweep, &options, &failed, &err), MS_OK);
  ms_sweep_free(sweep);
  check_undisturbed();
}
END_TEST

START_TEST(test_keep_runs) {
  ms_error err;
  size_t failed;
  ms_sweep *sweep = small_sweep();
  ms_sweep_options options = {.dir = folder, .workers = 2, .keep_runs = true};
  ck_assert_int_eq(ms_sweep_run(sweep, &options, &failed, &err), MS_OK);
  char *config = contents("runs/000002/config.ini"), *table = contents("runs/000002/x.csv");
  ck_assert_ptr_nonnull(strstr(config, "init-scale = 1e-1000"));
  ck_assert_ptr_nonnull(strstr(config, "seed = 2"));
  ck_assert_ptr_nonnull(table);
  ck_assert_ptr_null(contents("runs/000005/config.ini")); /* that one failed */
  free(config);
  free(table);
  options.keep_runs = false;
  options.resume = true;
  ck_assert_int_eq(ms_sweep_run(sweep, &options, &failed, &err), MS_BAD_SETTING);
  ms_sweep_free(sweep);
}
END_TEST

/* ---- What can be asked for ------------------------------------------------------------------ */

static const struct {
  const char *text, *expected;
} bad[] = {
    {"wd=1,x", "--grid wd: 'x' is not allowed; it takes a number of at least 0"},
    {"wdd=1", "no setting is called 'wdd'; did you mean 'wd'?"},
    {"wd", "'wd' is not KEY=VALUE"},
    {"wd=", "a value is missing"},
    {"wd=1,,2", "a value is missing"},
    {"seed=5:1", "its steps do not lead"},
    {"seed=1:9:0", "its steps do not lead"},
    {"seed=1:2.5", "whole numbers"},
    {"wd=log:0:1:3", "greater than 0"},
    {"wd=log:1:2", "FROM:TO:COUNT"},
    {"wd=lin:1:2:1", "at least 2"},
    {"wd=lin:a:2:2", "its ends are numbers"},
    {"seed=1:1000000000", "too many"},
    {"out=a,b", "cannot vary"},
    {"n=1,2", "varies already"},
    {"wd-schedule=linar", "did you mean 'linear'"},
    {"wd=1e20:10000000000000001000:1", "do not lead"},
    {"wd=1e16:10000000000000010:1", "lost in the rounding"},
    {"init-scale=1e-400:1e-400", "whole numbers"},
};
enum { BAD = sizeof bad / sizeof *bad };

START_TEST(test_bad) {
  ms_sweep *sweep = sweep_of(WITH(NULL));
  ms_error err;
  ck_assert_int_eq(ms_sweep_grid(sweep, "n=3,4", "--grid", &err), MS_OK);
  ck_assert_int_eq(ms_sweep_grid(sweep, bad[_i].text, "--grid", &err), MS_BAD_SETTING);
  ck_assert_msg(strstr(err.message, bad[_i].expected), "'%s' says: %s", bad[_i].text, err.message);
  ck_assert_ptr_nonnull(strstr(err.message, "--grid"));
  ck_assert_uint_eq(ms_sweep_count(sweep), 2);
  ms_sweep_free(sweep);
}
END_TEST

static const struct {
  const char *text, *values;
} good[] = {
    {"seed=1:3,7", "1 2 3 7"},
    {"seed=7:1:-3", "7 4 1"},
    {"wd=lin:0:1:5", "0 0.25 0.5 0.75 1"},
    {"wd=log:1e-3:10:5", "1e-3 0.01 0.1 1 10"},
    {"init-scale=log:1e-1000:1e-990:3,2", "1e-1000 1e-995 1e-990 2"},
    {"init-scale=log:1e-2:4e-2:3", "1e-2 0.02 4e-2"},
    {"param=mw,uv", "mw uv"},
    {"t-end=1e70:1e70", "1e70"}, /* whatever the size */
    {"t-end=1e70:3e70:1e70", "1e70 2e+70 3e70"},
    {"t-end=1e308:1e308,7", "1e308 7"},
    {"t-end=1e14:1e14", "100000000000000"},
    {"wd=9007199254740990:9007199254740992", "9007199254740990 9007199254740991 9007199254740992"},
};
enum { GOOD = sizeof good / sizeof *good };

START_TEST(test_values) {
  ms_sweep *sweep = sweep_of(WITH(NULL));
  ms_error err;
  char all[300] = "";
  ck_assert_msg(ms_sweep_grid(sweep, good[_i].text, "--grid", &err) == MS_OK, "%s", err.message);
  for (size_t i = 0; i < ms_sweep_count(sweep); i++)
    snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s", i ? " " : "",
             ms_sweep_value(sweep, i, ms_sweep_key(sweep, 0)));
  ck_assert_str_eq(all, good[_i].values);
  ms_sweep_free(sweep);
}
END_TEST

static ms_status read_cases(ms_sweep **sweep, const char *text, ms_error *err) {
  *sweep = sweep_of(WITH(NULL));
  return ms_sweep_cases(*sweep, test_file("cases.csv", text), err);
}

START_TEST(test_cases) {
  ms_sweep *sweep;
  ms_error err;
  ck_assert_int_eq(read_cases(&sweep, "wd, \"seed\"\r\n0.1,1\n,\"2\"\n", &err), MS_OK);
  ck_assert_uint_eq(ms_sweep_count(sweep), 2);
  ck_assert_str_eq(ms_sweep_value(sweep, 0, "wd"), "0.1");
  ck_assert_str_eq(ms_sweep_value(sweep, 1, "wd"), ""); /* the default */
  ck_assert_str_eq(ms_sweep_value(sweep, 1, "seed"), "2");
  ms_sweep_free(sweep);
  static const char *const wrong[][2] = {
      {"wd,seed\n0.1,x\n", "cases.csv:2:5: seed: 'x' is not allowed"},
      {"wd,seed\n0.1\n", "cases.csv:2: has 1 fields; the header names 2"},
      {"wd,sead\n0.1,1\n", "cases.csv:1:4: no setting is called 'sead'; did you mean 'seed'?"},
      {"wd,wd\n0.1,1\n", "two columns 'wd'"},
      {"wd\n", "has no cases"},
      {"", "has no cases"},
      {"wd\n\"1\n", "a quote does not end"}};
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    ck_assert_int_lt(read_cases(&sweep, wrong[i][0], &err), 0);
    ck_assert_msg(strstr(err.message, wrong[i][1]), "case %zu: %s", i, err.message);
    ms_sweep_free(sweep);
  }
}
END_TEST

/* ---- Groups --------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b) {
  const double *x = a, *y = b;
  return *x < *y ? -1 : *x > *y;
}

/* numpy.quantile's default */
static double quantile_of(const double *sorted, size_t count, double q) {
  double at = q * (double)(count - 1);
  size_t low = (size_t)at;
  double next = low + 1 < count ? sorted[low + 1] : sorted[low];
  return sorted[low] + (at - (double)low) * (next - sorted[low]);
}

/* Mean and quantiles against runs made one by one. */
START_TEST(test_groups) {
  enum { SEEDS = 5 };
  ms_error err;
  const char *const *base = WITH("n=4", "d=8", "flow=mirror", "points=4");
  ms_sweep *sweep = sweep_of(base);
  ms_sweep_options options = {.dir = folder, .workers = 2};
  size_t failed;
  ck_assert_int_eq(ms_sweep_grid(sweep, "seed=1:5", "--grid", &err), MS_OK);
  ck_assert_int_eq(ms_sweep_grid(sweep, "wd=0.01,0.1", "--grid", &err), MS_OK);
  ck_assert_int_eq(ms_sweep_run(sweep, &options, &failed, &err), MS_OK);
  ck_assert_uint_eq(failed, 0);
  char *groups = contents("groups.csv"), *line;
  ck_assert_int_eq(strncmp(groups, "wd,quantity,runs,mean,sd,min,q10,q25,median,q75,q90,max\n", 56),
                   0);
  for (int w = 0; w < 2; w++) {
    double l1[SEEDS], sum = 0, squares = 0, mean, sd, least, q[5], most;
    for (int s = 0; s < SEEDS; s++) {
      ms_run *run = test_whole(
          "diag", test_join(base, WITH(w ? "wd=0.1" : "wd=0.01", test_text("seed=%d", s + 1))));
      l1[s] = ms_run_summary(run, "l1");
      sum += l1[s];
      ms_run_free(run);
    }
    for (int s = 0; s < SEEDS; s++)
      squares += (l1[s] - sum / SEEDS) * (l1[s] - sum / SEEDS);
    qsort(l1, SEEDS, sizeof *l1, by_size);
    line = strstr(groups, w ? "\n0.1,l1,5," : "\n0.01,l1,5,");
    ck_assert_ptr_nonnull(line);
    ck_assert_int_eq(sscanf(strstr(line, "l1,5,") + 5, "%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf,%lf", &mean,
                            &sd, &least, &q[0], &q[1], &q[2], &q[3], &q[4], &most),
                     9);
    static const double part[] = {0.1, 0.25, 0.5, 0.75, 0.9};
    ck_assert_double_eq_tol(mean, sum / SEEDS, 1e-14 * sum);
    ck_assert_double_eq_tol(sd, sqrt(squares / (SEEDS - 1)), 1e-12 * sum);
    ck_assert_double_eq(least, l1[0]);
    ck_assert_double_eq(most, l1[SEEDS - 1]);
    for (int k = 0; k < 5; k++)
      ck_assert_double_eq_tol(q[k], quantile_of(l1, SEEDS, part[k]), 1e-14 * sum);
  }
  free(groups);
  options.resume = true;
  options.group_by = "n";
  ck_assert_int_eq(ms_sweep_run(sweep, &options, &failed, &err), MS_BAD_SETTING);
  ck_assert_str_eq(err.message, "--group-by: 'n' does not vary in this sweep");
  options.group_by = "seed";
  options.show = "truth_eror";
  ck_assert_int_eq(ms_sweep_run(sweep, &options, &failed, &err), MS_BAD_SETTING);
  ck_assert_ptr_nonnull(
      strstr(err.message, "'truth_eror' is no column of sweep.csv; did you mean 'truth_error'?"));
  ms_sweep_free(sweep);
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
  TCase *sweep = tcase_create("sweep");
  tcase_add_checked_fixture(sweep, make_folder, test_clean);
  tcase_set_timeout(sweep, 120);
  tcase_add_loop_test(sweep, test_workers, 0, 2);
  tcase_add_loop_test(sweep, test_killed, 0, 2);
  tcase_add_test(sweep, test_torn);
  tcase_add_test(sweep, test_full);
  tcase_add_test(sweep, test_interrupted);
  tcase_add_test(sweep, test_keep_runs);
  tcase_add_loop_test(sweep, test_bad, 0, BAD);
  tcase_add_loop_test(sweep, test_values, 0, GOOD);
  tcase_add_test(sweep, test_cases);
  tcase_add_test(sweep, test_groups);
  suite_add_tcase(suite, sweep);
  return suite;
}
