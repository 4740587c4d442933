#!/bin/sh
# run.sh - run the fuzz targets for some time: tests/fuzz/run.sh BUILD SECONDS [TARGET...]
#
# Each target starts with its corpus in tests/fuzz/corpus: small valid files, and files that once broke a reader. New
# inputs stay in BUILD/fuzz/TARGET. Inputs that break a reader are printed and stored there as crash-..., oom-... or
# timeout-...; the exit status is then 1.
set -eu
[ $# -ge 2 ] || { echo "usage: tests/fuzz/run.sh BUILD SECONDS [TARGET...]" >&2; exit 2; }
cd "$(dirname "$0")/../.."
build=$1 seconds=$2
shift 2
if [ $# -eq 0 ]; then
    for source in tests/fuzz/*.c; do set -- "$@" "$(basename "$source" .c)"; done
fi
status=0
for target; do
    found=$build/fuzz/$target
    mkdir -p "$found" "tests/fuzz/corpus/$target"
    if "$build/fuzz-$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=1024 -malloc_limit_mb=512 \
        -max_len=65536 -artifact_prefix="$found/" -print_final_stats=1 "$found" "tests/fuzz/corpus/$target" \
        >"$found.log" 2>&1; then
        awk -v target="$target" '
            /stat::number_of_executed_units/ { runs = $2 }
            / cov: / { for (i = 1; i < NF; i++) if ($i == "cov:") edges = $(i + 1) }
            END { printf "%-14s %10d inputs, %5d edges reached, nothing found\n", target, runs, edges }' "$found.log"
    else
        tail -n 25 "$found.log" >&2
        echo "$target: broken by $(sed -n 's/.*Test unit written to //p' "$found.log")" >&2
        status=1
    fi
done
exit $status
