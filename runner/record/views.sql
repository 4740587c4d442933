-- views.sql - what the results database tells of its tables. Made anew whenever a
-- database is made or brought up to date (schema.sql).

-- Figure 6 and every other curve of a loss: mean and deviation over seeds.
-- std is the sample deviation, NULL for one seed. (Grouped by what differs most
-- first: rows are sorted for that, and names that are all the same are compared last.)
DROP VIEW IF EXISTS loss_curves;
CREATE VIEW loss_curves AS
SELECT e.name AS experiment, r.dataset, r.model, p.split, p.iteration,
       avg(p.loss) AS mean,
       CASE WHEN count(p.loss) > 1
            THEN sqrt(max(0, (sum(p.loss * p.loss) - sum(p.loss) * avg(p.loss)) / (count(p.loss) - 1))) END AS std,
       count(p.loss) AS n
FROM experiment e
JOIN experiment_run er USING (experiment_id)
JOIN run r USING (run_id)
JOIN epoch p USING (run_id)
GROUP BY p.iteration, p.split, r.model, r.dataset, e.name
ORDER BY e.name, r.dataset, r.model, p.split, p.iteration;

-- Field evaluations as training goes on.
DROP VIEW IF EXISTS nfe_curves;
CREATE VIEW nfe_curves AS
SELECT e.name AS experiment, r.dataset, r.model, p.split, p.iteration,
       avg(p.nfe_forward) AS nfe_forward, avg(p.nfe_backward) AS nfe_backward, count(*) AS n
FROM experiment e
JOIN experiment_run er USING (experiment_id)
JOIN run r USING (run_id)
JOIN epoch p USING (run_id)
GROUP BY p.iteration, p.split, r.model, r.dataset, e.name
ORDER BY e.name, r.dataset, r.model, p.split, p.iteration;

-- The finished runs: the validation loss at the end, NULL where it is not finite; the
-- least at the end of any epoch; of point sets the entropy of the data, what the
-- density of the run's picture sums to, and the least loss that is possible (below the
-- entropy by five errors of a mean over the validation's points, each of a nat).
-- offset: what the validation points of the seed add to every model's loss;
-- measured, fine: the final loss on many points, by the trained solver and by a finer
-- one; solver_error: their difference on the same points. Steps that are too long for
-- what the field has become give numbers that are no density. impossible: a finer solve
-- moves the loss by more than 0.01 nats and five standard errors; or, where that was
-- not measured, the loss is below the least possible or the density sums to more than 1.2.
DROP VIEW IF EXISTS final_losses;
CREATE VIEW final_losses AS
WITH known AS (
    SELECT e.name AS experiment, r.dataset, r.model, r.seed, r.run_id, f.value AS loss, b.value AS best,
           h.value AS entropy_floor, p.value AS mass,
           h.value - 5 / sqrt(coalesce(CAST(s.value AS REAL), 4096)) AS least_possible,
           o.value AS offset, m.value AS measured, n.value AS fine, c.value AS solver_error, d.value AS solver_error_error,
           EXISTS (SELECT 1 FROM metric d WHERE d.run_id = r.run_id AND d.name = 'data_dimension') AS images
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
    LEFT JOIN setting s ON s.run_id = r.run_id AND s.section = 'train' AND s.key = 'validation'
    WHERE r.status = 'done'
)
SELECT experiment, dataset, model, seed, run_id, loss, best, entropy_floor, mass, least_possible,
       CASE WHEN solver_error IS NOT NULL THEN abs(solver_error) > 0.01 + 5 * coalesce(solver_error_error, 0)
            ELSE coalesce(loss < least_possible, 0) OR coalesce(mass > 1.2, 0) END AS impossible,
       images, offset, measured, fine, solver_error, solver_error_error
FROM known;

-- The same by model: mean and sample deviation over the n seeds whose loss is finite
-- and possible; the least at the end of any epoch of any of them that never fell to
-- what is impossible; how many are impossible.
DROP VIEW IF EXISTS toy_losses;
CREATE VIEW toy_losses AS
WITH judged AS (
    SELECT *, CASE WHEN NOT impossible THEN loss END AS kept,
           CASE WHEN NOT impossible AND best >= coalesce(least_possible, best) THEN best END AS least
    FROM final_losses
)
SELECT experiment, dataset, model, count(kept) AS n, avg(kept) AS mean,
       CASE WHEN count(kept) > 1
            THEN sqrt(max(0, (sum(kept * kept) - sum(kept) * avg(kept)) / (count(kept) - 1))) END AS std,
       min(least) AS best, avg(entropy_floor) AS entropy_floor, sum(impossible) AS impossible
FROM judged
GROUP BY experiment, dataset, model;

-- What of the mathematics is held against a bound, of each run.
DROP VIEW IF EXISTS theory_statements;
CREATE VIEW theory_statements AS
SELECT e.name AS experiment, r.model, t.item, t.subject, t.quantity, t.value, t.relation, t.bound, t.holds
FROM experiment e
JOIN experiment_run er USING (experiment_id)
JOIN run r USING (run_id)
JOIN theory t USING (run_id)
WHERE t.relation IS NOT NULL;

-- Table 1: bits per dimension as others report them, and ours: for each run
-- of an experiment named table1... the best over its epochs, then mean and
-- sample deviation over seeds. best_epoch is the mean of theirs. What is not
-- reported anywhere, as on smaller images, comes with NULL.
DROP VIEW IF EXISTS table1;
CREATE VIEW table1 AS
WITH member AS (
    SELECT DISTINCT r.run_id, r.dataset, r.model, r.status
    FROM run r
    JOIN experiment_run er USING (run_id)
    JOIN experiment e USING (experiment_id)
    WHERE substr(e.name, 1, 6) = 'table1'
), ours AS (
    SELECT r.dataset, r.model, count(*) AS runs,
           avg(b.value) AS mean,
           CASE WHEN count(b.value) > 1
                THEN sqrt(max(0, (sum(b.value * b.value) - sum(b.value) * avg(b.value)) / (count(b.value) - 1))) END
                AS std,
           count(b.value) AS n, avg(p.value) AS best_epoch
    FROM member r
    LEFT JOIN metric b ON b.run_id = r.run_id AND b.name = 'best_bits_per_dim' AND r.status = 'done'
    LEFT JOIN metric p ON p.run_id = b.run_id AND p.name = 'best_epoch'
    GROUP BY r.dataset, r.model
)
SELECT p.dataset, p.model, p.value AS reported, o.mean AS ours_mean, o.std AS ours_std, coalesce(o.n, 0) AS n_seeds,
       o.best_epoch,
       CASE WHEN o.runs IS NULL THEN 'not run' WHEN o.n = 0 THEN 'not finished' ELSE 'done' END AS status
FROM reported p
LEFT JOIN ours o ON o.dataset = p.dataset AND o.model = p.model COLLATE NOCASE
WHERE p.item = 'table1'
UNION ALL
SELECT o.dataset, o.model, NULL, o.mean, o.std, o.n, o.best_epoch,
       CASE WHEN o.n = 0 THEN 'not finished' ELSE 'done' END
FROM ours o
WHERE NOT EXISTS (SELECT 1 FROM reported p
                  WHERE p.item = 'table1' AND p.dataset = o.dataset AND p.model = o.model COLLATE NOCASE);

-- Table 2: parameters as the paper counts them, and ours: those that its
-- architecture declares, and those that can change the output, of experiment
-- table2. NULL: not run.
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

-- Models of toy densities in pairs: is `model` lower than `other`? n and n_other
-- finished seeds with finite and possible losses, at least two each; difference = mean(other) -
-- mean(model) in nats; effect = difference / deviation(other). Welch's t with its
-- degrees of freedom, by Wallace's approximation turned into a normal deviate; u of
-- Mann and Whitney, the pairs of seeds in which `model` is lower (ties half), with
-- the normal approximation and a correction for continuity. p is two-sided, from
-- approximation 7.1.26 of Abramowitz and Stegun: good to 10% of itself down to
-- 1e-12 in both.
DROP VIEW IF EXISTS toy_tests;
CREATE VIEW toy_tests AS
WITH loss AS (
    SELECT experiment, dataset, model, loss FROM final_losses WHERE loss IS NOT NULL AND NOT impossible
                                                        AND NOT images
), summary AS (
    SELECT experiment, dataset, model, count(*) AS n, avg(loss) AS mean,
           max(0, (sum(loss * loss) - sum(loss) * avg(loss)) / (count(*) - 1)) AS variance
    FROM loss
    GROUP BY experiment, dataset, model
    HAVING count(*) > 1
), counted AS (
    SELECT x.experiment, x.dataset, x.model, y.model AS other, sum((x.loss < y.loss) + 0.5 * (x.loss = y.loss)) AS u
    FROM loss x
    JOIN loss y ON y.experiment = x.experiment AND y.dataset = x.dataset AND y.model != x.model
    GROUP BY 1, 2, 3, 4
), welch AS (
    SELECT a.experiment, a.dataset, a.model, b.model AS other, a.n, b.n AS n_other, b.mean - a.mean AS difference,
           (b.mean - a.mean) / nullif(sqrt(b.variance), 0) AS effect,
           (b.mean - a.mean) / nullif(sqrt(a.variance / a.n + b.variance / b.n), 0) AS t,
           (a.variance / a.n + b.variance / b.n) * (a.variance / a.n + b.variance / b.n)
               / nullif(a.variance * a.variance / (1.0 * a.n * a.n * (a.n - 1))
                        + b.variance * b.variance / (1.0 * b.n * b.n * (b.n - 1)), 0) AS df
    FROM summary a
    JOIN summary b ON b.experiment = a.experiment AND b.dataset = a.dataset AND b.model != a.model
), deviate AS (
    SELECT w.*, c.u,
           (8 * df + 1) / (8 * df + 3) * sqrt(df * ln(1 + t * t / df)) AS welch_z,
           max(0, abs(c.u - n * n_other / 2.0) - 0.5) / sqrt(n * n_other * (n + n_other + 1) / 12.0) AS u_z
    FROM welch w
    JOIN counted c USING (experiment, dataset, model, other)
), argument AS (
    SELECT *, 1 / (1 + 0.3275911 * welch_z / sqrt(2)) AS wt, 1 / (1 + 0.3275911 * u_z / sqrt(2)) AS ut
    FROM deviate
)
SELECT experiment, dataset, model, other, n, n_other, difference, effect, t AS welch_t, df AS welch_df,
       exp(-welch_z * welch_z / 2) * wt * (0.254829592 + wt * (-0.284496736 + wt * (1.421413741 + wt
           * (-1.453152027 + wt * 1.061405429)))) AS welch_p,
       u AS mann_whitney_u,
       exp(-u_z * u_z / 2) * ut * (0.254829592 + ut * (-0.284496736 + ut * (1.421413741 + ut
           * (-1.453152027 + ut * 1.061405429)))) AS mann_whitney_p
FROM argument;

-- Image models under three rules of which epoch counts, bits per dimension, mean
-- and sample deviation over n finished seeds: 'best', the least loss on what is
-- validated on, as the paper and others do, which looks at what it reports; 'last';
-- and 'chosen', the test loss (train.test) of the epoch that is best on the
-- validation images, which are others. Runs of experiments table1... and fig7, each once.
DROP VIEW IF EXISTS image_losses;
CREATE VIEW image_losses AS
WITH rule (rule, metric) AS (
    VALUES ('best', 'best_bits_per_dim'), ('last', 'final_validation_loss'), ('chosen', 'chosen_test_loss')
), member AS (
    SELECT DISTINCT r.run_id, r.dataset, r.model
    FROM run r
    JOIN metric d ON d.run_id = r.run_id AND d.name = 'data_dimension'
    JOIN experiment_run er ON er.run_id = r.run_id
    JOIN experiment e USING (experiment_id)
    WHERE r.status = 'done' AND (substr(e.name, 1, 6) = 'table1' OR e.name = 'fig7')
)
SELECT m.dataset, m.model, u.rule, count(*) AS n, avg(v.value) AS mean,
       CASE WHEN count(*) > 1
            THEN sqrt(max(0, (sum(v.value * v.value) - sum(v.value) * avg(v.value)) / (count(*) - 1))) END AS std
FROM member m
JOIN rule u
JOIN metric v ON v.run_id = m.run_id AND v.name = u.metric AND v.value IS NOT NULL
GROUP BY m.dataset, m.model, u.rule;

-- Evaluations of all flows in one forward solve of training, in the last epoch of
-- each finished run of experiments table1..., fig7 and fig9: mean and sample
-- deviation over n runs, by what the context is ('clock', 'augmented') and how
-- convolutions take it in.
DROP VIEW IF EXISTS image_nfe;
CREATE VIEW image_nfe AS
SELECT r.dataset, c.value AS context, l.value AS layer, count(*) AS n, avg(p.nfe_forward) AS mean,
       CASE WHEN count(*) > 1
            THEN sqrt(max(0, (sum(p.nfe_forward * p.nfe_forward) - sum(p.nfe_forward) * avg(p.nfe_forward))
                             / (count(*) - 1))) END AS std
FROM run r
JOIN metric d ON d.run_id = r.run_id AND d.name = 'data_dimension'
JOIN setting c ON c.run_id = r.run_id AND c.section = 'model' AND c.key = 'context'
JOIN setting l ON l.run_id = r.run_id AND l.section = 'image' AND l.key = 'layer'
JOIN epoch p ON p.run_id = r.run_id AND p.split = 'training'
               AND p.epoch = (SELECT max(q.epoch) FROM epoch q WHERE q.run_id = r.run_id)
WHERE r.status = 'done'
      AND EXISTS (SELECT 1 FROM experiment_run er JOIN experiment e USING (experiment_id)
                  WHERE er.run_id = r.run_id AND (substr(e.name, 1, 6) = 'table1' OR e.name IN ('fig7', 'fig9')))
GROUP BY r.dataset, c.value, l.value;

-- What the paper says, and what our runs say of it.
--
-- verdict: 'supported', 'not supported', or 'not run' where fewer than two finished
-- seeds stand on either side (of counts and of the mathematics: where they were not
-- computed). uncertainty is the standard error of what is measured. What would
-- change a verdict is in docs/claims.md.
--
-- toy_loss: deviations of FFJORD's loss over its seeds by which AFFJORD's mean is
-- below FFJORD's, of experiment fig6; "about two" is taken as 1.5 or more. The
-- error is that of both means and of the deviation that is divided by.
-- control: the same against a control, of experiment toy_controls; supported where
-- it is above twice its error.
-- bits: mean bits per dimension of FFJORD less those of AFFJORD, under the three
-- rules of view image_losses; supported above 0.
-- nfe: evaluations of AFFJORD over those of FFJORD, whose context is joined as
-- channels; below 1 with z* joined too, above 1 with a hypernet.
--
-- The paper's data sets have rows whether or not they were run; others, as smaller
-- images, where they were.
DROP VIEW IF EXISTS claims;
CREATE VIEW claims AS
WITH toy (dataset, name) AS (
    VALUES ('ty', 'TY'), ('hash_gaussian', 'Hash-Gaussian')
), against (prefix, experiment, other, least, words, source) AS (
    VALUES ('toy_loss', 'fig6', 'ffjord', 1.5,
            'On %s, AFFJORD''s validation loss is about two standard deviations below FFJORD''s',
            'Haxholli and Lorenzi 2023, section 4.1, Figure 6'),
           ('control_size', 'toy_controls', 'ffjord_matched', NULL,
            'On %s, AFFJORD is below an FFJORD with as many parameters: the gain is not one of size',
            'a control of ours'),
           ('control_motion', 'toy_controls', 'random_curve', NULL,
            'On %s, AFFJORD is below the same model whose z*(t) stays a random curve: what is learned of time counts',
            'a control of ours')
), toy_claim AS (
    SELECT g.prefix || '_' || t.dataset AS id, printf(g.words, t.name) AS claim, g.source, g.least,
           coalesce(min(f.n, a.n), 0) AS n, (f.mean - a.mean) / f.std AS measured, f.n AS nf, a.n AS na,
           a.std / f.std AS ratio
    FROM toy t
    JOIN against g
    LEFT JOIN toy_losses f ON f.experiment = g.experiment AND f.dataset = t.dataset AND f.model = g.other
    LEFT JOIN toy_losses a ON a.experiment = g.experiment AND a.dataset = t.dataset AND a.model = 'affjord'
), toy_judged AS (
    SELECT *, sqrt(1.0 / nf + ratio * ratio / na + measured * measured / (2 * (nf - 1))) AS uncertainty FROM toy_claim
), image (dataset, name) AS (
    VALUES ('mnist', 'MNIST'), ('cifar10', 'CIFAR-10'), ('celeba', 'CelebA (32x32)')
    UNION
    SELECT dataset, dataset FROM image_nfe WHERE dataset NOT IN ('mnist', 'cifar10', 'celeba')
), rule (rule, suffix, words) AS (
    VALUES ('best', '', 'at the best epoch'), ('last', '_last', 'at the last epoch'),
           ('chosen', '_chosen', 'on test images, at the epoch that other images choose')
), bits AS (
    SELECT i.dataset, i.name, u.rule, u.suffix, u.words, coalesce(min(f.n, a.n), 0) AS n, f.mean AS ffjord,
           f.mean - a.mean AS gain, sqrt(f.std * f.std / f.n + a.std * a.std / a.n) AS uncertainty
    FROM image i
    JOIN rule u
    LEFT JOIN image_losses f ON f.dataset = i.dataset AND f.rule = u.rule AND f.model = 'ffjord'
    LEFT JOIN image_losses a ON a.dataset = i.dataset AND a.rule = u.rule AND a.model = 'affjord'
), tuned (dataset, expected) AS (
    VALUES ('mnist', 0.96), ('cifar10', 3.37)
), taken (suffix, layer, words, source) AS (
    VALUES ('concat', 'concat', 'needs fewer evaluations than FFJORD where z* takes the place of the time channel',
            'Haxholli and Lorenzi 2023, section 4.2, Figure 9'),
           ('hyper', 'hyper', 'needs more evaluations than FFJORD where z* makes the weights',
            'Haxholli and Lorenzi 2023, section 4.2')
), evaluations AS (
    SELECT i.dataset, i.name, k.*, coalesce(min(f.n, a.n), 0) AS n, a.mean / f.mean AS ratio,
           a.mean / f.mean * sqrt(a.std * a.std / (a.n * a.mean * a.mean) + f.std * f.std / (f.n * f.mean * f.mean))
               AS uncertainty
    FROM image i
    JOIN taken k
    LEFT JOIN image_nfe f ON f.dataset = i.dataset AND f.context = 'clock' AND f.layer = 'concat'
    LEFT JOIN image_nfe a ON a.dataset = i.dataset AND a.context = 'augmented' AND a.layer = k.layer
), time_hyper AS (
    SELECT c.n AS nc, h.n AS nh, h.mean - c.mean AS difference,
           sqrt(c.std * c.std / c.n + h.std * h.std / h.n) AS uncertainty
    FROM (SELECT 1)
    LEFT JOIN image_losses c ON c.dataset = 'cifar10' AND c.rule = 'best' AND c.model = 'ffjord'
    LEFT JOIN image_losses h ON h.dataset = 'cifar10' AND h.rule = 'best' AND h.model = 'ffjord_hyper'
), changing AS (
    SELECT r.model, count(*) AS n, avg(m.value) AS mean, sqrt(max(0, avg(m.value * m.value) - avg(m.value) * avg(m.value))
           / nullif(count(*) - 1, 0)) AS error
    FROM metric m
    JOIN run r USING (run_id)
    JOIN experiment_run er USING (run_id)
    JOIN experiment e ON e.experiment_id = er.experiment_id AND e.name = 'fig1'
    WHERE m.name = 'field_change' AND r.status = 'done' AND r.model IN ('ffjord', 'affjord')
    GROUP BY r.model
), all_claims (id, claim, source, measured, expected, n, uncertainty, verdict) AS (
    SELECT id, claim, source, measured, coalesce(2.0 * (least IS NOT NULL), 0), n, uncertainty,
           CASE WHEN n < 2 OR measured IS NULL THEN 'not run'
                WHEN measured >= coalesce(least, 2 * uncertainty) THEN 'supported'
                ELSE 'not supported' END
    FROM toy_judged

    UNION ALL
    SELECT 'field_change', 'AFFJORD''s field can change almost abruptly in time, FFJORD''s changes more slowly (largest '
           || 'rate of change of the toy fields, AFFJORD / FFJORD)', 'Haxholli and Lorenzi 2023, section 4.1',
           a.mean / f.mean, 1.0, coalesce(min(f.n, a.n), 0),
           a.mean / f.mean * sqrt(a.error * a.error / (a.mean * a.mean) + f.error * f.error / (f.mean * f.mean)),
           CASE WHEN coalesce(min(f.n, a.n), 0) < 2 THEN 'not run'
                WHEN a.mean > f.mean THEN 'supported' ELSE 'not supported' END
    FROM (SELECT 1)
    LEFT JOIN changing f ON f.model = 'ffjord'
    LEFT JOIN changing a ON a.model = 'affjord'

    UNION ALL
    SELECT 'sampling', 'z*(T) does not depend on the data, so that sampling takes one for all points (largest entry of '
           || 'dz*(T)/dz(0))', 'Haxholli and Lorenzi 2023, section 4.1', max(value), 0.0, count(*), NULL,
           CASE WHEN count(*) = 0 THEN 'not run' WHEN min(holds) THEN 'supported' ELSE 'not supported' END
    FROM theory_statements
    WHERE item = 'blocks' AND subject IN ('drawn', 'trained') AND quantity = 'largest entry of dz*(T)/dz(0)'

    UNION ALL
    SELECT 'mathematics', 'The cable rule, the Magnus series, the trace, the blocks, the total derivative and the '
           || 'mappings hold as derived (share of the statements)', 'Haxholli and Lorenzi 2023, section 3 and appendices',
           1.0 * sum(holds) / count(*), 1.0, count(*), NULL,
           CASE WHEN count(*) = 0 THEN 'not run' WHEN min(holds) THEN 'supported' ELSE 'not supported' END
    FROM theory_statements

    UNION ALL
    SELECT 'parameters', 'Numbers of parameters of the image models (how many of the twelve come out the same)',
           'Haxholli and Lorenzi 2023, Table 2', nullif(sum(declared = paper), 0), 12.0, count(declared), NULL,
           CASE WHEN count(declared) < 12 THEN 'not run' WHEN sum(declared = paper) = 12 THEN 'supported'
                ELSE 'not supported' END
    FROM table2
    UNION ALL
    SELECT 'parameters_contained', 'With a hypernet the parameters of AFFJORD are contained in FFJORD''s, so that no bigger '
           || 'model is used (numbers learned on MNIST, AFFJORD hypernet / FFJORD concat)',
           'Haxholli and Lorenzi 2023, appendix I', 1.0 * a.effective / f.effective, 1.0,
           (a.effective IS NOT NULL) + (f.effective IS NOT NULL), NULL,
           CASE WHEN a.effective IS NULL OR f.effective IS NULL THEN 'not run'
                WHEN a.effective <= f.effective THEN 'supported' ELSE 'not supported' END
    FROM table2 a
    JOIN table2 f ON f.dataset = a.dataset AND f.model = 'FFJORD' AND f.architecture = 'concat'
    WHERE a.dataset = 'mnist' AND a.model = 'AFFJORD' AND a.architecture = 'hyper'

    UNION ALL
    SELECT 'bits_' || dataset || suffix, 'On ' || name || ', AFFJORD has fewer bits per dimension than FFJORD, ' || words,
           CASE rule WHEN 'best' THEN 'Haxholli and Lorenzi 2023, section 4.2, Table 1' ELSE 'the same, another rule' END,
           gain, 0.0, n, uncertainty,
           CASE WHEN n < 2 THEN 'not run' WHEN gain > 0 THEN 'supported' ELSE 'not supported' END
    FROM bits
    UNION ALL
    SELECT 'bits_ffjord_' || t.dataset, 'On ' || b.name || ', tuned FFJORD comes to ' || t.expected
           || ' bits per dimension', 'Haxholli and Lorenzi 2023, appendix I', b.ffjord, t.expected,
           coalesce(f.n, 0), f.std / sqrt(f.n),
           CASE WHEN coalesce(f.n, 0) < 2 THEN 'not run'
                WHEN b.ffjord <= t.expected + 0.005 THEN 'supported' ELSE 'not supported' END
    FROM tuned t
    JOIN bits b ON b.dataset = t.dataset AND b.rule = 'best'
    LEFT JOIN image_losses f ON f.dataset = t.dataset AND f.rule = 'best' AND f.model = 'ffjord'
    UNION ALL
    SELECT 'larger_gains', 'The farther FFJORD is from the optimum, the larger is AFFJORD''s gain (gain on CIFAR-10 less that '
           || 'on MNIST, bits per dimension)', 'Haxholli and Lorenzi 2023, section 4.2', c.gain - m.gain, 0.0,
           min(c.n, m.n), sqrt(c.uncertainty * c.uncertainty + m.uncertainty * m.uncertainty),
           CASE WHEN min(c.n, m.n) < 2 THEN 'not run' WHEN c.gain > m.gain THEN 'supported' ELSE 'not supported' END
    FROM bits c JOIN bits m
    WHERE c.dataset = 'cifar10' AND m.dataset = 'mnist' AND c.rule = 'best' AND m.rule = 'best'
    UNION ALL
    SELECT 'time_hyper_cifar10', 'On CIFAR-10, FFJORD is worse where a hypernet takes the time in than where it is a channel '
           || '(bits per dimension, hypernet - channel)', 'Haxholli and Lorenzi 2023, section 4.2', difference, 0.0,
           coalesce(min(nc, nh), 0), uncertainty,
           CASE WHEN coalesce(min(nc, nh), 0) < 2 THEN 'not run' WHEN difference > 0 THEN 'supported'
                ELSE 'not supported' END
    FROM time_hyper

    UNION ALL
    SELECT 'nfe_' || suffix || '_' || dataset, 'On ' || name || ', AFFJORD ' || words || ' (AFFJORD / FFJORD, last epoch)',
           source, ratio, 1.0, n, uncertainty,
           CASE WHEN n < 2 THEN 'not run' WHEN (ratio < 1) = (suffix = 'concat') THEN 'supported'
                ELSE 'not supported' END
    FROM evaluations
)
SELECT * FROM all_claims;
