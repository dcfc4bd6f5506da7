/* Z and y from files that are no tables. */
#ifndef MS_ARRAYS_H
#define MS_ARRAYS_H

#include "problem/problem.h"

/* Z, y and what is known of them from --data, a file of that kind, and --target. Of a .npy file
 * each process reads its columns only. */
ms_status ms_arrays_read(ms_problem *p, ms_file_kind kind, const ms_config *cfg, ms_error *err);

/* The same of a .npz file: Z dense or compressed by columns, or matrices A; y, truth. */
ms_status ms_npz_problem(ms_problem *p, const ms_config *cfg, ms_error *err);
/* Fails where y, of `count` numbers by the name `target`, does not go with Z of `data`. */
ms_status ms_arrays_check_count(const ms_problem *p, const char *target, size_t count,
                                const char *data, ms_error *err);

#endif
