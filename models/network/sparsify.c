/* plain       x,            h = 0
 * l1          x,            h = |x|_1 (subgradient)
 * decay       x,            h = |x|^2
 * spred       m w,          h = m^2 + w^2, |m| = |w| at the start (beta = 0); Ziyin & Wang 2023
 * continuous  w s(c m),     h = sum s(c m), s the sigmoid, c from 1 to 200; Savarese et al. 2020
 * product     m w,          h = 0, beta > 0
 * pilot       m w,          h = m^2 + w^2, beta > 0, alpha on, then off; Jacobs & Burkholz 2025
 * ham         x,            after each step x := x exp(lr (-c sign(x) G - alpha)): as a flow
 *                           dx = -(1 + c|x|) grad f - alpha x; arXiv 2506.02630
 *
 * Products can be u^2 - v^2, h = u^2 + v^2, too. m0 w0 = x0 and (m0^2 - w0^2)/2 = beta, u0^2 - v0^2
 * = x0 and 2 u0 v0 = beta fix them; m0, u0, v0 >= 0. */
#include "network/sparsify.h"
#include <math.h>
#include <string.h>

/* The element-wise passes are a good part of a step of a small network. */
#define FAST __attribute__((target_clones("avx2", "default")))
static const double HAM_EXPONENT = 5;

/* ---- x itself ------------------------------------------------------------------------------- */

static void x_start(const ms_sparse *s, const double *x, double *p) {
  memcpy(p, x, s->weights * sizeof *p);
}

static void x_map(const ms_sparse *s, const double *p, double *x) {
  memcpy(x, p, s->weights * sizeof *p);
}

static void plain_pull(const ms_sparse *s, const double *p, const double *G, double alpha,
                       double *out) {
  (void)p, (void)alpha;
  memcpy(out, G, s->weights * sizeof *out);
}

static void l1_pull(const ms_sparse *s, const double *p, const double *G, double alpha,
                    double *out) {
  for (size_t i = 0; i < s->weights; i++)
    out[i] = G[i] + alpha * ((p[i] > 0) - (p[i] < 0));
}

FAST static void decay_pull(const ms_sparse *s, const double *p, const double *G, double alpha,
                            double *out) {
  for (size_t i = 0; i < s->weights; i++)
    out[i] = G[i] + 2 * alpha * p[i];
}

static void ham_after(const ms_sparse *s, double *p, const double *G, double alpha, double lr) {
  for (size_t i = 0; i < s->weights; i++) {
    double sign = (p[i] > 0) - (p[i] < 0), e = lr * (-s->ham * sign * G[i] - alpha);
    p[i] *= exp(fmax(fmin(e, HAM_EXPONENT), -HAM_EXPONENT));
  }
}

/* As a flow: its right-hand side, with the opposite sign. */
static void ham_pull(const ms_sparse *s, const double *p, const double *G, double alpha,
                     double *out) {
  for (size_t i = 0; i < s->weights; i++)
    out[i] = (1 + s->ham * fabs(p[i])) * G[i] + alpha * p[i];
}

/* ---- m w and u^2 - v^2 ---------------------------------------------------------------------- */

/* sqrt(x^2 + beta^2) + x, without cancellation. */
static double root_plus(double x, double beta) {
  double r = hypot(x, beta);
  return x >= 0 ? r + x : beta / (r - x) * beta;
}

static void product_start(const ms_sparse *s, const double *x, double *p) {
  double beta = exp(s->ln_beta), *q = p + s->weights;
  for (size_t i = 0; i < s->weights; i++) {
    if (s->uv) {
      p[i] = sqrt(root_plus(x[i], beta) / 2);
      q[i] = sqrt(root_plus(-x[i], beta) / 2);
    } else {
      p[i] = sqrt(hypot(x[i], beta) + beta);
      q[i] = p[i] > 0 ? x[i] / p[i] : 0;
    }
  }
}

FAST static void product_map(const ms_sparse *s, const double *p, double *x) {
  const double *q = p + s->weights;
  if (s->uv)
    for (size_t i = 0; i < s->weights; i++)
      x[i] = p[i] * p[i] - q[i] * q[i];
  else
    for (size_t i = 0; i < s->weights; i++)
      x[i] = p[i] * q[i];
}

FAST static void product_pull(const ms_sparse *s, const double *p, const double *G, double alpha,
                              double *out) {
  const double *q = p + s->weights;
  double *other = out + s->weights;
  for (size_t i = 0; i < s->weights; i++) {
    double dp = s->uv ? 2 * p[i] : q[i], dq = s->uv ? -2 * q[i] : p[i];
    out[i] = dp * G[i] + 2 * alpha * p[i];
    other[i] = dq * G[i] + 2 * alpha * q[i];
  }
}

double ms_sparse_beta(const ms_sparse *s, const double *p, size_t i) {
  if (!s->class->product)
    return NAN;
  double a = p[i], b = p[s->weights + i];
  return s->uv ? 2 * a * b : (a - b) * (a + b) / 2;
}

double ms_effective_exponent(double x, double beta) {
  double z = fabs(x / beta);
  if (beta == 0 || isinf(z))
    return 1;
  if (z < 1e-3) /* R = z^2/2 - z^4/24 + ..., the formula below cancels */
    return 2 - z * z / 6;
  double slope = z * asinh(z);
  return slope / (slope - sqrt(z * z + 1) + 1);
}

/* ---- w s(c m) ------------------------------------------------------------------------------- */

static double sigmoid(double v) {
  return 1 / (1 + exp(-v));
}

static void continuous_start(const ms_sparse *s, const double *x, double *p) {
  for (size_t i = 0; i < s->weights; i++) {
    p[i] = 0;
    p[s->weights + i] = 2 * x[i];
  }
}

static void continuous_map(const ms_sparse *s, const double *p, double *x) {
  for (size_t i = 0; i < s->weights; i++)
    x[i] = p[s->weights + i] * (s->mask[i] = sigmoid(s->sharp * p[i]));
}

static void continuous_pull(const ms_sparse *s, const double *p, const double *G, double alpha,
                            double *out) {
  for (size_t i = 0; i < s->weights; i++) {
    double mask = s->mask[i];
    out[i] = (p[s->weights + i] * G[i] + alpha) * s->sharp * mask * (1 - mask);
    out[s->weights + i] = G[i] * mask;
  }
}

/* ---- All ------------------------------------------------------------------------------------ */

#define ITSELF .width = 1, .start = x_start, .map = x_map
#define PRODUCT                                                                                    \
  .width = 2, .product = true, .smooth = true, .start = product_start, .map = product_map,         \
  .pull = product_pull

static const ms_sparsifier sparsifiers[] = {
    {"plain", "x itself, no regularizer", .smooth = true, .schedule = "none", ITSELF,
     .pull = plain_pull},
    {"l1", "x itself, alpha |x|_1", .schedule = "constant", .alpha = 1e-3, ITSELF, .pull = l1_pull},
    {"decay", "x itself, weight decay alpha |x|^2", .smooth = true, .schedule = "constant",
     .alpha = 1e-3, ITSELF, .pull = decay_pull},
    {"spred", "x = m w from |m| = |w|, constant weight decay", .balanced = true,
     .schedule = "constant", .alpha = 1e-3, PRODUCT},
    {"continuous", "x = w s(c m), a sigmoid mask that hardens, alpha times its sum",
     .schedule = "constant", .alpha = 3e-4, .width = 2, .start = continuous_start,
     .map = continuous_map, .pull = continuous_pull},
    {"product", "x = m w without weight decay", .schedule = "none", PRODUCT},
    {"pilot", "x = m w, weight decay on, then off", .schedule = "adaptive", .alpha = 1e-3, PRODUCT},
    {"ham", "x itself, each step followed by a multiplicative one", .smooth = true,
     .schedule = "constant", .alpha = 1e-2, ITSELF, .pull = ham_pull, .after = ham_after},
};

const ms_sparsifier *ms_sparsifier_at(size_t i) {
  return i < sizeof sparsifiers / sizeof *sparsifiers ? &sparsifiers[i] : NULL;
}

static void copy_biases(const ms_sparse *s, const double *from, double *to) {
  memcpy(to, from, (s->d - s->weights) * sizeof *to);
}

void ms_sparse_start(const ms_sparse *s, const double *x, double *p) {
  s->class->start(s, x, p);
  copy_biases(s, x + s->weights, p + s->class->width * s->weights);
}

void ms_sparse_map(const ms_sparse *s, const double *p, double *x) {
  s->class->map(s, p, x);
  copy_biases(s, p + s->class->width * s->weights, x + s->weights);
}

void ms_sparse_pull(const ms_sparse *s, const double *p, const double *G, double alpha,
                    double *out) {
  s->class->pull(s, p, G, alpha, out);
  copy_biases(s, G + s->weights, out + s->class->width * s->weights);
}
