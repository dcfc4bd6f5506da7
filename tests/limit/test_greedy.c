/* Greedy low-rank learning: diagonal problems by what each phase must be, and where they end. */
#include "factored/factored.h"
#include "limit/greedy.h"
#include "limit/saddle.h"
#include "linalg/dense.h"
#include "tests.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 8 };

/* f = |Zx - y|^2 / 2 of the diagonal x of X; `diag` has Z itself. Columns of Z one after another.
 */
typedef struct pair {
  ms_problem diag;
  ms_objective *o;
} pair;

static pair pair_of(size_t n, size_t k, const double *Z, const double *y) {
  pair p = {.diag = {.y = ms_doubles(n), .samples = 1, .loss = &ms_loss_squared}};
  ms_problem *packed = calloc(1, sizeof *packed);
  ck_assert(packed && p.diag.y && k <= MOST);
  *packed = (ms_problem){.y = ms_doubles(n), .samples = 1, .loss = &ms_loss_squared};
  ck_assert_int_eq(ms_matrix_new(&p.diag.Z, n, k, NULL), MS_OK);
  ck_assert_int_eq(ms_matrix_new(&packed->Z, n, k * (k + 1) / 2, NULL), MS_OK);
  memcpy(p.diag.y, y, n * sizeof *y);
  memcpy(packed->y, y, n * sizeof *y);
  memcpy(p.diag.Z->values, Z, n * k * sizeof *Z);
  for (size_t j = 0, at = 0; j < k; at += k - j, j++)
    memcpy(packed->Z->values + at * n, Z + j * n, n * sizeof *Z);
  ck_assert_int_eq(ms_objective_linear(&p.o, packed, k, k, true, NULL, NULL), MS_OK);
  return p;
}

static void done(pair *p) {
  ms_matrix_free(p->diag.Z);
  free(p->diag.y);
  ms_objective_free(p->o);
}

static ms_phase *phases_of(ms_objective *o, size_t most, size_t *count) {
  ms_phase *path;
  ms_error err = {0};
  ms_status status = ms_greedy_path(o, most, &path, count, &err);
  ck_assert_msg(status == MS_OK, "%s", err.message);
  return path;
}

/* The path of x >= 0. */
static ms_saddle *saddles_of(const ms_problem *p, size_t *count) {
  double never[MOST];
  ms_saddle *path;
  for (size_t j = 0; j < MOST; j++)
    never[j] = INFINITY;
  ck_assert_int_eq(ms_saddle_path(p, 4, NULL, never, &path, count, NULL), MS_OK);
  return path;
}

/* |X - diag(x)|, largest entry */
static double off(size_t k, const double *X, const double *x) {
  double worst = 0;
  for (size_t i = 0; i < k * k; i++)
    worst = fmax(worst, fabs(X[i] - (i % (k + 1) == 0 ? x[i / (k + 1)] : 0)));
  return worst;
}

/* Uncoupled: x_j = y_j / a_j where that is positive, the largest a_j y_j first. */
START_TEST(uncoupled_diagonals_are_the_saddle_path) {
  static const double a[] = {1, 2, 0.5, 1.5, 1}, y[] = {1, 0.8, 3, -1, 0.3};
  static const size_t order[] = {1, 2, 0, 4}; /* a_j y_j = 1.6, 1.5, 1, 0.3; -1.5 never */
  double Z[25] = {0}, x[5] = {0};
  for (size_t j = 0; j < 5; j++)
    Z[j * 6] = a[j];
  pair p = pair_of(5, 5, Z, y);
  size_t count, saddles;
  ms_phase *path = phases_of(p.o, 9, &count);
  ms_saddle *saddle = saddles_of(&p.diag, &saddles);
  ck_assert_uint_eq(count, 5);
  ck_assert_uint_eq(saddles, 5);
  for (size_t r = 0; r < count; r++) {
    if (r > 0)
      x[order[r - 1]] = y[order[r - 1]] / a[order[r - 1]];
    ck_assert_uint_eq(path[r].rank, r);
    ck_assert_double_le(off(5, path[r].X, x), 1e-7);
    ck_assert_double_le(off(5, path[r].X, saddle[r].x), 1e-7);
    ck_assert_double_eq_tol(path[r].loss, saddle[r].loss, 1e-10);
    double pull = r < 4 ? a[order[r]] * y[order[r]] : 0;
    ck_assert_double_eq_tol(path[r].pull, pull, 1e-7);
  }
  ms_greedy_free(path, count);
  path = phases_of(p.o, 2, &count);
  ck_assert_uint_eq(count, 3);
  ms_greedy_free(path, count);
  ms_saddle_free(saddle, saddles);
  done(&p);
}
END_TEST

/* Coupled: each phase minimizes f over x >= 0 on the coordinates there were and that of largest
 * slope; where that is also the first to arrive, so is the saddle path's plateau. */
START_TEST(coupled_diagonals_are_least_squares_on_what_has_entered) {
  gsl_rng *rng = ms_random_new(5, MS_STREAM_DATA);
  size_t equal = 0, faded = 0, k = 6, n = 7;
  for (int trial = 0; trial < (test_quick() ? 3 : 20); trial++) {
    double Z[42], y[7], slope[MOST];
    ms_random_gaussian(rng, Z, n * k, 1);
    ms_random_gaussian(rng, y, n, 2);
    pair p = pair_of(n, k, Z, y);
    size_t count, saddles, r;
    ms_phase *path = phases_of(p.o, 20, &count);
    ms_saddle *saddle = saddles_of(&p.diag, &saddles);
    bool entered[MOST] = {false};
    for (r = 0; r < count; r++) {
      double x[MOST], rest[7], most = -INFINITY;
      size_t next = 0;
      for (size_t j = 0; j < k; j++)
        x[j] = path[r].X[j * (k + 1)];
      ck_assert_double_le(off(k, path[r].X, x), 1e-9);
      ms_matrix_mul(p.diag.Z, x, rest);
      for (size_t i = 0; i < n; i++)
        rest[i] = y[i] - rest[i];
      ms_matrix_tmul(p.diag.Z, rest, slope);
      for (size_t j = 0; j < k; j++) {
        ck_assert_double_ge(x[j], -1e-12);
        bool there = x[j] > 1e-10;
        ck_assert(!there || entered[j]);
        if (there)
          ck_assert_double_eq_tol(slope[j], 0, 1e-6);
        else if (entered[j])
          ck_assert_double_le(slope[j], 1e-6);
        faded += entered[j] && !there;
        entered[j] = there;
        if (slope[j] > most)
          most = slope[next = j];
      }
      ck_assert_double_eq_tol(path[r].pull, most, 1e-6);
      if (r + 1 < count)
        entered[next] = true;
      else
        ck_assert_double_le(most, 1e-3);
    }
    for (r = 0; r < MS_MIN(count, saddles) && off(k, path[r].X, saddle[r].x) < 1e-6;)
      r++;
    equal += r == count && r == saddles;
    ms_greedy_free(path, count);
    ms_saddle_free(saddle, saddles);
    done(&p);
  }
  ck_assert_msg(test_quick() || (equal >= 10 && equal < 20 && faded >= 1),
                "%zu equal to the saddle path, %zu faded", equal, faded);
  gsl_rng_free(rng);
}
END_TEST

/* The least |X(t) - Y|_F / |Y|_F of a run that is still to be made. */
static double nearest(ms_run *run, const double *Y) {
  double least = INFINITY;
  ms_status status = MS_OK;
  while (test_step(run, &status)) {
    size_t d;
    const double *X = ms_run_x(run, &d);
    double sum = 0, size = 0;
    for (size_t j = 0; j < d; j++) {
      sum += (X[j] - Y[j]) * (X[j] - Y[j]);
      size += Y[j] * Y[j];
    }
    least = fmin(least, sqrt(sum / size));
  }
  return least;
}

/* Z'Z = [1 .6 -.4; .6 1 0; -.4 0 1], Z'y = (1, .9, .1): x_1 enters first, at s = 1 in the clock of
 * the slopes. Then those of x_2 and x_3 are .3 and .5. But x_2 has come .9 of its way and is next
 * where measurements commute, as they do for mixing = 0; x_3 is where they mix what has grown. */
START_TEST(commuting_flows_keep_what_has_grown_and_others_do_not) {
  const double root = sqrt(0.75);
  const double R[3][3] = {{1, 0.6, -0.4}, {0, 0.8, 0.3}, {0, 0, root}};
  const double y[3] = {1, 0.375, (0.5 - 0.3 * 0.375) / root};
  const double first[3] = {0.71875, 0.46875, 0}; /* least squares on x_1, x_2 */
  const double second[3] = {1.04 / 0.84, 0, 0.5 / 0.84};
  for (int mixed = 0; mixed < 2; mixed++) {
    const double mixing = mixed ? 0.03 : 0;
    const char *path = test_path("data.csv");
    FILE *file = fopen(path, "w");
    fprintf(file, "y,a11,a12,a13,a21,a22,a23,a31,a32,a33\n");
    for (int i = 0; i < 3; i++)
      fprintf(file, "%.17g,%.17g,%g,0,%g,%.17g,%g,0,%g,%.17g\n", y[i], R[i][0], mixing, mixing,
              R[i][1], (i + 1) * mixing, (i + 1) * mixing, R[i][2]);
    if (mixed) /* what x leaves open: X_12 = X_13 = X_23 = 0 */
      fputs("0,0,1,0,1,0,0,0,0,0\n0,0,0,1,0,0,0,1,0,0\n0,0,0,0,0,0,1,0,1,0\n", file);
    fclose(file);
    const char *flow = mixed ? "flow=gradient" : "flow=mirror";
    const char *const *settings =
        WITH(test_text("data=%s", path), "factors=psd", "init=identity", "wd-schedule=none",
             "init-scale=1e-250", "points=3000", "t-end=6000", flow);
    ms_run *run = test_new("sensing", settings);
    size_t count;
    ms_phase *phase = phases_of(ms_factored_objective(run), 2, &count);
    ck_assert_uint_eq(count, 3);
    if (mixed) {
      ck_assert_double_le(off(3, phase[2].X, second), 0.02);
      ck_assert_double_le(nearest(run, phase[2].X), 1e-2);
    } else {
      ck_assert_double_le(off(3, phase[2].X, second), 1e-7);
      ck_assert_double_ge(nearest(run, phase[2].X), 0.1);
      ms_run_free(run);
      run = test_new("sensing", settings);
      const double X[9] = {first[0], 0, 0, 0, first[1]};
      ck_assert_double_le(nearest(run, X), 1e-3);
    }
    ms_greedy_free(phase, count);
    ms_run_free(run);
  }
}
END_TEST

/* Critical points of growing rank; the last one minimizes f over all X >= 0. */
START_TEST(phases_are_critical_and_end_at_a_minimum) {
  static const char *const measure[] = {"measure=entries", "measure=gaussian", "measure=rank-one"};
  for (size_t m = 0; m < 3; m++) {
    ms_run *run = test_new("sensing", WITH("rows=6", "rank=2", "n=16", measure[m], "noise=0.1",
                                           "factors=psd", "wd-schedule=none"));
    ms_objective *o = ms_factored_objective(run);
    double G[36], GX[36], zero[36] = {0};
    size_t count;
    ms_phase *path = phases_of(o, 20, &count);
    ck_assert_uint_ge(count, 3);
    o->value(o, zero, G);
    double unit = 0;
    for (size_t i = 0; i < 36; i++)
      unit = fmax(unit, fabs(G[i]));
    for (size_t r = 0; r < count; r++) {
      ck_assert_double_eq_tol(path[r].loss, o->value(o, path[r].X, G), 1e-15);
      ms_multiply(false, false, 6, 6, 6, 1, G, path[r].X, 0, GX);
      for (size_t i = 0; i < 36; i++)
        ck_assert_double_eq_tol(GX[i], 0, 1e-6 * unit);
      if (r > 0) {
        ck_assert_double_lt(path[r].loss, path[r - 1].loss);
        ck_assert_uint_le(path[r].rank, path[r - 1].rank + 1);
        ck_assert_uint_ge(path[r].rank, 1);
      }
    }
    const ms_phase *end = &path[count - 1];
    o->value(o, end->X, G);
    /* pull may be 1e-4 of the first one */
    ck_assert_double_le(ms_nuclear_kkt(6, 6, true, end->X, G, 0, unit), 1e-3);
    ms_greedy_free(path, count);
    ms_run_free(run);
  }
}
END_TEST

START_TEST(nothing_to_grow) {
  static const double Z[] = {1, 0, 0, 1}, y[][2] = {{0, 0}, {-1, -2}};
  for (int i = 0; i < 2; i++) {
    pair p = pair_of(2, 2, Z, y[i]);
    size_t count;
    ms_phase *path = phases_of(p.o, 5, &count);
    ck_assert_uint_eq(count, 1);
    ck_assert_uint_eq(path[0].rank, 0);
    ck_assert_double_eq_tol(path[0].loss, i ? 2.5 : 0, 1e-15);
    ck_assert_double_le(path[0].pull, 0);
    ms_greedy_free(path, count);
    done(&p);
  }
}
END_TEST

Suite *greedy_suite(void) {
  Suite *s = suite_create("greedy");
  TCase *tc = tcase_create("paths");
  tcase_add_test(tc, uncoupled_diagonals_are_the_saddle_path);
  tcase_add_test(tc, coupled_diagonals_are_least_squares_on_what_has_entered);
  tcase_add_test(tc, commuting_flows_keep_what_has_grown_and_others_do_not);
  tcase_add_test(tc, phases_are_critical_and_end_at_a_minimum);
  tcase_add_test(tc, nothing_to_grow);
  suite_add_tcase(s, tc);
  return s;
}
