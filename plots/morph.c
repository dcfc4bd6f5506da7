/* A run in the plane while its potential changes shape: the ball of R_a through x(t), and where the
 * flow would end if the dose stayed as it is. Format gif makes it move. */
#include "plane.h"
#include <math.h>

static const double z[2] = {1, 0.4}, y = 1, x0[2] = {-0.5, 0.7}, beta = 3, off = 8, alpha = 0.5;

static void make(ms_drawing *f) {
  size_t frames = ms_figure_size(f, 72, 12), points = ms_figure_size(f, 120, 60);
  const double sample[] = {y, z[0], z[1]};
  const char *data = ms_figure_data(f, "data", "y,z1,z2", 1, 3, sample);
  const char *start = ms_figure_data(f, "start", NULL, 2, 1, x0);
  ms_curve *c = ms_curve_add(f, "run",
                             "data='%s' init-x='%s' init-scale=%g wd-schedule=linear wd=%g "
                             "wd-off=%g t-end=%g points=%zu",
                             data, start, beta, alpha, off, 2 * off, 10 * (frames - 1) + 1);
  if (!ms_curves_run(f))
    return;
  const ms_plane p = ms_plane_new(z, y, x0, beta);
  ms_sheet *path = ms_sheet_new(f, "path", "t,x1,x2,alpha,dose,exponent");
  ms_sheet *balls = ms_sheet_new(f, "balls", "frame,through1,through2,touching1,touching2");
  ms_sheet *ends = ms_sheet_new(f, "ends", "frame,t,dose,x1,x2,centre1,centre2,touch1,touch2");
  double touch[2] = {NAN, NAN}, first[2] = {NAN, NAN}, centre[2];
  for (size_t k = 0; k < c->points; k++)
    ms_row(path, ms_curve_at(c, k, "t"), ms_curve_x(c, k)[0], ms_curve_x(c, k)[1],
           ms_curve_at(c, k, "alpha"), ms_curve_at(c, k, "dose"),
           ms_curve_at(c, k, "effective_exponent"));
  for (size_t i = 0; i < frames; i++) {
    size_t k = 10 * i < c->points ? 10 * i : c->points - 1;
    const double *x = ms_curve_x(c, k);
    double A = ms_curve_at(c, k, "dose"), here = ms_plane_potential(&p, -A, x);
    ms_plane_centre(&p, -A, centre);
    ms_plane_touch(&p, -A, touch);
    for (size_t m = 0; m <= points; m++) {
      double a[2], b[2], angle = 2 * M_PI * (double)m / (double)points;
      ms_plane_ball(&p, -A, here, angle, a);
      ms_plane_ball(&p, -A, ms_plane_potential(&p, -A, touch), angle, b);
      ms_row(balls, (double)i, a[0], a[1], b[0], b[1]);
    }
    ms_sheet_gap(balls);
    ms_row(ends, (double)i, ms_curve_at(c, k, "t"), A, x[0], x[1], centre[0], centre[1], touch[0],
           touch[1]);
    if (i == 0)
      first[0] = touch[0], first[1] = touch[1];
  }
  ms_figure_let(f, "frames", (double)frames);
  ms_figure_let(f, "off", off);
  ms_claim_near(f, "dose at the end: alpha T / 2", "closed form", alpha * off / 2, 1e-12,
                ms_curve_end(c, "dose"));
  ms_claim_below(f, "x(2T) is where the last ball touches the solutions", "search on R_a alone",
                 2e-2, hypot(c->x[0] - touch[0], c->x[1] - touch[1]));
  ms_claim_above(f, "which is this far from where the first one does", "the dose matters", 0.5,
                 hypot(first[0] - touch[0], first[1] - touch[1]));
}

const ms_figure ms_figure_morph = {
    "morph",
    "One run while its potential changes shape",
    "this project",
    "One run with weight decay that falls linearly to 0 at t = 8. Blue: the way of x so far and "
    "the "
    "ball of R_a through it; orange, dashed: the ball that touches the solutions, and where the "
    "flow "
    "would end if weight decay were switched off now. The ball starts as a circle around x(0) and "
    "becomes a diamond around 0, which pulls that end to the sparse solution. Format gif shows it "
    "moving. One equation, z = (1, 0.4), y = 1; beta = 3, x0 = (-0.5, 0.7); all chosen here.",
    make,
    true};
