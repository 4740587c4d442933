#!/bin/sh
# pandas_tables_by_column.sh - a table that pandas has read is saved column by column
#
# Expected: np.save of a table read by read_csv holds its rows one after the other, as its text
#   does.
# Observed: to_numpy() is a view of pandas' columns, and np.save keeps that order: the header has
#   'fortran_order': True. A reader that takes rows for granted mixes up the columns.
# Version: pandas 3.1.1, NumPy 2.4.6
#
# Source: pandas.read_csv and numpy.save, which made the tables of the field's density benchmarks. Date: 2026-11-30.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM
python3 -m pip -q install --root-user-action ignore --no-warn-conflicts --no-compile --only-binary :all: --target "$folder/v" pandas==3.1.1 numpy==2.4.6
PYTHONPATH="$folder/v" python3 - <<'END'
import io
import sys

import numpy as np
import pandas as pd


def header(text):
    file = io.BytesIO()
    np.save(file, pd.read_csv(io.StringIO(text)).to_numpy())
    return file.getvalue()[10:].split(b"}")[0].decode() + "}"


print("pandas", pd.__version__, "numpy", np.__version__)
found = header("a,b\n1.5,2.5\n3.5,4.5\n5.5,6.5\n")
print("header of a saved table of three rows:", found)
sys.exit(0 if "'fortran_order': True" in found else "changed")
END
