/* The integrator on systems with known answers, and the flows against each other and against a
 * third, naive integration. */
#include "../src/flow.h"
#include "tests.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- The integrator alone ------------------------------------------------------------------- */

typedef struct toy {
  double rate, break_at, from, to, blow_after, finish_at;
  double gamma, jacobian;
  bool nan;
} toy;

/* dy/dt = rate (y - cos t) - sin t: solution cos t; after break_at the equation is dy/dt = 0. */
static int toy_rhs(void *self, double t, const double *y, double *ydot) {
  toy *s = self;
  ydot[0] = s->from >= s->break_at ? 0 : s->rate * (y[0] - cos(t)) - sin(t);
  if (s->nan && t > 0.5)
    ydot[0] = NAN;
  return t > s->blow_after ? 1 : 0;
}

static int toy_prepare(void *self, double t, const double *y, double gamma, bool fresh) {
  toy *s = self;
  (void)t, (void)y, (void)fresh;
  s->jacobian = s->from >= s->break_at ? 0 : s->rate;
  s->gamma = gamma;
  return 0;
}

static int toy_solve(void *self, double *b) {
  toy *s = self;
  b[0] /= 1 - s->gamma * s->jacobian;
  return 0;
}

static double toy_tolerance_value = 1e-9;

static void toy_tolerance(void *self, double t, const double *y, double *tolerance) {
  (void)self, (void)t, (void)y;
  tolerance[0] = toy_tolerance_value;
}

static double toy_break(void *self, double t) {
  const toy *s = self;
  return t < s->break_at ? s->break_at : INFINITY;
}

static void toy_enter(void *self, double from, double to) {
  toy *s = self;
  s->from = from;
  s->to = to;
}

static bool toy_finished(void *self, double t, const double *y) {
  const toy *s = self;
  (void)y;
  return t >= s->finish_at;
}

static void toy_component(void *self, size_t i, char *name, size_t size) {
  (void)self;
  snprintf(name, size, "y[%zu]", i);
}

static ms_ode toy_ode(toy *s) {
  return (ms_ode){.size = 1,
                  .self = s,
                  .rhs = toy_rhs,
                  .prepare = toy_prepare,
                  .solve = toy_solve,
                  .tolerance = toy_tolerance,
                  .next_break = toy_break,
                  .enter = toy_enter,
                  .finished = toy_finished,
                  .component = toy_component};
}

static toy plain(double rate) {
  return (toy){.rate = rate, .break_at = INFINITY, .blow_after = INFINITY, .finish_at = INFINITY};
}

static ms_integrator *start(const ms_method *method, const ms_ode *ode, double y0, double t_end) {
  ms_integrator *in;
  ms_error err;
  ck_assert_int_eq(ms_integrator_new(&in, method, ode, &y0, t_end, 100000, NULL, &err), MS_OK);
  return in;
}

START_TEST(every_method_meets_its_tolerance) {
  for (size_t m = 0; ms_method_at(m) && !ms_method_at(m)->discrete; m++) {
    const ms_method *method = ms_method_at(m);
    double rate = strcmp(method->name, "bdf") == 0 ? -1e5 : -1, previous = 1;
    for (double tolerance = 1e-4; tolerance > 1e-11; tolerance /= 100) {
      toy s = plain(rate);
      ms_ode ode = toy_ode(&s);
      toy_tolerance_value = tolerance;
      ms_integrator *in = start(method, &ode, 1, 10);
      double worst = 0;
      for (double asked = 0.37; asked <= 10; asked += 0.37) {
        double t = asked;
        ms_error err;
        ck_assert_int_eq(ms_integrator_advance(in, &t, &err), MS_OK);
        ck_assert(t == asked);
        worst = fmax(worst, fabs(in->out[0] - cos(t)));
      }
      ck_assert_double_le(worst, 30 * tolerance);
      ck_assert_double_lt(worst, previous);
      previous = worst;
      ms_integrator_free(in);
    }
  }
}
END_TEST

START_TEST(a_discontinuity_is_hit_exactly) {
  for (size_t m = 0; ms_method_at(m) && !ms_method_at(m)->discrete; m++) {
    toy s = plain(-1);
    s.break_at = 1.2345;
    toy_tolerance_value = 1e-10;
    ms_ode ode = toy_ode(&s);
    ms_integrator *in = start(ms_method_at(m), &ode, 1, 1e6);
    ms_error err;
    double t = 1.2345;
    ck_assert_int_eq(ms_integrator_advance(in, &t, &err), MS_OK);
    ck_assert_double_eq_tol(in->out[0], cos(1.2345), 1e-8);
    double frozen = in->out[0];
    t = 9e5;
    ck_assert_int_eq(ms_integrator_advance(in, &t, &err), MS_OK);
    ck_assert(in->out[0] == frozen);
    ck_assert_uint_lt(in->steps, 500);
    ms_integrator_free(in);
  }
}
END_TEST

START_TEST(failures_are_told_with_time_method_and_component) {
  for (size_t m = 0; ms_method_at(m) && !ms_method_at(m)->discrete; m++) {
    const ms_method *method = ms_method_at(m);
    toy_tolerance_value = 1e-8;
    for (int kind = 0; kind < 2; kind++) {
      toy s = plain(-1);
      s.nan = kind == 0;
      s.blow_after = kind == 1 ? 0.5 : INFINITY;
      ms_ode ode = toy_ode(&s);
      ms_integrator *in = start(method, &ode, 1, 2);
      ms_error err = {0};
      double t = 2;
      ms_status status = ms_integrator_advance(in, &t, &err);
      ck_assert_int_lt(status, 0);
      ck_assert_int_eq(status, err.status);
      ck_assert(status == MS_NOT_FINITE || status == MS_STALLED);
      ck_assert_double_le(err.t, 0.5 + 1e-6);
      ck_assert_double_ge(err.t, 0.3);
      ck_assert_ptr_nonnull(strstr(err.message, method->name));
      ck_assert_ptr_nonnull(strstr(err.message, "y[0]"));
      ck_assert(isfinite(in->out[0]));
      ms_integrator_free(in);
    }
  }
}
END_TEST

START_TEST(limits_interrupts_and_ends) {
  static volatile sig_atomic_t flag;
  toy s = plain(-1);
  toy_tolerance_value = 1e-8;
  ms_ode ode = toy_ode(&s);
  ms_error err;
  double t = 5, y0 = 1;
  ms_integrator *in;
  ck_assert_int_eq(ms_integrator_new(&in, ms_method_at(0), &ode, &y0, 5, 3, NULL, &err), MS_OK);
  ck_assert_int_eq(ms_integrator_advance(in, &t, &err), MS_STALLED);
  ck_assert_ptr_nonnull(strstr(err.message, "--max-steps"));
  ck_assert_uint_eq(in->steps, 3);
  ms_integrator_free(in);

  in = start(ms_method_at(0), &ode, 1, 5);
  flag = 1;
  in->interrupt = &flag;
  t = 5;
  ck_assert_int_eq(ms_integrator_advance(in, &t, &err), MS_INTERRUPTED);
  ms_integrator_free(in);

  s.finish_at = 2;
  in = start(ms_method_at(0), &ode, 1, 5);
  t = 1;
  ck_assert_int_eq(ms_integrator_advance(in, &t, &err), MS_OK);
  t = 4;
  ck_assert_int_eq(ms_integrator_advance(in, &t, &err), MS_ENDED);
  ck_assert_double_ge(t, 2);
  ck_assert_double_lt(t, 4);
  ck_assert_double_eq_tol(in->out[0], cos(t), 1e-6);
  ms_integrator_free(in);
}
END_TEST

/* ---- Flows ---------------------------------------------------------------------------------- */

static ms_run *run_with(const char *const settings[][2], size_t count) {
  ms_config *cfg = ms_config_new();
  ms_error err;
  ms_run *run;
  for (size_t i = 0; i < count; i++)
    if (ms_config_set(cfg, settings[i][0], settings[i][1], settings[i][0], &err) != MS_OK)
      ck_abort_msg("%s", err.message);
  if (ms_run_new(&run, cfg, &err) != MS_OK)
    ck_abort_msg("%s", err.message);
  ms_config_free(cfg);
  return run;
}

/* x(t) of a small problem by classical Runge-Kutta steps in w, written out anew. */
typedef struct naive {
  bool uv;
  const char *schedule;
  double alpha0, T;
} naive;

enum { N = 2, D = 3 };
static const double naive_Z[D][N] = {{1.0, 0.3}, {-0.4, 0.8}, {0.5, 0.6}};
static const double naive_y[N] = {1.0, -0.5};

static double naive_alpha(const naive *s, double t, double piece_end) {
  if (strcmp(s->schedule, "step") == 0)
    return piece_end <= s->T ? s->alpha0 : 0;
  if (strcmp(s->schedule, "linear") == 0)
    return t < s->T ? s->alpha0 * (1 - t / s->T) : 0;
  return s->alpha0 / (1 + t / (s->T / 2)); /* harmonic */
}

static void naive_slope(const naive *s, double t, double piece_end, const double *w, double *dw) {
  double x[D], r[N];
  for (int j = 0; j < D; j++)
    x[j] = s->uv ? w[j] * w[j] - w[D + j] * w[D + j] : w[j] * w[D + j];
  for (int i = 0; i < N; i++) {
    r[i] = -naive_y[i];
    for (int j = 0; j < D; j++)
      r[i] += naive_Z[j][i] * x[j];
  }
  double alpha = naive_alpha(s, t, piece_end);
  for (int j = 0; j < D; j++) {
    double g = (naive_Z[j][0] * r[0] + naive_Z[j][1] * r[1]) / N;
    dw[j] = -g * (s->uv ? 2 * w[j] : w[D + j]) - 2 * alpha * w[j];
    dw[D + j] = -g * (s->uv ? -2 * w[D + j] : w[j]) - 2 * alpha * w[D + j];
  }
}

static void naive_flow(const naive *s, double from, double to, double *w) {
  enum { STEPS = 20000 };
  double h = (to - from) / STEPS, k[4][2 * D], v[2 * D];
  for (int n = 0; n < STEPS; n++) {
    double t = from + n * h;
    naive_slope(s, t, to, w, k[0]);
    for (int i = 0; i < 2 * D; i++)
      v[i] = w[i] + h / 2 * k[0][i];
    naive_slope(s, t + h / 2, to, v, k[1]);
    for (int i = 0; i < 2 * D; i++)
      v[i] = w[i] + h / 2 * k[1][i];
    naive_slope(s, t + h / 2, to, v, k[2]);
    for (int i = 0; i < 2 * D; i++)
      v[i] = w[i] + h * k[2][i];
    naive_slope(s, t + h, to, v, k[3]);
    for (int i = 0; i < 2 * D; i++)
      w[i] += h / 6 * (k[0][i] + 2 * k[1][i] + 2 * k[2][i] + k[3][i]);
  }
}

START_TEST(flows_agree_with_a_naive_integration) {
  char folder[] = "/tmp/mirrorsim-flow-XXXXXX", data[64];
  ck_assert_ptr_nonnull(mkdtemp(folder));
  snprintf(data, sizeof data, "%s/data.csv", folder);
  FILE *file = fopen(data, "w");
  fprintf(file, "y,a,b,c\n1.0,1.0,-0.4,0.5\n-0.5,0.3,0.8,0.6\n");
  fclose(file);
  static const char *const schedules[] = {"step", "linear", "harmonic"}, *const params[] = {"mw",
                                                                                            "uv"};
  static const char *const states[] = {"sample-dual", "dual"};
  for (int p = 0; p < 2; p++)
    for (int k = 0; k < 3; k++)
      for (int form = 0; form < 2; form++) {
        /* harmonic: no --wd-off, so T = t_end / 2 = 2 and tau = 1 */
        naive s = {p == 1, schedules[k], 0.3, 2};
        double beta = 0.2, x0 = 0.1, w[2 * D], t_end = 4;
        for (int j = 0; j < D; j++) {
          double sum = sqrt(x0 * x0 + beta * beta);
          w[j] = s.uv ? sqrt((sum + x0) / 2) : sqrt(sum + beta);
          w[D + j] = s.uv ? sqrt((sum - x0) / 2) : x0 / w[j];
        }
        naive_flow(&s, 0, s.T, w);
        naive_flow(&s, s.T, t_end, w);
        const char *const settings[][2] = {
            {"data", data},         {"param", params[p]}, {"wd-schedule", schedules[k]},
            {"wd", "0.3"},          {"t-end", "4"},       {"init-scale", "0.2"},
            {"init-x", "0.1"},      {"rtol", "1e-11"},    {"flow", "both"},
            {"state", states[form]}};
        ms_run *run = run_with(settings, sizeof settings / sizeof *settings);
        ms_error err;
        for (size_t i = 0; i < ms_run_points(run); i++)
          ck_assert_int_ge(ms_run_advance(run, i, &err), 0);
        size_t d;
        const double *x = ms_run_x(run, &d);
        ck_assert_uint_eq(d, D);
        for (int j = 0; j < D; j++) {
          double exact = s.uv ? w[j] * w[j] - w[D + j] * w[D + j] : w[j] * w[D + j];
          ck_assert_double_eq_tol(x[j], exact, 1e-9);
        }
        ck_assert_int_eq(ms_run_finish(run, MS_OK, NULL, &err), MS_OK);
        ck_assert_double_le(ms_run_summary(run, "gf_mf_gap"), 1e-8);
        ck_assert_double_le(ms_run_summary(run, "invariant_drift"), 1e-9);
        ms_run_free(run);
      }
  remove(data);
  remove(folder);
}
END_TEST

/* The Newton matrices of all forms against differences of their right-hand sides. */
START_TEST(newton_matrices_are_those_of_the_right_hand_sides) {
  const char *const settings[][2] = {
      {"n", "4"},        {"d", "6"},     {"noise", "0.5"},         {"init-scale", "0.7"},
      {"init-x", "0.3"}, {"t-end", "3"}, {"wd-schedule", "linear"}};
  for (int p = 0; p < 2; p++) {
    ms_config *cfg = ms_config_new();
    ms_error err;
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
      ms_config_set(cfg, settings[i][0], settings[i][1], "test", &err);
    ms_problem *problem;
    ck_assert_int_eq(ms_problem_new(&problem, cfg, &err), MS_OK);
    ms_schedule *schedule;
    ck_assert_int_eq(ms_schedule_new(&schedule, cfg, 0.3, 1.5, &err), MS_OK);
    double ln_beta[6], kappa[6];
    for (int j = 0; j < 6; j++) {
      ln_beta[j] = log(0.7) - 0.2 * j;
      kappa[j] = 0.3 - 0.1 * j;
    }
    ms_setup setup = {.problem = problem,
                      .param = ms_param_at((size_t)p),
                      .start = {ln_beta, kappa},
                      .schedule = schedule,
                      .method = ms_method_at(0),
                      .t_end = 3,
                      .rtol = 1e-8,
                      .gradient_scale = 1,
                      .step_limit = 1000};
    for (size_t c = 0; ms_flow_class_at(c); c++) {
      ms_flow *flow;
      ck_assert_int_eq(ms_flow_new(&flow, ms_flow_class_at(c), &setup, &err), MS_OK);
      size_t size = flow->ode.size;
      double y[12], b[12], low[12], high[12], gamma = 0.37, t = 0.8;
      flow->ode.enter(flow, 0, 1.5);
      for (size_t i = 0; i < size; i++)
        y[i] = flow->integrator->y[i] + 0.1 * sin(3.0 * (double)i + 1);
      for (size_t k = 0; k < size; k++) {
        /* M e_k by differences, then M^-1 must give e_k back */
        double h = 1e-5, at = y[k];
        y[k] = at + h;
        ck_assert_int_eq(flow->ode.rhs(flow, t, y, high), 0);
        y[k] = at - h;
        ck_assert_int_eq(flow->ode.rhs(flow, t, y, low), 0);
        y[k] = at;
        for (size_t i = 0; i < size; i++)
          b[i] = (i == k) - gamma * (high[i] - low[i]) / (2 * h);
        ck_assert_int_eq(flow->ode.prepare(flow, t, y, 0.1, true), 0);
        ck_assert_int_eq(flow->ode.prepare(flow, t, y, gamma, false), 0);
        ck_assert_int_eq(flow->ode.solve(flow, b), 0);
        for (size_t i = 0; i < size; i++)
          ck_assert_double_eq_tol(b[i], i == k ? 1 : 0, 1e-8);
      }
      ms_flow_free(flow);
    }
    ms_schedule_free(schedule);
    ms_problem_free(problem);
    ms_config_free(cfg);
  }
}
END_TEST

/* beta = 1e-300, n = d = 1, y = 1, alpha rising from 0: the exponent 2t - 4A - 690 rises above 0
 * and sinks again, so x comes to its equilibrium and goes, within what looks like one long plateau.
 */
START_TEST(no_step_jumps_over_a_transition) {
  char folder[] = "/tmp/mirrorsim-flow-XXXXXX", data[64], knots[64];
  ck_assert_ptr_nonnull(mkdtemp(folder));
  snprintf(data, sizeof data, "%s/data.csv", folder);
  snprintf(knots, sizeof knots, "%s/knots.csv", folder);
  FILE *file = fopen(data, "w");
  fprintf(file, "y,a\n1,1\n");
  fclose(file);
  file = fopen(knots, "w");
  fprintf(file, "t,alpha\n0,0\n3000,1\n");
  fclose(file);
  for (int form = 0; form < 2; form++)
    for (double rtol = 1e-3; rtol > 1e-10; rtol /= 100) {
      char rtol_text[32];
      snprintf(rtol_text, sizeof rtol_text, "%g", rtol);
      const char *const settings[][2] = {
          {"data", data},      {"wd-schedule", "file"},  {"wd-file", knots},
          {"t-end", "3000"},   {"init-scale", "1e-300"}, {"state", form ? "dual" : "sample-dual"},
          {"rtol", rtol_text}, {"points", "31"}};
      ms_run *run = run_with(settings, sizeof settings / sizeof *settings);
      ms_error err;
      for (size_t i = 0; i < ms_run_points(run); i++) {
        ck_assert_int_ge(ms_run_advance(run, i, &err), MS_OK); /* it may end at the last one */
        /* well inside, x is the equilibrium of (1 - x) = 2 alpha, alpha = t/3000 */
        double t = ms_run_t(run);
        size_t d;
        double x = ms_run_x(run, &d)[0];
        if (t > 600 && t < 1400)
          ck_assert_msg(fabs(x - (1 - 2 * t / 3000)) < 0.01, "rtol %g: x(%g) = %g", rtol, t, x);
        if (t < 300 || t > 2000)
          ck_assert_msg(fabs(x) < 1e-6, "rtol %g: x(%g) = %g", rtol, t, x);
      }
      ms_run_free(run);
    }
  remove(data);
  remove(knots);
  remove(folder);
}
END_TEST

Suite *flow_suite(void) {
  Suite *suite = suite_create("flow");
  TCase *integrator = tcase_create("integrator");
  tcase_add_test(integrator, every_method_meets_its_tolerance);
  tcase_add_test(integrator, a_discontinuity_is_hit_exactly);
  tcase_add_test(integrator, failures_are_told_with_time_method_and_component);
  tcase_add_test(integrator, limits_interrupts_and_ends);
  suite_add_tcase(suite, integrator);
  TCase *flows = tcase_create("flows");
  tcase_set_timeout(flows, 120);
  tcase_add_test(flows, flows_agree_with_a_naive_integration);
  tcase_add_test(flows, no_step_jumps_over_a_transition);
  tcase_add_test(flows, newton_matrices_are_those_of_the_right_hand_sides);
  suite_add_tcase(suite, flows);
  return suite;
}
