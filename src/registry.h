/* Lists besides those of the registers. */
#ifndef MS_LISTS_H
#define MS_LISTS_H

#include "base/base.h"

/* The name of the i-th entry, NULL after the last; *summary is set where `summary` is not NULL. */
typedef const char *ms_list_at(size_t i, const char **summary);
/* Adds a list to those of ms_list(), before `settings`. */
ms_status ms_list_add(const char *name, ms_list_at *at, ms_error *err);

#endif
