/* Files of svmlight and libsvm. */
#ifndef MS_SVMLIGHT_H
#define MS_SVMLIGHT_H

#include "linalg/matrix.h"

/* Reads `path`, which may be compressed by gzip: a line is a sample, LABEL INDEX:VALUE ..., with
 * ascending indices from 1 on; "qid:N" behind the label and what follows a # are ignored, as are
 * blank lines. Z is sparse, of as many columns as the largest index; y are the labels. Fails with
 * MS_BAD_INPUT and "path:line:column: ..." for what is not of this form. Free Z and y. */
ms_status ms_svmlight_read(ms_matrix **Z, double **y, const char *path, ms_error *err);

#endif
