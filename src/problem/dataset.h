/* Labelled samples for classification: built-in data sets, or a CSV file with whole labels. */
#ifndef MS_IMAGES_H
#define MS_IMAGES_H

#include "problem/reading.h"

typedef struct ms_images {
  size_t count, inputs, classes;
  size_t train; /* the first so many are to be trained on, the others for the test */
  float *value; /* inputs * count, a sample's together, the largest |value| 1 */
  int *label;   /* count, 0 ... classes - 1 */
  char name[64];
  ms_reading reading;
} ms_images;

/* From --data (and --target), else --dataset; split by --test-part and --seed, but Fashion-MNIST as
 * it was published. */
ms_status ms_images_read(ms_images *images, const ms_config *cfg, ms_error *err);
void ms_images_free(ms_images *images);

/* A[inputs * count]: the samples which[0 ...], and their labels; which NULL: first, first + 1 ...
 */
void ms_images_gather(const ms_images *images, const size_t *which, size_t first, size_t count,
                      double *A, int *label);

const char *ms_images_choice(size_t i, const char **summary); /* of --dataset */

#endif
