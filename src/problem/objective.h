/* A loss f(X) of a matrix X, rows x cols, column-major. Knows nothing of factors. */
#ifndef MS_OBJECTIVE_H
#define MS_OBJECTIVE_H

#include "problem/problem.h"
#include "text/bundle.h"

typedef struct ms_objective ms_objective;
struct ms_objective {
  const char *name;
  size_t rows, cols;
  size_t samples;
  double *truth;    /* rows * cols, or NULL when not known; owned */
  double stop_loss; /* default of --stop-loss, relative to f at the start; 0: f has no minimum that
                       a run could come to, it goes on to its horizon; NAN: not known */
  /* f(X) and, where G is not NULL, G[rows * cols] = grad f(X); NaN where it is not finite. */
  double (*value)(ms_objective *o, const double *X, double *G);
  void (*release)(ms_objective *o); /* frees what own points to; NULL: nothing */
  void *own;
  /* Adds what f was made from, without the truth; NULL: nothing. */
  void (*data)(const ms_objective *o, ms_bundle *b);
  /* A figure of merit of its own for the observable `score` (accuracy, test loss): NULL: none. */
  double (*score)(ms_objective *o, const double *X);
  const char *score_help;
  /* Of classifications: the margins m[margins], linear in X, all of which grow where X separates.
   * 0 of them: none. */
  size_t margins;
  void (*margin)(ms_objective *o, const double *X, double *m);

  /* Where f(X) = sum_i l(<A_i, X>; y_i) / n: the A_i are the rows of problem->Z. NULL otherwise. */
  ms_problem *problem;
  bool packed; /* a row of Z holds the lower triangle of a symmetric A_i, its off-diagonal entries
                  twice: i >= j in columns */
  bool commuting; /* all A_i commute */
};

void ms_objective_free(ms_objective *o);

/* z_i = <A_i, X>, and M = sum_i v_i A_i, for objectives with a problem. */
void ms_objective_measure(const ms_objective *o, const double *X, double *z);
void ms_objective_adjoint(const ms_objective *o, const double *v, double *M);

/* Sensing: f of a problem, taken over (also on failure). `truth` is copied, may be NULL. */
ms_status ms_objective_linear(ms_objective **o, ms_problem *problem, size_t rows, size_t cols,
                              bool packed, const double *truth, ms_error *err);

/* The largest |AB - BA|_F / (|A|_F |B|_F) of `pairs` pairs of random combinations of the symmetric
 * measurements: 0 but for rounding where all of them commute. */
double ms_objective_commutator(const ms_objective *o, size_t pairs);

#endif
