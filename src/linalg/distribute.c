/* Columns of Z on several processes. */
#include "linalg/matrix.h"
#include "parallel/comm.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

void ms_matrix_share(size_t d, size_t rank, size_t *first, size_t *count) {
  size_t size = ms_all_size();
  *first = d / size * rank + MS_MIN(d % size, rank);
  *count = d / size + (rank < d % size);
}

void ms_matrix_spread(ms_matrix *Z, size_t first, size_t d) {
  Z->spread = ms_all_size() > 1;
  Z->first = first;
  Z->all = d;
}

ms_status ms_matrix_keep_share(ms_matrix *Z, ms_error *err) {
  size_t first, count, d = Z->d;
  ms_matrix_share(d, ms_all_rank(), &first, &count);
  if (count == d)
    return MS_OK;
  size_t from = Z->values ? first * Z->n : Z->start[first];
  size_t size = Z->values ? count * Z->n : Z->start[first + count] - from;
  double **numbers = Z->values ? &Z->values : &Z->entry;
  memmove(*numbers, *numbers + from, size * sizeof **numbers);
  if (!Z->values) {
    memmove(Z->row, Z->row + from, size * sizeof *Z->row);
    for (size_t j = 0; j <= count; j++)
      Z->start[j] = Z->start[first + j] - from;
  }
  double *less = realloc(*numbers, (size + 1) * sizeof *less);
  if (!less)
    return ms_no_memory(err);
  *numbers = less;
  Z->d = count;
  ms_matrix_spread(Z, first, d);
  return MS_OK;
}

ms_status ms_matrix_whole(ms_matrix **whole, const ms_matrix *Z, ms_error *err) {
  ms_matrix *mine = NULL, *all = NULL;
  ms_status status = ms_matrix_new(&all, Z->n, ms_matrix_columns(Z), err);
  if (status == MS_OK)
    status = ms_matrix_dense(&mine, Z, err);
  status = ms_all_agree(status, err);
  if (status == MS_OK)
    ms_all_gather(mine->values, Z->n * Z->d, all->values, false);
  ms_matrix_free(mine);
  if (status != MS_OK) {
    ms_matrix_free(all);
    return status;
  }
  *whole = all;
  return MS_OK;
}

size_t ms_matrix_columns(const ms_matrix *Z) {
  return Z->spread ? Z->all : Z->d;
}

void ms_matrix_sums(const ms_matrix *Z, double *v, size_t n) {
  if (Z && Z->spread)
    ms_all_sum(v, n, 0);
}

double ms_matrix_most(const ms_matrix *Z, double v) {
  return Z && Z->spread ? ms_all_max(v) : v;
}

double ms_matrix_least(const ms_matrix *Z, double v) {
  return -ms_matrix_most(Z, -v);
}

double ms_matrix_hypot(const ms_matrix *Z, double v) {
  if (!Z->spread)
    return v;
  double most = ms_all_max(v), sum = most > 0 ? v / most * (v / most) : 0;
  ms_all_sum(&sum, 1, 0);
  return most * sqrt(sum);
}

size_t ms_matrix_find(const ms_matrix *Z, const double *v, double value) {
  size_t j = 0;
  while (j < Z->d && v[j] != value)
    j++;
  return Z->spread ? (size_t)ms_matrix_least(Z, (double)(j < Z->d ? Z->first + j : Z->all)) : j;
}

double ms_matrix_at(const ms_matrix *Z, const double *v, size_t column) {
  size_t j = column - (Z->spread ? Z->first : 0); /* huge where it lies before */
  double at = j < Z->d ? v[j] : 0;
  ms_matrix_sums(Z, &at, 1);
  return at;
}
