/* plain: x = w, h = |x|, the LASSO's own regularizer on the plain parametrization.
 *
 *   dx/dt = -grad f - alpha sign(x)
 *
 * taken as a differential inclusion: x_j = 0 holds x_j there as long as |grad_j f| <= alpha.
 * S(x) = |x|, and the flow under a constant alpha is the gradient flow of f + alpha |x|_1. Without
 * weight decay it is the Euclidean flow, R = (x - x0)^2 / 2, and as long as no x_j meets 0 it is a
 * mirror flow with R_a = (x - x0)^2 / 2 - a |x|. Beyond there is none: what alpha did before x_j
 * stuck at 0 leaves no trace in x, but would in mu. */
#include "param/scalar.h"

static double steepness(const ms_param *p, double size) { /* dx/dw = 1 */
  (void)p;
  return 1 / size;
}

const ms_param ms_param_plain = {
    .name = "plain",
    .summary = "x = w, h = |x|: L1 on x itself; no mirror flow",
    .g = "w",
    .h = "|w|",
    .width = 1,
    .degree = 1,
    .cost = 1,
    .kink = 1,
    .no_mirror = "L1 on x holds x at 0 and forgets for how long, which no potential does",
    .locate = ms_identity_locate,
    .weights = ms_identity_weights,
    .map = ms_identity_map,
    .slope = ms_identity_slope,
    .bend = ms_identity_bend,
    .steepness = steepness,
};
