#include "problem/dataset.h"
#include "base/random.h"
#include "text/datafile.h"
#include "text/text.h"
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static const char FASHION[] = "/usr/share/datasets/fashion-mnist";

static const ms_named sets[] = {
    {"digits", "1797 handwritten digits of 8 x 8 pixels, 10 classes"},
    {"fashion-mnist", "70000 pictures of clothes, 28 x 28, 10 classes; from Debian's package "
                      "dataset-fashion-mnist"},
};

MS_CHOICE_OF(sets)

const char *ms_images_choice(size_t i, const char **summary) {
  return sets_choice(i, summary);
}

void ms_images_free(ms_images *images) {
  free(images->value);
  free(images->label);
  ms_reading_free(&images->reading);
  *images = (ms_images){0};
}

static ms_status make_room(ms_images *im, ms_error *err) {
  im->value = calloc(im->count * im->inputs, sizeof *im->value);
  im->label = calloc(im->count, sizeof *im->label);
  return im->value && im->label ? MS_OK : ms_no_memory(err);
}

/* ---- CSV ------------------------------------------------------------------------------------ */

static ms_status take_table(ms_images *im, const ms_table *table, size_t target, const char *path,
                            ms_error *err) {
  im->count = table->rows;
  im->inputs = table->cols - 1;
  if (!im->inputs)
    return ms_fail(err, MS_BAD_INPUT, "%s: has no columns besides the label", path);
  ms_status status = make_room(im, err);
  double largest = 0;
  for (size_t j = 0; status == MS_OK && j < table->cols; j++)
    for (size_t i = 0; i < im->count && j != target; i++)
      largest = fmax(largest, fabs(table->values[j * im->count + i]));
  for (size_t i = 0; status == MS_OK && i < im->count; i++) {
    double label = table->values[target * im->count + i];
    if (!(label >= 0) || label > 999 || label != floor(label))
      return ms_fail(
          err, MS_BAD_INPUT,
          "%s:%zu: '%g' is not a label; column '%s' must hold whole numbers from 0 to 999", path,
          i + 2, label, table->names[target]);
    im->label[i] = (int)label;
    im->classes = MS_MAX(im->classes, (size_t)label + 1);
    for (size_t j = 0, at = 0; j < table->cols; j++)
      if (j != target)
        im->value[i * im->inputs + at++] =
            (float)(table->values[j * im->count + i] / (largest > 0 ? largest : 1));
  }
  return status;
}

static ms_status read_csv(ms_images *im, const char *path, const ms_config *cfg, ms_error *err) {
  ms_table table;
  size_t target;
  ms_status status = ms_reading_table(&im->reading, &table, &target, path, cfg, err);
  if (status != MS_OK)
    return status;
  status = take_table(im, &table, target, path, err);
  ms_table_free(&table);
  return status;
}

/* ---- IDX, compressed (LeCun, Cortes & Burges) ------------------------------------------------ */

static ms_status read_idx(const char *name, unsigned magic, size_t size, unsigned char **out,
                          size_t *count, ms_error *err) {
  char path[256];
  snprintf(path, sizeof path, "%s/%s", FASHION, name);
  gzFile file = gzopen(path, "rb");
  if (!file)
    return ms_fail(err, MS_BAD_INPUT,
                   "--dataset fashion-mnist: %s cannot be read (%s); the data are in Debian's "
                   "package: apt-get install dataset-fashion-mnist",
                   path, strerror(errno));
  unsigned char head[16] = {0};
  size_t header = size > 1 ? 16 : 8;
  bool good =
      gzread(file, head, (unsigned)header) == (int)header && head[2] == 8 && head[3] == magic;
  *count = (size_t)head[4] << 24 | (size_t)head[5] << 16 | (size_t)head[6] << 8 | head[7];
  good = good && *count > 0 && *count <= 1000000;
  *out = good ? malloc(*count * size) : NULL;
  bool memory = !good || *out;
  good = good && *out && gzread(file, *out, (unsigned)(*count * size)) == (int)(*count * size);
  gzclose(file);
  if (good)
    return MS_OK;
  free(*out);
  *out = NULL;
  return memory ? ms_fail(err, MS_BAD_INPUT, "%s: is no complete IDX file", path)
                : ms_no_memory(err);
}

static ms_status read_fashion(ms_images *im, ms_error *err) {
  enum { SIDE = 28, CLASSES = 10 };
  static const char *const files[] = {"train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz",
                                      "t10k-images-idx3-ubyte.gz", "t10k-labels-idx1-ubyte.gz"};
  unsigned char *block[4] = {NULL};
  size_t count[4] = {0};
  ms_status status = MS_OK;
  for (size_t k = 0; k < 4 && status == MS_OK; k++)
    status = read_idx(files[k], k % 2 ? 1 : 3, k % 2 ? 1 : (size_t)SIDE * SIDE, &block[k],
                      &count[k], err);
  if (status == MS_OK && (count[0] != count[1] || count[2] != count[3]))
    status = ms_fail(err, MS_BAD_INPUT, "%s: images and labels differ in number", FASHION);
  im->count = count[0] + count[2];
  im->train = count[0];
  im->inputs = (size_t)SIDE * SIDE;
  im->classes = CLASSES;
  if (status == MS_OK)
    status = make_room(im, err);
  for (size_t k = 0, at = 0; status == MS_OK && k < 4; k += 2)
    for (size_t i = 0; i < count[k]; i++, at++) {
      im->label[at] = block[k + 1][i] % CLASSES;
      for (size_t j = 0; j < im->inputs; j++)
        im->value[at * im->inputs + j] = (float)block[k][i * im->inputs + j] / 255;
    }
  for (size_t k = 0; k < 4; k++)
    free(block[k]);
  return status;
}

/* ---- All ------------------------------------------------------------------------------------ */

/* A random order of the samples; the last ones are for the test. */
static ms_status split(ms_images *im, double part, uint64_t seed, ms_error *err) {
  gsl_rng *rng = ms_random_new(seed, MS_STREAM_DATA);
  float *spare = malloc(im->inputs * sizeof *spare);
  ms_status status = rng && spare ? MS_OK : ms_no_memory(err);
  size_t wide = im->inputs * sizeof *spare;
  for (size_t i = im->count; status == MS_OK && i-- > 1;) {
    size_t j = (size_t)gsl_rng_uniform_int(rng, (unsigned long)(i + 1));
    float *a = im->value + i * im->inputs, *b = im->value + j * im->inputs;
    memcpy(spare, a, wide);
    memmove(a, b, wide);
    memcpy(b, spare, wide);
    int label = im->label[i];
    im->label[i] = im->label[j];
    im->label[j] = label;
  }
  if (rng)
    gsl_rng_free(rng);
  free(spare);
  im->train = im->count - (size_t)(part * (double)im->count);
  return status;
}

ms_status ms_images_read(ms_images *im, const ms_config *cfg, ms_error *err) {
  *im = (ms_images){0};
  const char *data = ms_config_text(cfg, "data"), *name = ms_config_text(cfg, "dataset");
  char path[4096];
  ms_status status;
  for (size_t i = 0; !data && i < 2; i++) {
    const char *setting = i == 0 ? "separator" : "decimal";
    if (ms_config_given(cfg, setting))
      return ms_fail(err, MS_BAD_SETTING, "%s: goes with --data FILE.csv only",
                     ms_config_origin(cfg, setting));
  }
  bool fashion = !data && strcmp(name, "fashion-mnist") == 0;
  if (fashion) {
    status = read_fashion(im, err);
  } else if (data) {
    status = read_csv(im, data, cfg, err);
  } else if (!ms_data_path("digits_1797x64.csv", path, sizeof path)) {
    status = ms_fail(err, MS_BAD_INPUT,
                     "--dataset digits: digits_1797x64.csv is neither beside the program nor "
                     "installed; MIRRORSIM_DATA may name its folder, or --data the file");
  } else {
    status = read_csv(im, path, cfg, err);
  }
  if (status == MS_OK && !fashion)
    status =
        split(im, ms_config_real(cfg, "test-part"), (uint64_t)ms_config_real(cfg, "seed"), err);
  if (status == MS_OK && (im->classes < 2 || im->train < 1))
    status = ms_fail(err, MS_BAD_INPUT, "%s: there must be two classes and a sample of training",
                     data ? data : name);
  snprintf(im->name, sizeof im->name, "%s", data ? "file" : name);
  if (status != MS_OK)
    ms_images_free(im);
  return status;
}

void ms_images_gather(const ms_images *im, const size_t *which, size_t first, size_t count,
                      double *A, int *label) {
  for (size_t i = 0; i < count; i++) {
    size_t s = which ? which[i] : first + i;
    const float *from = im->value + s * im->inputs;
    for (size_t j = 0; j < im->inputs; j++)
      *A++ = (double)from[j];
    label[i] = im->label[s];
  }
}
