#include "flow/formula_pair.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void formula_gradient(void *self, const double *v, const double *w, double *out) {
  const ms_formula_pair *f = self;
  double grad[MS_FORMULA_VARIABLES];
  memset(out, 0, f->count * sizeof *out);
  for (size_t k = 0; k < f->outputs; k++) {
    ms_formula_derive(f->g[k], w, grad, NULL);
    for (size_t i = 0; i < f->count; i++)
      out[i] += v[k] * grad[i];
  }
}

static void times_hessian(const ms_formula_pair *f, const ms_formula *of, double weight,
                          const double *w, const double *u, double *out) {
  double hess[MS_FORMULA_VARIABLES * MS_FORMULA_VARIABLES];
  ms_formula_derive(of, w, NULL, hess);
  for (size_t i = 0; i < f->count; i++)
    for (size_t j = 0; j < f->count; j++)
      out[i] += weight * hess[i * f->count + j] * u[j];
}

static void formula_bend(void *self, const double *v, const double *w, const double *u,
                         double *out) {
  const ms_formula_pair *f = self;
  memset(out, 0, f->count * sizeof *out);
  for (size_t k = 0; k < f->outputs; k++)
    times_hessian(f, f->g[k], v[k], w, u, out);
}

static void formula_decay(void *self, const double *w, double *out) {
  ms_formula_derive(((ms_formula_pair *)self)->h, w, out, NULL);
}

static void formula_decay_bend(void *self, const double *w, const double *u, double *out) {
  const ms_formula_pair *f = self;
  memset(out, 0, f->count * sizeof *out);
  times_hessian(f, f->h, 1, w, u, out);
}

/* The names in `text` that are no functions and not pi are its variables. */
static ms_status collect_names(ms_formula_pair *f, const char *text, const char *origin,
                               ms_error *err) {
  for (const char *at = text; *at;) {
    if (!isalpha((unsigned char)*at) && *at != '_') {
      /* the exponent of a number is no name */
      size_t number = strspn(at, "0123456789.");
      at += number ? number : 1;
      if (number && (*at == 'e' || *at == 'E'))
        at += 1 + (at[1] == '-' || at[1] == '+');
      continue;
    }
    size_t length = 0;
    while (isalnum((unsigned char)at[length]) || at[length] == '_')
      length++;
    const char *name = at;
    at += length;
    bool known = *(at + strspn(at, " ")) == '(' || (length == 2 && strncmp(name, "pi", 2) == 0);
    for (size_t i = 0; i < f->count && !known; i++)
      known = strlen(f->names[i]) == length && strncmp(f->names[i], name, length) == 0;
    if (known)
      continue;
    if (f->count == MS_FORMULA_VARIABLES || length >= sizeof f->names[0])
      return ms_fail(err, MS_BAD_SETTING,
                     "%s: '%.*s': at most %d variables, of less than %zu "
                     "letters each",
                     origin, (int)length, name, MS_FORMULA_VARIABLES, sizeof f->names[0]);
    snprintf(f->names[f->count++], sizeof f->names[0], "%.*s", (int)length, name);
  }
  return MS_OK;
}

/* Commas between outputs, but not within parentheses. */
static ms_status parse_outputs(ms_formula_pair *f, const char *text, ms_error *err) {
  const char *names[MS_FORMULA_VARIABLES];
  for (size_t i = 0; i < f->count; i++)
    names[i] = f->names[i];
  ms_status status = MS_OK;
  for (const char *start = text, *at = text; status == MS_OK; at++) {
    static const char open[] = "(", close[] = ")";
    int depth = 0;
    for (; *at && (*at != ',' || depth > 0); at++)
      depth += *at == *open ? 1 : *at == *close ? -1 : 0;
    if (f->outputs == MS_FORMULA_OUTPUTS)
      return ms_fail(err, MS_BAD_SETTING, "--g: at most %d outputs", MS_FORMULA_OUTPUTS);
    status = ms_formula_new(&f->g[f->outputs], start, (size_t)(at - start), names, f->count, "--g",
                            (size_t)(start - text) + 1, err);
    f->outputs += status == MS_OK;
    if (!*at)
      break;
    start = at + 1;
  }
  return status;
}

void ms_formula_pair_free(ms_formula_pair *f) {
  for (size_t k = 0; k < f->outputs; k++)
    ms_formula_free(f->g[k]);
  if (f->h)
    ms_formula_free(f->h);
}

ms_status ms_formula_pair_new(ms_formula_pair *f, const char *g, const char *h, ms_error *err) {
  const char *names[MS_FORMULA_VARIABLES];
  *f = (ms_formula_pair){.count = 0};
  ms_status status = collect_names(f, g, "--g", err);
  if (status == MS_OK && h)
    status = collect_names(f, h, "--h", err);
  if (status == MS_OK && f->count == 0)
    status = ms_fail(err, MS_BAD_SETTING, "--g: '%s' has no variables; for example --g 'm*w'", g);
  if (status == MS_OK)
    status = parse_outputs(f, g, err);
  for (size_t i = 0; i < f->count; i++)
    names[i] = f->names[i];
  if (status == MS_OK && h)
    status = ms_formula_new(&f->h, h, strlen(h), names, f->count, "--h", 1, err);
  return status;
}

static bool any_kinked(const ms_formula_pair *f) {
  for (size_t k = 0; k < f->outputs; k++)
    if (ms_formula_kinked(f->g[k]))
      return true;
  return false;
}

ms_pair ms_formula_pair_at(ms_formula_pair *f) {
  return (ms_pair){.weights = f->count,
                   .components = f->outputs,
                   .self = f,
                   .w = f->w,
                   .gradient = formula_gradient,
                   .bend = formula_bend,
                   .decay = f->h ? formula_decay : NULL,
                   .decay_bend = f->h ? formula_decay_bend : NULL,
                   .kinked = f->h && ms_formula_kinked(f->h),
                   .bent = any_kinked(f)};
}
