/* Whatever is registered: every parametrization under every schedule and every loss, and what
 * weight decay does to its potential. */
#include "problem/problem.h"
#include "run/run.h"
#include "tests.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *param, *depth, *formula;
} variants[] = {{"mw", "", ""},       {"uv", "", ""},     {"square", "", ""},
                {"power", "3", ""},   {"power", "4", ""}, {"matched", "3", ""},
                {"matched", "4", ""}, {"deep", "3", ""},  {"deep", "4", ""},
                {"log", "", ""},      {"spred", "", ""},  {"custom", "", "1: a*b*c | a^3 - b^2*c"}};
enum { VARIANTS = sizeof variants / sizeof *variants };

/* One variant under all schedules and losses. */
START_TEST(gradient_flow_is_mirror_flow) {
  const char *param = variants[_i].param, *schedule, *loss;
  bool custom = *variants[_i].formula;
  size_t count = 0;
  double worst = 0;
  const char *scales = test_file("scales", "0.9\n1.3\n0.7\n1.1\n"),
             *starts = test_file("starts", "0.1\n-0.2\n0.05\n0\n"),
             *positive = test_file("positive", "0.1\n0.3\n0.05\n0.2\n"),
             *knots = test_file("knots.csv", "t,alpha\n0,0.5\n0.4,1\n0.5,0\n0.9,0.7\n1.2,0.2\n");
  for (size_t s = 0; (schedule = ms_list("schedules", s, NULL)); s++)
    for (size_t l = 0; (loss = ms_list("losses", l, NULL)); l++) {
      if (test_quick() && (s + l + (size_t)_i) % 12)
        continue;
      const char *targets = ms_loss_at(l)->targets;
      const char *data = !targets                        ? test_samples("0.8", "-0.5", "0.3")
                         : strstr(targets, "at least 0") ? test_samples("2", "0", "1")
                                                         : test_samples("1", "-1", "1");
      ms_run *run = test_whole(
          "diag",
          WITH(test_text("param=%s", param), test_text("depth=%s", variants[_i].depth),
               test_text("formula=%s", variants[_i].formula),
               test_text("init-scale=%s", custom                      ? "0.8"
                                          : strcmp(param, "log") == 0 ? "2.5"
                                                                      : scales),
               test_text("init-x=%s", custom                         ? ""
                                      : strcmp(param, "square") == 0 ? positive
                                                                     : starts),
               test_text("wd-schedule=%s", schedule),
               test_text("wd-file=%s", strcmp(schedule, "file") == 0 ? knots : ""),
               strcmp(schedule, "formula") == 0 ? "wd-formula=exp(-t)" : "wd-formula=",
               strcmp(param, "log") == 0 ? "wd=0.02" : "wd=0.1", test_text("loss=%s", loss),
               strcmp(loss, "custom") == 0 ? "loss-formula=log(cosh(z - y))" : "loss-formula=",
               test_text("data=%s", data), "t-end=1.5", "points=16", "flow=both",
               (s + l) % 2 ? "state=dual" : "state=sample-dual", "rtol=1e-9"));
      double gap = ms_run_summary(run, "gf_mf_gap");
      ck_assert_msg(gap <= 1e-6, "%s %s, %s, %s: gap %g", param, variants[_i].depth, schedule, loss,
                    gap);
      ck_assert_msg(!(ms_run_summary(run, "invariant_drift") > 1e-6), "%s, %s, %s: drift", param,
                    schedule, loss);
      worst = fmax(worst, gap);
      count++;
      ms_run_free(run);
    }
  ck_assert_uint_gt(count, 5);
  ck_assert_double_gt(worst, 0); /* two roads, not one */
}
END_TEST

START_TEST(every_parametrization_is_a_variant) {
  for (size_t i = 0; ms_param_at(i); i++) {
    /* those without have no two roads to compare; flows of another kind: test_optimizers.c */
    bool known = !ms_param_at(i)->primal || ms_param_at(i)->velocity;
    for (size_t k = 0; k < VARIANTS; k++)
      known = known || strcmp(variants[k].param, ms_param_at(i)->name) == 0;
    ck_assert_msg(known, "%s is not tested", ms_param_at(i)->name);
  }
}
END_TEST

/* The three effects along a run, from their closed forms. */
START_TEST(effects_of_weight_decay) {
  static const struct {
    const char *param, *depth;
    double range_slope, range_rate; /* range = (first + slope A) e^{rate A} */
  } cases[] = {{"mw", "", NAN, NAN},   {"uv", "", NAN, NAN}, {"matched", "4", 2, 0},
               {"matched", "3", 2, 0}, {"log", "", -2, 0},   {"power", "3", 0, 2},
               {"power", "4", 0, 4},   {"deep", "3", 0, 2}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    const char *param = cases[k].param;
    ms_run *run =
        test_new("diag", WITH(test_text("param=%s", param), test_text("depth=%s", cases[k].depth),
                              "init-scale=1", "init-x=0.3", "wd=0.05", "wd-schedule=constant",
                              "n=3", "d=9", "t-end=3", "points=31", "flow=mirror"));
    ms_status status = MS_OK;
    double first = NAN, centre = NAN, exponent = NAN;
    for (size_t i = 0; test_step(run, &status); i++) {
      double A = ms_run_observe(run, "dose"), range = ms_run_observe(run, "range");
      double now = ms_run_observe(run, "centre");
      if (i == 0) {
        first = range;
        ck_assert_double_eq_tol(now, 0.9, 1e-12); /* x0 = 0.3 in nine coordinates */
      } else if (strcmp(param, "log") != 0) {
        ck_assert_double_lt(now, centre);
      }
      centre = now;
      if (strcmp(param, "mw") == 0 || strcmp(param, "uv") == 0)
        ck_assert_double_eq_tol(now, 0.9 * exp(-4 * A), 1e-12);
      if (isnan(cases[k].range_slope)) {
        ck_assert(isnan(range) && isnan(ms_run_observe(run, "range_left")));
      } else {
        ck_assert_double_eq_tol(
            range, (first + cases[k].range_slope * A) * exp(cases[k].range_rate * A), 1e-9);
        double left = ms_run_observe(run, "range_left");
        ck_assert(left > 0 && left <= 0.5 + 1e-12);
      }
      double p = ms_run_observe(run, "effective_exponent");
      ck_assert(p > 1 && p <= 2 + 1e-9);
      exponent = isnan(exponent) ? p : exponent;
      if (i + 1 == ms_run_points(run) && strcmp(param, "log") != 0)
        ck_assert_double_lt(p, exponent);
    }
    ms_run_free(run);
  }
}
END_TEST

/* The shrinking domain of log is empty at a dose that is known beforehand, and told. */
START_TEST(the_end_of_log_is_told_in_advance) {
  /* u0^2 + v0^2 = beta cosh x0, at the dose of a quarter of which nothing is left */
  double t = 1.2 * cosh(0.4) / 4 / 0.1;
  ms_run *run = test_new("diag", WITH("param=log", "init-scale=1.2", "init-x=0.4", "wd=0.1", "n=3",
                                      "d=5", "wd-schedule=constant", "flow=mirror"));
  ms_status status = MS_OK;
  ms_error err = {0};
  for (size_t i = 0; i < ms_run_points(run) && status == MS_OK; i++)
    status = ms_run_advance(run, i, &err);
  ms_run_finish(run, status, &err, &err);
  ck_assert_int_eq(status, MS_OUT_OF_DOMAIN);
  ck_assert_double_le(err.t, t + 1e-8);
  ck_assert_double_gt(err.t, t / 2);
  double told = NAN;
  for (size_t i = 0; ms_run_note(run, i); i++)
    if (strstr(ms_run_note(run, i), "ends in finite time, at t = "))
      told = strtod(strstr(ms_run_note(run, i), "t = ") + 4, NULL);
  ck_assert_double_eq_tol(told, t, 1e-8);
  ms_run_free(run);
}
END_TEST

/* Memory begins elsewhere in each repeat, and BLAS adds up in an order that may depend on where. */
START_TEST(what_else_is_in_memory_changes_no_byte) {
  static const char *const models[] = {"sensing", "lora", "sparse-coding", "attention", "diag"};
  const char *const *settings = WITH("t-end=3", "points=2");
  const char *model = models[_i];
  double *first = NULL;
  for (size_t repeat = 0; repeat < 4; repeat++) {
    for (size_t k = 0; k < 200; k++)
      test_keep(malloc(16 * (2 * k + repeat) + 24));
    size_t d;
    ms_run *run = test_whole(model, settings);
    const double *x = ms_run_x(run, &d);
    if (!first) {
      first = ms_doubles(d);
      memcpy(first, x, d * sizeof *x);
    }
    ck_assert_msg(memcmp(first, x, d * sizeof *x) == 0, "%s: the %zu-th repeat is %g apart", model,
                  repeat, test_distance(d, first, x));
    ms_run_free(run);
  }
  free(first);
}
END_TEST

Suite *registry_suite(void) {
  Suite *suite = suite_create("registry");
  TCase *flows = tcase_create("flows");
  tcase_set_timeout(flows, 120);
  tcase_add_loop_test(flows, gradient_flow_is_mirror_flow, 0, VARIANTS);
  tcase_add_test(flows, every_parametrization_is_a_variant);
  suite_add_tcase(suite, flows);
  TCase *effects = tcase_create("effects");
  tcase_set_timeout(effects, 60);
  tcase_add_test(effects, effects_of_weight_decay);
  tcase_add_test(effects, the_end_of_log_is_told_in_advance);
  suite_add_tcase(suite, effects);
  TCase *bytes = tcase_create("bytes");
  tcase_set_timeout(bytes, 60);
  tcase_add_loop_test(bytes, what_else_is_in_memory_changes_no_byte, 0, 5);
  suite_add_tcase(suite, bytes);
  return suite;
}
