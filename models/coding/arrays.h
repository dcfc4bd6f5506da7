/* Sparse coding's arrays for files. */
#ifndef MS_CODING_ARRAYS_H
#define MS_CODING_ARRAYS_H

#include "text/bundle.h"

/* Of x = (codes, dictionary): PREFIXcodes (patches, atoms) and PREFIXdictionary (pixels, atoms). */
void ms_coding_arrays(ms_bundle *b, const char *prefix, const double *x, size_t pixels,
                      size_t atoms, size_t patches);

#endif
