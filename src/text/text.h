/* Reading numbers from text files and writing files whole or not at all. */
#ifndef MS_TEXT_H
#define MS_TEXT_H

#include "base/base.h"

/* Blanks within a line: space, tab, and the CR of CRLF. The first place from p on that is none. */
bool ms_is_blank(char c);
char *ms_skip_blanks(char *p);

/* A numeric table read from CSV (RFC 4180: quoted names, CRLF or LF, header row required). */
typedef struct ms_table {
  size_t rows, cols;
  char **names;   /* cols of them, from the header, without quotes and surrounding blanks */
  double *values; /* column-major: value of row i, column j at values[j * rows + i] */
  /* How it was written: ',', ';', tab or ' ' (any number of blanks) between fields, '.' or ',' in
   * numbers; whether each row began with a name of its own, which is no column. */
  char separator, decimal;
  bool row_names;
} ms_table;

/* Reads `path`, which may be compressed by gzip. Fails with MS_BAD_INPUT and "path:line:column:
 * ..." (1-based; column counts characters) for a missing or empty file, a header without data, a
 * row with another number of fields, a field that is no finite number (its text is quoted in the
 * message), a duplicate or empty column name, an unterminated quote. A header whose fields are all
 * numbers is an error, too: the first row must name the columns. Blank lines at the end are
 * ignored. A UTF-8 byte order mark is skipped. The separator is found from the first rows, the
 * decimal sign from the first number that has one. A first column without a name, or one that the
 * header leaves out, holds the names of rows. On success free with ms_table_free. */
ms_status ms_table_read(ms_table *table, const char *path, ms_error *err);
/* The same with a separator and decimal sign that are known; 0: as above. */
ms_status ms_table_read_as(ms_table *table, const char *path, char separator, char decimal,
                           ms_error *err);
/* The same where each column counts: names of rows are refused. */
ms_status ms_table_read_columns(ms_table *table, const char *path, ms_error *err);
void ms_table_free(ms_table *table);
/* The column called `name`, which the setting `origin` asks for in the file `path`. */
ms_status ms_table_column(const ms_table *table, const char *name, const char *path,
                          const char *origin, size_t *column, ms_error *err);

/* Reads a vector: `.npy` (real numbers or bool of any width and byte order, shape (n,), (n, 1) or
 * (1, n)) or a text file with one number per line (blank lines and # comments ignored); both may be
 * compressed by gzip. With `log_values` each text line is a positive number of any magnitude and
 * its ln is stored (a .npy then holds the positive numbers themselves). *values is to be freed; *n
 * its length (> 0). Errors as above. */
ms_status ms_vector_read(double **values, size_t *n, const char *path, bool log_values,
                         ms_error *err);

/* A matrix as .npy (2-D, types as above, either order): its shape, and `count` columns from the
 * first-th into out[rows * count], column-major. The file is mapped: no more of it is read than is
 * asked for (all of it where gzip has compressed it). */
ms_status ms_npy_shape(const char *path, size_t *rows, size_t *cols, ms_error *err);
ms_status ms_npy_columns(const char *path, size_t first, size_t count, double *out, ms_error *err);

/* The type of the numbers in a .npy file, as "float32, big-endian"; "" where it is no such file. */
typedef struct ms_dtype {
  char text[24];
} ms_dtype;
ms_dtype ms_npy_dtype(const char *path);

/* The arrays of an .npz file. */
typedef struct ms_npz ms_npz;
ms_status ms_npz_open(ms_npz **npz, const char *path, ms_error *err);
void ms_npz_close(ms_npz *npz);
/* The name of the i-th array, without .npy; NULL behind the last. */
const char *ms_npz_name(ms_npz *npz, size_t i);
bool ms_npz_holds(ms_npz *npz, const char *name);
/* An array of that name, column-major, to be freed: a vector (shapes as above), or a matrix. */
ms_status ms_npz_vector(ms_npz *npz, const char *name, double **values, size_t *n, ms_dtype *dtype,
                        ms_error *err);
ms_status ms_npz_matrix(ms_npz *npz, const char *name, double **values, size_t *rows, size_t *cols,
                        ms_dtype *dtype, ms_error *err);

/* Matrices, an array (n, rows, cols): column-major as a matrix of n rows, the entries of each row
 * by row. */
ms_status ms_npz_matrices(ms_npz *npz, const char *name, double **values, size_t *n, size_t *rows,
                          size_t *cols, ms_dtype *dtype, ms_error *err);

/* A file that is written beside its name and renamed when complete. */
typedef struct ms_writer {
  FILE *file;
  char *path, *beside;
} ms_writer;

/* Opens dir/name for writing (the stream is w->file). */
ms_status ms_writer_open(ms_writer *w, const char *dir, const char *name, ms_error *err);
/* Flushes, closes and renames; on any write error removes the half-written file and fails with
 * MS_CANNOT_WRITE, naming the path and the reason. */
ms_status ms_writer_commit(ms_writer *w, ms_error *err);
/* Gives up: nothing is left behind. Safe after commit and on a zeroed writer. */
void ms_writer_abort(ms_writer *w);

/* A one-dimensional .npy of float64 in pieces: its header, then numbers; errors come out when the
 * file is closed. */
void ms_npy_begin(FILE *file, size_t length);
void ms_npy_add(FILE *file, const double *values, size_t count);

/* One array of an .npz: in C order, of one to three dimensions; float64, or int64. */
typedef struct ms_array {
  const char *name;
  size_t rows, cols; /* cols = 0: one-dimensional of length rows */
  const double *values;
  size_t depth; /* > 0: three-dimensional, (rows, cols, depth) */
  bool whole;   /* int64 */
} ms_array;

/* Writes dir/name as an uncompressed .npz that numpy reads; same arrays, same bytes (no dates). */
ms_status ms_npz_write(const char *dir, const char *name, const ms_array *arrays, size_t count,
                       ms_error *err);

#endif
