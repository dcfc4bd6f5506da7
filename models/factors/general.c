/* X = W_1 W_2 ... W_L,  h = sum |W_j|^2;  W_1 rows x width, W_L width x cols, the rest width x
 * width. L = 2 is BA of LoRA and K Q' of attention; L = 1 is X itself, the linear control.
 *
 *   gradient flow   dW_j/dt = -(W_1 ... W_{j-1})' G (W_{j+1} ... W_L)' - 2 alpha W_j
 *   balance         W_j'W_j - W_{j+1}W_{j+1}' decays as e^{-4A}, whatever f is
 *   mirror flow     none in general: the brackets of its entries do not vanish
 *   cost            L = 2: min |B|^2 + |A|^2 = 2 |X|_*;  L > 2: L |X|_{S_{2/L}}^{2/L}, not convex
 */
#include "factors/factors.h"
#include "linalg/dense.h"
#include <math.h>
#include <string.h>

static size_t height(const ms_factors *f, size_t j) {
  return j == 0 ? f->rows : f->width;
}

static size_t breadth(const ms_factors *f, size_t j) {
  return j + 1 == f->depth ? f->cols : f->width;
}

static size_t offset(const ms_factors *f, size_t j) {
  size_t at = 0;
  for (size_t i = 0; i < j; i++)
    at += height(f, i) * breadth(f, i);
  return at;
}

static void configure(ms_factors *f) {
  f->weights = offset(f, f->depth);
  f->degree = (double)f->depth;
  f->cost = f->depth == 2 ? 2 : NAN;
}

static const char *refuses(const ms_factors *f, ms_initial initial) {
  if (initial == MS_INITIAL_ZERO && f->depth > 2)
    return "with more than two factors, one of them 0, the others do not move it fast enough to "
           "tell";
  return NULL;
}

/* The products W_1 ... W_j, j = 1 ... L; the last is X. Each has rows x breadth(j). */
static void prefixes(const ms_factors *f, const double *w, double *X, double *work) {
  size_t block = ms_factors_work(f) / (2 * f->depth + 4);
  const double *before = w;
  for (size_t j = 1; j < f->depth; j++) {
    double *product = j + 1 == f->depth ? X : work + j * block;
    ms_multiply(false, false, f->rows, breadth(f, j), f->width, 1, before, w + offset(f, j), 0,
                product);
    before = product;
  }
}

static void map(const ms_factors *f, const double *w, double *X, double *work) {
  if (f->depth == 1)
    memcpy(X, w, f->weights * sizeof *w);
  else
    prefixes(f, w, X, work);
}

static void pull(const ms_factors *f, const double *w, const double *G, double *dw, double *work) {
  if (f->depth == 1) {
    memcpy(dw, G, f->weights * sizeof *dw);
    return;
  }
  size_t block = ms_factors_work(f) / (2 * f->depth + 4), L = f->depth;
  if (L > 2)
    prefixes(f, w, work, work); /* X in block 0, W_1 ... W_j in block j - 1 < L - 1 */
  /* behind = G (W_{j+1} ... W_L)', rows x breadth(j), from the last factor to the first */
  double *behind = work + L * block, *next = behind + block;
  memcpy(behind, G, f->rows * f->cols * sizeof *G);
  for (size_t j = L; j-- > 0;) {
    if (j == 0)
      memcpy(dw, behind, f->rows * breadth(f, 0) * sizeof *dw);
    else
      ms_multiply(true, false, f->width, breadth(f, j), f->rows, 1,
                  j == 1 ? w : work + (j - 1) * block, behind, 0, dw + offset(f, j));
    if (j > 0) {
      ms_multiply(false, true, f->rows, f->width, breadth(f, j), 1, behind, w + offset(f, j), 0,
                  next);
      double *swap = behind;
      behind = next;
      next = swap;
    }
  }
}

/* d(P W_j) = dP W_j + P dW_j, from the first factor to the last. */
static void push(const ms_factors *f, const double *w, const double *b, double *dX, double *work) {
  size_t block = ms_factors_work(f) / (2 * f->depth + 4);
  const double *P = w, *dP = b;
  if (f->depth == 1)
    memcpy(dX, b, f->weights * sizeof *dX);
  for (size_t j = 1; j < f->depth; j++) {
    const double *W = w + offset(f, j);
    double *next = work + j % 2 * block, *slope = j + 1 == f->depth ? dX : next + 2 * block;
    ms_multiply(false, false, f->rows, breadth(f, j), f->width, 1, dP, W, 0, slope);
    ms_multiply(false, false, f->rows, breadth(f, j), f->width, 1, P, b + offset(f, j), 1, slope);
    if (j + 1 < f->depth)
      ms_multiply(false, false, f->rows, breadth(f, j), f->width, 1, P, W, 0, next);
    P = next;
    dP = slope;
  }
}

static size_t balances(const ms_factors *f) {
  return (f->depth - 1) * f->width * f->width;
}

static void balance(const ms_factors *f, const double *w, double *out) {
  for (size_t j = 0; j + 1 < f->depth; j++) {
    const double *W = w + offset(f, j), *after = w + offset(f, j + 1);
    double *B = out + j * f->width * f->width;
    ms_multiply(true, false, f->width, f->width, height(f, j), 1, W, W, 0, B);
    ms_multiply(false, true, f->width, f->width, breadth(f, j + 1), -1, after, after, 1, B);
  }
}

const ms_factors ms_factors_general = {
    .name = "general",
    .summary = "X = B A (--depth 2), a product of --depth factors, or X itself (1)",
    .g = "W_1 ... W_L",
    .cost = 2,
    .degree = 2,
    .like = "mw",
    .depth_max = 8,
    .configure = configure,
    .refuses = refuses,
    .map = map,
    .pull = pull,
    .push = push,
    .balances = balances,
    .balance = balance,
};
