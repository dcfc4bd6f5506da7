/* Models whose x is a matrix X = g(w) of factors: what sensing, LoRA and attention share. */
#ifndef MS_FACTORED_H
#define MS_FACTORED_H

#include "base/random.h"
#include "factors/factors.h"
#include "problem/objective.h"
#include "run/run.h"

/* Settings of all matrix models, one table. */
extern const ms_setting ms_factored_settings[];
/* Columns of trajectory.csv, one table. */
extern const ms_observable ms_observables_factored[];

/* What of the factors the settings leave open. */
typedef struct ms_factored_defaults {
  const char *factors, *init;
  size_t width;      /* 0: rows */
  const char *scale; /* of --init-scale, as text */
  bool queries;      /* the second factor is the transpose of what people know: K Q' */
} ms_factored_defaults;

/* Builds the run: factors as the settings say, gradient flow, spectral mirror flow where there is
 * one, schedule, planned times. Takes over the objective, also on failure. */
ms_status ms_factored_build(ms_run *run, ms_objective *objective,
                            const ms_factored_defaults *defaults, ms_error *err);
ms_status ms_factored_advance(ms_run *run, double *t, ms_error *err);
void ms_factored_finish(ms_run *run);
void ms_factored_interrupt(ms_run *run, const volatile sig_atomic_t *flag);
bool ms_factored_summary_at(const ms_run *run, size_t i, ms_summary *entry);
ms_status ms_factored_write(const ms_run *run, const char *dir, ms_error *err);
void ms_factored_release(ms_run *run);
void ms_factored_data(const ms_run *run, ms_bundle *b);
extern const ms_weights ms_factored_weights;
ms_status ms_factored_pair(ms_run *run, ms_pair *pair, ms_error *err);

/* The weights of --init-w, to be freed, and the logarithm of the --init-scale that makes some of
 * their size. */
ms_status ms_factored_read_start(const ms_run *run, double **w, double *ln_size, ms_error *err);
/* For files: the factors, and whether the second is Q'; the weights at t = 0 (false: not in double
 * precision) and now (NULL: there is no gradient flow). */
const ms_factors *ms_factored_factors(const ms_run *run, bool *queries);
bool ms_factored_start(const ms_run *run, double *w);
const double *ms_factored_now(const ms_run *run);

/* For tests and figures: the loss; singular values of the present X, descending; *count of them. */
ms_objective *ms_factored_objective(const ms_run *run);
const double *ms_factored_spectrum(const ms_run *run, size_t *count);
/* The largest |X - prox of lambda |.|_* at (X - G s)| / s relative to the first gradient: 0 where X
 * minimizes f + lambda |X|_* (over positive semidefinite X for `positive`). */
double ms_nuclear_kkt(size_t rows, size_t cols, bool positive, const double *X, const double *G,
                      double lambda, double scale);

#define MS_FACTORED_MODEL                                                                          \
  .settings = ms_factored_settings, .advance = ms_factored_advance,                                \
  .observables = ms_observables_factored, .finish = ms_factored_finish,                            \
  .interrupt = ms_factored_interrupt, .summary_at = ms_factored_summary_at,                        \
  .write = ms_factored_write, .release = ms_factored_release, .pair = ms_factored_pair,            \
  .data = ms_factored_data, .weights = &ms_factored_weights

#endif
