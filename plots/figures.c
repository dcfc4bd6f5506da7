/* Registers the figures of this folder; the build writes their list from plots/meson.build. */
#include "figure/figure.h"
#include "figure_list.h"
#include "registry.h"

#define X(token) extern const ms_figure ms_figure_##token;
/* cppcheck-suppress unknownMacro; the build writes the header that has it */
MS_FIGURES(X)
#undef X

static const char *list(size_t i, const char **summary) {
  const ms_figure *f = ms_figure_at(i);
  if (f && summary)
    *summary = f->title;
  return f ? f->name : NULL;
}

ms_status ms_figures_register(ms_error *err) {
#define X(token) &ms_figure_##token,
  static const ms_figure *const figures[] = {MS_FIGURES(X)};
#undef X
  ms_status status = ms_list_add("figures", list, err);
  for (size_t i = 0; i < sizeof figures / sizeof *figures && status == MS_OK; i++)
    status = ms_figure_register(figures[i], err);
  return status;
}
