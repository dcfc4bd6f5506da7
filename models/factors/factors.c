#include "factors/factors.h"
#include "linalg/matrix.h"
#include <cblas.h>
#include <stdlib.h>
#include <string.h>

MS_REGISTER_HERE(factors)

const char *ms_factors_still(const ms_factors *f, ms_initial initial) {
  if (initial == MS_INITIAL_ZERO)
    return "factors of 0 never move";
  if (initial == MS_INITIAL_IDENTITY && f->width < f->rows)
    return "an identity needs a --width of at least --rows";
  return NULL;
}

size_t ms_factors_work(const ms_factors *f) {
  size_t widest = MS_MAX(MS_MAX(f->rows, f->cols), f->width);
  return (2 * f->depth + 4) * widest * widest;
}
