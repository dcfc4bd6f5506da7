/* A run: everything one simulation owns. */
#ifndef MS_RUN_H
#define MS_RUN_H

#include "flow/brackets.h"
#include "flow/flow.h"
#include "settings/config.h"
#include "text/bundle.h"

typedef struct ms_run ms_run;

/* What observables are computed from: the state at one recorded time. */
typedef struct ms_view {
  double t, alpha, dose, loss;
  double a; /* of R_a: -dose, or the dose since the last reset of beta */
  const double *x;
  const ms_run *run;
  double gap, drift; /* |x_gf - x_mf| relative to the largest |x| so far; the invariant's drift */
  /* of models with a problem Z, y: */
  const double *Zx;
  double *r, *g; /* scratch: n, d */
  const ms_problem *problem;
  const ms_setup *setup;
  double R, exponent, exponent_mean; /* filled by the observables themselves */
} ms_view;

typedef struct ms_observable {
  const char *name, *summary;
  double (*value)(ms_view *view); /* NaN where it does not apply */
} ms_observable;

/* The observables of separable models (diag/observe.c), and those that every model has. */
extern const ms_observable ms_observables_separable[];
double ms_observe_time(ms_view *v);
double ms_observe_alpha(ms_view *v);
double ms_observe_dose(ms_view *v);
double ms_observe_loss(ms_view *v);
double ms_observe_gap(ms_view *v);
double ms_observe_drift(ms_view *v);

/* The weights behind x. */
typedef struct ms_weights {
  size_t (*count)(const ms_run *run); /* how many numbers; 0: none */
  /* Those at t = 0; false where they are not in double precision. */
  bool (*start)(const ms_run *run, double *w);
  /* Those now; false where they are not integrated: then why. */
  bool (*now)(const ms_run *run, double *w);
  const char *why;
  /* Adds w[times][count] by their names with `prefix` before them; times = 0: without that axis. */
  void (*arrays)(const ms_run *run, const char *prefix, size_t times, const double *w,
                 ms_bundle *b);
} ms_weights;

/* What is trained. One file each; to add one: the file, its word in MODELS of
 * src/registry.c, its name in models/meson.build. */
typedef struct ms_model {
  const char *name, *summary;
  const ms_setting
      *settings; /* its own, ends with name NULL; models may share a table. NULL: none */
  /* All that ms_run_new does once the config is copied: at least ms_run_shape, ms_run_plan,
   * ms_run_keep, run->flow_name. */
  ms_status (*build)(ms_run *run, ms_error *err);
  /* To *t, or to the normal end before (MS_ENDED, *t then the time of that, run->end_name why).
   * Sets run->x, loss, gap and drift. */
  ms_status (*advance)(ms_run *run, double *t, ms_error *err);
  bool spreads; /* can be made by several processes together, each with some of Z's columns */
  const ms_observable *observables; /* columns of trajectory.csv, the first is t; ends with NULL */
  bool observes; /* advance() tells an adaptive schedule itself what it wants to see */
  void (*finish)(ms_run *run); /* comparisons after a normal end; NULL: none */
  void (*interrupt)(ms_run *run, const volatile sig_atomic_t *flag);
  /* Further entries of the summary, false after the last; NULL: none. */
  bool (*summary_at)(const ms_run *run, size_t i, ms_summary *entry);
  ms_status (*write)(const ms_run *run, const char *dir, ms_error *err); /* further files; NULL */
  void (*data)(const ms_run *run,
               ms_bundle *b); /* adds what was drawn or read; NULL: no data.npz */
  /* Adds the last x by its parts, to state.npz; NULL: x has none. */
  void (*parts)(const ms_run *run, const double *x, ms_bundle *b);
  const ms_weights *weights;    /* NULL: they are not given away */
  void (*release)(ms_run *run); /* frees run->own; NULL: nothing to free */
  /* g and h around the present weights of the gradient flow; NULL: none. */
  ms_status (*pair)(ms_run *run, ms_pair *pair, ms_error *err);
} ms_model;

MS_REGISTER(model); /* adds its settings, too */
extern const ms_setting ms_model_settings[], ms_run_settings[];

enum { MS_NOTES_MAX = 12, MS_NOTE_LENGTH = 400 };
/* Coordinates up to which the first of several processes has all of the last x. */
enum { MS_GATHERED = 10000000 };

struct ms_run {
  ms_config *cfg;
  const ms_model *model;
  void *own;   /* the model's own state */
  size_t n, d; /* samples, 0 where that has no meaning; length of x: here, see ms_run_columns */
  double *x;   /* present x */
  double loss; /* f(x), its invariant's drift, the gap to the flow beside it; NaN: none */
  double drift, gap;
  const char *flow_name, *end_name; /* what is integrated; why it ended */
  ms_schedule *schedule;
  size_t points; /* planned times */
  double *times;
  size_t recorded;       /* rows so far */
  double *rows;          /* recorded * observables, row-major */
  size_t x_rows, x_cols; /* of x that is a matrix, column by column; 0: a vector */
  double *last_x;        /* d: x at the last recorded time */
  double *whole_x; /* the same of all processes together once the run is finished, on the first;
                      NULL where they are too many, and where there is one process */
  double *states;  /* recorded * kept, row-major: x of the coordinates kept; on the first process */
  size_t kept;     /* d, or fewer for large problems: those in `coordinates` */
  size_t *coordinates;  /* counted over all processes */
  double *kept_weights; /* recorded * count of --keep-weights, else NULL */
  double largest_x, worst_gap, worst_drift, worst_gap_t;
  double least_size; /* an |x| below which differences of x mean nothing; 0: not known */

  size_t steps, rhs_count, passes; /* of models without ms_flow */

  /* Of models with a problem Z, y. */
  ms_reading reading;         /* of --data */
  ms_problem *problem, *core; /* as given; as it is integrated, NULL where that is the same */
  ms_param param;             /* the parametrization, adapted to --depth */
  double *ln_beta, *kappa;
  double *reset_ln_beta, next_reset; /* what --reset-every puts ln_beta back to; INFINITY: never */
  size_t resets;
  ms_setup setup;
  ms_flow *flow;    /* the flow whose x is recorded */
  ms_flow *partner; /* the gradient flow beside a mirror flow, or NULL */
  /* --flow limit and saddle integrate nothing: flow is NULL and x is given at every planned time.
   */
  double *given; /* points * d, row-major */

  double *Zx, *scratch; /* Zx; the rest of what views need */
  double *partner_x, *start_x;
  double *start_w; /* weights at t = 0, `width` blocks of d, where they are not those of ln_beta and
                      kappa; else NULL */
  double *weights; /* w, `width` blocks of d, for brackets; NULL before */
  double *svm_l1, *svm_l2; /* of classes that can be separated: support vector machines, or NULL */

  bool concave; /* the loss was, somewhere, and a note says so */
  bool finished;
  const char *status;
  char message[768], rank_text[8];
  double limit_gap, from_min_l1, from_min_l2, limit_seconds, seconds, build_seconds, start_seconds;
  size_t notes;
  char note[MS_NOTES_MAX][MS_NOTE_LENGTH];
};

/* ---- For models ---- */

/* x has d coordinates. */
ms_status ms_run_shape(ms_run *run, size_t d, ms_error *err);
/* Sets setup.method. */
void ms_run_method(ms_run *run);
/* Sets setup.training from the settings that the method takes; `default_lr`: where --lr is open. */
void ms_run_training(ms_run *run, double default_lr);
/* May the run end before --t-end, or, where that is not given, go on until it ends? Flows may,
 * unless
 * --stop-loss 0 asks for all of --t-end; methods of fixed steps only where --stop-loss is given. */
bool ms_run_may_end(const ms_run *run);
/* Schedule and planned times for a model whose gradients are of the size G (its inverse is the unit
 * of time) and that moves for about `base` (before --wd-off and --t-end): alpha0 = G/4 and T =
 * base/2 where the settings leave them open. `open_ended`: without --t-end it goes on until it is
 * finished; else to base. Sets setup.schedule, t_end, gradient_scale. */
ms_status ms_run_plan(ms_run *run, double G, double base, bool open_ended, ms_error *err);
/* Of x(t) all coordinates are kept, or for large runs those of largest |importance[j]| (NULL: the
 * first). */
ms_status ms_run_keep(ms_run *run, const double *importance, ms_error *err);
/* One value for all coordinates, or a file with one for each of Z's columns, those of this process
 * into values[Z->d]; `logs`: their logarithms. */
ms_status ms_run_values(const ms_config *cfg, const char *name, bool logs, const ms_matrix *Z,
                        double *values, ms_error *err);
/* max_j |x_j - other_j| relative to the largest |x| there was, or to least_size where x is smaller.
 */
double ms_run_distance(const ms_run *run, const double *other);
/* What --rtol allows gf_mf_gap, limit_gap and invariant_drift to be; NaN: it says nothing of them,
 * because steps have a fixed size. Is the gap beyond it? Notes on what is. */
double ms_run_allowed(const ms_run *run);
bool ms_run_gap_shows(const ms_run *run);
void ms_run_judge(ms_run *run);
double ms_largest(const double *v, size_t n); /* max |v_i|, 0 for n = 0 */

/* Length of x, over all processes that make the run. */
size_t ms_run_columns(const ms_run *run);
/* x of all of them at the last recorded point; NULL where it is not here (see whole_x). */
const double *ms_run_whole_x(const ms_run *run);

/* A run from beginning to end. *run is NULL where nothing was recorded; else it is finished and to
 * be freed, also after a failure. `interrupt` may be NULL. */
ms_status ms_run_whole(ms_run **run, const ms_config *cfg, const volatile sig_atomic_t *interrupt,
                       ms_error *err);

/* Adds a sentence for the reader. */
/* Takes over what a file was read as, with its notes. */
void ms_run_take_reading(ms_run *run, ms_reading *reading);
void ms_run_add_note(ms_run *run, const char *format, ...) MS_PRINTF(2, 3);

#endif
