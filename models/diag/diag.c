/* Separable models: a problem Z, y and a parametrization x_j = g(w_j) of each feature. */
#include "base/random.h"
#include "diag/pair.h"
#include "diag/weights.h"
#include "flow/rest.h"
#include "limit/choice.h"
#include "limit/limit.h"
#include "limit/saddle.h"
#include "limit/svm.h"
#include "parallel/comm.h"
#include "param/custom_text.h"
#include "param/hyperbolic.h"
#include "problem/intercept.h"
#include "run/data_file.h"
#include "run/run.h"
#include "text/text.h"
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Natural times. Units: 1/max_j |grad f(x0)_j|, in which the dual variable moves by one. */
static const double STEPS_TO_THE_END = 3; /* of the default of --max-steps */
static const double BASE_HORIZON = 80;    /* of --t-end, and the part drawn at even distances */
static const double SCALE_HORIZON = 4;    /* added for each unit of ln(1/beta) */
/* A --t-end beyond this is reached in ln t where x grows like it. */
static const double LOG_HORIZON = 1e6;
/* What rounding leaves of gradients there: those of tiny slopes, with a margin of hundreds. */
static const double LOG_STATIONARY = 1e-10;
/* A gradient flow beside the mirror flow must cost well below a second. */
static const double PARTNER_FLOPS = 2e9;
/* Newton systems of the oracles: n^2 d up to this. */
static const double ORACLE_FLOPS = 3e8;

/* Squared weights of a formula at the start, relative to x, below which rounding covers them. */
static const double LEAST_IMBALANCE = 1e-10;

static ms_status locate(ms_run *run, ms_error *err) {
  for (size_t j = 0; j < run->problem->Z->d; j++) {
    const ms_param *p = ms_param_of(&run->param, j);
    const char *why = "";
    if (!p->locate) {
      run->kappa[j] = ms_scaled_asinh(run->start_x[j], run->ln_beta[j]);
      continue;
    }
    if (!p->locate(p, run->ln_beta[j], run->start_x[j], &run->kappa[j], &why))
      return ms_fail(err, MS_BAD_SETTING, "%s: %g is not allowed for --param %s: %s",
                     ms_config_origin(run->cfg, "init-x"), run->start_x[j], p->name, why);
    /* where 0 stands for beta, it starts there */
    ms_start start = {run->ln_beta, run->kappa};
    double mu = 0, x;
    p = &run->param;
    if (p->primal && p->primal(p, &start, j, 1, 0, &mu, &x, NULL) == 0)
      run->start_x[j] = x;
  }
  return MS_OK;
}

/* The parametrization named, as a copy of its own adapted to --depth. */
static ms_status build_param(ms_run *run, ms_error *err) {
  run->param = *ms_param_find(ms_config_text(run->cfg, "param"));
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
  if (p->number_setting && ms_config_text(run->cfg, p->number_setting))
    p->number = ms_config_real(run->cfg, p->number_setting);
  run->setup.param = p;
  run->n = run->problem->Z->n;
  return MS_OK;
}

static ms_status spread(ms_run *run, ms_error *err) {
  double sigma = ms_config_real(run->cfg, "init-spread");
  if (sigma == 0)
    return MS_OK;
  gsl_rng *rng = ms_random_new((uint64_t)ms_config_real(run->cfg, "seed"), MS_STREAM_INITIAL);
  if (!rng)
    return ms_no_memory(err);
  const ms_matrix *Z = run->problem->Z;
  for (size_t j = 0; Z->spread && j < Z->first; j++)   /* of the columns before these */
    ms_random_gaussian(rng, run->partner_x, 1, sigma); /* partner_x is scratch here */
  ms_random_gaussian(rng, run->partner_x, run->d, sigma);
  gsl_rng_free(rng);
  cblas_daxpy((int)run->d, 1, run->partner_x, 1, run->start_x, 1);
  return MS_OK;
}

static ms_status build_start(ms_run *run, ms_error *err) {
  size_t n = run->problem->Z->n, d = run->problem->Z->d;
  run->ln_beta = ms_doubles(d);
  run->kappa = ms_doubles(d);
  run->start_x = ms_doubles(d);
  run->partner_x = ms_doubles(d);
  run->Zx = ms_doubles(n);
  run->scratch = ms_doubles(n + d);
  if (!run->ln_beta || !run->kappa || !run->start_x || !run->partner_x || !run->Zx || !run->scratch)
    return ms_no_memory(err);
  ms_status status = ms_run_shape(run, d, err);
  if (status == MS_OK)
    status = ms_run_values(run->cfg, "init-scale", true, run->problem->Z, run->ln_beta, err);
  if (ms_config_given(run->cfg, "init-w")) {
    if (status == MS_OK)
      status = ms_diag_read_start(run, err);
    if (status == MS_OK && !run->param.at)
      status = locate(run, err);
    return status == MS_OK ? ms_diag_check_start(run, err) : status;
  }
  if (status == MS_OK && run->param.at)
    status = ms_custom_build(&run->param, run->cfg, d, NULL, 0, run->ln_beta, err);
  if (status == MS_OK)
    status = ms_run_values(run->cfg, "init-x", false, run->problem->Z, run->start_x, err);
  if (status == MS_OK)
    status = spread(run, err);
  return status == MS_OK ? locate(run, err) : status;
}

/* The unit of gradients: the larger of max |grad f| at x0 and at 0. */
static double gradient_scale(ms_run *run) {
  const ms_problem *p = run->problem;
  double *r = run->scratch, *g = run->scratch + p->Z->n, scale;
  ms_matrix_mul(p->Z, run->start_x, run->Zx);
  ms_flow_gradient(p, run->Zx, r, g);
  scale = ms_matrix_most(p->Z, ms_largest(g, p->Z->d));
  memset(run->Zx, 0, p->Z->n * sizeof *run->Zx);
  ms_flow_gradient(p, run->Zx, r, g);
  scale = fmax(scale, ms_matrix_most(p->Z, ms_largest(g, p->Z->d)));
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

/* Of a large problem those coordinates are kept that have the largest first gradient. */
static ms_status keep(ms_run *run, ms_error *err) {
  double *g = run->scratch + run->problem->Z->n;
  memset(run->Zx, 0, run->problem->Z->n * sizeof *run->Zx);
  ms_flow_gradient(run->problem, run->Zx, run->scratch, g);
  return ms_run_keep(run, g, err);
}

static ms_status build_schedule(ms_run *run, ms_error *err) {
  double G = run->setup.gradient_scale, least = 0;
  for (size_t j = 0; j < run->d; j++)
    least = fmin(least, run->ln_beta[j]);
  least = ms_matrix_least(run->problem->Z, least);
  const char *t_end = ms_config_text(run->cfg, "t-end");
  if (run->problem->loss->tail && t_end && ms_config_real(run->cfg, "t-end") * G > LOG_HORIZON) {
    run->setup.log_unit = 1 / G;
    run->setup.stop_gradient = fmax(run->setup.stop_gradient, LOG_STATIONARY);
  }
  ms_status status =
      ms_run_plan(run, G, (BASE_HORIZON - SCALE_HORIZON * least) / G, ms_run_may_end(run), err);
  return status == MS_OK ? keep(run, err) : status;
}

/* mu is of the size x / beta: below the smallest doubles there is nothing to integrate. */
static ms_status check_scale(const ms_run *run, const char *name, const double *ln_beta,
                             ms_error *err) {
  double size = ms_flow_solution_size(&run->setup), widest = -INFINITY;
  for (size_t j = 0; j < run->problem->Z->d; j++)
    widest = fmax(widest, ln_beta[j]);
  widest = ms_matrix_most(run->problem->Z, widest);
  double most = log(size > 0 ? size : 1) + 20 * log(10);
  if (widest <= most)
    return MS_OK;
  return ms_fail(err, MS_BAD_SETTING,
                 "%s: '%s' is not allowed; at most %.1g, 1e20 times the size of "
                 "x: from 1e3 times on the flow is that of x itself",
                 ms_config_origin(run->cfg, name), ms_config_text(run->cfg, name), exp(most));
}

/* beta jumps back at the multiples of --reset-every, as in Sign-In (arXiv 2504.12801). */
static ms_status build_resets(ms_run *run, ms_error *err) {
  const ms_config *cfg = run->cfg;
  const ms_setup *s = &run->setup;
  size_t d = run->problem->Z->d;
  const char *origin = ms_config_origin(cfg, "reset-every"), *mode = ms_config_text(cfg, "flow");
  run->next_reset = INFINITY;
  if (!ms_config_text(cfg, "reset-every")) {
    if (ms_config_given(cfg, "reset-beta"))
      return ms_fail(err, MS_BAD_SETTING, "%s: goes with --reset-every T, which says when",
                     ms_config_origin(cfg, "reset-beta"));
    return MS_OK;
  }
  if (!(s->param->rate > 0))
    return ms_fail(err, MS_BAD_SETTING,
                   "%s: goes with --param mw and uv, whose beta can be put back at the same x, not "
                   "with %s",
                   origin, s->param->name);
  if (s->method->discrete)
    return ms_fail(err, MS_BAD_SETTING,
                   "%s: goes with --method bdf and adams; the steps of %s pass over resets", origin,
                   s->method->name);
  if (strcmp(mode, "limit") == 0 || strcmp(mode, "saddle") == 0)
    return ms_fail(err, MS_BAD_SETTING, "%s: --flow %s integrates nothing that could be reset",
                   origin, mode);
  if (isinf(ms_schedule_total(run->schedule)) && isinf(ms_schedule_epoch(run->schedule)) &&
      !ms_config_text(cfg, "t-end"))
    return ms_fail(err, MS_BAD_SETTING,
                   "%s: under weight decay without end x never comes to rest: every reset moves it "
                   "again; it takes --t-end",
                   origin);
  run->reset_ln_beta = ms_doubles(d);
  ms_status status = run->reset_ln_beta ? MS_OK : ms_no_memory(err);
  if (status == MS_OK)
    memcpy(run->reset_ln_beta, run->ln_beta, d * sizeof *run->ln_beta);
  if (status == MS_OK && ms_config_text(cfg, "reset-beta"))
    status = ms_run_values(cfg, "reset-beta", true, run->problem->Z, run->reset_ln_beta, err);
  status = ms_all_agree(status, err);
  if (status == MS_OK)
    status = check_scale(run, "reset-beta", run->reset_ln_beta, err);
  run->setup.reset_every = ms_config_real(cfg, "reset-every");
  run->next_reset = ms_flow_next_reset(s, 0);
  return status;
}

static bool partner_is_cheap(const ms_run *run) {
  double n = (double)run->problem->Z->n, d = (double)run->problem->Z->d,
         p = d * (double)run->setup.param->width;
  return 20 * p * p * p + 4000 * n * d <= PARTNER_FLOPS;
}

/* Is the end of the flow known without integration: as argmin of the R_a of the whole schedule, on
 * all of x and with mu in the span of the samples, or as that of f + alpha S? */
static bool has_limit(const ms_run *run) {
  const ms_param *p = &run->param;
  double from, total = ms_schedule_total(run->schedule);
  if (p->positive || p->keeps_sign)
    return false;
  if (ms_schedule_limit(run->schedule, &from) > 0)
    return isfinite(p->cost);
  return p->primal && !p->force && !(total > 0 && (p->no_decay || (p->at && !p->warp)));
}

/* argmin f + lambda |x|_1; of several the one that the flow chooses, where that is known. */
static ms_status find_penalized(const ms_run *run, double lambda, double *x, ms_error *err) {
  const ms_setup *s = &run->setup;
  const ms_problem *p = s->problem;
  ms_status status = p->loss->quadratic ? ms_oracle_lasso(p, lambda, 1e-12, x, err)
                                        : ms_oracle_convex(p, lambda, 1e-12, x, err);
  /* strictly convex in Zx: squared, logistic, exponential, Poisson */
  bool strictly = p->loss->quadratic || p->loss->tail || p->loss->kind == MS_TARGET_COUNT;
  if (status == MS_OK && s->param->rate > 0 && strictly && !run->resets)
    status = ms_limit_choose(p, s->param, &s->start, lambda, x, err);
  return status;
}

/* argmin { R_a(x) : Zx = y } at the total dose, or the LASSO where alpha stays on. For a dose that
 * diverges while alpha tends to 0: at `dose`. */
static ms_status find_limit(const ms_run *run, double dose, double *x, ms_error *err) {
  const ms_setup *s = &run->setup;
  const ms_problem *p = s->problem;
  double from, alpha = ms_schedule_limit(run->schedule, &from);
  memset(x, 0, p->Z->d * sizeof *x);
  if (alpha > 0)
    return find_penalized(run, s->param->cost * alpha, x, err);
  double total = ms_schedule_total(run->schedule);
  if (isfinite(total))
    dose = total;
  if (!isfinite(dose))
    return ms_fail(err, MS_UNSUPPORTED,
                   "the dose of this schedule diverges while alpha tends to 0");
  double a = s->dose_before - dose;
  if (p->loss->quadratic)
    return ms_oracle_interpolator(p, s->param, &s->start, a, 1e-11, x, err);
  /* of all x with the Zx of the minimum of f, which is one where f is strictly convex in Zx */
  ms_problem fit = *p;
  ms_status status = ms_oracle_convex(p, 0, 1e-13, x, err);
  if (status == MS_OK && !(fit.y = ms_doubles(p->Z->n)))
    status = ms_no_memory(err);
  if (status != MS_OK)
    return status;
  ms_matrix_mul(p->Z, x, fit.y);
  status = ms_oracle_interpolator(&fit, s->param, &s->start, a, 1e-11, x, err);
  free(fit.y);
  return status;
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

/* Of mw the weights are kept such that this cannot happen, of a formula they are what they are. */
static bool loses_the_way_back(const ms_run *run) {
  double least = INFINITY;
  for (size_t j = 0; j < run->d; j++)
    least = fmin(least, run->ln_beta[j]);
  return run->param.at && !run->setup.method->discrete &&
         exp(2 * least) < LEAST_IMBALANCE * ms_flow_solution_size(&run->setup);
}

/* Weights that double precision does not hold leave the gradient flow out. A method that trains
 * weights has then nothing to step, unless mirror descent is asked for. */
static ms_status leave_gradient_out(ms_run *run, ms_error *err) {
  const ms_method *method = run->setup.method;
  if (method->discrete)
    return ms_fail(err, MS_UNSUPPORTED,
                   "%s: '%s' steps the weights, which would be smaller or larger than double "
                   "precision holds; --flow mirror steps mu instead (mirror descent), and --method "
                   "bdf has no such limit",
                   ms_config_origin(run->cfg, "method"), method->name);
  ms_run_add_note(run, "The gradient flow is left out: its weights w would be smaller or larger "
                       "than double precision holds. The mirror flow has no such limit.");
  return MS_OK;
}

static ms_status build_flows(ms_run *run, ms_error *err) {
  const char *mode = ms_config_text(run->cfg, "flow"), *state = ms_config_text(run->cfg, "state");
  ms_setup *s = &run->setup;
  bool limit = strcmp(mode, "limit") == 0, saddle = strcmp(mode, "saddle") == 0;
  if (saddle && !(s->param->rate > 0))
    return ms_fail(err, MS_UNSUPPORTED, "--flow saddle is there for --param mw and uv, not for %s",
                   s->param->name);
  if (limit && !has_limit(run))
    return ms_fail(err, MS_UNSUPPORTED,
                   "--flow limit: where --param %s ends under --wd-schedule %s is known by "
                   "integration only; --param mw and uv have it under every schedule",
                   s->param->name, ms_config_text(run->cfg, "wd-schedule"));
  if (saddle && run->problem->loss != &ms_loss_squared)
    return ms_fail(err, MS_UNSUPPORTED,
                   "--flow saddle is there for the squared loss, not for --loss %s",
                   run->problem->loss->name);
  run->flow_name = mode;
  if (limit && isfinite(ms_schedule_epoch(run->schedule)))
    return ms_fail(
        err, MS_UNSUPPORTED,
        "--flow limit: the dose of --wd-schedule adaptive is known only once it has been "
        "integrated");
  if ((limit || saddle) && !s->problem->Z->values)
    return ms_fail(err, MS_UNSUPPORTED, "--flow %s: the sparse Z is too large for it", mode);
  if (limit || saddle)
    return limit ? build_limit(run, err) : build_saddle(run, err);
  bool mirror = strcmp(mode, "gradient") != 0, exists = s->param->primal != NULL;
  bool either = strcmp(mode, "auto") == 0 || strcmp(mode, "one") == 0;
  if (strcmp(mode, "one") == 0 && s->method->discrete) /* trains weights */
    mirror = false;
  if (mirror && !exists && !either)
    return ms_fail(err, MS_UNSUPPORTED, "--flow %s: --param %s has no mirror flow: %s", mode,
                   s->param->name, s->param->no_mirror);
  if (mirror && s->param->at && !s->param->warp && ms_schedule_total(run->schedule) > 0) {
    static const char why[] = "under weight decay k has a mirror flow where it is homogeneous, "
                              "k(c theta) = c^L k(theta), with one L for all coordinates, and "
                              "--formula is not";
    if (!either)
      return ms_fail(err, MS_UNSUPPORTED,
                     "--flow %s: %s; --wd-schedule none has it, and --flow "
                     "gradient goes on without",
                     mode, why);
    ms_run_add_note(run, "There is the gradient flow alone: %s.", why);
    exists = false;
  }
  if (mirror && exists && s->param->no_decay && ms_schedule_total(run->schedule) > 0) {
    if (!either)
      return ms_fail(err, MS_UNSUPPORTED,
                     "--flow %s: --param %s has a mirror flow with --wd-schedule none only: %s",
                     mode, s->param->name, s->param->no_decay);
    ms_run_add_note(run,
                    "There is the gradient flow alone; a mirror flow only with --wd-schedule "
                    "none: %s.",
                    s->param->no_decay);
    exists = false;
  }
  mirror = mirror && exists;
  if (run->problem->Z->spread && !mirror)
    return ms_fail(
        err, MS_UNSUPPORTED,
        "--param %s has no mirror flow under weight decay, and the gradient flow is made "
        "by one process; --wd-schedule none has it",
        s->param->name);
  bool gradient = !mirror || strcmp(mode, "both") == 0;
  if (strcmp(mode, "auto") == 0 && mirror && !run->problem->Z->spread) {
    gradient = s->method->discrete || partner_is_cheap(run);
    if (!gradient)
      ms_run_add_note(run, "The gradient flow is left out, it is expensive at this size: --flow "
                           "both integrates it too.");
  }
  ms_setup after = *s; /* a reset */
  if (run->reset_ln_beta)
    after.start.ln_beta = run->reset_ln_beta;
  if (gradient && mirror && !(ms_flow_representable(s) && ms_flow_representable(&after))) {
    gradient = false;
    ms_status status = leave_gradient_out(run, err);
    if (status != MS_OK)
      return status;
  }
  if (gradient && mirror && strcmp(mode, "auto") == 0 && loses_the_way_back(run)) {
    gradient = false;
    ms_run_add_note(run, "The gradient flow is left out: from so small a start weights like those "
                         "of a b lose a - b beside a + b in their rounding, and with it the way "
                         "back through x = 0. The mirror flow has no such limit; --flow both "
                         "integrates both.");
  }
  const char *form = "gradient";
  if (mirror)
    form = strcmp(state, "auto") != 0                ? state
           : s->param->force                         ? "dual"
           : run->problem->Z->spread                 ? "sample-dual"
           : run->problem->Z->n < run->problem->Z->d ? "sample-dual"
                                                     : "dual";
  if (s->param->force && strcmp(form, "sample-dual") == 0)
    return ms_fail(
        err, MS_UNSUPPORTED,
        "%s: 'sample-dual' is not there for --param %s, whose mu is no combination of the "
        "samples",
        ms_config_origin(run->cfg, "state"), s->param->name);
  if (s->solver == MS_SOLVER_CG && strcmp(form, "sample-dual") != 0)
    return ms_fail(err, MS_UNSUPPORTED, "%s: 'cg' is there for --state sample-dual, not for %s",
                   ms_config_origin(run->cfg, "solver"), form);
  run->flow_name = !mirror               ? "gradient"
                   : gradient            ? "both"
                   : s->method->discrete ? "mirror-descent"
                                         : "mirror";
  ms_setup training = *s, beside = *s;
  if (s->method->stochastic) { /* its noise is that of the samples, not of their combinations */
    training.problem = run->problem;
    training.loss_offset = 0;
  }
  if (s->method->discrete && mirror && gradient) {
    /* the training is what is recorded, the mirror flow what it is compared with */
    beside.method = &ms_method_bdf;
    ms_status status = ms_flow_new(&run->flow, ms_flow_class_find("gradient"), &training, err);
    if (status != MS_OK)
      return status;
    run->flow->may_finish = ms_run_may_end(run);
    return ms_flow_new(&run->partner, ms_flow_class_find(form), &beside, err);
  }
  ms_status status = ms_flow_new(&run->flow, ms_flow_class_find(form), &training, err);
  if (status != MS_OK)
    return status;
  run->flow->may_finish = ms_run_may_end(run);
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
  widest = ms_matrix_most(Z, widest);
  if (run->problem->truth)
    size = ms_matrix_most(Z, ms_largest(run->problem->truth, Z->d));
  size = fmax(size, ms_flow_solution_size(&run->setup));
  /* the largest eigenvalue of Z'Z is at most |Z|_F^2, and about (1 + sqrt(n/d))^2 d for Gaussian Z
   */
  double top = norm * norm * fmin(1, 4 / (double)MS_MIN(Z->n, ms_matrix_columns(Z)));
  const ms_param *p = run->setup.param;
  double rate = p->steepness ? p->steepness(p, size > 0 ? size : 1) : p->rate;
  double curvature = rate * hypot(size, exp(widest)) * top / run->problem->samples, most = 1;
  for (size_t i = 0; run->problem->loss->formula && i < Z->n; i++) /* of the others: at most 1 */
    most = fmax(most, ms_loss_curvature(run->problem->loss, 0, run->problem->y[i]));
  curvature *= most;
  return curvature > 0 ? 0.2 / curvature : 0.01;
}

/* The dose at which the first coordinate's domain of mu is empty; INFINITY: none is. */
static double last_dose(const ms_run *run) {
  const ms_param *p = &run->param;
  double total = ms_schedule_total(run->schedule), least = INFINITY, low, high;
  for (size_t j = 0; p->domain && !p->at && j < run->d; j++) {
    double from = 0, to = fmin(total, 1e300);
    p->domain(p, run->ln_beta[j], run->kappa[j], -to, &low, &high);
    if (high > low)
      continue;
    for (int k = 0; k < 2000 && to - from > 1e-15 * to; k++) {
      double dose = from + (to - from) / 2;
      p->domain(p, run->ln_beta[j], run->kappa[j], -dose, &low, &high);
      *(high > low ? &from : &to) = dose;
    }
    least = fmin(least, to);
  }
  return ms_matrix_least(run->problem->Z, least);
}

/* Where the directions of x may end, for classes that can be separated. */
static ms_status build_svm(ms_run *run, ms_error *err) {
  const ms_problem *p = run->problem;
  double n = (double)p->Z->n, d = (double)p->Z->d;
  ms_error why = {0};
  if (p->loss->tail && p->Z->spread)
    ms_run_add_note(run, "There are no support vector machines to compare with: one process has "
                         "not all of Z.");
  if (p->loss->tail && p->mean)
    ms_run_add_note(run, "There are no support vector machines to compare with: they have no "
                         "intercept.");
  if (!p->loss->tail || p->mean || !p->Z->values || p->Z->spread ||
      n * d * fmin(n, d) > ORACLE_FLOPS)
    return MS_OK;
  double **at[] = {&run->svm_l1, &run->svm_l2};
  for (int k = 0; k < 2; k++) {
    double *x = *at[k] = ms_doubles(p->Z->d);
    if (!x)
      return ms_no_memory(err);
    if ((k ? ms_svm_l2(p, x, NULL, &why) : ms_svm_l1(p, x, &why)) != MS_OK) {
      free(x);
      *at[k] = NULL;
    }
  }
  if (why.status == MS_OUT_OF_DOMAIN)
    ms_run_add_note(run, "No x separates the classes: there is no margin to maximize.");
  else if (why.status)
    ms_run_add_note(run, "There is a reference less: %s.", why.message);
  return MS_OK;
}

static void describe(ms_run *run) {
  double dose = last_dose(run), from = 0, to = run->setup.t_end;
  if (ms_schedule_dose(run->schedule, to) >= dose) {
    for (int k = 0; k < 2000 && to - from > 1e-15 * to; k++) {
      double t = from + (to - from) / 2;
      *(ms_schedule_dose(run->schedule, t) < dose ? &from : &to) = t;
    }
    ms_run_add_note(run,
                    "The flow ends in finite time, at t = %.10g at the latest: weight decay "
                    "shrinks the domain of mu, which is empty from the dose %.6g on.",
                    to, dose);
  }
  const ms_matrix *Z = run->problem->Z;
  double cost = run->param.cost, alpha0 = run->schedule->alpha0;
  bool chosen = !ms_config_given(run->cfg, "wd") && !run->schedule->literal && alpha0 > 0;
  if (chosen && isfinite(cost))
    ms_run_add_note(run,
                    "alpha0 = %.4g was chosen: a quarter of max_j |grad f(x0)_j|; a constant alpha "
                    "of %.4g or more ends at x = 0.",
                    alpha0, run->setup.gradient_scale / cost);
  else if (chosen)
    ms_run_add_note(run, "alpha0 = %.4g was chosen: a quarter of max_j |grad f(x0)_j|%s.", alpha0,
                    run->param.warp && run->param.degree > 3 ? ", divided by L - 2" : "");
  size_t rank = run->core ? run->core->Z->n : MS_MIN(Z->n, ms_matrix_columns(Z));
  if (Z->n >= ms_matrix_columns(Z) && run->problem->loss->quadratic && rank < ms_matrix_columns(Z))
    ms_run_add_note(run,
                    "The rank of Z is %zu, below d = %zu, though n = %zu: f has many minimizers; "
                    "the start and the dose choose.",
                    rank, ms_matrix_columns(Z), Z->n);
  else if (Z->n >= ms_matrix_columns(Z) && run->problem->loss->quadratic)
    ms_run_add_note(run,
                    "n = %zu >= d = %zu: unless Z is rank-deficient f has one minimizer; the "
                    "dose then changes the way of x, not its end.",
                    Z->n, ms_matrix_columns(Z));
}

/* Whether a value of a setting goes with several processes. */
static bool spreads(const char *setting, const char *value) {
  const ms_param *p = strcmp(setting, "param") == 0 ? ms_param_find(value) : NULL;
  if (p)
    return p->primal && !p->force && !p->at;
  static const char *const can[][4] = {{"flow", "auto", "one", "mirror"},
                                       {"state", "auto", "sample-dual"},
                                       {"method", "bdf", "adams"}};
  for (size_t i = 0; i < 3; i++)
    for (size_t k = 1; strcmp(setting, can[i][0]) == 0 && k < 4 && can[i][k]; k++)
      if (strcmp(can[i][k], value) == 0)
        return true;
  return false;
}

/* What several processes make together is the mirror flow in its n unknowns, which each of them
 * has; all else is of the size of d. */
static ms_status check_spread(const ms_config *cfg, ms_error *err) {
  static const char *const names[] = {"flow", "state", "method", "param"};
  for (size_t i = 0; ms_all_size() > 1 && i < 4; i++) {
    char allowed[160] = "";
    const char *text = ms_config_text(cfg, names[i]), *value;
    for (size_t k = 0; (value = ms_setting_find(names[i])->choice(k, NULL)); k++)
      if (spreads(names[i], value))
        snprintf(allowed + strlen(allowed), sizeof allowed - strlen(allowed), "%s%s",
                 *allowed ? ", " : "", value);
    if (!spreads(names[i], text))
      return ms_fail(err, MS_UNSUPPORTED,
                     "%s: '%s' is there for one process; the %zu of mpirun that make this run "
                     "together take %s",
                     ms_config_origin(cfg, names[i]), text, ms_all_size(), allowed);
  }
  return MS_OK;
}

/* Steps of a fixed size are counted beforehand: somewhat more than the default of --max-steps that
 * lead to the end are allowed. */
static void allow_steps_to_the_end(ms_run *run) {
  ms_setup *s = &run->setup;
  double size =
      s->method == &ms_method_sde ? s->training.dt : s->training.lr / (1 - s->training.momentum);
  double steps = ceil(s->t_end / size);
  if (s->method->discrete && !ms_config_given(run->cfg, "max-steps") &&
      steps <= STEPS_TO_THE_END * (double)s->step_limit)
    s->step_limit = MS_MAX(s->step_limit, (size_t)steps + 1);
}

/* Of x that is 0 within rtol of what it may become: of the data's solution, or where that is 0 of
 * the scale beta, from which rounding leaves something. */
static double least_size(const ms_run *run) {
  double size = ms_flow_solution_size(&run->setup), widest = -INFINITY;
  for (size_t j = 0; j < run->problem->Z->d; j++)
    widest = fmax(widest, run->ln_beta[j]);
  widest = ms_matrix_most(run->problem->Z, widest);
  return run->setup.rtol * (size > 0 ? size : exp(fmin(widest, 0)));
}

static ms_status build(ms_run *run, ms_error *err) {
  ms_config *cfg = run->cfg;
  ms_setup *s = &run->setup;
  ms_status status = check_spread(cfg, err);
  if (status == MS_OK)
    status = ms_problem_new(&run->problem, cfg, err);
  if (status == MS_OK)
    status = ms_problem_add_intercept(run->problem, cfg, err);
  if (status == MS_OK)
    ms_run_take_reading(run, &run->problem->reading);
  if (status == MS_OK)
    status = build_param(run, err);
  if (status == MS_OK)
    status = ms_all_agree(build_start(run, err), err);
  if (status == MS_OK)
    status = ms_problem_reduce(&run->core, run->problem, err);
  if (status != MS_OK)
    return status;
  s->problem = run->core ? run->core : run->problem;
  s->start = (ms_start){run->ln_beta, run->kappa};
  s->start_w = run->start_w;
  ms_run_method(run);
  if (s->method->stochastic && run->problem->mean)
    return ms_fail(err, MS_UNSUPPORTED,
                   "%s: is not there for --method %s, because the best intercept is one of all "
                   "samples and not a mean over them",
                   ms_config_origin(cfg, "intercept"), s->method->name);
  s->rtol = ms_config_real(cfg, "rtol");
  s->atol = ms_config_text(cfg, "atol") ? ms_config_real(cfg, "atol") : 0;
  const char *solver = ms_config_text(cfg, "solver");
  s->solver = strcmp(solver, "cg") == 0         ? MS_SOLVER_CG
              : strcmp(solver, "cholesky") == 0 ? MS_SOLVER_CHOLESKY
                                                : MS_SOLVER_AUTO;
  s->step_limit = ms_config_count(cfg, "max-steps");
  s->gradient_scale = gradient_scale(run);
  run->param.unit = s->gradient_scale;
  run->least_size = least_size(run);
  ms_run_training(run, default_lr(run));
  memset(run->Zx, 0, run->problem->Z->n * sizeof *run->Zx);
  const ms_loss *loss = run->problem->loss;
  if (ms_config_text(cfg, "stop-loss"))
    s->stop_loss = ms_config_real(cfg, "stop-loss");
  else if (!loss->tail || !ms_config_text(cfg, "t-end"))
    s->stop_loss = loss->stop * ms_problem_loss(run->problem, run->Zx);
  /* weights of higher degree approach 0 like powers of t, not exponentially */
  s->stop_gradient = run->param.degree > 2 ? 1e-8 : 1e-12;
  s->loss_offset = loss_offset(run);
  status =
      check_scale(run, ms_config_given(cfg, "init-w") ? "init-w" : "init-scale", run->ln_beta, err);
  if (status == MS_OK)
    status = build_schedule(run, err);
  double from;
  if (status == MS_OK && !ms_config_text(cfg, "stop-loss") &&
      ms_schedule_limit(run->schedule, &from) > 0)
    s->stop_loss = -INFINITY; /* weight decay that stays on moves x on, however small f is */
  allow_steps_to_the_end(run);
  if (status == MS_OK)
    status = build_resets(run, err);
  if (status == MS_OK)
    status = build_flows(run, err);
  if (status == MS_OK)
    status = build_svm(run, err);
  if (status == MS_OK)
    describe(run);
  if (status == MS_OK && run->problem->Z->spread && ms_config_text(cfg, "out"))
    ms_run_add_note(run, "data.npz is left out: no process has all of Z.");
  else if (status == MS_OK)
    ms_data_announce(run, "Z", (double)ms_matrix_entries(run->problem->Z));
  return status;
}

/* ---- Advancing ------------------------------------------------------------------------------ */

/* Once: a stationary point may then be no minimum. */
static void note_concavity(ms_run *run, double t) {
  const ms_problem *p = run->problem;
  size_t i = run->concave ? p->Z->n : ms_problem_concave(p, run->Zx);
  if (i == p->Z->n)
    return;
  run->concave = true;
  ms_run_add_note(run,
                  "The loss is not convex: at t = %.4g its second derivative is %.3g for sample "
                  "%zu (z = %.4g, y = %.4g). The flows go on, but may end at a stationary point "
                  "that is no minimum.",
                  t, ms_loss_curvature(p->loss, run->Zx[i], p->y[i]), i + 1, run->Zx[i], p->y[i]);
}

static void leave_partner(ms_run *run, const ms_error *why) {
  ms_run_add_note(run, "The flow beside it ended early and is compared up to there: %s.",
                  why->message);
  ms_flow_free(run->partner);
  run->partner = NULL;
}

static ms_status integrate(ms_run *run, double *t, ms_error *err) {
  size_t d = run->d;
  ms_status status = MS_OK;
  if (!run->flow) {
    size_t i = run->recorded;
    memcpy(run->x, run->given + i * d, d * sizeof *run->x);
    ms_matrix_mul(run->problem->Z, run->x, run->Zx);
  } else {
    status = ms_flow_advance(run->flow, t, run->x, run->Zx, err);
    if (status < 0)
      return status;
    run->end_name = run->flow->end;
  }
  if (run->partner) {
    double *other_Zx = run->scratch;
    ms_error why = {0};
    ms_status other = ms_flow_advance(run->partner, t, run->partner_x, other_Zx, &why);
    if (other == MS_INTERRUPTED) {
      *err = why;
      return other;
    }
    if (other < 0)
      leave_partner(run, &why);
  }
  if (run->core)
    ms_matrix_mul(run->problem->Z, run->x, run->Zx);
  run->loss = ms_problem_loss(run->problem, run->Zx);
  note_concavity(run, *t);
  run->drift = run->gap = NAN;
  if (run->flow)
    run->drift = ms_flow_invariant_drift(run->flow, *t);
  if (isnan(run->drift) && run->partner)
    run->drift = ms_flow_invariant_drift(run->partner, *t);
  if (run->partner)
    run->gap = ms_run_distance(run, run->partner_x);
  return status;
}

/* beta as --reset-every wants it, at the x that each flow has. */
static ms_status reset(ms_run *run, double t, ms_error *err) {
  ms_setup *s = &run->setup;
  ms_error why;
  if (run->resets == 0 && ms_diag_keep_start(run, err) != MS_OK)
    return err->status;
  s->dose_before = ms_schedule_dose(run->schedule, t);
  if (s->dose_before == ms_schedule_total(run->schedule))
    s->reset_every = 0; /* beta stays where it is now put */
  memcpy(run->ln_beta, run->reset_ln_beta, run->d * sizeof *run->ln_beta);
  for (size_t j = 0; j < run->d; j++)
    run->kappa[j] = ms_scaled_asinh(run->x[j], run->ln_beta[j]);
  ms_status status = ms_flow_reset(run->flow, s, run->x, err);
  if (status == MS_OK && run->partner &&
      ms_flow_reset(run->partner, s, run->partner_x, &why) != MS_OK)
    leave_partner(run, &why);
  run->next_reset = ms_flow_next_reset(s, t);
  run->resets++;
  return status;
}

/* To *t, and there and on the way to it whatever --reset-every does. */
static ms_status advance(ms_run *run, double *t, ms_error *err) {
  while (isfinite(run->next_reset) && run->next_reset <= *t) {
    double at = run->next_reset;
    ms_status status = integrate(run, &at, err);
    if (status == MS_OK)
      status = reset(run, at, err);
    if (status != MS_OK) {
      *t = at;
      return status;
    }
  }
  return integrate(run, t, err);
}

static void interrupt(ms_run *run, const volatile sig_atomic_t *flag) {
  flag = ms_all_interrupt(flag); /* all stop at the same step */
  if (run->flow)
    run->flow->integrator->interrupt = flag;
  if (run->partner)
    run->partner->integrator->interrupt = flag;
}

/* ---- The end -------------------------------------------------------------------------------- */

/* Says so where x rests near a saddle, and how long leaving it takes. */
static void note_saddle(ms_run *run) {
  const ms_flow *flow = run->flow;
  double t = ms_run_t(run);
  if (!flow || flow->setup.method->discrete || flow->setup.problem->Z->spread)
    return;
  double *g = run->scratch + run->problem->Z->n;
  ms_flow_gradient(run->problem, run->Zx, run->scratch, g);
  double leaving = ms_flow_leaving(run->flow, t, run->x, g);
  char when[64] = "at no time, because weight decay outruns it";
  if (isfinite(leaving))
    snprintf(when, sizeof when, "at about t = %.3g", t + leaving);
  if (leaving > t)
    ms_run_add_note(run,
                    "x rests near a saddle of the loss, which is no minimum: coordinates near 0 "
                    "are pulled away from it, so slowly that the first of them leaves %s. A larger "
                    "--init-scale or a smaller --wd leaves sooner.",
                    when);
}

static void compare_with_limit(ms_run *run) {
  const ms_setup *s = &run->setup;
  size_t n = run->problem->Z->n, d = run->problem->Z->d;
  double small = (double)MS_MIN(n, d);
  bool squared = run->problem->loss == &ms_loss_squared;
  double from, limit = ms_schedule_limit(run->schedule, &from);
  if (run->problem->loss->tail && !(limit > 0)) /* no end, a direction: see build_svm() */
    return;
  if (s->problem->Z->spread) {
    ms_run_add_note(run, "The end is not compared with the independent limit, nor with minimum-L1 "
                         "and minimum-L2 interpolators: one process has not all of Z.");
    return;
  }
  if (small * small * (double)MS_MAX(n, d) > ORACLE_FLOPS || !s->problem->Z->values) {
    ms_run_add_note(run, "The end is not compared with the independent limit: expensive at this "
                         "size.");
    return;
  }
  double *x = ms_doubles(d);
  ms_error err = {0};
  if (limit > 0 && run->resets)
    ms_run_add_note(run, "The end is not compared with that of a constant alpha: every reset of "
                         "beta leads away from it.");
  else if (x && has_limit(run) && run->flow) {
    if (find_limit(run, ms_run_observe(run, "dose"), x, &err) == MS_OK)
      run->limit_gap = ms_run_distance(run, x);
    else
      ms_run_add_note(run, "The end is not compared with the independent limit: %s.", err.message);
  }
  if (x && n < d && squared) {
    if (ms_minimum_l1(s->problem, NULL, NULL, x, &err) == MS_OK)
      run->from_min_l1 = ms_run_distance(run, x);
    if (ms_minimum_l2(s->problem, run->start_x, x, &err) == MS_OK)
      run->from_min_l2 = ms_run_distance(run, x);
  }
  free(x);
}

static void finish(ms_run *run) {
  note_saddle(run);
  compare_with_limit(run);
}

static double largest_margin(const double *svm, size_t d, bool l2) {
  if (!svm)
    return NAN;
  return 1 / (l2 ? cblas_dnrm2((int)d, svm, 1) : cblas_dasum((int)d, svm, 1));
}

static bool summary_at(const ms_run *run, size_t i, ms_summary *entry) {
  const ms_summary all[] = {
      {"margin_l1", "least, relative to |x|_1", NULL, ms_run_observe(run, "margin_l1"), false},
      {"margin_l1_largest", "that there is", NULL, largest_margin(run->svm_l1, run->d, false),
       false},
      {"angle_l1", "degrees to that", NULL, ms_run_observe(run, "angle_l1"), false},
      {"margin_l2", "least, relative to |x|_2", NULL, ms_run_observe(run, "margin_l2"), false},
      {"margin_l2_largest", "that there is", NULL, largest_margin(run->svm_l2, run->d, true),
       false},
      {"angle_l2", "degrees to that", NULL, ms_run_observe(run, "angle_l2"), false},
      {"resets", "of beta", NULL, run->reset_ln_beta ? (double)run->resets : NAN, true},
  };
  if (i < sizeof all / sizeof *all)
    *entry = all[i];
  return i < sizeof all / sizeof *all;
}

static void release(ms_run *run) {
  ms_flow_free(run->flow);
  ms_flow_free(run->partner);
  if (run->param.release)
    run->param.release(&run->param);
  double *blocks[] = {run->ln_beta, run->kappa,     run->reset_ln_beta, run->Zx,
                      run->scratch, run->partner_x, run->start_x,       run->given,
                      run->svm_l1,  run->svm_l2,    run->weights,       run->start_w};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    free(blocks[i]);
}

#define GROUP "Resets of beta"
static const ms_setting settings[] = {
    {"reset-every", MS_REAL, "T", NULL, .min = 0, .max = HUGE_VAL, .min_open = true, .group = GROUP,
     .help = "at T, 2T, ... the weights of --param mw or uv are put back to the scale --reset-beta "
             "at the same x; default: never"},
    {"reset-beta", MS_SCALE, "BETA", NULL, .group = GROUP,
     .help = "scale of --reset-every, as for --init-scale; default: --init-scale"},
    {.name = NULL},
};

const ms_model ms_model_diag = {
    .name = "diag",
    .summary = "diagonal linear network: x_j = g(w_j), one per feature",
    .settings = settings,
    .build = build,
    .spreads = true,
    .advance = advance,
    .observables = ms_observables_separable,
    .finish = finish,
    .interrupt = interrupt,
    .summary_at = summary_at,
    .release = release,
    .pair = ms_diag_pair,
    .data = ms_diag_data,
    .weights = &ms_diag_weights,
};
