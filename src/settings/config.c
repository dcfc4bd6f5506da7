#include "settings/config.h"
#include "text/source.h"
#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ms_config {
  size_t count;
  char **text, **origin; /* by index of ms_setting_at; NULL: not given */
  bool *read;            /* has its value been asked for? */
};

/* All settings, in the order in which their tables were added. */
static const ms_setting **settings;
static size_t settings_count;

static bool is_added(const ms_setting *s) {
  for (size_t i = 0; i < settings_count; i++)
    if (settings[i] == s)
      return true;
  return false;
}

ms_status ms_settings_add(const ms_setting *table, ms_error *err) {
  size_t count = 0;
  while (table && table[count].name)
    count++;
  if (count == 0 || is_added(table))
    return MS_OK;
  for (size_t i = 0; i < count; i++)
    if (ms_setting_find(table[i].name))
      return ms_fail(err, MS_BAD_SETTING, "there is a setting called '%.64s' already",
                     table[i].name);
  const ms_setting **more = realloc(settings, (settings_count + count) * sizeof *more);
  if (!more)
    return ms_no_memory(err);
  settings = more;
  for (size_t i = 0; i < count; i++)
    settings[settings_count++] = &table[i];
  return MS_OK;
}

const ms_setting *ms_setting_at(size_t i) {
  return i < settings_count ? settings[i] : NULL;
}

static bool setting_index(const char *name, size_t *index) {
  for (size_t i = 0; ms_setting_at(i); i++)
    if (strcmp(ms_setting_at(i)->name, name) == 0) {
      *index = i;
      return true;
    }
  return false;
}

const ms_setting *ms_setting_find(const char *name) {
  size_t i;
  return setting_index(name, &i) ? ms_setting_at(i) : NULL;
}

static const char *setting_candidate(size_t i, void *ctx) {
  (void)ctx;
  return ms_setting_at(i) ? ms_setting_at(i)->name : NULL;
}

static const char *choice_candidate(size_t i, void *ctx) {
  const ms_setting *s = ctx;
  return s->choice(i, NULL);
}

/* ---- Values --------------------------------------------------------------------------------- */

static void range_text(const ms_setting *s, char *out, size_t size) {
  char low[32], high[32];
  ms_real_text(s->min, low);
  ms_real_text(s->max, high);
  const char *what = s->type == MS_COUNT ? "a whole number" : "a number";
  if (isinf(s->min) && isinf(s->max))
    snprintf(out, size, "%s", what);
  else if (isinf(s->max))
    snprintf(out, size, "%s %s %s", what, s->min_open ? "greater than" : "of at least", low);
  else
    snprintf(out, size, "%s from %s to %s%s", what, low, high,
             s->min_open && s->max_open ? ", both excluded"
             : s->min_open              ? ", the first excluded"
             : s->max_open              ? ", the last excluded"
                                        : "");
}

static bool in_range(const ms_setting *s, double value) {
  return (s->min_open ? value > s->min : value >= s->min) &&
         (s->max_open ? value < s->max : value <= s->max);
}

static bool is_choice(const ms_setting *s, const char *text, size_t length) {
  for (size_t i = 0; s->choice(i, NULL); i++) {
    const char *name = s->choice(i, NULL);
    if (strlen(name) == length && strncmp(name, text, length) == 0)
      return true;
  }
  return false;
}

static bool parse_flag(const char *text, bool *value) {
  static const char *const yes[] = {"on", "yes", "true", "1"}, *const no[] = {"off", "no", "false",
                                                                              "0"};
  for (size_t i = 0; i < 4; i++) {
    if (strcmp(text, yes[i]) == 0)
      return *value = true, true;
    if (strcmp(text, no[i]) == 0)
      return *value = false, true;
  }
  return false;
}

static ms_status check_choice(const ms_setting *s, const char *text, const char *origin,
                              ms_error *err) {
  for (const char *word = text;; word++) {
    size_t length = s->listed ? strcspn(word, ",") : strlen(word);
    if (!is_choice(s, word, length)) {
      char given[64], all[320] = "";
      snprintf(given, sizeof given, "%.*s", (int)MS_MIN(length, 48), word);
      for (size_t i = 0; s->choice(i, NULL); i++) {
        size_t used = strlen(all);
        snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", s->choice(i, NULL));
      }
      const char *near = ms_nearest(given, choice_candidate, (void *)s);
      return ms_fail(err, MS_BAD_SETTING, "%s: '%s' is not known%s%s%s; allowed: %s", origin, given,
                     near ? " (did you mean '" : "", near ? near : "", near ? "'?)" : "", all);
    }
    word += length;
    if (!*word)
      return MS_OK;
  }
}

static ms_status check_value(const ms_setting *s, const char *text, const char *origin,
                             ms_error *err) {
  double value;
  bool flag;
  char range[128];
  switch (s->type) {
  case MS_REAL:
  case MS_COUNT:
    range_text(s, range, sizeof range);
    if (!ms_parse_real(text, &value) || !in_range(s, value) ||
        (s->type == MS_COUNT && value != floor(value)))
      return ms_fail(err, MS_BAD_SETTING, "%s: '%.200s' is not allowed; it takes %s", origin, text,
                     range);
    return MS_OK;
  case MS_SCALE:
    if (ms_parse_log(text, &value))
      return MS_OK;
    if (ms_parse_real(text, &value) || access(text, R_OK) != 0)
      return ms_fail(
          err, MS_BAD_SETTING,
          "%s: '%.200s' is not allowed; it takes a number greater than 0 of any magnitude "
          "(1e-1000 too), or a readable file of them",
          origin, text);
    return MS_OK;
  case MS_VALUES:
    if (!ms_parse_real(text, &value) && access(text, R_OK) != 0)
      return ms_fail(err, MS_BAD_SETTING,
                     "%s: '%.200s' is not allowed; it takes a number, or a readable file of them",
                     origin, text);
    return MS_OK;
  case MS_CHOICE:
    return check_choice(s, text, origin, err);
  case MS_FLAG:
    if (!parse_flag(text, &flag))
      return ms_fail(err, MS_BAD_SETTING, "%s: '%.200s' is not allowed; it takes on or off", origin,
                     text);
    return MS_OK;
  case MS_PATH:
  case MS_TEXT:
    return MS_OK;
  }
  return MS_OK;
}

/* ---- The configuration ---------------------------------------------------------------------- */

ms_config *ms_config_new(void) {
  ms_config *cfg = calloc(1, sizeof *cfg);
  if (!cfg)
    return NULL;
  while (ms_setting_at(cfg->count))
    cfg->count++;
  cfg->text = calloc(cfg->count, sizeof *cfg->text);
  cfg->origin = calloc(cfg->count, sizeof *cfg->origin);
  cfg->read = calloc(cfg->count, sizeof *cfg->read);
  if (!cfg->text || !cfg->origin || !cfg->read) {
    ms_config_free(cfg);
    return NULL;
  }
  return cfg;
}

void ms_config_free(ms_config *cfg) {
  if (!cfg)
    return;
  for (size_t i = 0; i < cfg->count; i++) {
    if (cfg->text)
      free(cfg->text[i]);
    if (cfg->origin)
      free(cfg->origin[i]);
  }
  free(cfg->text);
  free(cfg->origin);
  free(cfg->read);
  free(cfg);
}

ms_config *ms_config_copy(const ms_config *cfg) {
  ms_config *copy = ms_config_new();
  for (size_t i = 0; copy && i < cfg->count; i++) {
    if (!cfg->text[i])
      continue;
    copy->text[i] = strdup(cfg->text[i]);
    copy->origin[i] = strdup(cfg->origin[i]);
    if (!copy->text[i] || !copy->origin[i]) {
      ms_config_free(copy);
      return NULL;
    }
  }
  return copy;
}

ms_status ms_config_set(ms_config *cfg, const char *name, const char *text, const char *origin,
                        ms_error *err) {
  size_t i;
  if (!setting_index(name, &i)) {
    const char *near = ms_nearest(name, setting_candidate, NULL);
    return ms_fail(err, MS_BAD_SETTING, "%s: no setting is called '%.64s'%s%s%s", origin, name,
                   near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
  }
  char *copy = NULL, *place = NULL;
  if (*text) {
    ms_status status = check_value(ms_setting_at(i), text, origin, err);
    if (status != MS_OK)
      return status;
    copy = strdup(text);
    place = strdup(origin);
    if (!copy || !place) {
      free(copy);
      free(place);
      return ms_no_memory(err);
    }
  }
  free(cfg->text[i]);
  free(cfg->origin[i]);
  cfg->text[i] = copy;
  cfg->origin[i] = place;
  return MS_OK;
}

/* First character of a line's content and the end of it, without the blanks around. */
static char *trim(char *begin, char *end) {
  while (begin < end && isspace((unsigned char)*begin))
    begin++;
  while (end > begin && isspace((unsigned char)end[-1]))
    end--;
  *end = 0;
  return begin;
}

/* Would the value not be read back as it is? */
static bool needs_quotes(const char *value) {
  size_t length = strlen(value);
  bool quotes = length == 0 || strchr("\"#;", *value) || isspace((unsigned char)*value) ||
                isspace((unsigned char)value[length - 1]);
  for (size_t i = 0; i < length && !quotes; i++) {
    unsigned char c = (unsigned char)value[i];
    quotes = c < ' ' || c == 0x7F || (c == ' ' && strchr("#;", value[i + 1]) && value[i + 1]);
  }
  return quotes;
}

void ms_config_put(FILE *file, const char *value) {
  if (!needs_quotes(value)) {
    fputs(value, file);
    return;
  }
  fputc('"', file);
  for (; *value; value++) {
    unsigned char c = (unsigned char)*value;
    if (c == '"' || c == '\\')
      fprintf(file, "\\%c", c);
    else if (strchr("\n\r\t", c))
      fprintf(file, "\\%c", c == '\n' ? 'n' : c == '\r' ? 'r' : 't');
    else if (c < ' ' || c == 0x7F)
      fprintf(file, "\\x%02x", c);
    else
      fputc(c, file);
  }
  fputc('"', file);
}

/* The character that begins with the backslash at *p, which moves to its last byte. */
static char unescape(char **p) {
  static const char hex[] = "0123456789abcdef";
  char c = *++*p;
  if (c == 'x' && isxdigit((unsigned char)(*p)[1]) && isxdigit((unsigned char)(*p)[2])) {
    long high = strchr(hex, tolower((unsigned char)(*p)[1])) - hex,
         low = strchr(hex, tolower((unsigned char)(*p)[2])) - hex;
    *p += 2;
    return (char)(16 * high + low);
  }
  return c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
}

/* What the quotes of a value hold, in its place. NULL where it is not one in quotes, with nothing
 * but a remark behind them: then it is what it is. */
static char *unquote(char *value) {
  char *end = value + 1;
  if (*value != '"')
    return NULL;
  while (*end && *end != '"')
    end += *end == '\\' && end[1] ? 2 : 1;
  if (*end != '"')
    return NULL;
  const char *rest = end + 1 + strspn(end + 1, " \t\r\n");
  if (*rest && *rest != '#' && *rest != ';')
    return NULL;
  char *out = value + 1;
  for (char *p = value + 1; p < end; p++) {
    char c = *p == '\\' ? unescape(&p) : *p;
    *out++ = c;
  }
  *out = '\0';
  return value + 1;
}

/* Where the remark of a line begins, or its end. */
static char *find_remark(char *line) {
  char *remark = line + strcspn(line, "#;");
  while (*remark && remark > line && !isspace((unsigned char)remark[-1]))
    remark += 1 + strcspn(remark + 1, "#;"); /* within a word they are part of it */
  return remark;
}

static ms_status set_line(ms_config *cfg, char *line, const char *path, size_t number,
                          ms_error *err) {
  char *remark = find_remark(line), *sign = strpbrk(line, "=:"), *quoted = NULL;
  if (sign && sign < remark) {
    quoted = unquote(sign + 1 + strspn(sign + 1, " \t"));
  }
  char *content = trim(line, quoted ? sign + 1 : remark);
  char *equals = strpbrk(content, "=:");
  if (!*content || (*content == '[' && content[strlen(content) - 1] == ']'))
    return MS_OK;
  if (!equals || equals == content || *content == '[')
    return ms_fail(err, MS_BAD_INPUT, "%s:%zu:%zu: '%.64s' is not 'key = value'", path, number,
                   (size_t)(content - line) + 1, content);
  char *value = quoted ? quoted : trim(equals + 1, equals + strlen(equals));
  char *key = trim(content, equals), *origin;
  /* the key where it is unknown, else the value */
  size_t column = (size_t)((ms_setting_find(key) ? value : key) - line) + 1;
  if (asprintf(&origin, "%s:%zu:%zu: %s", path, number, column, key) < 0)
    return ms_no_memory(err);
  ms_status status = ms_config_set(cfg, key, value, origin, err);
  free(origin);
  return status;
}

ms_status ms_config_read(ms_config *cfg, const char *path, ms_error *err) {
  FILE *file = fopen(path, "r");
  char *line = NULL;
  size_t room = 0, number = 0;
  ms_status status = MS_OK;
  errno = file ? 0 : errno;
  ssize_t length;
  while (file && status == MS_OK && (length = getline(&line, &room, file)) >= 0) {
    char *start = line;
    const char *foreign = number == 0 ? ms_foreign(line, (size_t)length) : NULL;
    if (foreign) {
      status = ms_fail(err, MS_BAD_INPUT, "%s: %s", path, foreign);
      break;
    }
    if (number++ == 0 && strncmp(line, "\xef\xbb\xbf", 3) == 0)
      start += 3; /* a UTF-8 byte order mark */
    status = set_line(cfg, start, path, number, err);
  }
  if (!file || (status == MS_OK && ferror(file)))
    status = ms_fail(err, MS_BAD_INPUT, "%s: cannot be read: %s", path, strerror(errno));
  free(line);
  if (file)
    fclose(file);
  return status;
}

const char *ms_config_peek(const ms_config *cfg, const char *name) {
  size_t i;
  if (!setting_index(name, &i))
    return NULL;
  return cfg->text[i] ? cfg->text[i] : ms_setting_at(i)->fallback;
}

const char *ms_config_text(const ms_config *cfg, const char *name) {
  size_t i;
  if (setting_index(name, &i))
    cfg->read[i] = true;
  return ms_config_peek(cfg, name);
}

const ms_setting *ms_config_unread(const ms_config *cfg) {
  for (size_t i = 0; i < cfg->count; i++)
    if (cfg->text[i] && !cfg->read[i] && !ms_setting_at(i)->client)
      return ms_setting_at(i);
  return NULL;
}

bool ms_config_was_read(const ms_config *cfg, const char *name) {
  size_t i;
  return setting_index(name, &i) && cfg->read[i];
}

bool ms_config_given(const ms_config *cfg, const char *name) {
  size_t i;
  return setting_index(name, &i) && cfg->text[i];
}

const char *ms_config_origin(const ms_config *cfg, const char *name) {
  size_t i;
  return setting_index(name, &i) && cfg->origin[i] ? cfg->origin[i] : name;
}

double ms_config_real(const ms_config *cfg, const char *name) {
  double value = NAN;
  const char *text = ms_config_text(cfg, name);
  if (text)
    ms_parse_real(text, &value);
  return value;
}

size_t ms_config_count(const ms_config *cfg, const char *name) {
  return (size_t)ms_config_real(cfg, name);
}

bool ms_config_flag(const ms_config *cfg, const char *name) {
  bool value = false;
  const char *text = ms_config_text(cfg, name);
  return text && parse_flag(text, &value) && value;
}
