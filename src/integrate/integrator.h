/* Integration of dy/dt = F(t, y). Knows neither models nor problems. */
#ifndef MS_INTEGRATOR_H
#define MS_INTEGRATOR_H

#include "base/registry.h"

/* A system of equations. Callbacks return 0, > 0 "not here, try a smaller step", < 0 fatal. */
typedef struct ms_ode {
  size_t size;
  void *self;
  /* > 0: steps are taken in the clock ln(1 + t/unit), in which what goes like ln t goes straight.
   * 0: in t. */
  double log_unit;
  int (*rhs)(void *self, double t, const double *y, double *ydot);
  /* Makes solve() ready for M = I - gamma J; with `fresh` J is evaluated at (t, y), otherwise the
   * last J is kept and only gamma is new. NULL, and solve() with it: bdf is matrix-free. */
  int (*prepare)(void *self, double t, const double *y, double gamma, bool fresh);
  /* b := M^-1 b */
  int (*solve)(void *self, double *b);
  bool inexact; /* prepare() and solve() are for something near M: they precondition Krylov's */
  /* Error that may be made in each component in the step from (t, y): tolerance[size] > 0. */
  void (*tolerance)(void *self, double t, const double *y, double *tolerance);
  /* First discontinuity of F after t, INFINITY when none; the integrator restarts there. */
  double (*next_break)(void *self, double t);
  /* Told before each smooth piece, (from, to): F(to) then means the limit from the left. */
  void (*enter)(void *self, double from, double to);
  /* Asked after each accepted step: has the flow come to its end? */
  bool (*finished)(void *self, double t, const double *y);
  /* How far the logarithms of what y stands for stray from straight lines between (t0, y0) and
   * (t1, y1), given y at the middle: in e-folds. With middle = NULL a bound that needs no more than
   * the ends: how far they move at all. A step that strays further than 1 is taken back,
   * for between its ends something may have come and gone. NULL: nothing of that kind. */
  double (*stray)(void *self, double t0, const double *y0, double t1, const double *y1,
                  const double *middle);
  /* F with a switch in it, of which one side holds at a time. holds(): is that side still right at
   * (t, y)? choose(): takes the side that is, and may put y on the switch. NULL: F has none. */
  bool (*holds)(void *self, double t, const double *y);
  void (*choose)(void *self, double t, double *y);
  /* What F leaves out of the discrete methods, after each of their steps from t: of a K with kinks
   * y := argmin_z |z - y|^2/2 + step K(z). NULL: nothing. */
  void (*after)(void *self, double t, double step, double *y);
  /* F is a sum over this many samples; weigh() makes F count sample i with weight[i] from now on.
   */
  size_t samples;
  void (*weigh)(void *self, const double *weight);
  /* Name of a component, for messages. */
  void (*component)(void *self, size_t i, char *name, size_t size);
} ms_ode;

/* What discrete training needs besides; t_k = k lr / (1 - momentum). */
typedef struct ms_training {
  double lr, momentum, dt;
  size_t batch;
  uint64_t seed;
} ms_training;

typedef struct ms_integrator ms_integrator;

typedef struct ms_method {
  const char *name, *summary;
  bool implicit;   /* needs prepare() and solve() */
  bool discrete;   /* steps of a fixed size that pass over breaks */
  bool stochastic; /* needs samples */
  ms_status (*create)(ms_integrator *in, ms_error *err);
  /* Starts anew from (in->t, in->y), not to step beyond in->stop. */
  ms_status (*restart)(ms_integrator *in, ms_error *err);
  /* One step: advances in->t, in->y. */
  ms_status (*step)(ms_integrator *in, ms_error *err);
  /* y(t) for t within the last step. */
  ms_status (*interpolate)(ms_integrator *in, double t, double *y, ms_error *err);
  /* The component that contributed most to the last error estimate. */
  size_t (*worst)(ms_integrator *in);
  void (*free)(ms_integrator *in);
} ms_method;

MS_REGISTER(method);
extern const ms_method ms_method_bdf, ms_method_adams, ms_method_gd, ms_method_sgd, ms_method_sde;

struct ms_integrator {
  const ms_method *method;
  const ms_ode *ode;
  void *own;       /* the method's memory */
  double t, t_end; /* time of y; time never to step beyond */
  double stop;     /* end of the present smooth piece */
  double target;   /* time asked for: the scale of the first step */
  double *y;       /* state at the end of the last step */
  double *before;  /* state at its beginning */
  double *out;     /* state at the last time asked for */
  bool started, ended;
  ms_training training;
  size_t steps, taken_back, step_limit, rhs_count, jacobian_count;
  const volatile sig_atomic_t *interrupt;
};

/* `y0[ode->size]` is copied; `training` may be NULL for methods that are not discrete. Free with
 * ms_integrator_free, also after failure of later calls. */
ms_status ms_integrator_new(ms_integrator **in, const ms_method *method, const ms_ode *ode,
                            const double *y0, double t_end, size_t step_limit,
                            const ms_training *training, ms_error *err);
void ms_integrator_free(ms_integrator *in);

/* The clock in which steps are taken, and back; dt/d(clock). */
double ms_clock(const ms_ode *ode, double t);
double ms_clock_time(const ms_ode *ode, double clock);
double ms_clock_rate(const ms_ode *ode, double clock);

/* Integrates to *t and leaves the state there in in->out. MS_ENDED: the system finished before;
 * *t is then the time of that, and in->out the state. */
ms_status ms_integrator_advance(ms_integrator *in, double *t, ms_error *err);
/* Goes on from in->y as the caller has changed it, at the discontinuity that it was advanced to.
 * Not for discrete methods, whose steps pass over those. */
void ms_integrator_jump(ms_integrator *in);

#endif
