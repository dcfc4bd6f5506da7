#include "problem/objective.h"
#include "base/random.h"
#include "linalg/dense.h"
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct linear {
  double *x, *z; /* packed X and its gradient; measurements */
} linear;

void ms_objective_free(ms_objective *o) {
  if (!o)
    return;
  if (o->release)
    o->release(o);
  ms_problem_free(o->problem);
  free(o->truth);
  free(o);
}

void ms_objective_measure(const ms_objective *o, const double *X, double *z) {
  const linear *own = o->own;
  if (o->packed) {
    size_t k = o->rows, at = 0;
    for (size_t j = 0; j < k; j++)
      for (size_t i = j; i < k; i++)
        own->x[at++] = X[j * k + i];
    X = own->x;
  }
  ms_matrix_mul(o->problem->Z, X, z);
}

void ms_objective_adjoint(const ms_objective *o, const double *v, double *M) {
  const linear *own = o->own;
  ms_matrix_tmul(o->problem->Z, v, o->packed ? own->x : M);
  size_t k = o->rows, at = 0;
  for (size_t j = 0; o->packed && j < k; j++)
    for (size_t i = j; i < k; i++, at++)
      M[j * k + i] = M[i * k + j] = i == j ? own->x[at] : own->x[at] / 2;
}

static double linear_value(ms_objective *o, const double *X, double *G) {
  const linear *own = o->own;
  ms_objective_measure(o, X, own->z);
  double f = ms_problem_loss(o->problem, own->z);
  if (G) {
    ms_problem_slope(o->problem, own->z, own->z);
    ms_objective_adjoint(o, own->z, G);
  }
  return f;
}

static void linear_release(ms_objective *o) {
  linear *own = o->own;
  if (own)
    free(own->x);
  free(own);
}

ms_status ms_objective_linear(ms_objective **out, ms_problem *problem, size_t rows, size_t cols,
                              bool packed, const double *truth, ms_error *err) {
  ms_objective *o = calloc(1, sizeof *o);
  linear *own = calloc(1, sizeof *own);
  if (own)
    own->x = ms_doubles(problem->Z->d + problem->Z->n);
  if (!o || !own || !own->x || (truth && !(o->truth = ms_doubles(rows * cols)))) {
    if (own)
      free(own->x);
    free(own);
    free(o);
    ms_problem_free(problem);
    return ms_no_memory(err);
  }
  own->z = own->x + problem->Z->d;
  if (truth)
    memcpy(o->truth, truth, rows * cols * sizeof *truth);
  o->name = "sensing";
  o->rows = rows;
  o->cols = cols;
  o->samples = problem->Z->n;
  o->stop_loss = problem->loss->stop;
  o->value = linear_value;
  o->release = linear_release;
  o->own = own;
  o->problem = problem;
  o->packed = packed;
  *out = o;
  return MS_OK;
}

double ms_objective_commutator(const ms_objective *o, size_t pairs) {
  size_t k = o->rows, n = o->samples, square = k * k;
  double *A = ms_doubles(3 * square + n), worst = 0;
  gsl_rng *rng = ms_random_new(1, MS_STREAM_DATA);
  double *B = A + square, *C = B + square, *v = C + square;
  for (size_t p = 0; A && rng && p < pairs; p++) {
    for (int side = 0; side < 2; side++) {
      ms_random_gaussian(rng, v, n, 1);
      ms_objective_adjoint(o, v, side ? B : A);
      ms_symmetrize(k, side ? B : A, side ? B : A);
    }
    ms_multiply(false, false, k, k, k, 1, A, B, 0, C);
    double sum = 0, size = cblas_dnrm2((int)square, A, 1) * cblas_dnrm2((int)square, B, 1);
    for (size_t b = 0; b < k; b++)
      for (size_t a = 0; a < k; a++)
        sum += (C[b * k + a] - C[a * k + b]) * (C[b * k + a] - C[a * k + b]);
    worst = size > 0 ? fmax(worst, sqrt(sum) / size) : worst;
  }
  if (!A || !rng)
    worst = NAN;
  if (rng)
    gsl_rng_free(rng);
  free(A);
  return worst;
}
