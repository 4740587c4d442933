-- claims.sql - the view `claims`: claims of the paper, what our runs measured, and verdicts.
--
-- It reads the views of views.sql and follows the rules there.
--
-- verdict: 'supported' or 'not supported' if the 95% interval from `low` to `high` is on one side of `bound` and, where p
-- tests this bound (`bound` = `expected`, no difference), p < 0.05; 'undecided' otherwise, or with fewer than 5 seeds;
-- 'not run' without a seed of both models, or if one seed is not enough to measure (a deviation needs two).
-- Counts and theorem checks do not depend on seeds; their numbers decide. uncertainty: the standard error of
-- `measured`. left_out: runs without a possible loss; p_last: the p of a rank test with these ranked last. p: of the
-- paired t test; p_holm: corrected by Holm's procedure over all claims with a p. docs/explanation/claims.md states what
-- would change a verdict.
--
-- toy_loss: the difference of the mean losses, FFJORD - AFFJORD, in deviations of FFJORD's loss over its seeds, of
--   experiment fig6; "about two" means 1.5 or more.
-- control: the same against a control, of experiment toy_controls; bound 0.
-- bits: mean bits per dimension, FFJORD - AFFJORD, under the rules of view image_losses; bound 0.
-- nfe: evaluations (view adaptive_epochs), AFFJORD / FFJORD with the time as a channel; below 1 if z* is concatenated
--   too, above 1 with a hypernet. Only trainings with the authors' step control (solver.error_norm = state).
-- lifted, lifted_size, lifted_affjord: the same against FFJORD, its control and AFFJORD, of experiment data_dependent.
-- lifted_one_to_one: a point that folds refutes it, and no number of points proves it, so it is never 'supported'.
-- attention: mean bits per dimension at the best epoch, without attention (or of wider convolutions) - with it; bound 0.
-- regularized: with both regularizers (the smallest weights of view regularized), against the same seeds without, or
--   against FFJORD with them; ratios below 1, for bits a difference below 0. Intervals by Student's t. left_out: seeds
--   that do not reach the loss.
-- readings: number of combinations of settings that the paper does not state (points of experiment choices with two
--   seeds or more, both densities of TY). above: combinations whose measured value is at least the bound. supported, refuted:
--   combinations that would give 'supported' or 'not supported' by the interval of their seeds. NULL without that
--   sweep, and for other claims. Verdicts do not depend on them.
--
-- The paper's data sets (`paper`) always have rows; others, such as smaller images, only if they were run.
DROP VIEW IF EXISTS claims;
CREATE VIEW claims AS
WITH paper (dataset, name, images) AS (
    VALUES ('ty', 'TY', 0), ('hash_gaussian', 'Hash-Gaussian', 0),
           ('mnist', 'MNIST', 1), ('cifar10', 'CIFAR-10', 1), ('celeba', 'CelebA (32x32)', 1)
), toy (dataset, name) AS (
    SELECT dataset, name FROM paper WHERE images = 0
), against (prefix, experiment, model, other, bound, words, source) AS (
    VALUES ('toy_loss', 'fig6', 'affjord', 'ffjord', 1.5,
            'On %s, AFFJORD''s validation loss is about two standard deviations below FFJORD''s',
            'Haxholli and Lorenzi 2023, section 4.1, Figure 6'),
           ('control_size', 'toy_controls', 'affjord', 'ffjord_matched', 0.0,
            'On %s, AFFJORD is below an FFJORD with as many parameters: the gain is not one of size',
            'a control of ours'),
           ('control_motion', 'toy_controls', 'affjord', 'random_curve', 0.0,
            'On %s, AFFJORD is below the same model whose z*(t) stays a random curve: what is learned of time counts',
            'a control of ours'),
           ('lifted', 'data_dependent', 'lifted', 'ffjord', 0.0,
            'On %s, FFJORD with z*(0) a function of the data is below FFJORD', 'Haxholli and Lorenzi 2023, section 5'),
           ('lifted_size', 'data_dependent', 'lifted', 'ffjord_matched', 0.0,
            'On %s, FFJORD with z*(0) a function of the data is below an FFJORD with as many parameters', 'a control of ours'),
           ('lifted_affjord', 'data_dependent', 'lifted', 'affjord', 0.0,
            'On %s, FFJORD with z*(0) a function of the data is below AFFJORD, whose z* is the same for all points',
            'Haxholli and Lorenzi 2023, section 5')
), image (dataset, name) AS (
    SELECT dataset, name FROM paper WHERE images = 1
    UNION
    SELECT r.dataset, r.dataset
    FROM run r
    JOIN metric d ON d.run_id = r.run_id AND d.name = 'data_dimension'
    JOIN experiment_run er ON er.run_id = r.run_id
    JOIN experiment e USING (experiment_id)
    WHERE r.status = 'done' AND r.dataset NOT IN (SELECT dataset FROM paper)
          AND (substr(e.name, 1, 6) = 'table1' OR e.name IN ('fig7', 'fig9'))
), rule (quantity, suffix, words) AS (
    VALUES ('best', '', 'at the best epoch'), ('validation', '_last', 'at the last epoch'),
           ('chosen', '_chosen', 'on test images, at the epoch that other images choose'),
           ('fine', '_fine', 'at the end, by a finer solve')
), kind AS (
    SELECT e.name AS experiment, r.dataset, r.model, max(CASE s.key WHEN 'context' THEN s.value END) AS context,
           max(CASE s.key WHEN 'layer' THEN s.value END) AS layer,
           coalesce(max(CASE s.key WHEN 'error_norm' THEN s.value END), 'state_and_context') AS error_norm
    FROM experiment e
    JOIN experiment_run er USING (experiment_id)
    JOIN run r USING (run_id)
    JOIN setting s ON s.run_id = r.run_id
                      AND s.section || '.' || s.key IN ('model.context', 'image.layer', 'solver.error_norm')
    WHERE substr(e.name, 1, 6) = 'table1' OR e.name IN ('fig7', 'fig9')
    GROUP BY e.name, r.dataset, r.model
), imaged AS (
    SELECT c.*, k.context, k.layer, k.error_norm, o.context AS other_context, o.layer AS other_layer,
           row_number() OVER (PARTITION BY c.dataset, c.model, c.other, c.quantity ORDER BY c.n DESC, c.experiment) AS place
    FROM comparison c
    JOIN kind k ON k.experiment = c.experiment AND k.dataset = c.dataset AND k.model = c.model
    JOIN kind o ON o.experiment = c.experiment AND o.dataset = c.dataset AND o.model = c.other
    WHERE c.failures = 'left out'
), bits AS (
    SELECT i.dataset, i.name, u.quantity, u.suffix, u.words, c.n, c.difference, c.difference_low, c.difference_high,
           abs(c.difference / nullif(c.paired_t, 0)) AS error, c.paired_p, c.experiment
    FROM image i
    CROSS JOIN rule u
    LEFT JOIN imaged c ON c.dataset = i.dataset AND c.quantity = u.quantity AND c.model = 'affjord' AND c.other = 'ffjord'
                          AND c.place = 1
), tuned (dataset, expected) AS (
    SELECT s.dataset, r.value
    FROM paper s
    CROSS JOIN reported r
    WHERE r.item = 'table1' AND r.dataset = s.dataset AND r.model = 'FFJORD, tuned'
), student (df, t) AS (
    VALUES (1, 12.706), (2, 4.303), (3, 3.182), (4, 2.776), (5, 2.571), (6, 2.447), (7, 2.365), (8, 2.306), (9, 2.262)
), taken (suffix, layer, below, words, source) AS (
    VALUES ('concat', 'concat', 1, 'needs fewer evaluations than FFJORD where z* takes the place of the time channel',
            'Haxholli and Lorenzi 2023, section 4.2, Figure 9'),
           ('hyper', 'hyper', 0, 'needs more evaluations than FFJORD where z* makes the weights',
            'Haxholli and Lorenzi 2023, section 4.2')
), evaluations AS (
    SELECT i.dataset, i.name, k.*, c.n, c.ratio, c.ratio_low, c.ratio_high, c.paired_p, c.experiment,
           row_number() OVER (PARTITION BY i.dataset, k.suffix ORDER BY c.n DESC, c.experiment, c.model) AS place
    FROM image i
    CROSS JOIN taken k
    LEFT JOIN imaged c ON c.dataset = i.dataset AND c.quantity = 'evaluations' AND c.context = 'augmented'
                          AND c.error_norm = 'state'
                          AND c.layer = k.layer AND c.other_context = 'clock' AND c.other_layer = 'concat'
), attended (prefix, model, other, words, source) AS (
    VALUES ('attention_affjord', 'affjord_attention', 'affjord', 'AFFJORD has fewer bits per dimension with self-attention than without',
            'Haxholli and Lorenzi 2023, section 5'),
           ('attention_size_affjord', 'affjord_attention', 'affjord_wide',
            'AFFJORD has fewer bits per dimension with self-attention than with as many parameters in wider convolutions', 'a control of ours'),
           ('attention_ffjord', 'ffjord_attention', 'ffjord', 'FFJORD has fewer bits per dimension with self-attention than without',
            'Haxholli and Lorenzi 2023, section 5'),
           ('attention_size_ffjord', 'ffjord_attention', 'ffjord_wide',
            'FFJORD has fewer bits per dimension with self-attention than with as many parameters in wider convolutions', 'a control of ours')
), regular (prefix, quantity, reading, bound, words) AS (
    VALUES ('regularized_nfe', 'evaluations', 'unregularized', 1.0, 'needs fewer evaluations (with / without, last epoch)'),
           ('regularized_work', 'goal_evaluations', 'unregularized', 1.0,
            'comes to the same loss with fewer evaluations in all (with / without)'),
           ('regularized_bits', 'bits', 'unregularized', 0.0, 'has fewer bits per dimension (with - without, at the end)'),
           ('regularized_stiffness', 'evaluations', 'ffjord', 1.0,
            'needs no more evaluations than FFJORD with them (last epoch)')
), regularized_model (model, name) AS (
    VALUES ('ffjord', 'FFJORD'), ('affjord', 'AFFJORD with z* as channels'), ('affjord_hyper', 'AFFJORD with a hypernet')
), lightest AS (
    SELECT g.*, row_number() OVER (PARTITION BY g.model, g.quantity, g.reading
                                   ORDER BY g.kinetic, g.jacobian, g.experiment, g.dataset) AS place,
           max(CASE WHEN g.quantity = 'evaluations' THEN g.n END)
               OVER (PARTITION BY g.experiment, g.dataset, g.model, g.kinetic, g.jacobian, g.reading) AS runs
    FROM regularized g
    WHERE g.kinetic > 0 AND g.jacobian > 0
), squares (id, claim, source, measured, expected, n, square, t, bound, above, command) AS (
    SELECT 'bits_ffjord_' || t.dataset, 'On ' || i.name || ', tuned FFJORD comes to ' || t.expected
           || ' bits per dimension', 'Haxholli and Lorenzi 2023, appendix I', f.mean, t.expected, f.n, f.std * f.std / f.n,
           coalesce(s.t, 2.262), t.expected + 0.005, 0, './run experiments/table1_' || t.dataset || '.ini'
    FROM tuned t
    JOIN image i ON i.dataset = t.dataset
    LEFT JOIN image_losses f ON f.rule = 'best' AND f.model = 'ffjord' AND f.dataset = t.dataset
    LEFT JOIN student s ON s.df = f.n - 1

    UNION ALL
    SELECT 'larger_gains', 'The farther FFJORD is from the optimum, the larger is AFFJORD''s gain (gain on CIFAR-10 less that '
           || 'on MNIST, bits per dimension)', 'Haxholli and Lorenzi 2023, section 4.2', c.difference - m.difference, 0.0,
           CASE WHEN m.n < c.n THEN m.n ELSE c.n END, c.error * c.error + m.error * m.error, 1.96, 0.0, 1,
           './run experiments/table1.ini'
    FROM bits c
    JOIN bits m ON c.dataset = 'cifar10' AND m.dataset = 'mnist' AND c.quantity = 'best' AND m.quantity = 'best'
), errors AS (
    SELECT *, CASE WHEN square > 0 THEN (WITH RECURSIVE root (s) AS (
                   SELECT (1 + square) / 2 UNION ALL SELECT (s + square / s) / 2 FROM root WHERE (s + square / s) / 2 < s)
               SELECT min(s) FROM root) ELSE square END AS error
    FROM squares
), measured_claims (id, claim, source, measured, expected, n, uncertainty, low, high, bound, above, left_out, p, p_last,
                    command) AS (
    SELECT g.prefix || '_' || t.dataset, replace(g.words, '%s', t.name), g.source, c.effect,
           CASE WHEN g.bound > 0 THEN 2.0 ELSE 0.0 END, c.n, (c.effect_high - c.effect_low) / 3.92, c.effect_low,
           c.effect_high, g.bound, 1, c.failed + c.failed_other, c.paired_p, c.p_last, './run experiments/' || g.experiment || '.ini'
    FROM toy t
    CROSS JOIN against g
    LEFT JOIN toy_tests c ON c.experiment = g.experiment AND c.dataset = t.dataset AND c.model = g.model
                             AND c.other = g.other

    UNION ALL
    SELECT 'field_change_' || t.dataset, 'On ' || t.name || ', AFFJORD''s field changes faster in time than FFJORD''s (largest '
           || 'rate of change of the toy fields, AFFJORD / FFJORD)', 'Haxholli and Lorenzi 2023, section 4.1',
           c.ratio, 1.0, c.n, (c.ratio_high - c.ratio_low) / 3.92, c.ratio_low, c.ratio_high, 1.0, 1, 0, c.paired_p,
           NULL, './run experiments/' || coalesce(c.experiment, 'fig1') || '.ini'
    FROM toy t
    LEFT JOIN (SELECT f.*, row_number() OVER (PARTITION BY dataset ORDER BY n DESC, experiment) AS place
               FROM comparison f
               WHERE experiment IN ('fig1', 'fig6') AND model = 'affjord' AND other = 'ffjord'
                     AND quantity = 'field_change' AND failures = 'left out') c ON c.dataset = t.dataset AND c.place = 1

    UNION ALL
    SELECT 'bits_' || dataset || suffix, 'On ' || name || ', AFFJORD has fewer bits per dimension than FFJORD, ' || words,
           CASE quantity WHEN 'best' THEN 'Haxholli and Lorenzi 2023, section 4.2, Table 1' ELSE 'the same, another rule' END,
           difference, 0.0, n, error, difference_low, difference_high, 0.0, 1, 0, paired_p, NULL,
           './run experiments/' || coalesce(experiment, 'table1') || '.ini'
    FROM bits

    UNION ALL
    SELECT id, claim, source, measured, expected, n, error, measured - t * error, measured + t * error, bound, above, 0, NULL,
           NULL, command
    FROM errors

    UNION ALL
    SELECT 'time_hyper_cifar10', 'On CIFAR-10, FFJORD is worse where a hypernet takes the time in than where it is a channel '
           || '(bits per dimension, hypernet - channel)', 'Haxholli and Lorenzi 2023, section 4.2', c.difference, 0.0, c.n,
           abs(c.difference / nullif(c.paired_t, 0)), c.difference_low, c.difference_high, 0.0, 1, 0, c.paired_p, NULL,
           './run experiments/table1_time.ini'
    FROM (SELECT 1)
    LEFT JOIN imaged c ON c.dataset = 'cifar10' AND c.quantity = 'best' AND c.model = 'ffjord' AND c.other = 'ffjord_hyper'
                          AND c.place = 1

    UNION ALL
    SELECT 'nfe_' || suffix || '_' || dataset, 'On ' || name || ', AFFJORD ' || words || ' (AFFJORD / FFJORD, last epoch)',
           source, ratio, 1.0, n, (ratio_high - ratio_low) / 3.92, ratio_low, ratio_high, 1.0, 1 - below, 0, paired_p, NULL,
           './run experiments/' || coalesce(experiment, 'fig9') || '.ini'
    FROM evaluations
    WHERE place = 1

    UNION ALL
    SELECT a.prefix, a.words || ' (MNIST at 14x14, best epoch)', a.source, c.difference, 0.0, c.n,
           abs(c.difference / nullif(c.paired_t, 0)), c.difference_low, c.difference_high, 0.0, 1, 0, c.paired_p, NULL,
           './run experiments/attention.ini'
    FROM attended a
    LEFT JOIN comparison c ON c.experiment = 'attention' AND c.dataset = 'mnist_14x14' AND c.model = a.model
                              AND c.other = a.other AND c.quantity = 'best' AND c.failures = 'left out'

    UNION ALL
    SELECT g.prefix || '_' || m.model, 'With both regularizers, ' || m.name || ' ' || g.words,
           'Haxholli and Lorenzi 2023, section 5, after Finlay et al. 2020', r.value, g.bound, r.n, (r.high - r.low) / 3.92,
           r.low, r.high, g.bound, 0, r.runs - r.n, NULL, NULL, './run experiments/regularized.ini'
    FROM regular g
    JOIN regularized_model m ON g.reading <> 'ffjord' OR m.model = 'affjord_hyper'
    LEFT JOIN lightest r ON r.place = 1 AND r.model = m.model AND r.quantity = g.quantity AND r.reading = g.reading
), ordered AS (
    SELECT *, p * (count(p) OVER () + 1 - row_number() OVER (PARTITION BY p IS NULL ORDER BY p, id)) AS scaled
    FROM measured_claims
), corrected AS (
    SELECT *, max(scaled) OVER (PARTITION BY p IS NULL ORDER BY p, id ROWS UNBOUNDED PRECEDING) AS most
    FROM ordered
), readings AS (
    SELECT 'toy_loss_' || t.dataset AS id, count(*) AS readings, sum(CASE WHEN c.effect >= 1.5 THEN 1 ELSE 0 END) AS above,
           sum(CASE WHEN c.effect_low >= 1.5 THEN 1 ELSE 0 END) AS supported,
           sum(CASE WHEN c.effect_high < 1.5 THEN 1 ELSE 0 END) AS refuted
    FROM toy t
    JOIN sweep_comparison c ON c.experiment = 'choices' AND c.model = 'affjord' AND c.other = 'ffjord' AND c.n > 1
                               AND (c.dataset = t.dataset OR c.dataset = t.dataset || '_thin')
    GROUP BY t.dataset
), counted (id, claim, source, measured, expected, n, verdict, command) AS (
    SELECT 'sampling', 'z*(T) does not depend on the data, so that sampling takes one for all points (largest entry of '
           || 'dz*(T)/dz(0))', 'Haxholli and Lorenzi 2023, section 4.1', max(value), 0.0, count(*),
           CASE WHEN count(*) = 0 THEN 'not run' WHEN min(holds) = 1 THEN 'supported' ELSE 'not supported' END,
           './run experiments/theory.ini'
    FROM theory_statements
    WHERE item = 'blocks' AND subject IN ('drawn', 'trained') AND quantity = 'largest entry of dz*(T)/dz(0)'

    UNION ALL
    SELECT 'mathematics', 'The cable rule, the Magnus series, the trace, the blocks, the total derivative and the '
           || 'mappings hold as derived (share of the statements)', 'Haxholli and Lorenzi 2023, section 3 and appendices',
           1.0 * sum(holds) / count(*), 1.0, count(*),
           CASE WHEN count(*) = 0 THEN 'not run' WHEN min(holds) = 1 THEN 'supported' ELSE 'not supported' END,
           './run experiments/theory.ini'
    FROM theory_statements

    UNION ALL
    SELECT 'parameters', 'Numbers of parameters of the image models (how many of the twelve come out the same)',
           'Haxholli and Lorenzi 2023, Table 2', nullif(sum(CASE WHEN declared = paper THEN 1 ELSE 0 END), 0), 12.0, count(declared),
           CASE WHEN count(declared) < 12 THEN 'not run' WHEN sum(CASE WHEN declared = paper THEN 1 ELSE 0 END) = 12 THEN 'supported'
                ELSE 'not supported' END, './run experiments/table2.ini'
    FROM table2

    UNION ALL
    SELECT 'parameters_contained', 'With a hypernet the parameters of AFFJORD are contained in FFJORD''s, so that no bigger '
           || 'model is used (numbers learned on MNIST, AFFJORD hypernet / FFJORD concat)',
           'Haxholli and Lorenzi 2023, appendix I', 1.0 * a.effective / f.effective, 1.0,
           CASE WHEN a.effective IS NULL THEN 0 ELSE 1 END + CASE WHEN f.effective IS NULL THEN 0 ELSE 1 END,
           CASE WHEN a.effective IS NULL OR f.effective IS NULL THEN 'not run'
                WHEN a.effective <= f.effective THEN 'supported' ELSE 'not supported' END, './run experiments/table2.ini'
    FROM table2 a
    JOIN table2 f ON f.dataset = a.dataset AND f.model = 'FFJORD' AND f.architecture = 'concat'
    WHERE a.dataset = 'mnist' AND a.model = 'AFFJORD' AND a.architecture = 'hyper'

    UNION ALL
    SELECT 'lifted_one_to_one', 'With z*(0) as a function of the data and g(z*) = -z*, the flow is one-to-one (largest share of '
           || 'points with the rarer sign of the determinant)', 'Haxholli and Lorenzi 2023, section 5', max(m.value), 0.0,
           count(m.value), CASE WHEN count(m.value) = 0 THEN 'not run' WHEN max(m.value) > 0 THEN 'not supported' ELSE 'undecided' END,
           './run experiments/data_dependent.ini'
    FROM run r
    JOIN metric m ON m.run_id = r.run_id AND m.name = 'folded_share'
    JOIN experiment_run er ON er.run_id = r.run_id
    JOIN experiment e ON e.experiment_id = er.experiment_id AND e.name = 'data_dependent'
    WHERE r.status = 'done'
)
SELECT m.id, m.claim, m.source, m.measured, CAST(m.expected AS DOUBLE) AS expected, coalesce(m.n, 0) AS n, m.uncertainty,
       CASE WHEN coalesce(m.n, 0) = 0 OR m.measured IS NULL THEN 'not run'
            WHEN m.low IS NULL OR m.high IS NULL OR (m.bound = m.expected AND m.p >= 0.05) THEN 'undecided'
            WHEN (m.above = 1 AND m.low >= m.bound AND m.high > m.bound) OR (m.above = 0 AND m.high <= m.bound) THEN 'supported'
            WHEN (m.above = 1 AND m.high < m.bound) OR (m.above = 0 AND m.low > m.bound) THEN 'not supported'
            ELSE 'undecided' END AS verdict,
       m.low, m.high, CAST(m.bound AS DOUBLE) AS bound, m.left_out, m.p,
       CASE WHEN m.most < 1 THEN m.most WHEN m.p IS NOT NULL THEN 1.0 END AS p_holm, m.p_last, m.command,
       r.readings, r.above AS readings_above, r.supported AS readings_supported, r.refuted AS readings_refuted
FROM corrected m
LEFT JOIN readings r ON r.id = m.id
UNION ALL
SELECT id, claim, source, measured, CAST(expected AS DOUBLE), n, NULL, verdict, NULL, NULL, NULL, NULL, NULL, NULL, NULL, command,
       NULL, NULL, NULL, NULL
FROM counted;
