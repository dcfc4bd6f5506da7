/* The losses of one sample, l(z; y). */
#include "problem/problem.h"
#include "settings/config.h"
#include <math.h>

/* squared: l = (z - y)^2 / 2 */

static double squared_value(double z, double y) {
  return (z - y) * (z - y) / 2;
}

static double squared_slope(double z, double y) {
  return z - y;
}

static double squared_curvature(double z, double y) {
  (void)z, (void)y;
  return 1;
}

/* logistic: l = ln(1 + e^{-yz}), y = +-1 */

static double logistic_value(double z, double y) {
  double m = y * z;
  return m > 0 ? log1p(exp(-m)) : log1p(exp(m)) - m;
}

static double logistic_slope(double z, double y) {
  return -y / (1 + exp(y * z));
}

static double logistic_curvature(double z, double y) {
  (void)y;
  double e = exp(-fabs(z));
  return e / ((1 + e) * (1 + e));
}

static bool class_target(double *y) {
  if (*y == 0)
    *y = -1;
  return *y == 1 || *y == -1;
}

/* exponential: l = e^{-yz}, y = +-1 */

static double exponential_value(double z, double y) {
  return exp(-y * z);
}

static double exponential_slope(double z, double y) {
  return -y * exp(-y * z);
}

static double exponential_curvature(double z, double y) {
  return exp(-y * z);
}

/* huber: l = (z - y)^2 / 2 within 1 of y, |z - y| - 1/2 beyond */

static double huber_value(double z, double y) {
  double r = fabs(z - y);
  return r < 1 ? r * r / 2 : r - 0.5;
}

static double huber_slope(double z, double y) {
  return fmax(-1, fmin(1, z - y));
}

static double huber_curvature(double z, double y) {
  return fabs(z - y) < 1 ? 1 : 0;
}

/* poisson: l = e^z - y z, less its minimum, y >= 0: counts of rate e^z */

static double poisson_value(double z, double y) {
  return exp(z) - y * z - (y > 0 ? y - y * log(y) : 0);
}

static double poisson_slope(double z, double y) {
  return exp(z) - y;
}

static double poisson_curvature(double z, double y) {
  (void)y;
  return exp(z);
}

static bool count_target(double *y) {
  return *y >= 0;
}

const ms_loss ms_loss_squared = {.name = "squared",
                                 .summary = "f = |Zx - y|^2 / (2n)",
                                 .value = squared_value,
                                 .slope = squared_slope,
                                 .curvature = squared_curvature,
                                 .quadratic = true,
                                 .stop = 1e-20};

const ms_loss ms_loss_logistic = {
    .name = "logistic",
    .summary = "mean of ln(1 + exp(-y_i (Zx)_i)), classes 0 and 1 or -1 and 1",
    .value = logistic_value,
    .slope = logistic_slope,
    .curvature = logistic_curvature,
    .target = class_target,
    .targets = "classes: 0 and 1, or -1 and 1",
    .kind = MS_TARGET_CLASS,
    .tail = true,
    .stop = 1e-8};

const ms_loss ms_loss_exponential = {.name = "exponential",
                                     .summary = "mean of exp(-y_i (Zx)_i), classes as for logistic",
                                     .value = exponential_value,
                                     .slope = exponential_slope,
                                     .curvature = exponential_curvature,
                                     .target = class_target,
                                     .targets = "classes: 0 and 1, or -1 and 1",
                                     .kind = MS_TARGET_CLASS,
                                     .tail = true,
                                     .stop = 1e-8};

const ms_loss ms_loss_huber = {.name = "huber",
                               .summary = "squared within 1 of y, linear beyond",
                               .value = huber_value,
                               .slope = huber_slope,
                               .curvature = huber_curvature,
                               .stop = 1e-20};

const ms_loss ms_loss_poisson = {
    .name = "poisson",
    .summary = "mean of exp((Zx)_i) - y_i (Zx)_i less its minimum, counts y >= 0",
    .value = poisson_value,
    .slope = poisson_slope,
    .curvature = poisson_curvature,
    .target = count_target,
    .targets = "numbers of at least 0",
    .kind = MS_TARGET_COUNT,
    .stop = 1e-20};

const ms_loss ms_loss_custom = {
    .name = "custom", .summary = "mean of --loss-formula of z = (Zx)_i and y = y_i", .stop = NAN};

MS_REGISTER_HERE(loss)

const ms_loss *ms_loss_of(const ms_config *cfg) {
  return ms_loss_find(ms_config_text(cfg, "loss"));
}

double ms_loss_value(const ms_loss *l, double z, double y) {
  return l->formula ? ms_formula_value(l->formula, (const double[]){z, y}) : l->value(z, y);
}

double ms_loss_slope(const ms_loss *l, double z, double y) {
  double grad[2];
  if (!l->formula)
    return l->slope(z, y);
  ms_formula_derive(l->formula, (const double[]){z, y}, grad, NULL);
  return grad[0];
}

double ms_loss_curvature(const ms_loss *l, double z, double y) {
  double hess[4];
  if (!l->formula)
    return l->curvature(z, y);
  ms_formula_derive(l->formula, (const double[]){z, y}, NULL, hess);
  return hess[0];
}
