#!/bin/sh
# readers.sh - check that every reader of SQLite files gives the same digits for each table and view of the reference
# database: Debian's SQLite, two newer ones, pandas, DuckDB and R. Installs packages from PyPI in a temporary folder.
#
#   sh tests/readers.sh [DATABASE]
set -eu
database=${1:-results/reference.db}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" -q install apsw==3.54.1.0 pysqlite3-binary==0.5.4.post2 pandas==3.1.1 duckdb==1.5.5 \
    duckdb-extension-sqlite-scanner==1.5.5
cp "$database" "$folder/r.db"
# Use this version's views, not those of the file.
cat runner/record/views.sql runner/record/views_regularized.sql runner/record/claims.sql | sqlite3 -batch -init /dev/null "$folder/r.db"
LC_ALL=C
export LC_ALL
"$folder/venv/bin/python" tests/readers.py sqlite3 "$folder/r.db" | sort >"$folder/expected"
failed=0
same() {
    if cmp -s "$folder/expected" "$folder/given"; then echo "$1: the same $(wc -l <"$folder/given") rows"; return; fi
    failed=$((failed + 1))
    echo "$1: differs from sqlite3 (<)"
    diff "$folder/expected" "$folder/given" | head -n 20
}
for reader in apsw pysqlite3 pandas duckdb; do
    "$folder/venv/bin/python" tests/readers.py $reader "$folder/r.db" | sort >"$folder/given"
    same $reader
done
Rscript tests/readers.R "$folder/r.db" | sort >"$folder/given"
same R
echo "$((5 - failed)) passed, $failed failed"
test $failed = 0
