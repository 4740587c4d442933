-- toy_tests.sql - is AFFJORD lower than each of the other models on point sets?
-- Welch's and Mann and Whitney's tests over the seeds (view toy_tests).
.read plots/common.sql
INSERT INTO request (item, fallback, data) SELECT 'toy_tests', 1, 'toy' WHERE NOT EXISTS (SELECT 1 FROM request);

CREATE TEMP VIEW caption AS
SELECT '' AS part,
       'Final validation losses of AFFJORD against those of other models, over the seeds: by how much its mean is lower, '
       || 'in nats and in deviations of the other''s; Welch''s t with its degrees of freedom; in how many pairs of seeds '
       || 'AFFJORD is lower, as Mann and Whitney count; two-sided p of both. Experiment '
       || (SELECT name FROM chosen) || '.' AS text;

SELECT d.label AS "Data set", m.label AS "Against", iif(t.n = t.n_other, t.n, t.n || ', ' || t.n_other) AS "n",
       printf('%.4f', t.difference) AS "Lower by", printf('%.2f', t.effect) AS "In deviations",
       printf('%.2f (%.1f)', t.welch_t, t.welch_df) AS "Welch t (df)", printf('%.2g', t.welch_p) AS "p",
       printf('%g of %d', t.mann_whitney_u, t.n * t.n_other) AS "Pairs lower",
       printf('%.2g', t.mann_whitney_p) AS "p "
FROM chosen_dataset d
JOIN toy_tests t ON t.experiment = (SELECT name FROM chosen) AND t.dataset = d.dataset AND t.model = 'affjord'
JOIN chosen_model m ON m.model = t.other
ORDER BY d.rank, d.dataset, m.rank, m.model;
