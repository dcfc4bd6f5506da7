/* Groups of a sweep's runs: mean and quantiles of each number over the runs that agree in the
 * settings grouped by; and of one number what the plots draw. */
#include "sweep/sweep.h"
#include "text/text.h"
#include <gsl/gsl_sort.h>
#include <gsl/gsl_statistics.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct grouping {
  const ms_sweep *sweep;
  const ms_journal *journal;
  size_t keys, groups;
  char **key;
  size_t *order;  /* cases, those of a group one after the other; groups by their first case */
  size_t *start;  /* groups + 1: where each begins in order */
  double *values; /* room for those of one group */
} grouping;

static const double quantile[] = {0.1, 0.25, 0.5, 0.75, 0.9};
enum { QUANTILES = 5, MEDIAN = 2 };

typedef struct spread {
  size_t count;
  double mean, sd, least, most, q[QUANTILES];
} spread;

/* ---- Which run is in which group ------------------------------------------------------------ */

static int compare_keys(const grouping *g, size_t a, size_t b) {
  for (size_t k = 0; k < g->keys; k++) {
    int order =
        strcmp(ms_sweep_value(g->sweep, a, g->key[k]), ms_sweep_value(g->sweep, b, g->key[k]));
    if (order)
      return order;
  }
  return 0;
}

static int by_keys(const void *a, const void *b, void *ctx) {
  size_t i = *(const size_t *)a, j = *(const size_t *)b;
  int order = compare_keys(ctx, i, j);
  return order ? order : i < j ? -1 : i > j;
}

static int by_first(const void *a, const void *b) {
  const size_t *i = a, *j = b;
  return *i < *j ? -1 : *i > *j;
}

static void grouping_release(grouping *g) {
  for (size_t k = 0; k < g->keys; k++)
    free(g->key[k]);
  free(g->key);
  free(g->order);
  free(g->start);
  free(g->values);
}

static ms_status find_groups(grouping *g, ms_error *err) {
  size_t count = g->sweep->count, groups = 0;
  size_t *sorted = calloc(count, sizeof *sorted), *first = calloc(2 * count, sizeof *first);
  g->order = calloc(count, sizeof *g->order);
  g->start = calloc(count + 1, sizeof *g->start);
  g->values = ms_doubles(count);
  if (!sorted || !first || !g->order || !g->start || !g->values) {
    free(sorted);
    free(first);
    return ms_no_memory(err);
  }
  for (size_t i = 0; i < count; i++)
    sorted[i] = i;
  qsort_r(sorted, count, sizeof *sorted, by_keys, g);
  for (size_t i = 0; i < count; i++)
    if (i == 0 || compare_keys(g, sorted[i - 1], sorted[i]) != 0) {
      first[2 * groups] = sorted[i];
      first[2 * groups++ + 1] = i;
    }
  qsort(first, groups, 2 * sizeof *first, by_first);
  for (size_t k = 0, used = 0; k < groups; k++) {
    size_t from = first[2 * k + 1];
    for (size_t i = from; i < count && compare_keys(g, sorted[from], sorted[i]) == 0; i++)
      g->order[used++] = sorted[i];
    g->start[k + 1] = used;
  }
  g->groups = groups;
  free(sorted);
  free(first);
  return MS_OK;
}

static ms_status grouping_new(grouping *g, const ms_sweep *sweep, const ms_journal *j,
                              const char *by, ms_error *err) {
  *g = (grouping){.sweep = sweep, .journal = j};
  for (const char *word = by; *word; word += *word == ',') {
    size_t length = strcspn(word, ",");
    char **more = realloc(g->key, (g->keys + 1) * sizeof *more);
    if (more)
      g->key = more;
    if (!more || !(g->key[g->keys] = strndup(word, length)))
      return ms_no_memory(err);
    g->keys++;
    word += length;
  }
  return find_groups(g, err);
}

/* ---- Numbers of a group --------------------------------------------------------------------- */

static bool find_field(const char *at, const char *name, ms_field *f) {
  while (at && ms_field_next(&at, f))
    if (strlen(name) == f->key_size && memcmp(name, f->key, f->key_size) == 0)
      return true;
  return false;
}

/* The number that a finished run has; NaN for none. */
static double number_of(const grouping *g, size_t which, const char *name) {
  const char *fields = ms_journal_fields(g->journal, which);
  ms_field f;
  char text[64];
  double value = NAN;
  if (find_field(fields, "error", &f) && f.value_size > 0)
    return NAN;
  if (find_field(fields, name, &f) && f.value_size < sizeof text) {
    snprintf(text, sizeof text, "%.*s", (int)f.value_size, f.value);
    ms_parse_real(text, &value);
  }
  return value;
}

static spread spread_of(const grouping *g, size_t group, const char *name) {
  spread s = {.count = 0};
  for (size_t i = g->start[group]; i < g->start[group + 1]; i++) {
    double value = number_of(g, g->order[i], name);
    if (!isnan(value))
      g->values[s.count++] = value;
  }
  if (s.count == 0)
    return s;
  s.mean = gsl_stats_mean(g->values, 1, s.count);
  s.sd = s.count > 1 ? gsl_stats_sd(g->values, 1, s.count) : NAN;
  gsl_sort(g->values, 1, s.count);
  s.least = g->values[0];
  s.most = g->values[s.count - 1];
  for (size_t k = 0; k < QUANTILES; k++)
    s.q[k] = gsl_stats_quantile_from_sorted_data(g->values, 1, s.count, quantile[k]);
  return s;
}

static void put_number(FILE *file, double value) {
  char text[32];
  fprintf(file, ",%s", isnan(value) ? "" : ms_real_text(value, text));
}

static ms_status write_groups(const grouping *g, const ms_columns *c, const char *dir,
                              ms_error *err) {
  ms_writer w;
  ms_status status = ms_writer_open(&w, dir, "groups.csv", err);
  if (status != MS_OK)
    return status;
  for (size_t k = 0; k < g->keys; k++)
    fprintf(w.file, "%s,", g->key[k]);
  fputs("quantity,runs,mean,sd,min,q10,q25,median,q75,q90,max\n", w.file);
  for (size_t i = 0; i < g->groups; i++)
    for (size_t column = 0; column < c->count; column++) {
      spread s = spread_of(g, i, c->name[column]);
      if (s.count == 0)
        continue;
      for (size_t k = 0; k < g->keys; k++) {
        const char *value = ms_sweep_value(g->sweep, g->order[g->start[i]], g->key[k]);
        ms_csv_text(w.file, value, strlen(value));
        fputc(',', w.file);
      }
      fprintf(w.file, "%s,%zu", c->name[column], s.count);
      put_number(w.file, s.mean);
      put_number(w.file, s.sd);
      put_number(w.file, s.least);
      for (size_t q = 0; q < QUANTILES; q++)
        put_number(w.file, s.q[q]);
      put_number(w.file, s.most);
      fputc('\n', w.file);
    }
  return ms_writer_commit(&w, err);
}

/* ---- What the plots draw -------------------------------------------------------------------- */

/* One axis: the values that a setting takes, in order. */
typedef struct scale {
  const char *key;
  size_t count;
  const char **value; /* distinct */
  double *at;         /* where each is drawn */
  bool numbers, log;  /* else they are names, one unit apart */
} scale;

/* The ratio from which positive numbers are drawn over their logarithm. */
static const double WIDE = 30;
enum { LABELS = 10 };

static int by_place(const void *a, const void *b, void *ctx) {
  const scale *s = ctx;
  size_t i = *(const size_t *)a, j = *(const size_t *)b;
  return s->at[i] < s->at[j] ? -1 : s->at[i] > s->at[j] ? 1 : i < j ? -1 : i > j;
}

static void place(scale *s) {
  double least = INFINITY, most = -INFINITY, value;
  s->log = true;
  s->numbers = s->count > 0;
  for (size_t i = 0; i < s->count; i++) {
    if (ms_parse_log(s->value[i], &value)) {
      least = fmin(least, value);
      most = fmax(most, value);
    } else {
      s->log = false;
      s->numbers = s->numbers && ms_parse_real(s->value[i], &value);
    }
  }
  /* what only a logarithm can hold has no other place */
  s->log = s->log && (most - least > log(WIDE) || fabs(least) > 690 || fabs(most) > 690);
  s->numbers = s->numbers || s->log;
  for (size_t i = 0; i < s->count; i++) {
    s->at[i] = (double)i;
    if (s->log && ms_parse_log(s->value[i], &value))
      s->at[i] = value / log(10);
    else if (s->numbers)
      ms_parse_real(s->value[i], &s->at[i]);
  }
}

static bool sort_scale(scale *s) {
  size_t *order = calloc(s->count, sizeof *order);
  const char **value = calloc(s->count, sizeof *value);
  double *at = ms_doubles(s->count);
  bool good = order && value && at;
  for (size_t i = 0; i < s->count && good; i++)
    order[i] = i;
  if (good)
    qsort_r(order, s->count, sizeof *order, by_place, s);
  for (size_t i = 0; i < s->count && good; i++) {
    value[i] = s->value[order[i]];
    at[i] = s->at[order[i]];
  }
  if (good) {
    memcpy(s->value, value, s->count * sizeof *value);
    memcpy(s->at, at, s->count * sizeof *at);
  }
  free(order);
  free(value);
  free(at);
  return good;
}

static size_t index_of(const scale *s, const char *text) {
  size_t i = 0;
  while (i < s->count && strcmp(s->value[i], text) != 0)
    i++;
  return i;
}

static ms_status scale_new(scale *s, const grouping *g, size_t key, ms_error *err) {
  *s = (scale){.key = g->key[key],
               .value = calloc(g->groups, sizeof *s->value),
               .at = ms_doubles(g->groups)};
  if (!s->value || !s->at)
    return ms_no_memory(err);
  for (size_t i = 0; i < g->groups; i++) {
    const char *text = ms_sweep_value(g->sweep, g->order[g->start[i]], s->key);
    if (index_of(s, text) == s->count)
      s->value[s->count++] = text;
  }
  place(s);
  return sort_scale(s) ? MS_OK : ms_no_memory(err);
}

static void scale_release(scale *s) {
  free(s->value);
  free(s->at);
}

/* Labels that would not fit beside each other are left out. */
static void put_label(FILE *file, const scale *s, size_t i) {
  bool shown = i % (s->count / LABELS + 1) == 0;
  const char *text = *s->value[i] ? s->value[i] : "default";
  char shorter[32];
  double value;
  if (s->numbers && strlen(text) > 8 && ms_parse_real(text, &value)) {
    snprintf(shorter, sizeof shorter, "%.3g", value);
    text = shorter;
  }
  fputc(',', file);
  if (shown)
    ms_csv_text(file, text, MS_MIN(strlen(text), 24));
}

static void write_band(FILE *file, const grouping *g, const scale *x, const char *show) {
  for (size_t i = 0; i < x->count; i++)
    for (size_t k = 0; k < g->groups; k++) {
      const char *text = ms_sweep_value(g->sweep, g->order[g->start[k]], x->key);
      if (strcmp(text, x->value[i]) != 0)
        continue;
      char at[32];
      fputs(ms_real_text(x->at[i], at), file);
      put_label(file, x, i);
      spread s = spread_of(g, k, show);
      for (size_t q = 0; q < QUANTILES; q++)
        put_number(file, s.count ? s.q[q] : NAN);
      fputc('\n', file);
    }
}

/* Every cell of the map, those without a run empty. */
static ms_status write_map(FILE *file, const grouping *g, const scale *x, const scale *y,
                           const char *show, ms_error *err) {
  double *cell = ms_doubles(x->count * y->count);
  if (!cell)
    return ms_no_memory(err);
  for (size_t i = 0; i < x->count * y->count; i++)
    cell[i] = NAN;
  for (size_t k = 0; k < g->groups; k++) {
    size_t first = g->order[g->start[k]];
    size_t i = index_of(x, ms_sweep_value(g->sweep, first, x->key)),
           j = index_of(y, ms_sweep_value(g->sweep, first, y->key));
    spread s = spread_of(g, k, show);
    cell[j * x->count + i] = s.count ? s.q[MEDIAN] : NAN;
  }
  for (size_t j = 0; j < y->count; j++)
    for (size_t i = 0; i < x->count; i++) {
      fprintf(file, "%zu", i);
      put_label(file, x, i);
      fprintf(file, ",%zu", j);
      put_label(file, y, j);
      put_number(file, cell[j * x->count + i]);
      fputc('\n', file);
    }
  free(cell);
  return MS_OK;
}

static ms_status write_description(const scale *x, const scale *y, const grouping *g,
                                   const char *show, const char *dir, ms_error *err) {
  ms_writer w;
  ms_status status = ms_writer_open(&w, dir, "plot.gp", err);
  if (status != MS_OK)
    return status;
  double least = INFINITY, most = -INFINITY;
  size_t runs = 0;
  for (size_t k = 0; k < g->groups; k++) {
    spread s = spread_of(g, k, show);
    runs = MS_MAX(runs, s.count);
    if (s.count) {
      least = fmin(least, s.q[y ? MEDIAN : 0]);
      most = fmax(most, s.q[y ? MEDIAN : QUANTILES - 1]);
    }
  }
  fprintf(w.file, "kind = '%s'; show = '%s'; xname = '%s'; yname = '%s'; runs = %zu\n",
          y ? "map" : "band", show, x->key, y ? y->key : "", runs);
  fprintf(w.file, "numbers = %d; logx = %d; logz = %d\n", x->numbers, x->log,
          least > 0 && most > WIDE * least);
  return ms_writer_commit(&w, err);
}

/* A map over two settings, a band over one; of more the first two are drawn. */
static ms_status write_plot(const ms_sweep *sweep, const ms_journal *j, const char *dir,
                            const char *by, const char *show, ms_error *err) {
  grouping g;
  scale x = {0}, y = {0};
  char first[256];
  size_t length = strcspn(by, ",");
  bool map = by[length] == ',';
  length += map ? 1 + strcspn(by + length + 1, ",") : 0;
  snprintf(first, sizeof first, "%.*s", (int)length, by);
  ms_status status = grouping_new(&g, sweep, j, first, err);
  if (status == MS_OK)
    status = scale_new(&x, &g, 0, err);
  if (status == MS_OK && map)
    status = scale_new(&y, &g, 1, err);
  if (status == MS_OK)
    status = write_description(&x, map ? &y : NULL, &g, show, dir, err);
  ms_writer w = {0};
  if (status == MS_OK)
    status = ms_writer_open(&w, dir, "plot.csv", err);
  if (status == MS_OK) {
    if (map)
      status = write_map(w.file, &g, &x, &y, show, err);
    else
      write_band(w.file, &g, &x, show);
    if (status == MS_OK)
      status = ms_writer_commit(&w, err);
    ms_writer_abort(&w);
  }
  scale_release(&x);
  scale_release(&y);
  grouping_release(&g);
  return status;
}

static bool has_numbers(const ms_sweep *sweep, const ms_journal *j, const char *name) {
  grouping g = {.sweep = sweep, .journal = j};
  for (size_t i = 0; i < sweep->count; i++)
    if (!isnan(number_of(&g, i, name)))
      return true;
  return false;
}

static const char *name_at(size_t i, void *ctx) {
  const ms_columns *c = ctx;
  return i < c->count ? c->name[i] : NULL;
}

ms_status ms_sweep_write_groups(const ms_sweep *sweep, const ms_journal *j, const char *dir,
                                const char *by, const char *show, ms_error *err) {
  grouping g = {0};
  ms_columns c = {0};
  ms_status status = ms_columns_find(&c, sweep, j, err);
  if (status == MS_OK && *by) {
    status = grouping_new(&g, sweep, j, by, err);
    if (status == MS_OK)
      status = write_groups(&g, &c, dir, err);
    grouping_release(&g);
  }
  size_t k = 0;
  while (show && k < c.count && strcmp(c.name[k], show) != 0)
    k++;
  if (status == MS_OK && show && k == c.count) {
    const char *near = ms_nearest(show, name_at, &c);
    status = ms_fail(err, MS_BAD_SETTING, "--show: '%s' is no column of sweep.csv%s%s%s", show,
                     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
  }
  ms_columns_free(&c);
  if (!show)
    show = has_numbers(sweep, j, "truth_error") ? "truth_error" : "loss";
  /* without groups each case is drawn as it is */
  char all[512] = "";
  for (size_t i = 0, used = 0; !*by && ms_sweep_key(sweep, i) && i < 2; i++)
    used += (size_t)snprintf(all + used, sizeof all - used, "%s%s", i ? "," : "",
                             ms_sweep_key(sweep, i));
  by = *by ? by : all;
  if (status == MS_OK && *by && has_numbers(sweep, j, show))
    status = write_plot(sweep, j, dir, by, show, err);
  return status;
}
