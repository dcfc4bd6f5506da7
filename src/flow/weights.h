/* In which numbers the weights of a gradient flow are integrated, and how exactly. */
#ifndef MS_WEIGHTS_H
#define MS_WEIGHTS_H

#include "flow/flow.h"

/* Are the logarithms of the weights integrated, ln |w_b|, instead of the weights? A step of BDF
 * makes an error relative to w in each e-fold that w grows or falls. Over hundreds of e-folds these
 * errors add up, while the logarithm moves nearly along a straight line. Takes weights that keep
 * their sign. */
bool ms_weights_in_logs(const ms_setup *s);
/* E-folds between the largest and the smallest size that a weight may have along the run. */
double ms_weights_folds(const ms_setup *s, double least);
/* Absolute error that a weight may have, whatever its size: well below the smallest that it may
 * come back from. `least` is the smallest weight of the coordinate at the start. */
double ms_weights_floor(const ms_setup *s, double least);
/* sum_b |w_b|^2, or with the power of |w| that the balance of the weights has, and that of the
 * start of coordinate j; 0 where double precision does not hold it. */
double ms_weights_size(const ms_setup *s, const double *w);
double ms_weights_start_size(const ms_setup *s, size_t j);
/* Error that a step may make in ln |w|: `slope` is dg/dw, `noticed` what x notices. */
double ms_weights_log_tolerance(const ms_setup *s, double w, double slope, double noticed);
/* How far the logarithms y stray from straight lines in a step, see ms_ode. */
double ms_weights_stray(const ms_flow *flow, const double *y0, const double *y1,
                        const double *middle);

#endif
