#!/bin/sh
# determinism.sh - measure which numbers are bit-identical under which conditions: tests/stress/determinism.sh [--to
# FILE]
#
# Short trainings of points and images (in float and in double) and for theorem checks are computed once as a reference
# (gcc -O2, kernels -O3, one job, one thread, the processor's best instructions), then again for each variant of building
# and running. All numbers, stored arrays and checkpoints are compared with the reference. A table of the results is
# written to FILE, by default docs/lab/determinism.md, whose section "Other processors" stays. The exit status is 1 if
# numbers differ that are guaranteed to be equal.
#
# The environment variable VARIANTS replaces the builds. Each line has a compiler, the level of optimization of all files
# and that of the kernels.
#
# Programs are built in build/determinism; gcc and clang must be installed. Takes less than 15 minutes on two idle
# cores.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/../.."
to=docs/lab/determinism.md
[ $# = 0 ] || { [ $# = 2 ] && [ "$1" = --to ] && to=$2; } || { echo "usage: tests/stress/determinism.sh [--to FILE]" >&2; exit 2; }
. tests/stress/experiments.sh
. tests/pause_at.sh
built=$PWD/build/determinism
work=$(mktemp -d "${TMPDIR:-/tmp}/affjord-determinism-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
began=$(date +%s)
commit=$(git rev-parse --short HEAD 2>/dev/null || echo unknown)$([ -z "$(git status --porcelain --untracked-files=no 2>/dev/null)" ] || echo ' with changes')
AFFJORD_DATA=$work/data OPENBLAS_NUM_THREADS=1
export AFFJORD_DATA OPENBLAS_NUM_THREADS
unset AFFJORD_SIMD OPENBLAS_CORETYPE

# --- Programs ---

# The libraries' flags are words.
# shellcheck disable=SC2046
build() { # COMPILER LEVEL KERNELS: builds into $built/COMPILER-LEVEL[-KERNELS]; KERNELS is the kernels' level
    echo "building with $*" >&2
    folder=build/determinism/$1$2$([ "$3" = -O3 ] || echo "$3")
    CFLAGS="$2 -g" make -s -j2 CC="$1" NVCC= BUILD="$folder" SHARED="$folder/libaffjord.so.0" KERNEL_FLAGS="$3" all \
        "$folder/libaffjord.so.0" build/include/affjord/affjord.h
    CFLAGS="$2 -g" make -s -j2 CC="$1" NVCC= PRECISION=double BUILD="$folder/double" KERNEL_FLAGS="$3" all
    "$1" -std=c11 "$2" -Ibuild/include -o "$folder/parameters-static" tests/stress/parameters.c "$folder/libaffjord.a" \
        $(sed -n 's/^CORE_LIBS := //p' Makefile)
    "$1" -std=c11 "$2" -Ibuild/include -o "$folder/parameters-shared" tests/stress/parameters.c "$folder/libaffjord.so.0" \
        -Wl,-rpath,"$PWD/$folder"
}

# --- One variant of one experiment ---

program_of() { # EXPERIMENT BUILD
    case $1 in
        points | images | images14) echo "$built/$2/affjord" ;;
        *) echo "$built/$2/double/affjord" ;;
    esac
}

# Print one line per row, with all digits. A run is identified by data, model and seed, because its key depends on the
# settings of the variant.
numbers() { # DATABASE
    sqlite3 -readonly "$1" "SELECT 's/' || key || '/' || dataset || ' ' || model || ' ' || seed || '/' FROM run" >"$1.names"
    cat tests/results.sql tests/checkpoints.sql | sqlite3 -readonly -bail "$1" | grep -v '^setting' | sed -f "$1.names" | sort
}

# Stop the program at its first checkpoint and again at later ones, then let it finish. Status 1 if it fails, or was
# never stopped.
run_stopped_once() { # PROGRAM FILE DATABASE
    reached=0
    for _ in 1 2 3; do
        "$1" "$2" --db "$3" --jobs 1 --threads 1 --quiet >"$3.log" 2>&1 &
        child=$!
        if hold_at "$child" "$3" "SELECT sum(iteration) > $reached FROM checkpoint"; then
            reached=$(sqlite3 -readonly "$3" "SELECT sum(iteration) FROM checkpoint")
            let_go "$child" TERM
        fi
        ! wait "$child" || break
    done
    "$1" "$2" --db "$3" --jobs 1 --threads 1 --quiet >"$3.log" 2>&1 || return 1
    [ "$(sqlite3 -readonly "$3" "SELECT max(sessions) FROM run")" -gt 1 ] || { echo "nothing was stopped" >"$3.log"; return 1; }
}

# On a busy machine the program may end before it is stopped.
run_stopped() { # PROGRAM FILE DATABASE
    for _ in 1 2 3 4 5; do
        rm -rf "$3" "$3".* "${3%.db}.checkpoints"
        ! run_stopped_once "$@" || return 0
    done
    return 1
}

compute() { # EXPERIMENT BUILD NAME HOW [ARGUMENT...]: the numbers are in $work/EXPERIMENT.NAME
    experiment=$1 program=$(program_of "$1" "$2") name=$3 how=$4 database=$work/$1.$3.db file=$work/$1.ini
    shift 4
    [ $# -gt 0 ] || set -- --jobs 1 --threads 1
    if [ "$how" = stopped ]; then run_stopped "$program" "$file" "$database"
    else "$program" "$file" --db "$database" --quiet "$@" >"$database.log" 2>&1
    fi || { cat "$database.log" >&2; echo "determinism.sh: $experiment could not be computed" >&2; return 1; }
    numbers "$database" >"$work/$experiment.$name"
    rm -rf "$database"*
}

# Compute several experiments.
compute_all() { # EXPERIMENTS BUILD NAME HOW [ARGUMENT...]
    list=$1 started=
    shift
    for each in $list; do
        compute "$each" "$@" &
        started="$started $!"
    done
    for process in $started; do wait "$process"; done
}

# Print "same", or the largest relative difference of losses, or else the number of different rows.
compare() { # EXPERIMENT NAME
    grep -v "$ignored" "$work/$1.reference" >"$work/expected" || true
    grep -v "$ignored" "$work/$1.$2" >"$work/found" || true
    cmp -s "$work/expected" "$work/found" && { echo same; return; }
    awk -F'|' '
        function size(x) { return x < 0 ? -x : x }
        NR == FNR { expected[FNR] = $0; rows = FNR; next }
        expected[FNR] != $0 {
            different++
            last = split(expected[FNR], e)
            if ($1 == "epoch" && size(e[6] - $6) > loss * size(e[6])) loss = size(e[6] - $6) / size(e[6])
            if ($1 == "theory" && e[last] != $NF) turned++ # (a quantity may have a | in it)
        }
        END {
            if (FNR != rows) print "differs: other rows"
            else if (loss > 0) printf "differs: losses by up to %.0e of themselves\n", loss
            else printf "differs: %d of %d rows, no loss%s\n", different, rows, turned ? "" : " or verdict"
        }' "$work/expected" "$work/found"
}

# --- The matrix ---

promised_of() { # EXPERIMENT KIND: the guarantees of docs/explanation/architecture.md and docs/lab/reliability.md
    case $1.$2 in
        points*.* | images*.*) echo yes ;;
        *.schedule) echo yes ;;
        *) echo no ;;
    esac
}

experiments="points points_double images images14 images14_double theory"
single="points images images14"
broken=0
row() { # LABEL KIND BUILD EXPERIMENTS HOW [VARIABLE=VALUE...] [-- ARGUMENT...]: one line of the table
    label=$1 kind=$2 of=$3 for=$4 how=$5
    shift 5
    printf '| %s |' "$label" >>"$work/table"
    echo "$label" >&2
    settings=
    while [ $# -gt 0 ] && [ "$1" != -- ]; do settings="$settings $1"; shift; done
    [ $# = 0 ] || shift
    ignored='^$'
    [ "$how" != kept ] || ignored='^checkpoint'
    # shellcheck disable=SC2086,SC2163 # settings are words without blanks
    ([ -z "$settings" ] || export $settings; compute_all "$for" "$of" now "$how" "$@")
    for experiment in $experiments; do
        case " $for " in *" $experiment "*) ;; *) printf ' |' >>"$work/table"; continue ;; esac
        outcome=$(compare "$experiment" now)
        promised=$(promised_of "$experiment" "$kind")
        case $promised.$outcome in
            yes.same) cell="**same**" ;;
            yes.*) cell="**$outcome**, though guaranteed" broken=$((broken + 1)) ;;
            *) cell=$outcome ;;
        esac
        printf ' %s |' "$cell" >>"$work/table"
    done
    echo >>"$work/table"
}

libraries() { # BUILD: a training by the library, static and shared
    "$built/$1/parameters-static" >"$work/static"
    "$built/$1/parameters-shared" >"$work/shared"
    [ -s "$work/static" ] && ldd "$built/$1/parameters-shared" | grep -q libaffjord.so || return 1
    cmp -s "$work/parameters.reference" "$work/static" && cmp -s "$work/static" "$work/shared"
}

build gcc -O2 -O3
write_points "$work/points.ini" 0 200 20 1
write_points "$work/points_double.ini" 0 200 20 1
write_images "$work/images.ini" "$AFFJORD_DATA/mnist-tiny"
write_images14 "$work/images14.ini" "$AFFJORD_DATA/mnist-tiny14"
write_images14 "$work/images14_double.ini" "$AFFJORD_DATA/mnist-tiny14"
write_theory "$work/theory.ini"
compute_all "$experiments" gcc-O2 reference plain
"$built/gcc-O2/parameters-static" >"$work/parameters.reference"

all=$experiments
for simd in portable avx2 avx512; do
    if [ "$(AFFJORD_SIMD=$simd "$built/gcc-O2/affjord" --version | sed -n 's/.*kernels \([a-z0-9]*\),.*/\1/p')" = $simd ]; then
        row "kernels of $simd (AFFJORD_SIMD)" instructions gcc-O2 "$single" plain AFFJORD_SIMD=$simd
    fi
done
for core in Prescott Nehalem Sandybridge Haswell Zen SkylakeX; do
    [ $core != Haswell ] && [ $core != Zen ] || grep -qw avx2 /proc/cpuinfo || continue
    [ $core != Sandybridge ] || grep -qw avx /proc/cpuinfo || continue
    [ $core != SkylakeX ] || grep -qw avx512vl /proc/cpuinfo || continue
    row "OpenBLAS as on a $core (OPENBLAS_CORETYPE)" library gcc-O2 theory plain OPENBLAS_CORETYPE=$core
done
row "2 threads of OpenBLAS (OPENBLAS_NUM_THREADS)" library gcc-O2 theory plain OPENBLAS_NUM_THREADS=2
row "2 threads" schedule gcc-O2 "$all" plain -- --jobs 1 --threads 2
row "4 threads" schedule gcc-O2 "$all" plain -- --jobs 1 --threads 4
row "2 jobs" schedule gcc-O2 "$all" plain -- --jobs 2 --threads 1
row "2 jobs of 4 threads" schedule gcc-O2 "$all" plain -- --jobs 2 --threads 4
row "stopped at checkpoints and resumed" schedule gcc-O2 "points points_double images images14_double theory" stopped
row "one stored state per step, stages recomputed (solver.store)" schedule gcc-O2 "images images14" kept -- --jobs 1 --threads 1 --set solver.store=steps
echo "${VARIANTS:-gcc -O2 -O3
gcc -O1 -O1
gcc -O3 -O3
clang -O1 -O1
clang -O2 -O3
clang -O3 -O3}" >"$work/variants"
while read -r compiler level kernels; do
    name=$compiler$level label="$compiler $level"
    [ "$kernels" = -O3 ] || { name=$name$kernels && label="$label, the kernels $kernels"; }
    build "$compiler" "$level" "$kernels"
    [ "$name" = gcc-O2 ] || row "$label" compiler "$name" "$all" plain
    if libraries "$name"; then outcome="**same**"
    else outcome="**differs**, though guaranteed" broken=$((broken + 1))
    fi
    echo "| $label, a program with the static and with the shared library | $outcome | | | | | |" >>"$work/table"
    case $name in
        clang-O3 | *-O1) row "$label, portable kernels" instructions "$name" "$single" plain AFFJORD_SIMD=portable ;;
    esac
done <"$work/variants"

times >"$work/times" # of this shell, then of its children
spent=$(awk 'NR == 2 { print int($1) + int($2) + 1 }' "$work/times")
count() { wc -l <"$work/$1.reference"; }
{
    cat <<END
# Determinism

This table lists which changes of compiler, kernels, libraries and threads keep all results bit-identical. A script
writes it:

    tests/stress/determinism.sh

It took $(( ($(date +%s) - began + 30) / 60 )) minutes ($spent of processor time), without builds that build/determinism already had.
[Reliability](reliability.md#determinism) has the guarantees, and the reasons for differences.

- $(date -u +%Y-%m-%d), commit $commit
- $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(nproc) processors; instructions: $("$built/gcc-O2/affjord" --version | sed -n 's/.*kernels \([a-z0-9]*\),.*/\1/p')
- $(gcc --version | head -n 1)
- $(clang --version | head -n 1)
- OpenBLAS $(pkg_version libopenblas-dev), SLEEF $(pkg_version libsleef-dev), glibc $(pkg_version libc6)

The reference is gcc -O2, one job of one thread, the best instruction set of this processor. The script compares losses and
evaluations of every epoch, metrics, stored densities and samples, and checkpoints: $(count points), $(count points_double),
$(count images), $(count images14), $(count images14_double) and $(count theory) rows. It trains both models on points (TY and Hash-Gaussian) and on images of 8 × 8 and
14 × 14 pixels. Kernels are compiled with -O3 where the row does not name another level.

| cell | meaning |
|---|---|
| **same** | bit-identical, as guaranteed |
| same | bit-identical here, without a guarantee |
| empty | this experiment has no such variant |

| change | points | points, double | images | images 14 × 14 | the same, double | experiment theory, double |
|---|---|---|---|---|---|---|
END
    cat "$work/table"
    # Keep the section about other processors, which no script writes.
    if grep -qs '^## Other processors' "$to"; then echo && sed -n '/^## Other processors/,$p' "$to"; fi
} >"$work/page"
mkdir -p "$(dirname "$to")"
cp "$work/page" "$to"
cat "$work/table"
[ "$broken" = 0 ] || { echo "$broken cells differ that are guaranteed to be the same" >&2; exit 1; }
