/* The plug board: the only file that names every piece that is built in. Each kind has a register
 * in a room of its own; what this file does, a user's program can do as well. */
#include "registry.h"
#include "factors/factors.h"
#include "integrate/integrator.h"
#include "param/param.h"
#include "problem/problem.h"
#include "run/run.h"
#include "schedule/schedule.h"
#include <stdlib.h>
#include <string.h>

/* In the order in which lists and tables show them. */
#define LOSSES(X, kind)                                                                            \
  X(kind, squared)                                                                                 \
  X(kind, logistic)                                                                                \
  X(kind, exponential)                                                                             \
  X(kind, huber)                                                                                   \
  X(kind, poisson)                                                                                 \
  X(kind, custom)

#define SCHEDULES(X, kind)                                                                         \
  X(kind, none)                                                                                    \
  X(kind, constant)                                                                                \
  X(kind, step)                                                                                    \
  X(kind, linear)                                                                                  \
  X(kind, cosine)                                                                                  \
  X(kind, exponential)                                                                             \
  X(kind, harmonic)                                                                                \
  X(kind, quadratic)                                                                               \
  X(kind, geometric)                                                                               \
  X(kind, cyclic)                                                                                  \
  X(kind, restarts)                                                                                \
  X(kind, adaptive)                                                                                \
  X(kind, file)                                                                                    \
  X(kind, formula)

#define PARAMS(X, kind)                                                                            \
  X(kind, mw)                                                                                      \
  X(kind, uv)                                                                                      \
  X(kind, square)                                                                                  \
  X(kind, power)                                                                                   \
  X(kind, matched)                                                                                 \
  X(kind, deep)                                                                                    \
  X(kind, log)                                                                                     \
  X(kind, spred)                                                                                   \
  X(kind, mask)                                                                                    \
  X(kind, plain)                                                                                   \
  X(kind, custom)                                                                                  \
  X(kind, ham)                                                                                     \
  X(kind, steepest)

#define FACTORS(X, kind)                                                                           \
  X(kind, psd)                                                                                     \
  X(kind, symmetric)                                                                               \
  X(kind, general)                                                                                 \
  X(kind, diagonal)

#define METHODS(X, kind)                                                                           \
  X(kind, bdf)                                                                                     \
  X(kind, adams)                                                                                   \
  X(kind, gd)                                                                                      \
  X(kind, sgd)                                                                                     \
  X(kind, sde)

#define MODELS(X, kind)                                                                            \
  X(kind, diag)                                                                                    \
  X(kind, sensing)                                                                                 \
  X(kind, lora)                                                                                    \
  X(kind, attention)                                                                               \
  X(kind, network)                                                                                 \
  X(kind, sparse_coding)

#define DECLARE(kind, piece) extern const ms_##kind ms_##kind##_##piece;
PARAMS(DECLARE, param)
FACTORS(DECLARE, factors)
SCHEDULES(DECLARE, schedule_class)
MODELS(DECLARE, model)

#define COUNT(list) (sizeof(list) / sizeof *(list))

/* Registers all pieces of a kind and leaves `status` at the first failure. */
#define REGISTER(kind, piece)                                                                      \
  if (status == MS_OK)                                                                             \
    status = ms_##kind##_register(&ms_##kind##_##piece, &err);

/* Before main(), because lists and settings can be asked for before anything is made. What fails
 * here is a name given twice, which a test finds, or that there is no memory at all. */
__attribute__((constructor)) static void register_all(void) {
  const ms_setting *const tables[] = {ms_problem_settings, ms_model_settings, ms_schedule_settings,
                                      ms_run_settings};
  ms_error err;
  ms_status status = MS_OK;
  LOSSES(REGISTER, loss)
  PARAMS(REGISTER, param)
  FACTORS(REGISTER, factors)
  METHODS(REGISTER, method)
  SCHEDULES(REGISTER, schedule_class)
  for (size_t i = 0; i < COUNT(tables) && status == MS_OK; i++)
    status = ms_settings_add(tables[i], &err);
  MODELS(REGISTER, model)
  if (status != MS_OK)
    abort();
}

/* ---- Lists ---------------------------------------------------------------------------------- */

/* Is it a column of a model before this one? */
static bool listed_before(size_t model, const char *name) {
  for (size_t k = 0; k < model; k++)
    for (const ms_observable *o = ms_model_at(k)->observables; o->name; o++)
      if (strcmp(o->name, name) == 0)
        return true;
  return false;
}

/* Those of all models, each name once. */
static const char *observable_list(size_t i, const char **summary) {
  for (size_t k = 0; ms_model_at(k); k++)
    for (const ms_observable *o = ms_model_at(k)->observables; o->name; o++)
      if (!listed_before(k, o->name) && i-- == 0) {
        if (summary)
          *summary = o->summary;
        return o->name;
      }
  return NULL;
}

static const char *setting_list(size_t i, const char **summary) {
  const ms_setting *s = ms_setting_at(i);
  if (s && summary)
    *summary = s->help;
  return s ? s->name : NULL;
}

typedef struct list {
  const char *name, *setting; /* the list of what this setting chooses from, or ... */
  ms_list_at *at;
} list;

/* The last one is `settings`; others are put before it. */
enum { MOST_LISTS = 16 };
static list lists[MOST_LISTS] = {{"models", "model", NULL},
                                 {"params", "param", NULL},
                                 {"schedules", "wd-schedule", NULL},
                                 {"flows", "flow", NULL},
                                 {"states", "state", NULL},
                                 {"methods", "method", NULL},
                                 {"solvers", "solver", NULL},
                                 {"losses", "loss", NULL},
                                 {"observables", NULL, observable_list},
                                 {"settings", NULL, setting_list}};
static size_t list_count = 10;

ms_status ms_list_add(const char *name, ms_list_at *at, ms_error *err) {
  if (list_count == MOST_LISTS)
    return ms_fail(err, MS_UNSUPPORTED, "there is no room for the list '%.64s'", name);
  lists[list_count] = lists[list_count - 1];
  lists[list_count - 1] = (list){name, NULL, at};
  list_count++;
  return MS_OK;
}

const char *ms_list_name(size_t i) {
  return i < list_count ? lists[i].name : NULL;
}

const char *ms_list(const char *name, size_t i, const char **summary) {
  for (size_t k = 0; k < list_count; k++)
    if (strcmp(lists[k].name, name) == 0)
      return lists[k].at ? lists[k].at(i, summary)
                         : ms_setting_find(lists[k].setting)->choice(i, summary);
  const ms_setting *s = ms_setting_find(name);
  return s && s->choice ? s->choice(i, summary) : NULL;
}
