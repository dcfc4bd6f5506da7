#include "text/text.h"
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>
#include <zip.h>

#define NPY_MAGIC "\x93NUMPY"

enum { NPY_MAGIC_SIZE = 6, NPY_ALIGN = 64, DOS_1980 = 1 << 5 | 1 };

/* ---- Writing -------------------------------------------------------------------------------- */

static ms_status cannot_write(ms_error *err, const char *path, const char *reason) {
  return ms_fail(err, MS_CANNOT_WRITE, "%s: cannot be written: %s", path, reason);
}

/* mkstemp would make files that others cannot read, and asking for the umask to mend that would
 * disturb other threads. */
static int open_new(char *path) {
  char *random = strchr(path, '\0') - 6;
  for (int attempt = 0; attempt < 100; attempt++) {
    uint32_t bits;
    if (getrandom(&bits, sizeof bits, 0) != sizeof bits)
      return -1;
    snprintf(random, 7, "%06x", (unsigned)bits & 0xFFFFFF);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (fd >= 0 || errno != EEXIST)
      return fd;
  }
  return -1;
}

ms_status ms_writer_open(ms_writer *w, const char *dir, const char *name, ms_error *err) {
  *w = (ms_writer){0};
  if (asprintf(&w->path, "%s/%s", dir, name) < 0)
    w->path = NULL;
  if (asprintf(&w->beside, "%s/.%s.XXXXXX", dir, name) < 0)
    w->beside = NULL;
  if (!w->path || !w->beside) {
    ms_writer_abort(w);
    return ms_no_memory(err);
  }
  int fd = open_new(w->beside);
  if (fd >= 0 && !(w->file = fdopen(fd, "wb"))) {
    int reason = errno;
    close(fd);
    unlink(w->beside);
    errno = reason;
  }
  if (!w->file) {
    ms_status status = cannot_write(err, w->path, strerror(errno));
    ms_writer_abort(w);
    return status;
  }
  return MS_OK;
}

ms_status ms_writer_commit(ms_writer *w, ms_error *err) {
  bool failed = ferror(w->file);
  errno = 0;
  if (failed)
    fputc('\n', w->file); /* the earlier failure left no reason; this, when flushed, brings it */
  failed |= fclose(w->file) != 0;
  w->file = NULL;
  if (!failed && rename(w->beside, w->path) == 0) {
    free(w->path);
    free(w->beside);
    *w = (ms_writer){0};
    return MS_OK;
  }
  ms_status status = cannot_write(err, w->path, errno ? strerror(errno) : "a write failed");
  unlink(w->beside);
  ms_writer_abort(w);
  return status;
}

void ms_writer_abort(ms_writer *w) {
  if (w->file) {
    fclose(w->file);
    unlink(w->beside);
  }
  free(w->path);
  free(w->beside);
  *w = (ms_writer){0};
}

/* ---- .npz ----------------------------------------------------------------------------------- */

/* What comes before the numbers, its size returned; `bytes` holds 3 * NPY_ALIGN. */
static size_t npy_header(char *bytes, size_t rows, size_t cols, size_t depth, bool whole) {
  char header[2 * NPY_ALIGN + 1], second[48] = "";
  if (depth)
    snprintf(second, sizeof second, " %zu, %zu", cols, depth);
  else if (cols)
    snprintf(second, sizeof second, " %zu", cols);
  int length = snprintf(header, sizeof header,
                        "{'descr': '<%s', 'fortran_order': False, 'shape': (%zu,%s), }",
                        whole ? "i8" : "f8", rows, second);
  size_t before = NPY_MAGIC_SIZE + 4;
  /* numpy wants the data aligned: blanks fill the header, a newline ends it. */
  size_t total = (before + (size_t)length + 1 + NPY_ALIGN - 1) / NPY_ALIGN * NPY_ALIGN;
  memcpy(bytes, NPY_MAGIC "\1\0", NPY_MAGIC_SIZE + 2);
  bytes[8] = (char)(total - before);
  bytes[9] = 0;
  memset(bytes + before, ' ', total - before);
  memcpy(bytes + before, header, (size_t)length);
  bytes[total - 1] = '\n';
  return total;
}

void ms_npy_begin(FILE *file, size_t length) {
  char header[3 * NPY_ALIGN];
  size_t size = npy_header(header, length, 0, 0, false);
  fwrite(header, 1, size, file);
}

void ms_npy_add(FILE *file, const double *values, size_t count) {
  for (size_t i = 0; i < count; i++) {
    uint64_t bits;
    memcpy(&bits, &values[i], sizeof bits);
    bits = htole64(bits);
    fwrite(&bits, sizeof bits, 1, file);
  }
}

/* The bytes of a .npy file; free() them. */
static char *npy_bytes(const ms_array *a, size_t *size) {
  char header[3 * NPY_ALIGN];
  size_t total = npy_header(header, a->rows, a->cols, a->depth, a->whole);
  size_t count = a->rows * (a->depth ? a->cols * a->depth : a->cols ? a->cols : 1);
  *size = total + count * sizeof(double);
  char *bytes = malloc(*size);
  if (!bytes)
    return NULL;
  memcpy(bytes, header, total);
  for (size_t i = 0; i < count; i++) {
    uint64_t bits = (uint64_t)(int64_t)(a->whole ? a->values[i] : 0);
    if (!a->whole)
      memcpy(&bits, &a->values[i], sizeof bits);
    bits = htole64(bits);
    memcpy(bytes + total + i * sizeof bits, &bits, sizeof bits);
  }
  return bytes;
}

/* False where libzip has noted an error in `zip`. */
static bool add_array(zip_t *zip, const ms_array *a) {
  size_t size;
  char *bytes = npy_bytes(a, &size), *name = NULL;
  if (!bytes || asprintf(&name, "%s.npy", a->name) < 0) {
    zip_error_set(zip_get_error(zip), ZIP_ER_MEMORY, 0);
    free(bytes);
    return false;
  }
  zip_source_t *source = zip_source_buffer(zip, bytes, size, 1);
  if (!source)
    free(bytes);
  zip_int64_t index = source ? zip_file_add(zip, name, source, ZIP_FL_ENC_UTF_8) : -1;
  if (source && index < 0)
    zip_source_free(source);
  free(name);
  return index >= 0 && zip_set_file_compression(zip, (zip_uint64_t)index, ZIP_CM_STORE, 0) == 0 &&
         zip_file_set_dostime(zip, (zip_uint64_t)index, 0, DOS_1980, 0) == 0;
}

/* Fills `archive`, a source in memory, with the zip. */
static bool zip_arrays(zip_source_t *archive, const ms_array *arrays, size_t count,
                       zip_error_t *why) {
  zip_t *zip = zip_open_from_source(archive, ZIP_CREATE | ZIP_TRUNCATE, why);
  if (!zip)
    return false;
  zip_source_keep(archive); /* the zip owns one reference, the caller keeps the other */
  bool good = true;
  for (size_t i = 0; good && i < count; i++)
    good = add_array(zip, &arrays[i]);
  if (good && zip_close(zip) == 0)
    return true;
  zip_error_set(why, zip_error_code_zip(zip_get_error(zip)),
                zip_error_code_system(zip_get_error(zip)));
  zip_discard(zip);
  return false;
}

/* Copies the finished zip to `file`, whose own write errors come out at commit. */
static bool copy_out(zip_source_t *archive, FILE *file, zip_error_t *why) {
  char block[1 << 16];
  zip_int64_t got = -1;
  if (zip_source_open(archive) == 0) {
    while ((got = zip_source_read(archive, block, sizeof block)) > 0)
      fwrite(block, 1, (size_t)got, file);
    zip_source_close(archive);
  }
  if (got < 0)
    zip_error_set(why, zip_error_code_zip(zip_source_error(archive)),
                  zip_error_code_system(zip_source_error(archive)));
  return got == 0;
}

ms_status ms_npz_write(const char *dir, const char *name, const ms_array *arrays, size_t count,
                       ms_error *err) {
  ms_writer w;
  ms_status status = ms_writer_open(&w, dir, name, err);
  if (status != MS_OK)
    return status;
  zip_error_t why;
  zip_error_init(&why);
  zip_source_t *archive = zip_source_buffer_create(NULL, 0, 0, &why);
  if (archive && zip_arrays(archive, arrays, count, &why) && copy_out(archive, w.file, &why))
    status = ms_writer_commit(&w, err);
  else
    status = cannot_write(err, w.path, zip_error_strerror(&why));
  ms_writer_abort(&w);
  zip_source_free(archive);
  zip_error_fini(&why);
  return status;
}
