#include "factors/factors.h"
#include "linalg/matrix.h"
#include <cblas.h>
#include <stdlib.h>
#include <string.h>

#define X(name) extern const ms_factors ms_factors_##name;
MS_FACTORIZATIONS(X)
#undef X
#define X(name) &ms_factors_##name,
static const ms_factors *const all[] = {MS_FACTORIZATIONS(X)};
#undef X

const ms_factors *ms_factors_at(size_t i) {
  return i < sizeof all / sizeof *all ? all[i] : NULL;
}

const ms_factors *ms_factors_named(const char *name) {
  for (size_t i = 0; ms_factors_at(i); i++)
    if (strcmp(all[i]->name, name) == 0)
      return all[i];
  return NULL;
}

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
