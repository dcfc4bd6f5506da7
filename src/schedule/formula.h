/* The schedule that is given as a formula of t: its alpha, its dose and its breaks. */
#ifndef MS_SCHEDULE_FORMULA_H
#define MS_SCHEDULE_FORMULA_H

#include "schedule/schedule.h"

typedef struct ms_pieces ms_pieces;

/* Reads --wd-formula and cuts [0, T] into pieces, s->pieces. */
ms_status ms_formula_read(ms_schedule *s, const ms_config *cfg, ms_error *err);
void ms_formula_pieces_free(ms_pieces *p);

/* See ms_schedule_class. */
double ms_formula_alpha(const ms_schedule *s, double t, bool before);
double ms_formula_dose(const ms_schedule *s, double t);
double ms_formula_break(const ms_schedule *s, double t);

#endif
