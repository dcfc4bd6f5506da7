#include "text/text.h"
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

#define NPY_MAGIC "\x93NUMPY"

enum {
  NPY_MAGIC_SIZE = 6,
  NPY_ALIGN = 64,
  SHOWN = 40, /* characters of a faulty field that a message quotes */
  DOS_1980 = 1 << 5 | 1
};

/* ---- Whole files and places in them --------------------------------------------------------- */

struct source {
  const char *path;
  char *data; /* followed by a NUL that `size` does not count */
  size_t size;
  char *text; /* data behind the byte order mark */
};

static ms_status source_read(struct source *s, const char *path, ms_error *err) {
  *s = (struct source){.path = path};
  size_t room = 1 << 16;
  FILE *file = fopen(path, "rb");
  if (!file)
    return ms_fail(err, MS_BAD_INPUT, "%s: cannot be read: %s", path, strerror(errno));

  s->data = malloc(room);
  while (s->data) {
    size_t got = fread(s->data + s->size, 1, room - s->size - 1, file);
    s->size += got;
    if (got == 0)
      break;
    if (s->size + 1 == room) {
      char *more = realloc(s->data, room *= 2);
      if (!more)
        free(s->data);
      s->data = more;
    }
  }
  ms_status status = MS_OK;
  if (!s->data)
    status = ms_no_memory(err);
  else if (ferror(file))
    status = ms_fail(err, MS_BAD_INPUT, "%s: cannot be read: %s", path, strerror(errno));
  fclose(file);
  if (status != MS_OK) {
    free(s->data);
    s->data = NULL;
    return status;
  }
  s->data[s->size] = '\0';
  s->text = s->data + (strncmp(s->data, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0);
  return MS_OK;
}

static bool starts_character(char c) {
  return ((unsigned char)c & 0xC0) != 0x80;
}

/* Fails with "path:line:column: ..."; counts up to `at` only now that it is needed. */
static ms_status MS_PRINTF(4, 5)
    fail_in(const struct source *s, const char *at, ms_error *err, const char *format, ...) {
  size_t line = 1, column = 1;
  for (const char *p = s->text; p < at; p++) {
    if (*p == '\n') {
      line++;
      column = 1;
    } else if (starts_character(*p)) {
      column++;
    }
  }
  char message[sizeof err->message];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  return ms_fail(err, MS_BAD_INPUT, "%s:%zu:%zu: %s", s->path, line, column, message);
}

/* What a message quotes: the beginning, with nothing in it that could upset a terminal. */
struct shown {
  char text[4 * SHOWN + 4];
};

static struct shown show(const char *from, const char *to) {
  struct shown shown = {{0}};
  char *out = shown.text, *full = out + sizeof shown.text - 4;
  size_t count = 0;
  const char *p = from;
  for (; p < to && out < full; p++) {
    if (starts_character(*p) && ++count > SHOWN)
      break;
    bool control = (unsigned char)*p < ' ' || *p == 0x7F;
    *out++ = control ? '?' : *p;
  }
  strcpy(out, p < to ? "..." : "");
  return shown;
}

/* Text with a NUL inside would be cut short silently. */
static ms_status check_text(const struct source *s, ms_error *err) {
  const char *nul = memchr(s->data, '\0', s->size);
  return nul ? fail_in(s, nul, err, "a NUL byte; the file must be plain text (UTF-8)") : MS_OK;
}

bool ms_is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

char *ms_skip_blanks(char *p) {
  while (ms_is_blank(*p))
    p++;
  return p;
}

static char *skip_lines(char *p) {
  while (ms_is_blank(*p) || *p == '\n')
    p++;
  return p;
}

/* Parses [from, to) with `parse`, which wants a string of its own. */
static bool parse_part(bool (*parse)(const char *, double *), char *from, char *to, double *value) {
  char after = *to;
  *to = '\0';
  bool good = parse(from, value);
  *to = after;
  return good;
}

static bool parse_any(const char *text, double *value) {
  char *end;
  *value = strtod(text, &end);
  return *end == '\0';
}

/* Where ms_parse_real fails: "a number", or "a finite number" for nan, inf and 1e999. */
static const char *wanted(char *from, char *to) {
  double value;
  return parse_part(parse_any, from, to, &value) && !isfinite(value) ? "a finite number"
                                                                     : "a number";
}

/* ---- CSV ------------------------------------------------------------------------------------ */

struct field {
  char *text, *end; /* as in the file, without the outer quotes */
  const char *at;
  bool last; /* of its row */
};

/* Reads the field at *p and moves *p behind the comma or newline that ends it. */
static ms_status next_field(const struct source *s, char **p, struct field *f, ms_error *err) {
  char *q = ms_skip_blanks(*p);
  f->at = q;
  if (*q == '"') {
    f->text = ++q;
    while ((q = strchr(q, '"')) && q[1] == '"')
      q += 2;
    if (!q)
      return fail_in(s, f->at, err, "the quote opened here, '%s', is never closed",
                     show(f->at, s->data + s->size).text);
    f->end = q;
    q = ms_skip_blanks(q + 1);
    if (*q != ',' && *q != '\n' && *q != '\0')
      return fail_in(s, q, err, "'%s' follows a closing quote; only a comma or a new line may",
                     show(q, q + strcspn(q, ",\r\n")).text);
  } else {
    f->text = q;
    while (*q != ',' && *q != '\n' && *q != '\0')
      q++;
    f->end = q;
    while (f->end > f->text && ms_is_blank(f->end[-1]))
      f->end--;
  }
  f->last = *q != ',';
  *p = *q ? q + 1 : q;
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

struct heading {
  const char *name, *at;
};

static int by_name(const void *a, const void *b) {
  const struct heading *x = a, *y = b;
  int order = strcmp(x->name, y->name);
  return order ? order : (x->at > y->at) - (x->at < y->at);
}

/* Sorts `headings`. */
static ms_status check_names(const struct source *s, struct heading *headings, size_t n,
                             ms_error *err) {
  size_t numbers = 0;
  double value;
  for (size_t i = 0; i < n; i++)
    numbers += ms_parse_real(headings[i].name, &value);
  if (numbers == n)
    return fail_in(s, headings->at, err,
                   "the first row holds numbers only ('%s'...); it must name the columns",
                   show(headings->name, strchr(headings->name, '\0')).text);

  qsort(headings, n, sizeof *headings, by_name);
  const struct heading *twice = NULL;
  for (size_t i = 1; i < n; i++)
    if (strcmp(headings[i - 1].name, headings[i].name) == 0 &&
        (!twice || headings[i].at < twice->at))
      twice = &headings[i];
  if (twice)
    return fail_in(s, twice->at, err, "'%s' names two columns; each needs a name of its own",
                   show(twice->name, strchr(twice->name, '\0')).text);
  return MS_OK;
}

static ms_status read_header(ms_table *table, const struct source *s, char **p, ms_error *err) {
  struct heading *headings = NULL;
  size_t room = 0;
  ms_status status = MS_OK;
  struct field f = {.last = false};
  while (status == MS_OK && !f.last) {
    if (table->cols == room) {
      room = room ? 2 * room : 16;
      char **names = realloc(table->names, room * sizeof *names);
      if (names)
        table->names = names;
      struct heading *more = realloc(headings, room * sizeof *more);
      if (more)
        headings = more;
      if (!names || !more) {
        status = ms_no_memory(err);
        break;
      }
    }
    status = next_field(s, p, &f, err);
    if (status != MS_OK)
      break;
    char *name = unquote(&f);
    if (!name) {
      status = ms_no_memory(err);
      break;
    }
    headings[table->cols] = (struct heading){name, f.at};
    table->names[table->cols++] = name;
    if (!*name)
      status = fail_in(s, f.at, err, "column %zu has no name; the first row must name each column",
                       table->cols);
  }
  if (status == MS_OK)
    status = check_names(s, headings, table->cols, err);
  free(headings);
  return status;
}

static ms_status read_row(const ms_table *table, const struct source *s, char **p, double *row,
                          ms_error *err) {
  struct field f = {.last = false};
  for (size_t j = 0; j < table->cols; j++) {
    if (f.last) {
      const char *end = f.end + (*f.at == '"'); /* behind the closing quote */
      return fail_in(s, end, err, "the row ends after %zu of %zu fields, behind '%s'", j,
                     table->cols, show(f.at, end).text);
    }
    ms_status status = next_field(s, p, &f, err);
    if (status != MS_OK)
      return status;
    if (!parse_part(ms_parse_real, f.text, f.end, &row[j]))
      return fail_in(s, f.at, err, "'%s' is not %s (column \"%s\")", show(f.text, f.end).text,
                     wanted(f.text, f.end),
                     show(table->names[j], strchr(table->names[j], '\0')).text);
  }
  if (!f.last) {
    ms_status status = next_field(s, p, &f, err);
    return status != MS_OK ? status
                           : fail_in(s, f.at, err,
                                     "'%s' is one field too many; the first row names %zu columns",
                                     show(f.text, f.end).text, table->cols);
  }
  return MS_OK;
}

static ms_status read_rows(ms_table *table, const struct source *s, char *p, ms_error *err) {
  double *rows = NULL; /* row after row; their number is not known before */
  size_t room = 0, cols = table->cols;
  ms_status status = MS_OK;
  char *start = p;
  while (status == MS_OK) {
    char *next = skip_lines(p);
    if (*next == '\0')
      break;
    if (memchr(p, '\n', (size_t)(next - p))) {
      status = fail_in(s, p, err, "'' is a blank line before more rows; they may only come last");
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
    status = read_row(table, s, &p, rows + table->rows * cols, err);
    table->rows++;
  }
  if (status == MS_OK && table->rows == 0)
    status = fail_in(s, start, err, "no data; rows of numbers must follow the column names");
  if (status == MS_OK && !(table->values = ms_doubles(table->rows * cols)))
    status = ms_no_memory(err);
  if (status == MS_OK)
    for (size_t i = 0; i < table->rows; i++)
      for (size_t j = 0; j < cols; j++)
        table->values[j * table->rows + i] = rows[i * cols + j];
  free(rows);
  return status;
}

ms_status ms_table_read(ms_table *table, const char *path, ms_error *err) {
  *table = (ms_table){0};
  struct source s;
  ms_status status = source_read(&s, path, err);
  if (status != MS_OK)
    return status;
  char *p = s.text;
  status = check_text(&s, err);
  if (status == MS_OK && *skip_lines(p) == '\0')
    status = ms_fail(err, MS_BAD_INPUT,
                     "%s: the file is empty; a row of column names and rows of numbers are needed",
                     path);
  if (status == MS_OK && *ms_skip_blanks(p) == '\n')
    status = fail_in(&s, p, err, "'' is a blank line; the first row must name the columns");
  if (status == MS_OK)
    status = read_header(table, &s, &p, err);
  if (status == MS_OK)
    status = read_rows(table, &s, p, err);
  if (status != MS_OK)
    ms_table_free(table);
  free(s.data);
  return status;
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

/* ---- Vectors -------------------------------------------------------------------------------- */

static ms_status read_lines(double **values, size_t *n, const struct source *s, bool log_values,
                            ms_error *err) {
  size_t room = 0;
  ms_status status = check_text(s, err);
  for (char *p = s->text; status == MS_OK && *p;) {
    char *line_end = strchrnul(p, '\n');
    p = ms_skip_blanks(p);
    char *end = p + strcspn(p, "#\n");
    while (end > p && ms_is_blank(end[-1]))
      end--;
    if (end > p) {
      if (*n == room) {
        room = room ? 2 * room : 64;
        double *more = reallocarray(*values, room, sizeof *more);
        if (!more)
          return ms_no_memory(err);
        *values = more;
      }
      if (!parse_part(log_values ? ms_parse_log : ms_parse_real, p, end, &(*values)[(*n)++]))
        status = fail_in(s, p, err, "'%s' is not %s; one is allowed on each line",
                         show(p, end).text, log_values ? "a positive number" : wanted(p, end));
    }
    p = *line_end ? line_end + 1 : line_end;
  }
  if (status == MS_OK && *n == 0)
    status = ms_fail(err, MS_BAD_INPUT, "%s: no numbers in the file; one on each line is needed",
                     s->path);
  return status;
}

static double from_f8(const char *p) {
  uint64_t bits;
  double value;
  memcpy(&bits, p, sizeof bits);
  bits = le64toh(bits);
  memcpy(&value, &bits, sizeof value);
  return value;
}

static double from_f4(const char *p) {
  uint32_t bits;
  float value;
  memcpy(&bits, p, sizeof bits);
  bits = le32toh(bits);
  memcpy(&value, &bits, sizeof value);
  return (double)value;
}

static double from_i8(const char *p) {
  uint64_t bits;
  memcpy(&bits, p, sizeof bits);
  return (double)(int64_t)le64toh(bits);
}

static const struct {
  const char *descr;
  size_t size;
  double (*read)(const char *p);
} dtypes[] = {{"<f8", 8, from_f8}, {"<f4", 4, from_f4}, {"<i8", 8, from_i8}};

enum { DTYPES = sizeof dtypes / sizeof *dtypes };

/* The text of a value in a .npy header, with its quotes or brackets; false where the key is
 * missing. */
static bool npy_value(const char *header, const char *key, const char **from, const char **to) {
  const char *p = strstr(header, key);
  if (!p)
    return false;
  p += strlen(key);
  p += strspn(p, " :");
  const char *end = *p == '(' ? strchr(p, ')') : *p == '\'' ? strchr(p + 1, '\'') : NULL;
  *from = p;
  *to = end ? end + 1 : p + strcspn(p, "}");
  return true;
}

/* An array of one dimension, cols = 0, or two. */
struct npy {
  const char *path, *data;
  size_t rows, cols, dtype;
  bool by_columns; /* Fortran's order */
};

/* (n,) or (n, d) */
static bool npy_shape(const char *from, const char *to, bool matrix, struct npy *a) {
  if (to - from < 4 || *from != '(' || from[1] < '0' || from[1] > '9')
    return false;
  char *end;
  errno = 0;
  a->rows = strtoul(from + 1, &end, 10);
  end += strspn(end, " ");
  if (errno != 0 || *end++ != ',')
    return false;
  end += strspn(end, " ");
  if (matrix && (*end < '0' || *end > '9'))
    return false;
  a->cols = matrix ? strtoul(end, &end, 10) : 0;
  end += strspn(end, " ");
  return errno == 0 && *end == ')' && a->rows > 0 && (a->cols > 0 || !matrix);
}

static ms_status read_npy_header(struct npy *a, const char *header, size_t have, bool matrix,
                                 ms_error *err) {
  const char *path = a->path, *from, *to;
  if (!npy_value(header, "'descr'", &from, &to))
    return ms_fail(err, MS_BAD_INPUT, "%s: the .npy header '%s' has no 'descr'", path,
                   show(header, strchr(header, '\0')).text);
  while (a->dtype < DTYPES &&
         !(to - from == 5 && strncmp(from + 1, dtypes[a->dtype].descr, 3) == 0))
    a->dtype++;
  if (a->dtype == DTYPES)
    return ms_fail(err, MS_BAD_INPUT,
                   "%s: numbers of type %s; allowed are little-endian float64 ('<f8'), "
                   "float32 ('<f4') and int64 ('<i8')",
                   path, show(from, to).text);
  if (npy_value(header, "'fortran_order'", &from, &to))
    a->by_columns = strncmp(from, "True", 4) == 0;
  if (!npy_value(header, "'shape'", &from, &to))
    return ms_fail(err, MS_BAD_INPUT, "%s: the .npy header '%s' has no 'shape'", path,
                   show(header, strchr(header, '\0')).text);
  if (!npy_shape(from, to, matrix, a))
    return ms_fail(err, MS_BAD_INPUT, "%s: an array of shape '%s'; allowed is %s", path,
                   show(from, to).text,
                   matrix ? "two dimensions, '(n, d)' with n > 0 and d > 0"
                          : "one dimension, '(n,)' with n > 0");
  size_t size = dtypes[a->dtype].size, cols = matrix ? a->cols : 1, count = a->rows * cols;
  if (a->rows > SIZE_MAX / cols || have / size != count || have % size != 0)
    return ms_fail(err, MS_BAD_INPUT,
                   "%s: %zu bytes of data; shape '%s' and type '%s' need %zu times %zu%s", path,
                   have, show(from, to).text, dtypes[a->dtype].descr, count, size,
                   have / size < count ? " (the file is cut short)" : "");
  return MS_OK;
}

/* What the bytes of a .npy file say; a->data is in them. */
static ms_status npy_open(struct npy *a, const char *path, const char *bytes, size_t have,
                          bool matrix, ms_error *err) {
  const unsigned char *u = (const unsigned char *)bytes;
  size_t before = NPY_MAGIC_SIZE + 4, size;
  *a = (struct npy){.path = path};
  if (have < before + 2 || memcmp(u, NPY_MAGIC, NPY_MAGIC_SIZE) != 0)
    return ms_fail(err, MS_BAD_INPUT, "%s: the name ends in .npy, but the file is no NumPy array",
                   path);
  size = u[8] | (size_t)u[9] << 8;
  if (u[6] == 2) {
    size |= (size_t)u[10] << 16 | (size_t)u[11] << 24;
    before += 2;
  } else if (u[6] != 1) {
    return ms_fail(err, MS_BAD_INPUT, "%s: version '%d' of the .npy format; allowed are 1 and 2",
                   path, u[6]);
  }
  if (size > have - before)
    return ms_fail(err, MS_BAD_INPUT,
                   "%s: the file is cut short: a header of %zu bytes is announced, %zu are there",
                   path, size, have - before);
  char *header = strndup(bytes + before, size);
  if (!header)
    return ms_no_memory(err);
  a->data = bytes + before + size;
  ms_status status = read_npy_header(a, header, have - before - size, matrix, err);
  free(header);
  return status;
}

static ms_status read_npy(double **values, size_t *n, const struct source *s, bool log_values,
                          ms_error *err) {
  struct npy a;
  ms_status status = npy_open(&a, s->path, s->data, s->size, false, err);
  if (status != MS_OK)
    return status;
  if (!(*values = ms_doubles(a.rows)))
    return ms_no_memory(err);
  *n = a.rows;
  for (size_t i = 0; i < a.rows; i++) {
    double x = dtypes[a.dtype].read(a.data + i * dtypes[a.dtype].size);
    char text[32];
    if (!isfinite(x) || (log_values && x <= 0))
      return ms_fail(err, MS_BAD_INPUT, "%s: '%s' at index %zu is not a %s number", s->path,
                     ms_real_text(x, text), i, log_values ? "positive finite" : "finite");
    (*values)[i] = log_values ? log(x) : x;
  }
  return MS_OK;
}

/* ---- Matrices as .npy, of which only what is asked for comes into memory -------------------- */

static ms_status map_matrix(struct npy *a, const char *path, void **bytes, size_t *size,
                            ms_error *err) {
  struct stat info;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  bool there = file >= 0 && fstat(file, &info) == 0;
  *size = there ? (size_t)info.st_size : 0;
  *bytes = *size > 0 ? mmap(NULL, *size, PROT_READ, MAP_PRIVATE, file, 0) : MAP_FAILED;
  int why = errno;
  if (file >= 0)
    close(file);
  if (!there || (*size > 0 && *bytes == MAP_FAILED))
    return ms_fail(err, MS_BAD_INPUT, "%s: cannot be read: %s", path, strerror(why));
  ms_status status = npy_open(a, path, *size > 0 ? *bytes : "", *size, true, err);
  if (status != MS_OK && *size > 0)
    munmap(*bytes, *size);
  return status;
}

ms_status ms_npy_shape(const char *path, size_t *rows, size_t *cols, ms_error *err) {
  struct npy a;
  void *bytes;
  size_t size;
  ms_status status = map_matrix(&a, path, &bytes, &size, err);
  if (status != MS_OK)
    return status;
  *rows = a.rows;
  *cols = a.cols;
  munmap(bytes, size);
  return MS_OK;
}

ms_status ms_npy_columns(const char *path, size_t first, size_t count, double *out, ms_error *err) {
  enum { BLOCK = 64 }; /* columns: rows are read in pieces of so many, and written at distances */
  struct npy a;
  void *bytes;
  size_t mapped;
  ms_status status = map_matrix(&a, path, &bytes, &mapped, err);
  if (status != MS_OK)
    return status;
  double (*read)(const char *) = dtypes[a.dtype].read;
  size_t size = dtypes[a.dtype].size, n = a.rows;
  for (size_t from = 0; from < count && status == MS_OK; from += BLOCK) {
    size_t to = MS_MIN(from + BLOCK, count);
    for (size_t i = 0; i < n && !a.by_columns; i++)
      for (size_t j = from; j < to; j++)
        out[j * n + i] = read(a.data + (i * a.cols + first + j) * size);
    for (size_t k = from * n; k < to * n && a.by_columns; k++)
      out[k] = read(a.data + (first * n + k) * size);
    for (size_t k = from * n; k < to * n && status == MS_OK; k++)
      if (!isfinite(out[k])) {
        char text[32];
        status =
            ms_fail(err, MS_BAD_INPUT, "%s: '%s' in row %zu, column %zu is not a finite number",
                    path, ms_real_text(out[k], text), k % n + 1, first + k / n + 1);
      }
  }
  munmap(bytes, mapped);
  return status;
}

ms_status ms_vector_read(double **values, size_t *n, const char *path, bool log_values,
                         ms_error *err) {
  *values = NULL;
  *n = 0;
  struct source s;
  ms_status status = source_read(&s, path, err);
  if (status != MS_OK)
    return status;
  size_t length = strlen(path);
  bool npy = (length >= 4 && strcmp(path + length - 4, ".npy") == 0) ||
             strncmp(s.data, NPY_MAGIC, NPY_MAGIC_SIZE) == 0;
  status = (npy ? read_npy : read_lines)(values, n, &s, log_values, err);
  if (status != MS_OK) {
    free(*values);
    *values = NULL;
    *n = 0;
  }
  free(s.data);
  return status;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static ms_status cannot_write(ms_error *err, const char *path, const char *reason) {
  return ms_fail(err, MS_CANNOT_WRITE, "%s: cannot be written: %s", path, reason);
}

/* mkstemp would make files that others cannot read, and asking for the umask to mend that would
 * disturb other threads. */
static int open_new(char *path) {
  char *random = strchr(path, '\0') - 6;
  for (int attempt = 0; attempt < 100; attempt++) {
    uint32_t bits;
    if (getrandom(&bits, sizeof bits, 0) != sizeof bits)
      return -1;
    snprintf(random, 7, "%06x", (unsigned)bits & 0xFFFFFF);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST)
      return fd;
  }
  return -1;
}

ms_status ms_writer_open(ms_writer *w, const char *dir, const char *name, ms_error *err) {
  *w = (ms_writer){0};
  if (asprintf(&w->path, "%s/%s", dir, name) < 0)
    w->path = NULL;
  if (asprintf(&w->beside, "%s/.%s.XXXXXX", dir, name) < 0)
    w->beside = NULL;
  if (!w->path || !w->beside) {
    ms_writer_abort(w);
    return ms_no_memory(err);
  }
  int fd = open_new(w->beside);
  if (fd >= 0 && !(w->file = fdopen(fd, "wb"))) {
    int reason = errno;
    close(fd);
    unlink(w->beside);
    errno = reason;
  }
  if (!w->file) {
    ms_status status = cannot_write(err, w->path, strerror(errno));
    ms_writer_abort(w);
    return status;
  }
  return MS_OK;
}

ms_status ms_writer_commit(ms_writer *w, ms_error *err) {
  bool failed = ferror(w->file);
  errno = 0;
  if (failed)
    fputc('\n', w->file); /* the earlier failure left no reason; this, when flushed, brings it */
  failed |= fclose(w->file) != 0;
  w->file = NULL;
  if (!failed && rename(w->beside, w->path) == 0) {
    free(w->path);
    free(w->beside);
    *w = (ms_writer){0};
    return MS_OK;
  }
  ms_status status = cannot_write(err, w->path, errno ? strerror(errno) : "a write failed");
  unlink(w->beside);
  ms_writer_abort(w);
  return status;
}

void ms_writer_abort(ms_writer *w) {
  if (w->file) {
    fclose(w->file);
    unlink(w->beside);
  }
  free(w->path);
  free(w->beside);
  *w = (ms_writer){0};
}

/* ---- .npz ----------------------------------------------------------------------------------- */

/* What comes before the numbers, its size returned; `bytes` holds 3 * NPY_ALIGN. */
static size_t npy_header(char *bytes, size_t rows, size_t cols) {
  char header[2 * NPY_ALIGN + 1], second[24] = "";
  if (cols)
    snprintf(second, sizeof second, " %zu", cols);
  int length =
      snprintf(header, sizeof header,
               "{'descr': '<f8', 'fortran_order': False, 'shape': (%zu,%s), }", rows, second);
  size_t before = NPY_MAGIC_SIZE + 4;
  /* numpy wants the data aligned: blanks fill the header, a newline ends it. */
  size_t total = (before + (size_t)length + 1 + NPY_ALIGN - 1) / NPY_ALIGN * NPY_ALIGN;
  memcpy(bytes, NPY_MAGIC "\1\0", NPY_MAGIC_SIZE + 2);
  bytes[8] = (char)(total - before);
  bytes[9] = 0;
  memset(bytes + before, ' ', total - before);
  memcpy(bytes + before, header, (size_t)length);
  bytes[total - 1] = '\n';
  return total;
}

void ms_npy_begin(FILE *file, size_t length) {
  char header[3 * NPY_ALIGN];
  size_t size = npy_header(header, length, 0);
  fwrite(header, 1, size, file);
}

void ms_npy_add(FILE *file, const double *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint64_t bits;
    memcpy(&bits, &values[i], sizeof bits);
    bits = htole64(bits);
    fwrite(&bits, sizeof bits, 1, file);
  }
}

/* The bytes of a .npy file; free() them. */
static char *npy_bytes(const ms_array *a, size_t *size) {
  char header[3 * NPY_ALIGN];
  size_t total = npy_header(header, a->rows, a->cols), count = a->rows * (a->cols ? a->cols : 1);
  *size = total + count * sizeof(double);
  char *bytes = malloc(*size);
  if (!bytes)
    return NULL;
  memcpy(bytes, header, total);
  for (size_t i = 0; i < count; i++) {
    uint64_t bits;
    memcpy(&bits, &a->values[i], sizeof bits);
    bits = htole64(bits);
    memcpy(bytes + total + i * sizeof bits, &bits, sizeof bits);
  }
  return bytes;
}

/* False where libzip has noted an error in `zip`. */
static bool add_array(zip_t *zip, const ms_array *a) {
  size_t size;
  char *bytes = npy_bytes(a, &size), *name = NULL;
  if (!bytes || asprintf(&name, "%s.npy", a->name) < 0) {
    zip_error_set(zip_get_error(zip), ZIP_ER_MEMORY, 0);
    free(bytes);
    return false;
  }
  zip_source_t *source = zip_source_buffer(zip, bytes, size, 1);
  if (!source)
    free(bytes);
  zip_int64_t index = source ? zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8) : -1;
  if (source && index < 0)
    zip_source_free(source);
  free(name);
  return index >= 0 && zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0) == 0 &&
         zip_file_set_dostime(zip, (zip_uint64_t)index, 0, DOS_1980, 0) == 0;
}

/* Fills `archive`, a source in memory, with the zip. */
static bool zip_arrays(zip_source_t *archive, const ms_array *arrays, size_t count,
                       zip_error_t *why) {
  zip_t *zip = zip_open_from_source(archive, ZIP_CREATE | ZIP_TRUNCATE, why);
  if (!zip)
    return false;
  zip_source_keep(archive); /* the zip owns one reference, the caller keeps the other */
  bool good = true;
  for (size_t i = 0; good && i < count; i++)
    good = add_array(zip, &arrays[i]);
  if (good && zip_close(zip) == 0)
    return true;
  zip_error_set(why, zip_error_code_zip(zip_get_error(zip)),
                zip_error_code_system(zip_get_error(zip)));
  zip_discard(zip);
  return false;
}

/* Copies the finished zip to `file`, whose own write errors come out at commit. */
static bool copy_out(zip_source_t *archive, FILE *file, zip_error_t *why) {
  char block[1 << 16];
  zip_int64_t got = -1;
  if (zip_source_open(archive) == 0) {
    while ((got = zip_source_read(archive, block, sizeof block)) > 0)
      fwrite(block, 1, (size_t)got, file);
    zip_source_close(archive);
  }
  if (got < 0)
    zip_error_set(why, zip_error_code_zip(zip_source_error(archive)),
                  zip_error_code_system(zip_source_error(archive)));
  return got == 0;
}

ms_status ms_npz_write(const char *dir, const char *name, const ms_array *arrays, size_t count,
                       ms_error *err) {
  ms_writer w;
  ms_status status = ms_writer_open(&w, dir, name, err);
  if (status != MS_OK)
    return status;
  zip_error_t why;
  zip_error_init(&why);
  zip_source_t *archive = zip_source_buffer_create(NULL, 0, 0, &why);
  if (archive && zip_arrays(archive, arrays, count, &why) && copy_out(archive, w.file, &why))
    status = ms_writer_commit(&w, err);
  else
    status = cannot_write(err, w.path, zip_error_strerror(&why));
  ms_writer_abort(&w);
  zip_source_free(archive);
  zip_error_fini(&why);
  return status;
}
