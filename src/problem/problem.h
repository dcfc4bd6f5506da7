/* A problem: data and loss, f(x) = (1/n) sum_i l((Zx)_i; y_i). Knows nothing of models. */
#ifndef MS_PROBLEM_H
#define MS_PROBLEM_H

#include "base/registry.h"
#include "formula/formula.h"
#include "linalg/matrix.h"
#include "problem/reading.h"

/* A loss of one sample: value, first and second derivative in z = (Zx)_i. Convex, l >= 0, but for
 * formulas, which may be neither. Called through ms_loss_value() etc. */
typedef struct ms_loss {
  const char *name, *summary;
  double (*value)(double z, double y);
  double (*slope)(double z, double y);
  double (*curvature)(double z, double y);
  /* Which y there are; NULL: all. On entry 0 and 1 stand for the classes -1 and 1. False: not y. */
  bool (*target)(double *y);
  const char *targets;                                            /* the same in words */
  enum { MS_TARGET_REAL, MS_TARGET_CLASS, MS_TARGET_COUNT } kind; /* of y, for data to draw */
  bool quadratic;                                                 /* constant curvature */
  bool tail;   /* no minimum where Zx can have the signs of y: x grows for ever, like ln t */
  double stop; /* default of --stop-loss, relative to f(0); NAN: none, its minimum is not known */
  ms_formula *formula; /* custom: l in z and y, in place of the three functions */
} ms_loss;

MS_REGISTER(loss);
extern const ms_loss ms_loss_squared, ms_loss_logistic, ms_loss_exponential, ms_loss_huber,
    ms_loss_poisson, ms_loss_custom;

/* l(z; y) and its derivatives in z. */
double ms_loss_value(const ms_loss *loss, double z, double y);
double ms_loss_slope(const ms_loss *loss, double z, double y);
double ms_loss_curvature(const ms_loss *loss, double z, double y);
/* The z that the way down from 0 leads to: the first where the slope has not the sign it has at 0;
 * as far as 1e9 (1 + |y|) where l falls for ever. */
double ms_loss_least(const ms_loss *loss, double y);

typedef struct ms_problem {
  ms_matrix *Z;
  double *y;          /* n */
  double *truth;      /* d, or NULL when not known */
  size_t rows, cols;  /* of the matrices whose entries, row by row, are a row of Z; 0: not known */
  char **names;       /* d feature names, or NULL */
  ms_reading reading; /* of --data */
  double y_mean;      /* that --standardize took out of y */
  double *mean;       /* --intercept: d, what the columns of Z were centred by; NULL: none */
  double samples;     /* what f divides by: n, also where Z has been reduced to fewer rows */
  const ms_loss *loss;
  ms_loss custom; /* what `loss` is where it is a formula */
} ms_problem;

/* From the settings: --data where given, else the synthetic sparse problem. */
ms_status ms_problem_new(ms_problem **p, const ms_config *cfg, ms_error *err);
void ms_problem_free(ms_problem *p);
/* The error of d columns for more processes. */
ms_status ms_problem_too_few_columns(size_t d, ms_error *err);

/* The same problem in as few equations as Z has rank, for the squared loss: with Z = U S V' the
 * rows of S V' are orthogonal and y becomes U'y. f differs by the constant |y - U U'y|^2/(2n) and
 * its gradient not at all, but directions of small singular values keep their relative accuracy,
 * and equations that contradict or repeat each other are gone. *core is NULL where this does not
 * apply (other losses) or costs too much (large problems). */
ms_status ms_problem_reduce(ms_problem **core, const ms_problem *p, ms_error *err);

/* The loss that the settings name; of custom what all formulas have in common. */
const ms_loss *ms_loss_of(const ms_config *cfg);
/* Makes p->loss that of the settings. Fails with MS_BAD_SETTING where --loss-formula is missing,
 * not wanted, or no formula in z and y. */
ms_status ms_problem_choose_loss(ms_problem *p, const ms_config *cfg, ms_error *err);
/* Is a formula a loss of these y? It must be finite at z = 0, and without a kink where it is least.
 */
ms_status ms_problem_check_loss(const ms_problem *p, const ms_config *cfg, ms_error *err);

extern const ms_setting ms_problem_settings[]; /* ends with name NULL */

/* f from Zx; r_i = df/d(Zx)_i; c_i = second derivative (1/n for the squared loss). */
double ms_problem_loss(const ms_problem *p, const double *Zx);
void ms_problem_slope(const ms_problem *p, const double *Zx, double *r);
/* What is left of the slopes r of losses with a tail, which vanish without being near a minimum:
 * the largest |r_i| relative to that of a sample not yet learnt, times 1 + its margin, for e^{-m}
 * has m times the relative rounding of m. 1 for other losses. */
double ms_problem_strength(const ms_problem *p, const double *r);
/* What f is nowhere below: 0, of a formula the mean of the least values downhill from z = 0. */
double ms_problem_floor(const ms_problem *p);
/* A sample whose curvature at Zx is negative beyond rounding; n where f is convex there. */
size_t ms_problem_concave(const ms_problem *p, const double *Zx);
void ms_problem_curvature(const ms_problem *p, const double *Zx, double *c);

#endif
