-- moments.sql - snapshots of flows of the chosen experiment, for fig1.sql and film.sql:
-- for each data set and model the median run that has them.
-- Read common.sql first. gnuplot removes double quotes from names.
CREATE TEMP VIEW pictured AS
SELECT DISTINCT r.run_id, 'moments' AS kind FROM chosen_run r JOIN moment b ON b.subject = r.key;
.read plots/median.sql

CREATE TEMP VIEW moving AS
SELECT r.run_id, r.key, replace(r.dataset, '"', '''') AS dataset, d.label AS dataset_label, d.rank AS dataset_rank, r.model, m.label AS model_label,
       m.rank AS model_rank, r.shown_as, (SELECT max(b.time) FROM moment b WHERE b.subject = r.key) AS end_time
FROM median_run r
JOIN chosen_dataset d USING (dataset)
JOIN chosen_model m USING (model);

-- The pictures: a row for each data set and model, numbered from 0 and 1.
CREATE TEMP VIEW holder AS
SELECT dense_rank() OVER (ORDER BY dataset_rank, dataset) - 1 AS dataset_index,
       row_number() OVER (PARTITION BY dataset ORDER BY model_rank, model) AS model_index, *
FROM moving;

CREATE TEMP VIEW shown_text AS
SELECT dataset, (SELECT text FROM why_shown) || group_concat(model_label || ' ' || shown_as, '; ') AS text
FROM (SELECT * FROM holder ORDER BY dataset_index, model_index)
GROUP BY dataset;
