/* Runs for the suites of models. */
#include "../src/text.h"
#include "tests.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool test_quick(void) {
  return getenv("MS_TEST_QUICK") != NULL;
}

ms_status test_try(ms_run **run, const char *model, const char *const *settings, ms_error *err) {
  ms_config *cfg = ms_config_new();
  *run = NULL;
  ms_status status = ms_config_set(cfg, "model", model, "--model", err);
  for (; status == MS_OK && *settings; settings++) {
    char name[64], origin[70];
    const char *equal = strchr(*settings, '=');
    snprintf(name, sizeof name, "%.*s", (int)(equal - *settings), *settings);
    snprintf(origin, sizeof origin, "--%s", name);
    status = ms_config_set(cfg, name, equal + 1, origin, err);
  }
  if (status == MS_OK)
    status = ms_run_new(run, cfg, err);
  ms_config_free(cfg);
  return status;
}

ms_run *test_new(const char *model, const char *const *settings) {
  ms_run *run;
  ms_error err = {0};
  ms_status status = test_try(&run, model, settings, &err);
  ck_assert_msg(status == MS_OK, "%s", err.message);
  return run;
}

ms_run *test_whole(const char *model, const char *const *settings) {
  ms_run *run = test_new(model, settings);
  ms_error err = {0};
  ms_status status = MS_OK;
  for (size_t i = 0; i < ms_run_points(run) && status == MS_OK; i++)
    status = ms_run_advance(run, i, &err);
  ck_assert_msg(status >= 0, "%s", err.message);
  ck_assert_int_eq(ms_run_finish(run, status, NULL, NULL), MS_OK);
  return run;
}
