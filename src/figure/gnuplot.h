/* One process of gnuplot. */
#ifndef MS_GNUPLOT_H
#define MS_GNUPLOT_H

#include "base/base.h"

typedef struct gnuplot {
  int data, scripts;    /* open folders: it works in the first, and reads scripts of the second */
  const char *script;   /* a file of `scripts` */
  const char *settings; /* assignments for it: of the program's own making, never from outside */
  FILE *file;           /* takes the picture; its errors are found as those of any other file */
  char complaint[400];  /* the beginning of what gnuplot said */
} gnuplot;

/* Its exit code; -1 with errno where it could not be run. */
int gnuplot_run(gnuplot *g);

#endif
