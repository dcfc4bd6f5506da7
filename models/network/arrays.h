/* A network's arrays for files. */
#ifndef MS_NETWORK_ARRAYS_H
#define MS_NETWORK_ARRAYS_H

#include "network/net.h"
#include "problem/dataset.h"
#include "text/bundle.h"

/* Of x: PREFIXW1 (out, in), PREFIXb1 (out), PREFIXW2, ...; of a convolution "in" is what one
 * position sees, kernel x kernel x channels, the channels of a position together. */
void ms_net_arrays(ms_bundle *b, const char *prefix, const ms_net *net, const double *x);
/* inputs (samples, pixels), labels, and train: how many of them, the first, are trained on. */
void ms_images_arrays(ms_bundle *b, const ms_images *images);

#endif
