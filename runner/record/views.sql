-- views.sql - the views of the results database, except `claims` (claims.sql). They are replaced when a database is
-- created or updated (schema.sql).
--
-- Every view gives the same digits in every reader of SQLite files (docs/reference/database.md; tests/readers.sh). So
-- no view divides integers, uses REAL (four bytes elsewhere) for DOUBLE, calls a function that some builds lack (sqrt),
-- or depends on the order or the rounding of a sum, which changed in SQLite 3.43:
--
-- sum x: sum(x + A - A) + sum(x - (x + A - A) + 6.0 - 6.0), A = 1.5 * 2^42: each x is rounded to a multiple of 2^-10,
-- and the remainder to a multiple of 2^-50. Either sum is exact in any order for up to 2^13 values below 2^29 (larger
-- ones may differ in the last digit).
-- sqrt v: the least s of Heron's iteration s <- (s + v / s) / 2 from (1 + v) / 2.

-- Figure 6 and every other curve of a loss: mean and deviation over seeds. std is the sample deviation, NULL for one
-- seed. Sweeps are excluded, because their points must not be averaged; they have the view sweep_curves. (The columns
-- with the most distinct values are grouped first, which sorts faster.)
DROP VIEW IF EXISTS loss_curves;
CREATE VIEW loss_curves AS
WITH total AS (
    SELECT e.name AS experiment, r.dataset, r.model, p.split, p.iteration, count(p.loss) AS n,
           sum(p.loss + 6597069766656.0 - 6597069766656.0)
           + sum(p.loss - (p.loss + 6597069766656.0 - 6597069766656.0) + 6.0 - 6.0) AS x,
           sum(p.loss * p.loss + 6597069766656.0 - 6597069766656.0)
           + sum(p.loss * p.loss - (p.loss * p.loss + 6597069766656.0 - 6597069766656.0) + 6.0 - 6.0) AS xx
    FROM experiment e
    JOIN experiment_run er USING (experiment_id)
    JOIN run r USING (run_id)
    JOIN epoch p USING (run_id)
    WHERE e.experiment_id NOT IN (SELECT experiment_id FROM sweep_point)
    GROUP BY p.iteration, p.split, r.model, r.dataset, e.name
), variance AS (
    SELECT *, (xx - x * x / n) / nullif(n - 1, 0) AS v FROM total
)
SELECT experiment, dataset, model, split, iteration, x / n AS mean,
       CASE WHEN v > 0 THEN (WITH RECURSIVE root (s) AS (SELECT (1 + v) / 2 UNION ALL
                                                         SELECT (s + v / s) / 2 FROM root WHERE (s + v / s) / 2 < s)
                             SELECT min(s) FROM root)
            WHEN n > 1 THEN 0.0 END AS std, n
FROM variance
ORDER BY experiment, dataset, model, split, iteration;

-- Field evaluations during training.
DROP VIEW IF EXISTS nfe_curves;
CREATE VIEW nfe_curves AS
SELECT e.name AS experiment, r.dataset, r.model, p.split, p.iteration,
       (sum(p.nfe_forward + 6597069766656.0 - 6597069766656.0)
        + sum(p.nfe_forward - (p.nfe_forward + 6597069766656.0 - 6597069766656.0) + 6.0 - 6.0)) / count(*) AS nfe_forward,
       (sum(p.nfe_backward + 6597069766656.0 - 6597069766656.0)
        + sum(p.nfe_backward - (p.nfe_backward + 6597069766656.0 - 6597069766656.0) + 6.0 - 6.0)) / count(*)
           AS nfe_backward, count(*) AS n
FROM experiment e
JOIN experiment_run er USING (experiment_id)
JOIN run r USING (run_id)
JOIN epoch p USING (run_id)
WHERE e.experiment_id NOT IN (SELECT experiment_id FROM sweep_point)
GROUP BY p.iteration, p.split, r.model, r.dataset, e.name
ORDER BY e.name, r.dataset, r.model, p.split, p.iteration;

-- The finished runs: the validation loss at the end, NULL if it is not finite; the least at the end of any epoch; for
-- points the entropy of the data, the integral of the picture of the density (mass), and the least possible loss (the
-- entropy minus five standard errors of a mean over the validation points, with a deviation of one nat). offset: the
-- contribution of the seed's validation points to every model's loss; measured, fine: the final loss on many points,
-- with the training's solver and with a finer one; solver_error: their difference on the same points. If steps are too
-- long for the trained field, the numbers are not a density. impossible: a finer solve changes the loss by more than
-- 0.01 nats and five standard errors. If that was not measured: the loss is below the least possible, or the mass is
-- above 1.2. For lifted flows: a fold was found, or the mass is above 1.02.
DROP VIEW IF EXISTS final_losses;
CREATE VIEW final_losses AS
WITH known AS (
    SELECT e.name AS experiment, r.dataset, r.model, r.seed, r.run_id, f.value AS loss, b.value AS best,
           h.value AS entropy_floor, p.value AS mass,
           coalesce(CAST(s.value AS DOUBLE), 4096.0) AS points, o.value AS "offset", m.value AS measured,
           n.value AS fine, c.value AS solver_error, d.value AS solver_error_error, l.value AS folded,
           CASE WHEN EXISTS (SELECT 1 FROM metric i WHERE i.run_id = r.run_id AND i.name = 'data_dimension')
                THEN 1 ELSE 0 END AS images
    FROM experiment e
    JOIN experiment_run er USING (experiment_id)
    JOIN run r USING (run_id)
    JOIN metric f ON f.run_id = r.run_id AND f.name = 'final_validation_loss'
    LEFT JOIN metric b ON b.run_id = r.run_id AND b.name = 'best_validation_loss'
    LEFT JOIN metric h ON h.run_id = r.run_id AND h.name = 'entropy_floor'
    LEFT JOIN metric p ON p.run_id = r.run_id AND p.name = 'density_mass'
    LEFT JOIN metric o ON o.run_id = r.run_id AND o.name = 'validation_offset'
    LEFT JOIN metric m ON m.run_id = r.run_id AND m.name = 'final_loss'
    LEFT JOIN metric n ON n.run_id = r.run_id AND n.name = 'final_loss_fine'
    LEFT JOIN metric c ON c.run_id = r.run_id AND c.name = 'solver_error'
    LEFT JOIN metric d ON d.run_id = r.run_id AND d.name = 'solver_error_error'
    LEFT JOIN metric l ON l.run_id = r.run_id AND l.name = 'folded_share'
    LEFT JOIN setting s ON s.run_id = r.run_id AND s.section = 'train' AND s.key = 'validation'
    WHERE r.status = 'done'
), least AS (
    SELECT *, entropy_floor - 5 / (WITH RECURSIVE root (s) AS (
               SELECT (1 + points) / 2 UNION ALL SELECT (s + points / s) / 2 FROM root WHERE (s + points / s) / 2 < s)
           SELECT min(s) FROM root) AS least_possible
    FROM known
)
SELECT experiment, dataset, model, seed, run_id, loss, best, entropy_floor, mass, least_possible,
       CASE WHEN folded > 0 OR (folded IS NOT NULL AND mass > 1.02) THEN 1
            WHEN solver_error IS NULL THEN CASE WHEN loss < least_possible OR mass > 1.2 THEN 1 ELSE 0 END
            WHEN abs(solver_error) > 0.01 + 5 * coalesce(solver_error_error, 0) THEN 1 ELSE 0 END AS impossible,
       images, "offset", measured, fine, solver_error, solver_error_error
FROM least;

-- The epochs of a run whose solves choose their steps: those of training, or of validation where training has fixed
-- steps (solver.evaluation_tolerance). Their evaluations are those of Figure 9.
DROP VIEW IF EXISTS adaptive_epochs;
CREATE VIEW adaptive_epochs AS
SELECT p.*
FROM run r
LEFT JOIN setting t ON t.run_id = r.run_id AND t.section = 'solver' AND t.key = 'evaluation_tolerance'
LEFT JOIN setting m ON m.run_id = r.run_id AND m.section = 'solver' AND m.key = 'method'
CROSS JOIN epoch p -- found by its run
WHERE p.run_id = r.run_id
      AND p.split = CASE WHEN CAST(t.value AS DOUBLE) > 0 AND m.value IN ('euler', 'midpoint', 'rk4', 'rk4_38')
                         THEN 'validation' ELSE 'training' END;

-- Mean and sample deviation of the n known values x of each model (of its seeds, or other runs), for the view named by
-- `item`.
DROP VIEW IF EXISTS seed_statistics;
CREATE VIEW seed_statistics AS
WITH rule (rule, metric) AS (
    VALUES ('best', 'best_bits_per_dim'), ('last', 'final_validation_loss'), ('chosen', 'chosen_test_loss'),
           ('measured', 'final_loss'), ('fine', 'final_loss_fine'), ('test', 'test_loss_1_probe'),
           ('test_8', 'test_loss_8_probes')
), named (run_id, name) AS (
    SELECT DISTINCT run_id, CASE WHEN substr(name, 1, 6) = 'table1' THEN 'table1' ELSE name END
    FROM experiment_run
    JOIN experiment USING (experiment_id)
    WHERE substr(name, 1, 6) = 'table1' OR name IN ('fig7', 'fig9')
), image_run AS (
    SELECT r.run_id, r.dataset, r.model, r.status
    FROM run r
    JOIN metric d ON d.run_id = r.run_id AND d.name = 'data_dimension'
), sampled (item, experiment, dataset, model, part, x) AS (
    SELECT 'toy_losses', experiment, dataset, model, '', CASE WHEN impossible = 0 THEN loss END
    FROM final_losses
    WHERE experiment NOT IN (SELECT name FROM experiment JOIN sweep_point USING (experiment_id))

    UNION ALL
    SELECT 'table1', '', r.dataset, r.model, '', b.value
    FROM run r
    JOIN metric b ON b.run_id = r.run_id AND b.name = 'best_bits_per_dim'
    WHERE r.status = 'done' AND r.run_id IN (SELECT run_id FROM named WHERE name = 'table1')

    UNION ALL
    SELECT 'image_losses', '', r.dataset, r.model, u.rule, v.value
    FROM image_run r
    CROSS JOIN rule u
    JOIN metric v ON v.run_id = r.run_id AND v.name = u.metric
    WHERE r.status = 'done' AND r.run_id IN (SELECT run_id FROM named WHERE name IN ('table1', 'fig7'))

    UNION ALL
    SELECT 'image_evaluations', e.name, r.dataset, r.model, substr(v.name, 16), v.value
    FROM image_run r
    JOIN metric v ON v.run_id = r.run_id AND v.name IN ('evaluations_by_state', 'evaluations_by_state_and_context')
    JOIN experiment_run m ON m.run_id = r.run_id
    JOIN experiment e ON e.experiment_id = m.experiment_id
    WHERE r.status = 'done'

    UNION ALL
    SELECT 'image_errors', e.name, r.dataset, r.model, substr(v.name, 10), v.value
    FROM image_run r
    JOIN metric v ON v.run_id = r.run_id AND v.name IN ('error_by_state', 'error_by_state_and_context')
    JOIN experiment_run m ON m.run_id = r.run_id
    JOIN experiment e ON e.experiment_id = m.experiment_id
    WHERE r.status = 'done'

    UNION ALL
    SELECT 'image_nfe', '', r.dataset, c.value, l.value, p.nfe_forward
    FROM image_run r
    JOIN setting c ON c.run_id = r.run_id AND c.section = 'model' AND c.key = 'context'
    JOIN setting l ON l.run_id = r.run_id AND l.section = 'image' AND l.key = 'layer'
    CROSS JOIN adaptive_epochs p -- the last table: in an archive, each of its rows costs a query
    WHERE r.status = 'done' AND r.run_id IN (SELECT run_id FROM named) AND p.run_id = r.run_id
          AND p.epoch = (SELECT max(q.epoch) FROM epoch q WHERE q.run_id = r.run_id)
), total AS (
    SELECT item, experiment, dataset, model, part, count(x) AS n,
           sum(x + 6597069766656.0 - 6597069766656.0)
           + sum(x - (x + 6597069766656.0 - 6597069766656.0) + 6.0 - 6.0) AS s,
           sum(x * x + 6597069766656.0 - 6597069766656.0)
           + sum(x * x - (x * x + 6597069766656.0 - 6597069766656.0) + 6.0 - 6.0) AS ss
    FROM sampled
    GROUP BY item, experiment, dataset, model, part
), variance AS (
    SELECT *, (ss - s * s / n) / nullif(n - 1, 0) AS v FROM total
)
SELECT item, experiment, dataset, model, part, n, s / n AS mean,
       CASE WHEN v > 0 THEN (WITH RECURSIVE root (s) AS (SELECT (1 + v) / 2 UNION ALL
                                                         SELECT (s + v / s) / 2 FROM root WHERE (s + v / s) / 2 < s)
                             SELECT min(s) FROM root)
            WHEN n > 1 THEN 0.0 END AS std
FROM variance;

-- By model: mean and sample deviation over the n seeds with a finite and possible loss; best: the least loss of any
-- epoch, of runs that were never below the least possible; impossible: the number of impossible runs.
DROP VIEW IF EXISTS toy_losses;
CREATE VIEW toy_losses AS
WITH judged AS (
    SELECT experiment, dataset, model, min(CASE WHEN impossible = 0 AND best >= coalesce(least_possible, best) THEN best END)
               AS best, max(entropy_floor) AS entropy_floor, sum(impossible) AS impossible
    FROM final_losses
    GROUP BY experiment, dataset, model
)
SELECT j.experiment, j.dataset, j.model, s.n, s.mean, s.std, j.best, j.entropy_floor, j.impossible
FROM judged j
JOIN seed_statistics s ON s.item = 'toy_losses' AND s.experiment = j.experiment AND s.dataset = j.dataset
                          AND s.model = j.model;

-- Sweeps (section [sweep] of an experiment). The values of swept settings at each point, one row each; model: the only
-- model that it applies to, '' for all.
DROP VIEW IF EXISTS sweep_settings;
CREATE VIEW sweep_settings AS
SELECT e.name AS experiment, s.point, s.axis, s.model, s.setting, s.level, s.value
FROM sweep_setting s
JOIN experiment e USING (experiment_id);

-- The finished runs of each point; points may share a run. loss: the best measured final loss; NULL for an impossible
-- run.
DROP VIEW IF EXISTS sweep_runs;
CREATE VIEW sweep_runs AS
SELECT e.name AS experiment, p.point, p.label, f.dataset, f.model, f.seed, f.run_id,
       CASE WHEN f.fine IS NOT NULL THEN f.fine
            WHEN f.impossible = 0 THEN coalesce(f.measured, f.loss - f."offset", f.loss) END AS loss, f.impossible
FROM sweep_point p
JOIN experiment e ON e.experiment_id = p.experiment_id
JOIN sweep_run s ON s.experiment_id = p.experiment_id AND s.point = p.point
JOIN final_losses f ON f.experiment = e.name AND f.run_id = s.run_id;

-- Mean and sample deviation of these over the n seeds with a possible loss.
DROP VIEW IF EXISTS sweep_losses;
CREATE VIEW sweep_losses AS
WITH total AS (
    SELECT experiment, point, label, dataset, model, count(loss) AS n,
           sum(loss + 6597069766656.0 - 6597069766656.0)
           + sum(loss - (loss + 6597069766656.0 - 6597069766656.0) + 6.0 - 6.0) AS s,
           sum(loss * loss + 6597069766656.0 - 6597069766656.0)
           + sum(loss * loss - (loss * loss + 6597069766656.0 - 6597069766656.0) + 6.0 - 6.0) AS ss,
           sum(impossible) AS impossible
    FROM sweep_runs
    GROUP BY experiment, point, label, dataset, model
), variance AS (
    SELECT *, (ss - s * s / n) / nullif(n - 1, 0) AS v FROM total
)
SELECT experiment, point, label, dataset, model, n, s / n AS mean,
       CASE WHEN v > 0 THEN (WITH RECURSIVE root (s) AS (SELECT (1 + v) / 2 UNION ALL
                                                         SELECT (s + v / s) / 2 FROM root WHERE (s + v / s) / 2 < s)
                             SELECT min(s) FROM root)
            WHEN n > 1 THEN 0.0 END AS deviation, impossible
FROM variance;

-- How much lower `model` is than `other` at each point, seed by seed (table sweep_comparison).
DROP VIEW IF EXISTS sweep_effects;
CREATE VIEW sweep_effects AS
SELECT c.experiment, c.point, p.label, c.dataset, c.model, c.other, c.quantity, c.n, c.failed, c.failed_other,
       c.difference, c.error, c.difference_low, c.difference_high, c.effect, c.effect_low, c.effect_high, c.paired_p,
       c.holm_p, c.tests
FROM sweep_comparison c
JOIN experiment e ON e.name = c.experiment
JOIN sweep_point p ON p.experiment_id = e.experiment_id AND p.point = c.point;

-- The same during training, from validation losses: both models of a seed have the same validation points.
DROP VIEW IF EXISTS sweep_curves;
CREATE VIEW sweep_curves AS
WITH loss AS (
    SELECT s.experiment_id, s.point, r.dataset, r.model, r.seed, p.iteration, p.loss
    FROM sweep_run s
    JOIN run r ON r.run_id = s.run_id
    CROSS JOIN epoch p -- found by its run; otherwise SQLite 3.54 joins all epochs of an archive with all points
    WHERE p.run_id = s.run_id AND p.split = 'validation' AND p.loss IS NOT NULL
), total AS (
    SELECT a.experiment_id, a.point, a.dataset, a.model, b.model AS other, a.iteration, count(*) AS n,
           sum(b.loss - a.loss + 6597069766656.0 - 6597069766656.0)
           + sum(b.loss - a.loss - (b.loss - a.loss + 6597069766656.0 - 6597069766656.0) + 6.0 - 6.0) AS s,
           sum((b.loss - a.loss) * (b.loss - a.loss) + 6597069766656.0 - 6597069766656.0)
           + sum((b.loss - a.loss) * (b.loss - a.loss)
                 - ((b.loss - a.loss) * (b.loss - a.loss) + 6597069766656.0 - 6597069766656.0) + 6.0 - 6.0) AS ss
    FROM loss a
    JOIN loss b ON b.experiment_id = a.experiment_id AND b.point = a.point AND b.dataset = a.dataset
                   AND b.seed = a.seed AND b.iteration = a.iteration AND b.model <> a.model
    GROUP BY a.experiment_id, a.point, a.dataset, a.model, b.model, a.iteration
), variance AS (
    SELECT *, (ss - s * s / n) / nullif(n - 1, 0) / n AS v FROM total
)
SELECT e.name AS experiment, t.point, t.dataset, t.model, t.other, t.iteration, t.n, t.s / t.n AS difference,
       CASE WHEN t.v > 0 THEN (WITH RECURSIVE root (s) AS (SELECT (1 + t.v) / 2 UNION ALL
                                                           SELECT (s + t.v / s) / 2 FROM root
                                                           WHERE (s + t.v / s) / 2 < s)
                               SELECT min(s) FROM root)
            WHEN t.n > 1 THEN 0.0 END AS error
FROM variance t
JOIN experiment e ON e.experiment_id = t.experiment_id;

-- Whether two models draw nearer as training goes on: at how many points the difference at the end
-- is nearer 0 (nearer), or below (smaller), that at a third of the training.
DROP VIEW IF EXISTS sweep_lengths;
CREATE VIEW sweep_lengths AS
WITH curve AS (
    SELECT experiment, point, dataset, model, other, iteration, difference FROM sweep_curves
), longest AS (
    SELECT experiment, max(iteration) AS iteration FROM curve GROUP BY experiment
), third AS (
    SELECT c.experiment, max(c.iteration) AS iteration, l.iteration AS end_iteration
    FROM curve c
    JOIN longest l ON l.experiment = c.experiment
    WHERE 3 * c.iteration <= l.iteration
    GROUP BY c.experiment, l.iteration
)
SELECT t.experiment, a.dataset, a.model, a.other, count(*) AS points, t.iteration AS third_iteration, t.end_iteration,
       (sum(a.difference + 6597069766656.0 - 6597069766656.0)
        + sum(a.difference - (a.difference + 6597069766656.0 - 6597069766656.0) + 6.0 - 6.0)) / count(*)
           AS third_difference,
       (sum(b.difference + 6597069766656.0 - 6597069766656.0)
        + sum(b.difference - (b.difference + 6597069766656.0 - 6597069766656.0) + 6.0 - 6.0)) / count(*)
           AS end_difference,
       sum(CASE WHEN abs(b.difference) < abs(a.difference) THEN 1 ELSE 0 END) AS nearer,
       sum(CASE WHEN b.difference < a.difference THEN 1 ELSE 0 END) AS smaller
FROM third t
JOIN curve a ON a.experiment = t.experiment AND a.iteration = t.iteration
JOIN curve b ON b.experiment = t.experiment AND b.iteration = t.end_iteration AND b.point = a.point
                AND b.dataset = a.dataset AND b.model = a.model AND b.other = a.other
GROUP BY t.experiment, a.dataset, a.model, a.other, t.iteration, t.end_iteration;

-- The theorem checks of each run that have a bound.
DROP VIEW IF EXISTS theory_statements;
CREATE VIEW theory_statements AS
SELECT e.name AS experiment, r.model, t.item, t.subject, t.quantity, t.value, t.relation, t.bound, t.holds
FROM experiment e
JOIN experiment_run er USING (experiment_id)
JOIN run r USING (run_id)
JOIN theory t USING (run_id)
WHERE t.relation IS NOT NULL;

-- Table 1: reported and measured bits per dimension. Measured: for each run of an experiment named table1..., the best
-- over its epochs, then mean and sample deviation over seeds. best_epoch: mean over seeds. tolerance: of the best
-- epoch's evaluation; fine: the loss at the end from a finer solve; tolerance_error: its difference from the loss at
-- `tolerance`, means over seeds. Values that no source reports, as for smaller images, are NULL.
DROP VIEW IF EXISTS table1;
CREATE VIEW table1 AS
WITH ran AS (
    SELECT r.dataset, r.model, count(*) AS runs, avg(p.value) AS best_epoch,
           max(coalesce(nullif(CAST(v.value AS DOUBLE), 0.0), CAST(a.value AS DOUBLE))) AS tolerance
    FROM run r
    LEFT JOIN metric p ON p.run_id = r.run_id AND p.name = 'best_epoch' AND r.status = 'done'
    LEFT JOIN setting a ON a.run_id = r.run_id AND a.section = 'solver' AND a.key = 'atol'
    LEFT JOIN setting v ON v.run_id = r.run_id AND v.section = 'solver' AND v.key = 'evaluation_tolerance'
    WHERE r.run_id IN (SELECT run_id FROM experiment_run JOIN experiment USING (experiment_id)
                       WHERE substr(name, 1, 6) = 'table1')
    GROUP BY r.dataset, r.model
), off AS (
    SELECT dataset, model, max(loss_error) AS tolerance_error
    FROM image_solves
    WHERE substr(experiment, 1, 6) = 'table1' AND error_norm = trained_by
    GROUP BY dataset, model
), ours AS (
    SELECT r.dataset, r.model, r.runs, r.best_epoch, s.mean, s.std, coalesce(s.n, 0) AS n, r.tolerance, f.mean AS fine,
           t.tolerance_error
    FROM ran r
    LEFT JOIN seed_statistics s ON s.item = 'table1' AND s.dataset = r.dataset AND s.model = r.model
    LEFT JOIN image_losses f ON f.rule = 'fine' AND f.dataset = r.dataset AND f.model = r.model
    LEFT JOIN off t ON t.dataset = r.dataset AND t.model = r.model
)
SELECT t.dataset, t.model, t.reported, o.mean AS ours_mean, o.std AS ours_std, coalesce(o.n, 0) AS n_seeds, o.best_epoch,
       CASE WHEN o.runs IS NULL THEN 'not run' WHEN o.n = 0 THEN 'not finished' ELSE 'done' END AS status, o.tolerance,
       o.fine, o.tolerance_error
FROM (SELECT dataset, model, value AS reported FROM reported WHERE item = 'table1'
      UNION ALL
      SELECT r.dataset, r.model, NULL FROM ran r
      WHERE NOT EXISTS (SELECT 1 FROM reported x
                        WHERE x.item = 'table1' AND x.dataset = r.dataset AND x.model = r.model COLLATE NOCASE)) t
LEFT JOIN ours o ON o.dataset = t.dataset AND o.model = t.model COLLATE NOCASE;

-- Table 2: parameter counts of the paper and of experiment table2: the parameters that the architecture declares, and
-- those that can change the output. NULL: not run.
DROP VIEW IF EXISTS table2;
CREATE VIEW table2 AS
WITH ours AS (
    SELECT r.dataset, CASE c.value WHEN 'augmented' THEN 'AFFJORD' ELSE 'FFJORD' END AS model,
           l.value AS architecture, m.name, max(m.value) AS value
    FROM metric m
    JOIN run r USING (run_id)
    JOIN setting c ON c.run_id = r.run_id AND c.section = 'model' AND c.key = 'context'
    JOIN setting l ON l.run_id = r.run_id AND l.section = 'image' AND l.key = 'layer'
    JOIN experiment_run er ON er.run_id = r.run_id
    JOIN experiment e ON e.experiment_id = er.experiment_id AND e.name = 'table2'
    WHERE m.name IN ('parameters_declared', 'parameters_effective')
    GROUP BY 1, 2, 3, 4
)
SELECT p.dataset, p.architecture, p.model, CAST(p.value AS INTEGER) AS paper, CAST(d.value AS INTEGER) AS declared,
       CAST(e.value AS INTEGER) AS effective
FROM reported p
LEFT JOIN ours d ON d.dataset = p.dataset AND d.model = p.model AND d.architecture = p.architecture
                    AND d.name = 'parameters_declared'
LEFT JOIN ours e ON e.dataset = p.dataset AND e.model = p.model AND e.architecture = p.architecture
                    AND e.name = 'parameters_effective'
WHERE p.item = 'table2';

-- Pairs of models of toy densities: is `model` lower than `other`? Of the final losses in table comparison, the view
-- uses those of the most seeds, and of these the first of: by a finer solve; on many points; minus the validation's
-- offset; as recorded. Runs without a possible loss are left out with their seed; p_last: Wilcoxon's, with them ranked
-- last.
DROP VIEW IF EXISTS toy_tests;
CREATE VIEW toy_tests AS
WITH ranked AS (
    SELECT c.*, CASE quantity WHEN 'fine' THEN 1 WHEN 'measured' THEN 2 WHEN 'offset' THEN 3 ELSE 4 END AS worse
    FROM comparison c
    WHERE n > 1 AND failures = 'left out' AND quantity IN ('validation', 'offset', 'measured', 'fine')
          AND EXISTS (SELECT 1 FROM final_losses f
                      WHERE f.experiment = c.experiment AND f.dataset = c.dataset AND f.model = c.model AND f.images = 0)
)
SELECT r.experiment, r.dataset, r.model, r.other, r.quantity, r.n, r.n AS n_other, r.failed, r.failed_other, r.difference,
       r.difference_low, r.difference_high, r.effect, r.effect_low, r.effect_high, r.correlation, r.paired_t, r.paired_p,
       r.wilcoxon, r.wilcoxon_p, r.welch_t, r.welch_df, r.welch_p, r.mann_whitney_u, r.mann_whitney_p, r.holm_p, r.tests,
       l.wilcoxon_p AS p_last, l.n AS n_last
FROM ranked r
LEFT JOIN comparison l ON l.experiment = r.experiment AND l.dataset = r.dataset AND l.model = r.model
                          AND l.other = r.other AND l.quantity = r.quantity AND l.failures = 'last'
WHERE NOT EXISTS (SELECT 1 FROM ranked x
                  WHERE x.experiment = r.experiment AND x.dataset = r.dataset AND x.model = r.model AND x.other = r.other
                        AND (x.n > r.n OR (x.n = r.n AND x.worse < r.worse)));

-- The same for models that differ in their learning rates: AFFJORD (`model`, rate) against FFJORD (`other`, other_rate)
-- at a common rate, and both at the rates with their least mean losses (best); a rate with fewer failed runs is
-- preferred. The losses are those of toy_tests.
DROP VIEW IF EXISTS toy_rates;
CREATE VIEW toy_rates AS
WITH rated AS (
    SELECT f.experiment, f.dataset, f.model, c.value AS context, CAST(l.value AS DOUBLE) AS rate,
           sum(f.impossible) AS failed,
           avg(CASE WHEN f.impossible = 0 THEN coalesce(f.fine, f.measured, f.loss - f."offset", f.loss) END) AS mean
    FROM final_losses f
    JOIN setting c ON c.run_id = f.run_id AND c.section = 'model' AND c.key = 'context'
    JOIN setting l ON l.run_id = f.run_id AND l.section = 'train' AND l.key = 'learning_rate'
    WHERE f.images = 0
    GROUP BY f.experiment, f.dataset, f.model, c.value, l.value
), placed AS (
    SELECT *, row_number() OVER (PARTITION BY experiment, dataset, context ORDER BY failed, mean, model) AS place
    FROM rated
)
SELECT t.experiment, t.dataset, t.model, t.other, a.rate, b.rate AS other_rate,
       CASE WHEN a.place = 1 AND b.place = 1 THEN 1 ELSE 0 END AS best, t.quantity, t.n, t.failed, t.failed_other, c.mean,
       c.mean_other, t.difference, t.difference_low, t.difference_high, t.effect, t.effect_low, t.effect_high, t.paired_p,
       t.wilcoxon_p, t.p_last
FROM toy_tests t
JOIN placed a ON a.experiment = t.experiment AND a.dataset = t.dataset AND a.model = t.model AND a.context = 'augmented'
JOIN placed b ON b.experiment = t.experiment AND b.dataset = t.dataset AND b.model = t.other AND b.context = 'clock'
JOIN comparison c ON c.experiment = t.experiment AND c.dataset = t.dataset AND c.model = t.model AND c.other = t.other
                     AND c.quantity = t.quantity AND c.failures = 'left out'
WHERE a.rate = b.rate OR (a.place = 1 AND b.place = 1);

-- Image models in bits per dimension, under several rules: mean and sample deviation over n finished seeds. 'best': the
-- least validation loss of any epoch, as in the paper and other works; it selects the epoch by the reported images.
-- 'last': the validation loss of the last epoch. 'chosen': the test loss (train.test) of the epoch with the least
-- validation loss, on other images. 'measured': the loss at the end at tolerance 1e-5; 'fine': at a ten times smaller
-- one; 'test', 'test_8': of the test images at 1e-5, with one probe and with eight (./run measure --probes 8). Runs of
-- experiments table1... and fig7, each once.
DROP VIEW IF EXISTS image_losses;
CREATE VIEW image_losses AS
SELECT dataset, model, part AS rule, n, mean, std
FROM seed_statistics
WHERE item = 'image_losses' AND n > 0;

-- Evaluations of all flows in one forward solve (view adaptive_epochs), in the last epoch of each finished run of
-- experiments table1..., fig7 and fig9: mean and sample deviation over n runs, by context ('clock', 'augmented') and by
-- layer, the way in which convolutions use it.
DROP VIEW IF EXISTS image_nfe;
CREATE VIEW image_nfe AS
SELECT dataset, model AS context, part AS layer, n, mean, std
FROM seed_statistics
WHERE item = 'image_nfe';

-- The trained image models at their end, under either rule of step control (error_norm): evaluations of all flows in a
-- solve of validation images at the training's tolerance, and the error of the loss there, from a solve at tolerance
-- 1e-6; mean and sample deviation over n finished runs. trained_by: the rule of the training.
DROP VIEW IF EXISTS image_solves;
CREATE VIEW image_solves AS
WITH trained AS (
    SELECT e.name AS experiment, r.dataset, r.model, max(CAST(a.value AS DOUBLE)) AS tolerance,
           max(coalesce(s.value, 'state_and_context')) AS trained_by
    FROM experiment e
    JOIN experiment_run er USING (experiment_id)
    JOIN run r USING (run_id)
    LEFT JOIN setting a ON a.run_id = r.run_id AND a.section = 'solver' AND a.key = 'atol'
    LEFT JOIN setting s ON s.run_id = r.run_id AND s.section = 'solver' AND s.key = 'error_norm'
    WHERE r.status = 'done'
    GROUP BY e.name, r.dataset, r.model
)
SELECT t.experiment, t.dataset, t.model, t.tolerance, t.trained_by, v.part AS error_norm, v.n, v.mean AS evaluations,
       v.std AS evaluations_std, x.mean AS loss_error, x.std AS loss_error_std
FROM trained t
JOIN seed_statistics v ON v.item = 'image_evaluations' AND v.experiment = t.experiment AND v.dataset = t.dataset
                          AND v.model = t.model
LEFT JOIN seed_statistics x ON x.item = 'image_errors' AND x.experiment = v.experiment AND x.dataset = v.dataset
                               AND x.model = v.model AND x.part = v.part;
