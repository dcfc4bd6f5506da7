/* Whatever is registered: every parametrization under every schedule and every loss, and what
 * weight decay does to its potential. */
#include "problem.h"
#include "run.h"
#include "tests.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool quick(void) {
  return getenv("MS_TEST_QUICK") != NULL;
}

static char folder[64], file_path[7][96];
enum { SQUARED, CLASSES, COUNTS, SCALES, STARTS, POSITIVE, KNOTS };

static void put(int which, const char *name, const char *text) {
  snprintf(file_path[which], sizeof file_path[which], "%s/%s", folder, name);
  FILE *file = fopen(file_path[which], "w");
  ck_assert_ptr_nonnull(file);
  fputs(text, file);
  ck_assert_int_eq(fclose(file), 0);
}

/* Three samples, four features; starts and scales of their own for each coordinate. */
static void prepare(void) {
  snprintf(folder, sizeof folder, "/tmp/mirrorsim-registry-XXXXXX");
  ck_assert_ptr_nonnull(mkdtemp(folder));
  static const char rows[3][40] = {"0.9,-0.4,0.5,0.2", "0.3,0.8,0.6,-0.5", "-0.2,0.4,-0.9,0.7"};
  static const char *const y[3][3] = {{"0.8", "-0.5", "0.3"}, {"1", "-1", "1"}, {"2", "0", "1"}};
  static const char *const names[] = {"squared.csv", "classes.csv", "counts.csv"};
  for (int k = 0; k < 3; k++) {
    char text[256] = "y,a,b,c,d\n";
    for (int i = 0; i < 3; i++) {
      size_t used = strlen(text);
      snprintf(text + used, sizeof text - used, "%s,%s\n", y[k][i], rows[i]);
    }
    put(SQUARED + k, names[k], text);
  }
  put(SCALES, "scales", "0.9\n1.3\n0.7\n1.1\n");
  put(STARTS, "starts", "0.1\n-0.2\n0.05\n0\n");
  put(POSITIVE, "positive", "0.1\n0.3\n0.05\n0.2\n");
  put(KNOTS, "knots.csv", "t,alpha\n0,0.5\n0.4,1\n0.5,0\n0.9,0.7\n1.2,0.2\n");
}

static void clean(void) {
  for (int k = SQUARED; k <= KNOTS; k++)
    unlink(file_path[k]);
  ck_assert_int_eq(rmdir(folder), 0);
}

typedef struct setting {
  const char *name, *text;
} setting;

/* A run to its end; settings end with a NULL name. *status: how it ended. */
static ms_run *finished(const setting *s, ms_status *status, ms_error *err) {
  ms_config *cfg = ms_config_new();
  for (; s->name; s++)
    ck_assert_msg(!s->text || ms_config_set(cfg, s->name, s->text, s->name, err) == MS_OK, "%s",
                  err->message);
  ms_run *run;
  ck_assert_msg(ms_run_new(&run, cfg, err) == MS_OK, "%s", err->message);
  ms_config_free(cfg);
  *status = MS_OK;
  for (size_t i = 0; i < ms_run_points(run) && *status == MS_OK; i++)
    *status = ms_run_advance(run, i, err);
  ms_run_finish(run, *status, err, err);
  return run;
}

static const struct {
  const char *param, *depth, *formula;
} variants[] = {
    {"mw", NULL, NULL},     {"uv", NULL, NULL},    {"square", NULL, NULL},
    {"power", "3", NULL},   {"power", "4", NULL},  {"matched", "3", NULL},
    {"matched", "4", NULL}, {"deep", "3", NULL},   {"deep", "4", NULL},
    {"log", NULL, NULL},    {"spred", NULL, NULL}, {"custom", NULL, "1: a*b*c | a^3 - b^2*c"}};
enum { VARIANTS = sizeof variants / sizeof *variants };

/* One variant under all schedules and losses. */
START_TEST(gradient_flow_is_mirror_flow) {
  const char *param = variants[_i].param, *schedule, *loss;
  bool custom = variants[_i].formula != NULL;
  size_t count = 0;
  double worst = 0;
  prepare();
  for (size_t s = 0; (schedule = ms_list("schedules", s, NULL)); s++)
    for (size_t l = 0; (loss = ms_list("losses", l, NULL)); l++) {
      if (quick() && (s + l + (size_t)_i) % 6)
        continue;
      const char *targets = ms_loss_at(l)->targets;
      int data = !targets ? SQUARED : strstr(targets, "at least 0") ? COUNTS : CLASSES;
      const char *start = strcmp(param, "square") == 0 ? file_path[POSITIVE] : file_path[STARTS];
      const setting settings[] = {
          {"param", param},
          {"depth", variants[_i].depth},
          {"formula", variants[_i].formula},
          {"init-scale", custom                      ? "0.8"
                         : strcmp(param, "log") == 0 ? "2.5"
                                                     : file_path[SCALES]},
          {"init-x", custom ? NULL : start},
          {"wd-schedule", schedule},
          {"wd-file", strcmp(schedule, "file") == 0 ? file_path[KNOTS] : NULL},
          {"wd-formula", strcmp(schedule, "formula") == 0 ? "exp(-t)" : NULL},
          {"wd", strcmp(param, "log") == 0 ? "0.02" : "0.1"},
          {"loss", loss},
          {"loss-formula", strcmp(loss, "custom") == 0 ? "log(cosh(z - y))" : NULL},
          {"data", file_path[data]},
          {"t-end", "1.5"},
          {"points", "16"},
          {"flow", "both"},
          {"state", (s + l) % 2 ? "dual" : "sample-dual"},
          {"rtol", "1e-9"},
          {NULL, NULL}};
      ms_status status;
      ms_error err = {0};
      ms_run *run = finished(settings, &status, &err);
      double gap = ms_run_summary(run, "gf_mf_gap");
      ck_assert_msg(status >= 0, "%s %s, %s, %s: %s", param, variants[_i].depth, schedule, loss,
                    err.message);
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
  clean();
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
  } cases[] = {{"mw", NULL, NAN, NAN}, {"uv", NULL, NAN, NAN}, {"matched", "4", 2, 0},
               {"matched", "3", 2, 0}, {"log", NULL, -2, 0},   {"power", "3", 0, 2},
               {"power", "4", 0, 4},   {"deep", "3", 0, 2}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    const char *param = cases[k].param;
    const setting settings[] = {{"param", param},    {"depth", cases[k].depth},
                                {"init-scale", "1"}, {"init-x", "0.3"},
                                {"wd", "0.05"},      {"wd-schedule", "constant"},
                                {"n", "3"},          {"d", "9"},
                                {"t-end", "3"},      {"points", "31"},
                                {"flow", "mirror"},  {NULL, NULL}};
    ms_config *cfg = ms_config_new();
    ms_error err = {0};
    for (const setting *s = settings; s->name; s++)
      if (s->text)
        ck_assert_int_eq(ms_config_set(cfg, s->name, s->text, s->name, &err), MS_OK);
    ms_run *run;
    ck_assert_msg(ms_run_new(&run, cfg, &err) == MS_OK, "%s", err.message);
    ms_config_free(cfg);
    double first = NAN, centre = NAN, exponent = NAN;
    for (size_t i = 0; i < ms_run_points(run); i++) {
      ck_assert_msg(ms_run_advance(run, i, &err) >= 0, "%s", err.message);
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
  const setting settings[] = {
      {"param", "log"}, {"init-scale", "1.2"},       {"init-x", "0.4"},  {"wd", "0.1"}, {"n", "3"},
      {"d", "5"},       {"wd-schedule", "constant"}, {"flow", "mirror"}, {NULL, NULL}};
  ms_status status;
  ms_error err = {0};
  ms_run *run = finished(settings, &status, &err);
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
  return suite;
}
