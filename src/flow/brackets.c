#include "flow/brackets.h"
#include "base/random.h"
#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ALL_OF_THEM = 24, COMBINATIONS = 10 };

static double norm(size_t n, const double *v) {
  return cblas_dnrm2((int)n, v, 1);
}

static void gradient_of(const ms_pair *p, const double *v, const double *w, double *out) {
  if (v) {
    p->gradient(p->self, v, w, out);
  } else if (p->decay) {
    p->decay(p->self, w, out);
  } else {
    for (size_t i = 0; i < p->weights; i++)
      out[i] = 2 * w[i];
  }
}

/* out = D grad(.) u at p->w, of sum_i v_i g_i, or with v = NULL of h; scratch 2 * weights. */
static void along(const ms_pair *p, const double *v, const double *u, double *out,
                  double *scratch) {
  size_t n = p->weights;
  if (v && p->bend) {
    p->bend(p->self, v, p->w, u, out);
    return;
  }
  if (!v && (!p->decay || p->decay_bend)) {
    if (p->decay)
      p->decay_bend(p->self, p->w, u, out);
    else
      for (size_t i = 0; i < n; i++)
        out[i] = 2 * u[i];
    return;
  }
  double *at = scratch, *there = at + n, size = norm(n, u);
  double h = size > 0 ? 0.02 * norm(n, p->w) / size : 1;
  const double step[] = {-2, -1, 1, 2}, weight[] = {1 / 12.0, -8 / 12.0, 8 / 12.0, -1 / 12.0};
  memset(out, 0, n * sizeof *out);
  for (int k = 0; k < 4; k++) {
    for (size_t i = 0; i < n; i++)
      at[i] = p->w[i] + step[k] * h * u[i];
    gradient_of(p, v, at, there);
    cblas_daxpy((int)n, weight[k] / h, there, 1, out, 1);
  }
}

/* The jumps of grad h along the line w + t u, and how much of the gradient of sum_i v_i g_i points
 * across them; scratch 4 * weights. */
static double crossed_along(const ms_pair *p, const double *v, const double *u, double *scratch) {
  enum { SAMPLES = 64, HALVINGS = 45 };
  static const double FAR = 4, JUMP = 1e-6;
  size_t n = p->weights;
  double *at = scratch, *low = at + n, *high = low + n, *middle = high + n, worst = 0;
  double size = norm(n, u), unit = norm(n, p->w);
  double far = size > 0 ? FAR * (unit > 0 ? unit : 1) / size : 0;
  for (int k = 0; far > 0 && k < SAMPLES; k++) {
    double from = far * (2.0 * k / SAMPLES - 1), to = from + 2 * far / SAMPLES, jump = 0;
    double least = 0;
    for (int h = -2; h < HALVINGS; h++) { /* the ends first */
      double t = h == -2 ? from : h == -1 ? to : from + (to - from) / 2;
      double *out = h == -2 ? low : h == -1 ? high : middle, below = 0, above = 0;
      for (size_t i = 0; i < n; i++)
        at[i] = p->w[i] + t * u[i];
      p->decay(p->self, at, out);
      for (size_t i = 0; h >= 0 && i < n; i++) {
        below += (middle[i] - low[i]) * (middle[i] - low[i]);
        above += (high[i] - middle[i]) * (high[i] - middle[i]);
      }
      if (h >= 0 && below > above) {
        to = t;
        memcpy(high, middle, n * sizeof *high);
      } else if (h >= 0) {
        from = t;
        memcpy(low, middle, n * sizeof *low);
      }
      jump = 0;
      for (size_t i = 0; h >= -1 && i < n; i++)
        jump += (high[i] - low[i]) * (high[i] - low[i]);
      jump = sqrt(jump);
      if (h == -1)
        least = JUMP * (norm(n, low) + norm(n, high));
      if (h >= -1 && !(jump > least)) /* smooth, or no number */
        break;
    }
    if (!isfinite(jump) || !(jump > least))
      continue;
    p->gradient(p->self, v, at, middle);
    cblas_daxpy((int)n, -1, low, 1, high, 1);
    double moved = norm(n, middle);
    if (moved > 0)
      worst = fmax(worst, fabs(cblas_ddot((int)n, middle, 1, high, 1)) / (moved * jump));
  }
  return worst;
}

ms_status ms_brackets_at(const ms_pair *p, ms_brackets *b, ms_error *err) {
  size_t n = p->weights, m = p->components <= ALL_OF_THEM ? p->components : COMBINATIONS;
  double *V = ms_doubles(m * p->components + (m + 9) * n);
  gsl_rng *rng = ms_random_new(1, MS_STREAM_DATA);
  if (!V || !rng) {
    free(V);
    if (rng)
      gsl_rng_free(rng);
    return ms_no_memory(err);
  }
  double *slope = V + m * p->components, *one = slope + m * n, *other = one + n,
         *scratch = other + n, *dh = scratch + 4 * n, *bracket = dh + n;
  if (m < p->components)
    ms_random_gaussian(rng, V, m * p->components, 1);
  for (size_t i = 0; i < m; i++) {
    if (m == p->components)
      V[i * m + i] = 1;
    p->gradient(p->self, V + i * p->components, p->w, slope + i * n);
  }
  gsl_rng_free(rng);
  *b = (ms_brackets){.degree = NAN};
  double unit = norm(n, p->w), visible_unit;
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < i; j++) {
      const double *u = slope + i * n, *v = slope + j * n;
      visible_unit = norm(n, u) * norm(n, v) / unit;
      if (!(visible_unit > 0))
        continue;
      along(p, V + j * p->components, u, one, scratch);
      along(p, V + i * p->components, v, other, scratch);
      for (size_t k = 0; k < n; k++)
        bracket[k] = one[k] - other[k];
      b->defect = fmax(b->defect, norm(n, bracket) / visible_unit);
      for (size_t k = 0; k < m; k++) {
        double size = norm(n, slope + k * n);
        if (size > 0)
          b->visible = fmax(b->visible, fabs(cblas_ddot((int)n, slope + k * n, 1, bracket, 1)) /
                                            (size * visible_unit));
      }
    }
  gradient_of(p, NULL, p->w, dh);
  double decay = norm(n, dh), c = NAN;
  for (size_t i = 0; i < m; i++) {
    const double *u = slope + i * n;
    double size = norm(n, u) * decay / unit;
    if (!(size > 0))
      continue;
    along(p, NULL, u, one, scratch);
    along(p, V + i * p->components, dh, other, scratch);
    for (size_t k = 0; k < n; k++)
      bracket[k] = one[k] - other[k];
    b->decay = fmax(b->decay, norm(n, bracket) / size);
    if (isnan(c))
      c = cblas_ddot((int)n, bracket, 1, u, 1) / cblas_ddot((int)n, u, 1, u, 1);
    cblas_daxpy((int)n, -c, u, 1, bracket, 1);
    b->warped = fmax(b->warped, norm(n, bracket) / size);
  }
  if (!p->decay)
    b->degree = 2 - c / 2;
  for (size_t i = 0; p->kinked && i < m; i++)
    b->crossed = fmax(b->crossed, crossed_along(p, V + i * p->components, slope + i * n, scratch));
  free(V);
  return MS_OK;
}
