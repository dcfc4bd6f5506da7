#include "cli/cli.h"
#include "figure/draw.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
    "usage: mirrorsim figure NAME... [--out DIR] [--quick] [--style screen|paper] "
    "[--format png,svg,pdf] [--set KEY=VALUE]; figure --all [--gallery DIR]";

enum { FIGURES_MAX = 128 };

typedef struct order {
  const char *names[FIGURES_MAX], *dir, *formats, *style, *gallery;
  char settings[1024];
  size_t count;
  bool all, quick;
} order;

static const char *figure_at(size_t i, void *context) {
  (void)context;
  return ms_list("figures", i, NULL);
}

static bool among(const char *name, const char *(*at)(size_t i, void *)) {
  for (size_t i = 0; at(i, NULL); i++)
    if (strcmp(at(i, NULL), name) == 0)
      return true;
  return false;
}

/* The value of option `name` at argv[*i], "--name=value" or "--name value"; NULL: not this one. */
static const char *value_of(const char *name, int argc, char **argv, int *i) {
  size_t length = strlen(name);
  if (strncmp(argv[*i], name, length) != 0)
    return NULL;
  if (argv[*i][length] == '=')
    return argv[*i] + length + 1;
  if (argv[*i][length])
    return NULL;
  return *i + 1 < argc ? argv[++*i] : "";
}

static const char *option_at(size_t i, void *context) {
  (void)context;
  static const char *const names[] = {"--out", "--style", "--format", "--quick", "--all", "--set"};
  return i < sizeof names / sizeof *names ? names[i] : NULL;
}

/* Adds "key=value" to the settings of all runs. */
static int add_setting(order *o, const char *text) {
  ms_error err;
  char key[64];
  size_t used = strlen(o->settings), room = sizeof o->settings - used;
  const char *value = strchr(text, '=');
  if (!value || strpbrk(text, "'|"))
    return cli_usage_error("--set: '%s' is not allowed; KEY=VALUE of a run is", text, NULL);
  snprintf(key, sizeof key, "%.*s", (int)(value - text), text);
  ms_config *cfg = ms_config_new();
  int code = cfg && ms_config_set(cfg, key, value + 1, "--set", &err) == MS_OK ? EXIT_SUCCESS
                                                                               : cli_complain(&err);
  ms_config_free(cfg);
  if (snprintf(o->settings + used, room, "%s='%s' ", key, value + 1) >= (int)room)
    return cli_usage_error("--set: '%s' is too much", text, NULL);
  return code;
}

static int parse(int argc, char **argv, order *o) {
  for (int i = 1; i < argc; i++) {
    const char **text = NULL, *value;
    if (strcmp(argv[i], "--all") == 0)
      o->all = true;
    else if (strcmp(argv[i], "--quick") == 0)
      o->quick = true;
    else if ((value = value_of("--out", argc, argv, &i)))
      *(text = &o->dir) = value;
    else if ((value = value_of("--gallery", argc, argv, &i)))
      *(text = &o->gallery) = value;
    else if ((value = value_of("--style", argc, argv, &i)))
      *(text = &o->style) = value;
    else if ((value = value_of("--format", argc, argv, &i)))
      *(text = &o->formats) = value;
    else if ((value = value_of("--set", argc, argv, &i))) {
      int code = add_setting(o, value);
      if (code != EXIT_SUCCESS)
        return code;
    } else if (argv[i][0] == '-')
      return cli_usage_error("figure: there is no option '%s'", argv[i],
                             ms_nearest(argv[i], option_at, NULL));
    else if (!among(argv[i], figure_at))
      return cli_usage_error("there is no figure '%s'", argv[i],
                             ms_nearest(argv[i], figure_at, NULL));
    else if (o->count < FIGURES_MAX)
      o->names[o->count++] = argv[i];
    if (text && !**text)
      return cli_usage_error("figure: %s: a value is missing", argv[i], NULL);
  }
  if (o->gallery) { /* of all figures, and GitHub shows PNG */
    o->all = true;
    o->formats = "png";
    o->style = NULL;
  }
  if (o->all) {
    o->count = 0;
    for (size_t i = 0; figure_at(i, NULL) && i < FIGURES_MAX; i++)
      o->names[o->count++] = figure_at(i, NULL);
  }
  if (o->count == 0)
    return cli_usage_error("figure: a name is missing (mirrorsim list figures); %s", usage, NULL);
  if (!o->formats)
    o->formats = o->style && strcmp(o->style, "paper") == 0 ? "pdf" : "png";
  return EXIT_SUCCESS;
}

static void show_progress(void *context, const char *figure, double part) {
  double *shown = context, now = cli_seconds();
  if (!isatty(STDERR_FILENO) || now - *shown < 0.2)
    return;
  *shown = now;
  fprintf(stderr, "\r%s: %3.0f %% ", figure, 100 * part);
  fflush(stderr);
}

/* Characters that a terminal shows for UTF-8 text. */
static int width_of(const char *text) {
  int width = 0;
  for (; *text; text++)
    width += ((unsigned char)*text & 0xC0) != 0x80;
  return width;
}

static void cell(const char *text, int width) {
  printf("%s%*s", text, width > width_of(text) ? width - width_of(text) : 0, "");
}

static int widest(int width, const char *text) {
  return width_of(text) > width ? width_of(text) : width;
}

/* The table of claims. */
static void print_claims(const ms_drawing *drawing) {
  static const char *const verdicts[] = {"NO", "yes", "(reported)"};
  ms_claim_row c;
  char expected[400];
  int text = 5, wanted = 8, found = 5;
  for (size_t i = 0; ms_drawing_claim(drawing, i, &c); i++) {
    snprintf(expected, sizeof expected, "%s (%s)", c.expected, c.source);
    text = widest(text, c.text);
    wanted = widest(wanted, expected);
    found = widest(found, c.found);
  }
  cell("claim", text + 2);
  cell("expected", wanted + 2);
  cell("found", found + 2);
  puts("holds");
  for (size_t i = 0; ms_drawing_claim(drawing, i, &c); i++) {
    snprintf(expected, sizeof expected, "%s (%s)", c.expected, c.source);
    cell(c.text, text + 2);
    cell(expected, wanted + 2);
    cell(c.found, found + 2);
    puts(verdicts[c.verdict]);
  }
}

/* ---- The gallery: a page with every figure ---- */

/* Makes a file anew, so that what a link of this name points to stays as it is. */
static FILE *fopen_new(const char *path) {
  if (remove(path) != 0 && errno != ENOENT)
    return NULL;
  return fopen(path, "wbx");
}

static bool copy_file(const char *from, const char *to) {
  char buffer[1 << 16];
  FILE *in = fopen(from, "rb"), *out = in ? fopen_new(to) : NULL;
  bool good = out != NULL;
  for (size_t got; good && (got = fread(buffer, 1, sizeof buffer, in)) > 0;)
    good = fwrite(buffer, 1, got, out) == got;
  if (out && fclose(out) != 0)
    good = false;
  if (in)
    fclose(in);
  return good;
}

/* A cell of a table in Markdown. */
static void write_cell(FILE *page, const char *text) {
  fputs(" ", page);
  for (; *text; text++)
    fprintf(page, strchr("|<*_", *text) ? "\\%c" : "%c", *text);
  fputs(" |", page);
}

static void write_head(FILE *page) {
  fputs("# Gallery\n\nEvery figure, with what it claims and what its runs say. This page and its "
        "pictures are made by\n\n    mirrorsim figure --gallery docs\n",
        page);
}

/* The figure's section; its picture goes to DIR/pictures. */
static bool write_section(FILE *page, const order *o, const char *name, const ms_drawing *drawing) {
  static const char *const verdicts[] = {"**no**", "yes", "reported"};
  const char *source, *caption, *title = ms_figure_text(name, &source, &caption);
  char to[4200];
  ms_claim_row c;
  fprintf(page,
          "\n## %s\n\n![%s](pictures/%s.png)\n\n%s\n\n*Source:* %s. *Remake:* `mirrorsim figure "
          "%s`\n\n| claim | expected | source | found | holds |\n|---|---|---|---|---|\n",
          title, title, name, caption, source, name);
  for (size_t i = 0; ms_drawing_claim(drawing, i, &c); i++) {
    fputc('|', page);
    write_cell(page, c.text);
    write_cell(page, c.expected);
    write_cell(page, c.source);
    write_cell(page, c.found);
    fprintf(page, " %s |\n", verdicts[c.verdict]);
  }
  snprintf(to, sizeof to, "%s/pictures/%s.png", o->gallery, name);
  return ms_drawing_picture(drawing, 0) && copy_file(ms_drawing_picture(drawing, 0), to);
}

static int draw_one(const order *o, const char *name, const char *scripts, FILE *page) {
  char dir[4096];
  if (o->count == 1 && !o->all && o->dir)
    snprintf(dir, sizeof dir, "%s", o->dir);
  else
    snprintf(dir, sizeof dir, "%s/%s", o->dir ? o->dir : "figures", name);
  int refused = cli_check_folder(dir, CLI_FIGURE, name);
  if (refused)
    return refused;
  double shown = cli_seconds(), started = shown;
  ms_figure_options options = {.dir = dir,
                               .scripts = scripts,
                               .formats = o->formats,
                               .style = o->style,
                               .settings = *o->settings ? o->settings : NULL,
                               .quick = o->quick,
                               .interrupt = &cli_interrupted,
                               .progress = show_progress,
                               .context = &shown};
  ms_drawing *drawing;
  ms_error err;
  ms_status status = ms_figure_draw(&drawing, name, &options, &err);
  if (shown > started)
    fprintf(stderr, "\r%60s\r", "");
  if (status != MS_OK)
    cli_complain(&err);
  if (!drawing)
    return cli_exit_code(status);
  const char *source;
  printf("%s: %s\n", name, ms_figure_text(name, &source, NULL));
  printf("%s\n\n", source);
  print_claims(drawing);
  bool holds = ms_drawing_holds(drawing);
  char visible[4096];
  putchar('\n');
  for (size_t i = 0; ms_drawing_picture(drawing, i); i++)
    printf("drew %s\n", ms_visible(visible, sizeof visible, ms_drawing_picture(drawing, i)));
  bool written = !page || write_section(page, o, name, drawing);
  ms_drawing_free(drawing);
  if (!written) {
    fprintf(stderr, "mirrorsim: %s/pictures/%s.png cannot be written\n", o->gallery, name);
    return EXIT_FAILED;
  }
  return holds ? EXIT_SUCCESS : EXIT_CLAIM;
}

/* All figures of the order; page: the gallery's, or NULL. */
static int draw_all(const order *o, const char *scripts, FILE *page) {
  int code = EXIT_SUCCESS;
  for (size_t i = 0; i < o->count && code != EXIT_INTERRUPTED; i++) {
    if (i > 0)
      putchar('\n');
    int one = draw_one(o, o->names[i], scripts, page);
    code = one > code ? one : code;
    fflush(stdout);
  }
  return code;
}

static int draw_gallery(const order *o, const char *scripts) {
  char beside[4200], path[4200];
  ms_error err;
  snprintf(path, sizeof path, "%s/pictures", o->gallery);
  if (ms_folder_make(path, &err) != MS_OK) {
    cli_complain(&err);
    return EXIT_USAGE;
  }
  snprintf(beside, sizeof beside, "%s/.gallery.md", o->gallery);
  snprintf(path, sizeof path, "%s/gallery.md", o->gallery);
  FILE *page = fopen_new(beside);
  int code = EXIT_FAILED;
  if (page) {
    write_head(page);
    code = draw_all(o, scripts, page);
    bool good = !ferror(page);
    good = fclose(page) == 0 && good;
    if (code == EXIT_INTERRUPTED || code == EXIT_FAILED || !good)
      remove(beside);
    else if (rename(beside, path) == 0)
      return code;
  }
  if (code != EXIT_INTERRUPTED)
    fprintf(stderr, "mirrorsim: %s: was not written\n", path);
  return code ? code : EXIT_FAILED;
}

int cli_figure(int argc, char **argv) {
  order o = {.count = 0};
  int code = parse(argc, argv, &o);
  if (code != EXIT_SUCCESS)
    return code;
  char path[4096];
  const char *scripts = cli_find_scripts(path, sizeof path);
  if (!scripts)
    return EXIT_FAILED;
  cli_catch_interrupts();
  return o.gallery ? draw_gallery(&o, scripts) : draw_all(&o, scripts, NULL);
}
