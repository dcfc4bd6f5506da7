/* --param custom from the settings. */
#ifndef MS_SETTINGS_CUSTOM_H
#define MS_SETTINGS_CUSTOM_H

#include "param/custom.h"

/* Makes *p, a copy of ms_param_custom, what --formula says for d coordinates, with the weights of
 * --init-theta or drawn from [-beta, beta], or those of --init-w, blocks of d: a, b, ... as many as
 * it has. ln_beta[d] becomes the logarithm of each coordinate's
 * largest weight. Free with p->release, also after failure. */
ms_status ms_custom_build(ms_param *p, const ms_config *cfg, size_t d, const double *w,
                          size_t blocks, double *ln_beta, ms_error *err);

#endif
