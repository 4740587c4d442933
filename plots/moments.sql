-- moments.sql - flows of the chosen experiment whose moments are stored, for
-- fig1.sql and film.sql: of each data set and model the run with the lowest seed
-- that has them (of two runs with this seed, the newer). Read common.sql first.
CREATE TEMP VIEW moving AS
SELECT *
FROM (SELECT r.run_id, r.key, r.dataset, d.label AS dataset_label, d.rank AS dataset_rank, r.model,
             m.label AS model_label, m.rank AS model_rank, r.seed, b.end_time,
             (SELECT v.value FROM metric v WHERE v.run_id = r.run_id AND v.name = 'final_validation_loss') AS loss,
             row_number() OVER (PARTITION BY r.dataset, r.model ORDER BY r.seed, r.run_id DESC) AS place
      FROM chosen_run r
      JOIN chosen_dataset d USING (dataset)
      JOIN chosen_model m USING (model)
      JOIN (SELECT subject, max(time) AS end_time FROM moment GROUP BY subject) b ON b.subject = r.key)
WHERE place = 1;

-- The pictures: a row for each data set and model, numbered from 0 and 1.
CREATE TEMP VIEW holder AS
SELECT dense_rank() OVER (ORDER BY dataset_rank, dataset) - 1 AS dataset_index,
       row_number() OVER (PARTITION BY dataset ORDER BY model_rank, model) AS model_index, *
FROM moving;

CREATE TEMP VIEW shown_text AS
SELECT dataset, group_concat(model_label || printf(' seed %d', seed)
                             || iif(loss IS NULL, '', printf(', %.3f nats', loss)), '; ') AS text
FROM (SELECT * FROM holder ORDER BY dataset_index, model_index)
GROUP BY dataset;
