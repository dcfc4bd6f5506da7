#include "text/datafile.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool ms_data_path(const char *name, char *path, size_t size) {
  static const char *const places[] = {"/../data", "/../share/mirrorsim/data"};
  const char *given = getenv("MIRRORSIM_DATA");
  if (given) {
    snprintf(path, size, "%s/%s", given, name);
    return access(path, R_OK) == 0;
  }
  char self[2048];
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length < 0)
    return false;
  self[length] = 0;
  *strrchr(self, '/') = 0;
  for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
    snprintf(path, size, "%s%s/%s", self, places[i], name);
    if (access(path, R_OK) == 0)
      return true;
  }
  return false;
}
