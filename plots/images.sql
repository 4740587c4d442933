-- images.sql - rows of Figures 8 and 15 to 20: the pictures that a model
-- generated, for each data set of images, of the median run with pictures.
.read plots/common.sql
INSERT INTO request (item, fallback, data, model)
SELECT 'fig8', 1, 'image', 'affjord' WHERE NOT EXISTS (SELECT 1 FROM request);

-- Stored pictures: one per row of the blob; the window is a picture's size in pixels.
CREATE TEMP VIEW stored AS
SELECT *
FROM (SELECT r.run_id, r.key, b.kind, b.rows AS pictures, CAST(b.x1 - b.x0 AS INTEGER) AS width,
             CAST(b.y1 - b.y0 AS INTEGER) AS height, b.columns
      FROM request q
      JOIN chosen_run r ON lower(r.model) = q.model OR lower(r.model) GLOB q.model || '_*'
      JOIN whole_picture b ON b.subject = r.key AND b.kind = 'samples')
WHERE columns IN (width * height, 3 * width * height);
CREATE TEMP VIEW pictured AS SELECT run_id, kind FROM stored;
.read plots/median.sql

-- One row for each data set, with the grid of its pictures: nearly square, full, and at
-- most 100 pictures, so that each is recognizable.
CREATE TEMP VIEW panel AS
WITH sized AS ( -- the item's model comes before its variants
    SELECT r.dataset, r.seed, r.loss, r.shown_as, m.label, s.*, CAST(sqrt(min(s.pictures, 100)) AS INTEGER) AS grid_rows,
           row_number() OVER (PARTITION BY r.dataset ORDER BY m.rank, r.model) AS variant
    FROM median_run r
    JOIN stored s USING (run_id)
    JOIN chosen_model m USING (model)
)
SELECT row_number() OVER (ORDER BY s.dataset IS NULL, d.rank, d.dataset) - 1 AS panel_index, d.label AS dataset_label,
       s.label AS model_label, s.seed, s.loss, s.key AS subject, 'samples' AS kind, s.pictures,
       s.grid_rows, min(s.pictures, 100) / s.grid_rows AS grid_columns, s.width, s.height,
       s.columns / (s.width * s.height) AS channels,
       CASE WHEN s.dataset IS NULL THEN 'not stored' ELSE 'drawn' END AS state, s.shown_as
FROM chosen_dataset d
LEFT JOIN sized s ON s.dataset = d.dataset AND s.variant = 1
ORDER BY panel_index;

CREATE TEMP VIEW caption AS
WITH drawn AS (SELECT * FROM panel WHERE state = 'drawn')
SELECT '' AS part,
       'Generated samples of ' || (SELECT group_concat(dataset_label, ' and ') FROM drawn) || ' by '
       || (SELECT replace(group_concat(DISTINCT model_label), ',', ' and ') FROM drawn)
       || '. ' || (SELECT text FROM why_shown)
       || group_concat(dataset_label || ' '
                       || CASE WHEN state = 'drawn'
                               THEN printf('%s, %s%d samples', shown_as,
                                           iif(grid_rows * grid_columns < pictures, 'the first ', ''),
                                           grid_rows * grid_columns)
                                    || coalesce((SELECT ' at temperature ' || s.value FROM setting s JOIN run r USING (run_id)
                                                 WHERE r.key = panel.subject AND s.section = 'output'
                                                       AND s.key = 'temperature' AND CAST(s.value AS REAL) <> 1), '')
                               ELSE state END, '; ')
       || '. Experiment ' || (SELECT name FROM chosen) || '.' AS text
FROM panel;

SELECT * FROM panel WHERE state = 'drawn';
