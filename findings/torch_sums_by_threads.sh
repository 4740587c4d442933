#!/bin/sh
# torch_sums_by_threads.sh - a sum has other digits with another number of threads
#
# Expected: on one machine x.sum() has the same bits for any number of threads, at the latest with
#   use_deterministic_algorithms.
# Observed: three and four threads give other sums than one, in deterministic mode too: each thread
#   adds its share. Sums over the rows of a narrow table (dim=0), and logsumexp, do not change.
# Version: PyTorch 2.15.0
#
# Source: torch.Tensor.sum on the CPU. Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/uv" uv==0.13.9
"$folder/uv/bin/uv" pip install -q --link-mode symlink --target "$folder/v" torch==2.15.0 numpy==2.4.6
PYTHONPATH="$folder/v" python3 - <<'END'
import sys

import torch

torch.use_deterministic_algorithms(True)
torch.manual_seed(0)
x = torch.randn(1000003)
table = torch.randn(100000, 2)
print("torch", torch.__version__.split("+")[0])
sums, others = [], []
for threads in (1, 2, 3, 4):
    torch.set_num_threads(threads)
    sums.append(float(x.sum()))
    others.append([*table.sum(0).tolist(), float(torch.logsumexp(x, 0))])
print("sum of 1000003 normal numbers with 1, 2, 3, 4 threads:", *(f"{s:.5f}" for s in sums))
print("sums over rows, logsumexp: the same", others.count(others[0]) == 4)
sys.exit(0 if len(set(sums)) > 1 and others.count(others[0]) == 4 else "changed")
END
