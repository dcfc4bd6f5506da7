/* A hash of bytes. */
#ifndef MS_HASH_H
#define MS_HASH_H

#include <stddef.h>
#include <stdint.h>

/* FNV-1a of bytes[size], going on from `hash`; start with 0. */
uint64_t ms_hash(uint64_t hash, const void *bytes, size_t size);

#endif
