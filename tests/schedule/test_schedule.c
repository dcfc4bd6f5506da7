/* schedule.h: alpha(t), its dose in closed form, its breaks and its limit. */
#include "schedule/schedule.h"
#include "settings/config.h"
#include "tests.h"
#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double PI = 3.14159265358979323846;

/* ---- Schedules to test ---------------------------------------------------------------------- */

/* What a schedule is asked for; NAN: not given. */
typedef struct request {
  const char *name;
  double wd, off, tau, p, T; /* T: what the caller says, in force where `off` is not given */
  double factor;             /* 0: not given */
} request;

static const double ALPHA0 = 0.7; /* what the caller says, in force where `wd` is not given */

/* The knots of the schedule file: a start after 0, a flat piece, a zero, a last value above 0. */
static const double knot_time[] = {0.5, 1, 2.75, 4, 4.001, 9};
static const double knot_value[] = {2, 0.3, 0.3, 0, 5, 0.25};
enum { KNOTS = 6 };

static const char *put_knots(size_t count) {
  char text[512] = "time,alpha\n";
  for (size_t k = 0; k < count; k++) {
    size_t used = strlen(text);
    snprintf(text + used, sizeof text - used, "%.17g,%.17g\n", knot_time[k], knot_value[k]);
  }
  return test_file("knots.csv", text);
}

static void set(ms_config *cfg, const char *name, double value) {
  char text[32];
  ms_error err;
  if (!isnan(value))
    ck_assert_int_eq(ms_config_set(cfg, name, ms_real_text(value, text), "test", &err), MS_OK);
}

/* Decays from 2, with a kink; positive up to T. */
#define FORMULA "2*exp(-t/3)+abs(t-T/4)/T"

/* What the adaptive schedule sees at the end of epoch k - 1: losses that rise now and then, and a
 * norm that is below the threshold 1 now and then. */
static double seen_loss(size_t k) {
  return 1 / (1 + (double)k) + (k % 7 == 5 ? 1 : 0);
}

static double seen_l1(size_t k) {
  return k % 11 == 4 ? 0.999 : 1;
}

static ms_schedule *make(const request *r) {
  ms_config *cfg = ms_config_new();
  ms_error err = {0};
  ck_assert_int_eq(ms_config_set(cfg, "wd-schedule", r->name, "test", &err), MS_OK);
  set(cfg, "wd", r->wd);
  set(cfg, "wd-off", r->off);
  set(cfg, "wd-tau", r->tau);
  set(cfg, "wd-p", r->p);
  if (r->factor > 0)
    set(cfg, "wd-factor", r->factor);
  if (strcmp(r->name, "adaptive") == 0)
    set(cfg, "wd-threshold", 1);
  if (strcmp(r->name, "formula") == 0)
    ck_assert_int_eq(ms_config_set(cfg, "wd-formula", FORMULA, "test", &err), MS_OK);
  if (strcmp(r->name, "file") == 0)
    ck_assert_int_eq(ms_config_set(cfg, "wd-file", put_knots(KNOTS), "test", &err), MS_OK);
  ms_schedule *s = NULL;
  ck_assert_msg(ms_schedule_new(&s, cfg, ALPHA0, r->T, &err) == MS_OK, "%s", err.message);
  ms_config_free(cfg);
  for (size_t k = 0; isfinite(ms_schedule_epoch(s)); k++) {
    ck_assert(ms_schedule_epoch(s) == (double)k * s->tau);
    ck_assert_int_eq(ms_schedule_observe(s, seen_loss(k), seen_l1(k), &err), MS_OK);
  }
  return s;
}

/* Every registered schedule under every combination below: calls check for each. */
static void each(void (*check)(const request *r, const ms_schedule *s)) {
  static const request variants[] = {
      {NULL, NAN, NAN, NAN, NAN, 10},     {NULL, NAN, NAN, 0.37, NAN, 10},
      {NULL, 1.9, NAN, 4, 0.5, 10},       {NULL, NAN, 4.3, NAN, NAN, 10},
      {NULL, 0.2, 4.3, 1.1, 0.8, 3},      {NULL, NAN, 0.75, 0.25, 0.5, 10},
      {NULL, NAN, NAN, NAN, 0.9, 1e-3},   {NULL, 1e-8, NAN, NAN, NAN, 3e5},
      {NULL, 1e6, 20, 1.0 / 3, 0.3, 10},  {NULL, 0.4, NAN, NAN, NAN, 10, 2},
      {NULL, 0.4, 17, 0.9, NAN, 10, 1.3},
  };
  for (size_t i = 0; ms_schedule_class_at(i); i++)
    for (size_t k = 0; k < sizeof variants / sizeof *variants; k++) {
      request r = variants[k];
      r.name = ms_schedule_class_at(i)->name;
      ms_schedule *s = make(&r);
      check(&r, s);
      ms_schedule_free(s);
    }
}

static bool is(const request *r, const char *name) {
  return strcmp(r->name, name) == 0;
}

static void near(double got, double want, double tolerance, const char *what, const request *r,
                 double t) {
  if (!(got == want || fabs(got - want) <= tolerance))
    ck_abort_msg(
        "%s of %s (wd %g, off %g, tau %g, p %g, T %g) at t = %.17g: %.17g, expected %.17g, "
        "difference %.3g, allowed %.3g",
        what, r->name, r->wd, r->off, r->tau, r->p, r->T, t, got, want, got - want, tolerance);
}

/* ---- The formulas of the documentation ------------------------------------------------------ */

typedef struct law {
  double alpha0, T, tau, p, factor, off; /* off: INFINITY where not given */
} law;

static bool is_cycles(const request *r) {
  return is(r, "cyclic") || is(r, "restarts");
}

static law law_of(const request *r) {
  law l = {.alpha0 = ALPHA0, .T = r->T, .p = 0.95, .off = INFINITY};
  if (is(r, "file") || is(r, "formula"))
    l.alpha0 = 1;
  if (!isnan(r->wd))
    l.alpha0 = r->wd;
  if (!isnan(r->off))
    l.off = l.T = r->off;
  if (!isnan(r->p))
    l.p = r->p;
  l.factor = r->factor > 0 ? r->factor : is(r, "adaptive") ? 1.05 : 1;
  double f = l.factor;
  l.tau = is(r, "geometric")  ? (1 - l.p) * l.T / 2
          : is(r, "adaptive") ? l.T / 50
          : is_cycles(r)      ? l.T / (1 + f + f * f + f * f * f)
                              : l.T / 2;
  if (!isnan(r->tau))
    l.tau = r->tau;
  return l;
}

static double knots_at(double t) {
  if (t <= knot_time[0])
    return knot_value[0];
  for (size_t k = 1; k < KNOTS; k++)
    if (t <= knot_time[k]) {
      double part = (knot_time[k] - t) / (knot_time[k] - knot_time[k - 1]);
      return part * knot_value[k - 1] + (1 - part) * knot_value[k];
    }
  return knot_value[KNOTS - 1];
}

/* u in [0, 1) of the cycle that t is in, summing up cycle by cycle. */
static double part_of_cycle(const law *l, double t) {
  double length = l->tau;
  while (t >= length) {
    t -= length;
    length *= l->factor;
  }
  return t / length;
}

/* The rule of PILoT's Algorithm 1, epoch by epoch. */
static double adapted(const law *l, double t) {
  double alpha = l->alpha0;
  size_t k = 1;
  for (; (double)k * l->tau <= t && alpha > 0; k++) {
    bool decreased = seen_loss(k) < seen_loss(k - 1), large = seen_l1(k) >= 1;
    bool early = (double)k * l->tau <= l->T;
    alpha = decreased && large && early ? alpha * l->factor : alpha / l->factor;
  }
  return alpha;
}

/* NAN for a schedule that has no formula here. */
static double formula(const request *r, double t) {
  law l = law_of(r);
  if (t >= l.off)
    return 0;
  if (is(r, "none"))
    return 0;
  if (is(r, "constant"))
    return l.alpha0;
  if (is(r, "step"))
    return t < l.T ? l.alpha0 : 0;
  if (is(r, "linear"))
    return l.alpha0 * fmax(0, (l.T - t) / l.T);
  if (is(r, "cosine")) /* (1 + cos z) / 2 = cos^2 (z/2) */
    return t < l.T ? l.alpha0 * pow(cos(PI * t / l.T / 2), 2) : 0;
  if (is(r, "exponential"))
    return l.alpha0 / exp(t / l.tau);
  if (is(r, "harmonic"))
    return l.alpha0 * l.tau / (l.tau + t);
  if (is(r, "quadratic"))
    return l.alpha0 * pow(l.tau / (l.tau + t), 2);
  if (is(r, "geometric"))
    return l.alpha0 * exp(log(l.p) * floor(t / l.tau));
  if (is(r, "cyclic")) {
    double u = part_of_cycle(&l, t);
    return t < l.T ? l.alpha0 * 2 * fmin(u, 1 - u) : 0;
  }
  if (is(r, "restarts"))
    return t < l.T ? l.alpha0 * pow(cos(PI * part_of_cycle(&l, t) / 2), 2) : 0;
  if (is(r, "adaptive"))
    return adapted(&l, t);
  if (is(r, "formula"))
    return t < l.T ? l.alpha0 * (2 / exp(t / 3) + fabs(t / l.T - 0.25)) : 0;
  if (is(r, "file"))
    return l.alpha0 * knots_at(t);
  return NAN;
}

/* Times in increasing order: around every break, before and after T. Returns how many. */
enum { TIMES_MAX = 4096 };

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

static size_t times_of(const request *r, const ms_schedule *s, double *times) {
  static const double parts[] = {0,    1e-9,     1e-3, 0.013, 0.1,    0.29, 0.5,
                                 0.77, 0.999999, 1,    1.001, 1.6181, 3.3,  12};
  law l = law_of(r);
  size_t count = 0;
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
    times[count++] = parts[i] * l.T;
    times[count++] = parts[i] * l.tau;
  }
  double before = 0;
  for (double b = ms_schedule_next_break(s, 0); isfinite(b) && count + 4 < TIMES_MAX;
       b = ms_schedule_next_break(s, b)) {
    times[count++] = b;
    times[count++] = b * (1 - 1e-9);
    times[count++] = b * (1 + 1e-9);
    times[count++] = (before + b) / 2;
    before = b;
  }
  qsort(times, count, sizeof *times, ascending);
  return count;
}

/* Constant on steps of tau. */
static bool is_stepped(const request *r) {
  return is(r, "geometric") || is(r, "adaptive");
}

static void check_formula(const request *r, const ms_schedule *s) {
  static double times[TIMES_MAX];
  law l = law_of(r);
  size_t count = times_of(r, s, times);
  for (size_t i = 0; i < count; i++) {
    double t = times[i], alpha = ms_schedule_alpha(s, t), k = t / l.tau;
    ck_assert_msg(alpha >= 0, "%s at %g: %g", r->name, t, alpha);
    /* Multiples of tau have a test of their own: here they round either way. */
    if (is_stepped(r) && t < l.off && fabs(k - nearbyint(k)) < 1e-12 * k)
      continue;
    double u = is_cycles(r) && t < 1.5 * l.T ? part_of_cycle(&l, t) : 0.5;
    if (u < 1e-11 || u > 1 - 1e-11) /* where cycles meet it may be the one or the other, here */
      continue;
    double want = formula(r, t);
    if (!isnan(want)) /* the piece from 4 to 4.001 is steep, and many cycles add up roundings */
      near(alpha, want,
           1e-14 * l.alpha0 * (is(r, "file") || is_cycles(r) ? 1000 : 1) + 1e-13 * want, "alpha", r,
           t);
  }
}

START_TEST(formulas) {
  each(check_formula);
}
END_TEST

/* ---- Doses ---------------------------------------------------------------------------------- */

static double integrand(double t, void *s) {
  return ms_schedule_alpha(s, t);
}

/* To 1e-13 of it or of the dose before. */
static double integral(const ms_schedule *s, double from, double to, double before) {
  static gsl_integration_workspace *space;
  if (!space)
    space = gsl_integration_workspace_alloc(200);
  gsl_function f = {.function = integrand, .params = (void *)s};
  double value, error;
  int status =
      gsl_integration_qag(&f, from, to, 0, 2e-14, 200, GSL_INTEG_GAUSS61, space, &value, &error);
  ck_assert_msg(status == GSL_SUCCESS || error <= 1e-13 * (value + before),
                "quadrature of %s on [%g, %g]: %s, %g +- %g", s->class->name, from, to,
                gsl_strerror(status), value, error);
  return value;
}

static void check_dose(const request *r, const ms_schedule *s) {
  static double times[TIMES_MAX];
  law l = law_of(r);
  size_t count = times_of(r, s, times);
  double from = 0;
  long double sum = 0;
  ck_assert(ms_schedule_dose(s, 0) == 0);
  for (size_t i = 0; i < count; i++) {
    /* Up to t from break to break, also over steps too small to be listed. */
    while (from < times[i]) {
      double to = fmin(times[i], ms_schedule_next_break(s, from));
      if (is_stepped(r)) {
        double k = floor(from / l.tau);
        while (k * l.tau <= from)
          k++;
        to = fmin(to, k * l.tau);
      }
      sum += (long double)integral(s, from, to, (double)sum);
      from = to;
    }
    double rounding = is(r, "formula") ? 1e-15 * l.alpha0 * l.T : 0; /* of a series */
    near(ms_schedule_dose(s, times[i]), (double)sum, 1e-12 * (double)sum + rounding, "dose", r,
         times[i]);
  }
}

START_TEST(doses) {
  gsl_set_error_handler_off();
  each(check_dose);
}
END_TEST

static void check_total(const request *r, const ms_schedule *s) {
  law l = law_of(r);
  double total = ms_schedule_total(s), late = 1e15 * fmax(l.T, l.tau);
  if (isinf(total)) {
    /* It grows without bound, if only like a logarithm. */
    double step = ms_schedule_dose(s, late) - ms_schedule_dose(s, late / 1e5);
    ck_assert_msg(step > 0.99 * l.alpha0 * l.tau * log(1e5) ||
                      step > 0.99 * late * ms_schedule_alpha(s, late),
                  "%s", r->name);
    ck_assert(is(r, "constant") || is(r, "harmonic") || is(r, "file"));
  } else {
    near(total, ms_schedule_dose(s, late), 1e-12 * total, "total", r, late);
    ck_assert(!isinf(l.off) || !(is(r, "constant") || is(r, "harmonic") || is(r, "file")));
  }
  ck_assert(total >= ms_schedule_dose(s, late) * (1 - 1e-15));
  if (isinf(l.off)) {
    double want = is(r, "none")                                ? 0
                  : is(r, "step")                              ? l.alpha0 * l.T
                  : is(r, "linear") || is(r, "cosine")         ? l.alpha0 * l.T / 2
                  : is_cycles(r) && isnan(r->tau)              ? l.alpha0 * l.T / 2
                  : is(r, "exponential") || is(r, "quadratic") ? l.alpha0 * l.tau
                  : is(r, "geometric")                         ? l.alpha0 * l.tau / (1 - l.p)
                                                               : total;
    near(total, want, 1e-14 * want, "total", r, INFINITY);
  }
}

START_TEST(totals) {
  each(check_total);
}
END_TEST

START_TEST(default_tau_gives_the_dose_of_linear) {
  static const char *const names[] = {"exponential", "quadratic", "geometric",
                                      "cosine",      "cyclic",    "restarts"};
  static const double p[] = {NAN, 0.5, 0.999}, factor[] = {0, 1.7, 2};
  for (size_t i = 0; i < 6; i++)
    for (size_t k = 0; k < 3; k++) {
      request r = {names[i], 0.3, NAN, NAN, p[k], 17, factor[k]},
              reference = {"linear", 0.3, NAN, NAN, NAN, 17};
      ms_schedule *s = make(&r), *linear = make(&reference);
      near(ms_schedule_total(s), ms_schedule_total(linear), 1e-12, "total", &r, INFINITY);
      near(ms_schedule_total(linear), 0.3 * 17 / 2, 1e-14, "total", &reference, INFINITY);
      ms_schedule_free(s);
      ms_schedule_free(linear);
    }
}
END_TEST

/* ---- Off ------------------------------------------------------------------------------------ */

static void check_off(const request *r, const ms_schedule *s) {
  law l = law_of(r);
  if (isinf(l.off))
    return;
  static const double later[] = {1, 1 + 1e-15, 1.1, 7, 1e12, INFINITY};
  double dose = ms_schedule_dose(s, l.off);
  for (size_t i = 0; i < 6; i++) {
    ck_assert(ms_schedule_alpha(s, later[i] * l.off) == 0);
    ck_assert(ms_schedule_dose(s, later[i] * l.off) == dose);
    ck_assert(i == 0 || ms_schedule_alpha_before(s, later[i] * l.off) == 0);
    ck_assert(isinf(ms_schedule_next_break(s, later[i] * l.off)));
  }
  ck_assert(ms_schedule_total(s) == dose);
  /* Up to then nothing is different, but for the schedules whose T it is. */
  double t = 0.999 * l.off;
  near(ms_schedule_alpha(s, t), formula(r, t), 1e-12 * l.alpha0, "alpha", r, t);
  ck_assert(is(r, "none") || is(r, "file") || is_cycles(r) || ms_schedule_alpha(s, t) > 0);
}

START_TEST(off_is_off) {
  each(check_off);
}
END_TEST

START_TEST(off_from_the_start) {
  for (size_t i = 0; ms_schedule_class_at(i); i++) {
    request r = {ms_schedule_class_at(i)->name, 2, 0, NAN, NAN, 10};
    ms_schedule *s = make(&r);
    static const double times[] = {0, 1e-300, 0.5, 4, 1e10, INFINITY};
    for (size_t k = 0; k < 6; k++) {
      ck_assert_msg(ms_schedule_alpha(s, times[k]) == 0, "%s", r.name);
      ck_assert_msg(ms_schedule_dose(s, times[k]) == 0, "%s", r.name);
      ck_assert_msg(isinf(ms_schedule_next_break(s, times[k])), "%s", r.name);
    }
    double from = NAN;
    ck_assert_msg(ms_schedule_limit(s, &from) == 0 && from == 0, "%s: from %g", r.name, from);
    ck_assert(ms_schedule_total(s) == 0);
    ms_schedule_free(s);
  }
}
END_TEST

START_TEST(strength_zero) {
  for (size_t i = 0; ms_schedule_class_at(i); i++) {
    request r = {ms_schedule_class_at(i)->name, 0, NAN, NAN, NAN, 10};
    ms_schedule *s = make(&r);
    double from = NAN;
    ck_assert_msg(ms_schedule_limit(s, &from) == 0 && from >= 0 && isfinite(from), "%s", r.name);
    ck_assert(ms_schedule_alpha(s, 3) == 0 && ms_schedule_alpha_before(s, 3) == 0);
    ck_assert(ms_schedule_dose(s, 3) == 0 && ms_schedule_total(s) == 0);
    ms_schedule_free(s);
  }
}
END_TEST

/* ---- Breaks --------------------------------------------------------------------------------- */

/* alpha of adaptive in its k-th epoch */
static double alpha_of_step(const law *l, size_t k) {
  return adapted(l, ((double)k + 0.5) * l->tau);
}

/* The k-th break a schedule should have, from 0; INFINITY after the last. */
static double expected_break(const request *r, size_t k) {
  law l = law_of(r);
  double at = INFINITY;
  if (is(r, "step") || is(r, "linear") || is(r, "cosine") || is(r, "formula"))
    at = k == 0 ? l.T : INFINITY;
  else if (is(r, "geometric"))
    at = pow(l.p, (double)k) >= 1e-6 ? (double)(k + 1) * l.tau : INFINITY;
  else if (is(r, "adaptive"))
    at = alpha_of_step(&l, k) >= 1e-6 * l.alpha0 || (double)k * l.tau <= l.T
             ? (double)(k + 1) * l.tau
             : INFINITY;
  else if (is(r, "file"))
    at = k < KNOTS ? knot_time[k] : INFINITY;
  else if (is_cycles(r)) {
    size_t halves = is(r, "cyclic") ? 2 : 1, whole = (k + 1) / halves;
    double length = l.tau;
    at = 0;
    for (size_t i = 0; i < whole; i++, length *= l.factor)
      at += length;
    if ((k + 1) % halves)
      at += length / 2;
    at = fmin(at, l.T);
    if (k > 0 && expected_break(r, k - 1) >= l.T * (1 - 1e-12))
      return INFINITY;
    return at >= l.off * (1 - 1e-12) ? l.off : at;
  }
  if (at < l.off)
    return at;
  return k == 0 || expected_break(r, k - 1) < l.off ? l.off : INFINITY;
}

static void check_breaks(const request *r, const ms_schedule *s) {
  law l = law_of(r);
  double t = 0;
  for (size_t k = 0;; k++) {
    ck_assert_msg(k < 2000, "%s has too many breaks", r->name);
    double b = ms_schedule_next_break(s, t), want = expected_break(r, k);
    near(b, want, is_cycles(r) && isfinite(want) ? 1e-13 * want : 0, "break", r, t);
    if (isinf(b))
      break;
    ck_assert(b > t);
    ck_assert(ms_schedule_next_break(s, t + (b - t) / 2) == b);
    ck_assert(ms_schedule_next_break(s, nextafter(b, 0)) == b);
    /* The values at the break are the limits from the right and from the left. */
    double left = ms_schedule_alpha_before(s, b), right = ms_schedule_alpha(s, b);
    double size = fmax(l.alpha0 * 1e-6, 1e-9 * left);
    near(left, ms_schedule_alpha(s, b - (b - t) * 1e-11), size, "left limit", r, b);
    near(right, ms_schedule_alpha(s, b * (1 + 1e-13)), size, "right limit", r, b);
    if (b == l.off || ((is(r, "step") || is(r, "formula")) && b == l.T)) {
      ck_assert(right == 0);
      if (is(r, "step") || is(r, "constant"))
        ck_assert(left == l.alpha0);
      if (is(r, "exponential") || is(r, "harmonic") || is(r, "quadratic") || is(r, "geometric"))
        ck_assert(left > 0);
    } else if (is(r, "adaptive")) {
      near(left, alpha_of_step(&l, k), 1e-13 * left, "left limit", r, b);
      near(right, alpha_of_step(&l, k + 1), 1e-13 * left, "right limit", r, b);
    } else if (is(r, "restarts") && b < l.T * (1 - 1e-12)) {
      near(left, 0, 1e-13 * l.alpha0, "left limit", r, b);
      near(right, l.alpha0, 1e-13 * l.alpha0, "right limit", r, b);
    } else if (is_cycles(r) && b >= l.T * (1 - 1e-12)) {
      near(right, 0, 0, "end", r, b);
    } else if (is(r, "geometric")) {
      near(left, l.alpha0 * pow(l.p, (double)k), 1e-13 * left, "left limit", r, b);
      near(right, left * l.p, 1e-13 * left, "right limit", r, b);
    } else {
      near(right, left, 1e-14 * l.alpha0, "continuous alpha", r, b);
    }
    t = b;
  }
  /* Away from breaks both limits agree. */
  static double times[TIMES_MAX];
  size_t count = times_of(r, s, times);
  for (size_t i = 0; i < count; i++) {
    double u = times[i], b = ms_schedule_next_break(s, nextafter(u, 0));
    bool step = is_stepped(r) && nearbyint(u / l.tau) * l.tau == u;
    if (b != u && u > 0 && !step)
      near(ms_schedule_alpha_before(s, u), ms_schedule_alpha(s, u), 0, "alpha before", r, u);
  }
}

START_TEST(breaks) {
  each(check_breaks);
}
END_TEST

static void check_limit(const request *r, const ms_schedule *s) {
  law l = law_of(r);
  double from = NAN, limit = ms_schedule_limit(s, &from);
  ck_assert_msg(from >= 0 && limit >= 0, "%s: %g from %g", r->name, limit, from);
  bool lasting = isinf(l.off);
  near(limit,
       !lasting            ? 0
       : is(r, "constant") ? l.alpha0
       : is(r, "file")     ? l.alpha0 * 0.25
                           : 0,
       0, "limit", r, INFINITY);
  if (isfinite(from)) {
    static const double later[] = {0, 1e-9, 1, 1e3, 1e12};
    for (size_t i = 0; i < 5; i++)
      near(ms_schedule_alpha(s, from + later[i] * l.T), limit, 0, "alpha", r, from);
    /* ... and not before. */
    double t = from - 1.3e-3 * l.T;
    if (t >= 0 && !is(r, "none"))
      ck_assert_msg(ms_schedule_alpha(s, t) != limit, "%s, from %g", r->name, from);
    ck_assert(lasting || from <= l.off);
  } else {
    double late = 1e12 * fmax(l.T, l.tau);
    near(ms_schedule_alpha(s, late), limit, 1e-9 * l.alpha0, "alpha", r, late);
    ck_assert(ms_schedule_alpha(s, 20 * l.tau) > limit);
  }
}

START_TEST(limits) {
  each(check_limit);
}
END_TEST

/* Rounding must not put t = k tau into the step before or after. */
START_TEST(geometric_multiples) {
  static const double taus[] = {0.1, 1.0 / 3, 1e-3, 0.7, 1e5 / 3, 1.1e-9};
  for (size_t i = 0; i < sizeof taus / sizeof *taus; i++) {
    request r = {"geometric", 2, NAN, taus[i], 0.999, 10};
    ms_schedule *s = make(&r);
    double tau = taus[i], before = 0;
    for (size_t k = 1; k <= 3000; k++) {
      double t = (double)k * tau, left = nextafter(t, 0), right = nextafter(t, INFINITY);
      double low = 2 * pow(0.999, (double)k), high = low / 0.999;
      near(ms_schedule_alpha(s, t), low, 1e-14, "alpha", &r, t);
      near(ms_schedule_alpha(s, right), low, 1e-14, "alpha", &r, right);
      near(ms_schedule_alpha(s, left), high, 1e-14, "alpha", &r, left);
      near(ms_schedule_alpha_before(s, t), high, 1e-14, "alpha before", &r, t);
      near(ms_schedule_alpha_before(s, right), low, 1e-14, "alpha before", &r, right);
      near(ms_schedule_next_break(s, left), t, 0, "break", &r, left);
      near(ms_schedule_next_break(s, t), (double)(k + 1) * tau, 0, "break", &r, t);
      double dose = ms_schedule_dose(s, t);
      near(dose, 2 * tau * (1 - pow(0.999, (double)k)) / 0.001, 1e-12 * dose, "dose", &r, t);
      near(ms_schedule_dose(s, left), dose, 1e-13 * dose, "dose", &r, left);
      near(ms_schedule_dose(s, right), dose, 1e-13 * dose, "dose", &r, right);
      ck_assert(dose > before);
      before = dose;
    }
    ms_schedule_free(s);
  }
}
END_TEST

/* ---- Which settings count ------------------------------------------------------------------- */

START_TEST(strength) {
  request given = {"constant", 0.25, NAN, NAN, NAN, 10}, not_given = given;
  not_given.wd = NAN;
  ms_schedule *s = make(&given);
  near(ms_schedule_alpha(s, 1), 0.25, 0, "alpha", &given, 1);
  ms_schedule_free(s);
  s = make(&not_given);
  near(ms_schedule_alpha(s, 1), ALPHA0, 0, "alpha", &not_given, 1);
  ms_schedule_free(s);

  /* The schedule file holds alpha itself, which --wd multiplies. */
  request file = {"file", NAN, NAN, NAN, NAN, 10};
  s = make(&file);
  near(ms_schedule_alpha(s, 0), 2, 0, "alpha", &file, 0);
  near(ms_schedule_dose(s, 0.5), 1, 0, "dose", &file, 0.5);
  near(ms_schedule_dose(s, 1), 1 + 0.25 * 2.3, 1e-15, "dose", &file, 1);
  ms_schedule_free(s);
  file.wd = 0.125;
  s = make(&file);
  near(ms_schedule_alpha(s, 0), 0.25, 0, "alpha", &file, 0);
  near(ms_schedule_dose(s, 0.5), 0.125, 0, "dose", &file, 0.5);
  ms_schedule_free(s);
}
END_TEST

static ms_status make_from_file(const char *schedule, const char *path, ms_schedule **s,
                                ms_error *err) {
  ms_config *cfg = ms_config_new();
  ck_assert_int_eq(ms_config_set(cfg, "wd-schedule", schedule, "test", err), MS_OK);
  ck_assert_int_eq(ms_config_set(cfg, "wd-file", path, "test", err), MS_OK);
  ms_status status = ms_schedule_new(s, cfg, ALPHA0, 10, err);
  ms_config_free(cfg);
  return status;
}

/* The multiplicative rule: up only where the loss decreased, |x|_1 >= K and it is early. */
START_TEST(rule_of_the_adaptive_schedule) {
  for (int decreased = 0; decreased < 2; decreased++)
    for (int large = 0; large < 2; large++)
      for (int early = 0; early < 2; early++) {
        double next =
            ms_schedule_adapt(0.3, 1.5, 1, decreased ? 0.99 : 1, large ? 2 : 1.9, 2, early);
        ck_assert_double_eq(next, decreased && large && early ? 0.3 * 1.5 : 0.3 / 1.5);
      }
  ck_assert(ms_schedule_adapt(1, 2, 1, NAN, 5, 1, true) == 0.5); /* a loss that is none */
}
END_TEST

/* Before it has seen anything it is known for one epoch, and its dose not at all. */
START_TEST(adaptive_is_known_as_far_as_it_has_seen) {
  request r = {"adaptive", 0.5, NAN, 2, NAN, 5, 2};
  ms_config *cfg = ms_config_new();
  ms_error err;
  ms_schedule *s;
  ms_config_set(cfg, "wd-schedule", "adaptive", "test", &err);
  set(cfg, "wd", r.wd);
  set(cfg, "wd-tau", r.tau);
  set(cfg, "wd-factor", r.factor);
  ck_assert_int_eq(ms_schedule_new(&s, cfg, ALPHA0, r.T, &err), MS_OK);
  ck_assert(isinf(ms_schedule_total(s)) && ms_schedule_epoch(s) == 0);
  ms_schedule_observe(s, 10, 0, &err);
  ck_assert(isinf(ms_schedule_total(s)) && ms_schedule_epoch(s) == 2);
  ck_assert(ms_schedule_dose(s, 2) == 1 && ms_schedule_next_break(s, 0) == 2);
  ms_schedule_observe(s, 9, 0, &err); /* epoch 1: alpha 1 */
  ck_assert(ms_schedule_epoch(s) == 4 && ms_schedule_alpha(s, 2) == 1);
  ck_assert(ms_schedule_alpha_before(s, 2) == 0.5 && ms_schedule_dose(s, 4) == 3);
  ms_schedule_observe(s, 9, 0, &err); /* epoch 2, from 4 < T = 5: alpha 1/2, then 1/4, 1/8, ... */
  ck_assert(isinf(ms_schedule_epoch(s)));
  ck_assert(ms_schedule_alpha(s, 5) == 0.5 && ms_schedule_alpha(s, 6) == 0.25);
  near(ms_schedule_dose(s, 9), 3 + 1 + 0.5 + 0.125, 1e-14, "dose", &r, 9);
  near(ms_schedule_total(s), 3 + 2, 1e-14, "total", &r, INFINITY);
  ms_schedule_free(s);
  ms_config_free(cfg);
}
END_TEST

START_TEST(cycles_too_short_or_without_a_factor) {
  static const char *const names[] = {"cyclic", "restarts", "adaptive"};
  for (int i = 0; i < 3; i++)
    for (int k = 0; k < 2; k++) {
      ms_config *cfg = ms_config_new();
      ms_error err;
      ms_schedule *s = NULL;
      ms_config_set(cfg, "wd-schedule", names[i], "test", &err);
      set(cfg, "wd-factor", k == 0 ? 1.5 : 1);
      if (k == 0)
        set(cfg, "wd-tau", 1e-6);
      bool fails = k == 0 || i == 2;
      ck_assert_int_eq(ms_schedule_new(&s, cfg, 1, 10, &err), fails ? MS_BAD_SETTING : MS_OK);
      ck_assert(!fails || strstr(err.message, k == 0 ? "--wd-tau" : "--wd-factor") != NULL ||
                strstr(err.message, "test") != NULL);
      ms_schedule_free(s);
      ms_config_free(cfg);
    }
}
END_TEST

static ms_schedule *from_formula(const char *text, double T, ms_error *err) {
  ms_config *cfg = ms_config_new();
  ms_schedule *s = NULL;
  ms_config_set(cfg, "wd-schedule", "formula", "test", err);
  ck_assert_int_eq(ms_config_set(cfg, "wd-formula", text, "--wd-formula", err), MS_OK);
  ms_status status = ms_schedule_new(&s, cfg, ALPHA0, T, err);
  ck_assert((status == MS_OK) == (s != NULL));
  ms_config_free(cfg);
  return s;
}

START_TEST(formulas_in_closed_form) {
  static const struct {
    const char *text;
    double dose; /* at T = 10 */
    size_t ends; /* of smooth pieces */
  } cases[] = {
      {"0.1", 1, 1},
      {"exp(-t/10)", 6.3212055882855767, 1},
      {"1-t/T", 5, 1},
      {"abs(sin(t))", 7 - 0.83907152907645245, 1},    /* 2*3 + 1 + cos 10 */
      {"(1+sign(pi-t))/2", 3.1415926535897932, 2},    /* a jump */
      {"(1+sign(sin(t)))/2", 6.2831853071795865, 4},  /* three of them */
      {"exp(-1e4*(t-3)^2)", 0.017724538509055160, 1}, /* a peak between all samples */
      {"sqrt(t)", 21.081851067789196, 2},             /* an infinite slope counts as a jump */
      {"exp(-t)*(1+cos(40*t))/2", 0.5 * (0.99995460007023752 + 0.00062365932620264), 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ms_error err = {0};
    ms_schedule *s = from_formula(cases[i].text, 10, &err);
    ck_assert_msg(s != NULL, "%s", err.message);
    double t = 0, tolerance = 1e-13 * cases[i].dose;
    size_t ends = 0;
    for (; isfinite(ms_schedule_next_break(s, t)); ends++)
      t = ms_schedule_next_break(s, t);
    ck_assert_msg(ends == cases[i].ends, "%s: %zu breaks", cases[i].text, ends);
    ck_assert_msg(fabs(ms_schedule_total(s) - cases[i].dose) <= tolerance, "%s: %.17g, not %.17g",
                  cases[i].text, ms_schedule_total(s), cases[i].dose);
    ck_assert(t == 10 && ms_schedule_alpha(s, 10) == 0);
    ms_schedule_free(s);
  }
  ms_error err = {0};
  ms_schedule *s = from_formula("(1+sign(pi-t))/2", 10, &err);
  double b = ms_schedule_next_break(s, 0);
  near(b, PI, 1e-13, "jump", &(request){.name = "formula"}, 0);
  ck_assert(ms_schedule_alpha_before(s, b) == 1 && ms_schedule_alpha(s, b) == 0);
  ms_schedule_free(s);
}
END_TEST

START_TEST(formulas_that_are_refused) {
  static const char *const cases[][2] = {
      {"1/t", "--wd-formula: '1/t' is not a finite number at t = 0"},
      {"sin(t)", "must be at least 0"},
      {"0.1-t", "must be at least 0"},
      {"0.1*", "--wd-formula:5"},
      {"beta", "beta"},
      {"abs(sin(1e9*t))", "too rough"},
      {"cbrt(t-1)", "must be at least 0"},
      {"cbrt(t-1)", "is -1 at t = 0 (T = 10)"},
      {"t^2-1e-9", "is -1e-09 at t = 0"},
      {"abs(t-pi)-1e-8", "e-09 at t = 3.14159"},
      {"1/abs(t^2-2)", "uncertain"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ms_error err = {0};
    ck_assert_ptr_null(from_formula(cases[i][0], 10, &err));
    ck_assert_int_eq(err.status, MS_BAD_SETTING);
    ck_assert_msg(strstr(err.message, cases[i][1]) != NULL, "%s", err.message);
  }
}
END_TEST

/* Roots inside [0, T], where the slope is infinite: in closed form, of sin and of t^2 - 2 by
 * quadrature with 30 digits (mpmath). */
START_TEST(formulas_with_infinite_slopes) {
  static const struct {
    const char *text;
    double dose; /* at T = 10 */
    double root; /* where a break is due, NAN: none */
  } cases[] = {
      {"sqrt(abs(t-1))", 56.0 / 3, 1},
      {"abs(t-1)^0.1", 11.101434960490596, 1},
      {"abs(t-1)^(1/3)", 14.790565805600353, 1},
      {"cbrt(t-1)^2", 23.964443038980016, NAN},
      {"sqrt(abs(t-pi/3))", 18.573009958139968, 1.0471975511965977},
      {"sqrt(abs(t^2-2))", 48.424150248794594, 1.4142135623730951},
      {"sqrt(abs(sin(20*t)))", 7.6330810058746377, 3.1415926535897932 / 20},
      {"sin(t)^2", 4.7717636873180931, NAN},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ms_error err = {0};
    ms_schedule *s = from_formula(cases[i].text, 10, &err);
    ck_assert_msg(s != NULL, "%s", err.message);
    double total = ms_schedule_total(s), first = ms_schedule_next_break(s, 1e-6);
    ck_assert_msg(fabs(total - cases[i].dose) <= 1e-11 * cases[i].dose, "%s: %.17g, not %.17g",
                  cases[i].text, total, cases[i].dose);
    if (!isnan(cases[i].root))
      ck_assert_msg(fabs(first - cases[i].root) <= 1e-7, "%s: first break at %.17g", cases[i].text,
                    first);
    ms_schedule_free(s);
  }
}
END_TEST

START_TEST(file_that_ends_with_zero) {
  const char *path = test_file("knots.csv", "t,a\n0,1\n2,0\n");
  ms_schedule *s = NULL;
  ms_error err = {0};
  ck_assert_int_eq(make_from_file("file", path, &s, &err), MS_OK);
  double from = NAN;
  ck_assert(ms_schedule_total(s) == 1);
  ck_assert(ms_schedule_dose(s, 1) == 0.75);
  ck_assert(ms_schedule_dose(s, 1e300) == 1);
  ck_assert(ms_schedule_limit(s, &from) == 0 && from == 2);
  ms_schedule_free(s);
}
END_TEST

/* 1 on [0, 2), 3 to 5 on [2, 4), then 0: two rows of equal time are a jump. */
START_TEST(file_with_jumps) {
  const char *path = test_file("knots.csv", "t,a\n0,1\n2,1\n2,3\n4,5\n4,0\n");
  ms_schedule *s = NULL;
  ms_error err = {0};
  ck_assert_msg(make_from_file("file", path, &s, &err) == MS_OK, "%s", err.message);
  double from = NAN;
  ck_assert(ms_schedule_alpha_before(s, 2) == 1 && ms_schedule_alpha(s, 2) == 3);
  ck_assert(ms_schedule_alpha_before(s, 4) == 5 && ms_schedule_alpha(s, 4) == 0);
  ck_assert(ms_schedule_alpha(s, 3) == 4 && ms_schedule_alpha_before(s, 3) == 4);
  ck_assert(ms_schedule_dose(s, 1) == 1 && ms_schedule_dose(s, 2) == 2);
  ck_assert(ms_schedule_dose(s, 3) == 2 + 3.5 && ms_schedule_dose(s, 4) == 10);
  ck_assert(ms_schedule_total(s) == 10);
  ck_assert(ms_schedule_next_break(s, 0) == 2 && ms_schedule_next_break(s, 2) == 4);
  ck_assert(isinf(ms_schedule_next_break(s, 4)));
  ck_assert(ms_schedule_limit(s, &from) == 0 && from == 4);
  ms_schedule_free(s);
}
END_TEST

START_TEST(file_with_one_row) {
  const char *path = test_file("knots.csv", "t,a\n3,0.5\n");
  ms_schedule *s = NULL;
  ms_error err = {0};
  ck_assert_int_eq(make_from_file("file", path, &s, &err), MS_OK);
  ck_assert(ms_schedule_alpha(s, 0) == 0.5 && ms_schedule_alpha(s, 100) == 0.5);
  ck_assert(ms_schedule_dose(s, 8) == 4);
  ck_assert(isinf(ms_schedule_total(s)));
  ms_schedule_free(s);
}
END_TEST

START_TEST(bad_files) {
  static const struct {
    const char *text, *place, *says;
  } cases[] = {
      {"time\n1\n2\n", ":1:1: ", "has two columns"},
      {"time,alpha,more\n1,2,3\n", ":1:1: ", "this file has 3"},
      {"time,alpha\n0,1\n1,1\n0.5,1\n", ":4:1: ", "time 0.5 is not allowed"},
      {"time,alpha\n0,1\n0,2\n", ":3:1: ", "time 0 is not allowed"},
      {"time,alpha\n0,1\n1,1\n1,2\n1,3\n", ":5:1: ", "comes a third time"},
      {"time,alpha\n-1,1\n0,2\n", ":2:1: ", "time -1 is not allowed"},
      {"time,alpha\n0,1\n1,-0.25\n", ":3:2: ", "alpha -0.25 is not allowed"},
      {"time,alpha\n-0,1\n1,1\n2,nan\n", ":4:3: ", "nan"},
      {"time,alpha\n", "", "no data"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *path = test_file("knots.csv", cases[i].text);
    ms_schedule *s = NULL;
    ms_error err = {0};
    ck_assert_int_eq(make_from_file("file", path, &s, &err), MS_BAD_INPUT);
    ck_assert_int_eq(err.status, MS_BAD_INPUT);
    ck_assert_ptr_null(s);
    const char *start = test_text("%s%s", path, cases[i].place);
    ck_assert_msg(strncmp(err.message, start, strlen(start)) == 0, "%s", err.message);
    ck_assert_msg(strstr(err.message, cases[i].says) != NULL, "%s", err.message);
  }
}
END_TEST

START_TEST(file_and_schedule_go_together) {
  ms_schedule *s = NULL;
  ms_error err = {0};
  const char *missing = test_path("absent.csv");
  ck_assert_int_eq(make_from_file("file", missing, &s, &err), MS_BAD_INPUT);
  ck_assert_ptr_nonnull(strstr(err.message, missing));

  const char *path = put_knots(KNOTS);
  for (size_t i = 0; ms_schedule_class_at(i); i++) {
    const char *name = ms_schedule_class_at(i)->name;
    if (strcmp(name, "file") != 0) /* a formula is missing: that is said first */
      test_refused("diag", WITH(test_text("wd-schedule=%s", name), test_text("wd-file=%s", path)),
                   strcmp(name, "formula") == 0 ? "--wd-formula"
                                                : test_text("--wd-file: has no effect with "
                                                            "--wd-schedule %s; it belongs to "
                                                            "--wd-schedule file",
                                                            name));
  }

  ms_config *cfg = ms_config_new();
  ck_assert_int_eq(ms_config_set(cfg, "wd-schedule", "file", "test", &err), MS_OK);
  ck_assert_int_eq(ms_schedule_new(&s, cfg, 1, 1, &err), MS_BAD_SETTING);
  ck_assert_ptr_nonnull(strstr(err.message, "--wd-file"));
  ck_assert_int_eq(ms_schedule_new(&s, cfg, 1, 1, NULL), MS_BAD_SETTING);
  ck_assert_ptr_null(s);
  ms_config_free(cfg);
}
END_TEST

START_TEST(registry) {
  static const char *const documented[] = {
      "none",      "constant",  "step", "linear", "cosine",   "exponential", "harmonic",
      "quadratic", "geometric", "file", "cyclic", "restarts", "adaptive"};
  size_t count = 0, found = 0;
  for (; ms_schedule_class_at(count); count++) {
    const ms_schedule_class *c = ms_schedule_class_at(count);
    ck_assert(c->name && c->summary && c->alpha && c->dose && c->limit);
    for (size_t k = 0; k < sizeof documented / sizeof *documented; k++)
      found += strcmp(documented[k], c->name) == 0;
    for (size_t k = 0; k < count; k++)
      ck_assert_str_ne(ms_schedule_class_at(k)->name, c->name);
  }
  ck_assert_uint_eq(found, sizeof documented / sizeof *documented);
  ck_assert_ptr_null(ms_schedule_class_at(count + 1));
  ms_schedule_free(NULL);
}
END_TEST

Suite *schedule_suite(void) {
  Suite *suite = suite_create("schedule");
  TCase *tc = tcase_create("schedule");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, formulas);
  tcase_add_test(tc, doses);
  tcase_add_test(tc, totals);
  tcase_add_test(tc, default_tau_gives_the_dose_of_linear);
  tcase_add_test(tc, off_is_off);
  tcase_add_test(tc, off_from_the_start);
  tcase_add_test(tc, strength_zero);
  tcase_add_test(tc, breaks);
  tcase_add_test(tc, limits);
  tcase_add_test(tc, geometric_multiples);
  tcase_add_test(tc, strength);
  tcase_add_test(tc, rule_of_the_adaptive_schedule);
  tcase_add_test(tc, adaptive_is_known_as_far_as_it_has_seen);
  tcase_add_test(tc, cycles_too_short_or_without_a_factor);
  tcase_add_test(tc, formulas_in_closed_form);
  tcase_add_test(tc, formulas_with_infinite_slopes);
  tcase_add_test(tc, formulas_that_are_refused);
  tcase_add_test(tc, file_that_ends_with_zero);
  tcase_add_test(tc, file_with_one_row);
  tcase_add_test(tc, file_with_jumps);
  tcase_add_test(tc, bad_files);
  tcase_add_test(tc, file_and_schedule_go_together);
  tcase_add_test(tc, registry);
  suite_add_tcase(suite, tc);
  return suite;
}
