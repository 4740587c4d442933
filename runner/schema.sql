-- schema.sql - the results database, schema version 1.
--
-- One row of `run` is one training: data set x model x seed under resolved
-- settings. Its key is a hash of everything that determines its numbers, so
-- experiments that need the same training share the row. Columns that depend
-- on the machine or the moment (times, hosts, bytes) stand apart from the
-- numbers, which are the same bits however a run was scheduled or resumed.
--
-- Numbers that are not finite are stored as NULL in the value column with
-- their kind ('nan', 'inf', '-inf') in the column `nonfinite` beside it.

CREATE TABLE meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
INSERT INTO meta VALUES ('schema_version', '1');

-- One experiment file, by its [experiment] name.
CREATE TABLE experiment (
    experiment_id INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    title         TEXT NOT NULL,
    file          TEXT NOT NULL,          -- as given on the command line
    updated       TEXT NOT NULL           -- UTC, ISO 8601
);

CREATE TABLE run (
    run_id        INTEGER PRIMARY KEY,
    key           TEXT NOT NULL UNIQUE,   -- 32 hexadecimal digits
    dataset       TEXT NOT NULL,
    data_checksum TEXT NOT NULL,          -- SHA-256 of the data
    model         TEXT NOT NULL,          -- as in [model NAME]
    seed          INTEGER NOT NULL,
    parameters    INTEGER,                -- P
    iterations    INTEGER NOT NULL,       -- planned at most
    status        TEXT NOT NULL CHECK (status IN ('planned', 'running', 'interrupted', 'failed', 'done')),
    iteration     INTEGER NOT NULL DEFAULT 0,  -- reached
    error         TEXT,                   -- of a failed run
    -- Where and how it was computed.
    created       TEXT NOT NULL,
    started       TEXT,
    ended         TEXT,
    heartbeat     TEXT,
    wall_seconds  REAL NOT NULL DEFAULT 0,     -- of all its sessions
    sessions      INTEGER NOT NULL DEFAULT 0,  -- times it was started or taken up again
    process       INTEGER,                -- of the worker, while running
    host          TEXT,
    cpu           TEXT,
    simd          TEXT,                   -- kernels used: portable, avx2, avx512
    gpu           TEXT,
    driver        TEXT,
    git_commit    TEXT,
    git_dirty     INTEGER,
    compiler      TEXT,
    compiler_flags TEXT,
    libraries     TEXT,
    command_line  TEXT
);

-- Which experiments a run belongs to.
CREATE TABLE experiment_run (
    experiment_id INTEGER NOT NULL REFERENCES experiment,
    run_id        INTEGER NOT NULL REFERENCES run,
    PRIMARY KEY (experiment_id, run_id)
) WITHOUT ROWID;
CREATE INDEX experiment_run_by_run ON experiment_run (run_id);

-- The resolved settings of a run: every one, defaults included.
CREATE TABLE setting (
    run_id  INTEGER NOT NULL REFERENCES run,
    section TEXT NOT NULL,
    key     TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (run_id, section, key)
) WITHOUT ROWID;

-- Losses: nats for point sets, mean over the split.
CREATE TABLE epoch (
    run_id       INTEGER NOT NULL REFERENCES run,
    epoch        INTEGER NOT NULL,        -- from 1
    iteration    INTEGER NOT NULL,        -- done at its end
    split        TEXT NOT NULL CHECK (split IN ('training', 'validation')),
    loss         REAL,
    nonfinite    TEXT,                    -- kind, where loss is not finite
    nfe_forward  REAL NOT NULL,           -- field evaluations a sample and solve
    nfe_backward REAL NOT NULL,
    wall_seconds REAL NOT NULL,           -- of this epoch
    peak_bytes   INTEGER NOT NULL,        -- resident, of the worker
    PRIMARY KEY (run_id, epoch, split)
) WITHOUT ROWID;

-- One number about a run: final_validation_loss, entropy_floor, ...
CREATE TABLE metric (
    run_id    INTEGER NOT NULL REFERENCES run,
    name      TEXT NOT NULL,
    value     REAL,
    nonfinite TEXT,
    PRIMARY KEY (run_id, name)
) WITHOUT ROWID;

-- Arrays that figures draw: float32, little endian, row by row from the
-- bottom (y0) up. `subject` is a run's key, or a data set's checksum for the
-- target itself. kind 'density': rows x columns values of p(x) at the centres
-- of the cells of the window; kind 'samples': rows points of columns numbers.
CREATE TABLE sample_blob (
    subject TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('density', 'samples')),
    rows    INTEGER NOT NULL,
    columns INTEGER NOT NULL,
    x0 REAL NOT NULL, x1 REAL NOT NULL, y0 REAL NOT NULL, y1 REAL NOT NULL,
    data    BLOB NOT NULL,
    PRIMARY KEY (subject, kind)
);

-- The newest checkpoint of a run; the path is relative to the database.
CREATE TABLE checkpoint (
    run_id    INTEGER PRIMARY KEY REFERENCES run,
    iteration INTEGER NOT NULL,
    path      TEXT NOT NULL,
    sha256    TEXT NOT NULL,
    bytes     INTEGER NOT NULL,
    created   TEXT NOT NULL
);

-- Values printed by the paper and the works it compares with.
CREATE TABLE reported (
    item    TEXT NOT NULL,                -- 'table1', 'table2'
    dataset TEXT NOT NULL,
    architecture TEXT NOT NULL DEFAULT '',
    model   TEXT NOT NULL,
    metric  TEXT NOT NULL,
    value   REAL,                         -- NULL: not in our source
    source  TEXT NOT NULL,
    PRIMARY KEY (item, dataset, architecture, model, metric)
) WITHOUT ROWID;

-- Figure 6 and every other curve of a loss: mean and deviation over seeds.
-- std is the sample deviation, NULL for one seed.
CREATE VIEW loss_curves AS
SELECT e.name AS experiment, r.dataset, r.model, p.split, p.iteration,
       avg(p.loss) AS mean,
       CASE WHEN count(p.loss) > 1
            THEN sqrt(max(0, (sum(p.loss * p.loss) - sum(p.loss) * avg(p.loss)) / (count(p.loss) - 1))) END AS std,
       count(p.loss) AS n
FROM experiment e
JOIN experiment_run er USING (experiment_id)
JOIN run r USING (run_id)
JOIN epoch p USING (run_id)
GROUP BY e.name, r.dataset, r.model, p.split, p.iteration;

-- Field evaluations as training goes on.
CREATE VIEW nfe_curves AS
SELECT e.name AS experiment, r.dataset, r.model, p.split, p.iteration,
       avg(p.nfe_forward) AS nfe_forward, avg(p.nfe_backward) AS nfe_backward, count(*) AS n
FROM experiment e
JOIN experiment_run er USING (experiment_id)
JOIN run r USING (run_id)
JOIN epoch p USING (run_id)
GROUP BY e.name, r.dataset, r.model, p.split, p.iteration;
