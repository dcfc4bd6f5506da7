/* The pages in docs/: tables that every reader of Markdown shows as tables. */
#include "tests.h"
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOCS MS_DATA "/../docs"

/* Cells end at | but not at \|. */
static size_t cells_of(const char *line) {
  size_t count = 0;
  for (const char *at = line; *at; at++)
    count += *at == '|' && (at == line || at[-1] != '\\');
  return count;
}

static bool is_rule(const char *line) {
  return line[strspn(line, "|-: ")] == '\0' && strchr(line, '-');
}

/* All rows of a table have as many cells, and the second is a rule of dashes: a row behind an empty
 * line begins a table without one. */
static void check_tables(const char *name, char *text) {
  size_t number = 0, row = 0, cells = 0;
  bool code = false;
  for (char *line = text, *next; line; line = next) {
    next = strchr(line, '\n');
    if (next)
      *next++ = '\0';
    number++;
    if (strncmp(line, "```", 3) == 0)
      code = !code;
    if (code || *line != '|') {
      ck_assert_msg(row != 1, "%s:%zu: a row that belongs to no table", name, number - 1);
      row = 0;
      continue;
    }
    row++;
    if (row == 1)
      cells = cells_of(line);
    ck_assert_msg(row != 2 || is_rule(line), "%s:%zu: no rule below a table's head", name, number);
    ck_assert_msg(cells_of(line) == cells,
                  "%s:%zu: %zu bars, its table has %zu; | in a cell is \\|", name, number,
                  cells_of(line), cells);
  }
}

START_TEST(tables) {
  DIR *folder = opendir(DOCS);
  ck_assert_ptr_nonnull(folder);
  size_t pages = 0;
  for (struct dirent *e; (e = readdir(folder));) {
    size_t length = strlen(e->d_name), size;
    if (length < 3 || strcmp(e->d_name + length - 3, ".md") != 0)
      continue;
    char *text = test_read(test_text(DOCS "/%s", e->d_name), &size);
    ck_assert_ptr_nonnull(text);
    check_tables(e->d_name, text);
    free(text);
    pages++;
  }
  closedir(folder);
  ck_assert_uint_ge(pages, 5);
}
END_TEST

Suite *docs_suite(void) {
  Suite *suite = suite_create("docs");
  TCase *tc = tcase_create("pages");
  tcase_add_test(tc, tables);
  suite_add_tcase(suite, tc);
  return suite;
}
