/* The processes of mpirun where they make one run together, each with columns of Z of its own
 * (comm.c). All of them call these functions in the same order. Alone, as before ms_ranks_join
 * (mirrorsim.h) and where the program is built without MPI, each of them leaves things as they are.
 */
#ifndef MS_RANKS_H
#define MS_RANKS_H

#include "base/base.h"

size_t ms_all_size(void); /* how many make one run; 1: alone */
size_t ms_all_rank(void); /* the number of this one; 0: the one that writes */

/* v[n] becomes its sum over all, the same bytes everywhere. Returns what a pass that came to
 * `status` (0, > 0 not here, < 0 fatal) on each of them is for all: 0 where it is 0 on each. */
int ms_all_sum(double *v, size_t n, int status);
/* The largest v of all; NaN where one is. */
double ms_all_max(double v);
/* v[n] of the first for all. */
void ms_all_copy(double *v, size_t n);
/* Puts the parts v[n] of all one after the other into whole[], on the first only where `first`
 * (on the others whole is not used). */
void ms_all_gather(const double *v, size_t n, double *whole, bool first);
/* Hands v[count] over from one to another; on all others nothing happens. */
void ms_all_hand(size_t from, size_t to, double *v, size_t count);

/* A failure of any becomes that of all: that of the lowest rank, with its number where others did
 * not fail. */
ms_status ms_all_agree(ms_status status, ms_error *err);

/* v[n], which steers what all of them do next, is to be the same everywhere: the next ms_all_sum
 * looks, and if it is not that one and all later ones fail. ms_all_apart(): did that happen? */
void ms_all_same(const double *v, size_t n);
bool ms_all_apart(void);

/* The flag that is raised on all of them at the same ms_all_sum once *flag is on one. */
const volatile sig_atomic_t *ms_all_interrupt(const volatile sig_atomic_t *flag);

#endif
