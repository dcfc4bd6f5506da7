/* The loss of each model from the arrays of its files alone, by plain loops. */
#include "files.h"
#include "tests.h"
#include <math.h>
#include <string.h>

#define SHORT "t-end=5", "stop-loss=0", "points=4"

/* The last of matrices over time, row by row. */
static double *last_of(const char *file, const char *name, size_t *rows, size_t *cols) {
  size_t times;
  double *all = test_matrices(file, name, &times, rows, cols);
  for (size_t k = 0; k < *rows * *cols; k++)
    all[k] = all[k * times + times - 1];
  return all;
}

static void assert_loss(const char *folder, double f) {
  double wanted = test_last(folder, "loss");
  ck_assert_msg(f > 1e-9 && fabs(f / wanted - 1) <= 1e-12, "%s: %.17g is not %.17g", folder, f,
                wanted);
}

START_TEST(lora) {
  for (int linear = 0; linear < 2; linear++) {
    const char *name = linear ? "linear" : "tanh", *data = test_text("%s/data.npz", name);
    test_written(name, "lora",
                 WITH("rows=5", "cols=4", "n=7", "width=2", SHORT,
                      linear ? "activation=linear" : "activation=tanh"));
    size_t rows, cols, n, count;
    const double *X = last_of(test_text("%s/state.npz", name), "x", &rows, &cols),
                 *W0 = test_matrix(data, "W0", &rows, &cols),
                 *Z = test_matrix(data, "Z", &cols, &n);
    const double *c = linear ? NULL : test_vector(data, "readout", &count),
                 *y = linear ? test_matrix(data, "y", &rows, &n) : test_vector(data, "y", &n);
    ck_assert(rows == 5 && cols == 4 && n == 7);
    double f = 0;
    for (size_t i = 0; i < n; i++) {
      double output = 0;
      for (size_t r = 0; r < rows; r++) {
        double h = 0;
        for (size_t k = 0; k < cols; k++)
          h += (W0[k * rows + r] + X[r * cols + k]) * Z[i * cols + k];
        f += linear ? pow(h - y[i * rows + r], 2) : 0;
        output += linear ? 0 : c[r] * tanh(h);
      }
      f += linear ? 0 : pow(output - y[i], 2);
    }
    assert_loss(name, f / (2 * (double)n));
  }
}
END_TEST

/* Next words: cross-entropy of the pairs C at the scores E (W0 + X) E'. */
START_TEST(words) {
  const char *data = test_text("data=%s", test_file("text.txt", "the cat saw the dog and the dog "
                                                                "saw the cat and a cat ran\n"));
  const char *before = test_text("pretrain=%s", test_file("old.txt", "a cat and a dog saw the cat, "
                                                                     "and the cat the dog\n"));
  test_written("words", "lora", WITH(data, before, "rows=3", "width=2", "vocabulary=5", SHORT));
  size_t p, V, same;
  const double *X = last_of("words/state.npz", "x", &p, &p),
               *E = test_matrix("words/data.npz", "E", &V, &p),
               *W0 = test_matrix("words/data.npz", "W0", &p, &same),
               *C = test_matrix("words/data.npz", "C", &V, &same);
  double f = 0;
  for (size_t u = 0; u < V; u++) {
    double score[16], sum = 0;
    for (size_t v = 0; v < V; v++) {
      score[v] = 0;
      for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j < p; j++)
          score[v] += E[i * V + v] * (W0[j * p + i] + X[i * p + j]) * E[j * V + u];
      sum += exp(score[v]);
    }
    for (size_t v = 0; v < V; v++)
      f += C[v * V + u] * (log(sum) - score[v]);
  }
  assert_loss("words", f);
}
END_TEST

START_TEST(attention) {
  test_written("softmax", "attention", WITH("rows=4", "n=6", "tokens=3", SHORT));
  size_t n, others, d, rows, cols;
  const double *W = last_of("softmax/state.npz", "x", &rows, &cols),
               *u = test_matrices("softmax/data.npz", "u", &n, &others, &d),
               *z = test_matrix("softmax/data.npz", "z", &n, &d),
               *D = test_matrix("softmax/data.npz", "D", &n, &others);
  double f = 0;
  for (size_t i = 0; i < n; i++) {
    double sum = 1, delta = 0;
    for (size_t t = 0; t < others; t++) {
      double q = 0;
      for (size_t j = 0; j < d; j++)
        for (size_t k = 0; k < d; k++)
          q += u[(t * d + j) * n + i] * W[j * d + k] * z[k * n + i];
      sum += exp(-q);
      delta += exp(-q) * D[t * n + i];
    }
    f += exp(delta / sum - 1) - exp(-1);
  }
  assert_loss("softmax", f / (double)n);
  test_written("linear", "attention", WITH("attention=linear", "rows=4", "n=6", "tokens=3", SHORT));
  const double *A = test_matrices("linear/data.npz", "A", &n, &rows, &cols);
  W = last_of("linear/state.npz", "x", &rows, &cols);
  f = 0;
  for (size_t i = 0; i < n; i++) {
    double m = 0;
    for (size_t k = 0; k < rows * cols; k++)
      m += A[k * n + i] * W[k];
    f += exp(-m) / (double)n;
  }
  assert_loss("linear", f);
}
END_TEST

/* Codes (patch, atom) and dictionary (pixel, atom); x is as it was. */
START_TEST(sparse_coding) {
  test_written("coding", "sparse-coding",
               WITH("patches=5", "atoms=7", "patch-side=3", "t-end=2", "points=3"));
  size_t pixels, atoms, patches, times, d;
  const double *Y = test_matrix("coding/data.npz", "patches", &pixels, &patches),
               *X = test_matrix("coding/state.npz", "codes", &patches, &atoms),
               *D = test_matrix("coding/state.npz", "dictionary", &pixels, &atoms),
               *x = test_matrix("coding/state.npz", "x", &times, &d),
               *start = test_matrix("coding/data.npz", "start_dictionary", &pixels, &atoms);
  ck_assert(pixels == 9 && atoms == 7 && patches == 5 && d == 7 * (5 + 9));
  double f = 0;
  for (size_t i = 0; i < patches; i++)
    for (size_t k = 0; k < pixels; k++) {
      double r = -Y[i * pixels + k];
      for (size_t j = 0; j < atoms; j++)
        r += D[j * pixels + k] * X[j * patches + i];
      f += r * r / (2 * (double)patches);
    }
  assert_loss("coding", f);
  for (size_t j = 0; j < atoms; j++) {
    ck_assert_double_eq(x[(2 * atoms + j) * times + times - 1], X[j * patches + 2]);
    for (size_t k = 0; k < pixels; k++)
      ck_assert_double_eq(x[(patches * atoms + j * pixels + k) * times], start[j * pixels + k]);
  }
}
END_TEST

/* Layers (out, in). */
START_TEST(network) {
  const char *data = test_text("data=%s", test_file("points.csv", "class,a,b,c\n0,1,2,3\n1,2,1,0\n"
                                                                  "0,0,2,2\n1,3,1,1\n2,0,0,1\n"
                                                                  "2,1,0,2\n"));
  test_written("net", "network", WITH(data, "layers=4", "epochs=3"));
  size_t count, inputs, hidden, classes, one;
  const double *a = test_matrix("net/data.npz", "inputs", &count, &inputs),
               *label = test_vector("net/data.npz", "labels", &count),
               *train = test_vector("net/data.npz", "train", &one),
               *W1 = test_matrix("net/state.npz", "W1", &hidden, &inputs),
               *b1 = test_vector("net/state.npz", "b1", &hidden),
               *W2 = test_matrix("net/state.npz", "W2", &classes, &hidden),
               *b2 = test_vector("net/state.npz", "b2", &classes);
  ck_assert(inputs == 3 && hidden == 4 && classes == 3 && count == 6);
  ck_assert(test_holds("net/data.npz", "start_W2"));
  double f = 0;
  for (size_t i = 0; i < (size_t)*train; i++) {
    double h[4], o[3], sum = 0;
    for (size_t k = 0; k < hidden; k++) {
      h[k] = b1[k];
      for (size_t j = 0; j < inputs; j++)
        h[k] += W1[j * hidden + k] * a[j * count + i];
      h[k] = fmax(h[k], 0);
    }
    for (size_t k = 0; k < classes; k++) {
      o[k] = b2[k];
      for (size_t j = 0; j < hidden; j++)
        o[k] += W2[j * classes + k] * h[j];
      sum += exp(o[k]);
    }
    f += (log(sum) - o[(size_t)label[i]]) / *train;
  }
  assert_loss("net", f);
  test_refused("network", WITH(data, "keep-weights=on"), "does not keep its weights over time");
}
END_TEST

Suite *arrays_suite(void) {
  Suite *s = suite_create("arrays");
  TCase *c = tcase_create("losses");
  tcase_set_timeout(c, 60);
  suite_add_tcase(s, c);
  tcase_add_test(c, lora);
  tcase_add_test(c, words);
  tcase_add_test(c, attention);
  tcase_add_test(c, sparse_coding);
  tcase_add_test(c, network);
  return s;
}
