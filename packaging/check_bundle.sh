#!/bin/sh
# check_bundle.sh - test the bundle: unpack it elsewhere and start it with an empty environment. `make bundle-check`
# calls it.
#
#   check_bundle.sh NAME
set -eu
cd "$(dirname "$0")/.."
archive=$PWD/build/$1.tar.gz
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
die() {
    printf 'check_bundle.sh: %s\n' "$*" >&2
    exit 1
}

tar -C "$work" -xzf "$archive"
cd "$work/$1"
elsewhere=$(env -i /usr/bin/ldd bin/affjord | sed -n 's/.* => \(\/[^ ]*\) .*/\1/p' | grep -v "^$work/" |
    grep -vE '/(libc|libm|libpthread|libdl|librt)\.so\.' || true)
[ -z "$elsewhere" ] || die "libraries from elsewhere: $elsewhere"
cat >"$work/small.ini" <<END
include = $PWD/configs/toy_paper.ini
[experiment]
name = small
data = ty
models = ffjord
[train]
iterations = 10
batch = 64
epoch_iterations = 10
validation = 50
[solver]
steps = 4
END
mkdir "$work/empty"
cd "$work/empty"
env -i "$work/$1/run" "$work/small.ini" --db "$work/small.db" >"$work/printed" 2>&1 || die "$(cat "$work/printed")"
grep -q 'ffjord *1 ' "$work/printed" || die "no table: $(cat "$work/printed")"
env -i "$work/$1/run" list devices >"$work/printed" || die "list devices"
if [ -e "$work/$1/bin/libaffjord_cuda.so" ]; then
    # Without a GPU, the driver is missing, not the library.
    grep -qE 'cuda:0|none: CUDA: (no NVIDIA driver|there is no device|the driver is too old)' "$work/printed" ||
        die "$(cat "$work/printed")"
fi
echo "check_bundle.sh: $1 runs on its own"
