/* What the schedules share; only the files of this room include it. */
#ifndef MS_SCHEDULE_CLASSES_H
#define MS_SCHEDULE_CLASSES_H

#include "schedule/schedule.h"
#include "settings/config.h"

extern const ms_schedule_class ms_schedule_class_adaptive;

/* Steps of a schedule below this part of alpha_0 are no breaks, because the error control of the
 * integrator copes with them. */
static const double NEGLIGIBLE = 1e-6;

/* The number of the step of length tau that t is in. `before`: at its beginning, the one before. */
double ms_schedule_step(const ms_schedule *s, double t, bool before);
/* Limits of schedules that are 0 from T on, and of those that only tend to 0. */
double ms_zero_from_T(const ms_schedule *s, double *from);
double ms_zero_in_the_end(const ms_schedule *s, double *from);
/* Is t at T or beyond? `before`: beyond alone. */
bool ms_past_T(const ms_schedule *s, double t, bool before);
/* --wd-tau and --wd-factor, or what stands for them. */
void ms_schedule_read_tau(ms_schedule *s, const ms_config *cfg, double otherwise);
void ms_schedule_read_factor(ms_schedule *s, const ms_config *cfg, double otherwise);
/* Refuses more than a million cycles until T. */
ms_status ms_schedule_check_cycles(const ms_schedule *s, const ms_config *cfg, ms_error *err);

#endif
