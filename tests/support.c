/* Runs for the suites of models. */
#include "../src/factored.h"
#include "../src/text.h"
#include "tests.h"
#include <math.h>
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

void test_to_end(ms_run *run) {
  ms_error err = {0};
  ms_status status = MS_OK;
  for (size_t i = 0; i < ms_run_points(run) && status == MS_OK; i++)
    status = ms_run_advance(run, i, &err);
  ck_assert_msg(status >= 0, "%s", err.message);
  ck_assert_int_eq(ms_run_finish(run, status, &err, &err), MS_OK);
}

ms_run *test_whole(const char *model, const char *const *settings) {
  ms_run *run = test_new(model, settings);
  test_to_end(run);
  return run;
}

/* Fourth-order differences along random directions: error h^4 f^(5), rounding 1e-16 f / h. */
void test_gradient(const char *model, const char *const *settings) {
  ms_run *run = test_new(model, settings);
  ms_objective *o = ms_factored_objective(run);
  size_t d = o->rows * o->cols;
  double *X = ms_doubles(4 * d), *G = X + d, *V = G + d, *Y = V + d;
  gsl_rng *rng = ms_random_new(7, MS_STREAM_DATA);
  for (int trial = 0; trial < 5; trial++) {
    ms_random_gaussian(rng, X, d, 0.3);
    ms_random_gaussian(rng, V, d, 1);
    double f = o->value(o, X, G), slope = 0, difference = 0, h = 1e-3;
    ck_assert_double_eq(f, o->value(o, X, NULL));
    const double at[] = {-2, -1, 1, 2}, weight[] = {1 / 12.0, -8 / 12.0, 8 / 12.0, -1 / 12.0};
    for (int k = 0; k < 4; k++) {
      for (size_t i = 0; i < d; i++)
        Y[i] = X[i] + at[k] * h * V[i];
      difference += weight[k] * o->value(o, Y, NULL) / h;
    }
    for (size_t i = 0; i < d; i++)
      slope += G[i] * V[i];
    ck_assert_double_eq_tol(slope, difference, 1e-7 * (1 + fabs(f)));
  }
  gsl_rng_free(rng);
  free(X);
  ms_run_free(run);
}
