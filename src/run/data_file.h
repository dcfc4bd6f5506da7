/* data.npz: what a run was made from, for others to check it and to give it back. weights.npz: what
 * was trained, over time. */
#ifndef MS_DATA_FILE_H
#define MS_DATA_FILE_H

#include "problem/objective.h"
#include "run/run.h"

/* Are so many numbers few enough for data.npz? If not, a note says so where files are asked for. */
bool ms_data_fits(double numbers);
void ms_data_announce(ms_run *run, const char *what, double numbers);

/* Z (sparse: Z_data, Z_indices, Z_indptr and Z_shape, compressed by columns), y and truth. */
void ms_data_problem(ms_bundle *b, const ms_problem *p);
/* Of a linear objective: A of shape (n, rows, cols), and y. */
void ms_data_measurements(const ms_objective *o, ms_bundle *b);
void ms_data_vector(ms_bundle *b, const char *name, const double *values, size_t count);
/* A matrix that lies column by column. */
void ms_data_matrix(ms_bundle *b, const char *name, const double *values, size_t rows, size_t cols);

/* data.npz, where the model has one. */
ms_status ms_data_write(const ms_run *run, const char *dir, ms_error *err);

/* --keep-weights: room for the weights of all points; refused where no weights are integrated.
 * Those of the point that is recorded. weights.npz, where they were kept. */
ms_status ms_weights_begin(ms_run *run, ms_error *err);
ms_status ms_weights_record(ms_run *run, ms_error *err);
ms_status ms_weights_write(const ms_run *run, const char *dir, ms_error *err);

/* The file of --init-w. An array is read as start_NAME where that is there, else as NAME, and of
 * one that holds t, so that its arrays have a time axis, at the last time. */
typedef struct ms_start_file {
  ms_npz *npz;
  const char *path;
  bool over_time;
} ms_start_file;
ms_status ms_start_file_open(ms_start_file *f, const ms_config *cfg, ms_error *err);
/* Fails where one of the settings `names`, NULL after the last, is given, too: "--init-x: why". */
ms_status ms_start_file_alone(const ms_config *cfg, const char *const *names, const char *why,
                              ms_error *err);
void ms_start_file_close(ms_start_file *f);
bool ms_start_file_holds(const ms_start_file *f, const char *name);
/* An array of exactly this shape, in C order, to be freed. */
ms_status ms_start_file_vector(const ms_start_file *f, const char *name, size_t count,
                               double **values, ms_error *err);
ms_status ms_start_file_matrix(const ms_start_file *f, const char *name, size_t rows, size_t cols,
                               double **values, ms_error *err);

#endif
