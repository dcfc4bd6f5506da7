/* param.h: g and its derivatives, the mirror maps and the potential. What any parametrization must
 * satisfy is checked for all of them at moderate scales; the closed forms of the hyperbolic family
 * (rate > 0) over the whole range. */
#include "param/param.h"
#include "tests.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double PI = 3.14159265358979323846;
static const double EPS = DBL_EPSILON;

/* ---- Random numbers, the same each time ----------------------------------------------------- */

static uint64_t state = 1;

static double uniform(double low, double high) {
  state = state * 6364136223846793005U + 1442695040888963407U;
  return low + (high - low) * (double)(state >> 11) * 0x1p-53;
}

static double sign(void) {
  return uniform(-1, 1) < 0 ? -1 : 1;
}

static void near(double got, double want, double tolerance, const char *what, const ms_param *p,
                 double at) {
  if (!(got == want || fabs(got - want) <= tolerance))
    ck_abort_msg("%s of %s at %.17g: %.17g, expected %.17g, difference %.3g, allowed %.3g", what,
                 p->name, at, got, want, got - want, tolerance);
}

/* Derivative from five points: exact for polynomials up to the fourth degree. */
#define DERIVATIVE(f, x, h)                                                                        \
  ((8 * (f((x) + (h)) - f((x) - (h))) - (f((x) + 2 * (h)) - f((x)-2 * (h)))) / (12 * (h)))

/* Every parametrization of the hyperbolic family. */
#define EACH_HYPERBOLIC(p)                                                                         \
  for (size_t hyperbolic_index = 0; ms_param_at(hyperbolic_index); hyperbolic_index++)             \
    for (const ms_param *p = ms_param_at(hyperbolic_index); p && p->rate > 0; p = NULL)

/* Every parametrization as it is, at its first depths and at depth 8. */
static void each(void (*check)(const ms_param *p)) {
  for (size_t i = 0; ms_param_at(i); i++) {
    const ms_param *p = ms_param_at(i);
    if (p->at || p->velocity) /* test_custom.c, test_optimizers.c */
      continue;
    check(p);
    for (size_t depth = p->depth_min; p->configure && depth <= MS_MIN(p->depth_max, 8); depth++) {
      ms_param adapted = *p;
      if (depth >= p->depth_min + 4 && depth < 8)
        continue;
      adapted.configure(&adapted, depth);
      check(&adapted);
    }
  }
}

/* Those with a mirror flow. */
static void (*mirror_check)(const ms_param *p);

static void check_mirror(const ms_param *p) {
  if (p->primal)
    mirror_check(p);
}

static void each_mirror(void (*check)(const ms_param *p)) {
  mirror_check = check;
  each(check_mirror);
}

static bool is(const ms_param *p, const char *name) {
  return strcmp(p->name, name) == 0;
}

/* h as the documentation has it. */
static double h_of(const ms_param *p, const double *w) {
  double sum = 0;
  for (size_t b = 0; b < p->width; b++)
    sum += is(p, "log") ? log(w[b]) : pow(w[b], is(p, "matched") ? (double)p->depth : 2);
  return sum;
}

/* One coordinate at a dose. */
typedef struct point {
  double ln_beta, kappa, a;
} point;

static double ln_beta_of(point c) {
  return c.ln_beta + 4 * c.a;
}

/* What the rounding of the exponents alone does to x, relative. */
static double exponent_error(const ms_param *p, point c, double mu) {
  return 4 * EPS *
         (1 + fabs(c.ln_beta) + fabs(c.kappa) + 4 * fabs(c.a) + fabs(p->rate * mu + c.kappa));
}

static int primal(const ms_param *p, point c, double mu, double *x, double *dx) {
  ms_start start = {&c.ln_beta, &c.kappa};
  return p->primal(p, &start, 0, 1, c.a, &mu, x, dx);
}

/* Called millions of times: a ck_assert writes to Check's file each time, also when it holds. */
static double x_of(const ms_param *p, point c, double mu) {
  double x = NAN;
  if (primal(p, c, mu, &x, NULL) != 0)
    ck_abort_msg("%s has no x at mu = %.17g", p->name, mu);
  return x;
}

static double dx_of(const ms_param *p, point c, double mu) {
  double x = NAN, dx = NAN;
  if (primal(p, c, mu, &x, &dx) != 0)
    ck_abort_msg("%s has no dx/dmu at mu = %.17g", p->name, mu);
  return dx;
}

static double mu_of(const ms_param *p, point c, double x) {
  ms_start start = {&c.ln_beta, &c.kappa};
  double mu = NAN;
  p->dual(p, &start, 0, 1, c.a, &x, &mu);
  return mu;
}

static double R_of(const ms_param *p, point c, double x) {
  return p->potential(p, c.ln_beta, c.kappa, c.a, x);
}

static point random_point(double ln_low, double ln_high) {
  return (point){uniform(ln_low, ln_high), uniform(-4, 4), -uniform(0, 1.5)};
}

/* ---- The gradient flow's side --------------------------------------------------------------- */

START_TEST(registry) {
  bool mw = false, uv = false;
  for (size_t i = 0; ms_param_at(i); i++) {
    const ms_param *p = ms_param_at(i);
    ck_assert(p->name && p->summary && p->g && p->h);
    ck_assert(p->width >= 1 && p->width <= MS_WIDTH_MAX);
    ck_assert(p->weights && p->map && p->slope && p->bend && p->degree >= 0);
    ck_assert((p->configure != NULL) == (p->depth_max > 0));
    ck_assert(p->depth_min <= p->depth && p->depth <= p->depth_max);
    bool mirror = p->primal != NULL;
    ck_assert((p->dual != NULL) == mirror);
    ck_assert((p->potential != NULL) == (mirror && !p->force)); /* of steepest: no closed form */
    ck_assert(!(p->rate > 0) || (mirror && p->scale && p->ln_scale));
    for (size_t k = 0; k < i; k++)
      ck_assert_str_ne(ms_param_at(k)->name, p->name);
    mw = mw || strcmp(p->name, "mw") == 0;
    uv = uv || strcmp(p->name, "uv") == 0;
    ck_assert_ptr_null(ms_param_at(i + 100));
  }
  ck_assert(mw && uv);
}
END_TEST

/* g and the rest as the documentation has it. */
static void check_formulas(const ms_param *p) {
  double L = (double)p->depth;
  bool apart = is(p, "deep") && p->width > 2, pair = is(p, "mw") || (is(p, "deep") && !apart);
  ck_assert(is(p, "mw") || is(p, "uv") || is(p, "square") || is(p, "power") || is(p, "matched") ||
            is(p, "deep") || is(p, "log") || is(p, "spred") || is(p, "mask") || is(p, "plain"));
  bool single = is(p, "square") || is(p, "spred") || is(p, "plain");
  ck_assert_uint_eq(p->width, single ? 1 : is(p, "deep") ? p->depth : 2);
  near(p->degree, p->configure ? L : is(p, "log") ? 0 : is(p, "plain") ? 1 : 2, 0, "degree", p, L);
  ck_assert_uint_eq(p->kink, is(p, "mask") || is(p, "plain") ? 1 : 0); /* of m, and of w itself */
  ck_assert((p->no_mirror != NULL) == (p->primal == NULL));
  ck_assert((p->rate > 0) == (is(p, "mw") || is(p, "uv") || p->depth == 2));
  ck_assert((p->scale != NULL) == (p->rate > 0 || is(p, "deep")));
  ck_assert((p->warp != NULL) == (p->depth > 2 && !is(p, "matched")));
  ck_assert((p->domain != NULL) == (p->depth > 2 || is(p, "log")));
  for (int k = 0; k < 100; k++) {
    double w[MS_WIDTH_MAX], g, low = is(p, "log") ? 0.1 : -2;
    for (size_t b = 0; b < p->width; b++)
      w[b] = uniform(low, 2);
    if (pair) { /* kept as (m + w)/sqrt 2, (m - w)/sqrt 2 */
      double m = (w[0] + w[1]) / sqrt(2), v = (w[0] - w[1]) / sqrt(2);
      near(p->scale(p, w), (m * m - v * v) / 2, 1e-14, "scale", p, w[0]);
      ck_assert(p->cost == 2 && p->rate == 2);
      g = m * v;
    } else if (is(p, "deep")) {
      g = 1;
      for (size_t b = 0; b < p->width; b++)
        g *= w[b];
      near(p->scale(p, w), (w[1] * w[1] - w[0] * w[0]) / 2, 1e-14, "scale", p, w[0]);
    } else if (is(p, "uv") || p->depth == 2) {
      g = w[0] * w[0] - w[1] * w[1];
      near(p->scale(p, w), 2 * w[0] * w[1], 1e-14, "scale", p, w[0]);
      ck_assert(p->cost == 1 && p->rate == 4);
    } else if (is(p, "log")) {
      g = log(w[0]) - log(w[1]);
    } else if (is(p, "square")) {
      g = w[0] * w[0];
    } else if (is(p, "spred")) {
      g = w[0] * fabs(w[0]) / 2;
    } else if (is(p, "mask")) {
      g = w[0] * w[1];
    } else if (is(p, "plain")) {
      g = w[0];
    } else {
      g = pow(w[0], L) - pow(w[1], L);
    }
    near(p->map(p, w), g, 1e-14 * (1 + pow(2, p->degree)), "g", p, w[0]);
  }
  for (double A = 0; p->warp && A < 2; A += 0.3)
    near(p->warp(p, -A), exp(-2 * (L - 2) * A), 1e-14, "warp", p, A);
}

START_TEST(formulas) {
  each(check_formulas);
}
END_TEST

static void check_slope_and_bend(const ms_param *p) {
  size_t width = p->width;
  ck_assert(width >= 1 && width <= MS_WIDTH_MAX);
  for (int k = 0; k < 200; k++) {
    double w[MS_WIDTH_MAX], v[MS_WIDTH_MAX], dg[MS_WIDTH_MAX], bend[MS_WIDTH_MAX * MS_WIDTH_MAX];
    double size = exp(uniform(-4, 2)), h = 1e-3 * size;
    /* Away from 0, which not every g allows. */
    for (size_t b = 0; b < width; b++)
      w[b] = v[b] = size * uniform(0.2, 1) * (p->rate > 0 ? sign() : width == 1 && k % 2 ? -1 : 1);
    p->slope(p, w, dg);
    p->bend(p, w, bend);
    for (size_t b = 0; b < width; b++) {
      double g[4], slopes[4][MS_WIDTH_MAX], most = fabs(p->map(p, w)) / size;
      static const int steps[] = {-2, -1, 1, 2};
      for (size_t c = 0; c < width; c++)
        most = fmax(most, fabs(dg[c]));
      for (int q = 0; q < 4; q++) {
        v[b] = w[b] + steps[q] * h;
        g[q] = p->map(p, v);
        p->slope(p, v, slopes[q]);
      }
      v[b] = w[b];
      near(dg[b], (8 * (g[2] - g[1]) - (g[3] - g[0])) / (12 * h), 1e-8 * most, "dg", p, w[b]);
      for (size_t c = 0; c < width; c++)
        near(bend[c * width + b],
             (8 * (slopes[2][c] - slopes[1][c]) - (slopes[3][c] - slopes[0][c])) / (12 * h),
             1e-7 * most / size, "d2g", p, w[b]);
    }
    if (p->decay) {
      double dh[MS_WIDTH_MAX], d2h[MS_WIDTH_MAX], slopes[4][MS_WIDTH_MAX], none[MS_WIDTH_MAX];
      p->decay(p, w, dh, d2h);
      for (size_t b = 0; b < width; b++) {
        double heights[4];
        for (int q = 0; q < 4; q++) {
          v[b] = w[b] + (q < 2 ? q - 2 : q - 1) * h;
          p->decay(p, v, slopes[q], none);
          heights[q] = h_of(p, v);
        }
        v[b] = w[b];
        near(dh[b], (8 * (heights[2] - heights[1]) - (heights[3] - heights[0])) / (12 * h),
             1e-7 * (fabs(dh[b]) + fabs(h_of(p, w)) / size), "dh", p, w[b]);
        near(d2h[b], (8 * (slopes[2][b] - slopes[1][b]) - (slopes[3][b] - slopes[0][b])) / (12 * h),
             1e-7 * (fabs(d2h[b]) + fabs(dh[b]) / size), "d2h", p, w[b]);
      }
    }
  }
}

START_TEST(slope_and_bend) {
  each(check_slope_and_bend);
}
END_TEST

/* A random start of any parametrization, at scales of about 1; false: not a possible one. */
static bool random_start(const ms_param *p, point *c) {
  const char *why = NULL;
  double x0 = uniform(-1, 1);
  *c = (point){uniform(-3, 1), NAN, 0};
  if (!p->locate)
    c->kappa = asinh(x0 / exp(c->ln_beta));
  else if (!p->locate(p, c->ln_beta, x0, &c->kappa, &why)) {
    ck_assert_ptr_nonnull(why);
    return false;
  }
  double w[MS_WIDTH_MAX];
  ck_assert(p->weights(p, c->ln_beta, c->kappa, w));
  near(p->map(p, w), x0, 1e-10, "x0", p, x0);
  return true;
}

/* A dose that leaves at least a fifth of a domain that shrinks. */
static double random_dose(const ms_param *p, point c) {
  double most = 0.4;
  if (is(p, "log"))
    most = 0.8 * exp(c.ln_beta - fabs(c.kappa)) / 4;
  return uniform(0, 1) < 0.3 ? 0 : uniform(0, most);
}

static void domain_of(const ms_param *p, point c, double *low, double *high) {
  *low = -INFINITY;
  *high = INFINITY;
  if (p->domain)
    p->domain(p, c.ln_beta, c.kappa, c.a, low, high);
  ck_assert(*low < 0 && *high > 0);
}

/* int_0^mu (x - x(m)) dm by Simpson's rule. */
static double potential_by_quadrature(const ms_param *p, point c, double mu) {
  enum { PARTS = 2000 };
  double x = x_of(p, c, mu), sum = 0;
  for (int i = 0; i <= PARTS; i++)
    sum += (x - x_of(p, c, mu * i / PARTS)) * (i == 0 || i == PARTS ? 1 : i % 2 ? 4 : 2);
  return sum * mu / PARTS / 3;
}

static void check_maps(const ms_param *p) {
  for (int k = 0; k < (test_quick() ? 60 : 300); k++) {
    point c;
    if (!random_start(p, &c))
      continue;
    double w[MS_WIDTH_MAX], x, dx, low, high;
    p->weights(p, c.ln_beta, c.kappa, w);
    near(x_of(p, c, 0), p->map(p, w), 1e-13 * (1 + p->degree), "start", p, c.kappa);
    c.a = -random_dose(p, c);
    domain_of(p, c, &low, &high);
    double from = fmax(low, -1), to = fmin(high, 1), mu = from + uniform(0.03, 0.97) * (to - from);
    double room = fmin(fmin(mu - low, high - mu), 1 / fmax(p->rate, 4)), h = 2e-3 * room;
    double total = fmin(high, 1) - fmax(low, -1), digits = 1e-12 * (1 + p->degree) * total / room;
    ck_assert_int_eq(primal(p, c, mu, &x, &dx), 0);
    ck_assert(dx > 0);
    near(mu_of(p, c, x), mu, digits * (total + fabs(x) / dx), "mu", p, x);
    near(x_of(p, c, mu_of(p, c, x)), x, digits * (total * dx + fabs(x)), "x", p, mu);
#define F(m) x_of(p, c, m)
    near(DERIVATIVE(F, mu, h), dx, 1e-6 * dx, "dx/dmu", p, mu);
#undef F
    /* R and its derivatives by x, taken along mu */
    double R = R_of(p, c, x);
#define F(m) R_of(p, c, x_of(p, c, m))
    near(DERIVATIVE(F, mu, h), mu * dx, 1e-6 * (fabs(mu) * dx + R / room), "dR/dx", p, x);
#undef F
#define F(z) mu_of(p, c, z)
    near(DERIVATIVE(F, x, h * dx) * dx, 1, 1e-5, "d2R/dx2 dx/dmu", p, x);
#undef F
    if (k % 10 == 0 && (room > 0.1 * total || !p->domain))
      near(R, potential_by_quadrature(p, c, mu), 1e-6 * R, "R", p, x);
    near(R_of(p, c, x_of(p, c, 0)), 0, 1e-25, "least R", p, 0);
    for (double part = 1e-3; part > 1e-8; part /= 9) {
      double by = sign() * part * fmin(fmin(-low, high), 0.25), least = dx_of(p, c, 0);
      near(R_of(p, c, x_of(p, c, by)), by * by / 2 * least,
           (20 * (1 + p->degree) * part + 1e-11 / part) * by * by * least, "R near 0", p, by);
    }
  }
}

START_TEST(maps_agree) {
  each_mirror(check_maps);
}
END_TEST

/* Finite within, refused beyond; the ends move with the dose as theory has it. */
static void check_domain(const ms_param *p) {
  for (int k = 0; k < (test_quick() ? 20 : 100); k++) {
    point c;
    if (!random_start(p, &c))
      continue;
    double x, dx, low, high, undosed_low, undosed_high;
    domain_of(p, c, &undosed_low, &undosed_high);
    c.a = -random_dose(p, c);
    domain_of(p, c, &low, &high);
    static const double never[] = {NAN, INFINITY, 1e300, -INFINITY, -1e300};
    for (int q = 0; q < (is(p, "square") ? 3 : is(p, "spred") ? 1 : 5); q++)
      ck_assert_int_gt(primal(p, c, never[q], &x, &dx), 0);
    if (!p->domain) {
      ck_assert(primal(p, c, -30, &x, &dx) == 0 && primal(p, c, 30, &x, &dx) == 0);
      continue;
    }
    double size = high - low, room = 1e-4 * size;
    for (int q = 0; q <= 100; q++) {
      ck_assert_int_eq(primal(p, c, low + room + (size - 2 * room) * q / 100, &x, &dx), 0);
      ck_assert(isfinite(x) && isfinite(dx) && dx > 0);
    }
    for (double beyond = 1e-12; beyond < 1e3; beyond *= 10) {
      ck_assert_int_gt(primal(p, c, low - beyond * size, &x, &dx), 0);
      ck_assert_int_gt(primal(p, c, high + beyond * size, &x, NULL), 0);
    }
    double widening = is(p, "matched") ? -c.a : is(p, "log") ? c.a : 0;
    near(high, undosed_high + widening, 1e-12 * size, "upper end", p, c.a);
    near(low, undosed_low - widening, 1e-12 * size, "lower end", p, c.a);
  }
}

START_TEST(domains) {
  each_mirror(check_domain);
}
END_TEST

/* Where x0 is far above beta one weight is all (power), or all are alike (deep): with k = L - 2
 * x^{-k/L} is linear in mu. mu keeps its digits although it is near an end of its domain. */
static void check_large_start(const ms_param *p) {
  double L = (double)p->depth, k = L - 2, rate = is(p, "deep") ? k : L * k;
  for (int q = 0; q < 100 && p->depth > 2; q++) {
    double x0 = sign() * uniform(0.1, 2), want = x0 * uniform(0.3, 3);
    const char *why = NULL;
    point c = {-uniform(40, 60), NAN, 0};
    ck_assert(p->locate(p, c.ln_beta, x0, &c.kappa, &why));
    double mu = (pow(fabs(x0), -k / L) - pow(fabs(want), -k / L)) / (x0 > 0 ? rate : -rate);
    near(x_of(p, c, mu), want, 1e-12 * fabs(want), "x", p, mu);
    near(mu_of(p, c, want), mu, 1e-12 * (fabs(mu) + pow(fabs(want), -k / L)), "mu", p, want);
  }
}

START_TEST(large_starts) {
  each(check_large_start);
}
END_TEST

/* A block of coordinates is its coordinates one by one, wherever it starts; also in place. */
static void check_blocks(const ms_param *p) {
  enum { D = 5 };
  double ln_beta[D], kappa[D], mu[D], x[D], dx[D], back[D], a = -0.01;
  for (int j = 0; j < D; j++) {
    point c;
    double low, high;
    while (!random_start(p, &c))
      continue;
    domain_of(p, c, &low, &high);
    ln_beta[j] = c.ln_beta;
    kappa[j] = c.kappa;
    mu[j] = uniform(fmax(low / 4, -0.2), fmin(high / 4, 0.2));
    if (is(p, "log")) /* room for the dose */
      ln_beta[j] += 3;
  }
  ms_start start = {ln_beta, kappa};
  for (size_t first = 0; first < D; first++)
    for (size_t count = 0; first + count <= D; count++) {
      ck_assert_int_eq(p->primal(p, &start, first, count, a, mu + first, x, dx), 0);
      p->dual(p, &start, first, count, a, x, back);
      for (size_t i = 0; i < count; i++) {
        point c = {ln_beta[first + i], kappa[first + i], a};
        near(x[i], x_of(p, c, mu[first + i]), 0, "x", p, mu[first + i]);
        near(dx[i], dx_of(p, c, mu[first + i]), 0, "dx", p, mu[first + i]);
        near(back[i], mu[first + i], 1e-11, "mu", p, mu[first + i]);
      }
      double same[D];
      memcpy(same, mu, sizeof same);
      p->primal(p, &start, first, count, a, same + first, same + first, NULL);
      ck_assert_mem_eq(same + first, x, count * sizeof *x);
    }
}

START_TEST(blocks_of_any) {
  each_mirror(check_blocks);
}
END_TEST

/* At depth 2 they are the hyperbolic ones, to the last digit. */
START_TEST(depth_two_is_hyperbolic) {
  for (size_t i = 0; ms_param_at(i); i++) {
    if (!ms_param_at(i)->configure || ms_param_at(i)->depth_min > 2 || ms_param_at(i)->velocity)
      continue;
    ms_param p = *ms_param_at(i), like = ms_param_mw;
    p.configure(&p, 5);
    p.configure(&p, 2);
    for (size_t k = 0; ms_param_at(k); k++)
      if (is(ms_param_at(k), is(&p, "deep") ? "mw" : "uv"))
        like = *ms_param_at(k);
    ck_assert_uint_eq(p.depth, 2);
    ck_assert(p.width == 2 && p.degree == 2 && p.rate == like.rate && p.cost == like.cost);
    ck_assert(p.primal == like.primal && p.dual == like.dual && p.potential == like.potential);
    ck_assert(p.weights == like.weights && p.map == like.map && p.scale == like.scale);
    ck_assert(p.locate == like.locate && p.decay == like.decay && !p.warp && !p.domain);
  }
}
END_TEST

START_TEST(starts_that_are_refused) {
  for (size_t i = 0; ms_param_at(i); i++) {
    const ms_param *p = ms_param_at(i);
    double kappa, w[MS_WIDTH_MAX];
    const char *why = NULL;
    static const double beyond[] = {-23025, -2302.585, 2302.585, 23025, NAN};
    if (p->at || p->velocity)
      continue;
    for (int k = 0; k < 5; k++) {
      ck_assert(is(p, "plain") || !p->weights(p, beyond[k], 0, w)); /* it has no scale */
      if (!p->domain)
        continue;
      why = NULL;
      ck_assert_msg(!p->locate(p, beyond[k], 0, &kappa, &why), "%s: ln beta = %g", p->name,
                    beyond[k]);
      ck_assert_ptr_nonnull(why);
      double mu = 0, x, zero = 0;
      ms_start start = {&beyond[k], &zero};
      ck_assert_int_gt(p->primal(p, &start, 0, 1, 0, &mu, &x, NULL), 0);
    }
    if (is(p, "square")) {
      ck_assert(!p->locate(p, 0, -1e-300, &kappa, &why));
      ck_assert_ptr_nonnull(why);
      ck_assert(p->locate(p, -2000, 0, &kappa, &why) && kappa == 0);
      ck_assert(p->locate(p, log(3), 6, &kappa, &why));
      near(kappa, log(2), 1e-15, "kappa", p, 6);
      point c = {log(3), 0, 0};
      ck_assert(isinf(R_of(p, c, -1e-3)) && isinf(mu_of(p, c, 0)));
      near(R_of(p, c, 0), 0.75, 1e-15, "R", p, 0);
    }
  }
}
END_TEST

START_TEST(weights_of_a_start) {
  for (size_t i = 0; ms_param_at(i); i++) {
    const ms_param *p = ms_param_at(i);
    if (!(p->rate > 0))
      continue;
    for (int k = 0; k < 2000; k++) {
      double ln_beta = uniform(log(1e-8), log(1e6)), kappa = k == 0 ? 0 : uniform(-8, 8);
      double w[MS_WIDTH_MAX], beta = exp(ln_beta);
      ck_assert(p->weights(p, ln_beta, kappa, w));
      near(p->map(p, w), beta * sinh(kappa), 2e-14 * beta * cosh(kappa), "x0", p, kappa);
      near(p->scale(p, w), beta, 2e-14 * beta, "beta", p, kappa);
    }
    /* beta is kept also where x0 dwarfs it: it is the way back to the other sign. */
    double w[MS_WIDTH_MAX];
    ck_assert(p->weights(p, log(1e-30), 70, w));
    near(p->scale(p, w), 1e-30, 1e-43, "beta", p, 70);
    near(p->map(p, w), 1e-30 * sinh(70), 1e-13, "x0", p, 70);
  }
}
END_TEST

START_TEST(weights_of_a_mask) {
  const ms_param *p = &ms_param_mw;
  for (size_t i = 1; !is(p, "mask"); i++)
    p = ms_param_at(i);
  for (int k = 0; k < 200; k++) {
    double ln_beta = uniform(-8, 4), kappa = k == 0 ? 0 : uniform(-4, 4), w[MS_WIDTH_MAX];
    double beta = exp(ln_beta), size = beta * cosh(kappa);
    ck_assert(p->weights(p, ln_beta, kappa, w));
    near(w[0] * w[1], beta * sinh(kappa), 1e-14 * size, "x0", p, kappa);
    near((w[0] - w[1]) * (w[0] + w[1]) / 2, beta, 1e-14 * size, "beta", p, kappa);
  }
}
END_TEST

START_TEST(weights_beyond_double_precision) {
  for (size_t i = 0; ms_param_at(i); i++) {
    const ms_param *p = ms_param_at(i);
    if (!(p->rate > 0))
      continue;
    double w[MS_WIDTH_MAX];
    static const double beyond[] = {-23025, -2302.585, -760, 760, 2302};
    for (int k = 0; k < 5; k++)
      ck_assert_msg(!p->weights(p, beyond[k], 0, w), "%s: ln beta = %g", p->name, beyond[k]);
    ck_assert(!p->weights(p, 0, 1500, w) && !p->weights(p, 0, -1500, w));
    ck_assert(!p->weights(p, NAN, 0, w) && !p->weights(p, 0, NAN, w));
    ck_assert(p->weights(p, -690, 0.5, w));
    near(p->scale(p, w), exp(-690), 1e-12 * exp(-690), "beta", p, -690);
    ck_assert(p->weights(p, 690, 0.5, w));
    near(p->scale(p, w), exp(690), 1e-12 * exp(690), "beta", p, 690);
  }
}
END_TEST

/* h of the weights in direction phi that make x: g grows along each ray. INFINITY: none do. */
static double ray_cost(const ms_param *p, double phi, double x) {
  double unit[2] = {cos(phi), sin(phi)}, low = 0, high = 1;
  for (int b = 0; b < 2 && p->decay; b++)
    unit[b] = fabs(unit[b]); /* a flow with its own h keeps its weights positive */
  if (p->map(p, unit) * x <= 0)
    return INFINITY;
  for (int k = 0; k < 200; k++) {
    double w[2] = {high * unit[0], high * unit[1]};
    if (fabs(p->map(p, w)) >= fabs(x))
      break;
    high *= 2;
  }
  for (int k = 0; k < 100; k++) {
    double r = (low + high) / 2, w[2] = {r * unit[0], r * unit[1]};
    if (fabs(p->map(p, w)) < fabs(x))
      low = r;
    else
      high = r;
  }
  double w[2] = {high * unit[0], high * unit[1]};
  return h_of(p, w);
}

START_TEST(representation_cost) {
  for (size_t i = 0; ms_param_at(i); i++) {
    const ms_param *p = ms_param_at(i);
    if (p->width != 2 || !isfinite(p->cost))
      continue;
    for (int k = 0; k < 20; k++) {
      double x = sign() * exp(uniform(-6, 6)), best = 0, least = INFINITY;
      enum { GRID = 720 };
      double shift = uniform(0, 1);
      for (int q = 0; q < GRID; q++) {
        double phi = 2 * PI * (q + shift) / GRID, cost = ray_cost(p, phi, x);
        if (cost < least) {
          least = cost;
          best = phi;
        }
      }
      double low = best - 2 * PI / GRID, high = best + 2 * PI / GRID, golden = (sqrt(5) - 1) / 2;
      while (high - low > 1e-9) {
        double left = high - golden * (high - low), right = low + golden * (high - low);
        if (ray_cost(p, left, x) < ray_cost(p, right, x))
          high = right;
        else
          low = left;
      }
      near(ray_cost(p, (low + high) / 2, x), p->cost * fabs(x), 1e-12 * fabs(x), "cost", p, x);
    }
  }
}
END_TEST

/* ---- Mirror maps ---------------------------------------------------------------------------- */

START_TEST(primal_formula) {
  EACH_HYPERBOLIC(p)
  for (int k = 0; k < 3000; k++) {
    point c = random_point(-20, 20);
    double beta = exp(c.ln_beta + 4 * c.a), mu = sign() * exp(uniform(-8, 2.5));
    double s = p->rate * mu + c.kappa, x, dx;
    ck_assert_int_eq(primal(p, c, mu, &x, &dx), 0);
    double error = exponent_error(p, c, mu);
    near(x, beta * sinh(s), error * beta * cosh(s), "x", p, mu);
    near(dx, p->rate * hypot(x, beta), 4 * error * dx, "dx", p, mu);
    near(p->ln_scale(p, c.ln_beta, c.a), c.ln_beta + 4 * c.a, 0, "ln scale", p, c.a);
    /* At mu = 0 it is the start, contracted. */
    double start = exp(4 * c.a) * exp(c.ln_beta) * sinh(c.kappa);
    near(x_of(p, c, 0), start, error * beta * cosh(c.kappa), "start", p, c.kappa);
  }
}
END_TEST

/* Relative precision of x right through 0: no differences of exponentials there. */
START_TEST(small_x_keeps_its_digits) {
  EACH_HYPERBOLIC(p)
  for (double mu = 1e-300; mu < 1e-3; mu *= 1e7) {
    point c = {0, 0, 0};
    near(x_of(p, c, mu), p->rate * mu, 1e-5 * mu, "x", p, mu);
    near(x_of(p, c, -mu), -x_of(p, c, mu), 0, "-x", p, mu);
    near(mu_of(p, c, x_of(p, c, mu)), mu, 2 * EPS * (1 - log(mu)) * mu, "mu", p, mu);
  }
}
END_TEST

START_TEST(derivative_of_primal) {
  EACH_HYPERBOLIC(p)
  for (int k = 0; k < 2000; k++) {
    point c = random_point(-30, 30);
    double mu = uniform(-6, 6), h = 2e-3 / p->rate;
#define F(m) x_of(p, c, m)
    double slope = DERIVATIVE(F, mu, h);
#undef F
    double dx = dx_of(p, c, mu);
    near(slope, dx, 1e-9 * dx, "dx", p, mu);
    ck_assert(dx > 0);
  }
}
END_TEST

/* dual(primal(mu)) = mu for scales from 1e-1000 to 1e10 and doses up to 50. */
START_TEST(dual_inverts_primal) {
  EACH_HYPERBOLIC(p) {
    int checked = 0;
    for (int k = 0; k < 20000; k++) {
      point c = {uniform(-1000, 10) * log(10), uniform(-20, 20), k % 3 ? -uniform(0, 50) : 0};
      /* ln |x / beta_a| from 1e-3 to what makes x at most 1e10 */
      double most = log(1e10) - ln_beta_of(c);
      double s = sign() * (k % 2 ? exp(uniform(-7, log(fmax(most, 1)))) : uniform(0, most));
      double mu = (s - c.kappa) / p->rate, x = NAN, dx = NAN;
      ck_assert_int_eq(primal(p, c, mu, &x, &dx), 0);
      if (fabs(x) < DBL_MIN || !(dx >= DBL_MIN))
        continue;
      checked++;
      near(mu_of(p, c, x), mu, 2 * exponent_error(p, c, mu), "mu", p, mu);
    }
    ck_assert_int_gt(checked, 3000);
  }
}
END_TEST

START_TEST(primal_inverts_dual) {
  EACH_HYPERBOLIC(p)
  for (int k = 0; k < 20000; k++) {
    point c = {uniform(-1000, 10) * log(10), uniform(-20, 20), k % 3 ? -uniform(0, 50) : 0};
    double x = sign() * pow(10, uniform(-100, 10)), mu = mu_of(p, c, x);
    /* What the rounding of mu moves: relative to sqrt(x^2 + beta^2). */
    double size = hypot(x, exp(ln_beta_of(c)));
    near(x_of(p, c, mu), x, 4 * exponent_error(p, c, mu) * size, "x", p, x);
  }
}
END_TEST

START_TEST(dual_at_zero_and_huge) {
  EACH_HYPERBOLIC(p) {
    point c = {-5, 0.75, -0.5};
    near(mu_of(p, c, 0), -0.75 / p->rate, EPS, "mu", p, 0);
    for (int k = 0; k < 3; k++) {
      static const double tiny[] = {5e-324, 1e-308, 1e-200};
      near(mu_of(p, c, tiny[k]), -0.75 / p->rate, EPS, "mu", p, tiny[k]);
    }
    double huge = (log(DBL_MAX) + log(2) + 5 + 2 - 0.75) / p->rate;
    near(mu_of(p, c, DBL_MAX), huge, 1e-12, "mu", p, DBL_MAX);
    near(mu_of(p, c, -DBL_MAX), -huge - 2 * 0.75 / p->rate, 1e-12, "mu", p, -DBL_MAX);
  }
}
END_TEST

/* ln |x| = ln beta_a + |s| - ln 2 where the scale is beyond double precision. */
START_TEST(extreme_scales) {
  static const char *const scales[] = {"1e-1000", "1e-10000", "3.5e-4000", "1e-308", "1e-60"};
  EACH_HYPERBOLIC(p)
  for (int k = 0; k < 5; k++)
    for (int q = 0; q < 200; q++) {
      double ln_beta;
      ck_assert(ms_parse_log(scales[k], &ln_beta));
      point c = {ln_beta, uniform(-5, 5), -uniform(0, 30)};
      double target = pow(10, uniform(-30, 5)), direction = sign();
      double mu = (direction * (log(2 * target) - ln_beta - 4 * c.a) - c.kappa) / p->rate;
      if (fabs(p->rate * mu + c.kappa) < 40)
        continue;
      double x, dx, error = exponent_error(p, c, mu);
      ck_assert_int_eq(primal(p, c, mu, &x, &dx), 0);
      near(x, direction * target, error * target, "x", p, mu);
      near(dx, p->rate * target, error * dx, "dx", p, mu);
      long double s = (long double)p->rate * mu + c.kappa;
      long double exact = expl(fabsl(s) + (long double)ln_beta + 4 * (long double)c.a) / 2;
      near(x, direction * (double)exact, error * target, "x", p, mu);
      near(mu_of(p, c, direction * target), mu, error, "mu", p, target);
      /* R = |x|/rate (ln (2|x|/beta_a) - 1) - kappa x/rate */
      double R = target / p->rate * (log(2 * target) - ln_beta - 4 * c.a - 1 - direction * c.kappa);
      near(R_of(p, c, direction * target), R, error * target, "R", p, target);
    }
  /* In numbers: 1e-1000 e^{2302.58...} / 2 = 1/2, so that x = 1 at s = 1000 ln 10 + ln 2. */
  EACH_HYPERBOLIC(p) {
    double ln_beta;
    ck_assert(ms_parse_log("1e-1000", &ln_beta));
    point c = {ln_beta, 0, 0};
    near(x_of(p, c, 2303.2782401746055 / p->rate), 1, 2e-12, "x", p, 1);
    near(mu_of(p, c, 1), 2303.2782401746055 / p->rate, 1e-12, "mu", p, 1);
    near(R_of(p, c, 1), 2302.2782401746055 / p->rate, 1e-12, "R", p, 1);
    ck_assert(x_of(p, c, 0) == 0 && dx_of(p, c, 0) == 0);
    ck_assert(mu_of(p, c, 0) == 0 && R_of(p, c, 0) == 0);
  }
}
END_TEST

/* Where primal() says 0, everything is finite; beyond, it says so and does not deliver infinity. */
START_TEST(overflow) {
  EACH_HYPERBOLIC(p) {
    static const double beyond[] = {NAN, INFINITY, -INFINITY, 1e300, -1e300, 1e4};
    point plain = {0, 0.5, -1};
    for (int k = 0; k < 6; k++) {
      double x, dx;
      ck_assert_int_gt(primal(p, plain, beyond[k], &x, &dx), 0);
      ck_assert_int_gt(primal(p, plain, beyond[k], &x, NULL), 0);
    }
    for (double high = 690; high < 720; high += 0.01)
      for (int large_beta = 0; large_beta < 2; large_beta++) {
        point c = {large_beta ? high : -300, 0, 0};
        double mu = large_beta ? 0.01 : (high + 300) / p->rate, x = NAN, dx = NAN;
        int status = primal(p, c, mu, &x, &dx);
        ck_assert_int_ge(status, 0);
        ck_assert_msg(status > 0 || (isfinite(x) && isfinite(dx)), "%s: e^%g: x = %g, dx = %g",
                      p->name, high, x, dx);
        ck_assert_msg(status == 0 || high > 700, "%s: e^%g is refused", p->name, high);
        ck_assert_msg(status > 0 || high < 712, "%s: e^%g is not refused", p->name, high);
      }
    /* One coordinate is enough. */
    double ln_beta[3] = {0, 0, 0}, kappa[3] = {0, 0, 0}, mu[3] = {1, 2, 1000}, x[3], dx[3];
    ms_start start = {ln_beta, kappa};
    ck_assert_int_gt(p->primal(p, &start, 0, 3, 0, mu, x, dx), 0);
    ck_assert_int_eq(p->primal(p, &start, 0, 2, 0, mu, x, dx), 0);
  }
}
END_TEST

/* A block of coordinates is its coordinates one by one, wherever it starts; also in place. */
START_TEST(blocks) {
  enum { D = 7 };
  EACH_HYPERBOLIC(p) {
    double ln_beta[D], kappa[D], mu[D], x[D], dx[D], back[D];
    for (int j = 0; j < D; j++) {
      ln_beta[j] = uniform(-40, 5);
      kappa[j] = uniform(-2, 2);
      mu[j] = uniform(-3, 3);
    }
    ms_start start = {ln_beta, kappa};
    for (size_t first = 0; first < D; first++)
      for (size_t count = 0; first + count <= D; count++) {
        ck_assert_int_eq(p->primal(p, &start, first, count, -0.25, mu + first, x, dx), 0);
        p->dual(p, &start, first, count, -0.25, x, back);
        for (size_t i = 0; i < count; i++) {
          point c = {ln_beta[first + i], kappa[first + i], -0.25};
          near(x[i], x_of(p, c, mu[first + i]), 0, "x", p, mu[first + i]);
          near(dx[i], dx_of(p, c, mu[first + i]), 0, "dx", p, mu[first + i]);
          near(back[i], mu[first + i], 1e-12, "mu", p, mu[first + i]);
        }
        double same[D];
        memcpy(same, mu, sizeof same);
        p->primal(p, &start, first, count, -0.25, same + first, same + first, NULL);
        ck_assert_mem_eq(same + first, x, count * sizeof *x);
      }
  }
}
END_TEST

/* ---- The potential -------------------------------------------------------------------------- */

START_TEST(potential_formula) {
  EACH_HYPERBOLIC(p)
  for (int k = 0; k < 3000; k++) {
    point c = random_point(-25, 25);
    double beta = exp(ln_beta_of(c)), x = sign() * beta * exp(uniform(-6, 15));
    long double b = beta, X = x, K = c.kappa;
    long double R = (X * asinhl(X / b) - sqrtl(X * X + b * b) - K * X + b * coshl(K)) / p->rate;
    double size = (fabs(x) + beta) * (1 + fabs(c.kappa) + fabs(asinh(x / beta)));
    double error = exponent_error(p, c, 0) * (size + beta * cosh(c.kappa));
    near(R_of(p, c, x), (double)R, error, "R", p, x);
  }
}
END_TEST

START_TEST(potential_derivatives) {
  EACH_HYPERBOLIC(p)
  for (int k = 0; k < 3000; k++) {
    point c = random_point(-25, 25);
    double beta = exp(ln_beta_of(c)), x = sign() * beta * exp(uniform(-6, 20));
    double h = 2e-3 * hypot(x, beta), mu = mu_of(p, c, x);
#define F(z) R_of(p, c, z)
    near(DERIVATIVE(F, x, h), mu, 1e-9 * (1 + fabs(mu)), "dR/dx", p, x);
#undef F
#define F(z) mu_of(p, c, z)
    near(DERIVATIVE(F, x, h) * dx_of(p, c, mu), 1, 1e-8, "d2R/dx2 * dx/dmu", p, x);
#undef F
  }
}
END_TEST

/* The minimum is 0, at e^{4a} x0. */
START_TEST(positional_bias) {
  EACH_HYPERBOLIC(p)
  for (int k = 0; k < 3000; k++) {
    point c = random_point(-25, 25);
    if (k < 100)
      c.kappa = 0;
    double x0 = exp(c.ln_beta) * sinh(c.kappa), least = exp(4 * c.a) * x0;
    double size = hypot(least, exp(ln_beta_of(c))), error = exponent_error(p, c, 0);
    near(mu_of(p, c, least), 0, 2 * error, "dual", p, least);
    near(R_of(p, c, least), 0, error * error * size, "R", p, least);
    for (int side = -1; side <= 1; side += 2) {
      double far = R_of(p, c, least + side * 0.1 * size);
      ck_assert(far > 0.1 * 0.1 * size / p->rate / 4);
      ck_assert(far < R_of(p, c, least + side * 0.2 * size));
    }
  }
}
END_TEST

/* Near its minimum R is a difference of larger numbers; it stays a distance: not negative and, to a
 * few digits, quadratic. */
START_TEST(potential_near_its_minimum) {
  EACH_HYPERBOLIC(p)
  for (int k = 0; k < 3000; k++) {
    point c = random_point(-25, 25);
    double beta = exp(ln_beta_of(c)), least = beta * sinh(c.kappa), size = beta * cosh(c.kappa);
    double part = sign() * exp(uniform(log(1e-9), log(1e-4))), x = least + part * size;
    double R = R_of(p, c, x), quadratic = (x - least) * (x - least) / size / 2 / p->rate;
    ck_assert_msg(R >= 0, "%s: R = %g at a relative distance of %g from the minimum (kappa %g)",
                  p->name, R, part, c.kappa);
    /* x itself is no more exact than this beside x0. */
    double blur = 2 * exponent_error(p, c, 0) / fabs(part);
    near(R, quadratic, quadratic * (2 * fabs(part) + 2 * blur + blur * blur), "R", p, x);
  }
}
END_TEST

/* x^2 / (2 rate beta) for |x| << beta, |x| / rate (ln (2|x|/beta) - 1) for |x| >> beta. */
START_TEST(potential_limits) {
  EACH_HYPERBOLIC(p)
  for (double ln_beta = -300; ln_beta <= 300; ln_beta += 7.3) {
    point c = {ln_beta, 0, -uniform(0, 5)};
    double beta = exp(ln_beta_of(c));
    for (double ratio = 1e-3; ratio > 1e-25; ratio /= 9.7) {
      double x = sign() * ratio * beta, want = ratio * fabs(x) / (2 * p->rate);
      double error = ratio * ratio / 12 + 10 * exponent_error(p, c, 0);
      near(R_of(p, c, x), want, want * error, "R", p, x);
    }
    for (double ratio = 1e4; ratio < 1e25; ratio *= 9.7) {
      double x = sign() * ratio * beta, want = fabs(x) / p->rate * (log(2 * ratio) - 1);
      /* The constant + beta cosh kappa is what is left out. */
      near(R_of(p, c, x), want, (1.01 / ratio + exponent_error(p, c, 0) + 1e-15) * fabs(x), "R", p,
           x);
    }
  }
  /* In numbers, with beta = 4 and 1e-9. */
  EACH_HYPERBOLIC(p) {
    if (strcmp(p->name, "mw") == 0) {
      near(p->potential(p, log(4), 0, 0, 1e-3), 1e-6 / 16, 1e-13, "R", p, 1e-3);
      near(p->potential(p, log(1e-9), 0, 0, 2), log(4e9) - 1, 1e-8, "R", p, 2);
    } else if (strcmp(p->name, "uv") == 0) {
      near(p->potential(p, log(4), 0, 0, 1e-3), 1e-6 / 32, 1e-13, "R", p, 1e-3);
      near(p->potential(p, log(1e-9), 0, 0, 2), (log(4e9) - 1) / 2, 1e-8, "R", p, 2);
    }
  }
}
END_TEST

/* Where x cannot cross 0 its potential goes on to 0; that of log grows linearly in |x|. */
START_TEST(potential_at_the_ends) {
  for (size_t i = 0; ms_param_at(i); i++) {
    const ms_param *p = ms_param_at(i);
    for (int k = 0; k < 50 && (p->positive || p->keeps_sign); k++) {
      point c = {uniform(-5, 5), p->keeps_sign ? sign() * uniform(0.1, 4) : uniform(-4, 4),
                 -uniform(0, 1)};
      double R = R_of(p, c, copysign(1e-250, x_of(p, c, 0)));
      near(R_of(p, c, 0), R, 1e-13 * R, "R(0)", p, c.kappa);
    }
    for (double x = 250; x < 1e4 && is(p, "log"); x *= 1.7)
      for (int side = -1; side <= 1; side += 2) {
        /* c_0 and s_0 of u0^2, v0^2 = beta/2 e^{+-kappa}; ln cosh x = |x| - ln 2 */
        point c = {log(3), -0.7 * side, 0};
        double c0 = 1.5 * cosh(c.kappa), s0 = 1.5 * sinh(c.kappa);
        double R = (c0 * (x - log(2) - log(cosh(c.kappa))) - s0 * (side * x - c.kappa)) / 2;
        near(R_of(p, c, side * x), R, 1e-13 * R, "R", p, side * x);
      }
  }
}
END_TEST

/* The dose contracts x at fixed mu and, from x0 = 0, only raises R; both by beta_a = beta e^{4a}.
 */
START_TEST(contraction) {
  EACH_HYPERBOLIC(p)
  for (int k = 0; k < 500; k++) {
    point c = random_point(-10, 10), undosed = c, moved = c;
    undosed.a = 0;
    moved.ln_beta = ln_beta_of(c);
    moved.a = 0;
    double mu = uniform(-3, 3), x = x_of(p, c, mu);
    near(x, exp(4 * c.a) * x_of(p, undosed, mu), 1e-13 * dx_of(p, c, mu), "x", p, mu);
    near(x, x_of(p, moved, mu), 1e-13 * dx_of(p, c, mu), "x", p, mu);
    near(R_of(p, c, x), R_of(p, moved, x), 1e-13 * (fabs(x) + exp(ln_beta_of(c))) * 10, "R", p, x);
    point centred = {c.ln_beta, 0, c.a}, further = {c.ln_beta, 0, c.a - 0.1};
    ck_assert(R_of(p, further, x) > R_of(p, centred, x));
  }
}
END_TEST

/* ---- The flow itself ------------------------------------------------------------------------ */

/* dw/dt = -g(t) dg - 2 alpha(t) w with given g and alpha, against x = grad Q_a(mu). */
typedef struct drive {
  double level, swing, pulse, phase, alpha0, tau;
} drive;

static double gradient(const drive *d, double t) {
  return d->level + d->swing * cos(d->pulse * t + d->phase);
}

static double gradient_integral(const drive *d, double t) {
  return d->level * t + d->swing / d->pulse * (sin(d->pulse * t + d->phase) - sin(d->phase));
}

static double alpha(const drive *d, double t) {
  return d->alpha0 * exp(-t / d->tau);
}

static double dose(const drive *d, double t) {
  return d->alpha0 * d->tau * (1 - exp(-t / d->tau));
}

/* Of the weights and, behind them, of mu. */
static void weights_rate(const ms_param *p, const drive *d, double t, const double *w,
                         double *rate) {
  double dh[MS_WIDTH_MAX], d2h[MS_WIDTH_MAX];
  for (size_t b = 0; b < p->width; b++)
    dh[b] = 2 * w[b];
  if (p->decay)
    p->decay(p, w, dh, d2h);
  p->slope(p, w, rate);
  for (size_t b = 0; b < p->width; b++)
    rate[b] = -gradient(d, t) * rate[b] - alpha(d, t) * dh[b];
  rate[p->width] = -gradient(d, t) * (p->warp ? p->warp(p, -dose(d, t)) : 1);
}

static void runge_kutta(const ms_param *p, const drive *d, double t, double h, double *w) {
  double k[4][MS_WIDTH_MAX + 1], v[MS_WIDTH_MAX + 1];
  static const double at[] = {0, 0.5, 0.5, 1};
  for (int q = 0; q < 4; q++) {
    for (size_t b = 0; b <= p->width; b++)
      v[b] = w[b] + (q ? at[q] * h * k[q - 1][b] : 0);
    weights_rate(p, d, t + at[q] * h, v, k[q]);
  }
  for (size_t b = 0; b <= p->width; b++)
    w[b] += h / 6 * (k[0][b] + 2 * k[1][b] + 2 * k[2][b] + k[3][b]);
}

/* Any parametrization, at moderate scales and times; also across a time warp. */
static void check_flow(const ms_param *p) {
  enum { STEPS = 2000, CHECKS = 10 };
  int checked = 0, starts = test_quick() ? 10 : 40;
  for (int k = 0; k < starts; k++) {
    drive d = {uniform(-0.5, 0.5), uniform(-0.5, 0.5),          uniform(0.5, 4),
               uniform(0, 6),      k % 4 ? uniform(0, 0.5) : 0, uniform(0.3, 3)};
    double t_end = 1, w[MS_WIDTH_MAX + 1];
    point c;
    if (!random_start(p, &c))
      continue;
    p->weights(p, c.ln_beta, c.kappa, w);
    w[p->width] = 0;
    for (int i = 0; i < STEPS; i++) {
      runge_kutta(p, &d, t_end * i / STEPS, t_end / STEPS, w);
      double t = t_end * (i + 1) / STEPS, mu = w[p->width], low = -INFINITY, high = INFINITY;
      c.a = -dose(&d, t);
      if (p->domain)
        p->domain(p, c.ln_beta, c.kappa, c.a, &low, &high);
      /* Near the end of the domain the weights run away, and the steps are too long. */
      if (!(mu > 0.8 * low && mu < 0.8 * high) ||
          (is(p, "log") && (mu - low < 0.1 || high - mu < 0.1)))
        break;
      if ((i + 1) % (STEPS / CHECKS))
        continue;
      checked++;
      double x, dx, dg[MS_WIDTH_MAX], speed = 0;
      ck_assert_int_eq(primal(p, c, mu, &x, &dx), 0);
      p->slope(p, w, dg);
      for (size_t b = 0; b < p->width; b++)
        speed += dg[b] * dg[b];
      near(p->map(p, w), x, 1e-9 * (1 + fabs(x)), "x", p, t);
      /* |grad g|^2 is what turns -grad f into the velocity of x. */
      near(dx * (p->warp ? p->warp(p, c.a) : 1), speed, 1e-8 * speed, "dx", p, t);
      if (p->scale) {
        double beta = exp(p->ln_scale(p, c.ln_beta, c.a));
        near(p->scale(p, w), beta, 1e-10 * (beta + w[0] * w[0]), "scale", p, t);
      }
    }
  }
  ck_assert_int_ge(checked, starts);
}

START_TEST(flows_agree) {
  each_mirror(check_flow);
}
END_TEST

/* Of u and v under weight decay alone, from x0 = 0: beta_a = 2 (u v)^{L/2}, L = 2 of log. */
static void check_scale(const ms_param *p) {
  enum { STEPS = 2000 };
  if (!is(p, "log") && !is(p, "power") && !is(p, "matched"))
    return;
  const drive d = {0, 0, 1, 0, 0.3, 2};
  double w[MS_WIDTH_MAX + 1] = {0}, ln_beta = 0.4, t_end = 1;
  ck_assert(p->weights(p, ln_beta, 0, w));
  for (int i = 0; i < STEPS; i++)
    runge_kutta(p, &d, t_end * i / STEPS, t_end / STEPS, w);
  double L = is(p, "log") ? 2 : (double)p->depth, want = log(2) + L / 2 * log(w[0] * w[1]);
  near(p->ln_scale(p, ln_beta, -dose(&d, t_end)), want, 1e-10, "ln scale", p, L);
}

START_TEST(scales_under_weight_decay_alone) {
  each_mirror(check_scale);
}
END_TEST

START_TEST(gradient_flow_is_the_mirror_flow) {
  enum { STEPS = 2000, CHECKS = 8 };
  EACH_HYPERBOLIC(p)
  for (int k = 0; k < 60; k++) {
    drive d = {
        uniform(-1, 1), uniform(-1, 1), uniform(0.5, 4), uniform(0, 6), k % 4 ? uniform(0, 0.6) : 0,
        uniform(0.3, 3)};
    double t_end = 1.5, w[MS_WIDTH_MAX + 1] = {0};
    point c = {uniform(-12, 6), uniform(-2, 2), 0};
    ck_assert(p->weights(p, c.ln_beta, c.kappa, w));
    for (int i = 0; i < STEPS; i++) {
      runge_kutta(p, &d, t_end * i / STEPS, t_end / STEPS, w);
      if ((i + 1) % (STEPS / CHECKS))
        continue;
      double t = t_end * (i + 1) / STEPS, squares = 0;
      for (size_t b = 0; b < p->width; b++)
        squares += w[b] * w[b];
      c.a = -dose(&d, t);
      double mu = -gradient_integral(&d, t), beta = exp(c.ln_beta) * exp(-4 * dose(&d, t));
      near(p->scale(p, w), beta, 1e-9 * squares, "beta", p, t);
      near(p->map(p, w), x_of(p, c, mu), 1e-9 * squares, "x", p, t);
      /* |grad g|^2 is what turns -grad f into the velocity of x. */
      double dg[MS_WIDTH_MAX], speed = 0;
      p->slope(p, w, dg);
      for (size_t b = 0; b < p->width; b++)
        speed += dg[b] * dg[b];
      near(dx_of(p, c, mu), speed, 1e-9 * speed, "dx", p, t);
      near(exp(p->ln_scale(p, c.ln_beta, c.a)), beta, 1e-12 * beta, "scale", p, t);
    }
  }
}
END_TEST

Suite *param_suite(void) {
  Suite *suite = suite_create("param");
  TCase *tc = tcase_create("param");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, registry);
  tcase_add_test(tc, formulas);
  tcase_add_test(tc, slope_and_bend);
  tcase_add_test(tc, maps_agree);
  tcase_add_test(tc, domains);
  tcase_add_test(tc, large_starts);
  tcase_add_test(tc, blocks_of_any);
  tcase_add_test(tc, depth_two_is_hyperbolic);
  tcase_add_test(tc, starts_that_are_refused);
  tcase_add_test(tc, weights_of_a_start);
  tcase_add_test(tc, weights_beyond_double_precision);
  tcase_add_test(tc, representation_cost);
  tcase_add_test(tc, primal_formula);
  tcase_add_test(tc, small_x_keeps_its_digits);
  tcase_add_test(tc, derivative_of_primal);
  tcase_add_test(tc, dual_inverts_primal);
  tcase_add_test(tc, primal_inverts_dual);
  tcase_add_test(tc, dual_at_zero_and_huge);
  tcase_add_test(tc, extreme_scales);
  tcase_add_test(tc, overflow);
  tcase_add_test(tc, blocks);
  tcase_add_test(tc, potential_formula);
  tcase_add_test(tc, potential_derivatives);
  tcase_add_test(tc, positional_bias);
  tcase_add_test(tc, potential_near_its_minimum);
  tcase_add_test(tc, potential_limits);
  tcase_add_test(tc, contraction);
  tcase_add_test(tc, flows_agree);
  tcase_add_test(tc, gradient_flow_is_the_mirror_flow);
  tcase_add_test(tc, weights_of_a_mask);
  tcase_add_test(tc, potential_at_the_ends);
  tcase_add_test(tc, scales_under_weight_decay_alone);
  suite_add_tcase(suite, tc);
  return suite;
}
