/* The manual page, from the tables that --help is made of. */
#include "cli/cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Text with what roff would take for a request or an escape made plain. */
static void put(const char *text) {
  for (const char *c = text; *c; c++) {
    if (*c == '\\')
      fputs("\\e", stdout);
    else if ((*c == '.' || *c == '\'') && (c == text || c[-1] == '\n'))
      printf("\\&%c", *c);
    else if (*c == '-')
      fputs("\\-", stdout);
    else
      putchar(*c);
  }
}

static void line(const char *text) {
  put(text);
  putchar('\n');
}

static void print_setting(const ms_setting *s) {
  printf(".It Fl \\-%s", s->name);
  if (s->type == MS_FLAG)
    fputs(" Ns Oo = Ns Cm on Ns | Ns Cm off Oc", stdout);
  else
    printf(" Ar %s", s->metavar);
  putchar('\n');
  line(s->help);
  if (s->choice) {
    const char *summary, *name;
    puts(".Bl -tag -width Ds -compact");
    for (size_t i = 0; (name = s->choice(i, &summary)); i++) {
      printf(".It Cm %s\n", name);
      line(summary);
    }
    puts(".El");
  }
  if (s->fallback && s->type != MS_FLAG)
    printf("Default:\n.Cm %s\n", s->fallback);
}

int cli_print_man(void) {
  puts(".Dd November 24, 2026\n.Dt MIRRORSIM 1\n.Os mirrorsim\n.Sh NAME\n.Nm mirrorsim\n"
       ".Nd gradient flows and time\\-varying mirror flows of overparameterized models\n"
       ".Sh SYNOPSIS");
  static const struct {
    const char *name, *arguments, *summary, *example;
  } commands[] = {
#define X(name, arguments, summary, example) {#name, arguments, summary, example},
      CLI_COMMANDS(X)
#undef X
  };
  size_t count = sizeof commands / sizeof *commands;
  puts(".Nm mirrorsim\n.Op Ar option ...");
  for (size_t i = 0; i < count; i++)
    printf(".Nm mirrorsim\n.Cm %s\n", commands[i].name);
  puts(
      ".Sh DESCRIPTION\n"
      "Training an overparameterized model x = g(w) with weight decay alpha(t) on h(w) is a\n"
      "time\\-varying mirror flow of x.\n.Nm\n"
      "integrates the gradient flow of w and the mirror flow of x, compares both with independent\n"
      "optimization, and draws what happens.\n.Pp\nThe commands are:\n.Bl -tag -width Ds");
  for (size_t i = 0; i < count; i++) {
    printf(".It Cm %s ", commands[i].name);
    line(commands[i].arguments);
    line(commands[i].summary);
    fputs(".Pp\nExample:\n.Dl mirrorsim ", stdout);
    line(commands[i].example);
  }
  puts(".El\n.Pp\nThe options, which are also the keys of configuration files, are:");
  const char *group = "";
  for (size_t i = 0; ms_setting_at(i); i++) {
    const ms_setting *s = ms_setting_at(i);
    if (strcmp(group, s->group) != 0) {
      printf("%s.Ss %s\n.Bl -tag -width Ds\n", *group ? ".El\n" : "", s->group);
      group = s->group;
    }
    print_setting(s);
  }
  puts(".El\n.Sh ENVIRONMENT\n.Bl -tag -width Ds\n.It Ev MIRRORSIM_PLOTS\n"
       "folder of the gnuplot scripts, where it is not found beside the program\n.El\n"
       ".Sh FILES\n.Bl -tag -width Ds\n"
       ".It Pa trajectory.csv\nall observables at the recorded times\n"
       ".It Pa state.npz\nt and x(t)\n"
       ".It Pa data.npz\nZ, y, truth and start weights, which --data and --init-w read\n"
       ".It Pa weights.npz\nthe weights over time, with --keep-weights\n"
       ".It Pa summary.json\nthe table that a run prints\n"
       ".It Pa config.ini\nreruns it:\n.Nm\n.Fl \\-config Pa DIR/config.ini\n.El\n"
       ".Sh EXIT STATUS\n.Bl -tag -width Ds -compact\n.It 0\ndone\n.It 1\na claim did not hold, or "
       "runs of a sweep failed\n"
       ".It 2\nbad usage or input; nothing was written\n"
       ".It 3\nthe integration failed; partial results are kept\n.It 130\ninterrupted; ditto\n.El\n"
       ".Sh EXAMPLES\n.Dl mirrorsim \\-\\-model diag \\-\\-wd\\-schedule linear \\-\\-plot "
       "\\-\\-out run");
  return EXIT_SUCCESS;
}
