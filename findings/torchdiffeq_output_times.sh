#!/bin/sh
# torchdiffeq_output_times.sh - between the steps of a fixed grid the solution is a straight line
#
# Expected: rk4 with step_size 0.1 is as accurate at 0.75 as it is at 0.7 and 0.8.
# Observed: output times between two steps are interpolated linearly. The error at 0.75 is 1,700
#   times that at the end, and falls with the square of the step only.
#   options=dict(interp='cubic') helps; adaptive methods interpolate well.
# Version: torchdiffeq 0.2.5, PyTorch 2.15.0
#
# Source: torchdiffeq.odeint with method='rk4' on y' = -y. Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/uv" uv==0.13.9
"$folder/uv/bin/uv" pip install -q --link-mode symlink --target "$folder/v" torch==2.15.0 numpy==2.4.6
"$folder/uv/bin/uv" pip install -q --link-mode symlink --target "$folder/v" --no-deps torchdiffeq==0.2.5 scipy==1.17.1
PYTHONPATH="$folder/v" python3 - <<'END'
import math
import sys

import torch
import torchdiffeq


def errors(step, **options):
    times = torch.tensor([0.0, 0.75, 1.0], dtype=torch.float64)
    y = torchdiffeq.odeint(lambda t, y: -y, torch.ones(1, dtype=torch.float64), times, method="rk4",
                           options=dict(step_size=step, **options))
    return [abs(float(a) - math.exp(-float(t))) for t, a in zip(times[1:], y[1:])]


print("torchdiffeq", torchdiffeq.__version__)
coarse, fine, cubic = errors(0.1), errors(0.1 / 3), errors(0.1, interp="cubic")
print("rk4, y' = -y: errors at 0.75 and at 1")
for name, found in (("step 0.1", coarse), ("step 0.0333", fine), ("step 0.1, cubic", cubic)):
    print(f"  {name}: {found[0]:.1e} {found[1]:.1e}")
sys.exit(0 if coarse[0] > 1000 * coarse[1] and 6 < coarse[0] / fine[0] < 12 and coarse[1] > 50 * fine[1]
         and cubic[0] < 2 * cubic[1] else "changed")
END
