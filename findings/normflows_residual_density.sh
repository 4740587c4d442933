#!/bin/sh
# normflows_residual_density.sh - a residual flow's density is exact in the plane and random elsewhere
#
# Expected: in eval() mode log_prob of the same points is the same every time; training mode has
#   the random estimate.
# Observed: two columns are computed exactly in eval() mode. With three, every call draws another
#   Gaussian probe and another length of the power series, in eval() mode too. A comparison made
#   on toy densities does not carry over to tables.
# Version: normflows 1.7.3, PyTorch 2.15.0
#
# Source: normflows.flows.Residual in normflows.NormalizingFlow.log_prob. Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/uv" uv==0.13.9
"$folder/uv/bin/uv" pip install -q --link-mode symlink --target "$folder/v" torch==2.15.0 numpy==2.4.6
"$folder/uv/bin/uv" pip install -q --link-mode symlink --target "$folder/v" --no-deps normflows==1.7.3
PYTHONPATH="$folder/v" python3 - <<'END'
import importlib.metadata
import sys

import normflows as nf
import torch


def spread(columns):
    """The largest standard deviation of a point's log-density over 10 calls."""
    torch.manual_seed(0)
    torch.set_num_threads(1)
    net = nf.nets.LipschitzMLP([columns, 16, columns], init_zeros=False, lipschitz_const=0.9)
    flow = nf.NormalizingFlow(nf.distributions.DiagGaussian(columns, trainable=False),
                              [nf.flows.Residual(net, reduce_memory=False)]).eval()
    x = torch.randn(20, columns)
    return float(torch.stack([flow.log_prob(x).detach() for _ in range(10)]).std(0).max())


print("normflows", importlib.metadata.version("normflows"))
found = {columns: spread(columns) for columns in (2, 3)}
print("deviation of log p of a point over calls in eval() mode, by columns:", {k: round(v, 4) for k, v in found.items()})
sys.exit(0 if found[2] == 0 and found[3] > 0.01 else "changed")
END
