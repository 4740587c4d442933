#!/bin/sh
# numpy_float32_draws.sh - float32 draws are not the float64 ones rounded
#
# Expected: default_rng(0) gives the same normal numbers in float32 as in float64, rounded, so
#   that runs of two precisions see the same noise.
# Observed: each type has its own tables and uses the generator's bits differently: no number
#   agrees, and the generator's final state differs.
# Version: NumPy 2.4.6
#
# Source: numpy.random.Generator.standard_normal. Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/v" numpy==2.4.6
PYTHONPATH="$folder/v" python3 - <<'END'
import sys

import numpy as np

single, double = np.random.default_rng(0), np.random.default_rng(0)
x, y = single.standard_normal(1000, dtype=np.float32), double.standard_normal(1000)
print("numpy", np.__version__)
print("float32:", x[:4], " float64:", y[:4])
agree = int((abs(x - y) < 1e-4).sum())
print(agree, "of 1000 agree; the next random():", single.random(), "and", double.random())
sys.exit(0 if agree < 10 and single.random() != double.random() else "changed")
END
