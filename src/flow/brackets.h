/* Does a mirror flow exist? The brackets of a pair (g, h), whatever it is. */
#ifndef MS_BRACKETS_H
#define MS_BRACKETS_H

#include "base/base.h"

/* x = g(w) and the regularizer h(w) around one w. The loss acts through g_1 ... g_components (for
 * linear measurements: the measurements of x). */
typedef struct ms_pair {
  size_t weights, components;
  void *self;
  const double *w;   /* owned by the model */
  bool mirror;       /* the model claims a mirror flow */
  const char *g, *h; /* for people; NULL: not to be said, |w|^2 */
  /* out[weights] = gradient of sum_i v_i g_i at w. */
  void (*gradient)(void *self, const double *v, const double *w, double *out);
  /* Its derivative along u, the Hessian times u. NULL: by differences, which are exact but for
   * rounding where g is a polynomial of degree up to 6. */
  void (*bend)(void *self, const double *v, const double *w, const double *u, double *out);
  /* The same of h. Both NULL: h = |w|^2. */
  void (*decay)(void *self, const double *w, double *out);
  void (*decay_bend)(void *self, const double *w, const double *u, double *out);
  bool kinked; /* h may have kinks: there decay gives the gradient of one side, or any between */
  bool bent;   /* so may g */
  /* The weights follow no Euclidean gradient flow, because its metric is another one: what its own
   * flow does, in sentences, and the verdict on it. The brackets say nothing then. NULL: they do.
   */
  const char *own_flow, *own_verdict;
} ms_pair;

/* The brackets at one w, off the kinks of h: [u, v] = Dv u - Du v. Each |[grad a, grad b]| is
 * divided by |grad a| |grad b| / |w|, which makes it a number without units. Of more than 24
 * components random combinations are taken: the bracket is bilinear. */
typedef struct ms_brackets {
  double defect;  /* largest of [grad g_i, grad g_j] */
  double visible; /* largest <grad g_k, [grad g_i, grad g_j]>, over |grad g_k| too: what moves x */
  double decay;   /* largest of [grad g_i, grad h] */
  double warped;  /* largest of [grad g_i, grad h] - c grad g_i with one c for all i */
  double crossed; /* of kinked h: largest part of a grad g_i that points across a kink of h, where
                     grad h jumps; looked for along grad g_i, as far as 4 |w| */
  double folded;  /* the same of a kink of g */
  double c;       /* that of warped; NaN where every grad g_i, or grad h, is 0 */
  double unit;    /* |grad h| / |w|: the size that c is to be compared with */
} ms_brackets;

/* Fails without memory only. */
ms_status ms_brackets_at(const ms_pair *pair, ms_brackets *b, ms_error *err);

/* What is found before any point is looked at. */
ms_brackets ms_brackets_none(void);
/* The largest of both. c has to be the same at all points: where it is not, the difference in units
 * of |grad h| / |w| counts as a part of `warped`. */
void ms_brackets_worst(ms_brackets *all, const ms_brackets *one);

#endif
