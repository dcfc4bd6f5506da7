/* Ways of regularizing beside weight decay on m w: L1 on x, L1 on the mask, spred; and what weight
 * decay does that they do not. */
#include "limit/limit.h"
#include "run/run.h"
#include "tests.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- L1 on x: one coordinate, in closed form ------------------------------------------------- */

/* One sample and one feature: f = (x - y)^2 / 2. */
static const char *one_sample(double y) {
  return test_text("data=%s", test_file("data.csv", test_text("y,a\n%.17g,1\n", y)));
}

/* dx/dt = y - x - alpha sign x, held at 0 while |y| <= alpha. Constant alpha. */
static double one_coordinate(double x0, double y, double alpha, double t) {
  double side = x0 != 0 ? copysign(1, x0) : fabs(y) > alpha ? copysign(1, y) : 0;
  double to = y - alpha * side, x = to + (x0 - to) * exp(-t);
  if (side == 0)
    return 0;
  if (x * side >= 0)
    return x;
  double zero = log((x0 - to) / -to);
  return one_coordinate(0, y, alpha, t - zero);
}

START_TEST(one_coordinate_in_closed_form) {
  static const double cases[][3] = {{-0.5, 1, 0.4},  {1, 0.3, 0.4}, {0, 1, 0.4},   {0, 0.3, 0.4},
                                    {-2, -0.3, 0.4}, {2, -1, 0.25}, {0.1, 5, 0.01}};
  static const char *const methods[] = {"method=bdf", "method=adams"};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int m = 0; m < 2; m++) {
      double x0 = cases[i][0], y = cases[i][1], alpha = cases[i][2];
      ms_run *run =
          test_new("diag", WITH(one_sample(y), "param=plain", "wd-schedule=constant",
                                test_text("wd=%.17g", alpha), test_text("init-x=%.17g", x0),
                                "t-end=5", "points=101", methods[m], "stop-loss=0"));
      ms_status status = MS_OK;
      while (test_step(run, &status)) {
        double t = ms_run_t(run), want = one_coordinate(x0, y, alpha, t);
        ck_assert_msg(fabs(run->x[0] - want) < 1e-7 * fmax(fabs(y), fabs(x0)),
                      "x0 %g, y %g, alpha %g, %s, t %g: %.12g, not %.12g", x0, y, alpha, methods[m],
                      t, run->x[0], want);
        if (fabs(y) <= alpha && t > 4) /* not near 0 but there */
          ck_assert(run->x[0] == 0);
      }
      ms_run_free(run);
    }
}
END_TEST

/* alpha falls from 0.8 to 0 at T = 4: x from 0 is held until alpha = y = 0.3, at t = 2.5; then
 * dx/dt = y - x - 0.8 + 0.2 t:  x = 0.2 (s - 1 + e^{-s}), s = t - 2.5, and y - (y - x(4)) e^{4-t}.
 */
START_TEST(a_coordinate_is_released) {
  ms_run *run =
      test_new("diag", WITH(one_sample(0.3), "param=plain", "wd-schedule=linear", "wd=0.8",
                            "wd-off=4", "t-end=8", "points=161", "stop-loss=0", "rtol=1e-10"));
  ms_status status = MS_OK;
  while (test_step(run, &status)) {
    double t = ms_run_t(run), s = t - 2.5, last = 0.2 * (1.5 - 1 + exp(-1.5));
    double want = t < 2.5 ? 0 : t < 4 ? 0.2 * (s - 1 + exp(-s)) : 0.3 - (0.3 - last) * exp(4 - t);
    ck_assert_msg(fabs(run->x[0] - want) < 1e-9, "t %g: %.12g, not %.12g", t, run->x[0], want);
  }
  ms_run_free(run);
}
END_TEST

/* ---- LASSO: flow, steps, FISTA, coordinate descent ------------------------------------------- */

/* FISTA (Beck & Teboulle 2009) with restarts, written out: argmin |Zx-y|^2/(2n) + lambda |x|_1. */
static void fista(const ms_problem *p, double lambda, double *x) {
  size_t n = p->Z->n, d = p->Z->d;
  double L = 0, theta = 1, *z = calloc(d, sizeof *z), *r = calloc(n, sizeof *r);
  for (size_t i = 0; i < n * d; i++)
    L += p->Z->values[i] * p->Z->values[i] / (double)n;
  memset(x, 0, d * sizeof *x);
  for (int k = 0; k < (test_quick() ? 4000 : 20000); k++) {
    for (size_t i = 0; i < n; i++) {
      r[i] = -p->y[i];
      for (size_t j = 0; j < d; j++)
        r[i] += p->Z->values[j * n + i] * z[j];
    }
    double next = (1 + sqrt(1 + 4 * theta * theta)) / 2, uphill = 0;
    for (size_t j = 0; j < d; j++) {
      double g = 0, before = x[j];
      for (size_t i = 0; i < n; i++)
        g += p->Z->values[j * n + i] * r[i] / (double)n;
      double v = z[j] - g / L;
      x[j] = copysign(fmax(fabs(v) - lambda / L, 0), v);
      uphill += (z[j] - x[j]) * (x[j] - before);
      z[j] = x[j] + (theta - 1) / next * (x[j] - before);
    }
    theta = next;
    if (uphill > 0) { /* momentum works against it */
      theta = 1;
      memcpy(z, x, d * sizeof *z);
    }
  }
  free(z);
  free(r);
}

START_TEST(lasso_by_five_roads) {
  const char *const *roads[] = {
      WITH("param=plain", "wd=0.1"),
      WITH("param=plain", "wd=0.1", "method=adams", "init-spread=0.5"),
      WITH("param=plain", "wd=0.1", "method=gd", "lr=0.05", "t-end=3000"),
      WITH("param=plain", "wd=0.1", "method=gd", "lr=0.005", "momentum=0.9", "t-end=3000"),
      WITH("param=mw", "wd=0.05"),
      WITH("param=mw", "wd=0.05", "init-scale=0.01"),
      WITH("param=uv", "wd=0.1", "flow=gradient")};
  for (size_t i = 0; i < sizeof roads / sizeof *roads; i += test_quick() ? 3 : 1) {
    ms_run *run = test_whole("diag", test_join(WITH("n=10", "d=20", "sparsity=3", "noise=0.2",
                                                    "seed=5", "wd-schedule=constant", "points=20"),
                                               roads[i]));
    double reference[20], descent[20];
    ms_error err;
    fista(run->problem, 0.1, reference);
    ck_assert_int_eq(ms_oracle_lasso(run->problem, 0.1, 1e-12, descent, &err), MS_OK);
    ck_assert_double_le(test_distance(20, reference, descent), 1e-9);
    ck_assert_msg(test_distance(20, run->last_x, reference) <= 1e-6, "road %zu: %g", i,
                  test_distance(20, run->last_x, reference));
    ck_assert_msg(ms_run_summary(run, "limit_gap") <= 1e-6, "road %zu", i);
    /* L1 on x makes zeros, weight decay on m w small numbers */
    for (size_t j = 0; j < 20 && strcmp(roads[i][0], "param=plain") == 0; j++)
      ck_assert(reference[j] != 0 || run->last_x[j] == 0);
    ms_run_free(run);
  }
}
END_TEST

/* A LASSO shrinks what it finds by an amount proportional to lambda as long as signs stay. */
START_TEST(bias_of_a_constant_l1_is_linear) {
  static const char *const wd[] = {"wd=0.001", "wd=0.002", "wd=0.004"};
  double error[3];
  for (int k = 0; k < 3; k++) {
    ms_run *run = test_whole("diag", WITH("n=20", "d=50", "sparsity=3", "seed=1",
                                          "wd-schedule=constant", "param=plain", wd[k]));
    error[k] = ms_run_summary(run, "truth_error");
    ms_run_free(run);
  }
  ck_assert_double_eq_tol(error[1] / error[0], 2, 1e-6);
  ck_assert_double_eq_tol(error[2] / error[0], 4, 1e-6);
}
END_TEST

/* What L1 on x did is forgotten once it is off: the end is an interpolator, and not the truth. */
START_TEST(decaying_l1_on_x_interpolates_and_misses) {
  ms_run *plain = test_whole(
      "diag", WITH("n=20", "d=50", "sparsity=3", "param=plain", "wd-schedule=linear", "wd=0.1"));
  ms_run *mw = test_whole(
      "diag", WITH("n=20", "d=50", "sparsity=3", "param=mw", "wd-schedule=linear", "wd=0.4"));
  ck_assert_double_le(ms_run_summary(plain, "residual"), 1e-8);
  ck_assert_double_gt(ms_run_summary(plain, "truth_error"), 0.005);
  ck_assert_double_lt(ms_run_summary(mw, "truth_error"),
                      0.2 * ms_run_summary(plain, "truth_error"));
  ms_run_free(plain);
  ms_run_free(mw);
}
END_TEST

/* ---- L1 on the mask -------------------------------------------------------------------------- */

/* Proximal steps come as near to the flow as they are small: half the step, half the distance. */
START_TEST(steps_tend_to_the_flow) {
  static const char *const params[] = {"param=mask", "param=plain"};
  for (int p = 0; p < 2; p++) {
    double x[3][30], error[2];
    const char *const *how[] = {WITH("rtol=1e-11"), WITH("method=gd", "lr=0.004"),
                                WITH("method=gd", "lr=0.002")};
    for (int k = 0; k < 3; k++) {
      ms_run *run =
          test_whole("diag", test_join(WITH("n=10", "d=30", "sparsity=3", "seed=2",
                                            "init-spread=0.3", params[p], "wd-schedule=linear",
                                            "wd=0.3", "wd-off=5", "t-end=4", "points=9"),
                                       how[k]));
      memcpy(x[k], run->last_x, sizeof x[k]);
      ms_run_free(run);
    }
    for (int k = 0; k < 2; k++)
      error[k] = test_distance(30, x[0], x[k + 1]);
    ck_assert_double_le(error[0], 0.02);
    ck_assert_msg(fabs(error[0] / error[1] - 2) < 0.25, "%s: %g, %g", params[p], error[0],
                  error[1]);
  }
}
END_TEST

/* Two coordinates by classical Runge-Kutta steps in (m, w) and mu = -int grad f. The mirror
 * identity of m w asks for one beta_a for both: x_j = beta_a sinh(2 mu_j + kappa_j). Half the
 * spread of ln beta_a is what the best a(t) leaves. */
static double identity_residual(bool weight_decay) {
  static const double Z[2][2] = {{1, 0.4}, {-0.3, 0.8}}, y[2] = {1, 0.3};
  static const double x0[2] = {0.3, -0.2};
  double s[6], kappa[2], worst = 0, h = 1e-3, alpha = 0.2;
  for (int j = 0; j < 2; j++) {
    kappa[j] = asinh(x0[j]);
    s[j] = sqrt(2) * cosh(kappa[j] / 2);
    s[2 + j] = sqrt(2) * sinh(kappa[j] / 2);
    s[4 + j] = 0;
  }
  for (int step = 0; step < 1500; step++) {
    double k[4][6], v[6];
    for (int q = 0; q < 4; q++) {
      for (int i = 0; i < 6; i++)
        v[i] = s[i] + (q == 0 ? 0 : (q == 3 ? h : h / 2) * k[q - 1][i]);
      double r[2];
      for (int i = 0; i < 2; i++)
        r[i] = (Z[0][i] * v[0] * v[2] + Z[1][i] * v[1] * v[3] - y[i]) / 2;
      for (int j = 0; j < 2; j++) {
        double g = Z[j][0] * r[0] + Z[j][1] * r[1];
        k[q][j] = -v[2 + j] * g - alpha * (weight_decay ? 2 * v[j] : copysign(1, v[j]));
        k[q][2 + j] = -v[j] * g - alpha * (weight_decay ? 2 * v[2 + j] : 0);
        k[q][4 + j] = -g;
      }
    }
    for (int i = 0; i < 6; i++)
      s[i] += h / 6 * (k[0][i] + 2 * k[1][i] + 2 * k[2][i] + k[3][i]);
    double ln_beta[2];
    for (int j = 0; j < 2;
         j++) { /* from x and mu; where x is 0 so is sinh, and beta is left open */
      double S = sinh(2 * s[4 + j] + kappa[j]);
      ln_beta[j] = fabs(S) > 1e-2 ? log(fmax(s[j] * s[2 + j] / S, 1e-300)) : NAN;
    }
    if (!isnan(ln_beta[0] - ln_beta[1]))
      worst = fmax(worst, fabs(ln_beta[0] - ln_beta[1]) / 2);
  }
  return worst;
}

START_TEST(decay_of_the_mask_alone_is_no_mirror_flow) {
  ck_assert_double_le(identity_residual(true), 1e-9);
  ck_assert_double_gt(identity_residual(false), 1e-2);
}
END_TEST

START_TEST(refusals_say_why) {
  const struct {
    const char *const *settings, *says;
  } cases[] = {{WITH("param=plain", "flow=mirror"), "plain has no mirror flow: L1"},
               {WITH("param=mask", "flow=both"), "mask has no mirror flow: the br"},
               {WITH("param=plain", "flow=limit"), "--flow limit"},
               {WITH("param=mask", "flow=saddle"), "--flow saddle"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    ck_assert_int_eq(test_refused("diag", cases[i].settings, cases[i].says), MS_UNSUPPORTED);
}
END_TEST

/* ---- spred ----------------------------------------------------------------------------------- */

START_TEST(spred_keeps_every_sign) {
  for (int seed = 1; seed <= (test_quick() ? 1 : 3); seed++) {
    ms_run *run = test_new("diag", WITH("n=20", "d=50", "sparsity=4", test_text("seed=%d", seed),
                                        "init-spread=0.3", "param=spred", "wd-schedule=linear",
                                        "wd=0.2", "flow=both"));
    double x0[50], stuck = 0;
    ms_status status = MS_OK;
    while (test_step(run, &status)) {
      if (ms_run_t(run) == 0)
        memcpy(x0, run->x, sizeof x0);
      for (size_t j = 0; j < 50; j++)
        ck_assert(run->x[j] * x0[j] >= 0);
    }
    ck_assert_int_eq(ms_run_finish(run, status, NULL, NULL), MS_OK);
    ck_assert_double_le(ms_run_summary(run, "gf_mf_gap"), 1e-5);
    /* of the true coordinates with the other sign nothing is found */
    for (size_t j = 0; j < 50; j++)
      if (run->problem->truth[j] * x0[j] < 0)
        stuck += run->problem->truth[j] * run->problem->truth[j];
    ck_assert_double_gt(stuck, 0.5);
    ck_assert_double_ge(ms_run_summary(run, "truth_error"), sqrt(stuck) * (1 - 1e-9));
    ms_run_free(run);
  }
}
END_TEST

/* From the right signs constant weight decay alpha ends at the LASSO of lambda = 2 alpha. */
START_TEST(spred_is_the_lasso_within_its_signs) {
  const char *const *settings =
      WITH("n=20", "d=30", "sparsity=3", "noise=0.1", "wd-schedule=constant", "wd=0.05");
  ms_run *mw = test_whole("diag", settings);
  const char *path = test_path("x.txt");
  FILE *file = fopen(path, "w");
  double lasso[30];
  ms_error err;
  ck_assert_int_eq(ms_oracle_lasso(mw->problem, 0.1, 1e-12, lasso, &err), MS_OK);
  for (int j = 0; j < 30; j++)
    fprintf(file, "%g\n", lasso[j] < 0 ? -0.5 : 0.5);
  fclose(file);
  ms_run *spred =
      test_whole("diag", test_join(settings, WITH("param=spred", test_text("init-x=%s", path))));
  ck_assert_double_le(test_distance(30, spred->last_x, lasso), 1e-6);
  ck_assert_double_le(test_distance(30, mw->last_x, lasso), 1e-6);
  ck_assert_double_le(ms_run_summary(spred, "kkt_residual"), 1e-8);
  ms_run_free(mw);
  ms_run_free(spred);
}
END_TEST

/* ---- Weight decay on m w --------------------------------------------------------------------- */

/* Schedules of equal dose end at argmin R_a, ten digits. */
START_TEST(only_the_dose_matters) {
  const char *const *schedules[] = {
      WITH("wd-schedule=linear", "wd=0.2", "wd-off=20"),
      WITH("wd-schedule=step", "wd=0.1", "wd-off=20"),
      WITH("wd-schedule=cosine", "wd=0.2", "wd-off=20"),
      WITH("wd-schedule=cyclic", "wd=0.2", "wd-off=20"),
      WITH("wd-schedule=restarts", "wd=0.2", "wd-off=20", "wd-factor=2"),
      WITH("wd-schedule=exponential", "wd=0.2", "wd-tau=10"),
      WITH("wd-schedule=quadratic", "wd=0.2", "wd-tau=10"),
      WITH("wd-schedule=geometric", "wd=0.2", "wd-tau=0.5")};
  for (size_t i = 0; i < sizeof schedules / sizeof *schedules; i += test_quick() ? 4 : 1) {
    ms_run *run = test_whole(
        "diag", test_join(WITH("n=10", "d=25", "sparsity=3", "init-spread=0.2", "flow=mirror",
                               "rtol=1e-13", "stop-loss=1e-28", "points=20"),
                          schedules[i]));
    ck_assert_double_eq_tol(ms_run_summary(run, "dose"), 2, 1e-8);
    ck_assert_msg(ms_run_summary(run, "limit_gap") <= 1e-10, "%s: %g", *schedules[i],
                  ms_run_summary(run, "limit_gap"));
    ck_assert_double_le(ms_run_summary(run, "residual"), 1e-8);
    ms_run_free(run);
  }
}
END_TEST

/* |x_inf|_1 falls with the dose, from the interpolator near x0 to the smallest in L1. */
START_TEST(more_dose_less_l1) {
  double l1 = INFINITY, above = INFINITY;
  for (int k = 0; k < 6; k++) {
    ms_run *run = test_whole("diag", WITH("n=20", "d=50", "sparsity=3", "init-spread=0.3",
                                          "flow=mirror", "points=20", "wd-schedule=step",
                                          "wd-off=20", test_text("wd=%g", 0.05 * k)));
    ck_assert_double_lt(ms_run_summary(run, "l1"), l1);
    ck_assert_double_lt(ms_run_summary(run, "from_min_l1"), above);
    ck_assert_double_le(ms_run_summary(run, "residual"), 1e-8);
    ck_assert_double_le(ms_run_summary(run, "limit_gap"), 1e-6);
    l1 = ms_run_summary(run, "l1");
    above = ms_run_summary(run, "from_min_l1");
    ms_run_free(run);
  }
  ck_assert_double_le(above, 1e-2);
}
END_TEST

/* df/dt = -sum_j D_j g_j^2 with D = 2 sqrt(x^2 + beta_a^2) >= 2 beta_a, and |grad f|^2 >= 2 s f
 * with s the least eigenvalue of ZZ'/n: once alpha is 0, f falls, and at the rate 4 beta_a s or
 * more. */
START_TEST(loss_falls_at_least_at_the_rate_of_the_theorem) {
  for (int seed = 1; seed <= (test_quick() ? 3 : 20); seed++) {
    ms_run *run = test_new(
        "diag", WITH("n=8", "d=30", "sparsity=3", test_text("seed=%d", seed), "init-spread=0.3",
                     "flow=mirror", seed % 2 ? "wd-schedule=linear" : "wd-schedule=none", "wd=0.05",
                     "wd-off=10", "t-end=400", "points=401", "stop-loss=0", "rtol=1e-11"));
    size_t n = run->problem->Z->n;
    double loss[401], *G = calloc(n * n, sizeof *G), *C = calloc(n * n, sizeof *C);
    /* the least s with ZZ'/n - s I positive definite, by bisection */
    for (size_t a = 0; a < n; a++)
      for (size_t b = 0; b < n; b++)
        for (size_t j = 0; j < run->d; j++)
          G[a * n + b] +=
              run->problem->Z->values[j * n + a] * run->problem->Z->values[j * n + b] / (double)n;
    double low = 0, high = G[0];
    for (int k = 0; k < 60; k++) {
      double s = (low + high) / 2;
      memcpy(C, G, n * n * sizeof *C);
      for (size_t a = 0; a < n; a++)
        C[a * n + a] -= s;
      if (ms_spd_factor(n, C) == 0)
        low = s;
      else
        high = s;
    }
    free(G);
    free(C);
    size_t points = 0;
    ms_status status = MS_OK;
    for (; test_step(run, &status); points++)
      loss[points] = ms_run_observe(run, "loss");
    double beta = exp(-4 * ms_run_observe(run, "dose")), bound = 4 * beta * low;
    ck_assert(low > 0);
    double floor = 1e-18 * loss[0];
    for (size_t k = 11; k < points && loss[k] > floor; k++) {
      double rate = log(loss[k - 1] / loss[k]) / (ms_run_time(run, k) - ms_run_time(run, k - 1));
      ck_assert_msg(rate >= bound * (1 - 1e-6), "seed %d, point %zu: rate %g, bound %g", seed, k,
                    rate, bound);
    }
    ms_run_free(run);
  }
}
END_TEST

/* Weight decay contracts the potential: R_a(x) without its normalization grows as a falls. */
START_TEST(potential_is_contracting) {
  for (size_t i = 0; ms_param_at(i); i++) {
    const ms_param *p = ms_param_at(i);
    for (int k = 0; k < 200 && p->rate > 0; k++) {
      double x = 0.05 * (k - 100), kappa = k % 3 - 1, a = -0.02 * k, step = 1e-4;
      double bottom[2], R[2];
      for (int side = 0; side < 2; side++) {
        double at = a + (side ? step : -step);
        bottom[side] = exp(p->ln_scale(p, 0, at)) * cosh(kappa) / p->rate;
        R[side] = p->potential(p, 0, kappa, at, x) - bottom[side];
      }
      ck_assert_msg(R[1] < R[0], "%s at x = %g, a = %g", p->name, x, a);
    }
  }
}
END_TEST

Suite *regularizers_suite(void) {
  Suite *suite = suite_create("regularizers");
  TCase *tc = tcase_create("regularizers");
  tcase_set_timeout(tc, 120);
  tcase_add_test(tc, one_coordinate_in_closed_form);
  tcase_add_test(tc, a_coordinate_is_released);
  tcase_add_test(tc, lasso_by_five_roads);
  tcase_add_test(tc, bias_of_a_constant_l1_is_linear);
  tcase_add_test(tc, decaying_l1_on_x_interpolates_and_misses);
  tcase_add_test(tc, steps_tend_to_the_flow);
  tcase_add_test(tc, decay_of_the_mask_alone_is_no_mirror_flow);
  tcase_add_test(tc, refusals_say_why);
  tcase_add_test(tc, spred_keeps_every_sign);
  tcase_add_test(tc, spred_is_the_lasso_within_its_signs);
  tcase_add_test(tc, only_the_dose_matters);
  tcase_add_test(tc, more_dose_less_l1);
  tcase_add_test(tc, loss_falls_at_least_at_the_rate_of_the_theorem);
  tcase_add_test(tc, potential_is_contracting);
  suite_add_tcase(suite, tc);
  return suite;
}
