/* Messages between the processes of mpirun. The first of them gathers results, see src/pool.c. */
#include "pool.h"
#include <stdlib.h>

#ifdef MS_MPI
#include <limits.h>
#include <mpi.h>
#include <string.h>
#include <time.h>

/* On its way: MPI_Send would spin until the other side looks, on the core of a worker. */
typedef struct parcel {
  struct parcel *next;
  MPI_Request request;
  char bytes[];
} parcel;
static parcel *parcels;

static void drop_sent(void) {
  for (parcel **at = &parcels, *p; (p = *at);) {
    int sent = 0;
    MPI_Test(&p->request, &sent, MPI_STATUS_IGNORE);
    if (sent) {
      *at = p->next;
      free(p);
    } else {
      at = &p->next;
    }
  }
}

/* What mpirun or srun tell each process. */
static size_t told(const char *const *names, size_t otherwise) {
  double value;
  for (; *names; names++)
    if (getenv(*names) && ms_parse_real(getenv(*names), &value) && value >= 0)
      return (size_t)value;
  return otherwise;
}

size_t ms_rank(void) {
  static const char *const names[] = {"OMPI_COMM_WORLD_RANK", "PMI_RANK", "PMIX_RANK", NULL};
  return told(names, 0);
}

size_t ms_ranks(void) {
  static const char *const names[] = {"OMPI_COMM_WORLD_SIZE", "PMI_SIZE", NULL};
  return told(names, 1);
}

void ms_lines_open(ms_lines *lines) {
  int rank = 0, size = 1, already = 0;
  MPI_Initialized(&already);
  if (!already)
    MPI_Init(NULL, NULL);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  *lines = (ms_lines){(size_t)rank, (size_t)size, 0};
}

/* The others end with an empty message: none still waits to get rid of a large one. */
void ms_lines_close(ms_lines *lines) {
  const struct timespec pause = {.tv_nsec = 1000000};
  size_t rank, size;
  if (lines->rank > 0)
    ms_lines_send(0, "", 0);
  while (parcels || (lines->rank == 0 && lines->gone + 1 < lines->size)) {
    free(ms_lines_take(lines, &rank, &size)); /* of jobs that were given up */
    nanosleep(&pause, NULL);
  }
  MPI_Finalize();
  *lines = (ms_lines){0, 1, 0};
}

void ms_lines_send(size_t rank, const void *bytes, size_t size) {
  parcel *p = malloc(sizeof *p + size);
  if (!p || size > INT_MAX) /* rather than to lose a result */
    MPI_Abort(MPI_COMM_WORLD, EXIT_FAILURE);
  memcpy(p->bytes, bytes, size);
  p->next = parcels;
  parcels = p;
  MPI_Isend(p->bytes, (int)size, MPI_BYTE, (int)rank, 0, MPI_COMM_WORLD, &p->request);
}

void *ms_lines_take(ms_lines *lines, size_t *rank, size_t *size) {
  int there = 0, count = 0;
  MPI_Status status;
  drop_sent();
  MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &there, &status);
  if (!there)
    return NULL;
  MPI_Get_count(&status, MPI_BYTE, &count);
  *rank = (size_t)status.MPI_SOURCE;
  *size = (size_t)count;
  void *bytes = malloc(*size + 1);
  if (bytes)
    MPI_Recv(bytes, count, MPI_BYTE, status.MPI_SOURCE, status.MPI_TAG, MPI_COMM_WORLD, &status);
  if (bytes && count == 0) {
    lines->gone++;
    free(bytes);
    bytes = NULL;
  }
  return bytes;
}

#else

size_t ms_rank(void) {
  return 0;
}

size_t ms_ranks(void) {
  return 1;
}

void ms_lines_open(ms_lines *lines) {
  *lines = (ms_lines){0, 1, 0};
}

void ms_lines_close(ms_lines *lines) {
  (void)lines;
}

void ms_lines_send(size_t rank, const void *bytes, size_t size) {
  (void)rank, (void)bytes, (void)size;
}

void *ms_lines_take(ms_lines *lines, size_t *rank, size_t *size) {
  (void)lines, (void)rank, (void)size;
  return NULL;
}
#endif
