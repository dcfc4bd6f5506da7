/* Schedules in closed form. */
#include "schedule/classes.h"
#include <math.h>

static const double PI = 3.14159265358979323846;

/* ---- Limits, breaks, time scales ----------------------------------------------------------- */

static double zero_from_start(const ms_schedule *s, double *from) {
  (void)s;
  *from = 0;
  return 0;
}

double ms_zero_from_T(const ms_schedule *s, double *from) {
  *from = s->T;
  return 0;
}

double ms_zero_in_the_end(const ms_schedule *s, double *from) {
  *from = s->alpha0 > 0 ? INFINITY : 0;
  return 0;
}

static double break_at_T(const ms_schedule *s, double t) {
  return t < s->T ? s->T : INFINITY;
}

bool ms_past_T(const ms_schedule *s, double t, bool before) {
  return before ? t > s->T : t >= s->T;
}

/* none: 0 */

static double none_alpha(const ms_schedule *s, double t, bool before) {
  (void)s, (void)t, (void)before;
  return 0;
}

static double none_dose(const ms_schedule *s, double t) {
  (void)s, (void)t;
  return 0;
}

/* constant: alpha_0 */

static double constant_alpha(const ms_schedule *s, double t, bool before) {
  (void)t, (void)before;
  return s->alpha0;
}

static double constant_dose(const ms_schedule *s, double t) {
  return s->alpha0 * t;
}

static double constant_limit(const ms_schedule *s, double *from) {
  *from = 0;
  return s->alpha0;
}

/* step: alpha_0 on [0, T) */

static double step_alpha(const ms_schedule *s, double t, bool before) {
  return ms_past_T(s, t, before) ? 0 : s->alpha0;
}

static double step_dose(const ms_schedule *s, double t) {
  return s->alpha0 * fmin(t, s->T);
}

/* linear: alpha_0 (1 - t/T)+;  A = alpha_0 t (1 - t/(2T)) */

static double linear_alpha(const ms_schedule *s, double t, bool before) {
  return ms_past_T(s, t, before) ? 0 : s->alpha0 * (1 - t / s->T);
}

static double linear_dose(const ms_schedule *s, double t) {
  t = fmin(t, s->T);
  return s->alpha0 * t * (1 - t / s->T / 2);
}

/* cosine: alpha_0/2 (1 + cos(pi t/T)) on [0, T);  A = alpha_0/2 (t + T/pi sin(pi t/T)) */

static double cosine_alpha(const ms_schedule *s, double t, bool before) {
  return ms_past_T(s, t, before) ? 0 : s->alpha0 * (1 + cos(PI * t / s->T)) / 2;
}

static double cosine_dose(const ms_schedule *s, double t) {
  t = fmin(t, s->T);
  return s->alpha0 * (t + s->T / PI * sin(PI * t / s->T)) / 2;
}

/* exponential: alpha_0 e^{-t/tau};  A = alpha_0 tau (1 - e^{-t/tau}) */

static double exponential_alpha(const ms_schedule *s, double t, bool before) {
  (void)before;
  return s->alpha0 * exp(-t / s->tau);
}

static double exponential_dose(const ms_schedule *s, double t) {
  return -s->alpha0 * s->tau * expm1(-t / s->tau);
}

/* harmonic: alpha_0 / (1 + t/tau);  A = alpha_0 tau ln(1 + t/tau) */

static double harmonic_alpha(const ms_schedule *s, double t, bool before) {
  (void)before;
  return s->alpha0 / (1 + t / s->tau);
}

static double harmonic_dose(const ms_schedule *s, double t) {
  double u = t / s->tau;
  return s->alpha0 * s->tau * (isfinite(u) || isinf(t) ? log1p(u) : log(t) - log(s->tau));
}

/* quadratic: alpha_0 / (1 + t/tau)^2;  A = alpha_0 t / (1 + t/tau) */

static double quadratic_alpha(const ms_schedule *s, double t, bool before) {
  (void)before;
  double u = 1 + t / s->tau;
  return s->alpha0 / u / u;
}

static double quadratic_dose(const ms_schedule *s, double t) {
  return t > 0 ? s->alpha0 / (1 / t + 1 / s->tau) : 0;
}

/* geometric: alpha_0 p^k, k = floor(t/tau);
 * A = alpha_0 (tau (1 - p^k)/(1 - p) + p^k (t - k tau)) */

double ms_schedule_step(const ms_schedule *s, double t, bool before) {
  double k = floor(t / s->tau);
  if ((k + 1) * s->tau <= t)
    k++;
  if (k * s->tau > t || (before && k > 0 && k * s->tau == t))
    k--;
  return k;
}

static double geometric_alpha(const ms_schedule *s, double t, bool before) {
  return s->alpha0 * pow(s->p, ms_schedule_step(s, t, before));
}

static double geometric_dose(const ms_schedule *s, double t) {
  double k = ms_schedule_step(s, t, false);
  if (!isfinite(k) || pow(s->p, k) == 0)
    return s->alpha0 * s->tau / (1 - s->p);
  return s->alpha0 *
         (-s->tau * expm1(k * log(s->p)) / (1 - s->p) + pow(s->p, k) * (t - k * s->tau));
}

static double geometric_break(const ms_schedule *s, double t) {
  double k = ms_schedule_step(s, t, false);
  return pow(s->p, k) < NEGLIGIBLE ? INFINITY : (k + 1) * s->tau;
}

/* ---- Reading -------------------------------------------------------------------------------- */

void ms_schedule_read_tau(ms_schedule *s, const ms_config *cfg, double otherwise) {
  s->tau = ms_config_text(cfg, "wd-tau") ? ms_config_real(cfg, "wd-tau") : otherwise;
}

static ms_status none_read(ms_schedule *s, const ms_config *cfg, ms_error *err) {
  (void)cfg, (void)err;
  s->alpha0 = 0;
  return MS_OK;
}

static ms_status tau_read(ms_schedule *s, const ms_config *cfg, ms_error *err) {
  (void)err;
  ms_schedule_read_tau(s, cfg, s->T / 2);
  return MS_OK;
}

static ms_status geometric_read(ms_schedule *s, const ms_config *cfg, ms_error *err) {
  (void)err;
  s->p = ms_config_real(cfg, "wd-p");
  ms_schedule_read_tau(s, cfg, (1 - s->p) * (s->T / 2));
  return MS_OK;
}

const ms_schedule_class ms_schedule_class_none = {
    .name = "none",
    .summary = "alpha = 0",
    .alpha = none_alpha,
    .dose = none_dose,
    .limit = zero_from_start,
    .read = none_read,
};

const ms_schedule_class ms_schedule_class_constant = {
    .name = "constant",
    .summary = "alpha0 for ever",
    .alpha = constant_alpha,
    .dose = constant_dose,
    .limit = constant_limit,
};

const ms_schedule_class ms_schedule_class_step = {
    .name = "step",
    .summary = "alpha0 on [0, T), then 0",
    .alpha = step_alpha,
    .dose = step_dose,
    .next_break = break_at_T,
    .limit = ms_zero_from_T,
};

const ms_schedule_class ms_schedule_class_linear = {
    .name = "linear",
    .summary = "alpha0 (1 - t/T), then 0",
    .alpha = linear_alpha,
    .dose = linear_dose,
    .next_break = break_at_T,
    .limit = ms_zero_from_T,
};

const ms_schedule_class ms_schedule_class_cosine = {
    .name = "cosine",
    .summary = "alpha0 (1 + cos(pi t/T))/2, then 0",
    .alpha = cosine_alpha,
    .dose = cosine_dose,
    .next_break = break_at_T,
    .limit = ms_zero_from_T,
};

const ms_schedule_class ms_schedule_class_exponential = {
    .name = "exponential",
    .summary = "alpha0 exp(-t/tau)",
    .alpha = exponential_alpha,
    .dose = exponential_dose,
    .limit = ms_zero_in_the_end,
    .read = tau_read,
};

const ms_schedule_class ms_schedule_class_harmonic = {
    .name = "harmonic",
    .summary = "alpha0 / (1 + t/tau)",
    .alpha = harmonic_alpha,
    .dose = harmonic_dose,
    .limit = ms_zero_in_the_end,
    .read = tau_read,
};

const ms_schedule_class ms_schedule_class_quadratic = {
    .name = "quadratic",
    .summary = "alpha0 / (1 + t/tau)^2",
    .alpha = quadratic_alpha,
    .dose = quadratic_dose,
    .limit = ms_zero_in_the_end,
    .read = tau_read,
};

const ms_schedule_class ms_schedule_class_geometric = {
    .name = "geometric",
    .summary = "alpha0 p^floor(t/tau)",
    .alpha = geometric_alpha,
    .dose = geometric_dose,
    .next_break = geometric_break,
    .limit = ms_zero_in_the_end,
    .read = geometric_read,
};
