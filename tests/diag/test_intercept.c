/* --intercept: against centred data, against optimality conditions on the data as they are, and
 * against numbers of scikit-learn. */
#include "problem/problem.h"
#include "run/run.h"
#include "tests.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { N = 12, D = 4 };

/* Columns whose means are far from 0. */
static double entry(int i, int j) {
  return 3 * j - 2 + sin(1.7 * i + 2.3 * j + 0.4 * i * j);
}

/* Targets for each loss. */
static double target(const char *loss, int i) {
  double value = 5 + 2 * entry(i, 1) - entry(i, 3) + cos(3.1 * i);
  if (strcmp(loss, "logistic") == 0 || strcmp(loss, "exponential") == 0)
    return sin(2.9 * i) > 0.2;
  return strcmp(loss, "poisson") == 0 ? floor(3 + 3 * sin(1.3 * i)) : value;
}

static const char *table(const char *name, const char *loss, bool centred) {
  char text[8192] = "y,a,b,c,d\n";
  double mean[D + 1] = {0};
  for (int i = 0; i < N && centred; i++)
    for (int j = 0; j <= D; j++)
      mean[j] += (j == D ? target(loss, i) : entry(i, j)) / N;
  for (int i = 0; i < N; i++) {
    sprintf(text + strlen(text), "%.17g", target(loss, i) - mean[D]);
    for (int j = 0; j < D; j++)
      sprintf(text + strlen(text), ",%.17g", entry(i, j) - mean[j]);
    strcat(text, "\n");
  }
  return test_file(name, text);
}

START_TEST(squared_loss_is_that_of_centred_data) {
  static const char *const schedules[][2] = {{"wd-schedule=none", "wd=0"},
                                             {"wd-schedule=constant", "wd=0.05"},
                                             {"wd-schedule=linear", "wd=0.2"}};
  for (size_t k = 0; k < 3; k++) {
    const char *raw = test_text("data=%s", table("raw.csv", "squared", false)),
               *centred = test_text("data=%s", table("centred.csv", "squared", true));
    ms_run *with = test_whole("diag", WITH(raw, "intercept=on", schedules[k][0], schedules[k][1])),
           *without = test_whole("diag", WITH(centred, schedules[k][0], schedules[k][1]));
    size_t d;
    const double *x = ms_run_x(with, &d), *y = ms_run_x(without, &d);
    ck_assert_msg(test_distance(D, x, y) <= 1e-7, "%s: %g", schedules[k][0],
                  test_distance(D, x, y));
    double b = 0;
    for (int i = 0; i < N; i++) {
      b += target("squared", i) / N;
      for (int j = 0; j < D; j++)
        b -= entry(i, j) * x[j] / N;
    }
    ck_assert_double_eq_tol(ms_run_summary(with, "intercept"), b, 1e-10);
    ms_run_free(with);
    ms_run_free(without);
  }
}
END_TEST

/* mw under constant alpha ends at the minimum of f + 2 alpha |x|_1 over x and b. */
START_TEST(constant_decay_ends_where_x_and_b_are_best) {
  static const char *const losses[] = {"squared", "logistic", "exponential", "huber", "poisson"};
  const char *name = losses[_i];
  const ms_loss *loss = ms_loss_find(name);
  const double lambda = 0.04;
  const char *data = test_text("data=%s", table("raw.csv", name, false));
  ms_run *run = test_whole("diag", WITH(data, "intercept=on", test_text("loss=%s", name),
                                        "wd-schedule=constant", "wd=0.02"));
  ck_assert_str_eq(run->status, "stationary");
  size_t d;
  const double *x = ms_run_x(run, &d);
  double b = ms_run_summary(run, "intercept"), sum = 0, g[D] = {0};
  for (int i = 0; i < N; i++) {
    double z = b, y = target(name, i);
    y = loss->kind == MS_TARGET_CLASS && y == 0 ? -1 : y;
    for (int j = 0; j < D; j++)
      z += entry(i, j) * x[j];
    sum += loss->slope(z, y) / N;
    for (int j = 0; j < D; j++)
      g[j] += entry(i, j) * loss->slope(z, y) / N;
  }
  ck_assert_msg(fabs(sum) <= 1e-12, "%s: the slopes sum to %g", name, sum);
  for (int j = 0; j < D; j++) {
    if (fabs(x[j]) > 1e-3)
      ck_assert_msg(fabs(g[j] + copysign(lambda, x[j])) <= 1e-6, "%s: x[%d] = %g, g = %g", name, j,
                    x[j], g[j]);
    ck_assert_msg(fabs(g[j]) <= lambda + 1e-6, "%s: g[%d] = %g", name, j, g[j]);
  }
  ck_assert_msg(ms_run_summary(run, "limit_gap") <= 1e-6, "%s: limit_gap %g", name,
                ms_run_summary(run, "limit_gap"));
  ck_assert_msg(ms_run_summary(run, "gf_mf_gap") <= 1e-6, "%s: gf_mf_gap %g", name,
                ms_run_summary(run, "gf_mf_gap"));
  ms_run_free(run);
}
END_TEST

/* LogisticRegression(penalty=None) on scaled features. */
START_TEST(numbers_of_scikit_learn) {
  static const double wanted[] = {0, 1.6106, -0.5842, 0.1961};
  ms_run *run =
      test_whole("diag", WITH("data=" MS_PLOTS "/../tests/diag/icpt.csv", "standardize=on",
                              "intercept=on", "loss=logistic", "wd-schedule=none"));
  size_t d;
  const double *x = ms_run_x(run, &d);
  ck_assert_uint_eq(d, 4);
  for (size_t j = 0; j < d; j++)
    ck_assert_double_eq_tol(x[j], wanted[j], 1e-4);
  ck_assert_double_eq_tol(ms_run_summary(run, "intercept"), 1.3776, 1e-4);
  ms_run_free(run);
}
END_TEST

/* b is then the mean of y, because the columns have mean 0. */
START_TEST(standardized_columns_leave_the_mean_of_y_to_b) {
  const char *raw = test_text("data=%s", table("raw.csv", "squared", false));
  ms_run *run = test_whole("diag", WITH(raw, "standardize=on", "intercept=on"));
  double mean = 0;
  for (int i = 0; i < N; i++)
    mean += target("squared", i) / N;
  ck_assert_double_eq_tol(ms_run_summary(run, "intercept"), mean, 1e-10);
  ms_run_free(run);
}
END_TEST

START_TEST(where_there_is_none) {
  const char *ones = test_text("data=%s", test_file("ones.csv", "y,a\n1,2\n1,3\n1,5\n")),
             *zeros = test_text("data=%s", test_file("zeros.csv", "y,a\n0,2\n0,3\n0,5\n")),
             *sparse = test_text("data=%s", test_file("z.mtx", "%%MatrixMarket matrix coordinate "
                                                               "real general\n2 2 2\n1 1 1\n"
                                                               "2 2 3\n")),
             *y = test_text("target=%s", test_file("y", "1\n2\n"));
  test_refused("diag", WITH(ones, "intercept=on", "loss=logistic"),
               "--intercept: there is no best");
  test_refused("diag", WITH(zeros, "intercept=on", "loss=poisson"),
               "--intercept: there is no best");
  test_refused("diag", WITH(sparse, y, "intercept=on"), "--intercept: needs a dense Z");
  test_refused("diag", WITH("intercept=on", "method=sgd"),
               "--intercept: is not there for --method");
  test_refused("diag", WITH("intercept=on", "loss=custom", "loss-formula=(z-y)^2"),
               "--intercept: is not there for --loss custom");
  test_refused("sensing", WITH("intercept=on"), "--intercept: has no effect with --model sensing");
  ms_run *without = test_new("diag", WITH("n=4", "d=6"));
  ck_assert(isnan(ms_run_summary(without, "intercept")));
  ms_run_free(without);
}
END_TEST

Suite *intercept_suite(void) {
  Suite *suite = suite_create("intercept");
  TCase *tc = tcase_create("intercept");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, squared_loss_is_that_of_centred_data);
  tcase_add_loop_test(tc, constant_decay_ends_where_x_and_b_are_best, 0, 5);
  tcase_add_test(tc, numbers_of_scikit_learn);
  tcase_add_test(tc, standardized_columns_leave_the_mean_of_y_to_b);
  tcase_add_test(tc, where_there_is_none);
  suite_add_tcase(suite, tc);
  return suite;
}
