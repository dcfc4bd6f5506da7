#include "text/source.h"
#include "text/text.h"
#include <stdlib.h>
#include <string.h>

/* Rows below the header by which separators are told apart. */
enum { FIRST_ROWS = 20 };

/* A file and how it is written. */
typedef struct reader {
  ms_source s;
  char separator; /* ' ': any number of blanks */
  char decimal;   /* '.' or ','; 0 before the first number that shows it */
  bool row_names; /* the first field of each row is a name */
} reader;

/* ---- Fields --------------------------------------------------------------------------------- */

struct field {
  char *text, *end; /* as in the file, without the outer quotes */
  const char *at;
  bool last; /* of its row */
};

static bool is_blank(const reader *r, char c) {
  return ms_is_blank(c) && c != r->separator;
}

static char *skip_blanks(const reader *r, char *p) {
  while (is_blank(r, *p) || (r->separator == ' ' && *p == ' '))
    p++;
  return p;
}

static char *skip_lines(char *p) {
  while (ms_is_blank(*p) || *p == '\n')
    p++;
  return p;
}

static bool ends_field(const reader *r, char c) {
  return c == r->separator || c == '\n' || c == '\0' || (r->separator == ' ' && ms_is_blank(c));
}

static const char *separator_name(char separator) {
  switch (separator) {
  case ';':
    return "semicolon";
  case '\t':
    return "tab";
  case ' ':
    return "blank";
  default:
    return "comma";
  }
}

/* Reads the field at *p and moves *p behind the separator or newline that ends it. */
static ms_status next_field(const reader *r, char **p, struct field *f, ms_error *err) {
  const ms_source *s = &r->s;
  char *q = skip_blanks(r, *p);
  f->at = q;
  if (*q == '"') {
    f->text = ++q;
    while ((q = strchr(q, '"')) && q[1] == '"')
      q += 2;
    if (!q)
      return ms_source_fail(s, f->at, err, "the quote opened here, '%s', is never closed",
                            ms_show(f->at, s->data + s->size).text);
    f->end = q++;
    if (r->separator != ' ')
      q = skip_blanks(r, q);
    if (!ends_field(r, *q))
      return ms_source_fail(s, q, err, "'%s' follows a closing quote; only a %s or a new line may",
                            ms_show(q, q + strcspn(q, (char[]){r->separator, '\r', '\n', 0})).text,
                            separator_name(r->separator));
  } else {
    f->text = q;
    while (!ends_field(r, *q))
      q++;
    f->end = q;
    while (f->end > f->text && ms_is_blank(f->end[-1]))
      f->end--;
  }
  if (r->separator == ' ')
    q = skip_blanks(r, q);
  f->last = *q == '\n' || *q == '\0';
  *p = *q && (f->last || r->separator != ' ') ? q + 1 : q;
  return MS_OK;
}

/* A header field becomes a name: "a ""b""" is a "b". */
static char *unquote(const struct field *f) {
  char *name = malloc((size_t)(f->end - f->text) + 1), *out = name;
  if (!name)
    return NULL;
  bool quoted = *f->at == '"';
  const char *from = f->text, *to = f->end;
  while (from < to && (ms_is_blank(*from) || *from == '\n'))
    from++;
  while (to > from && (ms_is_blank(to[-1]) || to[-1] == '\n'))
    to--;
  while (from < to) {
    *out++ = *from;
    from += quoted && *from == '"' ? 2 : 1;
  }
  *out = '\0';
  return name;
}

/* A number with a decimal comma, the only one in it. */
static bool parse_comma(char *from, char *to, double *value) {
  char *comma = memchr(from, ',', (size_t)(to - from));
  if (!comma || memchr(from, '.', (size_t)(to - from)))
    return false;
  *comma = '.';
  bool good = ms_parse_part(ms_parse_real, from, to, value);
  *comma = ',';
  return good;
}

/* The number in a field. What the decimal sign is shows the first number that has one, except where
 * commas separate: those in quotes may be of thousands. */
static bool parse_field(reader *r, const struct field *f, double *value) {
  size_t length = (size_t)(f->end - f->text);
  bool point = memchr(f->text, '.', length) != NULL;
  if (!(point && r->decimal == ',') && ms_parse_part(ms_parse_real, f->text, f->end, value)) {
    if (point)
      r->decimal = '.';
    return true;
  }
  bool may_be_comma = r->decimal == ',' || (r->decimal == 0 && r->separator != ',');
  if (!may_be_comma || !parse_comma(f->text, f->end, value))
    return false;
  r->decimal = ',';
  return true;
}

/* Why a field is no number. */
static ms_status no_number(const reader *r, const struct field *f, const char *column,
                           ms_error *err) {
  double value;
  bool comma = r->decimal == ',', other = r->decimal && r->separator != ',';
  other = other && (comma ? ms_parse_part(ms_parse_real, f->text, f->end, &value)
                          : parse_comma(f->text, f->end, &value));
  return ms_source_fail(&r->s, f->at, err, "'%s' is not %s (column \"%s\")%s%s",
                        ms_show(f->text, f->end).text, ms_wanted(f->text, f->end),
                        ms_show(column, strchr(column, '\0')).text,
                        other ? "; the decimal sign of this file is a " : "",
                        !other  ? ""
                        : comma ? "comma"
                                : "point");
}

/* ---- Which separator? ----------------------------------------------------------------------- */

/* How the first rows look with one of the separators. */
typedef struct look {
  size_t names; /* fields of the header; 0: it cannot be read so */
  bool even;    /* the rows have as many, or one more, a name */
  bool numbers; /* and hold numbers */
} look;

static bool looks_like_number(reader *r, const struct field *f) {
  double value;
  return parse_field(r, f, &value);
}

/* A row of names + 1 fields of which the first is no number: R leaves out the name of that column.
 */
static bool names_itself(reader *r, const struct field *first, size_t fields, size_t names) {
  return fields == names + 1 && (*first->at == '"' || !looks_like_number(r, first));
}

static void look_at_row(reader *r, char **p, bool unnamed, look *l) {
  struct field f = {.last = false}, first = f;
  size_t fields = 0, numbers = 0;
  while (!f.last) {
    if (next_field(r, p, &f, NULL) != MS_OK) {
      l->even = false;
      *p += strlen(*p);
      return;
    }
    if (fields++ == 0)
      first = f;
    if (fields > 1 || !unnamed)
      numbers += looks_like_number(r, &f);
  }
  bool named = unnamed || names_itself(r, &first, fields, l->names);
  l->even = l->even && (fields == l->names || (named && !unnamed));
  if (named && !unnamed)
    numbers -= looks_like_number(r, &first);
  l->numbers = l->numbers && l->even && numbers + named == fields;
}

static look look_at(const reader *given, char *p, char separator) {
  reader r = *given; /* the decimal sign is not found out yet */
  look l = {.even = true, .numbers = true};
  struct field f = {.last = false};
  bool unnamed = false;
  size_t rows = 0;
  r.separator = separator;
  while (!f.last) {
    if (next_field(&r, &p, &f, NULL) != MS_OK)
      return (look){0};
    unnamed = unnamed || (l.names == 0 && f.text == f.end && !f.last);
    l.names++;
  }
  for (; rows < FIRST_ROWS && *skip_lines(p); rows++)
    look_at_row(&r, &p, unnamed, &l);
  l.even = l.even && rows > 0;
  l.numbers = l.even && l.numbers;
  return l;
}

/* The first separator with which the first rows are a table of numbers; else with which they have
 * equally many fields; else that with most names. */
static char find_separator(const reader *r, char *p) {
  static const char separators[] = {',', ';', '\t', ' '};
  enum { COUNT = sizeof separators, BLANK = COUNT - 1 };
  look looks[COUNT];
  size_t most = 0;
  for (size_t k = 0; k < COUNT; k++)
    looks[k] = look_at(r, p, separators[k]);
  for (size_t k = 0; k < COUNT; k++)
    if (looks[k].numbers && (k == 0 || looks[k].names > 1))
      return separators[k];
  for (size_t k = 0; k < BLANK; k++)
    if (looks[k].even && looks[k].names > 1)
      return separators[k];
  for (size_t k = 1; k < BLANK; k++)
    if (looks[k].names > MS_MAX(looks[most].names, 1))
      most = k;
  return separators[most];
}

/* Excel's first line "sep=;" says which; *p moves behind it. */
static char announced_separator(char **p) {
  char *at = *p + (**p == '"');
  if (strncmp(at, "sep=", 4) != 0 || at[4] == '\0')
    return 0;
  char separator = at[4];
  at = ms_skip_blanks(at + 5 + (**p == '"'));
  if (*at != '\n' || !strchr(",; \t", separator))
    return 0;
  *p = at + 1;
  return separator;
}

/* ---- The header ----------------------------------------------------------------------------- */

struct heading {
  const char *name, *at;
};

static int by_name(const void *a, const void *b) {
  const struct heading *x = a, *y = b;
  int order = strcmp(x->name, y->name);
  return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* Sorts `headings`. Numbers may be names where the column of row names shows that this is a header.
 */
static ms_status check_names(const reader *r, struct heading *headings, size_t n, ms_error *err) {
  size_t numbers = 0;
  double value;
  for (size_t i = 0; i < n; i++)
    numbers += ms_parse_real(headings[i].name, &value);
  if (numbers == n && !r->row_names)
    return ms_source_fail(&r->s, headings->at, err,
                          "the first row holds numbers only ('%s'...); it must name the columns",
                          ms_show(headings->name, strchr(headings->name, '\0')).text);

  qsort(headings, n, sizeof *headings, by_name);
  const struct heading *twice = NULL;
  for (size_t i = 1; i < n; i++)
    if (strcmp(headings[i - 1].name, headings[i].name) == 0 &&
        (!twice || headings[i].at < twice->at))
      twice = &headings[i];
  if (twice)
    return ms_source_fail(&r->s, twice->at, err,
                          "'%s' names two columns; each needs a name of its own",
                          ms_show(twice->name, strchr(twice->name, '\0')).text);
  return MS_OK;
}

/* Room for one more name and heading. */
static bool grow(ms_table *table, struct heading **headings, size_t *room) {
  if (table->cols < *room)
    return true;
  *room = *room ? 2 * *room : 16;
  char **names = realloc(table->names, *room * sizeof *names);
  if (names)
    table->names = names;
  struct heading *more = realloc(*headings, *room * sizeof *more);
  if (more)
    *headings = more;
  return names && more;
}

static ms_status add_name(ms_table *table, reader *r, const struct field *f,
                          struct heading **headings, size_t *room, ms_error *err) {
  char *name = grow(table, headings, room) ? unquote(f) : NULL;
  if (!name)
    return ms_no_memory(err);
  if (!*name && table->cols == 0 && !r->row_names && !f->last) {
    free(name);
    r->row_names = true;
    return MS_OK;
  }
  (*headings)[table->cols] = (struct heading){name, f->at};
  table->names[table->cols++] = name;
  if (*name)
    return MS_OK;
  return ms_source_fail(&r->s, f->at, err,
                        "column %zu has no name; the first row must name each column",
                        table->cols + r->row_names);
}

/* Has the first row below the header a name of its own? */
static bool first_row_named(reader r, char *p, size_t names) {
  struct field f = {.last = false}, first = f;
  size_t fields = 0;
  if (r.row_names || !*skip_lines(p))
    return r.row_names;
  while (!f.last) {
    if (next_field(&r, &p, &f, NULL) != MS_OK)
      return false;
    if (fields++ == 0)
      first = f;
  }
  return names_itself(&r, &first, fields, names);
}

static ms_status read_header(ms_table *table, reader *r, char **p, ms_error *err) {
  struct heading *headings = NULL;
  size_t room = 0;
  ms_status status = MS_OK;
  struct field f = {.last = false};
  while (status == MS_OK && !f.last) {
    status = next_field(r, p, &f, err);
    if (status == MS_OK)
      status = add_name(table, r, &f, &headings, &room, err);
  }
  if (status == MS_OK) {
    r->row_names = first_row_named(*r, *p, table->cols);
    status = check_names(r, headings, table->cols, err);
  }
  free(headings);
  return status;
}

/* ---- Rows ----------------------------------------------------------------------------------- */

static ms_status read_row(const ms_table *table, reader *r, char **p, double *row, ms_error *err) {
  const ms_source *s = &r->s;
  struct field f = {.last = false};
  size_t before = r->row_names, fields = table->cols + before;
  for (size_t j = 0; j < fields; j++) {
    if (f.last) {
      const char *end = f.end + (*f.at == '"'); /* behind the closing quote */
      return ms_source_fail(s, end, err, "the row ends after %zu of %zu fields, behind '%s'", j,
                            fields, ms_show(f.at, end).text);
    }
    ms_status status = next_field(r, p, &f, err);
    if (status != MS_OK)
      return status;
    if (j >= before && !parse_field(r, &f, &row[j - before]))
      return no_number(r, &f, table->names[j - before], err);
  }
  if (!f.last) {
    ms_status status = next_field(r, p, &f, err);
    return status != MS_OK ? status
                           : ms_source_fail(s, f.at, err,
                                            "'%s' is one field too many; the first row names %zu "
                                            "columns",
                                            ms_show(f.text, f.end).text, table->cols);
  }
  return MS_OK;
}

/* From row after row to column after column. */
static ms_status turn(ms_table *table, const double *rows, ms_error *err) {
  if (!(table->values = ms_doubles(table->rows * table->cols)))
    return ms_no_memory(err);
  for (size_t i = 0; i < table->rows; i++)
    for (size_t j = 0; j < table->cols; j++)
      table->values[j * table->rows + i] = rows[i * table->cols + j];
  return MS_OK;
}

static ms_status read_rows(ms_table *table, reader *r, char *p, ms_error *err) {
  double *rows = NULL; /* row after row; their number is not known before */
  size_t room = 0, cols = table->cols;
  ms_status status = MS_OK;
  char *start = p;
  while (status == MS_OK) {
    char *next = skip_lines(p);
    if (*next == '\0')
      break;
    if (memchr(p, '\n', (size_t)(next - p))) {
      status = ms_source_fail(&r->s, p, err,
                              "'' is a blank line before more rows; they may only come last");
      break;
    }
    if (table->rows == room) {
      room = room ? 2 * room : 64;
      double *more = reallocarray(rows, room, cols * sizeof *more);
      if (!more) {
        status = ms_no_memory(err);
        break;
      }
      rows = more;
    }
    status = read_row(table, r, &p, rows + table->rows * cols, err);
    table->rows++;
  }
  if (status == MS_OK && table->rows == 0)
    status =
        ms_source_fail(&r->s, start, err, "no data; rows of numbers must follow the column names");
  if (status == MS_OK)
    status = turn(table, rows, err);
  free(rows);
  return status;
}

/* ---- Tables --------------------------------------------------------------------------------- */

static ms_status read_table(ms_table *table, reader *r, ms_error *err) {
  char *p = r->s.text;
  ms_status status = ms_source_check_text(&r->s, err);
  if (status != MS_OK)
    return status;
  if (*skip_lines(p) == '\0')
    return ms_fail(err, MS_BAD_INPUT,
                   "%s: the file is empty; a row of column names and rows of numbers are needed",
                   r->s.path);
  if (*ms_skip_blanks(p) == '\n')
    return ms_source_fail(&r->s, p, err, "'' is a blank line; the first row must name the columns");
  char announced = announced_separator(&p);
  if (!r->separator)
    r->separator = announced ? announced : find_separator(r, p);
  status = read_header(table, r, &p, err);
  if (status == MS_OK)
    status = read_rows(table, r, p, err);
  table->separator = r->separator;
  table->decimal = r->decimal ? r->decimal : '.';
  table->row_names = r->row_names;
  return status;
}

ms_status ms_table_read_as(ms_table *table, const char *path, char separator, char decimal,
                           ms_error *err) {
  *table = (ms_table){0};
  reader r = {.separator = separator, .decimal = decimal};
  ms_status status = ms_source_read(&r.s, path, err);
  if (status != MS_OK)
    return status;
  status = read_table(table, &r, err);
  if (status != MS_OK)
    ms_table_free(table);
  free(r.s.data);
  return status;
}

ms_status ms_table_read(ms_table *table, const char *path, ms_error *err) {
  return ms_table_read_as(table, path, 0, 0, err);
}

ms_status ms_table_read_columns(ms_table *table, const char *path, ms_error *err) {
  ms_status status = ms_table_read(table, path, err);
  if (status != MS_OK || !table->row_names)
    return status;
  ms_table_free(table);
  return ms_fail(err, MS_BAD_INPUT,
                 "%s:1:1: column 1 has no name, as one of row names; this file has none", path);
}

void ms_table_free(ms_table *table) {
  for (size_t j = 0; j < table->cols; j++)
    free(table->names[j]);
  free(table->names);
  free(table->values);
  *table = (ms_table){0};
}

static const char *column_at(size_t i, void *ctx) {
  const ms_table *table = ctx;
  return i < table->cols ? table->names[i] : NULL;
}

ms_status ms_table_column(const ms_table *table, const char *name, const char *path,
                          const char *origin, size_t *column, ms_error *err) {
  for (size_t j = 0; j < table->cols; j++)
    if (strcmp(table->names[j], name) == 0) {
      *column = j;
      return MS_OK;
    }
  const char *near = ms_nearest(name, column_at, (void *)table);
  return ms_fail(err, MS_BAD_SETTING, "%s: '%s' is no column of %s%s%s%s", origin, name, path,
                 near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}
