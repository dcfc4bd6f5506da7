#include "cli/cli.h"
#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

/* One stop of the tour: what is said, the run that shows it, its picture, what is then said.
 * `keys`: entries of the summary to be shown. Texts are wrapped by hand at 78 columns. */
typedef struct stop {
  const char *title, *before, *settings, *plot, *keys, *after;
} stop;

#define PROBLEM "--points 200"

static const stop stops[] = {
    {"1. Infinitely many answers",
     "40 equations, 100 unknowns: infinitely many x fit the data exactly. The truth\n"
     "behind the data uses only 5 of the 100 features. Training does not know that.\n"
     "It picks one x, and which one it picks is called its implicit bias.\n",
     PROBLEM " --wd-schedule none", "demo-x", "loss l1 l2 nonzeros truth_error",
     "The loss is 0, and the truth is far away: x is spread over all features. This is\n"
     "nearly the answer of least L2 norm.\n"},
    {"2. Weight decay on, then off",
     "Now write x = m * w, coordinate by coordinate, as this model does all the time,\n"
     "and let weight decay act on m and w. It falls linearly to 0 half way; at the end\n"
     "nothing is left that penalizes anything.\n",
     PROBLEM " --wd-schedule linear", "demo-x", "loss dose l1 l2 nonzeros truth_error",
     "Same data, same loss of 0, another x: the sparse one. Weight decay is off, but what\n"
     "it did has stayed.\n"},
    {"3. Why: the potential has changed",
     "Training x = g(w) by gradient flow is a mirror flow of x: it moves x such that a\n"
     "potential R_a(x) is least among all answers. Weight decay changes that potential;\n"
     "only its dose, A = the integral of alpha(t), counts. Here is R_a of one coordinate\n"
     "before the run and after it.\n",
     PROBLEM " --wd-schedule linear", "demo-potential", "dose ln_beta effective_exponent",
     "A bowl, which is L2, has become a V, which is L1. L1 means sparse.\n"},
    {"4. One number: the effective exponent",
     "Near x the potential grows like |x|^p. That p, p_eff, says where between L2 (2) and\n"
     "L1 (1) training is. Here it is along the run, with weight decay below.\n",
     PROBLEM " --wd-schedule linear", "demo-exponent", "effective_exponent truth_error",
     "It falls while weight decay is on, and stays when it is off: the bias is stored in\n"
     "the balance of m and w.\n"},
    {"5. If weight decay stays on",
     "Why switch it off at all? With a constant alpha the flow ends elsewhere: at the\n"
     "LASSO with lambda = 2 alpha, which is sparse but shrunk, and does not fit the data.\n",
     PROBLEM " --wd-schedule constant --wd 0.1", "demo-x", "loss l1 nonzeros truth_error limit_gap",
     "Sparse, too, but every value is too small. limit_gap compares the end with the LASSO\n"
     "found by coordinate descent, without any flow.\n"},
    {"6. Your turn",
     "  mirrorsim --help                        every option\n"
     "  mirrorsim --plot --out run              the run of stop 2, in pictures\n"
     "  mirrorsim figure balls                  circles that become diamonds\n"
     "  mirrorsim figure morph --format gif     the same, moving\n"
     "  mirrorsim figure switch-off             when to switch weight decay off\n"
     "  mirrorsim list figures                  and all the others\n"
     "docs/tutorial.md tells it at leisure, docs/theory.md has the formulas.\n",
     NULL, NULL, NULL, ""},
};
enum { STOPS = sizeof stops / sizeof *stops };

/* ---- Keys ---- */

/* 'n'ext, 'b'ack or 'q'uit, as the next key says. */
static char key_pressed(void) {
  struct termios before, raw;
  if (tcgetattr(STDIN_FILENO, &before) != 0)
    return 'n';
  raw = before;
  raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  tcsetattr(STDIN_FILENO, TCSANOW, &raw);
  char key = 0;
  ssize_t got = 0;
  while (!cli_interrupted && !(got == 1 && strchr("nbq \n\r", key) && key)) {
    got = read(STDIN_FILENO, &key, 1);
    if (got == 0 || (got < 0 && errno != EINTR))
      break;
  }
  tcsetattr(STDIN_FILENO, TCSANOW, &before);
  return got != 1 || cli_interrupted ? 'q' : key == 'b' || key == 'q' ? key : 'n';
}

/* ---- One stop ---- */

/* Sets cfg from "--key value --key value". */
static int read_settings(const char *text, ms_config *cfg) {
  char words[256], *argv[24] = {(char *)"demo"}, *rest = NULL;
  const char *asked = NULL;
  int argc = 1;
  snprintf(words, sizeof words, "%s", text);
  for (char *word = strtok_r(words, " ", &rest); word && argc < 23;
       word = strtok_r(NULL, " ", &rest))
    argv[argc++] = word;
  return cli_parse(argc, argv, cfg, &asked);
}

static void print_numbers(const ms_run *run, const char *keys) {
  ms_summary entry;
  for (size_t i = 0; ms_run_summary_at(run, i, &entry); i++) {
    const char *found = strstr(keys, entry.key);
    size_t length = strlen(entry.key);
    if (!entry.text && found && (found == keys || found[-1] == ' ') &&
        (found[length] == ' ' || !found[length]))
      printf("  %-20s %-12.5g %s\n", entry.key, entry.value, entry.help);
  }
}

static int print_file(const char *dir, const char *name, const char *view) {
  char path[4200], buffer[4096];
  snprintf(path, sizeof path, "%s/%s.%s", dir, name, view);
  FILE *file = fopen(path, "r");
  if (!file)
    return EXIT_FAILED;
  for (size_t got; (got = fread(buffer, 1, sizeof buffer, file)) > 0;)
    fwrite(buffer, 1, got, stdout);
  fclose(file);
  return EXIT_SUCCESS;
}

static int run_and_show(const stop *s, const char *scripts, const char *dir, const char *view) {
  ms_error err;
  ms_run *run = NULL;
  ms_config *cfg = ms_config_new();
  int code = cfg ? read_settings(s->settings, cfg) : EXIT_FAILED;
  if (code == EXIT_SUCCESS && ms_run_new(&run, cfg, &err) != MS_OK)
    code = cli_complain(&err);
  ms_config_free(cfg);
  if (code != EXIT_SUCCESS)
    return code;
  ms_run_interrupt_on(run, &cli_interrupted);
  ms_status status = MS_OK;
  char shown[4096];
  for (size_t i = 0; i < ms_run_points(run) && status == MS_OK; i++)
    status = ms_run_advance(run, i, &err);
  if (status < 0 || (status = ms_run_finish(run, status, &err, &err)) < 0 ||
      (status = ms_run_write(run, dir, &err)) < 0)
    code = cli_complain(&err);
  else if ((status = ms_plot(scripts, dir, s->plot, view, &err)) == MS_UNSUPPORTED)
    puts("(no picture: gnuplot is missing; apt-get install gnuplot-nox)");
  else if (status < 0)
    code = cli_complain(&err);
  else if (strcmp(view, "png") == 0)
    printf("drew %s/%s.png\n", ms_visible(shown, sizeof shown, dir), s->plot);
  else
    code = print_file(dir, s->plot, view);
  if (code == EXIT_SUCCESS) {
    putchar('\n');
    print_numbers(run, s->keys);
  }
  ms_run_free(run);
  return code;
}

static int show(const stop *s, const char *scripts, const char *dir, const char *view) {
  printf("\n%s\n\n%s\n", s->title, s->before);
  if (!s->settings)
    return EXIT_SUCCESS;
  printf("$ mirrorsim %s\n\n", s->settings);
  fflush(stdout);
  int code = run_and_show(s, scripts, dir, view);
  if (code == EXIT_SUCCESS)
    printf("\n%s", s->after);
  return code;
}

/* ---- The command ---- */

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *at) {
  (void)info;
  (void)kind;
  (void)at;
  return remove(path);
}

static int tour(const char *scripts, const char *dir, const char *view, bool pause) {
  int code = EXIT_SUCCESS;
  for (size_t i = 0; i < STOPS && code == EXIT_SUCCESS;) {
    code = show(&stops[i], scripts, dir, view);
    fflush(stdout);
    if (code != EXIT_SUCCESS || !pause || i + 1 == STOPS) {
      i++;
      continue;
    }
    printf("\n[space: on, b: back, q: quit]");
    fflush(stdout);
    char key = key_pressed();
    printf("\r%32s\r", "");
    if (key == 'q')
      break;
    i = key == 'b' ? (i > 0 ? i - 1 : 0) : i + 1;
  }
  return cli_interrupted ? EXIT_INTERRUPTED : code;
}

int cli_demo(int argc, char **argv) {
  static const char usage[] =
      "demo: '%s' is not expected; usage: mirrorsim demo [--no-pause] [--sixel: "
      "pictures, in terminals that draw them] [--out DIR: pictures there, "
      "as PNG]";
  bool pause = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
  const char *out = NULL, *view = "txt";
  for (int i = 1; i < argc; i++) {
    if (strcmp(argv[i], "--no-pause") == 0)
      pause = false;
    else if (strcmp(argv[i], "--sixel") == 0)
      view = "sixel";
    else if (strncmp(argv[i], "--out=", 6) == 0 && argv[i][6])
      out = argv[i] + 6;
    else if (strcmp(argv[i], "--out") == 0 && i + 1 < argc)
      out = argv[++i];
    else
      return cli_usage_error(usage, argv[i], NULL);
  }
  char path[4096], folder[4096];
  ms_error err;
  const char *scripts = cli_find_scripts(path, sizeof path);
  if (!scripts)
    return EXIT_FAILED;
  if (out && ms_folder_make(out, &err) != MS_OK) {
    cli_complain(&err);
    return EXIT_USAGE;
  }
  const char *tmp = getenv("TMPDIR");
  snprintf(folder, sizeof folder, "%s/mirrorsim-demo.XXXXXX", tmp && *tmp ? tmp : "/tmp");
  if (!out && !mkdtemp(folder)) {
    fprintf(stderr, "mirrorsim: %s: cannot be made: %s\n", folder, strerror(errno));
    return EXIT_FAILED;
  }
  cli_catch_interrupts();
  int code = tour(scripts, out ? out : folder, out ? "png" : view, pause);
  if (!out)
    nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
  return code;
}
