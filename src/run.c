#include "run.h"
#include "oracle.h"
#include "saddle.h"
#include "text.h"
#include <cblas.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_sort.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Natural times. Units: 1/max_j |grad f(x0)_j|, in which the dual variable moves by one. */
static const double BASE_HORIZON = 80;   /* of --t-end, and the part drawn at even distances */
static const double SCALE_HORIZON = 4;   /* added for each unit of ln(1/beta) */
static const double LAST_HORIZON = 1e14; /* where a run that does not settle is given up */
/* A gradient flow beside the mirror flow must cost well below a second. */
static const double PARTNER_FLOPS = 2e9;
/* Numbers of x(t) that are kept for state.npz; beyond that only KEPT_COORDINATES are. */
static const double STATE_NUMBERS = 2e7;
enum { KEPT_COORDINATES = 100 };
/* Newton systems of the oracles: n^2 d up to this. */
static const double ORACLE_FLOPS = 3e8;

/* ---- Building a run ------------------------------------------------------------------------- */

void ms_run_add_note(ms_run *run, const char *format, ...) {
  if (run->notes == MS_NOTES_MAX)
    return;
  va_list args;
  va_start(args, format);
  vsnprintf(run->note[run->notes++], MS_NOTE_LENGTH, format, args);
  va_end(args);
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* One value for all coordinates, or a file with d of them. */
static ms_status read_values(const ms_config *cfg, const char *name, bool logs, size_t d,
                             double *values, ms_error *err) {
  const char *text = ms_config_text(cfg, name);
  double one;
  if (logs ? ms_parse_log(text, &one) : ms_parse_real(text, &one)) {
    for (size_t j = 0; j < d; j++)
      values[j] = one;
    return MS_OK;
  }
  double *from_file;
  size_t count;
  ms_status status = ms_vector_read(&from_file, &count, text, logs, err);
  if (status != MS_OK)
    return status;
  if (count == d)
    memcpy(values, from_file, d * sizeof *values);
  else
    status = ms_fail(err, MS_BAD_INPUT, "%s: has %zu numbers; %s takes one or d = %zu", text, count,
                     ms_config_origin(cfg, name), d);
  free(from_file);
  return status;
}

/* kappa = arcsinh(x0 / beta), with beta of any magnitude. */
static double hyperbolic_kappa(double x0, double ln_beta) {
  if (x0 == 0)
    return 0;
  double ln_ratio = log(fabs(x0)) - ln_beta;
  return copysign(ln_ratio > 20 ? ln_ratio + log(2) : asinh(exp(ln_ratio)), x0);
}

static ms_status locate(ms_run *run, ms_error *err) {
  const ms_param *p = &run->param;
  for (size_t j = 0; j < run->problem->Z->d; j++) {
    const char *why = "";
    if (!p->locate) {
      run->kappa[j] = hyperbolic_kappa(run->start_x[j], run->ln_beta[j]);
      continue;
    }
    if (!p->locate(p, run->ln_beta[j], run->start_x[j], &run->kappa[j], &why))
      return ms_fail(err, MS_BAD_SETTING, "%s: %g is not allowed for --param %s: %s",
                     ms_config_origin(run->cfg, "init-x"), run->start_x[j], p->name, why);
    /* where 0 stands for beta, it starts there */
    ms_start start = {run->ln_beta, run->kappa};
    double mu = 0, x;
    if (p->primal && p->primal(p, &start, j, 1, 0, &mu, &x, NULL) == 0)
      run->start_x[j] = x;
  }
  return MS_OK;
}

/* The parametrization named, as a copy of its own adapted to --depth. */
static ms_status build_param(ms_run *run, ms_error *err) {
  for (size_t i = 0; ms_param_at(i); i++)
    if (strcmp(ms_param_at(i)->name, ms_config_text(run->cfg, "param")) == 0)
      run->param = *ms_param_at(i);
  ms_param *p = &run->param;
  bool given = ms_config_given(run->cfg, "depth");
  size_t depth = given ? ms_config_count(run->cfg, "depth") : p->depth;
  if (given && !p->configure)
    return ms_fail(err, MS_BAD_SETTING, "%s: --param %s has no depth",
                   ms_config_origin(run->cfg, "depth"), p->name);
  if (p->configure && (depth < p->depth_min || depth > p->depth_max))
    return ms_fail(err, MS_BAD_SETTING, "%s: '%zu' is not allowed; --param %s takes %zu to %zu",
                   ms_config_origin(run->cfg, "depth"), depth, p->name, p->depth_min, p->depth_max);
  if (p->configure)
    p->configure(p, depth);
  run->setup.param = p;
  return MS_OK;
}

static ms_status build_start(ms_run *run, ms_error *err) {
  size_t n = run->problem->Z->n, d = run->problem->Z->d;
  run->ln_beta = ms_doubles(d);
  run->kappa = ms_doubles(d);
  run->start_x = ms_doubles(d);
  run->x = ms_doubles(d);
  run->last_x = ms_doubles(d);
  run->partner_x = ms_doubles(d);
  run->Zx = ms_doubles(n);
  run->scratch = ms_doubles(n + d);
  if (!run->ln_beta || !run->kappa || !run->start_x || !run->x || !run->last_x || !run->partner_x ||
      !run->Zx || !run->scratch)
    return ms_no_memory(err);
  ms_status status = read_values(run->cfg, "init-scale", true, d, run->ln_beta, err);
  if (status == MS_OK)
    status = read_values(run->cfg, "init-x", false, d, run->start_x, err);
  return status == MS_OK ? locate(run, err) : status;
}

static double largest(const double *v, size_t n) {
  return n ? fabs(v[cblas_idamax((int)n, v, 1)]) : 0;
}

/* The unit of gradients: the larger of max |grad f| at x0 and at 0. */
static double gradient_scale(ms_run *run) {
  const ms_problem *p = run->problem;
  double *r = run->scratch, *g = run->scratch + p->Z->n, scale;
  ms_matrix_mul(p->Z, run->start_x, run->Zx);
  ms_flow_gradient(p, run->Zx, r, g);
  scale = largest(g, p->Z->d);
  memset(run->Zx, 0, p->Z->n * sizeof *run->Zx);
  ms_flow_gradient(p, run->Zx, r, g);
  scale = fmax(scale, largest(g, p->Z->d));
  return scale > 0 && isfinite(scale) ? scale : 1;
}

/* f at the same x, here 0, of the problem as given and as it is integrated. */
static double loss_offset(ms_run *run) {
  if (!run->core)
    return 0;
  memset(run->Zx, 0, run->problem->Z->n * sizeof *run->Zx);
  double offset = ms_problem_loss(run->problem, run->Zx) - ms_problem_loss(run->core, run->Zx);
  /* What is left where the equations agree is rounding. */
  return offset > 1e-14 * ms_problem_loss(run->problem, run->Zx) ? offset : 0;
}

/* Planned times: even up to `base`, then in equal ratios up to t_end. */
static ms_status plan_times(ms_run *run, double base, ms_error *err) {
  size_t even = ms_config_count(run->cfg, "points");
  double t_end = run->setup.t_end;
  size_t more = t_end > base ? (size_t)ceil(20 * log10(t_end / base)) : 0;
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

/* All coordinates, or of a large problem those of largest first gradient. */
static ms_status choose_kept(ms_run *run, ms_error *err) {
  size_t d = run->problem->Z->d;
  run->kept = d;
  if ((double)run->points * (double)d > STATE_NUMBERS)
    run->kept = MS_MIN(d, KEPT_COORDINATES);
  run->coordinates = calloc(run->kept, sizeof *run->coordinates);
  if (!run->coordinates)
    return ms_no_memory(err);
  for (size_t k = 0; k < run->kept; k++)
    run->coordinates[k] = k;
  if (run->kept == d)
    return MS_OK;
  double *g = run->scratch + run->problem->Z->n;
  memset(run->Zx, 0, run->problem->Z->n * sizeof *run->Zx);
  ms_flow_gradient(run->problem, run->Zx, run->scratch, g);
  for (size_t j = 0; j < d; j++)
    g[j] = fabs(g[j]);
  gsl_sort_largest_index(run->coordinates, run->kept, g, 1, d);
  ms_run_add_note(run,
                  "x(t) is kept for the %zu coordinates of largest first gradient; all of them "
                  "would be %.2g numbers.",
                  run->kept, (double)run->points * (double)d);
  return MS_OK;
}

static ms_status build_schedule(ms_run *run, ms_error *err) {
  ms_setup *s = &run->setup;
  double G = s->gradient_scale, least = 0;
  for (size_t j = 0; j < run->problem->Z->d; j++)
    least = fmin(least, run->ln_beta[j]);
  double base = (BASE_HORIZON - SCALE_HORIZON * least) / G;
  if (ms_config_text(run->cfg, "wd-off"))
    base = fmax(base, 2 * ms_config_real(run->cfg, "wd-off"));
  bool given = ms_config_text(run->cfg, "t-end") != NULL, discrete = s->method->discrete;
  if (given)
    base = ms_config_real(run->cfg, "t-end");
  ms_status status = ms_schedule_new(&run->schedule, run->cfg, G / 4, base / 2, err);
  if (status != MS_OK)
    return status;
  s->schedule = run->schedule;
  s->t_end = base;
  if (!given && !discrete) {
    double dose = ms_schedule_dose(run->schedule, base);
    s->t_end = fmax(LAST_HORIZON / G, 100 * (base + 4 * dose / G));
  }
  status = plan_times(run, base, err);
  return status == MS_OK ? choose_kept(run, err) : status;
}

/* mu is of the size x / beta: below the smallest doubles there is nothing to integrate. */
static ms_status check_scale(const ms_run *run, ms_error *err) {
  double size = ms_flow_solution_size(&run->setup), widest = -INFINITY;
  for (size_t j = 0; j < run->problem->Z->d; j++)
    widest = fmax(widest, run->ln_beta[j]);
  double most = log(size > 0 ? size : 1) + 20 * log(10);
  if (widest <= most)
    return MS_OK;
  return ms_fail(err, MS_BAD_SETTING,
                 "%s: '%s' is not allowed; at most %.1g, 1e20 times the size of "
                 "x: from 1e3 times on the flow is that of x itself",
                 ms_config_origin(run->cfg, "init-scale"), ms_config_text(run->cfg, "init-scale"),
                 exp(most));
}

static bool partner_is_cheap(const ms_run *run) {
  double n = (double)run->problem->Z->n, d = (double)run->problem->Z->d,
         p = d * (double)run->setup.param->width;
  return 20 * p * p * p + 4000 * n * d <= PARTNER_FLOPS;
}

/* argmin { R_a(x) : Zx = y } at the total dose, or the LASSO where alpha stays on. For a dose that
 * diverges while alpha tends to 0: at `dose`. */
static ms_status find_limit(const ms_run *run, double dose, double *x, ms_error *err) {
  const ms_setup *s = &run->setup;
  double from, alpha = ms_schedule_limit(run->schedule, &from);
  if (alpha > 0)
    return ms_oracle_lasso(s->problem, s->param->cost * alpha, 1e-12, x, err);
  double total = ms_schedule_total(run->schedule);
  if (isfinite(total))
    dose = total;
  if (!isfinite(dose))
    return ms_fail(err, MS_UNSUPPORTED,
                   "the dose of this schedule diverges while alpha tends to 0");
  return ms_oracle_interpolator(s->problem, s->param, &s->start, -dose, 1e-11, x, err);
}

static ms_status build_limit(ms_run *run, ms_error *err) {
  run->points = 1;
  run->times[0] = INFINITY;
  run->given = ms_doubles(run->problem->Z->d);
  return run->given ? find_limit(run, INFINITY, run->given, err) : ms_no_memory(err);
}

/* The path for the scales as they are: their logarithms, relative to the smallest, are the growth
 * times of arXiv 2607.12332. */
static ms_status build_saddle(ms_run *run, ms_error *err) {
  const ms_setup *s = &run->setup;
  size_t d = run->problem->Z->d, count;
  double least = 0;
  if (ms_schedule_total(run->schedule) > 0)
    return ms_fail(err, MS_UNSUPPORTED,
                   "--flow saddle is the path without weight decay: it takes "
                   "--wd-schedule none");
  for (size_t j = 0; j < d; j++)
    least = fmin(least, run->ln_beta[j]);
  double *grow = ms_doubles(2 * d);
  if (!grow)
    return ms_no_memory(err);
  ms_status status = MS_OK;
  for (size_t j = 0; j < d && status == MS_OK; j++) {
    grow[j] = (run->ln_beta[j] + run->kappa[j]) / least;
    grow[d + j] = (run->ln_beta[j] - run->kappa[j]) / least;
    if (!(least < 0) || grow[j] < 0 || grow[d + j] < 0)
      status = ms_fail(err, MS_UNSUPPORTED,
                       "--flow saddle is the limit of small scales: it takes an "
                       "--init-scale below 1 and --init-x within it");
  }
  ms_saddle *path = NULL;
  if (status == MS_OK)
    status = ms_saddle_path(s->problem, s->param->rate, grow, grow + d, &path, &count, err);
  free(grow);
  if (status != MS_OK)
    return status;
  free(run->times);
  run->points = count;
  run->times = ms_doubles(count);
  run->given = ms_doubles(count * d);
  for (size_t i = 0; i < count && run->times && run->given; i++) {
    run->times[i] = -least * path[i].time;
    memcpy(run->given + i * d, path[i].x, d * sizeof *path[i].x);
  }
  ms_saddle_free(path, count);
  run->kept = d;
  for (size_t j = 0; j < d && run->coordinates; j++)
    run->coordinates[j] = j;
  return run->times && run->given ? MS_OK : ms_no_memory(err);
}

static ms_status build_flows(ms_run *run, ms_error *err) {
  const char *mode = ms_config_text(run->cfg, "flow"), *state = ms_config_text(run->cfg, "state");
  ms_setup *s = &run->setup;
  bool limit = strcmp(mode, "limit") == 0, saddle = strcmp(mode, "saddle") == 0;
  if ((limit || saddle) && (run->problem->loss != ms_loss_at(0) || !(s->param->rate > 0)))
    return ms_fail(err, MS_UNSUPPORTED,
                   "--flow %s is there for the squared loss and --param mw and "
                   "uv",
                   mode);
  run->flow_name = mode;
  if ((limit || saddle) && !s->problem->Z->values)
    return ms_fail(err, MS_UNSUPPORTED, "--flow %s: the sparse Z is too large for it", mode);
  if (limit || saddle)
    return limit ? build_limit(run, err) : build_saddle(run, err);
  bool mirror = strcmp(mode, "gradient") != 0, exists = s->param->primal != NULL;
  if (mirror && !exists && strcmp(mode, "auto") != 0)
    return ms_fail(err, MS_UNSUPPORTED, "--flow %s: the parametrization '%s' has no mirror flow",
                   mode, s->param->name);
  mirror = mirror && exists;
  bool gradient = !mirror || strcmp(mode, "both") == 0;
  if (strcmp(mode, "auto") == 0 && mirror) {
    gradient = s->method->discrete || partner_is_cheap(run);
    if (!gradient)
      ms_run_add_note(run, "The gradient flow is left out, it is expensive at this size: --flow "
                           "both integrates it too.");
  }
  if (gradient && mirror && !ms_flow_representable(s)) {
    gradient = false;
    ms_run_add_note(run, "The gradient flow is left out: its weights w would be smaller or larger "
                         "than double precision holds. The mirror flow has no such limit.");
  }
  const char *form = "gradient";
  if (mirror)
    form = strcmp(state, "auto") != 0                ? state
           : run->problem->Z->n < run->problem->Z->d ? "sample-dual"
                                                     : "dual";
  if (s->solver == MS_SOLVER_CG && strcmp(form, "sample-dual") != 0)
    return ms_fail(err, MS_UNSUPPORTED, "%s: 'cg' is there for --state sample-dual, not for %s",
                   ms_config_origin(run->cfg, "solver"), form);
  run->flow_name = mirror ? (gradient ? "both" : "mirror") : "gradient";
  ms_setup training = *s, beside = *s;
  if (s->method->stochastic)
    training.problem =
        run->problem; /* its noise is that of the samples, not of their combinations */
  if (s->method->discrete && mirror && gradient) {
    /* the training is what is recorded, the mirror flow what it is compared with */
    beside.method = ms_method_at(0);
    ms_status status = ms_flow_new(&run->flow, ms_flow_class_find("gradient"), &training, err);
    if (status == MS_OK)
      status = ms_flow_new(&run->partner, ms_flow_class_find(form), &beside, err);
    return status;
  }
  ms_status status = ms_flow_new(&run->flow, ms_flow_class_find(form), &training, err);
  if (status != MS_OK)
    return status;
  run->flow->may_finish = !s->method->discrete;
  if (mirror && gradient)
    status = ms_flow_new(&run->partner, ms_flow_class_find("gradient"), s, err);
  return status;
}

/* Steps of gd are stable up to 2 / (largest curvature): of f in x, times |dg|^2 = dx/dmu. */
static double default_lr(const ms_run *run) {
  const ms_matrix *Z = run->problem->Z;
  double norm = ms_matrix_norm(Z), widest = -INFINITY, size = 0;
  for (size_t j = 0; j < Z->d; j++)
    widest = fmax(widest, run->ln_beta[j]);
  if (run->problem->truth)
    size = largest(run->problem->truth, Z->d);
  size = fmax(size, ms_flow_solution_size(&run->setup));
  /* the largest eigenvalue of Z'Z is at most |Z|_F^2, and about (1 + sqrt(n/d))^2 d for Gaussian Z
   */
  double top = norm * norm * fmin(1, 4 / (double)MS_MIN(Z->n, Z->d));
  const ms_param *p = run->setup.param;
  double rate = p->steepness ? p->steepness(p, size > 0 ? size : 1) : p->rate;
  double curvature = rate * hypot(size, exp(widest)) * top / run->problem->samples;
  return curvature > 0 ? 0.2 / curvature : 0.01;
}

static void set_training(ms_run *run) {
  ms_training *t = &run->setup.training;
  const ms_config *cfg = run->cfg;
  t->lr = ms_config_text(cfg, "lr") ? ms_config_real(cfg, "lr") : default_lr(run);
  t->momentum = ms_config_real(cfg, "momentum");
  t->batch = ms_config_count(cfg, "batch");
  t->dt = ms_config_text(cfg, "dt") ? ms_config_real(cfg, "dt") : t->lr;
  t->seed = (uint64_t)ms_config_real(cfg, "seed");
}

static void describe(ms_run *run) {
  const ms_matrix *Z = run->problem->Z;
  double cost = run->param.cost, alpha0 = run->schedule->alpha0;
  bool chosen = !ms_config_given(run->cfg, "wd") && !run->schedule->knots && alpha0 > 0;
  if (chosen && isfinite(cost))
    ms_run_add_note(run,
                    "alpha0 = %.4g was chosen: a quarter of max_j |grad f(x0)_j|; a constant alpha "
                    "of %.4g or more ends at x = 0.",
                    alpha0, run->setup.gradient_scale / cost);
  else if (chosen)
    ms_run_add_note(run, "alpha0 = %.4g was chosen: a quarter of max_j |grad f(x0)_j|.", alpha0);
  if (Z->n >= Z->d && run->problem->loss->quadratic)
    ms_run_add_note(run,
                    "n = %zu >= d = %zu: unless Z is rank-deficient f has one minimizer; the "
                    "dose then changes the way of x, not its end.",
                    Z->n, Z->d);
}

static ms_status build(ms_run *run, ms_error *err) {
  ms_config *cfg = run->cfg;
  ms_setup *s = &run->setup;
  ms_matrix_threads(ms_config_count(cfg, "threads"));
  ms_status status = ms_problem_new(&run->problem, cfg, err);
  if (status == MS_OK)
    status = build_param(run, err);
  if (status == MS_OK)
    status = build_start(run, err);
  if (status == MS_OK)
    status = ms_problem_reduce(&run->core, run->problem, err);
  if (status != MS_OK)
    return status;
  s->problem = run->core ? run->core : run->problem;
  s->start = (ms_start){run->ln_beta, run->kappa};
  for (size_t i = 0; ms_method_at(i); i++)
    if (strcmp(ms_method_at(i)->name, ms_config_text(cfg, "method")) == 0)
      s->method = ms_method_at(i);
  s->rtol = ms_config_real(cfg, "rtol");
  s->atol = ms_config_text(cfg, "atol") ? ms_config_real(cfg, "atol") : 0;
  const char *solver = ms_config_text(cfg, "solver");
  s->solver = strcmp(solver, "cg") == 0         ? MS_SOLVER_CG
              : strcmp(solver, "cholesky") == 0 ? MS_SOLVER_CHOLESKY
                                                : MS_SOLVER_AUTO;
  s->step_limit = ms_config_count(cfg, "max-steps");
  s->gradient_scale = gradient_scale(run);
  set_training(run);
  memset(run->Zx, 0, run->problem->Z->n * sizeof *run->Zx);
  s->stop_loss = ms_config_text(cfg, "stop-loss")
                     ? ms_config_real(cfg, "stop-loss")
                     : run->problem->loss->stop * ms_problem_loss(run->problem, run->Zx);
  /* weights of higher degree approach 0 like powers of t, not exponentially */
  s->stop_gradient = run->param.degree > 2 ? 1e-8 : 1e-12;
  s->loss_offset = loss_offset(run);
  status = check_scale(run, err);
  if (status == MS_OK)
    status = build_schedule(run, err);
  if (status == MS_OK)
    status = build_flows(run, err);
  if (status == MS_OK)
    describe(run);
  return status;
}

ms_status ms_run_new(ms_run **out, const ms_config *cfg, ms_error *err) {
  *out = NULL;
  gsl_set_error_handler_off();
  ms_run *run = calloc(1, sizeof *run);
  if (!run)
    return ms_no_memory(err);
  run->start_seconds = seconds_now();
  run->limit_gap = run->from_min_l1 = run->from_min_l2 = NAN;
  run->worst_gap = run->worst_drift = NAN;
  run->status = "running";
  run->cfg = ms_config_copy(cfg);
  ms_status status = run->cfg ? build(run, err) : ms_no_memory(err);
  if (status != MS_OK) {
    ms_run_free(run);
    return status;
  }
  *out = run;
  return MS_OK;
}

void ms_run_free(ms_run *run) {
  if (!run)
    return;
  ms_flow_free(run->flow);
  ms_flow_free(run->partner);
  ms_problem_free(run->problem);
  ms_problem_free(run->core);
  ms_schedule_free(run->schedule);
  ms_config_free(run->cfg);
  free(run->coordinates);
  double *blocks[] = {run->ln_beta, run->kappa,   run->times,     run->x,
                      run->Zx,      run->scratch, run->partner_x, run->start_x,
                      run->rows,    run->states,  run->given,     run->last_x};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    free(blocks[i]);
  free(run);
}

void ms_run_interrupt_on(ms_run *run, const volatile sig_atomic_t *flag) {
  if (run->flow)
    run->flow->integrator->interrupt = flag;
  if (run->partner)
    run->partner->integrator->interrupt = flag;
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

static size_t observable_count(void) {
  size_t count = 0;
  while (ms_observable_at(count))
    count++;
  return count;
}

static ms_status record(ms_run *run, double t, ms_error *err) {
  size_t columns = observable_count(), d = run->problem->Z->d, n = run->problem->Z->n;
  if ((run->recorded & (run->recorded - 1)) == 0) { /* a power of two: time to double */
    size_t room = run->recorded ? 2 * run->recorded : 1;
    double *rows = realloc(run->rows, room * columns * sizeof *rows);
    if (rows)
      run->rows = rows;
    double *states = realloc(run->states, room * run->kept * sizeof *states);
    if (states)
      run->states = states;
    if (!rows || !states)
      return ms_no_memory(err);
  }
  ms_view view = {.t = t,
                  .alpha = ms_schedule_alpha(run->schedule, t),
                  .dose = ms_schedule_dose(run->schedule, t),
                  .loss = ms_problem_loss(run->problem, run->Zx),
                  .x = run->x,
                  .Zx = run->Zx,
                  .r = run->scratch,
                  .g = run->scratch + n,
                  .problem = run->problem,
                  .setup = &run->setup,
                  .gap = NAN,
                  .drift = NAN};
  run->largest_x = fmax(run->largest_x, largest(run->x, d));
  if (run->flow)
    view.drift = ms_flow_invariant_drift(run->flow, t);
  if (isnan(view.drift) && run->partner)
    view.drift = ms_flow_invariant_drift(run->partner, t);
  if (run->partner) {
    double difference = 0;
    for (size_t j = 0; j < d; j++)
      difference = fmax(difference, fabs(run->x[j] - run->partner_x[j]));
    view.gap = difference > 0 ? difference / run->largest_x : 0;
  }
  run->worst_gap = worse(run->worst_gap, view.gap);
  run->worst_drift = worse(run->worst_drift, view.drift);
  double *row = run->rows + run->recorded * columns;
  for (size_t c = 0; c < columns; c++)
    row[c] = ms_observable_at(c)->value(&view);
  memcpy(run->last_x, run->x, d * sizeof *run->x);
  for (size_t k = 0; k < run->kept; k++)
    run->states[run->recorded * run->kept + k] = run->x[run->coordinates[k]];
  run->recorded++;
  return MS_OK;
}

ms_status ms_run_advance(ms_run *run, size_t i, ms_error *err) {
  if (i >= run->points)
    return ms_fail(err, MS_BAD_SETTING, "point %zu of %zu does not exist", i, run->points);
  double t = run->times[i];
  if (!run->flow) {
    size_t d = run->problem->Z->d;
    memcpy(run->x, run->given + i * d, d * sizeof *run->x);
    ms_matrix_mul(run->problem->Z, run->x, run->Zx);
    return record(run, t, err);
  }
  ms_status status = ms_flow_advance(run->flow, &t, run->x, run->Zx, err);
  if (status < 0)
    return status;
  if (run->partner) {
    double *other_Zx = run->scratch;
    ms_error why = {0};
    ms_status other = ms_flow_advance(run->partner, &t, run->partner_x, other_Zx, &why);
    if (other == MS_INTERRUPTED) {
      *err = why;
      return other;
    }
    if (other < 0) {
      ms_run_add_note(run, "The flow beside it ended early and is compared up to there: %s.",
                      why.message);
      ms_flow_free(run->partner);
      run->partner = NULL;
    }
  }
  if (run->core)
    ms_matrix_mul(run->problem->Z, run->x, run->Zx);
  ms_status recorded = record(run, t, err);
  return recorded < 0 ? recorded : status;
}

const double *ms_run_x(const ms_run *run, size_t *d) {
  *d = run->problem->Z->d;
  return run->recorded ? run->last_x : NULL;
}

double ms_run_t(const ms_run *run) {
  return ms_run_observe(run, "t");
}

double ms_run_observe(const ms_run *run, const char *name) {
  size_t columns = observable_count();
  for (size_t c = 0; c < columns && run->recorded; c++)
    if (strcmp(ms_observable_at(c)->name, name) == 0)
      return run->rows[(run->recorded - 1) * columns + c];
  return NAN;
}

const char *ms_run_note(const ms_run *run, size_t i) {
  return i < run->notes ? run->note[i] : NULL;
}

/* ---- The end -------------------------------------------------------------------------------- */

/* max_j |x_j - other_j| relative to the largest |x| there was. */
static double relative_distance(const ms_run *run, const double *other) {
  size_t d = run->problem->Z->d;
  double size = fmax(largest(other, d), run->largest_x), difference = 0;
  for (size_t j = 0; j < d; j++)
    difference = fmax(difference, fabs(run->x[j] - other[j]));
  return size > 0 ? difference / size : difference;
}

static void compare_with_limit(ms_run *run) {
  const ms_setup *s = &run->setup;
  size_t n = run->problem->Z->n, d = run->problem->Z->d;
  double small = (double)MS_MIN(n, d);
  if (run->problem->loss != ms_loss_at(0))
    return;
  if (small * small * (double)MS_MAX(n, d) > ORACLE_FLOPS || !s->problem->Z->values) {
    ms_run_add_note(run, "The end is not compared with the independent limit: expensive at this "
                         "size.");
    return;
  }
  double *x = ms_doubles(d);
  ms_error err = {0};
  if (x && s->param->rate > 0 && run->flow) {
    if (find_limit(run, ms_run_observe(run, "dose"), x, &err) == MS_OK)
      run->limit_gap = relative_distance(run, x);
    else
      ms_run_add_note(run, "The end is not compared with the independent limit: %s.", err.message);
  }
  if (x && n < d) {
    if (ms_minimum_l1(s->problem, NULL, NULL, x, &err) == MS_OK)
      run->from_min_l1 = relative_distance(run, x);
    if (ms_minimum_l2(s->problem, run->start_x, x, &err) == MS_OK)
      run->from_min_l2 = relative_distance(run, x);
  }
  free(x);
}

ms_status ms_run_finish(ms_run *run, ms_status outcome, const ms_error *why, ms_error *err) {
  if (!run->recorded)
    return ms_fail(err, MS_STALLED, "nothing was recorded");
  run->finished = true;
  run->seconds = seconds_now() - run->start_seconds;
  run->status = outcome == MS_OK            ? (run->flow ? "t_end" : run->flow_name)
                : outcome == MS_ENDED       ? run->flow->end
                : outcome == MS_INTERRUPTED ? "interrupted"
                                            : "failed";
  if (outcome < 0 && why)
    snprintf(run->message, sizeof run->message, "%s", why->message);
  if (outcome >= 0) {
    size_t d;
    memcpy(run->x, ms_run_x(run, &d), run->problem->Z->d * sizeof(double));
    compare_with_limit(run);
  }
  run->limit_seconds = seconds_now() - run->start_seconds - run->seconds;
  return MS_OK;
}
