#!/bin/sh
# torchdiffeq_past_the_end.sh - adaptive solvers evaluate the field beyond the last requested time
#
# Expected: odeint(f, y, [0, 1]) evaluates f at times from 0 to 1.
# Observed: its adaptive methods step past the end and interpolate back. dopri5 evaluates f at 1.21,
#   which a field that ends at 1 (a schedule, a table of times) has to survive. The fixed-step
#   methods and SciPy stay within.
# Version: torchdiffeq 0.2.5, SciPy 1.17.1, PyTorch 2.15.0
#
# Source: torchdiffeq.odeint and scipy.integrate.solve_ivp on y' = -y. Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/uv" uv==0.13.9
"$folder/uv/bin/uv" pip install -q --link-mode symlink --target "$folder/v" torch==2.15.0 numpy==2.4.6
"$folder/uv/bin/uv" pip install -q --link-mode symlink --target "$folder/v" --no-deps torchdiffeq==0.2.5 scipy==1.17.1
PYTHONPATH="$folder/v" python3 - <<'END'
import sys

import scipy
import torch
import torchdiffeq
from scipy.integrate import solve_ivp

times = []


def field(t, y):
    times.append(float(t))
    return -y


def last(method):
    times.clear()
    torchdiffeq.odeint(field, torch.ones(1, dtype=torch.float64), torch.tensor([0.0, 1.0], dtype=torch.float64),
                       method=method, rtol=1e-6, atol=1e-6)
    return max(times)


print("torchdiffeq", torchdiffeq.__version__, "scipy", scipy.__version__)
found = {method: last(method) for method in ("dopri5", "dopri8", "bosh3", "rk4")}
times.clear()
solve_ivp(field, (0, 1), [1], rtol=1e-6, atol=1e-6)
print("last time at which f is evaluated, for an end of 1:", {k: round(v, 3) for k, v in found.items()}, "scipy RK45:",
      max(times))
sys.exit(0 if min(found[m] for m in ("dopri5", "dopri8", "bosh3")) > 1.01 and found["rk4"] == max(times) == 1 else "changed")
END
