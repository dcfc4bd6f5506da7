#include "schedule/schedule.h"
#include "schedule/formula.h"
#include "settings/config.h"
#include "text/text.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double PI = 3.14159265358979323846;
/* Steps of a geometric schedule below this part of alpha_0 are no breaks: the
 * error control of the integrator copes with them. */
static const double NEGLIGIBLE = 1e-6;
enum { DEFAULT_CYCLES = 4, DEFAULT_EPOCHS = 50 };
static const double DEFAULT_FACTOR = 1.05, MOST_CYCLES = 1e6;

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
  if (past(s, t, before))
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
  if (past(s, t, before))
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

/* adaptive: alpha_k on [k tau, (k+1) tau), by ms_schedule_adapt() from one epoch to the next; after
 * T it is divided by F every time and needs no more observations. */

static double adaptive_last(const ms_schedule *s) { /* the last epoch that is observed for */
  double k = floor(s->T / s->tau);
  return (k + 1) * s->tau <= s->T ? k + 1 : k;
}

static bool adaptive_known(const ms_schedule *s) {
  return (double)s->epochs > adaptive_last(s);
}

/* alpha, and the dose at t, from the epoch k on. */
static double adaptive_alpha_of(const ms_schedule *s, double k) {
  double last = (double)s->epochs - 1;
  if (k <= last)
    return s->value[(size_t)k];
  return adaptive_known(s) ? s->value[s->epochs - 1] * pow(s->factor, last - k)
                           : s->value[s->epochs - 1];
}

static double adaptive_alpha(const ms_schedule *s, double t, bool before) {
  return adaptive_alpha_of(s, geometric_step(s, t, before));
}

static double adaptive_dose(const ms_schedule *s, double t) {
  double k = geometric_step(s, t, false), last = (double)s->epochs - 1;
  if (k <= last)
    return s->sum[(size_t)k] + s->value[(size_t)k] * (t - k * s->tau);
  double start = s->sum[s->epochs - 1], alpha = s->value[s->epochs - 1];
  if (!adaptive_known(s))
    return start + alpha * (t - last * s->tau);
  double p = 1 / s->factor, shrunk = pow(p, k - last);
  if (!isfinite(k) || shrunk == 0)
    return start + alpha * s->tau / (1 - p);
  return start +
         alpha * (-s->tau * expm1((k - last) * log(p)) / (1 - p) + shrunk * (t - k * s->tau));
}

static double adaptive_break(const ms_schedule *s, double t) {
  double k = geometric_step(s, t, false);
  bool over = adaptive_known(s) && adaptive_alpha_of(s, k) < NEGLIGIBLE * s->alpha0;
  return over ? INFINITY : (k + 1) * s->tau;
}

double ms_schedule_adapt(double alpha, double factor, double loss_before, double loss, double l1,
                         double threshold, bool early) {
  return loss < loss_before && l1 >= threshold && early ? alpha * factor : alpha / factor;
}

double ms_schedule_epoch(const ms_schedule *s) {
  if (s->class->alpha != adaptive_alpha || (adaptive_known(s) && !isnan(s->last_loss)))
    return INFINITY;
  double next = isnan(s->last_loss) ? 0 : (double)s->epochs * s->tau;
  return next < s->cut ? next : INFINITY;
}

ms_status ms_schedule_observe(ms_schedule *s, double loss, double l1, ms_error *err) {
  if (s->epochs > 0 && isnan(loss))
    loss = INFINITY; /* seen, and no progress; NaN means nothing seen yet */
  if (s->epochs == s->room) {
    size_t room = 2 * s->room + 64;
    double *value = realloc(s->value, room * sizeof *value);
    if (value)
      s->value = value;
    double *sum = realloc(s->sum, room * sizeof *sum);
    if (sum)
      s->sum = sum;
    if (!value || !sum)
      return ms_no_memory(err);
    s->room = room;
  }
  if (s->epochs == 0) {
    s->value[0] = s->alpha0;
    s->sum[0] = 0;
  } else if (isnan(s->last_loss)) {
    s->last_loss = loss;
    return MS_OK;
  } else {
    size_t k = s->epochs;
    s->value[k] =
        ms_schedule_adapt(s->value[k - 1], s->factor, s->last_loss, loss, l1, s->threshold, true);
    s->sum[k] = s->sum[k - 1] + s->value[k - 1] * s->tau;
    s->last_loss = loss;
  }
  s->epochs++;
  return MS_OK;
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
     zero_in_the_end, true},
    {"harmonic", "alpha0 / (1 + t/tau)", harmonic_alpha, harmonic_dose, NULL, zero_in_the_end,
     true},
    {"quadratic", "alpha0 / (1 + t/tau)^2", quadratic_alpha, quadratic_dose, NULL, zero_in_the_end,
     true},
    {"geometric", "alpha0 p^floor(t/tau)", geometric_alpha, geometric_dose, geometric_break,
     zero_in_the_end, true},
    {"cyclic", "triangles from 0 to alpha0 and back, of length tau F^k, then 0 from T",
     cyclic_alpha, cyclic_dose, cyclic_break, zero_from_T, true},
    {"restarts", "cosine with warm restarts: cycles of length tau F^k, then 0 from T",
     restarts_alpha, restarts_dose, restarts_break, zero_from_T, true},
    {"adaptive", "by epochs tau: alpha F while the loss falls and |x|_1 >= K, else alpha / F",
     adaptive_alpha, adaptive_dose, adaptive_break, zero_in_the_end, true},
    {"file", "alpha0 times a piecewise linear function from --wd-file", file_alpha, file_dose,
     file_break, file_limit},
    {"formula", "alpha0 times --wd-formula on [0, T), then 0", ms_formula_alpha, ms_formula_dose,
     ms_formula_break, zero_from_T},
};

const ms_schedule_class *ms_schedule_class_at(size_t i) {
  return i < sizeof classes / sizeof *classes ? &classes[i] : NULL;
}

MS_CHOICE_AMONG(schedule, ms_schedule_class_at)

static const ms_named conventions[] = {
    {"full", "given is alpha, which acts on h, |w|^2 in most models: dw/dt = ... - 2 alpha w"},
    {"half", "given is lambda = 2 alpha, which acts on h/2, as PyTorch's weight_decay: - lambda w"},
};
MS_CHOICE_OF(conventions)

#define GROUP "Weight decay"
const ms_setting ms_schedule_settings[] = {
    {"wd-schedule", MS_CHOICE, "NAME", "linear", .choice = schedule_choice, .group = GROUP,
     .help = "course of the weight decay alpha(t)"},
    {"wd", MS_REAL, "ALPHA", NULL, .min = 0, .max = HUGE_VAL, .group = GROUP,
     .help =
         "strength alpha0 in dw/dt = ... - alpha grad h (PyTorch's weight_decay is 2 alpha, see "
         "--wd-convention); default: a quarter of max_j |grad f(x0)_j|, for power and deep of "
         "depth L > 3 "
         "divided by L - 2; 1 for the schedules file and formula"},
    {"wd-convention", MS_CHOICE, "NAME", "full", .choice = conventions_choice, .group = GROUP,
     .help = "what --wd, --wd-file and --wd-formula give; alpha and doses that are printed are "
             "those of full, and an alpha that is chosen by default is the same in both"},
    {"wd-off", MS_REAL, "T", NULL, .min = 0, .max = HUGE_VAL, .group = GROUP,
     .help =
         "time from which any schedule is exactly 0; also the T of step, linear, cosine, cyclic "
         "and restarts, which is half of --t-end where this is not given; adaptive raises "
         "alpha only before T"},
    {"wd-tau", MS_REAL, "TIME", NULL, .min = 0, .max = HUGE_VAL, .min_open = true, .group = GROUP,
     .owner =
         "--wd-schedule exponential, harmonic, quadratic, geometric, cyclic, restarts and adaptive",
     .help = "time scale tau; default T/2 (geometric: (1-p) T/2), the dose of linear; first cycle "
             "of cyclic and restarts, default: four cycles until T; epoch of adaptive, default "
             "T/50"},
    {"wd-p", MS_REAL, "P", "0.95", .min = 0, .max = 1, .min_open = true, .max_open = true,
     .group = GROUP, .owner = "--wd-schedule geometric",
     .help = "factor of the geometric schedule"},
    {"wd-factor", MS_REAL, "F", NULL, .min = 1, .max = HUGE_VAL, .group = GROUP,
     .owner = "--wd-schedule cyclic, restarts and adaptive",
     .help = "how many times as long as the one before each cycle of cyclic and restarts is, "
             "default 1; "
             "what adaptive raises and lowers alpha by, default 1.05"},
    {"wd-threshold", MS_REAL, "K", "0", .min = 0, .max = HUGE_VAL, .group = GROUP,
     .owner = "--wd-schedule adaptive", .help = "adaptive lowers alpha where |x|_1 is below K"},
    {"wd-file", MS_PATH, "FILE.csv", NULL, .group = GROUP, .owner = "--wd-schedule file",
     .help = "two columns, time and alpha, with a header, for the schedule file: linear in "
             "between, constant beyond; two rows of equal time are a jump"},
    {"wd-formula", MS_TEXT, "FORMULA", NULL, .group = GROUP, .owner = "--wd-schedule formula",
     .help = "alpha(t) for the schedule formula, of t and T, as 0.1*exp(-t/10); on [0, T), then 0"},
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
  s->row_names = table.row_names;
  memcpy(s->time, table.values, table.rows * sizeof(double));
  memcpy(s->value, table.values + table.rows, table.rows * sizeof(double));
  ms_table_free(&table);
  for (size_t k = 0; k < s->knots; k++) {
    bool back = k > 0 && s->time[k]<s->time[k - 1], jump = k> 0 && s->time[k] == s->time[k - 1];
    if (s->time[k] < 0 || back || (jump && s->time[k] == 0))
      return ms_fail(err, MS_BAD_INPUT,
                     "%s:%zu:1: time %g is not allowed; times start at 0 or "
                     "later and increase from row to row, but for the two rows of a jump after 0",
                     path, k + 2, s->time[k]);
    if (jump && k > 1 && s->time[k] == s->time[k - 2])
      return ms_fail(err, MS_BAD_INPUT,
                     "%s:%zu:1: time %g is not allowed; it comes a third time, but a jump is two "
                     "rows of equal time",
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
  bool from_formula = s->class->alpha == ms_formula_alpha;
  s->literal = from_file || from_formula;
  bool given = ms_config_text(cfg, "wd") || s->literal;
  s->alpha0 = ms_config_text(cfg, "wd") ? ms_config_real(cfg, "wd") : s->literal ? 1 : alpha0;
  bool half = strcmp(ms_config_text(cfg, "wd-convention"), "half") == 0;
  if (given && half)
    s->alpha0 /= 2; /* lambda h/2 = alpha h */
  if (s->class->alpha == none_alpha)
    s->alpha0 = 0;
  s->cut = INFINITY;
  s->T = T;
  if (ms_config_text(cfg, "wd-off"))
    s->T = s->cut = ms_config_real(cfg, "wd-off");
  bool cycles = s->class->dose == cyclic_dose || s->class->dose == restarts_dose;
  bool adaptive = s->class->alpha == adaptive_alpha;
  s->factor = adaptive ? DEFAULT_FACTOR : 1;
  if ((cycles || adaptive) && ms_config_text(cfg, "wd-factor"))
    s->factor = ms_config_real(cfg, "wd-factor");
  if (adaptive)
    s->threshold = ms_config_real(cfg, "wd-threshold");
  s->last_loss = NAN;
  s->tau = s->T / 2;
  if (s->class->alpha == geometric_alpha) {
    s->p = ms_config_real(cfg, "wd-p");
    s->tau *= 1 - s->p;
  } else if (adaptive)
    s->tau = s->T / DEFAULT_EPOCHS;
  else if (cycles && s->factor > 1)
    s->tau = s->T * (s->factor - 1) / (pow(s->factor, DEFAULT_CYCLES) - 1);
  else if (cycles)
    s->tau = s->T / DEFAULT_CYCLES;
  if (s->class->has_tau && ms_config_text(cfg, "wd-tau"))
    s->tau = ms_config_real(cfg, "wd-tau");
  ms_status status = MS_OK;
  if ((cycles || adaptive) && s->T > MOST_CYCLES * s->tau)
    status = ms_fail(err, MS_BAD_SETTING,
                     "%s: %g is too short for T = %g: --wd-schedule %s takes at most %g of them",
                     ms_config_origin(cfg, "wd-tau"), s->tau, s->T, name, MOST_CYCLES);
  else if (from_file && !file)
    status = ms_fail(err, MS_BAD_SETTING, "--wd-schedule file needs --wd-file FILE.csv");
  else if (file && !from_file)
    status =
        ms_fail(err, MS_BAD_SETTING, "--wd-file goes with --wd-schedule file, not with '%s'", name);
  else if (from_formula != (ms_config_text(cfg, "wd-formula") != NULL))
    status = from_formula
                 ? ms_fail(err, MS_BAD_SETTING, "--wd-schedule formula needs --wd-formula FORMULA")
                 : ms_fail(err, MS_BAD_SETTING,
                           "--wd-formula goes with --wd-schedule formula, not with '%s'", name);
  else if (from_formula)
    status = ms_formula_read(s, cfg, err);
  else if (adaptive && s->factor == 1)
    status = ms_fail(err, MS_BAD_SETTING,
                     "%s: 1 is not allowed; --wd-schedule adaptive takes a factor above 1",
                     ms_config_origin(cfg, "wd-factor"));
  else if (from_file)
    status = read_knots(s, file, err);
  else if (adaptive)
    status = ms_schedule_observe(s, NAN, 0, err); /* the first alpha */
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
  ms_formula_pieces_free(s->pieces);
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
  if (isfinite(ms_schedule_epoch(s)) && s->alpha0 > 0)
    return INFINITY;
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
