/* Feed-forward networks o = W_k s(... s(W_1 a + b_1) ...) + b_k: fully connected layers and small
 * convolutions, loss, and its gradient by backpropagation. */
#ifndef MS_NET_H
#define MS_NET_H

#include "base/base.h"

enum { MS_NET_LAYERS = 16 };

typedef enum ms_activation { MS_RELU, MS_TANH, MS_LINEAR } ms_activation;

/* A sample's values lie together, position after position, the channels of a position together.
 * A fully connected layer is a convolution with one position whose patch is everything. */
typedef struct ms_layer {
  size_t channels, positions, side; /* out of the layer; positions = side^2, or 1 */
  size_t patch;                     /* what one position sees: columns of the weight matrix */
  size_t inputs;                    /* numbers in, of a sample */
  size_t kernel, stride, in_side, in_channels; /* kernel 0: fully connected */
  size_t weight, bias; /* where they begin in x: channels * patch, column-major; channels */
} ms_layer;

typedef struct ms_net {
  size_t layers;
  ms_layer layer[MS_NET_LAYERS];
  ms_activation activation; /* of all layers but the last */
  bool squared;             /* loss |o - e_label|^2 / 2; else cross-entropy */
  size_t inputs, classes;
  size_t weights, d; /* of x: entries of the weight matrices, these come first; with the biases */
  size_t room;       /* samples that the scratch takes at once */
  double *work;      /* one block: patches, outputs and their derivatives of every layer */
  double *patches[MS_NET_LAYERS], *out[MS_NET_LAYERS], *delta[MS_NET_LAYERS];
  double *bias_sum; /* room * most positions of ones */
} ms_net;

/* `layers`: hidden layers from the input on, comma-separated: "300" fully connected of that many
 * units, "c8" a 3 x 3 convolution to 8 channels, "c16/2" one that keeps every second position;
 * empty: none. Images are square with one channel; `inputs` is no square: fully connected layers
 * only. The error names `origin`. Free with ms_net_free, also after failure. */
ms_status ms_net_init(ms_net *net, const char *layers, const char *origin, size_t inputs,
                      size_t classes, ms_activation activation, bool squared, size_t room,
                      ms_error *err);
void ms_net_free(ms_net *net);

/* Sum of the losses of `count` <= room samples A[inputs * count] at x[d]; *right (may be NULL):
 * how many are classified right. Where G is not NULL, G[d] (`add`: +)= scale * gradient of the sum.
 */
double ms_net_loss(ms_net *net, const double *x, const double *A, const int *label, size_t count,
                   double scale, double *G, bool add, size_t *right);

/* Layer l's weights: x[first] to x[first + *count - 1]. */
size_t ms_net_layer_weights(const ms_net *net, size_t l, size_t *count);

#endif
