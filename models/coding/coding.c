/* Sparse coding: patches of an image as few atoms of a dictionary, both learned,
 *
 *   f(X, D) = |Y - D X|_F^2 / (2N),   dX by its parametrization,   dD/dt = -P grad_D f,
 *
 * P the projection that keeps the columns of D on the unit sphere. The codes X are separable, x =
 * u^2 - v^2 or u^{2k} - v^{2k} (--param matched --depth 2k, the regularizer u^{2k} + v^{2k}), so
 * that they have a mirror flow whatever D does. At the end FISTA codes the same patches with the
 * same dictionary at that lambda |X|_1 which leaves the same error: the least L1 norm there is. */
#include "coding/coding.h"
#include "base/random.h"
#include "coding/arrays.h"
#include "factors/factors.h"
#include "linalg/dense.h"
#include "run/data_file.h"
#include "run/separable.h"
#include "text/datafile.h"
#include "text/text.h"
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Horizon in units of 1/max |grad f(0)|. */
static const double BASE_HORIZON = 60;
static const double PARTNER_NUMBERS = 2e5; /* codes: up to here the mirror flow runs, too */
static const double ZERO_PART = 1e-3;
/* Of the baseline: bisections of ln lambda, and of FISTA each. */
enum { BISECTIONS = 40, FISTA_STEPS = 3000 };
static const double FISTA_TOLERANCE = 1e-7;

typedef struct coding {
  ms_run *run;
  size_t p, m, N; /* pixels, atoms, patches */
  bool learn;
  double *Y, *residual;       /* p * N */
  double *start, *slope, *x0; /* x0: x at t = 0 */
  ms_param param;
  ms_mixed flow;
  double size; /* |Y|_F^2 */
  double fista_l1, fista_nonzeros, fista_lambda;
} coding;

static coding *own_of(const ms_run *run) {
  return run->own;
}

#define GROUP "Sparse coding"
static const ms_setting settings[] = {
    {"image", MS_PATH, "FILE.csv", NULL, .group = GROUP,
     .help = "grey values, a row a line after a header; default: a staircase (ascent), 64 x 64"},
    {"patches", MS_COUNT, "N", "100", .min = 1, .max = 100000, .group = GROUP,
     .help = "how many patches are cut from it, at random places"},
    {"patch-side", MS_COUNT, "N", "8", .min = 2, .max = 64, .group = GROUP,
     .help = "height and width of a patch in pixels"},
    {"atoms", MS_COUNT, "N", "128", .min = 1, .max = 10000, .group = GROUP,
     .help = "columns of the dictionary"},
    {"fixed", MS_FLAG, NULL, "off", .group = GROUP,
     .help = "keep the dictionary as it begins: only codes are trained"},
    {.name = NULL},
};

/* ---- The patches ---------------------------------------------------------------------------- */

/* Without their means, the mean square of all norms 1. */
static ms_status cut_patches(coding *c, const ms_table *image, size_t side, gsl_rng *rng,
                             const char *path, ms_error *err) {
  if (image->rows < side || image->cols < side)
    return ms_fail(err, MS_BAD_INPUT, "%s: has %zu x %zu pixels, fewer than --patch-side %zu", path,
                   image->rows, image->cols, side);
  for (size_t n = 0; n < c->N; n++) {
    size_t top = gsl_rng_uniform_int(rng, image->rows - side + 1),
           left = gsl_rng_uniform_int(rng, image->cols - side + 1);
    double *y = c->Y + n * c->p, mean = 0;
    for (size_t j = 0; j < side; j++)
      for (size_t i = 0; i < side; i++)
        mean += y[i * side + j] = image->values[(left + j) * image->rows + top + i];
    for (size_t k = 0; k < c->p; k++) {
      y[k] -= mean / (double)c->p;
      c->size += y[k] * y[k];
    }
  }
  if (!(c->size > 0))
    return ms_fail(err, MS_BAD_INPUT, "%s: all patches are of one grey", path);
  cblas_dscal((int)(c->p * c->N), sqrt((double)c->N / c->size), c->Y, 1);
  c->size = (double)c->N;
  return MS_OK;
}

static ms_status read_patches(coding *c, const ms_config *cfg, ms_error *err) {
  char path[4096];
  const char *given = ms_config_text(cfg, "image");
  if (given)
    snprintf(path, sizeof path, "%s", given);
  else if (!ms_data_path("ascent_64x64.csv", path, sizeof path))
    return ms_fail(
        err, MS_BAD_INPUT,
        "ascent_64x64.csv is neither beside the program nor installed; MIRRORSIM_DATA may "
        "name its folder, or --image a picture");
  ms_table image;
  ms_status status = ms_table_read_columns(&image, path, err);
  if (status != MS_OK)
    return status;
  gsl_rng *rng = ms_random_new((uint64_t)ms_config_real(cfg, "seed"), MS_STREAM_DATA);
  status = rng ? cut_patches(c, &image, ms_config_count(cfg, "patch-side"), rng, path, err)
               : ms_no_memory(err);
  if (rng)
    gsl_rng_free(rng);
  ms_table_free(&image);
  return status;
}

/* ---- The flow ------------------------------------------------------------------------------- */

/* out = D X - Y */
static void find_residual(const coding *c, const double *x, double *out) {
  memcpy(out, c->Y, c->p * c->N * sizeof *out);
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, (int)c->p, (int)c->N, (int)c->m, 1,
              x + c->m * c->N, (int)c->p, x, (int)c->m, -1, out, (int)c->p);
}

static double loss_of(const coding *c, const double *residual) {
  return cblas_ddot((int)(c->p * c->N), residual, 1, residual, 1) / (2 * (double)c->N);
}

static double value_of(void *self, const double *x, double *G) {
  coding *c = self;
  size_t codes = c->m * c->N;
  const double *D = x + codes;
  double *GD = G + codes;
  int p = (int)c->p, m = (int)c->m, N = (int)c->N;
  find_residual(c, x, c->residual);
  cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, m, N, p, 1 / (double)c->N, D, p, c->residual,
              p, 0, G, m);
  if (!c->learn) {
    memset(GD, 0, c->p * c->m * sizeof *GD);
    return loss_of(c, c->residual);
  }
  cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, p, m, N, 1 / (double)c->N, c->residual, p, x,
              m, 0, GD, p);
  for (size_t j = 0; j < c->m; j++) {
    const double *d = D + j * c->p;
    double along = cblas_ddot(p, d, 1, GD + j * c->p, 1) / cblas_ddot(p, d, 1, d, 1);
    cblas_daxpy(p, -along, d, 1, GD + j * c->p, 1);
  }
  return loss_of(c, c->residual);
}

static void map_of(void *self, const double *w, double *x) {
  const coding *c = self;
  size_t codes = c->m * c->N;
  for (size_t i = 0; i < codes; i++)
    x[i] = c->param.map(&c->param, w + 2 * i);
  memcpy(x + codes, w + 2 * codes, c->p * c->m * sizeof *x);
}

static void pull_of(void *self, const double *w, const double *G, double alpha, double *out) {
  const coding *c = self;
  size_t codes = c->m * c->N;
  for (size_t i = 0; i < codes; i++) {
    double dg[MS_WIDTH_MAX], dh[MS_WIDTH_MAX], d2h[MS_WIDTH_MAX * MS_WIDTH_MAX];
    const double *at = w + 2 * i;
    c->param.slope(&c->param, at, dg);
    if (c->param.decay)
      c->param.decay(&c->param, at, dh, d2h);
    for (size_t b = 0; b < 2; b++)
      out[2 * i + b] = G[i] * dg[b] + alpha * (c->param.decay ? dh[b] : 2 * at[b]);
  }
  memcpy(out + 2 * codes, G + codes, c->p * c->m * sizeof *out);
}

/* ---- FISTA ---------------------------------------------------------------------------------- */

int ms_fista(const double *D, const double *Y, size_t p, size_t m, size_t N, double lambda,
             double tolerance, size_t limit, double *X) {
  size_t codes = m * N;
  double *gram = ms_doubles(m * m + m + 3 * codes + p * N);
  if (!gram)
    return -1;
  double *values = gram + m * m, *Z = values + m, *before = Z + codes, *G = before + codes;
  double *R = G + codes, momentum = 1;
  cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, (int)m, (int)m, (int)p, 1, D, (int)p, D,
              (int)p, 0, gram, (int)m);
  if (ms_symmetric_eigen(m, gram, values) != 0) {
    free(gram);
    return -1;
  }
  double step = 1 / values[m - 1], shrink = lambda * (double)N * step;
  memcpy(Z, X, codes * sizeof *Z);
  for (size_t k = 0; k < limit; k++) {
    memcpy(R, Y, p * N * sizeof *R);
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, (int)p, (int)N, (int)m, 1, D, (int)p, Z,
                (int)m, -1, R, (int)p);
    cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, (int)m, (int)N, (int)p, 1, D, (int)p, R,
                (int)p, 0, G, (int)m);
    memcpy(before, X, codes * sizeof *before);
    double moved = 0, largest = 0, uphill = 0, next;
    for (size_t i = 0; i < codes; i++) {
      double v = Z[i] - step * G[i];
      X[i] = v > shrink ? v - shrink : v < -shrink ? v + shrink : 0;
      moved = fmax(moved, fabs(X[i] - before[i]));
      largest = fmax(largest, fabs(X[i]));
      uphill += (Z[i] - X[i]) * (X[i] - before[i]);
    }
    if (uphill > 0) /* the momentum points the wrong way: O'Donoghue & Candes 2015 */
      momentum = 1;
    next = (1 + sqrt(1 + 4 * momentum * momentum)) / 2;
    for (size_t i = 0; i < codes; i++)
      Z[i] = X[i] + (momentum - 1) / next * (X[i] - before[i]);
    momentum = next;
    if (moved <= tolerance * largest && k > 0)
      break;
  }
  free(gram);
  return 0;
}

/* The baseline at the loss of the flow. */
static void find_fista(coding *c, const double *x) {
  size_t codes = c->m * c->N;
  const double *D = x + codes;
  double *y = ms_doubles(codes + c->p * c->m), loss = c->run->loss;
  if (!y)
    return;
  memcpy(y + codes, D, c->p * c->m * sizeof *y);
  /* lambda at which X = 0, and downwards */
  double high = 0, low;
  cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, (int)c->m, (int)c->N, (int)c->p,
              1 / (double)c->N, D, (int)c->p, c->Y, (int)c->p, 0, y, (int)c->m);
  high = log(ms_largest(y, codes));
  memset(y, 0, codes * sizeof *y);
  low = high - 20;
  for (size_t k = 0; k < BISECTIONS && high - low > 1e-4; k++) {
    double middle = (low + high) / 2;
    if (ms_fista(D, c->Y, c->p, c->m, c->N, exp(middle), FISTA_TOLERANCE, FISTA_STEPS, y) != 0)
      break;
    find_residual(c, y, c->residual);
    if (loss_of(c, c->residual) > loss)
      high = middle;
    else
      low = middle;
  }
  double largest = ms_largest(y, codes);
  c->fista_lambda = exp((low + high) / 2);
  c->fista_l1 = cblas_dasum((int)codes, y, 1);
  c->fista_nonzeros = 0;
  for (size_t i = 0; i < codes; i++)
    c->fista_nonzeros += fabs(y[i]) > ZERO_PART * largest;
  free(y);
}

/* ---- Building ------------------------------------------------------------------------------- */

static ms_status choose_param(coding *c, const ms_config *cfg, ms_error *err) {
  const char *name = ms_config_given(cfg, "param") ? ms_config_text(cfg, "param") : "uv";
  const ms_param *found = ms_param_find(name);
  if (!found || found->width != 2 || found->positive || strcmp(name, "log") == 0 ||
      strcmp(name, "deep") == 0)
    return ms_fail(
        err, MS_BAD_SETTING,
        "%s: '%s' is not allowed; codes take uv, matched (u^L - v^L, L = --depth), power "
        "and mw",
        ms_config_origin(cfg, "param"), name);
  c->param = *found;
  if (ms_config_given(cfg, "depth")) {
    size_t depth = ms_config_count(cfg, "depth");
    if (!found->configure || depth < found->depth_min || depth > found->depth_max)
      return ms_fail(err, MS_BAD_SETTING, "%s: '%zu' is not allowed; --param %s takes %s",
                     ms_config_origin(cfg, "depth"), depth, name,
                     found->configure ? "2 to 100" : "none");
    c->param.configure(&c->param, depth);
  } else if (found->configure) {
    c->param.configure(&c->param, found->depth);
  }
  return MS_OK;
}

/* Weights at X = 0 with scale beta, and the dictionary: random patches would be solutions, so
 * Gaussian columns on the sphere. */
static ms_status initial(coding *c, double ln_beta, double *w0, ms_error *err) {
  size_t codes = c->m * c->N;
  gsl_rng *rng = ms_random_new((uint64_t)ms_config_real(c->run->cfg, "seed"), MS_STREAM_INITIAL);
  if (!rng)
    return ms_no_memory(err);
  double *D = w0 + 2 * codes, kappa = 0, w[MS_WIDTH_MAX];
  const char *why = "";
  ms_random_gaussian(rng, D, c->p * c->m, 1);
  gsl_rng_free(rng);
  for (size_t j = 0; j < c->m; j++)
    cblas_dscal((int)c->p, 1 / cblas_dnrm2((int)c->p, D + j * c->p, 1), D + j * c->p, 1);
  if ((c->param.locate && !c->param.locate(&c->param, ln_beta, 0, &kappa, &why)) ||
      !c->param.weights(&c->param, ln_beta, kappa, w))
    return ms_fail(err, MS_BAD_SETTING, "--init-scale: x = 0 is not possible with it %s", why);
  for (size_t i = 0; i < codes; i++) {
    c->start[i] = ln_beta;
    c->start[codes + i] = kappa;
    w0[2 * i] = w[0];
    w0[2 * i + 1] = w[1];
  }
  return MS_OK;
}

static ms_status build_flow(coding *c, double *w0, ms_error *err) {
  ms_run *run = c->run;
  const ms_config *cfg = run->cfg;
  ms_setup *s = &run->setup;
  size_t codes = c->m * c->N;
  const char *scale =
      ms_config_given(cfg, "init-scale") ? ms_config_text(cfg, "init-scale") : "0.01";
  double ln_beta, *G = ms_doubles(run->d);
  if (!G)
    return ms_no_memory(err);
  if (!ms_parse_log(scale, &ln_beta)) {
    free(G);
    return ms_fail(err, MS_BAD_SETTING, "%s: '%s' is not a positive number",
                   ms_config_origin(cfg, "init-scale"), scale);
  }
  ms_status status = initial(c, ln_beta, w0, err);
  map_of(c, w0, run->x);
  memcpy(c->x0, run->x, run->d * sizeof *c->x0);
  value_of(c, run->x, G);
  double largest = ms_largest(G, codes);
  free(G);
  s->rtol = ms_config_given(cfg, "rtol") ? ms_config_real(cfg, "rtol") : 1e-5;
  s->step_limit = ms_config_count(cfg, "max-steps");
  s->method = ms_method_find(ms_config_text(cfg, "method"));
  if (s->method->discrete)
    return ms_fail(err, MS_BAD_SETTING,
                   "%s: '%s' is not allowed; sparse-coding takes bdf and adams",
                   ms_config_origin(cfg, "method"), s->method->name);
  if (status == MS_OK)
    status = ms_run_plan(run, largest, BASE_HORIZON / largest, false, err);
  c->flow = (ms_mixed){.self = c,
                       .separable = codes,
                       .d = run->d,
                       .size = 2 * codes + c->p * c->m,
                       .rtol = s->rtol,
                       .map = map_of,
                       .value = value_of,
                       .pull = pull_of,
                       .like = c->param.primal ? &c->param : NULL,
                       .start = {c->start, c->start + codes}};
  if (status == MS_OK)
    status = ms_mixed_new(&c->flow, run, w0, w0 + 2 * codes, (double)codes <= PARTNER_NUMBERS, err);
  return status;
}

static ms_status build(ms_run *run, ms_error *err) {
  coding *c = calloc(1, sizeof *c);
  if (!c)
    return ms_no_memory(err);
  run->own = c;
  c->run = run;
  c->fista_l1 = c->fista_nonzeros = c->fista_lambda = NAN;
  const ms_config *cfg = run->cfg;
  size_t side = ms_config_count(cfg, "patch-side");
  c->p = side * side;
  c->m = ms_config_count(cfg, "atoms");
  c->N = ms_config_count(cfg, "patches");
  c->learn = !ms_config_flag(cfg, "fixed");
  ms_status status = choose_param(c, cfg, err);
  size_t codes = c->m * c->N;
  if (status == MS_OK)
    status = ms_run_shape(run, codes + c->p * c->m, err);
  if (status != MS_OK)
    return status;
  run->n = c->N;
  c->Y = ms_doubles(2 * c->p * c->N);
  c->start = ms_doubles(2 * codes);
  c->x0 = ms_doubles(run->d);
  double *w0 = ms_doubles(2 * codes + c->p * c->m);
  if (c->Y && c->start && c->x0 && w0) {
    c->residual = c->Y + c->p * c->N;
    status = read_patches(c, cfg, err);
    if (status == MS_OK)
      status = build_flow(c, w0, err);
  } else {
    status = ms_no_memory(err);
  }
  free(w0);
  return status == MS_OK ? ms_run_keep(run, NULL, err) : status;
}

static ms_status advance(ms_run *run, double *t, ms_error *err) {
  coding *c = own_of(run);
  ms_status status = ms_mixed_advance(&c->flow, t, err);
  if (status < 0)
    return status;
  find_residual(c, run->x, c->residual);
  run->loss = loss_of(c, c->residual);
  return status;
}

static void interrupt(ms_run *run, const volatile sig_atomic_t *flag) {
  ms_mixed_interrupt(&own_of(run)->flow, flag);
}

static void finish(ms_run *run) {
  coding *c = own_of(run);
  ms_mixed_count(&c->flow);
  run->loss = ms_run_observe(run, "loss");
  find_fista(c, run->x);
}

/* ---- Observables ---------------------------------------------------------------------------- */

static size_t codes_of(const ms_view *v) {
  return own_of(v->run)->m * own_of(v->run)->N;
}

static double relative_error(ms_view *v) {
  return sqrt(2 * v->loss);
}

static double l1(ms_view *v) {
  return cblas_dasum((int)codes_of(v), v->x, 1);
}

static double l2(ms_view *v) {
  return cblas_dnrm2((int)codes_of(v), v->x, 1);
}

static double nuclear(ms_view *v) {
  const coding *c = own_of(v->run);
  size_t count = MS_MIN(c->m, c->N);
  double *sigma = ms_doubles(count), sum = NAN;
  if (sigma && ms_singular(c->m, c->N, v->x, sigma, NULL, NULL) == 0)
    sum = cblas_dasum((int)count, sigma, 1);
  free(sigma);
  return sum;
}

static double nonzeros(ms_view *v) {
  size_t codes = codes_of(v);
  double zero = ZERO_PART * ms_largest(v->x, codes), count = 0;
  for (size_t i = 0; i < codes; i++)
    count += fabs(v->x[i]) > zero;
  return count;
}

static double ln_beta(ms_view *v) {
  const coding *c = own_of(v->run);
  return c->param.ln_scale ? c->param.ln_scale(&c->param, c->start[0], -v->dose) : NAN;
}

static double exponent(ms_view *v) {
  const ms_param *p = &own_of(v->run)->param;
  if (!p->potential || !p->dual)
    return NAN;
  double weight = 0, weighted = 0, centred = 0;
  const double at = own_of(v->run)->start[0];
  const ms_start start = {&at, &centred};
  size_t codes = codes_of(v);
  for (size_t i = 0; i < codes; i++) {
    double x = v->x[i], mu, R = p->potential(p, at, 0, -v->dose, x), e = 2;
    if (R > 0) {
      p->dual(p, &start, 0, 1, -v->dose, &x, &mu);
      e = x * mu / R;
    }
    weight += fabs(x);
    weighted += fabs(x) * e;
  }
  return weight > 0 ? weighted / weight : 2;
}

static const ms_observable observables[] = {
    {"t", "time", ms_observe_time},
    {"alpha", "weight decay alpha(t)", ms_observe_alpha},
    {"dose", "A(t) = integral of alpha", ms_observe_dose},
    {"loss", "f = |Y - D X|^2 / (2N)", ms_observe_loss},
    {"reconstruction_error", "|Y - D X|_F / |Y|_F", relative_error},
    {"l1", "|X|_1 of the codes", l1},
    {"l2", "|X|_F", l2},
    {"nuclear_norm", "|X|_*", nuclear},
    {"nonzeros", "codes above 1e-3 of the largest", nonzeros},
    {"effective_exponent", "p_eff = x R'(x)/R(x), mean by |x|: 2 is L2, 1 is L1", exponent},
    {"ln_beta", "ln of the scale beta_a", ln_beta},
    {"gf_mf_gap", "largest |x_gf - x_mf| relative to the largest |x|", ms_observe_gap},
    {.name = NULL},
};

static bool summary_at(const ms_run *run, size_t i, ms_summary *entry) {
  const coding *c = own_of(run);
  const ms_summary all[] = {
      {"atoms", "", NULL, (double)c->m, true},
      {"patches", "", NULL, (double)c->N, true},
      {"reconstruction_error", "|Y - D X| / |Y|", NULL, ms_run_observe(run, "reconstruction_error"),
       false},
      {"fista_lambda", "at which FISTA leaves the same error", NULL, c->fista_lambda, false},
      {"fista_l1", "its |X|_1: the least at this error and dictionary", NULL, c->fista_l1, false},
      {"fista_nonzeros", "its codes above 1e-3 of the largest", NULL, c->fista_nonzeros, true},
  };
  if (i >= sizeof all / sizeof *all)
    return false;
  *entry = all[i];
  return true;
}

static void release(ms_run *run) {
  coding *c = own_of(run);
  if (!c)
    return;
  ms_mixed_free(&c->flow);
  free(c->Y);
  free(c->start);
  free(c->x0);
  free(c);
  run->own = NULL;
}

static void parts(const ms_run *run, const double *x, ms_bundle *b) {
  const coding *c = own_of(run);
  ms_coding_arrays(b, "", x, c->p, c->m, c->N);
}

static void data(const ms_run *run, ms_bundle *b) {
  const coding *c = own_of(run);
  ms_data_matrix(b, "patches", c->Y, c->p, c->N);
  ms_coding_arrays(b, "start_", c->x0, c->p, c->m, c->N);
}

const ms_model ms_model_sparse_coding = {
    .name = "sparse-coding",
    .summary = "patches of a picture as few atoms of a dictionary that is learned",
    .settings = settings,
    .build = build,
    .advance = advance,
    .observables = observables,
    .parts = parts,
    .data = data,
    .finish = finish,
    .interrupt = interrupt,
    .summary_at = summary_at,
    .release = release,
};
