#include "cli/cli.h"
#include "figure/draw.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command {
  const char *name, *summary;
  cli_command *run;
} commands[] = {
#define X(name, arguments, summary) {#name, summary, cli_##name},
    CLI_COMMANDS(X)
#undef X
};
enum { COMMANDS = sizeof commands / sizeof *commands };

const char *cli_command_at(size_t i, const char **summary) {
  if (i >= COMMANDS)
    return NULL;
  *summary = commands[i].summary;
  return commands[i].name;
}

static const char *command_candidate(size_t i, void *ctx) {
  (void)ctx;
  return i < COMMANDS ? commands[i].name : NULL;
}

static int dispatch(int argc, char **argv) {
  if (argc < 2 || argv[1][0] == '-')
    return cli_run(argc, argv);
  for (int i = 2; i < argc; i++)
    if (strcmp(argv[i], "--help") == 0)
      return cli_print_help("help");
  for (size_t i = 0; i < COMMANDS; i++) {
    if (strcmp(argv[1], commands[i].name) != 0)
      continue;
    bool together = commands[i].run == cli_run || commands[i].run == cli_sweep;
    cli_silent = ms_rank() > 0 && !together;
    if (ms_ranks() > 1 && !together)
      return cli_usage_error("%s: is done by one process; mpirun goes with run and sweep", argv[1],
                             NULL);
    return commands[i].run(argc - 1, argv + 1);
  }
  return cli_usage_error("there is no command '%s'", argv[1],
                         ms_nearest(argv[1], command_candidate, NULL));
}

int main(int argc, char **argv) {
  signal(SIGXFSZ, SIG_IGN); /* a file that grew too large is an error as a full disk is */
  cli_check_memory();
  ms_error err;
  if (ms_figures_register(&err) != MS_OK) {
    fprintf(stderr, "mirrorsim: %s\n", err.message);
    return EXIT_FAILED;
  }
  int code = dispatch(argc, argv);
  if (fflush(stdout) != 0 || ferror(stdout)) {
    fprintf(stderr, "mirrorsim: standard output cannot be written: %s\n", strerror(errno));
    return code ? code : EXIT_FAILED;
  }
  return code;
}
