/* The framework of figures: what a definition may rely on, and what is left behind. */
#include "figure/figure.h"
#include "tests.h"
#include <dirent.h>
#include <jansson.h>
#include <math.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* As test_read() has them. */
static char *contents(const char *name, size_t *size) {
  return test_read(test_path(name), size);
}

static ms_figure_options options(void) {
  return (ms_figure_options){.dir = test_folder(), .scripts = MS_PLOTS, .quick = true};
}

/* ---- The list ---- */

START_TEST(test_every_figure_says_what_it_is) {
  for (size_t i = 0; ms_figure_at(i); i++) {
    const ms_figure *f = ms_figure_at(i);
    char script[512];
    ck_assert_msg(*f->title && *f->source && strlen(f->caption) > 80, "%s", f->name);
    ck_assert(f->make != NULL);
    snprintf(script, sizeof script, "%s/%s.gp", MS_PLOTS, f->name);
    ck_assert_msg(access(script, R_OK) == 0, "%s is missing", script);
    for (size_t k = 0; k < i; k++)
      ck_assert_str_ne(f->name, ms_figure_at(k)->name);
    ck_assert_str_eq(ms_list("figures", i, NULL), f->name);
  }
}
END_TEST

START_TEST(test_unknown_names_are_answered_with_the_nearest) {
  ms_figure_options o = options();
  ms_drawing *f;
  ms_error err;
  ck_assert_int_eq(ms_figure_draw(&f, "surfce", &o, &err), MS_BAD_SETTING);
  ck_assert_msg(strstr(err.message, "did you mean 'surface'?") != NULL, "%s", err.message);
  ck_assert_ptr_null(f);
  o.style = "papr";
  ck_assert_int_eq(ms_figure_draw(&f, "surface", &o, &err), MS_BAD_SETTING);
  ck_assert_ptr_nonnull(strstr(err.message, "did you mean 'paper'?; allowed: screen, paper"));
  o.style = NULL;
  o.formats = "png,svgg";
  ck_assert_int_eq(ms_figure_draw(&f, "surface", &o, &err), MS_BAD_SETTING);
  ck_assert_ptr_nonnull(strstr(err.message, "did you mean 'svg'?"));
  o.formats = "gif";
  ck_assert_int_eq(ms_figure_draw(&f, "surface", &o, &err), MS_BAD_SETTING);
  ck_assert_ptr_nonnull(strstr(err.message, "does not move"));
  ck_assert_uint_eq(test_entries(test_folder()), 0);
}
END_TEST

/* ---- Claims ---- */

static double found = 1;

static void make_claims(ms_drawing *f) {
  ms_claim_near(f, "near", "here", 1, 0.5, found);
  ms_claim_below(f, "below", "here", 1, found);
  ms_claim_above(f, "above", "here", 1, found);
  ms_claim(f, "free", "here, \"quoted\"", "1", found == 1, "%g", found);
  ms_report(f, "reported", "there", "-", "%g", found);
}

static const ms_figure claims = {"claims",    "Claims", "this test", "All sorts of claims.",
                                 make_claims, false};

static int verdict_of(const ms_drawing *f, size_t i) {
  ms_claim_row row;
  ck_assert(ms_drawing_claim(f, i, &row));
  return (int)row.verdict;
}

START_TEST(test_claims_hold_or_fail) {
  const struct {
    double found;
    int near, below, above, free;
  } cases[] = {{1, MS_HOLDS, MS_HOLDS, MS_HOLDS, MS_HOLDS},
               {1.25, MS_HOLDS, MS_FAILS, MS_HOLDS, MS_FAILS},
               {0.25, MS_FAILS, MS_HOLDS, MS_FAILS, MS_FAILS},
               {NAN, MS_FAILS, MS_FAILS, MS_FAILS, MS_FAILS}};
  ms_figure_options o = options();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ms_drawing *f;
    ms_error err;
    found = cases[i].found;
    ck_assert_int_eq(ms_figure_make(&f, &claims, &o, &err), MS_OK);
    ck_assert_int_eq(verdict_of(f, 0), cases[i].near);
    ck_assert_int_eq(verdict_of(f, 1), cases[i].below);
    ck_assert_int_eq(verdict_of(f, 2), cases[i].above);
    ck_assert_int_eq(verdict_of(f, 3), cases[i].free);
    ck_assert_int_eq(verdict_of(f, 4), MS_REPORTED);
    ck_assert(ms_drawing_holds(f) == (i == 0));
    ck_assert(!ms_drawing_claim(f, 5, &(ms_claim_row){0}));
    ms_drawing_free(f);
    size_t size;
    char *text = contents("claims.json", &size);
    ck_assert_ptr_nonnull(text);
    json_t *root = json_loads(text, 0, NULL);
    ck_assert_ptr_nonnull(root);
    ck_assert(json_is_true(json_object_get(root, "holds")) == (i == 0));
    ck_assert_uint_eq(json_array_size(json_object_get(root, "claims")), 5);
    json_decref(root);
    free(text);
    text = contents("claims.csv", &size);
    ck_assert_ptr_nonnull(strstr(text, "\"here, \"\"quoted\"\"\""));
    free(text);
  }
}
END_TEST

/* ---- Curves and data ---- */

#define SMALL "n=6 d=10 sparsity=2 points=9|5 flow=mirror"

static double last_x[10], l1_end, gap;
static size_t points;

static void make_curves(ms_drawing *f) {
  ms_curve *first = ms_curve_add(f, "first", SMALL " seed=%d", 3);
  ms_curve *second = ms_curve_add(f, NULL, SMALL "  wd-schedule='none'\n init-scale=2");
  if (!ms_curves_run(f))
    return;
  ms_sheet *s = ms_sheet_new(f, "l1", "t,l1");
  for (size_t i = 0; i < first->points; i++)
    ms_row(s, ms_curve_at(first, i, "t"), ms_curve_at(first, i, "l1"));
  ms_sheet_gap(s);
  ms_row(s, 1, NAN);
  ms_figure_let(f, "answer", 42);
  memcpy(last_x, first->x, sizeof last_x);
  points = first->points;
  l1_end = ms_curve_end(first, "l1");
  gap = ms_curve_summary(first, "limit_gap");
  double sum = 0;
  for (size_t j = 0; j < 10; j++) {
    ck_assert_double_eq(ms_curve_x(first, points - 1)[j], first->x[j]);
    sum += fabs(first->x[j]);
  }
  ck_assert_double_eq_tol(sum, l1_end, 1e-12);
  ck_assert_double_eq(ms_curve_end(second, "dose"), 0);
  ck_assert(isnan(ms_curve_at(first, points, "l1")) && isnan(ms_curve_end(first, "l7")));
  ck_assert(isnan(ms_curve_summary(first, "nothing")));
}

static const ms_figure curves = {"curves", "Curves", "this test", "Two runs.", make_curves, false};

START_TEST(test_curves_are_the_runs_their_files_describe) {
  ms_figure_options o = options();
  ms_drawing *f;
  ms_error err;
  ck_assert_int_eq(ms_figure_make(&f, &curves, &o, &err), MS_OK);
  ms_drawing_free(f);
  ck_assert_double_lt(gap, 1e-6);

  char path[256];
  ms_run *run;
  ms_config *cfg = ms_config_new();
  snprintf(path, sizeof path, "%s/configs/first.ini", test_folder());
  ck_assert_int_eq(ms_config_read(cfg, path, &err), MS_OK);
  ck_assert_str_eq(ms_config_text(cfg, "points"), "5"); /* the quick size */
  ck_assert_int_eq(ms_run_new(&run, cfg, &err), MS_OK);
  ms_status status = MS_OK;
  size_t count = 0, d;
  for (; count < ms_run_points(run) && status == MS_OK; count++)
    status = ms_run_advance(run, count, &err);
  ck_assert_uint_eq(count, points);
  ck_assert_mem_eq(ms_run_x(run, &d), last_x, sizeof last_x);
  ms_run_free(run);
  ms_config_free(cfg);

  size_t size;
  char *text = contents("l1.csv", &size);
  ck_assert_int_eq(strncmp(text, "t,l1\n0,", 7), 0);
  ck_assert_str_eq(text + size - 5, "\n\n1,\n"); /* a gap; NaN is an empty field */
  free(text);
  text = contents("values.gp", &size);
  ck_assert_str_eq(text, "answer = 42\n");
  free(text);
}
END_TEST

START_TEST(test_settings_of_the_caller_win) {
  ms_figure_options o = options();
  ms_drawing *f;
  ms_error err;
  o.settings = "points=7 seed='4'";
  ck_assert_int_eq(ms_figure_make(&f, &curves, &o, &err), MS_OK);
  ms_drawing_free(f);
  size_t size;
  char *text = contents("configs/first.ini", &size);
  ck_assert_ptr_nonnull(strstr(text, "\npoints = 7\n"));
  ck_assert_ptr_nonnull(strstr(text, "\nseed = 4\n"));
  free(text);
}
END_TEST

static const char *bad_settings;

static void make_bad(ms_drawing *f) {
  ms_sheet *s = ms_sheet_new(f, "begun", "t");
  ms_row(s, 1);
  ms_curve_add(f, "bad", "%s", bad_settings);
  if (ms_curves_run(f))
    ck_abort_msg("%s went unnoticed", bad_settings);
}

static const ms_figure bad = {"bad", "Bad", "this test", "Fails.", make_bad, false};

START_TEST(test_what_fails_leaves_nothing) {
  const char *const cases[][2] = {{"nn=3", "'nn'"},
                                  {"n=-3", "-3"},
                                  {"points", "key=value"},
                                  {"max-steps=1 n=6 d=10", "figure bad: curve bad: "}};
  ms_figure_options o = options();
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ms_drawing *f;
    ms_error err;
    bad_settings = cases[i][0];
    ck_assert_int_lt(ms_figure_make(&f, &bad, &o, &err), 0);
    ck_assert_ptr_null(f);
    ck_assert_msg(strstr(err.message, cases[i][1]) != NULL, "%s", err.message);
    ck_assert_uint_eq(test_entries(test_folder()), 0);
  }
}
END_TEST

static void make_allowed(ms_drawing *f) {
  ms_curve *c = ms_curve_add(f, NULL, "max-steps=1 n=6 d=10");
  c->may_fail = true;
  ck_assert(ms_curves_run(f));
  ck_assert_int_eq(c->status, MS_STALLED);
  ck_assert_ptr_nonnull(strstr(c->message, "steps"));
}

static const ms_figure allowed = {"allowed",         "Allowed",    "this test",
                                  "A run may fail.", make_allowed, false};

START_TEST(test_a_run_may_fail_where_that_is_the_result) {
  ms_figure_options o = options();
  ms_drawing *f;
  ms_error err;
  ck_assert_int_eq(ms_figure_make(&f, &allowed, &o, &err), MS_OK);
  ms_drawing_free(f);
}
END_TEST

static volatile sig_atomic_t raised;

static void raise_it(void *context, const char *name, double part) {
  (void)context;
  (void)name;
  if (part > 0.4)
    raised = 1;
}

START_TEST(test_interrupted_leaves_nothing) {
  ms_figure_options o = options();
  o.interrupt = &raised;
  o.progress = raise_it;
  ms_drawing *f;
  ms_error err;
  ck_assert_int_eq(ms_figure_make(&f, &curves, &o, &err), MS_INTERRUPTED);
  ck_assert_ptr_null(f);
  ck_assert_uint_eq(test_entries(test_folder()), 0);
  raised = 0;
}
END_TEST

START_TEST(test_same_bytes_again) {
  static const char *const names[] = {"l1.csv", "claims.json", "configs/first.ini"};
  ms_figure_options o = options();
  char *before[3] = {NULL};
  size_t size[3];
  for (int round = 0; round < 2; round++) {
    ms_drawing *f;
    ms_error err;
    ck_assert_int_eq(ms_figure_make(&f, &curves, &o, &err), MS_OK);
    ms_drawing_free(f);
    for (size_t i = 0; i < 3; i++) {
      size_t now;
      char *text = contents(names[i], &now);
      if (round == 0) {
        before[i] = text;
        size[i] = now;
        continue;
      }
      ck_assert_uint_eq(now, size[i]);
      ck_assert_mem_eq(text, before[i], now);
      free(text);
      free(before[i]);
    }
  }
}
END_TEST

/* ---- The command ---- */

static int program(const char *arguments) {
  char command[512];
  snprintf(command, sizeof command, "\"$MIRRORSIM\" %s >%s/out 2>%s/err", arguments, test_folder(),
           test_folder());
  int status = system(command);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

START_TEST(test_exit_codes_of_the_command) {
  char arguments[256];
  size_t size;
  if (!getenv("MIRRORSIM"))
    return;
  snprintf(arguments, sizeof arguments, "figure landing --quick --out %s/good", test_folder());
  ck_assert_int_eq(program(arguments), 0);
  char *picture = contents("good/landing.png", &size);
  ck_assert(picture && size > 5000);
  free(picture);
  /* A tolerance that loose cannot bear the figure's claims out. */
  snprintf(arguments, sizeof arguments, "figure landing --quick --set rtol=0.05 --out %s/bad",
           test_folder());
  ck_assert_int_eq(program(arguments), 1);
  char *text = contents("out", &size);
  ck_assert_ptr_nonnull(strstr(text, " NO\n"));
  free(text);
  ck_assert_int_eq(program("figure landng"), 2);
  text = contents("err", &size);
  ck_assert_ptr_nonnull(strstr(text, "did you mean 'landing'?"));
  free(text);
  ck_assert_int_eq(program("figure"), 2);
  ck_assert_int_eq(program("figure landing --set rtol=no"), 2);
  ck_assert_int_eq(program("figure landing --format png,gif"), 2);
  ck_assert_int_eq(program("figure landing --out"), 2);
}
END_TEST

START_TEST(test_the_tour_runs_through) {
  size_t size;
  if (!getenv("MIRRORSIM"))
    return;
  ck_assert_int_eq(program("demo"), 0); /* not a terminal: no keys are waited for */
  char *text = contents("out", &size);
  ck_assert_ptr_nonnull(strstr(text, "x_j(t), the 8 that end largest"));
  ck_assert_ptr_nonnull(strstr(text, "truth_error"));
  ck_assert_ptr_nonnull(strstr(text, "6. Your turn"));
  free(text);
  ck_assert_int_eq(program("demo --fast"), 2);
  ck_assert_int_eq(program("demo --sixel"), 0);
  size_t pictures = 0;
  text = contents("out", &size);
  for (size_t i = 0; i + 1 < size; i++)
    pictures += text[i] == '\033' && text[i + 1] == 'P'; /* begins a sixel picture */
  ck_assert_uint_eq(pictures, 5);
  free(text);
}
END_TEST

/* At a terminal: on, back, and out. */
START_TEST(test_keys_step_through_the_tour) {
  int terminal, status;
  if (!getenv("MIRRORSIM"))
    return;
  pid_t child = forkpty(&terminal, NULL, NULL, NULL);
  if (child < 0) /* no /dev/pts here: nobody has a terminal */
    return;
  if (child == 0) {
    execl(getenv("MIRRORSIM"), "mirrorsim", "demo", (char *)NULL);
    _exit(127);
  }
  char *text = calloc(1, 1 << 20);
  ck_assert_ptr_nonnull(text);
  const char *keys = "x bq", *seen = text; /* x is no key */
  for (size_t size = 0; size < (1 << 20) - 1;) {
    ssize_t got = read(terminal, text + size, (1 << 20) - 1 - size);
    if (got <= 0)
      break;
    size += (size_t)got;
    for (const char *asks; *keys && (asks = strstr(seen, "q: quit]")); seen = asks + 1, keys++) {
      size_t count = *keys == 'x' ? 2 : 1;
      ck_assert_int_eq(write(terminal, keys, count), (ssize_t)count);
      keys += count - 1;
    }
  }
  ck_assert_int_eq(waitpid(child, &status, 0), child);
  ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  char *second = strstr(text, "2. Weight decay on");
  ck_assert_ptr_nonnull(second);
  ck_assert_ptr_nonnull(strstr(second, "1. Infinitely many"));
  ck_assert_ptr_null(strstr(text, "3. Why"));
  close(terminal);
  free(text);
}
END_TEST

Suite *figure_suite(void) {
  Suite *s = suite_create("figure");
  TCase *t = tcase_create("figure");
  tcase_add_checked_fixture(t, NULL, test_clean);
  tcase_set_timeout(t, 120);
  tcase_add_test(t, test_every_figure_says_what_it_is);
  tcase_add_test(t, test_unknown_names_are_answered_with_the_nearest);
  tcase_add_test(t, test_claims_hold_or_fail);
  tcase_add_test(t, test_curves_are_the_runs_their_files_describe);
  tcase_add_test(t, test_settings_of_the_caller_win);
  tcase_add_test(t, test_what_fails_leaves_nothing);
  tcase_add_test(t, test_a_run_may_fail_where_that_is_the_result);
  tcase_add_test(t, test_interrupted_leaves_nothing);
  tcase_add_test(t, test_same_bytes_again);
  tcase_add_test(t, test_exit_codes_of_the_command);
  tcase_add_test(t, test_the_tour_runs_through);
  tcase_add_test(t, test_keys_step_through_the_tour);
  suite_add_tcase(s, t);
  return s;
}
