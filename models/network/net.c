/* Feed-forward networks. With the samples of a batch as columns,
 *
 *   A_0 = inputs,   P_l = patches of A_{l-1},   O_l = W_l P_l + b_l 1',   A_l = s(O_l),
 *
 * (fully connected: P_l = A_{l-1}); o = O_k without activation. Backwards, with D_l = df/dO_l,
 *
 *   df/dW_l = D_l P_l',   df/db_l = D_l 1,   df/dP_l = W_l' D_l,   D_{l-1} = s'(O_{l-1})
 * df/dA_{l-1}
 *
 * and at the end D_k = softmax(o) - e_label for the cross-entropy -ln softmax(o)_label, or
 * o - e_label for |o - e_label|^2/2. s'(O) is known from A: A > 0 (ReLU), 1 - A^2 (tanh), 1. */
#include "network/net.h"
#include <cblas.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { KERNEL = 3 };

/* ---- The layers ----------------------------------------------------------------------------- */

static size_t square_root(size_t n) {
  size_t side = (size_t)(sqrt((double)n) + 0.5);
  return side * side == n ? side : 0;
}

static size_t values(const ms_layer *l) {
  return l->channels * l->positions;
}

/* Appends a layer of `channels` outputs; kernel 0: fully connected. */
static void append(ms_net *net, size_t channels, size_t kernel, size_t stride) {
  const ms_layer *before = net->layers ? &net->layer[net->layers - 1] : NULL;
  ms_layer *l = &net->layer[net->layers++];
  *l = (ms_layer){.channels = channels, .kernel = kernel, .stride = stride};
  l->inputs = before ? values(before) : net->inputs;
  l->in_channels = before ? before->channels : 1;
  l->in_side = before ? before->side : square_root(net->inputs);
  l->side = kernel ? (l->in_side + stride - 1) / stride : 1;
  l->positions = kernel ? l->side * l->side : 1;
  l->patch = kernel ? kernel * kernel * l->in_channels : l->inputs;
  l->weight = net->weights;
  net->weights += channels * l->patch;
}

static bool number(const char **at, size_t *value) {
  char *end;
  if (**at < '1' || **at > '9')
    return false;
  *value = strtoul(*at, &end, 10);
  *at = end;
  return *value <= 1000000;
}

static ms_status read_layers(ms_net *net, const char *text, const char *origin, ms_error *err) {
  bool flat = square_root(net->inputs) == 0;
  for (const char *at = text; *at;) {
    size_t channels, stride = 1;
    bool convolution = *at == 'c', good;
    at += convolution;
    good = number(&at, &channels);
    if (good && convolution && *at == '/')
      good = at++ && number(&at, &stride);
    if (!good || (*at && *at != ',') || (*at == ',' && !at[1]))
      return ms_fail(
          err, MS_BAD_SETTING,
          "%s: '%s' is not allowed; hidden layers are numbers of units (300,100) or 3 x 3 "
          "convolutions, their channels and stride (c8,c16/2)",
          origin, text);
    at += *at == ',';
    if (convolution && flat)
      return ms_fail(err, MS_BAD_SETTING,
                     "%s: '%s' is not allowed; a convolution needs a square image before it",
                     origin, text);
    if (net->layers == MS_NET_LAYERS - 1)
      return ms_fail(err, MS_BAD_SETTING, "%s: '%s' is not allowed; at most %d hidden layers",
                     origin, text, MS_NET_LAYERS - 1);
    flat |= !convolution;
    append(net, channels, convolution ? KERNEL : 0, stride);
  }
  append(net, net->classes, 0, 1);
  net->d = net->weights;
  for (size_t l = 0; l < net->layers; l++) {
    net->layer[l].bias = net->d;
    net->d += net->layer[l].channels;
  }
  return MS_OK;
}

static ms_status make_room(ms_net *net, ms_error *err) {
  size_t total = 0, ones = 1;
  for (size_t pass = 0; pass < 2; pass++) {
    double *at = net->work;
    for (size_t k = 0; k < net->layers; k++) {
      const ms_layer *l = &net->layer[k];
      size_t patches = l->kernel ? l->patch * l->positions * net->room : 0;
      size_t out = values(l) * net->room;
      if (pass == 0) {
        total += patches + 2 * out;
        ones = MS_MAX(ones, l->positions * net->room);
        continue;
      }
      net->patches[k] = l->kernel ? at : NULL;
      net->out[k] = at + patches;
      net->delta[k] = net->out[k] + out;
      at = net->delta[k] + out;
    }
    if (pass == 0 && !(net->work = ms_doubles(total + ones)))
      return ms_no_memory(err);
  }
  net->bias_sum = net->work + total;
  for (size_t i = 0; i < ones; i++)
    net->bias_sum[i] = 1;
  return MS_OK;
}

ms_status ms_net_init(ms_net *net, const char *layers, const char *origin, size_t inputs,
                      size_t classes, ms_activation activation, bool squared, size_t room,
                      ms_error *err) {
  *net = (ms_net){.inputs = inputs,
                  .classes = classes,
                  .activation = activation,
                  .squared = squared,
                  .room = room};
  ms_status status = read_layers(net, layers, origin, err);
  return status == MS_OK ? make_room(net, err) : status;
}

void ms_net_free(ms_net *net) {
  free(net->work);
  net->work = NULL;
}

size_t ms_net_layer_weights(const ms_net *net, size_t l, size_t *count) {
  *count = net->layer[l].channels * net->layer[l].patch;
  return net->layer[l].weight;
}

/* ---- Patches -------------------------------------------------------------------------------- */

/* Position (row, column) of a patch's cell (i, j) in the image, false outside of it (zeros). */
static bool cell(const ms_layer *l, size_t row, size_t column, size_t i, size_t j, size_t *at) {
  size_t r = row * l->stride + i, c = column * l->stride + j, margin = l->kernel / 2;
  if (r < margin || c < margin || r - margin >= l->in_side || c - margin >= l->in_side)
    return false;
  *at = ((r - margin) * l->in_side + c - margin) * l->in_channels;
  return true;
}

/* P = patches of A, or, `back`, A += what the patches hold of each value. */
static void move_patches(const ms_layer *l, size_t count, double *P, double *A, bool back) {
  size_t wide = l->in_channels, at;
  for (size_t s = 0; s < count; s++, A += l->inputs)
    for (size_t row = 0; row < l->side; row++)
      for (size_t column = 0; column < l->side; column++)
        for (size_t i = 0; i < l->kernel; i++)
          for (size_t j = 0; j < l->kernel; j++, P += wide) {
            bool inside = cell(l, row, column, i, j, &at);
            if (back)
              for (size_t c = 0; inside && c < wide; c++)
                A[at + c] += P[c];
            else if (inside)
              memcpy(P, A + at, wide * sizeof *P);
            else
              memset(P, 0, wide * sizeof *P);
          }
}

/* ---- Forwards and back ---------------------------------------------------------------------- */

static void activate(ms_activation s, double *v, size_t n) {
  if (s == MS_RELU)
    for (size_t i = 0; i < n; i++)
      v[i] = v[i] > 0 ? v[i] : 0;
  else if (s == MS_TANH)
    for (size_t i = 0; i < n; i++)
      v[i] = tanh(v[i]);
}

static void slope(ms_activation s, const double *a, double *delta, size_t n) {
  if (s == MS_RELU)
    for (size_t i = 0; i < n; i++)
      delta[i] = a[i] > 0 ? delta[i] : 0;
  else if (s == MS_TANH)
    for (size_t i = 0; i < n; i++)
      delta[i] *= 1 - a[i] * a[i];
}

static void forward(ms_net *net, const double *x, const double *A, size_t count) {
  for (size_t k = 0; k < net->layers; k++) {
    const ms_layer *l = &net->layer[k];
    const double *P = A;
    size_t columns = l->positions * count;
    if (l->kernel) {
      move_patches(l, count, net->patches[k], (double *)A, false);
      P = net->patches[k];
    }
    for (size_t i = 0; i < columns; i++)
      memcpy(net->out[k] + i * l->channels, x + l->bias, l->channels * sizeof *x);
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasNoTrans, (int)l->channels, (int)columns,
                (int)l->patch, 1, x + l->weight, (int)l->channels, P, (int)l->patch, 1, net->out[k],
                (int)l->channels);
    if (k + 1 < net->layers)
      activate(net->activation, net->out[k], columns * l->channels);
    A = net->out[k];
  }
}

/* Loss of one sample's outputs o, and delta = its derivative by them. */
static double sample_loss(const ms_net *net, const double *o, int label, double *delta,
                          size_t *right) {
  size_t C = net->classes, best = 0;
  double sum = 0, loss = 0;
  for (size_t c = 1; c < C; c++)
    best = o[c] > o[best] ? c : best;
  *right += best == (size_t)label;
  if (net->squared) {
    for (size_t c = 0; c < C; c++) {
      delta[c] = o[c] - (c == (size_t)label);
      loss += delta[c] * delta[c] / 2;
    }
    return loss;
  }
  for (size_t c = 0; c < C; c++)
    sum += delta[c] = exp(o[c] - o[best]);
  loss = log(sum) + o[best] - o[label];
  for (size_t c = 0; c < C; c++)
    delta[c] = delta[c] / sum - (c == (size_t)label);
  return loss;
}

static void backward(ms_net *net, const double *x, const double *A, size_t count, double scale,
                     double *G, bool add) {
  for (size_t k = net->layers; k-- > 0;) {
    const ms_layer *l = &net->layer[k];
    int columns = (int)(l->positions * count), high = (int)l->channels, wide = (int)l->patch;
    const double *D = net->delta[k];
    double *below = k ? net->out[k - 1] : NULL, *into = k ? net->delta[k - 1] : NULL;
    const double *P = l->kernel ? net->patches[k] : k ? below : A;
    cblas_dgemm(CblasColMajor, CblasNoTrans, CblasTrans, high, wide, columns, scale, D, high, P,
                wide, add, G + l->weight, high);
    cblas_dgemv(CblasColMajor, CblasNoTrans, high, columns, scale, D, high, net->bias_sum, 1, add,
                G + l->bias, 1);
    if (!k)
      break;
    /* the patches are not needed any more: their derivatives take their place */
    cblas_dgemm(CblasColMajor, CblasTrans, CblasNoTrans, wide, columns, high, 1, x + l->weight,
                high, D, high, 0, l->kernel ? net->patches[k] : into, wide);
    if (l->kernel) {
      memset(into, 0, l->inputs * count * sizeof *into);
      move_patches(l, count, net->patches[k], into, true);
    }
    slope(net->activation, below, into, l->inputs * count);
  }
}

double ms_net_loss(ms_net *net, const double *x, const double *A, const int *label, size_t count,
                   double scale, double *G, bool add, size_t *right) {
  size_t last = net->layers - 1, hits = 0;
  double loss = 0;
  forward(net, x, A, count);
  for (size_t i = 0; i < count; i++)
    loss += sample_loss(net, net->out[last] + i * net->classes, label[i],
                        net->delta[last] + i * net->classes, &hits);
  if (right)
    *right += hits;
  if (G)
    backward(net, x, A, count, scale, G, add);
  return loss;
}
