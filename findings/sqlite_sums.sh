#!/bin/sh
# sqlite_sums.sh - sum and avg of the same rows differ between versions of SQLite
#
# Expected: the same query on the same file gives the same digits: SQLite adds doubles in the
#   order of the rows.
# Observed: since version 3.43, sums are compensated for rounding errors. Sums of numbers of
#   different sizes differ visibly, means of similar numbers in the last digit.
# Version: SQLite 3.42.0 and 3.54.1
#
# Source: apsw, which brings SQLite along. Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
for version in 3.42.0.1 3.54.1.0; do
    python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/$version" apsw==$version
    PYTHONPATH="$folder/$version" python3 - >"$folder/$version.txt" <<'END'
import apsw

db = apsw.Connection(":memory:")
db.execute("CREATE TABLE a (x REAL)")
db.executemany("INSERT INTO a VALUES (?)", [(x,) for x in (1e16, 1.0, 1.0, -1e16, 0.1, 0.2, 0.3)])
print(*db.execute("SELECT sum(x), avg(x) FROM a").fetchone())
END
    echo "apsw $version: sum and mean of 1e16, 1, 1, -1e16, 0.1, 0.2, 0.3: $(cat "$folder/$version.txt")"
done
if cmp -s "$folder/3.42.0.1.txt" "$folder/3.54.1.0.txt"; then
    echo "changed: they are the same"
    exit 1
fi
test "$(cut -c 1-3 "$folder/3.54.1.0.txt")" = 2.6
