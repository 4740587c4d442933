#!/bin/sh
# torchode_evaluations.sh - rows have steps of their own, and each costs as many evaluations as the slowest
#
# Expected: each row of a batch has its own step size, so that rows with an easy equation cost
#   fewer evaluations.
# Observed: the whole batch is evaluated until its last row is done. Rows of 5, 13 and 20 steps cost
#   122 evaluations each, as many as the row of 20 costs alone.
# Version: torchode 1.0.1, PyTorch 2.15.0
#
# Source: torchode.AutoDiffAdjoint with Dopri5 and IntegralController, y' = -k^2 y. Date:
#   2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/uv" uv==0.13.9
"$folder/uv/bin/uv" pip install -q --link-mode symlink --target "$folder/v" torch==2.15.0 numpy==2.4.6
"$folder/uv/bin/uv" pip install -q --link-mode symlink --target "$folder/v" --no-deps torchode==1.0.1 torchtyping==0.1.5 typeguard==2.13.3
PYTHONPATH="$folder/v" python3 - <<'END'
import importlib.metadata
import sys

import torch
import torchode


def solve(rates):
    rows, seen = len(rates), []

    def field(t, y):
        seen.append(len(y))
        return -torch.tensor(rates)[:, None] * y

    term = torchode.ODETerm(field)
    solver = torchode.AutoDiffAdjoint(torchode.Dopri5(term=term),
                                      torchode.IntegralController(atol=1e-6, rtol=1e-6, term=term))
    out = solver.solve(torchode.InitialValueProblem(
        y0=torch.ones(rows, 1, dtype=torch.float64), t_start=torch.zeros(rows, dtype=torch.float64),
        t_end=torch.ones(rows, dtype=torch.float64)))
    return out.stats["n_steps"].tolist(), out.stats["n_f_evals"].tolist(), set(seen)


print("torchode", importlib.metadata.version("torchode"))
together, alone = solve([1.0, 4.0, 9.0]), [solve([rate]) for rate in (1.0, 4.0, 9.0)]
print("together: steps", together[0], "evaluations", together[1], " rows in an evaluation:", together[2])
print("alone: steps", [a[0][0] for a in alone], "evaluations", [a[1][0] for a in alone])
sys.exit(0 if together[0] == [a[0][0] for a in alone] and len(set(together[0])) == 3
         and set(together[1]) == {alone[2][1][0]} and together[2] == {3} else "changed")
END
