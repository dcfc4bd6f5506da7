/* Runs gnuplot on the scripts of plots/. */
#include "figure/plot.h"
#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* 'text' as gnuplot reads it: quotes doubled. */
static bool quote(const char *text, char *out, size_t size) {
  size_t used = 0;
  for (; *text; text++) {
    if (used + 3 > size)
      return false;
    if (*text == '\'')
      out[used++] = '\'';
    out[used++] = *text;
  }
  out[used] = 0;
  return true;
}

/* Runs argv, gives its exit code (-1: could not be run) and the beginning of what it complained. */
static int run_quietly(char *const argv[], char *complaint, size_t size) {
  int ends[2];
  complaint[0] = 0;
  if (pipe(ends) != 0)
    return -1;
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  pid_t child;
  int failed = posix_spawnp(&child, argv[0], &actions, NULL, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  size_t used = 0;
  char buffer[512];
  for (ssize_t got; !failed && (got = read(ends[0], buffer, sizeof buffer)) != 0;) {
    if (got < 0 && errno != EINTR)
      break;
    size_t take = got > 0 ? MS_MIN((size_t)got, size - 1 - used) : 0;
    memcpy(complaint + used, buffer, take);
    complaint[used += take] = 0;
  }
  close(ends[0]);
  if (failed) {
    errno = failed;
    return -1;
  }
  int code = 0;
  while (waitpid(child, &code, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(code) ? WEXITSTATUS(code) : 128;
}

ms_status ms_plot_as(const char *scripts, const char *dir, const char *name, const char *output,
                     const char *format, const char *variables, ms_error *err) {
  char script[4096], beside[4096], target[4096], quoted_dir[4096], quoted_out[4096];
  char settings[3 * 4096];
  bool fits =
      snprintf(script, sizeof script, "%s/%s.gp", scripts, name) < (int)sizeof script &&
      snprintf(beside, sizeof beside, "%s/.%s.%s", dir, output, format) < (int)sizeof beside &&
      snprintf(target, sizeof target, "%s/%s.%s", dir, output, format) < (int)sizeof target &&
      quote(dir, quoted_dir, sizeof quoted_dir) && quote(beside, quoted_out, sizeof quoted_out);
  if (!fits)
    return ms_fail(err, MS_CANNOT_WRITE, "%.200s...: this name is too long", dir);
  if (access(script, R_OK) != 0)
    return ms_fail(err, MS_BAD_INPUT, "%s: cannot be read: %s", script, strerror(errno));
  snprintf(settings, sizeof settings, "dir='%s'; output='%s'; format='%s'; scripts='%s'; %s",
           quoted_dir, quoted_out, format, scripts, variables ? variables : "");
  char *const argv[] = {(char *)"gnuplot", (char *)"-e", settings, script, NULL};
  char complaint[400];
  int code = run_quietly(argv, complaint, sizeof complaint);
  if (code == 0 && rename(beside, target) == 0)
    return MS_OK;
  int reason = errno;
  unlink(beside);
  if (code < 0 || code == 127)
    return ms_fail(err, MS_UNSUPPORTED,
                   "gnuplot cannot be run (%s): install it (apt-get install gnuplot-nox), then "
                   "'mirrorsim plot %s' draws what is there",
                   strerror(reason), dir);
  return ms_fail(err, MS_CANNOT_WRITE, "%s: gnuplot could not draw it: %s", target,
                 *complaint ? complaint : strerror(reason));
}

ms_status ms_plot(const char *scripts, const char *dir, const char *plot, const char *format,
                  ms_error *err) {
  char spectrum[4096];
  bool matrix =
      strcmp(plot, "trajectory") == 0 &&
      snprintf(spectrum, sizeof spectrum, "%s/spectrum.csv", dir) < (int)sizeof spectrum &&
      access(spectrum, R_OK) == 0;
  return ms_plot_as(scripts, dir, matrix ? "matrix" : plot, plot, format, NULL, err);
}
