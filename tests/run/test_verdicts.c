/* Verdicts of a check: each one against flows that are integrated here, by Runge and Kutta. */
#include "flow/formula_pair.h"
#include "tests.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { W = MS_FORMULA_VARIABLES, STEPS = 150, INNER = 24 };

static double entry_of(const ms_check *c, const char *key) {
  ms_summary e;
  for (size_t i = 0; ms_check_at(c, i, &e); i++)
    if (strcmp(e.key, key) == 0)
      return e.value;
  return NAN;
}

static bool verdict_is(const ms_check *c, const char *expected, const char *what,
                       const char *in_reason) {
  const char *reason, *found = ms_check_verdict(c, &reason);
  ck_assert_msg(strcmp(found, expected) == 0, "%s: %s, not %s (%s)", what, found, expected, reason);
  ck_assert_msg(!in_reason || strstr(reason, in_reason), "%s: no '%s' in: %s", what, in_reason,
                reason);
  ms_check_claim claim;
  for (size_t i = 0; ms_check_claim_at(c, i, &claim); i++)
    ck_assert_msg(claim.holds, "%s: %s: %s", what, claim.text, claim.found);
  return ms_check_claim_at(c, 0, &claim);
}

static ms_check *formulas(const char *g, const char *h) {
  ms_config *cfg = ms_config_new();
  ms_check *c = NULL;
  ms_error err = {0};
  ms_status status = ms_check_new(&c, cfg, g, h, NULL, &err);
  ck_assert_msg(status == MS_OK, "%s: %s", g, err.message);
  ms_config_free(cfg);
  return c;
}

static ms_check *run_of(const char *const *settings) {
  ms_config *cfg = test_config(settings);
  ms_check *c = NULL;
  ms_error err = {0};
  ms_status status = ms_check_new(&c, cfg, NULL, NULL, NULL, &err);
  ck_assert_msg(status == MS_OK, "%s", err.message);
  ms_config_free(cfg);
  return c;
}

/* ---- Both flows, integrated ------------------------------------------------------------------ */

/* f(x) = sum_i p_i (x_i - y_i)^2/2 + (x_1 + x_2 + ...)^2/10, alpha(t) = 0.2 (1 + sin 3t). */
typedef struct flows {
  ms_formula_pair pair;
  ms_pair at;
  double start[W], x0[MS_FORMULA_OUTPUTS], c; /* c: of dmu/dt = -e^{cA} grad f */
} flows;

static double alpha(double t) {
  return 0.2 * (1 + sin(3 * t));
}

static double dose(double t) {
  return 0.2 * (t + (1 - cos(3 * t)) / 3);
}

static void map(const flows *s, const double *w, double *x) {
  for (size_t k = 0; k < s->pair.outputs; k++)
    x[k] = ms_formula_value(s->pair.g[k], w);
}

static void gradient_of_f(const flows *s, const double *x, double *out) {
  double sum = 0;
  for (size_t k = 0; k < s->pair.outputs; k++)
    sum += x[k];
  for (size_t k = 0; k < s->pair.outputs; k++)
    out[k] = (1 - 0.4 * (double)k) * (x[k] - s->x0[k] - (k % 2 ? 0.5 : -0.4)) + sum / 5;
}

/* v of dy/dt = v(t, y). */
typedef void field(const flows *s, const double *given, double t, const double *y, double *v);

static void runge_kutta(const flows *s, field *v, const double *given, size_t n, double from,
                        double to, int steps, double *y) {
  double k[4][W], at[W], h = (to - from) / steps;
  const double ahead[] = {0, 0.5, 0.5, 1};
  for (int i = 0; i < steps; i++) {
    double t = from + h * i;
    for (int stage = 0; stage < 4; stage++) {
      for (size_t j = 0; j < n; j++)
        at[j] = y[j] + (stage ? h * ahead[stage] * k[stage - 1][j] : 0);
      v(s, given, t + h * ahead[stage], at, k[stage]);
    }
    for (size_t j = 0; j < n; j++)
      y[j] += h / 6 * (k[0][j] + 2 * k[1][j] + 2 * k[2][j] + k[3][j]);
  }
}

/* -grad h */
static void decay(const flows *s, const double *given, double t, const double *w, double *v) {
  (void)given, (void)t;
  for (size_t j = 0; j < s->pair.count; j++)
    v[j] = -2 * w[j];
  if (!s->pair.h)
    return;
  ms_formula_derive(s->pair.h, w, v, NULL);
  for (size_t j = 0; j < s->pair.count; j++)
    v[j] = -v[j];
}

/* sum_i mu_i grad g_i */
static void pull(const flows *s, const double *mu, double t, const double *w, double *v) {
  (void)t;
  s->at.gradient(s->at.self, mu, w, v);
}

static void gradient_flow(const flows *s, const double *given, double t, const double *w,
                          double *v) {
  double x[MS_FORMULA_OUTPUTS], df[MS_FORMULA_OUTPUTS], dh[W];
  map(s, w, x);
  gradient_of_f(s, x, df);
  pull(s, df, t, w, v);
  decay(s, given, t, w, dh);
  for (size_t j = 0; j < s->pair.count; j++)
    v[j] = -v[j] + alpha(t) * dh[j];
}

/* x = g(w): h decays the start by the dose, then e^{-cA} mu pulls for a unit of time: where mu
 * leads from the start, and the dose from there, but never beyond the weights that there are. */
static void mirror_map(const flows *s, double t, const double *mu, double *x) {
  double w[W], pulled[MS_FORMULA_OUTPUTS];
  memcpy(w, s->start, sizeof w);
  for (size_t k = 0; k < s->pair.outputs; k++)
    pulled[k] = mu[k] * exp(-s->c * dose(t));
  runge_kutta(s, decay, NULL, s->pair.count, 0, dose(t), INNER, w);
  runge_kutta(s, pull, pulled, s->pair.count, 0, 1, INNER, w);
  map(s, w, x);
}

static void mirror_flow(const flows *s, const double *given, double t, const double *mu,
                        double *v) {
  double x[MS_FORMULA_OUTPUTS];
  (void)given;
  mirror_map(s, t, mu, x);
  gradient_of_f(s, x, v);
  for (size_t k = 0; k < s->pair.outputs; k++)
    v[k] *= -exp(s->c * dose(t));
}

/* How far both are apart in x at t = 1.5, relative to how far x came. */
static double gap_of(const char *g, const char *h, double c) {
  flows s = {.c = c};
  ms_error err = {0};
  ck_assert_msg(ms_formula_pair_new(&s.pair, g, h, &err) == MS_OK, "%s: %s", g, err.message);
  s.at = ms_formula_pair_at(&s.pair);
  double w[W], mu[W] = {0}, x[MS_FORMULA_OUTPUTS], there[MS_FORMULA_OUTPUTS], gap = 0, far = 0;
  for (size_t j = 0; j < s.pair.count; j++)
    s.start[j] = 1.1 - 0.17 * (double)j;
  memcpy(w, s.start, sizeof w);
  map(&s, w, s.x0);
  runge_kutta(&s, gradient_flow, NULL, s.pair.count, 0, 1.5, 4 * STEPS, w);
  runge_kutta(&s, mirror_flow, NULL, s.pair.outputs, 0, 1.5, STEPS, mu);
  map(&s, w, x);
  mirror_map(&s, 1.5, mu, there);
  for (size_t k = 0; k < s.pair.outputs; k++) {
    gap += fabs(x[k] - there[k]);
    far += fabs(x[k] - s.x0[k]);
  }
  ms_formula_pair_free(&s.pair);
  ck_assert_msg(!(far <= 0.01), "%s: x stays", g);
  return isfinite(gap + far) ? gap / far : INFINITY; /* mu leaves its domain */
}

/* ---- Formulas -------------------------------------------------------------------------------- */

/* [grad g_i, grad h] = c grad g_i, c by hand. Where c = 0 would do, the verdict is yes. */
START_TEST(verdicts_hold_along_flows) {
  const struct {
    const char *g, *h;
    double c;
  } all[] = {
      {"m*w", NULL, 0},
      {"u^2-v^2", "u^2+v^2", 0},
      {"u^4-v^4", "u^4+v^4", 0},
      {"ln(u)-ln(v)", "ln(u)+ln(v)", 0},
      {"u^2+v^2, 2*u*v", NULL, 0},
      {"a*b*c", NULL, -2},
      {"a*b*c", "a^2+b^2+c^2", -2},
      {"a*b*c", "(a^2+b^2+c^2)/2", -1},
      {"a^4-b^4", "a^2+b^2", -4},
      {"a+b", "a*b", 1},
      {"a+b", NULL, 2},
      {"a, b", "2*(a^2+b^2)", 4},
      {"a*b*c, d*e*f", NULL, -2},
      {"ln(u)-ln(v)", NULL, 4},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    ms_check *c = formulas(all[i].g, all[i].h);
    verdict_is(c, all[i].c != 0 ? "time-warped" : "yes", all[i].g, "numerically zero at 8 points");
    if (all[i].c != 0)
      ck_assert_double_eq_tol(entry_of(c, "warp"), all[i].c, 1e-12);
    ms_check_free(c);
    double gap = gap_of(all[i].g, all[i].h, all[i].c);
    ck_assert_msg(gap < 1e-6, "%s: the flows part by %g", all[i].g, gap);
    if (all[i].c != 0) {
      gap = gap_of(all[i].g, all[i].h, 0);
      ck_assert_msg(gap > 5e-5, "%s: %g without the warp", all[i].g, gap);
    }
  }
}
END_TEST

/* And where it is no, flows part, with any constant c. */
START_TEST(flows_part_where_the_verdict_is_no) {
  const struct {
    const char *g, *h;
  } all[] = {{"m*w", "m^2"},       {"exp(u)", NULL},   {"a*b, c*d*e", NULL}, {"tanh(a)*b", NULL},
             {"m*w1, m*w2", NULL}, {"u*v, u+v", NULL}, {"sin(a)+b", NULL}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    ms_check *c = formulas(all[i].g, all[i].h);
    verdict_is(c, "no", all[i].g, NULL);
    ck_assert(isnan(entry_of(c, "warp")));
    ms_check_free(c);
    double least = INFINITY;
    for (double rate = -4; rate <= 4; rate += 0.25)
      least = fmin(least, gap_of(all[i].g, all[i].h, rate));
    ck_assert_msg(least > 2e-5, "%s: the flows are %g apart", all[i].g, least);
  }
}
END_TEST

/* Zero is said to be one to rounding, at so many points; what is above rounding is said, too. */
START_TEST(zeros_are_numerical) {
  ms_check *c = formulas("a*b, c*d", NULL);
  const char *reason;
  verdict_is(c, "yes", "a*b, c*d", "numerically zero at 8 points, to 1e-08");
  ms_check_verdict(c, &reason);
  ck_assert_ptr_null(strstr(reason, "more than rounding"));
  ms_check_free(c);
  c = formulas("a*b, c*d + 1e-9*a^2*c", NULL);
  verdict_is(c, "yes", "a*b, c*d + ...", "more than rounding");
  ck_assert_double_gt(entry_of(c, "commutation_defect"), 1e-10);
  ms_check_free(c);
  c = formulas("a*b, c*d + 1e-6*a^2*c", NULL);
  verdict_is(c, "no", "a*b, c*d + ...", NULL);
  ms_check_free(c);
}
END_TEST

/* |a| b: the loss holds a at 0, where the gradient (sign(a) b, |a|) jumps by 2 |b| along itself. */
START_TEST(kinks_of_g) {
  const struct {
    const char *g, *verdict;
    double crossed;
  } all[] = {{"abs(a)*b", "no", 1},  {"abs(a)", "no", 1},        {"max(a, b)", "no", sqrt(0.5)},
             {"abs(a)*a", "yes", 0}, {"abs(a)^2-b^2", "yes", 0}, {"a, abs(b)^3", "no", 0}};
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    ms_check *c = formulas(all[i].g, NULL);
    verdict_is(c, all[i].verdict, all[i].g, all[i].crossed > 0 ? "kinks of g" : NULL);
    ck_assert_double_eq_tol(entry_of(c, "kinks_of_g_crossed"), all[i].crossed, 1e-9);
    ms_check_free(c);
  }
}
END_TEST

/* x = |a| moves by what f pulls, but not below 0: the same pulls in another order end elsewhere. */
START_TEST(what_a_kink_of_g_forgets) {
  double end[2];
  for (int first = 0; first < 2; first++) {
    double x = 0.25;
    for (int k = 0; k < 1000; k++)
      x = fmax(x + 1e-3 * ((k < 500) == (first == 0) ? 1 : -1), 0);
    end[first] = x;
  }
  ck_assert_double_eq_tol(end[0], 0.25, 1e-9);
  ck_assert_double_eq_tol(end[1], 0.5, 1e-9);
}
END_TEST

/* A kink of h beside a common c. */
START_TEST(kinks_beside_a_warp) {
  ms_check *c = formulas("u", "abs(u) + u^2");
  verdict_is(c, "no", "u", "Off the kinks of h");
  ms_check_free(c);
  c = formulas("u", "abs(v) + u^2");
  verdict_is(c, "time-warped", "u", NULL);
  ms_check_free(c);
}
END_TEST

/* ---- Runs ------------------------------------------------------------------------------------ */

/* Coordinates of degree 2 and 3: with decay their clocks differ, e^{-2(L-2)A}, and no common R_a
 * has d grad R_a = -grad f dt. */
START_TEST(every_coordinate_has_its_own_formula) {
  const struct {
    const char *const *settings;
    const char *verdict, *g;
  } all[] = {
      {WITH("param=custom", "formula=1-3: a*b | a*b*c", "n=6", "d=9", "t-end=20"), "no",
       "1-3: a*b | a*b*c"},
      {WITH("param=custom", "formula=1-15: a*b | a*b*c", "n=6", "d=30", "t-end=20"), "no",
       "1-15: a*b | a*b*c"},
      {WITH("param=custom", "formula=1-3: a*b*c | a^3-b^3", "n=6", "d=9", "t-end=20"),
       "time-warped", "1-3: a*b*c | a^3-b^3"},
      {WITH("param=custom", "formula=1-3: a*b | a^2-b^2", "n=6", "d=9", "t-end=20"), "yes",
       "1-3: a*b | a^2-b^2"},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    ms_check *c = run_of(all[i].settings);
    verdict_is(c, all[i].verdict, all[i].g, NULL);
    ms_summary e = {0};
    for (size_t k = 0; ms_check_at(c, k, &e) && strcmp(e.key, "g") != 0; k++)
      continue;
    ck_assert_str_eq(e.text, all[i].g);
    ms_check_free(c);
  }
}
END_TEST

/* x' of both coordinates from the weights, degrees 2 and 3, against one warped time with any c. */
START_TEST(two_degrees_have_no_common_clock) {
  double least = INFINITY;
  for (double c = -4; c <= 2; c += 0.125)
    least = fmin(least, gap_of("a*b, c*d*e", NULL, c));
  ck_assert_double_gt(least, 1e-4);
}
END_TEST

/* Flows with a metric of their own get no verdict from Euclidean brackets. */
START_TEST(flows_that_are_not_euclidean) {
  const struct {
    const char *const *settings;
    const char *verdict, *reason;
    bool claims;
  } all[] = {
      {WITH("param=ham", "n=6", "d=9", "t-end=20"), "no", "metric is 1/(1 + c |x|)", false},
      {WITH("param=ham", "n=6", "d=9", "wd-schedule=none", "t-end=20"), "no",
       "Without weight decay it is a mirror flow", true},
      {WITH("param=steepest", "exponent=1", "n=6", "d=9", "t-end=20"), "time-warped",
       "no Euclidean gradient flow", true},
      {WITH("param=steepest", "exponent=1.5", "depth=3", "n=6", "d=9", "t-end=20"), "yes",
       "no Euclidean gradient flow", true},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    ms_check *c = run_of(all[i].settings);
    ck_assert(verdict_is(c, all[i].verdict, "own flow", all[i].reason) == all[i].claims);
    ck_assert(isnan(entry_of(c, "commutation_defect")));
    ms_check_free(c);
  }
  ms_check *c = run_of(WITH("param=steepest", "exponent=2", "n=6", "d=9", "t-end=20"));
  verdict_is(c, "yes", "q = 2", "numerically zero");
  ck_assert_double_lt(entry_of(c, "commutation_defect"), 1e-12);
  ms_check_free(c);
}
END_TEST

/* Only what the model claims is held against it. */
START_TEST(no_claim_that_nobody_made) {
  ms_check *c = run_of(WITH("param=custom", "formula=tanh(a)*b", "n=6", "d=9", "t-end=20"));
  ck_assert(!verdict_is(c, "no", "tanh under decay", NULL));
  ms_check_free(c);
  c = run_of(
      WITH("param=custom", "formula=tanh(a)*b", "n=6", "d=9", "wd-schedule=none", "t-end=20"));
  ck_assert(verdict_is(c, "no", "tanh", "without weight decay"));
  ck_assert_double_lt(entry_of(c, "gf_mf_gap"), 1e-6);
  ms_check_free(c);
  /* steps of gd are not the flow, and a loose --rtol has its own gap */
  c = run_of(WITH("param=mw", "method=gd", "n=6", "d=9", "t-end=20"));
  verdict_is(c, "yes", "gd", NULL);
  ms_check_free(c);
  c = run_of(WITH("param=mw", "rtol=1e-4", "n=6", "d=9", "t-end=20"));
  verdict_is(c, "yes", "rtol", NULL);
  ms_check_free(c);
}
END_TEST

/* The same kinks in a run; its gradient flow is no mirror flow, though the model integrates one. */
START_TEST(kinks_of_a_run) {
  ms_check *c = run_of(
      WITH("param=custom", "formula=1-8: a*b | abs(a)*b", "n=6", "d=9", "seed=3", "t-end=0.01"));
  ck_assert_str_eq(ms_check_verdict(c, NULL), "no");
  ck_assert_double_eq_tol(entry_of(c, "kinks_of_g_crossed"), 1, 1e-9);
  ms_check_free(c);
}
END_TEST

/* The gradient flow stops before the mirror flow does: what was seen until then counts. */
START_TEST(a_gradient_flow_that_stops) {
  ms_check *c = run_of(
      WITH("param=steepest", "exponent=1.2", "depth=5", "n=6", "d=9", "t-end=20", "max-steps=60"));
  const char *reason;
  ms_check_verdict(c, &reason);
  ck_assert_msg(strstr(reason, "no Euclidean gradient flow"), "%s", reason);
  ms_check_free(c);
}
END_TEST

/* A slow flow is looked at as far as it comes in some thousand steps. */
START_TEST(a_check_ends) {
  ms_check *c = run_of(WITH("param=custom", "formula=1-5: a^2-b^2 | a*b*c", "max-steps=300"));
  verdict_is(c, "no", "a^2-b^2 | a*b*c", NULL);
  ms_summary e = {0};
  bool early = false;
  for (size_t k = 0; ms_check_at(c, k, &e); k++)
    early = early || (strcmp(e.key, "ended_early") == 0 && strstr(e.text, "--max-steps"));
  ck_assert(early);
  ms_check_free(c);
  if (test_quick())
    return;
  c = run_of(WITH("param=custom", "formula=1-5: a^2-b^2 | a*b*c"));
  verdict_is(c, "no", "a^2-b^2 | a*b*c", NULL);
  ms_check_free(c);
}
END_TEST

Suite *verdicts_suite(void) {
  Suite *suite = suite_create("verdicts");
  TCase *tc = tcase_create("verdicts");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, verdicts_hold_along_flows);
  tcase_add_test(tc, flows_part_where_the_verdict_is_no);
  tcase_add_test(tc, zeros_are_numerical);
  tcase_add_test(tc, kinks_of_g);
  tcase_add_test(tc, what_a_kink_of_g_forgets);
  tcase_add_test(tc, kinks_beside_a_warp);
  tcase_add_test(tc, every_coordinate_has_its_own_formula);
  tcase_add_test(tc, two_degrees_have_no_common_clock);
  tcase_add_test(tc, flows_that_are_not_euclidean);
  tcase_add_test(tc, no_claim_that_nobody_made);
  tcase_add_test(tc, kinks_of_a_run);
  tcase_add_test(tc, a_gradient_flow_that_stops);
  tcase_add_test(tc, a_check_ends);
  suite_add_tcase(suite, tc);
  return suite;
}
