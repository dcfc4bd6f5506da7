/* problem.h and matrix.h: the synthetic problem, real data, losses, passes over Z. */
#include "instances.h"
#include "problem/problem.h"
#include "settings/config.h"
#include "tests.h"
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- Random numbers ------------------------------------------------------------------------- */

static double between(double low, double high) {
  return low + (high - low) * uniform();
}

static void fill(double *values, size_t n) {
  for (size_t i = 0; i < n; i++)
    values[i] = between(-1, 1);
}

static void near(double got, double want, double tolerance, const char *what, size_t i) {
  if (!(got == want || fabs(got - want) <= tolerance))
    ck_abort_msg("%s %zu: %.17g, expected %.17g, difference %.3g, allowed %.3g", what, i, got, want,
                 got - want, tolerance);
}

/* ---- Problems of settings ------------------------------------------------------------------- */

static ms_status build(ms_problem **p, ms_error *err, const char *const *settings) {
  ms_config *cfg = test_config(settings);
  *p = NULL;
  ms_status status = ms_problem_new(p, cfg, err);
  ms_config_free(cfg);
  return status;
}

static ms_problem *good(const char *const *settings) {
  ms_problem *p;
  ms_error err = {0};
  ck_assert_msg(build(&p, &err, settings) == MS_OK, "%s", err.message);
  return p;
}

static void bad(const char *const *settings, ms_status status, const char *start,
                const char *says) {
  ms_problem *p;
  ms_error err = {0};
  ck_assert_int_eq(build(&p, &err, settings), status);
  ck_assert_ptr_null(p);
  ck_assert_int_eq(err.status, status);
  ck_assert_msg(strncmp(err.message, start, strlen(start)) == 0, "%s", err.message);
  ck_assert_msg(strstr(err.message, says) != NULL, "'%s' in: %s", says, err.message);
}

/* The setting of a file with this text. */
static const char *data_of(const char *text) {
  return test_text("data=%s", test_file("data.csv", text));
}

static double element(const ms_matrix *Z, size_t i, size_t j) {
  return Z->values[j * Z->n + i];
}

/* ---- The synthetic problem ------------------------------------------------------------------ */

static bool same(const double *a, const double *b, size_t n) {
  return memcmp(a, b, n * sizeof *a) == 0;
}

START_TEST(same_seed_same_bytes) {
  ms_problem *a = good(WITH("n=17", "d=30", "noise=0.5", "seed=5")),
             *b = good(WITH("seed=5", "noise=0.5", "d=30", "n=17"));
  ck_assert(same(a->Z->values, b->Z->values, 17 * 30));
  ck_assert(same(a->y, b->y, 17) && same(a->truth, b->truth, 30));
  ms_problem_free(b);

  static const char *const seeds[] = {
      "seed=0",         "seed=1", "seed=6", "seed=9007199254740992", "seed=9007199254740991",
      "seed=4294967301"};
  for (size_t i = 0; i < sizeof seeds / sizeof *seeds; i++) {
    b = good(WITH("n=17", "d=30", "noise=0.5", seeds[i]));
    for (size_t k = 0; k < 17 * 30; k++)
      ck_assert_msg(a->Z->values[k] != b->Z->values[k], "%s", seeds[i]);
    ck_assert(!same(a->truth, b->truth, 30));
    ms_problem_free(b);
  }
  ms_problem_free(a);

  /* Many seeds, all different. */
  enum { SEEDS = 500 };
  double first[SEEDS];
  for (int i = 0; i < SEEDS; i++) {
    b = good(WITH("n=1", "d=1", test_text("seed=%d", i)));
    first[i] = b->Z->values[0];
    for (int k = 0; k < i; k++)
      if (first[k] == first[i])
        ck_abort_msg("seeds %d and %d", k, i);
    ms_problem_free(b);
  }

  a = good(WITH("n=4", "d=5"));
  b = good(WITH("n=4", "d=5", "seed=1"));
  ck_assert(same(a->Z->values, b->Z->values, 20));
  ms_problem_free(a);
  ms_problem_free(b);
}
END_TEST

/* The streams are independent: one setting does not move what the others made. */
START_TEST(streams) {
  ms_problem *a = good(WITH("n=20", "d=30", "noise=1")), *b = good(WITH("n=20", "d=30", "noise=3")),
             *c = good(WITH("n=20", "d=30", "noise=1", "sparsity=9"));
  double clean[20];
  ms_matrix_mul(a->Z, a->truth, clean);
  ck_assert(same(a->Z->values, b->Z->values, 600) && same(a->Z->values, c->Z->values, 600));
  ck_assert(same(a->truth, b->truth, 30));
  for (size_t i = 0; i < 20; i++)
    near(b->y[i] - clean[i], 3 * (a->y[i] - clean[i]), 1e-13, "noise", i);
  ms_matrix_mul(c->Z, c->truth, clean);
  double before[20];
  ms_matrix_mul(a->Z, a->truth, before);
  for (size_t i = 0; i < 20; i++) {
    near(c->y[i] - clean[i], a->y[i] - before[i], 1e-13, "noise", i);
    /* ... and the noise is not the data over again. */
    for (size_t k = 0; k < 600; k++)
      ck_assert(fabs(a->y[i] - before[i] - a->Z->values[k]) > 1e-13);
  }
  ms_problem_free(a);
  ms_problem_free(b);
  ms_problem_free(c);
}
END_TEST

START_TEST(y_is_Z_truth_plus_noise) {
  enum { N = 4000, D = 12 };
  for (int noisy = 0; noisy < 2; noisy++) {
    ms_problem *p = good(WITH("n=4000", "d=12", noisy ? "noise=0.25" : "noise=0"));
    ck_assert(p->Z->n == N && p->Z->d == D);
    ck_assert(!p->names && !p->reading.target);
    ck_assert_str_eq(p->loss->name, "squared");
    double sum = 0, squares = 0;
    for (size_t i = 0; i < N; i++) {
      double clean = 0;
      for (size_t j = 0; j < D; j++)
        clean += element(p->Z, i, j) * p->truth[j];
      if (!noisy)
        near(p->y[i], clean, 1e-14, "y", i);
      sum += p->y[i] - clean;
      squares += (p->y[i] - clean) * (p->y[i] - clean);
    }
    if (noisy) {
      near(sum / N, 0, 5 * 0.25 / sqrt(N), "mean of the noise", 0);
      near(sqrt(squares / N), 0.25, 5 * 0.25 / sqrt(2 * N), "sigma of the noise", 0);
    }
    ms_problem_free(p);
  }
}
END_TEST

/* With --stream columns a column is the same however many there are. */
START_TEST(columns_of_their_own) {
  ms_problem *few = good(WITH("n=7", "d=3", "stream=columns")),
             *many = good(WITH("n=7", "d=40", "stream=columns")),
             *again = good(WITH("n=7", "d=40", "stream=columns", "noise=1")),
             *other = good(WITH("n=7", "d=40", "stream=columns", "seed=2")),
             *one = good(WITH("n=7", "d=40"));
  ck_assert(same(few->Z->values, many->Z->values, 21));
  ck_assert(same(again->Z->values, many->Z->values, 280));
  ck_assert(same(one->truth, many->truth, 40)); /* that is another stream */
  for (size_t k = 0; k < 280; k++) {
    ck_assert(many->Z->values[k] != other->Z->values[k]);
    for (size_t i = 0; i < k; i++)
      ck_assert(many->Z->values[k] != many->Z->values[i]);
  }
  ms_problem_free(few);
  ms_problem_free(many);
  ms_problem_free(again);
  ms_problem_free(other);
  ms_problem_free(one);
}
END_TEST

START_TEST(gaussian_moments) {
  ms_problem *p = good(WITH("n=400", "d=500", _i == 0 ? "stream=one" : "stream=columns"));
  double N = 400 * 500, moment[5] = {0}, within = 0, lagged = 0, across = 0;
  for (size_t i = 0; i < 400 * 500; i++) {
    double z = p->Z->values[i], power = 1;
    for (int k = 1; k < 5; k++)
      moment[k] += (power *= z) / N;
    within += (fabs(z) < 1) / N;
    if (i >= 1)
      lagged += z * p->Z->values[i - 1] / N;
    if (i >= 400)
      across += z * p->Z->values[i - 400] / N;
  }
  near(moment[1], 0, 5 * sqrt(1 / N), "mean", 1);
  near(moment[2], 1, 5 * sqrt(2 / N), "second moment", 2);
  near(moment[3], 0, 5 * sqrt(15 / N), "third moment", 3);
  near(moment[4], 3, 5 * sqrt(96 / N), "fourth moment", 4);
  near(within, erf(sqrt(0.5)), 5 * sqrt(0.22 / N), "part within one sigma", 0);
  near(lagged, 0, 5 * sqrt(1 / N), "correlation of neighbours", 0);
  near(across, 0, 5 * sqrt(1 / N), "correlation of columns", 0);
  ms_problem_free(p);
}
END_TEST

static size_t non_zeros(const ms_problem *p) {
  size_t count = 0;
  for (size_t j = 0; j < p->Z->d; j++) {
    double value = p->truth[j];
    ck_assert_msg(value == 0 || fabs(value) == 1, "%g", value);
    count += value != 0;
  }
  return count;
}

START_TEST(sparsity) {
  static const struct {
    const char *d, *k;
    size_t count;
  } cases[] = {
      {"d=30", "sparsity=0", 0},   {"d=30", "sparsity=1", 1}, {"d=30", "sparsity=17", 17},
      {"d=30", "sparsity=30", 30}, {"d=30", "noise=0", 5},    {"d=3", "noise=0", 3},
      {"d=1", "sparsity=1", 1},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ms_problem *p = good(WITH("n=6", cases[i].d, cases[i].k));
    ck_assert_uint_eq(non_zeros(p), cases[i].count);
    for (size_t r = 0; r < 6 && cases[i].count == 0; r++)
      ck_assert(p->y[r] == 0);
    ms_problem_free(p);
  }
  bad(WITH("d=30", "sparsity=31"), MS_BAD_SETTING, "--sparsity: ", "at most d = 30");
  bad(WITH("sparsity=101"), MS_BAD_SETTING, "--sparsity: '101'", "at most d = 100");
}
END_TEST

/* Every subset and both signs are equally likely. */
START_TEST(truth_is_uniform) {
  enum { D = 6 };
  const int seeds = test_quick() ? 300 : 3000;
  double count[D] = {0}, pairs = 0, positive = 0;
  for (int seed = 0; seed < seeds; seed++) {
    ms_problem *p = good(WITH("n=1", "d=6", "sparsity=2", test_text("seed=%d", seed)));
    for (size_t j = 0; j < D; j++) {
      count[j] += p->truth[j] != 0;
      positive += p->truth[j] > 0;
    }
    pairs += p->truth[0] != 0 && p->truth[5] != 0;
    ms_problem_free(p);
  }
  for (size_t j = 0; j < D; j++)
    near(count[j], seeds / 3.0, 5 * sqrt(seeds * 2 / 9.0), "times chosen", j);
  near(pairs, seeds / 15.0, 5 * sqrt(seeds / 15.0), "times chosen together", 0);
  near(positive, seeds, 5 * sqrt(seeds / 2.0), "positive", 0);
}
END_TEST

START_TEST(one_by_one) {
  ms_problem *p = good(WITH("n=1", "d=1"));
  ck_assert(p->y[0] == p->Z->values[0] * p->truth[0]);
  ck_assert(fabs(p->truth[0]) == 1);
  ms_problem_free(p);
  ms_problem_free(NULL);
}
END_TEST

START_TEST(only_with_data) {
  bad(WITH("target=y"), MS_BAD_SETTING, "--target: ", "--data");
  bad(WITH("standardize=on"), MS_BAD_SETTING, "--standardize: ", "--data");
  ms_problem_free(good(WITH("standardize=off")));
}
END_TEST

/* ---- Real data ------------------------------------------------------------------------------ */

START_TEST(target_is_the_first_or_the_named_column) {
  const char *data = data_of("y,a,b\n1,2,3\n4,5,6\n");
  ms_problem *p = good(WITH(data));
  ck_assert(p->Z->n == 2 && p->Z->d == 2 && !p->truth);
  ck_assert_str_eq(p->reading.target, "y");
  ck_assert_str_eq(p->names[0], "a");
  ck_assert_str_eq(p->names[1], "b");
  ck_assert(same(p->y, (double[]){1, 4}, 2));
  ck_assert(same(p->Z->values, (double[]){2, 5, 3, 6}, 4));
  ms_problem_free(p);

  p = good(WITH(data, "target=a"));
  ck_assert_str_eq(p->reading.target, "a");
  ck_assert_str_eq(p->names[0], "y");
  ck_assert_str_eq(p->names[1], "b");
  ck_assert(same(p->y, (double[]){2, 5}, 2));
  ck_assert(same(p->Z->values, (double[]){1, 4, 3, 6}, 4));
  ms_problem_free(p);

  p = good(WITH(data, "target=b"));
  ck_assert(same(p->y, (double[]){3, 6}, 2));
  ck_assert(same(p->Z->values, (double[]){1, 4, 2, 5}, 4));
  ms_problem_free(p);
}
END_TEST

START_TEST(quoted_names_and_line_ends) {
  const char *data = data_of("\"out, put\",\"a \"\"b\"\"\",c\r\n1,2,3\r\n4,5,6\r\n");
  ms_problem *p = good(WITH(data, "target=a \"b\""));
  ck_assert_str_eq(p->reading.target, "a \"b\"");
  ck_assert_str_eq(p->names[0], "out, put");
  ck_assert_str_eq(p->names[1], "c");
  ck_assert(same(p->y, (double[]){2, 5}, 2));
  ms_problem_free(p);
  p = good(WITH(data, "target=out, put"));
  ck_assert(same(p->y, (double[]){1, 4}, 2));
  ms_problem_free(p);
}
END_TEST

START_TEST(bad_data) {
  const char *path = test_path("data.csv"), *data = data_of("price,area,rooms\n1,2,3\n4,5,6\n");
  bad(WITH(data, "target=aera"), MS_BAD_SETTING, "--target: 'aera'", "did you mean 'area'?");
  bad(WITH(data, "target=xyzzy"), MS_BAD_SETTING, "--target: 'xyzzy' is no column of ", path);
  bad(WITH(data, "target=Area"), MS_BAD_SETTING, "--target: ", "did you mean 'area'?");
  test_refused("diag", WITH(data, "n=3"),
               "--n: has no effect with --model diag; it belongs to data drawn at random");
  test_refused("diag", WITH(data, "d=3"), "--d: has no effect");
  test_refused("diag", WITH(data, "sparsity=2"), "--sparsity: has no effect");
  test_refused("diag", WITH(data, "noise=0"), "--noise: has no effect");
  ms_problem_free(good(WITH(data, "seed=3")));

  bad(WITH(data_of("y\n1\n2\n")), MS_BAD_INPUT, test_text("%s:1:1: ", path),
      "features are missing");
  bad(WITH(data_of("y,a\n1,2\n3,x\n")), MS_BAD_INPUT, test_text("%s:3:3: ", path), "'x'");
  unlink(path);
  bad(WITH(data), MS_BAD_INPUT, path, "");
}
END_TEST

START_TEST(one_sample_one_feature) {
  const char *data = data_of("y,a\n3,7\n");
  ms_problem *p = good(WITH(data));
  ck_assert(p->Z->n == 1 && p->Z->d == 1 && p->y[0] == 3 && p->Z->values[0] == 7);
  ms_problem_free(p);
  p = good(WITH(data, "standardize=on"));
  ck_assert(p->y[0] == 0 && p->Z->values[0] == 0);
  ms_problem_free(p);
}
END_TEST

static void mean_and_variance(const double *column, size_t n, double *mean, double *variance) {
  long double sum = 0, squares = 0;
  for (size_t i = 0; i < n; i++)
    sum += column[i];
  for (size_t i = 0; i < n; i++)
    squares += (column[i] - sum / n) * (column[i] - sum / n);
  *mean = (double)(sum / n);
  *variance = (double)(squares / n);
}

START_TEST(standardized) {
  enum { N = 50 };
  double raw[3][N];
  const char *text = "y,wide,far,constant,zero\n";
  for (int i = 0; i < N; i++) {
    raw[0][i] = between(5, 9);
    raw[1][i] = between(-1e6, 3e6);
    raw[2][i] = 1e4 + between(0, 1e-2);
    text = test_text("%s%.17g,%.17g,%.17g,0.1,0\n", text, raw[0][i], raw[1][i], raw[2][i]);
  }
  const char *data = data_of(text);
  ms_problem *p = good(WITH(data, "standardize=on"));
  double mean, variance, raw_mean, raw_variance;
  mean_and_variance(raw[0], N, &raw_mean, &raw_variance);
  mean_and_variance(p->y, N, &mean, &variance);
  near(mean, 0, 1e-14, "mean of y", 0);
  near(variance, raw_variance, 1e-12, "variance of y is its own", 0);
  for (size_t j = 0; j < 2; j++) {
    mean_and_variance(raw[j + 1], N, &raw_mean, &raw_variance);
    mean_and_variance(p->Z->values + j * N, N, &mean, &variance);
    near(mean, 0, j ? 1e-9 : 1e-14, "mean", j); /* `far` has lost six digits already */
    near(variance, 1, 1e-12, "variance", j);
    for (size_t i = 0; i < N; i++)
      near(element(p->Z, i, j), (raw[j + 1][i] - raw_mean) / sqrt(raw_variance), j ? 1e-8 : 1e-13,
           "feature", i);
  }
  for (size_t i = 0; i < N; i++)
    ck_assert(element(p->Z, i, 2) == 0 && element(p->Z, i, 3) == 0);
  ms_problem_free(p);

  /* Without it nothing is changed. */
  p = good(WITH(data));
  ck_assert(same(p->y, raw[0], N) && same(p->Z->values, raw[1], N));
  ms_problem_free(p);
}
END_TEST

static const char *save(const char *name, const char *order, const char *shape,
                        const double *values, size_t count) {
  enum { HEADER = 128 };
  char bytes[HEADER + 8 * sizeof *values];
  ck_assert_uint_le(count, 8);
  memcpy(bytes,
         test_text("\x93NUMPY\1%c%c%c%-117s\n", 0, HEADER - 10, 0,
                   test_text("{'descr': '<f8', 'fortran_order': %s, 'shape': %s, }", order, shape)),
         HEADER);
  memcpy(bytes + HEADER, values, count * sizeof *values);
  return test_bytes(name, bytes, HEADER + count * sizeof *values);
}

/* Z as .npy is that of the table, centred and scaled like it. */
START_TEST(numpy_data) {
  const char *data = data_of("y,a,b\n1,2,3\n4,5,9\n-2,7,1\n"), *Z = test_path("Z.npy"),
             *y = save("y.npy", "False", "(3,)", (double[]){1, 4, -2}, 3),
             *Z_set = test_text("data=%s", Z), *y_set = test_text("target=%s", y);
  for (int k = 0; k < 4; k++) {
    if (k < 2)
      save("Z.npy", "False", "(3, 2)", (double[]){2, 3, 5, 9, 7, 1}, 6);
    else
      save("Z.npy", "True", "(3, 2)", (double[]){2, 5, 7, 3, 9, 1}, 6);
    const char *standardize = k % 2 ? "standardize=on" : "standardize=off";
    ms_problem *table = good(WITH(data, standardize)), *p = good(WITH(Z_set, y_set, standardize));
    ck_assert(p->Z->n == 3 && p->Z->d == 2 && !p->truth && !p->names);
    ck_assert(same(p->Z->values, table->Z->values, 6) && same(p->y, table->y, 3));
    ms_problem_free(p);
    ms_problem_free(table);
  }
  bad(WITH(Z_set), MS_BAD_SETTING, Z, "a .npy file has no target");
  bad(WITH(Z_set, y_set, "loss=logistic"), MS_BAD_INPUT, y, "target 4 in row 2");
  test_refused("diag", WITH(Z_set, y_set, "stream=columns"), "--stream: has no effect");
  save("y.npy", "False", "(2,)", (double[]){1, 4}, 2);
  bad(WITH(Z_set, y_set), MS_BAD_INPUT, y, "has 2 numbers");
}
END_TEST

/* The mean of many equal numbers is not exactly that number. */
START_TEST(long_constant_columns) {
  enum { N = 30000, LINE = 24 };
  char *text = test_keep(calloc(N + 1, LINE)), *end = text + sprintf(text, "y,a,b\n");
  for (int i = 0; i < N; i++)
    end += sprintf(end, "%d,0.1,-1234567.7\n", i);
  ms_problem *p = good(WITH(data_of(text), "standardize=on"));
  for (size_t i = 0; i < 2 * N; i++)
    ck_assert_msg(p->Z->values[i] == 0, "a constant became %g", p->Z->values[i]);
  ms_problem_free(p);
}
END_TEST

/* ---- Losses --------------------------------------------------------------------------------- */

static const double STEP = 1e-3;

static void check_derivatives(const ms_loss *loss, double z, double y, size_t k) {
  double slope = 0, curvature = 0;
  for (int q = 0; q < TEST_STENCIL; q++) {
    slope += test_weight[q] * ms_loss_value(loss, z + test_at[q] * STEP, y) / STEP;
    curvature += test_weight[q] * ms_loss_slope(loss, z + test_at[q] * STEP, y) / STEP;
  }
  near(slope, ms_loss_slope(loss, z, y), 1e-10, "slope of loss", k);
  near(curvature, ms_loss_curvature(loss, z, y), 1e-10, "curvature of loss", k);
}

START_TEST(losses) {
  for (size_t k = 0; ms_loss_at(k); k++) {
    const ms_loss *loss = ms_loss_at(k);
    ck_assert(loss->name && loss->summary);
    ck_assert_ptr_null(ms_loss_at(k + 100));
    if (!loss->value) /* a formula */
      continue;
    for (int i = 0; i < 500; i++) {
      double y = between(-3, 3), z = between(-4, 4);
      if (strcmp(loss->name, "squared") == 0) {
        near(ms_loss_value(loss, z, y), 0.5 * (z * z - 2 * z * y + y * y), 1e-13, "squared", k);
        near(ms_loss_value(loss, y, y), 0, 0, "squared", k);
      } else if (loss->target && !loss->target(&y)) {
        y = between(-3, 3) < 0 ? 0 : 1; /* a class, and a count */
        ck_assert(loss->target(&y));
      }
      if (strcmp(loss->name, "huber") == 0 && fabs(fabs(z - y) - 1) < 3 * STEP)
        continue; /* at its kinks differences are neither side's derivative */
      check_derivatives(loss, z, y, k);
      ck_assert(ms_loss_value(loss, z, y) >= 0 && ms_loss_curvature(loss, z, y) >= 0);
    }
  }
}
END_TEST

START_TEST(loss_of_a_problem) {
  for (size_t k = 0; ms_loss_at(k); k++) {
    const char *text = test_text("loss=%s", ms_loss_at(k)->name);
    bool custom = !ms_loss_at(k)->value;
    ms_problem *p =
        good(WITH("n=7", "d=3", "noise=1", text, custom ? "loss-formula=log(cosh(z - y))" : NULL));
    ck_assert_ptr_eq(p->loss, custom ? &p->custom : ms_loss_at(k));
    double Zx[7], r[7], c[7], sum = 0;
    fill(Zx, 7);
    for (size_t i = 0; i < 7 && !strcmp(p->loss->name, "squared"); i++)
      sum += (Zx[i] - p->y[i]) * (Zx[i] - p->y[i]) / 14;
    if (!strcmp(p->loss->name, "squared"))
      near(ms_problem_loss(p, Zx), sum, 1e-14, "loss", k);
    ms_problem_slope(p, Zx, r);
    ms_problem_curvature(p, Zx, c);
    for (size_t i = 0; i < 7; i++) {
      double z = Zx[i], slope = 0, curvature = 0, slopes[7];
      for (int q = 0; q < TEST_STENCIL; q++) {
        Zx[i] = z + test_at[q] * STEP;
        slope += test_weight[q] * ms_problem_loss(p, Zx) / STEP;
        ms_problem_slope(p, Zx, slopes);
        curvature += test_weight[q] * slopes[i] / STEP;
      }
      Zx[i] = z;
      near(slope, r[i], 1e-10, "slope", i);
      near(curvature, c[i], 1e-10, "curvature", i);
    }
    ms_problem_free(p);
  }
}
END_TEST

/* A formula is the loss it spells; elsewhere its derivatives are those of its differences. */
START_TEST(loss_formulas) {
  static const struct {
    const char *name, *formula;
    double part; /* of what is spelled that the formula is */
  } cases[] = {
      {"squared", "(z-y)^2/2", 1},
      {"huber", "min(abs(z-y), 1)*(abs(z-y) - min(abs(z-y), 1)/2)", 1},
      {"logistic", "log(1 + exp(-y*z))", 1},
      {"logistic", "log(1 + exp(z)) - (y+1)/2*z", 1},
      {"exponential", "2*exp(-y*z)", 2},
      {"poisson", "exp(z) - y*z - y + y*log(y)", 1},
      {NULL, "log(cosh(z-y))", 1},
      {NULL, "sqrt(1 + (z-y)^2) - 1", 1},
      {NULL, "log(1 + (z-y)^2)", 1},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    const char *text = test_text("loss-formula=%s", cases[k].formula);
    const char *data = data_of("y,a\n0.4,1\n1,2\n2,1\n");
    ms_problem *p = good(WITH(data, "loss=custom", text));
    const ms_loss *same = NULL, *loss = p->loss;
    for (size_t i = 0; cases[k].name && ms_loss_at(i); i++)
      if (strcmp(ms_loss_at(i)->name, cases[k].name) == 0)
        same = ms_loss_at(i);
    for (int i = 0; i < 300; i++) {
      double y = between(0.5, 3), z = between(-4, 4), c = cases[k].part;
      if (same && same->target && !same->target(&y))
        y = i % 2 ? 1 : -1;
      if (same) {
        near(ms_loss_value(loss, z, y), c * ms_loss_value(same, z, y), 1e-12, text, k);
        near(ms_loss_slope(loss, z, y), c * ms_loss_slope(same, z, y), 1e-12, text, k);
        near(ms_loss_curvature(loss, z, y), c * ms_loss_curvature(same, z, y), 1e-12, text, k);
        continue;
      }
      check_derivatives(loss, z, y, k);
    }
    ms_problem_free(p);
  }
}
END_TEST

/* Where a formula is least, how low f can be, and where it is not convex. */
START_TEST(least_of_a_loss) {
  const char *data = data_of("y,a\n0.5,1\n2,1\n");
  ms_problem *p = good(WITH(data, "loss=custom", "loss-formula=exp(z) - y*z"));
  for (int i = 0; i < 2; i++)
    near(ms_loss_least(p->loss, p->y[i]), log(p->y[i]), 1e-14, "least", 0);
  near(ms_problem_floor(p), (0.5 - 0.5 * log(0.5) + 2 - 2 * log(2)) / 2, 1e-14, "floor", 0);
  ck_assert_uint_eq(ms_problem_concave(p, (const double[]){-9, 9}), 2);
  ms_problem_free(p);
  p = good(WITH(data, "loss=custom", "loss-formula=log(1 + (z-y)^2) - 7"));
  near(ms_loss_least(p->loss, 2), 2, 1e-14, "least", 1);
  near(ms_problem_floor(p), -7, 1e-14, "floor", 1);
  ck_assert_uint_eq(ms_problem_concave(p, (const double[]){1.4, 2.9}), 2);
  ck_assert_uint_eq(ms_problem_concave(p, (const double[]){1.4, 3.1}), 1);
  ms_problem_free(p);
  p = good(WITH(data, "loss=custom", "loss-formula=log(cosh(z)) - z")); /* overflows */
  ms_problem_free(p);
  p = good(WITH(data, "loss=custom", "loss-formula=log(1 + exp(-y*z))"));
  ck_assert_double_gt(ms_loss_least(p->loss, 2), 300); /* for ever, as far as it can be told */
  ms_problem_free(p);
  ms_problem *squared = good(WITH("n=3", "d=2"));
  ck_assert(ms_problem_floor(squared) == 0);
  near(ms_loss_least(squared->loss, -3), -3, 1e-14, "least", 2);
  ms_problem_free(squared);
}
END_TEST

/* y is centred where the formula goes by z - y. */
START_TEST(centred_for_a_formula) {
  const char *data = data_of("y,a\n0,1\n1,2\n1,4\n");
  ms_problem *p = good(WITH(data, "standardize=on", "loss=custom", "loss-formula=log(cosh(y-z))"));
  near(p->y[0], -2.0 / 3, 1e-15, "y", 0);
  ms_problem_free(p);
  p = good(WITH(data, "standardize=on", "loss=custom", "loss-formula=log(1 + exp(z)) - y*z"));
  near(p->y[0], 0, 0, "y", 0);
  ms_problem_free(p);
}
END_TEST

START_TEST(what_is_no_loss) {
  static const struct {
    const char *loss, *formula, *part;
  } cases[] = {
      {"custom", "", "--loss custom needs --loss-formula"},
      {"squared", "z^2", "--loss-formula: goes with --loss custom, not with 'squared'"},
      {"custom", "(z-y)^", "--loss-formula:7: "},
      {"custom", "log(cosh(z-x))",
       "--loss-formula:12: variable 'x' is not known (did you mean 'z'?); allowed: z, y"},
      {"custom", "lgo(z)", "--loss-formula:1: function 'lgo' is not known (did you mean 'log'?)"},
      {"custom", "y^2", "'y^2' does not depend on the prediction z"},
      {"custom", "log(z-y)", "no finite numbers at z = 0, y = 2 (sample 1)"},
      {"custom", "abs(z-y)", "has a kink at z = 2, y = 2 (sample 1)"},
      {"custom", "max(0, 1-y*z)", "has a kink at z = 0.5, y = 2 (sample 1)"},
      {"custom", "(z-y)^2 + 0.01*abs(z-y)", "has a kink at z = 2"},
      {"custom", "max(0.3*(z-y), 0.7*(y-z))", "has a kink at z = 2"},
  };
  const char *data = data_of("y,a\n2,1\n3,1\n");
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    ms_problem *p;
    ms_error err = {0};
    ck_assert_int_eq(build(&p, &err,
                           WITH(data, test_text("loss=%s", cases[k].loss),
                                test_text("loss-formula=%s", cases[k].formula))),
                     MS_BAD_SETTING);
    ck_assert_msg(strstr(err.message, cases[k].part) != NULL, "%s", err.message);
  }
}
END_TEST

/* ---- As few equations as there are -------------------------------------------------------- */

static ms_problem *reduced(const ms_problem *p) {
  ms_problem *core = NULL;
  ms_error err = {0};
  ck_assert_msg(ms_problem_reduce(&core, p, &err) == MS_OK, "%s", err.message);
  return core;
}

/* The same gradient and, up to a constant, the same loss at any x; orthogonal rows. */
static void check_reduced(const ms_problem *p, size_t rank) {
  ms_problem *core = reduced(p);
  ck_assert_ptr_nonnull(core);
  size_t n = p->Z->n, d = p->Z->d;
  ck_assert_uint_eq(core->Z->n, rank);
  ck_assert_uint_eq(core->Z->d, d);
  ck_assert(core->samples == (double)n);
  double *x = ms_doubles(d), *Zx = ms_doubles(n), *r = ms_doubles(n), *g = ms_doubles(d),
         *core_g = ms_doubles(d), constant = NAN, size = ms_matrix_norm(p->Z);
  for (int k = 0; k < 5; k++) {
    if (k > 0)
      fill(x, d);
    ms_matrix_mul(p->Z, x, Zx);
    double loss = ms_problem_loss(p, Zx);
    ms_problem_slope(p, Zx, r);
    ms_matrix_tmul(p->Z, r, g);
    ms_matrix_mul(core->Z, x, Zx);
    double core_loss = ms_problem_loss(core, Zx);
    ms_problem_slope(core, Zx, r);
    ms_matrix_tmul(core->Z, r, core_g);
    for (size_t j = 0; j < d; j++)
      near(core_g[j], g[j], 1e-12 * size * size, "gradient", j);
    if (k == 0)
      constant = loss - core_loss;
    near(loss - core_loss, constant, 1e-12 * size * size, "difference of the losses", 0);
    ck_assert(constant > -1e-12 * size * size);
  }
  for (size_t i = 0; i < rank; i++)
    for (size_t k = 0; k < i; k++) {
      double dot = 0;
      for (size_t j = 0; j < d; j++)
        dot += element(core->Z, i, j) * element(core->Z, k, j);
      near(dot, 0, 1e-12 * size * size, "product of rows", i);
    }
  free(x);
  free(Zx);
  free(r);
  free(g);
  free(core_g);
  ms_problem_free(core);
}

START_TEST(reduced_problems) {
  static const struct {
    const char *n, *d;
    size_t rank;
  } cases[] = {{"n=1", "d=1", 1}, {"n=8", "d=20", 8}, {"n=50", "d=6", 6}, {"n=12", "d=12", 12}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ms_problem *p = good(WITH(cases[i].n, cases[i].d, "noise=1"));
    check_reduced(p, cases[i].rank);
    ms_problem_free(p);
  }

  /* A row twice with two answers, another the sum of two, one of zeros. */
  ms_problem *p = good(WITH("n=10", "d=20", "noise=1"));
  for (size_t j = 0; j < 20; j++) {
    double *column = p->Z->values + j * 10;
    column[3] = column[0];
    column[5] = column[1] + column[2];
    column[7] = 0;
  }
  check_reduced(p, 7);

  /* Nothing is left of a matrix of zeros. */
  memset(p->Z->values, 0, 10 * 20 * sizeof(double));
  ck_assert_ptr_null(reduced(p));
  ms_problem_free(p);

  p = good(WITH("n=800", "d=900"));
  ck_assert_ptr_null(reduced(p)); /* too large */
  ms_problem_free(p);
}
END_TEST

/* ---- Matrices ------------------------------------------------------------------------------- */

static const struct {
  size_t n, d;
} sizes[] = {
    {1, 1},   {1, 9},    {9, 1},     {3, 5},     {40, 100},
    {57, 13}, {64, 700}, {3, 17000}, {17000, 3}, {5, 16384},
};
enum { SIZES = sizeof sizes / sizeof *sizes };

static ms_matrix *random_matrix(size_t n, size_t d) {
  ms_matrix *Z = NULL;
  ms_error err;
  ck_assert_int_eq(ms_matrix_new(&Z, n, d, &err), MS_OK);
  size_t set = 0;
  for (size_t i = 0; i < n * d; i++)
    set += Z->values[i] != 0;
  ck_assert_uint_eq(set, 0);
  fill(Z->values, n * d);
  return Z;
}

static void naive_mul(const ms_matrix *Z, const double *x, double *out) {
  for (size_t i = 0; i < Z->n; i++) {
    long double sum = 0;
    for (size_t j = 0; j < Z->d; j++)
      sum += (long double)element(Z, i, j) * x[j];
    out[i] = (double)sum;
  }
}

static void naive_tmul(const ms_matrix *Z, const double *v, double *out) {
  for (size_t j = 0; j < Z->d; j++) {
    long double sum = 0;
    for (size_t i = 0; i < Z->n; i++)
      sum += (long double)element(Z, i, j) * v[i];
    out[j] = (double)sum;
  }
}

START_TEST(products) {
  for (size_t k = 0; k < SIZES; k++) {
    size_t n = sizes[k].n, d = sizes[k].d;
    ms_matrix *Z = random_matrix(n, d);
    double *x = ms_doubles(d), *v = ms_doubles(n), *got = ms_doubles(n + d),
           *want = ms_doubles(n + d);
    fill(x, d);
    fill(v, n);
    fill(got, n + d); /* what was there before does not matter */
    naive_mul(Z, x, want);
    ms_matrix_mul(Z, x, got);
    for (size_t i = 0; i < n; i++)
      near(got[i], want[i], 1e-15 * (double)(d + 10), "Zx", i);
    naive_tmul(Z, v, want);
    ms_matrix_tmul(Z, v, got);
    for (size_t j = 0; j < d; j++)
      near(got[j], want[j], 1e-15 * (double)(n + 10), "Z'v", j);
    free(x);
    free(v);
    free(got);
    free(want);
    ms_matrix_free(Z);
  }
  ms_matrix_free(NULL);
}
END_TEST

/* The map: u -> u^3 + index, with a record of which coordinates it saw. */
typedef struct seen {
  size_t next, d, stop_at, blocks;
  double *u;
} seen;

static double cube(double u, size_t j) {
  return u * u * u + (double)(j % 7);
}

static int cubes(void *ctx, size_t first, size_t count, double *u) {
  seen *s = ctx;
  ck_assert_uint_eq(first, s->next);
  ck_assert_uint_gt(count, 0);
  ck_assert_uint_le(first + count, s->d);
  s->blocks++;
  s->next += count;
  for (size_t i = 0; i < count; i++) {
    s->u[first + i] = u[i];
    u[i] = cube(u[i], first + i);
  }
  return s->next > s->stop_at ? 42 : 0;
}

START_TEST(one_pass) {
  bool several = false;
  for (size_t k = 0; k < SIZES; k++) {
    size_t n = sizes[k].n, d = sizes[k].d;
    ms_matrix *Z = random_matrix(n, d);
    double *v = ms_doubles(n), *u = ms_doubles(d), *x = ms_doubles(d), *got = ms_doubles(n),
           *want = ms_doubles(n);
    fill(v, n);
    fill(got, n);
    seen s = {.d = d, .stop_at = SIZE_MAX, .u = ms_doubles(d)};
    ck_assert_int_eq(ms_matrix_fused(Z, v, cubes, &s, got), 0);
    ck_assert_uint_eq(s.next, d);
    several = several || s.blocks > 1;
    naive_tmul(Z, v, u);
    for (size_t j = 0; j < d; j++) {
      near(s.u[j], u[j], 1e-15 * (double)(n + 10), "Z'v", j);
      x[j] = cube(s.u[j], j);
    }
    naive_mul(Z, x, want);
    double size = 0;
    for (size_t j = 0; j < d; j++)
      size += fabs(x[j]);
    for (size_t i = 0; i < n; i++)
      near(got[i], want[i], 2e-14 * (size + 10), "out", i);

    /* The first map that fails ends it, with what it returned. */
    s.next = s.blocks = s.stop_at = 0;
    ck_assert_int_eq(ms_matrix_fused(Z, v, cubes, &s, got), 42);
    ck_assert_uint_eq(s.blocks, 1);
    free(v);
    free(u);
    free(x);
    free(got);
    free(want);
    free(s.u);
    ms_matrix_free(Z);
  }
  ck_assert(several);
}
END_TEST

START_TEST(weighted_gram) {
  for (size_t k = 0; k < SIZES; k++) {
    size_t n = sizes[k].n, d = sizes[k].d;
    if (n > 1000)
      continue;
    ms_matrix *Z = random_matrix(n, d);
    double *D = ms_doubles(d), *S = ms_doubles(n * n);
    for (int zeros = 0; zeros < 4; zeros++) {
      /* No weight is zero; some are; all but the last are; all are. */
      for (size_t j = 0; j < d; j++)
        D[j] = zeros == 3 || (zeros == 2 && j + 1 < d) || (zeros == 1 && between(0, 1) < 0.6)
                   ? 0
                   : exp(between(-20, 2));
      fill(S, n * n);
      ck_assert_int_eq(ms_matrix_weighted_gram(Z, D, S), 0);
      for (size_t j = 0; j < n; j++)
        for (size_t i = j; i < n; i++) {
          long double sum = 0, size = 0;
          for (size_t c = 0; c < d; c++) {
            sum += (long double)D[c] * element(Z, i, c) * element(Z, j, c);
            size += (long double)D[c];
          }
          near(S[j * n + i], (double)sum, 1e-14 * (double)size, "Z D Z'", j * n + i);
        }
    }
    free(D);
    free(S);
    ms_matrix_free(Z);
  }
}
END_TEST

/* Samples by the ten thousands, where a block is narrower than its least width. */
START_TEST(weighted_gram_of_tall_matrices) {
  enum { N = 2200, D = 70 };
  ms_matrix *Z = random_matrix(N, D);
  double weights[D], *S = ms_doubles((size_t)N * N);
  for (size_t j = 0; j < D; j++)
    weights[j] = j % 3 ? between(0, 2) : 0;
  ck_assert_int_eq(ms_matrix_weighted_gram(Z, weights, S), 0);
  for (size_t j = 0; j < N; j += 97)
    for (size_t i = j; i < N; i += 31) {
      double sum = 0;
      for (size_t c = 0; c < D; c++)
        sum += weights[c] * element(Z, i, c) * element(Z, j, c);
      near(S[j * N + i], sum, 1e-12, "Z D Z'", j * N + i);
    }
  free(S);
  ms_matrix_free(Z);
}
END_TEST

START_TEST(curvature) {
  for (size_t k = 0; k < SIZES; k++) {
    size_t n = sizes[k].n, d = sizes[k].d;
    if (d > 800)
      continue;
    ms_matrix *Z = random_matrix(n, d);
    double *c = ms_doubles(n), *H = ms_doubles(d * d);
    for (size_t i = 0; i < n; i++)
      c[i] = i % 4 == 1 ? 0 : exp(between(-10, 2)) * (k % 2 && i % 3 == 2 ? -1 : 1);
    fill(H, d * d);
    ck_assert_int_eq(ms_matrix_curvature(Z, c, H), 0);
    size_t stride = d > 100 ? 7 : 1;
    for (size_t b = 0; b < d; b += stride)
      for (size_t a = b; a < d; a += stride) {
        long double sum = 0, size = 0;
        for (size_t i = 0; i < n; i++) {
          sum += (long double)c[i] * element(Z, i, a) * element(Z, i, b);
          size += fabsl((long double)c[i]);
        }
        near(H[b * d + a], (double)sum, 1e-13 * (double)size, "Z' C Z", b * d + a);
      }
    free(c);
    free(H);
    ms_matrix_free(Z);
  }
}
END_TEST

START_TEST(norms) {
  for (size_t k = 0; k < SIZES; k++) {
    ms_matrix *Z = random_matrix(sizes[k].n, sizes[k].d);
    double *rows = ms_doubles(Z->n);
    fill(rows, Z->n);
    ms_matrix_row_norms(Z, rows);
    long double all = 0;
    for (size_t i = 0; i < Z->n; i++) {
      long double squares = 0;
      for (size_t j = 0; j < Z->d; j++)
        squares += (long double)element(Z, i, j) * element(Z, i, j);
      all += squares;
      near(rows[i], (double)sqrtl(squares), 1e-12 * rows[i], "norm of row", i);
    }
    near(ms_matrix_norm(Z), (double)sqrtl(all), 1e-12 * (double)sqrtl(all), "norm", k);
    free(rows);
    ms_matrix_free(Z);
  }
}
END_TEST

START_TEST(singular_values) {
  for (size_t q = 0; q < SIZES; q++) {
    size_t n = sizes[q].n, d = sizes[q].d, k = MS_MIN(n, d);
    if (n * d > 10000)
      continue;
    ms_matrix *Z = random_matrix(n, d);
    double *U = ms_doubles(n * k), *sigma = ms_doubles(k), *Vt = ms_doubles(k * d);
    ck_assert_int_eq(ms_matrix_svd(Z, U, sigma, Vt), 0);
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < d; j++) {
        double sum = 0;
        for (size_t r = 0; r < k; r++)
          sum += U[r * n + i] * sigma[r] * Vt[j * k + r];
        near(sum, element(Z, i, j), 1e-13, "U S V'", j * n + i);
      }
    for (size_t r = 0; r < k; r++) {
      ck_assert(sigma[r] >= 0 && (r == 0 || sigma[r] <= sigma[r - 1]));
      for (size_t s = 0; s <= r; s++) {
        double left = 0, right = 0;
        for (size_t i = 0; i < n; i++)
          left += U[r * n + i] * U[s * n + i];
        for (size_t j = 0; j < d; j++)
          right += Vt[j * k + r] * Vt[j * k + s];
        near(left, r == s, 1e-13, "U'U", r);
        near(right, r == s, 1e-13, "V'V", r);
      }
    }
    free(U);
    free(sigma);
    free(Vt);
    ms_matrix_free(Z);
  }
}
END_TEST

START_TEST(no_matrix_without_memory) {
  ms_matrix *Z = NULL;
  ms_error err = {0};
  ck_assert_int_eq(ms_matrix_new(&Z, (size_t)1 << 40, 1, &err), MS_NO_MEMORY);
  ck_assert_int_eq(ms_matrix_new(&Z, 1, (size_t)1 << 40, NULL), MS_NO_MEMORY);
  ck_assert_int_eq(err.status, MS_NO_MEMORY);
  ck_assert_ptr_null(Z);
}
END_TEST

/* M x = b for M = A A' + I, whose upper triangle is no one's business. */
START_TEST(positive_definite_systems) {
  static const size_t orders[] = {1, 2, 7, 60, 150};
  for (size_t k = 0; k < 5; k++) {
    size_t n = orders[k];
    double *A = ms_doubles(n * n), *M = ms_doubles(n * n), *L = ms_doubles(n * n),
           *x = ms_doubles(n), *b = ms_doubles(n);
    fill(A, n * n);
    fill(x, n);
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < n; j++) {
        M[j * n + i] = i == j;
        for (size_t c = 0; c < n; c++)
          M[j * n + i] += A[c * n + i] * A[c * n + j];
      }
    for (size_t i = 0; i < n; i++)
      for (size_t j = 0; j < n; j++) {
        b[i] += M[j * n + i] * x[j];
        L[j * n + i] = i >= j ? M[j * n + i] : NAN;
      }
    ck_assert_int_eq(ms_spd_factor(n, L), 0);
    for (int again = 0; again < 2; again++) {
      double *solution = ms_doubles(n);
      memcpy(solution, b, n * sizeof *b);
      ms_spd_solve(n, L, solution);
      for (size_t i = 0; i < n; i++)
        near(solution[i], x[i], 1e-11, "solution", i);
      free(solution);
    }
    M[(n / 2) * n + n / 2] = -1;
    ck_assert_int_ne(ms_spd_factor(n, M), 0);
    free(A);
    free(M);
    free(L);
    free(x);
    free(b);
  }
}
END_TEST

START_TEST(eigenvalues) {
  enum { N = 12 };
  double M[N * N], V[N * N], values[N];
  for (size_t j = 0; j < N; j++)
    for (size_t i = j; i < N; i++)
      M[j * N + i] = M[i * N + j] = between(-1, 1);
  for (size_t j = 0; j < N; j++)
    for (size_t i = 0; i < N; i++)
      V[j * N + i] = i >= j ? M[j * N + i] : NAN;
  ck_assert_int_eq(ms_symmetric_eigen(N, V, values), 0);
  for (size_t k = 0; k < N; k++) {
    ck_assert(k == 0 || values[k] >= values[k - 1]);
    for (size_t i = 0; i < N; i++) {
      double product = 0, dot = 0;
      for (size_t j = 0; j < N; j++) {
        product += M[j * N + i] * V[k * N + j];
        dot += V[i * N + j] * V[k * N + j];
      }
      near(product, values[k] * V[k * N + i], 1e-13, "M v", k);
      near(dot, i == k, 1e-13, "V'V", k);
    }
  }
}
END_TEST

Suite *problem_suite(void) {
  Suite *suite = suite_create("problem");
  TCase *tc = tcase_create("problem");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, same_seed_same_bytes);
  tcase_add_test(tc, streams);
  tcase_add_test(tc, y_is_Z_truth_plus_noise);
  tcase_add_loop_test(tc, gaussian_moments, 0, 2);
  tcase_add_test(tc, columns_of_their_own);
  tcase_add_test(tc, sparsity);
  tcase_add_test(tc, truth_is_uniform);
  tcase_add_test(tc, one_by_one);
  tcase_add_test(tc, only_with_data);
  tcase_add_test(tc, target_is_the_first_or_the_named_column);
  tcase_add_test(tc, quoted_names_and_line_ends);
  tcase_add_test(tc, bad_data);
  tcase_add_test(tc, one_sample_one_feature);
  tcase_add_test(tc, standardized);
  tcase_add_test(tc, long_constant_columns);
  tcase_add_test(tc, numpy_data);
  tcase_add_test(tc, losses);
  tcase_add_test(tc, loss_formulas);
  tcase_add_test(tc, least_of_a_loss);
  tcase_add_test(tc, centred_for_a_formula);
  tcase_add_test(tc, what_is_no_loss);
  tcase_add_test(tc, loss_of_a_problem);
  tcase_add_test(tc, reduced_problems);
  tcase_add_test(tc, products);
  tcase_add_test(tc, one_pass);
  tcase_add_test(tc, weighted_gram);
  tcase_add_test(tc, weighted_gram_of_tall_matrices);
  tcase_add_test(tc, curvature);
  tcase_add_test(tc, norms);
  tcase_add_test(tc, singular_values);
  tcase_add_test(tc, no_matrix_without_memory);
  tcase_add_test(tc, positive_definite_systems);
  tcase_add_test(tc, eigenvalues);
  suite_add_tcase(suite, tc);
  return suite;
}
