/* Where flows end. */
#ifndef MS_REST_H
#define MS_REST_H

#include "flow/flow.h"

/* Asked after each accepted step; sets flow->end. */
bool ms_flow_finished(void *flow, double t, const double *y);
/* How far the rounding of mu moves x, relative to the size of x; 0 for gradient flows. */
double ms_flow_rounding(ms_flow *flow, double t, const double *y);
/* Parametrizations of degree > 2 leave the saddles of f, where coordinates are near 0 though f
 * pulls at them, like powers of t. The time after t at which the first of them leaves, were f to
 * pull on as it does at x, g = grad f(x); INFINITY: never, because weight decay outruns it. 0: x is
 * not near a saddle, or its mirror map is not known. */
double ms_flow_leaving(ms_flow *flow, double t, const double *x, const double *g);

#endif
