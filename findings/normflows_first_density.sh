#!/bin/sh
# normflows_first_density.sh - the first evaluation of a density sets parameters, also in eval() mode
#
# Expected: ActNorm takes its scale from the first training batch; eval() with no_grad() leaves a
#   flow as it is, as nflows' ActNorm does.
# Observed: the first call of log_prob sets the parameters, whatever the mode. The density of the
#   same ten points depends on which points were evaluated before them.
# Version: normflows 1.7.3, nflows 0.14, PyTorch 2.15.0
#
# Source: normflows.flows.ActNorm and nflows.transforms.ActNorm. Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/uv" uv==0.13.9
"$folder/uv/bin/uv" pip install -q --link-mode symlink --target "$folder/v" torch==2.15.0 numpy==2.4.6
"$folder/uv/bin/uv" pip install -q --link-mode symlink --target "$folder/v" --no-deps normflows==1.7.3 nflows==0.14
PYTHONPATH="$folder/v" python3 - <<'END'
import importlib.metadata
import sys

import normflows as nf
import torch
from nflows.transforms import ActNorm

torch.manual_seed(0)
x = 3 + 2 * torch.randn(100, 2)


def mean_density(first):
    flow = nf.NormalizingFlow(nf.distributions.DiagGaussian(2, trainable=False), [nf.flows.ActNorm(2)]).eval()
    with torch.no_grad():
        flow.log_prob(first)
        return float(flow.log_prob(x[:10]).mean())


print(*(f"{name} {importlib.metadata.version(name)}" for name in ("normflows", "nflows")))
found = [mean_density(x[:10]), mean_density(x)]
print(f"normflows, mean log p of ten points: {found[0]:.4f} evaluated first, {found[1]:.4f} after all hundred")
other = ActNorm(2).eval()
with torch.no_grad():
    kept = [float(other(first)[1][0]) for first in (x[:10], x)]
print("nflows, log determinant in both cases:", kept)
sys.exit(0 if abs(found[0] - found[1]) > 0.01 and kept == [0, 0] else "changed")
END
