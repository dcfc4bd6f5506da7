#include "factored/factored.h"
#include "base/random.h"
#include "linalg/dense.h"
#include "run/data_file.h"
#include "text/text.h"
#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Natural times as for separable models, in units of 1/|grad f(0)|_2. */
static const double BASE_HORIZON = 80, SCALE_HORIZON = 4;
/* A spectral mirror flow beside the gradient flow must be cheap: measurements * rows * cols. */
static const double PARTNER_NUMBERS = 5e5;
/* The flow's end is looked for every so many steps: it costs a singular value decomposition. */
enum { CHECK_EVERY = 16, CHECK_TRAINING_EVERY = 64 };
static const double STATIONARY = 1e-10;
/* Singular values above this part of the largest count for the rank. */
static const double RANK_PART = 1e-3;
/* A force of weight decay below 1 / SMALL_ALPHA of the first gradient makes rest be measured
 * against it. */
static const double SMALL_ALPHA = 100;
/* Singular values below this are near 0, gradients above this part of the first one are not. */
static const double SADDLE_PART = 1e-3;
/* Newton's systems are preconditioned where the measurements' slopes fit in so many numbers. */
static const double SLOPE_NUMBERS = 5e6;
enum { SLOPES_MAX = 2000 };
/* Smallest amplitude of w, as a logarithm, whose square is safely a normal number. */
static const double LN_SMALLEST = -330;

/* One road to X(t): the gradient flow of the factors or the spectral mirror flow. */
typedef struct road {
  struct factored *all;
  ms_ode ode;
  ms_integrator *in;
  double piece_to;      /* end of the present smooth piece */
  double *X, *G, *work; /* scratch of its own */
  /* Of Newton's systems, see gradient_prepare and mirror_prepare; NULL: none. */
  double *slopes, *gram, *factor, *b;
  double *root, *at, *moved; /* square roots of curvatures; weights of the slopes; scratch */
  double shift, gamma;
} road;

typedef struct factored {
  ms_run *run;
  ms_factors f;
  ms_objective *o;
  double ln_scale; /* of the initialization */
  double ln_size;  /* of X there, roughly: for horizons and step sizes */
  double *unit;    /* w0 of scale 1 */
  road gradient, mirror;
  road *lead, *beside; /* the one whose X is recorded; the one it is compared with, or NULL */
  double *balance0, *balance;
  double *row;      /* norms of the measurements */
  double *measured; /* rows * cols * samples: the A_i, symmetric where X is; NULL: not needed */
  double floor;     /* of the gradient flow's tolerance */
  bool queries;     /* the second factor is Q' */
  bool mixed;       /* modes of X are not coordinates of w */
  double *sigma;    /* present singular values */
  size_t sigmas;    /* how many */
  double *G;        /* present gradient */
  double *spectra;  /* recorded * sigmas */
  size_t spectra_room;
  size_t passes, checks;
  double *X_before, t_before;
  double still_since; /* when X came to rest, as far as it can be seen; < 0: it has not */
  double stop_loss;
  bool may_finish; /* at the loss tolerance or where stationary */
  double score;
  double kkt;
  bool like_known; /* the potential of `like` describes the singular values */
  ms_param like;
  double like_ln_beta;
} factored;

static factored *own_of(const ms_run *run) {
  return run->own;
}

/* ---- Settings ------------------------------------------------------------------------------- */

MS_CHOICE_AMONG(factors, ms_factors_at)

static const ms_named initials[] = {
    {"identity", "each factor a multiple of the identity"},
    {"gaussian", "each factor Gaussian"},
    {"zero-first", "the first factor 0, the last Gaussian, so that X starts at 0"},
};
MS_CHOICE_OF(initials)

static const ms_named measures[] = {
    {"gaussian", "A_i of independent normal entries"},
    {"commuting", "symmetric A_i that share their eigenvectors: then a mirror flow exists"},
    {"entries", "entries of X: matrix completion"},
    {"rank-one", "A_i = a_i b_i' of Gaussian vectors (a_i a_i' where X is symmetric)"},
};
MS_CHOICE_OF(measures)

static const ms_named activations[] = {
    {"tanh", "a hidden layer: one output is read, by fixed weights"},
    {"linear", "nothing: all outputs of the layer are seen"},
};
MS_CHOICE_OF(activations)

static const ms_named attentions[] = {
    {"softmax", "the softmax of x_t' W z"},
    {"linear", "x_t' W z itself"},
};
MS_CHOICE_OF(attentions)

#define GROUP "Matrix models"
const ms_setting ms_factored_settings[] = {
    {"rows", MS_COUNT, "K", NULL, .min = 1, .max = 5000, .group = GROUP,
     .help = "rows of X; default: 20"},
    {"cols", MS_COUNT, "K", NULL, .min = 1, .max = 5000, .group = GROUP,
     .help = "columns of X; default: as many as rows"},
    {"rank", MS_COUNT, "R", "2", .min = 1, .max = 5000, .group = GROUP,
     .help = "rank of the truth"},
    {"width", MS_COUNT, "R", NULL, .min = 1, .max = 100000, .group = GROUP,
     .help = "inner size of the factors; default: rows, for lora and attention less"},
    {"factors", MS_CHOICE, "NAME", NULL, .choice = factors_choice, .group = GROUP,
     .help = "factorization X = g(w); general takes --depth"},
    {"init", MS_CHOICE, "NAME", NULL, .choice = initials_choice, .group = GROUP,
     .help = "how the factors start, with entries of the size s^(1/L), s = --init-scale, of L "
             "factors: sqrt(s) of two"},
    {"measure", MS_CHOICE, "NAME", "gaussian", .choice = measures_choice, .group = GROUP,
     .owner = "--model sensing", .help = "measurements <A_i, X> of sensing"},
    {"indefinite", MS_FLAG, NULL, "off", .group = GROUP,
     .owner = "--factors symmetric of --model sensing",
     .help = "of --factors symmetric: a truth with eigenvalues of both signs"},
    {"activation", MS_CHOICE, "NAME", "tanh", .choice = activations_choice, .group = GROUP,
     .owner = "--model lora without --data", .help = "of lora: what follows the layer that adapts"},
    {"attention", MS_CHOICE, "NAME", "softmax", .choice = attentions_choice, .group = GROUP,
     .owner = "--model attention", .help = "of attention: how the tokens are weighed"},
    {"tokens", MS_COUNT, "N", "5", .min = 2, .max = 1000, .group = GROUP,
     .owner = "--model attention", .help = "of attention: tokens in a sample"},
    {"vocabulary", MS_COUNT, "N", "64", .min = 2, .max = 5000, .group = GROUP,
     .owner = "--data of --model lora",
     .help = "of lora with --data TEXT: most frequent words that are told apart, and one for the "
             "others"},
    {"pretrain", MS_PATH, "TEXT", NULL, .group = GROUP, .owner = "--data of --model lora",
     .help = "of lora with --data TEXT: what W0 was trained on before; default: W0 = 0"},
    {.name = NULL},
};

/* Of a gradient only what X can follow. */
static void restrict_gradient(const ms_factors *f, double *G) {
  if (f->symmetric)
    ms_symmetrize(f->rows, G, G);
  for (size_t i = 0; f->diagonal && i < f->rows * f->cols; i++)
    if (i % (f->rows + 1) != 0)
      G[i] = 0;
}

/* ---- The gradient flow of the factors ------------------------------------------------------- */

static double alpha_at(const road *r, double t) {
  const ms_schedule *s = r->all->run->schedule;
  if (t >= r->piece_to)
    return ms_schedule_alpha_before(s, r->piece_to);
  return ms_schedule_alpha(s, t);
}

static bool finite_all(const double *v, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += v[i] - v[i];
  return sum == 0;
}

static int gradient_rhs(void *self, double t, const double *w, double *out) {
  road *r = self;
  factored *a = r->all;
  a->f.map(&a->f, w, r->X, r->work);
  if (!finite_all(r->X, a->run->d) || !isfinite(a->o->value(a->o, r->X, r->G)))
    return 1;
  a->passes += 2;
  a->f.pull(&a->f, w, r->G, out, r->work);
  double alpha = alpha_at(r, t);
  for (size_t i = 0; i < a->f.weights; i++)
    out[i] = -out[i] - 2 * alpha * w[i];
  return 0;
}

/* Relative to each weight, and to the smallest size that the factors can have shrunk to: a mode
 * that has not grown yet must keep its digits, for it will. Where modes are mixed in every weight
 * (Gaussian starts), less than rounding makes of the largest cannot be asked of any. */
static void gradient_tolerance(void *self, double t, const double *w, double *tolerance) {
  const road *r = self;
  const factored *a = r->all;
  double rtol = a->run->setup.rtol;
  double floor = a->floor * exp(-2 * ms_schedule_dose(a->run->schedule, t));
  double noise = a->mixed ? DBL_EPSILON / 64 * ms_largest(w, a->f.weights) : 0;
  for (size_t i = 0; i < a->f.weights; i++)
    tolerance[i] = rtol * (fabs(w[i]) + floor) + noise + DBL_MIN;
}

/* shift I + gamma times the Gram matrix, factored; > 0 where it is not positive definite. */
static int factor_gram(road *r, double gamma, double shift) {
  size_t n = r->all->o->samples;
  for (size_t j = 0; j < n; j++) {
    for (size_t i = j; i < n; i++)
      r->factor[j * n + i] = gamma * r->gram[j * n + i];
    r->factor[j * n + j] += shift;
  }
  return ms_spd_factor(n, r->factor) == 0 ? 0 : 1;
}

/* With the slopes B = (sqrt(c_i) grad_w <A_i, X>)_i of the measurements, c_i the curvature of the
 * loss, Newton's matrix is near s I + gamma B B', s = 1 + 2 gamma alpha (what is left out is as
 * small as the residuals). Its inverse takes a matrix of the size of the measurements: (b - gamma B
 * (s I + gamma B'B)^-1 B'b) / s. B'b and Bv go by way of X: Z has fewer numbers than B. */
static int gradient_prepare(void *self, double t, const double *w, double gamma, bool fresh) {
  road *r = self;
  factored *a = r->all;
  size_t n = a->o->samples, p = a->f.weights;
  if (fresh) {
    memcpy(r->at, w, p * sizeof *w);
    a->f.map(&a->f, w, r->X, r->work);
    ms_objective_measure(a->o, r->X, r->b);
    ms_problem_curvature(a->o->problem, r->b, r->b);
    a->passes++;
    for (size_t i = 0; i < n; i++) {
      r->root[i] = sqrt(fmax(r->b[i], 0));
      a->f.pull(&a->f, w, a->measured + i * a->run->d, r->slopes + i * p, r->work);
      cblas_dscal((int)p, r->root[i], r->slopes + i * p, 1);
    }
    cblas_dsyrk(CblasColMajor, CblasLower, CblasTrans, (int)n, (int)p, 1, r->slopes, (int)p, 0,
                r->gram, (int)n);
  }
  r->gamma = gamma;
  r->shift = 1 + 2 * gamma * alpha_at(r, t);
  return factor_gram(r, gamma, r->shift);
}

static int gradient_solve(void *self, double *b) {
  road *r = self;
  factored *a = r->all;
  size_t n = a->o->samples, p = a->f.weights;
  a->f.push(&a->f, r->at, b, r->X, r->work);
  ms_objective_measure(a->o, r->X, r->b);
  for (size_t i = 0; i < n; i++)
    r->b[i] *= r->root[i];
  ms_spd_solve(n, r->factor, r->b);
  for (size_t i = 0; i < n; i++)
    r->b[i] *= r->root[i];
  ms_objective_adjoint(a->o, r->b, r->G);
  a->passes += 2;
  a->f.pull(&a->f, r->at, r->G, r->moved, r->work);
  for (size_t i = 0; i < p; i++)
    b[i] = (b[i] - r->gamma * r->moved[i]) / r->shift;
  return 0;
}

static void weight_component(void *self, size_t i, char *name, size_t size) {
  (void)self;
  snprintf(name, size, "w[%zu]", i);
}

/* ---- The spectral mirror flow: dnu/dt = -slope(<A, X>), M = sum nu_i A_i --------------------- */

static int spectral_X(road *r, double t, const double *nu, double *X) {
  factored *a = r->all;
  ms_objective_adjoint(a->o, nu, r->G);
  a->passes++;
  double ln_scale = a->ln_scale - 4 * ms_schedule_dose(a->run->schedule, t);
  return a->f.spectral(&a->f, a->unit, ln_scale, r->G, X, r->work);
}

static int mirror_rhs(void *self, double t, const double *nu, double *out) {
  road *r = self;
  factored *a = r->all;
  int status = spectral_X(r, t, nu, r->X);
  if (status)
    return status;
  double *z = r->work;
  ms_objective_measure(a->o, r->X, z);
  a->passes++;
  if (!isfinite(ms_problem_loss(a->o->problem, z)))
    return 1;
  ms_problem_slope(a->o->problem, z, out);
  for (size_t i = 0; i < a->o->samples; i++)
    out[i] = -out[i];
  return 0;
}

/* Newton's matrix is I + gamma C K, C = diag(c) the curvature of the loss and K = A DX A': in the
 * eigenvectors of M, where A_i becomes Q'A_i Q, the slope DX is diagonal. */
static int mirror_prepare(void *self, double t, const double *nu, double gamma, bool fresh) {
  road *r = self;
  factored *a = r->all;
  size_t n = a->o->samples, k = a->o->rows;
  if (fresh) {
    if (spectral_X(r, t, nu, r->X) != 0)
      return 1;
    ms_objective_measure(a->o, r->X, r->root);
    a->passes++;
    ms_problem_curvature(a->o->problem, r->root, r->root);
    for (size_t i = 0; i < n; i++)
      r->root[i] = sqrt(fmax(r->root[i], DBL_MIN));
    double ln_scale = a->ln_scale - 4 * ms_schedule_dose(a->run->schedule, t);
    double *Q = r->X, *D = r->moved, *AQ = r->work, *turned = AQ + k * k;
    /* r->G holds M */
    if (a->f.spectral_slope(&a->f, a->unit, ln_scale, r->G, Q, D, r->work) != 0)
      return 1;
    ms_matrix T = {.n = n, .d = k * (k + 1) / 2, .values = r->slopes};
    for (size_t i = 0; i < n; i++) {
      size_t at = i;
      ms_multiply(false, false, k, k, k, r->root[i], a->measured + i * k * k, Q, 0, AQ);
      ms_multiply(true, false, k, k, k, 1, Q, AQ, 0, turned);
      for (size_t p = 0; p < k; p++)
        for (size_t q = p; q < k; q++, at += n)
          r->slopes[at] = turned[p * k + q];
    }
    size_t at = 0;
    for (size_t p = 0; p < k; p++) /* packed: what is off the diagonal counts twice */
      for (size_t q = p; q < k; q++, at++)
        D[at] = D[p * k + q] * (p == q ? 1 : 2);
    if (ms_matrix_weighted_gram(&T, D, r->gram) != 0)
      return -1;
  }
  return factor_gram(r, gamma, 1);
}

static int mirror_solve(void *self, double *b) {
  const road *r = self;
  size_t n = r->all->o->samples;
  for (size_t i = 0; i < n; i++)
    b[i] /= r->root[i];
  ms_spd_solve(n, r->factor, b);
  for (size_t i = 0; i < n; i++)
    b[i] *= r->root[i];
  return 0;
}

/* An error of nu_i moves M by |A_i|_F at most, and ln X by four times that. */
static void mirror_tolerance(void *self, double t, const double *nu, double *tolerance) {
  const road *r = self;
  const factored *a = r->all;
  (void)t;
  for (size_t i = 0; i < a->o->samples; i++)
    tolerance[i] = 0.05 * a->run->setup.rtol / fmax(a->row[i], DBL_MIN) +
                   4 * DBL_EPSILON * fabs(nu[i]) + DBL_MIN;
}

static void nu_component(void *self, size_t i, char *name, size_t size) {
  (void)self;
  snprintf(name, size, "nu[%zu]", i);
}

static double mirror_stray(void *self, double t0, const double *y0, double t1, const double *y1,
                           const double *middle) {
  const road *r = self;
  const factored *a = r->all;
  (void)t0, (void)t1;
  double sum = 0;
  for (size_t i = 0; i < a->o->samples; i++) {
    double moved = a->row[i] * (middle ? middle[i] - (y0[i] + y1[i]) / 2 : y1[i] - y0[i]);
    sum += moved * moved;
  }
  return 4 * sqrt(sum);
}

/* ---- Where a flow ends ---------------------------------------------------------------------- */

double ms_nuclear_kkt(size_t rows, size_t cols, bool positive, const double *X, const double *G,
                      double lambda, double scale) {
  size_t k = MS_MIN(rows, cols), square = rows * cols;
  double *Y = ms_doubles(square + k + (rows + cols) * k + square), worst = NAN;
  if (!Y)
    return NAN;
  double *sigma = Y + square, *U = sigma + k, *Vt = U + rows * k, *P = Vt + cols * k;
  /* a step that makes G as large as X, so that both are told from 0 */
  double size = cblas_dnrm2((int)square, X, 1), step = (size > 0 ? size : 1) / scale;
  for (size_t i = 0; i < square; i++)
    Y[i] = X[i] - step * G[i];
  bool done;
  if (positive) {
    ms_symmetrize(rows, Y, U);
    done = ms_symmetric_eigen(rows, U, sigma) == 0;
    for (size_t j = 0; j < rows; j++)
      for (size_t i = 0; i < rows; i++)
        Vt[i * rows + j] = U[j * rows + i];
  } else {
    done = ms_singular(rows, cols, Y, sigma, U, Vt) == 0;
  }
  if (done) {
    for (size_t j = 0; j < k; j++)
      cblas_dscal((int)rows, fmax(sigma[j] - step * lambda, 0), U + j * rows, 1);
    ms_multiply(false, false, rows, cols, k, 1, U, Vt, 0, P);
    cblas_daxpy((int)square, -1, X, 1, P, 1);
    worst = cblas_dnrm2((int)square, P, 1) / (step * scale);
  }
  free(Y);
  return worst;
}

/* max over entries of |X - before| per unit of time, relative to X and the unit of time. */
static double speed(factored *a, double t, const double *X) {
  size_t d = a->run->d;
  double moved = 0, size = DBL_MIN;
  for (size_t i = 0; i < d; i++) {
    moved = fmax(moved, fabs(X[i] - a->X_before[i]));
    size = fmax(size, fabs(X[i]));
  }
  double before = a->t_before;
  memcpy(a->X_before, X, d * sizeof *X);
  a->t_before = t;
  if (!(before >= 0) || !(t > before))
    return 1;
  return moved / ((t - before) * size * a->run->setup.gradient_scale);
}

/* alpha that stays on, 0 where the schedule ends or tends to 0. */
static double lasting_alpha(const ms_setup *s, double t) {
  double from;
  return ms_schedule_limit(s->schedule, &from) > 0 ? ms_schedule_alpha(s->schedule, t) : 0;
}

/* Forces and speeds are compared with those of alpha where alpha is small. */
static double small_part(const factored *a, double t) {
  const ms_setup *s = &a->run->setup;
  double force = isfinite(a->f.cost) ? a->f.cost : a->f.degree;
  double part = SMALL_ALPHA * force * lasting_alpha(s, t) / s->gradient_scale;
  return part > 0 ? fmin(part, 1) : 1;
}

static bool finished(void *self, double t, const double *y) {
  road *r = self;
  factored *a = r->all;
  const ms_setup *s = &a->run->setup;
  double cost = a->f.cost;
  size_t every = s->method->discrete ? CHECK_TRAINING_EVERY : CHECK_EVERY;
  if (r != a->lead || !a->may_finish || a->checks++ % every ||
      !ms_flow_settled(s->schedule, isfinite(cost) ? cost : a->f.degree, s->gradient_scale, t))
    return false;
  if (r == &a->gradient)
    a->f.map(&a->f, y, r->X, r->work);
  else if (spectral_X(r, t, y, r->X) != 0)
    return false;
  double loss = a->o->value(a->o, r->X, r->G);
  a->passes += 2;
  if (loss <= a->stop_loss) {
    a->run->end_name = "loss";
    return true;
  }
  bool convex = isfinite(cost);
  double alpha = convex ? ms_schedule_alpha(s->schedule, t) : lasting_alpha(s, t);
  double part = small_part(a, t);
  /* margins without weight decay grow like ln t: that is no rest, however slow */
  bool still = speed(a, t, r->X) <= part * STATIONARY && (alpha > 0 || !a->o->margins);
  a->still_since = !still ? -1 : a->still_since < 0 ? t : a->still_since;
  if (still && (alpha == 0 || convex)) {
    /* a saddle is not an end: where the cost is convex its optimality conditions tell them apart;
     * narrow factors need not come to meet them, but a saddle would be left in time */
    restrict_gradient(&a->f, r->G);
    bool narrow = !a->f.diagonal && a->f.width < a->sigmas;
    still = (narrow && t >= 2 * a->still_since) ||
            ms_nuclear_kkt(a->f.rows, a->f.cols, a->f.positive, r->X, r->G,
                           alpha > 0 ? alpha * cost : 0, s->gradient_scale) <= part * 1e-6;
  }
  if (still)
    a->run->end_name = "stationary";
  return still;
}

static double next_break(void *self, double t) {
  const road *r = self;
  return ms_schedule_next_break(r->all->run->schedule, t);
}

static void enter(void *self, double from, double to) {
  road *r = self;
  (void)from;
  r->piece_to = to;
}

/* ---- Building ------------------------------------------------------------------------------- */

/* w0 of scale 1, see ms_initial. */
static ms_status make_unit(factored *a, ms_initial initial, uint64_t seed, ms_error *err) {
  const ms_factors *f = &a->f;
  gsl_rng *rng = ms_random_new(seed, MS_STREAM_INITIAL);
  a->unit = ms_doubles(f->weights);
  if (!rng || !a->unit) {
    if (rng)
      gsl_rng_free(rng);
    return ms_no_memory(err);
  }
  if (initial == MS_INITIAL_GAUSSIAN) {
    ms_random_gaussian(rng, a->unit, f->weights, f->diagonal ? 1 : 1 / sqrt((double)f->width));
  } else if (initial == MS_INITIAL_ZERO) {
    size_t last = f->diagonal ? f->rows : f->depth == 1 ? 0 : f->width * f->cols;
    if (f->diagonal) /* q0 = sqrt 2: beta = 1 in every entry */
      for (size_t i = 0; i < last; i++)
        a->unit[f->weights - last + i] = sqrt(2);
    else
      ms_random_gaussian(rng, a->unit + f->weights - last, last, sqrt(2 / (double)f->width));
  } else if (f->diagonal) {
    for (size_t i = 0; i < f->weights; i++)
      a->unit[i] = 1;
  } else {
    size_t at = 0;
    bool two_blocks = f->symmetric;
    for (size_t j = 0; at < f->weights; j++) {
      size_t high = two_blocks || j == 0 ? f->rows : f->width;
      size_t wide = !two_blocks && j + 1 == f->depth ? f->cols : f->width;
      for (size_t i = 0; i < MS_MIN(high, wide); i++)
        a->unit[at + i * high + i] = 1;
      at += high * wide;
    }
  }
  gsl_rng_free(rng);
  return MS_OK;
}

static ms_status choose_factors(factored *a, const ms_factored_defaults *defaults, ms_error *err) {
  const ms_config *cfg = a->run->cfg;
  const char *name =
      ms_config_given(cfg, "factors") ? ms_config_text(cfg, "factors") : defaults->factors;
  const char *init = ms_config_given(cfg, "init") ? ms_config_text(cfg, "init") : defaults->init;
  ms_factors *f = &a->f;
  *f = *ms_factors_find(name);
  f->rows = a->o->rows;
  f->cols = a->o->cols;
  f->width = ms_config_given(cfg, "width") ? ms_config_count(cfg, "width")
             : defaults->width             ? defaults->width
                                           : f->rows;
  f->depth = 2;
  if (ms_config_given(cfg, "depth")) {
    f->depth = ms_config_count(cfg, "depth");
    if (f->depth > f->depth_max || (f->depth_max == 2 && f->depth != 2))
      return ms_fail(err, MS_BAD_SETTING, "%s: '%zu' is not allowed; --factors %s takes %s",
                     ms_config_origin(cfg, "depth"), f->depth, name,
                     f->depth_max == 2 ? "2" : "1 to 8");
  }
  if (f->symmetric && f->rows != f->cols)
    return ms_fail(err, MS_BAD_SETTING,
                   "--factors %s: X has %zu rows and %zu columns; it must be "
                   "square",
                   name, f->rows, f->cols);
  f->configure(f);
  a->queries = defaults->queries && !f->symmetric && !f->diagonal && f->depth == 2;
  ms_initial initial = MS_INITIAL_IDENTITY;
  for (size_t i = 0; initials_choice(i, NULL); i++)
    if (strcmp(initials_choice(i, NULL), init) == 0)
      initial = (ms_initial)i;
  bool given = ms_config_given(cfg, "init-w");
  const char *why = f->refuses && !given ? f->refuses(f, initial) : NULL;
  if (why)
    return ms_fail(err, MS_BAD_SETTING, "--factors %s --init %s: not allowed: %s", name, init, why);
  a->mixed = (given || initial != MS_INITIAL_IDENTITY) && !f->diagonal;
  ms_status status = MS_OK;
  if (!given)
    status = make_unit(a, initial, (uint64_t)ms_config_real(cfg, "seed"), err);
  else
    status = ms_factored_read_start(a->run, &a->unit, &a->ln_size, err);
  /* the separable parametrization that singular values follow where everything is aligned */
  a->like = *ms_param_find(f->like);
  bool mw = strcmp(f->like, "mw") == 0;
  a->like_known = !given && f->depth == 2 && (mw ? initial == MS_INITIAL_ZERO : !f->positive);
  a->like_ln_beta = a->ln_scale + (mw ? 0 : log(2));
  return status;
}

/* Discrete methods train what is recorded. The mirror flow beside it is integrated. */
static ms_status road_new(road *r, factored *a, const ms_method *method, const double *y0,
                          ms_error *err) {
  const ms_setup *s = &a->run->setup;
  size_t d = a->run->d;
  r->X = ms_doubles(2 * d + MS_MAX(ms_factors_work(&a->f), a->o->samples));
  if (!r->X)
    return ms_no_memory(err);
  r->G = r->X + d;
  r->work = r->G + d;
  r->ode.self = r;
  r->ode.next_break = next_break;
  r->ode.enter = enter;
  r->ode.finished = finished;
  return ms_integrator_new(&r->in, method, &r->ode, y0, s->t_end, s->step_limit, &s->training, err);
}

/* The measurements as matrices, and the preconditioner's room for `slope` numbers each; neither
 * where they are too many. */
static ms_status make_room(road *r, size_t slope, const ms_method *method, ms_error *err) {
  factored *a = r->all;
  size_t n = a->o->samples, d = a->run->d;
  if (!a->o->problem || !method->implicit || n > SLOPES_MAX ||
      (double)n * (double)MS_MAX(slope, d) > SLOPE_NUMBERS)
    return MS_OK;
  if (!a->measured) {
    double *unit = ms_doubles(n);
    a->measured = ms_doubles(n * d);
    for (size_t i = 0; unit && a->measured && i < n; i++) {
      unit[i] = 1;
      ms_objective_adjoint(a->o, unit, a->measured + i * d);
      unit[i] = 0;
    }
    free(unit);
  }
  r->slopes = ms_doubles(n * slope + 2 * n * n + 2 * n + 2 * slope);
  if (!r->slopes || !a->measured)
    return ms_no_memory(err);
  r->gram = r->slopes + n * slope;
  r->factor = r->gram + n * n;
  r->b = r->factor + n * n;
  r->root = r->b + n;
  r->at = r->root + n;
  r->moved = r->at + slope;
  return MS_OK;
}

static ms_status gradient_new(factored *a, ms_error *err) {
  double *w = ms_doubles(a->f.weights), sum = 0;
  if (!w)
    return ms_no_memory(err);
  double shrink = exp(a->ln_scale / (double)a->f.depth);
  for (size_t i = 0; i < a->f.weights; i++) {
    w[i] = shrink * a->unit[i];
    sum += w[i] * w[i];
  }
  a->floor = sum > 0 ? sqrt(sum / (double)a->f.weights) : shrink;
  road *r = &a->gradient;
  r->all = a;
  r->ode = (ms_ode){.size = a->f.weights,
                    .rhs = gradient_rhs,
                    .tolerance = gradient_tolerance,
                    .component = weight_component};
  ms_status status = make_room(r, a->f.weights, a->run->setup.method, err);
  if (r->slopes) {
    r->ode.prepare = gradient_prepare;
    r->ode.solve = gradient_solve;
    r->ode.inexact = true;
  }
  if (status == MS_OK)
    status = road_new(r, a, a->run->setup.method, w, err);
  size_t count = a->f.balances(&a->f);
  a->balance0 = ms_doubles(2 * count);
  if (status == MS_OK && !a->balance0)
    status = ms_no_memory(err);
  if (status == MS_OK && count) {
    a->balance = a->balance0 + count;
    a->f.balance(&a->f, w, a->balance0);
  }
  free(w);
  return status;
}

static ms_status mirror_new(factored *a, const ms_method *method, ms_error *err) {
  size_t n = a->o->samples;
  double *nu = ms_doubles(n);
  a->row = ms_doubles(n);
  ms_status status = nu && a->row ? MS_OK : ms_no_memory(err);
  road *r = &a->mirror;
  r->all = a;
  r->ode = (ms_ode){.size = n,
                    .rhs = mirror_rhs,
                    .tolerance = mirror_tolerance,
                    .stray = mirror_stray,
                    .component = nu_component};
  if (status == MS_OK) {
    ms_matrix_row_norms(a->o->problem->Z, a->row);
    status = make_room(r, a->run->d, method, err);
    if (r->slopes) {
      r->ode.prepare = mirror_prepare;
      r->ode.solve = mirror_solve;
      r->ode.inexact = a->mixed;
    }
  }
  if (status == MS_OK) {
    status = road_new(r, a, method, nu, err);
  }
  free(nu);
  return status;
}

static ms_status build_roads(factored *a, ms_error *err) {
  ms_run *run = a->run;
  const char *mode = ms_config_text(run->cfg, "flow");
  bool linear = a->o->problem != NULL, possible = a->f.spectral && linear;
  if (strcmp(mode, "limit") == 0 || strcmp(mode, "saddle") == 0)
    return ms_fail(err, MS_UNSUPPORTED, "--flow %s is there for --model diag", mode);
  bool wanted = strcmp(mode, "mirror") == 0 || strcmp(mode, "both") == 0;
  if (wanted && !possible)
    return ms_fail(err, MS_UNSUPPORTED,
                   "--flow %s: --factors %s has no mirror flow%s; psd and symmetric have one where "
                   "the measurements commute (mirrorsim check tells)",
                   mode, a->f.name, linear ? "" : " of this loss");
  double numbers = (double)a->o->samples * (double)run->d;
  bool mirror = possible && (wanted || (strcmp(mode, "auto") == 0 && numbers <= PARTNER_NUMBERS));
  bool gradient = strcmp(mode, "mirror") != 0;
  if (gradient && a->ln_scale / (double)a->f.depth < LN_SMALLEST) {
    if (!mirror)
      return ms_fail(err, MS_UNSUPPORTED,
                     "%s: factors of this scale are smaller than double precision holds",
                     ms_config_origin(run->cfg, "init-scale"));
    if (run->setup.method->discrete)
      return ms_fail(err, MS_UNSUPPORTED,
                     "%s: '%s' steps the factors, which would be smaller than double precision "
                     "holds; --flow mirror steps the dual variable instead (mirror descent)",
                     ms_config_origin(run->cfg, "method"), run->setup.method->name);
    gradient = false;
    ms_run_add_note(run, "The gradient flow is left out: its factors would be smaller than double "
                         "precision holds. The mirror flow has no such limit.");
  }
  if (run->setup.method->stochastic)
    return ms_fail(err, MS_UNSUPPORTED,
                   "--method %s: there for --model diag; matrix models take "
                   "bdf, adams and gd",
                   run->setup.method->name);
  bool beside_training = gradient && run->setup.method->discrete;
  ms_status status = MS_OK;
  if (gradient)
    status = gradient_new(a, err);
  if (status == MS_OK && mirror)
    status = mirror_new(a, beside_training ? &ms_method_bdf : run->setup.method, err);
  if (status != MS_OK)
    return status;
  a->lead = gradient ? &a->gradient : &a->mirror;
  a->beside = gradient && mirror ? &a->mirror : NULL;
  run->flow_name = !mirror                       ? "gradient"
                   : gradient                    ? "both"
                   : run->setup.method->discrete ? "mirror-descent"
                                                 : "mirror";
  if (mirror && !a->o->commuting)
    ms_run_add_note(run, "The measurements do not commute, so the gradient flow is no mirror flow: "
                         "the spectral mirror flow is a comparison, gf_mf_gap how far it is off.");
  return MS_OK;
}

static double default_lr(const factored *a, double G, double f0) {
  /* the curvature of f is about G^2 / (2 f0), that of the factors' map their size, |X| ~ f0 / G */
  double size = fmax(f0 > 0 ? 2 * f0 / G : 1, exp(a->ln_size));
  return 0.02 / (G * G / fmax(2 * f0, DBL_MIN) * size);
}

ms_status ms_factored_build(ms_run *run, ms_objective *o, const ms_factored_defaults *defaults,
                            ms_error *err) {
  factored *a = calloc(1, sizeof *a);
  if (!a) {
    ms_objective_free(o);
    return ms_no_memory(err);
  }
  run->own = a;
  a->run = run;
  a->o = o;
  a->kkt = NAN;
  a->t_before = a->still_since = -1;
  run->n = o->samples;
  ms_setup *s = &run->setup;
  const ms_config *cfg = run->cfg;
  const char *scale =
      ms_config_given(cfg, "init-scale") ? ms_config_text(cfg, "init-scale") : defaults->scale;
  if (!ms_parse_log(scale, &a->ln_scale))
    return ms_fail(err, MS_BAD_SETTING,
                   "%s: '%s' is not a positive number; --model %s takes no file",
                   ms_config_origin(cfg, "init-scale"), scale, run->model->name);
  static const char *const starts[] = {"init", "init-scale", NULL};
  ms_status status = MS_OK;
  a->ln_size = a->ln_scale;
  if (ms_config_given(cfg, "init-w")) {
    status = ms_start_file_alone(cfg, starts, "--init-w says what the factors start from", err);
    a->ln_scale = 0; /* the weights are as they are */
  }
  if (status == MS_OK)
    status = choose_factors(a, defaults, err);
  size_t d = o->rows * o->cols;
  if (status == MS_OK)
    status = ms_run_shape(run, d, err);
  if (status != MS_OK)
    return status;
  run->x_rows = o->rows;
  run->x_cols = o->cols;
  a->sigmas = MS_MIN(o->rows, o->cols);
  a->sigma = ms_doubles(a->sigmas);
  a->G = ms_doubles(d);
  a->X_before = ms_doubles(d);
  if (!a->sigma || !a->G || !a->X_before)
    return ms_no_memory(err);
  s->rtol = ms_config_real(cfg, "rtol");
  s->step_limit = ms_config_count(cfg, "max-steps");
  ms_run_method(run);
  double f0 = o->value(o, run->x, a->G); /* at X = 0 */
  restrict_gradient(&a->f, a->G);
  if (ms_singular(o->rows, o->cols, a->G, a->sigma, NULL, NULL) != 0 || !isfinite(f0))
    return ms_fail(err, MS_NOT_FINITE, "the loss is not finite at X = 0");
  double G = a->sigma[0] > 0 ? a->sigma[0] : 1;
  a->stop_loss =
      ms_config_text(cfg, "stop-loss") ? ms_config_real(cfg, "stop-loss") : o->stop_loss * f0;
  ms_run_training(run, default_lr(a, G, f0 - (o->problem ? ms_problem_floor(o->problem) : 0)));
  a->may_finish = ms_run_may_end(run);
  bool stop_given = ms_config_text(cfg, "stop-loss") && a->stop_loss > 0;
  status = ms_run_plan(run, G, (BASE_HORIZON + SCALE_HORIZON * fmax(0, -a->ln_size)) / G,
                       stop_given || (!s->method->discrete && o->stop_loss != 0), err);
  double from;
  if (status == MS_OK && !ms_config_text(cfg, "stop-loss") &&
      ms_schedule_limit(run->schedule, &from) > 0)
    a->stop_loss = -INFINITY; /* weight decay that stays on moves X on, however small f is */
  if (status == MS_OK)
    status = ms_run_keep(run, a->G, err);
  if (status == MS_OK)
    status = build_roads(a, err);
  if (status == MS_OK && !ms_config_given(cfg, "wd") && run->schedule->alpha0 > 0)
    ms_run_add_note(run, "alpha0 = %.4g was chosen: a quarter of |grad f(0)|_2.",
                    run->schedule->alpha0);
  return status;
}

/* ---- Advancing ------------------------------------------------------------------------------ */

static int road_X(road *r, double t, double *X) {
  factored *a = r->all;
  if (r == &a->mirror)
    return spectral_X(r, t, r->in->out, X);
  a->f.map(&a->f, r->in->out, X, r->work);
  return finite_all(X, a->run->d) ? 0 : 1;
}

/* max |balance - balance0 e^{-4A}| relative to the largest |w|^2 of a row or column. */
static double balance_drift(factored *a, double t) {
  size_t count = a->f.balances(&a->f);
  if (!a->gradient.in || !count)
    return NAN;
  const double *w = a->gradient.in->out;
  a->f.balance(&a->f, w, a->balance);
  double shrink = exp(-4 * ms_schedule_dose(a->run->schedule, t)), drift = 0, size = 0;
  for (size_t i = 0; i < count; i++)
    drift = fmax(drift, fabs(a->balance[i] - shrink * a->balance0[i]));
  for (size_t i = 0; i < a->f.weights; i++)
    size += w[i] * w[i];
  return size > 0 ? drift / size : 0;
}

static ms_status keep_spectrum(factored *a, ms_error *err) {
  size_t row = a->run->recorded;
  if (row >= a->spectra_room) {
    a->spectra_room = a->spectra_room ? 2 * a->spectra_room : 64;
    double *more = realloc(a->spectra, a->spectra_room * a->sigmas * sizeof *more);
    if (!more)
      return ms_no_memory(err);
    a->spectra = more;
  }
  memcpy(a->spectra + row * a->sigmas, a->sigma, a->sigmas * sizeof *a->sigma);
  return MS_OK;
}

ms_status ms_factored_advance(ms_run *run, double *t, ms_error *err) {
  factored *a = own_of(run);
  ms_status status = ms_integrator_advance(a->lead->in, t, err);
  if (status < 0)
    return status;
  if (road_X(a->lead, *t, run->x) != 0)
    return ms_fail_at(err, MS_NOT_FINITE, *t, "X is not finite at t = %.6g", *t);
  run->gap = NAN;
  if (a->beside) {
    ms_error why = {0};
    ms_status other = ms_integrator_advance(a->beside->in, t, &why);
    if (other == MS_INTERRUPTED) {
      *err = why;
      return other;
    }
    if (other < 0 || road_X(a->beside, *t, a->beside->X) != 0) {
      ms_run_add_note(run, "The flow beside it ended early and is compared up to there: %s.",
                      why.message);
      a->beside = NULL;
    } else {
      run->gap = ms_run_distance(run, a->beside->X);
    }
  }
  run->loss = a->o->value(a->o, run->x, a->G);
  restrict_gradient(&a->f, a->G);
  run->drift = balance_drift(a, *t);
  if (ms_singular(a->f.rows, a->f.cols, run->x, a->sigma, NULL, NULL) != 0)
    return ms_fail_at(err, MS_STALLED, *t, "no singular values at t = %.6g", *t);
  a->score = a->o->score ? a->o->score(a->o, run->x) : NAN;
  ms_status kept = keep_spectrum(a, err);
  return kept < 0 ? kept : status;
}

void ms_factored_interrupt(ms_run *run, const volatile sig_atomic_t *flag) {
  factored *a = own_of(run);
  if (a->gradient.in)
    a->gradient.in->interrupt = flag;
  if (a->mirror.in)
    a->mirror.in->interrupt = flag;
}

ms_objective *ms_factored_objective(const ms_run *run) {
  return own_of(run)->o;
}

const ms_factors *ms_factored_factors(const ms_run *run, bool *queries) {
  *queries = own_of(run)->queries;
  return &own_of(run)->f;
}

bool ms_factored_start(const ms_run *run, double *w) {
  const factored *a = own_of(run);
  double ln_shrink = a->ln_scale / (double)a->f.depth, shrink = exp(ln_shrink);
  for (size_t i = 0; i < a->f.weights; i++)
    w[i] = shrink * a->unit[i];
  return ln_shrink >= LN_SMALLEST;
}

const double *ms_factored_now(const ms_run *run) {
  const factored *a = own_of(run);
  return a->gradient.in ? a->gradient.in->out : NULL;
}

const double *ms_factored_spectrum(const ms_run *run, size_t *count) {
  *count = own_of(run)->sigmas;
  return own_of(run)->sigma;
}

/* ---- Observables ---------------------------------------------------------------------------- */

static double frobenius(ms_view *v) {
  return cblas_dnrm2((int)v->run->d, v->x, 1);
}

static double entrywise(ms_view *v) {
  return cblas_dasum((int)v->run->d, v->x, 1);
}

static double nuclear(ms_view *v) {
  const factored *a = own_of(v->run);
  return cblas_dasum((int)a->sigmas, a->sigma, 1);
}

static double ratio(ms_view *v) {
  double size = frobenius(v);
  return size > 0 ? nuclear(v) / size : NAN;
}

/* e^{entropy of sigma / sum sigma}. */
static double rank_effective(ms_view *v) {
  const factored *a = own_of(v->run);
  double sum = nuclear(v), entropy = 0;
  for (size_t i = 0; i < a->sigmas && sum > 0; i++)
    if (a->sigma[i] > 0)
      entropy -= a->sigma[i] / sum * log(a->sigma[i] / sum);
  return sum > 0 ? exp(entropy) : NAN;
}

static double rank_above(ms_view *v) {
  const factored *a = own_of(v->run);
  double count = 0;
  for (size_t i = 0; i < a->sigmas; i++)
    count += a->sigma[i] > RANK_PART * a->sigma[0];
  return count;
}

static double sigma_first(ms_view *v) {
  return own_of(v->run)->sigma[0];
}

static double truth_error(ms_view *v) {
  const ms_objective *o = own_of(v->run)->o;
  if (!o->truth)
    return NAN;
  double sum = 0;
  for (size_t i = 0; i < v->run->d; i++)
    sum += (v->x[i] - o->truth[i]) * (v->x[i] - o->truth[i]);
  return sqrt(sum);
}

/* <X, truth> / (|X|_F |truth|_F). */
static double truth_cosine(ms_view *v) {
  const ms_objective *o = own_of(v->run)->o;
  int d = (int)v->run->d;
  double size = frobenius(v);
  return o->truth && size > 0
             ? cblas_ddot(d, v->x, 1, o->truth, 1) / (size * cblas_dnrm2(d, o->truth, 1))
             : NAN;
}

static double least_margin(ms_view *v) {
  ms_objective *o = own_of(v->run)->o;
  double *m = ms_doubles(o->margins), least = o->margins && m ? INFINITY : NAN;
  if (o->margins && m)
    o->margin(o, v->x, m);
  for (size_t i = 0; i < o->margins && m; i++)
    least = fmin(least, m[i]);
  free(m);
  return least;
}

/* The representation cost of X over what the weights cost. */
static double alignment(ms_view *v) {
  const factored *a = own_of(v->run);
  const double *w = a->gradient.in ? a->gradient.in->out : NULL;
  double h = w ? cblas_dnrm2((int)a->f.weights, w, 1) : 0;
  return h > 0 ? a->f.cost * nuclear(v) / (h * h) : NAN;
}

static double ln_beta(ms_view *v) {
  const factored *a = own_of(v->run);
  return a->like_known ? a->like_ln_beta - 4 * v->dose : NAN;
}

/* p_eff of the singular values, as they would be where everything is aligned; mean weighted by
 * sigma. */
static double exponent(ms_view *v) {
  const factored *a = own_of(v->run);
  const ms_param *p = &a->like;
  if (!a->like_known)
    return NAN;
  double weight = 0, weighted = 0, centred = 0;
  const ms_start start = {&a->like_ln_beta, &centred};
  for (size_t i = 0; i < a->sigmas; i++) {
    double x = a->sigma[i], mu, R = p->potential(p, a->like_ln_beta, 0, -v->dose, x), e = 2;
    if (R > 0) {
      p->dual(p, &start, 0, 1, -v->dose, &x, &mu);
      e = x * mu / R;
    }
    weight += x;
    weighted += x * e;
  }
  return weight > 0 ? weighted / weight : 2;
}

static double potential(ms_view *v) {
  const factored *a = own_of(v->run);
  double R = 0;
  for (size_t i = 0; i < a->sigmas && a->like_known; i++)
    R += a->like.potential(&a->like, a->like_ln_beta, 0, -v->dose, a->sigma[i]);
  return a->like_known ? R : NAN;
}

static double kkt_residual(ms_view *v) {
  factored *a = own_of(v->run);
  if (v->alpha > 0 && !isfinite(a->f.cost))
    return NAN;
  return ms_nuclear_kkt(a->f.rows, a->f.cols, a->f.positive, v->x, a->G,
                        v->alpha > 0 ? a->f.cost * v->alpha : 0, v->setup->gradient_scale);
}

/* |B'B - AA'|_F and the like, of the gradient flow. */
static double balance_size(ms_view *v) {
  const factored *a = own_of(v->run);
  size_t count = a->f.balances(&a->f);
  return a->gradient.in && count ? cblas_dnrm2((int)count, a->balance, 1) : NAN;
}

static double score(ms_view *v) {
  return own_of(v->run)->score;
}

const ms_observable ms_observables_factored[] = {
    {"t", "time", ms_observe_time},
    {"alpha", "weight decay alpha(t)", ms_observe_alpha},
    {"dose", "A(t) = integral of alpha", ms_observe_dose},
    {"loss", "f(X)", ms_observe_loss},
    {"l1", "|X|_1, entries", entrywise},
    {"l2", "|X|_F", frobenius},
    {"nuclear_norm", "|X|_*", nuclear},
    {"nuclear_ratio", "|X|_* / |X|_F: 1 for rank one, sqrt(rank) at most", ratio},
    {"rank_effective", "e^{entropy of sigma / sum sigma}", rank_effective},
    {"rank", "singular values above 1e-3 of the largest", rank_above},
    {"sigma_1", "largest singular value", sigma_first},
    {"truth_error", "|X - truth|_F", truth_error},
    {"truth_cosine", "cosine of X with the truth", truth_cosine},
    {"margin", "least margin of a classification", least_margin},
    {"alignment",
     "2 |X|_* / |w|^2 (psd and symmetric: |X|_* / |w|^2): 1 where the factors are "
     "balanced and share their bases",
     alignment},
    {"effective_exponent", "p_eff of the singular values, aligned: 2 is L2, 1 is L1", exponent},
    {"ln_beta", "ln of the scale beta_a of the singular values' potential", ln_beta},
    {"potential", "R_a of the singular values", potential},
    {"kkt_residual", "how far X is from stationary for f + alpha S, S = cost |X|_*", kkt_residual},
    {"balance", "|B'B - AA'|_F, decays as e^{-4A}", balance_size},
    {"score", "the model's own figure of merit", score},
    {"gf_mf_gap", "largest |X_gf - X_mf| relative to the largest |X|", ms_observe_gap},
    {"invariant_drift", "error of the balance law, relative to |w|^2", ms_observe_drift},
    {.name = NULL},
};

bool ms_factored_summary_at(const ms_run *run, size_t i, ms_summary *entry) {
  const factored *a = own_of(run);
  const ms_summary all[] = {
      {"factors", "", a->f.name, NAN, false},
      {"width", "inner size of the factors", NULL, (double)a->f.width, true},
      {"nuclear_ratio", "nuclear / Frobenius norm", NULL, ms_run_observe(run, "nuclear_ratio"),
       false},
      {"rank", "above 1e-3 of the largest", NULL, ms_run_observe(run, "rank"), true},
      {"score", a->o->score_help ? a->o->score_help : "", NULL, a->score, false},
  };
  if (i >= sizeof all / sizeof *all)
    return false;
  *entry = all[i];
  return true;
}

/* ---- g and h, for brackets ------------------------------------------------------------------ */

/* Of linear measurements the components are <A_i, X>, else the entries of X. */
static void pair_gradient(void *self, const double *v, const double *w, double *out) {
  factored *a = self;
  road *r = &a->gradient;
  if (a->o->problem) {
    ms_objective_adjoint(a->o, v, r->G);
    v = r->G;
  }
  a->f.pull(&a->f, w, v, out, r->work);
}

ms_status ms_factored_pair(ms_run *run, ms_pair *pair, ms_error *err) {
  factored *a = own_of(run);
  if (!a->gradient.in)
    return ms_fail(err, MS_UNSUPPORTED, "check needs the gradient flow, which is not integrated");
  *pair = (ms_pair){.weights = a->f.weights,
                    .components = a->o->problem ? a->o->samples : run->d,
                    .self = a,
                    .w = a->gradient.in->out,
                    .mirror = a->f.spectral && a->o->commuting,
                    .g = a->f.g,
                    .gradient = pair_gradient};
  return MS_OK;
}

/* ---- The end -------------------------------------------------------------------------------- */

/* Says so where X rests near the saddle at 0, which products of L > 2 factors leave like powers of
 * t: factors of size w grow by w^{L-1} times the gradient. */
static void note_saddle(factored *a) {
  ms_run *run = a->run;
  const ms_setup *s = &run->setup;
  double L = a->f.degree, *sigma = ms_doubles(a->sigmas);
  if (L > 2 && sigma && s->open_ended && strcmp(run->status, "t_end") == 0 &&
      !(lasting_alpha(s, ms_run_t(run)) > 0) &&
      ms_singular(a->f.rows, a->f.cols, a->G, sigma, NULL, NULL) == 0 &&
      sigma[0] > SADDLE_PART * s->gradient_scale && a->sigma[0] < SADDLE_PART) {
    double leaving = pow(a->sigma[0], 2 / L - 1) / ((L - 2) * sigma[0]);
    char when[48] = "at no time that double precision knows";
    if (isfinite(leaving))
      snprintf(when, sizeof when, "after about %.3g more of t", leaving);
    run->status = "near-saddle";
    ms_run_add_note(run,
                    "X rests near the saddle at 0, which is no minimum of the loss: it leaves it "
                    "%s. A larger --init-scale or a smaller --wd leaves sooner.",
                    when);
  }
  free(sigma);
}

void ms_factored_finish(ms_run *run) {
  factored *a = own_of(run);
  note_saddle(a);
  const ms_integrator *in = a->lead->in;
  run->steps = in->steps;
  run->rhs_count = in->rhs_count + (a->beside ? a->beside->in->rhs_count : 0);
  run->passes = a->passes;
}

ms_status ms_factored_write(const ms_run *run, const char *dir, ms_error *err) {
  const factored *a = own_of(run);
  size_t columns = 0;
  while (run->model->observables[columns].name)
    columns++;
  ms_writer w;
  ms_status status = ms_writer_open(&w, dir, "spectrum.csv", err);
  if (status != MS_OK)
    return status;
  fputs("t,dose", w.file);
  for (size_t k = 0; k < a->sigmas; k++)
    fprintf(w.file, ",sigma[%zu]", k + 1);
  for (size_t i = 0; i < run->recorded; i++) {
    fprintf(w.file, "\n%.12g,%.12g", run->rows[i * columns], run->rows[i * columns + 2]);
    for (size_t k = 0; k < a->sigmas; k++)
      fprintf(w.file, ",%.9g", a->spectra[i * a->sigmas + k]);
  }
  fputc('\n', w.file);
  return ms_writer_commit(&w, err);
}

void ms_factored_release(ms_run *run) {
  factored *a = own_of(run);
  if (!a)
    return;
  ms_integrator_free(a->gradient.in);
  ms_integrator_free(a->mirror.in);
  free(a->gradient.X);
  free(a->mirror.X);
  double *blocks[] = {a->unit,    a->balance0, a->row,      a->sigma,           a->G,
                      a->spectra, a->X_before, a->measured, a->gradient.slopes, a->mirror.slopes};
  for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++)
    free(blocks[i]);
  ms_objective_free(a->o);
  free(a);
  run->own = NULL;
}
