/* Every run ends: within a bound of steps, with finite results, or with a reason. */
#include "base/random.h"
#include "schedule/schedule.h"
#include "settings/config.h"
#include "tests.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* ---- Random valid settings ------------------------------------------------------------------ */

enum { SETTINGS = 100, MOST = 12, STEPS = 200000 };

static const char *pick(gsl_rng *rng, const char *const *of) {
  size_t count = 0;
  while (of[count])
    count++;
  return of[gsl_rng_uniform_int(rng, count)];
}

#define PICK(rng, ...) pick(rng, (const char *const[]){__VA_ARGS__, NULL})

/* A model and its settings, a number of them left at their defaults. */
static const char *draw(gsl_rng *rng, const char **settings) {
  const char *model = PICK(rng, "diag", "diag", "diag", "sensing", "lora", "attention");
  size_t count = 0;
  settings[count++] = test_text("seed=%lu", gsl_rng_uniform_int(rng, 1000));
  settings[count++] = "points=5";
  settings[count++] = test_text("max-steps=%d", STEPS);
  settings[count++] = test_text("n=%lu", 1 + gsl_rng_uniform_int(rng, 12));
  settings[count++] = test_text("t-end=%s", PICK(rng, "1", "10", "100"));
  settings[count++] =
      test_text("wd-schedule=%s", PICK(rng, "none", "constant", "step", "linear", "exponential",
                                       "harmonic", "geometric", "cyclic", "formula"));
  if (strcmp(settings[count - 1], "wd-schedule=formula") == 0)
    settings[count++] = test_text(
        "wd-formula=%s", PICK(rng, "sqrt(abs(t-1))", "sin(t)^2", "abs(t-2)^0.1", "exp(-t)"));
  if (gsl_rng_uniform(rng) < 0.5)
    settings[count++] = test_text("wd=%s", PICK(rng, "0", "0.01", "0.3", "2"));
  if (gsl_rng_uniform(rng) < 0.5)
    settings[count++] = test_text("init-scale=%s", PICK(rng, "1e-8", "0.01", "1", "30"));
  if (strcmp(model, "diag") == 0) {
    settings[count++] = test_text("d=%lu", 1 + gsl_rng_uniform_int(rng, 15));
    settings[count++] = test_text("sparsity=%d", 1);
    settings[count++] =
        test_text("param=%s", PICK(rng, "mw", "uv", "square", "power", "deep", "log", "spred"));
  }
  settings[count] = NULL;
  return model;
}

static bool is_reason(ms_status status) {
  return status == MS_BAD_SETTING || status == MS_BAD_INPUT || status == MS_UNSUPPORTED ||
         status == MS_OUT_OF_DOMAIN || status == MS_NOT_FINITE || status == MS_STALLED;
}

static void check_finite_run(const ms_run *run, const char *what) {
  size_t d;
  const double *x = ms_run_x(run, &d);
  for (size_t j = 0; x && j < d; j++)
    ck_assert_msg(isfinite(x[j]), "%s: x[%zu] = %g", what, j, x[j]);
  ck_assert_msg(!x || isfinite(ms_run_observe(run, "loss")), "%s: the loss is no number", what);
}

START_TEST(random_settings_end) {
  gsl_rng *rng = ms_random_new(20, MS_STREAM_DATA);
  size_t ended = 0, refused = 0;
  size_t wanted = test_quick() ? SETTINGS / 10 : SETTINGS;
  for (size_t k = 0; k < wanted; k++) {
    const char *settings[MOST + 1], *what;
    const char *model = draw(rng, settings);
    what = test_text("%s", model);
    for (size_t i = 0; settings[i]; i++)
      what = test_text("%s --%s", what, settings[i]);
    ms_error err = {0};
    ms_run *run = NULL;
    ms_status status = test_try(&run, model, settings, &err);
    refused += status != MS_OK;
    for (size_t i = 0; status == MS_OK && i < ms_run_points(run); i++)
      status = ms_run_advance(run, i, &err);
    ck_assert_msg(status >= 0 || (is_reason(status) && *err.message), "%s: status %d", what,
                  (int)status);
    ck_assert_msg(strstr(err.message, "--max-steps") == NULL, "%s: %s", what, err.message);
    ended += status >= 0;
    if (run)
      check_finite_run(run, what);
    ms_run_free(run);
  }
  gsl_rng_free(rng);
  ck_assert_msg(ended >= wanted * 3 / 4, "only %zu of %zu ended, %zu were refused", ended, wanted,
                refused);
}
END_TEST

/* ---- Runs that did not end ------------------------------------------------------------------ */

/* Heavy weight decay shrinks the warp, and what mu may be wrong by to its own rounding. */
START_TEST(warped_duals_at_their_rounding) {
  static const char *const seeds[] = {"seed=1", "seed=2"};
  for (int i = 0; i < 2; i++) {
    ms_run *run = test_whole("diag", WITH("param=deep", "n=5", "d=10", "wd=1", "flow=mirror",
                                          seeds[i], "max-steps=10000"));
    ck_assert(ms_run_observe(run, "loss") < 1e-14);
    ms_run_free(run);
  }
}
END_TEST

/* Curves of a^3 - b^3 towards 0 never come to the other sign; finding that out took 20000 nodes. */
START_TEST(curves_that_come_to_rest) {
  ms_run *run = test_whole("diag", WITH("param=custom", "formula=a^3-b^3", "init-scale=0.1", "n=20",
                                        "d=40", "flow=mirror", "t-end=10", "wd-schedule=none"));
  ck_assert(isfinite(ms_run_observe(run, "loss")));
  ms_run_free(run);
}
END_TEST

START_TEST(counts_beyond_integers) {
  test_refused("diag", WITH("loss=poisson", "noise=10"), "--noise");
}
END_TEST

START_TEST(networks_beyond_double_precision) {
  test_refused("network", WITH("init-scale=1e308"), "1e150");
  test_refused("network", WITH("sparsify=pilot", "init-scale=1e1000"), "1e150");
}
END_TEST

/* A loss that is not a number is seen once, as no progress. */
START_TEST(adaptive_schedules_see_losses_that_are_none) {
  ms_config *cfg = ms_config_new();
  ms_error err = {0};
  ms_schedule *s = NULL;
  ms_config_set(cfg, "wd-schedule", "adaptive", "test", &err);
  ms_config_set(cfg, "wd-tau", "1", "test", &err);
  ck_assert_int_eq(ms_schedule_new(&s, cfg, 1, 3, &err), MS_OK);
  size_t seen = 0;
  for (; isfinite(ms_schedule_epoch(s)) && seen < 10; seen++)
    ck_assert_int_eq(ms_schedule_observe(s, NAN, 1, &err), MS_OK);
  ck_assert_uint_eq(seen, 4); /* at 0, 1, 2, 3 */
  ck_assert(ms_schedule_alpha(s, 1) < 1);
  ms_schedule_free(s);
  ms_config_free(cfg);
}
END_TEST

static void check_help_at_the_limit(const char *const *settings, const char *says) {
  ms_error err = {0};
  ms_run *run = test_new("diag", settings);
  ms_status status = MS_OK;
  for (size_t i = 0; status == MS_OK && i < ms_run_points(run); i++)
    status = ms_run_advance(run, i, &err);
  ck_assert_int_eq(status, MS_STALLED);
  ck_assert_msg(strstr(err.message, says) != NULL, "%s", err.message);
  ms_run_free(run);
}

/* 10 / 0.001 = 10000 steps. */
START_TEST(limits_say_what_helps) {
  check_help_at_the_limit(WITH("n=3", "d=5", "method=gd", "lr=0.001", "t-end=10", "max-steps=500"),
                          "t = 10 takes 1e+04 of them");
  check_help_at_the_limit(WITH("n=3", "d=5", "method=adams", "max-steps=20"), "--method bdf");
}
END_TEST

/* The horizon of ham takes 1.19 million steps of its default size. */
START_TEST(ham_by_gd_comes_to_its_end) {
  ms_run *run = test_whole("diag", WITH("param=ham", "method=gd", "points=3"));
  ck_assert(isfinite(ms_run_observe(run, "loss")));
  ms_run_free(run);
}
END_TEST

/* ---- Starts and limits that leave nothing to do ---------------------------------------------- */

static void check_no_point(const char *model, const char *const *settings) {
  ms_error err = {0};
  ms_run *run = NULL;
  ms_status status = test_try(&run, model, settings, &err);
  if (status == MS_OK)
    status = ms_run_advance(run, 0, &err);
  ck_assert_msg(status == MS_NOT_FINITE || status == MS_BAD_SETTING, "%s: status %d, %s", model,
                (int)status, err.message);
  ck_assert(*err.message);
  if (run) {
    size_t d;
    ck_assert_ptr_null(ms_run_x(run, &d));
  }
  ms_run_free(run);
}

START_TEST(starts_beyond_double_precision_have_no_point) {
  check_no_point("diag", WITH("init-x=1e300"));
  check_no_point("sensing", WITH("init-scale=1e200"));
}
END_TEST

#ifndef __SANITIZE_ADDRESS__
/* OpenBLAS asked for its buffers without end. */
START_TEST(little_memory) {
  static const int kilobytes[] = {100000, 150000, 200000};
  const char *program = getenv("MIRRORSIM");
  ck_assert_ptr_nonnull(program);
  for (int i = 0; i < 3; i++) {
    const char *command =
        test_text("ulimit -v %d; OPENBLAS_NUM_THREADS=1 timeout -s KILL 20 '%s' --n 4 --d 5 "
                  "--points 3 --quiet 2>'%s'",
                  kilobytes[i], program, test_path("said"));
    int status = system(command);
    size_t size;
    char *said = test_keep(test_read(test_path("said"), &size));
    ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 3, "%d kB: %d, %s", kilobytes[i],
                  status, said);
    ck_assert_msg(strstr(said, "too little memory") != NULL, "%s", said);
  }
}
END_TEST
#endif

Suite *bounded_suite(void) {
  Suite *suite = suite_create("bounded");
  TCase *tc = tcase_create("bounded");
  tcase_set_timeout(tc, 120);
  tcase_add_test(tc, random_settings_end);
  tcase_add_test(tc, warped_duals_at_their_rounding);
  tcase_add_test(tc, curves_that_come_to_rest);
  tcase_add_test(tc, counts_beyond_integers);
  tcase_add_test(tc, networks_beyond_double_precision);
  tcase_add_test(tc, adaptive_schedules_see_losses_that_are_none);
  tcase_add_test(tc, limits_say_what_helps);
  if (!test_quick()) /* a million steps */
    tcase_add_test(tc, ham_by_gd_comes_to_its_end);
  tcase_add_test(tc, starts_beyond_double_precision_have_no_point);
#ifndef __SANITIZE_ADDRESS__ /* whose shadow takes terabytes of addresses */
  tcase_add_test(tc, little_memory);
#endif
  suite_add_tcase(suite, tc);
  return suite;
}
