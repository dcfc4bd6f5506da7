#include "formula/formula.h"
#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Operations nested deeper are refused: parser and evaluation recurse. */
enum { DEEPEST = 400 };

static const double PI = 3.14159265358979323846;

/* ---- Functions ------------------------------------------------------------------------------ */

/* f(u), f'(u) and f''(u) */
typedef struct taylor {
  double f, d1, d2;
} taylor;

static taylor t_exp(double u) {
  double e = exp(u);
  return (taylor){e, e, e};
}

static taylor t_expm1(double u) {
  double e = exp(u);
  return (taylor){expm1(u), e, e};
}

static taylor t_log(double u) {
  return (taylor){log(u), 1 / u, -1 / (u * u)};
}

static taylor t_log1p(double u) {
  double v = 1 / (1 + u);
  return (taylor){log1p(u), v, -v * v};
}

static taylor t_sqrt(double u) {
  double r = sqrt(u);
  return (taylor){r, 0.5 / r, -0.25 / (r * u)};
}

static taylor t_cbrt(double u) {
  double r = cbrt(u);
  return (taylor){r, 1 / (3 * r * r), -2 / (9 * r * r * u)};
}

static taylor t_sin(double u) {
  return (taylor){sin(u), cos(u), -sin(u)};
}

static taylor t_cos(double u) {
  return (taylor){cos(u), -sin(u), -cos(u)};
}

static taylor t_tan(double u) {
  double t = tan(u), s = 1 + t * t;
  return (taylor){t, s, 2 * t * s};
}

static taylor t_asin(double u) {
  double c = (1 - u) * (1 + u), r = sqrt(c);
  return (taylor){asin(u), 1 / r, u / (c * r)};
}

static taylor t_acos(double u) {
  taylor t = t_asin(u);
  return (taylor){acos(u), -t.d1, -t.d2};
}

static taylor t_atan(double u) {
  double v = 1 / (1 + u * u);
  return (taylor){atan(u), v, -2 * u * v * v};
}

static taylor t_sinh(double u) {
  return (taylor){sinh(u), cosh(u), sinh(u)};
}

static taylor t_cosh(double u) {
  return (taylor){cosh(u), sinh(u), cosh(u)};
}

static taylor t_tanh(double u) {
  double t = tanh(u), c = 1 / cosh(u), s = c * c; /* 1 - t^2 would lose its digits */
  return (taylor){t, s, -2 * t * s};
}

static taylor t_asinh(double u) {
  double r = hypot(1, u);
  return (taylor){asinh(u), 1 / r, -u / (r * r * r)};
}

static taylor t_acosh(double u) {
  double c = (u - 1) * (u + 1), r = sqrt(c);
  return (taylor){acosh(u), 1 / r, -u / (c * r)};
}

static taylor t_atanh(double u) {
  double v = 1 / ((1 - u) * (1 + u));
  return (taylor){atanh(u), v, 2 * u * v * v};
}

static taylor t_erf(double u) {
  double g = 2 / sqrt(PI) * exp(-u * u);
  return (taylor){erf(u), g, -2 * u * g};
}

static taylor t_abs(double u) {
  return (taylor){fabs(u), u < 0 ? -1 : u > 0, 0};
}

static taylor t_sign(double u) {
  return (taylor){u < 0 ? -1 : u > 0, 0, 0};
}

typedef enum operation {
  NUMBER,
  VARIABLE,
  NEGATE,
  ADD,
  SUBTRACT,
  TIMES,
  DIVIDE,
  POWER,
  MIN,
  MAX,
  CALL
} operation;

static const struct function {
  const char *name;
  taylor (*of)(double u);
  operation op; /* of two arguments where `of` is NULL */
} functions[] = {
    {"exp", t_exp, CALL},     {"expm1", t_expm1, CALL}, {"log", t_log, CALL},
    {"ln", t_log, CALL},      {"log1p", t_log1p, CALL}, {"sqrt", t_sqrt, CALL},
    {"cbrt", t_cbrt, CALL},   {"sin", t_sin, CALL},     {"cos", t_cos, CALL},
    {"tan", t_tan, CALL},     {"asin", t_asin, CALL},   {"acos", t_acos, CALL},
    {"atan", t_atan, CALL},   {"sinh", t_sinh, CALL},   {"cosh", t_cosh, CALL},
    {"tanh", t_tanh, CALL},   {"asinh", t_asinh, CALL}, {"acosh", t_acosh, CALL},
    {"atanh", t_atanh, CALL}, {"erf", t_erf, CALL},     {"abs", t_abs, CALL},
    {"sign", t_sign, CALL},   {"min", NULL, MIN},       {"max", NULL, MAX},
    {"pow", NULL, POWER},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* ---- The tree ------------------------------------------------------------------------------- */

/* Operands stand before what they belong to. */
typedef struct node {
  operation op;
  size_t left, right; /* operands; VARIABLE: left is its index */
  double number;
  taylor (*of)(double u);
  size_t depth;
} node;

struct ms_formula {
  size_t count; /* variables */
  bool uses[MS_FORMULA_VARIABLES];
  node *nodes;
  size_t size, room, root;
};

/* ---- Evaluation ----------------------------------------------------------------------------- */

/* u with its gradient and the lower triangle of its Hessian. */
typedef struct jet {
  double u, g[MS_FORMULA_VARIABLES], h[MS_FORMULA_VARIABLES][MS_FORMULA_VARIABLES];
} jet;

/* What a variable does not enter has derivative 0, also where the other factor is infinite. */
static double times(double a, double b) {
  return a == 0 || b == 0 ? 0 : a * b;
}

static void compose(size_t n, bool bent, taylor t, jet *u) {
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

static taylor reciprocal(double u) {
  double v = 1 / u;
  return (taylor){v, -v * v, 2 * v * v * v};
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

static taylor power_of(double u, double p) {
  return (taylor){raised(u, p), p == 0 ? 0 : p * raised(u, p - 1),
                  p == 0 || p == 1 ? 0 : p * (p - 1) * raised(u, p - 2)};
}

/* n = 0: the value alone; bent: with second derivatives. */
static void evaluate(const ms_formula *f, size_t at, size_t n, bool bent, const double *v, jet *u) {
  const node *k = &f->nodes[at];
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
    compose(n, bent, k->op == CALL ? k->of(u->u) : (taylor){-u->u, -1, 0}, u);
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
    compose(n, bent, t_log(u->u), u);
    multiply(n, bent, &w, u);
    compose(n, bent, t_exp(u->u), u);
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
    const node *k = &f->nodes[i];
    if (k->op == MIN || k->op == MAX || (k->op == CALL && (k->of == t_abs || k->of == t_sign)))
      return true;
  }
  return false;
}

void ms_formula_narrow(ms_formula *f, size_t count) {
  f->count = MS_MIN(f->count, count);
}

/* ---- The parser ----------------------------------------------------------------------------- */

typedef struct parser {
  ms_formula *f;
  const char *text, *at, *end;
  const char *const *names;
  const char *origin;
  size_t column, depth;
  ms_error *err;
  ms_status status;
} parser;

static bool fail(parser *p, const char *where, const char *what) {
  if (p->status == MS_OK)
    p->status = ms_fail(p->err, MS_BAD_SETTING, "%s:%zu: %s", p->origin,
                        p->column + (size_t)(where - p->text), what);
  return false;
}

/* The next character that is no blank, 0 at the end. */
static char peek(parser *p) {
  while (p->at < p->end && isspace((unsigned char)*p->at))
    p->at++;
  return p->at < p->end ? *p->at : 0;
}

/* "what, not 'x'" or "what; the formula ends here" */
static bool unexpected(parser *p, const char *what) {
  char text[96], c = peek(p);
  if (c)
    snprintf(text, sizeof text, "%s, not '%.*s'", what,
             (unsigned char)c < 128 ? 1 : (int)MS_MIN(p->end - p->at, 4), p->at);
  else
    snprintf(text, sizeof text, "%s; the formula ends here", what);
  return fail(p, p->at, text);
}

static bool constant(const ms_formula *f, size_t at, double number) {
  return f->nodes[at].op == NUMBER && f->nodes[at].number == number;
}

/* Adds a node; operations on numbers become numbers. */
static bool put(parser *p, node k, size_t *at) {
  ms_formula *f = p->f;
  bool one = k.op == CALL || k.op == NEGATE, leaf = k.op == NUMBER || k.op == VARIABLE;
  if (!leaf) {
    k.depth = f->nodes[k.left].depth + 1;
    if (!one)
      k.depth = MS_MAX(k.depth, f->nodes[k.right].depth + 1);
  }
  if (k.depth > DEEPEST)
    return fail(p, p->at, "the formula is too long");
  if (f->size == f->room) {
    size_t room = 2 * f->room + 16;
    node *nodes = realloc(f->nodes, room * sizeof *nodes);
    if (!nodes) {
      p->status = ms_no_memory(p->err);
      return false;
    }
    f->nodes = nodes;
    f->room = room;
  }
  *at = f->size++;
  f->nodes[*at] = k;
  if (!leaf && f->nodes[k.left].op == NUMBER && (one || f->nodes[k.right].op == NUMBER)) {
    jet u;
    evaluate(f, *at, 0, false, NULL, &u);
    f->nodes[*at] = (node){.op = NUMBER, .number = u.u};
  }
  return true;
}

static bool put_call(parser *p, taylor (*of)(double u), size_t u, size_t *at) {
  const node *k = &p->f->nodes[u];
  if (of == t_log && k->op == ADD && constant(p->f, k->left, 1))
    return put(p, (node){.op = CALL, .of = t_log1p, .left = k->right}, at);
  if (of == t_log && k->op == ADD && constant(p->f, k->right, 1))
    return put(p, (node){.op = CALL, .of = t_log1p, .left = k->left}, at);
  return put(p, (node){.op = CALL, .of = of, .left = u}, at);
}

static bool is_exp(const ms_formula *f, size_t at) {
  return f->nodes[at].op == CALL && f->nodes[at].of == t_exp;
}

static bool put_difference(parser *p, size_t u, size_t v, size_t *at) {
  const ms_formula *f = p->f;
  if (is_exp(f, u) && constant(f, v, 1))
    return put(p, (node){.op = CALL, .of = t_expm1, .left = f->nodes[u].left}, at);
  if (is_exp(f, v) && constant(f, u, 1))
    return put(p, (node){.op = CALL, .of = t_expm1, .left = f->nodes[v].left}, at) &&
           put(p, (node){.op = NEGATE, .left = *at}, at);
  return put(p, (node){.op = SUBTRACT, .left = u, .right = v}, at);
}

static bool sum(parser *p, size_t *at);

static bool accept(parser *p, char c) {
  if (peek(p) != c)
    return false;
  p->at++;
  return true;
}

typedef struct known {
  const parser *p;
  bool called;
} known;

/* Functions where the name is called, else variables and pi. */
static const char *known_at(size_t i, void *ctx) {
  const known *k = ctx;
  if (k->called)
    return i < FUNCTIONS ? functions[i].name : NULL;
  return i < k->p->f->count ? k->p->names[i] : i == k->p->f->count ? "pi" : NULL;
}

static bool unknown(parser *p, const char *name, const char *where) {
  known k = {p, peek(p) == '('};
  char all[256] = "", text[448];
  for (size_t i = 0; known_at(i, &k); i++) {
    size_t used = strlen(all);
    snprintf(all + used, sizeof all - used, "%s%s", i ? ", " : "", known_at(i, &k));
  }
  const char *near = ms_nearest(name, known_at, &k);
  snprintf(text, sizeof text, "%s '%s' is not known%s%s%s; allowed: %s",
           k.called ? "function" : "variable", name, near ? " (did you mean '" : "",
           near ? near : "", near ? "'?)" : "", all);
  return fail(p, where, text);
}

static bool call(parser *p, const struct function *of, size_t *at) {
  size_t u, v;
  char text[64];
  if (!accept(p, '(')) {
    snprintf(text, sizeof text, "'(' expected after %s", of->name);
    return unexpected(p, text);
  }
  if (!sum(p, &u))
    return false;
  if (!of->of) {
    snprintf(text, sizeof text, "',' expected: %s has two arguments", of->name);
    if (!accept(p, ','))
      return unexpected(p, text);
    if (!sum(p, &v))
      return false;
  }
  if (!accept(p, ')'))
    return unexpected(p, "')' expected");
  return of->of ? put_call(p, of->of, u, at)
                : put(p, (node){.op = of->op, .left = u, .right = v}, at);
}

static bool name(parser *p, size_t *at) {
  const char *start = p->at;
  char text[64];
  while (p->at < p->end && (isalnum((unsigned char)*p->at) || *p->at == '_'))
    p->at++;
  snprintf(text, sizeof text, "%.*s", (int)MS_MIN(p->at - start, 60), start);
  for (size_t i = 0; i < p->f->count; i++)
    if (strcmp(text, p->names[i]) == 0) {
      p->f->uses[i] = true;
      return put(p, (node){.op = VARIABLE, .left = i}, at);
    }
  if (strcmp(text, "pi") == 0)
    return put(p, (node){.op = NUMBER, .number = PI}, at);
  for (size_t i = 0; i < FUNCTIONS; i++)
    if (strcmp(text, functions[i].name) == 0)
      return call(p, &functions[i], at);
  return unknown(p, text, start);
}

static bool number(parser *p, size_t *at) {
  const char *start = p->at;
  char text[64];
  double value;
  while (p->at < p->end && (isdigit((unsigned char)*p->at) || *p->at == '.'))
    p->at++;
  const char *mantissa = p->at;
  if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')) {
    p->at++;
    if (p->at < p->end && (*p->at == '-' || *p->at == '+'))
      p->at++;
    const char *digits = p->at;
    while (p->at < p->end && isdigit((unsigned char)*p->at))
      p->at++;
    if (p->at == digits)
      p->at = mantissa;
  }
  snprintf(text, sizeof text, "%.*s", (int)MS_MIN(p->at - start, 60), start);
  if (p->at - start > 60 || !ms_parse_real(text, &value))
    return fail(p, start, "this is no finite number");
  return put(p, (node){.op = NUMBER, .number = value}, at);
}

static bool primary(parser *p, size_t *at) {
  char c = peek(p);
  if (isdigit((unsigned char)c) || c == '.')
    return number(p, at);
  if (isalpha((unsigned char)c) || c == '_')
    return name(p, at);
  if (!accept(p, '('))
    return unexpected(p, "a number, a variable, a function or '(' expected");
  return sum(p, at) && (accept(p, ')') || unexpected(p, "')' expected"));
}

static bool is_power(parser *p) {
  if (accept(p, '^'))
    return true;
  if (peek(p) != '*' || p->end - p->at < 2 || p->at[1] != '*')
    return false;
  p->at += 2;
  return true;
}

/* -a^b, where b may have a sign of its own */
static bool factor(parser *p, size_t *at) {
  bool done = false;
  if (++p->depth > DEEPEST / 2)
    return fail(p, p->at, "too deeply nested");
  if (accept(p, '-')) {
    done = factor(p, at) && put(p, (node){.op = NEGATE, .left = *at}, at);
  } else if (accept(p, '+')) {
    done = factor(p, at);
  } else {
    size_t exponent;
    done = primary(p, at);
    if (done && is_power(p))
      done =
          factor(p, &exponent) && put(p, (node){.op = POWER, .left = *at, .right = exponent}, at);
  }
  p->depth--;
  return done;
}

static bool product(parser *p, size_t *at) {
  if (!factor(p, at))
    return false;
  for (;;) {
    operation op = accept(p, '*') ? TIMES : accept(p, '/') ? DIVIDE : NUMBER;
    size_t right;
    if (op == NUMBER)
      return true;
    if (!factor(p, &right) || !put(p, (node){.op = op, .left = *at, .right = right}, at))
      return false;
  }
}

static bool sum(parser *p, size_t *at) {
  if (!product(p, at))
    return false;
  for (;;) {
    operation op = accept(p, '+') ? ADD : accept(p, '-') ? SUBTRACT : NUMBER;
    size_t right;
    if (op == NUMBER)
      return true;
    if (!product(p, &right))
      return false;
    if (op == SUBTRACT ? !put_difference(p, *at, right, at)
                       : !put(p, (node){.op = ADD, .left = *at, .right = right}, at))
      return false;
  }
}

ms_status ms_formula_new(ms_formula **out, const char *text, size_t length,
                         const char *const *names, size_t count, const char *origin, size_t column,
                         ms_error *err) {
  ms_formula *f = calloc(1, sizeof *f);
  if (!f)
    return ms_no_memory(err);
  f->count = MS_MIN(count, (size_t)MS_FORMULA_VARIABLES);
  parser p = {.f = f,
              .text = text,
              .at = text,
              .end = text + length,
              .names = names,
              .origin = origin,
              .column = column,
              .err = err};
  if (sum(&p, &f->root) && peek(&p))
    unexpected(&p, "an operator or the end of the formula expected");
  if (p.status != MS_OK) {
    ms_formula_free(f);
    return p.status;
  }
  *out = f;
  return MS_OK;
}

void ms_formula_free(ms_formula *f) {
  if (!f)
    return;
  free(f->nodes);
  free(f);
}
