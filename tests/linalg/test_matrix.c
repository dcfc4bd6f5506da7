/* matrix.h for dense and sparse matrices and several threads, cg.h and mtx.h. */
#include "linalg/cg.h"
#include "linalg/mtx.h"
#include "tests.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

static uint64_t state = 1;

static double uniform(double low, double high) {
  state = state * 6364136223846793005U + 1442695040888963407U;
  return low + (high - low) * (double)(state >> 11) * 0x1p-53;
}

static double *random_vector(size_t n) {
  double *v = ms_doubles(n);
  for (size_t i = 0; i < n; i++)
    v[i] = uniform(-1, 1);
  return v;
}

/* The roundings of `count` additions grow like its root. Check writes a file at each assertion: so
 * only where there is something to say. */
static void near(double got, long double want, long double terms, size_t count, const char *what,
                 size_t i) {
  if (!(fabsl(got - want) <= 0x1p-53L * (50 + sqrtl((long double)count)) * terms))
    ck_abort_msg("%s %zu: %.17g, expected %.17Lg", what, i, got, want);
}

/* ---- One matrix, dense and sparse ----------------------------------------------------------- */

typedef enum pattern { FULL, SCATTERED, ONE_ENTRY, ZERO, PATTERNS } pattern;

typedef struct pair {
  ms_matrix *dense, *sparse;
} pair;

/* Every third column and every fifth row of a SCATTERED matrix is empty. Entries come in a random
 * order, some in two parts. */
static pair new_pair(size_t n, size_t d, pattern fill) {
  size_t count = 0;
  int32_t *row = malloc(2 * n * d * sizeof *row), *column = malloc(2 * n * d * sizeof *column);
  double *value = ms_doubles(2 * n * d);
  pair both;
  ck_assert_int_eq(ms_matrix_new(&both.dense, n, d, NULL), MS_OK);
  for (size_t j = 0; j < d; j++)
    for (size_t i = 0; i < n; i++) {
      if (fill == ZERO || (fill == ONE_ENTRY && (i != n / 2 || j != d - 1)) ||
          (fill == SCATTERED && (j % 3 == 1 || i % 5 == 2 || uniform(0, 1) < 0.7)))
        continue;
      double whole = uniform(-1, 1), part = uniform(0, 1) < 0.1 ? uniform(-1, 1) : 0;
      both.dense->values[j * n + i] = part + whole;
      for (int k = 0; k < 1 + (part != 0); k++) {
        row[count] = (int32_t)i;
        column[count] = (int32_t)j;
        value[count++] = k ? part : whole;
      }
    }
  for (size_t k = count; k-- > 1;) {
    size_t other = (size_t)uniform(0, (double)k + 1);
    int32_t r = row[k], c = column[k];
    double v = value[k];
    row[k] = row[other], column[k] = column[other], value[k] = value[other];
    row[other] = r, column[other] = c, value[other] = v;
  }
  ck_assert_int_eq(ms_matrix_sparse(&both.sparse, n, d, count, row, column, value, NULL), MS_OK);
  ck_assert_ptr_null(both.sparse->values);
  ck_assert(n * d > 0 && both.sparse->start[d] <= n * d);
  free(row);
  free(column);
  free(value);
  return both;
}

static void free_pair(pair both) {
  ms_matrix_free(both.dense);
  ms_matrix_free(both.sparse);
}

/* The last ones are large enough for threads, and beyond one block. */
static const struct {
  size_t n, d;
} sizes[] = {{1, 1},     {1, 9},     {9, 1},      {4, 7},      {40, 30},   {3, 17000},
             {17000, 3}, {90, 4000}, {1, 300000}, {300000, 1}, {700, 900}, {4000, 100}};
enum { SIZES = sizeof sizes / sizeof *sizes };

/* The largest are left out under a memory checker. */
static bool omitted(size_t k) {
  return test_quick() && sizes[k].n * sizes[k].d > 60000;
}

/* check(dense copy as reference, matrix to test) for all sizes, patterns, kinds and threads. */
static void for_all(void (*check)(const ms_matrix *values, const ms_matrix *Z)) {
  for (size_t k = 0; k < SIZES; k++)
    for (pattern fill = 0; fill < PATTERNS && !omitted(k); fill++) {
      pair both = new_pair(sizes[k].n, sizes[k].d, fill);
      for (size_t count = 1; count <= 3; count++) {
        ms_matrix_threads(count);
        check(both.dense, both.dense);
        check(both.dense, both.sparse);
      }
      ms_matrix_threads(1);
      free_pair(both);
    }
}

START_TEST(columns_and_copies) {
  for (size_t k = 0; k < SIZES; k++)
    for (pattern fill = 0; fill < PATTERNS && !omitted(k); fill++) {
      pair both = new_pair(sizes[k].n, sizes[k].d, fill);
      size_t n = sizes[k].n, d = sizes[k].d;
      double *column = random_vector(n);
      ms_matrix *copy = NULL;
      for (int sparse = 0; sparse < 2; sparse++) {
        const ms_matrix *Z = sparse ? both.sparse : both.dense;
        for (size_t j = 0; j < d; j += 1 + d / 1000) {
          ms_matrix_column(Z, j, column);
          ck_assert_mem_eq(column, both.dense->values + j * n, n * sizeof *column);
        }
        ck_assert_int_eq(ms_matrix_dense(&copy, Z, NULL), MS_OK);
        ck_assert_mem_eq(copy->values, both.dense->values, n * d * sizeof(double));
        ms_matrix_free(copy);
      }
      for (size_t j = 0; j < d; j++)
        for (size_t e = both.sparse->start[j]; e + 1 < both.sparse->start[j + 1]; e++)
          if (both.sparse->row[e] >= both.sparse->row[e + 1])
            ck_abort_msg("column %zu: rows do not ascend", j);
      free(column);
      free_pair(both);
    }
}
END_TEST

START_TEST(no_memory_for_too_many_rows) {
  ms_matrix *Z = NULL;
  ms_error err = {0};
  ck_assert_int_eq(ms_matrix_sparse(&Z, (size_t)1 << 40, 1, 0, NULL, NULL, NULL, &err),
                   MS_NO_MEMORY);
  ck_assert_int_eq(err.status, MS_NO_MEMORY);
  ck_assert_ptr_null(Z);
}
END_TEST

/* ---- Products ------------------------------------------------------------------------------- */

static void check_mul(const ms_matrix *values, const ms_matrix *Z) {
  size_t n = Z->n, d = Z->d;
  double *x = random_vector(d), *got = random_vector(n), *again = random_vector(n);
  long double *want = calloc(n, sizeof *want), *terms = calloc(n, sizeof *terms);
  ms_matrix_mul(Z, x, got);
  ms_matrix_mul(Z, x, again);
  ck_assert_mem_eq(got, again, n * sizeof *got);
  for (size_t j = 0; j < d; j++)
    for (size_t i = 0; i < n; i++) {
      long double term = (long double)values->values[j * n + i] * x[j];
      want[i] += term;
      terms[i] += fabsl(term);
    }
  for (size_t i = 0; i < n; i++)
    near(got[i], want[i], terms[i], d, "Z x", i);
  free(x);
  free(got);
  free(again);
  free(want);
  free(terms);
}

START_TEST(times_x) {
  for_all(check_mul);
}
END_TEST

static void check_tmul(const ms_matrix *values, const ms_matrix *Z) {
  size_t n = Z->n, d = Z->d;
  double *v = random_vector(n), *got = random_vector(d), *again = random_vector(d);
  ms_matrix_tmul(Z, v, got);
  ms_matrix_tmul(Z, v, again);
  ck_assert_mem_eq(got, again, d * sizeof *got);
  for (size_t j = 0; j < d; j++) {
    long double want = 0, terms = 0;
    for (size_t i = 0; i < n; i++) {
      long double term = (long double)values->values[j * n + i] * v[i];
      want += term;
      terms += fabsl(term);
    }
    near(got[j], want, terms, n, "Z'v", j);
  }
  free(v);
  free(got);
  free(again);
}

START_TEST(transposed_times_v) {
  for_all(check_tmul);
}
END_TEST

/* The map u -> u^2 + index. Each column is some thread's own. */
typedef struct seen {
  double *u;
  unsigned char *times;
} seen;

static double bend(double u, size_t j) {
  return u * u + (double)(j % 7);
}

static int bend_block(void *ctx, size_t first, size_t count, double *u) {
  seen *s = ctx;
  for (size_t j = 0; j < count; j++) {
    s->u[first + j] = u[j];
    s->times[first + j]++;
    u[j] = bend(u[j], first + j);
  }
  return 0;
}

static void check_fused(const ms_matrix *values, const ms_matrix *Z) {
  size_t n = Z->n, d = Z->d;
  double *v = random_vector(n), *u = random_vector(d), *got = random_vector(n),
         *again = random_vector(n);
  seen s = {random_vector(d), calloc(d, 1)};
  long double *want = calloc(n, sizeof *want), *terms = calloc(n, sizeof *terms);
  ms_matrix_tmul(values, v, u);
  ck_assert_int_eq(ms_matrix_fused(Z, v, bend_block, &s, again), 0);
  ck_assert_int_eq(ms_matrix_fused(Z, v, bend_block, &s, got), 0);
  ck_assert_mem_eq(got, again, n * sizeof *got);
  for (size_t j = 0; j < d; j++) {
    if (s.times[j] != 2)
      ck_abort_msg("column %zu: seen %d times, expected 2", j, s.times[j]);
    double size = 0;
    for (size_t i = 0; i < n; i++)
      size += fabs(values->values[j * n + i] * v[i]);
    near(s.u[j], u[j], size, n, "u", j);
    for (size_t i = 0; i < n; i++) {
      long double term = (long double)values->values[j * n + i] * bend(s.u[j], j);
      want[i] += term;
      terms[i] += fabsl(term);
    }
  }
  for (size_t i = 0; i < n; i++)
    near(got[i], want[i], terms[i], d, "fused", i);
  free(v);
  free(u);
  free(got);
  free(again);
  free(s.u);
  free(s.times);
  free(want);
  free(terms);
}

START_TEST(one_pass) {
  for_all(check_fused);
}
END_TEST

static int fail_from(void *ctx, size_t first, size_t count, double *u) {
  const size_t *from = ctx;
  (void)u;
  return first + count > *from ? (int)first + 1 : 0;
}

/* The first failure is the one that is told, whichever thread comes first. */
START_TEST(failing_map) {
  pair both = new_pair(90, 4000, FULL);
  double *v = random_vector(90), *out = random_vector(90);
  size_t none = 4000, all = 0, half = 2000;
  for (int sparse = 0; sparse < 2; sparse++)
    for (size_t count = 1; count <= 3; count++) {
      const ms_matrix *Z = sparse ? both.sparse : both.dense;
      ms_matrix_threads(count);
      ck_assert_int_eq(ms_matrix_fused(Z, v, fail_from, &none, out), 0);
      ck_assert_int_eq(ms_matrix_fused(Z, v, fail_from, &all, out), 1);
      int status = ms_matrix_fused(Z, v, fail_from, &half, out);
      ck_assert_int_gt(status, 1);
      ck_assert_int_le(status, 2001);
    }
  ms_matrix_threads(1);
  free(v);
  free(out);
  free_pair(both);
}
END_TEST

/* ---- Products with itself ------------------------------------------------------------------- */

/* Some weights are zero, most of them small. */
static double *weights(size_t n) {
  double *w = ms_doubles(n);
  for (size_t i = 0; i < n; i++)
    w[i] = i % 4 == 1 ? 0 : exp(uniform(-20, 2));
  return w;
}

static void check_gram(const ms_matrix *values, const ms_matrix *Z) {
  size_t n = Z->n, d = Z->d, stride = 1 + n / 50;
  if (n > 1000)
    return;
  double *D = weights(d), *S = random_vector(n * n), *again = random_vector(n * n);
  memcpy(again, S, n * n * sizeof *S);
  ck_assert_int_eq(ms_matrix_weighted_gram(Z, D, S), 0);
  ck_assert_int_eq(ms_matrix_weighted_gram(Z, D, again), 0);
  for (size_t b = 0; b < n; b += stride)
    for (size_t a = b; a < n; a += stride) {
      long double want = 0, terms = 0;
      for (size_t j = 0; j < d; j++) {
        long double term =
            (long double)D[j] * values->values[j * n + a] * values->values[j * n + b];
        want += term;
        terms += fabsl(term);
      }
      near(S[b * n + a], want, terms, d, "Z D Z'", b * n + a);
      if (S[b * n + a] != again[b * n + a])
        ck_abort_msg("not the same bytes");
    }
  free(D);
  free(S);
  free(again);
}

START_TEST(weighted_gram) {
  for_all(check_gram);
}
END_TEST

static void check_curvature(const ms_matrix *values, const ms_matrix *Z) {
  size_t n = Z->n, d = Z->d, stride = 1 + d / 50;
  if (d > 1000)
    return;
  double *c = weights(n), *H = random_vector(d * d);
  ck_assert_int_eq(ms_matrix_curvature(Z, c, H), 0);
  for (size_t b = 0; b < d; b += stride)
    for (size_t a = b; a < d; a += stride) {
      long double want = 0, terms = 0;
      for (size_t i = 0; i < n; i++) {
        long double term =
            (long double)c[i] * values->values[a * n + i] * values->values[b * n + i];
        want += term;
        terms += fabsl(term);
      }
      near(H[b * d + a], want, terms, n, "Z' C Z", b * d + a);
    }
  free(c);
  free(H);
}

START_TEST(curvature) {
  for_all(check_curvature);
}
END_TEST

static void check_weighted(const ms_matrix *values, const ms_matrix *Z) {
  size_t n = Z->n, d = Z->d;
  double *D = weights(d), *v = random_vector(n), *apply = random_vector(n),
         *diagonal = random_vector(n);
  long double *product = calloc(n, sizeof *product), *product_terms = calloc(n, sizeof *product),
              *squares = calloc(n, sizeof *squares);
  ms_matrix_weighted_apply(Z, D, v, apply);
  ms_matrix_weighted_diagonal(Z, D, diagonal);
  for (size_t j = 0; j < d; j++) {
    const double *column = values->values + j * n;
    long double dot = 0, terms = 0;
    for (size_t i = 0; i < n; i++) {
      dot += (long double)column[i] * v[i];
      terms += fabsl((long double)column[i] * v[i]);
    }
    for (size_t i = 0; i < n; i++) {
      product[i] += D[j] * dot * column[i];
      product_terms[i] += D[j] * terms * fabs(column[i]);
      squares[i] += (long double)D[j] * column[i] * column[i];
    }
  }
  for (size_t i = 0; i < n; i++) {
    near(apply[i], product[i], product_terms[i], n + d, "Z D Z'v", i);
    near(diagonal[i], squares[i], squares[i], d, "diagonal of Z D Z'", i);
  }
  free(D);
  free(v);
  free(apply);
  free(diagonal);
  free(product);
  free(product_terms);
  free(squares);
}

START_TEST(weighted_products) {
  for_all(check_weighted);
}
END_TEST

static void check_norms(const ms_matrix *values, const ms_matrix *Z) {
  size_t n = Z->n, d = Z->d;
  double *rows = random_vector(n);
  long double *squares = calloc(n, sizeof *squares), all = 0;
  for (size_t j = 0; j < d; j++)
    for (size_t i = 0; i < n; i++)
      squares[i] += (long double)values->values[j * n + i] * values->values[j * n + i];
  ms_matrix_row_norms(Z, rows);
  for (size_t i = 0; i < n; i++) {
    near(rows[i], sqrtl(squares[i]), sqrtl(squares[i]), d, "norm of row", i);
    all += squares[i];
  }
  double norm = ms_matrix_norm(Z); /* one rounding a column */
  ck_assert(fabsl(norm - sqrtl(all)) <= 1e-16L * (long double)(d + 100) * sqrtl(all));
  free(rows);
  free(squares);
}

START_TEST(norms) {
  for_all(check_norms);
}
END_TEST

START_TEST(singular_values_of_a_sparse_matrix) {
  size_t n = 20, d = 31, k = 20;
  pair both = new_pair(n, d, SCATTERED);
  double *U = ms_doubles(n * k), *sigma = ms_doubles(k), *Vt = ms_doubles(k * d);
  ck_assert_int_eq(ms_matrix_svd(both.sparse, U, sigma, Vt), 0);
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < d; j++) {
      long double sum = 0;
      for (size_t r = 0; r < k; r++)
        sum += (long double)U[r * n + i] * sigma[r] * Vt[j * k + r];
      near(both.dense->values[j * n + i], sum, 10, n, "U S V'", j * n + i);
    }
  free(U);
  free(sigma);
  free(Vt);
  free_pair(both);

  /* Too large for a dense copy: nothing is written. */
  ms_matrix *Z = NULL;
  ck_assert_int_eq(ms_matrix_sparse(&Z, 1 << 20, 1 << 20, 0, NULL, NULL, NULL, NULL), MS_OK);
  ck_assert_int_ne(ms_matrix_svd(Z, NULL, NULL, NULL), 0);
  ms_matrix_free(Z);
}
END_TEST

/* ---- Conjugate gradients -------------------------------------------------------------------- */

typedef struct linear_system {
  size_t n, calls;
  const double *M; /* lower triangle */
  int status;
} linear_system;

static int apply_matrix(void *ctx, const double *v, double *out) {
  linear_system *s = ctx;
  s->calls++;
  for (size_t i = 0; i < s->n; i++) {
    out[i] = 0;
    for (size_t j = 0; j < s->n; j++)
      out[i] += s->M[MS_MIN(i, j) * s->n + MS_MAX(i, j)] * v[j];
  }
  return s->status;
}

/* I + gamma Z D Z', its size spread over six decades by `scale`. */
static double *newton_matrix(size_t n, bool spread) {
  pair both = new_pair(n, 2 * n, FULL);
  double *D = weights(2 * n), *M = ms_doubles(n * n);
  ck_assert_int_eq(ms_matrix_weighted_gram(both.dense, D, M), 0);
  for (size_t j = 0; j < n; j++)
    M[j * n + j] += 1;
  for (size_t j = 0; j < n && spread; j++)
    for (size_t i = j; i < n; i++)
      M[j * n + i] *= pow(10, 3 * ((double)i + (double)j) / (double)n);
  free(D);
  free_pair(both);
  return M;
}

START_TEST(as_cholesky) {
  static const size_t orders[] = {1, 2, 7, 60, 200};
  for (size_t k = 0; k < 5; k++)
    for (int kind = 0; kind < 4; kind++) {
      size_t n = orders[k], iterations = 0, plain = 0;
      bool spread = kind & 1;
      double size = kind & 2 ? 1e-200 : 1e200; /* of b: neither overflows nor vanishes */
      double *M = newton_matrix(n, spread), *b = random_vector(n), *want = ms_doubles(n),
             *got = ms_doubles(n), *again = ms_doubles(n), *L = ms_doubles(n * n),
             *diagonal = ms_doubles(n), *work = random_vector(4 * n), norm = 0, error = 0;
      memcpy(L, M, n * n * sizeof *L);
      for (size_t i = 0; i < n; i++) {
        b[i] *= size;
        diagonal[i] = M[i * n + i];
        got[i] = again[i] = want[i] = b[i];
      }
      ck_assert_int_eq(ms_spd_factor(n, L), 0);
      ms_spd_solve(n, L, want);
      linear_system s = {.n = n, .M = M};
      ck_assert_int_eq(ms_cg(n, apply_matrix, &s, diagonal, 1e-14, 1000, got, work, &iterations),
                       0);
      ck_assert_uint_eq(s.calls, iterations);
      for (size_t i = 0; i < n; i++) {
        norm = fmax(norm, fabs(want[i]) * sqrt(diagonal[i]) / size);
        error = fmax(error, fabs(got[i] - want[i]) * sqrt(diagonal[i]) / size);
      }
      ck_assert_msg(error <= 1e-9 * norm, "order %zu: error %g of %g", n, error, norm);
      /* The same bytes again; the diagonal earns its keep. */
      ck_assert_int_eq(ms_cg(n, apply_matrix, &s, diagonal, 1e-14, 1000, again, work, NULL), 0);
      ck_assert_mem_eq(got, again, n * sizeof *got);
      memcpy(got, b, n * sizeof *got);
      int status = ms_cg(n, apply_matrix, &s, NULL, 1e-14, 1000, got, work, &plain);
      if (!spread)
        ck_assert_int_eq(status, 0);
      else if (n >= 60)
        ck_assert_uint_gt(plain, iterations);
      free(M);
      free(b);
      free(want);
      free(got);
      free(again);
      free(L);
      free(diagonal);
      free(work);
    }
}
END_TEST

START_TEST(ends_of_conjugate_gradients) {
  enum { N = 3 };
  double M[N * N] = {2, 0, 0, 0, 5, 0, 0, 0, 9}, diagonal[N] = {2, 5, 9}, work[4 * N];
  size_t iterations = 77;
  linear_system s = {.n = N, .M = M};

  /* A diagonal system is solved by its diagonal; b = 0 by nothing. */
  double b[N] = {2, -10, 27};
  ck_assert_int_eq(ms_cg(N, apply_matrix, &s, diagonal, 1e-12, 10, b, work, &iterations), 0);
  ck_assert_uint_eq(iterations, 1);
  ck_assert(fabs(b[0] - 1) < 1e-15 && fabs(b[1] + 2) < 1e-15 && fabs(b[2] - 3) < 1e-15);
  memset(b, 0, sizeof b);
  ck_assert_int_eq(ms_cg(N, apply_matrix, &s, diagonal, 1e-12, 10, b, work, &iterations), 0);
  ck_assert(iterations == 0 && b[0] == 0 && b[1] == 0 && b[2] == 0);

  /* The last iterate where they are too few: the first is b b'b/b'Mb. */
  double too_few[N] = {1, 1, 1};
  ck_assert_int_eq(ms_cg(N, apply_matrix, &s, NULL, 1e-12, 1, too_few, work, &iterations),
                   MS_CG_LIMIT);
  ck_assert_uint_eq(iterations, 1);
  for (size_t i = 0; i < N; i++)
    ck_assert(fabs(too_few[i] - 3.0 / 16) < 1e-15);

  double one[N] = {1, 1, 1};
  M[8] = -9;
  ck_assert_int_eq(ms_cg(N, apply_matrix, &s, NULL, 1e-12, 10, one, work, NULL), MS_CG_INDEFINITE);
  double two[N] = {1, 1, 1}, bad[N] = {1, 0, 1};
  ck_assert_int_eq(ms_cg(N, apply_matrix, &s, bad, 1e-12, 10, two, work, NULL), MS_CG_INDEFINITE);
  bad[1] = INFINITY;
  ck_assert_int_eq(ms_cg(N, apply_matrix, &s, bad, 1e-12, 10, two, work, NULL), MS_CG_NOT_FINITE);
  M[8] = NAN;
  ck_assert_int_eq(ms_cg(N, apply_matrix, &s, NULL, 1e-12, 10, two, work, NULL), MS_CG_NOT_FINITE);
  M[8] = 9;
  double three[N] = {1, NAN, 1}, four[N] = {1, 1, 1};
  ck_assert_int_eq(ms_cg(N, apply_matrix, &s, NULL, 1e-12, 10, three, work, NULL),
                   MS_CG_NOT_FINITE);
  s.status = -5;
  ck_assert_int_eq(ms_cg(N, apply_matrix, &s, NULL, 1e-12, 10, four, work, NULL), -5);
}
END_TEST

/* (I + gamma Z D Z') x = b without forming the matrix. */
typedef struct newton {
  const ms_matrix *Z;
  const double *D;
} newton;

static int apply_newton(void *ctx, const double *v, double *out) {
  const newton *s = ctx;
  ms_matrix_weighted_apply(s->Z, s->D, v, out);
  for (size_t i = 0; i < s->Z->n; i++)
    out[i] += v[i];
  return 0;
}

START_TEST(newton_system_without_its_matrix) {
  enum { N = 90, D = 4000 };
  pair both = new_pair(N, D, SCATTERED);
  double *weight = weights(D), *S = ms_doubles(N * N), *b = random_vector(N), want[N], diagonal[N],
         work[4 * N];
  memcpy(want, b, sizeof want);
  ck_assert_int_eq(ms_matrix_weighted_gram(both.dense, weight, S), 0);
  for (size_t i = 0; i < N; i++)
    S[i * N + i] += 1;
  ck_assert_int_eq(ms_spd_factor(N, S), 0);
  ms_spd_solve(N, S, want);
  ms_matrix_weighted_diagonal(both.sparse, weight, diagonal);
  for (size_t i = 0; i < N; i++)
    diagonal[i] += 1;
  newton s = {both.sparse, weight};
  ck_assert_int_eq(ms_cg(N, apply_newton, &s, diagonal, 1e-14, 500, b, work, NULL), 0);
  for (size_t i = 0; i < N; i++)
    ck_assert(fabs(b[i] - want[i]) <= 1e-11);
  free(weight);
  free(S);
  free(b);
  free_pair(both);
}
END_TEST

/* ---- Matrix Market -------------------------------------------------------------------------- */

#define HEAD "%%MatrixMarket matrix "

START_TEST(good_files) {
  static const struct {
    const char *text;
    bool sparse;
    size_t n, d, stored;
    double values[9]; /* by columns */
  } files[] = {
      {HEAD "coordinate real general\n2 3 3\n1 1 1.5\n2 3 -2e1\n1 2 .25\n",
       true,
       2,
       3,
       3,
       {1.5, 0, .25, 0, 0, -20}},
      {"%%matrixmarket MATRIX Coordinate Real General\r\n% a comment\r\n\r\n 2\t1  1 \r\n"
       "%another\r\n\t2 1 7 \r\n\r\n",
       true,
       2,
       1,
       1,
       {0, 7}},
      {"\xEF\xBB\xBF" HEAD "coordinate integer general\n2 2 2\n2 2 -3\n1 2 +4",
       true,
       2,
       2,
       2,
       {0, 0, 4, -3}},
      {HEAD "coordinate pattern general\n2 2 2\n1 2\n2 2\n", true, 2, 2, 2, {0, 0, 1, 1}},
      {HEAD "coordinate real symmetric\n2 2 3\n1 1 1\n2 1 2\n2 2 3\n", true, 2, 2, 4, {1, 2, 2, 3}},
      {HEAD "coordinate pattern symmetric\n2 2 1\n2 1\n", true, 2, 2, 2, {0, 1, 1, 0}},
      {HEAD "coordinate real skew-symmetric\n2 2 1\n2 1 5\n", true, 2, 2, 2, {0, 5, -5, 0}},
      /* added up, zeros kept */
      {HEAD "coordinate real general\n2 2 4\n1 1 1\n2 2 0\n1 1 2\n1 1 4\n",
       true,
       2,
       2,
       2,
       {7, 0, 0, 0}},
      {HEAD "coordinate real general\n2 3 0\n", true, 2, 3, 0, {0}},
      {HEAD "array real general\n3 2\n1\n2\n3\n\n4\n% five\n5\n6e0\n",
       false,
       3,
       2,
       0,
       {1, 2, 3, 4, 5, 6}},
      {HEAD "array integer general\r\n1 2\r\n-1\r\n2\r\n", false, 1, 2, 0, {-1, 2}},
      {HEAD "array unsigned-integer general\n1 2\n1\n2\n", false, 1, 2, 0, {1, 2}},
      {HEAD "array real symmetric\n2 2\n1\n2\n3\n", false, 2, 2, 0, {1, 2, 2, 3}},
      {HEAD "array real skew-symmetric\n2 2\n2\n", false, 2, 2, 0, {0, 2, -2, 0}},
      {HEAD "array real skew-symmetric\n3 3\n1\n2\n3\n",
       false,
       3,
       3,
       0,
       {0, 1, 2, -1, 0, 3, -2, -3, 0}},
      {HEAD "coordinate unsigned-integer symmetric\n2 2 1\n2 1 5\n", true, 2, 2, 2, {0, 5, 5, 0}},
  };
  for (size_t f = 0; f < sizeof files / sizeof *files; f++) {
    ms_matrix *Z = NULL, *copy = NULL;
    ms_error err = {0};
    const char *file = test_file("Z.mtx", files[f].text);
    ck_assert_msg(ms_mtx_read(&Z, file, &err) == MS_OK, "%s", err.message);
    ck_assert_uint_eq(Z->n, files[f].n);
    ck_assert_uint_eq(Z->d, files[f].d);
    ck_assert_int_eq(Z->values == NULL, files[f].sparse);
    if (files[f].sparse)
      ck_assert_uint_eq(Z->start[Z->d], files[f].stored);
    ck_assert_int_eq(ms_matrix_dense(&copy, Z, NULL), MS_OK);
    for (size_t k = 0; k < Z->n * Z->d; k++)
      ck_assert_msg(copy->values[k] == files[f].values[k], "file %zu, element %zu: %g", f, k,
                    copy->values[k]);
    ms_matrix_free(copy);
    ms_matrix_free(Z);
  }
}
END_TEST

/* `says` is all of the message behind the path. */
static void bad(const char *text, size_t length, const char *says) {
  ms_matrix *Z = NULL;
  ms_error err = {0};
  const char *file = test_bytes("Z.mtx", text, length);
  ck_assert_int_eq(ms_mtx_read(&Z, file, &err), MS_BAD_INPUT);
  ck_assert_int_eq(err.status, MS_BAD_INPUT);
  ck_assert_ptr_null(Z);
  ck_assert_int_eq(strncmp(err.message, file, strlen(file)), 0);
  ck_assert_str_eq(err.message + strlen(file), says);
  ck_assert_int_eq(ms_mtx_read(&Z, file, NULL), MS_BAD_INPUT);
}

#define REAL HEAD "coordinate real general\n"

START_TEST(bad_files) {
  static const struct {
    const char *text, *says;
  } files[] = {
      {"", ":1:1: the file is empty"},
      {"\n", ":1:1: '' does not begin a Matrix Market file; %%MatrixMarket does"},
      {"1,2\n", ":1:1: '1,2' does not begin a Matrix Market file; %%MatrixMarket does"},
      {HEAD "coordinate\n",
       ":1:33: '' is not a known field; real, integer, unsigned-integer or pattern"},
      {"%%MatrixMarket vector\n", ":1:16: 'vector' is not a known kind of object; matrix"},
      {HEAD "sparse real general\n", ":1:23: 'sparse' is not a known format; coordinate or array"},
      {HEAD "coordinate complex general\n",
       ":1:34: the entries are complex; only real ones are read: save the real or imaginary part"},
      {HEAD "coordinate real hermitian\n",
       ":1:39: 'hermitian' is not a known symmetry; general, symmetric or skew-symmetric"},
      {HEAD "coordinate real general x\n", ":1:47: 'x' is one field too many"},
      {HEAD "array pattern general\n",
       ":1:1: a pattern has no values, but an array is all of them"},
      {HEAD "array real symmetric\n2 2\n1\n2\n3\n4\n", ":6:1: more entries than the 3 of line 2"},
      {HEAD "array real skew-symmetric\n2 2\n",
       ":3:1: the file ends after 0 of the 1 entries of line 2"},
      {HEAD "coordinate unsigned-integer general\n1 1 1\n1 1 -1\n",
       ":3:5: '-1' is negative, but the first line says unsigned-integer"},
      {HEAD "coordinate unsigned-integer general\n1 1 1\n1 1 0.5\n",
       ":3:5: '0.5' is not a whole number, but the first line says integer"},
      {REAL "% only this\n", ":3:1: the file ends before the size of the matrix"},
      {REAL "2 x 3\n", ":2:3: 'x' is not a whole number (number of columns)"},
      {REAL "2 2.0 3\n", ":2:3: '2.0' is not a whole number (number of columns)"},
      {REAL "2 2\n", ":2:4: the line ends before the number of entries"},
      {REAL "2 2 1 1\n", ":2:7: '1' is one field too many"},
      {REAL "0 2 1\n", ":2:1: the number of rows, 0, is not between 1 and 2147483647"},
      {REAL "2 2147483648 1\n",
       ":2:3: the number of columns, 2147483648, is not between 1 and 2147483647"},
      {REAL "2 2 -1\n", ":2:5: the number of entries, -1, is not between 0 and 10^17"},
      {HEAD "coordinate real symmetric\n2 3 1\n",
       ":2:1: a symmetric matrix has as many rows as columns, not 2 and 3"},
      {REAL "2 3 1\n3 1 1\n", ":3:1: row 3 is outside 1 to 2; the matrix is 2 x 3"},
      {REAL "2 3 1\n 1 4 1\n", ":3:4: column 4 is outside 1 to 3; the matrix is 2 x 3"},
      {REAL "2 3 1\n0 1 1\n", ":3:1: row 0 is outside 1 to 2; the matrix is 2 x 3"},
      {REAL "2 3 1\n-1 1 1\n", ":3:1: row -1 is outside 1 to 2; the matrix is 2 x 3"},
      {REAL "2 3 1\n1 99999999999999999999999 1\n",
       ":3:3: column 99999999999999999999999 is outside 1 to 3; the matrix is 2 x 3"},
      {REAL "2 3 1\n1x 1 1\n", ":3:1: '1x' is not a whole number (row)"},
      {REAL "2 3 1\n- 1 1\n", ":3:1: '-' is not a whole number (row)"},
      {REAL "2 3 1\n1\n", ":3:2: the line ends before the column"},
      {REAL "2 3 1\n1 1 \r\n", ":3:6: the line ends before the value"},
      {REAL "2 3 1\n1 1 x\x1b[1m\n", ":3:5: 'x?[1m' is not a finite number"},
      {REAL "2 3 1\n1 1 nan\n", ":3:5: 'nan' is not a finite number"},
      {REAL "2 3 1\n1 1 -inf\n", ":3:5: '-inf' is not a finite number"},
      {REAL "2 3 1\n1 1 1e999\n", ":3:5: '1e999' is not a finite number"},
      {REAL "2 3 1\n1 1 1 2\n", ":3:7: '2' is one field too many"},
      {REAL "2 3 1\n1 1 \xC3\xA4 2\n", ":3:5: '\?\?' is not a finite number"},
      {REAL "2 3 1\n1 1 1 \xC3\xA4 2\n", ":3:7: '\?\?' is one field too many"},
      {HEAD "coordinate pattern general\n2 3 1\n1 1 1\n", ":3:5: '1' is one field too many"},
      {HEAD "coordinate integer general\n2 3 1\n1 1 1.5\n",
       ":3:5: '1.5' is not a whole number, but the first line says integer"},
      {HEAD "coordinate real symmetric\n2 2 1\n1 2 1\n",
       ":3:3: row 1, column 2 is above the diagonal; a symmetric file has none"},
      {HEAD "coordinate real skew-symmetric\n2 2 1\n2 2 1\n",
       ":3:3: row 2, column 2 is above the diagonal or on it; a symmetric file has none"},
      {REAL "% c\n2 3 2\n1 1 1\n", ":5:1: the file ends after 1 of the 2 entries of line 3"},
      {REAL "2 3 1\n1 1 1\n\n% c\n1 2 1\n", ":6:1: more entries than the 1 of line 2"},
      {REAL "1 1 2\n1 1 1e308\n1 1 1e308\n",
       ": the entries of row 1, column 1 add up to no finite number"},
      {HEAD "array real general\n2 2\n1\n2\n3\n",
       ":6:1: the file ends after 3 of the 4 entries of line 2"},
      {HEAD "array real general\n1 1\n1\n2\n", ":4:1: more entries than the 1 of line 2"},
      {HEAD "array real general\n1 2\n1 2\n", ":3:3: '2' is one field too many"},
      {HEAD "array real general\n1 1\ninf\n", ":3:1: 'inf' is not a finite number"},
  };
  for (size_t f = 0; f < sizeof files / sizeof *files; f++)
    bad(files[f].text, strlen(files[f].text), files[f].says);
  static const char nul[] = REAL "1 1 1\n1 1\0 1\n";
  bad(nul, sizeof nul - 1, ":3:4: a NUL byte; the file must be plain text");

  ms_matrix *Z = NULL;
  ms_error err = {0};
  const char *file = test_path("absent.mtx"), *folder = test_path(".");
  ck_assert_int_eq(ms_mtx_read(&Z, file, &err), MS_BAD_INPUT);
  char says[700];
  snprintf(says, sizeof says, "%s: cannot be read: No such file or directory", file);
  ck_assert_str_eq(err.message, says);
  ck_assert_int_eq(ms_mtx_read(&Z, folder, &err), MS_BAD_INPUT);
  snprintf(says, sizeof says, "%s: cannot be read: Is a directory", folder);
  ck_assert_str_eq(err.message, says);
}
END_TEST

/* What is written with 17 digits is what is read, in any order. */
START_TEST(round_trip) {
  pair both = new_pair(70, 300, SCATTERED);
  const ms_matrix *Z = both.sparse;
  const char *file = test_path("Z.mtx");
  FILE *stream = fopen(file, "w");
  ck_assert_ptr_nonnull(stream);
  fputs(REAL, stream);
  fprintf(stream, "%zu %zu %zu\n", Z->n, Z->d, Z->start[Z->d]);
  for (size_t j = Z->d; j-- > 0;)
    for (size_t k = Z->start[j]; k < Z->start[j + 1]; k++)
      fprintf(stream, "%d %zu %.17g\n", Z->row[k] + 1, j + 1, Z->entry[k]);
  ck_assert_int_eq(fclose(stream), 0);
  ms_matrix *read = NULL;
  ck_assert_int_eq(ms_mtx_read(&read, file, NULL), MS_OK);
  ck_assert_mem_eq(read->start, Z->start, (Z->d + 1) * sizeof *Z->start);
  ck_assert_mem_eq(read->row, Z->row, Z->start[Z->d] * sizeof *Z->row);
  ck_assert_mem_eq(read->entry, Z->entry, Z->start[Z->d] * sizeof *Z->entry);
  ms_matrix_free(read);
  free_pair(both);
}
END_TEST

Suite *matrix_suite(void) {
  Suite *suite = suite_create("matrix");
  TCase *tc = tcase_create("matrix");
  tcase_set_timeout(tc, 120);
  tcase_add_test(tc, columns_and_copies);
  tcase_add_test(tc, no_memory_for_too_many_rows);
  tcase_add_test(tc, times_x);
  tcase_add_test(tc, transposed_times_v);
  tcase_add_test(tc, one_pass);
  tcase_add_test(tc, failing_map);
  tcase_add_test(tc, weighted_gram);
  tcase_add_test(tc, curvature);
  tcase_add_test(tc, weighted_products);
  tcase_add_test(tc, norms);
  tcase_add_test(tc, singular_values_of_a_sparse_matrix);
  tcase_add_test(tc, as_cholesky);
  tcase_add_test(tc, ends_of_conjugate_gradients);
  tcase_add_test(tc, newton_system_without_its_matrix);
  tcase_add_test(tc, good_files);
  tcase_add_test(tc, bad_files);
  tcase_add_test(tc, round_trip);
  suite_add_tcase(suite, tc);
  return suite;
}
