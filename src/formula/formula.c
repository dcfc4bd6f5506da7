/* The parser of formulas. */
#include "formula/tree.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Operations nested deeper are refused, because parser and evaluation recurse. */
enum { DEEPEST = 400 };

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

/* Adds a ms_node; operations on numbers become numbers. */
static bool put(parser *p, ms_node k, size_t *at) {
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
    ms_node *nodes = realloc(f->nodes, room * sizeof *nodes);
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
    f->nodes[*at] = (ms_node){.op = NUMBER, .number = ms_formula_node_value(f, *at, NULL)};
  }
  return true;
}

static bool put_call(parser *p, ms_taylor_of *of, size_t u, size_t *at) {
  const ms_node *k = &p->f->nodes[u];
  if (of == ms_taylor_log && k->op == ADD && constant(p->f, k->left, 1))
    return put(p, (ms_node){.op = CALL, .of = ms_taylor_log1p, .left = k->right}, at);
  if (of == ms_taylor_log && k->op == ADD && constant(p->f, k->right, 1))
    return put(p, (ms_node){.op = CALL, .of = ms_taylor_log1p, .left = k->left}, at);
  return put(p, (ms_node){.op = CALL, .of = of, .left = u}, at);
}

static bool is_exp(const ms_formula *f, size_t at) {
  return f->nodes[at].op == CALL && f->nodes[at].of == ms_taylor_exp;
}

static bool put_difference(parser *p, size_t u, size_t v, size_t *at) {
  const ms_formula *f = p->f;
  if (is_exp(f, u) && constant(f, v, 1))
    return put(p, (ms_node){.op = CALL, .of = ms_taylor_expm1, .left = f->nodes[u].left}, at);
  if (is_exp(f, v) && constant(f, u, 1))
    return put(p, (ms_node){.op = CALL, .of = ms_taylor_expm1, .left = f->nodes[v].left}, at) &&
           put(p, (ms_node){.op = NEGATE, .left = *at}, at);
  return put(p, (ms_node){.op = SUBTRACT, .left = u, .right = v}, at);
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
    return ms_function_at(i) ? ms_function_at(i)->name : NULL;
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

static bool call(parser *p, const ms_function *of, size_t *at) {
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
                : put(p, (ms_node){.op = of->op, .left = u, .right = v}, at);
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
      return put(p, (ms_node){.op = VARIABLE, .left = i}, at);
    }
  if (strcmp(text, "pi") == 0)
    return put(p, (ms_node){.op = NUMBER, .number = MS_PI}, at);
  for (size_t i = 0; ms_function_at(i); i++)
    if (strcmp(text, ms_function_at(i)->name) == 0)
      return call(p, ms_function_at(i), at);
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
  return put(p, (ms_node){.op = NUMBER, .number = value}, at);
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
    done = factor(p, at) && put(p, (ms_node){.op = NEGATE, .left = *at}, at);
  } else if (accept(p, '+')) {
    done = factor(p, at);
  } else {
    size_t exponent;
    done = primary(p, at);
    if (done && is_power(p))
      done = factor(p, &exponent) &&
             put(p, (ms_node){.op = POWER, .left = *at, .right = exponent}, at);
  }
  p->depth--;
  return done;
}

static bool product(parser *p, size_t *at) {
  if (!factor(p, at))
    return false;
  for (;;) {
    ms_operation op = accept(p, '*') ? TIMES : accept(p, '/') ? DIVIDE : NUMBER;
    size_t right;
    if (op == NUMBER)
      return true;
    if (!factor(p, &right) || !put(p, (ms_node){.op = op, .left = *at, .right = right}, at))
      return false;
  }
}

static bool sum(parser *p, size_t *at) {
  if (!product(p, at))
    return false;
  for (;;) {
    ms_operation op = accept(p, '+') ? ADD : accept(p, '-') ? SUBTRACT : NUMBER;
    size_t right;
    if (op == NUMBER)
      return true;
    if (!product(p, &right))
      return false;
    if (op == SUBTRACT ? !put_difference(p, *at, right, at)
                       : !put(p, (ms_node){.op = ADD, .left = *at, .right = right}, at))
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
