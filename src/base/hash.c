#include "base/hash.h"

uint64_t ms_hash(uint64_t hash, const void *bytes, size_t size) {
  const unsigned char *at = bytes;
  if (hash == 0)
    hash = 0xcbf29ce484222325U;
  for (size_t i = 0; i < size; i++)
    hash = (hash ^ at[i]) * 0x100000001b3U;
  return hash;
}
