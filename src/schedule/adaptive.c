/* The schedule that goes by what it sees. */
#include "schedule/classes.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { DEFAULT_EPOCHS = 50 };
static const double DEFAULT_FACTOR = 1.05;

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
  return adaptive_alpha_of(s, ms_schedule_step(s, t, before));
}

static double adaptive_dose(const ms_schedule *s, double t) {
  double k = ms_schedule_step(s, t, false), last = (double)s->epochs - 1;
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
  double k = ms_schedule_step(s, t, false);
  bool over = adaptive_known(s) && adaptive_alpha_of(s, k) < NEGLIGIBLE * s->alpha0;
  return over ? INFINITY : (k + 1) * s->tau;
}

double ms_schedule_adapt(double alpha, double factor, double loss_before, double loss, double l1,
                         double threshold, bool early) {
  return loss < loss_before && l1 >= threshold && early ? alpha * factor : alpha / factor;
}

double ms_schedule_epoch(const ms_schedule *s) {
  if (s->class != &ms_schedule_class_adaptive || (adaptive_known(s) && !isnan(s->last_loss)))
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

static ms_status adaptive_read(ms_schedule *s, const ms_config *cfg, ms_error *err) {
  ms_schedule_read_factor(s, cfg, DEFAULT_FACTOR);
  s->threshold = ms_config_real(cfg, "wd-threshold");
  ms_schedule_read_tau(s, cfg, s->T / DEFAULT_EPOCHS);
  ms_status status = ms_schedule_check_cycles(s, cfg, err);
  if (status == MS_OK && s->factor == 1)
    status = ms_fail(err, MS_BAD_SETTING,
                     "%s: 1 is not allowed; --wd-schedule adaptive takes a factor above 1",
                     ms_config_origin(cfg, "wd-factor"));
  return status == MS_OK ? ms_schedule_observe(s, NAN, 0, err) : status; /* the first alpha */
}

const ms_schedule_class ms_schedule_class_adaptive = {
    .name = "adaptive",
    .summary = "by epochs tau: alpha F while the loss falls and |x|_1 >= K, else alpha / F",
    .alpha = adaptive_alpha,
    .dose = adaptive_dose,
    .next_break = adaptive_break,
    .limit = ms_zero_in_the_end,
    .read = adaptive_read,
};
