#include "base/base.h"
#include <string.h>

/* The character at p, of *size bytes; a byte that is no part of UTF-8 gives itself and *valid =
 * false. */
static uint32_t character_at(const unsigned char *p, size_t *size, bool *valid) {
  size_t length = *p < 0x80 ? 1 : *p >> 5 == 6 ? 2 : *p >> 4 == 14 ? 3 : *p >> 3 == 30 ? 4 : 0;
  static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  uint32_t code = length == 1 ? *p : *p & (0x7Fu >> length);
  *valid = length > 0;
  for (size_t k = 1; k < length; k++) {
    *valid = *valid && p[k] >> 6 == 2;
    if (!*valid)
      break;
    code = code << 6 | (p[k] & 0x3F);
  }
  *valid = *valid && code >= least[length] && code <= 0x10FFFF && code >> 11 != 0x1B;
  *size = *valid ? length : 1;
  return *valid ? code : *p;
}

/* Control characters but the tab, and those that change the direction of text or end a line. */
static bool acts(uint32_t code) {
  return (code < 0x20 && code != '\t') || (code >= 0x7F && code < 0xA0) || code == 0x200E ||
         code == 0x200F || (code >= 0x2028 && code <= 0x202E) ||
         (code >= 0x2066 && code <= 0x2069) || code == 0xFEFF;
}

const char *ms_visible(char *out, size_t room, const char *text) {
  size_t used = 0, size;
  bool valid;
  for (const unsigned char *p = (const unsigned char *)text; *p; p += size) {
    char shown[16];
    uint32_t code = character_at(p, &size, &valid);
    const char *letter = code && code < 0x20 ? strchr("\nn\rr", (int)code) : NULL;
    if (letter)
      snprintf(shown, sizeof shown, "\\%c", letter[1]);
    else if (!valid || (acts(code) && code < 0x80))
      snprintf(shown, sizeof shown, "\\x%02x", (unsigned)code);
    else if (acts(code))
      snprintf(shown, sizeof shown, "\\u%04x", (unsigned)code);
    else
      snprintf(shown, sizeof shown, "%.*s", (int)size, (const char *)p);
    size_t length = strlen(shown);
    if (used + length >= room)
      break;
    memcpy(out + used, shown, length);
    used += length;
  }
  out[used] = '\0';
  return out;
}
