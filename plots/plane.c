#include "plane.h"
#include <math.h>

ms_plane ms_plane_new(const double z[2], double y, const double x0[2], double beta) {
  return (ms_plane){.z = {z[0], z[1]},
                    .y = y,
                    .x0 = {x0[0], x0[1]},
                    .ln_beta = log(beta),
                    .kappa = {asinh(x0[0] / beta), asinh(x0[1] / beta)}};
}

double ms_plane_potential(const ms_plane *p, double a, const double x[2]) {
  const ms_param *mw = &ms_param_mw;
  return mw->potential(mw, p->ln_beta, p->kappa[0], a, x[0]) +
         mw->potential(mw, p->ln_beta, p->kappa[1], a, x[1]);
}

void ms_plane_centre(const ms_plane *p, double a, double c[2]) {
  c[0] = exp(4 * a) * p->x0[0];
  c[1] = exp(4 * a) * p->x0[1];
}

/* The point of the line at distance s from its point nearest to 0. */
static void on_line(const ms_plane *p, double s, double x[2]) {
  double size = hypot(p->z[0], p->z[1]), u = p->z[0] / size, v = p->z[1] / size;
  x[0] = p->y / size * u - s * v;
  x[1] = p->y / size * v + s * u;
}

void ms_plane_touch(const ms_plane *p, double a, double x[2]) {
  const double golden = (sqrt(5) - 1) / 2;
  double low = -10, high = 10, left = high - golden * (high - low);
  double right = low + golden * (high - low);
  for (int i = 0; i < 200; i++) { /* golden section: R_a is convex */
    double at_left, at_right;
    on_line(p, left, x);
    at_left = ms_plane_potential(p, a, x);
    on_line(p, right, x);
    at_right = ms_plane_potential(p, a, x);
    if (at_left < at_right) {
      high = right;
      right = left;
      left = high - golden * (high - low);
    } else {
      low = left;
      left = right;
      right = low + golden * (high - low);
    }
  }
  on_line(p, (low + high) / 2, x);
}

void ms_plane_ball(const ms_plane *p, double a, double level, double angle, double x[2]) {
  double c[2], low = 0, high = 0;
  ms_plane_centre(p, a, c);
  do {
    high = high > 0 ? 2 * high : 1;
    x[0] = c[0] + high * cos(angle);
    x[1] = c[1] + high * sin(angle);
  } while (ms_plane_potential(p, a, x) < level && high < 1e6);
  for (int i = 0; i < 60; i++) {
    double r = (low + high) / 2;
    x[0] = c[0] + r * cos(angle);
    x[1] = c[1] + r * sin(angle);
    *(ms_plane_potential(p, a, x) < level ? &low : &high) = r;
  }
}
