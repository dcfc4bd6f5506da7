/* config.h and the settings of mirrorsim.h: what is allowed, what is said of what is not. */
#include "settings/config.h"
#include "tests.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const ORIGIN = "settings.ini:12:7";

/* ---- Helpers -------------------------------------------------------------------------------- */

static bool numeric(const ms_setting *s) {
  return s->type == MS_REAL || s->type == MS_COUNT;
}

/* Takes any text, so that nothing can be refused. */
static bool free_text(const ms_setting *s) {
  return s->type == MS_PATH || s->type == MS_TEXT;
}

static void accepted(const ms_setting *s, const char *text) {
  ms_config *cfg = ms_config_new();
  ms_error err = {0};
  ck_assert_msg(ms_config_set(cfg, s->name, text, ORIGIN, &err) == MS_OK, "--%s %s: %s", s->name,
                text, err.message);
  ck_assert_int_eq(err.status, 0);
  ck_assert_str_eq(err.message, "");
  ck_assert(ms_config_given(cfg, s->name));
  ck_assert_str_eq(ms_config_text(cfg, s->name), text);
  ck_assert_str_eq(ms_config_origin(cfg, s->name), ORIGIN);
  ms_config_free(cfg);
}

/* Refused with a message that names the place, the text and, among what is allowed, `says`. */
static void rejected(const ms_setting *s, const char *text, const char *says) {
  for (int before = 0; before < 2; before++) {
    ms_config *cfg = ms_config_new();
    ms_error err = {0};
    /* What was set before stays, with its origin. */
    bool had = before && s->fallback;
    if (had)
      ck_assert_int_eq(ms_config_set(cfg, s->name, s->fallback, "earlier", &err), MS_OK);
    ck_assert_msg(ms_config_set(cfg, s->name, text, ORIGIN, &err) == MS_BAD_SETTING,
                  "--%s accepts '%s'", s->name, text);
    ck_assert_int_eq(err.status, MS_BAD_SETTING);
    ck_assert_msg(strncmp(err.message, ORIGIN, strlen(ORIGIN)) == 0, "%s", err.message);
    char quoted[128];
    snprintf(quoted, sizeof quoted, "'%s'", text);
    ck_assert_msg(strstr(err.message, quoted) != NULL, "'%s' in: %s", text, err.message);
    ck_assert_msg(strstr(err.message, says) != NULL, "'%s' in: %s", says, err.message);
    ck_assert_int_eq(ms_config_set(cfg, s->name, text, ORIGIN, NULL), MS_BAD_SETTING);
    for (size_t i = 0; ms_setting_at(i); i++) {
      const ms_setting *other = ms_setting_at(i);
      bool given = had && other == s;
      const char *value = ms_config_text(cfg, other->name),
                 *origin = ms_config_origin(cfg, other->name);
      /* of all settings each time: an assertion would write a line for each that holds */
      if (ms_config_given(cfg, other->name) != given ||
          (given ? strcmp(value, other->fallback) != 0 : value != other->fallback) ||
          strcmp(origin, given ? "earlier" : other->name) != 0)
        ck_abort_msg("--%s is '%s' of %s after '%s' for --%s", other->name, value ? value : "",
                     origin, text, s->name);
    }
    ms_config_free(cfg);
  }
}

static void set(ms_config *cfg, const char *name, const char *text) {
  ms_error err;
  ck_assert_msg(ms_config_set(cfg, name, text, ORIGIN, &err) == MS_OK, "%s", err.message);
}

/* ---- The tables ----------------------------------------------------------------------------- */

START_TEST(settings_describe_themselves) {
  size_t count = 0;
  for (; ms_setting_at(count); count++) {
    const ms_setting *s = ms_setting_at(count);
    ck_assert(s->name && *s->name && s->group && *s->group && s->help && *s->help);
    ck_assert_msg(strspn(s->name, "abcdefghijklmnopqrstuvwxyz0123456789-") == strlen(s->name), "%s",
                  s->name);
    ck_assert_msg(s->help[strlen(s->help) - 1] != '.', "--%s: help ends with a period", s->name);
    ck_assert_msg((s->type == MS_FLAG) == (s->metavar == NULL), "--%s", s->name);
    ck_assert_msg((s->type == MS_CHOICE) == (s->choice != NULL), "--%s", s->name);
    ck_assert(s->type == MS_CHOICE || !s->listed);
    if (numeric(s))
      ck_assert_msg(s->min < s->max, "--%s has no range", s->name);
    for (size_t k = 0; k < count; k++)
      ck_assert_str_ne(ms_setting_at(k)->name, s->name);
    ck_assert_ptr_eq(ms_setting_find(s->name), s);
  }
  ck_assert_uint_gt(count, 20);
  ck_assert_ptr_null(ms_setting_at(count + 1000));
  ck_assert_ptr_null(ms_setting_find("no-such-setting"));
  ck_assert_ptr_null(ms_setting_find(""));
}
END_TEST

START_TEST(groups_are_together) {
  for (size_t i = 1; ms_setting_at(i); i++)
    for (size_t k = 0; k + 1 < i; k++)
      if (strcmp(ms_setting_at(k)->group, ms_setting_at(i)->group) == 0)
        ck_assert_str_eq(ms_setting_at(i - 1)->group, ms_setting_at(i)->group);
}
END_TEST

START_TEST(defaults_are_allowed) {
  ms_config *cfg = ms_config_new();
  for (size_t i = 0; ms_setting_at(i); i++) {
    const ms_setting *s = ms_setting_at(i);
    ck_assert_ptr_eq(ms_config_text(cfg, s->name), s->fallback);
    ck_assert(!ms_config_given(cfg, s->name));
    if (s->fallback)
      accepted(s, s->fallback);
  }
  ms_config_free(cfg);
}
END_TEST

/* ---- Numbers -------------------------------------------------------------------------------- */

/* What a message must say of the range of s. */
static const char *range_of(const ms_setting *s, char *out, size_t size) {
  char low[32];
  ms_real_text(s->min, low);
  snprintf(out, size, "%s%s", s->type == MS_COUNT ? "a whole number" : "a number",
           isinf(s->min)      ? ""
           : isfinite(s->max) ? " from "
           : s->min_open      ? " greater than "
                              : " of at least ");
  if (isfinite(s->min))
    strncat(out, low, size - strlen(out) - 1);
  return out;
}

START_TEST(ranges) {
  for (size_t i = 0; ms_setting_at(i); i++) {
    const ms_setting *s = ms_setting_at(i);
    if (!numeric(s))
      continue;
    char text[32], says[128];
    range_of(s, says, sizeof says);
    double step = s->type == MS_COUNT ? 1 : fmax(1e-9, fabs(s->max) * 1e-9);
    if (isfinite(s->min)) {
      ms_real_text(s->min, text);
      if (s->min_open)
        rejected(s, text, says);
      else
        accepted(s, text);
      rejected(s, ms_real_text(s->min - 1, text), says);
      rejected(s, ms_real_text(s->min - (isfinite(s->max) ? step : 1e-9), text), says);
      rejected(s, "-1e300", says);
      accepted(s, ms_real_text(s->type == MS_COUNT ? s->min + 1
                               : isfinite(s->max)  ? s->min + (s->max - s->min) * 1e-9
                                                   : s->min + 1e-9,
                               text));
      if (s->min == 0 && s->min_open)
        accepted(s, "1e-300");
    }
    if (isfinite(s->max)) {
      char high[32];
      ms_real_text(s->max, high);
      ck_assert_uint_lt(strlen(says) + strlen(high) + 4, sizeof says);
      strcat(strcat(says, " to "), high);
      if (s->max_open)
        rejected(s, high, says);
      else
        accepted(s, high);
      rejected(s, ms_real_text(nextafter(s->max, INFINITY), text), says);
      rejected(s, ms_real_text(s->max + step * (s->max > 1e15 ? 2 : 1), text), says);
      rejected(s, "1e300", says);
      if (s->min_open || s->max_open)
        rejected(s, "1e300", "excluded");
    } else if (s->type == MS_REAL) {
      accepted(s, "1e300");
      accepted(s, "1.7976931348623157e308");
    }
  }
}
END_TEST

START_TEST(no_numbers) {
  static const char *const junk[] = {"nan",  "NaN",  "inf", "-inf", "infinity", "1e400", "-1e400",
                                     "text", "0x10", "1,5", "1 2",  "5abc",     "--5",   "1e",
                                     " ",    "\t ",  "-",   "e5",   ".",        "on",    "5%"};
  for (size_t i = 0; ms_setting_at(i); i++) {
    const ms_setting *s = ms_setting_at(i);
    char says[128];
    for (size_t k = 0; k < sizeof junk / sizeof *junk; k += test_quick() ? 4 : 1)
      if (numeric(s))
        rejected(s, junk[k], range_of(s, says, sizeof says));
  }
}
END_TEST

START_TEST(whole_numbers) {
  for (size_t i = 0; ms_setting_at(i); i++) {
    const ms_setting *s = ms_setting_at(i);
    if (s->type != MS_COUNT)
      continue;
    char text[64];
    double low = fmax(s->min, 2);
    accepted(s, "2e1");
    accepted(s, " 20 ");
    accepted(s, "20.0");
    snprintf(text, sizeof text, "%.1f", low + 0.5);
    rejected(s, text, "a whole number");
    rejected(s, "20.000001", "a whole number");
    ms_config *cfg = ms_config_new();
    set(cfg, s->name, "2e1");
    ck_assert_uint_eq(ms_config_count(cfg, s->name), 20);
    ms_config_free(cfg);
  }
}
END_TEST

START_TEST(scales_and_values) {
  const char *path = test_file("values", "1\n2\n");
  for (size_t i = 0; ms_setting_at(i); i++) {
    const ms_setting *s = ms_setting_at(i);
    if (s->type != MS_SCALE && s->type != MS_VALUES)
      continue;
    static const char *const junk[] = {"nan", "inf", "-inf", "1e", "1,5", " ", "no such file"};
    for (size_t k = 0; k < sizeof junk / sizeof *junk; k++)
      rejected(s, junk[k], "readable file");
    accepted(s, "1");
    accepted(s, "2.5e-7");
    accepted(s, path);
    if (s->type == MS_SCALE) {
      static const char *const beyond[] = {"0", "-1", "-1e-1000", "0e5", "-0.0"};
      for (size_t k = 0; k < sizeof beyond / sizeof *beyond; k++)
        rejected(s, beyond[k], "greater than 0");
      accepted(s, "1e-1000");
      accepted(s, "1e-10000");
      accepted(s, "1e400");
    } else {
      accepted(s, "0");
      accepted(s, "-3e4");
    }
  }
}
END_TEST

/* ---- Words ---------------------------------------------------------------------------------- */

/* Insertions, deletions, replacements and swaps of neighbours, by their definition. */
static size_t edits(const char *a, const char *b) {
  enum { MOST = 32 };
  size_t n = strlen(a), m = strlen(b), D[MOST + 1][MOST + 1];
  ck_assert(n <= MOST && m <= MOST);
  for (size_t i = 0; i <= n; i++)
    for (size_t j = 0; j <= m; j++) {
      size_t least = i > j ? i : j;
      if (i && j) {
        least = MS_MIN(D[i - 1][j], D[i][j - 1]) + 1;
        least = MS_MIN(least, D[i - 1][j - 1] + (a[i - 1] != b[j - 1]));
      }
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        least = MS_MIN(least, D[i - 2][j - 2] + 1);
      D[i][j] = least;
    }
  return D[n][m];
}

START_TEST(choices) {
  for (size_t i = 0; ms_setting_at(i); i++) {
    const ms_setting *s = ms_setting_at(i);
    if (s->type != MS_CHOICE)
      continue;
    for (size_t k = 0; s->choice(k, NULL); k++) {
      const char *summary = NULL, *name = s->choice(k, &summary);
      ck_assert_msg(name && *name && summary && *summary, "--%s", s->name);
      for (size_t q = 0; q < k; q++)
        ck_assert_str_ne(s->choice(q, NULL), name);
      accepted(s, name);
      rejected(s, "no such thing", name); /* all that is allowed is listed */

      /* A letter too many: the suggestion is one of the nearest. */
      char wrong[64], says[96] = "";
      snprintf(wrong, sizeof wrong, "%sx", name);
      bool alone = true, taken = false;
      for (size_t q = 0; s->choice(q, NULL); q++) {
        taken = taken || strcmp(s->choice(q, NULL), wrong) == 0;
        alone = alone && (q == k || edits(wrong, s->choice(q, NULL)) > 1);
      }
      if (taken)
        continue;
      if (alone)
        snprintf(says, sizeof says, "did you mean '%s'", name);
      rejected(s, wrong, says);
      snprintf(says, sizeof says, "%s ", name);
      rejected(s, says, name);
    }
    rejected(s, " ", "allowed: ");
    rejected(s, "-1", "allowed: ");
    char list[256], says[128];
    const char *a = s->choice(0, NULL), *b = s->choice(1, NULL);
    snprintf(list, sizeof list, "%s,%s", a, b ? b : a);
    if (s->listed) {
      accepted(s, list);
      ms_config *cfg = ms_config_new();
      ms_error err = {0};
      static const char *const wrong[] = {"%s,", ",%s", "%s,,%s", "%s,nothing,%s", "%s;%s"};
      for (size_t k = 0; k < 5; k++) {
        char text[256];
        snprintf(text, sizeof text, wrong[k], a, a);
        ck_assert_int_eq(ms_config_set(cfg, s->name, text, ORIGIN, &err), MS_BAD_SETTING);
        ck_assert_ptr_nonnull(strstr(err.message, "allowed: "));
      }
      snprintf(list, sizeof list, "%s,%sx", a, a);
      snprintf(says, sizeof says, "'%sx' is not known (did you mean '%s'?)", a, a);
      ck_assert_int_eq(ms_config_set(cfg, s->name, list, ORIGIN, &err), MS_BAD_SETTING);
      ck_assert_msg(strstr(err.message, says) != NULL, "%s", err.message);
      ms_config_free(cfg);
    } else {
      rejected(s, list, a);
    }
  }
}
END_TEST

START_TEST(flags) {
  for (size_t i = 0; ms_setting_at(i); i++) {
    const ms_setting *s = ms_setting_at(i);
    if (s->type != MS_FLAG)
      continue;
    static const char *const words[] = {"on", "yes", "true", "1", "off", "no", "false", "0"};
    ms_config *cfg = ms_config_new();
    for (int k = 0; k < 8; k++) {
      accepted(s, words[k]);
      set(cfg, s->name, words[k]);
      ck_assert_msg(ms_config_flag(cfg, s->name) == (k < 4), "%s", words[k]);
    }
    ms_config_free(cfg);
    static const char *const junk[] = {"maybe", "2", " ", "onn", "-1", "nan"};
    for (int k = 0; k < 6; k++)
      rejected(s, junk[k], "on or off");
  }
}
END_TEST

START_TEST(any_text) {
  for (size_t i = 0; ms_setting_at(i); i++)
    if (free_text(ms_setting_at(i))) {
      accepted(ms_setting_at(i), "any, 'thing' = here/ & now");
      accepted(ms_setting_at(i), " ");
    }
}
END_TEST

/* ---- Names ---------------------------------------------------------------------------------- */

START_TEST(unknown_settings) {
  ms_config *cfg = ms_config_new();
  ms_error err = {0};
  for (size_t i = 0; ms_setting_at(i); i++) {
    const char *name = ms_setting_at(i)->name;
    char wrong[64], says[256];
    snprintf(wrong, sizeof wrong, "%sq", name);
    bool alone = true;
    for (size_t k = 0; ms_setting_at(k); k++)
      alone = alone && (k == i || edits(wrong, ms_setting_at(k)->name) > 1);
    if (!alone)
      continue;
    ck_assert_int_eq(ms_config_set(cfg, wrong, "1", ORIGIN, &err), MS_BAD_SETTING);
    snprintf(says, sizeof says, "%s: no setting is called '%s'; did you mean '%s'?", ORIGIN, wrong,
             name);
    ck_assert_str_eq(err.message, says);
  }
  ck_assert_int_eq(ms_config_set(cfg, "wd-shcedule", "linear", ORIGIN, &err), MS_BAD_SETTING);
  ck_assert_ptr_nonnull(strstr(err.message, "did you mean 'wd-schedule'?"));
  ck_assert_int_eq(ms_config_set(cfg, "xyzzyplugh", "1", ORIGIN, &err), MS_BAD_SETTING);
  ck_assert_ptr_nonnull(strstr(err.message, "'xyzzyplugh'"));
  ck_assert_ptr_null(strstr(err.message, "did you mean"));
  ck_assert_ptr_null(ms_config_text(cfg, "xyzzyplugh"));
  ck_assert(!ms_config_given(cfg, "xyzzyplugh"));
  for (size_t i = 0; ms_setting_at(i); i++)
    ck_assert(!ms_config_given(cfg, ms_setting_at(i)->name));
  ms_config_free(cfg);
}
END_TEST

static const char *word(size_t i, void *list) {
  return ((const char *const *)list)[i];
}

START_TEST(nearest) {
  static const char *const fruits[] = {"apple", "pear", "peach", "banana", "fig", NULL};
  static const struct {
    const char *given, *found;
  } cases[] = {
      {"aple", "apple"},    {"appple", "apple"}, {"appel", "apple"},   {"opple", "apple"},
      {"pera", "pear"},     {"pech", "peach"},   {"banan", "banana"},  {"ban", "banana"},
      {"BANANA", "banana"}, {"fgi", "fig"},      {"peaches", "peach"}, {"fig", "fig"},
      {"peach", "peach"},   {"xyz", NULL},       {"watermelon", NULL}, {"kiwi", NULL},
      {"f", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *found = ms_nearest(cases[i].given, word, (void *)fruits);
    if (cases[i].found)
      ck_assert_msg(found && strcmp(found, cases[i].found) == 0, "%s: %s", cases[i].given, found);
    else
      ck_assert_msg(!found, "%s: %s", cases[i].given, found);
  }
  char endless[5000];
  memset(endless, 'a', sizeof endless - 1);
  endless[sizeof endless - 1] = '\0';
  ck_assert_ptr_null(ms_nearest(endless, word, (void *)fruits));
  static const char *const none[] = {NULL};
  ck_assert_ptr_null(ms_nearest("apple", word, (void *)none));
}
END_TEST

/* The name itself is nearer than one that differs by a letter. */
START_TEST(nearest_is_the_name_itself) {
  static const char *const words[] = {"date", "dat", "data", "database", NULL};
  ck_assert_str_eq(ms_nearest("data", word, (void *)words), "data");
}
END_TEST

/* ---- A configuration ------------------------------------------------------------------------ */

START_TEST(later_values_win_and_empty_text_resets) {
  ms_config *cfg = ms_config_new();
  ms_error err = {0};
  set(cfg, "n", "30");
  set(cfg, "n", "31");
  ck_assert_uint_eq(ms_config_count(cfg, "n"), 31);
  ck_assert_int_eq(ms_config_set(cfg, "n", "", "elsewhere", &err), MS_OK);
  ck_assert(!ms_config_given(cfg, "n"));
  ck_assert_str_eq(ms_config_text(cfg, "n"), ms_setting_find("n")->fallback);
  ck_assert_str_eq(ms_config_origin(cfg, "n"), "n");
  set(cfg, "wd", "0.5");
  ck_assert(ms_config_real(cfg, "wd") == 0.5);
  ck_assert_int_eq(ms_config_set(cfg, "wd", "", "elsewhere", &err), MS_OK);
  ck_assert_ptr_null(ms_config_text(cfg, "wd"));
  ms_config_free(cfg);
  ms_config_free(NULL);
}
END_TEST

START_TEST(copies_are_deep) {
  ms_config *cfg = ms_config_new();
  set(cfg, "n", "30");
  set(cfg, "data", "somewhere");
  ms_config *copy = ms_config_copy(cfg);
  set(cfg, "n", "99");
  set(cfg, "wd", "3");
  ck_assert_uint_eq(ms_config_count(copy, "n"), 30);
  ck_assert(!ms_config_given(copy, "wd"));
  set(copy, "d", "7");
  ck_assert(!ms_config_given(cfg, "d"));
  ms_config_free(cfg);
  ck_assert_str_eq(ms_config_text(copy, "data"), "somewhere");
  ck_assert_str_eq(ms_config_origin(copy, "data"), ORIGIN);
  for (size_t i = 0; ms_setting_at(i); i++) {
    const char *name = ms_setting_at(i)->name;
    bool given = strcmp(name, "n") == 0 || strcmp(name, "data") == 0 || strcmp(name, "d") == 0;
    ck_assert(ms_config_given(copy, name) == given);
  }
  ms_config_free(copy);
}
END_TEST

/* ---- Files ---------------------------------------------------------------------------------- */

START_TEST(good_file) {
  static const char *const texts[] = {
      "# a comment\n; another\n\nn = 12\n[weight decay]\nwd=0.25\n  \n\n[more]\n"
      "wd-schedule : cosine ; inline\ndata = a b = c.csv\nwd = 0.5\nd =\n",
      "# a comment\r\n; another\r\n\r\nn = 12\r\n[weight decay]\r\nwd=0.25\r\n  \r\n\r\n[more]\r\n"
      "wd-schedule : cosine ; inline\r\ndata = a b = c.csv\r\nwd = 0.5\r\nd =\r\n",
      "\xef\xbb\xbfn = 12\nwd-schedule = cosine\ndata = a b = c.csv\nwd = 0.5", /* no last newline
                                                                                 */
  };
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    const char *path = test_file("first.ini", texts[i]);
    ms_config *cfg = ms_config_new();
    ms_error err = {0};
    ck_assert_msg(ms_config_read(cfg, path, &err) == MS_OK, "%s", err.message);
    ck_assert_str_eq(err.message, "");
    ck_assert_uint_eq(ms_config_count(cfg, "n"), 12);
    ck_assert_str_eq(ms_config_text(cfg, "wd"), "0.5");
    ck_assert_str_eq(ms_config_text(cfg, "wd-schedule"), "cosine");
    ck_assert_str_eq(ms_config_text(cfg, "data"), "a b = c.csv");
    ck_assert(!ms_config_given(cfg, "d"));
    ck_assert(!ms_config_given(cfg, "noise"));
    ms_config_free(cfg);
  }
}
END_TEST

START_TEST(later_files_win) {
  const char *path = test_file("first.ini", "n = 12\nwd = 1\n");
  const char *other_path = test_file("second.ini", "\n\n  wd = 2\n");
  ms_config *cfg = ms_config_new();
  ms_error err = {0};
  set(cfg, "n", "3");
  ck_assert_int_eq(ms_config_read(cfg, path, &err), MS_OK);
  ck_assert_uint_eq(ms_config_count(cfg, "n"), 12);
  ck_assert_ptr_nonnull(strstr(ms_config_origin(cfg, "wd"), test_text("%s:2:6", path)));
  ck_assert_int_eq(ms_config_read(cfg, other_path, &err), MS_OK);
  ck_assert_str_eq(ms_config_text(cfg, "wd"), "2");
  ck_assert_ptr_nonnull(strstr(ms_config_origin(cfg, "wd"), test_text("%s:3:8", other_path)));
  set(cfg, "n", "4");
  ck_assert_uint_eq(ms_config_count(cfg, "n"), 4);
  ms_config_free(cfg);
}
END_TEST

START_TEST(bad_files) {
  static const struct {
    const char *text;
    ms_status status;
    const char *place, *says, *too;
  } cases[] = {
      {"n = 12\n\nwd-of = 3\n", MS_BAD_SETTING, ":3:1: ", "'wd-of'", "did you mean 'wd-off'?"},
      {"[a]\n  zzzzzz = 3\n", MS_BAD_SETTING, ":2:3: ", "'zzzzzz'", "no setting"},
      {"n = 12\nwd = -0.5\n", MS_BAD_SETTING, ":2:6: ", "'-0.5'", "of at least 0"},
      {"wd=-1\n", MS_BAD_SETTING, ":1:4: ", "wd: '-1'", "of at least 0"},
      {"seed = 1\r\nseed = seed\r\n", MS_BAD_SETTING, ":2:8: ", "seed: 'seed'", "a whole number"},
      {"wd-schedule =   lniear  ; why not\n", MS_BAD_SETTING, ":1:17: ", "'lniear'",
       "did you mean 'linear'?"},
      {"# n\nn = nan\nd = -1\n", MS_BAD_SETTING, ":2:5: ", "'nan'", "from 1 to"},
      {"n = 12\nwd\nd = 5\n", MS_BAD_INPUT, ":2:1: ", "key = value", ""},
      {"n = 12\n   wd 3\n", MS_BAD_INPUT, ":2:4: ", "'wd 3'", "key = value"},
      {"n = 12\n= 3\n", MS_BAD_INPUT, ":2:1: ", "'= 3'", "key = value"},
      {"n = 12\n\n\n[open\nd = 5\n", MS_BAD_INPUT, ":4:1: ", "key = value", ""},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *path = test_file("first.ini", cases[i].text);
    ms_config *cfg = ms_config_new();
    ms_error err = {0};
    ck_assert_int_eq(ms_config_read(cfg, path, &err), cases[i].status);
    ck_assert_int_eq(err.status, cases[i].status);
    const char *start = test_text("%s%s", path, cases[i].place);
    ck_assert_msg(strncmp(err.message, start, strlen(start)) == 0, "%s; expected %s", err.message,
                  start);
    ck_assert_msg(strstr(err.message, cases[i].says) != NULL, "%s", err.message);
    ck_assert_msg(strstr(err.message, cases[i].too) != NULL, "%s", err.message);
    ck_assert_int_eq(ms_config_read(cfg, path, NULL), cases[i].status);
    ms_config_free(cfg);
  }
}
END_TEST

/* Any value comes back from the file that it is written to. */
START_TEST(nasty_values) {
  static const char *const pieces[] = {
      " #",   " ;", "#",    ";",    "\"",   "\\", "=",   ":", "[x]",   " ",
      "\t",   "\n", "\r\n", "\x1b", "\x7F", "a",  "\\n", "'", "\\x41", "\xC3\xA9",
      "\xE9", "%s", "$(x)", "`",    "\\\"", "|",  "<",   "-", "!"};
  enum { PIECES = sizeof pieces / sizeof *pieces };
  uint32_t state = 1;
  for (size_t k = 0; k < (test_quick() ? 300 : 3000); k++) {
    char value[64] = "";
    size_t count = k < PIECES ? 1 : 1 + k % 6;
    for (size_t i = 0; i < count; i++) {
      state = state * 1664525u + 1013904223u;
      strcat(value, pieces[k < PIECES ? k : (state >> 16) % PIECES]);
    }
    ms_error err = {0};
    ms_config *cfg = test_config(WITH(test_text("target=%s", value), "n=7")),
              *read = ms_config_new();
    ck_assert_int_eq(ms_config_write(cfg, test_folder(), "nasty.ini", &err), MS_OK);
    ck_assert_msg(ms_config_read(read, test_path("nasty.ini"), &err) == MS_OK, "%s", err.message);
    ck_assert_msg(strcmp(ms_config_text(read, "target"), value) == 0, "'%s' came back as '%s'",
                  value, ms_config_text(read, "target"));
    ck_assert_uint_eq(ms_config_count(read, "n"), 7);
    ms_config_free(read);
    ms_config_free(cfg);
  }
}
END_TEST

/* Files as they were written before there were quotes, and by hand. */
START_TEST(quotes_in_files) {
  static const struct {
    const char *line, *value;
  } cases[] = {{"target = my column # remark", "my column"},
               {"target = a#b;c", "a#b;c"},
               {"target = \"a #b\" # remark", "a #b"},
               {"target=\"a ;b\"", "a ;b"},
               {"target: \"x\"", "x"},
               {"target = \"a\" b", "\"a\" b"},
               {"target = \"open", "\"open"},
               {"target = say \"hi\"", "say \"hi\""},
               {"target = C:\\new\\table", "C:\\new\\table"}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    ms_error err = {0};
    ms_config *cfg = ms_config_new();
    const char *path = test_file("q.ini", test_text("%s\n", cases[k].line));
    ck_assert_msg(ms_config_read(cfg, path, &err) == MS_OK, "%s", err.message);
    ck_assert_str_eq(ms_config_text(cfg, "target"), cases[k].value);
    ms_config_free(cfg);
  }
}
END_TEST

/* Of several bad lines the first is reported, whatever is wrong with it. */
START_TEST(first_bad_line) {
  static const char *const texts[] = {"n = 1\nwd\nd = -1\n", "n = 1\nwd = -1\nd\n",
                                      "n = 1\nwdd = 2\nd = -1\n"};
  for (size_t i = 0; i < 3; i++) {
    const char *path = test_file("first.ini", texts[i]);
    ms_config *cfg = ms_config_new();
    ms_error err = {0};
    ck_assert_int_lt(ms_config_read(cfg, path, &err), 0);
    const char *place = test_text("%s:2:", path);
    ck_assert_msg(strncmp(err.message, place, strlen(place)) == 0, "%s", err.message);
    ms_config_free(cfg);
  }
}
END_TEST

/* Indented keys are keys, not the rest of the value before. */
START_TEST(indented_keys) {
  const char *path = test_file(
      "first.ini", "[run]\n  data = here.csv\n  n = 12\n\twd = 0.5\n    wd-schedule = cosine\n");
  ms_config *cfg = ms_config_new();
  ms_error err = {0};
  ck_assert_msg(ms_config_read(cfg, path, &err) == MS_OK, "%s", err.message);
  ck_assert_str_eq(ms_config_text(cfg, "data"), "here.csv");
  ck_assert_uint_eq(ms_config_count(cfg, "n"), 12);
  ck_assert_str_eq(ms_config_text(cfg, "wd"), "0.5");
  ck_assert_str_eq(ms_config_text(cfg, "wd-schedule"), "cosine");
  ms_config_free(cfg);
}
END_TEST

START_TEST(unreadable_files) {
  ms_config *cfg = ms_config_new();
  ms_error err = {0};
  const char *path = test_path("absent.ini");
  ck_assert_int_eq(ms_config_read(cfg, path, &err), MS_BAD_INPUT);
  ck_assert_msg(strncmp(err.message, path, strlen(path)) == 0, "%s", err.message);
  ck_assert_ptr_nonnull(strstr(err.message, "No such file"));
  ck_assert_int_eq(ms_config_read(cfg, path, NULL), MS_BAD_INPUT);

  /* lines of any length are read */
  enum { LENGTH = 100000 };
  char *text = malloc(LENGTH + 64);
  for (int comment = 0; comment < 2; comment++) {
    strcpy(text, comment ? "n = 3\n\n# " : "n = 3\n\ndata = ");
    size_t used = strlen(text);
    memset(text + used, 'x', LENGTH);
    strcpy(text + used + LENGTH, "\nd = 4\n");
    path = test_file("first.ini", text);
    ck_assert_int_eq(ms_config_read(cfg, path, &err), MS_OK);
    ck_assert_uint_eq(ms_config_count(cfg, "d"), 4);
  }
  ck_assert_uint_eq(strlen(ms_config_text(cfg, "data")), LENGTH);
  free(text);

  ck_assert_int_eq(ms_config_read(cfg, test_path("."), &err), MS_BAD_INPUT);
  ck_assert_ptr_nonnull(strstr(err.message, "directory"));
  path = test_file("first.ini", "");
  ck_assert_int_eq(ms_config_read(cfg, path, &err), MS_OK);
  ms_config_free(cfg);
}
END_TEST

/* At a line's beginning or behind a blank, # and ; start a comment; a value may hold = and :. */
START_TEST(comments_and_values) {
  static const struct {
    const char *line, *value;
  } cases[] = {
      {"data = a;b.csv", "a;b.csv"},   {"data = a#b.csv", "a#b.csv"},
      {"data = a # b", "a"},           {"data = a ;b", "a"},
      {"data = a=b:c", "a=b:c"},       {"data:a=b", "a=b"},
      {"data = \t a b \t ", "a b"},    {"data=[a]", "[a]"},
      {"[data] ; = x\ndata=1", "1"},   {"  # data = 2\ndata=1", "1"},
      {"  ; data = 2\ndata=1", "1"},   {"data=1\n; data = 2 ; data = 3", "1"},
      {"\xef\xbb\xbf  data = 1", "1"}, {"data = 1\ndata = ; none", NULL},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *path = test_file("first.ini", cases[i].line);
    ms_config *cfg = ms_config_new();
    ms_error err = {0};
    ck_assert_msg(ms_config_read(cfg, path, &err) == MS_OK, "%s", err.message);
    const char *value = ms_config_text(cfg, "data");
    ck_assert_msg(cases[i].value ? value && strcmp(value, cases[i].value) == 0 : !value, "%s: '%s'",
                  cases[i].line, value ? value : "");
    ms_config_free(cfg);
  }
}
END_TEST

/* The limits of a message do not cost the sentence that helps. */
START_TEST(long_values) {
  ms_config *cfg = ms_config_new();
  char text[3000];
  memset(text, '7', sizeof text - 1);
  text[sizeof text - 1] = '\0';
  text[0] = 'x';
  for (size_t i = 0; ms_setting_at(i); i++) {
    const ms_setting *s = ms_setting_at(i);
    ms_error err = {0};
    if (free_text(s))
      continue;
    ck_assert_int_eq(ms_config_set(cfg, s->name, text, ORIGIN, &err), MS_BAD_SETTING);
    ck_assert_ptr_nonnull(strstr(err.message, "x777777"));
    ck_assert_msg(strstr(err.message, s->type == MS_CHOICE ? "allowed: " : "it takes"),
                  "--%s: %.100s...", s->name, err.message);
  }
  ms_config_free(cfg);
}
END_TEST

START_TEST(typed_reads) {
  ms_config *cfg = ms_config_new();
  set(cfg, "wd", " 1e-3 ");
  ck_assert(ms_config_real(cfg, "wd") == 1e-3);
  set(cfg, "seed", "9007199254740992");
  ck_assert_uint_eq(ms_config_count(cfg, "seed"), 9007199254740992U);
  ck_assert(isnan(ms_config_real(cfg, "t-end")));
  ck_assert(!ms_config_flag(cfg, "standardize"));
  set(cfg, "standardize", "on");
  ck_assert(ms_config_flag(cfg, "standardize"));
  ms_config_free(cfg);
}
END_TEST

Suite *config_suite(void) {
  Suite *suite = suite_create("config");
  TCase *tc = tcase_create("config");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, settings_describe_themselves);
  tcase_add_test(tc, groups_are_together);
  tcase_add_test(tc, defaults_are_allowed);
  tcase_add_test(tc, ranges);
  tcase_add_test(tc, no_numbers);
  tcase_add_test(tc, whole_numbers);
  tcase_add_test(tc, scales_and_values);
  tcase_add_test(tc, choices);
  tcase_add_test(tc, flags);
  tcase_add_test(tc, any_text);
  tcase_add_test(tc, unknown_settings);
  tcase_add_test(tc, nearest);
  tcase_add_test(tc, nearest_is_the_name_itself);
  tcase_add_test(tc, later_values_win_and_empty_text_resets);
  tcase_add_test(tc, copies_are_deep);
  tcase_add_test(tc, good_file);
  tcase_add_test(tc, later_files_win);
  tcase_add_test(tc, nasty_values);
  tcase_add_test(tc, quotes_in_files);
  tcase_add_test(tc, bad_files);
  tcase_add_test(tc, first_bad_line);
  tcase_add_test(tc, indented_keys);
  tcase_add_test(tc, unreadable_files);
  tcase_add_test(tc, comments_and_values);
  tcase_add_test(tc, long_values);
  tcase_add_test(tc, typed_reads);
  suite_add_tcase(suite, tc);
  return suite;
}
