/* The observables that every model has. */
#include "run/run.h"

double ms_observe_time(ms_view *v) {
  return v->t;
}

double ms_observe_alpha(ms_view *v) {
  return v->alpha;
}

double ms_observe_dose(ms_view *v) {
  return v->dose;
}

double ms_observe_loss(ms_view *v) {
  return v->loss;
}

double ms_observe_gap(ms_view *v) {
  return v->gap;
}

double ms_observe_drift(ms_view *v) {
  return v->drift;
}
