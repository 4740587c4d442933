-- views_regularized.sql - the views of image models that were trained with regularizers (experiments/regularized.ini). They
-- follow the rules of views.sql. Running sums are of numbers rounded to multiples of 2^-10, and therefore exact.

-- Image models trained with regularizers (flow.kinetic, flow.jacobian), of experiments whose names begin with
-- 'regularized': a row for each finished run. bits: the loss at the end at tolerance 1e-5, or as recorded. evaluations,
-- backward: of all flows in one solve of training, in the last epoch. seconds: of training. goal: the mean validation loss
-- of FFJORD without regularizers at half of its iterations. goal_seconds, goal_evaluations: training time and thousands of
-- evaluations, both ways, until the validation loss is at the goal, by a straight line between epochs; NULL if it never is.
DROP VIEW IF EXISTS regularized_runs;
CREATE VIEW regularized_runs AS
WITH trained AS (
    SELECT e.name AS experiment, r.run_id, r.dataset, r.model, r.seed, coalesce(m.value, f.value) AS bits,
           max(CASE s.key WHEN 'context' THEN s.value END) AS context, max(CASE s.key WHEN 'layer' THEN s.value END) AS layer,
           CAST(max(CASE s.key WHEN 'kinetic' THEN s.value END) AS DOUBLE) AS kinetic,
           CAST(max(CASE s.key WHEN 'jacobian' THEN s.value END) AS DOUBLE) AS jacobian
    FROM experiment e
    JOIN experiment_run er USING (experiment_id)
    JOIN run r USING (run_id)
    JOIN setting s ON s.run_id = r.run_id
                      AND s.section || '.' || s.key IN ('model.context', 'image.layer', 'flow.kinetic', 'flow.jacobian')
    JOIN metric d ON d.run_id = r.run_id AND d.name = 'data_dimension'
    JOIN metric f ON f.run_id = r.run_id AND f.name = 'final_validation_loss'
    LEFT JOIN metric m ON m.run_id = r.run_id AND m.name = 'final_loss'
    WHERE r.status = 'done' AND substr(e.name, 1, 11) = 'regularized'
    GROUP BY e.name, r.run_id, r.dataset, r.model, r.seed, m.value, f.value
), spent AS (
    -- CROSS JOIN: epochs are found by their runs.
    SELECT t.*, p.epoch, p.iteration, p.nfe_forward, p.nfe_backward, v.loss,
           p.wall_seconds + 6597069766656.0 - 6597069766656.0 AS spent_seconds,
           (p.nfe_forward + p.nfe_backward) * (p.iteration - coalesce(b.iteration, 0)) + 6597069766656.0 - 6597069766656.0
               AS spent_evaluations
    FROM trained t
    CROSS JOIN epoch p
    JOIN epoch v ON v.run_id = t.run_id AND v.split = 'validation' AND v.epoch = p.epoch
    LEFT JOIN epoch b ON b.run_id = t.run_id AND b.split = 'training' AND b.epoch = p.epoch - 1
    WHERE p.run_id = t.run_id AND p.split = 'training'
), summed AS (
    SELECT *, sum(spent_seconds) OVER epochs AS seconds, sum(spent_evaluations) OVER epochs / 1000.0 AS evaluations,
           lag(loss) OVER epochs AS loss_before, max(iteration) OVER (PARTITION BY experiment, run_id) AS iterations
    FROM spent
    WINDOW epochs AS (PARTITION BY experiment, run_id ORDER BY epoch)
), passed AS (
    SELECT *, coalesce(lag(seconds) OVER epochs, 0.0) AS seconds_before,
           coalesce(lag(evaluations) OVER epochs, 0.0) AS evaluations_before,
           CASE WHEN context = 'clock' AND kinetic = 0 AND jacobian = 0 AND iteration =
                max(CASE WHEN 2 * iteration <= iterations THEN iteration END) OVER (PARTITION BY experiment, run_id)
                THEN 1 END AS half
    FROM summed
    WINDOW epochs AS (PARTITION BY experiment, run_id ORDER BY epoch)
), aimed AS (
    SELECT *, (sum(CASE half WHEN 1 THEN loss + 6597069766656.0 - 6597069766656.0 END) OVER sets
               + sum(CASE half WHEN 1 THEN loss - (loss + 6597069766656.0 - 6597069766656.0) + 6.0 - 6.0 END) OVER sets)
              / nullif(count(half) OVER sets, 0) AS goal
    FROM passed
    WINDOW sets AS (PARTITION BY experiment, dataset)
), reached AS (
    SELECT *, CASE WHEN loss_before > goal THEN (loss_before - goal) / (loss_before - loss) ELSE 1.0 END AS share,
           CASE WHEN epoch = min(CASE WHEN loss <= goal THEN epoch END) OVER (PARTITION BY experiment, run_id) THEN 1 END
               AS earliest
    FROM aimed
), ended AS (
    SELECT *, max(CASE earliest WHEN 1 THEN seconds_before + share * (seconds - seconds_before) END) OVER runs
                  AS goal_seconds,
           max(CASE earliest WHEN 1 THEN evaluations_before + share * (evaluations - evaluations_before) END) OVER runs
               AS goal_evaluations
    FROM reached
    WINDOW runs AS (PARTITION BY experiment, run_id)
)
SELECT experiment, dataset, model, context, layer, kinetic, jacobian, seed, run_id, bits, nfe_forward AS evaluations,
       nfe_backward AS backward, seconds, goal, goal_seconds, goal_evaluations
FROM ended
WHERE iteration = iterations;

-- Their quantities x, model by model and weight by weight, in three readings: 'mean' of x over n seeds; 'unregularized', x
-- against that of the same seed and model without regularizers; 'ffjord', against that of the same seed of FFJORD with the
-- same weights. For bits the difference (x - the other's), otherwise the ratio (x / the other's). deviation: between seeds.
-- low, high: 95% interval by Student's t, from five seeds on.
DROP VIEW IF EXISTS regularized;
CREATE VIEW regularized AS
WITH known AS (
    SELECT r.experiment, r.dataset, r.model, r.context, r.layer, r.kinetic, r.jacobian, r.seed, u.quantity,
           CASE u.quantity WHEN 'bits' THEN bits WHEN 'evaluations' THEN evaluations WHEN 'backward' THEN backward
                           WHEN 'seconds' THEN seconds WHEN 'goal_seconds' THEN goal_seconds ELSE goal_evaluations END AS x
    FROM regularized_runs r
    CROSS JOIN (SELECT 'bits' AS quantity UNION ALL SELECT 'evaluations' UNION ALL SELECT 'backward'
                UNION ALL SELECT 'seconds' UNION ALL SELECT 'goal_seconds' UNION ALL SELECT 'goal_evaluations') u
), matched AS (
    SELECT *,
           max(CASE WHEN kinetic = 0 AND jacobian = 0 THEN x END)
               OVER (PARTITION BY experiment, dataset, model, seed, quantity) AS x_without,
           max(CASE WHEN context = 'clock' THEN x END)
               OVER (PARTITION BY experiment, dataset, kinetic, jacobian, seed, quantity) AS x_ffjord
    FROM known
), sampled AS (
    SELECT m.experiment, m.dataset, m.model, m.context, m.layer, m.kinetic, m.jacobian, m.quantity, w.reading,
           CASE WHEN w.reading = 'mean' THEN m.x
                WHEN m.quantity = 'bits' THEN m.x - CASE w.reading WHEN 'ffjord' THEN m.x_ffjord ELSE m.x_without END
                ELSE m.x / CASE w.reading WHEN 'ffjord' THEN m.x_ffjord ELSE m.x_without END END AS v
    FROM matched m
    CROSS JOIN (SELECT 'mean' AS reading UNION ALL SELECT 'unregularized' UNION ALL SELECT 'ffjord') w
    WHERE w.reading = 'mean' OR (w.reading = 'unregularized' AND (m.kinetic > 0 OR m.jacobian > 0))
          OR (w.reading = 'ffjord' AND m.context = 'augmented')
), total AS (
    SELECT experiment, dataset, model, context, layer, kinetic, jacobian, quantity, reading, count(v) AS n,
           sum(v + 6597069766656.0 - 6597069766656.0)
           + sum(v - (v + 6597069766656.0 - 6597069766656.0) + 6.0 - 6.0) AS s,
           sum(v * v + 6597069766656.0 - 6597069766656.0)
           + sum(v * v - (v * v + 6597069766656.0 - 6597069766656.0) + 6.0 - 6.0) AS ss
    FROM sampled
    GROUP BY experiment, dataset, model, context, layer, kinetic, jacobian, quantity, reading
), variance AS (
    SELECT *, (ss - s * s / n) / nullif(n - 1, 0) AS w FROM total WHERE n > 0
), rooted AS (
    SELECT *, CASE WHEN w > 0 THEN (WITH RECURSIVE root (s) AS (SELECT (1 + w) / 2 UNION ALL
                                                                SELECT (s + w / s) / 2 FROM root WHERE (s + w / s) / 2 < s)
                                    SELECT min(s) FROM root)
                   WHEN n > 1 THEN 0.0 END AS deviation,
           (WITH RECURSIVE root (s) AS (SELECT (1.0 + n) / 2 UNION ALL
                                        SELECT (s + n / s) / 2 FROM root WHERE (s + n / s) / 2 < s)
            SELECT min(s) FROM root) AS root_n
    FROM variance
), student (n, t) AS (
    VALUES (5, 2.776), (6, 2.571), (7, 2.447), (8, 2.365), (9, 2.306)
)
SELECT r.experiment, r.dataset, r.model, r.context, r.layer, r.kinetic, r.jacobian, r.quantity, r.reading, r.n, r.s / r.n AS value,
       r.deviation, CASE WHEN r.n >= 5 THEN r.s / r.n - coalesce(t.t, 2.262) * r.deviation / r.root_n END AS low,
       CASE WHEN r.n >= 5 THEN r.s / r.n + coalesce(t.t, 2.262) * r.deviation / r.root_n END AS high
FROM rooted r
LEFT JOIN student t ON t.n = r.n;
