/* Whole runs: what the program is for must hold. */
#include "../src/run.h"
#include "tests.h"
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SETTINGS_MAX = 16 };

typedef struct pair {
  const char *name, *text;
} pair;

/* A finished run with these settings (ending at a NULL name); free with ms_run_free. */
static ms_run *run_with(const pair *settings) {
  ms_config *cfg = ms_config_new();
  ms_error err;
  ms_run *run;
  for (; settings->name; settings++)
    if (ms_config_set(cfg, settings->name, settings->text, settings->name, &err) != MS_OK)
      ck_abort_msg("%s", err.message);
  if (ms_run_new(&run, cfg, &err) != MS_OK)
    ck_abort_msg("%s", err.message);
  ms_config_free(cfg);
  ms_status status = MS_OK;
  for (size_t i = 0; i < ms_run_points(run) && status == MS_OK; i++)
    status = ms_run_advance(run, i, &err);
  if (status < 0)
    ck_abort_msg("%s", err.message);
  ck_assert_int_eq(ms_run_finish(run, status, &err, &err), MS_OK);
  return run;
}

static double value(const ms_run *run, const char *key) {
  return ms_run_summary(run, key);
}

static const char *text(const ms_run *run, const char *key) {
  ms_summary entry;
  for (size_t i = 0; ms_run_summary_at(run, i, &entry); i++)
    if (strcmp(entry.key, key) == 0)
      return entry.text;
  return NULL;
}

static double distance(const ms_run *a, const ms_run *b) {
  size_t d;
  const double *x = ms_run_x(a, &d), *y = ms_run_x(b, &d);
  double largest = 0;
  for (size_t j = 0; j < d; j++)
    largest = fmax(largest, fabs(x[j] - y[j]));
  return largest;
}

static bool quick(void) {
  return getenv("MS_TEST_QUICK") != NULL;
}

START_TEST(gradient_and_mirror_flow_agree_on_random_problems) {
  /* every schedule and parametrization, random sizes, scales and starts, one coordinate each */
  char folder[] = "/tmp/mirrorsim-run-XXXXXX", start[64], scale[64], knots[64];
  ck_assert_ptr_nonnull(mkdtemp(folder));
  snprintf(start, sizeof start, "%s/start", folder);
  snprintf(scale, sizeof scale, "%s/scale", folder);
  snprintf(knots, sizeof knots, "%s/knots.csv", folder);
  FILE *file = fopen(knots, "w");
  fprintf(file, "t,alpha\n0,0.1\n3,0.4\n3.5,0\n20,0.1\n21,0\n");
  fclose(file);
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  gsl_rng_set(rng, 7);
  const char *schedule, *summary;
  int problems = 0;
  for (size_t s = 0; (schedule = ms_list("schedules", s, &summary)); s++)
    for (size_t p = 0; ms_param_at(p); p++)
      for (int again = 0; again < (quick() ? 1 : 5); again++, problems++) {
        size_t n = 1 + gsl_rng_uniform_int(rng, 12), d = 1 + gsl_rng_uniform_int(rng, 20);
        char n_text[8], d_text[8], seed[8];
        snprintf(n_text, sizeof n_text, "%zu", n);
        snprintf(d_text, sizeof d_text, "%zu", d);
        snprintf(seed, sizeof seed, "%d", problems);
        file = fopen(start, "w");
        for (size_t j = 0; j < d; j++)
          fprintf(file, "%.17g\n", gsl_ran_gaussian(rng, 0.5));
        fclose(file);
        file = fopen(scale, "w");
        for (size_t j = 0; j < d; j++)
          fprintf(file, "%.17g\n", pow(10, 4 * gsl_rng_uniform(rng) - 3));
        fclose(file);
        bool from_file = strcmp(schedule, "file") == 0;
        const pair settings[] = {{"n", n_text},
                                 {"d", d_text},
                                 {"seed", seed},
                                 {"noise", "0.3"},
                                 {"param", ms_param_at(p)->name},
                                 {"wd-schedule", schedule},
                                 {"wd-file", from_file ? knots : ""},
                                 {"wd", "0.2"},
                                 {"t-end", "30"},
                                 {"init-x", start},
                                 {"init-scale", scale},
                                 {"rtol", "1e-9"},
                                 {"flow", "both"},
                                 {"points", "60"},
                                 {NULL, NULL}};
        ms_run *run = run_with(settings);
        ck_assert_msg(value(run, "gf_mf_gap") <= 1e-6, "%s %s n=%zu d=%zu: gap %g", schedule,
                      ms_param_at(p)->name, n, d, value(run, "gf_mf_gap"));
        ck_assert_msg(value(run, "invariant_drift") <= 1e-7, "%s %s n=%zu d=%zu: drift %g",
                      schedule, ms_param_at(p)->name, n, d, value(run, "invariant_drift"));
        ms_run_free(run);
      }
  ck_assert_int_ge(problems, quick() ? 20 : 100);
  gsl_rng_free(rng);
  remove(start);
  remove(scale);
  remove(knots);
  remove(folder);
}
END_TEST

START_TEST(default_runs_of_every_schedule_end_at_their_limit) {
  const char *schedule, *summary;
  for (size_t s = 0; (schedule = ms_list("schedules", s, &summary)); s++)
    for (size_t p = 0; ms_param_at(p); p++) {
      if (strcmp(schedule, "file") == 0)
        continue;
      const pair settings[] = {{"n", "20"},
                               {"d", "40"},
                               {"noise", "0.1"},
                               {"rtol", "1e-9"},
                               {"param", ms_param_at(p)->name},
                               {"wd-schedule", schedule},
                               {NULL, NULL}};
      ms_run *run = run_with(settings);
      /* the harmonic dose diverges: that run goes on until t = 1e11, and the weights with it */
      double allowed = strcmp(schedule, "harmonic") == 0 ? 1e-5 : 1e-6;
      ck_assert_msg(value(run, "gf_mf_gap") <= allowed, "%s %s: gap %g", schedule,
                    ms_param_at(p)->name, value(run, "gf_mf_gap"));
      ck_assert_msg(value(run, "limit_gap") <= 1e-6, "%s %s: limit %g", schedule,
                    ms_param_at(p)->name, value(run, "limit_gap"));
      ck_assert_str_ne(text(run, "status"), "t_end");
      ms_run_free(run);
    }
}
END_TEST

START_TEST(equal_doses_end_equal) {
  /* T = 20, alpha0 = 0.4: linear and cosine have dose 4, so has the step of half the strength, and
   * exponential, quadratic and geometric with tau = T/2 and (1-p) T/2 */
  static const struct {
    const char *schedule, *wd, *off, *tau;
  } cases[] = {{"linear", "0.4", "20", ""},    {"cosine", "0.4", "20", ""},
               {"step", "0.2", "20", ""},      {"constant", "0.2", "20", ""},
               {"step", "0.8", "5", ""},       {"exponential", "0.4", "", "10"},
               {"quadratic", "0.4", "", "10"}, {"geometric", "0.4", "", "0.5"}};
  for (size_t p = 0; ms_param_at(p); p++) {
    ms_run *first = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
      const pair settings[] = {{"n", "15"},
                               {"d", "40"},
                               {"noise", "0.2"},
                               {"init-x", "0.05"},
                               {"flow", "mirror"},
                               {"param", ms_param_at(p)->name},
                               {"wd-schedule", cases[i].schedule},
                               {"wd", cases[i].wd},
                               {"wd-off", cases[i].off},
                               {"wd-tau", cases[i].tau},
                               {NULL, NULL}};
      ms_run *run = run_with(settings);
      ck_assert_double_eq_tol(value(run, "dose"), 4, 1e-9);
      ck_assert_double_le(value(run, "limit_gap"), 1e-6);
      if (first) {
        ck_assert_msg(distance(first, run) <= 1e-6, "%s: %g", cases[i].schedule,
                      distance(first, run));
        ms_run_free(run);
      } else {
        first = run;
      }
    }
    ms_run_free(first);
  }
}
END_TEST

START_TEST(constant_weight_decay_ends_at_the_lasso) {
  /* lambda = 2 alpha for mw and alpha for uv: alpha and 2 alpha end at the same x */
  const pair mw[] = {{"wd-schedule", "constant"}, {"wd", "0.05"}, {"noise", "0.3"}, {NULL, NULL}};
  const pair uv[] = {
      {"wd-schedule", "constant"}, {"wd", "0.1"}, {"noise", "0.3"}, {"param", "uv"}, {NULL, NULL}};
  ms_run *a = run_with(mw), *b = run_with(uv);
  ck_assert_double_le(value(a, "limit_gap"), 1e-6);
  ck_assert_double_le(value(b, "limit_gap"), 1e-6);
  ck_assert_double_le(value(a, "kkt_residual"), 1e-8);
  ck_assert_double_le(distance(a, b), 1e-6);
  /* written out: |g_j| <= lambda, with equality and the sign of x_j where x_j is not 0 */
  size_t d;
  const double *x = ms_run_x(a, &d);
  double r[40], g[100];
  ms_matrix_mul(a->problem->Z, x, r);
  for (int i = 0; i < 40; i++)
    r[i] = (r[i] - a->problem->y[i]) / 40;
  ms_matrix_tmul(a->problem->Z, r, g);
  int active = 0;
  for (int j = 0; j < 100; j++) {
    ck_assert_double_le(fabs(g[j]), 0.1 + 1e-8);
    if (fabs(x[j]) > 1e-6) {
      ck_assert_double_eq_tol(g[j], x[j] > 0 ? -0.1 : 0.1, 1e-7);
      active++;
    }
  }
  ck_assert_int_gt(active, 3);
  ms_run_free(a);
  ms_run_free(b);
}
END_TEST

START_TEST(on_then_off_beats_never_and_always) {
  /* the default problem at one common horizon, the one that the default run draws */
  static const char *const strengths[] = {"0.2",  "0.1",   "0.05",  "0.03", "0.02",
                                          "0.01", "0.005", "0.002", "0.001"};
  for (int seed = 1; seed <= (quick() ? 1 : 5); seed++) {
    char seed_text[8];
    snprintf(seed_text, sizeof seed_text, "%d", seed);
    pair settings[] = {{"wd-schedule", "linear"}, {"seed", seed_text}, {"t-end", "84"},
                       {"flow", "mirror"},        {"wd", ""},          {NULL, NULL}};
    ms_run *run = run_with(settings);
    double on_off = value(run, "truth_error"), best = INFINITY;
    ms_run_free(run);
    settings[0].text = "none";
    run = run_with(settings);
    double never = value(run, "truth_error");
    ms_run_free(run);
    settings[0].text = "constant";
    for (size_t i = 0; i < sizeof strengths / sizeof *strengths; i++) {
      settings[4].text = strengths[i];
      run = run_with(settings);
      best = fmin(best, value(run, "truth_error"));
      ms_run_free(run);
    }
    ck_assert_msg(on_off < 0.5 * best && on_off < 0.2 * never,
                  "seed %d: on-off %g, best constant %g, never %g", seed, on_off, best, never);
  }
}
END_TEST

START_TEST(tiny_scales_end_at_the_minimum_l1_interpolator) {
  static const char *const scales[] = {"1e-300", "1e-1000", "1e-10000"};
  for (size_t i = 0; i < 3; i++)
    for (int off = 0; off < 2; off++) {
      const pair settings[] = {
          {"init-scale", scales[i]}, {"wd-schedule", off ? "none" : "linear"}, {NULL, NULL}};
      ms_run *run = run_with(settings);
      /* the sparse truth is the minimum-L1 interpolator of the default problem */
      ck_assert_double_le(value(run, "truth_error"), 1e-6);
      ck_assert_double_eq_tol(value(run, "l1"), 5, 1e-6);
      ck_assert_double_le(value(run, "limit_gap"), 1e-6);
      ck_assert(isnan(value(run, "gf_mf_gap")));
      ck_assert_str_eq(text(run, "flow"), "mirror");
      ck_assert_uint_gt(run->notes, 0);
      ck_assert_double_lt(value(run, "steps"), 20000);
      ms_run_free(run);
    }
}
END_TEST

START_TEST(forms_and_methods_agree) {
  static const struct {
    const char *flow, *state, *method;
  } ways[] = {{"mirror", "sample-dual", "bdf"},   {"mirror", "dual", "bdf"},
              {"mirror", "sample-dual", "adams"}, {"mirror", "dual", "adams"},
              {"gradient", "auto", "bdf"},        {"gradient", "auto", "adams"}};
  ms_run *first = NULL;
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    const pair settings[] = {{"n", "10"},
                             {"d", "25"},
                             {"noise", "0.2"},
                             {"flow", ways[i].flow},
                             {"state", ways[i].state},
                             {"method", ways[i].method},
                             {"t-end", "20"},
                             {"rtol", "1e-10"},
                             {NULL, NULL}};
    ms_run *run = run_with(settings);
    if (first) {
      ck_assert_msg(distance(first, run) <= 1e-7, "%s %s %s: %g", ways[i].flow, ways[i].state,
                    ways[i].method, distance(first, run));
      ms_run_free(run);
    } else {
      first = run;
    }
  }
  ms_run_free(first);
}
END_TEST

START_TEST(observables_are_what_they_say) {
  const pair settings[] = {{"noise", "0.1"}, {"t-end", "40"}, {"flow", "both"}, {NULL, NULL}};
  ms_run *run = run_with(settings);
  size_t d, n = 40;
  const double *x = ms_run_x(run, &d);
  double r[40], l1 = 0, l2 = 0, loss = 0, y2 = 0, truth = 0, p_sum = 0, R = 0, nonzero = 0, top = 0;
  ms_matrix_mul(run->problem->Z, x, r);
  for (size_t i = 0; i < n; i++) {
    loss += pow(r[i] - run->problem->y[i], 2) / 80;
    y2 += pow(run->problem->y[i], 2);
  }
  double beta = exp(-4 * value(run, "dose"));
  for (size_t j = 0; j < d; j++)
    top = fmax(top, fabs(x[j]));
  for (size_t j = 0; j < d; j++) {
    double s = asinh(x[j] / beta);
    l1 += fabs(x[j]);
    l2 += x[j] * x[j];
    truth += pow(x[j] - run->problem->truth[j], 2);
    R += (x[j] * s - sqrt(x[j] * x[j] + beta * beta) + beta) / 2;
    p_sum += fabs(x[j]) * s / (s - tanh(s / 2));
    nonzero += fabs(x[j]) > 1e-3 * top;
  }
  ck_assert_double_eq_tol(value(run, "loss"), loss, 1e-13);
  ck_assert_double_eq_tol(value(run, "residual"), sqrt(80 * loss / y2), 1e-12);
  ck_assert_double_eq_tol(value(run, "l1"), l1, 1e-12);
  ck_assert_double_eq_tol(value(run, "l2"), sqrt(l2), 1e-12);
  ck_assert_double_eq_tol(value(run, "truth_error"), sqrt(truth), 1e-12);
  ck_assert_double_eq_tol(value(run, "potential"), R, 1e-10 * R);
  ck_assert_double_eq_tol(value(run, "effective_exponent"), p_sum / l1, 1e-9);
  ck_assert(value(run, "nonzeros") == nonzero);
  ck_assert_double_eq_tol(value(run, "ln_beta"), -4 * value(run, "dose"), 1e-12);
  /* the transition: p_eff starts at 2 and falls along the run */
  size_t columns = 0, p_at = 0;
  for (; ms_observable_at(columns); columns++)
    if (strcmp(ms_observable_at(columns)->name, "effective_exponent") == 0)
      p_at = columns;
  ck_assert(run->rows[p_at] == 2);
  ck_assert_double_lt(value(run, "effective_exponent"), 1.2);
  for (size_t i = 1; i < run->recorded; i++)
    ck_assert(isfinite(run->rows[i * columns + p_at]));
  ms_run_free(run);
}
END_TEST

START_TEST(real_data_run_to_their_limit) {
  const pair diabetes[] = {{"data", MS_DATA "/diabetes_quad_442x64.csv"}, {NULL, NULL}};
  ms_run *run = run_with(diabetes);
  ck_assert_uint_eq((size_t)value(run, "n"), 442);
  ck_assert_uint_eq((size_t)value(run, "d"), 64);
  ck_assert_str_eq(text(run, "state"), "dual");
  ck_assert_str_eq(text(run, "status"), "stationary");
  ck_assert_double_le(value(run, "limit_gap"), 1e-6);
  ck_assert(isnan(value(run, "truth_error")));
  ms_run_free(run);
  const pair lasso[] = {{"data", MS_DATA "/diabetes_quad_442x64.csv"},
                        {"wd-schedule", "constant"},
                        {"flow", "mirror"},
                        {NULL, NULL}};
  run = run_with(lasso);
  ck_assert_double_le(value(run, "limit_gap"), 1e-6);
  ck_assert_double_le(value(run, "nonzeros"), 20);
  ms_run_free(run);
  if (quick())
    return;
  const pair meats[] = {{"data", MS_DATA "/meats_fat_60x100.csv"},
                        {"standardize", "on"},
                        {"flow", "mirror"},
                        {NULL, NULL}};
  run = run_with(meats);
  ck_assert_double_le(value(run, "limit_gap"), 1e-5);
  ms_run_free(run);
}
END_TEST

START_TEST(odd_problems) {
  static const pair cases[][6] = {
      {{"n", "1"}, {"d", "1"}, {"sparsity", "1"}, {NULL, NULL}},
      {{"n", "1"}, {"d", "30"}, {NULL, NULL}},
      {{"n", "30"}, {"d", "1"}, {"noise", "1"}, {NULL, NULL}},
      {{"n", "10"}, {"d", "10"}, {"noise", "1"}, {NULL, NULL}},
      {{"sparsity", "0"}, {NULL, NULL}},                  /* y = 0: x stays where it is */
      {{"sparsity", "0"}, {"init-x", "1"}, {NULL, NULL}}, /* y = 0, x0 = 1 */
      {{"init-scale", "1e6"}, {"wd", "0"}, {NULL, NULL}},
      {{"wd", "0"}, {NULL, NULL}},
      {{"wd-off", "0"}, {NULL, NULL}},
      {{"wd", "1000"}, {NULL, NULL}}, /* far above what keeps x at 0; then it grows back */
      {{"init-scale", "1e-9"}, {"init-x", "-2"}, {NULL, NULL}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ms_run *run = run_with(cases[i]);
    size_t d;
    const double *x = ms_run_x(run, &d);
    for (size_t j = 0; j < d; j++)
      ck_assert_msg(isfinite(x[j]), "case %zu", i);
    ck_assert_msg(value(run, "limit_gap") <= 1e-6, "case %zu: limit_gap %g", i,
                  value(run, "limit_gap"));
    ms_run_free(run);
  }
}
END_TEST

Suite *run_suite(void) {
  Suite *suite = suite_create("run");
  TCase *cases = tcase_create("runs");
  tcase_set_timeout(cases, 240);
  tcase_add_test(cases, gradient_and_mirror_flow_agree_on_random_problems);
  tcase_add_test(cases, default_runs_of_every_schedule_end_at_their_limit);
  tcase_add_test(cases, equal_doses_end_equal);
  tcase_add_test(cases, constant_weight_decay_ends_at_the_lasso);
  tcase_add_test(cases, on_then_off_beats_never_and_always);
  tcase_add_test(cases, tiny_scales_end_at_the_minimum_l1_interpolator);
  tcase_add_test(cases, forms_and_methods_agree);
  tcase_add_test(cases, observables_are_what_they_say);
  tcase_add_test(cases, real_data_run_to_their_limit);
  tcase_add_test(cases, odd_problems);
  suite_add_tcase(suite, cases);
  return suite;
}
