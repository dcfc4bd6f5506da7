/* Sensing: a low-rank matrix from linear measurements y_i = <A_i, X*> (+ noise). */
#include "base/random.h"
#include "factored/factored.h"
#include "linalg/dense.h"
#include "run/data_file.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct plan {
  size_t n, rows, cols, rank;
  bool symmetric; /* packed lower triangles */
  size_t d;       /* columns of Z */
} plan;

/* Writes A[rows * cols] as row i of Z. */
static void set_row(ms_matrix *Z, const plan *p, size_t i, const double *A) {
  size_t at = 0;
  for (size_t c = 0; c < p->cols; c++)
    for (size_t r = p->symmetric ? c : 0; r < p->rows; r++, at++)
      Z->values[at * p->n + i] =
          !p->symmetric || r == c ? A[c * p->rows + r] : A[c * p->rows + r] + A[r * p->rows + c];
}

/* Entries of X, each once: those of a random subset. */
static ms_status measure_entries(ms_matrix **Z, const plan *p, gsl_rng *rng, ms_error *err) {
  if (p->n > p->d)
    return ms_fail(err, MS_BAD_SETTING, "--n: '%zu' is not allowed; X has %zu different entries",
                   p->n, p->d);
  int32_t *order = calloc(p->d, sizeof *order), *row = calloc(p->n, sizeof *row);
  double *one = ms_doubles(p->n);
  ms_status status = MS_OK;
  if (!order || !row || !one)
    status = ms_no_memory(err);
  for (size_t j = 0; status == MS_OK && j < p->d; j++)
    order[j] = (int32_t)j;
  for (size_t i = 0; status == MS_OK && i < p->n; i++) {
    size_t other = i + (size_t)gsl_rng_uniform_int(rng, (unsigned long)(p->d - i));
    int32_t chosen = order[other];
    order[other] = order[i];
    order[i] = chosen;
    row[i] = (int32_t)i;
    one[i] = 1;
  }
  if (status == MS_OK)
    status = ms_matrix_sparse(Z, p->n, p->d, p->n, row, order, one, err);
  free(order);
  free(row);
  free(one);
  return status;
}

/* Q of a Gaussian matrix: the left singular vectors. */
static int random_basis(size_t k, double *Q, gsl_rng *rng) {
  double *A = ms_doubles(2 * k * k + k);
  if (!A)
    return -1;
  ms_random_gaussian(rng, A, k * k, 1);
  int status = ms_singular(k, k, A, A + 2 * k * k, Q, A + k * k);
  free(A);
  return status;
}

static ms_status measure_dense(ms_matrix **Z, const plan *p, const char *kind, gsl_rng *rng,
                               ms_error *err) {
  size_t k = p->rows, square = p->rows * p->cols;
  ms_status status = ms_matrix_new(Z, p->n, p->d, err);
  if (status != MS_OK)
    return status;
  double *A = ms_doubles(3 * square + p->rows + p->cols);
  if (!A)
    return ms_no_memory(err);
  double *Q = A + square, *scaled = Q + square, *v = scaled + square;
  bool commuting = strcmp(kind, "commuting") == 0;
  if (commuting && random_basis(k, Q, rng) != 0)
    status = ms_no_memory(err);
  for (size_t i = 0; i < p->n && status == MS_OK; i++) {
    if (commuting) {
      ms_random_gaussian(rng, v, k, 1);
      for (size_t j = 0; j < k; j++)
        for (size_t r = 0; r < k; r++)
          scaled[j * k + r] = v[j] * Q[j * k + r];
      ms_multiply(false, true, k, k, k, 1, scaled, Q, 0, A);
    } else if (strcmp(kind, "rank-one") == 0) {
      ms_random_gaussian(rng, v, p->rows + p->cols, 1);
      const double *w = p->symmetric ? v : v + p->rows;
      ms_multiply(false, true, p->rows, p->cols, 1, 1, v, w, 0, A);
    } else {
      ms_random_gaussian(rng, A, square, 1);
      if (p->symmetric)
        ms_symmetrize(k, A, A);
    }
    set_row(*Z, p, i, A);
  }
  free(A);
  return status;
}

/* The truth, its measurements and their noise. */
static ms_status make_problem(ms_problem **out, double **truth_out, const ms_config *cfg,
                              const plan *p, ms_error *err) {
  ms_problem *problem = calloc(1, sizeof *problem);
  uint64_t seed = (uint64_t)ms_config_real(cfg, "seed");
  gsl_rng *data = ms_random_new(seed, MS_STREAM_DATA), *rng = ms_random_new(seed, MS_STREAM_TRUTH),
          *noise = ms_random_new(seed, MS_STREAM_NOISE);
  double *truth = *truth_out = ms_doubles(p->rows * p->cols);
  const char *kind = ms_config_text(cfg, "measure");
  double *packed = ms_doubles(p->d);
  bool all = problem && data && rng && noise && truth && packed;
  ms_status status = all ? MS_OK : ms_no_memory(err);
  if (status == MS_OK)
    status = ms_low_rank(truth, p->rows, p->cols, p->rank, p->symmetric,
                         ms_config_flag(cfg, "indefinite"), rng, err);
  if (status == MS_OK)
    status = strcmp(kind, "entries") == 0 ? measure_entries(&problem->Z, p, data, err)
                                          : measure_dense(&problem->Z, p, kind, data, err);
  if (status == MS_OK && !(problem->y = ms_doubles(p->n)))
    status = ms_no_memory(err);
  if (status == MS_OK) {
    size_t at = 0;
    for (size_t c = 0; c < p->cols; c++)
      for (size_t r = p->symmetric ? c : 0; r < p->rows; r++)
        packed[at++] = truth[c * p->rows + r];
    status = ms_problem_choose_loss(problem, cfg, err);
    problem->samples = (double)p->n;
    ms_matrix_mul(problem->Z, packed, problem->y);
    double sigma = ms_config_real(cfg, "noise");
    double *error = ms_doubles(p->n);
    if (!error)
      status = ms_no_memory(err);
    else
      ms_random_gaussian(noise, error, p->n, sigma);
    for (size_t i = 0; error && i < p->n; i++)
      problem->y[i] += error[i];
    free(error);
  }
  if (status == MS_OK)
    status = ms_problem_check_loss(problem, cfg, err);
  if (data)
    gsl_rng_free(data);
  if (rng)
    gsl_rng_free(rng);
  if (noise)
    gsl_rng_free(noise);
  free(packed);
  if (status == MS_OK)
    *out = problem;
  else
    ms_problem_free(problem);
  return status;
}

/* --data: each sample is y_i and the entries of A_i row by row, as numpy's A.ravel() has them. */
static ms_status read_problem(ms_problem **out, double **truth, const ms_config *cfg, plan *p,
                              ms_error *err) {
  ms_problem *problem;
  ms_status status = ms_problem_new(&problem, cfg, err);
  if (status != MS_OK)
    return status;
  const ms_matrix *Z = problem->Z;
  size_t side = (size_t)lround(sqrt((double)Z->d));
  p->rows = ms_config_given(cfg, "rows") ? ms_config_count(cfg, "rows")
            : problem->rows              ? problem->rows
                                         : side;
  p->cols = ms_config_given(cfg, "cols") ? ms_config_count(cfg, "cols") : Z->d / p->rows;
  p->n = Z->n;
  if (p->rows * p->cols != Z->d || (p->symmetric && p->rows != p->cols)) {
    status = ms_fail(err, MS_BAD_INPUT,
                     "%s: %zu entries a measurement are no %zu x %zu matrix%s; --rows and --cols "
                     "say which they are",
                     ms_config_text(cfg, "data"), Z->d, p->rows, p->cols,
                     p->symmetric && p->rows != p->cols ? ", which --factors takes square" : "");
    ms_problem_free(problem);
    return status;
  }
  p->d = p->symmetric ? p->rows * (p->rows + 1) / 2 : p->rows * p->cols;
  /* the entry (r, c) moves to its place in columns; two of a symmetric X share theirs */
  size_t count = 0, room = Z->values ? Z->n * Z->d : Z->start[Z->d];
  int32_t *row = calloc(room + 1, sizeof *row), *column = calloc(room + 1, sizeof *column);
  double *value = ms_doubles(room), *one = ms_doubles(Z->n);
  if (!row || !column || !value || !one)
    status = ms_no_memory(err);
  for (size_t j = 0; status == MS_OK && j < Z->d; j++) {
    size_t r = j / p->cols, c = j % p->cols, high = MS_MAX(r, c), low = MS_MIN(r, c);
    size_t to = p->symmetric ? low * p->rows - low * (low + 1) / 2 + high : c * p->rows + r;
    ms_matrix_column(Z, j, one);
    for (size_t i = 0; i < Z->n; i++)
      if (one[i] != 0) {
        row[count] = (int32_t)i;
        column[count] = (int32_t)to;
        value[count++] = one[i];
      }
  }
  ms_matrix *moved = NULL;
  if (status == MS_OK)
    status = ms_matrix_sparse(&moved, Z->n, p->d, count, row, column, value, err);
  if (status == MS_OK && count > Z->n * p->d / 4) { /* dense passes are faster then */
    ms_matrix *sparse = moved;
    status = ms_matrix_dense(&moved, sparse, err);
    ms_matrix_free(sparse);
  }
  free(row);
  free(column);
  free(value);
  free(one);
  if (status == MS_OK && problem->truth && !(*truth = ms_doubles(Z->d)))
    status = ms_no_memory(err);
  for (size_t j = 0; status == MS_OK && problem->truth && j < Z->d; j++)
    (*truth)[j % p->cols * p->rows + j / p->cols] = problem->truth[j];
  if (status == MS_OK) {
    free(problem->truth); /* the objective has it */
    problem->truth = NULL;
    for (size_t j = 0; problem->names && j < Z->d; j++) /* of the columns as they were */
      free(problem->names[j]);
    free(problem->names);
    problem->names = NULL;
    ms_matrix_free(problem->Z);
    problem->Z = moved;
    *out = problem;
  } else {
    ms_problem_free(problem);
  }
  return status;
}

static ms_status plan_synthetic(plan *p, const ms_config *cfg, const char *factors, ms_error *err) {
  const char *kind = ms_config_text(cfg, "measure");
  p->rows = ms_config_given(cfg, "rows") ? ms_config_count(cfg, "rows") : 20;
  p->cols = ms_config_given(cfg, "cols") ? ms_config_count(cfg, "cols") : p->rows;
  p->d = p->symmetric ? p->rows * (p->rows + 1) / 2 : p->rows * p->cols;
  p->rank = ms_config_count(cfg, "rank");
  if (p->symmetric && p->rows != p->cols)
    return ms_fail(err, MS_BAD_SETTING, "%s: '%zu' is not allowed; --factors %s takes square X",
                   ms_config_origin(cfg, "cols"), p->cols, factors);
  if (p->rank > MS_MIN(p->rows, p->cols))
    return ms_fail(err, MS_BAD_SETTING, "%s: '%zu' is not allowed; at most %zu",
                   ms_config_origin(cfg, "rank"), p->rank, MS_MIN(p->rows, p->cols));
  if (strcmp(kind, "commuting") == 0 && p->rows != p->cols)
    return ms_fail(err, MS_BAD_SETTING, "%s: 'commuting' needs square X",
                   ms_config_origin(cfg, "measure"));
  /* half of what determines X, or of commuting measurements half of their common eigenvalues */
  p->n = ms_config_given(cfg, "n")        ? ms_config_count(cfg, "n")
         : strcmp(kind, "commuting") == 0 ? MS_MAX(p->rows / 2, 1)
                                          : MS_MAX(p->d / 2, 1);
  return MS_OK;
}

static ms_status build(ms_run *run, ms_error *err) {
  const ms_config *cfg = run->cfg;
  if (ms_loss_of(cfg)->target || ms_loss_of(cfg)->tail)
    return ms_fail(err, MS_BAD_SETTING,
                   "%s: '%s' is not allowed; --model sensing takes squared, huber and custom",
                   ms_config_origin(cfg, "loss"), ms_loss_of(cfg)->name);
  const char *name = ms_config_given(cfg, "factors") ? ms_config_text(cfg, "factors") : "psd";
  const ms_factors *f = ms_factors_find(name);
  bool real = ms_config_text(cfg, "data") != NULL;
  plan p = {.symmetric = f->symmetric};
  ms_problem *problem = NULL;
  ms_objective *o = NULL;
  double *truth = NULL;
  ms_status status = MS_OK;
  if (real) {
    status = read_problem(&problem, &truth, cfg, &p, err);
    if (status == MS_OK)
      ms_run_take_reading(run, &problem->reading);
  } else {
    status = plan_synthetic(&p, cfg, name, err);
    if (status == MS_OK)
      status = make_problem(&problem, &truth, cfg, &p, err);
  }
  if (status == MS_OK)
    status = ms_objective_linear(&o, problem, p.rows, p.cols, p.symmetric, truth, err);
  free(truth);
  if (status != MS_OK)
    return status;
  o->data = ms_data_measurements;
  ms_data_announce(run, "A", (double)(p.n * p.rows * p.cols));
  o->commuting = p.symmetric && ms_objective_commutator(o, 3) <= 1e-10;
  const ms_factored_defaults defaults = {
      .factors = "psd", .init = f->symmetric ? "identity" : "zero-first", .scale = "0.1"};
  return ms_factored_build(run, o, &defaults, err);
}

const ms_model ms_model_sensing = {
    .name = "sensing",
    .summary = "a low-rank matrix from linear measurements: X = UU', UU' - VV', BA or deeper",
    .build = build,
    MS_FACTORED_MODEL};
