/* Matrices of factors: gradients, the mirror flow of commuting measurements, balance, and where
 * constant weight decay ends. */
#include "factored/factored.h"
#include "linalg/dense.h"
#include "tests.h"
#include <float.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- Factorizations ------------------------------------------------------------------------- */

static ms_factors factors_of(const char *name, size_t rows, size_t cols, size_t width,
                             size_t depth) {
  ms_factors f = *ms_factors_find(name);
  f.rows = rows;
  f.cols = cols;
  f.width = width;
  f.depth = depth;
  f.configure(&f);
  return f;
}

/* <G, g(w)> is a polynomial of degree `degree` in w: differences of fourth order are exact up to
 * degree 4, and close beyond. push() is the transpose of pull(). */
static void check_pull(const ms_factors *f) {
  size_t d = f->rows * f->cols;
  double *w = ms_doubles(4 * f->weights), *V = w + f->weights, *dw = V + f->weights,
         *at = dw + f->weights;
  double *X = ms_doubles(2 * d + ms_factors_work(f)), *G = X + d, *work = G + d;
  gsl_rng *rng = ms_random_new(3, MS_STREAM_DATA);
  for (int trial = 0; trial < 3; trial++) {
    ms_random_gaussian(rng, w, f->weights, 0.7);
    ms_random_gaussian(rng, V, f->weights, 0.7);
    ms_random_gaussian(rng, G, d, 1); /* not symmetric: only its symmetric part may count */
    f->pull(f, w, G, dw, work);
    double slope = 0, difference = 0, size = 0, h = f->degree > 4 ? 1e-3 : 0.01;
    for (int k = 0; k < TEST_STENCIL; k++) {
      for (size_t i = 0; i < f->weights; i++)
        at[i] = w[i] + test_at[k] * h * V[i];
      f->map(f, at, X, work);
      for (size_t i = 0; i < d; i++)
        difference += test_weight[k] * G[i] * X[i] / h, size += fabs(G[i] * X[i]);
    }
    for (size_t i = 0; i < f->weights; i++)
      slope += dw[i] * V[i];
    f->push(f, w, V, X, work);
    double pushed = 0;
    for (size_t i = 0; i < d; i++)
      pushed += G[i] * X[i];
    ck_assert_double_eq_tol(pushed, slope, 1e-12 * (1 + size));
    ck_assert_msg(fabs(slope - difference) <= 1e-10 * (1 + size),
                  "%s %zux%zu width %zu depth %zu: "
                  "%.15g and %.15g",
                  f->name, f->rows, f->cols, f->width, f->depth, slope, difference);
  }
  gsl_rng_free(rng);
  free(w);
  free(X);
}

START_TEST(gradients_match_differences) {
  const size_t widths[] = {1, 3, 4, 9};
  for (size_t i = 0; i < 4; i++) {
    ms_factors all[] = {
        factors_of("psd", 4, 4, widths[i], 2),     factors_of("symmetric", 4, 4, widths[i], 2),
        factors_of("general", 4, 6, widths[i], 2), factors_of("general", 6, 4, widths[i], 3),
        factors_of("general", 4, 6, widths[i], 4), factors_of("general", 5, 5, widths[i], 6),
        factors_of("general", 4, 6, widths[i], 1), factors_of("diagonal", 5, 5, widths[i], 2)};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
      check_pull(&all[k]);
  }
}
END_TEST

/* The balance must not feel the loss: its derivative along -J'G is 0 for every G. */
START_TEST(balance_is_conserved_by_every_gradient) {
  ms_factors all[] = {factors_of("symmetric", 4, 4, 3, 2), factors_of("general", 4, 6, 3, 2),
                      factors_of("general", 4, 6, 3, 3), factors_of("general", 6, 4, 5, 4),
                      factors_of("diagonal", 5, 5, 1, 2)};
  gsl_rng *rng = ms_random_new(4, MS_STREAM_DATA);
  for (size_t k = 0; k < sizeof all / sizeof *all; k++) {
    const ms_factors *f = &all[k];
    size_t d = f->rows * f->cols, count = f->balances(f);
    double *w = ms_doubles(3 * f->weights), *dw = w + f->weights, *at = dw + f->weights;
    double *G = ms_doubles(d + ms_factors_work(f)), *B = ms_doubles(2 * count + 1);
    ms_random_gaussian(rng, w, f->weights, 1);
    ms_random_gaussian(rng, G, d, 1);
    f->pull(f, w, G, dw, G + d);
    for (int side = 0; side < 2; side++) { /* quadratic: central differences are exact */
      for (size_t i = 0; i < f->weights; i++)
        at[i] = w[i] + (side ? -0.1 : 0.1) * dw[i];
      f->balance(f, at, B + (size_t)side * count);
    }
    ck_assert_uint_gt(count, 0);
    for (size_t i = 0; i < count; i++)
      ck_assert_double_eq_tol(B[i], B[count + i], 1e-12 * (1 + fabs(B[i])));
    free(w);
    free(G);
    free(B);
  }
  gsl_rng_free(rng);
}
END_TEST

/* ---- Gradient flow and mirror flow ---------------------------------------------------------- */

START_TEST(flows_agree_where_measurements_commute) {
  /* generic U0, V0, every schedule */
  const char *knots = test_file("knots.csv", "t,alpha\n0,0.1\n3,0.4\n3.5,0\n20,0.1\n21,0\n");
  const char *factors[] = {"factors=psd", "factors=symmetric"}, *schedule, *summary;
  int runs = 0;
  for (size_t s = 0; (schedule = ms_list("schedules", s, &summary)); s++)
    for (int k = 0; k < 2; k++, runs++) {
      if (test_quick() && s % 8)
        continue;
      const char *file = strcmp(schedule, "formula") == 0 ? "wd-formula=exp(-t/9)"
                         : strcmp(schedule, "file") == 0  ? test_text("wd-file=%s", knots)
                                                          : "wd-file=";
      ms_run *run = test_whole(
          "sensing", WITH("measure=commuting", factors[k], "init=gaussian", "rows=6", "width=4",
                          k ? "indefinite=on" : "noise=0.1", test_text("seed=%d", runs),
                          test_text("wd-schedule=%s", schedule), file, "wd=0.05", "t-end=40",
                          "rtol=1e-10", "flow=both", "points=30"));
      ck_assert_msg(ms_run_summary(run, "gf_mf_gap") <= 1e-6, "%s %s: gap %g", schedule, factors[k],
                    ms_run_summary(run, "gf_mf_gap"));
      if (k)
        ck_assert_msg(ms_run_summary(run, "invariant_drift") <= 1e-8, "%s: drift %g", schedule,
                      ms_run_summary(run, "invariant_drift"));
      ms_run_free(run);
    }
  ck_assert_int_ge(runs, 20);
}
END_TEST

/* Q'X Q on the diagonal. */
static void diagonal_in(size_t k, const double *Q, const double *X, double *diagonal) {
  double *XQ = ms_doubles(k * k);
  ms_multiply(false, false, k, k, k, 1, X, Q, 0, XQ);
  for (size_t j = 0; j < k; j++) {
    diagonal[j] = 0;
    for (size_t i = 0; i < k; i++)
      diagonal[j] += Q[j * k + i] * XQ[j * k + i];
  }
  free(XQ);
}

/* In the eigenvectors that all measurements share, eigenvalues are the x of a separable problem z x
 * = y, whose potential at the dose has the gradient mu(x): its least point among the solutions is
 * the one whose mu is a combination of rows of z. */
START_TEST(commuting_ends_where_the_potential_of_eigenvalues_is_least) {
  enum { K = 6, N = 3 };
  for (int k = 0; k < 4; k++) {
    bool both = k % 2, decays = k / 2;
    ms_run *run =
        test_whole("sensing", WITH("measure=commuting", both ? "factors=symmetric" : "factors=psd",
                                   "flow=gradient", "rows=6", "n=3", "init=identity",
                                   "init-scale=0.01", both ? "indefinite=on" : "indefinite=off",
                                   decays ? "wd-schedule=step" : "wd-schedule=none", "wd=0.05",
                                   "wd-off=6", "stop-loss=1e-20", "rtol=1e-11", "points=20"));
    ms_objective *o = ms_factored_objective(run);
    double unit[N] = {1}, Q[K * K], A[K * K], sigma[K], x[K], row[K], z[N * K];
    ms_objective_adjoint(o, unit, Q);
    ck_assert_int_eq(ms_symmetric_eigen(K, Q, sigma), 0);
    diagonal_in(K, Q, run->x, x);
    double scale = 0.01 * (decays ? exp(-4 * 0.05 * 6) : 1), mu[K], size = 0;
    double rounding = 0; /* of the smallest x beside the others in the entries of X, seen by mu */
    for (size_t j = 0; j < K; j++) {
      mu[j] = (both ? asinh(x[j] / (2 * scale)) : log(x[j] / scale)) / 4;
      size = fmax(size, fabs(mu[j]));
      rounding = fmax(rounding, DBL_EPSILON / 4 / (both ? hypot(x[j], 2 * scale) : x[j]));
    }
    for (size_t i = 0; i < N; i++) {
      double zx = 0;
      for (size_t j = 0; j < N; j++)
        unit[j] = i == j;
      ms_objective_adjoint(o, unit, A);
      diagonal_in(K, Q, A, row);
      for (size_t j = 0; j < K; j++) {
        z[j * N + i] = row[j];
        zx += row[j] * x[j];
      }
      ck_assert_double_eq_tol(zx, o->problem->y[i], 1e-8);
    }
    double off = test_off_rows(&(ms_matrix){.n = N, .d = K, .values = z}, mu);
    ck_assert_double_gt(size, 0.2);
    ck_assert_msg(off <= 1e-8 * size + rounding, "%d: %g of %g", k, off, size);
    ms_run_free(run);
  }
}
END_TEST

/* From multiples of the identity the eigenvalues have closed forms in those of M. */
START_TEST(spectral_entropies) {
  ms_factors psd = factors_of("psd", 3, 3, 3, 2), symmetric = factors_of("symmetric", 3, 3, 3, 2);
  double unit[18] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1};
  double M[9] = {0.3, 0.1, -0.2, 0.1, -0.4, 0.05, -0.2, 0.05, 0.1}, E[9], m[3], X[9], x[3];
  double *work = ms_doubles(ms_factors_work(&psd));
  memcpy(E, M, sizeof E);
  ck_assert_int_eq(ms_symmetric_eigen(3, E, m), 0);
  ck_assert_int_eq(psd.spectral(&psd, unit, log(0.7), M, X, work), 0);
  ck_assert_int_eq(ms_symmetric_eigen(3, X, x), 0);
  for (int i = 0; i < 3; i++) /* grad R = (log X - log beta) / 4 */
    ck_assert_double_eq_tol((log(x[i]) - log(0.7)) / 4, m[i], 1e-14);
  ck_assert_int_eq(symmetric.spectral(&symmetric, unit, log(0.7), M, X, work), 0);
  ck_assert_int_eq(ms_symmetric_eigen(3, X, x), 0);
  for (int i = 0; i < 3; i++)
    ck_assert_double_eq_tol(x[i], 2 * 0.7 * sinh(4 * m[i]), 1e-14);
  M[0] = 1000; /* overflow asks for a smaller step */
  ck_assert_int_gt(symmetric.spectral(&symmetric, unit, 0, M, X, work), 0);
  free(work);
}
END_TEST

/* How spectral X moves with M, by differences of fourth order along random directions, also where
 * eigenvalues meet. Factors start as multiples of the identity. */
START_TEST(slopes_of_spectral_maps) {
  enum { K = 4 };
  gsl_rng *rng = ms_random_new(5, MS_STREAM_DATA);
  for (int k = 0; k < 2; k++)
    for (int trial = 0; trial < 4; trial++) {
      ms_factors f = factors_of(k ? "symmetric" : "psd", K, K, K, 2);
      double w[2 * K * K] = {0}, M[K * K], V[K * K], at[K * K], X[K * K], dX[K * K] = {0};
      double Q[K * K], D[K * K], T[K * K], U[K * K], h = 1e-3, size = 0;
      double *work = ms_doubles(ms_factors_work(&f));
      for (size_t i = 0; i < K; i++)
        w[i * (K + 1)] = 1.3, w[K * K + i * (K + 1)] = trial % 2 ? 0.6 : 1.3;
      ms_random_gaussian(rng, M, K * K, trial < 2 ? 0.3 : 0);
      ms_random_gaussian(rng, V, K * K, 1);
      ms_symmetrize(K, M, M);
      ms_symmetrize(K, V, V);
      for (int s = 0; s < TEST_STENCIL; s++) {
        for (size_t i = 0; i < K * K; i++)
          at[i] = M[i] + test_at[s] * h * V[i];
        ck_assert_int_eq(f.spectral(&f, w, -0.4, at, X, work), 0);
        for (size_t i = 0; i < K * K; i++)
          dX[i] += test_weight[s] * X[i] / h;
      }
      ck_assert_int_eq(f.spectral_slope(&f, w, -0.4, M, Q, D, work), 0);
      ms_multiply(true, false, K, K, K, 1, Q, V, 0, T);
      ms_multiply(false, false, K, K, K, 1, T, Q, 0, U);
      for (size_t i = 0; i < K * K; i++) {
        ck_assert_double_ge(D[i], 0);
        U[i] *= D[i];
        size = fmax(size, fabs(dX[i]));
      }
      ms_multiply(false, false, K, K, K, 1, Q, U, 0, T);
      ms_multiply(false, true, K, K, K, 1, T, Q, 0, U);
      ck_assert_double_gt(size, 0.1);
      for (size_t i = 0; i < K * K; i++)
        ck_assert_double_eq_tol(U[i], dX[i], 1e-9 * size);
      M[0] = 1000; /* overflow */
      ck_assert_int_gt(f.spectral_slope(&f, w, 0, M, Q, D, work), 0);
      free(work);
    }
  gsl_rng_free(rng);
}
END_TEST

START_TEST(spectral_flow_is_a_comparison_where_measurements_do_not_commute) {
  const char *kinds[] = {"measure=gaussian", "measure=entries", "measure=rank-one"};
  for (int k = 0; k < (test_quick() ? 1 : 3); k++) {
    ms_run *run = test_whole("sensing", WITH(kinds[k], "rows=5", "t-end=100", "points=20",
                                             "flow=both", "wd-schedule=none"));
    ck_assert_msg(ms_run_summary(run, "gf_mf_gap") > 1e-4, "%s: gap %g", kinds[k],
                  ms_run_summary(run, "gf_mf_gap"));
    ck_assert_ptr_nonnull(ms_run_note(run, 0));
    ck_assert_ptr_nonnull(strstr(ms_run_note(run, 0), "do not commute"));
    ms_run_free(run);
  }
}
END_TEST

/* ---- Balance -------------------------------------------------------------------------------- */

START_TEST(balance_decays_with_the_dose) {
  const char *const *kinds[] = {
      WITH("factors=general", "init=gaussian", "rows=5", "cols=7", "width=3"),
      WITH("factors=general", "init=gaussian", "rows=5", "depth=3", "init-scale=0.3"),
      WITH("factors=general", "init=gaussian", "rows=4", "depth=4", "init-scale=0.5"),
      WITH("factors=symmetric", "init=gaussian", "rows=5", "width=2", "measure=gaussian"),
      WITH("factors=diagonal", "init=zero-first", "rows=6", "measure=gaussian", "n=4")};
  for (size_t k = 0; k < (test_quick() ? 1 : sizeof kinds / sizeof *kinds); k++) {
    ms_run *run =
        test_new("sensing", test_join(kinds[k], WITH("wd=0.02", "wd-schedule=cosine", "t-end=60",
                                                     "rtol=1e-10", "points=20", "flow=gradient")));
    double first = NAN;
    ms_status status = MS_OK;
    while (test_step(run, &status)) {
      double now = ms_run_observe(run, "balance");
      if (ms_run_t(run) == 0)
        first = now;
      ck_assert_double_gt(first, 0);
      ck_assert_double_eq_tol(now, first * exp(-4 * ms_run_observe(run, "dose")), 1e-8);
    }
    ms_run_finish(run, status, NULL, NULL);
    ck_assert_double_gt(ms_run_summary(run, "dose"), 0.1);
    ck_assert_msg(ms_run_summary(run, "invariant_drift") <= 1e-8, "kind %zu: %g", k,
                  ms_run_summary(run, "invariant_drift"));
    ms_run_free(run);
  }
}
END_TEST

/* ---- Constant weight decay ------------------------------------------------------------------ */

/* 0 in G + lambda d|X|_*, spelt out in singular vectors: U'GV = -lambda on the support of X, and
 * at most lambda off it (for X >= 0: G + lambda >= 0 there). */
static double nuclear_violation(const ms_run *run, double lambda, bool positive) {
  ms_objective *o = ms_factored_objective(run);
  size_t r = o->rows, c = o->cols, k = MS_MIN(r, c), d;
  const double *X = ms_run_x(run, &d);
  double *U = ms_doubles(r * k + c * k + k + 4 * d), *Vt = U + r * k, *sigma = Vt + c * k,
         *G = sigma + k, *GV = G + d, *B = GV + d, *P = B + d, worst = 0;
  o->value(o, X, G);
  if (positive || o->packed)
    ms_symmetrize(r, G, G);
  ck_assert_int_eq(ms_singular(r, c, X, sigma, U, Vt), 0);
  size_t rank = 0;
  while (rank < k && sigma[rank] > 1e-5 * sigma[0])
    rank++;
  ms_multiply(false, true, r, k, c, 1, G, Vt, 0, GV);
  ms_multiply(true, false, k, k, r, 1, U, GV, 0, B); /* U'GV */
  for (size_t j = 0; j < k; j++)
    for (size_t i = 0; i < k; i++)
      if (i < rank || j < rank)
        worst = fmax(worst, fabs(B[j * k + i] + (i == j ? lambda : 0)));
  /* the rest of G, off the support on both sides */
  memcpy(P, G, d * sizeof *P);
  for (size_t i = 0; i < rank; i++) {
    double *Gv = GV; /* P -= u (u'P), P -= (P v) v' */
    for (size_t b = 0; b < c; b++) {
      double dot = 0;
      for (size_t a = 0; a < r; a++)
        dot += U[i * r + a] * P[b * r + a];
      for (size_t a = 0; a < r; a++)
        P[b * r + a] -= dot * U[i * r + a];
    }
    for (size_t a = 0; a < r; a++) {
      Gv[a] = 0;
      for (size_t b = 0; b < c; b++)
        Gv[a] += P[b * r + a] * Vt[b * k + i];
    }
    for (size_t b = 0; b < c; b++)
      for (size_t a = 0; a < r; a++)
        P[b * r + a] -= Gv[a] * Vt[b * k + i];
  }
  if (positive) {
    ck_assert_int_eq(ms_symmetric_eigen(r, P, sigma), 0);
    worst = fmax(worst, -sigma[0] - lambda);
  } else {
    ck_assert_int_eq(ms_singular(r, c, P, sigma, NULL, NULL), 0);
    worst = fmax(worst, sigma[0] - lambda);
  }
  ck_assert_uint_gt(rank, 0);
  free(U);
  return worst;
}

START_TEST(constant_decay_ends_at_the_nuclear_norm_regularized_solution) {
  const char *const *kinds[] = {
      WITH("factors=psd", "measure=gaussian"),
      WITH("factors=psd", "measure=commuting", "n=5"),
      WITH("factors=symmetric", "indefinite=on", "measure=gaussian"),
      WITH("factors=general", "cols=8", "measure=entries", "init=gaussian"),
      WITH("factors=general", "measure=rank-one", "init=zero-first"),
  };
  const double cost[] = {1, 1, 1, 2, 2};
  for (size_t k = 0; k < (test_quick() ? 1 : sizeof kinds / sizeof *kinds); k++) {
    ms_run *run = test_whole("sensing", test_join(kinds[k], WITH("wd=0.01", "wd-schedule=constant",
                                                                 "rows=6", "noise=0.1")));
    double violation = nuclear_violation(run, cost[k] * 0.01, k < 2);
    ck_assert_msg(violation <= 1e-6, "kind %zu: %g (%s after t = %g, kkt_residual %g)", k,
                  violation, "", ms_run_summary(run, "t_end"), ms_run_summary(run, "kkt_residual"));
    ck_assert_double_le(ms_run_summary(run, "kkt_residual"), 1e-5);
    ms_run_free(run);
  }
}
END_TEST

/* Balanced factors are the cheapest of their X: sum |W_j|^2 = cost |X|_*. */
START_TEST(costs_of_balanced_factors) {
  enum { K = 4 };
  gsl_rng *rng = ms_random_new(5, MS_STREAM_DATA);
  for (size_t i = 0; ms_factors_at(i); i++) {
    ms_factors f = factors_of(ms_factors_at(i)->name, K, K, K, 2);
    double w[2 * K * K] = {0}, X[K * K], sigma[K], sum = 0, size = 0, out[K * K] = {0};
    double *work = ms_doubles(ms_factors_work(&f));
    ms_random_gaussian(rng, w, f.weights, 1);
    for (size_t k = 0; k < f.weights / 2; k++) {
      size_t row = k % K, col = k / K;
      if (f.symmetric && !f.positive) /* U'V = 0: each has rows of its own */
        w[row < 2 ? k + f.weights / 2 : k] = 0;
      else if (!f.positive) /* A = B', q = k */
        w[f.diagonal ? k + K : K * K + row * K + col] = w[k];
    }
    f.map(&f, w, X, work);
    if (f.balance)
      f.balance(&f, w, out);
    for (size_t k = 0; k < K * K; k++)
      ck_assert_double_le(fabs(out[k]), 1e-14);
    ck_assert_int_eq(ms_singular(K, K, X, sigma, NULL, NULL), 0);
    for (size_t k = 0; k < K; k++)
      sum += sigma[k];
    for (size_t k = 0; k < f.weights; k++)
      size += w[k] * w[k];
    ck_assert_msg(fabs(size - f.cost * sum) <= 1e-12 * size, "%s: %.15g, not %g times %.15g",
                  f.name, size, f.cost, sum);
    free(work);
  }
  gsl_rng_free(rng);
}
END_TEST

/* Of f(X) = (x_11 - 1)^2 / 2 it is the matrix with the eigenvalue 1 - lambda. */
START_TEST(nuclear_kkt_tells_solutions_from_others) {
  double X[4] = {0.7, 0, 0, 0}, G[4] = {-0.3, 0, 0, 0.1}, zero[4] = {0};
  ck_assert_double_le(ms_nuclear_kkt(2, 2, false, X, G, 0.3, 1), 1e-15);
  ck_assert_double_gt(ms_nuclear_kkt(2, 2, false, X, G, 0.2, 1), 0.05);
  G[3] = 0.5; /* off the support more than lambda: wrong, but right for X >= 0 */
  ck_assert_double_gt(ms_nuclear_kkt(2, 2, false, X, G, 0.3, 1), 0.1);
  ck_assert_double_le(ms_nuclear_kkt(2, 2, true, X, G, 0.3, 1), 1e-15);
  G[3] = -0.5; /* it should grow */
  ck_assert_double_gt(ms_nuclear_kkt(2, 2, true, X, G, 0.3, 1), 0.1);
  ck_assert_double_gt(ms_nuclear_kkt(2, 2, true, zero, G, 0.3, 1), 0.1); /* the saddle at 0 */
  ck_assert_double_le(ms_nuclear_kkt(2, 2, true, zero, G, 0.6, 1), 1e-15);
}
END_TEST

/* ---- Settings and determinism --------------------------------------------------------------- */

START_TEST(same_seed_same_bytes) {
  const char *const *kinds[] = {
      WITH("rows=5", "t-end=50", "factors=psd", "noise=0.1"),
      WITH("rows=5", "t-end=50", "factors=general", "measure=entries", "init=gaussian"),
      WITH("rows=5", "t-end=50", "measure=commuting", "seed=4")};
  for (size_t k = 0; k < (test_quick() ? 1 : 3); k++) {
    ms_run *a = test_whole("sensing", kinds[k]), *b = test_whole("sensing", kinds[k]);
    char *first = ms_run_json(a, false), *second = ms_run_json(b, false);
    ck_assert_str_eq(first, second);
    free(first);
    free(second);
    ms_run_free(a);
    ms_run_free(b);
  }
}
END_TEST

START_TEST(truths) {
  gsl_rng *rng = ms_random_new(5, MS_STREAM_TRUTH);
  double X[36], sigma[6];
  ck_assert_int_eq(ms_low_rank(X, 6, 6, 3, true, false, rng, NULL), MS_OK);
  ck_assert_int_eq(ms_symmetric_eigen(6, X, sigma), 0);
  ck_assert_double_gt(sigma[0], -1e-12); /* positive semidefinite */
  ck_assert_double_gt(sigma[3], 1e-3);
  ck_assert_double_lt(sigma[2], 1e-12);
  ck_assert_double_eq_tol(sigma[3] + sigma[4] + sigma[5], 3, 1e-12);
  ck_assert_int_eq(ms_low_rank(X, 6, 6, 3, true, true, rng, NULL), MS_OK);
  ck_assert_int_eq(ms_symmetric_eigen(6, X, sigma), 0);
  ck_assert(sigma[0] < -1e-3 && sigma[5] > 1e-3);
  gsl_rng_free(rng);
}
END_TEST

/* The same run from a file of its measurements as from its seed. */
START_TEST(measurements_from_a_file) {
  const char *path = test_path("data.csv"), *data = test_text("data=%s", path);
  const char *factors[] = {"factors=general", "factors=symmetric"};
  for (int k = 0; k < 2; k++) {
    const char *cols = k ? "cols=3" : "cols=4";
    ms_run *seeded = test_new(
        "sensing", WITH(factors[k], "rows=3", cols, "n=5", "t-end=9", "flow=gradient", "rank=1"));
    ms_objective *o = ms_factored_objective(seeded);
    FILE *file = fopen(path, "w");
    fprintf(file, "y");
    for (size_t j = 0; j < o->rows * o->cols; j++)
      fprintf(file, ",a%zu", j);
    double e[5], A[12];
    for (size_t i = 0; i < 5; i++) {
      for (size_t j = 0; j < 5; j++)
        e[j] = i == j;
      ms_objective_adjoint(o, e, A);
      fprintf(file, "\n%.17g", o->problem->y[i]);
      for (size_t r = 0; r < o->rows; r++)
        for (size_t c = 0; c < o->cols; c++)
          fprintf(file, ",%.17g", A[c * o->rows + r]);
    }
    fputc('\n', file);
    fclose(file);
    ms_run_free(seeded);
    seeded = test_whole(
        "sensing", WITH(factors[k], "rows=3", cols, "n=5", "t-end=9", "flow=gradient", "rank=1"));
    ms_run *read =
        test_whole("sensing", WITH(factors[k], "rows=3", data, "t-end=9", "flow=gradient"));
    size_t d, again;
    const double *X = ms_run_x(seeded, &d), *Y = ms_run_x(read, &again);
    ck_assert_uint_eq(d, again);
    for (size_t j = 0; j < d; j++)
      ck_assert_double_eq_tol(X[j], Y[j], 1e-9);
    ck_assert(isnan(ms_run_observe(read, "truth_error")));
    ms_run_free(seeded);
    ms_run_free(read);
    test_refused("sensing", WITH(data, "rows=5"), "--rows");
    test_refused("sensing", WITH(factors[k], data, "rows=3", "rank=2"), "--rank");
  }
}
END_TEST

/* ---- Facts of the literature ---------------------------------------------------------------- */

/* A file of [? 1; 1 0] or [? -1; 1 0]. */
#define RAZIN(x12)                                                                                 \
  test_file("data.csv", "y,a11,a12,a21,a22\n" x12 ",0,1,0,0\n1,0,0,1,0\n0,0,0,0,1\n")

/* Razin and Cohen 2020, arXiv 2005.06398: of [? 1; 1 0] with det X(0) > 0 the unseen entry grows
 * without bound, and with it all norms: f -> 0 takes sigma_2 <= 3 sqrt 2 sqrt(2 f'), f' = sum of
 * squares / 2. Weight decay bounds it. */
START_TEST(norms_that_grow_without_bound) {
  const char *data = test_text("data=%s", RAZIN("1"));
  const char *depths[] = {"depth=2", "depth=3"};
  double grown[2];
  for (int k = 0; k < (test_quick() ? 1 : 2); k++) {
    const char *until = k ? "t-end=3000" : "t-end=60";
    ms_run *run = test_new("sensing", WITH(data, "factors=general", depths[k], "init=identity",
                                           "init-scale=0.1", "wd-schedule=none", until, "points=80",
                                           "stop-loss=1e-300", "rtol=1e-10"));
    ms_status status = MS_OK;
    double first = NAN, last = 0;
    for (int i = 0; test_step(run, &status); i++) {
      size_t d, count;
      const double *X = ms_run_x(run, &d), *sigma = ms_factored_spectrum(run, &count);
      double squares = 6 * ms_run_observe(run, "loss"); /* f = sum / (2 * 3) */
      ck_assert_double_le(sigma[1], 3 * sqrt(2) * sqrt(squares) + 1e-12);
      if (sigma[1] > 1e-12)
        ck_assert_double_gt(X[0] * X[3] - X[1] * X[2], 0);
      if (i == 20)
        first = sigma[0];
      last = sigma[0];
    }
    ms_run_finish(run, status, NULL, NULL);
    ck_assert_msg(last > 1.5 * first, "%s: %g to %g", depths[k], first, last);
    grown[k] = last;
    ms_run_free(run);
    run = test_whole("sensing", WITH(data, "factors=general", depths[k], "init=identity",
                                     "init-scale=0.1", "wd-schedule=constant", "wd=0.02",
                                     "t-end=3000", "points=10", "rtol=1e-8"));
    ck_assert_double_lt(ms_run_observe(run, "sigma_1"), grown[k]);
    ms_run_free(run);
  }
}
END_TEST

/* ... and of the other sign of the determinant, it does not grow: X diag(1, -1) is a product that
 * starts with det X(0) < 0 and comes to [? 1; 1 0], whose determinant is -1 whatever the unseen
 * entry is. */
START_TEST(norms_that_stay) {
  const char *depths[] = {"depth=2", "depth=3"}, *data = test_text("data=%s", RAZIN("-1"));
  for (int k = 0; k < 2; k++) {
    ms_run *run = test_whole("sensing", WITH(data, "factors=general", depths[k], "init=identity",
                                             "init-scale=0.1", "wd-schedule=none", "t-end=3000",
                                             "points=10", "stop-loss=1e-20", "rtol=1e-10"));
    size_t d;
    const double *X = ms_run_x(run, &d);
    ck_assert_double_lt(ms_run_observe(run, "loss"), 1e-18);
    ck_assert_double_eq_tol(X[0] * X[3] - X[1] * X[2], 1, 1e-8);
    ck_assert_msg(ms_run_summary(run, "nuclear_norm") < 2.1, "%s: %g", depths[k],
                  ms_run_summary(run, "nuclear_norm"));
    ms_run_free(run);
  }
}
END_TEST

/* Arora et al. 2019, arXiv 1905.13655: of N balanced factors without weight decay each singular
 * value moves by itself, dsigma_r/dt = -N sigma_r^{2 - 2/N} <G, u_r v_r'>. Here by differences
 * along the gradient flow of the factors, error h^4 sigma^(5) / 30. */
START_TEST(singular_values_of_balanced_factors) {
  const char *depths[] = {"depth=2", "depth=3", "depth=4"};
  for (int k = 0; k < 3; k++) {
    double N = k + 2, h = 1e-2, sigma[5][4] = {0}, slope[4];
    ms_run *run = test_new("sensing", WITH("factors=general", depths[k], "init=identity", "rows=4",
                                           "rank=2", "n=30", "init-scale=0.2", "wd-schedule=none",
                                           "t-end=10", "rtol=1e-11"));
    ms_objective *o = ms_factored_objective(run);
    double *G = ms_doubles(16);
    gsl_matrix *U = gsl_matrix_alloc(4, 4), *V = gsl_matrix_alloc(4, 4);
    gsl_vector *S = gsl_vector_alloc(4), *work = gsl_vector_alloc(4);
    for (int i = 0; i < 10; i++) {
      for (int j = 0; j < 5; j++) {
        double t = 0.5 * (i + 1) + (j - 2) * h;
        ms_error err = {0};
        ck_assert_msg(run->model->advance(run, &t, &err) == MS_OK, "%s", err.message);
        size_t count;
        const double *now = ms_factored_spectrum(run, &count);
        memcpy(sigma[j], now, sizeof sigma[j]);
        if (j != 2)
          continue;
        o->value(o, run->x, G);
        memcpy(U->data, run->x, 16 * sizeof *G);
        gsl_linalg_SV_decomp(U, V, S, work);
        for (size_t r = 0; r < 4; r++) {
          double inner = 0;
          for (size_t a = 0; a < 4; a++)
            for (size_t b = 0; b < 4; b++)
              inner += G[4 * a + b] * gsl_matrix_get(U, a, r) * gsl_matrix_get(V, b, r);
          slope[r] = -N * pow(now[r], 2 - 2 / N) * inner;
        }
      }
      for (size_t r = 0; r < 4; r++) {
        double found = (sigma[0][r] - 8 * sigma[1][r] + 8 * sigma[3][r] - sigma[4][r]) / (12 * h);
        ck_assert_msg(fabs(found - slope[r]) <= 2e-6 * fabs(slope[r]) + 1e-8,
                      "%g factors, sigma_%zu at t = %g: %.10g, not %.10g", N, r + 1, 0.5 * (i + 1),
                      found, slope[r]);
      }
    }
    gsl_matrix_free(U);
    gsl_matrix_free(V);
    gsl_vector_free(S);
    gsl_vector_free(work);
    free(G);
    ms_run_free(run);
  }
}
END_TEST

/* Without noise and at one common horizon: on, then off, is nearer to the truth than never on, and
 * than constant weight decay of any strength. */
START_TEST(on_then_off_recovers_best) {
  if (test_quick())
    return;
  const char *alphas[] = {"wd=1e-4", "wd=1e-3", "wd=1e-2", "wd=0.1", "wd=0.3"};
  ms_run *run = test_whole("sensing", WITH("flow=gradient", "t-end=300", "points=5"));
  double best = ms_run_observe(run, "truth_error");
  ms_run_free(run);
  run = test_whole("sensing", WITH("flow=gradient", "t-end=300", "points=5", "wd-schedule=none"));
  double never = ms_run_observe(run, "truth_error");
  ms_run_free(run);
  ck_assert_msg(best < never / 10, "on, then off %g; never %g", best, never);
  for (size_t i = 0; i < (test_quick() ? 1 : sizeof alphas / sizeof *alphas); i++) {
    run = test_whole("sensing", WITH("flow=gradient", "t-end=300", "points=5",
                                     "wd-schedule=constant", alphas[i]));
    double constant = ms_run_observe(run, "truth_error");
    ms_run_free(run);
    ck_assert_msg(best < constant, "on, then off %g; %s for ever %g", best, alphas[i], constant);
  }
}
END_TEST

START_TEST(a_formula_trains_as_the_loss_it_spells) {
  const char *const losses[][3] = {
      {"loss=squared", "loss-formula=", "0.5*(z-y)^2"},
      {"loss=huber", "loss-formula=", "min(abs(z-y), 1)*(abs(z-y) - min(abs(z-y), 1)/2)"}};
  for (int k = 0; k < 4; k++) {
    char formula[100];
    snprintf(formula, sizeof formula, "loss-formula=%s", losses[k / 2][2]);
    const char *measure = k % 2 ? "measure=commuting" : "measure=gaussian";
    ms_run *named = test_whole("sensing", WITH("rows=5", measure, "t-end=20", losses[k / 2][0]));
    ms_run *spelled =
        test_whole("sensing", WITH("rows=5", measure, "t-end=20", "loss=custom", formula));
    size_t d;
    const double *x = ms_run_x(named, &d), *y = ms_run_x(spelled, &d);
    for (size_t i = 0; i < d; i++)
      ck_assert_double_eq_tol(x[i], y[i], 1e-12);
    if (k % 2)
      ck_assert_double_le(spelled->worst_gap, 1e-6);
    ck_assert_double_gt(ms_largest(x, d), 0.1);
    ms_run_free(named);
    ms_run_free(spelled);
  }
  test_gradient("sensing",
                WITH("rows=5", "factors=general", "loss=custom", "loss-formula=log(cosh(z-y))"));
  ms_run *run = test_whole("sensing", WITH("rows=5", "loss=custom", "loss-formula=log(cosh(z-y))"));
  ck_assert_str_eq(run->status, "stationary");
  ms_run_free(run);
}
END_TEST

START_TEST(wrong_settings_are_rejected) {
  const struct {
    const char *const *settings;
    const char *says;
  } all[] = {
      {WITH("rows=4", "rank=5"), "--rank"},
      {WITH("rows=4", "cols=5"), "--cols"},
      {WITH("rows=4", "cols=5", "factors=general", "measure=commuting"), "--measure"},
      {WITH("rows=4", "n=11", "measure=entries"), "--n"},
      {WITH("rows=4", "factors=psd", "init=zero-first"), "--init"},
      {WITH("rows=4", "factors=psd", "width=3"), "--width"},
      {WITH("rows=4", "factors=general", "flow=mirror"), "--flow mirror"},
      {WITH("rows=4", "flow=saddle"), "--flow saddle"},
      {WITH("rows=4", "depth=3"), "--depth"},
      {WITH("rows=4", "factors=general", "depth=9"), "--depth"},
      {WITH("rows=4", "method=sgd"), "--method"},
      {WITH("rows=4", "loss=logistic"), "--loss"},
      {WITH("rows=4", "loss=custom"), "needs --loss-formula"},
      {WITH("rows=4", "loss-formula=z^2"), "--loss-formula: goes with --loss custom"},
      {WITH("rows=4", "loss=custom", "loss-formula=abs(z-y)"), "kink"},
      {WITH("rows=4", "param=uv"), "--param"},
      {WITH("rows=4", "init-scale=0"), "--init-scale"},
      {WITH("rows=4", "init-scale=1e-400", "flow=gradient"), "--init-scale"},
      {WITH("factors=unknown"), "--factors"},
      {WITH("measure=gausian"), "gaussian"},
      {WITH("rows=0"), "--rows"},
  };
  for (size_t i = 0; i < sizeof all / sizeof *all; i++)
    test_refused("sensing", all[i].settings, all[i].says);
}
END_TEST

Suite *factored_suite(void) {
  Suite *suite = suite_create("factored");
  TCase *tc = tcase_create("factored");
  tcase_set_timeout(tc, 60);
  tcase_add_test(tc, gradients_match_differences);
  tcase_add_test(tc, balance_is_conserved_by_every_gradient);
  tcase_add_test(tc, flows_agree_where_measurements_commute);
  tcase_add_test(tc, commuting_ends_where_the_potential_of_eigenvalues_is_least);
  tcase_add_test(tc, spectral_entropies);
  tcase_add_test(tc, slopes_of_spectral_maps);
  tcase_add_test(tc, spectral_flow_is_a_comparison_where_measurements_do_not_commute);
  tcase_add_test(tc, balance_decays_with_the_dose);
  tcase_add_test(tc, constant_decay_ends_at_the_nuclear_norm_regularized_solution);
  tcase_add_test(tc, costs_of_balanced_factors);
  tcase_add_test(tc, nuclear_kkt_tells_solutions_from_others);
  tcase_add_test(tc, same_seed_same_bytes);
  tcase_add_test(tc, truths);
  tcase_add_test(tc, measurements_from_a_file);
  tcase_add_test(tc, norms_that_grow_without_bound);
  tcase_add_test(tc, norms_that_stay);
  tcase_add_test(tc, singular_values_of_balanced_factors);
  tcase_add_test(tc, on_then_off_recovers_best);
  tcase_add_test(tc, a_formula_trains_as_the_loss_it_spells);
  tcase_add_test(tc, wrong_settings_are_rejected);
  suite_add_tcase(suite, tc);
  return suite;
}
