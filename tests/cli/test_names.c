/* Names from outside are never commands, and what is in a folder is data: the program is run in a
 * folder of its own, with names that a shell or gnuplot would act on. */
#include "tests.h"
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define SMALL "--n=4", "--d=5", "--points=3", "--quiet"

static char program[PATH_MAX], home[PATH_MAX];

static void enter_folder(void) {
  const char *path = getenv("MIRRORSIM");
  ck_assert_msg(path && realpath(path, program), "MIRRORSIM must name the program to test");
  ck_assert_ptr_nonnull(getcwd(home, sizeof home));
  ck_assert_int_eq(chdir(test_folder()), 0);
}

static void leave_folder(void) {
  ck_assert_int_eq(chdir(home), 0);
  test_clean();
}

/* How the program is started. */
typedef struct setting {
  const char *variable, *value; /* of the environment */
  rlim_t file_size;             /* 0: any */
  int ignored;                  /* a signal; 0: none */
} setting;

static pid_t start(setting s, const char *const *words) {
  const char *argv[32] = {program};
  for (size_t i = 0; words[i]; i++)
    argv[i + 1] = words[i];
  pid_t child = fork();
  ck_assert_int_ge(child, 0);
  if (child > 0)
    return child;
  struct rlimit limit = {s.file_size, s.file_size};
  int in = open("/dev/null", O_RDONLY);
  int out = open("out", O_WRONLY | O_CREAT | O_TRUNC, 0666);
  int err = open("err", O_WRONLY | O_CREAT | O_TRUNC, 0666);
  if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0)
    _exit(126);
  if (s.variable)
    setenv(s.variable, s.value, 1);
  if (s.ignored)
    signal(s.ignored, SIG_IGN);
  if (s.file_size && setrlimit(RLIMIT_FSIZE, &limit) != 0)
    _exit(126);
  execv(program, (char *const *)argv);
  _exit(127);
}

/* Its exit code; 128 + the signal where one ended it. */
static int end_of(pid_t child) {
  int state;
  ck_assert_int_eq(waitpid(child, &state, 0), child);
  return WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state);
}

#define run_as(setting, ...) end_of(start(setting, WITH(__VA_ARGS__)))
#define run(...) run_as((setting){0}, __VA_ARGS__)

static bool exists(const char *path) {
  return access(path, F_OK) == 0;
}

static const char *text_of(const char *path) {
  size_t size;
  char *text = test_read(path, &size);
  return test_keep(text ? text : strdup(""));
}

#define assert_has(text, word)                                                                     \
  ck_assert_msg(strstr(text, word), "'%s' has no '%s'", text, (const char *)(word))

static bool have_gnuplot(void) {
  char *rest = NULL, *places = test_keep(strdup(getenv("PATH") ? getenv("PATH") : "/usr/bin"));
  for (char *dir = strtok_r(places, ":", &rest); dir; dir = strtok_r(NULL, ":", &rest))
    if (exists(test_text("%s/gnuplot", dir)))
      return true;
  return false;
}

/* ---- Commands in names ---------------------------------------------------------------------- */

/* As a word of the command line that is no option. */
static const char *word_of(const char *name) {
  return *name == '-' ? test_text("./%s", name) : name;
}

static const char *const names[] = {"<touch PWNED;",
                                    "|touch PWNED",
                                    "`touch PWNED`$(touch PWNED)",
                                    "it's'; system('touch PWNED') #",
                                    "\"; system(\"touch PWNED\"); \"",
                                    "new\nline; touch PWNED\n!touch PWNED\n",
                                    "-touch PWNED;",
                                    "@touch; touch PWNED; %s%n\\"};

static int see(const char *path, const struct stat *info, int kind, struct FTW *at) {
  (void)info;
  return kind == FTW_F && strncmp(path + at->base, "PWNED", 5) == 0;
}

#define assert_nothing_ran(name)                                                                   \
  ck_assert_msg(nftw(".", see, 16, FTW_PHYS) == 0, "a command of this name was run: %s", name)

static void assert_picture(const char *dir, const char *file) {
  if (have_gnuplot())
    ck_assert_msg(exists(test_text("%s/%s", dir, file)), "%s/%s: %s", dir, file, text_of("err"));
}

/* Folders of every command that draws. */
START_TEST(folders) {
  const char *name = names[_i], *figure = test_text("%s figure", name),
             *sweep = test_text("%s sweep", name), *deep = test_text("a/%s/b/%s", name, name);
  ck_assert_int_eq(run(SMALL, "--plot=svg", "--out", name), 0);
  assert_picture(name, "trajectory.svg");
  if (have_gnuplot()) {
    ck_assert_int_eq(remove(test_text("%s/trajectory.svg", name)), 0);
    ck_assert_int_eq(run("plot", word_of(name), "--plot=svg"), 0);
  }
  assert_picture(name, "trajectory.svg");
  ck_assert_int_eq(run(SMALL, "--plot=svg", test_text("--out=%s", deep)), 0);
  assert_picture(deep, "effects.svg");
  ck_assert_int_eq(run("sweep", "--grid", "seed=1:3", SMALL, "--plot=svg", "--out", sweep), 0);
  assert_picture(sweep, "sweep.svg");
  ck_assert_int_eq(run("figure", "surface", "--quick", "--format=svg", "--out", figure), 0);
  assert_picture(figure, "surface.svg");
  assert_nothing_ran(name);
}
END_TEST

/* What is printed of a folder's name has nothing that a terminal obeys. */
START_TEST(escapes) {
  static const char name[] = "--out=\033[31mred";
  if (!have_gnuplot())
    return;
  ck_assert_int_eq(run("--n=4", "--d=5", "--points=3", "--plot=svg", name), 0);
  assert_has(text_of("out"), "drew \\x1b[31mred/trajectory.svg");
  ck_assert_ptr_null(strchr(text_of("out"), '\033'));
  ck_assert_int_eq(run("plot", name + 6, "--plot=svg"), 0);
  ck_assert_ptr_null(strchr(text_of("out"), '\033'));
  ck_assert_int_eq(run("figure", "surface", "--quick", "--format=svg", name), 2);
  ck_assert_ptr_null(strchr(text_of("err"), '\033'));
  ck_assert_int_eq(run("figure", "surface", "--quick", "--format=svg", test_text("%s too", name)),
                   0);
  assert_has(text_of("out"), "drew \\x1b[31mred too/");
  ck_assert_ptr_null(strchr(text_of("out"), '\033'));
}
END_TEST

/* Every option, and every word of a command, with a name: accepted or refused, but never run. */
START_TEST(options) {
  static const char *const commands[] = {"run", "check", "sweep", "plot", "list", "figure"};
  static const char *const others[] = {"config", "grid",  "zip", "cases",  "group-by", "show",
                                       "out",    "style", "set", "format", "g",        "h"};
  const char *name = names[_i];
  for (size_t i = 0; ms_setting_at(i); i++) {
    const char *option = test_text("--%s=%s", ms_setting_at(i)->name, name);
    if (ms_setting_at(i)->type == MS_TEXT || ms_setting_at(i)->type == MS_PATH)
      ck_assert_int_lt(run(SMALL, "--t-end=0.1", option), 128);
    else
      ck_assert_int_eq(run(SMALL, option), 2);
  }
  for (size_t k = 0; k < COUNT(commands); k++) {
    ck_assert_int_lt(run(commands[k], name), 128);
    for (size_t i = 0; i < COUNT(others); i++)
      ck_assert_int_lt(run(commands[k], test_text("--%s", others[i]), name, SMALL), 128);
  }
  assert_nothing_ran(name);
}
END_TEST

/* Files of these names, read by every option that names one. */
START_TEST(files) {
  const char *name = names[_i];
  FILE *file = fopen(name, "w");
  ck_assert_ptr_nonnull(file);
  fputs("y,a,b,c\n1,1,0,2\n2,0,1,-1\n", file);
  ck_assert_int_eq(fclose(file), 0);
  ck_assert_int_eq(run("--data", word_of(name), "--points=3", "--plot=svg", "--out=data"), 0);
  assert_picture("data", "trajectory.svg");
  for (size_t i = 0; ms_setting_at(i); i++)
    if (ms_setting_at(i)->type == MS_TEXT || ms_setting_at(i)->type == MS_PATH)
      ck_assert_int_lt(run("--n=2", "--d=3", test_text("--%s=%s", ms_setting_at(i)->name, name)),
                       128);
  ck_assert_int_eq(run("--config", name), 2);
  ck_assert_int_eq(run("sweep", "--cases", name), 2);
  assert_nothing_ran(name);
}
END_TEST

/* ---- Folders are data ----------------------------------------------------------------------- */

#define COMMAND "system('touch PWNED')\n"

START_TEST(scripts_of_a_folder) {
  ck_assert_int_eq(run("sweep", "--grid", "seed=1:3", SMALL, "--out", "many"), 0);
  ck_assert_int_eq(run(SMALL, "--out", "one"), 0);
  static const char *const planted[] = {"style.gp",     "trajectory.gp", "sweep.gp",
                                        "values.gp",    ".gnuplot",      "gnuplotrc",
                                        "potential.gp", "gnuplot",       ".gnuplotrc"};
  for (size_t i = 0; i < COUNT(planted); i++) {
    test_file(test_text("many/%s", planted[i]), COMMAND);
    test_file(test_text("one/%s", planted[i]), COMMAND);
  }
  test_file("many/gnuplot", "#!/bin/sh\ntouch PWNED\n");
  ck_assert_int_eq(chmod("many/gnuplot", 0755), 0);
  ck_assert_int_eq(run("plot", "many"), have_gnuplot() ? 0 : 3);
  ck_assert_int_eq(run("plot", "one"), have_gnuplot() ? 0 : 3);
  const char *path = test_text(".::%s", getenv("PATH"));
  ck_assert_int_eq(run_as(((setting){"PATH", path, 0, 0}), "plot", "many"), have_gnuplot() ? 0 : 3);
  const char *at = test_path("one");
  ck_assert_int_eq(run_as(((setting){"HOME", at, 0, 0}), "plot", "one"), have_gnuplot() ? 0 : 3);
  ck_assert_int_eq(run_as(((setting){"GNUPLOT_LIB", at, 0, 0}), "plot", "one"),
                   have_gnuplot() ? 0 : 3);
  assert_nothing_ran("planted scripts");
}
END_TEST

/* The description of a sweep's plot is read, and must be one. */
START_TEST(descriptions) {
  static const char *const said[] = {
      COMMAND,
      "kind = 'band'; show = 'loss'; xname = 'seed'; yname = ''; runs = 1\n"
      "numbers = 1; logx = 0; logz = 0\n" COMMAND,
      "kind = 'band'; show = 'loss'; xname = 'a`touch PWNED`'; yname = ''; runs = 1\n"
      "numbers = 1; logx = 0; logz = 0\n",
      "kind = 'band'; show = 'loss'; xname = 'seed'; yname = ''; runs = 1; " COMMAND
      "numbers = 1; logx = 0; logz = 0\n",
      ""};
  ck_assert_int_eq(run("sweep", "--grid", "seed=1:3", SMALL, "--out", "many"), 0);
  const char *right = text_of("many/plot.gp");
  for (size_t i = 0; i < COUNT(said); i++) {
    test_file("many/plot.gp", said[i]);
    ck_assert_int_eq(run("plot", "many"), 3);
    assert_has(text_of("err"), "many/plot.gp: is not what a sweep writes");
  }
  assert_nothing_ran("plot.gp");
  test_file("many/plot.gp", right);
  ck_assert_int_eq(run("plot", "many"), have_gnuplot() ? 0 : 3);
}
END_TEST

/* A clone may lie anywhere. */
START_TEST(folders_of_the_scripts) {
  for (size_t i = 0; i < COUNT(names); i++) {
    const char *place = test_path(test_text("clone%s", names[i]));
    ck_assert_int_eq(symlink(MS_PLOTS, place), 0);
    ck_assert_int_eq(
        run_as(((setting){"MIRRORSIM_PLOTS", place, 0, 0}), SMALL, "--plot", "--out=drawn"), 0);
    assert_picture("drawn", "trajectory.png");
    remove("drawn/trajectory.png");
    ck_assert_int_eq(run_as(((setting){"MIRRORSIM_PLOTS", place, 0, 0}), "figure", "surface",
                            "--quick", "--out=figure"),
                     0);
    assert_picture("figure", "surface.png");
    assert_nothing_ran(place);
  }
}
END_TEST

/* The advice that is given without gnuplot is one word for a shell, and works. */
START_TEST(advice) {
  const char *name = names[_i];
  ck_assert_int_eq(
      run_as(((setting){"PATH", "/nowhere", 0, 0}), SMALL, "--plot=png", "--out", name), 0);
  ck_assert(exists(test_text("%s/summary.json", name)));
  ck_assert(!exists(test_text("%s/trajectory.png", name)));
  const char *err = text_of("err"), *command = strstr(err, "mirrorsim plot ");
  ck_assert_msg(command, "%s", err);
  if (!have_gnuplot() || strchr(name, '\n')) /* which messages show by its number */
    return;
  command = test_text("'%s' %.*s >out", program, (int)strlen(command + 10) - 1, command + 10);
  ck_assert_msg(system(command) == 0, "%s", command);
  assert_picture(name, "trajectory.png");
  assert_nothing_ran(name);
}
END_TEST

START_TEST(figure_without_gnuplot) {
  setting none = {"PATH", "/nowhere", 0, 0};
  ck_assert_int_eq(run_as(none, "figure", "surface", "--quick", "--out=data"), 0);
  assert_has(text_of("out"), "holds");
  assert_has(text_of("err"), "make the figure again");
  ck_assert(exists("data/claims.json") && exists("data/surface.csv"));
  ck_assert(!exists("data/surface.png"));
  ck_assert_int_eq(run("figure", "surface", "--quick", "--out=data"), 0);
  assert_picture("data", "surface.png");
  ck_assert_int_eq(run_as(none, "demo", "--no-pause"), 0);
  assert_has(text_of("out"), "no picture: gnuplot is missing");
}
END_TEST

/* ---- Pictures on a full disk, links --------------------------------------------------------- */

/* Data files fit, the picture does not: it is as it was before, or not there. */
START_TEST(cut_pictures) {
  if (!have_gnuplot())
    return;
  ck_assert_int_eq(run(SMALL, "--out=run"), 0);
  static const char *const formats[] = {"png", "svg", "pdf"};
  for (size_t i = 0; i < COUNT(formats); i++) {
    const char *option = test_text("--plot=%s", formats[i]),
               *picture = test_text("run/trajectory.%s", formats[i]);
    size_t before = test_entries("run");
    ck_assert_int_eq(run_as((setting){.file_size = 8000}, "plot", "run", option), 3);
    assert_has(text_of("err"), picture);
    assert_has(text_of("err"), strerror(EFBIG));
    ck_assert_str_eq(text_of("out"), "");
    ck_assert_uint_eq(test_entries("run"), before);
    test_file(picture, "old");
    ck_assert_int_eq(run_as((setting){.file_size = 8000}, "plot", "run", option), 3);
    ck_assert_str_eq(text_of(picture), "old");
  }
  ck_assert_int_eq(run_as((setting){.file_size = 8000}, "figure", "surface", "--quick"), 3);
  ck_assert(!exists("figures/surface/surface.png"));
}
END_TEST

/* A link of a picture's name is replaced; what it points to stays. */
START_TEST(links) {
  ck_assert_int_eq(run(SMALL, "--out=run"), 0);
  test_file("precious", "precious");
  ck_assert_int_eq(symlink("../precious", "run/trajectory.svg"), 0);
  ck_assert_int_eq(symlink("../precious", "run/.trajectory.svg"), 0);
  ck_assert_int_eq(run("plot", "run", "--plot=svg"), have_gnuplot() ? 0 : 3);
  assert_picture("run", "trajectory.svg");
  ck_assert_str_eq(text_of("precious"), "precious");
}
END_TEST

/* ---- Folders that hold something ------------------------------------------------------------ */

/* A sweep removes no folder that it did not make. */
START_TEST(foreign_runs) {
  static const char *const foreign[] = {"many/runs/000001", "many/runs/.000001"};
  for (size_t i = 0; i < COUNT(foreign); i++) {
    ck_assert(mkdir("many", 0777) == 0 || errno == EEXIST);
    ck_assert(mkdir("many/runs", 0777) == 0 || errno == EEXIST);
    ck_assert_int_eq(mkdir(foreign[i], 0777), 0);
    test_file(test_text("%s/precious", foreign[i]), "precious");
    ck_assert_int_eq(run("sweep", "--grid", "seed=1:2", SMALL, "--keep-runs", "--out=many"), 2);
    assert_has(text_of("err"), "many/runs: holds files that this sweep did not make");
    ck_assert_int_eq(
        run("sweep", "--grid", "seed=1:2", SMALL, "--keep-runs", "--resume", "--out=many"), 2);
    ck_assert_str_eq(text_of(test_text("%s/precious", foreign[i])), "precious");
    ck_assert(!exists("many/journal"));
    ck_assert_int_eq(remove(test_text("%s/precious", foreign[i])), 0);
    ck_assert_int_eq(rmdir(foreign[i]), 0);
  }
  ck_assert_int_eq(run("sweep", "--grid", "seed=1:2", SMALL, "--keep-runs", "--out=many"), 0);
  ck_assert(exists("many/runs/000002/summary.json"));
  /* The journal loses its last line, the folder of that case becomes somebody's. */
  const char *journal = text_of("many/journal");
  ck_assert_int_eq(truncate("many/journal", strrchr(journal, '\n') - journal - 1), 0);
  const char *again = strstr(strchr(journal, '\n'), "\n2\t") > strstr(journal, "\n1\t")
                          ? "many/runs/000002"
                          : "many/runs/000001";
  ck_assert_int_eq(
      run("sweep", "--grid", "seed=1:2", SMALL, "--keep-runs", "--resume", "--out=many"), 0);
  ck_assert_int_eq(truncate("many/journal", strrchr(journal, '\n') - journal - 1), 0);
  ck_assert_int_eq(remove(test_text("%s/summary.json", again)), 0);
  test_file(test_text("%s/precious", again), "precious");
  ck_assert_int_eq(
      run("sweep", "--grid", "seed=1:2", SMALL, "--keep-runs", "--resume", "--out=many"), 3);
  assert_has(text_of("err"), again);
  ck_assert_str_eq(text_of(test_text("%s/precious", again)), "precious");
}
END_TEST

/* Files of two kinds, or of two figures, do not mix; the same command again replaces its own. */
START_TEST(folders_of_others) {
  static const char *const ways[][6] = {{"run", "--n=4", "--d=5", "--points=3", "--quiet"},
                                        {"sweep", "--grid=seed=1:2", "--n=4", "--d=5", "--quiet"},
                                        {"figure", "surface", "--quick", "--format=svg"},
                                        {"figure", "exponent", "--quick", "--format=svg"}};
  static const char *const marks[] = {"summary.json", "sweep.csv", "claims.json", "claims.json"};
  for (size_t i = 0; i < COUNT(ways); i++) {
    const char *dir = test_text("holds%zu", i), *out = test_text("--out=%s", dir);
    ck_assert_int_eq(end_of(start((setting){0}, test_join(ways[i], WITH(out)))), 0);
    const char *was = text_of(test_text("%s/%s", dir, marks[i]));
    size_t entries = test_entries(dir);
    for (size_t k = 0; k < COUNT(ways); k++) {
      bool same = k == i;
      const char *resume = same && i == 1 ? "--resume" : NULL;
      int code = end_of(start((setting){0}, test_join(ways[k], WITH(out, resume))));
      ck_assert_int_eq(code, same ? 0 : 2);
      if (!same)
        assert_has(text_of("err"), test_text("%s holds a", dir));
      ck_assert_str_eq(text_of(test_text("%s/%s", dir, marks[i])), was);
      ck_assert_uint_eq(test_entries(dir), entries);
    }
  }
}
END_TEST

/* A file called journal that is none is left alone, however short it is. */
START_TEST(foreign_journals) {
  static const char *const texts[] = {"dear diary\n", "m", "mirrorsim sweep journal 2",
                                      "mirrorsim sweep journal 1 0000000000000000 2\n1\tloss\t0\n"};
  ck_assert_int_eq(mkdir("many", 0777), 0);
  for (size_t i = 0; i < COUNT(texts); i++) {
    test_file("many/journal", texts[i]);
    bool torn = i == 1; /* the beginning of the first line: a sweep may have left it */
    ck_assert_int_eq(run("sweep", "--grid", "seed=1:2", SMALL, "--out=many"), 2);
    ck_assert_str_eq(text_of("many/journal"), texts[i]);
    ck_assert_int_eq(run("sweep", "--grid", "seed=1:2", SMALL, "--resume", "--out=many"),
                     torn ? 0 : 2);
    if (!torn) {
      assert_has(text_of("err"), "many/journal");
      ck_assert_str_eq(text_of("many/journal"), texts[i]);
    }
  }
}
END_TEST

START_TEST(failed_runs) {
  ck_assert_int_eq(run("sweep", "--grid=max-steps=10,1e6", "--quiet", "--out=many"), 1);
  assert_has(text_of("err"), "1 of 2 runs failed");
  assert_has(text_of("err"), "many/sweep.csv");
  ck_assert_int_eq(run("sweep", "--grid=max-steps=10,1e6", "--quiet", "--out=many", "--resume"), 1);
}
END_TEST

/* ---- Signals -------------------------------------------------------------------------------- */

#define LONG "--method=adams", "--max-steps=1e12", "--quiet"

static void wait_for(const char *path) {
  struct timespec pause = {.tv_nsec = 20000000};
  for (int i = 0; i < 1000 && !exists(path); i++)
    nanosleep(&pause, NULL);
  for (int i = 0; i < 15; i++)
    nanosleep(&pause, NULL);
}

/* A closed terminal ends the run as Ctrl-C does: what there is is written. */
START_TEST(closed_terminal) {
  pid_t child = start((setting){0}, WITH(LONG, "--out=run"));
  wait_for("run");
  kill(child, SIGHUP);
  ck_assert_int_eq(end_of(child), 130);
  ck_assert(exists("run/summary.json") && exists("run/trajectory.csv"));
  assert_has(text_of("run/summary.json"), "interrupted");
}
END_TEST

/* nohup, and a job in the background of a script, ignore signals: so they stay. */
START_TEST(ignored_signals) {
  static const int ignored[] = {SIGHUP, SIGINT, SIGTERM};
  for (size_t i = 0; i < COUNT(ignored); i++) {
    const char *out = test_text("--out=run%zu", i), *dir = out + 6;
    pid_t child = start((setting){.ignored = ignored[i]}, WITH(LONG, out));
    wait_for(dir);
    kill(child, ignored[i]);
    struct timespec pause = {.tv_nsec = 300000000};
    nanosleep(&pause, NULL);
    ck_assert_int_eq(waitpid(child, NULL, WNOHANG), 0);
    kill(child, SIGKILL);
    end_of(child);
  }
}
END_TEST

Suite *names_suite(void) {
  Suite *s = suite_create("names");
  TCase *t = tcase_create("names");
  tcase_add_checked_fixture(t, enter_folder, leave_folder);
  tcase_set_timeout(t, 120);
  tcase_add_loop_test(t, folders, 0, COUNT(names));
  tcase_add_test(t, escapes);
  tcase_add_loop_test(t, options, 0, COUNT(names));
  tcase_add_loop_test(t, files, 0, COUNT(names));
  tcase_add_test(t, scripts_of_a_folder);
  tcase_add_test(t, descriptions);
  tcase_add_test(t, folders_of_the_scripts);
  tcase_add_loop_test(t, advice, 0, COUNT(names));
  tcase_add_test(t, figure_without_gnuplot);
  tcase_add_test(t, cut_pictures);
  tcase_add_test(t, links);
  tcase_add_test(t, foreign_runs);
  tcase_add_test(t, folders_of_others);
  tcase_add_test(t, foreign_journals);
  tcase_add_test(t, failed_runs);
  tcase_add_test(t, closed_terminal);
  tcase_add_test(t, ignored_signals);
  suite_add_tcase(s, t);
  return s;
}
