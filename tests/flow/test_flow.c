/* The integrator on systems with known answers, and the flows against each other and against a
 * third, naive integration. */
#include "param/hyperbolic.h"
#include "run/run.h"
#include "tests.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- The integrator alone ------------------------------------------------------------------- */

typedef struct toy {
  double rate, break_at, again, from, to, blow_after, finish_at; /* again: a second break */
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
  return t < s->break_at ? s->break_at : t < s->again ? s->again : INFINITY;
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

static void advance(ms_integrator *in, double to) {
  double t = to;
  ms_error err;
  ck_assert_int_eq(ms_integrator_advance(in, &t, &err), MS_OK);
  ck_assert(t == to);
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
      for (double t = 0.37; t <= 10; t += 0.37) {
        advance(in, t);
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
    advance(in, s.break_at);
    ck_assert_double_eq_tol(in->out[0], cos(1.2345), 1e-8);
    double frozen = in->out[0];
    advance(in, 9e5);
    ck_assert(in->out[0] == frozen);
    ck_assert_uint_lt(in->steps, 500);
    ms_integrator_free(in);
  }
}
END_TEST

/* ... also one within rounding of another, and y may jump there. */
START_TEST(the_state_may_jump_at_a_discontinuity) {
  for (size_t m = 0; ms_method_at(m) && !ms_method_at(m)->discrete; m++) {
    toy s = plain(-1);
    s.break_at = 1.2345;
    s.again = nextafter(s.break_at, 2);
    toy_tolerance_value = 1e-10;
    ms_ode ode = toy_ode(&s);
    ms_integrator *in = start(ms_method_at(m), &ode, 1, 1e6);
    advance(in, s.break_at);
    advance(in, s.again);
    ck_assert(in->t == s.again);
    in->y[0] = 7;
    ms_integrator_jump(in);
    advance(in, s.again);
    ck_assert(in->out[0] == 7);
    advance(in, 9e5);
    ck_assert(in->out[0] == 7);
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
  ck_assert_int_eq(ms_integrator_new(&in, &ms_method_bdf, &ode, &y0, 5, 3, NULL, &err), MS_OK);
  ck_assert_int_eq(ms_integrator_advance(in, &t, &err), MS_STALLED);
  ck_assert_ptr_nonnull(strstr(err.message, "--max-steps"));
  ck_assert_uint_eq(in->steps, 3);
  ms_integrator_free(in);

  in = start(&ms_method_bdf, &ode, 1, 5);
  flag = 1;
  in->interrupt = &flag;
  t = 5;
  ck_assert_int_eq(ms_integrator_advance(in, &t, &err), MS_INTERRUPTED);
  ms_integrator_free(in);

  s.finish_at = 2;
  in = start(&ms_method_bdf, &ode, 1, 5);
  advance(in, 1);
  t = 4;
  ck_assert_int_eq(ms_integrator_advance(in, &t, &err), MS_ENDED);
  ck_assert_double_ge(t, 2);
  ck_assert_double_lt(t, 4);
  ck_assert_double_eq_tol(in->out[0], cos(t), 1e-6);
  ms_integrator_free(in);
}
END_TEST

/* ---- Flows ---------------------------------------------------------------------------------- */

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

static double naive_x(const naive *s, const double *w, int j) {
  return s->uv ? w[j] * w[j] - w[D + j] * w[D + j] : w[j] * w[D + j];
}

/* The weights of x and beta. */
static void naive_start(const naive *s, const double *x, double beta, double *w) {
  for (int j = 0; j < D; j++) {
    double sum = sqrt(x[j] * x[j] + beta * beta);
    w[j] = s->uv ? sqrt((sum + x[j]) / 2) : sqrt(sum + beta);
    w[D + j] = s->uv ? sqrt((sum - x[j]) / 2) : x[j] / w[j];
  }
}

/* The setting of a file with the problem. */
static const char *naive_data(void) {
  return test_text("data=%s",
                   test_file("data.csv", "y,a,b,c\n1.0,1.0,-0.4,0.5\n-0.5,0.3,0.8,0.6\n"));
}

START_TEST(flows_agree_with_a_naive_integration) {
  const char *data = naive_data();
  static const char *const schedules[] = {"step", "linear", "harmonic"}, *const params[] = {"mw",
                                                                                            "uv"};
  static const char *const states[] = {"sample-dual", "dual"};
  for (int p = 0; p < 2; p++)
    for (int k = 0; k < 3; k++)
      for (int form = 0; form < 2; form++) {
        /* harmonic: no --wd-off, so T = t_end / 2 = 2 and tau = 1 */
        naive s = {p == 1, schedules[k], 0.3, 2};
        double w[2 * D], t_end = 4;
        naive_start(&s, (const double[]){0.1, 0.1, 0.1}, 0.2, w);
        naive_flow(&s, 0, s.T, w);
        naive_flow(&s, s.T, t_end, w);
        ms_run *run =
            test_whole("diag", WITH(data, test_text("param=%s", params[p]),
                                    test_text("wd-schedule=%s", schedules[k]), "wd=0.3", "t-end=4",
                                    "init-scale=0.2", "init-x=0.1", "rtol=1e-11", "flow=both",
                                    test_text("state=%s", states[form])));
        size_t d;
        const double *x = ms_run_x(run, &d);
        ck_assert_uint_eq(d, D);
        for (int j = 0; j < D; j++)
          ck_assert_double_eq_tol(x[j], naive_x(&s, w, j), 1e-9);
        ck_assert_double_le(ms_run_summary(run, "gf_mf_gap"), 1e-8);
        ck_assert_double_le(ms_run_summary(run, "invariant_drift"), 1e-9);
        ms_run_free(run);
      }
}
END_TEST

/* The Newton matrices of all forms against differences of their right-hand sides. */
START_TEST(newton_matrices_are_those_of_the_right_hand_sides) {
  for (int p = 0; p < 2; p++) {
    ms_config *cfg = test_config(WITH("n=4", "d=6", "noise=0.5", "init-scale=0.7", "init-x=0.3",
                                      "t-end=3", "wd-schedule=linear"));
    ms_error err;
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
                      .method = &ms_method_bdf,
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
  const char *data = test_text("data=%s", test_file("data.csv", "y,a\n1,1\n")),
             *knots = test_text("wd-file=%s", test_file("knots.csv", "t,alpha\n0,0\n3000,1\n"));
  for (int form = 0; form < 2; form++)
    for (double rtol = 1e-3; rtol > 1e-10; rtol /= 100) {
      ms_run *run =
          test_new("diag", WITH(data, "wd-schedule=file", knots, "t-end=3000", "init-scale=1e-300",
                                form ? "state=dual" : "state=sample-dual",
                                test_text("rtol=%g", rtol), "points=31"));
      ms_status status = MS_OK;
      while (test_step(run, &status)) {
        /* well inside, x is the equilibrium of (1 - x) = 2 alpha, alpha = t/3000 */
        double t = ms_run_t(run);
        size_t d;
        double x = ms_run_x(run, &d)[0];
        if (t > 600 && t < 1400)
          ck_assert_msg(fabs(x - (1 - 2 * t / 3000)) < 0.01, "rtol %g: x(%g) = %g", rtol, t, x);
        if (t < 300 || t > 2000)
          ck_assert_msg(fabs(x) < 1e-6, "rtol %g: x(%g) = %g", rtol, t, x);
      }
      ck_assert_uint_eq(run->recorded, ms_run_points(run));
      ms_run_free(run);
    }
}
END_TEST

/* ---- Every parametrization ------------------------------------------------------------------ */

/* Settings of a scale and an x0 for each of six coordinates. */
typedef struct starts {
  const char *scale, *x0, *positive;
} starts;

static starts starts_of_six(void) {
  return (starts){
      test_text("init-scale=%s", test_file("scale", "0.7\n0.4\n1.1\n0.3\n0.9\n0.5\n")),
      test_text("init-x=%s", test_file("x0", "0.3\n-0.2\n0.05\n-0.4\n0.15\n0.25\n")),
      test_text("init-x=%s", test_file("positive", "0.3\n0.2\n0.05\n0.4\n0.15\n0.25\n"))};
}

/* A run of six coordinates to its end; `depth` "" for the default. */
static ms_run *run_of(const starts *s, const char *param, const char *depth, const char *schedule,
                      const char *wd, const char *flow, const char *state) {
  bool square = strcmp(param, "square") == 0;
  ms_run *run = test_whole(
      "diag", WITH("n=3", "d=6", "seed=5", "noise=0.3", "wd-off=3", "t-end=6", "rtol=1e-9",
                   "points=25", "stop-loss=0", test_text("param=%s", param),
                   test_text("depth=%s", depth), test_text("wd-schedule=%s", schedule),
                   test_text("wd=%s", wd), test_text("flow=%s", flow), test_text("state=%s", state),
                   s->scale, square ? s->positive : s->x0));
  ck_assert_uint_eq(run->recorded, ms_run_points(run));
  return run;
}

static const char *const three_schedules[] = {"linear", "step", "cosine"};
static const char *const both_states[] = {"dual", "sample-dual"};

/* The parametrizations, each at depths 2, 3 and 4 where it has one. alpha0 makes a dose of 3/2 or 3
 * times it; the scale 0.3 of log lives through 0.075. */
static const struct variant {
  const char *param, *depth, *wd;
} variants[] = {
    {"spred", "", "0.3"},    {"mw", "", "0.3"},       {"uv", "", "0.3"},
    {"square", "", "0.3"},   {"log", "", "0.015"},    {"power", "2", "0.3"},
    {"power", "3", "0.3"},   {"power", "4", "0.3"},   {"power", "7", "0.1"},
    {"matched", "2", "0.3"}, {"matched", "3", "0.3"}, {"matched", "4", "0.3"},
    {"matched", "7", "0.3"}, {"deep", "2", "0.3"},    {"deep", "3", "0.3"},
    {"deep", "4", "0.3"},    {"deep", "8", "0.1"},
};
enum { VARIANTS = sizeof variants / sizeof *variants };

static bool is_variant(const char *param) {
  for (size_t i = 0; i < VARIANTS; i++)
    if (strcmp(variants[i].param, param) == 0)
      return true;
  return false;
}

START_TEST(gradient_flow_is_mirror_flow_for_every_parametrization) {
  starts s = starts_of_six();
  for (size_t i = 0; ms_param_at(i); i++) { /* others: test_custom.c, test_optimizers.c */
    const ms_param *p = ms_param_at(i);
    ck_assert_msg(p->at || p->velocity || !p->primal || is_variant(p->name), "%s is not tested",
                  p->name);
  }
  for (size_t i = 0; i < VARIANTS; i++)
    for (int k = 0; k < 3; k++)
      for (int form = 0; form < 2; form++) {
        if (test_quick() && ((int)i + k + form) % 2)
          continue;
        ms_run *run = run_of(&s, variants[i].param, variants[i].depth, three_schedules[k],
                             variants[i].wd, "both", both_states[form]);
        double gap = ms_run_summary(run, "gf_mf_gap");
        ck_assert_msg(gap <= 1e-6, "%s --depth %s, %s, %s: gap %g", variants[i].param,
                      variants[i].depth, three_schedules[k], both_states[form], gap);
        if (run->param.scale)
          ck_assert_double_le(ms_run_summary(run, "invariant_drift"), 1e-7);
        ms_run_free(run);
      }
}
END_TEST

START_TEST(depth_two_runs_as_the_quadratic_ones) {
  starts s = starts_of_six();
  static const char *const pairs[][2] = {{"power", "uv"}, {"matched", "uv"}, {"deep", "mw"}};
  static const char *const flows[] = {"mirror", "gradient"};
  for (int i = 0; i < 3; i++)
    for (int k = 0; k < 3; k++)
      for (int f = 0; f < 2; f++) {
        ms_run *deep = run_of(&s, pairs[i][0], "2", three_schedules[k], "0.3", flows[f], "dual");
        ms_run *flat = run_of(&s, pairs[i][1], "", three_schedules[k], "0.3", flows[f], "dual");
        ck_assert_mem_eq(deep->x, flat->x, 6 * sizeof *deep->x);
        ms_run_free(deep);
        ms_run_free(flat);
      }
}
END_TEST

/* u^4 - v^4 under plain weight decay, and what the theorem for the matched h would make of it: with
 * mu = -int grad f unwarped, x = P^4 - N^4 is wrong in either place where the dose might go. */
START_TEST(weight_decay_that_does_not_commute_needs_the_warp) {
  enum { STEPS = 20000 };
  double beta = 0.5, x0 = 0.2, y = 1, alpha = 0.3, t_end = 0.5, h = t_end / STEPS;
  double kappa = asinh(x0 / beta), u0 = pow(beta / 2 * exp(kappa), 0.25),
         v0 = pow(beta / 2 * exp(-kappa), 0.25);
  /* u, v, mu without the warp, mu with it; f = (x - y)^2/2 */
  double s[4] = {u0, v0, 0, 0};
  for (int n = 0; n < STEPS; n++) {
    double k[4][4], v[4];
    static const double at[] = {0, 0.5, 0.5, 1};
    for (int q = 0; q < 4; q++) {
      for (int i = 0; i < 4; i++)
        v[i] = s[i] + (q ? at[q] * h * k[q - 1][i] : 0);
      double force = y - (pow(v[0], 4) - pow(v[1], 4));
      k[q][0] = force * 4 * pow(v[0], 3) - 2 * alpha * v[0];
      k[q][1] = -force * 4 * pow(v[1], 3) - 2 * alpha * v[1];
      k[q][2] = force;
      k[q][3] = force * exp(-4 * alpha * (n + at[q]) * h);
    }
    for (int i = 0; i < 4; i++)
      s[i] += h / 6 * (k[0][i] + 2 * k[1][i] + 2 * k[2][i] + k[3][i]);
  }
  double A = alpha * t_end, truth = pow(s[0], 4) - pow(s[1], 4), x;
  ms_param power = ms_param_mw, matched = power;
  for (size_t i = 0; ms_param_at(i); i++) {
    power = strcmp(ms_param_at(i)->name, "power") == 0 ? *ms_param_at(i) : power;
    matched = strcmp(ms_param_at(i)->name, "matched") == 0 ? *ms_param_at(i) : matched;
  }
  power.configure(&power, 4);
  matched.configure(&matched, 4);
  double ln_beta = log(beta);
  ms_start start = {&ln_beta, &kappa};
  ck_assert_int_eq(power.primal(&power, &start, 0, 1, -A, &s[3], &x, NULL), 0);
  ck_assert_double_eq_tol(x, truth, 1e-10);
  ck_assert_int_eq(power.primal(&power, &start, 0, 1, -A, &s[2], &x, NULL), 0);
  ck_assert_double_gt(fabs(x - truth), 1e-3);
  double untimed =
      pow(1 / (u0 * u0) - 8 * (s[2] - A), -2) - pow(1 / (v0 * v0) - 8 * (-s[2] - A), -2);
  ck_assert_double_gt(fabs(untimed - truth), 1e-3);
  ck_assert_int_eq(matched.primal(&matched, &start, 0, 1, -A, &s[2], &x, NULL), 0);
  ck_assert_double_eq_tol(x, untimed, 1e-13);
}
END_TEST

/* One coordinate under log, f = (z x - y)^2/2, integrated until it fails: when, with what, and how
 * far mu then is from either end of its domain. */
typedef struct ending {
  ms_status status;
  double t, below, above;
  char message[256];
} ending;

static ending end_of_log(double z, double y, double x0, double wd, const char *state) {
  const char *data = test_text("y,a\n%.17g,%.17g\n", y, z);
  ms_run *run =
      test_new("diag", WITH(test_text("data=%s", test_file("data.csv", data)), "param=log",
                            "init-scale=0.4", test_text("init-x=%g", x0), test_text("wd=%g", wd),
                            "t-end=10", "wd-schedule=constant", "flow=mirror", "points=10001",
                            "rtol=1e-10", test_text("state=%s", state)));
  ms_error err = {0};
  ending end = {0};
  for (size_t i = 0; i < ms_run_points(run) && end.status == MS_OK; i++) {
    end.status = ms_run_advance(run, i, &err);
    ck_assert(isfinite(ms_run_observe(run, "loss")));
  }
  end.t = err.t;
  snprintf(end.message, sizeof end.message, "%.255s", err.message);
  double mu = run->flow->integrator->y[0], low, high;
  if (strcmp(state, "sample-dual") == 0)
    mu *= run->setup.problem->Z->values[0];
  ms_param log_param = run->param;
  log_param.domain(&log_param, log(0.4), x0, -wd * err.t, &low, &high);
  end.below = mu - low;
  end.above = high - mu;
  ms_run_free(run);
  return end;
}

/* Under weight decay for ever u and v of log reach 0, in finite time. */
START_TEST(log_ends_in_finite_time) {
  for (int form = 0; form < 2; form++) {
    /* f keeps x finite: u and v end together, when u^2 + v^2 = u0^2 + v0^2 - 4A is 0 */
    for (double x0 = -0.5; x0 < 1; x0 += 0.5) {
      ending end = end_of_log(1, 0.7, x0, 0.25, both_states[form]);
      ck_assert_msg(end.status == MS_OUT_OF_DOMAIN, "status %d: %s", end.status, end.message);
      ck_assert_double_eq_tol(end.t, 0.4 * cosh(x0) / (4 * 0.25), 1e-8);
      ck_assert_double_eq_tol(end.below, 0, 1e-6);
      ck_assert_double_eq_tol(end.above, 0, 1e-6);
    }
    /* the force is all but constant, 1 downwards: u ends alone, when mu + a = -u0^2/2 */
    ending end = end_of_log(1e-4, -1e4, 0.3, 0.1, both_states[form]);
    ck_assert_msg(end.status == MS_OUT_OF_DOMAIN, "status %d: %s", end.status, end.message);
    ck_assert_double_eq_tol(end.t, 0.2 * exp(0.3) / 2 / 1.1, 1e-8);
    ck_assert_double_eq_tol(end.below, 0, 1e-6);
    ck_assert_double_gt(end.above, 0.1);
  }
}
END_TEST

/* ---- Resets of beta ------------------------------------------------------------------------- */

/* Of weights, and of the mirror map: to rounding, relative to the larger of |x| and beta. */
START_TEST(a_reset_leaves_x_as_it_is) {
  for (size_t k = 0; k < 2; k++) {
    const ms_param *p = ms_param_at(k); /* mw, uv */
    for (double ln_beta = -20; ln_beta <= 5; ln_beta += 0.37)
      for (double size = 1e-6; size < 100; size *= 1.9)
        for (int sign = -1; sign <= 1; sign++) {
          double x = sign * size, beta = exp(ln_beta), w[MS_WIDTH_MAX], mu = 0, mirror;
          double ln = log(beta), kappa = ms_scaled_asinh(x, ln), most = fmax(size, beta);
          const ms_start start = {&ln, &kappa};
          ck_assert(ms_flow_weights(p, ln, x, w));
          ck_assert_double_le(fabs(p->map(p, w) - x), 1e-15 * most);
          ck_assert_double_le(fabs(p->scale(p, w) / beta - 1), 1e-15 * (10 + fabs(ln)));
          ck_assert_int_eq(p->primal(p, &start, 0, 1, 0, &mu, &mirror, NULL), 0);
          ck_assert_double_le(fabs(mirror - x), 5e-16 * (2 + fabs(kappa) / 2) * most);
        }
  }
}
END_TEST

/* Of runs that come to a break of alpha by the same steps, and there are reset or not. */
START_TEST(x_is_the_same_before_and_after_a_reset) {
  static const char *const flows[] = {"flow=gradient", "flow=mirror"};
  static const char *const params[] = {"param=mw", "param=uv"};
  for (int f = 0; f < 2; f++)
    for (int p = 0; p < 2; p++) {
      ms_run *run[2];
      for (int k = 0; k < 2; k++)
        run[k] = test_whole("diag", WITH(flows[f], params[p], "n=10", "d=30", "wd-schedule=step",
                                         "wd=0.1", "wd-off=20", "t-end=20", "init-x=0.2",
                                         k ? "reset-every=20" : "reset-every="));
      ck_assert_double_eq(ms_run_summary(run[1], "resets"), 1);
      ck_assert_double_eq(ms_run_observe(run[1], "ln_beta"), 0);
      ck_assert_double_eq_tol(ms_run_observe(run[0], "ln_beta"), -8, 1e-14);
      for (size_t j = 0; j < 30; j++)
        ck_assert_double_eq_tol(run[1]->x[j], run[0]->x[j], 1e-15 * fmax(1, fabs(run[0]->x[j])));
      ms_run_free(run[0]);
      ms_run_free(run[1]);
    }
}
END_TEST

START_TEST(resets_are_at_multiples) {
  ms_setup s = {.reset_every = 0.1};
  double t = 0;
  for (int k = 1; k <= 1000; k++) {
    double next = ms_flow_next_reset(&s, t);
    ck_assert_double_eq_tol(next, 0.1 * k, 1e-12);
    ck_assert_double_eq(ms_flow_next_reset(&s, (t + next) / 2), next);
    ck_assert_double_eq(ms_flow_next_reset(&s, nextafter(next, 0)), next);
    t = next;
  }
  ck_assert(isinf(ms_flow_next_reset(&s, 1e300)));
  s.reset_every = 0;
  ck_assert(isinf(ms_flow_next_reset(&s, 1)));
}
END_TEST

/* Runge-Kutta steps in m and w (u and v), with resets written out anew; both forms of the mirror
 * flow, the gradient flow, both methods. Resets fall between breaks of alpha, on them, and, as 3
 * times 0.1 is not 0.3, within rounding of one. */
START_TEST(resets_agree_with_a_naive_integration) {
  const char *data = naive_data();
  static const char *const params[] = {"mw", "uv"}, *const schedules[] = {"step", "linear"};
  static const char *const methods[] = {"bdf", "adams"};
  for (int p = 0; p < 2; p++)
    for (int k = 0; k < 2; k++)
      for (int e = 0; e < 3; e++) {
        static const char *const period[] = {"0.75", "1", "0.1"}, *const off[] = {"2", "2", "0.3"},
                                 *const end[] = {"4", "4", "0.6"};
        naive s = {p == 1, schedules[k], 0.6, atof(off[e])};
        double w[2 * D], x[D], every = atof(period[e]), t = 0, t_end = atof(end[e]);
        double reset = every;
        int resets = 0;
        naive_start(&s, (const double[]){0.1, 0.1, 0.1}, 0.2, w);
        while (t < t_end) {
          double next = fmin(t < s.T ? fmin(reset, s.T) : reset, t_end);
          naive_flow(&s, t, next, w);
          t = next;
          if (t < reset)
            continue;
          for (int j = 0; j < D; j++)
            x[j] = naive_x(&s, w, j);
          naive_start(&s, x, 0.5, w);
          reset = every * (++resets + 1);
        }
        for (int form = 0; form < 2; form++) {
          ms_run *run = test_whole(
              "diag",
              WITH(data, test_text("param=%s", params[p]),
                   test_text("wd-schedule=%s", schedules[k]), "wd=0.6",
                   test_text("wd-off=%s", off[e]), test_text("t-end=%s", end[e]), "init-x=0.1",
                   "init-scale=0.2", test_text("reset-every=%s", period[e]), "rtol=1e-11",
                   "reset-beta=0.5", test_text("state=%s", both_states[form]), "flow=both",
                   "points=41", test_text("method=%s", methods[form]), "stop-loss=0"));
          for (int j = 0; j < D; j++)
            ck_assert_double_eq_tol(run->x[j], naive_x(&s, w, j), 1e-9);
          ck_assert_double_le(ms_run_summary(run, "gf_mf_gap"), 1e-8);
          ck_assert_double_le(ms_run_summary(run, "invariant_drift"), 1e-9);
          /* the last one comes with the weight decay over: others would change nothing */
          ck_assert_double_eq(ms_run_summary(run, "resets"), e == 1 ? 2 : 3);
          ms_run_free(run);
        }
      }
}
END_TEST

/* The dose goes on, and what the potential knows of starts anew, at x as it is. */
START_TEST(observables_are_true_after_a_reset) {
  enum { POINTS = 61, SIZE = 6 };
  starts s = starts_of_six();
  for (int p = 0; p < 2; p++)
    for (int flow = 0; flow < 2; flow++) {
      ms_run *run =
          test_new("diag", WITH("n=3", "d=6", "seed=5", "wd=0.3", "wd-off=4", "wd-schedule=linear",
                                "t-end=6", "points=61", p ? "param=uv" : "param=mw", s.x0,
                                "reset-every=2", flow ? "flow=gradient" : "flow=both",
                                "reset-beta=0.7", "rtol=1e-9", s.scale));
      double dose_before = 0, x0[SIZE] = {0}, rate = p ? 4 : 2;
      size_t d;
      ms_error err;
      for (size_t i = 0; i < POINTS; i++) {
        double t = 0.1 * (double)i, dose = 0.3 * fmin(t, 4) * (1 - fmin(t, 4) / 8), R = 0, c = 0;
        ck_assert_int_ge(ms_run_advance(run, i, &err), 0);
        const double *x = ms_run_x(run, &d);
        bool now = i == 20 || i == 40;
        if (now) {
          dose_before = dose;
          memcpy(x0, x, sizeof x0);
        }
        ck_assert_double_eq_tol(ms_run_observe(run, "dose"), dose, 1e-14);
        if (i < 20)
          continue;
        double beta = 0.7 * exp(-4 * (dose - dose_before));
        ck_assert_double_eq_tol(ms_run_observe(run, "ln_beta"), log(beta), 1e-13);
        for (int j = 0; j < SIZE; j++) {
          double kappa = asinh(x0[j] / 0.7), centre = beta * sinh(kappa);
          c += centre * centre;
          R += (x[j] * asinh(x[j] / beta) - hypot(x[j], beta) - kappa * x[j] + beta * cosh(kappa)) /
               rate;
        }
        ck_assert_double_eq_tol(ms_run_observe(run, "centre"), sqrt(c), 1e-13);
        ck_assert_double_eq_tol(ms_run_observe(run, "potential"), R, 1e-13);
      }
      ck_assert_int_eq(ms_run_finish(run, MS_OK, NULL, &err), MS_OK);
      ck_assert_double_le(ms_run_summary(run, "invariant_drift"), 1e-7);
      if (!flow)
        ck_assert_double_le(ms_run_summary(run, "gf_mf_gap"), 1e-7);
      ms_run_free(run);
    }
}
END_TEST

/* Where it ends is where the potential of the last reset is least: Newton on the dual, which knows
 * of no resets. Without them it ends elsewhere. */
START_TEST(runs_with_resets_end_at_their_limit) {
  static const char *const params[] = {"param=mw", "param=uv"};
  for (int p = 0; p < 2; p++) {
    ms_run *with = test_whole("diag", WITH(params[p], "n=10", "d=30", "sparsity=2", "wd-off=9",
                                           "reset-every=4", "rtol=1e-9")),
           *without = test_whole(
               "diag", WITH(params[p], "n=10", "d=30", "sparsity=2", "wd-off=9", "rtol=1e-9"));
    ck_assert_double_le(ms_run_summary(with, "limit_gap"), 1e-8);
    ck_assert_double_le(ms_run_summary(with, "gf_mf_gap"), 1e-6);
    ck_assert_double_eq(ms_run_summary(with, "resets"), 3);
    ck_assert(isnan(ms_run_summary(without, "resets")));
    ck_assert_double_ge(ms_run_distance(with, without->x), 1e-2);
    ms_run_free(with);
    ms_run_free(without);
  }
}
END_TEST

START_TEST(resets_are_refused_where_they_cannot_be) {
  static const struct {
    const char *settings[4], *words[2];
  } bad[] = {
      {{"param=deep"}, {"--reset-every: goes with --param mw and uv", "deep"}},
      {{"param=spred"}, {"--param mw and uv", "not with spred"}},
      {{"method=gd"}, {"--reset-every: goes with --method bdf and adams", "gd"}},
      {{"flow=limit"}, {"--reset-every: --flow limit", "nothing"}},
      {{"wd-schedule=constant"}, {"--reset-every: under weight decay without end", "--t-end"}},
      {{"wd-schedule=harmonic"}, {"--reset-every: under weight decay without end", "--t-end"}},
      {{"reset-beta=1e40"}, {"--reset-beta: '1e40' is not allowed", "at most"}},
      {{"reset-every=", "reset-beta=2"}, {"--reset-beta: goes with --reset-every T", "when"}},
  };
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
    for (int k = 0; k < 2; k++)
      test_refused("diag", test_join(WITH("reset-every=2"), bad[i].settings), bad[i].words[k]);
  test_refused("sensing", WITH("reset-every=2"),
               "--reset-every: has no effect with --model sensing; it belongs to --model diag");
  /* weight decay that stays on: with an end it is allowed, and not compared with the LASSO */
  ms_run *run =
      test_whole("diag", WITH("n=10", "d=25", "reset-every=2", "wd-schedule=constant", "t-end=9"));
  ck_assert(isnan(ms_run_summary(run, "limit_gap")));
  ck_assert_double_eq(ms_run_summary(run, "resets"), 4);
  ms_run_free(run);
}
END_TEST

Suite *flow_suite(void) {
  Suite *suite = suite_create("flow");
  TCase *integrator = tcase_create("integrator");
  tcase_add_test(integrator, every_method_meets_its_tolerance);
  tcase_add_test(integrator, a_discontinuity_is_hit_exactly);
  tcase_add_test(integrator, the_state_may_jump_at_a_discontinuity);
  tcase_add_test(integrator, failures_are_told_with_time_method_and_component);
  tcase_add_test(integrator, limits_interrupts_and_ends);
  suite_add_tcase(suite, integrator);
  TCase *flows = tcase_create("flows");
  tcase_set_timeout(flows, 120);
  tcase_add_test(flows, flows_agree_with_a_naive_integration);
  tcase_add_test(flows, no_step_jumps_over_a_transition);
  tcase_add_test(flows, newton_matrices_are_those_of_the_right_hand_sides);
  tcase_add_test(flows, gradient_flow_is_mirror_flow_for_every_parametrization);
  tcase_add_test(flows, depth_two_runs_as_the_quadratic_ones);
  tcase_add_test(flows, weight_decay_that_does_not_commute_needs_the_warp);
  tcase_add_test(flows, log_ends_in_finite_time);
  suite_add_tcase(suite, flows);
  TCase *resets = tcase_create("resets");
  tcase_set_timeout(resets, 120);
  tcase_add_test(resets, a_reset_leaves_x_as_it_is);
  tcase_add_test(resets, x_is_the_same_before_and_after_a_reset);
  tcase_add_test(resets, resets_are_at_multiples);
  tcase_add_test(resets, resets_agree_with_a_naive_integration);
  tcase_add_test(resets, observables_are_true_after_a_reset);
  tcase_add_test(resets, runs_with_resets_end_at_their_limit);
  tcase_add_test(resets, resets_are_refused_where_they_cannot_be);
  suite_add_tcase(suite, resets);
  return suite;
}
