/* Support vector machines, and the directions of flows on classes in the long run. */
#include "instances.h"
#include "limit/svm.h"
#include "run/run.h"
#include "settings/config.h"
#include "tests.h"
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static ms_problem *classes(size_t n, size_t d, int seed, const char *margin) {
  ms_config *cfg = test_config(WITH("loss=logistic", test_text("n=%zu", n), test_text("d=%zu", d),
                                    test_text("seed=%d", seed), test_text("margin=%s", margin)));
  ms_problem *p;
  ms_error err;
  if (ms_problem_new(&p, cfg, &err) != MS_OK)
    ck_abort_msg("%s", err.message);
  ms_config_free(cfg);
  return p;
}

static const struct size {
  size_t n, d;
  const char *margin;
} sizes[] = {{1, 1, "1"},   {5, 2, "0.5"},   {40, 100, "0"}, {40, 100, "1"},
             {80, 10, "0"}, {60, 30, "0.1"}, {100, 3, "2"}};

static double least_margin(const ms_problem *p, const double *x) {
  double *Zx = malloc(p->Z->n * sizeof *Zx), least = INFINITY;
  ms_matrix_mul(p->Z, x, Zx);
  for (size_t i = 0; i < p->Z->n; i++)
    least = fmin(least, p->y[i] * Zx[i]);
  free(Zx);
  return least;
}

/* min |x|_1 : y_i (Zx)_i >= 1; INFINITY where there is no such x. */
static double smallest_l1(const ms_problem *p) {
  ms_matrix *M;
  ck_assert_int_eq(ms_matrix_new(&M, p->Z->n, p->Z->d, NULL), MS_OK);
  for (size_t k = 0; k < M->n * M->d; k++)
    M->values[k] = p->y[k % M->n] * p->Z->values[k];
  double norm = separate(M, NULL);
  ms_matrix_free(M);
  return norm;
}

START_TEST(l1_agrees_with_glpk) {
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
    for (int seed = 1; seed <= 3; seed++) {
      ms_problem *p = classes(sizes[k].n, sizes[k].d, seed, sizes[k].margin);
      double *x = malloc(p->Z->d * sizeof *x), norm = 0, best = smallest_l1(p);
      ms_error err;
      if (ms_svm_l1(p, x, &err) != MS_OK)
        ck_abort_msg("%s", err.message);
      for (size_t j = 0; j < p->Z->d; j++)
        norm += fabs(x[j]);
      ck_assert_double_le(fabs(norm - best), 1e-8 * best);
      ck_assert_double_ge(least_margin(p, x), 1 - 1e-8);
      free(x);
      ms_problem_free(p);
    }
}
END_TEST

/* x = sum a_i y_i Z_i, a >= 0, margins >= 1, and a_i > 0 only where the margin is 1: no other x has
 * these. */
START_TEST(l2_is_optimal) {
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
    for (int seed = 1; seed <= 3; seed++) {
      ms_problem *p = classes(sizes[k].n, sizes[k].d, seed, sizes[k].margin);
      size_t n = p->Z->n, d = p->Z->d;
      double *x = malloc(d * sizeof *x), *a = malloc(n * sizeof *a), *sum = malloc(d * sizeof *sum),
             *Zx = malloc(n * sizeof *Zx), largest = 0, most = 0;
      ms_error err;
      if (ms_svm_l2(p, x, a, &err) != MS_OK)
        ck_abort_msg("%s", err.message);
      ms_matrix_mul(p->Z, x, Zx);
      for (size_t i = 0; i < n; i++)
        most = fmax(most, a[i]);
      ck_assert_double_gt(most, 0);
      for (size_t i = 0; i < n; i++) {
        ck_assert_double_ge(a[i], 0);
        ck_assert_double_ge(p->y[i] * Zx[i], 1 - 1e-8);
        ck_assert_double_le(a[i] * (p->y[i] * Zx[i] - 1), 1e-8 * most);
        a[i] *= p->y[i];
      }
      ms_matrix_tmul(p->Z, a, sum);
      for (size_t j = 0; j < d; j++)
        largest = fmax(largest, fabs(x[j]));
      for (size_t j = 0; j < d; j++)
        ck_assert_double_le(fabs(x[j] - sum[j]), 1e-8 * largest);
      free(x);
      free(a);
      free(sum);
      free(Zx);
      ms_problem_free(p);
    }
}
END_TEST

START_TEST(says_when_nothing_separates) {
  ms_problem *p = classes(40, 5, 1, "1");
  double x[5];
  ms_error err;
  for (size_t j = 0; j < 5; j++) /* the same sample in both classes */
    p->Z->values[j * 40 + 1] = p->Z->values[j * 40];
  p->y[1] = -p->y[0];
  ck_assert(isinf(smallest_l1(p)));
  ck_assert_int_eq(ms_svm_l1(p, x, &err), MS_OUT_OF_DOMAIN);
  ck_assert_int_eq(ms_svm_l2(p, x, NULL, &err), MS_OUT_OF_DOMAIN);
  memset(p->Z->values, 0, 40 * 5 * sizeof(double));
  ck_assert_int_eq(ms_svm_l1(p, x, &err), MS_OUT_OF_DOMAIN);
  ck_assert_int_eq(ms_svm_l2(p, x, NULL, &err), MS_OUT_OF_DOMAIN);
  ms_problem_free(p);
}
END_TEST

START_TEST(margin_moves_the_classes_apart) {
  ms_problem *p = classes(40, 100, 3, "0.75"), *before = classes(40, 100, 3, "0");
  double size = sqrt(5), moved[100];
  for (size_t i = 0; i < 40; i++) {
    double along = 0;
    for (size_t j = 0; j < 100; j++) {
      moved[j] = p->Z->values[j * 40 + i] - before->Z->values[j * 40 + i];
      along += p->y[i] * p->Z->values[j * 40 + i] * p->truth[j] / size;
      ck_assert_double_le(fabs(moved[j] - p->y[i] * 0.75 * p->truth[j] / size), 1e-14);
    }
    ck_assert_double_eq(p->y[i], before->y[i]);
    ck_assert_double_ge(along, 0.75 - 1e-12);
  }
  ms_problem_free(p);
  ms_problem_free(before);
  ms_config *cfg = test_config(WITH("margin=1"));
  ms_error err;
  ck_assert_int_eq(ms_problem_new(&p, cfg, &err), MS_BAD_SETTING);
  ck_assert(strstr(err.message, "margin") && strstr(err.message, "logistic"));
  ms_config_free(cfg);
}
END_TEST

/* Soudry et al. 2018: x(t) = xhat ln t + O(1), xhat the L2 machine with multipliers a. While beta
 * is far above x, dx/dt = -2 beta grad f, so the margin of a support vector tends to
 * ln t - ln(n a_i / (2 beta)). */
START_TEST(plain_flows_end_at_the_l2_machine) {
  const char *const losses[] = {"loss=exponential", "loss=logistic"};
  for (int k = 0; k < 2; k++) {
    ms_run *run =
        test_whole("diag", WITH(losses[k], "t-end=1e100", "wd-schedule=none", "n=12", "d=20",
                                "margin=0.5", "points=50", "flow=mirror", "init-scale=1e7"));
    ck_assert_str_eq(run->status, "t_end");
    ck_assert_double_gt(run->loss, 0);
    ck_assert_double_lt(run->loss, 1e-100);
    double a[12], x[20];
    ms_error err;
    ck_assert_int_eq(ms_svm_l2(run->problem, x, a, &err), MS_OK);
    size_t vectors = 0;
    for (size_t i = 0; i < 12; i++) {
      double m = run->problem->y[i] * run->Zx[i], expected = log(1e100) - log(12 * a[i] / 2e7);
      if (a[i] == 0)
        continue;
      ck_assert_double_le(fabs(m - expected), 1e-4);
      vectors++;
    }
    ck_assert_uint_ge(vectors, 3);
    ck_assert_double_lt(ms_run_observe(run, "angle_l2"), 1);
    ck_assert_double_gt(ms_run_observe(run, "angle_l1"), 10);
    ms_run_free(run);
  }
}
END_TEST

/* The angle shrinks like 1/ln t. */
START_TEST(direction_converges_like_one_over_ln_t) {
  double angle[2];
  for (int k = 0; k < 2; k++) {
    ms_run *run =
        test_whole("diag", WITH("loss=logistic", k ? "t-end=1e200" : "t-end=1e100",
                                "wd-schedule=none", "init-scale=1e6", "flow=mirror", "points=20"));
    angle[k] = ms_run_observe(run, "angle_l2");
    ms_run_free(run);
  }
  ck_assert_double_le(fabs(angle[0] / angle[1] - 2), 0.3);
}
END_TEST

/* Under a tiny constant alpha mw ends at argmin f + 2 alpha |x|_1, whose direction tends to the L1
 * machine like 1/ln(1/alpha), whatever the scale. */
START_TEST(weight_decay_leads_to_the_l1_machine) {
  const char *const decays[] = {"wd=1e-30", "wd=1e-90"}, *const scales[] = {"init-scale=1",
                                                                            "init-scale=1e-50"};
  double angle[2][2];
  for (int k = 0; k < 2; k++)
    for (int l = 0; l < 2; l++) {
      ms_run *run = test_whole("diag", WITH("loss=logistic", "t-end=1e100", "wd-schedule=constant",
                                            decays[k], "points=20", "flow=mirror", scales[l]));
      ck_assert_str_eq(run->status, "stationary");
      angle[k][l] = ms_run_observe(run, "angle_l1");
      ck_assert_double_gt(ms_run_summary(run, "margin_l1"),
                          0.98 * ms_run_summary(run, "margin_l1_largest"));
      ms_run_free(run);
    }
  for (int k = 0; k < 2; k++)
    ck_assert_double_le(fabs(angle[k][0] - angle[k][1]), 1e-4);
  ck_assert_double_lt(angle[1][0], 2);
  ck_assert_double_lt(angle[1][0], 0.6 * angle[0][0]);
}
END_TEST

/* Both flows, in two kinds of equations, agree all the way. */
START_TEST(flows_agree_to_1e100) {
  ms_run *run = test_whole(
      "diag", WITH("loss=logistic", "t-end=1e100", "n=20", "d=30", "wd-off=50", "flow=both"));
  ck_assert_double_lt(run->worst_gap, 1e-6);
  ck_assert_double_lt(run->worst_drift, 1e-6);
  ck_assert_double_eq(ms_run_t(run), 1e100);
  ms_run_free(run);
}
END_TEST

Suite *svm_suite(void) {
  Suite *suite = suite_create("svm");
  TCase *tc = tcase_create("core");
  tcase_set_timeout(tc, 300);
  tcase_add_test(tc, l1_agrees_with_glpk);
  tcase_add_test(tc, l2_is_optimal);
  tcase_add_test(tc, says_when_nothing_separates);
  tcase_add_test(tc, margin_moves_the_classes_apart);
  tcase_add_test(tc, plain_flows_end_at_the_l2_machine);
  tcase_add_test(tc, direction_converges_like_one_over_ln_t);
  if (!test_quick()) /* minutes of linear algebra under a memory checker */
    tcase_add_test(tc, weight_decay_leads_to_the_l1_machine);
  tcase_add_test(tc, flows_agree_to_1e100);
  suite_add_tcase(suite, tc);
  return suite;
}
