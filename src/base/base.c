#include "base/base.h"
#include <float.h>
#include <locale.h>
#include <math.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LN10_HIGH 0x1.26bb1bbb55516p+1
#define LN10_LOW -0x1.f48ad494ea3e9p-53 /* ln 10 = high + low, to twice the precision */

enum { LOG_DIGITS = 40 }; /* more digits of a number than these do not change its ln */
enum { CACHE_LINE = 64 };

double ms_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Numbers are read and written with a decimal point, whatever locale the host program has set. */
static locale_t plain;
static pthread_once_t plain_once = PTHREAD_ONCE_INIT;

static void make_plain(void) {
  plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
}

static locale_t plain_locale(void) {
  pthread_once(&plain_once, make_plain);
  return plain;
}

static void fill(ms_error *err, ms_status status, double t, const char *format, va_list args) {
  if (!err)
    return;
  /* Not straight into err: an argument may be err->message itself. */
  char message[sizeof err->message];
  locale_t before = uselocale(plain_locale());
  vsnprintf(message, sizeof message, format, args);
  uselocale(before);
  err->status = status;
  err->t = t;
  ms_visible(err->message, sizeof err->message, message);
}

ms_status ms_fail(ms_error *err, ms_status status, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fill(err, status, 0, format, args);
  va_end(args);
  return status;
}

ms_status ms_fail_at(ms_error *err, ms_status status, double t, const char *format, ...) {
  va_list args;
  va_start(args, format);
  fill(err, status, t, format, args);
  va_end(args);
  return status;
}

ms_status ms_no_memory(ms_error *err) {
  return ms_fail(err, MS_NO_MEMORY, "out of memory");
}

double *ms_doubles_unset(size_t n) {
  void *memory = NULL;
  if (n > SIZE_MAX / sizeof(double) - 1)
    return NULL;
  return posix_memalign(&memory, CACHE_LINE, (n ? n : 1) * sizeof(double)) == 0 ? memory : NULL;
}

double *ms_doubles(size_t n) {
  double *v = ms_doubles_unset(n);
  return v ? memset(v, 0, n * sizeof *v) : NULL;
}

static bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *p) {
  while (is_digit(*p))
    p++;
  return p;
}

static const char *skip_space(const char *p) {
  while (*p == ' ' || (*p >= '\t' && *p <= '\r'))
    p++;
  return p;
}

/* Where the parts of a decimal number begin and end. */
struct decimal {
  bool negative;
  const char *whole, *whole_end, *part, *part_end; /* digits before and after the point */
  const char *exponent;                            /* with its sign; NULL where there is none */
};

static bool scan(struct decimal *d, const char *text) {
  const char *p = skip_space(text);
  *d = (struct decimal){.negative = *p == '-'};
  if (*p == '-' || *p == '+')
    p++;
  d->whole = p;
  d->whole_end = d->part = d->part_end = p = skip_digits(p);
  if (*p == '.') {
    d->part = p + 1;
    d->part_end = p = skip_digits(p + 1);
  }
  if (d->whole == d->whole_end && d->part == d->part_end)
    return false;
  if (*p == 'e' || *p == 'E') {
    d->exponent = ++p;
    if (*p == '-' || *p == '+')
      p++;
    if (!is_digit(*p))
      return false;
    p = skip_digits(p);
  }
  return *skip_space(p) == '\0';
}

bool ms_parse_real(const char *text, double *value) {
  struct decimal d;
  if (!scan(&d, text))
    return false;
  double x = strtod_l(text, NULL, plain_locale());
  if (!isfinite(x))
    return false;
  *value = x;
  return true;
}

bool ms_parse_log(const char *text, double *log_value) {
  struct decimal d;
  if (!scan(&d, text) || d.negative)
    return false;
  double x = strtod_l(text, NULL, plain_locale());
  if (isnormal(x)) {
    *log_value = log(x);
    return true;
  }

  /* Too large or small for a double: x = m 10^k with m in [1, 10). */
  char m[LOG_DIGITS + 2];
  size_t used = 0;
  double k = d.exponent ? strtod_l(d.exponent, NULL, plain_locale()) : 0;
  for (const char *p = d.whole; p < d.part_end && used < LOG_DIGITS + 1; p++) {
    if (p == d.whole_end)
      continue; /* the point */
    if (used == 0 && *p == '0')
      continue;
    if (used == 0) {
      k += p < d.whole_end ? (double)(d.whole_end - p - 1) : -(double)(p - d.part + 1);
      m[used++] = *p;
      m[used++] = '.';
    } else {
      m[used++] = *p;
    }
  }
  if (used == 0)
    return false;
  m[used] = '\0';
  double y = fma(k, LN10_HIGH, fma(k, LN10_LOW, log(strtod_l(m, NULL, plain_locale()))));
  if (!isfinite(y))
    return false;
  *log_value = y;
  return true;
}

const char *ms_real_text(double value, char *buf) {
  enum { SIZE = 32 };
  if (isnan(value))
    return strcpy(buf, "nan");
  locale_t before = uselocale(plain_locale());
  for (int digits = DBL_DIG; digits <= DBL_DECIMAL_DIG; digits++) {
    snprintf(buf, SIZE, "%.*g", digits, value);
    if (strtod(buf, NULL) == value)
      break;
  }
  uselocale(before);
  return buf;
}

double ms_log_add(double a, double b) {
  double high = a < b ? b : a, low = a < b ? a : b; /* unlike MS_MAX and MS_MIN, keeps a NaN */
  return low == -INFINITY ? high : high + log1p(exp(low - high));
}
