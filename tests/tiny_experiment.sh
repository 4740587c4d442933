#!/bin/sh
# tiny_experiment.sh NAME SEEDS ITERATIONS EPOCH CHECKPOINTS - print an experiment file: both models on TY, iterations
# of a millisecond; EPOCH iterations per epoch; CHECKPOINTS epochs per checkpoint.
set -eu
[ $# = 5 ] || { echo "usage: tiny_experiment.sh NAME SEEDS ITERATIONS EPOCH CHECKPOINTS" >&2; exit 2; }
cat <<END
[experiment]
name = $1
data = ty
models = ffjord, affjord
seeds = $2
[model]
width = 16
[model ffjord]
context = time
[model affjord]
context = augmented
concat = yes
[solver]
steps = 5
[train]
iterations = $3
batch = 64
epoch_iterations = $4
validation = 200
checkpoint_epochs = $5
[output]
density_cells = 16
samples = 50
END
