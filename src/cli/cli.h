/* The command line: a client of the library's public header and nothing more. */
#ifndef MS_CLI_H
#define MS_CLI_H

#include "mirrorsim.h"

enum { EXIT_CLAIM = 1, EXIT_USAGE = 2, EXIT_FAILED = 3, EXIT_INTERRUPTED = 130 };

/* A command is one file, cli_<name>.c; to add one: the file, its line in CLI_COMMANDS, its name in
 * meson.build. argv[0] is the command's name. Returns the exit code. */
typedef int cli_command(int argc, char **argv);

/* name, arguments, what it does, an example: for --help and the manual page */
#define CLI_COMMANDS(X)                                                                            \
  X(run, "", "one run; no command means run", "run --model diag --wd-schedule linear --out run")   \
  X(list, "[NAME] [--json]", "what there is, one line each", "list figures")                       \
  X(check, "[--g FORMULAS] [--h FORMULA] [options of run]", "does a mirror flow exist, and why?",  \
    "check --g 'm*w' --h 'm^2'")                                                                   \
  X(sweep,                                                                                         \
    "--grid KEY=VALUES... [--zip KEY=VALUES...] [--cases FILE.csv] [--workers N] "                 \
    "[--resume] [--keep-runs] [--group-by KEY,...] [--show COLUMN] [options of run]",              \
    "many runs on all cores, one table; VALUES: 0,1e-3,1e-2  1:20  log:1e-10:1:11",                \
    "sweep --grid wd=0,1e-3,1e-2 --grid seed=1:20 --out many")                                     \
  X(plot, "RUN_DIR [--plot=png,svg,pdf]", "redraw a run's pictures", "plot run --plot=svg")        \
  X(figure,                                                                                        \
    "NAME... [--all] [--out DIR] [--quick] [--style=screen|paper] [--format=png,svg,pdf,gif] "     \
    "[--set KEY=VALUE] [--gallery DIR]",                                                           \
    "runs, draws and checks figures of the literature (list figures)",                             \
    "figure surface --out surface")                                                                \
  X(demo, "[--no-pause] [--sixel] [--out DIR]",                                                    \
    "a guided tour: what weight decay does to training", "demo --no-pause")

#define X(name, arguments, summary, example) cli_command cli_##name;
CLI_COMMANDS(X)
#undef X
/* The i-th command, NULL after the last. */
const char *cli_command_at(size_t i, const char **summary);

/* Set in processes of mpirun that do what the first one does: they print nothing. */
extern bool cli_silent;

/* 0, or the code by the kind of failure. */
int cli_exit_code(ms_status status);
/* Prints err to stderr; returns its exit code. */
int cli_complain(const ms_error *err);
/* Prints `format` with `what`, a suggestion where `near` is not NULL, and where help is; returns
 * EXIT_USAGE. */
int cli_usage_error(const char *format, const char *what, const char *near);

/* Reads options from argv[1...] into cfg. EXIT_SUCCESS, or the exit code of a complaint; *asked is
 * set to "help", "man", "usage" or "version" where one of them is given. */
int cli_parse(int argc, char **argv, ms_config *cfg, const char **asked);
/* --help or --usage, formatted by argp from the settings. */
int cli_print_help(const char *asked);
/* The manual page in mdoc, from the same tables. */
int cli_print_man(void);
bool cli_is_on(const ms_config *cfg, const char *name);

/* Raised by SIGINT, SIGTERM and SIGHUP (a closed terminal) once cli_catch_interrupts was called; a
 * second signal ends the program at once. */
extern volatile sig_atomic_t cli_interrupted;
void cli_catch_interrupts(void);
double cli_seconds(void); /* monotonic */
/* Ends the program with a sentence where a limit on memory leaves OpenBLAS too little. */
void cli_check_memory(void);

/* Draws the pictures of a run or a sweep in `dir` in each of the comma-separated formats; complains
 * where that fails. MS_UNSUPPORTED: there is no gnuplot. */
ms_status cli_draw(const char *dir, const char *formats, bool quiet);
/* The same after the work itself (formats NULL: nothing to draw). Returns the exit code, that of
 * success where there is no gnuplot, because the data are kept. */
int cli_draw_as_well(const char *dir, const char *formats, bool quiet);
/* May results of this kind go to the folder? EXIT_USAGE, and a complaint, where it holds those of
 * another kind, or of another figure than `figure`. */
typedef enum cli_kind { CLI_RUN, CLI_SWEEP, CLI_FIGURE } cli_kind;
int cli_check_folder(const char *dir, cli_kind kind, const char *figure);
/* The folder of the gnuplot scripts: $MIRRORSIM_PLOTS, or beside the program, in its clone or where
 * it is installed; NULL, and a complaint, where it is not found. */
const char *cli_find_scripts(char *path, size_t size);

#endif
