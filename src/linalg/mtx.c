#include "linalg/mtx.h"
#include "text/source.h"
#include "text/text.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define BANNER "%%MatrixMarket"

enum { SHOWN = 40 }; /* characters of a faulty field that a message quotes */

typedef enum symmetry { GENERAL, SYMMETRIC, SKEW } symmetry;

typedef struct reader {
  const char *path;
  FILE *file;
  char *buffer, *line; /* the line begins behind a byte order mark and has no line end */
  size_t room, number;
  bool array, integer, natural, pattern;
  symmetry symmetry;
  size_t n, d, announced, announced_at; /* sizes and the line that gives them */
  /* Coordinate entries read so far, mirrored ones included. */
  size_t count, space;
  int32_t *row, *column;
  double *value;
} reader;

/* ---- Lines and fields ----------------------------------------------------------------------- */

/* Fails with "path:line:column: ..." for the place `at` of the present line. */
static ms_status MS_PRINTF(4, 5)
    fail_in(const reader *r, const char *at, ms_error *err, const char *format, ...) {
  size_t column = 1;
  for (const char *p = r->line; p < at; p++)
    column += ((unsigned char)*p & 0xC0) != 0x80; /* bytes that begin a character */
  char message[sizeof err->message];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  return ms_fail(err, MS_BAD_INPUT, "%s:%zu:%zu: %s", r->path, r->number, column, message);
}

struct shown {
  char text[SHOWN + 4];
};

/* What a message quotes: the beginning of a field, with nothing in it that could upset a terminal.
 */
static struct shown show(const char *from, const char *to) {
  struct shown shown = {{0}};
  size_t length = MS_MIN((size_t)(to - from), SHOWN);
  for (size_t i = 0; i < length; i++)
    shown.text[i] = from[i] < ' ' || from[i] > '~' ? '?' : from[i];
  strcpy(shown.text + length, from + length < to ? "..." : "");
  return shown;
}

static char *skip_field(char *p) {
  while (*p && !ms_is_blank(*p))
    p++;
  return p;
}

/* The next line, *more = false behind the last. */
static ms_status next_line(reader *r, bool *more, ms_error *err) {
  errno = 0;
  ssize_t length = getline(&r->buffer, &r->room, r->file);
  r->number++;
  *more = length >= 0;
  if (!*more && errno == ENOMEM)
    return ms_no_memory(err);
  if (!*more && ferror(r->file))
    return ms_fail(err, MS_BAD_INPUT, "%s: cannot be read: %s", r->path, ms_reading_error(errno));
  r->line = r->buffer;
  if (!*more)
    return MS_OK;
  if (r->number == 1 && strncmp(r->line, "\xEF\xBB\xBF", 3) == 0)
    r->line += 3;
  char *end = r->buffer + length;
  if (end > r->line && end[-1] == '\n')
    *--end = '\0';
  const char *nul = strchr(r->line, '\0');
  const char *foreign = r->number == 1 && strncasecmp(r->line, BANNER, strlen(BANNER)) != 0
                            ? ms_foreign(r->buffer, (size_t)length)
                            : NULL;
  if (foreign)
    return ms_fail(err, MS_BAD_INPUT, "%s: %s", r->path, foreign);
  return nul < end ? fail_in(r, nul, err, "a NUL byte; the file must be plain text") : MS_OK;
}

/* The next line that is neither blank nor a comment; *p its first field. */
static ms_status next_data(reader *r, char **p, bool *more, ms_error *err) {
  ms_status status;
  do {
    status = next_line(r, more, err);
    *p = *more ? ms_skip_blanks(r->line) : NULL;
  } while (status == MS_OK && *more && (**p == '\0' || **p == '%'));
  return status;
}

/* A whole number; beyond 10^17 only its size is right. *p moves behind it, *at is where it begins.
 */
static ms_status next_whole(const reader *r, char **p, const char *what, long *value,
                            const char **at, ms_error *err) {
  char *from = ms_skip_blanks(*p), *q = from + (*from == '-');
  bool good = *q >= '0' && *q <= '9';
  *value = 0;
  for (; *q >= '0' && *q <= '9'; q++)
    if (*value < 100000000000000000)
      *value = 10 * *value + (*q - '0');
  if (*from == '\0')
    return fail_in(r, from, err, "the line ends before the %s", what);
  if (!good || (*q && !ms_is_blank(*q)))
    return fail_in(r, from, err, "'%s' is not a whole number (%s)", show(from, skip_field(q)).text,
                   what);
  if (*from == '-')
    *value = -*value;
  *p = q;
  *at = from;
  return MS_OK;
}

static ms_status next_index(const reader *r, char **p, const char *what, size_t size,
                            int32_t *index, const char **at, ms_error *err) {
  long value;
  ms_status status = next_whole(r, p, what, &value, at, err);
  if (status != MS_OK)
    return status;
  if (value < 1 || value > (long)size)
    return fail_in(r, *at, err, "%s %s is outside 1 to %zu; the matrix is %zu x %zu", what,
                   show(*at, *p).text, size, r->n, r->d);
  *index = (int32_t)(value - 1);
  return MS_OK;
}

static ms_status next_value(const reader *r, char **p, double *value, ms_error *err) {
  char *from = ms_skip_blanks(*p), *to = skip_field(from), after = *to;
  if (from == to)
    return fail_in(r, from, err, "the line ends before the value");
  *to = '\0';
  bool good = ms_parse_real(from, value);
  *to = after;
  if (!good)
    return fail_in(r, from, err, "'%s' is not a finite number", show(from, to).text);
  if (r->integer && *value != rint(*value))
    return fail_in(r, from, err, "'%s' is not a whole number, but the first line says integer",
                   show(from, to).text);
  if (r->natural && *value < 0)
    return fail_in(r, from, err, "'%s' is negative, but the first line says unsigned-integer",
                   show(from, to).text);
  *p = to;
  return MS_OK;
}

static ms_status end_of_line(const reader *r, char *p, ms_error *err) {
  p = ms_skip_blanks(p);
  return *p ? fail_in(r, p, err, "'%s' is one field too many", show(p, skip_field(p)).text) : MS_OK;
}

/* ---- The head of the file ------------------------------------------------------------------- */

/* %%MatrixMarket matrix FORMAT FIELD SYMMETRY */
static const struct {
  const char *what, *choices[5];
} words[] = {
    {"", {BANNER}},
    {"kind of object", {"matrix"}},
    {"format", {"coordinate", "array"}},
    {"field", {"real", "integer", "unsigned-integer", "pattern"}},
    {"symmetry", {"general", "symmetric", "skew-symmetric"}},
};

static ms_status unknown_word(const reader *r, size_t w, const char *from, const char *to,
                              ms_error *err) {
  const char *const *choices = words[w].choices;
  char all[80] = "";
  if (w == 0)
    return fail_in(r, from, err, "'%s' does not begin a Matrix Market file; %s does",
                   show(from, to).text, choices[0]);
  if (to - from == 7 && strncasecmp(from, "complex", 7) == 0)
    return fail_in(r, from, err,
                   "the entries are complex; only real ones are read: save the real or imaginary "
                   "part");
  for (size_t c = 0; choices[c]; c++)
    snprintf(all + strlen(all), sizeof all - strlen(all), "%s%s",
             c == 0           ? ""
             : choices[c + 1] ? ", "
                              : " or ",
             choices[c]);
  return fail_in(r, from, err, "'%s' is not a known %s; %s", show(from, to).text, words[w].what,
                 all);
}

static ms_status read_first_line(reader *r, ms_error *err) {
  size_t chosen[5];
  bool more;
  ms_status status = next_line(r, &more, err);
  if (status != MS_OK)
    return status;
  if (!more)
    return ms_fail(err, MS_BAD_INPUT, "%s:1:1: the file is empty", r->path);
  char *p = r->line;
  for (size_t w = 0; w < 5; w++) {
    char *from = ms_skip_blanks(p);
    size_t length = (size_t)((p = skip_field(from)) - from), c = 0;
    const char *const *choices = words[w].choices;
    while (choices[c] &&
           (strlen(choices[c]) != length || strncasecmp(from, choices[c], length) != 0))
      c++;
    chosen[w] = c;
    if (choices[c])
      continue;
    return unknown_word(r, w, from, p, err);
  }
  r->array = chosen[2] == 1;
  r->natural = chosen[3] == 2;
  r->integer = chosen[3] == 1 || r->natural;
  r->pattern = chosen[3] == 3;
  r->symmetry = (symmetry)chosen[4];
  if (r->array && r->pattern)
    return fail_in(r, r->line, err, "a pattern has no values, but an array is all of them");
  return end_of_line(r, p, err);
}

static ms_status read_sizes(reader *r, ms_error *err) {
  static const char *const what[] = {"number of rows", "number of columns", "number of entries"};
  long sizes[3] = {0};
  const char *at[3] = {0};
  char *p;
  bool more;
  ms_status status = next_data(r, &p, &more, err);
  if (status == MS_OK && !more)
    return ms_fail(err, MS_BAD_INPUT, "%s:%zu:1: the file ends before the size of the matrix",
                   r->path, r->number);
  for (int k = 0; k < (r->array ? 2 : 3) && status == MS_OK; k++) {
    status = next_whole(r, &p, what[k], &sizes[k], &at[k], err);
    if (status == MS_OK && (sizes[k] < (k < 2) || (k < 2 && sizes[k] > INT32_MAX)))
      status = fail_in(r, at[k], err, "the %s, %s, is not between %d and %s", what[k],
                       show(at[k], p).text, k < 2, k < 2 ? "2147483647" : "10^17");
  }
  if (status != MS_OK)
    return status;
  if (r->symmetry != GENERAL && sizes[0] != sizes[1])
    return fail_in(r, at[0], err, "a symmetric matrix has as many rows as columns, not %ld and %ld",
                   sizes[0], sizes[1]);
  r->n = (size_t)sizes[0];
  r->d = (size_t)sizes[1];
  r->announced = !r->array                  ? (size_t)sizes[2]
                 : r->symmetry == GENERAL   ? r->n * r->d
                 : r->symmetry == SYMMETRIC ? r->n * (r->n + 1) / 2
                                            : r->n * (r->n - 1) / 2;
  r->announced_at = r->number;
  return end_of_line(r, p, err);
}

/* ---- Entries -------------------------------------------------------------------------------- */

/* *more = false behind the last of the entries, whose number must then be right. */
static ms_status next_entry(reader *r, size_t seen, char **p, bool *more, ms_error *err) {
  ms_status status = next_data(r, p, more, err);
  if (status != MS_OK)
    return status;
  if (*more && seen == r->announced)
    return fail_in(r, *p, err, "more entries than the %zu of line %zu", r->announced,
                   r->announced_at);
  if (!*more && seen < r->announced)
    return ms_fail(err, MS_BAD_INPUT,
                   "%s:%zu:1: the file ends after %zu of the %zu entries of line %zu", r->path,
                   r->number, seen, r->announced, r->announced_at);
  return MS_OK;
}

/* Entries of a dense matrix come column by column, of a symmetric one those from the diagonal on
 * down, of a skew one those below it. */
static ms_status read_array(ms_matrix **out, reader *r, ms_error *err) {
  ms_matrix *Z = NULL;
  char *p;
  bool more = true, mirrored = r->symmetry != GENERAL;
  size_t below = r->symmetry == SKEW, i = below, j = 0;
  ms_status status = ms_matrix_new(&Z, r->n, r->d, err);
  for (size_t k = 0; status == MS_OK && more; k++) {
    double value;
    status = next_entry(r, k, &p, &more, err);
    if (status == MS_OK && more)
      status = next_value(r, &p, &value, err);
    if (status == MS_OK && more)
      status = end_of_line(r, p, err);
    if (status != MS_OK || !more)
      break;
    Z->values[j * r->n + i] = value;
    if (mirrored)
      Z->values[i * r->n + j] = below ? -value : value;
    if (++i == r->n) {
      j++;
      i = mirrored ? j + below : 0;
    }
  }
  if (status != MS_OK) {
    ms_matrix_free(Z);
    return status;
  }
  *out = Z;
  return MS_OK;
}

/* The block made larger; where that fails the block as it was, and *ok false. */
static void *grow(void *block, size_t bytes, bool *ok) {
  void *larger = realloc(block, bytes);
  if (!larger) {
    *ok = false;
    return block;
  }
  return larger;
}

static bool add(reader *r, int32_t row, int32_t column, double value) {
  if (r->count == r->space) {
    bool ok = true;
    size_t space = r->space ? 2 * r->space : 1024;
    r->row = grow(r->row, space * sizeof *r->row, &ok);
    r->column = grow(r->column, space * sizeof *r->column, &ok);
    r->value = grow(r->value, space * sizeof *r->value, &ok);
    if (!ok)
      return false;
    r->space = space;
  }
  r->row[r->count] = row;
  r->column[r->count] = column;
  r->value[r->count++] = value;
  return true;
}

static ms_status read_line(reader *r, char *p, ms_error *err) {
  int32_t i = 0, j = 0;
  double value = 1;
  const char *at;
  ms_status status = next_index(r, &p, "row", r->n, &i, &at, err);
  if (status == MS_OK)
    status = next_index(r, &p, "column", r->d, &j, &at, err);
  if (status == MS_OK && r->symmetry != GENERAL && i < j + (r->symmetry == SKEW))
    return fail_in(r, at, err,
                   "row %d, column %d is above the diagonal%s; a symmetric file has none", i + 1,
                   j + 1, r->symmetry == SKEW ? " or on it" : "");
  if (status == MS_OK && !r->pattern)
    status = next_value(r, &p, &value, err);
  if (status == MS_OK)
    status = end_of_line(r, p, err);
  if (status != MS_OK)
    return status;
  bool mirrored = r->symmetry != GENERAL && i != j;
  if (!add(r, i, j, value) || (mirrored && !add(r, j, i, r->symmetry == SKEW ? -value : value)))
    return ms_no_memory(err);
  return MS_OK;
}

static ms_status read_coordinates(ms_matrix **out, reader *r, ms_error *err) {
  ms_matrix *Z = NULL;
  char *p;
  bool more = true;
  ms_status status = MS_OK;
  for (size_t k = 0; status == MS_OK && more; k++) {
    status = next_entry(r, k, &p, &more, err);
    if (status == MS_OK && more)
      status = read_line(r, p, err);
  }
  if (status == MS_OK)
    status = ms_matrix_sparse(&Z, r->n, r->d, r->count, r->row, r->column, r->value, err);
  for (size_t j = 0; status == MS_OK && j < Z->d; j++)
    for (size_t k = Z->start[j]; k < Z->start[j + 1] && status == MS_OK; k++)
      if (!isfinite(Z->entry[k]))
        status = ms_fail(err, MS_BAD_INPUT,
                         "%s: the entries of row %d, column %zu add up to no finite number",
                         r->path, Z->row[k] + 1, j + 1);
  if (status != MS_OK) {
    ms_matrix_free(Z);
    return status;
  }
  *out = Z;
  return MS_OK;
}

ms_status ms_mtx_read(ms_matrix **Z, const char *path, ms_error *err) {
  reader r = {.path = path, .file = ms_open_reading(path)};
  if (!r.file)
    return ms_fail(err, MS_BAD_INPUT, "%s: cannot be read: %s", path, ms_reading_error(errno));
  ms_status status = read_first_line(&r, err);
  if (status == MS_OK)
    status = read_sizes(&r, err);
  if (status == MS_OK)
    status = (r.array ? read_array : read_coordinates)(Z, &r, err);
  fclose(r.file);
  free(r.buffer);
  free(r.row);
  free(r.column);
  free(r.value);
  return status;
}
