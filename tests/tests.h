/* The suites, each in its own file, and what they share. */
#ifndef MS_TESTS_H
#define MS_TESTS_H

#include "../src/run.h"
#include <check.h>
#include <stdbool.h>

/* One file, test_<name>.c, each; to add one: the file, its token here, its name in meson.build. */
#define SUITES(X)                                                                                  \
  X(text)                                                                                          \
  X(config)                                                                                        \
  X(custom)                                                                                        \
  X(matrix)                                                                                        \
  X(problem)                                                                                       \
  X(schedule)                                                                                      \
  X(param)                                                                                         \
  X(registry)                                                                                      \
  X(oracle)                                                                                        \
  X(saddle)                                                                                        \
  X(optimizers)                                                                                    \
  X(svm)                                                                                           \
  X(sweep)                                                                                         \
  X(flow)                                                                                          \
  X(formula)                                                                                       \
  X(regularizers)                                                                                  \
  X(run)                                                                                           \
  X(commute)                                                                                       \
  X(factored)                                                                                      \
  X(greedy)                                                                                        \
  X(lora)                                                                                          \
  X(network)                                                                                       \
  X(coding)                                                                                        \
  X(attention)                                                                                     \
  X(figure)                                                                                        \
  X(cli)

#define X(name) Suite *name##_suite(void);
SUITES(X)
#undef X

/* MS_TEST_QUICK: small sizes, for valgrind. */
bool test_quick(void);
/* --model `model` with settings "name=value", NULL after the last. */
#define WITH(...) ((const char *const[]){__VA_ARGS__, NULL})
ms_status test_try(ms_run **run, const char *model, const char *const *settings, ms_error *err);
void test_to_end(ms_run *run); /* advances to the last point and finishes; aborts on failure */
ms_run *test_new(const char *model, const char *const *settings);   /* at its beginning */
ms_run *test_whole(const char *model, const char *const *settings); /* at its end */
/* The gradient of a matrix model's loss against differences. */
void test_gradient(const char *model, const char *const *settings);

#endif
