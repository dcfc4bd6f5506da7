/* formula.h: values, exact derivatives, errors with their column. */
#include "formula/formula.h"
#include "tests.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"a", "b", "c"};
enum { COUNT = 3 };

static ms_formula *parse(const char *text) {
  ms_formula *f = NULL;
  ms_error err = {0};
  ck_assert_msg(ms_formula_new(&f, text, strlen(text), names, COUNT, "here", 1, &err) == MS_OK,
                "%s", err.message);
  return f;
}

static double value(const char *text, double a, double b, double c) {
  ms_formula *f = parse(text);
  double v[] = {a, b, c}, result = ms_formula_value(f, v);
  /* the same with derivatives */
  double again = ms_formula_derive(f, v, NULL, NULL);
  ck_assert(result == again || (isnan(result) && isnan(again)));
  ms_formula_free(f);
  return result;
}

static void ck_near(double got, double want, double tolerance, const char *text) {
  ck_assert_msg(fabs(got - want) <= tolerance * fmax(1, fabs(want)), "%s: %.17g, not %.17g", text,
                got, want);
}

START_TEST(values) {
  static const struct {
    const char *text;
    double want;
  } cases[] = {
      {"1", 1},
      {" 2.5e-3 ", 2.5e-3},
      {".5 + 1.", 1.5},
      {"1 - 2 - 3", -4},
      {"2 * 3 + 4 * 5", 26},
      {"24 / 4 / 3", 2},
      {"2 ^ 3 ^ 2", 512},
      {"-2 ^ 2", -4},
      {"2 ^ -1", 0.5},
      {"(-2) ** 3", -8},
      {"- - 3", 3},
      {"2 - -3", 5},
      {"+4", 4},
      {"pi", 3.14159265358979323846},
      {"a", 0.3},
      {"a*b - c", 0.3 * -0.7 - 1.9},
      {"2*a*b + (a^2+b^2+c^2)*c", 2 * 0.3 * -0.7 + (0.09 + 0.49 + 3.61) * 1.9},
      {"min(a, b) + 10 * max(b, c)", -0.7 + 19},
      {"pow(c, a)", 1.2123445941619542},
      {"c^a", 1.2123445941619542},
      {"abs(b) + sign(b)", -0.3},
      {"erf(a)", 0.32862675945912743},
      {"exp(a) - 1", 0.34985880757600310},
      {"1 - exp(a)", -0.34985880757600310},
      {"ln(1 + a)", 0.26236426446749105},
      {"log(a + 1) - log1p(a)", 0},
      {"1/0", INFINITY},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    if (isinf(cases[i].want))
      ck_assert(isinf(value(cases[i].text, 0.3, -0.7, 1.9)));
    else
      ck_near(value(cases[i].text, 0.3, -0.7, 1.9), cases[i].want, 1e-14, cases[i].text);
  ck_assert(isnan(value("sqrt(b)", 0.3, -0.7, 1.9)));
}
END_TEST

/* Every function and operation, inside and outside of one another. */
static const char *const smooth[] = {
    "a*b*c",
    "a/b + b/c + c/a",
    "2*a*b + (a^2+b^2+c^2)*c",
    "a*tanh(a) - (exp(b)-1)^2",
    "0.1*exp(-a/10)",
    "a^b^c",
    "(a*b)^2.5 - c^(1/3)",
    "a^-3 * pow(b, c)",
    "exp(a*b) + expm1(a - c)",
    "log(a + b*c) - log1p(a*a) + ln(1 + b)",
    "sqrt(a*a + b) * cbrt(c - a)",
    "sin(a*b) + cos(b - c) * tan(a/2)",
    "asin(a/3) * acos(b/4) + atan(a*c)",
    "sinh(a*b) - cosh(c/a) + tanh(a - b)",
    "asinh(a*c) + acosh(2 + b) * atanh(a/4)",
    "erf(a - b) * c",
    "abs(a - 5) * b + sign(c) * a",
    "min(a, b + 3) * max(c, a/9)",
    "-(a - b)^2 / (1 + c^2)",
    "1 - exp(a*b)",
    "((((a))))",
    "3",
    "a^0 + b^1 + c^2",
};
enum { SMOOTH = sizeof smooth / sizeof *smooth };

/* Against Richardson's central differences: of values, and of gradients. */
static double slope(const ms_formula *f, const double *at, size_t i, int of) {
  double d[2];
  for (int k = 0; k < 2; k++) {
    double step = k ? 1e-3 : 2e-3, up[COUNT], down[COUNT], g[COUNT], h[COUNT];
    memcpy(up, at, sizeof up);
    memcpy(down, at, sizeof down);
    up[i] += step;
    down[i] -= step;
    double high = ms_formula_derive(f, up, g, NULL), low = ms_formula_derive(f, down, h, NULL);
    d[k] = ((of < 0 ? high : g[of]) - (of < 0 ? low : h[of])) / (2 * step);
  }
  return (4 * d[1] - d[0]) / 3;
}

START_TEST(derivatives_are_those_of_differences) {
  const double at[][COUNT] = {{0.6, 0.9, 1.7}, {1.3, 0.4, 2.2}, {0.8, 1.6, 1.1}};
  ms_formula *f = parse(smooth[_i]);
  for (size_t k = 0; k < sizeof at / sizeof *at; k++) {
    double g[COUNT], h[COUNT * COUNT], plain[COUNT];
    ms_formula_derive(f, at[k], g, h);
    ms_formula_derive(f, at[k], plain, NULL);
    for (size_t i = 0; i < COUNT; i++) {
      ck_near(g[i], slope(f, at[k], i, -1), 1e-8, smooth[_i]);
      ck_assert_double_eq(g[i], plain[i]);
      ck_assert(ms_formula_uses(f, i) || g[i] == 0);
      for (size_t j = 0; j < COUNT; j++) {
        ck_near(h[i * COUNT + j], slope(f, at[k], j, (int)i), 1e-8, smooth[_i]);
        ck_assert_double_eq(h[i * COUNT + j], h[j * COUNT + i]);
      }
    }
  }
  ms_formula_free(f);
}
END_TEST

/* Known derivatives, also where differences cannot go. */
START_TEST(derivatives_are_exact) {
  double v[] = {1e-60, -2e-60, 3e-60}, g[COUNT], h[COUNT * COUNT];
  ms_formula *f = parse("a*tanh(a) - (exp(b)-1)^2 + log(1+c)");
  ck_near(ms_formula_derive(f, v, g, h) / 3e-60, 1, 1e-15, "value");
  ck_near(g[0] / 2e-60, 1, 1e-15, "da");
  ck_near(g[1] / 4e-60, 1, 1e-15, "db");
  ck_near(g[2], 1, 1e-15, "dc");
  ck_near(h[0], 2, 1e-15, "daa");
  ck_near(h[4], -2, 1e-15, "dbb");
  ck_near(h[8], -1, 1e-15, "dcc");
  ms_formula_free(f);

  /* at 0 the derivatives of a^2 exist, those of a^1.5 only once; b is untouched by that */
  double zero[] = {0, 2, 0};
  f = parse("a^2 + a^1.5 + b");
  ck_assert_double_eq(ms_formula_derive(f, zero, g, h), 2);
  ck_assert_double_eq(g[0], 0);
  ck_assert_double_eq(g[1], 1);
  ck_assert(isinf(h[0]));
  ck_assert_double_eq(h[1], 0);
  ck_assert(ms_formula_uses(f, 1) && !ms_formula_uses(f, 2) && !ms_formula_uses(f, COUNT));
  ms_formula_free(f);
}
END_TEST

START_TEST(errors_name_the_column) {
  static const struct {
    const char *text, *message;
  } cases[] = {
      {"", "here:11: a number, a variable, a function or '(' expected; the formula ends here"},
      {"a +", "here:14: a number, a variable, a function or '(' expected; the formula ends here"},
      {"a b", "here:13: an operator or the end of the formula expected, not 'b'"},
      {"2a", "here:12: an operator or the end of the formula expected, not 'a'"},
      {"2e", "here:12: an operator or the end of the formula expected, not 'e'"},
      {"a * (b + c", "here:21: ')' expected; the formula ends here"},
      {"a)", "here:12: an operator or the end of the formula expected, not ')'"},
      {"a * tnh(b)", "here:15: function 'tnh' is not known (did you mean 'tanh'?); allowed: exp, "},
      {"a + d", "here:15: variable 'd' is not known"},
      {"sin a", "here:15: '(' expected after sin, not 'a'"},
      {"sin(a, b)", "here:16: ')' expected, not ','"},
      {"min(a)", "here:16: ',' expected: min has two arguments, not ')'"},
      {"1..2", "here:11: this is no finite number"},
      {"1e999", "here:11: this is no finite number"},
      {"a $ b", "here:13: an operator or the end of the formula expected, not '$'"},
      {"a \xc3\x97 b", "here:13: an operator or the end of the formula expected, not '\xc3\x97"},
      {"*a", "here:11: a number, a variable, a function or '(' expected, not '*'"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ms_formula *f = NULL;
    ms_error err = {0};
    ck_assert_int_eq(
        ms_formula_new(&f, cases[i].text, strlen(cases[i].text), names, COUNT, "here", 11, &err),
        MS_BAD_SETTING);
    ck_assert_ptr_null(f);
    ck_assert_msg(strncmp(err.message, cases[i].message, strlen(cases[i].message)) == 0, "%s: %s",
                  cases[i].text, err.message);
  }
}
END_TEST

static uint32_t draw(uint32_t *state) {
  *state = *state * 1664525u + 1013904223u;
  return *state >> 16;
}

/* Whatever the text: a formula that can be evaluated, or an error; never more than `length`. */
START_TEST(any_text_is_safe) {
  static const char *const pieces[] = {"a",  "b",    "(",    ")",    "+",     "-",   "*", "/",  "^",
                                       "**", "exp(", "min(", ",",    "1",     "2.5", "e", "1e", ".",
                                       " ",  "log",  "pi",   "\xff", "1e400", "_x",  "-("};
  uint32_t state = 1;
  size_t good = 0;
  for (int k = 0; k < 20000; k++) {
    char text[256] = "";
    for (uint32_t i = 0, n = 1 + draw(&state) % 9; i < n; i++)
      strcat(text, pieces[draw(&state) % (sizeof pieces / sizeof *pieces)]);
    size_t length = draw(&state) % (strlen(text) + 1);
    char *exact = malloc(length + 1); /* one byte more: malloc(0) may be NULL */
    ck_assert_ptr_nonnull(exact);
    memcpy(exact, text, length);
    ms_formula *f = NULL;
    ms_error err = {0};
    ms_status status = ms_formula_new(&f, exact, length, names, COUNT, "here", 1, &err);
    free(exact);
    ck_assert(status == MS_OK || status == MS_BAD_SETTING);
    if (status == MS_OK) {
      double v[] = {0.1, -3, 0}, g[COUNT], h[COUNT * COUNT];
      ms_formula_derive(f, v, g, h);
      good++;
    } else {
      ck_assert(strncmp(err.message, "here:", 5) == 0);
    }
    ms_formula_free(f);
  }
  ck_assert_uint_gt(good, 500);
}
END_TEST

START_TEST(depth_is_limited) {
  enum { LONG = 100000 };
  char *text = malloc(LONG + 1);
  static const char *const parts[] = {"(", "-", "a+", "a^", "sin("};
  for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
    size_t step = strlen(parts[k]), used = 0;
    for (; used + step <= LONG - 1; used += step)
      memcpy(text + used, parts[k], step);
    text[used++] = 'a';
    ms_formula *f = NULL;
    ms_error err = {0};
    ck_assert_int_eq(ms_formula_new(&f, text, used, names, COUNT, "here", 1, &err), MS_BAD_SETTING);
    ck_assert_ptr_nonnull(strstr(err.message, k == 2 ? "too long" : "too deeply nested"));
  }
  free(text);
}
END_TEST

Suite *formula_suite(void) {
  Suite *suite = suite_create("formula");
  TCase *tcase = tcase_create("formula");
  tcase_set_timeout(tcase, 60);
  tcase_add_test(tcase, values);
  tcase_add_loop_test(tcase, derivatives_are_those_of_differences, 0, SMOOTH);
  tcase_add_test(tcase, derivatives_are_exact);
  tcase_add_test(tcase, errors_name_the_column);
  tcase_add_test(tcase, any_text_is_safe);
  tcase_add_test(tcase, depth_is_limited);
  suite_add_tcase(suite, tcase);
  return suite;
}
