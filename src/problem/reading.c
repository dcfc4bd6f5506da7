#include "problem/reading.h"
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

ms_file_kind ms_file_kind_of(const char *path) {
  static const struct {
    const char *ending;
    ms_file_kind kind;
  } kinds[] = {{".npy", MS_FILE_NPY},           {".npz", MS_FILE_NPZ},
               {".mtx", MS_FILE_MTX},           {".svm", MS_FILE_SVMLIGHT},
               {".svmlight", MS_FILE_SVMLIGHT}, {".libsvm", MS_FILE_SVMLIGHT}};
  size_t length = strlen(path);
  if (length > 3 && strcasecmp(path + length - 3, ".gz") == 0)
    length -= 3;
  for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
    size_t ending = strlen(kinds[k].ending);
    if (length > ending && strncasecmp(path + length - ending, kinds[k].ending, ending) == 0)
      return kinds[k].kind;
  }
  return MS_FILE_TABLE;
}

/* ---- What was read -------------------------------------------------------------------------- */

void ms_reading_free(ms_reading *r) {
  free(r->target);
  for (size_t k = 0; k < MS_READING_NOTES; k++)
    free(r->note[k]);
  *r = (ms_reading){0};
}

/* The rest of the line that names the target. */
static void say(ms_reading *r) {
  const char *by = *r->separator == '\0'   ? ""
                   : *r->separator == ','  ? ", commas between fields"
                   : *r->separator == ';'  ? ", semicolons between fields"
                   : *r->separator == '\t' ? ", tabs between fields"
                   : *r->separator == ' '  ? ", blanks between fields"
                                           : ", bars between fields";
  snprintf(r->said, sizeof r->said, "%s%s%s%s%s%s", r->chosen, by,
           *r->decimal == ',' ? ", decimal commas" : "", r->row_names ? ", row names" : "",
           *r->dtype ? ", " : "", r->dtype);
}

ms_status ms_reading_target(ms_reading *r, const char *target, const char *chosen, ms_error *err) {
  free(r->target);
  r->chosen = chosen;
  r->target = strdup(target);
  say(r);
  return r->target ? MS_OK : ms_no_memory(err);
}

void ms_reading_dtype(ms_reading *r, ms_dtype Z, ms_dtype y) {
  if (strcmp(Z.text, y.text) == 0)
    snprintf(r->dtype, sizeof r->dtype, "%s", Z.text);
  else
    snprintf(r->dtype, sizeof r->dtype, "%s%s%s%s%s", *Z.text ? "Z " : "", Z.text,
             *Z.text && *y.text ? ", " : "", *y.text ? "y " : "", y.text);
  say(r);
}

void ms_reading_note(ms_reading *r, const char *format, ...) {
  size_t k = 0;
  while (k < MS_READING_NOTES && r->note[k])
    k++;
  if (k == MS_READING_NOTES)
    return;
  va_list args;
  va_start(args, format);
  if (vasprintf(&r->note[k], format, args) < 0)
    r->note[k] = NULL;
  va_end(args);
}

bool ms_reading_at(const ms_reading *r, size_t i, ms_summary *entry) {
  const ms_summary all[] = {
      {"target", r->said, r->target, NAN, false},
      {"target_chosen", NULL, r->chosen, NAN, false},
      {"separator", NULL, r->separator, NAN, false},
      {"decimal", NULL, r->decimal, NAN, false},
      {"row_names", NULL, r->row_names ? "first column" : "", NAN, false},
      {"dtype", NULL, r->dtype, NAN, false},
  };
  for (size_t k = 0; k < sizeof all / sizeof *all && r->target; k++)
    if (all[k].text && *all[k].text && i-- == 0) {
      *entry = all[k];
      return true;
    }
  return false;
}

size_t ms_reading_facts(const ms_reading *r) {
  ms_summary entry;
  size_t count = 0;
  while (ms_reading_at(r, count, &entry))
    count++;
  return count;
}

const char *ms_reading_found(const ms_reading *r, const char *setting) {
  if (!r->target)
    return NULL;
  if (strcmp(setting, "target") == 0)
    return r->target;
  if (strcmp(setting, "separator") == 0 && *r->separator)
    return *r->separator == '\t' ? "tab" : *r->separator == ' ' ? "blank" : r->separator;
  return strcmp(setting, "decimal") == 0 && *r->decimal ? r->decimal : NULL;
}

/* ---- Tables --------------------------------------------------------------------------------- */

/* The character that a setting names; 0 where it is not given. */
static ms_status character(const ms_config *cfg, const char *setting, const char *const (*words)[2],
                           const char *allowed, char *found, ms_error *err) {
  const char *text = ms_config_text(cfg, setting);
  *found = 0;
  for (size_t k = 0; text && words[k][0]; k++)
    if (strcmp(text, words[k][0]) == 0 || strcmp(text, words[k][1]) == 0)
      *found = *words[k][1];
  if (text && !*found)
    return ms_fail(err, MS_BAD_SETTING, "%s: '%.64s' is not allowed; it takes %s",
                   ms_config_origin(cfg, setting), text, allowed);
  return MS_OK;
}

static ms_status find_dialect(const ms_config *cfg, char *separator, char *decimal, ms_error *err) {
  static const char *const separators[][2] = {{"comma", ","}, {"semicolon", ";"}, {"tab", "\t"},
                                              {"\\t", "\t"},  {"blank", " "},     {"space", " "},
                                              {"bar", "|"},   {NULL, NULL}};
  static const char *const decimals[][2] = {{"point", "."}, {"comma", ","}, {NULL, NULL}};
  ms_status status =
      character(cfg, "separator", separators,
                "comma, semicolon, tab, blank or bar, or one of these , ; |", separator, err);
  if (status == MS_OK)
    status =
        character(cfg, "decimal", decimals, "point or comma, or one of these . ,", decimal, err);
  return status;
}

ms_status ms_reading_table(ms_reading *r, ms_table *table, size_t *target, const char *path,
                           const ms_config *cfg, ms_error *err) {
  char separator, decimal;
  const char *name = ms_config_text(cfg, "target");
  *table = (ms_table){0};
  *target = 0;
  ms_status status = find_dialect(cfg, &separator, &decimal, err);
  if (status == MS_OK)
    status = ms_table_read_as(table, path, separator, decimal, err);
  if (status == MS_OK && name)
    status = ms_table_column(table, name, path, ms_config_origin(cfg, "target"), target, err);
  if (status == MS_OK)
    status = ms_reading_target(r, table->names[*target], name ? "--target" : "first column", err);
  if (status != MS_OK) {
    ms_table_free(table);
    return status;
  }
  r->separator[0] = table->separator;
  r->decimal[0] = table->decimal;
  r->row_names = table->row_names;
  say(r);
  if (r->row_names)
    ms_reading_note(r,
                    "The first column of %s has no name: it is taken as the names of rows, and is "
                    "no feature.",
                    path);
  return MS_OK;
}
