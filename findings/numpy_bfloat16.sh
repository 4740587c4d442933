#!/bin/sh
# numpy_bfloat16.sh - bfloat16 numbers are saved without their type
#
# Expected: np.save and np.load keep an array's type, also that of the bfloat16 which JAX and
#   TensorFlow bring to NumPy; or save refuses.
# Observed: the header has '<V2', two bytes of anything, and load returns an array of that. No sum or
#   comparison with numbers works. load(...).view(ml_dtypes.bfloat16) restores it.
# Version: NumPy 2.4.6, ml_dtypes 0.6.0
#
# Source: numpy.save and numpy.load. Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/v" numpy==2.4.6 ml_dtypes==0.6.0
PYTHONPATH="$folder/v" python3 - <<'END'
import io
import sys

import ml_dtypes
import numpy as np

x = np.array([1, 2, 3], ml_dtypes.bfloat16)
file = io.BytesIO()
np.save(file, x)
header = file.getvalue()[10:].split(b"\n")[0].decode().strip()
back = np.load(io.BytesIO(file.getvalue()))
print("numpy", np.__version__, "ml_dtypes", ml_dtypes.__version__)
print("header:", header, " loaded:", back.dtype, back.tolist())
sys.exit(0 if "'<V2'" in header and back.dtype == np.dtype("V2")
         and (back.view(ml_dtypes.bfloat16) == x).all() else "changed")
END
