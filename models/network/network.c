/* Network: classification by a small network whose weights are x = g(w).
 *
 * By default it is trained as networks are, by SGD with momentum on mini-batches,
 *
 *   v := momentum v + lr (J_g' grad f_batch + alpha grad h),   p := p - v,
 *
 * t then counts epochs, and the dose is the sum of alpha lr/(1 - momentum) over the steps. --method
 * bdf and adams integrate the gradient flow on all samples, in time t, and beside it, where x = m w
 * or u^2 - v^2, the mirror flow, which needs no convexity: dmu/dt = -grad f(x). */
#include "base/random.h"
#include "network/arrays.h"
#include "network/checkpoint.h"
#include "network/net.h"
#include "network/sparsify.h"
#include "problem/dataset.h"
#include "run/data_file.h"
#include "run/separable.h"
#include "text/text.h"
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Samples that are evaluated at once where no batch is asked for. */
enum { CHUNK = 256 };
/* Horizon of a flow in units of 1/max |grad f(x0)|. */
static const double BASE_HORIZON = 10;
/* Weights below this part of the largest count as zero. */
static const double ZERO_PART = 1e-3;
/* A mirror flow beside the gradient flow must be cheap: weights * samples. */
static const double PARTNER_NUMBERS = 2e6;
/* Sharpness of a sigmoid mask at the end of training. */
static const double SHARPEST = 200;
/* Of x(t) so many weights are kept: a network's are many and anonymous. */
enum { KEPT = 1000 };

/* What is measured of each layer, and the bins of |x|: decades from 1e-6 to 10, four to each. */
enum { LAYER_L1, LAYER_NONZEROS, LAYER_EXPONENT, LAYER_FLIPS, LAYER_LN_BETA, LAYER_NUMBERS };
/* ln 1e150: the numbers behind a larger beta have squares beyond double precision. */
static const double LN_LARGEST_BETA = 345.4;
enum { BINS_FROM = -6, BINS_TO = 1, BINS_A_DECADE = 4 };
enum { BINS = (BINS_TO - BINS_FROM) * BINS_A_DECADE + 1 }; /* the first: all below */

/* Parts of the weights that are pruned for pruning.csv. */
static const double prunings[] = {0,   0.2,  0.4,  0.5,  0.6,  0.7,  0.8,   0.85,
                                  0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 0.995, 0.998};
enum { PRUNINGS = sizeof prunings / sizeof *prunings };

typedef enum rate { RATE_CONSTANT, RATE_LINEAR, RATE_COSINE, RATE_STEP } rate;
typedef enum rewind { REWIND_INIT, REWIND_RATE } rewind_to;

/* All of the state of SGD besides vectors and the random numbers: a checkpoint's head. */
typedef struct progress {
  size_t epoch, cycle, recorded, seen;
  double alpha, dose;
  double drift, largest_x, worst_drift, worst_gap;
} progress;

typedef struct network {
  ms_run *run;
  ms_images images;
  ms_net net;
  ms_sparse sparse;
  size_t threads;
  bool steps;     /* SGD; else a flow */
  double *x0, *G; /* d each; G: gradient by x */
  double *p, *velocity, *slope,
      *rescue;  /* SGD: size each; rescue: p, velocity as the epoch began */
  double *mask; /* weights: 1, or 0 where pruned; NULL: nothing is */
  double *A;    /* inputs of a batch */
  int *label;
  size_t *order;
  gsl_rng *rng, *rng_before;
  progress at;
  const volatile sig_atomic_t *interrupt;
  /* settings */
  size_t epochs, cycles, batch;
  double lr, momentum, prune_part;
  rate rate;
  rewind_to rewind;
  const char *checkpoint;
  double stop_loss; /* given, or NaN */
  char *identity;   /* settings that a checkpoint must share */
  /* flow */
  ms_mixed flow;
  double *start; /* of the mirror flow: ln beta, kappa; weights each */
  /* results */
  double accuracy, test_loss, test_accuracy;
  double *extras; /* recorded rows of layers * LAYER_NUMBERS + BINS */
  size_t extras_wide, extras_room;
  double pruned_accuracy[PRUNINGS];
  double *seen;  /* what an adaptive schedule was told in this cycle: loss and |x|_1 */
  double *cycle; /* 2 of each cycle: part pruned, test accuracy at its end */
} network;

static network *own_of(const ms_run *run) {
  return run->own;
}

/* ---- Settings ------------------------------------------------------------------------------- */

static const ms_named activations[] = {
    {"relu", "max(0, .)"}, {"tanh", "hyperbolic tangent"}, {"linear", "none: a deep linear net"}};
static const ms_named rates[] = {
    {"constant", "lr"},
    {"linear", "from lr to 0"},
    {"cosine", "lr (1 + cos(pi t/epochs))/2"},
    {"step", "lr, a tenth from half of the epochs on, a hundredth from three quarters on"}};
static const ms_named rewinds[] = {
    {"init", "to where training began: iterative magnitude pruning"},
    {"rate", "only the learning rate: the weights go on from where they are"}};
MS_CHOICE_OF(activations)
MS_CHOICE_OF(rates)
MS_CHOICE_OF(rewinds)
MS_CHOICE_AMONG(sparsifier, ms_sparsifier_at)

#define GROUP "Networks"
static const ms_setting settings[] = {
    {"dataset", MS_CHOICE, "NAME", "digits", .choice = ms_images_choice, .group = GROUP,
     .help = "what is classified; --data FILE.csv with labels 0, 1, ... takes its place"},
    {"test-part", MS_REAL, "PART", "0.3", .min = 0, .max = 0.9, .group = GROUP,
     .help = "samples kept for the test, chosen by --seed (Fashion-MNIST has its own)"},
    {"layers", MS_TEXT, "LIST", "300,100", .group = GROUP,
     .help = "hidden layers: units (300,100) or 3 x 3 convolutions, channels/stride (c8,c16/2)"},
    {"nonlinearity", MS_CHOICE, "NAME", "relu", .choice = activations_choice, .group = GROUP,
     .help = "of all layers but the last"},
    {"sparsify", MS_CHOICE, "NAME", "pilot", .choice = sparsifier_choice, .group = GROUP,
     .help = "how weights are parametrized and regularized; products take --param mw or uv"},
    {"epochs", MS_COUNT, "N", "60", .min = 1, .max = 1000000, .group = GROUP,
     .owner = "--method gd and sgd of --model network",
     .help = "passes over the samples, of each cycle of pruning"},
    {"lr-schedule", MS_CHOICE, "NAME", "cosine", .choice = rates_choice, .group = GROUP,
     .owner = "--method gd and sgd of --model network", .help = "learning rate over the epochs"},
    {"ham", MS_REAL, "C", "5", .min = 0, .max = HUGE_VAL, .group = GROUP,
     .help = "strength of the multiplicative step of --sparsify ham"},
    {"prune-cycles", MS_COUNT, "N", "0", .min = 0, .max = 1000, .group = GROUP,
     .owner = "--method gd and sgd of --model network", .help = "prune and train again N times"},
    {"prune-part", MS_REAL, "PART", "0.4", .min = 0, .max = 1, .min_open = true, .max_open = true,
     .group = GROUP, .owner = "--method gd and sgd of --model network",
     .help = "of the weights that are left, removed each time: the smallest |x|"},
    {"rewind", MS_CHOICE, "NAME", "rate", .choice = rewinds_choice, .group = GROUP,
     .owner = "--method gd and sgd of --model network",
     .help = "what starts anew after pruning; products always start with beta"},
    {"checkpoint", MS_PATH, "FILE", NULL, .group = GROUP,
     .owner = "--method gd and sgd of --model network",
     .help = "of SGD: written at each recorded epoch and when interrupted; where it exists, "
             "training goes on from it, to the same bytes as without the interruption"},
    {.name = NULL},
};

static size_t choice_index(const ms_config *cfg, const char *name) {
  const ms_setting *s = ms_setting_find(name);
  const char *text = ms_config_text(cfg, name);
  size_t i = 0;
  while (strcmp(s->choice(i, NULL), text) != 0)
    i++;
  return i;
}

/* ---- Loss ----------------------------------------------------------------------------------- */

/* Mean loss over the samples from first on; G as in ms_net_loss, of the mean. */
static double mean_loss(network *a, const double *x, size_t first, size_t count, double *G,
                        double *accuracy) {
  double sum = 0;
  size_t right = 0, room = MS_MIN(a->net.room, CHUNK);
  for (size_t done = 0; done < count;) {
    size_t now = MS_MIN(room, count - done);
    ms_images_gather(&a->images, NULL, first + done, now, a->A, a->label);
    sum += ms_net_loss(&a->net, x, a->A, a->label, now, 1 / (double)count, G, done > 0, &right);
    done += now;
  }
  if (accuracy)
    *accuracy = count ? (double)right / (double)count : NAN;
  return count ? sum / (double)count : NAN;
}

static double test_accuracy(network *a, const double *x) {
  double accuracy;
  size_t train = a->images.train;
  mean_loss(a, x, train, a->images.count - train, NULL, &accuracy);
  return accuracy;
}

/* Not by BLAS, whose order of summation hangs on where v happens to lie in memory: a resumed run
 * lays it elsewhere. */
static double sum_sizes(const double *v, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += fabs(v[i]);
  return sum;
}

/* ---- Pruning -------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* |x| of the weights, ascending, in `sorted`. */
static void sort_sizes(const network *a, const double *x, double *sorted) {
  for (size_t i = 0; i < a->net.weights; i++)
    sorted[i] = fabs(x[i]);
  qsort(sorted, a->net.weights, sizeof *sorted, ascending);
}

/* What is not pruned when the `count` smallest of `weights` are: |x| above this. */
static double cut_at(const double *sorted, size_t weights, size_t count) {
  return count == 0 ? -1 : sorted[MS_MIN(count, weights) - 1];
}

static void find_pruned(network *a, const double *x) {
  size_t weights = a->net.weights;
  double *sorted = ms_doubles(weights + a->net.d);
  if (!sorted)
    return;
  double *y = sorted + weights;
  sort_sizes(a, x, sorted);
  for (size_t k = 0; k < PRUNINGS; k++) {
    double cut = cut_at(sorted, weights, (size_t)(prunings[k] * (double)weights));
    memcpy(y, x, a->net.d * sizeof *y);
    for (size_t i = 0; i < weights; i++)
      y[i] = fabs(x[i]) > cut ? x[i] : 0;
    a->pruned_accuracy[k] = test_accuracy(a, y);
  }
  free(sorted);
}

/* ---- SGD ------------------------------------------------------------------------------------ */

static void masked(const network *a, double *v) {
  for (size_t i = 0; a->mask && i < a->net.weights; i++)
    v[i] *= a->mask[i];
}

static double *present_x(network *a) {
  ms_sparse_map(&a->sparse, a->p, a->run->x);
  masked(a, a->run->x);
  return a->run->x;
}

static double rate_at(const network *a, size_t epoch) {
  double part = (double)epoch / (double)a->epochs;
  switch (a->rate) {
  case RATE_LINEAR:
    return a->lr * (1 - part);
  case RATE_COSINE:
    return a->lr * (1 + cos(M_PI * part)) / 2;
  case RATE_STEP:
    return a->lr * (part < 0.5 ? 1 : part < 0.75 ? 0.1 : 0.01);
  case RATE_CONSTANT:
    break;
  }
  return a->lr;
}

__attribute__((target_clones("avx2", "default"))) static void
descend(size_t n, double momentum, double lr, const double *slope, double *velocity, double *p) {
  for (size_t i = 0; i < n; i++) {
    velocity[i] = momentum * velocity[i] + lr * slope[i];
    p[i] -= velocity[i];
  }
}

/* One step on `count` samples of the order; adds their loss before it. */
static void take_step(network *a, size_t first, size_t count, double lr, double *loss) {
  const ms_sparsifier *class = a->sparse.class;
  ms_images_gather(&a->images, a->order + first, 0, count, a->A, a->label);
  *loss += ms_net_loss(&a->net, present_x(a), a->A, a->label, count, 1 / (double)count, a->G, false,
                       NULL);
  masked(a, a->G);
  if (class->after)
    descend(a->sparse.size, a->momentum, lr, a->G, a->velocity, a->p);
  else
    ms_sparse_pull(&a->sparse, a->p, a->G, a->at.alpha, a->slope);
  if (class->after)
    class->after(&a->sparse, a->p, a->G, a->at.alpha, lr);
  else
    descend(a->sparse.size, a->momentum, lr, a->slope, a->velocity, a->p);
}

/* Tells an adaptive schedule what it wants to see at the beginning of an epoch. */
static ms_status observe(network *a, size_t epoch, ms_error *err) {
  ms_status status = MS_OK;
  while (status == MS_OK && ms_schedule_epoch(a->run->schedule) <= (double)epoch)
    status = ms_schedule_observe(a->run->schedule, a->seen[2 * epoch], a->seen[2 * epoch + 1], err);
  return status;
}

static ms_status choose_alpha(network *a, size_t epoch, double loss, ms_error *err) {
  a->seen[2 * epoch] = loss;
  a->seen[2 * epoch + 1] = sum_sizes(a->run->x, a->net.weights);
  a->at.seen = epoch + 1;
  ms_status status = observe(a, epoch, err);
  a->at.alpha = ms_schedule_alpha(a->run->schedule, (double)epoch);
  return status;
}

static ms_status new_schedule(network *a, ms_error *err) {
  ms_run *run = a->run;
  ms_schedule_free(run->schedule);
  run->schedule = NULL;
  ms_status status = ms_schedule_new(&run->schedule, run->cfg, 0, (double)a->epochs / 2, err);
  run->setup.schedule = run->schedule;
  return status;
}

/* p anew at x with beta, at rest, and weight decay from its beginning. */
static ms_status start_from(network *a, const double *x, ms_error *err) {
  ms_status status = new_schedule(a, err);
  if (status != MS_OK)
    return status;
  ms_sparse_start(&a->sparse, x, a->p);
  memset(a->velocity, 0, a->sparse.size * sizeof *a->velocity);
  present_x(a);
  return choose_alpha(a, 0, mean_loss(a, a->run->x, 0, a->images.train, NULL, NULL), err);
}

static ms_status prune_and_rewind(network *a, ms_error *err) {
  size_t weights = a->net.weights, left = 0;
  double *sorted = ms_doubles(weights);
  if (!a->mask) {
    a->mask = ms_doubles(weights);
    for (size_t i = 0; a->mask && i < weights; i++)
      a->mask[i] = 1;
  }
  if (!sorted || !a->mask) {
    free(sorted);
    return ms_no_memory(err);
  }
  const double *x = present_x(a);
  for (size_t i = 0; i < weights; i++)
    left += a->mask[i] > 0;
  sort_sizes(a, x, sorted);
  double cut =
      cut_at(sorted, weights, weights - left + (size_t)(a->prune_part * (double)left + 0.5));
  for (size_t i = 0; i < weights; i++)
    a->mask[i] = fabs(x[i]) > cut ? a->mask[i] : 0;
  free(sorted);
  memcpy(a->G, a->rewind == REWIND_INIT ? a->x0 : x, a->net.d * sizeof *a->G);
  masked(a, a->G);
  return start_from(a, a->G, err);
}

/* The epoch within its cycle. */
static size_t cycle_epoch(const network *a) {
  return a->at.epoch - a->at.cycle * a->epochs;
}

static ms_status train_epoch(network *a, ms_error *err) {
  size_t count = a->images.train, epoch = cycle_epoch(a), steps = 0;
  double lr = rate_at(a, epoch), loss = 0;
  a->sparse.sharp = pow(SHARPEST, (double)(epoch + 1) / (double)a->epochs);
  for (size_t i = 0; i < count; i++)
    a->order[i] = i;
  for (size_t i = count; i-- > 1;) {
    size_t j = (size_t)gsl_rng_uniform_int(a->rng, (unsigned long)(i + 1)), k = a->order[i];
    a->order[i] = a->order[j];
    a->order[j] = k;
  }
  for (size_t first = 0; first < count; first += a->batch, steps++) {
    if (a->interrupt && *a->interrupt)
      return ms_fail_at(err, MS_INTERRUPTED, (double)a->at.epoch, "interrupted in epoch %zu",
                        a->at.epoch + 1);
    take_step(a, first, MS_MIN(a->batch, count - first), lr, &loss);
  }
  a->at.dose += a->at.alpha * lr / (1 - a->momentum) * (double)steps;
  if (!isfinite(loss))
    return ms_fail_at(err, MS_NOT_FINITE, (double)a->at.epoch,
                      "sgd: the loss is not finite in epoch %zu: try a smaller --lr",
                      a->at.epoch + 1);
  a->at.epoch++;
  present_x(a);
  ms_status status = choose_alpha(a, epoch + 1, loss / (double)count, err);
  if (status != MS_OK || epoch + 1 < a->epochs)
    return status;
  double zeros = 0;
  for (size_t i = 0; a->mask && i < a->net.weights; i++)
    zeros += a->mask[i] == 0;
  a->cycle[2 * a->at.cycle] = zeros / (double)a->net.weights;
  a->cycle[2 * a->at.cycle + 1] = test_accuracy(a, a->run->x);
  return MS_OK;
}

/* ---- Checkpoints: everything that the rest of training depends on ---------------------------- */

typedef struct block {
  void *at;
  size_t size;
} block;

/* What is stored first, in this order. The mask and rows of the results so far come after. */
static size_t blocks_of(network *a, block *b) {
  size_t doubles = sizeof(double), count = 0;
  b[count++] = (block){&a->at, sizeof a->at};
  b[count++] = (block){gsl_rng_state(a->rng), gsl_rng_size(a->rng)};
  b[count++] = (block){a->p, a->sparse.size * doubles};
  b[count++] = (block){a->velocity, a->sparse.size * doubles};
  b[count++] = (block){a->seen, 2 * (a->epochs + 1) * doubles};
  b[count++] = (block){a->cycle, 2 * (a->cycles + 1) * doubles};
  return count;
}

static size_t columns_of(const ms_run *run) {
  size_t columns = 0;
  while (run->model->observables[columns].name)
    columns++;
  return columns;
}

/* `recorded`: rows that are already part of the run. */
static ms_status save(network *a, size_t recorded, ms_error *err) {
  if (!a->checkpoint || !a->steps)
    return MS_OK;
  const ms_run *run = a->run;
  block b[8];
  ms_checkpoint_part parts[16];
  a->at.recorded = recorded;
  a->at.largest_x = run->largest_x;
  a->at.worst_drift = run->worst_drift;
  a->at.worst_gap = run->worst_gap;
  size_t count = blocks_of(a, b), pruned = a->mask != NULL, row = recorded * sizeof(double);
  for (size_t k = 0; k < count; k++)
    parts[k] = (ms_checkpoint_part){b[k].at, b[k].size};
  parts[count++] = (ms_checkpoint_part){&pruned, sizeof pruned};
  parts[count++] = (ms_checkpoint_part){a->mask, pruned * a->net.weights * sizeof(double)};
  parts[count++] = (ms_checkpoint_part){run->rows, row * columns_of(run)};
  parts[count++] = (ms_checkpoint_part){run->states, row * run->kept};
  parts[count++] = (ms_checkpoint_part){a->extras, row * a->extras_wide};
  return ms_checkpoint_write(a->checkpoint, a->identity, parts, count, err);
}

static bool take(FILE *file, void *into, size_t size) {
  return fread(into, 1, size, file) == size;
}

static bool take_rows(FILE *file, double **rows, size_t recorded, size_t wide) {
  size_t room = 1;
  while (room < recorded)
    room *= 2;
  free(*rows);
  *rows = ms_doubles(room * wide);
  return *rows && take(file, *rows, recorded * wide * sizeof **rows);
}

static bool all_finite(const double *v, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (!isfinite(v[i]))
      return false;
  return true;
}

/* The state of MT19937 ends with where it reads next, which GSL does not look at. */
static bool random_numbers_hold(const gsl_rng *rng) {
  enum { WORDS = 624 };
  int next;
  if (gsl_rng_size(rng) < WORDS * sizeof(unsigned long) + sizeof next)
    return false;
  memcpy(&next, (const char *)gsl_rng_state(rng) + WORDS * sizeof(unsigned long), sizeof next);
  return next >= 0 && next <= WORDS;
}

/* Is the state one that training can be in? */
static bool state_holds(const network *a) {
  const progress *at = &a->at;
  bool counts = at->recorded > 0 && at->recorded <= a->run->points && at->cycle <= a->cycles &&
                at->epoch >= at->cycle * a->epochs && at->epoch <= (at->cycle + 1) * a->epochs &&
                at->seen == at->epoch - at->cycle * a->epochs + 1;
  if (!counts || !random_numbers_hold(a->rng) || !all_finite(&at->alpha, 2) || at->alpha < 0 ||
      !all_finite(a->p, a->sparse.size) || !all_finite(a->velocity, a->sparse.size) ||
      !all_finite(a->seen, 2 * at->seen) || !all_finite(a->cycle, 2 * at->cycle))
    return false;
  for (size_t i = 0; a->mask && i < a->net.weights; i++)
    if (a->mask[i] != 0 && a->mask[i] != 1)
      return false;
  return true;
}

static bool take_state(network *a, FILE *file) {
  ms_run *run = a->run;
  block b[8];
  size_t count = blocks_of(a, b), pruned = 0;
  bool good = true;
  for (size_t k = 0; k < count && good; k++)
    good = take(file, b[k].at, b[k].size);
  good = good && take(file, &pruned, sizeof pruned) && pruned <= 1;
  if (good && pruned) {
    a->mask = ms_doubles(a->net.weights);
    good = a->mask && take(file, a->mask, a->net.weights * sizeof(double));
  }
  good = good && state_holds(a) && take_rows(file, &run->rows, a->at.recorded, columns_of(run)) &&
         take_rows(file, &run->states, a->at.recorded, run->kept) &&
         take_rows(file, &a->extras, a->at.recorded, a->extras_wide) && fgetc(file) == EOF;
  if (!good)
    return false;
  for (a->extras_room = 1; a->extras_room < a->at.recorded;)
    a->extras_room *= 2;
  run->recorded = a->at.recorded;
  run->largest_x = a->at.largest_x;
  run->worst_drift = a->at.worst_drift;
  run->worst_gap = a->at.worst_gap;
  memcpy(run->last_x, present_x(a), run->d * sizeof *run->x);
  ms_error ignored;
  good = new_schedule(a, &ignored) == MS_OK;
  for (size_t i = 0; i < a->at.seen && good; i++)
    good = observe(a, i, &ignored) == MS_OK;
  return good;
}

static ms_status resume(network *a, ms_error *err) {
  char *bytes;
  size_t size;
  const char *origin = ms_config_origin(a->run->cfg, "checkpoint");
  ms_status status = ms_checkpoint_read(&bytes, &size, a->checkpoint, origin, a->identity, err);
  if (!bytes)
    return status;
  FILE *file = fmemopen(bytes, MS_MAX(size, 1), "rb");
  if (!file)
    status = ms_no_memory(err);
  else if (size == 0 || !take_state(a, file))
    status = ms_fail(err, MS_BAD_INPUT,
                     "%s: holds a state that training cannot be in; without this file training "
                     "begins anew",
                     a->checkpoint);
  if (file)
    fclose(file);
  free(bytes);
  return status;
}

/* One line for each setting given that results depend on. */
static ms_status make_identity(network *a, ms_error *err) {
  static const char *const aside[] = {"out", "plot", "json", "quiet", "checkpoint"};
  size_t length;
  FILE *out = open_memstream(&a->identity, &length);
  if (!out)
    return ms_no_memory(err);
  fprintf(out, "version = %s\n", ms_version());
  for (size_t i = 0; ms_setting_at(i); i++) {
    const char *name = ms_setting_at(i)->name;
    bool matters = ms_config_peek(a->run->cfg, name) != NULL;
    for (size_t k = 0; k < sizeof aside / sizeof *aside; k++)
      matters = matters && strcmp(aside[k], name) != 0;
    if (matters)
      fprintf(out, "%s = %s\n", name, ms_config_peek(a->run->cfg, name));
  }
  return fclose(out) == 0 ? MS_OK : ms_no_memory(err);
}

/* ---- The flows ------------------------------------------------------------------------------ */

static void flow_map(void *self, const double *p, double *x) {
  ms_sparse_map(&((network *)self)->sparse, p, x);
}

static void flow_pull(void *self, const double *p, const double *G, double alpha, double *out) {
  ms_sparse_pull(&((network *)self)->sparse, p, G, alpha, out);
}

static double flow_value(void *self, const double *x, double *G) {
  network *a = self;
  return mean_loss(a, x, 0, a->images.train, G, NULL);
}

static ms_status build_flows(network *a, ms_error *err) {
  const ms_sparsifier *class = a->sparse.class;
  size_t weights = a->net.weights;
  if (!class->smooth)
    return ms_fail(err, MS_UNSUPPORTED, "--sparsify %s: has no flow; --method sgd trains it",
                   class->name);
  double *p0 = ms_doubles(a->sparse.size);
  a->start = ms_doubles(2 * weights);
  if (!p0 || !a->start) {
    free(p0);
    return ms_no_memory(err);
  }
  a->flow = (ms_mixed){.self = a,
                       .separable = weights,
                       .d = a->net.d,
                       .size = a->sparse.size,
                       .rtol = a->run->setup.rtol,
                       .map = flow_map,
                       .value = flow_value,
                       .pull = flow_pull,
                       .start = {a->start, a->start + weights}};
  bool mirror = class->product && isfinite(a->sparse.ln_beta);
  if (mirror)
    a->flow.like = a->sparse.uv ? &ms_param_uv : &ms_param_mw;
  for (size_t i = 0; mirror && i < weights; i++) {
    a->start[i] = a->sparse.ln_beta;
    a->start[weights + i] = asinh(a->x0[i] * exp(-a->sparse.ln_beta));
  }
  ms_sparse_start(&a->sparse, a->x0, p0);
  bool cheap = (double)weights * (double)a->images.train <= PARTNER_NUMBERS;
  ms_status status = ms_mixed_new(&a->flow, a->run, p0, a->x0 + weights, cheap, err);
  free(p0);
  return status;
}

/* ---- Building ------------------------------------------------------------------------------- */

/* Gaussian weights of variance 2/inputs (ReLU; 1/inputs for the others), biases 0. */
static ms_status initial(network *a, uint64_t seed, ms_error *err) {
  gsl_rng *rng = ms_random_new(seed, MS_STREAM_INITIAL);
  if (!rng)
    return ms_no_memory(err);
  for (size_t l = 0; l < a->net.layers; l++) {
    size_t count, first = ms_net_layer_weights(&a->net, l, &count);
    double gain = a->net.activation == MS_RELU && l + 1 < a->net.layers ? 2 : 1;
    ms_random_gaussian(rng, a->x0 + first, count, sqrt(gain / (double)a->net.layer[l].patch));
  }
  gsl_rng_free(rng);
  return MS_OK;
}

static ms_status check_loss(const ms_config *cfg, ms_error *err) {
  const char *loss = ms_config_text(cfg, "loss");
  if (ms_config_given(cfg, "loss") && strcmp(loss, "squared") != 0 && strcmp(loss, "logistic") != 0)
    return ms_fail(err, MS_BAD_SETTING,
                   "%s: '%s' is not allowed; --model network takes logistic (cross-entropy, the "
                   "default) and squared",
                   ms_config_origin(cfg, "loss"), loss);
  return MS_OK;
}

/* Puts the defaults of the way of sparsifying where the settings leave them open. */
static ms_status choose_sparsifier(network *a, ms_error *err) {
  ms_config *cfg = a->run->cfg;
  const ms_sparsifier *class = ms_sparsifier_at(choice_index(cfg, "sparsify"));
  a->sparse = (ms_sparse){.class = class,
                          .weights = a->net.weights,
                          .d = a->net.d,
                          .size = class->width * a->net.weights + a->net.d - a->net.weights,
                          .sharp = 1,
                          .mask = ms_doubles(a->net.weights),
                          .ham = ms_config_real(cfg, "ham")};
  if (!a->sparse.mask)
    return ms_no_memory(err);
  const char *param = ms_config_text(cfg, "param");
  if (ms_config_given(cfg, "param") &&
      (!class->product || (strcmp(param, "mw") != 0 && strcmp(param, "uv") != 0)))
    return ms_fail(err, MS_BAD_SETTING, "%s: '%s' is not allowed; %s",
                   ms_config_origin(cfg, "param"), param,
                   class->product ? "weights of a network are mw or uv"
                                  : "only --sparsify spred, product and pilot are products");
  a->sparse.uv = strcmp(param, "uv") == 0;
  /* a metric 2 beta or 4 beta of 1 at x = 0: m0^2 - w0^2 = 1 */
  a->sparse.ln_beta = log(a->sparse.uv ? 0.25 : 0.5);
  bool beta = ms_config_given(cfg, "init-scale");
  if (beta && (!class->product || class->balanced))
    return ms_fail(err, MS_BAD_SETTING, "%s: --sparsify %s has no beta%s",
                   ms_config_origin(cfg, "init-scale"), class->name,
                   class->product ? " but 0: product and pilot take it" : "");
  if (beta && !ms_parse_log(ms_config_text(cfg, "init-scale"), &a->sparse.ln_beta))
    return ms_fail(err, MS_BAD_SETTING, "%s: '%s' is not a positive number",
                   ms_config_origin(cfg, "init-scale"), ms_config_text(cfg, "init-scale"));
  if (a->sparse.ln_beta > LN_LARGEST_BETA)
    return ms_fail(err, MS_BAD_SETTING,
                   "%s: '%s' is not allowed; the weights of a network and their squares are to be "
                   "numbers in double precision: at most 1e150",
                   ms_config_origin(cfg, "init-scale"), ms_config_text(cfg, "init-scale"));
  if (class->balanced)
    a->sparse.ln_beta = -INFINITY;
  bool given = ms_config_given(cfg, "wd-schedule");
  if (!class->alpha && (given || ms_config_given(cfg, "wd")))
    return ms_fail(err, MS_BAD_SETTING, "%s: --sparsify %s has no regularizer",
                   ms_config_origin(cfg, given ? "wd-schedule" : "wd"), class->name);
  const char *schedule = class->schedule;
  if (!a->steps && strcmp(schedule, "adaptive") == 0)
    schedule = "linear"; /* known beforehand: tolerances hold for all of it */
  ms_status status = MS_OK;
  if (!given)
    status = ms_config_set(cfg, "wd-schedule", schedule, "default", err);
  bool adaptive = strcmp(ms_config_text(cfg, "wd-schedule"), "adaptive") == 0;
  if (status == MS_OK && adaptive && a->steps && !ms_config_given(cfg, "wd-tau"))
    status = ms_config_set(cfg, "wd-tau", "1", "default", err);
  if (status == MS_OK && adaptive && !ms_config_given(cfg, "wd-factor"))
    status = ms_config_set(cfg, "wd-factor", "1.1", "default", err);
  if (status == MS_OK && !ms_config_given(cfg, "wd")) {
    bool half = strcmp(ms_config_text(cfg, "wd-convention"), "half") == 0;
    char text[32];
    status =
        ms_config_set(cfg, "wd", ms_real_text((half ? 2 : 1) * class->alpha, text), "default", err);
  }
  return status;
}

static ms_status build_steps(network *a, ms_error *err) {
  ms_run *run = a->run;
  const ms_config *cfg = run->cfg;
  size_t train = a->images.train, size = a->sparse.size;
  a->epochs = ms_config_count(cfg, "epochs");
  a->cycles = ms_config_count(cfg, "prune-cycles");
  a->prune_part = ms_config_real(cfg, "prune-part");
  a->rate = (rate)choice_index(cfg, "lr-schedule");
  a->rewind = (rewind_to)choice_index(cfg, "rewind");
  a->lr = ms_config_given(cfg, "lr") ? ms_config_real(cfg, "lr") : 0.2;
  a->momentum = ms_config_given(cfg, "momentum") ? ms_config_real(cfg, "momentum") : 0.9;
  a->checkpoint = ms_config_text(cfg, "checkpoint");
  run->setup.training.lr = a->lr;
  size_t all = a->epochs * (a->cycles + 1);
  run->points = MS_MIN(ms_config_count(cfg, "points"), all + 1);
  run->times = ms_doubles(run->points);
  a->cycle = ms_doubles(2 * (a->cycles + 1));
  a->seen = ms_doubles(2 * (a->epochs + 1));
  a->p = ms_doubles(size);
  a->velocity = ms_doubles(size);
  a->slope = ms_doubles(size);
  a->rescue = ms_doubles(2 * size);
  a->order = calloc(train, sizeof *a->order);
  a->rng = ms_random_new((uint64_t)ms_config_real(cfg, "seed"), MS_STREAM_BATCH);
  a->rng_before = a->rng ? gsl_rng_clone(a->rng) : NULL;
  if (!run->times || !a->cycle || !a->seen || !a->p || !a->velocity || !a->slope || !a->rescue ||
      !a->order || !a->rng_before)
    return ms_no_memory(err);
  for (size_t i = 0; i < run->points; i++)
    run->times[i] = floor((double)(all * i) / (double)(run->points - 1) + 0.5);
  run->flow_name = "sgd";
  ms_status status = start_from(a, a->x0, err);
  return status == MS_OK ? make_identity(a, err) : status;
}

static ms_status build_flow_plan(network *a, ms_error *err) {
  ms_run *run = a->run;
  ms_setup *s = &run->setup;
  s->rtol = ms_config_given(run->cfg, "rtol") ? ms_config_real(run->cfg, "rtol") : 1e-4;
  s->step_limit = ms_config_count(run->cfg, "max-steps");
  mean_loss(a, a->x0, 0, a->images.train, a->G, NULL);
  double G = ms_largest(a->G, a->net.weights);
  if (!(G > 0) || !isfinite(G))
    return ms_fail(err, MS_NOT_FINITE, "the loss has no gradient at the start");
  ms_status status = ms_run_plan(run, G, BASE_HORIZON / G, false, err);
  return status == MS_OK ? build_flows(a, err) : status;
}

static ms_status build(ms_run *run, ms_error *err) {
  network *a = calloc(1, sizeof *a);
  if (!a)
    return ms_no_memory(err);
  run->own = a;
  a->run = run;
  const ms_config *cfg = run->cfg;
  if (!ms_config_given(cfg, "method")) {
    ms_status set = ms_config_set(run->cfg, "method", "sgd", "default", err);
    if (set != MS_OK)
      return set;
  }
  const char *method = ms_config_text(cfg, "method");
  run->setup.method = ms_method_find(method);
  a->steps = run->setup.method->discrete;
  if (a->steps && strcmp(method, "sgd") != 0 && strcmp(method, "gd") != 0)
    return ms_fail(err, MS_BAD_SETTING,
                   "%s: '%s' is not allowed; --model network takes sgd, gd, bdf and adams",
                   ms_config_origin(cfg, "method"), method);
  a->stop_loss = ms_config_real(cfg, "stop-loss");
  ms_status status = check_loss(cfg, err);
  if (status == MS_OK)
    status = ms_images_read(&a->images, cfg, err);
  if (status != MS_OK)
    return status;
  if (ms_config_given(cfg, "data"))
    ms_run_take_reading(run, &a->images.reading);
  ms_data_announce(run, "the inputs", (double)(a->images.count * a->images.inputs));
  run->n = a->images.train;
  a->batch = strcmp(method, "gd") == 0       ? run->n
             : ms_config_given(cfg, "batch") ? MS_MIN(ms_config_count(cfg, "batch"), run->n)
                                             : MS_MIN(64, run->n);
  size_t room = MS_MAX(CHUNK, a->steps ? a->batch : 1);
  bool squared =
      ms_config_given(cfg, "loss") && strcmp(ms_config_text(cfg, "loss"), "squared") == 0;
  const char *origin = ms_config_origin(cfg, "layers");
  status = ms_net_init(&a->net, ms_config_text(cfg, "layers"), origin ? origin : "--layers",
                       a->images.inputs, a->images.classes,
                       (ms_activation)choice_index(cfg, "nonlinearity"), squared, room, err);
  if (status == MS_OK)
    status = choose_sparsifier(a, err);
  if (status == MS_OK)
    status = ms_run_shape(run, a->net.d, err);
  if (status != MS_OK)
    return status;
  a->x0 = ms_doubles(a->net.d);
  a->G = ms_doubles(a->net.d);
  a->A = ms_doubles(a->net.room * a->net.inputs);
  a->label = calloc(a->net.room, sizeof *a->label);
  a->extras_wide = a->net.layers * LAYER_NUMBERS + BINS;
  if (!a->x0 || !a->G || !a->A || !a->label)
    return ms_no_memory(err);
  status = initial(a, (uint64_t)ms_config_real(cfg, "seed"), err);
  if (status == MS_OK)
    status = a->steps ? build_steps(a, err) : build_flow_plan(a, err);
  if (status != MS_OK)
    return status;
  run->kept = MS_MIN(KEPT, a->net.weights);
  run->coordinates = calloc(run->kept, sizeof *run->coordinates);
  if (!run->coordinates)
    return ms_no_memory(err);
  for (size_t k = 0; k < run->kept; k++)
    run->coordinates[k] = k * a->net.weights / run->kept;
  return a->steps && a->checkpoint ? resume(a, err) : MS_OK;
}

/* ---- Advancing ------------------------------------------------------------------------------ */

static ms_status advance_steps(network *a, double t, ms_error *err) {
  size_t half = a->sparse.size * sizeof(double);
  while ((double)a->at.epoch < t) {
    if (a->at.epoch == (a->at.cycle + 1) * a->epochs) {
      ms_status pruned = prune_and_rewind(a, err);
      if (pruned != MS_OK)
        return pruned;
      a->at.cycle++;
    }
    progress before = a->at;
    memcpy(a->rescue, a->p, half);
    memcpy(a->rescue + a->sparse.size, a->velocity, half);
    gsl_rng_memcpy(a->rng_before, a->rng);
    ms_status status = train_epoch(a, err);
    if (status == MS_OK)
      continue;
    if (status == MS_INTERRUPTED && a->run->recorded) {
      /* as if the unfinished epoch had not begun */
      a->at = before;
      memcpy(a->p, a->rescue, half);
      memcpy(a->velocity, a->rescue + a->sparse.size, half);
      gsl_rng_memcpy(a->rng, a->rng_before);
    }
    return status;
  }
  return MS_OK;
}

static ms_status advance_flows(network *a, double *t, ms_error *err) {
  ms_status status = ms_mixed_advance(&a->flow, t, err);
  a->at.alpha = ms_schedule_alpha(a->run->schedule, *t);
  a->at.dose = ms_schedule_dose(a->run->schedule, *t);
  return status;
}

/* ---- What is measured ----------------------------------------------------------------------- */

/* p as trained last; NULL where only a mirror flow runs. */
static const double *weights_of(const network *a) {
  return a->steps ? a->p : a->flow.p;
}

static void measure_layer(const network *a, size_t l, double zero, double *out) {
  size_t count, first = ms_net_layer_weights(&a->net, l, &count);
  const double *x = a->run->x, *p = weights_of(a);
  double weight = 0, weighted = 0, ln_beta = 0;
  memset(out, 0, LAYER_NUMBERS * sizeof *out);
  for (size_t i = first; i < first + count; i++) {
    double size = fabs(x[i]), beta = p ? ms_sparse_beta(&a->sparse, p, i) : NAN;
    out[LAYER_L1] += size;
    out[LAYER_NONZEROS] += size > zero;
    out[LAYER_FLIPS] += x[i] * a->x0[i] < 0;
    weight += size;
    weighted += size * ms_effective_exponent(x[i], beta);
    ln_beta += log(fabs(beta));
  }
  out[LAYER_NONZEROS] /= (double)count;
  out[LAYER_FLIPS] /= (double)count;
  out[LAYER_EXPONENT] = weight > 0 ? weighted / weight : NAN;
  /* None where beta is 0: balanced from the start, or shrunk below what double precision holds. */
  out[LAYER_LN_BETA] = isfinite(ln_beta) ? ln_beta / (double)count : NAN;
}

/* How far the balances are from beta e^{-4A}, relative to the largest square of a number of w. */
static double balance_drift(const network *a) {
  const double *p = weights_of(a);
  if (!p || !a->sparse.class->product || a->cycles)
    return NAN;
  double size = 0, drift = 0, beta = exp(a->sparse.ln_beta - 4 * a->at.dose);
  for (size_t i = 0; i < a->net.weights; i++) {
    double u = p[i], v = p[a->net.weights + i];
    size = fmax(size, fmax(u * u, v * v));
    drift = fmax(drift, fabs(ms_sparse_beta(&a->sparse, p, i) - beta));
  }
  return size > 0 ? drift / size : 0;
}

static ms_status measure(network *a, ms_error *err) {
  ms_run *run = a->run;
  size_t train = a->images.train, row = run->recorded;
  if (row >= a->extras_room) {
    a->extras_room = a->extras_room ? 2 * a->extras_room : 1;
    double *more = realloc(a->extras, a->extras_room * a->extras_wide * sizeof *more);
    if (!more)
      return ms_no_memory(err);
    a->extras = more;
  }
  run->loss = mean_loss(a, run->x, 0, train, NULL, &a->accuracy);
  a->test_loss = mean_loss(a, run->x, train, a->images.count - train, NULL, &a->test_accuracy);
  run->drift = balance_drift(a);
  double zero = ZERO_PART * ms_largest(run->x, a->net.weights);
  double *out = a->extras + row * a->extras_wide, *bins = out + a->net.layers * LAYER_NUMBERS;
  for (size_t l = 0; l < a->net.layers; l++)
    measure_layer(a, l, zero, out + l * LAYER_NUMBERS);
  memset(bins, 0, BINS * sizeof *bins);
  for (size_t i = 0; i < a->net.weights; i++) {
    double at = (log10(fabs(run->x[i])) - BINS_FROM) * BINS_A_DECADE;
    bins[at > 0 ? (size_t)fmin(at, BINS - 2) + 1 : 0]++; /* infinite weights are in the last */
  }
  return MS_OK;
}

/* Measures, and ends where the schedule is over and the loss is down to a given --stop-loss. */
static ms_status measure_and_end(network *a, double t, ms_error *err) {
  ms_run *run = a->run;
  ms_status status = measure(a, err);
  if (status != MS_OK || a->at.cycle < a->cycles || !(run->loss <= a->stop_loss) ||
      !ms_flow_settled(run->schedule, 2, 1, t))
    return status;
  run->end_name = "loss";
  return MS_ENDED;
}

static ms_status advance(ms_run *run, double *t, ms_error *err) {
  network *a = own_of(run);
  ms_status status;
  if (!a->steps) {
    status = advance_flows(a, t, err);
    return status < 0 ? status : measure_and_end(a, *t, err);
  }
  /* here, so that the rows of the points before are part of it */
  if (run->recorded > a->at.recorded && (status = save(a, run->recorded, err)) != MS_OK)
    return status;
  status = advance_steps(a, *t, err);
  if (status == MS_INTERRUPTED && run->recorded) {
    ms_error why;
    if (save(a, run->recorded, &why) != MS_OK)
      ms_run_add_note(run, "No checkpoint: %s.", why.message);
  }
  if (status < 0)
    return status;
  present_x(a);
  return measure_and_end(a, *t, err);
}

static void interrupt(ms_run *run, const volatile sig_atomic_t *flag) {
  network *a = own_of(run);
  a->interrupt = flag;
  ms_mixed_interrupt(&a->flow, flag);
}

/* ---- Observables ---------------------------------------------------------------------------- */

static double observe_alpha(ms_view *v) {
  return own_of(v->run)->at.alpha;
}

static double observe_dose(ms_view *v) {
  return own_of(v->run)->at.dose;
}

static double accuracy(ms_view *v) {
  return own_of(v->run)->accuracy;
}

static double observe_test_loss(ms_view *v) {
  return own_of(v->run)->test_loss;
}

static double observe_test_accuracy(ms_view *v) {
  return own_of(v->run)->test_accuracy;
}

static double l1(ms_view *v) {
  return sum_sizes(v->x, own_of(v->run)->net.weights);
}

static double l2(ms_view *v) {
  double sum = 0;
  for (size_t i = 0; i < own_of(v->run)->net.weights; i++)
    sum += v->x[i] * v->x[i];
  return sqrt(sum);
}

/* Mean over the layers, by the number of weights, or by |x|_1 for the exponent. */
static double over_layers(const ms_view *v, size_t number) {
  const network *a = own_of(v->run);
  double sum = 0, total = 0;
  for (size_t l = 0; l < a->net.layers; l++) {
    const double *row = a->extras + v->run->recorded * a->extras_wide + l * LAYER_NUMBERS;
    size_t count;
    ms_net_layer_weights(&a->net, l, &count);
    double weight = number == LAYER_EXPONENT ? row[LAYER_L1] : (double)count;
    sum += weight * row[number];
    total += weight;
  }
  return sum / total;
}

static double nonzeros(ms_view *v) {
  return round(over_layers(v, LAYER_NONZEROS) * (double)own_of(v->run)->net.weights);
}

static double flips(ms_view *v) {
  return over_layers(v, LAYER_FLIPS);
}

static double exponent(ms_view *v) {
  return over_layers(v, LAYER_EXPONENT);
}

static double exponent_of(const ms_view *v, size_t l) {
  const network *a = own_of(v->run);
  return a->extras[v->run->recorded * a->extras_wide + l * LAYER_NUMBERS + LAYER_EXPONENT];
}

static double exponent_first(ms_view *v) {
  return exponent_of(v, 0);
}

static double exponent_last(ms_view *v) {
  return exponent_of(v, own_of(v->run)->net.layers - 1);
}

static double observe_ln_beta(ms_view *v) {
  return over_layers(v, LAYER_LN_BETA);
}

static const ms_observable observables[] = {
    {"t", "time; of SGD the epoch", ms_observe_time},
    {"alpha", "strength alpha of the regularizer", observe_alpha},
    {"dose", "A = integral of alpha; of SGD the sum of alpha lr/(1 - momentum)", observe_dose},
    {"loss", "mean loss of the training samples", ms_observe_loss},
    {"accuracy", "part of the training samples that is classified right", accuracy},
    {"test_loss", "mean loss of the test samples", observe_test_loss},
    {"test_accuracy", "part of the test samples that is classified right", observe_test_accuracy},
    {"l1", "|x|_1 of the weights", l1},
    {"l2", "|x|_2 of the weights", l2},
    {"nonzeros", "weights above 1e-3 of the largest", nonzeros},
    {"sign_flips", "part of the weights whose sign differs from the first", flips},
    {"effective_exponent", "p_eff of x = m w at the balances that the weights have, mean by |x|",
     exponent},
    {"effective_exponent_first", "p_eff of the first layer", exponent_first},
    {"effective_exponent_last", "p_eff of the last layer", exponent_last},
    {"ln_beta", "mean of ln |beta| as the weights have it", observe_ln_beta},
    {"gf_mf_gap", "largest |x_gf - x_mf| relative to the largest |x|", ms_observe_gap},
    {"invariant_drift", "error of beta_a = beta e^{-4A}, relative to the largest |w|^2",
     ms_observe_drift},
    {.name = NULL},
};

static double pruned_at(const network *a, double part) {
  for (size_t k = 0; k < PRUNINGS; k++)
    if (prunings[k] == part)
      return a->pruned_accuracy[k];
  return NAN;
}

static bool summary_at(const ms_run *run, size_t i, ms_summary *entry) {
  const network *a = own_of(run);
  const ms_summary all[] = {
      {"sparsify", "", a->sparse.class->name, NAN, false},
      {"dataset", "", a->images.name, NAN, false},
      {"layers", "", ms_config_text(run->cfg, "layers"), NAN, false},
      {"weights", "without biases", NULL, (double)a->net.weights, true},
      {"accuracy", "of training samples", NULL, ms_run_observe(run, "accuracy"), false},
      {"test_loss", "", NULL, ms_run_observe(run, "test_loss"), false},
      {"test_accuracy", "", NULL, ms_run_observe(run, "test_accuracy"), false},
      {"test_accuracy_50", "with the smallest 50 % of the weights removed", NULL, pruned_at(a, 0.5),
       false},
      {"test_accuracy_80", "80 %", NULL, pruned_at(a, 0.8), false},
      {"test_accuracy_90", "90 %", NULL, pruned_at(a, 0.9), false},
      {"test_accuracy_95", "95 %", NULL, pruned_at(a, 0.95), false},
      {"test_accuracy_98", "98 %", NULL, pruned_at(a, 0.98), false},
      {"test_accuracy_99", "99 %", NULL, pruned_at(a, 0.99), false},
      {"test_accuracy_995", "99.5 %", NULL, pruned_at(a, 0.995), false},
      {"test_accuracy_998", "99.8 %", NULL, pruned_at(a, 0.998), false},
      {"sign_flips", "part of the weights", NULL, ms_run_observe(run, "sign_flips"), false},
  };
  if (i >= sizeof all / sizeof *all)
    return false;
  *entry = all[i];
  return true;
}

static void finish(ms_run *run) {
  network *a = own_of(run);
  if (a->steps) {
    size_t a_epoch = (a->images.train + a->batch - 1) / a->batch;
    run->steps = a->at.epoch * a_epoch;
    ms_error ignored;
    save(a, run->recorded, &ignored);
  } else {
    ms_mixed_count(&a->flow);
  }
  find_pruned(a, run->x);
}

/* ---- Files ---------------------------------------------------------------------------------- */

static void put(FILE *file, double value) {
  char text[32] = "";
  if (!isnan(value))
    ms_real_text(value, text);
  fprintf(file, ",%s", text);
}

static ms_status write_layers(const network *a, const char *dir, ms_error *err) {
  ms_writer w;
  ms_status status = ms_writer_open(&w, dir, "layers.csv", err);
  if (status != MS_OK)
    return status;
  size_t columns = columns_of(a->run);
  fputs("t,layer,l1,nonzeros,effective_exponent,sign_flips,ln_beta\n", w.file);
  for (size_t i = 0; i < a->run->recorded; i++)
    for (size_t l = 0; l < a->net.layers; l++) {
      fprintf(w.file, "%.12g,%zu", a->run->rows[i * columns], l + 1);
      for (size_t k = 0; k < LAYER_NUMBERS; k++)
        put(w.file, a->extras[i * a->extras_wide + l * LAYER_NUMBERS + k]);
      fputc('\n', w.file);
    }
  return ms_writer_commit(&w, err);
}

/* How many weights have |x| up to this size, bin after bin. */
static ms_status write_distribution(const network *a, const char *dir, ms_error *err) {
  ms_writer w;
  ms_status status = ms_writer_open(&w, dir, "distribution.csv", err);
  if (status != MS_OK)
    return status;
  size_t columns = columns_of(a->run);
  fputs("t,size,count\n", w.file);
  for (size_t i = 0; i < a->run->recorded; i++)
    for (size_t k = 0; k < BINS; k++)
      fprintf(w.file, "%.12g,%.6g,%.0f\n", a->run->rows[i * columns],
              pow(10, BINS_FROM + (double)k / BINS_A_DECADE),
              a->extras[i * a->extras_wide + a->net.layers * LAYER_NUMBERS + k]);
  return ms_writer_commit(&w, err);
}

static ms_status write_pruning(const network *a, const char *dir, ms_error *err) {
  ms_writer w;
  ms_status status = ms_writer_open(&w, dir, "pruning.csv", err);
  if (status != MS_OK)
    return status;
  fputs("pruned,test_accuracy\n", w.file);
  for (size_t k = 0; k < PRUNINGS; k++) {
    fprintf(w.file, "%.12g", prunings[k]);
    put(w.file, a->pruned_accuracy[k]);
    fputc('\n', w.file);
  }
  if ((status = ms_writer_commit(&w, err)) != MS_OK || !a->cycles)
    return status;
  if ((status = ms_writer_open(&w, dir, "cycles.csv", err)) != MS_OK)
    return status;
  fputs("cycle,pruned,test_accuracy\n", w.file);
  for (size_t k = 0; k <= a->at.cycle && a->at.epoch >= (k + 1) * a->epochs; k++) {
    fprintf(w.file, "%zu", k);
    put(w.file, a->cycle[2 * k]);
    put(w.file, a->cycle[2 * k + 1]);
    fputc('\n', w.file);
  }
  return ms_writer_commit(&w, err);
}

static ms_status write_files(const ms_run *run, const char *dir, ms_error *err) {
  const network *a = own_of(run);
  ms_status status = write_layers(a, dir, err);
  if (status == MS_OK)
    status = write_distribution(a, dir, err);
  return status == MS_OK && run->status && a->run->finished && strcmp(run->status, "interrupted") &&
                 strcmp(run->status, "failed")
             ? write_pruning(a, dir, err)
             : status;
}

static void release(ms_run *run) {
  network *a = own_of(run);
  if (!a)
    return;
  ms_mixed_free(&a->flow);
  ms_images_free(&a->images);
  ms_net_free(&a->net);
  if (a->rng)
    gsl_rng_free(a->rng);
  if (a->rng_before)
    gsl_rng_free(a->rng_before);
  void *blocks[] = {a->x0,     a->G,           a->p,     a->velocity, a->slope,    a->rescue,
                    a->mask,   a->A,           a->label, a->order,    a->identity, a->start,
                    a->extras, a->sparse.mask, a->seen,  a->cycle};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    free(blocks[i]);
  free(a);
  run->own = NULL;
}

static void parts(const ms_run *run, const double *x, ms_bundle *b) {
  ms_net_arrays(b, "", &own_of(run)->net, x);
}

static void data(const ms_run *run, ms_bundle *b) {
  const network *a = own_of(run);
  if (ms_data_fits((double)(a->images.count * a->images.inputs)))
    ms_images_arrays(b, &a->images);
  ms_net_arrays(b, "start_", &a->net, a->x0);
}

const ms_model ms_model_network = {
    .name = "network",
    .summary = "classification by a small network whose weights are to become few",
    .settings = settings,
    .observes = true,
    .build = build,
    .advance = advance,
    .observables = observables,
    .finish = finish,
    .interrupt = interrupt,
    .summary_at = summary_at,
    .parts = parts,
    .data = data,
    .write = write_files,
    .release = release,
};
