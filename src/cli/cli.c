#include "cli/cli.h"
#include <argp.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { OPT_SETTING = 0x2000, SETTINGS_MAX = 256 };

bool cli_silent;

int cli_exit_code(ms_status status) {
  switch (status) {
  case MS_OK:
  case MS_ENDED:
    return EXIT_SUCCESS;
  case MS_BAD_SETTING:
  case MS_BAD_INPUT:
  case MS_UNSUPPORTED:
    return EXIT_USAGE;
  case MS_INTERRUPTED:
    return EXIT_INTERRUPTED;
  default:
    return EXIT_FAILED;
  }
}

int cli_complain(const ms_error *err) {
  if (!cli_silent)
    fprintf(stderr, "mirrorsim: %s\n", err->message);
  return cli_exit_code(err->status);
}

int cli_usage_error(const char *format, const char *what, const char *near) {
  if (cli_silent)
    return EXIT_USAGE;
  char text[256];
  fprintf(stderr, "mirrorsim: ");
  fprintf(stderr, format, ms_visible(text, sizeof text, what));
  if (near)
    fprintf(stderr, "; did you mean '%s'?", near);
  fprintf(stderr, "\nTry 'mirrorsim --help'.\n");
  return EXIT_USAGE;
}

volatile sig_atomic_t cli_interrupted;

static void on_interrupt(int signal_number) {
  (void)signal_number;
  cli_interrupted = 1;
}

/* A signal that is ignored stays so, because nohup and background jobs of scripts rely on it. */
void cli_catch_interrupts(void) {
  static const int signals[] = {SIGINT, SIGTERM, SIGHUP};
  struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND}, before;
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
    if (sigaction(signals[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
      sigaction(signals[i], &action, NULL);
}

double cli_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

bool cli_is_on(const ms_config *cfg, const char *name) {
  const char *text = ms_config_text(cfg, name);
  return text && (strcmp(text, "on") == 0 || strcmp(text, "1") == 0 || strcmp(text, "yes") == 0 ||
                  strcmp(text, "true") == 0);
}

/* ---- Options -------------------------------------------------------------------------------- */

static const char *option_candidate(size_t i, void *ctx) {
  (void)ctx;
  static const char *const others[] = {"config", "help", "man", "usage", "version"};
  if (i < 5)
    return others[i];
  return ms_setting_at(i - 5) ? ms_setting_at(i - 5)->name : NULL;
}

/* The option that `name` is, or of which alone it is the beginning; NULL for none. */
static const char *option_named(const char *name) {
  const char *found = NULL;
  for (size_t i = 0; option_candidate(i, NULL); i++)
    if (strcmp(option_candidate(i, NULL), name) == 0)
      return option_candidate(i, NULL);
  for (size_t i = 0; option_candidate(i, NULL); i++) {
    const char *option = option_candidate(i, NULL);
    if (strncmp(option, name, strlen(name)) == 0) {
      if (found)
        return NULL;
      found = option;
    }
  }
  return found;
}

int cli_parse(int argc, char **argv, ms_config *cfg, const char **asked) {
  ms_error err;
  for (int i = 1; i < argc; i++) {
    char name[64], origin[80] = "--";
    const char *word = argv[i], *value = strchr(word, '=');
    if (strcmp(word, "--") == 0)
      continue;
    if (strncmp(word, "--", 2) != 0)
      return cli_usage_error(
          "'%s' is not expected here; options start with --, and --plot takes its "
          "value after a =",
          word, NULL);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    const char *option = option_named(name);
    if (!option) {
      const char *near = ms_nearest(name, option_candidate, NULL);
      snprintf(origin + 2, sizeof origin - 2, "%s", near ? near : "");
      snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
      return cli_usage_error("there is no option '%s'", name, near ? origin : NULL);
    }
    snprintf(origin + 2, sizeof origin - 2, "%s", option);
    const ms_setting *s = ms_setting_find(option);
    if (!s && strcmp(option, "config") != 0) {
      *asked = option;
      return EXIT_SUCCESS;
    }
    if (value)
      value++;
    else if (s && s->type == MS_FLAG)
      value = "on";
    else if (s && strcmp(option, "plot") == 0)
      value = "png";
    else if (argv[i + 1] && strncmp(argv[i + 1], "--", 2) != 0)
      value = argv[++i];
    if (!value || !*value)
      return cli_usage_error("%s: a value is missing", origin, NULL);
    ms_status status =
        s ? ms_config_set(cfg, option, value, origin, &err) : ms_config_read(cfg, value, &err);
    if (status != MS_OK)
      return cli_complain(&err);
  }
  return EXIT_SUCCESS;
}

/* "Help text.  Default: VALUE." and for choices the names. */
static char *option_doc(const ms_setting *s) {
  char doc[1200];
  size_t used = (size_t)snprintf(doc, sizeof doc, "%s", s->help);
  if (s->type == MS_CHOICE && !s->listed) {
    for (size_t i = 0; s->choice(i, NULL); i++)
      used += (size_t)snprintf(doc + used, sizeof doc - used, "%s%s", i ? ", " : ": ",
                               s->choice(i, NULL));
  }
  if (s->fallback && s->type != MS_FLAG)
    snprintf(doc + used, sizeof doc - used, " (default %s)", s->fallback);
  return strdup(doc);
}

static const char about[] =
    "Integrate the gradient flow of an overparameterized model x = g(w) under weight decay "
    "alpha(t), "
    "and the time-varying mirror flow of x that it equals.\v"
    "Commands:\n"
#define X(name, arguments, summary, example) "  " #name " " arguments "\n    " summary "\n"
    CLI_COMMANDS(X)
#undef X
        "\n"
        "Exit codes: 0 done, 1 a claim did not hold or runs of a sweep failed, 2 bad usage or "
        "input (nothing written), 3 the "
        "integration failed (partial results kept), 130 interrupted (ditto).\n\n"
        "Example: mirrorsim --model diag --wd-schedule linear --plot --out run";

int cli_print_help(const char *asked) {
  struct argp_option options[2 * SETTINGS_MAX] = {
      {.name = "config",
       .key = OPT_SETTING - 1,
       .arg = "FILE.ini",
       .group = 1,
       .doc = "read settings (key = value, the long names below) from a file; later options win"},
      {.name = "help", .key = OPT_SETTING - 2, .group = 1, .doc = "print this"},
      {.name = "man", .key = OPT_SETTING - 5, .group = 1, .doc = "print the manual page (mdoc)"},
      {.name = "usage", .key = OPT_SETTING - 3, .group = 1, .doc = "print a short usage message"},
      {.name = "version", .key = OPT_SETTING - 4, .group = 1, .doc = "print the version"}};
  size_t fixed = 5, used = fixed;
  int group = 1;
  const char *heading = "";
  for (size_t i = 0; ms_setting_at(i); i++) {
    const ms_setting *s = ms_setting_at(i);
    if (strcmp(heading, s->group) != 0) {
      heading = s->group;
      group++;
      options[used++] = (struct argp_option){.doc = heading, .group = group};
    }
    bool optional = s->type == MS_FLAG || strcmp(s->name, "plot") == 0;
    options[used++] = (struct argp_option){.name = s->name,
                                           .key = OPT_SETTING + (int)i,
                                           .arg = s->type == MS_FLAG ? "on|off" : s->metavar,
                                           .flags = optional ? OPTION_ARG_OPTIONAL : 0,
                                           .doc = option_doc(s),
                                           .group = group};
  }
  const struct argp argp = {options, NULL, NULL, about, NULL, NULL, NULL};
  bool help = strcmp(asked, "help") == 0;
  char name[] = "mirrorsim";
  if (help) /* argp's own has the command last */
    puts("Usage: mirrorsim [COMMAND] [OPTION...]");
  argp_help(&argp, stdout, help ? ARGP_HELP_LONG | ARGP_HELP_DOC : ARGP_HELP_USAGE, name);
  for (size_t i = fixed; i < used; i++)
    if (options[i].name)
      free((void *)options[i].doc);
  return EXIT_SUCCESS;
}
