/* The balls of R_a in the plane, and where the smallest that touches the solutions touches them. */
#include "plane.h"
#include <math.h>

enum { DOSES = 5 };
static const double doses[DOSES] = {0, 0.5, 1, 2, 4};
static const double z[2] = {1, 0.4}, y = 1, x0[2] = {-0.5, 0.7}, beta = 3, off = 4;

/* The level set of R_a through `level`, all around. */
static void write_ball(ms_sheet *s, const ms_plane *p, double A, double level, size_t points) {
  for (size_t i = 0; i <= points; i++) {
    double x[2];
    ms_plane_ball(p, -A, level, 2 * M_PI * (double)i / (double)points, x);
    ms_row(s, A, x[0], x[1]);
  }
  ms_sheet_gap(s);
}

/* Panel a: balls around 0 that hold the same two unit vectors. */
static void draw_unit_balls(ms_drawing *f, size_t points) {
  const double origin[2] = {0, 0}, e1[2] = {1, 0};
  const ms_plane p = ms_plane_new(z, y, origin, beta);
  ms_sheet *s = ms_sheet_new(f, "unit_balls", "dose,x1,x2");
  double diagonal[2], narrowest = 1, widest = 0;
  bool shrinking = true;
  for (size_t i = 0; i < DOSES; i++) {
    double level = ms_plane_potential(&p, -doses[i], e1);
    write_ball(s, &p, doses[i], level, points);
    ms_plane_ball(&p, -doses[i], level, M_PI / 4, diagonal);
    double reach = hypot(diagonal[0], diagonal[1]);
    shrinking = shrinking && (i == 0 || reach < narrowest);
    narrowest = reach;
    widest = fmax(widest, reach);
  }
  ms_claim_near(f, "dose 0: reach of the ball along the diagonal, a circle's", "L2", 1, 0.01,
                widest);
  ms_claim_near(f, "dose 4: that reach, nearly a diamond's 1/sqrt 2", "L1", M_SQRT1_2, 0.04,
                narrowest);
  ms_claim(f, "it shrinks with every step of the dose", "theory", "decreasing", shrinking,
           shrinking ? "decreasing" : "not decreasing");
}

/* Panel b: balls around e^{-4A} x0 that touch the line, and the flows that end there. */
static void draw_flows(ms_drawing *f, size_t points, ms_curve *const *curve) {
  const ms_plane p = ms_plane_new(z, y, x0, beta);
  ms_sheet *balls = ms_sheet_new(f, "touching_balls", "dose,x1,x2");
  ms_sheet *paths = ms_sheet_new(f, "paths", "dose,x1,x2");
  ms_sheet *ends = ms_sheet_new(f, "ends", "dose,x1,x2,centre1,centre2,touch1,touch2");
  double apart = 0, centred = 0;
  for (size_t i = 0; i < DOSES; i++) {
    const ms_curve *c = curve[i];
    double touch[2], centre[2], A = doses[i];
    for (size_t k = 0; k < c->points; k++)
      ms_row(paths, A, ms_curve_x(c, k)[0], ms_curve_x(c, k)[1]);
    ms_sheet_gap(paths);
    ms_plane_touch(&p, -A, touch);
    ms_plane_centre(&p, -A, centre);
    ms_row(ends, A, c->x[0], c->x[1], centre[0], centre[1], touch[0], touch[1]);
    write_ball(balls, &p, A, ms_plane_potential(&p, -A, touch), points);
    apart = fmax(apart, hypot(c->x[0] - touch[0], c->x[1] - touch[1]));
    centred = fmax(centred, ms_plane_potential(&p, -A, centre));
  }
  ms_claim_below(f, "the flow ends where the ball touches the line", "search on R_a alone", 1e-6,
                 apart);
  ms_claim_below(f, "R_a at its centre e^{-4A} x0, for all doses", "closed form", 1e-14, centred);
  double lead = (y - z[0] * x0[0] - z[1] * x0[1]) / (z[0] * z[0] + z[1] * z[1]);
  ms_claim_below(f, "dose 0: distance from the solution nearest to x0", "L2, beta = 3", 0.05,
                 hypot(curve[0]->x[0] - x0[0] - lead * z[0], curve[0]->x[1] - x0[1] - lead * z[1]));
  ms_claim_below(f, "dose 4: distance from the minimum-L1 solution (1, 0)", "L1", 1e-3,
                 hypot(curve[DOSES - 1]->x[0] - 1, curve[DOSES - 1]->x[1]));
  ms_figure_let(f, "near1", x0[0] + lead * z[0]);
  ms_figure_let(f, "near2", x0[1] + lead * z[1]);
}

static void make(ms_drawing *f) {
  size_t points = ms_figure_size(f, 720, 180);
  const double sample[] = {y, z[0], z[1]};
  const char *data = ms_figure_data(f, "data", "y,z1,z2", 1, 3, sample);
  const char *start = ms_figure_data(f, "start", NULL, 2, 1, x0);
  ms_curve *curve[DOSES];
  for (size_t i = 0; i < DOSES; i++) {
    char name[32];
    snprintf(name, sizeof name, "dose_%g", doses[i]);
    curve[i] = ms_curve_add(f, name,
                            "data='%s' init-x='%s' init-scale=%g wd-schedule=%s wd=%g wd-off=%g "
                            "points=3000|300",
                            data, start, beta, doses[i] > 0 ? "step" : "none", doses[i] / off, off);
  }
  draw_unit_balls(f, points);
  if (ms_curves_run(f))
    draw_flows(f, points, curve);
}

const ms_figure ms_figure_balls = {
    "balls", "The balls of R_a, from circle to diamond, and where the flow ends",
    "this project, after Woodworth et al. 2020, arXiv 2002.09277 (one sample, two features)",
    "Left: the balls of R_a that hold the same two unit vectors. Without weight decay a circle "
    "(L2), "
    "with more and more dose a diamond (L1). Right: one equation, z = (1, 0.4), y = 1; its "
    "solutions "
    "are the black line. Training from x0 ends where the smallest ball around e^{-4A} x0 touches "
    "that line: with no dose at the solution nearest to x0, with much dose at the sparse one. The "
    "dose moves the ball's centre to 0, too (its positional bias). x = m w, beta = 3, x0 = (-0.5, "
    "0.7), step weight decay on until t = 4; the doses are chosen here.",
    make};
