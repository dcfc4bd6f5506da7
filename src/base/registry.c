#include "base/registry.h"
#include <stdlib.h>
#include <string.h>

/* The members that every piece begins with. */
typedef struct named {
  const char *name, *summary;
} named;

ms_status ms_registry_add(ms_registry *r, const void *piece, ms_error *err) {
  const named *p = piece;
  if (!p->name || !*p->name)
    return ms_fail(err, MS_BAD_SETTING, "a %s needs a name", r->kind);
  if (ms_registry_find(r, p->name))
    return ms_fail(err, MS_BAD_SETTING, "there is a %s called '%.64s' already", r->kind, p->name);
  if (r->count == r->room) {
    size_t room = 2 * r->room + 16;
    const void **more = realloc(r->piece, room * sizeof *more);
    if (!more)
      return ms_no_memory(err);
    r->piece = more;
    r->room = room;
  }
  r->piece[r->count++] = piece;
  return MS_OK;
}

const void *ms_registry_at(const ms_registry *r, size_t i) {
  return i < r->count ? r->piece[i] : NULL;
}

const void *ms_registry_find(const ms_registry *r, const char *name) {
  for (size_t i = 0; i < r->count; i++)
    if (strcmp(((const named *)r->piece[i])->name, name) == 0)
      return r->piece[i];
  return NULL;
}
