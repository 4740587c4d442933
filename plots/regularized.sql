-- regularized.sql - Figure 9's count under regularization: evaluations per forward solve during training on images, a panel
-- for each model, in it a curve for each pair of weights.
.read plots/common.sql
INSERT INTO request (item, fallback, data) SELECT 'regularized', 0, 'image' WHERE NOT EXISTS (SELECT 1 FROM request);
.read plots/regularized_runs.sql

-- curves.sql knows data sets and models: here a model on a data set, and a pair of weights.
CREATE TEMP VIEW measured AS
SELECT r.panel AS dataset, r.weights AS model, p.split, p.iteration, avg(p.nfe_forward) AS mean,
       CASE WHEN count(*) > 1
            THEN sqrt(max(0, (sum(p.nfe_forward * p.nfe_forward) - sum(p.nfe_forward) * avg(p.nfe_forward))
                             / (count(*) - 1))) END AS std,
       count(*) AS n
FROM weighted_run r
JOIN epoch p USING (run_id)
WHERE p.split = 'training'
GROUP BY r.panel, r.weights, p.split, p.iteration;
-- All points: the peaks are what regularizers are for.
CREATE TEMP VIEW fence AS SELECT 1e9 AS factor;
.read plots/curves.sql

CREATE TEMP VIEW shown AS
SELECT p.panel - 1 AS dataset_index, w.weights AS model_index, p.label AS dataset_label, w.label AS model_label, c.iteration,
       c.mean, c.std, c.n, NULL AS entropy_floor, v.lowest, v.highest, c.split
FROM (SELECT DISTINCT panel, label FROM weighted_run) p
JOIN (SELECT DISTINCT weights, weights_label AS label FROM weighted_run) w
CROSS JOIN (SELECT min(lowest) AS lowest, max(highest) AS highest FROM span) v -- one axis for all panels
LEFT JOIN drawn c ON c.dataset = p.panel AND c.model = w.weights
ORDER BY 1, 2, c.iteration;

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'Evaluations of the field per forward solve in training against iteration, for weights of the kinetic and the Jacobian '
       || 'regularizer: mean over the seeds. Bands show one standard deviation. Numbers of seeds: '
       || (SELECT CASE WHEN min(n) < max(n) THEN min(n) || ' to ' ELSE '' END || max(n) FROM drawn)
       || '. Experiment ' || (SELECT name FROM chosen) || '.' AS text;

SELECT * FROM shown WHERE EXISTS (SELECT 1 FROM drawn);
