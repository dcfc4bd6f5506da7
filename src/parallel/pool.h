/* Many independent jobs on several processes. */
#ifndef MS_POOL_H
#define MS_POOL_H

#include "base/base.h"

/* A worker is a fork of the caller and sees its memory as it was; it gets the number of its next
 * job as soon as it is done with one, so that unequal jobs balance. Memory: one job a worker. */
typedef struct ms_pool {
  size_t count, workers; /* jobs; processes, 0: one for each core */
  const size_t *number;  /* of each job, as work() and done() get it; NULL: 0, 1, ... */
  bool spread;           /* over all processes of mpirun; done() is called by the first of them */
  void *ctx;
  /* In a worker: does job i and writes its result to `out`. */
  ms_status (*work)(void *ctx, size_t i, FILE *out, ms_error *err);
  /* In the caller, in the order in which jobs end: how job i ended, with its error where that is a
   * failure, and what it had written. A worker that died is a job with MS_CRASHED; the others go
   * on. A negative status (with *err) stops them all. */
  ms_status (*done)(void *ctx, size_t i, ms_status status, const ms_error *why, const void *result,
                    size_t size, ms_error *err);
  const volatile sig_atomic_t *interrupt; /* raised: MS_INTERRUPTED, running jobs are dropped */
} ms_pool;

ms_status ms_pool_run(const ms_pool *pool, ms_error *err);

/* The lines between the processes of mpirun, each of which has workers of its own (comm.c; built
 * with -Dmpi=enabled, otherwise there is one process). */
typedef struct ms_lines {
  size_t rank, size;
  size_t gone; /* in the first: how many of the others have closed their lines */
} ms_lines;
void ms_lines_open(ms_lines *lines);
void ms_lines_close(ms_lines *lines);
void ms_lines_send(size_t rank, const void *bytes, size_t size);
/* A message that has come, NULL for none; free() it. */
void *ms_lines_take(ms_lines *lines, size_t *rank, size_t *size);

#endif
