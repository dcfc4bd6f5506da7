#!/bin/sh
# A job array of Slurm: each task sweeps seeds of its own, 50 of them, on the cores of one node.
# sbatch docs/cluster/array.sh; resubmitting goes on where tasks were stopped.
# Then one table:  awk 'FNR > 1 || NR == 1' parts/*/sweep.csv > sweep.csv   (case counts within parts)
#SBATCH --job-name=mirrorsim --array=0-19 --nodes=1 --cpus-per-task=8 --time=01:00:00
set -eu
export OPENBLAS_NUM_THREADS=1
first=$((SLURM_ARRAY_TASK_ID * 50 + 1))
"${MIRRORSIM:-build/mirrorsim}" sweep --grid wd=log:1e-3:1:9 --grid seed=$first:$((first + 49)) \
  --workers "${SLURM_CPUS_PER_TASK:-1}" --resume --quiet \
  --out "parts/$(printf %04d "$SLURM_ARRAY_TASK_ID")"
