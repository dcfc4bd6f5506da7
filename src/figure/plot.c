/* Runs gnuplot on the scripts of plots/. No name from outside is part of a script, because gnuplot
 * runs commands that it finds in names ("<command", "`command`"): it works in the folder of the
 * data, and finds the scripts below the number of an open folder. What is in the folder of the data
 * is read as data only. */
#include "figure/plot.h"
#include "figure/gnuplot.h"
#include "text/text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."

/* Is it a name that gnuplot takes for no more than a name? */
static bool is_plain(const char *name) {
  return *name && *name != '-' && !name[strspn(name, PLAIN)];
}

/* A folder's number, above those of input and output. */
static int open_folder(const char *path) {
  int low = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int fd = low < 0 ? -1 : fcntl(low, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  int reason = errno;
  if (low >= 0)
    close(low);
  errno = reason;
  return fd;
}

/* Draws into `w`, which is open. */
static ms_status draw(const char *dir, const char *scripts, const char *script, const char *set,
                      ms_writer *w, ms_error *err) {
  gnuplot g = {.file = w->file, .script = script, .settings = set, .data = -1, .scripts = -1};
  ms_status status = MS_OK;
  if ((g.data = open_folder(dir)) < 0)
    status = ms_fail(err, MS_CANNOT_WRITE, "%s: cannot be read: %s", dir, strerror(errno));
  else if ((g.scripts = open_folder(scripts)) < 0 || faccessat(g.scripts, script, R_OK, 0) != 0)
    status =
        ms_fail(err, MS_BAD_INPUT, "%s/%s: cannot be read: %s", scripts, script, strerror(errno));
  int code = status == MS_OK ? gnuplot_run(&g) : 0;
  if (code < 0 || code == 127)
    status = errno == ENOENT || errno == EACCES || code == 127
                 ? ms_fail(err, MS_UNSUPPORTED,
                           "gnuplot cannot be run (%s): install it (apt-get install gnuplot-nox)",
                           strerror(errno))
                 : ms_fail(err, MS_CANNOT_WRITE, "%s: gnuplot could not be started: %s", w->path,
                           strerror(errno));
  else if (status == MS_OK && (code > 0 || ftell(w->file) == 0))
    status = ms_fail(err, MS_CANNOT_WRITE, "%s: gnuplot could not draw it: %s", w->path,
                     *g.complaint ? g.complaint
                     : code > 0   ? "it ended early"
                                  : "it drew nothing");
  if (g.data >= 0)
    close(g.data);
  if (g.scripts >= 0)
    close(g.scripts);
  return status;
}

ms_status ms_plot_as(const char *scripts, const char *dir, const char *name, const char *output,
                     const char *format, const char *variables, ms_error *err) {
  char script[256], file[256];
  if (!is_plain(name) || !is_plain(output) || !is_plain(format))
    return ms_fail(err, MS_BAD_SETTING, "there is no plot '%s.%s'", output, format);
  if (snprintf(script, sizeof script, "%s.gp", name) >= (int)sizeof script ||
      snprintf(file, sizeof file, "%s.%s", output, format) >= (int)sizeof file)
    return ms_fail(err, MS_CANNOT_WRITE, "%.200s...: this name is too long", output);
  char *settings;
  if (asprintf(&settings, "format='%s'; %s", format, variables ? variables : "") < 0)
    return ms_no_memory(err);
  ms_writer w;
  ms_status status = ms_writer_open(&w, dir, file, err);
  if (status == MS_OK) {
    status = draw(dir, scripts, script, settings, &w, err);
    if (status == MS_OK)
      status = ms_writer_commit(&w, err);
    ms_writer_abort(&w);
  }
  free(settings);
  return status;
}

/* ---- The plots of runs and sweeps ----------------------------------------------------------- */

/* The assignments of a sweep's plot.gp, checked, because the file may be anybody's. */
static ms_status read_description(const char *dir, char *variables, size_t size, ms_error *err) {
  char path[4096], text[1024] = "", kind[8], show[128], x[128], y[128] = "";
  size_t runs;
  int numbers, logx, logz, end = 0;
  snprintf(path, sizeof path, "%s/plot.gp", dir);
  FILE *file = fopen(path, "re");
  if (!file)
    return ms_fail(err, MS_BAD_INPUT, "%s: cannot be read: %s", path, strerror(errno));
  text[fread(text, 1, sizeof text - 1, file)] = 0;
  fclose(file);
  char *none = strstr(text, "yname = '';"); /* scanf reads no empty word */
  if (none)
    memmove(none + 10, none + 9, strlen(none + 9) + 1), none[9] = '-';
  bool good =
      sscanf(text,
             "kind = '%7[a-z]'; show = '%127[^'\n]'; xname = '%127[^'\n]'; yname = '%127[^'\n]'; "
             "runs = %zu numbers = %1d; logx = %1d; logz = %1d %n",
             kind, show, x, y, &runs, &numbers, &logx, &logz, &end) == 8 &&
      end > 0 && !text[end];
  if (!good || (strcmp(kind, "map") != 0 && strcmp(kind, "band") != 0) || !is_plain(show) ||
      !is_plain(x) || (!none && !is_plain(y)))
    return ms_fail(err, MS_BAD_INPUT,
                   "%s: is not what a sweep writes; the sweep with --resume "
                   "writes it again",
                   path);
  snprintf(variables, size,
           "kind='%s'; show='%s'; xname='%s'; yname='%s'; runs=%zu; numbers=%d; logx=%d; logz=%d",
           kind, show, x, none ? "" : y, runs, numbers, logx, logz);
  return MS_OK;
}

/* `path` as a shell reads it, and a command that does not take it for an option. */
static void shell_word(const char *path, char *word, size_t size) {
  const char *before = *path == '-' ? "./" : "";
  if (!path[strspn(path, PLAIN "/")]) {
    snprintf(word, size, "%s%s", before, path);
    return;
  }
  size_t used = (size_t)snprintf(word, size, "'%s", before);
  for (; *path && used + 6 < size; path++)
    used += (size_t)snprintf(word + used, size - used, *path == '\'' ? "'\\''" : "%c", *path);
  snprintf(word + used, size - used, "'");
}

ms_status ms_plot(const char *scripts, const char *dir, const char *plot, const char *format,
                  ms_error *err) {
  char spectrum[4096], variables[1024] = "";
  bool matrix =
      strcmp(plot, "trajectory") == 0 &&
      snprintf(spectrum, sizeof spectrum, "%s/spectrum.csv", dir) < (int)sizeof spectrum &&
      access(spectrum, R_OK) == 0;
  if (strcmp(plot, "sweep") == 0) {
    ms_status status = read_description(dir, variables, sizeof variables, err);
    if (status != MS_OK)
      return status;
  }
  ms_error why;
  ms_status status =
      ms_plot_as(scripts, dir, matrix ? "matrix" : plot, plot, format, variables, &why);
  if (status == MS_UNSUPPORTED) {
    char word[512];
    shell_word(dir, word, sizeof word);
    return ms_fail(err, status, "%.200s, then draw what is there: mirrorsim plot %s", why.message,
                   word);
  }
  return status == MS_OK ? MS_OK : ms_fail(err, status, "%s", why.message);
}
