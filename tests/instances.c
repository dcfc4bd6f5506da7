#include "instances.h"
#include "tests.h"
#include <glpk.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

uint64_t random_state;

double uniform(void) {
  random_state += 0x9e3779b97f4a7c15u;
  uint64_t z = random_state;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return ((double)((z ^ (z >> 31)) >> 11) + 0.5) / 9007199254740992.0;
}

double gauss(void) {
  double radius = sqrt(-2 * log(uniform()));
  return radius * cos(6.283185307179586477 * uniform());
}

ms_problem problem_of(size_t n, size_t d) {
  ms_problem p = {.y = ms_doubles(n), .samples = (double)n, .loss = &ms_loss_squared};
  ck_assert_int_eq(ms_matrix_new(&p.Z, n, d, NULL), MS_OK);
  return p;
}

ms_problem gaussian(size_t n, size_t d) {
  ms_problem p = problem_of(n, d);
  for (size_t i = 0; i < n * d; i++)
    p.Z->values[i] = gauss();
  for (size_t i = 0; i < n; i++)
    p.y[i] = gauss();
  return p;
}

ms_problem toy_equation(void) {
  ms_problem p = problem_of(1, 2);
  p.Z->values[0] = p.y[0] = 1;
  p.Z->values[1] = 0.4;
  return p;
}

ms_problem four_features(void) {
  ms_problem p = problem_of(2, 4);
  memcpy(p.Z->values, (double[]){1, 0.5, 0.5, 1, 0.7, 0.1, 0, 0.7}, 8 * sizeof(double));
  p.y[0] = 1;
  return p;
}

void done(ms_problem *p) {
  ms_matrix_free(p->Z);
  free(p->y);
}

/* x = u - v with u, v >= 0; solved, the status is glp_get_status(). */
static glp_prob *simplex(const ms_matrix *M, int kind, const double *b, const double *plus,
                         const double *minus) {
  size_t n = M->n, d = M->d;
  double *value = ms_doubles(n + 1);
  int *row = calloc(n + 1, sizeof *row);
  glp_smcp options;
  glp_term_out(GLP_OFF);
  glp_prob *lp = glp_create_prob();
  glp_init_smcp(&options);
  options.tol_bnd = options.tol_dj = 1e-11;
  glp_add_rows(lp, (int)n);
  glp_add_cols(lp, (int)(2 * d));
  for (size_t i = 0; i < n; i++)
    glp_set_row_bnds(lp, (int)i + 1, kind, b ? b[i] : 1, b ? b[i] : 1);
  for (size_t j = 0; j < 2 * d; j++) {
    int column = (int)j + 1;
    const double *weight = j < d ? plus : minus;
    glp_set_col_bnds(lp, column, GLP_LO, 0, 0);
    glp_set_obj_coef(lp, column, weight ? weight[j % d] : 1);
    for (size_t i = 0; i < n; i++) {
      row[i + 1] = (int)i + 1;
      value[i + 1] = (j < d ? 1 : -1) * M->values[j % d * n + i];
    }
    glp_set_mat_col(lp, column, (int)n, row, value);
  }
  ck_assert_int_eq(glp_simplex(lp, &options), 0);
  free(value);
  free(row);
  return lp;
}

static double solution(glp_prob *lp, size_t d, size_t j) {
  return glp_get_col_prim(lp, (int)j + 1) - glp_get_col_prim(lp, (int)(d + j) + 1);
}

double program(const ms_matrix *M, const double *b, const double *plus, const double *minus,
               double *x) {
  size_t d = M->d;
  double margin = INFINITY;
  glp_prob *lp = simplex(M, GLP_FX, b, plus, minus);
  ck_assert_int_eq(glp_get_status(lp), GLP_OPT);
  for (size_t j = 0; j < d; j++) {
    x[j] = solution(lp, d, j);
    if (fabs(x[j]) < 1e-9)
      margin = fmin(margin,
                    fmin(glp_get_col_dual(lp, (int)j + 1), glp_get_col_dual(lp, (int)(d + j) + 1)));
  }
  glp_delete_prob(lp);
  return margin;
}

double separate(const ms_matrix *M, double *x) {
  glp_prob *lp = simplex(M, GLP_LO, NULL, NULL, NULL);
  double norm = glp_get_status(lp) == GLP_OPT ? glp_get_obj_val(lp) : INFINITY;
  for (size_t j = 0; x && j < M->d; j++)
    x[j] = solution(lp, M->d, j);
  glp_delete_prob(lp);
  return norm;
}
