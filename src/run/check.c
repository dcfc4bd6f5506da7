/* A check: do the brackets along a run, or of formulas, allow a mirror flow, and does the run agree
 * with them? */
#include "base/random.h"
#include "flow/formula_pair.h"
#include "run/run.h"
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

/* Brackets up to this size count as zero; above that size they are more than rounding. */
static const double VANISHES = 1e-8, ROUNDING = 1e-12;
/* GF and MF must agree to this, relative to the largest |x|, and to so many times --rtol. */
static const double GAP_ALLOWED = 1e-5, GAP_PER_RTOL = 1e4;
/* Steps of a run that is checked, where --max-steps is not given: the start of a run decides, and a
 * flow that goes on near a saddle would take minutes. */
static const char STEPS[] = "4000", STEPS_OF_DISCRETE[] = "100000";
enum { POINTS = 6, ENTRIES_MAX = 24, CLAIMS_MAX = 3 };
/* Where a pair given by formulas is looked at. */
enum { FORMULA_POINTS = 8 };

struct ms_check {
  ms_summary entries[ENTRIES_MAX];
  size_t count;
  ms_check_claim claims[CLAIMS_MAX];
  size_t claimed;
  char found[CLAIMS_MAX][64];
  char model[64], g[200], h[200], reason[1000], message[768];
  size_t points; /* that were looked at */
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

static void add_points(ms_check *c, const char *help, size_t points) {
  add(c, "points", help, NULL, (double)points, true);
  c->points = points;
}

static void add_defect(ms_check *c, const ms_brackets *b) {
  add(c, "commutation_defect", "largest |[grad g_i, grad g_j]| |w| / (|grad g_i| |grad g_j|)", NULL,
      b->defect, false);
}

/* All but the defect; `start` (may be NULL): at the start of a run. */
static void add_brackets(ms_check *c, const ms_pair *p, const ms_brackets *b,
                         const ms_brackets *start) {
  add_defect(c, b);
  if (start)
    add(c, "commutation_defect_start", "the same at the start", NULL, start->defect, false);
  add(c, "visible_defect", "the part of it that moves x", NULL, b->visible, false);
  add(c, "decay_defect", "largest |[grad g_i, grad h]| |w| / (|grad g_i| |grad h|)", NULL, b->decay,
      false);
  add(c, "warped_defect", "what a common c leaves of [grad g_i, grad h] - c grad g_i", NULL,
      b->warped, false);
  if (p->kinked)
    add(c, "kinks_crossed", "largest part of a grad g_i that points across a kink of h", NULL,
        b->crossed, false);
  if (p->bent)
    add(c, "kinks_of_g_crossed", "largest part of a grad g_i that points across a kink of g", NULL,
        b->folded, false);
}

/* ---- What the brackets mean, in words -------------------------------------------------------- */

static void decide(ms_check *c, const char *verdict, const char *format, ...) MS_PRINTF(3, 4);
static void decide(ms_check *c, const char *verdict, const char *format, ...) {
  va_list args;
  va_start(args, format);
  vsnprintf(c->reason, sizeof c->reason, format, args);
  va_end(args);
  c->verdict = verdict;
}

/* A zero is one to rounding at the points that were looked at, no more. */
static void qualify(ms_check *c, double largest) {
  size_t used = strlen(c->reason);
  if (largest > ROUNDING)
    snprintf(c->reason + used, sizeof c->reason - used,
             " The largest of what counts as zero is %.2g, which is more than rounding: a small "
             "bracket, perhaps, and no zero.",
             largest);
}

static void judge_g(ms_check *c, const ms_brackets *b) {
  if (b->defect > VANISHES)
    decide(c, "no",
           "The gradient fields of the components of g do not commute: their brackets are as "
           "large as %.2g, %s. Where x goes depends on the order in which the loss pulls at its "
           "components, and no potential of x alone can tell: gradient flow is no mirror flow.",
           b->defect,
           b->visible > VANISHES ? "and they move x" : "though at these points they leave x alone");
  else
    decide(c, "no",
           "Off the kinks of g its brackets are numerically zero. At a kink the gradient of g "
           "jumps and points across it: there the loss holds the weights, and they forget for how "
           "long. The same pulls of the loss in another order then end at another x: gradient flow "
           "is no mirror flow.");
}

static void judge_kinks_of_h(ms_check *c, const ms_brackets *b) {
  decide(c, "no",
         "Off the kinks of h all brackets vanish%s: until it meets one gradient flow is a mirror "
         "flow, %s. At a kink the gradient of h jumps, and that of g points across it: weight "
         "decay holds the weights there, and forgets for how long. The same pulls of the loss in "
         "another order then end at another x: with this weight decay there is no mirror flow.",
         b->decay <= VANISHES ? "" : " up to a constant times grad g_i",
         b->decay <= VANISHES ? "whose potential depends on time by the dose alone"
                              : "in warped time");
}

static void judge_warped(ms_check *c, const ms_brackets *b, bool sum_of_squares) {
  static const char zero[] = "The brackets of g are numerically zero at %zu points, to %.0e.";
  char first[120];
  snprintf(first, sizeof first, zero, c->points, VANISHES);
  if (sum_of_squares)
    decide(
        c, "time-warped",
        "%s Those with h = |w|^2 are not, but [grad g_i, grad h] = c grad g_i there with one "
        "constant c = %.4g = 2 (2 - L), L = %.4g, as for g homogeneous of degree L: with w = "
        "e^{-2A} v weight decay changes the pace alone, dmu/dt = -e^{cA} grad f(x), and gradient "
        "flow is a mirror flow in warped time (x = e^{-2LA} grad Q(mu), with Q of g without "
        "decay, where g is homogeneous).",
        first, b->c, 2 - b->c / 2);
  else
    decide(c, "time-warped",
           "%s Those with h are not, but [grad g_i, grad h] = c grad g_i there with one constant c "
           "= %.4g: the decay, which alone would carry weights v to w along -grad h in a time A, "
           "the dose, scales all grad g_i alike on its way. It changes the pace alone, dmu/dt = "
           "-e^{cA} grad f(x), and gradient flow is a mirror flow in warped time, whose potential "
           "depends on time by the dose alone.",
           first, b->c);
}

static void judge(ms_check *c, const ms_pair *p, const ms_brackets *b) {
  double decay = fmin(b->decay, isfinite(b->c) ? b->warped : INFINITY);
  if (p->own_flow)
    decide(c, p->own_verdict, "%s The brackets of g and h say nothing about it.", p->own_flow);
  else if (b->defect > VANISHES || b->folded > VANISHES)
    judge_g(c, b);
  else if (decay > VANISHES)
    decide(c, "no",
           "The brackets of g are numerically zero at %zu points, to %.0e: without weight decay "
           "there is a mirror flow. Those of g with h are as large as %.2g, and no constant c, one "
           "for all components and points, makes them c grad g_i (%.2g is left): no common change "
           "of pace makes up for them, and with this weight decay there is none.",
           c->points, VANISHES, b->decay, b->warped);
  else if (b->crossed > VANISHES)
    judge_kinks_of_h(c, b);
  else if (b->decay > VANISHES)
    judge_warped(c, b, !p->decay);
  else
    decide(c, "yes",
           "All brackets are numerically zero at %zu points, to %.0e: those of g among each other "
           "and those of g with h. Gradient flow with any weight decay alpha(t) is then a mirror "
           "flow, whose potential depends on time by the dose alone.",
           c->points, VANISHES);
  if (!p->own_flow && strcmp(c->verdict, "no") != 0) {
    qualify(c, fmax(b->defect, decay));
    if (b->decay > VANISHES)
      add(c, "warp", "c of [grad g_i, grad h] = c grad g_i: dmu/dt = -e^{cA} grad f", NULL, b->c,
          false);
  }
}

/* ---- Formulas -------------------------------------------------------------------------------- */

/* Where the formulas have values; MS_BAD_SETTING where there are no such points. */
static ms_status look_at_random_points(ms_formula_pair *f, gsl_rng *rng, ms_brackets *worst,
                                       size_t *points, ms_error *err) {
  ms_status status = MS_OK;
  for (int tries = 0; status == MS_OK && *points < FORMULA_POINTS && tries < 50; tries++) {
    ms_random_gaussian(rng, f->w, f->count, 1);
    ms_pair pair = ms_formula_pair_at(f);
    ms_brackets one;
    status = ms_brackets_at(&pair, &one, err);
    double values = f->h ? ms_formula_value(f->h, f->w) : 0;
    for (size_t k = 0; k < f->outputs; k++)
      values += ms_formula_value(f->g[k], f->w);
    if (status != MS_OK || !isfinite(values + one.defect + one.decay + one.warped))
      continue; /* outside of the formulas' domain */
    ms_brackets_worst(worst, &one);
    ++*points;
  }
  return status;
}

static ms_status check_formulas(ms_check *c, const char *g, const char *h, const ms_config *cfg,
                                ms_error *err) {
  ms_formula_pair f;
  ms_status status = ms_formula_pair_new(&f, g, h, err);
  gsl_rng *rng = ms_random_new((uint64_t)ms_config_real(cfg, "seed"), MS_STREAM_INITIAL);
  if (status == MS_OK && !rng)
    status = ms_no_memory(err);
  ms_brackets worst = ms_brackets_none();
  size_t points = 0;
  if (status == MS_OK)
    status = look_at_random_points(&f, rng, &worst, &points, err);
  if (status == MS_OK && !points)
    status = ms_fail(err, MS_BAD_SETTING, "--g: '%s' has no values at random points", g);
  if (status == MS_OK) {
    ms_pair pair = ms_formula_pair_at(&f);
    add(c, "g", "", c->g, NAN, false);
    add(c, "h", "", c->h, NAN, false);
    add_points(c, "random ones that were looked at", points);
    add_brackets(c, &pair, &worst, NULL);
    judge(c, &pair, &worst);
  }
  if (rng)
    gsl_rng_free(rng);
  ms_formula_pair_free(&f);
  return status;
}

/* ---- Runs ------------------------------------------------------------------------------------ */

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
  size_t k = 0;
  while (strcmp(ms_method_at(k)->name, ms_config_text(cfg, "method")) != 0)
    k++;
  if (!ms_config_given(given, "max-steps"))
    ms_config_set(cfg, "max-steps", ms_method_at(k)->discrete ? STEPS_OF_DISCRETE : STEPS,
                  "--max-steps", err);
  for (size_t i = 0; i < 2 && status == MS_UNSUPPORTED; i++) {
    status = ms_config_given(given, "flow") ? MS_OK
                                            : ms_config_set(cfg, "flow", flows[i], "--flow", err);
    if (status == MS_OK)
      status = ms_run_new(run, cfg, err);
  }
  ms_config_free(cfg);
  return status;
}

/* What is found along a run. */
typedef struct walk {
  ms_pair pair; /* at the last point that was looked at */
  ms_brackets start, worst;
  size_t looked;
  double dose;
} walk;

/* The planned times that are looked at: all of them where --t-end is given, else those of the part
 * that is drawn. What comes after it, until the loss is small, can take as many steps again. */
static size_t points_of(const ms_run *run) {
  size_t points = ms_run_points(run), drawn = ms_config_count(run->cfg, "points");
  return ms_config_given(run->cfg, "t-end") ? points : MS_MIN(points, drawn);
}

static ms_status look_at(walk *s, ms_run *run, const ms_model *model, ms_error *err) {
  ms_brackets one = ms_brackets_none();
  ms_pair pair = {0};
  ms_status status = model->pair(run, &pair, err);
  if (status != MS_OK && s->looked) /* the gradient flow has stopped: its note says why */
    for (size_t i = 0; ms_run_note(run, i); i++)
      snprintf(err->message, sizeof err->message, "%s", ms_run_note(run, i));
  if (status == MS_OK && !pair.own_flow)
    status = ms_brackets_at(&pair, &one, err);
  if (status != MS_OK)
    return status;
  if (!s->looked++)
    s->start = one;
  s->pair = pair;
  ms_brackets_worst(&s->worst, &one);
  s->dose = fmax(s->dose, ms_run_observe(run, "dose"));
  return MS_OK;
}

static ms_status look_along(walk *s, ms_run *run, const ms_model *model, ms_error *err) {
  ms_status status = MS_OK;
  size_t points = points_of(run), stride = MS_MAX(points / (POINTS - 1), 1);
  for (size_t i = 0; i < points && status == MS_OK; i++) {
    status = ms_run_advance(run, i, err);
    if (status < 0 || (i % stride && status == MS_OK && i + 1 < points))
      continue;
    ms_status there = look_at(s, run, model, err);
    if (there != MS_OK)
      return there;
  }
  return status;
}

/* What the model says of itself, held against the brackets and the flows. Steps of a discrete
 * method are not the flow, so they are not held against it. */
static void add_claims(ms_check *c, const walk *s, const ms_run *run) {
  bool discrete = run->setup.method && run->setup.method->discrete;
  bool none = strcmp(c->verdict, "no") == 0, decays = ms_schedule_total(run->schedule) > 0;
  bool g_allows = s->worst.defect <= VANISHES && s->worst.folded <= VANISHES;
  double allowed = fmax(GAP_ALLOWED, GAP_PER_RTOL * ms_config_real(run->cfg, "rtol"));
  if (run->flow && isfinite(ms_run_allowed(run)))
    allowed = ms_run_allowed(run);
  if (s->pair.mirror && !s->pair.own_flow)
    claim(c, "the brackets allow the mirror flow that the model has", decays ? !none : g_allows,
          "%.2g", s->worst.defect);
  if (s->pair.mirror && isfinite(run->worst_gap) && !discrete)
    claim(c, "gradient flow and mirror flow give the same x", run->worst_gap <= allowed, "gap %.2g",
          run->worst_gap);
  if (!s->pair.mirror && isfinite(run->worst_gap))
    claim(c, "the brackets forbid the mirror flow that the model lacks", none, "%.2g",
          s->worst.defect);
  if (isfinite(run->worst_drift) && !discrete)
    claim(c, "what decays by the dose alone does so", run->worst_drift <= allowed, "drift %.2g",
          run->worst_drift);
}

static void report(ms_check *c, const walk *s, const ms_run *run, const ms_error *early) {
  snprintf(c->model, sizeof c->model, "%s", run->model->name);
  snprintf(c->g, sizeof c->g, "%s", s->pair.g ? s->pair.g : "");
  snprintf(c->h, sizeof c->h, "%s", s->pair.h ? s->pair.h : "|w|^2");
  add(c, "model", "", c->model, NAN, false);
  add(c, "g", "", c->g, NAN, false);
  add(c, "h", "", c->h, NAN, false);
  if (!s->pair.own_flow) {
    add_points(c, "along the run that were looked at", s->looked);
    add_brackets(c, &s->pair, &s->worst, &s->start);
  }
  add(c, "dose", "integral of alpha", NULL, s->dose, false);
  add(c, "gf_mf_gap", "gradient flow from mirror flow, largest along the run", NULL, run->worst_gap,
      false);
  add(c, "invariant_drift", "largest along the run", NULL, run->worst_drift, false);
  if (early) {
    snprintf(c->message, sizeof c->message, "%s", early->message);
    add(c, "ended_early", "", c->message, NAN, false);
  }
  judge(c, &s->pair, &s->worst);
  add_claims(c, s, run);
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
  walk s = {.start = ms_brackets_none(), .worst = ms_brackets_none()};
  status = look_along(&s, run, model, &why);
  if (status < 0 && (status == MS_INTERRUPTED || !s.looked)) {
    *err = why;
    ms_run_free(run);
    return status;
  }
  report(c, &s, run, status < 0 ? &why : NULL);
  ms_run_free(run);
  return MS_OK;
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
