/* The schedule that is given as a table of times and values. */
#include "schedule/classes.h"
#include "text/text.h"
#include <math.h>
#include <string.h>

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

static ms_status file_read(ms_schedule *s, const ms_config *cfg, ms_error *err) {
  const char *file = ms_config_text(cfg, "wd-file");
  if (!file)
    return ms_fail(err, MS_BAD_SETTING, "--wd-schedule file needs --wd-file FILE.csv");
  return read_knots(s, file, err);
}

const ms_schedule_class ms_schedule_class_file = {
    .name = "file",
    .summary = "alpha0 times a piecewise linear function from --wd-file",
    .alpha = file_alpha,
    .dose = file_dose,
    .next_break = file_break,
    .limit = file_limit,
    .read = file_read,
    .literal = true,
};
