#include "text/source.h"
#include "text/text.h"
#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* ---- Streams, decompressed ------------------------------------------------------------------ */

static ssize_t read_zipped(void *cookie, char *out, size_t size) {
  int code, got = gzread(cookie, out, (unsigned)MS_MIN(size, 1u << 30));
  if (got == (int)size)
    return got;
  gzerror(cookie, &code);
  if (code == Z_OK || code == Z_STREAM_END)
    return got;
  if (code != Z_ERRNO)
    errno = EBADMSG;
  return -1;
}

static int close_zipped(void *cookie) {
  gzclose(cookie);
  return 0;
}

FILE *ms_open_reading(const char *path) {
  errno = 0;
  gzFile zipped = gzopen(path, "rb"); /* reads what is not compressed as it is */
  if (!zipped && errno == 0)
    errno = ENOMEM;
  if (!zipped)
    return NULL;
  gzbuffer(zipped, 1 << 17);
  FILE *file = fopencookie(zipped, "rb",
                           (cookie_io_functions_t){.read = read_zipped, .close = close_zipped});
  if (!file)
    gzclose(zipped);
  return file;
}

const char *ms_reading_error(int number) {
  return number == EBADMSG ? "its gzip data are damaged or cut short" : strerror(number);
}

/* ---- What a file is ------------------------------------------------------------------------- */

#define BEGINS(text) text, sizeof text - 1

static const struct {
  const char *begins;
  size_t length;
  const char *what;
} kinds[] = {
    {BEGINS("\xFF\xFE\0\0"), "is UTF-32 text; save it as UTF-8"},
    {BEGINS("\0\0\xFE\xFF"), "is UTF-32 text; save it as UTF-8"},
    {BEGINS("\xFF\xFE"), "is UTF-16 text; save it as UTF-8"},
    {BEGINS("\xFE\xFF"), "is UTF-16 text; save it as UTF-8"},
    {BEGINS("PK\3\4"),
     "is a zip archive; a NumPy archive has the ending .npz, of a workbook (Excel, "
     "LibreOffice) save the sheet as CSV"},
    {BEGINS("\xD0\xCF\x11\xE0"), "is an old Excel workbook; save the sheet as CSV"},
    {BEGINS("\x93NUMPY"), "is a NumPy array; give it the ending .npy"},
    {BEGINS("%%MatrixMarket"), "is a Matrix Market file; give it the ending .mtx"},
    {BEGINS("\x89HDF\r\n"), "is an HDF5 file; save the table as CSV or the arrays as .npz"},
    {BEGINS("MATLAB 5.0 MAT-file"), "is a MATLAB file; save the table as CSV (writematrix)"},
    {BEGINS("PAR1\x15"), "is a Parquet file; save the table as CSV"},
    {BEGINS("ARROW1\0\0"), "is an Arrow file; save the table as CSV"},
    {BEGINS("RDX2\nX\n"), "is an R data file; save the table as CSV (write.csv)"},
    {BEGINS("RDX3\nX\n"), "is an R data file; save the table as CSV (write.csv)"},
    {BEGINS("X\n\0\0\0"), "is an R data file; save the table as CSV (write.csv)"},
    {BEGINS("\x80\3"), "is a Python pickle; save the table as CSV or the arrays as .npz"},
    {BEGINS("\x80\4"), "is a Python pickle; save the table as CSV or the arrays as .npz"},
    {BEGINS("\x80\5"), "is a Python pickle; save the table as CSV or the arrays as .npz"},
    {BEGINS("SQLite format 3"), "is an SQLite database; save the table as CSV"},
    {BEGINS("BZh91AY&SY"), "is compressed by bzip2; decompress it (bunzip2)"},
    {BEGINS("\xFD"
            "7zXZ"),
     "is compressed by xz; decompress it (unxz)"},
    {BEGINS("\x28\xB5\x2F\xFD"), "is compressed by zstd; decompress it (unzstd)"},
    {BEGINS("%PDF-"), "is a PDF document; a text file is needed"},
    {BEGINS("\x89PNG\r\n"), "is a PNG picture; a text file is needed"},
    {BEGINS("\xFF\xD8\xFF"), "is a JPEG picture; a text file is needed"},
    {BEGINS("<!DOCTYPE"), "is a web page; download the file itself"},
    {BEGINS("<html"), "is a web page; download the file itself"},
    {BEGINS("version https://git-lfs"), "is a Git LFS pointer; get the file itself (git lfs pull)"},
};

/* ASCII in two bytes a character, without a byte order mark. */
static bool wide_characters(const char *bytes, size_t size) {
  enum { LOOKED_AT = 8 };
  for (size_t zero = 0; zero < 2 && size >= LOOKED_AT; zero++) {
    size_t good = 0;
    for (size_t i = 0; i < LOOKED_AT; i++)
      good += (bytes[i] == 0) == (i % 2 == zero);
    if (good == LOOKED_AT)
      return true;
  }
  return false;
}

const char *ms_foreign(const char *bytes, size_t size) {
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
    if (size >= kinds[k].length && memcmp(bytes, kinds[k].begins, kinds[k].length) == 0)
      return kinds[k].what;
  return wide_characters(bytes, size) ? "is UTF-16 text; save it as UTF-8" : NULL;
}

/* ---- Whole files and places in them --------------------------------------------------------- */

ms_status ms_source_read(ms_source *s, const char *path, ms_error *err) {
  *s = (ms_source){.path = path};
  size_t room = 1 << 16;
  FILE *file = ms_open_reading(path);
  if (!file)
    return ms_fail(err, MS_BAD_INPUT, "%s: cannot be read: %s", path, ms_reading_error(errno));

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
    status = ms_fail(err, MS_BAD_INPUT, "%s: cannot be read: %s", path, ms_reading_error(errno));
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

/* Counts up to `at` only now that it is needed. */
ms_status ms_source_fail(const ms_source *s, const char *at, ms_error *err, const char *format,
                         ...) {
  size_t line = 1, column = 1;
  for (const char *p = s->text; p < at; p++) {
    if (*p == '\n') {
      line++;
      column = 1;
    } else if (starts_character(*p)) {
      column++;
    }
  }
  char message[sizeof((ms_error){0}).message];
  va_list args;
  va_start(args, format);
  vsnprintf(message, sizeof message, format, args);
  va_end(args);
  return ms_fail(err, MS_BAD_INPUT, "%s:%zu:%zu: %s", s->path, line, column, message);
}

ms_shown ms_show(const char *from, const char *to) {
  ms_shown shown = {{0}};
  char *out = shown.text, *full = out + sizeof shown.text - 4;
  size_t count = 0;
  const char *p = from;
  for (; p < to && out < full; p++) {
    if (starts_character(*p) && ++count > MS_SHOWN)
      break;
    bool control = (unsigned char)*p < ' ' || *p == 0x7F;
    *out++ = control ? '?' : *p;
  }
  strcpy(out, p < to ? "..." : "");
  return shown;
}

ms_status ms_source_check_text(const ms_source *s, ms_error *err) {
  const char *foreign = ms_foreign(s->data, s->size), *nul = memchr(s->data, '\0', s->size);
  if (foreign)
    return ms_fail(err, MS_BAD_INPUT, "%s: %s", s->path, foreign);
  return nul ? ms_source_fail(s, nul, err, "a NUL byte; the file must be plain text (UTF-8)")
             : MS_OK;
}

bool ms_is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\r';
}

char *ms_skip_blanks(char *p) {
  while (ms_is_blank(*p))
    p++;
  return p;
}

bool ms_parse_part(bool (*parse)(const char *, double *), char *from, char *to, double *value) {
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

const char *ms_wanted(char *from, char *to) {
  double value;
  return ms_parse_part(parse_any, from, to, &value) && !isfinite(value) ? "a finite number"
                                                                        : "a number";
}
