/* Arrays in NumPy's format, whose bytes are in memory. */
#ifndef MS_NPY_H
#define MS_NPY_H

#include "text/text.h"

#define MS_NPY_MAGIC "\x93NUMPY"
enum { MS_NPY_MAGIC_SIZE = 6 };

typedef enum ms_npy_form { MS_NPY_VECTOR, MS_NPY_MATRIX, MS_NPY_MATRICES, MS_NPY_ANY } ms_npy_form;

typedef struct ms_npy {
  const char *path, *data;
  size_t rows, cols; /* of a vector cols = 1; of matrices all entries of one */
  size_t depth;      /* of matrices: columns of one */
  char kind;         /* 'f', 'i', 'u' or 'b' */
  char descr[8];     /* as it stands in the file: <f8 */
  size_t size;       /* bytes of a number */
  bool big_endian, by_columns;
} ms_npy;

/* What the bytes of a .npy file say; a->data is in them. `path` is for messages. */
ms_status ms_npy_open(ms_npy *a, const char *path, const char *bytes, size_t have, ms_npy_form form,
                      ms_error *err);
ms_dtype ms_npy_type(const ms_npy *a);
ms_status ms_npy_vector(const ms_npy *a, double *values, bool log_values, ms_error *err);
ms_status ms_npy_matrix(const ms_npy *a, size_t first, size_t count, double *out, ms_error *err);

#endif
