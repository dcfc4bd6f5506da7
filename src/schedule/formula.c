#include "formula/formula.h"
#include "schedule/classes.h"
#include "schedule/formula.h"
#include "settings/config.h"
#include <float.h>
#include <gsl/gsl_chebyshev.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* formula: alpha_0 times a formula of t (and T) on [0, T), then 0. There is no closed form of its
 * integral. [0, T] is cut into pieces on which a Chebyshev series of alpha has converged to
 * rounding, and its integral is that of the series. Three kinds of pieces end the cutting earlier:
 *
 *   noise   what is left of the series is what the rounding of t makes of alpha: beside a root such
 *           as sqrt|t - 1|, where alpha is steep
 *   kink    alpha is continuous with an infinite slope, and the rest no longer matters to the dose
 *   jump    no cutting helps
 *
 * Kinks and jumps are breaks, because an integrator that steps across them must creep. */

enum { SERIES = 20, PIECES_MAX = 20000, CUTS_MAX = 200000, SAMPLES = 256 };
/* Of T. Pieces begin no longer than that, and near 0 shorter, where decays are: what a piece does
 * not see at SERIES + 1 places is not seen. */
static const double SHORTEST_PIECE = 1e-15, LONGEST_PIECE = 1.0 / 64, FIRST_PIECE = 1e-12;
/* Of T: longer pieces are cut until their series converges. */
static const double LONGEST_KINK = 1e-4;
/* A kink's error of the dose, of max alpha * T; its rest of the series is between these parts of
 * max alpha: a smaller one converges within a few cuts, a larger one is a jump. */
static const double KINK_ERROR = 1e-15, LEAST_KINK = 1e-7, LEAST_JUMP = 1e-3;
/* Roundings of t that the noise of alpha may be, and the part of the change of alpha that noise
 * is at most. */
static const double NOISE_ROUNDINGS = 16, MOST_NOISE = 1e-2;
/* Part of the dose that kinks and jumps may leave uncertain. */
static const double DOSE_ERROR = 1e-10;
/* Rounding makes an alpha of 0 this much negative, of max alpha. */
static const double ROUNDED_ZERO = 1e-12;

typedef struct piece {
  double from, to, dose, mean; /* dose: before it; mean: of alpha */
  gsl_cheb_series *integral;   /* NULL: alpha jumps within it */
  bool kink;                   /* alpha has an infinite slope within it */
} piece;

typedef struct ms_pieces {
  ms_formula *formula;
  double T, largest, least, least_at, bad_at;
  double uncertain; /* dose of what the series of kinks and jumps have left */
  size_t count, cuts;
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

/* What a series has left, and the largest of its numbers but the first. */
typedef struct rest {
  double tail, change;
} rest;

static rest rest_of(const gsl_cheb_series *c) {
  rest r = {0, 0};
  for (size_t k = 1; k <= SERIES; k++) {
    r.change = fmax(r.change, fabs(c->c[k]));
    r.tail = k + 3 > SERIES ? fmax(r.tail, fabs(c->c[k])) : r.tail;
  }
  return r;
}

static bool converged(const pieces *p, const gsl_cheb_series *c) {
  rest r = rest_of(c);
  double length = c->b - c->a, top = fmax(fmax(fabs(c->c[0]) / 2, r.change), p->largest);
  if (r.tail <= 1e-14 * top) /* t itself is rounded, and with it alpha */
    return true;
  return length <= LONGEST_KINK * p->T && r.tail <= MOST_NOISE * r.change &&
         r.tail * length <= NOISE_ROUNDINGS * DBL_EPSILON * c->b * r.change;
}

static bool is_kink(const pieces *p, const gsl_cheb_series *c) {
  double tail = rest_of(c).tail, length = c->b - c->a;
  return length <= LONGEST_KINK * p->T && tail > LEAST_KINK * p->largest &&
         tail < LEAST_JUMP * p->largest && tail * length <= KINK_ERROR * p->largest * p->T;
}

static bool is_negative(const pieces *p) {
  return p->least < -ROUNDED_ZERO * p->largest;
}

static double piece_dose(const piece *p, double t) {
  if (t <= p->from || !p->integral)
    return p->dose + (t - p->from) * p->mean;
  return p->dose + gsl_cheb_eval(p->integral, t);
}

/* Appends the last piece of all, with the series c. */
static ms_status append(pieces *p, gsl_cheb_series *c, bool smooth, bool kink, ms_error *err) {
  double from = c->a, to = c->b, mean = c->c[0] / 2, before = 0;
  if (!smooth)
    p->uncertain += rest_of(c).tail * (to - from);
  if (p->count > 0) {
    piece *last = &p->piece[p->count - 1];
    if (!smooth && !kink && !last->integral) { /* the same jump */
      last->mean = (last->mean * (last->to - last->from) + mean * (to - from)) / (to - last->from);
      last->to = to;
      return MS_OK;
    }
    before = piece_dose(last, last->to);
  }
  gsl_cheb_series *integral = smooth || kink ? gsl_cheb_alloc(SERIES) : NULL;
  if ((smooth || kink) && !integral)
    return ms_no_memory(err);
  if (integral)
    gsl_cheb_calc_integ(integral, c);
  p->piece[p->count++] = (piece){from, to, before, mean, integral, kink};
  return MS_OK;
}

/* Cuts [from, to] as often as it takes, left to right. */
static ms_status cut(pieces *p, gsl_cheb_series *c, double from, double to, ms_error *err) {
  gsl_function f = {formula_at, p};
  gsl_cheb_init(c, &f, from, to);
  if (isfinite(p->bad_at) || is_negative(p))
    return MS_OK; /* reported by who called */
  if (p->count == PIECES_MAX || p->cuts++ == CUTS_MAX)
    return ms_fail_at(err, MS_BAD_SETTING, from, "near t = %g it is too rough to be integrated",
                      from);
  bool smooth = converged(p, c), kink = !smooth && is_kink(p, c);
  bool shortest = to - from <= SHORTEST_PIECE * p->T;
  bool coarse = to - from > LONGEST_PIECE * p->T || (from == 0 && to > FIRST_PIECE * p->T);
  if (!coarse && (smooth || kink || shortest))
    return append(p, c, smooth, kink, err);
  double middle = from + (to - from) / 2;
  ms_status status = cut(p, c, from, middle, err);
  return status == MS_OK ? cut(p, c, middle, to, err) : status;
}

/* Do kinks and jumps leave the dose in doubt? */
static ms_status check_dose(const pieces *p, ms_error *err) {
  const piece *last = &p->piece[p->count - 1];
  double dose = piece_dose(last, last->to);
  if (p->uncertain <= DOSE_ERROR * dose)
    return MS_OK;
  const piece *worst = last; /* where alpha is largest */
  for (const piece *q = p->piece; q < last; q++)
    if (!q->integral && q->mean > worst->mean)
      worst = q;
  return ms_fail_at(err, MS_BAD_SETTING, worst->from,
                    "near t = %g it grows too fast to be integrated: its dose, about %g, would be "
                    "uncertain by %.1g",
                    worst->from, dose, p->uncertain);
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
    if (status == MS_OK && p->count > 0 && !isfinite(p->bad_at) && !is_negative(p))
      status = check_dose(p, &why);
    if (isfinite(p->bad_at))
      status =
          ms_fail(err, MS_BAD_SETTING, "%s: '%s' is not a finite number at t = %.6g (T = %.6g)",
                  origin, text, p->bad_at, s->T);
    else if (is_negative(p))
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
    if ((q->kink || !q->integral) && q->to > t && q->to < s->T)
      return q->to;
  return s->T;
}

static ms_status read_given(ms_schedule *s, const ms_config *cfg, ms_error *err) {
  if (!ms_config_text(cfg, "wd-formula"))
    return ms_fail(err, MS_BAD_SETTING, "--wd-schedule formula needs --wd-formula FORMULA");
  return ms_formula_read(s, cfg, err);
}

const ms_schedule_class ms_schedule_class_formula = {
    .name = "formula",
    .summary = "alpha0 times --wd-formula on [0, T), then 0",
    .alpha = ms_formula_alpha,
    .dose = ms_formula_dose,
    .next_break = ms_formula_break,
    .limit = ms_zero_from_T,
    .read = read_given,
    .literal = true,
};
