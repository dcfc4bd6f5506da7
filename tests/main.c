#include "figure/draw.h"
#include "tests.h"
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
  const char *name;
  Suite *(*suite)(void);
} suites[] = {
#define X(name) {#name, name##_suite},
    SUITES(X)
#undef X
};

/* Runs the suites named, all without arguments; TAP on standard output. --list names them. */
int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "--list") == 0) {
    for (size_t i = 0; i < sizeof suites / sizeof *suites; i++)
      puts(suites[i].name);
    return EXIT_SUCCESS;
  }
  /* as in a terminal, also where nohup or a batch system has them ignored */
  signal(SIGHUP, SIG_DFL);
  signal(SIGINT, SIG_DFL);
  signal(SIGTERM, SIG_DFL);
  setenv("MIRRORSIM_DATA", MS_DATA, 0); /* because the data is not beside this program */
  ms_error err;
  if (ms_figures_register(&err) != MS_OK) {
    fprintf(stderr, "%s\n", err.message);
    return EXIT_FAILURE;
  }
  SRunner *runner = srunner_create(NULL);
  for (size_t i = 0; i < sizeof suites / sizeof *suites; i++) {
    bool wanted = argc == 1;
    for (int k = 1; k < argc; k++)
      wanted = wanted || strcmp(argv[k], suites[i].name) == 0;
    if (wanted)
      srunner_add_suite(runner, suites[i].suite());
  }
  srunner_set_tap(runner, "-");
  srunner_run_all(runner, CK_SILENT);
  int failed = srunner_ntests_failed(runner);
  srunner_free(runner);
  return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
