/* The suites, each in its own file, and what they share. */
#ifndef MS_TESTS_H
#define MS_TESTS_H

#include "run/run.h"
#include <check.h>
#include <stdbool.h>

/* One file, <room>/test_<name>.c, each; to add one: the file, its token here, its name in
 * tests/meson.build. */
#define SUITES(X)                                                                                  \
  X(text)                                                                                          \
  X(config)                                                                                        \
  X(custom)                                                                                        \
  X(matrix)                                                                                        \
  X(problem)                                                                                       \
  X(reading)                                                                                       \
  X(schedule)                                                                                      \
  X(param)                                                                                         \
  X(settings)                                                                                      \
  X(registry)                                                                                      \
  X(limit)                                                                                         \
  X(saddle)                                                                                        \
  X(optimizers)                                                                                    \
  X(svm)                                                                                           \
  X(sweep)                                                                                         \
  X(flow)                                                                                          \
  X(weights)                                                                                       \
  X(formula)                                                                                       \
  X(intercept)                                                                                     \
  X(regularizers)                                                                                  \
  X(run)                                                                                           \
  X(bounded)                                                                                       \
  X(gaps)                                                                                          \
  X(brackets)                                                                                      \
  X(verdicts)                                                                                      \
  X(convention)                                                                                    \
  X(docs)                                                                                          \
  X(factored)                                                                                      \
  X(greedy)                                                                                        \
  X(lora)                                                                                          \
  X(network)                                                                                       \
  X(coding)                                                                                        \
  X(attention)                                                                                     \
  X(figure)                                                                                        \
  X(ends)                                                                                          \
  X(arrays)                                                                                        \
  X(data)                                                                                          \
  X(cli)                                                                                           \
  X(names)

#define X(name) Suite *name##_suite(void);
SUITES(X)
#undef X

/* MS_TEST_QUICK: small sizes, for valgrind. */
bool test_quick(void);

/* Has memory, not NULL, freed by the end of the process; printf into such text. */
void *test_keep(void *memory);
const char *test_text(const char *format, ...) MS_PRINTF(1, 2);
/* A folder of this process, which is removed with all that is in it at the end, or by test_clean();
 * the next one is another, and empty. A name in it. */
const char *test_folder(void);
void test_clean(void);
const char *test_path(const char *name);
size_t test_entries(const char *folder); /* how many files there are in one */
/* Writes there; returns the path. */
const char *test_file(const char *name, const char *text);
const char *test_bytes(const char *name, const void *data, size_t size);

/* Up to 4 MiB of a file with a 0 behind; to be freed. NULL: there is no such file. */
char *test_read(const char *path, size_t *size);
/* A csv of three samples of four features, which all targets but counts of 0 can be fitted with. */
const char *test_samples(const char *y1, const char *y2, const char *y3);

/* Settings "name=value", NULL after the last. */
#define WITH(...) ((const char *const[]){__VA_ARGS__, NULL})
/* All of them, which lasts as long as the process; of two of a name the later counts. */
const char *const *test_join(const char *const *settings, const char *const *further);
ms_config *test_config(const char *const *settings); /* to be freed */

/* Runs of --model `model`. */
ms_status test_try(ms_run **run, const char *model, const char *const *settings, ms_error *err);
ms_run *test_new(const char *model, const char *const *settings);   /* at its beginning */
ms_run *test_whole(const char *model, const char *const *settings); /* at its end */
/* To the next planned time; false at the end. *status is MS_OK at first. Aborts on failure. */
bool test_step(ms_run *run, ms_status *status);
ms_status test_to_end(ms_run *run); /* what the last step returned; finishes */
/* There is no such run, for a reason that `says`. */
ms_status test_refused(const char *model, const char *const *settings, const char *says);

/* max |u_i - v_i| */
double test_distance(size_t n, const double *u, const double *v);
/* The largest entry of what v[Z->d] has outside the row space of Z. */
double test_off_rows(const ms_matrix *Z, const double *v);
/* f'(0) = sum_k weight[k] f(at[k] h) / h, error h^4 f^(5)(0) / 30. */
enum { TEST_STENCIL = 4 };
extern const double test_at[TEST_STENCIL], test_weight[TEST_STENCIL];
/* The gradient of a matrix model's loss against differences. */
void test_gradient(const char *model, const char *const *settings);

#endif
