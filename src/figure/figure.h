/* Figures: runs, what they show, and the claims they must bear out.
 *
 * To add a figure: plots/<name>.c, which computes, and plots/<name>.gp, which draws; its name in
 * `figures` of plots/meson.build. That is all: the command line, `list figures`, the tests and the
 * gallery go through the register.
 *
 *   static void make(ms_drawing *f) {
 *     ms_curve *curve[3];                             full size | with --quick
 *     for (int i = 0; i < 3; i++)                              v   v
 *       curve[i] = ms_curve_add(f, names[i], "wd-schedule=linear n=40|12 seed=%d", i);
 *     if (!ms_curves_run(f))                          in parallel; false: give up, the
 *       return;                                       framework knows why
 *     ms_sheet *s = ms_sheet_new(f, "norm", "t,seed,l1");   DIR/norm.csv, read by the script
 *     for (int i = 0; i < 3; i++)
 *       for (size_t k = 0; k < curve[i]->points; k++)
 *         ms_row(s, ms_curve_at(curve[i], k, "t"), i, ms_curve_at(curve[i], k, "l1"));
 *     ms_claim_below(f, "ends where the oracle says", "Newton on the dual", 1e-6,
 *                    ms_curve_end(curve[0], "limit_gap"));
 *   }
 *   const ms_figure ms_figure_<token> = {"<name>", "Title", "Author 2020, arXiv ..., Fig. 1",
 *                                        "Caption: what is seen. What is chosen here.", make};
 *
 * Errors stick to the drawing: after one, every function does nothing, so that only ms_curves_run
 * needs a look. Every curve with a name leaves configs/<name>.ini, which reruns it. plots/surface.c
 * is the smallest example.
 *
 * The script gets dir (where the sheets are), and after `load scripts.'/style.gp'` the house style.
 * Before that it sets the layout of its panels (see plots/style.gp).
 *
 * Set-ups that a source leaves open are chosen here, and the caption says so. Claims are computed
 * from the runs; what they are compared with comes from the source, or from theory. */
#ifndef MS_FIGURE_H
#define MS_FIGURE_H

#include "figure/draw.h"
#include "run/run.h"
#include "text/text.h"

typedef struct ms_figure {
  const char *name, *title;
  const char *source;  /* paper, arXiv number, figure; "this project" where there is none */
  const char *caption; /* to be spoken over it: what is seen, and what is a choice of ours */
  void (*make)(ms_drawing *f);
  bool moves; /* its script also knows format 'gif' */
} ms_figure;

MS_REGISTER(figure);
/* ms_figure_draw() of a figure that need not be in the list. */
ms_status ms_figure_make(ms_drawing **drawing, const ms_figure *figure,
                         const ms_figure_options *options, ms_error *err);

/* ---- Curves: runs and what they recorded ---- */

typedef struct ms_curve {
  ms_config *cfg;
  char name[64];         /* of configs/<name>.ini; empty: none is written */
  bool may_fail;         /* to be set before the run: failing is a result, not an error */
  ms_status status;      /* how the run ended: >= 0, or a failure that was allowed */
  char message[768];     /* of that failure */
  const ms_model *model; /* names the columns */
  size_t points, columns, d, kept, count;
  const double *rows;       /* points * columns */
  const double *states;     /* points * kept: x(t), kept = d but for large runs (see ms_run_keep) */
  const double *x;          /* d: the last x */
  struct ms_entry *entries; /* count: the summary */
  double *numbers;          /* rows, states and x lie in this block */
} ms_curve;

/* A run to be made: "key=value key=value ..." by printf; "key=full|quick" gives the value that it
 * has with --quick, quotes hold a value with blanks together. `name` names its configuration file
 * (letters, digits, . _ + -), NULL: none is written, as for the thousand points of a heat map.
 * Never NULL. Owned by the drawing. */
ms_curve *ms_curve_add(ms_drawing *f, const char *name, const char *settings, ...) MS_PRINTF(3, 4);
/* Makes the runs added since the last call, in parallel. False when one of them failed (and could
 * not: see may_fail) or anything else has. */
bool ms_curves_run(ms_drawing *f);

/* An observable at the i-th recorded point, at the last; NaN for unknown names and where it does
 * not apply. */
double ms_curve_at(const ms_curve *c, size_t i, const char *observable);
double ms_curve_end(const ms_curve *c, const char *observable);
/* A number of the summary (limit_gap, from_min_l1, ...), NaN where null or unknown. */
double ms_curve_summary(const ms_curve *c, const char *key);
/* x at the i-th recorded point: kept numbers. */
const double *ms_curve_x(const ms_curve *c, size_t i);

/* What depends on the size of the figure: `full`, or with --quick `quick`. */
size_t ms_figure_size(const ms_drawing *f, size_t full, size_t quick);
bool ms_figure_quick(const ms_drawing *f);
/* Gives up: the figure fails with this error. */
void ms_figure_fail(ms_drawing *f, const ms_error *err);
/* True once something has failed. */
bool ms_figure_failed(const ms_drawing *f);
/* For long work of one's own: how much of it is done, for the progress line; true when the user
 * wants to stop. */
bool ms_figure_progress(ms_drawing *f, double part);

/* ---- Data ---- */

typedef struct ms_sheet ms_sheet;
/* DIR/<name>.csv with these columns ("t,seed,l1"). Owned by the drawing. */
ms_sheet *ms_sheet_new(ms_drawing *f, const char *name, const char *columns);
void ms_sheet_row(ms_sheet *s, const double *values, size_t count);
/* An empty line: the next scan of a surface. */
void ms_sheet_gap(ms_sheet *s);
#define ms_row(sheet, ...)                                                                         \
  ms_sheet_row(sheet, (const double[]){__VA_ARGS__},                                               \
               sizeof((const double[]){__VA_ARGS__}) / sizeof(double))
/* Writes DIR/<name>.csv at once and gives its path, for runs to read: "data='%s'". rows * columns
 * values, row-major, under the head ("y,x1,x2"; NULL: none). "" on failure. */
const char *ms_figure_data(ms_drawing *f, const char *name, const char *head, size_t rows,
                           size_t columns, const double *values);
/* DIR/<name>.npz, for arrays that are too large for a sheet. */
void ms_figure_npz(ms_drawing *f, const char *name, const ms_array *arrays, size_t count);
/* A number that the script has as a variable; DIR/values.gp tells it. */
void ms_figure_let(ms_drawing *f, const char *variable, double value);

/* ---- Claims ----
 * `source` says where the expectation comes from: a paper, a theorem, an independent computation.
 * A NaN found never holds. */

/* |found - expected| <= tolerance */
void ms_claim_near(ms_drawing *f, const char *text, const char *source, double expected,
                   double tolerance, double found);
void ms_claim_below(ms_drawing *f, const char *text, const char *source, double bound,
                    double found); /* found <= bound */
void ms_claim_above(ms_drawing *f, const char *text, const char *source, double bound,
                    double found); /* found >= bound */
/* Anything else; what was found by printf. */
void ms_claim(ms_drawing *f, const char *text, const char *source, const char *expected, bool holds,
              const char *found, ...) MS_PRINTF(6, 7);
/* A number to be reported beside what a source says, and not to be enforced. */
void ms_report(ms_drawing *f, const char *text, const char *source, const char *expected,
               const char *found, ...) MS_PRINTF(5, 6);

#endif
