#!/bin/sh
# sklearn_samples.sh - samples of a mixture are sorted, and fewer of them are not the first of more
#
# Expected: GaussianMixture.sample(n) returns independent rows, so that any part of them is a
#   sample too; with a fixed random_state five are the first five of ten.
# Observed: rows are grouped by component. The first half of a sample is from the first components
#   alone. Five are not the first of ten.
# Version: scikit-learn 1.9.1
#
# Source: sklearn.mixture.GaussianMixture.sample. Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/v" scikit-learn==1.9.1 scipy==1.17.1 numpy==2.4.6
PYTHONPATH="$folder/v" python3 - <<'END'
import sys

import numpy as np
import sklearn
from sklearn.mixture import GaussianMixture

x = np.random.default_rng(0).normal(size=(500, 2))
x[::2] += 6
mixture = GaussianMixture(2, random_state=0).fit(x)
ten, components = mixture.sample(10)
five, _ = mixture.sample(5)
print("scikit-learn", sklearn.__version__)
print("components of ten samples:", components.tolist())
print("rows of five that are those of ten:", (five == ten[:5]).all(1).tolist())
sys.exit(0 if (np.diff(components) >= 0).all() and len(set(components)) == 2 and not (five == ten[:5]).all() else "changed")
END
