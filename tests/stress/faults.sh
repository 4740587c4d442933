#!/usr/bin/env bash
# faults.sh - disks that fail, memory that ends, clocks that jump: tests/stress/faults.sh STRIDE [MEMORY [BUILD]]
#
# A small experiment is run again and again through build/fault.so (fault.c beside
# this file), and each time another call fails: the first, then STRIDE further, and
# so on to the last; of the many calls for memory every MEMORY-th (1000). What
# fails once is also tried failing for good from then on. Each time
#
#   - the program ends by itself, done or with exit status 1 and the reason;
#   - the database is whole, and the checkpoints that it names are as they were written;
#   - the next start, with nothing failing, ends with the numbers and files of an
#     undisturbed run.
#
# What a program should not notice (calls that do half, interrupted calls, clocks that
# jump) it must not fail of. Ends at the first breach, and says how to have it again.
set -euo pipefail
[ $# -ge 1 ] && [ $# -le 3 ] || { echo "usage: tests/stress/faults.sh STRIDE [MEMORY [BUILD]]" >&2; exit 2; }
cd "$(dirname "$0")/../.."
stride=$1 memory=${2:-1000} build=$(realpath "${3:-build}")
work=$(mktemp -d "${TMPDIR:-/tmp}/affjord-faults-XXXXXX")
trap 'rm -rf "$work"' EXIT
sh tests/tiny_experiment.sh small 0 20 10 1 >"$work/small.ini"

run() { "$build/affjord" "$work/small.ini" --db "$work/here/runs.db" --jobs 1 --quiet >"$work/said" 2>&1; }
numbers() { cat tests/results.sql tests/kept.sql | sqlite3 -bail "$work/here/runs.db" 2>&1; }
files() { (cd "$work/here" && find . -type f | sort); }
# run_failing KIND PATH AT LAST - with these calls failing; its exit status
run_failing() {
    local outcome=0
    rm -f "$work/count"
    LD_PRELOAD=$build/fault.so FAULT=$1 FAULT_PATH=$2 FAULT_AT=$3 FAULT_LAST=$4 FAULT_COUNTER=$work/count \
        timeout 60 "$build/affjord" "$work/small.ini" --db "$work/here/runs.db" --jobs 1 --quiet \
        >"$work/said" 2>&1 || outcome=$?
    return $outcome
}

breach() {
    echo "faults.sh: $*: FAULT=$kind FAULT_PATH=$path FAULT_AT=$at FAULT_LAST=$last" >&2
    sed 's/^/    /' "$work/said" >&2
    exit 1
}

# The reason that a message has to give.
declare -A reasons=(
    [enospc]='No space left|disk is full|disk I/O error'
    [eio]='Input/output error|disk I/O error|I/O'
    [sync]='Input/output error|disk I/O error'
    [rename]='Permission denied'
    [create]='Permission denied|unable to open|readonly|read-only'
    [memory]='memory'
    [eio pipe:]='Input/output error|ended by signal 9|its process ended'
)

# What a failing run left: whole, and good to go on with.
examine() {
    if [ -s "$work/here/runs.db" ]; then
        [ "$(sqlite3 "$work/here/runs.db" 'PRAGMA integrity_check' 2>&1)" = ok ] || breach "the database is damaged"
        sqlite3 -separator '  ' "$work/here/runs.db" \
            "SELECT c.sha256, '$work/here/' || c.path FROM checkpoint c" 2>/dev/null >"$work/sums" || : >"$work/sums"
        [ ! -s "$work/sums" ] || sha256sum --quiet -c "$work/sums" >>"$work/said" 2>&1 || breach "a checkpoint is damaged"
    fi
    run || breach "the next start fails (what it said is above)"
    numbers | cmp -s - "$work/expected" || breach "the next start ends with other numbers"
    files | diff "$work/expected_files" - >>"$work/said" || breach "the next start leaves other files"
}

# sweep KIND PATH STRIDE once|always - the calls one after the other
sweep() {
    kind=$1 path=$2 at=0 last=0
    local step=$3 mode=$4 calls cases=0 survived=0 outcome
    rm -rf "$work/here"; mkdir "$work/here"
    run_failing "$kind" "$path" 1000000000 0 || breach "fails with nothing failing"
    calls=$(od -An -td8 "$work/count" | tr -d ' ')
    [ "$calls" -gt 0 ] || breach "no call could have failed"
    for ((at = 1; at <= calls; at += step)); do
        last=$at
        [ "$mode" = once ] || last=0
        rm -rf "$work/here"; mkdir "$work/here"
        outcome=0
        run_failing "$kind" "$path" $at $last || outcome=$?
        cases=$((cases + 1))
        case $outcome in
        0) survived=$((survived + 1)) ;;
        1) grep -qE "${reasons[$kind $path]:-${reasons[$kind]}}" "$work/said" || breach "it does not say why" ;;
        124) breach "it hangs" ;;
        *) breach "exit status $outcome" ;;
        esac
        examine
    done
    printf '%-12s %-12s %6d calls, %5d tried failing %-6s  %5d runs done all the same\n' "$kind" "${path##*/}" "$calls" \
        "$cases" "$mode" "$survived"
}

# unnoticed KIND - all calls at once
unnoticed() {
    kind=$1 path= at=0 last=0
    rm -rf "$work/here"; mkdir "$work/here"
    run_failing "$kind" "" 0 0 || breach "it fails of what it should not notice"
    numbers | cmp -s - "$work/expected" || breach "other numbers"
    files | diff "$work/expected_files" - >>"$work/said" || breach "other files"
    printf '%-12s %-12s %6d calls, all of them\n' "$kind" "" "$(od -An -td8 "$work/count")"
}

mkdir "$work/here"
kind=none path='' at=0 last=0
run || breach "an undisturbed run fails"
numbers >"$work/expected"
files >"$work/expected_files"

for kind in short interrupted clock; do unnoticed $kind; done
for mode in once always; do
    for kind in create rename sync; do sweep $kind /here/ $(((stride + 9) / 10)) $mode; done
    for kind in enospc eio; do sweep $kind /here/ "$stride" $mode; done
    sweep eio pipe: "$stride" $mode
    sweep memory '' "$memory" $mode
done
