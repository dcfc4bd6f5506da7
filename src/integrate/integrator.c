#include "integrate/integrator.h"
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* E-folds that a step may stray from a straight line. */
static const double STRAY_LIMIT = 1;

MS_REGISTER_HERE(method)

double ms_clock(const ms_ode *ode, double t) {
  return ode->log_unit > 0 ? log1p(t / ode->log_unit) : t;
}

double ms_clock_time(const ms_ode *ode, double clock) {
  return ode->log_unit > 0 ? ode->log_unit * expm1(clock) : clock;
}

double ms_clock_rate(const ms_ode *ode, double clock) {
  return ode->log_unit > 0 ? ode->log_unit * exp(clock) : 1;
}

void ms_integrator_free(ms_integrator *in) {
  if (!in)
    return;
  if (in->own)
    in->method->free(in);
  free(in->y);
  free(in->out);
  free(in->before);
  free(in);
}

ms_status ms_integrator_new(ms_integrator **out, const ms_method *method, const ms_ode *ode,
                            const double *y0, double t_end, size_t step_limit,
                            const ms_training *training, ms_error *err) {
  ms_integrator *in = calloc(1, sizeof *in);
  if (!in)
    return ms_no_memory(err);
  in->method = method;
  in->ode = ode;
  in->t_end = t_end;
  in->step_limit = step_limit;
  in->y = ms_doubles(ode->size);
  in->out = ms_doubles(ode->size);
  in->before = ms_doubles(ode->size);
  if (training)
    in->training = *training;
  if (!in->y || !in->out || !in->before) {
    ms_integrator_free(in);
    return ms_no_memory(err);
  }
  memcpy(in->y, y0, ode->size * sizeof *y0);
  memcpy(in->out, y0, ode->size * sizeof *y0);
  ms_status status = method->create(in, err);
  if (status != MS_OK) {
    ms_integrator_free(in);
    return status;
  }
  *out = in;
  return MS_OK;
}

/* Pieces too short to step through: a method cannot tell their ends apart. */
static bool negligible(double from, double to) {
  return to - from <= 8 * DBL_EPSILON * fmax(fabs(from), fabs(to));
}

static ms_status enter_piece(ms_integrator *in, ms_error *err) {
  const ms_ode *ode = in->ode;
  if (in->method->discrete) {
    in->stop = INFINITY;
    in->started = true;
    ode->enter(ode->self, in->t, INFINITY);
    return MS_OK;
  }
  double next = fmin(ode->next_break(ode->self, in->t), in->t_end);
  while (next < in->t_end && negligible(in->t, next)) {
    in->t = next;
    next = fmin(ode->next_break(ode->self, in->t), in->t_end);
  }
  if (negligible(in->t, next)) {
    in->t = in->stop = next;
    return MS_OK;
  }
  in->stop = next;
  in->started = true;
  ode->enter(ode->self, in->t, next);
  if (ode->choose)
    ode->choose(ode->self, in->t, in->y);
  return in->method->restart(in, err);
}

static ms_status check_finite(ms_integrator *in, ms_error *err) {
  for (size_t i = 0; i < in->ode->size; i++)
    if (!isfinite(in->y[i])) {
      char name[64];
      in->ode->component(in->ode->self, i, name, sizeof name);
      return ms_fail_at(err, MS_NOT_FINITE, in->t, "%s: %s is not finite at t = %.6g%s",
                        in->method->name, name, in->t,
                        in->method->discrete ? ": try a smaller --lr" : "");
    }
  return MS_OK;
}

/* Takes the last step back when something may have come and gone within it, which no error estimate
 * sees: the ends agree, and the way between them was never looked at. */
static ms_status take_back(ms_integrator *in, double before, ms_error *err) {
  const ms_ode *ode = in->ode;
  double middle = ms_clock_time(ode, (ms_clock(ode, before) + ms_clock(ode, in->t)) / 2);
  ms_status status = in->method->interpolate(in, middle, in->out, err);
  if (status != MS_OK ||
      ode->stray(ode->self, before, in->before, in->t, in->y, in->out) <= STRAY_LIMIT)
    return status;
  in->stop = before + (in->t - before) / 4;
  in->t = before;
  memcpy(in->y, in->before, ode->size * sizeof *in->y);
  in->taken_back++;
  return in->method->restart(in, err);
}

/* Ends the last step where F switches: a new piece begins there. */
static ms_status cut_short(ms_integrator *in, double before, ms_error *err) {
  const ms_ode *ode = in->ode;
  double holds = before, wrong = in->t;
  ms_status status = MS_OK;
  while (wrong - holds > 4 * DBL_EPSILON * wrong && status == MS_OK) {
    double middle = holds + (wrong - holds) / 2;
    status = in->method->interpolate(in, middle, in->out, err);
    if (status == MS_OK && ode->holds(ode->self, middle, in->out))
      holds = middle;
    else
      wrong = middle;
  }
  if (status == MS_OK)
    status = in->method->interpolate(in, wrong, in->out, err);
  memcpy(in->y, in->out, ode->size * sizeof *in->y);
  in->t = in->stop = wrong;
  return status;
}

/* ... with what would help: a number of steps that is enough, or the method for stiff flows. */
static ms_status limit_reached(const ms_integrator *in, ms_error *err) {
  char help[128] = "";
  if (in->method->discrete && isfinite(in->t_end) && in->t > 0)
    snprintf(help, sizeof help, "; at this step size t = %.6g takes %.3g of them", in->t_end,
             in->t_end / in->t * (double)in->steps);
  else if (!in->method->discrete && !in->method->implicit)
    snprintf(help, sizeof help, "; where the flow is stiff --method bdf takes longer steps");
  return ms_fail_at(err, MS_STALLED, in->t,
                    "%s: the limit of %zu steps (--max-steps) is used up at t = %.6g%s",
                    in->method->name, in->step_limit, in->t, help);
}

static ms_status step(ms_integrator *in, ms_error *err) {
  double before = in->t;
  if (in->interrupt && *in->interrupt)
    return ms_fail_at(err, MS_INTERRUPTED, in->t, "interrupted at t = %.6g", in->t);
  if (in->steps >= in->step_limit)
    return limit_reached(in, err);
  bool watched = in->ode->stray != NULL && !in->method->discrete;
  if (watched)
    memcpy(in->before, in->y, in->ode->size * sizeof *in->y);
  ms_status status = in->method->step(in, err);
  if (status == MS_OK)
    status = check_finite(in, err);
  if (status != MS_OK)
    return status;
  in->steps++;
  if (!(in->t > before)) {
    char name[64];
    in->ode->component(in->ode->self, in->method->worst(in), name, sizeof name);
    return ms_fail_at(
        err, MS_STALLED, in->t,
        "%s: the step has become too small to advance t = %.10g (largest error in %s)",
        in->method->name, in->t, name);
  }
  if (watched) {
    double reached = in->t;
    status = take_back(in, before, err);
    if (status != MS_OK || in->t < reached)
      return status;
  }
  if (in->ode->holds && !in->method->discrete && !in->ode->holds(in->ode->self, in->t, in->y))
    return cut_short(in, before, err);
  in->ended = in->ode->finished(in->ode->self, in->t, in->y);
  return MS_OK;
}

ms_status ms_integrator_advance(ms_integrator *in, double *t, ms_error *err) {
  double target = fmin(*t, in->t_end);
  in->target = target;
  while (in->t < target && !in->ended) {
    ms_status status = MS_OK;
    if (!in->started || in->t >= in->stop)
      status = enter_piece(in, err);
    if (status == MS_OK && in->t < fmin(in->stop, target))
      status = step(in, err);
    if (status != MS_OK)
      return status;
  }
  if (in->ended && target >= in->t) {
    *t = in->t;
    memcpy(in->out, in->y, in->ode->size * sizeof *in->y);
    return MS_ENDED;
  }
  if (target == in->t) {
    memcpy(in->out, in->y, in->ode->size * sizeof *in->y);
    return MS_OK;
  }
  return in->method->interpolate(in, target, in->out, err);
}

void ms_integrator_jump(ms_integrator *in) {
  memcpy(in->out, in->y, in->ode->size * sizeof *in->y);
  in->started = false;
}
