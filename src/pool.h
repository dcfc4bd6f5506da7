/* Many independent jobs on several processes. */
#ifndef MS_POOL_H
#define MS_POOL_H

#include "base.h"

/* A worker is a fork of the caller and sees its memory as it was; it gets the number of its next
 * job as soon as it is done with one, so that unequal jobs balance. Memory: one job a worker. */
typedef struct ms_pool {
  size_t count, workers; /* jobs; processes, 0: one for each core */
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

#endif
