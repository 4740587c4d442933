-- images.sql - rows of Figures 8 and 15 to 20: the pictures that a model
-- generated, for each data set of images. Shown is the run with the lowest seed
-- that has them (of two runs with this seed, the newer).
.read plots/common.sql
INSERT INTO request (item, fallback, data, model)
SELECT 'fig8', 1, 'image', 'affjord' WHERE NOT EXISTS (SELECT 1 FROM request);

-- Stored pictures, one a row of their blob, whose window is that of one picture
-- in pixels. The item's model comes before its variants.
CREATE TEMP VIEW stored AS
SELECT *, row_number() OVER (PARTITION BY dataset ORDER BY rank, model, seed, run_id DESC) AS place
FROM (SELECT r.dataset, r.run_id, r.key, r.seed, r.model, m.label, m.rank, b.rows AS pictures,
             CAST(b.x1 - b.x0 AS INTEGER) AS width, CAST(b.y1 - b.y0 AS INTEGER) AS height, b.columns,
             (SELECT v.value FROM metric v WHERE v.run_id = r.run_id AND v.name = 'final_validation_loss') AS loss
      FROM request q
      JOIN chosen_run r ON lower(r.model) = q.model OR lower(r.model) GLOB q.model || '_*'
      JOIN chosen_model m ON m.model = r.model
      JOIN sample_blob b ON b.subject = r.key AND b.kind = 'samples'
                            AND b.rows > 0 AND length(b.data) = 4 * b.rows * b.columns)
WHERE columns IN (width * height, 3 * width * height);

-- One row for each data set, with the grid its pictures stand in: nearly
-- square, full, and of 100 at most, that each can be made out.
CREATE TEMP VIEW panel AS
WITH sized AS (SELECT *, CAST(sqrt(min(pictures, 100)) AS INTEGER) AS grid_rows FROM stored WHERE place = 1)
SELECT row_number() OVER (ORDER BY s.dataset IS NULL, d.rank, d.dataset) - 1 AS panel_index, d.label AS dataset_label,
       s.label AS model_label, s.seed, s.loss, s.key AS subject, 'samples' AS kind, s.pictures,
       s.grid_rows, min(s.pictures, 100) / s.grid_rows AS grid_columns, s.width, s.height,
       s.columns / (s.width * s.height) AS channels,
       CASE WHEN s.dataset IS NULL THEN 'not stored' ELSE 'drawn' END AS state
FROM chosen_dataset d
LEFT JOIN sized s USING (dataset)
ORDER BY panel_index;

CREATE TEMP VIEW caption AS
WITH drawn AS (SELECT * FROM panel WHERE state = 'drawn')
SELECT '' AS part,
       'Generated samples of ' || (SELECT group_concat(dataset_label, ' and ') FROM drawn) || ' by '
       || (SELECT replace(group_concat(DISTINCT model_label), ',', ' and ') FROM drawn)
       || '. Shown is the lowest seed with stored samples, with its validation loss: '
       || group_concat(dataset_label || ' '
                       || CASE WHEN state = 'drawn'
                               THEN printf('seed %d%s, %s%d samples', seed,
                                           iif(loss IS NULL, '', printf(', %.3f bits/dim', loss)),
                                           iif(grid_rows * grid_columns < pictures, 'the first ', ''),
                                           grid_rows * grid_columns)
                               ELSE state END, '; ')
       || '. Experiment ' || (SELECT name FROM chosen) || '.' AS text
FROM panel;

SELECT * FROM panel WHERE state = 'drawn';
