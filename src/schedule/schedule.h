/* Weight-decay schedules alpha(t) and their doses A(t) = integral_0^t alpha, in closed form
 * (of a formula: to rounding, from Chebyshev series of its pieces). */
#ifndef MS_SCHEDULE_H
#define MS_SCHEDULE_H

#include "base/registry.h"

typedef struct ms_schedule ms_schedule;

typedef struct ms_schedule_class {
  const char *name, *summary;
  /* Value right of t (`before`: left of t) and dose, without regard to an explicit --wd-off. */
  double (*alpha)(const ms_schedule *s, double t, bool before);
  double (*dose)(const ms_schedule *s, double t);
  /* The first break (jump or kink of alpha) after t, INFINITY when none. NULL: none. */
  double (*next_break)(const ms_schedule *s, double t);
  /* What alpha does in the end: its limit, and the time from which it equals it for good
   * (INFINITY when it only tends to it). */
  double (*limit)(const ms_schedule *s, double *from);
  /* Reads the settings that it alone has, after alpha0, T and cut are known. NULL: none. */
  ms_status (*read)(ms_schedule *s, const ms_config *cfg, ms_error *err);
  bool literal; /* says alpha itself: alpha0 is 1 where --wd is not given */
} ms_schedule_class;

struct ms_schedule {
  const ms_schedule_class *class;
  double alpha0, T, tau, p, factor;
  double cut;   /* explicit --wd-off: alpha is 0 from here on; INFINITY otherwise */
  size_t knots; /* class "file": piecewise linear through (time, value), dose at each knot */
  double *time, *value, *sum;
  bool row_names; /* the file has a column of row names, which is not read */
  bool literal;   /* "file" and "formula" say alpha itself: alpha0 is 1 where --wd is not given */
  struct ms_pieces *pieces; /* class "formula" */
  /* class "adaptive": alpha of the epochs known so far in value, the dose before each in sum */
  size_t epochs, room;
  double threshold, last_loss; /* last_loss: NaN before the first observation */
};

MS_REGISTER(schedule_class);
extern const ms_setting ms_schedule_settings[];

/* From the settings. `alpha0` is used where --wd is not given, `T` where --wd-off is not given. */
ms_status ms_schedule_new(ms_schedule **s, const ms_config *cfg, double alpha0, double T,
                          ms_error *err);
void ms_schedule_free(ms_schedule *s);

double ms_schedule_alpha(const ms_schedule *s, double t);        /* right-continuous */
double ms_schedule_alpha_before(const ms_schedule *s, double t); /* limit from the left */
double ms_schedule_dose(const ms_schedule *s, double t);
/* The dose at t = infinity; INFINITY when it diverges. */
double ms_schedule_total(const ms_schedule *s);
double ms_schedule_next_break(const ms_schedule *s, double t);
/* Limit of alpha, and from when on it is exactly that (INFINITY: only in the limit). */
double ms_schedule_limit(const ms_schedule *s, double *from);
/* The adaptive schedule goes by what it sees: where it wants to see the loss and |x|_1 next
 * (INFINITY: nowhere any more, as for all other schedules), and telling it. Until then alpha(t) and
 * A(t) are known up to that time only; beyond, they are continued with a constant alpha, and the
 * total is INFINITY. */
double ms_schedule_epoch(const ms_schedule *s);
ms_status ms_schedule_observe(ms_schedule *s, double loss, double l1, ms_error *err);
/* Its rule (Algorithm 1 of PILoT, arXiv 2408.09966; there the training accuracy improves): alpha of
 * the next epoch is alpha * factor where the loss decreased, |x|_1 >= threshold and it is early (in
 * the first half of training), else alpha / factor. */
double ms_schedule_adapt(double alpha, double factor, double loss_before, double loss, double l1,
                         double threshold, bool early);
/* The time from which alpha is 0 for good; NaN where there is none, or no weight decay at all. */
double ms_schedule_off(const ms_schedule *s);

#endif
