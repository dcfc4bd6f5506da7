/* The value of a formula, its gradient and its Hessian, by forward differentiation. */
#include "formula/tree.h"
#include <math.h>

/* u with its gradient and the lower triangle of its Hessian. */
typedef struct jet {
  double u, g[MS_FORMULA_VARIABLES], h[MS_FORMULA_VARIABLES][MS_FORMULA_VARIABLES];
} jet;

/* What a variable does not enter has derivative 0, also where the other factor is infinite. */
static double times(double a, double b) {
  return a == 0 || b == 0 ? 0 : a * b;
}

static void compose(size_t n, bool bent, ms_taylor t, jet *u) {
  for (size_t i = 0; i < n && bent; i++)
    for (size_t j = 0; j <= i; j++)
      u->h[i][j] = times(t.d1, u->h[i][j]) + times(t.d2, times(u->g[i], u->g[j]));
  for (size_t i = 0; i < n; i++)
    u->g[i] = times(t.d1, u->g[i]);
  u->u = t.f;
}

/* u += c v */
static void add(size_t n, bool bent, double c, const jet *v, jet *u) {
  u->u += c * v->u;
  for (size_t i = 0; i < n; i++) {
    u->g[i] += c * v->g[i];
    for (size_t j = 0; j <= i && bent; j++)
      u->h[i][j] += c * v->h[i][j];
  }
}

static void multiply(size_t n, bool bent, const jet *v, jet *u) {
  for (size_t i = 0; i < n && bent; i++)
    for (size_t j = 0; j <= i; j++)
      u->h[i][j] = times(u->h[i][j], v->u) + times(u->g[i], v->g[j]) + times(u->g[j], v->g[i]) +
                   times(u->u, v->h[i][j]);
  for (size_t i = 0; i < n; i++)
    u->g[i] = times(u->g[i], v->u) + times(u->u, v->g[i]);
  u->u *= v->u;
}

static ms_taylor reciprocal(double u) {
  double v = 1 / u;
  return (ms_taylor){v, -v * v, 2 * v * v * v};
}

/* Small whole powers, the usual ones, by multiplication. */
static double raised(double u, double p) {
  enum { SMALL = 16 };
  if (!(p >= 0 && p <= SMALL && p == floor(p)))
    return pow(u, p);
  double result = 1;
  for (int n = (int)p; n; n >>= 1, u *= u)
    result *= n & 1 ? u : 1;
  return result;
}

static ms_taylor power_of(double u, double p) {
  return (ms_taylor){raised(u, p), p == 0 ? 0 : p * raised(u, p - 1),
                     p == 0 || p == 1 ? 0 : p * (p - 1) * raised(u, p - 2)};
}

/* n = 0: the value alone; bent: with second derivatives. */
static void evaluate(const ms_formula *f, size_t at, size_t n, bool bent, const double *v, jet *u) {
  const ms_node *k = &f->nodes[at];
  if (k->op == NUMBER || k->op == VARIABLE) {
    u->u = k->op == NUMBER ? k->number : v[k->left];
    for (size_t i = 0; i < n; i++) {
      u->g[i] = 0;
      for (size_t j = 0; j <= i && bent; j++)
        u->h[i][j] = 0;
    }
    if (k->op == VARIABLE && k->left < n)
      u->g[k->left] = 1;
    return;
  }
  evaluate(f, k->left, n, bent, v, u);
  if (k->op == CALL || k->op == NEGATE) {
    compose(n, bent, k->op == CALL ? k->of(u->u) : (ms_taylor){-u->u, -1, 0}, u);
    return;
  }
  if (k->op == POWER && f->nodes[k->right].op == NUMBER) {
    compose(n, bent, power_of(u->u, f->nodes[k->right].number), u);
    return;
  }
  jet w;
  evaluate(f, k->right, n, bent, v, &w);
  switch (k->op) {
  case ADD:
  case SUBTRACT:
    add(n, bent, k->op == ADD ? 1 : -1, &w, u);
    break;
  case TIMES:
    multiply(n, bent, &w, u);
    break;
  case DIVIDE: {
    double quotient = u->u / w.u;
    compose(n, bent, reciprocal(w.u), &w);
    multiply(n, bent, &w, u);
    u->u = quotient;
    break;
  }
  case POWER: { /* u^w = e^{w ln u} */
    double value = pow(u->u, w.u);
    compose(n, bent, ms_taylor_log(u->u), u);
    multiply(n, bent, &w, u);
    compose(n, bent, ms_taylor_exp(u->u), u);
    u->u = value;
    break;
  }
  case MIN:
  case MAX:
    if (isnan(w.u) || (k->op == MIN ? w.u < u->u : w.u > u->u))
      *u = w;
    break;
  default:
    break;
  }
}

double ms_formula_value(const ms_formula *f, const double *v) {
  jet u;
  evaluate(f, f->root, 0, false, v, &u);
  return u.u;
}

double ms_formula_derive(const ms_formula *f, const double *v, double *grad, double *hess) {
  jet u;
  size_t n = f->count;
  evaluate(f, f->root, grad || hess ? n : 0, hess != NULL, v, &u);
  for (size_t i = 0; i < n && grad; i++)
    grad[i] = u.g[i];
  for (size_t i = 0; i < n && hess; i++)
    for (size_t j = 0; j <= i; j++)
      hess[i * n + j] = hess[j * n + i] = u.h[i][j];
  return u.u;
}

bool ms_formula_uses(const ms_formula *f, size_t i) {
  return i < f->count && f->uses[i];
}

bool ms_formula_kinked(const ms_formula *f) {
  for (size_t i = 0; i < f->size; i++) {
    const ms_node *k = &f->nodes[i];
    if (k->op == MIN || k->op == MAX ||
        (k->op == CALL && (k->of == ms_taylor_abs || k->of == ms_taylor_sign)))
      return true;
  }
  return false;
}

void ms_formula_narrow(ms_formula *f, size_t count) {
  f->count = MS_MIN(f->count, count);
}

double ms_formula_node_value(const ms_formula *f, size_t at, const double *v) {
  jet u;
  evaluate(f, at, 0, false, v, &u);
  return u.u;
}
