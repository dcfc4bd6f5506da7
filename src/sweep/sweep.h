/* Sweeps: the cases there are (sweep.c), their journal and table (journal.c), groups and what the
 * plots draw (group.c). */
#ifndef MS_SWEEP_H
#define MS_SWEEP_H

#include "settings/config.h"

/* Settings that change together. The cases are the product of all axes, the last one fastest. */
typedef struct ms_axis {
  size_t keys, rows;
  char **key;   /* keys names of settings */
  char **value; /* rows * keys texts; empty: the default */
  bool zip;     /* further --zip lists join it */
} ms_axis;

struct ms_sweep {
  ms_config *base;
  size_t axes, count; /* count: of cases */
  ms_axis *axis;
};

/* The text that setting `key` has in a case; NULL: not swept. */
const char *ms_sweep_value(const ms_sweep *sweep, size_t which, const char *key);
/* The settings of a case, with the defaults of sweeps. NULL without memory. Free it. */
ms_config *ms_sweep_config(const ms_sweep *sweep, size_t which, bool whole_runs, ms_error *err);
/* A number that differs between sweeps of different cases, results or versions. */
uint64_t ms_sweep_print(const ms_sweep *sweep, bool whole_runs);

/* ---- The journal: one line for each finished case, in the order in which they end. ---- */

typedef struct ms_journal {
  char *path;
  int fd;
  char *bytes; /* as it was when opened last: mapped, or NULL where empty */
  size_t size, count, done;
  size_t *at; /* count: where in bytes the line of a case begins; NO_LINE */
  double synced;
} ms_journal;
#define MS_NO_LINE SIZE_MAX

/* Opens the journal of this sweep. options->resume: keeps the lines that are whole, whatever comes
 * after them; otherwise there must be none. */
ms_status ms_journal_open(ms_journal *j, const ms_sweep *sweep, const ms_sweep_options *options,
                          ms_error *err);
ms_status ms_journal_add(ms_journal *j, size_t which, const char *fields, size_t size,
                         ms_error *err);
/* Reads what was written since it was opened. */
ms_status ms_journal_reread(ms_journal *j, ms_error *err);
void ms_journal_close(ms_journal *j);

/* The next "key<TAB>value<TAB>" of a line's fields; false at its end. *at is moved on. */
typedef struct ms_field {
  const char *key, *value;
  size_t key_size, value_size;
} ms_field;
bool ms_field_next(const char **at, ms_field *field);
/* The first field of a case's line, for ms_field_next. */
const char *ms_journal_fields(const ms_journal *j, size_t which);

/* The names of all columns but those of settings, in the order in which they first come. */
typedef struct ms_columns {
  size_t count;
  char **name;
} ms_columns;
ms_status ms_columns_find(ms_columns *c, const ms_sweep *sweep, const ms_journal *j, ms_error *err);
void ms_columns_free(ms_columns *c);

ms_status ms_sweep_write_table(const ms_sweep *sweep, const ms_journal *j, const char *dir,
                               ms_error *err);
/* groups.csv and plot.csv with plot.gp. `by`: comma-separated settings. */
ms_status ms_sweep_write_groups(const ms_sweep *sweep, const ms_journal *j, const char *dir,
                                const char *by, const char *show, ms_error *err);
/* Writes text as a field of CSV. */
void ms_csv_text(FILE *file, const char *text, size_t size);

#endif
