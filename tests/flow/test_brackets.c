/* Which pairs (g, h) have a mirror flow, and which have none. */
#include "factored/factored.h"
#include "integrate/integrator.h"
#include "tests.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double entry_of(const ms_check *c, const char *key) {
  ms_summary e;
  for (size_t i = 0; ms_check_at(c, i, &e); i++)
    if (strcmp(e.key, key) == 0)
      return e.value;
  ck_abort_msg("no entry %s", key);
}

static void verdict_is(const ms_check *c, const char *expected, const char *what) {
  const char *reason, *found = ms_check_verdict(c, &reason);
  ck_assert_msg(strcmp(found, expected) == 0, "%s: %s, not %s (%s)", what, found, expected, reason);
  ms_check_claim claim;
  for (size_t i = 0; ms_check_claim_at(c, i, &claim); i++)
    ck_assert_msg(claim.holds, "%s: %s: %s", what, claim.text, claim.found);
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

START_TEST(pairs_of_the_literature) {
  const struct {
    const char *g, *h, *verdict;
  } all[] = {
      {"m*w", NULL, "yes"},
      {"m1*w1, m2*w2, m3*w3", "m1^2+w1^2+m2^2+w2^2+m3^2+w3^2", "yes"},
      {"m*w1, m*w2", NULL, "no"}, /* one mask for a neuron's weights: no mirror flow */
      {"m*w", "m^2", "no"},       /* decay on the mask alone */
      {"m*w", "abs(m)", "no"},
      {"w", "abs(w)", "no"}, /* all brackets vanish, but at the kink */
      {"a, b", "abs(a-b)", "no"},
      {"w", "max(0.3*w, -0.7*w)", "no"},
      {"u", "abs(v)", "yes"},      /* g does not point across the kink */
      {"u", "max(u, u-1)", "yes"}, /* there is none */
      {"u^2-v^2", NULL, "yes"},
      {"u^4-v^4", NULL, "time-warped"},
      {"u^4-v^4", "u^4+v^4", "yes"}, /* the matched regularizer */
      {"u^4-v^4", "u^2+2*v^2", "no"},
      {"a*b*c", NULL, "time-warped"},
      {"ln(u)-ln(v)", "ln(u)+ln(v)", "yes"},
      {"exp(u)", NULL, "no"}, /* not homogeneous */
      {"u+v", NULL, "time-warped"},
      {"u*v, u+v", NULL, "no"},
      {"u^2+v^2, 2*u*v", NULL, "yes"}, /* quadratics whose matrices commute */
      {"u^2-v^2, 2*u*v", NULL, "no"},  /* and such as do not */
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    ms_check *c = formulas(all[i].g, all[i].h);
    verdict_is(c, all[i].verdict, all[i].g);
    ms_check_free(c);
  }
}
END_TEST

/* [grad x_1, grad x_2] of x = m w: (0, w_1 e_2 - w_2 e_1) up to the sign, by hand. */
START_TEST(bracket_of_the_neuron_mask) {
  ms_check *c = formulas("m*w1, m*w2", NULL);
  ck_assert_double_gt(entry_of(c, "visible_defect"), 0.1);
  ck_assert_double_lt(entry_of(c, "decay_defect"), 1e-12);
  ms_check_free(c);
  c = formulas("m1*w1, m2*w2", NULL);
  ck_assert_double_lt(entry_of(c, "commutation_defect"), 1e-12);
  ms_check_free(c);
  /* of quadratics <w, A w>/2 and <w, B w>/2 it is (BA - AB) w: with A = diag(2, -2) and
   * B = (0 2; 2 0) of length 8 |w|, the gradients of length 2 |w| */
  c = formulas("u^2-v^2, 2*u*v", NULL);
  ck_assert_double_eq_tol(entry_of(c, "commutation_defect"), 2, 1e-12);
  ms_check_free(c);
  /* |[grad g, grad h]| |w| / (|grad g| |grad h|) = |2 - L| where g is homogeneous */
  c = formulas("u^5-v^5", NULL);
  ck_assert_double_eq_tol(entry_of(c, "decay_defect"), 3, 1e-12);
  ms_check_free(c);
}
END_TEST

/* a - b = 0 is at 45 degrees from grad a: crossed by 1/sqrt(2) of it. */
START_TEST(kinks) {
  ms_check *c = formulas("a, b", "abs(a-b)");
  ck_assert_double_eq_tol(entry_of(c, "kinks_crossed"), sqrt(0.5), 1e-12);
  ck_assert(entry_of(c, "decay_defect") == 0);
  const char *reason;
  ms_check_verdict(c, &reason);
  ck_assert_ptr_nonnull(strstr(reason, "Off the kinks of h all brackets vanish"));
  ms_check_free(c);
  const char *const smooth[][2] = {{"u", "abs(v)"}, {"u", "abs(u)^2"}, {"u", "abs(u)^2 + u"}};
  for (int k = 0; k < 3; k++) { /* not across, and no kinks after all */
    c = formulas(smooth[k][0], smooth[k][1]);
    ck_assert(entry_of(c, "kinks_crossed") == 0);
    ms_check_free(c);
  }
  c = run_of(WITH("param=plain", "n=6", "d=9"));
  verdict_is(c, "no", "plain");
  ck_assert_double_eq_tol(entry_of(c, "kinks_crossed"), 1, 1e-12);
  ck_assert(entry_of(c, "decay_defect") == 0);
  ms_check_free(c);
  c = run_of(WITH("param=mask", "n=6", "d=9"));
  verdict_is(c, "no", "mask");
  ck_assert_double_gt(entry_of(c, "decay_defect"), 0.1);
  ck_assert_double_lt(entry_of(c, "commutation_defect"), 1e-12);
  ms_check_free(c);
}
END_TEST

/* x = w and h = |w| by hand, alpha = 1: a pull of 2 for half of the time and none for the other. Up
 * to where x meets 0, R_a = (x - x0)^2/2 - a |x| explains it; two orders of the same pulls, so the
 * same mu and the same dose, do not end at the same x. */
START_TEST(what_a_kink_forgets) {
  const double alpha = 1, dt = 1e-4;
  double end[2], off = 0;
  for (int first = 0; first < 2; first++) {
    double x = 0, mu = 0, dose = 0;
    for (int k = 0; k < 10000; k++) {
      double pull = (k < 5000) == (first == 0) ? 2 : 0;
      x += dt * pull;
      x = copysign(fmax(fabs(x) - dt * alpha, 0), x);
      mu += dt * pull;
      dose += dt * alpha;
      if (first == 0 && k < 9990) /* never at 0 since it left it */
        off = fmax(off, fabs(mu - (x + dose)));
    }
    ck_assert_double_eq_tol(mu, 1, 1e-9);
    end[first] = x;
  }
  ck_assert_double_le(off, 1e-9);
  ck_assert_double_le(fabs(end[0]), 1e-3);
  ck_assert_double_eq_tol(end[1], 0.5, 1e-3);
}
END_TEST

START_TEST(models) {
  const struct {
    const char *const *settings;
    const char *verdict;
  } all[] = {
      {WITH("model=diag", "n=6", "d=9"), "yes"},
      {WITH("param=uv", "n=6", "d=9"), "yes"},
      {WITH("param=matched", "depth=4", "n=6", "d=9", "t-end=20"), "yes"},
      {WITH("param=power", "depth=3", "n=6", "d=9", "t-end=20"), "time-warped"},
      {WITH("param=deep", "depth=3", "n=6", "d=9", "t-end=20"), "time-warped"},
      {WITH("model=sensing", "rows=6", "measure=commuting", "t-end=50"), "yes"},
      {WITH("model=sensing", "rows=6", "measure=commuting", "factors=symmetric", "init=gaussian",
            "t-end=50"),
       "yes"},
      {WITH("model=sensing", "rows=6", "measure=gaussian", "t-end=50"), "no"},
      {WITH("model=sensing", "rows=12", "measure=entries", "t-end=50"), "no"},
      {WITH("model=sensing", "rows=6", "measure=rank-one", "factors=symmetric", "t-end=50"), "no"},
      {WITH("model=sensing", "rows=6", "factors=general", "t-end=50"), "no"},
      {WITH("model=sensing", "rows=6", "factors=general", "depth=3", "init=gaussian", "t-end=50"),
       "no"},
      {WITH("model=sensing", "rows=6", "factors=general", "depth=1", "t-end=50"), "time-warped"},
      {WITH("model=sensing", "rows=6", "factors=diagonal", "t-end=50"), "yes"},
      {WITH("model=lora", "rows=6", "t-end=50"), "no"},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
    char what[32];
    if (test_quick() && i % 4)
      continue;
    snprintf(what, sizeof what, "model %zu", i);
    ms_check *c = run_of(all[i].settings);
    verdict_is(c, all[i].verdict, what);
    ms_check_free(c);
  }
}
END_TEST

/* Where the spectral flow is no flow of the factors, the gap says so, too. */
START_TEST(gap_of_sensing) {
  ms_check *c = run_of(WITH("model=sensing", "rows=6", "t-end=50"));
  ck_assert_double_gt(entry_of(c, "gf_mf_gap"), 1e-3);
  ck_assert_double_gt(entry_of(c, "commutation_defect_start"), 0.1);
  ms_check_free(c);
  c = run_of(WITH("model=sensing", "rows=6", "measure=commuting", "t-end=50"));
  ck_assert_double_lt(entry_of(c, "gf_mf_gap"), 1e-6);
  char *json = ms_check_json(c);
  ck_assert_ptr_nonnull(strstr(json, "\"mirror_flow\": \"yes\""));
  ck_assert_ptr_nonnull(strstr(json, "\"holds\": true"));
  free(json);
  ms_check_free(c);
}
END_TEST

/* Two coordinates x = m w on f = (p_1 (x_1 - 1)^2 + p_2 (x_2 - 1)^2)/2, and the integrals of grad
 * f: y = (m_1, m_2, w_1, w_2, L_1, L_2), decay alpha on m and share * alpha on w. */
typedef struct masks {
  double share;
} masks;

static const double PULL[2] = {1, 0.3}, ALPHA = 0.1;

static int masks_rhs(void *self, double t, const double *y, double *out) {
  const masks *s = self;
  (void)t;
  for (int j = 0; j < 2; j++) {
    double m = y[j], w = y[2 + j], g = PULL[j] * (m * w - 1);
    out[j] = -g * w - 2 * ALPHA * m;
    out[2 + j] = -g * m - 2 * s->share * ALPHA * w;
    out[4 + j] = g;
  }
  return 0;
}

static void masks_tolerance(void *self, double t, const double *y, double *tolerance) {
  (void)self, (void)t, (void)y;
  for (int i = 0; i < 6; i++)
    tolerance[i] = 1e-11;
}

static double no_break(void *self, double t) {
  (void)self, (void)t;
  return INFINITY;
}

static void masks_component(void *self, size_t i, char *name, size_t size) {
  (void)self;
  snprintf(name, size, "y[%zu]", i);
}

static void no_enter(void *self, double from, double to) {
  (void)self, (void)from, (void)to;
}

static bool never(void *self, double t, const double *y) {
  (void)self, (void)t, (void)y;
  return false;
}

/* x_j = beta sinh(-2 L_j + kappa_j) must hold for both j with one beta = beta_0 e^{4a(t)}: how far
 * from that, at best, over a(t), at t = 5. */
static double mirror_identity_residual(double share) {
  masks s = {share};
  ms_ode ode = {.size = 6,
                .self = &s,
                .rhs = masks_rhs,
                .tolerance = masks_tolerance,
                .next_break = no_break,
                .enter = no_enter,
                .finished = never,
                .component = masks_component};
  const ms_method *adams = NULL;
  for (size_t i = 0; ms_method_at(i); i++)
    if (strcmp(ms_method_at(i)->name, "adams") == 0)
      adams = ms_method_at(i);
  const double y0[6] = {1.2, 1.5, 0.4, -0.3, 0, 0};
  double t = 5, best = INFINITY;
  ms_integrator *in;
  ms_error err = {0};
  ck_assert_int_eq(ms_integrator_new(&in, adams, &ode, y0, t, 100000, NULL, &err), MS_OK);
  ck_assert_msg(ms_integrator_advance(in, &t, &err) >= 0, "%s", err.message);
  double x[2], beta0[2], kappa[2];
  for (int j = 0; j < 2; j++) {
    x[j] = in->out[j] * in->out[2 + j];
    beta0[j] = (y0[j] * y0[j] - y0[2 + j] * y0[2 + j]) / 2;
    kappa[j] = log((y0[j] + y0[2 + j]) / (y0[j] - y0[2 + j]));
  }
  for (double a = 0; a > -2; a -= 1e-5) {
    double residual = 0;
    for (int j = 0; j < 2; j++)
      residual =
          fmax(residual, fabs(x[j] - beta0[j] * exp(4 * a) * sinh(-2 * in->out[4 + j] + kappa[j])));
    best = fmin(best, residual);
  }
  ms_integrator_free(in);
  return best;
}

START_TEST(decay_on_the_mask_alone_has_no_mirror_identity) {
  ck_assert_double_lt(mirror_identity_residual(1), 1e-4); /* a in steps of 1e-5 */
  ck_assert_double_gt(mirror_identity_residual(0), 1e-2);
}
END_TEST

START_TEST(wrong_requests) {
  ms_config *cfg = ms_config_new();
  ms_check *c;
  ms_error err = {0};
  const char *bad[][2] = {{"m*", NULL},  {"", NULL},          {"1", NULL},
                          {"m*w", "n)"}, {"m,,w", NULL},      {"a+b+c+d+e+f+g+i+j", NULL},
                          {NULL, "m^2"}, {"ln(-1-u^2)", NULL}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    ck_assert_msg(ms_check_new(&c, cfg, bad[i][0], bad[i][1], NULL, &err) == MS_BAD_SETTING && !c,
                  "%zu is accepted", i);
    ck_assert_msg(strncmp(err.message, "--g", 3) == 0 || strncmp(err.message, "--h", 3) == 0, "%s",
                  err.message);
  }
  ck_assert_int_eq(ms_config_set(cfg, "model", "network", "--model", &err), MS_OK);
  ck_assert_int_eq(ms_check_new(&c, cfg, NULL, NULL, NULL, &err), MS_UNSUPPORTED);
  ms_config_free(cfg);
}
END_TEST

Suite *brackets_suite(void) {
  Suite *suite = suite_create("brackets");
  TCase *tc = tcase_create("commute");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, pairs_of_the_literature);
  tcase_add_test(tc, bracket_of_the_neuron_mask);
  tcase_add_test(tc, kinks);
  tcase_add_test(tc, what_a_kink_forgets);
  tcase_add_test(tc, models);
  tcase_add_test(tc, gap_of_sensing);
  tcase_add_test(tc, decay_on_the_mask_alone_has_no_mirror_identity);
  tcase_add_test(tc, wrong_requests);
  suite_add_tcase(suite, tc);
  return suite;
}
