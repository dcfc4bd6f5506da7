/* One neuron a relu(w z), its teacher relu(z), and starts with every pair of signs. */
#include "base/random.h"
#include "figure/figure.h"
#include "param/hyperbolic.h"
#include <math.h>
#include <string.h>

enum { A, W, WEIGHTS };         /* of the neuron: outer and inner */
enum { PLAIN, SIGN_IN, FLOWS }; /* a and w themselves, or a = m w and w = m w */
enum { SAMPLES = 16, GRID = 40, QUADRANTS = 4, POINTS = 401, THRESHOLDS = 5 };
static const double start = 0.5, reach = 1.2;     /* |a| = |w| of the quadrants; of the grid */
static const double beta[WEIGHTS] = {0.5, 0.125}; /* m^2 - w^2 = 1 of a, 1/4 of w */
static const double horizon = 400;
static const double SURFACE = 1e-9; /* so near to 0 w counts as there */
static const double found = 1e-6;   /* loss relative to that of 0, below which the teacher is */
/* The run with weight decay: a dose of 1.5 until t = 12. */
static const double decay = 0.125, decay_off = 12, reset_every = 3, decay_end = 60;

static const double sign[QUADRANTS][WEIGHTS] = {{1, 1}, {-1, 1}, {1, -1}, {-1, -1}};

/* A run of the neuron: gradient flow of its weights or mirror flow. */
typedef struct neuron {
  const ms_param *param;
  bool mirror;
  double ln_beta[WEIGHTS], kappa[WEIGHTS];
  const double *z; /* samples */
  ms_setup setup;  /* schedule, resets */
  double enough;   /* loss at which it ends */
  double piece_to;
  int side;     /* sign of w; 0: w has come to 0 and stays, relu has no slope there */
  double moved; /* x by resets, relative to max(|x|, beta), largest */
  ms_ode ode;
  ms_integrator *in;
} neuron;

/* f = mean of (a relu(w z) - relu(z))^2 / 2 */
static double loss_of(const double *z, const double *x) {
  double f = 0;
  for (int i = 0; i < SAMPLES; i++) {
    double r = x[A] * fmax(x[W] * z[i], 0) - fmax(z[i], 0);
    f += r * r / (2 * SAMPLES);
  }
  return f;
}

/* Its gradient where w has the sign `side`, or comes from there. At a = -w its two numbers are each
 * other's negative to the last bit, so that a plain flow from there stays there. */
static void gradient_of(const double *z, const double *x, int side, double *g) {
  g[A] = g[W] = 0;
  for (int i = 0; i < SAMPLES; i++) {
    bool active = side * z[i] > 0;
    double h = active ? x[W] * z[i] : 0, dh = active ? x[A] * z[i] : 0;
    double r = x[A] * h - fmax(z[i], 0);
    g[A] += r * h / SAMPLES;
    g[W] += r * dh / SAMPLES;
  }
}

static void x_of(const neuron *n, double t, const double *y, double *x) {
  const ms_start at = {n->ln_beta, n->kappa};
  double a = n->setup.dose_before - ms_schedule_dose(n->setup.schedule, t);
  if (n->mirror)
    n->param->primal(n->param, &at, 0, WEIGHTS, a, y, x, NULL);
  for (size_t c = 0; c < WEIGHTS && !n->mirror; c++)
    x[c] = n->param->map(n->param, y + c * n->param->width);
}

static int rhs(void *self, double t, const double *y, double *ydot) {
  const neuron *n = self;
  const ms_param *p = n->param;
  double x[WEIGHTS], g[WEIGHTS], dg[MS_WIDTH_MAX];
  double alpha = t < n->piece_to ? ms_schedule_alpha(n->setup.schedule, t)
                                 : ms_schedule_alpha_before(n->setup.schedule, n->piece_to);
  x_of(n, t, y, x);
  gradient_of(n->z, x, n->side, g);
  for (size_t c = 0; c < WEIGHTS; c++) {
    if (n->mirror) {
      ydot[c] = -g[c];
      continue;
    }
    const double *w = y + c * p->width;
    p->slope(p, w, dg);
    for (size_t b = 0; b < p->width; b++)
      ydot[c * p->width + b] = -g[c] * dg[b] - 2 * alpha * w[b];
  }
  return isfinite(x[A] + x[W]) ? 0 : 1;
}

static void tolerance(void *self, double t, const double *y, double *allowed) {
  const neuron *n = self;
  (void)t;
  for (size_t i = 0; i < n->ode.size; i++)
    allowed[i] = 1e-11 * fabs(y[i]) + 1e-13;
}

static double next_break(void *self, double t) {
  const neuron *n = self;
  return fmin(ms_schedule_next_break(n->setup.schedule, t), ms_flow_next_reset(&n->setup, t));
}

static void enter(void *self, double from, double to) {
  neuron *n = self;
  (void)from;
  n->piece_to = to;
}

static bool finished(void *self, double t, const double *y) {
  const neuron *n = self;
  double x[WEIGHTS];
  x_of(n, t, y, x);
  return loss_of(n->z, x) <= n->enough;
}

/* Is w on its side of 0, up to errors of the integration? */
static bool holds(void *self, double t, const double *y) {
  const neuron *n = self;
  double x[WEIGHTS];
  x_of(n, t, y, x);
  return n->side * x[W] > -SURFACE || n->side == 0;
}

/* w is 0: it goes to the side to which the forces of that side draw it, if there is one. */
static void choose(void *self, double t, double *y) {
  neuron *n = self;
  double x[WEIGHTS], g[WEIGHTS];
  if (holds(self, t, y))
    return;
  x_of(n, t, y, x);
  x[W] = 0;
  n->side = 0;
  for (int side = -1; side <= 1; side += 2) {
    gradient_of(n->z, x, side, g);
    n->side = -side * g[W] > 0 ? side : n->side;
  }
}

static void component(void *self, size_t i, char *name, size_t size) {
  (void)self;
  snprintf(name, size, "y[%zu]", i);
}

/* y has x, at the scales `ln_beta` where there are any. */
static void place(neuron *n, const double *x, double *y) {
  for (size_t c = 0; c < WEIGHTS; c++) {
    if (n->param->rate > 0) {
      n->kappa[c] = ms_scaled_asinh(x[c], n->ln_beta[c]);
      if (n->mirror)
        y[c] = 0;
      else
        ms_flow_weights(n->param, n->ln_beta[c], x[c], y + c * n->param->width);
    } else {
      y[c] = x[c];
    }
  }
}

static ms_status begin(neuron *n, const ms_param *param, bool mirror, const double *scale,
                       const double *x0, double t_end, ms_error *err) {
  double y0[WEIGHTS * MS_WIDTH_MAX] = {0};
  n->param = param;
  n->mirror = mirror;
  n->side = x0[W] > 0 ? 1 : -1;
  for (int c = 0; c < WEIGHTS; c++)
    n->ln_beta[c] = log(scale[c]);
  n->ode = (ms_ode){.size = WEIGHTS * (mirror ? 1 : param->width),
                    .self = n,
                    .rhs = rhs,
                    .tolerance = tolerance,
                    .next_break = next_break,
                    .enter = enter,
                    .finished = finished,
                    .holds = holds,
                    .choose = choose,
                    .component = component};
  place(n, x0, y0);
  return ms_integrator_new(&n->in, &ms_method_adams, &n->ode, y0, t_end, 1000000, NULL, err);
}

/* To t, through the resets on the way; x there. */
static ms_status advance(neuron *n, double t, double *x, ms_error *err) {
  ms_setup *s = &n->setup;
  ms_status status = MS_OK;
  for (double at; status == MS_OK && (at = ms_flow_next_reset(s, n->in->t)) <= t;) {
    double after[WEIGHTS];
    status = ms_integrator_advance(n->in, &at, err);
    if (status != MS_OK)
      break;
    x_of(n, at, n->in->y, x);
    s->dose_before = ms_schedule_dose(s->schedule, at);
    place(n, x, n->in->y);
    x_of(n, at, n->in->y, after);
    for (int c = 0; c < WEIGHTS; c++)
      n->moved = fmax(n->moved, fabs(after[c] - x[c]) / fmax(fabs(x[c]), exp(n->ln_beta[c])));
    ms_integrator_jump(n->in);
  }
  if (status == MS_OK)
    status = ms_integrator_advance(n->in, &t, err);
  x_of(n, t, n->in->out, x);
  return status;
}

/* What all runs share. */
typedef struct bench {
  ms_drawing *f;
  const ms_param *param[FLOWS];
  double z[SAMPLES], nothing; /* nothing: the loss of a = w = 0 */
  ms_schedule *none, *step;   /* weight decay */
  double highest;             /* w of runs from w < 0 */
  size_t inner, recovered;    /* runs from w < 0; that found the teacher */
} bench;

static neuron fresh(const bench *b, ms_schedule *schedule) {
  return (neuron){.z = b->z, .setup = {.schedule = schedule}, .enough = found * 1e-3 * b->nothing};
}

/* Does the flow find the teacher from (a0, w0)? */
static bool finds(bench *b, int flow, const double *scale, double a0, double w0) {
  neuron n = fresh(b, b->none);
  double x[WEIGHTS] = {a0, w0};
  ms_error err;
  ms_status status = begin(&n, b->param[flow], false, scale, x, horizon, &err);
  if (status == MS_OK)
    status = advance(&n, horizon, x, &err);
  ms_integrator_free(n.in);
  if (status < 0)
    ms_figure_fail(b->f, &err);
  bool done = loss_of(b->z, x) <= found * b->nothing;
  if (w0 < 0) {
    b->inner++;
    b->recovered += done;
    b->highest = fmax(b->highest, x[W]);
  }
  return done;
}

/* All starts in the plane. */
static void grid(bench *b) {
  size_t count = ms_figure_size(b->f, GRID, 10);
  ms_figure_let(b->f, "half", reach / (double)(count - 1));
  ms_sheet *sheet = ms_sheet_new(b->f, "starts", "flow,a,w,found");
  for (int flow = 0; flow < FLOWS; flow++)
    for (size_t i = 0; i < count; i++) {
      for (size_t k = 0; k < count && !ms_figure_failed(b->f); k++) {
        double step = 2 * reach / (double)(count - 1), a = (double)k * step - reach,
               w = (double)i * step - reach;
        ms_row(sheet, flow, a, w, finds(b, flow, beta, a, w));
      }
      ms_figure_progress(b->f, (double)(flow * (int)count + (int)i) / (double)(FLOWS * count));
    }
}

/* sqrt(a^2 + beta_a^2) - sqrt(w^2 + beta_w^2), or of a and w themselves a^2 - w^2 */
static double kept(int flow, const double *scale, const double *x) {
  return flow == PLAIN ? x[A] * x[A] - x[W] * x[W] : hypot(x[A], scale[A]) - hypot(x[W], scale[W]);
}

/* a < 0 from which 0 is reached: what is kept is that of 0. */
static double threshold(const double *scale, double w) {
  double s = hypot(w, scale[W]) - scale[W] + scale[A];
  return -sqrt(s * s - scale[A] * scale[A]);
}

/* The four quadrants, from |a| = |w|; gradient flow and mirror flow. */
static void quadrants(bench *b, bool success[FLOWS][QUADRANTS]) {
  ms_sheet *sheet = ms_sheet_new(b->f, "paths", "flow,quadrant,t,a,w,loss");
  double gap = 0, drift = 0;
  for (int flow = 0; flow < FLOWS; flow++)
    for (int q = 0; q < QUADRANTS; q++) {
      neuron n = fresh(b, b->none), beside = n;
      double x[WEIGHTS] = {sign[q][A] * start, sign[q][W] * start}, other[WEIGHTS];
      double first = kept(flow, beta, x);
      ms_error err;
      n.enough = beside.enough = 0;
      ms_status status = begin(&n, b->param[flow], false, beta, x, horizon, &err);
      if (status == MS_OK && flow == SIGN_IN)
        status = begin(&beside, b->param[flow], true, beta, x, horizon, &err);
      for (int i = 0; i < POINTS && status >= 0; i++) {
        double t = horizon * pow((double)i / (POINTS - 1), 3);
        status = advance(&n, t, x, &err);
        if (status >= 0 && flow == SIGN_IN) {
          status = advance(&beside, t, other, &err);
          gap = fmax(gap, fmax(fabs(x[A] - other[A]), fabs(x[W] - other[W])));
        }
        double f = loss_of(b->z, x) / b->nothing;
        drift = sign[q][W] > 0 ? fmax(drift, fabs(kept(flow, beta, x) - first)) : drift;
        b->highest = sign[q][W] < 0 ? fmax(b->highest, x[W]) : b->highest;
        success[flow][q] = f <= found;
        ms_row(sheet, flow, q, t, x[A], x[W], f);
      }
      ms_sheet_gap(sheet);
      ms_integrator_free(n.in);
      ms_integrator_free(beside.in);
      if (status < 0)
        ms_figure_fail(b->f, &err);
    }
  ms_claim_below(b->f, "Sign-In: gradient flow less mirror flow, a and w, largest", "theorem", 1e-8,
                 gap);
  ms_claim_below(b->f, "w > 0: what each flow keeps of a and w, drift", "balance laws", 1e-8,
                 drift);
}

/* The largest a < 0 from which w0 > 0 does not find the teacher, by bisection of runs. */
static double bisect(bench *b, int flow, const double *scale, double w0) {
  double low = -3, high = 0;
  while (high - low > 2e-5 && !ms_figure_failed(b->f)) {
    double a = (low + high) / 2;
    *(finds(b, flow, scale, a, w0) ? &high : &low) = a;
  }
  return (low + high) / 2;
}

static void thresholds(bench *b) {
  static const double equal[WEIGHTS] = {0.5, 0.5}, none[WEIGHTS] = {0, 0};
  size_t count = ms_figure_size(b->f, THRESHOLDS, 1);
  ms_sheet *found_at = ms_sheet_new(b->f, "thresholds", "flow,a,w");
  ms_sheet *line = ms_sheet_new(b->f, "line", "flow,a,w");
  double off[FLOWS] = {0}, off_equal = 0;
  for (int flow = 0; flow < FLOWS; flow++) {
    for (size_t i = 0; i < count; i++) {
      double w = count == 1 ? start : 0.2 + 0.2 * (double)i, a = bisect(b, flow, beta, w);
      off[flow] = fmax(off[flow], fabs(a - threshold(flow == PLAIN ? none : beta, w)));
      ms_row(found_at, flow, a, w);
    }
    for (int i = 0; i <= 100; i++) {
      double w = reach * i / 100;
      ms_row(line, flow, threshold(flow == PLAIN ? none : beta, w), w);
    }
    ms_sheet_gap(line);
  }
  off_equal = fabs(bisect(b, SIGN_IN, equal, start) + start);
  ms_claim_below(b->f, "plain flow: largest a < 0 it fails from, by bisection, less -w",
                 "closed form", 1e-4, off[PLAIN]);
  ms_claim_below(b->f, "Sign-In: the same, less the a of the closed form", "closed form", 1e-4,
                 off[SIGN_IN]);
  ms_claim_below(b->f, "both scales 1/2: less -w, nothing is won", "closed form", 1e-4, off_equal);
}

/* From a < 0 < w under weight decay that ends: beta fades, unless it is put back. */
static void fading(bench *b) {
  enum { WITHOUT, LEFT, RESET, WAYS };
  ms_sheet *sheet = ms_sheet_new(b->f, "fading", "way,t,loss,ln_beta,a,w");
  double end[WAYS] = {0}, moved = 0, gap = 0;
  for (int way = 0; way < WAYS; way++) {
    neuron n = fresh(b, way == WITHOUT ? b->none : b->step), beside;
    double x[WEIGHTS] = {-start, start}, other[WEIGHTS];
    ms_error err;
    n.enough = 0;
    n.setup.reset_every = way == RESET ? reset_every : 0;
    beside = n;
    ms_status status = begin(&n, b->param[SIGN_IN], false, beta, x, decay_end, &err);
    if (status == MS_OK)
      status = begin(&beside, b->param[SIGN_IN], true, beta, x, decay_end, &err);
    for (int i = 0; i < POINTS && status >= 0; i++) {
      double t = decay_end * i / (POINTS - 1);
      status = advance(&n, t, x, &err);
      if (status >= 0)
        status = advance(&beside, t, other, &err);
      double dose = ms_schedule_dose(n.setup.schedule, t) - n.setup.dose_before;
      end[way] = loss_of(b->z, x) / b->nothing;
      gap = fmax(gap, fmax(fabs(x[A] - other[A]), fabs(x[W] - other[W])));
      ms_row(sheet, way, t, end[way], n.ln_beta[A] - 4 * dose, x[A], x[W]);
    }
    ms_sheet_gap(sheet);
    moved = fmax(moved, fmax(n.moved, beside.moved));
    ms_integrator_free(n.in);
    ms_integrator_free(beside.in);
    if (status < 0)
      ms_figure_fail(b->f, &err);
  }
  ms_claim_below(b->f, "resets: a and w after less before, relative to max(|x|, beta), largest",
                 "x is not to change", 1e-15, moved);
  ms_claim_below(b->f, "through the resets: gradient flow less mirror flow, largest", "theorem",
                 1e-6, gap);
  ms_claim_below(b->f, "decay until t = 12, resets: loss at t = 60 / loss of 0", "it is found",
                 found, end[RESET]);
  ms_claim_above(b->f, "the same without resets", "beta has faded", 0.99, end[LEFT]);
  ms_figure_let(b->f, "decay_off", decay_off);
  ms_figure_let(b->f, "reset_every", reset_every);
}

static bool make_bench(bench *b, ms_drawing *f) {
  static const double zero[WEIGHTS] = {0, 0};
  *b =
      (bench){.f = f, .param = {ms_param_find("plain"), ms_param_find("mw")}, .highest = -INFINITY};
  ms_error err;
  ms_config *cfg = ms_config_new();
  gsl_rng *rng = ms_random_new(1, MS_STREAM_DATA);
  ms_status status = cfg && rng ? MS_OK : ms_no_memory(&err);
  if (status == MS_OK) {
    ms_random_gaussian(rng, b->z, SAMPLES, 1);
    b->nothing = loss_of(b->z, zero);
    status = ms_config_set(cfg, "wd-schedule", "none", "sign-in", &err);
  }
  if (status == MS_OK)
    status = ms_schedule_new(&b->none, cfg, 0, 1, &err);
  if (status == MS_OK)
    status = ms_config_set(cfg, "wd-schedule", "step", "sign-in", &err);
  if (status == MS_OK)
    status = ms_schedule_new(&b->step, cfg, decay, decay_off, &err);
  if (rng)
    gsl_rng_free(rng);
  ms_config_free(cfg);
  if (status != MS_OK)
    ms_figure_fail(f, &err);
  return status == MS_OK;
}

static void make(ms_drawing *f) {
  static const char *const names[FLOWS] = {"plain flow", "Sign-In"};
  static const bool expected[FLOWS][QUADRANTS] = {{true, false, false, false},
                                                  {true, true, false, false}};
  bool success[FLOWS][QUADRANTS] = {{false}};
  bench b;
  if (make_bench(&b, f)) {
    quadrants(&b, success);
    for (int flow = 0; flow < FLOWS; flow++) {
      char text[128], is[64] = "", should[64] = "";
      for (int q = 0; q < QUADRANTS; q++) {
        strcat(should, expected[flow][q] ? "yes " : "no ");
        strcat(is, success[flow][q] ? "yes " : "no ");
      }
      snprintf(text, sizeof text,
               "%s finds the teacher from (a, w) = (+, +), (-, +), (+, -), (-, -)", names[flow]);
      ms_claim(f, text, "Sign-In, theorems", should,
               memcmp(success[flow], expected[flow], sizeof success[flow]) == 0, "%s", is);
    }
    grid(&b);
    thresholds(&b);
    char text[96];
    snprintf(text, sizeof text, "%zu runs from w < 0, both flows: those that find it", b.inner);
    ms_claim_near(f, text, "Sign-In, theorem: none can", 0, 0, (double)b.recovered);
    ms_claim_below(f, "largest w they come to", "Sign-In, theorem: w stays below 0", SURFACE,
                   b.highest);
    fading(&b);
  }
  ms_schedule_free(b.none);
  ms_schedule_free(b.step);
}

const ms_figure ms_figure_sign_in = {
    "sign-in", "Sign-In: which signs of a neuron can be learned",
    "Gadhikar, Jacobs, Zhou & Burkholz 2025, Sign-In to the Lottery, arXiv 2504.12801 (its "
    "theorems on one neuron)",
    "A neuron a relu(w z) is to learn relu(z). Shaded are the starts from which it does; lines "
    "are runs from |a| = |w| = 1/2. Left: the gradient flow of a and w finds the teacher (dot) "
    "from a, w > 0; from a < 0 < w it ends at 0 unless w > |a|. Middle: a and w each as m w, of "
    "scales beta = 1/2 and 1/8; the metric does not vanish at a = 0, and all of the balanced "
    "starts with w > 0 "
    "find it. None with w < 0 does. Dashed: what is kept along a flow, in closed form, as at 0. "
    "Right: "
    "weight decay until t = 12 lets the scales fade, and the flow stays near 0; where it is put "
    "back "
    "every 3 units of time (dots), it does not. Here m w is written with m^2 - w^2 = 2 beta. 16 "
    "Gaussian samples, the scales (the theorem asks for a larger one of a), strength and times "
    "of decay and resets are chosen here.",
    make};
