#!/bin/sh
# torchcfm_pairs.sh - optimal pairs of a batch are drawn with replacement, and from NumPy's generator
#
# Expected: OTPlanSampler pairs each point of one batch with one of the other, and
#   torch.manual_seed makes a run repeat.
# Observed: pairs are drawn from the plan with replacement. Of 256 points about 162 are used, some of
#   them six times. The numbers come from np.random; torch.manual_seed changes nothing.
# Version: torchcfm 1.0.7, POT 0.9.7.post1, PyTorch 2.15.0
#
# Source: torchcfm.optimal_transport.OTPlanSampler.sample_plan. Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/uv" uv==0.13.9
"$folder/uv/bin/uv" pip install -q --link-mode symlink --target "$folder/v" torch==2.15.0 numpy==2.4.6
"$folder/uv/bin/uv" pip install -q --link-mode symlink --target "$folder/v" --no-deps torchcfm==1.0.7 pot==0.9.7.post1 scipy==1.17.1
PYTHONPATH="$folder/v" python3 - <<'END'
import importlib.metadata
import sys

import numpy as np
import torch
from torchcfm.optimal_transport import OTPlanSampler

torch.manual_seed(0)
x0, x1 = torch.randn(256, 2), torch.randn(256, 2)
sampler = OTPlanSampler("exact")


def pairs(seed_of):
    seed_of(0)
    return sampler.sample_plan(x0, x1)[0]


print("torchcfm", importlib.metadata.version("torchcfm"))
by_torch, by_numpy = ([pairs(seed_of) for _ in range(2)] for seed_of in (torch.manual_seed, np.random.seed))
_, uses = torch.unique(by_numpy[0], dim=0, return_counts=True)
print("of 256 points used:", len(uses), " most often:", int(uses.max()))
same = [torch.equal(*found) for found in (by_torch, by_numpy)]
print("the same pairs again with torch.manual_seed(0), np.random.seed(0):", same)
sys.exit(0 if same == [False, True] and 130 < len(uses) < 200 else "changed")
END
