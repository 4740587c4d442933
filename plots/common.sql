-- common.sql - the common part of all queries: the experiment to draw, and the names
-- and order of data sets and models.
--
-- You can run an item's query by hand in the repository's root:
--
--     sqlite3 -readonly -header results/results.db '.read plots/fig6.sql'
--
-- It prints the rows to draw and creates a view `caption`: part ('' for the item's only
-- or first picture), text. paper_figures.sh fills the table `request` before; otherwise
-- the query does.

-- item: its name. experiment: the requested one, or NULL. fallback: 1 if the item may be
-- drawn from an experiment of another name; home is then the experiment whose file
-- computes its rows. data: 'image' (sets of images), 'toy' (all others), or a prefix of
-- the names of its data sets. model: for stored pictures, the model or a variant of it
-- (affjord_concat); NULL for other items.
CREATE TEMP TABLE IF NOT EXISTS request (item TEXT, experiment TEXT, fallback INTEGER, home TEXT, data TEXT,
                                         model TEXT);

-- Experiments with a sweep: their runs have many settings, which other items would mix up.
-- (paper_figures.sh fills it, as an older database has no sweeps.)
CREATE TEMP TABLE IF NOT EXISTS swept (experiment_id INTEGER);
-- The readings of claims (docs/explanation/claims.md), of the item claims.
CREATE TEMP TABLE IF NOT EXISTS reading (id TEXT PRIMARY KEY, readings INTEGER, supported INTEGER, refuted INTEGER);

-- Titles and order. Unlisted names follow, as they are. A variant of a data set, with -
-- or _ after its name, follows the data set: mnist_14x14 is MNIST (14×14).
CREATE TEMP TABLE dataset_label (dataset TEXT PRIMARY KEY, label TEXT, rank INTEGER);
INSERT INTO dataset_label VALUES
    ('ty',                  'TY',                    1),
    ('hash_gaussian',       'Hash-Gaussian',         2),
    ('checkerboard',        'Checkerboard',          3),
    ('swissroll',           'Swiss roll',            4),
    ('circles',             'Circles',               5),
    ('rings',               'Rings',                 6),
    ('moons',               'Moons',                 7),
    ('8gaussians',          '8 Gaussians',           8),
    ('pinwheel',            'Pinwheel',              9),
    ('2spirals',            '2 spirals',            10),
    ('checkerboard_ffjord', 'Checkerboard (FFJORD)', 11),
    ('mnist',               'MNIST',                21),
    ('cifar10',             'CIFAR-10',             22),
    ('celeba',              'CelebA (32×32)',       23);
CREATE TEMP TABLE model_label (model TEXT PRIMARY KEY COLLATE NOCASE, label TEXT, rank INTEGER);
INSERT INTO model_label VALUES
    ('affjord',        'AFFJORD',          1),
    ('ffjord',         'FFJORD',           2),
    ('affjord_concat', 'AFFJORD (concat)', 3),
    ('lifted',         'Lifted FFJORD',    8),
    ('FFJORD, tuned',  'FFJORD, tuned',    4),
    ('RNODE',          'RNODE',            5),
    ('Glow',           'Glow',             6),
    ('Real NVP',       'Real NVP',         7);

CREATE TEMP VIEW dataset_name AS
WITH known AS (
    SELECT r.dataset, b.label, b.rank, substr(r.dataset, length(b.dataset) + 2) AS variant,
           row_number() OVER (PARTITION BY r.dataset ORDER BY length(b.dataset) DESC) AS place
    FROM (SELECT DISTINCT dataset FROM run) r
    LEFT JOIN dataset_label b ON r.dataset = b.dataset OR r.dataset GLOB b.dataset || '[-_]*'
)
SELECT dataset, coalesce(rank, 1000) AS rank,
       CASE WHEN label IS NULL THEN replace(replace(dataset, '_', ' '), '"', '''')
            WHEN variant = '' THEN label
            ELSE substr(label, 1, instr(label || ' (', ' (') - 1) || ' ('
                 || CASE WHEN variant GLOB '[0-9]*x[0-9]*' THEN replace(variant, 'x', '×')
                         ELSE replace(replace(variant, '_', ' '), '"', '''') END || ')' END AS label
FROM known
WHERE place = 1;

-- The data sets of the item. Sets of images have a dimension.
CREATE TEMP VIEW wanted_dataset AS
WITH image AS (
    SELECT r.dataset FROM metric m JOIN run r USING (run_id) WHERE m.name = 'data_dimension'
)
SELECT DISTINCT r.dataset
FROM request q
JOIN run r
WHERE CASE q.data
      WHEN 'toy' THEN r.dataset NOT IN image
      WHEN 'image' THEN r.dataset IN image
      ELSE r.dataset GLOB q.data || '*' END;

-- The runs with the item's content: pictures of its model, or epochs.
CREATE TEMP VIEW drawable AS
SELECT er.experiment_id, r.run_id
FROM request q
JOIN run r
JOIN experiment_run er USING (run_id)
WHERE r.dataset IN wanted_dataset
      AND CASE WHEN q.model IS NULL THEN EXISTS (SELECT 1 FROM epoch p WHERE p.run_id = r.run_id)
               ELSE (lower(r.model) = q.model OR lower(r.model) GLOB q.model || '_*')
                    AND EXISTS (SELECT 1 FROM sample_blob b WHERE b.subject = r.key AND b.kind = 'samples') END;

-- The experiment to draw, at most one row. In this order: the requested one; the one
-- named as the item, if it has something to draw; if the item allows others, its home;
-- of those that train both models on the item's data (for toys, that of Figures 5 and
-- 6) or have pictures of its model, the one with the longest finished training.
CREATE TEMP VIEW chosen AS
SELECT e.experiment_id, e.name, e.title, e.file
FROM request q
JOIN experiment e
WHERE CASE
      WHEN q.experiment IS NOT NULL THEN e.name = q.experiment
      WHEN e.name = q.item OR (q.fallback AND (e.name = q.home OR q.model IS NOT NULL))
      THEN e.experiment_id IN (SELECT experiment_id FROM drawable)
      ELSE q.fallback AND e.experiment_id NOT IN swept
           AND (SELECT count(DISTINCT lower(r.model)) FROM experiment_run er JOIN run r USING (run_id)
                WHERE er.experiment_id = e.experiment_id AND lower(r.model) IN ('affjord', 'ffjord')
                      AND r.dataset IN wanted_dataset
                      AND (q.data != 'toy' OR r.dataset IN ('ty', 'hash_gaussian'))) = 2
      END
ORDER BY e.name = q.item DESC, e.name = q.home DESC,
         (SELECT total(r.iteration) FROM experiment_run er JOIN run r USING (run_id)
          WHERE er.experiment_id = e.experiment_id AND r.status = 'done') DESC,
         e.updated DESC
LIMIT 1;

-- Its runs on the item's data.
CREATE TEMP VIEW chosen_run AS
SELECT r.*
FROM chosen
JOIN experiment_run er USING (experiment_id)
JOIN run r USING (run_id)
WHERE r.dataset IN wanted_dataset;

-- Its data sets. If the data behind a name has changed, the newest run decides.
CREATE TEMP VIEW chosen_dataset AS
SELECT r.dataset, l.label, l.rank, r.data_checksum, max(r.run_id) AS newest,
       (SELECT avg(m.value) FROM chosen_run f JOIN metric m USING (run_id)
        WHERE f.dataset = r.dataset AND m.name = 'entropy_floor') AS entropy_floor
FROM chosen_run r
JOIN dataset_name l USING (dataset)
GROUP BY r.dataset;

-- Its models. If one of AFFJORD and FFJORD was run, the other has an empty place, so that
-- a reader sees which was not run.
CREATE TEMP VIEW chosen_model AS
SELECT m.model,
       coalesce(l.label,
                replace(replace(replace(m.model, '_', ' '), 'ffjord', 'FFJORD'), 'aFFJORD', 'AFFJORD')) AS label,
       coalesce(l.rank, 1000) AS rank
FROM (SELECT DISTINCT model FROM chosen_run
      UNION
      SELECT model FROM model_label
      WHERE model IN ('affjord', 'ffjord') AND lower(model) NOT IN (SELECT lower(model) FROM chosen_run)
        AND EXISTS (SELECT 1 FROM chosen_run WHERE lower(model) IN ('affjord', 'ffjord'))) m
LEFT JOIN model_label l ON l.model = m.model;

-- Their names as a list: "A, B and C".
CREATE TEMP VIEW chosen_models AS
SELECT group_concat(CASE place WHEN 1 THEN '' WHEN n THEN ' and ' ELSE ', ' END || label, '') AS names
FROM (SELECT label, row_number() OVER (ORDER BY rank, model) AS place, count(*) OVER () AS n
      FROM chosen_model ORDER BY place);

-- If the chosen experiment has no rows for the item, the reason: no runs on its data, no
-- finished runs, or no stored pictures.
CREATE TEMP VIEW lack AS
SELECT name, file,
       CASE WHEN NOT EXISTS (SELECT 1 FROM chosen_run) THEN 'data'
            WHEN EXISTS (SELECT 1 FROM chosen_run WHERE status != 'done') THEN 'runs'
            ELSE 'stored' END AS what,
       (SELECT max(seed) + 1 FROM chosen_run) AS next_seed
FROM chosen;

-- Pictures whose array is whole: float32 numbers, or in archives such an array compressed by zlib (docs/reference/database.md).
CREATE TEMP VIEW whole_picture AS
SELECT * FROM sample_blob
WHERE rows > 0 AND (length(data) = 4 * rows * columns OR (length(data) < 4 * rows * columns AND substr(data, 1, 2) = x'78DA'));
CREATE TEMP VIEW whole_moment AS
SELECT * FROM moment
WHERE rows > 0 AND (length(data) = 4 * rows * columns OR (length(data) < 4 * rows * columns AND substr(data, 1, 2) = x'78DA'));
