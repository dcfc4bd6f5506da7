/* Data from files: what was read, and how it was understood. */
#ifndef MS_READING_H
#define MS_READING_H

#include "settings/config.h"
#include "text/text.h"

enum { MS_READING_NOTES = 4 };

/* All 0 where nothing was read. */
typedef struct ms_reading {
  char *target;                 /* the name of y: of a column, an array, or a file */
  const char *chosen;           /* how it was */
  char separator[2];            /* of a table; "" for other files */
  char decimal[2];              /* "." or "," */
  bool row_names;               /* of a table: its first column, which is no feature */
  char dtype[64];               /* of arrays in NumPy's format */
  char said[128];               /* all this but the target, in words */
  char *note[MS_READING_NOTES]; /* what was ignored or changed, in sentences */
} ms_reading;

void ms_reading_free(ms_reading *r);
/* Names the target. */
ms_status ms_reading_target(ms_reading *r, const char *target, const char *chosen, ms_error *err);
/* The types of Z and y, "" where one of them is no array of NumPy: "float64", "Z float64, y int32".
 */
void ms_reading_dtype(ms_reading *r, ms_dtype Z, ms_dtype y);
void ms_reading_note(ms_reading *r, const char *format, ...) MS_PRINTF(2, 3);
/* The i-th fact that applies, false after the last. */
bool ms_reading_at(const ms_reading *r, size_t i, ms_summary *entry);
size_t ms_reading_facts(const ms_reading *r);
/* What a setting that is not given came to: of --target, --separator, --decimal; else NULL. */
const char *ms_reading_found(const ms_reading *r, const char *setting);

/* The table in `path`, written as --separator and --decimal say, and its column of targets: that of
 * --target, else the first. */
ms_status ms_reading_table(ms_reading *r, ms_table *table, size_t *target, const char *path,
                           const ms_config *cfg, ms_error *err);

/* The kinds of files, by their endings, of which .gz is none. */
typedef enum ms_file_kind {
  MS_FILE_TABLE,
  MS_FILE_NPY,
  MS_FILE_NPZ,
  MS_FILE_MTX,
  MS_FILE_SVMLIGHT
} ms_file_kind;
ms_file_kind ms_file_kind_of(const char *path);

#endif
