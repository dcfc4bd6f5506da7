/* Flows: the equations that a problem, a separable parametrization and a schedule make together. */
#ifndef MS_FLOW_H
#define MS_FLOW_H

#include "integrate/integrator.h"
#include "param/param.h"
#include "problem/problem.h"
#include "schedule/schedule.h"

typedef struct ms_flow ms_flow;

/* One form of the equations. */
typedef struct ms_flow_class {
  const char *name, *summary;
  bool mirror; /* needs the mirror maps of the parametrization */
  size_t (*size)(const ms_flow *flow);
  /* Allocates flow->own, writes the initial state y0. */
  ms_status (*create)(ms_flow *flow, double *y0, ms_error *err);
  int (*rhs)(void *flow, double t, const double *y, double *ydot);
  int (*prepare)(void *flow, double t, const double *y, double gamma, bool fresh);
  int (*solve)(void *flow, double *b);
  void (*tolerance)(void *flow, double t, const double *y, double *tolerance);
  void (*component)(void *flow, size_t i, char *name, size_t size);
  double (*stray)(void *flow, double t0, const double *y0, double t1, const double *y1,
                  const double *middle); /* see ms_ode; NULL: none */
  /* x and Zx of a state; 0, or > 0 when x overflows. */
  int (*read)(ms_flow *flow, double t, const double *y, double *x, double *Zx);
  /* Writes the state y that has x where setup.start begins; false: not in double precision. */
  bool (*place)(ms_flow *flow, const double *x, double *y);
} ms_flow_class;

/* gradient, dual, sample-dual; NULL after the last. */
const ms_flow_class *ms_flow_class_at(size_t i);
const ms_flow_class *ms_flow_class_find(const char *name);

/* What flows of one run share; all pointers outlive the flow. */
typedef struct ms_setup {
  const ms_problem *problem; /* as it is integrated: reduced where that is possible */
  const ms_param *param;
  ms_start start;
  const double *start_w; /* the weights there, `width` blocks of d; NULL: as `start` gives them */
  const ms_schedule *schedule;
  double reset_every; /* beta is put back at the multiples of this time; 0: never */
  double dose_before; /* A at the last reset: a = -(A - dose_before), and `start` is of then */
  const ms_method *method;
  double t_end, rtol, atol; /* atol on the exponents of the dual; 0: chosen from rtol */
  double log_unit;          /* see ms_ode */
  double gradient_scale; /* max_j |grad f(x0)_j|: the unit of gradients, its inverse that of time */
  double stop_loss, stop_gradient;
  bool open_ended;    /* t_end is no more than where a run that does not settle is given up */
  double loss_offset; /* f of the original problem less f of the reduced one */
  enum { MS_SOLVER_AUTO, MS_SOLVER_CHOLESKY, MS_SOLVER_CG } solver;
  size_t step_limit;
  ms_training training; /* of discrete methods */
} ms_setup;

struct ms_flow {
  const ms_flow_class *class;
  ms_setup setup;
  ms_ode ode;
  ms_integrator *integrator;
  bool may_finish;        /* stop at the loss tolerance or where stationary */
  double piece_to;        /* end of the present smooth piece */
  void *own;              /* what create() allocated, one block */
  double *x, *g, *Zx, *D; /* scratch: d, d, max(n, d), max(n, d); one block from x to slopes */
  double *slopes_of_f;    /* grad f at the last check: d */
  double *x_before, x_before_t; /* of the last stationarity check: d, and its time */
  double least_residual;        /* that was seen, see at_rest() in rest.c */
  double fell_to, fell_at;      /* residual that was a tenth below all before, and its time */
  double solution_size;         /* ms_flow_solution_size(); 0: not asked for yet */
  double leaving; /* time after which it leaves the saddle it ended near, see ms_flow_leaving() */
  double *slopes; /* gradient flow: dg of every weight */
  double *M;      /* Newton matrix; empty where the method needs none, or it is too large */
  bool iterative; /* Newton's systems by conjugate gradients */
  double *cg;     /* their workspace, 6 * size */
  double gamma;   /* of the present Newton matrix, with the time warp */
  size_t iterations;
  const double *weight; /* of the samples in f; NULL: all 1 */
  size_t passes;        /* passes over Z */
  size_t checks;        /* accepted steps seen by finished(), which looks at every so many */
  size_t check_every;
  double strength;     /* of the slopes in the last right-hand side, see ms_problem_strength */
  double highest_loss; /* that a trial point of a mirror flow may have */
  const char *end;     /* "loss", "stationary" or "near-saddle" once finished */
};

/* The flow starts at t = 0. Free with ms_flow_free. */
ms_status ms_flow_new(ms_flow **flow, const ms_flow_class *class, const ms_setup *setup,
                      ms_error *err);
void ms_flow_free(ms_flow *flow);

/* Integrates to *t (or to the time it ends before, MS_ENDED) and writes x[d] and Zx[n] there. */
ms_status ms_flow_advance(ms_flow *flow, double *t, double *x, double *Zx, ms_error *err);

/* Starts anew at the time it was advanced to, a multiple of setup.reset_every, from x[d] and the
 * scales and kappas that setup.start has now, sinh(kappa) = x / beta, with dose_before and
 * reset_every of `now`. Fails with MS_UNSUPPORTED where no weights in double precision are there.
 */
ms_status ms_flow_reset(ms_flow *flow, const ms_setup *now, const double *x, ms_error *err);
/* The first reset after t, INFINITY: none. */
double ms_flow_next_reset(const ms_setup *setup, double t);
/* The weights w[width] of the hyperbolic family with this beta and g(w) = x, to rounding: relative
 * to max(|x|, beta). False where double precision does not hold them. */
bool ms_flow_weights(const ms_param *p, double ln_beta, double x, double *w);

/* The weights of a gradient flow where it was advanced to, `width` blocks of d. */
void ms_flow_read_weights(const ms_flow *flow, double *w);

/* grad f = Z' slope at Zx; g[d], r[n] scratch. */
void ms_flow_gradient(const ms_problem *p, const double *Zx, double *r, double *g);

/* The gradient flow's invariant: max over coordinates of |beta(w_j) - beta_j e^{-4A}| relative
 * to the largest |w_j|^2, or to rtol times that of the start where all are smaller, which an exact
 * integration keeps at 0. NaN for the other forms. */
double ms_flow_invariant_drift(const ms_flow *flow, double t);

/* ms_kkt_residual() of f + lambda |x|_1 on the x that the parametrization can have. Overwrites g.
 */
double ms_flow_kkt_residual(const ms_setup *setup, const double *x, double *g, double lambda);

/* Will alpha change no more, as far as anyone can tell from x? `force`: what alpha of 1 does to
 * gradients. */
bool ms_flow_settled(const ms_schedule *schedule, double force, double gradient_scale, double t);

/* The size that x will have, roughly: of x0 and of the data's least-squares solution; 0 for y = 0.
 */
double ms_flow_solution_size(const ms_setup *setup);

/* mu of a mirror flow's state; of sample-dual it is in scratch, flow->g. */
const double *ms_flow_mu(ms_flow *flow, const double *y);

/* Can double precision hold w, and x = g(w), all along the run? */
bool ms_flow_representable(const ms_setup *setup);

#endif
