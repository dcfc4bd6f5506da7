/* Networks: backpropagation and the ways of sparsifying against differences, flows against each
 * other, checkpoints against uninterrupted runs. */
#include "base/random.h"
#include "network/net.h"
#include "network/sparsify.h"
#include "param/param.h"
#include "problem/dataset.h"
#include "run/run.h"
#include "tests.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- Backpropagation ------------------------------------------------------------------------ */

START_TEST(gradients_are_those_of_differences) {
  static const struct {
    const char *layers;
    size_t inputs;
    ms_activation activation;
    bool squared;
  } nets[] = {
      {"", 5, MS_LINEAR, false},         {"7", 5, MS_TANH, true},
      {"6,4", 5, MS_RELU, false},        {"6,4,3", 7, MS_LINEAR, true},
      {"c3", 16, MS_TANH, false},        {"c2/2,5", 25, MS_TANH, true},
      {"c3,c4/2,6", 36, MS_RELU, false}, {"c2/2,c3/2", 49, MS_TANH, false},
  };
  enum { COUNT = 3, CLASSES = 4 };
  for (size_t k = 0; k < sizeof nets / sizeof *nets; k++) {
    ms_net net;
    ms_error err;
    gsl_rng *rng = ms_random_new(k, MS_STREAM_DATA);
    ck_assert_int_eq(ms_net_init(&net, nets[k].layers, "--layers", nets[k].inputs, CLASSES,
                                 nets[k].activation, nets[k].squared, COUNT + 2, &err),
                     MS_OK);
    double *x = ms_doubles(net.d), *G = ms_doubles(net.d), *A = ms_doubles(COUNT * net.inputs);
    int label[COUNT] = {0, 3, 2};
    ms_random_gaussian(rng, x, net.d, 0.5);
    ms_random_gaussian(rng, A, COUNT * net.inputs, 1);
    double whole = ms_net_loss(&net, x, A, label, COUNT, 0.25, G, false, NULL);
    /* sums of parts are the whole: the samples do not see each other */
    double *H = ms_doubles(net.d), parts = 0;
    for (size_t i = 0; i < COUNT; i++)
      parts += ms_net_loss(&net, x, A + i * net.inputs, label + i, 1, 0.25, H, i > 0, NULL);
    ck_assert_double_eq_tol(parts, whole, 1e-13 * whole);
    double largest = ms_largest(G, net.d);
    ck_assert(largest > 1e-3);
    for (size_t j = 0; j < net.d; j++) {
      double h = 1e-5, at = x[j];
      ck_assert_double_eq_tol(H[j], G[j], 1e-13 * largest);
      x[j] = at + h;
      double up = ms_net_loss(&net, x, A, label, COUNT, 0, NULL, false, NULL);
      x[j] = at - h;
      double down = ms_net_loss(&net, x, A, label, COUNT, 0, NULL, false, NULL);
      x[j] = at;
      ck_assert_double_eq_tol(0.25 * (up - down) / (2 * h), G[j], 1e-7 * (largest + 0.1));
    }
    free(x), free(G), free(A), free(H);
    gsl_rng_free(rng);
    ms_net_free(&net);
  }
}
END_TEST

START_TEST(a_convolution_is_the_matrix_it_stands_for) {
  /* one channel, stride 1: the centre weight alone is the identity, its neighbours shift */
  ms_net net;
  ms_error err;
  ck_assert_int_eq(ms_net_init(&net, "c1", "--layers", 9, 9, MS_LINEAR, true, 1, &err), MS_OK);
  double x[9 + 81 + 1 + 9] = {0}, A[9];
  for (size_t i = 0; i < 9; i++) {
    A[i] = (double)i + 1;
    x[9 + 10 * i] = 1; /* the last layer hands through */
  }
  ck_assert_uint_eq(net.d, sizeof x / sizeof *x);
  int label = 0;
  for (int dr = -1; dr <= 1; dr++)
    for (int dc = -1; dc <= 1; dc++) {
      memset(x, 0, 9 * sizeof *x);
      x[3 * (dr + 1) + dc + 1] = 1;
      ms_net_loss(&net, x, A, &label, 1, 1, NULL, false, NULL);
      for (int r = 0; r < 3; r++)
        for (int c = 0; c < 3; c++) {
          bool inside = r + dr >= 0 && r + dr < 3 && c + dc >= 0 && c + dc < 3;
          ck_assert_double_eq(net.out[1][3 * r + c], inside ? A[3 * (r + dr) + c + dc] : 0);
        }
    }
  ms_net_free(&net);
}
END_TEST

/* ---- Ways of sparsifying -------------------------------------------------------------------- */

static double h_of(const ms_sparse *s, const double *p) {
  double sum = 0;
  const char *name = s->class->name;
  for (size_t i = 0; i < s->weights; i++) {
    double a = p[i], b = s->class->width == 2 ? p[s->weights + i] : 0;
    if (s->class->product || strcmp(name, "decay") == 0)
      sum += a * a + b * b;
    else if (strcmp(name, "l1") == 0)
      sum += fabs(a);
    else if (strcmp(name, "continuous") == 0)
      sum += 1 / (1 + exp(-s->sharp * a));
  }
  return sum;
}

START_TEST(every_way_starts_at_x_and_descends_its_own_objective) {
  enum { WEIGHTS = 6, D = 8 };
  const double x[D] = {0.7, -1.3, 0.2, -0.01, 1e-9, 2, 0.5, -0.25},
               c[D] = {1, -2, 3, 0.5, -1, 2, 1, 4};
  for (size_t k = 0; ms_sparsifier_at(k); k++)
    for (int uv = 0; uv <= ms_sparsifier_at(k)->product; uv++) {
      const ms_sparsifier *class = ms_sparsifier_at(k);
      bool balanced = strcmp(class->name, "spred") == 0;
      ms_sparse s = {.class = class,
                     .weights = WEIGHTS,
                     .d = D,
                     .uv = uv,
                     .sharp = 3,
                     .ham = 2,
                     .size = class->width * WEIGHTS + D - WEIGHTS,
                     .ln_beta = balanced ? -INFINITY : log(0.3)};
      double mask[WEIGHTS], p[2 * WEIGHTS + 2], y[D], out[2 * WEIGHTS + 2], G[D], alpha = 0.3;
      s.mask = mask;
      ms_sparse_start(&s, x, p);
      ms_sparse_map(&s, p, y);
      for (size_t i = 0; i < D; i++)
        ck_assert_msg(fabs(y[i] - x[i]) <= 1e-15 + 4e-16 * fabs(x[i]), "%s: x0[%zu] = %g, not %g",
                      class->name, i, y[i], x[i]);
      for (size_t i = 0; i < WEIGHTS && class->product; i++)
        ck_assert_double_eq_tol(ms_sparse_beta(&s, p, i), balanced ? 0 : 0.3, 1e-15);
      if (class->after)
        continue; /* no gradient of anything */
      /* of c'x + |x|^2/2 + alpha h(p) */
      for (size_t i = 0; i < D; i++)
        G[i] = c[i] + y[i];
      ms_sparse_pull(&s, p, G, alpha, out);
      for (size_t j = 0; j < s.size; j++) {
        double at = p[j], step = fmin(1e-5, fabs(at) > 0 ? fabs(at) / 2 : 1e-5), f[2];
        for (int side = 0; side < 2; side++) {
          p[j] = at + (side ? -step : step);
          ms_sparse_map(&s, p, y);
          f[side] = alpha * h_of(&s, p);
          for (size_t i = 0; i < D; i++)
            f[side] += c[i] * y[i] + y[i] * y[i] / 2;
        }
        p[j] = at;
        ck_assert_msg(fabs((f[0] - f[1]) / (2 * step) - out[j]) <= 1e-9 + 1e-15 / step,
                      "%s: %g, not %g", class->name, out[j], (f[0] - f[1]) / (2 * step));
      }
    }
}
END_TEST

START_TEST(exponents_are_those_of_the_potential) {
  const ms_param *mw = &ms_param_mw;
  ck_assert_str_eq(mw->name, "mw");
  for (double x = 1e-4; x < 1e6; x *= 7)
    for (double ln_beta = -20; ln_beta < 5; ln_beta += 4) {
      double kappa = 0, mu, R = mw->potential(mw, ln_beta, 0, 0, x);
      const ms_start start = {&ln_beta, &kappa};
      mw->dual(mw, &start, 0, 1, 0, &x, &mu);
      ck_assert_double_eq_tol(ms_effective_exponent(-x, exp(ln_beta)), x * mu / R, 1e-8);
    }
  ck_assert_double_eq(ms_effective_exponent(0.1, 0), 1);
  ck_assert_double_eq(ms_effective_exponent(0, 0.1), 2);
}
END_TEST

START_TEST(the_multiplicative_step_is_that_of_its_flow) {
  /* halving the step quarters the distance from exp(-lr (...)) to the flow's Euler step */
  const ms_sparsifier *ham = NULL;
  for (size_t k = 0; ms_sparsifier_at(k); k++)
    if (ms_sparsifier_at(k)->after)
      ham = ms_sparsifier_at(k);
  ck_assert_ptr_nonnull(ham);
  ms_sparse s = {.class = ham, .weights = 2, .d = 2, .size = 2, .ham = 5};
  const double x[2] = {0.4, -0.6}, G[2] = {0.3, 0.2};
  double gap[2];
  for (int k = 0; k < 2; k++) {
    double lr = k ? 5e-4 : 1e-3, p[2] = {x[0] - lr * G[0], x[1] - lr * G[1]}, slope[2];
    ham->after(&s, p, G, 0.1, lr);
    ham->pull(&s, x, G, 0.1, slope);
    gap[k] = hypot(p[0] - x[0] + lr * slope[0], p[1] - x[1] + lr * slope[1]);
  }
  ck_assert_double_eq_tol(gap[0] / gap[1], 4, 0.05);
}
END_TEST

/* ---- Runs ----------------------------------------------------------------------------------- */

/* A csv of two classes apart from each other in the plane. */
static const char *blobs(void) {
  const char *path = test_path("blobs.csv");
  gsl_rng *rng = ms_random_new(5, MS_STREAM_DATA);
  FILE *file = fopen(path, "w");
  fprintf(file, "label,a,b\n");
  for (int i = 0; i < 40; i++) {
    double v[2];
    ms_random_gaussian(rng, v, 2, 0.5);
    fprintf(file, "%d,%.6f,%.6f\n", i % 2, v[0] + (i % 2 ? 1 : -1), v[1]);
  }
  fclose(file);
  gsl_rng_free(rng);
  return path;
}

START_TEST(gradient_and_mirror_flow_of_a_network_agree) {
  const char *data = test_text("data=%s", blobs());
  const char *losses[] = {"loss=logistic", "loss=squared"}, *params[] = {"param=mw", "param=uv"};
  for (int k = 0; k < 4; k++) {
    ms_run *run = test_whole("network", WITH(data, "layers=6", "nonlinearity=tanh", losses[k % 2],
                                             params[k / 2], "method=adams", "flow=both",
                                             "rtol=1e-9", "wd=0.003", "t-end=60", "points=20"));
    ck_assert_double_lt(ms_run_summary(run, "gf_mf_gap"), 1e-6);
    ck_assert_double_lt(ms_run_summary(run, "invariant_drift"), 1e-7);
    ck_assert_double_gt(ms_run_summary(run, "accuracy"), 0.9);
    ck_assert_double_eq_tol(ms_run_summary(run, "dose"), 0.003 * 15, 1e-9);
    double beta = k / 2 ? 0.25 : 0.5;
    ck_assert_double_eq_tol(ms_run_summary(run, "ln_beta"), log(beta) - 4 * 0.003 * 15, 1e-6);
    ms_run_free(run);
  }
}
END_TEST

START_TEST(small_steps_follow_the_flow) {
  /* gd without momentum: halving the step halves the distance to the flow */
  const char *data = test_text("data=%s", blobs());
  ms_run *flow = test_whole("network", WITH(data, "layers=4", "nonlinearity=tanh", "method=adams",
                                            "flow=gradient", "rtol=1e-9", "wd-schedule=constant",
                                            "wd=0.01", "t-end=8", "points=3"));
  size_t d;
  const double *x = ms_run_x(flow, &d);
  double gap[2];
  for (int k = 0; k < 2; k++) {
    ms_run *run = test_whole(
        "network", WITH(data, "layers=4", "nonlinearity=tanh", "method=gd", "momentum=0",
                        k ? "lr=0.02" : "lr=0.04", "lr-schedule=constant", "wd-schedule=constant",
                        "wd=0.01", k ? "epochs=400" : "epochs=200", "points=3"));
    const double *y = ms_run_x(run, &d);
    gap[k] = test_distance(d, x, y);
    ck_assert_double_eq_tol(ms_run_summary(run, "dose"), 0.08, 1e-12);
    ms_run_free(run);
  }
  ck_assert_double_lt(gap[0], 0.02);
  ck_assert_double_eq_tol(gap[0] / gap[1], 2, 0.1);
  ms_run_free(flow);
}
END_TEST

START_TEST(digits_are_learned_by_every_way) {
  for (size_t k = 0; ms_sparsifier_at(k); k++) {
    const char *name = ms_sparsifier_at(k)->name;
    ms_run *run = test_whole("network", WITH("layers=32", test_text("sparsify=%s", name),
                                             test_quick() ? "epochs=2" : "epochs=12", "points=3"));
    double least = test_quick() ? 0.2 : 0.9;
    ck_assert_msg(ms_run_summary(run, "test_accuracy") > least, "%s: %g", name,
                  ms_run_summary(run, "test_accuracy"));
    ms_run_free(run);
  }
}
END_TEST

START_TEST(a_small_convolution_learns_digits) {
  ms_run *run = test_whole(
      "network", WITH("layers=c6,c12/2", test_quick() ? "epochs=1" : "epochs=8", "points=2"));
  ck_assert_double_eq(ms_run_summary(run, "weights"), 9 * 6 + 9 * 6 * 12 + 16 * 12 * 10);
  ck_assert_double_gt(ms_run_summary(run, "test_accuracy"), test_quick() ? 0.5 : 0.95);
  ms_run_free(run);
}
END_TEST

START_TEST(spred_keeps_signs_and_pilot_does_not) {
  const char *ways[] = {"sparsify=spred", "sparsify=pilot"};
  double flips[2];
  for (int k = 0; k < 2; k++) {
    ms_run *run =
        test_whole("network", WITH("layers=16", ways[k], "method=adams", "nonlinearity=tanh",
                                   "flow=gradient", "t-end=5", "points=2"));
    flips[k] = ms_run_summary(run, "sign_flips");
    ms_run_free(run);
  }
  ck_assert_double_eq(flips[0], 0);
  ck_assert_double_gt(flips[1], 0.01);
}
END_TEST

START_TEST(pruning_leaves_what_was_asked_for) {
  ms_run *run = test_whole("network", WITH("layers=20", "epochs=2", "prune-cycles=2",
                                           "prune-part=0.5", "sparsify=plain", "points=3"));
  size_t d, zeros = 0, weights = (size_t)ms_run_summary(run, "weights");
  const double *x = ms_run_x(run, &d);
  for (size_t i = 0; i < weights; i++)
    zeros += x[i] == 0;
  ck_assert_uint_eq(weights, 64 * 20 + 200);
  ck_assert_uint_eq(zeros, weights * 3 / 4);
  ck_assert_double_eq(ms_run_t(run), 6);
  ms_run_free(run);
}
END_TEST

/* ---- Checkpoints ---------------------------------------------------------------------------- */

START_TEST(a_resumed_run_has_the_bytes_of_an_uninterrupted_one) {
  const char *one = test_path("one"), *two = test_path("two"), *checkpoint = test_path("state");
#define COMMON "layers=12", "epochs=3", "prune-cycles=1", "sparsify=pilot", "points=7"
  const char *at = test_text("checkpoint=%s", checkpoint), *const *settings = WITH(COMMON, at);
  ms_error err;
  ms_run *whole = test_whole("network", WITH(COMMON));
  /* interrupted twice: between epochs, and by a signal in the middle of one */
  ms_run *run = test_new("network", settings);
  for (size_t i = 0; i < 3; i++)
    ck_assert_int_eq(ms_run_advance(run, i, &err), MS_OK);
  ms_run_free(run);
  run = test_new("network", settings);
  volatile sig_atomic_t flag = 0;
  ms_run_interrupt_on(run, &flag);
  for (size_t i = 0; i < 5; i++)
    ck_assert_int_eq(ms_run_advance(run, i, &err), MS_OK);
  flag = 1;
  ck_assert_int_eq(ms_run_advance(run, 5, &err), MS_INTERRUPTED);
  ck_assert_int_eq(ms_run_finish(run, MS_INTERRUPTED, &err, &err), MS_OK);
  ck_assert_double_eq(ms_run_t(run), 4);
  ms_run_free(run);
  run = test_whole("network", settings);
  ck_assert_int_eq(ms_folder_make(one, &err), MS_OK);
  ck_assert_int_eq(ms_folder_make(two, &err), MS_OK);
  ck_assert_int_eq(ms_run_write(whole, one, &err), MS_OK);
  ck_assert_int_eq(ms_run_write(run, two, &err), MS_OK);
  static const char *const files[] = {
      "trajectory.csv",   "x.csv",       "state.npz",  "layers.csv",
      "distribution.csv", "pruning.csv", "cycles.csv", "summary.json"};
  for (size_t k = 0; k < sizeof files / sizeof *files; k++) {
    size_t a_size, b_size;
    char *a = test_read(test_text("%s/%s", one, files[k]), &a_size),
         *b = test_read(test_text("%s/%s", two, files[k]), &b_size);
    ck_assert_msg(a && b && a_size == b_size && memcmp(a, b, a_size) == 0, "%s differs", files[k]);
    free(a), free(b);
  }
  /* another run's checkpoint, and a damaged one, are not taken */
  test_refused("network", WITH(COMMON, at, "lr=0.01"), "lr");
  ck_assert_int_eq(test_refused("network", WITH(COMMON, "checkpoint=/nowhere/state"),
                                "'/nowhere/state' cannot be written"),
                   MS_BAD_SETTING);
  ck_assert_int_eq(truncate(checkpoint, 5000), 0);
  ck_assert_int_eq(test_refused("network", settings, checkpoint), MS_BAD_INPUT);
  ms_run_free(whole);
  ms_run_free(run);
}
END_TEST

/* A checkpoint after two of three epochs, in memory to be freed. */
static char *some_checkpoint(const char *path, const char *const *settings, size_t *size) {
  remove(path); /* of a test before, in the same process */
  ms_error err;
  ms_run *run = test_new("network", settings);
  for (size_t i = 0; i < 3; i++)
    ck_assert_int_eq(ms_run_advance(run, i, &err), MS_OK);
  ms_run_free(run);
  char *bytes = test_read(path, size);
  ck_assert_ptr_nonnull(bytes);
  return bytes;
}

START_TEST(damaged_checkpoints_are_refused) {
  const char *path = test_path("state"), *at = test_text("checkpoint=%s", path);
  const char *const *settings = WITH("layers=3", "epochs=3", "sparsify=pilot", "points=4", at);
  size_t size;
  char *bytes = some_checkpoint(path, settings, &size);
  gsl_rng *rng = ms_random_new(1, MS_STREAM_DATA);
  size_t head = 24 + 24, rounds = test_quick() ? 20 : 200;
  for (size_t k = 0; k < rounds; k++) {
    /* every byte of the head, then anywhere; one bit, or another byte, or an end too early */
    size_t where = k < head ? k : gsl_rng_uniform_int(rng, size), cut = size;
    char kept = bytes[where];
    if (k % 10 == 9)
      cut = where;
    else if (k % 2)
      bytes[where] = (char)(kept ^ (1 << gsl_rng_uniform_int(rng, 8)));
    else
      bytes[where] = (char)(kept + 1 + (int)gsl_rng_uniform_int(rng, 255));
    test_bytes("state", bytes, cut);
    ck_assert_int_eq(test_refused("network", settings, path), MS_BAD_INPUT);
    bytes[where] = kept;
  }
  test_bytes("state", test_text("%*s", (int)size, ""), size);
  ck_assert_int_eq(test_refused("network", settings, path), MS_BAD_INPUT);
  test_file("state", "");
  ck_assert_int_eq(test_refused("network", settings, path), MS_BAD_INPUT);
  test_bytes("state", bytes, size);
  ms_run_free(test_whole("network", settings));
  gsl_rng_free(rng);
  free(bytes);
}
END_TEST

/* CRC-32 bit by bit, as its polynomial says. */
static uint64_t crc_of(const char *bytes, size_t from, size_t to, uint32_t crc) {
  crc = ~crc;
  for (size_t i = from; i < to; i++) {
    crc ^= (unsigned char)bytes[i];
    for (int bit = 0; bit < 8; bit++)
      crc = crc & 1 ? crc >> 1 ^ 0xEDB88320U : crc >> 1;
  }
  return (uint32_t)~crc;
}

/* With a checksum that is right, a state is looked at before it is used. */
START_TEST(states_that_cannot_be_are_refused) {
  enum { SUM = 24 + 16, HEAD = 24 + 24, PROGRESS = 4 * 8 + 6 * 8, RANDOM = 5000 };
  const char *path = test_path("state"), *at = test_text("checkpoint=%s", path);
  const char *const *settings = WITH("layers=3", "epochs=3", "sparsify=pilot", "points=4", at);
  size_t size;
  uint64_t identity, sum;
  char *bytes = some_checkpoint(path, settings, &size);
  memcpy(&identity, bytes + 24, sizeof identity);
  size_t state = HEAD + (size_t)identity;
  const int64_t counts[] = {-1, INT64_MAX, 100, 0};
  const int32_t places[] = {-1, -1000000, 625, INT32_MAX};
  const double numbers[] = {NAN, INFINITY, -INFINITY};
  struct {
    size_t where;
    const void *value;
    size_t size, kinds;
  } bad[] = {
      {state, counts, 8, 3},                     /* epoch */
      {state + 8, counts, 8, 3},                 /* cycle */
      {state + 16, counts, 8, 4},                /* rows recorded */
      {state + 24, counts, 8, 4},                /* epochs seen */
      {state + 32, numbers, 8, 3},               /* alpha */
      {state + 40, numbers, 8, 3},               /* dose */
      {state + PROGRESS + 4992, places, 4, 4},   /* where the random numbers go on */
      {state + PROGRESS + RANDOM, numbers, 8, 3} /* the first weight */
  };
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
    for (size_t i = 0; i < bad[k].kinds; i++) {
      char kept[8];
      memcpy(kept, bytes + bad[k].where, bad[k].size);
      memcpy(bytes + bad[k].where, (const char *)bad[k].value + i * bad[k].size, bad[k].size);
      sum = crc_of(bytes, HEAD, size, (uint32_t)crc_of(bytes, 24, SUM, 0));
      memcpy(bytes + SUM, &sum, sizeof sum);
      test_bytes("state", bytes, size);
      ck_assert_int_eq(test_refused("network", settings, "training cannot be in"), MS_BAD_INPUT);
      memcpy(bytes + bad[k].where, kept, bad[k].size);
    }
  free(bytes);
}
END_TEST

START_TEST(bad_input_is_named) {
  static const struct {
    const char *setting, *says;
  } bad[] = {
      {"layers=300,", "300,"},
      {"layers=12,c3", "square"},
      {"layers=x", "units"},
      {"sparsify=pilto", "pilot"},
      {"param=deep", "mw or uv"},
      {"loss=huber", "logistic"},
      {"method=sde", "sgd"},
      {"t-end=3", "--epochs"},
      {"n=3", "network"},
      {"data=/nowhere.csv", "/nowhere.csv"},
      {"data=" MS_DATA "/diabetes_quad_442x64.csv", "not a label"},
  };
  for (size_t k = 0; k < sizeof bad / sizeof *bad; k++)
    test_refused("network", WITH(bad[k].setting), bad[k].says);
}
END_TEST

Suite *network_suite(void) {
  Suite *s = suite_create("network");
  TCase *t = tcase_create("network");
  tcase_set_timeout(t, 240);
  tcase_add_test(t, gradients_are_those_of_differences);
  tcase_add_test(t, a_convolution_is_the_matrix_it_stands_for);
  tcase_add_test(t, every_way_starts_at_x_and_descends_its_own_objective);
  tcase_add_test(t, exponents_are_those_of_the_potential);
  tcase_add_test(t, the_multiplicative_step_is_that_of_its_flow);
  tcase_add_test(t, gradient_and_mirror_flow_of_a_network_agree);
  tcase_add_test(t, small_steps_follow_the_flow);
  tcase_add_test(t, digits_are_learned_by_every_way);
  tcase_add_test(t, a_small_convolution_learns_digits);
  tcase_add_test(t, spred_keeps_signs_and_pilot_does_not);
  tcase_add_test(t, pruning_leaves_what_was_asked_for);
  tcase_add_test(t, a_resumed_run_has_the_bytes_of_an_uninterrupted_one);
  tcase_add_test(t, damaged_checkpoints_are_refused);
  tcase_add_test(t, states_that_cannot_be_are_refused);
  tcase_add_test(t, bad_input_is_named);
  suite_add_tcase(s, t);
  return s;
}
