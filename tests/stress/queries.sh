#!/bin/sh
# queries.sh - measure the time of queries on ten million rows of epochs: tests/stress/queries.sh [DATABASE]
#
# DATABASE is one from tests/stress/make_large_db.sh; the default is a temporary one (a gigabyte in TMPDIR). Each query
# runs five times, queries of all rows once. Prints the least processor time and the least elapsed time as a Markdown
# table. The exit status is 1 if a view of results, a curve of one model of an experiment (25,000 rows of epoch), or
# every hundredth point of all of its curves takes more than 100 ms of processor time. Larger queries are shown without
# a bound.
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
query() { # MILLISECONDS SQL [TIMES]: MILLISECONDS is the bound, 0: none
    {
        printf '.timer on\n.output %s\n' "$work/rows"
        for _ in $(seq "${3:-5}"); do echo "$2;"; done
    } | sqlite3 -readonly "$database" >"$work/timed"
    awk -v sql="$2" -v bound="$1" -v rows=$(($(wc -l <"$work/rows") / ${3:-5})) '
        /^Run Time:/ { real = $4 * 1000; used = ($6 + $8) * 1000 }
        NR == 1 || used < least { least = used }
        NR == 1 || real < clock { clock = real }
        END { printf "| `%s` | %d | %.1f | %.1f |\n", sql, rows, least, clock; exit(bound > 0 && least > bound) }
    ' "$work/timed" || slow=$((slow + 1))
}

rows=$(sqlite3 -readonly "$database" "SELECT count(*) FROM epoch")
echo "$rows rows of epoch, $(($(stat -c %s "$database") / 1000000)) MB, SQLite $(sqlite3 --version | cut -d' ' -f1)"
echo
echo '| question | rows | processor, ms | clock, ms |'
echo '|---|---|---|---|'
for view in table1 table2 claims toy_losses toy_rates toy_tests image_losses image_nfe image_solves theory_statements; do
    query 100 "SELECT * FROM $view"
done
for view in loss_curves nfe_curves; do
    query 100 "SELECT * FROM $view WHERE experiment = 'points_07' AND model = 'affjord' AND split = 'validation'"
    query 0 "SELECT * FROM $view WHERE experiment = 'points_07' AND split = 'validation'"
    query 100 "SELECT * FROM $view WHERE experiment = 'points_07' AND iteration % 10000 = 0"
    query 0 "SELECT * FROM $view WHERE experiment = 'points_07'"
    query 0 "SELECT * FROM $view WHERE experiment = 'seeds_1' AND split = 'validation'"
done
run=$(sqlite3 -readonly "$database" "SELECT max(run_id) FROM run")
query 100 "SELECT iteration, loss FROM epoch WHERE run_id = $run AND split = 'validation'"
query 100 "SELECT max(epoch) FROM epoch WHERE run_id = $run"
query 0 "SELECT * FROM loss_curves LIMIT 1" 1
query 0 "SELECT * FROM loss_curves" 1
[ "$slow" = 0 ] || { echo "$slow questions are slower than 100 ms" >&2; exit 1; }
