#include "param/param.h"

MS_REGISTER_HERE(param)
