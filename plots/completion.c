/* A completion whose norms must all grow while its rank falls: the smallest one. */
#include "figure/figure.h"
#include <math.h>

enum { DEPTHS = 2 };
static const double table[] = {1, 0, 1, 0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 1}; /* y, a11 ... a22 */

/* Half the sum of squares, the paper's loss: that of the runs is the sum over 2 * 3. */
static double loss_of(const ms_curve *c, size_t i) {
  return 3 * ms_curve_at(c, i, "loss");
}

static double det_of(const double *x) {
  return x[0] * x[3] - x[1] * x[2];
}

/* Smaller than nuclear norm less sigma_1 can tell. */
static double sigma_2(const ms_curve *c, size_t i) {
  return fabs(det_of(ms_curve_x(c, i))) / ms_curve_at(c, i, "sigma_1");
}

/* d ln norm / d ln loss over the last half of the points. */
static double slope(const ms_curve *c, const char *norm) {
  size_t last = c->points - 1, from = last / 2;
  return log(ms_curve_at(c, last, norm) / ms_curve_at(c, from, norm)) /
         log(loss_of(c, last) / loss_of(c, from));
}

static void claim_growth(ms_drawing *f, const ms_curve *c, int depth) {
  const char *source = "Razin and Cohen 2020";
  double worst = 0, least = INFINITY;
  size_t last = c->points - 1;
  bool grows = true;
  char text[96];
  for (size_t i = 0; i < c->points; i++) {
    double second = sigma_2(c, i);
    worst = fmax(worst, second / (3 * sqrt(2) * sqrt(loss_of(c, i))));
    if (second >= 1e-14)
      least = fmin(least, det_of(ms_curve_x(c, i)));
    grows = grows && (i == 0 || ms_curve_x(c, i)[0] > ms_curve_x(c, i - 1)[0]);
  }
  double first = ms_curve_x(c, 0)[0], end = c->x[0];
  snprintf(text, sizeof text, "depth %d: W11 grows from point to point", depth);
  ms_claim(f, text, source, "always, tenfold", grows && end > 10 * first, "%.3g to %.3g", first,
           end);
  snprintf(text, sizeof text, "depth %d: exponent of the nuclear norm in the loss", depth);
  ms_claim_near(f, text, source, -0.5, 0.03, slope(c, "nuclear_norm"));
  snprintf(text, sizeof text, "depth %d: exponent of the Frobenius norm", depth);
  ms_claim_near(f, text, source, -0.5, 0.03, slope(c, "l2"));
  snprintf(text, sizeof text, "depth %d: nuclear norm times sqrt(2 loss) at the end", depth);
  ms_claim_near(f, text, "[w 1; 1 1/w]", 1, 0.03,
                ms_curve_at(c, last, "nuclear_norm") * sqrt(2 * loss_of(c, last)));
  snprintf(text, sizeof text, "depth %d: sigma_2 / (3 sqrt 2 sqrt(loss)), largest", depth);
  ms_claim_below(f, text, source, 1, worst);
  snprintf(text, sizeof text, "depth %d: least det W while sigma_2 >= 1e-14", depth);
  ms_claim(f, text, source, "positive", isfinite(least) && least > 0, "%.2e", least);
}

static void make(ms_drawing *f) {
  const char *data = ms_figure_data(f, "data", "y,a11,a12,a21,a22", 3, 5, table);
  const char *until[DEPTHS] = {"70", "3000"}, *wd[DEPTHS] = {"0.02", "1e-3"};
  ms_curve *c[DEPTHS][2];
  for (int k = 0; k < DEPTHS; k++)
    for (int decay = 0; decay < 2; decay++) {
      char name[32];
      snprintf(name, sizeof name, "depth_%d%s", k + 2, decay ? "_decay" : "");
      c[k][decay] = ms_curve_add(f, name,
                                 "model=sensing data='%s' factors=general depth=%d init=identity "
                                 "init-scale=0.1 flow=gradient t-end=%s points=1500|400 rtol=1e-10 "
                                 "stop-loss=1e-300 wd-schedule=%s wd=%s",
                                 data, k + 2, until[k], decay ? "constant" : "none", wd[k]);
    }
  if (!ms_curves_run(f))
    return;
  ms_sheet *sheet =
      ms_sheet_new(f, "paths", "depth,decay,t,loss,nuclear_norm,frobenius,sigma_2,bound,W11");
  for (int k = 0; k < DEPTHS; k++)
    for (int decay = 0; decay < 2; decay++) {
      const ms_curve *one = c[k][decay];
      for (size_t i = 0; i < one->points; i++)
        ms_row(sheet, k + 2, decay, ms_curve_at(one, i, "t"), loss_of(one, i),
               ms_curve_at(one, i, "nuclear_norm"), ms_curve_at(one, i, "l2"), sigma_2(one, i),
               3 * sqrt(2) * sqrt(loss_of(one, i)), ms_curve_x(one, i)[0]);
      ms_sheet_gap(sheet);
    }
  for (int k = 0; k < DEPTHS; k++) {
    const ms_curve *bounded = c[k][1];
    char text[96];
    claim_growth(f, c[k][0], k + 2);
    double most = 0, half = ms_curve_x(bounded, bounded->points / 2)[0];
    for (size_t i = 0; i < bounded->points; i++)
      most = fmax(most, ms_curve_x(bounded, i)[0]);
    snprintf(text, sizeof text, "depth %d, decay: W11 at the end less half-way, relative", k + 2);
    ms_claim_below(f, text, "this project", 0.02, fabs(bounded->x[0] / half - 1));
    snprintf(text, sizeof text, "depth %d, decay: largest W11", k + 2);
    ms_claim(f, text, "this project", "below half of W11 without", most < c[k][0]->x[0] / 2,
             "%.4g, without %.4g", most, c[k][0]->x[0]);
    ms_report(f, "there W12 and det W at the end", "-", "-", "%.4g, %.1e", bounded->x[1],
              det_of(bounded->x));
  }
}

const ms_figure ms_figure_completion = {
    "completion", "Completion in which every norm grows and the rank falls",
    "Razin and Cohen 2020, arXiv 2005.06398",
    "The entries 1, 1 and 0 of [? 1; 1 0] are seen, and products of 2 and 3 factors start, "
    "balanced, "
    "from 0.1 I. Every completion of positive determinant needs an infinite unseen entry: it grows "
    "without bound, and with it the norms, as 1/sqrt(loss), while sigma_2 falls: not a norm, but "
    "the rank becomes small. Loss: half the sum of squares. Weight decay, an extension of ours, "
    "holds the unseen entry finite: 0.02 at depth 2, chosen after 1e-3 there ran on to where "
    "rounding had changed the sign of the determinant, and 1e-3 at depth 3; with 0.02 the entries "
    "seen are not fitted either. Runs end while the determinant keeps its sign, at depth 2 with "
    "decay at the edge of rounding.",
    make};
