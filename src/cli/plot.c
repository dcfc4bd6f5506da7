#include "cli/cli.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *cli_find_scripts(char *path, size_t size) {
  static const char *const places[] = {"/../plots", "/../share/mirrorsim/plots"};
  char self[2048], probe[4096 + 16];
  if (getenv("MIRRORSIM_PLOTS"))
    return getenv("MIRRORSIM_PLOTS");
  ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);
  self[length > 0 ? length : 0] = 0;
  if (length > 0)
    *strrchr(self, '/') = 0;
  for (size_t i = 0; i < 2 && length > 0; i++) {
    snprintf(path, size, "%s%s", self, places[i]);
    snprintf(probe, sizeof probe, "%s/style.gp", path);
    if (access(probe, R_OK) == 0)
      return path;
  }
  cli_usage_error("the plots/ folder is not beside the program; %s may name it", "MIRRORSIM_PLOTS",
                  NULL);
  return NULL;
}

ms_status cli_draw(const char *dir, const char *formats, bool quiet) {
  /* each with the file it draws */
  static const char *const plots[][2] = {{"trajectory", "trajectory.csv"},
                                         {"potential", "potential.csv"},
                                         {"effects", "potential.csv"},
                                         {"sweep", "sweep.csv"}};
  char path[4096], file[4200], shown[4096];
  ms_error err;
  const char *scripts = cli_find_scripts(path, sizeof path);
  if (!scripts)
    return MS_BAD_INPUT;
  for (const char *format = formats; *format; format += strcspn(format, ",")) {
    char name[8];
    format += *format == ',';
    snprintf(name, sizeof name, "%.*s", (int)strcspn(format, ","), format);
    for (size_t i = 0; i < sizeof plots / sizeof *plots; i++) {
      snprintf(file, sizeof file, "%s/%s", dir, plots[i][1]);
      if (access(file, R_OK) != 0)
        continue;
      ms_status status = ms_plot(scripts, dir, plots[i][0], name, &err);
      if (status != MS_OK) {
        cli_complain(&err);
        return status;
      }
      if (!quiet)
        printf("drew %s/%s.%s\n", ms_visible(shown, sizeof shown, dir), plots[i][0], name);
    }
  }
  return MS_OK;
}

int cli_draw_as_well(const char *dir, const char *formats, bool quiet) {
  ms_status status = formats ? cli_draw(dir, formats, quiet) : MS_OK;
  return status == MS_OK || status == MS_UNSUPPORTED ? EXIT_SUCCESS : EXIT_FAILED;
}

int cli_plot(int argc, char **argv) {
  const char *dir = NULL, *formats = "png";
  for (int i = 1; i < argc; i++) {
    if (strncmp(argv[i], "--plot=", 7) == 0)
      formats = argv[i] + 7;
    else if (argv[i][0] == '-' || dir)
      return cli_usage_error("plot: '%s' is not expected; usage: mirrorsim plot RUN_DIR "
                             "[--plot=png,svg,pdf]",
                             argv[i], NULL);
    else
      dir = argv[i];
  }
  ms_config *cfg = ms_config_new();
  ms_error err;
  int code = EXIT_SUCCESS;
  if (!dir)
    code = cli_usage_error("plot: %s is missing; usage: mirrorsim plot RUN_DIR", "RUN_DIR", NULL);
  else if (cfg && ms_config_set(cfg, "plot", formats, "--plot", &err) != MS_OK)
    code = cli_complain(&err);
  char probe[4200];
  if (code == EXIT_SUCCESS) {
    snprintf(probe, sizeof probe, "%s/summary.json", dir);
    bool run = access(probe, R_OK) == 0;
    snprintf(probe, sizeof probe, "%s/sweep.csv", dir);
    if (!run && access(probe, R_OK) != 0)
      code = cli_usage_error("plot: %s holds no run (no summary.json) and no sweep (no sweep.csv)",
                             dir, NULL);
  }
  ms_config_free(cfg);
  return code ? code : cli_draw(dir, formats, false) == MS_OK ? EXIT_SUCCESS : EXIT_FAILED;
}
