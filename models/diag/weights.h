/* The weights of separable models, by their names: to files, and from them. */
#ifndef MS_DIAG_WEIGHTS_H
#define MS_DIAG_WEIGHTS_H

#include "run/run.h"

extern const ms_weights ms_diag_weights;
void ms_diag_data(const ms_run *run, ms_bundle *b);
/* Keeps the start weights in run->start_w, before ln_beta and kappa become those of another time.
 */
ms_status ms_diag_keep_start(ms_run *run, ms_error *err);

/* --init-w: the weights into run->start_w, with x into start_x and what they say of the scale into
 * ln_beta; --param custom is built. Then, once kappa is known: are the weights a start that the
 * parametrization has? */
ms_status ms_diag_read_start(ms_run *run, ms_error *err);
ms_status ms_diag_check_start(ms_run *run, ms_error *err);

/* The b-th of a list of names, of w1, w2, ... where there is none. */
void ms_diag_weight_name(const ms_param *p, const char *names, size_t b, char *name, size_t size);

#endif
