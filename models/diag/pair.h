/* g and h of a diagonal network around its weights, for brackets. */
#ifndef MS_DIAG_PAIR_H
#define MS_DIAG_PAIR_H

#include "run/run.h"

ms_status ms_diag_pair(ms_run *run, ms_pair *pair, ms_error *err);

#endif
