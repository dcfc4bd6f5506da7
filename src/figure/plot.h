/* Pictures by gnuplot. */
#ifndef MS_PLOT_H
#define MS_PLOT_H

#include "base/base.h"

/* Draws dir/output.format by scripts/script.gp, which reads the data in dir. `variables`: further
 * assignments for it ("style='paper'; columns=1"), NULL for none. */
ms_status ms_plot_as(const char *scripts, const char *dir, const char *script, const char *output,
                     const char *format, const char *variables, ms_error *err);

#endif
