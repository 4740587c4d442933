#!/usr/bin/env python3
"""readers.py - print every table and view of a database as one reader gives them, in one form for all readers.

    readers.py READER DATABASE        READER: sqlite3, apsw, pysqlite3, pandas, duckdb

A line is the relation's name and a row's values, numbers with all their digits, blobs as their length. Lines are sorted."""
import pathlib
import sqlite3
import sys


def shown(value):
    """The text of a value; other types get their Python text, which differs from the other readers."""
    if value is None or value != value:
        return "NULL"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return f"{float(value):.17g}"
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"{len(value)} bytes"
    return value if isinstance(value, str) else repr(value)


def attached(path):
    """DuckDB with the database attached; its reader of SQLite files is a separate package."""
    import duckdb
    import duckdb_extension_sqlite_scanner as extension
    connection = duckdb.connect()
    library = next(pathlib.Path(extension.__file__).parent.rglob("*.duckdb_extension"))
    connection.execute(f"LOAD '{library}'")
    connection.execute(f"ATTACH '{path}' AS results (TYPE sqlite, READ_ONLY)")
    connection.execute("USE results")
    return duckdb.__version__, lambda name: connection.execute(f'SELECT * FROM "{name}"').fetchall()


def opened(reader, path):
    """The version of SQLite, and a function of a relation's name that returns its rows."""
    if reader == "duckdb":
        return attached(path)
    if reader == "apsw":
        import apsw
        connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY)
        return apsw.sqlite_lib_version(), lambda name: connection.execute(f'SELECT * FROM "{name}"')
    if reader == "pysqlite3":
        from pysqlite3 import dbapi2 as module
    else:
        module = sqlite3
    connection = module.connect(f"file:{path}?mode=ro", uri=True)
    if reader == "pandas":
        import pandas
        return pandas.__version__, lambda name: pandas.read_sql(f'SELECT * FROM "{name}"', connection).astype(
            object).itertuples(index=False, name=None)
    return module.sqlite_version, lambda name: connection.execute(f'SELECT * FROM "{name}"')


def main():
    reader, path = sys.argv[1:]
    version, rows_of = opened(reader, path)
    print(reader, version, file=sys.stderr)
    listed = sqlite3.connect(f"file:{path}?mode=ro", uri=True).execute(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view')").fetchall()
    lines = ["\t".join([name, *map(shown, row)]) for (name,) in listed for row in rows_of(name)]
    print("\n".join(sorted(lines)))


main()
