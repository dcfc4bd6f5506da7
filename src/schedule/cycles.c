/* Schedules that come in cycles. */
#include "schedule/classes.h"
#include <math.h>

static const double PI = 3.14159265358979323846;
enum { DEFAULT_CYCLES = 4 };
static const double MOST_CYCLES = 1e6;

/* Cycles k = 0, 1, ... of length tau F^k, until T. A wave on each that is 1/2 on average:
 *   restarts  alpha_0/2 (1 + cos(pi u)), u from 0 to 1: cosine with warm restarts (SGDR, Loshchilov
 *             & Hutter, arXiv 1608.03983);  integral over u: (u + sin(pi u)/pi)/2
 *   cyclic    alpha_0 (1 - |2u - 1|): triangles (Smith, arXiv 1506.01186);  u^2, from the middle on
 *             1/2 - (1 - u)^2 */

static double cycle_start(const ms_schedule *s, double k) {
  return s->factor > 1 ? s->tau * (expm1(k * log(s->factor)) / (s->factor - 1)) : k * s->tau;
}

/* Up to rounding: the last cycle then is over, and no other begins. */
static bool ends_at_T(const ms_schedule *s, double t) {
  return t >= s->T * (1 - 1e-14);
}

/* The cycle that t is in; where two meet the later, `before` the earlier. */
static double cycle_at(const ms_schedule *s, double t, bool before) {
  double u = t / s->tau, k = floor(s->factor > 1 ? log1p(u * (s->factor - 1)) / log(s->factor) : u);
  if (cycle_start(s, k + 1) <= t)
    k++;
  if (k > 0 && (cycle_start(s, k) > t || (before && cycle_start(s, k) == t)))
    k--;
  if (k > 0 && ends_at_T(s, cycle_start(s, k)))
    k--;
  return k;
}

static double cycle_part(const ms_schedule *s, double k, double t) {
  double start = cycle_start(s, k);
  return fmin((t - start) / (cycle_start(s, k + 1) - start), 1);
}

static double cycles_dose(const ms_schedule *s, double t, double (*integral)(double u)) {
  t = fmin(t, s->T);
  double k = cycle_at(s, t, false), start = cycle_start(s, k);
  return s->alpha0 * (start / 2 + (cycle_start(s, k + 1) - start) * integral(cycle_part(s, k, t)));
}

static double restarts_alpha(const ms_schedule *s, double t, bool before) {
  if (ms_past_T(s, t, before))
    return 0;
  return s->alpha0 * (1 + cos(PI * cycle_part(s, cycle_at(s, t, before), t))) / 2;
}

static double restarts_integral(double u) {
  return (u + sin(PI * u) / PI) / 2;
}

static double restarts_dose(const ms_schedule *s, double t) {
  return cycles_dose(s, t, restarts_integral);
}

static double restarts_break(const ms_schedule *s, double t) {
  if (t >= s->T)
    return INFINITY;
  double end = cycle_start(s, cycle_at(s, t, false) + 1);
  return ends_at_T(s, end) ? s->T : end;
}

static double cyclic_alpha(const ms_schedule *s, double t, bool before) {
  if (ms_past_T(s, t, before))
    return 0;
  double u = cycle_part(s, cycle_at(s, t, before), t);
  return s->alpha0 * 2 * fmin(u, 1 - u);
}

static double cyclic_integral(double u) {
  return u < 0.5 ? u * u : 0.5 - (1 - u) * (1 - u);
}

static double cyclic_dose(const ms_schedule *s, double t) {
  return cycles_dose(s, t, cyclic_integral);
}

static double cyclic_break(const ms_schedule *s, double t) {
  if (t >= s->T)
    return INFINITY;
  double k = cycle_at(s, t, false), start = cycle_start(s, k), end = cycle_start(s, k + 1);
  double middle = start + (end - start) / 2;
  double next = t < middle ? middle : end;
  return ends_at_T(s, next) ? s->T : next;
}

void ms_schedule_read_factor(ms_schedule *s, const ms_config *cfg, double otherwise) {
  s->factor = ms_config_text(cfg, "wd-factor") ? ms_config_real(cfg, "wd-factor") : otherwise;
}

ms_status ms_schedule_check_cycles(const ms_schedule *s, const ms_config *cfg, ms_error *err) {
  if (s->T <= MOST_CYCLES * s->tau)
    return MS_OK;
  return ms_fail(err, MS_BAD_SETTING,
                 "%s: %g is too short for T = %g: --wd-schedule %s takes at most %g of them",
                 ms_config_origin(cfg, "wd-tau"), s->tau, s->T, s->class->name, MOST_CYCLES);
}

static ms_status cycles_read(ms_schedule *s, const ms_config *cfg, ms_error *err) {
  double tau = s->T / DEFAULT_CYCLES;
  ms_schedule_read_factor(s, cfg, 1);
  if (s->factor > 1)
    tau = s->T * (s->factor - 1) / (pow(s->factor, DEFAULT_CYCLES) - 1);
  ms_schedule_read_tau(s, cfg, tau);
  return ms_schedule_check_cycles(s, cfg, err);
}

const ms_schedule_class ms_schedule_class_cyclic = {
    .name = "cyclic",
    .summary = "triangles from 0 to alpha0 and back, of length tau F^k, then 0 from T",
    .alpha = cyclic_alpha,
    .dose = cyclic_dose,
    .next_break = cyclic_break,
    .limit = ms_zero_from_T,
    .read = cycles_read,
};

const ms_schedule_class ms_schedule_class_restarts = {
    .name = "restarts",
    .summary = "cosine with warm restarts: cycles of length tau F^k, then 0 from T",
    .alpha = restarts_alpha,
    .dose = restarts_dose,
    .next_break = restarts_break,
    .limit = ms_zero_from_T,
    .read = cycles_read,
};
