/* Makes figures: runs, sheets of data, claims, pictures. What a figure is: figure/figure.h. */
#include "figure/figure.h"
#include "figure/plot.h"
#include <ctype.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { SETTINGS_LENGTH = 2048, TEXT_LENGTH = 160 };

struct ms_entry {
  const char *key; /* static */
  double value;
};

struct ms_sheet {
  ms_writer w;
  size_t columns;
  ms_drawing *f;
};

typedef struct claim {
  char text[TEXT_LENGTH], expected[TEXT_LENGTH], source[TEXT_LENGTH], found[TEXT_LENGTH];
  int verdict;
} claim;

typedef struct value {
  char name[48];
  double value;
} value;

/* Growing lists of what a drawing owns. */
#define LIST(type)                                                                                 \
  struct {                                                                                         \
    type *at;                                                                                      \
    size_t count;                                                                                  \
  }

struct ms_drawing {
  const ms_figure *figure;
  const ms_figure_options *options;
  ms_status status;
  ms_error err;
  LIST(ms_curve *) curves;
  LIST(ms_sheet *) sheets;
  LIST(claim) claims;
  LIST(value) values;
  LIST(char *) pictures;
  LIST(char *) paths;    /* of data files */
  size_t done, finished; /* curves of the calls before; all that have run */
};

/* Room for one more entry; false (and the drawing failed) without memory. */
static bool grow(ms_drawing *f, void **list, size_t *count, size_t size) {
  if (f->status < 0)
    return false;
  if ((*count & (*count - 1)) == 0) {
    void *more = realloc(*list, MS_MAX(1, 2 * *count) * size);
    if (!more) {
      f->status = ms_no_memory(&f->err);
      return false;
    }
    *list = more;
  }
  memset((char *)*list + *count * size, 0, size);
  ++*count;
  return true;
}

#define APPEND(f, list)                                                                            \
  (grow(f, (void **)&(f)->list.at, &(f)->list.count, sizeof *(f)->list.at)                         \
       ? &(f)->list.at[(f)->list.count - 1]                                                        \
       : NULL)

void ms_figure_fail(ms_drawing *f, const ms_error *err) {
  if (f->status < 0)
    return;
  f->status = err->status < 0 ? err->status : MS_STALLED;
  f->err = *err;
}

bool ms_figure_failed(const ms_drawing *f) {
  return f->status < 0;
}

static void fail(ms_drawing *f, const char *format, const char *what) {
  ms_error err;
  ms_fail(&err, MS_BAD_SETTING, format, what);
  ms_figure_fail(f, &err);
}

size_t ms_figure_size(const ms_drawing *f, size_t full, size_t quick) {
  return f->options->quick ? quick : full;
}

bool ms_figure_quick(const ms_drawing *f) {
  return f->options->quick;
}

static bool interrupted(const ms_drawing *f) {
  return f->options->interrupt && *f->options->interrupt;
}

static void interrupt(ms_drawing *f) {
  ms_error err;
  ms_fail(&err, MS_INTERRUPTED, "interrupted");
  ms_figure_fail(f, &err);
}

bool ms_figure_progress(ms_drawing *f, double part) {
  if (f->options->progress)
    f->options->progress(f->options->context, f->figure->name, part);
  return interrupted(f);
}

/* ---- Curves --------------------------------------------------------------------------------- */

/* The next word of *text, cut off there; quotes keep blanks together and go. NULL: no more. */
static char *next_word(char **text) {
  char *word = *text + strspn(*text, " \n"), *to = word, *from = word;
  bool quoted = false;
  if (!*word)
    return NULL;
  for (; *from && (quoted || !strchr(" \n", *from)); from++)
    if (*from == '\'')
      quoted = !quoted;
    else
      *to++ = *from;
  *text = *from ? from + 1 : from;
  *to = 0;
  return word;
}

/* Sets what `settings` says, a copy that is cut into words here. */
static ms_status apply(ms_drawing *f, ms_config *cfg, char *settings, ms_error *err) {
  for (char *word; (word = next_word(&settings));) {
    char *text = strchr(word, '='), *quick = strchr(word, '|');
    if (!text)
      return ms_fail(err, MS_BAD_SETTING, "'%s' is not key=value", word);
    *text++ = 0;
    if (quick) {
      *quick++ = 0;
      text = f->options->quick ? quick : text;
    }
    ms_status status = ms_config_set(cfg, word, text, word, err);
    if (status != MS_OK)
      return status;
  }
  return MS_OK;
}

/* What the caller wants otherwise. */
static ms_status override(ms_drawing *f, ms_config *cfg, ms_error *err) {
  char settings[SETTINGS_LENGTH];
  if (!f->options->settings)
    return MS_OK;
  if (snprintf(settings, sizeof settings, "%s", f->options->settings) >= (int)sizeof settings)
    return ms_fail(err, MS_BAD_SETTING, "settings that begin with '%.40s' are too long", settings);
  return apply(f, cfg, settings, err);
}

/* Stands for a curve that there is no memory for; the drawing has failed then. */
static ms_curve no_curve;

ms_curve *ms_curve_add(ms_drawing *f, const char *name, const char *format, ...) {
  char settings[SETTINGS_LENGTH];
  ms_error err;
  va_list args;
  va_start(args, format);
  int length = vsnprintf(settings, sizeof settings, format, args);
  va_end(args);
  ms_curve **slot = APPEND(f, curves);
  if (!slot)
    return &no_curve;
  ms_curve *c = *slot = calloc(1, sizeof *c);
  if (c && (c->cfg = ms_config_new())) {
    snprintf(c->name, sizeof c->name, "%s", name ? name : "");
    if (length >= (int)sizeof settings)
      fail(f, "settings that begin with '%.40s' are too long", settings);
    else if (apply(f, c->cfg, settings, &err) != MS_OK || override(f, c->cfg, &err) != MS_OK)
      ms_figure_fail(f, &err);
    return c;
  }
  f->status = ms_no_memory(&f->err);
  return c ? c : &no_curve;
}

/* In the process of the run: what a curve keeps of it, after four lengths. */
static double *collect(void *ctx, size_t job, const ms_run *run, size_t *count) {
  (void)ctx;
  (void)job;
  size_t columns = 0;
  while (run->model->observables[columns].name)
    columns++;
  size_t rows = run->recorded * columns, states = run->recorded * run->kept;
  double *values = ms_doubles(*count = 4 + rows + states + run->d);
  if (!values)
    return NULL;
  const double lengths[] = {(double)run->recorded, (double)columns, (double)run->kept,
                            (double)run->d};
  memcpy(values, lengths, sizeof lengths);
  memcpy(values + 4, run->rows, rows * sizeof *values);
  memcpy(values + 4 + rows, run->states, states * sizeof *values);
  memcpy(values + 4 + rows + states, run->last_x, run->d * sizeof *values);
  return values;
}

static const ms_model *model_of(const ms_config *cfg) {
  return ms_model_find(ms_config_text(cfg, "model"));
}

static ms_status keep(ms_curve *c, const ms_result *r, ms_error *err) {
  if (r->entries == 0)
    return MS_OK; /* nothing was recorded */
  c->numbers = ms_doubles(r->count);
  c->entries = calloc(r->entries, sizeof *c->entries);
  if (!c->numbers || !c->entries)
    return ms_no_memory(err);
  memcpy(c->numbers, r->values, r->count * sizeof *r->values);
  c->model = model_of(c->cfg);
  c->points = (size_t)r->values[0];
  c->columns = (size_t)r->values[1];
  c->kept = (size_t)r->values[2];
  c->d = (size_t)r->values[3];
  c->rows = c->numbers + 4;
  c->states = c->rows + c->points * c->columns;
  c->x = c->states + c->points * c->kept;
  c->count = r->entries;
  for (size_t i = 0; i < c->count; i++)
    c->entries[i] =
        (struct ms_entry){r->summary[i].key, r->summary[i].text ? NAN : r->summary[i].value};
  return MS_OK;
}

static ms_status done(void *ctx, size_t job, const ms_result *result, ms_error *err) {
  ms_drawing *f = ctx;
  ms_curve *c = f->curves.at[f->done + job];
  f->finished++;
  c->status = result->status;
  snprintf(c->message, sizeof c->message, "%s", result->message);
  if (c->status == MS_INTERRUPTED || (c->status < 0 && !c->may_fail))
    return ms_fail(err, c->status, "curve %s: %.600s", *c->name ? c->name : "without a name",
                   c->message);
  ms_status status = keep(c, result, err);
  if (status == MS_OK && ms_figure_progress(f, (double)f->finished / (double)f->curves.count))
    status = ms_fail(err, MS_INTERRUPTED, "interrupted");
  return status;
}

bool ms_curves_run(ms_drawing *f) {
  size_t jobs = f->curves.count - f->done;
  if (f->status < 0 || jobs == 0)
    return f->status >= 0;
  ms_error err;
  const ms_config **configs = calloc(jobs, sizeof *configs);
  ms_runs_options options = {
      .ctx = f, .collect = collect, .done = done, .interrupt = f->options->interrupt};
  for (size_t i = 0; configs && i < jobs; i++)
    configs[i] = f->curves.at[f->done + i]->cfg;
  if (!configs)
    f->status = ms_no_memory(&f->err);
  else if (ms_runs(configs, jobs, &options, &err) < 0)
    ms_figure_fail(f, &err);
  free(configs);
  f->done = f->curves.count;
  return f->status >= 0;
}

double ms_curve_at(const ms_curve *c, size_t i, const char *observable) {
  for (size_t k = 0; i < c->points && k < c->columns; k++)
    if (strcmp(c->model->observables[k].name, observable) == 0)
      return c->rows[i * c->columns + k];
  return NAN;
}

double ms_curve_end(const ms_curve *c, const char *observable) {
  return ms_curve_at(c, c->points - 1, observable);
}

double ms_curve_summary(const ms_curve *c, const char *key) {
  for (size_t i = 0; i < c->count; i++)
    if (strcmp(c->entries[i].key, key) == 0)
      return c->entries[i].value;
  return NAN;
}

const double *ms_curve_x(const ms_curve *c, size_t i) {
  return c->states + i * c->kept;
}

/* ---- Data ----------------------------------------------------------------------------------- */

static ms_sheet no_sheet;

ms_sheet *ms_sheet_new(ms_drawing *f, const char *name, const char *columns) {
  char file[128];
  ms_sheet **slot = APPEND(f, sheets);
  if (!slot)
    return &no_sheet;
  ms_sheet *s = *slot = calloc(1, sizeof *s);
  if (!s) {
    f->status = ms_no_memory(&f->err);
    return &no_sheet;
  }
  ms_error err;
  s->f = f;
  for (const char *p = columns; p; p = strchr(p + 1, ','))
    s->columns++;
  snprintf(file, sizeof file, "%s.csv", name);
  if (ms_writer_open(&s->w, f->options->dir, file, &err) != MS_OK)
    ms_figure_fail(f, &err);
  else
    fprintf(s->w.file, "%s\n", columns);
  return s;
}

void ms_sheet_row(ms_sheet *s, const double *values, size_t count) {
  if (!s->f || s->f->status < 0)
    return;
  if (count != s->columns) {
    fail(s->f, "%s has a row of another length than its head", s->w.path);
    return;
  }
  for (size_t i = 0; i < count; i++) {
    char text[32] = ""; /* NaN: an empty field */
    if (isfinite(values[i]))
      snprintf(text, sizeof text, "%.10g", values[i]);
    fprintf(s->w.file, "%s%s", i ? "," : "", text);
  }
  fputc('\n', s->w.file);
}

void ms_sheet_gap(ms_sheet *s) {
  if (s->f && s->f->status >= 0)
    fputc('\n', s->w.file);
}

const char *ms_figure_data(ms_drawing *f, const char *name, const char *head, size_t rows,
                           size_t columns, const double *values) {
  char file[128], text[32], path[4096 + 160];
  ms_writer w;
  ms_error err;
  snprintf(file, sizeof file, "%s.csv", name);
  char **kept = APPEND(f, paths);
  if (!kept)
    return "";
  snprintf(path, sizeof path, "%s/%s", f->options->dir, file);
  ms_status status = ms_writer_open(&w, f->options->dir, file, &err);
  if (status == MS_OK) {
    fprintf(w.file, "%s%s", head ? head : "", head ? "\n" : "");
    for (size_t i = 0; i < rows * columns; i++)
      fprintf(w.file, "%s%c", ms_real_text(values[i], text), (i + 1) % columns ? ',' : '\n');
    status = ms_writer_commit(&w, &err);
  }
  if (status == MS_OK && !(*kept = strdup(path)))
    status = ms_no_memory(&err);
  if (status != MS_OK)
    ms_figure_fail(f, &err);
  return status == MS_OK ? *kept : "";
}

void ms_figure_npz(ms_drawing *f, const char *name, const ms_array *arrays, size_t count) {
  char file[128];
  ms_error err;
  snprintf(file, sizeof file, "%s.npz", name);
  if (f->status >= 0 && ms_npz_write(f->options->dir, file, arrays, count, &err) != MS_OK)
    ms_figure_fail(f, &err);
}

void ms_figure_let(ms_drawing *f, const char *variable, double number) {
  value *v = APPEND(f, values);
  if (!v)
    return;
  snprintf(v->name, sizeof v->name, "%s", variable);
  v->value = number;
}

/* ---- Claims --------------------------------------------------------------------------------- */

static claim *claim_new(ms_drawing *f, const char *text, const char *source, int verdict) {
  claim *c = APPEND(f, claims);
  if (c) {
    snprintf(c->text, sizeof c->text, "%s", text);
    snprintf(c->source, sizeof c->source, "%s", source);
    c->verdict = verdict;
  }
  return c;
}

void ms_claim_near(ms_drawing *f, const char *text, const char *source, double expected,
                   double tolerance, double found) {
  claim *c = claim_new(f, text, source, fabs(found - expected) <= tolerance);
  if (c) {
    snprintf(c->expected, sizeof c->expected, "%.6g ± %.2g", expected, tolerance);
    snprintf(c->found, sizeof c->found, "%.6g", found);
  }
}

void ms_claim_below(ms_drawing *f, const char *text, const char *source, double bound,
                    double found) {
  claim *c = claim_new(f, text, source, found <= bound);
  if (c) {
    snprintf(c->expected, sizeof c->expected, "≤ %.4g", bound);
    snprintf(c->found, sizeof c->found, "%.4g", found);
  }
}

void ms_claim_above(ms_drawing *f, const char *text, const char *source, double bound,
                    double found) {
  claim *c = claim_new(f, text, source, found >= bound);
  if (c) {
    snprintf(c->expected, sizeof c->expected, "≥ %.4g", bound);
    snprintf(c->found, sizeof c->found, "%.4g", found);
  }
}

static void say(claim *c, const char *expected, const char *found, va_list args) {
  if (!c)
    return;
  snprintf(c->expected, sizeof c->expected, "%s", expected);
  vsnprintf(c->found, sizeof c->found, found, args);
}

void ms_claim(ms_drawing *f, const char *text, const char *source, const char *expected, bool holds,
              const char *found, ...) {
  va_list args;
  va_start(args, found);
  say(claim_new(f, text, source, holds ? MS_HOLDS : MS_FAILS), expected, found, args);
  va_end(args);
}

void ms_report(ms_drawing *f, const char *text, const char *source, const char *expected,
               const char *found, ...) {
  va_list args;
  va_start(args, found);
  say(claim_new(f, text, source, MS_REPORTED), expected, found, args);
  va_end(args);
}

bool ms_drawing_claim(const ms_drawing *f, size_t i, ms_claim_row *row) {
  if (i >= f->claims.count)
    return false;
  const claim *c = &f->claims.at[i];
  *row = (ms_claim_row){c->text, c->expected, c->source, c->found, c->verdict};
  return true;
}

bool ms_drawing_holds(const ms_drawing *f) {
  for (size_t i = 0; i < f->claims.count; i++)
    if (f->claims.at[i].verdict == MS_FAILS)
      return false;
  return true;
}

/* ---- Files ---------------------------------------------------------------------------------- */

static const char *const verdicts[] = {"no", "yes", "reported"};

static void write_field(FILE *file, const char *text) {
  fputc('"', file);
  for (; *text; text++)
    fprintf(file, *text == '"' ? "\"\"" : "%c", *text);
  fputc('"', file);
}

static ms_status write_claims_csv(const ms_drawing *f, ms_error *err) {
  ms_writer w;
  ms_claim_row c;
  ms_status status = ms_writer_open(&w, f->options->dir, "claims.csv", err);
  if (status != MS_OK)
    return status;
  fputs("claim,expected,source,found,holds\n", w.file);
  for (size_t i = 0; ms_drawing_claim(f, i, &c); i++) {
    const char *fields[] = {c.text, c.expected, c.source, c.found, verdicts[c.verdict]};
    for (size_t k = 0; k < 5; k++) {
      write_field(w.file, fields[k]);
      fputc(k < 4 ? ',' : '\n', w.file);
    }
  }
  return ms_writer_commit(&w, err);
}

static ms_status write_claims_json(const ms_drawing *f, ms_error *err) {
  const ms_figure *figure = f->figure;
  json_t *claims = json_array();
  ms_claim_row c;
  for (size_t i = 0; ms_drawing_claim(f, i, &c); i++)
    json_array_append_new(claims, json_pack("{s:s, s:s, s:s, s:s, s:s}", "claim", c.text,
                                            "expected", c.expected, "source", c.source, "found",
                                            c.found, "holds", verdicts[c.verdict]));
  json_t *root =
      json_pack("{s:s, s:s, s:s, s:s, s:b, s:b, s:o}", "figure", figure->name, "title",
                figure->title, "source", figure->source, "caption", figure->caption, "quick",
                f->options->quick, "holds", ms_drawing_holds(f), "claims", claims);
  char *text = json_dumps(root, JSON_INDENT(2));
  json_decref(root);
  if (!text)
    return ms_no_memory(err);
  ms_writer w;
  ms_status status = ms_writer_open(&w, f->options->dir, "claims.json", err);
  if (status == MS_OK) {
    fprintf(w.file, "%s\n", text);
    status = ms_writer_commit(&w, err);
  }
  free(text);
  return status;
}

static void put_values(const ms_drawing *f, FILE *file, char end) {
  for (size_t i = 0; i < f->values.count; i++) {
    const value *v = &f->values.at[i];
    if (isfinite(v->value))
      fprintf(file, "%s = %.10g%c", v->name, v->value, end);
    else
      fprintf(file, "%s = NaN%c", v->name, end);
  }
}

static ms_status write_values(const ms_drawing *f, ms_error *err) {
  ms_writer w;
  if (f->values.count == 0)
    return MS_OK;
  ms_status status = ms_writer_open(&w, f->options->dir, "values.gp", err);
  if (status != MS_OK)
    return status;
  put_values(f, w.file, '\n');
  return ms_writer_commit(&w, err);
}

static ms_status write_configs(const ms_drawing *f, ms_error *err) {
  char dir[4096], file[80];
  ms_status status = MS_OK;
  snprintf(dir, sizeof dir, "%s/configs", f->options->dir);
  for (size_t i = 0; i < f->curves.count && status == MS_OK; i++) {
    const ms_curve *c = f->curves.at[i];
    if (!*c->name)
      continue;
    snprintf(file, sizeof file, "%s.ini", c->name);
    status = ms_folder_make(dir, err);
    if (status == MS_OK)
      status = ms_config_write(c->cfg, dir, file, err);
  }
  return status;
}

/* Sheets last of all, so that a figure whose data are there is whole. */
static ms_status write_files(ms_drawing *f, ms_error *err) {
  ms_status status = write_configs(f, err);
  if (status == MS_OK)
    status = write_values(f, err);
  if (status == MS_OK)
    status = write_claims_csv(f, err);
  if (status == MS_OK)
    status = write_claims_json(f, err);
  for (size_t i = 0; i < f->sheets.count && status == MS_OK; i++)
    status = ms_writer_commit(&f->sheets.at[i]->w, err);
  return status;
}

/* ---- Pictures ------------------------------------------------------------------------------- */

/* How a style is drawn: suffix of the file, what the scripts read. Ends with style NULL. */
static const struct look {
  const char *style, *suffix, *variables;
} looks[] = {{"screen", "", "style='screen'; columns=2"},
             {"paper", "-1col", "style='paper'; columns=1"},
             {"paper", "-2col", "style='paper'; columns=2"},
             {NULL, NULL, NULL}};

static const char *style_candidate(size_t i, void *context) {
  (void)context;
  return i < 2 ? looks[i].style : NULL;
}

static const char *style_of(const ms_figure_options *options) {
  return options->style ? options->style : looks[0].style;
}

/* What the script reads as variables; NULL without memory. free() it. */
static char *variables_of(const ms_drawing *f, const struct look *look) {
  char *text = NULL;
  size_t size;
  FILE *out = open_memstream(&text, &size);
  if (!out)
    return NULL;
  fprintf(out, "%s;", look->variables);
  put_values(f, out, ';');
  fclose(out);
  return text;
}

static ms_status draw(ms_drawing *f, const struct look *look, const char *format, ms_error *err) {
  const ms_figure_options *o = f->options;
  char name[128], path[4096 + 160], *variables = variables_of(f, look);
  if (!variables)
    return ms_no_memory(err);
  snprintf(name, sizeof name, "%s%s", f->figure->name, look->suffix);
  ms_error why;
  ms_status status = ms_plot_as(o->scripts, o->dir, f->figure->name, name, format, variables, &why);
  free(variables);
  if (status == MS_UNSUPPORTED)
    return ms_fail(err, status, "%.200s, then make the figure again; %s/ holds its data and claims",
                   why.message, o->dir);
  if (status != MS_OK)
    return ms_fail(err, status, "%s", why.message);
  snprintf(path, sizeof path, "%s/%s.%s", o->dir, name, format);
  char **picture = APPEND(f, pictures);
  if (!picture || !(*picture = strdup(path)))
    return ms_no_memory(err);
  return MS_OK;
}

static ms_status draw_all(ms_drawing *f, ms_error *err) {
  const char *style = style_of(f->options);
  ms_status status = MS_OK;
  for (const char *format = f->options->formats; format && *format;
       format += strcspn(format, ",")) {
    char word[16];
    format += *format == ',';
    snprintf(word, sizeof word, "%.*s", (int)strcspn(format, ","), format);
    for (const struct look *look = looks; look->style && status == MS_OK; look++)
      if (strcmp(look->style, style) == 0)
        status = draw(f, look, word, err);
  }
  return status;
}

const char *ms_drawing_picture(const ms_drawing *f, size_t i) {
  return i < f->pictures.count ? f->pictures.at[i] : NULL;
}

/* ---- The whole ------------------------------------------------------------------------------ */

MS_REGISTER_HERE(figure)

static const char *figure_candidate(size_t i, void *context) {
  (void)context;
  return ms_figure_at(i) ? ms_figure_at(i)->name : NULL;
}

const char *ms_figure_text(const char *name, const char **source, const char **caption) {
  const ms_figure *figure = ms_figure_find(name);
  if (!figure)
    return NULL;
  if (source)
    *source = figure->source;
  if (caption)
    *caption = figure->caption;
  return figure->title;
}

static ms_status unknown(const char *what, const char *name,
                         const char *(*candidate)(size_t i, void *), const char *allowed,
                         ms_error *err) {
  const char *near = ms_nearest(name, candidate, NULL);
  return ms_fail(err, MS_BAD_SETTING, "there is no %s '%s'%s%s%s%s%s", what, name,
                 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "",
                 allowed ? "; allowed: " : "", allowed ? allowed : "");
}

static bool style_known(const char *style) {
  for (const struct look *look = looks; look->style; look++)
    if (strcmp(look->style, style) == 0)
      return true;
  return false;
}

static const char *const formats[] = {"png", "svg", "pdf", "gif"};

static const char *format_candidate(size_t i, void *context) {
  (void)context;
  return i < sizeof formats / sizeof *formats ? formats[i] : NULL;
}

/* Are all formats known, and possible for this figure? */
static ms_status check_formats(const ms_figure *figure, const char *list, ms_error *err) {
  for (; list && *list; list += strcspn(list, ",")) {
    char word[16];
    bool known = false;
    list += *list == ',';
    snprintf(word, sizeof word, "%.*s", (int)strcspn(list, ","), list);
    for (size_t i = 0; format_candidate(i, NULL); i++)
      known = known || strcmp(word, formats[i]) == 0;
    if (!known)
      return unknown("format", word, format_candidate, "png, svg, pdf, gif", err);
    if (strcmp(word, "gif") == 0 && !figure->moves)
      return ms_fail(err, MS_BAD_SETTING, "figure %s: does not move; gif is for figures that do",
                     figure->name);
  }
  return MS_OK;
}

ms_status ms_figure_make(ms_drawing **out, const ms_figure *figure,
                         const ms_figure_options *options, ms_error *err) {
  *out = NULL;
  const char *style = style_of(options);
  if (!style_known(style))
    return unknown("style", style, style_candidate, "screen, paper", err);
  ms_status status = check_formats(figure, options->formats, err);
  if (status == MS_OK && ms_folder_make(options->dir, err) != MS_OK)
    status =
        ms_fail(err, MS_BAD_SETTING, "%s", err ? err->message : ""); /* nothing is written yet */
  if (status != MS_OK)
    return status;
  ms_drawing *f = calloc(1, sizeof *f);
  if (!f)
    return ms_no_memory(err);
  bool drawn = false;
  f->figure = figure;
  f->options = options;
  figure->make(f);
  if (f->status >= 0 && interrupted(f))
    interrupt(f);
  if (f->status < 0) {
    status = ms_fail(err, f->status, "figure %s: %s", figure->name, f->err.message);
  } else {
    status = write_files(f, err);
    if (status == MS_OK)
      status = draw_all(f, err);
    drawn = status == MS_OK || status == MS_UNSUPPORTED;
  }
  f->options = NULL; /* the caller's */
  if (drawn)
    *out = f;
  else
    ms_drawing_free(f);
  return status;
}

ms_status ms_figure_draw(ms_drawing **out, const char *name, const ms_figure_options *options,
                         ms_error *err) {
  *out = NULL;
  const ms_figure *figure = ms_figure_find(name);
  if (!figure)
    return unknown("figure", name, figure_candidate, NULL, err);
  return ms_figure_make(out, figure, options, err);
}

static void curve_free(ms_curve *c) {
  if (!c)
    return;
  ms_config_free(c->cfg);
  free(c->numbers);
  free(c->entries);
  free(c);
}

void ms_drawing_free(ms_drawing *f) {
  if (!f)
    return;
  for (size_t i = 0; i < f->curves.count; i++)
    curve_free(f->curves.at[i]);
  for (size_t i = 0; i < f->sheets.count; i++)
    if (f->sheets.at[i]) {
      ms_writer_abort(&f->sheets.at[i]->w);
      free(f->sheets.at[i]);
    }
  for (size_t i = 0; i < f->pictures.count; i++)
    free(f->pictures.at[i]);
  for (size_t i = 0; i < f->paths.count; i++)
    free(f->paths.at[i]);
  free(f->curves.at);
  free(f->sheets.at);
  free(f->claims.at);
  free(f->values.at);
  free(f->pictures.at);
  free(f->paths.at);
  free(f);
}
