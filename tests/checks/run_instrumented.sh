#!/bin/sh
# run_instrumented.sh - the tests, and trainings from the command line, under an instrument: 1 on any finding of any process.
#
#   run_instrumented.sh asan|ubsan|tsan|memcheck FOLDER [TESTS]
#
# FOLDER is that of the build; TESTS are all, short or patterns as 'suite/test' or 'a/*|b/*', and without it all (of
# memcheck short). skip.txt says which all and short leave out. An exit status does not reach far enough: a
# test may expect its program to fail, and a worker's end is its parent's to judge. So each process writes what was
# found in it into a file of its own, and no file may be left.
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

# matches NAME PATTERNS: is it one of them?
matches() (
    set -f
    name=$1 IFS='|'
    for pattern in $2; do
        # shellcheck disable=SC2254 # a pattern
        case $name in $pattern) exit 0 ;; esac
    done
    exit 1
)

# The names of the tests that are wanted, a line each.
names() {
    awk '/^[^ ]+: [0-9]+ test/ { suite = $1; sub(":", "", suite); next } { print suite "/" $NF }' "$scratch/list" |
        while read -r name; do if matches "$name" "$wanted" && ! matches "$name" "$left"; then echo "$name"; fi; done
}
findings=$PWD/$build/findings
rm -rf "$findings"
mkdir -p "$findings"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Exit statuses that the program does not have. No memory is an answer that tests want.
common="log_path=$findings/process:exitcode=99:allocator_may_return_null=1"
export OPENBLAS_NUM_THREADS=1
case $instrument in
asan) # Beside the one for addresses, the other writes no file; but it can abort, which the first reports.
    patience=10 iterations=2000
    export ASAN_OPTIONS="$common:detect_stack_use_after_return=1:strict_string_checks=1:handle_abort=1"
    export UBSAN_OPTIONS="$common:abort_on_error=1"
    ;;
ubsan)
    patience=10 iterations=2000
    export UBSAN_OPTIONS="$common:print_stacktrace=1"
    ;;
tsan) # Criterion's workers inherit memory at addresses that this one needs for itself: the program alone is looked at.
    patience=20 iterations=1000
    export TSAN_OPTIONS="$common"
    ;;
memcheck) # -q: what is no finding is not said
    patience=60 iterations=150
    export OF=training # what a file of findings is named after
    # Programs that the tests call on are not ours to check. A shell is looked into, as it starts ours.
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
memcheck) # each by itself: Criterion's matching of patterns takes valgrind a minute, and a runner has one test at a time
    "$build/affjord-tests" --list >"$scratch/list" || exit 1
    names >"$scratch/names"
    [ -s "$scratch/names" ] || { echo "No test is named $wanted" >&2; exit 1; }
    # shellcheck disable=SC2016,SC2086 # for the shell that xargs starts; words
    xargs -P "$(nproc)" -I '{}' sh -c 'export OF="$(echo "$1" | tr / .)"; filter=$1 said=$2/$OF; shift 2
        "$@" --filter "$filter" >"$said" 2>&1 || { cat "$said"; exit 1; }' \
        sh '{}' "$scratch" $valgrind "$build/affjord-tests" <"$scratch/names" || failed=1
    echo "$(wc -l <"$scratch/names") tests of memory"
    ;;
*)
    filter="!($left)"
    [ "$wanted" = '*' ] || filter="@($wanted)"
    { "$build/affjord-tests" --filter "$filter"; echo "ended with $?"; } 2>&1 | tee "$scratch/said" | grep -vx 'ended with [0-9]*'
    # 99: something was found in the process that counts the tests, and its file is judged below.
    grep -qx 'ended with 0' "$scratch/said" || { grep -qx 'ended with 99' "$scratch/said" &&
        grep -q 'Failing: 0 | Crashing: 0' "$scratch/said"; } || failed=1
    ;;
esac

: >"$scratch/said"
# Workers of several threads, stopped after a checkpoint, resumed, and evaluated.
sh tests/tiny_experiment.sh small 0-1 "$iterations" 50 1 >"$scratch/small.ini"
affjord() {
    ${valgrind:-} "$build/affjord" "$@" --db "$scratch/small.db"
}
ask() { sqlite3 -cmd '.timeout 10000' "$scratch/small.db" "$1" 2>/dev/null; }
${valgrind:-} "$build/affjord" "$scratch/small.ini" --db "$scratch/small.db" --jobs 2 --threads 2 --quiet &
process=$!
if hold_at $process "$scratch/small.db" 'SELECT count(*) FROM checkpoint'; then let_go $process TERM; fi
wait $process
stopped=$?
key=$(ask "SELECT min(key) FROM run WHERE status = 'interrupted'")
if [ $stopped != 1 ] || [ -z "$key" ] || ! affjord "$scratch/small.ini" --jobs 2 --threads 2 --quiet ||
    ! affjord list >/dev/null || ! affjord check --sample 1 --threads 2 >"$scratch/said" ||
    ! affjord sample "$key" --n 1000 --threads 3 --output "$scratch/x.npy" ||
    ! affjord eval "$key" --input "$scratch/x.npy" --threads 3 --output "$scratch/p.npy" >>"$scratch/said"; then
    cat "$scratch/said"
    echo "A training from the command line failed under $instrument: stopped with $stopped" >&2
    failed=1
fi
# The only threads besides are those of images.
if [ "$instrument" = tsan ]; then
    for what in toy conv; do "$build/affjord" bench $what --repeats 1 || failed=1; done
fi

# Where nothing was found there are no files, or empty ones, or remarks: that so much memory is not to be had; that
# valgrind does not know a request to the kernel (by which script opens its terminal); that a jump leads to another
# stack, as it does between the threads of tests/cuda_on_host.
remarks='failed to allocate|unhandled ioctl|could cause spurious value errors|README_MISSING_SYSCALL_OR_IOCTL'
remarks="$remarks|ignoring requested __asan_handle_no_return|False positive error reports may follow|sanitizers/issues/189"
# Criterion now and then keeps a few dozen bytes of a worker that it has seen the end of: leaks of its own calls alone.
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
