/* X = U U' - V V',  h = |U|^2 + |V|^2;  w = (U, V), each rows x width.
 *
 *   gradient flow   dU/dt = -2 G U - 2 alpha U,  dV/dt = +2 G V - 2 alpha V
 *   mirror flow     where all measurements commute:
 *                   X = e^{4a} (e^{2M} U0 U0' e^{2M} - e^{-2M} V0 V0' e^{-2M});
 *                   U0 = V0 = sqrt(beta) I: spectral hyperbolic entropy, the eigenvalues of X are
 *                   2 beta e^{4a} sinh(4 .) of those of M
 *   balance         U'V decays as e^{-4A}, whatever f is: d(U'V)/dt = -2U'GV + 2U'GV - 4 alpha U'V
 *   cost            min |U|^2 + |V|^2 = |X|_* */
#include "factors/factors.h"
#include "linalg/dense.h"

static void configure(ms_factors *f) {
  f->cols = f->rows;
  f->weights = 2 * f->rows * f->width;
}

static void map(const ms_factors *f, const double *w, double *X, double *work) {
  const double *V = w + f->rows * f->width;
  (void)work;
  ms_multiply(false, true, f->rows, f->rows, f->width, 1, w, w, 0, X);
  ms_multiply(false, true, f->rows, f->rows, f->width, -1, V, V, 1, X);
}

static void pull(const ms_factors *f, const double *w, const double *G, double *dw, double *work) {
  size_t block = f->rows * f->width;
  ms_symmetrize(f->rows, G, work);
  ms_multiply(false, false, f->rows, f->width, f->rows, 2, work, w, 0, dw);
  ms_multiply(false, false, f->rows, f->width, f->rows, -2, work, w + block, 0, dw + block);
}

static void push(const ms_factors *f, const double *w, const double *b, double *dX, double *work) {
  size_t block = f->rows * f->width;
  (void)work;
  ms_multiply(false, true, f->rows, f->rows, f->width, 1, w, b, 0, dX);
  ms_multiply(false, true, f->rows, f->rows, f->width, 1, b, w, 1, dX);
  ms_multiply(false, true, f->rows, f->rows, f->width, -1, w + block, b + block, 1, dX);
  ms_multiply(false, true, f->rows, f->rows, f->width, -1, b + block, w + block, 1, dX);
}

static size_t balances(const ms_factors *f) {
  return f->width * f->width;
}

static void balance(const ms_factors *f, const double *w, double *out) {
  ms_multiply(true, false, f->width, f->width, f->rows, 1, w, w + f->rows * f->width, 0, out);
}

static int spectral(const ms_factors *f, const double *w0, double ln_scale, const double *M,
                    double *X, double *work) {
  for (size_t i = 0; i < f->rows * f->rows; i++)
    X[i] = 0;
  int status = ms_spectral_term(f->rows, f->width, w0, ln_scale, 1, M, X, work);
  if (status == 0)
    status = ms_spectral_term(f->rows, f->width, w0 + f->rows * f->width, ln_scale, -1, M, X, work);
  return status;
}

static int spectral_slope(const ms_factors *f, const double *w0, double ln_scale, const double *M,
                          double *Q, double *D, double *work) {
  size_t block = f->rows * f->width;
  for (size_t i = 0; i < f->rows * f->rows; i++)
    D[i] = 0;
  int status = ms_spectral_term_slope(f->rows, f->width, w0, ln_scale, 1, M, Q, D, work);
  if (status == 0)
    status = ms_spectral_term_slope(f->rows, f->width, w0 + block, ln_scale, -1, M, Q, D, work);
  return status;
}

const ms_factors ms_factors_symmetric = {
    .name = "symmetric",
    .summary = "X = U U' - V V', symmetric of either sign",
    .g = "U U' - V V'",
    .symmetric = true,
    .cost = 1,
    .degree = 2,
    .like = "uv",
    .depth_max = 2,
    .configure = configure,
    .refuses = ms_factors_still,
    .map = map,
    .pull = pull,
    .push = push,
    .balances = balances,
    .balance = balance,
    .spectral = spectral,
    .spectral_slope = spectral_slope,
};
