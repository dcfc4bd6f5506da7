#include "schedule/schedule.h"
#include "schedule/formula.h"
#include "settings/config.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

MS_REGISTER_HERE(schedule_class)
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

ms_status ms_schedule_new(ms_schedule **out, const ms_config *cfg, double alpha0, double T,
                          ms_error *err) {
  ms_schedule *s = calloc(1, sizeof *s);
  if (!s)
    return ms_no_memory(err);
  s->class = ms_schedule_class_find(ms_config_text(cfg, "wd-schedule"));
  s->literal = s->class->literal;
  bool given = ms_config_text(cfg, "wd") != NULL;
  s->alpha0 = given ? ms_config_real(cfg, "wd") : s->literal ? 1 : alpha0;
  bool half = strcmp(ms_config_text(cfg, "wd-convention"), "half") == 0;
  if ((given || s->literal) && half)
    s->alpha0 /= 2; /* lambda h/2 = alpha h */
  s->cut = INFINITY;
  s->T = T;
  if (ms_config_text(cfg, "wd-off"))
    s->T = s->cut = ms_config_real(cfg, "wd-off");
  s->factor = 1;
  s->tau = s->T / 2;
  s->last_loss = NAN;
  ms_status status = s->class->read ? s->class->read(s, cfg, err) : MS_OK;
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
