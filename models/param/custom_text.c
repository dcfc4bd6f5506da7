/* --formula: "FORMULA" for all coordinates, or "1,4-6: FORMULA | 2-3: FORMULA | FORMULA", where the
 * last is that of all the others. Coordinates are counted from 1. */
#include "param/custom_text.h"
#include "base/random.h"
#include "settings/config.h"
#include "text/text.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t NONE = (size_t)-1;

/* ---- Formulas ------------------------------------------------------------------------------- */

typedef struct reading {
  const char *text, *origin;
  size_t d, count, *of; /* formula of each coordinate, or NONE */
  ms_formula **formulas;
  ms_error *err;
} reading;

static ms_status complain(const reading *r, const char *where, const char *what) {
  return ms_fail(r->err, MS_BAD_SETTING, "%s:%zu: %s", r->origin, (size_t)(where - r->text) + 1,
                 what);
}

/* "1,4-6": these coordinates have the formula that comes next. */
static ms_status read_coordinates(reading *r, const char *from, const char *to) {
  char message[96];
  for (const char *at = from; at < to;) {
    char *end;
    const char *word = at;
    size_t low = strtoul(at, &end, 10), high = low;
    if (end == at || !isdigit((unsigned char)*at))
      return complain(r, at, "coordinates are written like 1,4-6");
    at = end;
    if (*at == '-' && isdigit((unsigned char)at[1])) {
      high = strtoul(at + 1, &end, 10);
      at = end;
    }
    if (low < 1 || high > r->d || low > high) {
      snprintf(message, sizeof message, "coordinates go from 1 to d = %zu", r->d);
      return complain(r, word, message);
    }
    for (size_t j = low; j <= high; j++) {
      if (r->of[j - 1] != NONE) {
        snprintf(message, sizeof message, "coordinate %zu has a formula already", j);
        return complain(r, word, message);
      }
      r->of[j - 1] = r->count;
    }
    while (at < to && isspace((unsigned char)*at))
      at++;
    if (at < to && *at++ != ',')
      return complain(r, at - 1, "coordinates are written like 1,4-6");
    while (at < to && isspace((unsigned char)*at))
      at++;
  }
  return MS_OK;
}

static ms_status read_group(reading *r, const char *from, const char *to) {
  while (from < to && isspace((unsigned char)*from))
    from++;
  const char *colon = memchr(from, ':', (size_t)(to - from));
  ms_status status = MS_OK;
  if (colon)
    status = read_coordinates(r, from, colon);
  bool used = false;
  for (size_t j = 0; j < r->d && !colon; j++)
    if (r->of[j] == NONE) {
      r->of[j] = r->count;
      used = true;
    }
  if (status == MS_OK && !colon && !used)
    return complain(r, from, "all coordinates have a formula already");
  if (status == MS_OK && colon)
    from = colon + 1;
  if (status == MS_OK)
    status = ms_formula_new(&r->formulas[r->count], from, (size_t)(to - from), ms_custom_names,
                            MS_WIDTH_MAX, r->origin, (size_t)(from - r->text) + 1, r->err);
  if (status == MS_OK)
    r->count++;
  return status;
}

static ms_status read_formulas(reading *r) {
  ms_status status = MS_OK;
  for (const char *at = r->text; status == MS_OK;) {
    size_t length = strcspn(at, "|");
    status = read_group(r, at, at + length);
    at += length;
    if (!*at++)
      break;
  }
  for (size_t j = 0; j < r->d && status == MS_OK; j++)
    if (r->of[j] == NONE)
      status = ms_fail(r->err, MS_BAD_SETTING, "%s: coordinate %zu of %zu has no formula",
                       r->origin, j + 1, r->d);
  return status;
}

/* ---- Weights at the start ------------------------------------------------------------------- */

static ms_status theta_from_table(const char *path, const char *origin, size_t d, size_t width,
                                  double *theta, ms_error *err) {
  ms_table table;
  ms_status status = ms_table_read_columns(&table, path, err);
  if (status != MS_OK)
    return status;
  if (table.rows != d)
    status = ms_fail(err, MS_BAD_INPUT, "%s: has %zu rows; %s takes d = %zu, one a coordinate",
                     path, table.rows, origin, d);
  for (size_t i = 0; i < width && status == MS_OK; i++) {
    size_t column = 0;
    while (column < table.cols && strcmp(table.names[column], ms_custom_names[i]) != 0)
      column++;
    if (column == table.cols)
      status = ms_fail(err, MS_BAD_INPUT, "%s: has no column '%s'", path, ms_custom_names[i]);
    for (size_t j = 0; j < d && status == MS_OK; j++)
      theta[j * width + i] = table.values[column * d + j];
  }
  ms_table_free(&table);
  return status;
}

/* "0.1", "0.1,0.1,0", or a table with a column for each weight and a row for each coordinate. */
static ms_status theta_from_text(const char *text, const char *origin, size_t d, size_t width,
                                 double *theta, ms_error *err) {
  double values[MS_WIDTH_MAX] = {0};
  size_t count = 0;
  for (const char *at = text; count < MS_WIDTH_MAX; at++) {
    char word[64];
    size_t length = strcspn(at, ",");
    snprintf(word, sizeof word, "%.*s", (int)MS_MIN(length, sizeof word - 1), at);
    if (!ms_parse_real(word, &values[count])) {
      if (strchr(text, ',') || count)
        return ms_fail(err, MS_BAD_SETTING,
                       "%s: '%.200s' is not allowed; it takes a number, one for each weight like "
                       "0.1,0.1,0, or a CSV file with a column for each weight",
                       origin, text);
      return theta_from_table(text, origin, d, width, theta, err);
    }
    count++;
    at += length;
    if (!*at)
      break;
  }
  if (count != 1 && count != width)
    return ms_fail(err, MS_BAD_SETTING,
                   "%s: has %zu numbers; the formulas have %zu weights, a to %s", origin, count,
                   width, ms_custom_names[width - 1]);
  for (size_t k = 0; k < d * width; k++)
    theta[k] = values[count == 1 ? 0 : k % width];
  return MS_OK;
}

static ms_status draw_theta(const ms_config *cfg, const double *ln_beta, size_t d, size_t width,
                            double *theta, ms_error *err) {
  gsl_rng *rng = ms_random_new((uint64_t)ms_config_real(cfg, "seed"), MS_STREAM_INITIAL);
  if (!rng)
    return ms_no_memory(err);
  ms_status status = MS_OK;
  for (size_t k = 0; k < d * width; k++) {
    double beta = exp(ln_beta[k / width]);
    if (!isnormal(beta * beta))
      status = ms_fail(err, MS_BAD_SETTING,
                       "%s: '%s' is not allowed; the weights of --param custom and their squares "
                       "are to be numbers in double precision, 1e-150 to 1e150",
                       ms_config_origin(cfg, "init-scale"), ms_config_text(cfg, "init-scale"));
    theta[k] = beta * (2 * gsl_rng_uniform_pos(rng) - 1);
  }
  gsl_rng_free(rng);
  return status;
}

static ms_status theta_from_blocks(const double *w, size_t blocks, const char *path, size_t d,
                                   size_t width, double *theta, ms_error *err) {
  if (blocks < width)
    return ms_fail(err, MS_BAD_INPUT,
                   "%s: has no array '%s'; the formulas have the weights a to %s", path,
                   ms_custom_names[blocks], ms_custom_names[width - 1]);
  for (size_t j = 0; j < d; j++)
    for (size_t b = 0; b < width; b++)
      theta[j * width + b] = w[b * d + j];
  return MS_OK;
}

/* ---- Both ----------------------------------------------------------------------------------- */

static ms_status build(ms_param *p, reading *r, const ms_config *cfg, const double *w,
                       size_t blocks, double *ln_beta) {
  ms_status status = read_formulas(r);
  size_t width = 1, d = r->d;
  for (size_t i = 0; i < r->count; i++)
    for (size_t k = width; k < MS_WIDTH_MAX; k++)
      if (ms_formula_uses(r->formulas[i], k))
        width = k + 1;
  for (size_t i = 0; i < r->count; i++)
    ms_formula_narrow(r->formulas[i], width);
  double *theta = ms_doubles(d * width);
  if (status == MS_OK && !theta)
    status = ms_no_memory(r->err);
  const char *given = ms_config_text(cfg, "init-theta");
  if (status == MS_OK)
    status =
        w ? theta_from_blocks(w, blocks, ms_config_text(cfg, "init-w"), d, width, theta, r->err)
        : given
            ? theta_from_text(given, ms_config_origin(cfg, "init-theta"), d, width, theta, r->err)
            : draw_theta(cfg, ln_beta, d, width, theta, r->err);
  for (size_t j = 0; j < d && status == MS_OK; j++) {
    double largest = 0;
    for (size_t i = 0; i < width; i++)
      largest = fmax(largest, fabs(theta[j * width + i]));
    ln_beta[j] = largest > 0 ? log(largest) : 0;
  }
  if (status == MS_OK) {
    status = ms_custom_new(p, r->formulas, r->count, r->of, d, width, theta, r->err);
    r->count = 0; /* they are owned by p */
  }
  free(theta);
  return status;
}

ms_status ms_custom_build(ms_param *p, const ms_config *cfg, size_t d, const double *w,
                          size_t blocks, double *ln_beta, ms_error *err) {
  const char *text = ms_config_text(cfg, "formula");
  if (!text)
    return ms_fail(err, MS_BAD_SETTING,
                   "--param custom takes a --formula in the weights a, b, ..., such as 'a*b*c'");
  size_t room = 1;
  for (const char *at = text; *at; at++)
    room += *at == '|';
  reading r = {.text = text, .origin = ms_config_origin(cfg, "formula"), .d = d, .err = err};
  r.of = malloc(d * sizeof *r.of);
  r.formulas = calloc(room, sizeof *r.formulas);
  ms_status status = r.of && r.formulas ? MS_OK : ms_no_memory(err);
  for (size_t j = 0; j < d && status == MS_OK; j++)
    r.of[j] = NONE;
  if (status == MS_OK)
    status = build(p, &r, cfg, w, blocks, ln_beta);
  for (size_t i = 0; i < r.count; i++)
    ms_formula_free(r.formulas[i]);
  free(r.formulas);
  free(r.of);
  return status;
}
