#include "text/npy.h"
#include "text/source.h"
#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Numbers -------------------------------------------------------------------------------- */

static uint64_t bits_at(const ms_npy *a, const char *p) {
  uint16_t two;
  uint32_t four;
  uint64_t eight;
  switch (a->size) {
  case 1:
    return (unsigned char)*p;
  case 2:
    memcpy(&two, p, sizeof two);
    return a->big_endian ? be16toh(two) : le16toh(two);
  case 4:
    memcpy(&four, p, sizeof four);
    return a->big_endian ? be32toh(four) : le32toh(four);
  default:
    memcpy(&eight, p, sizeof eight);
    return a->big_endian ? be64toh(eight) : le64toh(eight);
  }
}

/* IEEE 754 binary16: 1 bit of sign, 5 of exponent, 10 of mantissa. */
static double half(uint64_t bits) {
  double mantissa = (double)(bits & 0x3FF);
  int exponent = (int)(bits >> 10 & 0x1F);
  double size = exponent == 0    ? ldexp(mantissa, -24)
                : exponent == 31 ? (mantissa > 0 ? (double)NAN : (double)INFINITY)
                                 : ldexp(mantissa + 1024, exponent - 25);
  return bits >> 15 ? -size : size;
}

static double real(uint64_t bits, size_t size) {
  uint32_t low = (uint32_t)bits;
  float single;
  double value;
  if (size == 2)
    return half(bits);
  memcpy(&single, &low, sizeof single);
  memcpy(&value, &bits, sizeof value);
  return size == 4 ? (double)single : value;
}

static double number_at(const ms_npy *a, const char *p) {
  uint64_t bits = bits_at(a, p);
  unsigned unused = (unsigned)(64 - 8 * a->size);
  switch (a->kind) {
  case 'f':
    return real(bits, a->size);
  case 'i': /* the sign is moved to the front and back */
    return (double)((int64_t)(bits << unused) >> unused);
  case 'u':
    return (double)bits;
  default:
    return bits != 0;
  }
}

/* ---- The header ----------------------------------------------------------------------------- */

/* The text of a value in a .npy header, with its quotes or brackets; false where the key is
 * missing. */
static bool header_value(const char *header, const char *key, const char **from, const char **to) {
  const char *p = strstr(header, key);
  if (!p)
    return false;
  p += strlen(key);
  p += strspn(p, " :");
  const char *end = *p == '('    ? strchr(p, ')')
                    : *p == '['  ? strchr(p, ']')
                    : *p == '\'' ? strchr(p + 1, '\'')
                                 : NULL;
  *from = p;
  *to = end ? end + 1 : p + strcspn(p, "}");
  return true;
}

/* What arrays hold that are no real numbers, by the letter of their type. */
static const struct {
  char kind;
  const char *what, *way_out;
} others[] = {
    {'c', "complex numbers", "save its real or imaginary part, as Z.real"},
    {'O', "Python objects", "save it as numbers, by Z.astype(float)"},
    {'U', "text", "save it as numbers, by Z.astype(float)"},
    {'S', "text", "save it as numbers, by Z.astype(float)"},
    {'M', "dates", "save numbers"},
    {'m', "spans of time", "save numbers"},
    {'[', "records of several fields", "save one field, or a matrix"},
    {'f', "floating-point numbers wider than float64", "save it as Z.astype(float)"},
};

static ms_status no_real_numbers(const ms_npy *a, char kind, const char *from, const char *to,
                                 ms_error *err) {
  for (size_t k = 0; k < sizeof others / sizeof *others; k++)
    if (others[k].kind == kind)
      return ms_fail(err, MS_BAD_INPUT, "%s: the array holds %s (type %s); %s", a->path,
                     others[k].what, ms_show(from, to).text, others[k].way_out);
  return ms_fail(err, MS_BAD_INPUT,
                 "%s: numbers of type %s; allowed are bool, int8 to int64, uint8 to uint64 and "
                 "float16 to float64",
                 a->path, ms_show(from, to).text);
}

/* '<f8' */
static ms_status read_type(ms_npy *a, const char *header, ms_error *err) {
  const char *from, *to;
  if (!header_value(header, "'descr'", &from, &to))
    return ms_fail(err, MS_BAD_INPUT, "%s: the .npy header '%s' has no 'descr'", a->path,
                   ms_show(header, strchr(header, '\0')).text);
  bool word = *from == '\'' && to - from >= 4 && strchr("<>|=", from[1]);
  char kind = *from == '[' ? '[' : word ? from[2] : 0, *end = NULL;
  size_t size = word && isdigit((unsigned char)from[3]) ? strtoul(from + 3, &end, 10) : 0;
  bool whole = end && end + 1 == to, power = size == 1 || size == 2 || size == 4 || size == 8;
  if (!whole || !power || !strchr("fiub", kind) || (kind == 'f' && size == 1) ||
      (kind == 'b' && size > 1))
    return no_real_numbers(a, kind, from, to, err);
  a->kind = kind;
  a->size = size;
  a->big_endian = from[1] == '>';
  snprintf(a->descr, sizeof a->descr, "%.*s", (int)(to - from - 2), from + 1);
  return MS_OK;
}

enum { DIMENSIONS = 8 };

/* (n,) or (n, d) ...: how many numbers there are, 0 where it is no such text. */
static size_t read_dimensions(const char *from, const char *to, size_t *size) {
  size_t count = 0;
  const char *p = from + 1;
  if (*from != '(')
    return 0;
  for (p += strspn(p, " "); p < to - 1 && count < DIMENSIONS; p += strspn(p, " ")) {
    char *end;
    errno = 0;
    if (!isdigit((unsigned char)*p))
      return 0;
    size[count++] = strtoul(p, &end, 10);
    end += *end == 'L'; /* of Python 2 */
    end += strspn(end, " ");
    if (errno != 0 || (*end != ',' && end != to - 1))
      return 0;
    p = end + (*end == ',');
  }
  return p == to - 1 ? count : 0;
}

static bool read_shape(ms_npy *a, const char *from, const char *to, ms_npy_form form) {
  size_t size[DIMENSIONS], count = read_dimensions(from, to, size);
  for (size_t k = 0; k < count; k++)
    if (size[k] == 0)
      return false;
  bool column = count == 2 && (size[0] == 1 || size[1] == 1);
  if (form == MS_NPY_VECTOR && column) { /* a vector that is written as a matrix */
    size[0] = MS_MAX(size[0], size[1]);
    count = 1;
  }
  bool good = form == MS_NPY_VECTOR     ? count == 1
              : form == MS_NPY_MATRIX   ? count == 2
              : form == MS_NPY_MATRICES ? count == 3 && size[1] <= SIZE_MAX / size[2]
                                        : count == 1 || count == 2;
  a->rows = good ? size[0] : 0;
  a->cols = good && count == 3 ? size[1] * size[2] : count == 2 ? size[1] : 1;
  a->depth = good && count == 3 ? size[2] : 0;
  return good;
}

static ms_status read_header(ms_npy *a, const char *header, size_t have, ms_npy_form form,
                             ms_error *err) {
  const char *path = a->path, *from, *to;
  ms_status status = read_type(a, header, err);
  if (status != MS_OK)
    return status;
  if (header_value(header, "'fortran_order'", &from, &to))
    a->by_columns = strncmp(from, "True", 4) == 0;
  if (!header_value(header, "'shape'", &from, &to))
    return ms_fail(err, MS_BAD_INPUT, "%s: the .npy header '%s' has no 'shape'", path,
                   ms_show(header, strchr(header, '\0')).text);
  if (!read_shape(a, from, to, form))
    return ms_fail(err, MS_BAD_INPUT, "%s: an array of shape '%s'; allowed is %s", path,
                   ms_show(from, to).text,
                   form == MS_NPY_MATRICES ? "three dimensions, '(n, rows, cols)', none of them 0"
                   : form == MS_NPY_VECTOR
                       ? "one dimension, '(n,)', '(n, 1)' or '(1, n)' with n > 0"
                       : "two dimensions, '(n, d)' with n > 0 and d > 0");
  if (form == MS_NPY_MATRICES && a->by_columns)
    return ms_fail(err, MS_BAD_INPUT,
                   "%s: three dimensions in Fortran order; save it in C order "
                   "(numpy.ascontiguousarray)",
                   path);
  size_t count = a->rows * a->cols;
  if (a->rows > SIZE_MAX / a->cols || have / a->size != count || have % a->size != 0)
    return ms_fail(err, MS_BAD_INPUT,
                   "%s: %zu bytes of data; shape '%s' and type '%s' need %zu times %zu%s", path,
                   have, ms_show(from, to).text, a->descr, count, a->size,
                   have / a->size < count ? " (the file is cut short)" : "");
  return MS_OK;
}

ms_status ms_npy_open(ms_npy *a, const char *path, const char *bytes, size_t have, ms_npy_form form,
                      ms_error *err) {
  const unsigned char *u = (const unsigned char *)bytes;
  size_t before = MS_NPY_MAGIC_SIZE + 4, size;
  *a = (ms_npy){.path = path};
  if (have < before + 2 || memcmp(u, MS_NPY_MAGIC, MS_NPY_MAGIC_SIZE) != 0)
    return ms_fail(err, MS_BAD_INPUT, "%s: the name ends in .npy, but the file is no NumPy array",
                   path);
  size = u[8] | (size_t)u[9] << 8;
  if (u[6] == 2 || u[6] == 3) { /* 3: UTF-8 in the names of fields */
    size |= (size_t)u[10] << 16 | (size_t)u[11] << 24;
    before += 2;
  } else if (u[6] != 1) {
    return ms_fail(err, MS_BAD_INPUT, "%s: version '%d' of the .npy format; allowed are 1 to 3",
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
  ms_status status = read_header(a, header, have - before - size, form, err);
  free(header);
  return status;
}

ms_dtype ms_npy_type(const ms_npy *a) {
  static const char *const words[] = {"bool", "float", "int", "uint"};
  static const char letters[] = "bfiu";
  ms_dtype type = {""};
  const char *letter = strchr(letters, a->kind);
  if (a->kind == 'b')
    strcpy(type.text, "bool");
  else
    snprintf(type.text, sizeof type.text, "%s%u%s", words[letter - letters],
             (unsigned)(8 * a->size), a->big_endian ? ", big-endian" : "");
  return type;
}

/* ---- Vectors -------------------------------------------------------------------------------- */

ms_status ms_npy_vector(const ms_npy *a, double *values, bool log_values, ms_error *err) {
  for (size_t i = 0; i < a->rows; i++) {
    double x = number_at(a, a->data + i * a->size);
    char text[32];
    if (!isfinite(x) || (log_values && x <= 0))
      return ms_fail(err, MS_BAD_INPUT, "%s: '%s' at index %zu is not a %s number", a->path,
                     ms_real_text(x, text), i, log_values ? "positive finite" : "finite");
    values[i] = log_values ? log(x) : x;
  }
  return MS_OK;
}

static ms_status read_npy(double **values, size_t *n, const ms_source *s, bool log_values,
                          ms_error *err) {
  ms_npy a;
  ms_status status = ms_npy_open(&a, s->path, s->data, s->size, MS_NPY_VECTOR, err);
  if (status != MS_OK)
    return status;
  if (!(*values = ms_doubles(a.rows)))
    return ms_no_memory(err);
  *n = a.rows;
  return ms_npy_vector(&a, *values, log_values, err);
}

static ms_status read_lines(double **values, size_t *n, const ms_source *s, bool log_values,
                            ms_error *err) {
  size_t room = 0;
  ms_status status = ms_source_check_text(s, err);
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
      if (!ms_parse_part(log_values ? ms_parse_log : ms_parse_real, p, end, &(*values)[(*n)++]))
        status = ms_source_fail(s, p, err, "'%s' is not %s; one is allowed on each line",
                                ms_show(p, end).text,
                                log_values ? "a positive number" : ms_wanted(p, end));
    }
    p = *line_end ? line_end + 1 : line_end;
  }
  if (status == MS_OK && *n == 0)
    status = ms_fail(err, MS_BAD_INPUT, "%s: no numbers in the file; one on each line is needed",
                     s->path);
  return status;
}

ms_status ms_vector_read(double **values, size_t *n, const char *path, bool log_values,
                         ms_error *err) {
  *values = NULL;
  *n = 0;
  ms_source s;
  ms_status status = ms_source_read(&s, path, err);
  if (status != MS_OK)
    return status;
  size_t length = strlen(path);
  bool npy = (length >= 4 && strcmp(path + length - 4, ".npy") == 0) ||
             strncmp(s.data, MS_NPY_MAGIC, MS_NPY_MAGIC_SIZE) == 0;
  status = (npy ? read_npy : read_lines)(values, n, &s, log_values, err);
  if (status != MS_OK) {
    free(*values);
    *values = NULL;
    *n = 0;
  }
  free(s.data);
  return status;
}

/* ---- Matrices, of which only what is asked for comes into memory ----------------------------- */

/* The bytes of a file: mapped, or decompressed into memory. */
typedef struct contents {
  void *bytes;
  size_t size;
  bool mapped;
} contents;

static void let_go(contents *c) {
  if (c->mapped)
    munmap(c->bytes, c->size);
  else
    free(c->bytes);
  *c = (contents){0};
}

static ms_status get_contents(contents *c, const char *path, ms_error *err) {
  struct stat info;
  int file = open(path, O_RDONLY | O_CLOEXEC);
  bool there = file >= 0 && fstat(file, &info) == 0;
  size_t size = there ? (size_t)info.st_size : 0;
  void *map = size > 0 ? mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0) : MAP_FAILED;
  int why = errno;
  if (file >= 0)
    close(file);
  if (!there || (size > 0 && map == MAP_FAILED))
    return ms_fail(err, MS_BAD_INPUT, "%s: cannot be read: %s", path, strerror(why));
  *c = (contents){size > 0 ? map : NULL, size, size > 0};
  if (size < 2 || memcmp(map, "\x1F\x8B", 2) != 0)
    return MS_OK;
  let_go(c);
  ms_source s;
  ms_status status = ms_source_read(&s, path, err);
  if (status == MS_OK)
    *c = (contents){s.data, s.size, false};
  return status;
}

static ms_status open_file(ms_npy *a, contents *c, const char *path, ms_npy_form form,
                           ms_error *err) {
  ms_status status = get_contents(c, path, err);
  if (status != MS_OK)
    return status;
  status = ms_npy_open(a, path, c->bytes ? c->bytes : "", c->size, form, err);
  if (status != MS_OK)
    let_go(c);
  return status;
}

ms_status ms_npy_shape(const char *path, size_t *rows, size_t *cols, ms_error *err) {
  ms_npy a;
  contents c;
  ms_status status = open_file(&a, &c, path, MS_NPY_MATRIX, err);
  if (status != MS_OK)
    return status;
  *rows = a.rows;
  *cols = a.cols;
  let_go(&c);
  return MS_OK;
}

ms_dtype ms_npy_dtype(const char *path) {
  ms_npy a;
  contents c;
  ms_dtype type = {""};
  if (open_file(&a, &c, path, MS_NPY_ANY, NULL) != MS_OK)
    return type;
  type = ms_npy_type(&a);
  let_go(&c);
  return type;
}

ms_status ms_npy_matrix(const ms_npy *a, size_t first, size_t count, double *out, ms_error *err) {
  enum { BLOCK = 64 }; /* columns: rows are read in pieces of so many, and written at distances */
  size_t size = a->size, n = a->rows;
  for (size_t from = 0; from < count; from += BLOCK) {
    size_t to = MS_MIN(from + BLOCK, count);
    for (size_t i = 0; i < n && !a->by_columns; i++)
      for (size_t j = from; j < to; j++)
        out[j * n + i] = number_at(a, a->data + (i * a->cols + first + j) * size);
    for (size_t k = from * n; k < to * n && a->by_columns; k++)
      out[k] = number_at(a, a->data + (first * n + k) * size);
    for (size_t k = from * n; k < to * n; k++)
      if (!isfinite(out[k])) {
        char text[32];
        return ms_fail(err, MS_BAD_INPUT, "%s: '%s' in row %zu, column %zu is not a finite number",
                       a->path, ms_real_text(out[k], text), k % n + 1, first + k / n + 1);
      }
  }
  return MS_OK;
}

ms_status ms_npy_columns(const char *path, size_t first, size_t count, double *out, ms_error *err) {
  ms_npy a;
  contents c;
  ms_status status = open_file(&a, &c, path, MS_NPY_MATRIX, err);
  if (status != MS_OK)
    return status;
  status = ms_npy_matrix(&a, first, count, out, err);
  let_go(&c);
  return status;
}
