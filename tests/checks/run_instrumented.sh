#!/bin/sh
# run_instrumented.sh - run the tests, and trainings from the command line, under an instrument: 1 on any finding in any
# process.
#
#   run_instrumented.sh asan|ubsan|tsan|memcheck FOLDER [TESTS]
#
# FOLDER is that of the build. TESTS is all, short, or patterns such as 'suite/test' or 'a/*|b/*'; the default is all
# (for memcheck, short). skip.txt lists the tests that are omitted. Exit statuses are not sufficient, because a test may
# expect its program to fail. So each process writes its findings to a separate file, and no file may exist at the end.
set -u
. tests/pause_at.sh
instrument=$1 build=$2
wanted='*' left=any
case $instrument,${3:-all} in
memcheck,all | memcheck,short) left='any|slow|memcheck' ;;
*,all) ;;
*,short) left='any|slow' ;;
*) wanted=$3 left=none ;;
esac
left=$(sed -nE "s/^($left) +([^ ]+) .*/\\2/p" tests/checks/skip.txt | paste -sd '|')

# matches NAME PATTERNS: return 0 if it matches one of them
matches() (
    set -f
    name=$1 IFS='|'
    for pattern in $2; do
        # shellcheck disable=SC2254 # a pattern
        case $name in $pattern) exit 0 ;; esac
    done
    exit 1
)

# Print the names of the selected tests, one per line.
names() {
    awk '/^[^ ]+: [0-9]+ test/ { suite = $1; sub(":", "", suite); next } { print suite "/" $NF }' "$scratch/list" |
        while read -r name; do if matches "$name" "$wanted" && ! matches "$name" "$left"; then echo "$name"; fi; done
}
findings=$PWD/$build/findings
rm -rf "$findings"
mkdir -p "$findings"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Use exit statuses that the program does not use. Some tests expect allocations to fail.
common="log_path=$findings/process:exitcode=99:allocator_may_return_null=1"
export OPENBLAS_NUM_THREADS=1
case $instrument in
asan) # With the address sanitizer, the other one writes no file; but it may abort, which the first reports.
    patience=10 iterations=2000
    export ASAN_OPTIONS="$common:detect_stack_use_after_return=1:strict_string_checks=1:handle_abort=1"
    export UBSAN_OPTIONS="$common:abort_on_error=1"
    ;;
ubsan)
    patience=10 iterations=2000
    export UBSAN_OPTIONS="$common:print_stacktrace=1"
    ;;
tsan) # Criterion's workers inherit memory at addresses that this sanitizer needs, so only the program is checked.
    patience=20 iterations=1000
    export TSAN_OPTIONS="$common"
    ;;
memcheck) # -q: print findings only
    patience=60 iterations=150
    export OF=training # the name of the files of findings
    # External programs are not checked. A shell is, because it starts this program.
    valgrind="valgrind -q --error-exitcode=99 --leak-check=full --show-leak-kinds=definite,indirect
        --errors-for-leak-kinds=definite,indirect --suppressions=$PWD/tests/checks/valgrind.supp --trace-children=yes --child-silent-after-fork=no
        --log-file=$findings/%q{OF}.%p
        --trace-children-skip=*/mktemp,*/sqlite3,*/gnuplot*,*/chromium*,*/python3*,*/R*,*/make,*/cc,*/gcc,*/c++,*/perl,*/awk"
    ;;
*)
    sed -n '2,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
    ;;
esac

failed=0
export AFFJORD_PATIENCE=$patience
case $instrument in
tsan) ;;
memcheck) # one test per process: matching patterns takes a minute under valgrind, and a runner runs one test at a time
    "$build/affjord-tests" --list >"$scratch/list" || exit 1
    names >"$scratch/names"
    [ -s "$scratch/names" ] || { echo "No test is named $wanted" >&2; exit 1; }
    # shellcheck disable=SC2016,SC2086 # for the shell that xargs starts; words
    xargs -P "$(nproc)" -I '{}' sh -c 'export OF="$(echo "$1" | tr / .)"; filter=$1 printed=$2/$OF; shift 2
        "$@" --filter "$filter" >"$printed" 2>&1 || { cat "$printed"; exit 1; }' \
        sh '{}' "$scratch" $valgrind "$build/affjord-tests" <"$scratch/names" || failed=1
    echo "$(wc -l <"$scratch/names") tests of memory"
    ;;
*)
    filter="!($left)"
    [ "$wanted" = '*' ] || filter="@($wanted)"
    { "$build/affjord-tests" --filter "$filter"; echo "ended with $?"; } 2>&1 | tee "$scratch/printed" | grep -vx 'ended with [0-9]*'
    # 99: a finding in the process that runs the tests; its file is checked below.
    grep -qx 'ended with 0' "$scratch/printed" || { grep -qx 'ended with 99' "$scratch/printed" &&
        grep -q 'Failing: 0 | Crashing: 0' "$scratch/printed"; } || failed=1
    ;;
esac

: >"$scratch/printed"
# Workers of several threads, stopped after a checkpoint, resumed, and evaluated.
sh tests/tiny_experiment.sh small 0-1 "$iterations" 50 1 >"$scratch/small.ini"
affjord() {
    ${valgrind:-} "$build/affjord" "$@" --db "$scratch/small.db"
}
query() { sqlite3 -cmd '.timeout 10000' "$scratch/small.db" "$1" 2>/dev/null; }
${valgrind:-} "$build/affjord" "$scratch/small.ini" --db "$scratch/small.db" --jobs 2 --threads 2 --quiet &
process=$!
if hold_at $process "$scratch/small.db" 'SELECT count(*) FROM checkpoint'; then let_go $process TERM; fi
wait $process
stopped=$?
key=$(query "SELECT min(key) FROM run WHERE status = 'interrupted'")
if [ $stopped != 1 ] || [ -z "$key" ] || ! affjord "$scratch/small.ini" --jobs 2 --threads 2 --quiet ||
    ! affjord list >/dev/null || ! affjord check --sample 1 --threads 2 >"$scratch/printed" ||
    ! affjord sample "$key" --n 1000 --threads 3 --output "$scratch/x.npy" ||
    ! affjord eval "$key" --input "$scratch/x.npy" --threads 3 --output "$scratch/p.npy" >>"$scratch/printed"; then
    cat "$scratch/printed"
    echo "A training from the command line failed under $instrument: stopped with $stopped" >&2
    failed=1
fi
# Only image models have further threads.
if [ "$instrument" = tsan ]; then
    for what in toy conv; do "$build/affjord" bench $what --repeats 1 || failed=1; done
fi

# Without findings there are no files, empty ones, or files with only these remarks: a large allocation failed; valgrind
# does not know an ioctl (with which `script` opens its terminal); a jump to another stack, as between the fibers of
# tests/cuda_on_host.
remarks='failed to allocate|unhandled ioctl|could cause spurious value errors|README_MISSING_SYSCALL_OR_IOCTL'
remarks="$remarks|ignoring requested __asan_handle_no_return|False positive error reports may follow|sanitizers/issues/189"
# Criterion sometimes leaks some dozen bytes of an ended worker: ignore leaks in its own calls.
criterions() {
    awk '/leak of .* allocated from:/ { leaks++ } /^    #1 .*libcriterion/ { own++ }
        /ERROR: / && !/LeakSanitizer/ { others++ } END { exit leaks == 0 || leaks > own || others > 0 }' "$1"
}
for file in "$findings"/*; do
    if [ -f "$file" ] && { ! grep -qvE "$remarks" "$file" || criterions "$file"; }; then rm "$file"; fi
done
if [ -n "$(ls "$findings")" ]; then
    failed=1
    echo "Found by $instrument in $(find "$findings" -type f | wc -l) processes, in $findings; one of them:" >&2
    head -n 60 "$(find "$findings" -type f | head -n 1)" >&2
fi
[ $failed = 0 ] && echo "$instrument: nothing found"
exit $failed
