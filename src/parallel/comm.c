/* Messages between the processes of mpirun: of sweeps, whose results the first of them gathers
 * (pool.c), and of one run that they make together (comm.h). */
#include "parallel/comm.h"
#include "parallel/pool.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef MS_MPI
#include <limits.h>
#include <mpi.h>
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

/* ---- One run made together ------------------------------------------------------------------- */

static struct {
  size_t rank, size;
  MPI_Comm meeting; /* apart from whatever messages are under way */
  MPI_Op most;
  double *room; /* of messages */
  size_t length;
  const volatile sig_atomic_t *flag;
  volatile sig_atomic_t agreed;
  unsigned check; /* of ms_all_same */
  bool apart;
} all = {.size = 1};

/* What goes with each sum. */
enum { NOT_HERE, FATAL, RAISED, CHECK, CHECK_SQUARED, EXTRAS };
enum { CHECK_BITS = 18 }; /* squares of 2^16 of them are exact */

static void most_of(void *in, void *inout, int *length, MPI_Datatype *type) {
  const double *a = in;
  double *b = inout;
  (void)type;
  for (int i = 0; i < *length; i++)
    b[i] = isnan(a[i]) || isnan(b[i]) ? NAN : fmax(a[i], b[i]);
}

size_t ms_ranks_join(void) {
  int rank, size, provided;
  if (all.size > 1 || ms_ranks() == 1)
    return all.size;
  MPI_Init_thread(NULL, NULL, MPI_THREAD_FUNNELED, &provided);
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  MPI_Comm_dup(MPI_COMM_WORLD, &all.meeting);
  MPI_Op_create(most_of, 1, &all.most);
  all.rank = (size_t)rank;
  all.size = (size_t)size;
  return all.size;
}

bool ms_ranks_meet(double patience) {
  MPI_Request request;
  int there = 0;
  if (all.size == 1)
    return true;
  MPI_Ibarrier(all.meeting, &request);
  for (double waited = 0; waited <= patience && !there; waited += 1e-3) {
    MPI_Test(&request, &there, MPI_STATUS_IGNORE);
    if (!there)
      nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
  }
  return there;
}

void ms_ranks_leave(void) {
  if (all.size == 1)
    return;
  ms_ranks_meet(INFINITY);
  MPI_Op_free(&all.most);
  MPI_Comm_free(&all.meeting);
  MPI_Finalize();
  free(all.room);
  all.room = NULL;
  all.length = all.rank = 0;
  all.size = 1;
}

void ms_ranks_abort(int code) {
  if (all.size > 1)
    MPI_Abort(MPI_COMM_WORLD, code);
}

size_t ms_all_size(void) {
  return all.size;
}

size_t ms_all_rank(void) {
  return all.rank;
}

/* Room for n numbers; there is no going on without. */
static double *room_for(size_t n) {
  if (n > all.length) {
    free(all.room);
    all.room = malloc(n * sizeof *all.room);
    all.length = n;
  }
  if (!all.room || n > INT_MAX)
    MPI_Abort(MPI_COMM_WORLD, 1);
  return all.room;
}

/* Equal checks have variance 0; all see the same sums, and so come to the same end. */
static bool differ(double sum, double squares) {
  uint64_t s = (uint64_t)sum;
  return (uint64_t)squares * all.size != s * s;
}

int ms_all_sum(double *v, size_t n, int status) {
  if (all.size == 1)
    return status;
  double *sums = room_for(n + EXTRAS), *extras = sums + n;
  memcpy(sums, v, n * sizeof *v);
  extras[NOT_HERE] = status > 0;
  extras[FATAL] = status < 0;
  extras[RAISED] = all.flag && *all.flag;
  extras[CHECK] = all.check;
  extras[CHECK_SQUARED] = (double)all.check * all.check;
  MPI_Allreduce(MPI_IN_PLACE, sums, (int)(n + EXTRAS), MPI_DOUBLE, MPI_SUM, MPI_COMM_WORLD);
  memcpy(v, sums, n * sizeof *v);
  all.check = 0;
  all.agreed |= extras[RAISED] > 0;
  all.apart |= differ(extras[CHECK], extras[CHECK_SQUARED]);
  return all.apart || extras[FATAL] > 0 ? -1 : extras[NOT_HERE] > 0;
}

double ms_all_max(double v) {
  if (all.size > 1)
    MPI_Allreduce(MPI_IN_PLACE, &v, 1, MPI_DOUBLE, all.most, MPI_COMM_WORLD);
  return v;
}

void ms_all_copy(double *v, size_t n) {
  if (all.size > 1)
    MPI_Bcast(v, (int)n, MPI_DOUBLE, 0, MPI_COMM_WORLD);
}

void ms_all_gather(const double *v, size_t n, double *whole, bool first) {
  int *count = calloc(all.size, sizeof *count), *at = calloc(all.size, sizeof *at), mine = (int)n;
  if (!count || !at)
    MPI_Abort(MPI_COMM_WORLD, 1);
  MPI_Allgather(&mine, 1, MPI_INT, count, 1, MPI_INT, MPI_COMM_WORLD);
  for (size_t r = 1; r < all.size; r++)
    at[r] = at[r - 1] + count[r - 1];
  if (first)
    MPI_Gatherv(v, mine, MPI_DOUBLE, whole, count, at, MPI_DOUBLE, 0, MPI_COMM_WORLD);
  else
    MPI_Allgatherv(v, mine, MPI_DOUBLE, whole, count, at, MPI_DOUBLE, MPI_COMM_WORLD);
  free(count);
  free(at);
}

void ms_all_hand(size_t from, size_t to, double *v, size_t count) {
  if (all.rank == from && from != to)
    MPI_Send(v, (int)count, MPI_DOUBLE, (int)to, 1, MPI_COMM_WORLD);
  if (all.rank == to && from != to)
    MPI_Recv(v, (int)count, MPI_DOUBLE, (int)from, 1, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
}

ms_status ms_all_agree(ms_status status, ms_error *err) {
  if (all.size == 1)
    return status;
  int failed[2] = {status < 0, status < 0 ? (int)(all.size - all.rank) : 0}, total;
  MPI_Allreduce(&failed[0], &total, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD);
  if (total == 0)
    return status;
  MPI_Allreduce(MPI_IN_PLACE, &failed[1], 1, MPI_INT, MPI_MAX, MPI_COMM_WORLD);
  size_t lowest = all.size - (size_t)failed[1];
  ms_error why = {0};
  if (err && all.rank == lowest)
    why = *err;
  MPI_Bcast(&why, sizeof why, MPI_BYTE, (int)lowest, MPI_COMM_WORLD);
  if ((size_t)total == all.size)
    return ms_fail_at(err, why.status, why.t, "%s", why.message);
  return ms_fail_at(err, why.status, why.t, "%s (process %zu of %zu)", why.message, lowest + 1,
                    all.size);
}

void ms_all_same(const double *v, size_t n) {
  uint64_t hash = all.check;
  for (size_t i = 0; i < n && all.size > 1; i++) {
    uint64_t bits;
    memcpy(&bits, &v[i], sizeof bits);
    hash = (hash ^ bits) * 0x9e3779b97f4a7c15U;
    hash ^= hash >> 29;
  }
  all.check = (unsigned)(hash & ((1U << CHECK_BITS) - 1));
}

bool ms_all_apart(void) {
  return all.apart;
}

const volatile sig_atomic_t *ms_all_interrupt(const volatile sig_atomic_t *flag) {
  all.flag = flag;
  return all.size > 1 ? &all.agreed : flag;
}

#else

size_t ms_ranks_join(void) {
  return 1;
}

bool ms_ranks_meet(double patience) {
  (void)patience;
  return true;
}

void ms_ranks_leave(void) {}

void ms_ranks_abort(int code) {
  (void)code;
}

size_t ms_all_size(void) {
  return 1;
}

size_t ms_all_rank(void) {
  return 0;
}

int ms_all_sum(double *v, size_t n, int status) {
  (void)v, (void)n;
  return status;
}

double ms_all_max(double v) {
  return v;
}

void ms_all_copy(double *v, size_t n) {
  (void)v, (void)n;
}

void ms_all_gather(const double *v, size_t n, double *whole, bool first) {
  (void)v, (void)n, (void)whole, (void)first;
}

void ms_all_hand(size_t from, size_t to, double *v, size_t count) {
  (void)from, (void)to, (void)v, (void)count;
}

ms_status ms_all_agree(ms_status status, ms_error *err) {
  (void)err;
  return status;
}

void ms_all_same(const double *v, size_t n) {
  (void)v, (void)n;
}

bool ms_all_apart(void) {
  return false;
}

const volatile sig_atomic_t *ms_all_interrupt(const volatile sig_atomic_t *flag) {
  return flag;
}

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
