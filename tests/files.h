/* Runs that are written to a folder, and their files. */
#ifndef MS_TEST_FILES_H
#define MS_TEST_FILES_H

#include <stdbool.h>
#include <stddef.h>

/* A run to its end, written to a folder of that name in test_folder(). */
void test_written(const char *name, const char *model, const char *const *settings);
/* Arrays of an .npz there: a vector, a matrix (column-major), and (n, rows, cols) as n rows of
 * rows * cols entries (column-major). */
double *test_vector(const char *file, const char *name, size_t *count);
double *test_matrix(const char *file, const char *name, size_t *rows, size_t *cols);
double *test_matrices(const char *file, const char *name, size_t *n, size_t *rows, size_t *cols);
bool test_holds(const char *file, const char *name);
/* The number in the last row of trajectory.csv, in the column of that name. */
double test_last(const char *folder, const char *name);

#endif
