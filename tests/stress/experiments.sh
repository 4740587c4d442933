# experiments.sh - the short experiments of the scripts in this folder; source it.
# shellcheck shell=sh

# Both models on TY and Hash-Gaussian, by tests/tiny_experiment.sh.
write_points() { # FILE SEEDS ITERATIONS EPOCH CHECKPOINTS
    sh tests/tiny_experiment.sh points "$2" "$3" "$4" "$5" | sed 's/^data = ty$/data = ty, hash_gaussian/' >"$1"
}

# A set of images in MNIST's format, of SIDE x SIDE pixels: blobs on black with random positions and sizes.
write_blobs() { # FILE FIRST COUNT SIDE
    awk -v first="$2" -v count="$3" -v side="$4" 'BEGIN {
        printf "\\0\\0\\010\\03\\0\\0\\0\\0%03o\\0\\0\\0\\0%03o\\0\\0\\0\\0%03o", count, side, side
        for (image = first; image < first + count; image++)
            for (y = 0; y < side; y++)
                for (x = 0; x < side; x++) {
                    far = (y - image * 7 % side) ^ 2 + (x - image * 11 % side) ^ 2
                    printf "\\0%03o", int(255 / (1 + far / (2 + image % 5)))
                }
    }' >"$1.octal"
    printf '%b' "$(cat "$1.octal")" >"$1"
    rm "$1.octal"
}

# Both models on 8 x 8 images, with all parts of image models: Dopri5, Hutchinson's estimate, learned end times, hyper
# layers.
write_images() { # FILE FOLDER
    mkdir -p "$2"
    write_blobs "$2/train-images-idx3-ubyte" 0 200 8
    write_blobs "$2/t10k-images-idx3-ubyte" 200 60 8
    cat >"$1" <<END
[experiment]
name = images
data = ${2##*/}
models = ffjord, affjord
[image]
layer = hyper
hidden_layers = 2
hidden_channels = 8
augmented_dims = 6
hypernet_inputs = 3
variant = paper
[flow]
end_time = 1
learn_end_time = yes
divergence = rademacher
[solver]
method = dopri5
atol = 1e-3
rtol = 1e-3
[train]
batch = 20
learning_rate = 1e-2
iterations = 12
epoch_iterations = 3
validation = 30
checkpoint_epochs = 1
[output]
samples = 7
[model ffjord]
context = time
[model affjord]
context = augmented
END
}

# FFJORD (concat) and AFFJORD (hyper) at the size of table1_small, 14 x 14 pixels and 16 channels, which use other kernels
# than 8 x 8 pixels. Few images, because the portable kernels emulate fused multiply-adds.
write_images14() { # FILE FOLDER
    mkdir -p "$2"
    write_blobs "$2/train-images-idx3-ubyte" 0 60 14
    write_blobs "$2/t10k-images-idx3-ubyte" 60 20 14
    cat >"$1" <<END
include = $PWD/configs/image_paper.ini
[experiment]
name = images14
data = ${2##*/}
models = ffjord, affjord
[image]
hidden_channels = 16
[solver]
atol = 1e-3
rtol = 1e-3
[train]
batch = 2
learning_rate = 1e-2
iterations = 3
epoch_iterations = 1
validation = 2
test = 2
checkpoint_epochs = 1
[output]
samples = 1
END
}

# Theorem checks on the field of a short training: the fastest items, with matrices of fields on points and on images.
write_theory() { # FILE
    cat >"$1" <<'END'
[experiment]
name = mathematics
task = theory
theory = blocks, trace
data = ty
models = affjord
[model]
width = 6
hypernet_layers = 1
hypernet_width = 4
[flow]
end_time = 2
[solver]
steps = 8
[train]
batch = 128
iterations = 60
epoch_iterations = 6
validation = 256
learning_rate = 1e-2
checkpoint_epochs = 1
[output]
density_cells = 0
samples = 0
[image]
layer = hyper
hidden_layers = 1
hidden_channels = 2
augmented_dims = 6
hypernet_inputs = 3
[model affjord]
context = augmented
concat = yes
END
}

pkg_version() { # PACKAGE
    dpkg-query -W -f '${Version}' "$1" 2>/dev/null || echo unknown
}

# AFFJORD on TY with iterations of a fortieth of a millisecond: only epochs and checkpoints are stored.
write_fast() { # FILE ITERATIONS EPOCH CHECKPOINTS
    cat >"$1" <<END
[experiment]
name = long
data = ty
models = affjord
[model]
width = 4
hypernet_layers = 1
hypernet_width = 4
[model affjord]
context = augmented
concat = yes
[solver]
steps = 1
[train]
iterations = $2
batch = 8
epoch_iterations = $3
validation = 1
checkpoint_epochs = $4
[output]
density_cells = 0
samples = 0
END
}
