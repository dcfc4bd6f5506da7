#include "schedule.h"
#include "config.h"
#include "text.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double PI = 3.14159265358979323846;
/* Steps of a geometric schedule below this part of alpha_0 are no breaks: the
 * error control of the integrator copes with them. */
static const double NEGLIGIBLE = 1e-6;

/* Limits. */

static double zero_from_start(const ms_schedule *s, double *from) {
  (void)s;
  *from = 0;
  return 0;
}

static double zero_from_T(const ms_schedule *s, double *from) {
  *from = s->T;
  return 0;
}

static double zero_in_the_end(const ms_schedule *s, double *from) {
  *from = s->alpha0 > 0 ? INFINITY : 0;
  return 0;
}

static double break_at_T(const ms_schedule *s, double t) {
  return t < s->T ? s->T : INFINITY;
}

static bool past(const ms_schedule *s, double t, bool before) {
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
  return past(s, t, before) ? 0 : s->alpha0;
}

static double step_dose(const ms_schedule *s, double t) {
  return s->alpha0 * fmin(t, s->T);
}

/* linear: alpha_0 (1 - t/T)+;  A = alpha_0 t (1 - t/(2T)) */

static double linear_alpha(const ms_schedule *s, double t, bool before) {
  return past(s, t, before) ? 0 : s->alpha0 * (1 - t / s->T);
}

static double linear_dose(const ms_schedule *s, double t) {
  t = fmin(t, s->T);
  return s->alpha0 * t * (1 - t / s->T / 2);
}

/* cosine: alpha_0/2 (1 + cos(pi t/T)) on [0, T);  A = alpha_0/2 (t + T/pi sin(pi t/T)) */

static double cosine_alpha(const ms_schedule *s, double t, bool before) {
  return past(s, t, before) ? 0 : s->alpha0 * (1 + cos(PI * t / s->T)) / 2;
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

static double geometric_step(const ms_schedule *s, double t, bool before) {
  double k = floor(t / s->tau);
  if ((k + 1) * s->tau <= t)
    k++;
  if (k * s->tau > t || (before && k > 0 && k * s->tau == t))
    k--;
  return k;
}

static double geometric_alpha(const ms_schedule *s, double t, bool before) {
  return s->alpha0 * pow(s->p, geometric_step(s, t, before));
}

static double geometric_dose(const ms_schedule *s, double t) {
  double k = geometric_step(s, t, false);
  if (!isfinite(k) || pow(s->p, k) == 0)
    return s->alpha0 * s->tau / (1 - s->p);
  return s->alpha0 *
         (-s->tau * expm1(k * log(s->p)) / (1 - s->p) + pow(s->p, k) * (t - k * s->tau));
}

static double geometric_break(const ms_schedule *s, double t) {
  double k = geometric_step(s, t, false);
  return pow(s->p, k) < NEGLIGIBLE ? INFINITY : (k + 1) * s->tau;
}

/* file: alpha_0 times the piecewise linear function through the knots, constant beyond them */

static size_t file_segment(const ms_schedule *s, double t, bool before) {
  size_t lo = 0, hi = s->knots; /* number of knots at or left of t (strictly left for before) */
  while (lo < hi) {
    size_t mid = (lo + hi) / 2;
    if (before ? s->time[mid] < t : s->time[mid] <= t)
      lo = mid + 1;
    else
      hi = mid;
  }
  return lo;
}

static double file_alpha(const ms_schedule *s, double t, bool before) {
  size_t k = file_segment(s, t, before);
  if (k == 0)
    return s->alpha0 * s->value[0];
  if (k == s->knots)
    return s->alpha0 * s->value[k - 1];
  double u = (t - s->time[k - 1]) / (s->time[k] - s->time[k - 1]);
  return s->alpha0 * (s->value[k - 1] + u * (s->value[k] - s->value[k - 1]));
}

static double file_dose(const ms_schedule *s, double t) {
  size_t k = file_segment(s, t, false);
  if (k == 0)
    return s->alpha0 * s->value[0] * t;
  double start = s->alpha0 * s->sum[k - 1], span = t - s->time[k - 1];
  if (k == s->knots) /* 0 * infinity is 0 here: no weight decay for ever is no dose */
    return s->value[k - 1] == 0 ? start : start + s->alpha0 * s->value[k - 1] * span;
  return start + (s->alpha0 * s->value[k - 1] + file_alpha(s, t, false)) / 2 * span;
}

static double file_break(const ms_schedule *s, double t) {
  size_t k = file_segment(s, t, false);
  return k == s->knots ? INFINITY : s->time[k];
}

static double file_limit(const ms_schedule *s, double *from) {
  *from = s->time[s->knots - 1];
  return s->alpha0 * s->value[s->knots - 1];
}

static const ms_schedule_class classes[] = {
    {"none", "alpha = 0", none_alpha, none_dose, NULL, zero_from_start},
    {"constant", "alpha0 for ever", constant_alpha, constant_dose, NULL, constant_limit},
    {"step", "alpha0 on [0, T), then 0", step_alpha, step_dose, break_at_T, zero_from_T},
    {"linear", "alpha0 (1 - t/T), then 0", linear_alpha, linear_dose, break_at_T, zero_from_T},
    {"cosine", "alpha0 (1 + cos(pi t/T))/2, then 0", cosine_alpha, cosine_dose, break_at_T,
     zero_from_T},
    {"exponential", "alpha0 exp(-t/tau)", exponential_alpha, exponential_dose, NULL,
     zero_in_the_end},
    {"harmonic", "alpha0 / (1 + t/tau)", harmonic_alpha, harmonic_dose, NULL, zero_in_the_end},
    {"quadratic", "alpha0 / (1 + t/tau)^2", quadratic_alpha, quadratic_dose, NULL, zero_in_the_end},
    {"geometric", "alpha0 p^floor(t/tau)", geometric_alpha, geometric_dose, geometric_break,
     zero_in_the_end},
    {"file", "alpha0 times a piecewise linear function from --wd-file", file_alpha, file_dose,
     file_break, file_limit},
};

const ms_schedule_class *ms_schedule_class_at(size_t i) {
  return i < sizeof classes / sizeof *classes ? &classes[i] : NULL;
}

static const char *schedule_choice(size_t i, const char **summary) {
  const ms_schedule_class *c = ms_schedule_class_at(i);
  if (c && summary)
    *summary = c->summary;
  return c ? c->name : NULL;
}

#define GROUP "Weight decay"
const ms_setting ms_schedule_settings[] = {
    {"wd-schedule", MS_CHOICE, "NAME", "linear", .choice = schedule_choice, .group = GROUP,
     .help = "course of the weight decay alpha(t)"},
    {"wd", MS_REAL, "ALPHA", NULL, .min = 0, .max = HUGE_VAL, .group = GROUP,
     .help = "strength alpha0 in dw/dt = ... - alpha grad h (PyTorch's weight_decay is 2 alpha); "
             "default: a quarter of max_j |grad f(x0)_j|, 1 for the schedule file"},
    {"wd-off", MS_REAL, "T", NULL, .min = 0, .max = HUGE_VAL, .group = GROUP,
     .help = "time from which any schedule is exactly 0; also the T of step, linear and cosine, "
             "which is half of --t-end where this is not given"},
    {"wd-tau", MS_REAL, "TIME", NULL, .min = 0, .max = HUGE_VAL, .min_open = true, .group = GROUP,
     .help = "time scale tau; default T/2 (geometric: (1-p) T/2), the dose of linear"},
    {"wd-p", MS_REAL, "P", "0.95", .min = 0, .max = 1, .min_open = true, .max_open = true,
     .group = GROUP, .help = "factor of the geometric schedule"},
    {"wd-file", MS_PATH, "FILE.csv", NULL, .group = GROUP,
     .help = "two columns, time and alpha, with a header, for the schedule file: linear in "
             "between, constant beyond"},
    {.name = NULL},
};

static ms_status read_knots(ms_schedule *s, const char *path, ms_error *err) {
  ms_table table;
  ms_status status = ms_table_read(&table, path, err);
  if (status != MS_OK)
    return status;
  if (table.cols != 2) {
    status = ms_fail(err, MS_BAD_INPUT,
                     "%s:1:1: a schedule has two columns, time and alpha; this "
                     "file has %zu",
                     path, table.cols);
    ms_table_free(&table);
    return status;
  }
  s->knots = table.rows;
  s->time = ms_doubles(table.rows);
  s->value = ms_doubles(table.rows);
  s->sum = ms_doubles(table.rows);
  if (!s->time || !s->value || !s->sum) {
    ms_table_free(&table);
    return ms_no_memory(err);
  }
  memcpy(s->time, table.values, table.rows * sizeof(double));
  memcpy(s->value, table.values + table.rows, table.rows * sizeof(double));
  ms_table_free(&table);
  for (size_t k = 0; k < s->knots; k++) {
    if (k == 0 ? s->time[k] < 0 : s->time[k] <= s->time[k - 1])
      return ms_fail(err, MS_BAD_INPUT,
                     "%s:%zu:1: time %g is not allowed; times start at 0 or "
                     "later and increase from row to row",
                     path, k + 2, s->time[k]);
    if (s->value[k] < 0)
      return ms_fail(err, MS_BAD_INPUT, "%s:%zu:2: alpha %g is not allowed; it must be at least 0",
                     path, k + 2, s->value[k]);
    s->sum[k] = k == 0 ? s->value[0] * s->time[0]
                       : s->sum[k - 1] +
                             (s->value[k] + s->value[k - 1]) / 2 * (s->time[k] - s->time[k - 1]);
  }
  return MS_OK;
}

ms_status ms_schedule_new(ms_schedule **out, const ms_config *cfg, double alpha0, double T,
                          ms_error *err) {
  ms_schedule *s = calloc(1, sizeof *s);
  if (!s)
    return ms_no_memory(err);
  const char *name = ms_config_text(cfg, "wd-schedule"), *file = ms_config_text(cfg, "wd-file");
  size_t i = 0;
  while (strcmp(classes[i].name, name) != 0)
    i++;
  s->class = &classes[i];
  bool from_file = s->class->alpha == file_alpha;
  s->alpha0 = ms_config_text(cfg, "wd") ? ms_config_real(cfg, "wd") : from_file ? 1 : alpha0;
  if (s->class->alpha == none_alpha)
    s->alpha0 = 0;
  s->cut = INFINITY;
  s->T = T;
  if (ms_config_text(cfg, "wd-off"))
    s->T = s->cut = ms_config_real(cfg, "wd-off");
  s->p = ms_config_real(cfg, "wd-p");
  s->tau = s->T / 2 * (s->class->alpha == geometric_alpha ? 1 - s->p : 1);
  if (ms_config_text(cfg, "wd-tau"))
    s->tau = ms_config_real(cfg, "wd-tau");
  ms_status status = MS_OK;
  if (from_file && !file)
    status = ms_fail(err, MS_BAD_SETTING, "--wd-schedule file needs --wd-file FILE.csv");
  else if (file && !from_file)
    status =
        ms_fail(err, MS_BAD_SETTING, "--wd-file goes with --wd-schedule file, not with '%s'", name);
  else if (from_file)
    status = read_knots(s, file, err);
  if (status != MS_OK) {
    ms_schedule_free(s);
    return status;
  }
  *out = s;
  return MS_OK;
}

void ms_schedule_free(ms_schedule *s) {
  if (!s)
    return;
  free(s->time);
  free(s->value);
  free(s->sum);
  free(s);
}

double ms_schedule_alpha(const ms_schedule *s, double t) {
  return t >= s->cut ? 0 : s->class->alpha(s, t, false);
}

double ms_schedule_alpha_before(const ms_schedule *s, double t) {
  return t > s->cut || s->cut == 0 ? 0 : s->class->alpha(s, t, true);
}

double ms_schedule_dose(const ms_schedule *s, double t) {
  /* Nothing to add up: also where T = 0 leaves the formulas without a time scale. */
  if (s->alpha0 == 0 || s->cut == 0)
    return 0;
  return s->class->dose(s, fmin(t, s->cut));
}

double ms_schedule_total(const ms_schedule *s) {
  return ms_schedule_dose(s, INFINITY);
}

double ms_schedule_next_break(const ms_schedule *s, double t) {
  double next = s->class->next_break ? s->class->next_break(s, t) : INFINITY;
  if (t < s->cut)
    return fmin(next, s->cut);
  return INFINITY;
}

double ms_schedule_limit(const ms_schedule *s, double *from) {
  double limit = s->class->limit(s, from);
  if (s->cut >= *from)
    return limit == 0 ? 0 : isinf(s->cut) ? limit : (*from = s->cut, 0);
  *from = s->cut;
  return 0;
}

double ms_schedule_off(const ms_schedule *s) {
  double from, limit = ms_schedule_limit(s, &from);
  return s->alpha0 > 0 && limit == 0 && isfinite(from) ? from : NAN;
}
