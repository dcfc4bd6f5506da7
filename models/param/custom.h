/* custom: what the user's formulas make of it. */
#ifndef MS_CUSTOM_H
#define MS_CUSTOM_H

#include "formula/formula.h"
#include "param/param.h"

/* The weights' names in formulas, as many as a coordinate can have. */
extern const char *const ms_custom_names[MS_WIDTH_MAX];

/* Makes *p, a copy of ms_param_custom, the parametrization of d coordinates of `width` weights:
 * coordinate j is formulas[of[j]] and starts at theta[j * width]. The formulas are in
 * the first `width` of ms_custom_names and become owned by *p, `count` of them, whether this fails
 * or not; free with p->release. MS_BAD_SETTING where x or its gradient is not finite at the start.
 */
ms_status ms_custom_new(ms_param *p, ms_formula **formulas, size_t count, const size_t *of,
                        size_t d, size_t width, const double *theta, ms_error *err);

#endif
