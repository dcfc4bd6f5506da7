/* Gradient flows whose weights go over hundreds of e-folds. */
#include "tests.h"
#include <math.h>
#include <string.h>

/* Row of x at the last planned time not after t. */
static void x_at(ms_run *run, double t, double *x) {
  ms_status status = MS_OK;
  size_t d;
  for (size_t i = 0; i < ms_run_points(run) && ms_run_time(run, i) <= t * (1 + 1e-12); i++) {
    ms_error err;
    status = ms_run_advance(run, i, &err);
    ck_assert_msg(status == MS_OK, "%s", err.message);
  }
  const double *now = ms_run_x(run, &d);
  ck_assert_double_eq_tol(ms_run_t(run), t, 1e-9 * t);
  memcpy(x, now, d * sizeof *x);
}

/* Z = (1, 0.4, -0.3; 0.3, 0.8, 0.6), y = (1, -0.5), mw from p = q = 1, alpha = 5 (1 - t/40): by
 * SciPy's DOP853 of ln p and ln q with tolerances of 1e-13 and steps of at most 0.4. */
static const struct {
  double t, x[3];
} after_dose_100[] = {
    {20, {6.20239762752e-124, -4.12571507734e-134, -4.18558005583e-126}},
    {400, {4.36746133889e-27, -1.53479735431e-177, -1.62723147678e-70}},
    {480, {0.77940772091, -8.08394061583e-173, -4.97083904234e-50}},
    {700, {0.772087467465, -3.56776074787e-125, -0.109371976576}},
    {800, {0.652173913043, -4.11021065176e-124, -1.15942028986}},
};

static const char *dosed_data(void) {
  return test_file("dosed.csv", "y,a,b,c\n1,1,0.4,-0.3\n-0.5,0.3,0.8,0.6\n");
}

/* Errors below 2e-6 of |x| + beta over 400 e-folds: some hundred steps may each be wrong by 1e-9 in
 * ln x, and rounding of mu, of the size 200, moves it by 1e-13 a step. */
START_TEST(dosed_weights_keep_their_digits) {
  static const char *const flows[] = {"gradient", "mirror"};
  const char *data = test_text("data=%s", dosed_data());
  for (size_t f = 0; f < 2; f++) {
    ms_run *run =
        test_new("diag", WITH(data, test_text("flow=%s", flows[f]), "wd-schedule=linear", "wd=5",
                              "wd-off=40", "t-end=800", "stop-loss=0", "points=41"));
    for (size_t k = 0; k < sizeof after_dose_100 / sizeof *after_dose_100; k++) {
      double x[3];
      x_at(run, after_dose_100[k].t, x);
      double beta = exp(-4 * ms_run_observe(run, "dose"));
      for (int j = 0; j < 3; j++) {
        double want = after_dose_100[k].x[j];
        ck_assert_msg(fabs(x[j] - want) <= 2e-6 * (fabs(want) + beta),
                      "%s: x_%d(%g) = %.12g, not %.12g", flows[f], j, after_dose_100[k].t, x[j],
                      want);
      }
    }
    ms_run_free(run);
  }
}
END_TEST

/* z = 1, y = -1, x0 = 1: dx/dt = -2r x (x + 1), so x / (x + 1) = e^{-2rt} / 2; r = 1 for spred and
 * 2 for square. */
START_TEST(single_weights_keep_their_sign) {
  static const struct {
    const char *param;
    double rate;
  } cases[] = {{"spred", 2}, {"square", 4}};
  const char *data = test_text("data=%s", test_file("one.csv", "y,a\n-1,1\n"));
  for (int k = 0; k < 2; k++) {
    ms_run *run =
        test_new("diag", WITH(data, test_text("param=%s", cases[k].param), "flow=gradient",
                              "wd-schedule=none", "t-end=60", "stop-loss=0", "points=61"));
    for (double t = 1; t <= 60; t += 1) {
      double x, part = exp(-cases[k].rate * t) / 2, want = part / (1 - part);
      x_at(run, t, &x);
      ck_assert_msg(fabs(x / want - 1) <= 1e-6, "%s: x(%g) = %g, not %g", cases[k].param, t, x,
                    want);
      if (want < 1e-12) /* then it may end as stationary */
        break;
    }
    ms_run_free(run);
  }
}
END_TEST

/* The gradient pulls x below 0, which |m| = |w| does not allow. */
START_TEST(spred_does_not_cross_zero) {
  for (int seed = 1; seed <= 6; seed++) {
    ms_run *run =
        test_whole("diag", WITH("loss=poisson", "n=2", "d=1", "param=spred",
                                test_text("seed=%d", seed), "wd-schedule=none", "flow=both"));
    size_t d;
    ck_assert_double_ge(*ms_run_x(run, &d), 0);
    ck_assert_double_le(ms_run_summary(run, "gf_mf_gap"), 1e-6);
    ms_run_free(run);
  }
  ms_run *run = test_whole("diag", WITH("loss=poisson", "n=2", "d=1", "param=spred",
                                        "wd-schedule=none", "flow=gradient"));
  size_t d;
  double x = *ms_run_x(run, &d);
  ck_assert(x >= 0 && x <= 1e-10);
  ms_run_free(run);
}
END_TEST

START_TEST(large_doses_and_small_scales_leave_no_gap) {
  const char *const *cases[] = {
      WITH("wd=5", "seed=5", "n=2", "d=3"),
      WITH("wd=5", "seed=7", "n=8", "d=20"),
      WITH("wd=5", "seed=3", "n=8", "d=20", "param=uv"),
      WITH("init-scale=1e-100", "loss=logistic", "wd-schedule=none", "n=8", "d=12"),
      WITH("init-scale=1e-100", "wd-schedule=none", "n=8", "d=12"),
      WITH("wd=5", "n=8", "d=12", "wd-schedule=harmonic", "t-end=500")};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    ms_run *run = test_whole("diag", cases[k]);
    ck_assert_msg(ms_run_summary(run, "gf_mf_gap") <= 5e-7, "case %zu: gap %g", k,
                  ms_run_summary(run, "gf_mf_gap"));
    ms_run_free(run);
  }
}
END_TEST

/* check looks at the brackets around the weights, not around their logarithms. */
START_TEST(weights_are_read_from_logarithms) {
  ms_run *run = test_whole("diag", WITH("wd=2", "seed=5", "n=2", "d=3", "t-end=40", "flow=both"));
  double w[6];
  size_t d;
  const double *x = ms_run_x(run, &d);
  ms_flow_read_weights(run->partner, w);
  for (size_t j = 0; j < 3; j++)
    ck_assert_double_eq_tol((w[j] - w[3 + j]) * (w[j] + w[3 + j]) / 2, x[j], 1e-6 * fabs(x[j]));
  ms_run_free(run);
}
END_TEST

Suite *weights_suite(void) {
  Suite *suite = suite_create("weights");
  TCase *tc = tcase_create("weights");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, dosed_weights_keep_their_digits);
  tcase_add_test(tc, single_weights_keep_their_sign);
  tcase_add_test(tc, spred_does_not_cross_zero);
  tcase_add_test(tc, large_doses_and_small_scales_leave_no_gap);
  tcase_add_test(tc, weights_are_read_from_logarithms);
  suite_add_tcase(suite, tc);
  return suite;
}
