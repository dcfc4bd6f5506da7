/* Sparse coding: gradient and mirror flow, the dictionary's sphere, FISTA and the LASSO limit. */
#include "base/random.h"
#include "coding/coding.h"
#include "run/run.h"
#include "tests.h"
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SIDE = 4, P = SIDE * SIDE, ATOMS = 20, PATCHES = 6, CODES = ATOMS * PATCHES };

/* Of this size, with further settings. */
#define SETTINGS(...) WITH("patch-side=4", "atoms=20", "patches=6", "points=6", __VA_ARGS__)

START_TEST(fista_finds_the_lasso) {
  double D[P * ATOMS], Y[P * PATCHES], X[CODES] = {0}, R[P * PATCHES], G[CODES];
  gsl_rng *rng = ms_random_new(3, MS_STREAM_DATA);
  ms_random_gaussian(rng, D, P * ATOMS, 0.3);
  ms_random_gaussian(rng, Y, P * PATCHES, 1);
  gsl_rng_free(rng);
  double lambda = 0.05;
  ck_assert_int_eq(ms_fista(D, Y, P, ATOMS, PATCHES, lambda, 1e-13, 100000, X), 0);
  /* -grad f = lambda sign(x), or within lambda where x = 0 */
  memcpy(R, Y, sizeof R);
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, P, PATCHES, ATOMS, 1, D, P, X, ATOMS, -1,
              R, P);
  cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, ATOMS, PATCHES, P, 1.0 / PATCHES, D, P, R, P,
              0, G, ATOMS);
  size_t zeros = 0;
  for (size_t i = 0; i < CODES; i++) {
    zeros += X[i] == 0;
    if (X[i] == 0)
      ck_assert_double_le(fabs(G[i]), lambda + 1e-9);
    else
      ck_assert_double_eq_tol(G[i], X[i] > 0 ? -lambda : lambda, 1e-9);
  }
  ck_assert_uint_gt(zeros, CODES / 4);
  ck_assert_uint_lt(zeros, CODES);
}
END_TEST

START_TEST(gradient_and_mirror_flow_agree_while_the_dictionary_learns) {
  const char *const params[][2] = {{"param=uv", "depth="},
                                   {"param=mw", "depth="},
                                   {"param=matched", "depth=4"},
                                   {"param=matched", "depth=6"}};
  for (size_t k = 0; k < sizeof params / sizeof *params; k++) {
    ms_run *run =
        test_whole("sparse-coding", SETTINGS(params[k][0], params[k][1], "flow=both", "rtol=1e-8",
                                             "init-scale=0.1", "wd=0.002", "t-end=300"));
    ck_assert_double_lt(ms_run_summary(run, "gf_mf_gap"), 1e-4);
    ck_assert_double_lt(ms_run_summary(run, "loss"), 0.3);
    size_t d;
    const double *x = ms_run_x(run, &d);
    ck_assert_uint_eq(d, CODES + P * ATOMS);
    for (size_t j = 0; j < ATOMS; j++)
      ck_assert_double_eq_tol(cblas_dnrm2(P, x + CODES + j * P, 1), 1, 1e-6);
    /* no codes of this error have a smaller L1 norm than FISTA's */
    ck_assert_double_lt(ms_run_summary(run, "fista_l1"), ms_run_summary(run, "l1") * (1 + 1e-3));
    ms_run_free(run);
  }
}
END_TEST

START_TEST(constant_decay_ends_at_the_lasso) {
  /* of f + alpha |x|_1: what FISTA finds at the same lambda */
  const char *const params[][2] = {{"param=uv", "depth="}, {"param=matched", "depth=4"}};
  for (size_t k = 0; k < 2; k++) {
    ms_run *run = test_whole("sparse-coding", SETTINGS(params[k][0], params[k][1], "fixed=on",
                                                       "flow=mirror", "rtol=1e-7", "wd=0.01",
                                                       "wd-schedule=constant", "t-end=20000"));
    ck_assert_double_eq_tol(ms_run_summary(run, "fista_lambda"), 0.01, 5e-4);
    ck_assert_double_eq_tol(ms_run_summary(run, "fista_l1"), ms_run_summary(run, "l1"),
                            5e-3 * ms_run_summary(run, "l1"));
    ms_run_free(run);
  }
}
END_TEST

START_TEST(bad_input_is_named) {
  static const struct {
    const char *setting, *says;
  } bad[] = {{"param=square", "matched"},
             {"method=sgd", "bdf"},
             {"n=3", "sparse-coding"},
             {"image=/nowhere", "/nowhere"},
             {"flow=limit", "diag"}};
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
    test_refused("sparse-coding", SETTINGS(bad[k].setting), bad[k].says);
  ms_run_free(test_new("sparse-coding", SETTINGS("patch-side=64")));
}
END_TEST

Suite *coding_suite(void) {
  Suite *s = suite_create("coding");
  TCase *t = tcase_create("coding");
  tcase_set_timeout(t, 240);
  tcase_add_test(t, fista_finds_the_lasso);
  tcase_add_test(t, gradient_and_mirror_flow_agree_while_the_dictionary_learns);
  tcase_add_test(t, constant_decay_ends_at_the_lasso);
  tcase_add_test(t, bad_input_is_named);
  suite_add_tcase(s, t);
  return s;
}
