/* The functions of formulas, with their derivatives. */
#include "formula/tree.h"
#include <math.h>

ms_taylor ms_taylor_exp(double u) {
  double e = exp(u);
  return (ms_taylor){e, e, e};
}

ms_taylor ms_taylor_expm1(double u) {
  double e = exp(u);
  return (ms_taylor){expm1(u), e, e};
}

ms_taylor ms_taylor_log(double u) {
  return (ms_taylor){log(u), 1 / u, -1 / (u * u)};
}

ms_taylor ms_taylor_log1p(double u) {
  double v = 1 / (1 + u);
  return (ms_taylor){log1p(u), v, -v * v};
}

static ms_taylor t_sqrt(double u) {
  double r = sqrt(u);
  return (ms_taylor){r, 0.5 / r, -0.25 / (r * u)};
}

static ms_taylor t_cbrt(double u) {
  double r = cbrt(u);
  return (ms_taylor){r, 1 / (3 * r * r), -2 / (9 * r * r * u)};
}

static ms_taylor t_sin(double u) {
  return (ms_taylor){sin(u), cos(u), -sin(u)};
}

static ms_taylor t_cos(double u) {
  return (ms_taylor){cos(u), -sin(u), -cos(u)};
}

static ms_taylor t_tan(double u) {
  double t = tan(u), s = 1 + t * t;
  return (ms_taylor){t, s, 2 * t * s};
}

static ms_taylor t_asin(double u) {
  double c = (1 - u) * (1 + u), r = sqrt(c);
  return (ms_taylor){asin(u), 1 / r, u / (c * r)};
}

static ms_taylor t_acos(double u) {
  ms_taylor t = t_asin(u);
  return (ms_taylor){acos(u), -t.d1, -t.d2};
}

static ms_taylor t_atan(double u) {
  double v = 1 / (1 + u * u);
  return (ms_taylor){atan(u), v, -2 * u * v * v};
}

static ms_taylor t_sinh(double u) {
  return (ms_taylor){sinh(u), cosh(u), sinh(u)};
}

static ms_taylor t_cosh(double u) {
  return (ms_taylor){cosh(u), sinh(u), cosh(u)};
}

static ms_taylor t_tanh(double u) {
  double t = tanh(u), c = 1 / cosh(u), s = c * c; /* 1 - t^2 would lose its digits */
  return (ms_taylor){t, s, -2 * t * s};
}

static ms_taylor t_asinh(double u) {
  double r = hypot(1, u);
  return (ms_taylor){asinh(u), 1 / r, -u / (r * r * r)};
}

static ms_taylor t_acosh(double u) {
  double c = (u - 1) * (u + 1), r = sqrt(c);
  return (ms_taylor){acosh(u), 1 / r, -u / (c * r)};
}

static ms_taylor t_atanh(double u) {
  double v = 1 / ((1 - u) * (1 + u));
  return (ms_taylor){atanh(u), v, 2 * u * v * v};
}

static ms_taylor t_erf(double u) {
  double g = 2 / sqrt(MS_PI) * exp(-u * u);
  return (ms_taylor){erf(u), g, -2 * u * g};
}

ms_taylor ms_taylor_abs(double u) {
  return (ms_taylor){fabs(u), u < 0 ? -1 : u > 0, 0};
}

ms_taylor ms_taylor_sign(double u) {
  return (ms_taylor){u < 0 ? -1 : u > 0, 0, 0};
}

static const ms_function functions[] = {
    {"exp", ms_taylor_exp, CALL},
    {"expm1", ms_taylor_expm1, CALL},
    {"log", ms_taylor_log, CALL},
    {"ln", ms_taylor_log, CALL},
    {"log1p", ms_taylor_log1p, CALL},
    {"sqrt", t_sqrt, CALL},
    {"cbrt", t_cbrt, CALL},
    {"sin", t_sin, CALL},
    {"cos", t_cos, CALL},
    {"tan", t_tan, CALL},
    {"asin", t_asin, CALL},
    {"acos", t_acos, CALL},
    {"atan", t_atan, CALL},
    {"sinh", t_sinh, CALL},
    {"cosh", t_cosh, CALL},
    {"tanh", t_tanh, CALL},
    {"asinh", t_asinh, CALL},
    {"acosh", t_acosh, CALL},
    {"atanh", t_atanh, CALL},
    {"erf", t_erf, CALL},
    {"abs", ms_taylor_abs, CALL},
    {"sign", ms_taylor_sign, CALL},
    {"min", NULL, MIN},
    {"max", NULL, MAX},
    {"pow", NULL, POWER},
};

const ms_function *ms_function_at(size_t i) {
  return i < sizeof functions / sizeof *functions ? &functions[i] : NULL;
}
