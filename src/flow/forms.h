/* What the forms of a flow share: the gradient flow (gradient.c) and the mirror flow in its d
 * unknowns (dual.c) or its n (sample_dual.c). Only flow.c and these include it. */
#ifndef MS_FORMS_H
#define MS_FORMS_H

#include "flow/flow.h"

extern const ms_flow_class ms_flow_class_gradient, ms_flow_class_dual, ms_flow_class_sample_dual;

/* Weights of a gradient flow whose Newton matrix still fits: 1 GB. */
enum { IMPLICIT_WEIGHTS = 12000 };
/* Steps late in a run are a few hundredths of the time so far: for so long rounding adds up. */
static const double NOISE_PART = 1.0 / 32;

/* -a: what R_a and the weights know of. */
double ms_dose_of(const ms_setup *s, double t);
double ms_dose_at(const ms_flow *flow, double t);
/* alpha within the present piece: at its end the limit from the left. */
double ms_alpha_at(const ms_flow *flow, double t);
/* Factor of grad f in dmu/dt, see ms_param. */
double ms_warp_at(const ms_flow *flow, double t);
/* r = df/d(Zx), with the samples' weights. */
void ms_weighted_slope(ms_flow *flow, const double *Zx, double *r);
/* Is x where no flow can be? It never climbs far above the losses of 0 and of x0. A trial point
 * that does is no finite number in disguise: there x is exponentially far off, Newton's steps are
 * short whatever the error, and the iteration takes that for convergence. */
bool ms_unreachable(const ms_flow *flow);

/* ---- Mirror flows: the error that a step may make in mu (tolerance.c) ---- */

typedef struct ms_mu_tolerance {
  double most, size;     /* size of x; 0: not known */
  size_t widest;         /* the coordinate of largest beta */
  double ln_beta, kappa; /* its start */
} ms_mu_tolerance;
double ms_mu_steepness(const ms_param *p, double size);
ms_mu_tolerance ms_mu_tolerance_new(const ms_setup *s);
/* A time warp shrinks what mu still moves, and with it what it may be wrong by: at the same x,
 * d ln|x| / dmu grows like 1 / warp. Below LEAST_WARP it is rounding that moves mu. */
double ms_resolved_warp(const ms_param *p, double a);
/* What the rounding of mu itself makes of it, under a time warp that has shrunk what mu may be
 * wrong by to that size: an error estimate below it is noise, and no step is small enough. One
 * number of the state is rounded like the largest, because Newton's systems mix them. `row`: the
 * scale of each number in mu, NULL: 1. */
double ms_rounded_mu(const ms_flow *flow, const double *row, const double *y);
double ms_mu_tolerance_at(const ms_mu_tolerance *e, const ms_setup *s, double t);
/* Of -2LA(t), the part of all exponents that the schedule moves. */
double ms_dose_stray(const ms_flow *flow, double t0, double t1);
/* kappa has x, so that mu = 0. */
bool ms_mirror_place(ms_flow *flow, const double *x, double *y);

/* ---- Gradient flows: switches and what discrete methods do after a step ---- */

/* Is every v on its side, and every force on a v held at 0 too weak to move it? */
bool ms_gradient_holds(void *self, double t, const double *y);
void ms_gradient_choose(void *self, double t, double *y);
void ms_soft_threshold(void *self, double t, double step, double *y);
/* With the gradient that the step was made with. */
void ms_parametric_step(void *self, double t, double step, double *y);

#endif
