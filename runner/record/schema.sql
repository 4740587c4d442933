-- schema.sql - the results database, schema version 13.
--
-- On an older database, it creates the missing tables; views.sql and claims.sql replace
-- all views. (results_db_schema.c moves the rows of tables whose checks have changed.)
--
-- One row of `run` is one training: data set x model x seed under resolved settings. Its key is a hash of everything
-- that determines its numbers, so experiments that need the same training share the row. Columns that depend on the
-- machine or the time of the run (times, hosts, bytes) are separate from the numbers, which are bit-identical for any
-- scheduling or resumption.
--
-- Numbers that are not finite are stored as NULL in the value column with
-- their kind ('nan', 'inf', '-inf') in the column `nonfinite` beside it.

-- 'archive': the time when its checkpoints and most pictures were omitted (./run export --archive).
CREATE TABLE IF NOT EXISTS meta (
    key   TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;
INSERT OR REPLACE INTO meta VALUES ('schema_version', '13');

-- One experiment file, by its [experiment] name.
CREATE TABLE IF NOT EXISTS experiment (
    experiment_id INTEGER PRIMARY KEY,
    name          TEXT NOT NULL UNIQUE,
    title         TEXT NOT NULL,
    file          TEXT NOT NULL,          -- as given on the command line
    updated       TEXT NOT NULL           -- UTC, ISO 8601
);

CREATE TABLE IF NOT EXISTS run (
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
    sessions      INTEGER NOT NULL DEFAULT 0,  -- number of starts and resumes
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
CREATE INDEX IF NOT EXISTS run_by_model ON run (dataset, model, seed);
CREATE INDEX IF NOT EXISTS run_by_status ON run (status);

-- Which experiments a run belongs to.
CREATE TABLE IF NOT EXISTS experiment_run (
    experiment_id INTEGER NOT NULL REFERENCES experiment,
    run_id        INTEGER NOT NULL REFERENCES run,
    PRIMARY KEY (experiment_id, run_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS experiment_run_by_run ON experiment_run (run_id);

-- Points of the sweeps of experiments (section [sweep]): the number in the full product, and the
-- swept settings in words, as in 'flow.end_time = 1, model affjord.initial_state = zero'.
CREATE TABLE IF NOT EXISTS sweep_point (
    experiment_id INTEGER NOT NULL REFERENCES experiment ON DELETE CASCADE,
    point         INTEGER NOT NULL,       -- from 0
    label         TEXT NOT NULL,
    PRIMARY KEY (experiment_id, point)
) WITHOUT ROWID;

-- The same, one row for each setting, with the current names (docs/reference/settings.md).
CREATE TABLE IF NOT EXISTS sweep_setting (
    experiment_id INTEGER NOT NULL REFERENCES experiment ON DELETE CASCADE,
    point         INTEGER NOT NULL,
    axis          INTEGER NOT NULL,       -- of the setting, from 0, in the order of the file
    model         TEXT NOT NULL,          -- that it is for; '' for all
    setting       TEXT NOT NULL,          -- 'section.key'
    level         INTEGER NOT NULL,       -- of the value, from 0, in the order of the file
    value         TEXT NOT NULL,
    PRIMARY KEY (experiment_id, point, axis)
) WITHOUT ROWID;

-- The runs of a point. Points that differ only for the other model share a run.
CREATE TABLE IF NOT EXISTS sweep_run (
    experiment_id INTEGER NOT NULL REFERENCES experiment ON DELETE CASCADE,
    point         INTEGER NOT NULL,
    run_id        INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    PRIMARY KEY (experiment_id, point, run_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sweep_run_by_run ON sweep_run (run_id);

-- The resolved settings of a run: every one, defaults included.
CREATE TABLE IF NOT EXISTS setting (
    run_id  INTEGER NOT NULL REFERENCES run,
    section TEXT NOT NULL,
    key     TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (run_id, section, key)
) WITHOUT ROWID;

-- Losses, means over the split: nats for points, bits per dimension for images. Sets without validation images are
-- validated on test images. The split 'test' (train.test) is disjoint from the validation batch, so it evaluates an
-- epoch that the validation loss selected. Evaluations are sums over all flows, means over the epoch's solves. (For an
-- IN of three words SQLite fills a table with each row that it checks.)
CREATE TABLE IF NOT EXISTS epoch (
    run_id       INTEGER NOT NULL REFERENCES run,
    epoch        INTEGER NOT NULL,        -- from 1
    iteration    INTEGER NOT NULL,        -- done at its end
    split        TEXT NOT NULL CHECK (split = 'training' OR split = 'validation' OR split = 'test'),
    loss         REAL,
    nonfinite    TEXT,                    -- kind, where loss is not finite
    nfe_forward  REAL NOT NULL,           -- field evaluations a sample and solve
    nfe_backward REAL NOT NULL,
    wall_seconds REAL NOT NULL,           -- of this epoch
    peak_bytes   INTEGER NOT NULL,        -- resident, of the worker
    running      REAL,                    -- running mean (0.99) of the training loss; NULL in other splits
    PRIMARY KEY (run_id, epoch, split)
) WITHOUT ROWID;

-- The same for each flow of an image model, from 0, and its end time.
CREATE TABLE IF NOT EXISTS flow (
    run_id       INTEGER NOT NULL REFERENCES run,
    epoch        INTEGER NOT NULL,
    split        TEXT NOT NULL CHECK (split = 'training' OR split = 'validation' OR split = 'test'),
    flow         INTEGER NOT NULL,
    nfe_forward  REAL NOT NULL,
    nfe_backward REAL NOT NULL,
    end_time     REAL NOT NULL,           -- T
    PRIMARY KEY (run_id, epoch, split, flow)
) WITHOUT ROWID;

-- How the convolutions of images trained on a GPU are computed, and from which
-- iteration on: one row each, and another if a resumed run uses another plan
-- (docs/explanation/gpu_kernels.md). CPU runs have no rows.
CREATE TABLE IF NOT EXISTS convolution_plan (
    run_id      INTEGER NOT NULL REFERENCES run,
    convolution TEXT NOT NULL,            -- '64 to 64 channels, 400 images of 28 x 28, fp32'
    way         TEXT NOT NULL CHECK (way IN ('forward', 'data', 'weight')),
    iteration   INTEGER NOT NULL,         -- done before
    plan        TEXT NOT NULL,            -- 'cuDNN 9.19.0 eng6_k2=3_k14=4', 'own kernels'
    PRIMARY KEY (run_id, convolution, way, iteration)
) WITHOUT ROWID;

-- Memory of a worker: the upper bound before its first step, and the measured maximum.
CREATE TABLE IF NOT EXISTS memory (
    run_id          INTEGER PRIMARY KEY REFERENCES run,
    predicted_bytes INTEGER NOT NULL,
    peak_bytes      INTEGER               -- NULL before the first epoch
);

-- Numerical checks of the paper's theorems (experiment.task = theory): numbers that must be small or large have a
-- bound. x: the abscissa of a plot.
CREATE TABLE IF NOT EXISTS theory (
    run_id    INTEGER NOT NULL REFERENCES run,
    item      TEXT NOT NULL,              -- cable, magnus, trace, blocks, derivative, mapping
    subject   TEXT NOT NULL,              -- which field
    quantity  TEXT NOT NULL,
    x         REAL NOT NULL,
    value     REAL,
    nonfinite TEXT,
    relation  TEXT,                       -- '<=', '>='; NULL: no bound
    bound     REAL,
    holds     INTEGER,
    PRIMARY KEY (run_id, item, subject, quantity, x)
) WITHOUT ROWID;

-- One number about a run: final_validation_loss, entropy_floor, ... Image
-- trainings have data_dimension, D, and best_bits_per_dim.
CREATE TABLE IF NOT EXISTS metric (
    run_id    INTEGER NOT NULL REFERENCES run,
    name      TEXT NOT NULL,
    value     REAL,
    nonfinite TEXT,
    PRIMARY KEY (run_id, name)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS metric_by_name ON metric (name, run_id, value);

-- Arrays that figures draw: float32, little endian; in archives rounded, and compressed by zlib (results_db_pack.c).
-- `subject` is a run's key, or
-- a data set's checksum for the target itself. kind 'density': rows x columns
-- values of p(x) at the centres of the cells of the window, row by row from the
-- bottom (y0) up, for points of one column in one row; kind 'samples': rows points of columns numbers. A sample that
-- is an image has its channels last, about 0 to 1, from its top row down; x1 and
-- y1 are then its width and height.
CREATE TABLE IF NOT EXISTS sample_blob (
    subject TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('density', 'samples')),
    rows    INTEGER NOT NULL,
    columns INTEGER NOT NULL,
    x0 REAL NOT NULL, x1 REAL NOT NULL, y0 REAL NOT NULL, y1 REAL NOT NULL,
    data    BLOB NOT NULL,
    PRIMARY KEY (subject, kind)
);

-- Snapshots: the same at times of a flow (output.snapshots), from 0, the data, to T, the base density. kind 'density':
-- of z(t); 'samples': where the same base points are at t; 'field': x, y and the two numbers of dz/dt in a row, at the
-- centres of a grid's cells (none at T); 'context': z*(t), or t of a clock, in one row (none at T).
CREATE TABLE IF NOT EXISTS moment (
    subject TEXT NOT NULL,                -- a run's key
    kind    TEXT NOT NULL CHECK (kind IN ('density', 'samples', 'field', 'context')),
    moment  INTEGER NOT NULL,
    time    REAL NOT NULL,                -- t
    rows    INTEGER NOT NULL,
    columns INTEGER NOT NULL,
    x0 REAL NOT NULL, x1 REAL NOT NULL, y0 REAL NOT NULL, y1 REAL NOT NULL,
    data    BLOB NOT NULL,
    PRIMARY KEY (subject, kind, moment)
);

-- Two models of an experiment, seed by seed: is `model` lower than `other` in some quantity of finished runs?
-- Recomputed after a run has finished (results_db_compare.c).
--   validation   final validation loss, as recorded
--   offset       the same minus the contribution of the seed's validation points, equal for all models
--   measured     the final loss, measured again on many points, of images at tolerance 1e-5; fine: by a finer solve
--   best         the least validation loss of any epoch; chosen: the test loss of that epoch
--   evaluations  of all flows in one forward solve (view adaptive_epochs), in the last epoch
--   evaluations_by_state, evaluations_by_state_and_context   at the end, by either rule of solver.error_norm
--   field_change the largest rate of change of the toy field
-- failures: the treatment of runs without a possible loss. 'left out': with the same seed of the other model; 'last':
-- ranked behind all others, which only rank tests can do. n seeds that both have; intervals are of 95%, by bootstrap
-- over seeds, from 5 seeds on.
CREATE TABLE IF NOT EXISTS comparison (
    experiment TEXT NOT NULL,
    dataset    TEXT NOT NULL,
    model      TEXT NOT NULL,
    other      TEXT NOT NULL,
    quantity   TEXT NOT NULL CHECK (quantity IN ('validation', 'offset', 'measured', 'fine', 'best', 'chosen',
                                                 'evaluations', 'field_change', 'evaluations_by_state',
                                                 'evaluations_by_state_and_context')),
    failures   TEXT NOT NULL CHECK (failures IN ('left out', 'last')),
    n          INTEGER NOT NULL,
    failed     INTEGER NOT NULL,          -- of `model`, among the seeds that both have
    failed_other INTEGER NOT NULL,
    mean       REAL,
    mean_other REAL,
    deviation  REAL,                      -- between seeds
    deviation_other REAL,
    correlation REAL,                     -- of the two over seeds
    difference REAL,                      -- mean_other - mean
    difference_low REAL,
    difference_high REAL,
    effect     REAL,                      -- difference / deviation_other
    effect_low REAL,
    effect_high REAL,
    ratio      REAL,                      -- mean / mean_other
    ratio_low  REAL,
    ratio_high REAL,
    paired_t   REAL,                      -- Student, of the differences
    paired_p   REAL,
    wilcoxon   REAL,                      -- sum of signed ranks
    wilcoxon_p REAL,                      -- exact
    welch_t    REAL,
    welch_df   REAL,
    welch_p    REAL,
    mann_whitney_u REAL,                  -- pairs of seeds in which `model` is lower, ties half
    mann_whitney_p REAL,                  -- exact
    holm_p     REAL,                      -- paired_p (failures last: wilcoxon_p) by Holm's procedure over the
    tests      INTEGER NOT NULL,          -- tests of the experiment with this quantity and these failures
    PRIMARY KEY (experiment, dataset, model, other, quantity, failures)
) WITHOUT ROWID;

-- The same at each point of a sweep, for one final loss: the best measured of those that the most
-- runs have. error: of the difference, the deviation of the seeds' differences / sqrt n. Runs
-- without a possible loss are left out with their seed, but for 'fine', which has one of them too.
-- One seed gives a difference only, and no effect, error or p.
CREATE TABLE IF NOT EXISTS sweep_comparison (
    experiment TEXT NOT NULL,
    point      INTEGER NOT NULL,
    dataset    TEXT NOT NULL,
    model      TEXT NOT NULL,
    other      TEXT NOT NULL,
    quantity   TEXT NOT NULL CHECK (quantity IN ('validation', 'offset', 'measured', 'fine')),
    n          INTEGER NOT NULL,
    failed     INTEGER NOT NULL,          -- impossible runs of `model`, among the seeds that both have
    failed_other INTEGER NOT NULL,
    mean       REAL,
    mean_other REAL,
    deviation  REAL,
    deviation_other REAL,
    difference REAL,                      -- mean_other - mean
    error      REAL,
    difference_low REAL,
    difference_high REAL,
    effect     REAL,                      -- difference / deviation_other
    effect_low REAL,
    effect_high REAL,
    paired_p   REAL,
    holm_p     REAL,                      -- over all points and data sets of the experiment:
    tests      INTEGER NOT NULL,          -- number of tests
    PRIMARY KEY (experiment, point, dataset, model, other)
) WITHOUT ROWID;

-- The effects of swept settings on the difference of two models, by a linear model with all pairs of settings, fitted
-- for each seed (results_db_sweep_terms.c). term: 'mean'; a value against the first one of its setting, as in
-- 'flow.end_time = 1'; or how two such changes change each other, with ' x ' between. error: the deviation of the
-- seeds' estimates / sqrt n.
CREATE TABLE IF NOT EXISTS sweep_term (
    experiment TEXT NOT NULL,
    dataset    TEXT NOT NULL,
    model      TEXT NOT NULL,
    other      TEXT NOT NULL,
    term       TEXT NOT NULL,
    settings   INTEGER NOT NULL,          -- in the term: 0, 1 or 2
    n          INTEGER NOT NULL,          -- seeds
    estimate   REAL,
    error      REAL,
    p          REAL,                      -- Student's t with n - 1 degrees of freedom
    holm_p     REAL,                      -- over the terms of the data set and models but the mean:
    tests      INTEGER NOT NULL,          -- number of tests
    PRIMARY KEY (experiment, dataset, model, other, term)
) WITHOUT ROWID;

-- The newest checkpoint of a run; the path is relative to the database.
CREATE TABLE IF NOT EXISTS checkpoint (
    run_id    INTEGER PRIMARY KEY REFERENCES run,
    iteration INTEGER NOT NULL,
    path      TEXT NOT NULL,
    sha256    TEXT NOT NULL,
    bytes     INTEGER NOT NULL,
    created   TEXT NOT NULL
);

-- Values printed by the paper and the works it compares with. Data sets and models have the names of this project's
-- runs, except for upper case.
CREATE TABLE IF NOT EXISTS reported (
    item    TEXT NOT NULL,                -- 'table1', 'table2'
    dataset TEXT NOT NULL,
    architecture TEXT NOT NULL DEFAULT '',
    model   TEXT NOT NULL,
    metric  TEXT NOT NULL,
    value   REAL,                         -- NULL: not in our source
    source  TEXT NOT NULL,
    PRIMARY KEY (item, dataset, architecture, model, metric)
) WITHOUT ROWID;

-- Table 1, bits per dimension. The paper prints it as an image, so AFFJORD's
-- numbers are not in our source; its text says that they are below FFJORD's.
INSERT OR REPLACE INTO reported (item, dataset, model, metric, value, source) VALUES
    ('table1', 'mnist',   'Real NVP',      'bits_per_dim', 1.06, 'Grathwohl et al. 2019 (FFJORD), Table 2'),
    ('table1', 'mnist',   'Glow',          'bits_per_dim', 1.05, 'Grathwohl et al. 2019 (FFJORD), Table 2'),
    ('table1', 'mnist',   'FFJORD',        'bits_per_dim', 0.99, 'Grathwohl et al. 2019 (FFJORD), Table 2'),
    ('table1', 'mnist',   'FFJORD, tuned', 'bits_per_dim', 0.96, 'Haxholli and Lorenzi 2023, appendix I'),
    ('table1', 'mnist',   'RNODE',         'bits_per_dim', 0.97, 'Finlay et al. 2020'),
    ('table1', 'mnist',   'AFFJORD',       'bits_per_dim', NULL, 'not in our source'),
    ('table1', 'cifar10', 'Real NVP',      'bits_per_dim', 3.49, 'Grathwohl et al. 2019 (FFJORD), Table 2'),
    ('table1', 'cifar10', 'Glow',          'bits_per_dim', 3.35, 'Grathwohl et al. 2019 (FFJORD), Table 2'),
    ('table1', 'cifar10', 'FFJORD',        'bits_per_dim', 3.40, 'Grathwohl et al. 2019 (FFJORD), Table 2'),
    ('table1', 'cifar10', 'FFJORD, tuned', 'bits_per_dim', 3.37, 'Haxholli and Lorenzi 2023, appendix I'),
    ('table1', 'cifar10', 'RNODE',         'bits_per_dim', 3.38, 'Finlay et al. 2020'),
    ('table1', 'cifar10', 'AFFJORD',       'bits_per_dim', NULL, 'not in our source'),
    ('table1', 'celeba',  'FFJORD',        'bits_per_dim', NULL, 'not in our source'),
    ('table1', 'celeba',  'AFFJORD',       'bits_per_dim', NULL, 'not in our source');

-- Table 2, numbers of parameters.
INSERT OR REPLACE INTO reported (item, dataset, architecture, model, metric, value, source) VALUES
    ('table2', 'mnist',   'concat', 'FFJORD',  'parameters', 400323,  'Haxholli and Lorenzi 2023, Table 2'),
    ('table2', 'mnist',   'concat', 'AFFJORD', 'parameters', 417629,  'Haxholli and Lorenzi 2023, Table 2'),
    ('table2', 'mnist',   'hyper',  'FFJORD',  'parameters', 783019,  'Haxholli and Lorenzi 2023, Table 2'),
    ('table2', 'mnist',   'hyper',  'AFFJORD', 'parameters', 4556169, 'Haxholli and Lorenzi 2023, Table 2'),
    ('table2', 'cifar10', 'concat', 'FFJORD',  'parameters', 679441,  'Haxholli and Lorenzi 2023, Table 2'),
    ('table2', 'cifar10', 'concat', 'AFFJORD', 'parameters', 820815,  'Haxholli and Lorenzi 2023, Table 2'),
    ('table2', 'cifar10', 'hyper',  'FFJORD',  'parameters', 1332361, 'Haxholli and Lorenzi 2023, Table 2'),
    ('table2', 'cifar10', 'hyper',  'AFFJORD', 'parameters', 8976115, 'Haxholli and Lorenzi 2023, Table 2'),
    ('table2', 'celeba',  'concat', 'FFJORD',  'parameters', 679441,  'Haxholli and Lorenzi 2023, Table 2'),
    ('table2', 'celeba',  'concat', 'AFFJORD', 'parameters', 820815,  'Haxholli and Lorenzi 2023, Table 2'),
    ('table2', 'celeba',  'hyper',  'FFJORD',  'parameters', 1332361, 'Haxholli and Lorenzi 2023, Table 2'),
    ('table2', 'celeba',  'hyper',  'AFFJORD', 'parameters', 8976115, 'Haxholli and Lorenzi 2023, Table 2');
