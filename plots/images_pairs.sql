-- images_pairs.sql - pictures that the models of an experiment generated from the same base points: those of one seed,
-- place by place.
.read plots/common.sql
INSERT INTO request (item, fallback, data) SELECT 'fig8_pairs', 1, 'image' WHERE NOT EXISTS (SELECT 1 FROM request);

-- Stored pictures: one per row of the blob; the window is a picture's size in pixels. Base points are a function of the
-- seed, the number of the sample, flow.base_variance and output.temperature.
CREATE TEMP VIEW stored AS
SELECT *
FROM (SELECT r.run_id, r.key, r.dataset, r.model, r.seed, b.rows AS pictures, CAST(b.x1 - b.x0 AS INTEGER) AS width,
             CAST(b.y1 - b.y0 AS INTEGER) AS height, b.columns,
             coalesce((SELECT s.value FROM setting s
                       WHERE s.run_id = r.run_id AND s.section = 'flow' AND s.key = 'base_variance'), '1') AS variance,
             coalesce((SELECT CAST(s.value AS REAL) FROM setting s
                       WHERE s.run_id = r.run_id AND s.section = 'output' AND s.key = 'temperature'), 1) AS temperature
      FROM chosen_run r
      JOIN whole_picture b ON b.subject = r.key AND b.kind = 'samples')
WHERE columns IN (width * height, 3 * width * height);

-- Of each data set, the first seed with the most models.
CREATE TEMP VIEW shared AS
SELECT dataset, seed, variance, temperature, models, pictures
FROM (SELECT dataset, seed, variance, temperature, count(DISTINCT model) AS models, min(pictures) AS pictures,
             row_number() OVER (PARTITION BY dataset ORDER BY count(DISTINCT model) DESC, seed) AS place
      FROM stored
      GROUP BY dataset, seed, variance, temperature)
WHERE place = 1 AND models > 1;

-- One row for each model, as in images.sql, with 49 pictures at most.
CREATE TEMP VIEW panel AS
WITH sized AS (SELECT dataset, seed, variance, temperature, CAST(sqrt(min(pictures, 49)) AS INTEGER) AS side FROM shared)
SELECT row_number() OVER (ORDER BY d.rank, d.dataset, m.rank, s.model, s.run_id) - 1 AS panel_index,
       d.label || ', ' || m.label AS dataset_label, m.label AS model_label, s.seed, NULL AS loss, s.key AS subject,
       'samples' AS kind, s.pictures, z.side AS grid_rows, z.side AS grid_columns, s.width, s.height,
       s.columns / (s.width * s.height) AS channels, 'drawn' AS state,
       printf('seed %d', s.seed) || iif(s.temperature = 1, '', printf(', temperature %.15g', s.temperature)) AS shown_as
FROM sized z
JOIN stored s USING (dataset, seed, variance, temperature)
JOIN chosen_dataset d USING (dataset)
JOIN chosen_model m USING (model)
ORDER BY panel_index;

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'Samples of several models from the same base points, place by place: ' || group_concat(dataset_label, '; ') || ' ('
       || max(shown_as) || '). Experiment ' || (SELECT name FROM chosen) || '.' AS text
FROM panel
HAVING count(*) > 0;

SELECT * FROM panel;
