#!/bin/sh
# duckdb_views_of_sqlite.sh - DuckDB computes an SQLite file's view by its own rules
#
# Expected: a view of an attached SQLite file has the rows that SQLite gives.
# Observed: DuckDB executes the view's text itself. 7 / 2 is 3.5 instead of 3, and CAST(x AS REAL)
#   rounds to four bytes. If it cannot execute the text, it passes it to an internal SQLite
#   without sqrt.
# Version: DuckDB 1.5.5 with its sqlite_scanner, Python's sqlite3
#
# Source: duckdb, ATTACH (TYPE sqlite). Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/v" duckdb==1.5.5 duckdb-extension-sqlite-scanner==1.5.5
PYTHONPATH="$folder/v" python3 - <<'END'
import os
import pathlib
import sqlite3
import sys
import tempfile

import duckdb
import duckdb_extension_sqlite_scanner as scanner

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "a.db")
    file = sqlite3.connect(path)
    file.executescript("CREATE TABLE a (i INTEGER, x REAL); INSERT INTO a VALUES (7, 0.1);"
                       "CREATE VIEW v AS SELECT i / 2 AS half, CAST(x AS REAL) AS x FROM a;"
                       "CREATE VIEW w AS SELECT sqrt(max(0, x)) AS root FROM a")
    theirs = duckdb.connect()
    theirs.execute(f"LOAD '{next(pathlib.Path(scanner.__file__).parent.rglob('*.duckdb_extension'))}'")
    theirs.execute(f"ATTACH '{path}' AS a (TYPE sqlite)")
    here, there = file.execute("SELECT * FROM v").fetchone(), theirs.execute("SELECT * FROM a.v").fetchone()
    print("sqlite", sqlite3.sqlite_version, here, " duckdb", duckdb.__version__, there)
    try:
        root = theirs.execute("SELECT * FROM a.w").fetchone()
    except duckdb.Error as error:
        root = str(error).split('": ')[-1].split("\n")[0]
    print("duckdb, sqrt(max(0, x)):", root)
    theirs.close()
    sys.exit(0 if here == (3, 0.1) and there[0] == 3.5 and 0 < abs(there[1] - 0.1) < 1e-8 and "sqrt" in str(root)
             else "changed")
END
