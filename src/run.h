/* A run: everything one simulation owns. */
#ifndef MS_RUN_H
#define MS_RUN_H

#include "config.h"
#include "flow.h"

/* What observables are computed from: the state at one recorded time. */
typedef struct ms_view {
  double t, alpha, dose, loss;
  const double *x, *Zx;
  double *r, *g; /* scratch: n, d */
  const ms_problem *problem;
  const ms_setup *setup;
  double R, exponent, exponent_mean; /* filled by the observables themselves */
  double gap, drift; /* |x_gf - x_mf| relative to the largest |x| so far; the invariant's drift */
} ms_view;

typedef struct ms_observable {
  const char *name, *summary;
  double (*value)(ms_view *view); /* NaN where it does not apply */
} ms_observable;

/* The observables there are (the columns of trajectory.csv), NULL after the last. */
const ms_observable *ms_observable_at(size_t i);
enum { MS_OBSERVABLES_MAX = 32 };

enum { MS_NOTES_MAX = 12, MS_NOTE_LENGTH = 400 };

struct ms_run {
  ms_config *cfg;
  ms_problem *problem, *core; /* as given; as it is integrated, NULL where that is the same */
  ms_param param;             /* the parametrization, adapted to --depth */
  ms_schedule *schedule;
  double *ln_beta, *kappa;
  ms_setup setup;
  ms_flow *flow;    /* the flow whose x is recorded */
  ms_flow *partner; /* the gradient flow beside a mirror flow, or NULL */
  const char *flow_name;
  /* --flow limit and saddle integrate nothing: flow is NULL and x is given at every planned time.
   */
  double *given; /* points * d, row-major */

  size_t points; /* planned times */
  double *times;

  size_t recorded;          /* rows so far */
  double *x, *Zx, *scratch; /* present x; Zx; the rest of what views need */
  double *partner_x, *start_x;
  double *rows;   /* recorded * observables, row-major */
  double *last_x; /* d: x at the last recorded time */
  double *states; /* recorded * kept, row-major: x of the coordinates kept */
  size_t kept;    /* d, or fewer for large problems: those in `coordinates` */
  size_t *coordinates;
  double largest_x, worst_gap, worst_drift;

  bool finished;
  const char *status;
  char message[768], rank_text[8];
  double limit_gap, from_min_l1, from_min_l2, limit_seconds, seconds, start_seconds;
  size_t notes;
  char note[MS_NOTES_MAX][MS_NOTE_LENGTH];
};

/* Adds a sentence for the reader. */
void ms_run_add_note(ms_run *run, const char *format, ...) MS_PRINTF(2, 3);

#endif
