#include "limit/greedy.h"
#include "factors/factors.h"
#include "integrate/integrator.h"
#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double RTOL = 1e-9;
/* Of X: a new column's share, and one that is no more. Of |dU/dt|: what counts as rest; a column
 * starts with the root of NEW of its size, times its pull, which must be more. */
static const double NEW = 1e-8, FADED = 1e-12, REST = 1e-9, NO_PULL = 1e-4;
/* In units of 1 / |grad f(0)|. */
static const double HORIZON = 1e8;
enum { STEPS = 1000000, CHECK_EVERY = 8 };

typedef struct walk {
  ms_objective *o;
  ms_factors f;
  double unit, size; /* of the gradient and of X */
  size_t rank;
  double *U, *slope; /* rows * rows, rows * width of them used */
  double *X, *G, *work;
  double *eigen, *values; /* last of X or -G */
  size_t steps;
  double *store;
} walk;

static int rhs(void *self, double t, const double *U, double *out) {
  walk *w = self;
  (void)t;
  w->f.map(&w->f, U, w->X, w->work);
  if (!isfinite(w->o->value(w->o, w->X, w->G)))
    return 1;
  w->f.pull(&w->f, U, w->G, out, w->work);
  cblas_dscal((int)w->f.weights, -1, out, 1);
  return 0;
}

static void tolerance(void *self, double t, const double *U, double *out) {
  const walk *w = self;
  size_t k = w->f.rows;
  (void)t;
  for (size_t c = 0; c < w->f.width; c++) {
    double largest = fabs(U[c * k + cblas_idamax((int)k, U + c * k, 1)]);
    for (size_t i = 0; i < k; i++)
      out[c * k + i] = RTOL * largest + DBL_MIN;
  }
}

static bool finished(void *self, double t, const double *U) {
  walk *w = self;
  return w->steps++ % CHECK_EVERY == 0 && rhs(w, t, U, w->slope) == 0 &&
         cblas_dnrm2((int)w->f.weights, w->slope, 1) <= REST * w->unit * sqrt(w->size);
}

static double next_break(void *self, double t) {
  (void)self, (void)t;
  return INFINITY;
}

static void enter(void *self, double from, double to) {
  (void)self, (void)from, (void)to;
}

static void component(void *self, size_t i, char *name, size_t size) {
  (void)self;
  snprintf(name, size, "U[%zu]", i);
}

static ms_status walk_new(walk *w, ms_objective *o, ms_error *err) {
  size_t k = o->rows, square = k * k;
  *w = (walk){.o = o, .f = *ms_factors_find("psd")};
  w->f.rows = w->f.width = k;
  w->f.depth = 2;
  w->f.configure(&w->f);
  w->store = ms_doubles(5 * square + k + ms_factors_work(&w->f));
  if (!w->store)
    return ms_no_memory(err);
  double **const parts[] = {&w->U, &w->slope, &w->X, &w->G, &w->eigen, &w->values};
  for (size_t i = 0; i < 6; i++)
    *parts[i] = w->store + i * square;
  w->work = w->values + k;
  return MS_OK;
}

/* The columns of U, which only X matters of: its eigenvectors. What has faded is gone. */
static int make_columns(walk *w) {
  size_t k = w->f.rows;
  memcpy(w->eigen, w->X, k * k * sizeof *w->X);
  if (ms_symmetric_eigen(k, w->eigen, w->values) != 0)
    return -1;
  w->rank = 0;
  for (size_t j = k; j-- > 0 && w->rank + 1 < k && w->values[j] > FADED * w->size; w->rank++) {
    double *column = w->U + w->rank * k;
    memcpy(column, w->eigen + j * k, k * sizeof *column);
    cblas_dscal((int)k, sqrt(w->values[j]), column, 1);
  }
  return 0;
}

/* The present X as the end of a phase; makes U ready for the next. */
static ms_status record(walk *w, ms_phase *phase, ms_error *err) {
  size_t k = w->f.rows;
  phase->X = ms_doubles(k * k);
  if (!phase->X)
    return ms_no_memory(err);
  memcpy(phase->X, w->X, k * k * sizeof *w->X);
  phase->loss = w->o->value(w->o, w->X, w->G);
  bool found = make_columns(w) == 0;
  for (size_t i = 0; i < k * k; i++)
    w->eigen[i] = -w->G[i];
  if (!found || !isfinite(phase->loss) || ms_symmetric_eigen(k, w->eigen, w->values) != 0)
    return ms_fail(err, MS_NOT_FINITE, "greedy path: no eigenvalues at rank %zu", w->rank);
  phase->rank = w->rank;
  phase->pull = w->values[k - 1];
  return MS_OK;
}

static ms_status run_phase(walk *w, ms_error *err) {
  size_t k = w->f.rows;
  for (size_t i = 0; i < k; i++)
    w->U[w->rank * k + i] = sqrt(NEW * w->size) * w->eigen[(k - 1) * k + i];
  w->f.width = w->rank + 1;
  w->f.configure(&w->f);
  const ms_ode ode = {.size = w->f.weights,
                      .self = w,
                      .rhs = rhs,
                      .tolerance = tolerance,
                      .next_break = next_break,
                      .enter = enter,
                      .finished = finished,
                      .component = component};
  ms_integrator *in;
  double t = HORIZON / w->unit;
  ms_status status = ms_integrator_new(&in, &ms_method_bdf, &ode, w->U, t, STEPS, NULL, err);
  if (status != MS_OK)
    return status;
  status = ms_integrator_advance(in, &t, err);
  if (status == MS_ENDED) {
    w->f.map(&w->f, in->out, w->X, w->work);
    status = MS_OK;
  } else if (status == MS_OK) {
    status = ms_fail(err, MS_STALLED, "greedy path: no rest at rank %zu", w->rank + 1);
  }
  ms_integrator_free(in);
  return status;
}

ms_status ms_greedy_path(ms_objective *o, size_t most, ms_phase **path, size_t *count,
                         ms_error *err) {
  walk w;
  *count = 0;
  *path = calloc(most + 1, sizeof **path);
  ms_status status = *path ? walk_new(&w, o, err) : ms_no_memory(err);
  if (status != MS_OK) {
    free(*path);
    *path = NULL;
    return status;
  }
  ms_phase *last = *path;
  status = record(&w, last, err);
  *count = 1;
  w.unit = last->pull;
  w.size = 2 * last->loss / last->pull;
  while (status == MS_OK && *count <= most && w.unit > 0 && last->pull > NO_PULL * w.unit) {
    status = run_phase(&w, err);
    last = *path + (*count)++;
    if (status == MS_OK)
      status = record(&w, last, err);
  }
  free(w.store);
  if (status != MS_OK) {
    ms_greedy_free(*path, *count);
    *path = NULL;
    *count = 0;
  }
  return status;
}

void ms_greedy_free(ms_phase *path, size_t count) {
  for (size_t i = 0; i < count; i++)
    free(path[i].X);
  free(path);
}
