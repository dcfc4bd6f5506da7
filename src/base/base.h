/* What every file of the library may use: errors, memory, text, log-scale arithmetic. */
#ifndef MS_BASE_H
#define MS_BASE_H

#include "mirrorsim.h"
#include <stdint.h>
#include <stdio.h>

/* Fills *err (which may be NULL) and returns `status`, so that failing is one statement. */
ms_status ms_fail(ms_error *err, ms_status status, const char *format, ...) MS_PRINTF(3, 4);
/* The same with the time it happened at. */
ms_status ms_fail_at(ms_error *err, ms_status status, double t, const char *format, ...)
    MS_PRINTF(4, 5);
/* MS_NO_MEMORY with its sentence. */
ms_status ms_no_memory(ms_error *err);

/* n zeroed doubles; NULL without memory (never NULL for n = 0). free() it. They begin at a cache
 * line, because BLAS adds up in another order where they do not: results would depend on what else
 * is in memory. All arrays that BLAS or LAPACK see are made here. */
double *ms_doubles(size_t n);
/* The same without the zeros, for hot loops. */
double *ms_doubles_unset(size_t n);

/* strtod in the C locale, whole string (spaces around allowed), finite values only. */
bool ms_parse_real(const char *text, double *value);
/* ln of a positive decimal number of any magnitude ("1e-1000" too). */
bool ms_parse_log(const char *text, double *log_value);
/* Shortest decimal text that reads back as the same double; "nan"/"inf" as such. buf >= 32. */
const char *ms_real_text(double value, char *buf);

/* ln(e^a + e^b) and e^a, safe for any finite arguments and -inf. */
double ms_log_add(double a, double b);

/* Of a clock that only goes forward, from a beginning of its own. */
double ms_seconds(void);

#define MS_MAX(a, b) ((a) > (b) ? (a) : (b))
#define MS_MIN(a, b) ((a) < (b) ? (a) : (b))

#endif
