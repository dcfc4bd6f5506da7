/* The weights of separable models, by their names: to files, and from them. */
#ifndef MS_DIAG_WEIGHTS_H
#define MS_DIAG_WEIGHTS_H

#include "run/run.h"

extern const ms_weights ms_diag_weights;
void ms_diag_data(const ms_run *run, ms_bundle *b);
/* Keeps the start weights in run->start_w, before ln_beta and kappa become those of another time.
 */
ms_status ms_diag_keep_start(ms_run *run, ms_error *err);

#endif
