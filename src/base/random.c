#include "base/random.h"
#include <gsl/gsl_randist.h>

static const uint64_t GAMMA = 0x9e3779b97f4a7c15U;

/* SplitMix64's mixing function: neighbouring seeds and streams become unrelated. */
static uint64_t mix(uint64_t z) {
  z += GAMMA;
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

/* SplitMix64 (Steele, Lea and Flood 2014): the k-th number is a function of k. */
typedef struct counter {
  uint64_t start, next;
} counter;

static void counter_set(void *state, unsigned long seed) {
  counter *c = state;
  c->start = c->next = mix(seed);
}

static unsigned long counter_get(void *state) {
  counter *c = state;
  unsigned long number = (unsigned long)(mix(c->next) >> 32);
  c->next += GAMMA;
  return number;
}

static double counter_get_double(void *state) {
  return (double)counter_get(state) * 0x1p-32;
}

gsl_rng *ms_random_counted(uint64_t seed, ms_stream stream) {
  static const gsl_rng_type type = {.name = "splitmix64",
                                    .max = 0xffffffffU,
                                    .min = 0,
                                    .size = sizeof(counter),
                                    .set = counter_set,
                                    .get = counter_get,
                                    .get_double = counter_get_double};
  gsl_rng *rng = gsl_rng_alloc(&type);
  if (rng)
    gsl_rng_set(rng, mix(seed) + (uint64_t)stream);
  return rng;
}

void ms_random_seek(gsl_rng *rng, uint64_t position) {
  counter *c = rng->state;
  c->next = c->start + position * GAMMA;
}

void ms_random_gaussian(gsl_rng *rng, double *v, size_t n, double sigma) {
  for (size_t i = 0; i < n; i++)
    v[i] = gsl_ran_gaussian_ziggurat(rng, sigma);
}
