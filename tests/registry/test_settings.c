/* No setting is ignored in silence: on each model each one changes results, or is noted, or is
 * refused with its owner. */
#include "run/run.h"
#include "settings/config.h"
#include "tests.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Small runs. */
static const char *const *sizes(const char *model) {
  static const char *const network[] = {"layers=4", "epochs=2", "points=3", NULL},
                           *const coding[] = {"patches=6", "patch-side=3", "atoms=12", "t-end=1",
                                              "points=3",  "rtol=1e-4",    NULL},
                           *const diag[] = {"n=4",    "d=7",       "t-end=3", "points=3",
                                            "wd=0.1", "noise=0.1", NULL},
                           *const matrix[] = {"rows=4", "t-end=2", "points=3", "wd=0.1", NULL};
  return strcmp(model, "network") == 0         ? network
         : strcmp(model, "sparse-coding") == 0 ? coding
         : strcmp(model, "diag") == 0          ? diag
                                               : matrix;
}

/* A value that is allowed and not the default; NULL: none is known. */
static const char *another(const ms_setting *s) {
  static const char *const values[][2] = {
      {"formula", "a*b"},    {"loss-formula", "(z-y)^2"}, {"init-theta", "0.3"}, {"layers", "5"},
      {"wd-formula", "0.1"}, {"init-scale", "0.7"},       {"reset-beta", "2"},   {"init-x", "0.1"},
      {"rank", "1"},         {"separator", "tab"},        {"decimal", "comma"},  {"target", "a"}};
  for (size_t i = 0; i < sizeof values / sizeof *values; i++)
    if (strcmp(values[i][0], s->name) == 0)
      return values[i][1];
  if (s->type == MS_PATH)
    return NULL; /* a file that is not there is refused in any case */
  if (s->type == MS_FLAG)
    return "on";
  if (s->type == MS_CHOICE) {
    for (size_t i = 0; s->choice(i, NULL); i++)
      if (!s->fallback || strcmp(s->choice(i, NULL), s->fallback) != 0)
        return s->choice(i, NULL);
    return NULL;
  }
  double low = isinf(s->min) ? 0 : s->min, high = isinf(s->max) ? low + 8 : s->max;
  double value = s->type == MS_COUNT ? low + 2 : low + (high - low) / 3;
  return test_text("%.17g", value);
}

/* Does this run read the setting, refuse it, or say that it has no effect? */
static bool is_accounted_for(const char *model, const ms_setting *s, const char *value) {
  ms_error err;
  ms_run *run = NULL;
  const char *const given[] = {test_text("%s=%s", s->name, value), NULL};
  ms_status status = test_try(&run, model, test_join(sizes(model), given), &err);
  if (status < 0 && !run)
    return err.message[0] != 0;
  bool seen = ms_config_was_read(run->cfg, s->name);
  for (size_t i = 0; i < run->notes && !seen; i++)
    seen = strstr(run->note[i], s->name) != NULL;
  ms_run_free(run);
  return seen;
}

START_TEST(every_setting_is_read_noted_or_refused) {
  const char *model = ms_model_at((size_t)_i)->name;
  for (size_t k = 0; ms_setting_at(k); k++) {
    const ms_setting *s = ms_setting_at(k);
    const char *value = s->client ? NULL : another(s);
    if (value)
      ck_assert_msg(is_accounted_for(model, s, value), "--model %s: --%s %s changes nothing", model,
                    s->name, value);
  }
}
END_TEST

/* The settings that were once ignored: each is refused, and its owner is named. */
START_TEST(what_is_not_read_is_refused_with_its_owner) {
  static const char *const models[] = {"sensing", "lora", "attention", "network", "sparse-coding"};
  static const struct {
    const char *setting, *owner, *has_it;
  } cases[] = {{"growth=3", "--param ham", ""},
               {"exponent=1.5", "--param steepest", ""},
               {"formula=a*b", "--param custom", ""},
               {"init-theta=0.3", "--param custom", ""},
               {"margin=1", "--loss logistic and exponential", ""},
               {"stream=columns", "--model diag", ""},
               {"activation=linear", "--model lora", "lora"},
               {"attention=linear", "--model attention", "attention"},
               {"tokens=4", "--model attention", "attention"},
               {"vocabulary=9", "--model lora", ""},
               {"measure=entries", "--model sensing", "sensing"},
               {"indefinite=on", "--model sensing", "sensing"}};
  const char *model = models[_i];
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    if (strcmp(cases[k].has_it, model) != 0)
      test_refused(model, test_join(sizes(model), WITH(cases[k].setting)), cases[k].owner);
}
END_TEST

START_TEST(a_choice_that_scripts_vary_is_noted) {
  ms_run *run = test_new("diag", WITH("n=4", "d=7", "wd-schedule=linear", "wd-p=0.5"));
  ck_assert_uint_ge(run->notes, 1);
  ck_assert_str_eq(run->note[run->notes - 1], "--wd-p has no effect with --wd-schedule linear: "
                                              "it belongs to --wd-schedule geometric.");
  ms_run_free(run);
}
END_TEST

Suite *settings_suite(void) {
  Suite *suite = suite_create("settings");
  TCase *silent = tcase_create("silent");
  tcase_set_timeout(silent, 120);
  int models = 0;
  while (ms_model_at((size_t)models))
    models++;
  tcase_add_loop_test(silent, every_setting_is_read_noted_or_refused, 0, models);
  tcase_add_loop_test(silent, what_is_not_read_is_refused_with_its_owner, 0, 5);
  tcase_add_test(silent, a_choice_that_scripts_vary_is_noted);
  suite_add_tcase(suite, silent);
  return suite;
}
