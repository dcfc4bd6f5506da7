/* mirrorsim: gradient flows and time-varying mirror flows of overparameterized models.
 *
 * Notation (docs/theory.md): trainable parameters w, effective parameters x = g(w), loss f(x),
 * weight decay alpha(t) on h(w), dose A(t) = integral of alpha, a = -A, dual variable mu.
 *
 *   gradient flow   dw/dt  = -J_g(w)' grad f(g(w)) - alpha(t) grad h(w)
 *   mirror flow     dmu/dt = -grad f(x),   x = grad Q_{a(t)}(mu)
 *
 * The caller owns the loop: create, advance, read, free.
 *
 *   ms_config *cfg = ms_config_new();
 *   ms_config_set(cfg, "wd-schedule", "linear", "my program", &err);
 *   ms_run *run;
 *   if (ms_run_new(&run, cfg, &err) == MS_OK) {
 *     for (size_t i = 0; i < ms_run_points(run); i++)
 *       if (ms_run_advance(run, i, &err) != MS_OK) break;
 *     const double *x = ms_run_x(run, &d);
 *   }
 *   ms_run_free(run);
 *
 * Every function that can fail returns a status: 0 done, > 0 an early but normal end, < 0 a failure
 * described in *err. The library never prints and never exits.
 *
 * SPDX-License-Identifier: GPL-3.0-or-later */
#ifndef MIRRORSIM_H
#define MIRRORSIM_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define MS_API __attribute__((visibility("default")))
#define MS_PRINTF(f, a) __attribute__((format(printf, f, a)))
#else
#define MS_API
#define MS_PRINTF(f, a)
#endif

/* ---- Status and errors ---------------------------------------------------------------------- */

typedef enum ms_status {
  MS_OK = 0,
  MS_ENDED = 1,        /* the run ended before t_end: loss tolerance or stationarity reached */
  MS_BAD_SETTING = -1, /* a setting is unknown or out of range */
  MS_BAD_INPUT = -2,   /* a data file is missing or malformed */
  MS_NO_MEMORY = -3,
  MS_OUT_OF_DOMAIN = -4, /* the flow left the domain of the mirror map */
  MS_NOT_FINITE = -5,    /* a state or right-hand side is not a finite number */
  MS_STALLED = -6,       /* the integrator cannot go on within its tolerances or step limit */
  MS_INTERRUPTED = -7,   /* the flag given to ms_run_interrupt_on was raised */
  MS_CANNOT_WRITE = -8,
  MS_UNSUPPORTED = -9, /* e.g. a mirror flow of a model that has none */
  MS_CRASHED = -10     /* the process of a run among many died */
} ms_status;

/* The last failure: its status, the time t it happened at (0 where time has no meaning) and one
 * sentence for people. Owned by the caller; untouched when a call succeeds. */
typedef struct ms_error {
  ms_status status;
  double t;
  char message[768];
} ms_error;

/* Text from outside as a terminal may show it, in out[room] and cut to fit: control characters,
 * those that turn the direction of text, and bytes that are no UTF-8 become \n, \x1b, \u202e. All
 * messages of errors and notes are such text. Returns out. */
MS_API const char *ms_visible(char *out, size_t room, const char *text);

/* "1.2.3" */
MS_API const char *ms_version(void);

/* ---- Settings ------------------------------------------------------------------------------- */

typedef enum ms_type {
  MS_REAL,   /* a finite number in [min, max], or above min where min_open is set */
  MS_COUNT,  /* a whole number in [min, max] */
  MS_SCALE,  /* a positive number as text, of any magnitude (1e-1000), or a file of them */
  MS_VALUES, /* a finite number, or a file of numbers (text, one a line, or .npy) */
  MS_CHOICE, /* one of the names that choice() lists */
  MS_FLAG,   /* on or off */
  MS_PATH,
  MS_TEXT
} ms_type;

/* One setting: a long option of the command line, a key of --config files, a column of sweeps. */
typedef struct ms_setting {
  const char *name;
  ms_type type;
  const char *metavar;
  const char *fallback; /* default, as text; NULL: chosen by the program, as help says */
  double min, max;
  bool min_open, max_open; /* the bound itself is not allowed */
  bool listed;             /* MS_CHOICE: comma-separated list allowed */
  const char *(*choice)(size_t i, const char **summary); /* MS_CHOICE: i-th name, NULL after last */
  const char *group;                                     /* heading in --help */
  const char *help;                                      /* one sentence, units or convention */
  const char *owner; /* what reads it, where not every run does: "--param ham"; NULL: the model
                        whose table it is in, or all */
  bool client;       /* read by programs, not by runs: where results go and how they look */
} ms_setting;

/* The i-th setting that a run has, NULL after the last. Static storage. */
MS_API const ms_setting *ms_setting_at(size_t i);
MS_API const ms_setting *ms_setting_find(const char *name);

/* What the settings are set to. */
typedef struct ms_config ms_config;

MS_API ms_config *ms_config_new(void); /* NULL without memory; free with ms_config_free */
MS_API void ms_config_free(ms_config *cfg);
MS_API ms_config *ms_config_copy(const ms_config *cfg);

/* Sets one setting from text. `origin` names the place in messages ("--wd" or "file.ini:3:1").
 * Fails with MS_BAD_SETTING when the name is unknown (naming the nearest) or the value not allowed
 * (naming what is); then *cfg is unchanged. Empty text puts the default back. */
MS_API ms_status ms_config_set(ms_config *cfg, const char *name, const char *text,
                               const char *origin, ms_error *err);

/* Reads an INI file: `key = value` lines; sections are ignored, # and ; begin remarks. Later values
 * win. Fails at the first bad line with "path:line:column: ...". */
MS_API ms_status ms_config_read(ms_config *cfg, const char *path, ms_error *err);

/* The text a setting has (given or default), NULL where the program chooses. */
MS_API const char *ms_config_text(const ms_config *cfg, const char *name);
MS_API bool ms_config_given(const ms_config *cfg, const char *name);

/* ---- What there is -------------------------------------------------------------------------- */

/* The i-th entry of a list ("models", "params", "schedules", "flows", "states", "methods",
 * "solvers", "losses", "observables", "settings"; also any MS_CHOICE setting's name): its name,
 * NULL after the last or for an unknown list; *summary one line. */
MS_API const char *ms_list(const char *list, size_t i, const char **summary);
/* The i-th list's name, NULL after the last. */
MS_API const char *ms_list_name(size_t i);
/* The candidate nearest to `name` in edit distance, NULL where none is near. */
MS_API const char *ms_nearest(const char *name, const char *(*candidate)(size_t i, void *), void *);

/* ---- A run ---------------------------------------------------------------------------------- */

typedef struct ms_run ms_run;

/* Builds problem, model, schedule and flows from the settings. On success *run is to be freed with
 * ms_run_free; on failure it is NULL. `cfg` is copied. */
MS_API ms_status ms_run_new(ms_run **run, const ms_config *cfg, ms_error *err);
MS_API void ms_run_free(ms_run *run);

/* Raising *flag (from a signal handler) makes ms_run_advance return MS_INTERRUPTED soon. */
MS_API void ms_run_interrupt_on(ms_run *run, const volatile sig_atomic_t *flag);

/* The planned output times t_0 = 0 < t_1 < ... < t_end. */
MS_API size_t ms_run_points(const ms_run *run);
MS_API double ms_run_time(const ms_run *run, size_t i);

/* Integrates to the i-th planned time and records all observables and x there. MS_ENDED: the run
 * reached its loss tolerance or became stationary before; that point is recorded, it is the last.
 * On failure nothing is recorded for this point and what was recorded stays readable. */
MS_API ms_status ms_run_advance(ms_run *run, size_t i, ms_error *err);

/* x at the last recorded point; *d its length. Owned by the run, valid until the next advance. Of a
 * run that several processes make: the coordinates that this one has. */
MS_API const double *ms_run_x(const ms_run *run, size_t *d);
/* t of the last recorded point. */
MS_API double ms_run_t(const ms_run *run);
/* An observable at the last recorded point (names: list "observables"); NaN where it does not
 * apply. */
MS_API double ms_run_observe(const ms_run *run, const char *name);
/* The i-th sentence that explains something of this run a reader should know; NULL after last. */
MS_API const char *ms_run_note(const ms_run *run, size_t i);

/* After the last advance: compares the end with the independent oracles and closes the books.
 * `outcome` and `why`: the status that ended the loop, with the error where it was one. */
MS_API ms_status ms_run_finish(ms_run *run, ms_status outcome, const ms_error *why, ms_error *err);
/* One entry of the summary. */
typedef struct ms_summary {
  const char *key;  /* as in summary.json */
  const char *help; /* what it is, for people; NULL: another entry's help says it */
  const char *text; /* NULL where the entry is a number */
  double value;     /* NaN: does not apply (null in JSON) */
  bool whole;       /* a count */
} ms_summary;

/* The i-th entry, false after the last. Texts are owned by the run. */
MS_API bool ms_run_summary_at(const ms_run *run, size_t i, ms_summary *entry);
/* The value of an entry, NaN where null or unknown. */
MS_API double ms_run_summary(const ms_run *run, const char *key);
/* summary.json as text; free() it. `timing`: add the object of that name (wall-clock seconds). */
MS_API char *ms_run_json(const ms_run *run, bool timing);
/* Writes trajectory.csv, x.csv, state.npz, data.npz, summary.json, config.ini and potential.csv
 * into `dir` (made where missing). Each file appears whole or not at all. */
MS_API ms_status ms_run_write(const ms_run *run, const char *dir, ms_error *err);

/* Makes a folder with the folders above it; done already is fine. MS_CANNOT_WRITE when it is not a
 * folder or not writable. */
MS_API ms_status ms_folder_make(const char *dir, ms_error *err);

/* Draws a plot from the files in `dir` with gnuplot: `plot` "trajectory" (of a matrix model that of
 * its singular values), "potential" or "effects", `format` "png", "svg" or "pdf"; makes
 * dir/plot.format. `scripts`: folder of the .gp files. */
MS_API ms_status ms_plot(const char *scripts, const char *dir, const char *plot, const char *format,
                         ms_error *err);

/* ---- Many runs ------------------------------------------------------------------------------ */

/* What one of many runs has left. Valid during the call that gets it; keys are static. */
typedef struct ms_result {
  ms_status status;          /* how it ended; < 0: it failed */
  const char *message;       /* of the failure, or empty */
  size_t entries;            /* 0 where nothing was recorded */
  const ms_summary *summary; /* its entries */
  size_t count;
  const double *values; /* what collect() gave: count numbers */
} ms_result;

typedef struct ms_runs_options {
  size_t workers; /* processes; 0: one for each core */
  void *ctx;
  /* In the process of run i, once it has ended: numbers to be kept of it, e.g. a time series.
   * Allocated by malloc and never NULL; *count of them. NULL: the summary is enough. */
  double *(*collect)(void *ctx, size_t i, const ms_run *run, size_t *count);
  /* In the caller's process, in the order in which runs end. A negative status stops all. */
  ms_status (*done)(void *ctx, size_t i, const ms_result *result, ms_error *err);
  const volatile sig_atomic_t *interrupt; /* raised: ms_runs returns MS_INTERRUPTED soon */
} ms_runs_options;

/* Makes all these runs, each in one of options->workers processes (forks of the caller, whose
 * memory collect() sees as it was). A run that fails or even crashes is a result like others. */
MS_API ms_status ms_runs(const ms_config *const *configs, size_t count,
                         const ms_runs_options *options, ms_error *err);
/* One run made by the processes of mpirun together: from here on each run that any of them makes is
 * made by all, each of which holds some of Z's columns and calls the same functions in the same
 * order; the first writes. Returns how many they are; 1 where there is one, and where the program
 * is built without MPI. */
MS_API size_t ms_ranks_join(void);
/* Waits for all to call it, `patience` seconds at most; false where some do not: after a failure
 * that is not theirs. They are waiting for something else, and ms_ranks_abort() ends them all with
 * this exit code. Nothing to do where nobody joined. */
MS_API bool ms_ranks_meet(double patience);
MS_API void ms_ranks_abort(int code);
/* After the last run: each process is alone again. */
MS_API void ms_ranks_leave(void);
/* The number of this process among those of mpirun, before and after they know of each other; 0
 * for the first, and where there is one only. */
MS_API size_t ms_rank(void);
/* How many of them mpirun has started; 1 where it has not. */
MS_API size_t ms_ranks(void);
/* The cores that this process may use. */
MS_API size_t ms_cores(void);

/* ---- Does a mirror flow exist? --------------------------------------------------------------- */

typedef struct ms_check ms_check;

/* Looks at the brackets of the run's g and h along the run, and measures how far gradient flow and
 * mirror flow are apart. Or, with g not NULL, at random points at those of a pair given by formulas
 * ("m*w1, m*w2" and "m^2"; h = NULL: |w|^2), whatever else cfg says. A run goes to the end of the
 * part that is drawn, or to t-end, and takes 4000 steps at most unless cfg gives max-steps. Free
 * with ms_check_free. MS_UNSUPPORTED for models without a gradient flow of their own. */
MS_API ms_status ms_check_new(ms_check **check, const ms_config *cfg, const char *g, const char *h,
                              const volatile sig_atomic_t *interrupt, ms_error *err);
MS_API void ms_check_free(ms_check *check);
/* "yes", "time-warped" or "no", and why, in words. Zero means numerically zero at the points that
 * were looked at, to 1e-8. Owned by the check, as all of its texts. */
MS_API const char *ms_check_verdict(const ms_check *check, const char **reason);
/* The i-th number found, false after the last. */
MS_API bool ms_check_at(const ms_check *check, size_t i, ms_summary *entry);
/* What must then hold, and does or does not. */
typedef struct ms_check_claim {
  const char *text, *found;
  bool holds;
} ms_check_claim;
MS_API bool ms_check_claim_at(const ms_check *check, size_t i, ms_check_claim *claim);
/* All of it; free() it. */
MS_API char *ms_check_json(const ms_check *check);

/* ---- Sweeps --------------------------------------------------------------------------------- */

/* A base configuration and the settings that vary, their cases numbered 0, 1, ... */
typedef struct ms_sweep ms_sweep;

/* `base` is copied. Free with ms_sweep_free. NULL without memory. */
MS_API ms_sweep *ms_sweep_new(const ms_config *base);
MS_API void ms_sweep_free(ms_sweep *sweep);
/* Adds "key=value,value,...": cases are the product of all that is added. Values are texts, whole
 * numbers FROM:TO or FROM:TO:STEP, and lin:FROM:TO:COUNT and log:FROM:TO:COUNT. All values are
 * checked; `origin` ("--grid") names the place in messages. */
MS_API ms_status ms_sweep_grid(ms_sweep *sweep, const char *text, const char *origin,
                               ms_error *err);
/* The same, but all lists added by this function go along together; they are equally long. */
MS_API ms_status ms_sweep_zip(ms_sweep *sweep, const char *text, const char *origin, ms_error *err);
/* A CSV file whose header names settings; each row is a case (an empty field: the default). */
MS_API ms_status ms_sweep_cases(ms_sweep *sweep, const char *path, ms_error *err);
MS_API size_t ms_sweep_count(const ms_sweep *sweep);
/* The k-th setting that varies, NULL after the last. */
MS_API const char *ms_sweep_key(const ms_sweep *sweep, size_t k);

typedef struct ms_sweep_options {
  const char *dir;      /* folder for its files, made where missing */
  size_t workers;       /* processes; 0: one for each core */
  bool resume;          /* goes on where an earlier call with the same sweep and dir was stopped */
  bool keep_runs;       /* the files of each run, too: dir/runs/<number> */
  const char *group_by; /* comma-separated settings; NULL: all that vary but the seed, if it does */
  const char *show;     /* what plots show; NULL: truth_error, or loss where there is none */
  const volatile sig_atomic_t *interrupt;
  void (*progress)(void *ctx, size_t done, size_t failed, size_t count); /* NULL: none */
  void *ctx;
} ms_sweep_options;

/* Makes the runs and writes dir/sweep.csv (a row for each: number, settings that vary, summary,
 * status, error) and dir/groups.csv (mean and quantiles over the runs of each group). Finished runs
 * are in dir/journal at once: whatever stops the sweep, it can be resumed, and ends with the same
 * bytes. Under mpirun the runs are spread over its processes, each with so many workers; the first
 * writes, the others return MS_OK. *failed: how many runs failed. Where not given, --flow is "one",
 * and
 * --points 2 unless runs are kept. */
MS_API ms_status ms_sweep_run(const ms_sweep *sweep, const ms_sweep_options *options,
                              size_t *failed, ms_error *err);

#ifdef __cplusplus
}
#endif
#endif
