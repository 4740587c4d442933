-- common.sql - what every item's query starts from: which experiment is drawn,
-- and how data sets and models are called and ordered.
--
-- An item's query can be run by hand, from the repository's root:
--
--     sqlite3 -readonly -header results/results.db '.read plots/fig6.sql'
--
-- It prints the rows that are drawn, and leaves a view `caption`: part (''
-- for the item's only or first picture), text. paper_figures.sh fills the table
-- `request` first; otherwise the item's query does.

-- item: its name. experiment: the one asked for, or NULL. fallback: 1 if the
-- item may be drawn from an experiment of another name.
CREATE TEMP TABLE IF NOT EXISTS request (item TEXT, experiment TEXT, fallback INTEGER);

-- Names for readers, and their order. What is not listed comes after, under its
-- own name.
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
    ('affjord',       'AFFJORD',       1),
    ('ffjord',        'FFJORD',        2),
    ('FFJORD, tuned', 'FFJORD, tuned', 3),
    ('RNODE',         'RNODE',         4),
    ('Glow',          'Glow',          5),
    ('Real NVP',      'Real NVP',      6);

-- The experiment to draw, at most one row: the one asked for; else the one
-- named as the item, once it has epochs; else, if the item allows, of those
-- that train both models on a data set of Figures 5 and 6, the one whose
-- finished runs were trained longest.
CREATE TEMP VIEW chosen AS
SELECT e.experiment_id, e.name, e.title, e.file
FROM request q
JOIN experiment e
WHERE CASE
      WHEN q.experiment IS NOT NULL THEN e.name = q.experiment
      WHEN e.name = q.item THEN EXISTS (SELECT 1 FROM experiment_run er JOIN epoch USING (run_id)
                                        WHERE er.experiment_id = e.experiment_id)
      ELSE q.fallback
           AND (SELECT count(DISTINCT lower(r.model)) FROM experiment_run er JOIN run r USING (run_id)
                WHERE er.experiment_id = e.experiment_id
                  AND lower(r.model) IN ('affjord', 'ffjord') AND r.dataset IN ('ty', 'hash_gaussian')) = 2
      END
ORDER BY e.name = q.item DESC,
         (SELECT total(r.iteration) FROM experiment_run er JOIN run r USING (run_id)
          WHERE er.experiment_id = e.experiment_id AND r.status = 'done') DESC,
         e.updated DESC
LIMIT 1;

-- Its runs.
CREATE TEMP VIEW chosen_run AS
SELECT r.*
FROM chosen
JOIN experiment_run er USING (experiment_id)
JOIN run r USING (run_id);

-- Its data sets. If the data behind a name has changed, the newest run decides.
CREATE TEMP VIEW chosen_dataset AS
SELECT r.dataset, coalesce(l.label, replace(replace(r.dataset, '_', ' '), '"', '''')) AS label,
       coalesce(l.rank, 1000) AS rank, r.data_checksum, max(r.run_id) AS newest,
       (SELECT avg(m.value) FROM chosen_run f JOIN metric m USING (run_id)
        WHERE f.dataset = r.dataset AND m.name = 'entropy_floor') AS entropy_floor
FROM chosen_run r
LEFT JOIN dataset_label l USING (dataset)
GROUP BY r.dataset;

-- Its models. Where one of AFFJORD and FFJORD is there, so is the place of the
-- other, that a reader sees what was not run.
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
