/* base.h and text.h: numbers as text, tables, vectors, files written whole. */
#include "tests.h"
#include "text/text.h"
#include <dirent.h>
#include <float.h>
#include <locale.h>
#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

static char *get(const char *name, size_t *size) {
  char *data = test_read(test_path(name), size);
  ck_assert_ptr_nonnull(data);
  return data;
}

/* The message is "<folder>/<name><rest>". */
static void check_error(const ms_error *err, ms_status status, const char *name, const char *rest) {
  char wanted[2048];
  snprintf(wanted, sizeof wanted, "%s%s", test_path(name), rest);
  ck_assert_int_eq(err->status, status);
  ck_assert_str_eq(err->message, wanted);
}

/* ---- Numbers -------------------------------------------------------------------------------- */

START_TEST(real_accepts) {
  const struct {
    const char *text;
    double value;
  } cases[] = {{"1", 1},
               {" -2.5\t\r\n", -2.5},
               {"+.5", 0.5},
               {"5.", 5},
               {"1e3", 1000},
               {"1E-3", 1e-3},
               {"0.1", 0.1},
               {"1e-400", 0},
               {"4.94065645841247e-324", 4.94065645841247e-324},
               {"1.7976931348623157e308", 1.7976931348623157e308},
               {"0000000000000000000000000000001", 1}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double value = NAN;
    ck_assert_msg(ms_parse_real(cases[i].text, &value), "'%s'", cases[i].text);
    ck_assert_msg(value == cases[i].value, "'%s': %.17g", cases[i].text, value);
  }
}
END_TEST

START_TEST(real_rejects) {
  const char *const cases[] = {"",      " ",
                               ".",     "-",
                               "e5",    "1e",
                               "1e+",   "1x",
                               "1 2",   "0x10",
                               "nan",   "inf",
                               "-inf",  "1e999",
                               "1,5",   "--1",
                               "1e5.",  "1..2",
                               "1_000", "1e 5",
                               "- 1",   "1d5",
                               "NaN",   "Infinity",
                               "1f",    "1e9999999999999999999"};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double value = 7;
    ck_assert_msg(!ms_parse_real(cases[i], &value), "'%s'", cases[i]);
    ck_assert_msg(value == 7, "'%s' changed the value", cases[i]);
  }
}
END_TEST

START_TEST(log_accepts) {
  const struct {
    const char *text;
    double log;
  } cases[] = {{"1", 0},
               {"1.000", 0},
               {"0.00001", -11.51292546497022842008996},
               {"1e-1000", -2302.585092994045684017991},
               {"+10e-1001", -2302.585092994045684017991},
               {"0.001e-997", -2302.585092994045684017991},
               {"3.5E-20000", -46050.44909691241831236414},
               {"2e400", 921.7271843781782189166138},
               {"1e-310", -713.8013788281541620455774},
               {"1e-1000000000000", -2302585092994.045684017991},
               {"00100e-1002", -2302.585092994045684017991},
               {" 1e-1000 ", -2302.585092994045684017991},
               {"0.9999999", -1.000000050000003333333583e-7},
               {"1e-37777", -86984.75705803606380514766}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double log = NAN;
    ck_assert_msg(ms_parse_log(cases[i].text, &log), "'%s'", cases[i].text);
    ck_assert_msg(fabs(log - cases[i].log) <= 1.2e-16 * fmax(1, fabs(cases[i].log)),
                  "'%s': %.17g, not %.17g", cases[i].text, log, cases[i].log);
  }
}
END_TEST

/* Leading zeros, and more digits than a double has, before and behind the point. */
START_TEST(log_of_long_text) {
  enum { N = 2000 };
  char text[N + 20];
  double log;
  memset(text, '0', N);
  text[1] = '.';
  snprintf(text + N, 20, "25");
  ck_assert(ms_parse_log(text, &log));
  ck_assert_double_eq_tol(log, log10(2.5) * 2.302585092994046 - (N - 1) * 2.302585092994046, 1e-12);

  memset(text, '3', N);
  text[N] = '\0';
  ck_assert(ms_parse_log(text, &log));
  ck_assert_double_eq_tol(log, 1.2039728043259361 + (N - 1) * 2.302585092994046, 1e-12);
}
END_TEST

START_TEST(log_rejects) {
  const char *const cases[] = {
      "",
      "0",
      "0e5",
      "0.000",
      "-1",
      "-1e-1000",
      "-0",
      "nan",
      "inf",
      "1e",
      "0x1p3",
      "1 2",
      ".",
      "e-1000",
      "1e-1000x",
      "1e1000000000000000000000000000000000000000000000000000000000000000"
      "0000000000000000000000000000000000000000000000000000000000000000000"
      "0000000000000000000000000000000000000000000000000000000000000000000"
      "0000000000000000000000000000000000000000000000000000000000000000000"
      "000000000000000000000000000000000000000000000000000000000000000000"};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    double log = 7;
    ck_assert_msg(!ms_parse_log(cases[i], &log), "'%s'", cases[i]);
    ck_assert_msg(log == 7, "'%s' changed the value", cases[i]);
  }
}
END_TEST

START_TEST(real_text) {
  const struct {
    double value;
    const char *text;
  } cases[] = {{0, "0"},
               {-0.0, "-0"},
               {0.1, "0.1"},
               {1.0 / 3, "0.3333333333333333"},
               {0.1 + 0.2, "0.30000000000000004"},
               {1e100, "1e+100"},
               {100000, "100000"},
               {-1.7976931348623157e308, "-1.7976931348623157e+308"},
               {NAN, "nan"},
               {-NAN, "nan"},
               {INFINITY, "inf"},
               {-INFINITY, "-inf"}};
  char buf[32];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    ck_assert_str_eq(ms_real_text(cases[i].value, buf), cases[i].text);

  uint64_t bits = 88172645463325252u;
  for (int i = 0; i < 20000; i++) {
    bits ^= bits << 13, bits ^= bits >> 7, bits ^= bits << 17;
    double value, back;
    memcpy(&value, &bits, sizeof value);
    if (!isfinite(value))
      continue;
    ck_assert(ms_parse_real(ms_real_text(value, buf), &back));
    ck_assert_msg(memcmp(&value, &back, sizeof value) == 0, "%s", buf);
  }
}
END_TEST

/* Where the machine has a locale with a decimal comma, it makes no difference. */
START_TEST(decimal_comma) {
  const char *const names[] = {"de_DE.UTF-8", "de_DE.utf8", "de_DE", "fr_FR.UTF-8", "nl_NL.UTF-8"};
  bool found = false;
  for (size_t i = 0; !found && i < sizeof names / sizeof *names; i++)
    found = setlocale(LC_ALL, names[i]);
  if (!found)
    return;
  char comma[8], buf[32];
  snprintf(comma, sizeof comma, "%.1f", 0.5);
  ck_assert_str_eq(comma, "0,5");
  double value;
  ck_assert(ms_parse_real("1.5", &value) && value == 1.5);
  ck_assert(!ms_parse_real("1,5", &value));
  ck_assert(ms_parse_log("1.5e-1000", &value) && fabs(value + 2302.1796278859) < 1e-9);
  ck_assert_str_eq(ms_real_text(1.5, buf), "1.5");
  ms_error err;
  ms_fail(&err, MS_STALLED, "at %g", 1.5);
  ck_assert_str_eq(err.message, "at 1.5");
  snprintf(comma, sizeof comma, "%.1f", 0.5);
  ck_assert_str_eq(comma, "0,5");
  setlocale(LC_ALL, "C");
}
END_TEST

START_TEST(errors) {
  ms_error err = {.t = 5};
  ck_assert_int_eq(ms_fail(&err, MS_BAD_SETTING, "%s is %d", "x", 3), MS_BAD_SETTING);
  ck_assert_int_eq(err.status, MS_BAD_SETTING);
  ck_assert_double_eq(err.t, 0);
  ck_assert_str_eq(err.message, "x is 3");
  ck_assert_int_eq(ms_fail_at(&err, MS_STALLED, 2.5, "again: %s", err.message), MS_STALLED);
  ck_assert_double_eq(err.t, 2.5);
  ck_assert_str_eq(err.message, "again: x is 3");
  ck_assert_int_eq(ms_fail(NULL, MS_STALLED, "unheard"), MS_STALLED);
  ck_assert_int_eq(ms_no_memory(&err), MS_NO_MEMORY);
  ck_assert_str_eq(err.message, "out of memory");
  ms_fail(&err, MS_STALLED, "%2000d", 1);
  ck_assert_uint_eq(strlen(err.message), sizeof err.message - 1);
}
END_TEST

START_TEST(visible) {
  static const struct {
    const char *text, *shown;
  } cases[] = {{"plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80",
                "plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"},
               {"\x1b[31m", "\\x1b[31m"},
               {"a\nb\rc\x07\x7F", "a\\nb\\rc\\x07\\x7f"},
               {"\xC2\x9B", "\\u009b"}, /* the 8-bit escape, as UTF-8 */
               {"\x9B"
                "1m",
                "\\x9b1m"},                         /* and as it is */
               {"\xE2\x80\xAE", "\\u202e"},         /* turns the text round */
               {"\xC0\x9B", "\\xc0\\x9b"},          /* too long a form of it */
               {"\xED\xA0\x80", "\\xed\\xa0\\x80"}, /* half a pair of UTF-16 */
               {"cut \xE2\x82", "cut \\xe2\\x82"}};
  char out[64];
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    ck_assert_str_eq(ms_visible(out, sizeof out, cases[i].text), cases[i].shown);
  ck_assert_str_eq(ms_visible(out, 6, "abc\x1b"), "abc");
  ck_assert_str_eq(ms_visible(out, 8, "abc\x1b"), "abc\\x1b");
  ms_error err;
  ms_fail(&err, MS_BAD_INPUT, "%s", "\x1b]0;title\x07");
  ck_assert_str_eq(err.message, "\\x1b]0;title\\x07");
}
END_TEST

START_TEST(arithmetic) {
  ck_assert_double_eq_tol(ms_log_add(0, 0), 0.69314718055994531, 1e-16);
  ck_assert_double_eq(ms_log_add(-INFINITY, 3), 3);
  ck_assert_double_eq(ms_log_add(3, -INFINITY), 3);
  ck_assert(ms_log_add(-INFINITY, -INFINITY) == -INFINITY);
  ck_assert_double_eq(ms_log_add(1000, -1000), 1000);
  ck_assert_double_eq(ms_log_add(-DBL_MAX, DBL_MAX), DBL_MAX);
  ck_assert_double_eq_tol(ms_log_add(-3000, -3001), -3000 + log1p(exp(-1)), 1e-12);
  ck_assert(isnan(ms_log_add(NAN, 1)) && isnan(ms_log_add(1, NAN)));
  double *zeros = ms_doubles(0);
  ck_assert_ptr_nonnull(zeros);
  free(zeros);
  zeros = ms_doubles(3);
  ck_assert(zeros[0] == 0 && zeros[2] == 0);
  free(zeros);
}
END_TEST

/* ---- Tables --------------------------------------------------------------------------------- */

static ms_table read_text(const char *text) {
  ms_table table;
  ms_error err = {0};
  ms_status status = ms_table_read(&table, test_bytes("t.csv", text, strlen(text)), &err);
  ck_assert_msg(status == MS_OK, "%s", err.message);
  ck_assert_int_eq(err.status, MS_OK);
  return table;
}

static void check_table(const char *text, size_t rows, size_t cols, const double *values) {
  ms_table table = read_text(text);
  ck_assert_uint_eq(table.rows, rows);
  ck_assert_uint_eq(table.cols, cols);
  for (size_t i = 0; i < rows * cols; i++)
    ck_assert_msg(table.values[i] == values[i], "%s: value %zu is %g", text, i, table.values[i]);
  ms_table_free(&table);
  ck_assert(!table.names && !table.values && table.rows == 0 && table.cols == 0);
  ms_table_free(&table);
}

START_TEST(table_shapes) {
  const double four[] = {1, 3, 2, 4};
  check_table("a,b\n1,2\n3,4\n", 2, 2, four);
  check_table("a,b\n1,2\n3,4", 2, 2, four);
  check_table("a,b\r\n1,2\r\n3,4\r\n", 2, 2, four);
  check_table("a,b\r\n1,2\r\n3,4\r", 2, 2, four);
  check_table("\xEF\xBB\xBF"
              "a,b\n1,2\n3,4\n",
              2, 2, four);
  check_table("a,b\n1,2\n3,4\n\n \n\r\n\t\n\n", 2, 2, four);
  check_table(" a , b \n 1 ,\t2 \n3 , 4\n", 2, 2, four);
  check_table("\"a\",\"b\"\n\"1\",2\n3,\"4\"\n", 2, 2, four);
  check_table("a\n1\n2\n", 2, 1, (double[]){1, 2});
  check_table("a\n1", 1, 1, (double[]){1});
  check_table("a,b,c\n1,2,3\n", 1, 3, (double[]){1, 2, 3});
  check_table("a,2\n-1e-3,1e-400\n", 1, 2, (double[]){-1e-3, 0});
}
END_TEST

START_TEST(table_names) {
  ms_table table =
      read_text("\"a, b\",\"say \"\"hi\"\"\" , \"two\nlines\" ,\" padded \",\xC3\xA9 x,"
                "in\"ner,A\r\n1,2,3,4,5,6,7\r\n");
  const char *const names[] = {"a, b",       "say \"hi\"", "two\nlines", "padded",
                               "\xC3\xA9 x", "in\"ner",    "A"};
  ck_assert_uint_eq(table.cols, 7);
  ck_assert_uint_eq(table.rows, 1);
  for (size_t j = 0; j < 7; j++) {
    ck_assert_str_eq(table.names[j], names[j]);
    ck_assert_double_eq(table.values[j], (double)(j + 1));
  }
  ms_table_free(&table);
}
END_TEST

static void check_refused(const char *text, size_t size, const char *rest) {
  ms_table table;
  ms_error err = {0};
  ck_assert_int_eq(ms_table_read(&table, test_bytes("t.csv", text, size), &err), MS_BAD_INPUT);
  check_error(&err, MS_BAD_INPUT, "t.csv", rest);
  ck_assert(!table.names && !table.values && table.rows == 0 && table.cols == 0);
  ck_assert_int_eq(ms_table_read(&table, test_path("t.csv"), NULL), MS_BAD_INPUT);
}

START_TEST(table_refuses) {
  const char *empty = ": the file is empty; a row of column names and rows of numbers are needed";
  const struct {
    const char *text, *rest;
  } cases[] = {
      {"", empty},
      {"\n \r\n", empty},
      {"\xEF\xBB\xBF", empty},
      {"a,b\n", ":2:1: no data; rows of numbers must follow the column names"},
      {"a,b", ":1:4: no data; rows of numbers must follow the column names"},
      {"a,b\n\n\n", ":2:1: no data; rows of numbers must follow the column names"},
      {"\na,b\n1,2\n", ":1:1: '' is a blank line; the first row must name the columns"},
      {"a,b\n1,2\n\n3,4\n", ":3:1: '' is a blank line before more rows; they may only come last"},
      {"a,b,c\n1,2,3\n4,5\n6,7,8\n", ":3:4: the row ends after 2 of 3 fields, behind '5'"},
      {"a,b\n\"4\"\n", ":2:4: the row ends after 1 of 2 fields, behind '\"4\"'"},
      {"a,b\n1,2\n3,4,5,6\n", ":3:5: '5' is one field too many; the first row names 2 columns"},
      {"a,b\n1,2,\n", ":2:5: '' is one field too many; the first row names 2 columns"},
      {"id,bmi\n1,2\n1234, abc \n", ":3:7: 'abc' is not a number (column \"bmi\")"},
      {"a,b\n1,\n", ":2:3: '' is not a number (column \"b\")"},
      {"a,b\nnan,1\n", ":2:1: 'nan' is not a finite number (column \"a\")"},
      {"a,b\n1,-inf\n", ":2:3: '-inf' is not a finite number (column \"b\")"},
      {"a,b\r\n1,2\r\n1,1e999\r\n", ":3:3: '1e999' is not a finite number (column \"b\")"},
      {"a,b\n0x10,1\n", ":2:1: '0x10' is not a number (column \"a\")"},
      {"a,b\n\"1,5\",x\n", ":2:1: '1,5' is not a number (column \"a\")"},
      {"a,b\n\"1\"\"\",x\n", ":2:1: '1\"\"' is not a number (column \"a\")"},
      {"\xC3\xA9\xC3\xA9,\xC3\xA9\xC3\xA9\n1,2\n",
       ":1:4: '\xC3\xA9\xC3\xA9' names two columns; each needs a name of its own"},
      {"\xEF\xBB\xBF"
       "a,a\n1,2\n",
       ":1:3: 'a' names two columns; each needs a name of its own"},
      {"c,b,a,b,a,c\n1,2,3,4,5,6\n", ":1:7: 'b' names two columns; each needs a name of its own"},
      {"a,\"a \"\n1,2\n", ":1:3: 'a' names two columns; each needs a name of its own"},
      {"a,,c\n1,2,3\n", ":1:3: column 2 has no name; the first row must name each column"},
      {"a,\" \"\n1,2\n", ":1:3: column 2 has no name; the first row must name each column"},
      {"a,b,\n1,2,3\n", ":1:5: column 3 has no name; the first row must name each column"},
      {"1.5,2\n3,4\n",
       ":1:1: the first row holds numbers only ('1.5'...); it must name the columns"},
      {"7\n8\n", ":1:1: the first row holds numbers only ('7'...); it must name the columns"},
      {"a,\"b\n1,2\n", ":1:3: the quote opened here, '\"b?1,2?', is never closed"},
      {"a,b\n1,\"2\n", ":2:3: the quote opened here, '\"2?', is never closed"},
      {"a,\"b\" x,c\n1,2,3\n", ":1:7: 'x' follows a closing quote; only a comma or a new line may"},
      {"\"two\nlines\",b\n1,2\n\"x\ny\",2\n", ":4:1: 'x?y' is not a number (column \"two?lines\")"},
      {"\"two\nlines\",b,,\n", ":2:10: column 3 has no name; the first row must name each column"},
      {"a\n0123456789012345678901234567890123456789012345678901234567890x\n",
       ":2:1: '0123456789012345678901234567890123456789...' is not a number (column \"a\")"},
      {"a\n\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
       "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
       "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
       "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\n",
       ":2:1: "
       "'\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
       "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
       "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9"
       "\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9\xC3\xA9...' is not a number (column "
       "\"a\")"},
      {"a\n\x1B[31m\n", ":2:1: '?[31m' is not a number (column \"a\")"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    check_refused(cases[i].text, strlen(cases[i].text), cases[i].rest);
  const char *nul = "a NUL byte; the file must be plain text (UTF-8)";
  char rest[100];
  snprintf(rest, sizeof rest, ":2:3: %s", nul);
  check_refused("a,b\n1,\0"
                "2\n",
                9, rest);
  snprintf(rest, sizeof rest, ":2:4: %s", nul);
  check_refused("a,b\n1,2\0", 8, rest);
}
END_TEST

START_TEST(table_not_there) {
  ms_table table;
  ms_error err = {0};
  ck_assert_int_eq(ms_table_read(&table, test_path("none.csv"), &err), MS_BAD_INPUT);
  check_error(&err, MS_BAD_INPUT, "none.csv", ": cannot be read: No such file or directory");
  ck_assert_int_eq(ms_table_read(&table, test_path("."), &err), MS_BAD_INPUT);
  check_error(&err, MS_BAD_INPUT, ".", ": cannot be read: Is a directory");
}
END_TEST

/* Also with many columns, where a search of each name among all others would take minutes. */
START_TEST(table_large) {
  const size_t CELLS = test_quick() ? 20000 : 1000000;
  const size_t widths[] = {1, 100, CELLS / 2};
  for (size_t k = 0; k < 3; k++) {
    size_t cols = widths[k], rows = CELLS / cols;
    FILE *file = fopen(test_path("t.csv"), "wb");
    for (size_t j = 0; j < cols; j++)
      fprintf(file, "x%zu%c", j, j + 1 < cols ? ',' : '\n');
    for (size_t i = 0; i < CELLS; i++)
      fprintf(file, "%.6f%c", (double)i / 64, (i + 1) % cols ? ',' : '\n');
    ck_assert_int_eq(fclose(file), 0);

    ms_table table;
    ms_error err;
    ck_assert_int_eq(ms_table_read(&table, test_path("t.csv"), &err), MS_OK);
    ck_assert_uint_eq(table.rows, rows);
    ck_assert_uint_eq(table.cols, cols);
    for (size_t i = 0; i < rows; i++)
      for (size_t j = 0; j < cols; j++)
        if (table.values[j * rows + i] != (double)(i * cols + j) / 64)
          ck_abort_msg("row %zu, column %zu", i, j);
    ms_table_free(&table);
  }
}
END_TEST

/* ---- Vectors -------------------------------------------------------------------------------- */

static void check_vector(const char *text, bool log_values, size_t n, const double *wanted) {
  double *values;
  size_t got;
  ms_error err = {0};
  ms_status status =
      ms_vector_read(&values, &got, test_bytes("v.txt", text, strlen(text)), log_values, &err);
  ck_assert_msg(status == MS_OK, "%s", err.message);
  ck_assert_uint_eq(got, n);
  for (size_t i = 0; i < n; i++)
    ck_assert_msg(fabs(values[i] - wanted[i]) <= 1e-15 * fabs(wanted[i]), "%zu: %g", i, values[i]);
  free(values);
}

static void check_vector_refused(const char *name, const void *data, size_t size, bool log_values,
                                 const char *rest) {
  double *values;
  size_t n;
  ms_error err = {0};
  ck_assert_int_eq(ms_vector_read(&values, &n, test_bytes(name, data, size), log_values, &err),
                   MS_BAD_INPUT);
  check_error(&err, MS_BAD_INPUT, name, rest);
  ck_assert(!values && n == 0);
}

START_TEST(vector_text) {
  check_vector("1\n-2.5\n1e3\n", false, 3, (double[]){1, -2.5, 1000});
  check_vector("1", false, 1, (double[]){1});
  check_vector("\xEF\xBB\xBF# start\r\n\r\n  1 # one\r\n#2\n\t\n3#x\n\n", false, 2,
               (double[]){1, 3});
  check_vector("1e-1000\n1\n1e400\n", true, 3,
               (double[]){-2302.585092994045684, 0, 921.0340371976182736});

  const struct {
    const char *text;
    bool log_values;
    const char *rest;
  } cases[] = {
      {"", false, ": no numbers in the file; one on each line is needed"},
      {"# nothing\n\n", true, ": no numbers in the file; one on each line is needed"},
      {"1\n\n  x # y\n", false, ":3:3: 'x' is not a number; one is allowed on each line"},
      {"1 2\n", false, ":1:1: '1 2' is not a number; one is allowed on each line"},
      {"1,2\n", false, ":1:1: '1,2' is not a number; one is allowed on each line"},
      {"1\nnan\n", false, ":2:1: 'nan' is not a finite number; one is allowed on each line"},
      {"1e-1000\n1e999", false,
       ":2:1: '1e999' is not a finite number; one is allowed on each line"},
      {"1\n0\n", true, ":2:1: '0' is not a positive number; one is allowed on each line"},
      {"1\n2\n-1e-5\n", true,
       ":3:1: '-1e-5' is not a positive number; one is allowed on each line"},
      {"inf", true, ":1:1: 'inf' is not a positive number; one is allowed on each line"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    check_vector_refused("v.txt", cases[i].text, strlen(cases[i].text), cases[i].log_values,
                         cases[i].rest);
  check_vector_refused("v.txt", "1\n2\0\n", 5, false,
                       ":2:2: a NUL byte; the file must be plain text (UTF-8)");

  double *values;
  size_t n;
  ms_error err;
  ck_assert_int_eq(ms_vector_read(&values, &n, test_path("none.txt"), false, &err), MS_BAD_INPUT);
  check_error(&err, MS_BAD_INPUT, "none.txt", ": cannot be read: No such file or directory");
  ck_assert_int_eq(ms_vector_read(&values, &n, test_path("none.npy"), false, &err), MS_BAD_INPUT);
  check_error(&err, MS_BAD_INPUT, "none.npy", ": cannot be read: No such file or directory");
}
END_TEST

/* A .npy file in `out`; its size. */
static size_t npy(char *out, int version, const char *descr, const char *shape, const void *data,
                  size_t size) {
  char header[256];
  size_t before = version == 1 ? 10 : 12;
  bool by_columns = *shape == 'F'; /* "F(n, d)" */
  int length = snprintf(header, sizeof header, "{'descr': %s, 'fortran_order': %s, 'shape': %s, }",
                        descr, by_columns ? "True" : "False", shape + by_columns);
  size_t total = (before + (size_t)length + 1 + 63) / 64 * 64, announced = total - before;
  memset(out, ' ', total);
  memcpy(out, "\x93NUMPY", 6);
  memcpy(out + 6, (char[]){(char)version, 0, (char)announced, 0, 0, 0}, before - 6);
  memcpy(out + before, header, (size_t)length);
  out[total - 1] = '\n';
  memcpy(out + total, data, size);
  return total + size;
}

static void check_npy(const char *data, size_t size, bool log_values, const double wanted[3]) {
  double *values;
  size_t n;
  ms_error err = {0};
  ms_status status = ms_vector_read(&values, &n, test_bytes("v.npy", data, size), log_values, &err);
  ck_assert_msg(status == MS_OK, "%s", err.message);
  ck_assert_uint_eq(n, 3);
  for (size_t i = 0; i < n; i++)
    ck_assert_double_eq(values[i], wanted[i]);
  free(values);
}

START_TEST(vector_npy) {
  const double f8[] = {0.1, -2, 3e200}, positive[] = {1, 0.5, 1e-300};
  const float f4[] = {0.5f, -2, 3};
  const int64_t i8[] = {1, -2, 3000000000};
  char data[1024];
  check_npy(data, npy(data, 1, "'<f8'", "(3,)", f8, sizeof f8), false, f8);
  check_npy(data, npy(data, 2, "'<f8'", "(3,)", f8, sizeof f8), false, f8);
  check_npy(data, npy(data, 1, "'<f4'", "(3,)", f4, sizeof f4), false, (double[]){0.5, -2, 3});
  check_npy(data, npy(data, 1, "'<i8'", "(3,)", i8, sizeof i8), false, (double[]){1, -2, 3e9});
  check_npy(data, npy(data, 1, "'<f8'", "(3,)", positive, sizeof positive), true,
            (double[]){0, log(0.5), log(1e-300)});
  test_bytes("by-content", data, npy(data, 1, "'<f8'", "(3,)", f8, sizeof f8));
  double *values;
  size_t n;
  ck_assert_int_eq(ms_vector_read(&values, &n, test_path("by-content"), false, NULL), MS_OK);
  ck_assert_double_eq(values[2], 3e200);
  free(values);
}
END_TEST

START_TEST(vector_npy_refused) {
  const double f8[] = {0.1, -2, 3, 4}, bad[] = {1, NAN, -INFINITY};
  char data[1024];
  const struct {
    int version;
    const char *descr, *shape;
    const void *data;
    size_t size;
    bool log_values;
    const char *rest;
  } cases[] = {
      {1, "'<c16'", "(3,)", f8, 24, false,
       ": the array holds complex numbers (type '<c16'); save its real or imaginary part, as "
       "Z.real"},
      {1, "'>c8'", "(3,)", f8, 24, false,
       ": the array holds complex numbers (type '>c8'); save its real or imaginary part, as "
       "Z.real"},
      {1, "'|O'", "(3,)", f8, 24, false,
       ": the array holds Python objects (type '|O'); save it as numbers, by Z.astype(float)"},
      {1, "'<U5'", "(1,)", f8, 20, false,
       ": the array holds text (type '<U5'); save it as numbers, by Z.astype(float)"},
      {1, "'<f16'", "(1,)", f8, 16, false,
       ": the array holds floating-point numbers wider than float64 (type '<f16'); save it as "
       "Z.astype(float)"},
      {1, "'<M8[ns]'", "(3,)", f8, 24, false,
       ": the array holds dates (type '<M8[ns]'); save numbers"},
      {1, "[('a', '<f8')]", "(3,)", f8, 24, false,
       ": the array holds records of several fields (type [('a', '<f8')]); save one field, or a "
       "matrix"},
      {1, "'<i3'", "(1,)", f8, 3, false,
       ": numbers of type '<i3'; allowed are bool, int8 to int64, uint8 to uint64 and float16 to "
       "float64"},
      {1, "'<f8'", "(2, 2)", f8, 32, false,
       ": an array of shape '(2, 2)'; allowed is one dimension, '(n,)', '(n, 1)' or '(1, n)' with "
       "n > 0"},
      {1, "'<f8'", "(4, 1, 1)", f8, 32, false,
       ": an array of shape '(4, 1, 1)'; allowed is one dimension, '(n,)', '(n, 1)' or '(1, n)' "
       "with n > 0"},
      {1, "'<f8'", "()", f8, 8, false,
       ": an array of shape '()'; allowed is one dimension, '(n,)', '(n, 1)' or '(1, n)' with n > "
       "0"},
      {1, "'<f8'", "(0,)", f8, 0, false,
       ": an array of shape '(0,)'; allowed is one dimension, '(n,)', '(n, 1)' or '(1, n)' with n "
       "> 0"},
      {1, "'<f8'", "(-3,)", f8, 24, false,
       ": an array of shape '(-3,)'; allowed is one dimension, '(n,)', '(n, 1)' or '(1, n)' with n "
       "> 0"},
      {1, "'<f8'", "(99999999999999999999,)", f8, 24, false,
       ": an array of shape '(99999999999999999999,)'; allowed is one dimension, '(n,)', "
       "'(n, 1)' or '(1, n)' with n > 0"},
      {1, "'<f8'", "(4,)", f8, 31, false,
       ": 31 bytes of data; shape '(4,)' and type '<f8' need 4 times 8 (the file is cut short)"},
      {1, "'<f8'", "(3,)", f8, 31, false,
       ": 31 bytes of data; shape '(3,)' and type '<f8' need 3 times 8"},
      {1, "'<f8'", "(3,)", f8, 32, false,
       ": 32 bytes of data; shape '(3,)' and type '<f8' need 3 times 8"},
      {1, "'<f8'", "(9223372036854775807,)", f8, 24, false,
       ": 24 bytes of data; shape '(9223372036854775807,)' and type '<f8' need "
       "9223372036854775807 times 8 (the file is cut short)"},
      {4, "'<f8'", "(3,)", f8, 24, false, ": version '4' of the .npy format; allowed are 1 to 3"},
      {1, "'<f8'", "(3,)", bad, 24, false, ": 'nan' at index 1 is not a finite number"},
      {1, "'<f8'", "(4,)", f8, 32, true, ": '-2' at index 1 is not a positive finite number"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    check_vector_refused(
        "v.npy", data,
        npy(data, cases[i].version, cases[i].descr, cases[i].shape, cases[i].data, cases[i].size),
        cases[i].log_values, cases[i].rest);

  const char *no_array = ": the name ends in .npy, but the file is no NumPy array";
  check_vector_refused("v.npy", "", 0, false, no_array);
  check_vector_refused("v.npy", "1\n2\n3\n4\n5\n6\n7\n8\n9\n", 18, false, no_array);
  size_t size = npy(data, 1, "'<f8'", "(4,)", f8, 32);
  check_vector_refused("v.npy", data, 9, false, no_array);
  check_vector_refused("v.npy", data, 50, false,
                       ": the file is cut short: a header of 118 bytes is announced, 40 are there");
  /* Cut anywhere, it is refused. */
  for (size_t cut = 0; cut < size; cut++) {
    double *values;
    size_t n;
    test_bytes("v.npy", data, cut);
    ck_assert_int_eq(ms_vector_read(&values, &n, test_path("v.npy"), false, NULL), MS_BAD_INPUT);
  }
  memset(data + 10, 'x', 60);
  char *p = memmem(data, size, "'shape'", 7);
  if (p)
    *p = 'x';
  double *values;
  size_t n;
  ms_error err;
  test_bytes("v.npy", data, size);
  ck_assert_int_eq(ms_vector_read(&values, &n, test_path("v.npy"), false, &err), MS_BAD_INPUT);
  ck_assert_ptr_nonnull(strstr(err.message, "has no 'descr'"));
}
END_TEST

/* Columns 1 ... of the 3 x 100 matrix whose element (i, j) is 1000 i + j. */
static void check_columns(const char *what, const char *data, size_t size) {
  double out[3 * 100];
  size_t rows, cols;
  ms_error err = {0};
  const char *path = test_bytes("Z.npy", data, size);
  ck_assert_msg(ms_npy_shape(path, &rows, &cols, &err) == MS_OK, "%s", err.message);
  ck_assert(rows == 3 && cols == 100);
  for (size_t first = 0; first < 100; first += 9)
    for (size_t count = 1; first + count <= 100; count += 30) {
      ck_assert_msg(ms_npy_columns(path, first, count, out, &err) == MS_OK, "%s", err.message);
      for (size_t k = 0; k < 3 * count; k++)
        ck_assert_msg(out[k] == (double)(1000 * (k % 3) + first + k / 3), "%s: %zu + %zu: %g", what,
                      first, k, out[k]);
    }
}

START_TEST(matrix_npy) {
  static double by_rows[300], by_columns[300];
  static float short_rows[300];
  static char data[4096];
  for (size_t k = 0; k < 300; k++) {
    by_rows[k] = (double)(1000 * (k / 100) + k % 100);
    short_rows[k] = (float)by_rows[k];
    by_columns[k] = (double)(1000 * (k % 3) + k / 3);
  }
  check_columns("rows", data, npy(data, 1, "'<f8'", "(3, 100)", by_rows, sizeof by_rows));
  check_columns("columns", data, npy(data, 2, "'<f8'", "F(3, 100)", by_columns, sizeof by_columns));
  check_columns("float32", data, npy(data, 1, "'<f4'", "(3, 100)", short_rows, sizeof short_rows));
  ms_error err = {0};
  by_rows[2 * 100 + 41] = NAN;
  const char *path =
      test_bytes("Z.npy", data, npy(data, 1, "'<f8'", "(3, 100)", by_rows, sizeof by_rows));
  double out[300];
  ck_assert_int_eq(ms_npy_columns(path, 0, 41, out, &err), MS_OK); /* not among these */
  ck_assert_int_eq(ms_npy_columns(path, 0, 42, out, &err), MS_BAD_INPUT);
  check_error(&err, MS_BAD_INPUT, "Z.npy", ": 'nan' in row 3, column 42 is not a finite number");
}
END_TEST

START_TEST(matrix_npy_refused) {
  static const double f8[6] = {0};
  char data[1024];
  static const struct {
    const char *shape;
    size_t size;
    const char *rest;
  } cases[] = {
      {"(6,)", 48,
       ": an array of shape '(6,)'; allowed is two dimensions, '(n, d)' with n > 0 and d > 0"},
      {"(2, 3, 1)", 48,
       ": an array of shape '(2, 3, 1)'; allowed is two dimensions, '(n, d)' with n > 0 and d > 0"},
      {"(2, 0)", 0,
       ": an array of shape '(2, 0)'; allowed is two dimensions, '(n, d)' with n > 0 and d > 0"},
      {"(2, 3)", 40,
       ": 40 bytes of data; shape '(2, 3)' and type '<f8' need 6 times 8 (the file is cut short)"},
      {"(4611686018427387904, 4)", 48,
       ": 48 bytes of data; shape '(4611686018427387904, 4)' and type '<f8' need 0 times 8"},
  };
  size_t rows, cols;
  ms_error err = {0};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    const char *path =
        test_bytes("Z.npy", data, npy(data, 1, "'<f8'", cases[i].shape, f8, cases[i].size));
    ck_assert_int_eq(ms_npy_shape(path, &rows, &cols, &err), MS_BAD_INPUT);
    check_error(&err, MS_BAD_INPUT, "Z.npy", cases[i].rest);
  }
  size_t size = npy(data, 1, "'<f8'", "(2, 3)", f8, sizeof f8);
  for (size_t cut = 0; cut < size; cut++)
    ck_assert_int_eq(ms_npy_shape(test_bytes("Z.npy", data, cut), &rows, &cols, NULL),
                     MS_BAD_INPUT);
  ck_assert_int_eq(ms_npy_shape(test_path("none.npy"), &rows, &cols, &err), MS_BAD_INPUT);
  check_error(&err, MS_BAD_INPUT, "none.npy", ": cannot be read: No such file or directory");
}
END_TEST

/* ---- Writing -------------------------------------------------------------------------------- */

START_TEST(npy_in_pieces) {
  const double values[] = {0.1, -2, 3e200, NAN, 5};
  ms_writer w;
  ck_assert_int_eq(ms_writer_open(&w, test_folder(), "x.npy", NULL), MS_OK);
  ms_npy_begin(w.file, 5);
  ms_npy_add(w.file, values, 2);
  ms_npy_add(w.file, values + 2, 3);
  ck_assert_int_eq(ms_writer_commit(&w, NULL), MS_OK);
  char wanted[256], *data;
  size_t size, length = npy(wanted, 1, "'<f8'", "(5,)", values, sizeof values);
  data = get("x.npy", &size);
  ck_assert_uint_eq(size, length);
  ck_assert_mem_eq(data, wanted, length);
  free(data);
}
END_TEST

START_TEST(writer_commits) {
  ms_writer w;
  ms_error err = {0};
  test_bytes("out.txt", "old", 3);
  mode_t before = umask(027);
  ck_assert_int_eq(ms_writer_open(&w, test_folder(), "out.txt", &err), MS_OK);
  umask(before);
  fputs("new text", w.file);
  ck_assert_uint_eq(test_entries(test_folder()), 2);
  size_t size;
  char *data = get("out.txt", &size);
  ck_assert_uint_eq(size, 3); /* still the old file */
  free(data);
  ck_assert_int_eq(ms_writer_commit(&w, &err), MS_OK);
  ck_assert_uint_eq(test_entries(test_folder()), 1);
  data = get("out.txt", &size);
  ck_assert_uint_eq(size, 8);
  ck_assert_mem_eq(data, "new text", 8);
  free(data);
  struct stat st;
  ck_assert_int_eq(stat(test_path("out.txt"), &st), 0);
  ck_assert_int_eq(st.st_mode & 0777, 0640);
  ms_writer_abort(&w);
  ck_assert_uint_eq(test_entries(test_folder()), 1);
  ck_assert_int_eq(err.status, MS_OK);
}
END_TEST

START_TEST(writer_aborts) {
  ms_writer w = {0};
  ms_writer_abort(&w);
  ck_assert_int_eq(ms_writer_open(&w, test_folder(), "out.txt", NULL), MS_OK);
  fputs("text", w.file);
  ms_writer_abort(&w);
  ck_assert_uint_eq(test_entries(test_folder()), 0);
  ms_writer_abort(&w);
}
END_TEST

START_TEST(writer_fails) {
  ms_writer w;
  ms_error err = {0};
  char dir[1024];
  snprintf(dir, sizeof dir, "%s/none", test_folder());
  ck_assert_int_eq(ms_writer_open(&w, dir, "out.txt", &err), MS_CANNOT_WRITE);
  check_error(&err, MS_CANNOT_WRITE, "none/out.txt",
              ": cannot be written: No such file or directory");
  ck_assert(!w.file && !w.path && !w.beside);
  ms_writer_abort(&w);

  test_bytes("file", "x", 1);
  snprintf(dir, sizeof dir, "%s/file", test_folder());
  ck_assert_int_eq(ms_writer_open(&w, dir, "out.txt", &err), MS_CANNOT_WRITE);
  check_error(&err, MS_CANNOT_WRITE, "file/out.txt", ": cannot be written: Not a directory");

  /* A folder without write permission, which root has to step down to notice. */
  bool root = geteuid() == 0;
  ck_assert_int_eq(chmod(test_folder(), 0555), 0);
  if (root)
    ck_assert_int_eq(seteuid(65534), 0);
  ms_status status = ms_writer_open(&w, test_folder(), "out.txt", &err);
  if (root)
    ck_assert_int_eq(seteuid(0), 0);
  ck_assert_int_eq(chmod(test_folder(), 0700), 0);
  ck_assert_int_eq(status, MS_CANNOT_WRITE);
  check_error(&err, MS_CANNOT_WRITE, "out.txt", ": cannot be written: Permission denied");

  /* The name is taken by a folder. */
  ck_assert_int_eq(mkdir(test_path("out.txt"), 0777), 0);
  ck_assert_int_eq(ms_writer_open(&w, test_folder(), "out.txt", &err), MS_OK);
  fputs("text", w.file);
  ck_assert_int_eq(ms_writer_commit(&w, &err), MS_CANNOT_WRITE);
  check_error(&err, MS_CANNOT_WRITE, "out.txt", ": cannot be written: Is a directory");
  ms_writer_abort(&w);
  ck_assert_uint_eq(test_entries(test_folder()), 2); /* "file" and the folder */
}
END_TEST

/* Runs `with` where no file may grow beyond a few bytes. */
static void limited(void (*with)(void)) {
  struct rlimit before, small;
  ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
  small = before;
  small.rlim_cur = 100;
  void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
  int set = setrlimit(RLIMIT_FSIZE, &small); /* Check itself writes files, so no asserts here */
  if (set == 0)
    with();
  setrlimit(RLIMIT_FSIZE, &before);
  signal(SIGXFSZ, handler);
  ck_assert_int_eq(set, 0);
}

static ms_status limited_status;
static ms_error limited_error;

static void write_little(void) {
  ms_writer w;
  ms_writer_open(&w, test_folder(), "out.txt", NULL);
  for (int i = 0; i < 200; i++)
    fputs("x", w.file);
  limited_status = ms_writer_commit(&w, &limited_error);
}

static void write_much(void) {
  ms_writer w;
  ms_writer_open(&w, test_folder(), "out.txt", NULL);
  for (int i = 0; i < 100000; i++)
    fputs("x", w.file);
  limited_status = ms_writer_commit(&w, &limited_error);
}

static void write_block(void) {
  static const char block[100000];
  ms_writer w;
  ms_writer_open(&w, test_folder(), "out.txt", NULL);
  fwrite(block, 1, sizeof block, w.file);
  limited_status = ms_writer_commit(&w, &limited_error);
}

static void write_npz(void) {
  const double values[100] = {0};
  const ms_array a = {"a", 100, 0, values, 0, false};
  limited_status = ms_npz_write(test_folder(), "out.npz", &a, 1, &limited_error);
}

START_TEST(disk_full) {
  limited(write_little);
  ck_assert_int_eq(limited_status, MS_CANNOT_WRITE);
  check_error(&limited_error, MS_CANNOT_WRITE, "out.txt", ": cannot be written: File too large");
  limited(write_much);
  ck_assert_int_eq(limited_status, MS_CANNOT_WRITE);
  check_error(&limited_error, MS_CANNOT_WRITE, "out.txt", ": cannot be written: File too large");
  limited(write_block);
  ck_assert_int_eq(limited_status, MS_CANNOT_WRITE);
  check_error(&limited_error, MS_CANNOT_WRITE, "out.txt", ": cannot be written: File too large");
  limited(write_npz);
  ck_assert_int_eq(limited_status, MS_CANNOT_WRITE);
  check_error(&limited_error, MS_CANNOT_WRITE, "out.npz", ": cannot be written: File too large");
  ck_assert_uint_eq(test_entries(test_folder()), 0);
}
END_TEST

static const double numbers[] = {1.5, -2, 3e-300, 4, 5, 6};
static const ms_array arrays[] = {{"w", 6, 0, numbers, 0, false},
                                  {"X", 2, 3, numbers, 0, false},
                                  {"none", 0, 0, numbers, 0, false}};

START_TEST(npz_bytes) {
  ms_error err = {0};
  setenv("TZ", "UTC", 1);
  ck_assert_int_eq(ms_npz_write(test_folder(), "a.npz", arrays, 3, &err), MS_OK);
  setenv("TZ", "Asia/Tokyo", 1);
  mode_t before = umask(077);
  ck_assert_int_eq(ms_npz_write(test_folder(), "b.npz", arrays, 3, &err), MS_OK);
  umask(before);
  unsetenv("TZ");
  ck_assert_uint_eq(test_entries(test_folder()), 2);
  size_t size, again;
  char *a = get("a.npz", &size), *b = get("b.npz", &again);
  ck_assert_uint_eq(size, again);
  ck_assert_mem_eq(a, b, size);
  /* The date in the first local header is 1980-01-01 00:00. */
  ck_assert_mem_eq(a + 10, "\0\0\x21\0", 4);
  free(a);
  free(b);
}
END_TEST

START_TEST(npz_contents) {
  const char *const shapes[] = {"(6,)", "(2, 3)", "(0,)"};
  ck_assert_int_eq(ms_npz_write(test_folder(), "a.npz", arrays, 3, NULL), MS_OK);
  zip_t *zip = zip_open(test_path("a.npz"), ZIP_RDONLY | ZIP_CHECKCONS, NULL);
  ck_assert_ptr_nonnull(zip);
  ck_assert_int_eq(zip_get_num_entries(zip, 0), 3);
  for (zip_uint64_t i = 0; i < 3; i++) {
    zip_stat_t st;
    char name[32], header[128], data[512];
    ck_assert_int_eq(zip_stat_index(zip, i, 0, &st), 0);
    snprintf(name, sizeof name, "%s.npy", arrays[i].name);
    ck_assert_str_eq(st.name, name);
    ck_assert_int_eq(st.comp_method, ZIP_CM_STORE);
    size_t cells = arrays[i].rows * (arrays[i].cols ? arrays[i].cols : 1);
    ck_assert_uint_eq(st.size, 128 + 8 * cells);
    zip_file_t *file = zip_fopen_index(zip, i, 0);
    ck_assert_int_eq(zip_fread(file, data, sizeof data), (zip_int64_t)st.size);
    ck_assert_int_eq(zip_fclose(file), 0);
    ck_assert_mem_eq(data, "\x93NUMPY\1\0\x76\0", 10);
    snprintf(header, sizeof header, "{'descr': '<f8', 'fortran_order': False, 'shape': %s, }",
             shapes[i]);
    size_t length = strlen(header);
    ck_assert_mem_eq(data + 10, header, length);
    ck_assert_uint_eq(strspn(data + 10 + length, " "), 128 - 10 - length - 1);
    ck_assert_int_eq(data[127], '\n');
    if (cells)
      ck_assert_mem_eq(data + 128, numbers, 8 * cells);
    /* What is written as a vector is read as one. */
    if (arrays[i].cols == 0 && cells)
      test_bytes("w.npy", data, (size_t)st.size);
  }
  ck_assert_int_eq(zip_close(zip), 0);
  double *values;
  size_t n;
  ck_assert_int_eq(ms_vector_read(&values, &n, test_path("w.npy"), false, NULL), MS_OK);
  ck_assert_uint_eq(n, 6);
  ck_assert_mem_eq(values, numbers, sizeof numbers);
  free(values);
}
END_TEST

START_TEST(npz_fails) {
  ms_error err = {0};
  char dir[1024];
  snprintf(dir, sizeof dir, "%s/none", test_folder());
  ck_assert_int_eq(ms_npz_write(dir, "a.npz", arrays, 3, &err), MS_CANNOT_WRITE);
  check_error(&err, MS_CANNOT_WRITE, "none/a.npz",
              ": cannot be written: No such file or directory");
  const ms_array twice[] = {arrays[0], arrays[0]};
  ck_assert_int_eq(ms_npz_write(test_folder(), "a.npz", twice, 2, &err), MS_CANNOT_WRITE);
  check_error(&err, MS_CANNOT_WRITE, "a.npz", ": cannot be written: File already exists");
  ck_assert_int_eq(ms_npz_write(test_folder(), "a.npz", NULL, 0, &err), MS_CANNOT_WRITE);
  ck_assert_uint_eq(test_entries(test_folder()), 0);
}
END_TEST

Suite *text_suite(void) {
  Suite *suite = suite_create("text");

  TCase *base = tcase_create("base");
  tcase_add_test(base, real_accepts);
  tcase_add_test(base, real_rejects);
  tcase_add_test(base, log_accepts);
  tcase_add_test(base, log_of_long_text);
  tcase_add_test(base, log_rejects);
  tcase_add_test(base, real_text);
  tcase_add_test(base, decimal_comma);
  tcase_add_test(base, errors);
  tcase_add_test(base, arithmetic);
  tcase_add_test(base, visible);
  suite_add_tcase(suite, base);

  TCase *files = tcase_create("files");
  tcase_add_checked_fixture(files, NULL, test_clean);
  tcase_set_timeout(files, 60);
  tcase_add_test(files, table_shapes);
  tcase_add_test(files, table_names);
  tcase_add_test(files, table_refuses);
  tcase_add_test(files, table_not_there);
  tcase_add_test(files, table_large);
  tcase_add_test(files, vector_text);
  tcase_add_test(files, vector_npy);
  tcase_add_test(files, vector_npy_refused);
  tcase_add_test(files, matrix_npy);
  tcase_add_test(files, matrix_npy_refused);
  tcase_add_test(files, npy_in_pieces);
  tcase_add_test(files, writer_commits);
  tcase_add_test(files, writer_aborts);
  tcase_add_test(files, writer_fails);
  tcase_add_test(files, disk_full);
  tcase_add_test(files, npz_bytes);
  tcase_add_test(files, npz_contents);
  tcase_add_test(files, npz_fails);
  suite_add_tcase(suite, files);
  return suite;
}
