/* Settings as the rest of the library reads them: validated text, typed on the way out. */
#ifndef MS_CONFIG_H
#define MS_CONFIG_H

#include "base/base.h"

/* Typed reads; the setting must have a value (given or default). */
double ms_config_real(const ms_config *cfg, const char *name);
size_t ms_config_count(const ms_config *cfg, const char *name);
bool ms_config_flag(const ms_config *cfg, const char *name);
/* The text of a setting as ms_config_text gives it, without counting as a reader: for files, tables
 * and fingerprints that show all settings. */
const char *ms_config_peek(const ms_config *cfg, const char *name);
/* The first setting that is given and that nobody has read, NULL: none. A setting counts as read
 * once ms_config_text, _real, _count or _flag has been called; ms_config_given does not count. */
const ms_setting *ms_config_unread(const ms_config *cfg);
bool ms_config_was_read(const ms_config *cfg, const char *name);
/* Where a setting was given: "--wd" or "file.ini:3:1". */
const char *ms_config_origin(const ms_config *cfg, const char *name);

/* Writes a value as it is, or in quotes where an INI file would not give it back otherwise: "a #b",
 * with \" and \\ for these two and \n, \r, \t, \xNN for control characters. */
void ms_config_put(FILE *file, const char *value);
/* Writes dir/name, an INI file that sets all this again; what is not given stands there as a
 * remark.
 */
ms_status ms_config_write(const ms_config *cfg, const char *dir, const char *name, ms_error *err);

/* One of a list of names. */
typedef struct ms_named {
  const char *name, *summary;
} ms_named;

/* list_choice(), the `choice` of a setting, of an array of ms_named; and what_choice() of structs
 * with a name and a summary, at(i) the i-th of them, NULL after the last. */
#define MS_CHOICE_OF(list)                                                                         \
  static const ms_named *list##_at(size_t i) {                                                     \
    return i < sizeof list / sizeof *list ? &list[i] : NULL;                                       \
  }                                                                                                \
  MS_CHOICE_AMONG(list, list##_at)
#define MS_CHOICE_AMONG(what, at)                                                                  \
  static const char *what##_choice(size_t i, const char **summary) {                               \
    if (at(i) && summary)                                                                          \
      *summary = at(i)->summary;                                                                   \
    return at(i) ? at(i)->name : NULL;                                                             \
  }

/* Adds a table of settings, which ends with name NULL; one that was added before changes nothing.
 * The table is kept, not copied. Fails with MS_BAD_SETTING where a name is taken. Not to be called
 * while there are configurations. */
ms_status ms_settings_add(const ms_setting *table, ms_error *err);

#endif
