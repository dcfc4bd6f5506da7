#include "problem/tokens.h"
#include "base/random.h"
#include "linalg/dense.h"
#include "text/datafile.h"
#include "text/source.h"
#include <ctype.h>
#include <errno.h>
#include <gsl/gsl_multimin.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Words longer than this are cut; more different ones than this are not told apart. */
enum { DIMENSIONS = 48, WORD = 32 };
/* W0 is trained until the gradient is this part of its first, with a ridge of RIDGE |W|^2 / 2. */
static const double PRETRAINED = 1e-3, RIDGE = 1e-4;
enum { PRETRAIN_STEPS = 300 };

/* ---- Words ---------------------------------------------------------------------------------- */

typedef struct word {
  char text[WORD];
  size_t count;
} word;

typedef struct words {
  char (*at)[WORD];
  size_t count;
} words;

/* Is the file no text? Those that cannot be looked at twice, as pipes, are taken as they are. */
static ms_status check_text(FILE *file, const char *path, ms_error *err) {
  char begin[64];
  if (fseek(file, 0, SEEK_SET) != 0)
    return MS_OK;
  const char *foreign = ms_foreign(begin, fread(begin, 1, sizeof begin, file));
  if (ferror(file))
    return MS_OK; /* said below */
  rewind(file);
  return foreign ? ms_fail(err, MS_BAD_INPUT, "%s: %s", path, foreign) : MS_OK;
}

/* The words of a file in lower case; all that is no letter ends a word, and one that holds a digit
 * (a verse number) is none. */
static ms_status read_words(words *list, const char *path, ms_error *err) {
  *list = (words){NULL, 0};
  char own[2200];
  FILE *file = fopen(path, "r");
  if (!file && !strchr(path, '/') && ms_data_path(path, own, sizeof own))
    file = fopen(own, "r");
  if (!file)
    return ms_fail(err, MS_BAD_INPUT, "%s: cannot be read: %s", path, strerror(errno));
  size_t room = 0, used = 0;
  bool digit = false;
  char buffer[WORD];
  ms_status status = check_text(file, path, err);
  for (int c = 0; c != EOF && status == MS_OK;) {
    c = fgetc(file);
    if (isalpha(c)) {
      if (used + 1 < WORD)
        buffer[used++] = (char)tolower(c);
      continue;
    }
    digit |= isdigit(c) != 0;
    if (isdigit(c) || (c == ':' && digit))
      continue;
    if (used && !digit) {
      if (list->count == room) {
        room = room ? 2 * room : 4096;
        void *more = realloc(list->at, room * sizeof *list->at);
        if (!more) {
          status = ms_no_memory(err);
          break;
        }
        list->at = more;
      }
      memset(list->at[list->count], 0, WORD);
      memcpy(list->at[list->count++], buffer, used);
    }
    used = 0;
    digit = false;
  }
  if (status == MS_OK && ferror(file))
    status = ms_fail(err, MS_BAD_INPUT, "%s: cannot be read: %s", path, strerror(errno));
  fclose(file);
  if (status == MS_OK && list->count < 4)
    status =
        ms_fail(err, MS_BAD_INPUT, "%s: has %zu words; at least 4 are needed", path, list->count);
  return status;
}

static int by_text(const void *a, const void *b) {
  return strcmp(((const word *)a)->text, ((const word *)b)->text);
}

/* The most frequent first, ties by the alphabet. */
static int by_count(const void *a, const void *b) {
  const word *p = a, *q = b;
  return p->count != q->count ? (p->count < q->count ? 1 : -1) : by_text(a, b);
}

/* The `size` - 1 most frequent words in alphabetical order; every other word is one more token. */
static word *vocabulary(const words *list, size_t *size) {
  word *all = calloc(list->count, sizeof *all);
  if (!all)
    return NULL;
  for (size_t i = 0; i < list->count; i++)
    memcpy(all[i].text, list->at[i], WORD);
  qsort(all, list->count, sizeof *all, by_text);
  size_t different = 0;
  for (size_t i = 0; i < list->count; i++)
    if (different && strcmp(all[different - 1].text, all[i].text) == 0)
      all[different - 1].count++;
    else
      memcpy(all[different].text, all[i].text, WORD), all[different++].count = 1;
  qsort(all, different, sizeof *all, by_count);
  *size = MS_MIN(*size, different + 1);
  qsort(all, *size - 1, sizeof *all, by_text);
  return all;
}

static size_t token(const word *known, size_t size, const char *text) {
  word key = {.count = 0};
  memcpy(key.text, text, WORD);
  const word *found = bsearch(&key, known, size - 1, sizeof *known, by_text);
  return found ? (size_t)(found - known) : size - 1;
}

/* C[v + u * size]: how often token v follows u among the pairs first ... last - 1, as a part. */
static void count_pairs(const words *list, const word *known, size_t size, size_t first,
                        size_t last, double *C) {
  memset(C, 0, size * size * sizeof *C);
  for (size_t i = first; i < last; i++)
    C[token(known, size, list->at[i + 1]) + token(known, size, list->at[i]) * size] +=
        1 / (double)(last - first);
}

/* ---- The objective -------------------------------------------------------------------------- */

typedef struct text {
  size_t size, p;       /* vocabulary, dimensions */
  double *E, *W0;       /* size * p, p * p */
  double *train, *test; /* pairs, size * size each */
  double *P, *S;        /* room: size * size, size * p */
} text;

/* Cross-entropy of the pairs C at W0 + X, and its gradient E' (P diag(1'C) - C) E in W. */
static double cross_entropy(const text *m, const double *C, const double *X, double *G) {
  size_t V = m->size, p = m->p;
  double *W = m->S + V * p, f = 0;
  for (size_t i = 0; i < p * p; i++)
    W[i] = m->W0[i] + X[i];
  ms_multiply(false, false, V, p, p, 1, m->E, W, 0, m->S);
  ms_multiply(false, true, V, V, p, 1, m->S, m->E, 0, m->P);
  for (size_t u = 0; u < V; u++) {
    double *s = m->P + u * V, top = s[0], sum = 0, total = 0;
    const double *c = C + u * V;
    for (size_t v = 1; v < V; v++)
      top = fmax(top, s[v]);
    for (size_t v = 0; v < V; v++) {
      total += c[v];
      f += c[v] * (top - s[v]);
      s[v] = exp(s[v] - top);
      sum += s[v];
    }
    /* cppcheck-suppress invalidFunctionArg; sum >= 1, for V >= 2 */
    f += total * log(sum);
    for (size_t v = 0; v < V; v++)
      s[v] = total * s[v] / sum - c[v];
  }
  if (G) {
    ms_multiply(true, false, p, V, V, 1, m->E, m->P, 0, m->S);
    ms_multiply(false, false, p, p, V, 1, m->S, m->E, 0, G);
  }
  return f;
}

static double text_value(ms_objective *o, const double *X, double *G) {
  const text *m = o->own;
  return cross_entropy(m, m->train, X, G);
}

static double text_score(ms_objective *o, const double *X) {
  const text *m = o->own;
  return cross_entropy(m, m->test, X, NULL);
}

/* E (vocabulary, dimensions), W0, and C[u, v], C_test: how often v follows u. */
static void text_data(const ms_objective *o, ms_bundle *b) {
  const text *m = o->own;
  double *E = ms_bundle_add(b, m->size, m->p, 0, "E"), *W0 = ms_bundle_add(b, m->p, m->p, 0, "W0");
  double *C = ms_bundle_add(b, m->size, m->size, 0, "C");
  double *test = ms_bundle_add(b, m->size, m->size, 0, "C_test");
  for (size_t i = 0; E && i < m->size; i++)
    for (size_t j = 0; j < m->p; j++)
      E[i * m->p + j] = m->E[j * m->size + i];
  for (size_t i = 0; W0 && i < m->p; i++)
    for (size_t j = 0; j < m->p; j++)
      W0[i * m->p + j] = m->W0[j * m->p + i];
  if (!C || !test)
    return;
  memcpy(C, m->train, m->size * m->size * sizeof *C);
  memcpy(test, m->test, m->size * m->size * sizeof *test);
}

static void text_release(ms_objective *o) {
  text *m = o->own;
  if (m)
    free(m->E);
  free(m);
}

/* ---- What W0 was trained on ----------------------------------------------------------------- */

/* W0 is 0 while it is looked for. */
typedef struct before {
  const text *m;
  const double *C;
} before;

static void before_both(const gsl_vector *W, void *ctx, double *f, gsl_vector *g) {
  const before *b = ctx;
  size_t n = b->m->p * b->m->p;
  double *G = g ? g->data : NULL;
  double value = cross_entropy(b->m, b->C, W->data, G);
  for (size_t i = 0; i < n && G; i++)
    G[i] += RIDGE * W->data[i];
  double size = cblas_dnrm2((int)n, W->data, 1);
  if (f)
    *f = value + RIDGE / 2 * size * size;
}

static double before_f(const gsl_vector *W, void *ctx) {
  double f;
  before_both(W, ctx, &f, NULL);
  return f;
}

static void before_df(const gsl_vector *W, void *ctx, gsl_vector *g) {
  before_both(W, ctx, NULL, g);
}

static ms_status pretrain(text *m, const double *C, ms_error *err) {
  size_t n = m->p * m->p;
  before b = {m, C};
  gsl_multimin_function_fdf f = {before_f, before_df, before_both, n, &b};
  gsl_multimin_fdfminimizer *search =
      gsl_multimin_fdfminimizer_alloc(gsl_multimin_fdfminimizer_vector_bfgs2, n);
  gsl_vector *start = gsl_vector_calloc(n);
  ms_status status = search && start ? MS_OK : ms_no_memory(err);
  if (status == MS_OK && gsl_multimin_fdfminimizer_set(search, &f, start, 1, 0.1) == 0) {
    double first = cblas_dnrm2((int)n, search->gradient->data, 1);
    for (size_t i = 0; i < PRETRAIN_STEPS; i++)
      if (gsl_multimin_fdfminimizer_iterate(search) != 0 ||
          cblas_dnrm2((int)n, search->gradient->data, 1) <= PRETRAINED * first)
        break;
    memcpy(m->W0, search->x->data, n * sizeof *m->W0);
  }
  if (search)
    gsl_multimin_fdfminimizer_free(search);
  if (start)
    gsl_vector_free(start);
  return status;
}

/* ---- Building ------------------------------------------------------------------------------- */

ms_status ms_objective_tokens(ms_objective **out, const ms_config *cfg, ms_error *err) {
  words list = {NULL, 0}, old = {NULL, 0};
  ms_status status = read_words(&list, ms_config_text(cfg, "data"), err);
  if (status == MS_OK && ms_config_given(cfg, "pretrain"))
    status = read_words(&old, ms_config_text(cfg, "pretrain"), err);
  ms_objective *o = calloc(1, sizeof *o);
  text *m = calloc(1, sizeof *m);
  word *known = NULL;
  size_t pairs = list.count - 1, V = ms_config_count(cfg, "vocabulary"), n = pairs / 2;
  if (status == MS_OK && (!o || !m || !(known = vocabulary(&list, &V))))
    status = ms_no_memory(err);
  if (status == MS_OK && ms_config_given(cfg, "n") && (n = ms_config_count(cfg, "n")) >= pairs)
    status = ms_fail(err, MS_BAD_SETTING,
                     "%s: '%zu' is not allowed; the text has %zu pairs of "
                     "words, and some must be left to test",
                     ms_config_origin(cfg, "n"), n, pairs);
  size_t p = ms_config_given(cfg, "rows") ? ms_config_count(cfg, "rows") : DIMENSIONS;
  gsl_rng *rng = ms_random_new((uint64_t)ms_config_real(cfg, "seed"), MS_STREAM_DATA);
  double *old_pairs = ms_doubles(V * V);
  if (status == MS_OK)
    m->E = ms_doubles(2 * V * p + 2 * p * p + 3 * V * V);
  if (status == MS_OK && (!rng || !old_pairs || !m->E))
    status = ms_no_memory(err);
  if (status == MS_OK) {
    m->size = V;
    m->p = p;
    m->W0 = m->E + V * p;
    m->train = m->W0 + p * p;
    m->test = m->train + V * V;
    m->P = m->test + V * V;
    m->S = m->P + V * V; /* and p * p after it */
    ms_random_gaussian(rng, m->E, V * p, 1 / sqrt(sqrt((double)p)));
    count_pairs(&list, known, V, 0, n, m->train);
    count_pairs(&list, known, V, n, pairs, m->test);
    if (old.count) {
      count_pairs(&old, known, V, 0, old.count - 1, old_pairs);
      status = pretrain(m, old_pairs, err);
    }
  }
  if (rng)
    gsl_rng_free(rng);
  free(old_pairs);
  free(known);
  free(list.at);
  free(old.at);
  if (status != MS_OK) {
    if (m)
      free(m->E);
    free(m);
    free(o);
    return status;
  }
  *o = (ms_objective){.name = "tokens",
                      .rows = p,
                      .cols = p,
                      .samples = n,
                      .stop_loss = 0,
                      .value = text_value,
                      .release = text_release,
                      .data = text_data,
                      .own = m,
                      .score = text_score,
                      .score_help = "cross-entropy on the rest of the text, nats a word"};
  *out = o;
  return MS_OK;
}
