/* Matrix Market files. */
#ifndef MS_MTX_H
#define MS_MTX_H

#include "linalg/matrix.h"

/* Reads `path`, which may be compressed by gzip: "coordinate" files (real, integer,
 * unsigned-integer or pattern, whose entries are 1; general, symmetric or skew-symmetric) as a
 * sparse matrix, "array" files (the same without pattern) as a dense one. Entries given twice are
 * added up, as other readers do. Comments and blank lines may be anywhere below the first line;
 * lines may end in CRLF. Fails with MS_BAD_INPUT and "path:line:column: ..." (1-based; column
 * counts characters) for anything that is not of this form: indices out of range, entries above the
 * diagonal of a symmetric file, more or fewer entries than announced, values that are no finite
 * numbers. Free with ms_matrix_free. */
ms_status ms_mtx_read(ms_matrix **Z, const char *path, ms_error *err);

#endif
