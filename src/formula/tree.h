/* Inside of formulas: the tree that formula.c parses a text into, and its evaluation. */
#ifndef MS_FORMULA_TREE_H
#define MS_FORMULA_TREE_H

#include "formula/formula.h"

static const double MS_PI = 3.14159265358979323846;

/* f(u), f'(u) and f''(u) */
typedef struct ms_taylor {
  double f, d1, d2;
} ms_taylor;
typedef ms_taylor ms_taylor_of(double u);

typedef enum ms_operation {
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
} ms_operation;

/* A function of formulas. */
typedef struct ms_function {
  const char *name;
  ms_taylor_of *of;
  ms_operation op; /* of two arguments where `of` is NULL */
} ms_function;

/* Operands stand before what they belong to. */
typedef struct ms_node {
  ms_operation op;
  size_t left, right; /* operands; VARIABLE: left is its index */
  double number;
  ms_taylor_of *of;
  size_t depth;
} ms_node;

struct ms_formula {
  size_t count; /* variables */
  bool uses[MS_FORMULA_VARIABLES];
  ms_node *nodes;
  size_t size, room, root;
};

/* The i-th function, NULL after the last. */
const ms_function *ms_function_at(size_t i);
/* Those that the parser and the evaluation name. */
ms_taylor_of ms_taylor_exp, ms_taylor_expm1, ms_taylor_log, ms_taylor_log1p, ms_taylor_abs,
    ms_taylor_sign;

/* The value of node `at` for v[count of variables]. */
double ms_formula_node_value(const ms_formula *f, size_t at, const double *v);

#endif
