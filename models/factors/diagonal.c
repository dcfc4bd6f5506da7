/* X = diag(k . q),  h = |k|^2 + |q|^2: entry by entry it is m . w, with its mirror flow.
 *
 *   gradient flow   dk_i/dt = -G_ii q_i - 2 alpha k_i,  dq_i/dt = -G_ii k_i - 2 alpha q_i
 *   balance         k_i^2 - q_i^2 decays as e^{-4A}
 *   cost            min k^2 + q^2 = 2 |x| */
#include "factors/factors.h"
#include <string.h>

static void configure(ms_factors *f) {
  f->weights = 2 * f->rows;
  f->width = 1;
}

static const char *refuses(const ms_factors *f, ms_initial initial) {
  (void)initial;
  return f->rows == f->cols ? NULL : "a diagonal matrix has as many rows as columns";
}

static void map(const ms_factors *f, const double *w, double *X, double *work) {
  (void)work;
  memset(X, 0, f->rows * f->rows * sizeof *X);
  for (size_t i = 0; i < f->rows; i++)
    X[i * (f->rows + 1)] = w[i] * w[f->rows + i];
}

static void pull(const ms_factors *f, const double *w, const double *G, double *dw, double *work) {
  (void)work;
  for (size_t i = 0; i < f->rows; i++) {
    double g = G[i * (f->rows + 1)];
    dw[i] = g * w[f->rows + i];
    dw[f->rows + i] = g * w[i];
  }
}

static void push(const ms_factors *f, const double *w, const double *b, double *dX, double *work) {
  (void)work;
  memset(dX, 0, f->rows * f->rows * sizeof *dX);
  for (size_t i = 0; i < f->rows; i++)
    dX[i * (f->rows + 1)] = b[i] * w[f->rows + i] + w[i] * b[f->rows + i];
}

static size_t balances(const ms_factors *f) {
  return f->rows;
}

static void balance(const ms_factors *f, const double *w, double *out) {
  for (size_t i = 0; i < f->rows; i++)
    out[i] = w[i] * w[i] - w[f->rows + i] * w[f->rows + i];
}

const ms_factors ms_factors_diagonal = {
    .name = "diagonal",
    .summary = "X = diag(k . q): m . w on the diagonal",
    .g = "diag(k . q)",
    .diagonal = true,
    .cost = 2,
    .degree = 2,
    .like = "mw",
    .depth_max = 2,
    .configure = configure,
    .refuses = refuses,
    .map = map,
    .pull = pull,
    .push = push,
    .balances = balances,
    .balance = balance,
};
