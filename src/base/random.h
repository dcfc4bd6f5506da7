/* Random numbers: one independent stream per purpose, all derived from --seed. */
#ifndef MS_RANDOM_H
#define MS_RANDOM_H

#include "base/base.h"
#include <gsl/gsl_rng.h>

typedef enum ms_stream {
  MS_STREAM_DATA = 1,
  MS_STREAM_TRUTH,
  MS_STREAM_NOISE,
  MS_STREAM_BATCH,
  MS_STREAM_INITIAL,
} ms_stream;

/* NULL without memory; free with gsl_rng_free. */
gsl_rng *ms_random_new(uint64_t seed, ms_stream stream);

/* A stream in which one may begin anywhere: after ms_random_seek() the next number is the
 * `position`-th. Made and freed as above. */
gsl_rng *ms_random_counted(uint64_t seed, ms_stream stream);
void ms_random_seek(gsl_rng *rng, uint64_t position);

/* v[n] of independent N(0, sigma^2). */
void ms_random_gaussian(gsl_rng *rng, double *v, size_t n, double sigma);

#endif
