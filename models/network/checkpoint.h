/* The file of a checkpoint: whose it is, how long, a checksum, and the bytes of the state. */
#ifndef MS_CHECKPOINT_H
#define MS_CHECKPOINT_H

#include "base/base.h"

typedef struct ms_checkpoint_part {
  const void *at;
  size_t size;
} ms_checkpoint_part;

/* Writes the parts one after the other. `identity`: lines of settings that a run must share. The
 * file appears whole or not at all. */
ms_status ms_checkpoint_write(const char *path, const char *identity,
                              const ms_checkpoint_part *parts, size_t count, ms_error *err);

/* The bytes of all parts; free() them. NULL with MS_OK where there is no such file yet, and one can
 * be made. MS_BAD_SETTING: it is that of another run. MS_BAD_INPUT: it is damaged. `origin`: what
 * named it. */
ms_status ms_checkpoint_read(char **bytes, size_t *size, const char *path, const char *origin,
                             const char *identity, ms_error *err);

#endif
