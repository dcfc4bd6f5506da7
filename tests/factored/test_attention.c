/* Attention: gradients, the loss near its infimum, diagonal factors as m.w, the direction of growth
 * against support vector machines solved on their own, and weight decay. */
#include "factored/factored.h"
#include "instances.h"
#include "tests.h"
#include <cblas.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_odeiv2.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* To its end; the nuclear ratio must stay where it can be. */
static ms_run *whole(const char *const *settings) {
  ms_run *run = test_new("attention", settings);
  ms_status status = MS_OK;
  while (test_step(run, &status)) {
    double ratio = ms_run_observe(run, "nuclear_ratio");
    size_t count;
    ms_factored_spectrum(run, &count);
    if (!isnan(ratio) && !(ratio >= 1 - 1e-12 && ratio <= sqrt((double)count) + 1e-12))
      ck_abort_msg("ratio %g", ratio);
  }
  ck_assert_int_eq(ms_run_finish(run, status, NULL, NULL), MS_OK);
  return run;
}

static double end_of(const char *const *settings, const char *observable) {
  ms_run *run = whole(settings);
  double found = ms_run_observe(run, observable);
  ms_run_free(run);
  return found;
}

/* ---- The loss ------------------------------------------------------------------------------- */

START_TEST(gradients) {
  test_gradient("attention", WITH("rows=5", "loss=exponential"));
  test_gradient("attention", WITH("rows=5", "loss=logistic", "tokens=2"));
  test_gradient("attention", WITH("rows=4", "tokens=7", "n=3"));
  test_gradient("attention", WITH("rows=5", "attention=linear"));
  test_gradient("attention", WITH("rows=5", "attention=linear", "loss=logistic"));
}
END_TEST

static double least_margin(ms_objective *o, const double *X) {
  double *m = ms_doubles(o->margins), least = INFINITY;
  o->margin(o, X, m);
  for (size_t i = 0; i < o->margins; i++)
    least = fmin(least, m[i]);
  free(m);
  return least;
}

/* The truth separates. Scores are at most 1/2 and at least -1 beside the best token's 1, attention
 * is even at X = 0, and far along the truth f e^{least margin} is a constant: with all its digits,
 * although the loss itself is e^{-1} there, or ln(1 + e^{-1}). */
START_TEST(loss_above_its_infimum) {
  for (int logistic = 0; logistic < 2; logistic++) {
    ms_run *run = test_new(
        "attention", WITH("rows=6", "tokens=4", logistic ? "loss=logistic" : "loss=exponential"));
    ms_objective *o = ms_factored_objective(run);
    size_t d = 36;
    double *X = ms_doubles(2 * d), *G = X + d, before = 0;
    double f = o->value(o, X, NULL), near = 0.75 * 0.5, far = 0.75 * 2;
    ck_assert(f > (logistic ? log1p(exp(near - 1)) - log1p(exp(-1)) : exp(near - 1) - exp(-1)));
    ck_assert(f < (logistic ? log1p(exp(far - 1)) - log1p(exp(-1)) : exp(far - 1) - exp(-1)));
    double m = least_margin(o, o->truth);
    ck_assert(m > 0);
    for (double s = 20; s <= 600; s += 20) {
      for (size_t i = 0; i < d; i++)
        X[i] = s * o->truth[i] / m;
      double now = log(o->value(o, X, G)) + s, slope = cblas_ddot((int)d, G, 1, o->truth, 1) / m;
      if (s > 400) {
        ck_assert_double_eq_tol(now, before, 1e-9);
        ck_assert_double_eq_tol(slope / o->value(o, X, NULL), -1, 1e-9);
      }
      before = now;
    }
    free(X);
    ms_run_free(run);
  }
}
END_TEST

/* ---- Diagonal factors are m.w ---------------------------------------------------------------- */

typedef struct dual {
  ms_objective *o;
  size_t d;
  double scale, alpha0, T;
  double *X, *G;
} dual;

/* alpha0 (1 - t/T) until T */
static double dose(const dual *p, double t) {
  double s = fmin(t, p->T);
  return p->alpha0 * (s - s * s / (2 * p->T));
}

/* x = s e^{-4A} sinh 2 mu, from k = 0 and q = sqrt(2 s) */
static void from_dual(const dual *p, double t, const double *mu) {
  for (size_t i = 0; i < p->d; i++)
    p->X[i * (p->d + 1)] = p->scale * exp(-4 * dose(p, t)) * sinh(2 * mu[i]);
}

static int dual_rhs(double t, const double *mu, double *out, void *ctx) {
  dual *p = ctx;
  from_dual(p, t, mu);
  p->o->value(p->o, p->X, p->G);
  for (size_t i = 0; i < p->d; i++)
    out[i] = -p->G[i * (p->d + 1)];
  return GSL_SUCCESS;
}

/* The mirror flow of m.w, in its own state, by another integrator. */
START_TEST(diagonal_factors_are_mw) {
  ms_run *run = test_new("attention", WITH("factors=diagonal", "rows=8", "init-scale=0.01",
                                           "rtol=1e-13", "wd-schedule=linear", "wd=0.05",
                                           "wd-off=20", "t-end=40", "points=9"));
  size_t d = 8;
  dual p = {ms_factored_objective(run), d, 0.01, 0.05, 20, ms_doubles(d * d), ms_doubles(d * d)};
  gsl_odeiv2_system system = {dual_rhs, NULL, d, &p};
  gsl_odeiv2_driver *driver =
      gsl_odeiv2_driver_alloc_y_new(&system, gsl_odeiv2_step_rk8pd, 1e-3, 1e-14, 1e-14);
  double *mu = ms_doubles(d), t = 0, largest = 0, worst = 0;
  for (size_t i = 0; i < ms_run_points(run); i++) {
    ck_assert_int_eq(ms_run_advance(run, i, NULL), MS_OK);
    double to = ms_run_time(run, i);
    if (to > 20 && t < 20) /* the schedule's kink */
      ck_assert_int_eq(gsl_odeiv2_driver_apply(driver, &t, 20, mu), GSL_SUCCESS);
    if (to > t)
      ck_assert_int_eq(gsl_odeiv2_driver_apply(driver, &t, to, mu), GSL_SUCCESS);
    from_dual(&p, to, mu);
    size_t count;
    const double *x = ms_run_x(run, &count);
    for (size_t j = 0; j < d * d; j++) {
      worst = fmax(worst, fabs(x[j] - p.X[j]));
      largest = fmax(largest, fabs(x[j]));
    }
    ck_assert_double_eq_tol(ms_run_observe(run, "dose"), dose(&p, to), 1e-13);
  }
  ck_assert(largest > 0.3);
  ck_assert_double_le(worst, 1e-10);
  gsl_odeiv2_driver_free(driver);
  free(mu);
  free(p.X);
  free(p.G);
  ms_run_free(run);
}
END_TEST

/* ---- Where it grows to ----------------------------------------------------------------------- */

/* The margins' matrices A_k, from unit matrices: A[k + margins * entry]. */
static double *matrices(ms_objective *o) {
  size_t d = o->rows * o->cols;
  double *A = ms_doubles(o->margins * d), *X = ms_doubles(d);
  for (size_t j = 0; j < d; j++) {
    X[j] = 1;
    o->margin(o, X, A + j * o->margins);
    X[j] = 0;
  }
  free(X);
  return A;
}

static double cosine(const double *x, const double *y, size_t d) {
  int n = (int)d;
  return cblas_ddot(n, x, 1, y, 1) / (cblas_dnrm2(n, x, 1) * cblas_dnrm2(n, y, 1));
}

/* min |x|_1 where all margins of diag(x) are at least 1: the diagonal of X[d * d]. */
static void svm_l1(ms_objective *o, double *X) {
  size_t d = o->rows, m = o->margins;
  double *A = matrices(o), *x = ms_doubles(d);
  ms_matrix *M;
  ck_assert_int_eq(ms_matrix_new(&M, m, d, NULL), MS_OK);
  for (size_t j = 0; j < d; j++)
    memcpy(M->values + j * m, A + j * (d + 1) * m, m * sizeof *A);
  ck_assert_double_lt(separate(M, x), INFINITY);
  for (size_t j = 0; j < d; j++)
    X[j * (d + 1)] = x[j];
  ms_matrix_free(M);
  free(x);
  free(A);
}

/* min |X|_F where all margins are at least 1: coordinate ascent on the dual, X = sum nu_k A_k. */
static void svm_l2(ms_objective *o, double *X) {
  size_t d = o->rows * o->cols, m = o->margins;
  double *A = matrices(o), *nu = ms_doubles(m), worst = 1;
  for (size_t sweep = 0; sweep < 200000 && worst > 1e-10; sweep++) {
    worst = 0;
    for (size_t k = 0; k < m; k++) {
      const double *a = A + k;
      double size = cblas_ddot((int)d, a, (int)m, a, (int)m);
      double slope = 1 - cblas_ddot((int)d, a, (int)m, X, 1);
      double step = fmax(-nu[k], slope / size);
      nu[k] += step;
      cblas_daxpy((int)d, step, a, (int)m, X, 1);
      worst = fmax(worst, fabs(step) * sqrt(size));
    }
  }
  ck_assert_double_le(worst, 1e-10);
  ck_assert_double_eq_tol(least_margin(o, X), 1, 1e-6);
  free(nu);
  free(A);
}

/* The cosine of where a run ends and the support vector machine. */
static double direction(const char *const *settings, void (*svm)(ms_objective *, double *)) {
  ms_run *run = whole(settings);
  ms_objective *o = ms_factored_objective(run);
  size_t d;
  const double *x = ms_run_x(run, &d);
  double *X = ms_doubles(d);
  ck_assert_double_le(ms_run_observe(run, "loss"), 1e-8);
  svm(o, X);
  double found = cosine(x, X, d);
  free(X);
  ms_run_free(run);
  return found;
}

/* At a loss of 1e-8 with 20 samples. With 5 it takes longer: the logarithm of time must grow. */
#define STOP "stop-loss=0", "points=3", "rtol=1e-6"
START_TEST(diagonal_factors_to_the_l1_margin) {
  const char *const *early =
      WITH("factors=diagonal", "wd-schedule=none", "init-scale=1", "t-end=1e8", STOP);
  const char *const *late =
      WITH("factors=diagonal", "wd-schedule=none", "init-scale=1", "t-end=1e25", STOP);
  const char *const seeds[] = {"seed=1", "seed=2", "seed=3"};
  for (size_t s = 0; s < 3; s++)
    ck_assert_double_gt(
        direction(WITH("factors=diagonal", "wd-schedule=none", "init-scale=1", "n=20", seeds[s]),
                  svm_l1),
        0.99);
  double at_first = direction(early, svm_l1), in_the_end = direction(late, svm_l1);
  ck_assert_double_gt(in_the_end, 0.97);
  ck_assert_double_lt(1 - in_the_end, 0.6 * (1 - at_first));
}
END_TEST

START_TEST(merged_to_the_l2_margin) {
  ck_assert_double_gt(direction(WITH("depth=1", "wd-schedule=none"), svm_l2), 0.99);
}
END_TEST

/* ---- Weight decay ---------------------------------------------------------------------------- */

/* At convergence the ratio of nuclear and Frobenius norm falls as alpha grows, and X is where a
 * nuclear norm of the weight 2 alpha has it: KKT. */
START_TEST(constant_weight_decay) {
  const char *const strengths[] = {"wd=0.001", "wd=0.003", "wd=0.01", "wd=0.03", "wd=0.06"};
  double before = INFINITY;
  for (size_t i = 0; i < 5; i++) {
    ms_run *run = whole(WITH("wd-schedule=constant", strengths[i], "rtol=1e-10"));
    double now = ms_run_observe(run, "nuclear_ratio");
    ck_assert_double_lt(now, before - 0.01);
    ck_assert_double_le(ms_run_observe(run, "kkt_residual"), 1e-6);
    ck_assert_double_eq_tol(ms_run_observe(run, "alignment"), 1, 1e-6);
    ck_assert_double_le(ms_run_summary(run, "invariant_drift"), 1e-8);
    before = now;
    ms_run_free(run);
  }
}
END_TEST

/* After a dose the factors stay low-rank; X trained as it is forgets it. */
START_TEST(what_stays) {
  double ratio[2][2];
  for (int merged = 0; merged < 2; merged++)
    for (int with = 0; with < 2; with++)
      ratio[merged][with] = end_of(WITH(merged ? "depth=1" : "depth=2",
                                        with ? "wd-schedule=step" : "wd-schedule=none", "wd=0.03",
                                        "wd-off=20", "t-end=1000", "points=21"),
                                   "nuclear_ratio");
  ck_assert_double_lt(ratio[0][1], ratio[0][0] - 0.02);
  ck_assert_double_eq_tol(ratio[1][1], ratio[1][0], 0.02);
}
END_TEST

START_TEST(refusals) {
  const struct {
    const char *const *settings, *says;
  } cases[] = {
      {WITH("loss=squared"), "loss: 'squared' is not allowed; --model attention takes"},
      {WITH("data=x.csv"), "data: has no effect with --model attention"},
      {WITH("noise=1"), "noise: has no effect with --model attention"},
      {WITH("rank=10"), "rank: '10' is not allowed; at most 9"},
      {WITH("factors=diagonal", "depth=3"), "depth: '3' is not allowed"},
      {WITH("method=sgd"), "--method sgd"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ms_status status = test_refused("attention", cases[i].settings, cases[i].says);
    ck_assert(status == MS_BAD_SETTING || status == MS_UNSUPPORTED);
  }
}
END_TEST

Suite *attention_suite(void) {
  Suite *suite = suite_create("attention");
  TCase *tc = tcase_create("attention");
  tcase_set_timeout(tc, 120);
  tcase_add_test(tc, gradients);
  tcase_add_test(tc, loss_above_its_infimum);
  tcase_add_test(tc, diagonal_factors_are_mw);
  tcase_add_test(tc, diagonal_factors_to_the_l1_margin);
  tcase_add_test(tc, refusals);
  if (!test_quick()) {
    tcase_add_test(tc, merged_to_the_l2_margin);
    tcase_add_test(tc, constant_weight_decay);
    tcase_add_test(tc, what_stays);
  }
  suite_add_tcase(suite, tc);
  return suite;
}
