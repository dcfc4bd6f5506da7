/* Ways to train a network's weights x so that many of them can be removed: how x is parametrized,
 * what is decayed, what a step does besides. */
#ifndef MS_SPARSIFY_H
#define MS_SPARSIFY_H

#include "base/base.h"

typedef struct ms_sparsifier ms_sparsifier;

typedef struct ms_sparse {
  const ms_sparsifier *class;
  size_t weights, d; /* of x: the weights, then the biases, which are trained as they are */
  size_t size;       /* of p: class->width * weights, then the biases */
  bool uv;           /* products: x = u^2 - v^2 instead of m w */
  double ln_beta;    /* products: scale of the initialization; -INFINITY for 0 */
  double sharp;      /* of the sigmoid mask: grows from 1 during training */
  double *mask;      /* continuous: weights, s(c m) of the last map() */
  double ham;        /* strength of the multiplicative step */
} ms_sparse;

struct ms_sparsifier {
  const char *name, *summary;
  size_t width;         /* trainable numbers of a weight: p holds all first ones, then all second */
  bool product, smooth; /* x = m w or u^2 - v^2; has a flow */
  bool balanced;        /* starts with beta = 0 */
  const char *schedule; /* default of --wd-schedule */
  double alpha;         /* default of --wd */
  /* p (biases apart) with g(p) = x[weights]. */
  void (*start)(const ms_sparse *s, const double *x, double *p);
  void (*map)(const ms_sparse *s, const double *p, double *x);
  /* out = J_g(p)' G + alpha grad h(p), after map() at the same p */
  void (*pull)(const ms_sparse *s, const double *p, const double *G, double alpha, double *out);
  /* After a step of size lr along G; NULL: nothing. */
  void (*after)(const ms_sparse *s, double *p, const double *G, double alpha, double lr);
};

/* The ways there are, NULL after the last. */
const ms_sparsifier *ms_sparsifier_at(size_t i);

/* Whole vectors with the biases. */
void ms_sparse_start(const ms_sparse *s, const double *x, double *p);
void ms_sparse_map(const ms_sparse *s, const double *p, double *x);
void ms_sparse_pull(const ms_sparse *s, const double *p, const double *G, double alpha,
                    double *out);

/* A weight's balance as its numbers have it: beta = (m^2 - w^2)/2 or 2 u v; NaN: no product. */
double ms_sparse_beta(const ms_sparse *s, const double *p, size_t i);
/* p_eff = x R'(x)/R(x) of the hyperbolic entropy of scale beta centred at 0: 2 to 1. */
double ms_effective_exponent(double x, double beta);

#endif
