#!/bin/sh
# diffrax_dense_output.sh - the values between the steps of the best method are the worst
#
# Expected: output times and dense output are as accurate as the steps of the method.
# Observed: for Heun, Bosh3, Dopri5 and Tsit5. Dopri8's steps have the smallest errors, and its
#   values between them are 75 times worse than the steps, worse than Dopri5's.
# Version: diffrax 0.7.2, JAX 0.10.2
#
# Source: diffrax.SaveAt(ts=...) and SaveAt(steps=True), a rotation, tolerance 1e-8. Date:
#   2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/v" diffrax==0.7.2 jax==0.10.2 jaxlib==0.10.2 equinox==0.13.8 optimistix==0.1.0 lineax==0.1.1 numpy==2.4.6
PYTHONPATH="$folder/v" python3 - <<'END'
import sys

import diffrax
import jax
import jax.numpy as jnp
import numpy as np

jax.config.update("jax_enable_x64", True)
field = diffrax.ODETerm(lambda t, y, args: jnp.array([y[1], -y[0]]))


def error(solver, saveat):
    out = diffrax.diffeqsolve(field, solver, 0.0, 5.0, 0.01, jnp.array([1.0, 0.0]), saveat=saveat, max_steps=4096,
                              stepsize_controller=diffrax.PIDController(rtol=1e-8, atol=1e-8))
    taken = np.isfinite(out.ts)
    return np.abs(np.asarray(out.ys)[taken, 0] - np.cos(np.asarray(out.ts)[taken])).max()


print("diffrax", diffrax.__version__, "jax", jax.__version__)
found = {}
for solver in (diffrax.Bosh3(), diffrax.Dopri5(), diffrax.Tsit5(), diffrax.Dopri8()):
    name = type(solver).__name__
    found[name] = error(solver, diffrax.SaveAt(steps=True)), error(solver, diffrax.SaveAt(ts=jnp.linspace(0, 5, 1001)))
    print(f"{name}: largest error at steps {found[name][0]:.1e}, at 1001 times {found[name][1]:.1e}")
ratio = {name: times / steps for name, (steps, times) in found.items()}
sys.exit(0 if ratio.pop("Dopri8") > 30 and max(ratio.values()) < 3 and found["Dopri8"][1] > found["Dopri5"][1] else "changed")
END
