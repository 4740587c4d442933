-- toy_table.sql - validation losses on point sets, in nats: mean and deviation over the seeds, and the difference of
-- the mean from the entropy of the data. n counts finished runs with a finite, possible loss; "2 of 3" if the
-- experiment has more.
.read plots/common.sql
INSERT INTO request (item, fallback, data) SELECT 'toy_table', 1, 'toy' WHERE NOT EXISTS (SELECT 1 FROM request);

CREATE TEMP VIEW toy_row AS
SELECT d.label AS dataset, m.label AS model, d.rank AS dataset_rank, m.rank AS model_rank,
       (SELECT count(*) FROM chosen_run r WHERE r.dataset = d.dataset AND r.model = m.model) AS runs,
       coalesce(t.n, 0) AS n, t.mean, t.std, t.best, d.entropy_floor
FROM chosen_dataset d
JOIN chosen_model m
LEFT JOIN toy_losses t ON t.experiment = (SELECT name FROM chosen) AND t.dataset = d.dataset AND t.model = m.model;

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'Validation loss in nats: mean and standard deviation over n seeds at the end of training; the lowest of any epoch and '
       || 'seed; the entropy of the data, which no loss can fall below; the gap between it and the mean. Runs with an '
       || 'impossible loss are excluded. Experiment ' || (SELECT name FROM chosen) || '.' AS text;

SELECT dataset AS "Data set", model AS "Model",
       CASE WHEN runs = 0 THEN NULL WHEN n < runs THEN n || ' of ' || runs ELSE n END AS "n",
       CASE WHEN runs = 0 THEN 'not run' WHEN n = 0 THEN 'not finished' WHEN std IS NULL THEN printf('%.4f', mean)
            ELSE printf('%.4f ± %.4f', mean, std) END AS "Final",
       CASE WHEN best IS NOT NULL THEN printf('%.4f', best) END AS "Best",
       CASE WHEN entropy_floor IS NOT NULL THEN printf('%.4f', entropy_floor) END AS "Entropy",
       CASE WHEN mean - entropy_floor IS NOT NULL THEN printf('%.4f', mean - entropy_floor) END AS "Gap"
FROM toy_row
WHERE EXISTS (SELECT 1 FROM toy_row WHERE n > 0)
ORDER BY dataset_rank, dataset, model_rank, model;
