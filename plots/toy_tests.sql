-- toy_tests.sql - tests of AFFJORD's loss against other models on points, paired by seed (view
-- toy_tests).
.read plots/common.sql
INSERT INTO request (item, fallback, data) SELECT 'toy_tests', 1, 'toy' WHERE NOT EXISTS (SELECT 1 FROM request);

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'Final losses of AFFJORD against other models, paired by seed. Columns: by how much its mean is lower, in nats and in '
       || 'deviations of the other model (95% bootstrap intervals over the seeds); correlation over the seeds; two-sided p of '
       || 'the paired t test, of Wilcoxon''s signed-rank test, of the same with impossible losses ranked last, of Welch''s t '
       || 'test and of the Mann-Whitney test. Losses: '
       || (SELECT group_concat(DISTINCT quantity) FROM toy_tests WHERE experiment = (SELECT name FROM chosen))
       || ' (see table comparison). Experiment ' || (SELECT name FROM chosen) || '.' AS text;

SELECT d.label AS "Data set", m.label AS "Against", t.n AS "n",
       t.failed || ', ' || t.failed_other AS "Left out",
       CASE WHEN t.difference_low IS NULL THEN printf('%.4f', t.difference)
            ELSE printf('%.4f (%.4f to %.4f)', t.difference, t.difference_low, t.difference_high) END AS "Lower by",
       CASE WHEN t.effect_low IS NULL THEN printf('%.2f', t.effect)
            ELSE printf('%.2f (%.2f to %.2f)', t.effect, t.effect_low, t.effect_high) END AS "In deviations",
       CASE WHEN t.correlation IS NOT NULL THEN printf('%.2f', t.correlation) END AS "r", CASE WHEN t.paired_p IS NOT NULL THEN printf('%.2g', t.paired_p) END AS "Paired t",
       CASE WHEN t.wilcoxon_p IS NOT NULL THEN printf('%.2g', t.wilcoxon_p) END AS "Wilcoxon", CASE WHEN t.p_last IS NOT NULL THEN printf('%.2g', t.p_last) END AS "Failures last",
       CASE WHEN t.welch_p IS NOT NULL THEN printf('%.2g', t.welch_p) END AS "Welch", CASE WHEN t.mann_whitney_p IS NOT NULL THEN printf('%.2g', t.mann_whitney_p) END AS "Mann-Whitney"
FROM chosen_dataset d
JOIN toy_tests t ON t.experiment = (SELECT name FROM chosen) AND t.dataset = d.dataset AND t.model = 'affjord'
JOIN chosen_model m ON m.model = t.other
ORDER BY d.rank, d.dataset, m.rank, m.model;
