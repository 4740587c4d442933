"""Results of a database of runs: curves and tables as pandas frames, or as dicts of arrays."""
import re
import sqlite3
from pathlib import Path

import numpy as np

from ._library import InvalidError, LibraryError


def results(db):
    """Return the results of a database, as results/results.db."""
    return Results(db)


def _connect(db):
    path = Path(db)
    if not path.is_file():
        raise LibraryError(f"{path}: no such database; expected the file that a run wrote, as results/results.db")
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)


def checkpoint_of_run(db, run):
    """Return the path of the model of a run: by its number, its key, or the beginning of its key."""
    connection = _connect(db)
    columns = ("SELECT r.key, c.path FROM run r LEFT JOIN checkpoint c USING (run_id) WHERE ")
    with connection:
        rows = []
        if re.fullmatch("[0-9]{1,15}", str(run)):
            rows = connection.execute(columns + "r.run_id = ?", (int(run),)).fetchall()
        if not rows:
            rows = connection.execute(columns + "substr(r.key, 1, length(?1)) = ?1", (str(run),)).fetchall()
    connection.close()
    if len(rows) != 1 or not str(run):
        raise InvalidError(f'"{db}": {len(rows)} runs have the number {run} or a key that begins with it; expected one')
    if rows[0][1] is None:
        raise InvalidError(f'"{db}": run {rows[0][0]} has no checkpoint; expected a run that was trained')
    return Path(db).parent / rows[0][1]


class Results:
    """Tables and views of a database (docs/reference/database.md)."""

    def __init__(self, db):
        self._db = db
        _connect(db).close()

    def query(self, sql, parameters=()):
        """Return the rows of a query: a pandas DataFrame where pandas is installed, else a dict of arrays."""
        connection = _connect(self._db)
        try:
            cursor = connection.execute(sql, parameters)
            names, rows = [column[0] for column in cursor.description], cursor.fetchall()
        finally:
            connection.close()
        try:
            import pandas
        except ImportError:
            columns = zip(*rows) if rows else ([] for _ in names)
            return {name: _column(values) for name, values in zip(names, columns)}
        return pandas.DataFrame(rows, columns=names)

    def _view(self, view, **wanted):
        wanted = {name: value for name, value in wanted.items() if value is not None}
        where = " AND ".join(f"{name} = ?" for name in wanted) or "1"
        return self.query(f"SELECT * FROM {view} WHERE {where}", tuple(wanted.values()))

    def loss_curves(self, experiment=None, dataset=None, model=None):
        """Return mean and deviation over seeds of the losses at the end of each epoch."""
        return self._view("loss_curves", experiment=experiment, dataset=dataset, model=model)

    def nfe_curves(self, experiment=None, dataset=None, model=None):
        """Return the field's evaluations during training."""
        return self._view("nfe_curves", experiment=experiment, dataset=dataset, model=model)


def _column(values):
    """Convert NULL among numbers to nan."""
    values = list(values)
    if any(isinstance(value, float) or value is None for value in values) and not any(
            isinstance(value, (str, bytes)) for value in values):
        return np.array([np.nan if value is None else value for value in values], float)
    return np.array(values)
