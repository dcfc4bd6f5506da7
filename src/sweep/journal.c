/* The journal of a sweep, and the table made of it. A line: number, fields, checksum. Lines are
 * appended whole by one write; what a crash tears apart fails its checksum and is made again. */
#include "base/hash.h"
#include "sweep/sweep.h"
#include "text/text.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { CHECK_DIGITS = 16 };
static const double SYNC_SECONDS = 1; /* of finished runs that a power cut may take */
#define JOURNAL_HEAD "mirrorsim sweep journal 1 %016" PRIx64 " %zu\n"

static ms_status cannot_write(const ms_journal *j, ms_error *err) {
  return ms_fail(err, MS_CANNOT_WRITE,
                 "%s: cannot be written: %s; the %zu of %zu runs that it holds are kept, --resume "
                 "goes on from there",
                 j->path, strerror(errno), j->done, j->count);
}

/* ---- Reading -------------------------------------------------------------------------------- */

/* "key<TAB>value<TAB>..." up to the checksum, which no TAB follows. */
bool ms_field_next(const char **at, ms_field *f) {
  const char *key = *at, *middle = key + strcspn(key, "\t\n");
  if (*middle != '\t')
    return false;
  const char *value = middle + 1, *end = value + strcspn(value, "\t\n");
  *f = (ms_field){key, value, (size_t)(middle - key), (size_t)(end - value)};
  *at = end + (*end == '\t');
  return true;
}

const char *ms_journal_fields(const ms_journal *j, size_t which) {
  return j->at[which] == MS_NO_LINE ? NULL : strchr(j->bytes + j->at[which], '\t') + 1;
}

/* Is [line, end) (without its newline) whole? *which: its case. */
static bool check_line(const char *line, const char *end, size_t count, size_t *which) {
  size_t size = (size_t)(end - line);
  char *after;
  if (size < CHECK_DIGITS + 2 || line[size - CHECK_DIGITS - 1] != '\t')
    return false;
  uint64_t hash = ms_hash(0, line, size - CHECK_DIGITS);
  char digits[CHECK_DIGITS + 1];
  snprintf(digits, sizeof digits, "%016" PRIx64, hash);
  unsigned long number = strtoul(line, &after, 10);
  *which = number - 1;
  return memcmp(digits, end - CHECK_DIGITS, CHECK_DIGITS) == 0 && *after == '\t' && number >= 1 &&
         number <= count;
}

static void unmap(ms_journal *j) {
  if (j->bytes)
    munmap(j->bytes, j->size + 1);
  j->bytes = NULL;
}

/* Finds the whole lines. *whole: where the last of them ends, 0 where not even the first line is
 * that of a journal. */
static ms_status scan(ms_journal *j, const char *head, size_t *whole, ms_error *err) {
  struct stat info;
  unmap(j);
  *whole = j->done = 0;
  for (size_t i = 0; i < j->count; i++)
    j->at[i] = MS_NO_LINE;
  if (fstat(j->fd, &info) != 0)
    return ms_fail(err, MS_BAD_INPUT, "%s: cannot be read: %s", j->path, strerror(errno));
  j->size = (size_t)info.st_size;
  if (j->size < strlen(head))
    return MS_OK;
  /* One byte more, so that the text always ends: within the last page it is 0, and a page of its
   * own where the file fills its pages. */
  char *room = mmap(NULL, j->size + 1, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (room == MAP_FAILED)
    return ms_no_memory(err);
  j->bytes = mmap(room, j->size, PROT_READ, MAP_PRIVATE | MAP_FIXED, j->fd, 0);
  if (j->bytes == MAP_FAILED) {
    munmap(room, j->size + 1);
    j->bytes = NULL;
    return ms_fail(err, MS_BAD_INPUT, "%s: cannot be read: %s", j->path, strerror(errno));
  }
  if (memcmp(j->bytes, head, strlen(head)) != 0)
    return MS_OK;
  *whole = strlen(head);
  for (const char *line = j->bytes + *whole, *end; (end = strchr(line, '\n')); line = end + 1) {
    size_t which;
    if (!check_line(line, end, j->count, &which))
      continue;
    j->done += j->at[which] == MS_NO_LINE;
    j->at[which] = (size_t)(line - j->bytes);
    *whole = (size_t)(end + 1 - j->bytes);
  }
  return MS_OK;
}

ms_status ms_journal_reread(ms_journal *j, ms_error *err) {
  char head[128];
  size_t whole, length = 0;
  if (pread(j->fd, head, sizeof head - 1, 0) > 0)
    length = strcspn(head, "\n") + 1;
  head[MS_MIN(length, sizeof head - 1)] = 0;
  return scan(j, head, &whole, err);
}

/* ---- Writing -------------------------------------------------------------------------------- */

static bool write_all(int fd, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t put = write(fd, bytes, size);
    if (put < 0 && errno == EINTR)
      continue;
    if (put <= 0)
      return false;
    bytes += put;
    size -= (size_t)put;
  }
  return true;
}

/* Is all that there is the beginning of the first line, as a sweep leaves it that was killed then?
 */
static bool is_torn_head(const ms_journal *j, const char *head) {
  char bytes[128];
  return j->size < strlen(head) && pread(j->fd, bytes, j->size, 0) == (ssize_t)j->size &&
         memcmp(bytes, head, j->size) == 0;
}

static ms_status begin(ms_journal *j, const char *head, bool resume, ms_error *err) {
  size_t whole;
  ms_status status = scan(j, head, &whole, err);
  if (status != MS_OK)
    return status;
  if (j->size > 0 && !resume)
    return ms_fail(err, MS_BAD_SETTING,
                   "%s: is there already: --resume goes on with it, another --out begins anew",
                   j->path);
  if (whole == 0 && !is_torn_head(j, head))
    return ms_fail(err, MS_BAD_SETTING,
                   "%s: is that of another sweep, or another version of mirrorsim: --resume takes "
                   "the same options as the first time",
                   j->path);
  if (ftruncate(j->fd, (off_t)whole) != 0 ||
      (whole == 0 && !write_all(j->fd, head, strlen(head))) || fsync(j->fd) != 0)
    return cannot_write(j, err);
  j->synced = ms_seconds();
  return MS_OK;
}

ms_status ms_journal_open(ms_journal *j, const ms_sweep *sweep, const ms_sweep_options *options,
                          ms_error *err) {
  char head[128];
  *j = (ms_journal){.fd = -1, .count = sweep->count};
  j->at = calloc(sweep->count, sizeof *j->at);
  if (asprintf(&j->path, "%s/journal", options->dir) < 0)
    j->path = NULL;
  if (!j->at || !j->path)
    return ms_no_memory(err);
  snprintf(head, sizeof head, JOURNAL_HEAD, ms_sweep_print(sweep, options->keep_runs),
           sweep->count);
  j->fd = open(j->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  if (j->fd < 0)
    return cannot_write(j, err);
  struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET}; /* not inherited by workers */
  if (fcntl(j->fd, F_SETLK, &lock) != 0)
    return ms_fail(err, MS_CANNOT_WRITE, "%s: another sweep is writing it", j->path);
  return begin(j, head, options->resume, err);
}

ms_status ms_journal_add(ms_journal *j, size_t which, const char *fields, size_t size,
                         ms_error *err) {
  char *line;
  int length = asprintf(&line, "%zu\t%.*s", which + 1, (int)size, fields);
  if (length < 0)
    return ms_no_memory(err);
  char *more = realloc(line, (size_t)length + CHECK_DIGITS + 2);
  if (!more) {
    free(line);
    return ms_no_memory(err);
  }
  uint64_t hash = ms_hash(0, more, (size_t)length);
  snprintf(more + length, CHECK_DIGITS + 2, "%016" PRIx64 "\n", hash);
  bool good = write_all(j->fd, more, (size_t)length + CHECK_DIGITS + 1);
  free(more);
  if (good && ms_seconds() - j->synced > SYNC_SECONDS) {
    good = fdatasync(j->fd) == 0;
    j->synced = ms_seconds();
  }
  if (!good)
    return cannot_write(j, err);
  j->done++;
  return MS_OK;
}

void ms_journal_close(ms_journal *j) {
  unmap(j);
  if (j->fd >= 0) {
    fsync(j->fd);
    close(j->fd);
  }
  free(j->path);
  free(j->at);
}

/* ---- The table ------------------------------------------------------------------------------ */

/* Columns of the table stand for themselves: a setting that varies has its own already, and the
 * error comes last. */
static bool is_column(const ms_sweep *sweep, const ms_field *f) {
  if (f->key_size == 5 && memcmp(f->key, "error", 5) == 0)
    return false;
  for (size_t k = 0; ms_sweep_key(sweep, k); k++)
    if (strlen(ms_sweep_key(sweep, k)) == f->key_size &&
        memcmp(ms_sweep_key(sweep, k), f->key, f->key_size) == 0)
      return false;
  return true;
}

static bool same(const char *name, const ms_field *f) {
  return strlen(name) == f->key_size && memcmp(name, f->key, f->key_size) == 0;
}

void ms_columns_free(ms_columns *c) {
  for (size_t i = 0; i < c->count; i++)
    free(c->name[i]);
  free(c->name);
}

ms_status ms_columns_find(ms_columns *c, const ms_sweep *sweep, const ms_journal *j,
                          ms_error *err) {
  *c = (ms_columns){0};
  for (size_t i = 0; i < sweep->count; i++) {
    const char *at = ms_journal_fields(j, i);
    ms_field f;
    for (size_t next = 0; at && ms_field_next(&at, &f);) {
      size_t k = next < c->count && same(c->name[next], &f) ? next : 0; /* most lines are alike */
      while (k < c->count && !same(c->name[k], &f))
        k++;
      next = k + 1;
      if (k < c->count || !is_column(sweep, &f))
        continue;
      char **more = realloc(c->name, (c->count + 1) * sizeof *more);
      if (more)
        c->name = more;
      if (!more || !(c->name[c->count] = strndup(f.key, f.key_size)))
        return ms_no_memory(err);
      c->count++;
    }
  }
  return MS_OK;
}

void ms_csv_text(FILE *file, const char *text, size_t size) {
  bool plain = true;
  for (size_t i = 0; i < size; i++)
    plain = plain && !strchr(",\"\n\r", text[i]);
  if (plain) {
    fwrite(text, 1, size, file);
    return;
  }
  fputc('"', file);
  for (size_t i = 0; i < size; i++)
    fprintf(file, text[i] == '"' ? "\"\"" : "%c", text[i]);
  fputc('"', file);
}

static void write_line(FILE *file, const ms_sweep *sweep, const ms_columns *c, size_t which,
                       const char *fields, ms_field *found) {
  fprintf(file, "%zu", which + 1);
  for (size_t k = 0; ms_sweep_key(sweep, k); k++) {
    const char *value = ms_sweep_value(sweep, which, ms_sweep_key(sweep, k));
    fputc(',', file);
    ms_csv_text(file, value, strlen(value));
  }
  ms_field f, error = {"", "", 0, 0};
  memset(found, 0, c->count * sizeof *found);
  for (size_t next = 0; ms_field_next(&fields, &f);) {
    size_t k = next < c->count && same(c->name[next], &f) ? next : 0;
    while (k < c->count && !same(c->name[k], &f))
      k++;
    next = k + 1;
    if (k < c->count)
      found[k] = f;
    else if (f.key_size == 5 && memcmp(f.key, "error", 5) == 0)
      error = f;
  }
  for (size_t k = 0; k < c->count; k++) {
    fputc(',', file);
    if (found[k].value)
      ms_csv_text(file, found[k].value, found[k].value_size);
  }
  fputc(',', file);
  ms_csv_text(file, error.value, error.value_size);
  fputc('\n', file);
}

ms_status ms_sweep_write_table(const ms_sweep *sweep, const ms_journal *j, const char *dir,
                               ms_error *err) {
  ms_columns c;
  ms_writer w;
  ms_status status = ms_columns_find(&c, sweep, j, err);
  ms_field *found = calloc(c.count + 1, sizeof *found);
  if (!found)
    status = ms_no_memory(err);
  if (status == MS_OK)
    status = ms_writer_open(&w, dir, "sweep.csv", err);
  if (status == MS_OK) {
    fputs("case", w.file);
    for (size_t k = 0; ms_sweep_key(sweep, k); k++)
      fprintf(w.file, ",%s", ms_sweep_key(sweep, k));
    for (size_t k = 0; k < c.count; k++) {
      fputc(',', w.file);
      ms_csv_text(w.file, c.name[k], strlen(c.name[k]));
    }
    fputs(",error\n", w.file);
    for (size_t i = 0; i < sweep->count; i++)
      if (ms_journal_fields(j, i))
        write_line(w.file, sweep, &c, i, ms_journal_fields(j, i), found);
    status = ms_writer_commit(&w, err);
  }
  free(found);
  ms_columns_free(&c);
  return status;
}
