#include "coding/arrays.h"
#include <string.h>

void ms_coding_arrays(ms_bundle *b, const char *prefix, const double *x, size_t pixels,
                      size_t atoms, size_t patches) {
  double *codes = ms_bundle_add(b, patches, atoms, 0, "%scodes", prefix);
  double *dictionary = ms_bundle_add(b, pixels, atoms, 0, "%sdictionary", prefix);
  const double *D = x + atoms * patches;
  if (codes) /* those of a patch lie together */
    memcpy(codes, x, atoms * patches * sizeof *x);
  for (size_t k = 0; dictionary && k < pixels; k++)
    for (size_t j = 0; j < atoms; j++)
      dictionary[k * atoms + j] = D[j * pixels + k];
}
