/* Figures in the plane: one sample, two features, the line Zx = y of solutions. */
#ifndef MS_PLANE_H
#define MS_PLANE_H

#include "figure/figure.h"

/* R_a in two dimensions, by the parametrization mw. */
typedef struct ms_plane {
  double z[2], y; /* the line z'x = y */
  double x0[2];
  double ln_beta, kappa[2];
} ms_plane;

/* With x0 at the start and scale beta. */
ms_plane ms_plane_new(const double z[2], double y, const double x0[2], double beta);
double ms_plane_potential(const ms_plane *p, double a, const double x[2]);
/* Where R_a is least: e^{4a} x0. */
void ms_plane_centre(const ms_plane *p, double a, double c[2]);
/* Where R_a is least on the line: by search, from values of R_a alone. */
void ms_plane_touch(const ms_plane *p, double a, double x[2]);
/* The point of { R_a = level } in the direction `angle` from the centre. */
void ms_plane_ball(const ms_plane *p, double a, double level, double angle, double x[2]);

#endif
