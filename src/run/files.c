/* Sinks: where results go. Each file appears whole or not at all. */
#include "parallel/comm.h"
#include "problem/intercept.h"
#include "run/data_file.h"
#include "run/run.h"
#include "text/text.h"
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* x is part of summary.json up to this many coordinates. */
enum { JSON_X_MAX = 10000 };
/* Curves and points of potential.csv. */
/* Coordinates in x.csv: those that are largest in the end. */
enum { TABLE_X_MAX = 100 };
enum { POTENTIAL_CURVES = 9, POTENTIAL_POINTS = 201 };

/* ---- The summary ---------------------------------------------------------------------------- */

static double observed(const ms_run *run, const char *name) {
  return ms_run_observe(run, name);
}

/* 0 where nothing was counted. */
static double counted(size_t count) {
  return count ? (double)count : NAN;
}

static double both(const ms_run *run, size_t flow, size_t partner) {
  return run->flow ? (double)(flow + (run->partner ? partner : 0)) : NAN;
}

#define PARTNER(run, field) ((run)->partner ? (run)->partner->field : 0)

/* In which convention alpha was given, where that is not the one of what is printed. */
static const char *convention(const ms_run *run) {
  return strcmp(ms_config_text(run->cfg, "wd-convention"), "half") == 0
             ? "half: given is lambda = 2 alpha, of h/2; printed are alpha and doses of h"
             : NULL;
}

/* Of the last recorded x. */
static double intercept(const ms_run *run) {
  const ms_problem *p = run->problem;
  if (!p || !p->mean)
    return NAN;
  double *Zx = ms_doubles(p->Z->n), b = NAN;
  if (Zx) {
    ms_matrix_mul(p->Z, run->last_x, Zx);
    b = ms_problem_intercept(p, Zx, run->last_x);
  }
  free(Zx);
  return b;
}

bool ms_run_summary_at(const ms_run *run, size_t i, ms_summary *entry) {
  const ms_flow *f = run->flow;
  const ms_summary all[] = {
      {"model", "", ms_config_text(run->cfg, "model"), NAN, false},
      {"param", "", run->setup.param ? run->setup.param->name : NULL, NAN, false},
      {"flow", "", run->flow_name, NAN, false},
      {"state", "form of the equations", f ? f->class->name : NULL, NAN, false},
      {"method", "", !run->given && run->setup.method ? run->setup.method->name : NULL, NAN, false},
      {"lr", "step size", NULL,
       !run->given && run->setup.method && run->setup.method->discrete ? run->setup.training.lr
                                                                       : NAN,
       false},
      {"schedule", "", run->schedule->class->name, NAN, false},
      {"status", "why the run ended", run->status, NAN, false},
      {"t_end", "", NULL, observed(run, "t"), false},
      {"n", "samples", NULL, run->n ? (double)run->n : NAN, true},
      {"d", "features", NULL, (double)ms_run_columns(run), true},
      {"wd", "alpha0", NULL, run->schedule->alpha0, false},
      {"wd_off", "T of the schedule", NULL, ms_schedule_off(run->schedule), false},
      {"dose", "integral of alpha", NULL, observed(run, "dose"), false},
      {"ln_beta", "ln of the potential's scale", NULL, observed(run, "ln_beta"), false},
      {"loss", "f(x)", NULL, observed(run, "loss"), false},
      {"residual", "|Zx - y| / |y|", NULL, observed(run, "residual"), false},
      {"kkt_residual", "distance from stationary", NULL, observed(run, "kkt_residual"), false},
      {"l1", "|x|_1", NULL, observed(run, "l1"), false},
      {"l2", "|x|_2", NULL, observed(run, "l2"), false},
      {"nuclear_norm", "of a matrix model", NULL, observed(run, "nuclear_norm"), false},
      {"rank_effective", "of a matrix model", NULL, observed(run, "rank_effective"), false},
      {"nonzeros", "above 1e-3 of the largest", NULL, observed(run, "nonzeros"), true},
      {"potential", "R_a(x)", NULL, observed(run, "potential"), false},
      {"effective_exponent", "2 is L2, 1 is L1", NULL, observed(run, "effective_exponent"), false},
      {"effective_exponent_mean", "unweighted", NULL, observed(run, "effective_exponent_mean"),
       false},
      {"truth_error", "|x - truth|_2", NULL, observed(run, "truth_error"), false},
      {"gf_mf_gap",
       ms_run_gap_shows(run) ? "largest along the run: more than --rtol allows"
                             : "largest along the run",
       NULL, run->worst_gap, false},
      {"invariant_drift", "largest along the run", NULL, run->worst_drift, false},
      {"limit_gap", "from the independent limit", NULL, run->limit_gap, false},
      {"from_min_l1", "from the minimum-L1 interpolator", NULL, run->from_min_l1, false},
      {"from_min_l2", "from the minimum-L2 interpolator", NULL, run->from_min_l2, false},
      {"steps", "of the flow recorded", NULL,
       f ? (double)f->integrator->steps : counted(run->steps), true},
      {"rhs_evaluations", "right-hand sides, all flows", NULL,
       f ? both(run, f->integrator->rhs_count, PARTNER(run, integrator->rhs_count))
         : counted(run->rhs_count),
       true},
      {"jacobian_evaluations", "all flows", NULL,
       both(run, f ? f->integrator->jacobian_count : 0, PARTNER(run, integrator->jacobian_count)),
       true},
      {"solver", "of Newton's systems",
       !f || !run->setup.method->implicit ? NULL
       : f->iterative                     ? "conjugate gradients"
                                          : "Cholesky",
       NAN, false},
      {"cg_iterations", "all of them", NULL, f && f->iterative ? (double)f->iterations : NAN, true},
      {"passes", "over Z, all flows", NULL,
       f ? both(run, f->passes, PARTNER(run, passes)) : counted(run->passes), true},
      {"message", "", *run->message ? run->message : NULL, NAN, false},
      {"intercept", "b, fitted", NULL, intercept(run), false},
      {"wd_convention", "", convention(run), NAN, false},
  };
  size_t count = sizeof all / sizeof *all - !convention(run);
  if (i < count) {
    *entry = all[i];
    return true;
  }
  i -= count;
  if (ms_reading_at(&run->reading, i, entry))
    return true;
  i -= ms_reading_facts(&run->reading);
  return run->model->summary_at && run->model->summary_at(run, i, entry);
}

double ms_run_summary(const ms_run *run, const char *key) {
  ms_summary entry;
  for (size_t i = 0; ms_run_summary_at(run, i, &entry); i++)
    if (strcmp(entry.key, key) == 0)
      return entry.value;
  return NAN;
}

/* JSON has no NaN and no infinity. */
static json_t *number(double value, bool whole) {
  if (!isfinite(value))
    return json_null();
  return whole ? json_integer((json_int_t)value) : json_real(value);
}

/* JSON is UTF-8: other bytes are shown as the terminal would show them. */
static json_t *string(const char *text) {
  char visible[MS_NOTE_LENGTH];
  json_t *exact = json_string(text);
  return exact ? exact : json_string(ms_visible(visible, sizeof visible, text));
}

char *ms_run_json(const ms_run *run, bool timing) {
  json_t *root = json_object();
  ms_summary entry;
  for (size_t i = 0; ms_run_summary_at(run, i, &entry); i++)
    json_object_set_new(root, entry.key,
                        entry.text ? string(entry.text) : number(entry.value, entry.whole));
  if (!run->reading.target) {
    json_object_set_new(root, "target", json_null());
    json_object_set_new(root, "separator", json_null());
  } else if (!*run->reading.separator) {
    json_object_set_new(root, "separator", json_null());
  }
  json_t *notes = json_array();
  for (size_t i = 0; i < run->notes; i++)
    json_array_append_new(notes, string(run->note[i]));
  json_object_set_new(root, "notes", notes);
  size_t d = ms_run_columns(run);
  const double *x = run->recorded ? ms_run_whole_x(run) : NULL;
  json_t *array = json_null();
  if (x && d <= JSON_X_MAX) {
    array = json_array();
    for (size_t j = 0; j < d; j++)
      json_array_append_new(array, number(x[j], false));
  }
  json_object_set_new(root, "x", array);
  if (timing)
    json_object_set_new(root, "timing",
                        json_pack("{s:f, s:f, s:f}", "build", run->build_seconds, "run",
                                  run->seconds, "limit", run->limit_seconds));
  char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  json_decref(root);
  return text;
}

/* ---- Files ---------------------------------------------------------------------------------- */

static ms_status write_trajectory(const ms_run *run, const char *dir, ms_error *err) {
  ms_writer w;
  ms_status status = ms_writer_open(&w, dir, "trajectory.csv", err);
  if (status != MS_OK)
    return status;
  size_t columns = 0;
  for (; run->model->observables[columns].name; columns++)
    fprintf(w.file, "%s%s", columns ? "," : "", run->model->observables[columns].name);
  fputc('\n', w.file);
  for (size_t i = 0; i < run->recorded; i++)
    for (size_t c = 0; c < columns; c++) {
      char text[32] = "";
      double value = run->rows[i * columns + c];
      if (!isnan(value)) /* does not apply: an empty field */
        ms_real_text(value, text);
      fprintf(w.file, "%s%s%s", c ? "," : "", text, c + 1 == columns ? "\n" : "");
    }
  return ms_writer_commit(&w, err);
}

/* Place of coordinate j in NumPy's order, row by row: x of a matrix lies column by column. */
static size_t place(const ms_run *run, size_t j) {
  return run->x_rows ? j % run->x_rows * run->x_cols + j / run->x_rows : j;
}

/* `count` matrices row by row; `from` holds all of x, `count` times. */
static void by_rows(const ms_run *run, size_t count, const double *from, double *to) {
  size_t d = ms_run_columns(run);
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < d; j++)
      to[i * d + place(run, j)] = from[i * d + j];
}

static ms_status write_arrays(const ms_run *run, const char *dir, const double *t,
                              const double *which, const double *x, const double *end,
                              ms_error *err) {
  size_t d = ms_run_columns(run), rows = run->recorded, kept = run->kept;
  size_t r = run->x_rows, c = run->x_cols;
  bool whole = kept == d, matrix = r > 0;
  const ms_array arrays[] = {
      {"t", rows, 0, t, 0, false},
      {"x", rows, whole && matrix ? r : kept, x, whole && matrix ? c : 0, false},
      {"coordinates", kept, 0, which, 0, false},
      {"x_end", matrix ? r : d, matrix ? c : 0, end, 0, false}};
  size_t count = whole ? 2 : end ? 4 : 3;
  ms_bundle parts = {0};
  if (run->model->parts && ms_run_whole_x(run))
    run->model->parts(run, ms_run_whole_x(run), &parts);
  ms_array *all = calloc(count + parts.count, sizeof *all);
  ms_status status = all && !parts.failed ? MS_OK : ms_no_memory(err);
  if (status == MS_OK) {
    memcpy(all, arrays, count * sizeof *all);
    for (size_t i = 0; i < parts.count; i++)
      all[count + i] = parts.array[i];
    status = ms_npz_write(dir, "state.npz", all, count + parts.count, err);
  }
  ms_bundle_free(&parts);
  free(all);
  return status;
}

/* t and x(t), a matrix as (t, rows, cols); of a large problem x of the coordinates kept, which ones
 * (of a matrix: row * cols + column), and the last x whole. */
static ms_status write_states(const ms_run *run, const char *dir, ms_error *err) {
  size_t columns = 0, d = ms_run_columns(run), rows = run->recorded, kept = run->kept;
  bool whole = kept == d, matrix = run->x_rows > 0;
  const double *x = run->states, *end = whole ? NULL : ms_run_whole_x(run);
  while (run->model->observables[columns].name)
    columns++;
  double *t = ms_doubles(rows + kept + (!matrix ? 0 : whole ? rows * d : d));
  if (!t)
    return ms_no_memory(err);
  double *which = t + rows, *turned = which + kept;
  for (size_t i = 0; i < rows; i++)
    t[i] = run->rows[i * columns];
  for (size_t k = 0; k < kept; k++)
    which[k] = (double)place(run, run->coordinates[k]);
  if (matrix && whole)
    by_rows(run, rows, x, turned), x = turned;
  else if (matrix && end)
    by_rows(run, 1, end, turned), end = turned;
  ms_status status = write_arrays(run, dir, t, which, x, end, err);
  free(t);
  return status;
}

static int larger_first(const void *a, const void *b, void *ctx) {
  const double *x = ctx;
  size_t i = *(const size_t *)a, j = *(const size_t *)b;
  double xi = fabs(x[i]), xj = fabs(x[j]);
  return xi > xj ? -1 : xi < xj ? 1 : i < j ? -1 : i > j;
}

static void write_name(FILE *file, const char *name) {
  if (!strpbrk(name, ",\"\n\r")) {
    fputs(name, file);
    return;
  }
  fputc('"', file);
  for (; *name; name++)
    fprintf(file, *name == '"' ? "\"\"" : "%c", *name);
  fputc('"', file);
}

/* x_j(t) of the coordinates that end largest, largest first; x[j], of a matrix x[row][column], or
 * the feature's name. */
static ms_status write_x(const ms_run *run, const char *dir, ms_error *err) {
  size_t columns = 0, kept = run->kept;
  size_t *order = calloc(kept, sizeof *order);
  if (!order)
    return ms_no_memory(err);
  for (size_t k = 0; k < kept; k++)
    order[k] = k;
  qsort_r(order, kept, sizeof *order, larger_first, run->states + (run->recorded - 1) * kept);
  ms_writer w;
  ms_status status = ms_writer_open(&w, dir, "x.csv", err);
  if (status == MS_OK) {
    size_t shown = MS_MIN(kept, TABLE_X_MAX);
    while (run->model->observables[columns].name)
      columns++;
    fputs("t", w.file);
    for (size_t k = 0; k < shown; k++) {
      fputc(',', w.file);
      size_t j = run->coordinates[order[k]];
      if (run->problem && run->problem->names)
        write_name(w.file, run->problem->names[j]);
      else if (run->x_rows)
        fprintf(w.file, "x[%zu][%zu]", j % run->x_rows, j / run->x_rows);
      else
        fprintf(w.file, "x[%zu]", j);
    }
    for (size_t i = 0; i < run->recorded; i++) {
      fprintf(w.file, "\n%.12g", run->rows[i * columns]);
      for (size_t k = 0; k < shown; k++)
        fprintf(w.file, ",%.9g", run->states[i * kept + order[k]]);
    }
    fputc('\n', w.file);
    status = ms_writer_commit(&w, err);
  }
  free(order);
  return status;
}

/* Is the value a file? Then it is given by its full name: a rerun may start in another folder. */
static bool names_file(const ms_config *cfg, const ms_setting *s) {
  const char *data = ms_config_text(cfg, "data");
  ms_file_kind kind = data ? ms_file_kind_of(data) : MS_FILE_TABLE;
  bool file_of_y = kind == MS_FILE_NPY || kind == MS_FILE_MTX;
  return s->type == MS_PATH || s->type == MS_SCALE || s->type == MS_VALUES ||
         strcmp(s->name, "init-theta") == 0 || (strcmp(s->name, "target") == 0 && file_of_y);
}

static void write_setting(FILE *file, const ms_config *cfg, const ms_setting *s,
                          const ms_reading *reading) {
  const char *text = ms_config_peek(cfg, s->name), *found = NULL;
  if (ms_config_given(cfg, s->name)) {
    char *full = names_file(cfg, s) ? realpath(text, NULL) : NULL;
    fprintf(file, "%s = ", s->name);
    ms_config_put(file, full ? full : text);
    fputc('\n', file);
    free(full);
    return;
  }
  if (reading)
    found = ms_reading_found(reading, s->name);
  fprintf(file, "# %s = ", s->name);
  if (found)
    ms_config_put(file, found);
  else
    fputs(text ? text : "(chosen by the program)", file);
  fputs(!found                           ? "\n"
        : strcmp(s->name, "target") == 0 ? " (the first column)\n"
                                         : " (as the file shows)\n",
        file);
}

static ms_status write_config(const ms_config *cfg, const ms_reading *reading, const char *dir,
                              const char *name, ms_error *err) {
  ms_writer w;
  ms_status status = ms_writer_open(&w, dir, name, err);
  if (status != MS_OK)
    return status;
  fprintf(w.file, "# mirrorsim %s: settings of this run; rerun with mirrorsim --config %s\n",
          ms_version(), name);
  const char *group = "";
  for (size_t i = 0; ms_setting_at(i); i++) {
    const ms_setting *s = ms_setting_at(i);
    if (strcmp(group, s->group) != 0)
      fprintf(w.file, "\n# %s\n", group = s->group);
    if (strcmp(s->name, "out") == 0)
      continue; /* a rerun chooses its own place */
    write_setting(w.file, cfg, s, reading);
  }
  return ms_writer_commit(&w, err);
}

ms_status ms_config_write(const ms_config *cfg, const char *dir, const char *name, ms_error *err) {
  return write_config(cfg, NULL, dir, name, err);
}

/* The coordinate that ended largest. */
typedef struct largest {
  size_t j;
  double x, start_x, ln_beta, kappa;
} largest;

static largest find_largest(const ms_run *run) {
  largest top = {.j = 0};
  const ms_matrix *Z = run->problem ? run->problem->Z : NULL;
  if (!Z || !run->setup.param || !run->setup.param->potential)
    return top;
  double *size = run->scratch + Z->n;
  for (size_t j = 0; j < run->d; j++)
    size[j] = fabs(run->last_x[j]);
  top.j = ms_matrix_find(Z, size, ms_matrix_most(Z, ms_largest(size, run->d)));
  if (top.j == ms_matrix_columns(Z)) /* not a number anywhere */
    top.j = 0;
  top.x = ms_matrix_at(Z, run->last_x, top.j);
  top.start_x = ms_matrix_at(Z, run->start_x, top.j);
  top.ln_beta = ms_matrix_at(Z, run->ln_beta, top.j);
  top.kappa = ms_matrix_at(Z, run->kappa, top.j);
  return top;
}

/* R_a of that coordinate, over x and at doses up to the last, from the start or the last reset of
 * beta on. */
static ms_status write_potential(const ms_run *run, const largest *top, const char *dir,
                                 ms_error *err) {
  const ms_param *p = run->setup.param;
  if (!p || !p->potential)
    return MS_OK;
  ms_writer w;
  ms_status status = ms_writer_open(&w, dir, "potential.csv", err);
  if (status != MS_OK)
    return status;
  p = ms_param_of(p, top->j);
  double reach = 1.5 * fmax(fabs(top->x), fabs(top->start_x));
  double before = run->setup.dose_before, dose = ms_run_observe(run, "dose") - before;
  if (!(reach > 0))
    reach = 1;
  fprintf(w.file, "dose,ln_beta,x,R,R_relative\n");
  for (size_t c = 0; c < POTENTIAL_CURVES; c++) {
    double part = (double)c / (POTENTIAL_CURVES - 1);
    double A = dose * part * part; /* closer together where the shape changes most */
    double most = p->potential(p, top->ln_beta, top->kappa, -A, reach);
    double other = p->potential(p, top->ln_beta, top->kappa, -A, -reach);
    if (isfinite(other) && !(most > other))
      most = other;
    for (size_t i = 0; i < POTENTIAL_POINTS; i++) {
      double at = reach * (2 * (double)i / (POTENTIAL_POINTS - 1) - 1);
      double R = p->potential(p, top->ln_beta, top->kappa, -A, at);
      if (!isfinite(R)) /* outside of what x can be */
        continue;
      fprintf(w.file, "%.10g,", before + A);
      if (p->ln_scale)
        fprintf(w.file, "%.10g", p->ln_scale(p, top->ln_beta, -A));
      fprintf(w.file, ",%.10g,%.10g,%.10g\n", at, R, R / most);
    }
    if (dose == 0)
      break;
  }
  return ms_writer_commit(&w, err);
}

/* x of all processes, more of it than one of them holds: x_end.npy, in pieces. */
static ms_status write_whole_x(const ms_run *run, const char *dir, ms_error *err) {
  enum { PIECE = 1 << 20 };
  size_t d = ms_run_columns(run);
  if (d == run->d || d <= MS_GATHERED)
    return MS_OK;
  bool writes = ms_all_rank() == 0;
  ms_writer w = {0};
  double *piece = ms_doubles(PIECE);
  ms_status status = piece ? MS_OK : ms_no_memory(err);
  if (status == MS_OK && writes)
    status = ms_writer_open(&w, dir, "x_end.npy", err);
  status = ms_all_agree(status, err);
  if (status == MS_OK && writes)
    ms_npy_begin(w.file, d);
  for (size_t r = 0; r < ms_all_size() && status == MS_OK; r++) {
    size_t first, count;
    ms_matrix_share(d, r, &first, &count);
    for (size_t from = 0; from < count; from += PIECE) {
      size_t length = MS_MIN(PIECE, count - from);
      if (r == ms_all_rank())
        memcpy(piece, run->last_x + from, length * sizeof *piece);
      ms_all_hand(r, 0, piece, length);
      if (writes)
        ms_npy_add(w.file, piece, length);
    }
  }
  if (w.file)
    status = ms_writer_commit(&w, err);
  free(piece);
  return status;
}

static ms_status write_summary(const ms_run *run, const char *dir, ms_error *err) {
  char *text = ms_run_json(run, false);
  if (!text)
    return ms_no_memory(err);
  ms_writer w;
  ms_status status = ms_writer_open(&w, dir, "summary.json", err);
  if (status == MS_OK) {
    fprintf(w.file, "%s\n", text);
    status = ms_writer_commit(&w, err);
  }
  free(text);
  return status;
}

static ms_status make_folder(const char *dir, ms_error *err) {
  char path[4096];
  struct stat info;
  if (snprintf(path, sizeof path, "%s", dir) >= (int)sizeof path)
    return ms_fail(err, MS_CANNOT_WRITE, "%.200s...: this name is too long", dir);
  for (char *p = path + 1; *p; p++)
    if (*p == '/') {
      *p = 0;
      mkdir(path, 0777); /* if this fails, so does the last one */
      *p = '/';
    }
  if (mkdir(path, 0777) != 0 && errno != EEXIST)
    return ms_fail(err, MS_CANNOT_WRITE, "%s: cannot be made: %s", dir, strerror(errno));
  if (stat(path, &info) == 0 && !S_ISDIR(info.st_mode))
    return ms_fail(err, MS_CANNOT_WRITE, "%s: is not a folder", dir);
  if (access(path, W_OK | X_OK) != 0)
    return ms_fail(err, MS_CANNOT_WRITE, "%s: cannot be written to: %s", dir, strerror(errno));
  return MS_OK;
}

ms_status ms_folder_make(const char *dir, ms_error *err) {
  return ms_all_agree(ms_all_rank() == 0 ? make_folder(dir, err) : MS_OK, err);
}

static ms_status write_all(const ms_run *run, const largest *top, const char *dir, ms_error *err) {
  ms_status status = write_trajectory(run, dir, err);
  if (status == MS_OK)
    status = write_states(run, dir, err);
  if (status == MS_OK)
    status = write_x(run, dir, err);
  if (status == MS_OK)
    status = ms_data_write(run, dir, err);
  if (status == MS_OK)
    status = ms_weights_write(run, dir, err);
  if (status == MS_OK)
    status = write_config(run->cfg, &run->reading, dir, "config.ini", err);
  if (status == MS_OK)
    status = write_potential(run, top, dir, err);
  if (status == MS_OK && run->model->write)
    status = run->model->write(run, dir, err);
  if (status == MS_OK)
    status = write_summary(run, dir, err); /* last: its presence says that the others are there */
  return status;
}

ms_status ms_run_write(const ms_run *run, const char *dir, ms_error *err) {
  if (!run->recorded)
    return MS_OK;
  ms_status status = ms_folder_make(dir, err);
  if (status != MS_OK)
    return status;
  largest top = find_largest(run);
  status = write_whole_x(run, dir, err);
  if (status == MS_OK && ms_all_rank() == 0)
    status = write_all(run, &top, dir, err);
  return ms_all_agree(status, err);
}
