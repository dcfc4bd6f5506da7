#include "cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *list_candidate(size_t i, void *ctx) {
  (void)ctx;
  return ms_list_name(i);
}

static void print_json_string(const char *text) {
  putchar('"');
  for (; *text; text++)
    printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
  putchar('"');
}

int cli_list(int argc, char **argv) {
  bool json = false;
  const char *only = NULL, *summary;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--json") == 0)
      json = true;
    else if (argv[i][0] == '-')
      return cli_usage_error("list: '%s' is not an option; --json is", argv[i], NULL);
    else if (only)
      return cli_usage_error("list: one list at a time; '%s' is one too many", argv[i], NULL);
    else if (!ms_list(argv[i], 0, &summary))
      return cli_usage_error("there is no list '%s'", argv[i],
                             ms_nearest(argv[i], list_candidate, NULL));
    else
      only = argv[i];
  }
  if (json)
    putchar('{');
  bool first = true;
  for (size_t k = 0; ms_list_name(k); k++) {
    const char *name = ms_list_name(k);
    if (only && strcmp(only, name) != 0)
      continue;
    if (json)
      printf("%s\"%s\":{", first ? "" : ",", name);
    else if (!only)
      printf("%s%s\n", first ? "" : "\n", name);
    first = false;
    const char *entry;
    for (size_t i = 0; (entry = ms_list(name, i, &summary)); i++) {
      if (!json) {
        printf("%s%-24s %s\n", only ? "" : "  ", entry, summary);
        continue;
      }
      printf("%s\"%s\":", i ? "," : "", entry);
      print_json_string(summary);
    }
    if (json)
      putchar('}');
  }
  if (json)
    puts("}");
  return EXIT_SUCCESS;
}
