/* Whole runs: what the program is for must hold. */
#include "run/run.h"
#include "tests.h"
#include <gsl/gsl_randist.h>
#include <gsl/gsl_rng.h>
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

static double distance(const ms_run *a, const ms_run *b) {
  size_t d;
  const double *x = ms_run_x(a, &d);
  return test_distance(d, x, ms_run_x(b, &d));
}

START_TEST(gradient_and_mirror_flow_agree_on_random_problems) {
  /* every schedule and parametrization, random sizes, scales and starts, one coordinate each */
  const char *start = test_path("start"), *scale = test_path("scale"),
             *knots = test_file("knots.csv", "t,alpha\n0,0.1\n3,0.4\n3.5,0\n20,0.1\n21,0\n");
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  gsl_rng_set(rng, 7);
  const char *schedule, *summary;
  int problems = 0;
  for (size_t s = 0; (schedule = ms_list("schedules", s, &summary)); s++)
    for (size_t p = 0; ms_param_at(p); p++)
      for (int again = 0; again < (test_quick() ? 1 : 5) && ms_param_at(p)->rate > 0;
           again++, problems++) {
        size_t n = 1 + gsl_rng_uniform_int(rng, 12), d = 1 + gsl_rng_uniform_int(rng, 20);
        FILE *file = fopen(start, "w");
        for (size_t j = 0; j < d; j++)
          fprintf(file, "%.17g\n", gsl_ran_gaussian(rng, 0.5));
        fclose(file);
        file = fopen(scale, "w");
        for (size_t j = 0; j < d; j++)
          fprintf(file, "%.17g\n", pow(10, 4 * gsl_rng_uniform(rng) - 3));
        fclose(file);
        bool from_file = strcmp(schedule, "file") == 0;
        ms_run *run = test_whole(
            "diag",
            WITH(test_text("n=%zu", n), test_text("d=%zu", d), test_text("seed=%d", problems),
                 "noise=0.3", test_text("param=%s", ms_param_at(p)->name),
                 test_text("wd-schedule=%s", schedule),
                 test_text("wd-file=%s", from_file ? knots : ""),
                 strcmp(schedule, "formula") ? "wd-formula=" : "wd-formula=0.3*exp(-t/9)", "wd=0.2",
                 "t-end=30", test_text("init-x=%s", start), test_text("init-scale=%s", scale),
                 "rtol=1e-9", "flow=both", "points=60"));
        ck_assert_msg(ms_run_summary(run, "gf_mf_gap") <= 1e-6, "%s %s n=%zu d=%zu: gap %g",
                      schedule, ms_param_at(p)->name, n, d, ms_run_summary(run, "gf_mf_gap"));
        ck_assert_msg(ms_run_summary(run, "invariant_drift") <= 1e-7, "%s %s n=%zu d=%zu: drift %g",
                      schedule, ms_param_at(p)->name, n, d, ms_run_summary(run, "invariant_drift"));
        ms_run_free(run);
      }
  ck_assert_int_ge(problems, test_quick() ? 20 : 100);
  gsl_rng_free(rng);
}
END_TEST

START_TEST(default_runs_of_every_schedule_end_at_their_limit) {
  const char *schedule, *summary;
  for (size_t s = 0; (schedule = ms_list("schedules", s, &summary)); s++)
    for (size_t p = 0; ms_param_at(p); p++) {
      if (schedule[0] == 'f' || !(ms_param_at(p)->rate > 0))
        continue;
      ms_run *run = test_whole("diag", WITH("n=20", "d=40", "noise=0.1", "rtol=1e-9",
                                            test_text("param=%s", ms_param_at(p)->name),
                                            test_text("wd-schedule=%s", schedule)));
      ck_assert_msg(ms_run_summary(run, "gf_mf_gap") <= 1e-6, "%s %s: gap %g", schedule,
                    ms_param_at(p)->name, ms_run_summary(run, "gf_mf_gap"));
      ck_assert_msg(ms_run_summary(run, "limit_gap") <= 1e-6, "%s %s: limit %g", schedule,
                    ms_param_at(p)->name, ms_run_summary(run, "limit_gap"));
      ck_assert_str_ne(text(run, "status"), "t_end");
      ms_run_free(run);
    }
}
END_TEST

/* Deeper ones are shrunk faster by the same dose: the default takes account of it. */
START_TEST(default_runs_of_every_depth_end_sparse) {
  static const char *const cases[][2] = {{"power", "3"}, {"power", "4"}, {"power", "6"},
                                         {"deep", "3"},  {"deep", "4"},  {"deep", "6"}};
  for (size_t k = 0; k < (test_quick() ? 2 : sizeof cases / sizeof *cases); k++) {
    ms_run *run = test_whole("diag", WITH(test_text("param=%s", cases[k][0]),
                                          test_text("depth=%s", cases[k][1]), "flow=mirror"));
    ck_assert_str_eq(text(run, "status"), "stationary");
    ck_assert_double_le(ms_run_summary(run, "truth_error"), 1e-4);
    ck_assert_double_le(ms_run_summary(run, "from_min_l1"), 1e-4);
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
               {"quadratic", "0.4", "", "10"}, {"geometric", "0.4", "", "0.5"},
               {"cyclic", "0.4", "20", ""},    {"restarts", "0.4", "20", ""},
               {"cyclic", "0.4", "20", "2.5"}};
  for (size_t p = 0; ms_param_at(p); p++) {
    if (!(ms_param_at(p)->rate > 0))
      continue;
    ms_run *first = NULL;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
      ms_run *run = test_whole(
          "diag",
          WITH("n=15", "d=40", "noise=0.2", "init-x=0.05", "flow=mirror",
               test_text("param=%s", ms_param_at(p)->name),
               test_text("wd-schedule=%s", cases[i].schedule), test_text("wd=%s", cases[i].wd),
               test_text("wd-off=%s", cases[i].off), test_text("wd-tau=%s", cases[i].tau)));
      ck_assert_double_eq_tol(ms_run_summary(run, "dose"), 4, 1e-9);
      ck_assert_double_le(ms_run_summary(run, "limit_gap"), 1e-6);
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

/* Raised while the loss falls and |x|_1 >= K, lowered else, and always after T: the rule replayed
 * from the record; the end is where the dose that came about says. */
START_TEST(adaptive_schedule_follows_the_run) {
  static const char *const methods[] = {"method=bdf", "method=adams"};
  const char *const *size = test_quick() ? WITH("n=8", "d=20") : WITH("n=15", "d=40");
  for (int m = 0; m < (test_quick() ? 1 : 2); m++) {
    ms_run *run = test_new(
        "diag", test_join(size, WITH("wd-schedule=adaptive", "wd=0.1", "wd-tau=2", "wd-factor=1.25",
                                     "wd-threshold=1", "t-end=80", "points=81", methods[m])));
    double alpha = 0.1, dose = 0, before = NAN, raised = 0, lowered = 0;
    for (size_t i = 0; i < ms_run_points(run); i++) {
      ck_assert_int_ge(ms_run_advance(run, i, NULL), 0);
      double loss = ms_run_observe(run, "loss"), l1 = ms_run_observe(run, "l1");
      if (i > 0)
        dose += alpha;
      if (i % 2 == 0 && i > 0) { /* an epoch is over; T = 40 */
        bool up = loss < before && l1 >= 1 && i <= 40;
        alpha = up ? alpha * 1.25 : alpha / 1.25;
        raised += up && i <= 40;
        lowered += !up && i <= 40;
      }
      if (i % 2 == 0)
        before = loss;
      ck_assert_double_eq_tol(ms_run_observe(run, "alpha"), alpha, 1e-13 * alpha);
      ck_assert_double_eq_tol(ms_run_observe(run, "dose"), dose, 1e-13 * dose + 1e-300);
    }
    ck_assert(raised > 0 && lowered > 0);
    ck_assert_int_eq(ms_run_finish(run, MS_OK, NULL, NULL), MS_OK);
    ck_assert_double_le(ms_run_summary(run, "gf_mf_gap"), 1e-6);
    ms_run_free(run);
  }
  ms_run *run = test_whole("diag", test_join(size, WITH("wd-schedule=adaptive")));
  ck_assert_double_le(ms_run_summary(run, "limit_gap"), 1e-7);
  ck_assert_double_gt(ms_run_summary(run, "dose"), 1);
  ms_run_free(run);
}
END_TEST

START_TEST(constant_weight_decay_ends_at_the_lasso) {
  /* lambda = 2 alpha for mw and alpha for uv: alpha and 2 alpha end at the same x */
  const int n = test_quick() ? 15 : 40, d = test_quick() ? 30 : 100;
  const char *const *settings =
      WITH("wd-schedule=constant", "noise=0.3", test_text("n=%d", n), test_text("d=%d", d));
  ms_run *a = test_whole("diag", test_join(settings, WITH("wd=0.05")));
  ms_run *b = test_whole("diag", test_join(settings, WITH("wd=0.1", "param=uv")));
  ck_assert_double_le(ms_run_summary(a, "limit_gap"), 1e-6);
  ck_assert_double_le(ms_run_summary(b, "limit_gap"), 1e-6);
  ck_assert_double_le(ms_run_summary(a, "kkt_residual"), 1e-8);
  ck_assert_double_le(distance(a, b), 1e-6);
  /* written out: |g_j| <= lambda, with equality and the sign of x_j where x_j is not 0 */
  const double *x = a->x;
  double r[40], g[100];
  ms_matrix_mul(a->problem->Z, x, r);
  for (int i = 0; i < n; i++)
    r[i] = (r[i] - a->problem->y[i]) / n;
  ms_matrix_tmul(a->problem->Z, r, g);
  int active = 0;
  for (int j = 0; j < d; j++) {
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
  static const char *const strengths[] = {"wd=0.2",  "wd=0.1",   "wd=0.05",  "wd=0.03", "wd=0.02",
                                          "wd=0.01", "wd=0.005", "wd=0.002", "wd=0.001"};
  for (int seed = 1; seed <= 5; seed++) {
    const char *const *settings = WITH(test_text("seed=%d", seed), "t-end=84", "flow=mirror");
    ms_run *run = test_whole("diag", test_join(settings, WITH("wd-schedule=linear")));
    double on_off = ms_run_summary(run, "truth_error"), best = INFINITY;
    ms_run_free(run);
    run = test_whole("diag", test_join(settings, WITH("wd-schedule=none")));
    double never = ms_run_summary(run, "truth_error");
    ms_run_free(run);
    for (size_t i = 0; i < sizeof strengths / sizeof *strengths; i++) {
      run = test_whole("diag", test_join(settings, WITH("wd-schedule=constant", strengths[i])));
      best = fmin(best, ms_run_summary(run, "truth_error"));
      ms_run_free(run);
    }
    ck_assert_msg(on_off < 0.5 * best && on_off < 0.2 * never,
                  "seed %d: on-off %g, best constant %g, never %g", seed, on_off, best, never);
  }
}
END_TEST

START_TEST(tiny_scales_end_at_the_minimum_l1_interpolator) {
  static const char *const scales[] = {"init-scale=1e-300", "init-scale=1e-1000",
                                       "init-scale=1e-10000"};
  for (size_t i = 0; i < 3; i++)
    for (int off = 0; off < 2; off++) {
      ms_run *run =
          test_whole("diag", WITH(scales[i], off ? "wd-schedule=none" : "wd-schedule=linear"));
      /* the sparse truth is the minimum-L1 interpolator of the default problem */
      ck_assert_double_le(ms_run_summary(run, "truth_error"), 1e-6);
      ck_assert_double_eq_tol(ms_run_summary(run, "l1"), 5, 1e-6);
      ck_assert_double_le(ms_run_summary(run, "limit_gap"), 1e-6);
      ck_assert(isnan(ms_run_summary(run, "gf_mf_gap")));
      ck_assert_str_eq(text(run, "flow"), "mirror");
      ck_assert_uint_gt(run->notes, 0);
      ck_assert_double_lt(ms_run_summary(run, "steps"), 20000);
      ms_run_free(run);
    }
}
END_TEST

START_TEST(forms_and_methods_agree) {
  static const struct {
    const char *flow, *state, *method, *solver;
  } ways[] = {{"mirror", "sample-dual", "bdf", "cholesky"},
              {"mirror", "sample-dual", "bdf", "cg"},
              {"mirror", "dual", "bdf", "auto"},
              {"mirror", "sample-dual", "adams", "auto"},
              {"mirror", "dual", "adams", "auto"},
              {"gradient", "auto", "bdf", "auto"},
              {"gradient", "auto", "adams", "auto"}};
  ms_run *first = NULL;
  for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
    ms_run *run = test_whole(
        "diag", WITH("n=10", "d=25", "noise=0.2", test_text("flow=%s", ways[i].flow),
                     test_text("state=%s", ways[i].state), test_text("method=%s", ways[i].method),
                     test_text("solver=%s", ways[i].solver), "t-end=20", "rtol=1e-10"));
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

/* The same numbers as a sparse matrix, where nothing is reduced, and as a table. */
START_TEST(sparse_data) {
  const char *mtx = test_path("Z.mtx"), *y = test_path("y.txt"), *csv = test_path("all.csv");
  enum { ROWS = 12, COLUMNS = 30 };
  static double Z[ROWS][COLUMNS];
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  int entries = 0;
  for (int i = 0; i < ROWS; i++)
    for (int j = 0; j < COLUMNS; j++) {
      Z[i][j] = gsl_rng_uniform(rng) < 0.3 ? gsl_ran_gaussian(rng, 1) : 0;
      entries += Z[i][j] != 0;
    }
  FILE *sparse = fopen(mtx, "w"), *target = fopen(y, "w"), *table = fopen(csv, "w");
  fprintf(sparse, "%%%%MatrixMarket matrix coordinate real general\n%d %d %d\n", ROWS, COLUMNS,
          entries);
  fprintf(table, "y");
  for (int j = 0; j < COLUMNS; j++)
    fprintf(table, ",x%d", j);
  for (int i = 0; i < ROWS; i++) {
    double value = gsl_ran_gaussian(rng, 1);
    fprintf(target, "%.17g\n", value);
    fprintf(table, "\n%.17g", value);
    for (int j = 0; j < COLUMNS; j++) {
      fprintf(table, ",%.17g", Z[i][j]);
      if (Z[i][j] != 0)
        fprintf(sparse, "%d %d %.17g\n", i + 1, j + 1, Z[i][j]);
    }
  }
  fputc('\n', table);
  fclose(sparse);
  fclose(target);
  fclose(table);
  const char *const losses[] = {"loss=squared", "loss=huber"}; /* huber as it stands */
  for (int k = 0; k < 2; k++) {
    const char *const *settings = WITH(losses[k], "rtol=1e-10", "t-end=30");
    ms_run *a = test_whole("diag", test_join(settings, WITH(test_text("data=%s", csv))));
    ms_run *b = test_whole(
        "diag", test_join(settings, WITH(test_text("data=%s", mtx), test_text("target=%s", y),
                                         k ? "solver=cg" : "solver=auto")));
    ck_assert_double_le(distance(a, b), 1e-8);
    ck_assert_double_le(ms_run_summary(b, "gf_mf_gap"), 1e-7);
    ms_run_free(a);
    ms_run_free(b);
  }
  gsl_rng_free(rng);
}
END_TEST

START_TEST(observables_are_what_they_say) {
  ms_run *run = test_whole("diag", WITH("noise=0.1", "t-end=40", "flow=both"));
  size_t d, n = 40;
  const double *x = ms_run_x(run, &d);
  double r[40], l1 = 0, l2 = 0, loss = 0, y2 = 0, truth = 0, p_sum = 0, R = 0, nonzero = 0, top = 0;
  ms_matrix_mul(run->problem->Z, x, r);
  for (size_t i = 0; i < n; i++) {
    loss += pow(r[i] - run->problem->y[i], 2) / 80;
    y2 += pow(run->problem->y[i], 2);
  }
  double beta = exp(-4 * ms_run_summary(run, "dose"));
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
  ck_assert_double_eq_tol(ms_run_summary(run, "loss"), loss, 1e-13);
  ck_assert_double_eq_tol(ms_run_summary(run, "residual"), sqrt(80 * loss / y2), 1e-12);
  ck_assert_double_eq_tol(ms_run_summary(run, "l1"), l1, 1e-12);
  ck_assert_double_eq_tol(ms_run_summary(run, "l2"), sqrt(l2), 1e-12);
  ck_assert_double_eq_tol(ms_run_summary(run, "truth_error"), sqrt(truth), 1e-12);
  ck_assert_double_eq_tol(ms_run_summary(run, "potential"), R, 1e-10 * R);
  ck_assert_double_eq_tol(ms_run_summary(run, "effective_exponent"), p_sum / l1, 1e-9);
  ck_assert(ms_run_summary(run, "nonzeros") == nonzero);
  ck_assert_double_eq_tol(ms_run_summary(run, "ln_beta"), -4 * ms_run_summary(run, "dose"), 1e-12);
  /* the transition: p_eff starts at 2 and falls along the run */
  size_t columns = 0, p_at = 0;
  for (; run->model->observables[columns].name; columns++)
    if (strcmp(run->model->observables[columns].name, "effective_exponent") == 0)
      p_at = columns;
  ck_assert(run->rows[p_at] == 2);
  ck_assert_double_lt(ms_run_summary(run, "effective_exponent"), 1.2);
  for (size_t i = 1; i < run->recorded; i++)
    ck_assert(isfinite(run->rows[i * columns + p_at]));
  ms_run_free(run);
}
END_TEST

/* x = u^3 - v^3 whose u = v = c e^{-2A} at mu = 0: 1/u = (1 - z)/c, z = 3 mu c, so that mu has the
 * width 2 / (3 c) left, and x = c^3 ((1 - z)^-3 - (1 + z)^-3). */
START_TEST(ranges_are_what_they_say) {
  ms_run *run = test_whole("diag", WITH("param=power", "depth=3", "n=5", "d=8", "sparsity=2",
                                        "wd-schedule=step", "wd=0.1", "wd-off=4", "t-end=20"));
  size_t d;
  const double *x = ms_run_x(run, &d);
  double w[MS_WIDTH_MAX], left = 1;
  ck_assert(run->param.weights(&run->param, run->ln_beta[0], 0, w));
  double c = w[0] * exp(-2 * 0.1 * 4);
  for (size_t j = 0; j < d; j++) {
    double low = 0, high = 1;
    for (int k = 0; k < 60; k++) {
      double z = (low + high) / 2;
      *(c * c * c * (pow(1 - z, -3) - pow(1 + z, -3)) < fabs(x[j]) ? &low : &high) = z;
    }
    left = fmin(left, (1 - low) / 2);
  }
  ck_assert_double_eq_tol(ms_run_summary(run, "dose"), 0.4, 1e-12);
  ck_assert_double_eq_tol(ms_run_observe(run, "range"), 2 / (3 * c), 1e-12 / c);
  ck_assert_double_lt(left, 0.4);
  ck_assert_double_eq_tol(ms_run_observe(run, "range_left"), left, 1e-10);
  ms_run_free(run);
  /* what weight decay alone makes of a start */
  run = test_whole("diag", WITH("init-x=0.3", "n=5", "d=8", "sparsity=2", "wd-schedule=step",
                                "wd=0.1", "wd-off=4", "t-end=20"));
  ck_assert_double_eq_tol(ms_run_observe(run, "centre"), sqrt(8) * 0.3 * exp(-4 * 0.4), 1e-12);
  ms_run_free(run);
}
END_TEST

START_TEST(margins_are_what_they_say) {
  ms_run *run = test_whole("diag", WITH("loss=logistic", "n=6", "d=9", "sparsity=2", "t-end=1e3"));
  size_t d;
  const double *x = ms_run_x(run, &d), *machine = run->svm_l2;
  double z[6], least = INFINITY, l1 = 0, xx = 0, xs = 0, ss = 0;
  ck_assert_ptr_nonnull(machine);
  ms_matrix_mul(run->problem->Z, x, z);
  for (size_t i = 0; i < 6; i++)
    least = fmin(least, run->problem->y[i] * z[i]);
  for (size_t j = 0; j < d; j++) {
    l1 += fabs(x[j]);
    xx += x[j] * x[j];
    xs += x[j] * machine[j];
    ss += machine[j] * machine[j];
  }
  ck_assert_double_gt(least, 0);
  ck_assert_double_eq_tol(ms_run_observe(run, "margin_l1"), least / l1, 1e-13);
  ck_assert_double_eq_tol(ms_run_observe(run, "margin_l2"), least / sqrt(xx), 1e-13);
  double degrees = acos(xs / sqrt(xx * ss)) * 180 / M_PI;
  ck_assert_double_gt(degrees, 0.1);
  ck_assert_double_eq_tol(ms_run_observe(run, "angle_l2"), degrees, 1e-9);
  ms_run_free(run);
}
END_TEST

START_TEST(real_data_run_to_their_limit) {
  ms_run *run = test_whole("diag", WITH("data=" MS_DATA "/diabetes_quad_442x64.csv"));
  ck_assert_uint_eq((size_t)ms_run_summary(run, "n"), 442);
  ck_assert_uint_eq((size_t)ms_run_summary(run, "d"), 64);
  ck_assert_str_eq(text(run, "state"), "dual");
  ck_assert_str_eq(text(run, "status"), "stationary");
  ck_assert_double_le(ms_run_summary(run, "limit_gap"), 1e-6);
  ck_assert(isnan(ms_run_summary(run, "truth_error")));
  ms_run_free(run);
  run = test_whole("diag", WITH("data=" MS_DATA "/diabetes_quad_442x64.csv", "wd-schedule=constant",
                                "flow=mirror"));
  ck_assert_double_le(ms_run_summary(run, "limit_gap"), 1e-6);
  ck_assert_double_le(ms_run_summary(run, "nonzeros"), 20);
  ms_run_free(run);
  run = test_whole("diag",
                   WITH("data=" MS_DATA "/meats_fat_60x100.csv", "standardize=on", "flow=mirror"));
  ck_assert_double_le(ms_run_summary(run, "limit_gap"), 1e-5);
  ms_run_free(run);
}
END_TEST

START_TEST(odd_problems) {
  const char *const *cases[] = {
      WITH("n=1", "d=1", "sparsity=1"),
      WITH("n=1", "d=30"),
      WITH("n=30", "d=1", "noise=1"),
      WITH("n=10", "d=10", "noise=1"),
      WITH("sparsity=0"),             /* y = 0: x stays where it is */
      WITH("sparsity=0", "init-x=1"), /* y = 0, x0 = 1 */
      WITH("init-scale=1e6", "wd=0"),
      WITH("wd=0"),
      WITH("wd-off=0"),
      WITH("wd=1000"), /* far above what keeps x at 0; then it grows back */
      WITH("init-scale=1e-9", "init-x=-2"),
  };
  const char *const *size = test_quick() ? WITH("n=10", "d=25") : WITH(NULL);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ms_run *run = test_whole("diag", test_join(size, cases[i]));
    size_t d;
    const double *x = ms_run_x(run, &d);
    for (size_t j = 0; j < d; j++)
      ck_assert_msg(isfinite(x[j]), "case %zu", i);
    ck_assert_msg(ms_run_summary(run, "limit_gap") <= 1e-6, "case %zu: limit_gap %g", i,
                  ms_run_summary(run, "limit_gap"));
    ms_run_free(run);
  }
}
END_TEST

/* Every error of x along the run, relative to the largest |x|, against the same run at 1e-13. */
static double error_along(const char *param, const char *scale, const char *state, double rtol) {
  const char *const *settings = WITH(
      "n=10", "d=30", "noise=0.1", test_text("param=%s", param), test_text("init-scale=%s", scale),
      test_text("state=%s", state), "flow=mirror", "t-end=60", "points=50", "rtol=1e-13");
  ms_run *exact = test_whole("diag", settings);
  ms_run *run = test_whole("diag", test_join(settings, WITH(test_text("rtol=%g", rtol))));
  ck_assert_uint_eq(run->recorded, exact->recorded);
  double worst = 0, largest = 0;
  for (size_t i = 0; i < run->recorded * 30; i++) {
    largest = fmax(largest, fabs(exact->states[i]));
    worst = fmax(worst, fabs(exact->states[i] - run->states[i]));
  }
  ms_run_free(run);
  ms_run_free(exact);
  return worst / largest;
}

START_TEST(tolerance_means_something) {
  static const char *const scales[] = {"1", "1e-8", "1e-300", "1e4"};
  for (size_t p = 0; ms_param_at(p); p++)
    for (size_t k = 0; k < 4; k++)
      for (int form = 0; form < 2; form++) {
        if (!(ms_param_at(p)->rate > 0))
          continue;
        double previous = INFINITY, first = 0;
        for (double rtol = 1e-4; rtol > 1e-13; rtol /= 100) {
          double error =
              error_along(ms_param_at(p)->name, scales[k], form ? "dual" : "sample-dual", rtol);
          ck_assert_msg(error <= 10 * rtol || error <= 2e-11, "%s beta = %s rtol = %g: error %g",
                        ms_param_at(p)->name, scales[k], rtol, error);
          ck_assert(error < previous || error < 2e-11);
          first = first > 0 ? first : error;
          previous = error;
        }
        ck_assert(previous < 1e-5 * first || previous < 2e-11);
      }
}
END_TEST

START_TEST(training_comes_to_the_flow_at_first_order) {
  static const char *const methods[] = {"gd", "gd", "sgd"};
  static const char *const momenta[] = {"0", "0.8", "0"};
  static const double steps[] = {2e-3, 1e-4, 2e-3};
  for (int m = 0; m < 3; m++) {
    double gap[3];
    for (int k = 0; k < 3; k++) {
      /* a batch of all samples: sgd is gd */
      ms_run *run = test_whole("diag", WITH("n=10", "d=15", test_text("method=%s", methods[m]),
                                            test_text("lr=%g", steps[m] / pow(2, k)),
                                            m == 2 ? "batch=10" : "seed=1",
                                            test_text("momentum=%s", momenta[m]), "t-end=10"));
      ck_assert_str_eq(text(run, "state"), "gradient");
      gap[k] = ms_run_summary(run, "gf_mf_gap");
      ms_run_free(run);
    }
    ck_assert_double_gt(gap[0], 1e-5);
    for (int k = 0; k < 2; k++)
      ck_assert_msg(fabs(gap[k] / gap[k + 1] - 2) < 0.2, "%s: %g %g", methods[m], gap[k],
                    gap[k + 1]);
  }
}
END_TEST

/* Noise of the size sqrt(lr): its square falls by half with the step, and sde does as sgd does. */
START_TEST(stochastic_training_fluctuates_like_its_sde) {
  static const char *const methods[] = {"sgd", "sde"};
  double spread[2][2] = {{0}};
  for (int m = 0; m < 2; m++)
    for (int k = 0; k < 2; k++) {
      enum { SEEDS = 12 };
      for (int seed = 0; seed < SEEDS; seed++) {
        /* while the flow is on its way: at its end the noise vanishes with the residual */
        ms_run *run =
            test_whole("diag", WITH("n=10", "d=15", test_text("method=%s", methods[m]),
                                    k ? "lr=2.5e-4" : "lr=1e-3", test_text("seed=%d", seed),
                                    "t-end=1", "points=2", "wd-schedule=none"));
        spread[m][k] += pow(ms_run_summary(run, "gf_mf_gap"), 2) / SEEDS;
        ms_run_free(run);
      }
    }
  ck_assert_msg(spread[0][0] / spread[0][1] > 2 && spread[0][0] / spread[0][1] < 8, "sgd: %g %g",
                spread[0][0], spread[0][1]);
  for (int k = 0; k < 2; k++)
    ck_assert_msg(spread[1][k] / spread[0][k] > 0.4 && spread[1][k] / spread[0][k] < 2.5,
                  "sde %g, sgd %g", spread[1][k], spread[0][k]);
}
END_TEST

START_TEST(hard_cases) {
  const struct {
    const char *const *settings;
    double limit;
  } cases[] = {
      /* a jump of alpha by 1e6, and the dose of 1e4 that it makes */
      {WITH("wd-schedule=step", "wd=1e6", "wd-off=0.01"), 1e-6},
      /* a dose of 1e4 */
      {WITH("wd-schedule=step", "wd=100", "wd-off=100"), 1e-6},
      /* a horizon of 1e12 that is run through: no early end at loss 0 */
      {WITH("wd-schedule=linear", "wd-off=40", "t-end=1e12", "stop-loss=0"), 1e-6},
      {WITH("wd-schedule=constant", "wd=1e-6", "t-end=1e12"), 1e-5},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ms_run *run = test_whole("diag", test_join(WITH("n=15", "d=40"), cases[i].settings));
    ck_assert_msg(ms_run_summary(run, "limit_gap") <= cases[i].limit, "case %zu: limit_gap %g", i,
                  ms_run_summary(run, "limit_gap"));
    ck_assert_msg(ms_run_summary(run, "steps") < 20000, "case %zu: %g steps", i,
                  ms_run_summary(run, "steps"));
    ms_run_free(run);
  }
}
END_TEST

/* Coordinates that start at very different scales, and columns of very different sizes. */
START_TEST(mixed_scales) {
  const char *scale = test_path("scale"), *data = test_path("data.csv");
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  FILE *file = fopen(scale, "w");
  for (int j = 0; j < 20; j++)
    fprintf(file, "1e-%d\n", j * j);
  fclose(file);
  file = fopen(data, "w");
  fprintf(file, "y");
  for (int j = 0; j < 20; j++)
    fprintf(file, ",x%d", j);
  for (int i = 0; i < 8; i++) {
    fprintf(file, "\n%g", gsl_ran_gaussian(rng, 1));
    for (int j = 0; j < 20; j++)
      fprintf(file, ",%.12g", pow(10, j % 7 - 3) * gsl_ran_gaussian(rng, 1));
  }
  fputc('\n', file);
  fclose(file);
  ms_run *run = test_whole("diag", WITH("n=8", "d=20", test_text("init-scale=%s", scale)));
  ck_assert_double_le(ms_run_summary(run, "limit_gap"), 1e-6);
  ms_run_free(run);
  run = test_whole("diag", WITH(test_text("data=%s", data), "rtol=1e-9"));
  ck_assert_double_le(ms_run_summary(run, "limit_gap"), 1e-5);
  ck_assert_double_le(ms_run_summary(run, "gf_mf_gap"), 1e-5);
  ms_run_free(run);
  gsl_rng_free(rng);
}
END_TEST

/* From 1e-10 to 1e-10000 the work grows more slowly than ln(1/beta). */
START_TEST(work_grows_slowly_with_the_scale) {
  static const char *const scales[] = {"init-scale=1e-10", "init-scale=1e-100",
                                       "init-scale=1e-1000", "init-scale=1e-10000"};
  double rhs[4];
  for (int k = 0; k < 4; k++) {
    ms_run *run = test_whole("diag", WITH(scales[k], "flow=mirror", "wd-schedule=none"));
    rhs[k] = ms_run_summary(run, "rhs_evaluations");
    ms_run_free(run);
  }
  for (int k = 1; k < 4; k++)
    ck_assert_msg(rhs[k] < 2 * rhs[k - 1], "%s: %g right-hand sides after %g", scales[k], rhs[k],
                  rhs[k - 1]);
}
END_TEST

START_TEST(formulas_train_as_the_losses_they_spell) {
  static const struct {
    const char *loss, *formula;
    const char *y[3];
  } cases[] = {
      {"squared", "(z-y)^2/2", {"2", "-1", "0.5"}},
      {"huber", "min(abs(z-y), 1)*(abs(z-y) - min(abs(z-y), 1)/2)", {"3", "-1", "0.5"}},
      {"logistic", "log(1 + exp(-y*z))", {"1", "-1", "1"}},
      {"poisson", "exp(z) - y*z", {"3", "1", "0"}},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    for (int way = 0; way < 6; way++) {
      if (test_quick() && way != (int)k)
        continue;
      const char *flow = way % 3 == 0 ? "both" : way % 3 == 1 ? "mirror" : "gradient";
      const char *const *settings = WITH(
          test_text("data=%s", test_samples(cases[k].y[0], cases[k].y[1], cases[k].y[2])),
          test_text("flow=%s", flow), way < 3 ? "wd-schedule=linear" : "wd-schedule=constant",
          "wd=0.1", way % 2 ? "state=dual" : "state=auto", way == 5 ? "method=gd" : "method=bdf",
          way == 5 ? "lr=0.01" : "seed=1", "t-end=6", "rtol=1e-9");
      ms_run *named =
          test_whole("diag", test_join(settings, WITH(test_text("loss=%s", cases[k].loss))));
      ms_run *spelled = test_whole(
          "diag",
          test_join(settings, WITH("loss=custom", test_text("loss-formula=%s", cases[k].formula))));
      /* the squared loss is integrated in other equations, its steps are others */
      double same = k == 0 && way != 5 ? 1e-7 : 1e-11;
      ck_assert_msg(distance(named, spelled) <= same, "%s, way %d: %g", cases[k].loss, way,
                    distance(named, spelled));
      ck_assert_double_gt(ms_run_observe(spelled, "l1"), 0.1);
      if (way % 3 == 0)
        ck_assert_double_le(ms_run_summary(spelled, "gf_mf_gap"), 1e-6);
      ms_run_free(named);
      ms_run_free(spelled);
    }
}
END_TEST

/* Newton's method on f + lambda |x|_1, or on f and then on the dual, against the flow: where there
 * is noise, and where all samples can be fitted. */
START_TEST(any_convex_loss_ends_at_its_limit) {
  static const struct {
    const char *loss, *formula;
    bool falls; /* for ever where classes can be separated: then decay must stay on */
  } cases[] = {
      {"huber", "", false},
      {"logistic", "", true},
      {"custom", "log(cosh(z-y))", false},
      {"custom", "sqrt(1 + (z-y)^2) - 1", false},
      {"custom", "(z-y)^2/2 + (z-y)^4/8 - 3", false},
      {"custom", "exp(0.5*(z-y)) - 0.5*(z-y)", false},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    for (int way = 0; way < 4; way++) {
      bool constant = way % 2 == 0, many = way > 1; /* samples */
      if ((cases[k].falls && !constant) || (test_quick() && way))
        continue;
      const char *const *settings =
          WITH(many ? "n=20" : "n=8", "d=12", "sparsity=3", "noise=0.7", "wd=0.05",
               constant ? "wd-schedule=constant" : "wd-schedule=step",
               constant ? "wd-off=" : "wd-off=30", test_text("loss=%s", cases[k].loss),
               test_text("loss-formula=%s", cases[k].formula), "flow=auto");
      ms_run *run = test_whole("diag", settings);
      ck_assert_msg(ms_run_summary(run, "limit_gap") <= 1e-6, "%s %s, way %d: %g", cases[k].loss,
                    cases[k].formula, way, ms_run_summary(run, "limit_gap"));
      ck_assert_double_gt(ms_run_summary(run, "limit_gap"), 0);
      ck_assert_double_le(ms_run_summary(run, "gf_mf_gap"), 1e-6);
      ms_run *limit = test_whole("diag", test_join(settings, WITH("flow=limit")));
      ck_assert_double_le(distance(run, limit), 1e-6);
      ms_run_free(run);
      ms_run_free(limit);
    }
}
END_TEST

/* The flows go on and say so, the limit is refused. */
START_TEST(a_loss_that_is_not_convex) {
  const char *const *settings = WITH("n=8", "d=12", "sparsity=3", "loss=custom", "flow=both",
                                     "loss-formula=log(1 + (z-y)^2)", "t-end=30");
  for (int k = 0; k < 2; k++) {
    ms_run *run = test_whole("diag", test_join(settings, WITH(k ? "state=dual" : "rtol=1e-9")));
    bool said = false;
    for (size_t i = 0; ms_run_note(run, i); i++)
      said = said || strstr(ms_run_note(run, i), "is not convex: at t = 0");
    ck_assert(said);
    ck_assert_double_le(ms_run_summary(run, "gf_mf_gap"), 1e-6);
    ms_run_free(run);
  }
  ck_assert_int_eq(test_refused("diag", test_join(settings, WITH("flow=limit")),
                                "the loss is not convex: its second derivative at z = 0"),
                   MS_UNSUPPORTED);
}
END_TEST

/* A feature whose gradient is nearly alpha is slow to leave; by then mu has grown so far that its
 * rounding alone keeps the residual above the tolerance. The run must notice, and not before x is
 * where it goes. */
START_TEST(slow_features_come_to_rest) {
  static const char *const starts[] = {"init-x=0.1", "init-scale=0.1", "init-scale=1e-3",
                                       "init-scale=10"};
  for (int k = 0; k < 8; k++) {
    if (test_quick() && k % 3)
      continue;
    ms_run *run = test_whole("diag", WITH("n=10", "d=20", "sparsity=3", "noise=0.2", "seed=4",
                                          "wd-schedule=constant", "wd=0.05", "flow=mirror",
                                          k < 4 ? "state=sample-dual" : "state=dual",
                                          "max-steps=3000", starts[k % 4]));
    ck_assert_str_eq(run->status, "stationary");
    ck_assert_msg(ms_run_summary(run, "limit_gap") <= 1e-8, "%s: %g", starts[k % 4],
                  ms_run_summary(run, "limit_gap"));
    ck_assert_double_le(ms_run_summary(run, "t_end"), 1e5);
    ms_run_free(run);
  }
}
END_TEST

/* The gradient flow of the weights, which knows no potential, against Newton's method on its dual;
 * what is not there is refused. */
START_TEST(every_potential_is_least_where_its_flow_ends) {
  static const char *const schedules[] = {"wd-schedule=none", "wd-schedule=linear"};
  int found = 0;
  for (size_t i = 0; ms_param_at(i); i++)
    for (int k = 0; k < 2; k++) {
      const ms_param *p = ms_param_at(i);
      if (test_quick() && k)
        continue;
      bool sided = p->positive || p->keeps_sign || p->force || !p->primal;
      bool exists = !sided && !(k && p->no_decay);
      /* a dose of 5 is more than log can take; 0.1 is what all of them can */
      const char *const *settings =
          WITH(test_text("param=%s", p->name), schedules[k], "n=6", "d=12", "sparsity=2",
               "wd=0.005", "wd-off=20", "flow=gradient", p->at ? "formula=a*b*c" : "formula=");
      ms_run *run = test_whole("diag", settings);
      if (exists) {
        ck_assert_msg(ms_run_summary(run, "limit_gap") <= 1e-6, "%s %s: %g", p->name, schedules[k],
                      ms_run_summary(run, "limit_gap"));
        ms_run *limit = test_whole("diag", test_join(settings, WITH("flow=limit")));
        ck_assert_double_le(distance(run, limit), 1e-6);
        ms_run_free(limit);
        found++;
      } else {
        ck_assert_msg(isnan(ms_run_summary(run, "limit_gap")), "%s %s", p->name, schedules[k]);
      }
      ms_run_free(run);
    }
  ck_assert_int_ge(found, test_quick() ? 7 : 14);
}
END_TEST

START_TEST(limit_and_saddle_are_where_the_flow_ends) {
  const char *const *settings =
      WITH("noise=0.2", "n=15", "d=30", "wd-schedule=linear", "init-scale=1");
  ms_run *limit = test_whole("diag", test_join(settings, WITH("flow=limit")));
  ms_run *run = test_whole("diag", test_join(settings, WITH("flow=mirror")));
  ck_assert_double_le(distance(limit, run), 1e-6);
  ms_run_free(limit);
  ms_run_free(run);
  settings = test_join(settings, WITH("wd-schedule=none", "init-scale=1e-3000"));
  ms_run *saddle = test_whole("diag", test_join(settings, WITH("flow=saddle")));
  ck_assert_double_le(ms_run_summary(saddle, "from_min_l1"), 1e-9);
  ck_assert_uint_gt(saddle->recorded, 5);
  /* the flow at the middle of each plateau that lasts, up to the first that follows fast */
  size_t d = 30, columns = 0, checked = 0;
  while (saddle->model->observables[columns].name)
    columns++;
  for (size_t k = 0; k + 1 < saddle->recorded && !(test_quick() && checked == 3); k++) {
    double from = saddle->rows[k * columns], to = saddle->rows[(k + 1) * columns];
    if (to - from < 0.05 * to)
      continue;
    run = test_whole("diag", test_join(settings, WITH("flow=mirror",
                                                      test_text("t-end=%.17g", (from + to) / 2))));
    for (size_t j = 0; j < d; j++)
      ck_assert_msg(fabs(run->x[j] - saddle->states[k * d + j]) < 1e-4, "plateau %zu, x[%zu]", k,
                    j);
    ms_run_free(run);
    checked++;
  }
  ck_assert_uint_ge(checked, 3);
  ms_run_free(saddle);
}
END_TEST

/* The four-feature data of arXiv 2607.12332: plateaus (.8,0,0,0), (0,0,1.4,0), (0,0,10/7,-10/49).
 * Where x jumps is known up to a constant over ln(1/beta); plateaus and end are exact. */
START_TEST(four_features_from_tiny_scales) {
  static const double plateau[3][4] = {{0.8, 0, 0, 0}, {0, 0, 1.4, 0}, {0, 0, 10 / 7., -10 / 49.}};
  static const struct {
    const char *text;
    double tolerance;
  } scales[] = {{"1e-60", 1e-2}, {"1e-300", 1e-6}, {"1e-10000", 1e-6}};
  const char *data = test_file("data.csv", "y,k1,k2,k3,k4\n1,1,.5,.7,0\n0,.5,1,.1,.7\n");
  for (size_t p = 0; p < 2; p++)
    for (size_t k = 0; k < 3; k++) {
      const char *const *settings =
          WITH(test_text("data=%s", data), p ? "param=uv" : "param=mw", "wd-schedule=none",
               test_text("init-scale=%s", scales[k].text));
      ms_run *path = test_whole("diag", test_join(settings, WITH("flow=saddle")));
      size_t columns = 0;
      while (path->model->observables[columns].name)
        columns++;
      ck_assert_uint_eq(path->recorded, 4);
      settings = test_join(settings, WITH("flow=mirror"));
      ms_run *run = test_whole("diag", settings);
      for (int j = 0; j < 4; j++)
        ck_assert_double_eq_tol(run->x[j], plateau[2][j], fmin(scales[k].tolerance, 1e-4));
      /* where beta^margin of a coordinate shows, R_a says how much */
      ck_assert_double_le(ms_run_summary(run, "limit_gap"), 1e-8);
      ms_run_free(run);
      for (size_t stage = 1; stage < 4; stage++) {
        double from = path->rows[stage * columns], before = path->rows[(stage - 1) * columns];
        for (int j = 0; j < 4; j++)
          ck_assert_double_eq_tol(path->states[stage * 4 + (size_t)j], plateau[stage - 1][j],
                                  1e-12);
        if (stage == 3)
          break;
        /* the flow in the middle of this plateau */
        double to = path->rows[(stage + 1) * columns];
        run = test_whole("diag",
                         test_join(settings, WITH(test_text("t-end=%.17g", (from + to) / 2))));
        for (int j = 0; j < 4; j++)
          ck_assert_msg(fabs(run->x[j] - plateau[stage - 1][j]) < scales[k].tolerance,
                        "beta = %s, plateau %zu: x[%d] = %g", scales[k].text, stage, j, run->x[j]);
        /* the jump to it: first recorded time past half of the way, in units of ln(1/beta) */
        size_t i = 0;
        while (run->rows[i * columns] < before ||
               fabs(run->states[i * 4 + (stage == 1 ? 0 : 2)]) < (stage == 1 ? 0.4 : 0.7))
          i++;
        double spacing = run->rows[columns] - run->rows[0];
        ck_assert_msg(fabs(run->rows[i * columns] - from) < 40 + spacing,
                      "beta = %s: jump %zu at %g instead of %g", scales[k].text, stage,
                      run->rows[i * columns], from);
        ms_run_free(run);
      }
      ms_run_free(path);
    }
}
END_TEST

Suite *run_suite(void) {
  Suite *suite = suite_create("run");
  TCase *cases = tcase_create("runs");
  tcase_set_timeout(cases, 240);
  tcase_add_test(cases, gradient_and_mirror_flow_agree_on_random_problems);
  tcase_add_test(cases, adaptive_schedule_follows_the_run);
  tcase_add_test(cases, constant_weight_decay_ends_at_the_lasso);
  tcase_add_test(cases, forms_and_methods_agree);
  tcase_add_test(cases, sparse_data);
  tcase_add_test(cases, observables_are_what_they_say);
  tcase_add_test(cases, ranges_are_what_they_say);
  tcase_add_test(cases, margins_are_what_they_say);
  tcase_add_test(cases, odd_problems);
  tcase_add_test(cases, training_comes_to_the_flow_at_first_order);
  tcase_add_test(cases, mixed_scales);
  tcase_add_test(cases, formulas_train_as_the_losses_they_spell);
  tcase_add_test(cases, any_convex_loss_ends_at_its_limit);
  tcase_add_test(cases, a_loss_that_is_not_convex);
  tcase_add_test(cases, slow_features_come_to_rest);
  tcase_add_test(cases, every_potential_is_least_where_its_flow_ends);
  tcase_add_test(cases, limit_and_saddle_are_where_the_flow_ends);
  if (!test_quick()) { /* under a memory checker: the others go the same ways */
    tcase_add_test(cases, tolerance_means_something);
    tcase_add_test(cases, stochastic_training_fluctuates_like_its_sde);
    tcase_add_test(cases, hard_cases);
    tcase_add_test(cases, four_features_from_tiny_scales);
    tcase_add_test(cases, work_grows_slowly_with_the_scale);
    tcase_add_test(cases, default_runs_of_every_schedule_end_at_their_limit);
    tcase_add_test(cases, default_runs_of_every_depth_end_sparse);
    tcase_add_test(cases, equal_doses_end_equal);
    tcase_add_test(cases, on_then_off_beats_never_and_always);
    tcase_add_test(cases, tiny_scales_end_at_the_minimum_l1_interpolator);
    tcase_add_test(cases, real_data_run_to_their_limit);
  }
  suite_add_tcase(suite, cases);
  return suite;
}
