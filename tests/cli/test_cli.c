/* The program as its users meet it: options, output, files, exit codes. It runs in a folder of its
 * own; the environment variable MIRRORSIM names it. */
#include "mirrorsim.h"
#include "tests.h"
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <zip.h>

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define SMALL "--n 12 --d 20 --points 30"

enum { OK = 0, USAGE = 2, FAILED = 3, INTERRUPTED = 130 };

/* ---- A folder for each test ----------------------------------------------------------------- */

static char program[PATH_MAX], home[PATH_MAX];

static void enter_folder(void) {
  const char *path = getenv("MIRRORSIM");
#ifdef MS_PROGRAM
  if (!path || !*path)
    path = MS_PROGRAM;
#endif
  ck_assert_msg(path && *path, "MIRRORSIM must name the program to test");
  ck_assert_msg(realpath(path, program) != NULL, "%s: %s", path, strerror(errno));
  ck_assert_ptr_nonnull(getcwd(home, sizeof home));
  ck_assert_int_eq(chdir(test_folder()), 0);
}

static void leave_folder(void) {
  ck_assert_int_eq(chdir(home), 0);
  test_clean();
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static void sleep_for(double seconds) {
  struct timespec span = {.tv_sec = (time_t)seconds,
                          .tv_nsec = (long)(1e9 * (seconds - floor(seconds)))};
  nanosleep(&span, NULL);
}

static bool exists(const char *path) {
  struct stat info;
  return lstat(path, &info) == 0;
}

static bool is_folder(const char *path) {
  struct stat info;
  return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static char *read_all(int fd, size_t *size) {
  struct stat info;
  ck_assert_int_eq(fstat(fd, &info), 0);
  *size = (size_t)info.st_size;
  char *data = test_keep(calloc(*size + 1, 1));
  for (size_t used = 0; used < *size;) {
    ssize_t got = pread(fd, data + used, *size - used, (off_t)used);
    ck_assert_int_gt(got, 0);
    used += (size_t)got;
  }
  close(fd);
  return data;
}

static char *get(const char *path, size_t *size) {
  size_t unused;
  char *data = test_read(path, size ? size : &unused);
  ck_assert_msg(data != NULL, "%s: %s", path, strerror(errno));
  return test_keep(data);
}

static const char *join(const char *dir, const char *name) {
  return test_text("%s/%s", dir, name);
}

/* ---- Running the program -------------------------------------------------------------------- */

typedef enum sink { CAPTURED, FULL_DISK, CLOSED } sink;

typedef struct process {
  pid_t pid;
  int out, err;
} process;

typedef struct outcome {
  int code; /* 128 + the signal where one ended it */
  const char *out, *err;
  double seconds;
} outcome;

extern char **environ;

/* The environment without what would change the look of the help; PATH as given, if it is. */
static char **environment(const char *path) {
  size_t count = 0, used = 0;
  while (environ[count])
    count++;
  char **copy = test_keep(calloc(count + 2, sizeof *copy));
  for (size_t i = 0; i < count; i++)
    if (strncmp(environ[i], "ARGP_HELP_FMT=", 14) != 0 &&
        !(path && strncmp(environ[i], "PATH=", 5) == 0))
      copy[used++] = environ[i];
  if (path)
    copy[used] = test_keep(strdup(test_text("PATH=%s", path)));
  return copy;
}

/* `words`: the arguments, one blank between them. */
static process start(const char *words, const char *path, sink to) {
  char *argv[64] = {program};
  size_t argc = 1;
  for (char *word = strtok(test_keep(strdup(words)), " "); word; word = strtok(NULL, " ")) {
    ck_assert_uint_lt(argc + 1, COUNT(argv));
    argv[argc++] = word;
  }
  process p = {.out = memfd_create("out", MFD_CLOEXEC), .err = memfd_create("err", MFD_CLOEXEC)};
  ck_assert_int_ge(p.out, 0);
  ck_assert_int_ge(p.err, 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, p.err, STDERR_FILENO);
  if (to == CAPTURED)
    posix_spawn_file_actions_adddup2(&actions, p.out, STDOUT_FILENO);
  else if (to == FULL_DISK)
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/full", O_WRONLY, 0);
  else
    posix_spawn_file_actions_addclose(&actions, STDOUT_FILENO);
  int failed = posix_spawn(&p.pid, program, &actions, NULL, argv, environment(path));
  posix_spawn_file_actions_destroy(&actions);
  ck_assert_msg(failed == 0, "%s: %s", program, strerror(failed));
  return p;
}

static outcome finish(process p) {
  int state;
  size_t size;
  double started = seconds_now();
  ck_assert_int_eq(waitpid(p.pid, &state, 0), p.pid);
  outcome o = {.code = WIFEXITED(state) ? WEXITSTATUS(state) : 128 + WTERMSIG(state),
               .seconds = seconds_now() - started};
  o.out = read_all(p.out, &size);
  ck_assert_uint_eq(strlen(o.out), size);
  o.err = read_all(p.err, &size);
  ck_assert_uint_eq(strlen(o.err), size);
  return o;
}

/* The words of these are as for printf. */
#define run(...) finish(start(test_text(__VA_ARGS__), NULL, CAPTURED))
#define run_well(...) succeed(test_text(__VA_ARGS__))
#define refused(...) refusal(test_text(__VA_ARGS__))

/* Runs it and expects success without a word on stderr. */
static outcome succeed(const char *words) {
  outcome o = finish(start(words, NULL, CAPTURED));
  ck_assert_msg(o.code == OK, "%s: exit code %d, %s", words, o.code, o.err);
  ck_assert_msg(!*o.err, "%s: on stderr: %s", words, o.err);
  return o;
}

/* Runs it and expects exit code 2, an explanation on stderr alone, and no file made. */
static const char *refusal(const char *words) {
  size_t before = test_entries(".");
  outcome o = finish(start(words, NULL, CAPTURED));
  ck_assert_msg(o.code == USAGE, "%s: exit code %d instead of 2, %s", words, o.code, o.err);
  ck_assert_msg(!*o.out, "%s: on stdout: %s", words, o.out);
  ck_assert_msg(strncmp(o.err, "mirrorsim: ", 11) == 0, "%s: on stderr: %s", words, o.err);
  ck_assert_msg(test_entries(".") == before, "%s: something was written", words);
  return o.err;
}

static void assert_has(const char *text, const char *part) {
  ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in: %s", part, text);
}

/* "mirrorsim: PLACE..." with the reason behind. */
static void assert_at(const char *err, const char *place, const char *reason) {
  const char *begin = test_text("mirrorsim: %s", place);
  ck_assert_msg(strncmp(err, begin, strlen(begin)) == 0, "%s", err);
  assert_has(err + strlen(begin), reason);
}

static void assert_has_not(const char *text, const char *part) {
  ck_assert_msg(strstr(text, part) == NULL, "'%s' is in: %s", part, text);
}

/* ---- Reading what it wrote ------------------------------------------------------------------ */

static json_t *parse(const char *text) {
  json_error_t error;
  json_t *root = json_loads(text, JSON_REJECT_DUPLICATES, &error);
  ck_assert_msg(root != NULL, "line %d: %s in: %s", error.line, error.text, text);
  test_keep(root);
  ck_assert(json_is_object(root));
  return root;
}

/* The object on stdout, without the wall-clock times. */
static json_t *result(outcome o) {
  json_t *root = parse(o.out);
  ck_assert_int_eq(json_object_del(root, "timing"), 0);
  return root;
}

static json_t *value(json_t *root, const char *key) {
  json_t *found = json_object_get(root, key);
  ck_assert_msg(found != NULL, "no key '%s'", key);
  return found;
}

static double real(json_t *root, const char *key) {
  json_t *found = value(root, key);
  ck_assert_msg(json_is_number(found), "'%s' is no number", key);
  return json_number_value(found);
}

static const char *text_of(json_t *root, const char *key) {
  json_t *found = value(root, key);
  ck_assert_msg(json_is_string(found), "'%s' is no text", key);
  return json_string_value(found);
}

static void assert_null(json_t *root, const char *key) {
  ck_assert_msg(json_is_null(value(root, key)), "'%s' is not null", key);
}

static bool has_note(json_t *root, const char *part) {
  size_t i;
  json_t *note;
  json_array_foreach(value(root, "notes"), i, note) {
    ck_assert(json_is_string(note));
    if (strstr(json_string_value(note), part))
      return true;
  }
  return false;
}

typedef struct table {
  const char *header;
  size_t rows, cols;
  double *values; /* row by row; an empty field is NaN */
} table;

static table read_table(const char *path) {
  size_t size;
  char *text = get(path, &size);
  ck_assert_uint_gt(size, 0);
  ck_assert_msg(text[size - 1] == '\n', "%s: the last line does not end", path);
  table t = {.header = text, .cols = 1};
  char *line = strchr(text, '\n');
  *line++ = 0;
  for (const char *p = text; *p; p++)
    t.cols += *p == ',';
  for (const char *p = line; *p; p++)
    t.rows += *p == '\n';
  t.values = test_keep(calloc(t.rows * t.cols + 1, sizeof *t.values));
  for (size_t i = 0; i < t.rows * t.cols; i++) {
    bool last = (i + 1) % t.cols == 0;
    char *end = line;
    t.values[i] = *line == ',' || *line == '\n' ? NAN : strtod(line, &end);
    ck_assert_msg(*end == (last ? '\n' : ','), "%s: row %zu: %.40s", path, i / t.cols + 2, end);
    line = end + 1;
  }
  return t;
}

static size_t column(const table *t, const char *name) {
  size_t c = 0;
  for (const char *p = t->header; p; p = strchr(p, ',')) {
    p += *p == ',';
    if (strncmp(p, name, strlen(name)) == 0 && strchr(",", p[strlen(name)]))
      return c;
    c++;
  }
  ck_abort_msg("no column '%s' in: %s", name, t->header);
  return 0;
}

static double cell(const table *t, size_t row, const char *name) {
  ck_assert_uint_lt(row, t->rows);
  return t->values[row * t->cols + column(t, name)];
}

/* An array of an npz file: little-endian doubles in C order; shape[1] = 0 for one dimension. */
static double *read_array(const char *path, const char *name, size_t shape[3]) {
  int error;
  zip_stat_t info;
  zip_t *archive = zip_open(path, ZIP_RDONLY | ZIP_CHECKCONS, &error);
  ck_assert_msg(archive != NULL, "%s: error %d of libzip", path, error);
  ck_assert_int_eq(zip_stat(archive, name, 0, &info), 0);
  char *data = test_keep(calloc(info.size + 1, 1));
  zip_file_t *file = zip_fopen(archive, name, 0);
  ck_assert_ptr_nonnull(file);
  ck_assert_int_eq(zip_fread(file, data, info.size), (zip_int64_t)info.size);
  ck_assert_int_eq(zip_fclose(file), 0);
  ck_assert_int_eq(zip_close(archive), 0);

  ck_assert_mem_eq(data, "\x93NUMPY\x01\x00", 8);
  size_t length = (size_t)(unsigned char)data[8] | (size_t)(unsigned char)data[9] << 8;
  ck_assert_uint_eq((10 + length) % 64, 0);
  const char *header = test_text("%.*s", (int)length, data + 10);
  assert_has(header, "'descr': '<f8'");
  assert_has(header, "'fortran_order': False");
  const char *at = strstr(header, "'shape': (");
  ck_assert_ptr_nonnull(at);
  shape[1] = shape[2] = 0;
  ck_assert_int_ge(sscanf(at, "'shape': (%zu, %zu, %zu", &shape[0], &shape[1], &shape[2]), 1);
  size_t count = shape[0] * (shape[1] ? shape[1] : 1) * (shape[2] ? shape[2] : 1);
  ck_assert_uint_eq(info.size, 10 + length + 8 * count);
  double *values = test_keep(calloc(count + 1, sizeof *values));
  memcpy(values, data + 10 + length, 8 * count);
  return values;
}

/* Two folders hold the same files, byte for byte. */
static void assert_same_folders(const char *a, const char *b) {
  struct dirent **list;
  int count = scandir(a, &list, NULL, alphasort);
  ck_assert_int_gt(count, 2);
  for (int i = 0; i < count; i++) {
    const char *name = list[i]->d_name;
    if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0) {
      size_t n, m;
      const char *one = get(join(a, name), &n), *other = get(join(b, name), &m);
      ck_assert_msg(n == m && memcmp(one, other, n) == 0, "%s differs between %s and %s", name, a,
                    b);
    }
    free(list[i]);
  }
  free(list);
  ck_assert_uint_eq(test_entries(a), test_entries(b));
}

static void assert_same_files(const char *a, const char *b) {
  size_t n, m;
  const char *one = get(a, &n), *other = get(b, &m);
  ck_assert_msg(n == m && memcmp(one, other, n) == 0, "%s and %s differ", a, b);
}

static bool starts_with(const char *path, const char *signature, size_t length) {
  size_t size;
  const char *data = get(path, &size);
  return size > length && memcmp(data, signature, length) == 0;
}

static const char *const run_files[] = {"config.ini", "data.npz",     "potential.csv",
                                        "state.npz",  "summary.json", "trajectory.csv",
                                        "x.csv"};

/* All files of a run are there, and nothing else: no temporary ones either. */
static void assert_run_files(const char *dir) {
  for (size_t i = 0; i < COUNT(run_files); i++)
    ck_assert_msg(exists(join(dir, run_files[i])), "no %s/%s", dir, run_files[i]);
  ck_assert_uint_eq(test_entries(dir), COUNT(run_files));
}

/* ---- Help and options ----------------------------------------------------------------------- */

START_TEST(no_arguments_is_a_run) {
  outcome bare = finish(start("", NULL, CAPTURED)), named = run_well("run");
  ck_assert_int_eq(bare.code, OK);
  ck_assert_str_eq(bare.err, "");
  ck_assert_str_eq(bare.out, named.out);
  const char *const keys[] = {"model ", "flow ", "status ", "loss ", "limit_gap "};
  for (size_t i = 0; i < COUNT(keys); i++) {
    bool found = strncmp(bare.out, keys[i], strlen(keys[i])) == 0;
    for (const char *p = strchr(bare.out, '\n'); p && !found; p = strchr(p + 1, '\n'))
      found = strncmp(p + 1, keys[i], strlen(keys[i])) == 0;
    ck_assert_msg(found, "no line '%s' in: %s", keys[i], bare.out);
  }
  ck_assert_str_eq(run_well("--wd-schedule step " SMALL).out,
                   run_well("run " SMALL " --wd-schedule=step").out);
  ck_assert_uint_eq(test_entries("."), 0);
}
END_TEST

START_TEST(version) {
  const char *wanted = test_text("mirrorsim %s\n", ms_version());
  ck_assert_str_eq(run_well("--version").out, wanted);
  ck_assert_str_eq(run_well("run --version").out, wanted);
  ck_assert_str_eq(run_well(SMALL " --version").out, wanted);
}
END_TEST

/* The help of one option, all white space single. */
static const char *help_of(const char *help, const char *name) {
  const char *from = NULL, *head = test_text("--%s", name);
  for (const char *p = help; !from && (p = strstr(p, head)); p += strlen(head)) {
    const char *line = p;
    while (line > help && line[-1] != '\n')
      line--;
    bool first = line + strspn(line, " ") == p || isalpha((unsigned char)p[-4]);
    if (first && p - line < 12 && strchr("=[ \n", p[strlen(head)]))
      from = p;
  }
  ck_assert_msg(from != NULL, "--%s is not in the help", name);
  const char *option = strstr(from, "\n      --"), *section = strstr(from, "\n\n");
  const char *to = option && (!section || option < section) ? option : section;
  ck_assert_ptr_nonnull(to);
  char *text = test_keep(calloc((size_t)(to - from) + 1, 1)), *end = text;
  for (const char *p = from; p < to; p++) {
    bool blank = isspace((unsigned char)*p);
    if (!blank || (end > text && end[-1] != ' '))
      *end++ = blank ? ' ' : *p;
  }
  return text;
}

static bool has_word(const char *text, const char *word) {
  const char *inside = "abcdefghijklmnopqrstuvwxyz0123456789-_";
  size_t length = strlen(word);
  for (const char *p = text; (p = strstr(p, word)); p++)
    if ((p == text || !strchr(inside, p[-1])) && (!p[length] || !strchr(inside, p[length])))
      return true;
  return false;
}

START_TEST(help_tells_every_setting) {
  const char *help = run_well("--help").out;
  size_t settings = 0;
  for (const ms_setting *s; (s = ms_setting_at(settings)); settings++) {
    const char *text = help_of(help, s->name);
    assert_has(text, s->help);
    for (size_t k = 0; s->type == MS_CHOICE && s->choice(k, NULL); k++)
      ck_assert_msg(has_word(text, s->choice(k, NULL)), "'%s' is not in: %s", s->choice(k, NULL),
                    text);
    if (s->fallback && s->type != MS_FLAG)
      assert_has(text, test_text("default %s", s->fallback));
  }
  ck_assert_uint_gt(settings, 20);
  help_of(help, "config");
  ck_assert(has_word(help, "list"));
  ck_assert(has_word(help, "plot"));
}
END_TEST

START_TEST(help_does_not_run) {
  const char *help = run_well("--help").out;
  assert_has(help, "Usage: mirrorsim [COMMAND] [OPTION...]\n");
  assert_has(help, "mirrorsim");
  assert_has_not(help, "rhs_evaluations");
  assert_has(run_well("run --help").out, "--wd-schedule");
  assert_has(run_well("--out made --help").out, "--wd-schedule");
  const char *usage = run_well("--usage").out;
  assert_has(usage, "--wd-schedule");
  assert_has_not(usage, "rhs_evaluations");
  ck_assert_uint_lt(strlen(usage), strlen(help));
  ck_assert_uint_eq(test_entries("."), 0);
}
END_TEST

START_TEST(commands_have_help) {
  assert_has(run_well("list --help").out, "list");
  assert_has(run_well("plot --help").out, "RUN_DIR");
  static const char *const names[] = {"list", "check", "sweep", "plot", "figure", "demo"};
  for (size_t i = 0; i < COUNT(names); i++) {
    char words[40], usage[60], example[60];
    snprintf(words, sizeof words, "%s --help", names[i]);
    snprintf(usage, sizeof usage, "Usage: mirrorsim %s ", names[i]);
    snprintf(example, sizeof example, "\nExample: mirrorsim %s ", names[i]);
    const char *page = run_well("%s", words).out;
    ck_assert_int_eq(strncmp(page, usage, strlen(usage)), 0);
    assert_has(page, example);
    ck_assert_uint_lt(strlen(page), 1000);
    snprintf(words, sizeof words, "help %s", names[i]);
    ck_assert_str_eq(run_well("%s", words).out, page);
    snprintf(words, sizeof words, "%s -h", names[i]);
    ck_assert_str_eq(run_well("%s", words).out, page);
  }
  const char *all = run_well("--help").out;
  ck_assert_str_eq(run_well("help").out, all);
  ck_assert_str_eq(run_well("-h").out, all);
  ck_assert_str_eq(run_well("run --help").out, all);
  assert_has(refused("nosuch --help"), "no command 'nosuch'");
  assert_has(refused("help nosuch"), "no command 'nosuch'");
  assert_has(refused("figre --help"), "'figure'");
}
END_TEST

START_TEST(unknown_option) {
  const struct {
    const char *words, *name, *nearest;
  } cases[] = {{"--wdd=1", "--wdd", "'--wd'"},
               {"--wdd 1", "--wdd", "'--wd'"},
               {"--wdd", "--wdd", "'--wd'"},
               {"run --wdd 1", "--wdd", "'--wd'"},
               {"--wd-shedule linear", "--wd-shedule", "'--wd-schedule'"},
               {"--wd-shedule=linear --json", "--wd-shedule", "'--wd-schedule'"},
               {"--seed 1 --pionts 3 --json", "--pionts", "'--points'"},
               {"--jsn", "--jsn", "'--json'"},
               {"--hepl", "--hepl", "'--help'"},
               {"--confg a.ini", "--confg", "'--config'"},
               {"--bogus --seed 3", "--bogus", NULL},
               {"--in 3", "--in", NULL},
               {"-x", "-x", NULL}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    const char *err = refused("%s", cases[i].words);
    ck_assert_msg(has_word(err, cases[i].name), "%s: %s", cases[i].words, err);
    if (cases[i].nearest)
      assert_has(err, cases[i].nearest);
  }
}
END_TEST

START_TEST(option_without_value) {
  const struct {
    const char *words, *name;
  } cases[] = {{"--wd", "--wd"},
               {"--json --out", "--out"},
               {"--config", "--config"},
               {"--wd-schedule", "--wd-schedule"},
               {"--seed=", "--seed"},
               {"--wd=", "--wd"},
               {"--out=", "--out"},
               {"--data=", "--data"},
               {"--init-scale=", "--init-scale"},
               {"--plot=", "--plot"},
               {"run --n", "--n"}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    const char *err = refused("%s", cases[i].words);
    ck_assert_msg(has_word(err, cases[i].name), "%s: %s", cases[i].words, err);
    assert_has(err, "missing");
  }
}
END_TEST

/* The option, the value in quotes and what is allowed. */
static void assert_rejects(const ms_setting *s, const char *text, const char *allowed) {
  const char *err = refused("--%s=%s", s->name, text);
  assert_at(err, test_text("--%s: ", s->name), test_text("'%s'", text));
  assert_has(err, allowed);
}

START_TEST(bad_numbers) {
  size_t numbers = 0;
  for (size_t i = 0; ms_setting_at(i); i++) {
    const ms_setting *s = ms_setting_at(i);
    if (s->type != MS_REAL && s->type != MS_COUNT)
      continue;
    const char *kind = s->type == MS_COUNT ? "whole number" : "number";
    numbers++;
    assert_rejects(s, "nan", kind);
    assert_rejects(s, "inf", kind);
    assert_rejects(s, "1x", kind);
    if (isfinite(s->min))
      assert_rejects(s, test_text("%.17g", s->min_open ? s->min : s->min - 1), kind);
    if (isfinite(s->max))
      assert_rejects(s, test_text("%.17g", s->max_open ? s->max : 2 * s->max + 2), kind);
    if (s->type == MS_COUNT)
      assert_rejects(s, test_text("%.17g", s->min + 0.5), kind);
  }
  ck_assert_uint_gt(numbers, 10);
  assert_has(refused("--wd -1"), "--wd: '-1'");
  assert_has(refused("--rtol 1"), "1e-14");
  assert_has(refused("--n 5 --d 8 --sparsity 9"), "8");
}
END_TEST

START_TEST(bad_choices) {
  for (size_t i = 0; ms_setting_at(i); i++) {
    const ms_setting *s = ms_setting_at(i);
    if (s->type == MS_FLAG)
      assert_rejects(s, "maybe", "on or off");
    for (size_t k = 0; s->type == MS_CHOICE && s->choice(k, NULL); k++)
      assert_rejects(s, "qqqqqqqqqqqqq", s->choice(k, NULL));
  }
  assert_has(refused("--wd-schedule linaer"), "'linear'");
  assert_has(refused("--flow mirorr"), "'mirror'");
  assert_has(refused("--method bfd"), "'bdf'");
  assert_has(refused("--param wm"), "'mw'");
  assert_has(refused("--model dig"), "'diag'");
  assert_has(refused("--plot=png,sgv"), "'svg'");
}
END_TEST

START_TEST(words_and_commands) {
  assert_has(refused("run stray"), "'stray'");
  assert_has(refused("--json stray"), "'stray'");
  assert_has(refused("rnu"), "'run'");
  assert_has(refused("lst models"), "'list'");
  assert_has(refused("plto x"), "'plot'");
  assert_has(refused("nonsense"), "'nonsense'");
}
END_TEST

START_TEST(check_answers_and_claims) {
  assert_has(run_well("check --g m*w1,m*w2").out, "mirror_flow                no");
  json_t *root = parse(run_well("check --g=u^3-v^3 --json").out);
  ck_assert_str_eq(text_of(root, "mirror_flow"), "time-warped");
  root = parse(run_well("check --n 4 --d 6 --json").out);
  ck_assert_str_eq(text_of(root, "mirror_flow"), "yes");
  ck_assert_uint_eq(json_array_size(value(root, "claims")), 3);
  /* at this tolerance the two flows differ by more than they may */
  outcome o = run("check --n 4 --d 6 --rtol 1e-2");
  ck_assert_int_eq(o.code, 1);
  assert_has(o.out, "NO   gradient flow and mirror flow give the same x");
  assert_has(refused("check --g m*("), "--g:");
  assert_has(refused("check --g"), "--g");
  assert_has(refused("check --h m^2"), "--h");
  assert_has(refused("check --model sensng"), "'sensing'");
}
END_TEST

START_TEST(nothing_is_written_on_bad_usage) {
  test_file("two.txt", "1\n2\n");
  test_file("bad.csv", "y,a,b\n1,2,3\n4,5\n");
  test_file("good.csv", "y,a,b\n1,2,3\n4,5,7\n");
  const char *const cases[] = {"--wd -1",
                               "--wdd 1",
                               "--flow mirorr",
                               "stray",
                               "--config nofile.ini",
                               "--init-x two.txt",
                               "--init-scale two.txt",
                               "--data nofile.csv",
                               "--data bad.csv",
                               "--data good.csv --n 4",
                               "--data good.csv --target c",
                               "--target y",
                               "--standardize",
                               "--sparsity 101",
                               "--wd-schedule file",
                               "--wd-file good.csv",
                               "--wd-schedule file --wd-file good.csv",
                               "--plot=gif"};
  for (size_t i = 0; i < COUNT(cases); i++) {
    refused("--out made %s", cases[i]);
    refused("%s --out made --plot", cases[i]);
    refused("--json %s --out=made/within", cases[i]);
    ck_assert_msg(!exists("made"), "%s", cases[i]);
  }
  assert_has(refused("figure balls --quick --out good.csv"), "good.csv: is not a folder");
  assert_has(refused("sweep --grid seed=1:2 --out good.csv"), "good.csv: is not a folder");
}
END_TEST

/* ---- Settings from a file ------------------------------------------------------------------- */

START_TEST(config_file) {
  test_file("good.ini", "# a comment\n[problem]\nn = 12\nd=20\nseed = 3\n\n[decay]\n"
                        "wd-schedule = step\nwd = 0.1\n; another\nwd-off = 10\njson = on\n");
  json_t *from_file = result(run_well("--config good.ini"));
  ck_assert_str_eq(text_of(from_file, "schedule"), "step");
  const char *same = "--n 12 --d 20 --wd 0.1 --wd-off 10 --json";
  ck_assert(json_equal(from_file, result(run_well("%s --seed 3 --wd-schedule step", same))));
  /* Whatever comes later wins. */
  json_t *other = result(run_well("%s --seed 4 --wd-schedule cosine", same));
  ck_assert(!json_equal(other, from_file));
  ck_assert(json_equal(other, result(run_well("--config good.ini --seed 4 --wd-schedule cosine"))));
  ck_assert(json_equal(from_file, result(run_well("--seed 4 --config good.ini"))));
  test_file("more.ini", "seed = 4\nwd-schedule = cosine\n");
  ck_assert(json_equal(other, result(run_well("--config good.ini --config=more.ini"))));
  test_file("empty.ini", "");
  ck_assert_str_eq(run_well("--config empty.ini " SMALL).out, run_well(SMALL).out);
}
END_TEST

START_TEST(config_errors) {
  const struct {
    const char *text, *place, *reason;
  } cases[] = {{"# one\n\nmodell = diag\n", "bad.ini:3:1: ", "'model'"},
               {"n = 12\nwd-shedule = step\n", "bad.ini:2:1: ", "'wd-schedule'"},
               {"[x]\nwd =   -3\n", "bad.ini:2:8: ", "'-3'"},
               {"wd = nan", "bad.ini:1:6: ", "'nan'"},
               {"seed = 1\nflow = mirorr\n", "bad.ini:2:8: ", "'mirror'"},
               {"json = maybe\n", "bad.ini:1:8: ", "on or off"},
               {"seed = 1\nstray\n", "bad.ini:2:1: ", "key = value"},
               {"[open\n", "bad.ini:1:1: ", "key = value"}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    test_file("bad.ini", cases[i].text);
    assert_at(refused("--out made --config bad.ini"), cases[i].place, cases[i].reason);
  }
  assert_has(refused("--config nofile.ini"), "nofile.ini: cannot be read");
  assert_has(refused("--config ."), "cannot be read");
}
END_TEST

/* ---- JSON ----------------------------------------------------------------------------------- */

START_TEST(json_keys_and_types) {
  outcome o = run_well("--n 12 --d 20 --wd 0.2 --wd-off 10 --json");
  ck_assert_int_eq(o.out[0], '{');
  json_t *root = parse(o.out);
  const char *const strings[] = {"model", "param", "flow", "status"};
  const char *const reals[] = {"t_end",       "loss",      "dose",
                               "l1",          "l2",        "effective_exponent",
                               "truth_error", "gf_mf_gap", "invariant_drift",
                               "limit_gap"};
  const char *const counts[] = {"n", "d", "steps", "rhs_evaluations", "jacobian_evaluations"};
  for (size_t i = 0; i < COUNT(strings); i++)
    text_of(root, strings[i]);
  for (size_t i = 0; i < COUNT(reals); i++)
    ck_assert_msg(json_is_real(value(root, reals[i])), "%s", reals[i]);
  for (size_t i = 0; i < COUNT(counts); i++)
    ck_assert_msg(json_is_integer(value(root, counts[i])), "%s", counts[i]);
  assert_null(root, "nuclear_norm");
  assert_null(root, "rank_effective");

  ck_assert_str_eq(text_of(root, "model"), "diag");
  ck_assert_str_eq(text_of(root, "param"), "mw");
  ck_assert_str_eq(text_of(root, "flow"), "both");
  ck_assert(strcmp(text_of(root, "status"), "loss") == 0 ||
            strcmp(text_of(root, "status"), "stationary") == 0);
  ck_assert_double_eq(real(root, "n"), 12);
  ck_assert_double_eq(real(root, "d"), 20);
  ck_assert_double_eq_tol(real(root, "dose"), 1, 1e-14);
  ck_assert_double_ge(real(root, "steps"), 10);
  ck_assert_double_ge(real(root, "rhs_evaluations"), real(root, "steps"));
  ck_assert_double_ge(real(root, "jacobian_evaluations"), 1);
  ck_assert_double_le(real(root, "gf_mf_gap"), 1e-5);
  ck_assert_double_le(real(root, "invariant_drift"), 1e-5);
  ck_assert_double_le(real(root, "limit_gap"), 1e-6);

  json_t *x = value(root, "x"), *one;
  ck_assert(json_is_array(x));
  ck_assert_uint_eq(json_array_size(x), 20);
  double l1 = 0, l2 = 0;
  size_t j;
  json_array_foreach(x, j, one) {
    ck_assert(json_is_real(one));
    l1 += fabs(json_real_value(one));
    l2 = hypot(l2, json_real_value(one));
  }
  ck_assert_double_eq_tol(real(root, "l1"), l1, 1e-12 * l1);
  ck_assert_double_eq_tol(real(root, "l2"), l2, 1e-12 * l2);

  json_t *timing = value(root, "timing"), *span;
  const char *key;
  ck_assert_uint_gt(json_object_size(timing), 0);
  json_object_foreach(timing, key, span) {
    ck_assert_msg(json_is_real(span), "%s", key);
    ck_assert_double_ge(json_real_value(span), 0);
    ck_assert_double_le(json_real_value(span), 60);
  }
}
END_TEST

START_TEST(json_null_where_it_does_not_apply) {
  json_t *mirror = result(run_well(SMALL " --flow mirror --json"));
  ck_assert_str_eq(text_of(mirror, "flow"), "mirror");
  assert_null(mirror, "gf_mf_gap");
  json_t *gradient = result(run_well(SMALL " --flow gradient --json"));
  ck_assert_str_eq(text_of(gradient, "flow"), "gradient");
  assert_null(gradient, "gf_mf_gap");
  ck_assert_double_le(real(gradient, "invariant_drift"), 1e-5);
  /* Two roads to the same place. */
  for (size_t j = 0; j < 20; j++)
    ck_assert_double_eq_tol(json_number_value(json_array_get(value(mirror, "x"), j)),
                            json_number_value(json_array_get(value(gradient, "x"), j)), 1e-6);

  test_file("real.csv", "y,a,b,c\n1,2,3,1\n-1,0.5,2,1e-1\n");
  json_t *data = result(run_well("--data real.csv --json"));
  assert_null(data, "truth_error");
  ck_assert_double_eq(real(data, "n"), 2);
  ck_assert_double_eq(real(data, "d"), 3);
  ck_assert_double_ge(real(data, "gf_mf_gap"), 0);
}
END_TEST

START_TEST(quiet) {
  outcome o = run_well("--quiet --out quiet " SMALL);
  ck_assert_str_eq(o.out, "");
  assert_run_files("quiet");
  ck_assert_str_eq(run_well("--quiet=on " SMALL).out, "");
  assert_has(run_well("--quiet=off " SMALL).out, "status");
  refused("--quiet --wd nan");
}
END_TEST

/* ---- Same seed, same bytes ------------------------------------------------------------------ */

START_TEST(same_seed_same_bytes) {
  const char *words = SMALL " --seed 7 --noise 0.1";
  ck_assert_str_eq(run_well("%s", words).out, run_well("%s", words).out);
  outcome first = run_well("%s --json --out first", words),
          again = run_well("%s --json --out again", words);
  const char *timing = strstr(first.out, "\"timing\"");
  ck_assert_ptr_nonnull(timing);
  size_t length = (size_t)(timing - first.out);
  ck_assert_msg(strncmp(first.out, again.out, length) == 0, "%s\n%s", first.out, again.out);
  ck_assert(json_equal(result(first), result(again)));
  assert_run_files("first");
  assert_same_folders("first", "again");

  json_t *other = result(run_well(SMALL " --seed 8 --noise 0.1 --json --out other"));
  ck_assert(!json_equal(value(other, "x"), value(result(first), "x")));
  size_t n, m;
  const char *a = get("first/trajectory.csv", &n), *b = get("other/trajectory.csv", &m);
  ck_assert(n != m || memcmp(a, b, n) != 0);
}
END_TEST

/* ---- Files ---------------------------------------------------------------------------------- */

/* alpha(t) / alpha_0 with T = 10, tau = 4 and p = 1/2. */
static double decay(const char *schedule, double t) {
  const double T = 10, tau = 4;
  if (strcmp(schedule, "none") == 0)
    return 0;
  if (strcmp(schedule, "constant") == 0 || strcmp(schedule, "step") == 0)
    return t < T;
  if (strcmp(schedule, "linear") == 0)
    return t < T ? 1 - t / T : 0;
  if (strcmp(schedule, "cosine") == 0)
    return t < T ? (1 + cos(M_PI * t / T)) / 2 : 0;
  if (strcmp(schedule, "exponential") == 0)
    return t < T ? exp(-t / tau) : 0;
  if (strcmp(schedule, "harmonic") == 0)
    return t < T ? 1 / (1 + t / tau) : 0;
  if (strcmp(schedule, "quadratic") == 0)
    return t < T ? 1 / (1 + t / tau) / (1 + t / tau) : 0;
  if (strcmp(schedule, "geometric") == 0)
    return t < T ? pow(0.5, floor(t / tau)) : 0;
  if (strcmp(schedule, "restarts") == 0)
    return t < T ? (1 + cos(M_PI * fmod(t, tau) / tau)) / 2 : 0;
  if (strcmp(schedule, "cyclic") == 0)
    return t < T ? 1 - fabs(fmod(t, tau) / tau * 2 - 1) : 0;
  if (strcmp(schedule, "adaptive") == 0) /* |x|_1 is never large enough */
    return t < T ? pow(1.05, -floor(t / tau)) : 0;
  if (strcmp(schedule, "formula") == 0)
    return t < T ? exp(-t / tau) : 0;
  if (strcmp(schedule, "file") == 0) /* the knots of knots.csv */
    return t < 4 ? 1 - t / 8 : t < 8 ? 0.5 - (t - 4) / 8 : 0;
  ck_abort_msg("how schedule '%s' goes is not known here", schedule);
  return NAN;
}

/* What goes with --wd-schedule NAME. */
static const char *with_schedule(const char *name) {
  if (strcmp(name, "adaptive") == 0)
    return "--wd-threshold 1e9 ";
  if (strcmp(name, "formula") == 0)
    return "--wd-formula exp(-t/4) ";
  if (strcmp(name, "file") != 0)
    return "";
  test_file("knots.csv", "t,alpha\n0,1\n4,0.5\n8,0\n");
  return "--wd-file knots.csv ";
}

/* Names of `mirrorsim list schedules`. */
static size_t schedule_names(const char *names[], size_t room) {
  size_t count = 0;
  char *rest = NULL;
  for (char *line = strtok_r(test_keep(strdup(run_well("list schedules").out)), "\n", &rest); line;
       line = strtok_r(NULL, "\n", &rest)) {
    ck_assert_uint_lt(count, room);
    size_t length = strcspn(line, " ");
    ck_assert_uint_gt(length, 0);
    ck_assert_uint_gt(strlen(line), length + 1);
    names[count++] = test_text("%.*s", (int)length, line);
  }
  return count;
}

/* Names of other lengths put all arrays elsewhere, and BLAS may add up in an order that depends on
 * where they begin. */
START_TEST(the_name_of_the_folder_changes_no_byte) {
  static const char *const models[] = {"sensing", "lora"};
  for (size_t m = 0; m < COUNT(models); m++) {
    const char *first = NULL;
    for (int length = 7; length < 50; length += 14) {
      const char *dir = test_path(test_text("%s%0*d", models[m], length, 0));
      run_well("--model %s --quiet --points 20 --out %s", models[m], dir);
      const char *rows = get(join(dir, "trajectory.csv"), NULL);
      first = first ? first : rows;
      ck_assert_msg(strcmp(first, rows) == 0, "--model %s: other rows in %s", models[m], dir);
    }
  }
}
END_TEST

START_TEST(trajectory_follows_the_schedule) {
  const char *names[32];
  size_t count = schedule_names(names, COUNT(names));
  ck_assert_uint_ge(count, 9);
  for (size_t s = 0; s < count; s++) {
    run_well("--n 12 --d 20 --wd-schedule %s %s--wd 0.2 --wd-off 10 --wd-tau 4 --wd-p 0.5 --t-end "
             "15 --points 31 --stop-loss 0 --flow mirror --quiet --out %s",
             names[s], with_schedule(names[s]), names[s]);
    table t = read_table(join(names[s], "trajectory.csv"));
    double dose = 0;
    ck_assert_uint_eq(t.rows, 31);
    for (size_t i = 0; i < t.rows; i++) {
      double now = 0.5 * (double)i, span = 0.5 / 1000;
      ck_assert_double_eq_tol(cell(&t, i, "t"), now, 1e-12);
      ck_assert_double_eq_tol(cell(&t, i, "alpha"), 0.2 * decay(names[s], now), 1e-14);
      ck_assert_msg(fabs(cell(&t, i, "dose") - dose) < 1e-7, "%s at %g: %.17g, not %.17g", names[s],
                    now, cell(&t, i, "dose"), dose);
      for (int k = 0; k < 1000; k++) /* the midpoint rule, up to the next row */
        dose += span * 0.2 * decay(names[s], now + span * (k + 0.5));
    }
  }
}
END_TEST

START_TEST(every_schedule_comes_to_its_end) {
  const char *names[32], *const sizes[] = {"--n 12 --d 20", "--n 20 --d 12"};
  size_t count = schedule_names(names, COUNT(names));
  for (size_t i = 0; i < count * COUNT(sizes); i++) {
    const char *name = names[i % count], *size = sizes[i / count];
    outcome o = run("--wd-schedule %s %s%s --json", name, with_schedule(name), size);
    ck_assert_msg(o.code == OK, "%s, %s: exit code %d, %s", name, size, o.code, o.err);
    json_t *root = result(o);
    const char *status = text_of(root, "status");
    ck_assert_str_eq(text_of(root, "schedule"), name);
    ck_assert_msg(strcmp(status, "loss") == 0 || strcmp(status, "stationary") == 0,
                  "%s, %s: the run ended with '%s'", name, size, status);
    ck_assert_msg(real(root, "limit_gap") < 1e-6, "%s, %s: %g", name, size,
                  real(root, "limit_gap"));
    ck_assert_msg(real(root, "gf_mf_gap") < 1e-4, "%s, %s: %g", name, size,
                  real(root, "gf_mf_gap"));
    if (strcmp(name, "none") == 0)
      ck_assert_double_eq(real(root, "dose"), 0);
    else
      ck_assert_double_gt(real(root, "dose"), 0);
  }
}
END_TEST

START_TEST(files_of_a_run) {
  json_t *root = result(run_well("--n 12 --d 20 --json --out run"));
  assert_run_files("run");

  table t = read_table("run/trajectory.csv");
  /* The observables of the first model, which the list of all begins with. */
  const char *header = t.header, *name;
  for (size_t i = 0; *header && (name = ms_list("observables", i, NULL)); i++) {
    ck_assert_msg(strncmp(header, name, strlen(name)) == 0, "%s at '%s'", name, header);
    header += strlen(name);
    ck_assert(*header == ',' || *header == 0);
    header += *header == ',';
  }
  ck_assert_int_eq(*header, 0);
  ck_assert_uint_gt(t.rows, 100);
  ck_assert_double_eq(cell(&t, 0, "t"), 0);
  for (size_t i = 1; i < t.rows; i++) {
    ck_assert_double_gt(cell(&t, i, "t"), cell(&t, i - 1, "t"));
    ck_assert_double_ge(cell(&t, i, "dose"), cell(&t, i - 1, "dose"));
  }
  /* The last row is the summary. */
  const char *const same[] = {"loss", "dose", "l1", "l2", "effective_exponent", "truth_error"};
  for (size_t i = 0; i < COUNT(same); i++)
    ck_assert_double_eq(cell(&t, t.rows - 1, same[i]), real(root, same[i]));
  ck_assert_double_eq(cell(&t, t.rows - 1, "t"), real(root, "t_end"));

  size_t times[3], states[3];
  double *time = read_array("run/state.npz", "t.npy", times),
         *x = read_array("run/state.npz", "x.npy", states);
  ck_assert_uint_eq(times[0], t.rows);
  ck_assert_uint_eq(times[1], 0);
  ck_assert_uint_eq(states[0], t.rows);
  ck_assert_uint_eq(states[1], 20);
  for (size_t i = 0; i < t.rows; i++)
    ck_assert_double_eq(time[i], cell(&t, i, "t"));
  for (size_t j = 0; j < 20; j++) {
    ck_assert_double_eq(x[j], 0);
    ck_assert_double_eq(x[(t.rows - 1) * 20 + j],
                        json_number_value(json_array_get(value(root, "x"), j)));
  }

  json_t *summary = parse(get("run/summary.json", NULL));
  ck_assert_ptr_null(json_object_get(summary, "timing"));
  ck_assert(json_equal(summary, root));
}
END_TEST

START_TEST(config_reproduces_the_run) {
  const char *start_x = "";
  for (int j = 0; j < 20; j++)
    start_x = test_text("%s%g\n", start_x, 0.1 * (j - 10));
  test_file("start.txt", start_x);
  test_file("data.csv", "a,target,b\n1,2,3\n-1,4,0.5\n");
  const char *const cases[] = {
      SMALL " --wd-schedule cosine --wd 0.123456789012345678 --seed 12 --noise 0.1",
      SMALL " --init-scale 1e-400 --init-x start.txt --flow mirror --rtol 1e-9",
      "--data data.csv --target target --standardize --param uv --method adams --t-end 30"};
  for (size_t i = 0; i < COUNT(cases); i++) {
    const char *dir = test_text("first%zu", i), *again = test_text("again%zu", i);
    run_well("%s --quiet --out %s", cases[i], dir);
    run_well("--config %s/config.ini --out %s", dir, again);
    ck_assert_msg(is_folder(again), "%s", cases[i]);
    assert_same_folders(dir, again);
  }
}
END_TEST

START_TEST(folders) {
  run_well(SMALL " --quiet --out a/b/c");
  assert_run_files("a/b/c");
  run_well(SMALL " --quiet --out ./a/b/c/");
  assert_run_files("a/b/c");
  /* A second run replaces the first. */
  run_well(SMALL " --quiet --seed 2 --out a/b/c");
  run_well(SMALL " --quiet --seed 2 --out fresh");
  assert_same_folders("a/b/c", "fresh");
  const char *path = test_path("absolute");
  run_well(SMALL " --quiet --out %s", path);
  assert_run_files(path);
}
END_TEST

START_TEST(folders_that_cannot_be) {
  test_file("taken", "what is mine");
  assert_has(refused("--out taken " SMALL), "taken: is not a folder");
  assert_has(refused("--out taken/within " SMALL), "taken/within: ");
  ck_assert_str_eq(get("taken", NULL), "what is mine");
  assert_has(refused("--out /dev/null " SMALL), "/dev/null: is not a folder");
  assert_has(refused("--out /proc/nowhere " SMALL), "/proc/nowhere: ");
  if (geteuid() != 0) { /* root may write anywhere */
    ck_assert_int_eq(mkdir("locked", 0500), 0);
    assert_has(refused("--out locked " SMALL), "locked: ");
    assert_has(refused("--out locked/within " SMALL), "locked/within: ");
    ck_assert_uint_eq(test_entries("locked"), 0);
  }
}
END_TEST

/* ---- Starts --------------------------------------------------------------------------------- */

START_TEST(tiny_scale) {
  double least = INFINITY;
  json_t *root = NULL;
  for (int i = 0; i < 3; i++) { /* the machine may be busy */
    double started = seconds_now();
    root = result(run_well("--init-scale 1e-1000 --json"));
    least = fmin(least, seconds_now() - started);
  }
#ifdef __SANITIZE_ADDRESS__
  ck_assert_double_lt(least, 10);
#else
  ck_assert_double_lt(least, 0.8);
#endif
  ck_assert_str_eq(text_of(root, "flow"), "mirror");
  assert_null(root, "gf_mf_gap");
  ck_assert(has_note(root, "gradient flow"));
  ck_assert_str_eq(text_of(root, "status"), "loss");
  ck_assert_double_lt(real(root, "limit_gap"), 1e-6);
  ck_assert_double_lt(real(root, "effective_exponent"), 1.01);
  assert_has(run_well("--init-scale 1e-1000 " SMALL).out, "gradient flow is left out");
  /* Where the weights can be held, both flows are there, and no note says otherwise. */
  json_t *held = result(run_well(SMALL " --init-scale 1e-30 --json"));
  ck_assert_double_lt(real(held, "gf_mf_gap"), 1e-4);
  ck_assert(!has_note(held, "left out"));
}
END_TEST

START_TEST(bad_starts) {
  const char *const scales[] = {"0", "-1", "abc", "nan", "inf", "nofile.txt", "1e"};
  for (size_t i = 0; i < COUNT(scales); i++) {
    const char *err = refused("--init-scale %s", scales[i]);
    assert_has(err, test_text("--init-scale: '%s'", scales[i]));
    assert_has(err, "greater than 0");
  }
  assert_has(refused("--init-x abc"), "--init-x: 'abc'");
  assert_has(refused("--keep-weights"), "--keep-weights: takes --out DIR");
  assert_has(refused("--init-w none.npz"), "none.npz: cannot be read: No such file");
  assert_has(refused("--init-x nan"), "--init-x: 'nan'");
  test_file("two.txt", "1\n2\n");
  test_file("word.txt", "1\ntwo\n");
  test_file("zero.txt", "1\n0\n");
  test_file("blank.txt", "\n");
  const char *err = refused("--init-x two.txt --d 20");
  assert_has(err, "two.txt: ");
  assert_has(err, "--init-x");
  ck_assert(has_word(err, "2"));
  ck_assert(has_word(err, "20"));
  assert_has(refused("--init-scale two.txt --d 20"), "--init-scale");
  assert_has(refused("--init-x word.txt --d 2"), "word.txt:2:1: 'two'");
  assert_has(refused("--init-scale zero.txt --d 2"), "zero.txt:2:1: '0'");
  assert_has(refused("--init-x blank.txt --d 2"), "blank.txt");
}
END_TEST

/* Each measurement is one entry, in NumPy's order: X is what was measured, as a matrix. */
START_TEST(matrices_are_written_as_they_are_read) {
  test_file("six.csv", "y,a11,a12,a13,a21,a22,a23\n1,1,0,0,0,0,0\n2,0,1,0,0,0,0\n3,0,0,1,0,0,0\n"
                       "4,0,0,0,1,0,0\n5,0,0,0,0,1,0\n6,0,0,0,0,0,1\n");
  run_well("--model sensing --data six.csv --factors general --rows 2 --cols 3 --wd-schedule none "
           "--init gaussian --quiet --out six");
  size_t shape[3];
  double *x = read_array("six/state.npz", "x.npy", shape);
  ck_assert_uint_eq(shape[1], 2);
  ck_assert_uint_eq(shape[2], 3);
  for (size_t j = 0; j < 6; j++)
    ck_assert_double_eq_tol(x[(shape[0] - 1) * 6 + j], (double)j + 1, 1e-3);
  assert_has(get("six/x.csv", NULL), "t,x[1][2],x[1][1],x[1][0],x[0][2],x[0][1],x[0][0]\n");
}
END_TEST

START_TEST(starts_from_files) {
  test_file("x.txt", "# x(0)\n0.5\n-2\n1e-3\n");
  test_file("scale.txt", "1e-400\n1\n1e3\n");
  run_well("--n 2 --d 3 --sparsity 1 --init-x x.txt --init-scale scale.txt --quiet --out files");
  size_t shape[3];
  double *x = read_array("files/state.npz", "x.npy", shape);
  ck_assert_uint_eq(shape[1], 3);
  ck_assert_double_eq_tol(x[0], 0.5, 1e-12);
  ck_assert_double_eq_tol(x[1], -2, 1e-12);
  ck_assert_double_eq_tol(x[2], 1e-3, 1e-12);
}
END_TEST

/* ---- Runs that are cut short ---------------------------------------------------------------- */

/* trajectory.csv, state.npz and summary.json hold the same points; gives their number. */
static size_t partial_points(const char *dir, size_t d) {
  size_t times[3], states[3];
  table t = read_table(join(dir, "trajectory.csv"));
  json_t *summary = parse(get(join(dir, "summary.json"), NULL));
  ck_assert_uint_gt(t.rows, 0);
  ck_assert_double_eq(cell(&t, t.rows - 1, "t"), real(summary, "t_end"));
  ck_assert_double_eq(cell(&t, t.rows - 1, "loss"), real(summary, "loss"));
  read_array(join(dir, "state.npz"), "t.npy", times);
  read_array(join(dir, "state.npz"), "x.npy", states);
  ck_assert_uint_eq(times[0], t.rows);
  ck_assert_uint_eq(states[1], d);
  return t.rows;
}

static void interrupt(int signal_number, const char *dir) {
  /* Steps of an explicit method, in a stiff problem: it would take minutes. */
  const char *words = test_text("--method adams --max-steps 1e12 --json --out %s", dir);
  process p = start(words, NULL, CAPTURED);
  for (int i = 0; i < 200 && !exists(dir); i++)
    sleep_for(0.01);
  sleep_for(0.4);
  ck_assert_int_eq(kill(p.pid, signal_number), 0);
  outcome o = finish(p);
  ck_assert_msg(o.code == INTERRUPTED, "exit code %d, %s", o.code, o.err);
  ck_assert_double_lt(o.seconds, 5);
  assert_has(o.err, "interrupted");
  assert_has_not(o.err, "\r"); /* no progress where stderr is no terminal */
  json_t *root = result(o);
  ck_assert_str_eq(text_of(root, "status"), "interrupted");
  assert_has(text_of(root, "message"), "interrupted");
  assert_null(root, "limit_gap");
  assert_run_files(dir);
  partial_points(dir, 100);
  ck_assert(json_equal(root, parse(get(join(dir, "summary.json"), NULL))));
}

START_TEST(interrupted) {
  interrupt(SIGINT, "interrupted");
  interrupt(SIGTERM, "terminated");
}
END_TEST

START_TEST(out_of_steps) {
  outcome o = run("--max-steps 10 --json --out failed");
  ck_assert_int_eq(o.code, FAILED);
  assert_has(o.err, "--max-steps");
  json_t *root = result(o);
  ck_assert_str_eq(text_of(root, "status"), "failed");
  assert_has(text_of(root, "message"), "--max-steps");
  assert_null(root, "limit_gap");
  assert_run_files("failed");
  partial_points("failed", 100);
  ck_assert(json_equal(root, parse(get("failed/summary.json", NULL))));
  /* Later failures leave more. */
  o = run("--max-steps 200 --quiet --out more");
  ck_assert_int_eq(o.code, FAILED);
  ck_assert_str_eq(o.out, "");
  size_t points = partial_points("more", 100);
  ck_assert_uint_gt(points, 2);
  run_well("--quiet --out whole");
  table whole = read_table("whole/trajectory.csv"), part = read_table("more/trajectory.csv");
  ck_assert_uint_gt(whole.rows, points);
  ck_assert_mem_eq(whole.values, part.values, points * 4 * sizeof(double));
  ck_assert_str_eq(text_of(parse(get("whole/summary.json", NULL)), "status"), "loss");
}
END_TEST

/* ---- Data ----------------------------------------------------------------------------------- */

START_TEST(bad_data) {
  const struct {
    const char *text, *place, *reason;
  } cases[] = {{"y,a,b\n1,2,3\n4,5\n", "bad.csv:3:", "3"},
               {"y,a,b\n1,2,3,4\n", "bad.csv:2:", "3"},
               {"y,a,b\n1,2,3\n4,5,x\n", "bad.csv:3:5: ", "'x'"},
               {"y,a,b\n1,,3\n", "bad.csv:2:3: ", ""},
               {"y,a\n1,nan\n", "bad.csv:2:3: ", "'nan'"},
               {"y,a\n1,1e999\n", "bad.csv:2:3: ", "'1e999'"},
               {"", "bad.csv: ", "empty"},
               {"\n", "bad.csv", ""},
               {"y,a\n", "bad.csv", "row"},
               {"y\n1\n2\n", "bad.csv:1:1: ", "target"}};
  for (size_t i = 0; i < COUNT(cases); i++) {
    test_file("bad.csv", cases[i].text);
    assert_at(refused("--data bad.csv --out made"), cases[i].place, cases[i].reason);
  }
  assert_has(refused("--data nofile.csv"), "nofile.csv: cannot be read");
  assert_has(refused("--data ."), "cannot be read");
  test_file("good.csv", "price,rooms\n1,2\n3,5\n");
  assert_has(refused("--data good.csv --target prise"), "'price'");
  assert_has(refused("--data good.csv --d 3"), "--d: ");
}
END_TEST

START_TEST(target_by_name) {
  test_file("first.csv", "y,a,\"b, c\"\n1,2,3\n-1,0.5,2\n0.3,1,7\n");
  test_file("last.csv", "a,\"b, c\",y\n2,3,1\n0.5,2,-1\n1,7,0.3\n");
  json_t *first = result(run_well("--data first.csv --json --out first")),
         *last = result(run_well("--data last.csv --target y --json --out last"));
  ck_assert_str_eq(json_string_value(value(first, "target_chosen")), "first column");
  ck_assert_str_eq(json_string_value(value(last, "target_chosen")), "--target");
  json_object_del(first, "target_chosen");
  json_object_del(last, "target_chosen");
  ck_assert(json_equal(first, last));
  ck_assert_str_eq(json_string_value(value(first, "target")), "y");
  ck_assert_str_eq(json_string_value(value(first, "separator")), ",");
  ck_assert_uint_eq(json_array_size(value(first, "x")), 2);
  assert_has(get("first/x.csv", NULL), "\"b, c\"");
  /* Ordinary least squares: it is alone, n > d and the decay ends. */
  const double a[] = {2, 0.5, 1}, b[] = {3, 2, 7}, y[] = {1, -1, 0.3};
  double aa = 0, ab = 0, bb = 0, ay = 0, by = 0;
  for (int i = 0; i < 3; i++) {
    aa += a[i] * a[i];
    ab += a[i] * b[i];
    bb += b[i] * b[i];
    ay += a[i] * y[i];
    by += b[i] * y[i];
  }
  double det = aa * bb - ab * ab;
  json_t *x = value(first, "x");
  ck_assert_double_eq_tol(json_number_value(json_array_get(x, 0)), (bb * ay - ab * by) / det, 1e-7);
  ck_assert_double_eq_tol(json_number_value(json_array_get(x, 1)), (aa * by - ab * ay) / det, 1e-7);
}
END_TEST

/* What files call themselves and their columns reaches the terminal as plain text. */
START_TEST(names_are_text) {
  test_file("\x1b[2J.csv", "\x1b[31my\x07,a\n1,2\n-1,0.5\n");
  outcome o = run_well("--data \x1b[2J.csv --points 3");
  assert_has(o.out, "\\x1b[31my\\x07");
  assert_has_not(o.out, "\x1b");
  assert_has_not(o.out, "\x07");
  test_file("\x1b[2J.csv", "\x1b[31my\x07,a\n1,x\x1b\n");
  o = finish(start("--data \x1b[2J.csv", NULL, CAPTURED));
  ck_assert_int_eq(o.code, 2);
  assert_has(o.err, "\\x1b[2J.csv:2:3: ");
  assert_has_not(o.err, "\x1b");
  o = finish(start("--config \x1b[2J.csv", NULL, CAPTURED));
  assert_has_not(o.err, "\x1b");
  o = finish(start("--\x1b[2J", NULL, CAPTURED));
  assert_has_not(o.err, "\x1b");
}
END_TEST

/* Every reader of text names what is none. */
START_TEST(utf16_everywhere) {
  static const char *const commands[] = {"--config 16.ini",
                                         "sweep --cases 16.ini --out s",
                                         "--model lora --data 16.ini",
                                         "--wd-schedule file --wd-file 16.ini",
                                         "--data 16.ini",
                                         "--init-x 16.ini",
                                         "--model sparse-coding --image 16.ini",
                                         "--model network --data 16.ini"};
  test_bytes("16.ini", "\xFF\xFEn\0 \0=\0 \0007\0\r\0\n\0", 16);
  for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
    outcome o = finish(start(commands[i], NULL, CAPTURED));
    ck_assert_msg(o.code == 2, "%s: %d", commands[i], o.code);
    assert_has(o.err, "16.ini: is UTF-16 text; save it as UTF-8");
  }
}
END_TEST

/* ---- Lists ---------------------------------------------------------------------------------- */

START_TEST(lists) {
  const char *all = run_well("list").out;
  json_t *root = parse(run_well("list --json").out);
  size_t k = 0;
  for (const char *list; (list = ms_list_name(k)); k++) {
    ck_assert_msg(has_word(all, list), "%s is not in: %s", list, all);
    const char *one = run_well("list %s", list).out;
    json_t *named = value(root, list),
           *alone = value(parse(run_well("list %s --json", list).out), list);
    ck_assert(json_equal(named, alone));
    const char *name, *summary;
    size_t i = 0;
    for (; (name = ms_list(list, i, &summary)); i++) {
      size_t length = strcspn(one, "\n");
      ck_assert_int_eq(one[length], '\n');
      const char *line = test_text("%.*s", (int)length, one);
      ck_assert_msg(strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ' ', "%s",
                    line);
      assert_has(line, summary);
      assert_has(all, line);
      ck_assert_str_eq(text_of(named, name), summary);
      one += length + 1;
    }
    ck_assert_str_eq(one, "");
    ck_assert_uint_gt(i, 0);
    ck_assert_uint_eq(json_object_size(named), i);
  }
  ck_assert_uint_eq(json_object_size(root), k + 1); /* and the commands */
  const char *const wanted[] = {"models", "schedules", "flows", "observables", "commands"};
  for (size_t i = 0; i < COUNT(wanted); i++)
    value(root, wanted[i]);
  ck_assert(has_word(run_well("list models").out, "diag"));
}
END_TEST

/* What a setting chooses from is a list too, under its name. */
START_TEST(lists_of_choices) {
  const ms_setting *s;
  for (size_t i = 0; (s = ms_setting_at(i)); i++)
    if (s->choice)
      assert_has(run_well("list %s", s->name).out, s->choice(0, NULL));
}
END_TEST

/* Every setting, its choices and every command stand in the manual page. */
START_TEST(manual_page) {
  const char *page = run_well("--man").out;
  const ms_setting *s;
  for (size_t i = 0; (s = ms_setting_at(i)); i++) {
    assert_has(page, test_text(".It Fl \\-%s", s->name));
    for (size_t k = 0; s->choice && s->choice(k, NULL); k++)
      assert_has(page, test_text(".It Cm %s\n", s->choice(k, NULL)));
  }
  json_t *commands = value(parse(run_well("list commands --json").out), "commands");
  const char *name;
  json_t *summary;
  json_object_foreach(commands, name, summary) {
    assert_has(page, test_text(".It Cm %s ", name));
  }
}
END_TEST

START_TEST(unknown_lists) {
  assert_has(refused("list modles"), "'models'");
  assert_has(refused("list shedules"), "'schedules'");
  assert_has(refused("list nonsense"), "'nonsense'; 'mirrorsim list' shows all");
  assert_has(refused("list --jsn"), "--json");
  assert_has_not(refused("list models models"), "there is no list 'models'");
}
END_TEST

/* ---- Plots ---------------------------------------------------------------------------------- */

static bool have_gnuplot(void) {
  const char *path = getenv("PATH");
  char *rest = NULL;
  for (char *dir = strtok_r(test_keep(strdup(path ? path : "/usr/bin:/bin")), ":", &rest); dir;
       dir = strtok_r(NULL, ":", &rest))
    if (access(join(dir, "gnuplot"), X_OK) == 0)
      return true;
  return false;
}

#define PNG "\x89PNG\r\n\x1a\n"

static const char *const plots[] = {"trajectory", "potential", "effects"};

static void assert_plots(const char *dir, const char *format, const char *signature) {
  for (size_t i = 0; i < COUNT(plots); i++) {
    const char *name = test_text("%s.%s", plots[i], format);
    ck_assert_msg(starts_with(join(dir, name), signature, strlen(signature)), "%s/%s", dir, name);
  }
}

START_TEST(draws) {
  if (!have_gnuplot()) {
    outcome o = run(SMALL " --out drawn --plot");
    ck_assert_int_eq(o.code, OK); /* the data are kept */
    assert_has(o.err, "gnuplot");
    return;
  }
  const char *told = run_well(SMALL " --out drawn --plot").out;
  assert_has(told, "drawn/trajectory.png");
  assert_has(told, "drawn/potential.png");
  assert_plots("drawn", "png", PNG);
  ck_assert_uint_eq(test_entries("drawn"), COUNT(run_files) + COUNT(plots));
  ck_assert_int_eq(remove("drawn/trajectory.png"), 0);
  test_file("drawn/potential.png", "old");
  assert_has(run_well("plot drawn").out, "drawn/trajectory.png");
  assert_plots("drawn", "png", PNG);
  run_well("plot drawn --plot=svg");
  assert_plots("drawn", "svg", "<?xml");
  ck_assert_uint_eq(test_entries("drawn"), COUNT(run_files) + 2 * COUNT(plots));

  ck_assert_str_eq(run_well(SMALL " --quiet --out vector --plot=svg,pdf").out, "");
  assert_plots("vector", "svg", "<?xml");
  assert_plots("vector", "pdf", "%PDF-");
  ck_assert_uint_eq(test_entries("vector"), COUNT(run_files) + 2 * COUNT(plots));

  /* Without --out, a folder of the program's choice; with --json, nothing but JSON. */
  ck_assert(json_is_object(result(run_well(SMALL " --plot --json"))));
  assert_plots("mirrorsim-run", "png", PNG);
}
END_TEST

START_TEST(plot_needs_a_run) {
  ck_assert_int_eq(mkdir("bare", 0777), 0);
  assert_has(refused("plot bare"), "bare");
  ck_assert_uint_eq(test_entries("bare"), 0);
  assert_has(refused("plot nowhere"), "nowhere");
  assert_has(refused("plot"), "RUN_DIR");
  assert_has(refused("plot bare nowhere"), "'nowhere'");
  assert_has(refused("plot bare --polt=svg"), "--polt");
  assert_has(refused("plot bare --plot=gif"), "'gif'");
}
END_TEST

START_TEST(gnuplot_missing_or_broken) {
  run_well(SMALL " --quiet --out plain");
  outcome o = finish(start(SMALL " --out undrawn --plot", "/nowhere", CAPTURED));
  ck_assert_int_eq(o.code, OK); /* the data are kept */
  assert_has(o.err, "gnuplot");
  assert_has(o.err, "install");
  assert_has(o.err, "mirrorsim plot undrawn");
  assert_has(o.out, "status");
  assert_run_files("undrawn");
  assert_same_files("undrawn/trajectory.csv", "plain/trajectory.csv");
  assert_same_files("undrawn/summary.json", "plain/summary.json");

  o = finish(start("plot undrawn", "/nowhere", CAPTURED));
  ck_assert_msg(o.code != OK && o.code < 128, "exit code %d", o.code);
  assert_has(o.err, "gnuplot");
  assert_run_files("undrawn");

  ck_assert_int_eq(mkdir("broken", 0777), 0);
  test_file("broken/gnuplot", "#!/bin/sh\necho 'no such terminal' >&2\nexit 1\n");
  ck_assert_int_eq(chmod("broken/gnuplot", 0755), 0);
  o = finish(start("plot undrawn", test_path("broken"), CAPTURED));
  ck_assert_msg(o.code != OK && o.code < 128, "exit code %d", o.code);
  assert_has(o.err, "no such terminal");
  assert_run_files("undrawn");
}
END_TEST

/* ---- Where output cannot go ----------------------------------------------------------------- */

START_TEST(full_disk) {
  const char *const cases[] = {
      SMALL, SMALL " --json", SMALL " --out full", "list", "list --json", "--version", "--help"};
  for (size_t i = 0; i < COUNT(cases); i++) {
    outcome o = finish(start(cases[i], NULL, FULL_DISK));
    ck_assert_msg(o.code != OK && o.code != USAGE && o.code < 128, "%s: exit code %d", cases[i],
                  o.code);
    assert_has(o.err, strerror(ENOSPC));
  }
  assert_run_files("full");
  outcome o = finish(start(SMALL " --quiet", NULL, FULL_DISK));
  ck_assert_int_eq(o.code, OK);
  ck_assert_str_eq(o.err, "");
}
END_TEST

START_TEST(closed_output) {
  run_well(SMALL " --out open");
  outcome o = finish(start(SMALL " --out closed", NULL, CLOSED));
  ck_assert_msg(o.code != OK && o.code != USAGE && o.code < 128, "exit code %d", o.code);
  ck_assert_str_ne(o.err, "");
  assert_same_folders("open", "closed");
  o = finish(start(SMALL " --quiet", NULL, CLOSED));
  ck_assert_int_eq(o.code, OK);
}
END_TEST

/* ---- The suite ------------------------------------------------------------------------------ */

static TCase *group(Suite *suite, const char *name) {
  TCase *c = tcase_create(name);
  tcase_add_checked_fixture(c, enter_folder, leave_folder);
  tcase_set_timeout(c, 60);
  suite_add_tcase(suite, c);
  return c;
}

Suite *cli_suite(void) {
  Suite *s = suite_create("cli");
  TCase *c = group(s, "options");
  tcase_add_test(c, no_arguments_is_a_run);
  tcase_add_test(c, version);
  tcase_add_test(c, help_tells_every_setting);
  tcase_add_test(c, help_does_not_run);
  tcase_add_test(c, commands_have_help);
  tcase_add_test(c, unknown_option);
  tcase_add_test(c, option_without_value);
  tcase_add_test(c, bad_numbers);
  tcase_add_test(c, bad_choices);
  tcase_add_test(c, words_and_commands);
  tcase_add_test(c, check_answers_and_claims);
  tcase_add_test(c, nothing_is_written_on_bad_usage);
  c = group(s, "config");
  tcase_add_test(c, config_file);
  tcase_add_test(c, config_errors);
  c = group(s, "output");
  tcase_add_test(c, json_keys_and_types);
  tcase_add_test(c, json_null_where_it_does_not_apply);
  tcase_add_test(c, quiet);
  tcase_add_test(c, same_seed_same_bytes);
  tcase_add_test(c, the_name_of_the_folder_changes_no_byte);
  c = group(s, "files");
  tcase_add_test(c, trajectory_follows_the_schedule);
  tcase_add_test(c, every_schedule_comes_to_its_end);
  tcase_add_test(c, files_of_a_run);
  tcase_add_test(c, config_reproduces_the_run);
  tcase_add_test(c, folders);
  tcase_add_test(c, folders_that_cannot_be);
  c = group(s, "starts");
  tcase_add_test(c, tiny_scale);
  tcase_add_test(c, bad_starts);
  tcase_add_test(c, starts_from_files);
  tcase_add_test(c, matrices_are_written_as_they_are_read);
  c = group(s, "cut short");
  tcase_add_test(c, interrupted);
  tcase_add_test(c, out_of_steps);
  c = group(s, "data");
  tcase_add_test(c, bad_data);
  tcase_add_test(c, target_by_name);
  tcase_add_test(c, names_are_text);
  tcase_add_test(c, utf16_everywhere);
  c = group(s, "lists");
  tcase_add_test(c, lists);
  tcase_add_test(c, lists_of_choices);
  tcase_add_test(c, manual_page);
  tcase_add_test(c, unknown_lists);
  c = group(s, "plots");
  tcase_add_test(c, draws);
  tcase_add_test(c, plot_needs_a_run);
  tcase_add_test(c, gnuplot_missing_or_broken);
  c = group(s, "no output");
  tcase_add_test(c, full_disk);
  tcase_add_test(c, closed_output);
  return s;
}
