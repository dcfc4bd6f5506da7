/* reading.h, arrays.h and the readers below them: the same 6 samples of 3 features from every kind
 * of file, and what is said of them. */
#include "linalg/svmlight.h"
#include "problem/problem.h"
#include "tests.h"
#include "text/text.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>
#include <zlib.h>

enum { N = 6, D = 3 };

static const double y[N] = {0.549, 1.093, 1.044, -1.334, 0.163, 1.611};
static const double Z[N][D] = {{0.001, 0.299, -0.274}, {-0.891, -0.455, -0.992},
                               {0.06, 1.34, -0.492},   {-0.62, 0.49, 0.357},
                               {0.105, -0.93, -0.029}, {0.695, -1.344, -0.458}};

static ms_problem *read_problem(const char *const *settings) {
  ms_problem *p = NULL;
  ms_error err = {0};
  ms_config *cfg = test_config(settings);
  ms_status status = ms_problem_new(&p, cfg, &err);
  ck_assert_msg(status == MS_OK, "%s", err.message);
  ms_config_free(cfg);
  return p;
}

static void refused(const char *const *settings, const char *says) {
  ms_problem *p = NULL;
  ms_error err = {0};
  ms_config *cfg = test_config(settings);
  ck_assert_int_lt(ms_problem_new(&p, cfg, &err), 0);
  ck_assert_msg(strstr(err.message, says) != NULL, "%s; expected %s", err.message, says);
  ms_config_free(cfg);
}

/* Z and y as above, to the bit: all are decimal numbers or doubles. */
static void check_problem(const ms_problem *p, const char *what) {
  ck_assert_uint_eq(p->Z->n, N);
  ck_assert_uint_eq(p->Z->d, D);
  double column[N];
  for (size_t j = 0; j < D; j++) {
    ms_matrix_column(p->Z, j, column);
    for (size_t i = 0; i < N; i++)
      ck_assert_msg(column[i] == Z[i][j], "%s: Z[%zu][%zu] = %g", what, i, j, column[i]);
  }
  for (size_t i = 0; i < N; i++)
    ck_assert_msg(p->y[i] == y[i], "%s: y[%zu] = %g", what, i, p->y[i]);
}

/* ---- Tables --------------------------------------------------------------------------------- */

/* The samples as text: `names` is the beginning of the header, where each row has a name of its own
 * `row`, with its number. */
static char *table_text(const char *header, const char *row, char separator, char decimal,
                        const char *line_end) {
  char *text = calloc(1, 2000), *at = text;
  at += sprintf(at, "%s%s", header, line_end);
  for (size_t i = 0; i < N; i++) {
    if (*row)
      at += sprintf(at, row, i + 1, separator);
    at += sprintf(at, "%g%c%g%c%g%c%g%s", y[i], separator, Z[i][0], separator, Z[i][1], separator,
                  Z[i][2], line_end);
  }
  for (at = strstr(text, line_end); *at; at++)
    if (*at == '.')
      *at = decimal;
  return test_keep(text);
}

static const struct {
  const char *what, *header, *row;
  char separator, decimal;
  const char *line_end, *setting, *other;
} tables[] = {
    {"plain", "y,age,bmi,bp", "", ',', '.', "\n", "", ""},
    {"plain, told", "y,age,bmi,bp", "", ',', '.', "\n", "separator=,", "decimal=point"},
    {"semicolons", "y;age;bmi;bp", "", ';', '.', "\n", "", ""},
    {"CRLF", "\"y\";\"age\";\"bmi\";\"bp\"", "", ';', '.', "\r\n", "", ""},
    {"tabs", "y\tage\tbmi\tbp", "", '\t', '.', "\n", "", ""},
    {"decimal commas", "y;age;bmi;bp", "", ';', ',', "\n", "", ""},
    {"decimal commas by tabs", "y\tage\tbmi\tbp", "", '\t', ',', "\r\n", "", ""},
    {"commas in names", "y;age, years;bmi;bp", "", ';', ',', "\n", "", ""},
    {"Excel's first line", "sep=;\ny;age;bmi;bp", "", ';', ',', "\n", "", ""},
    {"told", "y;age;bmi;bp", "", ';', ',', "\n", "separator=semicolon", "decimal=comma"},
    {"told by sign", "y\tage\tbmi\tbp", "", '\t', ',', "\n", "separator=\t", "decimal=,"},
    {"bars", "y|age|bmi|bp", "", '|', '.', "\n", "separator=|", ""},
    {"blanks", "y age bmi bp", "", ' ', '.', "\n", "", ""},
    {"pandas", ",y,age,bmi,bp", "%zu%c", ',', '.', "\n", "", ""},
    {"pandas by tabs", "\ty\tage\tbmi\tbp", "%zu%c", '\t', '.', "\n", "", ""},
    {"pandas, names are numbers", ",0,1,2,3", "%zu%c", ',', '.', "\n", "", ""},
    {"write.csv", "\"\",\"y\",\"age\",\"bmi\",\"bp\"", "\"s%zu\"%c", ',', '.', "\n", "", ""},
    {"write.csv2", "\"\";\"y\";\"age\";\"bmi\";\"bp\"", "\"s%zu\"%c", ';', ',', "\n", "", ""},
    {"write.table", "\"y\" \"age\" \"bmi\" \"bp\"", "\"%zu\"%c", ' ', '.', "\n", "", ""},
    {"write.table, commas", "y,age,bmi,bp", "s%zu%c", ',', '.', "\n", "", ""},
};

START_TEST(tables_of_every_kind) {
  for (size_t k = 0; k < sizeof tables / sizeof *tables; k++) {
    char *text = table_text(tables[k].header, tables[k].row, tables[k].separator, tables[k].decimal,
                            tables[k].line_end);
    const char *data = test_text("data=%s", test_file("t.csv", text)), *setting = tables[k].setting,
               *other = tables[k].other;
    const char *const settings[] = {data, *setting ? setting : NULL, *other ? other : NULL, NULL};
    ms_problem *p = read_problem(settings);
    check_problem(p, tables[k].what);
    const ms_reading *r = &p->reading;
    ck_assert_msg(*r->separator == tables[k].separator, "%s: %s", tables[k].what, r->separator);
    ck_assert_msg(*r->decimal == tables[k].decimal, "%s: %s", tables[k].what, r->decimal);
    ck_assert_msg(r->row_names == (*tables[k].row != 0), "%s", tables[k].what);
    ck_assert_int_eq(r->note[0] != NULL, r->row_names);
    ck_assert_str_eq(r->chosen, "first column");
    ck_assert_msg(!strchr(r->target, '"') && *r->target, "%s: %s", tables[k].what, r->target);
    ms_problem_free(p);
  }
}
END_TEST

/* A table with one separator is read the same whatever the others would make of it. */
START_TEST(commas_come_first) {
  ms_table table;
  ms_error err;
  const char *path = test_file("t.csv", "a;b,c d,e\tf\n1,2,3\n4,5,6\n");
  ck_assert_int_eq(ms_table_read(&table, path, &err), MS_OK);
  ck_assert_uint_eq(table.cols, 3);
  ck_assert_str_eq(table.names[0], "a;b");
  ck_assert_int_eq(table.separator, ',');
  ms_table_free(&table);
  path = test_file("t.csv", "only one\n1\n2\n");
  ck_assert_int_eq(ms_table_read(&table, path, &err), MS_OK);
  ck_assert_uint_eq(table.cols, 1);
  ms_table_free(&table);
}
END_TEST

START_TEST(bad_tables) {
  static const struct {
    const char *text, *setting, *says;
  } cases[] = {
      {"y;a\n1,5;2\n2.5;3\n", "",
       ":3:1: '2.5' is not a number (column \"y\"); the decimal sign of "
       "this file is a comma"},
      {"y;a\n1.5;2\n2;3,5\n", "",
       ":3:3: '3,5' is not a number (column \"a\"); the decimal sign of "
       "this file is a point"},
      {"y;a\n1;2\n2;3\n", "separator=comma", ":2:1: '1;2' is not a number (column \"y;a\")"},
      {"y;a\n1.5;2\n", "decimal=comma",
       ":2:1: '1.5' is not a number (column \"y\"); the decimal "
       "sign of this file is a comma"},
      {"y;a\n1;x\n", "", ":2:3: 'x' is not a number (column \"a\")"},
      {"y;a\n\"1\"x;2\n1;2\n", "separator=;",
       ":2:4: 'x' follows a closing quote; only a semicolon or a new line may"},
      {"y,a\n\"1,500\",2\n", "",
       ":2:1: '1,500' is not a number (column \"y\")"}, /* of thousands? */
      {"y;a\n1;2\n", "separator=/", "--separator: '/' is not allowed; it takes comma, semicolon"},
      {"y;a\n1;2\n", "decimal=;", "--decimal: ';' is not allowed; it takes point or comma"},
  };
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    const char *data = test_text("data=%s", test_file("t.csv", cases[k].text));
    const char *const settings[] = {data, *cases[k].setting ? cases[k].setting : NULL, NULL};
    refused(settings, cases[k].says);
  }
  refused(WITH("separator=tab"), "--separator: goes with --data FILE.csv only");
  refused(WITH("decimal=comma"), "--decimal: goes with --data FILE.csv only");
}
END_TEST

/* ---- Compressed files ----------------------------------------------------------------------- */

static const char *zipped(const char *name, const void *data, size_t size) {
  const char *path = test_path(name);
  gzFile file = gzopen(path, "wb");
  ck_assert_ptr_nonnull(file);
  ck_assert_int_eq(gzwrite(file, data, (unsigned)size), (int)size);
  ck_assert_int_eq(gzclose(file), Z_OK);
  return path;
}

START_TEST(compressed) {
  char *text = table_text("y;age;bmi;bp", "", ';', ',', "\n");
  const char *path = zipped("t.csv.gz", text, strlen(text));
  ms_problem *p = read_problem(WITH(test_text("data=%s", path)));
  check_problem(p, "gzip");
  ms_problem_free(p);
  size_t size;
  char *bytes = test_read(path, &size);
  bytes[size / 2] ^= 0x55;
  refused(WITH(test_text("data=%s", test_bytes("t.csv.gz", bytes, size))), "gzip data are damaged");
  refused(WITH(test_text("data=%s", test_bytes("t.csv.gz", bytes, 40))), "gzip data are damaged");
  free(bytes);
}
END_TEST

/* ---- What is no text ------------------------------------------------------------------------ */

START_TEST(named_for_what_they_are) {
  static const struct {
    const char *bytes;
    size_t size;
    const char *says;
  } cases[] = {
#define FILE_OF(bytes) bytes, sizeof bytes - 1
      {FILE_OF("\xFF\xFEy\0,\0a\0\n\0001\0,\0002\0\n\0"), ": is UTF-16 text; save it as UTF-8"},
      {FILE_OF("\xFE\xFF\0y\0,\0a\0\n"), ": is UTF-16 text; save it as UTF-8"},
      {FILE_OF("y\0,\0a\0\n\0001\0,\0002\0\n\0"), ": is UTF-16 text; save it as UTF-8"},
      {FILE_OF("\xFF\xFE\0\0y\0\0\0"), ": is UTF-32 text; save it as UTF-8"},
      {FILE_OF("PK\3\4\24\0\0\0"), ": is a zip archive; "},
      {FILE_OF("\xD0\xCF\x11\xE0\xA1\xB1\x1A\xE1"), ": is an old Excel workbook; save the sheet"},
      {FILE_OF("\x89HDF\r\n\x1A\n"), ": is an HDF5 file; "},
      {FILE_OF("PAR1\x15\4\x15"), ": is a Parquet file; "},
      {FILE_OF("\x80\4\x95\0\0"), ": is a Python pickle; "},
      {FILE_OF("RDX3\nX\n\0\0"), ": is an R data file; "},
      {FILE_OF("BZh91AY&SY"), ": is compressed by bzip2; "},
      {FILE_OF("%%MatrixMarket matrix array real general\n"), ": is a Matrix Market file; give it"},
      {FILE_OF("\x93NUMPY\1\0"), ": is a NumPy array; give it the ending .npy"},
      {FILE_OF("<!DOCTYPE html>\n"), ": is a web page; "},
      {FILE_OF("y,a\n1,\0"), ":2:3: a NUL byte; the file must be plain text (UTF-8)"},
#undef FILE_OF
  };
  static const char *const names[] = {"f.csv", "f.svm", "f.txt"};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) {
    for (size_t i = 0; i < 2; i++)
      refused(WITH(test_text("data=%s", test_bytes(names[i], cases[k].bytes, cases[k].size))),
              cases[k].says);
    double *values;
    size_t n;
    ms_error err;
    const char *path = test_bytes(names[2], cases[k].bytes, cases[k].size);
    ck_assert_int_eq(ms_vector_read(&values, &n, path, false, &err), MS_BAD_INPUT);
  }
  refused(WITH(test_text("data=%s", test_bytes("f.mtx", "\xFF\xFE%\0%\0M\0", 8)), "target=y.txt"),
          ": is UTF-16 text; save it as UTF-8");
}
END_TEST

/* ---- NumPy ---------------------------------------------------------------------------------- */

/* A .npy file in `out`; its size. */
static size_t npy(char *out, int version, const char *descr, const char *shape, const void *data,
                  size_t size) {
  char header[256];
  size_t before = version == 1 ? 10 : 12;
  int length = snprintf(header, sizeof header,
                        "{'descr': '%s', 'fortran_order': False, 'shape': %s, }", descr, shape);
  size_t total = (before + (size_t)length + 1 + 63) / 64 * 64, announced = total - before;
  memset(out, ' ', total);
  memcpy(out, "\x93NUMPY", 6);
  memcpy(out + 6, (char[]){(char)version, 0, (char)announced, 0, 0, 0}, before - 6);
  memcpy(out + before, header, (size_t)length);
  out[total - 1] = '\n';
  memcpy(out + total, data, size);
  return total + size;
}

/* What NumPy writes for each type, as bytes in the order given; np.array([...], descr).tobytes().
 */
static const struct {
  const char *descr, *name;
  size_t size, count;
  const char *bytes;
  double values[8];
} types[] = {
    {"|b1", "bool", 1, 4, "\0\1\1\0", {0, 1, 1, 0}},
    {"|i1", "int8", 1, 4, "\0\x7F\x80\xFF", {0, 127, -128, -1}},
    {"|u1", "uint8", 1, 4, "\0\x7F\x80\xFF", {0, 127, 128, 255}},
    {"<i2", "int16", 2, 3, "\1\0\0\x80\xFE\xFF", {1, -32768, -2}},
    {">i2", "int16, big-endian", 2, 3, "\0\1\x80\0\xFF\xFE", {1, -32768, -2}},
    {"<u2", "uint16", 2, 3, "\1\0\0\x80\xFE\xFF", {1, 32768, 65534}},
    {"<i4", "int32", 4, 2, "\x15\xCD\x5B\7\xFF\xFF\xFF\xFF", {123456789, -1}},
    {">i4", "int32, big-endian", 4, 2, "\7\x5B\xCD\x15\xFF\xFF\xFF\xFF", {123456789, -1}},
    {"<u4", "uint32", 4, 2, "\x15\xCD\x5B\7\xFF\xFF\xFF\xFF", {123456789, 4294967295.0}},
    {"<i8", "int64", 8, 2, "\1\0\0\0\0\0\0\0\xFE\xFF\xFF\xFF\xFF\xFF\xFF\xFF", {1, -2}},
    {">i8", "int64, big-endian", 8, 1, "\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE", {-2}},
    {"<u8", "uint64", 8, 2, "\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x80", {1, 9223372036854775808.0}},
    {"<f2",
     "float16",
     2,
     7,
     "\0\x3C\0\xC0\0\x38\xFF\x7B\1\0\0\4\0\x80",
     {1, -2, 0.5, 65504, 0x1p-24, 0x1p-14, 0}},
    {">f2", "float16, big-endian", 2, 3, "\x3C\0\xC0\0\x35\x55", {1, -2, 0.333251953125}},
    {"<f4", "float32", 4, 2, "\0\0\x80\x3F\0\0\x20\xC0", {1, -2.5}},
    {">f4", "float32, big-endian", 4, 2, "\x3F\x80\0\0\xC0\x20\0\0", {1, -2.5}},
    {"<f8", "float64", 8, 1, "\x9A\x99\x99\x99\x99\x99\xB9\x3F", {0.1}},
    {">f8", "float64, big-endian", 8, 1, "\x3F\xB9\x99\x99\x99\x99\x99\x9A", {0.1}},
    {"=f8", "float64", 8, 1, "\x9A\x99\x99\x99\x99\x99\xB9\x3F", {0.1}},
};

START_TEST(npy_of_every_type) {
  static const char *const shapes[] = {"(%zu,)", "(%zu, 1)", "(1, %zu)", "(%zuL,)"};
  char data[1024];
  for (size_t k = 0; k < sizeof types / sizeof *types; k++)
    for (size_t s = 0; s < 4; s++)
      for (int version = 1; version <= 3; version++) {
        double *values;
        size_t n, count = types[k].count;
        ms_error err = {0};
        size_t size = npy(data, version, types[k].descr, test_text(shapes[s], count),
                          types[k].bytes, count * types[k].size);
        const char *path = test_bytes("v.npy", data, size);
        ck_assert_msg(ms_vector_read(&values, &n, path, false, &err) == MS_OK, "%s", err.message);
        ck_assert_uint_eq(n, count);
        for (size_t i = 0; i < n; i++)
          ck_assert_msg(values[i] == types[k].values[i], "%s: %g", types[k].descr, values[i]);
        ck_assert_str_eq(ms_npy_dtype(path).text, types[k].name);
        free(values);
        double column[8];
        size = npy(data, version, types[k].descr, test_text("(%zu, 1)", count), types[k].bytes,
                   count * types[k].size);
        path = s % 2 ? zipped("m.npy", data, size) : test_bytes("m.npy", data, size);
        ck_assert_int_eq(ms_npy_columns(path, 0, 1, column, &err), MS_OK);
        for (size_t i = 0; i < count; i++)
          ck_assert(column[i] == types[k].values[i]);
      }
}
END_TEST

static void npy_problem(char *out_Z, size_t *size_Z, char *out_y, size_t *size_y) {
  *size_Z = npy(out_Z, 1, "<f8", "(6, 3)", Z, sizeof Z);
  *size_y = npy(out_y, 3, "<f8", "(6, 1)", y, sizeof y);
}

START_TEST(npy_files) {
  char data[1024], target[1024];
  size_t size, size_y;
  npy_problem(data, &size, target, &size_y);
  const char *set_y = test_text("target=%s", test_bytes("y.npy", target, size_y));
  ms_problem *p = read_problem(WITH(test_text("data=%s", test_bytes("Z.npy", data, size)), set_y));
  check_problem(p, "npy");
  ck_assert_str_eq(p->reading.dtype, "float64");
  ck_assert_str_eq(p->reading.chosen, "--target");
  ms_problem_free(p);
  p = read_problem(WITH(test_text("data=%s", zipped("Z.npy.gz", data, size)), set_y));
  check_problem(p, "npy.gz");
  ms_problem_free(p);
  refused(WITH(test_text("data=%s", test_path("Z.npy")), set_y, "separator=,"),
          "--separator: goes with CSV files only");
  refused(WITH(test_text("data=%s", test_path("Z.npy"))), "--target names a file with y");
}
END_TEST

/* An .npz as NumPy writes it, compressed; arrays Z, `named` (y) and where given one more. */
static const char *npz(const char *named, const char *more) {
  static char data[1024], target[1024];
  size_t size, size_y;
  npy_problem(data, &size, target, &size_y);
  const char *path = test_path("both.npz");
  unlink(path);
  zip_t *zip = zip_open(path, ZIP_CREATE, NULL);
  ck_assert_ptr_nonnull(zip);
  zip_file_add(zip, "Z.npy", zip_source_buffer(zip, data, size, 0), 0);
  zip_file_add(zip, test_text("%s.npy", named), zip_source_buffer(zip, target, size_y, 0), 0);
  if (more)
    zip_file_add(zip, test_text("%s.npy", more), zip_source_buffer(zip, target, size_y, 0), 0);
  ck_assert_int_eq(zip_close(zip), 0);
  return test_text("data=%s", path);
}

START_TEST(npz_files) {
  ms_problem *p = read_problem(WITH(npz("y", NULL)));
  check_problem(p, "npz");
  ck_assert_str_eq(p->reading.target, "y");
  ck_assert_str_eq(p->reading.dtype, "float64");
  ck_assert_ptr_null(p->reading.note[0]);
  ms_problem_free(p);
  p = read_problem(WITH(npz("y", "Z_test")));
  check_problem(p, "npz with more");
  ck_assert_ptr_nonnull(strstr(p->reading.note[0], "only Z and y are read, not Z_test"));
  ms_problem_free(p);
  p = read_problem(WITH(npz("labels", NULL), "target=labels"));
  check_problem(p, "npz with a target");
  ck_assert_str_eq(p->reading.chosen, "--target");
  ms_problem_free(p);
  refused(WITH(npz("labels", NULL)), "has no array 'y'; it holds: Z, labels");
  refused(WITH(npz("labels", NULL), "target=label"), "did you mean 'labels'?");
  refused(WITH(test_text("data=%s", test_file("both.npz", "y,a\n1,2\n"))), "is no NumPy archive");
  refused(WITH(test_text("data=%s", test_path("none.npz"))),
          "none.npz: cannot be read: No such file or directory");
}
END_TEST

/* ---- svmlight ------------------------------------------------------------------------------- */

START_TEST(svmlight_files) {
  char text[1000] = "# written by hand\n", *at = text + strlen(text);
  for (size_t i = 0; i < N; i++)
    at += sprintf(at, "%.17g%s 1:%.17g 2:%.17g\t3:%.17g%s\n", y[i], i == 1 ? " qid:7" : "", Z[i][0],
                  Z[i][1], Z[i][2], i == 2 ? " # the third\r" : "");
  static const char *const names[] = {"f.svm", "f.svmlight", "f.libsvm"};
  for (size_t k = 0; k < 4; k++) {
    const char *path = k < 3 ? test_file(names[k], text) : zipped("f.svm.gz", text, strlen(text));
    ms_problem *p = read_problem(WITH(test_text("data=%s", path)));
    ck_assert_ptr_null(p->Z->values); /* sparse */
    check_problem(p, path);
    ck_assert_str_eq(p->reading.chosen, "labels of the file");
    ms_problem_free(p);
  }
  refused(WITH(test_text("data=%s", test_path("f.svm")), "target=y"),
          "--target: does not go with a file of svmlight: its labels are the target");
  refused(WITH(test_text("data=%s", test_path("f.svm")), "standardize=on"), "are not sparse");
  static const struct {
    const char *text, *says;
  } cases[] = {{"", ": no samples in the file"},
               {"1\n-1\n", ": no features in the file"},
               {"x 1:2\n", ":1:1: the label 'x' is not a finite number"},
               {"1,2 1:2\n", ":1:1: the label '1,2' is not a finite number"},
               {"1 1:2\n1 0:1\n", ":2:3: index 0; the first feature has the index 1"},
               {"1 2:1 1:1\n", ":1:7: index 1 comes after 2; indices of a line ascend"},
               {"1 2:1 2:1\n", ":1:7: index 2 comes after 2"},
               {"1 a:1\n", ":1:3: 'a' is not an index"},
               {"1 99999999999:1\n", ":1:3: '99999999999' is not an index"},
               {"1 2\n", ":1:3: '2' is not INDEX:VALUE"},
               {"1 2:\n", ":1:5: '' is not a finite number"},
               {"1 2:nan\n", ":1:5: 'nan' is not a finite number"}};
  for (size_t k = 0; k < sizeof cases / sizeof *cases; k++)
    refused(WITH(test_text("data=%s", test_file("f.svm", cases[k].text))), cases[k].says);
}
END_TEST

/* ---- Matrix Market -------------------------------------------------------------------------- */

START_TEST(mtx_files) {
  char text[1000] = "%%MatrixMarket matrix array real general\n6 3\n", *at = text + strlen(text);
  for (size_t j = 0; j < D; j++)
    for (size_t i = 0; i < N; i++)
      at += sprintf(at, "%.17g\n", Z[i][j]);
  char target[500] = "%%MatrixMarket matrix array real general\n6 1\n";
  at = target + strlen(target);
  for (size_t i = 0; i < N; i++)
    at += sprintf(at, "%.17g\n", y[i]);
  const char *set_y = test_text("target=%s", test_file("y.mtx", target));
  ms_problem *p = read_problem(WITH(test_text("data=%s", test_file("Z.mtx", text)), set_y));
  check_problem(p, "mtx");
  ms_problem_free(p);
  p = read_problem(WITH(test_text("data=%s", zipped("Z.mtx.gz", text, strlen(text))), set_y));
  check_problem(p, "mtx.gz");
  ms_problem_free(p);
  refused(WITH(test_text("data=%s", test_path("Z.mtx")),
               test_text("target=%s", test_file("y.mtx", text))),
          "y.mtx: a matrix of 6 x 3; y is one column");
}
END_TEST

/* ---- What is said --------------------------------------------------------------------------- */

static const char *summary_text(const ms_run *run, const char *key) {
  ms_summary entry;
  for (size_t i = 0; ms_run_summary_at(run, i, &entry); i++)
    if (strcmp(entry.key, key) == 0)
      return test_text("%s", entry.text ? entry.text : "");
  return NULL;
}

START_TEST(said) {
  char *text = table_text(";y;age;bmi;bp", "r%zu%c", ';', ',', "\n");
  const char *data = test_text("data=%s", test_file("t.csv", text));
  ms_run *run = test_whole("diag", WITH(data, "wd-schedule=none"));
  ck_assert_str_eq(summary_text(run, "target"), "y");
  ck_assert_str_eq(summary_text(run, "target_chosen"), "first column");
  ck_assert_str_eq(summary_text(run, "separator"), ";");
  ck_assert_str_eq(summary_text(run, "decimal"), ",");
  ck_assert_str_eq(summary_text(run, "row_names"), "first column");
  ck_assert_ptr_null(summary_text(run, "dtype"));
  ck_assert_ptr_nonnull(strstr(ms_run_note(run, 0), "names of rows"));
  size_t d, size;
  const double *x = ms_run_x(run, &d);
  for (size_t j = 0; j < D; j++) /* y = Z (1, 0, -2) */
    ck_assert(fabs(x[j] - (double[]){1, 0, -2}[j]) <= 1e-6);
  ms_error err;
  ck_assert_int_eq(ms_run_write(run, test_path("out"), &err), MS_OK);
  ms_run_free(run);
  char *ini = test_read(test_path("out/config.ini"), &size);
  ck_assert_ptr_nonnull(strstr(ini, "\n# target = y (the first column)\n"));
  ck_assert_ptr_nonnull(strstr(ini, "\n# separator = \";\" (as the file shows)\n"));
  ck_assert_ptr_nonnull(strstr(ini, "\n# decimal = , (as the file shows)\n"));
  free(ini);

  run = test_whole("diag", WITH("n=5", "d=8"));
  ck_assert_ptr_null(summary_text(run, "target"));
  char *json = ms_run_json(run, false);
  ck_assert_ptr_nonnull(strstr(json, "\"target\": null"));
  ck_assert_ptr_nonnull(strstr(json, "\"separator\": null"));
  free(json);
  ms_run_free(run);
}
END_TEST

/* The schedule step from a file is the schedule step. */
START_TEST(jump_of_a_schedule) {
  const char *file = test_text("wd-file=%s", test_file("knots.csv", ",t,alpha\n0,0,0.3\n1,5,0.3\n"
                                                                    "2,5,0\n"));
  const char *const common[] = {"n=5", "d=8", "t-end=40", "wd=1", "points=9", NULL};
  ms_run *from_file = test_whole("diag", test_join(common, WITH("wd-schedule=file", file))),
         *step =
             test_whole("diag", test_join(common, WITH("wd-schedule=step", "wd=0.3", "wd-off=5")));
  size_t d;
  const double *x = ms_run_x(from_file, &d), *other = ms_run_x(step, &d);
  ck_assert_double_eq(ms_run_summary(from_file, "dose"), 1.5);
  ck_assert(test_distance(d, x, other) <= 1e-7);
  ck_assert(ms_run_summary(from_file, "gf_mf_gap") <= 1e-5);
  ck_assert_ptr_nonnull(strstr(ms_run_note(from_file, 0), "names of rows"));
  ms_run_free(from_file);
  ms_run_free(step);
}
END_TEST

/* y in a file of its own has its full name in config.ini, as Z has: a rerun starts anywhere. */
START_TEST(rerun_elsewhere) {
  char data[1024], target[1024], here[4096];
  size_t size, size_y;
  npy_problem(data, &size, target, &size_y);
  test_bytes("Z.npy", data, size);
  test_bytes("y.npy", target, size_y);
  ck_assert_ptr_nonnull(getcwd(here, sizeof here));
  const char *out = test_text("%s/config.ini", test_path("out"));
  ck_assert_int_eq(chdir(test_folder()), 0);
  ms_run *run = test_whole("diag", WITH("data=Z.npy", "target=y.npy", "wd-schedule=none"));
  ck_assert_int_eq(ms_run_write(run, "out", NULL), MS_OK);
  ms_run_free(run);
  ck_assert_int_eq(chdir(here), 0);
  ms_config *cfg = ms_config_new();
  ms_error err = {0};
  ck_assert_msg(ms_config_read(cfg, out, &err) == MS_OK, "%s", err.message);
  ck_assert_msg(ms_run_new(&run, cfg, &err) == MS_OK, "%s", err.message);
  ms_run_free(run);
  ms_config_free(cfg);
}
END_TEST

START_TEST(constant_columns_are_named) {
  const char *data =
      test_text("data=%s", test_file("t.csv", "y,one,a,two\n1,1,0.5,7\n2,1,-1,7\n0.3,1,2,7\n"));
  ms_problem *p = read_problem(WITH(data, "standardize=on"));
  ck_assert_str_eq(
      p->reading.note[0],
      "2 constant columns (one, two) became 0 by --standardize and have no part in x.");
  ms_problem_free(p);
  p = read_problem(WITH(data));
  ck_assert_ptr_null(p->reading.note[0]);
  ms_problem_free(p);
  data = test_text("data=%s", test_file("t.csv", "y,a\n1,0.5\n1,-1\n1,2\n"));
  p = read_problem(WITH(data, "standardize=on"));
  ck_assert_str_eq(p->reading.note[0], "The target is constant: --standardize makes it 0.");
  ms_problem_free(p);
}
END_TEST

/* Names from files do not act on the terminal, nor break summary.json. */
START_TEST(names_that_act) {
  const char *data = test_text("data=%s", test_file("t.csv", "\x1b[31my\xE9,a\x1b]0;b\x07,a\xC2\x9B"
                                                             "1m\n1,2,3\n-1,2,5\n"));
  ms_run *run = test_whole("diag", WITH(data, "wd-schedule=none", "standardize=on"));
  ck_assert_str_eq(ms_run_note(run, 0), "1 constant column (a\\x1b]0;b\\x07) became 0 by "
                                        "--standardize and have no part in x.");
  char *json = ms_run_json(run, false);
  ck_assert_ptr_nonnull(strstr(json, "\"target\": \"\\\\x1b[31my\\\\xe9\""));
  free(json);
  ms_run_free(run);
  ms_error err;
  ms_problem *p;
  ms_config *cfg = test_config(WITH(data, "target=b\x1b[1m"));
  ck_assert_int_eq(ms_problem_new(&p, cfg, &err), MS_BAD_SETTING);
  ck_assert_ptr_nonnull(strstr(err.message, "'b\\x1b[1m' is no column of"));
  ck_assert_ptr_null(strchr(err.message, '\x1b'));
  ms_config_free(cfg);
}
END_TEST

Suite *reading_suite(void) {
  Suite *s = suite_create("reading");
  TCase *c = tcase_create("files");
  suite_add_tcase(s, c);
  tcase_set_timeout(c, 120);
  tcase_add_test(c, tables_of_every_kind);
  tcase_add_test(c, commas_come_first);
  tcase_add_test(c, bad_tables);
  tcase_add_test(c, compressed);
  tcase_add_test(c, named_for_what_they_are);
  tcase_add_test(c, npy_of_every_type);
  tcase_add_test(c, npy_files);
  tcase_add_test(c, npz_files);
  tcase_add_test(c, svmlight_files);
  tcase_add_test(c, mtx_files);
  c = tcase_create("said");
  suite_add_tcase(s, c);
  tcase_set_timeout(c, 120);
  tcase_add_test(c, said);
  tcase_add_test(c, jump_of_a_schedule);
  tcase_add_test(c, rerun_elsewhere);
  tcase_add_test(c, constant_columns_are_named);
  tcase_add_test(c, names_that_act);
  return s;
}
