/* The command line: a client of the library's public header and nothing more. */
#include "mirrorsim.h"
#include <argp.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_CLAIM = 1, EXIT_USAGE = 2, EXIT_FAILED = 3, EXIT_INTERRUPTED = 130 };
enum { OPT_SETTING = 0x2000, SETTINGS_MAX = 128 };

static volatile sig_atomic_t interrupted;

static void on_interrupt(int signal_number) {
  (void)signal_number;
  interrupted = 1;
}

static int exit_code(ms_status status) {
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

static int complain(const ms_error *err) {
  fprintf(stderr, "mirrorsim: %s\n", err->message);
  return exit_code(err->status);
}

static int usage_error(const char *format, const char *what, const char *near) {
  fprintf(stderr, "mirrorsim: ");
  fprintf(stderr, format, what);
  if (near)
    fprintf(stderr, "; did you mean '%s'?", near);
  fprintf(stderr, "\nTry 'mirrorsim --help'.\n");
  return EXIT_USAGE;
}

/* ---- run ------------------------------------------------------------------------------------ */

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void show_progress(const ms_run *run, size_t i, double started, double *shown) {
  double now = seconds_now();
  if (!isatty(STDERR_FILENO) || now - started < 1 || now - *shown < 0.2)
    return;
  *shown = now;
  fprintf(stderr, "\rt = %-12.6g loss = %-12.4g point %zu of at most %zu ", ms_run_t(run),
          ms_run_observe(run, "loss"), i + 1, ms_run_points(run));
  fflush(stderr);
}

static void print_table(const ms_run *run) {
  ms_summary entry;
  for (size_t i = 0; ms_run_summary_at(run, i, &entry); i++) {
    char value[64];
    if (entry.text) {
      printf(*entry.help ? "%-24s %-14s %s\n" : "%-24s %s\n", entry.key, entry.text, entry.help);
      continue;
    }
    if (isnan(entry.value))
      continue;
    snprintf(value, sizeof value, entry.whole ? "%.0f" : "%.6g", entry.value);
    printf("%-24s %-14s%s%s\n", entry.key, value, *entry.help ? " " : "", entry.help);
  }
  for (size_t i = 0; ms_run_note(run, i); i++)
    printf("\n* %s\n", ms_run_note(run, i));
}

/* The folder of the gnuplot scripts: $MIRRORSIM_PLOTS, or beside the program, in its clone or where
 * it is installed. */
static const char *find_scripts(char *path, size_t size) {
  static const char *const places[] = {"/../plots", "/../share/mirrorsim/plots"};
  char self[2048], probe[4096 + 16];
  if (getenv("MIRRORSIM_PLOTS"))
    return getenv("MIRRORSIM_PLOTS");
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  if (length < 0)
    return NULL;
  self[length] = 0;
  *strrchr(self, '/') = 0;
  for (size_t i = 0; i < 2; i++) {
    snprintf(path, size, "%s%s", self, places[i]);
    snprintf(probe, sizeof probe, "%s/style.gp", path);
    if (access(probe, R_OK) == 0)
      return path;
  }
  return NULL;
}

static int draw(const char *dir, const char *formats, bool quiet) {
  static const char *const plots[] = {"trajectory", "potential"};
  char path[4096];
  ms_error err;
  const char *scripts = find_scripts(path, sizeof path);
  if (!scripts) {
    usage_error("the plots/ folder is not beside the program; %s may name it", "MIRRORSIM_PLOTS",
                NULL);
    return EXIT_FAILED;
  }
  for (const char *format = formats; *format; format += strcspn(format, ",")) {
    char name[8];
    format += *format == ',';
    snprintf(name, sizeof name, "%.*s", (int)strcspn(format, ","), format);
    for (size_t i = 0; i < 2; i++) {
      if (ms_plot(scripts, dir, plots[i], name, &err) != MS_OK) {
        complain(&err);
        return EXIT_FAILED;
      }
      if (!quiet)
        printf("drew %s/%s.%s\n", dir, plots[i], name);
    }
  }
  return EXIT_SUCCESS;
}

static bool is_on(const ms_config *cfg, const char *name) {
  const char *text = ms_config_text(cfg, name);
  return text && (strcmp(text, "on") == 0 || strcmp(text, "1") == 0 || strcmp(text, "yes") == 0 ||
                  strcmp(text, "true") == 0);
}

static int report(ms_run *run, const ms_config *cfg, const char *dir) {
  ms_error err;
  bool json = is_on(cfg, "json"), quiet = is_on(cfg, "quiet") || json;
  if (dir && ms_run_write(run, dir, &err) != MS_OK) {
    complain(&err);
    return EXIT_FAILED;
  }
  if (json) {
    char *text = ms_run_json(run, true);
    if (text)
      puts(text);
    free(text);
  } else if (!quiet) {
    print_table(run);
    if (dir)
      printf("\nwrote %s/\n", dir);
  }
  const char *formats = ms_config_text(cfg, "plot");
  return formats ? draw(dir, formats, quiet) : EXIT_SUCCESS;
}

static int run_once(const ms_config *cfg) {
  ms_error err;
  ms_run *run;
  const char *dir = ms_config_text(cfg, "out");
  if (!dir && ms_config_text(cfg, "plot"))
    dir = "mirrorsim-run";
  double started = seconds_now(), shown = 0;
  if (ms_run_new(&run, cfg, &err) != MS_OK)
    return complain(&err);
  if (dir && ms_folder_make(dir, &err) != MS_OK) {
    ms_run_free(run);
    complain(&err);
    return EXIT_USAGE;
  }
  struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = (int)SA_RESETHAND};
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
  ms_run_interrupt_on(run, &interrupted);
  ms_status status = MS_OK;
  for (size_t i = 0; i < ms_run_points(run) && status == MS_OK; i++) {
    status = ms_run_advance(run, i, &err);
    show_progress(run, i, started, &shown);
  }
  if (shown > 0)
    fprintf(stderr, "\r%78s\r", "");
  ms_error finish_error;
  int code = exit_code(status);
  if (status < 0) {
    complain(&err);
    code = status == MS_INTERRUPTED ? EXIT_INTERRUPTED : EXIT_FAILED;
  }
  if (ms_run_finish(run, status, &err, &finish_error) == MS_OK) {
    int reported = report(run, cfg, dir);
    code = code ? code : reported;
  }
  ms_run_free(run);
  return code;
}

/* ---- list ----------------------------------------------------------------------------------- */

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

static int list(int argc, char **argv) {
  bool json = false;
  const char *only = NULL, *summary;
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--json") == 0)
      json = true;
    else if (argv[i][0] == '-')
      return usage_error("list: '%s' is not an option; --json is", argv[i], NULL);
    else if (only)
      return usage_error("list: one list at a time; '%s' is one too many", argv[i], NULL);
    else if (!ms_list(argv[i], 0, &summary))
      return usage_error("there is no list '%s'", argv[i],
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

/* ---- plot ----------------------------------------------------------------------------------- */

static int redraw(int argc, char **argv) {
  const char *dir = NULL, *formats = "png";
  for (int i = 1; i < argc; i++) {
    if (strncmp(argv[i], "--plot=", 7) == 0)
      formats = argv[i] + 7;
    else if (argv[i][0] == '-' || dir)
      return usage_error("plot: '%s' is not expected; usage: mirrorsim plot RUN_DIR "
                         "[--plot=png,svg,pdf]",
                         argv[i], NULL);
    else
      dir = argv[i];
  }
  ms_config *cfg = ms_config_new();
  ms_error err;
  int code = EXIT_SUCCESS;
  if (!dir)
    code = usage_error("plot: %s is missing; usage: mirrorsim plot RUN_DIR", "RUN_DIR", NULL);
  else if (cfg && ms_config_set(cfg, "plot", formats, "--plot", &err) != MS_OK)
    code = complain(&err);
  char probe[4200];
  if (code == EXIT_SUCCESS) {
    snprintf(probe, sizeof probe, "%s/summary.json", dir);
    if (access(probe, R_OK) != 0)
      code = usage_error("plot: %s holds no run (no summary.json)", dir, NULL);
  }
  ms_config_free(cfg);
  return code ? code : draw(dir, formats, false);
}

/* ---- Options -------------------------------------------------------------------------------- */

static const char *option_candidate(size_t i, void *ctx) {
  (void)ctx;
  static const char *const others[] = {"config", "help", "version", "usage"};
  if (i < 4)
    return others[i];
  return ms_setting_at(i - 4) ? ms_setting_at(i - 4)->name : NULL;
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

/* Reads the options into cfg. EXIT_SUCCESS, or the exit code of a complaint; *asked is set to
 * "help", "version" or "usage" where one of them is given. */
static int parse(int argc, char **argv, ms_config *cfg, const char **asked) {
  ms_error err;
  for (int i = 1; i < argc; i++) {
    char name[64], origin[80] = "--";
    const char *word = argv[i], *value = strchr(word, '=');
    if (strcmp(word, "--") == 0)
      continue;
    if (strncmp(word, "--", 2) != 0)
      return usage_error("'%s' is not expected here; options start with --, and --plot takes its "
                         "value after a =",
                         word, NULL);
    snprintf(name, sizeof name, "%.*s", (int)strcspn(word + 2, "="), word + 2);
    const char *option = option_named(name);
    if (!option) {
      const char *near = ms_nearest(name, option_candidate, NULL);
      snprintf(origin + 2, sizeof origin - 2, "%s", near ? near : "");
      snprintf(name, sizeof name, "%.*s", (int)strcspn(word, "="), word);
      return usage_error("there is no option '%s'", name, near ? origin : NULL);
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
      return usage_error("%s: a value is missing", origin, NULL);
    ms_status status =
        s ? ms_config_set(cfg, option, value, origin, &err) : ms_config_read(cfg, value, &err);
    if (status != MS_OK)
      return complain(&err);
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
    "Commands: run (or none); list [models|params|schedules|...] [--json]; plot RUN_DIR "
    "[--plot=png,svg,pdf].\n\n"
    "Exit codes: 0 done, 1 a claim did not hold, 2 bad usage or input (nothing written), 3 the "
    "integration failed (partial results kept), 130 interrupted (ditto).\n\n"
    "Example: mirrorsim --model diag --wd-schedule linear --plot --out run";

/* --help or --usage, formatted by argp from the settings. */
static int print_help(const char *asked) {
  struct argp_option options[2 * SETTINGS_MAX] = {
      {.name = "config",
       .key = OPT_SETTING - 1,
       .arg = "FILE.ini",
       .group = 1,
       .doc = "read settings (key = value, the long names below) from a file; later options win"},
      {.name = "help", .key = OPT_SETTING - 2, .group = 1, .doc = "print this"},
      {.name = "usage", .key = OPT_SETTING - 3, .group = 1, .doc = "print a short usage message"},
      {.name = "version", .key = OPT_SETTING - 4, .group = 1, .doc = "print the version"}};
  size_t fixed = 4, used = fixed;
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
  static const char words[] = "[run]\nlist [NAME]\nplot RUN_DIR";
  const struct argp argp = {options, NULL, words, about, NULL, NULL, NULL};
  bool help = strcmp(asked, "help") == 0;
  char name[] = "mirrorsim";
  argp_help(&argp, stdout,
            help ? ARGP_HELP_SHORT_USAGE | ARGP_HELP_LONG | ARGP_HELP_DOC : ARGP_HELP_USAGE, name);
  for (size_t i = fixed; i < used; i++)
    if (options[i].name)
      free((void *)options[i].doc);
  return EXIT_SUCCESS;
}

static int run_command(int argc, char **argv) {
  const char *asked = NULL;
  ms_config *cfg = ms_config_new();
  if (!cfg)
    return EXIT_FAILED;
  int code = parse(argc, argv, cfg, &asked);
  if (asked && strcmp(asked, "version") == 0)
    printf("mirrorsim %s\n", ms_version());
  else if (asked)
    code = print_help(asked);
  else if (code == EXIT_SUCCESS)
    code = run_once(cfg);
  ms_config_free(cfg);
  return code;
}

static const char *command_candidate(size_t i, void *ctx) {
  static const char *const names[] = {"run", "list", "plot"};
  (void)ctx;
  return i < 3 ? names[i] : NULL;
}

static int dispatch(int argc, char **argv) {
  if (argc > 1 && argv[1][0] != '-') {
    for (int i = 2; i < argc; i++)
      if (strcmp(argv[i], "--help") == 0)
        return print_help("help");
    if (strcmp(argv[1], "run") == 0)
      return run_command(argc - 1, argv + 1);
    if (strcmp(argv[1], "list") == 0)
      return list(argc - 1, argv + 1);
    if (strcmp(argv[1], "plot") == 0)
      return redraw(argc - 1, argv + 1);
    return usage_error("there is no command '%s'", argv[1],
                       ms_nearest(argv[1], command_candidate, NULL));
  }
  return run_command(argc, argv);
}

int main(int argc, char **argv) {
  int code = dispatch(argc, argv);
  if (fflush(stdout) != 0 || ferror(stdout)) {
    fprintf(stderr, "mirrorsim: standard output cannot be written: %s\n", strerror(errno));
    return code ? code : EXIT_FAILED;
  }
  return code;
}
