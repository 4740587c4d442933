-- regularized_table.sql - the effect of regularizers on image models: loss, evaluations, and the time to a given loss.
.read plots/common.sql
INSERT INTO request (item, fallback, data) SELECT 'regularized_table', 0, 'image' WHERE NOT EXISTS (SELECT 1 FROM request);
.read plots/regularized_runs.sql

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'Image models with regularizers, mean and standard deviation over n seeds. Bits per dimension: at the end, at tolerance '
       || '1e-5, without the regularizers. Evaluations: of the field of all flows in a solve of training, in the last epoch. To '
       || 'the goal: evaluations of the training (thousands, both ways) and seconds until the validation loss is '
       || (SELECT group_concat(printf('%.3f', goal) || CASE WHEN many THEN ' (' || data_label || ')' ELSE '' END, ', ')
           FROM (SELECT DISTINCT goal, data_label, (SELECT count(DISTINCT dataset) FROM weighted_run) > 1 AS many
                 FROM weighted_run))
       || ', the mean of FFJORD without regularizers at half of its iterations; in brackets the number of seeds that reach it, '
       || 'if not all do. Relative: this count / that of the same seed and model without regularizers, with its 95% interval. '
       || 'Seconds are those of the machine, with what else it did. Experiment ' || (SELECT name FROM chosen) || '.' AS text;

CREATE TEMP VIEW cell AS
SELECT w.panel, w.weights, w.label, w.weights_label, w.runs, v.quantity, v.reading, v.n, v.value, v.deviation, v.low, v.high
FROM (SELECT panel, weights, label, weights_label, dataset, model, kinetic, jacobian, count(*) AS runs
      FROM weighted_run GROUP BY panel, weights) w
JOIN regularized v ON v.experiment = (SELECT name FROM chosen) AND v.dataset = w.dataset AND v.model = w.model
                      AND v.kinetic = w.kinetic AND v.jacobian = w.jacobian;

CREATE TEMP VIEW formatted AS
SELECT panel, weights, label, weights_label, runs, quantity, reading,
       CASE WHEN reading = 'unregularized' AND low IS NULL THEN printf('%.2f', value)
            WHEN reading = 'unregularized' THEN printf('%.2f (%.2f to %.2f)', value, low, high)
            ELSE printf(f, value) || CASE WHEN deviation IS NULL THEN '' ELSE printf(' ± ' || f, deviation) END END
       || CASE WHEN n < runs THEN ' [' || n || ']' ELSE '' END AS text
FROM (SELECT *, CASE quantity WHEN 'bits' THEN '%.3f' WHEN 'goal_seconds' THEN '%.0f' ELSE '%.1f' END AS f FROM cell);

SELECT label AS "Model", weights_label AS "Regularizers", runs AS "n",
       max(text) FILTER (WHERE quantity = 'bits' AND reading = 'mean') AS "Bits per dimension",
       max(text) FILTER (WHERE quantity = 'evaluations' AND reading = 'mean') AS "Evaluations forward",
       max(text) FILTER (WHERE quantity = 'backward' AND reading = 'mean') AS "backward",
       max(text) FILTER (WHERE quantity = 'evaluations' AND reading = 'unregularized') AS "Relative, forward",
       max(text) FILTER (WHERE quantity = 'goal_evaluations' AND reading = 'mean') AS "Evaluations to the goal",
       max(text) FILTER (WHERE quantity = 'goal_evaluations' AND reading = 'unregularized') AS "Relative, to the goal",
       max(text) FILTER (WHERE quantity = 'goal_seconds' AND reading = 'mean') AS "Seconds to the goal"
FROM formatted
GROUP BY panel, weights
ORDER BY panel, weights;
