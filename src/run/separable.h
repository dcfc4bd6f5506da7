/* Flows of x of which the first coordinates are parametrized one by one and the others are trained
 * as they are, for any smooth f(x): gradient flow of the weights, mirror flow beside it or alone.
 */
#ifndef MS_MIXED_H
#define MS_MIXED_H

#include "run/run.h"

typedef struct ms_mixed {
  /* To be set before ms_mixed_new. */
  void *self;
  size_t separable, d; /* of x: parametrized coordinates, all */
  size_t size;         /* weights p of the gradient flow, the other coordinates last */
  double rtol;
  void (*map)(void *self, const double *p, double *x);
  /* f(x) and dx/dt = -G of what is not parametrized, G the gradient of the rest; NaN: not here. */
  double (*value)(void *self, const double *x, double *G);
  /* out = J_g' G + alpha grad h, after map() at p */
  void (*pull)(void *self, const double *p, const double *G, double alpha, double *out);
  const ms_param *like; /* with the mirror map; NULL: no mirror flow */
  ms_start start;

  const double *p; /* weights at the last time; NULL where only the mirror flow runs */
  ms_run *run;
  ms_ode gradient, mirror;
  ms_integrator *in, *beside; /* the one whose x is recorded, the one it is compared with */
  double *x, *G;              /* scratch, d each */
  double piece_to;
} ms_mixed;

/* As --flow says ("auto": the mirror flow beside the gradient flow where it is `cheap`), from
 * p0[size] and, of the coordinates that are not parametrized, free[d - separable]. Needs the run's
 * plan. Free with ms_mixed_free, also after failure. */
ms_status ms_mixed_new(ms_mixed *m, ms_run *run, const double *p0, const double *free, bool cheap,
                       ms_error *err);
void ms_mixed_free(ms_mixed *m);
/* To *t; sets run->x and gap. */
ms_status ms_mixed_advance(ms_mixed *m, double *t, ms_error *err);
void ms_mixed_interrupt(ms_mixed *m, const volatile sig_atomic_t *flag);
/* Writes the counts of steps into the run. */
void ms_mixed_count(const ms_mixed *m);

#endif
