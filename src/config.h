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

/* Writes dir/name, an INI file that sets all this again; what is not given stands there as a
 * remark.
 */
ms_status ms_config_write(const ms_config *cfg, const char *dir, const char *name, ms_error *err);

extern const ms_setting ms_model_settings[];
extern const ms_setting ms_run_settings[];

#endif
