#!/bin/sh
# One sweep over many nodes (built with -Dmpi=enabled): a process for each core, one worker each;
# the first process gives out runs and writes. Resubmitting goes on where it was stopped.
# sbatch docs/cluster/mpi.sh; without Slurm: PROCESSES=4 sh docs/cluster/mpi.sh
#SBATCH --job-name=mirrorsim --nodes=4 --ntasks-per-node=16 --time=01:00:00
set -eu
export OPENBLAS_NUM_THREADS=1
mpirun ${PROCESSES:+-n "$PROCESSES" --oversubscribe} "${MIRRORSIM:-build-mpi/mirrorsim}" sweep \
  --grid wd=log:1e-3:1:9 --grid seed=1:1000 --resume --quiet --out sweep
