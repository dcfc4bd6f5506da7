#include "random.h"
#include <gsl/gsl_randist.h>

/* SplitMix64's mixing function: neighbouring seeds and streams become unrelated. */
static uint64_t mix(uint64_t z) {
  z += 0x9e3779b97f4a7c15U;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31);
}

gsl_rng *ms_random_new(uint64_t seed, ms_stream stream) {
  gsl_rng *rng = gsl_rng_alloc(gsl_rng_mt19937);
  if (rng)
    gsl_rng_set(rng, (unsigned long)(mix(mix(seed) + (uint64_t)stream) & 0xffffffffU));
  return rng;
}

void ms_random_gaussian(gsl_rng *rng, double *v, size_t n, double sigma) {
  for (size_t i = 0; i < n; i++)
    v[i] = gsl_ran_gaussian_ziggurat(rng, sigma);
}
