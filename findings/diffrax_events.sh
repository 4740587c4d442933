#!/bin/sh
# diffrax_events.sh - an event ends a solve behind the event
#
# Expected: a solve with a real-valued event ends where the condition is zero.
# Observed: without a root finder it ends at the first step's end behind it, 3% late here and as much
#   as the step is long. Event(condition, root_finder) ends it there.
# Version: diffrax 0.7.2, JAX 0.10.2, optimistix 0.1.0
#
# Source: diffrax.Event, Tsit5 with PIDController, y' = -y until y = 0.5. Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/v" diffrax==0.7.2 jax==0.10.2 jaxlib==0.10.2 equinox==0.13.8 optimistix==0.1.0 lineax==0.1.1 numpy==2.4.6
PYTHONPATH="$folder/v" python3 - <<'END'
import math
import sys

import diffrax
import jax
import optimistix

jax.config.update("jax_enable_x64", True)


def end(root_finder):
    event = diffrax.Event(lambda t, y, args, **_: y - 0.5, root_finder)
    out = diffrax.diffeqsolve(diffrax.ODETerm(lambda t, y, args: -y), diffrax.Tsit5(), 0.0, 5.0, 0.1, 1.0, event=event,
                              stepsize_controller=diffrax.PIDController(rtol=1e-6, atol=1e-6))
    return float(out.ts[0]), float(out.ys[0])


print("diffrax", diffrax.__version__, "jax", jax.__version__)
plain, found = end(None), end(optimistix.Newton(1e-8, 1e-8))
print(f"y = 0.5 at t = {math.log(2):.6f}; the solve ends at {plain[0]:.6f} with y = {plain[1]:.6f},",
      f"with a root finder at {found[0]:.6f}")
sys.exit(0 if plain[0] > math.log(2) + 0.01 and abs(found[0] - math.log(2)) < 1e-5 else "changed")
END
