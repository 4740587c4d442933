#!/bin/sh
# queries.sh - measure the cost of queries on ten million rows of epochs: tests/stress/queries.sh [DATABASE]
#
# DATABASE is one from tests/stress/make_large_db.sh; the default is a temporary one (a gigabyte in TMPDIR). Each query
# runs five times, queries of all rows once. Prints a Markdown table: millions of steps of SQLite's virtual machine,
# which are the same on every machine, the least processor time and the least elapsed time. The exit status is 1 if a
# view of results or every hundredth point of an experiment's curves takes more than 3 million steps (some 100 ms), or a
# curve of one model (25,000 rows of epoch) more than 7 million. Larger queries are shown without a bound.
set -eu
export LC_ALL=C
cd "$(dirname "$0")/../.."
database=${1:-}
work=$(mktemp -d "${TMPDIR:-/tmp}/affjord-queries-XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
[ -n "$database" ] || { database=$work/rows.db; sh tests/stress/make_large_db.sh "$database"; }

slow=0
query() { # MILLIONS SQL [TIMES]: MILLIONS of steps are the bound, 0: none
    {
        printf '.timer on\n.output %s\n' "$work/rows"
        for _ in $(seq "${3:-5}"); do echo "$2;"; done
        printf '.timer off\n.stats vmstep\n.output %s\n%s;\n' "$work/steps" "$2"
    } | sqlite3 -readonly "$database" >"$work/timed"
    grep '^VM-steps:' "$work/steps" >>"$work/timed"
    awk -v sql="$2" -v bound="$1" -v rows=$(($(wc -l <"$work/rows") / ${3:-5})) '
        /^VM-steps:/ { steps = $2 / 1e6; next }
        /^Run Time:/ { real = $4 * 1000; used = ($6 + $8) * 1000 }
        NR == 1 || used < least { least = used }
        NR == 1 || real < clock { clock = real }
        END {
            printf "| `%s` | %d | %.2f | %.1f | %.1f |\n", sql, rows, steps, least, clock
            exit(bound > 0 && steps > bound)
        }
    ' "$work/timed" || slow=$((slow + 1))
}

rows=$(sqlite3 -readonly "$database" "SELECT count(*) FROM epoch")
echo "$rows rows of epoch, $(($(stat -c %s "$database") / 1000000)) MB, SQLite $(sqlite3 --version | cut -d' ' -f1)"
echo
echo '| question | rows | steps, millions | processor, ms | clock, ms |'
echo '|---|---|---|---|---|'
for view in table1 table2 claims toy_losses toy_rates toy_tests image_losses image_nfe image_solves theory_statements; do
    query 3 "SELECT * FROM $view"
done
for view in loss_curves nfe_curves; do
    query 7 "SELECT * FROM $view WHERE experiment = 'points_07' AND model = 'affjord' AND split = 'validation'"
    query 0 "SELECT * FROM $view WHERE experiment = 'points_07' AND split = 'validation'"
    query 3 "SELECT * FROM $view WHERE experiment = 'points_07' AND iteration % 10000 = 0"
    query 0 "SELECT * FROM $view WHERE experiment = 'points_07'"
    query 0 "SELECT * FROM $view WHERE experiment = 'seeds_1' AND split = 'validation'"
done
run=$(sqlite3 -readonly "$database" "SELECT max(run_id) FROM run")
query 3 "SELECT iteration, loss FROM epoch WHERE run_id = $run AND split = 'validation'"
query 3 "SELECT max(epoch) FROM epoch WHERE run_id = $run"
query 0 "SELECT * FROM loss_curves LIMIT 1" 1
query 0 "SELECT * FROM loss_curves" 1
[ "$slow" = 0 ] || { echo "$slow questions take more steps than their bound" >&2; exit 1; }
