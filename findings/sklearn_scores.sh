#!/bin/sh
# sklearn_scores.sh - score is a mean in one density estimator and a sum in another
#
# Expected: score(x) of scikit-learn's density estimators is the mean log-likelihood of a row.
# Observed: it is for GaussianMixture. KernelDensity's score is the sum over the rows, so that
#   cross_val_score prefers folds with fewer rows.
# Version: scikit-learn 1.9.1
#
# Source: sklearn.mixture.GaussianMixture and sklearn.neighbors.KernelDensity. Date: 2026-11-30.
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
from sklearn.neighbors import KernelDensity

x = np.random.default_rng(0).normal(size=(500, 2))
print("scikit-learn", sklearn.__version__)
ratios = []
for estimator in (GaussianMixture(2, random_state=0), KernelDensity(bandwidth=0.3)):
    estimator.fit(x)
    ratios.append(estimator.score(x) / estimator.score_samples(x).mean())
    print(f"{type(estimator).__name__}: score {estimator.score(x):.3f}, mean of 500 rows {estimator.score_samples(x).mean():.3f}")
sys.exit(0 if np.allclose(ratios, [1, 500]) else "changed")
END
