/* A check: do the brackets along a run, or of formulas, allow a mirror flow, and does the run agree
 * with them? */
#include "base/random.h"
#include "flow/formula_pair.h"
#include "run/run.h"
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Brackets up to this size are rounding. */
static const double VANISHES = 1e-8;
/* GF and MF must agree to this, relative to the largest |x|. */
static const double GAP_ALLOWED = 1e-5;
enum { POINTS = 6, ENTRIES_MAX = 24, CLAIMS_MAX = 3 };
/* Where a pair given by formulas is looked at. */
enum { FORMULA_POINTS = 8 };

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
  ms_formula_pair f;
  ms_status status = ms_formula_pair_new(&f, g, h, err);
  gsl_rng *rng = ms_random_new((uint64_t)ms_config_real(cfg, "seed"), MS_STREAM_INITIAL);
  if (status == MS_OK && !rng)
    status = ms_no_memory(err);
  ms_brackets worst = {.degree = NAN};
  size_t points = 0;
  for (int tries = 0; status == MS_OK && points < FORMULA_POINTS && tries < 50; tries++) {
    ms_random_gaussian(rng, f.w, f.count, 1);
    ms_pair pair = ms_formula_pair_at(&f);
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
  ms_formula_pair_free(&f);
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
