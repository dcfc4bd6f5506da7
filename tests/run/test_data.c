/* What a run gives away can be checked by others and given back. */
#include "files.h"
#include "tests.h"
#include "text/text.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SHORT "t-end=20", "stop-loss=0", "points=12"

static void assert_same_trajectory(const char *a, const char *b) {
  size_t n = 0, m = 0;
  char *one = test_read(test_path(test_text("%s/trajectory.csv", a)), &n);
  char *other = test_read(test_path(test_text("%s/trajectory.csv", b)), &m);
  ck_assert_msg(one && other && n == m && memcmp(one, other, n) == 0, "%s and %s differ", a, b);
  free(one);
  free(other);
}

/* |A x - y|^2 / (2n) of the last x, A with n rows, by plain loops. */
static double loss_of(size_t n, size_t d, const double *A, const double *y, size_t times,
                      const double *x) {
  double f = 0;
  for (size_t i = 0; i < n; i++) {
    double r = -y[i];
    for (size_t j = 0; j < d; j++)
      r += A[j * n + i] * x[j * times + times - 1];
    f += r * r / (2 * (double)n);
  }
  return f;
}

/* f, the error and x(0) from the files alone. */
START_TEST(diag_from_files) {
  test_written("run", "diag",
               WITH("n=9", "d=14", "noise=0.1", "init-scale=0.1", "init-x=0.3", SHORT));
  size_t n, d, count, times, width;
  const double *Z = test_matrix("run/data.npz", "Z", &n, &d),
               *y = test_vector("run/data.npz", "y", &count);
  ck_assert_uint_eq(n, 9);
  ck_assert_uint_eq(d, 14);
  ck_assert_uint_eq(count, n);
  const double *x = test_matrix("run/state.npz", "x", &times, &width);
  ck_assert_uint_eq(width, d);
  double f = loss_of(n, d, Z, y, times, x), error = 0;
  ck_assert_double_gt(f, 1e-6);
  ck_assert_double_eq_tol(f / test_last("run", "loss"), 1, 1e-12);
  const double *truth = test_vector("run/data.npz", "truth", &count);
  ck_assert_uint_eq(count, d);
  for (size_t j = 0; j < d; j++)
    error += pow(x[j * times + times - 1] - truth[j], 2);
  ck_assert_double_eq_tol(sqrt(error) / test_last("run", "truth_error"), 1, 1e-12);
  const double *m = test_vector("run/data.npz", "start_m", &count),
               *w = test_vector("run/data.npz", "start_w", &count),
               *p = test_vector("run/data.npz", "start_p", &count),
               *q = test_vector("run/data.npz", "start_q", &count);
  for (size_t j = 0; j < d; j++) {
    ck_assert_double_eq_tol(m[j] * w[j], x[j * times], 1e-14);
    ck_assert_double_eq_tol((m[j] * m[j] - w[j] * w[j]) / 2, 0.1, 1e-14);
    ck_assert_double_eq_tol(p[j] - q[j], sqrt(2) * w[j], 1e-14);
  }
}
END_TEST

START_TEST(sensing_from_files) {
  static const char *const factors[] = {"psd", "general"};
  for (int k = 0; k < 2; k++) {
    const char *name = test_text("run%d", k), *data = test_text("%s/data.npz", name);
    test_written(
        name, "sensing",
        k ? WITH("rows=4", "cols=3", "rank=1", "n=7", "factors=general", "init=gaussian", SHORT)
          : WITH("rows=4", "rank=1", "n=7", "factors=psd", SHORT));
    size_t n, rows, cols, count, times, r, c;
    const double *A = test_matrices(data, "A", &n, &rows, &cols),
                 *y = test_vector(data, "y", &count);
    ck_assert_uint_eq(rows, 4);
    ck_assert_uint_eq(cols, k ? 3 : 4);
    ck_assert_uint_eq(n, 7);
    const double *x = test_matrices(test_text("%s/state.npz", name), "x", &times, &r, &c);
    double f = loss_of(n, rows * cols, A, y, times, x), error = 0;
    ck_assert_msg(f > 1e-9 && fabs(f / test_last(name, "loss") - 1) <= 1e-12, "%s: %g", factors[k],
                  f);
    const double *truth = test_matrix(data, "truth", &r, &c);
    for (size_t i = 0; i < r; i++)
      for (size_t j = 0; j < c; j++)
        error += pow(x[(i * c + j) * times + times - 1] - truth[j * r + i], 2);
    ck_assert_double_eq_tol(sqrt(error) / test_last(name, "truth_error"), 1, 1e-12);
  }
  size_t r, c;
  const double *B = test_matrix("run1/data.npz", "start_B", &r, &c),
               *S = test_matrix("run1/data.npz", "start_A", &c, &r);
  size_t times, rows, cols;
  const double *x = test_matrices("run1/state.npz", "x", &times, &rows, &cols);
  ck_assert_uint_eq(r, 3);
  for (size_t i = 0; i < 4; i++)
    for (size_t j = 0; j < 3; j++) {
      double sum = 0;
      for (size_t k = 0; k < c; k++)
        sum += B[k * 4 + i] * S[j * c + k];
      ck_assert_double_eq_tol(sum, x[(i * 3 + j) * times], 1e-14);
    }
}
END_TEST

/* The same problem, to the last byte of the trajectory, its truth included. */
START_TEST(given_back) {
  const char *data = test_text("data=%s", test_path("a/data.npz"));
  test_written("a", "diag", WITH("n=9", "d=14", SHORT));
  test_written("b", "diag", WITH(data, SHORT));
  assert_same_trajectory("a", "b");
  test_written("a", "diag", WITH("n=9", "d=14", "loss=logistic", "seed=3", SHORT));
  test_written("b", "diag", WITH(data, "loss=logistic", SHORT));
  assert_same_trajectory("a", "b");
  const char *const measures[] = {"gaussian", "entries", "rank-one", "commuting"};
  for (size_t k = 0; k < 4; k++)
    for (int general = 0; general < 2; general++) {
      const char *measure = test_text("measure=%s", measures[k]);
      const char *factors = general ? "factors=general" : "factors=psd";
      test_written("a", "sensing", WITH("rows=4", "rank=1", factors, measure, SHORT));
      test_written("b", "sensing", WITH(data, factors, SHORT));
      assert_same_trajectory("a", "b");
    }
  test_written("a", "sensing", WITH("rows=4", "cols=6", "rank=1", "factors=general", SHORT));
  test_written("b", "sensing", WITH(data, "factors=general", SHORT)); /* the shape is in the file */
  assert_same_trajectory("a", "b");
}
END_TEST

/* A sparse Z is written as it is stored, by columns. */
START_TEST(sparse) {
  const char *from =
                 test_text("data=%s", test_file("Z.mtx", "%%MatrixMarket matrix coordinate real "
                                                         "general\n3 4 5\n3 1 7\n1 1 1\n2 2 2\n"
                                                         "1 4 0.5\n2 4 1\n")),
             *y = test_text("target=%s", test_file("y.txt", "1\n2\n3\n")),
             *data = test_text("data=%s", test_path("a/data.npz"));
  test_written("a", "diag", WITH(from, y, SHORT));
  size_t count;
  const double entries[] = {1, 7, 2, 0.5, 1}, rows[] = {0, 2, 1, 0, 1}, starts[] = {0, 2, 3, 3, 5};
  const double *got = test_vector("a/data.npz", "Z_data", &count);
  ck_assert_uint_eq(count, 5);
  ck_assert_mem_eq(got, entries, sizeof entries);
  ck_assert_mem_eq(test_vector("a/data.npz", "Z_indices", &count), rows, sizeof rows);
  ck_assert_mem_eq(test_vector("a/data.npz", "Z_indptr", &count), starts, sizeof starts);
  ck_assert_uint_eq(count, 5);
  ck_assert(!test_holds("a/data.npz", "Z"));
  test_written("b", "diag", WITH(data, SHORT));
  assert_same_trajectory("a", "b");
  test_refused("diag", WITH(data, "standardize=on"), "centred columns are not sparse");
}
END_TEST

/* Weights too small for double precision are not there; of resets those of the start are. */
START_TEST(start_weights) {
  test_written("tiny", "diag", WITH("n=5", "d=8", "init-scale=1e-1000", SHORT));
  ck_assert(test_holds("tiny/data.npz", "Z") && !test_holds("tiny/data.npz", "start_m"));
  test_written(
      "uv", "diag",
      WITH("n=5", "d=8", "param=uv", "init-scale=0.5", "reset-every=3", "reset-beta=2", SHORT));
  size_t d;
  const double *u = test_vector("uv/data.npz", "start_u", &d),
               *v = test_vector("uv/data.npz", "start_v", &d);
  for (size_t j = 0; j < d; j++)
    ck_assert_double_eq_tol(2 * u[j] * v[j], 0.5, 1e-14);
}
END_TEST

/* An .npz of Z (2, 3) and y with another array. */
static const char *with(const char *name, size_t rows, size_t cols, double value) {
  static const double Z[] = {1, 2, 3, 4, 5, 7}, y[] = {1, 2};
  double other[6] = {value, 1, 1, 1, 1, 1};
  const ms_array arrays[] = {{.name = "Z", .rows = 2, .cols = 3, .values = Z},
                             {.name = "y", .rows = 2, .values = y},
                             {.name = name, .rows = rows, .cols = cols, .values = other}};
  ck_assert_int_eq(ms_npz_write(test_folder(), "with.npz", arrays, 3, NULL), MS_OK);
  return test_text("data=%s", test_path("with.npz"));
}

START_TEST(bad_arrays) {
  test_refused("diag", WITH(with("truth", 4, 0, 1)), "truth has 4 numbers; Z has 3 columns");
  test_refused("diag", WITH(with("truth", 3, 0, NAN)), "'nan' at index 0 is not a finite number");
  test_refused("diag", WITH(with("truth", 2, 3, 1)), "shape '(2, 3)'");
  const double A[24] = {1}, y[] = {1, 2}, truth[6] = {1};
  ms_array arrays[] = {{.name = "A", .rows = 2, .cols = 4, .depth = 3, .values = A},
                       {.name = "y", .rows = 2, .values = y},
                       {.name = "truth", .rows = 3, .cols = 2, .values = truth}};
  const char *data = test_text("data=%s", test_path("with.npz"));
  ck_assert_int_eq(ms_npz_write(test_folder(), "with.npz", arrays, 3, NULL), MS_OK);
  test_refused("sensing", WITH(data, "factors=general"),
               "truth is 3 x 2; the matrices of A are 4 x 3");
  static const char *const names[] = {"Z_data", "Z_indices", "Z_indptr", "Z_shape"};
  const double entry[] = {1, 2}, good[][3] = {{0, 1}, {0, 1, 2}, {2, 2}};
  static const struct {
    size_t which, at;
    double value;
    const char *says;
  } bad[] = {{0, 1, 2, "Z_indices: 2 at index 1; allowed are whole numbers from 0 to 1"},
             {0, 0, 0.5, "Z_indices: 0.5 at index 0"},
             {1, 1, -1, "Z_indptr: -1 at index 1"},
             {1, 2, 1, "no matrix compressed by columns"},
             {2, 1, 3, "no matrix compressed by columns"},
             {2, 0, 0, "two numbers, n and d, above 0"}};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    double own[3][3];
    memcpy(own, good, sizeof own);
    own[bad[i].which][bad[i].at] = bad[i].value;
    const ms_array sparse_arrays[] = {{.name = names[0], .rows = 2, .values = entry},
                                      {.name = names[1], .rows = 2, .values = own[0]},
                                      {.name = names[2], .rows = 3, .values = own[1]},
                                      {.name = names[3], .rows = 2, .values = own[2]},
                                      {.name = "y", .rows = 2, .values = y}};
    ck_assert_int_eq(ms_npz_write(test_folder(), "with.npz", sparse_arrays, 5, NULL), MS_OK);
    test_refused("diag", WITH(data), bad[i].says);
  }
}
END_TEST

/* ---- Weights over time, and from there on ---------------------------------------------------- */

#define EXACT "rtol=1e-11", "stop-loss=0", "wd-schedule=none"

/* Runs to 3 and from the weights there on to 9 more end where a run to 12 does. */
static void continues(const char *model, const char *const *settings, const char *flow) {
  const char *file = test_text("init-w=%s", test_path("part/weights.npz"));
  const char *const exact[] = {EXACT, NULL};
  const char *const *common = test_join(exact, settings);
  test_written("part", model, test_join(common, WITH("t-end=3", "keep-weights=on", "points=4")));
  ms_run *whole = test_whole(model, test_join(common, WITH("t-end=12", "points=5"))), *rest;
  size_t kept = 0, d;
  const char *own[16] = {NULL}; /* what does not say where to start */
  for (size_t i = 0; common[i]; i++)
    if (strncmp(common[i], "init", 4) != 0)
      own[kept++] = common[i];
  rest = test_whole(model, test_join(own, WITH("t-end=9", "points=5", file, flow)));
  const double *x = ms_run_x(whole, &d), *other = ms_run_x(rest, &d);
  double off = test_distance(d, x, other);
  ck_assert_msg(off <= 1e-8, "%s, %s: %g", settings[0], flow, off);
  double gap = ms_run_summary(rest, "gf_mf_gap");
  ck_assert_msg(!(gap > 1e-8) || strcmp(model, "diag") != 0, "%s: gap %g", settings[0], gap);
  ms_run_free(whole);
  ms_run_free(rest);
}

START_TEST(diag_continues) {
  static const char *const params[][3] = {{"param=mw", "init-scale=1e-8"},
                                          {"param=mw", "init-x=-0.2"},
                                          {"param=uv"},
                                          {"param=deep"},
                                          {"param=power", "depth=3"},
                                          {"param=matched", "depth=4"},
                                          {"param=square"},
                                          {"param=log"},
                                          {"param=spred"},
                                          {"param=ham"},
                                          {"param=steepest", "exponent=1.5", "depth=3"},
                                          {"param=custom", "formula=a*b*c"}};
  for (size_t i = 0; i < sizeof params / sizeof *params; i++) {
    const char *settings[8] = {params[i][0], "n=5", "d=8", "flow=both", params[i][1], params[i][2]};
    continues("diag", settings, "flow=gradient");
    continues("diag", settings, "flow=mirror");
    continues("diag", settings, "flow=both");
  }
  static const char *const without[] = {"param=mask", "param=plain"};
  for (size_t i = 0; i < 2; i++)
    continues("diag", WITH(without[i], "n=5", "d=8"), "flow=gradient");
  continues("diag", WITH("method=gd", "lr=0.0625", "n=5", "d=8"), "flow=gradient");
}
END_TEST

START_TEST(matrices_continue) {
#define SMALL "rows=4", "rank=1", "n=6"
  const char *const *const runs[] = {
      WITH("factors=psd", SMALL),
      WITH("factors=symmetric", SMALL, "measure=commuting"),
      WITH("factors=general", SMALL, "cols=5", "width=3", "init=gaussian"),
      WITH("factors=general", SMALL, "cols=5", "width=3", "init=gaussian", "depth=3"),
      WITH("factors=general", SMALL, "cols=5", "init=gaussian", "depth=1"),
      WITH("factors=diagonal", SMALL, "init=gaussian")};
  for (size_t i = 0; i < sizeof runs / sizeof *runs; i++)
    continues("sensing", runs[i], "flow=gradient");
  continues("sensing", WITH("factors=psd", SMALL, "measure=commuting"), "flow=mirror");
  continues("lora", WITH("width=2", "rows=5", "cols=4"), "flow=gradient");
  continues("attention", WITH("factors=general"), "flow=gradient");
}
END_TEST

/* Row by row, at each time: X = B A. */
START_TEST(factors_over_time) {
  test_written("a", "sensing",
               WITH("factors=general", "rows=4", "cols=5", "rank=1", "width=3", "init=gaussian",
                    "keep-weights=on", SHORT));
  size_t times, rows, width, cols, r, c;
  const double *B = test_matrices("a/weights.npz", "B", &times, &rows, &width),
               *A = test_matrices("a/weights.npz", "A", &times, &width, &cols),
               *x = test_matrices("a/state.npz", "x", &times, &r, &c);
  ck_assert(rows == 4 && width == 3 && cols == 5 && r == 4 && c == 5);
  ck_assert_mem_eq(test_vector("a/weights.npz", "t", &r), test_vector("a/state.npz", "t", &r),
                   times * sizeof *x);
  for (size_t t = 0; t < times; t++)
    for (size_t i = 0; i < rows; i++)
      for (size_t j = 0; j < cols; j++) {
        double sum = 0;
        for (size_t k = 0; k < width; k++)
          sum += B[(i * width + k) * times + t] * A[(k * cols + j) * times + t];
        ck_assert_double_eq_tol(sum, x[(i * cols + j) * times + t], 1e-13);
      }
  test_written("a", "attention", WITH("keep-weights=on", SHORT));
  const double *K = test_matrices("a/weights.npz", "K", &times, &rows, &width),
               *Q = test_matrices("a/weights.npz", "Q", &times, &cols, &width);
  x = test_matrices("a/state.npz", "x", &times, &r, &c);
  for (size_t i = 0; i < rows; i++)
    for (size_t j = 0; j < cols; j++) {
      double sum = 0;
      for (size_t k = 0; k < width; k++)
        sum += K[(i * width + k + 1) * times - 1] * Q[(j * width + k + 1) * times - 1];
      ck_assert_double_eq_tol(sum, x[(i * cols + j + 1) * times - 1], 1e-13);
    }
}
END_TEST

/* The start of a run is in its data.npz: another run from there is the same. */
START_TEST(same_start) {
  const char *file = test_text("init-w=%s", test_path("a/data.npz")),
             *data = test_text("data=%s", test_path("a/data.npz"));
  test_written("a", "diag",
               WITH("n=5", "d=8", "param=uv", "flow=gradient", "init-scale=0.3", SHORT));
  test_written("b", "diag", WITH(data, "param=uv", "flow=gradient", file, SHORT));
  ck_assert_double_eq_tol(test_last("b", "loss") / test_last("a", "loss"), 1, 1e-9);
  /* the whole default schedule, whose T depends on the scale */
  test_written("a", "sensing", WITH("rows=4", "rank=1", "factors=psd", "init-scale=1e-3"));
  test_written("b", "sensing", WITH(data, "factors=psd", file));
  ck_assert_double_eq_tol(test_last("b", "dose") / test_last("a", "dose"), 1, 1e-9);
  ck_assert_double_eq_tol(test_last("b", "nuclear_norm") / test_last("a", "nuclear_norm"), 1, 1e-6);
  test_written("a", "diag", WITH("n=5", "d=8", "init-x=0.1", "init-scale=0.01"));
  ms_run *run = test_whole("diag", WITH(data, file));
  ck_assert(ms_run_summary(run, "limit_gap") <= 1e-7);
  ck_assert(ms_run_summary(run, "gf_mf_gap") <= 1e-6);
  ck_assert_double_eq_tol(ms_run_observe(run, "l1") / test_last("a", "l1"), 1, 1e-7);
  ms_run_free(run);
  test_written("a", "sensing", WITH("rows=4", "rank=1", "factors=general", "init=gaussian", SHORT));
  test_written("b", "sensing", WITH(data, "factors=general", file, SHORT));
  ck_assert_double_eq_tol(test_last("b", "loss") / test_last("a", "loss"), 1, 1e-9);
}
END_TEST

static const char *start_of(const double *m, const double *w, size_t d) {
  const ms_array arrays[] = {{.name = "m", .rows = d, .values = m},
                             {.name = "w", .rows = d, .values = w}};
  ck_assert_int_eq(ms_npz_write(test_folder(), "start.npz", arrays, w ? 2 : 1, NULL), MS_OK);
  return test_text("init-w=%s", test_path("start.npz"));
}

START_TEST(refused_starts) {
  const double m[] = {1, 2, 1}, w[] = {0.5, -0.5, 0.1}, turned[] = {0.5, 3, 0.1};
  ms_run *run = test_new("diag", WITH("n=2", "d=3", "sparsity=1", start_of(m, w, 3)));
  double *read = test_keep(calloc(6, sizeof *read));
  ck_assert(run->model->weights->start(run, read));
  for (size_t j = 0; j < 3; j++) { /* kept as (m +- w) / sqrt 2 */
    ck_assert_double_eq_tol(run->ln_beta[j], log((m[j] * m[j] - w[j] * w[j]) / 2), 1e-14);
    ck_assert_double_eq_tol(read[j], (m[j] + w[j]) / sqrt(2), 1e-15);
  }
  ms_run_free(run);
#define OF "n=2", "d=3", "sparsity=1"
  test_refused("diag", WITH(OF, start_of(m, turned, 3)),
               "coordinate 1, counted from 0, has m = 2, w = 3: their scale beta");
  test_refused("diag", WITH(OF, start_of(m, w, 2)),
               "the array 'm' has 2 numbers; the model takes 3");
  test_refused("diag", WITH(OF, start_of(m, NULL, 3)), "has no array 'w'; it holds: m");
  test_refused("diag", WITH(OF, "param=uv", start_of(m, w, 3)), "has no array 'u'");
  const char *good = start_of(m, w, 3);
  test_refused("diag", WITH(OF, good, "init-x=1"), "--init-w says what x starts from");
  test_refused("diag", WITH(OF, good, "init-scale=1"), "have a scale of their own");
  test_refused("diag", WITH(OF, good, "param=custom", "formula=a*b"), "has no array 'a'");
  test_refused("diag", WITH(OF, "param=deep", good),
               "has no array 'w1' (did you mean 'w'?); it holds: m, w");
  test_refused("network", WITH(good), "it belongs to --model diag, sensing");
  test_refused("sparse-coding", WITH(good), "it belongs to --model diag, sensing");
  test_refused("sensing", WITH("rows=3", good), "has no array 'U'");
  test_refused("sensing", WITH("rows=3", good, "init=gaussian"), "what the factors start from");
  const ms_array three[] = {{.name = "w1", .rows = 3, .values = w},
                            {.name = "w2", .rows = 3, .values = m},
                            {.name = "w3", .rows = 3, .values = (const double[]){1, 2, 1.1}}};
  ck_assert_int_eq(ms_npz_write(test_folder(), "start.npz", three, 3, NULL), MS_OK);
  test_refused("diag", WITH(OF, "param=deep", good),
               "coordinate 2, counted from 0, has w1 = 0.1, w2 = 1, w3 = 1.1: no scale beta");
  test_refused("diag", WITH("keep-weights=on", "flow=mirror"),
               "the gradient flow is not integrated");
  test_refused("diag", WITH("keep-weights=on", "init-scale=1e-1000"), "is not integrated here");
}
END_TEST

Suite *data_suite(void) {
  Suite *s = suite_create("data");
  TCase *c = tcase_create("files");
  tcase_set_timeout(c, 60);
  suite_add_tcase(s, c);
  tcase_add_test(c, diag_from_files);
  tcase_add_test(c, sensing_from_files);
  tcase_add_test(c, given_back);
  tcase_add_test(c, sparse);
  tcase_add_test(c, start_weights);
  tcase_add_test(c, bad_arrays);
  c = tcase_create("weights");
  tcase_set_timeout(c, 120);
  suite_add_tcase(s, c);
  tcase_add_test(c, diag_continues);
  tcase_add_test(c, matrices_continue);
  tcase_add_test(c, factors_over_time);
  tcase_add_test(c, same_start);
  tcase_add_test(c, refused_starts);
  return s;
}
