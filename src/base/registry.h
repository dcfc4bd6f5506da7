/* Registers: the pieces that there are of one kind (parametrizations, losses, models, ...).
 *
 * A piece is a constant struct that begins with `const char *name, *summary`. A kind declares its
 * three functions with MS_REGISTER(kind) in its header and defines them with
 * MS_REGISTER_HERE(kind) in one file:
 *
 *   ms_<kind>_register(piece, err)   adds one; fails with MS_BAD_SETTING where its name is missing
 *                                    or taken. The piece is kept, not copied. Not to be called
 *                                    while another thread uses the library.
 *   ms_<kind>_at(i)                  the i-th that was added, NULL after the last
 *   ms_<kind>_find(name)             the one of that name, or NULL
 *
 * registry.c registers all that is built in, through the same functions. */
#ifndef MS_REGISTRY_H
#define MS_REGISTRY_H

#include "base/base.h"

typedef struct ms_registry {
  const char *kind;   /* for messages: "loss" */
  const void **piece; /* count of them, in the order in which they were added */
  size_t count, room;
} ms_registry;

ms_status ms_registry_add(ms_registry *registry, const void *piece, ms_error *err);
const void *ms_registry_at(const ms_registry *registry, size_t i);
const void *ms_registry_find(const ms_registry *registry, const char *name);

#define MS_REGISTER(kind)                                                                          \
  ms_status ms_##kind##_register(const ms_##kind *piece, ms_error *err);                           \
  const ms_##kind *ms_##kind##_at(size_t i);                                                       \
  const ms_##kind *ms_##kind##_find(const char *name)

#define MS_REGISTER_HERE(what)                                                                     \
  static ms_registry what##_registry = {.kind = #what};                                            \
  ms_status ms_##what##_register(const ms_##what *piece, ms_error *err) {                          \
    return ms_registry_add(&what##_registry, piece, err);                                          \
  }                                                                                                \
  const ms_##what *ms_##what##_at(size_t i) {                                                      \
    return ms_registry_at(&what##_registry, i);                                                    \
  }                                                                                                \
  const ms_##what *ms_##what##_find(const char *name) {                                            \
    return ms_registry_find(&what##_registry, name);                                               \
  }

#endif
