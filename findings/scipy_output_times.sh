#!/bin/sh
# scipy_output_times.sh - output times cost DOP853 evaluations, and no other method
#
# Expected: output times are interpolated from the steps, so that solve_ivp makes as many
#   evaluations with t_eval as without.
# Observed: true for RK23 and RK45. DOP853 makes three more evaluations in every step with an
#   output time, so its count depends on the number of output times.
# Version: SciPy 1.17.1
#
# Source: scipy.integrate.solve_ivp, DOP853, on a pendulum. Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/v" scipy==1.17.1 numpy==2.4.6
PYTHONPATH="$folder/v" python3 - <<'END'
import math
import sys

import numpy as np
import scipy
from scipy.integrate import solve_ivp


def pendulum(t, y):
    return [y[1], -math.sin(y[0])]


def count(method, times):
    return solve_ivp(pendulum, (0, 10), [1, 0], method=method, rtol=1e-6, atol=1e-6, t_eval=times).nfev


print("scipy", scipy.__version__)
more = {}
for method in ("RK23", "RK45", "DOP853"):
    found = [count(method, times) for times in (None, [5.0], np.linspace(0, 10, 5), np.linspace(0, 10, 500))]
    print(f"{method}: {found} evaluations with no, 1, 5, 500 output times")
    more[method] = [n - found[0] for n in found[1:]]
sys.exit(0 if more["RK23"] == more["RK45"] == [0, 0, 0] and 0 < more["DOP853"][0] < more["DOP853"][1] < more["DOP853"][2]
         and all(n % 3 == 0 for n in more["DOP853"]) else "changed")
END
