-- panels.sql - the pictures stored with the runs of the chosen experiment,
-- laid out for fig5.sql and quickstart.sql. Read common.sql first.

-- For each data set, model and kind of picture: the run with the lowest seed
-- that has one (of two runs with this seed, the newer).
CREATE TEMP VIEW shown_run AS
SELECT *
FROM (SELECT r.run_id, r.dataset, r.model, b.kind, r.seed, r.key,
             (SELECT m.value FROM metric m WHERE m.run_id = r.run_id AND m.name = 'final_validation_loss') AS loss,
             row_number() OVER (PARTITION BY r.dataset, r.model, b.kind ORDER BY r.seed, r.run_id DESC) AS place
      FROM chosen_run r
      JOIN sample_blob b ON b.subject = r.key)
WHERE place = 1;

-- One row for each place of a figure, whether or not there is a picture for
-- it: data set (from 0), model (0 for the target itself), kind. `state` is
-- 'drawn' or says why there is nothing to draw. `value` is the validation loss
-- of the run shown, or the entropy of the target, in nats.
CREATE TEMP VIEW panel AS
WITH place AS (
    SELECT row_number() OVER (ORDER BY d.rank, d.dataset) - 1 AS dataset_index,
           d.dataset, d.label AS dataset_label, d.data_checksum, d.entropy_floor
    FROM chosen_dataset d
), holder AS (
    SELECT 0 AS model_index, NULL AS model, 'Target' AS model_label
    UNION ALL
    SELECT row_number() OVER (ORDER BY m.rank, m.model), m.model, m.label
    FROM chosen_model m
), kinds(kind) AS (VALUES ('density'), ('samples')),
cell AS (
    SELECT p.*, h.*, k.kind, s.seed,
           CASE WHEN h.model IS NULL THEN p.data_checksum ELSE s.key END AS subject,
           CASE WHEN h.model IS NULL THEN p.entropy_floor ELSE s.loss END AS value
    FROM place p
    JOIN holder h
    JOIN kinds k
    LEFT JOIN shown_run s ON s.dataset = p.dataset AND s.model = h.model AND s.kind = k.kind
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
            ELSE 'not stored' END AS state
FROM cell c
LEFT JOIN sample_blob b ON b.subject = c.subject AND b.kind = c.kind
                          AND b.columns > 1 AND length(b.data) = 4 * b.rows * b.columns
ORDER BY c.dataset_index, c.model_index, c.kind;

-- Which runs are shown, in words.
CREATE TEMP VIEW shown_text AS
SELECT group_concat(line, '; ') AS text
FROM (SELECT dataset_label || ' ' || model_label || ' ' || CASE
             WHEN state != 'drawn' THEN state
             ELSE 'seed ' || seed || iif(value IS NULL, '', printf(', %.3f nats', value)) END AS line
      FROM panel
      WHERE model_index > 0 AND kind = 'density'
      ORDER BY dataset_index, model_index);
