#include "cli/cli.h"
#include "figure/draw.h"
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct command {
  const char *name, *arguments, *summary, *example;
  cli_command *run;
} commands[] = {
#define X(name, arguments, summary, example) {#name, arguments, summary, example, cli_##name},
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

/* NULL, and a complaint, where there is none of this name. */
static const struct command *command_named(const char *name) {
  for (size_t i = 0; i < COMMANDS; i++)
    if (strcmp(name, commands[i].name) == 0)
      return &commands[i];
  cli_usage_error("there is no command '%s'", name, ms_nearest(name, command_candidate, NULL));
  return NULL;
}

/* The page of one command; that of run has all options. */
static int print_page(const struct command *c) {
  if (ms_rank() > 0)
    return EXIT_SUCCESS;
  if (c->run == cli_run)
    return cli_print_help("help");
  printf("Usage: mirrorsim %s %s\n\n%s\n", c->name, c->arguments, c->summary);
  if (strstr(c->arguments, "[options of run]"))
    puts("\nThe options of run: mirrorsim run --help");
  printf("\nExample: mirrorsim %s\n", c->example);
  return EXIT_SUCCESS;
}

static bool asks_for_help(int argc, char **argv) {
  for (int i = 2; i < argc; i++)
    if (strcmp(argv[i], "--help") == 0 || (i == 2 && strcmp(argv[i], "-h") == 0))
      return true;
  return false;
}

static int dispatch(int argc, char **argv) {
  bool help = argc > 1 && (strcmp(argv[1], "help") == 0 || strcmp(argv[1], "-h") == 0);
  if (help && (argc == 2 || argv[2][0] == '-'))
    return print_page(&commands[0]);
  if (argc < 2 || (!help && argv[1][0] == '-'))
    return cli_run(argc, argv);
  const struct command *c = command_named(argv[help ? 2 : 1]);
  if (!c)
    return EXIT_USAGE;
  if (help || asks_for_help(argc, argv))
    return print_page(c);
  bool together = c->run == cli_run || c->run == cli_sweep;
  cli_silent = ms_rank() > 0 && !together;
  if (ms_ranks() > 1 && !together)
    return cli_usage_error("%s: is done by one process; mpirun goes with run and sweep", argv[1],
                           NULL);
  return c->run(argc - 1, argv + 1);
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
