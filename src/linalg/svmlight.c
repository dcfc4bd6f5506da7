#include "linalg/svmlight.h"
#include "text/source.h"
#include "text/text.h"
#include <stdlib.h>
#include <string.h>

typedef struct reader {
  ms_source s;
  size_t n, d, samples_room, count, room;
  double *y, *value;
  int32_t *row, *column;
} reader;

static bool grow(void **block, size_t count, size_t size) {
  void *more = reallocarray(*block, count, size);
  if (more)
    *block = more;
  return more != NULL;
}

static bool room_for_sample(reader *r) {
  if (r->n < r->samples_room)
    return true;
  r->samples_room = r->samples_room ? 2 * r->samples_room : 256;
  return grow((void **)&r->y, r->samples_room, sizeof *r->y);
}

static bool room_for_entry(reader *r) {
  if (r->count < r->room)
    return true;
  r->room = r->room ? 2 * r->room : 1024;
  return grow((void **)&r->value, r->room, sizeof *r->value) &&
         grow((void **)&r->row, r->room, sizeof *r->row) &&
         grow((void **)&r->column, r->room, sizeof *r->column);
}

static char *skip_field(char *p) {
  return p + strcspn(p, " \t\r\n");
}

/* INDEX:VALUE in [from, to), the index above `before`, which becomes it. */
static ms_status read_entry(reader *r, char *from, char *to, long *before, ms_error *err) {
  const ms_source *s = &r->s;
  char *colon = memchr(from, ':', (size_t)(to - from)), *end;
  double value;
  if (!colon)
    return ms_source_fail(s, from, err, "'%s' is not INDEX:VALUE", ms_show(from, to).text);
  long index = strtol(from, &end, 10);
  if (end != colon || end == from || index < 0 || index > INT32_MAX)
    return ms_source_fail(s, from, err, "'%s' is not an index, a whole number from 1 to %d",
                          ms_show(from, colon).text, INT32_MAX);
  if (index == 0)
    return ms_source_fail(s, from, err,
                          "index 0; the first feature has the index 1 in files of svmlight "
                          "(scikit-learn writes that by zero_based=False)");
  if (index <= *before)
    return ms_source_fail(s, from, err, "index %ld comes after %ld; indices of a line ascend",
                          index, *before);
  if (!ms_parse_part(ms_parse_real, colon + 1, to, &value))
    return ms_source_fail(s, colon + 1, err, "'%s' is not a finite number",
                          ms_show(colon + 1, to).text);
  if (!room_for_entry(r))
    return ms_no_memory(err);
  r->row[r->count] = (int32_t)(r->n - 1);
  r->column[r->count] = (int32_t)(index - 1);
  r->value[r->count++] = value;
  r->d = MS_MAX(r->d, (size_t)index);
  *before = index;
  return MS_OK;
}

/* The sample that begins at `p` and ends before the line or its comment does, at `end`. */
static ms_status read_sample(reader *r, char *p, char *end, ms_error *err) {
  char *to = MS_MIN(skip_field(p), end);
  long before = 0;
  if (!room_for_sample(r))
    return ms_no_memory(err);
  if (r->n == INT32_MAX)
    return ms_source_fail(&r->s, p, err, "more than %d samples", INT32_MAX);
  if (!ms_parse_part(ms_parse_real, p, to, &r->y[r->n++]))
    return ms_source_fail(&r->s, p, err, "the label '%s' is not a finite number",
                          ms_show(p, to).text);
  p = ms_skip_blanks(to);
  if (strncmp(p, "qid:", 4) == 0)
    p = ms_skip_blanks(skip_field(p));
  ms_status status = MS_OK;
  while (status == MS_OK && p < end) {
    to = MS_MIN(skip_field(p), end);
    status = read_entry(r, p, to, &before, err);
    p = ms_skip_blanks(to);
  }
  return status;
}

static ms_status read_samples(reader *r, ms_error *err) {
  ms_status status = ms_source_check_text(&r->s, err);
  for (char *p = r->s.text; status == MS_OK && *p;) {
    char *line_end = strchrnul(p, '\n');
    p = ms_skip_blanks(p);
    char *end = MS_MIN(p + strcspn(p, "#"), line_end);
    if (p < end)
      status = read_sample(r, p, end, err);
    p = *line_end ? line_end + 1 : line_end;
  }
  if (status == MS_OK && r->d == 0)
    status = ms_fail(err, MS_BAD_INPUT, "%s: no %s in the file; a line is LABEL INDEX:VALUE ...",
                     r->s.path, r->n ? "features" : "samples");
  return status;
}

ms_status ms_svmlight_read(ms_matrix **Z, double **y, const char *path, ms_error *err) {
  reader r = {.n = 0};
  ms_status status = ms_source_read(&r.s, path, err);
  if (status != MS_OK)
    return status;
  status = read_samples(&r, err);
  if (status == MS_OK)
    status = ms_matrix_sparse(Z, r.n, r.d, r.count, r.row, r.column, r.value, err);
  *y = status == MS_OK ? r.y : NULL;
  if (status != MS_OK)
    free(r.y);
  free(r.s.data);
  free(r.row);
  free(r.column);
  free(r.value);
  return status;
}
