#!/bin/sh
# against.sh - time the image field of this tree and of another commit: tests/benchmarks/against.sh COMMIT [ROUNDS]
#
# Builds both in a temporary folder, runs tests/benchmarks/conv_field.c alternating between both libraries, ROUNDS times
# (default 3). For each case, prints the milliseconds of the fastest repeat of both, and the speedup of this tree. Cases
# use one thread, and two if the machine has them; AVX2, and AVX-512 if the processor has it. The environment variable
# LIST replaces the cases; JOBS is passed to make.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/../.."
[ $# -ge 1 ] || { echo "usage: tests/benchmarks/against.sh COMMIT [ROUNDS]" >&2; exit 2; }
commit=$1 rounds=${2:-3}
work=$(mktemp -d "${TMPDIR:-/tmp}/affjord-against-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# channels, hidden channels, side, images, threads, repeats
list=${LIST:-"1 64 28 50 1 5
2 64 28 50 1 5
4 64 28 50 1 5
1 64 28 50 2 5
1 32 28 50 1 5
4 16 14 50 1 20"}

# The libraries' flags are words.
# shellcheck disable=SC2046
build() { # FOLDER PROGRAM
    make -s -C "$1" -j"${JOBS:-2}" NVCC= build/libaffjord.a
    ${CC:-cc} -std=gnu11 -O2 -I"$1/core" -o "$2" tests/benchmarks/conv_field.c "$1/build/libaffjord.a" \
        $(sed -n 's/^CORE_LIBS := //p' "$1/Makefile")
}
mkdir "$work/old"
git archive "$commit" | tar -x -C "$work/old"
build "$work/old" "$work/before"
build . "$work/now"

levels=
for level in avx2 avx512; do
    case $level in
        avx2) flag=fma ;;
        *) flag=avx512vl ;;
    esac
    if grep -qw "$flag" /proc/cpuinfo; then levels="$levels $level"; fi
done
# oneDNN, which older commits use, has other names for the levels.
isa_of() { [ "$1" = avx2 ] && echo AVX2 || echo ALL; }

echo "| channels, hidden, side, images, threads | level | evaluate: $commit, this, times as fast | reverse: the same |"
echo "|---|---|---|---|"
echo "$list" | while read -r case; do
    for level in $levels; do
        : >"$work/times"
        round=0
        while [ "$round" -lt "$rounds" ]; do
            for side in before now; do
                # shellcheck disable=SC2086 # the case is words
                AFFJORD_SIMD=$level ONEDNN_MAX_CPU_ISA=$(isa_of "$level") "$work/$side" $case | sed "s/^/$side /" >>"$work/times"
            done
            round=$((round + 1))
        done
        awk -v case="${case% *}" -v level="$level" '
            !($1 in e) || $2 < e[$1] { e[$1] = $2 }
            !($1 in r) || $4 < r[$1] { r[$1] = $4 }
            END {
                printf "| %s | %s | %.2f, %.2f, **%.2f** | %.2f, %.2f, **%.2f** |\n", case, level,
                    e["before"], e["now"], e["before"] / e["now"], r["before"], r["now"], r["before"] / r["now"]
            }' "$work/times"
    done
done
