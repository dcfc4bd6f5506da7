/* The face of the figures, for the program: they are no part of the library. */
#ifndef MS_DRAW_H
#define MS_DRAW_H

#include "mirrorsim.h"

/* What a figure claims, and what its runs say. Texts are owned by the drawing. */
typedef struct ms_claim_row {
  const char *text, *expected, *source, *found;
  enum { MS_FAILS, MS_HOLDS, MS_REPORTED } verdict; /* reported: not enforced */
} ms_claim_row;

typedef struct ms_figure_options {
  const char *dir;     /* folder for its files, made where missing */
  const char *scripts; /* folder of the .gp files */
  const char *formats; /* "png,svg,pdf" or some of them, for figures that move "gif"; NULL or empty:
                          data and claims only */
  const char *settings; /* "key=value key=value": they win over the figure's own in every run, and
                           its claims may then fail; NULL: none */
  const char *style;    /* "screen", or "paper": one and two columns wide; NULL: screen */
  bool quick;           /* reduced sizes */
  const volatile sig_atomic_t *interrupt;                           /* as ms_run_interrupt_on */
  void (*progress)(void *context, const char *figure, double part); /* part in [0, 1]; NULL: none */
  void *context;
} ms_figure_options;

/* A figure that was made: its files and claims. */
typedef struct ms_drawing ms_drawing;

/* Runs what figure `name` (list "figures") needs, writes data, configurations and claims.json into
 * options->dir and draws it. Every file appears whole or not at all. *drawing is to be freed with
 * ms_drawing_free, NULL on failure: MS_BAD_SETTING for an unknown name, style, format or setting.
 * MS_UNSUPPORTED is no such failure: only the pictures are missing, because there is no gnuplot.
 * Claims that do not hold are no failure: see ms_drawing_claim. */
ms_status ms_figure_draw(ms_drawing **drawing, const char *name, const ms_figure_options *options,
                         ms_error *err);
void ms_drawing_free(ms_drawing *drawing);
/* Does every claim hold? */
bool ms_drawing_holds(const ms_drawing *drawing);
/* The i-th claim, false after the last. */
bool ms_drawing_claim(const ms_drawing *drawing, size_t i, ms_claim_row *claim);
/* The i-th picture's path, NULL after the last. */
const char *ms_drawing_picture(const ms_drawing *drawing, size_t i);
/* Title, source and caption of a figure; NULL when there is no such figure. */
const char *ms_figure_text(const char *name, const char **source, const char **caption);

/* Registers the figures of plots/ and the list "figures". To be called once, before the others. */
ms_status ms_figures_register(ms_error *err);

#endif
