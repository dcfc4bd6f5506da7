/* Matrices X = g(w) made of factors.
 *
 * All matrices are column-major. One file per factorization; it opens with its formulas and holds
 * only that mathematics. To add one: the file, its word in FACTORS of src/registry.c, its name
 * in models/meson.build. */
#ifndef MS_FACTORS_H
#define MS_FACTORS_H

#include "base/registry.h"

typedef struct ms_factors ms_factors;

/* How factors start, in units of sqrt(scale) for two factors (scale^(1/depth) for more):
 * identity: each the identity; gaussian: each of independent N(0, 1/width); zero-first: the first
 * one (B of BA, K of KQ') 0 and the last of N(0, 2/width), so that X0 = 0. */
typedef enum ms_initial { MS_INITIAL_IDENTITY, MS_INITIAL_GAUSSIAN, MS_INITIAL_ZERO } ms_initial;

struct ms_factors {
  const char *name, *summary;
  const char *g;  /* formula for people */
  bool symmetric; /* X is symmetric, and only the symmetric part of a gradient counts */
  bool positive;  /* X is positive semidefinite */
  bool diagonal;  /* X is diagonal, and only the diagonal of a gradient counts */
  double cost;    /* least |w|^2 / |X|_* for two factors, the representation cost of h; else NAN */
  double degree;  /* g(c w) = c^degree g(w) */
  const char *like; /* the separable parametrization that aligned singular values follow */
  size_t depth_max; /* most factors; 2: no choice */

  /* Set by the caller, then configure() sets weights, degree and cost. */
  size_t rows, cols; /* of X */
  size_t width;      /* of the factors */
  size_t depth;      /* number of factors in the product */
  size_t weights;    /* length of w */
  void (*configure)(ms_factors *f);
  /* Are rows, cols, width and the start possible? A clause that says why not, or NULL. */
  const char *(*refuses)(const ms_factors *f, ms_initial initial);

  /* X = g(w). work[ms_factors_work(f)] is scratch everywhere. */
  void (*map)(const ms_factors *f, const double *w, double *X, double *work);
  /* dw = J_g(w)' G, the gradient in w of <G, g(w)>. */
  void (*pull)(const ms_factors *f, const double *w, const double *G, double *dw, double *work);
  /* dX = J_g(w) b, how X moves with the weights. */
  void (*push)(const ms_factors *f, const double *w, const double *b, double *dX, double *work);
  /* The matrices that depend on the initialization and the dose alone: balance[balances], each of
   * which decays as e^{-4A}. 0 of them: no such law. */
  size_t (*balances)(const ms_factors *f);
  void (*balance)(const ms_factors *f, const double *w, double *balance);

  /* Mirror flow where all measurements commute: X from the dual M (symmetric, rows x rows), of
   * the start w0 / sqrt(scale) and the logarithm ln(scale) + 4a. NULL: none. 0, or > 0 where X
   * overflows. */
  int (*spectral)(const ms_factors *f, const double *w0, double ln_scale, const double *M,
                  double *X, double *work);
  /* How that X moves with M: in the eigenvectors Q of M it is Q'dX Q = D . (Q'dM Q), entry by
   * entry, D >= 0. Exact where each factor starts as a multiple of the identity; else what w0 w0'
   * mixes of different eigenvectors is left out. All rows x rows. NULL where spectral is. */
  int (*spectral_slope)(const ms_factors *f, const double *w0, double ln_scale, const double *M,
                        double *Q, double *D, double *work);
};

MS_REGISTER(factors);

/* Doubles of scratch for one call. */
size_t ms_factors_work(const ms_factors *f);

/* `refuses` where X has the same factor on both sides. */
const char *ms_factors_still(const ms_factors *f, ms_initial initial);

/* Of the two factorizations with a spectral flow, a term of theirs: with E = e^{sign 2M +
 * ln_scale/2} and B = w0, rows x width, X += sign E B B' E; D += its slope. */
int ms_spectral_term(size_t k, size_t width, const double *w0, double ln_scale, double sign,
                     const double *M, double *X, double *work);
int ms_spectral_term_slope(size_t k, size_t width, const double *w0, double ln_scale, double sign,
                           const double *M, double *Q, double *D, double *work);

#endif
