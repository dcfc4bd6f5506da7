/* oracle.h against linear programming, closed forms and optimality conditions written out here. */
#include "instances.h"
#include "limit/choice.h"
#include "limit/limit.h"
#include "problem/kkt.h"
#include "tests.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const double TOL = 1e-12;
static const double LN10 = 2.302585092994045684;

/* y = Z truth + noise, with `active` entries of truth +-1. */
static ms_problem sparse(size_t n, size_t d, size_t active, double noise) {
  ms_problem p = gaussian(n, d);
  for (size_t i = 0; i < n; i++)
    p.y[i] *= noise;
  for (size_t k = 0; k < active; k++) {
    double sign = uniform() < 0.5 ? -1 : 1;
    for (size_t i = 0; i < n; i++)
      p.y[i] += sign * p.Z->values[k * n + i];
  }
  return p;
}

static double *constant(size_t d, double value) {
  double *v = ms_doubles(d);
  for (size_t j = 0; j < d; j++)
    v[j] = value;
  return v;
}

static double size_of(size_t n, const double *v) {
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += v[i] * v[i];
  return sqrt(sum);
}

static double *interpolate(const ms_problem *p, const ms_param *param, const double *ln_beta,
                           const double *kappa, double a) {
  double *x = ms_doubles(p->Z->d);
  ms_start start = {ln_beta, kappa};
  ms_error err = {0};
  ms_status status = ms_oracle_interpolator(p, param, &start, a, TOL, x, &err);
  ck_assert_msg(status == MS_OK, "%s", err.message);
  return x;
}

/* The same scale for all, x0 = 0. */
static double *interpolate_at(const ms_problem *p, const ms_param *param, double ln_beta) {
  double *scales = constant(p->Z->d, ln_beta), *kappa = ms_doubles(p->Z->d);
  double *x = interpolate(p, param, scales, kappa, 0);
  free(scales);
  free(kappa);
  return x;
}

static double equations_error(const ms_problem *p, const double *x) {
  double *Zx = ms_doubles(p->Z->n);
  ms_matrix_mul(p->Z, x, Zx);
  double error = test_distance(p->Z->n, Zx, p->y) / (size_of(p->Z->n, p->y) + ms_matrix_norm(p->Z));
  free(Zx);
  return error;
}

/* The least-squares solution nu of M'nu = v, M of full row rank. */
static double *preimage(const ms_matrix *M, const double *v) {
  double *ones = constant(M->d, 1), *S = ms_doubles(M->n * M->n), *nu = ms_doubles(M->n);
  ck_assert_int_eq(ms_matrix_weighted_gram(M, ones, S), 0);
  ck_assert_int_eq(ms_spd_factor(M->n, S), 0);
  ms_matrix_mul(M, v, nu);
  ms_spd_solve(M->n, S, nu);
  free(ones);
  free(S);
  return nu;
}

/* How far v is from the row space of Z (of full row rank), relative to the largest entry. */
static double off_range(const ms_matrix *Z, const double *v) {
  double *nu = preimage(Z, v), *image = ms_doubles(Z->d), top = 0;
  ms_matrix_tmul(Z, nu, image);
  for (size_t j = 0; j < Z->d; j++)
    top = fmax(top, fabs(v[j]));
  double off = test_distance(Z->d, image, v) / top;
  free(nu);
  free(image);
  return off;
}

/* ---- The interpolator ------------------------------------------------------------------------ */

/* x is the minimizer exactly if Zx = y and grad R_a(x) = Z'nu. */
START_TEST(optimality) {
  random_state = 1;
  for (int round = 0; round < 100; round++) {
    size_t n = 1 + (size_t)(20 * uniform()), d = n + 1 + (size_t)(40 * uniform());
    const ms_param *param = round % 2 ? &ms_param_mw : &ms_param_uv;
    double a = round % 3 ? 0 : -uniform();
    ms_problem p = round % 4 ? sparse(n, d, 2, 0.1) : gaussian(n, d);
    double *ln_beta = ms_doubles(d), *kappa = ms_doubles(d), *mu = ms_doubles(d);
    double range = round % 5 ? 10 : 0, level = 6 - 15 * uniform();
    for (size_t j = 0; j < d; j++) {
      ln_beta[j] = level - range * uniform();
      kappa[j] = round % 2 ? 0 : gauss();
    }
    double *x = interpolate(&p, param, ln_beta, kappa, a);
    ms_start start = {ln_beta, kappa};
    ck_assert_double_le(equations_error(&p, x), 1e-13);
    param->dual(param, &start, 0, d, a, x, mu);
    ck_assert_double_le(off_range(p.Z, mu), 1e-10);
    free(ln_beta);
    free(kappa);
    free(mu);
    free(x);
    done(&p);
  }
}
END_TEST

START_TEST(toy) {
  /* minimize R(x, z) with x + 0.4 z = 1 */
  ms_problem p = toy_equation();
  double *flat = interpolate_at(&p, &ms_param_mw, 6 * LN10);
  ck_assert_double_eq_tol(flat[0], 25. / 29, 1e-12);
  ck_assert_double_eq_tol(flat[1], 10. / 29, 1e-12);
  double *sharp = interpolate_at(&p, &ms_param_mw, -1000 * LN10);
  ck_assert_double_eq_tol(sharp[0], 1, 1e-15);
  ck_assert_double_eq_tol(sharp[1], 0, 1e-15);
  /* In between, by bisection: x = beta sinh(s), z = beta sinh(0.4 s). */
  double beta = 1e-3, low = 0, high = 20;
  for (int i = 0; i < 100; i++) {
    double s = (low + high) / 2;
    *(beta * (sinh(s) + 0.4 * sinh(0.4 * s)) < 1 ? &low : &high) = s;
  }
  double *between = interpolate_at(&p, &ms_param_mw, -3 * LN10);
  ck_assert_double_eq_tol(between[0], beta * sinh(low), 1e-13);
  ck_assert_double_eq_tol(between[1], beta * sinh(0.4 * low), 1e-13);
  free(flat);
  free(sharp);
  free(between);
  done(&p);
}
END_TEST

/* A dose only lowers the scale: beta_a = beta e^{4a}. */
START_TEST(dose) {
  ms_problem p = four_features();
  double l1[] = {0, 0, 10. / 7, -10. / 49}, zeros[4] = {0}, ones[] = {1, 1, 1, 1};
  for (int i = 0; i < 4; i++) {
    double a = (double[]){0, -0.3, -700, -1e4}[i], shifted[4];
    double *x = interpolate(&p, &ms_param_mw, ones, zeros, a);
    for (int j = 0; j < 4; j++)
      shifted[j] = 1 + 4 * a;
    double *same = interpolate(&p, &ms_param_mw, shifted, zeros, 0);
    ck_assert_double_le(test_distance(4, x, same), 1e-14);
    if (a < -1)
      ck_assert_double_le(test_distance(4, x, l1), 1e-14);
    else
      ck_assert_double_ge(test_distance(4, x, l1), 1e-2);
    free(x);
    free(same);
  }
  done(&p);
}
END_TEST

/* R differs by the factor rate only. */
START_TEST(same_for_both_parametrizations) {
  random_state = 2;
  for (int round = 0; round < 20; round++) {
    ms_problem p = sparse(10, 25, 3, 0.2);
    double *ln_beta = constant(25, 5 - 50 * uniform()), *kappa = constant(25, gauss());
    double *mw = interpolate(&p, &ms_param_mw, ln_beta, kappa, -0.5);
    double *uv = interpolate(&p, &ms_param_uv, ln_beta, kappa, -0.5);
    ck_assert_double_le(test_distance(25, mw, uv), 1e-12);
    free(ln_beta);
    free(kappa);
    free(mw);
    free(uv);
    done(&p);
  }
}
END_TEST

/* Large scales: the solution nearest to x0. */
START_TEST(nearest) {
  random_state = 3;
  for (int round = 0; round < 20; round++) {
    size_t n = 8, d = 20;
    ms_problem p = gaussian(n, d);
    double *ln_beta = constant(d, 6 * LN10), *kappa = ms_doubles(d), *x0 = ms_doubles(d);
    double *gap = ms_doubles(n), *want = ms_doubles(d);
    for (size_t j = 0; j < d && round % 2; j++) {
      x0[j] = gauss();
      kappa[j] = asinh(x0[j] / 1e6);
    }
    double *x = interpolate(&p, &ms_param_mw, ln_beta, kappa, 0);
    /* x0 + Z'(ZZ')^{-1}(y - Z x0) */
    double *base = preimage(p.Z, x0), *ones = constant(d, 1), *S = ms_doubles(n * n);
    ms_matrix_weighted_gram(p.Z, ones, S);
    ck_assert_int_eq(ms_spd_factor(n, S), 0);
    memcpy(gap, p.y, n * sizeof *gap);
    ms_spd_solve(n, S, gap);
    for (size_t i = 0; i < n; i++)
      gap[i] -= base[i];
    ms_matrix_tmul(p.Z, gap, want);
    for (size_t j = 0; j < d; j++)
      want[j] += x0[j];
    ck_assert_double_le(test_distance(d, x, want), 1e-10);
    free(ln_beta);
    free(kappa);
    free(x0);
    free(gap);
    free(want);
    free(x);
    free(base);
    free(ones);
    free(S);
    done(&p);
  }
}
END_TEST

/* Tiny scales: the smallest norm |x|_1, up to a multiple of beta^margin. */
START_TEST(linear_program) {
  random_state = 4;
  int compared = 0;
  for (int round = 0; round < 40; round++) {
    size_t n = 5 + (size_t)(20 * uniform()), d = n + 5 + (size_t)(40 * uniform());
    ms_problem p = round % 2 ? sparse(n, d, 1 + n / 8, 0) : sparse(n, d, 3, 0.3);
    double *want = ms_doubles(d), margin = program(p.Z, p.y, NULL, NULL, want), l1 = 0;
    for (size_t j = 0; j < d; j++)
      l1 += fabs(want[j]);
    for (int k = 0; k < 3; k++) {
      double digits = (double[]){300, 1000, 10000}[k];
      double *x = interpolate_at(&p, &ms_param_mw, -digits * LN10), norm = 0;
      for (size_t j = 0; j < d; j++)
        norm += fabs(x[j]);
      ck_assert_double_le(equations_error(&p, x), 1e-13);
      ck_assert_double_ge(norm, l1 * (1 - 1e-11));
      ck_assert_double_le(norm, l1 * (1 + 10 / digits));
      /* With a truth of few features the dual solution is not unique, nor is the margin. */
      if (round % 2 ? k == 2 : digits * margin > 20) {
        ck_assert_double_le(test_distance(d, x, want), 1e-9);
        compared++;
      }
      free(x);
    }
    free(want);
    done(&p);
  }
  ck_assert_int_ge(compared, 60);
}
END_TEST

/* x0 > 0 at a tiny scale, kappa in the thousands: minimize sum x ln(x / x0) - x over x > 0. */
START_TEST(relative_entropy) {
  random_state = 5;
  for (int round = 0; round < 20; round++) {
    size_t n = 6, d = 20;
    double ln_scale = round % 2 ? -1000 * LN10 : -10000 * LN10;
    ms_problem p = problem_of(n, d);
    double *ln_beta = constant(d, ln_scale), *kappa = ms_doubles(d), *ln_ratio = ms_doubles(d);
    double *x0 = ms_doubles(d);
    for (size_t j = 0; j < d; j++) {
      x0[j] = exp(gauss());
      kappa[j] = log(2 * x0[j]) - ln_scale;
      double truth = exp(gauss());
      for (size_t i = 0; i < n; i++) {
        p.Z->values[j * n + i] = uniform();
        p.y[i] += p.Z->values[j * n + i] * truth;
      }
    }
    double *x = interpolate(&p, &ms_param_mw, ln_beta, kappa, 0);
    ck_assert_double_le(equations_error(&p, x), 1e-13);
    for (size_t j = 0; j < d; j++) {
      ck_assert_double_gt(x[j], 0);
      ln_ratio[j] = log(x[j] / x0[j]);
    }
    /* kappa itself is a multiple of 1e-12 at the smaller scale */
    ck_assert_double_le(off_range(p.Z, ln_ratio), 1e-10);
    free(ln_beta);
    free(kappa);
    free(ln_ratio);
    free(x0);
    free(x);
    done(&p);
  }
}
END_TEST

/* Some coordinates are nearly free, some have a tiny scale: all obey the same nu. */
START_TEST(scales_of_their_own) {
  random_state = 6;
  for (int round = 0; round < 20; round++) {
    size_t n = 10, d = 30, half = 15;
    ms_problem p = sparse(n, d, 20, 0);
    double *ln_beta = ms_doubles(d), *kappa = ms_doubles(d), *mu = ms_doubles(d);
    double few = round % 2 ? 5 : (double)half; /* free ones, fewer than the equations or more */
    for (size_t j = 0; j < d; j++)
      ln_beta[j] = (double)j < few ? 3 - uniform() : -(400 + 1500 * uniform());
    double *x = interpolate(&p, &ms_param_mw, ln_beta, kappa, 0);
    ms_start start = {ln_beta, kappa};
    ck_assert_double_le(equations_error(&p, x), 1e-13);
    /* nu from the coordinates that say something about it */
    ms_param_mw.dual(&ms_param_mw, &start, 0, d, 0, x, mu);
    ms_matrix *known = NULL;
    size_t count = 0;
    for (size_t j = 0; j < d; j++)
      count += fabs(x[j]) > 1e-290;
    ck_assert_uint_ge(count, n);
    ck_assert_int_eq(ms_matrix_new(&known, n, count, NULL), MS_OK);
    double *known_mu = ms_doubles(count), *all = ms_doubles(d);
    count = 0;
    for (size_t j = 0; j < d; j++)
      if (fabs(x[j]) > 1e-290) {
        memcpy(known->values + count * n, p.Z->values + j * n, n * sizeof(double));
        known_mu[count++] = mu[j];
      }
    ck_assert_double_le(off_range(known, known_mu), 1e-9);
    double *nu = preimage(known, known_mu);
    ms_matrix_tmul(p.Z, nu, all);
    for (size_t j = 0; j < d; j++)
      if (fabs(x[j]) <= 1e-290)
        ck_assert_double_le(ln_beta[j] + fabs(2 * all[j]), -290 * LN10 + 1);
    ms_matrix_free(known);
    free(known_mu);
    free(all);
    free(nu);
    free(ln_beta);
    free(kappa);
    free(mu);
    free(x);
    done(&p);
  }
}
END_TEST

/* Each sample twice with different y: as if once with their mean. Each feature twice: half each. */
START_TEST(repeated_rows_and_columns) {
  random_state = 7;
  for (int k = 0; k < 4; k++) {
    double ln_beta = (double[]){10, -3, -50, -1000 * LN10}[k];
    size_t n = 8, d = 24;
    ms_problem once = sparse(n, d, 3, 0.3), rows = problem_of(2 * n, d),
               both = problem_of(n, 2 * d);
    for (size_t j = 0; j < d; j++)
      for (size_t i = 0; i < n; i++) {
        double z = once.Z->values[j * n + i];
        rows.Z->values[2 * j * n + i] = rows.Z->values[2 * j * n + n + i] = z;
        both.Z->values[j * n + i] = both.Z->values[(d + j) * n + i] = z;
      }
    for (size_t i = 0; i < n; i++) {
      double shift = gauss();
      rows.y[i] = once.y[i] + shift;
      rows.y[n + i] = once.y[i] - shift;
      both.y[i] = once.y[i];
    }
    double *x = interpolate_at(&once, &ms_param_mw, ln_beta);
    double *x_rows = interpolate_at(&rows, &ms_param_mw, ln_beta);
    ck_assert_double_le(test_distance(d, x, x_rows), 1e-12);
    /* beta sinh(s) twice is once with twice the scale */
    double *x_both = interpolate_at(&both, &ms_param_mw, ln_beta - log(2));
    ck_assert_double_le(test_distance(d, x_both, x_both + d), 1e-11);
    for (size_t j = 0; j < d; j++)
      ck_assert_double_eq_tol(x_both[j] + x_both[d + j], x[j], 1e-11);
    free(x);
    free(x_rows);
    free(x_both);
    done(&once);
    done(&rows);
    done(&both);
  }
}
END_TEST

/* More samples than features: where Z has full column rank the scale does not matter. */
START_TEST(least_squares) {
  random_state = 8;
  size_t n = 30, d = 7;
  ms_problem p = gaussian(n, d);
  double *gradient = ms_doubles(d), *gap = ms_doubles(n);
  double *flat = interpolate_at(&p, &ms_param_mw, 3),
         *sharp = interpolate_at(&p, &ms_param_mw, -3e3);
  ck_assert_double_le(test_distance(d, flat, sharp), 1e-13);
  ms_matrix_mul(p.Z, flat, gap);
  for (size_t i = 0; i < n; i++)
    gap[i] -= p.y[i];
  ms_matrix_tmul(p.Z, gap, gradient);
  ck_assert_double_le(size_of(d, gradient), 1e-12);

  /* The first two features equal: each gets half of what one would get. */
  memcpy(p.Z->values, p.Z->values + n, n * sizeof(double));
  double *x = interpolate_at(&p, &ms_param_mw, -3e3);
  ck_assert_double_eq_tol(x[0], x[1], 1e-11);
  ms_matrix_mul(p.Z, x, gap);
  for (size_t i = 0; i < n; i++)
    gap[i] -= p.y[i];
  ms_matrix_tmul(p.Z, gap, gradient);
  ck_assert_double_le(size_of(d, gradient), 1e-12);
  free(gradient);
  free(gap);
  free(flat);
  free(sharp);
  free(x);
  done(&p);
}
END_TEST

START_TEST(badly_scaled_features) {
  random_state = 9;
  for (int round = 0; round < 20; round++) {
    size_t n = 12, d = 40;
    ms_problem p = gaussian(n, d);
    double *want = ms_doubles(d);
    for (size_t j = 0; j < d; j++) {
      double size = pow(10, 8 * uniform() - 4);
      for (size_t i = 0; i < n; i++)
        p.Z->values[j * n + i] *= size;
    }
    double margin = program(p.Z, p.y, NULL, NULL, want),
           *x = interpolate_at(&p, &ms_param_mw, -3000 * LN10);
    ck_assert_double_le(equations_error(&p, x), 1e-13);
    if (3000 * margin > 20)
      ck_assert_double_le(test_distance(d, x, want), 1e-9 * size_of(d, want));
    free(want);
    free(x);
    done(&p);
  }
}
END_TEST

/* Equations may be multiplied by anything. */
START_TEST(badly_scaled_samples) {
  random_state = 15;
  for (int round = 0; round < 20; round++) {
    size_t n = 12, d = 40;
    double ln_beta = (double[]){3, -5, -30, -1000 * LN10}[round % 4];
    ms_problem p = sparse(n, d, 3, 0.2);
    double *want = interpolate_at(&p, &ms_param_mw, ln_beta);
    for (size_t i = 0; i < n; i++) {
      double size = pow(10, -8 * uniform());
      p.y[i] *= size;
      for (size_t j = 0; j < d; j++)
        p.Z->values[j * n + i] *= size;
    }
    double *x = interpolate_at(&p, &ms_param_mw, ln_beta);
    ck_assert_double_le(test_distance(d, x, want), 1e-11);
    free(want);
    free(x);
    done(&p);
  }
}
END_TEST

START_TEST(nothing_to_do) {
  double ln_beta[] = {0, -5000, 1}, kappa[] = {1, -5000 - log(2), -2}, x[3];
  ms_start start = {ln_beta, kappa};
  /* Z = 0: x0 */
  ms_problem p = problem_of(2, 3);
  p.y[0] = 1;
  ck_assert_int_eq(ms_oracle_interpolator(&p, &ms_param_mw, &start, 0, TOL, x, NULL), MS_OK);
  ck_assert_double_eq_tol(x[0], sinh(1), 1e-14);
  ck_assert_double_eq_tol(x[1], -1, 1e-11);
  ck_assert_double_eq_tol(x[2], -exp(1) * sinh(2), 1e-14);
  /* The first coordinate must be 0, the others may stay. */
  p.Z->values[0] = 1;
  p.y[0] = 0;
  ck_assert_int_eq(ms_oracle_interpolator(&p, &ms_param_mw, &start, 0, TOL, x, NULL), MS_OK);
  ck_assert_double_eq_tol(x[0], 0, 1e-14);
  ck_assert_double_eq_tol(x[1], -1, 1e-11);
  ck_assert_double_eq_tol(x[2], -exp(1) * sinh(2), 1e-14);
  /* y = 0, x0 = 0: 0 */
  p.Z->values[2] = 1;
  memset(kappa, 0, sizeof kappa);
  ck_assert_int_eq(ms_oracle_interpolator(&p, &ms_param_mw, &start, 0, TOL, x, NULL), MS_OK);
  for (int j = 0; j < 3; j++)
    ck_assert_double_eq(x[j], 0);
  done(&p);
}
END_TEST

START_TEST(failures) {
  random_state = 10;
  ms_problem p = gaussian(3, 6);
  double *ln_beta = ms_doubles(6), *kappa = ms_doubles(6), *x = ms_doubles(6);
  ms_start start = {ln_beta, kappa};
  ms_error err = {0};
  ck_assert_int_eq(ms_oracle_interpolator(&p, &ms_param_mw, &start, 0, -1, x, &err), MS_STALLED);
  ck_assert_int_eq(err.status, MS_STALLED);
  ck_assert_ptr_nonnull(strstr(err.message, "residual"));
  kappa[2] = 1000;
  ck_assert_int_eq(ms_oracle_interpolator(&p, &ms_param_mw, &start, 0, TOL, x, &err),
                   MS_OUT_OF_DOMAIN);
  ck_assert_int_eq(ms_oracle_lasso(&p, 0, TOL, x, &err), MS_BAD_SETTING);
  ck_assert_int_eq(ms_oracle_lasso(&p, NAN, TOL, x, &err), MS_BAD_SETTING);
  free(ln_beta);
  free(kappa);
  free(x);
  done(&p);
}
END_TEST

/* ---- LASSO ----------------------------------------------------------------------------------- */

/* Z'(Zx - y) / n */
static double *gradient_at(const ms_problem *p, const double *x) {
  double *gap = ms_doubles(p->Z->n), *g = ms_doubles(p->Z->d);
  ms_matrix_mul(p->Z, x, gap);
  for (size_t i = 0; i < p->Z->n; i++)
    gap[i] = (gap[i] - p->y[i]) / (double)p->Z->n;
  ms_matrix_tmul(p->Z, gap, g);
  free(gap);
  return g;
}

static double largest_gradient(const ms_problem *p) {
  double *zero = ms_doubles(p->Z->d), *g = gradient_at(p, zero), top = 0;
  for (size_t j = 0; j < p->Z->d; j++)
    top = fmax(top, fabs(g[j]));
  free(zero);
  free(g);
  return top;
}

/* The optimality conditions, for every coefficient alike: stricter than ms_kkt_residual. */
static double optimality_error(const ms_problem *p, const double *x, double lambda) {
  double *g = gradient_at(p, x), worst = 0;
  for (size_t j = 0; j < p->Z->d; j++)
    worst = fmax(worst, x[j] > 0   ? fabs(g[j] + lambda)
                        : x[j] < 0 ? fabs(g[j] - lambda)
                                   : fabs(g[j]) - lambda);
  free(g);
  return worst;
}

static double *lasso(const ms_problem *p, double lambda) {
  double *x = ms_doubles(p->Z->d);
  ms_error err = {0};
  ms_status status = ms_oracle_lasso(p, lambda, TOL, x, &err);
  ck_assert_msg(status == MS_OK, "%s", err.message);
  return x;
}

/* Accelerated proximal gradient: slow, and shares nothing with coordinate descent. */
static double *fista(const ms_problem *p, double lambda) {
  size_t d = p->Z->d;
  double *x = ms_doubles(d), *ahead = ms_doubles(d), t = 1;
  double step = (double)p->Z->n / pow(ms_matrix_norm(p->Z), 2);
  for (int i = 0; i < 20000; i++) {
    double *g = gradient_at(p, ahead), uphill = 0;
    double next_t = (1 + sqrt(1 + 4 * t * t)) / 2;
    for (size_t j = 0; j < d; j++) {
      double z = ahead[j] - step * g[j], left = fabs(z) - step * lambda, old = x[j];
      x[j] = left > 0 ? copysign(left, z) : 0;
      uphill += (ahead[j] - x[j]) * (x[j] - old);
      ahead[j] = x[j] + (t - 1) / next_t * (x[j] - old);
    }
    t = uphill > 0 ? 1 : next_t;
    free(g);
  }
  free(ahead);
  return x;
}

START_TEST(proximal_gradient) {
  random_state = 11;
  for (int round = 0; round < 10; round++) {
    size_t d = round % 2 ? 30 : 10, n = 20;
    ms_problem p = sparse(n, d, 3, 0.5);
    double lambda = largest_gradient(&p) * (0.05 + 0.4 * uniform());
    double *x = lasso(&p, lambda), *slow = fista(&p, lambda);
    ck_assert_double_le(test_distance(d, x, slow), 1e-9);
    free(x);
    free(slow);
    done(&p);
  }
}
END_TEST

START_TEST(orthonormal_features) {
  /* |Z_j|^2 = n: soft thresholding by lambda */
  size_t n = 4;
  ms_problem p = problem_of(n, n);
  for (size_t i = 0; i < n; i++) {
    p.Z->values[i * n + i] = 2;
    p.y[i] = (double[]){3, -0.2, -1.4, 0.9}[i];
  }
  double *x = lasso(&p, 0.5), want[] = {1, 0, -0.2, 0};
  ck_assert_double_le(test_distance(n, x, want), 1e-15);
  free(x);
  done(&p);
}
END_TEST

/* Random and degenerate problems over the whole range of lambda. */
START_TEST(lasso_optimality) {
  random_state = 12;
  for (int round = 0; round < 60; round++) {
    size_t n = 5 + (size_t)(40 * uniform()), d = 5 + (size_t)(60 * uniform());
    ms_problem p = round % 2 ? gaussian(n, d) : sparse(n, d, 3, 0.1);
    double *values = p.Z->values;
    for (size_t j = 1; j < d; j++)
      for (size_t i = 0; i < n; i++) {
        double before = values[(j - 1) * n + i], *z = &values[j * n + i];
        if (round % 5 == 1) /* pairs of equal or opposite features */
          *z = j % 2 ? (j % 4 == 1 ? before : -before) : *z;
        if (round % 5 == 2) /* neighbours nearly equal */
          *z = before + 1e-3 * *z;
        if (round % 5 == 3) /* and a feature of zeros */
          *z *= j == d / 2 ? 0 : pow(10, 3 * sin((double)j));
      }
    double top = largest_gradient(&p);
    for (int k = 0; k < 8; k++) {
      double lambda = top * pow(10, -k) * 0.999;
      double *x = lasso(&p, lambda), *g = gradient_at(&p, x);
      ck_assert_double_le(optimality_error(&p, x, lambda), 1e-11 * top);
      ck_assert_double_le(ms_kkt_residual(d, x, ms_largest(x, d), g, lambda, top), TOL);
      free(x);
      free(g);
    }
    done(&p);
  }
}
END_TEST

/* Smooth spectra: any two neighbouring features are nearly equal. */
START_TEST(spectra) {
  random_state = 13;
  size_t n = 80, d = 100;
  ms_problem p = problem_of(n, d);
  for (size_t i = 0; i < n; i++) {
    double height[4];
    for (int k = 0; k < 4; k++)
      height[k] = gauss();
    for (size_t j = 0; j < d; j++) {
      for (int k = 0; k < 4; k++)
        p.Z->values[j * n + i] += height[k] * exp(-pow(((double)j - 20 * k - 20) / 25, 2));
      p.Z->values[j * n + i] += 1e-4 * gauss();
    }
    p.y[i] = height[1] - height[2] + 0.1 * gauss();
  }
  double top = largest_gradient(&p);
  for (int k = 0; k < 7; k++) {
    double lambda = top * pow(10, -k) / 2, *x = lasso(&p, lambda);
    ck_assert_double_le(optimality_error(&p, x, lambda), 1e-11 * top);
    free(x);
  }
  done(&p);
}
END_TEST

START_TEST(large_lambda) {
  random_state = 14;
  ms_problem p = gaussian(10, 20);
  double top = largest_gradient(&p);
  for (int k = 0; k < 3; k++) {
    double *x = lasso(&p, top * (double[]){1, 1 + DBL_EPSILON, 5}[k]);
    for (size_t j = 0; j < 20; j++)
      ck_assert_double_eq(x[j], 0);
    free(x);
  }
  double *x = lasso(&p, top * (1 - 1e-6));
  size_t count = 0;
  for (size_t j = 0; j < 20; j++)
    count += x[j] != 0;
  ck_assert_uint_eq(count, 1);
  free(x);
  done(&p);
}
END_TEST

START_TEST(kkt_residual) {
  double x[] = {2, -1, 0}, zero[3] = {0}, g[] = {-0.5, 0.3, 0.1};
  /* first: active and exact; second: |x_j|/|x|_inf |0.3 - 0.5| = 0.1 */
  ck_assert_double_eq_tol(ms_kkt_residual(3, x, 2, g, 0.5, 1), 0.1, 1e-15);
  ck_assert_double_eq_tol(ms_kkt_residual(3, x, 2, g, 0.5, 4), 0.025, 1e-15);
  /* inactive, above lambda by 0.3 */
  ck_assert_double_eq_tol(ms_kkt_residual(3, zero, 0, g, 0.2, 1), 0.3, 1e-15);
  ck_assert_double_eq(ms_kkt_residual(3, zero, 0, g, 0.5, 1), 0);
  /* lambda = 0: the largest gradient */
  ck_assert_double_eq_tol(ms_kkt_residual(3, x, 2, g, 0, 1), 0.5, 1e-15);
  /* all zero: 0, whatever the scale */
  ck_assert_double_eq(ms_kkt_residual(3, zero, 0, zero, 0, 0), 0);
  g[1] = NAN;
  ck_assert_double_nan(ms_kkt_residual(3, x, 2, g, 0.5, 1));
}
END_TEST

/* Equal columns share x in equal parts, because they start alike; any other split is a minimizer,
 * too. */
START_TEST(equal_columns_share_under_every_strictly_convex_loss) {
  static const char *const cases[][2] = {{"squared", "y,a,b\n1,1,1\n0.5,0.7,0.7\n"},
                                         {"logistic", "y,a,b\n1,1,1\n0,-0.7,-0.7\n1,-0.2,-0.2\n"},
                                         {"poisson", "y,a,b\n3,1,1\n1,0.5,0.5\n5,2,2\n"}};
  for (size_t k = 0; k < 3; k++) {
    const char *data = test_text("data=%s", test_file("equal.csv", cases[k][1]));
    ms_run *run = test_whole(
        "diag", WITH(data, test_text("loss=%s", cases[k][0]), "wd-schedule=constant", "wd=0.01"));
    size_t d;
    const double *x = ms_run_x(run, &d);
    ck_assert_msg(x[0] > 0.1 && fabs(x[0] - x[1]) <= 1e-9, "%s: x = %g, %g", cases[k][0], x[0],
                  x[1]);
    ck_assert_msg(ms_run_summary(run, "limit_gap") <= 1e-7, "%s: limit_gap %g", cases[k][0],
                  ms_run_summary(run, "limit_gap"));
    ms_run_free(run);
  }
}
END_TEST

/* Columns (1,0), (0,1), (1/2,1/2): all x with x1 + x3/2 = p, x2 + x3/2 = q, x >= 0 have the same
 * |x|_1. The flow's has x3^2 = c x1 x2, c = beta3^2 / (beta1 beta2). */
START_TEST(of_several_minimizers_the_flow_s) {
  const double betas[][3] = {{1, 1, 1}, {1e-3, 1e-3, 1e-3}, {1, 0.5, 2}};
  const ms_param *param[] = {&ms_param_mw, &ms_param_uv};
  for (int k = 0; k < 6; k++) {
    const double *beta = betas[k % 3], lambda = 0.05;
    double y[] = {1, 0.6}, ln_beta[3], kappa[3] = {0}, x[3];
    ms_problem p = {.y = y, .samples = 2, .loss = &ms_loss_squared};
    ms_error err = {0};
    ck_assert_int_eq(ms_matrix_new(&p.Z, 2, 3, &err), MS_OK);
    memcpy(p.Z->values, (const double[]){1, 0, 0, 1, 0.5, 0.5}, 6 * sizeof(double));
    for (int j = 0; j < 3; j++)
      ln_beta[j] = log(beta[j]);
    ck_assert_int_eq(ms_oracle_lasso(&p, lambda, TOL, x, &err), MS_OK);
    ms_start start = {ln_beta, kappa};
    ms_status status = ms_limit_choose(&p, param[k / 3], &start, lambda, x, &err);
    ck_assert_msg(status == MS_OK, "%s", err.message);
    double a = y[0] - 2 * lambda, b = y[1] - 2 * lambda, c = beta[2] * beta[2] / beta[0] / beta[1];
    /* x3^2 (1 - c/4) + c (a + b)/2 x3 - c a b = 0, the root in [0, 2 min(a, b)] */
    double h = c * (a + b) / 2,
           x3 = 2 * c * a * b / (h + sqrt(h * h + 4 * (1 - c / 4) * c * a * b));
    const double expected[] = {a - x3 / 2, b - x3 / 2, x3};
    for (int j = 0; j < 3; j++)
      ck_assert_msg(fabs(x[j] - expected[j]) < 1e-9, "%d: x[%d] = %.15g, not %.15g", k, j, x[j],
                    expected[j]);
    ms_matrix_free(p.Z);
  }
}
END_TEST

Suite *limit_suite(void) {
  Suite *suite = suite_create("limit");
  TCase *interpolator = tcase_create("interpolator"), *l1 = tcase_create("lasso");
  tcase_set_timeout(interpolator, 120);
  tcase_set_timeout(l1, 120);
  tcase_add_test(interpolator, optimality);
  tcase_add_test(interpolator, toy);
  tcase_add_test(interpolator, dose);
  tcase_add_test(interpolator, same_for_both_parametrizations);
  tcase_add_test(interpolator, nearest);
  tcase_add_test(interpolator, linear_program);
  tcase_add_test(interpolator, relative_entropy);
  tcase_add_test(interpolator, scales_of_their_own);
  tcase_add_test(interpolator, repeated_rows_and_columns);
  tcase_add_test(interpolator, least_squares);
  tcase_add_test(interpolator, badly_scaled_features);
  tcase_add_test(interpolator, badly_scaled_samples);
  tcase_add_test(interpolator, nothing_to_do);
  tcase_add_test(interpolator, failures);
  suite_add_tcase(suite, interpolator);
  tcase_add_test(l1, proximal_gradient);
  tcase_add_test(l1, orthonormal_features);
  tcase_add_test(l1, lasso_optimality);
  tcase_add_test(l1, spectra);
  tcase_add_test(l1, large_lambda);
  tcase_add_test(l1, kkt_residual);
  tcase_add_test(l1, of_several_minimizers_the_flow_s);
  tcase_add_test(l1, equal_columns_share_under_every_strictly_convex_loss);
  suite_add_tcase(suite, l1);
  return suite;
}
