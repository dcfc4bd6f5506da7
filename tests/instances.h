/* Random problems, and linear programs to hold solutions against. */
#ifndef MS_INSTANCES_H
#define MS_INSTANCES_H

#include "problem/problem.h"

extern uint64_t random_state; /* of uniform() and gauss(); set it to a seed */
double uniform(void);         /* in (0, 1) */
double gauss(void);

/* Of n samples and d features, all 0, or standard normal; free with done(). */
ms_problem problem_of(size_t n, size_t d);
ms_problem gaussian(size_t n, size_t d);
/* x + 0.4 z = 1, and the two samples of four features of arXiv 2607.12332. */
ms_problem toy_equation(void);
ms_problem four_features(void);
void done(ms_problem *p);

/* argmin { sum plus x+ + minus x- : M x = b }, NULL: 1; returns how far its reduced costs are from
 * a tie. */
double program(const ms_matrix *M, const double *b, const double *plus, const double *minus,
               double *x);
/* min |x|_1 : M x >= 1, x[d] where that is not NULL; INFINITY where there is no such x. */
double separate(const ms_matrix *M, double *x);

#endif
