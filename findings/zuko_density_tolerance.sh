#!/bin/sh
# zuko_density_tolerance.sh - a density has a hundred times the requested tolerance
#
# Expected: with atol = rtol = 1e-6, points and log-determinants of FreeFormJacobianTransform have
#   errors of about 1e-6.
# Observed: the points do. The log-determinant enters the error estimate divided by 100, so that its
#   error is 10 to 40 times that of the points, and grows with the number of columns.
# Version: zuko 1.6.0, PyTorch 2.15.0
#
# Source: zuko.transforms.FreeFormJacobianTransform.call_and_ladj, exact trace, dx/dt = 0.1 sin(10
#   x). Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/uv" uv==0.13.9
"$folder/uv/bin/uv" pip install -q --link-mode symlink --target "$folder/v" torch==2.15.0 numpy==2.4.6
"$folder/uv/bin/uv" pip install -q --link-mode symlink --target "$folder/v" --no-deps zuko==1.6.0
PYTHONPATH="$folder/v" python3 - <<'END'
import sys

import torch
import zuko


def errors(columns):
    torch.manual_seed(0)
    x = torch.randn(64, columns, dtype=torch.float64)
    exact, found = (zuko.transforms.FreeFormJacobianTransform(lambda t, x: 0.1 * torch.sin(10 * x), atol=tolerance,
                                                              rtol=tolerance).call_and_ladj(x) for tolerance in (1e-12, 1e-6))
    return [float((a - b).abs().max()) for a, b in zip(exact, found)]


print("zuko", zuko.__version__)
found = {columns: errors(columns) for columns in (1, 2, 8)}
for columns, (points, determinant) in found.items():
    print(f"{columns} columns, tolerance 1e-6: error of points {points:.1e}, of log-determinants {determinant:.1e}")
sys.exit(0 if all(p < 1e-6 < 4e-6 < d for p, d in found.values()) and found[8][1] > 2 * found[1][1] else "changed")
END
