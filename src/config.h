/* Settings as the rest of the library reads them: validated text, typed on the way out. */
#ifndef MS_CONFIG_H
#define MS_CONFIG_H

#include "base.h"

/* Typed reads; the setting must have a value (given or default). */
double ms_config_real(const ms_config *cfg, const char *name);
size_t ms_config_count(const ms_config *cfg, const char *name);
bool ms_config_flag(const ms_config *cfg, const char *name);
/* Where a setting was given: "--wd" or "file.ini:3:1". */
const char *ms_config_origin(const ms_config *cfg, const char *name);

extern const ms_setting ms_model_settings[];
extern const ms_setting ms_run_settings[];

#endif
