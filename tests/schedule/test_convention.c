/* --wd-convention half: lambda = 2 alpha is given, as weight_decay in PyTorch. */
#include "tests.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The same bytes of x, of t and of the dose at all points, and only half says so. */
static void same(const char *model, const char *const *alpha, const char *const *lambda) {
  ms_run *runs[2];
  ms_status status[2] = {MS_OK, MS_OK};
  runs[0] = test_new(model, alpha);
  runs[1] = test_new(model, test_join(lambda, WITH("wd-convention=half")));
  size_t points = 0, d;
  for (; test_step(runs[0], &status[0]); points++) {
    ck_assert(test_step(runs[1], &status[1]));
    const double *x = ms_run_x(runs[0], &d), *other = ms_run_x(runs[1], &d);
    ck_assert_msg(memcmp(x, other, d * sizeof *x) == 0, "--model %s: x differs at t = %g", model,
                  ms_run_t(runs[0]));
    ck_assert(ms_run_t(runs[0]) == ms_run_t(runs[1]));
    ck_assert(ms_run_observe(runs[0], "dose") == ms_run_observe(runs[1], "dose"));
  }
  ck_assert_uint_gt(points, 1);
  ck_assert_double_gt(ms_run_summary(runs[1], "wd"), 0);
  char *json[2] = {ms_run_json(runs[0], false), ms_run_json(runs[1], false)};
  ck_assert_ptr_null(strstr(json[0], "wd_convention"));
  ck_assert_ptr_nonnull(strstr(json[1], "\"wd_convention\": \"half: given is lambda = 2 alpha"));
  for (int k = 0; k < 2; k++) {
    free(json[k]);
    ms_run_free(runs[k]);
  }
}

#define SMALL "points=8", "t-end=10"

START_TEST(every_model) {
  static const char *const models[] = {"diag", "sensing", "lora", "attention", "network"};
  const char *const *const sizes[] = {WITH("n=6", "d=9", SMALL), WITH("rows=6", SMALL),
                                      WITH("rows=6", SMALL), WITH("rows=6", "n=10", SMALL),
                                      WITH("epochs=2")};
  for (size_t i = 0; i < sizeof models / sizeof *models; i++) {
    if (test_quick() && strcmp(models[i], "network") == 0)
      continue;
    same(models[i], test_join(sizes[i], WITH("wd=0.003")), test_join(sizes[i], WITH("wd=0.006")));
    same(models[i], sizes[i], sizes[i]); /* what the program chooses is alpha */
  }
}
END_TEST

START_TEST(every_way_to_give_it) {
  const char *alpha = test_file("alpha.csv", "t,alpha\n0,0.2\n4,0.05\n6,0\n");
  const char *lambda = test_file("lambda.csv", "t,lambda\n0,0.4\n4,0.1\n6,0\n");
  const char *const *size = WITH("n=6", "d=9", SMALL);
  const char *const *pairs[][2] = {
      {WITH("wd-schedule=constant", "wd=0.05"), WITH("wd-schedule=constant", "wd=0.1")},
      {WITH("wd-schedule=adaptive", "wd=0.05", "wd-tau=1"),
       WITH("wd-schedule=adaptive", "wd=0.1", "wd-tau=1")},
      {WITH("wd-schedule=formula", "wd-formula=0.1*exp(-t/5)", "wd-off=8"),
       WITH("wd-schedule=formula", "wd-formula=0.2*exp(-t/5)", "wd-off=8")},
      {WITH("wd-schedule=formula", "wd-formula=exp(-t/5)", "wd=0.1", "wd-off=8"),
       WITH("wd-schedule=formula", "wd-formula=exp(-t/5)", "wd=0.2", "wd-off=8")},
      {WITH("wd-schedule=file", test_text("wd-file=%s", alpha)),
       WITH("wd-schedule=file", test_text("wd-file=%s", lambda))},
      {WITH("method=gd", "wd=0.05"), WITH("method=gd", "wd=0.1")},
      {WITH("param=power", "depth=3", "wd=0.05"), WITH("param=power", "depth=3", "wd=0.1")},
      {WITH("param=plain", "wd=0.05"), WITH("param=plain", "wd=0.1")},
  };
  for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
    same("diag", test_join(size, pairs[i][0]), test_join(size, pairs[i][1]));
}
END_TEST

/* w := w - eta (dL/dw + lambda w), torch.optim.SGD, by hand: x = m w, one sample z = 1, y = 1. */
START_TEST(steps_of_pytorch) {
  const double eta = 0.01, lambda = 0.2;
  double m = sqrt(2), w = 0; /* beta = (m^2 - w^2)/2 = 1, x = 0 */
  for (int k = 0; k < 100; k++) {
    double slope = m * w - 1, dm = slope * w, dw = slope * m;
    m -= eta * (dm + lambda * m);
    w -= eta * (dw + lambda * w);
  }
  const char *data = test_file("one.csv", "y,z\n1,1\n");
  ms_run *run = test_whole("diag", WITH(test_text("data=%s", data), "method=gd", "lr=0.01",
                                        "flow=gradient", "wd-schedule=constant", "wd=0.2",
                                        "wd-convention=half", "points=2", "t-end=1"));
  size_t d;
  ck_assert_double_eq_tol(ms_run_x(run, &d)[0], m * w, 1e-3 * fabs(m * w));
  ms_run_free(run);
}
END_TEST

Suite *convention_suite(void) {
  Suite *suite = suite_create("convention");
  TCase *tc = tcase_create("half");
  tcase_set_timeout(tc, 120);
  tcase_add_test(tc, every_model);
  tcase_add_test(tc, every_way_to_give_it);
  tcase_add_test(tc, steps_of_pytorch);
  suite_add_tcase(suite, tc);
  return suite;
}
