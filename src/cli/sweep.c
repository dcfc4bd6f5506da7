#include "cli/cli.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: mirrorsim sweep --grid KEY=VALUES [--grid ...] [--zip KEY=VALUES ...] "
    "[--cases FILE.csv] [--workers N] [--out DIR] [--resume] [--keep-runs] [--group-by KEY,...] "
    "[--show COLUMN] [options of run]";

static const char *const option_names[] = {"--grid",   "--zip",       "--cases",    "--workers",
                                           "--resume", "--keep-runs", "--group-by", "--show"};
enum { GRID, ZIP, CASES, WORKERS, RESUME, KEEP_RUNS, GROUP_BY, SHOW, OPTIONS };

typedef struct order {
  ms_sweep_options options;
  ms_config *base;
  ms_sweep *sweep;
  double started, shown;
  size_t already; /* done by an earlier call */
  bool quiet, began;
} order;

/* The option of the sweep that a word is, with its value; -1: one of runs. */
static int option_of(const char *word, const char **value) {
  for (int i = 0; i < OPTIONS; i++) {
    size_t length = strlen(option_names[i]);
    if (strncmp(word, option_names[i], length) == 0 && (!word[length] || word[length] == '=')) {
      *value = word[length] ? word + length + 1 : NULL;
      return i;
    }
  }
  return -1;
}

static int parse_workers(const char *text, size_t *workers) {
  char *end;
  unsigned long number = strtoul(text, &end, 10);
  if (*end || end == text || *text == '-' || number < 1 || number > 1024)
    return cli_usage_error("--workers: '%s' is not allowed; it takes a whole number from 1 to 1024",
                           text, NULL);
  *workers = number;
  return EXIT_SUCCESS;
}

/* Options of the sweep are taken out of argv; what is left is that of runs. */
static int parse(int argc, char **argv, order *o) {
  struct given {
    int option;
    const char *value;
  } *given = calloc((size_t)argc + 1, sizeof *given);
  char **rest = calloc((size_t)argc + 1, sizeof *rest);
  int left = 0, count = 0, code = EXIT_SUCCESS;
  const char *asked = NULL;
  ms_error err;
  if (!given || !rest)
    code = EXIT_FAILED;
  for (int i = 0; i < argc && code == EXIT_SUCCESS; i++) {
    const char *value = NULL;
    int option = i > 0 ? option_of(argv[i], &value) : -1;
    if (option < 0) {
      rest[left++] = argv[i];
      continue;
    }
    if (!value && option != RESUME && option != KEEP_RUNS)
      value = i + 1 < argc ? argv[++i] : NULL;
    if (!value && option != RESUME && option != KEEP_RUNS)
      code = cli_usage_error("sweep: %s: a value is missing", option_names[option], NULL);
    given[count].option = option;
    given[count++].value = value;
  }
  if (code == EXIT_SUCCESS)
    code = cli_parse(left, rest, o->base, &asked);
  if (code == EXIT_SUCCESS && asked)
    code = cli_usage_error("sweep: '--%s' is not expected", asked, NULL);
  if (code == EXIT_SUCCESS && !(o->sweep = ms_sweep_new(o->base)))
    code = EXIT_FAILED;
  for (int i = 0; i < count && code == EXIT_SUCCESS; i++) {
    const char *value = given[i].value;
    ms_status status = MS_OK;
    switch (given[i].option) {
    case GRID:
      status = ms_sweep_grid(o->sweep, value, "--grid", &err);
      break;
    case ZIP:
      status = ms_sweep_zip(o->sweep, value, "--zip", &err);
      break;
    case CASES:
      status = ms_sweep_cases(o->sweep, value, &err);
      break;
    case WORKERS:
      code = parse_workers(value, &o->options.workers);
      break;
    case GROUP_BY:
      o->options.group_by = value;
      break;
    case SHOW:
      o->options.show = value;
      break;
    case RESUME:
      o->options.resume = true;
      break;
    default:
      o->options.keep_runs = true;
    }
    if (status != MS_OK)
      code = cli_complain(&err);
  }
  if (code == EXIT_SUCCESS && !ms_sweep_key(o->sweep, 0))
    code = cli_usage_error("sweep: nothing varies; %s", usage, NULL);
  free(given);
  free(rest);
  return code;
}

static void show_progress(void *ctx, size_t done, size_t failed, size_t count) {
  order *o = ctx;
  double now = cli_seconds(), spent = now - o->started;
  if (!o->began) {
    o->already = done - 1;
    o->began = true;
  }
  if (o->quiet || !isatty(STDERR_FILENO) || (done < count && now - o->shown < 0.2))
    return;
  o->shown = now;
  double left = spent / (double)(done - o->already) * (double)(count - done);
  fprintf(stderr, "\r%zu of %zu runs", done, count);
  if (failed)
    fprintf(stderr, ", %zu failed", failed);
  fprintf(stderr, ", %.0f s, about %.0f s to go   ", spent, left);
  fflush(stderr);
}

static int run_sweep(order *o) {
  ms_error err;
  size_t failed = 0;
  const char *out = ms_config_text(o->base, "out"), *formats = ms_config_text(o->base, "plot");
  o->options.dir = out ? out : "mirrorsim-sweep";
  int code = cli_check_folder(o->options.dir, CLI_SWEEP, NULL);
  if (code != EXIT_SUCCESS)
    return code;
  o->options.progress = show_progress;
  o->options.ctx = o;
  o->options.interrupt = &cli_interrupted;
  o->quiet = cli_is_on(o->base, "quiet");
  cli_catch_interrupts();
  o->started = o->shown = cli_seconds();
  ms_status status = ms_sweep_run(o->sweep, &o->options, &failed, &err);
  if (o->shown > o->started)
    fprintf(stderr, "\r%78s\r", "");
  if (status < 0)
    return cli_complain(&err);
  if (ms_rank() > 0) /* the first process of mpirun speaks for all */
    return EXIT_SUCCESS;
  char dir[4096];
  if (!o->quiet)
    printf("%zu runs, %zu failed; wrote %s/sweep.csv\n", ms_sweep_count(o->sweep), failed,
           ms_visible(dir, sizeof dir, o->options.dir));
  code = cli_draw_as_well(o->options.dir, formats, o->quiet);
  if (failed == 0)
    return code;
  fprintf(stderr, "mirrorsim: %zu of %zu runs failed; the column error of %s/sweep.csv says why\n",
          failed, ms_sweep_count(o->sweep), ms_visible(dir, sizeof dir, o->options.dir));
  return code ? code : EXIT_CLAIM;
}

int cli_sweep(int argc, char **argv) {
  order o = {.base = ms_config_new()};
  if (!o.base)
    return EXIT_FAILED;
  int code = parse(argc, argv, &o);
  if (code == EXIT_SUCCESS)
    code = run_sweep(&o);
  ms_sweep_free(o.sweep);
  ms_config_free(o.base);
  return code;
}
