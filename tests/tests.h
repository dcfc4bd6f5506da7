/* The suites, each in its own file, and what they share. */
#ifndef MS_TESTS_H
#define MS_TESTS_H

#include <check.h>
#include <stdbool.h>

/* One file, test_<name>.c, each; to add one: the file, its token here, its name in meson.build. */
#define SUITES(X)                                                                                  \
  X(text)                                                                                          \
  X(config)                                                                                        \
  X(matrix)                                                                                        \
  X(problem)                                                                                       \
  X(schedule)                                                                                      \
  X(param)                                                                                         \
  X(oracle)                                                                                        \
  X(saddle)                                                                                        \
  X(flow)                                                                                          \
  X(formula)                                                                                       \
  X(run)                                                                                           \
  X(lora)                                                                                          \
  X(network)                                                                                       \
  X(cli)

#define X(name) Suite *name##_suite(void);
SUITES(X)
#undef X

#endif
