#include "cli/cli.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Takes "--NAME VALUE" or "--NAME=VALUE" out of argv. */
static const char *take(const char *name, int *argc, char **argv) {
  size_t length = strlen(name);
  for (int i = 1; i < *argc; i++) {
    if (strncmp(argv[i], name, length) != 0 || (argv[i][length] && argv[i][length] != '='))
      continue;
    bool apart = !argv[i][length];
    const char *value = apart ? (i + 1 < *argc ? argv[i + 1] : "") : argv[i] + length + 1;
    int used = apart && i + 1 < *argc ? 2 : 1;
    for (int k = i; k + used <= *argc; k++)
      argv[k] = argv[k + used];
    *argc -= used;
    return value;
  }
  return NULL;
}

static int print(const ms_check *c, bool json, bool quiet) {
  bool all = true;
  ms_summary e;
  ms_check_claim claim;
  const char *reason;
  char shown[4096];
  ms_check_verdict(c, &reason);
  char *text = json ? ms_check_json(c) : NULL;
  if (text)
    puts(text);
  free(text);
  bool table = !json && !quiet;
  for (size_t i = 0; table && ms_check_at(c, i, &e); i++) {
    if (e.text && *e.text)
      printf("%-26s %s\n", e.key, ms_visible(shown, sizeof shown, e.text));
    else if (!e.text && !isnan(e.value))
      printf(e.whole ? "%-26s %-14.0f %s\n" : "%-26s %-14.4g %s\n", e.key, e.value, e.help);
  }
  if (table)
    printf("\n%s\n%s", ms_visible(shown, sizeof shown, reason),
           ms_check_claim_at(c, 0, &claim) ? "\n" : "");
  for (size_t i = 0; ms_check_claim_at(c, i, &claim); i++) {
    all = all && claim.holds;
    if (table)
      printf("%-4s %s (%s)\n", claim.holds ? "yes" : "NO", claim.text, claim.found);
  }
  return all ? EXIT_SUCCESS : EXIT_CLAIM;
}

int cli_check(int argc, char **argv) {
  const char *asked = NULL, *g = take("--g", &argc, argv), *h = take("--h", &argc, argv);
  if ((g && !*g) || (h && !*h))
    return cli_usage_error("check: %s: a value is missing, for example --g 'm*w' --h 'm^2'",
                           g && !*g ? "--g" : "--h", NULL);
  ms_config *cfg = ms_config_new();
  if (!cfg)
    return EXIT_FAILED;
  int code = cli_parse(argc, argv, cfg, &asked);
  if (asked) {
    ms_config_free(cfg);
    return cli_print_help(asked);
  }
  ms_check *check = NULL;
  ms_error err;
  if (code == EXIT_SUCCESS) {
    cli_catch_interrupts();
    ms_status status = ms_check_new(&check, cfg, g, h, &cli_interrupted, &err);
    code = status == MS_OK ? print(check, cli_is_on(cfg, "json"), cli_is_on(cfg, "quiet"))
           : status == MS_INTERRUPTED ? EXIT_INTERRUPTED
                                      : cli_complain(&err);
  }
  ms_check_free(check);
  ms_config_free(cfg);
  return code;
}
