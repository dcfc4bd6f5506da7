/* Little memory: OpenBLAS asks for a buffer of 128 MB for each of its threads, and asks again
 * without end where the system has none. So the room for them is looked at before its first call.
 */
#include "cli/cli.h"
#include <cblas.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

/* Bytes: of one buffer, and of what a small run takes besides. */
static const size_t BUFFER = (size_t)128 << 20, REST = (size_t)24 << 20;

static bool is_limited(int resource) {
  struct rlimit limit;
  return getrlimit(resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY;
}

/* Buffers that OpenBLAS has already: private memory of at least that size. */
static size_t buffers_held(void) {
  FILE *maps = fopen("/proc/self/maps", "r");
  char line[512], mode[8];
  unsigned long from, to, inode;
  size_t count = 0;
  while (maps && fgets(line, sizeof line, maps))
    if (sscanf(line, "%lx-%lx %7s %*s %*s %lu", &from, &to, mode, &inode) == 4 && inode == 0 &&
        strcmp(mode, "rw-p") == 0)
      count += (to - from) / BUFFER;
  if (maps)
    fclose(maps);
  return count;
}

/* Is there room for so many bytes more? */
static bool has_room(size_t size) {
  void *room = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return room != MAP_FAILED && munmap(room, size) == 0;
}

void cli_check_memory(void) {
  if (!is_limited(RLIMIT_AS) && !is_limited(RLIMIT_DATA))
    return;
  size_t wanted = (size_t)openblas_get_num_threads(), held = buffers_held();
  size_t missing = wanted > held ? wanted - held : 0;
  if (!has_room(missing * BUFFER + REST)) {
    fprintf(stderr,
            "mirrorsim: too little memory: OpenBLAS takes 128 MB of address space for each of its "
            "%zu threads, and ulimit -v (or -d) does not leave as much; raise it%s\n",
            wanted, wanted > 1 ? ", or set OPENBLAS_NUM_THREADS=1" : "");
    _exit(EXIT_FAILED); /* because exit() waits for OpenBLAS's threads, which wait for memory */
  }
  double one = 1; /* takes the buffer of this thread before anything else takes the room */
  cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, 1, 1, 1, &one, 1, 0, &(double){0}, 1);
}
