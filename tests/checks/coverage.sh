#!/bin/sh
# coverage.sh - what the tests reach of core and runner: coverage.sh FOLDER... of builds with COVERAGE=1
#
# All builds count together, as each has what the other lacks. Writes build/coverage: summary.txt, index.html with a page
# for each file, and coverage.json. Ends with 1 where a test fails, or less is reached than is asked for here.
set -u
lines=90 branches=80
folder=build/coverage
mkdir -p "$folder"
export OPENBLAS_NUM_THREADS=1 AFFJORD_PATIENCE=10
failed=0
for build; do
    find "$build" -name '*.gcda' -delete
    # The first two try a build of their own; in the third memory ends in what writes the counts too, which crashes then.
    "$build/affjord-tests" --filter "!(install/*|tutorial/*|stress/a_model_is_exported_*)" || failed=1
    set -- "$@" "$build/core" "$build/runner"
    shift
done
# A branch that no execution can take is not for tests to reach; gcc makes some for its own ends. (Without Python's
# assertions, as gcovr 5 takes functions of one name, as kernels for several levels are, for a mistake.)
PYTHONOPTIMIZE=1 gcovr --root . --filter core/ --filter runner/ --exclude-unreachable-branches \
    --exclude-throw-branches --print-summary --fail-under-line $lines --fail-under-branch $branches \
    --txt "$folder/summary.txt" --json "$folder/coverage.json" --html-details "$folder/index.html" \
    --html-title "What the tests reach" "$@" || failed=1
exit $failed
