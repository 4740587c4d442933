#!/bin/sh
# safetensors_strides.sh - an array with strides is saved as the memory that it starts at
#
# Expected: save takes any array: it copies what is not contiguous, or refuses it.
# Observed: the bytes from the array's address on are written under its shape. A transposed matrix
#   comes back with its values in another order, every other element of a vector as the first half
#   of the vector. np.ascontiguousarray before the save helps.
# Version: safetensors 0.8.0, NumPy 2.4.6
#
# Source: safetensors.numpy.save and load. Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/v" safetensors==0.8.0 numpy==2.4.6
PYTHONPATH="$folder/v" python3 - <<'END'
import sys

import numpy as np
import safetensors
from safetensors.numpy import load, save


def kept(x):
    return np.array_equal(load(save({"x": x}))["x"], x)


x = np.arange(6, dtype=np.float32)
print("safetensors", safetensors.__version__)
found = [kept(x), kept(x.reshape(2, 3).T), kept(x[::2]), kept(np.ascontiguousarray(x[::2]))]
print("comes back as it was: contiguous, transposed, every other, every other copied:", found)
print("every other of", x.tolist(), "comes back as", load(save({"x": x[::2]}))["x"].tolist())
sys.exit(0 if found == [True, False, False, True] else "changed")
END
