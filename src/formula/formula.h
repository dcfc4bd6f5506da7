/* Formulas in named variables, given as text: values, gradients and Hessians.
 *
 * The language: numbers, pi, the variables, + - * / ^ (or **), parentheses and functions of one or
 * two arguments (sin(x), min(x, y), ...). ^ binds before the sign, to the right: -a^2^3 =
 * -(a^(2^3)).
 *
 * Derivatives are exact: forward differentiation carries (u, grad u, grad^2 u) through every
 * operation. exp(u) - 1 and ln(1 + u) are evaluated as expm1(u) and log1p(u), so that formulas keep
 * their digits near 0.
 *
 * Why not a library: libmatheval has derivatives, but pulls in Guile; muparser and ExprTk are C++
 * and only evaluate. */
#ifndef MS_FORMULA_H
#define MS_FORMULA_H

#include "base/base.h"

typedef struct ms_formula ms_formula;

/* Most variables a formula can have. */
enum { MS_FORMULA_VARIABLES = 8 };

/* Parses `text`, of which `length` bytes count, in the variables names[count]. On success *f is to
 * be freed with ms_formula_free. Fails with MS_BAD_SETTING and "origin:column: ..."; the first
 * byte of text is in column `column`. */
ms_status ms_formula_new(ms_formula **f, const char *text, size_t length, const char *const *names,
                         size_t count, const char *origin, size_t column, ms_error *err);
void ms_formula_free(ms_formula *f);

/* Does the i-th variable occur in it? */
bool ms_formula_uses(const ms_formula *f, size_t i);
/* May it have kinks: is there an abs, sign, min or max in it? */
bool ms_formula_kinked(const ms_formula *f);
/* From now on it has the first `count` variables alone; the others must not occur. */
void ms_formula_narrow(ms_formula *f, size_t count);

/* Values at v[count], NaN or infinite where it has none. Any number of threads at a time. */
double ms_formula_value(const ms_formula *f, const double *v);
/* The same with grad[count] and hess[count * count], row-major and symmetric; both may be NULL.
 * abs, min, max and sign count as smooth where they are not: with the derivatives of one side. */
double ms_formula_derive(const ms_formula *f, const double *v, double *grad, double *hess);

#endif
