#!/bin/sh
# coverage.sh - the parts of core and runner that tests execute: coverage.sh FOLDER... of builds with COVERAGE=1
#
# Counts of all builds are added, because each executes parts that the others lack. Writes build/coverage: summary.txt,
# index.html with a page for each file, and coverage.json. Exits with 1 if a test fails, or a share is below the bounds
# here.
set -u
lines=90 branches=80
folder=build/coverage
mkdir -p "$folder"
export OPENBLAS_NUM_THREADS=1 AFFJORD_PATIENCE=10
failed=0
for build; do
    find "$build" -name '*.gcda' -delete
    # The first two test a separate build. The third also exhausts memory in the code that writes the counts, which then
    # crashes.
    "$build/affjord-tests" --filter "!(install/*|tutorial/*|stress/a_model_is_exported_*)" || failed=1
    set -- "$@" "$build/core" "$build/runner"
    shift
done
# Exclude branches that no execution can take; gcc generates some. (gcovr 5 asserts that function names are unique;
# kernels for several levels share names, so Python's assertions are off.)
PYTHONOPTIMIZE=1 gcovr --root . --filter core/ --filter runner/ --exclude-unreachable-branches \
    --exclude-throw-branches --print-summary --fail-under-line $lines --fail-under-branch $branches \
    --txt "$folder/summary.txt" --json "$folder/coverage.json" --html-details "$folder/index.html" \
    --html-title "What the tests reach" "$@" || failed=1
exit $failed
