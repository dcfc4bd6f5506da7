/* A pair (g, h) given by formulas, such as g = "m*w1, m*w2" and h = "m^2". */
#ifndef MS_FORMULA_PAIR_H
#define MS_FORMULA_PAIR_H

#include "flow/brackets.h"
#include "formula/formula.h"

enum { MS_FORMULA_OUTPUTS = 16 };

typedef struct ms_formula_pair {
  ms_formula *g[MS_FORMULA_OUTPUTS], *h; /* h = NULL: |w|^2 */
  size_t outputs, count;                 /* of g; of variables */
  char names[MS_FORMULA_VARIABLES][32];
  double w[MS_FORMULA_VARIABLES]; /* where it is looked at */
} ms_formula_pair;

/* Reads g, its outputs separated by commas, and h, which may be NULL. Free with
 * ms_formula_pair_free, also after a failure. */
ms_status ms_formula_pair_new(ms_formula_pair *f, const char *g, const char *h, ms_error *err);
void ms_formula_pair_free(ms_formula_pair *f);
/* Around f->w; it points into f. */
ms_pair ms_formula_pair_at(ms_formula_pair *f);

#endif
