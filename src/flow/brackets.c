#include "base/random.h"
#include "formula/formula.h"
#include "run/run.h"
#include <cblas.h>
#include <ctype.h>
#include <float.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Brackets up to this size are rounding. */
static const double VANISHES = 1e-8;
/* GF and MF must agree to this, relative to the largest |x|. */
static const double GAP_ALLOWED = 1e-5;
enum { ALL_OF_THEM = 24, COMBINATIONS = 10, POINTS = 6, ENTRIES_MAX = 24, CLAIMS_MAX = 3 };
/* Where a pair given by formulas is looked at. */
enum { FORMULA_POINTS = 8, OUTPUTS_MAX = 16 };

/* ---- Brackets ------------------------------------------------------------------------------- */

static double norm(size_t n, const double *v) {
  return cblas_dnrm2((int)n, v, 1);
}

static void gradient_of(const ms_pair *p, const double *v, const double *w, double *out) {
  if (v) {
    p->gradient(p->self, v, w, out);
  } else if (p->decay) {
    p->decay(p->self, w, out);
  } else {
    for (size_t i = 0; i < p->weights; i++)
      out[i] = 2 * w[i];
  }
}

/* out = D grad(.) u at p->w, of sum_i v_i g_i, or with v = NULL of h; scratch 2 * weights. */
static void along(const ms_pair *p, const double *v, const double *u, double *out,
                  double *scratch) {
  size_t n = p->weights;
  if (v && p->bend) {
    p->bend(p->self, v, p->w, u, out);
    return;
  }
  if (!v && (!p->decay || p->decay_bend)) {
    if (p->decay)
      p->decay_bend(p->self, p->w, u, out);
    else
      for (size_t i = 0; i < n; i++)
        out[i] = 2 * u[i];
    return;
  }
  double *at = scratch, *there = at + n, size = norm(n, u);
  double h = size > 0 ? 0.02 * norm(n, p->w) / size : 1;
  const double step[] = {-2, -1, 1, 2}, weight[] = {1 / 12.0, -8 / 12.0, 8 / 12.0, -1 / 12.0};
  memset(out, 0, n * sizeof *out);
  for (int k = 0; k < 4; k++) {
    for (size_t i = 0; i < n; i++)
      at[i] = p->w[i] + step[k] * h * u[i];
    gradient_of(p, v, at, there);
    cblas_daxpy((int)n, weight[k] / h, there, 1, out, 1);
  }
}

/* The jumps of grad h along the line w + t u, and how much of the gradient of sum_i v_i g_i points
 * across them; scratch 4 * weights. */
static double crossed_along(const ms_pair *p, const double *v, const double *u, double *scratch) {
  enum { SAMPLES = 64, HALVINGS = 45 };
  static const double FAR = 4, JUMP = 1e-6;
  size_t n = p->weights;
  double *at = scratch, *low = at + n, *high = low + n, *middle = high + n, worst = 0;
  double size = norm(n, u), unit = norm(n, p->w);
  double far = size > 0 ? FAR * (unit > 0 ? unit : 1) / size : 0;
  for (int k = 0; far > 0 && k < SAMPLES; k++) {
    double from = far * (2.0 * k / SAMPLES - 1), to = from + 2 * far / SAMPLES, jump = 0;
    double least = 0;
    for (int h = -2; h < HALVINGS; h++) { /* the ends first */
      double t = h == -2 ? from : h == -1 ? to : from + (to - from) / 2;
      double *out = h == -2 ? low : h == -1 ? high : middle, below = 0, above = 0;
      for (size_t i = 0; i < n; i++)
        at[i] = p->w[i] + t * u[i];
      p->decay(p->self, at, out);
      for (size_t i = 0; h >= 0 && i < n; i++) {
        below += (middle[i] - low[i]) * (middle[i] - low[i]);
        above += (high[i] - middle[i]) * (high[i] - middle[i]);
      }
      if (h >= 0 && below > above) {
        to = t;
        memcpy(high, middle, n * sizeof *high);
      } else if (h >= 0) {
        from = t;
        memcpy(low, middle, n * sizeof *low);
      }
      jump = 0;
      for (size_t i = 0; h >= -1 && i < n; i++)
        jump += (high[i] - low[i]) * (high[i] - low[i]);
      jump = sqrt(jump);
      if (h == -1)
        least = JUMP * (norm(n, low) + norm(n, high));
      if (h >= -1 && !(jump > least)) /* smooth, or no number */
        break;
    }
    if (!isfinite(jump) || !(jump > least))
      continue;
    p->gradient(p->self, v, at, middle);
    cblas_daxpy((int)n, -1, low, 1, high, 1);
    double moved = norm(n, middle);
    if (moved > 0)
      worst = fmax(worst, fabs(cblas_ddot((int)n, middle, 1, high, 1)) / (moved * jump));
  }
  return worst;
}

ms_status ms_brackets_at(const ms_pair *p, ms_brackets *b, ms_error *err) {
  size_t n = p->weights, m = p->components <= ALL_OF_THEM ? p->components : COMBINATIONS;
  double *V = ms_doubles(m * p->components + (m + 9) * n);
  gsl_rng *rng = ms_random_new(1, MS_STREAM_DATA);
  if (!V || !rng) {
    free(V);
    if (rng)
      gsl_rng_free(rng);
    return ms_no_memory(err);
  }
  double *slope = V + m * p->components, *one = slope + m * n, *other = one + n,
         *scratch = other + n, *dh = scratch + 4 * n, *bracket = dh + n;
  if (m < p->components)
    ms_random_gaussian(rng, V, m * p->components, 1);
  for (size_t i = 0; i < m; i++) {
    if (m == p->components)
      V[i * m + i] = 1;
    p->gradient(p->self, V + i * p->components, p->w, slope + i * n);
  }
  gsl_rng_free(rng);
  *b = (ms_brackets){.degree = NAN};
  double unit = norm(n, p->w), visible_unit;
  for (size_t i = 0; i < m; i++)
    for (size_t j = 0; j < i; j++) {
      const double *u = slope + i * n, *v = slope + j * n;
      visible_unit = norm(n, u) * norm(n, v) / unit;
      if (!(visible_unit > 0))
        continue;
      along(p, V + j * p->components, u, one, scratch);
      along(p, V + i * p->components, v, other, scratch);
      for (size_t k = 0; k < n; k++)
        bracket[k] = one[k] - other[k];
      b->defect = fmax(b->defect, norm(n, bracket) / visible_unit);
      for (size_t k = 0; k < m; k++) {
        double size = norm(n, slope + k * n);
        if (size > 0)
          b->visible = fmax(b->visible, fabs(cblas_ddot((int)n, slope + k * n, 1, bracket, 1)) /
                                            (size * visible_unit));
      }
    }
  gradient_of(p, NULL, p->w, dh);
  double decay = norm(n, dh), c = NAN;
  for (size_t i = 0; i < m; i++) {
    const double *u = slope + i * n;
    double size = norm(n, u) * decay / unit;
    if (!(size > 0))
      continue;
    along(p, NULL, u, one, scratch);
    along(p, V + i * p->components, dh, other, scratch);
    for (size_t k = 0; k < n; k++)
      bracket[k] = one[k] - other[k];
    b->decay = fmax(b->decay, norm(n, bracket) / size);
    if (isnan(c))
      c = cblas_ddot((int)n, bracket, 1, u, 1) / cblas_ddot((int)n, u, 1, u, 1);
    cblas_daxpy((int)n, -c, u, 1, bracket, 1);
    b->warped = fmax(b->warped, norm(n, bracket) / size);
  }
  if (!p->decay)
    b->degree = 2 - c / 2;
  for (size_t i = 0; p->kinked && i < m; i++)
    b->crossed = fmax(b->crossed, crossed_along(p, V + i * p->components, slope + i * n, scratch));
  free(V);
  return MS_OK;
}

/* ---- Pairs given by formulas ---------------------------------------------------------------- */

typedef struct formulas {
  ms_formula *g[OUTPUTS_MAX], *h;
  size_t outputs, count;
  char names[MS_FORMULA_VARIABLES][32];
  double w[MS_FORMULA_VARIABLES];
} formulas;

static void formula_gradient(void *self, const double *v, const double *w, double *out) {
  const formulas *f = self;
  double grad[MS_FORMULA_VARIABLES];
  memset(out, 0, f->count * sizeof *out);
  for (size_t k = 0; k < f->outputs; k++) {
    ms_formula_derive(f->g[k], w, grad, NULL);
    for (size_t i = 0; i < f->count; i++)
      out[i] += v[k] * grad[i];
  }
}

static void times_hessian(const formulas *f, const ms_formula *of, double weight, const double *w,
                          const double *u, double *out) {
  double hess[MS_FORMULA_VARIABLES * MS_FORMULA_VARIABLES];
  ms_formula_derive(of, w, NULL, hess);
  for (size_t i = 0; i < f->count; i++)
    for (size_t j = 0; j < f->count; j++)
      out[i] += weight * hess[i * f->count + j] * u[j];
}

static void formula_bend(void *self, const double *v, const double *w, const double *u,
                         double *out) {
  const formulas *f = self;
  memset(out, 0, f->count * sizeof *out);
  for (size_t k = 0; k < f->outputs; k++)
    times_hessian(f, f->g[k], v[k], w, u, out);
}

static void formula_decay(void *self, const double *w, double *out) {
  ms_formula_derive(((formulas *)self)->h, w, out, NULL);
}

static void formula_decay_bend(void *self, const double *w, const double *u, double *out) {
  const formulas *f = self;
  memset(out, 0, f->count * sizeof *out);
  times_hessian(f, f->h, 1, w, u, out);
}

/* The names in `text` that are no functions and not pi are its variables. */
static ms_status collect_names(formulas *f, const char *text, const char *origin, ms_error *err) {
  for (const char *at = text; *at;) {
    if (!isalpha((unsigned char)*at) && *at != '_') {
      /* the exponent of a number is no name */
      size_t number = strspn(at, "0123456789.");
      at += number ? number : 1;
      if (number && (*at == 'e' || *at == 'E'))
        at += 1 + (at[1] == '-' || at[1] == '+');
      continue;
    }
    size_t length = 0;
    while (isalnum((unsigned char)at[length]) || at[length] == '_')
      length++;
    const char *name = at;
    at += length;
    bool known = *(at + strspn(at, " ")) == '(' || (length == 2 && strncmp(name, "pi", 2) == 0);
    for (size_t i = 0; i < f->count && !known; i++)
      known = strlen(f->names[i]) == length && strncmp(f->names[i], name, length) == 0;
    if (known)
      continue;
    if (f->count == MS_FORMULA_VARIABLES || length >= sizeof f->names[0])
      return ms_fail(err, MS_BAD_SETTING,
                     "%s: '%.*s': at most %d variables, of less than %zu "
                     "letters each",
                     origin, (int)length, name, MS_FORMULA_VARIABLES, sizeof f->names[0]);
    snprintf(f->names[f->count++], sizeof f->names[0], "%.*s", (int)length, name);
  }
  return MS_OK;
}

/* Commas between outputs, but not within parentheses. */
static ms_status parse_outputs(formulas *f, const char *text, ms_error *err) {
  const char *names[MS_FORMULA_VARIABLES];
  for (size_t i = 0; i < f->count; i++)
    names[i] = f->names[i];
  ms_status status = MS_OK;
  for (const char *start = text, *at = text; status == MS_OK; at++) {
    static const char open[] = "(", close[] = ")";
    int depth = 0;
    for (; *at && (*at != ',' || depth > 0); at++)
      depth += *at == *open ? 1 : *at == *close ? -1 : 0;
    if (f->outputs == OUTPUTS_MAX)
      return ms_fail(err, MS_BAD_SETTING, "--g: at most %d outputs", OUTPUTS_MAX);
    status = ms_formula_new(&f->g[f->outputs], start, (size_t)(at - start), names, f->count, "--g",
                            (size_t)(start - text) + 1, err);
    f->outputs += status == MS_OK;
    if (!*at)
      break;
    start = at + 1;
  }
  return status;
}

static void formulas_free(formulas *f) {
  for (size_t k = 0; k < f->outputs; k++)
    ms_formula_free(f->g[k]);
  if (f->h)
    ms_formula_free(f->h);
}

/* ---- A check -------------------------------------------------------------------------------- */

struct ms_check {
  ms_summary entries[ENTRIES_MAX];
  size_t count;
  ms_check_claim claims[CLAIMS_MAX];
  size_t claimed;
  char found[CLAIMS_MAX][64];
  char model[64], g[200], h[200], reason[700], message[768];
  const char *verdict;
};

static void add(ms_check *c, const char *key, const char *help, const char *text, double value,
                bool whole) {
  c->entries[c->count++] = (ms_summary){key, help, text, value, whole};
}

static void claim(ms_check *c, const char *text, bool holds, const char *format, double value) {
  snprintf(c->found[c->claimed], sizeof c->found[0], format, value);
  c->claims[c->claimed] = (ms_check_claim){text, c->found[c->claimed], holds};
  c->claimed++;
}

static void add_crossed(ms_check *c, const ms_brackets *b) {
  add(c, "kinks_crossed", "largest part of a grad g_i that points across a kink of h", NULL,
      b->crossed, false);
}

static void worst_of(ms_brackets *all, const ms_brackets *one) {
  all->defect = fmax(all->defect, one->defect);
  all->visible = fmax(all->visible, one->visible);
  all->decay = fmax(all->decay, one->decay);
  all->warped = fmax(all->warped, one->warped);
  all->crossed = fmax(all->crossed, one->crossed);
  if (isnan(all->degree))
    all->degree = one->degree;
  if (fabs(one->degree - all->degree) > VANISHES)
    all->warped = 1; /* not the same multiple everywhere */
}

/* What the brackets mean, in words. */
static void judge(ms_check *c, const ms_brackets *b) {
  if (b->defect > VANISHES) {
    c->verdict = "no";
    snprintf(c->reason, sizeof c->reason,
             "The gradient fields of the components of g do not commute: their brackets are as "
             "large as %.2g, %s. Where x goes depends on the order in which the loss pulls at its "
             "components, and no potential of x alone can tell: gradient flow is no mirror flow.",
             b->defect,
             b->visible > VANISHES ? "and they move x"
                                   : "though at these points they leave x alone");
  } else if (b->decay <= VANISHES && b->crossed > VANISHES) {
    c->verdict = "no";
    snprintf(c->reason, sizeof c->reason,
             "Off the kinks of h all brackets vanish: until it meets one gradient flow is a mirror "
             "flow, whose potential depends on time by the dose alone. At a kink the gradient of h "
             "jumps, and that of g points across it: weight decay holds the weights there, and "
             "forgets for how long. The same pulls of the loss in another order then end at "
             "another x: with this weight decay there is no mirror flow.");
  } else if (b->decay <= VANISHES) {
    c->verdict = "yes";
    snprintf(c->reason, sizeof c->reason,
             "All brackets vanish, those of g among each other and those of g with h: gradient "
             "flow with any weight decay alpha(t) is a mirror flow, whose potential depends on "
             "time by the dose alone.");
  } else if (b->warped <= VANISHES && isfinite(b->degree)) {
    c->verdict = "time-warped";
    snprintf(
        c->reason, sizeof c->reason,
        "The brackets of g vanish. Those with h = |w|^2 do not, but g is homogeneous of degree "
        "L = %.4g, and [grad g, grad h] = 2 (2 - L) grad g: with w = e^{-2A} v weight decay "
        "changes the pace alone, and x = e^{-2LA} grad Q(mu) is a mirror flow in warped time.",
        b->degree);
  } else {
    c->verdict = "no";
    snprintf(c->reason, sizeof c->reason,
             "The brackets of g vanish: without weight decay there is a mirror flow. Those of g "
             "with h are as large as %.2g, and no change of pace makes up for them: with this "
             "weight decay there is none.",
             b->decay);
  }
}

static ms_status check_formulas(ms_check *c, const char *g, const char *h, const ms_config *cfg,
                                ms_error *err) {
  formulas f = {.count = 0};
  const char *names[MS_FORMULA_VARIABLES];
  ms_status status = collect_names(&f, g, "--g", err);
  if (status == MS_OK && h)
    status = collect_names(&f, h, "--h", err);
  if (status == MS_OK && f.count == 0)
    status = ms_fail(err, MS_BAD_SETTING, "--g: '%s' has no variables; for example --g 'm*w'", g);
  if (status == MS_OK)
    status = parse_outputs(&f, g, err);
  for (size_t i = 0; i < f.count; i++)
    names[i] = f.names[i];
  if (status == MS_OK && h)
    status = ms_formula_new(&f.h, h, strlen(h), names, f.count, "--h", 1, err);
  gsl_rng *rng = ms_random_new((uint64_t)ms_config_real(cfg, "seed"), MS_STREAM_INITIAL);
  if (status == MS_OK && !rng)
    status = ms_no_memory(err);
  ms_brackets worst = {.degree = NAN};
  size_t points = 0;
  for (int tries = 0; status == MS_OK && points < FORMULA_POINTS && tries < 50; tries++) {
    ms_random_gaussian(rng, f.w, f.count, 1);
    ms_pair pair = {.weights = f.count,
                    .components = f.outputs,
                    .self = &f,
                    .w = f.w,
                    .gradient = formula_gradient,
                    .bend = formula_bend,
                    .decay = h ? formula_decay : NULL,
                    .decay_bend = h ? formula_decay_bend : NULL,
                    .kinked = h && ms_formula_kinked(f.h)};
    ms_brackets one;
    status = ms_brackets_at(&pair, &one, err);
    double values = f.h ? ms_formula_value(f.h, f.w) : 0;
    for (size_t k = 0; k < f.outputs; k++)
      values += ms_formula_value(f.g[k], f.w);
    if (status != MS_OK || !isfinite(values + one.defect + one.decay + one.warped))
      continue; /* outside of the formulas' domain */
    worst_of(&worst, &one);
    points++;
  }
  if (status == MS_OK && !points)
    status = ms_fail(err, MS_BAD_SETTING, "--g: '%s' has no values at random points", g);
  if (status == MS_OK) {
    add(c, "g", "", c->g, NAN, false);
    add(c, "h", "", c->h, NAN, false);
    add(c, "points", "random ones that were looked at", NULL, (double)points, true);
    add(c, "commutation_defect", "largest |[grad g_i, grad g_j]| |w| / (|grad g_i| |grad g_j|)",
        NULL, worst.defect, false);
    add(c, "visible_defect", "the part of it that moves x", NULL, worst.visible, false);
    add(c, "decay_defect", "largest |[grad g_i, grad h]| |w| / (|grad g_i| |grad h|)", NULL,
        worst.decay, false);
    if (f.h && ms_formula_kinked(f.h))
      add_crossed(c, &worst);
    judge(c, &worst);
  }
  if (rng)
    gsl_rng_free(rng);
  formulas_free(&f);
  return status;
}

/* Both flows where there are both, else the gradient flow. */
static ms_status new_run(ms_run **run, const ms_config *given, ms_error *err) {
  ms_config *cfg = ms_config_copy(given);
  if (!cfg)
    return ms_no_memory(err);
  static const char *const flows[] = {"both", "gradient"};
  ms_status status = MS_UNSUPPORTED;
  if (!ms_config_given(given,
                       "rtol")) /* so that a gap is one of the flows, not of the integrator */
    ms_config_set(cfg, "rtol", "1e-9", "--rtol", err);
  for (size_t i = 0; i < 2 && status == MS_UNSUPPORTED; i++) {
    status = ms_config_given(given, "flow") ? MS_OK
                                            : ms_config_set(cfg, "flow", flows[i], "--flow", err);
    if (status == MS_OK)
      status = ms_run_new(run, cfg, err);
  }
  ms_config_free(cfg);
  return status;
}

static ms_status check_run(ms_check *c, const ms_config *cfg,
                           const volatile sig_atomic_t *interrupt, ms_error *err) {
  const ms_model *model = ms_model_find(ms_config_text(cfg, "model"));
  if (!model || !model->pair)
    return ms_fail(err, MS_UNSUPPORTED,
                   "--model %s: its weights' gradient flow is not known to check; --g and --h take "
                   "formulas",
                   ms_config_text(cfg, "model"));
  ms_run *run = NULL;
  ms_error why = {0};
  ms_status status = new_run(&run, cfg, err);
  if (status != MS_OK)
    return status;
  if (interrupt)
    ms_run_interrupt_on(run, interrupt);
  ms_brackets start = {.degree = NAN}, worst = start;
  ms_pair pair = {0};
  size_t looked = 0, points = ms_run_points(run);
  double decayed = 0;
  for (size_t i = 0; i < points && status == MS_OK; i++) {
    status = ms_run_advance(run, i, &why);
    size_t stride = MS_MAX(points / (POINTS - 1), 1);
    if (status < 0 || (i % stride && status == MS_OK && i + 1 < points))
      continue;
    ms_brackets one;
    pair = (ms_pair){0};
    ms_status there = model->pair(run, &pair, &why);
    if (there == MS_OK)
      there = ms_brackets_at(&pair, &one, &why);
    if (there != MS_OK) {
      status = there;
      break;
    }
    if (i == 0)
      start = one;
    worst_of(&worst, &one);
    looked++;
    decayed = fmax(decayed, ms_run_observe(run, "dose"));
  }
  if (status < 0 && (status == MS_INTERRUPTED || !looked)) {
    *err = why;
    ms_run_free(run);
    return status;
  }
  ms_status finished = ms_run_finish(run, status, &why, err);
  if (finished == MS_OK) {
    snprintf(c->model, sizeof c->model, "%s", model->name);
    snprintf(c->g, sizeof c->g, "%s", pair.g ? pair.g : "");
    snprintf(c->h, sizeof c->h, "%s", pair.h ? pair.h : "|w|^2");
    snprintf(c->message, sizeof c->message, "%s", why.message);
    add(c, "model", "", c->model, NAN, false);
    add(c, "g", "", c->g, NAN, false);
    add(c, "h", "", c->h, NAN, false);
    add(c, "points", "along the run that were looked at", NULL, (double)looked, true);
    add(c, "commutation_defect", "largest |[grad g_i, grad g_j]| |w| / (|grad g_i| |grad g_j|)",
        NULL, worst.defect, false);
    add(c, "commutation_defect_start", "the same at the start", NULL, start.defect, false);
    add(c, "visible_defect", "the part of it that moves x", NULL, worst.visible, false);
    add(c, "decay_defect", "largest |[grad g_i, grad h]| |w| / (|grad g_i| |grad h|)", NULL,
        worst.decay, false);
    if (pair.kinked)
      add_crossed(c, &worst);
    add(c, "dose", "integral of alpha", NULL, decayed, false);
    add(c, "gf_mf_gap", "gradient flow from mirror flow, largest along the run", NULL,
        run->worst_gap, false);
    add(c, "invariant_drift", "largest along the run", NULL, run->worst_drift, false);
    if (status < 0)
      add(c, "ended_early", "", c->message, NAN, false);
    judge(c, &worst);
    bool none = strcmp(c->verdict, "no") == 0;
    if (pair.mirror) {
      claim(c, "the brackets allow the mirror flow that the model has", !none, "%.2g",
            worst.defect);
      if (isfinite(run->worst_gap))
        claim(c, "gradient flow and mirror flow give the same x", run->worst_gap <= GAP_ALLOWED,
              "gap %.2g", run->worst_gap);
    } else if (isfinite(run->worst_gap)) {
      claim(c, "the brackets forbid the mirror flow that the model lacks", none, "%.2g",
            worst.defect);
    }
    if (isfinite(run->worst_drift))
      claim(c, "what decays as e^{-4A} does so", run->worst_drift <= GAP_ALLOWED, "drift %.2g",
            run->worst_drift);
  }
  ms_run_free(run);
  return finished;
}

ms_status ms_check_new(ms_check **out, const ms_config *cfg, const char *g, const char *h,
                       const volatile sig_atomic_t *interrupt, ms_error *err) {
  *out = NULL;
  if (h && !g)
    return ms_fail(err, MS_BAD_SETTING, "--h: goes with --g");
  ms_check *c = calloc(1, sizeof *c);
  if (!c)
    return ms_no_memory(err);
  snprintf(c->g, sizeof c->g, "%s", g ? g : "");
  snprintf(c->h, sizeof c->h, "%s", h ? h : "|w|^2");
  ms_status status = g ? check_formulas(c, g, h, cfg, err) : check_run(c, cfg, interrupt, err);
  if (status != MS_OK) {
    ms_check_free(c);
    return status;
  }
  add(c, "mirror_flow", "", c->verdict, NAN, false);
  *out = c;
  return MS_OK;
}

void ms_check_free(ms_check *c) {
  free(c);
}

bool ms_check_at(const ms_check *c, size_t i, ms_summary *entry) {
  if (i < c->count)
    *entry = c->entries[i];
  return i < c->count;
}

bool ms_check_claim_at(const ms_check *c, size_t i, ms_check_claim *entry) {
  if (i < c->claimed)
    *entry = c->claims[i];
  return i < c->claimed;
}

const char *ms_check_verdict(const ms_check *c, const char **reason) {
  if (reason)
    *reason = c->reason;
  return c->verdict;
}

char *ms_check_json(const ms_check *c) {
  json_t *root = json_object(), *claims = json_array();
  for (size_t i = 0; i < c->count; i++) {
    const ms_summary *e = &c->entries[i];
    json_object_set_new(root, e->key,
                        e->text               ? json_string(e->text)
                        : !isfinite(e->value) ? json_null()
                        : e->whole            ? json_integer((json_int_t)e->value)
                                              : json_real(e->value));
  }
  json_object_set_new(root, "reason", json_string(c->reason));
  for (size_t i = 0; i < c->claimed; i++)
    json_array_append_new(claims, json_pack("{s:s, s:s, s:b}", "claim", c->claims[i].text, "found",
                                            c->claims[i].found, "holds", c->claims[i].holds));
  json_object_set_new(root, "claims", claims);
  char *text = json_dumps(root, JSON_INDENT(2) | JSON_REAL_PRECISION(17));
  json_decref(root);
  return text;
}
