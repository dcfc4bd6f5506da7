#include "network/checkpoint.h"
#include "text/text.h"
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

static const char MAGIC[] = "mirrorsim checkpoint 2\n";

/* Follows MAGIC. The checksum is that of the sizes, of the identity and of the state. */
typedef struct head {
  uint64_t identity_size, state_size, checksum;
} head;

static uint64_t sum_of(uint64_t sum, const void *bytes, size_t size) {
  return crc32_z((uLong)sum, bytes, size);
}

static uint64_t sum_of_head(const head *h, const char *identity) {
  uint64_t sum = sum_of(crc32_z(0, NULL, 0), h, offsetof(head, checksum));
  return sum_of(sum, identity, h->identity_size);
}

/* The folder of a file; returns the name in it. */
static const char *split(const char *path, char *dir, size_t room) {
  const char *slash = strrchr(path, '/');
  if (slash)
    snprintf(dir, room, "%.*s", (int)MS_MAX(slash - path, 1), path);
  else
    snprintf(dir, room, ".");
  return slash ? slash + 1 : path;
}

ms_status ms_checkpoint_write(const char *path, const char *identity,
                              const ms_checkpoint_part *parts, size_t count, ms_error *err) {
  char dir[4096];
  ms_writer w;
  const char *name = split(path, dir, sizeof dir);
  ms_status status = ms_writer_open(&w, dir, name, err);
  if (status != MS_OK)
    return status;
  head h = {.identity_size = strlen(identity)};
  for (size_t k = 0; k < count; k++)
    h.state_size += parts[k].size;
  h.checksum = sum_of_head(&h, identity);
  for (size_t k = 0; k < count; k++)
    if (parts[k].size > 0)
      h.checksum = sum_of(h.checksum, parts[k].at, parts[k].size);
  fwrite(MAGIC, 1, sizeof MAGIC, w.file);
  fwrite(&h, sizeof h, 1, w.file);
  fwrite(identity, 1, h.identity_size, w.file);
  for (size_t k = 0; k < count; k++)
    if (parts[k].size > 0) /* an empty part has no address */
      fwrite(parts[k].at, 1, parts[k].size, w.file);
  return ms_writer_commit(&w, err);
}

/* ---- Reading -------------------------------------------------------------------------------- */

static ms_status damaged(const char *path, const char *why, ms_error *err) {
  return ms_fail(err, MS_BAD_INPUT,
                 "%s: is no checkpoint of this version, or damaged: %s; without this file training "
                 "begins anew",
                 path, why);
}

static ms_status of_another(const char *path, const char *origin, const char *was, const char *is,
                            ms_error *err) {
  while (*was && *was == *is) { /* to the beginning of the first line that differs */
    size_t line = strcspn(was, "\n");
    if (strncmp(was, is, line + 1) != 0)
      break;
    was += line + 1;
    is += line + 1;
  }
  return ms_fail(err, MS_BAD_SETTING,
                 "%s: '%s' belongs to another run: it has '%.*s' where this one has '%.*s'", origin,
                 path, (int)strcspn(was, "\n"), was, (int)strcspn(is, "\n"), is);
}

/* The whole file; an empty line behind it ends it. NULL with errno. */
static char *whole_file(FILE *file, size_t *size) {
  struct stat info;
  if (fstat(fileno(file), &info) != 0)
    return NULL;
  errno = EINVAL;
  char *bytes = S_ISREG(info.st_mode) ? calloc(1, (size_t)info.st_size + 1) : NULL;
  *size = bytes ? fread(bytes, 1, (size_t)info.st_size, file) : 0;
  return bytes;
}

/* bytes: the file. On MS_OK they have become those of the state. */
static ms_status take(char *bytes, size_t *size, const char *path, const char *origin,
                      const char *identity, ms_error *err) {
  head h;
  size_t before = sizeof MAGIC + sizeof h;
  if (*size < before || memcmp(bytes, MAGIC, sizeof MAGIC) != 0)
    return damaged(path, "it does not begin as one", err);
  memcpy(&h, bytes + sizeof MAGIC, sizeof h);
  if (h.identity_size > *size - before || h.state_size != *size - before - h.identity_size)
    return damaged(path, "its length is not the one that it tells", err);
  char *was = strndup(bytes + before, h.identity_size), *state = bytes + before + h.identity_size;
  if (!was)
    return ms_no_memory(err);
  ms_status status = MS_OK;
  if (sum_of(sum_of_head(&h, bytes + before), state, h.state_size) != h.checksum)
    status = damaged(path, "its checksum differs", err);
  else if (strlen(was) != h.identity_size || strcmp(was, identity) != 0)
    status = of_another(path, origin, was, identity, err);
  free(was);
  memmove(bytes, state, h.state_size);
  *size = h.state_size;
  return status;
}

ms_status ms_checkpoint_read(char **bytes, size_t *size, const char *path, const char *origin,
                             const char *identity, ms_error *err) {
  char dir[4096];
  *bytes = NULL;
  FILE *file = fopen(path, "rbe");
  if (!file && errno == ENOENT) { /* the first time */
    split(path, dir, sizeof dir);
    return access(dir, W_OK | X_OK) == 0
               ? MS_OK
               : ms_fail(err, MS_BAD_SETTING, "%s: '%s' cannot be written: %s", origin, path,
                         strerror(errno));
  }
  char *found = file ? whole_file(file, size) : NULL;
  int reason = errno;
  if (file)
    fclose(file);
  if (!found)
    return ms_fail(err, MS_BAD_SETTING, "%s: '%s' cannot be read: %s", origin, path,
                   strerror(reason));
  ms_status status = take(found, size, path, origin, identity, err);
  if (status == MS_OK)
    *bytes = found;
  else
    free(found);
  return status;
}
