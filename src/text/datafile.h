/* Files that come with the program. */
#ifndef MS_DATAFILE_H
#define MS_DATAFILE_H

#include <stdbool.h>
#include <stddef.h>

/* Writes the path of a file that comes with the program: in $MIRRORSIM_DATA, beside the program in
 * its clone, or where it is installed. False: it is in none of these places. */
bool ms_data_path(const char *name, char *path, size_t size);

#endif
