/* A problem: data and loss, f(x) = (1/n) sum_i l((Zx)_i; y_i). Knows nothing of models. */
#ifndef MS_PROBLEM_H
#define MS_PROBLEM_H

#include "matrix.h"

/* A loss of one sample: value, first and second derivative in z = (Zx)_i. Convex, l >= 0. */
typedef struct ms_loss {
  const char *name, *summary;
  double (*value)(double z, double y);
  double (*slope)(double z, double y);
  double (*curvature)(double z, double y);
  /* Which y there are; NULL: all. On entry 0 and 1 stand for the classes -1 and 1. False: not y. */
  bool (*target)(double *y);
  const char *targets; /* the same in words */
  bool quadratic;      /* constant curvature */
  bool tail;   /* no minimum where Zx can have the signs of y: x grows for ever, like ln t */
  double stop; /* default of --stop-loss, relative to f(0) */
} ms_loss;

/* The losses there are, NULL after the last. */
const ms_loss *ms_loss_at(size_t i);

typedef struct ms_problem {
  ms_matrix *Z;
  double *y;      /* n */
  double *truth;  /* d, or NULL when not known */
  char **names;   /* d feature names, or NULL */
  char *target;   /* name of y, or NULL */
  double samples; /* what f divides by: n, also where Z has been reduced to fewer rows */
  const ms_loss *loss;
} ms_problem;

/* From the settings: --data where given, else the synthetic sparse problem. */
ms_status ms_problem_new(ms_problem **p, const ms_config *cfg, ms_error *err);
void ms_problem_free(ms_problem *p);

/* The same problem in as few equations as Z has rank, for the squared loss: with Z = U S V' the
 * rows of S V' are orthogonal and y becomes U'y. f differs by the constant |y - U U'y|^2/(2n) and
 * its gradient not at all, but directions of small singular values keep their relative accuracy,
 * and equations that contradict or repeat each other are gone. *core is NULL where this does not
 * apply (other losses) or costs too much (large problems). */
ms_status ms_problem_reduce(ms_problem **core, const ms_problem *p, ms_error *err);

/* The loss that the settings name. */
const ms_loss *ms_loss_of(const ms_config *cfg);

extern const ms_setting ms_problem_settings[]; /* ends with name NULL */

/* f from Zx; r_i = df/d(Zx)_i; c_i = second derivative (1/n for the squared loss). */
double ms_problem_loss(const ms_problem *p, const double *Zx);
void ms_problem_slope(const ms_problem *p, const double *Zx, double *r);
/* What is left of the slopes r of losses with a tail, which vanish without being near a minimum:
 * the largest |r_i| relative to that of a sample not yet learnt, times 1 + its margin, for e^{-m}
 * has m times the relative rounding of m. 1 for other losses. */
double ms_problem_strength(const ms_problem *p, const double *r);
void ms_problem_curvature(const ms_problem *p, const double *Zx, double *c);

#endif
