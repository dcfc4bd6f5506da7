/* saddle.h against the worked example of arXiv 2607.12332, linear programming, the LASSO path and
 * the flows themselves at tiny scales. */
#include "flow/flow.h"
#include "instances.h"
#include "limit/limit.h"
#include "limit/saddle.h"
#include "tests.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 40 }; /* largest d here */

/* ---- Problems -------------------------------------------------------------------------------- */

/* Z = A B with A n*r and B r*d, of rank r; y does not fit where r < n. */
static ms_problem of_rank(size_t n, size_t d, size_t r, ms_matrix *A, ms_matrix *B) {
  ms_problem p = gaussian(n, d), a = gaussian(n, r), b = gaussian(r, d);
  for (size_t j = 0; j < d; j++)
    ms_matrix_mul(a.Z, b.Z->values + j * r, p.Z->values + j * n);
  free(a.y);
  free(b.y);
  *A = *a.Z;
  *B = *b.Z;
  free(a.Z);
  free(b.Z);
  return p;
}

/* Z'(y - Zx) */
static void descent(const ms_problem *p, const double *x, double *out) {
  double *rest = ms_doubles(p->Z->n);
  ms_matrix_mul(p->Z, x, rest);
  for (size_t i = 0; i < p->Z->n; i++)
    rest[i] = p->y[i] - rest[i];
  ms_matrix_tmul(p->Z, rest, out);
  free(rest);
}

typedef struct route {
  ms_saddle *at;
  size_t count;
} route;

static route path_of(const ms_problem *p, double rate, const double *plus, const double *minus) {
  route r;
  ms_error err = {0};
  ms_status status = ms_saddle_path(p, rate, plus, minus, &r.at, &r.count, &err);
  ck_assert_msg(status == MS_OK, "%s", err.message);
  return r;
}

static void path_free(route *r) {
  ms_saddle_free(r->at, r->count);
}

static void smallest(const ms_problem *p, const double *plus, const double *minus, double *x) {
  ms_error err = {0};
  ms_status status = ms_minimum_l1(p, plus, minus, x, &err);
  ck_assert_msg(status == MS_OK, "%s", err.message);
}

/* What every path has to be: from plateau to plateau q moves by -grad f and stays within its
 * limits, and each x is the minimum over the signs that q allows. Limits NULL: 1. */
static void check_path(const ms_problem *p, double rate, const double *plus, const double *minus,
                       const route *r) {
  size_t d = p->Z->d;
  double slope[MOST];
  ck_assert_uint_le(d, MOST);
  for (size_t k = 0; k < r->count; k++) {
    const ms_saddle *s = &r->at[k], *next = s + 1;
    bool last = k + 1 == r->count;
    size_t active = 0;
    descent(p, s->x, slope);
    for (size_t j = 0; j < d; j++) {
      double high = plus ? plus[j] : 1, low = minus ? minus[j] : 1, u = rate * s->dual[j];
      double g = slope[j] / p->samples;
      ck_assert_double_le(u, high + 1e-14);
      ck_assert_double_ge(u, -low - 1e-14);
      active += s->x[j] != 0;
      if (s->x[j] != 0) {
        ck_assert_double_eq_tol(u, s->x[j] > 0 ? high : -low, 1e-14);
        ck_assert_double_eq_tol(g, 0, 1e-12);
      }
      if (k > 0 && fabs(u - high) < 1e-14)
        ck_assert_double_le(g, 1e-12);
      if (k > 0 && fabs(u + low) < 1e-14)
        ck_assert_double_ge(g, -1e-12);
      if (!last)
        ck_assert_double_eq_tol(next->dual[j], s->dual[j] + (next->time - s->time) * g,
                                1e-12 * fmax(1, next->time));
    }
    ck_assert_uint_eq(s->active, active);
    if (!last) {
      ck_assert_double_ge(next->time, s->time);
      ck_assert_double_lt(next->loss, s->loss);
    }
  }
}

/* ---- Known paths ----------------------------------------------------------------------------- */

/* In the paper's units f = |Zx - y|^2 / 2 and the limits are +-1; s_p is what Z'r sums up to, and
 * delta_p how long p would take to a limit from there. */
START_TEST(four_feature_example) {
  static const double x[][4] = {
      {0, 0, 0, 0}, {0.8, 0, 0, 0}, {0, 0, 1.4, 0}, {0, 0, 10. / 7, -10. / 49}};
  static const double s[][4] = {{0, 0, 0, 0},
                                {1, 0.5, 0.7, 0},
                                {1, -0.4, 1, -0.84},
                                {1 - 0.05 * 80 / 49, -0.4 - 0.13 * 80 / 49, 1, -1}};
  static const double delta[][4] = {{1, 2, 1 / 0.7, INFINITY},
                                    {INFINITY, 5, 3, 25. / 7},
                                    {40, 60. / 13, INFINITY, 80. / 49},
                                    {INFINITY, INFINITY, INFINITY, INFINITY}};
  static const double time[] = {0, 1, 4, 4 + 80. / 49}, loss[] = {0.5, 0.1, 0.01, 0};
  for (int round = 0; round < 4; round++) {
    double rate = round % 2 ? 4 : 2, samples = round < 2 ? 1 : 2, slope[4];
    ms_problem p = four_features();
    p.samples = samples;
    route r = path_of(&p, rate, NULL, NULL);
    check_path(&p, rate, NULL, NULL, &r);
    ck_assert_uint_eq(r.count, 4);
    for (size_t k = 0; k < 4; k++) {
      ck_assert_double_eq_tol(r.at[k].time, time[k] * samples / rate, 1e-12);
      ck_assert_double_eq_tol(r.at[k].loss, loss[k] / samples, 1e-12);
      descent(&p, r.at[k].x, slope);
      for (size_t j = 0; j < 4; j++) {
        ck_assert_double_eq_tol(r.at[k].x[j], x[k][j], 1e-12);
        ck_assert_double_eq_tol(rate * r.at[k].dual[j], s[k][j], 1e-12);
        double sum = rate * r.at[k].dual[j], size = fabs(slope[j]);
        if (isinf(delta[k][j]))
          ck_assert_double_le(size, 1e-12);
        else
          ck_assert_double_eq_tol((1 - copysign(sum, sum * slope[j])) / size, delta[k][j], 1e-11);
      }
    }
    path_free(&r);
    done(&p);
  }
}
END_TEST

START_TEST(four_features_with_another_weight) {
  static const double even[] = {0, 0, 10. / 7, -10. / 49}, uneven[] = {1, 0, 0, -5. / 7};
  static const double half[] = {0.5, 1, 1, 1};
  ms_problem p = four_features();
  double x[4];
  smallest(&p, NULL, NULL, x);
  ck_assert_double_le(test_distance(4, x, even), 1e-12);
  smallest(&p, half, half, x);
  ck_assert_double_le(test_distance(4, x, uneven), 1e-12);
  smallest(&p, half, NULL, x); /* k_1 is positive */
  ck_assert_double_le(test_distance(4, x, uneven), 1e-12);
  smallest(&p, NULL, half, x);
  ck_assert_double_le(test_distance(4, x, even), 1e-12);
  route r = path_of(&p, 2, half, half);
  check_path(&p, 2, half, half, &r);
  ck_assert_double_le(test_distance(4, r.at[r.count - 1].x, uneven), 1e-12);
  ck_assert_double_eq_tol(r.at[1].time, 0.5 * 2 / 2, 1e-15);
  path_free(&r);
  done(&p);
}
END_TEST

START_TEST(toy) {
  ms_problem p = toy_equation();
  for (int sign = 1; sign >= -1; sign -= 2) {
    p.y[0] = sign;
    route r = path_of(&p, 2, NULL, NULL);
    ck_assert_uint_eq(r.count, 2);
    ck_assert_double_eq_tol(r.at[1].x[0], sign, 1e-15);
    ck_assert_double_eq(r.at[1].x[1], 0);
    ck_assert_double_eq_tol(r.at[1].time, 0.5, 1e-15);
    path_free(&r);
    /* 0.3/0.4 < 1 */
    const double early[] = {1, 0.3};
    r = path_of(&p, 2, sign > 0 ? early : NULL, sign > 0 ? NULL : early);
    ck_assert_uint_eq(r.count, 2);
    ck_assert_double_eq(r.at[1].x[0], 0);
    ck_assert_double_eq_tol(r.at[1].x[1], sign * 2.5, 1e-15);
    ck_assert_double_eq_tol(r.at[1].time, 0.375, 1e-15);
    path_free(&r);
    r = path_of(&p, 2, sign > 0 ? NULL : early, sign > 0 ? early : NULL);
    ck_assert_double_eq_tol(r.at[1].x[0], sign, 1e-15);
    path_free(&r);
  }
  done(&p);
}
END_TEST

START_TEST(ties_and_nothing_to_do) {
  /* Both arrive together. */
  ms_problem p = problem_of(2, 3);
  memcpy(p.Z->values, (double[]){1, 0.5, 0.5, 1, 0.1, 0.1}, 6 * sizeof(double));
  p.y[0] = p.y[1] = 3;
  route r = path_of(&p, 2, NULL, NULL);
  ck_assert_uint_eq(r.count, 2);
  ck_assert_double_eq_tol(r.at[1].x[0], 2, 1e-14);
  ck_assert_double_eq_tol(r.at[1].x[1], 2, 1e-14);
  ck_assert_uint_eq(r.at[1].active, 2);
  path_free(&r);
  /* Equal, opposite and zero columns: one of them does. */
  memcpy(p.Z->values, (double[]){1, 2, -1, -2, 0, 0}, 6 * sizeof(double));
  r = path_of(&p, 2, NULL, NULL);
  check_path(&p, 2, NULL, NULL, &r);
  ck_assert_uint_eq(r.count, 2);
  ck_assert_uint_eq(r.at[1].active, 1);
  ck_assert_double_eq_tol(r.at[1].x[0] - r.at[1].x[1], 9. / 5, 1e-14);
  path_free(&r);
  p.y[0] = -2; /* orthogonal to all columns */
  p.y[1] = 1;
  r = path_of(&p, 2, NULL, NULL);
  ck_assert_uint_eq(r.count, 1);
  ck_assert_double_eq_tol(r.at[0].loss, 5. / 4, 1e-15);
  path_free(&r);
  p.y[0] = p.y[1] = 0;
  r = path_of(&p, 2, NULL, NULL);
  ck_assert_uint_eq(r.count, 1);
  ck_assert_uint_eq(r.at[0].active, 0);
  path_free(&r);
  /* A sign that is forbidden: the coordinate stays 0; two limits 0: free from the start. */
  memcpy(p.Z->values, (double[]){1, 0, 0, 1, 0, 0}, 6 * sizeof(double));
  p.y[0] = 3;
  p.y[1] = -4;
  const double plus[] = {INFINITY, 0, 1}, minus[] = {1, 0, 1};
  r = path_of(&p, 2, plus, minus);
  ck_assert_uint_eq(r.count, 2);
  ck_assert_double_eq(r.at[1].time, 0);
  ck_assert_double_eq(r.at[1].x[0], 0);
  ck_assert_double_eq_tol(r.at[1].x[1], -4, 1e-14);
  path_free(&r);
  done(&p);
}
END_TEST

START_TEST(what_is_refused) {
  ms_problem p = four_features();
  const double negative[] = {1, 1, -1e-9, 1}, unknown[] = {1, 1, 1, NAN};
  const double never[] = {1, INFINITY, 1, 1};
  double x[4];
  ms_saddle *path;
  size_t count;
  ms_error err;
  ck_assert_int_eq(ms_minimum_l1(&p, negative, NULL, x, &err), MS_BAD_SETTING);
  ck_assert_int_eq(ms_minimum_l1(&p, NULL, unknown, x, &err), MS_BAD_SETTING);
  ck_assert_int_eq(ms_minimum_l1(&p, never, NULL, x, &err), MS_BAD_SETTING);
  ck_assert_int_eq(ms_saddle_path(&p, 2, NULL, negative, &path, &count, &err), MS_BAD_SETTING);
  ck_assert_ptr_null(path);
  ms_loss other = *p.loss;
  p.loss = &other;
  ck_assert_int_eq(ms_saddle_path(&p, 2, NULL, NULL, &path, &count, &err), MS_UNSUPPORTED);
  ck_assert_uint_eq(count, 0);
  done(&p);
}
END_TEST

/* ---- Linear programs ------------------------------------------------------------------------- */

/* Has a coordinate become 0 again? */
static bool deactivates(const route *r, size_t d) {
  for (size_t k = 1; k < r->count; k++)
    for (size_t j = 0; j < d; j++)
      if (r->at[k - 1].x[j] != 0 && r->at[k].x[j] == 0)
        return true;
  return false;
}

START_TEST(random_paths_end_at_the_smallest_norm) {
  int back = 0;
  for (uint64_t seed = 1; seed <= 50; seed++) {
    random_state = seed;
    ms_problem p = gaussian(5, 7);
    double want[7], x[7];
    route r = path_of(&p, 2, NULL, NULL);
    check_path(&p, 2, NULL, NULL, &r);
    const ms_saddle *last = &r.at[r.count - 1];
    ck_assert_double_gt(program(p.Z, p.y, NULL, NULL, want), 1e-9);
    ck_assert_double_le(test_distance(7, last->x, want), 1e-9);
    ck_assert_double_le(last->loss, 1e-25);
    smallest(&p, NULL, NULL, x);
    ck_assert_double_le(test_distance(7, x, want), 1e-9);
    back += deactivates(&r, 7);
    path_free(&r);
    done(&p);
  }
  ck_assert_int_gt(back, 5);
}
END_TEST

START_TEST(random_weights) {
  random_state = 7;
  for (int round = 0; round < 200; round++) {
    size_t n = 1 + (size_t)(12 * uniform()), d = n + 1 + (size_t)(20 * uniform());
    ms_problem p = gaussian(n, d);
    double plus[MOST], minus[MOST], want[MOST], x[MOST];
    for (size_t j = 0; j < d; j++) {
      plus[j] = 0.1 + uniform();
      minus[j] = 0.1 + uniform();
      if (round % 3 == 0 && j < n / 2) { /* coordinates that start at size 1 */
        plus[j] = uniform() < 0.5 ? 0 : 2;
        minus[j] = 2 - plus[j];
      }
    }
    route r = path_of(&p, 4, plus, minus);
    check_path(&p, 4, plus, minus, &r);
    smallest(&p, plus, minus, x);
    ck_assert_double_gt(program(p.Z, p.y, plus, minus, want), 1e-9);
    double size = 1;
    for (size_t j = 0; j < d; j++)
      size = fmax(size, fabs(want[j]));
    ck_assert_double_le(test_distance(d, x, want), 1e-9 * size);
    ck_assert_double_le(test_distance(d, r.at[r.count - 1].x, want), 1e-9 * size);
    path_free(&r);
    done(&p);
  }
}
END_TEST

/* (M M')^-1 b or, `tall`, (M'M)^-1 b */
static void solve_gram(const ms_matrix *M, bool tall, double *b) {
  size_t n = M->n, d = M->d, size = tall ? d : n;
  double *ones = ms_doubles(n + d), *S = ms_doubles(size * size);
  for (size_t i = 0; i < n + d; i++)
    ones[i] = 1;
  ck_assert_int_eq(tall ? ms_matrix_curvature(M, ones, S) : ms_matrix_weighted_gram(M, ones, S), 0);
  ck_assert_int_eq(ms_spd_factor(size, S), 0);
  ms_spd_solve(size, S, b);
  free(ones);
  free(S);
}

/* Z = A B: |Zx - y| is least where B x = (A'A)^-1 A'y, and nearest to x0 there is
 * x0 + B'(BB')^-1 (... - B x0). */
START_TEST(ends_of_inconsistent_and_deficient_problems) {
  random_state = 3;
  for (int round = 0; round < 150; round++) {
    size_t n = 2 + (size_t)(14 * uniform()), d = 2 + (size_t)(14 * uniform());
    size_t r = 1 + (size_t)((double)MS_MIN(n, d) * uniform());
    ms_matrix A, B;
    ms_problem p = of_rank(n, d, r, &A, &B);
    double b[MOST], rest[MOST], want[MOST], x[MOST], x0[MOST], slope[MOST], size = 1;
    ms_matrix_tmul(&A, p.y, b);
    solve_gram(&A, true, b);
    double margin = program(&B, b, NULL, NULL, want);
    for (size_t j = 0; j < d; j++)
      size = fmax(size, fabs(want[j]));
    route path = path_of(&p, 2, NULL, NULL);
    const ms_saddle *last = &path.at[path.count - 1];
    check_path(&p, 2, NULL, NULL, &path);
    descent(&p, last->x, slope);
    for (size_t j = 0; j < d; j++)
      ck_assert_double_eq_tol(slope[j], 0, 1e-10);
    ck_assert_double_gt(margin, 1e-7);
    ck_assert_double_le(test_distance(d, last->x, want), 1e-8 * size);
    ck_assert_int_eq(ms_minimum_l1(&p, NULL, NULL, x, NULL), MS_OK);
    ck_assert_double_le(test_distance(d, x, want), 1e-8 * size);
    path_free(&path);

    for (size_t j = 0; j < d; j++)
      x0[j] = round % 2 ? gauss() : 0;
    ms_matrix_mul(&B, x0, rest);
    for (size_t k = 0; k < r; k++)
      rest[k] = b[k] - rest[k];
    solve_gram(&B, false, rest);
    ms_matrix_tmul(&B, rest, want);
    for (size_t j = 0; j < d; j++)
      want[j] += x0[j];
    ms_error err;
    ck_assert_int_eq(ms_minimum_l2(&p, round % 2 ? x0 : NULL, x, &err), MS_OK);
    ck_assert_double_le(test_distance(d, x, want), 1e-8 * size);
    free(A.values);
    free(B.values);
    done(&p);
  }
  ms_problem p = toy_equation();
  double x[2];
  ck_assert_int_eq(ms_minimum_l2(&p, NULL, x, NULL), MS_OK);
  ck_assert_double_eq_tol(x[0], 25. / 29, 1e-15);
  ck_assert_double_eq_tol(x[1], 10. / 29, 1e-15);
  done(&p);
}
END_TEST

/* Z = T B and y = T b have the solutions of B x = b, whatever invertible T is. */
START_TEST(equations_of_very_different_sizes) {
  random_state = 5;
  for (int round = 0; round < 40; round++) {
    ms_problem easy = gaussian(8, 20), mix = gaussian(8, 8), p = problem_of(8, 20);
    for (size_t k = 0; k < 8; k++)
      for (size_t i = 0; i < 8; i++)
        mix.Z->values[k * 8 + i] *= pow(10, -(double)k); /* condition number near 1e8 */
    for (size_t j = 0; j < 20; j++)
      ms_matrix_mul(mix.Z, easy.Z->values + j * 8, p.Z->values + j * 8);
    ms_matrix_mul(mix.Z, easy.y, p.y);
    double want[20], least[20], x[20];
    ck_assert_double_gt(program(easy.Z, easy.y, NULL, NULL, want), 1e-5);
    smallest(&p, NULL, NULL, x);
    ck_assert_double_le(test_distance(20, x, want), 1e-6);
    ck_assert_int_eq(ms_minimum_l2(&easy, NULL, least, NULL), MS_OK);
    ck_assert_int_eq(ms_minimum_l2(&p, NULL, x, NULL), MS_OK);
    ck_assert_double_le(test_distance(20, x, least), 1e-6);
    done(&easy);
    done(&mix);
    done(&p);
  }
}
END_TEST

/* Entries +-1: columns in all kinds of special position; the minimum need not be unique. */
START_TEST(special_positions) {
  for (uint64_t seed = 1; seed <= 100; seed++) {
    random_state = seed;
    ms_problem p = gaussian(6, 20);
    for (size_t i = 0; i < 6 * 20; i++)
      p.Z->values[i] = copysign(1, p.Z->values[i]);
    for (size_t i = 0; i < 6 && seed % 2; i++)
      p.y[i] = copysign(1, p.y[i]);
    double want[20], x[20], norm = 0, least = 0, slope[20];
    route r = path_of(&p, 2, NULL, NULL);
    check_path(&p, 2, NULL, NULL, &r);
    program(p.Z, p.y, NULL, NULL, want);
    smallest(&p, NULL, NULL, x);
    descent(&p, x, slope);
    for (size_t j = 0; j < 20; j++) {
      ck_assert_double_eq_tol(slope[j], 0, 1e-12);
      norm += fabs(x[j]) / 2 + fabs(r.at[r.count - 1].x[j]) / 2;
      least += fabs(want[j]);
    }
    ck_assert_double_eq_tol(norm, least, 1e-12 * least);
    path_free(&r);
    done(&p);
  }
}
END_TEST

/* ---- The LASSO path -------------------------------------------------------------------------- */

/* While no coordinate leaves its limit, q(s) shows that the mean of x over [0, s] minimizes
 * f + |x|_1 / (rate s): the average follows the LASSO path (Berthier 2025). */
START_TEST(averages_are_on_the_lasso_path) {
  enum { ROUNDS = 4000 };
  int monotone = 0, compared = 0;
  for (int round = 0; round < ROUNDS; round++) {
    random_state = 1000 + (uint64_t)round;
    ms_problem p = gaussian(3, 4);
    route r = path_of(&p, 4, NULL, NULL);
    bool stays = true;
    for (size_t k = 1; k < r.count; k++)
      for (size_t j = 0; j < 4; j++)
        stays =
            stays && (fabs(4 * r.at[k - 1].dual[j]) < 1 || r.at[k].dual[j] == r.at[k - 1].dual[j]);
    monotone += stays;
    if (stays && round < 300) {
      double sum[4] = {0}, mean[4], want[4];
      for (size_t k = 0; k < r.count; k++) {
        const ms_saddle *s = &r.at[k];
        double end = k + 1 < r.count ? s[1].time : 2 * s->time, wait = end - s->time;
        for (double part = 0.3; k > 0 && part < 1; part += 0.4) {
          double time = s->time + part * wait;
          for (size_t j = 0; j < 4; j++)
            mean[j] = (sum[j] + part * wait * s->x[j]) / time;
          ck_assert_int_eq(ms_oracle_lasso(&p, 1 / (4 * time), 1e-12, want, NULL), MS_OK);
          ck_assert_double_le(test_distance(4, mean, want), 1e-8 * (1 + r.at[r.count - 1].time));
          compared++;
        }
        for (size_t j = 0; j < 4; j++)
          sum[j] += wait * s->x[j];
      }
    }
    path_free(&r);
    done(&p);
  }
  ck_assert_int_gt(compared, 500);
  ck_assert_double_eq_tol((double)monotone / ROUNDS, 0.76, 0.03);
}
END_TEST

/* ---- The flows ------------------------------------------------------------------------------- */

static ms_flow *flow_of(const ms_problem *p, const ms_param *param, const double *ln_beta,
                        const double *kappa, double t_end, ms_schedule **schedule) {
  ms_config *cfg = ms_config_new();
  ms_error err;
  ck_assert_int_eq(ms_schedule_new(schedule, cfg, 0, 1, &err), MS_OK);
  ms_config_free(cfg);
  ms_setup setup = {.problem = p,
                    .param = param,
                    .start = {ln_beta, kappa},
                    .schedule = *schedule,
                    .method = &ms_method_bdf,
                    .t_end = t_end,
                    .rtol = 1e-8,
                    .gradient_scale = 1,
                    .step_limit = 1000000};
  ms_flow *flow;
  ck_assert_int_eq(ms_flow_new(&flow, ms_flow_class_find("sample-dual"), &setup, &err), MS_OK);
  return flow;
}

/* How far a flow is from its limit: x in the middle of the plateaus; q there, times ln(1/beta); and
 * the times of the jumps, relative and times ln(1/beta): after that time or before minus that time
 * x is nearer to the right one of the two plateaus. */
typedef struct gap {
  double x, q, time;
} gap;

static void read_flow(ms_flow *flow, double t, double *x) {
  double Zx[MOST];
  ms_error err = {0};
  ms_status status = ms_flow_advance(flow, &t, x, Zx, &err);
  ck_assert_msg(status == MS_OK, "%s", err.message);
}

static gap follow(const ms_problem *p, const ms_param *param, double ln_inverse, const double *plus,
                  const double *minus) {
  size_t d = p->Z->d;
  double rate = param->rate, ln_beta[MOST], kappa[MOST], x[MOST], mu[MOST];
  for (size_t j = 0; j < d; j++) {
    double up = plus ? plus[j] : 1, down = minus ? minus[j] : 1;
    ln_beta[j] = -ln_inverse * (up + down) / 2;
    kappa[j] = ln_inverse * (down - up) / 2;
  }
  route r = path_of(p, rate, plus, minus);
  double end = 2 * r.at[r.count - 1].time, slope[MOST];
  ms_schedule *schedule;
  ms_flow *flow = flow_of(p, param, ln_beta, kappa, end * ln_inverse, &schedule);
  gap worst = {0};
  for (size_t k = 0; k < r.count; k++) {
    const ms_saddle *s = &r.at[k];
    double next = k + 1 < r.count ? s[1].time : end, middle = (s->time + next) / 2;
    if (next == 0)
      continue;
    read_flow(flow, middle * ln_inverse, x);
    worst.x = fmax(worst.x, test_distance(d, x, s->x));
    ms_matrix_tmul(p->Z, flow->integrator->out, mu);
    descent(p, s->x, slope);
    for (size_t j = 0; j < d; j++) {
      double q = s->dual[j] + (middle - s->time) * slope[j] / p->samples;
      worst.q = fmax(worst.q, fabs(mu[j] - ln_inverse * q));
    }
    if (k + 1 == r.count)
      break;
    for (double c = -4; c <= 4; c += 0.25) {
      double t = next * (ln_inverse + c);
      if (t <= middle * ln_inverse || (k + 2 < r.count && t >= (next + s[2].time) / 2 * ln_inverse))
        continue;
      read_flow(flow, t, x);
      bool jumped = test_distance(d, x, s[1].x) < test_distance(d, x, s->x);
      if (jumped != (c > 0))
        worst.time = fmax(worst.time, fabs(c));
    }
  }
  ms_flow_free(flow);
  ms_schedule_free(schedule);
  path_free(&r);
  return worst;
}

static const double LN_1E1000 = 2302.585092994046;

/* On any problem both distances fall like 1 / ln(1/beta). These are problems where already a scale
 * of 1e-40 shows the plateaus; the last three are such where a coordinate becomes 0 again and with
 * plateaus that take more. */
START_TEST(flows_follow_the_path) {
  static const uint64_t seeds[] = {1, 6, 11, 17, 34, 26, 36, 43};
  static const double scales[] = {0.04, 1, 10}; /* 1e-40, 1e-1000, 1e-10000 */
  for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
    random_state = seeds[i];
    ms_problem p = gaussian(5, 7);
    for (int k = 0; k < 3; k++) {
      gap mw = follow(&p, &ms_param_mw, scales[k] * LN_1E1000, NULL, NULL);
      gap uv = follow(&p, &ms_param_uv, scales[k] * LN_1E1000, NULL, NULL);
      ck_assert_double_le(fmax(mw.time, uv.time), 2);
      ck_assert_double_le(fmax(mw.q, uv.q), 2);
      ck_assert_double_le(fmax(mw.x, uv.x), k > 0 ? 1e-8 : i < 5 ? 1e-3 : 0.1);
    }
    route r = path_of(&p, 2, NULL, NULL);
    ck_assert(deactivates(&r, 7) == (i >= 5));
    path_free(&r);
    done(&p);
  }
}
END_TEST

/* Scales and starts that differ from coordinate to coordinate, some x0 of size 1: the growth
 * times. */
START_TEST(uneven_flows_follow_their_paths) {
  for (uint64_t seed = 1; seed <= 20; seed++) {
    random_state = seed;
    ms_problem p = gaussian(5, 7);
    double plus[7], minus[7];
    for (size_t j = 0; j < 7; j++) {
      plus[j] = uniform() + 0.5;
      minus[j] = uniform() + 0.5;
    }
    if (seed % 3 == 0) {
      plus[0] = 0;
      minus[0] = 2;
    }
    const ms_param *param = seed % 2 ? &ms_param_mw : &ms_param_uv;
    gap near = follow(&p, param, LN_1E1000, plus, minus);
    gap nearer = follow(&p, param, 10 * LN_1E1000, plus, minus);
    ck_assert_double_le(nearer.x, 1e-3);
    ck_assert_double_le(fmax(near.q, nearer.q), 3);
    done(&p);
  }
}
END_TEST

Suite *saddle_suite(void) {
  Suite *suite = suite_create("saddle");
  TCase *known = tcase_create("known");
  tcase_add_test(known, four_feature_example);
  tcase_add_test(known, four_features_with_another_weight);
  tcase_add_test(known, toy);
  tcase_add_test(known, ties_and_nothing_to_do);
  tcase_add_test(known, what_is_refused);
  suite_add_tcase(suite, known);
  TCase *random = tcase_create("random");
  tcase_set_timeout(random, 120);
  tcase_add_test(random, random_paths_end_at_the_smallest_norm);
  tcase_add_test(random, random_weights);
  tcase_add_test(random, ends_of_inconsistent_and_deficient_problems);
  tcase_add_test(random, averages_are_on_the_lasso_path);
  tcase_add_test(random, equations_of_very_different_sizes);
  tcase_add_test(random, special_positions);
  suite_add_tcase(suite, random);
  TCase *flows = tcase_create("flows");
  tcase_set_timeout(flows, 120);
  tcase_add_test(flows, flows_follow_the_path);
  tcase_add_test(flows, uneven_flows_follow_their_paths);
  suite_add_tcase(suite, flows);
  return suite;
}
