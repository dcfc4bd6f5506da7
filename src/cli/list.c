#include "cli/cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The lists of the library, and that of the commands. */
static const char *list_name(size_t i) {
  size_t count = 0;
  while (ms_list_name(count))
    count++;
  return i < count ? ms_list_name(i) : i == count ? "commands" : NULL;
}

static const char *entry_at(const char *list, size_t i, const char **summary) {
  return strcmp(list, "commands") == 0 ? cli_command_at(i, summary) : ms_list(list, i, summary);
}

static const char *list_candidate(size_t i, void *ctx) {
  (void)ctx;
  return list_name(i);
}

static void print_json_string(const char *text) {
  putchar('"');
  for (; *text; text++)
    printf(*text == '"' || *text == '\\' ? "\\%c" : "%c", *text);
  putchar('"');
}

static void print_entries(const char *list, const char *indent, bool json) {
  const char *entry, *summary;
  for (size_t i = 0; (entry = entry_at(list, i, &summary)); i++) {
    if (!json) {
      printf("%s%-24s %s\n", indent, entry, summary);
      continue;
    }
    printf("%s\"%s\":", i ? "," : "", entry);
    print_json_string(summary);
  }
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
    else if (!entry_at(argv[i], 0, &summary))
      return cli_usage_error("there is no list '%s'; 'mirrorsim list' shows all", argv[i],
                             ms_nearest(argv[i], list_candidate, NULL));
    else
      only = argv[i];
  }
  if (json)
    putchar('{');
  for (size_t k = 0; only ? k == 0 : list_name(k) != NULL; k++) {
    const char *name = only ? only : list_name(k);
    if (json)
      printf("%s\"%s\":{", k ? "," : "", name);
    else if (!only)
      printf("%s%s\n", k ? "\n" : "", name);
    print_entries(name, only ? "" : "  ", json);
    if (json)
      putchar('}');
  }
  if (json)
    puts("}");
  return EXIT_SUCCESS;
}
