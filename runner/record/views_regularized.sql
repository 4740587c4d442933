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
    SELECT e.name AS experiment, r.run_id, r.dataset, r.model, r.seed, c.value AS context, l.value AS layer,
           CAST(k.value AS DOUBLE) AS kinetic, CAST(j.value AS DOUBLE) AS jacobian, coalesce(m.value, f.value) AS bits
    FROM experiment e
    JOIN experiment_run er USING (experiment_id)
    JOIN run r USING (run_id)
    JOIN setting c ON c.run_id = r.run_id AND c.section = 'model' AND c.key = 'context'
    JOIN setting l ON l.run_id = r.run_id AND l.section = 'image' AND l.key = 'layer'
    JOIN setting k ON k.run_id = r.run_id AND k.section = 'flow' AND k.key = 'kinetic'
    JOIN setting j ON j.run_id = r.run_id AND j.section = 'flow' AND j.key = 'jacobian'
    JOIN metric d ON d.run_id = r.run_id AND d.name = 'data_dimension'
    JOIN metric f ON f.run_id = r.run_id AND f.name = 'final_validation_loss'
    LEFT JOIN metric m ON m.run_id = r.run_id AND m.name = 'final_loss'
    WHERE r.status = 'done' AND substr(e.name, 1, 11) = 'regularized'
), spent AS (
    -- CROSS JOIN: epochs are found by their runs.
    SELECT t.experiment, t.run_id, p.epoch, p.iteration, p.nfe_forward, p.nfe_backward, v.loss,
           p.wall_seconds + 6597069766656.0 - 6597069766656.0 AS seconds,
           (p.nfe_forward + p.nfe_backward) * (p.iteration - coalesce(b.iteration, 0)) + 6597069766656.0 - 6597069766656.0
               AS evaluations
    FROM trained t
    CROSS JOIN epoch p
    JOIN epoch v ON v.run_id = t.run_id AND v.split = 'validation' AND v.epoch = p.epoch
    LEFT JOIN epoch b ON b.run_id = t.run_id AND b.split = 'training' AND b.epoch = p.epoch - 1
    WHERE p.run_id = t.run_id AND p.split = 'training'
), summed AS (
    SELECT experiment, run_id, epoch, iteration, nfe_forward, nfe_backward, loss,
           sum(seconds) OVER epochs AS seconds, sum(evaluations) OVER epochs / 1000.0 AS evaluations,
           lag(loss) OVER epochs AS loss_before, max(iteration) OVER (PARTITION BY experiment, run_id) AS iterations
    FROM spent
    WINDOW epochs AS (PARTITION BY experiment, run_id ORDER BY epoch)
), passed AS (
    SELECT *, coalesce(lag(seconds) OVER epochs, 0.0) AS seconds_before,
           coalesce(lag(evaluations) OVER epochs, 0.0) AS evaluations_before
    FROM summed
    WINDOW epochs AS (PARTITION BY experiment, run_id ORDER BY epoch)
), half AS (
    SELECT t.experiment, t.dataset,
           (sum(s.loss + 6597069766656.0 - 6597069766656.0)
            + sum(s.loss - (s.loss + 6597069766656.0 - 6597069766656.0) + 6.0 - 6.0)) / count(*) AS goal
    FROM trained t
    JOIN summed s ON s.experiment = t.experiment AND s.run_id = t.run_id
    WHERE t.context = 'clock' AND t.kinetic = 0 AND t.jacobian = 0
          AND s.iteration = (SELECT max(x.iteration) FROM summed x
                             WHERE x.experiment = s.experiment AND x.run_id = s.run_id AND 2 * x.iteration <= x.iterations)
    GROUP BY t.experiment, t.dataset
), reached AS (
    SELECT t.experiment, t.run_id, w.epoch,
           CASE WHEN w.loss_before > h.goal THEN (w.loss_before - h.goal) / (w.loss_before - w.loss) ELSE 1.0 END AS share,
           w.seconds, w.seconds_before, w.evaluations, w.evaluations_before
    FROM trained t
    JOIN half h ON h.experiment = t.experiment AND h.dataset = t.dataset
    JOIN passed w ON w.experiment = t.experiment AND w.run_id = t.run_id AND w.loss <= h.goal
), earliest AS (
    SELECT * FROM reached r
    WHERE epoch = (SELECT min(x.epoch) FROM reached x WHERE x.experiment = r.experiment AND x.run_id = r.run_id)
)
SELECT t.experiment, t.dataset, t.model, t.context, t.layer, t.kinetic, t.jacobian, t.seed, t.run_id, t.bits,
       w.nfe_forward AS evaluations, w.nfe_backward AS backward, w.seconds, h.goal,
       a.seconds_before + a.share * (a.seconds - a.seconds_before) AS goal_seconds,
       a.evaluations_before + a.share * (a.evaluations - a.evaluations_before) AS goal_evaluations
FROM trained t
JOIN passed w ON w.experiment = t.experiment AND w.run_id = t.run_id AND w.iteration = w.iterations
LEFT JOIN half h ON h.experiment = t.experiment AND h.dataset = t.dataset
LEFT JOIN earliest a ON a.experiment = t.experiment AND a.run_id = t.run_id;

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
