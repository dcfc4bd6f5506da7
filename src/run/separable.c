#include "run/separable.h"
#include <cblas.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static double alpha_at(const ms_mixed *m, double t) {
  const ms_schedule *s = m->run->schedule;
  return t >= m->piece_to ? ms_schedule_alpha_before(s, m->piece_to) : ms_schedule_alpha(s, t);
}

static bool finite_all(const double *v, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++)
    sum += v[i] - v[i];
  return sum == 0;
}

static int gradient_rhs(void *self, double t, const double *p, double *out) {
  ms_mixed *m = self;
  m->map(m->self, p, m->x);
  if (!finite_all(m->x, m->d) || !isfinite(m->value(m->self, m->x, m->G)))
    return 1;
  m->pull(m->self, p, m->G, alpha_at(m, t), out);
  for (size_t i = 0; i < m->size; i++)
    out[i] = -out[i];
  return 0;
}

/* Weights matter by what they do together: relative to their size as a whole, too. */
static void gradient_tolerance(void *self, double t, const double *p, double *tolerance) {
  const ms_mixed *m = self;
  (void)t;
  double size = cblas_dnrm2((int)m->size, p, 1) / sqrt((double)m->size);
  for (size_t i = 0; i < m->size; i++)
    tolerance[i] = m->rtol * (fabs(p[i]) + size) + DBL_MIN;
}

static int mirror_x(ms_mixed *m, double t, const double *mu, double *x) {
  memcpy(x + m->separable, mu + m->separable, (m->d - m->separable) * sizeof *x);
  return m->like->primal(m->like, &m->start, 0, m->separable,
                         -ms_schedule_dose(m->run->schedule, t), mu, x, NULL);
}

/* The dual variables, then the other coordinates as they are. */
static int mirror_rhs(void *self, double t, const double *mu, double *out) {
  ms_mixed *m = self;
  int status = mirror_x(m, t, mu, m->x);
  if (status)
    return status;
  if (!isfinite(m->value(m->self, m->x, out)))
    return 1;
  for (size_t i = 0; i < m->d; i++)
    out[i] = -out[i];
  return 0;
}

static void mirror_tolerance(void *self, double t, const double *mu, double *tolerance) {
  const ms_mixed *m = self;
  (void)t;
  for (size_t i = 0; i < m->d; i++)
    tolerance[i] = m->rtol * (0.1 + fabs(mu[i]));
}

static double next_break(void *self, double t) {
  return ms_schedule_next_break(((ms_mixed *)self)->run->schedule, t);
}

static void enter(void *self, double from, double to) {
  (void)from;
  ((ms_mixed *)self)->piece_to = to;
}

static bool finished(void *self, double t, const double *y) {
  (void)self, (void)t, (void)y;
  return false;
}

static void component(void *self, size_t i, char *name, size_t size) {
  (void)self;
  snprintf(name, size, "w[%zu]", i);
}

ms_status ms_mixed_new(ms_mixed *m, ms_run *run, const double *p0, const double *others, bool cheap,
                       ms_error *err) {
  const char *mode = ms_config_text(run->cfg, "flow");
  const ms_setup *s = &run->setup;
  m->run = run;
  if (strcmp(mode, "limit") == 0 || strcmp(mode, "saddle") == 0)
    return ms_fail(err, MS_UNSUPPORTED, "--flow %s is there for --model diag", mode);
  bool wanted = strcmp(mode, "mirror") == 0 || strcmp(mode, "both") == 0;
  if (wanted && !m->like)
    return ms_fail(err, MS_UNSUPPORTED,
                   "--flow %s: this parametrization of --model %s has no mirror flow", mode,
                   run->model->name);
  bool mirror = m->like && (wanted || (strcmp(mode, "auto") == 0 && cheap));
  bool gradient = !mirror || strcmp(mode, "mirror") != 0;
  m->x = ms_doubles(2 * m->d);
  double *mu0 = ms_doubles(m->d);
  ms_status status = m->x && mu0 ? MS_OK : ms_no_memory(err);
  m->G = m->x ? m->x + m->d : NULL;
  m->gradient = (ms_ode){.self = m,
                         .next_break = next_break,
                         .enter = enter,
                         .finished = finished,
                         .component = component};
  m->mirror = m->gradient;
  m->gradient.size = m->size;
  m->gradient.rhs = gradient_rhs;
  m->gradient.tolerance = gradient_tolerance;
  m->mirror.size = m->d;
  m->mirror.rhs = mirror_rhs;
  m->mirror.tolerance = mirror_tolerance;
  if (status == MS_OK && gradient)
    status =
        ms_integrator_new(&m->in, s->method, &m->gradient, p0, s->t_end, s->step_limit, NULL, err);
  if (status == MS_OK && mirror) {
    memcpy(mu0 + m->separable, others, (m->d - m->separable) * sizeof *mu0);
    status = ms_integrator_new(gradient ? &m->beside : &m->in, s->method, &m->mirror, mu0, s->t_end,
                               s->step_limit, NULL, err);
  }
  free(mu0);
  run->flow_name = gradient && mirror ? "both" : mirror ? "mirror" : "gradient";
  return status;
}

void ms_mixed_free(ms_mixed *m) {
  ms_integrator_free(m->in);
  ms_integrator_free(m->beside);
  free(m->x);
}

ms_status ms_mixed_advance(ms_mixed *m, double *t, ms_error *err) {
  ms_run *run = m->run;
  ms_status status = ms_integrator_advance(m->in, t, err);
  if (status < 0)
    return status;
  int bad = 0;
  if (m->in->ode == &m->gradient) {
    m->p = m->in->out;
    m->map(m->self, m->p, run->x);
  } else {
    bad = mirror_x(m, *t, m->in->out, run->x);
  }
  if (bad || !finite_all(run->x, m->d))
    return ms_fail_at(err, MS_NOT_FINITE, *t, "x is not finite at t = %.6g", *t);
  if (!m->beside)
    return MS_OK;
  status = ms_integrator_advance(m->beside, t, err);
  if (status < 0)
    return status;
  if (mirror_x(m, *t, m->beside->out, m->x) != 0)
    return ms_fail_at(err, MS_NOT_FINITE, *t, "mirror flow: x overflows at t = %.6g", *t);
  run->gap = ms_run_distance(run, m->x);
  return MS_OK;
}

void ms_mixed_interrupt(ms_mixed *m, const volatile sig_atomic_t *flag) {
  if (m->in)
    m->in->interrupt = flag;
  if (m->beside)
    m->beside->interrupt = flag;
}

void ms_mixed_count(const ms_mixed *m) {
  m->run->steps = m->in->steps;
  m->run->rhs_count = m->in->rhs_count + (m->beside ? m->beside->rhs_count : 0);
}
