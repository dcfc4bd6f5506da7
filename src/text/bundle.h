/* Named arrays on their way to an .npz file. */
#ifndef MS_BUNDLE_H
#define MS_BUNDLE_H

#include "text/text.h"

/* All 0 at first; free with ms_bundle_free. */
typedef struct ms_bundle {
  size_t count;
  ms_array *array;
  bool failed; /* there was no memory for one */
} ms_bundle;

/* An array of zeros in C order, to be filled; cols and depth as in ms_array. Its name is made as by
 * printf. NULL without memory, which ms_bundle_write then tells. */
double *ms_bundle_add(ms_bundle *b, size_t rows, size_t cols, size_t depth, const char *format, ...)
    MS_PRINTF(5, 6);
/* The last one is written as int64. */
void ms_bundle_whole(ms_bundle *b);
ms_status ms_bundle_write(const ms_bundle *b, const char *dir, const char *name, ms_error *err);
void ms_bundle_free(ms_bundle *b);

#endif
