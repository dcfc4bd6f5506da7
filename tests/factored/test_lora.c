/* Low-rank adaptation: gradients, the balance law, what weight decay leaves behind, and the text.
 */
#include "factored/factored.h"
#include "linalg/dense.h"
#include "tests.h"
#include <math.h>
#include <stdlib.h>

#define PSALM MS_DATA "/psalm_119.txt"
#define PSALMS MS_DATA "/psalms_except_119.txt"

static double end_of(const char *const *settings, const char *observable) {
  ms_run *run = test_whole("lora", settings);
  double value = ms_run_observe(run, observable);
  ms_run_free(run);
  return value;
}

/* ---- Gradients ------------------------------------------------------------------------------ */

START_TEST(gradients) {
  test_gradient("lora", WITH("activation=tanh", "rows=5", "cols=7", "noise=0.1"));
  test_gradient("lora", WITH("activation=linear", "rows=7", "cols=5", "noise=0.1"));
  test_gradient("lora", WITH("data=" PSALM, "vocabulary=12", "rows=5"));
  if (!test_quick())
    test_gradient("lora", WITH("data=" PSALM, "vocabulary=12", "rows=5", "pretrain=" PSALMS));
}
END_TEST

/* ---- The teacher ---------------------------------------------------------------------------- */

START_TEST(teacher_is_a_solution) {
  const char *const *kinds[] = {WITH("activation=tanh", "rank=3", "rows=6", "cols=8"),
                                WITH("activation=linear", "rank=3", "rows=6", "cols=8")};
  for (size_t k = 0; k < 2; k++) {
    ms_run *run = test_new("lora", kinds[k]);
    ms_objective *o = ms_factored_objective(run);
    double sigma[6], sum = 0, *G = ms_doubles(48);
    ck_assert_double_eq(o->value(o, o->truth, G), 0);
    ck_assert_double_eq(o->score(o, o->truth), 0);
    for (size_t i = 0; i < 48; i++)
      ck_assert_double_eq(G[i], 0);
    ck_assert_int_eq(ms_singular(6, 8, o->truth, sigma, NULL, NULL), 0);
    for (size_t i = 0; i < 6; i++)
      sum += sigma[i];
    ck_assert_double_eq_tol(sum, 3, 1e-12);
    ck_assert(sigma[2] > 1e-3 && sigma[3] < 1e-12);
    free(G);
    ms_run_free(run);
  }
}
END_TEST

/* Noise is on the samples trained on, and its variance is what is asked for: half of it is f. */
START_TEST(noise) {
  ms_run *run = test_new("lora", WITH("noise=0.5", "n=20000", "rows=3", "cols=4"));
  ms_objective *o = ms_factored_objective(run);
  ck_assert_double_eq_tol(o->value(o, o->truth, NULL), 0.125, 5 * 0.125 * sqrt(2 / 20000.0));
  ck_assert_double_eq(o->score(o, o->truth), 0);
  ms_run_free(run);
}
END_TEST

/* ---- Balance -------------------------------------------------------------------------------- */

/* |B'B - AA'|_F from its e^{-4A}, and the matrix itself by invariant_drift. */
START_TEST(balance_decays_with_the_dose) {
  const char *const *kinds[] = {
      WITH("rtol=1e-10", "wd-schedule=linear", "t-end=60"),
      WITH("rtol=1e-10", "wd-schedule=cosine", "t-end=60", "width=3", "activation=linear"),
      WITH("rtol=1e-10", "wd-schedule=step", "t-end=60", "data=" PSALM)};
  for (size_t k = 0; k < 3; k++) {
    ms_run *run = test_new("lora", kinds[k]);
    double first = NAN, worst = 0;
    ms_status status = MS_OK;
    while (test_step(run, &status)) {
      double now = ms_run_observe(run, "balance");
      if (ms_run_t(run) == 0)
        first = now;
      worst = fmax(worst, fabs(now - first * exp(-4 * ms_run_observe(run, "dose"))));
    }
    ck_assert_int_eq(ms_run_finish(run, status, NULL, NULL), MS_OK);
    ck_assert(ms_run_observe(run, "dose") > 1 && first > 0.1);
    ck_assert_double_le(worst, 1e-8);
    ck_assert_double_le(ms_run_summary(run, "invariant_drift"), 1e-8);
    ms_run_free(run);
  }
}
END_TEST

/* On at w until T, then off; on at w / 2 for ever: at 2 T the doses are equal, and so is balance,
 * though X is not. */
START_TEST(equal_doses_balance_equally) {
  const char *const *pair[] = {
      WITH("rtol=1e-12", "wd-schedule=step", "wd=0.03", "wd-off=20", "t-end=40", "rows=10"),
      WITH("rtol=1e-12", "wd-schedule=constant", "wd=0.015", "t-end=40", "rows=10")};
  double balance[2], nuclear[2];
  for (size_t k = 0; k < 2; k++) {
    ms_run *run = test_whole("lora", pair[k]);
    ck_assert_double_eq_tol(ms_run_observe(run, "dose"), 0.6, 1e-14);
    balance[k] = ms_run_observe(run, "balance");
    nuclear[k] = ms_run_observe(run, "nuclear_norm");
    ms_run_free(run);
  }
  ck_assert_double_eq_tol(balance[0], balance[1], 1e-10);
  ck_assert(balance[0] > 0.05);
  ck_assert(fabs(nuclear[0] - nuclear[1]) > 0.01);
}
END_TEST

/* ---- What weight decay leaves behind -------------------------------------------------------- */

#define STORAGE "t-end=160", "points=81"

/* After weight decay: the ratio nuclear / Frobenius of BA stays below that of training without it,
 * as long as one looks. Of X itself, which has no factors, it comes back. */
START_TEST(factors_remember_what_weights_forget) {
  double with = end_of(WITH("wd-schedule=step", "wd=0.03", "wd-off=20", STORAGE), "nuclear_ratio"),
         without = end_of(WITH("wd-schedule=none", STORAGE), "nuclear_ratio");
  ck_assert_double_lt(with, without - 0.1);
  double plain_with = end_of(WITH("wd-schedule=step", "wd=0.03", "wd-off=20", "depth=1",
                                  "activation=linear", STORAGE),
                             "nuclear_ratio"),
         plain_without = end_of(WITH("wd-schedule=none", "depth=1", "activation=linear", STORAGE),
                                "nuclear_ratio");
  ck_assert_double_eq_tol(plain_with, plain_without, 1e-6);
}
END_TEST

/* The default run finds the teacher; a constant alpha and no weight decay do not. */
START_TEST(on_then_off_finds_the_teacher) {
  double on_off = end_of(WITH("wd-schedule=linear"), "score"),
         never = end_of(WITH("wd-schedule=none"), "score");
  ck_assert_double_lt(on_off, 1e-5);
  ck_assert_double_lt(3 * on_off, never);
  const char *const strengths[] = {"wd=0.001", "wd=0.01"};
  for (size_t i = 0; i < sizeof strengths / sizeof *strengths; i++)
    ck_assert_double_lt(3 * on_off, end_of(WITH("wd-schedule=constant", strengths[i]), "score"));
}
END_TEST

/* ---- Text ----------------------------------------------------------------------------------- */

/* With W0 = 0 and X = 0 every word is as likely as any other. */
START_TEST(no_knowledge) {
  ms_run *run = test_new("lora", WITH("data=" PSALM, "vocabulary=50"));
  ms_objective *o = ms_factored_objective(run);
  double *X = ms_doubles(o->rows * o->cols);
  ck_assert_double_eq_tol(o->value(o, X, NULL), log(50), 1e-13);
  ck_assert_double_eq_tol(o->score(o, X), log(50), 1e-13);
  free(X);
  ms_run_free(run);
}
END_TEST

/* Verse numbers, case and punctuation are not words: a, b, a, c, a, b | a, c: the last pair tests.
 * With as many dimensions as words, or nearly, training comes to the entropy of what follows what:
 * after a: b, c, b (and after b and c always a): 4/7... computed here by hand. */
START_TEST(comes_to_the_entropy_of_the_text) {
  const char *text = test_file("text", "Psa1:1 A, b; a\nPsa1:2 C a.\n1:3 B \"a\" c?");
  /* pairs trained on: ab ba ac ca ab ba; tested: ac */
  ms_run *run = test_whole("lora", WITH(test_text("data=%s", text), "vocabulary=4", "rows=8", "n=6",
                                        "wd-schedule=none", "t-end=1e6", "points=5"));
  double entropy = (2 * log(1.5) + log(3)) / 6;
  ck_assert_double_eq_tol(ms_run_observe(run, "loss"), entropy, 1e-4);
  ck_assert_double_eq_tol(ms_run_observe(run, "score"), log(3), 0.01);
  ck_assert_double_eq(ms_run_summary(run, "n"), 6);
  ms_run_free(run);
}
END_TEST

/* W0 knows the other psalms: that helps, and training helps more. */
START_TEST(pretraining) {
  ms_run *run = test_whole("lora", WITH("data=" PSALM, "pretrain=" PSALMS));
  ms_objective *o = ms_factored_objective(run);
  double *X = ms_doubles(o->rows * o->cols), untrained = o->score(o, X);
  ck_assert_double_lt(untrained, log(64) - 0.8);
  ck_assert_double_lt(ms_run_observe(run, "score"), untrained - 0.1);
  free(X);
  ms_run_free(run);
}
END_TEST

/* ---- What is refused ------------------------------------------------------------------------ */

START_TEST(refusals) {
  const char *data = test_text("data=%s", test_file("text", "one two"));
  const struct {
    const char *const *settings, *says;
  } cases[] = {
      {WITH("loss=logistic"), "loss: 'logistic' is not allowed"},
      {WITH("sparsity=3"), "sparsity: has no effect with --model lora"},
      {WITH("rank=21"), "rank: '21' is not allowed; at most 20"},
      {WITH("vocabulary=9"),
       "vocabulary: has no effect with --model lora; it belongs to --data of --model lora"},
      {WITH("pretrain=" PSALM),
       "pretrain: has no effect with --model lora; it belongs to --data of --model lora"},
      {WITH("data=" PSALM, "noise=1"), "noise: has no effect with --model lora"},
      {WITH("data=" PSALM, "n=100000"), "n: '100000' is not allowed; the text has 2425 pairs"},
      {WITH("data=/none/such.txt"), "/none/such.txt: cannot be read: No such file"},
      {WITH("data=/tmp"), "/tmp: cannot be read: Is a directory"},
      {WITH("data=" PSALM, "pretrain=/none/such.txt"), "/none/such.txt: cannot be read"},
      {WITH(data), "has 2 words; at least 4"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ms_status status = test_refused("lora", cases[i].settings, cases[i].says);
    ck_assert(status == MS_BAD_SETTING || status == MS_BAD_INPUT);
  }
}
END_TEST

Suite *lora_suite(void) {
  Suite *suite = suite_create("lora");
  TCase *tc = tcase_create("lora");
  tcase_set_timeout(tc, 120);
  tcase_add_test(tc, gradients);
  tcase_add_test(tc, teacher_is_a_solution);
  tcase_add_test(tc, noise);
  tcase_add_test(tc, no_knowledge);
  tcase_add_test(tc, comes_to_the_entropy_of_the_text);
  tcase_add_test(tc, refusals);
  if (!test_quick()) {
    tcase_add_test(tc, balance_decays_with_the_dose);
    tcase_add_test(tc, equal_doses_balance_equally);
    tcase_add_test(tc, factors_remember_what_weights_forget);
    tcase_add_test(tc, on_then_off_finds_the_teacher);
    tcase_add_test(tc, pretraining);
  }
  suite_add_tcase(suite, tc);
  return suite;
}
