-- fig1.sql - rows of Figure 1: the field of a trained flow at eight times, evenly
-- from 0 on, for each data set (a picture each) and model.
.read plots/common.sql
INSERT INTO request (item, fallback, data) SELECT 'fig1', 1, 'toy' WHERE NOT EXISTS (SELECT 1 FROM request);
.read plots/moments.sql

CREATE TEMP VIEW panel_at AS
WITH RECURSIVE eighth(number) AS (VALUES (0) UNION ALL SELECT number + 1 FROM eighth WHERE number < 7),
nearest AS (
    SELECT h.*, e.number, b.moment, b.time, b.rows, b.x0, b.x1, b.y0, b.y1,
           (SELECT c.columns FROM moment c WHERE c.subject = b.subject AND c.kind = 'context' AND c.moment = b.moment)
               AS context_size,
           row_number() OVER (PARTITION BY h.run_id, e.number
                              ORDER BY abs(b.time - h.end_time * e.number / 8.0), b.moment) AS distance
    FROM holder h
    JOIN eighth e
    JOIN whole_moment b ON b.subject = h.key AND b.kind = 'field'
)
SELECT dataset, dataset_label, model_index, model_label, number, key, moment, time, rows, x0, x1, y0, y1,
       context_size, model LIKE '%affjord%' AS augmented
FROM nearest
WHERE distance = 1
ORDER BY dataset_index, model_index, number;

CREATE TEMP VIEW shown_moment AS
SELECT key AS subject, k.kind, moment FROM panel_at JOIN (SELECT 'field' AS kind UNION ALL SELECT 'context') k;

CREATE TEMP VIEW caption AS
SELECT dataset AS part,
       'The trained field dz/dt on ' || dataset_label || ' at eight times: direction (arrows) and speed (colour, one '
       || 'scale). The time t stands above each picture; for AFFJORD also z*(t), on which its field depends. ' || text || '. Experiment ' || (SELECT name FROM chosen) || '.' AS text
FROM (SELECT DISTINCT dataset, dataset_label, dataset_index FROM holder)
JOIN shown_text USING (dataset)
ORDER BY dataset_index;

SELECT * FROM panel_at;
