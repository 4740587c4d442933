#!/bin/sh
# numpy_sums_of_rows.sh - the float32 mean of a table's columns stops growing
#
# Expected: numpy adds pairwise, so that float32 column means of a large table keep six digits.
# Observed: sums along contiguous memory are pairwise; those over the rows of a table, axis=0, are one
#   after the other. The mean of 17,777,216 ones is 0.9437.
# Version: NumPy 2.4.6
#
# Source: numpy.ndarray.mean, as tables of points are standardised. Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/v" numpy==2.4.6
PYTHONPATH="$folder/v" python3 - <<'END'
import sys

import numpy as np

rows = 2 ** 24 + 10 ** 6
table = np.ones((rows, 2), np.float32)
over_rows, contiguous = table.mean(axis=0), np.ascontiguousarray(table.T).mean(axis=1)
print("numpy", np.__version__)
print(f"mean of {rows} ones: {over_rows} over the rows, {contiguous} of the same columns when contiguous")
sys.exit(0 if (over_rows == np.float32(2 ** 24 / rows)).all() and (contiguous == 1).all() else "changed")
END
