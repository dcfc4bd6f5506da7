/* Messages between the processes of mpirun. The first of them gathers results, see src/pool.c. */
#include "pool.h"
#include <stdlib.h>

#ifdef MS_MPI
#include <limits.h>
#include <mpi.h>

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
  *lines = (ms_lines){(size_t)rank, (size_t)size};
}

void ms_lines_close(ms_lines *lines) {
  size_t rank, size;
  for (void *late; (late = ms_lines_take(&rank, &size));) /* of jobs that were given up */
    free(late);
  MPI_Finalize();
  *lines = (ms_lines){0, 1};
}

void ms_lines_send(size_t rank, const void *bytes, size_t size) {
  if (size <= INT_MAX)
    MPI_Send(bytes, (int)size, MPI_BYTE, (int)rank, 0, MPI_COMM_WORLD);
}

void *ms_lines_take(size_t *rank, size_t *size) {
  int there = 0, count = 0;
  MPI_Status status;
  MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, MPI_COMM_WORLD, &there, &status);
  if (!there)
    return NULL;
  MPI_Get_count(&status, MPI_BYTE, &count);
  *rank = (size_t)status.MPI_SOURCE;
  *size = (size_t)count;
  void *bytes = malloc(*size + 1);
  if (bytes)
    MPI_Recv(bytes, count, MPI_BYTE, status.MPI_SOURCE, status.MPI_TAG, MPI_COMM_WORLD, &status);
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
  *lines = (ms_lines){0, 1};
}

void ms_lines_close(ms_lines *lines) {
  (void)lines;
}

void ms_lines_send(size_t rank, const void *bytes, size_t size) {
  (void)rank, (void)bytes, (void)size;
}

void *ms_lines_take(size_t *rank, size_t *size) {
  (void)rank, (void)size;
  return NULL;
}
#endif
