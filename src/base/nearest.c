#include "base/base.h"
#include <ctype.h>
#include <string.h>

/* Edits (insert, delete, replace, swap neighbours) that turn a into b; names are short. */
static size_t edit_distance(const char *a, const char *b) {
  enum { LONGEST = 48 };
  size_t n = strlen(a), m = strlen(b), row[LONGEST + 1][LONGEST + 1];
  if (n > LONGEST || m > LONGEST)
    return SIZE_MAX;
  for (size_t i = 0; i <= n; i++)
    for (size_t j = 0; j <= m; j++) {
      if (i == 0 || j == 0) {
        row[i][j] = i + j;
        continue;
      }
      size_t change = tolower((unsigned char)a[i - 1]) != tolower((unsigned char)b[j - 1]);
      size_t best = MS_MIN(row[i - 1][j], row[i][j - 1]) + 1;
      best = MS_MIN(best, row[i - 1][j - 1] + change);
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        best = MS_MIN(best, row[i - 2][j - 2] + 1);
      row[i][j] = best;
    }
  return row[n][m];
}

const char *ms_nearest(const char *name, const char *(*candidate)(size_t, void *), void *ctx) {
  const char *best = NULL;
  if (!*name)
    return NULL;
  size_t length = strlen(name), least = MS_MAX(length / 2, 1) + 1;
  for (size_t i = 0; candidate(i, ctx); i++) {
    const char *other = candidate(i, ctx);
    size_t distance = edit_distance(name, other);
    if (length > 2 && distance > 1 && strncmp(name, other, length) == 0)
      distance = 1;
    if (distance < least) {
      least = distance;
      best = other;
    }
  }
  return best;
}
