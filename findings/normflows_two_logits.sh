#!/bin/sh
# normflows_two_logits.sh - bits/dim belongs to one of the package's two transforms called Logit
#
# Expected: bitsPerDim(trans='logit') undoes normflows.transforms.Logit, the layer with the same
#   name and formula in its docstring: a model that is uniform over images has 8 bits.
# Observed: both docstrings have logit(alpha + (1 - alpha) x). The layer computes alpha + (1 - 2
#   alpha) x; bitsPerDim and utils.preprocessing.Logit have 1 - alpha. With the layer, 8 bits
#   become 7.922 at alpha 0.05.
# Version: normflows 1.7.3, PyTorch 2.15.0
#
# Source: normflows.utils.bitsPerDim, normflows.transforms.Logit,
#   normflows.utils.preprocessing.Logit. Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/uv" uv==0.13.9
"$folder/uv/bin/uv" pip install -q --link-mode symlink --target "$folder/v" torch==2.15.0 numpy==2.4.6
"$folder/uv/bin/uv" pip install -q --link-mode symlink --target "$folder/v" --no-deps normflows==1.7.3
PYTHONPATH="$folder/v" python3 - <<'END'
import importlib.metadata
import math
import sys

import normflows as nf
import torch
from torch.nn.functional import logsigmoid


class Uniform:
    """The density of y = logit(alpha + slope x) for x uniform on [0, 1): 8 bits of each byte."""

    def __init__(self, slope):
        self.slope = slope

    def log_prob(self, y):
        return (logsigmoid(y) + logsigmoid(-y) - math.log(self.slope)).sum((1, 2, 3))


torch.manual_seed(0)
x = torch.rand(16, 1, 4, 4, dtype=torch.float64)
loader = nf.utils.preprocessing.Logit(0.05)(x)
layer, _ = nf.transforms.Logit(0.05).inverse(x)
print("normflows", importlib.metadata.version("normflows"))
slopes = [float(((torch.sigmoid(y) - 0.05) / x).mean()) for y in (loader, layer)]
bits = [float(nf.utils.bitsPerDim(Uniform(slope), y, trans_param=[0.05]).mean()) for slope, y in zip(slopes, (loader, layer))]
print("slope in x, and bits/dim of the uniform density:")
print(f"  utils.preprocessing.Logit {slopes[0]:.2f} {bits[0]:.4f}, transforms.Logit {slopes[1]:.2f} {bits[1]:.4f}")
sys.exit(0 if abs(bits[0] - 8) < 1e-6 and abs(bits[1] - 8 + math.log2(0.95 / 0.9)) < 1e-6 else "changed")
END
