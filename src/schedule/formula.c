#include "schedule/formula.h"
#include "formula/formula.h"
#include "settings/config.h"
#include <gsl/gsl_chebyshev.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* formula: alpha_0 times a formula of t (and T) on [0, T), then 0. There is no closed form of its
 * integral; [0, T] is cut into pieces on which a Chebyshev series of alpha has converged to
 * rounding, and its integral is that of the series. Where no cutting helps alpha jumps: a break. */

enum { SERIES = 20, PIECES_MAX = 5000, SAMPLES = 256 };
/* Of T. Pieces begin no longer than that, and near 0 shorter, where decays are: what a piece does
 * not see at SERIES + 1 places is not seen. */
static const double SHORTEST_PIECE = 1e-15, LONGEST_PIECE = 1.0 / 64, FIRST_PIECE = 1e-12;

typedef struct piece {
  double from, to, dose, mean; /* dose: before it; mean: of alpha */
  gsl_cheb_series *integral;   /* NULL: alpha jumps within it */
} piece;

typedef struct ms_pieces {
  ms_formula *formula;
  double T, largest, least, least_at, bad_at;
  size_t count;
  piece *piece;
} pieces;

static double formula_at(double t, void *self) {
  pieces *p = self;
  double value = ms_formula_value(p->formula, (double[]){t, p->T});
  if (!isfinite(value))
    p->bad_at = t;
  if (value < p->least) {
    p->least = value;
    p->least_at = t;
  }
  return isfinite(value) ? fmax(value, 0) : 0;
}

static bool converged(const gsl_cheb_series *c, double largest) {
  double tail = 0, top = fabs(c->c[0]) / 2;
  for (size_t k = 1; k <= SERIES; k++) {
    top = fmax(top, fabs(c->c[k]));
    tail = k + 3 > SERIES ? fmax(tail, fabs(c->c[k])) : tail;
  }
  return tail <= 1e-14 * fmax(top, largest); /* t itself is rounded, and with it alpha */
}

static double piece_dose(const piece *p, double t) {
  if (t <= p->from || !p->integral)
    return p->dose + (t - p->from) * p->mean;
  return p->dose + gsl_cheb_eval(p->integral, t);
}

/* Cuts [from, to] as often as it takes, left to right. */
static ms_status cut(pieces *p, gsl_cheb_series *c, double from, double to, ms_error *err) {
  gsl_function f = {formula_at, p};
  gsl_cheb_init(c, &f, from, to);
  bool smooth = converged(c, p->largest), shortest = to - from <= SHORTEST_PIECE * p->T;
  if (isfinite(p->bad_at))
    return MS_OK; /* reported by who called */
  if (p->count == PIECES_MAX)
    return ms_fail_at(err, MS_BAD_SETTING, from, "near t = %g it is too rough to be integrated",
                      from);
  bool coarse = to - from > LONGEST_PIECE * p->T || (from == 0 && to > FIRST_PIECE * p->T);
  if (coarse || (!smooth && !shortest)) {
    double middle = from + (to - from) / 2;
    ms_status status = cut(p, c, from, middle, err);
    return status == MS_OK ? cut(p, c, middle, to, err) : status;
  }
  double mean = c->c[0] / 2, before = 0;
  if (p->count > 0) {
    piece *last = &p->piece[p->count - 1];
    if (!smooth && !last->integral) { /* the same jump */
      last->mean = (last->mean * (last->to - last->from) + mean * (to - from)) / (to - last->from);
      last->to = to;
      return MS_OK;
    }
    before = piece_dose(last, last->to);
  }
  gsl_cheb_series *integral = smooth ? gsl_cheb_alloc(SERIES) : NULL;
  if (smooth && !integral)
    return ms_no_memory(err);
  if (integral)
    gsl_cheb_calc_integ(integral, c);
  p->piece[p->count++] = (piece){from, to, before, mean, integral};
  return MS_OK;
}

void ms_formula_pieces_free(pieces *p) {
  if (!p)
    return;
  for (size_t k = 0; k < p->count; k++)
    if (p->piece[k].integral)
      gsl_cheb_free(p->piece[k].integral);
  free(p->piece);
  ms_formula_free(p->formula);
  free(p);
}

ms_status ms_formula_read(ms_schedule *s, const ms_config *cfg, ms_error *err) {
  static const char *const names[] = {"t", "T"};
  const char *text = ms_config_text(cfg, "wd-formula"),
             *origin = ms_config_origin(cfg, "wd-formula");
  pieces *p = s->pieces = calloc(1, sizeof *p);
  gsl_cheb_series *c = gsl_cheb_alloc(SERIES);
  ms_status status = p && c && (p->piece = calloc(PIECES_MAX, sizeof *p->piece))
                         ? ms_formula_new(&p->formula, text, strlen(text), names, 2, origin, 1, err)
                         : ms_no_memory(err);
  if (status == MS_OK) {
    p->T = s->T;
    p->bad_at = INFINITY;
    for (int i = 0; i <= SAMPLES && s->T > 0; i++)
      p->largest = fmax(p->largest, formula_at(s->T * i / SAMPLES, p));
    ms_error why = {0};
    if (s->T > 0 && !isfinite(p->bad_at))
      status = cut(p, c, 0, s->T, &why);
    if (isfinite(p->bad_at))
      status =
          ms_fail(err, MS_BAD_SETTING, "%s: '%s' is not a finite number at t = %.6g (T = %.6g)",
                  origin, text, p->bad_at, s->T);
    else if (p->least < -1e-12 * p->largest)
      status = ms_fail(err, MS_BAD_SETTING,
                       "%s: '%s' is %.6g at t = %.6g (T = %.6g); alpha must be at least 0", origin,
                       text, p->least, p->least_at, s->T);
    else if (status != MS_OK)
      status = ms_fail(err, why.status, "%s: '%s': %s", origin, text, why.message);
  }
  if (c)
    gsl_cheb_free(c);
  return status;
}

/* The piece with from <= t < to. */
static const piece *piece_at(const ms_schedule *s, double t) {
  const piece *all = s->pieces->piece;
  size_t low = 0, high = s->pieces->count;
  while (high - low > 1) {
    size_t middle = (low + high) / 2;
    if (all[middle].from <= t)
      low = middle;
    else
      high = middle;
  }
  return &all[low];
}

double ms_formula_alpha(const ms_schedule *s, double t, bool before) {
  if (before ? t > s->T : t >= s->T)
    return 0;
  const piece *p = piece_at(s, before ? nextafter(t, 0) : t);
  double at = before && p->to == t && !p->integral ? p->from : t;
  return s->alpha0 * fmax(ms_formula_value(s->pieces->formula, (double[]){at, s->T}), 0);
}

double ms_formula_dose(const ms_schedule *s, double t) {
  t = fmin(t, s->T);
  return s->alpha0 * piece_dose(piece_at(s, t), t);
}

double ms_formula_break(const ms_schedule *s, double t) {
  const pieces *p = s->pieces;
  if (t >= s->T)
    return INFINITY;
  for (const piece *q = piece_at(s, t); q < p->piece + p->count; q++)
    if (!q->integral && q->to > t && q->to < s->T)
      return q->to;
  return s->T;
}
