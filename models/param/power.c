/* power: x = u^L - v^L, h = u^2 + v^2: true weight decay.
 *
 * (g, h) does not commute for L > 2, but with u, v = e^{-2A} (P, N) the weights P, N follow the
 * gradient flow without weight decay of e^{-2(L-2)A} grad f, so
 *
 *   x = e^{2La} X(mu),     dmu/dt = -e^{2(L-2)a} grad f,     R_a(x) = e^{2La} R(e^{-2La} x)
 *
 * with X and R of power.h, which a mirror flow in another time therefore follows. The ends of mu
 * do not move with the dose. x0 = beta sinh(kappa), beta = 2 (u0 v0)^{L/2}; L = 2 is uv.
 *
 * Digits: X = e^{2LA} x comes near the ends of mu with the dose, and x keeps of 16 digits
 * 16 - log10 ((x/beta)^{(L-2)/L} e^{2(L-2)A}): at L = 4 a dose of 5 costs 9, one of 9 all.
 *
 * S(x) = |x|^{2/L} is not convex. u^{2-L} + v^{2-L} grows like e^{2(L-2)A}; it depends on kappa, so
 * there is no scale() for it. */
#include "param/power.h"
#include "param/hyperbolic.h"
#include "param/scalar.h"
#include <math.h>

enum { U, V };

extern const ms_param ms_param_power;

static const double LN2 = 0.693147180559945309417;
static const double LN_HUGE = 708;

/* ---- The curve, L > 2 ----------------------------------------------------------------------- */

typedef struct curve {
  double L, k, q;
  double ln_u, ln_v;         /* ln u0^L, ln v0^L */
  double steep_u, steep_v;   /* L k u0^k, L k v0^k: inverses of the ends of mu */
  double ln_beta, kappa, z0; /* z0 = kappa / q */
} curve;

static curve curve_of(size_t depth, double ln_beta, double kappa) {
  curve c = {.L = (double)depth, .ln_beta = ln_beta, .kappa = kappa};
  c.k = c.L - 2;
  c.q = c.L / c.k;
  c.ln_u = ln_beta - LN2 + kappa;
  c.ln_v = ln_beta - LN2 - kappa;
  c.steep_u = c.L * c.k * exp(c.ln_u / c.q);
  c.steep_v = c.L * c.k * exp(c.ln_v / c.q);
  c.z0 = kappa / c.q;
  return c;
}

static bool curve_exists(const curve *c) {
  return isnormal(c->steep_u) && isnormal(c->steep_v) && isnormal(1 / c->steep_u) &&
         isnormal(1 / c->steep_v);
}

int ms_power_primal(size_t depth, double ln_beta, double kappa, double shift, double mu, double *x,
                    double *dx) {
  curve c = curve_of(depth, ln_beta, kappa);
  double part_u = c.steep_u * mu, part_v = c.steep_v * mu;
  if (!curve_exists(&c) || !(part_u < 1 && part_v > -1))
    return 1;
  double u = -log1p(-part_u), v = -log1p(part_v); /* ln (P/u0)^k, ln (N/v0)^k */
  double s = kappa + c.q / 2 * (u - v), ln_size = ln_beta + c.q / 2 * (u + v) + shift;
  double power = 2 - 2 / c.L; /* P^{2L-2} = (P^L)^power */
  double ln_up = power * (c.ln_u + c.q * u) + shift, ln_down = power * (c.ln_v + c.q * v) + shift;
  if (!(fabs(s) + ln_size < LN_HUGE && fmax(ln_up, ln_down) + 2 * log(c.L) < LN_HUGE))
    return 1;
  *x = ms_scaled_sinh(s, ln_size);
  if (dx)
    *dx = c.L * c.L * (exp(ln_up) + exp(ln_down));
  return 0;
}

/* z of x = e^shift X */
static double find_z(const curve *c, double shift, double x) {
  if (x == 0)
    return 0;
  double tau = log(fabs(x)) - shift - c->ln_beta + c->q * ms_ln_cosh(c->z0);
  return copysign(ms_sinh_root(c->q, c->q, tau) / c->q, x);
}

double ms_power_dual(size_t depth, double ln_beta, double kappa, double shift, double x) {
  curve c = curve_of(depth, ln_beta, kappa);
  double z = find_z(&c, shift, x), d = z - c.z0;
  double ln_size = fabs(d) - fabs(z) - (ln_beta - LN2) / c.q;
  double ratio = -expm1(-2 * fabs(d)) / (1 + exp(-2 * fabs(z)));
  return copysign(exp(ln_size) * ratio / (c.L * c.k), d);
}

/* Part of P with y = ln(P/u0), of N with ln(N/v0): both are 0 at y = 0 and positive elsewhere.
 *
 *   P^L mu - (P^2 - u0^2)/(2L) = P^2/L [(e^{ky} - 1 - ky)/k + (e^{-2y} - 1 + 2y)/2] */
static double branch(const curve *c, double y, double ln_start, double shift) {
  double ln_square = 2 / c->L * ln_start + 2 * y + shift;
  return (ms_exp_excess(c->k * y, ln_square) / c->k + ms_exp_excess(-2 * y, ln_square) / 2) / c->L;
}

double ms_power_potential(size_t depth, double ln_beta, double kappa, double shift, double x) {
  curve c = curve_of(depth, ln_beta, kappa);
  double z = find_z(&c, shift, x), d = z - c.z0, both = ms_ln_cosh(z) - ms_ln_cosh(c.z0);
  return branch(&c, (both + d) / c.k, c.ln_u, shift) + branch(&c, (both - d) / c.k, c.ln_v, shift);
}

void ms_power_domain(size_t depth, double ln_beta, double kappa, double *low, double *high) {
  curve c = curve_of(depth, ln_beta, kappa);
  *low = -1 / c.steep_v;
  *high = 1 / c.steep_u;
}

/* ---- Weights -------------------------------------------------------------------------------- */

bool ms_power_locate(const ms_param *p, double ln_beta, double x0, double *kappa,
                     const char **why) {
  *kappa = ms_scaled_asinh(x0, ln_beta);
  curve c = curve_of(p->depth, ln_beta, *kappa);
  *why = "with this --init-scale the mirror flow's mu is beyond double precision";
  return curve_exists(&c);
}

bool ms_power_weights(const ms_param *p, double ln_beta, double kappa, double *w) {
  curve c = curve_of(p->depth, ln_beta, kappa);
  w[U] = exp(c.ln_u / c.L);
  w[V] = exp(c.ln_v / c.L);
  return isnormal(exp(c.ln_u)) && isnormal(exp(c.ln_v));
}

double ms_power_ln_beta_of(const ms_param *p, const double *w) {
  return LN2 + (double)p->depth / 2 * (log(w[U]) + log(w[V]));
}

double ms_power_map(const ms_param *p, const double *w) {
  return pow(w[U], (double)p->depth) - pow(w[V], (double)p->depth);
}

void ms_power_slope(const ms_param *p, const double *w, double *dg) {
  double L = (double)p->depth;
  dg[U] = L * pow(w[U], L - 1);
  dg[V] = -L * pow(w[V], L - 1);
}

void ms_power_bend(const ms_param *p, const double *w, double *d2g) {
  double L = (double)p->depth;
  d2g[0] = L * (L - 1) * pow(w[U], L - 2);
  d2g[1] = d2g[2] = 0;
  d2g[3] = -L * (L - 1) * pow(w[V], L - 2);
}

/* dX/dmu = L^2 X^{2-2/L} where X is far above beta. */
double ms_power_steepness(const ms_param *p, double size) {
  double L = (double)p->depth;
  return L * L * pow(size, 1 - 2 / L);
}

/* ---- power: the curve in warped time -------------------------------------------------------- */

static double shift_of(const ms_param *p, double a) {
  return 2 * (double)p->depth * a;
}

static int primal(const ms_param *p, const ms_start *start, size_t first, size_t count, double a,
                  const double *mu, double *x, double *dx) {
  for (size_t i = 0; i < count; i++)
    if (ms_power_primal(p->depth, start->ln_beta[first + i], start->kappa[first + i],
                        shift_of(p, a), mu[i], &x[i], dx ? &dx[i] : NULL))
      return 1;
  return 0;
}

static void dual(const ms_param *p, const ms_start *start, size_t first, size_t count, double a,
                 const double *x, double *mu) {
  for (size_t i = 0; i < count; i++)
    mu[i] = ms_power_dual(p->depth, start->ln_beta[first + i], start->kappa[first + i],
                          shift_of(p, a), x[i]);
}

static double potential(const ms_param *p, double ln_beta, double kappa, double a, double x) {
  return ms_power_potential(p->depth, ln_beta, kappa, shift_of(p, a), x);
}

static double ln_scale(const ms_param *p, double ln_beta, double a) {
  return ln_beta + shift_of(p, a);
}

static void domain(const ms_param *p, double ln_beta, double kappa, double a, double *low,
                   double *high) {
  (void)a;
  ms_power_domain(p->depth, ln_beta, kappa, low, high);
}

static double warp(const ms_param *p, double a) {
  return exp(2 * ((double)p->depth - 2) * a);
}

static void configure(ms_param *p, size_t depth) {
  *p = ms_param_power;
  p->depth = depth;
  p->degree = (double)depth;
  if (depth == 2)
    ms_param_become(p, &ms_param_uv);
}

const ms_param ms_param_power = {
    .name = "power",
    .summary = "x = u^L - v^L, h = u^2 + v^2: weight decay, a mirror flow in warped time",
    .g = "u^L - v^L",
    .h = "u^2 + v^2",
    .width = 2,
    .names = "u v",
    .degree = 3,
    .cost = NAN,
    .depth_min = 2,
    .depth_max = 100,
    .depth = 3,
    .configure = configure,
    .steady = true,
    .locate = ms_power_locate,
    .weights = ms_power_weights,
    .ln_beta_of = ms_power_ln_beta_of,
    .map = ms_power_map,
    .slope = ms_power_slope,
    .bend = ms_power_bend,
    .primal = primal,
    .dual = dual,
    .potential = potential,
    .ln_scale = ln_scale,
    .domain = domain,
    .warp = warp,
    .steepness = ms_power_steepness,
};
