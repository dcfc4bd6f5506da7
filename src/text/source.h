/* Text files as a whole in memory, places in them for messages, and what a file is that is no text.
 * Every file may be compressed by gzip. */
#ifndef MS_SOURCE_H
#define MS_SOURCE_H

#include "base/base.h"

/* A file for reading, decompressed where gzip has compressed it. NULL and errno where it cannot be
 * opened; damaged gzip data are a read error. */
FILE *ms_open_reading(const char *path);
/* errno in words, also that of damaged gzip data. */
const char *ms_reading_error(int number);
/* What a file with these first bytes is that no reader of text takes, and the way out, as "is
 * UTF-16 text; save it as UTF-8"; NULL: it may be text. */
const char *ms_foreign(const char *bytes, size_t size);

typedef struct ms_source {
  const char *path;
  char *data; /* followed by a NUL that `size` does not count; free it */
  size_t size;
  char *text; /* data behind the byte order mark */
} ms_source;

ms_status ms_source_read(ms_source *s, const char *path, ms_error *err);
/* Refuses what is no text: a NUL inside would cut it short silently. */
ms_status ms_source_check_text(const ms_source *s, ms_error *err);
/* Fails with "path:line:column: ..." for the place `at`. */
ms_status ms_source_fail(const ms_source *s, const char *at, ms_error *err, const char *format, ...)
    MS_PRINTF(4, 5);

enum { MS_SHOWN = 40 }; /* characters of a faulty field that a message quotes */
/* What a message quotes: the beginning, with nothing in it that could upset a terminal. */
typedef struct ms_shown {
  char text[4 * MS_SHOWN + 4];
} ms_shown;
ms_shown ms_show(const char *from, const char *to);

/* A finite number in [from, to), which is changed meanwhile. */
bool ms_parse_part(bool (*parse)(const char *, double *), char *from, char *to, double *value);
/* Where ms_parse_real fails: "a number", or "a finite number" for nan, inf and 1e999. */
const char *ms_wanted(char *from, char *to);

#endif
