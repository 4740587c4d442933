#!/bin/sh
# safetensors_order.sh - tensors lie in the file by their type's size, then by name
#
# Expected: the tensors of a file are in the order in which they were given, or in that of their
#   names.
# Observed: the widest types come first, by name within a type; a type of the same size can stand
#   between. A tensor without elements has two equal offsets, and a scalar has the shape [].
# Version: safetensors 0.8.0, NumPy 2.4.6
#
# Source: safetensors.numpy.save. Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/v" safetensors==0.8.0 numpy==2.4.6
PYTHONPATH="$folder/v" python3 - <<'END'
import json
import sys

import numpy as np
import safetensors
from safetensors.numpy import save

given = {"z": np.zeros(3, np.float32), "b": np.zeros(2, np.int8), "a": np.zeros(2, np.float64),
         "s": np.array(3, np.float32), "e": np.zeros((0, 4), np.float32)}
data = save(given)
header = json.loads(data[8:8 + int.from_bytes(data[:8], "little")])
order = sorted(header, key=lambda name: (header[name]["data_offsets"], name != "e"))
print("safetensors", safetensors.__version__)
print("given:", " ".join(given), " in the file:", " ".join(order))
print("without elements:", header["e"], " scalar:", header["s"])
sys.exit(0 if order == ["a", "e", "s", "z", "b"] and len(set(header["e"]["data_offsets"])) == 1
         and header["s"]["shape"] == [] else "changed")
END
