/* Whether a run is as exact as its tolerance says. */
#include "run/run.h"
#include <math.h>
#include <string.h>

/* Above degree 2 weights leave a plateau after a time like 1 / w^{L-2}. A relative error of w then
 * moves x by as much times the length of the plateau. */
static const double TIMES_RTOL_ABOVE_2 = 1e4;
/* Two flows that are each within 10 rtol of the truth, the x of a flow at its end, and a law that
 * steps keep to rtol each: with room for transitions, which pass on what came before them. */
static const double TIMES_RTOL = 100;
/* What rounding leaves. */
static const double LEAST_ALLOWED = 1e-9;
/* Above this flows are not the same, however loose the tolerance. */
static const double MOST_ALLOWED = 1e-3;

double ms_run_allowed(const ms_run *run) {
  const ms_setup *s = &run->setup;
  if (!s->method || s->method->discrete || !(s->rtol > 0))
    return NAN;
  double times = s->param && s->param->degree > 2 ? TIMES_RTOL_ABOVE_2 : TIMES_RTOL;
  double allowed = fmin(times * fmax(s->rtol, s->atol), MOST_ALLOWED);
  return fmax(allowed, LEAST_ALLOWED);
}

static bool beyond(const ms_run *run, double value) {
  double allowed = ms_run_allowed(run);
  return isfinite(value) && isfinite(allowed) && value > allowed;
}

bool ms_run_gap_shows(const ms_run *run) {
  return run->flow && beyond(run, run->worst_gap);
}

void ms_run_judge(ms_run *run) {
  double allowed = ms_run_allowed(run);
  if (ms_run_gap_shows(run))
    ms_run_add_note(run,
                    "Gradient flow and mirror flow differ by %.2g of the largest |x|, at t = %.4g; "
                    "--rtol allows %.2g. At least one of them has lost digits: the x of this run "
                    "is not known better.",
                    run->worst_gap, run->worst_gap_t, allowed);
  if (run->flow && beyond(run, run->worst_drift))
    ms_run_add_note(run,
                    "The balance of the weights is off by %.2g of the largest |w|^2; --rtol allows "
                    "%.2g. The gradient flow has lost digits.",
                    run->worst_drift, allowed);
  if (run->flow && beyond(run, run->limit_gap))
    ms_run_add_note(run,
                    "The end differs from the independent limit by %.2g of the largest |x|; --rtol "
                    "allows %.2g. %s",
                    run->limit_gap, allowed,
                    strcmp(run->status, "t_end") == 0
                        ? "The run ended at t_end, before x came to rest."
                        : "Where the flow is this slow, or the limit this flat, a small residual "
                          "does not mean a small error of x.");
}
