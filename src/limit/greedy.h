/* Greedy low-rank learning (Li, Luo & Lyu 2021, arXiv 2012.09839): the phases of the gradient flow
 * of X = UU' in the limit of small starts. */
#ifndef MS_GREEDY_H
#define MS_GREEDY_H

#include "problem/objective.h"

/* Where a phase ends: a critical point X of X = UU'. */
typedef struct ms_phase {
  double *X; /* rows * rows, owned */
  size_t rank;
  double loss; /* f(X) */
  double pull; /* leading eigenvalue of -grad f(X): the next column grows as e^{2 pull t} */
} ms_phase;

/* The phases: the first ends at X = 0, each of the others starts where the last one ended, with one
 * more column of U, of infinitesimal size along the leading eigenvector of -grad f, and follows
 * dU/dt = -2 grad f(UU') U to the next critical point. *count of them: `most` after the first, or
 * as many as there are until pull is not positive: X then minimizes f over all X >= 0. f must be of
 * symmetric X. Columns start at 1e-4 of the size of U; critical is where |dU/dt| is 1e-9 of its
 * natural size.
 *
 * It is the limit where the eigenvectors of the gradients turn, so that every direction that could
 * come next has its share of what has grown most. Where all measurements commute each direction
 * keeps what it has grown itself, and the limit is the path of saddle.h: the next one is not that
 * of largest slope, but the first to arrive.
 *
 * MS_STALLED where a phase does not come to rest. Free with ms_greedy_free. */
ms_status ms_greedy_path(ms_objective *o, size_t most, ms_phase **path, size_t *count,
                         ms_error *err);
void ms_greedy_free(ms_phase *path, size_t count);

#endif
