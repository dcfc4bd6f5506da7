/* Starts gnuplot and takes its picture. */
#include "figure/gnuplot.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

/* Finds gnuplot in $PATH as seen from here. A relative folder of $PATH must not be looked for in
 * the folder of the data, where gnuplot is started. */
static bool find_program(char path[PATH_MAX]) {
  const char *places = getenv("PATH"), *at = places ? places : "/usr/local/bin:/usr/bin:/bin";
  struct stat info;
  for (;; at++) {
    char candidate[PATH_MAX];
    int length = (int)strcspn(at, ":");
    bool fits = snprintf(candidate, sizeof candidate, "%.*s%sgnuplot", length, at,
                         length ? "/" : "") < PATH_MAX;
    if (fits && access(candidate, X_OK) == 0 && stat(candidate, &info) == 0 &&
        S_ISREG(info.st_mode) && realpath(candidate, path))
      return true;
    at += length;
    if (!*at)
      break;
  }
  errno = ENOENT;
  return false;
}

/* The environment without what would change a picture; NULL without memory. free() it. */
static char **own_environment(void) {
  size_t count = 0, used = 0;
  while (environ[count])
    count++;
  char **kept = calloc(count + 1, sizeof *kept);
  for (size_t i = 0; kept && i < count; i++)
    if (strncmp(environ[i], "GNUPLOT", 7) != 0 && strncmp(environ[i], "GNUTERM", 7) != 0 &&
        strncmp(environ[i], "FIT_", 4) != 0)
      kept[used++] = environ[i];
  return kept;
}

/* A pipe above the numbers of input and output. */
static bool open_pipe(int ends[2]) {
  int low[2];
  ends[0] = ends[1] = -1;
  if (pipe(low) != 0)
    return false;
  for (int i = 0; i < 2; i++)
    ends[i] = fcntl(low[i], F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
  int reason = errno;
  close(low[0]);
  close(low[1]);
  errno = reason;
  return ends[0] >= 0 && ends[1] >= 0;
}

static void close_end(int *fd) {
  if (*fd >= 0)
    close(*fd);
  *fd = -1;
}

/* 0, or the reason. `picture`, `words`: ends to write to. */
static int start(const gnuplot *g, int picture, int words, pid_t *child) {
  char path[PATH_MAX], settings[96], script[300];
  if (!find_program(path))
    return errno;
  snprintf(settings, sizeof settings, "dir='.'; output='/dev/stdout'; scripts='/dev/fd/%d'",
           g->scripts);
  snprintf(script, sizeof script, "/dev/fd/%d/%s", g->scripts, g->script);
  char *const argv[] = {(char *)"gnuplot", (char *)"-d",        (char *)"-e", settings,
                        (char *)"-e",      (char *)g->settings, script,       NULL};
  char **env = own_environment();
  posix_spawn_file_actions_t actions;
  int failed = env ? posix_spawn_file_actions_init(&actions) : ENOMEM;
  if (failed) {
    free(env);
    return failed;
  }
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, picture, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, words, STDERR_FILENO);
  posix_spawn_file_actions_adddup2(&actions, g->scripts, g->scripts); /* stays open there */
  posix_spawn_file_actions_addfchdir_np(&actions, g->data);
  failed = posix_spawn(child, path, &actions, NULL, argv, env);
  posix_spawn_file_actions_destroy(&actions);
  free(env);
  return failed;
}

static void take_words(gnuplot *g, const char *bytes, size_t size) {
  size_t used = strlen(g->complaint), take = MS_MIN(size, sizeof g->complaint - 1 - used);
  memcpy(g->complaint + used, bytes, take);
  g->complaint[used + take] = 0;
}

/* Reads both ends until they are closed. What does not fit is read, too, so that gnuplot ends. */
static void take_all(gnuplot *g, int *picture, int *words) {
  char block[1 << 14];
  while (*picture >= 0 || *words >= 0) {
    struct pollfd ends[] = {{.fd = *picture, .events = POLLIN}, {.fd = *words, .events = POLLIN}};
    if (poll(ends, 2, -1) < 0) {
      if (errno == EINTR)
        continue;
      break;
    }
    for (int i = 0; i < 2; i++) {
      ssize_t got = ends[i].revents ? read(ends[i].fd, block, sizeof block) : -1;
      if (got > 0 && i == 0)
        fwrite(block, 1, (size_t)got, g->file);
      else if (got > 0)
        take_words(g, block, (size_t)got);
      else if (ends[i].revents && (got == 0 || errno != EINTR))
        close_end(i ? words : picture);
    }
  }
}

int gnuplot_run(gnuplot *g) {
  int picture[2] = {-1, -1}, words[2] = {-1, -1}, code = 0;
  pid_t child = 0;
  g->complaint[0] = 0;
  int failed = open_pipe(picture) && open_pipe(words) ? 0 : errno;
  if (!failed)
    failed = start(g, picture[1], words[1], &child);
  close_end(&picture[1]);
  close_end(&words[1]);
  if (!failed)
    take_all(g, &picture[0], &words[0]);
  close_end(&picture[0]);
  close_end(&words[0]);
  errno = failed;
  if (failed)
    return -1;
  while (waitpid(child, &code, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(code) ? WEXITSTATUS(code) : 128;
}
