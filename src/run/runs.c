/* Many runs at once, each in a worker process. */
#include "parallel/pool.h"
#include "run/run.h"
#include <stdlib.h>
#include <string.h>

typedef struct runs {
  const ms_config *const *configs;
  const ms_runs_options *options;
} runs;

/* Workers are forks: what is static lies at the same address in all. */
static ms_status run_one(void *ctx, size_t i, FILE *out, ms_error *err) {
  const runs *r = ctx;
  ms_run *run;
  ms_summary entry;
  ms_status status = ms_run_whole(&run, r->configs[i], NULL, err);
  size_t entries = 0, count = 0;
  double *values = NULL;
  while (run && ms_run_summary_at(run, entries, &entry))
    entries++;
  if (run && r->options->collect &&
      !(values = r->options->collect(r->options->ctx, i, run, &count)))
    status = ms_no_memory(err);
  fwrite(&entries, sizeof entries, 1, out);
  fwrite(&count, sizeof count, 1, out);
  if (values)
    fwrite(values, sizeof *values, count, out);
  for (size_t k = 0; k < entries && ms_run_summary_at(run, k, &entry); k++) {
    ms_summary clean; /* padding is sent too: 0, not what lay there */
    memset(&clean, 0, sizeof clean);
    clean.key = entry.key;
    clean.help = entry.help;
    clean.text = entry.text;
    clean.value = entry.value;
    clean.whole = entry.whole;
    fwrite(&clean, sizeof clean, 1, out);
  }
  for (size_t k = 0; k < entries && ms_run_summary_at(run, k, &entry); k++)
    if (entry.text)
      fwrite(entry.text, strlen(entry.text) + 1, 1, out);
  free(values);
  ms_run_free(run);
  return status;
}

static ms_status run_done(void *ctx, size_t i, ms_status status, const ms_error *why,
                          const void *bytes, size_t size, ms_error *err) {
  const runs *r = ctx;
  ms_result result = {.status = status, .message = status < 0 ? why->message : ""};
  ms_summary *summary = NULL;
  if (size > 0) {
    const size_t *head = bytes;
    const double *values = (const void *)(head + 2);
    const ms_summary *sent = (const void *)(values + head[1]);
    const char *text = (const char *)(sent + head[0]);
    if (!(summary = malloc((head[0] + 1) * sizeof *summary)))
      return ms_no_memory(err);
    memcpy(summary, sent, head[0] * sizeof *summary);
    for (size_t k = 0; k < head[0]; k++)
      if (summary[k].text) {
        summary[k].text = text;
        text += strlen(text) + 1;
      }
    result = (ms_result){status, result.message, head[0], summary, head[1], values};
  }
  ms_status going = r->options->done(r->options->ctx, i, &result, err);
  free(summary);
  return going;
}

ms_status ms_runs(const ms_config *const *configs, size_t count, const ms_runs_options *options,
                  ms_error *err) {
  runs r = {configs, options};
  ms_pool pool = {.count = count,
                  .workers = options->workers,
                  .ctx = &r,
                  .work = run_one,
                  .done = run_done,
                  .interrupt = options->interrupt};
  return ms_pool_run(&pool, err);
}
