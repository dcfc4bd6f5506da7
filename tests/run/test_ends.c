/* What a run steps and where it ends: discrete methods train weights, --stop-loss and --t-end are
 * obeyed, and "stationary" is said of minima only. Truth: steps written out here, closed forms, the
 * limits' optimality conditions (limit_gap). */
#include "run/run.h"
#include "tests.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *text(const ms_run *run, const char *key) {
  ms_summary entry;
  for (size_t i = 0; ms_run_summary_at(run, i, &entry); i++)
    if (strcmp(entry.key, key) == 0)
      return entry.text;
  return NULL;
}

static const char *note_with(const ms_run *run, const char *part) {
  for (size_t i = 0; ms_run_note(run, i); i++)
    if (strstr(ms_run_note(run, i), part))
      return ms_run_note(run, i);
  return NULL;
}

static double x_of(const ms_run *run, size_t j) {
  size_t d;
  return ms_run_x(run, &d)[j];
}

/* ---- What trains what ----------------------------------------------------------------------- */

enum { N = 2, D = 3 };
static const double Z[N][D] = {{1, 0.5, -0.3}, {0.2, 0.7, 0.4}}, y[N] = {1, -0.5};

static const char *small_data(void) {
  return test_file("two.csv", "y,a,b,c\n1,1,0.5,-0.3\n-0.5,0.2,0.7,0.4\n");
}

static void slope(const double *x, double *g) {
  memset(g, 0, D * sizeof *g);
  for (int i = 0; i < N; i++) {
    double r = -y[i];
    for (int j = 0; j < D; j++)
      r += Z[i][j] * x[j];
    for (int j = 0; j < D; j++)
      g[j] += Z[i][j] * r / N;
  }
}

/* x = m w from x = 0, beta = 1/2 (m^2 - w^2) = 0.1: steps of m and w, or of mu. */
static void by_hand(bool descent, double lr, int steps, double *x) {
  const double beta = 0.1;
  double m[D], w[D] = {0}, mu[D] = {0}, g[D];
  for (int j = 0; j < D; j++) {
    m[j] = sqrt(2 * beta);
    x[j] = 0;
  }
  for (int k = 0; k < steps; k++) {
    slope(x, g);
    for (int j = 0; j < D; j++) {
      double was = m[j];
      mu[j] -= lr * g[j];
      m[j] -= lr * g[j] * w[j];
      w[j] -= lr * g[j] * was;
      x[j] = descent ? beta * sinh(2 * mu[j]) : m[j] * w[j];
    }
  }
}

START_TEST(discrete_methods_train_weights) {
  static const char *const flows[] = {"auto", "one", "gradient", "both", "mirror"};
  for (int f = 0; f < 5; f++)
    for (int state = 0; state < 2; state++) {
      bool descent = strcmp(flows[f], "mirror") == 0;
      double x[D];
      by_hand(descent, 0.05, 200, x);
      ms_run *run = test_whole("diag", WITH(test_text("data=%s", small_data()), "init-scale=0.1",
                                            "method=gd", "lr=0.05", "t-end=10", "wd-schedule=none",
                                            "points=3", test_text("flow=%s", flows[f]),
                                            state ? "state=dual" : "state=auto"));
      for (size_t j = 0; j < D; j++)
        ck_assert_msg(fabs(x_of(run, j) - x[j]) < 1e-12, "%s: x[%zu] = %.15g, by hand %.15g",
                      flows[f], j, x_of(run, j), x[j]);
      ck_assert_str_eq(text(run, "flow"), descent                               ? "mirror-descent"
                                          : f == 0 || !strcmp(flows[f], "both") ? "both"
                                                                                : "gradient");
      ms_run_free(run);
    }
}
END_TEST

/* The truth errors are those of single runs, as they were before sweeps stepped mu. */
START_TEST(a_sweep_of_sgd_has_the_bias_of_single_runs) {
  static const double lr[] = {0.01, 0.03, 0.1}, error[] = {0.103566, 0.0938735, 0.058273};
  for (int k = 0; k < 3; k++) {
    ms_run *run =
        test_whole("diag", WITH("n=20", "d=30", "sparsity=3", "init-scale=0.01", "wd-schedule=none",
                                "method=sgd", "t-end=2000", "stop-loss=0", "flow=one", "points=2",
                                test_text("lr=%g", lr[k])));
    ck_assert_msg(fabs(ms_run_summary(run, "truth_error") - error[k]) < 2e-5, "lr = %g: %.6g",
                  lr[k], ms_run_summary(run, "truth_error"));
    ms_run_free(run);
  }
}
END_TEST

START_TEST(one_flow_is_the_gradient_flow_where_there_is_no_mirror_flow) {
  static const char *const params[] = {"ham", "mask", "plain"};
  for (int p = 0; p < 3; p++) {
    ms_run *run = test_whole(
        "diag", WITH("n=5", "d=8", "flow=one", "t-end=20", test_text("param=%s", params[p])));
    ck_assert_str_eq(text(run, "flow"), "gradient");
    ms_run_free(run);
  }
  ms_run *run = test_whole(
      "diag", WITH("n=3", "d=4", "flow=one", "param=custom", "t-end=5", "formula=tanh(a)*b"));
  ck_assert_str_eq(text(run, "flow"), "gradient");
  ms_run_free(run);
}
END_TEST

START_TEST(weights_that_cannot_be_held_cannot_be_trained) {
  test_refused("diag", WITH("n=5", "d=8", "method=gd", "init-scale=1e-1000"), "--flow mirror");
  test_refused(
      "sensing",
      WITH("rows=3", "factors=symmetric", "measure=commuting", "method=gd", "init-scale=1e-1000"),
      "--flow mirror");
}
END_TEST

/* Beside training stands the mirror flow itself, integrated. */
START_TEST(matrices_are_trained_beside_their_mirror_flow) {
  const char *const *settings = WITH("rows=4", "factors=symmetric", "measure=commuting", "t-end=4",
                                     "wd-schedule=none", "points=3");
  ms_run *gd = test_whole("sensing", test_join(settings, WITH("method=gd", "lr=0.01"))),
         *flow = test_whole("sensing", test_join(settings, WITH("flow=mirror")));
  size_t d;
  const double *x = ms_run_x(gd, &d), *of_flow = ms_run_x(flow, &d);
  ck_assert_str_eq(text(gd, "flow"), "both");
  double gap = test_distance(d, x, of_flow) / fmax(gd->largest_x, flow->largest_x);
  ck_assert_double_gt(gap, 1e-5);
  ck_assert_msg(fabs(gd->gap / gap - 1) < 1e-3, "%g instead of %g", gd->gap, gap);
  ms_run_free(gd);
  ms_run_free(flow);
}
END_TEST

/* ---- Noise ---------------------------------------------------------------------------------- */

START_TEST(one_sample_alone_makes_no_noise) {
  double x[2][2];
  for (int k = 0; k < 2; k++) {
    ms_run *run = test_whole("diag", WITH("n=1", "d=2", "sparsity=1", "lr=0.01", "t-end=3",
                                          k ? "method=sde" : "method=gd", "points=2"));
    x[k][0] = x_of(run, 0);
    x[k][1] = x_of(run, 1);
    ms_run_free(run);
  }
  ck_assert_double_le(test_distance(2, x[0], x[1]), 1e-13);
}
END_TEST

/* Means and variances of x over seeds; a step of sde has those of a step of sgd. */
START_TEST(sde_has_the_mean_and_the_variance_of_sgd) {
  enum { SEEDS = 400 };
  const char *data = small_data();
  double mean[2][D] = {{0}}, square[2][D] = {{0}};
  for (int m = 0; m < 2; m++) {
    for (int seed = 1; seed <= SEEDS; seed++) {
      ms_run *run = test_whole("diag", WITH(test_text("data=%s", data), "init-scale=1",
                                            "wd-schedule=none", "points=2", "flow=one", "lr=0.02",
                                            "t-end=0.4", m ? "method=sde" : "method=sgd",
                                            test_text("seed=%d", m * SEEDS + seed)));
      for (size_t j = 0; j < D; j++) {
        mean[m][j] += x_of(run, j) / SEEDS;
        square[m][j] += x_of(run, j) * x_of(run, j) / SEEDS;
      }
      ms_run_free(run);
    }
  }
  for (int j = 0; j < D; j++) {
    double v0 = square[0][j] - mean[0][j] * mean[0][j], v1 = square[1][j] - mean[1][j] * mean[1][j];
    /* four standard errors: sqrt(2 v / SEEDS) of the means' difference, sqrt(4 / SEEDS) of ln v */
    ck_assert_msg(fabs(mean[0][j] - mean[1][j]) < 4 * sqrt(2 * v0 / SEEDS), "x[%d]: means %g %g", j,
                  mean[0][j], mean[1][j]);
    ck_assert_msg(fabs(log(v1 / v0)) < 4 * sqrt(4.0 / SEEDS), "x[%d]: variances %g %g", j, v0, v1);
  }
}
END_TEST

/* ---- --stop-loss and --t-end ---------------------------------------------------------------- */

START_TEST(a_given_loss_ends_every_method) {
  static const struct {
    const char *model, *settings[5];
    double loss;
  } cases[] = {
      {"diag", {"method=gd", "lr=0.001", "stop-loss=1e-18"}, 1e-18},
      {"diag", {"method=sgd", "lr=0.003", "stop-loss=1e-6"}, 1e-6},
      {"diag", {"method=sde", "lr=0.001", "stop-loss=1e-6", "flow=one"}, 1e-6},
      {"diag", {"method=gd", "flow=mirror", "lr=0.01", "stop-loss=1e-9"}, 1e-9},
      {"diag", {"method=gd", "t-end=1000", "lr=0.01", "stop-loss=1e-4"}, 1e-4},
      {"diag", {"loss=logistic", "method=gd", "stop-loss=0.3", "lr=0.01"}, 0.3},
      {"sensing", {"rows=4", "method=gd", "stop-loss=1e-4"}, 1e-4},
      {"attention", {"stop-loss=0.01"}, 0.01},
      {"attention", {"stop-loss=0.1", "method=gd"}, 0.1},
      {"network", {"epochs=4", "stop-loss=0.3"}, 0.3},
      {"network", {"method=adams", "nonlinearity=tanh", "layers=4", "stop-loss=1.5"}, 1.5},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ms_run *run =
        test_whole(cases[i].model, test_join(cases[i].settings, WITH("wd-schedule=none")));
    ck_assert_msg(strcmp(run->status, "loss") == 0, "case %zu: %s", i, run->status);
    ck_assert_msg(ms_run_summary(run, "loss") <= cases[i].loss, "case %zu: loss %g", i,
                  ms_run_summary(run, "loss"));
    ms_run_free(run);
  }
}
END_TEST

START_TEST(without_a_loss_to_stop_at_all_of_the_time_is_run) {
  static const struct {
    const char *model, *settings[5];
  } cases[] = {
      {"diag", {"flow=mirror"}},
      {"diag", {"flow=gradient"}},
      {"diag", {"param=deep", "flow=gradient"}},
      {"diag", {"wd-schedule=constant", "wd=0.05", "flow=mirror"}},
      {"sensing", {"rows=4"}},
      {"lora", {"rows=4", "cols=3"}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ms_run *run = test_whole(cases[i].model,
                             test_join(cases[i].settings, WITH("t-end=30000", "stop-loss=0")));
    ck_assert_msg(strcmp(run->status, "t_end") == 0, "case %zu: %s", i, run->status);
    ck_assert_double_eq(ms_run_t(run), 30000);
    ms_run_free(run);
  }
}
END_TEST

START_TEST(a_small_decay_is_waited_for) {
  static const struct {
    const char *alpha, *flow;
    double gap;
  } cases[] = {{"5e-9", "mirror", 1e-9},
               {"5e-9", "gradient", 1e-6},
               {"5e-7", "mirror", 1e-9},
               {"1e-11", "mirror", 1e-9}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ms_run *run =
        test_whole("diag", WITH("wd-schedule=constant", test_text("wd=%s", cases[i].alpha),
                                test_text("flow=%s", cases[i].flow), "points=3"));
    ck_assert_str_eq(run->status, "stationary");
    ck_assert_msg(ms_run_summary(run, "limit_gap") <= cases[i].gap, "%s %s: %g", cases[i].alpha,
                  cases[i].flow, ms_run_summary(run, "limit_gap"));
    ms_run_free(run);
  }
}
END_TEST

/* ---- Rest ----------------------------------------------------------------------------------- */

START_TEST(losses_with_a_tail_come_to_rest_at_any_tolerance) {
  static const char *const losses[] = {"logistic", "exponential"};
  static const char *const params[] = {"mw", "uv"};
  for (int k = 0; k < 4; k++)
    for (int e = 3; e <= 12; e += e < 6 ? 1 : 3) {
      ms_run *run = test_whole(
          "diag", WITH(test_text("loss=%s", losses[k % 2]), test_text("param=%s", params[k / 2]),
                       "wd-schedule=constant", "wd=0.01", test_text("rtol=1e-%d", e), "flow=mirror",
                       "points=3", "max-steps=20000"));
      ck_assert_str_eq(run->status, "stationary");
      ck_assert_msg(ms_run_summary(run, "limit_gap") <= 1e-6, "%s %s 1e-%d: %g", losses[k % 2],
                    params[k / 2], e, ms_run_summary(run, "limit_gap"));
      ms_run_free(run);
    }
}
END_TEST

START_TEST(a_saddle_is_left_before_the_end) {
  ms_run *run =
      test_whole("diag", WITH("param=deep", "depth=4", "n=2", "d=12", "seed=40", "loss=huber",
                              "wd-schedule=exponential", "flow=both", "points=3"));
  ck_assert_str_eq(run->status, "stationary");
  ck_assert_double_le(ms_run_summary(run, "limit_gap"), 1e-6);
  ck_assert_double_le(ms_run_summary(run, "gf_mf_gap"), 1e-6);
  ms_run_free(run);
}
END_TEST

/* f = (x - 1)^2/2 and x = w_1 ... w_4 from 0: mu has to reach 1 / (2 beta), at the speed 1. */
START_TEST(the_time_to_leave_a_saddle) {
  static const char *const flows[] = {"mirror", "gradient"};
  const char *data = test_file("unit.csv", "y,a\n1,1\n");
  for (int f = 0; f < 2; f++) {
    ms_run *run = test_whole("diag", WITH(test_text("data=%s", data), "param=deep", "depth=4",
                                          "init-scale=1e-16", "wd-schedule=none", "points=3",
                                          test_text("flow=%s", flows[f])));
    ck_assert_str_eq(run->status, "near-saddle");
    const char *note = note_with(run, "rests near a saddle");
    ck_assert_ptr_nonnull(note);
    double t = strtod(strstr(note, "about t = ") + 10, NULL);
    ck_assert_msg(fabs(t / 5e15 - 1) < 0.01, "%g", t);
    ms_run_free(run);
    /* of 0.5/beta = 5e7 it goes on, and leaves */
    run = test_whole("diag",
                     WITH(test_text("data=%s", data), "param=deep", "depth=4", "init-scale=1e-8",
                          "wd-schedule=none", "points=3", "flow=gradient"));
    ck_assert_msg(fabs(x_of(run, 0) - 1) < 1e-6, "%s: x = %g", run->status, x_of(run, 0));
    ck_assert_double_ge(ms_run_t(run), 4.99e7);
    ms_run_free(run);
  }
}
END_TEST

START_TEST(a_saddle_that_decay_never_leaves) {
  ms_run *run = test_whole("diag", WITH("param=deep", "depth=7", "n=8", "d=1", "seed=12",
                                        "loss=poisson", "wd-schedule=harmonic", "flow=mirror"));
  ck_assert_str_eq(run->status, "near-saddle");
  ck_assert_ptr_nonnull(note_with(run, "at no time"));
  ms_run_free(run);
}
END_TEST

START_TEST(a_saddle_of_matrices) {
  for (int k = 0; k < 2; k++) {
    ms_run *run =
        test_whole("sensing", WITH("factors=general", "init=identity", "depth=4", "points=3",
                                   k ? "init-scale=1e-8" : "init-scale=1e-60",
                                   k ? "wd-schedule=harmonic" : "wd-schedule=exponential"));
    ck_assert_str_eq(run->status, "near-saddle");
    ck_assert_ptr_nonnull(note_with(run, "rests near the saddle at 0"));
    ms_run_free(run);
  }
}
END_TEST

Suite *ends_suite(void) {
  Suite *suite = suite_create("ends");
  TCase *cases = tcase_create("ends");
  tcase_set_timeout(cases, 120);
  tcase_add_test(cases, discrete_methods_train_weights);
  tcase_add_test(cases, one_flow_is_the_gradient_flow_where_there_is_no_mirror_flow);
  tcase_add_test(cases, weights_that_cannot_be_held_cannot_be_trained);
  tcase_add_test(cases, matrices_are_trained_beside_their_mirror_flow);
  tcase_add_test(cases, one_sample_alone_makes_no_noise);
  tcase_add_test(cases, the_time_to_leave_a_saddle);
  tcase_add_test(cases, a_saddle_that_decay_never_leaves);
  tcase_add_test(cases, a_saddle_is_left_before_the_end);
  if (!test_quick()) { /* under a memory checker: the others go the same ways */
    tcase_add_test(cases, a_sweep_of_sgd_has_the_bias_of_single_runs);
    tcase_add_test(cases, sde_has_the_mean_and_the_variance_of_sgd);
    tcase_add_test(cases, a_given_loss_ends_every_method);
    tcase_add_test(cases, without_a_loss_to_stop_at_all_of_the_time_is_run);
    tcase_add_test(cases, a_small_decay_is_waited_for);
    tcase_add_test(cases, losses_with_a_tail_come_to_rest_at_any_tolerance);
    tcase_add_test(cases, a_saddle_of_matrices);
  }
  suite_add_tcase(suite, cases);
  return suite;
}
