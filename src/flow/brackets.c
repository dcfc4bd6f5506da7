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

/* A line w + t u on which jumps of a gradient are looked for: that of sum_i of_i g_i, or with of =
 * NULL that of h. */
typedef struct line {
  const ms_pair *p;
  const double *of, *u;
  double *at, *low, *high, *middle; /* a point; the gradient at from, at to, and between */
  double from, to;
} line;

static double distance(size_t n, const double *a, const double *b) {
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sqrt(sum);
}

static void gradient_on(line *s, double t, double *out) {
  for (size_t i = 0; i < s->p->weights; i++)
    s->at[i] = s->p->w[i] + t * s->u[i];
  gradient_of(s->p, s->of, s->at, out);
}

/* Halves [from, to] towards the larger change of the gradient. The jump there, 0 where there is
 * none. */
static double jump_on(line *s) {
  enum { HALVINGS = 45 };
  static const double JUMP = 1e-6;
  size_t n = s->p->weights;
  gradient_on(s, s->from, s->low);
  gradient_on(s, s->to, s->high);
  double jump = distance(n, s->low, s->high), least = JUMP * (norm(n, s->low) + norm(n, s->high));
  for (int h = 0; h < HALVINGS && jump > least; h++) {
    double t = s->from + (s->to - s->from) / 2;
    gradient_on(s, t, s->middle);
    bool below = distance(n, s->middle, s->low) > distance(n, s->high, s->middle);
    *(below ? &s->to : &s->from) = t;
    memcpy(below ? s->high : s->low, s->middle, n * sizeof *s->middle);
    jump = distance(n, s->low, s->high);
  }
  return isfinite(jump) && jump > least ? jump : 0;
}

/* The jumps of grad h, or of grad sum_i of_i g_i, along the line w + t u, and how much of the
 * gradient of sum_i v_i g_i points across them; scratch 4 * weights. */
static double crossed_along(const ms_pair *p, const double *of, const double *v, const double *u,
                            double *scratch) {
  enum { SAMPLES = 64 };
  static const double FAR = 4;
  size_t n = p->weights;
  line s = {.p = p, .of = of, .u = u, .at = scratch};
  s.low = s.at + n, s.high = s.low + n, s.middle = s.high + n;
  double worst = 0, size = norm(n, u), unit = norm(n, p->w);
  double far = size > 0 ? FAR * (unit > 0 ? unit : 1) / size : 0;
  for (int k = 0; far > 0 && k < SAMPLES; k++) {
    s.from = far * (2.0 * k / SAMPLES - 1);
    s.to = s.from + 2 * far / SAMPLES;
    double jump = jump_on(&s);
    if (!(jump > 0))
      continue;
    p->gradient(p->self, v, s.at, s.middle);
    cblas_daxpy((int)n, -1, s.low, 1, s.high, 1);
    double moved = norm(n, s.middle);
    if (moved > 0)
      worst = fmax(worst, fabs(cblas_ddot((int)n, s.middle, 1, s.high, 1)) / (moved * jump));
  }
  return worst;
}

/* Where a pair is looked at: combinations V of its components (m, `components` numbers each), the
 * gradients of these, and grad h. */
typedef struct place {
  const ms_pair *p;
  size_t m;
  double *V, *slope, *dh, *one, *other, *bracket, *scratch; /* scratch: 4 * weights */
} place;

static ms_status look(place *s, const ms_pair *p, ms_error *err) {
  size_t n = p->weights, m = p->components <= ALL_OF_THEM ? p->components : COMBINATIONS;
  *s = (place){.p = p, .m = m, .V = ms_doubles(m * p->components + (m + 9) * n)};
  gsl_rng *rng = ms_random_new(1, MS_STREAM_DATA);
  if (!s->V || !rng) {
    free(s->V);
    if (rng)
      gsl_rng_free(rng);
    return ms_no_memory(err);
  }
  s->slope = s->V + m * p->components;
  s->one = s->slope + m * n, s->other = s->one + n, s->scratch = s->other + n;
  s->dh = s->scratch + 4 * n, s->bracket = s->dh + n;
  if (m < p->components)
    ms_random_gaussian(rng, s->V, m * p->components, 1);
  for (size_t i = 0; i < m; i++) {
    if (m == p->components)
      s->V[i * m + i] = 1;
    p->gradient(p->self, s->V + i * p->components, p->w, s->slope + i * n);
  }
  gradient_of(p, NULL, p->w, s->dh);
  gsl_rng_free(rng);
  return MS_OK;
}

/* bracket = [grad g_i, grad g_j], with j = m: [grad g_i, grad h] */
static void take_bracket(place *s, size_t i, size_t j) {
  size_t n = s->p->weights, length = s->p->components;
  const double *u = s->slope + i * n, *v = j < s->m ? s->slope + j * n : s->dh;
  along(s->p, j < s->m ? s->V + j * length : NULL, u, s->one, s->scratch);
  along(s->p, s->V + i * length, v, s->other, s->scratch);
  for (size_t k = 0; k < n; k++)
    s->bracket[k] = s->one[k] - s->other[k];
}

static void brackets_of_g(place *s, double unit, ms_brackets *b) {
  size_t n = s->p->weights;
  for (size_t i = 0; i < s->m; i++)
    for (size_t j = 0; j < i; j++) {
      double size = norm(n, s->slope + i * n) * norm(n, s->slope + j * n) / unit;
      if (!(size > 0))
        continue;
      take_bracket(s, i, j);
      b->defect = fmax(b->defect, norm(n, s->bracket) / size);
      for (size_t k = 0; k < s->m; k++) {
        const double *u = s->slope + k * n;
        double length = norm(n, u);
        if (length > 0)
          b->visible =
              fmax(b->visible, fabs(cblas_ddot((int)n, u, 1, s->bracket, 1)) / (length * size));
      }
    }
}

static void brackets_with_h(place *s, double unit, ms_brackets *b) {
  size_t n = s->p->weights;
  b->unit = norm(n, s->dh) / unit;
  for (size_t i = 0; i < s->m; i++) {
    const double *u = s->slope + i * n;
    double length = norm(n, u), size = length * b->unit;
    if (!(size > 0))
      continue;
    take_bracket(s, i, s->m);
    b->decay = fmax(b->decay, norm(n, s->bracket) / size);
    if (isnan(b->c))
      b->c = cblas_ddot((int)n, s->bracket, 1, u, 1) / (length * length);
    cblas_daxpy((int)n, -b->c, u, 1, s->bracket, 1);
    b->warped = fmax(b->warped, norm(n, s->bracket) / size);
  }
}

static void look_for_kinks(place *s, ms_brackets *b) {
  const ms_pair *p = s->p;
  for (size_t i = 0; i < s->m && (p->kinked || p->bent); i++) {
    const double *v = s->V + i * p->components, *u = s->slope + i * p->weights;
    if (p->kinked)
      b->crossed = fmax(b->crossed, crossed_along(p, NULL, v, u, s->scratch));
    for (size_t k = 0; k < s->m && p->bent; k++)
      b->folded = fmax(b->folded, crossed_along(p, s->V + k * p->components, v, u, s->scratch));
  }
}

ms_brackets ms_brackets_none(void) {
  return (ms_brackets){.c = NAN};
}

ms_status ms_brackets_at(const ms_pair *p, ms_brackets *b, ms_error *err) {
  place s;
  ms_status status = look(&s, p, err);
  if (status != MS_OK)
    return status;
  double unit = norm(p->weights, p->w);
  *b = ms_brackets_none();
  brackets_of_g(&s, unit, b);
  brackets_with_h(&s, unit, b);
  look_for_kinks(&s, b);
  free(s.V);
  return MS_OK;
}

void ms_brackets_worst(ms_brackets *all, const ms_brackets *one) {
  all->defect = fmax(all->defect, one->defect);
  all->visible = fmax(all->visible, one->visible);
  all->decay = fmax(all->decay, one->decay);
  all->warped = fmax(all->warped, one->warped);
  all->crossed = fmax(all->crossed, one->crossed);
  all->folded = fmax(all->folded, one->folded);
  all->unit = fmax(all->unit, one->unit);
  if (isnan(all->c))
    all->c = one->c;
  if (fabs(one->c - all->c) > 0)
    all->warped = fmax(all->warped, fabs(one->c - all->c) / one->unit);
}
