#include "cli/cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What a folder may hold, and the file that only such a one has. */
static const struct kind {
  const char *name, *mark;
} kinds[] = {[CLI_RUN] = {"a run", "summary.json"},
             [CLI_SWEEP] = {"a sweep", "sweep.csv"},
             [CLI_FIGURE] = {"a figure", "claims.json"}};

/* Do the claims of the folder name this figure? */
static bool is_of_figure(const char *path, const char *figure) {
  char text[256] = "", line[160];
  FILE *file = fopen(path, "r");
  if (!file)
    return false;
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  snprintf(line, sizeof line, "\"figure\": \"%s\"", figure);
  return strstr(text, line) != NULL;
}

int cli_check_folder(const char *dir, cli_kind kind, const char *figure) {
  for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
    char path[4200], shown[4096];
    snprintf(path, sizeof path, "%s/%s", dir, kinds[i].mark);
    if (access(path, F_OK) != 0)
      continue;
    bool same = i == (size_t)kind && (kind != CLI_FIGURE || is_of_figure(path, figure));
    if (same)
      continue;
    if (!cli_silent)
      fprintf(stderr,
              "mirrorsim: %s holds %s already (%s), whose files would mix with those of %s: "
              "another --out leaves it as it is; else remove the folder first\n",
              ms_visible(shown, sizeof shown, dir),
              i == CLI_FIGURE && kind == CLI_FIGURE ? "another figure" : kinds[i].name,
              kinds[i].mark, kinds[kind].name);
    return EXIT_USAGE;
  }
  return EXIT_SUCCESS;
}
