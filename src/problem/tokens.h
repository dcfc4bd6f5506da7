/* Next-token prediction from a text: an objective of matrix models. */
#ifndef MS_TOKENS_H
#define MS_TOKENS_H

#include "problem/objective.h"
#include "settings/config.h"

/* From --data, a file, or the name of one of the texts that come with the program:
 * f(X) = mean over pairs (u, v) of neighbouring words of -ln softmax_v(E (W0 + X) e_u), E a fixed
 * Gaussian embedding of --vocabulary words in --rows dimensions, W0 trained on --pretrain before.
 * The first --n pairs (default: half) train, the others are the score. */
ms_status ms_objective_tokens(ms_objective **o, const ms_config *cfg, ms_error *err);

#endif
