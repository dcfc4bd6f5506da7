#!/bin/sh
# One large problem over many nodes (built with -Dmpi=enabled): a process for each core, each with its
# columns of Z; docs/large.md says how much memory and time that takes. Cancelled, it writes what it has.
# sbatch docs/cluster/one.sh; without Slurm: PROCESSES=2 sh docs/cluster/one.sh --n 20 --d 1000
#SBATCH --job-name=mirrorsim --nodes=4 --ntasks-per-node=16 --time=02:00:00
set -eu
export OPENBLAS_NUM_THREADS=1
[ $# -gt 0 ] || set -- --n 1000 --d 10000000
mpirun ${PROCESSES:+-n "$PROCESSES" --oversubscribe} --mca odls_base_sigkill_timeout 25 \
  "${MIRRORSIM:-build-mpi/mirrorsim}" --stream columns --rtol 1e-4 --points 20 --quiet --out one "$@"
