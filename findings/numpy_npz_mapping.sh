#!/bin/sh
# numpy_npz_mapping.sh - an array of an .npz file is never mapped
#
# Expected: np.load(file, mmap_mode='r') maps the arrays of an uncompressed .npz, whose bytes lie in
#   the file as in an .npy.
# Observed: mmap_mode is accepted and has no effect: each access of a member reads it whole into
#   memory, and reads it again the next time.
# Version: NumPy 2.4.6
#
# Source: numpy.load. Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/v" numpy==2.4.6
PYTHONPATH="$folder/v" python3 - <<'END'
import os
import sys
import tempfile

import numpy as np

with tempfile.TemporaryDirectory() as folder:
    x = np.arange(10.0)
    np.save(os.path.join(folder, "x.npy"), x)
    np.savez(os.path.join(folder, "x.npz"), x=x)
    one = np.load(os.path.join(folder, "x.npy"), mmap_mode="r")
    with np.load(os.path.join(folder, "x.npz"), mmap_mode="r") as members:
        first, second = members["x"], members["x"]
    print("numpy", np.__version__)
    print("npy:", type(one).__name__, " npz:", type(first).__name__, " two accesses share memory:",
          np.shares_memory(first, second))
    sys.exit(0 if isinstance(one, np.memmap) and not isinstance(first, np.memmap)
             and not np.shares_memory(first, second) else "changed")
END
