/* --param custom: formulas and weights from the settings, the curve they follow, and both flows. */
#include "param/custom.h"
#include "run/run.h"
#include "tests.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- The curve ------------------------------------------------------------------------------ */

/* One coordinate of `width` weights; to be released. */
static ms_param make(const char *formula, size_t width, const double *theta) {
  ms_param p = {0};
  for (size_t i = 0; ms_param_at(i); i++)
    if (ms_param_at(i)->at)
      p = *ms_param_at(i);
  ck_assert_str_eq(p.name, "custom");
  ms_formula *k;
  ms_error err = {0};
  size_t of = 0;
  ck_assert_msg(ms_formula_new(&k, formula, strlen(formula), ms_custom_names, width, "here", 1,
                               &err) == MS_OK,
                "%s", err.message);
  ck_assert_msg(ms_custom_new(&p, &k, 1, &of, 1, width, theta, &err) == MS_OK, "%s", err.message);
  return p;
}

static void near(double got, double want, double tolerance, const char *what, double at) {
  ck_assert_msg(got == want || fabs(got - want) <= tolerance * fmax(fabs(want), 1e-300),
                "%s at %.17g: %.17g, not %.17g", what, at, got, want);
}

/* Formulas of parametrizations with closed forms: the same maps, potentials and ends. */
START_TEST(closed_forms_are_met) {
  static const struct {
    const char *formula, *like;
    size_t depth;
    double ln_beta, kappa;
  } cases[] = {
      {"a*b", "mw", 0, -0.7, 0.4},          {"(a^2 - b^2) / 2", "mw", 0, -40, 3},
      {"a^2 - b^2", "uv", 0, 0.3, -1.2},    {"a^2 - b^2", "uv", 0, -200, 0.5},
      {"a^3 - b^3", "power", 3, -0.7, 0.4}, {"a^4 - b^4", "power", 4, 0.2, -0.3},
      {"a*b*c", "deep", 3, -0.7, 0.4},      {"a*b*c*d", "deep", 4, -1, -0.8},
      {"a^2", "square", 0, -3, 0},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    ms_param like = {0};
    for (size_t i = 0; ms_param_at(i); i++)
      if (strcmp(ms_param_at(i)->name, cases[k].like) == 0)
        like = *ms_param_at(i);
    if (like.configure)
      like.configure(&like, cases[k].depth);
    double ln_beta = cases[k].ln_beta, kappa = cases[k].kappa, w[MS_WIDTH_MAX];
    ms_start start = {&ln_beta, &kappa};
    ck_assert(like.weights(&like, ln_beta, kappa, w));
    if (strcmp(cases[k].formula, "a*b") == 0) { /* mw keeps m + w and m - w */
      double p = w[0], q = w[1];
      w[0] = (p + q) / sqrt(2);
      w[1] = (p - q) / sqrt(2);
    }
    ms_param p = make(cases[k].formula, like.width, w);
    const ms_param *one = ms_param_of(&p, 0);
    ck_assert_double_eq(p.degree, like.degree);
    double low = -INFINITY, high = INFINITY, own_low, own_high, mild = exp(-ln_beta / 2);
    if (like.domain)
      like.domain(&like, ln_beta, kappa, 0, &low, &high);
    one->domain(one, 0, 0, 0, &own_low, &own_high);
    near(own_low, low, 1e-9, cases[k].formula, 0);
    near(own_high, high, 1e-9, cases[k].formula, 0);
    for (int i = -8; i <= 8; i++) {
      double a = -0.05 * (i & 3), mu = isfinite(low) ? (i < 0 ? low : high) * fabs((double)i) / 9
                                                     : fmin(4, log(mild) + 1) * i / 8.0;
      double x, dx, own_x, own_dx, own_mu;
      ck_assert_int_eq(like.primal(&like, &start, 0, 1, a, &mu, &x, &dx), 0);
      ck_assert_int_eq(p.primal(&p, NULL, 0, 1, a, &mu, &own_x, &own_dx), 0);
      /* x is a difference of terms as large as dx */
      near(own_x, x, 1e-11 * fmax(1, dx / fmax(fabs(x), 1e-300)), cases[k].formula, mu);
      near(own_dx, dx, 1e-11, cases[k].formula, mu);
      p.dual(&p, NULL, 0, 1, a, &own_x, &own_mu);
      ck_assert_double_eq_tol(own_mu, mu, 1e-11 * (1 + fabs(mu)));
      double R = like.potential(&like, ln_beta, kappa, a, x);
      if (i != 0)
        near(one->potential(one, 0, 0, a, own_x), R, 1e-9, cases[k].formula, mu);
      if (like.warp)
        near(p.warp(&p, a), like.warp(&like, a), 1e-15, "warp", a);
    }
    p.release(&p);
  }
}
END_TEST

static const char *const wild[] = {
    "2*a*b + (a^2+b^2+c^2)*c", "a*tanh(b) - (exp(c)-1)^2", "sin(a) * b + c^3",
    "a / (1 + b^2) + c",       "sinh(a*b) - c*c",          "a*b*c + 0.1*a",
    "log(2 + tanh(a*b*c))",
};
enum { WILD = sizeof wild / sizeof *wild };

/* What a mirror map has to satisfy, whatever the formula. */
START_TEST(any_formula_has_a_curve) {
  double theta[] = {0.4, -0.3, 0.2};
  ms_param p = make(wild[_i], 3, theta);
  const ms_param *one = ms_param_of(&p, 0);
  double last = -INFINITY, first, end;
  one->domain(one, 0, 0, 0, &first, &end);
  ck_assert(p.warp == NULL && isnan(p.cost));
  for (int i = -20; i <= 20; i++) {
    double mu = fmin(0.03, -(i < 0 ? first : -end) / 25) * i, x, dx, back, low, high, h = 1e-4,
           up = mu + h, down = mu - h;
    ck_assert_int_eq(p.primal(&p, NULL, 0, 1, 0, &mu, &x, &dx), 0);
    ck_assert_int_eq(p.primal(&p, NULL, 0, 1, 0, &up, &high, NULL), 0);
    ck_assert_int_eq(p.primal(&p, NULL, 0, 1, 0, &down, &low, NULL), 0);
    near((high - low) / (2 * h), dx, 1e-5, wild[_i], mu);
    ck_assert_double_gt(x, last);
    last = x;
    p.dual(&p, NULL, 0, 1, 0, &x, &back);
    ck_assert_double_eq_tol(back, mu, 1e-10);
    /* R' = mu, min R = 0 at the start */
    double R = one->potential(one, 0, 0, 0, x),
           slope = one->potential(one, 0, 0, 0, high) - one->potential(one, 0, 0, 0, low);
    ck_assert_double_ge(R, 0);
    ck_assert_double_eq_tol(slope / (high - low), mu, 1e-4);
    if (i == 0) {
      double w[MS_WIDTH_MAX];
      ck_assert(one->weights(one, 0, 0, w));
      ck_assert_mem_eq(w, theta, sizeof theta);
      near(one->map(one, w), x, 0, wild[_i], mu);
      ck_assert_double_eq(R, 0);
    }
  }
  p.release(&p);
}
END_TEST

/* ---- Runs ----------------------------------------------------------------------------------- */

/* Random weights, one formula or several; with weight decay where that has a mirror flow. */
START_TEST(gradient_flow_is_mirror_flow) {
  static const struct {
    const char *formula, *schedule;
  } cases[] = {
      {"a*b*c", "linear"},
      {"a*b*c", "constant"},
      {"a^2 - b^2 + a*c", "step"},
      {"1-3: a*b | 4,6: a^2 - 2*b^2 | a*c", "cosine"},
      {"a*b*c*d", "exponential"},
      {"a*sqrt(a^2+b^2) - b^2", "linear"},
      {"1-3: 2*a*b + (a^2+b^2+c^2)*c | a*tanh(a) - (exp(b)-1)^2", "none"},
      {"sin(a)*b + c^3", "none"},
      {"a*b + a", "none"},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k += test_quick() ? 3 : 1)
    for (int seed = 1; seed <= (test_quick() ? 1 : 3); seed++) {
      ms_run *run = test_whole(
          "diag",
          WITH("param=custom", test_text("formula=%s", cases[k].formula), "n=4", "d=6", "flow=both",
               test_text("wd-schedule=%s", cases[k].schedule), "wd=0.1", "t-end=3", "rtol=1e-9",
               "points=40", test_text("seed=%d", seed), "init-scale=0.8"));
      ck_assert_msg(ms_run_summary(run, "gf_mf_gap") <= 1e-6, "%s, %s, seed %d: gap %g",
                    cases[k].formula, cases[k].schedule, seed, ms_run_summary(run, "gf_mf_gap"));
      ms_run_free(run);
    }
}
END_TEST

#define FOUR "1-2: 2*a*b + (a^2+b^2+c^2)*c | 3-4: a*tanh(a) - (exp(b)-1)^2"

/* The four features of arXiv 2607.12332, Fig. 1, from 1e-60: plateaus and their losses, which are
 * those of its Algorithm 1; the paper's loss is twice that here. */
START_TEST(four_features_go_from_saddle_to_saddle) {
  static const double plateau[][4] = {
      {0, 0, 0, 0}, {0.8, 0, 0, 0}, {0, 0, 1.4, 0}, {0, 0, 10.0 / 7, -10.0 / 49}};
  static const double loss[] = {0.25, 0.05, 0.005, 0};
  for (int seed = 1; seed <= (test_quick() ? 1 : 4); seed++) {
    ms_run *run =
        test_new("diag", WITH("data=" MS_DATA "/four_features_2x4.csv", "param=custom",
                              "formula=" FOUR, "init-scale=1e-60", test_text("seed=%d", seed),
                              "wd-schedule=none", "points=800"));
    double nearest[4] = {INFINITY, INFINITY, INFINITY, INFINITY};
    ms_status status = MS_OK;
    while (test_step(run, &status)) {
      size_t d;
      const double *x = ms_run_x(run, &d);
      for (int k = 0; k < 4; k++) {
        double away = fabs(ms_run_observe(run, "loss") - loss[k]);
        for (int j = 0; j < 4; j++)
          away = fmax(away, fabs(x[j] - plateau[k][j]));
        nearest[k] = fmin(nearest[k], away);
      }
    }
    ck_assert_int_eq(status, MS_ENDED);
    for (int k = 0; k < 4; k++)
      ck_assert_msg(nearest[k] <= 1e-5, "seed %d, plateau %d: %g", seed, k, nearest[k]);
    /* the path ends at the minimum of |x|_1, a linear program knows */
    ms_run_finish(run, status, NULL, NULL);
    ck_assert_double_le(ms_run_summary(run, "from_min_l1"), 1e-6);
    ms_run_free(run);
  }
}
END_TEST

/* The same by gradient descent: the paper's learning rate 0.1 is 0.2 here, 5000 epochs. */
START_TEST(four_features_by_gradient_descent) {
  for (int seed = 1; seed <= (test_quick() ? 1 : 4); seed++) {
    ms_run *run = test_new(
        "diag", WITH("data=" MS_DATA "/four_features_2x4.csv", "param=custom", "formula=" FOUR,
                     "init-scale=1e-60", test_text("seed=%d", seed), "wd-schedule=none",
                     "points=5001", "method=gd", "flow=gradient", "lr=0.2", "t-end=1000"));
    static const double level[] = {0.3, 0.02, 1e-6}, at[] = {760, 2850, 4400},
                        within[] = {15, 200, 300};
    int crossed = 0, levels = test_quick() ? 1 : 3;
    size_t d;
    for (size_t epoch = 0; epoch <= (levels == 1 ? 1800 : 5000); epoch++) {
      ck_assert_int_ge(ms_run_advance(run, epoch, NULL), 0);
      double loss = 2 * ms_run_observe(run, "loss");
      const double *x = ms_run_x(run, &d);
      if (epoch == 1800) {
        ck_assert_double_eq_tol(loss, 0.1, 1e-4);
        ck_assert_double_eq_tol(x[0], 0.8, 1e-5);
      }
      if (epoch == 3600) {
        ck_assert_double_eq_tol(loss, 0.01, 1e-4);
        ck_assert_double_eq_tol(x[2], 1.4, 1e-5);
        /* a step overshoots 0 a little, which the exact flow cannot */
        ck_assert(x[0] < -1e-7 && x[0] > -1e-5);
      }
      while (crossed < 3 && loss < level[crossed]) {
        ck_assert_msg(fabs((double)epoch - at[crossed]) <= within[crossed],
                      "seed %d: loss below %g in epoch %zu", seed, level[crossed], epoch);
        crossed++;
      }
    }
    ck_assert_int_eq(crossed, levels);
    ms_run_free(run);
  }
}
END_TEST

/* Azulay et al. 2021, arXiv 2102.09769: of x = u+ v+ - u- v- with equal weights on both sides and
 * sqrt k = 2 (u0^2 + v0^2). */
static double untied_potential(double root, double x) {
  double z = 2 * x / root;
  return root / 4 * (1 - sqrt(1 + z * z) + z * asinh(z));
}

/* The gradient flow of a regression of 4 equations in 9 unknowns, at its end. */
static ms_run *untied(double u, double v) {
  ms_run *run =
      test_new("diag", WITH("param=custom", "formula=a*b - c*d",
                            test_text("init-theta=%.17g,%.17g,%.17g,%.17g", u, v, u, v), "n=4",
                            "d=9", "sparsity=2", "wd-schedule=none", "flow=gradient", "rtol=1e-12",
                            "stop-loss=1e-22", "points=3"));
  ck_assert_int_eq(test_to_end(run), MS_ENDED);
  return run;
}

/* The end minimizes sum_j q_k(x_j) among the solutions: Zx = y, and the gradient of the sum, taken
 * from differences of q_k, is in the row space of Z. */
START_TEST(untied_weights_minimize_their_potential) {
  static const double starts[][2] = {{0.3, 0.5}, {0.1, 0.1}, {0.9, 0.2}};
  for (size_t k = 0; k < sizeof starts / sizeof *starts; k++) {
    double u = starts[k][0], v = starts[k][1], root = 2 * (u * u + v * v), h = 1e-3 * root;
    ms_run *run = untied(u, v);
    size_t d, n = run->problem->Z->n;
    const double *x = ms_run_x(run, &d);
    double Zx[4], dq[9], size = 0;
    ck_assert(n == 4 && d == 9);
    ms_matrix_mul(run->problem->Z, x, Zx);
    for (size_t i = 0; i < n; i++)
      ck_assert_double_eq_tol(Zx[i], run->problem->y[i], 1e-8);
    for (size_t j = 0; j < d; j++) {
      dq[j] = 0;
      for (int i = 0; i < TEST_STENCIL; i++)
        dq[j] += test_weight[i] * untied_potential(root, x[j] + test_at[i] * h) / h;
      size = fmax(size, fabs(dq[j]));
    }
    double off = test_off_rows(run->problem->Z, dq);
    ck_assert_double_gt(size, 0.1);
    ck_assert_msg(off <= 1e-8, "u0 = %g, v0 = %g: %g off the row space", u, v, off);
    ms_run_free(run);
  }
}
END_TEST

/* With u0^2 = a (1 - s) / (1 + s), v0^2 = a (1 + s) / (1 - s) it is sqrt k = 4 a (1 + s^2) /
 * (1 - s^2), and all that the end knows of scale a and shape s. */
START_TEST(scale_and_shape_act_as_one) {
  static const double shape[] = {0, 0.4, 0.8, -0.6};
  const double root = 0.7;
  ms_run *first = NULL;
  for (size_t k = 0; k < 5; k++) {
    double s = k < 4 ? shape[k] : shape[1],
           a = k < 4 ? root / 4 * (1 - s * s) / (1 + s * s) : root / 4;
    ms_run *run = untied(sqrt(a * (1 - s) / (1 + s)), sqrt(a * (1 + s) / (1 - s)));
    if (!first) {
      first = run;
      continue;
    }
    size_t d;
    double apart = test_distance(9, ms_run_x(run, &d), ms_run_x(first, &d));
    if (k < 4)
      ck_assert_msg(apart <= 1e-8, "s = %g: %g", s, apart);
    else /* the same a at another s is another k */
      ck_assert_double_gt(apart, 1e-3);
    ms_run_free(run);
  }
  ms_run_free(first);
}
END_TEST

START_TEST(settings_that_do_not_go) {
  const char *table = test_file("theta.csv", "a,b\n1,2\n3,4\n");
  const struct {
    const char *formula, *theta, *further, *says;
  } cases[] = {
      {"", "", "seed=1", "--param custom takes a --formula"},
      {"a*b*", "", "seed=1", "formula:5: a number, a variable"},
      {"1: a | 2-4: a*tnh(b) | b", "", "seed=1", "formula:15: function 'tnh' is not known"},
      {"1: a | 1-4: a*b", "", "seed=1", "formula:8: coordinate 1 has a formula already"},
      {"1: a | 3-4: a*b", "", "seed=1", "formula: coordinate 2 of 4 has no formula"},
      {"1-5: a", "", "seed=1", "formula:1: coordinates go from 1 to d = 4"},
      {"1-4: a | b", "", "seed=1", "formula:10: all coordinates have a formula already"},
      {"x: a", "", "seed=1", "formula:1: coordinates are written like 1,4-6"},
      {"a*b", "1,2,3", "seed=1", "init-theta: has 3 numbers; the formulas have 2 weights"},
      {"a*b", "1,", "seed=1", "init-theta: '1,' is not allowed"},
      {"a*b", table, "seed=1", "has 2 rows; --init-theta takes d = 4"},
      {"a*log(b)", "-1", "seed=1", "coordinate 1: x = "},
      {"a*b", "", "init-x=0.1", "init-x: 0.1 is not allowed for --param custom"},
      {"a*b", "", "init-scale=1e-200", "init-scale: '1e-200' is not allowed"},
      {"a*b", "", "param=mw",
       "formula: has no effect with --param mw; it belongs to --param custom"},
      {"a*b + c", "", "flow=mirror", "--flow mirror: under weight decay k has a mirror flow"},
      {"1: a*b | a*b*c", "", "flow=both", "--flow both: under weight decay k has a mirror"},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    test_refused("diag",
                 WITH("param=custom", "n=2", "d=4", "sparsity=1",
                      test_text("formula=%s", cases[k].formula),
                      test_text("init-theta=%s", cases[k].theta), cases[k].further),
                 cases[k].says);
  /* by default such a run goes on without a mirror flow, and says so */
  ms_run *run = test_whole("diag", WITH("param=custom", "n=2", "d=4", "formula=a*b + c",
                                        "sparsity=1", "t-end=1", "points=3"));
  ck_assert_str_eq(run->flow_name, "gradient");
  ck_assert_ptr_nonnull(strstr(ms_run_note(run, 0), "the gradient flow alone"));
  ms_run_free(run);
}
END_TEST

START_TEST(weights_at_the_start) {
  const char *table = test_file("theta.csv", "b,a\n1,2\n3,4\n-5,6\n");
  const struct {
    const char *theta;
    double x[3];
  } cases[] = {{"0.5", {0.25, 0.25, 0.25}}, {"2,-3", {-6, -6, -6}}, {table, {2, 12, -30}}};
  for (size_t k = 0; k < 3; k++) {
    ms_run *run = test_new("diag", WITH("param=custom", "n=2", "d=3", "sparsity=1", "t-end=1",
                                        "points=2", "formula=a*b", "wd-schedule=none",
                                        test_text("init-theta=%s", cases[k].theta)));
    size_t d;
    ck_assert_int_eq(ms_run_advance(run, 0, NULL), MS_OK);
    ck_assert_mem_eq(ms_run_x(run, &d), cases[k].x, sizeof cases[k].x);
    ms_run_free(run);
  }
}
END_TEST

Suite *custom_suite(void) {
  Suite *suite = suite_create("custom");
  TCase *curve = tcase_create("curve");
  tcase_set_timeout(curve, 60);
  tcase_add_test(curve, closed_forms_are_met);
  tcase_add_loop_test(curve, any_formula_has_a_curve, 0, WILD);
  suite_add_tcase(suite, curve);
  TCase *runs = tcase_create("runs");
  tcase_set_timeout(runs, 120);
  tcase_add_test(runs, gradient_flow_is_mirror_flow);
  tcase_add_test(runs, four_features_go_from_saddle_to_saddle);
  tcase_add_test(runs, four_features_by_gradient_descent);
  tcase_add_test(runs, untied_weights_minimize_their_potential);
  tcase_add_test(runs, scale_and_shape_act_as_one);
  tcase_add_test(runs, settings_that_do_not_go);
  tcase_add_test(runs, weights_at_the_start);
  suite_add_tcase(suite, runs);
  return suite;
}
