/* X = U U',  h = |U|^2,  U rows x width.
 *
 *   gradient flow   dU/dt = -2 G U - 2 alpha U,  G = grad f(X), symmetric
 *   mirror flow     where all measurements commute, with M the dual (dM/dt = -G):
 *                   X = e^{4a} e^{2M} U0 U0' e^{2M};  of X0 = beta I the potential is the von
 *                   Neumann entropy, grad R = (log X - log beta_a) / 4
 *   cost            min |U|^2 = tr X */
#include "factors/factors.h"
#include "linalg/dense.h"
#include "linalg/matrix.h"
#include <math.h>

static void configure(ms_factors *f) {
  f->cols = f->rows;
  f->weights = f->rows * f->width;
}

static void map(const ms_factors *f, const double *w, double *X, double *work) {
  (void)work;
  ms_multiply(false, true, f->rows, f->rows, f->width, 1, w, w, 0, X);
}

static void pull(const ms_factors *f, const double *w, const double *G, double *dw, double *work) {
  ms_symmetrize(f->rows, G, work);
  ms_multiply(false, false, f->rows, f->width, f->rows, 2, work, w, 0, dw);
}

static void push(const ms_factors *f, const double *w, const double *b, double *dX, double *work) {
  (void)work;
  ms_multiply(false, true, f->rows, f->rows, f->width, 1, w, b, 0, dX);
  ms_multiply(false, true, f->rows, f->rows, f->width, 1, b, w, 1, dX);
}

static size_t balances(const ms_factors *f) {
  (void)f;
  return 0;
}

int ms_spectral_term(size_t k, size_t width, const double *w0, double ln_scale, double sign,
                     const double *M, double *X, double *work) {
  double *Q = work, *scaled = Q + k * k, *E = scaled + k * k, *EB = E + k * k, *lambda = EB + k * k;
  ms_symmetrize(k, M, Q);
  if (ms_symmetric_eigen(k, Q, lambda) != 0)
    return 1;
  for (size_t j = 0; j < k; j++) {
    double e = exp(2 * sign * lambda[j] + ln_scale / 2);
    if (!isfinite(e * e))
      return 1;
    for (size_t i = 0; i < k; i++)
      scaled[j * k + i] = e * Q[j * k + i];
  }
  ms_multiply(false, true, k, k, k, 1, scaled, Q, 0, E);
  for (size_t first = 0; first < width; first += k) { /* width may exceed k: block by block */
    size_t count = MS_MIN(k, width - first);
    ms_multiply(false, false, k, count, k, 1, E, w0 + first * k, 0, EB);
    ms_multiply(false, true, k, k, count, sign, EB, EB, 1, X);
  }
  return 0;
}

/* Where E changes by e[i,j] (Q'dM Q)_ij, e[i,j] the divided difference of e at the eigenvalues i,
 * j, the diagonal c of Q'B B'Q makes the term change by sign e[i,j] (c_i e_i + c_j e_j) of it. */
int ms_spectral_term_slope(size_t k, size_t width, const double *w0, double ln_scale, double sign,
                           const double *M, double *Q, double *D, double *work) {
  double *lambda = work, *ce = lambda + k, *QB = ce + k;
  ms_symmetrize(k, M, Q);
  if (ms_symmetric_eigen(k, Q, lambda) != 0)
    return 1;
  for (size_t j = 0; j < k; j++)
    ce[j] = 0;
  for (size_t first = 0; first < width; first += k) {
    size_t count = MS_MIN(k, width - first);
    ms_multiply(true, false, k, count, k, 1, Q, w0 + first * k, 0, QB);
    for (size_t b = 0; b < count; b++)
      for (size_t j = 0; j < k; j++)
        ce[j] += QB[b * k + j] * QB[b * k + j];
  }
  for (size_t j = 0; j < k; j++)
    ce[j] *= exp(2 * sign * lambda[j] + ln_scale / 2);
  for (size_t j = 0; j < k; j++)
    for (size_t i = 0; i < k; i++) {
      double apart = lambda[i] - lambda[j], mean = sign * (lambda[i] + lambda[j]) + ln_scale / 2;
      double slope = 2 * exp(mean) * (apart == 0 ? 1 : sinh(apart) / apart) * (ce[i] + ce[j]);
      if (!isfinite(slope))
        return 1;
      D[j * k + i] += slope;
    }
  return 0;
}

static int spectral(const ms_factors *f, const double *w0, double ln_scale, const double *M,
                    double *X, double *work) {
  for (size_t i = 0; i < f->rows * f->rows; i++)
    X[i] = 0;
  return ms_spectral_term(f->rows, f->width, w0, ln_scale, 1, M, X, work);
}

static int spectral_slope(const ms_factors *f, const double *w0, double ln_scale, const double *M,
                          double *Q, double *D, double *work) {
  for (size_t i = 0; i < f->rows * f->rows; i++)
    D[i] = 0;
  return ms_spectral_term_slope(f->rows, f->width, w0, ln_scale, 1, M, Q, D, work);
}

const ms_factors ms_factors_psd = {
    .name = "psd",
    .summary = "X = U U', positive semidefinite",
    .g = "U U'",
    .symmetric = true,
    .positive = true,
    .cost = 1,
    .degree = 2,
    .like = "square",
    .depth_max = 2,
    .configure = configure,
    .refuses = ms_factors_still,
    .map = map,
    .pull = pull,
    .push = push,
    .balances = balances,
    .spectral = spectral,
    .spectral_slope = spectral_slope,
};
