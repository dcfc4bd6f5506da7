#include "parallel/pool.h"
#include "base/base.h"
#include <errno.h>
#include <math.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
  MOST_WORKERS = 1024,
  INTERRUPT_MS = 200, /* within which a raised flag is seen */
  OTHERS_MS = 2,      /* ... and, in the first process, a result of another one */
  ANSWER_MS = 1,      /* ... and in those a job for an idle worker */
  BUSY_MS = 20,       /* ... and one where none is idle */
  MOST_AHEAD = 10     /* spare jobs a worker */
};
static const size_t NO_JOB = SIZE_MAX;
/* Other processes have spare jobs for this long, so that no worker waits for messages; none where
 * jobs are long, when waiting is little and one that lies there could have run elsewhere. */
static const double AHEAD_SECONDS = 0.01, LONG_SECONDS = 0.1;

/* Goes before the bytes of a result. */
typedef struct header {
  ms_status status;
  size_t size;
  ms_error why;
} header;

typedef struct worker {
  pid_t pid;
  int line;   /* socket to it; -1: there is none */
  size_t job; /* that it does, or NO_JOB */
  double since;
} worker;

typedef struct crew {
  const ms_pool *pool;
  size_t workers, next, ended; /* jobs given out, jobs done */
  worker *at;
  ms_lines lines;
  /* Jobs sent ahead to this process, how many, how many are to come; in the first process it is
   * room for those that it sends. */
  size_t *spare, spares, awaited;
} crew;

size_t ms_cores(void) {
  cpu_set_t set;
  return sched_getaffinity(0, sizeof set, &set) == 0 ? (size_t)MS_MAX(CPU_COUNT(&set), 1) : 1;
}

static bool read_all(int fd, void *to, size_t size) {
  for (char *at = to; size > 0;) {
    ssize_t got = read(fd, at, size);
    if (got == 0 || (got < 0 && errno != EINTR))
      return false;
    at += MS_MAX(got, 0);
    size -= (size_t)MS_MAX(got, 0);
  }
  return true;
}

static bool send_all(int fd, const void *from, size_t size) {
  for (const char *at = from; size > 0;) {
    ssize_t put = send(fd, at, size, MSG_NOSIGNAL);
    if (put < 0 && errno != EINTR)
      return false;
    at += MS_MAX(put, 0);
    size -= (size_t)MS_MAX(put, 0);
  }
  return true;
}

/* ---- In a worker ---------------------------------------------------------------------------- */

static bool do_job(const ms_pool *pool, size_t i, int line) {
  header h = {.status = MS_OK};
  char *bytes = NULL;
  FILE *out = open_memstream(&bytes, &h.size);
  h.status = out ? pool->work(pool->ctx, i, out, &h.why) : ms_no_memory(&h.why);
  if (out && fclose(out) != 0)
    h.status = ms_no_memory(&h.why);
  header clean; /* what follows the message's end, and padding, is 0 and not what lay there */
  memset(&clean, 0, sizeof clean);
  clean.status = h.status;
  clean.size = h.size;
  clean.why.status = h.why.status;
  clean.why.t = h.why.t;
  snprintf(clean.why.message, sizeof clean.why.message, "%s", h.why.message);
  bool sent = send_all(line, &clean, sizeof clean) && send_all(line, bytes, h.size);
  free(bytes);
  return sent;
}

static _Noreturn void serve(const ms_pool *pool, pid_t caller, int line) {
  /* Ctrl-C reaches all processes of a terminal, the end of a batch job all of that job; it is the
   * caller who ends its workers, lest runs count as crashed. */
  signal(SIGINT, SIG_IGN);
  signal(SIGTERM, SIG_IGN);
  signal(SIGHUP, SIG_IGN);
  prctl(PR_SET_PDEATHSIG, SIGKILL); /* a killed caller leaves none behind */
  if (getppid() == caller)
    for (size_t i; read_all(line, &i, sizeof i) && do_job(pool, i, line);) {
    }
  _exit(EXIT_SUCCESS); /* without the caller's buffers and exit handlers */
}

/* ---- In the caller -------------------------------------------------------------------------- */

static ms_status start(const crew *c, worker *w, ms_error *err) {
  int ends[2];
  pid_t caller = getpid(), pid;
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0)
    return ms_fail(err, MS_NO_MEMORY, "no line to a worker process: %s", strerror(errno));
  pid = fork();
  if (pid == 0) {
    close(ends[0]);
    for (size_t k = 0; k < c->workers; k++)
      if (c->at[k].line >= 0)
        close(c->at[k].line);
    serve(c->pool, caller, ends[1]);
  }
  close(ends[1]);
  if (pid < 0) {
    close(ends[0]);
    return ms_fail(err, MS_NO_MEMORY, "no worker process: %s", strerror(errno));
  }
  *w = (worker){pid, ends[0], NO_JOB, 0};
  return MS_OK;
}

/* Ends a worker, at once or when it has no more to read; its exit status. */
static int end(worker *w, bool at_once) {
  int status = 0;
  if (at_once)
    kill(w->pid, SIGKILL);
  close(w->line);
  w->line = -1;
  while (waitpid(w->pid, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

/* The number of the next job; NO_JOB: all are given out, or it is another process that knows. */
static size_t next_job(crew *c) {
  if (c->spares > 0)
    return c->spare[--c->spares];
  if (c->next >= c->pool->count)
    return NO_JOB;
  size_t k = c->next++;
  return c->pool->number ? c->pool->number[k] : k;
}

static void give_job(worker *w, size_t job) {
  w->job = job;
  w->since = ms_seconds();
  if (job != NO_JOB)
    send_all(w->line, &job, sizeof job); /* to one that died: seen when its result is read */
}

/* What goes from one process to the first: how many jobs it wants, a job's number and header, and
 * its bytes. With NO_JOB: nothing was done before. */
typedef struct message {
  size_t wanted, job;
  header header;
} message;

/* How many jobs to ask for now that one has taken `seconds`. */
static size_t wanted(const crew *c, double seconds) {
  size_t here = c->spares + c->awaited, ahead = 0;
  for (size_t k = 0; k < c->workers; k++)
    here += c->at[k].job != NO_JOB;
  if (seconds < LONG_SECONDS)
    ahead = (size_t)MS_MIN(ceil(AHEAD_SECONDS / seconds), MOST_AHEAD);
  size_t aim = c->workers * (1 + ahead);
  return aim > here ? aim - here : 0;
}

static ms_status report(crew *c, size_t job, double seconds, ms_status outcome, const ms_error *why,
                        const char *bytes, size_t size, ms_error *err) {
  message *m = calloc(1, sizeof *m + size);
  if (!m)
    return ms_no_memory(err);
  c->awaited += m->wanted = wanted(c, seconds);
  m->job = job;
  m->header = (header){outcome, size, {0}};
  if (why)
    m->header.why = *why;
  if (size > 0)
    memcpy(m + 1, bytes, size);
  ms_lines_send(0, m, sizeof *m + size);
  free(m);
  return MS_OK;
}

static ms_status finish(crew *c, worker *w, ms_status outcome, const ms_error *why,
                        const char *bytes, size_t size, ms_error *err) {
  size_t job = w->job;
  w->job = NO_JOB;
  c->ended++;
  if (c->lines.rank > 0)
    return report(c, job, ms_seconds() - w->since, outcome, why, bytes, size, err);
  return c->pool->done(c->pool->ctx, job, outcome, why, bytes, size, err);
}

/* The worker's process is gone: its job has failed, another takes its place. */
static ms_status replace(crew *c, worker *w, ms_error *err) {
  ms_error why;
  int status = end(w, true);
  if (WIFSIGNALED(status))
    ms_fail(&why, MS_CRASHED, "the process of this run ended by signal %d (%s)", WTERMSIG(status),
            strsignal(WTERMSIG(status)));
  else
    ms_fail(&why, MS_CRASHED, "the process of this run ended with code %d", WEXITSTATUS(status));
  ms_status going = finish(c, w, MS_CRASHED, &why, NULL, 0, err);
  if (going >= 0 && (c->next < c->pool->count || c->lines.rank > 0))
    going = start(c, w, err);
  if (going >= 0 && w->line >= 0)
    give_job(w, next_job(c));
  return going;
}

static ms_status take(crew *c, worker *w, ms_error *err) {
  header h;
  if (!read_all(w->line, &h, sizeof h))
    return replace(c, w, err);
  char *bytes = malloc(h.size + 1);
  if (!bytes)
    return ms_no_memory(err);
  bool whole = read_all(w->line, bytes, h.size);
  ms_status status;
  if (whole) {
    worker was = *w; /* the next job first: the worker need not wait for done() */
    give_job(w, next_job(c));
    status = finish(c, &was, h.status, &h.why, bytes, h.size, err);
  } else {
    status = replace(c, w, err);
  }
  free(bytes);
  return status;
}

/* For how long only the workers here are listened to. MPI waits by spinning, which would take the
 * core from a worker: looks at it are as rare as what waits for them allows. */
static int patience(const crew *c) {
  bool idle = false;
  if (c->lines.size == 1)
    return INTERRUPT_MS;
  for (size_t k = 0; k < c->workers; k++)
    idle = idle || c->at[k].job == NO_JOB;
  return c->lines.rank == 0 ? OTHERS_MS : idle ? ANSWER_MS : BUSY_MS;
}

static ms_status wait_and_take(crew *c, struct pollfd *polls, ms_error *err) {
  for (size_t k = 0; k < c->workers; k++)
    polls[k] = (struct pollfd){.fd = c->at[k].job == NO_JOB ? -1 : c->at[k].line, .events = POLLIN};
  int ready = poll(polls, c->workers, patience(c));
  ms_status status = MS_OK;
  for (size_t k = 0; k < c->workers && ready > 0 && status >= 0; k++)
    if (polls[k].fd >= 0 && polls[k].revents)
      status = take(c, &c->at[k], err);
  return status;
}

/* ---- Several processes, each with its crew -------------------------------------------------- */

/* In the first: takes results of the others, gives them jobs. */
static ms_status serve_others(crew *c, ms_error *err) {
  ms_status status = MS_OK;
  size_t rank, size, count;
  for (message *m; status >= 0 && (m = ms_lines_take(&c->lines, &rank, &size)); free(m)) {
    for (count = 0; count < m->wanted && (c->spare[count] = next_job(c)) != NO_JOB;)
      count++;
    if (count > 0)
      ms_lines_send(rank, c->spare, count * sizeof *c->spare);
    if (m->job == NO_JOB)
      continue;
    c->ended++;
    status = c->pool->done(c->pool->ctx, m->job, m->header.status, &m->header.why, m + 1,
                           m->header.size, err);
  }
  return status;
}

/* In the others: passes jobs and results between the first process and the workers here, until it
 * says that all is done. */
static ms_status relay(crew *c, struct pollfd *polls, ms_error *err) {
  size_t rank, size;
  bool over = false;
  /* How long jobs take is not known yet: none ahead. */
  ms_status status = report(c, NO_JOB, LONG_SECONDS, MS_OK, NULL, NULL, 0, err);
  while (!over && status >= 0) {
    for (size_t *job; !over && (job = ms_lines_take(&c->lines, &rank, &size)); free(job)) {
      size_t count = size / sizeof *job;
      over = *job == NO_JOB;
      for (size_t k = 0; k < count && !over; k++, c->awaited--)
        c->spare[c->spares++] = job[k];
    }
    for (size_t k = 0; k < c->workers && c->spares > 0; k++)
      if (c->at[k].job == NO_JOB)
        give_job(&c->at[k], next_job(c));
    if (!over)
      status = wait_and_take(c, polls, err);
  }
  return status;
}

static ms_status manage(crew *c, struct pollfd *polls, ms_error *err) {
  const ms_pool *pool = c->pool;
  ms_status status = MS_OK;
  for (size_t k = 0; k < c->workers; k++)
    give_job(&c->at[k], next_job(c));
  while (status >= 0 && c->ended < pool->count) {
    if (pool->interrupt && *pool->interrupt)
      status = ms_fail(err, MS_INTERRUPTED, "interrupted; %zu of %zu runs were done", c->ended,
                       pool->count);
    else
      status = wait_and_take(c, polls, err);
    if (status >= 0 && c->lines.size > 1)
      status = serve_others(c, err);
    if (status >= 0 && c->lines.gone > 0)
      status =
          ms_fail(err, MS_CRASHED, "a process of mpirun has given up; %zu of %zu runs were done",
                  c->ended, pool->count);
  }
  for (size_t rank = 1; rank < c->lines.size; rank++)
    ms_lines_send(rank, &NO_JOB, sizeof NO_JOB);
  return status;
}

ms_status ms_pool_run(const ms_pool *pool, ms_error *err) {
  bool spread = pool->spread && ms_ranks() > 1;
  size_t workers = pool->workers ? pool->workers : spread ? 1 : ms_cores();
  workers = MS_MIN(workers, spread ? MOST_WORKERS : MS_MIN(MOST_WORKERS, pool->count));
  crew c = {.pool = pool, .lines = {0, 1, 0}, .at = calloc(workers + 1, sizeof *c.at)};
  c.spare = calloc(workers * (1 + MOST_AHEAD) + 1, sizeof *c.spare);
  struct pollfd *polls = calloc(workers + 1, sizeof *polls);
  ms_status status = c.at && c.spare && polls ? MS_OK : ms_no_memory(err);
  while (status == MS_OK && c.workers < workers) {
    status = start(&c, &c.at[c.workers], err);
    c.workers += status == MS_OK;
  }
  if (c.workers > 0) /* fewer than asked for will do */
    status = MS_OK;
  if (spread && status == MS_OK)
    ms_lines_open(&c.lines); /* after the forks: MPI does not like them */
  if (status == MS_OK)
    status = c.lines.rank > 0 ? relay(&c, polls, err) : manage(&c, polls, err);
  for (size_t k = 0; k < c.workers; k++)
    if (c.at[k].line >= 0)
      end(&c.at[k], c.at[k].job != NO_JOB);
  if (spread && c.lines.size > 1)
    ms_lines_close(&c.lines);
  free(c.at);
  free(c.spare);
  free(polls);
  return status < 0 ? status : MS_OK;
}
