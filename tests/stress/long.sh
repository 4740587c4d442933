#!/bin/sh
# long.sh - measure memory, database size and the cost of recording in a long training: tests/stress/long.sh
# [ITERATIONS]
#
# A training of a million iterations (or ITERATIONS) of some microseconds, an epoch every 400 of them or more, so that
# it takes 10 ms (50 in runs of less than 100,000), and a checkpoint every 25 epochs. While it runs, the script samples
# the resident memory and processor time of the recording and the training process, and the pages of the database. A
# short training first measures the machine's speed.
#
# Exit status 1 if after the first tenth either process grows by more than 1 MB; if rows of the second half need more
# space than those of the first, by a tenth and two pages; or, in a run of 100,000 iterations or more, if recording
# takes more than 1% of the training's processor time. (This is only checked if the training had a processor to itself:
# transactions are committed twice a second, so a busy machine has more of them per iteration.)
#
# AFFJORD names the program, build/affjord if it is not set.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/../.."
iterations=${1:-1000000}
program=${AFFJORD:-build/affjord}
. tests/stress/experiments.sh
work=$(mktemp -d "${TMPDIR:-/tmp}/affjord-long-XXXXXX")
child=
end() {
    [ -z "$child" ] || kill -TERM "$child" 2>/dev/null || true
    wait
    rm -rf "$work"
}
trap end EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

resident() { sed -n 's/^VmRSS:[^0-9]*\([0-9]*\) kB/\1/p' "/proc/$1/status" 2>/dev/null; }
processor_seconds() { # of all its threads, user and system time
    cat "/proc/$1/task/"*/schedstat 2>/dev/null | awk '{ sum += $1 } END { printf "%.6f\n", sum / 1e9 }'
}

# One line: iterations done, kB of the recording and of the training process, processor time of both, rows of epochs,
# bytes.
sample() {
    seen=$(sqlite3 -readonly -separator ' ' "$work/long.db" "SELECT process, iteration,
        (SELECT count(*) FROM epoch), (SELECT page_count * page_size FROM pragma_page_count, pragma_page_size)
        FROM run WHERE status = 'running'" 2>/dev/null) || return 0
    [ -n "$seen" ] || return 0
    # shellcheck disable=SC2086 # four numbers
    set -- $seen
    line="$2 $(resident "$child") $(resident "$1") $(processor_seconds "$child") $(processor_seconds "$1") $3 $4"
    [ "$(echo "$line" | wc -w)" = 7 ] && echo "$line" >>"$work/samples"
    return 0
}

write_fast "$work/first.ini" 4000 4000 1
"$program" "$work/first.ini" --db "$work/first.db" --jobs 1 --threads 1 --quiet
each=$(sqlite3 "$work/first.db" "SELECT printf('%.9f', wall_seconds / iteration) FROM run")
epoch=50
[ "$iterations" -lt 100000 ] ||
    for epoch in 400 800 2000 4000 8000 20000; do # the first of these that takes 10 ms
        awk "BEGIN { exit !($each * $epoch >= 0.01) }" && break
    done
pause=$(awk "BEGIN { pause = $each * $iterations / 50; print (pause < 0.02) ? 0.02 : (pause > 1) ? 1 : pause }")
write_fast "$work/long.ini" "$iterations" "$epoch" 25
: >"$work/samples"
began=$(date +%s.%N)
"$program" "$work/long.ini" --db "$work/long.db" --jobs 1 --threads 1 --quiet >"$work/log" 2>&1 &
child=$!
while kill -0 "$child" 2>/dev/null; do
    sample
    sleep "$pause"
done
wait "$child" || { cat "$work/log" >&2; exit 1; }
child=
seconds=$(date +%s.%N | awk -v began="$began" '{ print $1 - began }')
rows=$(sqlite3 "$work/long.db" "SELECT count(*) FROM epoch")
expected=$((2 * (iterations / epoch)))
[ "$rows" = $expected ] || { echo "$rows rows of epochs, not $expected" >&2; exit 1; }

awk -v iterations="$iterations" -v seconds="$seconds" -v rows="$rows" '
    $1 >= iterations / 10 {
        if (!seen++) { parent = $2; worker = $3; first_rows = $6; first_bytes = $7 }
        if ($2 - parent > parent_growth) parent_growth = $2 - parent
        if ($3 - worker > worker_growth) worker_growth = $3 - worker
        if (!half_rows && $1 >= iterations * 0.55) { half_rows = $6; half_bytes = $7 }
        recording = $4; training = $5; last_rows = $6; last_bytes = $7
    }
    END {
        if (seen < 5 || last_rows <= half_rows) { print "too few samples"; exit 1 }
        early = (half_bytes - first_bytes) / (half_rows - first_rows)
        late = last_bytes - half_bytes
        share = training ? recording / training : 0
        quiet = training > 0.8 * seconds
        printf "%d iterations, %d rows of epochs, %.1f seconds; %d samples after the first tenth\n", iterations, rows, seconds, seen
        printf "recording process: %.1f MB after a tenth, at most %d KB more later\n", parent / 1024, parent_growth
        printf "training process: %.1f MB after a tenth, at most %d KB more later\n", worker / 1024, worker_growth
        printf "database: %.1f bytes a row, %.1f in the second half\n", early, late / (last_rows - half_rows)
        printf "processor time: %.3f s recording, %.2f s training, %.2f%%%s\n", recording, training, 100 * share,
            quiet ? "" : " (the machine was busy)"
        bad = parent_growth > 1024 || worker_growth > 1024 || late > 1.1 * early * (last_rows - half_rows) + 8192
        if (iterations >= 100000 && quiet && share > 0.01) bad = 1
        if (bad) print "That is too much."
        exit bad
    }' "$work/samples"
