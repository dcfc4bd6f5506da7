/* The methods of SUNDIALS CVODE: BDF with Newton and the system's own linear solver, and Adams with
 * fixed-point iteration. */
#include "integrate/integrator.h"
#include <cvode/cvode.h>
#include <cvode/cvode_ls.h>
#include <math.h>
#include <nvector/nvector_serial.h>
#include <stdlib.h>
#include <string.h>
#include <sundials/sundials_linearsolver.h>
#include <sundials/sundials_matrix.h>
#include <sunlinsol/sunlinsol_spgmr.h>
#include <sunnonlinsol/sunnonlinsol_fixedpoint.h>

#ifndef SUNDIALS_DOUBLE_PRECISION
#error "SUNDIALS must be built with double precision"
#endif

/* Of the Krylov space of a system without prepare(). */
enum { KRYLOV_VECTORS = 20 };

typedef struct cvode {
  SUNContext context;
  void *mem;
  N_Vector y, spare;
  SUNMatrix matrix;
  SUNLinearSolver linear;
  SUNNonlinearSolver nonlinear;
  double t_jacobian; /* of the last Jacobian */
  bool ready;        /* CVodeInit done */
} cvode;

/* ---- What CVODE calls ----------------------------------------------------------------------- */

static int call_rhs(realtype t, N_Vector y, N_Vector ydot, void *user) {
  ms_integrator *in = user;
  const ms_ode *ode = in->ode;
  double *out = N_VGetArrayPointer(ydot), rate = ms_clock_rate(ode, t);
  in->rhs_count++;
  int status = ode->rhs(ode->self, ms_clock_time(ode, t), N_VGetArrayPointer(y), out);
  for (size_t i = 0; rate != 1 && i < ode->size; i++)
    out[i] *= rate;
  return status;
}

static int call_tolerance(N_Vector y, N_Vector weight, void *user) {
  ms_integrator *in = user;
  double *w = N_VGetArrayPointer(weight);
  in->ode->tolerance(in->ode->self, in->t, N_VGetArrayPointer(y), w);
  for (size_t i = 0; i < in->ode->size; i++) {
    if (!(w[i] > 0))
      return -1;
    w[i] = 1 / w[i];
  }
  return 0;
}

static int call_prepare(realtype t, N_Vector y, N_Vector fy, SUNMatrix A, booleantype keep,
                        booleantype *fresh, realtype gamma, void *user, N_Vector t1, N_Vector t2,
                        N_Vector t3) {
  ms_integrator *in = user;
  cvode *c = in->own;
  (void)fy, (void)A, (void)t1, (void)t2, (void)t3;
  /* CVODE would keep the Jacobian of an attempt that failed, too: evaluated where the flow never
   * was, it can be wrong by any factor. */
  bool anew = !keep || c->t_jacobian > ms_clock(in->ode, in->t);
  *fresh = anew;
  if (anew) {
    in->jacobian_count++;
    c->t_jacobian = t;
  }
  return in->ode->prepare(in->ode->self, ms_clock_time(in->ode, t), N_VGetArrayPointer(y),
                          gamma * ms_clock_rate(in->ode, t), anew);
}

static int precondition(realtype t, N_Vector y, N_Vector fy, booleantype keep, booleantype *fresh,
                        realtype gamma, void *user) {
  return call_prepare(t, y, fy, NULL, keep, fresh, gamma, user, NULL, NULL, NULL);
}

static int apply_preconditioner(realtype t, N_Vector y, N_Vector fy, N_Vector r, N_Vector z,
                                realtype gamma, realtype delta, int side, void *user) {
  const ms_integrator *in = user;
  (void)t, (void)y, (void)fy, (void)gamma, (void)delta, (void)side;
  memcpy(N_VGetArrayPointer(z), N_VGetArrayPointer(r), in->ode->size * sizeof(double));
  return in->ode->solve(in->ode->self, N_VGetArrayPointer(z));
}

static void swallow(int code, const char *module, const char *function, char *message, void *user) {
  (void)code, (void)module, (void)function, (void)message, (void)user; /* reported by step() */
}

/* ---- The linear solver: the system factors and solves, CVODE only passes vectors ------------ */

static SUNMatrix_ID matrix_id(SUNMatrix A) {
  (void)A;
  return SUNMATRIX_CUSTOM;
}

static SUNLinearSolver_Type linear_type(SUNLinearSolver S) {
  (void)S;
  return SUNLINEARSOLVER_DIRECT;
}

static int linear_setup(SUNLinearSolver S, SUNMatrix A) {
  (void)S, (void)A; /* call_prepare did it */
  return SUNLS_SUCCESS;
}

static int linear_solve(SUNLinearSolver S, SUNMatrix A, N_Vector x, N_Vector b, realtype tol) {
  const ms_integrator *in = S->content;
  (void)A, (void)tol;
  if (x != b)
    memcpy(N_VGetArrayPointer(x), N_VGetArrayPointer(b), in->ode->size * sizeof(double));
  return in->ode->solve(in->ode->self, N_VGetArrayPointer(x));
}

/* Debian's vector library is compiled without vector instructions, and CVODE spends a quarter of a
 * small run in this one function. */
__attribute__((target_clones("avx2", "default"))) static void
linear_sum(realtype a, N_Vector x, realtype b, N_Vector y, N_Vector z) {
  const double *from = N_VGetArrayPointer(x), *other = N_VGetArrayPointer(y);
  double *to = N_VGetArrayPointer(z);
  sunindextype n = N_VGetLength(x);
#pragma GCC ivdep
  for (sunindextype i = 0; i < n; i++)
    to[i] = a * from[i] + b * other[i];
}

/* A vector whose memory is that of ms_doubles, because BLAS works on it. */
static N_Vector clone_aligned(N_Vector like) {
  N_Vector v = N_VCloneEmpty_Serial(like);
  double *data = v ? ms_doubles((size_t)N_VGetLength(like)) : NULL;
  if (!data) {
    if (v)
      N_VDestroy_Serial(v);
    return NULL;
  }
  NV_DATA_S(v) = data;
  NV_OWN_DATA_S(v) = SUNTRUE;
  return v;
}

/* ---- The method ----------------------------------------------------------------------------- */

static void release(ms_integrator *in) {
  cvode *c = in->own;
  if (c->mem)
    CVodeFree(&c->mem);
  if (c->nonlinear)
    SUNNonlinSolFree(c->nonlinear);
  if (c->linear && c->matrix)
    SUNLinSolFreeEmpty(c->linear);
  else if (c->linear)
    SUNLinSolFree(c->linear);
  if (c->matrix)
    SUNMatFreeEmpty(c->matrix);
  if (c->y)
    N_VDestroy(c->y);
  if (c->spare)
    N_VDestroy(c->spare);
  if (c->context)
    SUNContext_Free(&c->context);
  free(c);
  in->own = NULL;
}

static ms_status create(ms_integrator *in, int lmm, ms_error *err) {
  cvode *c = calloc(1, sizeof *c);
  if (!c)
    return ms_no_memory(err);
  in->own = c;
  if (SUNContext_Create(NULL, &c->context) != 0)
    return ms_no_memory(err);
  c->y = N_VMake_Serial((sunindextype)in->ode->size, in->y, c->context);
  if (c->y) { /* CVODE's own vectors are clones of y */
    c->y->ops->nvlinearsum = linear_sum;
    c->y->ops->nvclone = clone_aligned;
    c->spare = clone_aligned(c->y);
  }
  c->mem = CVodeCreate(lmm, c->context);
  if (!c->y || !c->spare || !c->mem)
    return ms_no_memory(err);
  return MS_OK;
}

static ms_status create_bdf(ms_integrator *in, ms_error *err) {
  ms_status status = create(in, CV_BDF, err);
  if (status != MS_OK)
    return status;
  cvode *c = in->own;
  if (!in->ode->prepare || in->ode->inexact) { /* Krylov, products J v by differences of F */
    c->linear = SUNLinSol_SPGMR(c->y, in->ode->prepare ? SUN_PREC_LEFT : SUN_PREC_NONE,
                                KRYLOV_VECTORS, c->context);
    return c->linear ? MS_OK : ms_no_memory(err);
  }
  c->matrix = SUNMatNewEmpty(c->context);
  c->linear = SUNLinSolNewEmpty(c->context);
  if (!c->matrix || !c->linear)
    return ms_no_memory(err);
  c->matrix->ops->getid = matrix_id;
  c->linear->ops->gettype = linear_type;
  c->linear->ops->setup = linear_setup;
  c->linear->ops->solve = linear_solve;
  c->linear->content = in;
  return MS_OK;
}

static ms_status create_adams(ms_integrator *in, ms_error *err) {
  ms_status status = create(in, CV_ADAMS, err);
  if (status != MS_OK)
    return status;
  cvode *c = in->own;
  c->nonlinear = SUNNonlinSol_FixedPoint(c->y, 0, c->context);
  return c->nonlinear ? MS_OK : ms_no_memory(err);
}

static ms_status initialize(ms_integrator *in, ms_error *err) {
  cvode *c = in->own;
  int bad = CVodeInit(c->mem, call_rhs, ms_clock(in->ode, in->t), c->y) != CV_SUCCESS;
  bad |= CVodeSetErrHandlerFn(c->mem, swallow, NULL) != CV_SUCCESS;
  bad |= CVodeSetUserData(c->mem, in) != CV_SUCCESS;
  bad |= CVodeWFtolerances(c->mem, call_tolerance) != CV_SUCCESS;
  if (c->linear) {
    bad |= CVodeSetLinearSolver(c->mem, c->linear, c->matrix) != CV_SUCCESS;
    if (c->matrix)
      bad |= CVodeSetLinSysFn(c->mem, call_prepare) != CV_SUCCESS;
    if (c->matrix && in->ode->log_unit > 0) {
      bad |= CVodeSetLSetupFrequency(c->mem, 1) != CV_SUCCESS;
      bad |= CVodeSetJacEvalFrequency(c->mem, 1) != CV_SUCCESS;
    }
    if (!c->matrix && in->ode->prepare)
      bad |= CVodeSetPreconditioner(c->mem, precondition, apply_preconditioner) != CV_SUCCESS;
  } else {
    bad |= CVodeSetNonlinearSolver(c->mem, c->nonlinear) != CV_SUCCESS;
  }
  c->ready = !bad;
  return bad ? ms_no_memory(err) : MS_OK;
}

static ms_status restart(ms_integrator *in, ms_error *err) {
  cvode *c = in->own;
  if (!c->ready) {
    ms_status status = initialize(in, err);
    if (status != MS_OK)
      return status;
  } else if (CVodeReInit(c->mem, ms_clock(in->ode, in->t), c->y) != CV_SUCCESS) {
    return ms_no_memory(err);
  }
  if (isfinite(in->stop) && CVodeSetStopTime(c->mem, ms_clock(in->ode, in->stop)) != CV_SUCCESS)
    return ms_fail_at(err, MS_STALLED, in->t, "CVODE cannot stop at t = %.17g", in->stop);
  return MS_OK;
}

static ms_status failure(const ms_integrator *in, int code, ms_error *err) {
  const ms_ode *ode = in->ode;
  char name[64];
  const char *method = in->method->name;
  ode->component(ode->self, in->method->worst((ms_integrator *)in), name, sizeof name);
  switch (code) {
  case CV_FIRST_RHSFUNC_ERR:
  case CV_REPTD_RHSFUNC_ERR:
  case CV_UNREC_RHSFUNC_ERR:
  case CV_RHSFUNC_FAIL:
    return ms_fail_at(err, MS_NOT_FINITE, in->t,
                      "%s: the right-hand side is not finite at t = %.6g, whatever the step "
                      "(largest error in %s)",
                      method, in->t, name);
  case CV_TOO_MUCH_ACC:
    return ms_fail_at(err, MS_STALLED, in->t,
                      "%s: --rtol asks for more than double precision holds at t = %.6g (%s); try "
                      "a larger one",
                      method, in->t, name);
  case CV_MEM_FAIL:
    return ms_no_memory(err);
  default:
    return ms_fail_at(err, MS_STALLED, in->t,
                      "%s: no step, however small, meets the tolerances at t = %.6g (largest error "
                      "in %s); try a larger --rtol or the other --method",
                      method, in->t, name);
  }
}

static ms_status step(ms_integrator *in, ms_error *err) {
  cvode *c = in->own;
  /* CVODE tries its first step at a tenth of the way to the time asked for: not at 1e99 */
  double s, stop = ms_clock(in->ode, in->stop), ahead = in->target;
  if (ahead - in->t <= 1e-9 * fabs(ahead)) /* nor so near that it would not start at all */
    ahead = fmin(in->stop, (1 + 1e-6) * ahead);
  int code = CVode(c->mem, ms_clock(in->ode, ahead), c->y, &s, CV_ONE_STEP);
  if (code < 0)
    return failure(in, code, err);
  in->t = s < stop ? ms_clock_time(in->ode, s) : in->stop;
  return MS_OK;
}

static ms_status interpolate(ms_integrator *in, double t, double *y, ms_error *err) {
  cvode *c = in->own;
  if (CVodeGetDky(c->mem, ms_clock(in->ode, t), 0, c->spare) != CV_SUCCESS)
    return ms_fail_at(err, MS_STALLED, t, "%s: no value at t = %.17g", in->method->name, t);
  memcpy(y, N_VGetArrayPointer(c->spare), in->ode->size * sizeof *y);
  return MS_OK;
}

static size_t worst(ms_integrator *in) {
  cvode *c = in->own;
  N_Vector weight = N_VClone(c->spare);
  size_t largest = 0;
  if (weight && CVodeGetEstLocalErrors(c->mem, c->spare) == CV_SUCCESS &&
      CVodeGetErrWeights(c->mem, weight) == CV_SUCCESS) {
    const double *e = N_VGetArrayPointer(c->spare), *w = N_VGetArrayPointer(weight);
    for (size_t i = 0; i < in->ode->size; i++)
      if (fabs(e[i] * w[i]) > fabs(e[largest] * w[largest]))
        largest = i;
  }
  if (weight)
    N_VDestroy(weight);
  return largest;
}

const ms_method ms_method_bdf = {
    .name = "bdf",
    .summary = "CVODE BDF, variable order 1-5, Newton with the analytic Jacobian",
    .implicit = true,
    .create = create_bdf,
    .restart = restart,
    .step = step,
    .interpolate = interpolate,
    .worst = worst,
    .free = release,
};

const ms_method ms_method_adams = {
    .name = "adams",
    .summary = "CVODE Adams, variable order 1-12, fixed-point iteration: for flows that are not "
               "stiff",
    .create = create_adams,
    .restart = restart,
    .step = step,
    .interpolate = interpolate,
    .worst = worst,
    .free = release,
};
