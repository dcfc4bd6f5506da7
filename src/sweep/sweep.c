#include "sweep/sweep.h"
#include "base/hash.h"
#include "parallel/pool.h"
#include "run/run.h"
#include "text/source.h"
#include "text/text.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <ftw.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CASES_MAX = 100000000, VALUE_LENGTH = 64 };
/* Settings of the sweep itself: they say what happens to its results. */
static const char *const own[] = {"out", "plot", "json", "quiet"};

/* ---- Axes ----------------------------------------------------------------------------------- */

ms_sweep *ms_sweep_new(const ms_config *base) {
  ms_sweep *sweep = calloc(1, sizeof *sweep);
  if (!sweep)
    return NULL;
  sweep->count = 1;
  sweep->base = ms_config_copy(base);
  if (!sweep->base) {
    free(sweep);
    return NULL;
  }
  return sweep;
}

static void axis_release(ms_axis *a) {
  for (size_t k = 0; k < a->keys && a->key; k++)
    free(a->key[k]);
  for (size_t i = 0; i < a->rows * a->keys && a->value; i++)
    free(a->value[i]);
  free(a->key);
  free(a->value);
}

void ms_sweep_free(ms_sweep *sweep) {
  if (!sweep)
    return;
  for (size_t i = 0; i < sweep->axes; i++)
    axis_release(&sweep->axis[i]);
  free(sweep->axis);
  ms_config_free(sweep->base);
  free(sweep);
}

size_t ms_sweep_count(const ms_sweep *sweep) {
  return sweep->count;
}

const char *ms_sweep_key(const ms_sweep *sweep, size_t k) {
  for (size_t i = 0; i < sweep->axes; k -= sweep->axis[i++].keys)
    if (k < sweep->axis[i].keys)
      return sweep->axis[i].key[k];
  return NULL;
}

const char *ms_sweep_value(const ms_sweep *sweep, size_t which, const char *key) {
  for (size_t i = sweep->axes; i-- > 0;) {
    const ms_axis *a = &sweep->axis[i];
    for (size_t k = 0; k < a->keys; k++)
      if (strcmp(a->key[k], key) == 0)
        return a->value[which % a->rows * a->keys + k];
    which /= a->rows;
  }
  return NULL;
}

static const char *swept_candidate(size_t i, void *ctx) {
  (void)ctx;
  return ms_setting_at(i) ? ms_setting_at(i)->name : NULL;
}

/* Can this setting be swept, and is it not yet? */
static ms_status check_key(const ms_sweep *sweep, const char *key, const char *origin,
                           ms_error *err) {
  if (!ms_setting_find(key)) {
    const char *near = ms_nearest(key, swept_candidate, NULL);
    return ms_fail(err, MS_BAD_SETTING, "%s: no setting is called '%.64s'%s%s%s", origin, key,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
  }
  for (size_t i = 0; i < sizeof own / sizeof *own; i++)
    if (strcmp(own[i], key) == 0)
      return ms_fail(err, MS_BAD_SETTING,
                     "%s: '%s' belongs to the sweep as a whole and cannot vary", origin, key);
  for (size_t k = 0; ms_sweep_key(sweep, k); k++)
    if (strcmp(ms_sweep_key(sweep, k), key) == 0)
      return ms_fail(err, MS_BAD_SETTING, "%s: '%s' varies already; once is enough", origin, key);
  return MS_OK;
}

static ms_status check_value(const ms_sweep *sweep, const char *key, const char *value,
                             const char *origin, ms_error *err) {
  ms_config *copy = ms_config_copy(sweep->base);
  ms_status status = copy ? ms_config_set(copy, key, value, origin, err) : ms_no_memory(err);
  ms_config_free(copy);
  return status;
}

/* Takes over `a`. */
static ms_status add_axis(ms_sweep *sweep, const ms_axis *a, const char *origin, ms_error *err) {
  if (a->rows > CASES_MAX / sweep->count)
    return ms_fail(err, MS_BAD_SETTING, "%s: these would be more than %d runs", origin, CASES_MAX);
  ms_axis *all = realloc(sweep->axis, (sweep->axes + 1) * sizeof *all);
  if (!all)
    return ms_no_memory(err);
  sweep->axis = all;
  all[sweep->axes++] = *a;
  sweep->count *= a->rows;
  return MS_OK;
}

/* ---- Lists of values ------------------------------------------------------------------------ */

typedef struct list {
  size_t count;
  char **at;
} list;

static bool push(list *l, const char *text) {
  if ((l->count & (l->count - 1)) == 0) {
    char **more = realloc(l->at, (l->count ? 2 * l->count : 1) * sizeof *more);
    if (!more)
      return false;
    l->at = more;
  }
  return (l->at[l->count] = strdup(text)) && ++l->count;
}

static void list_release(list *l) {
  for (size_t i = 0; i < l->count; i++)
    free(l->at[i]);
  free(l->at);
}

/* 10^power of any magnitude, to twelve digits. */
static void power_text(double power, char *text) {
  double whole = floor(power + 1e-12);
  char mantissa[32];
  snprintf(mantissa, sizeof mantissa, "%.12g", pow(10, power - whole));
  if (strcmp(mantissa, "10") == 0)
    snprintf(mantissa, sizeof mantissa, "1"), whole++;
  snprintf(text, VALUE_LENGTH, "%se%.0f", mantissa, whole);
  double value;
  if (fabs(whole) < 300 && ms_parse_real(text, &value))
    ms_real_text(value, text);
}

/* The parts of "a:b:c"; how many there are, 0 for more than `most`. */
static size_t split(char *text, char **part, size_t most) {
  size_t count = 0;
  for (char *at = text; at; count++) {
    if (count == most)
      return 0;
    part[count] = at;
    if ((at = strchr(at, ':')))
      *at++ = 0;
  }
  return count;
}

static ms_status bad_range(const char *origin, const char *item, const char *why, ms_error *err) {
  return ms_fail(err, MS_BAD_SETTING, "%s: '%.100s' is no range: %s", origin, item, why);
}

/* lin:FROM:TO:COUNT and log:FROM:TO:COUNT */
static ms_status spaced(list *values, const char *item, char **part, size_t parts,
                        const char *origin, ms_error *err) {
  bool log_scale = strcmp(part[0], "log") == 0;
  double from, to, count;
  if (parts != 4)
    return bad_range(origin, item, "it takes FROM:TO:COUNT after it", err);
  if (log_scale ? !ms_parse_log(part[1], &from) || !ms_parse_log(part[2], &to)
                : !ms_parse_real(part[1], &from) || !ms_parse_real(part[2], &to))
    return bad_range(origin, item,
                     log_scale ? "its ends are numbers greater than 0" : "its ends are numbers",
                     err);
  if (!ms_parse_real(part[3], &count) || count != floor(count) || count < 2 || count > CASES_MAX)
    return bad_range(origin, item, "COUNT is a whole number of at least 2", err);
  for (double i = 0; i < count; i++) {
    char text[VALUE_LENGTH];
    double at = from + (to - from) * (i / (count - 1));
    if (log_scale)
      power_text(at / log(10), text);
    else
      snprintf(text, sizeof text, "%.12g", at);
    const char *exact = i == 0 ? part[1] : i == count - 1 ? part[2] : text;
    if (!push(values, exact))
      return ms_no_memory(err);
  }
  return MS_OK;
}

/* A whole number that is not 0 by being too small for a double. */
static bool parse_whole(const char *text, double *value) {
  double log_value;
  return ms_parse_real(text, value) && *value == floor(*value) &&
         (*value != 0 || !ms_parse_log(text, &log_value));
}

/* A whole number: all its digits where they count, else as given or the shortest that is it. */
static const char *whole_text(double value, const char *given, char *text) {
  if (fabs(value) >= 1e15)
    return given ? given : ms_real_text(value, text);
  snprintf(text, VALUE_LENGTH, "%.0f", value);
  return text;
}

/* FROM:TO and FROM:TO:STEP, whole numbers */
static ms_status counted(list *values, const char *item, char **part, size_t parts,
                         const char *origin, ms_error *err) {
  double from, to, step = 1, before = NAN;
  if (!parse_whole(part[0], &from) || !parse_whole(part[1], &to) ||
      (parts == 3 && !parse_whole(part[2], &step)))
    return bad_range(origin, item,
                     "FROM:TO and FROM:TO:STEP are whole numbers; others by "
                     "lin:FROM:TO:COUNT or log:FROM:TO:COUNT",
                     err);
  if (step == 0 || (to - from) / step < 0)
    return bad_range(origin, item, "its steps do not lead from its beginning to its end", err);
  if ((to - from) / step > CASES_MAX)
    return bad_range(origin, item, "it has too many values", err);
  /* of numbers that large a step is rounded: the end is met nearly */
  double near = fabs(from) + fabs(to) >= 1e15 ? 1e-6 : 0;
  for (double i = 0; i <= (to - from) / step + near; i++) {
    char text[VALUE_LENGTH];
    double value = from + i * step;
    if (fabs(to - value) <= near * fabs(step))
      value = to;
    if (value == before)
      return bad_range(origin, item, "its steps are lost in the rounding of numbers so large", err);
    const char *given = i == 0 ? part[0] : value == to ? part[1] : NULL;
    if (!push(values, whole_text(value, given, text)))
      return ms_no_memory(err);
    before = value;
  }
  return MS_OK;
}

/* One item between commas. What is no range is a value: it may be a path with a colon. */
static ms_status add_item(list *values, const ms_setting *s, const char *item, const char *origin,
                          ms_error *err) {
  bool numbers =
      s->type == MS_REAL || s->type == MS_COUNT || s->type == MS_SCALE || s->type == MS_VALUES;
  char *part[5] = {0}, *copy = strdup(item);
  if (!copy)
    return ms_no_memory(err);
  size_t parts = numbers ? split(copy, part, 5) : 1;
  ms_status status = MS_OK;
  if (parts > 1 && (strcmp(part[0], "log") == 0 || strcmp(part[0], "lin") == 0))
    status = spaced(values, item, part, parts, origin, err);
  else if ((parts == 2 || parts == 3) && access(item, F_OK) != 0)
    status = counted(values, item, part, parts, origin, err);
  else
    status = push(values, item) ? MS_OK : ms_no_memory(err);
  free(copy);
  return status;
}

/* "key=item,item,..." into the key and its checked values. */
static ms_status parse(const ms_sweep *sweep, const char *text, const char *origin, char **key,
                       list *values, ms_error *err) {
  const char *equals = strchr(text, '=');
  char place[128];
  if (!equals || equals == text)
    return ms_fail(err, MS_BAD_SETTING, "%s: '%.100s' is not KEY=VALUE,VALUE,...", origin, text);
  *key = strndup(text, (size_t)(equals - text));
  char *items = strdup(equals + 1), *rest = items;
  ms_status status = *key && items ? check_key(sweep, *key, origin, err) : ms_no_memory(err);
  snprintf(place, sizeof place, "%s %.64s", origin, *key ? *key : "");
  while (status == MS_OK && rest) {
    char *item = strsep(&rest, ",");
    if (!*item)
      status = ms_fail(err, MS_BAD_SETTING, "%s: a value is missing in '%.100s'", place, text);
    else
      status = add_item(values, ms_setting_find(*key), item, place, err);
  }
  for (size_t i = 0; status == MS_OK && i < values->count; i++)
    status = check_value(sweep, *key, values->at[i], place, err);
  free(items);
  return status;
}

ms_status ms_sweep_grid(ms_sweep *sweep, const char *text, const char *origin, ms_error *err) {
  ms_axis a = {.keys = 1, .key = calloc(1, sizeof *a.key)};
  list values = {0};
  ms_status status = a.key ? parse(sweep, text, origin, a.key, &values, err) : ms_no_memory(err);
  a.rows = values.count;
  a.value = values.at;
  if (status == MS_OK)
    status = add_axis(sweep, &a, origin, err);
  if (status != MS_OK)
    axis_release(&a);
  return status;
}

/* Puts one more column beside those of an axis. */
static ms_status widen(ms_axis *a, char *key, const list *values, ms_error *err) {
  size_t keys = a->keys + 1;
  char **names = realloc(a->key, keys * sizeof *names);
  if (names)
    a->key = names;
  char **all = calloc(a->rows * keys, sizeof *all);
  if (!names || !all) {
    free(all);
    return ms_no_memory(err);
  }
  a->key[a->keys] = key;
  for (size_t r = 0; r < a->rows; r++) {
    memcpy(all + r * keys, a->value + r * a->keys, a->keys * sizeof *all);
    all[r * keys + a->keys] = values->at[r];
  }
  free(a->value);
  a->value = all;
  a->keys = keys;
  return MS_OK;
}

ms_status ms_sweep_zip(ms_sweep *sweep, const char *text, const char *origin, ms_error *err) {
  ms_axis *with = NULL;
  for (size_t i = 0; i < sweep->axes; i++)
    if (sweep->axis[i].zip)
      with = &sweep->axis[i];
  if (!with) {
    ms_status status = ms_sweep_grid(sweep, text, origin, err);
    if (status == MS_OK)
      sweep->axis[sweep->axes - 1].zip = true;
    return status;
  }
  char *key = NULL;
  list values = {0};
  ms_status status = parse(sweep, text, origin, &key, &values, err);
  if (status == MS_OK && values.count != with->rows)
    status = ms_fail(err, MS_BAD_SETTING,
                     "%s: '%s' has %zu values; it goes along with '%s', which has %zu", origin, key,
                     values.count, with->key[0], with->rows);
  if (status == MS_OK)
    status = widen(with, key, &values, err);
  if (status == MS_OK) {
    free(values.at);
    return MS_OK;
  }
  list_release(&values);
  free(key);
  return status;
}

/* ---- Files of cases ------------------------------------------------------------------------- */

/* The next field of a line of CSV, in place: blanks around and quotes are taken away. *rest: after
 * its comma, NULL at the line's end. False for a quote that does not end. */
static bool next_field(char **rest, char **field) {
  char *at = *rest + strspn(*rest, " \t"), *to = at;
  *field = at;
  if (*at == '"') {
    for (at++; *at && (*at != '"' || at[1] == '"'); at++) {
      at += *at == '"';
      *to++ = *at;
    }
    if (!*at++)
      return false;
    at += strcspn(at, ",");
  } else {
    to = at += strcspn(at, ",");
    while (to > *field && isspace((unsigned char)to[-1]))
      to--;
  }
  *rest = *at ? at + 1 : NULL;
  *to = 0;
  return true;
}

static ms_status read_row(ms_sweep *sweep, ms_axis *a, list *values, char *line, const char *path,
                          size_t number, ms_error *err) {
  char *rest = line, *field, origin[4200];
  size_t k = 0;
  for (; rest; k++) {
    size_t column = (size_t)(rest - line) + 1;
    if (!next_field(&rest, &field))
      return ms_fail(err, MS_BAD_INPUT, "%s:%zu:%zu: a quote does not end", path, number, column);
    snprintf(origin, sizeof origin, "%s:%zu:%zu", path, number, column);
    ms_status status = MS_OK;
    if (number == 1) {
      for (size_t other = 0; other < a->keys && status == MS_OK; other++)
        if (strcmp(a->key[other], field) == 0)
          status = ms_fail(err, MS_BAD_INPUT, "%s: there are two columns '%s'", origin, field);
      if (status == MS_OK)
        status = check_key(sweep, field, origin, err);
      char **more = realloc(a->key, (k + 1) * sizeof *more);
      if (more)
        a->key = more;
      if (!more || !(a->key[k] = strdup(field)))
        return ms_no_memory(err);
      a->keys = k + 1;
    } else if (k < a->keys) {
      char place[4300];
      snprintf(place, sizeof place, "%s: %s", origin, a->key[k]);
      if (*field)
        status = check_value(sweep, a->key[k], field, place, err);
      if (status == MS_OK && !push(values, field))
        status = ms_no_memory(err);
    }
    if (status != MS_OK)
      return status;
  }
  if (k != a->keys)
    return ms_fail(err, MS_BAD_INPUT, "%s:%zu: has %zu fields; the header names %zu", path, number,
                   k, a->keys);
  return MS_OK;
}

ms_status ms_sweep_cases(ms_sweep *sweep, const char *path, ms_error *err) {
  FILE *file = fopen(path, "r");
  if (!file)
    return ms_fail(err, MS_BAD_INPUT, "%s: cannot be read: %s", path, strerror(errno));
  ms_axis a = {0};
  list values = {0};
  char *line = NULL;
  size_t room = 0, number = 0;
  ms_status status = MS_OK;
  ssize_t length;
  while (status == MS_OK && (length = getline(&line, &room, file)) >= 0) {
    const char *foreign = number == 0 ? ms_foreign(line, (size_t)length) : NULL;
    if (foreign) {
      status = ms_fail(err, MS_BAD_INPUT, "%s: %s", path, foreign);
      break;
    }
    line[strcspn(line, "\r\n")] = 0;
    char *begin = line;
    if (number++ == 0 && strncmp(line, "\xef\xbb\xbf", 3) == 0)
      begin += 3; /* a UTF-8 byte order mark */
    if (*begin)
      status = read_row(sweep, &a, &values, begin, path, number, err);
  }
  if (status == MS_OK && ferror(file))
    status = ms_fail(err, MS_BAD_INPUT, "%s: cannot be read: %s", path, strerror(errno));
  free(line);
  fclose(file);
  if (status == MS_OK && (a.keys == 0 || values.count == 0))
    status = ms_fail(err, MS_BAD_INPUT,
                     "%s: has no cases: a header that names settings, then a "
                     "line for each case",
                     path);
  if (status == MS_OK) {
    a.rows = values.count / a.keys;
    a.value = values.at;
    status = add_axis(sweep, &a, path, err);
    if (status == MS_OK)
      return status;
    a.rows = 0;
  }
  a.value = NULL;
  list_release(&values);
  axis_release(&a);
  return status;
}

/* ---- Cases ---------------------------------------------------------------------------------- */

ms_config *ms_sweep_config(const ms_sweep *sweep, size_t which, bool whole_runs, ms_error *err) {
  /* A table needs one flow, and its end. */
  static const char *const lean[][2] = {{"flow", "one"}, {"points", "2"}};
  ms_config *cfg = ms_config_copy(sweep->base);
  ms_status status = cfg ? MS_OK : ms_no_memory(err);
  for (size_t i = 0; i < sizeof own / sizeof *own && status == MS_OK; i++)
    status = ms_config_set(cfg, own[i], "", "", err);
  for (size_t k = 0; status == MS_OK && ms_sweep_key(sweep, k); k++) {
    const char *key = ms_sweep_key(sweep, k);
    status = ms_config_set(cfg, key, ms_sweep_value(sweep, which, key), key, err);
  }
  for (size_t i = 0; i < (whole_runs ? 1 : 2) && status == MS_OK; i++)
    if (!ms_config_given(cfg, lean[i][0]))
      status = ms_config_set(cfg, lean[i][0], lean[i][1], lean[i][0], err);
  if (status == MS_OK)
    return cfg;
  ms_config_free(cfg);
  return NULL;
}

static uint64_t hash_text(uint64_t hash, const char *text) {
  return ms_hash(hash, text ? text : "", text ? strlen(text) + 1 : 1);
}

uint64_t ms_sweep_print(const ms_sweep *sweep, bool whole_runs) {
  uint64_t hash = hash_text(hash_text(0, ms_version()), whole_runs ? "whole" : "");
  for (size_t i = 0; ms_setting_at(i); i++) {
    const char *name = ms_setting_at(i)->name;
    bool part = true;
    for (size_t k = 0; k < sizeof own / sizeof *own; k++)
      part = part && strcmp(own[k], name) != 0;
    if (part)
      hash =
          hash_text(hash_text(hash, name),
                    ms_config_given(sweep->base, name) ? ms_config_text(sweep->base, name) : NULL);
  }
  for (size_t a = 0; a < sweep->axes; a++) {
    const ms_axis *axis = &sweep->axis[a];
    hash = ms_hash(hash, &axis->keys, sizeof axis->keys);
    for (size_t k = 0; k < axis->keys; k++)
      hash = hash_text(hash, axis->key[k]);
    for (size_t i = 0; i < axis->rows * axis->keys; i++)
      hash = hash_text(hash, axis->value[i]);
  }
  return hash;
}

/* ---- Running -------------------------------------------------------------------------------- */

typedef struct job {
  const ms_sweep *sweep;
  const ms_sweep_options *options;
  ms_journal *journal;
  size_t failed, before;
} job;

static void run_folder(const char *dir, size_t which, bool beside, char *path, size_t size) {
  snprintf(path, size, "%s/runs/%s%06zu", dir, beside ? "." : "", which + 1);
}

static int remove_entry(const char *path, const struct stat *info, int kind, struct FTW *at) {
  (void)info, (void)kind, (void)at;
  return remove(path);
}

static void remove_folder(const char *path) {
  nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

/* Does the folder hold what a sweep that was killed may have left: the files of a run? */
static bool is_run(const char *path) {
  char file[4200];
  snprintf(file, sizeof file, "%s/summary.json", path);
  bool there = access(file, F_OK) == 0;
  snprintf(file, sizeof file, "%s/config.ini", path);
  return there && access(file, F_OK) == 0;
}

static ms_status write_run(const job *j, size_t which, const ms_run *run, ms_error *err) {
  char beside[4096], path[4096];
  run_folder(j->options->dir, which, true, beside, sizeof beside);
  run_folder(j->options->dir, which, false, path, sizeof path);
  if (access(path, F_OK) == 0 && !is_run(path))
    return ms_fail(err, MS_CANNOT_WRITE, "%s: is there already, and no run: this sweep leaves it",
                   path);
  remove_folder(beside);
  remove_folder(path);
  ms_status status = ms_run_write(run, beside, err);
  if (status == MS_OK && rename(beside, path) != 0)
    status = ms_fail(err, MS_CANNOT_WRITE, "%s: cannot be made: %s", path, strerror(errno));
  if (status != MS_OK)
    remove_folder(beside);
  return status;
}

/* A field of the journal; what would end it becomes a blank. */
static void put_field(FILE *out, const char *key, const char *value) {
  fprintf(out, "%s\t", key);
  for (; *value; value++)
    fputc(strchr("\t\n\r", *value) ? ' ' : *value, out);
  fputc('\t', out);
}

static ms_status do_case(void *ctx, size_t i, FILE *out, ms_error *err) {
  const job *j = ctx;
  ms_run *run = NULL;
  ms_config *cfg = ms_sweep_config(j->sweep, i, j->options->keep_runs, err);
  ms_status status = cfg ? ms_run_whole(&run, cfg, NULL, err) : err->status;
  if (!run)
    put_field(out, "status", "failed");
  ms_summary entry;
  for (size_t k = 0; run && ms_run_summary_at(run, k, &entry); k++) {
    char text[32] = "";
    if (strcmp(entry.key, "message") == 0)
      continue; /* it is the error */
    if (!entry.text && !isnan(entry.value))
      ms_real_text(entry.value, text);
    put_field(out, entry.key, entry.text ? entry.text : text);
  }
  ms_error why;
  if (run && j->options->keep_runs && write_run(j, i, run, &why) != MS_OK) {
    *err = why; /* not a result of this run: the sweep stops */
    status = MS_CANNOT_WRITE;
  }
  ms_run_free(run);
  ms_config_free(cfg);
  return status;
}

static ms_status case_done(void *ctx, size_t i, ms_status status, const ms_error *why,
                           const void *result, size_t size, ms_error *err) {
  job *j = ctx;
  if (status == MS_CANNOT_WRITE) {
    *err = *why;
    return status;
  }
  char *fields = NULL;
  size_t length = 0;
  FILE *out = open_memstream(&fields, &length);
  if (!out)
    return ms_no_memory(err);
  fwrite(result ? result : "", 1, size, out);
  if (status == MS_CRASHED)
    put_field(out, "status", "failed");
  put_field(out, "error", status < 0 ? why->message : "");
  if (fclose(out) != 0)
    return ms_no_memory(err);
  ms_status going = ms_journal_add(j->journal, i, fields, length, err);
  free(fields);
  j->failed += status < 0;
  if (j->options->progress && going == MS_OK)
    j->options->progress(j->options->ctx, j->journal->done, j->failed, j->sweep->count);
  return going;
}

static void remove_unfinished(const job *j, const size_t *which, size_t jobs) {
  char path[4096];
  for (size_t i = 0; i < jobs; i++) {
    run_folder(j->options->dir, which[i], true, path, sizeof path);
    if (access(path, F_OK) == 0)
      remove_folder(path);
  }
}

static ms_status run_rest(const ms_sweep *sweep, const ms_sweep_options *o, ms_journal *journal,
                          ms_error *err) {
  size_t *which = calloc(sweep->count, sizeof *which), jobs = 0;
  if (!which)
    return ms_no_memory(err);
  for (size_t i = 0; i < sweep->count && journal; i++) /* only the first process has jobs to give */
    if (journal->at[i] == MS_NO_LINE)
      which[jobs++] = i;
  job j = {.sweep = sweep, .options = o, .journal = journal};
  const ms_pool pool = {.count = jobs,
                        .workers = o->workers,
                        .number = which,
                        .spread = true,
                        .ctx = &j,
                        .work = do_case,
                        .done = case_done,
                        .interrupt = o->interrupt};
  ms_status status = ms_pool_run(&pool, err);
  if (o->keep_runs && journal)
    remove_unfinished(&j, which, jobs);
  free(which);
  return status;
}

/* The settings that vary but the seed, where it does among others; NULL: nothing to be grouped. */
static char *default_groups(const ms_sweep *sweep) {
  char *by = NULL;
  size_t size;
  FILE *out = open_memstream(&by, &size);
  bool seeds = false;
  for (size_t k = 0; out && ms_sweep_key(sweep, k); k++) {
    const char *key = ms_sweep_key(sweep, k);
    bool seed = strcmp(key, "seed") == 0;
    seeds = seeds || seed;
    if (!seed)
      fprintf(out, "%s%s", ftell(out) > 0 ? "," : "", key);
  }
  if (out)
    fclose(out);
  if (by && seeds && *by)
    return by;
  free(by);
  return NULL;
}

static ms_status check_groups(const ms_sweep *sweep, const char *by, ms_error *err) {
  for (const char *word = by; *word; word += *word == ',') {
    char name[80];
    size_t length = strcspn(word, ",");
    bool found = false;
    snprintf(name, sizeof name, "%.*s", (int)length, word);
    for (size_t k = 0; ms_sweep_key(sweep, k); k++)
      found = found || strcmp(ms_sweep_key(sweep, k), name) == 0;
    if (!found)
      return ms_fail(err, MS_BAD_SETTING, "--group-by: '%s' does not vary in this sweep", name);
    word += length;
  }
  return MS_OK;
}

static ms_status write_results(const ms_sweep *sweep, const ms_sweep_options *o, ms_journal *j,
                               const char *by, size_t *failed, ms_error *err) {
  ms_status status = ms_journal_reread(j, err);
  *failed = 0;
  for (size_t i = 0; status == MS_OK && i < sweep->count; i++) {
    const char *at = ms_journal_fields(j, i);
    ms_field f;
    while (at && ms_field_next(&at, &f))
      *failed += f.key_size == 5 && memcmp(f.key, "error", 5) == 0 && f.value_size > 0;
  }
  if (status == MS_OK)
    status = ms_sweep_write_table(sweep, j, o->dir, err);
  if (status == MS_OK)
    status = ms_sweep_write_groups(sweep, j, o->dir, by, o->show, err);
  return status;
}

static bool journal_exists(const char *dir) {
  char path[4200];
  struct stat info;
  snprintf(path, sizeof path, "%s/journal", dir);
  return stat(path, &info) == 0 && info.st_size > 0;
}

static bool has_entries(const char *path) {
  DIR *folder = opendir(path);
  bool some = false;
  for (struct dirent *entry; folder && !some && (entry = readdir(folder));)
    some = strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
  if (folder)
    closedir(folder);
  return some;
}

ms_status ms_sweep_run(const ms_sweep *sweep, const ms_sweep_options *o, size_t *failed,
                       ms_error *err) {
  char *chosen = o->group_by ? NULL : default_groups(sweep), path[4096];
  const char *by = o->group_by ? o->group_by : chosen ? chosen : "";
  ms_journal journal = {.fd = -1};
  ms_status status = check_groups(sweep, by, err);
  if (status == MS_OK && ms_rank() > 0) {
    free(chosen);
    return run_rest(sweep, o, NULL, err);
  }
  if (status == MS_OK && ms_folder_make(o->dir, err) != MS_OK)
    status =
        ms_fail(err, MS_BAD_SETTING, "%s", err ? err->message : ""); /* nothing is written yet */
  if (status == MS_OK && o->keep_runs) {
    snprintf(path, sizeof path, "%s/runs", o->dir);
    status = ms_folder_make(path, err);
    if (status == MS_OK && !journal_exists(o->dir) && has_entries(path))
      status =
          ms_fail(err, MS_BAD_SETTING,
                  "%s: holds files that this sweep did not make; another --out leaves them", path);
  }
  if (status == MS_OK)
    status = ms_journal_open(&journal, sweep, o, err);
  if (status == MS_OK) {
    status = run_rest(sweep, o, &journal, err);
    /* Also after a failure: what there is. */
    ms_error unwritten;
    ms_status written =
        journal.done > 0 ? write_results(sweep, o, &journal, by, failed, &unwritten) : MS_OK;
    if (status == MS_OK && written < 0) {
      *err = unwritten;
      status = written;
    }
  }
  ms_journal_close(&journal);
  free(chosen);
  return status;
}
