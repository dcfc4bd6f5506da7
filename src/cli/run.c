#include "cli/cli.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Seconds that a process which has failed waits for the others to come to the same. */
static const double PATIENCE = 5;

static void show_progress(const ms_run *run, size_t i, double started, double *shown) {
  double now = cli_seconds();
  if (cli_silent || !isatty(STDERR_FILENO) || now - started < 1 || now - *shown < 0.2)
    return;
  *shown = now;
  fprintf(stderr, "\rt = %-12.6g loss = %-12.4g point %zu of at most %zu ", ms_run_t(run),
          ms_run_observe(run, "loss"), i + 1, ms_run_points(run));
  fflush(stderr);
}

static void print_table(const ms_run *run) {
  ms_summary entry;
  for (size_t i = 0; ms_run_summary_at(run, i, &entry); i++) {
    char value[64], text[256];
    if (!entry.help)
      continue;
    if (entry.text) {
      printf(*entry.help ? "%-24s %-14s %s\n" : "%-24s %s\n", entry.key,
             ms_visible(text, sizeof text, entry.text), entry.help);
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

static int report(ms_run *run, const ms_config *cfg, const char *dir) {
  bool json = cli_is_on(cfg, "json"), quiet = cli_is_on(cfg, "quiet") || json;
  if (cli_silent)
    return EXIT_SUCCESS;
  if (json) {
    char *text = ms_run_json(run, true);
    if (text)
      puts(text);
    free(text);
  } else if (!quiet) {
    print_table(run);
    char text[4096];
    if (dir)
      printf("\nwrote %s/\n", ms_visible(text, sizeof text, dir));
  }
  const char *formats = ms_config_text(cfg, "plot");
  return cli_draw_as_well(dir, formats, quiet);
}

/* After a failure: is it that of all? Else the others would wait for ever. */
static void meet(int code, const ms_error *err) {
  if (ms_ranks_meet(PATIENCE))
    return;
  fprintf(stderr, "mirrorsim: %s (process %zu)\n", err->message, ms_rank() + 1);
  ms_ranks_abort(code);
}

/* The run, to its files. *out is NULL where there is nothing to report; *err is what happened. */
static int make(ms_run **out, const ms_config *cfg, const char *dir, ms_error *err) {
  ms_run *run;
  double started = cli_seconds(), shown = 0;
  *out = NULL;
  if (ms_run_new(&run, cfg, err) != MS_OK) {
    meet(cli_exit_code(err->status), err);
    return cli_complain(err);
  }
  if (dir && ms_folder_make(dir, err) != MS_OK) {
    ms_run_free(run);
    cli_complain(err);
    return EXIT_USAGE;
  }
  cli_catch_interrupts();
  ms_run_interrupt_on(run, &cli_interrupted);
  ms_status status = MS_OK;
  for (size_t i = 0; i < ms_run_points(run) && status == MS_OK; i++) {
    status = ms_run_advance(run, i, err);
    show_progress(run, i, started, &shown);
  }
  if (shown > 0)
    fprintf(stderr, "\r%78s\r", "");
  ms_error finish_error;
  int code = cli_exit_code(status);
  if (status < 0) {
    meet(code, err);
    cli_complain(err);
    code = status == MS_INTERRUPTED ? EXIT_INTERRUPTED : EXIT_FAILED;
  }
  if (ms_run_finish(run, status, err, &finish_error) != MS_OK) {
    ms_run_free(run);
    return code;
  }
  if (dir && ms_run_write(run, dir, &finish_error) != MS_OK) {
    cli_complain(&finish_error);
    ms_run_free(run);
    *err = code ? *err : finish_error;
    return code ? code : EXIT_FAILED;
  }
  *out = run;
  return code;
}

/* Alone, or as one of the processes of mpirun. */
static int run_once(const ms_config *cfg) {
  ms_error err = {0};
  ms_run *run;
  const char *dir = ms_config_text(cfg, "out");
  if (!dir && ms_config_text(cfg, "plot"))
    dir = "mirrorsim-run";
  if (!dir && cli_is_on(cfg, "keep-weights"))
    return cli_usage_error("%s: takes --out DIR, where weights.npz is written", "--keep-weights",
                           NULL);
  int code = dir ? cli_check_folder(dir, CLI_RUN, NULL) : EXIT_SUCCESS;
  if (code != EXIT_SUCCESS)
    return code;
  ms_ranks_join();
  code = make(&run, cfg, dir, &err);
  ms_ranks_leave();
  if (run) {
    int reported = report(run, cfg, dir);
    code = code ? code : reported;
  }
  ms_run_free(run);
  return code;
}

int cli_run(int argc, char **argv) {
  const char *asked = NULL;
  cli_silent = ms_rank() > 0;
  ms_config *cfg = ms_config_new();
  if (!cfg)
    return EXIT_FAILED;
  int code = cli_parse(argc, argv, cfg, &asked);
  if (asked && cli_silent)
    code = EXIT_SUCCESS;
  else if (asked && strcmp(asked, "version") == 0)
    printf("mirrorsim %s\n", ms_version());
  else if (asked)
    code = strcmp(asked, "man") == 0 ? cli_print_man() : cli_print_help(asked);
  else if (code == EXIT_SUCCESS)
    code = run_once(cfg);
  ms_config_free(cfg);
  return code;
}
