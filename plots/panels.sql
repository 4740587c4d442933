-- panels.sql - the pictures stored with the runs of the chosen experiment,
-- laid out for fig5.sql and quickstart.sql. Read common.sql first.

-- For each data set, model and kind of picture: the median run that has one.
CREATE TEMP VIEW pictured AS
SELECT r.run_id, b.kind FROM chosen_run r JOIN sample_blob b ON b.subject = r.key;
.read plots/median.sql

-- The number of columns of each data set, if points are stored. Two columns are drawn in
-- the plane, one along a line, more in pairs.
CREATE TEMP VIEW point_columns AS
SELECT r.dataset, max(b.columns) AS columns,
       CASE max(b.columns) WHEN 1 THEN 'line' WHEN 2 THEN 'plane' ELSE 'space' END AS shape
FROM chosen_run r
JOIN sample_blob b ON b.subject IN (r.key, r.data_checksum) AND b.kind = 'samples'
GROUP BY r.dataset;

-- One row for each panel, with or without a picture: data set (from 0, of its shape),
-- model (0 for the target), kind. `state` is 'drawn' or the reason why there is nothing
-- to draw. `value` is the validation loss of the run, or the entropy of the target, in
-- nats. `sound` is 0 if the run's loss is impossible.
CREATE TEMP VIEW panel AS
WITH place AS (
    SELECT row_number() OVER (PARTITION BY coalesce(n.shape, 'plane') ORDER BY d.rank, d.dataset) - 1 AS dataset_index,
           d.dataset, d.label AS dataset_label, d.data_checksum, d.entropy_floor, coalesce(n.shape, 'plane') AS shape
    FROM chosen_dataset d
    LEFT JOIN point_columns n USING (dataset)
), holder AS (
    SELECT 0 AS model_index, NULL AS model, 'Target' AS model_label
    UNION ALL
    SELECT row_number() OVER (ORDER BY m.rank, m.model), m.model, m.label
    FROM chosen_model m
), kinds(kind) AS (VALUES ('density'), ('samples')),
cell AS (
    SELECT p.*, h.*, k.kind, s.seed, s.shown_as, coalesce(s.sound, 1) AS sound,
           CASE WHEN h.model IS NULL THEN p.data_checksum ELSE s.key END AS subject,
           CASE WHEN h.model IS NULL THEN p.entropy_floor ELSE s.loss END AS value
    FROM place p
    JOIN holder h
    JOIN kinds k ON k.kind = 'samples' OR p.shape != 'space'
    LEFT JOIN median_run s ON s.dataset = p.dataset AND s.model = h.model AND s.kind = k.kind
)
SELECT c.dataset_index, c.model_index, c.kind, c.dataset_label, c.model_label, c.seed, c.value, c.subject,
       b.rows, b.columns, b.x0, b.x1, b.y0, b.y1,
       CASE WHEN b.subject IS NOT NULL THEN 'drawn'
            WHEN c.model IS NULL AND c.kind = 'density' AND c.entropy_floor IS NULL THEN 'not known'
            WHEN c.model IS NULL THEN 'not stored'
            WHEN NOT EXISTS (SELECT 1 FROM chosen_run r WHERE r.dataset = c.dataset AND r.model = c.model)
            THEN 'not run'
            WHEN NOT EXISTS (SELECT 1 FROM chosen_run r WHERE r.dataset = c.dataset AND r.model = c.model
                                                          AND r.status = 'done')
            THEN 'not finished'
            ELSE 'not stored' END AS state,
       c.sound, c.shape, c.shown_as,
       -- The picture of a data set and model in pairs of columns.
       CASE WHEN c.shape = 'space' AND b.subject IS NOT NULL AND c.model IS NOT NULL
            THEN row_number() OVER (PARTITION BY c.shape = 'space' AND b.subject IS NOT NULL AND c.model IS NOT NULL
                                    ORDER BY c.dataset_index, c.model_index) END AS pairs
FROM cell c
LEFT JOIN whole_picture b ON b.subject = c.subject AND b.kind = c.kind
ORDER BY c.shape, c.dataset_index, c.model_index, c.kind;

-- The text that names the shown runs, for each shape.
CREATE TEMP VIEW shown_text AS
SELECT shape, group_concat(line, '; ') AS text
FROM (SELECT shape, dataset_label || ' ' || model_label || ' '
             || CASE WHEN state = 'drawn' THEN shown_as ELSE state END AS line
      FROM panel
      WHERE model_index > 0 AND kind = iif(shape = 'space', 'samples', 'density')
      ORDER BY dataset_index, model_index)
GROUP BY shape;
