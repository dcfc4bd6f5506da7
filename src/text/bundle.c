#include "text/bundle.h"
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

double *ms_bundle_add(ms_bundle *b, size_t rows, size_t cols, size_t depth, const char *format,
                      ...) {
  char *name = NULL;
  va_list args;
  va_start(args, format);
  if (vasprintf(&name, format, args) < 0)
    name = NULL;
  va_end(args);
  double *values = ms_doubles(rows * (cols ? cols : 1) * (depth ? depth : 1));
  ms_array *more = realloc(b->array, (b->count + 1) * sizeof *more);
  if (more)
    b->array = more;
  if (!name || !values || !more) {
    b->failed = true;
    free(name);
    free(values);
    return NULL;
  }
  b->array[b->count++] =
      (ms_array){.name = name, .rows = rows, .cols = cols, .depth = depth, .values = values};
  return values;
}

void ms_bundle_whole(ms_bundle *b) {
  if (b->count)
    b->array[b->count - 1].whole = true;
}

ms_status ms_bundle_write(const ms_bundle *b, const char *dir, const char *name, ms_error *err) {
  return b->failed ? ms_no_memory(err) : ms_npz_write(dir, name, b->array, b->count, err);
}

void ms_bundle_free(ms_bundle *b) {
  for (size_t i = 0; i < b->count; i++) {
    free((char *)b->array[i].name);
    free((double *)b->array[i].values);
  }
  free(b->array);
  *b = (ms_bundle){0};
}
