#include "run/run.h"
#include "parallel/comm.h"
#include "run/data_file.h"
#include "text/text.h"
#include <cblas.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* In units of time: where a run that does not settle is given up. */
static const double LAST_HORIZON = 1e14;
/* A --t-end beyond so many times the natural horizon is drawn over ln t from there on. */
static const double LONG_HORIZON = 1000;
static const double RATIO_POINTS = 20; /* planned times in a decade */
/* Numbers of x(t) that are kept for state.npz; beyond that only KEPT_COORDINATES are. */
static const double STATE_NUMBERS = 2e7;
enum { KEPT_COORDINATES = 100 };

/* ---- Building a run ------------------------------------------------------------------------- */

void ms_run_add_note(ms_run *run, const char *format, ...) {
  if (run->notes == MS_NOTES_MAX)
    return;
  char note[MS_NOTE_LENGTH];
  va_list args;
  va_start(args, format);
  vsnprintf(note, sizeof note, format, args);
  va_end(args);
  ms_visible(run->note[run->notes++], MS_NOTE_LENGTH, note);
}

void ms_run_take_reading(ms_run *run, ms_reading *reading) {
  run->reading = *reading;
  *reading = (ms_reading){0};
  for (size_t k = 0; k < MS_READING_NOTES && run->reading.note[k]; k++)
    ms_run_add_note(run, "%s", run->reading.note[k]);
}

double ms_largest(const double *v, size_t n) {
  return n ? fabs(v[cblas_idamax((int)n, v, 1)]) : 0;
}

/* The matrix whose columns are spread over several processes; NULL: there is none. */
static const ms_matrix *spread(const ms_run *run) {
  return run->problem && run->problem->Z->spread ? run->problem->Z : NULL;
}

size_t ms_run_columns(const ms_run *run) {
  return spread(run) ? spread(run)->all : run->d;
}

const double *ms_run_whole_x(const ms_run *run) {
  return spread(run) ? run->whole_x : run->last_x;
}

/* One value for all coordinates, or a file with d of them. */
ms_status ms_run_values(const ms_config *cfg, const char *name, bool logs, const ms_matrix *Z,
                        double *values, ms_error *err) {
  const char *text = ms_config_text(cfg, name);
  size_t d = ms_matrix_columns(Z);
  double one;
  if (logs ? ms_parse_log(text, &one) : ms_parse_real(text, &one)) {
    for (size_t j = 0; j < Z->d; j++)
      values[j] = one;
    return MS_OK;
  }
  double *from_file;
  size_t count;
  ms_status status = ms_vector_read(&from_file, &count, text, logs, err);
  if (status != MS_OK)
    return status;
  if (count == d)
    memcpy(values, from_file + (Z->spread ? Z->first : 0), Z->d * sizeof *values);
  else
    status = ms_fail(err, MS_BAD_INPUT, "%s: has %zu numbers; %s takes one or d = %zu", text, count,
                     ms_config_origin(cfg, name), d);
  free(from_file);
  return status;
}

ms_status ms_run_shape(ms_run *run, size_t d, ms_error *err) {
  run->d = d;
  run->x = ms_doubles(d);
  run->last_x = ms_doubles(d);
  return run->x && run->last_x ? MS_OK : ms_no_memory(err);
}

/* Planned times: even up to `base`, then in equal ratios up to t_end. */
static ms_status plan_times(ms_run *run, double base, ms_error *err) {
  size_t even = ms_config_count(run->cfg, "points");
  double t_end = run->setup.t_end;
  size_t more = t_end > base ? MS_MIN(even, (size_t)ceil(RATIO_POINTS * log10(t_end / base))) : 0;
  run->points = even + more;
  run->times = ms_doubles(run->points);
  if (!run->times)
    return ms_no_memory(err);
  for (size_t i = 0; i < even; i++)
    run->times[i] = base * (double)i / (double)(even - 1);
  for (size_t i = 0; i < more; i++)
    run->times[even + i] = base * pow(t_end / base, (double)(i + 1) / (double)more);
  run->times[run->points - 1] = t_end;
  return MS_OK;
}

void ms_run_method(ms_run *run) {
  run->setup.method = ms_method_find(ms_config_text(run->cfg, "method"));
}

void ms_run_training(ms_run *run, double default_lr) {
  const ms_config *cfg = run->cfg;
  const ms_method *m = run->setup.method;
  ms_training *t = &run->setup.training;
  *t = (ms_training){.lr = default_lr, .batch = 1, .seed = (uint64_t)ms_config_real(cfg, "seed")};
  if (m->discrete && ms_config_text(cfg, "lr"))
    t->lr = ms_config_real(cfg, "lr");
  if (m == &ms_method_gd || m == &ms_method_sgd)
    t->momentum = ms_config_real(cfg, "momentum");
  if (m == &ms_method_sgd)
    t->batch = ms_config_count(cfg, "batch");
  t->dt = m == &ms_method_sde && ms_config_text(cfg, "dt") ? ms_config_real(cfg, "dt") : t->lr;
}

bool ms_run_may_end(const ms_run *run) {
  const ms_config *cfg = run->cfg;
  bool loss = ms_config_text(cfg, "stop-loss") && ms_config_real(cfg, "stop-loss") > 0;
  if (run->setup.method->discrete)
    return loss;
  return loss || !ms_config_text(cfg, "stop-loss") || !ms_config_text(cfg, "t-end");
}

ms_status ms_run_plan(ms_run *run, double G, double base, bool open_ended, ms_error *err) {
  ms_setup *s = &run->setup;
  s->gradient_scale = G;
  if (ms_config_text(run->cfg, "wd-off"))
    base = fmax(base, 2 * ms_config_real(run->cfg, "wd-off"));
  bool given = ms_config_text(run->cfg, "t-end") != NULL;
  s->open_ended = !given && open_ended;
  s->t_end = given ? ms_config_real(run->cfg, "t-end") : base;
  /* A time warp takes e^{2(L-2)A} of mu's digits: so many are there. */
  double kind = run->param.warp ? fmax(run->param.degree - 2, 1) : 1;
  ms_status status = ms_schedule_new(&run->schedule, run->cfg, G / 4 / kind, s->t_end / 2, err);
  if (status != MS_OK)
    return status;
  if (run->schedule->row_names)
    ms_run_add_note(run, "The first column of %s has no name: it is taken as the names of rows.",
                    ms_config_text(run->cfg, "wd-file"));
  s->schedule = run->schedule;
  if (given && s->t_end <= LONG_HORIZON * base)
    base = s->t_end;
  else if (!given && open_ended)
    s->t_end = fmax(LAST_HORIZON / G, 100 * (base + 4 * ms_schedule_dose(run->schedule, base) / G));
  return plan_times(run, base, err);
}

/* The run->kept largest of the first of all processes' size[count], each of which has found its
 * own: these are its coordinates[]. */
static ms_status keep_largest(ms_run *run, size_t mine, const double *size, ms_error *err) {
  size_t room = ms_all_size() * run->kept, at = ms_all_rank() * run->kept;
  double *sizes = ms_doubles(2 * room);
  size_t *order = calloc(run->kept, sizeof *order);
  ms_status status = ms_all_agree(sizes && order ? MS_OK : ms_no_memory(err), err);
  for (size_t k = 0; status == MS_OK && k < run->kept; k++) {
    sizes[at + k] = k < mine ? size[run->coordinates[k]] : -1;
    if (k < mine)
      sizes[room + at + k] = (double)(spread(run)->first + run->coordinates[k]);
  }
  if (status == MS_OK) {
    ms_all_sum(sizes, 2 * room, 0);
    gsl_sort_largest_index(order, run->kept, sizes, 1, room);
    for (size_t k = 0; k < run->kept; k++)
      run->coordinates[k] = (size_t)sizes[room + order[k]];
  }
  free(sizes);
  free(order);
  return status;
}

ms_status ms_run_keep(ms_run *run, const double *importance, ms_error *err) {
  size_t d = ms_run_columns(run);
  run->kept = d;
  if ((double)run->points * (double)d > STATE_NUMBERS)
    run->kept = MS_MIN(d, KEPT_COORDINATES);
  run->coordinates = calloc(run->kept, sizeof *run->coordinates);
  double *size = ms_doubles(run->d);
  ms_status status = ms_all_agree(run->coordinates && size ? MS_OK : ms_no_memory(err), err);
  for (size_t k = 0; status == MS_OK && k < run->kept; k++)
    run->coordinates[k] = k;
  if (status == MS_OK && run->kept < d && importance) {
    for (size_t j = 0; j < run->d; j++)
      size[j] = fabs(importance[j]);
    size_t mine = MS_MIN(run->kept, run->d);
    gsl_sort_largest_index(run->coordinates, mine, size, 1, run->d);
    if (spread(run))
      status = keep_largest(run, mine, size, err);
  }
  if (status == MS_OK && run->kept < d)
    ms_run_add_note(run, "x(t) is kept for %zu coordinates%s; all of them would be %.2g numbers.",
                    run->kept, importance ? ", those of largest first gradient" : "",
                    (double)run->points * (double)d);
  free(size);
  return status;
}

static ms_registry registry = {.kind = "model"};

ms_status ms_model_register(const ms_model *model, ms_error *err) {
  ms_status status = ms_registry_add(&registry, model, err);
  return status == MS_OK ? ms_settings_add(model->settings, err) : status;
}

const ms_model *ms_model_at(size_t i) {
  return ms_registry_at(&registry, i);
}

const ms_model *ms_model_find(const char *name) {
  return ms_registry_find(&registry, name);
}

/* Several processes make one run of some models only. */
static ms_status check_ranks(const ms_run *run, ms_error *err) {
  char can[128] = "";
  if (ms_all_size() == 1 || run->model->spreads)
    return MS_OK;
  for (size_t i = 0; ms_model_at(i); i++)
    if (ms_model_at(i)->spreads)
      snprintf(can + strlen(can), sizeof can - strlen(can), " %s", ms_model_at(i)->name);
  return ms_fail(err, MS_UNSUPPORTED,
                 "%s: '%s' is made by one process; %zu of them (mpirun) make one run together of%s",
                 ms_config_origin(run->cfg, "model"), run->model->name, ms_all_size(), can);
}

/* The model whose own table a setting stands in, NULL: none. */
static const ms_model *model_with(const ms_setting *setting) {
  const ms_model *model;
  for (size_t i = 0; (model = ms_model_at(i)); i++)
    for (const ms_setting *s = model->settings; s && s->name; s++)
      if (s == setting)
        return model;
  return NULL;
}

/* The option that a setting's owner is a choice of: "method" of "--method gd and sgd". NULL: none
 * that this run made. */
static const ms_setting *choice_of(const ms_run *run, const ms_setting *s) {
  char option[32];
  if (!s->owner || strncmp(s->owner, "--", 2) != 0)
    return NULL;
  snprintf(option, sizeof option, "%.*s", (int)strcspn(s->owner + 2, " ,"), s->owner + 2);
  const ms_setting *choice = ms_setting_find(option);
  return choice && choice->choice && ms_config_was_read(run->cfg, option) ? choice : NULL;
}

/* A setting that is given and that nobody has read is a mistake, and named with its owner. Only of
 * methods and schedules it is a note, because sweeps and scripts give one set of options to all of
 * them. */
static ms_status check_read(ms_run *run, ms_error *err) {
  const ms_setting *s;
  while ((s = ms_config_unread(run->cfg))) {
    const ms_setting *choice = choice_of(run, s);
    const ms_model *model = model_with(s);
    const char *of = choice ? choice->name : "model", *origin = ms_config_origin(run->cfg, s->name);
    char owner[160] = "";
    if (s->owner || model)
      snprintf(owner, sizeof owner, "it belongs to %s%s", s->owner ? "" : "--model ",
               s->owner ? s->owner : model->name);
    bool varied = strcmp(of, "method") == 0 || strcmp(of, "wd-schedule") == 0;
    if (!varied || s->type == MS_PATH || s->type == MS_TEXT)
      return ms_fail(err, MS_BAD_SETTING, "%s: has no effect with --%s %s%s%s", origin, of,
                     ms_config_text(run->cfg, of), *owner ? "; " : "", owner);
    ms_run_add_note(run, "%s has no effect with --%s %s: %s.", origin, of,
                    ms_config_text(run->cfg, of), owner);
    ms_config_text(run->cfg, s->name); /* read: the note is all that it does */
  }
  return MS_OK;
}

ms_status ms_run_new(ms_run **out, const ms_config *cfg, ms_error *err) {
  *out = NULL;
  gsl_set_error_handler_off();
  ms_run *run = calloc(1, sizeof *run);
  if (!run)
    return ms_no_memory(err);
  run->start_seconds = ms_seconds();
  run->limit_gap = run->from_min_l1 = run->from_min_l2 = NAN;
  run->worst_gap = run->worst_drift = run->drift = run->gap = NAN;
  run->status = "running";
  run->cfg = ms_config_copy(cfg);
  run->model = ms_model_find(ms_config_text(run->cfg ? run->cfg : cfg, "model"));
  ms_status status = run->cfg ? check_ranks(run, err) : ms_no_memory(err);
  if (status == MS_OK) {
    ms_matrix_threads(ms_config_count(run->cfg, "threads"));
    status = run->model->build(run, err);
  }
  if (status == MS_OK)
    status = ms_weights_begin(run, err);
  if (status == MS_OK)
    status = check_read(run, err);
  if (status != MS_OK) {
    ms_run_free(run);
    return status;
  }
  run->build_seconds = ms_seconds() - run->start_seconds;
  *out = run;
  return MS_OK;
}

void ms_run_free(ms_run *run) {
  if (!run)
    return;
  if (run->model->release)
    run->model->release(run);
  ms_problem_free(run->problem);
  ms_problem_free(run->core);
  ms_reading_free(&run->reading);
  ms_schedule_free(run->schedule);
  ms_config_free(run->cfg);
  free(run->coordinates);
  double *blocks[] = {run->times,  run->x,       run->rows,        run->states,
                      run->last_x, run->whole_x, run->kept_weights};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    free(blocks[i]);
  free(run);
}

void ms_run_interrupt_on(ms_run *run, const volatile sig_atomic_t *flag) {
  if (run->model->interrupt)
    run->model->interrupt(run, flag);
}

/* ---- Advancing ------------------------------------------------------------------------------ */

size_t ms_run_points(const ms_run *run) {
  return run->points;
}

double ms_run_time(const ms_run *run, size_t i) {
  return run->times[i];
}

static double worse(double so_far, double now) {
  return isnan(now) ? so_far : isnan(so_far) ? now : fmax(so_far, now);
}

static size_t observable_count(const ms_run *run) {
  size_t count = 0;
  while (run->model->observables[count].name)
    count++;
  return count;
}

static ms_status record(ms_run *run, double t, ms_error *err) {
  size_t columns = observable_count(run), d = run->d;
  if ((run->recorded & (run->recorded - 1)) == 0) { /* a power of two: time to double */
    size_t room = run->recorded ? 2 * run->recorded : 1;
    double *rows = realloc(run->rows, room * columns * sizeof *rows);
    if (rows)
      run->rows = rows;
    if (ms_all_rank() > 0) /* a row is all it needs */
      room = 1;
    double *states = realloc(run->states, room * run->kept * sizeof *states);
    if (states)
      run->states = states;
    ms_status status = ms_all_agree(rows && states ? MS_OK : ms_no_memory(err), err);
    if (status != MS_OK)
      return status;
  }
  run->largest_x = fmax(run->largest_x, ms_matrix_most(spread(run), ms_largest(run->x, d)));
  if (run->gap > fmax(run->worst_gap, 0))
    run->worst_gap_t = t;
  run->worst_gap = worse(run->worst_gap, run->gap);
  run->worst_drift = worse(run->worst_drift, run->drift);
  ms_view view = {.t = t,
                  .alpha = ms_schedule_alpha(run->schedule, t),
                  .dose = ms_schedule_dose(run->schedule, t),
                  .a = run->setup.dose_before - ms_schedule_dose(run->schedule, t),
                  .loss = run->loss,
                  .x = run->x,
                  .run = run,
                  .gap = run->gap,
                  .drift = run->drift,
                  .Zx = run->Zx,
                  .r = run->scratch,
                  .g = run->problem ? run->scratch + run->problem->Z->n : NULL,
                  .problem = run->problem,
                  .setup = &run->setup};
  double *row = run->rows + run->recorded * columns;
  for (size_t c = 0; c < columns; c++)
    row[c] = run->model->observables[c].value(&view);
  memcpy(run->last_x, run->x, d * sizeof *run->x);
  double *state = run->states + (ms_all_rank() > 0 ? 0 : run->recorded * run->kept);
  for (size_t k = 0; k < run->kept; k++) {
    size_t j = run->coordinates[k] - (spread(run) ? spread(run)->first : 0);
    state[k] = j < d ? run->x[j] : 0; /* another process has it */
  }
  ms_matrix_sums(spread(run), state, run->kept);
  ms_status status = ms_weights_record(run, err);
  run->recorded += status == MS_OK;
  return status;
}

/* To *t, with a stop wherever the schedule wants to see how far things are. */
static ms_status advance(ms_run *run, double *t, ms_error *err) {
  for (double at;
       !run->model->observes && isfinite(at = ms_schedule_epoch(run->schedule)) && at <= *t;) {
    ms_status status = run->model->advance(run, &at, err);
    double l1 = cblas_dasum((int)run->d, run->x, 1);
    if (status == MS_OK) {
      ms_matrix_sums(spread(run), &l1, 1);
      status = ms_schedule_observe(run->schedule, run->loss, l1, err);
    }
    if (status != MS_OK) {
      *t = at;
      return status;
    }
  }
  return run->model->advance(run, t, err);
}

ms_status ms_run_advance(ms_run *run, size_t i, ms_error *err) {
  if (i >= run->points)
    return ms_fail(err, MS_BAD_SETTING, "point %zu of %zu does not exist", i, run->points);
  if (i < run->recorded) /* by the run that left the checkpoint */
    return MS_OK;
  double t = run->times[i];
  ms_status status = advance(run, &t, err);
  if (status >= 0 && !isfinite(run->loss)) /* no point of it is written */
    status = ms_fail_at(err, MS_NOT_FINITE, t,
                        "the loss at t = %.6g is beyond double precision: try smaller data, "
                        "--init-x or --init-scale",
                        t);
  ms_status recorded = status < 0 ? status : record(run, t, err);
  return recorded < 0 ? recorded : status;
}

const double *ms_run_x(const ms_run *run, size_t *d) {
  *d = run->d;
  return run->recorded ? run->last_x : NULL;
}

double ms_run_t(const ms_run *run) {
  return ms_run_observe(run, "t");
}

double ms_run_observe(const ms_run *run, const char *name) {
  size_t columns = observable_count(run);
  for (size_t c = 0; c < columns && run->recorded; c++)
    if (strcmp(run->model->observables[c].name, name) == 0)
      return run->rows[(run->recorded - 1) * columns + c];
  return NAN;
}

const char *ms_run_note(const ms_run *run, size_t i) {
  return i < run->notes ? run->note[i] : NULL;
}

/* ---- The end -------------------------------------------------------------------------------- */

double ms_run_distance(const ms_run *run, const double *other) {
  double size = fmax(ms_largest(other, run->d), fmax(run->largest_x, run->least_size));
  double difference = 0;
  for (size_t j = 0; j < run->d; j++)
    difference = fmax(difference, fabs(run->x[j] - other[j]));
  return size > 0 ? difference / size : difference;
}

/* x at the last recorded time, on the first process. */
static ms_status gather(ms_run *run, ms_error *err) {
  size_t d = ms_run_columns(run);
  if (!spread(run) || d > MS_GATHERED)
    return MS_OK;
  if (ms_all_rank() == 0 && !run->whole_x)
    run->whole_x = ms_doubles(d);
  ms_status status =
      ms_all_agree(ms_all_rank() == 0 && !run->whole_x ? ms_no_memory(err) : MS_OK, err);
  if (status == MS_OK)
    ms_all_gather(run->last_x, run->d, run->whole_x, true);
  return status;
}

ms_status ms_run_finish(ms_run *run, ms_status outcome, const ms_error *why, ms_error *err) {
  if (!run->recorded)
    return ms_fail(err, MS_STALLED, "nothing was recorded");
  run->finished = true;
  run->seconds = ms_seconds() - run->start_seconds;
  run->status = outcome == MS_OK            ? (run->given ? run->flow_name : "t_end")
                : outcome == MS_ENDED       ? run->end_name
                : outcome == MS_INTERRUPTED ? "interrupted"
                                            : "failed";
  if (outcome < 0 && why)
    snprintf(run->message, sizeof run->message, "%s", why->message);
  if (outcome >= 0) {
    memcpy(run->x, run->last_x, run->d * sizeof(double));
    if (run->model->finish)
      run->model->finish(run);
  }
  ms_run_judge(run);
  run->limit_seconds = ms_seconds() - run->start_seconds - run->seconds;
  return gather(run, err);
}

ms_status ms_run_whole(ms_run **out, const ms_config *cfg, const volatile sig_atomic_t *interrupt,
                       ms_error *err) {
  ms_run *run;
  ms_error unfinished;
  ms_status status = ms_run_new(&run, cfg, err);
  *out = NULL;
  if (status != MS_OK)
    return status;
  ms_run_interrupt_on(run, interrupt);
  for (size_t i = 0; i < ms_run_points(run) && status == MS_OK; i++)
    status = ms_run_advance(run, i, err);
  if (ms_run_finish(run, status, err, &unfinished) == MS_OK)
    *out = run;
  else
    ms_run_free(run);
  return status;
}
