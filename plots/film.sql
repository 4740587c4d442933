-- film.sql - rows of the films: density and samples of each data set (a film
-- each) and model at every snapshot, from the base to the data.
.read plots/common.sql
INSERT INTO request (item, fallback, data) SELECT 'film', 1, 'toy' WHERE NOT EXISTS (SELECT 1 FROM request);
.read plots/moments.sql

CREATE TEMP VIEW frame_at AS
SELECT h.dataset, h.dataset_label, h.model_index, h.model_label, h.key, b.moment, b.time,
       row_number() OVER (PARTITION BY h.run_id ORDER BY b.moment DESC) AS number, b.rows AS cells, s.rows AS points,
       b.x0, b.x1, b.y0, b.y1
FROM holder h
JOIN whole_moment b ON b.subject = h.key AND b.kind = 'density'
JOIN whole_moment s ON s.subject = h.key AND s.kind = 'samples' AND s.moment = b.moment
ORDER BY h.dataset_index, h.model_index, number;

CREATE TEMP VIEW shown_moment AS
SELECT key AS subject, k.kind, moment FROM frame_at JOIN (SELECT 'density' AS kind UNION ALL SELECT 'samples') k;

CREATE TEMP VIEW caption AS
SELECT dataset AS part,
       'The flow from the base density to ' || dataset_label || ', from t = T to 0: density (above, one colour scale) and '
       || 'samples (below). ' || text || '. Experiment ' || (SELECT name FROM chosen) || '.' AS text
FROM (SELECT DISTINCT dataset, dataset_label, dataset_index FROM holder)
JOIN shown_text USING (dataset)
ORDER BY dataset_index;

SELECT * FROM frame_at;
