#include "network/arrays.h"
#include <string.h>

void ms_net_arrays(ms_bundle *b, const char *prefix, const ms_net *net, const double *x) {
  for (size_t l = 0; l < net->layers; l++) {
    const ms_layer *layer = &net->layer[l];
    size_t out = layer->channels, in = layer->patch;
    double *W = ms_bundle_add(b, out, in, 0, "%sW%zu", prefix, l + 1);
    double *bias = ms_bundle_add(b, out, 0, 0, "%sb%zu", prefix, l + 1);
    for (size_t i = 0; W && i < out; i++)
      for (size_t j = 0; j < in; j++)
        W[i * in + j] = x[layer->weight + j * out + i];
    if (bias)
      memcpy(bias, x + layer->bias, out * sizeof *bias);
  }
}

void ms_images_arrays(ms_bundle *b, const ms_images *images) {
  size_t numbers = images->count * images->inputs;
  double *values = ms_bundle_add(b, images->count, images->inputs, 0, "inputs");
  for (size_t i = 0; values && i < numbers; i++)
    values[i] = images->value[i];
  double *labels = ms_bundle_add(b, images->count, 0, 0, "labels");
  ms_bundle_whole(b);
  for (size_t i = 0; labels && i < images->count; i++)
    labels[i] = images->label[i];
  double *train = ms_bundle_add(b, 1, 0, 0, "train");
  ms_bundle_whole(b);
  if (train)
    *train = (double)images->train;
}
