/* Flows of other optimizers: steepest flows of exponent q, and ham. */
#include "param/param.h"
#include "run/run.h"
#include "tests.h"
#include <cblas.h>
#include <gsl/gsl_integration.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static ms_param param_named(const char *name) {
  for (size_t i = 0; ms_param_at(i); i++)
    if (strcmp(ms_param_at(i)->name, name) == 0)
      return *ms_param_at(i);
  ck_abort_msg("no %s", name);
}

static const double exponents[] = {1, 1.25, 1.5, 4.0 / 3, 1.8, 2};
enum { EXPONENTS = sizeof exponents / sizeof *exponents };

/* 1/(dx/dmu) integrated over x by GSL is mu; q = 2 is deep. */
typedef struct metric {
  double q, B, L;
} metric;

/* sum_b |P_b|^q from the balance alone: |w_1|^q = s with s (s + B)^{L-1} = |x|^q, by bisection. */
static double inverse_metric(double x, void *ctx) {
  const metric *m = ctx;
  double low = 0, high = fmax(1, pow(fabs(x), m->q));
  while (high * pow(high + m->B, m->L - 1) < pow(fabs(x), m->q))
    high *= 2;
  for (int k = 0; k < 200; k++) {
    double s = (low + high) / 2;
    *(s * pow(s + m->B, m->L - 1) < pow(fabs(x), m->q) ? &low : &high) = s;
  }
  double rest = low + m->B;
  return 1 / (pow(rest, m->L - 1) + (m->L - 1) * low * pow(rest, m->L - 2));
}

START_TEST(steepest_maps) {
  gsl_integration_workspace *work = gsl_integration_workspace_alloc(400);
  ms_param deep = param_named("deep");
  for (size_t i = 0; i < EXPONENTS; i++)
    for (size_t L = 2; L <= 4; L++)
      for (int k = 0; k < 3; k++) {
        if (test_quick() && (i + L + (size_t)k) % 3)
          continue;
        ms_param p = param_named("steepest");
        p.configure(&p, L);
        p.number = exponents[i];
        double ln_beta = log((const double[]){0.01, 0.5, 3}[k]), kappa = k == 1 ? -0.3 : 0;
        ms_start start = {&ln_beta, &kappa};
        metric m = {p.number, pow(2 * exp(ln_beta), p.number / 2), (double)L};
        for (double x = -2; x < 2.1; x += test_quick() ? 1.11 : 0.37) {
          double mu, back, dx, expected, error;
          p.dual(&p, &start, 0, 1, 0, &x, &mu);
          gsl_function f = {inverse_metric, &m};
          double part; /* cut at 0, where it may not be smooth */
          gsl_integration_qags(&f, kappa, 0, 0, 1e-11, 400, work, &expected, &error);
          gsl_integration_qags(&f, 0, x, 0, 1e-11, 400, work, &part, &error);
          expected += part;
          ck_assert_msg(fabs(mu - expected) <= 1e-9 * (fabs(mu) + fabs(part)),
                        "q %g, L %zu, x %g: %.12g, not %.12g", p.number, L, x, mu, expected);
          ck_assert_int_eq(p.primal(&p, &start, 0, 1, 0, &mu, &back, &dx), 0);
          ck_assert_msg(fabs(back - x) <= 1e-10, "q %g, L %zu: x %g, back %.12g", p.number, L, x,
                        back);
          ck_assert_double_le(fabs(dx * inverse_metric(x, &m) - 1), 1e-10);
          if (L == 2)
            ck_assert_double_le(fabs(dx / sqrt(4 * pow(fabs(x), m.q) + m.B * m.B) - 1), 1e-10);
          double w[MS_WIDTH_MAX];
          kappa = x;
          ck_assert(p.weights(&p, ln_beta, kappa, w));
          ck_assert_double_le(fabs(p.map(&p, w) - x), 1e-9);
          ck_assert_double_le(fabs(2 * p.scale(&p, w) - m.B), 1e-9 * (m.B + pow(w[1], m.q)));
          ck_assert_double_le(fabs(exp(p.ln_scale(&p, ln_beta, 0)) - m.B / 2), 1e-12 * m.B);
          kappa = k == 1 ? -0.3 : 0;
          if (p.number == 2 && kappa == 0) {
            deep.configure(&deep, L);
            double same;
            deep.dual(&deep, &start, 0, 1, 0, &x, &same);
            ck_assert_double_le(fabs(mu - same), 1e-9 * fabs(mu));
          }
        }
      }
  gsl_integration_workspace_free(work);
}
END_TEST

/* The balance of any two weights of a coordinate, |w_b|^q - |w_c|^q, from those of the start. */
static double unbalanced(const ms_run *run, double q, size_t L, double dose) {
  const ms_flow *flow = run->partner;
  double worst = 0, one[MS_WIDTH_MAX], largest = 0;
  for (size_t j = 0; j < run->d; j++) {
    ck_assert(run->param.weights(&run->param, run->ln_beta[j], run->kappa[j], one));
    for (size_t b = 0; b < L; b++) {
      largest = fmax(largest, pow(fabs(flow->integrator->out[b * run->d + j]), q));
      for (size_t c = 0; c < b; c++) {
        double before = pow(fabs(one[b]), q) - pow(fabs(one[c]), q);
        double now = pow(fabs(flow->integrator->out[b * run->d + j]), q) -
                     pow(fabs(flow->integrator->out[c * run->d + j]), q);
        worst = fmax(worst, fabs(now - before * exp(-2 * q * dose)));
      }
    }
  }
  return worst / largest;
}

/* Under weight decay too, and with the balance law. */
START_TEST(steepest_flows_are_mirror_flows) {
  const char *const q[] = {"1", "1.5", "1.8", "2"}, *const depth[] = {"2", "3", "4"},
                    *const schedules[] = {"none", "linear"};
  for (size_t i = 0; i < 4; i++)
    for (size_t l = 0; l < 3; l++)
      for (size_t s = 0; s < 2; s++) {
        if (test_quick() && (i + l + s) % 5)
          continue;
        ms_run *run = test_whole(
            "diag", WITH("param=steepest", test_text("exponent=%s", q[i]),
                         test_text("depth=%s", depth[l]), "n=6", "d=10", "init-scale=0.2",
                         "t-end=4", "wd=0.1", test_text("wd-schedule=%s", schedules[s]),
                         "flow=both", "points=40", "rtol=1e-11", s ? "init-x=0.1" : NULL));
        ck_assert_msg(run->worst_gap <= 1e-8, "q %s, L %s, %s: gap %g", q[i], depth[l],
                      schedules[s], run->worst_gap);
        ck_assert_msg(run->worst_drift <= 1e-8, "q %s, L %s, %s: drift %g", q[i], depth[l],
                      schedules[s], run->worst_drift);
        /* linear decay from 0.1 to 0 at t = 2 */
        double off = unbalanced(run, atof(q[i]), strtoul(depth[l], NULL, 10), s ? 0.1 : 0);
        ck_assert_msg(off <= 1e-8, "q %s, L %s, %s: balance off by %g", q[i], depth[l],
                      schedules[s], off);
        ck_assert_double_gt(run->worst_gap, 0);
        ms_run_free(run);
      }
}
END_TEST

/* One coordinate under the force 1, until `t_end` or until it fails. */
static ms_run *pushed(size_t L, double q, const char *scale, const char *x0, double t_end,
                      const char *flow, ms_status *status, ms_error *err) {
  ms_run *run =
      test_new("diag", test_join(WITH("param=steepest", "loss=custom", "loss-formula=1e15-z",
                                      "wd-schedule=none", "rtol=1e-11", "points=2", flow),
                                 WITH(test_text("depth=%zu", L), test_text("exponent=%.17g", q),
                                      test_text("t-end=%.17g", t_end),
                                      test_text("data=%s", test_file("push.csv", "y,a\n1,1\n")),
                                      scale, x0)));
  *status = ms_run_advance(run, 0, err);
  if (*status == MS_OK)
    *status = ms_run_advance(run, 1, err);
  return run;
}

/* phi(1), with its corner rounded at a thousandth */
static double pushes(double q) {
  return pow(1 + 1e-6, (q - 2) / 2);
}

/* From equal weights dx/dt = L phi x^m, m = q (L-1)/L: the time to come to a size is
 * (x0^{1-m} - x^{1-m}) / ((m-1) L phi). For m > 1 that stays finite, 10 for L = 3, q = 2 and
 * x0 = 1/1000: every size is reached by then, and the flow ends. */
START_TEST(balanced_weights_grow_in_finite_time_beyond_exponent_one) {
  static const double q[] = {1, 1.5, 2}, x0 = 1e-3;
  for (size_t L = 2; L <= 4; L++)
    for (int i = 0; i < 3; i++) {
      double m = q[i] * (double)(L - 1) / (double)L, rate = (double)L * pushes(q[i]);
      double last = m > 1 + 1e-12 ? pow(x0, 1 - m) / ((m - 1) * rate) : INFINITY;
      ms_status status;
      ms_error err;
      for (int k = 1; k <= 5; k++) {
        double t_end = isfinite(last) ? last * (1 - pow(10, -k)) : 2.0 * k;
        ms_run *run = pushed(L, q[i], "init-scale=1e-20", "init-x=0.001", t_end, "flow=gradient",
                             &status, &err);
        ck_assert_msg(status == MS_OK, "L %zu, q %g: %s", L, q[i], err.message);
        double x = run->x[0];
        double t = fabs(m - 1) < 1e-12 ? log(x / x0) / rate
                                       : (pow(x0, 1 - m) - pow(x, 1 - m)) / ((m - 1) * rate);
        ck_assert_msg(fabs(t - t_end) <= 1e-8 * t_end, "L %zu, q %g: %.12g, not %.12g", L, q[i], t,
                      t_end);
        if (L == 3 && q[i] == 2)
          ck_assert_double_ge(x, 0.9 * x0 * pow(10, 3 * k));
        ms_run_free(run);
      }
      if (isinf(last))
        continue;
      ms_run *run = pushed(L, q[i], "init-scale=1e-20", "init-x=0.001", 2 * last, "flow=gradient",
                           &status, &err);
      ck_assert_int_lt(status, 0);
      ck_assert_msg(fabs(err.t / last - 1) <= 1e-6, "L %zu, q %g: ended at %.12g, not %.12g", L,
                    q[i], err.t, last);
      ms_run_free(run);
    }
}
END_TEST

/* From w_1 = 0 the mirror flow ends where the domain of mu does, at the time that GSL finds for x
 * from 0 to infinity; for q = 2 and three factors pi / (2 sqrt(2 beta)). Else it has no end. */
START_TEST(mirror_flows_end_when_the_weights_blow_up) {
  gsl_integration_workspace *work = gsl_integration_workspace_alloc(1000);
  static const double q[] = {1, 1.5, 2};
  for (size_t L = 2; L <= 4; L++)
    for (int i = 0; i < 3; i++) {
      bool ends = q[i] * (double)(L - 1) / (double)L > 1 + 1e-12;
      metric m = {q[i], pow(0.04, q[i] / 2), (double)L};
      gsl_function f = {inverse_metric, &m};
      double last = 2.5, error;
      ms_status status;
      ms_error err;
      if (ends) {
        gsl_integration_qagiu(&f, 0, 0, 1e-10, 1000, work, &last, &error);
        last /= pushes(q[i]);
      }
      if (L == 3 && q[i] == 2)
        ck_assert_double_eq_tol(last, acos(-1) / 2 / sqrt(0.04), 1e-8);
      ms_run *run =
          pushed(L, q[i], "init-scale=0.02", "init-x=0", 2 * last, "flow=mirror", &status, &err);
      ck_assert_int_eq(status, ends ? MS_OUT_OF_DOMAIN : MS_OK);
      if (ends)
        ck_assert_msg(fabs(err.t / last - 1) <= 1e-7, "L %zu, q %g: ended at %.12g, not %.12g", L,
                      q[i], err.t, last);
      ms_run_free(run);
    }
  gsl_integration_workspace_free(work);
}
END_TEST

static double time_to_halve(const char *q, const char *depth) {
  ms_run *run = test_whole("diag", WITH("param=steepest", test_text("exponent=%s", q),
                                        test_text("depth=%s", depth), "n=10", "d=20", "sparsity=3",
                                        "t-end=2000", "points=3", "wd-schedule=none", "flow=mirror",
                                        "init-scale=0.005", "rtol=1e-6", "stop-loss=0.4"));
  ck_assert_str_eq(run->status, "loss");
  double t = ms_run_t(run);
  ms_run_free(run);
  return t;
}

/* arXiv 2603.02064: from the saddle at w_1 = 0, w_b = 0.1, signs escape first, the more so the
 * deeper. */
START_TEST(signs_escape_first) {
  double before = 0;
  const char *const depths[] = {"2", "3", "4"};
  for (size_t l = 0; l < 3; l++) {
    double sign = time_to_halve("1", depths[l]), middle = time_to_halve("1.5", depths[l]),
           gradient = time_to_halve("2", depths[l]);
    ck_assert_double_lt(sign, middle);
    ck_assert_double_lt(middle, gradient);
    ck_assert_double_gt(gradient / sign, before);
    before = gradient / sign;
  }
}
END_TEST

START_TEST(ham_maps) {
  for (int k = 0; k < 4; k++)
    for (double x0 = -1; x0 < 1.5; x0 += 1) {
      ms_param p = param_named("ham");
      p.number = (const double[]){1e-3, 1, 200, 1e4}[k];
      double zero = 0, h = 1e-4, kappa = x0;
      ms_start start = {&zero, &kappa};
      for (double x = -1.95; x < 2; x += 0.3) {
        double c = p.number, mu, back, dx, slope;
        p.dual(&p, &start, 0, 1, 0, &x, &mu);
        double there = copysign(log(1 + c * fabs(x)) / c, x);
        there -= copysign(log(1 + c * fabs(x0)) / c, x0);
        ck_assert_double_le(fabs(mu - there), 1e-12 * (1 + fabs(there)) / fmin(c, 1));
        ck_assert_int_eq(p.primal(&p, &start, 0, 1, 0, &mu, &back, &dx), 0);
        ck_assert_double_le(fabs(back - x), 1e-11);
        ck_assert_double_le(fabs(dx - 1 - c * fabs(x)), 1e-9 * dx);
        ck_assert_double_ge(dx, 1);
        slope = (p.potential(&p, 0, x0, 0, x + h) - p.potential(&p, 0, x0, 0, x - h)) / (2 * h);
        ck_assert_double_le(fabs(slope - mu), 1e-5 * (1 + fabs(mu)));
      }
      ck_assert_double_le(fabs(p.potential(&p, 0, x0, 0, x0)), 1e-15);
      /* x^2/2 for c -> 0, |x| ln(c|x|)/c for c -> infinity */
      if (x0 == 0 && k == 0)
        ck_assert_double_le(fabs(p.potential(&p, 0, 0, 0, 0.3) / 0.045 - 1), 1e-3);
      if (x0 == 0 && k == 3)
        ck_assert_double_le(fabs(p.potential(&p, 0, 0, 0, 1) * 1e4 / (log(1e4) - 1) - 1), 2e-3);
    }
}
END_TEST

/* argmin { R(x) : Zx = y } for ham: x = R'^-1(Z' nu), Newton's method on Z x = y, steps halved
 * until the concave dual y nu - R*(Z' nu) rises; R*(mu) = (e^{c |mu|} - 1 - c |mu|) / c^2. */
static void least_potential(const ms_problem *p, double c, double *x) {
  size_t n = p->Z->n, d = p->Z->d;
  double *nu = ms_doubles(2 * n + 2 * d), *step = nu + n, *mu = step + n, *D = mu + d;
  double *S = ms_doubles(n * n), before = -INFINITY, change = 1;
  for (int k = 0; k < 500 && change > 1e-15; k++) {
    double value;
    for (double part = 1;; part /= 2) {
      for (size_t i = 0; i < n; i++)
        nu[i] += (part == 1 ? 1 : -part) * step[i];
      ms_matrix_tmul(p->Z, nu, mu);
      value = cblas_ddot((int)n, p->y, 1, nu, 1);
      for (size_t j = 0; j < d; j++)
        value -= (expm1(c * fabs(mu[j])) - c * fabs(mu[j])) / (c * c);
      if (value >= before - 1e-13 * fabs(before) || part < 1e-12)
        break;
    }
    before = value;
    for (size_t j = 0; j < d; j++) {
      x[j] = copysign(expm1(c * fabs(mu[j])) / c, mu[j]);
      D[j] = exp(c * fabs(mu[j]));
    }
    ms_matrix_mul(p->Z, x, step);
    ck_assert_int_eq(ms_matrix_weighted_gram(p->Z, D, S), 0);
    for (size_t i = 0; i < n; i++)
      step[i] = p->y[i] - step[i];
    ck_assert_int_eq(ms_spd_factor(n, S), 0);
    ms_spd_solve(n, S, step);
    change = ms_largest(step, n) / fmax(ms_largest(nu, n), 1e-300);
  }
  ck_assert_double_le(change, 1e-12);
  free(nu);
  free(S);
}

/* The gradient flow, which knows nothing of R, ends at argmin { R : Zx = y }; so does gd, nearly.
 */
START_TEST(ham_ends_at_the_minimum_of_its_potential) {
  const char *const growth[] = {"0.1", "5", "200"};
  double l1[3];
  for (int k = 0; k < 3; k++) {
    ms_run *run = test_whole("diag", WITH("param=ham", test_text("growth=%s", growth[k]),
                                          "wd-schedule=none", "n=10", "d=20", "flow=gradient",
                                          "rtol=1e-10", "points=20", "sparsity=2"));
    ck_assert_str_eq(run->status, "loss");
    size_t d;
    const double *x = ms_run_x(run, &d);
    double best[20];
    least_potential(run->problem, atof(growth[k]), best);
    double off = test_distance(d, x, best);
    ck_assert_msg(off <= 1e-7, "c %s: %g", growth[k], off);
    ck_assert_double_le(ms_run_summary(run, "limit_gap"), 1e-7); /* limit/limit.c, the same */
    l1[k] = ms_run_observe(run, "l1");
    ms_run_free(run);
  }
  ck_assert(l1[2] < l1[1] && l1[1] < l1[0]);
}
END_TEST

START_TEST(ham_is_a_mirror_flow) {
  const char *const growth[] = {"0.1", "1", "200"};
  for (int k = 0; k < 3; k++) {
    ms_run *run =
        test_whole("diag", WITH("param=ham", test_text("growth=%s", growth[k]), "wd-schedule=none",
                                "n=10", "d=20", "flow=both", "rtol=1e-9", "init-x=0.2"));
    ck_assert_msg(run->worst_gap <= 1e-6 && run->worst_gap > 0, "c %s: %g", growth[k],
                  run->worst_gap);
    ms_run_free(run);
  }
}
END_TEST

/* The optimizer's step x e^{-2 eta sign(x) g} and a step of m w from m = sign(x) w differ by
 * O(eta^2). */
START_TEST(exponential_step_is_that_of_mw_to_first_order) {
  double before = 0;
  ms_param p = param_named("ham");
  p.number = 2; /* m w has the metric 2 |x| */
  for (int k = 0; k < 8; k++) {
    double eta = ldexp(0.02, -k), worst = 0;
    for (double x = -1.5; x < 1.6; x += 0.25) {
      double g = 0.7 - x, w = sqrt(fabs(x)), m = copysign(w, x);
      double product = (m - eta * w * g) * (w - eta * m * g);
      double step = x;
      p.after(&p, g, 0, eta, &step);
      worst = fmax(worst, fabs(step - product));
    }
    if (k > 0)
      ck_assert_double_le(fabs(log2(before / worst) - 2), 0.1);
    before = worst;
  }
}
END_TEST

/* gd against the two lines of the optimizer, step by step: x := x - lr g, then x exp(-lr (c sign(x)
 * g
 * + b)) with b = 2 alpha; some exponents are cut off at 5. */
START_TEST(ham_trains_as_the_optimizer) {
  enum { N = 5, D = 8, STEPS = 60 };
  const char *const growth[] = {"20", "2000"};
  for (int k = 0; k < 2; k++) {
    const double lr = 0.01, alpha = 0.3, c = atof(growth[k]);
    ms_run *run =
        test_whole("diag", WITH("param=ham", test_text("growth=%s", growth[k]),
                                "wd-schedule=constant", "wd=0.3", "n=5", "d=8", "lr=0.01",
                                "method=gd", "t-end=0.6", "points=2", "init-x=-0.2", "sparsity=2"));
    const ms_problem *p = run->problem;
    double x[D], z[N], g[D], cut = 0;
    for (int j = 0; j < D; j++)
      x[j] = -0.2;
    for (int step = 0; step < STEPS; step++) {
      ms_matrix_mul(p->Z, x, z);
      for (int i = 0; i < N; i++)
        z[i] = (z[i] - p->y[i]) / N;
      ms_matrix_tmul(p->Z, z, g);
      for (int j = 0; j < D; j++) {
        x[j] -= lr * g[j];
        double e = lr * (-c * (x[j] > 0 ? 1 : -1) * g[j] - 2 * alpha);
        cut += fabs(e) > 5;
        x[j] *= exp(e > 5 ? 5 : e < -5 ? -5 : e);
      }
    }
    size_t d;
    const double *got = ms_run_x(run, &d);
    for (int j = 0; j < D; j++)
      ck_assert_double_le(fabs(got[j] - x[j]), 1e-10 * (1 + fabs(x[j])));
    ck_assert_int_eq(cut > 0, k == 1);
    ms_run_free(run);
  }
}
END_TEST

/* ... and comes to the flow, at all times and with weight decay, like the first power of lr. */
START_TEST(ham_trains_towards_its_flow) {
  const char *const schedules[] = {"none", "constant"}, *const momenta[] = {"0", "0.5"};
  for (int s = 0; s < 2; s++)
    for (int m = 0; m < 2; m++) {
      const char *const *both = test_join(WITH("param=ham", "growth=20", "wd=0.05", "n=10", "d=20",
                                               "flow=gradient", "t-end=6", "points=61"),
                                          WITH(test_text("wd-schedule=%s", schedules[s])));
      ms_run *flow = test_whole("diag", test_join(both, WITH("rtol=1e-10")));
      double before = 0;
      for (int k = 0; k < 4; k++) {
        const char *lr = test_text("lr=%.17g", ldexp(1e-3, -k) * (m ? 0.5 : 1));
        ms_run *run = test_whole(
            "diag", test_join(both, WITH("method=gd", lr, test_text("momentum=%s", momenta[m]))));
        ck_assert_uint_eq(run->recorded, flow->recorded);
        double worst = test_distance(run->recorded * run->kept, run->states, flow->states);
        double slope = log2(before / worst);
        if (k > 1)
          ck_assert_msg(fabs(slope - 1) < 0.1, "%s, momentum %s: slope %g at %s", schedules[s],
                        momenta[m], slope, lr);
        before = worst;
        ms_run_free(run);
      }
      ck_assert_double_gt(before, 1e-4);
      ms_run_free(flow);
    }
}
END_TEST

START_TEST(where_they_do_not_apply) {
  ck_assert_int_eq(test_refused("diag", WITH("exponent=1.5"), "belongs to --param steepest"),
                   MS_BAD_SETTING);
  ck_assert_int_eq(
      test_refused("diag", WITH("growth=1", "param=steepest"), "belongs to --param ham"),
      MS_BAD_SETTING);
  ck_assert_int_eq(
      test_refused("diag", WITH("param=ham", "flow=mirror"), "--wd-schedule none only"),
      MS_UNSUPPORTED);
  ck_assert_int_eq(test_refused("diag", WITH("param=steepest", "state=sample-dual"),
                                "no combination of the samples"),
                   MS_UNSUPPORTED);
  static const struct {
    const char *settings[3], *says;
  } steps[] = {{{"lr=0.01", "t-end=1"},
                "--lr has no effect with --method bdf: it belongs to --method gd, sgd and sde"},
               {{"momentum=0.5", "method=sde"},
                "--momentum has no effect with --method sde: it belongs to --method gd and sgd"},
               {{"batch=2", "method=gd"},
                "--batch has no effect with --method gd: it belongs to --method sgd."},
               {{"dt=0.1", "method=sgd"},
                "--dt has no effect with --method sgd: it belongs to --method sde."}};
  for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
    ms_run *run = test_new("diag", steps[i].settings);
    ck_assert_uint_ge(run->notes, 1);
    const char *last = run->note[run->notes - 1];
    ck_assert_msg(strstr(last, steps[i].says) != NULL, "%s", last);
    ms_run_free(run);
  }
}
END_TEST

/* phi: |g|^{q-1} with the sign of g, rounded within a thousandth of the first gradient. */
START_TEST(force_of_a_steepest_flow) {
  ms_param p = param_named("steepest");
  p.unit = 7;
  for (size_t i = 0; i < EXPONENTS; i++) {
    double q = p.number = exponents[i], e = 7e-3;
    for (double g = 1e3 * e; g < 1e6; g *= 10)
      for (int side = -1; side <= 1; side += 2) {
        double want = side * pow(g, q - 1);
        ck_assert_double_le(fabs(p.force(&p, side * g) - want), 1e-6 * fabs(want));
      }
    double corner = pow(e, q - 1) * pow(2, q / 2 - 1);
    ck_assert_double_le(fabs(p.force(&p, e) - corner), 1e-13 * corner);
  }
}
END_TEST

Suite *optimizers_suite(void) {
  Suite *suite = suite_create("optimizers");
  TCase *tc = tcase_create("core");
  tcase_set_timeout(tc, 300);
  tcase_add_test(tc, steepest_maps);
  tcase_add_test(tc, steepest_flows_are_mirror_flows);
  tcase_add_test(tc, balanced_weights_grow_in_finite_time_beyond_exponent_one);
  tcase_add_test(tc, mirror_flows_end_when_the_weights_blow_up);
  tcase_add_test(tc, signs_escape_first);
  tcase_add_test(tc, ham_maps);
  tcase_add_test(tc, ham_ends_at_the_minimum_of_its_potential);
  tcase_add_test(tc, ham_is_a_mirror_flow);
  tcase_add_test(tc, exponential_step_is_that_of_mw_to_first_order);
  tcase_add_test(tc, ham_trains_as_the_optimizer);
  tcase_add_test(tc, ham_trains_towards_its_flow);
  tcase_add_test(tc, where_they_do_not_apply);
  tcase_add_test(tc, force_of_a_steepest_flow);
  suite_add_tcase(suite, tc);
  return suite;
}
